// SPDX-License-Identifier: Apache-2.0
/* VXLAN devices, their forwarding entries, and permanent neighbours: what is put is what is read.
 */
#include "nettest.h"

#include "net/neigh.h"

static const uint8_t mac1[FL_MAC_LEN] = { 2, 0, 0, 0, 0, 1 },
		     mac2[FL_MAC_LEN] = { 2, 0, 0, 0, 0, 2 };

static struct fl_ip ip(const char *text)
{
	struct fl_ip i = { 0 };

	CHECK_OK(fl_ip_parse(text, &i, &err), &err);
	return i;
}

static struct fl_vxlan vxlan(uint32_t vni, uint16_t port, const char *local)
{
	return (struct fl_vxlan){ .vni = vni, .port = port, .local = ip(local) };
}

static int try_vxlan(const char *name, const struct fl_vxlan *v)
{
	fl_auto_batch struct fl_batch *b = batch();

	fl_link_put_vxlan(b, name, v, mac1, 1400);
	return fl_batch_send(nl, b, &err);
}

static void make_vxlan(const char *name, uint32_t vni, uint16_t port, const char *local)
{
	struct fl_vxlan v = vxlan(vni, port, local);

	CHECK_OK(try_vxlan(name, &v), &err);
}

/* As setup(), and VTEPs v4 and v6 of the families that they are called after. */
static int setup_vteps(void **state)
{
	if (setup(state) < 0)
		return -1;
	make_vxlan("v4", 5, 4789, "192.0.2.1");
	make_vxlan("v6", 6, 4789, "2001:db8::1");
	return sh("ip link set v4 addrgenmode none up && ip link set v6 addrgenmode none up");
}

#define T_VTEPS(name) cmocka_unit_test_setup_teardown(name, setup_vteps, teardown)

static void vxlan_device_is_made_as_asked_and_read_back(void **state)
{
	struct fl_link link;

	(void)state;
	make_vxlan("v4", FL_VNI_MAX, 8472, "192.0.2.1");
	make_vxlan("v6", 1, 4789, "2001:db8::1");
	link = link_of(nl, "v4");
	assert_string_equal(link.kind, "vxlan");
	assert_int_equal(link.vxlan.vni, FL_VNI_MAX);
	assert_int_equal(link.vxlan.port, 8472);
	CHECK(fl_ip_cmp(&link.vxlan.local, &(struct fl_ip){ 0 }) != 0);
	assert_int_equal(link.mtu, 1400);
	assert_memory_equal(link.mac, mac1, FL_MAC_LEN);
	CHECK(!link.learning && !link.external && !link.up);
	link = link_of(nl, "v6");
	CHECK(fl_ip_cmp(&link.vxlan.local, &(struct fl_ip){ { 0x20, 1, 0xd, 0xb8, [15] = 1 } }) ==
	      0);
	shows("ip -d link show v4", "vxlan id 16777215 local 192.0.2.1 srcport 0 0 dstport 8472",
	      true);
	shows("ip -d link show v4", "nolearning", true);
}

static void foreign_vxlan_devices_are_read(void **state)
{
	struct fl_link lrn;

	(void)state;
	must("ip link add ext type vxlan external dstport 4789 && "
	     "ip link add lrn type vxlan id 7 dstport 4790");
	CHECK(link_of(nl, "ext").external);
	lrn = link_of(nl, "lrn");
	CHECK(lrn.learning && !lrn.external);
	CHECK(fl_ip_cmp(&lrn.vxlan.local, &(struct fl_ip){ 0 }) == 0);
}

static void vni_or_name_in_use_is_eexist(void **state)
{
	struct fl_vxlan v = vxlan(5, 4789, "192.0.2.9");

	(void)state;
	CHECK_FAILS(try_vxlan("other", &v), EEXIST, &err, "create VXLAN device 'other'");
	CHECK(!has_link(nl, "other"));
	v.vni = 9;
	CHECK_FAILS(try_vxlan("v4", &v), EEXIST, &err, "create VXLAN device 'v4'");
	v.vni = FL_VNI_MAX + 1;
	CHECK_FAILS(try_vxlan("other", &v), ERANGE, &err, "create VXLAN device 'other'");
}

static void local_address_changes_in_place_and_learning_ends(void **state)
{
	fl_auto_batch struct fl_batch *b = batch();
	struct fl_vxlan v = vxlan(5, 4789, "192.0.2.77");
	struct fl_link before = link_of(nl, "v4"), after;

	(void)state;
	must("ip link set v4 type vxlan id 5 learning");
	CHECK(link_of(nl, "v4").learning);
	fl_link_put_vxlan_local(b, "v4", &v);
	CHECK_OK(fl_batch_send(nl, b, &err), &err);
	after = link_of(nl, "v4");
	assert_int_equal(after.index, before.index);
	CHECK(fl_ip_cmp(&after.vxlan.local, &v.local) == 0 && !after.learning && after.up);
	assert_int_equal(after.vxlan.port, 4789);
	v.local = ip("2001:db8::9");
	fl_link_put_vxlan_local(b, "v4", &v);
	CHECK_FAILS(fl_batch_send(nl, b, &err), EOPNOTSUPP, &err, "change VXLAN device 'v4'");
}

