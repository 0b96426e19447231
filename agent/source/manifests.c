// SPDX-License-Identifier: Apache-2.0
/* The manifests folder on the agent's loop. */
#include "agent/source/manifests.h"

#include <errno.h>
#include <malloc.h>

#include "agent/source/folder.h"
#include "agent/source/watch.h"
#include "base/log.h"

/* Writers often do several things in a row: they are waited for so long, but not forever. */
#define QUIET_MS 10
#define BURST_MS 100
/* For what nobody tells of: a mount, a network's file system, a link's far target. */
#define RESCAN_MS 30000
#define RETRY_MS  1000

#define TRIM_BYTES (1u << 20)

/*
 * What takes long (2 MB of policy: half a second) is done in three turns of the loop: read, told,
 * in force. Others' turn is between them, such as the API's, which the plugins wait for.
 */
#define LARGE_BYTES (1u << 18)
#define TURN_MS	    20 /* enough for a request that has come meanwhile: its way takes several turns */

struct src_manifests {
	uv_poll_t events;
	uv_timer_t quiet, rescan, turn;
	unsigned int handles; /* that are not closed yet */
	struct src_folder folder;
	struct src_watch *watch; /* owned */
	struct agent_cluster nodes;
	struct src_complaints clashes; /* between nodes */
	bool told, complete;	       /* the first changed() was called, the first done() */
	bool any, tell;		       /* done() and changed() are due */
	bool untold;		       /* there was no memory to tell of all that has changed */
	bool always;		       /* the next look reads everything again */
	bool stale;		       /* nodes are not what the files say */
	uint64_t burst_ms;	       /* when the events that are waited for began */
	src_changed *changed;
	void *arg;
	struct src_sink sink;
	bool has_sink;
};

static void manifests_free(struct src_manifests *m)
{
	src_watch_close(&m->watch);
	src_folder_done(&m->folder);
	agent_cluster_done(&m->nodes);
	src_complaints_done(&m->clashes);
	fl_free_p(&m);
}

/* Makes the set of all files' nodes. */
static int make_nodes(struct src_manifests *m, struct fl_err *err)
{
	struct src_complaints clashes = { 0 };
	struct agent_cluster now = { 0 };
	struct agent_node *nodes = NULL;
	size_t n = 0;
	int r = src_folder_nodes(&m->folder, &nodes, &n, err);

	if (r == 0)
		r = agent_cluster_make(nodes, n, &m->nodes, src_complaints_add, &clashes, &now,
				       err);
	if (r < 0) {
		src_complaints_done(&clashes);
		return r;
	}
	src_complaints_done(&m->clashes);
	agent_cluster_done(&m->nodes);
	m->clashes = clashes;
	m->nodes = now;
	return 0;
}

static int look_at_news(struct src_manifests *m, bool *changed, struct fl_err *err)
{
	struct src_news *news = src_watch_news(m->watch);
	int r = 0;

	if (m->always || news->all || m->folder.has_links) {
		r = src_folder_scan(&m->folder, m->always, changed, err);
	} else {
		for (size_t i = 0; r == 0 && i < news->n; i++)
			r = src_folder_look(&m->folder, news->names[i], changed, err);
	}
	if (r < 0)
		return r;
	m->always = false;
	news->all = news->other = false;
	news->n = 0;
	return 0;
}

static void on_quiet(uv_timer_t *timer);

/* Everything is looked at again, after a while. */
static void retry(struct src_manifests *m, const struct fl_err *why)
{
	fl_error("%s: %s; trying again", m->folder.path, why->text);
	src_watch_news(m->watch)->all = true;
	uv_timer_start(&m->quiet, on_quiet, RETRY_MS, 0);
}

static void tell_objects(struct src_manifests *m)
{
	struct fl_err err;

	m->untold = src_index_tell(&m->folder.index, m->has_sink ? &m->sink : NULL, &m->any, &err) <
		    0;
	if (!m->untold)
		return;
	m->sink.lack(m->sink.arg);
	retry(m, &err);
}

/* That was all; also the first time, but not of a folder that may hold anything. */
static void end(struct src_manifests *m)
{
	bool tell = m->tell;

	if (m->has_sink && m->folder.listed && !m->untold && (m->any || !m->complete)) {
		m->complete = true;
		m->sink.done(m->sink.arg);
	}
	m->told = true;
	m->any &= m->untold;
	m->tell = false;
	if (tell)
		m->changed(&m->nodes, m->arg);
}

static void on_end(uv_timer_t *turn)
{
	end(turn->data);
}

/* Goes on in a while from now, not from when this turn of the loop began. */
static void go_on(struct src_manifests *m, uv_timer_cb step)
{
	uv_update_time(m->turn.loop);
	(void)uv_timer_start(&m->turn, step, TURN_MS, 0);
}

static void on_tell(uv_timer_t *turn)
{
	tell_objects(turn->data);
	go_on(turn->data, on_end);
}

