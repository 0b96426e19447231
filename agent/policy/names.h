// SPDX-License-Identifier: Apache-2.0
/*
 * The numbers of the datapath's maps in words: whose an address is, what a rule's number and what
 * an identity stand for, as of the last commit. Texts are borrowed until the next put or deletion.
 */
#pragma once

#include "agent/policy/world.h"

/* A pod that has an address. */
struct pol_who {
	const char *ns, *name;
	uint32_t identity; /* 0: policies are not concerned with it */
};

/* The pod that the address belongs to, of whatever node; false: no pod's. */
bool pol_name_pod(const struct pol_world *w, const struct fl_ip *ip, struct pol_who *out);

/* A rule of a policy. */
struct pol_rule_name {
	const char *ns, *name; /* of the policy */
	enum pol_direction dir;
	unsigned int rule; /* its place in the list of that direction */
};

/* The rule of this number (origin in bpf/abi.h); false: none, or its policy is gone. */
bool pol_name_rule(const struct pol_world *w, uint32_t origin, struct pol_rule_name *out);

struct pol_policy_name {
	const char *ns, *name;
};

/*
 * The policies that isolate the pod of this node that has the address, for the direction: the first
 * max of them by name. Returns how many it wrote.
 */
size_t pol_name_isolating(const struct pol_world *w, const struct fl_ip *ip, enum pol_direction dir,
			  struct pol_policy_name *out, size_t max);

#define POL_WHO_SIZE 512 /* longer ones are cut off */

/*
 * What a rule is about: "everybody", "every pod", "namespace 'x'", "pods of 'x' with app=web",
 * "block 10.0.0.0/8"; "number 7" for what is gone. Returns out.
 */
const char *pol_name_who(const struct pol_world *w, uint32_t number, char out[POL_WHO_SIZE]);

/* The labels of an identity's pods as an object; empty for one that is gone. *out is the caller's.
 */
fl_must int pol_identity_labels(const struct pol_world *w, uint32_t identity, struct fl_json **out,
				struct fl_err *err);

/*
 * All identities, sorted by namespace and number: [{"identity","namespace","labels":{},"ports":
 * [{"name","port","protocol"}],"pods","localPods","policies":["namespace/name"]}]. ports: those
 * with names; policies: that select them, for identities with pods on this node. *out is the
 * caller's.
 */
fl_must int pol_identities(const struct pol_world *w, struct fl_json **out, struct fl_err *err);
