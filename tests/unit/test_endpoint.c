// SPDX-License-Identifier: Apache-2.0
/* Endpoint records: in a folder of the test's own. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "folder.h"
#include "inject.h"
#include "state/endpoint.h"

static struct fl_err err;
static char root[FOLDER_MAX];
static time_t up_s = 1000000; /* since this machine was booted */

/* In place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *out)
{
	if (clock != CLOCK_BOOTTIME)
		return (int)syscall(SYS_clock_gettime, clock, out);
	*out = (struct timespec){ .tv_sec = up_s };
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return folder_make(root, "endpoint");
}

static int teardown(void **state)
{
	(void)state;
	return folder_remove(root);
}

static struct fl_prefix prefix(const char *text)
{
	struct fl_prefix p = { 0 };

	CHECK_OK(fl_prefix_parse(text, &p, &err), &err);
	return p;
}

static struct fl_endpoint simple(const char *network, const char *id)
{
	return (struct fl_endpoint){ .key = { network, id, "eth0" }, .host_ifname = "veth0" };
}

/* Claims the key and fills in the record. */
static int try_create(const struct fl_endpoint *ep)
{
	fl_auto_close int fd = -1;
	int r = fl_endpoint_claim(root, &ep->key, &fd, &err);

	return r < 0 ? r : fl_endpoint_fill(fd, ep, &err);
}

static void create(const char *network, const char *id)
{
	struct fl_endpoint ep = simple(network, id);

	CHECK_OK(try_create(&ep), &err);
}

static int try_read(const char *network, const char *id)
{
	fl_auto_endpoint struct fl_endpoint ep = { 0 };
	struct fl_key key = { network, id, "eth0" };

	return fl_endpoint_read(root, &key, &ep, &err);
}

/* Makes what somebody else might have left in the folder. */
static void plant(const char *name, const char *text, size_t len)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/run/fairlead/endpoints", root);
	CHECK_OK(fl_make_dirs(path, 0700, &err), &err);
	(void)snprintf(path, sizeof(path), "%s/run/fairlead/endpoints/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

/* The file of ("pods", id, "eth0"). */
static const char *file_of(const char *id)
{
	static char name[64];
	struct fl_key key = { "pods", id, "eth0" };
	char host[FL_HOST_IFNAME];
	char command[160];
	FILE *f;

	create("pods", id);
	fl_key_host_ifname(&key, host);
	(void)snprintf(command, sizeof(command), "ls %s/run/fairlead/endpoints | grep ^%s", root,
		       host + 4);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(name, sizeof(name), f));
	assert_int_equal(pclose(f), 0);
	name[strcspn(name, "\n")] = '\0';
	return name;
}

static int each_id(const struct fl_endpoint *ep, void *arg, struct fl_err *e)
{
	char *ids = arg;

	(void)e;
	strcat(ids, ep->key.container_id);
	strcat(ids, " ");
	return 0;
}

static const char *list(const char *network)
{
	static char ids[4096];

	ids[0] = '\0';
	CHECK_OK(fl_endpoint_list(root, network, each_id, ids, &err), &err);
	return ids;
}

static void record_is_created_read_and_removed(void **state)
{
	struct fl_key key = { "pods", "c1", "eth0" };
	fl_auto_endpoint struct fl_endpoint back = { 0 };
	struct fl_endpoint ep = {
		.key = key,
		.netns = "/run/netns/x",
		.mode = "bridge",
		.pod_namespace = "default",
		.pod_name = "web-0",
		.pod_uid = "0-1-2",
		.host_ifname = "veth56789012345",
		.mac = { 0x0a, 0x58, 1, 2, 3, 4 },
		.masquerade = true,
		.macspoofchk = true,
		.n_ips = 2,
		.ips = { prefix("10.88.0.2/24"), prefix("fd88::2/64") },
	};

	(void)state;
	CHECK_OK(try_create(&ep), &err);
	CHECK_OK(fl_endpoint_read(root, &key, &back, &err), &err);
	assert_string_equal(back.key.network, "pods");
	assert_string_equal(back.key.container_id, "c1");
	assert_string_equal(back.key.ifname, "eth0");
	assert_string_equal(back.netns, "/run/netns/x");
	assert_string_equal(back.mode, "bridge");
	assert_string_equal(back.pod_namespace, "default");
	assert_string_equal(back.pod_name, "web-0");
	assert_string_equal(back.pod_uid, "0-1-2");
	assert_string_equal(back.host_ifname, "veth56789012345");
	assert_memory_equal(back.mac, ep.mac, FL_MAC_LEN);
	CHECK(back.masquerade && back.macspoofchk && !back.labels);
	assert_int_equal(back.n_ips, 2);
	assert_memory_equal(back.ips, ep.ips, 2 * sizeof(ep.ips[0]));
	CHECK_OK(fl_endpoint_remove(root, &key, &err), &err);
	CHECK_FAILS(try_read("pods", "c1"), ENOENT, &err, "endpoints/");
}

