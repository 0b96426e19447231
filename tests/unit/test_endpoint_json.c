// SPDX-License-Identifier: Apache-2.0
/* Endpoint records as JSON, and the names that come of their keys. Pure: no files. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "state/endpoint.h"

static struct fl_err err;

static const char good[] = "{\"version\": 1, \"network\": \"pods\", \"containerID\": \"c1\", "
			   "\"ifname\": \"eth0\", \"hostInterface\": \"veth0\"";

static struct fl_json *parse(const char *text)
{
	struct fl_json *tree = NULL;

	CHECK_OK(fl_json_parse(text, strlen(text), &tree, &err), &err);
	return tree;
}

/* A record with n addresses, as text that the caller frees. */
static char *with_ips(size_t n)
{
	char *text = malloc(8192), *p = text;

	p += sprintf(p, "%s, \"ips\": [", good);
	for (size_t i = 0; i < n; i++)
		p += sprintf(p, "%s\"10.0.0.%zu/24\"", i ? ", " : "", i + 1);
	strcpy(p, "]}");
	return text;
}

static void record_has_up_to_64_addresses(void **state)
{
	fl_auto_free char *most = with_ips(64), *more = with_ips(65);
	fl_auto_endpoint struct fl_endpoint ep = { 0 };
	fl_auto_json struct fl_json *tree = parse(more);

	(void)state;
	CHECK_FAILS(fl_endpoint_from_json(tree, &ep, &err), EINVAL, &err,
		    "'ips[64]': more than 64 addresses");
	CHECK_OK(fl_endpoint_from_json(parse(most), &ep, &err), &err);
	assert_int_equal(ep.n_ips, 64);
	assert_int_equal(ep.ips[63].ip.b[15], 64);
}

static void json_comes_back_as_it_was_with_labels_and_pod(void **state)
{
	static const char full[] =
		"{\"version\":1,\"network\":\"pods\",\"containerID\":\"c1\",\"ifname\":\"eth0\","
		"\"hostInterface\":\"veth0\",\"mac\":\"0a:58:01:02:03:04\",\"netns\":\"/run/netns/"
		"x\","
		"\"mode\":\"bridge\",\"podNamespace\":\"default\",\"podName\":\"web-0\","
		"\"podUID\":\"0-1-2\",\"ips\":[\"10.88.0.2/24\",\"fd88::2/64\"],"
		"\"masquerade\":true,\"macspoofchk\":false,\"agent\":\"none\","
		"\"labels\":[{\"key\":\"app\",\"value\":\"web\"}]}";
	fl_auto_endpoint struct fl_endpoint ep = { 0 };
	fl_auto_json struct fl_json *back = NULL;

	(void)state;
	CHECK_OK(fl_endpoint_from_json(parse(full), &ep, &err), &err);
	CHECK_OK(fl_endpoint_to_json(&ep, &back, &err), &err);
	CHECK(fl_json_equal(back, ep.tree));
	CHECK(ep.no_agent);
	assert_int_equal(fl_json_len(ep.labels), 1);
}

/* What is in the kernel under this name must be found by every later version. */
static void host_interface_has_the_name_it_always_had(void **state)
{
	struct fl_key key = { "pods", "0123456789abcdef", "eth0" };
	char name[FL_HOST_IFNAME];

	(void)state;
	fl_key_host_ifname(&key, name);
	assert_string_equal(name, "vethbqbf5i1bhu3");
	assert_int_equal(strlen(name), 15);
}

static void host_interface_differs_by_each_part_of_the_key(void **state)
{
	static const struct fl_key keys[] = {
		{ "pods", "c1", "eth0" }, { "pod", "c1", "eth0" },  { "pods", "c2", "eth0" },
		{ "pods", "c1", "eth1" }, { "podsc", "1", "eth0" }, { "pods", "c1e", "th0" },
		{ "c1", "pods", "eth0" }, { "pods", "eth0", "c1" },
	};
	char names[FL_ARRAY_LEN(keys)][FL_HOST_IFNAME];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(keys); i++) {
		fl_key_host_ifname(&keys[i], names[i]);
		CHECK(strlen(names[i]) == 15 && strncmp(names[i], "veth", 4) == 0);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
}

static void host_interfaces_are_told_by_the_form_of_their_names(void **state)
{
	char name[FL_HOST_IFNAME];

	(void)state;
	fl_key_host_ifname(&(struct fl_key){ "net", "c1", "eth0" }, name);
	CHECK(fl_is_host_ifname(name));
	CHECK(!fl_is_host_ifname("veth0"));
	CHECK(!fl_is_host_ifname("vethabcdefghijz"));
	CHECK(!fl_is_host_ifname("xethabcdefghijk"));
	CHECK(!fl_is_host_ifname(""));
}

static void an_alias_tells_the_name_that_the_interface_was_given(void **state)
{
	const struct fl_key key = { "net", "c1", "eth0" };
	char alias[FL_ALIAS_SIZE], want[FL_HOST_IFNAME], got[FL_HOST_IFNAME], id[256];
	static const char *const none[] = { "", "net/c1/eth0", "fairlead/net/c1",
					    "fairlead/net/c1/eth0/more" };

	(void)state;
	fl_key_alias(&key, alias);
	assert_string_equal(alias, "fairlead/net/c1/eth0");
	fl_key_host_ifname(&key, want);
	CHECK(fl_alias_host_ifname(alias, got));
	assert_string_equal(got, want);
	for (size_t i = 0; i < FL_ARRAY_LEN(none); i++)
		CHECK(!fl_alias_host_ifname(none[i], got));
	/* Of 254 bytes it is whole; of 255 it may have been cut. */
	memset(id, 'c', sizeof(id));
	for (size_t n = 254 - strlen("fairlead/net//eth0"), cut = 0; cut < 2; cut++) {
		id[n + cut] = '\0';
		fl_key_alias(&(struct fl_key){ "net", id, "eth0" }, alias);
		CHECK(strlen(alias) == 254 + cut);
		CHECK(fl_alias_host_ifname(alias, got) == !cut);
		id[n + cut] = 'c';
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_has_up_to_64_addresses),
		cmocka_unit_test(json_comes_back_as_it_was_with_labels_and_pod),
		cmocka_unit_test(host_interface_has_the_name_it_always_had),
		cmocka_unit_test(host_interface_differs_by_each_part_of_the_key),
		cmocka_unit_test(host_interfaces_are_told_by_the_form_of_their_names),
		cmocka_unit_test(an_alias_tells_the_name_that_the_interface_was_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