/* Looks at what there is to look at, and tells of it. */
static void look(struct src_manifests *m, bool tell)
{
	uint64_t bytes = m->folder.stats.bytes;
	struct fl_err err;
	int r = look_at_news(m, &m->stale, &err)
			?: src_index_settle(&m->folder.index, &m->stale, &err);

	m->tell |= tell || m->stale || !m->told;
	if (r == 0 && m->stale)
		r = make_nodes(m, &err);
	bytes = m->folder.stats.bytes - bytes;
	/* What was needed for large texts is not needed until the next change. */
	if (bytes > TRIM_BYTES)
		malloc_trim(0);
	if (r < 0) {
		retry(m, &err);
		return;
	}
	m->stale = false;
	/*
	 * Who has the nodes is told of others at once. And what has been waiting for its turn does
	 * not wait for those of another change, which may be followed by the next.
	 */
	if (bytes > LARGE_BYTES && !m->tell && !uv_is_active((uv_handle_t *)&m->turn)) {
		go_on(m, on_tell);
		return;
	}
	(void)uv_timer_stop(&m->turn);
	tell_objects(m);
	end(m);
}

static void on_quiet(uv_timer_t *timer)
{
	look(timer->data, false);
}

static void on_rescan(uv_timer_t *timer)
{
	struct src_manifests *m = timer->data;

	src_watch_follow(m->watch);
	src_watch_news(m->watch)->all = true;
	look(m, false);
}

static void on_events(uv_poll_t *poll, int status, int events)
{
	struct src_manifests *m = poll->data;
	const struct src_news *news = src_watch_news(m->watch);
	uint64_t now = uv_now(poll->loop);

	(void)status;
	(void)events;
	src_watch_take(m->watch);
	if (!news->all && news->n == 0 && !(news->other && m->folder.has_links))
		return;
	if (!uv_is_active((uv_handle_t *)&m->quiet))
		m->burst_ms = now;
	else if (now + QUIET_MS > m->burst_ms + BURST_MS)
		return;
	uv_timer_start(&m->quiet, on_quiet, QUIET_MS, 0);
}

int src_manifests_open(uv_loop_t *loop, const char *path, src_changed *changed, void *arg,
		       const struct src_sink *sink, struct src_manifests **out, struct fl_err *err)
{
	struct src_manifests *m = calloc(1, sizeof(*m));
	int r = m ? 0 : fl_fail_errno(err, ENOMEM, "watch '%s'", path);

	if (r < 0)
		return r;
	m->folder.kept = SRC_KEPT_NONE;
	m->changed = changed;
	m->arg = arg;
	m->has_sink = sink;
	if (sink)
		m->sink = *sink;
	m->folder.path = strdup(path);
	if (!m->folder.path)
		r = fl_fail_errno(err, ENOMEM, "watch '%s'", path);
	r = r ?: src_watch_open(path, &m->watch, err);
	if (r == 0) {
		r = uv_poll_init(loop, &m->events, src_watch_fd(m->watch));
		r = r < 0 ? fl_fail_errno(err, -r, "watch '%s'", path) : 0;
	}
	if (r < 0) {
		manifests_free(m);
		return r;
	}
	m->handles = 4;
	m->events.data = m->quiet.data = m->rescan.data = m->turn.data = m;
	uv_timer_init(loop, &m->quiet);
	uv_timer_init(loop, &m->turn);
	uv_timer_init(loop, &m->rescan);
	src_watch_news(m->watch)->all = true;
	uv_poll_start(&m->events, UV_READABLE, on_events);
	uv_timer_start(&m->quiet, on_quiet, 0, 0);
	uv_timer_start(&m->rescan, on_rescan, RESCAN_MS, RESCAN_MS);
	*out = m;
	return 0;
}

int src_manifests_keep(struct src_manifests *m, const char *path, struct fl_err *err)
{
	return src_kept_open(path, &m->folder.kept, err);
}

static void on_closed(uv_handle_t *handle)
{
	struct src_manifests *m = handle->data;

	if (--m->handles == 0)
		manifests_free(m);
}

void src_manifests_close(struct src_manifests **m)
{
	if (!*m)
		return;
	uv_close((uv_handle_t *)&(*m)->events, on_closed);
	uv_close((uv_handle_t *)&(*m)->quiet, on_closed);
	uv_close((uv_handle_t *)&(*m)->rescan, on_closed);
	uv_close((uv_handle_t *)&(*m)->turn, on_closed);
	*m = NULL;
}

void src_manifests_reload(struct src_manifests *m)
{
	m->always = true;
	src_watch_follow(m->watch);
	look(m, true);
}

int src_manifests_retell(struct src_manifests *m, struct fl_err *err)
{
	int r = 0;

	if (!m->complete)
		return 0;
	if (m->untold)
		r = fl_fail_errno(err, ENOMEM, "tell of what has changed");
	r = r ?: src_index_retell(&m->folder.index, &m->sink, err);
	if (r == 0)
		m->sink.done(m->sink.arg);
	return r;
}

void src_manifests_problems(const struct src_manifests *m, agent_complain *each, void *arg)
{
	if (src_watch_trouble(m->watch))
		each(m->folder.path, src_watch_trouble(m->watch), arg);
	src_folder_problems(&m->folder, each, arg);
	src_complaints_each(&m->clashes, m->folder.path, each, arg);
}

struct src_stats src_manifests_stats(const struct src_manifests *m)
{
	return src_folder_stats(&m->folder);
}
