// SPDX-License-Identifier: Apache-2.0
/*
 * agent/policy: the compiler. After thousands of random edits, one commit each, the maps that the
 * differences have led to are the same, byte for byte, as those of a world that is compiled at
 * once. Needs nothing.
 */
#include "inject.h"
#include "policy_world.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#define NAMESPACES 3
#define PODS	   9
#define POLICIES   12

/* A text for each object that there is. */
struct objects {
	char ns[NAMESPACES][256], pod[PODS][1024], policy[POLICIES][2048];
};

static uint64_t seed;

static unsigned int roll(unsigned int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(seed >> 33) % n;
}

static const char *pick(const char *const *of, unsigned int n)
{
	return of[roll(n)];
}

#define PICK(list) pick(list, FL_ARRAY_LEN(list))

static const char *const ns_names[] = { "x", "y", "z" };

static void make_ns(unsigned int i, char *out)
{
	static const char *const labels[] = { "", "'team':'a'", "'team':'b'",
					      "'team':'a','env':'p'" };

	(void)sprintf(out,
		      "{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'%s',"
		      "'labels':{%s}}}",
		      ns_names[i], PICK(labels));
}

static void make_pod(unsigned int i, char *out)
{
	static const char *const labels[] = { "", "'app':'a'", "'app':'b'", "'app':'a','v':'1'",
					      "'app':'c','v':'2'" };
	static const char *const ports[] = {
		"", "{'name':'web','containerPort':80}", "{'name':'web','containerPort':81}",
		"{'name':'web','containerPort':80},{'name':'web','protocol':'UDP',"
		"'containerPort':81}"
	};
	static const char *const more[] = { "", "", "", "", ",'phase':'Succeeded'" };
	static const char *const spec[] = { "", "", "", "", "'hostNetwork':true," };
	unsigned int ip = roll(6) ? i : roll(PODS);

	(void)sprintf(out,
		      "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'%c','namespace':'%s',"
		      "'labels':{%s},'creationTimestamp':'2026-01-0%uT00:00:00Z'},'spec':{%s"
		      "'containers':[{'ports':[%s]}]},'status':{'podIPs':[{'ip':'10.0.%u.%u'},"
		      "{'ip':'fd00::%u'}]%s}}",
		      'a' + i % 3, ns_names[i / 3], PICK(labels), 1 + roll(3), PICK(spec),
		      PICK(ports), ip / 3, ip % 3, ip, PICK(more));
}

static const char *make_peer(void)
{
	static const char *const peers[] = {
		"{'podSelector':{}}",
		"{'podSelector':{'matchLabels':{'app':'a'}}}",
		"{'podSelector':{'matchExpressions':[{'key':'v','operator':'NotIn','values':['1']}]"
		"}}",
		"{'namespaceSelector':{}}",
		"{'namespaceSelector':{'matchLabels':{'team':'a'}}}",
		"{'namespaceSelector':{'matchExpressions':[{'key':'env','operator':'DoesNotExist'}]"
		"}}",
		"{'namespaceSelector':{},'podSelector':{'matchExpressions':[{'key':'app','operator'"
		":"
		"'In','values':['a','c']}]}}",
		"{'namespaceSelector':{'matchLabels':{'kubernetes.io/metadata.name':'y'}},"
		"'podSelector':{'matchExpressions':[{'key':'v','operator':'Exists'}]}}",
		"{'ipBlock':{'cidr':'10.0.0.0/16','except':['10.0.1.0/24']}}",
		"{'ipBlock':{'cidr':'0.0.0.0/0','except':['10.0.0.0/8','10.0.0.1/32']}}",
		"{'ipBlock':{'cidr':'10.0.1.0/24'}}",
		"{'ipBlock':{'cidr':'10.0.1.1/32'}}",
		"{'ipBlock':{'cidr':'::/0','except':['fd00::/126']}}",
		"{'ipBlock':{'cidr':'fd00::/64'}}",
	};

	return PICK(peers);
}

static const char *make_port(void)
{
	static const char *const ports[] = {
		"{'port':80}",
		"{'port':'web'}",
		"{'protocol':'UDP','port':'web'}",
		"{'port':80,'endPort':90}",
		"{'port':85,'endPort':65535}",
		"{'protocol':'SCTP'}",
		"{'protocol':'UDP','port':81}",
	};

	return PICK(ports);
}

