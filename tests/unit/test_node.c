// SPDX-License-Identifier: Apache-2.0
/* node.json: as JSON, key by key, and as a file in a folder of the test's own. */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "folder.h"
#include "state/node.h"

static struct fl_err err;
static char root[FOLDER_MAX];

static int setup(void **state)
{
	(void)state;
	return folder_make(root, "node");
}

static int teardown(void **state)
{
	(void)state;
	return folder_remove(root);
}

static const char full[] =
	"{\"version\":1,\"nodeName\":\"n1\",\"nodeIPs\":[\"192.0.2.11\",\"2001:db8::11\"],"
	"\"podCIDRs\":[\"10.244.1.0/24\",\"fd00:244:1::/64\"],\"mode\":\"vxlan\",\"mtu\":1450,"
	"\"vxlan\":{\"device\":\"fairlead.1\",\"vni\":1,\"port\":4789}}";

/* Reads the text; the node is the caller's. */
static int read_text(const char *text, struct fl_node *out)
{
	struct fl_json *tree = NULL;
	int r;

	CHECK_OK(fl_json_parse(text, strlen(text), &tree, &err), &err);
	r = fl_node_from_json(tree, out, &err);
	if (r < 0)
		fl_json_free(&tree);
	return r;
}

/* full with the member KEY replaced by this value is refused with these words. */
static void refused(const char *key, const char *text, const char *words)
{
	fl_auto_json struct fl_json *tree = NULL;
	struct fl_node node = { .mtu = 4711 };
	struct fl_json *value = NULL;

	CHECK_OK(fl_json_parse(full, strlen(full), &tree, &err), &err);
	CHECK_OK(fl_json_parse(text, strlen(text), &value, &err), &err);
	CHECK(fl_json_set(tree, key, value) == 0);
	CHECK_FAILS(fl_node_from_json(tree, &node, &err), EINVAL, &err, words);
	assert_int_equal(node.mtu, 4711);
}

static void everything_is_read_and_comes_back_as_it_was(void **state)
{
	fl_auto_node struct fl_node node = { 0 };
	fl_auto_json struct fl_json *back = NULL;
	fl_auto_free char *text = NULL;

	(void)state;
	CHECK_OK(read_text(full, &node), &err);
	assert_string_equal(node.name, "n1");
	assert_string_equal(node.mode, "vxlan");
	assert_int_equal(node.mtu, 1450);
	assert_int_equal(node.n_ips, 2);
	CHECK(fl_ip_is4(&node.ips[0]) && !fl_ip_is4(&node.ips[1]));
	assert_int_equal(node.n_cidrs, 2);
	assert_int_equal(node.cidrs[1].len, 64);
	assert_string_equal(node.vxlan_device, "fairlead.1");
	assert_int_equal(node.vni, 1);
	assert_int_equal(node.port, 4789);
	CHECK_OK(fl_node_to_json(&node, &back, &err), &err);
	CHECK_OK(fl_json_print(back, 0, &text, &err), &err);
	assert_string_equal(text, full);
}

static void without_an_overlay_there_is_no_device(void **state)
{
	static const char text[] = "{\"version\":1,\"nodeName\":\"n1\",\"nodeIPs\":[],"
				   "\"podCIDRs\":[],\"mode\":\"host-gw\",\"mtu\":1500}";
	fl_auto_node struct fl_node node = { 0 };
	fl_auto_json struct fl_json *back = NULL;
	fl_auto_free char *again = NULL;

	(void)state;
	CHECK_OK(read_text(text, &node), &err);
	CHECK(!node.vxlan_device && node.vni == 0 && node.port == 0);
	CHECK(node.n_ips == 0 && node.n_cidrs == 0);
	CHECK_OK(fl_node_to_json(&node, &back, &err), &err);
	CHECK_OK(fl_json_print(back, 0, &again, &err), &err);
	assert_string_equal(again, text);
}

static void wrong_values_are_named_with_their_key(void **state)
{
	(void)state;
	refused("version", "2", "node.json 'version'");
	refused("version", "null", "node.json 'version'");
	refused("nodeName", "null", "node.json 'nodeName': missing");
	refused("mode", "7", "node.json 'mode': expected a string");
	refused("mtu", "null", "node.json 'mtu': missing");
	refused("mtu", "67", "node.json 'mtu'");
	refused("mtu", "65536", "node.json 'mtu'");
	refused("nodeIPs", "[\"192.0.2.300\"]", "node.json 'nodeIPs[0]': '192.0.2.300'");
	refused("podCIDRs", "[\"10.244.1.0/24\", \"10.244.2.7/24\"]",
		"node.json 'podCIDRs[1]': '10.244.2.7/24' has host bits set, expected "
		"'10.244.2.0/24'");
	refused("podCIDRs", "[\"10.244.1.0\"]", "node.json 'podCIDRs[0]': '10.244.1.0'");
	refused("vxlan", "{\"vni\":1,\"port\":4789}", "node.json 'vxlan.device': missing");
	refused("vxlan", "{\"device\":\"\",\"vni\":1,\"port\":4789}", "'vxlan.device': ''");
	refused("vxlan", "{\"device\":\"0123456789abcdef\",\"vni\":1,\"port\":1}",
		"'vxlan.device': '0123456789abcdef' is no name of 1 to 15 bytes");
	refused("vxlan", "{\"device\":\"x\",\"vni\":0,\"port\":4789}", "node.json 'vxlan.vni'");
	refused("vxlan", "{\"device\":\"x\",\"vni\":16777216,\"port\":1}", "'vxlan.vni'");
	refused("vxlan", "{\"device\":\"x\",\"vni\":1,\"port\":65536}", "'vxlan.port'");
}

