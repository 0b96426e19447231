// SPDX-License-Identifier: Apache-2.0
/* fairlead bpf: what is in the datapath's maps. The agent says it a page at a time. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/print.h"

#define MAX	1000	/* entries without --max */
#define MAX_MAX 1000000 /* all that any map has */
#define PAGE	1000	/* what the agent says at once */

static void add_from(struct cli_table *t, const struct fl_json *row)
{
	cli_table_add_end(t, fl_json_get(row, "from"));
}

static void add_to(struct cli_table *t, const struct fl_json *row)
{
	cli_table_add_end(t, fl_json_get(row, "to"));
}

/* "default/web ingress[1]" */
static void add_rule(struct cli_table *t, const struct fl_json *row)
{
	const char *policy = fl_json_str(fl_json_get(row, "policy"));
	char text[512];

	(void)snprintf(text, sizeof(text), "%s %s", policy ?: "",
		       fl_json_str(fl_json_get(row, "rule")) ?: "");
	cli_table_add(t, policy ? text : NULL);
}

static void add_interface(struct cli_table *t, const struct fl_json *row)
{
	const struct fl_json *name = fl_json_get(row, "interface");

	cli_table_add_json(t, name ? name : fl_json_get(row, "ifindex"));
}

#define COLUMNS_MAX 10

struct map {
	const char *name, *also; /* also NULL: no other name */
	struct cli_column columns[COLUMNS_MAX];
};

static const struct map maps[] = {
	{ "flows",
	  "ct",
	  { { "PROTOCOL", "protocol" },
	    { "FROM", NULL, add_from },
	    { "TO", NULL, add_to },
	    { "STATE", "state" },
	    { "PATH", "path" },
	    { "AGE", "ageSeconds" },
	    { "TIMEOUT", "timeoutSeconds" },
	    { "JUDGED", "judged" },
	    { "RULE", NULL, add_rule } } },
	{ "endpoints",
	  NULL,
	  { { "INTERFACE", NULL, add_interface },
	    { "POD", "pod" },
	    { "ADDRESS", "ips" },
	    { "MAC", "mac" },
	    { "HOST-MAC", "hostMAC" },
	    { "IDENTITY", "identity" },
	    { "SLOT", "slot" } } },
	{ "locals",
	  NULL,
	  { { "ADDRESS", "ip" }, { "INTERFACE", NULL, add_interface }, { "POD", "pod" } } },
	{ "addresses",
	  NULL,
	  { { "ADDRESS", "ip" },
	    { "POD", "pod" },
	    { "IDENTITY", "identity" },
	    { "PODS", "pods" },
	    { "BLOCK", "block" } } },
	{ "prefixes", NULL, { { "PREFIX", "prefix" }, { "BLOCK", "block" } } },
	{ "specials", NULL, { { "PREFIX", "prefix" }, { "FLAGS", "flags" } } },
	{ "slots",
	  NULL,
	  { { "SLOT", "slot" }, { "VERSION", "version" }, { "ISOLATES", "isolates" } } },
	{ "rules",
	  "policy",
	  { { "VERSION", "version" },
	    { "DIRECTION", "direction" },
	    { "WHO", "who" },
	    { "PORTS", "ports" },
	    { "RULE", NULL, add_rule } } },
	{ "ports",
	  NULL,
	  { { "PORTS", "ports" },
	    { "PROTOCOL", "protocol" },
	    { "RANGE", "range" },
	    { "RULE", NULL, add_rule } } },
	{ "fragments",
	  NULL,
	  { { "PROTOCOL", "protocol" },
	    { "FROM", NULL, add_from },
	    { "TO", NULL, add_to },
	    { "ID", "id" } } },
	{ "devices", NULL, { { "INTERFACE", NULL, add_interface }, { "FLAGS", "flags" } } },
	{ "tunnels",
	  NULL,
	  { { "INTERFACE", NULL, add_interface },
	    { "MAC", "mac" },
	    { "FROM", "from" },
	    { "TO", "to" },
	    { "PORT", "port" },
	    { "VNI", "vni" } } },
	{ "denied", NULL, { { "PREFIX", "prefix" } } },
	{ "state",
	  NULL,
	  { { "GENERATION", "generation" },
	    { "UNKNOWN-ENDPOINT", "unknownEndpoint" },
	    { "BY-STACK", "byStack" },
	    { "VTEP-PORT", "vtepPort" } } },
	{ "counts",
	  NULL,
	  { { "REASON", "reason" },
	    { "DIRECTION", "direction" },
	    { "PACKETS", "packets" },
	    { "BYTES", "bytes" } } },
	{ "verdicts",
	  NULL,
	  { { "VERDICT", "verdict" },
	    { "DIRECTION", "direction" },
	    { "CONNECTIONS", "connections" } } },
};

