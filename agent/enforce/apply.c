// SPDX-License-Identifier: Apache-2.0
/*
 * The compiler's entries into the datapath's maps. Its slots are numbered anew by every agent, so
 * they are given numbers of the kernel's that no endpoint of an earlier agent uses: until an
 * endpoint is given its new slot, it keeps what it has.
 */
#include <errno.h>

#include "agent/enforce/inside.h"
#include "base/log.h"

struct fl_prefix_key enf_prefix_key(const struct fl_prefix *p)
{
	uint32_t bits = fl_ip_is4(&p->ip) ? 96u + p->len : p->len;

	return (struct fl_prefix_key){ .prefixlen = 32 + bits, .addr = dp_in(&p->ip) };
}

/* Single addresses have a map of their own, whoever has them. */
static bool is_address(const struct pol_entry *en)
{
	return en->prefix.prefix.len == fl_ip_bits(&en->prefix.prefix.ip);
}

static struct fl_address_key address_key(const struct pol_entry *en)
{
	return (struct fl_address_key){ .addr = dp_in(&en->prefix.prefix.ip) };
}

static struct fl_port_key port_key(const struct pol_entry *en)
{
	return (struct fl_port_key){ .ports = en->port.ports,
				     .port = en->port.port,
				     .proto = en->port.proto,
				     .bits = en->port.bits };
}

static struct fl_rule_key rule_key(const struct pol_entry *en)
{
	return (struct fl_rule_key){ .version = en->rule.version,
				     .who = en->rule.who,
				     .dir = en->rule.dir == POL_INGRESS ? FL_INGRESS : FL_EGRESS };
}

/* The kernel's slot for one of the compiler's. That of pods without a policy is the same to both.
 */
static int map_slot(struct enf *e, uint32_t slot, uint32_t *out, struct fl_err *err)
{
	if (slot == POL_SLOT_NONE) {
		*out = 0;
		return 0;
	}
	if (slot >= e->n_slots) {
		size_t n = slot + 64u;
		uint32_t *grown = reallocarray(e->kernel_slot, n, sizeof(*grown));

		if (!grown)
			return fl_fail_errno(err, ENOMEM, "number policy sets");
		memset(grown + e->n_slots, 0, (n - e->n_slots) * sizeof(*grown));
		e->kernel_slot = grown;
		e->n_slots = n;
	}
	for (uint32_t k = 1; e->kernel_slot[slot] == 0 && k < FL_MAX_SLOTS; k++)
		if (!e->slot_used[k]) {
			e->slot_used[k] = true;
			e->kernel_slot[slot] = k;
		}
	if (e->kernel_slot[slot] == 0)
		return fl_fail(err, E2BIG, "more than %d policy sets are in use", FL_MAX_SLOTS - 1);
	*out = e->kernel_slot[slot];
	return 0;
}

static int apply_slot(struct enf *e, const struct pol_op *op, struct fl_err *err)
{
	struct fl_slot value = { .version = op->e.slot.version, .flags = op->e.slot.flags };
	uint32_t k, slot = op->e.slot.slot;
	int r = map_slot(e, slot, &k, err);

	/* One that is given up is closed, so that whoever should still have it is shut, not open.
	 */
	if (op->del)
		value = (struct fl_slot){ .flags = FL_SLOT_CLOSED };
	if (r == 0)
		r = dp_set_slot(e->dp, k, &value, err);
	if (r == 0 && op->del) {
		e->slot_used[k] = false;
		e->kernel_slot[slot] = 0;
	}
	return r;
}

static int apply_pod(struct enf *e, const struct pol_op *op, struct fl_err *err)
{
	struct enf_pod *p = enf_pod_find(e, op->e.pod.ns, op->e.pod.name);
	uint32_t k;
	int r = 0;

	if (!p)
		return 0;
	p->told = !op->del;
	if (op->del)
		return 0;
	p->identity = op->e.pod.identity;
	p->ns_number = op->e.pod.ns_number;
	p->slot = op->e.pod.slot;
	r = map_slot(e, p->slot, &k, err);
	for (size_t i = 0; r == 0 && i < e->n_atts; i++) {
		if (e->atts[i]->pod != p)
			continue;
		r = enf_att_apply(e, e->atts[i], err);
		/*
		 * An endpoint that has no room leaves the others their policies: it stays shut, and
		 * is tried again where somebody can be told.
		 */
		r = r == -E2BIG ? 0 : r;
	}
	return r;
}

