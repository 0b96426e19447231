// SPDX-License-Identifier: Apache-2.0
/* agent/policy: objects from JSON, validated as the API server does it. Needs nothing. */
#include "agent/policy/read.h"

#include "policy_text.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "agent/policy/valid.h"

#define POLICY(spec)                                                   \
	"{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy'," \
	"'metadata':{'name':'p','namespace':'x'},'spec':" spec "}"
#define IN_RULE(rule) POLICY("{'podSelector':{},'ingress':[" rule "]}")
#define IN_PEER(peer) IN_RULE("{'from':[" peer "]}")
#define IN_PORT(port) IN_RULE("{'ports':[" port "]}")
#define SELECTOR(s)   POLICY("{'podSelector':" s "}")

static int read_policy(const char *text, struct pol_policy *out, struct fl_err *err)
{
	fl_auto_json struct fl_json *v = tree_of(text);
	struct fl_cur root = fl_cur_root(v, "x/p");

	return pol_read_policy(&root, out, err);
}

static const struct {
	const char *text, *want;
} refused[] = {
	{ IN_PEER("{'ipBlock':{'cidr':'10.1.0.0/33'}}"),
	  "x/p 'spec.ingress[0].from[0].ipBlock.cidr': '10.1.0.0/33' is not a prefix" },
	{ IN_PEER("{'ipBlock':{'cidr':'10.1.0.0'}}"), "ipBlock.cidr': '10.1.0.0' is not" },
	{ IN_PEER("{'ipBlock':{'cidr':'::ffff:10.0.0.0/104'}}"), "is not a prefix" },
	{ IN_PEER("{'ipBlock':{'cidr':7}}"), "ipBlock.cidr': expected a string" },
	{ IN_PEER("{'ipBlock':{}}"), "ipBlock.cidr': missing" },
	{ IN_PEER("{'podSelector':{}},{'ipBlock':{'cidr':'10.0.0.0/8','except':"
		  "['10.1.0.0/16','11.0.0.0/16']}}"),
	  "x/p 'spec.ingress[0].from[1].ipBlock.except[1]': '11.0.0.0/16' is not a part of "
	  "cidr '10.0.0.0/8'" },
	{ IN_PEER("{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.0.0.0/8']}}"),
	  "except[0]': '10.0.0.0/8' is not a part of cidr" },
	{ IN_PEER("{'ipBlock':{'cidr':'10.0.0.0/8','except':['0.0.0.0/0']}}"), "except[0]" },
	{ IN_PEER("{'ipBlock':{'cidr':'10.0.0.0/8','except':['fd00::/16']}}"), "except[0]" },
	{ IN_PEER("{'ipBlock':{'cidr':'10.0.0.0/8','except':['x']}}"),
	  "except[0]': 'x' is not a prefix" },
	{ IN_PEER("{'ipBlock':{'cidr':'10.0.0.0/8'},'podSelector':{}}"),
	  "from[0].ipBlock': must stand alone, not beside a selector" },
	{ IN_PEER("{'ipBlock':{'cidr':'10.0.0.0/8'},'namespaceSelector':{}}"), "must stand alone" },
	{ IN_PEER("{}"), "spec.ingress[0].from[0]': is empty" },
	{ IN_PEER("{'podSelector':null}"), "from[0]': is empty" },
	{ IN_PEER("null"), "from[0]': expected an object, found null" },
	{ IN_PEER("{'namspaceSelector':{}}"), "from[0]': unknown field 'namspaceSelector'" },
	{ IN_RULE("null"), "spec.ingress[0]': expected an object" },
	{ IN_RULE("{'form':[]}"), "spec.ingress[0]': unknown field 'form'" },
	{ IN_RULE("{'to':[]}"), "spec.ingress[0]': unknown field 'to'" },
	{ POLICY("{'podSelector':{},'egress':[{'from':[]}]}"), "unknown field 'from'" },
	{ IN_PORT("{'port':0}"),
	  "x/p 'spec.ingress[0].ports[0].port': 0 is not a number from 1 to 65535" },
	{ IN_PORT("{'port':65536}"), "65536 is not" },
	{ IN_PORT("{'port':-1}"), "-1 is not" },
	{ IN_PORT("{'port':80.5}"), "expected a number, found a fraction" },
	{ IN_PORT("{'port':'80'}"), "ports[0].port': '80' is neither a number nor" },
	{ IN_PORT("{'port':''}"), "is neither" },
	{ IN_PORT("{'port':'HTTP'}"), "is neither" },
	{ IN_PORT("{'port':'a--b'}"), "is neither" },
	{ IN_PORT("{'port':'-a'}"), "is neither" },
	{ IN_PORT("{'port':'a234567890123456'}"), "is neither" },
	{ IN_PORT("{'endPort':90}"), "ports[0].endPort': needs a number in port" },
	{ IN_PORT("{'port':'http','endPort':90}"),
	  "endPort': needs a number in port, not the name 'http'" },
	{ IN_PORT("{'port':90,'endPort':89}"), "endPort': 89 is below port 90" },
	{ IN_PORT("{'port':90,'endPort':65536}"), "endPort': 65536 is not" },
	{ IN_PORT("{'port':90,'endPort':0}"), "endPort': 0 is not" },
	{ IN_PORT("{'protocol':'tcp'}"), "protocol': 'tcp' is not TCP, UDP or SCTP" },
	{ IN_PORT("{'protocol':'ICMP'}"), "protocol': 'ICMP' is not" },
	{ IN_PORT("{'prot':'TCP'}"), "ports[0]': unknown field 'prot'" },
	{ POLICY("{'podSelector':{},'policyTypes':['ingress']}"),
	  "spec.policyTypes[0]': 'ingress' is not Ingress or Egress" },
	{ POLICY("{'podSelector':{},'policyTypes':['Ingress','Egress','Ingress']}"),
	  "spec.policyTypes': has 3 elements" },
	{ POLICY("{'podSelectr':{}}"), "spec': unknown field 'podSelectr'" },
	{ SELECTOR("{'matchLabel':{}}"), "spec.podSelector': unknown field 'matchLabel'" },
	{ SELECTOR("{'matchLabels':{'a b':'c'}}"), "'a b' is not a label's key" },
	{ SELECTOR("{'matchLabels':{'/b':'c'}}"), "'/b' is not a label's key" },
	{ SELECTOR("{'matchLabels':{'A.b/c/d':'c'}}"), "is not a label's key" },
	{ SELECTOR("{'matchLabels':{'a':'-'}}"), "'-' is not a label's value" },
	{ SELECTOR("{'matchLabels':{'a':1}}"), "matchLabels.a': expected a string" },
	{ SELECTOR("{'matchExpressions':[{'key':'a','operator':'Is','values':['b']}]}"),
	  "spec.podSelector.matchExpressions[0].operator': 'Is' is not In, NotIn" },
	{ SELECTOR("{'matchExpressions':[{'key':'a','values':['b']}]}"), "operator': missing" },
	{ SELECTOR("{'matchExpressions':[{'operator':'Exists'}]}"), "key': missing" },
	{ SELECTOR("{'matchExpressions':[{'key':'a','operator':'In'}]}"),
	  "matchExpressions[0].values': must hold a value with the operator In" },
	{ SELECTOR("{'matchExpressions':[{'key':'a','operator':'NotIn','values':[]}]}"),
	  "values': must hold a value" },
	{ SELECTOR("{'matchExpressions':[{'key':'a','operator':'Exists','values':['b']}]}"),
	  "values': must be absent with the operator Exists" },
	{ SELECTOR("{'matchExpressions':[{'key':'a','operator':'DoesNotExist',"
		   "'values':['b']}]}"),
	  "values': must be absent" },
	{ SELECTOR("{'matchExpressions':[{'key':'a','operator':'In','values':['b c']}]}"),
	  "values[0]': 'b c' is not a label's value" },
	{ SELECTOR("7"), "spec.podSelector': expected an object" },
	{ "{'spec':{}}", "x/p 'metadata': missing" },
	{ "{'metadata':{'name':'a b'}}", "metadata.name': 'a b' is not a name" },
	{ "{'metadata':{'name':'a','namespace':'a.b'}}", "'a.b' is not a namespace's name" },
};

