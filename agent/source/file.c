// SPDX-License-Identifier: Apache-2.0
/* One file of the manifests folder. */
#include "agent/source/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "yaml/yaml.h"

/*
 * A file's times come from a clock that ticks every 1 to 10 ms. Two changes within a tick look
 * like one, so a file that was younger than this when it was read is read again when in doubt.
 */
#define TICK_NS 20000000

void src_file_done(struct src_file *file)
{
	fl_free_p(&file->name);
	src_objects_done(&file->objects);
}

static struct src_print print_of(const struct stat *st)
{
	return (struct src_print){ st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_print(const struct src_print *a, const struct src_print *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(&a->mtime, &b->mtime) && same_time(&a->ctime, &b->ctime);
}

static bool is_old(const struct src_print *p)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (now.tv_sec - p->ctime.tv_sec) * INT64_C(1000000000) + now.tv_nsec -
		       p->ctime.tv_nsec >
	       TICK_NS;
}

/* The text of a regular file, and the print of what was read. */
static int read_text(int dir, struct src_file *file, char **text, size_t *len, struct fl_err *err)
{
	fl_auto_close int fd = -1;
	struct stat st;
	bool old;
	int r;

	/* Nothing that is opened here by mistake may block us. */
	fd = openat(dir, file->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT && file->is_link)
		return fl_fail(err, ENOENT, "open '%s': the link leads nowhere", file->name);
	if (fd < 0)
		return fl_fail_errno(err, errno, "open '%s'", file->name);
	if (fstat(fd, &st) < 0)
		return fl_fail_errno(err, errno, "look at '%s'", file->name);
	if (!S_ISREG(st.st_mode))
		return fl_fail(err, EINVAL, "'%s' is %s, expected a file", file->name,
			       S_ISDIR(st.st_mode) ? "a folder" : "no regular file");
	if (st.st_size > FL_YAML_FILE_MAX)
		return fl_fail(err, EFBIG, "'%s' has %jd bytes, expected at most %u", file->name,
			       (intmax_t)st.st_size, FL_YAML_FILE_MAX);
	file->print = print_of(&st);
	old = is_old(&file->print);
	r = fl_read_fd(fd, FL_YAML_FILE_MAX, text, len, err);
	file->settled = r == 0 && old;
	return r;
}

/* Keeps the objects, and has this complaint in place of those before. */
static void complain(struct src_file *file, const struct fl_err *why)
{
	size_t n = strlen(file->name);
	const char *text = why->text, *colon = strstr(text, ": ");
	fl_auto_free char *where = NULL;

	/* "FILE:LINE:COLUMN: what": the place is one thing, and what is wrong another. */
	if (strncmp(text, file->name, n) == 0 && text[n] == ':' && colon > text + n) {
		where = strndup(text, (size_t)(colon - text));
		text = colon + 2;
	}
	src_complaints_done(&file->objects.complaints);
	src_complaints_add(where ?: file->name, text, &file->objects.complaints);
}

/* What is in force stays: the file cannot be read, or says nothing that can be understood. */
static void keep_objects(struct src_file *file, const struct src_reader *rd, bool *changed,
			 const struct fl_err *why)
{
	struct src_complaints before = file->objects.complaints;

	rd->stats->failed_reads++;
	file->broken = true;
	file->objects.complaints = (struct src_complaints){ 0 };
	complain(file, why);
	*changed |= !src_complaints_equal(&before, &file->objects.complaints);
	src_complaints_done(&before);
}

static bool same_nodes(const struct src_objects *a, const struct src_objects *b)
{
	if (a->n_nodes != b->n_nodes || !src_complaints_equal(&a->complaints, &b->complaints))
		return false;
	for (size_t i = 0; i < a->n_nodes; i++) {
		if (!agent_node_equal(&a->nodes[i], &b->nodes[i]) ||
		    !fl_streq(a->nodes[i].where, b->nodes[i].where))
			return false;
	}
	return true;
}

static int parse(const struct src_file *file, const struct src_reader *rd, const char *text,
		 size_t len, struct src_objects *out, struct fl_err *err)
{
	const struct src_input in = { file->name, text, len, &file->objects, rd->unknown, rd->arg };

	return src_objects_read(&in, out, err);
}

/* The file has the objects from now on, in place of those before. */
static int take(struct src_file *file, const struct src_reader *rd, struct src_objects *objects,
		bool *changed, struct fl_err *err)
{
	int r = src_index_enter(rd->index, objects, err);

	if (r < 0)
		return r;
	*changed |= !same_nodes(&file->objects, objects);
	src_index_leave(rd->index, &file->objects);
	src_objects_done(&file->objects);
	file->objects = *objects;
	*objects = (struct src_objects){ 0 };
	return 0;
}

/*
 * Something is wrong with a file that has not been read before: it gets the objects of the copy
 * that is kept. 1: there are some. A copy that says nothing right either is none.
 */
static int recall(struct src_file *file, const struct src_reader *rd, bool *changed,
		  struct fl_err *err)
{
	fl_auto(src_objects_done) struct src_objects objects = { 0 };
	fl_auto_free char *text = NULL;
	struct fl_err why;
	size_t len = 0;
	int r;

