// SPDX-License-Identifier: Apache-2.0
/* Namespaces and pods put into the world and taken out of it. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "base/text.h"

/* The namespace has come or gone in the eyes of selectors, if that has changed. */
static int note_life(struct pol_world *w, struct ns *ns, bool was_alive, struct fl_err *err)
{
	bool is = ns_is_alive(ns);

	if (is == was_alive)
		return 0;
	return ns_changed(w, was_alive ? &ns->set : NULL, is ? &ns->set : NULL, err);
}

/* Gives the namespace labels; it is declared from now on, or no longer. */
static int declare(struct pol_world *w, struct ns *ns, const struct pol_labels *labels,
		   bool declared, struct fl_err *err)
{
	bool was_alive = ns_is_alive(ns);
	struct label_set was = ns->set, is = { 0 };
	int r = label_set_make(labels, &is, err);

	if (r < 0)
		return r;
	ns->declared = declared;
	ns->set = is;
	r = ns_changed(w, was_alive ? &was : NULL, ns_is_alive(ns) ? &is : NULL, err);
	label_set_done(&was);
	return r;
}

int pol_world_put_namespace(struct pol_world *w, struct pol_namespace *in, struct fl_err *err)
{
	struct ns *ns = NULL;
	int r = ns_get(w, in->name, &ns, err) ?: declare(w, ns, &in->labels, true, err);

	if (r == 0)
		pol_namespace_done(in);
	return r;
}

int pol_world_del_namespace(struct pol_world *w, const char *name, struct fl_err *err)
{
	fl_auto_pol_labels struct pol_labels labels = { 0 };
	struct ns *ns = NULL;

	return ns_get(w, name, &ns, err) ?: ns_imply_labels(name, &labels, err)
					 ?: declare(w, ns, &labels, false, err);
}

struct pod_key {
	const char *ns, *name;
};

static bool pod_is(const void *item, const void *key)
{
	const struct pod *pod = item;
	const struct pod_key *k = key;

	return fl_streq(pod->p.ns, k->ns) && fl_streq(pod->p.name, k->name);
}

static uint64_t hash_of_name(const char *ns, const char *name)
{
	return pol_hash_text(pol_hash_text(3, ns), name);
}

static struct pod *find(const struct pol_world *w, const char *ns, const char *name)
{
	struct pod_key key = { ns, name };

	return pol_table_get(&w->pods, hash_of_name(ns, name), pod_is, &key);
}

const struct pod *pod_find(const struct pol_world *w, const char *ns, const char *name)
{
	const struct pod *pod = find(w, ns, name);

	return pod && !pod->is_gone ? pod : NULL;
}

/* Everything of a pod that policies can tell. */
struct ident_key {
	const struct ns *ns;
	const struct label_set *set;
	const struct pol_pod *pod;
};

static bool ident_is(const void *item, const void *key)
{
	const struct ident *id = item;
	const struct ident_key *k = key;

	return id->ns == k->ns && id->set.n == k->set->n && id->n_ports == k->pod->n_ports &&
	       !memcmp(id->set.v, k->set->v, id->set.n * sizeof(*id->set.v)) &&
	       (!id->n_ports ||
		!memcmp(id->ports, k->pod->ports, id->n_ports * sizeof(*id->ports)));
}

static uint64_t hash_of_ident(const struct ident_key *k)
{
	uint64_t hash = pol_hash_more(k->ns->hash, k->set->v, k->set->n * sizeof(*k->set->v));

	return pol_hash_more(hash, k->pod->ports, k->pod->n_ports * sizeof(*k->pod->ports));
}

/* From its first moment the world owns it, so that it is freed whatever fails. */
static int ident_make(struct pol_world *w, const struct ident_key *k, struct ident **out,
		      struct fl_err *err)
{
	struct ident *id;
	int r = pol_table_reserve(&w->idents, err);

	if (r < 0)
		return r;
	id = calloc(1, sizeof(*id));
	if (!id)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	id->kind = WHO_IDENT;
	id->hash = hash_of_ident(k);
	id->ns = (struct ns *)(uintptr_t)k->ns;
	pol_table_add(&w->idents, id->hash, id);
	id->ports = calloc(k->pod->n_ports ? k->pod->n_ports : 1, sizeof(*id->ports));
	if (!id->ports)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	id->n_ports = k->pod->n_ports;
	if (id->n_ports)
		memcpy(id->ports, k->pod->ports, id->n_ports * sizeof(*id->ports));
	id->is_new = true;
	*out = id;
	return label_set_make(&k->pod->labels, &id->set, err)
		       ?: pol_vec_add(&w->new_idents, id, err)
		       ?: pol_vec_add(&id->ns->idents, id, err)
		       ?: number_take(w, NUMBER_WHO, id->hash, id, err);
}

