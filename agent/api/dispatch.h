// SPDX-License-Identifier: Apache-2.0
/* From a request to its answer: what HTTP says about it, without a socket. */
#pragma once

#include "agent/api/api.h"

#define API_BODY_MAX 65536 /* bytes of a request's body */

enum api_door {
	API_LOCAL,   /* the unix socket: everything */
	API_NETWORK, /* the TCP address: /healthz, /readyz and /metrics */
};

struct api_request {
	const char *method, *path;
	const char *query; /* what follows the '?', as sent; NULL: nothing */
	const char *body;  /* NULL: none */
	size_t len;
	bool too_large; /* above API_BODY_MAX; body is NULL then */
	bool may_wait;	/* the answer may come later */
};

struct api_answer {
	unsigned int status; /* 0: there is none yet, ask again; only where the request may wait */
	const char *type;    /* of the content; borrowed */
	char allow[64];	     /* methods that the path knows, with 405 */
	char *body;	     /* owned; NULL: none */
	size_t len;
};

/* Frees what the answer holds. */
void api_answer_done(struct api_answer *a);
#define api_auto_answer fl_auto(api_answer_done)

/*
 * Answers; HEAD as GET, whose body the caller leaves out. -ENOMEM only: everything else is an
 * answer.
 */
fl_must int api_dispatch(const struct api_table *table, enum api_door door,
			 const struct api_request *request, struct api_answer *out,
			 struct fl_err *err);
