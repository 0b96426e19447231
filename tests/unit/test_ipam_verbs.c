// SPDX-License-Identifier: Apache-2.0
/*
 * host-local's verbs, called as the bridge plugin calls them, in temporary directories. Two
 * tests mount a small tmpfs in a mount namespace of their own (need root).
 */
#include "test.h"

#include <dirent.h>
#include <sched.h>
#include <sys/wait.h>

#include "ipam_dir.h"
#include "plugins/ipam/ipam.h"

struct call {
	struct fl_cni_req req;
	struct fl_json *conf;
};

static void call_done(struct call *c)
{
	fl_json_free(&c->conf);
}

/* A request on this configuration; ' stands for ", and @ for the data directory. */
static void prepare(const struct ipam_dir *d, struct call *c, const char *id, const char *conf)
{
	char text[2048];
	size_t n = 0;
	struct fl_err err = { 0 };

	for (const char *p = conf; *p && n < sizeof(text) - sizeof(d->data); p++) {
		if (*p == '@')
			n += (size_t)sprintf(text + n, "%s", d->data);
		else
			text[n++] = *p == '\'' ? '"' : *p;
	}
	text[n] = '\0';
	CHECK_OK(fl_json_parse(text, n, &c->conf, &err), &err);
	c->req = (struct fl_cni_req){
		.version = FL_CNI_V1_1_0,
		.answer = FL_CNI_V1_1_0,
		.container_id = id,
		.ifname = "eth0",
		.root = d->root,
		.netns_fd = -1,
		.conf = fl_cur_root(c->conf, "config"),
		.name = "net",
		.prev = fl_json_get(c->conf, "prevResult"),
		.valid = fl_json_get(c->conf, "cni.dev/valid-attachments"),
		.deadline = fl_deadline_in(5000),
	};
}

/* ADD; *ips is "a b", what the result has. */
static int add(const struct ipam_dir *d, const char *id, const char *conf, char ips[256],
	       struct fl_err *err)
{
	fl_auto(call_done) struct call c = { 0 };
	fl_auto_json struct fl_json *result = NULL;
	size_t used = 0;
	int r;

	prepare(d, &c, id, conf);
	ips[0] = '\0';
	r = ipam_plugin.add(&c.req, &result, err);
	CHECK((r == 0) == (result != NULL));
	for (size_t i = 0; r == 0 && i < fl_json_len(fl_json_get(result, "ips")); i++)
		used += (size_t)snprintf(
			ips + used, 256 - used, "%s%s", i ? " " : "",
			fl_json_str(
				fl_json_get(fl_json_at(fl_json_get(result, "ips"), i), "address")));
	return r;
}

static int verb(const struct ipam_dir *d, int (*fn)(const struct fl_cni_req *, struct fl_err *),
		const char *id, const char *conf, struct fl_err *err)
{
	fl_auto(call_done) struct call c = { 0 };

	prepare(d, &c, id, conf);
	return fn(&c.req, err);
}

static int n_files(const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, NULL), left = n;

	while (left > 0)
		free(names[--left]);
	free(names);
	return n - 2;
}

static int n_fds(void)
{
	return n_files("/proc/self/fd");
}

#define SMALL "{'ipam':{'dataDir':'@','subnet':'10.1.0.0/29'}}"
#define DUAL                                             \
	"{'ipam':{'dataDir':'@','subnet':'10.1.0.0/29'," \
	"'ranges':[[{'subnet':'fd00::/120','rangeEnd':'fd00::3'}]]}}"

static void addresses_go_round_robin_and_the_gateway_is_passed_over(void **state)
{
	struct ipam_dir *d = *state;
	static const char *const want[] = { "10.1.0.2/29", "10.1.0.3/29", "10.1.0.4/29",
					    "10.1.0.5/29", "10.1.0.6/29", "10.1.0.2/29",
					    "10.1.0.3/29" };
	struct fl_err err = { 0 };
	char ips[256];

	for (size_t i = 0; i < FL_ARRAY_LEN(want); i++) {
		CHECK_OK(add(d, "c", SMALL, ips, &err), &err);
		assert_string_equal(ips, want[i]);
		CHECK_OK(verb(d, ipam_plugin.del, "c", SMALL, &err), &err);
	}
	ipam_dir_holds(d, "last_reserved_ip.0", "10.1.0.3");
}

