// SPDX-License-Identifier: Apache-2.0
/*
 * agent/policy at the real sizes of the maps: what fits to the last entry is in force, and one
 * entry more is refused whole. Slots, rules, ports and prefixes. Needs nothing.
 */
#include "bpf/abi.h"
#include "policy_world.h"

#include <stdlib.h>

#define POLICY "{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','metadata':"

/* A text that grows at its end. */
struct text {
	char *v;
	size_t len, room;
};

static void text_done(struct text *t)
{
	fl_free_p(&t->v);
}
#define fl_auto_text fl_auto(text_done)

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *fmt, ...)
{
	va_list args;

	if (t->room - t->len < 256) {
		t->room = 2 * t->room + 4096;
		t->v = realloc(t->v, t->room);
		CHECK(t->v);
	}
	va_start(args, fmt);
	t->len += (size_t)vsnprintf(t->v + t->len, t->room - t->len, fmt, args);
	va_end(args);
}

static struct pol_world *world_of_n1(void)
{
	const struct pol_options o = { .node = "n1" };
	struct pol_world *w = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(pol_world_new(&o, &w, &err), &err);
	world_put(w, "{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'x'}}");
	return w;
}

/* Pods p0, p1, ... of this node. */
static void put_pod(struct pol_world *w, unsigned int i)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
		       "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'p%u','namespace':'x',"
		       "'labels':{'p':'%u'}},'spec':{'nodeName':'n1'}}",
		       i, i);
	world_put(w, text);
}

/* A policy that isolates this pod, so that it has a set of its own. */
static void isolate(struct pol_world *w, unsigned int i)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
		       POLICY "{'name':'p%u','namespace':'x'},'spec':{'podSelector':"
			      "{'matchLabels':{'p':'%u'}}}}",
		       i, i);
	world_put(w, text);
}

/* Commits; how many pods are told that they are shut, and that they are not. */
static void commit(struct pol_world *w, size_t *shut, size_t *open)
{
	fl_auto_pol_diff struct pol_diff d = { 0 };
	struct fl_err err = { 0 };

	CHECK_OK(pol_world_commit(w, &d, &err), &err);
	*shut = *open = 0;
	for (size_t i = 0; i < d.n; i++)
		if (d.ops[i].e.map == POL_MAP_PODS && !d.ops[i].del)
			++*(d.ops[i].e.pod.slot == POL_SLOT_CLOSED ? shut : open);
}

static void the_pod_with_a_policy_set_too_many_is_shut_until_there_is_room(void **state)
{
	fl_auto_pol_world struct pol_world *w = world_of_n1();
	const unsigned int fit = FL_MAX_SLOTS - 2;
	struct fl_err err = { 0 };
	size_t shut, open;

	(void)state;
	for (unsigned int i = 0; i < fit; i++) {
		put_pod(w, i);
		isolate(w, i);
	}
	commit(w, &shut, &open);
	assert_int_equal(shut, 0);
	assert_int_equal(open, fit);
	assert_int_equal(pol_world_stats(w).shut, 0);
	put_pod(w, fit);
	isolate(w, fit);
	commit(w, &shut, &open);
	assert_int_equal(shut, 1);
	assert_int_equal(open, 0);
	assert_int_equal(pol_world_stats(w).shut, 1);
	/* One goes, and the slot that it gives up is free with the next commit. */
	CHECK_OK(pol_world_del_policy(w, "x", "p7", &err), &err);
	commit(w, &shut, &open);
	assert_true(pol_world_stats(w).admits);
	commit(w, &shut, &open);
	assert_int_equal(shut, 0);
	assert_int_equal(open, 1);
	assert_int_equal(pol_world_stats(w).shut, 0);
}

static const char *refused_map;

static void note_refused(const struct pol_refused *p, void *arg)
{
	assert_string_equal(p->name, "large");
	++*(size_t *)arg;
	refused_map = p->map;
}

/*
 * Puts the policy "large" and says how it fared: the map that it has no room in, or NULL. It is the
 * only one that may be refused.
 */
static const char *fares(struct pol_world *w, const struct text *policy)
{
	size_t n = 0, shut, open;

	world_put(w, policy->v);
	commit(w, &shut, &open);
	refused_map = NULL;
	pol_world_refused(w, note_refused, &n);
	assert_int_equal(n, pol_world_stats(w).refused);
	return refused_map;
}

enum { LIST = 4096 }; /* elements that a list may have */

