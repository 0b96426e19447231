// SPDX-License-Identifier: Apache-2.0
/* Records of networks: as JSON, and as files in a folder of the test's own. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "few_files.h"
#include "folder.h"
#include "state/network.h"

static struct fl_err err;
static char root[FOLDER_MAX];
static struct fl_networks nets = FL_NETWORKS_CLOSED;

static struct fl_deadline soon(void)
{
	return fl_deadline_in(10000);
}

static int setup(void **state)
{
	struct fl_deadline d = soon();

	(void)state;
	return folder_make(root, "network") ?: fl_networks_lock(root, &d, &nets, &err);
}

static int teardown(void **state)
{
	(void)state;
	fl_networks_done(&nets);
	return folder_remove(root);
}

static struct fl_prefix prefix(const char *text)
{
	struct fl_prefix p = { 0 };

	CHECK_OK(fl_prefix_parse(text, &p, &err), &err);
	return p;
}

static int read_text(const char *text, struct fl_network *out)
{
	struct fl_json *tree = NULL;
	int r;

	CHECK_OK(fl_json_parse(text, strlen(text), &tree, &err), &err);
	r = fl_network_from_json(tree, out, &err);
	if (r < 0)
		fl_json_free(&tree);
	return r;
}

static void json_comes_back_as_it_was(void **state)
{
	static const char full[] = "{\"version\":1,\"network\":\"pods\",\"device\":\"fairlead.1\","
				   "\"masquerade\":true,\"blocks\":[\"10.9.0.0/24\"],"
				   "\"routes\":[\"10.244.1.0/24\",\"fd00:244:2::/64\"]}";
	fl_auto_network struct fl_network net = { 0 };
	fl_auto_json struct fl_json *back = NULL;
	fl_auto_free char *text = NULL;

	(void)state;
	CHECK_OK(read_text(full, &net), &err);
	assert_string_equal(net.device, "fairlead.1");
	CHECK(net.masquerade && net.n_blocks == 1 && net.n_routes == 2);
	CHECK_OK(fl_network_to_json(&net, &back, &err), &err);
	CHECK_OK(fl_json_print(back, 0, &text, &err), &err);
	assert_string_equal(text, full);
}

static void wrong_records_are_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} t[] = {
		{ "[]", "expected an object" },
		{ "{\"network\":\"p\"}", "'version': missing" },
		{ "{\"version\":2,\"network\":\"p\"}", "'version'" },
		{ "{\"version\":1}", "'network': missing" },
		{ "{\"version\":1,\"network\":\"p\",\"routes\":[7]}", "'routes[0]'" },
		{ "{\"version\":1,\"network\":\"p\",\"routes\":[\"10.0.0.0\"]}", "'routes[0]'" },
		{ "{\"version\":1,\"network\":\"p\",\"blocks\":\"x\"}", "'blocks'" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		fl_auto_network struct fl_network net = { 0 };

		CHECK_FAILS(read_text(t[i].text, &net), EINVAL, &err, t[i].words);
	}
}

static void record_has_up_to_64_blocks(void **state)
{
	char text[4096];

	(void)state;
	for (int n = 64; n <= 65; n++) {
		fl_auto_network struct fl_network net = { 0 };
		char *p = text;

		p += sprintf(p, "{\"version\":1,\"network\":\"p\",\"blocks\":[");
		for (int i = 0; i < n; i++)
			p += sprintf(p, "%s\"10.%d.0.0/16\"", i ? "," : "", i);
		strcpy(p, "]}");
		if (n == 64)
			CHECK_OK(read_text(text, &net), &err);
		else
			CHECK_FAILS(read_text(text, &net), EINVAL, &err,
				    "'blocks[64]': more than 64 blocks");
	}
}

static ino_t inode(const char *name)
{
	char path[128];
	struct stat st = { 0 };

	(void)snprintf(path, sizeof(path), "%s/run/fairlead/networks/%s.json", root, name);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void file_is_replaced_only_by_something_else(void **state)
{
	struct fl_prefix routes[] = { prefix("10.1.0.0/24"), prefix("10.2.0.0/24") };
	struct fl_network net = { .name = "pods", .routes = routes, .n_routes = 1 };
	fl_auto_network struct fl_network back = { 0 };
	ino_t first;

	(void)state;
	CHECK_FAILS(fl_network_read(&nets, "pods", &back, &err), ENOENT, &err, "pods.json");
	CHECK_OK(fl_network_write(&nets, &net, &err), &err);
	first = inode("pods");
	CHECK_OK(fl_network_write(&nets, &net, &err), &err);
	CHECK(first != 0 && inode("pods") == first);
	net.n_routes = 2;
	CHECK_OK(fl_network_write(&nets, &net, &err), &err);
	CHECK(inode("pods") != first);
	CHECK_OK(fl_network_read(&nets, "pods", &back, &err), &err);
	assert_int_equal(back.n_routes, 2);
	CHECK(!back.device && !back.masquerade);
	CHECK_OK(fl_network_remove(&nets, "pods", &err), &err);
	CHECK_OK(fl_network_remove(&nets, "pods", &err), &err);
	CHECK(inode("pods") == 0);
}

static int each_name(const struct fl_network *net, void *arg, struct fl_err *e)
{
	(void)e;
	strcat(arg, net->name);
	return 0;
}

static void list_passes_over_what_is_no_record(void **state)
{
	struct fl_network a = { .name = "a" }, b = { .name = "b" };
	char names[64] = "";

	(void)state;
	CHECK_OK(fl_network_write(&nets, &a, &err), &err);
	CHECK_OK(fl_network_write(&nets, &b, &err), &err);
	CHECK_OK(fl_replace_file(nets.dir, "torn.json", "{", 1, 0600, &err), &err);
	CHECK_OK(fl_network_list(&nets, each_name, names, &err), &err);
	CHECK(strcmp(names, "ab") == 0 || strcmp(names, "ba") == 0);
}

static void a_record_that_cannot_be_opened_for_want_of_descriptors_is_not_passed_over(void **state)
{
	struct fl_network a = { .name = "a" };
	char names[64] = "";
	int r;

	(void)state;
	CHECK_OK(fl_network_write(&nets, &a, &err), &err);
	allow_files(1); /* for the folder */
	r = fl_network_list(&nets, each_name, names, &err);
	allow_files(RLIM_INFINITY);
	CHECK_FAILS(r, EMFILE, &err, "a.json");
}

