// SPDX-License-Identifier: Apache-2.0
/*
 * The eBPF programs and their maps, seen from the agent: loaded or taken over, put where the
 * packets are, filled. The only folder that knows libbpf. Maps are pinned, and the programs are
 * held by the blocks they stand in, so that everything goes on when the agent is gone.
 */
#pragma once

#include <string.h>

#include "base/ip.h"
#include "bpf/abi.h"
#include "net/nl.h"
#include "net/tc.h"
#include "net/xdp.h"
#include "state/blocks.h"

struct dp;

/* An address as the maps have it. */
static inline struct fl_in dp_in(const struct fl_ip *ip)
{
	struct fl_in in;

	memcpy(in.b, ip->b, sizeof(in.b));
	return in;
}

/* And back. */
static inline struct fl_ip dp_ip(const struct fl_in *in)
{
	struct fl_ip ip;

	memcpy(ip.b, in->b, sizeof(ip.b));
	return ip;
}

/*
 * Loads the programs. Maps that are pinned below folder (in a bpf file system, which must be
 * mounted) with this layout are taken over with all they hold; else they are made and pinned there,
 * beside those of another layout or size, see dp_has_former().
 * max_flows: connections that there is room for, 0: FL_MAX_FLOWS.
 * *out is the caller's. -EOPNOTSUPP: the kernel lacks what the programs need; the text has the
 * verifier's last words. -ENODEV: no bpf file system at the folder.
 */
fl_must int dp_open(const char *folder, __u32 max_flows, struct dp **out, struct fl_err *err);

/* Closes the descriptors; what is in the kernel stays. */
void dp_close(struct dp **d);
#define fl_auto_dp fl_auto(dp_close)

/*
 * Makes the blocks be there and hold these programs, in place of an earlier version's in one
 * step each. Calling again puts right what somebody changed. *changed, when something was done.
 * -EEXIST: a block or the anchor's name is somebody else's, which is left alone.
 */
fl_must int dp_attach(struct dp *d, struct fl_nl *nl, bool *changed, struct fl_err *err);

/* Whether both blocks hold these programs at this moment, and who is in them is judged by them. */
fl_must int dp_is_attached(struct dp *d, struct fl_nl *nl, bool *yes, struct fl_err *err);

/* True when dp_open() took over no connections: whatever goes on already is unknown. */
bool dp_is_fresh(const struct dp *d);

/*
 * True when the programs that stand in the blocks work by maps of another layout than ours, or may:
 * ours are to be filled before dp_attach(), which then takes over the connections.
 */
bool dp_has_former(const struct dp *d);

/*
 * Takes an earlier agent's datapath away: its filters, so that what is in the blocks passes freely,
 * those on the interfaces to other nodes, the link that kept them alive, and the pinned maps of
 * this layout. What is not there is done, and somebody else's filter is left alone.
 */
fl_must int dp_retire(const char *folder, struct fl_nl *nl, struct fl_err *err);

#define DP_IPS_MAX 64

/* A pod of this node. */
struct dp_endpoint {
	__u32 ifindex;		      /* of its host interface */
	struct fl_endpoint_info info; /* ifindex and flags are set; ip4 and ip6 follow from ips */
	size_t n_ips;
	struct fl_in ips[DP_IPS_MAX];
};

/*
 * Makes the endpoint be as given; packets see the old state or the new. last: what was given before
 * for this interface, or NULL; addresses that are gone are removed with their connections. One that
 * the map did not know with these addresses is shut at first (*is_shut): connections that were
 * judged while the address was nobody's, or another's, must not lead in; whoever opens it raises
 * the generation before. -E2BIG: a map is full; the endpoint then has no address and lets nothing
 * pass.
 */
fl_must int dp_set_endpoint(struct dp *d, const struct dp_endpoint *ep,
			    const struct dp_endpoint *last, bool *is_shut, struct fl_err *err);

/* Opens an endpoint that was shut, and has been set with the same. */
fl_must int dp_open_endpoint(struct dp *d, const struct dp_endpoint *ep, struct fl_err *err);