static void a_policy_that_the_api_server_refuses_is_refused_by_its_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(refused); i++) {
		struct pol_policy p = { 0 };
		struct fl_err err = { 0 };

		CHECK_FAILS(read_policy(refused[i].text, &p, &err), EINVAL, &err, refused[i].want);
		CHECK(!p.name && !p.pods.v);
	}
}

/* A policy in one line: what it isolates, its selector, its rules. */
static void describe(const struct pol_policy *p, char *out, size_t size)
{
	size_t n = 0;
	char text[FL_PREFIX_STR];

	for (int dir = POL_INGRESS; dir <= POL_EGRESS; dir++) {
		const struct pol_part *part = &p->part[dir];

		n += (size_t)snprintf(out + n, size - n, "%s%s:", part->isolates ? "!" : "",
				      pol_direction_text(dir));
		for (size_t i = 0; i < part->n; i++) {
			const struct pol_rule *r = &part->rules[i];

			n += (size_t)snprintf(out + n, size - n, "[");
			for (size_t j = 0; j < r->n_peers; j++) {
				const struct pol_peer *e = &r->peers[j];

				n += (size_t)snprintf(
					out + n, size - n, "%s%s%s",
					e->pods.present ? (e->pods.n ? "P" : "p") : "",
					e->namespaces.present ? (e->namespaces.n ? "N" : "n") : "",
					e->is_block ? fl_prefix_format(&e->cidr, text) : "");
				for (size_t k = 0; k < e->n_except; k++)
					n += (size_t)snprintf(
						out + n, size - n, "-%s",
						fl_prefix_format(&e->except[k], text));
			}
			for (size_t j = 0; j < r->n_ports; j++)
				n += (size_t)snprintf(out + n, size - n, " %u/%s%u-%u",
						      r->ports[j].proto, r->ports[j].name,
						      r->ports[j].first, r->ports[j].last);
			n += (size_t)snprintf(out + n, size - n, "]");
		}
		n += (size_t)snprintf(out + n, size - n, dir == POL_INGRESS ? " " : "");
	}
}

