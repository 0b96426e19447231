// SPDX-License-Identifier: Apache-2.0
/*
 * The store of leases, in temporary directories: the reference's files, healing, and the
 * index's freshness whatever others do and whenever we die. One test mounts a ramfs in a mount
 * namespace of its own (needs root).
 */
#include "test.h"

#include <sched.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "ipam_dir.h"
#include "plugins/ipam/cache.h"
#include "plugins/ipam/scan.h"

static struct fl_ip ip(const char *text)
{
	struct fl_err err = { 0 };
	struct fl_ip out = { 0 };

	CHECK_OK(fl_ip_parse(text, &out, &err), &err);
	return out;
}

static void open_store(const struct ipam_dir *d, struct ipam_store *s)
{
	struct fl_deadline soon = fl_deadline_in(5000);
	struct fl_err err = { 0 };

	CHECK_OK(ipam_store_open(s, &d->where, true, &soon, &err), &err);
}

static void reserve(const struct ipam_dir *d, const char *id, const char *addr)
{
	fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
	struct fl_err err = { 0 };
	struct fl_ip a = ip(addr);

	open_store(d, &s);
	CHECK_OK(ipam_store_reserve(&s, id, "eth0", &a, &err), &err);
}

static void release(const struct ipam_dir *d, const char *id)
{
	fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
	struct fl_err err = { 0 };

	open_store(d, &s);
	CHECK_OK(ipam_store_release(&s, id, "eth0", &err), &err);
}

/* How many addresses (id, eth0) holds. */
static size_t leases(const struct ipam_dir *d, const char *id)
{
	fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
	struct fl_ip a;
	uint64_t pos = 0;
	size_t n = 0;

	open_store(d, &s);
	while (ipam_store_leased(&s, id, "eth0", &pos, &a))
		n++;
	return n;
}

static bool is_used(const struct ipam_dir *d, const char *addr)
{
	fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
	struct fl_ip a = ip(addr);

	open_store(d, &s);
	return ipam_index_is_used(&s.ix, &a);
}

static void index_path(const struct ipam_dir *d, char out[IPAM_CACHE_PATH])
{
	struct fl_err err = { 0 };
	struct stat st;

	CHECK(stat(d->net, &st) == 0);
	CHECK_OK(ipam_cache_path(d->root, &st, out, &err), &err);
}

/* True when the file of the index is there and true to the directory. */
static bool is_fresh(const struct ipam_dir *d)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	char path[IPAM_CACHE_PATH];
	struct fl_err err = { 0 };
	struct stat st;

	index_path(d, path);
	CHECK(stat(d->net, &st) == 0);
	return ipam_cache_map(path, &st, &ix, &err) == 0 && ix.head->mark_s == st.st_mtim.tv_sec &&
	       ix.head->mark_ns == st.st_mtim.tv_nsec;
}

static void a_lease_is_a_file_with_the_references_bytes(void **state)
{
	struct ipam_dir *d = *state;
	struct stat st;
	char path[300];

	reserve(d, "c1", "10.1.0.2");
	reserve(d, "c1", "fd00::2");
	ipam_dir_holds(d, "10.1.0.2", "c1\r\neth0");
	ipam_dir_holds(d, "fd00::2", "c1\r\neth0");
	ipam_dir_holds(d, "lock", "");
	(void)snprintf(path, sizeof(path), "%s/10.1.0.2", d->net);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_nlink == 1);
	assert_int_equal(leases(d, "c1"), 2);
	release(d, "c1");
	CHECK(!ipam_dir_has(d, "10.1.0.2") && !ipam_dir_has(d, "fd00::2"));
	assert_int_equal(leases(d, "c1"), 0);
}

static void an_address_is_leased_once(void **state)
{
	struct ipam_dir *d = *state;
	fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
	struct fl_ip a = ip("10.1.0.2");
	struct fl_err err = { 0 };

	open_store(d, &s);
	CHECK_OK(ipam_store_reserve(&s, "c1", "eth0", &a, &err), &err);
	CHECK_FAILS(ipam_store_reserve(&s, "c2", "eth0", &a, &err), EEXIST, &err, "10.1.0.2");
	ipam_dir_holds(d, "10.1.0.2", "c1\r\neth0");
}

