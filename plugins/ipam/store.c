// SPDX-License-Identifier: Apache-2.0
/* Lease files under the lock, and the index kept true to them. */
#include "plugins/ipam/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"
#include "plugins/ipam/load.h"
#include "plugins/ipam/scan.h"

/* What a lease file holds. The names are checked: ids have at most 255 bytes, interfaces 15. */
static size_t lease_text(const char *id, const char *ifname, char out[IPAM_LEASE_MAX])
{
	int n = snprintf(out, IPAM_LEASE_MAX, "%s%s%s", id, ifname ? "\r\n" : "",
			 ifname ? ifname : "");

	return n < IPAM_LEASE_MAX ? (size_t)n : IPAM_LEASE_MAX - 1;
}

struct fl_hash ipam_store_key(const char *id, const char *ifname)
{
	char text[IPAM_LEASE_MAX];

	return ipam_index_key(text, lease_text(id, ifname, text));
}

int ipam_store_open(struct ipam_store *s, const struct ipam_where *where, bool create,
		    const struct fl_deadline *d, struct fl_err *err)
{
	int r;

	r = ipam_load_open(s, where, create, err);
	if (r < 0)
		goto fail;
	r = fl_flock(s->lock, LOCK_EX, d, err);
	if (r < 0) {
		fl_wrap(err, r, "'%s/lock'", s->path);
		goto fail;
	}
	r = ipam_load_index(s, err);
	if (r < 0)
		goto fail;
	return 0;
fail:
	ipam_store_close(s);
	return r;
}

/* Two to three seconds ago, in microseconds that no clock has had a hand in. */
static void make_mark(struct timespec *mark)
{
	struct timespec now = { 0 }, mono = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	mark->tv_sec = now.tv_sec - 3;
	mark->tv_nsec = (long)((uint64_t)mono.tv_nsec * 0x9e3779b97f4a7c15u >> 40) % 999999 + 1;
	mark->tv_nsec *= 1000;
}

/*
 * The mark is in the index before it is on the directory: killed between the two, the
 * directory's time is still the kernel's, and the index stale.
 */
void ipam_store_seal(struct ipam_store *s)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };

	if (!s->ix.head || !s->ix.is_mapped || !(s->is_changed || s->is_doubtful))
		return;
	if (s->is_doubtful) {
		s->ix.head->mark_ns = -1;
		return;
	}
	make_mark(&times[1]);
	s->ix.head->mark_s = times[1].tv_sec;
	s->ix.head->mark_ns = times[1].tv_nsec;
	s->is_changed = false;
	(void)futimens(s->dir, times); /* refused: the index stays stale, and is made anew */
}

void ipam_store_close(struct ipam_store *s)
{
	ipam_store_seal(s);
	ipam_index_done(&s->ix);
	fl_close_p(&s->lock);
	fl_close_p(&s->dir);
	*s = IPAM_STORE_CLOSED;
}

bool ipam_store_leased(const struct ipam_store *s, const char *id, const char *ifname,
		       uint64_t *pos, struct fl_ip *out)
{
	for (unsigned int form = (unsigned int)(*pos >> 32); form < 2; form++) {
		struct fl_hash key = ipam_store_key(id, form == 0 ? ifname : NULL);
		uint32_t slot = (uint32_t)*pos;
		bool found = ipam_index_find(&s->ix, &key, &slot, out);

		*pos = (uint64_t)form << 32 | slot;
		if (found)
			return true;
		*pos = (uint64_t)(form + 1) << 32;
	}
	return false;
}

/* Files a lease that is on disk; a table that is full grows, and goes into a new file. */
static int file_in_index(struct ipam_store *s, const struct fl_hash *key, const struct fl_ip *ip,
			 struct fl_err *err)
{
	int r;

	while ((r = ipam_index_insert(&s->ix, key, ip)) == -ENOSPC) {
		r = ipam_index_grow(&s->ix, err);
		if (r < 0) {
			s->is_doubtful = true;
			return r;
		}
		ipam_load_save(s);
	}
	return r;
}

