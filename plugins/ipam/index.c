// SPDX-License-Identifier: Apache-2.0
/*
 * Two open-addressing tables with linear probing in one block: header, keys, blocks.
 * Removal shifts later entries back, so there are no tombstones and probes stay short.
 */
#include "plugins/ipam/index.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define MIN_CAP 64
#define MAX_CAP (1u << 26)

/* key.lo = 0: the slot is free. */
struct key_slot {
	struct fl_hash key;
	struct fl_ip ip;
};

/* 256 addresses that differ in their last byte; n = 0: the slot is free. */
struct block {
	struct fl_ip base;
	uint64_t bits[4];
	uint32_t n, reserved[3];
};

static struct key_slot *keys_of(const struct ipam_index *ix)
{
	return (struct key_slot *)(ix->head + 1);
}

static struct block *blocks_of(const struct ipam_index *ix)
{
	return (struct block *)(keys_of(ix) + ix->head->key_cap);
}

static uint64_t size_for(uint64_t key_cap, uint64_t block_cap)
{
	return sizeof(struct ipam_index_head) + key_cap * sizeof(struct key_slot) +
	       block_cap * sizeof(struct block);
}

void ipam_index_done(struct ipam_index *ix)
{
	if (ix->head && ix->is_mapped)
		munmap(ix->head, ix->head->size);
	else
		fl_free_p(&ix->head);
	*ix = (struct ipam_index){ 0 };
}

static uint32_t cap_for(size_t n)
{
	uint32_t cap = MIN_CAP;

	while (cap < MAX_CAP && cap / 2 < n)
		cap *= 2;
	return cap;
}

static int new_with(struct ipam_index *out, uint32_t key_cap, uint32_t block_cap,
		    struct fl_err *err)
{
	uint64_t size = size_for(key_cap, block_cap);
	struct ipam_index_head *head = calloc(1, size);

	if (!head)
		return fl_fail_errno(err, ENOMEM, "index leases");
	head->magic = IPAM_INDEX_MAGIC;
	head->version = IPAM_INDEX_VERSION;
	head->size = size;
	head->key_cap = key_cap;
	head->block_cap = block_cap;
	*out = (struct ipam_index){ .head = head };
	return 0;
}

int ipam_index_new(struct ipam_index *out, size_t leases, struct fl_err *err)
{
	return new_with(out, cap_for(leases), cap_for(leases / 128), err);
}

static bool is_cap(uint32_t cap)
{
	return cap >= MIN_CAP && cap <= MAX_CAP && (cap & (cap - 1)) == 0;
}

bool ipam_index_is_sound(const struct ipam_index_head *head, uint64_t size)
{
	return size >= sizeof(*head) && head->magic == IPAM_INDEX_MAGIC &&
	       head->version == IPAM_INDEX_VERSION && head->size == size && is_cap(head->key_cap) &&
	       is_cap(head->block_cap) && head->key_n < head->key_cap &&
	       head->block_n < head->block_cap && size_for(head->key_cap, head->block_cap) == size;
}

struct fl_hash ipam_index_key(const char *content, size_t len)
{
	/* "fairlead-leases1": lives no longer than the index file. */
	struct fl_hash h = fl_siphash((struct fl_hash){ 0x64616c6c72696166u, 0x317365736165656cu },
				      content, len);

	h.lo |= 1; /* never the all-zero mark of a free slot */
	return h;
}

static bool key_is(const struct key_slot *s, const struct fl_hash *key)
{
	return s->key.lo == key->lo && s->key.hi == key->hi;
}

static uint32_t home_of_key(const struct ipam_index *ix, const struct key_slot *s)
{
	return (uint32_t)s->key.hi & (ix->head->key_cap - 1);
}

static uint32_t home_of_block(const struct ipam_index *ix, const struct fl_ip *base)
{
	uint64_t a, b;

	memcpy(&a, base->b, 8);
	memcpy(&b, base->b + 8, 8);
	a = (a ^ (b * 0x9e3779b97f4a7c15u)) * 0xbf58476d1ce4e5b9u;
	return (uint32_t)(a >> 32 ^ a >> 12) & (ix->head->block_cap - 1);
}

static struct fl_ip base_of(const struct fl_ip *ip)
{
	struct fl_ip base = *ip;

	base.b[15] = 0;
	return base;
}