static void make_policy(unsigned int i, char *out)
{
	static const char *const subjects[] = {
		"", "'matchLabels':{'app':'a'}", "'matchLabels':{'app':'b'}",
		"'matchExpressions':[{'key':'app','operator':'Exists'}]"
	};
	static const char *const types[] = { "'Ingress'", "'Egress'", "'Ingress','Egress'", "" };
	char *end = out;

	end += sprintf(
		end,
		"{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','metadata':"
		"{'name':'p%u','namespace':'%s'},'spec':{'podSelector':{%s},'policyTypes':[%s]",
		i, ns_names[i % 3], PICK(subjects), PICK(types));
	for (int dir = 0; dir < 2; dir++) {
		unsigned int rules = roll(3);

		end += sprintf(end, ",'%s':[", dir ? "egress" : "ingress");
		for (unsigned int k = 0; k < rules; k++) {
			unsigned int peers = roll(3), ports = roll(3);

			end += sprintf(end, "%s{'%s':[", k ? "," : "", dir ? "to" : "from");
			for (unsigned int j = 0; j < peers; j++)
				end += sprintf(end, "%s%s", j ? "," : "", make_peer());
			end += sprintf(end, "],'ports':[");
			for (unsigned int j = 0; j < ports; j++)
				end += sprintf(end, "%s%s", j ? "," : "", make_port());
			end += sprintf(end, "]}");
		}
		end += sprintf(end, "]");
	}
	(void)sprintf(end, "}}");
}

/* One random edit of the objects and of the world. */
static void edit(struct objects *o, struct pol_world *w)
{
	struct fl_err err = { 0 };
	unsigned int kind = roll(10), i;
	char name[8];

	if (kind == 0) {
		i = roll(NAMESPACES);
		if (*o->ns[i] && roll(2)) {
			o->ns[i][0] = '\0';
			CHECK_OK(pol_world_del_namespace(w, ns_names[i], &err), &err);
			return;
		}
		make_ns(i, o->ns[i]);
		world_put(w, o->ns[i]);
	} else if (kind < 6) {
		i = roll(PODS);
		if (*o->pod[i] && roll(3) == 0) {
			o->pod[i][0] = '\0';
			(void)sprintf(name, "%c", 'a' + i % 3);
			CHECK_OK(pol_world_del_pod(w, ns_names[i / 3], name, &err), &err);
			return;
		}
		make_pod(i, o->pod[i]);
		world_put(w, o->pod[i]);
	} else {
		i = roll(POLICIES);
		if (*o->policy[i] && roll(3) == 0) {
			o->policy[i][0] = '\0';
			(void)sprintf(name, "p%u", i);
			CHECK_OK(pol_world_del_policy(w, ns_names[i % 3], name, &err), &err);
			return;
		}
		make_policy(i, o->policy[i]);
		world_put(w, o->policy[i]);
	}
}

static struct pol_world *new_world(const struct pol_options *o)
{
	struct pol_world *w = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(pol_world_new(o, &w, &err), &err);
	return w;
}

/* A world of these objects, compiled at once; in another order than they came. */
static char *compile_at_once(const struct objects *o, const struct pol_options *options)
{
	fl_auto_pol_world struct pol_world *w = new_world(options);

	for (int i = POLICIES - 1; i >= 0; i--)
		if (*o->policy[i])
			world_put(w, o->policy[i]);
	for (int i = 0; i < PODS; i++)
		if (*o->pod[i])
			world_put(w, o->pod[i]);
	for (int i = 0; i < NAMESPACES; i++)
		if (*o->ns[i])
			world_put(w, o->ns[i]);
	world_commit(w, NULL);
	return snapshot_text(w);
}

static void run_edits(unsigned int from, unsigned int edits, const struct pol_options *options)
{
	static struct objects o;
	fl_auto_pol_world struct pol_world *w = new_world(options);
	struct mirror m = { 0 };
	char what[80];

	seed = from;
	memset(&o, 0, sizeof(o));
	for (unsigned int n = 0; n < edits; n++) {
		fl_auto_free char *by_diff = NULL, *by_world = NULL, *at_once = NULL;

		for (unsigned int k = 1 + (roll(4) == 0 ? roll(8) : 0); k; k--)
			edit(&o, w);
		world_commit(w, &m);
		by_diff = mirror_text(&m);
		by_world = snapshot_text(w);
		at_once = compile_at_once(&o, options);
		(void)sprintf(what, "seed %u, edit %u: map and world", from, n);
		check_same_lines(by_diff, by_world, what);
		(void)sprintf(what, "seed %u, edit %u: world and all at once", from, n);
		check_same_lines(by_world, at_once, what);
	}
	mirror_done(&m);
}

static void edits_lead_to_what_a_compilation_at_once_makes(void **state)
{
	const struct pol_options all = { 0 };

	(void)state;
	for (unsigned int s = 1; s <= 10; s++)
		run_edits(s, 60, &all);
}

