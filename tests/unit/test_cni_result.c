// SPDX-License-Identifier: Apache-2.0
/* Results: each version's own form, both ways. Pure. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cni/code.h"
#include "cni/result.h"

static struct fl_json *parse(const char *text)
{
	struct fl_json *tree = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(fl_json_parse(text, strlen(text), &tree, &err), &err);
	return tree;
}

static int read_text(const char *text, enum fl_cni_version v, struct fl_json **tree,
		     struct fl_cni_result *out, struct fl_err *err)
{
	struct fl_cur c;

	*tree = parse(text);
	c = fl_cur_root(*tree, "result");
	return fl_cni_result_read(&c, v, out, err);
}

#define DNS                                                                                        \
	"\"dns\":{\"nameservers\":[\"10.1.2.1\"],\"domain\":\"x\",\"search\":[\"s\"],\"options\":" \
	"[\"o\"]}"

/* The same attachment as each version tells it. */
static const char *const forms[FL_CNI_VERSIONS] = {
#define OLD(v)                                                       \
	"{\"cniVersion\":\"" v "\","                                 \
	"\"ip4\":{\"ip\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\","  \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.2.1\"}]}," \
	"\"ip6\":{\"ip\":\"fd00::3/64\",\"routes\":[{\"dst\":\"fd01::/16\"}]}," DNS "}"
	[FL_CNI_V0_1_0] = OLD("0.1.0"),
	[FL_CNI_V0_2_0] = OLD("0.2.0"),
#define IFACES(ext)                                                            \
	"\"interfaces\":[{\"name\":\"cni0\",\"mac\":\"02:00:00:00:00:01\"" ext \
	"},{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:02\",\"sandbox\":\"/ns\"}],"
#define IPS(v4, v6)                                                                              \
	"\"ips\":[{" v4 "\"interface\":1,\"address\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\"}," \
	"{" v6 "\"address\":\"fd00::3/64\"}],"
#define ROUTES(ext) \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.2.1\"" ext "},{\"dst\":\"fd01::/16\"}],"
#define MIDDLE(v)                                                                               \
	"{\"cniVersion\":\"" v "\"," IFACES("") IPS("\"version\":\"4\",", "\"version\":\"6\",") \
		ROUTES("") DNS "}"
	[FL_CNI_V0_3_0] = MIDDLE("0.3.0"),
	[FL_CNI_V0_3_1] = MIDDLE("0.3.1"),
	[FL_CNI_V0_4_0] = MIDDLE("0.4.0"),
	[FL_CNI_V1_0_0] = "{\"cniVersion\":\"1.0.0\"," IFACES("") IPS("", "") ROUTES("") DNS "}",
	[FL_CNI_V1_1_0] = "{\"cniVersion\":\"1.1.0\"," IFACES(
		",\"mtu\":1500,\"socketPath\":\"/s\",\"pciID\":\"0:0\"") IPS("", "")
		ROUTES(",\"mtu\":1400,\"advmss\":1360,\"priority\":7,\"table\":0,\"scope\":0") DNS
	"}",
};

static void every_form_is_read_and_written_back_the_same(void **state)
{
	(void)state;
	for (unsigned int v = 0; v < FL_CNI_VERSIONS; v++) {
		fl_auto_json struct fl_json *in = NULL, *out = NULL;
		fl_auto_cni_result struct fl_cni_result res = { 0 };
		fl_auto_free char *text = NULL;
		struct fl_err err = { 0 };

		CHECK_OK(read_text(forms[v], v, &in, &res, &err), &err);
		CHECK_OK(fl_cni_result_write(&res, v, &out, &err), &err);
		CHECK_OK(fl_json_print(out, 0, &text, &err), &err);
		if (!fl_json_equal(in, out))
			fail_msg("%s: %s became %s", fl_cni_version_text(v), forms[v], text);
	}
}

static void the_newest_form_is_written_as_every_version_with_only_its_keys(void **state)
{
	fl_auto_json struct fl_json *in = NULL;
	fl_auto_cni_result struct fl_cni_result res = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(read_text(forms[FL_CNI_V1_1_0], FL_CNI_V1_1_0, &in, &res, &err), &err);
	for (unsigned int v = 0; v < FL_CNI_VERSIONS; v++) {
		fl_auto_json struct fl_json *want = parse(forms[v]), *out = NULL;
		fl_auto_free char *text = NULL;

		CHECK_OK(fl_cni_result_write(&res, v, &out, &err), &err);
		CHECK_OK(fl_json_print(out, 0, &text, &err), &err);
		if (!fl_json_equal(want, out))
			fail_msg("%s: got %s, expected %s", fl_cni_version_text(v), text, forms[v]);
	}
}

