// SPDX-License-Identifier: Apache-2.0
/*
 * The policy compiler: a world of namespaces, pods and policies in, the entries of the kernel's
 * maps out. Objects are put and deleted; pol_world_commit() then compiles what they touch and
 * nothing else, and says which entries change, in an order in which they may be applied one by one:
 * at every moment each connection has its old verdict or its new one. Pure: no map, file or socket.
 *
 * Numbers of identities, namespaces, blocks, port sets and versions are hashes of what they stand
 * for, so they are the same after a restart, and the same whether compiled at once or step by step.
 * Only the numbers of slots depend on what has been before. docs/decisions/0012 has the whole.
 */
#pragma once

#include "agent/policy/read.h"
#include "json/cur.h"

struct pol_world;

/* Entries that may be in use at once; 0: those of bpf/abi.h, halved, so that a switch has room. */
struct pol_limits {
	uint32_t rules, ports, prefixes, slots;
};

struct pol_options {
	const char *node; /* pods of this node get policy sets; NULL: all do. Copied */
	struct pol_limits limits;
};

/* An empty world. *out is the caller's. */
fl_must int pol_world_new(const struct pol_options *o, struct pol_world **out, struct fl_err *err);

/* Frees the world. */
void pol_world_free(struct pol_world **w);
#define fl_auto_pol_world fl_auto(pol_world_free)

/*
 * Puts an object in the place of the one of its name, and takes what it holds. -ENOSPC: there are
 * too many policies; nothing has changed. -ENOMEM, here and below: the world is fit to be freed and
 * no more; another one made of the same objects has the same numbers, its snapshot is to be
 * compared with the maps.
 */
fl_must int pol_world_put_namespace(struct pol_world *w, struct pol_namespace *ns,
				    struct fl_err *err);
fl_must int pol_world_put_pod(struct pol_world *w, struct pol_pod *pod, struct fl_err *err);
fl_must int pol_world_put_policy(struct pol_world *w, struct pol_policy *p, struct fl_err *err);

/* Takes an object out; one that is not there is done. */
fl_must int pol_world_del_namespace(struct pol_world *w, const char *name, struct fl_err *err);
fl_must int pol_world_del_pod(struct pol_world *w, const char *ns, const char *name,
			      struct fl_err *err);
fl_must int pol_world_del_policy(struct pol_world *w, const char *ns, const char *name,
				 struct fl_err *err);

/* Whether an object, which may be of another kind, is to be put. */
typedef bool pol_take(enum pol_kind kind, const struct fl_cur *object, void *arg);

/*
 * Reads an object or a list of objects (List, PodList, ...) and puts what take() takes, or for NULL
 * all; those of other kinds are passed over. -EINVAL names the path.
 */
fl_must int pol_world_put_object(struct pol_world *w, const struct fl_cur *object, pol_take *take,
				 void *arg, struct fl_err *err);

/* Slots with a meaning of their own: of pods that no policy selects, and of those for which there
 * is no slot left, which is closed both ways. Slot 0 is never written. */
enum { POL_SLOT_NONE, POL_SLOT_CLOSED };

/* Which map an entry is of. */
enum pol_map { POL_MAP_PORTS, POL_MAP_RULES, POL_MAP_PREFIXES, POL_MAP_SLOTS, POL_MAP_PODS };

/* One entry: its key is what stands before the blank line of its struct. */
struct pol_entry {
	enum pol_map map;
	union {
		struct { /* a port set's member; every one allows */
			uint32_t ports;
			uint16_t port;
			uint8_t proto, bits; /* of the port that count; 0: the whole protocol */

			uint32_t origin;
		} port;
		struct { /* what a version allows a peer: an identity, namespace, block, or
			    FL_ID_... */
			uint32_t version, who;
			enum pol_direction dir;

			/* FL_RULE_ALL: everything, by origin's rule; lengths: as in struct fl_rule
			 */
			uint32_t ports, lengths, origin;
		} rule;
		struct { /* who an address is */
			struct fl_prefix prefix;

			uint32_t identity, ns, block; /* 0: none */
		} prefix;
		struct { /* the version in force */
			uint32_t slot;

			uint32_t version, flags; /* FL_SLOT_... */
		} slot;
		struct { /* a pod of this node; borrowed until the next put or deletion */
			const char *ns, *name;

