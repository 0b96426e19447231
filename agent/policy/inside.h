// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the compiler share: the world and what it is made of. Everything is owned by
 * the world; pointers within it are valid as long as it holds what they point to. A failure within
 * (only memory can fail) leaves a world that is fit to be freed, no more.
 */
#pragma once

#include "agent/policy/ports.h"
#include "agent/policy/table.h"
#include "agent/policy/vec.h"
#include "agent/policy/world.h"

/*
 * Labels and selectors are compared by 64-bit SipHashes of the key, and of the key and its value.
 * That two of a million texts are alike by chance is one to 37 million; and who may choose a pod's
 * labels gains nothing by looking for two that are, since he may choose the right ones.
 */
struct label_hash {
	uint64_t key, pair;
};

struct label_set {
	struct label_hash *v;
	size_t n;
};

struct req {
	enum pol_operator op;
	uint64_t key;
	uint64_t *pair;
	size_t n;
};

struct sel {
	struct req *v;
	size_t n;
};

/* What a number of the kind NUMBER_WHO stands for. */
enum who_kind { WHO_NS, WHO_IDENT, WHO_PLACE };

/*
 * The number is the first member of whatever has one, and what it is the second of whoever a rule
 * can be about.
 */
struct ns {
	uint32_t number;
	uint32_t kind; /* WHO_NS */
	bool declared; /* by an object; else only by what lies in it */
	uint64_t hash;
	char *name;
	struct label_set set;
	struct pol_vec idents, policies;
	size_t n_pods, n_policies; /* without those that go with this commit */
};

/* What pods have in common that policies can tell from others. */
struct ident {
	uint32_t number;
	uint32_t kind;	       /* WHO_IDENT */
	bool is_new, is_moved; /* in this commit: unknown to policies; in need of another set */
	uint64_t hash;
	struct ns *ns;
	struct label_set set;
	struct pol_named_port *ports;
	size_t n_ports;
	struct pol_vec pods;
	size_t local;	      /* of them, those on this node */
	struct set *policies; /* NULL: none selects it, or no pod of it is here */
};

struct pod {
	struct ns *ns;
	uint64_t hash;
	struct pol_pod p;
	bool is_local, is_gone, is_queued; /* on this node; goes with this commit; in told_pods */
	struct ident *ident;		   /* NULL: policies are not concerned with it */
	struct pol_entry told;		   /* to the datapath */
	bool is_told;
};

/* A place among the addresses: an address of pods, a block of policies, or both. */
struct place {
	uint32_t number; /* of the block */
	uint32_t kind;	 /* WHO_PLACE */
	bool is_new, is_queued, is_told;
	bool listed; /* as a block, by which addresses are found: in use, or going */
	uint64_t hash;
	struct fl_prefix prefix;
	size_t blocks;	     /* how often policies name it */
	struct pol_vec pods; /* that claim the address */
	struct pol_entry told;
};

struct peer {
	const struct pol_peer *p;
	struct sel pods, namespaces;
	struct fl_prefix *holes; /* of a block: what it excepts, sorted, none within another */
	size_t n_holes;
};

struct rule {
	const struct pol_rule *r;
	struct peer *peers;	/* as many as r has */
	struct pol_ports fixed; /* by number */
	bool named;		/* egress: some ports are the other end's to say */
	bool own_named;		/* ingress: the selected pod's own */
	uint32_t origin;
};

/* A rule's meeting with a peer that exists. */
struct match {
	uint32_t who;
	uint16_t rule;
	uint16_t named; /* the ports are asked of the identity */
};

struct part {
	struct rule *rules;
	struct match *match; /* sorted, each once */
	size_t n_match, room;
};

/* A policy's content. */
struct body {
	struct pol_policy p;
	uint64_t spec;	 /* hash of all it says */
	uint64_t view;	 /* of the namespaces it matches; both are a part of a version */
	bool is_matched; /* only policies that are in a set need to know who they are about */
	struct sel subject;
	struct part part[2];
};

