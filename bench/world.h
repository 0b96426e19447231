// SPDX-License-Identifier: Apache-2.0
/*
 * Where the benchmark takes place: hosts and pods that are network namespaces of a mount
 * namespace of its own (bench/run.sh makes it). Each host belongs to one contender, so that
 * nobody's bridge, firewall or leases are in another's way. The pods are shared: each
 * attachment is gone before the next contender uses the pod.
 */
#pragma once

#include "exec.h"

enum bench_who { BENCH_OWN, BENCH_REF, BENCH_FLOOR, BENCH_WHO };

/* What a scenario wants its hosts to be. */
struct bench_state {
	bool masq;	     /* pods are masqueraded */
	bool policy;	     /* ours only: our agent has a policy in force before ADD ends */
	unsigned int leases; /* in the store before the measurement */
	unsigned int chains; /* in iptables' nat table, as other networks' pods leave them */
	unsigned int crowd;  /* interfaces on the bridge beside the one under test */
};

/* Where the programs are. */
struct bench_paths {
	const char *own;   /* folder of our plugins */
	const char *ref;   /* folder of the reference plugins */
	const char *floor; /* the yardstick */
	const char *setup; /* bench/setup.sh */
};

struct bench_host {
	enum bench_who who;
	struct bench_state state;
	const struct bench_paths *paths;
	int netns; /* -1: not open */
	char name[16];
	char network[32];	/* the network's name: also the name of its lease folder */
	char conf[1024];	/* its configuration */
	unsigned int last_addr; /* of the yardstick, which is told its addresses */
	unsigned int links;	/* on the host with only the resident pod attached */
};

/* One call of one verb, ready to be prepared; holds all its texts. */
struct bench_call {
	struct bench_cmd cmd;
	char *argv[12], *env[8];
	char text[16][160];
	unsigned int used;
};

/* The name a contender has in the tables. */
const char *bench_who_name(enum bench_who who);

/* Makes the pods' namespaces 0 .. n-1, as far as they do not exist. */
fl_must int bench_make_pods(unsigned int n, struct fl_err *err);

/*
 * Makes a host in the wanted state, attaches its resident pod (which brings the bridge up) and
 * proves with a datagram that the pod reaches the world, masqueraded or not as wanted.
 */
fl_must int bench_host_open(struct bench_host *host, enum bench_who who,
			    const struct bench_state *state, const struct bench_paths *paths,
			    struct fl_err *err);

/* Unmounts what bench_host_open() made; the kernel removes the rest by itself. */
void bench_host_close(struct bench_host *host);

/* Moves this process onto the host. */
fl_must int bench_host_enter(const struct bench_host *host, struct fl_err *err);

/* Fills in the call of "ADD" or "DEL" for a pod, or of "STATUS" or "VERSION". */
void bench_call_make(struct bench_host *host, const char *verb, unsigned int pod,
		     struct bench_call *call);

/* -EPROTO when the host has other links than the resident pod's: somebody left something. */
fl_must int bench_host_is_clean(const struct bench_host *host, struct fl_err *err);
