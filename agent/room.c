// SPDX-License-Identifier: Apache-2.0
/* How full the maps are. */
#include "agent/room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/datapath/dump.h"
#include "base/log.h"
#include "base/text.h"
#include "state/full.h"

#define PAUSE_MS 2    /* between two parts of a sweep */
#define AGAIN_MS 3000 /* between two sweeps while the connections' map is full */

enum {
	FLOWS,
	ENDPOINTS,
	LOCALS,
	SPECIALS,
	TUNNELS,
	SLOTS,
	RULES,
	PORTS,
	ADDRESSES,
	PREFIXES,
	MAPS
};

static const char *const names[] = { "flows", "endpoints", "locals", "specials",  "tunnels",
				     "slots", "rules",	   "ports",  "addresses", "prefixes" };
_Static_assert(FL_ARRAY_LEN(names) == MAPS, "every map has a name");

struct room {
	struct enf *enf;
	const char *root;
	room_changed *changed;
	void *arg;
	uv_timer_t timer;
	bool is_sweeping;
	struct dp_sweep_place at;
	struct dp_sweep sum, swept; /* so far; the last one that came to its end */
	bool full[MAPS];
	char refused[FL_FULL_SIZE]; /* what else does not fit; "": nothing */
	char told[FL_FULL_SIZE];    /* in the file */
	bool is_told;		    /* the file says so */
};

/* What is in use: counted once for all maps, since it is a walk over all endpoints. */
struct usage {
	struct pol_stats policy;
	struct enf_stats endpoints;
};

static struct usage count(const struct room *r)
{
	return (struct usage){ pol_world_stats(enf_world(r->enf)), enf_stats(r->enf) };
}

static uint64_t entries_of(const struct room *r, const struct usage *u, int map)
{
	switch (map) {
	case FLOWS:
		return r->swept.flows - r->swept.removed;
	case ENDPOINTS:
		return u->endpoints.endpoints;
	case LOCALS:
		return u->endpoints.addresses;
	case SPECIALS:
		return u->endpoints.specials;
	case TUNNELS:
		return u->endpoints.tunnels;
	case SLOTS:
		return u->policy.sets - u->policy.shut;
	case RULES:
		return u->policy.rules;
	case PORTS:
		return u->policy.ports;
	case ADDRESSES:
		return u->policy.addresses;
	default:
		return u->policy.prefixes;
	}
}

static uint64_t capacity_of(const struct room *r, int map)
{
	static const enum dp_table tables[] = { DP_T_FLOWS,    DP_T_ENDPOINTS, DP_T_LOCALS,
						DP_T_SPECIALS, DP_T_TUNNELS,   DP_T_SLOTS,
						DP_T_RULES,    DP_T_PORTS,     DP_T_ADDRESSES,
						DP_T_PREFIXES };
	uint32_t all = dp_capacity(enf_datapath(r->enf), tables[map]);

	_Static_assert(FL_ARRAY_LEN(tables) == MAPS, "every map has a table");
	/* One stands for no set, and one that is given up rests for a commit. */
	if (map == SLOTS)
		return all - 2;
	/* Half of these is for the switch from one state of the world to the next. */
	return map > SLOTS ? all / 2 : all;
}

/* Text about a map that is full; it has no numbers, which would make it another each time. */
static void describe(const struct room *r, int map, char out[FL_FULL_SIZE])
{
	(void)snprintf(out, FL_FULL_SIZE,
		       map == FLOWS ? "the datapath's map of %s has no more room for new "
				      "connections: of %llu entries %d %% or more are in use"
				    : "the datapath's map of %s is nearly full: of %llu entries "
				      "%d %% or more are in use",
		       names[map], (unsigned long long)capacity_of(r, map), ROOM_FULL);
}

/* Brings the file to what is full now. */
static void publish(struct room *r)
{
	char text[FL_FULL_SIZE];
	struct fl_err err;

	/* Of several the first is named; fairlead status has all. */
	memcpy(text, r->refused, sizeof(text));
	for (int i = MAPS - 1; i >= 0; i--)
		if (r->full[i])
			describe(r, i, text);
	if (r->is_told && fl_streq(text, r->told))
		return;
	r->is_told = fl_full_write(r->root, text, &err) == 0;
	if (!r->is_told)
		fl_warn("%s, going on", err.text);
	memcpy(r->told, text, sizeof(r->told));
	r->changed(r->arg);
}

/*
 * Full from ROOM_FULL on, until there is as much room as ROOM_FREE leaves. Without room for a
 * tunnel nothing is shut or lost.
 */
