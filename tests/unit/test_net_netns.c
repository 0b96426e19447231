// SPDX-License-Identifier: Apache-2.0
/* Visits to a namespace, its sysctls, and waiting for changes of links. */
#include "nettest.h"

#include "net/watch.h"

#include <pthread.h>
#include <sys/stat.h>

/* The number of the namespace that the process is in. */
static ino_t here(void)
{
	struct stat st;

	CHECK(stat("/proc/self/ns/net", &st) == 0);
	return st.st_ino;
}

static ino_t number_of(int fd)
{
	struct stat st;

	CHECK(fstat(fd, &st) == 0);
	return st.st_ino;
}

static int visit_look(void *arg, struct fl_err *e)
{
	(void)e;
	*(ino_t *)arg = here();
	return 3;
}

static int visit_fail(void *arg, struct fl_err *e)
{
	*(ino_t *)arg = here();
	return fl_fail(e, EDOM, "no good there");
}

static void visit_is_made_inside_and_comes_home(void **state)
{
	ino_t home = here(), inside = 0;

	(void)state;
	assert_int_equal(fl_netns_run(pod, -1, visit_look, &inside, &err), 3);
	CHECK(inside == number_of(pod) && inside != home && here() == home);
}

static void visit_that_fails_comes_home_with_its_error(void **state)
{
	ino_t home = here(), inside = 0;

	(void)state;
	CHECK_FAILS(fl_netns_run(pod, -1, visit_fail, &inside, &err), EDOM, &err, "no good there");
	CHECK(inside == number_of(pod) && here() == home);
}

static void what_is_no_namespace_is_not_visited(void **state)
{
	fl_auto_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ino_t home = here(), inside = 0;

	(void)state;
	CHECK_FAILS(fl_netns_run(fd, -1, visit_look, &inside, &err), EINVAL, &err,
		    "enter the pod's network namespace");
	CHECK_FAILS(fl_netns_run(-1, -1, visit_look, &inside, &err), EBADF, &err,
		    "enter the pod's network namespace");
	CHECK(inside == 0 && here() == home);
}

static void socket_of_a_namespace_stays_in_it(void **state)
{
	fl_auto_nl struct fl_nl *there = NULL;

	(void)state;
	CHECK_OK(fl_netns_open_nl(pod, -1, &there, &err), &err);
	CHECK(has_link(nl, "h0") && !has_link(there, "h0"));
	must("$POD ip link add inside type veth peer name inside2");
	CHECK(!has_link(nl, "inside") && has_link(there, "inside"));
}

static void sysctl_is_set(void **state)
{
	(void)state;
	must("echo 0 >/proc/sys/net/ipv4/ip_forward");
	CHECK_OK(fl_sysctl_set("ipv4/ip_forward", "1", &err), &err);
	shows("cat /proc/sys/net/ipv4/ip_forward", "1", true);
	CHECK_OK(fl_sysctl_set("ipv4/conf/h0/forwarding", "0", &err), &err);
	shows("cat /proc/sys/net/ipv4/conf/h0/forwarding", "0", true);
}

/* Writing to ip_forward gives every link that value, even when it is the same as before. */
static void sysctl_is_written_only_when_it_differs(void **state)
{
	(void)state;
	must("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 "
	     ">/proc/sys/net/ipv4/conf/h0/forwarding");
	CHECK_OK(fl_sysctl_set("ipv4/ip_forward", "1", &err), &err);
	shows("cat /proc/sys/net/ipv4/conf/h0/forwarding", "0", true);
	must("echo 0 >/proc/sys/net/ipv4/ip_forward");
	CHECK_OK(fl_sysctl_set("ipv4/ip_forward", "1", &err), &err);
	shows("cat /proc/sys/net/ipv4/conf/h0/forwarding", "1", true);
}

static void absent_sysctl_is_enoent_and_names_its_path(void **state)
{
	(void)state;
	CHECK_FAILS(fl_sysctl_set("ipv4/conf/absent/forwarding", "1", &err), ENOENT, &err,
		    "/proc/sys/net/ipv4/conf/absent/forwarding");
}