static void a_policy_is_read_with_the_api_servers_defaults(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "{'metadata':{'name':'p'}}", "!ingress: egress:" },
		{ POLICY("{}"), "!ingress: egress:" },
		{ POLICY("{'podSelector':null,'ingress':null,'policyTypes':[]}"),
		  "!ingress: egress:" },
		{ POLICY("{'egress':[]}"), "!ingress: egress:" },
		{ POLICY("{'egress':[{}]}"), "!ingress: !egress:[]" },
		{ POLICY("{'policyTypes':['Egress'],'ingress':[{}]}"), "ingress:[] !egress:" },
		{ POLICY("{'policyTypes':['Ingress','Egress']}"), "!ingress: !egress:" },
		{ POLICY("{'policyTypes':['Ingress'],'egress':[{}]}"), "!ingress: egress:[]" },
		{ IN_RULE("{}"), "!ingress:[] egress:" },
		{ IN_RULE("{'from':[],'ports':null}"), "!ingress:[] egress:" },
		{ IN_PEER("{'podSelector':{}}"), "!ingress:[p] egress:" },
		{ IN_PEER("{'podSelector':{},'namespaceSelector':{}}"), "!ingress:[pn] egress:" },
		{ IN_PEER("{'podSelector':{'matchLabels':{'a':'b'}},'namespaceSelector':"
			  "{'matchExpressions':[{'key':'k','operator':'Exists'}]}}"),
		  "!ingress:[PN] egress:" },
		{ IN_PEER("{'ipBlock':{'cidr':'10.1.2.3/8','except':['10.1.2.3/16']}}"),
		  "!ingress:[10.0.0.0/8-10.1.0.0/16] egress:" },
		{ IN_PEER("{'ipBlock':{'cidr':'::/0','except':['fd00::1/8']}}"),
		  "!ingress:[::/0-fd00::/8] egress:" },
		{ IN_PORT("{}"), "!ingress:[ 6/0-65535] egress:" },
		{ IN_PORT("{'protocol':'UDP'}"), "!ingress:[ 17/0-65535] egress:" },
		{ IN_PORT("{'protocol':'SCTP','port':1},{'port':65535}"),
		  "!ingress:[ 132/1-1 6/65535-65535] egress:" },
		{ IN_PORT("{'port':1,'endPort':65535},{'port':80,'endPort':80}"),
		  "!ingress:[ 6/1-65535 6/80-80] egress:" },
		{ IN_PORT("{'port':'a23456789-12345'}"),
		  "!ingress:[ 6/a23456789-123450-65535] egress:" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_pol_policy struct pol_policy p = { 0 };
		struct fl_err err = { 0 };

		CHECK_OK(read_policy(t[i].text, &p, &err), &err);
		describe(&p, text, sizeof(text));
		assert_string_equal(text, t[i].want);
		CHECK(p.pods.present && p.pods.n == 0);
		assert_string_equal(p.ns, i ? "x" : "default");
	}
}

