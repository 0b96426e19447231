// SPDX-License-Identifier: Apache-2.0
/* Containers' folders. */
#include "runtime/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/text.h"
#include "json/cur.h"

#define STATE_MAX     (16u << 20) /* bytes of state.json */
#define STATE_VERSION 1

void berth_state_done(struct berth_state *s)
{
	fl_json_free(&s->doc);
	*s = (struct berth_state){ 0 };
}

bool berth_state_is_current(const struct berth_env *env, const char *id, int dir)
{
	struct stat open_one, named;
	struct fl_err err = { 0 };
	char path[PATH_MAX];

	return fl_format(path, sizeof(path), &err, "%s/%s", env->run_dir, id) == 0 &&
	       fstat(dir, &open_one) == 0 && stat(path, &named) == 0 &&
	       open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* Locks the folder; -ENOENT when it was removed while we waited. */
static int lock_dir(const struct berth_env *env, const char *id, int dir, int wait_ms,
		    struct fl_err *err)
{
	struct fl_deadline d = fl_deadline_in(wait_ms);
	int r;

	r = fl_flock(dir, LOCK_EX, &d, err);
	if (r < 0)
		return fl_wrap(err, r, "container '%s' is being worked on", id);
	if (!berth_state_is_current(env, id, dir))
		return fl_fail(err, ENOENT, "no container '%s'", id);
	return 0;
}

int berth_state_create(const struct berth_env *env, const char *id, int *dir, struct fl_err *err)
{
	fl_auto_close int run = -1, fd = -1;
	int r;

	r = fl_open_dir(env->run_dir, 0711, &run, err);
	if (r < 0)
		return r;
	if (mkdirat(run, id, 0700) < 0)
		return errno == EEXIST
			       ? fl_fail(err, EEXIST, "container '%s' exists", id)
			       : fl_fail_errno(err, errno, "make folder '%s/%s'", env->run_dir, id);
	fd = openat(run, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		r = fl_fail_errno(err, errno, "open folder '%s/%s'", env->run_dir, id);
		(void)unlinkat(run, id, AT_REMOVEDIR);
		return r;
	}
	r = lock_dir(env, id, fd, 1000, err);
	if (r < 0)
		return r;
	*dir = FL_TAKE_FD(fd);
	return 0;
}

int berth_state_open(const struct berth_env *env, const char *id, int wait_ms, int *dir,
		     struct fl_err *err)
{
	fl_auto_close int fd = -1;
	char path[PATH_MAX];
	int r;

	r = fl_format(path, sizeof(path), err, "%s/%s", env->run_dir, id);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return fl_fail(err, ENOENT, "no container '%s'", id);
	if (fd < 0)
		return fl_fail_errno(err, errno, "open folder '%s'", path);
	r = wait_ms > 0 ? lock_dir(env, id, fd, wait_ms, err) : 0;
	if (r < 0)
		return r;
	*dir = FL_TAKE_FD(fd);
	return 0;
}

bool berth_state_busy(int dir)
{
	if (flock(dir, LOCK_SH | LOCK_NB) < 0)
		return true;
	(void)flock(dir, LOCK_UN);
	return false;
}

static int read_lists(const struct fl_cur *c, struct berth_state *s, struct fl_err *err)
{
	struct fl_cur v = { 0 };
	int r;

	r = fl_cur_arr(c, "networks", FL_OPTIONAL, &v, err);
	if (r < 0)
		return r;
	s->networks = r ? v.v : NULL;
	r = fl_cur_arr(c, "env", FL_OPTIONAL, &v, err);
	if (r < 0)
		return r;
	s->env = r ? v.v : NULL;
	r = fl_cur_arr(c, "cniArgs", FL_OPTIONAL, &v, err);
	if (r < 0)
		return r;
	s->args = r ? v.v : NULL;
	r = fl_cur_obj(c, "capabilityArgs", FL_OPTIONAL, &v, err);
	if (r < 0)
		return r;
	s->caps = r ? v.v : NULL;
	return 0;
}

int berth_state_read(struct fl_json *doc, struct berth_state *out, struct fl_err *err)
{
	static const int64_t any_pid[2] = { 0, INT32_MAX }, any[2] = { 0, INT64_MAX };
	static const int64_t our_version[2] = { STATE_VERSION, STATE_VERSION };
	berth_auto_state struct berth_state s = { .doc = doc };
	struct fl_cur c = fl_cur_root(doc, "state");
	int64_t start = 0, version = 0;
	int r;

	r = fl_cur_as_obj(&c, err);
	if (r >= 0)
		r = fl_cur_int(&c, "version", FL_REQUIRED, our_version, &version, err);
	if (r >= 0)
		r = fl_cur_str(&c, "id", FL_REQUIRED, &s.id, err);
	if (r >= 0)
		r = fl_cur_str(&c, "cniPath", FL_OPTIONAL, &s.cni_path, err);
	if (r >= 0)
		r = fl_cur_int(&c, "pid", FL_OPTIONAL, any_pid, &s.pid, err);
	if (r >= 0)
		r = fl_cur_int(&c, "startTime", FL_OPTIONAL, any, &start, err);
	if (r >= 0)
		r = fl_cur_bool(&c, "started", FL_OPTIONAL, &s.started, err);
	if (r >= 0)
		r = read_lists(&c, &s, err);
	if (r < 0)
		return r;
	s.start_time = (uint64_t)start;
	*out = s;
	s.doc = NULL;
	return 0;
}

int berth_state_load(int dir, struct berth_state *out, struct fl_err *err)
{
	fl_auto_json struct fl_json *doc = NULL;
	int r = fl_json_read(dir, "state.json", STATE_MAX, &doc, err);

	return r < 0 ? r : berth_state_read(FL_TAKE(doc), out, err);
}

int berth_state_save(int dir, const struct fl_json *doc, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	int r;

	r = fl_json_print(doc, 0, &text, err);
	if (r < 0)
		return r;
	return fl_replace_file(dir, "state.json", text, strlen(text), 0600, err);
}

int berth_state_netns(const struct berth_env *env, const char *id, char out[PATH_MAX],
		      struct fl_err *err)
{
	return fl_format(out, PATH_MAX, err, "%s/%s/netns", env->run_dir, id);
}

int berth_state_remove(const struct berth_env *env, const char *id, int dir, struct fl_err *err)
{
	fl_auto_dir DIR *d = fl_dir_entries(dir);
	const struct dirent *e;
	char path[PATH_MAX];
	int r;

	if (!d)
		return fl_fail_errno(err, errno, "open folder '%s/%s'", env->run_dir, id);
	r = berth_state_netns(env, id, path, err);
	if (r < 0)
		return r;
	(void)umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	while ((errno = 0, e = readdir(d))) {
		int flags = fl_streq(e->d_name, "rootfs") ? AT_REMOVEDIR : 0;

		/* state.json goes last: without it nobody knows what else there was. */
		if (e->d_name[0] == '.' && (!e->d_name[1] || fl_streq(e->d_name, "..")))
			continue;
		if (fl_streq(e->d_name, "state.json"))
			continue;
		if (unlinkat(dir, e->d_name, flags) < 0 && errno != ENOENT)
			return fl_fail_errno(err, errno, "remove '%s/%s/%s'", env->run_dir, id,
					     e->d_name);
	}
	if (errno)
		return fl_fail_errno(err, errno, "read folder '%s/%s'", env->run_dir, id);
	(void)unlinkat(dir, "state.json", 0);
	r = fl_format(path, sizeof(path), err, "%s/%s", env->run_dir, id);
	if (r < 0)
		return r;
	if (rmdir(path) < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "remove folder '%s'", path);
	return 0;
}

static int only_ids(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

struct entries {
	struct dirent **v;
	int n;
};

static void entries_done(struct entries *e)
{
	for (int i = 0; i < e->n; i++)
		fl_free_p(&e->v[i]);
	fl_free_p(&e->v);
}

int berth_state_each(const struct berth_env *env,
		     int (*each)(void *arg, const char *id, struct fl_err *err), void *arg,
		     struct fl_err *err)
{
	fl_auto(entries_done) struct entries e = { 0 };
	int n = scandir(env->run_dir, &e.v, only_ids, alphasort), r = 0;

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return fl_fail_errno(err, errno, "read folder '%s'", env->run_dir);
	e.n = n;
	for (int i = 0; r >= 0 && i < n; i++)
		r = each(arg, e.v[i]->d_name, err);
	return r < 0 ? r : 0;
}