int ipam_store_reserve(struct ipam_store *s, const char *id, const char *ifname,
		       const struct fl_ip *ip, struct fl_err *err)
{
	struct fl_hash key = ipam_store_key(id, ifname);
	char name[FL_IP_STR], text[IPAM_LEASE_MAX];
	size_t len = lease_text(id, ifname, text);
	int r;

	if (ipam_index_is_used(&s->ix, ip))
		return fl_fail(err, EEXIST, "'%s' is taken", fl_ip_format(ip, name));
	r = fl_create_file(s->dir, fl_ip_format(ip, name), text, len, 0600, err);
	if (r == -EEXIST) {
		s->is_doubtful = true; /* how could the index not know? */
		return file_in_index(s, NULL, ip, err) < 0 ? -ENOMEM : r;
	}
	if (r < 0)
		return fl_wrap(err, r, "store '%s'", s->path);
	s->is_changed = true;
	r = file_in_index(s, &key, ip, err);
	if (r < 0)
		(void)unlinkat(s->dir, name, 0);
	return r;
}

bool ipam_store_holds(const struct ipam_store *s, const char *id, const char *ifname,
		      const struct fl_ip *ip)
{
	struct fl_hash key = ipam_store_key(id, ifname), old = ipam_store_key(id, NULL), found;
	char name[FL_IP_STR], buf[IPAM_LEASE_MAX];
	const char *content = buf;
	size_t len = 0;

	if (ipam_scan_read_lease(s->dir, fl_ip_format(ip, name), buf, sizeof(buf), &len, NULL) < 0)
		return false;
	(void)ipam_scan_trim(&content, &len);
	found = ipam_index_key(content, len);
	return memcmp(&found, &key, sizeof(key)) == 0 || memcmp(&found, &old, sizeof(old)) == 0;
}

/* 1: removed or gone; 0: the file is another's; -errno. */
static int remove_lease(struct ipam_store *s, const struct fl_hash *key, const struct fl_ip *ip,
			struct fl_err *err)
{
	char name[FL_IP_STR], buf[IPAM_LEASE_MAX];
	const char *content = buf;
	struct fl_hash found;
	size_t len = 0;
	int r;

	r = ipam_scan_read_lease(s->dir, fl_ip_format(ip, name), buf, sizeof(buf), &len, NULL);
	if (r < 0 && r != -ENOENT)
		return fl_fail_errno(err, -r, "read '%s/%s'", s->path, name);
	if (r == 0) {
		(void)ipam_scan_trim(&content, &len);
		found = ipam_index_key(content, len);
		if (found.lo != key->lo || found.hi != key->hi)
			return 0;
		if (unlinkat(s->dir, name, 0) < 0 && errno != ENOENT)
			return fl_fail_errno(err, errno, "remove '%s/%s'", s->path, name);
	}
	s->is_changed = true;
	ipam_index_remove(&s->ix, key, ip);
	return 1;
}

int ipam_store_release_one(struct ipam_store *s, const char *id, const char *ifname,
			   const struct fl_ip *ip, struct fl_err *err)
{
	struct fl_hash key = ipam_store_key(id, ifname);
	int r = remove_lease(s, &key, ip, err);

	return r < 0 ? r : 0;
}

/*
 * Removes all leases of the key. A removal changes the table, so each search begins anew behind
 * those that could not be removed. *n counts the removed.
 */
static int remove_key(struct ipam_store *s, const struct fl_hash *key, size_t *n,
		      struct fl_err *err)
{
	struct fl_err later;
	struct fl_ip ip;
	int r, first = 0;

	for (size_t stuck = 0;;) {
		uint32_t pos = 0;
		size_t skip = 0;
		bool found;

		while ((found = ipam_index_find(&s->ix, key, &pos, &ip)) && skip < stuck)
			skip++;
		if (!found)
			return first;
		r = remove_lease(s, key, &ip, first ? &later : err);
		if (r > 0) {
			++*n;
			continue;
		}
		stuck++;
		s->is_doubtful |= r == 0;
		if (r < 0 && first == 0)
			first = r;
	}
}

static int release_once(struct ipam_store *s, const char *id, const char *ifname,
			struct fl_err *err)
{
	struct fl_hash key = ipam_store_key(id, ifname);
	size_t n = 0;
	int r;

