// SPDX-License-Identifier: Apache-2.0
/*
 * The index of a store of leases, as one block of memory that may be a mapped file or not: a
 * table from the hash of a lease's content to its addresses, and a table of which addresses
 * are taken, 256 to a bitmap, so that the next free one is found without asking the disk.
 * Pure but for memory: cache.c knows the file, store.c knows the leases. Bounded even when
 * the memory holds junk or changes underneath (STATUS reads it without a lock).
 */
#pragma once

#include "base/hash.h"
#include "base/ip.h"
#include "plugins/ipam/boot.h"

#include <sys/types.h>

#define IPAM_INDEX_MAGIC   0x69616d6c6961662dull
#define IPAM_INDEX_VERSION 1

/*
 * The beginning of the block. Fixed layout; a reader of another version rebuilds. mark is the
 * modification time that the store's directory had when the index was last true to it.
 */
struct ipam_index_head {
	uint64_t magic, size; /* bytes of the whole block */
	uint32_t version;
	uint32_t is_volatile; /* 1: on a file system that does not outlive the boot */
	uint32_t key_cap, key_n;
	uint32_t block_cap, block_n;
	int64_t mark_s, mark_ns;
	uint64_t dev, ino; /* of the store's directory */
	char boot_id[IPAM_BOOT_ID_SIZE];
	uint8_t reserved[16];
};
_Static_assert(sizeof(struct ipam_index_head) == 128, "the index file's header has 128 bytes");

struct ipam_index {
	struct ipam_index_head *head; /* NULL: none */
	bool is_mapped;
};

/* Frees or unmaps the memory and empties the struct. */
void ipam_index_done(struct ipam_index *ix);
#define fl_auto_ipam_index fl_auto(ipam_index_done)

/* An empty index in the heap for at least this many leases. -ENOMEM. */
fl_must int ipam_index_new(struct ipam_index *out, size_t leases, struct fl_err *err);

/* True when the block of size bytes is an index of this version with a sound layout. */
bool ipam_index_is_sound(const struct ipam_index_head *head, uint64_t size);

/* The hash under which a lease of this content (white space at its ends removed) is filed. */
struct fl_hash ipam_index_key(const char *content, size_t len);

/*
 * Files an address as taken, under a key, or under none (NULL) when its owner is unknown.
 * -ENOSPC: the tables are full, nothing has changed; see ipam_index_grow().
 */
fl_must int ipam_index_insert(struct ipam_index *ix, const struct fl_hash *key,
			      const struct fl_ip *ip);

/* Undoes an insert; what is not there is no error. */
void ipam_index_remove(struct ipam_index *ix, const struct fl_hash *key, const struct fl_ip *ip);

/* Replaces the index by one in the heap with the same content and twice the room. -ENOMEM. */
fl_must int ipam_index_grow(struct ipam_index *ix, struct fl_err *err);

/*
 * The address filed under the key that comes after the *pos-th probe; *pos starts at 0. False
 * at the end. The index must not change during the walk.
 */
bool ipam_index_find(const struct ipam_index *ix, const struct fl_hash *key, uint32_t *pos,
		     struct fl_ip *out);

/* The next filed (key, address) from slot *pos on, which starts at 0; false at the end. */
bool ipam_index_each(const struct ipam_index *ix, uint32_t *pos, struct fl_hash *key,
		     struct fl_ip *ip);

/* True when the address is taken. */
bool ipam_index_is_used(const struct ipam_index *ix, const struct fl_ip *ip);

/* The first free address in [from, to]; false when there is none. */
bool ipam_index_next_free(const struct ipam_index *ix, const struct fl_ip *from,
			  const struct fl_ip *to, struct fl_ip *out);