static void remove_of_an_absent_record_or_folder_is_done(void **state)
{
	struct fl_key key = { "pods", "c1", "eth0" };

	(void)state;
	CHECK_OK(fl_endpoint_remove(root, &key, &err), &err);
	create("pods", "c2");
	CHECK_OK(fl_endpoint_remove(root, &key, &err), &err);
	assert_string_equal(list("pods"), "c2 ");
}

static void second_create_is_eexist_and_changes_nothing(void **state)
{
	struct fl_endpoint ep = simple("pods", "c1");
	struct fl_key key = ep.key;
	fl_auto_endpoint struct fl_endpoint back = { 0 };

	(void)state;
	create("pods", "c1");
	strcpy(ep.host_ifname, "other");
	CHECK_FAILS(try_create(&ep), EEXIST, &err, "create endpoint record '");
	CHECK_OK(fl_endpoint_read(root, &key, &back, &err), &err);
	assert_string_equal(back.host_ifname, "veth0");
}

static void key_parts_of_any_length_and_content_are_kept_apart(void **state)
{
	char id[4000];

	(void)state;
	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	create("pods", id);
	create("pods", "../../../etc/passwd");
	create("pods", "a/b");
	CHECK_OK(try_read("pods", id), &err);
	CHECK_OK(try_read("pods", "../../../etc/passwd"), &err);
	id[sizeof(id) - 2] = 'b';
	assert_int_equal(try_read("pods", id), -ENOENT);
}

static void list_of_no_network_has_all_records(void **state)
{
	(void)state;
	assert_string_equal(list(NULL), "");
	create("pods", "c1");
	create("other", "c2");
	CHECK(strlen(list(NULL)) == 6);
}

static void list_has_the_records_of_its_network_only(void **state)
{
	(void)state;
	assert_string_equal(list("pods"), ""); /* no folder yet */
	create("pods", "c1");
	create("podsy", "c2");
	create("pod", "c3");
	assert_string_equal(list("pods"), "c1 ");
	assert_string_equal(list("other"), "");
	create("pods", "c4");
	CHECK(strlen(list("pods")) == 6);
}

static int each_remove(const struct fl_endpoint *ep, void *arg, struct fl_err *e)
{
	++*(int *)arg;
	return fl_endpoint_remove(root, &ep->key, e);
}

static int each_refuse(const struct fl_endpoint *ep, void *arg, struct fl_err *e)
{
	++*(int *)arg;
	return fl_fail(e, EDOM, "no more after '%s'", ep->key.container_id);
}

static void list_lets_its_callback_remove_and_end_it(void **state)
{
	int n = 0;

	(void)state;
	for (int i = 0; i < 40; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "c%d", i);
		create("pods", id);
	}
	CHECK_FAILS(fl_endpoint_list(root, "pods", each_refuse, &n, &err), EDOM, &err,
		    "no more after 'c");
	assert_int_equal(n, 1);
	n = 0;
	CHECK_OK(fl_endpoint_list(root, "pods", each_remove, &n, &err), &err);
	assert_int_equal(n, 40);
	assert_string_equal(list("pods"), "");
}

static const char good[] = "{\"version\": 1, \"network\": \"pods\", \"containerID\": \"c1\", "
			   "\"ifname\": \"eth0\", \"hostInterface\": \"veth0\"";

