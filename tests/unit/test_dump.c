// SPDX-License-Identifier: Apache-2.0
/* agent/dump.c: entries of the datapath's maps in words, without any kernel. */
#include "agent/dump.h"

#include "named_world.h"

static struct dump d;

#define RULES                                                \
	"{'from': [{'ipBlock': {'cidr': '192.0.2.0/24'}}], " \
	"'ports': [{'port': 80, 'endPort': 95}]}"

static const char objects[] = OBJECTS(WEB POLICY(RULES));

static int begin(void **state)
{
	(void)state;
	world_begin(objects);
	d = (struct dump){ .w = w,
			   .now = { .jiffies = 10000, .hz = 100, .state.generation = 3 },
			   .list = fl_json_array() };
	return 0;
}

static int end(void **state)
{
	(void)state;
	fl_json_free(&d.list);
	pol_world_free(&w);
	return 0;
}

/* The row must be this text, with ' for ". */
static void check_row(const char *map, const void *key, const void *value, const char *want)
{
	fl_auto_json struct fl_json *expected = tree_of(want);
	fl_auto_free char *text = NULL;
	const struct fl_json *row;

	CHECK(dump_find(map));
	CHECK(dump_add(&d, dump_find(map), key, value) == 0);
	row = fl_json_at(d.list, fl_json_len(d.list) - 1);
	CHECK_OK(fl_json_print(row, 0, &text, &err), &err);
	if (!fl_json_equal(row, expected))
		fail_msg("%s: %s, expected %s", map, text, want);
}

/* The number that the compiler has given to the block. */
static uint32_t number_of_block(uint32_t *origin)
{
	fl_auto_pol_diff struct pol_diff all = { 0 };
	uint32_t who = 0;

	CHECK_OK(pol_world_snapshot(w, &all, &err), &err);
	for (size_t i = 0; i < all.n; i++)
		if (all.ops[i].e.map == POL_MAP_RULES) {
			who = all.ops[i].e.rule.who;
			*origin = all.ops[i].e.rule.origin;
		}
	CHECK(who && *origin);
	return who;
}

static void a_connection_says_who_began_it_and_how_it_stands(void **state)
{
	struct fl_flow_key key = { .addr = { in("10.0.0.2"), in("192.0.2.9") },
				   .port_be = { htons(80), htons(4000) },
				   .proto = IPPROTO_TCP };
	struct fl_flow f = { .seen = 9750,
			     .generation = 3,
			     .flags = FL_FLOW_FROM1 | FL_FLOW_STACK,
			     .tcp = { 0, FL_TCP_SYN } };

	(void)state;
	(void)number_of_block(&f.origin);
	check_row("flows", &key, &f,
		  "{'protocol':'tcp','from':{'ip':'192.0.2.9','port':4000},'to':{'ip':'10.0.0.2',"
		  "'port':80,'pod':'x/web'},'state':'opening','path':'stack','ageSeconds':2,"
		  "'timeoutSeconds':60,'judged':true,'policy':'x/p','rule':'ingress[0]'}");
	f = (struct fl_flow){ .seen = 10007, .flags = FL_FLOW_REPLIED | FL_FLOW_PEER };
	check_row("flows", &key, &f,
		  "{'protocol':'tcp','to':{'ip':'192.0.2.9','port':4000},'from':{'ip':'10.0.0.2',"
		  "'port':80,'pod':'x/web'},'state':'established','path':'node','ageSeconds':0,"
		  "'timeoutSeconds':28800,'judged':false}");
	key.proto = IPPROTO_ICMP;
	f.flags = 0;
	check_row(
		"flows", &key, &f,
		"{'protocol':'icmp','to':{'ip':'192.0.2.9'},'from':{'ip':'10.0.0.2','pod':'x/web'}"
		",'state':'new','path':'pod','ageSeconds':0,'timeoutSeconds':30,'judged':false}");
}

