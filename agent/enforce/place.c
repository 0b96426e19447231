// SPDX-License-Identifier: Apache-2.0
/*
 * Where the pods' interfaces stand: in the datapath's blocks, outside, or under a clsact qdisc of
 * somebody else, which is left alone. Those that are outside are put in when the maps know them, so
 * that nothing is cut that policy allows, or know that they are shut.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "agent/enforce/inside.h"
#include "base/log.h"
#include "net/link.h"
#include "state/blocks.h"

static const struct fl_blocks ours = { FL_BLOCKS_INGRESS, FL_BLOCKS_EGRESS };

bool enf_att_belongs(const struct enf_att *a)
{
	return a->ifindex && a->pod && !a->rec.no_agent && a->rec.n_ips > 0;
}

static enum enf_place place_in(const struct fl_blocks *blocks)
{
	return blocks->ingress == ours.ingress && blocks->egress == ours.egress ? ENF_INSIDE
										: ENF_FOREIGN;
}

/* The links that have a clsact qdisc. */
struct joined {
	struct one {
		uint32_t link;
		enum enf_place place;
	} * v;
	size_t n, room;
};

static void joined_done(struct joined *j)
{
	fl_free_p(&j->v);
}

static int each_joined(uint32_t link, const struct fl_blocks *blocks, void *arg, struct fl_err *err)
{
	struct joined *j = arg;

	if (j->n == j->room) {
		struct one *grown = reallocarray(j->v, j->room + 256, sizeof(*grown));

		if (!grown)
			return fl_fail_errno(err, ENOMEM, "list links in the blocks");
		j->v = grown;
		j->room += 256;
	}
	j->v[j->n++] = (struct one){ link, place_in(blocks) };
	return 0;
}

static int compare_joined(const void *a, const void *b)
{
	uint32_t x = ((const struct one *)a)->link, y = ((const struct one *)b)->link;

	return x < y ? -1 : x > y;
}

int enf_look(struct enf *e, struct fl_err *err)
{
	fl_auto(joined_done) struct joined j = { 0 };
	int r = fl_tc_list_blocks(e->nl, each_joined, &j, err);

	if (r < 0)
		return r;
	if (j.n)
		qsort(j.v, j.n, sizeof(*j.v), compare_joined);
	for (size_t i = 0; i < e->n_atts; i++) {
		struct one key = { .link = e->atts[i]->ifindex };
		const struct one *k = j.n ? bsearch(&key, j.v, j.n, sizeof(key), compare_joined)
					  : NULL;

		e->atts[i]->place = k ? k->place : ENF_OUTSIDE;
	}
	e->attached = false;
	return dp_is_attached(e->dp, e->nl, &e->attached, err);
}

int enf_any_inside(struct enf *e, bool *any, struct fl_err *err)
{
	fl_auto(joined_done) struct joined j = { 0 };
	struct fl_link anchor = { 0 };
	int r = fl_link_get(e->nl, FL_BLOCKS_ANCHOR, &anchor, err);

	if (r == 0 || r == -ENODEV)
		r = fl_tc_list_blocks(e->nl, each_joined, &j, err);
	for (size_t i = 0; r == 0 && i < j.n; i++)
		*any |= j.v[i].place == ENF_INSIDE && j.v[i].link != anchor.index;
	return r;
}

int enf_att_look(struct enf *e, struct enf_att *a, struct fl_err *err)
{
	struct fl_blocks blocks = { 0 };
	int r = fl_tc_get_blocks(e->nl, a->ifindex, &blocks, err);

	if (r == 0)
		a->place = place_in(&blocks);
	else if (r == -ENOENT)
		a->place = ENF_OUTSIDE;
	return r == -ENOENT ? 0 : r;
}

/*
 * What has talked beside the datapath may go on with it: interfaces that are up and outside, and
 * all that are up when the connections of before are lost.
 */
int enf_note_late(struct enf *e, struct fl_err *err)
{
	struct timespec now = { 0 };

	(void)err;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	for (size_t i = 0; i < e->n_atts; i++) {
		struct enf_att *a = e->atts[i];
		bool lost = !e->began && dp_is_fresh(e->dp);

		if (enf_att_belongs(a) && a->up && (lost || a->place == ENF_OUTSIDE))
			a->pick_up_until_s = (uint32_t)now.tv_sec + FL_PICK_UP_S;
	}
	return 0;
}

static void tell_of(const struct enf_att *a)
{
	if (a->was_inside)
		fl_warn("pod '%s/%s': somebody took interface '%s' out of the datapath's blocks: "
			"put back",
			a->pod->ns, a->pod->name, a->rec.host_ifname);
	else
		fl_info("pod '%s/%s': interface '%s' put into the datapath's blocks", a->pod->ns,
			a->pod->name, a->rec.host_ifname);
}

