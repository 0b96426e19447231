// SPDX-License-Identifier: Apache-2.0
/* Wiring the agent's parts, and what happens when. */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>

#include "agent/notify.h"
#include "agent/rundir.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

static void notify(const struct agent *a, const char *state)
{
	struct fl_err err;

	if (agent_notify(a->notify_socket, state, &err) < 0)
		fl_warn("%s, going on", err.text);
}

bool agent_ready(const struct agent *a)
{
	return a->nodes && topo_local(a->topo).applied && (!a->bgp || !a->bgp_error.sys) &&
	       guard_ready(a->guard);
}

void agent_problems(const struct agent *a, agent_complain *each, void *arg)
{
	src_manifests_problems(a->source, each, arg);
	topo_problems(a->topo, each, arg);
	guard_problems(a->guard, each, arg);
	if (a->bgp)
		bgp_problems(a->bgp, each, arg);
	if (a->bgp_error.sys)
		each("bgp", a->bgp_error.text, arg);
}

/* After every step: what is new to the log and to who waits for us to be ready. */
static void report(struct agent *a)
{
	agent_auto_trouble struct agent_trouble now = { 0 };

	agent_problems(a, agent_trouble_add, &now);
	agent_trouble_tell(&a->told, &now);
	if (!a->was_ready && agent_ready(a)) {
		a->was_ready = true;
		fl_info("ready: node '%s', %zu nodes, mode %s", a->node_name, a->nodes->n,
			agent_mode_text(a->conf->mode));
		notify(a, "READY=1");
	}
}

static void apply_bgp(struct agent *a)
{
	struct bgp_input in = { .conf = a->conf, .nodes = a->nodes, .drained = a->drained };
	struct fl_err err;

	if (!a->bgp || !a->nodes)
		return;
	in.self = agent_cluster_find(a->nodes, a->node_name);
	/* Without a Node object of our own BIRD goes on as it does. */
	if (!in.self)
		return;
	a->bgp_error.sys = 0;
	if (bgp_apply(a->bgp, &in, &err) < 0)
		a->bgp_error = err;
}

/* In another mode than bgp, what an agent in it has left goes once our own routes are there. */
static void retire_bgp(struct agent *a)
{
	struct fl_err err;
	int r;

	if (a->conf->mode == AGENT_BGP || a->was_retired)
		return;
	r = bgp_retire(a->conf, a->root, &err);
	a->was_retired = !fl_is_want(r); /* else once more, next time */
	if (r < 0)
		fl_warn("%s", err.text);
}

static int64_t now_ms(struct agent *a)
{
	uv_update_time(&a->loop);
	return (int64_t)uv_now(&a->loop);
}

static void on_timer(uv_timer_t *timer);

static void rearm(struct agent *a)
{
	/* Only a handle that is closing refuses. */
	(void)uv_timer_start(&a->timer, on_timer, agent_pace_wait(&a->pace, now_ms(a)), 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct agent *a = timer->data;
	int64_t began = now_ms(a);
	struct fl_err err;
	int r = 0;

	podways_look(a->podways);
	if (a->nodes) {
		r = topo_reconcile(a->topo, a->nodes, TOPO_FULL, &err);
		agent_tell_beyond(a);
		guard_reconcile(a->guard);
		apply_bgp(a);
		if (r == 0)
			retire_bgp(a);
		report(a);
	}
	agent_pace_done(&a->pace, began, now_ms(a), r == 0);
	rearm(a);
}

static void on_nodes(const struct agent_cluster *nodes, void *arg)
{
	struct agent *a = arg;
	struct fl_err err;

	a->nodes = nodes;
	if (topo_reconcile(a->topo, nodes, TOPO_CHANGE, &err) < 0) {
		agent_pace_failed(&a->pace, now_ms(a));
		rearm(a);
	}
	agent_tell_beyond(a);
	apply_bgp(a);
	report(a);
}

static void on_watch(uv_poll_t *poll, int status, int events)
{
	struct agent *a = poll->data;

	(void)status;
	(void)events;
	if (!topo_watch_take(a->topo))
		return;
	agent_pace_cause(&a->pace, now_ms(a));
	rearm(a);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct agent *a = handle->data;

	if (number == SIGHUP) {
		fl_info("reading the manifests again");
		src_manifests_reload(a->source);
		return;
	}
	fl_info("ending on signal %d; what the kernel holds stays", number);
	uv_stop(&a->loop);
}

int agent_drain(struct agent *a, bool drained, struct fl_err *err)
{
	int r;

	if (!a->bgp)
		return fl_fail(err, EBUSY, "mode is '%s': only 'bgp' can drain",
			       agent_mode_text(a->conf->mode));
	r = agent_drained_set(a->run_dir, drained, err);
	if (r < 0)
		return r;
	a->drained = drained;
	fl_info("node '%s' %s", a->node_name, drained ? "drained" : "undrained");
	apply_bgp(a);
	report(a);
	return a->bgp_error.sys ? fl_fail(err, EAGAIN, "%s", a->bgp_error.text) : 0;
}

static int uv_fail(struct fl_err *err, int r, const char *what)
{
	return fl_fail_errno(err, -r, "%s", what);
}

static int open_handles(struct agent *a, struct fl_err *err)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	int r;

	r = uv_timer_init(&a->loop, &a->timer);
	if (r == 0)
		r = uv_poll_init(&a->loop, &a->watch, topo_watch_fd(a->topo));
	if (r == 0)
		r = uv_poll_start(&a->watch, UV_READABLE, on_watch);
	for (size_t i = 0; r == 0 && i < FL_ARRAY_LEN(numbers); i++) {
		r = uv_signal_init(&a->loop, &a->signals[i]);
		a->signals[i].data = a;
		if (r == 0)
			r = uv_signal_start(&a->signals[i], on_signal, numbers[i]);
	}
	a->timer.data = a;
	a->watch.data = a;
	return r < 0 ? uv_fail(err, r, "watch the kernel and signals") : 0;
}

