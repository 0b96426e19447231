// SPDX-License-Identifier: Apache-2.0
/*
 * Entries of the datapath's maps as documents: numbers, where they stand for something, in words.
 * docs/api.md has the members of each.
 */
#pragma once

#include "agent/datapath/dump.h"
#include "agent/policy/names.h"

/* What the entries are seen with. Everything is borrowed. */
struct dump {
	const struct pol_world *w;
	struct dp_now now;
	const struct fl_ip *ips; /* only connections of these; NULL: of all */
	size_t n_ips;
	struct fl_json *list; /* that the entries are added to */
};

/* A map that can be shown. */
struct dump_map {
	const char *name; /* "flows" */
	enum dp_table table;
	int (*row)(const struct dump *d, const void *key, const void *value, struct fl_json *row);
	bool (*is_wanted)(const struct dump *d, const void *key, const void *value); /* or NULL */
};

/* The map of this name, or NULL. */
const struct dump_map *dump_find(const char *name);

/* All names, with commas and those that are told at once ("state", "counts", "verdicts"). */
const char *dump_names(char out[256]);

/* Adds an entry to the list, if it is wanted. -ENOMEM. */
fl_must int dump_add(const struct dump *d, const struct dump_map *map, const void *key,
		     const void *value);