static int apply_port(struct enf *e, const struct pol_op *op, struct fl_err *err)
{
	struct fl_port_info info = { .origin = op->e.port.origin };
	struct fl_port_key key = port_key(&op->e);

	return op->del ? dp_remove_port(e->dp, &key, err) : dp_set_port(e->dp, &key, &info, err);
}

static int apply_rule(struct enf *e, const struct pol_op *op, struct fl_err *err)
{
	struct fl_rule rule = { .ports = op->e.rule.ports,
				.lengths = op->e.rule.lengths,
				.origin = op->e.rule.origin };
	struct fl_rule_key key = rule_key(&op->e);

	return op->del ? dp_remove_rule(e->dp, &key, err) : dp_set_rule(e->dp, &key, &rule, err);
}

static int apply_address(struct enf *e, const struct pol_op *op, struct fl_err *err)
{
	struct fl_address_info info = { .key = address_key(&op->e),
					.identity = op->e.prefix.identity,
					.ns = op->e.prefix.ns,
					.block = op->e.prefix.block };

	return op->del ? dp_remove_address(e->dp, &info.key, err)
		       : dp_set_address(e->dp, &info, err);
}

static int apply_prefix(struct enf *e, const struct pol_op *op, struct fl_err *err)
{
	struct fl_prefix_info info = { .block = op->e.prefix.block };
	struct fl_prefix_key key = enf_prefix_key(&op->e.prefix.prefix);

	if (is_address(&op->e))
		return apply_address(e, op, err);
	return op->del ? dp_remove_prefix(e->dp, &key, err)
		       : dp_set_prefix(e->dp, &key, &info, err);
}

static int apply_op(struct enf *e, const struct pol_op *op, struct fl_err *err)
{
	switch (op->e.map) {
	case POL_MAP_PORTS:
		return apply_port(e, op, err);
	case POL_MAP_RULES:
		return apply_rule(e, op, err);
	case POL_MAP_PREFIXES:
		return apply_prefix(e, op, err);
	case POL_MAP_SLOTS:
		return apply_slot(e, op, err);
	case POL_MAP_PODS:
		return apply_pod(e, op, err);
	}
	return 0;
}

static int inherit(__u32 ifindex, const struct fl_endpoint_info *info, void *arg,
		   struct fl_err *err)
{
	struct enf *e = arg;

	(void)ifindex;
	(void)err;
	if (info->slot < FL_MAX_SLOTS)
		e->slot_used[info->slot] = true;
	return 0;
}

int enf_slots_inherit(struct enf *e, struct fl_err *err)
{
	return dp_endpoints(e->dp, inherit, e, err);
}

/* The keys that are in force, of one map, sorted by their bytes. */
struct keys {
	uint8_t *v;
	size_t n, size;
	size_t *gone; /* how many are not among them, or NULL */
};

static void keys_done(struct keys *k)
{
	fl_free_p(&k->v);
}

static int compare_keys(const void *a, const void *b, void *arg)
{
	return memcmp(a, b, ((const struct keys *)arg)->size);
}

static bool keep(const void *key, void *arg)
{
	const struct keys *k = arg;
	size_t low = 0, high = k->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(k->v + middle * k->size, key, k->size);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (k->gone)
		(*k->gone)++;
	return false;
}

union key {
	struct fl_port_key port;
	struct fl_rule_key rule;
	struct fl_address_key address;
	struct fl_prefix_key prefix;
};

/* The bytes of the entry's key in this map; 0: it is not of this map. */
static size_t write_key(const struct pol_entry *en, enum dp_map map, union key *out)
{
	if (map == DP_PORTS && en->map == POL_MAP_PORTS) {
		out->port = port_key(en);
		return sizeof(out->port);
	}
	if (map == DP_RULES && en->map == POL_MAP_RULES) {
		out->rule = rule_key(en);
		return sizeof(out->rule);
	}
	if (map == DP_ADDRESSES && en->map == POL_MAP_PREFIXES && is_address(en)) {
		out->address = address_key(en);
		return sizeof(out->address);
	}
	if (map == DP_PREFIXES && en->map == POL_MAP_PREFIXES && !is_address(en)) {
		out->prefix = enf_prefix_key(&en->prefix.prefix);
		return sizeof(out->prefix);
	}
	return 0;
}