	if (file->known || rd->kept->dir < 0)
		return 0;
	r = src_kept_read(rd->kept, file->name, &text, &len, &why)
		    ?: parse(file, rd, text, len, &objects, &why);
	if (fl_is_want(r))
		*err = why;
	if (r < 0)
		return fl_is_want(r) ? r : 0;
	fl_warn("%s: something is wrong with it: what it has said when it was right is in force",
		file->name);
	return take(file, rd, &objects, changed, err) ?: 1;
}

/* The file's text, and its objects with what they were before. */
static int read_objects(struct src_file *file, const struct src_reader *rd, bool *changed,
			char **text, size_t *len, struct src_objects *out, struct fl_err *err)
{
	int last, r = read_text(rd->dir, file, text, len, err)
			      ?: parse(file, rd, *text, *len, out, err);
	struct fl_err why;

	if (fl_is_want(r) || (r == 0 && out->complaints.n == 0))
		return r;
	last = recall(file, rd, changed, &why);
	if (last < 0)
		*err = why;
	if (last <= 0 || r < 0)
		return last < 0 ? last : r;
	src_objects_done(out);
	return parse(file, rd, *text, *len, out, err);
}

/*
 * An agent that starts is to find what is in force now: the text, or where that is not right the
 * objects themselves. Without memory for it the copy stays as it was.
 */
static void keep_copy(const struct src_file *file, const struct src_reader *rd, const char *text,
		      size_t len)
{
	fl_auto_free char *printed = NULL;
	struct fl_err why;

	if (rd->kept->dir < 0)
		return;
	if (!file->broken)
		src_kept_write(rd->kept, file->name, text, len);
	else if (src_objects_print(&file->objects, &printed, &len, &why) == 0)
		src_kept_write(rd->kept, file->name, printed, len);
	else
		fl_warn("manifest '%s' cannot be kept: %s", file->name, why.text);
}

static int read_file(struct src_file *file, const struct src_reader *rd, bool *changed,
		     struct fl_err *err)
{
	fl_auto(src_objects_done) struct src_objects objects = { 0 };
	fl_auto_free char *text = NULL;
	size_t len = 0;
	int r = read_objects(file, rd, changed, &text, &len, &objects, err)
			?: take(file, rd, &objects, changed, err);

	rd->stats->reads++;
	rd->stats->bytes += len;
	if (fl_is_want(r)) {
		file->settled = false;
		return r;
	}
	file->known = true;
	if (r < 0) {
		keep_objects(file, rd, changed, err);
		return 0;
	}
	file->broken = file->objects.complaints.n > 0;
	keep_copy(file, rd, text, len);
	rd->stats->objects += file->objects.known;
	rd->stats->ignored_objects += file->objects.unknown;
	return 0;
}

int src_file_refresh(struct src_file *file, const struct src_reader *rd, bool *changed,
		     struct fl_err *err)
{
	struct stat st;
	struct src_print print;
	int r;

	if (fstatat(rd->dir, file->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return -ENOENT;
		r = fl_fail_errno(err, errno, "look at '%s'", file->name);
		file->settled = false;
		if (fl_is_want(r))
			return r;
		keep_objects(file, rd, changed, err);
		return 0;
	}
	file->is_link = S_ISLNK(st.st_mode);
	if (file->is_link && fstatat(rd->dir, file->name, &st, 0) < 0)
		return read_file(file, rd, changed, err);
	print = print_of(&st);
	if (!rd->always && file->settled && same_print(&print, &file->print))
		return 0;
	file->print = print;
	file->settled = false;
	return read_file(file, rd, changed, err);
}
