// SPDX-License-Identifier: Apache-2.0
/*
 * BIRD kept alive and told what to do.
 *
 *   IDLE --apply--> TRYING --connected--> UP --it ended--> PAUSED --0.1 s ... 30 s--> TRYING
 *
 * TRYING connects to the control socket: who answers there is ours and taken over; when nobody
 * does and no process of ours is on its way, one is started. UP asks one question at a time:
 * "configure" when the wanted text is another than the one in force, else now and then how the
 * sessions are. Nothing here waits for BIRD.
 */
#include "agent/bgp/supervise.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/bgp/keep.h"
#include "agent/bgp/write.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

enum {
	TRY_MS = 20,	/* doubled up to PAUSE_FIRST_MS */
	TRIES_MAX = 50, /* so five seconds */
	PAUSE_FIRST_MS = 100,
	PAUSE_LAST_MS = 30000,
	PROVEN_MS = 10000, /* who lived so long is started again without a long pause */
	FIRST_LOOK_MS = 1000,
	LOOK_MS = 5000,
	BREAKS_MAX = 6, /* so a connection that breaks ever again is made anew after 6.4 s */
};

static void on_process(void *arg);
static void on_ctl(void *arg);
static void on_timer(void *arg);

int bgp_open(uv_loop_t *loop, const struct agent_config *conf, const char *root, struct bgp **out,
	     struct fl_err *err)
{
	struct bgp *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return fl_fail_errno(err, ENOMEM, "prepare BGP");
	b->loop = loop;
	b->conf = conf;
	b->dirfd = -1;
	b->ctl = BGP_CTL_NONE;
	b->process = BGP_PROCESS_NONE;
	b->pause_ms = PAUSE_FIRST_MS;
	b->root = strdup(root);
	r = b->root ? 0 : fl_fail_errno(err, ENOMEM, "prepare BGP");
	r = r ?: bgp_program_find(conf->bgp.bird, b->program, err) ?: bgp_dir_name(root, &b->dir, err);
	r = r ?: bgp_dir_open(&b->dir, &b->dirfd, err);
	r = r ?: bgp_timer_open(loop, on_timer, b, &b->timer, err);
	if (r < 0) {
		bgp_close(&b, false);
		return r;
	}
	b->recover = faccessat(b->dirfd, "bird.conf", F_OK, 0) == 0;
	*out = b;
	return 0;
}

static void hang_up(struct bgp *b)
{
	bgp_watch_close(&b->ctl_watch);
	bgp_ctl_close(&b->ctl);
	/* It may have taken what it was offered, and may not: so it is told again. */
	b->in_doubt |= b->asked == ASKED_CONFIGURE;
	b->asked = ASKED_NOTHING;
	b->version[0] = '\0';
	b->hangs = false;
}

static void mend(struct bgp *b)
{
	b->breaks = 0;
	b->broken = (struct fl_err){ 0 };
}

/*
 * The connection is of no more use: another one soon, later from time to time. It stands as a
 * problem until BIRD has said all on one, as what breaks may be what BIRD says each time.
 */
static void break_off(struct bgp *b, const struct fl_err *why)
{
	hang_up(b);
	/* What was heard may have been meant for another question. */
	b->in_doubt |= why->sys == EPROTO;
	b->broken = *why;
	b->state = BGP_TRYING;
	if (b->breaks)
		bgp_rows_done(&b->rows);
	bgp_timer_set(b->timer, PAUSE_FIRST_MS << b->breaks);
	if (b->breaks < BREAKS_MAX)
		b->breaks++;
}

void bgp_close(struct bgp **pb, bool stop)
{
	struct bgp *b = *pb;
	struct fl_err err = { 0 };

	if (!b)
		return;
	hang_up(b);
	bgp_watch_close(&b->process_watch);
	bgp_process_close(&b->process);
	bgp_timer_close(&b->timer);
	if (stop && bgp_end(b->program, &b->dir, b->dirfd, &err) < 0)
		fl_warn("%s", err.text);
	fl_close_p(&b->dirfd);
	fl_free_p(&b->root);
	fl_free_p(&b->want);
	fl_free_p(&b->in_force);
	fl_free_p(&b->offered);
	fl_free_p(&b->refused);
	bgp_plan_done(&b->plan);
	bgp_rows_done(&b->rows);
	bgp_rows_done(&b->fresh);
	bgp_problems_done(&b->asking);
	fl_free_p(pb);
}