static const struct map *find(const char *name, struct fl_err *err)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(maps); i++)
		if (fl_streq(maps[i].name, name) || (name && fl_streq(maps[i].also, name)))
			return &maps[i];
	(void)fl_fail(err, EINVAL, "bpf '%s': there is no such map, see fairlead help bpf",
		      name ? name : "");
	(void)fl_class(err, -EINVAL, CLI_USAGE);
	return NULL;
}

/* The parameters of a page: those maps that are told at once have none. */
static int write_path(const struct cli *c, const struct map *map, uint32_t max, const char *after,
		      char *out, size_t size, struct fl_err *err)
{
	char pod[1000] = "";
	int r = c->pod ? cli_escape(c->pod, pod, sizeof(pod), err) : 0;

	if (r < 0)
		return r;
	if (fl_streq(map->name, "state") || fl_streq(map->name, "counts") ||
	    fl_streq(map->name, "verdicts"))
		return fl_format(out, size, err, "/v1/bpf/%s", map->name);
	return fl_format(out, size, err, "/v1/bpf/%s?max=%u%s%s%s%s", map->name,
			 max < PAGE ? max : PAGE, after ? "&after=" : "", after ?: "",
			 c->pod ? "&pod=" : "", pod);
}

/* All pages up to max entries. *more: there is at least one. */
static int read_map(const struct cli *c, const struct map *map, uint32_t max, struct fl_json *list,
		    bool *more, struct fl_err *err)
{
	char path[1400], after[160] = "";
	int r = 0;

	for (*more = true; r == 0 && *more && fl_json_len(list) < max;) {
		fl_auto_json struct fl_json *doc = NULL;
		const struct fl_json *entries;
		const char *next;

		r = write_path(c, map, max - (uint32_t)fl_json_len(list), *after ? after : NULL,
			       path, sizeof(path), err)
			    ?: cli_ask(c, "GET", path, &doc, err);
		entries = fl_json_get(doc, "entries");
		next = fl_json_str(fl_json_get(doc, "next"));
		*more = next != NULL;
		if (r == 0 && next)
			r = fl_copy(after, sizeof(after), next, err);
		for (size_t i = 0; r == 0 && i < fl_json_len(entries); i++)
			if (fl_json_append(list, fl_json_copy(fl_json_at(entries, i))) < 0)
				r = fl_fail_errno(err, ENOMEM, "list '%s'", map->name);
	}
	return r;
}

int cli_bpf(const struct cli *c, struct fl_err *err)
{
	fl_auto_json struct fl_json *list = fl_json_array();
	const struct map *map = find(c->argument, err);
	uint32_t max = MAX;
	bool more = false;
	struct fl_err why;
	size_t n = 0;
	int r;

	if (!map)
		return -EINVAL;
	if (!list)
		return fl_fail_errno(err, ENOMEM, "list '%s'", map->name);
	if (c->max && fl_parse_u32(c->max, 1, MAX_MAX, &max, &why) < 0)
		return fl_class(err,
				fl_fail(err, EINVAL, "--max '%s': expected a number from 1 to %d",
					c->max, MAX_MAX),
				CLI_USAGE);
	while (n < COLUMNS_MAX && map->columns[n].title)
		n++;
	r = read_map(c, map, max, list, &more, err) ?: cli_print_doc(c, list, err);
	if (r == 0)
		r = cli_print_list(list, map->columns, n, "entries", err);
	if (r >= 0 && more)
		fl_info("there are more: --max N shows them");
	return r < 0 ? r : CLI_OK;
}