struct neighs {
	size_t n;
	struct fl_neigh at[8];
};

static int each_neigh(const struct fl_neigh *n, void *arg, struct fl_err *e)
{
	struct neighs *s = arg;

	(void)e;
	CHECK(s->n < 8);
	s->at[s->n++] = *n;
	return 0;
}

static struct neighs neighs(const char *link)
{
	struct neighs s = { 0 };

	CHECK_OK(fl_neigh_list(nl, link_of(nl, link).index, each_neigh, &s, &err), &err);
	return s;
}

static struct fl_neigh neigh(const char *link, const char *addr, const uint8_t mac[FL_MAC_LEN])
{
	struct fl_neigh n = { .link = link_of(nl, link).index, .ip = ip(addr) };

	memcpy(n.mac, mac, FL_MAC_LEN);
	return n;
}

static void put_neigh(const struct fl_neigh *n)
{
	struct fl_batch *b = batch();

	fl_neigh_put(b, n);
	send_batch(nl, b);
}

static void del_neigh(const struct fl_neigh *n)
{
	struct fl_batch *b = batch();

	fl_neigh_put_del(b, n);
	send_batch(nl, b);
}

static void neighbours_of_both_families_come_back(void **state)
{
	struct fl_neigh a = neigh("v4", "10.244.1.0", mac1), c = neigh("v4", "fe80::1", mac2);
	struct neighs s;

	(void)state;
	put_neigh(&a);
	put_neigh(&c);
	s = neighs("v4");
	assert_int_equal(s.n, 2);
	CHECK(memcmp(&s.at[0], &a, sizeof(a)) == 0 && memcmp(&s.at[1], &c, sizeof(c)) == 0);
	shows("ip neigh show dev v4", "10.244.1.0 lladdr 02:00:00:00:00:01 PERMANENT", true);
	assert_int_equal(neighs("v6").n, 0);
}

static void neighbour_takes_the_place_of_whatever_there_is(void **state)
{
	struct fl_neigh a = neigh("v4", "10.244.1.0", mac1);
	struct neighs s;

	(void)state;
	must("ip neigh add 10.244.1.0 lladdr 02:00:00:00:00:99 dev v4 nud reachable");
	assert_int_equal(neighs("v4").n, 0); /* it is not permanent */
	put_neigh(&a);
	memcpy(a.mac, mac2, FL_MAC_LEN);
	put_neigh(&a);
	s = neighs("v4");
	assert_int_equal(s.n, 1);
	assert_memory_equal(s.at[0].mac, mac2, FL_MAC_LEN);
}

static void removing_neighbours_needs_none_to_be_there(void **state)
{
	struct fl_neigh a = neigh("v4", "10.244.1.0", mac1);

	(void)state;
	put_neigh(&a);
	del_neigh(&a);
	assert_int_equal(neighs("v4").n, 0);
	del_neigh(&a);
	a.link = 4711;
	del_neigh(&a);
}

struct fdbs {
	size_t n;
	struct fl_fdb at[8];
};

static int each_fdb(const struct fl_fdb *f, void *arg, struct fl_err *e)
{
	struct fdbs *s = arg;

	(void)e;
	CHECK(s->n < 8);
	s->at[s->n++] = *f;
	return 0;
}

static struct fdbs fdbs(const char *link)
{
	struct fdbs s = { 0 };

	CHECK_OK(fl_fdb_list(nl, link_of(nl, link).index, each_fdb, &s, &err), &err);
	return s;
}

static struct fl_fdb fdb(const char *link, const uint8_t mac[FL_MAC_LEN], const char *remote)
{
	struct fl_fdb f = { .link = link_of(nl, link).index, .remote = ip(remote) };

	memcpy(f.mac, mac, FL_MAC_LEN);
	return f;
}

static int try_fdb(const struct fl_fdb *f)
{
	fl_auto_batch struct fl_batch *b = batch();

	fl_fdb_put(b, f);
	return fl_batch_send(nl, b, &err);
}

static void del_fdb(const struct fl_fdb *f)
{
	struct fl_batch *b = batch();

	fl_fdb_put_del(b, f);
	send_batch(nl, b);
}

static void forwarding_entries_of_both_families_come_back(void **state)
{
	struct fl_fdb a = fdb("v4", mac1, "192.0.2.2"), c = fdb("v6", mac2, "2001:db8::2");
	struct fdbs s;

	(void)state;
	CHECK_OK(try_fdb(&a), &err);
	CHECK_OK(try_fdb(&c), &err);
	s = fdbs("v4");
	assert_int_equal(s.n, 1);
	assert_memory_equal(&s.at[0], &a, sizeof(a));
	s = fdbs("v6");
	assert_int_equal(s.n, 1);
	assert_memory_equal(&s.at[0], &c, sizeof(c));
	shows("bridge fdb show dev v4", "02:00:00:00:00:01 dst 192.0.2.2 self permanent", true);
}

