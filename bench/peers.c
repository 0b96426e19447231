// SPDX-License-Identifier: Apache-2.0
/*
 * peersbench: how long the kernel takes to be told of many nodes, by lib/peers' batches and by
 * "ip -batch" and "bridge -batch", in turn, on the same VXLAN device. It works in a network
 * namespace of its own. After each step the kernel must hold what it should, whoever told it.
 */
#include "exec.h"
#include "report.h"
#include "stats.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "base/text.h"
#include "peers/peers.h"
#include "peers/vtep.h"

#define DEVICE "fairlead.1"
#define MTU    1450

enum { OWN, IPROUTE, WHO };

enum row { PROGRAM, CHANGE, COMPARE, REMOVE, ROWS };

/* Time by the clock and of the processor, milliseconds. */
struct took {
	double wall, cpu;
};

static const struct {
	const char *what, *cpu;
	double target_ms;
} rows[ROWS] = {
	[PROGRAM] = { "all from scratch", "all from scratch, CPU time", 1000 },
	[CHANGE] = { "one comes, moves or goes", "one comes, moves or goes, CPU time", 5 },
	[COMPARE] = { "read all and compare", "read all and compare, CPU time", BENCH_NO_TARGET },
	[REMOVE] = { "remove all", "remove all, CPU time", BENCH_NO_TARGET },
};

struct bench {
	struct fl_nl *nl;
	uint32_t vtep;
	uint32_t n, changes, rounds;
	bool dual; /* a block of each family for each node */
	struct fl_peer *peers;
	struct bench_series wall[ROWS][WHO], cpu[ROWS][WHO]; /* milliseconds */
};

/* Node i, at its usual address or at another one. */
static struct fl_peer make_peer(const struct bench *k, uint32_t i, bool moved)
{
	/* 100.64.0.0/10, 10.0.0.0/8, fd00::/32 */
	struct fl_ip node = { { [10] = 0xff, 0xff, 100, 64 } },
		     block = { { [10] = 0xff, 0xff, 10 } }, block6 = { { 0xfd } };
	struct fl_peer p = { .name = "node", .n_ips = 1, .n_cidrs = k->dual ? 2 : 1 };

	p.ips[0] = fl_ip_add(&node, 2 + i + (moved ? k->n : 0));
	p.cidrs[0] = (struct fl_prefix){ fl_ip_add(&block, (uint64_t)i << 8), 24 };
	block6.b[6] = (uint8_t)(i >> 8);
	block6.b[7] = (uint8_t)i;
	p.cidrs[1] = (struct fl_prefix){ block6, 64 };
	return p;
}

static int make_plan(const struct bench *k, size_t n, struct fl_peers_plan **out,
		     struct fl_err *err)
{
	struct fl_peers_input in = {
		.way = FL_PEERS_OVERLAY,
		.protocol = FL_ROUTE_BY_AGENT,
		.vtep = k->vtep,
		.underlay_family = AF_INET,
		.route_mtu = MTU,
		.n_peers = n,
		.peers = k->peers,
	};

	return fl_peers_plan(&in, NULL, NULL, out, err);
}

