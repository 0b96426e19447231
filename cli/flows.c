// SPDX-License-Identifier: Apache-2.0
/* fairlead flows: what became of packets. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/print.h"

#define LAST 100  /* events without --last */
#define PAGE 1000 /* what the agent says at once */

static int usage(struct fl_err *err, const char *option, const char *value, const char *expected)
{
	return fl_class(err, fl_fail(err, EINVAL, "%s '%s': expected %s", option, value, expected),
			CLI_USAGE);
}

/* Where we are in the agent's list. */
struct place {
	int64_t after;	/* the last event that was looked at */
	int64_t unsent; /* so far; -1: not known yet */
	bool titled;
};

/* The policy that allowed it, or those that did not. */
static void add_policy(struct cli_table *t, const struct fl_json *flow)
{
	const char *policy = fl_json_str(fl_json_get(flow, "policy"));
	const char *rule = fl_json_str(fl_json_get(flow, "rule"));
	const struct fl_json *isolating = fl_json_get(flow, "isolatedBy");
	char text[512];

	if (policy) {
		(void)snprintf(text, sizeof(text), "%s %s", policy, rule ?: "");
		cli_table_add(t, text);
	} else if (isolating && !fl_json_len(isolating)) {
		cli_table_add(t, "no policy allows it");
	} else {
		cli_table_add_json(t, isolating);
	}
}

static int print_table(const struct fl_json *flows, bool *titled, struct fl_err *err)
{
	static const char *const titles[] = { "TIME",	 "FROM",   "TO",    "PROTOCOL",
					      "VERDICT", "REASON", "POLICY" };
	/* One page is as wide as the next, unless names are long. */
	static const unsigned int widths[] = { 27, 24, 24, 8, 9, 14, 0 };
	cli_auto_table struct cli_table *t = NULL;
	int r = cli_table_new(*titled ? NULL : titles, FL_ARRAY_LEN(titles), &t, err);

	if (r < 0)
		return r;
	*titled = true;
	cli_table_widths(t, widths);
	for (size_t i = 0; i < fl_json_len(flows); i++) {
		const struct fl_json *flow = fl_json_at(flows, i);

		cli_table_add_json(t, fl_json_get(flow, "time"));
		cli_table_add_end(t, fl_json_get(flow, "from"));
		cli_table_add_end(t, fl_json_get(flow, "to"));
		cli_table_add_json(t, fl_json_get(flow, "protocol"));
		cli_table_add_json(t, fl_json_get(flow, "verdict"));
		cli_table_add_json(t, fl_json_get(flow, "reason"));
		add_policy(t, flow);
	}
	return cli_table_print(t, stdout, err);
}

/* Each event as it comes. */
static int print_page(const struct cli *c, const struct fl_json *flows, struct place *p,
		      struct fl_err *err)
{
	int r = 0;

	if (c->form == CLI_TABLE && fl_json_len(flows))
		r = print_table(flows, &p->titled, err);
	for (size_t i = 0; r >= 0 && c->form != CLI_TABLE && i < fl_json_len(flows); i++)
		r = cli_print_one(c, fl_json_at(flows, i), err);
	if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
		return fl_fail_errno(err, errno, "write standard output");
	return r < 0 ? r : 0;
}

/* Says what is missing between this answer and the one before. */
static void say_lost(const struct fl_json *doc, struct place *p)
{
	int64_t lost = fl_json_int(fl_json_get(doc, "lost"));
	int64_t unsent = fl_json_int(fl_json_get(doc, "unsent"));

	if (lost > 0)
		fl_warn("%" PRId64 " events are gone from the agent's memory", lost);
	if (p->unsent >= 0 && unsent > p->unsent)
		fl_warn("%" PRId64 " events were not sent by the datapath", unsent - p->unsent);
	p->unsent = unsent;
	p->after = fl_json_int(fl_json_get(doc, "next"));
}

/* after NULL: the last ones. */
static int ask(const struct cli *c, const int64_t *after, uint32_t max, bool wait,
	       struct fl_json **out, struct fl_err *err)
{
	char pod[1000] = "", from[32] = "", path[1100];
	int r = c->pod ? cli_escape(c->pod, pod, sizeof(pod), err) : 0;

	if (r == 0 && after)
		r = fl_format(from, sizeof(from), err, "&after=%" PRId64, *after);
	r = r
		    ?: fl_format(path, sizeof(path), err, "/v1/flows?max=%u%s%s%s%s%s", max, from,
				 c->drops ? "&drops" : "", wait ? "&wait" : "",
				 c->pod ? "&pod=" : "", pod);
	return r ?: cli_ask(c, "GET", path, out, err);
}

/* Goes on for ever, over the agent's restart too. */
static int follow(const struct cli *c, struct place *p, struct fl_err *err)
{
	bool is_away = false;
	int r = 0;

	while (r == 0) {
		fl_auto_json struct fl_json *doc = NULL;

		r = ask(c, &p->after, PAGE, true, &doc, err);
		if (r < 0 && (err->code == CLI_NO_AGENT || r == -EREMOTEIO)) {
			if (!is_away)
				fl_info("%s; waiting for it", err->text);
			is_away = true;
			r = 0;
			(void)sleep(1);
			continue;
		}
		is_away = false;
		if (r == 0) {
			say_lost(doc, p);
			r = print_page(c, fl_json_get(doc, "flows"), p, err);
		}
	}
	return r;
}

/* The last ones; with none, where they end. */
static int get_last(const struct cli *c, uint32_t last, struct place *p, struct fl_json **out,
		    struct fl_err *err)
{
	fl_auto_json struct fl_json *doc = NULL;
	int r = ask(c, NULL, last ? last : 1, false, &doc, err);

	if (r < 0)
		return r;
	say_lost(doc, p);
	*out = last ? fl_json_copy(fl_json_get(doc, "flows")) : fl_json_array();
	return *out ? 0 : fl_fail_errno(err, ENOMEM, "list events");
}

int cli_flows(const struct cli *c, struct fl_err *err)
{
	fl_auto_json struct fl_json *flows = NULL;
	struct place p = { .unsent = -1 };
	uint32_t last = c->follow ? 0 : LAST;
	struct fl_err why;
	int r;

	if (c->last && fl_parse_u32(c->last, 0, PAGE, &last, &why) < 0)
		return usage(err, "--last", c->last, "a number from 0 to 1000");
	if (c->pod && (!strchr(c->pod, '/') || strlen(c->pod) > 330))
		return usage(err, "--pod", c->pod, "NAMESPACE/NAME");
	r = get_last(c, last, &p, &flows, err);
	if (r < 0)
		return r;
	if (c->follow) {
		r = print_page(c, flows, &p, err) ?: follow(c, &p, err);
		return r;
	}
	r = cli_print_doc(c, flows, err);
	if (r == 0 && !fl_json_len(flows))
		fl_info("no events");
	else if (r == 0)
		r = print_table(flows, &p.titled, err);
	return r < 0 ? r : CLI_OK;
}
