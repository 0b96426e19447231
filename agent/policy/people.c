// SPDX-License-Identifier: Apache-2.0
/* Who there is: namespaces, identities, places among the addresses, and their numbers. */
#include <errno.h>
#include <string.h>

#include "agent/policy/inside.h"
#include "base/text.h"
#include "bpf/abi.h"

static bool has_number(const void *item, const void *key)
{
	return *(const uint32_t *)item == *(const uint32_t *)key;
}

static uint64_t hash_of_number(uint32_t number)
{
	return number * 0x9e3779b97f4a7c15u;
}

void *number_find(const struct pol_world *w, enum number_kind kind, uint32_t number)
{
	return pol_table_get(&w->numbers[kind], hash_of_number(number), has_number, &number);
}

int number_take(struct pol_world *w, enum number_kind kind, uint64_t hash, void *item,
		struct fl_err *err)
{
	uint32_t number = (uint32_t)(hash >> 32);
	int r = pol_table_reserve(&w->numbers[kind], err);

	if (r < 0)
		return r;
	/* The small ones and the largest have meanings of their own. */
	while (number < FL_ID_FIRST || number >= FL_RULE_ALL || number_find(w, kind, number))
		number++;
	*(uint32_t *)item = number;
	pol_table_add(&w->numbers[kind], hash_of_number(number), item);
	return 0;
}

void number_release(struct pol_world *w, enum number_kind kind, const void *item)
{
	pol_table_del(&w->numbers[kind], hash_of_number(*(const uint32_t *)item), item);
}

static bool ns_is(const void *item, const void *key)
{
	return fl_streq(((const struct ns *)item)->name, key);
}

bool ns_is_alive(const struct ns *ns)
{
	return ns->declared || ns->n_pods || ns->n_policies;
}

void ns_free(struct ns **ns)
{
	if (*ns) {
		fl_free_p(&(*ns)->name);
		label_set_done(&(*ns)->set);
		pol_vec_done(&(*ns)->idents);
		pol_vec_done(&(*ns)->policies);
	}
	fl_free_p(ns);
}

int ns_imply_labels(const char *name, struct pol_labels *out, struct fl_err *err)
{
	fl_auto_pol_labels struct pol_labels l = { calloc(1, sizeof(*l.v)), 1 };

	if (!l.v) {
		l.n = 0;
		return fl_fail_errno(err, ENOMEM, "compile policies");
	}
	l.v[0].key = strdup("kubernetes.io/metadata.name");
	l.v[0].value = strdup(name);
	if (!l.v[0].key || !l.v[0].value)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	*out = l;
	l = (struct pol_labels){ 0 };
	return 0;
}

int ns_get(struct pol_world *w, const char *name, struct ns **out, struct fl_err *err)
{
	fl_auto_pol_labels struct pol_labels labels = { 0 };
	fl_auto(ns_free) struct ns *ns = NULL;
	uint64_t hash = pol_hash_text(1, name);
	int r;

	*out = pol_table_get(&w->namespaces, hash, ns_is, name);
	if (*out)
		return 0;
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	ns->kind = WHO_NS;
	ns->hash = hash;
	ns->name = strdup(name);
	if (!ns->name)
		return fl_fail_errno(err, ENOMEM, "compile policies");
	r = ns_imply_labels(name, &labels, err) ?: label_set_make(&labels, &ns->set, err)
						?: pol_table_reserve(&w->namespaces, err)
						?: number_take(w, NUMBER_WHO, hash, ns, err);
	if (r < 0)
		return r;
	pol_table_add(&w->namespaces, hash, ns);
	*out = FL_TAKE(ns);
	return 0;
}

void ns_release(struct pol_world *w, struct ns *ns)
{
	if (ns_is_alive(ns) || ns->idents.n || ns->policies.n)
		return;
	number_release(w, NUMBER_WHO, ns);
	pol_table_del(&w->namespaces, ns->hash, ns);
	ns_free(&ns);
}

