// SPDX-License-Identifier: Apache-2.0
/*
 * What a scalar of YAML 1.1 stands for, as Go's yaml.v2 decides it, which kubectl reads by. Where
 * that differs from the specification (no sexagesimal numbers: "12:30" is a text; "0o17" is an
 * octal number), kubectl rules. Pure.
 */
#pragma once

#include "json/json.h"

/* Longer plain texts are never numbers. */
#define FL_YAML_NUMBER_MAX 400

struct fl_yaml_scalar {
	enum fl_json_type type; /* FL_JSON_NULL, _BOOL, _INT, _REAL or _STRING */
	bool merge;		/* a string, and the key of a merge: "<<" */
	bool b;
	int64_t n;
	double real; /* of whole numbers beyond 64 bits as well; may be infinite or no number */
};

/*
 * Decides. text ends in NUL. plain: written without quotes; tag: as resolved by the parser
 * ("tag:yaml.org,2002:int"), or NULL. -EINVAL: a tag that is unknown, or that the text contradicts.
 */
fl_must int fl_yaml_resolve(const char *text, bool plain, const char *tag,
			    struct fl_yaml_scalar *out, struct fl_err *err);

#define FL_YAML_REAL_STR 32

/* A number that is no whole one as the text of a key, as Go prints it. Returns out. */
const char *fl_yaml_real_key(double real, char out[FL_YAML_REAL_STR]);
