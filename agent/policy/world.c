// SPDX-License-Identifier: Apache-2.0
/* The world's beginning and end, and what is told of it: diffs, snapshots, counts. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "agent/policy/read.h"
#include "base/text.h"
#include "bpf/abi.h"

static uint32_t limit(uint32_t asked, uint32_t most)
{
	return asked ? asked : most;
}

int pol_world_new(const struct pol_options *o, struct pol_world **out, struct fl_err *err)
{
	fl_auto_pol_world struct pol_world *w = calloc(1, sizeof(*w));

	if (!w)
		return fl_fail_errno(err, ENOMEM, "make a world");
	if (o->node) {
		w->node = strdup(o->node);
		if (!w->node)
			return fl_fail_errno(err, ENOMEM, "make a world");
	}
	w->limits = (struct pol_limits){
		.rules = limit(o->limits.rules, FL_MAX_RULES / 2),
		.ports = limit(o->limits.ports, FL_MAX_PORTS / 2),
		.prefixes = limit(o->limits.prefixes, FL_MAX_PREFIXES / 2),
		.slots = limit(o->limits.slots, o->node ? FL_MAX_SLOTS - 2 : UINT32_MAX),
	};
	*out = FL_TAKE(w);
	return 0;
}

static void free_items(struct pol_world *w)
{
	size_t at;
	void *item;

	for (at = 0; (item = pol_table_next(&w->sets, &at));)
		set_free(w, item);
	for (at = 0; (item = pol_table_next(&w->port_sets, &at));)
		port_set_free(w, item);
	for (at = 0; (item = pol_table_next(&w->policies, &at));)
		policy_free(w, item);
	for (at = 0; (item = pol_table_next(&w->places, &at));)
		place_free(w, item);
	for (at = 0; (item = pol_table_next(&w->idents, &at));)
		ident_free(w, item);
	for (at = 0; (item = pol_table_next(&w->pods, &at));)
		pod_free(item);
	for (at = 0; at < w->grave.n; at++)
		pod_free(w->grave.v[at]);
	for (at = 0; (item = pol_table_next(&w->namespaces, &at));) {
		struct ns *ns = item;

		ns_free(&ns);
	}
}

static void free_world(struct pol_world *w)
{
	struct pol_vec *vecs[] = {
		&w->new_idents, &w->new_blocks,	 &w->gone_blocks, &w->moved,  &w->changed,
		&w->told_pods,	&w->told_places, &w->grave,	  &w->blocks,
	};
	struct pol_table *tables[] = {
		&w->namespaces, &w->pods, &w->policies,	 &w->idents,
		&w->places,	&w->sets, &w->port_sets, &w->policy_numbers,
	};

	free_items(w);
	for (size_t i = 0; i < FL_ARRAY_LEN(vecs); i++)
		pol_vec_done(vecs[i]);
	for (size_t i = 0; i < FL_ARRAY_LEN(tables); i++)
		pol_table_done(tables[i]);
	for (size_t i = 0; i < NUMBER_KINDS; i++)
		pol_table_done(&w->numbers[i]);
	fl_free_p(&w->puts.v);
	fl_free_p(&w->dels.v);
	pol_numbers_done(&w->left);
	pol_numbers_done(&w->stillborn);
	pol_numbers_done(&w->gone_ports);
	fl_free_p(&w->slots);
	fl_free_p(&w->node);
}

void pol_world_free(struct pol_world **w)
{
	if (*w)
		free_world(*w);
	fl_free_p(w);
}

static int put_one(struct pol_world *w, const struct fl_cur *object, enum pol_kind kind,
		   pol_take *take, void *arg, struct fl_err *err)
{
	fl_auto_pol_namespace struct pol_namespace ns = { 0 };
	fl_auto_pol_policy struct pol_policy policy = { 0 };
	fl_auto_pol_pod struct pol_pod pod = { 0 };
	int r = fl_cur_as_obj(object, err);

	if (r < 0 || (take && !take(kind, object, arg)))
		return r;
	switch (kind) {
	case POL_KIND_NAMESPACE:
		return pol_read_namespace(object, &ns, err) ?: pol_world_put_namespace(w, &ns, err);
	case POL_KIND_POD:
		return pol_read_pod(object, &pod, err) ?: pol_world_put_pod(w, &pod, err);
	case POL_KIND_POLICY:
		return pol_read_policy(object, &policy, err)
			       ?: pol_world_put_policy(w, &policy, err);
	case POL_KIND_OTHER:
		break;
	}
	return 0;
}

int pol_world_put_object(struct pol_world *w, const struct fl_cur *object, pol_take *take,
			 void *arg, struct fl_err *err)
{
	const char *kind = fl_json_str(fl_json_get(object->v, "kind"));
	size_t len = kind ? strlen(kind) : 0;
	struct fl_cur items = fl_cur_member(object, "items");
	int r = 0;

	if (len < 4 || !fl_streq(kind + len - 4, "List"))
		return put_one(w, object, pol_kind_of(object->v), take, arg, err);
	for (size_t i = 0; r == 0 && i < fl_json_len(items.v); i++) {
		struct fl_cur at = fl_cur_at(&items, i);

		r = put_one(w, &at, pol_kind_in(object->v, at.v), take, arg, err);
	}
	return r;
}

void pol_diff_done(struct pol_diff *d)
{
	fl_free_p(&d->ops);
	d->n = 0;
}

#define DIFFER(a, b)                               \
	do {                                       \
		if ((a) != (b))                    \
			return (a) < (b) ? -1 : 1; \
	} while (0)

static int compare_keys(const struct pol_entry *a, const struct pol_entry *b)
{
	int order;

	switch (a->map) {
	case POL_MAP_PORTS:
		DIFFER(a->port.ports, b->port.ports);
		DIFFER(a->port.proto, b->port.proto);
		DIFFER(a->port.port, b->port.port);
		DIFFER(a->port.bits, b->port.bits);
		break;
	case POL_MAP_RULES:
		DIFFER(a->rule.version, b->rule.version);
		DIFFER(a->rule.dir, b->rule.dir);
		DIFFER(a->rule.who, b->rule.who);
		break;
	case POL_MAP_PREFIXES:
		order = fl_ip_cmp(&a->prefix.prefix.ip, &b->prefix.prefix.ip);
		if (order)
			return order;
		DIFFER(a->prefix.prefix.len, b->prefix.prefix.len);
		break;
	case POL_MAP_SLOTS:
		DIFFER(a->slot.slot, b->slot.slot);
		break;
	case POL_MAP_PODS:
		order = strcmp(a->pod.ns, b->pod.ns);
		return order ? order : strcmp(a->pod.name, b->pod.name);
	}
	return 0;
}

/* Entries before those that lead to them; deletions after, the other way round. */
static int compare_ops(const void *a, const void *b)
{
	const struct pol_op *p = a, *q = b;

	DIFFER(p->del, q->del);
	DIFFER(p->late, q->late);
	if (p->e.map != q->e.map)
		return (p->e.map < q->e.map) != p->del ? -1 : 1;
	return compare_keys(&p->e, &q->e);
}