static void more_than_a_list_can_hold_is_refused_at_its_edge(void **state)
{
	static char text[64 + (POL_PEERS_MAX + 1) * 3];

	(void)state;
	for (size_t n = POL_RULES_MAX; n <= POL_RULES_MAX + 1; n++) {
		fl_auto_pol_policy struct pol_policy p = { 0 };
		struct fl_err err = { 0 };
		char *end = stpcpy(text, "{'metadata':{'name':'p'},'spec':{'ingress':[");

		for (size_t i = 0; i < n; i++)
			end = stpcpy(end, i ? ",{}" : "{}");
		(void)stpcpy(end, "]}}");
		if (n == POL_RULES_MAX)
			CHECK_OK(read_policy(text, &p, &err), &err);
		else
			CHECK_FAILS(read_policy(text, &p, &err), EINVAL, &err,
				    "spec.ingress': has 4097 elements, 4096 at most");
	}
}

static void a_namespace_has_its_name_as_a_label(void **state)
{
	static const char *const texts[] = {
		"{'metadata':{'name':'x'}}",
		"{'metadata':{'name':'x','labels':{'a':'b','z':''}}}",
		"{'metadata':{'name':'x','labels':{'kubernetes.io/metadata.name':'y'}}}",
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(texts); i++) {
		fl_auto_json struct fl_json *v = tree_of(texts[i]);
		fl_auto_pol_namespace struct pol_namespace ns = { 0 };
		struct fl_cur root = fl_cur_root(v, "x");
		struct fl_err err = { 0 };

		CHECK_OK(pol_read_namespace(&root, &ns, &err), &err);
		assert_string_equal(ns.name, "x");
		assert_string_equal(pol_labels_get(&ns.labels, "kubernetes.io/metadata.name"), "x");
		assert_int_equal(ns.labels.n, i == 1 ? 3 : 1);
	}
}

static void a_pod_is_read_with_addresses_and_named_ports(void **state)
{
	static const char text[] =
		"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'a','namespace':'x','labels':"
		"{'z':'1','b':'2'},'creationTimestamp':'2026-01-02T03:04:05Z'},'spec':{'nodeName':"
		"'n1','containers':[{'name':'c','ports':[{'containerPort':80},{'name':'web',"
		"'containerPort':8080},{'name':'dns','containerPort':53,'protocol':'UDP'}]},{'name'"
		":"
		"'d','ports':[{'name':'web','containerPort':8081},{'name':'web','containerPort':"
		"8080}]}],'initContainers':[{'name':'i','ports':[{'name':'init','containerPort':1}]"
		"},"
		"{'name':'s','restartPolicy':'Always','ports':[{'name':'side','containerPort':2}]}]"
		"},"
		"'status':{'phase':'Running','podIP':'10.1.0.5','podIPs':[{'ip':'10.1.0.5'},"
		"{'ip':'fd00::5'}],'hostIP':'192.0.2.1'}}";
	fl_auto_json struct fl_json *v = tree_of(text);
	fl_auto_pol_pod struct pol_pod p = { 0 };
	struct fl_cur root = fl_cur_root(v, "x/a");
	struct fl_err err = { 0 };

	(void)state;
	CHECK(pol_kind_of(v) == POL_KIND_POD);
	CHECK_OK(pol_read_pod(&root, &p, &err), &err);
	assert_string_equal(p.node, "n1");
	assert_string_equal(p.created, "2026-01-02T03:04:05Z");
	assert_string_equal(p.labels.v[0].key, "b");
	CHECK(p.n_ips == 2 && p.n_node_ips == 1 && !p.finished && !p.host_network && !p.deleting);
	assert_int_equal(p.n_ports, 4);
	assert_string_equal(p.ports[0].name, "dns");
	CHECK(p.ports[0].proto == IPPROTO_UDP);
	assert_string_equal(p.ports[1].name, "side");
	CHECK(p.ports[2].port == 8080 && p.ports[3].port == 8081);
}

static void a_pod_that_has_ended_or_is_of_the_host_says_so(void **state)
{
	static const struct {
		const char *text;
		bool finished, host, deleting;
	} t[] = {
		{ "{'metadata':{'name':'a'},'status':{'phase':'Succeeded'}}", true, false, false },
		{ "{'metadata':{'name':'a'},'status':{'phase':'Failed'}}", true, false, false },
		{ "{'metadata':{'name':'a'},'status':{'phase':'Pending','podIP':''}}", false, false,
		  false },
		{ "{'metadata':{'name':'a'},'spec':{'hostNetwork':true}}", false, true, false },
		{ "{'metadata':{'name':'a','deletionTimestamp':'2026-01-02T03:04:05Z'}}", false,
		  false, true },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *v = tree_of(t[i].text);
		fl_auto_pol_pod struct pol_pod p = { 0 };
		struct fl_cur root = fl_cur_root(v, "a");
		struct fl_err err = { 0 };

		CHECK_OK(pol_read_pod(&root, &p, &err), &err);
		CHECK(p.finished == t[i].finished && p.host_network == t[i].host);
		CHECK(p.deleting == t[i].deleting && p.n_ips == 0);
	}
}