/* Takes out what the snapshot has not; *gone, unless NULL, grows by how many those are. */
static int prune_map(struct enf *e, const struct pol_diff *all, enum dp_map map, size_t *gone,
		     struct fl_err *err)
{
	fl_auto(keys_done) struct keys k = { .gone = gone };

	k.v = calloc(all->n + 1, sizeof(union key));
	if (!k.v)
		return fl_fail_errno(err, ENOMEM, "compare the datapath's maps");
	for (size_t i = 0; i < all->n; i++) {
		union key key;
		size_t size = write_key(&all->ops[i].e, map, &key);

		if (size) {
			memcpy(k.v + k.n++ * size, &key, size);
			k.size = size;
		}
	}
	qsort_r(k.v, k.n, k.size, compare_keys, &k);
	return dp_prune(e->dp, map, keep, &k, err);
}

static bool is_ours(const struct enf *e, __u32 ifindex)
{
	for (size_t i = 0; i < e->n_atts; i++) {
		const struct enf_att *a = e->atts[i];

		if ((a->is_live || a->is_half) && a->live.ifindex == ifindex)
			return true;
	}
	return false;
}

/* An endpoint whose record is gone; the slots of the others are all of this agent's numbering. */
static int remove_stranger(__u32 ifindex, const struct fl_endpoint_info *info, void *arg,
			   struct fl_err *err)
{
	struct enf *e = arg;

	(void)info;
	return is_ours(e, ifindex) ? 0 : dp_remove_stranger(e->dp, ifindex, err);
}

int enf_prune(struct enf *e, struct fl_err *err)
{
	fl_auto_pol_diff struct pol_diff all = { 0 };
	int r = dp_next_generation(e->dp, err) ?: dp_endpoints(e->dp, remove_stranger, e, err)
					       ?: pol_world_snapshot(e->world, &all, err);

	if (r < 0)
		return r;
	memset(e->slot_used, 0, sizeof(e->slot_used));
	for (size_t i = 0; i < e->n_slots; i++)
		if (e->kernel_slot[i])
			e->slot_used[e->kernel_slot[i]] = true;
	return prune_map(e, &all, DP_RULES, NULL, err) ?:
	       prune_map(e, &all, DP_PORTS, NULL, err) ?:
	       prune_map(e, &all, DP_ADDRESSES, NULL, err) ?:
	       prune_map(e, &all, DP_PREFIXES, NULL, err);
}

/*
 * There is no room to have the old and the new beside each other. Rules and ports only ever allow:
 * whoever's go before the slots are switched is shut meanwhile, and nothing opens. *gone: how many
 * entries that were.
 */
static int make_room(struct enf *e, size_t *gone, struct fl_err *err)
{
	fl_auto_pol_diff struct pol_diff all = { 0 };
	int r = dp_next_generation(e->dp, err) ?: pol_world_snapshot(e->world, &all, err);

	*gone = 0;
	r = r ?: prune_map(e, &all, DP_RULES, gone, err) ?: prune_map(e, &all, DP_PORTS, gone, err);
	if (r == 0 && *gone)
		fl_warn("policies: no room for the old and the new ones together: %zu old entries "
			"taken out first, what they allow is shut until the new ones are in force",
			*gone);
	return r;
}

/* The operation; as often as something can be taken out for it. */
static int apply_with_room(struct enf *e, const struct pol_op *op, struct fl_err *err)
{
	bool may_go = !op->del && (op->e.map == POL_MAP_RULES || op->e.map == POL_MAP_PORTS);
	size_t gone = 1;
	int r;

	while ((r = apply_op(e, op, err)) == -E2BIG && may_go && gone) {
		struct fl_err other;

		if (make_room(e, &gone, &other) < 0)
			break;
	}
	return r;
}

int enf_apply(struct enf *e, const struct pol_diff *d, struct fl_err *err)
{
	bool raised = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->n; i++) {
		/* Who began to judge by what goes now begins anew. */
		if (d->ops[i].del && !raised) {
			raised = true;
			r = dp_next_generation(e->dp, err);
		}
		r = r ?: apply_with_room(e, &d->ops[i], err);
	}
	e->stats.applied += d->n;
	if (r == 0 && d->n > 0)
		r = dp_next_generation(e->dp, err);
	return r;
}
