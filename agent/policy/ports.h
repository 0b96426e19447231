// SPDX-License-Identifier: Apache-2.0
/*
 * What rules allow of a peer: sets of ports, each part of which knows the rule it comes from.
 * Sorted and free of overlaps. A set of all ports of all protocols has its own form.
 */
#pragma once

#include "agent/policy/object.h"

struct pol_range {
	uint32_t origin; /* number of the rule */
	uint16_t first, last;
	uint8_t proto;
	uint8_t pad[3]; /* zero: ranges are compared by their bytes */
};

struct pol_ports {
	uint32_t all;	     /* number of a rule that allows everything; 0: none does */
	struct pol_range *v; /* empty with all */
	size_t n;
};

/* Frees what the set holds and empties it. */
void pol_ports_done(struct pol_ports *p);
#define fl_auto_pol_ports fl_auto(pol_ports_done)

/* Adds a range; what is there already keeps its rule. */
fl_must int pol_ports_add(struct pol_ports *p, const struct pol_range *range, struct fl_err *err);

/* Adds a whole set likewise. */
fl_must int pol_ports_merge(struct pol_ports *p, const struct pol_ports *more, struct fl_err *err);

/* The number of the rule that allows the port, 0: none. */
uint32_t pol_ports_find(const struct pol_ports *p, uint8_t proto, uint16_t port);

/* A part of a range that is a prefix of bits: port and the number of bits that count. */
struct pol_port_prefix {
	uint16_t port;
	uint8_t bits; /* 0..16 */
};

/* Walks the prefixes that make up first..last: starts with *next = first, false at the end. */
bool pol_port_prefix_next(uint32_t *next, uint16_t last, struct pol_port_prefix *out);
