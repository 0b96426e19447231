// SPDX-License-Identifier: Apache-2.0
/* Copies of nodes, and their difference. */
#include "agent/topology/set.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

void topo_set_done(struct topo_set *s)
{
	fl_free_p(&s->peers);
	fl_free_p(&s->names);
	*s = (struct topo_set){ 0 };
}

/* Copies the node; its name goes to *names, which moves on. */
static struct fl_peer copy(const struct agent_node *node, char **names)
{
	struct fl_peer p = node->net;

	p.name = *names;
	*names = stpcpy(*names, node->name) + 1;
	return p;
}

int topo_set_make(const struct agent_cluster *nodes, const char *self, struct topo_set *out,
		  struct fl_err *err)
{
	fl_auto_set struct topo_set s = { 0 };
	size_t len = 0;
	char *names;

	for (size_t i = 0; i < nodes->n; i++)
		len += strlen(nodes->nodes[i].name) + 1;
	s.names = malloc(len + 1);
	s.peers = calloc(nodes->n + 1, sizeof(*s.peers));
	if (!s.names || !s.peers)
		return fl_fail_errno(err, ENOMEM, "remember %zu nodes", nodes->n);
	names = s.names;
	for (size_t i = 0; i < nodes->n; i++) {
		if (fl_streq(nodes->nodes[i].name, self))
			s.self = copy(&nodes->nodes[i], &names);
		else
			s.peers[s.n++] = copy(&nodes->nodes[i], &names);
	}
	if (!s.self.name)
		return fl_fail(err, ENOENT, "no usable Node object has the name '%s'", self);
	*out = s;
	s = (struct topo_set){ 0 };
	return 0;
}

static bool blocks_equal(const struct fl_peer *a, const struct fl_peer *b)
{
	return a->n_cidrs == b->n_cidrs &&
	       memcmp(a->cidrs, b->cidrs, a->n_cidrs * sizeof(a->cidrs[0])) == 0;
}

bool topo_peer_equal(const struct fl_peer *a, const struct fl_peer *b)
{
	return a->n_ips == b->n_ips && memcmp(a->ips, b->ips, a->n_ips * sizeof(a->ips[0])) == 0 &&
	       a->has_mac == b->has_mac && (!a->has_mac || !memcmp(a->mac, b->mac, FL_MAC_LEN)) &&
	       blocks_equal(a, b);
}

void topo_delta_done(struct topo_delta *d)
{
	fl_free_p(&d->gone);
	fl_free_p(&d->come);
	*d = (struct topo_delta){ 0 };
}

/* Notes a peer that was (or NULL) and what it will be (or NULL). Returns whether a MAC is given. */
static bool differ(struct topo_delta *d, const struct fl_peer *was, const struct fl_peer *will)
{
	if (was)
		d->gone[d->n_gone++] = *was;
	if (will)
		d->come[d->n_come++] = *will;
	d->blocks |= !was || !will || !blocks_equal(was, will);
	return (was && was->has_mac) || (will && will->has_mac);
}

int topo_delta_make(const struct topo_set *old, const struct topo_set *new, struct topo_delta *out,
		    struct fl_err *err)
{
	fl_auto_delta struct topo_delta d = { calloc(old->n + 1, sizeof(struct fl_peer)),
					      calloc(new->n + 1, sizeof(struct fl_peer)) };
	bool shared = false;

	if (!d.gone || !d.come)
		return fl_fail_errno(err, ENOMEM, "compare %zu nodes", new->n);
	for (size_t i = 0, j = 0; i < old->n || j < new->n;) {
		const struct fl_peer *a = i < old->n ? &old->peers[i] : NULL;
		const struct fl_peer *b = j < new->n ? &new->peers[j] : NULL;
		int c = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);

		if (c != 0 || !topo_peer_equal(a, b))
			shared |= differ(&d, c <= 0 ? a : NULL, c >= 0 ? b : NULL);
		i += c <= 0;
		j += c >= 0;
	}
	if (shared) {
		memcpy(d.gone, old->peers, old->n * sizeof(*d.gone));
		memcpy(d.come, new->peers, new->n * sizeof(*d.come));
		d.n_gone = old->n;
		d.n_come = new->n;
	}
	*out = d;
	d = (struct topo_delta){ 0 };
	return 0;
}

int topo_set_blocks(const struct topo_set *s, const struct fl_prefix *more, size_t n_more,
		    struct fl_prefix **out, size_t *n, struct fl_err *err)
{
	size_t total = s->self.n_cidrs + n_more, at = 0;
	struct fl_prefix *all;

	for (size_t i = 0; i < s->n; i++)
		total += s->peers[i].n_cidrs;
	all = calloc(total + 1, sizeof(*all));
	if (!all)
		return fl_fail_errno(err, ENOMEM, "collect %zu blocks", total);
	for (size_t i = 0; i <= s->n; i++) {
		const struct fl_peer *p = i < s->n ? &s->peers[i] : &s->self;

		memcpy(all + at, p->cidrs, p->n_cidrs * sizeof(*all));
		at += p->n_cidrs;
	}
	if (n_more)
		memcpy(all + at, more, n_more * sizeof(*all));
	*out = all;
	*n = total;
	return 0;
}
