// SPDX-License-Identifier: Apache-2.0
/* inotify on a path. */
#include "agent/source/watch.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "agent/source/folder.h"
#include "base/text.h"

#define PLACES_MAX 64 /* folders on the way */
#define LINKS_MAX  40 /* as the kernel's own limit */

#define GONE (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)
/* No IN_MODIFY: a file that is being written is looked at when it is closed. */
#define MASK                                                                                \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* A folder that is watched. */
struct place {
	int wd;
	bool is_folder; /* the one it is all about */
	bool on_way;	/* to it */
	char *name;	/* the one in it that is on the way; NULL: any may be; owned */
};

struct places {
	struct place list[PLACES_MAX];
	size_t n;
};

struct src_watch {
	int fd;	    /* owned */
	char *path; /* owned */
	struct places places;
	struct src_news news;
	struct fl_err trouble; /* sys 0: none */
};

static void places_done(struct places *p)
{
	while (p->n > 0)
		fl_free_p(&p->list[--p->n].name);
}

void src_watch_close(struct src_watch **w)
{
	if (!*w)
		return;
	places_done(&(*w)->places);
	fl_close_p(&(*w)->fd);
	fl_free_p(&(*w)->path);
	fl_free_p(&(*w)->news.names);
	fl_free_p(w);
}

static struct place *find_place(struct places *p, int wd)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->list[i].wd == wd)
			return &p->list[i];
	}
	return NULL;
}

/* Watches a folder for a name in it, or (NULL) for everything. */
static void watch_place(struct src_watch *w, struct places *p, const char *folder, const char *name)
{
	int wd = inotify_add_watch(w->fd, folder, MASK);
	struct place *known = find_place(p, wd);

	if (wd < 0 || p->n == PLACES_MAX) {
		(void)fl_fail_errno(&w->trouble, wd < 0 ? errno : ELOOP, "watch '%.200s'", folder);
		return;
	}
	if (!known) {
		known = &p->list[p->n++];
		*known = (struct place){ .wd = wd };
	}
	if (name && !known->on_way)
		known->name = strdup(name);
	else if (name && !fl_streq(known->name, name))
		fl_free_p(&known->name);
	known->on_way |= name != NULL;
	known->is_folder |= !name;
}

/* A path that is being followed: at has no links any more, rest may have. */
struct way {
	char at[PATH_MAX], rest[PATH_MAX];
	unsigned int links;
};

/* Takes the first part off the rest; false: there is none. */
static bool next_part(struct way *way, char part[NAME_MAX + 1])
{
	const char *p = way->rest + strspn(way->rest, "/");
	size_t n = strcspn(p, "/");

	if (n == 0 || n > NAME_MAX)
		return false;
	memcpy(part, p, n);
	part[n] = '\0';
	memmove(way->rest, p + n, strlen(p + n) + 1);
	return true;
}

/* Goes where the link leads that is at path. */
static bool follow_link(struct way *way, const char *path)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	int len;

	if (n < 0 || ++way->links > LINKS_MAX)
		return false;
	target[n] = '\0';
	len = snprintf(rest, sizeof(rest), "%s/%s", target, way->rest);
	if (len < 0 || len >= (int)sizeof(rest))
		return false;
	memcpy(way->rest, rest, (size_t)len + 1);
	if (target[0] == '/')
		strcpy(way->at, "/");
	return true;
}

/* One step; false: the way ends here. The folder is watched before it is looked into. */
static bool take_step(struct src_watch *w, struct places *p, struct way *way, const char *part)
{
	char path[PATH_MAX];
	struct stat st;
	int len;

	if (fl_streq(part, "."))
		return true;
	len = snprintf(path, sizeof(path), "%s%s%s", way->at,
		       way->at[strlen(way->at) - 1] == '/' ? "" : "/", part);
	if (len < 0 || len >= (int)sizeof(path))
		return false;
	watch_place(w, p, way->at, part);
	if (lstat(path, &st) < 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return follow_link(way, path);
	memcpy(way->at, path, (size_t)len + 1);
	return S_ISDIR(st.st_mode);
}

void src_watch_follow(struct src_watch *w)
{
	fl_auto(places_done) struct places old = w->places;
	struct way way = { 0 };
	struct places now = { .n = 0 };
	char part[NAME_MAX + 1];
	bool goes_on = true;

	w->trouble = (struct fl_err){ 0 };
	strcpy(way.at, w->path[0] == '/' ? "/" : ".");
	if (fl_copy(way.rest, sizeof(way.rest), w->path, &w->trouble) < 0)
		goes_on = false;
	while (goes_on && next_part(&way, part))
		goes_on = take_step(w, &now, &way, part);
	if (goes_on)
		watch_place(w, &now, way.at, NULL);
	for (size_t i = 0; i < old.n; i++) {
		if (!find_place(&now, old.list[i].wd))
			inotify_rm_watch(w->fd, old.list[i].wd);
	}
	w->places = now;
}

static void add_name(struct src_news *news, const char *name)
{
	for (size_t i = 0; i < news->n; i++) {
		if (fl_streq(news->names[i], name))
			return;
	}
	if (news->n == SRC_NEWS_MAX || strlen(name) > NAME_MAX) {
		news->all = true;
		return;
	}
	strcpy(news->names[news->n++], name);
}

/* True when the way to the folder may be another now. */
static bool take_event(struct src_watch *w, const struct inotify_event *e)
{
	const struct place *place = find_place(&w->places, e->wd);

	if (e->mask & IN_Q_OVERFLOW) {
		w->news.all = true;
		return true;
	}
	if (!place)
		return false;
	if (place->is_folder && e->len > 0 && src_is_manifest(e->name))
		add_name(&w->news, e->name);
	else if (place->is_folder && e->len > 0)
		w->news.other = true;
	else if (place->is_folder)
		w->news.all = true;
	if (e->mask & GONE)
		return true;
	return place->on_way && e->len > 0 && (!place->name || fl_streq(place->name, e->name));
}

void src_watch_take(struct src_watch *w)
{
	char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool elsewhere = false;
	ssize_t n;

	while ((n = read(w->fd, buffer, sizeof(buffer))) > 0) {
		for (char *p = buffer; p < buffer + n;) {
			const struct inotify_event *e = (const void *)p;

			elsewhere |= take_event(w, e);
			p += sizeof(*e) + e->len;
		}
	}
	if (!elsewhere)
		return;
	src_watch_follow(w);
	w->news.all = true;
}

int src_watch_open(const char *path, struct src_watch **out, struct fl_err *err)
{
	fl_auto(src_watch_close) struct src_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return fl_fail_errno(err, ENOMEM, "watch '%s'", path);
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0)
		return fl_fail_errno(err, errno, "watch '%s': make an inotify instance", path);
	w->path = strdup(path);
	w->news.names = calloc(SRC_NEWS_MAX, sizeof(*w->news.names));
	if (!w->path || !w->news.names)
		return fl_fail_errno(err, ENOMEM, "watch '%s'", path);
	src_watch_follow(w);
	*out = FL_TAKE(w);
	return 0;
}

int src_watch_fd(const struct src_watch *w)
{
	return w->fd;
}

struct src_news *src_watch_news(struct src_watch *w)
{
	return &w->news;
}

const char *src_watch_trouble(const struct src_watch *w)
{
	return w->trouble.sys ? w->trouble.text : NULL;
}
