// SPDX-License-Identifier: Apache-2.0
/*
 * Which leases outlived their attachment because the machine was booted in between.
 *
 * A lease is of an earlier boot, and stale, when both hold:
 * 1. its file was last modified before this boot began, and
 * 2. libcni's cache, <root>/var/lib/cni/results/<network>-<container>-<interface>, has no
 *    entry for it that names a network namespace whose path still exists.
 * This boot began at CLOCK_REALTIME - CLOCK_BOOTTIME, or when /dev/null was made if that is
 * earlier, minus two seconds. A clock that is set forward while running (no battery, then
 * NTP) moves the first number past leases that are alive; /dev/null still carries the time
 * from before the jump. A clock that is set back moves the first number back. So a wrong
 * clock can only keep leases, for DEL or GC to remove, never take a living one away.
 * Besides, store.c asks only once per boot and store, which is before this boot's first ADD.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

#define IPAM_BOOT_ID_SIZE 40 /* a UUID's text and its NUL, padded */

struct ipam_boot {
	char id[IPAM_BOOT_ID_SIZE]; /* "" when the kernel does not tell */
	int64_t start_s;	    /* CLOCK_REALTIME; what is older is of an earlier boot */
};

/* Whose life is asked for. */
struct ipam_boot_lease {
	const char *network;
	const char *id;
	const char *ifname; /* "" for a lease in the old form: any interface counts */
	int64_t mtime_s;
};

/* The machine's boot id alone; "" when the kernel does not tell. */
void ipam_boot_read_id(char out[IPAM_BOOT_ID_SIZE]);

/* Fills in the machine's own boot. Never fails: what cannot be known keeps leases. */
void ipam_boot_read(struct ipam_boot *out);

/* True when the lease is stale by the rule above. results is the cache's directory. */
bool ipam_boot_is_stale(const struct ipam_boot *boot, const char *results,
			const struct ipam_boot_lease *lease);