static void lock_is_had_by_one_at_a_time(void **state)
{
	struct fl_networks other = FL_NETWORKS_CLOSED;
	struct fl_deadline d = fl_deadline_in(50);

	(void)state;
	CHECK_FAILS(fl_networks_lock(root, &d, &other, &err), ETIMEDOUT, &err, "lock");
	CHECK_OK(fl_networks_open(root, &other, &err), &err);
	fl_networks_done(&other);
	fl_networks_done(&nets);
	d = soon();
	CHECK_OK(fl_networks_lock(root, &d, &other, &err), &err);
	fl_networks_done(&other);
}

static void without_a_folder_there_is_nothing_to_open(void **state)
{
	struct fl_networks none = FL_NETWORKS_CLOSED;

	(void)state;
	CHECK_FAILS(fl_networks_open("/nonexistent", &none, &err), ENOENT, &err, "networks");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_comes_back_as_it_was),
		cmocka_unit_test(wrong_records_are_refused),
		cmocka_unit_test(record_has_up_to_64_blocks),
		T(file_is_replaced_only_by_something_else),
		T(list_passes_over_what_is_no_record),
		T(a_record_that_cannot_be_opened_for_want_of_descriptors_is_not_passed_over),
		T(lock_is_had_by_one_at_a_time),
		cmocka_unit_test(without_a_folder_there_is_nothing_to_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