static void edges_are_taken(void **state)
{
	static const char text[] =
		"{\"version\":1,\"nodeName\":\"\",\"mode\":\"\",\"mtu\":68,\"vxlan\":{\"device\":"
		"\"0123456789abcde\",\"vni\":16777215,\"port\":65535}}";
	fl_auto_node struct fl_node node = { 0 };

	(void)state;
	CHECK_OK(read_text(text, &node), &err);
	assert_int_equal(node.vni, 16777215);
	assert_int_equal(node.port, 65535);
	assert_int_equal(node.mtu, 68);
}

/* A node with n addresses or blocks, as text that the caller frees. */
static char *with_list(const char *key, const char *length, int n)
{
	char *text = malloc(4096), *p = text;

	p += sprintf(p, "{\"version\":1,\"nodeName\":\"n\",\"mode\":\"m\",\"mtu\":1500,\"%s\":[",
		     key);
	for (int i = 0; i < n; i++)
		p += sprintf(p, "%s\"10.%d.0.0%s\"", i ? "," : "", i, length);
	strcpy(p, "]}");
	return text;
}

static void lists_have_their_limits(void **state)
{
	fl_auto_free char *ips = with_list("nodeIPs", "", 3);
	fl_auto_free char *most = with_list("podCIDRs", "/16", 16);
	fl_auto_free char *more = with_list("podCIDRs", "/16", 17);
	fl_auto_node struct fl_node node = { 0 };

	(void)state;
	CHECK_FAILS(read_text(ips, &node), EINVAL, &err, "'nodeIPs[2]': more than 2 addresses");
	CHECK_FAILS(read_text(more, &node), EINVAL, &err, "'podCIDRs[16]': more than 16 blocks");
	CHECK_OK(read_text(most, &node), &err);
	assert_int_equal(node.n_cidrs, 16);
}

static void file_is_made_with_its_folder_and_read_again(void **state)
{
	fl_auto_node struct fl_node node = { 0 }, back = { 0 };

	(void)state;
	CHECK_FAILS(fl_node_read(root, &back, &err), ENOENT, &err, "node.json");
	CHECK_OK(read_text(full, &node), &err);
	CHECK_OK(fl_node_write(root, &node, &err), &err);
	CHECK_OK(fl_node_read(root, &back, &err), &err);
	assert_string_equal(back.name, "n1");
	assert_int_equal(back.cidrs[0].len, 24);
}

static struct stat look(void)
{
	char path[128];
	struct stat st = { 0 };

	(void)snprintf(path, sizeof(path), "%s/run/fairlead/node.json", root);
	CHECK(stat(path, &st) == 0);
	return st;
}

static void file_is_replaced_only_by_something_else(void **state)
{
	fl_auto_node struct fl_node node = { 0 }, back = { 0 };
	struct stat first, second;

	(void)state;
	CHECK_OK(read_text(full, &node), &err);
	CHECK_OK(fl_node_write(root, &node, &err), &err);
	first = look();
	assert_int_equal(first.st_mode & 0777, 0644);
	CHECK_OK(fl_node_write(root, &node, &err), &err);
	second = look();
	CHECK(first.st_ino == second.st_ino);
	CHECK(first.st_mtim.tv_nsec == second.st_mtim.tv_nsec);
	node.mtu = 1400;
	CHECK_OK(fl_node_write(root, &node, &err), &err);
	CHECK(look().st_ino != first.st_ino);
	CHECK_OK(fl_node_read(root, &back, &err), &err);
	assert_int_equal(back.mtu, 1400);
}

static void broken_file_is_an_error_that_names_it(void **state)
{
	fl_auto_node struct fl_node node = { 0 };
	fl_auto_close int dir = -1;
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/run/fairlead", root);
	CHECK_OK(fl_open_dir(path, 0755, &dir, &err), &err);
	CHECK_OK(fl_replace_file(dir, "node.json", "{\"version\":1", 12, 0644, &err), &err);
	CHECK_FAILS(fl_node_read(root, &node, &err), EINVAL, &err, "/run/fairlead/node.json'");
	CHECK_OK(fl_replace_file(dir, "node.json", "[]", 2, 0644, &err), &err);
	CHECK_FAILS(fl_node_read(root, &node, &err), EINVAL, &err, "expected an object");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read_and_comes_back_as_it_was),
		cmocka_unit_test(without_an_overlay_there_is_no_device),
		cmocka_unit_test(wrong_values_are_named_with_their_key),
		cmocka_unit_test(edges_are_taken),
		cmocka_unit_test(lists_have_their_limits),
		cmocka_unit_test_setup_teardown(file_is_made_with_its_folder_and_read_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(file_is_replaced_only_by_something_else, setup,
						teardown),
		cmocka_unit_test_setup_teardown(broken_file_is_an_error_that_names_it, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
