// SPDX-License-Identifier: Apache-2.0
/*
 * Objects from their JSON trees, checked as the API server checks them. -EINVAL names the path of
 * the field: "ns/name 'spec.ingress[0].from[1].ipBlock.except[0]': ...". Unknown members of a
 * policy's spec are refused, as kubectl does it; of the rest of an object, only what is needed is
 * looked at. Pure. Outputs are the caller's.
 */
#pragma once

#include "agent/policy/object.h"
#include "json/cur.h"

enum pol_kind { POL_KIND_OTHER, POL_KIND_NAMESPACE, POL_KIND_POD, POL_KIND_POLICY };

/* What the object says it is, by apiVersion and kind. */
enum pol_kind pol_kind_of(const struct fl_json *object);

/* The same of an item of a list, which in a list of one kind (PodList) need not say it. */
enum pol_kind pol_kind_in(const struct fl_json *list, const struct fl_json *item);

/* A v1 Namespace. It has the label kubernetes.io/metadata.name whatever the object says. */
fl_must int pol_read_namespace(const struct fl_cur *object, struct pol_namespace *out,
			       struct fl_err *err);

/* A v1 Pod; without metadata.namespace, of "default". */
fl_must int pol_read_pod(const struct fl_cur *object, struct pol_pod *out, struct fl_err *err);

/* A networking.k8s.io/v1 NetworkPolicy; without metadata.namespace, of "default". */
fl_must int pol_read_policy(const struct fl_cur *object, struct pol_policy *out,
			    struct fl_err *err);

/* Labels at c's member key; absent: none. */
fl_must int pol_read_labels(const struct fl_cur *c, const char *key, struct pol_labels *out,
			    struct fl_err *err);

/* A label selector at c's member key; absent: out->present is false. */
fl_must int pol_read_selector(const struct fl_cur *c, const char *key, struct pol_selector *out,
			      struct fl_err *err);

struct pol_meta {
	char *ns, *name; /* owned */
	const char *created;
	int64_t generation;
	bool deleting;
};

/* Frees it. */
void pol_meta_done(struct pol_meta *m);
#define fl_auto_pol_meta fl_auto(pol_meta_done)

/* The object's metadata. namespaced: with a namespace ("default" unless it says another). */
fl_must int pol_read_meta(const struct fl_cur *object, bool namespaced, struct pol_meta *out,
			  struct fl_err *err);

/*
 * Makes room in *array, whose elements are of this size, for one element for each of c's member
 * key: zeroed. *n is their number. A list of more than max is refused; an absent one is empty.
 */
fl_must int pol_read_list(const struct fl_cur *c, const char *key, size_t max, size_t size,
			  void *array, size_t *n, struct fl_err *err);

/* Refuses an object with a member that is not among the keys (ended by NULL), naming it. */
fl_must int pol_refuse_unknown(const struct fl_cur *c, const char *const *keys, struct fl_err *err);