static bool table_ready(void *arg)
{
	return agent_ready(arg);
}

/* Requests may wait for events. */
static void on_news(void *arg)
{
	const struct agent *a = arg;

	if (a->api)
		api_wake(a->api);
}

static void on_change(void *arg)
{
	report(arg);
}

/* An agent that cannot keep copies serves all the same. */
static void keep_manifests(struct agent *a)
{
	char path[PATH_MAX];
	struct fl_err err;

	if (fl_format(path, sizeof(path), &err, "%s/var/lib/fairlead/manifests", a->root) < 0 ||
	    src_manifests_keep(a->source, path, &err) < 0)
		fl_warn("%s, going on: an agent that starts will not know what manifests said that "
			"are wrong then",
			err.text);
}

static int open_parts(struct agent *a, struct fl_err *err)
{
	const struct guard_ears ears = { on_news, on_change, a };
	char manifests[PATH_MAX], socket[PATH_MAX];
	int r;

	r = agent_rundir_open(a->root, &a->run_dir, err) ?:
	    agent_rundir_lock(a->run_dir, &a->lock, err) ?:
	    agent_drained_get(a->run_dir, &a->drained, err) ?:
	    fl_format(manifests, sizeof(manifests), err, "%s%s", a->root, a->conf->manifests) ?:
	    fl_format(socket, sizeof(socket), err, "%s/run/fairlead/agent.sock", a->root) ?:
	    topo_open(a->conf, a->node_name, a->root, &a->topo, err) ?:
	    podways_open(&a->loop, a->root, &a->podways, err) ?:
	    guard_open(&a->loop, a->conf, a->root, a->node_name, &a->guard, err) ?:
	    guard_listen(a->guard, &a->loop, &ears, err);
	if (r == 0 && a->conf->mode == AGENT_BGP)
		r = bgp_open(&a->loop, a->conf, a->root, &a->bgp, err);
	if (r < 0)
		return r;
	a->table = (struct api_table){ agent_routes, agent_n_routes, table_ready, agent_metrics,
				       a };
	r = open_handles(a, err)
		    ?: src_manifests_open(&a->loop, manifests, on_nodes, a, guard_sink(a->guard),
					  &a->source, err);
	if (r < 0)
		return r;
	keep_manifests(a);
	guard_set_source(a->guard, a->source);
	return api_open(&a->loop, socket, a->conf->metrics_listen, &a->table, &a->api, err);
}

int agent_open(struct agent *a, const struct agent_config *conf, const char *root,
	       const char *node_name, struct fl_err *err)
{
	int r;

	*a = (struct agent){
		.conf = conf, .root = root, .node_name = node_name, .run_dir = -1, .lock = -1
	};
	r = uv_loop_init(&a->loop);
	if (r < 0)
		return uv_fail(err, r, "make an event loop");
	r = open_parts(a, err);
	if (r < 0) {
		agent_close(a);
		return r;
	}
	a->started_ms = (uint64_t)now_ms(a);
	a->pace = agent_pace_start((int64_t)a->started_ms, conf->resync_s);
	rearm(a);
	return 0;
}

void agent_run(struct agent *a)
{
	(void)uv_run(&a->loop, UV_RUN_DEFAULT);
	notify(a, "STOPPING=1");
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void agent_close(struct agent *a)
{
	api_close(&a->api);
	src_manifests_close(&a->source);
	bgp_close(&a->bgp, false);
	guard_close(&a->guard);
	podways_close(&a->podways);
	/* Only ours are left open; the parts' own close in the turns that follow. */
	if (a->timer.type)
		close_handle((uv_handle_t *)&a->timer, NULL);
	if (a->watch.type)
		close_handle((uv_handle_t *)&a->watch, NULL);
	for (size_t i = 0; i < FL_ARRAY_LEN(a->signals); i++)
		if (a->signals[i].type)
			close_handle((uv_handle_t *)&a->signals[i], NULL);
	(void)uv_run(&a->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&a->loop);
	topo_close(&a->topo);
	agent_trouble_done(&a->told);
	fl_close_p(&a->lock);
	fl_close_p(&a->run_dir);
}