/* The block of base, or the free slot where it belongs, or NULL when the table is packed. */
static struct block *block_at(const struct ipam_index *ix, const struct fl_ip *base)
{
	uint32_t mask = ix->head->block_cap - 1, i = home_of_block(ix, base);

	for (uint32_t probes = 0; probes <= mask; probes++, i = (i + 1) & mask) {
		struct block *b = &blocks_of(ix)[i];

		if (b->n == 0 || fl_ip_cmp(&b->base, base) == 0)
			return b;
	}
	return NULL;
}

static const struct block *block_of(const struct ipam_index *ix, const struct fl_ip *ip)
{
	struct fl_ip base = base_of(ip);
	const struct block *b = block_at(ix, &base);

	return b && b->n ? b : NULL;
}

static bool bit_is(const struct block *b, unsigned int i)
{
	return b->bits[i / 64] >> (i % 64) & 1;
}

static bool has_room(uint32_t n, uint32_t cap)
{
	return n < cap / 4 * 3;
}

int ipam_index_insert(struct ipam_index *ix, const struct fl_hash *key, const struct fl_ip *ip)
{
	struct ipam_index_head *h = ix->head;
	struct fl_ip base = base_of(ip);
	struct block *b = block_at(ix, &base);
	unsigned int bit = ip->b[15];

	if (!b || (b->n == 0 && !has_room(h->block_n, h->block_cap)))
		return -ENOSPC;
	if (key && !has_room(h->key_n, h->key_cap))
		return -ENOSPC;
	if (key) {
		struct key_slot *keys = keys_of(ix), want = { *key, *ip };
		uint32_t i = home_of_key(ix, &want);

		for (uint32_t probes = 0; keys[i].key.lo; probes++) {
			if (probes == h->key_cap)
				return -ENOSPC; /* junk: key_n is a lie */
			i = (i + 1) & (h->key_cap - 1);
		}
		keys[i] = want;
		h->key_n++;
	}
	if (b->n == 0) {
		*b = (struct block){ .base = base };
		h->block_n++;
	}
	if (!bit_is(b, bit)) {
		b->bits[bit / 64] |= 1ull << (bit % 64);
		b->n++;
	}
	return 0;
}

/* Frees slot i and moves later entries of the same probe run back into the gap. */
static void remove_key_slot(struct ipam_index *ix, uint32_t i)
{
	struct key_slot *keys = keys_of(ix);
	uint32_t mask = ix->head->key_cap - 1, start = i;

	for (uint32_t j = (i + 1) & mask; keys[j].key.lo && j != start; j = (j + 1) & mask) {
		uint32_t home = home_of_key(ix, &keys[j]);

		if (((j - home) & mask) >= ((j - i) & mask)) {
			keys[i] = keys[j];
			i = j;
		}
	}
	keys[i] = (struct key_slot){ 0 };
	ix->head->key_n--;
}

static void remove_block(struct ipam_index *ix, uint32_t i)
{
	struct block *blocks = blocks_of(ix);
	uint32_t mask = ix->head->block_cap - 1, start = i;

	for (uint32_t j = (i + 1) & mask; blocks[j].n && j != start; j = (j + 1) & mask) {
		uint32_t home = home_of_block(ix, &blocks[j].base);

		if (((j - home) & mask) >= ((j - i) & mask)) {
			blocks[i] = blocks[j];
			i = j;
		}
	}
	blocks[i] = (struct block){ 0 };
	ix->head->block_n--;
}

void ipam_index_remove(struct ipam_index *ix, const struct fl_hash *key, const struct fl_ip *ip)
{
	struct block *b = (struct block *)block_of(ix, ip);
	unsigned int bit = ip->b[15];
	uint32_t mask = ix->head->key_cap - 1;

	if (key) {
		struct key_slot *keys = keys_of(ix);
		uint32_t i = (uint32_t)key->hi & mask;

		for (uint32_t probes = 0; probes <= mask && keys[i].key.lo; probes++) {
			if (key_is(&keys[i], key) && fl_ip_cmp(&keys[i].ip, ip) == 0) {
				remove_key_slot(ix, i);
				break;
			}
			i = (i + 1) & mask;
		}
	}
	if (!b || !bit_is(b, bit))
		return;
	b->bits[bit / 64] &= ~(1ull << (bit % 64));
	if (--b->n == 0) {
		b->n = 1; /* still in its probe run while the gap is closed */
		remove_block(ix, (uint32_t)(b - blocks_of(ix)));
	}
}