/* Lets all pods of x in from so many blocks. */
static void say_blocks(struct text *t, unsigned int n)
{
	t->len = 0;
	say(t, POLICY "{'name':'large','namespace':'x'},'spec':{'podSelector':{},'ingress':[");
	for (unsigned int i = 0; i < n; i++) {
		if (i % LIST == 0)
			say(t, "%s{'from':[", i ? "]}," : "");
		say(t, "%s{'ipBlock':{'cidr':'10.%u.%u.%u/32'}}", i % LIST ? "," : "", i >> 16,
		    i >> 8 & 255, i & 255);
	}
	say(t, "]}]}}");
}

static void one_rule_too_many_refuses_the_policy_whole(void **state)
{
	enum { SETS = 128, EACH = FL_MAX_RULES / 2 / SETS };
	fl_auto_pol_world struct pol_world *w = world_of_n1();
	fl_auto_text struct text t = { 0 };

	(void)state;
	for (unsigned int i = 0; i < SETS; i++) {
		put_pod(w, i);
		isolate(w, i);
	}
	say_blocks(&t, EACH);
	assert_null(fares(w, &t));
	assert_int_equal(pol_world_stats(w).rules, FL_MAX_RULES / 2);
	/* A set that allows one block more. */
	world_put(w,
		  POLICY "{'name':'p0','namespace':'x'},'spec':{'podSelector':{'matchLabels':"
			 "{'p':'0'}},'ingress':[{'from':[{'ipBlock':{'cidr':'11.0.0.0/8'}}]}]}}");
	assert_string_equal(fares(w, &t), "rules");
	assert_int_equal(pol_world_stats(w).rules, 1);
	/* And without it again. */
	isolate(w, 0);
	assert_null(fares(w, &t));
	assert_int_equal(pol_world_stats(w).rules, FL_MAX_RULES / 2);
}

/* Lets all pods of x in at so many ports, no two of which make a range; each list is a set. */
static void say_ports(struct text *t, unsigned int n)
{
	static const char *const protocols[] = { "TCP", "UDP", "SCTP" };

	t->len = 0;
	say(t, POLICY "{'name':'large','namespace':'x'},'spec':{'podSelector':{},'ingress':[");
	for (unsigned int i = 0; i < n; i++) {
		unsigned int list = i / LIST;

		if (i % LIST == 0)
			say(t, "%s{'from':[{'ipBlock':{'cidr':'10.%u.0.0/16'}}],'ports':[",
			    i ? "]}," : "", list);
		say(t, "%s{'protocol':'%s','port':%u}", i % LIST ? "," : "", protocols[list % 3],
		    (i % LIST + list / 3) * 2 + 1);
	}
	say(t, "]}]}}");
}

static void one_port_too_many_refuses_the_policy_whole(void **state)
{
	fl_auto_pol_world struct pol_world *w = world_of_n1();
	fl_auto_text struct text t = { 0 };

	(void)state;
	put_pod(w, 0);
	say_ports(&t, FL_MAX_PORTS / 2);
	assert_null(fares(w, &t));
	assert_int_equal(pol_world_stats(w).ports, FL_MAX_PORTS / 2);
	say_ports(&t, FL_MAX_PORTS / 2 + 1);
	assert_string_equal(fares(w, &t), "ports");
	assert_int_equal(pol_world_stats(w).ports, 0);
}

static void one_block_too_many_refuses_the_policy_whole(void **state)
{
	fl_auto_pol_world struct pol_world *w = world_of_n1();
	fl_auto_text struct text t = { 0 };

	(void)state;
	put_pod(w, 0);
	say_blocks(&t, FL_MAX_PREFIXES / 2);
	assert_null(fares(w, &t));
	assert_int_equal(pol_world_stats(w).blocks, FL_MAX_PREFIXES / 2);
	say_blocks(&t, FL_MAX_PREFIXES / 2 + 1);
	assert_string_equal(fares(w, &t), "prefixes");
	assert_int_equal(pol_world_stats(w).blocks, 0);
	assert_int_equal(pol_world_stats(w).rules, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pod_with_a_policy_set_too_many_is_shut_until_there_is_room),
		cmocka_unit_test(one_rule_too_many_refuses_the_policy_whole),
		cmocka_unit_test(one_port_too_many_refuses_the_policy_whole),
		cmocka_unit_test(one_block_too_many_refuses_the_policy_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
