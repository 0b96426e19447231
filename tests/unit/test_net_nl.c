// SPDX-License-Identifier: Apache-2.0
/* Batches and dumps on a netlink socket: which error is told, and what an interruption does. */
#include "nettest.h"

#include "inject.h"
#include "net/addr.h"
#include "net/msg.h"

#include <linux/rtnetlink.h>

static void put_up(struct fl_batch *b, const char *name)
{
	fl_link_put_set(b, &(struct fl_link_set){ .name = name, .up = FL_ON });
}

static void first_message_that_fails_is_named_and_later_ones_are_carried_out(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	must("ip link set h0 down");
	put_up(b, "lo");
	put_up(b, "absent1");
	put_up(b, "absent2");
	put_up(b, "h0");
	CHECK_FAILS(fl_batch_send(nl, b, &err), ENODEV, &err, "set link 'absent1': No such device");
	CHECK(link_of(nl, "lo").up && link_of(nl, "h0").up);
}

static void last_message_that_fails_is_named(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	put_up(b, "lo");
	put_up(b, "absent");
	CHECK_FAILS(fl_batch_send(nl, b, &err), ENODEV, &err, "set link 'absent'");
}

static void batch_is_empty_after_it_was_sent(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	put_up(b, "absent");
	CHECK(fl_batch_send(nl, b, &err) == -ENODEV);
	CHECK_OK(fl_batch_send(nl, b, &err), &err);
	put_up(b, "lo");
	CHECK_OK(fl_batch_send(nl, b, &err), &err);
	must("ip link set lo down");
	CHECK_OK(fl_batch_send(nl, b, &err), &err);
	CHECK(!link_of(nl, "lo").up);
}

static void batch_holds_64_messages_and_a_65th_is_an_error(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	for (int i = 0; i < 64; i++)
		put_up(b, "lo");
	CHECK_OK(fl_batch_send(nl, b, &err), &err);
	CHECK(link_of(nl, "lo").up);
	must("ip link set lo down");
	for (int i = 0; i < 65; i++)
		put_up(b, "lo");
	CHECK_FAILS(fl_batch_send(nl, b, &err), ENOMEM, &err, "build netlink messages");
	CHECK(!link_of(nl, "lo").up);
	put_up(b, "lo");
	CHECK_OK(fl_batch_send(nl, b, &err), &err);
}

struct verdicts {
	size_t n, seen[8];
	size_t guilty; /* index of the one whose refusal counts */
};

static int judge(size_t index, void *arg, struct fl_err *why)
{
	struct verdicts *v = arg;

	CHECK(why->sys == ENODEV && strstr(why->text, "set link 'absent"));
	v->seen[v->n++] = index;
	return index == v->guilty ? fl_wrap(why, -EDOM, "guilty") : 0;
}

static void caller_judges_each_refused_message(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();
	struct verdicts v = { .guilty = 3 };

	(void)state;
	for (int round = 0; round < 2; round++) {
		v.n = 0;
		put_up(b, "absent0");
		put_up(b, "lo");
		put_up(b, "absent2");
		put_up(b, "absent3");
		assert_int_equal(fl_batch_room(b), 60);
		if (round == 0)
			CHECK_FAILS(fl_batch_send_judged(nl, b, judge, &v, &err), EDOM, &err,
				    "guilty: set link 'absent3'");
		else
			CHECK_OK(fl_batch_send_judged(nl, b, judge, &v, &err), &err);
		CHECK(v.n == 3 && v.seen[0] == 0 && v.seen[1] == 2 && v.seen[2] == 3);
		v.guilty = 99;
		assert_int_equal(fl_batch_room(b), 64);
	}
}

static void errors_of_a_full_batch_are_all_read(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 64; i++)
			put_up(b, "absent");
		CHECK(fl_batch_send(nl, b, &err) == -ENODEV);
	}
	CHECK(link_of(nl, "h0").up);
}

static void kernels_own_sentence_stands_behind_the_error(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	fl_link_put_set(b, &(struct fl_link_set){ .name = "h0", .mtu = 65536 });
	assert_int_equal(fl_batch_send(nl, b, &err), -EINVAL);
	assert_string_equal(err.text, "set link 'h0': Invalid argument "
				      "(mtu greater than device maximum)");
	assert_int_equal(err.sys, EINVAL);
	assert_int_equal(err.code, 0);
}

static int step_set(void *arg)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, &err);

	(void)arg;
	if (r < 0)
		return r;
	fl_link_put_veth(b, &(struct fl_veth){ .name = "h2", .peer = "h3", .peer_netns = -1 });
	fl_link_put_set(b, &(struct fl_link_set){ .name = "h2", .alias = "x", .up = FL_ON });
	return fl_batch_send(nl, b, &err);
}

static void lack_of_memory_anywhere_is_enomem_and_changes_nothing(void **state)
{
	(void)state;
	for (int n = 0;; n++) {
		int r;

		inject_fail_nth(n);
		r = step_set(NULL);
		if (!inject_off()) {
			CHECK_OK(r, &err);
			break;
		}
		assert_int_equal(r, -ENOMEM);
		CHECK(!has_link(nl, "h2"));
	}
	CHECK(has_link(nl, "h2"));
}

