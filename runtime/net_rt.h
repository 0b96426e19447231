// SPDX-License-Identifier: Apache-2.0
/*
 * One attachment as the runtime sees it, and the pure parts of driving it: the arguments, the
 * request that a plugin gets on stdin, and libcni's result cache format "cniCacheV1".
 */
#pragma once

#include "runtime/net_conf.h"

struct berth_rt {
	const char *id, *ifname;
	const char *netns;	    /* absolute path; "" on DEL when it is not known */
	const struct fl_json *args; /* CNI_ARGS as [["K","V"], ...]; NULL: none */
	const struct fl_json *caps; /* capability arguments, an object; NULL: none */
};

/* "K=V;K2=V2" to a list of pairs; NULL or "": *out stays NULL. -EINVAL names the pair. */
fl_must int berth_args_parse(const char *text, struct fl_json **out, struct fl_err *err);

/* The list of pairs as CNI_ARGS text; the caller frees. */
fl_must int berth_args_text(const struct fl_json *args, char **out, struct fl_err *err);

/* CAP_ARGS: a JSON object; NULL or "": *out stays NULL. */
fl_must int berth_caps_parse(const char *text, struct fl_json **out, struct fl_err *err);

/*
 * What the i-th plugin of the list gets on stdin: its object, untouched but for "name",
 * "cniVersion", "prevResult" (prev, if not NULL) and "runtimeConfig" (the capability arguments
 * that the plugin declares; rt NULL: none, as GC and STATUS want it).
 */
fl_must int berth_request(const struct berth_list *list, size_t i, const struct fl_json *prev,
			  const struct berth_rt *rt, struct fl_json **out, struct fl_err *err);

/*
 * A result as the list's version has it: *out is a copy that keeps every key when the
 * version is the same or not said, else a conversion.
 */
fl_must int berth_result_convert(const struct fl_json *result, const struct berth_list *list,
				 struct fl_json **out, struct fl_err *err);

/* The cache entry of an attachment. */
fl_must int berth_cache_entry(const struct berth_list *list, const struct berth_rt *rt,
			      const struct fl_json *result, struct fl_json **out,
			      struct fl_err *err);

/*
 * The result in a cache entry, borrowed: also in an entry of the format before cniCacheV1,
 * which is the bare result. -EINVAL: neither.
 */
fl_must int berth_cache_result(const struct fl_json *entry, const struct fl_json **out,
			       struct fl_err *err);

/*
 * The attachment of a cache entry, borrowed from it. -EINVAL: not a cniCacheV1 entry.
 */
fl_must int berth_cache_attachment(const struct fl_json *entry, const char **network,
				   struct berth_rt *out, struct fl_err *err);
