// SPDX-License-Identifier: Apache-2.0
/* What is known of BIRD and its sessions: problems, counts, and the API's document. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/bgp/supervise.h"
#include "base/text.h"

#define ANSWER_MS 100 /* the loop waits no longer for BIRD */

void bgp_problems(const struct bgp *b, agent_complain *each, void *arg)
{
	char text[160];

	if (b->trouble.sys)
		each("bgp", b->trouble.text, arg);
	if (b->breaks)
		each("bgp", b->broken.text, arg);
	if (b->hangs) {
		(void)snprintf(text, sizeof(text),
			       "bird (process %d) does not answer on its control socket",
			       b->process.pid);
		each("bgp", text, arg);
	}
	if (b->plan.mesh_nodes > BGP_MESH_GOOD) {
		(void)snprintf(text, sizeof(text),
			       "a full mesh of %zu other nodes is more than the %d that are "
			       "recommended: use route reflectors",
			       b->plan.mesh_nodes, BGP_MESH_GOOD);
		each("bgp.mesh", text, arg);
	}
	for (size_t i = 0; i < b->asking.n; i++)
		each(b->asking.all[i].where, b->asking.all[i].text, arg);
	for (size_t i = 0; i < b->plan.n; i++) {
		const struct bgp_session *s = &b->plan.sessions[i];
		const struct bgp_row *row = bgp_rows_find(&b->rows, s->symbol);

		if (!row || !row->limit_hit)
			continue;
		(void)snprintf(text, sizeof(text),
			       "peer '%.80s' announces more than its import limit: what is beyond "
			       "is not taken",
			       s->name);
		each("bgp.peers", text, arg);
	}
}

static bool is_established(const struct bgp_row *row)
{
	return row && fl_streq(row->state, "Established");
}

struct bgp_stats bgp_stats(const struct bgp *b)
{
	struct bgp_stats stats = b->stats;

	stats.running = b->state == BGP_UP && b->version[0] && !b->hangs;
	stats.sessions = b->plan.n;
	for (size_t i = 0; i < b->rows.n; i++)
		stats.established += is_established(&b->rows.rows[i]);
	return stats;
}

/* "2026-11-22T05:08:13Z"; "" for an unknown time. */
static void format_time(uint64_t seconds, char out[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	out[0] = '\0';
	if (seconds && seconds < UINT64_C(1) << 40 && gmtime_r(&t, &tm))
		FL_IGNORE(strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0);
}

static int add_row(struct fl_json *list, const struct bgp_session *s, const struct bgp_row *row)
{
	static const struct bgp_row none = { .state = "Down" };
	struct fl_json *o = fl_json_object();
	char ip[FL_IP_STR], since[32];
	int r;

	r = fl_json_append(list, o);
	if (!row)
		row = &none;
	format_time(row->since, since);
	fl_ip_format(&s->remote, ip);
	return r ?: fl_json_set_str(o, "name", s->name) ?: fl_json_set_str(o, "address", ip) ?:
		fl_json_set_int(o, "as", s->as) ?: fl_json_set_str(o, "state", row->state) ?:
		fl_json_set_str(o, "since", since) ?:
		fl_json_set_str(o, "bfd", !row->bfd ? "off" : row->bfd_up ? "up" : "down") ?:
		fl_json_set_int(o, "imported", row->imported) ?:
		fl_json_set_int(o, "exported", row->exported) ?:
		fl_json_set_str(o, "lastError", row->last_error);
}

static int write_json(const struct bgp *b, const struct bgp_rows *rows, struct fl_json **out,
		      struct fl_err *err)
{
	fl_auto_json struct fl_json *doc = fl_json_object(), *list = fl_json_array();
	uint32_t id = b->plan.router_id;
	char router[16];
	int r = doc && list ? 0 : -ENOMEM;

	(void)snprintf(router, sizeof(router), "%u.%u.%u.%u", id >> 24, id >> 16 & 255,
		       id >> 8 & 255, id & 255);
	for (size_t i = 0; r == 0 && i < b->plan.n; i++)
		r = add_row(list, &b->plan.sessions[i],
			    bgp_rows_find(rows, b->plan.sessions[i].symbol));
	r = r ?: fl_json_set_bool(doc, "running", b->state == BGP_UP && b->version[0]) ?:
		fl_json_set_str(doc, "version", b->version) ?:
		fl_json_set_str(doc, "routerID", router) ?:
		fl_json_set_int(doc, "as", b->plan.as) ?:
		fl_json_set_bool(doc, "drained", b->drained) ?:
		fl_json_set(doc, "sessions", FL_TAKE(list));
	if (r < 0)
		return fl_fail_errno(err, ENOMEM, "describe the BGP sessions");
	*out = FL_TAKE(doc);
	return 0;
}

/* Asks on a connection of its own, so that no question of the loop's is in the way. */
static int ask_rows(const struct bgp *b, struct bgp_rows *rows, struct fl_err *err)
{
	const struct fl_deadline d = fl_deadline_in(ANSWER_MS);
	bgp_auto_ctl struct bgp_ctl ctl = BGP_CTL_NONE;
	fl_auto_free char *greeting = NULL, *protocols = NULL, *bfd = NULL;
	struct fl_err no_bfd;
	pid_t pid;
	int r;

	r = bgp_ctl_open(b->dir.ctl, &ctl, &pid, err)
		    ?: bgp_ctl_ask(&ctl, NULL, &d, &greeting, err);
	r = r ?: bgp_ctl_ask(&ctl, "show protocols all", &d, &protocols, err);
	r = r ?: bgp_reply_protocols(protocols, rows, err);
	if (r < 0)
		return r;
	if (bgp_ctl_ask(&ctl, "show bfd sessions", &d, &bfd, &no_bfd) == 0)
		bgp_reply_bfd(bfd, rows);
	return 0;
}

int bgp_json(struct bgp *b, struct fl_json **out, struct fl_err *err)
{
	bgp_auto_rows struct bgp_rows rows = { 0 };
	int r;

	if (b->state != BGP_UP || !b->version[0])
		return write_json(b, &rows, out, err);
	if (b->hangs)
		return fl_fail(err, EAGAIN, "bird does not answer on its control socket");
	r = ask_rows(b, &rows, err);
	if (r == -ETIMEDOUT) {
		/* Not waited for again before it has answered what the loop asks. */
		bgp_look(b);
		b->hangs = true;
		return fl_fail(err, EAGAIN, "bird does not answer within %d ms", ANSWER_MS);
	}
	return r ?: write_json(b, &rows, out, err);
}