static void states_of_tcp_follow_what_both_sides_have_sent(void **state)
{
	static const struct {
		uint8_t tcp[2], flags;
		const char *want;
	} t[] = {
		{ { FL_TCP_SYN, 0 }, 0, "opening" },
		{ { FL_TCP_SYN, FL_TCP_SYN }, FL_FLOW_REPLIED, "established" },
		{ { FL_TCP_FIN, 0 }, FL_FLOW_REPLIED, "closing" },
		{ { FL_TCP_FIN, FL_TCP_FIN }, FL_FLOW_REPLIED, "closed" },
		{ { 0, FL_TCP_RST }, FL_FLOW_REPLIED, "closed" },
	};
	struct fl_flow_key key = { .addr = { in("10.0.0.2"), in("10.0.0.9") },
				   .proto = IPPROTO_TCP };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		struct fl_flow f = { .tcp = { t[i].tcp[0], t[i].tcp[1] }, .flags = t[i].flags };

		CHECK(dump_add(&d, dump_find("flows"), &key, &f) == 0);
		assert_string_equal(fl_json_str(fl_json_get(fl_json_at(d.list, i), "state")),
				    t[i].want);
	}
}

static void only_a_pods_connections_where_that_is_asked(void **state)
{
	struct fl_flow_key mine = { .addr = { in("10.0.0.1"), in("10.0.0.2") } };
	struct fl_flow_key other = { .addr = { in("10.0.0.1"), in("10.0.0.3") } };
	struct fl_flow f = { 0 };

	(void)state;
	CHECK_OK(pol_world_pod_ips(w, "x", "web", &d.ips, &d.n_ips, &err), &err);
	CHECK(dump_add(&d, dump_find("flows"), &mine, &f) == 0);
	CHECK(dump_add(&d, dump_find("flows"), &other, &f) == 0);
	CHECK(fl_json_len(d.list) == 1);
}

static void rules_and_ports_name_whom_and_which_policy(void **state)
{
	struct fl_rule_key key = { .version = 7, .dir = FL_INGRESS };
	struct fl_rule rule = { .ports = 12 };
	struct fl_port_key port = { .ports = 12, .port = 80, .proto = IPPROTO_TCP, .bits = 12 };
	struct fl_port_info info;

	(void)state;
	key.who = number_of_block(&rule.origin);
	info.origin = rule.origin;
	check_row("rules", &key, &rule,
		  "{'version':7,'direction':'ingress','who':'block 192.0.2.0/24','ports':12,"
		  "'policy':'x/p','rule':'ingress[0]'}");
	key.who = FL_ID_ANY;
	key.dir = FL_EGRESS;
	rule = (struct fl_rule){ .ports = FL_RULE_ALL };
	check_row("rules", &key, &rule,
		  "{'version':7,'direction':'egress','who':'everybody','ports':'all'}");
	key.who = FL_ID_PODS;
	check_row("rules", &key, &rule,
		  "{'version':7,'direction':'egress','who':'every pod','ports':'all'}");
	key.who = 77;
	check_row("rules", &key, &rule,
		  "{'version':7,'direction':'egress','who':'number 77','ports':'all'}");
	check_row("ports", &port, &info,
		  "{'ports':12,'protocol':'tcp','range':'80-95','policy':'x/p','rule':"
		  "'ingress[0]'}");
	port.bits = FL_PORT_BITS;
	info.origin = 0;
	check_row("ports", &port, &info, "{'ports':12,'protocol':'tcp','range':'80'}");
	port = (struct fl_port_key){ .ports = 1, .proto = 99 };
	check_row("ports", &port, &info, "{'ports':1,'protocol':'99','range':'all'}");
}