int ipam_index_grow(struct ipam_index *ix, struct fl_err *err)
{
	fl_auto_ipam_index struct ipam_index big = { 0 };
	struct ipam_index_head *h = ix->head;
	struct ipam_index_head saved = *h;
	int r;

	if (h->key_cap >= MAX_CAP || h->block_cap >= MAX_CAP)
		return fl_fail(err, ENOMEM, "more than %u leases", MAX_CAP / 4 * 3);
	r = new_with(&big, has_room(h->key_n, h->key_cap) ? h->key_cap : h->key_cap * 2,
		     has_room(h->block_n, h->block_cap) ? h->block_cap : h->block_cap * 2, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < h->key_cap; i++) {
		const struct key_slot *s = &keys_of(ix)[i];

		if (s->key.lo && ipam_index_insert(&big, &s->key, &s->ip) < 0)
			return fl_fail(err, EUCLEAN, "index of leases is inconsistent");
	}
	for (uint32_t i = 0; i < h->block_cap; i++) {
		const struct block *b = &blocks_of(ix)[i];
		struct fl_ip ip = b->base;

		for (unsigned int bit = 0; b->n && bit < 256; bit++) {
			ip.b[15] = (uint8_t)bit;
			if (bit_is(b, bit) && ipam_index_insert(&big, NULL, &ip) < 0)
				return fl_fail(err, EUCLEAN, "index of leases is inconsistent");
		}
	}
	big.head->is_volatile = saved.is_volatile;
	big.head->dev = saved.dev;
	big.head->ino = saved.ino;
	memcpy(big.head->boot_id, saved.boot_id, sizeof(saved.boot_id));
	ipam_index_done(ix);
	*ix = big;
	big = (struct ipam_index){ 0 };
	return 0;
}

bool ipam_index_find(const struct ipam_index *ix, const struct fl_hash *key, uint32_t *pos,
		     struct fl_ip *out)
{
	uint32_t mask = ix->head->key_cap - 1;

	while (*pos <= mask) {
		const struct key_slot *s = &keys_of(ix)[((uint32_t)key->hi + *pos) & mask];

		++*pos;
		if (!s->key.lo)
			return false;
		if (key_is(s, key)) {
			*out = s->ip;
			return true;
		}
	}
	return false;
}

bool ipam_index_each(const struct ipam_index *ix, uint32_t *pos, struct fl_hash *key,
		     struct fl_ip *ip)
{
	while (*pos < ix->head->key_cap) {
		const struct key_slot *s = &keys_of(ix)[(*pos)++];

		if (!s->key.lo)
			continue;
		*key = s->key;
		*ip = s->ip;
		return true;
	}
	return false;
}

bool ipam_index_is_used(const struct ipam_index *ix, const struct fl_ip *ip)
{
	const struct block *b = block_of(ix, ip);

	return b && bit_is(b, ip->b[15]);
}

/* The first zero bit in [from, to], or 256. */
static unsigned int zero_bit(const struct block *b, unsigned int from, unsigned int to)
{
	for (unsigned int w = from / 64; w <= to / 64; w++) {
		uint64_t free = ~b->bits[w];
		unsigned int bit;

		if (w == from / 64)
			free &= ~0ull << (from % 64);
		if (!free)
			continue;
		bit = w * 64 + (unsigned int)__builtin_ctzll(free);
		return bit <= to ? bit : 256;
	}
	return 256;
}

bool ipam_index_next_free(const struct ipam_index *ix, const struct fl_ip *from,
			  const struct fl_ip *to, struct fl_ip *out)
{
	struct fl_ip cur = *from;

	/* Each turn passes one full block, and there are no more of those than slots. */
	for (uint32_t turns = 0; turns <= ix->head->block_cap; turns++) {
		const struct block *b = block_of(ix, &cur);
		bool is_last = memcmp(cur.b, to->b, 15) == 0;
		unsigned int bit;

		if (fl_ip_cmp(&cur, to) > 0)
			return false;
		bit = b ? zero_bit(b, cur.b[15], is_last ? to->b[15] : 255) : cur.b[15];
		if (bit < 256) {
			*out = cur;
			out->b[15] = (uint8_t)bit;
			return true;
		}
		if (is_last)
			return false;
		cur = base_of(&cur);
		cur = fl_ip_add(&cur, 256);
	}
	return false;
}
