// SPDX-License-Identifier: Apache-2.0
/*
 * Leases of an earlier boot: released once, never one of a living attachment, and never because
 * a clock was set. In temporary directories; one test mounts a ramfs in a mount namespace of
 * its own (needs root), as does the one that reads the attribute trusted.fairlead.boot.
 */
#include "test.h"

#include <sched.h>
#include <sys/xattr.h>
#include <time.h>

#include "ipam_dir.h"

#define BEGAN 1700000000 /* this boot, for the tests */

static int setup(void **state)
{
	struct ipam_dir *d;

	if (ipam_dir_setup(state) < 0)
		return -1;
	d = *state;
	d->boot.start_s = BEGAN;
	return 0;
}

/* A lease whose file was last modified at this second. */
static void plant_at(const struct ipam_dir *d, const char *name, const char *text, time_t when)
{
	struct timespec times[2] = { { when, 0 }, { when, 0 } };
	char path[300];

	ipam_dir_plant_lease(d, name, text);
	(void)snprintf(path, sizeof(path), "%s/%s", d->net, name);
	CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

/* An entry of libcni's cache. */
static void cache(const struct ipam_dir *d, const char *name, const char *text)
{
	fl_auto_close int dir = -1;
	struct fl_err err = { 0 };
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/var/lib/cni/results", d->root);
	CHECK_OK(fl_open_dir(path, 0755, &dir, &err), &err);
	CHECK_OK(fl_create_file(dir, name, text, strlen(text), 0600, &err), &err);
}

static void cache_netns(const struct ipam_dir *d, const char *name, const char *netns)
{
	char text[400];

	(void)snprintf(text, sizeof(text),
		       "{\"kind\":\"cniCacheV1\",\"containerId\":\"x\",\"netns\":\"%s\"}", netns);
	cache(d, name, text);
}

/* Any call on the store; it is the first of this boot for us. */
static void touch(const struct ipam_dir *d)
{
	struct ipam_store s = IPAM_STORE_CLOSED;
	struct fl_deadline soon = fl_deadline_in(1000);
	struct fl_err err = { 0 };

	CHECK_OK(ipam_store_open(&s, &d->where, true, &soon, &err), &err);
	ipam_store_close(&s);
}

static void leases_older_than_the_boot_are_released_to_the_second(void **state)
{
	struct ipam_dir *d = *state;

	plant_at(d, "10.1.0.2", "c2\r\neth0", BEGAN - 1);
	plant_at(d, "10.1.0.3", "c3\r\neth0", BEGAN);
	plant_at(d, "10.1.0.4", "c4", 0);
	plant_at(d, "10.1.0.5", "\001junk", BEGAN - 100);
	plant_at(d, "last_reserved_ip.0", "10.1.0.5", BEGAN - 100);
	plant_at(d, "lock", "", BEGAN - 100);
	touch(d);
	CHECK(!ipam_dir_has(d, "10.1.0.2") && ipam_dir_has(d, "10.1.0.3"));
	CHECK(!ipam_dir_has(d, "10.1.0.4") && !ipam_dir_has(d, "10.1.0.5"));
	CHECK(ipam_dir_has(d, "last_reserved_ip.0") && ipam_dir_has(d, "lock"));
}

static void a_lease_whose_cached_namespace_exists_is_kept(void **state)
{
	struct ipam_dir *d = *state;

	plant_at(d, "10.1.0.2", "alive\r\neth0", 1);
	plant_at(d, "10.1.0.3", "dead\r\neth0", 1);
	plant_at(d, "10.1.0.4", "alive\r\neth1", 1);
	plant_at(d, "10.1.0.5", "corrupt\r\neth0", 1);
	plant_at(d, "10.1.0.6", "nameless\r\neth0", 1);
	cache_netns(d, "net-alive-eth0", d->top);
	cache_netns(d, "net-dead-eth0", "/nonexistent/netns");
	cache(d, "net-corrupt-eth0", "{\"netns\":");
	cache(d, "net-nameless-eth0", "{\"netns\":\"\"}");
	cache_netns(d, "other-dead-eth0", d->top);
	touch(d);
	CHECK(ipam_dir_has(d, "10.1.0.2"));
	CHECK(!ipam_dir_has(d, "10.1.0.3") && !ipam_dir_has(d, "10.1.0.4"));
	CHECK(!ipam_dir_has(d, "10.1.0.5") && !ipam_dir_has(d, "10.1.0.6"));
}

static void a_lease_in_the_old_form_lives_by_any_interface_of_its_container(void **state)
{
	struct ipam_dir *d = *state;

	plant_at(d, "10.1.0.2", "c2", 1);
	plant_at(d, "10.1.0.3", "c3", 1);
	cache_netns(d, "net-c2-eth7", d->top);
	cache_netns(d, "net-c33-eth0", d->top);
	touch(d);
	CHECK(ipam_dir_has(d, "10.1.0.2") && !ipam_dir_has(d, "10.1.0.3"));
}

static void a_store_is_asked_once_a_boot_even_if_the_index_is_lost(void **state)
{
	struct ipam_dir *d = *state;
	char id[64] = "";
	char path[300];

	touch(d);
	assert_int_equal(getxattr(d->net, "trusted.fairlead.boot", id, sizeof(id)), 9);
	assert_string_equal(id, "this-boot");
	/* The clock leaps forward: all that is alive looks old. */
	plant_at(d, "10.1.0.2", "alive\r\neth0", BEGAN - 1);
	touch(d);
	CHECK(ipam_dir_has(d, "10.1.0.2"));
	(void)snprintf(path, sizeof(path), "%s/run/fairlead/ipam", d->root);
	CHECK(folder_remove(path) == 0);
	touch(d);
	CHECK(ipam_dir_has(d, "10.1.0.2"));
	strcpy(d->boot.id, "next-boot");
	touch(d);
	CHECK(!ipam_dir_has(d, "10.1.0.2"));
}

static void without_attributes_the_index_remembers(void **state)
{
	struct ipam_dir *d = *state;

	ipam_dir_mount(d, "ramfs", NULL);
	CHECK(mkdir(d->net, 0755) == 0);
	CHECK(setxattr(d->net, "trusted.fairlead.boot", "x", 1, 0) < 0);
	plant_at(d, "10.1.0.2", "c2\r\neth0", BEGAN - 1);
	touch(d);
	CHECK(!ipam_dir_has(d, "10.1.0.2"));
	plant_at(d, "10.1.0.2", "alive\r\neth0", BEGAN - 1);
	touch(d);
	CHECK(ipam_dir_has(d, "10.1.0.2"));
	strcpy(d->boot.id, "next-boot");
	touch(d);
	CHECK(!ipam_dir_has(d, "10.1.0.2"));
}

static void a_boot_that_has_no_name_releases_nothing(void **state)
{
	struct ipam_dir *d = *state;

	d->boot.id[0] = '\0';
	plant_at(d, "10.1.0.2", "c2\r\neth0", 1);
	touch(d);
	CHECK(ipam_dir_has(d, "10.1.0.2"));
}

static void the_machines_boot_lies_before_now_and_has_a_name(void **state)
{
	struct ipam_boot boot;
	struct timespec up;

	(void)state;
	ipam_boot_read(&boot);
	assert_int_equal(strlen(boot.id), 36);
	CHECK(clock_gettime(CLOCK_BOOTTIME, &up) == 0);
	CHECK(boot.start_s <= time(NULL) - up.tv_sec);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, ipam_dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(leases_older_than_the_boot_are_released_to_the_second),
		TEST(a_lease_whose_cached_namespace_exists_is_kept),
		TEST(a_lease_in_the_old_form_lives_by_any_interface_of_its_container),
		TEST(a_store_is_asked_once_a_boot_even_if_the_index_is_lost),
		TEST(without_attributes_the_index_remembers),
		TEST(a_boot_that_has_no_name_releases_nothing),
		TEST(the_machines_boot_lies_before_now_and_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
