// SPDX-License-Identifier: Apache-2.0
/* agent/source/objects.c: objects of a text. Needs nothing. */
#include "agent/source/objects.h"

#include "inject.h"
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "yaml/yaml.h"

#define NODE(name, n)                                                                   \
	"apiVersion: v1\nkind: Node\nmetadata: {name: " name "}\nspec: {podCIDR: 10." n \
	".0.0/16}\nstatus: {addresses: [{type: InternalIP, address: 192.0.2." n "}]}\n"
#define ITEM(name, n)                                          \
	"- {metadata: {name: " name "}, spec: {podCIDR: 10." n \
	".0.0/16}, status: {addresses: [{type: InternalIP, address: 192.0.2." n "}]}}\n"

#define NAMESPACE(name) "apiVersion: v1\nkind: Namespace\nmetadata: {name: " name "}\n"
#define POD(name, more) \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: a" more "}\n"
#define POLICY(name)                                                                          \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " name "}\n" \
	"spec: {podSelector: {}}\n"

struct said {
	int n;
	char last[256];
};

static struct fl_json *tree_of(const struct src_object *o)
{
	struct fl_json *tree = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(src_object_tree(o, &tree, &err), &err);
	return tree;
}

static void note(const char *where, const char *version, const char *kind, void *arg)
{
	struct said *s = arg;

	s->n++;
	snprintf(s->last, sizeof(s->last), "%s %s %s", where, version, kind);
}

static struct src_objects read_text(const char *text, const struct src_objects *last,
				    struct said *said)
{
	struct src_objects o = { 0 };
	struct fl_err err = { 0 };

	*said = (struct said){ 0 };
	CHECK_OK(src_objects_read(
			 &(struct src_input){ "f.yaml", text, strlen(text), last, note, said }, &o,
			 &err),
		 &err);
	return o;
}

static void nodes_are_found_in_documents_and_lists(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *where; /* of the last one */
	} t[] = {
		{ "", 0, "" },
		{ NODE("n1", "1"), 1, "f.yaml:1" },
		{ NODE("n1", "1") "---\n" NODE("n2", "2"), 2, "f.yaml:7" },
		{ "apiVersion: v1\nkind: List\nitems:\n"
		  "- {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDR: "
		  "10.0.0.0/8}, "
		  "status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}}\n",
		  1, "f.yaml:4" },
		{ "apiVersion: v1\nkind: NodeList\nitems:\n" ITEM("n1", "1") ITEM("n2", "2"), 2,
		  "f.yaml:5" },
		{ "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: NodeList\n  "
		  "items:\n"
		  "  " ITEM("n1", "1"),
		  1, "f.yaml:7" },
		{ "apiVersion: v1\nkind: List\nitems: []\n", 0, "" },
		{ "apiVersion: v1\nkind: List\nitems: null\n", 0, "" },
		{ "{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[]}", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct said said;
		fl_auto(src_objects_done) struct src_objects o = read_text(t[i].text, NULL, &said);

		if (o.complaints.n > 0)
			fail_msg("%zu: %s", i, o.complaints.list[0].text);
		CHECK(o.n_nodes == t[i].n && o.known == t[i].n && said.n == 0 && o.unknown == 0);
		if (t[i].n > 0)
			assert_string_equal(o.nodes[t[i].n - 1].where, t[i].where);
	}
}

static void known_kinds_are_silent_and_others_are_told(void **state)
{
	static const char text[] = NAMESPACE("a") "---\n" POD("p", "") "---\n" POLICY(
		"q") "---\n"
		     "apiVersion: networking.k8s.io/v1\nkind: "
		     "NetworkPolicyList\nitems: [{metadata: {name: r}, "
		     "spec: {podSelector: {}}}]\n"
		     "---\n"
		     "apiVersion: apps/v1\nkind: Deployment\n---\n"
		     "apiVersion: example.org/v2\nkind: Node\n";
	struct said said;
	fl_auto(src_objects_done) struct src_objects o = read_text(text, NULL, &said);

	(void)state;
	CHECK(o.n_nodes == 0 && o.complaints.n == 0 && o.known == 4 && o.unknown == 2);
	CHECK(o.n_objects == 4);
	CHECK(said.n == 2);
	assert_string_equal(said.last, "f.yaml:21 example.org/v2 Node");
}