/* A reader of a dump that changes what is dumped while it is on its way. */
struct disturber {
	struct fl_nl *nl; /* another socket */
	int passes, disturbed_passes;
	bool done; /* in this pass */
	int seen;
};

static int each_disturb(const struct nlmsghdr *h, void *arg, struct fl_err *e)
{
	struct disturber *d = arg;

	(void)e;
	if (!h) {
		d->passes++;
		d->done = false;
		d->seen = 0;
		return 0;
	}
	d->seen++;
	if (d->done || d->passes >= d->disturbed_passes)
		return 0;
	d->done = true;
	if (d->passes % 2 == 0)
		must("ip link add extra type veth peer name extra2");
	else
		must("ip link del extra");
	return 0;
}

static int dump_links(struct disturber *d)
{
	struct ifinfomsg ifi = { 0 };
	fl_auto_batch struct fl_batch *b = batch();

	CHECK(fl_batch_add(b, &(struct fl_hdr){ RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi) },
			   "list links"));
	return fl_nl_query(nl, b, each_disturb, d, &err);
}

/* So many that the answer comes in several parts. */
static void make_links(int n)
{
	char name[16], peer[16];

	for (int i = 0; i < n; i++) {
		struct fl_batch *b = batch();

		(void)snprintf(name, sizeof(name), "many%d", i);
		(void)snprintf(peer, sizeof(peer), "peer%d", i);
		fl_link_put_veth(b,
				 &(struct fl_veth){ .name = name, .peer = peer, .peer_netns = -1 });
		send_batch(nl, b);
	}
}

static void interrupted_dump_is_done_again_from_the_start(void **state)
{
	struct disturber d = { .disturbed_passes = 2 };

	(void)state;
	make_links(60);
	CHECK_OK(dump_links(&d), &err);
	assert_int_equal(d.passes, 2);
	assert_int_equal(d.seen, 1 + 2 + 120); /* lo, h0 and h1; extra is gone again */
}

static void dump_that_is_always_interrupted_is_eagain(void **state)
{
	struct disturber d = { .disturbed_passes = 100 };

	(void)state;
	make_links(60);
	CHECK_FAILS(dump_links(&d), EAGAIN, &err, "list links: interrupted 5 times");
	assert_int_equal(d.passes, 4); /* times that it began anew */
	CHECK(link_of(nl, "h0").up);
}

static int each_fail(const struct nlmsghdr *h, void *arg, struct fl_err *e)
{
	(void)arg;
	return h ? fl_fail(e, EDOM, "cannot use it") : 0;
}

static void after_a_dump_that_its_reader_gave_up_the_socket_is_as_before(void **state)
{
	struct ifinfomsg ifi = { 0 };
	fl_auto_batch struct fl_batch *b = batch();
	struct disturber d = { .disturbed_passes = 0 };

	(void)state;
	make_links(60);
	CHECK(fl_batch_add(b, &(struct fl_hdr){ RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi) },
			   "list links"));
	CHECK_FAILS(fl_nl_query(nl, b, each_fail, NULL, &err), EDOM, &err,
		    "list links: cannot use it");
	CHECK_OK(dump_links(&d), &err);
	assert_int_equal(d.seen, 1 + 2 + 120);
}

static void error_of_the_reader_says_what_was_asked(void **state)
{
	struct ifinfomsg ifi = { .ifi_index = 1 };
	fl_auto_batch struct fl_batch *b = batch();

	(void)state;
	CHECK(fl_batch_add(b, &(struct fl_hdr){ RTM_GETLINK, 0, &ifi, sizeof(ifi) }, "read '%s'",
			   "lo"));
	assert_int_equal(fl_nl_query(nl, b, each_fail, NULL, &err), -EDOM);
	assert_string_equal(err.text, "read 'lo': cannot use it");
	CHECK(link_of(nl, "h0").up);
}

static void closing_and_freeing_of_nothing_is_fine(void **state)
{
	struct fl_nl *none = NULL;
	struct fl_batch *no_batch = NULL;

	(void)state;
	fl_nl_close(&none);
	fl_batch_free(&no_batch);
	fl_batch_free(&no_batch);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T_LINK(first_message_that_fails_is_named_and_later_ones_are_carried_out),
		T_LINK(last_message_that_fails_is_named),
		T_LINK(batch_is_empty_after_it_was_sent),
		T_LINK(batch_holds_64_messages_and_a_65th_is_an_error),
		T_LINK(caller_judges_each_refused_message),
		T_LINK(errors_of_a_full_batch_are_all_read),
		T_LINK(kernels_own_sentence_stands_behind_the_error),
		T_LINK(lack_of_memory_anywhere_is_enomem_and_changes_nothing),
		T_LINK(interrupted_dump_is_done_again_from_the_start),
		T_LINK(dump_that_is_always_interrupted_is_eagain),
		T_LINK(after_a_dump_that_its_reader_gave_up_the_socket_is_as_before),
		T_LINK(error_of_the_reader_says_what_was_asked),
		T_LINK(closing_and_freeing_of_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
