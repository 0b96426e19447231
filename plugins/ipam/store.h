// SPDX-License-Identifier: Apache-2.0
/*
 * The store of leases of one network: the reference plugin's files, byte for byte, so that
 * both can work on one store in turn, and our index of them.
 *
 *   <dataDir>/<network>/<address>            "containerID\r\nifname", mode 0600; in old
 *                                            stores only "containerID"
 *   <dataDir>/<network>/last_reserved_ip.N   text of the address that set N gave out last
 *   <dataDir>/<network>/lock                 empty; flock(2)ed around every look and change
 *
 * The files are the truth. The index (cache.h) proves its own freshness: after each change of
 * ours the directory's modification time is set to a mark, some two seconds in the past with
 * random nanoseconds, that is written to the index just before. A change by anybody else, or by
 * us when killed before the end, leaves the kernel's own time there; then the files are read
 * once and the index is made anew. The mark is in the past so that no later time the kernel
 * gives can equal it, within one clock tick or not.
 *
 * A lease file comes into being whole (nameless file + link), so one that is empty or all NUL
 * is the remains of another program's crash; found under the lock it is nobody's and removed.
 * Nothing is fsynced: a lease does not outlive its boot (boot.h).
 */
#pragma once

#include "base/deadline.h"
#include "plugins/ipam/boot.h"
#include "plugins/ipam/index.h"

#include <limits.h>

#define IPAM_LEASE_MAX 512 /* bytes of a lease file that are looked at; ours have at most 272 */

struct ipam_where {
	const char *root;	      /* FAIRLEAD_ROOT; "" by default */
	const char *data_dir;	      /* NULL or "": <root>/var/lib/cni/networks */
	const char *network;	      /* checked name */
	const struct ipam_boot *boot; /* NULL: this machine's */
};

struct ipam_store {
	const struct ipam_where *where;
	char path[PATH_MAX]; /* of the directory */
	int dir, lock;	     /* -1: not open */
	struct ipam_index ix;
	bool is_changed;  /* the directory's mark must be set anew */
	bool is_doubtful; /* the index must not be believed by the next call */
};

#define IPAM_STORE_CLOSED              \
	(struct ipam_store)            \
	{                              \
		.dir = -1, .lock = -1, \
	}

/*
 * Opens the store, takes its lock within the deadline (-ETIMEDOUT) and has the index ready,
 * healed from torn files and leases of an earlier boot. With create a missing directory is
 * made, else it is -ENOENT. where is borrowed until the store is closed.
 */
fl_must int ipam_store_open(struct ipam_store *s, const struct ipam_where *where, bool create,
			    const struct fl_deadline *d, struct fl_err *err);

/* Seals the changes with a new mark, unlocks, and empties the struct. */
void ipam_store_close(struct ipam_store *s);
#define fl_auto_ipam_store fl_auto(ipam_store_close)

/*
 * The next address leased to (id, ifname), in the new form or the old; begin with *pos = 0.
 * False at the end. The store must not change during the walk.
 */
bool ipam_store_leased(const struct ipam_store *s, const char *id, const char *ifname,
		       uint64_t *pos, struct fl_ip *out);

/* Whether the address's own file, whatever the index says, is a lease of (id, ifname). */
bool ipam_store_holds(const struct ipam_store *s, const char *id, const char *ifname,
		      const struct fl_ip *ip);

/* Leases the address. -EEXIST: it is taken; nothing has changed. */
fl_must int ipam_store_reserve(struct ipam_store *s, const char *id, const char *ifname,
			       const struct fl_ip *ip, struct fl_err *err);

/* Releases this address if (id, ifname) holds it. What is not there is no error. */
fl_must int ipam_store_release_one(struct ipam_store *s, const char *id, const char *ifname,
				   const struct fl_ip *ip, struct fl_err *err);

/*
 * Releases all that (id, ifname) holds; when that is nothing, what the id holds in the old
 * form. Goes on after a failure and returns the first.
 */
fl_must int ipam_store_release(struct ipam_store *s, const char *id, const char *ifname,
			       struct fl_err *err);

/* Who says what a sweep spares. */
struct ipam_keeper {
	/* Whether the lease with this key may stay. */
	bool (*may_stay)(const struct fl_hash *key, void *arg);
	/* Asked of the others: whether this attachment is spoken for by something else. */
	bool (*is_held)(const char *id, const char *ifname, void *arg);
	void *arg;
};

/* Releases every lease that is not spared. Goes on after a failure and returns the first. */
fl_must int ipam_store_sweep(struct ipam_store *s, const struct ipam_keeper *keeper,
			     struct fl_err *err);

/* The key under which a lease of (id, ifname) is filed; ifname NULL: in the old form. */
struct fl_hash ipam_store_key(const char *id, const char *ifname);

/* What last_reserved_ip.N says. */
struct ipam_last {
	int fd;	    /* -1: no such file */
	size_t len; /* bytes in it */
	bool is_known;
	struct fl_ip ip;
};

/* Closes the file. */
void ipam_last_done(struct ipam_last *last);
#define fl_auto_ipam_last fl_auto(ipam_last_done)

/* The address that set n gave out last, if known: the file is a hint, junk in it is ignored. */
void ipam_store_last(const struct ipam_store *s, size_t n, struct ipam_last *out);

/* Remembers the address; last is what ipam_store_last() said of the same set. */
fl_must int ipam_store_set_last(struct ipam_store *s, size_t n, const struct ipam_last *last,
				const struct fl_ip *ip, struct fl_err *err);

/* Sets the new mark if anything has changed; ipam_store_close() does it by itself. */
void ipam_store_seal(struct ipam_store *s);

/*
 * A look without waiting for the lock, for STATUS: an index of the addresses that are taken now,
 * -ENOENT when there is no store. When the index is stale and somebody holds the lock, the
 * directory's names are counted instead.
 */
fl_must int ipam_store_peek(const struct ipam_where *where, struct ipam_index *out,
			    struct fl_err *err);