static void everything_is_read_into_the_struct(void **state)
{
	fl_auto_json struct fl_json *in = NULL;
	fl_auto_cni_result struct fl_cni_result res = { 0 };
	struct fl_err err = { 0 };
	char text[FL_PREFIX_STR];

	(void)state;
	CHECK_OK(read_text(forms[FL_CNI_V1_1_0], FL_CNI_V1_1_0, &in, &res, &err), &err);
	assert_int_equal(res.n_ifaces, 2);
	assert_string_equal(res.ifaces[0].name, "cni0");
	assert_null(res.ifaces[0].sandbox);
	assert_int_equal(res.ifaces[0].mtu, 1500);
	assert_string_equal(res.ifaces[0].socket_path, "/s");
	assert_string_equal(res.ifaces[1].sandbox, "/ns");
	assert_int_equal(res.n_ips, 2);
	assert_int_equal(res.ips[0].interface, 1);
	assert_string_equal(fl_prefix_format(&res.ips[0].address, text), "10.1.2.3/24");
	CHECK(res.ips[0].has_gateway && !res.ips[1].has_gateway);
	assert_int_equal(res.ips[1].interface, -1);
	assert_int_equal(res.n_routes, 2);
	assert_int_equal(res.routes[0].has, FL_CNI_ROUTE_GW | FL_CNI_ROUTE_MTU |
						    FL_CNI_ROUTE_ADVMSS | FL_CNI_ROUTE_PRIORITY |
						    FL_CNI_ROUTE_TABLE | FL_CNI_ROUTE_SCOPE);
	assert_int_equal(res.routes[0].priority, 7);
	assert_int_equal(res.routes[1].has, 0);
	assert_string_equal(res.dns.domain, "x");
	assert_int_equal(fl_json_len(res.dns.search), 1);
}

static void what_is_seen_in_the_wild_is_read(void **state)
{
	static const char *const t[] = {
		"{}",
		"{\"dns\":{}}",
		"{\"dns\":null,\"ips\":null,\"routes\":null,\"interfaces\":null}",
		"{\"dns\":{\"nameservers\":null,\"domain\":\"\"}}",
		"{\"CNIVersion\":\"0.3.1\",\"IPs\":[]}",
		"{\"cniVersion\":\"\"}",
		"{\"unknown\":[1,{}]}",
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *in = NULL;
		fl_auto_cni_result struct fl_cni_result res = { 0 };
		struct fl_err err = { 0 };

		CHECK_OK(read_text(t[i], FL_CNI_V1_0_0, &in, &res, &err), &err);
		assert_int_equal(res.n_ips + res.n_routes + res.n_ifaces, 0);
	}
}

static void an_interface_index_that_names_none_is_none(void **state)
{
	static const struct {
		const char *text;
		int want;
	} t[] = { { "-1", -1 },	  { "0", 0 },	{ "1", -1 },
		  { "null", -1 }, { "-5", -1 }, { "9223372036854775807", -1 } };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *in = NULL;
		fl_auto_cni_result struct fl_cni_result res = { 0 };
		struct fl_err err = { 0 };
		char text[256];

		CHECK_OK(fl_format(text, sizeof(text), &err,
				   "{\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":"
				   "\"10.0.0.1/8\",\"gateway\":\"\",\"interface\":%s}]}",
				   t[i].text),
			 &err);
		CHECK_OK(read_text(text, FL_CNI_V1_0_0, &in, &res, &err), &err);
		assert_int_equal(res.ips[0].interface, t[i].want);
		CHECK(!res.ips[0].has_gateway);
	}
}

static void the_version_inside_rules_over_the_one_given(void **state)
{
	fl_auto_json struct fl_json *old = NULL, *young = NULL;
	fl_auto_cni_result struct fl_cni_result a = { 0 }, b = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(read_text(forms[FL_CNI_V0_2_0], FL_CNI_V1_1_0, &old, &a, &err), &err);
	assert_int_equal(a.n_ips, 2);
	CHECK_OK(read_text(forms[FL_CNI_V1_0_0], FL_CNI_V0_1_0, &young, &b, &err), &err);
	assert_int_equal(b.n_ips, 2);
}