static void a_full_pool_says_so_until_one_is_released(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256], id[8];
	int files, fds = n_fds();

	CHECK_OK(verb(d, ipam_plugin.status, NULL, SMALL, &err), &err);
	for (int i = 0; i < 5; i++) {
		CHECK_OK(verb(d, ipam_plugin.status, NULL, SMALL, &err), &err);
		(void)snprintf(id, sizeof(id), "c%d", i);
		CHECK_OK(add(d, id, SMALL, ips, &err), &err);
	}
	files = n_files(d->net);
	CHECK_FAILS(add(d, "c9", SMALL, ips, &err), ENOSPC, &err,
		    "no address is free in range set '10.1.0.1-10.1.0.6'");
	assert_int_equal(err.code, FL_CNI_NO_ADDRESS);
	assert_int_equal(n_files(d->net), files);
	CHECK_FAILS(verb(d, ipam_plugin.status, NULL, SMALL, &err), ENOSPC, &err,
		    "network 'net': no address is free in range set 0, '10.1.0.1-10.1.0.6'");
	assert_int_equal(err.code, FL_CNI_UNAVAILABLE);
	CHECK_OK(verb(d, ipam_plugin.del, "c3", SMALL, &err), &err);
	CHECK_OK(verb(d, ipam_plugin.status, NULL, SMALL, &err), &err);
	CHECK_OK(add(d, "c9", SMALL, ips, &err), &err);
	assert_string_equal(ips, "10.1.0.5/29");
	assert_int_equal(n_fds(), fds);
}

static void one_full_set_undoes_the_others(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256];

	CHECK_OK(add(d, "c1", DUAL, ips, &err), &err);
	assert_string_equal(ips, "10.1.0.2/29 fd00::2/120");
	CHECK_OK(add(d, "c2", DUAL, ips, &err), &err);
	CHECK_FAILS(add(d, "c3", DUAL, ips, &err), ENOSPC, &err, "range set 1: no address is free");
	CHECK(!ipam_dir_has(d, "10.1.0.4"));
	CHECK_FAILS(verb(d, ipam_plugin.status, NULL, DUAL, &err), ENOSPC, &err, "set 1");
}

static void a_second_add_of_the_same_attachment_is_refused(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256];

	CHECK_OK(add(d, "c1", SMALL, ips, &err), &err);
	CHECK_FAILS(add(d, "c1", SMALL, ips, &err), EEXIST, &err,
		    "'10.1.0.2' has been allocated to container 'c1' interface 'eth0' already, "
		    "duplicate allocation is not allowed");
	ipam_dir_plant_lease(d, "10.1.0.6", "old");
	CHECK_FAILS(add(d, "old", SMALL, ips, &err), EEXIST, &err, "'10.1.0.6'");
	/* A set that has none of the attachment's addresses serves it. */
	CHECK_OK(add(d, "c1", "{'ipam':{'dataDir':'@','subnet':'10.2.0.0/29'}}", ips, &err), &err);
}

#define WANT(ips) \
	"{'ipam':{'dataDir':'@','subnet':'10.1.0.0/29'},'runtimeConfig':{'ips':[" ips "]}}"

static void requested_addresses_are_given_or_refused_by_name(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256];

	CHECK_OK(add(d, "c1", WANT("'10.1.0.4'"), ips, &err), &err);
	assert_string_equal(ips, "10.1.0.4/29");
	ipam_dir_holds(d, "last_reserved_ip.0", "10.1.0.4");
	CHECK_FAILS(add(d, "c2", WANT("'10.1.0.4'"), ips, &err), EEXIST, &err,
		    "requested address '10.1.0.4' is not available in range set");
	assert_int_equal(err.code, FL_CNI_NO_ADDRESS);
	CHECK_FAILS(add(d, "c1", WANT("'10.1.0.4'"), ips, &err), EEXIST, &err, "not available");
	CHECK_FAILS(add(d, "c2", WANT("'10.1.0.1'"), ips, &err), EINVAL, &err,
		    "requested address '10.1.0.1' is the subnet's gateway");
	CHECK_FAILS(add(d, "c2", WANT("'10.1.0.5','10.9.0.1'"), ips, &err), EINVAL, &err,
		    "allocate all requested addresses: none of the range sets");
	CHECK(strstr(err.text, "'10.9.0.1'"));
	CHECK_FAILS(add(d, "c2", WANT("'10.1.0.5','10.1.0.6'"), ips, &err), EINVAL, &err,
		    "'10.1.0.6'");
	CHECK(!ipam_dir_has(d, "10.1.0.5") && !ipam_dir_has(d, "10.1.0.6"));
	CHECK_OK(add(d, "c2", SMALL, ips, &err), &err);
	assert_string_equal(ips, "10.1.0.5/29");
}