/*
 * True when the programs of another layout that still stand in the blocks know the endpoint by its
 * first address.
 */
bool dp_former_knows(const struct dp *d, const struct dp_endpoint *ep);

/* What the map has of an endpoint; its further addresses are elsewhere. -ENOENT: nothing. */
fl_must int dp_get_endpoint(struct dp *d, __u32 ifindex, struct fl_endpoint_info *out,
			    struct fl_err *err);

/* The host interface that has the address; 0: none. */
__u32 dp_local_owner(struct dp *d, __u32 zone, const struct fl_in *ip);

/*
 * Removes the endpoint with its addresses, as far as they are still its own, and their connections.
 * One not there counts as removed.
 */
fl_must int dp_remove_endpoint(struct dp *d, const struct dp_endpoint *ep, struct fl_err *err);

/* Calls each() for every endpoint in the map, as after taking it over; it may remove that one. */
fl_must int dp_endpoints(struct dp *d,
			 int (*each)(__u32 ifindex, const struct fl_endpoint_info *info, void *arg,
				     struct fl_err *err),
			 void *arg, struct fl_err *err);

/* Removes an endpoint that nobody remembers, with every address and connection that is its. */
fl_must int dp_remove_stranger(struct dp *d, __u32 ifindex, struct fl_err *err);

/* Who has this address, and what block covers it. Here and below: -E2BIG: the map is full; removing
 * what is not there is done. */
fl_must int dp_set_address(struct dp *d, const struct fl_address_info *info, struct fl_err *err);
fl_must int dp_remove_address(struct dp *d, const struct fl_address_key *key, struct fl_err *err);

/* What block covers the addresses of this prefix that are not known by themselves; bits of IPv4
 * count from 96. */
fl_must int dp_set_prefix(struct dp *d, const struct fl_prefix_key *key,
			  const struct fl_prefix_info *info, struct fl_err *err);
fl_must int dp_remove_prefix(struct dp *d, const struct fl_prefix_key *key, struct fl_err *err);

/* An address that is treated in a way of its own; the same key. */
fl_must int dp_set_special(struct dp *d, const struct fl_prefix_key *key, __u32 flags,
			   struct fl_err *err);
fl_must int dp_remove_special(struct dp *d, const struct fl_prefix_key *key, struct fl_err *err);

/* A block whose packets are dropped where they come in; the same key. */
fl_must int dp_set_denied(struct dp *d, const struct fl_prefix_key *key, struct fl_err *err);

/* An interface that leads to other nodes. */
struct dp_device {
	__u32 ifindex;
	bool denies;   /* what comes from denied blocks is dropped here */
	bool tunnels;  /* a VTEP that dp_set_tunnel() tells all about */
	char name[16]; /* for errors */
};

/*
 * Makes these interfaces, and no others, have the programs for what comes from other nodes and goes
 * there; in place of an earlier version's in one step each. Calling again puts right what somebody
 * changed, and somebody else's filters and XDP programs are left alone. Goes on after a failure
 * with one interface, to which nothing goes past the stack then; the first is the error. What is
 * denied is dropped by XDP in this mode, else by tc.
 */
fl_must int dp_set_devices(struct dp *d, struct fl_nl *nl, const struct dp_device *devices,
			   size_t n, enum fl_xdp_mode xdp, struct fl_err *err);

/* How a VTEP wraps up what is for somebody. */
fl_must int dp_set_tunnel(struct dp *d, const struct fl_tunnel_key *key,
			  const struct fl_tunnel *tunnel, struct fl_err *err);
fl_must int dp_remove_tunnel(struct dp *d, const struct fl_tunnel_key *key, struct fl_err *err);

/* For FL_LEASE_S seconds from now the programs may go by that, or no more. */
fl_must int dp_lend_tunnels(struct dp *d, struct fl_err *err);
fl_must int dp_keep_tunnels(struct dp *d, struct fl_err *err);

#define DP_STACK_TABLE "fairlead-policy" /* of nf_tables, families ip and ip6 */