/* Does a rule's peer see a difference between the two? */
static bool sees_change(const struct body *b, const struct label_set *was,
			const struct label_set *is)
{
	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
		for (size_t i = 0; i < b->p.part[dir].n; i++) {
			const struct rule *rule = &b->part[dir].rules[i];

			for (size_t k = 0; k < rule->r->n_peers; k++) {
				const struct sel *s = &rule->peers[k].namespaces;

				if (s->n &&
				    (was && sel_matches(s, was)) != (is && sel_matches(s, is)))
					return true;
			}
		}
	}
	return false;
}

int ns_changed(struct pol_world *w, const struct label_set *was, const struct label_set *is,
	       struct fl_err *err)
{
	struct policy *p;
	size_t at = 0;

	while ((p = pol_table_next(&w->policies, &at))) {
		int r;

		if (p->is_stale || !p->body || !sees_change(p->body, was, is))
			continue;
		p->is_stale = true;
		r = policy_queue(w, p, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool place_is(const void *item, const void *key)
{
	const struct fl_prefix *p = &((const struct place *)item)->prefix, *q = key;

	return p->len == q->len && fl_ip_cmp(&p->ip, &q->ip) == 0;
}

static uint64_t hash_of_prefix(const struct fl_prefix *p)
{
	return pol_hash_more(2 + p->len, p->ip.b, sizeof(p->ip.b));
}

struct place *place_find(const struct pol_world *w, const struct fl_prefix *prefix)
{
	return pol_table_get(&w->places, hash_of_prefix(prefix), place_is, prefix);
}

static bool is_address(const struct fl_prefix *p)
{
	return p->len == fl_ip_bits(&p->ip);
}

int place_get(struct pol_world *w, const struct fl_prefix *prefix, struct place **out,
	      struct fl_err *err)
{
	struct place *pl = place_find(w, prefix);
	int r;

	if (!pl) {
		r = pol_table_reserve(&w->places, err);
		if (r < 0)
			return r;
		pl = calloc(1, sizeof(*pl));
		if (!pl)
			return fl_fail_errno(err, ENOMEM, "compile policies");
		pl->kind = WHO_PLACE;
		pl->prefix = *prefix;
		pl->hash = hash_of_prefix(prefix);
		pol_table_add(&w->places, pl->hash, pl);
		w->n_addresses += is_address(prefix);
	}
	*out = pl;
	return 0;
}

void place_free(struct pol_world *w, struct place *pl)
{
	if (pl->number)
		number_release(w, NUMBER_WHO, pl);
	pol_table_del(&w->places, pl->hash, pl);
	w->n_addresses -= is_address(&pl->prefix);
	pol_vec_done(&pl->pods);
	fl_free_p(&pl);
}

/* The length as the kernel's map counts it. */
static unsigned int long_len(const struct fl_prefix *p)
{
	return 128 - fl_ip_bits(&p->ip) + p->len;
}

const struct place *place_cover(const struct pol_world *w, const struct fl_prefix *prefix)
{
	struct fl_prefix at = *prefix;

	for (int len = prefix->len; len >= 0; len--) {
		const struct place *pl;

		at.len = (uint8_t)len;
		if (!w->blocks_of_len[long_len(&at)])
			continue;
		at = fl_prefix_network(&at);
		pl = place_find(w, &at);
		if (pl && pl->listed)
			return pl;
	}
	return NULL;
}

int block_use(struct pol_world *w, const struct fl_prefix *prefix, bool in, struct fl_err *err)
{
	struct place *pl = NULL;
	int r = place_get(w, prefix, &pl, err);

	if (r < 0)
		return r;
	pl->blocks += in ? 1 : -1;
	if (pl->blocks != (in ? 1 : 0))
		return 0;
	w->blocks_changed = true;
	w->n_blocks += in ? 1 : -1;
	/* One that goes stays in the list until no address leads to it any more. */
	if (!in)
		return pol_vec_add(&w->gone_blocks, pl, err) ?: place_queue(w, pl, err);
	if (!pl->listed) {
		w->blocks_sorted = false;
		r = pol_vec_add(&w->blocks, pl, err);
		if (r < 0)
			return r;
		pl->listed = true;
		w->blocks_of_len[long_len(prefix)]++;
	}
	if (!pl->number) {
		pl->is_new = true;
		r = number_take(w, NUMBER_WHO, pl->hash, pl, err)
			    ?: pol_vec_add(&w->new_blocks, pl, err);
	}
	return r ?: place_queue(w, pl, err);
}

static void unlist(struct pol_world *w, struct place *pl)
{
	pl->listed = false;
	w->blocks_of_len[long_len(&pl->prefix)]--;
}

/* Takes those that are no longer listed out of the list; the others keep their order. */
static void tidy_list(struct pol_world *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->blocks.n; i++)
		if (((struct place *)w->blocks.v[i])->listed)
			w->blocks.v[kept++] = w->blocks.v[i];
	w->blocks.n = kept;
}

void blocks_unlist(struct pol_world *w)
{
	bool any = false;

	for (size_t i = 0; i < w->gone_blocks.n; i++) {
		struct place *pl = w->gone_blocks.v[i];

		if (pl->blocks || !pl->listed)
			continue;
		unlist(w, pl);
		any = true;
	}
	if (any)
		tidy_list(w);
}

int blocks_forget_stillborn(struct pol_world *w, struct fl_err *err)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->new_blocks.n; i++) {
		struct place *pl = w->new_blocks.v[i];

		if (pl->blocks || !pl->listed || pl->is_told)
			continue;
		unlist(w, pl);
		any = true;
		r = pol_numbers_add(&w->stillborn, pl->number, err);
	}
	if (any)
		tidy_list(w);
	return r;
}