static void a_pod_that_makes_no_sense_is_refused_by_its_path(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "{'metadata':{'name':'a','labels':{'k':'v v'}}}",
		  "a 'metadata.labels.k': 'v v'" },
		{ "{'metadata':{'name':'a'},'status':{'podIPs':[{'ip':'10.0.0'}]}}",
		  "a 'status.podIPs[0].ip': '10.0.0' is not an IP address" },
		{ "{'metadata':{'name':'a'},'spec':{'containers':[{'ports':[{'name':'x'}]}]}}",
		  "spec.containers[0].ports[0].containerPort': missing" },
		{ "{'metadata':{'name':'a'},'spec':{'containers':[{'ports':[{'name':'x',"
		  "'containerPort':0}]}]}}",
		  "0 is not a number from 1 to 65535" },
		{ "{'metadata':{'name':'a'},'spec':{'containers':[{'ports':[{'name':'8',"
		  "'containerPort':1}]}]}}",
		  "ports[0].name': '8' is not a port's name" },
		{ "{'metadata':{'name':'a'},'spec':{'containers':[{'ports':[{'protocol':'X',"
		  "'containerPort':1}]}]}}",
		  "ports[0].protocol': 'X' is not TCP, UDP or SCTP" },
		{ "{'metadata':{'name':'a'},'spec':{'containers':[null]}}", "containers[0]'" },
		{ "{'metadata':{'name':'a'},'status':{'podIPs':[{'ip':'10.0.0.1'},{'ip':'10.0.0.2'}"
		  ","
		  "{'ip':'10.0.0.3'},{'ip':'10.0.0.4'},{'ip':'10.0.0.5'},{'ip':'10.0.0.6'},"
		  "{'ip':'10.0.0.7'},{'ip':'10.0.0.8'},{'ip':'10.0.0.9'}]}}",
		  "podIPs[8].ip': is one address more than 8" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *v = tree_of(t[i].text);
		struct fl_cur root = fl_cur_root(v, "a");
		struct pol_pod p = { 0 };
		struct fl_err err = { 0 };

		CHECK_FAILS(pol_read_pod(&root, &p, &err), EINVAL, &err, t[i].want);
	}
}

static void names_are_judged_at_their_edges(void **state)
{
	static const char l63[] = "a23456789012345678901234567890123456789012345678901234567890123";
	char l64[65], sub[260];

	(void)state;
	(void)snprintf(l64, sizeof(l64), "%sx", l63);
	(void)snprintf(sub, sizeof(sub), "%s.%s.%s.%.61s", l63, l63, l63, l63);
	CHECK(strlen(l63) == 63 && strlen(sub) == 253);
	CHECK(pol_valid_label_value(l63) && !pol_valid_label_value(l64));
	CHECK(pol_valid_label_value("") && pol_valid_label_value("A_b.c-9"));
	CHECK(!pol_valid_label_value("a.") && !pol_valid_label_value("\xc3\xa9"));
	CHECK(pol_valid_label_key(l63) && !pol_valid_label_key(l64) && !pol_valid_label_key(""));
	CHECK(pol_valid_label_key("a.b/C") && !pol_valid_label_key("a_b/C"));
	CHECK(!pol_valid_label_key("a/") && !pol_valid_label_key("A/b"));
	CHECK(pol_valid_dns_label(l63) && !pol_valid_dns_label(l64) && !pol_valid_dns_label("a.b"));
	CHECK(pol_valid_dns_subdomain(sub) && !pol_valid_dns_subdomain("a..b"));
	(void)strcat(sub, "x");
	CHECK(!pol_valid_dns_subdomain(sub) && !pol_valid_dns_subdomain(""));
	CHECK(pol_valid_port_name("a") && pol_valid_port_name("8a-b"));
	CHECK(!pol_valid_port_name("88") && !pol_valid_port_name("a_b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_that_the_api_server_refuses_is_refused_by_its_path),
		cmocka_unit_test(a_policy_is_read_with_the_api_servers_defaults),
		cmocka_unit_test(more_than_a_list_can_hold_is_refused_at_its_edge),
		cmocka_unit_test(a_namespace_has_its_name_as_a_label),
		cmocka_unit_test(a_pod_is_read_with_addresses_and_named_ports),
		cmocka_unit_test(a_pod_that_has_ended_or_is_of_the_host_says_so),
		cmocka_unit_test(a_pod_that_makes_no_sense_is_refused_by_its_path),
		cmocka_unit_test(names_are_judged_at_their_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