/*
 * Has what the stack gives another destination judged by it, where netfilter forwards and takes in:
 * what pods send to Services, wherever that leads. In place of an earlier version's in one step;
 * calling again puts right what somebody changed. nft is of FL_NL_NETFILTER; from Linux 6.9 on
 * nobody else can change or flush it until that is closed. The kernel may be without what it takes:
 * nf_tables, conntrack, and iptables' matches (nft_compat, xt_bpf).
 */
fl_must int dp_join_stack(struct dp *d, struct fl_nl *nft, struct fl_err *err);

/* Takes that away; what is not there counts as taken away. */
fl_must int dp_leave_stack(struct fl_nl *nft, struct fl_err *err);

/* A version's rule, and a port set's member. */
fl_must int dp_set_rule(struct dp *d, const struct fl_rule_key *key, const struct fl_rule *rule,
			struct fl_err *err);
fl_must int dp_remove_rule(struct dp *d, const struct fl_rule_key *key, struct fl_err *err);
fl_must int dp_set_port(struct dp *d, const struct fl_port_key *key,
			const struct fl_port_info *info, struct fl_err *err);
fl_must int dp_remove_port(struct dp *d, const struct fl_port_key *key, struct fl_err *err);

/* Maps whose entries are walked. */
enum dp_map { DP_ADDRESSES, DP_PREFIXES, DP_SPECIALS, DP_DENIED, DP_TUNNELS, DP_RULES, DP_PORTS };

/* Removes the map's entries whose key (of the map's type) keep() does not want. */
fl_must int dp_prune(struct dp *d, enum dp_map map, bool (*keep)(const void *key, void *arg),
		     void *arg, struct fl_err *err);

/* Switches a slot to a version, in one write. */
fl_must int dp_set_slot(struct dp *d, __u32 slot, const struct fl_slot *value, struct fl_err *err);

/*
 * Makes every connection be judged again, after a change of policy. What nothing leads to any more
 * may be removed after this, and not before: a program may have begun when it was still needed.
 */
fl_must int dp_next_generation(struct dp *d, struct fl_err *err);

/* Whether interfaces in the blocks that are no endpoint yet may talk. */
fl_must int dp_allow_unknown(struct dp *d, bool allow, struct fl_err *err);

/* The UDP port of nodes' VTEPs, to which pods may not send; 0: none. Open connections are cut. */
fl_must int dp_set_vtep_port(struct dp *d, __u16 port, struct fl_err *err);

/*
 * Whether all that pods send to other nodes, and get from there, goes by the stack, open
 * connections with it. Either way nothing is cut.
 */
fl_must int dp_go_by_stack(struct dp *d, bool all, struct fl_err *err);

/* Forgets connections that have been silent for too long. */
struct dp_sweep {
	size_t flows, removed; /* seen, and of those forgotten */
};
fl_must int dp_sweep(struct dp *d, struct dp_sweep *out, struct fl_err *err);

#define DP_SWEEP_PART 4096 /* connections of a part, at most */

/* Where a sweep is that goes on part by part; all zero: at its beginning. */
struct dp_sweep_place {
	bool begun;
	__u32 bucket;
};

/* The next part of a sweep, added to *sum. 1: there is more to do, 0: that was the last. */
fl_must int dp_sweep_part(struct dp *d, struct dp_sweep_place *at, struct dp_sweep *sum,
			  struct fl_err *err);

/* The counters, summed up over processors. */
struct dp_counts {
	struct fl_count reason[FL_R_COUNT][FL_DIRS];
	uint64_t verdict[FL_V_COUNT][FL_DIRS];
	uint64_t events_lost;
};
fl_must int dp_counts(struct dp *d, struct dp_counts *out, struct fl_err *err);

/* Short text and metric label of a reason: "policy_ingress". */
const char *dp_reason_text(enum fl_reason reason);

/* The same of a verdict, "allowed", and of a direction, "egress". */
const char *dp_verdict_text(enum fl_verdict verdict);
const char *dp_direction_text(enum fl_dir dir);