static void so_they_do_when_not_everything_fits(void **state)
{
	const struct pol_options tight = { .limits = { .rules = 12, .ports = 12, .prefixes = 3 } };

	(void)state;
	for (unsigned int s = 100; s <= 110; s++)
		run_edits(s, 60, &tight);
}

static bool is_about_peers(const struct pol_op *op)
{
	return op->e.map == POL_MAP_RULES || op->e.map == POL_MAP_PREFIXES ||
	       op->e.map == POL_MAP_PORTS;
}

/* A pod that may hear from 10.0.0.0/8, and a policy for it with 40 blocks of 40 ports within. */
static void what_is_refused_is_not_written_first(void **state)
{
	const struct pol_options tight = { .limits = { .rules = 20, .ports = 20, .prefixes = 9 } };
	fl_auto_pol_world struct pol_world *w = new_world(&tight);
	fl_auto_pol_diff struct pol_diff d = { 0 };
	struct mirror m = { 0 };
	struct fl_err err = { 0 };
	char text[8192], *end = text;

	(void)state;
	world_put(w, "{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'x'}}");
	world_put(w, "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'a','namespace':'x'},"
		     "'status':{'podIP':'10.0.0.1'}}");
	world_put(w, "{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','metadata':"
		     "{'name':'p','namespace':'x'},'spec':{'podSelector':{},'ingress':"
		     "[{'from':[{'ipBlock':{'cidr':'10.0.0.0/8'}}]}]}}");
	world_commit(w, &m);
	end += sprintf(end, "{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy',"
			    "'metadata':{'name':'q','namespace':'x'},'spec':{'podSelector':{},"
			    "'ingress':[");
	for (int i = 0; i < 40; i++)
		end += sprintf(end,
			       "%s{'from':[{'ipBlock':{'cidr':'10.1.%d.0/24'}}],'ports':"
			       "[{'port':%d}]}",
			       i ? "," : "", i, 1000 + i);
	(void)sprintf(end, "]}}");
	world_put(w, text);
	CHECK_OK(pol_world_commit(w, &d, &err), &err);
	assert_int_equal(pol_world_stats(w).refused, 1);
	/* The pod has another slot, and its version the one block that there was. */
	for (size_t i = 0; i < d.n; i++)
		if (is_about_peers(&d.ops[i]))
			assert_int_equal(d.ops[i].e.map, POL_MAP_RULES);
	assert_int_equal(d.n, 5);
	mirror_apply_all(&m, &d);
	mirror_done(&m);
}

static const char small[] =
	"{'kind':'List','items':[{'apiVersion':'v1','kind':'Namespace','metadata':{'name':'x'}},"
	"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'a','namespace':'x','labels':{'app':'a'"
	"}},"
	"'spec':{'containers':[{'ports':[{'name':'web','containerPort':80}]}]},"
	"'status':{'podIP':'10.0.0.1'}},{'apiVersion':'networking.k8s.io/"
	"v1','kind':'NetworkPolicy',"
	"'metadata':{'name':'p','namespace':'x'},'spec':{'ingress':[{'from':[{'namespaceSelector':"
	"{'matchLabels':{'a':'b'}},'podSelector':{}},{'podSelector':{}},{'ipBlock':{'cidr':"
	"'10.0.0.0/8','except':['10.1.0.0/"
	"16']}}],'ports':[{'port':'web'},{'port':1,'endPort':9}]}],"
	"'egress':[{'ports':[{'port':'web'}]}]}}]}";

static int compile_small(void *arg)
{
	const struct pol_options all = { 0 };
	fl_auto_pol_world struct pol_world *w = NULL;
	fl_auto_pol_diff struct pol_diff diff = { 0 }, snapshot = { 0 };
	struct fl_cur root = fl_cur_root(arg, "objects");
	struct fl_err err = { 0 };

	return pol_world_new(&all, &w, &err) ?: pol_world_put_object(w, &root, NULL, NULL, &err)
					     ?: pol_world_commit(w, &diff, &err)
					     ?: pol_world_snapshot(w, &snapshot, &err);
}

static void without_memory_a_world_can_still_be_freed(void **state)
{
	fl_auto_json struct fl_json *v = tree_of(small);

	(void)state;
	assert_int_equal(inject_each(compile_small, v), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_lead_to_what_a_compilation_at_once_makes),
		cmocka_unit_test(so_they_do_when_not_everything_fits),
		cmocka_unit_test(what_is_refused_is_not_written_first),
		cmocka_unit_test(without_memory_a_world_can_still_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