int enf_att_join(struct enf *e, struct enf_att *a, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = 0;

	if (a->place == ENF_OUTSIDE && enf_att_belongs(a) && (a->is_live || a->is_barred)) {
		r = fl_batch_new(&b, err);
		if (r < 0)
			return r;
		fl_tc_put_blocks(b, a->ifindex, &ours);
		r = fl_batch_send(e->nl, b, err);
		if (r == 0) {
			a->place = ENF_INSIDE;
			/* Else a plugin is just attaching it, and would have done it next. */
			if (a->up) {
				e->stats.joined++;
				tell_of(a);
			}
		} else if (r == -EEXIST) {
			/* A plugin that is just attaching it, or somebody else, was faster. */
			r = enf_att_look(e, a, err);
		} else if (r == -ENODEV) {
			r = 0;
		}
	}
	a->was_inside = a->place == ENF_INSIDE;
	return r < 0 ? fl_wrap(err, r, "pod '%s/%s'", a->pod->ns, a->pod->name) : 0;
}

int enf_join(struct enf *e, struct fl_err *err)
{
	struct fl_err one;
	int first = 0;

	for (size_t i = 0; i < e->n_atts; i++) {
		int r = enf_att_join(e, e->atts[i], &one);

		if (r < 0 && first == 0) {
			first = r;
			*err = one;
		}
	}
	return first;
}

static const char *standing(const struct enf *e, const struct enf_att *a)
{
	if (!a)
		return "the agent has not read its record yet";
	if (a->rec.no_agent)
		return "its network says \"agent\": \"none\"";
	if (a->rec.n_ips == 0)
		return "it has no address";
	if (!a->ifindex)
		return "its interface is not there";
	if (a->place == ENF_FOREIGN)
		return "its interface has a clsact qdisc of another program";
	if (a->clash)
		return "it has an address of another pod";
	if (a->pod && a->pod->problem)
		return a->pod->problem;
	if (a->is_half)
		return "the datapath could not take it in";
	if (!a->is_live)
		return "the datapath does not know it yet";
	if (a->place != ENF_INSIDE)
		return "its interface is not in the datapath's blocks";
	return e->attached ? NULL : "the datapath's programs are not in their blocks";
}

const char *enf_standing(const struct enf *e, const char *host_ifname, uint32_t *identity)
{
	const struct enf_att *a = enf_att_find(e, host_ifname);
	const char *why = standing(e, a);

	if (!why)
		*identity = a->live.info.identity;
	return why;
}

struct complaint {
	enf_complain *each;
	void *arg;
};

static void complain_of(const struct enf *e, const struct enf_att *a, enf_complain *each, void *arg)
{
	char where[sizeof("endpoint ") + FL_HOST_IFNAME], text[600];
	const struct enf_att *c = a->clash;

	(void)snprintf(where, sizeof(where), "endpoint %s", a->rec.host_ifname);
	if (c)
		(void)snprintf(text, sizeof(text),
			       "pod '%s/%s' of network '%s' has an address of pod '%s/%s' of "
			       "network '%s': %s until that one is gone",
			       a->pod->ns, a->pod->name, a->rec.key.network, c->pod->ns,
			       c->pod->name, c->rec.key.network,
			       a->place == ENF_INSIDE ? "it is shut"
						      : "no policy is in force for it");
	else
		(void)snprintf(text, sizeof(text), "no policy is in force for pod '%s/%s': %s",
			       a->pod->ns, a->pod->name, standing(e, a));
	each(where, text, arg);
}

static void complain_of_policy(const struct pol_refused *p, void *arg)
{
	const struct complaint *c = arg;
	char where[400], text[256];

	(void)snprintf(where, sizeof(where), "policy %s/%s", p->ns, p->name);
	(void)snprintf(text, sizeof(text),
		       "needs more entries than the map of %s has: refused, so the pods that it "
		       "selects are isolated by it and it allows nothing",
		       p->map);
	c->each(where, text, c->arg);
}

void enf_problems(const struct enf *e, enf_complain *each, void *arg)
{
	struct complaint c = { each, arg };

	if (e->lost)
		each("policy",
		     "policies are being read anew, after a lack of memory or a failed write; what "
		     "was in force stays",
		     arg);
	else
		pol_world_refused(e->world, complain_of_policy, &c);
	if (pol_world_stats(e->world).shut)
		each("policy",
		     "there are more policy sets than the map of slots has: the pods of those that "
		     "came last are shut",
		     arg);
	for (size_t i = 0; i < e->n_atts; i++) {
		const struct enf_att *a = e->atts[i];

		if (enf_att_belongs(a) && (a->place == ENF_FOREIGN || a->clash || a->pod->problem))
			complain_of(e, a, each, arg);
	}
	enf_complain_of_bad(e, each, arg);
	if (e->beyond_broken.sys)
		each("policy", e->beyond_broken.text, arg);
	enf_complain_of_tunnels(e, each, arg);
	enf_complain_of_stack(e, each, arg);
}
