// SPDX-License-Identifier: Apache-2.0
/*
 * NetworkPolicy in force: endpoint records and Kubernetes objects in, the datapath's maps out. A
 * pod of this node is what its record says (addresses, interface) and what a Pod object says
 * (labels, named ports); without an object its labels are those that the runtime gave. Whoever
 * reads objects puts them into enf_world(), but pods through enf_put_pod().
 */
#pragma once

#include "agent/datapath/datapath.h"
#include "agent/policy/names.h"
#include "agent/policy/world.h"
#include "state/endpoint.h"

struct enf;

struct enf_options {
	const char *root;		  /* FAIRLEAD_ROOT */
	const char *folder;		  /* for pinned maps */
	const char *node;		  /* this node's name */
	uint32_t max_flows;		  /* connections; 0: FL_MAX_FLOWS */
	bool unknown_allow;		  /* what is in the blocks and not known yet may talk */
	uint16_t vtep_port;		  /* UDP port of nodes' VTEPs; 0: none */
	size_t n_services;		  /* blocks of Services' addresses */
	const struct fl_prefix *services; /* borrowed for life */
	size_t n_denied;		  /* blocks whose packets are dropped where they come in */
	const struct fl_prefix *denied;	  /* borrowed for life */
	enum fl_xdp_mode xdp;		  /* by what; none: tc */
};

/* Loads or takes over the datapath; nothing is enforced anew yet. As dp_open() fails. */
fl_must int enf_open(const struct enf_options *o, struct enf **out, struct fl_err *err);

/* Lets go; everything stays in force. */
void enf_close(struct enf **e);
#define fl_auto_enf fl_auto(enf_close)

/* The compiler's world, for namespaces and policies; borrowed. */
struct pol_world *enf_world(struct enf *e);

/* The datapath, for counters and sweeping; borrowed. */
struct dp *enf_datapath(struct enf *e);

/* A Pod object, which is copied if need be. -EINVAL names the path; the last one stays then. */
fl_must int enf_put_pod(struct enf *e, const struct fl_cur *object, struct fl_err *err);

/* The object is gone; the pod is not, as long as it has a record. */
fl_must int enf_del_pod(struct enf *e, const char *ns, const char *name, struct fl_err *err);

/*
 * Says that the compiler's world is no longer to be relied on: it has answered -ENOMEM to who put
 * into it. After a failed write to the maps it is neither. What is in force stays, and nothing
 * changes, until enf_renew().
 */
void enf_lose(struct enf *e);

/* Says that something is being put into the world; it is fit to be asked after the next commit. */
void enf_unsettle(struct enf *e);

/* True when the world may be asked what it has decided. */
bool enf_is_settled(const struct enf *e);

/* True when the world, or what is in the maps, is not to be relied on. */
bool enf_is_lost(const struct enf *e);

/*
 * Begins anew as another agent would: with an empty world, into which all objects are to be put
 * again before enf_reconcile() takes over what is in the maps. -ENOMEM: as before.
 */
fl_must int enf_renew(struct enf *e, struct fl_err *err);

/* Compiles what has changed since and puts it in force. -EAGAIN: all is lost. */
fl_must int enf_commit(struct enf *e, struct fl_err *err);

/*
 * Everything against what is there: programs in their blocks, records, links, addresses of the
 * node. The first one, to be called when all objects have been put, takes over what an earlier
 * agent has left. Goes on after a failure with one endpoint; the first is the error.
 */
fl_must int enf_reconcile(struct enf *e, struct fl_err *err);

/* How a VTEP wraps up what is for another node. */
struct enf_tunnel {
	struct fl_tunnel_key key;
	struct fl_tunnel value;
};

/* What lies beyond this node. */
struct enf_beyond {
	const struct fl_prefix *blocks; /* of other nodes' pods */
	size_t n_blocks;
	const struct dp_device *devices; /* interfaces that lead there and to the world */
	size_t n_devices;
	const struct enf_tunnel *tunnels; /* to other nodes; sorted here */
	size_t n_tunnels;
};

/*
 * Puts the programs on the interfaces but those of pods, as dp_set_devices() does, and then lets
 * packets of the blocks go past the stack; enf_reconcile() keeps it so. At any time; what fails is
 * a problem that stands.
 */
void enf_set_beyond(struct enf *e, const struct enf_beyond *b);

/* True when the programs have been told how to do VTEPs' work. */
bool enf_has_tunnels(const struct enf *e);

/*
 * Lets the programs do the VTEPs' work for the next FL_LEASE_S seconds, if they know what these do;
 * may: nothing that they do not know of, such as IPsec, has a say in it. Else they do it no more.
 */
fl_must int enf_lend_tunnels(struct enf *e, bool may, struct fl_err *err);

/* Whether all that goes between nodes goes by the stack, as dp_go_by_stack(). */
fl_must int enf_go_by_stack(struct enf *e, bool all, struct fl_err *err);

/*
 * One attachment, whose record has been written and whose interface is there: policy is in force
 * for it when this returns. -ENOENT: no such record or interface.
 */
fl_must int enf_attach(struct enf *e, const struct fl_key *key, struct fl_err *err);

struct enf_stats {
	size_t endpoints, pods; /* in force; of this node */
	size_t unreadable;	/* files among the records that are none */
	size_t outside;		/* attachments that ought to be under the datapath and are not */
	uint64_t joined;	/* put into the blocks by the agent since the start */
	uint64_t applied;	/* entries written since the start */
	size_t addresses, specials; /* of these endpoints; treated in a way of their own */
	size_t tunnels;		    /* ways through the overlay */
	double last_commit_s;	    /* until it was in force, seconds */
	double last_compile_s;	    /* of that, what compiling took */
};

/* What the numbers are now. */
struct enf_stats enf_stats(const struct enf *e);

/* Whether the datapath takes the address for one of this node, which always reaches its pods. */
bool enf_has_address(const struct enf *e, const struct fl_ip *ip);

/* Looks where all interfaces stand at this moment, for enf_standing() and enf_problems(). */
fl_must int enf_look(struct enf *e, struct fl_err *err);

/*
 * NULL: policy is in force for the host interface's pod, since it is in the blocks, the programs
 * are, and they know it; *identity is then the pod's. Else why not, in words.
 */
const char *enf_standing(const struct enf *e, const char *host_ifname, uint32_t *identity);

/* Says of every problem that stands: where, and what. */
typedef void enf_complain(const char *where, const char *text, void *arg);
void enf_problems(const struct enf *e, enf_complain *each, void *arg);

/* Readable when somebody may have changed what enf_reconcile() keeps; borrowed. */
int enf_watch_fd(const struct enf *e);

/*
 * Takes what was heard; true: it is time for enf_reconcile(). If at_once, netfilter's rules about
 * Services are mended before it returns; who keeps breaking them shall not have that every time.
 */
bool enf_watch_take(struct enf *e, bool at_once);

/* The pod behind the host interface of this index, texts borrowed until the next record. */
bool enf_name_endpoint(struct enf *e, uint32_t ifindex, struct pol_who *out);