static void a_release_needs_no_valid_configuration_and_nothing_to_release(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256];
	struct stat st;

	CHECK_OK(verb(d, ipam_plugin.del, "c1", SMALL, &err), &err);
	CHECK_OK(verb(d, ipam_plugin.del, "c1", "{}", &err), &err);
	CHECK(stat(d->net, &st) < 0);
	CHECK_OK(add(d, "c1", SMALL, ips, &err), &err);
	CHECK_OK(verb(d, ipam_plugin.del, "c1",
		      "{'ipam':{'dataDir':'@','subnet':'10.1.0.7/33','ranges':7}}", &err),
		 &err);
	CHECK(!ipam_dir_has(d, "10.1.0.2"));
	CHECK_OK(verb(d, ipam_plugin.del, "c1", SMALL, &err), &err);
	CHECK_FAILS(verb(d, ipam_plugin.del, "c1", "{'ipam':{'dataDir':7}}", &err), EINVAL, &err,
		    "config 'ipam.dataDir'");
}

#define PREV(ips)                                                                            \
	"{'ipam':{'dataDir':'@','subnet':'10.1.0.0/29'},'prevResult':{'cniVersion':'1.1.0'," \
	"'ips':[" ips "]}}"

static void check_compares_the_address(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256];

	CHECK_FAILS(verb(d, ipam_plugin.check, "c1", PREV("{'address':'10.1.0.2/29'}"), &err),
		    ENOENT, &err, "found no store of network 'net'");
	assert_int_equal(err.code, FL_CNI_DRIFT);
	CHECK_OK(add(d, "c1", SMALL, ips, &err), &err);
	CHECK_OK(verb(d, ipam_plugin.check, "c1",
		      PREV("{'address':'10.1.0.2/29'},{'address':'10.9.0.2/29'}"), &err),
		 &err);
	CHECK_FAILS(verb(d, ipam_plugin.check, "c1", PREV("{'address':'10.1.0.3/29'}"), &err),
		    ENOENT, &err, "expected '10.1.0.3', found '10.1.0.2'");
	assert_int_equal(err.code, FL_CNI_DRIFT);
	CHECK_FAILS(verb(d, ipam_plugin.check, "c2", PREV("{'address':'10.1.0.2/29'}"), &err),
		    ENOENT, &err, "expected '10.1.0.2', found none");
}

static void gc_releases_what_is_not_valid_in_this_network_only(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256], other[300];
	fl_auto_close int dir = -1;

	CHECK_OK(add(d, "c1", SMALL, ips, &err), &err);
	CHECK_OK(add(d, "c2", SMALL, ips, &err), &err);
	ipam_dir_plant_lease(d, "10.1.0.4", "c1\r\neth1");
	ipam_dir_plant_lease(d, "10.1.0.5", "c1");
	ipam_dir_plant_lease(d, "10.1.0.6", "c3");
	(void)snprintf(other, sizeof(other), "%s/other", d->data);
	CHECK_OK(fl_open_dir(other, 0755, &dir, &err), &err);
	CHECK_OK(fl_create_file(dir, "10.1.0.2", "c9\r\neth0", 8, 0600, &err), &err);
	CHECK_OK(verb(d, ipam_plugin.gc, NULL,
		      "{'ipam':{'dataDir':'@'},'cni.dev/valid-attachments':[{'containerID':'c1',"
		      "'ifname':'eth0'},{'containerID':'c2','ifname':'eth9'}]}",
		      &err),
		 &err);
	CHECK(ipam_dir_has(d, "10.1.0.2") && !ipam_dir_has(d, "10.1.0.3"));
	CHECK(!ipam_dir_has(d, "10.1.0.4") && ipam_dir_has(d, "10.1.0.5"));
	CHECK(!ipam_dir_has(d, "10.1.0.6"));
	assert_int_equal(faccessat(dir, "10.1.0.2", F_OK, 0), 0);
	CHECK_OK(verb(d, ipam_plugin.gc, NULL,
		      "{'ipam':{'dataDir':'@'},'cni.dev/valid-attachments':[]}", &err),
		 &err);
	CHECK(!ipam_dir_has(d, "10.1.0.2") && !ipam_dir_has(d, "10.1.0.5"));
	assert_int_equal(faccessat(dir, "10.1.0.2", F_OK, 0), 0);
}