static void junk_is_passed_over_by_list_and_refused_by_read(void **state)
{
	static const char tail[] =
		"{\"version\": 1, \"containerID\": \"c1\", \"ifname\": \"eth0\", "
		"\"hostInterface\": \"veth0\", ";
	static const struct {
		const char *text, *said;
	} t[] = {
		{ "", "endpoint record" },
		{ "{\"version\": 1, \"netw", "endpoint record" },
		{ "\0\0\0\0", "endpoint record" },
		{ "[]", "endpoint record" },
		{ "{}", "'version'" },
		{ "{\"version\": 2}", "'version'" },
		{ "{\"version\": \"1\"}", "'version'" },
		{ "{\"version\": 1, \"network\": 7}", "'network'" },
		{ "{\"version\": 1, \"network\": \"pods\"}", "'containerID'" },
	};
	static const struct {
		const char *more, *said;
	} members[] = {
		{ "\"network\": \"pods\", \"ips\": [\"10.1.0.0/33\"]}", "10.1.0.0/33" },
		{ "\"network\": \"pods\", \"ips\": [7]}", "'ips[0]'" },
		{ "\"network\": \"pods\", \"ips\": {}}", "'ips'" },
		{ "\"network\": \"pods\", \"mac\": \"zz\"}", "zz" },
		{ "\"network\": \"pods\", \"masquerade\": \"yes\"}", "'masquerade'" },
		{ "\"network\": \"pods\", \"hostInterface\": \"veth567890123456\"}", "" },
	};
	char name[64], text[512];

	(void)state;
	strcpy(name, file_of("c1"));
	create("pods", "c2");
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		plant(name, t[i].text, i == 2 ? 4 : strlen(t[i].text));
		CHECK_FAILS(try_read("pods", "c1"), EINVAL, &err, t[i].said);
		assert_string_equal(list("pods"), "c2 ");
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(members); i++) {
		(void)snprintf(text, sizeof(text), "%s%s", tail, members[i].more);
		plant(name, text, strlen(text));
		CHECK_FAILS(try_read("pods", "c1"), EINVAL, &err, members[i].said);
		CHECK_FAILS(try_read("pods", "c1"), EINVAL, &err, name);
		assert_string_equal(list("pods"), "c2 ");
	}
	(void)snprintf(text, sizeof(text), "%s}", good);
	plant(name, text, strlen(text));
	CHECK_OK(try_read("pods", "c1"), &err);
}

static void huge_record_is_refused_and_one_of_65536_bytes_is_read(void **state)
{
	fl_auto_free char *text = malloc(65537);
	char name[64];

	(void)state;
	assert_non_null(text);
	strcpy(name, file_of("c1"));
	memset(text, ' ', 65537);
	memcpy(text, good, sizeof(good) - 1);
	text[sizeof(good) - 1] = '}';
	plant(name, text, 65536);
	CHECK_OK(try_read("pods", "c1"), &err);
	plant(name, text, 65537);
	CHECK_FAILS(try_read("pods", "c1"), EFBIG, &err, name);
	assert_string_equal(list("pods"), "");
}

/* Fills a claimed record anew, with n bytes of a pod's identifier. */
static int fill(int fd, char *uid, size_t n, off_t *size)
{
	struct fl_endpoint ep = simple("pods", "c1");
	struct stat st;
	int r;

	memset(uid, 'u', n);
	ep.pod_uid = uid;
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	r = fl_endpoint_fill(fd, &ep, &err);
	assert_int_equal(fstat(fd, &st), 0);
	*size = st.st_size;
	return r;
}

static void no_record_is_written_that_could_not_be_read(void **state)
{
	fl_auto_free char *uid = calloc(1, 65537);
	const struct fl_key key = { "pods", "c1", "eth0" };
	fl_auto_close int fd = -1;
	off_t size;
	size_t most;

	(void)state;
	assert_non_null(uid);
	CHECK_OK(fl_endpoint_claim(root, &key, &fd, &err), &err);
	CHECK_OK(fill(fd, uid, 1, &size), &err);
	most = 65537 - (size_t)size;
	CHECK_OK(fill(fd, uid, most, &size), &err);
	assert_int_equal(size, 65536);
	CHECK_OK(try_read("pods", "c1"), &err);
	CHECK_FAILS(fill(fd, uid, most + 1, &size), E2BIG, &err, "65537 bytes, at most 65536");
	assert_int_equal(size, 0);
}

