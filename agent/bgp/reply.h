// SPDX-License-Identifier: Apache-2.0
/* BIRD's answers, read. Pure: text in, structs out; whatever the text is. */
#pragma once

#include "base/ip.h"

#include <stddef.h>

/* Bytes of the first whole answer of what has arrived, or 0 when it is not all there yet. */
size_t bgp_reply_length(const char *text, size_t len);

/* 0, or -EINVAL with BIRD's words when the answer says that the command was not done. */
fl_must int bgp_reply_check(const char *answer, struct fl_err *err);

/* One BGP session as BIRD sees it. */
struct bgp_row {
	char symbol[65];
	char state[24];	     /* "Established", "Active" and so on; "Down" */
	char last_error[96]; /* "" : none */
	uint64_t since;	     /* seconds of 1970, of the protocol's state; 0: unknown */
	uint32_t imported, exported;
	bool limit_hit; /* it announces more than its import limit */
	struct fl_ip address;
	bool has_address;
	bool bfd, bfd_up; /* BFD knows the address; and reaches it */
};

struct bgp_rows {
	struct bgp_row *rows; /* owned */
	size_t n;
};

/* Frees the rows. */
void bgp_rows_done(struct bgp_rows *r);
#define bgp_auto_rows fl_auto(bgp_rows_done)

/*
 * The BGP sessions of an answer to "show protocols all". What is not understood is passed over.
 * *out is the caller's.
 */
fl_must int bgp_reply_protocols(const char *answer, struct bgp_rows *out, struct fl_err *err);

/* Adds to the rows what an answer to "show bfd sessions" says of their addresses. */
void bgp_reply_bfd(const char *answer, struct bgp_rows *rows);

/* The version of an answer to "show status", "2.0.12"; "" when there is none. */
void bgp_reply_version(const char *answer, char *out, size_t size);

/* The row of that symbol, borrowed, or NULL. */
const struct bgp_row *bgp_rows_find(const struct bgp_rows *rows, const char *symbol);
