// SPDX-License-Identifier: Apache-2.0
/* Is the index fresh; if not, make it; and the look of STATUS. */
#include "plugins/ipam/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/text.h"
#include "plugins/ipam/cache.h"
#include "plugins/ipam/scan.h"

/* The boot whose stale leases have been removed already; on the store's directory. */
#define BOOT_XATTR "trusted.fairlead.boot"
#define SCANS	   3

static int set_path(struct ipam_store *s, const struct ipam_where *where, struct fl_err *err)
{
	s->where = where;
	if (fl_empty(where->data_dir))
		return fl_format(s->path, sizeof(s->path), err, "%s/var/lib/cni/networks/%s",
				 where->root, where->network);
	return fl_format(s->path, sizeof(s->path), err, "%s/%s", where->data_dir, where->network);
}

int ipam_load_open(struct ipam_store *s, const struct ipam_where *where, bool create,
		   struct fl_err *err)
{
	int r;

	*s = IPAM_STORE_CLOSED;
	r = set_path(s, where, err);
	if (r < 0)
		return r;
	if (create) {
		r = fl_open_dir(s->path, 0755, &s->dir, err);
		if (r < 0)
			return r;
	} else {
		s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->dir < 0)
			return fl_fail_errno(err, errno, "open directory '%s'", s->path);
	}
	s->lock = openat(s->dir, "lock", O_RDONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0750);
	if (s->lock < 0)
		return fl_fail_errno(err, errno, "open '%s/lock'", s->path);
	return 0;
}

static bool is_same_time(const struct stat *st, const struct ipam_index_head *h)
{
	return st->st_mtim.tv_sec == h->mark_s && st->st_mtim.tv_nsec == h->mark_ns;
}

/* An index on a tmpfs cannot be of another boot, so that most calls need not ask for it. */
static bool is_this_boot(const struct ipam_index_head *h, const struct ipam_where *where)
{
	char machine[IPAM_BOOT_ID_SIZE];
	const char *id = machine;

	if (where->boot)
		id = where->boot->id;
	else if (h->is_volatile)
		return true;
	else
		ipam_boot_read_id(machine);
	return id[0] && strncmp(h->boot_id, id, sizeof(h->boot_id)) == 0;
}

/* True when leases of boots before this one have been removed already. */
static bool is_swept(int dir, const struct ipam_boot *boot)
{
	char id[IPAM_BOOT_ID_SIZE];
	ssize_t n = fgetxattr(dir, BOOT_XATTR, id, sizeof(id));

	return n > 0 && (size_t)n == strlen(boot->id) && memcmp(id, boot->id, (size_t)n) == 0;
}

static int scan_files(struct ipam_store *s, const struct ipam_boot *sweep, struct fl_err *err)
{
	char results[PATH_MAX];
	struct ipam_scan scan = { .dir = s->dir,
				  .network = s->where->network,
				  .results = results,
				  .boot = sweep,
				  .may_heal = true };
	struct stat before, after;
	int r;

	r = fl_format(results, sizeof(results), err, "%s/var/lib/cni/results", s->where->root);
	if (r < 0)
		return r;
	/* Until nothing was removed and nobody without the lock interfered while we read. */
	for (int i = 0; i < SCANS; i++) {
		ipam_index_done(&s->ix);
		r = fstat(s->dir, &before) < 0 ? -errno : 0;
		if (r < 0)
			return fl_fail_errno(err, -r, "stat '%s'", s->path);
		r = ipam_scan_all(&scan, &s->ix, err);
		if (r < 0)
			return fl_wrap(err, r, "store '%s'", s->path);
		if (fstat(s->dir, &after) == 0 && scan.removed == 0 &&
		    before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
		    before.st_mtim.tv_nsec == after.st_mtim.tv_nsec) {
			s->is_changed = true;
			s->is_doubtful = false;
			return 0;
		}
	}
	s->is_doubtful = true;
	return 0;
}

