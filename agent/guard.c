// SPDX-License-Identifier: Apache-2.0
/* NetworkPolicy on the agent's loop. */
#include "agent/guard.h"

#include <errno.h>
#include <limits.h>

#include "agent/lease.h"
#include "agent/pace.h"
#include "agent/policy/read.h"
#include "agent/policy_figures.h"
#include "agent/retire.h"
#include "base/log.h"
#include "base/text.h"

/* A pod that goes takes its interface and its record; a pause lets several go at once. */
#define PAUSE_MS AGENT_PACE_SETTLE_MS

#define RETRY_MS     500
#define RETRY_MAX_MS 60000

struct guard {
	struct enf *enf;
	struct flows *flows; /* NULL: not read */
	uv_fs_event_t records;
	uv_timer_t pause;
	uv_poll_t watch;      /* for what somebody takes away from the datapath */
	unsigned int handles; /* that are not closed yet */
	struct src_sink sink;
	struct src_manifests *source; /* borrowed */
	unsigned int retry_ms;	      /* after a failure; 0: there was none */
	uint64_t took_ms;	      /* by the last reconcile */
	bool read;		      /* all objects, once */
	bool applied;		      /* the last reconcile did all it wanted */
	struct fl_err broken;	      /* of the last reconcile or commit; sys 0: none */
	struct room *room;
	struct lease *lease;
	struct guard_ears ears;
	const char *root; /* borrowed for life */
};

static void on_pause(uv_timer_t *timer);

/* What failed is tried again, with growing pauses; the timer of the whole agent is far slower. */
static void note(struct guard *g, int r, const struct fl_err *err)
{
	room_look(g->room, r < 0 ? err : NULL);
	if (r >= 0) {
		g->broken.sys = 0;
		g->retry_ms = 0;
		return;
	}
	g->broken = *err;
	g->retry_ms = g->retry_ms ? g->retry_ms * 2 : RETRY_MS;
	if (g->retry_ms > RETRY_MAX_MS)
		g->retry_ms = RETRY_MAX_MS;
	(void)uv_timer_start(&g->pause, on_pause, g->retry_ms, 0);
}

/* The world that was to take something is unfit when it had no memory for that. */
static void note_put(struct guard *g, int r, const char *where, const struct fl_err *err)
{
	if (r >= 0)
		return;
	fl_error("%s: %s", where, err->text);
	if (r == -ENOMEM)
		enf_lose(g->enf);
}

static int put_namespace(struct guard *g, const struct fl_cur *c, struct fl_err *err)
{
	fl_auto_pol_namespace struct pol_namespace ns = { 0 };

	return pol_read_namespace(c, &ns, err)
		       ?: pol_world_put_namespace(enf_world(g->enf), &ns, err);
}

static int put_policy(struct guard *g, const struct fl_cur *c, struct fl_err *err)
{
	fl_auto_pol_policy struct pol_policy p = { 0 };

	return pol_read_policy(c, &p, err) ?: pol_world_put_policy(enf_world(g->enf), &p, err);
}

/* The source has read it already: what fails here is want of memory. */
static void on_put(enum pol_kind kind, const struct fl_json *object, const char *where, void *arg)
{
	struct fl_cur c = fl_cur_root(object, "object");
	struct guard *g = arg;
	struct fl_err err;
	int r = 0;

	enf_unsettle(g->enf);
	if (kind == POL_KIND_NAMESPACE)
		r = put_namespace(g, &c, &err);
	else if (kind == POL_KIND_POD)
		r = enf_put_pod(g->enf, &c, &err);
	else if (kind == POL_KIND_POLICY)
		r = put_policy(g, &c, &err);
	note_put(g, r, where, &err);
}

static void on_del(enum pol_kind kind, const char *ns, const char *name, void *arg)
{
	struct guard *g = arg;
	struct fl_err err;
	int r = 0;

	enf_unsettle(g->enf);
	if (kind == POL_KIND_NAMESPACE)
		r = pol_world_del_namespace(enf_world(g->enf), name, &err);
	else if (kind == POL_KIND_POD)
		r = enf_del_pod(g->enf, ns, name, &err);
	else if (kind == POL_KIND_POLICY)
		r = pol_world_del_policy(enf_world(g->enf), ns, name, &err);
	note_put(g, r, name, &err);
}

static void on_lack(void *arg)
{
	struct guard *g = arg;
	struct fl_err err;
	int r = fl_fail_errno(&err, ENOMEM, "read the policies");

	enf_lose(g->enf);
	note(g, r, &err);
}

static void reconcile(struct guard *g)
{
	uint64_t began = uv_hrtime();
	struct fl_err err;
	int r = enf_reconcile(g->enf, &err);

	g->took_ms = (uv_hrtime() - began) / 1000000;
	note(g, r, &err);
	g->applied = r == 0;
	room_sweep(g->room);
}