static void what_is_wrong_is_said_and_the_rest_is_read(void **state)
{
	static const char *const t[][3] = {
		{ "- 1\n", "f.yaml:1", "object: expected an object" },
		{ "kind: Node\n", "f.yaml:1", "object 'apiVersion': missing, expected a string" },
		{ "\napiVersion: v1\n", "f.yaml:2", "object 'kind': missing, expected a string" },
		{ "apiVersion: v1\nkind: Node\n", "f.yaml:1",
		  "object 'metadata': missing, expected an object" },
		{ "apiVersion: v1\nkind: Node\nmetadata: {name: x}\n", "f.yaml:1",
		  "node 'x': object 'status.addresses': no address of type InternalIP" },
		{ "apiVersion: v1\nkind: List\nitems: 7\n", "f.yaml:3",
		  "object 'items': expected an array, found a number 7" },
		{ "apiVersion: v1\nkind: List\nitems:\n- 7\n", "f.yaml:4",
		  "object: expected an object, found a number 7" },
		{ "apiVersion: v1\nkind: List\nitems:\n- {}\n- kind: Node\n", "f.yaml:4",
		  "object 'apiVersion': missing" },
		{ "apiVersion: v1\nkind: NodeList\nitems:\n- {kind: 7}\n", "f.yaml:4",
		  "object 'kind': expected a string, found a number 7" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		char text[512];
		struct said said;

		snprintf(text, sizeof(text), "%s---\n%s", t[i][0], NODE("n1", "1"));
		fl_auto(src_objects_done) struct src_objects o = read_text(text, NULL, &said);

		CHECK(o.n_nodes == 1 && o.complaints.n >= 1);
		assert_string_equal(o.complaints.list[0].where, t[i][1]);
		if (strncmp(o.complaints.list[0].text, t[i][2], strlen(t[i][2])) != 0)
			fail_msg("'%s' is not '%s'", o.complaints.list[0].text, t[i][2]);
	}
}

static void a_text_that_is_no_yaml_is_refused_whole(void **state)
{
	static const char text[] = NODE("n1", "1") "---\na: [\n";
	const struct src_input in = { "f.yaml", text, strlen(text), NULL, note, NULL };
	struct src_objects o = { .n_nodes = 7 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_FAILS(src_objects_read(&in, &o, &err), EINVAL, &err,
		    "f.yaml:8:1: did not find expected node content");
	CHECK(o.n_nodes == 7);
}

static void an_object_that_breaks_keeps_its_last_form(void **state)
{
	struct said said;
	fl_auto(src_objects_done) struct src_objects
		first = read_text(NODE("n1", "1") "---\n" NODE("n2", "2"), NULL, &said),
		second = read_text(
			NODE("n1", "1") "---\n"
					"apiVersion: v1\nkind: Node\nmetadata: {name: n2}\n"
					"---\n" NODE("n3", "3"),
			&first, &said),
		third = read_text(NODE("n1", "1"), &second, &said);

	(void)state;
	CHECK(second.n_nodes == 3 && second.complaints.n == 1);
	CHECK(agent_node_equal(&second.nodes[1], &first.nodes[1]));
	/* What is not in the text any more is not kept. */
	CHECK(third.n_nodes == 1 && third.complaints.n == 0);
}

/* "KIND NS/NAME WHERE" of all, separated by "; ". */
static const char *list_objects(const struct src_objects *o)
{
	static char out[1024];
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < o->n_objects; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s %s/%s %s", i ? "; " : "",
				      src_kind_text(o->objects[i]->kind), o->objects[i]->ns,
				      o->objects[i]->name, o->objects[i]->where);
	return out;
}

static void what_policies_are_about_is_found_in_documents_and_lists(void **state)
{
	static const char text[] = NAMESPACE("a") "---\n" POD(
		"p", "") "---\n"
			 "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: q}\n---\n"
			 "apiVersion: v1\nkind: NamespaceList\nitems:\n- metadata: {name: b}\n---\n"
			 "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems:\n"
			 "- {metadata: {name: d, namespace: b}, spec: {podSelector: {}}}\n---\n"
			 "apiVersion: v1\nkind: List\nitems:\n"
			 "- {apiVersion: v1, kind: Namespace, metadata: {name: c}}\n";
	struct said said;
	fl_auto(src_objects_done) struct src_objects o = read_text(text, NULL, &said);

	(void)state;
	CHECK(o.complaints.n == 0 && o.known == 6);
	assert_string_equal(list_objects(&o),
			    "Namespace /a f.yaml:1; Pod a/p f.yaml:5; "
			    "Pod default/q f.yaml:12; Namespace /b f.yaml:17; "
			    "NetworkPolicy b/d f.yaml:22; Namespace /c f.yaml:27");
	/* Each says what it is, even where the list said it. */
	for (size_t i = 0; i < o.n_objects; i++) {
		fl_auto_json struct fl_json *tree = tree_of(o.objects[i]);

		CHECK(pol_kind_of(tree) == o.objects[i]->kind);
	}
}

static void of_an_object_is_kept_what_policies_look_at(void **state)
{
	static const struct {
		const char *text, *kept;
	} t[] = {
		{ "{apiVersion: v1, kind: Namespace, metadata: {name: a, uid: x, labels: {k: v}}, "
		  "spec: {finalizers: [kubernetes]}, status: {phase: Active}}",
		  "{metadata: {name: a, labels: {k: v}}, apiVersion: v1, kind: Namespace}" },
		{ "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a, uid: x, "
		  "labels: {k: v}, annotations: {b: c}, managedFields: [{manager: m}], "
		  "creationTimestamp: \"2026-01-02T15:04:05Z\", deletionTimestamp: \"x\"}, "
		  "spec: {nodeName: node, hostNetwork: true, volumes: [{name: v}], "
		  "containers: [{name: c, image: i, ports: [{name: web, containerPort: 80, "
		  "protocol: TCP, hostIP: \"\"}]}], "
		  "initContainers: [{name: d, restartPolicy: Always, ports: [{containerPort: 9}]}, "
		  "{name: e, ports: 7}]}, "
		  "status: {phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}], "
		  "hostIP: 192.0.2.1, hostIPs: [{ip: 192.0.2.1}], conditions: [{type: Ready}]}}",
		  "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a, "
		  "labels: {k: v}, "
		  "creationTimestamp: \"2026-01-02T15:04:05Z\", deletionTimestamp: \"x\"}, "
		  "spec: {nodeName: node, hostNetwork: true, "
		  "containers: [{name: c, ports: [{name: web, containerPort: 80, "
		  "protocol: TCP}]}], "
		  "initContainers: [{name: d, restartPolicy: Always, ports: [{containerPort: 9}]}, "
		  "{name: e, ports: 7}]}, "
		  "status: {phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}], "
		  "hostIP: 192.0.2.1, hostIPs: [{ip: 192.0.2.1}]}}" },
		{ "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: q, "
		  "uid: x, generation: 3}, spec: {podSelector: {matchLabels: {k: v}}, "
		  "ingress: [{from: [{podSelector: {}}]}]}, status: {}}",
		  "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: q, "
		  "generation: 3}, spec: {podSelector: {matchLabels: {k: v}}, "
		  "ingress: [{from: [{podSelector: {}}]}]}}" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct said said;
		struct fl_err err = { 0 };
		fl_auto_yaml struct fl_yaml *kept = NULL;
		fl_auto_json struct fl_json *tree = NULL;
		fl_auto(src_objects_done) struct src_objects o = read_text(t[i].text, NULL, &said);

		CHECK_OK(fl_yaml_parse("kept", t[i].kept, strlen(t[i].kept), &kept, &err), &err);
		if (o.complaints.n > 0)
			fail_msg("%s", o.complaints.list[0].text);
		CHECK(o.n_objects == 1);
		tree = tree_of(o.objects[0]);
		CHECK(fl_json_equal(tree, fl_yaml_doc(kept, 0, NULL)));
	}
}

#define POLICY_HEAD "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: q\n"

static void a_wrong_object_is_said_with_its_name_path_and_line(void **state)
{
	static const char *const t[][3] = {
		{ "apiVersion: v1\nkind: Pod\n", "f.yaml:1",
		  "Pod 'metadata': missing, expected an object" },
		{ "\napiVersion: v1\nkind: Namespace\nmetadata: {name: A}\n", "f.yaml:4",
		  "Namespace A 'metadata.name': 'A' is not a name" },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: 7}\n", "f.yaml:3",
		  "Pod p 'metadata.namespace': expected a string, found a number 7" },
		{ "apiVersion: v1\nkind: PodList\nitems:\n"
		  "- {metadata: {name: p}, status: {podIP: x}}\n",
		  "f.yaml:4", "Pod default/p 'status.podIP': " },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
		  "metadata: {name: q, namespace: a}\n"
		  "spec: {podSelector: {}, ingress: [{form: []}]}\n",
		  "f.yaml:4", "NetworkPolicy a/q 'spec.ingress[0]': unknown field 'form'" },
		{ POLICY_HEAD "spec:\n  podSelector: {}\n  ingress:\n  - from: []\n"
			      "    ports:\n    - port: 80\n    - port: 81\n      prt: 82\n",
		  "f.yaml:12",
		  "NetworkPolicy default/q 'spec.ingress[0].ports[1]': unknown field 'prt'" },
		{ POLICY_HEAD "spec:\n  podSelector:\n    matchExpressions:\n    - key: a\n"
			      "      operator: Is\n",
		  "f.yaml:9",
		  "NetworkPolicy default/q 'spec.podSelector.matchExpressions[0].operator': 'Is'" },
		{ POLICY_HEAD "spec:\n  podSelector: {}\n  egress:\n  - to:\n    - ipBlock:\n"
			      "        except: []\n",
		  "f.yaml:9",
		  "NetworkPolicy default/q 'spec.egress[0].to[0].ipBlock.cidr': missing" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		char text[512];
		struct said said;

		snprintf(text, sizeof(text), "%s---\n%s", t[i][0], NAMESPACE("good"));
		fl_auto(src_objects_done) struct src_objects o = read_text(text, NULL, &said);

		CHECK(o.n_objects == 1 && o.complaints.n == 1);
		assert_string_equal(o.objects[0]->name, "good");
		assert_string_equal(o.complaints.list[0].where, t[i][1]);
		if (strncmp(o.complaints.list[0].text, t[i][2], strlen(t[i][2])) != 0)
			fail_msg("'%s' is not '%s'", o.complaints.list[0].text, t[i][2]);
	}
}

