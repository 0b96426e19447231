// SPDX-License-Identifier: Apache-2.0
/*
 * Whether the programs may do the VTEP's work: the lease, in the agent's own loop, and the map of
 * tunnels, from empty to one more than it holds. Needs root and eBPF; see pods.h.
 */
#include "bpf/datapath.skel.h" /* has names of its own that those below would hide */

#include "pods.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/datapath/dp.h"
#include "agent/enforce/inside.h"
#include "agent/lease.h"
#include "peers/peers.h"

_Static_assert(FL_MAX_TUNNELS >= FL_PEERS_MAX, "every node that there may be has its tunnel");

static struct enf *enf;
static uv_loop_t loop;
static struct lease *lease;
static struct enf_tunnel many[FL_MAX_TUNNELS + 1];
static char problems[1024];

static bool no_ipsec; /* as on a kernel that does not say of it */

/* In place of the C library's. */
int socket(int domain, int type, int protocol)
{
	if (no_ipsec && domain == AF_NETLINK && protocol == NETLINK_XFRM) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return (int)syscall(SYS_socket, domain, type, protocol);
}

static int begin(void **state)
{
	const struct enf_options o = { .root = "", .folder = PINS, .node = "n1" };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(many); i++) {
		many[i].key = (struct fl_tunnel_key){ 1, { 2, 0, 0, 1 } };
		many[i].key.mac[4] = (__u8)(i >> 8);
		many[i].key.mac[5] = (__u8)i;
		many[i].value.ttl = 64;
	}
	if (pods_begin() < 0 || sh("mkdir /run/fairlead") != 0 || enf_open(&o, &enf, &err) < 0 ||
	    uv_loop_init(&loop) < 0 || lease_open(&loop, enf, &lease, &err) < 0) {
		print_message("# %s\n", err.text);
		return -1;
	}
	return 0;
}

static int end(void **state)
{
	(void)state;
	lease_close(&lease);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&loop);
	enf_close(&enf);
	fl_nl_close(&nl);
	return 0;
}

static __u64 until(void)
{
	struct fl_lease l = { 0 };
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(enf->dp->bpf->maps.fl_lease), &zero, &l),
			 0);
	return l.until;
}

/* Whether the stack has to see all that goes between nodes. */
static bool by_stack(void)
{
	struct fl_state s = { 0 };
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(enf->dp->bpf->maps.fl_state), &zero, &s),
			 0);
	return s.by_stack;
}

/* Jiffies until it ends; 0 or less: it has. */
static int left(void)
{
	__u8 packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = sizeof(packet));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(enf->dp->bpf->progs.fl_clock), &o),
			 0);
	return (int)((__u32)until() - o.retval);
}

/* So many of them, the first ones left out. */
static void tell(size_t first, size_t n)
{
	const struct enf_beyond b = { .tunnels = many + first, .n_tunnels = n };

	enf_set_beyond(enf, &b);
}

/* Whether the map has it. */
static bool has(size_t i)
{
	struct fl_tunnel t;

	return bpf_map_lookup_elem(bpf_map__fd(enf->dp->bpf->maps.fl_tunnels), &many[i].key, &t) ==
	       0;
}

static void add_problem(const char *where, const char *text, void *arg)
{
	size_t n = strlen(problems);

	(void)arg;
	(void)snprintf(problems + n, sizeof(problems) - n, "%s: %s\n", where, text);
}

static const char *problem(void)
{
	problems[0] = '\0';
	enf_problems(enf, add_problem, NULL);
	return problems;
}

static void on_bell(uv_timer_t *timer)
{
	(void)timer;
}

/* What has happened by now is taken in; a loop that hears of nothing goes on after 10 s. */
static void turn(void)
{
	uv_timer_t bell;

	assert_int_equal(uv_timer_init(&loop, &bell), 0);
	assert_int_equal(uv_timer_start(&bell, on_bell, 10000, 0), 0);
	(void)uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&bell, NULL);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
}

