// SPDX-License-Identifier: Apache-2.0
/* What the files of agent/enforce share. */
#pragma once

#include "agent/enforce/enforce.h"

/* A pod of this node: from a record, an object, or both. */
struct enf_pod {
	char *ns, *name;	  /* owned */
	struct fl_json *manifest; /* the object, owned; NULL: none */
	size_t attachments;
	bool in_world, is_stale; /* stale: to be put into the world anew */
	bool told;		 /* the compiler has said the following */
	uint32_t identity, ns_number, slot;
};

/* An attachment of this node. */
struct enf_att {
	struct fl_endpoint rec; /* owned */
	struct enf_pod *pod;
	uint32_t ifindex;	      /* 0: its interface is not there */
	uint8_t host_mac[FL_MAC_LEN]; /* of what the pod takes for its router */
	struct dp_endpoint live;      /* what the datapath was given */
	bool is_live, seen;
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
	uint32_t *kernel_slot; /* of the compiler's slots; 0: none yet */
	size_t n_slots;
	bool slot_used[FL_MAX_SLOTS]; /* of the kernel's; 0 is never used */
	struct enf_special *specials; /* as the map has them, sorted by key; owned */
	size_t n_specials;
	bool specials_known;	  /* what is in the map */
	struct fl_prefix *blocks; /* of other nodes; owned */
	size_t n_blocks;
	bool beyond_told;  /* what lies beyond the node, once */
	bool denied_known; /* the map has what is denied */
	bool taken_over;
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

/* Takes in a record: new, changed or as before. link 0: its interface is not there. */
fl_must int enf_att_take(struct enf *e, const struct fl_endpoint *rec, uint32_t ifindex,
			 const uint8_t host_mac[FL_MAC_LEN], struct fl_err *err);

/* Removes the attachments that were not seen since their marks were cleared. */
fl_must int enf_atts_sweep(struct enf *e, struct fl_err *err);

/* Gives the datapath what the attachment is, if that has changed. */
fl_must int enf_att_apply(struct enf *e, struct enf_att *a, struct fl_err *err);

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

/* The node's own addresses, Services' blocks and other nodes'. */
fl_must int enf_specials(struct enf *e, struct fl_err *err);

/* Frees what is remembered of what lies beyond the node. */
void enf_beyond_done(struct enf *e);

/* An address and a prefix as the maps have them, zone 0. */
struct fl_in enf_in(const struct fl_ip *ip);
struct fl_prefix_key enf_prefix_key(const struct fl_prefix *p);