static void judge(struct room *r, const struct usage *u, int map)
{
	unsigned int limit = r->full[map] ? ROOM_FREE : ROOM_FULL;

	r->full[map] = map != TUNNELS && entries_of(r, u, map) * 100 >= capacity_of(r, map) * limit;
}

static void on_timer(uv_timer_t *timer);

static void wait_ms(struct room *r, uint64_t ms)
{
	(void)uv_timer_start(&r->timer, on_timer, ms, 0);
}

static void end_sweep(struct room *r)
{
	struct usage now = count(r);

	r->is_sweeping = false;
	r->swept = r->sum;
	judge(r, &now, FLOWS);
	if (r->full[FLOWS])
		wait_ms(r, AGAIN_MS);
	publish(r);
}

static void sweep_part(struct room *r)
{
	struct fl_err err;
	int more = dp_sweep_part(enf_datapath(r->enf), &r->at, &r->sum, &err);

	if (more > 0) {
		wait_ms(r, PAUSE_MS);
	} else if (more == 0) {
		end_sweep(r);
	} else {
		fl_warn("%s, going on", err.text);
		r->is_sweeping = false;
	}
}

void room_sweep(struct room *r)
{
	if (r->is_sweeping)
		return;
	r->is_sweeping = true;
	r->at = (struct dp_sweep_place){ 0 };
	r->sum = (struct dp_sweep){ 0 };
	sweep_part(r);
}

static void on_timer(uv_timer_t *timer)
{
	struct room *r = timer->data;

	if (r->is_sweeping)
		sweep_part(r);
	else
		room_sweep(r);
}

void room_flows_full(struct room *r)
{
	if (r->full[FLOWS])
		return;
	r->full[FLOWS] = true;
	publish(r);
	room_sweep(r);
}

void room_count(struct room *r)
{
	struct usage now = count(r);

	for (int i = FLOWS + 1; i < MAPS; i++)
		judge(r, &now, i);
	publish(r);
}

void room_look(struct room *r, const struct fl_err *failed)
{
	struct pol_stats p = pol_world_stats(enf_world(r->enf));

	r->refused[0] = '\0';
	if (failed && failed->sys == E2BIG)
		(void)snprintf(r->refused, sizeof(r->refused), "%s", failed->text);
	else if (p.refused)
		(void)snprintf(r->refused, sizeof(r->refused),
			       "the datapath's map of %s is too small for %zu network policies, "
			       "which allow nothing",
			       p.full, p.refused);
	room_count(r);
}

void room_problems(const struct room *r, agent_complain *each, void *arg)
{
	char text[FL_FULL_SIZE];

	for (int i = 0; i < MAPS; i++)
		if (r->full[i]) {
			describe(r, i, text);
			each("datapath", text, arg);
		}
	if (*r->refused)
		each("datapath", r->refused, arg);
}

static void add_maps(const struct room *r, struct api_metrics *m, const struct usage *u)
{
	for (int i = 0; i < MAPS; i++) {
		const struct api_label labels[] = { { "map", names[i] }, { 0 } };

		api_metrics_count(m, u ? entries_of(r, u, i) : capacity_of(r, i), labels);
	}
}

void room_metrics(const struct room *r, struct api_metrics *m)
{
	struct usage now = count(r);

	api_metrics_family(m, API_GAUGE, "fairlead_datapath_map_entries",
			   "Entries in use; of flows, when they were swept last.");
	add_maps(r, m, &now);
	api_metrics_family(m, API_GAUGE, "fairlead_datapath_map_capacity",
			   "Entries that may be in use.");
	add_maps(r, m, NULL);
	api_metrics_gauge(m, "fairlead_policy_sets_shut",
			  "Policy sets for which there is no slot: their pods are shut.",
			  (double)now.policy.shut);
	api_metrics_gauge(m, "fairlead_flows", "Connections tracked, as last swept.",
			  (double)(r->swept.flows - r->swept.removed));
}

static void on_closed(uv_handle_t *handle)
{
	struct room *r = handle->data;

	fl_free_p(&r);
}

void room_close(struct room **r)
{
	if (*r)
		uv_close((uv_handle_t *)&(*r)->timer, on_closed);
	*r = NULL;
}

int room_open(uv_loop_t *loop, struct enf *e, const char *root, room_changed *changed, void *arg,
	      struct room **out, struct fl_err *err)
{
	struct room *r = calloc(1, sizeof(*r));

	if (!r)
		return fl_fail_errno(err, ENOMEM, "watch the maps");
	r->enf = e;
	r->root = root;
	r->changed = changed;
	r->arg = arg;
	(void)uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	*out = r;
	return 0;
}
