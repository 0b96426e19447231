// SPDX-License-Identifier: Apache-2.0
/*
 * BIRD's configuration, first half: what is not a session.
 *
 *   master4, master6	what goes to the kernel: BGP's routes only
 *   igp4, igp6		what next hops are looked up in: the links' own routes and what others have
 *			put into the kernel, apart, so that a route by BGP can never be the way to
 *			a next hop
 *   blocks4, blocks6	this node's blocks, announced whole. Their blackhole routes in the kernel
 *			are the agent's (protocol 172), and none of BIRD's business
 */
#include "agent/bgp/write.h"

#include <errno.h>
#include <stdio.h>

void bgp_set_open(struct bgp_set *set, struct bgp_text *t, const char *head)
{
	*set = (struct bgp_set){ .t = t, .head = head };
}

void bgp_set_add(struct bgp_set *set, const struct fl_prefix *p, const char *range)
{
	char text[FL_PREFIX_STR];
	struct fl_prefix net = fl_prefix_network(p);

	bgp_say(set->t, "%s%s%s", set->n++ ? ",\n\t\t" : set->head, fl_prefix_format(&net, text),
		range);
}

bool bgp_set_close(struct bgp_set *set)
{
	if (set->n)
		bgp_say(set->t, " ]");
	return set->n > 0;
}

static int cmp_prefix(const void *a, const void *b)
{
	const struct fl_prefix *p = a, *q = b;
	int r = fl_ip_cmp(&p->ip, &q->ip);

	return r ? r : (int)p->len - (int)q->len;
}

/* Blocks of all nodes but this one, sorted. */
static int other_blocks(const struct bgp_input *in, struct fl_prefix **out, size_t *n,
			struct fl_err *err)
{
	const struct agent_cluster *c = in->nodes;
	fl_auto_free struct fl_prefix *all = calloc(c->n * FL_PEER_CIDRS_MAX + 1, sizeof(*all));
	size_t count = 0;

	if (!all)
		return fl_fail_errno(err, ENOMEM, "write bird's configuration");
	for (size_t i = 0; i < c->n; i++) {
		const struct fl_peer *node = &c->nodes[i].net;

		if (fl_streq(c->nodes[i].name, in->self->name))
			continue;
		for (size_t k = 0; k < node->n_cidrs; k++) {
			if (bgp_in_cluster(&in->conf->bgp, &node->cidrs[k]))
				all[count++] = node->cidrs[k];
		}
	}
	qsort(all, count, sizeof(*all), cmp_prefix);
	*out = FL_TAKE(all);
	*n = count;
	return 0;
}

bool bgp_in_cluster(const struct agent_bgp *conf, const struct fl_prefix *block)
{
	for (size_t i = 0; i < conf->n_cluster_cidrs; i++) {
		if (conf->cluster_cidrs[i].len <= block->len &&
		    fl_prefix_contains(&conf->cluster_cidrs[i], &block->ip))
			return true;
	}
	return conf->n_cluster_cidrs == 0;
}

/* "define NAME4 = [ ... ];" of the prefixes of a family; nothing when there are none. */
static bool define(struct bgp_text *t, const char *name, int family, const struct fl_prefix *p,
		   size_t n, const char *range)
{
	char head[48];
	struct bgp_set set;

	(void)snprintf(head, sizeof(head), "define %s%c = [ ", name, bgp_digit(family));
	bgp_set_open(&set, t, head);
	for (size_t i = 0; i < n; i++) {
		if (fl_ip_family(&p[i].ip) == family)
			bgp_set_add(&set, &p[i], range);
	}
	if (bgp_set_close(&set))
		bgp_say(t, ";\n");
	return set.n > 0;
}

/* What lies inside another node's block: announced by nobody but in error, or worse. */
static bool define_inside(struct bgp_text *t, int family, const struct fl_prefix *p, size_t n)
{
	char head[48], range[24];
	struct bgp_set set;

	(void)snprintf(head, sizeof(head), "define inside%c = [ ", bgp_digit(family));
	bgp_set_open(&set, t, head);
	for (size_t i = 0; i < n; i++) {
		unsigned int bits = fl_ip_bits(&p[i].ip);

		if (fl_ip_family(&p[i].ip) != family || p[i].len >= bits)
			continue;
		(void)snprintf(range, sizeof(range), "{%u,%u}", p[i].len + 1U, bits);
		bgp_set_add(&set, &p[i], range);
	}
	if (bgp_set_close(&set))
		bgp_say(t, ";\n");
	return set.n > 0;
}

static int write_sets(struct bgp_writer *w, struct fl_err *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const struct fl_peer *self = &w->in->self->net;
	const struct agent_bgp *conf = &w->in->conf->bgp;
	fl_auto_free struct fl_prefix *others = NULL;
	size_t n = 0;
	int r;

	r = other_blocks(w->in, &others, &n, err);
	if (r < 0)
		return r;
	/* Never a route, whatever "allow" says: this host, loopback, link-local, multicast. */
	bgp_say(w->t,
		"define never4 = [ 0.0.0.0/8+, 127.0.0.0/8+, 169.254.0.0/16+, 224.0.0.0/3+ ];\n"
		"define never6 = [ ::/8+, fe80::/10+, ff00::/8+ ];\n");
	for (size_t i = 0; i < 2; i++) {
		int f = families[i];

		w->has[i].own = define(w->t, "own", f, self->cidrs, self->n_cidrs, "+");
		w->has[i].nodes = define(w->t, "nodes", f, others, n, "");
		w->has[i].inside = define_inside(w->t, f, others, n);
		w->has[i].cluster = define(w->t, "cluster", f, conf->cluster_cidrs,
					   conf->n_cluster_cidrs, "+");
	}
	bgp_say(w->t, "\n");
	return 0;
}