static void on_done(void *arg)
{
	struct guard *g = arg;
	struct fl_err err;
	int r;

	if (!g->read) {
		g->read = true;
		reconcile(g);
		return;
	}
	r = enf_commit(g->enf, &err);
	/* What the last reconcile could not do stands until one can. */
	if (r < 0 || g->applied)
		note(g, r, &err);
}

/* All objects anew, into a new world: what the kernel holds is compared with that. */
static void begin_anew(struct guard *g)
{
	struct fl_err err;
	int r = enf_renew(g->enf, &err);

	if (r == 0) {
		fl_warn("all policies are read anew");
		g->read = false;
		r = src_manifests_retell(g->source, &err);
	}
	if (r == 0)
		return;
	g->read = true;
	g->applied = false;
	enf_lose(g->enf);
	note(g, r, &err);
}

static void on_pause(uv_timer_t *timer)
{
	guard_reconcile(timer->data);
}

static bool is_due(const struct guard *g, uint64_t within_ms)
{
	return uv_is_active((const uv_handle_t *)&g->pause) &&
	       uv_timer_get_due_in(&g->pause) <= within_ms;
}

/* Also when a longer pause goes on, as after a failure. */
static void reconcile_within(struct guard *g, uint64_t ms)
{
	if (!is_due(g, ms))
		(void)uv_timer_start(&g->pause, on_pause, ms, 0);
}

/*
 * Comparing everything takes its time on a node with many pods. A record that changes is in no
 * hurry: a plugin has its pod put under policy before it ends, and where nobody is any more nothing
 * leads.
 */
static void on_record(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct guard *g = event->data;

	(void)name;
	(void)events;
	(void)status;
	reconcile_within(g, agent_pace_lazy(g->took_ms));
}

static void on_watch(uv_poll_t *poll, int status, int events)
{
	struct guard *g = poll->data;

	(void)status;
	(void)events;
	/* In a short pause it has been done just now. */
	if (enf_watch_take(g->enf, !is_due(g, PAUSE_MS)))
		reconcile_within(g, PAUSE_MS);
}

static void guard_free(struct guard *g)
{
	enf_close(&g->enf);
	fl_free_p(&g);
}

static void on_closed(uv_handle_t *handle)
{
	struct guard *g = handle->data;

	if (--g->handles == 0)
		guard_free(g);
}

void guard_close(struct guard **g)
{
	if (!*g)
		return;
	flows_close(&(*g)->flows);
	room_close(&(*g)->room);
	lease_close(&(*g)->lease);
	uv_close((uv_handle_t *)&(*g)->records, on_closed);
	uv_close((uv_handle_t *)&(*g)->pause, on_closed);
	uv_close((uv_handle_t *)&(*g)->watch, on_closed);
	*g = NULL;
}

static int watch(struct guard *g, uv_loop_t *loop, const char *root, struct fl_err *err)
{
	char folder[PATH_MAX];
	int r = fl_endpoint_folder(root, folder, err);

	g->records.data = g->pause.data = g->watch.data = g;
	(void)uv_timer_init(loop, &g->pause);
	(void)uv_fs_event_init(loop, &g->records);
	(void)uv_poll_init(loop, &g->watch, enf_watch_fd(g->enf));
	g->handles = 3;
	if (r < 0)
		return r;
	r = uv_fs_event_start(&g->records, on_record, folder, 0);
	if (r < 0)
		return fl_fail_errno(err, -r, "watch '%s'", folder);
	r = uv_poll_start(&g->watch, UV_READABLE, on_watch);
	return r < 0 ? fl_fail_errno(err, -r, "watch the datapath's blocks") : 0;
}

static const enum fl_xdp_mode xdp_modes[] = {
	[AGENT_XDP_NONE] = FL_XDP_NONE,
	[AGENT_XDP_NATIVE] = FL_XDP_NATIVE,
	[AGENT_XDP_GENERIC] = FL_XDP_GENERIC,
};

_Static_assert(AGENT_DENIED_MAX == FL_MAX_DENIED, "what may be configured fits");