static void a_policy_or_pod_that_breaks_keeps_its_last_form(void **state)
{
	static const char good[] = POD("p", ", labels: {k: v}") "---\n" POD(
		"r", ", labels: {k: w}") "---\n" POLICY("p");
	static const char bad[] = POLICY("p") "wrong: 1\n---\n" POD("r", ", labels: 7") "---\n" POD(
		"p", ", labels: 7") "---\n" POD("s", ", labels: 7");
	struct said said;
	fl_auto(src_objects_done) struct src_objects first = read_text(good, NULL, &said),
						     second = read_text(bad, &first, &said),
						     third = read_text(POLICY("p"), &second, &said);

	(void)state;
	CHECK(second.n_objects == 3 && second.complaints.n == 3);
	assert_string_equal(second.objects[1]->name, "r");
	CHECK(src_object_equal(second.objects[1], first.objects[1]));
	CHECK(src_object_equal(second.objects[2], first.objects[0]));
	CHECK(!src_object_equal(second.objects[1], second.objects[2]));
	CHECK(third.n_objects == 1 && third.complaints.n == 0);
}

static void what_may_be_any_of_those_before_lets_none_of_them_go(void **state)
{
	static const char good[] = POD("p", "") "---\n" NODE("n1", "1") "---\n" POLICY("q");
	static const struct {
		const char *text, *complaint, *kept;
	} t[] = {
		{ "- 1\n", "object: expected an object",
		  "Pod a/p f.yaml:1; NetworkPolicy default/q" },
		{ "apiVersion: v1\nkind: List\nitems: {}\n", "object 'items': expected an array",
		  "Pod a/p f.yaml:1; NetworkPolicy default/q" },
		{ "kind: Pod\nmetadata: {name: p}\n", "object 'apiVersion': missing",
		  "Pod a/p f.yaml:1; NetworkPolicy default/q" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolcy\nmetadata: {name: q}\n",
		  "object: there is no kind 'NetworkPolcy' in 'networking.k8s.io/v1', did you mean "
		  "'NetworkPolicy' in 'networking.k8s.io/v1'",
		  "Pod a/p f.yaml:1; NetworkPolicy default/q" },
		{ "apiVersion: networking.k8s.io/v2\nkind: NetworkPolicy\nmetadata: {name: q}\n",
		  "object: there is no kind 'NetworkPolicy' in 'networking.k8s.io/v2'",
		  "Pod a/p f.yaml:1; NetworkPolicy default/q" },
		{ "apiVersion: v1\nkind: NetworkPolicy\nmetadata: {name: q}\n",
		  "object: there is no kind 'NetworkPolicy' in 'v1'",
		  "Pod a/p f.yaml:1; NetworkPolicy default/q" },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: P}\n",
		  "Pod default/P 'metadata.name': 'P' is not a name",
		  "Pod a/p f.yaml:1; NetworkPolicy default/q" },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: 7}\n",
		  "Pod p 'metadata.namespace': expected a string",
		  "Pod a/p f.yaml:1; NetworkPolicy default/q" },
		{ "apiVersion: v1\nkind: Node\nmetadata: {name: N1}\n", "object 'metadata.name'",
		  "Pod a/p f.yaml:1; NetworkPolicy default/q" },
		/* What it has itself counts. */
		{ "- 1\n---\n" POLICY("q"), "object: expected an object",
		  "NetworkPolicy default/q f.yaml:3; Pod a/p f.yaml:1" },
		/* Another one, which is wrong, is none of them. */
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: r, labels: 7}\n",
		  "Pod default/r 'metadata.labels'", "" },
		/* Somebody else's. */
		{ "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\n", NULL, "" },
		{ "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n", NULL, "" },
		{ "apiVersion: v1\nkind: Role\n", NULL, "" },
		{ "", NULL, "" },
	};
	struct said said;
	fl_auto(src_objects_done) struct src_objects first = read_text(good, NULL, &said);

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto(src_objects_done) struct src_objects o = read_text(t[i].text, &first,
									   &said);
		const char *last = o.complaints.n ? o.complaints.list[o.complaints.n - 1].text : "";
		bool kept = *t[i].kept != '\0';

		CHECK(o.complaints.n == (t[i].complaint ? 1U + kept : 0U));
		if (t[i].complaint && !strstr(o.complaints.list[0].text, t[i].complaint))
			fail_msg("'%s' is not '%s'", o.complaints.list[0].text, t[i].complaint);
		if (strncmp(list_objects(&o), t[i].kept, strlen(t[i].kept)) != 0 ||
		    o.n_objects != (kept ? 2 : 0) || (o.n_nodes == 1) != kept)
			fail_msg("%zu: '%s' is not '%s'", i, list_objects(&o), t[i].kept);
		CHECK(!kept || strstr(last, "stay in force until it is right: "));
	}
}

