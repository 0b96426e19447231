// SPDX-License-Identifier: Apache-2.0
/* What the files of agent/enforce share. */
#pragma once

#include "agent/enforce/enforce.h"
#include "net/watch.h"

/* A pod of this node: from a record, an object, or both. */
struct enf_pod {
	char *ns, *name;	  /* owned */
	struct fl_json *manifest; /* the object, owned; NULL: none */
	char *problem;		  /* why the compiler did not take it, owned; NULL: it did */
	size_t attachments;
	bool in_world, is_stale; /* stale: to be put into the world anew */
	bool told;		 /* the compiler has said the following */
	uint32_t identity, ns_number, slot;
};

/* A host interface as the kernel has it. */
struct enf_link {
	char name[FL_HOST_IFNAME];
	uint32_t index, master;
	uint8_t mac[FL_MAC_LEN];
	uint8_t router_mac[FL_MAC_LEN]; /* of what a pod behind it takes for its router */
	bool up, is_bridge;
};

/* Where an interface stands; FOREIGN: it has a clsact qdisc, but not with our blocks. */
enum enf_place { ENF_OUTSIDE, ENF_INSIDE, ENF_FOREIGN };

/* An attachment of this node. */
struct enf_att {
	struct fl_endpoint rec; /* owned */
	struct enf_pod *pod;
	uint32_t ifindex;	      /* 0: its interface is not there */
	uint8_t host_mac[FL_MAC_LEN]; /* of what the pod takes for its router */
	bool up;
	enum enf_place place;	     /* as last looked */
	bool was_inside;	     /* then, the agent or a plugin having put it there */
	uint32_t pick_up_until_s;    /* as in struct fl_endpoint_info */
	const struct enf_att *clash; /* the one that has an address of its; NULL: none */
	bool clashed;		     /* when last compared */
	struct dp_endpoint live;     /* what the datapath was given */
	bool is_live, seen;
	bool is_half;	 /* what it was to be given last is not all there: shut */
	bool is_barred;	 /* since it is refused, the datapath was given its interface alone */
	bool is_shut;	 /* until the generation has been raised */
	bool is_unheard; /* what the pod has said of itself so far was dropped */
};

/* A file among the records that is none. */
struct enf_bad {
	char *path, *why; /* owned */
};

struct enf {
	struct enf_options o;
	char *root, *node; /* what o points to */
	struct dp *dp;
	struct fl_nl *nl;
	struct pol_world *world;
	struct enf_pod **pods; /* sorted by namespace and name */
	size_t n_pods;
	struct enf_att **atts; /* sorted by host interface */
	size_t n_atts;
	struct enf_bad *bad; /* owned */
	size_t n_bad;
	size_t named;	       /* of them, who was named last by index */
	uint32_t *kernel_slot; /* of the compiler's slots; 0: none yet */
	size_t n_slots;
	bool slot_used[FL_MAX_SLOTS]; /* of the kernel's; 0 is never used */
	struct enf_special *specials; /* as the map has them, sorted by key; owned */
	size_t n_specials;
	bool specials_known; /* what is in the map */
	bool specials_full;  /* the map has not taken all that there are */
	/* What lies beyond the node, once it has been told; owned: */
	struct fl_prefix *blocks;
	struct dp_device *devices;
	size_t n_blocks, n_devices;
	bool beyond_told;
	struct enf_tunnel *tunnels; /* as the map has them, sorted by key; owned */
	size_t n_tunnels;
	bool tunnels_known;	     /* what is in the map is this and nothing else */
	size_t tunnels_full;	     /* those that it has had no room for */
	bool denied_known;	     /* the map has what is denied */
	struct fl_err beyond_broken; /* why not all of it is as it should be; sys 0: it is */
	struct fl_err stack_broken;  /* why Services are judged at the node's edge only, or 0 */
	bool left_stack;	     /* without Services: what was there is gone */
	int watches;		     /* of both; owned */
	struct fl_watch *watch;
	struct fl_watch *nft_watch; /* NULL: there is nothing to keep */
	struct fl_nl *nft;	    /* to keep it; NULL: not needed yet */
	bool attached;		    /* the programs were in the blocks when last looked */
	bool in_force;	 /* the world has been compiled and applied: changes go on from there */
	bool taken_over; /* what nobody needs any more of an earlier agent's has gone */
	bool began;	 /* the first reconcile is over */
	bool waits;	 /* pods are in the blocks, whose programs come when the maps are filled */
	bool lost;	 /* neither world nor maps are to be relied on: enf_renew() */
	bool unsettled;	 /* the world has what was not compiled yet */
	bool some_shut;	 /* attachments are */
	struct enf_stats stats;
};

/* The pod, made if need be; borrowed. */
fl_must int enf_pod_get(struct enf *e, const char *ns, const char *name, struct enf_pod **out,
			struct fl_err *err);

/* The pod, or NULL. */
struct enf_pod *enf_pod_find(const struct enf *e, const char *ns, const char *name);

/* Puts every stale pod into the world, or takes it out; those of which nothing is left are freed.
 */
fl_must int enf_pods_refresh(struct enf *e, struct fl_err *err);

/* Frees all pods. */
void enf_pods_done(struct enf *e);

