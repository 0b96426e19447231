// SPDX-License-Identifier: Apache-2.0
/*
 * With which configuration a BIRD begins, and which one that has begun is found to have.
 *
 * bird.conf is the last that a BIRD has accepted, and stays so: a BIRD that is started with another
 * reads that as bird.conf.new. When it greets, it has accepted it; when it ends before, the next
 * one begins with bird.conf again, and is offered the other when it can say what is wrong with it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/bgp/keep.h"
#include "agent/bgp/supervise.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#define CONF_MAX (64u << 20) /* bytes */
#define GOOD	 "bird.conf"
#define NEW	 "bird.conf.new"

void bgp_accepted(struct bgp *b)
{
	if (renameat(b->dirfd, NEW, b->dirfd, GOOD) < 0)
		fl_warn("bgp: rename " NEW ": errno %d", errno);
	fl_free_p(&b->in_force);
	b->in_force = FL_TAKE(b->offered);
	b->in_doubt = b->on_trial = false;
}

void bgp_refused(struct bgp *b)
{
	FL_IGNORE(unlinkat(b->dirfd, NEW, 0));
	fl_free_p(&b->refused);
	b->refused = FL_TAKE(b->offered);
	b->on_trial = false;
}

/* The last good configuration, or NULL; the caller frees. */
static char *read_good(const struct bgp *b)
{
	char *text = NULL;
	struct fl_err none;
	size_t len;

	return fl_read_file(b->dirfd, GOOD, CONF_MAX, &text, &len, &none) < 0 ? NULL : text;
}

/* 1: this is what the last BIRD has refused, to be told or to begin with. */
static int is_refused(const struct bgp *b, struct fl_err *err)
{
	fl_auto_free char *offer = NULL;
	int r;

	if (!b->refused)
		return 0;
	r = bgp_keep_times(b->want, b->in_force, &offer, err);
	if (r < 0)
		return r;
	return fl_streq(offer, b->refused) || fl_streq(b->want, b->refused);
}

static int write_conf(const struct bgp *b, const char *name, const char *text, char **copy,
		      struct fl_err *err)
{
	int r = fl_replace_file(b->dirfd, name, text, strlen(text), 0600, err);

	if (r < 0)
		return r;
	*copy = strdup(text);
	return *copy ? 0 : fl_fail_errno(err, ENOMEM, "start bird");
}

/* Makes sure of the file that a BIRD is to begin with. */
static int put_conf(struct bgp *b, const char **file, struct fl_err *err)
{
	fl_auto_free char *good = read_good(b), *trial = NULL;
	int r = is_refused(b, err);

	if (r < 0)
		return r;
	*file = GOOD;
	if (!good) {
		r = write_conf(b, GOOD, r && b->in_force ? b->in_force : b->want, &good, err);
		if (r < 0)
			return r;
	} else if (r == 0 && !fl_streq(good, b->want)) {
		/* Where it cannot be written, the last one is better than none. */
		if (write_conf(b, NEW, b->want, &trial, err) == 0)
			*file = NEW;
		else
			fl_warn("bgp: %s; bird starts with its last configuration", err->text);
	}
	fl_free_p(&b->in_force);
	fl_free_p(&b->offered);
	b->in_force = FL_TAKE(good);
	b->offered = FL_TAKE(trial);
	b->on_trial = b->offered != NULL;
	return 0;
}

static int start(struct bgp *b, bgp_ready *ended, struct fl_err *err)
{
	const char *file = NULL;
	int r;

	r = put_conf(b, &file, err);
	r = r ?: bgp_process_start(b->program, &b->dir, file, b->recover, &b->process, err);
	r = r ?: bgp_watch_open(b->loop, b->process.fd, ended, b, &b->process_watch, err);
	if (r < 0)
		return r;
	fl_info("bgp: bird started as process %d%s", b->process.pid,
		b->recover ? ", keeping its routes" : "");
	b->recover = true;
	b->proven = false;
	b->stats.starts++;
	b->up_at_ms = uv_now(b->loop);
	b->in_doubt = false;
	return 0;
}

/* b->process is one that another agent has started. */
static int take_over(struct bgp *b, bgp_ready *ended, struct fl_err *err)
{
	fl_free_p(&b->in_force);
	b->on_trial = false;
	b->in_force = read_good(b);
	/* One that the last agent was offering may be in force or not. */
	b->in_doubt = faccessat(b->dirfd, NEW, F_OK, 0) == 0;
	b->recover = true;
	return bgp_watch_open(b->loop, b->process.fd, ended, b, &b->process_watch, err);
}

int bgp_adopt(struct bgp *b, pid_t pid, bgp_ready *ended, struct fl_err *err)
{
	int r;

	if (b->process_watch && b->process.pid == pid)
		return 0;
	bgp_watch_close(&b->process_watch);
	bgp_process_close(&b->process);
	r = bgp_process_adopt(pid, &b->process, err) ?: take_over(b, ended, err);
	if (r == 0)
		fl_info("bgp: process %d is taken over", pid);
	return r;
}

int bgp_begin(struct bgp *b, bgp_ready *ended, struct fl_err *err)
{
	if (!bgp_process_find(b->program, &b->dir, b->dirfd, &b->process))
		return start(b, ended, err);
	fl_info("bgp: process %d is there without its control socket", b->process.pid);
	b->proven = false;
	return take_over(b, ended, err);
}