static void a_wrong_result_names_the_key_and_has_the_code_for_decoding(void **state)
{
	static const struct {
		const char *text, *part;
	} t[] = {
		{ "[]", "result: expected an object" },
		{ "\"x\"", "result: expected an object" },
		{ "{\"cniVersion\":1}", "'cniVersion': expected a string" },
		{ "{\"cniVersion\":\"x\"}", "'cniVersion': 'x' is not a version" },
		{ "{\"ips\":{}}", "'ips': expected an array" },
		{ "{\"ips\":[1]}", "'ips[0]': expected an object" },
		{ "{\"ips\":[{}]}", "'ips[0].address': missing" },
		{ "{\"ips\":[{\"address\":\"10.0.0.1\"}]}", "'ips[0].address'" },
		{ "{\"ips\":[{\"address\":\"10.0.0.1/33\"}]}", "10.0.0.1/33" },
		{ "{\"ips\":[{\"address\":\"10.0.0.1/8\",\"gateway\":\"x\"}]}",
		  "'ips[0].gateway'" },
		{ "{\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":\"0\"}]}",
		  "'ips[0].interface'" },
		{ "{\"interfaces\":[{}]}", "'interfaces[0].name': missing" },
		{ "{\"interfaces\":[{\"name\":\"a\",\"mac\":1}]}", "'interfaces[0].mac'" },
		{ "{\"interfaces\":[{\"name\":\"a\",\"mtu\":-1}]}", "'interfaces[0].mtu'" },
		{ "{\"routes\":[{\"gw\":\"1.1.1.1\"}]}", "'routes[0].dst': missing" },
		{ "{\"routes\":[{\"dst\":\"0/0\"}]}", "'routes[0].dst'" },
		{ "{\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":7}]}", "'routes[0].gw'" },
		{ "{\"routes\":[{\"dst\":\"0.0.0.0/0\",\"mtu\":4294967296}]}", "'routes[0].mtu'" },
		{ "{\"routes\":[{\"dst\":\"0.0.0.0/0\",\"scope\":256}]}", "'routes[0].scope'" },
		{ "{\"routes\":[{\"dst\":\"0.0.0.0/0\",\"table\":1.5}]}", "'routes[0].table'" },
		{ "{\"dns\":[]}", "'dns': expected an object" },
		{ "{\"dns\":{\"search\":\"x\"}}", "'dns.search': expected an array" },
		{ "{\"dns\":{\"options\":[\"a\",2]}}", "'dns.options[1]': expected a string" },
		{ "{\"cniVersion\":\"0.2.0\",\"ip4\":{}}", "'ip4.ip': missing" },
		{ "{\"cniVersion\":\"0.2.0\",\"ip6\":[]}", "'ip6': expected an object" },
		{ "{\"cniVersion\":\"0.1.0\",\"ip4\":{\"ip\":\"1.2.3.4/8\",\"routes\":[{}]}}",
		  "'ip4.routes[0].dst': missing" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_json struct fl_json *in = NULL;
		struct fl_cni_result res = { .n_ips = 77 };
		struct fl_err err = { 0 };

		CHECK_FAILS(read_text(t[i].text, FL_CNI_V1_1_0, &in, &res, &err), EINVAL, &err,
			    t[i].part);
		assert_int_equal(err.code, FL_CNI_DECODE);
		assert_int_equal(res.n_ips, 77);
	}
}

static void a_result_of_a_version_not_spoken_has_the_code_for_versions(void **state)
{
	fl_auto_json struct fl_json *in = NULL;
	struct fl_cni_result res = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_FAILS(read_text("{\"cniVersion\":\"3.0.0\"}", FL_CNI_V1_1_0, &in, &res, &err), EINVAL,
		    &err, "result 'cniVersion': version '3.0.0' is not among");
	assert_int_equal(err.code, FL_CNI_VERSION);
}

static void an_empty_result_has_only_its_version(void **state)
{
	static const struct fl_cni_result empty = { 0 };

	(void)state;
	for (unsigned int v = FL_CNI_V0_3_0; v < FL_CNI_VERSIONS; v++) {
		fl_auto_json struct fl_json *out = NULL;
		struct fl_err err = { 0 };

		CHECK_OK(fl_cni_result_write(&empty, v, &out, &err), &err);
		assert_int_equal(fl_json_len(out), 1);
		assert_string_equal(fl_json_str(fl_json_get(out, "cniVersion")),
				    fl_cni_version_text(v));
	}
}