static void forwarding_of_ipv6_is_read(void **state)
{
	bool on = true;

	(void)state;
	must("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding");
	CHECK_OK(fl_ipv6_forwarding_get(nl, &on, &err), &err);
	CHECK(!on);
	must("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
	CHECK_OK(fl_ipv6_forwarding_get(nl, &on, &err), &err);
	CHECK(on);
	CHECK_OK(fl_ipv6_forwarding_get(pod_nl, &on, &err), &err);
	CHECK(!on);
}

/* The kernel tells of the new pair's carrier up to a second after it was made. */
static void until_quiet(struct fl_watch *w)
{
	while (fl_watch_wait(w, 1500, &err) == 0)
		;
}

static void watch_times_out_at_its_deadline(void **state)
{
	fl_auto_watch struct fl_watch *w = NULL;
	int64_t start;

	(void)state;
	CHECK_OK(fl_watch_open(FL_WATCH_LINKS, &w, &err), &err);
	until_quiet(w);
	start = now_ms();
	CHECK_FAILS(fl_watch_wait(w, 120, &err), ETIMEDOUT, &err, "before the deadline");
	CHECK(now_ms() - start >= 120 && now_ms() - start < 30000);
	CHECK(fl_watch_wait(w, 0, &err) == -ETIMEDOUT);
}

static void watch_tells_of_a_change_once(void **state)
{
	fl_auto_watch struct fl_watch *w = NULL;

	(void)state;
	CHECK_OK(fl_watch_open(FL_WATCH_LINKS, &w, &err), &err);
	must("ip link set h0 down; ip link set h1 down; ip link set h1 up; ip link set h0 up");
	CHECK_OK(fl_watch_wait(w, 30000, &err), &err);
	/* Whatever else was under way has been reported by then. */
	while (fl_watch_wait(w, 300, &err) == 0)
		;
	assert_int_equal(err.sys, ETIMEDOUT);
}

static void *change_later(void *arg)
{
	struct timespec t = { .tv_nsec = 100000000 };

	(void)arg;
	nanosleep(&t, NULL);
	return (void *)(intptr_t)system("ip link set h0 down");
}

static void watch_wakes_a_sleeper(void **state)
{
	fl_auto_watch struct fl_watch *w = NULL;
	int64_t start = now_ms();
	pthread_t thread;
	void *status = NULL;

	(void)state;
	CHECK_OK(fl_watch_open(FL_WATCH_LINKS, &w, &err), &err);
	assert_int_equal(pthread_create(&thread, NULL, change_later, NULL), 0);
	CHECK_OK(fl_watch_wait(w, 60000, &err), &err);
	CHECK(now_ms() - start < 30000);
	assert_int_equal(pthread_join(thread, &status), 0);
	CHECK(status == NULL);
}

/* Its buffer overflows: that is news too, and no reason to wait. */
static void watch_survives_more_news_than_it_can_hold(void **state)
{
	fl_auto_watch struct fl_watch *w = NULL;

	(void)state;
	CHECK_OK(fl_watch_open(FL_WATCH_LINKS, &w, &err), &err);
	for (int i = 0; i < 1500; i++) {
		struct fl_batch *b = batch();

		fl_link_put_set(
			b, &(struct fl_link_set){ .name = "h0", .up = i % 2 ? FL_ON : FL_OFF });
		send_batch(nl, b);
	}
	CHECK_OK(fl_watch_wait(w, 30000, &err), &err);
	while (fl_watch_wait(w, 300, &err) == 0)
		;
	assert_int_equal(err.sys, ETIMEDOUT);
	must("ip link set h0 down; ip link set h0 up");
	CHECK_OK(fl_watch_wait(w, 30000, &err), &err);
}

static void watch_hears_of_its_own_namespace_only(void **state)
{
	fl_auto_watch struct fl_watch *w = NULL;

	(void)state;
	CHECK_OK(fl_watch_open(FL_WATCH_LINKS, &w, &err), &err);
	until_quiet(w);
	must("$POD ip link set lo up");
	CHECK(fl_watch_wait(w, 300, &err) == -ETIMEDOUT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_LINK(visit_is_made_inside_and_comes_home),
		T_LINK(visit_that_fails_comes_home_with_its_error),
		T_LINK(what_is_no_namespace_is_not_visited),
		T_LINK(socket_of_a_namespace_stays_in_it),
		T_LINK(sysctl_is_set),
		T_LINK(sysctl_is_written_only_when_it_differs),
		T_LINK(absent_sysctl_is_enoent_and_names_its_path),
		T_LINK(forwarding_of_ipv6_is_read),
		T_LINK(watch_times_out_at_its_deadline),
		T_LINK(watch_tells_of_a_change_once),
		T_LINK(watch_wakes_a_sleeper),
		T_LINK(watch_survives_more_news_than_it_can_hold),
		T_LINK(watch_hears_of_its_own_namespace_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