static void a_lease_made_without_the_lock_is_not_overwritten(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_ip a = ip("10.1.0.2");
	struct fl_err err = { 0 };
	{
		fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;

		open_store(d, &s);
		ipam_dir_plant_lease(d, "10.1.0.2", "foreign\r\neth0");
		CHECK_FAILS(ipam_store_reserve(&s, "c1", "eth0", &a, &err), EEXIST, &err,
			    "10.1.0.2");
		CHECK(ipam_index_is_used(&s.ix, &a));
	}
	ipam_dir_holds(d, "10.1.0.2", "foreign\r\neth0");
	CHECK(!is_fresh(d));
	assert_int_equal(leases(d, "foreign"), 1);
}

static void without_a_directory_nothing_is_released_and_nothing_made(void **state)
{
	struct ipam_dir *d = *state;
	struct ipam_store s = IPAM_STORE_CLOSED;
	struct fl_deadline soon = fl_deadline_in(1000);
	struct fl_err err = { 0 };
	struct stat st;

	CHECK_FAILS(ipam_store_open(&s, &d->where, false, &soon, &err), ENOENT, &err, d->net);
	CHECK(s.dir == -1 && s.lock == -1 && !s.ix.head);
	CHECK(stat(d->net, &st) < 0);
}

static void leases_in_the_old_form_are_found_and_released(void **state)
{
	struct ipam_dir *d = *state;

	ipam_dir_plant_lease(d, "10.1.0.2", "old");
	ipam_dir_plant_lease(d, "10.1.0.3", "  old\n");
	ipam_dir_plant_lease(d, "10.1.0.4", "older");
	assert_int_equal(leases(d, "old"), 2);
	release(d, "old");
	CHECK(!ipam_dir_has(d, "10.1.0.2") && !ipam_dir_has(d, "10.1.0.3"));
	CHECK(ipam_dir_has(d, "10.1.0.4"));
}

/* The old form counts only when there is no lease in the new one. */
static void the_old_form_is_left_alone_beside_the_new_one(void **state)
{
	struct ipam_dir *d = *state;

	ipam_dir_plant_lease(d, "10.1.0.2", "c1");
	ipam_dir_plant_lease(d, "10.1.0.3", "c1\r\neth0");
	release(d, "c1");
	CHECK(ipam_dir_has(d, "10.1.0.2") && !ipam_dir_has(d, "10.1.0.3"));
	release(d, "c1");
	CHECK(!ipam_dir_has(d, "10.1.0.2"));
}

static void torn_files_are_nobodys_and_junk_is_somebodys(void **state)
{
	struct ipam_dir *d = *state;
	char big[2000], nuls[16] = { 0 }, path[300];
	static const char *const healed[] = { "10.1.0.2", "10.1.0.3", "10.1.0.4", "fd00::2",
					      ".tmp.4711" };
	static const char *const kept[] = { "10.1.0.10", "10.1.0.11", "10.1.0.12",
					    "10.1.0.13", "10.1.0.14", "10.1.0.15" };
	static const char *const ignored[] = { "010.1.0.20", "FD00::20", "10.1.0.20~", "readme" };

	memset(big, 'x', sizeof(big));
	ipam_dir_plant(d, "10.1.0.2", "", 0);
	ipam_dir_plant(d, "10.1.0.3", nuls, sizeof(nuls));
	ipam_dir_plant(d, "10.1.0.4", " \r\n", 3);
	ipam_dir_plant(d, "fd00::2", "\0\0\r\n", 4);
	ipam_dir_plant(d, ".tmp.4711", "c1\r\neth0", 8);
	ipam_dir_plant(d, "10.1.0.10", big, sizeof(big));
	ipam_dir_plant(d, "10.1.0.11", "\0c1\r\neth0", 9);
	ipam_dir_plant(d, "10.1.0.12", "c1\r\net", 6);
	for (size_t i = 0; i < FL_ARRAY_LEN(ignored); i++)
		ipam_dir_plant_lease(d, ignored[i], "c1\r\neth0");
	(void)snprintf(path, sizeof(path), "%s/10.1.0.13", d->net);
	CHECK(mkdir(path, 0755) == 0);
	(void)snprintf(path, sizeof(path), "%s/10.1.0.14", d->net);
	CHECK(mkfifo(path, 0600) == 0);
	(void)snprintf(path, sizeof(path), "%s/10.1.0.15", d->net);
	CHECK(symlink("nowhere", path) == 0);

	assert_int_equal(leases(d, "c1"), 0);
	for (size_t i = 0; i < FL_ARRAY_LEN(healed); i++)
		CHECK(!ipam_dir_has(d, healed[i]));
	for (size_t i = 0; i < FL_ARRAY_LEN(kept); i++)
		CHECK(ipam_dir_has(d, kept[i]) && is_used(d, kept[i]));
	for (size_t i = 0; i < FL_ARRAY_LEN(ignored); i++)
		CHECK(ipam_dir_has(d, ignored[i]));
	CHECK(!is_used(d, "10.1.0.20") && is_fresh(d));
	reserve(d, "c2", "10.1.0.3");
	ipam_dir_holds(d, "10.1.0.3", "c2\r\neth0");
}