			uint32_t identity, ns_number, slot;
		} pod;
	};
};

struct pol_op {
	struct pol_entry e; /* of a deletion, only the key counts; a slot's: it is to be closed */
	bool del;
	bool late; /* what the entry said until now was needed until the slots were switched */
};

struct pol_diff {
	struct pol_op *ops; /* owned */
	size_t n;
	size_t sets; /* policy sets that were compiled */
};

/* Frees it. */
void pol_diff_done(struct pol_diff *d);
#define fl_auto_pol_diff fl_auto(pol_diff_done)

/*
 * Compiles what has changed since the last commit. A policy that needs more entries than there are
 * is refused whole: the pods that it selects are isolated as it says, and it allows nothing.
 */
fl_must int pol_world_commit(struct pol_world *w, struct pol_diff *out, struct fl_err *err);

/* All entries that are in force as of the last commit, sorted; none of them deletes. */
fl_must int pol_world_snapshot(struct pol_world *w, struct pol_diff *out, struct fl_err *err);

struct pol_stats {
	size_t namespaces, pods, policies, refused;
	size_t identities, blocks, sets, rules, ports, port_sets;
	size_t addresses, prefixes; /* whole ones, and shorter ones */
	size_t shut; /* of the sets, those for which there is no slot: their pods are shut */
	bool admits; /* one more commit has slots for some of these, which have been given up */
	const char *full; /* the map that the first of those that are refused did not fit; static */
};

/* A policy that was refused; texts are borrowed for the call. */
struct pol_refused {
	const char *ns, *name;
	const char *map; /* that it does not fit into: "rules" */
};

/* Calls each() for every policy that was refused by the last commit. */
void pol_world_refused(const struct pol_world *w,
		       void (*each)(const struct pol_refused *p, void *arg), void *arg);

/* What the numbers are as of the last commit. */
struct pol_stats pol_world_stats(const struct pol_world *w);

/*
 * A connection that is asked about. Each end is a pod by its name, or an address, which may be a
 * pod's. With both ends' addresses of one family.
 */
struct pol_end {
	const char *ns, *name; /* a pod, or NULL */
	struct fl_ip ip;
	bool has_ip;
	bool is_own_node; /* it is an address of the node whose pods are this world's own */
};

enum pol_why {
	POL_WHY_NO_POD,	      /* the end is no pod, or of the host's network: nothing is enforced */
	POL_WHY_SELF,	      /* a pod always reaches itself */
	POL_WHY_NODE,	      /* a pod's own node always reaches it */
	POL_WHY_NOT_ISOLATED, /* no policy selects the pod for the direction */
	POL_WHY_RULE,	      /* a rule allows it */
	POL_WHY_DENIED,	      /* policies select the pod and none allows it */
};

/* The verdict of one direction. Texts are borrowed until the next put or deletion. */
struct pol_verdict {
	bool allowed;
	enum pol_why why;
	const char *ns,
		*name;	      /* POL_WHY_RULE: the policy; POL_WHY_DENIED: the first that selects */
	int rule, peer, port; /* its place in the policy; -1: the rule names none */
	size_t n_policies;    /* that select the pod for the direction */
};

struct pol_answer {
	bool allowed;
	struct pol_verdict
		part[2]; /* by enum pol_direction: the target's ingress, the source's egress */
};

/*
 * What would become of a connection, by the entries as of the last commit. proto: IPPROTO_*; port:
 * of the destination. -ENOENT: no such pod.
 */
fl_must int pol_explain(const struct pol_world *w, const struct pol_end *from,
			const struct pol_end *to, uint8_t proto, uint16_t port,
			struct pol_answer *out, struct fl_err *err);

/* A pod as an object, what policies look at of it; *out is the caller's. -ENOENT: no such pod. */
fl_must int pol_show_pod(const struct pol_world *w, const char *ns, const char *name,
			 struct fl_json **out, struct fl_err *err);

/* The addresses of a pod, borrowed until the next put or deletion. -ENOENT: no such pod. */
fl_must int pol_world_pod_ips(const struct pol_world *w, const char *ns, const char *name,
			      const struct fl_ip **ips, size_t *n, struct fl_err *err);