/* A file of the folder gets the time of so many seconds ago. */
static void age(const char *name, int seconds)
{
	char path[160];
	struct timespec t[2] = { 0 };

	(void)snprintf(path, sizeof(path), "%s/run/fairlead/endpoints/%s", root, name);
	CHECK(clock_gettime(CLOCK_REALTIME, &t[0]) == 0);
	t[0].tv_sec -= seconds;
	t[1] = t[0];
	CHECK(utimensat(AT_FDCWD, path, t, 0) == 0);
}

static bool exists(const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/run/fairlead/endpoints/%s", root, name);
	return access(path, F_OK) == 0;
}

static void claim_holds_the_key_and_is_no_record_yet(void **state)
{
	struct fl_endpoint ep = simple("pods", "c1");
	fl_auto_close int fd = -1, second = -1;

	(void)state;
	CHECK_OK(fl_endpoint_claim(root, &ep.key, &fd, &err), &err);
	assert_int_equal(fl_endpoint_claim(root, &ep.key, &second, &err), -EEXIST);
	assert_int_equal(second, -1);
	assert_string_equal(list("pods"), "");
	assert_int_equal(try_read("pods", "c1"), -EINVAL);
	CHECK_OK(fl_endpoint_fill(fd, &ep, &err), &err);
	assert_string_equal(list("pods"), "c1 ");
}

static void wait_ends_with_the_add_and_not_before(void **state)
{
	struct fl_endpoint ep = simple("waited", "c1");
	struct fl_deadline soon = fl_deadline_in(20);
	int fd = -1;

	(void)state;
	CHECK_OK(fl_endpoint_wait(root, &ep.key, &soon, &err), &err); /* there is none */
	CHECK_OK(fl_endpoint_claim(root, &ep.key, &fd, &err), &err);
	CHECK_FAILS(fl_endpoint_wait(root, &ep.key, &soon, &err), ETIMEDOUT, &err,
		    "container 'c1', interface 'eth0'");
	CHECK_OK(fl_endpoint_fill(fd, &ep, &err), &err);
	soon = fl_deadline_in(20);
	CHECK_FAILS(fl_endpoint_wait(root, &ep.key, &soon, &err), ETIMEDOUT, &err, "ADD");
	fl_close_p(&fd);
	CHECK_OK(fl_endpoint_wait(root, &ep.key, &soon, &err), &err);
}

static void claim_that_nobody_filled_for_ten_minutes_is_removed_by_list(void **state)
{
	char record[64];

	(void)state;
	strcpy(record, file_of("c1"));
	plant("young.json", "", 0);
	plant("old.json", "", 0);
	plant("junk.json", "{", 1);
	age("young.json", 590);
	age("old.json", 610);
	age("junk.json", 610);
	age(record, 610);
	assert_string_equal(list("pods"), "c1 ");
	CHECK(exists("young.json") && !exists("old.json") && exists("junk.json") && exists(record));
}

/* The machine's clock is put right while an ADD is at work. */
static void a_claim_from_before_the_boot_is_none_that_was_abandoned(void **state)
{
	(void)state;
	plant("made.json", "", 0);
	age("made.json", (int)up_s + 10);
	assert_string_equal(list("pods"), "");
	CHECK(exists("made.json"));
	age("made.json", (int)up_s - 10);
	assert_string_equal(list("pods"), "");
	CHECK(!exists("made.json"));
}

static void other_files_in_the_folder_are_passed_over(void **state)
{
	char command[160];

	(void)state;
	create("pods", "c1");
	plant(".tmp.17", good, sizeof(good) - 1);
	plant(".json", "{}", 2);
	plant("README", "hello", 5);
	(void)snprintf(command, sizeof(command), "mkdir %s/run/fairlead/endpoints/folder.json",
		       root);
	assert_int_equal(system(command), 0);
	assert_string_equal(list("pods"), "c1 ");
}

/* What a visitor is told. */
struct told {
	char ids[64], bad[1024];
};

static int each_told(const struct fl_endpoint *ep, void *arg, struct fl_err *e)
{
	return each_id(ep, ((struct told *)arg)->ids, e);
}