static void the_last_address_is_a_hint_and_junk_in_it_is_ignored(void **state)
{
	struct ipam_dir *d = *state;
	static const char *const junk[] = { "", "junk", "10.1.0.300", "10.1.0.2\n10.1.0.3",
					    "111111111111111111111111111111111111111111111111111111"
					    "11111111111111111111111111111111111111111111111111" };
	struct fl_ip a = ip("10.1.0.2"), b = ip("10.1.0.254");

	for (size_t i = 0; i < FL_ARRAY_LEN(junk); i++) {
		fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
		fl_auto_ipam_last struct ipam_last last = { .fd = -1 };
		struct fl_err err = { 0 };

		ipam_dir_plant_lease(d, "last_reserved_ip.7", junk[i]);
		open_store(d, &s);
		ipam_store_last(&s, 7, &last);
		CHECK(!last.is_known && last.fd >= 0);
		CHECK_OK(ipam_store_set_last(&s, 7, &last, &a, &err), &err);
		ipam_dir_holds(d, "last_reserved_ip.7", "10.1.0.2");
	}
	for (int turn = 0; turn < 2; turn++) {
		fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
		fl_auto_ipam_last struct ipam_last none = { .fd = -1 }, last = { .fd = -1 };
		struct fl_err err = { 0 };

		open_store(d, &s);
		ipam_store_last(&s, 8, &none);
		CHECK(none.is_known == (turn > 0));
		CHECK_OK(ipam_store_set_last(&s, 8, &none, turn ? &a : &b, &err), &err);
		ipam_store_last(&s, 8, &last);
		CHECK(last.is_known && fl_ip_cmp(&last.ip, turn ? &a : &b) == 0);
		ipam_dir_holds(d, "last_reserved_ip.8", turn ? "10.1.0.2" : "10.1.0.254");
	}
}

static void our_own_changes_leave_the_index_fresh(void **state)
{
	struct ipam_dir *d = *state;
	char id[16], addr[24];

	for (int i = 2; i < 250; i++) { /* past several growths of the index */
		(void)snprintf(id, sizeof(id), "c%d", i);
		(void)snprintf(addr, sizeof(addr), "10.%d.0.%d", i, i);
		reserve(d, id, addr);
		CHECK(is_fresh(d));
	}
	for (int i = 2; i < 250; i++) {
		(void)snprintf(id, sizeof(id), "c%d", i);
		release(d, id);
		CHECK(is_fresh(d));
	}
}

/* Far more often than the clock that dates files ticks. */
static void foreign_changes_are_seen_within_the_same_clock_tick(void **state)
{
	struct ipam_dir *d = *state;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/10.1.0.9", d->net);
	for (int i = 0; i < 300; i++) {
		reserve(d, "ours", "10.1.0.2");
		ipam_dir_plant_lease(d, "10.1.0.9", "foreign\r\neth0");
		CHECK(!is_fresh(d));
		assert_int_equal(leases(d, "foreign"), 1);
		release(d, "ours");
		CHECK(unlink(path) == 0);
		CHECK(!is_fresh(d));
		CHECK(!is_used(d, "10.1.0.9"));
	}
}