/* Takes in a record: new, changed or as before. link NULL: its interface is not there. */
fl_must int enf_att_take(struct enf *e, const struct fl_endpoint *rec, const struct enf_link *link,
			 struct fl_err *err);

/*
 * Takes in all records, clearing the marks before; what is not readable is remembered. After a
 * failure all are marked.
 */
fl_must int enf_read_records(struct enf *e, struct fl_err *err);

/* Says of every file among the records that is none. */
void enf_complain_of_bad(const struct enf *e, enf_complain *each, void *arg);

/* Frees what is remembered of those. */
void enf_bad_done(struct enf *e);

/* A link of the host, its own router. */
struct fl_link;
struct enf_link enf_link_of(const struct fl_link *link);

/* The attachment of a host interface, or NULL. */
struct enf_att *enf_att_find(const struct enf *e, const char *host_ifname);

/* Removes the attachments that were not seen since their marks were cleared. */
fl_must int enf_atts_sweep(struct enf *e, struct fl_err *err);

/*
 * Removes the attachments whose records or interfaces are gone and which have an address of this
 * one's: it was given to this one before anybody looked.
 */
fl_must int enf_atts_give_way(struct enf *e, const struct fl_endpoint *rec, struct fl_err *err);

/* Gives the datapath what the attachment is, if that has changed. */
fl_must int enf_att_apply(struct enf *e, struct enf_att *a, struct fl_err *err);

/* Opens the endpoints that are in the datapath since the last call: they are judged rightly now. */
fl_must int enf_atts_open(struct enf *e, struct fl_err *err);

/*
 * Has the pods that are open now, and that nobody could hear before, say whose their addresses are.
 * A plugin that waits for the agent does so itself. What fails is said in the log.
 */
void enf_atts_announce(struct enf *e);

/* Whether it ought to be under the datapath: it is there, has addresses, and wants the agent. */
bool enf_att_belongs(const struct enf_att *a);

/*
 * Finds attachments with an address that another one has: that which the datapath knows stays, else
 * the first by name; the others are shut.
 */
fl_must int enf_note_clashes(struct enf *e, struct fl_err *err);

/*
 * Whether one that has just been taken in makes enf_note_clashes() find something else: it shares
 * an address with another, or did so.
 */
bool enf_att_clashes(const struct enf *e, const struct enf_att *a);

/* Whether two records have an address in common. */
bool enf_share_address(const struct fl_endpoint *a, const struct fl_endpoint *b);

/* Whether any interface but the datapath's own is in the blocks. */
fl_must int enf_any_inside(struct enf *e, bool *any, struct fl_err *err);

/* Finds out where an attachment stands whose interface is there. */
fl_must int enf_att_look(struct enf *e, struct enf_att *a, struct fl_err *err);

/* Puts it into the blocks if it is outside, belongs there, and the datapath knows it, or bars it.
 */
fl_must int enf_att_join(struct enf *e, struct enf_att *a, struct fl_err *err);

/* The same for all attachments; goes on after a failure, the first is the error. */
fl_must int enf_join(struct enf *e, struct fl_err *err);

/* Gives those that are seen outside the time to go on with their connections. */
fl_must int enf_note_late(struct enf *e, struct fl_err *err);

/* Frees all attachments; the datapath keeps them. */
void enf_atts_done(struct enf *e);

/* Writes a diff to the maps, entry by entry, in its order. */
fl_must int enf_apply(struct enf *e, const struct pol_diff *d, struct fl_err *err);

/* Marks the slots that endpoints of an earlier agent use, and later frees them again. */
fl_must int enf_slots_inherit(struct enf *e, struct fl_err *err);

/* Removes from the maps what an earlier agent has left and nobody needs. */
fl_must int enf_prune(struct enf *e, struct fl_err *err);

/* An address that is treated in a way of its own. */
struct enf_special {
	struct fl_prefix_key key;
	uint32_t flags;
};

/* Tells the datapath of the blocks that are not listened to; once it knows them, does nothing. */
fl_must int enf_deny(struct enf *e, struct fl_err *err);

/* The node's own addresses, Services' blocks and other nodes'. */
fl_must int enf_specials(struct enf *e, struct fl_err *err);

/* The interfaces to other nodes and what is denied there; what fails is a problem that stands. */
void enf_beyond(struct enf *e);

/* Brings the map of tunnels to these; what it has no room for is a problem that stands. */
fl_must int enf_tunnels(struct enf *e, const struct enf_beyond *b, struct fl_err *err);

/* Says what that is. */
void enf_complain_of_tunnels(const struct enf *e, enf_complain *each, void *arg);

/* Begins to listen to what others do to what is kept, and ends that. */
fl_must int enf_watch_open(struct enf *e, struct fl_err *err);
void enf_watch_close(struct enf *e);

/* Netfilter's part, where there are Services; what fails is a problem that stands. */
void enf_stack(struct enf *e);

/* Says what that is. */
void enf_complain_of_stack(const struct enf *e, enf_complain *each, void *arg);

/* Frees what is remembered of what lies beyond the node. */
void enf_beyond_done(struct enf *e);

/* A prefix as the maps have it, zone 0. */
struct fl_prefix_key enf_prefix_key(const struct fl_prefix *p);