/* It may have run out since, on a busy machine: what is taken back is none at all. */
static void check_lent(void)
{
	int n = left();

	if (!until() || n > FL_LEASE_S * (int)enf->dp->hz || n < -60 * (int)enf->dp->hz)
		fail_msg("%d jiffies are left", n);
}

static void without_tunnels_nothing_is_lent(void **state)
{
	(void)state;
	assert_int_equal(until(), 0);
	tell(0, 0);
	lease_renew(lease);
	assert_int_equal(until(), 0);
	CHECK(!by_stack());
}

/* Nothing has been told of other nodes: by routes alone they are as much in need of it. */
static void any_policy_of_ipsec_has_the_stack_see_what_goes_between_nodes(void **state)
{
	(void)state;
	must("ip xfrm policy add src 203.0.113.1/32 dst 203.0.113.2/32 dir fwd action block");
	turn();
	CHECK(by_stack());
	/* Another agent knows it before it has heard of anything. */
	lease_close(&lease);
	CHECK_OK(dp_go_by_stack(enf->dp, false, &err), &err);
	CHECK_OK(lease_open(&loop, enf, &lease, &err), &err);
	CHECK(by_stack());
	must("ip xfrm policy flush");
	turn();
	CHECK(!by_stack());
	assert_int_equal(until(), 0);
}

static void it_is_lent_with_the_first_tunnel_and_renewed_by_itself(void **state)
{
	__u64 first;

	(void)state;
	tell(0, 1);
	CHECK(has(0));
	lease_renew(lease);
	check_lent();
	/* By the timer alone. */
	first = until();
	for (int i = 0; i < 10 && until() == first; i++)
		turn();
	CHECK(until() > first);
	check_lent();
}

static void any_policy_of_ipsec_takes_it_back_as_soon_as_it_is_heard_of(void **state)
{
	(void)state;
	must("ip xfrm policy add src 203.0.113.1/32 dst 203.0.113.2/32 dir out action block");
	turn();
	assert_int_equal(until(), 0);
	CHECK(by_stack());
	/* No renewal lends it again meanwhile. */
	lease_renew(lease);
	assert_int_equal(until(), 0);
	must("ip xfrm policy add src 203.0.113.1/32 dst 203.0.113.2/32 dir in tmpl src 192.0.2.1 "
	     "dst 192.0.2.2 proto esp mode tunnel");
	must("ip xfrm policy del src 203.0.113.1/32 dst 203.0.113.2/32 dir out");
	turn();
	assert_int_equal(until(), 0);
	must("ip xfrm policy flush");
	turn();
	check_lent();
}

static void look_for_poll(uv_handle_t *handle, void *listens)
{
	if (uv_handle_get_type(handle) == UV_POLL)
		*(bool *)listens = uv_is_active(handle);
}

/* The kernel tells of so many policies at once that it has to leave some out. */
static void it_hears_on_after_more_than_could_be_told(void **state)
{
	bool listens = false;

	(void)state;
	must("for i in $(seq 0 15); do for k in $(seq 250); do echo xfrm policy add "
	     "src 203.0.113.1 dst 10.0.$i.$k dir out action block; done; done >/run/batch");
	must("ip -batch /run/batch");
	turn();
	CHECK(by_stack());
	assert_int_equal(until(), 0);
	uv_walk(&loop, look_for_poll, &listens);
	CHECK(listens);
	must("ip xfrm policy flush");
	turn();
	check_lent();
	CHECK(!by_stack());
}