/* After something that keeps BIRD from being up: a pause, twice as long as the last one. */
static void pause_then_try(struct bgp *b, const struct fl_err *why)
{
	if (uv_now(b->loop) - b->up_at_ms >= PROVEN_MS)
		b->pause_ms = PAUSE_FIRST_MS;
	b->trouble = *why;
	b->state = BGP_PAUSED;
	bgp_rows_done(&b->rows);
	fl_warn("bgp: %s; trying again in %.1f s", why->text, (double)b->pause_ms / 1000);
	bgp_timer_set(b->timer, b->pause_ms);
	b->pause_ms = b->pause_ms * 2 < PAUSE_LAST_MS ? b->pause_ms * 2 : PAUSE_LAST_MS;
}

/* Connects, or starts a BIRD to connect to soon. */
static void try(struct bgp *b)
{
	struct fl_err err = { 0 };
	pid_t pid = -1;
	int r;

	b->state = BGP_TRYING;
	r = bgp_ctl_open(b->dir.ctl, &b->ctl, &pid, &err);
	if (r == 0) {
		r = bgp_adopt(b, pid, on_process, &err)
			    ?: bgp_watch_open(b->loop, b->ctl.fd, on_ctl, b, &b->ctl_watch, &err);
		if (r == 0) {
			b->state = BGP_UP;
			b->asked = ASKED_GREETING;
			b->tries = 0;
			bgp_timer_set(b->timer, LOOK_MS);
			return;
		}
		hang_up(b);
	} else if ((r == -ENOENT || r == -ECONNREFUSED) && b->process.fd < 0) {
		r = bgp_begin(b, on_process, &err);
	} else if (b->process.fd >= 0) {
		r = 0; /* on its way */
	}
	if (r < 0) {
		pause_then_try(b, &err);
		return;
	}
	bgp_timer_set(b->timer, b->tries < 3 ? TRY_MS << b->tries : PAUSE_FIRST_MS);
	/* One that cannot be spoken to cannot be told anything either. */
	if (++b->tries == TRIES_MAX) {
		fl_warn("bgp: process %d has no control socket: it is ended", b->process.pid);
		bgp_process_kill(&b->process);
		b->tries = 0;
	}
}

static void ask(struct bgp *b, enum bgp_question question, const char *command)
{
	struct fl_err err = { 0 };

	if (bgp_ctl_send(&b->ctl, command, &err) == 0)
		b->asked = question;
	else
		break_off(b, &err);
}

/* Tells BIRD to read the wanted configuration, unless it runs it, or has refused it. A session that
 * runs keeps its times of connecting. */
static void push(struct bgp *b)
{
	char command[BGP_PATH + 64];
	struct fl_err err = { 0 };

	if (b->state != BGP_UP || b->asked != ASKED_NOTHING)
		return;
	fl_free_p(&b->offered);
	if (bgp_keep_times(b->want, b->in_force, &b->offered, &err) < 0) {
		b->trouble = err;
		return;
	}
	if (fl_streq(b->offered, b->refused))
		return;
	if (!b->in_doubt && fl_streq(b->offered, b->in_force)) {
		b->trouble = (struct fl_err){ 0 };
		return;
	}
	if (fl_replace_file(b->dirfd, "bird.conf.new", b->offered, strlen(b->offered), 0600, &err) <
	    0) {
		/* Tried again at the next look. */
		b->trouble = err;
		return;
	}
	(void)snprintf(command, sizeof(command), "configure \"%s/bird.conf.new\"", b->dir.path);
	ask(b, ASKED_CONFIGURE, command);
}

/*
 * Asks the peers that have an import limit for their routes again, one at a time: BIRD forgets what
 * it has blocked, and does not look for it when the limit changes.
 */
static void reload(struct bgp *b)
{
	char command[BGP_SYMBOL + 32];

	while (b->reloaded < b->plan.n) {
		const struct bgp_session *s = &b->plan.sessions[b->reloaded++];

		if (!s->limited)
			continue;
		(void)snprintf(command, sizeof(command), "reload in '%s'", s->symbol);
		ask(b, ASKED_RELOAD, command);
		return;
	}
}

static void configured(struct bgp *b, const char *answer)
{
	struct fl_err err = { 0 };

	if (bgp_reply_check(answer, &err) < 0) {
		b->trouble = err;
		fl_warn("bgp: %s", err.text);
		bgp_refused(b);
		return;
	}
	b->stats.configures++;
	b->trouble = (struct fl_err){ 0 };
	fl_free_p(&b->refused);
	bgp_accepted(b);
	b->reloaded = 0;
	reload(b);
}