int place_queue(struct pol_world *w, struct place *pl, struct fl_err *err)
{
	int r;

	if (pl->is_queued)
		return 0;
	r = pol_vec_add(&w->told_places, pl, err);
	pl->is_queued = r == 0;
	return r;
}

int pod_queue(struct pol_world *w, struct pod *pod, struct fl_err *err)
{
	int r;

	if (pod->is_queued)
		return 0;
	r = pol_vec_add(&w->told_pods, pod, err);
	pod->is_queued = r == 0;
	return r;
}

/*
 * An address is sometimes claimed by a pod that is about to end and by one that has been given it
 * already: who is attached with it goes before who only says so, a pod that is not being deleted
 * before one that is, then the newer, then by name.
 */
static bool goes_before(const struct pod *a, const struct pod *b)
{
	int order;

	if (a->p.attached != b->p.attached)
		return a->p.attached;
	if (a->p.deleting != b->p.deleting)
		return b->p.deleting;
	order = strcmp(a->p.created, b->p.created);
	if (order)
		return order > 0;
	order = strcmp(a->p.ns, b->p.ns);
	return (order ? order : strcmp(a->p.name, b->p.name)) < 0;
}

const struct pod *place_owner(const struct place *pl)
{
	const struct pod *owner = NULL;

	for (size_t i = 0; i < pl->pods.n; i++)
		if (!owner || goes_before(pl->pods.v[i], owner))
			owner = pl->pods.v[i];
	return owner;
}

int ident_move(struct pol_world *w, struct ident *id, struct fl_err *err)
{
	int r;

	if (id->is_moved)
		return 0;
	r = pol_vec_add(&w->moved, id, err);
	id->is_moved = r == 0;
	return r;
}

void ident_free(struct pol_world *w, struct ident *id)
{
	number_release(w, NUMBER_WHO, id);
	pol_table_del(&w->idents, id->hash, id);
	pol_vec_del(&id->ns->idents, id);
	label_set_done(&id->set);
	fl_free_p(&id->ports);
	pol_vec_done(&id->pods);
	fl_free_p(&id);
}

void pod_free(struct pod *pod)
{
	pol_pod_done(&pod->p);
	fl_free_p(&pod);
}