static void what_is_printed_reads_as_the_same(void **state)
{
	static const char text[] = NODE("n1", "1") "---\n" NODE("n2", "2") "---\n" POD(
		"p", ", labels: {k: v}") "---\n" POLICY("q") "---\n" NAMESPACE("a");
	struct said said;
	fl_auto(src_objects_done) struct src_objects o = read_text(text, NULL, &said),
						     again = { 0 };
	fl_auto_free char *printed = NULL;
	struct fl_err err = { 0 };
	size_t len = 0;

	(void)state;
	o.nodes[1].net.has_mac = true;
	memcpy(o.nodes[1].net.mac, "\x02\0\0\0\0\x07", FL_MAC_LEN);
	o.nodes[1].as = 4200000000u;
	CHECK_OK(src_objects_print(&o, &printed, &len, &err), &err);
	CHECK(len == strlen(printed));
	again = read_text(printed, NULL, &said);
	CHECK(again.n_nodes == 2 && again.n_objects == 3 && again.complaints.n == 0);
	for (size_t i = 0; i < 2; i++)
		CHECK(agent_node_equal(&o.nodes[i], &again.nodes[i]));
	for (size_t i = 0; i < 3; i++)
		CHECK(src_object_equal(o.objects[i], again.objects[i]));
}

static void complaints_are_kept_to_a_limit_and_then_counted(void **state)
{
	char text[SRC_COMPLAINTS_MAX * 12 + 64] = "";
	size_t n = 0;
	struct said said;

	(void)state;
	for (int i = 0; i < SRC_COMPLAINTS_MAX + 3; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "---\nx: 1\n");
	fl_auto(src_objects_done) struct src_objects o = read_text(text, NULL, &said);

	CHECK(o.complaints.n == SRC_COMPLAINTS_MAX && o.complaints.more == 3);
}