void ipam_load_save(struct ipam_store *s)
{
	char path[IPAM_CACHE_PATH];
	struct fl_err ignored;
	struct stat st;

	if (fstat(s->dir, &st) < 0 || ipam_cache_path(s->where->root, &st, path, &ignored) < 0)
		return;
	s->ix.head->mark_ns = -1; /* until sealed */
	if (ipam_cache_save(path, &s->ix, &ignored) < 0)
		(void)unlink(path); /* of no use any more, and its room may be wanted */
}

static int make_index(struct ipam_store *s, bool is_boot_known, const struct stat *dir,
		      struct fl_err *err)
{
	struct ipam_boot machine;
	const struct ipam_boot *boot = s->where->boot;
	bool sweep;
	int r;

	if (!boot) {
		ipam_boot_read(&machine);
		boot = &machine;
	}
	sweep = !is_boot_known && boot->id[0] && !is_swept(s->dir, boot);
	r = scan_files(s, sweep ? boot : NULL, err);
	if (r < 0)
		return r;
	if (sweep)
		(void)fsetxattr(s->dir, BOOT_XATTR, boot->id, strlen(boot->id), 0);
	s->ix.head->dev = dir->st_dev;
	s->ix.head->ino = dir->st_ino;
	memcpy(s->ix.head->boot_id, boot->id, sizeof(boot->id));
	ipam_load_save(s);
	return 0;
}

int ipam_load_index(struct ipam_store *s, struct fl_err *err)
{
	char path[IPAM_CACHE_PATH];
	struct fl_err ignored;
	bool is_boot_known = false;
	struct stat st;

	if (fstat(s->dir, &st) < 0)
		return fl_fail_errno(err, errno, "stat '%s'", s->path);
	if (ipam_cache_path(s->where->root, &st, path, &ignored) == 0 &&
	    ipam_cache_map(path, &st, &s->ix, &ignored) == 0) {
		is_boot_known = is_this_boot(s->ix.head, s->where);
		if (is_boot_known && is_same_time(&st, s->ix.head))
			return 0;
		ipam_index_done(&s->ix);
	}
	return make_index(s, is_boot_known, &st, err);
}

int ipam_load_again(struct ipam_store *s, struct fl_err *err)
{
	struct stat st;

	if (fstat(s->dir, &st) < 0)
		return fl_fail_errno(err, errno, "stat '%s'", s->path);
	return make_index(s, true, &st, err);
}

/* The index as it is, if it is true to the directory before and after the copy. */
static int peek_index(struct ipam_store *s, struct ipam_index *out)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	char path[IPAM_CACHE_PATH];
	struct fl_err ignored;
	struct stat st;

	if (fstat(s->dir, &st) < 0 || ipam_cache_path(s->where->root, &st, path, &ignored) < 0 ||
	    ipam_cache_map(path, &st, &ix, &ignored) < 0)
		return -ENOENT;
	if (!is_same_time(&st, ix.head) || !is_this_boot(ix.head, s->where))
		return -EAGAIN;
	*out = ix;
	ix = (struct ipam_index){ 0 };
	return 0;
}

int ipam_store_peek(const struct ipam_where *where, struct ipam_index *out, struct fl_err *err)
{
	fl_auto_ipam_store struct ipam_store s = IPAM_STORE_CLOSED;
	int r;

	r = ipam_load_open(&s, where, false, err);
	if (r < 0 && s.dir < 0)
		return r;
	if (peek_index(&s, out) == 0)
		return 0;
	if (s.lock < 0 || flock(s.lock, LOCK_EX | LOCK_NB) < 0)
		return ipam_scan_names(s.dir, out, err);
	r = ipam_load_index(&s, err);
	if (r < 0)
		return r;
	ipam_store_seal(&s);
	*out = s.ix;
	s.ix = (struct ipam_index){ 0 };
	return 0;
}