/* True when the rule that is to be deleted has come again in another way. */
static bool is_alive(const struct pol_world *w, const struct pol_entry *e)
{
	const struct set *s;

	if (e->map == POL_MAP_PORTS)
		return number_find(w, NUMBER_PORTS, e->port.ports);
	if (e->map != POL_MAP_RULES)
		return false;
	s = number_find(w, NUMBER_VERSION, e->rule.version);
	return s && entries_find(&s->part[e->rule.dir], e->rule.who);
}

static bool is_among(const struct pol_numbers *n, uint32_t number)
{
	return pol_number_is_among(n->v, n->n, number);
}

/*
 * True when the datapath needs the rule at some moment of the switch: its version is in force
 * before or after, and an address leads to its peer. What was compiled only to find that it does
 * not fit is never told of.
 */
static bool is_rule_needed(const struct pol_world *w, const struct pol_entry *e)
{
	return (number_find(w, NUMBER_VERSION, e->rule.version) ||
		is_among(&w->left, e->rule.version)) &&
	       !is_among(&w->stillborn, e->rule.who);
}

/* The port sets of rules that are needed during the switch only, in order. */
static int list_passing_ports(const struct pol_world *w, struct pol_numbers *out,
			      struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->puts.n; i++) {
		const struct pol_entry *e = &w->puts.v[i].e;

		if (e->map == POL_MAP_RULES && is_rule_needed(w, e) &&
		    !number_find(w, NUMBER_PORTS, e->rule.ports))
			r = pol_numbers_add(out, e->rule.ports, err);
	}
	pol_numbers_sort(out);
	return r;
}

static bool is_put_needed(const struct pol_world *w, const struct pol_numbers *passing,
			  const struct pol_entry *e)
{
	if (e->map == POL_MAP_RULES)
		return is_rule_needed(w, e);
	return e->map != POL_MAP_PORTS || number_find(w, NUMBER_PORTS, e->port.ports) ||
	       is_among(passing, e->port.ports);
}

static bool is_del_needed(const struct pol_world *w, const struct pol_numbers *passing,
			  const struct pol_entry *e)
{
	if (is_alive(w, e))
		return false;
	if (e->map == POL_MAP_RULES)
		return is_rule_needed(w, e);
	return e->map != POL_MAP_PORTS || is_among(&w->gone_ports, e->port.ports) ||
	       is_among(passing, e->port.ports);
}