	r = remove_key(s, &key, &n, err);
	if (r < 0 || n > 0)
		return r;
	key = ipam_store_key(id, NULL);
	return remove_key(s, &key, &n, err);
}

int ipam_store_release(struct ipam_store *s, const char *id, const char *ifname, struct fl_err *err)
{
	int r;

	r = release_once(s, id, ifname, err);
	if (r < 0 || !s->is_doubtful)
		return r;
	/* A file was changed in place, behind the index's back: once more, by the files. */
	r = ipam_load_again(s, err);
	return r < 0 ? r : release_once(s, id, ifname, err);
}

/* Whether the attachment that the lease's file names is spoken for. */
static bool is_held(const struct ipam_store *s, const struct fl_ip *ip,
		    const struct ipam_keeper *keeper)
{
	char name[FL_IP_STR], text[IPAM_LEASE_MAX], *ifname;
	size_t len = 0;

	if (ipam_scan_read_lease(s->dir, fl_ip_format(ip, name), text, sizeof(text) - 1, &len,
				 NULL) < 0)
		return false;
	text[len] = '\0';
	ifname = strstr(text, "\r\n");
	if (!ifname)
		return false;
	*ifname = '\0';
	return keeper->is_held(text, ifname + 2, keeper->arg);
}

/* The stale leases are collected first, since a removal changes the table that is walked. */
int ipam_store_sweep(struct ipam_store *s, const struct ipam_keeper *keeper, struct fl_err *err)
{
	struct stale {
		struct fl_hash key;
		struct fl_ip ip;
	};
	fl_auto_free struct stale *stale = NULL;
	struct fl_err later;
	struct fl_hash key;
	struct fl_ip ip;
	uint32_t pos = 0;
	size_t n = 0;
	int r, first = 0;

	stale = calloc(s->ix.head->key_cap, sizeof(*stale));
	if (!stale)
		return fl_fail_errno(err, ENOMEM, "collect stale leases");
	while (ipam_index_each(&s->ix, &pos, &key, &ip)) {
		if (!keeper->may_stay(&key, keeper->arg) && !is_held(s, &ip, keeper))
			stale[n++] = (struct stale){ key, ip };
	}
	for (size_t i = 0; i < n; i++) {
		r = remove_lease(s, &stale[i].key, &stale[i].ip, first ? &later : err);
		s->is_doubtful |= r == 0;
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

static void last_name(size_t n, char out[48])
{
	(void)snprintf(out, 48, "last_reserved_ip.%zu", n);
}

void ipam_last_done(struct ipam_last *last)
{
	fl_close_p(&last->fd);
}

void ipam_store_last(const struct ipam_store *s, size_t n, struct ipam_last *out)
{
	char name[48], text[64];
	struct fl_err ignored;
	ssize_t len;

	*out = (struct ipam_last){ .fd = -1 };
	last_name(n, name);
	out->fd = openat(s->dir, name, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (out->fd < 0)
		return;
	len = read(out->fd, text, sizeof(text) - 1);
	if (len <= 0)
		return;
	text[len] = '\0';
	out->len = (size_t)len;
	out->is_known = fl_ip_parse(text, &out->ip, &ignored) == 0;
}

int ipam_store_set_last(struct ipam_store *s, size_t n, const struct ipam_last *last,
			const struct fl_ip *ip, struct fl_err *err)
{
	fl_auto_close int made = -1;
	char name[48], text[FL_IP_STR];
	size_t len = strlen(fl_ip_format(ip, text));
	int fd = last->fd;
	ssize_t n_written;

	last_name(n, name);
	if (fd < 0) {
		made = openat(s->dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
		if (made < 0)
			return fl_fail_errno(err, errno, "create '%s/%s'", s->path, name);
		s->is_changed = true;
		fd = made;
	}
	n_written = pwrite(fd, text, len, 0);
	if (n_written != (ssize_t)len)
		return fl_fail_errno(err, n_written < 0 ? errno : ENOSPC, "write '%s/%s'", s->path,
				     name);
	if (last->len > len && ftruncate(fd, (off_t)len) < 0)
		return fl_fail_errno(err, errno, "truncate '%s/%s'", s->path, name);
	return 0;
}
