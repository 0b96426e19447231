// SPDX-License-Identifier: Apache-2.0
/*
 * Questions about a world in words, and answers as documents: what "fairlead policy" prints and the
 * agent's API says. Every *out is the caller's.
 */
#pragma once

#include "agent/policy/world.h"

struct pol_question {
	const char *from, *to; /* "namespace/pod" or an address */
	const char *port;      /* "80/tcp", "53/udp", "9/sctp", or a protocol alone: "icmp" */
	/* Whether an address is this node's own; NULL: only what objects say of nodes is known. */
	bool (*is_own)(const struct fl_ip *ip, const void *arg);
	const void *arg;
};

/*
 * The answer: {"from","to","port","verdict","answers":[{"family","from","to","verdict",
 * "egress":{...},"ingress":{...}}]}, one answer for each address family that both ends have; the
 * verdict is "allowed", "denied", or "depends" when families differ. -EINVAL, -ENOENT name what is
 * wrong.
 */
fl_must int pol_ask(const struct pol_world *w, const struct pol_question *q, struct fl_json **out,
		    struct fl_err *err);

/*
 * All policies, sorted: [{"namespace","name","generation","types","pods","refused","reason"}], the
 * last only for one that is refused.
 */
fl_must int pol_list(const struct pol_world *w, struct fl_json **out, struct fl_err *err);

/*
 * One policy as an object, defaults written out, with "status":
 * {"pods":[names],"refused","reason"}; or all of them as a List when name is NULL. -ENOENT: no such
 * policy.
 */
fl_must int pol_show(const struct pol_world *w, const char *ns, const char *name,
		     struct fl_json **out, struct fl_err *err);