struct policy {
	char *ns_name, *name;
	struct ns *ns;
	uint64_t hash;
	uint32_t number;
	struct body *body, *next; /* in force; to come with this commit */
	struct pol_vec sets;
	bool is_queued, is_gone, is_stale; /* changed; taken out; to be matched anew */
	bool refused;			   /* too large: isolates, allows nothing */
	const char *full;		   /* the map that was full then; static */
};

/* What is allowed, known under a number. */
struct port_set {
	uint32_t number;
	uint64_t hash, born; /* born: the commit that has made it */
	struct pol_ports ports;
	uint32_t lengths; /* of its entries, as in struct fl_rule */
	size_t refs, n_entries;
};

struct entry {
	uint32_t who;
	struct port_set *ports;
};

/* Of one direction, sorted. */
struct entries {
	struct entry *v;
	size_t n, room;
};

/* What is in force for the pods that the same policies select: their slot's version. */
struct set {
	uint32_t version, slot, flags;
	bool is_dirty, is_told,
		is_switched; /* the slot has another version since the last commit */
	bool has_news;	     /* while new peers are entered */
	uint64_t hash;
	struct policy **policies; /* sorted by name */
	size_t n;
	struct pol_named_port *ports; /* of the pods */
	size_t n_ports;
	size_t idents;
	struct entries part[2];
};

enum number_kind { NUMBER_WHO, NUMBER_VERSION, NUMBER_PORTS, NUMBER_KINDS };

struct ops {
	struct pol_op *v;
	size_t n, room;
};

struct pol_world {
	char *node;
	struct pol_limits limits;
	struct pol_table namespaces, pods, policies, idents, places, sets, port_sets;
	struct pol_table numbers[NUMBER_KINDS], policy_numbers;
	size_t blocks_of_len[129]; /* blocks in use by length, of 128 bits */
	struct set **slots;	   /* slot -> its set */
	size_t n_slots, room_slots;
	size_t n_shut; /* sets for which there is no slot */
	size_t n_rules, n_ports, n_blocks, n_refused;
	size_t n_addresses; /* places that are no shorter */
	/* What has changed since the last commit. */
	struct pol_vec blocks; /* places that policies name; by address, if blocks_sorted */
	struct pol_vec new_idents, new_blocks, gone_blocks, moved, changed, told_pods, told_places;
	struct pol_vec grave; /* pods that the last diff names */
	struct ops puts, dels;
	struct pol_numbers left;       /* versions that were in force, and are not any more */
	struct pol_numbers gone_ports; /* sets that were there before, and are not any more */
	struct pol_numbers stillborn; /* blocks that have come, only for a policy that is refused */
	bool blocks_changed, blocks_sorted, slots_rest, is_started;
	size_t compiled;
	uint64_t commits;
};

/* selector.c */

/* The hashes of labels, in the order of the labels. */
fl_must int label_set_make(const struct pol_labels *l, struct label_set *out, struct fl_err *err);
void label_set_done(struct label_set *s);

/* A selector made ready for comparing. */
fl_must int sel_make(const struct pol_selector *s, struct sel *out, struct fl_err *err);
void sel_done(struct sel *s);

/* True when the labels meet all requirements. */
bool sel_matches(const struct sel *s, const struct label_set *l);

/* match.c: who a rule is about. */

/* True when the block of the peer covers the place. */
bool peer_covers(const struct peer *e, const struct fl_prefix *place);

/* The identity's ports that the rule names, added to what is there. */
fl_must int rule_named_ports(const struct rule *r, const struct pol_named_port *ports, size_t n,
			     struct pol_ports *out, struct fl_err *err);

/* True when the rule names a port that is among these. */
bool rule_names_one(const struct rule *r, const struct pol_named_port *ports, size_t n);

/* Which peer of the rule is about this end, -2: none, -1: the rule is about everybody. */
int rule_peer(const struct rule *r, const struct ns *own, const struct ident *id,
	      const struct fl_ip *ip);

/* Finds all that the body's rules are about, among all that there is. */
fl_must int body_match(struct pol_world *w, const struct policy *p, struct body *b,
		       struct fl_err *err);