static void resolv_conf_becomes_the_results_dns(void **state)
{
	struct ipam_dir *d = *state;
	fl_auto(call_done) struct call c = { 0 }, bad = { 0 };
	fl_auto_json struct fl_json *result = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	(void)mkdir(d->net, 0755);
	ipam_dir_plant_lease(d, "resolv.conf", "nameserver 10.0.0.1\nsearch a b\n");
	prepare(d, &c, "c1",
		"{'ipam':{'dataDir':'@','subnet':'10.1.0.0/29','resolvConf':'@/net/resolv.conf'}}");
	CHECK_OK(ipam_plugin.add(&c.req, &result, &err), &err);
	CHECK_OK(fl_json_print(fl_json_get(result, "dns"), 0, &text, &err), &err);
	assert_string_equal(text, "{\"nameservers\":[\"10.0.0.1\"],\"search\":[\"a\",\"b\"]}");
	fl_json_free(&result);
	prepare(d, &bad, "c2",
		"{'ipam':{'dataDir':'@','subnet':'10.1.0.0/29','resolvConf':'@/none'}}");
	CHECK_FAILS(ipam_plugin.add(&bad.req, &result, &err), ENOENT, &err,
		    "config 'ipam.resolvConf': open '");
	assert_int_equal(err.code, FL_CNI_CONFIG);
	CHECK(!ipam_dir_has(d, "10.1.0.3"));
}

static void a_data_dir_that_cannot_be_is_an_error_for_add_and_nothing_for_del(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char conf[8400], dir[8000], ips[256];
	fl_auto(call_done) struct call c = { 0 };
	fl_auto_json struct fl_json *result = NULL;
	fl_auto_close int fd = -1;

	memset(dir, 'x', sizeof(dir));
	for (size_t i = 0; i < sizeof(dir); i += 100)
		dir[i] = '/';
	dir[sizeof(dir) - 1] = '\0';
	(void)snprintf(conf, sizeof(conf),
		       "{\"ipam\":{\"subnet\":\"10.1.0.0/29\",\"dataDir\":\"%s\"}}", dir);
	prepare(d, &c, "c1", "{}");
	fl_json_free(&c.conf);
	CHECK_OK(fl_json_parse(conf, strlen(conf), &c.conf, &err), &err);
	c.req.conf = fl_cur_root(c.conf, "config");
	CHECK_FAILS(ipam_plugin.add(&c.req, &result, &err), ENAMETOOLONG, &err,
		    "config 'ipam.dataDir': '/xxx");
	assert_int_equal(err.code, FL_CNI_CONFIG);
	CHECK_OK(ipam_plugin.del(&c.req, &err), &err);

	fd = open(d->net, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK_FAILS(add(d, "c1", SMALL, ips, &err), ENOTDIR, &err, d->net);
	assert_int_equal(err.code, FL_CNI_IO);
	CHECK_OK(verb(d, ipam_plugin.del, "c1", SMALL, &err), &err);
}

static void a_pipe_in_place_of_the_lock_holds_nobody_up(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char path[300], ips[256];

	(void)snprintf(path, sizeof(path), "%s/lock", d->net);
	CHECK(mkdir(d->net, 0755) == 0 && mkfifo(path, 0600) == 0);
	CHECK_OK(add(d, "c1", SMALL, ips, &err), &err);
	CHECK_OK(verb(d, ipam_plugin.del, "c1", SMALL, &err), &err);
}

/* With room for one file after the other, each ADD must fail whole, and the last one succeed. */
static void a_full_disk_leaves_nothing_of_the_add(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256], options[32];
	int r = -1, n;

	ipam_dir_mount(d, "tmpfs", "nr_inodes=3");
	for (n = 3; n < 20 && r < 0; n++) {
		(void)snprintf(options, sizeof(options), "nr_inodes=%d", n);
		CHECK(mount("fl-ipam", d->data, "tmpfs", MS_REMOUNT, options) == 0);
		r = add(d, "c1", DUAL, ips, &err);
		if (r == 0)
			break;
		assert_int_equal(r, -ENOSPC);
		assert_int_equal(err.code, FL_CNI_IO);
		CHECK(!ipam_dir_has(d, "10.1.0.2") && !ipam_dir_has(d, "10.1.0.3"));
		CHECK(!ipam_dir_has(d, "10.1.0.4") && !ipam_dir_has(d, "fd00::2"));
	}
	assert_int_equal(r, 0);
	CHECK(n > 5);
	CHECK_OK(verb(d, ipam_plugin.del, "c1", DUAL, &err), &err);
	assert_int_equal(n_files(d->net), 3); /* lock and last_reserved_ip.0, .1 */
}

