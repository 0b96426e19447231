// SPDX-License-Identifier: Apache-2.0
/*
 * Network configuration lists as libcni reads them (CNI 1.1.0 section 1): *.conflist files,
 * single-plugin *.conf and *.json files converted up to a list, and the folder
 * "<configuration folder>/<network name>/" whose *.conf files are appended. Pure; net_load.h finds
 * and reads the files. Errors carry FL_CNI_CONFIG or FL_CNI_DECODE.
 */
#pragma once

#include "cni/version.h"
#include "json/json.h"

struct berth_list {
	char *bytes;	      /* the list as the result cache keeps it: the file's own text */
	struct fl_json *tree; /* the whole list; all below is borrowed from it */
	const char *name;
	const char *version_text;    /* as plugins get it: "" when the list has none */
	enum fl_cni_version version; /* FL_CNI_VERSIONS: not one we speak */
	bool disable_check, disable_gc, only_inlined;
	struct fl_json *plugins; /* an array; each element is an object with a "type" */
};

/* Frees what is held and empties the struct. */
void berth_list_done(struct berth_list *list);
#define berth_auto_list fl_auto(berth_list_done)

/*
 * Reads the text of a *.conflist. "plugins" may be absent (the folder may supply them) unless
 * loadOnlyInlinedPlugins is true; the caller checks the total with berth_list_check().
 */
fl_must int berth_list_parse(const char *text, size_t len, struct berth_list *out,
			     struct fl_err *err);

/* Reads the text of a single-plugin configuration and makes a list of it. */
fl_must int berth_list_parse_single(const char *text, size_t len, struct berth_list *out,
				    struct fl_err *err);

/* As berth_list_parse() for a list that is a JSON tree already: it is copied. */
fl_must int berth_list_from_tree(const struct fl_json *tree, struct berth_list *out,
				 struct fl_err *err);

/* Appends the one plugin that text configures: a file of the network's folder. */
fl_must int berth_list_append(struct berth_list *list, const char *text, size_t len,
			      struct fl_err *err);

/* -EINVAL when the list has no plugin, or its name, version or a plugin's type is not sound. */
fl_must int berth_list_check(const struct berth_list *list, struct fl_err *err);

/* The "type" of the i-th plugin, borrowed. */
const char *berth_list_type(const struct berth_list *list, size_t i);
