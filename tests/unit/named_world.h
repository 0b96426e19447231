// SPDX-License-Identifier: Apache-2.0
/*
 * A world of a few objects, compiled, for the tests of what the agent says of entries and packets
 * in the objects' names.
 */
#pragma once

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>

#include "bpf/abi.h"
#include "policy_world.h"

static struct pol_world *w;
static struct fl_err err;

/* A List of these objects, in the JSON of tree_of(). */
#define OBJECTS(items) "{'kind': 'List', 'apiVersion': 'v1', 'items': [" items "]}"

/* The pod x/web at 10.0.0.2. */
#define WEB                                                                                  \
	"{'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'web', 'namespace': 'x', " \
	"'labels': {'app': 'web'}}, 'status': {'podIP': '10.0.0.2'}},"

/* The policy x/p of all pods there, with these rules of ingress. */
#define POLICY(rules)                                                                           \
	"{'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy', 'metadata': {'name': " \
	"'p', 'namespace': 'x'}, 'spec': {'podSelector': {}, 'ingress': [" rules "]}}"

/* Makes w of an OBJECTS(). */
static inline void world_begin(const char *objects)
{
	const struct pol_options all = { 0 };

	CHECK_OK(pol_world_new(&all, &w, &err), &err);
	world_put(w, objects);
	world_commit(w, NULL);
}

static inline struct fl_in in(const char *text)
{
	struct fl_in a = { .b = { [10] = 0xff, [11] = 0xff } };

	if (strchr(text, ':'))
		CHECK(inet_pton(AF_INET6, text, a.b) == 1);
	else
		CHECK(inet_pton(AF_INET, text, a.b + 12) == 1);
	return a;
}