static void bad_told(const char *path, const char *why, void *arg)
{
	struct told *t = arg;

	CHECK(strncmp(path, root, strlen(root)) == 0);
	strcat(strcat(t->bad, path + strlen(root)), ": ");
	strcat(strcat(t->bad, why), "\n");
}

static void visitor_is_told_of_files_that_are_no_records_and_not_of_claims(void **state)
{
	struct told t = { 0 };
	const struct fl_endpoint_visitor v = { "pods", each_told, bad_told, &t };
	char want[512];

	(void)state;
	create("pods", "c1");
	create("other", "c2");
	plant("claim.json", "", 0);
	CHECK_OK(fl_endpoint_visit(root, &v, &err), &err);
	assert_string_equal(t.ids, "c1 ");
	assert_string_equal(t.bad, "");
	plant("bad.json", "{}", 2);
	t = (struct told){ 0 };
	CHECK_OK(fl_endpoint_visit(root, &v, &err), &err);
	assert_string_equal(t.ids, "c1 ");
	(void)snprintf(want, sizeof(want),
		       "/run/fairlead/endpoints/bad.json: 'bad.json': endpoint record 'version': "
		       "missing, expected a number\n");
	assert_string_equal(t.bad, want);
}

static void path_of_a_record_says_which_host_interface_is_its(void **state)
{
	struct fl_key key = { "pods", "c1", "eth0" };
	char want[FL_HOST_IFNAME], got[FL_HOST_IFNAME], path[200];

	(void)state;
	fl_key_host_ifname(&key, want);
	(void)snprintf(path, sizeof(path), "/run/fairlead/endpoints/%s", file_of("c1"));
	CHECK(fl_endpoint_path_host_ifname(path, got));
	assert_string_equal(got, want);
	CHECK(fl_endpoint_path_host_ifname(strrchr(path, '/') + 1, got));
	CHECK(!fl_endpoint_path_host_ifname("/run/fairlead/endpoints/bad.json", got));
	CHECK(!fl_endpoint_path_host_ifname("Z123456789012345678901234.json", got));
	CHECK(!fl_endpoint_path_host_ifname("", got));
}

static void folder_that_is_a_file_is_an_error_of_list(void **state)
{
	char path[128];

	(void)state;
	create("pods", "c1");
	(void)snprintf(path, sizeof(path),
		       "cd %s/run/fairlead && rm -r endpoints && touch endpoints", root);
	assert_int_equal(system(path), 0);
	CHECK_FAILS(fl_endpoint_list(root, "pods", each_id, path, &err), ENOTDIR, &err,
		    "/run/fairlead/endpoints");
}

static int step_create(void *arg)
{
	struct fl_endpoint ep = simple("pods", "c1");
	int r = fl_endpoint_remove(root, &ep.key, &err);

	(void)arg;
	ep.n_ips = 1;
	return r < 0 ? r : try_create(&ep);
}

static void lack_of_memory_anywhere_is_enomem(void **state)
{
	(void)state;
	CHECK_OK(inject_each(step_create, NULL), &err);
	CHECK_OK(try_read("pods", "c1"), &err);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(record_is_created_read_and_removed),
		T(remove_of_an_absent_record_or_folder_is_done),
		T(second_create_is_eexist_and_changes_nothing),
		T(key_parts_of_any_length_and_content_are_kept_apart),
		T(list_of_no_network_has_all_records),
		T(list_has_the_records_of_its_network_only),
		T(list_lets_its_callback_remove_and_end_it),
		T(junk_is_passed_over_by_list_and_refused_by_read),
		T(huge_record_is_refused_and_one_of_65536_bytes_is_read),
		T(no_record_is_written_that_could_not_be_read),
		T(claim_holds_the_key_and_is_no_record_yet),
		T(wait_ends_with_the_add_and_not_before),
		T(claim_that_nobody_filled_for_ten_minutes_is_removed_by_list),
		T(a_claim_from_before_the_boot_is_none_that_was_abandoned),
		T(other_files_in_the_folder_are_passed_over),
		T(visitor_is_told_of_files_that_are_no_records_and_not_of_claims),
		T(path_of_a_record_says_which_host_interface_is_its),
		T(folder_that_is_a_file_is_an_error_of_list),
		T(lack_of_memory_anywhere_is_enomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