static void an_old_result_without_an_address_is_refused(void **state)
{
	static const struct fl_cni_result empty = { 0 };
	struct fl_json *out = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_FAILS(fl_cni_result_write(&empty, FL_CNI_V0_2_0, &out, &err), EINVAL, &err,
		    "version 0.2.0 needs an address");
	assert_int_equal(err.code, FL_CNI_CONFIG);
	assert_null(out);
}

static void an_old_result_keeps_the_first_address_of_each_family(void **state)
{
	fl_auto_json struct fl_json *in = NULL, *out = NULL;
	fl_auto_json struct fl_json *want = parse("{\"cniVersion\":\"0.2.0\",\"ip4\":{"
						  "\"ip\":\"10.0.0.1/8\",\"routes\":"
						  "[{\"dst\":\"10.0.0.0/8\"}]}}");
	fl_auto_cni_result struct fl_cni_result res = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(read_text("{\"ips\":[{\"address\":\"10.0.0.1/8\"},{\"address\":\"10.0.0.2/8\"}],"
			   "\"routes\":[{\"dst\":\"fd00::/8\"},{\"dst\":\"10.7.7.7/8\"}]}",
			   FL_CNI_V1_0_0, &in, &res, &err),
		 &err);
	CHECK_OK(fl_cni_result_write(&res, FL_CNI_V0_2_0, &out, &err), &err);
	CHECK(fl_json_equal(out, want));
}

static void a_route_of_zero_is_absent_except_for_table_and_scope(void **state)
{
	fl_auto_json struct fl_json *tree = parse(
		"{\"dst\":\"10.1.2.3/8\",\"gw\":\"\",\"mtu\":0,\"advmss\":0,\"priority\":0,"
		"\"table\":0,\"scope\":0}");
	struct fl_cur c = fl_cur_root(tree, "route");
	struct fl_cni_route route = { 0 };
	struct fl_err err = { 0 };
	char text[FL_PREFIX_STR];

	(void)state;
	CHECK_OK(fl_cni_route_read(&c, &route, &err), &err);
	assert_int_equal(route.has, FL_CNI_ROUTE_TABLE | FL_CNI_ROUTE_SCOPE);
	assert_string_equal(fl_prefix_format(&route.dst, text), "10.0.0.0/8");
}

static void appending_hands_out_empty_elements_and_keeps_the_others(void **state)
{
	fl_auto_cni_result struct fl_cni_result res = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct fl_cni_iface *iface;
		struct fl_cni_route *route;
		struct fl_cni_ip *ip;

		CHECK_OK(fl_cni_result_add_iface(&res, &iface, &err), &err);
		CHECK_OK(fl_cni_result_add_ip(&res, &ip, &err), &err);
		CHECK_OK(fl_cni_result_add_route(&res, &route, &err), &err);
		CHECK(!iface->name && iface->mtu == 0 && route->has == 0);
		assert_int_equal(ip->interface, -1);
		iface->mtu = (uint32_t)i;
		ip->interface = i;
		route->mtu = (uint32_t)i;
	}
	for (int i = 0; i < 100; i++) {
		assert_int_equal(res.ifaces[i].mtu, i);
		assert_int_equal(res.ips[i].interface, i);
		assert_int_equal(res.routes[i].mtu, i);
	}
	fl_cni_result_done(&res);
	assert_int_equal(res.n_ifaces + res.n_ips + res.n_routes, 0);
	assert_null(res.ips);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_read_and_written_back_the_same),
		cmocka_unit_test(the_newest_form_is_written_as_every_version_with_only_its_keys),
		cmocka_unit_test(everything_is_read_into_the_struct),
		cmocka_unit_test(what_is_seen_in_the_wild_is_read),
		cmocka_unit_test(an_interface_index_that_names_none_is_none),
		cmocka_unit_test(the_version_inside_rules_over_the_one_given),
		cmocka_unit_test(a_wrong_result_names_the_key_and_has_the_code_for_decoding),
		cmocka_unit_test(a_result_of_a_version_not_spoken_has_the_code_for_versions),
		cmocka_unit_test(an_empty_result_has_only_its_version),
		cmocka_unit_test(an_old_result_without_an_address_is_refused),
		cmocka_unit_test(an_old_result_keeps_the_first_address_of_each_family),
		cmocka_unit_test(a_route_of_zero_is_absent_except_for_table_and_scope),
		cmocka_unit_test(appending_hands_out_empty_elements_and_keeps_the_others),
	};

	return cmocka_run_group_tests_name("cni_result", tests, NULL, NULL);
}
