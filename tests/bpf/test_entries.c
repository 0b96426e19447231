// SPDX-License-Identifier: Apache-2.0
/*
 * What becomes of a connection by the forms that entries of policy may have: port sets of every
 * length of prefix, and addresses that are known by themselves, in blocks and out of them. Needs
 * root and eBPF.
 */
#include "world.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>

static void a_port_set_may_have_members_of_every_length(void **state)
{
	struct pkt p = { .src = B4, .dst = A4, .src_mac = MAC_B };

	(void)state;
	world_slot(SLOT_A, 21, FL_SLOT_INGRESS);
	world_rule(21, FL_INGRESS, FL_ID_PODS, 52);
	/* The lower half, then the half of what is left, and so on: all but the last port. */
	for (unsigned int bits = 1; bits <= FL_PORT_BITS; bits++)
		world_port(52, IPPROTO_UDP, (__u16)(0x10000 - (0x20000 >> bits)), bits);
	world_port(52, IPPROTO_SCTP, 0, 0);
	world_forget();
	for (unsigned int bits = 1; bits <= FL_PORT_BITS; bits++) {
		p.dport = (__u16)(0x10000 - (0x20000 >> bits));
		CHECK_FATE("the first", world_run(FROM_B, &p), FL_R_REDIRECTED);
		p.dport = (__u16)(0xffff - (0x10000 >> bits));
		CHECK_FATE("the last", world_run(FROM_B, &p), FL_R_REDIRECTED);
	}
	p.dport = 0xffff;
	CHECK_FATE("the one that is left", world_run(FROM_B, &p), FL_R_POLICY_INGRESS);
	p.proto = IPPROTO_SCTP;
	CHECK_FATE("the whole protocol", world_run(FROM_B, &p), FL_R_REDIRECTED);
}

/* An entry for REMOTE4. */
static struct fl_address_info remote(__u32 identity, __u32 block)
{
	struct fl_address_info info = { .identity = identity, .block = block };

	info.key.addr.w_be[2] = htonl(0xffff);
	info.key.addr.w_be[3] = inet_addr(REMOTE4);
	return info;
}

static void put_remote(const struct fl_address_key *key, const struct fl_address_info *info)
{
	assert_int_equal(bpf_map_update_elem(world_map("fl_addresses"), key, info, BPF_ANY), 0);
	world_forget();
}

static void an_address_of_its_own_is_all_that_its_entry_says(void **state)
{
	static const struct pkt p = { .src = REMOTE4, .dst = A4, .dport = 70 };
	struct fl_address_info info = remote(70, 0), other = remote(ID_REMOTE, ID_REMOTE);
	const struct fl_address_key key = info.key;

	(void)state;
	world_slot(SLOT_A, 22, FL_SLOT_INGRESS);
	world_rule(22, FL_INGRESS, ID_REMOTE, FL_RULE_ALL);
	put_remote(&key, &info);
	CHECK_FATE("in no block", world_run(TO_A, &p), FL_R_POLICY_INGRESS);
	info = remote(ID_REMOTE, 0);
	put_remote(&key, &info);
	CHECK_FATE("allowed by its identity", world_run(TO_A, &p), FL_R_FORWARDED);
	info = remote(70, ID_REMOTE);
	put_remote(&key, &info);
	CHECK_FATE("allowed by its block", world_run(TO_A, &p), FL_R_FORWARDED);
	/* As a program sees it when the entry's memory has been given to another one. */
	other.key.addr.b[15]++;
	put_remote(&key, &other);
	CHECK_FATE("what is another's", world_run(TO_A, &p), FL_R_UNKNOWN_ENDPOINT);
	assert_int_equal(bpf_map_delete_elem(world_map("fl_addresses"), &key), 0);
	CHECK_FATE("in the block around it", world_run(TO_A, &p), FL_R_FORWARDED);
	world_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_set_may_have_members_of_every_length),
		cmocka_unit_test(an_address_of_its_own_is_all_that_its_entry_says),
	};

	return cmocka_run_group_tests_name("entries", tests, world_begin, world_end);
}