static void a_lease_changed_in_place_is_not_taken_from_its_new_owner(void **state)
{
	struct ipam_dir *d = *state;

	reserve(d, "c1", "10.1.0.2");
	ipam_dir_plant_lease(d, "10.1.0.2", "c9\r\neth0");
	CHECK(is_fresh(d)); /* writing into a file leaves no trace on the directory */
	release(d, "c1");
	ipam_dir_holds(d, "10.1.0.2", "c9\r\neth0");
	assert_int_equal(leases(d, "c9"), 1);
	release(d, "c9");
	CHECK(!ipam_dir_has(d, "10.1.0.2"));
}

static void the_index_of_another_boot_is_not_believed(void **state)
{
	struct ipam_dir *d = *state;
	char path[300];

	reserve(d, "c1", "10.1.0.2");
	CHECK(is_fresh(d));
	(void)snprintf(path, sizeof(path), "%s/10.1.0.2", d->net);
	ipam_dir_plant_lease(d, "10.1.0.2", "c2\r\neth0"); /* in place: time does not tell */
	strcpy(d->boot.id, "next-boot");
	assert_int_equal(leases(d, "c2"), 1);
}

static void junk_in_place_of_the_index_is_replaced(void **state)
{
	struct ipam_dir *d = *state;
	char path[IPAM_CACHE_PATH], junk[6272];

	reserve(d, "c1", "10.1.0.2");
	index_path(d, path);
	for (int kind = 0; kind < 6; kind++) {
		struct ipam_index_head *h = (void *)junk;
		size_t len = sizeof(junk);
		fl_auto_close int fd = -1;

		CHECK(unlink(path) == 0 || rmdir(path) == 0);
		memset(junk, kind == 1 ? 0xff : 0, sizeof(junk));
		if (kind == 2)
			len = 0;
		if (kind == 3)
			len = 100;
		if (kind == 4) {
			h->magic = IPAM_INDEX_MAGIC;
			h->version = IPAM_INDEX_VERSION;
			h->size = len;
			h->key_cap = h->block_cap = 1u << 30;
		}
		if (kind == 5) {
			CHECK(mkdir(path, 0700) == 0);
		} else {
			fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
			CHECK(fd >= 0 && write(fd, junk, len) == (ssize_t)len);
		}
		assert_int_equal(leases(d, "c1"), 1);
		CHECK(kind == 5 || is_fresh(d));
	}
}

