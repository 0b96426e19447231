// SPDX-License-Identifier: Apache-2.0
/* The API's requests for what is in the datapath's maps. */
#include "agent/views.h"

#include <errno.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/dump.h"
#include "base/text.h"

const char *const agent_bpf_params[] = { "after", "max", "pod", NULL };

static int hex(char c)
{
	const char *at = c ? strchr("0123456789abcdef", c) : NULL;

	return at ? (int)(at - "0123456789abcdef") : -1;
}

/* A place is written as hexadecimal digits. */
static int read_place(const char *text, struct dp_place *out, struct fl_err *err)
{
	size_t len = text ? strlen(text) : 0;
	struct dp_place p = { .n = len / 2 };

	if (len % 2 || p.n > DP_PLACE_MAX || (text && !len))
		return fl_fail(err, EINVAL, "query: after '%.64s': expected what 'next' said",
			       text);
	for (size_t i = 0; i < p.n; i++) {
		int high = hex(text[2 * i]), low = hex(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return fl_fail(err, EINVAL,
				       "query: after '%.64s': expected what 'next' said", text);
		p.v[i] = (uint8_t)(high << 4 | low);
	}
	*out = p;
	return 0;
}

static int set_place(struct fl_json *doc, const struct dp_place *p)
{
	char text[2 * DP_PLACE_MAX + 1] = "";

	for (size_t i = 0; i < p->n; i++)
		(void)snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x", p->v[i]);
	return p->n ? fl_json_set_str(doc, "next", text) : 0;
}

/* Whose connections are wanted. */
static int read_pod(const char *text, const struct dump_map *map, struct dump *d,
		    struct fl_err *err)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	char ns[64];
	int r;

	if (!text)
		return 0;
	if (!slash || map->table != DP_T_FLOWS)
		return fl_fail(err, EINVAL, "query: pod '%.64s': expected %s", text,
			       slash ? "none: only flows are a pod's" : "namespace/name");
	r = fl_format(ns, sizeof(ns), err, "%.*s", (int)(slash - text), text);
	return r ?: pol_world_pod_ips(d->w, ns, slash + 1, &d->ips, &d->n_ips, err);
}

struct walk {
	struct dump dump;
	const struct dump_map *map;
};

static int each(const void *key, const void *value, void *arg)
{
	const struct walk *w = arg;

	return dump_add(&w->dump, w->map, key, value);
}

static int dump_page(struct agent *a, const struct dump_map *map, const struct api_query *q,
		     struct fl_json *doc, struct fl_err *err)
{
	struct walk w = { .map = map };
	struct dp *dp = guard_datapath(a->guard);
	uint64_t max = DP_PAGE_MAX;
	struct dp_place at;
	int r = guard_world(a->guard, &w.dump.w, err)
			?: api_query_u64(q, "max", 1, DP_PAGE_MAX, &max, err)
			?: read_place(api_query_get(q, "after"), &at, err)
			?: read_pod(api_query_get(q, "pod"), map, &w.dump, err)
			?: dp_now(dp, &w.dump.now, err);

	if (r < 0)
		return r;
	w.dump.list = fl_json_array();
	if (fl_json_set(doc, "entries", w.dump.list) < 0)
		return -ENOMEM;
	err->sys = 0;
	return dp_dump(dp, map->table, &at, (size_t)max, each, &w, err) ?: set_place(doc, &at);
}

static int add_count(struct fl_json *list, const struct dp_counts *c, int reason, int dir)
{
	const struct fl_count *n = &c->reason[reason][dir];
	struct fl_json *row = fl_json_object();

	return fl_json_append(list, row) ?:
	       fl_json_set_str(row, "reason", dp_reason_text((enum fl_reason)reason)) ?:
	       fl_json_set_str(row, "direction", dp_direction_text((enum fl_dir)dir)) ?:
	       fl_json_set_int(row, "packets", (int64_t)n->packets) ?:
	       fl_json_set_int(row, "bytes", (int64_t)n->bytes);
}

static int dump_counts(struct agent *a, struct fl_json *doc, struct fl_err *err)
{
	struct fl_json *list = fl_json_array();
	struct dp_counts c;
	int r = fl_json_set(doc, "entries", list) ?: dp_counts(guard_datapath(a->guard), &c, err);

	for (int i = 0; r == 0 && i < FL_R_COUNT; i++)
		for (int dir = 0; r == 0 && dir < FL_DIRS; dir++)
			r = add_count(list, &c, i, dir);
	return r;
}

static int add_verdict(struct fl_json *list, const struct dp_counts *c, int verdict, int dir)
{
	struct fl_json *row = fl_json_object();

	return fl_json_append(list, row) ?:
	       fl_json_set_str(row, "verdict", dp_verdict_text((enum fl_verdict)verdict)) ?:
	       fl_json_set_str(row, "direction", dp_direction_text((enum fl_dir)dir)) ?:
	       fl_json_set_int(row, "connections", (int64_t)c->verdict[verdict][dir]);
}

static int dump_verdicts(struct agent *a, struct fl_json *doc, struct fl_err *err)
{
	struct fl_json *list = fl_json_array();
	struct dp_counts c;
	int r = fl_json_set(doc, "entries", list) ?: dp_counts(guard_datapath(a->guard), &c, err);

	for (int i = 0; r == 0 && i < FL_V_COUNT; i++)
		for (int dir = 0; r == 0 && dir < FL_DIRS; dir++)
			r = add_verdict(list, &c, i, dir);
	return r;
}

static int dump_state(struct agent *a, struct fl_json *doc, struct fl_err *err)
{
	struct fl_json *list = fl_json_array(), *row = fl_json_object();
	struct dp_now now;
	int r = fl_json_append(list, row);

	r = fl_json_set(doc, "entries", list) ?: r ?: dp_now(guard_datapath(a->guard), &now, err);
	return r ?: fl_json_set_int(row, "generation", now.state.generation) ?:
		    fl_json_set_str(row, "unknownEndpoint",
				    now.state.unknown_allow ? "allow" : "deny") ?:
		    fl_json_set_bool(row, "byStack", now.state.by_stack) ?:
		    fl_json_set_int(row, "vtepPort", now.state.vtep_port);
}

int agent_get_bpf(void *arg, const struct api_call *call, struct fl_json **out, struct fl_err *err)
{
	const struct dump_map *map = dump_find(call->parts[0]);
	fl_auto_json struct fl_json *doc = fl_json_object();
	const struct pol_world *w = NULL;
	struct agent *a = arg;
	char names[256];
	int r = guard_world(a->guard, &w, err);

	if (r < 0)
		return r;
	err->sys = 0;
	if (map)
		r = dump_page(a, map, call->query, doc, err);
	else if (call->query->n)
		r = fl_fail(err, EINVAL, "query: '%s' has no parameters", call->parts[0]);
	else if (fl_streq(call->parts[0], "counts"))
		r = dump_counts(a, doc, err);
	else if (fl_streq(call->parts[0], "verdicts"))
		r = dump_verdicts(a, doc, err);
	else if (fl_streq(call->parts[0], "state"))
		r = dump_state(a, doc, err);
	else
		r = fl_fail(err, ENOENT, "there is no map '%.64s': expected %s", call->parts[0],
			    dump_names(names));
	/* Building a document fails for want of memory, and says no more. */
	if (r < 0 && !err->sys)
		return fl_fail_errno(err, ENOMEM, "list the map's entries");
	if (r == 0)
		*out = FL_TAKE(doc);
	return r;
}