/* The identity of this pod, made if need be. */
static int ident_get(struct pol_world *w, struct ns *ns, const struct pol_pod *pod,
		     struct ident **out, struct fl_err *err)
{
	struct label_set set = { 0 };
	struct ident_key key = { ns, &set, pod };
	struct ident *id;
	int r = label_set_make(&pod->labels, &set, err);

	if (r < 0)
		return r;
	id = pol_table_get(&w->idents, hash_of_ident(&key), ident_is, &key);
	if (!id)
		r = ident_make(w, &key, &id, err);
	label_set_done(&set);
	if (r == 0)
		*out = id;
	return r;
}

/* Makes the pod known to its identity and its addresses, or unknown again. */
static int link_pod(struct pol_world *w, struct pod *pod, struct fl_err *err)
{
	int r;

	if (pod->p.finished || pod->p.host_network)
		return pod_queue(w, pod, err);
	r = ident_get(w, pod->ns, &pod->p, &pod->ident, err)
		    ?: pol_vec_add(&pod->ident->pods, pod, err)
		    ?: ident_move(w, pod->ident, err)
		    ?: pod_queue(w, pod, err);
	if (r < 0)
		return r;
	pod->ident->local += pod->is_local;
	for (size_t i = 0; r == 0 && i < pod->p.n_ips; i++) {
		struct fl_prefix whole = { pod->p.ips[i], (uint8_t)fl_ip_bits(&pod->p.ips[i]) };
		struct place *pl = NULL;

		r = place_get(w, &whole, &pl, err) ?: pol_vec_add(&pl->pods, pod, err)
						   ?: place_queue(w, pl, err);
	}
	return r;
}

static int unlink_pod(struct pol_world *w, struct pod *pod, struct fl_err *err)
{
	struct ident *id = FL_TAKE(pod->ident);
	int r = pod_queue(w, pod, err);

	if (!id || r < 0)
		return r;
	pol_vec_del(&id->pods, pod);
	id->local -= pod->is_local;
	r = ident_move(w, id, err);
	for (size_t i = 0; r == 0 && i < pod->p.n_ips; i++) {
		struct fl_prefix whole = { pod->p.ips[i], (uint8_t)fl_ip_bits(&pod->p.ips[i]) };
		struct place *pl = place_find(w, &whole);

		pol_vec_del(&pl->pods, pod);
		r = place_queue(w, pl, err);
	}
	return r;
}

static int pod_make(struct pol_world *w, struct pol_pod *in, struct pod **out, struct fl_err *err)
{
	struct pod *pod;
	int r = pol_table_reserve(&w->pods, err);

	if (r < 0)
		return r;
	pod = calloc(1, sizeof(*pod));
	if (!pod)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	pod->hash = hash_of_name(in->ns, in->name);
	pod->is_gone = true;
	pod->p = *in;
	*in = (struct pol_pod){ 0 };
	pol_table_add(&w->pods, pod->hash, pod);
	*out = pod;
	return 0;
}

int pol_world_put_pod(struct pol_world *w, struct pol_pod *in, struct fl_err *err)
{
	struct pod *pod = find(w, in->ns, in->name);
	struct ns *ns = NULL;
	bool was_alive;
	int r = ns_get(w, in->ns, &ns, err);

	if (r < 0)
		return r;
	if (pod) {
		r = unlink_pod(w, pod, err);
		pol_pod_done(&pod->p);
		pod->p = *in;
		*in = (struct pol_pod){ 0 };
	} else {
		r = pod_make(w, in, &pod, err);
	}
	if (r < 0)
		return r;
	was_alive = ns_is_alive(ns);
	ns->n_pods += pod->is_gone;
	pod->is_gone = false;
	pod->ns = ns;
	pod->is_local = !w->node || fl_streq(w->node, pod->p.node);
	return note_life(w, ns, was_alive, err) ?: link_pod(w, pod, err);
}

int pol_world_del_pod(struct pol_world *w, const char *ns_name, const char *name,
		      struct fl_err *err)
{
	struct pod *pod = find(w, ns_name, name);
	int r;

	if (!pod || pod->is_gone)
		return 0;
	r = unlink_pod(w, pod, err);
	if (r < 0)
		return r;
	pod->is_gone = true;
	pod->ns->n_pods--;
	return note_life(w, pod->ns, true, err);
}

int pol_world_pod_ips(const struct pol_world *w, const char *ns, const char *name,
		      const struct fl_ip **ips, size_t *n, struct fl_err *err)
{
	const struct pod *pod = pod_find(w, ns, name);

	if (!pod)
		return fl_fail(err, ENOENT, "no pod '%s/%s'", ns, name);
	*ips = pod->p.ips;
	*n = pod->p.n_ips;
	return 0;
}