static void without_a_place_for_the_index_everything_still_works(void **state)
{
	struct ipam_dir *d = *state;
	fl_auto_close int fd = -1;
	char path[300];

	CHECK(rmdir(d->root) == 0);
	fd = open(d->root, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	reserve(d, "c1", "10.1.0.2");
	assert_int_equal(leases(d, "c1"), 1);
	release(d, "c1");
	assert_int_equal(leases(d, "c1"), 0);
	CHECK(!ipam_dir_has(d, "10.1.0.2"));
	(void)snprintf(path, sizeof(path), "%s/x", d->root);
	CHECK(access(path, F_OK) < 0);
}

/* Runs in a child that ends without cleaning up, as after SIGKILL. */
enum death { AFTER_LINK, BEFORE_DATE, AFTER_UNLINK, DEATHS };

static void die(const struct ipam_dir *d, enum death when)
{
	struct ipam_store s = IPAM_STORE_CLOSED;
	struct fl_ip a = ip("10.1.0.9");
	struct fl_err err = { 0 };
	pid_t pid = fork();
	int status = 0;

	CHECK(pid >= 0);
	if (pid == 0) {
		open_store(d, &s);
		if (when == AFTER_UNLINK) {
			if (ipam_store_release(&s, "c1", "eth0", &err) < 0)
				_exit(1);
		} else if (ipam_store_reserve(&s, "c9", "eth0", &a, &err) < 0) {
			_exit(1);
		}
		if (when == BEFORE_DATE) {
			s.ix.head->mark_s = time(NULL) - 3;
			s.ix.head->mark_ns = 123456000;
		}
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void a_death_between_two_steps_leaves_what_del_releases(void **state)
{
	struct ipam_dir *d = *state;

	for (enum death when = 0; when < DEATHS; when++) {
		reserve(d, "c1", "10.1.0.2");
		CHECK(is_fresh(d));
		die(d, when);
		CHECK(!is_fresh(d));
		assert_int_equal(leases(d, "c9"), when != AFTER_UNLINK);
		assert_int_equal(leases(d, "c1"), when != AFTER_UNLINK);
		CHECK(is_fresh(d));
		release(d, "c9");
		release(d, "c1");
		CHECK(!ipam_dir_has(d, "10.1.0.9") && !ipam_dir_has(d, "10.1.0.2"));
	}
}

static void remains_of_a_half_made_index_are_overwritten(void **state)
{
	struct ipam_dir *d = *state;
	char path[IPAM_CACHE_PATH], tmp[IPAM_CACHE_PATH + 8];
	fl_auto_close int fd = -1;

	reserve(d, "c1", "10.1.0.2");
	index_path(d, path);
	(void)snprintf(tmp, sizeof(tmp), "%s.new", path);
	CHECK(rename(path, tmp) == 0);
	assert_int_equal(leases(d, "c1"), 1);
	CHECK(is_fresh(d));
	CHECK(access(tmp, F_OK) < 0);
}

static void a_lock_that_is_held_is_waited_for_until_the_deadline(void **state)
{
	struct ipam_dir *d = *state;
	fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
	struct ipam_store second = IPAM_STORE_CLOSED;
	struct fl_deadline d50 = fl_deadline_in(50), began = fl_deadline_in(0);
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_err err = { 0 };
	struct fl_ip a = ip("10.1.0.2");

	reserve(d, "c1", "10.1.0.2");
	open_store(d, &s);
	CHECK_FAILS(ipam_store_open(&second, &d->where, true, &d50, &err), ETIMEDOUT, &err, "lock");
	CHECK(fl_deadline_in(0).at_ms - began.at_ms >= 49);
	/* STATUS does not wait: from the index when it is fresh, else from the names. */
	CHECK_OK(ipam_store_peek(&d->where, &ix, &err), &err);
	CHECK(ix.is_mapped && ipam_index_is_used(&ix, &a));
	ipam_index_done(&ix);
	ipam_dir_plant_lease(d, "10.1.0.3", "x");
	CHECK_OK(ipam_store_peek(&d->where, &ix, &err), &err);
	a = ip("10.1.0.3");
	CHECK(!ix.is_mapped && ipam_index_is_used(&ix, &a));
}

static void status_makes_a_stale_index_anew_when_the_lock_is_free(void **state)
{
	struct ipam_dir *d = *state;
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	struct fl_err err = { 0 };
	struct fl_ip a = ip("10.1.0.3"), torn = ip("10.1.0.4");

	CHECK_FAILS(ipam_store_peek(&d->where, &ix, &err), ENOENT, &err, d->net);
	ipam_dir_plant_lease(d, "10.1.0.3", "x");
	ipam_dir_plant_lease(d, "10.1.0.4", "");
	CHECK_OK(ipam_store_peek(&d->where, &ix, &err), &err);
	CHECK(ipam_index_is_used(&ix, &a) && !ipam_index_is_used(&ix, &torn));
	CHECK(is_fresh(d));
}

static bool keep_c1(const struct fl_hash *key, void *arg)
{
	struct fl_hash c1 = ipam_store_key("c1", "eth0");

	++*(size_t *)arg;
	return key->lo == c1.lo && key->hi == c1.hi;
}

static bool hold_c4(const char *id, const char *ifname, void *arg)
{
	(void)arg;
	return fl_streq(id, "c4") && fl_streq(ifname, "eth0");
}

static void a_sweep_removes_what_may_not_stay(void **state)
{
	struct ipam_dir *d = *state;
	fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
	struct fl_err err = { 0 };
	size_t asked = 0;

	reserve(d, "c1", "10.1.0.2");
	reserve(d, "c2", "10.1.0.3");
	ipam_dir_plant_lease(d, "10.1.0.4", "old");
	ipam_dir_plant_lease(d, "note", "old");
	reserve(d, "c4", "10.1.0.5");
	open_store(d, &s);
	CHECK_OK(ipam_store_sweep(&s, &(struct ipam_keeper){ keep_c1, hold_c4, &asked }, &err),
		 &err);
	assert_int_equal(asked, 4);
	CHECK(ipam_dir_has(d, "10.1.0.2") && !ipam_dir_has(d, "10.1.0.3"));
	CHECK(!ipam_dir_has(d, "10.1.0.4") && ipam_dir_has(d, "note"));
	CHECK(ipam_dir_has(d, "10.1.0.5"));
}

static void a_store_of_20000_leases_is_read_once(void **state)
{
	struct ipam_dir *d = *state;
	struct fl_ip first = ip("10.1.0.2"), last = ip("10.1.255.254"), got;
	char name[FL_IP_STR], text[32];

	for (uint32_t i = 0; i < 20000; i++) {
		struct fl_ip a = fl_ip_add(&first, i);

		(void)snprintf(text, sizeof(text), "c%u\r\neth0", i);
		ipam_dir_plant_lease(d, fl_ip_format(&a, name), text);
	}
	assert_int_equal(leases(d, "c19999"), 1);
	CHECK(is_fresh(d));
	for (int i = 0; i < 3; i++) {
		fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
		struct fl_err err = { 0 };

		open_store(d, &s);
		CHECK(s.ix.is_mapped);
		CHECK(ipam_index_next_free(&s.ix, &first, &last, &got));
		CHECK_OK(ipam_store_reserve(&s, "new", "eth0", &got, &err), &err);
	}
	assert_string_equal(fl_ip_format(&got, name), "10.1.78.36");
	release(d, "c5");
	CHECK(!ipam_dir_has(d, "10.1.0.7") && is_fresh(d));
}

static void a_file_system_without_attributes_will_do(void **state)
{
	struct ipam_dir *d = *state;

	ipam_dir_mount(d, "ramfs", NULL);
	reserve(d, "c1", "10.1.0.2");
	CHECK(is_fresh(d));
	ipam_dir_plant_lease(d, "10.1.0.3", "c1\r\neth0");
	assert_int_equal(leases(d, "c1"), 2);
	release(d, "c1");
	assert_int_equal(leases(d, "c1"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ipam_dir_setup, ipam_dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_lease_is_a_file_with_the_references_bytes),
		TEST(an_address_is_leased_once),
		TEST(a_lease_made_without_the_lock_is_not_overwritten),
		TEST(without_a_directory_nothing_is_released_and_nothing_made),
		TEST(leases_in_the_old_form_are_found_and_released),
		TEST(the_old_form_is_left_alone_beside_the_new_one),
		TEST(torn_files_are_nobodys_and_junk_is_somebodys),
		TEST(the_last_address_is_a_hint_and_junk_in_it_is_ignored),
		TEST(our_own_changes_leave_the_index_fresh),
		TEST(foreign_changes_are_seen_within_the_same_clock_tick),
		TEST(a_lease_changed_in_place_is_not_taken_from_its_new_owner),
		TEST(the_index_of_another_boot_is_not_believed),
		TEST(junk_in_place_of_the_index_is_replaced),
		TEST(without_a_place_for_the_index_everything_still_works),
		TEST(a_death_between_two_steps_leaves_what_del_releases),
		TEST(remains_of_a_half_made_index_are_overwritten),
		TEST(a_lock_that_is_held_is_waited_for_until_the_deadline),
		TEST(status_makes_a_stale_index_anew_when_the_lock_is_free),
		TEST(a_sweep_removes_what_may_not_stay),
		TEST(a_store_of_20000_leases_is_read_once),
		TEST(a_file_system_without_attributes_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