/* Another one, of a kernel that has no way to ask; lent or not, and why it knows. */
static void where_ipsec_cannot_be_asked_about_pf_key_keeps_it(void **state)
{
	(void)state;
	lease_close(&lease);
	no_ipsec = true;
	CHECK_OK(lease_open(&loop, enf, &lease, &err), &err);
	no_ipsec = false;
	must("ip xfrm policy add src 203.0.113.1/32 dst 203.0.113.2/32 dir out action block");
	lease_renew(lease);
	check_lent();
	/* What a kernel with PF_KEY has there. */
	assert_int_equal(mount("net", "/proc/self/net", "tmpfs", 0, NULL), 0);
	must("touch /proc/$PPID/net/pfkey");
	lease_renew(lease);
	assert_int_equal(until(), 0);
	assert_int_equal(umount("/proc/self/net"), 0);
	lease_renew(lease);
	check_lent();
	must("ip xfrm policy flush");
	lease_close(&lease);
	CHECK_OK(lease_open(&loop, enf, &lease, &err), &err);
	lease_renew(lease);
	check_lent();
}

static void it_ends_with_the_last_tunnel(void **state)
{
	(void)state;
	tell(0, 0);
	lease_renew(lease);
	assert_int_equal(until(), 0);
	CHECK(!has(0));
	tell(0, 1);
	lease_renew(lease);
	check_lent();
}

static void a_full_map_leaves_the_rest_to_the_vtep_and_says_so(void **state)
{
	(void)state;
	tell(0, FL_MAX_TUNNELS);
	CHECK(has(0) && has(FL_MAX_TUNNELS - 1));
	assert_string_equal(problem(), "");
	assert_int_equal(enf_stats(enf).tunnels, FL_MAX_TUNNELS);
	tell(0, FL_MAX_TUNNELS + 1);
	CHECK(has(0) && has(FL_MAX_TUNNELS - 1) && !has(FL_MAX_TUNNELS));
	assert_string_equal(problem(), "datapath: the datapath's map of ways through the overlay "
				       "is full: it holds 16384; what is for 1 other nodes is "
				       "wrapped up by the VTEP\n");
	assert_int_equal(enf_stats(enf).tunnels, FL_MAX_TUNNELS);
	/* The others go on by the programs. */
	lease_renew(lease);
	check_lent();
	/* One that goes makes room, and what has changed is written though it is full. */
	many[2].value.ttl = 63;
	tell(1, FL_MAX_TUNNELS);
	CHECK(!has(0) && has(1) && has(FL_MAX_TUNNELS));
	assert_string_equal(problem(), "");
	tell(1, 1);
	CHECK(has(1) && !has(2) && !has(FL_MAX_TUNNELS));
}

static void what_an_earlier_agent_has_left_goes_and_the_rest_is_written(void **state)
{
	const struct enf_options o = { .root = "", .folder = PINS, .node = "n1" };
	__u64 last;

	(void)state;
	tell(0, 3);
	/* Whoever is stopped renews no more: what it has lent ends at its time. */
	lease_close(&lease);
	last = until();
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	enf_close(&enf);
	CHECK_OK(enf_open(&o, &enf, &err), &err);
	assert_int_equal(until(), last);
	CHECK(has(0) && has(2));
	tell(2, 2);
	CHECK(!has(0) && !has(1) && has(2) && has(3));
	CHECK(left() <= FL_LEASE_S * (int)enf->dp->hz);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_tunnels_nothing_is_lent),
		cmocka_unit_test(any_policy_of_ipsec_has_the_stack_see_what_goes_between_nodes),
		cmocka_unit_test(it_is_lent_with_the_first_tunnel_and_renewed_by_itself),
		cmocka_unit_test(any_policy_of_ipsec_takes_it_back_as_soon_as_it_is_heard_of),
		cmocka_unit_test(it_hears_on_after_more_than_could_be_told),
		cmocka_unit_test(where_ipsec_cannot_be_asked_about_pf_key_keeps_it),
		cmocka_unit_test(it_ends_with_the_last_tunnel),
		cmocka_unit_test(a_full_map_leaves_the_rest_to_the_vtep_and_says_so),
		cmocka_unit_test(what_an_earlier_agent_has_left_goes_and_the_rest_is_written),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
