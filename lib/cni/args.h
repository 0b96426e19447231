// SPDX-License-Identifier: Apache-2.0
/*
 * CNI_ARGS: "K=V;K2=V2". One set of known keys serves the whole suite; an unknown key is an
 * error unless IgnoreUnknown is 1 or true (any case), as with the reference plugins.
 */
#pragma once

#include "base/err.h"

struct fl_cni_args {
	char *text;	     /* owned; the members below point into it, or are NULL */
	const char *ip;	     /* IP: comma-separated list */
	const char *gateway; /* GATEWAY: comma-separated list */
	const char *mac;     /* MAC */
	const char *pod_namespace, *pod_name, *pod_uid; /* K8S_POD_... */
};

/* Frees what is held and empties the struct. */
void fl_cni_args_done(struct fl_cni_args *args);
#define fl_auto_cni_args fl_auto(fl_cni_args_done)

/* NULL or "" gives an empty struct. -EINVAL with code FL_CNI_ENV names the pair. */
fl_must int fl_cni_args_parse(const char *text, struct fl_cni_args *out, struct fl_err *err);