static void a_read_only_store_refuses_add_and_answers_the_rest(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256];

	ipam_dir_mount(d, "tmpfs", "mode=755");
	CHECK_OK(add(d, "c1", SMALL, ips, &err), &err);
	CHECK(mount("fl-ipam", d->data, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK_FAILS(add(d, "c2", SMALL, ips, &err), EROFS, &err, "Read-only file system");
	assert_int_equal(err.code, FL_CNI_IO);
	CHECK_OK(verb(d, ipam_plugin.check, "c1", PREV("{'address':'10.1.0.2/29'}"), &err), &err);
	CHECK_OK(verb(d, ipam_plugin.status, NULL, SMALL, &err), &err);
	CHECK_FAILS(verb(d, ipam_plugin.del, "c1", SMALL, &err), EROFS, &err, "10.1.0.2");
	CHECK_OK(verb(d, ipam_plugin.del, "c2", SMALL, &err), &err);
}

/* Eight processes fill a pool of 248 between them: each address once, none left over. */
static void many_processes_share_a_pool_without_a_double(void **state)
{
	static const char conf[] = "{'ipam':{'dataDir':'@','ranges':[[{'subnet':'10.1.0.0/24',"
				   "'rangeStart':'10.1.0.2','rangeEnd':'10.1.0.249'}]]}}";
	struct ipam_dir *d = *state;
	struct fl_err err = { 0 };
	char ips[256], id[16];
	int status;

	for (int p = 0; p < 8; p++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		for (int i = 0; pid == 0 && i < 31; i++) {
			(void)snprintf(id, sizeof(id), "p%d-%d", p, i);
			if (add(d, id, conf, ips, &err) < 0)
				_exit(1);
			if (i % 3 == 0 && (verb(d, ipam_plugin.del, id, conf, &err) < 0 ||
					   add(d, id, conf, ips, &err) < 0))
				_exit(2);
		}
		if (pid == 0)
			_exit(0);
	}
	for (int p = 0; p < 8; p++)
		CHECK(wait(&status) > 0 && status == 0);
	assert_int_equal(n_files(d->net), 248 + 2);
	CHECK_FAILS(add(d, "more", conf, ips, &err), ENOSPC, &err, "no address is free");
	for (int i = 0; i < 8 * 31; i++) {
		(void)snprintf(id, sizeof(id), "p%d-%d", i / 31, i % 31);
		CHECK_OK(verb(d, ipam_plugin.del, id, conf, &err), &err);
	}
	assert_int_equal(n_files(d->net), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ipam_dir_setup, ipam_dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_go_round_robin_and_the_gateway_is_passed_over),
		TEST(a_full_pool_says_so_until_one_is_released),
		TEST(one_full_set_undoes_the_others),
		TEST(a_second_add_of_the_same_attachment_is_refused),
		TEST(requested_addresses_are_given_or_refused_by_name),
		TEST(a_release_needs_no_valid_configuration_and_nothing_to_release),
		TEST(check_compares_the_address),
		TEST(gc_releases_what_is_not_valid_in_this_network_only),
		TEST(resolv_conf_becomes_the_results_dns),
		TEST(a_data_dir_that_cannot_be_is_an_error_for_add_and_nothing_for_del),
		TEST(a_pipe_in_place_of_the_lock_holds_nobody_up),
		TEST(a_full_disk_leaves_nothing_of_the_add),
		TEST(a_read_only_store_refuses_add_and_answers_the_rest),
		TEST(many_processes_share_a_pool_without_a_double),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
