// SPDX-License-Identifier: Apache-2.0
/* agent/model/node.c: Node objects. Needs nothing. */
#include "agent/model/node.h"

#include "inject.h"
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "json/json.h"

/* What "kubectl get node -o json" writes, shortened in places of no meaning. */
static const char full[] =
	"{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"annotations\":{"
	"\"fairlead.io/as\":\"64513\",\"fairlead.io/vtep-mac\":\"02:00:5e:10:00:01\","
	"\"node.alpha.kubernetes.io/ttl\":\"0\"},\"creationTimestamp\":\"2024-01-01T00:00:00Z\","
	"\"labels\":{\"kubernetes.io/os\":\"linux\"},\"name\":\"n2.example\",\"uid\":\"x\"},"
	"\"spec\":{\"podCIDR\":\"10.244.2.0/24\",\"podCIDRs\":[\"10.244.2.0/24\","
	"\"fd00:244:2::/64\"],\"taints\":[{\"effect\":\"NoSchedule\",\"key\":\"k\"}]},"
	"\"status\":{\"addresses\":[{\"address\":\"n2\",\"type\":\"Hostname\"},"
	"{\"address\":\"192.0.2.12\",\"type\":\"InternalIP\"},"
	"{\"address\":\"192.0.2.99\",\"type\":\"InternalIP\"},"
	"{\"address\":\"2001:db8::12\",\"type\":\"InternalIP\"},"
	"{\"address\":\"203.0.113.9\",\"type\":\"ExternalIP\"}],\"capacity\":{\"cpu\":\"4\"}}}";

static int read_node(const char *json, struct agent_node *out, struct fl_err *err)
{
	fl_auto_json struct fl_json *v = NULL;
	struct fl_cur root;
	int r = fl_json_parse(json, strlen(json), &v, err);

	if (r < 0)
		return r;
	root = fl_cur_root(v, "object");
	return agent_node_read(&root, "n2.yaml:3", out, err);
}

static void a_node_as_kubectl_writes_it_is_read(void **state)
{
	static const uint8_t mac[] = { 2, 0, 0x5e, 0x10, 0, 1 };
	fl_auto(agent_node_done) struct agent_node n = { 0 };
	struct fl_err err = { 0 };
	char text[FL_PREFIX_STR];

	(void)state;
	CHECK_OK(read_node(full, &n, &err), &err);
	CHECK(fl_streq(n.name, "n2.example") && fl_streq(n.where, "n2.yaml:3"));
	CHECK(n.net.name == n.name && n.as == 64513);
	CHECK(n.net.has_mac && memcmp(n.net.mac, mac, sizeof(mac)) == 0);
	CHECK(n.net.n_ips == 2 && n.net.n_cidrs == 2);
	CHECK(fl_streq(fl_ip_format(&n.net.ips[0], text), "192.0.2.12"));
	CHECK(fl_streq(fl_ip_format(&n.net.ips[1], text), "2001:db8::12"));
	CHECK(fl_streq(fl_prefix_format(&n.net.cidrs[0], text), "10.244.2.0/24"));
	CHECK(fl_streq(fl_prefix_format(&n.net.cidrs[1], text), "fd00:244:2::/64"));
}

#define NODE(meta, spec, addresses)                               \
	"{\"metadata\":{\"name\":\"n2\"" meta "},\"spec\":{" spec \
	"},\"status\":{\"addresses\":[" addresses "]}}"
#define CIDRS(list) "\"podCIDRs\":[" list "]"
#define IP(text)    "{\"type\":\"InternalIP\",\"address\":\"" text "\"}"
#define GOOD_CIDR   CIDRS("\"10.244.2.0/24\"")
#define GOOD_IP	    IP("192.0.2.12")

static void the_old_fields_are_read_where_the_new_are_absent(void **state)
{
	static const char *const t[] = {
		NODE("", "\"podCIDR\":\"10.244.2.0/24\"", GOOD_IP),
		NODE("", "\"podCIDR\":\"10.244.2.0/24\",\"podCIDRs\":[]", GOOD_IP),
		NODE("", "\"podCIDR\":\"10.244.2.0/24\",\"podCIDRs\":null", GOOD_IP),
		NODE("", "\"podCIDR\":\"10.1.0.0/24\"," GOOD_CIDR, GOOD_IP),
		NODE(",\"annotations\":null", GOOD_CIDR, GOOD_IP),
	};
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto(agent_node_done) struct agent_node n = { 0 };
		char text[FL_PREFIX_STR];

		CHECK_OK(read_node(t[i], &n, &err), &err);
		CHECK(n.net.n_cidrs == 1 && !n.net.has_mac && n.as == 0);
		CHECK(fl_streq(fl_prefix_format(&n.net.cidrs[0], text), "10.244.2.0/24"));
	}
}

