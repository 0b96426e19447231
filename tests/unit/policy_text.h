// SPDX-License-Identifier: Apache-2.0
/* Objects for the tests of agent/policy, written as JSON with ' for ". */
#pragma once

#include <string.h>

#include "test.h"
#include "json/cur.h"

/* The tree of a text in which ' stands for "; the caller frees. */
static inline struct fl_json *tree_of(const char *text)
{
	fl_auto_free char *json = strdup(text);
	struct fl_json *v = NULL;
	struct fl_err err = { 0 };

	CHECK(json);
	for (char *p = json; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (fl_json_parse(json, strlen(json), &v, &err) < 0)
		fail_msg("%s: %s", err.text, json);
	return v;
}