static void fragments_have_the_number_that_the_packet_shows(void **state)
{
	struct fl_fragment_key key = { .src = in("10.0.0.2"),
				       .dst = in("192.0.2.9"),
				       .id_be = htons(4711),
				       .proto = IPPROTO_UDP };
	struct fl_fragment f = { htons(4000), htons(53) };

	(void)state;
	check_row("fragments", &key, &f,
		  "{'protocol':'udp','from':{'ip':'10.0.0.2','port':4000,'pod':'x/web'},"
		  "'to':{'ip':'192.0.2.9','port':53},'id':4711}");
	key = (struct fl_fragment_key){ .src = in("fd00::9"),
					.dst = in("fd00::8"),
					.id_be = htonl(0x89abcdef),
					.proto = IPPROTO_ICMPV6 };
	check_row("fragments", &key, &f,
		  "{'protocol':'icmpv6','from':{'ip':'fd00::9'},'to':{'ip':'fd00::8'},"
		  "'id':2309737967}");
}

static void addresses_and_prefixes_are_written_as_people_do(void **state)
{
	struct fl_prefix_key v4 = { .prefixlen = 32 + 96 + 24, .addr = in("192.0.2.0") };
	struct fl_prefix_key all4 = { .prefixlen = 32 + 96, .addr = in("0.0.0.0") };
	struct fl_prefix_key v6 = { .prefixlen = 32 + 64, .addr = in("fd00::") };
	struct fl_prefix_key all6 = { .prefixlen = 32 };
	struct fl_address_info pod = { .key = { .addr = in("10.0.0.2") }, .identity = 5 };
	struct fl_prefix_info info = { 0 };
	struct fl_special node = { .flags = FL_SPECIAL_NODE | FL_SPECIAL_PEER };
	uint32_t origin;

	(void)state;
	check_row("prefixes", &all4, &info, "{'prefix':'0.0.0.0/0'}");
	check_row("prefixes", &all6, &info, "{'prefix':'::/0'}");
	info.block = number_of_block(&origin);
	check_row("prefixes", &v4, &info, "{'prefix':'192.0.2.0/24','block':'block 192.0.2.0/24'}");
	check_row("addresses", &pod.key, &pod,
		  "{'ip':'10.0.0.2','identity':5,'pods':'number 5','pod':'x/web'}");
	pod.block = info.block;
	pod.identity = 0;
	check_row("addresses", &pod.key, &pod, "{'ip':'10.0.0.2','block':'block 192.0.2.0/24'}");
	check_row("specials", &v6, &node, "{'prefix':'fd00::/64','flags':['node','peer']}");
	check_row("denied", &v4, &node, "{'prefix':'192.0.2.0/24'}");
}

static void slots_that_were_never_used_are_left_out(void **state)
{
	struct fl_slot none = { 0 }, isolated = { 9, FL_SLOT_INGRESS | FL_SLOT_EGRESS };
	__u32 slot = 4;

	(void)state;
	CHECK(dump_add(&d, dump_find("slots"), &slot, &none) == 0);
	CHECK(fl_json_len(d.list) == 0);
	check_row("slots", &slot, &isolated,
		  "{'slot':4,'version':9,'isolates':['ingress','egress']}");
}

static void names_of_maps_are_known_and_others_are_not(void **state)
{
	char names[256];

	(void)state;
	CHECK(!dump_find("fl_rules") && !dump_find("") && !dump_find("state"));
	CHECK(strstr(dump_names(names), "flows, endpoints") == names);
	CHECK(strstr(names, "denied, state, counts or verdicts"));
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(a_connection_says_who_began_it_and_how_it_stands),
		FRESH(states_of_tcp_follow_what_both_sides_have_sent),
		FRESH(only_a_pods_connections_where_that_is_asked),
		FRESH(rules_and_ports_name_whom_and_which_policy),
		FRESH(fragments_have_the_number_that_the_packet_shows),
		FRESH(addresses_and_prefixes_are_written_as_people_do),
		FRESH(slots_that_were_never_used_are_left_out),
		FRESH(names_of_maps_are_known_and_others_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