/* This node's blocks of the family. */
static void write_blocks(struct bgp_writer *w, int family)
{
	const struct fl_peer *self = &w->in->self->net;
	char text[FL_PREFIX_STR];

	bgp_say(w->t, "protocol static blocks%c {\n\tipv%c;\n", bgp_digit(family),
		bgp_digit(family));
	for (size_t i = 0; i < self->n_cidrs; i++) {
		const struct fl_prefix net = fl_prefix_network(&self->cidrs[i]);

		if (fl_ip_family(&net.ip) == family)
			bgp_say(w->t, "\troute %s blackhole;\n", fl_prefix_format(&net, text));
	}
	bgp_say(w->t, "}\n\n");
}

/*
 * The kernel's side of a family. "learn" takes in what others put there, for next hops, but no
 * route to a pod; "persist" leaves our routes when BIRD ends, and "graceful restart" keeps those
 * of the last run until the peers have spoken again.
 */
static void write_kernel(struct bgp_text *t, int family)
{
	char d = bgp_digit(family);

	bgp_say(t,
		"protocol kernel kernel%c {\n"
		"\tipv%c {\n"
		"\t\timport where krt_source < 170 || krt_source > 172;\n"
		"\t\texport where source = RTS_BGP;\n"
		"\t};\n"
		"\tlearn;\n"
		"\tpersist;\n"
		"\tgraceful restart;\n"
		"\tmerge paths on limit 16;\n"
		"\tmetric %d;\n"
		"\tscan time %d;\n"
		"}\n\n"
		"protocol pipe learned%c {\n"
		"\ttable master%c;\n"
		"\tpeer table igp%c;\n"
		"\timport none;\n"
		"\texport where source = RTS_INHERIT;\n"
		"}\n\n",
		d, d, BGP_KERNEL_METRIC, BGP_KERNEL_SCAN_S, d, d, d);
}

static void write_head(struct bgp_text *t, const struct bgp_plan *p, const char *dir)
{
	bgp_say(t,
		"# Written by fairleadd; changes are overwritten.\n"
		"log \"%s/bird.log\" 262144 \"%s/bird.log.1\" "
		"{ info, remote, warning, error, auth, fatal, bug };\n"
		"timeformat base iso long;\n"
		"timeformat log iso long;\n"
		"timeformat protocol \"%%s\";\n"
		"router id %u.%u.%u.%u;\n"
		"graceful restart wait %d;\n\n"
		"ipv4 table igp4;\n"
		"ipv6 table igp6;\n\n",
		dir, dir, p->router_id >> 24, p->router_id >> 16 & 255, p->router_id >> 8 & 255,
		p->router_id & 255, BGP_RECOVERY_S);
}

static bool wants_bfd(const struct bgp_writer *w)
{
	for (size_t i = 0; i < w->plan->n; i++) {
		if (bgp_session_bfd(w->in, &w->plan->sessions[i]))
			return true;
	}
	return false;
}

static int write_all(struct bgp_writer *w, const char *dir, struct fl_err *err)
{
	int r;

	write_head(w->t, w->plan, dir);
	r = write_sets(w, err);
	if (r < 0)
		return r;
	bgp_say(w->t, "protocol device {\n\tscan time 10;\n}\n\n"
		      "protocol direct {\n\tipv4 { table igp4; };\n\tipv6 { table igp6; };\n}\n\n");
	write_blocks(w, AF_INET);
	write_blocks(w, AF_INET6);
	write_kernel(w->t, AF_INET);
	write_kernel(w->t, AF_INET6);
	if (wants_bfd(w))
		bgp_say(w->t,
			"protocol bfd {\n"
			"\tinterface \"*\" { interval %d ms; multiplier %d; };\n"
			"\tmultihop { interval %d ms; multiplier %d; };\n"
			"}\n\n",
			BGP_BFD_MS, BGP_BFD_TIMES, BGP_BFD_MS, BGP_BFD_TIMES);
	for (size_t i = 0; i < w->plan->n; i++)
		bgp_write_session(w, &w->plan->sessions[i]);
	return 0;
}

int bgp_write_plan(const struct bgp_input *in, const struct bgp_plan *plan, const char *dir,
		   char **out, struct fl_err *err)
{
	bgp_auto_text struct bgp_text t = { 0 };
	struct bgp_writer w = { .in = in, .plan = plan, .t = &t };
	int r;

	if (!bgp_can_say(dir))
		return fl_fail(err, EINVAL,
			       "the folder '%s' has a quote or a control character in its name",
			       dir);
	r = write_all(&w, dir, err);
	return r ?: bgp_text_take(&t, out, err);
}

int bgp_write_config(const struct bgp_input *in, const char *dir, agent_complain *complain,
		     void *arg, char **out, struct fl_err *err)
{
	bgp_auto_plan struct bgp_plan plan = { 0 };
	int r;

	r = bgp_plan_make(in, complain, arg, &plan, err);
	return r ?: bgp_write_plan(in, &plan, dir, out, err);
}