static void ignore(const char *where, const char *version, const char *kind, void *arg)
{
	(void)where;
	(void)version;
	(void)kind;
	(void)arg;
}

static int read_both(void *arg)
{
	static const char good[] = NODE("n1", "1") "---\n" NODE("n2", "2") "---\n" POD("p", "");
	static const char bad[] = NODE("n1", "1") "---\napiVersion: v1\nkind: Node\n"
						  "metadata: {name: n2}\n---\n" POD("p",
										    ", labels: 7");
	static const char doubtful[] = "x: 1\n";
	fl_auto(src_objects_done) struct src_objects first = { 0 }, second = { 0 }, third = { 0 };
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };
	size_t len = 0;
	const struct src_input one = { "f", good, strlen(good), NULL, ignore, NULL };
	const struct src_input two = { "f", bad, strlen(bad), &first, ignore, NULL };
	const struct src_input three = { "f", doubtful, strlen(doubtful), &second, ignore, NULL };
	int r = src_objects_read(&one, &first, &err);

	(void)arg;
	return r ?:
	       src_objects_read(&two, &second, &err) ?: src_objects_read(&three, &third, &err) ?:
	       src_objects_print(&third, &text, &len, &err);
}

static void every_lack_of_memory_is_an_error_and_leaks_nothing(void **state)
{
	(void)state;
	CHECK(inject_each(read_both, NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_are_found_in_documents_and_lists),
		cmocka_unit_test(known_kinds_are_silent_and_others_are_told),
		cmocka_unit_test(what_is_wrong_is_said_and_the_rest_is_read),
		cmocka_unit_test(a_text_that_is_no_yaml_is_refused_whole),
		cmocka_unit_test(an_object_that_breaks_keeps_its_last_form),
		cmocka_unit_test(what_policies_are_about_is_found_in_documents_and_lists),
		cmocka_unit_test(of_an_object_is_kept_what_policies_look_at),
		cmocka_unit_test(a_wrong_object_is_said_with_its_name_path_and_line),
		cmocka_unit_test(a_policy_or_pod_that_breaks_keeps_its_last_form),
		cmocka_unit_test(what_may_be_any_of_those_before_lets_none_of_them_go),
		cmocka_unit_test(what_is_printed_reads_as_the_same),
		cmocka_unit_test(complaints_are_kept_to_a_limit_and_then_counted),
		cmocka_unit_test(every_lack_of_memory_is_an_error_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