/* Adds the matches of all new identities and blocks; *any: there were some. */
fl_must int body_match_new(const struct pol_world *w, const struct policy *p, struct body *b,
			   bool *any, struct fl_err *err);

/* Takes out what matches one of these numbers, which are sorted; true when there was any. */
bool body_forget(struct body *b, const uint32_t *who, size_t n);

/* The first match of this number, or of the first above it. */
size_t part_find(const struct part *p, uint32_t who);

/* people.c: namespaces, identities, pods and places. */

/* The number that belongs to the hash, or the first free one after it; the item is known by it. */
fl_must int number_take(struct pol_world *w, enum number_kind kind, uint64_t hash, void *item,
			struct fl_err *err);
void number_release(struct pol_world *w, enum number_kind kind, const void *item);
void *number_find(const struct pol_world *w, enum number_kind kind, uint32_t number);

/* What it is that number_find() found for NUMBER_WHO. */
static inline enum who_kind who_kind(const void *item)
{
	return (enum who_kind)((const uint32_t *)item)[1];
}

/* True while something is in it, or an object declares it. */
bool ns_is_alive(const struct ns *ns);

/* The namespace of this name, made if need be. Selectors see it as soon as it is alive. */
fl_must int ns_get(struct pol_world *w, const char *name, struct ns **out, struct fl_err *err);

/* Frees the namespace and what it lists. */
void ns_free(struct ns **ns);

/* The labels of a namespace that no object declares. */
fl_must int ns_imply_labels(const char *name, struct pol_labels *out, struct fl_err *err);

/* Has the policies that see the namespace otherwise now matched anew; NULL: as not there. */
fl_must int ns_changed(struct pol_world *w, const struct label_set *was, const struct label_set *is,
		       struct fl_err *err);

/* Frees the namespace if nothing holds it; the commit asks for all. */
void ns_release(struct pol_world *w, struct ns *ns);

/* The place of this prefix, made if need be; or NULL. */
fl_must int place_get(struct pol_world *w, const struct fl_prefix *prefix, struct place **out,
		      struct fl_err *err);
struct place *place_find(const struct pol_world *w, const struct fl_prefix *prefix);

/* The longest listed block that covers the prefix, or NULL. */
const struct place *place_cover(const struct pol_world *w, const struct fl_prefix *prefix);

/* Counts a use of the block in or out. */
fl_must int block_use(struct pol_world *w, const struct fl_prefix *prefix, bool in,
		      struct fl_err *err);

/* From now on no address is found by the blocks that nobody uses any more. */
void blocks_unlist(struct pol_world *w);

/* Nor has one ever been found by those that came for a refused policy only. */
fl_must int blocks_forget_stillborn(struct pol_world *w, struct fl_err *err);

/* Has the place's or pod's entry looked at by the commit. */
fl_must int place_queue(struct pol_world *w, struct place *pl, struct fl_err *err);
fl_must int pod_queue(struct pol_world *w, struct pod *pod, struct fl_err *err);

/* The pod that the address belongs to, or NULL. */
const struct pod *place_owner(const struct place *pl);
const struct pod *pod_find(const struct pol_world *w, const char *ns, const char *name);

/* Has the identity's set looked at by the commit. */
fl_must int ident_move(struct pol_world *w, struct ident *id, struct fl_err *err);

/* Frees identities and places that nothing needs any more. */
void ident_free(struct pol_world *w, struct ident *id);
void place_free(struct pol_world *w, struct place *pl);
void pod_free(struct pod *pod);

/* policy.c: policies. */

/* Counts the body's blocks in or out. */
fl_must int body_use_blocks(struct pol_world *w, const struct body *b, bool in, struct fl_err *err);
void body_free(struct body **b);
void policy_free(struct pol_world *w, struct policy *p);

/* Has the policy looked at by the commit. */
fl_must int policy_queue(struct pol_world *w, struct policy *p, struct fl_err *err);

/* The number of a policy's rule, and the other way round (NULL: no such policy). */
uint32_t origin_of(const struct policy *p, enum pol_direction dir, size_t rule);
const struct policy *origin_find(const struct pol_world *w, uint32_t origin, size_t *rule);
enum pol_direction origin_direction(uint32_t origin);

