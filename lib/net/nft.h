// SPDX-License-Identifier: Apache-2.0
/*
 * nf_tables over netlink: tables, base chains, named sets and their elements; rules are in
 * nft_rule.h. What is made here reads well in "nft list ruleset", and survives being saved
 * and loaded again by nft. Sockets are of FL_NL_NETFILTER.
 *
 * Changes are put into a batch between fl_nft_begin() and fl_nft_end(): one transaction, all
 * or nothing. Puts that make something are content when it is there already; they do not
 * compare what it is like, for which there are the fl_nft_X_verify() functions.
 */
#pragma once

#include "net/nl.h"

#include <stddef.h>

#define FL_NFT_NAME_SIZE    256 /* of a table, chain or set, with its NUL */
#define FL_NFT_KEY_MAX	    24	/* bytes */
#define FL_NFT_COMMENT_SIZE 80	/* with its NUL */

enum fl_nft_family { FL_NFT_INET, FL_NFT_BRIDGE, FL_NFT_IP, FL_NFT_IP6 };

struct fl_nft_table {
	enum fl_nft_family family;
	const char *name;
	/*
	 * Kept by the socket that makes it: nobody else can change it or flush it away while that
	 * is open, and it stays when it is closed. From Linux 6.9 on; else the transaction is
	 * refused.
	 */
	bool kept;
};

/* Where a base chain hooks in. */
enum fl_nft_hook {
	FL_NFT_SRCNAT,	     /* type nat hook postrouting priority srcnat */
	FL_NFT_INPUT,	     /* type filter hook input priority filter */
	FL_NFT_FORWARD,	     /* type filter hook forward priority filter */
	FL_NFT_OUTPUT,	     /* type filter hook output priority filter */
	FL_NFT_BRIDGE_FIRST, /* type filter hook prerouting, before every other named priority */
};

struct fl_nft_chain {
	const char *name;
	enum fl_nft_hook hook;
};

/* What a set's keys are made of. */
enum fl_nft_type {
	FL_NFT_IPV4,	   /* 4 bytes */
	FL_NFT_IPV6,	   /* 16 bytes */
	FL_NFT_IFNAME,	   /* 16 bytes, padded with NUL */
	FL_NFT_IFNAME_MAC, /* interface name, then 6 bytes and two of padding */
};

struct fl_nft_set {
	const char *name;
	enum fl_nft_type type;
	bool interval; /* of addresses: its elements are bounds of intervals */
};

/*
 * An element. An interval is two of them: its first key, and the one after its last with end set,
 * which is left out where there is none after it. Intervals must not touch each other.
 */
struct fl_nft_elem {
	uint8_t key[FL_NFT_KEY_MAX]; /* zeroes behind its type's length */
	bool end;
	char comment[20]; /* "" for none */
};

/*
 * Opens the transaction. Unless gen is 0, it is refused with -ERESTART when anything in the
 * namespace's rule set has changed since fl_nft_generation() returned gen.
 */
void fl_nft_begin(struct fl_batch *b, uint32_t gen);

/* Closes the transaction; the batch is ready for fl_batch_send(). */
void fl_nft_end(struct fl_batch *b);

/* Makes the table. */
void fl_nft_table_put(struct fl_batch *b, const struct fl_nft_table *t);

/* Removes the table with all that is in it; one that is not there counts as removed. */
void fl_nft_table_drop_put(struct fl_batch *b, const struct fl_nft_table *t);

/* Makes the base chain. */
void fl_nft_chain_put(struct fl_batch *b, const struct fl_nft_table *t,
		      const struct fl_nft_chain *c);

/* Makes the set. */
void fl_nft_set_put(struct fl_batch *b, const struct fl_nft_table *t, const struct fl_nft_set *s);

/* Adds elements; one that is there stays, with its old comment. */
void fl_nft_elems_put(struct fl_batch *b, const struct fl_nft_table *t, const struct fl_nft_set *s,
		      const struct fl_nft_elem *elems, size_t n);

/*
 * Removes elements, whether they are there or not; bounds of intervals must be there. The set must
 * exist: else -ENOENT.
 */
void fl_nft_elems_drop_put(struct fl_batch *b, const struct fl_nft_table *t,
			   const struct fl_nft_set *s, const struct fl_nft_elem *elems, size_t n);

/*
 * The number of the rule set's present state; it changes with every transaction.
 * -EOPNOTSUPP: the kernel has no nf_tables, for which other calls have vaguer errors.
 */
fl_must int fl_nft_generation(struct fl_nl *nl, uint32_t *gen, struct fl_err *err);

/* 0: there and in force. -ENOENT: missing. -EUCLEAN: switched off (dormant). */
fl_must int fl_nft_table_verify(struct fl_nl *nl, const struct fl_nft_table *t, struct fl_err *err);

/* 0: there, at its hook. -ENOENT: missing. -EEXIST: another chain has its name. */
fl_must int fl_nft_chain_verify(struct fl_nl *nl, const struct fl_nft_table *t,
				const struct fl_nft_chain *c, struct fl_err *err);

/* 0: there, with its type. -ENOENT: missing. -EEXIST: a set of another type has its name. */
fl_must int fl_nft_set_verify(struct fl_nl *nl, const struct fl_nft_table *t,
			      const struct fl_nft_set *s, struct fl_err *err);

/* Looks the key up and fills in the element's comment. -ENOENT: no such element or set. */
fl_must int fl_nft_elem_get(struct fl_nl *nl, const struct fl_nft_table *t,
			    const struct fl_nft_set *s, struct fl_nft_elem *elem,
			    struct fl_err *err);

/*
 * Calls each() for every element of the set; a negative return ends it. Returns 1 when the
 * set may have changed meanwhile: an element that was there all the time may then have been
 * passed over, or seen twice. A missing set has no elements or is -ENOENT.
 */
fl_must int fl_nft_elems_each(struct fl_nl *nl, const struct fl_nft_table *t,
			      const struct fl_nft_set *s,
			      int (*each)(const struct fl_nft_elem *elem, void *arg,
					  struct fl_err *err),
			      void *arg, struct fl_err *err);