int guard_open(uv_loop_t *loop, const struct agent_config *conf, const char *root,
	       const char *node_name, struct guard **out, struct fl_err *err)
{
	fl_auto(guard_close) struct guard *g = NULL;
	const struct enf_options o = {
		.root = root,
		.folder = conf->policy.maps,
		.node = node_name,
		.max_flows = conf->policy.max_flows == AGENT_MAX_FLOWS ? 0 : conf->policy.max_flows,
		.unknown_allow = conf->policy.unknown_endpoint_allow,
		.vtep_port = conf->mode == AGENT_VXLAN || conf->mode == AGENT_DIRECT
				     ? conf->vxlan.port
				     : 0,
		.n_services = conf->policy.n_services,
		.services = conf->policy.services,
		.n_denied = conf->policy.n_denied,
		.denied = conf->policy.denied,
		.xdp = xdp_modes[conf->policy.xdp],
	};
	struct enf *enf = NULL;
	struct fl_err why;
	int r;

	*out = NULL;
	if (!conf->policy.enforce)
		return policy_retire(conf->policy.maps, root, err);
	r = enf_open(&o, &enf, &why);
	if (r < 0)
		return fl_fail(err, -r,
			       "config 'policy.enforce': %s; without NetworkPolicy, 'policy: "
			       "{enforce: false}', the agent needs none of this",
			       why.text);
	g = calloc(1, sizeof(*g));
	if (!g) {
		enf_close(&enf);
		return fl_fail_errno(err, ENOMEM, "enforce policies");
	}
	g->enf = enf;
	g->root = root;
	g->sink = (struct src_sink){ on_put, on_del, on_done, on_lack, g };
	r = watch(g, loop, root, err);
	if (r < 0)
		return r;
	*out = FL_TAKE(g);
	return 0;
}

static void on_news(void *arg)
{
	struct guard *g = arg;

	if (flows_take_full(g->flows))
		room_flows_full(g->room);
	g->ears.news(g->ears.arg);
}

int guard_listen(struct guard *g, uv_loop_t *loop, const struct guard_ears *ears,
		 struct fl_err *err)
{
	if (!g)
		return 0;
	g->ears = *ears;
	return room_open(loop, g->enf, g->root, ears->changed, ears->arg, &g->room, err) ?:
	       lease_open(loop, g->enf, &g->lease, err) ?:
	       flows_open(loop, g->enf, on_news, g, &g->flows, err);
}

void guard_set_source(struct guard *g, struct src_manifests *source)
{
	if (g)
		g->source = source;
}

const struct src_sink *guard_sink(struct guard *g)
{
	return g ? &g->sink : NULL;
}

void guard_reconcile(struct guard *g)
{
	if (!g || !g->read)
		return;
	if (g->source && enf_is_lost(g->enf))
		begin_anew(g);
	else
		reconcile(g);
}

void guard_beyond(struct guard *g, const struct enf_beyond *b)
{
	if (!g)
		return;
	enf_set_beyond(g->enf, b);
	lease_renew(g->lease);
	room_count(g->room);
}

bool guard_ready(const struct guard *g)
{
	return !g || (g->read && g->applied);
}

int guard_attach(struct guard *g, const struct fl_key *key, struct fl_err *err)
{
	int r;

	if (!g)
		return fl_fail(err, EAGAIN, "config 'policy.enforce' is false");
	r = enf_attach(g->enf, key, err);
	if (r < 0)
		room_look(g->room, err);
	else
		room_count(g->room);
	if (enf_is_lost(g->enf) && !uv_is_active((const uv_handle_t *)&g->pause))
		reconcile_within(g, RETRY_MS);
	return r;
}

int guard_world(const struct guard *g, const struct pol_world **out, struct fl_err *err)
{
	if (!g)
		return fl_fail(err, ENOENT, "config 'policy.enforce' is false");
	if (!g->read || !enf_is_settled(g->enf))
		return fl_fail(err, EAGAIN, "the agent has not read all policies yet");
	*out = enf_world(g->enf);
	return 0;
}

bool guard_has_address(const struct fl_ip *ip, const void *arg)
{
	return enf_has_address(((const struct guard *)arg)->enf, ip);
}

struct dp *guard_datapath(struct guard *g)
{
	return enf_datapath(g->enf);
}

const struct flows *guard_flows(const struct guard *g)
{
	return g->flows;
}

int guard_events_lost(struct guard *g, uint64_t *out, struct fl_err *err)
{
	return dp_events_lost(enf_datapath(g->enf), out, err);
}

void guard_look(struct guard *g)
{
	struct fl_err err;

	if (g && enf_look(g->enf, &err) < 0)
		fl_warn("%s, going on", err.text);
}

const char *guard_standing(const struct guard *g, const char *host_ifname, uint32_t *identity)
{
	return g ? enf_standing(g->enf, host_ifname, identity) : "config 'policy.enforce' is false";
}

void guard_problems(const struct guard *g, agent_complain *each, void *arg)
{
	if (g && g->room)
		room_problems(g->room, each, arg);
	if (g && g->broken.sys)
		each("policy", g->broken.text, arg);
	if (g)
		enf_problems(g->enf, each, arg);
}

void guard_metrics(struct guard *g, struct api_metrics *m)
{
	if (!g)
		return;
	policy_figures(g->enf, m);
	room_metrics(g->room, m);
	api_metrics_counter(m, "fairlead_flow_events_read_total", "Events that were read.",
			    g->flows ? flows_read(g->flows) : 0);
}