/* set.c: sets of policies. */

/* Gives the identity the set of these policies (sorted by name; none: no set). */
fl_must int set_assign(struct pol_world *w, struct ident *id, struct policy **policies, size_t n,
		       struct fl_err *err);

/* Compiles the set anew: rules, version, slot. */
fl_must int set_compile(struct pol_world *w, struct set *s, struct fl_err *err);

/* Takes a set that no pod has any more out of the maps, and frees it. */
fl_must int set_retire(struct pol_world *w, struct set *s, struct fl_err *err);

/* Sets for which there was no slot get those that the last commit's have given up. */
fl_must int sets_admit(struct pol_world *w, struct fl_err *err);

/* Frees it, with nobody told. */
void set_free(struct pol_world *w, struct set *s);

/* What the map of slots says of it. */
struct pol_entry slot_entry(const struct set *s);

/* What stands in the table of slots for one that rests until the next commit. */
#define POL_SLOT_RESTS ((struct set *)1)

/* rules.c: what a set allows. */

/* All the set's rules, which has none, for both directions. */
fl_must int rules_compile(struct pol_world *w, struct set *s, struct fl_err *err);

/* Enters new peers into the version that is in force, or takes some out; who is sorted. */
fl_must int rules_enter(struct pol_world *w, struct set *s, const uint32_t *who, size_t n,
			struct fl_err *err);
fl_must int rules_forget(struct pol_world *w, struct set *s, const uint32_t *who, size_t n,
			 struct fl_err *err);

/* Takes all rules out; told: as operations too. */
fl_must int rules_drop(struct pol_world *w, struct set *s, bool told, struct fl_err *err);

/* The entry of this number, or NULL; and what the map of rules says of one. */
struct entry *entries_find(const struct entries *e, uint32_t who);
struct pol_entry rule_entry(const struct set *s, int dir, const struct entry *e);

/* port_set.c */

/* The set of these ports, which it takes over, with one reference more. */
fl_must int port_set_get(struct pol_world *w, struct pol_ports *ports, struct port_set **out,
			 struct fl_err *err);

/* Notes the members of a port set as put or taken out. */
fl_must int port_set_tell(struct ops *o, const struct port_set *p, bool del, struct fl_err *err);
void port_set_free(struct pol_world *w, struct port_set *p);

/* world.c */

/* Makes the diff of a commit from its operations, in order, without what came and went. */
fl_must int diff_make(struct pol_world *w, struct pol_diff *out, struct fl_err *err);

/* commit.c */

/* Notes a change of the maps. */
fl_must int ops_add(struct ops *o, const struct pol_entry *e, bool del, struct fl_err *err);

/* Takes identities and blocks that have gone out of policies and sets. */
fl_must int forget_gone(struct pol_world *w, struct fl_err *err);

/* Has the policy's sets compiled anew. */
void mark_dirty(const struct policy *p);

/* Compiles the sets that need it, and takes out those that nobody has. */
fl_must int compile_sets(struct pol_world *w, struct fl_err *err);

/* capacity.c */

/* The blocks of those that were refused count again, before anybody new is entered. */
fl_must int reconsider(struct pol_world *w, struct fl_err *err);

/* Those that were refused get another chance, in versions to come. */
void accept_all(struct pol_world *w);

/* Refuses policies until the rest fits. */
fl_must int refuse(struct pol_world *w, struct fl_err *err);

/* tell.c: operations for what has changed (late: after the slots have been switched)... */
fl_must int tell_slots(struct pol_world *w, struct fl_err *err);
fl_must int tell_places(struct pol_world *w, bool late, struct fl_err *err);
fl_must int tell_pods(struct pol_world *w, struct fl_err *err);

/* ... and the end of what has gone. */
fl_must int bury_ports(struct pol_world *w, struct fl_err *err);
fl_must int bury_pods(struct pol_world *w, struct fl_err *err);
void bury_idents(struct pol_world *w);
void bury_places(struct pol_world *w);
void bury_policies(struct pol_world *w);