/* What BIRD said of its sessions becomes what is known of them. */
static void publish(struct bgp *b)
{
	bgp_rows_done(&b->rows);
	b->rows = b->fresh;
	b->fresh = (struct bgp_rows){ 0 };
	mend(b);
}

static void greeted(struct bgp *b, const char *answer)
{
	bgp_reply_version(answer, b->version, sizeof(b->version));
	b->up_at_ms = uv_now(b->loop);
	b->proven = true;
	if (b->on_trial)
		bgp_accepted(b);
	/* Text that was refused by the last one may suit this one. */
	fl_free_p(&b->refused);
	b->trouble = (struct fl_err){ 0 };
	bgp_timer_set(b->timer, FIRST_LOOK_MS);
}

static void answered(struct bgp *b, const char *answer)
{
	enum bgp_question question = b->asked;
	struct fl_err err = { 0 };

	b->asked = ASKED_NOTHING;
	b->hangs = false;
	switch (question) {
	case ASKED_GREETING:
		greeted(b, answer);
		break;
	case ASKED_CONFIGURE:
		configured(b, answer);
		break;
	case ASKED_RELOAD:
		reload(b);
		break;
	case ASKED_PROTOCOLS:
		bgp_rows_done(&b->fresh);
		if (bgp_reply_protocols(answer, &b->fresh, &err) == 0)
			ask(b, ASKED_BFD, "show bfd sessions");
		break;
	case ASKED_BFD:
		bgp_reply_bfd(answer, &b->fresh);
		publish(b);
		break;
	case ASKED_NOTHING:
		break;
	}
	push(b);
}

static void on_ctl(void *arg)
{
	struct bgp *b = arg;
	fl_auto_free char *answer = NULL;
	struct fl_err err = { 0 };
	int r;

	r = bgp_ctl_take(&b->ctl, &answer, &err);
	if (r > 0)
		answered(b, answer);
	/* When the process is ending, its descriptor tells it. */
	if (r < 0)
		break_off(b, &err);
}

static void on_process(void *arg)
{
	struct bgp *b = arg;
	struct fl_err err = { 0 };

	bgp_watch_close(&b->process_watch);
	bgp_process_end(&b->process, b->dirfd, &err);
	hang_up(b);
	mend(b);
	/* Who has not greeted may have died of what it had to read: the next one reads the other.
	 */
	if (b->on_trial)
		bgp_refused(b);
	else if (!b->proven)
		fl_free_p(&b->refused);
	pause_then_try(b, &err);
}

void bgp_look(struct bgp *b)
{
	if (b->state == BGP_UP && b->asked == ASKED_NOTHING)
		ask(b, ASKED_PROTOCOLS, "show protocols all");
}

static void on_timer(void *arg)
{
	struct bgp *b = arg;

	if (b->state != BGP_UP) {
		try(b);
		return;
	}
	bgp_timer_set(b->timer, LOOK_MS);
	if (b->asked != ASKED_NOTHING) {
		b->hangs = true;
		return;
	}
	push(b);
	bgp_look(b);
}

/* The plan outlives what it was made from. */
static void keep_plan(struct bgp *b, struct bgp_plan *plan)
{
	bgp_plan_done(&b->plan);
	b->plan = *plan;
	*plan = (struct bgp_plan){ 0 };
	for (size_t i = 0; i < b->plan.n; i++) {
		b->plan.sessions[i].node = NULL;
		b->plan.sessions[i].peer = NULL;
		fl_free_p(&b->plan.sessions[i].password);
	}
}

int bgp_apply(struct bgp *b, const struct bgp_input *given, struct fl_err *err)
{
	struct bgp_input seen = *given;
	const struct bgp_input *in = &seen;
	fl_auto_free struct fl_prefix *links = NULL;
	bgp_auto_plan struct bgp_plan plan = { 0 };
	struct bgp_problems asking = { 0 };
	fl_auto_free char *text = NULL;
	int r;

	r = given->n_links ? 0 : bgp_links_read(&links, &seen.n_links, err);
	if (links)
		seen.links = links;
	if (!seen.root)
		seen.root = b->root;
	r = r ?: bgp_plan_make(in, bgp_problems_add, &asking, &plan, err)
		    ?: bgp_write_plan(in, &plan, b->dir.path, &text, err);
	bgp_problems_done(&b->asking);
	b->asking = asking;
	if (r < 0)
		return r;
	keep_plan(b, &plan);
	b->drained = in->drained;
	fl_free_p(&b->want);
	b->want = FL_TAKE(text);
	if (b->state == BGP_IDLE)
		try(b);
	else
		push(b);
	return 0;
}
