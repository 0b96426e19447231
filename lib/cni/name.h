// SPDX-License-Identifier: Apache-2.0
/*
 * Names from outside, checked before they become paths, links or rules.
 * Each returns 0 or -EINVAL with the CNI code set and the name and rule in the text.
 */
#pragma once

#include "base/err.h"

/* Bytes, without the NUL. Both become parts of file names. */
#define FL_CNI_NAME_MAX	  200 /* network name */
#define FL_CNI_ID_MAX	  255 /* container id */
#define FL_CNI_IFNAME_MAX 15

/* ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$, at most FL_CNI_NAME_MAX bytes. Code FL_CNI_CONFIG. */
fl_must int fl_cni_check_network(const char *name, struct fl_err *err);

/* ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$, at most FL_CNI_ID_MAX bytes. Code FL_CNI_ENV; empty:
 * FL_CNI_CONTAINER. */
fl_must int fl_cni_check_container_id(const char *id, struct fl_err *err);

/* 1..15 bytes, not "." or "..", no '/', ':' or white space. Code FL_CNI_ENV. */
fl_must int fl_cni_check_ifname(const char *name, struct fl_err *err);

/* As fl_cni_check_ifname(), for a link that is to be made: the kernel takes '%' for a pattern. */
fl_must int fl_cni_check_new_ifname(const char *name, struct fl_err *err);

/* A plugin's type: a file name, no '/', not "." or "..". Code FL_CNI_CONFIG. */
fl_must int fl_cni_check_type(const char *type, struct fl_err *err);