static void what_is_wrong_names_node_path_and_what_was_expected(void **state)
{
	static const char *const t[][2] = {
		{ "[]", "object 'metadata': missing, expected an object" },
		{ "{\"metadata\":{}}", "object 'metadata.name': missing, expected a string" },
		{ "{\"metadata\":{\"name\":7}}",
		  "object 'metadata.name': expected a string, found a number 7" },
		{ "{\"metadata\":{\"name\":\"N2\"}}",
		  "object 'metadata.name': 'N2' is not a name" },
		{ NODE("", GOOD_CIDR, ""),
		  "node 'n2': object 'status.addresses': no address of type InternalIP" },
		{ NODE("", GOOD_CIDR, "{\"type\":\"Hostname\",\"address\":\"n2\"}"),
		  "object 'status.addresses': no address of type InternalIP" },
		{ "{\"metadata\":{\"name\":\"n2\"}}",
		  "object 'status.addresses': no address of type InternalIP" },
		{ NODE("", GOOD_CIDR, "{\"address\":\"192.0.2.1\"}"),
		  "object 'status.addresses[0].type': missing, expected a string" },
		{ NODE("", GOOD_CIDR, "7"), "object 'status.addresses[0]': expected an object" },
		{ NODE("", GOOD_CIDR, IP("n2")), "object 'status.addresses[0].address': 'n2'" },
		{ NODE("", GOOD_CIDR, IP("127.0.0.1")),
		  "'127.0.0.1' is no node's address: it lies in 127.0.0.0/8" },
		{ NODE("", GOOD_CIDR, IP("fe80::1")),
		  "'fe80::1' is no node's address: it lies in fe80::/10" },
		{ NODE("", GOOD_CIDR, IP("0.0.0.0")), "it lies in 0.0.0.0/8" },
		{ NODE("", GOOD_CIDR, IP("239.1.1.1")), "it lies in 224.0.0.0/4" },
		{ NODE("", GOOD_CIDR, IP("::1")), "it lies in ::/127" },
		{ NODE("", "", GOOD_IP),
		  "node 'n2': object 'spec.podCIDRs': missing, expected the blocks of the node's" },
		{ NODE("", CIDRS("\"10.244.2.1/24\""), GOOD_IP),
		  "node 'n2': object 'spec.podCIDRs[0]': '10.244.2.1/24' has host bits set, "
		  "expected '10.244.2.0/24'" },
		{ NODE("", "\"podCIDR\":\"10.244.2.1/24\"", GOOD_IP),
		  "object 'spec.podCIDR': '10.244.2.1/24' has host bits set" },
		{ NODE("", CIDRS("\"10.244.2.0\""), GOOD_IP),
		  "object 'spec.podCIDRs[0]': '10.244" },
		{ NODE("", CIDRS("7"), GOOD_IP), "object 'spec.podCIDRs[0]': expected a string" },
		{ NODE("", "\"podCIDRs\":\"10.244.2.0/24\"", GOOD_IP),
		  "object 'spec.podCIDRs': expected an array" },
		{ NODE("", CIDRS("\"0.0.0.0/0\""), GOOD_IP),
		  "'0.0.0.0/0' is no block of pods: it overlaps 0.0.0.0/8" },
		{ NODE("", CIDRS("\"169.254.1.0/24\""), GOOD_IP), "it overlaps 169.254.0.0/16" },
		{ NODE("", CIDRS("\"::/0\""), GOOD_IP), "it overlaps ::/127" },
		{ NODE("", CIDRS("\"10.244.0.0/16\",\"10.244.2.0/24\""), GOOD_IP),
		  "object 'spec.podCIDRs[1]': '10.244.2.0/24' overlaps '10.244.0.0/16'" },
		{ NODE("", CIDRS("\"192.0.2.0/24\""), GOOD_IP),
		  "'192.0.2.0/24' holds the node's own address '192.0.2.12'" },
		{ NODE(",\"annotations\":{\"fairlead.io/as\":64513}", GOOD_CIDR, GOOD_IP),
		  "object 'metadata.annotations.fairlead.io/as': expected a string, found a "
		  "number" },
		{ NODE(",\"annotations\":{\"fairlead.io/as\":\"0\"}", GOOD_CIDR, GOOD_IP),
		  "'0' is not a number from 1 to 4294967294" },
		{ NODE(",\"annotations\":{\"fairlead.io/vtep-mac\":\"x\"}", GOOD_CIDR, GOOD_IP),
		  "object 'metadata.annotations.fairlead.io/vtep-mac': 'x' is not a MAC address" },
		{ NODE(",\"annotations\":{\"fairlead.io/vtep-mac\":\"01:00:5e:00:00:01\"}",
		       GOOD_CIDR, GOOD_IP),
		  "'01:00:5e:00:00:01' is no single machine's address" },
		{ NODE(",\"annotations\":{\"fairlead.io/vtep-mac\":\"00:00:00:00:00:00\"}",
		       GOOD_CIDR, GOOD_IP),
		  "'00:00:00:00:00:00' is no single machine's address" },
		{ NODE(",\"annotations\":[]", GOOD_CIDR, GOOD_IP),
		  "object 'metadata.annotations': expected an object" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct agent_node n = { .as = 7 };
		struct fl_err err = { 0 };

		CHECK_FAILS(read_node(t[i][0], &n, &err), EINVAL, &err, t[i][1]);
		CHECK(n.as == 7 && !n.name);
	}
}

static void blocks_are_read_to_their_limit_and_not_one_more(void **state)
{
	char list[1024] = "", text[2048];
	size_t n = 0;
	fl_auto(agent_node_done) struct agent_node node = { 0 };
	struct agent_node none = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	for (int i = 0; i < FL_PEER_CIDRS_MAX; i++)
		n += (size_t)sprintf(list + n, "%s\"10.%d.0.0/16\"", i ? "," : "", i);
	snprintf(text, sizeof(text), NODE("", CIDRS("%s"), GOOD_IP), list);
	CHECK_OK(read_node(text, &node, &err), &err);
	CHECK(node.net.n_cidrs == FL_PEER_CIDRS_MAX);
	sprintf(list + n, ",\"10.200.0.0/16\"");
	snprintf(text, sizeof(text), NODE("", CIDRS("%s"), GOOD_IP), list);
	CHECK_FAILS(read_node(text, &none, &err), EINVAL, &err,
		    "object 'spec.podCIDRs[16]': more than 16 blocks");
}

static void a_copy_is_equal_and_every_difference_counts(void **state)
{
	fl_auto(agent_node_done) struct agent_node n = { 0 }, copy = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(read_node(full, &n, &err), &err);
	CHECK_OK(agent_node_copy(&n, &copy, &err), &err);
	CHECK(agent_node_equal(&n, &copy) && copy.net.name == copy.name && copy.name != n.name);
	copy.where[0] = 'X';
	CHECK(agent_node_equal(&n, &copy));
	copy.name[0] ^= 1;
	CHECK(!agent_node_equal(&n, &copy));
	copy.name[0] ^= 1;
	copy.as++;
	CHECK(!agent_node_equal(&n, &copy));
	copy.as--;
	copy.net.mac[5]++;
	CHECK(!agent_node_equal(&n, &copy));
	copy.net.mac[5]--;
	copy.net.has_mac = false;
	CHECK(!agent_node_equal(&n, &copy));
	copy.net.has_mac = true;
	copy.net.n_ips--;
	CHECK(!agent_node_equal(&n, &copy));
	copy.net.n_ips++;
	copy.net.ips[1].b[15]++;
	CHECK(!agent_node_equal(&n, &copy));
	copy.net.ips[1].b[15]--;
	copy.net.cidrs[1].len++;
	CHECK(!agent_node_equal(&n, &copy));
	copy.net.cidrs[1].len--;
	copy.net.cidrs[0].ip.b[13]++;
	CHECK(!agent_node_equal(&n, &copy));
	copy.net.cidrs[0].ip.b[13]--;
	CHECK(agent_node_equal(&n, &copy));
}

static int read_and_copy(void *arg)
{
	fl_auto(agent_node_done) struct agent_node n = { 0 }, copy = { 0 };
	const struct fl_cur *root = arg;
	struct fl_err err = { 0 };

	return agent_node_read(root, "f:1", &n, &err) ?: agent_node_copy(&n, &copy, &err);
}

static void every_lack_of_memory_is_an_error_and_leaks_nothing(void **state)
{
	fl_auto_json struct fl_json *v = NULL;
	struct fl_err err = { 0 };
	struct fl_cur root;

	(void)state;
	CHECK_OK(fl_json_parse(full, strlen(full), &v, &err), &err);
	root = fl_cur_root(v, "object");
	CHECK(inject_each(read_and_copy, &root) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_as_kubectl_writes_it_is_read),
		cmocka_unit_test(the_old_fields_are_read_where_the_new_are_absent),
		cmocka_unit_test(what_is_wrong_names_node_path_and_what_was_expected),
		cmocka_unit_test(blocks_are_read_to_their_limit_and_not_one_more),
		cmocka_unit_test(a_copy_is_equal_and_every_difference_counts),
		cmocka_unit_test(every_lack_of_memory_is_an_error_and_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