/* The operations that are needed, in no order yet. */
static int gather_ops(struct pol_world *w, struct pol_op **out, size_t *n, struct fl_err *err)
{
	fl_auto(pol_numbers_done) struct pol_numbers passing = { 0 };
	struct pol_op *ops;
	int r;

	pol_numbers_sort(&w->left);
	pol_numbers_sort(&w->stillborn);
	pol_numbers_sort(&w->gone_ports);
	r = list_passing_ports(w, &passing, err);
	if (r < 0)
		return r;
	ops = calloc(w->puts.n + w->dels.n + 1, sizeof(*ops));
	if (!ops)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	for (size_t i = 0; i < w->puts.n; i++)
		if (is_put_needed(w, &passing, &w->puts.v[i].e))
			ops[(*n)++] = w->puts.v[i];
	for (size_t i = 0; i < w->dels.n; i++)
		if (is_del_needed(w, &passing, &w->dels.v[i].e))
			ops[(*n)++] = w->dels.v[i];
	*out = ops;
	return 0;
}

int diff_make(struct pol_world *w, struct pol_diff *out, struct fl_err *err)
{
	struct pol_op *ops = NULL;
	size_t n = 0, kept = 0;
	int r = gather_ops(w, &ops, &n, err);

	if (r < 0)
		return r;
	fl_free_p(&w->puts.v);
	fl_free_p(&w->dels.v);
	w->puts = w->dels = (struct ops){ 0 };
	w->left.n = w->stillborn.n = w->gone_ports.n = 0;
	qsort(ops, n, sizeof(*ops), compare_ops);
	/* What came, went and came again stands there twice. */
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || compare_ops(&ops[kept - 1], &ops[i]) != 0)
			ops[kept++] = ops[i];
	*out = (struct pol_diff){ ops, kept, w->compiled };
	return 0;
}

static int take_sets(const struct pol_world *w, struct ops *o, struct fl_err *err)
{
	const struct set *s;
	size_t at = 0;
	int r = 0;

	while (r == 0 && (s = pol_table_next(&w->sets, &at))) {
		struct pol_entry e = slot_entry(s);

		if (s->slot != POL_SLOT_CLOSED)
			r = ops_add(o, &e, false, err);
		for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
			for (size_t i = 0; r == 0 && i < s->part[dir].n; i++) {
				e = rule_entry(s, dir, &s->part[dir].v[i]);
				r = ops_add(o, &e, false, err);
			}
		}
	}
	return r;
}

int pol_world_snapshot(struct pol_world *w, struct pol_diff *out, struct fl_err *err)
{
	struct pol_entry closed = {
		.map = POL_MAP_SLOTS,
		.slot = { .slot = POL_SLOT_CLOSED,
			  .flags = FL_SLOT_INGRESS | FL_SLOT_EGRESS | FL_SLOT_CLOSED },
	};
	struct ops o = { 0 };
	const struct port_set *p;
	const struct place *pl;
	const struct pod *pod;
	size_t at = 0;
	int r = ops_add(&o, &closed, false, err) ?: take_sets(w, &o, err);

	while (r == 0 && (p = pol_table_next(&w->port_sets, &at)))
		r = port_set_tell(&o, p, false, err);
	for (at = 0; r == 0 && (pl = pol_table_next(&w->places, &at));)
		r = pl->is_told ? ops_add(&o, &pl->told, false, err) : 0;
	for (at = 0; r == 0 && (pod = pol_table_next(&w->pods, &at));)
		r = pod->is_told ? ops_add(&o, &pod->told, false, err) : 0;
	if (r < 0) {
		fl_free_p(&o.v);
		return r;
	}
	qsort(o.v, o.n, sizeof(*o.v), compare_ops);
	*out = (struct pol_diff){ o.v, o.n, 0 };
	return 0;
}

/* The map that is too small for what is refused, or NULL. */
static const char *full_map(const struct pol_world *w)
{
	const struct policy *p;
	size_t at = 0;

	while (w->n_refused && (p = pol_table_next(&w->policies, &at)))
		if (p->refused)
			return p->full;
	return NULL;
}

struct pol_stats pol_world_stats(const struct pol_world *w)
{
	return (struct pol_stats){
		.namespaces = w->namespaces.n,
		.pods = w->pods.n,
		.policies = w->policies.n,
		.refused = w->n_refused,
		.identities = w->idents.n,
		.blocks = w->n_blocks,
		.sets = w->sets.n,
		.shut = w->n_shut,
		.admits = w->n_shut && w->slots_rest,
		.rules = w->n_rules,
		.ports = w->n_ports,
		.port_sets = w->port_sets.n,
		.addresses = w->n_addresses,
		.prefixes = w->places.n - w->n_addresses,
		.full = full_map(w),
	};
}
