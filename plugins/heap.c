// SPDX-License-Identifier: Apache-2.0
/*
 * The heap of a process that lives for a few milliseconds; compiled only when the plugins are
 * linked with musl, whose own heap asks the kernel for memory and gives it back some fifty times
 * an attachment. Blocks come in powers of two out of a fixed arena (untouched pages of it cost
 * nothing), freed ones are kept in a list for each size, and what is large is mapped and unmapped
 * by itself. One thread only, as the plugins are. A block that is freed twice, or was never
 * given out, ends the program.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA	   (256u << 10) /* bytes; further arenas are mapped */
#define MIN_SHIFT  5		/* the smallest block: 32 bytes with its head */
#define MAX_SHIFT  16		/* the largest block out of an arena: 64 KiB with its head */
#define SHIFT_BIG  255		/* a block that is a mapping of its own */
#define MARK_LIVE  0x6c697665u
#define MARK_FREED 0x66726565u

/* Before each block; keeps the block aligned to 16 bytes. */
struct head {
	uint32_t mark;
	uint32_t shift;
	union {
		size_t mapped;	   /* of a big block: bytes, this head included */
		struct head *next; /* of a freed one */
	};
};

_Static_assert(sizeof(struct head) == 16, "blocks must stay aligned");

/* Behind all other variables, which so have a page or two for themselves. */
static _Alignas(16) unsigned char first_arena[ARENA] __attribute__((section(".noinit")));
static unsigned char *arena = first_arena;
static size_t used;
static struct head *freed[MAX_SHIFT + 1];

static void *map(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void *hand_out(struct head *h, uint32_t shift)
{
	h->mark = MARK_LIVE;
	h->shift = shift;
	return h + 1;
}

static void *big(size_t total)
{
	struct head *h = map(total);

	if (!h)
		return NULL;
	h->mapped = total;
	return hand_out(h, SHIFT_BIG);
}

/* *dirty is set when the block held something else before. */
static void *take(size_t size, int *dirty)
{
	uint32_t shift = MIN_SHIFT;
	struct head *h;

	*dirty = 0;
	if (size > PTRDIFF_MAX - ARENA) {
		errno = ENOMEM;
		return NULL;
	}
	size += sizeof(*h);
	if (size > (size_t)1 << MAX_SHIFT)
		return big(size);
	while ((size_t)1 << shift < size)
		shift++;
	h = freed[shift];
	if (h) {
		freed[shift] = h->next;
		*dirty = 1;
		return hand_out(h, shift);
	}
	if (ARENA - used < (size_t)1 << shift) {
		unsigned char *more = map(ARENA);

		if (!more)
			return NULL;
		arena = more;
		used = 0;
	}
	h = (struct head *)(void *)(arena + used);
	used += (size_t)1 << shift;
	return hand_out(h, shift);
}

static struct head *head_of(void *block)
{
	struct head *h = (struct head *)block - 1;

	if (h->mark != MARK_LIVE)
		abort();
	return h;
}

void *malloc(size_t size)
{
	int dirty;

	return take(size, &dirty);
}

void *calloc(size_t n, size_t size)
{
	size_t total;
	void *block;
	int dirty;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	block = take(total, &dirty);
	if (block && dirty)
		memset(block, 0, total);
	return block;
}

void free(void *block)
{
	struct head *h;

	if (!block)
		return;
	h = head_of(block);
	if (h->shift == SHIFT_BIG) {
		munmap(h, h->mapped);
		return;
	}
	h->mark = MARK_FREED;
	h->next = freed[h->shift];
	freed[h->shift] = h;
}

void *realloc(void *block, size_t size)
{
	size_t room;
	struct head *h;
	void *moved;

	if (!block)
		return malloc(size);
	h = head_of(block);
	room = (h->shift == SHIFT_BIG ? h->mapped : (size_t)1 << h->shift) - sizeof(*h);
	if (size <= room)
		return block;
	moved = malloc(size);
	if (!moved)
		return NULL;
	memcpy(moved, block, room);
	free(block);
	return moved;
}