static struct took now(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (struct took){ (double)bench_now_ns() / 1e6,
			      (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6 };
}

static struct took since(struct took start)
{
	struct took t = now();

	return (struct took){ t.wall - start.wall, t.cpu - start.cpu };
}

/* The kernel must hold exactly the plan. */
static int verify(const struct bench *k, const struct fl_peers_plan *want, const char *after,
		  struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *have = NULL;
	int r = fl_peers_read(k->nl, FL_ROUTE_BY_AGENT, k->vtep, &have, err);

	if (r == 0 && !fl_peers_plan_equal(have, want))
		r = fl_fail(err, EPROTO, "after %s the kernel holds something else", after);
	return r;
}

/* Commands for ip and for bridge, each in a memory file. */
struct script {
	FILE *ip, *bridge;
};

static void script_close(struct script *s)
{
	if (s->ip)
		(void)fclose(s->ip);
	if (s->bridge)
		(void)fclose(s->bridge);
}

static FILE *memory_file(struct fl_err *err)
{
	int fd = memfd_create("script", 0);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		(void)fl_fail_errno(err, errno, "make a script");
	return f;
}

static int script_open(struct script *s, struct fl_err *err)
{
	s->ip = memory_file(err);
	s->bridge = memory_file(err);
	return s->ip && s->bridge ? 0 : -err->sys;
}

static void say_neigh(FILE *f, const char *verb, const struct fl_neigh *n)
{
	char ip[FL_IP_STR], mac[FL_MAC_STR];

	fl_mac_format(n->mac, mac);
	fprintf(f, "neigh %s %s lladdr %s dev " DEVICE "%s\n", verb, fl_ip_format(&n->ip, ip), mac,
		*verb == 'd' ? "" : " nud permanent");
}

static void say_fdb(FILE *f, const char *verb, const struct fl_fdb *e)
{
	char ip[FL_IP_STR], mac[FL_MAC_STR];

	fl_mac_format(e->mac, mac);
	fprintf(f, "fdb %s %s dst %s dev " DEVICE "\n", verb, mac, fl_ip_format(&e->remote, ip));
}

static void say_route(FILE *f, const char *verb, const struct fl_route *r)
{
	char dst[FL_PREFIX_STR], gw[FL_IP_STR];

	fprintf(f, "route %s %s via %s dev " DEVICE " proto %d", verb,
		fl_prefix_format(&r->dst, dst), fl_ip_format(&r->gw, gw), FL_ROUTE_BY_AGENT);
	fprintf(f, *verb == 'd' ? "\n" : " onlink mtu %d\n", MTU);
}

/* All of a plan, in the order in which packets do not get lost. */
static void say_plan(struct script *s, const char *verb, const struct fl_peers_plan *p)
{
	size_t n;
	const struct fl_route *r = fl_peers_plan_routes(p, &n);
	const struct fl_neigh *ne;
	const struct fl_fdb *f;

	if (*verb == 'd')
		for (size_t i = 0; i < n; i++)
			say_route(s->ip, verb, &r[i]);
	ne = fl_peers_plan_neighs(p, &n);
	for (size_t i = 0; i < n; i++)
		say_neigh(s->ip, verb, &ne[i]);
	r = fl_peers_plan_routes(p, &n);
	if (*verb != 'd')
		for (size_t i = 0; i < n; i++)
			say_route(s->ip, verb, &r[i]);
	f = fl_peers_plan_fdb(p, &n);
	for (size_t i = 0; i < n; i++)
		say_fdb(s->bridge, verb, &f[i]);
}

/* Runs "ip ARGS" or "bridge ARGS"; *took is added to. */
static int run(char *const *argv, struct took *took, struct fl_err *err)
{
	static char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	struct bench_cmd cmd = { .argv = argv, .env = env };
	bench_auto_run struct bench_run one = { 0 };
	int r = bench_prepare(&cmd, &one, err) ?: bench_exec(&one, err);

	took->wall += one.wall_ms;
	took->cpu += one.cpu_ms;
	return r < 0 ? fl_wrap(err, r, "%s", argv[0]) : 0;
}

static int run_script(char *program, FILE *f, struct took *took, struct fl_err *err)
{
	char path[64];
	char *const argv[] = { program, "-batch", path, NULL };

	if (fflush(f) != 0)
		return fl_fail_errno(err, errno, "write a script");
	if (ftell(f) == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(f));
	return run(argv, took, err);
}

static int run_scripts(const struct script *s, struct took *took, struct fl_err *err)
{
	return run_script("/sbin/bridge", s->bridge, took, err)
		       ?: run_script("/sbin/ip", s->ip, took, err);
}

/* From one plan to another by iproute2: what is said of their difference is what a person knows. */
static int by_iproute(const struct fl_peers_plan *gone, const struct fl_peers_plan *fresh,
		      struct took *took, struct fl_err *err)
{
	fl_auto(script_close) struct script s = { 0 };
	int r = script_open(&s, err);

	if (r < 0)
		return r;
	if (fresh)
		say_plan(&s, "replace", fresh);
	if (gone)
		say_plan(&s, "del", gone);
	return run_scripts(&s, took, err);
}

static int note(struct bench *k, enum row row, int who, struct took took, struct fl_err *err)
{
	return bench_series_add(&k->wall[row][who], took.wall, err)
		       ?: bench_series_add(&k->cpu[row][who], took.cpu, err);
}

/* From nothing to all and back. */
static int measure_all(struct bench *k, int who, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *want = NULL, *none = NULL;
	struct fl_peers_count count;
	struct took took = { 0 };
	struct took start = now();
	int r = make_plan(k, k->n, &want, err);

	if (r == 0 && who == OWN)
		r = fl_peers_apply(k->nl, NULL, want, &count, err);
	took = since(start);
	if (r == 0 && who == IPROUTE) {
		took = (struct took){ 0 };
		r = by_iproute(NULL, want, &took, err);
	}
	r = r ?: note(k, PROGRAM, who, took, err) ?: verify(k, want, "programming all", err) ?:
	    make_plan(k, 0, &none, err);
	if (r < 0)
		return r;
	start = now();
	if (who == OWN)
		r = fl_peers_apply(k->nl, want, none, &count, err);
	took = since(start);
	if (r == 0 && who == IPROUTE) {
		took = (struct took){ 0 };
		r = by_iproute(want, NULL, &took, err);
	}
	return r ?: note(k, REMOVE, who, took, err) ?: verify(k, none, "removing all", err);
}

/* A plan of one node only, by which iproute2 is told of a change. */
static int plan_of_one(struct bench *k, struct fl_peer peer, struct fl_peers_plan **out,
		       struct fl_err *err)
{
	struct bench one = *k;

	one.peers = &peer;
	return make_plan(&one, 1, out, err);
}

/* How the last node changes, in turn. */
enum { COMES, MOVES, GOES, SHAPES };

/* One change; *known is what the kernel holds before and after. */
static int measure_change(struct bench *k, int who, uint32_t i, struct fl_peers_plan **known,
			  struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *want = NULL, *old = NULL, *fresh = NULL;
	struct fl_peer before = make_peer(k, k->n - 1, false), after;
	struct fl_peers_count count;
	int shape = (int)(i % SHAPES), r = 0;
	struct took took = { 0 };
	struct took start;

	after = make_peer(k, k->n - 1, shape != COMES);
	if (shape == GOES)
		before = after;
	k->peers[k->n - 1] = after;
	if (who == IPROUTE && shape != COMES)
		r = plan_of_one(k, before, &old, err);
	if (r == 0 && who == IPROUTE && shape != GOES)
		r = plan_of_one(k, after, &fresh, err);
	start = now();
	r = r ?: make_plan(k, shape == GOES ? k->n - 1 : k->n, &want, err);
	if (r == 0 && who == OWN)
		r = fl_peers_apply(k->nl, *known, want, &count, err);
	took = since(start);
	if (r == 0 && who == IPROUTE) {
		took = (struct took){ 0 };
		/* A node that moves keeps its route and its neighbour's address. */
		if (shape == MOVES) {
			fl_auto(script_close) struct script s = { 0 };
			size_t n;

			r = script_open(&s, err);
			if (r < 0)
				return r;
			say_plan(&s, "replace", fresh);
			say_fdb(s.bridge, "del", fl_peers_plan_fdb(old, &n));
			if (k->dual) {
				const struct fl_neigh *ne = fl_peers_plan_neighs(old, &n);

				say_neigh(s.ip, "del", &ne[n - 1]);
			}
			r = run_scripts(&s, &took, err);
		} else {
			r = by_iproute(old, fresh, &took, err);
		}
	}
	r = r ?: note(k, CHANGE, who, took, err) ?: verify(k, want, "a change", err);
	if (r == 0) {
		fl_peers_plan_free(known);
		*known = FL_TAKE(want);
	}
	return r;
}

/* All read, and compared with what should be. For iproute2, only printed. */
static int measure_compare(struct bench *k, const struct fl_peers_plan *want, struct fl_err *err)
{
	char *const route[] = { "/sbin/ip", "route", "show", "proto", "172", NULL },
		    *const route6[] = { "/sbin/ip", "-6", "route", "show", "proto", "172", NULL },
		    *const neigh[] = { "/sbin/ip", "neigh", "show", "dev", DEVICE, NULL },
		    *const fdb[] = { "/sbin/bridge", "fdb", "show", "dev", DEVICE, NULL };
	struct took start = now();
	struct took took = { 0 };
	int r = verify(k, want, "all changes", err);

	r = r ?: note(k, COMPARE, OWN, since(start), err) ?: run(route, &took, err) ?:
	    run(neigh, &took, err) ?: run(fdb, &took, err);
	if (r == 0 && k->dual)
		r = run(route6, &took, err);
	return r ?: note(k, COMPARE, IPROUTE, took, err);
}

/* All nodes but the last one are there; it comes, moves and goes, by both in turn. */
static int measure_changes(struct bench *k, struct fl_err *err)
{
	fl_auto_peers_plan struct fl_peers_plan *known = NULL;
	struct fl_peers_count count;
	int r = make_plan(k, k->n - 1, &known, err)
			?: fl_peers_apply(k->nl, NULL, known, &count, err);

	for (uint32_t i = 0; r == 0 && i < k->changes * SHAPES; i++) {
		r = measure_change(k, (int)(i / SHAPES % WHO), i, &known, err);
		if (r == 0 && i % (2 * SHAPES) == 0)
			r = measure_compare(k, known, err);
	}
	return r ?: fl_peers_apply(k->nl, known, NULL, &count, err);
}

static int prepare(struct bench *k, struct fl_err *err)
{
	struct fl_vtep v = { .name = DEVICE, .vxlan = { 1, FL_VTEP_PORT }, .mtu = MTU };
	struct fl_prefix own; /* without any address the kernel knows no good gateway */
	struct fl_link link;
	bool changed;
	int r;

	if (unshare(CLONE_NEWNET) < 0)
		return fl_fail_errno(err, errno, "make a network namespace (as root)");
	r = fl_nl_open(FL_NL_ROUTE, &k->nl, err) ?: fl_ip_parse("100.64.0.1", &v.vxlan.local, err) ?:
	    fl_prefix_parse("10.255.255.0/32", &own, err);
	if (r < 0)
		return r;
	v.addrs = &own;
	v.n_addrs = 1;
	fl_vtep_mac(&v.vxlan.local, v.mac);
	r = fl_vtep_ensure(k->nl, &v, &link, &changed, err);
	k->vtep = link.index;
	k->peers = calloc(k->n, sizeof(*k->peers));
	if (r == 0 && !k->peers)
		r = fl_fail_errno(err, ENOMEM, "make %u nodes", k->n);
	for (uint32_t i = 0; r == 0 && i < k->n; i++)
		k->peers[i] = make_peer(k, i, false);
	return r;
}

static void print_row(const char *what, const struct bench_series by[WHO])
{
	const struct bench_series *own = &by[OWN], *other = &by[IPROUTE];

	printf("%-36s %8.2f %8.2f %8.2f %8.2f  %5.1fx\n", what, bench_quantile(own, 0.5),
	       bench_quantile(own, 0.9), bench_quantile(other, 0.5), bench_quantile(other, 0.9),
	       bench_quantile(other, 0.5) / bench_quantile(own, 0.5));
}

static void print(const struct bench *k)
{
	struct rusage use;

	printf("\n%u nodes, %s; %u rounds, %u changes each\n%-36s %17s %17s  %s\n", k->n,
	       k->dual ? "a block of each family" : "an IPv4 block each", k->rounds, k->changes,
	       "milliseconds: median p90", "fairlead", "iproute2", "iproute2/fairlead");
	for (int i = 0; i < ROWS; i++)
		print_row(rows[i].what, k->wall[i]);
	for (int i = 0; i < ROWS; i++)
		print_row(rows[i].cpu, k->cpu[i]);
	for (int i = 0; i < ROWS; i++)
		if (rows[i].target_ms > 0)
			bench_print_value(rows[i].what, bench_quantile(&k->wall[i][OWN], 0.5), "ms",
					  rows[i].target_ms);
	if (getrusage(RUSAGE_SELF, &use) == 0)
		bench_print_value("peak memory of this program", (double)use.ru_maxrss / 1024,
				  "MiB", BENCH_NO_TARGET);
	bench_print_verdict();
}

static int read_options(int argc, char **argv, struct bench *k, struct fl_err *err)
{
	int c, r = 0;

	while (r == 0 && (c = getopt(argc, argv, "n:r:c:d")) >= 0) {
		if (c == 'n')
			r = fl_parse_u32(optarg, 2, FL_PEERS_MAX, &k->n, err);
		else if (c == 'r')
			r = fl_parse_u32(optarg, 1, 1000, &k->rounds, err);
		else if (c == 'c')
			r = fl_parse_u32(optarg, 1, 1000, &k->changes, err);
		else if (c == 'd')
			k->dual = true;
		else
			r = fl_fail(err, EINVAL,
				    "usage: peersbench [-n NODES] [-r ROUNDS] "
				    "[-c CHANGES] [-d]");
	}
	return r;
}

static void end_series(struct bench *k, int row, int who)
{
	bench_series_done(&k->wall[row][who]);
	bench_series_done(&k->cpu[row][who]);
}

int main(int argc, char **argv)
{
	struct bench k = { .n = 5000, .rounds = 5, .changes = 20 };
	struct fl_err err = { 0 };
	int r = read_options(argc, argv, &k, &err) ?: prepare(&k, &err);

	for (uint32_t i = 0; r == 0 && i < k.rounds; i++)
		r = measure_all(&k, (int)(i % WHO), &err) ?:
		    measure_all(&k, (int)((i + 1) % WHO), &err) ?: measure_changes(&k, &err);
	if (r == 0)
		print(&k);
	else
		fprintf(stderr, "peersbench: %s\n", err.text);
	for (int i = 0; i < ROWS; i++)
		for (int w = 0; w < WHO; w++)
			end_series(&k, i, w);
	fl_free_p(&k.peers);
	fl_nl_close(&k.nl);
	return r == 0 ? 0 : 1;
}