static void forwarding_entry_takes_the_place_of_the_one_for_its_mac(void **state)
{
	struct fl_fdb a = fdb("v4", mac1, "192.0.2.2");
	struct fdbs s;

	(void)state;
	CHECK_OK(try_fdb(&a), &err);
	a.remote = ip("192.0.2.3");
	CHECK_OK(try_fdb(&a), &err);
	s = fdbs("v4");
	assert_int_equal(s.n, 1);
	assert_memory_equal(&s.at[0], &a, sizeof(a));
}

static void remote_of_the_other_family_is_refused(void **state)
{
	struct fl_fdb a = fdb("v4", mac1, "2001:db8::2");

	(void)state;
	CHECK_FAILS(try_fdb(&a), EAFNOSUPPORT, &err, "add forwarding entry 02:00:00:00:00:01");
}

static void removing_forwarding_entries_needs_none_to_be_there(void **state)
{
	struct fl_fdb a = fdb("v4", mac1, "192.0.2.2"), other = fdb("v4", mac1, "192.0.2.9");

	(void)state;
	CHECK_OK(try_fdb(&a), &err);
	del_fdb(&other); /* of this MAC address, but to somewhere else: not this one */
	assert_int_equal(fdbs("v4").n, 1);
	del_fdb(&a);
	assert_int_equal(fdbs("v4").n, 0);
	del_fdb(&a);
	a.link = 4711;
	del_fdb(&a);
}

static void flood_entries_are_told_once_for_each_remote_and_go_one_by_one(void **state)
{
	struct fdbs s;

	(void)state;
	must("bridge fdb append 00:00:00:00:00:00 dst 192.0.2.2 dev v4 && "
	     "bridge fdb append 00:00:00:00:00:00 dst 192.0.2.3 dev v4");
	s = fdbs("v4");
	assert_int_equal(s.n, 2);
	del_fdb(&s.at[0]);
	del_fdb(&s.at[1]);
	assert_int_equal(fdbs("v4").n, 0);
}

static void entry_with_a_port_of_its_own_equals_none_of_ours_and_can_be_removed(void **state)
{
	struct fl_fdb a = fdb("v4", mac1, "192.0.2.2");
	struct fdbs s;

	(void)state;
	must("bridge fdb add 02:00:00:00:00:01 dst 192.0.2.2 port 9999 dev v4");
	s = fdbs("v4");
	assert_int_equal(s.n, 1);
	CHECK(fl_ip_cmp(&s.at[0].remote, &(struct fl_ip){ { [10] = 0xff, [11] = 0xff } }) == 0);
	CHECK_OK(try_fdb(&a), &err);
	shows("bridge fdb show dev v4", "port", false);
	must("bridge fdb replace 02:00:00:00:00:01 dst 192.0.2.2 port 9999 dev v4");
	del_fdb(&s.at[0]);
	assert_int_equal(fdbs("v4").n, 0);
}

static int each_refuse(const struct fl_fdb *f, void *arg, struct fl_err *e)
{
	(void)f;
	++*(int *)arg;
	return fl_fail(e, EDOM, "enough");
}

static void list_ends_with_its_callbacks_error(void **state)
{
	struct fl_fdb a = fdb("v4", mac1, "192.0.2.2"), c = fdb("v4", mac2, "192.0.2.3");
	int calls = 0;

	(void)state;
	CHECK_OK(try_fdb(&a), &err);
	CHECK_OK(try_fdb(&c), &err);
	CHECK_FAILS(fl_fdb_list(nl, a.link, each_refuse, &calls, &err), EDOM, &err, "enough");
	assert_int_equal(calls, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(vxlan_device_is_made_as_asked_and_read_back),
		T(foreign_vxlan_devices_are_read),
		T_VTEPS(vni_or_name_in_use_is_eexist),
		T_VTEPS(local_address_changes_in_place_and_learning_ends),
		T_VTEPS(neighbours_of_both_families_come_back),
		T_VTEPS(neighbour_takes_the_place_of_whatever_there_is),
		T_VTEPS(removing_neighbours_needs_none_to_be_there),
		T_VTEPS(forwarding_entries_of_both_families_come_back),
		T_VTEPS(forwarding_entry_takes_the_place_of_the_one_for_its_mac),
		T_VTEPS(remote_of_the_other_family_is_refused),
		T_VTEPS(removing_forwarding_entries_needs_none_to_be_there),
		T_VTEPS(flood_entries_are_told_once_for_each_remote_and_go_one_by_one),
		T_VTEPS(entry_with_a_port_of_its_own_equals_none_of_ours_and_can_be_removed),
		T_VTEPS(list_ends_with_its_callbacks_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
