// SPDX-License-Identifier: Apache-2.0
/*
 * The directory walk. A name that is not the canonical text of an address is not a lease and
 * is left alone, but for temporary names of ours (file systems without O_TMPFILE).
 */
#include "plugins/ipam/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "plugins/ipam/store.h"

#define TMP_PREFIX ".tmp."

int ipam_scan_read_lease(int dir, const char *name, char *out, size_t size, size_t *len,
			 int64_t *mtime_s)
{
	fl_auto_close int fd = -1;
	struct stat st;
	ssize_t n;

	/* Not to be held up by a FIFO that someone put here. */
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (mtime_s && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		return -EINVAL;
	n = read(fd, out, size);
	if (n < 0)
		return -errno;
	if (mtime_s)
		*mtime_s = st.st_mtime;
	*len = (size_t)n;
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool ipam_scan_trim(const char **content, size_t *len)
{
	const char *p = *content;
	size_t n = *len, nuls = 0;

	while (n > 0 && is_space(p[n - 1]))
		n--;
	while (n > 0 && is_space(*p)) {
		p++;
		n--;
	}
	while (nuls < n && p[nuls] == '\0')
		nuls++;
	*content = p;
	*len = n;
	return nuls == n;
}

static bool is_lease_name(const char *name, struct fl_ip *ip)
{
	char canonical[FL_IP_STR];
	struct fl_err ignored;

	return strlen(name) < FL_IP_STR && fl_ip_parse(name, ip, &ignored) == 0 &&
	       strcmp(fl_ip_format(ip, canonical), name) == 0;
}

/* Splits a lease's content; false when it is none that this suite or the reference writes. */
static bool split_lease(const char *content, size_t len, char id[IPAM_LEASE_MAX + 1],
			char ifname[IPAM_LEASE_MAX + 1])
{
	const char *sep = memmem(content, len, "\r\n", 2);
	size_t id_len = sep ? (size_t)(sep - content) : len;
	size_t rest = sep ? len - id_len - 2 : 0;

	if (memchr(content, '\0', len))
		return false;
	memcpy(id, content, id_len);
	id[id_len] = '\0';
	memcpy(ifname, content + len - rest, rest);
	ifname[rest] = '\0';
	return true;
}

static bool is_stale(const struct ipam_scan *scan, const char *content, size_t len, int64_t mtime)
{
	char id[IPAM_LEASE_MAX + 1], ifname[IPAM_LEASE_MAX + 1];
	struct ipam_boot_lease lease = { scan->network, id, ifname, mtime };

	if (!scan->boot)
		return false;
	if (!split_lease(content, len, id, ifname))
		id[0] = ifname[0] = '\0'; /* nobody's: the date alone decides */
	return ipam_boot_is_stale(scan->boot, scan->results, &lease);
}

static bool remove_file(struct ipam_scan *scan, const char *name)
{
	if (!scan->may_heal || unlinkat(scan->dir, name, 0) < 0)
		return false;
	scan->removed++;
	return true;
}

static int insert(struct ipam_index *ix, const struct fl_hash *key, const struct fl_ip *ip,
		  struct fl_err *err)
{
	int r;

	while ((r = ipam_index_insert(ix, key, ip)) == -ENOSPC) {
		r = ipam_index_grow(ix, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* A lease that cannot be read, or not as a file, is somebody's: taken, under no key. */
static int take_in(struct ipam_scan *scan, const char *name, struct ipam_index *ix,
		   struct fl_err *err)
{
	char buf[IPAM_LEASE_MAX];
	const char *content = buf;
	struct fl_hash key;
	struct fl_ip ip;
	int64_t mtime = 0;
	size_t len;

	if (strncmp(name, TMP_PREFIX, strlen(TMP_PREFIX)) == 0) {
		(void)remove_file(scan, name);
		return 0;
	}
	if (!is_lease_name(name, &ip))
		return 0;
	if (ipam_scan_read_lease(scan->dir, name, buf, sizeof(buf), &len, &mtime) < 0 ||
	    len == sizeof(buf))
		return insert(ix, NULL, &ip, err);
	if (ipam_scan_trim(&content, &len))
		return remove_file(scan, name) ? 0 : insert(ix, NULL, &ip, err);
	if (is_stale(scan, content, len, mtime) && remove_file(scan, name))
		return 0;
	key = ipam_index_key(content, len);
	return insert(ix, &key, &ip, err);
}

/* scan: NULL for names alone. */
static int walk(int dirfd, struct ipam_scan *scan, struct ipam_index *ix, struct fl_err *err)
{
	fl_auto_dir DIR *dir = fl_dir_entries(dirfd);
	const struct dirent *e;
	int r;

	if (!dir)
		return fl_fail_errno(err, errno, "list leases");
	while ((errno = 0, e = readdir(dir))) {
		struct fl_ip ip;

		r = 0;
		if (scan)
			r = take_in(scan, e->d_name, ix, err);
		else if (is_lease_name(e->d_name, &ip))
			r = insert(ix, NULL, &ip, err);
		if (r < 0)
			return r;
	}
	return errno ? fl_fail_errno(err, errno, "list leases") : 0;
}

static int make(int dir, struct ipam_scan *scan, struct ipam_index *out, struct fl_err *err)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	int r;

	r = ipam_index_new(&ix, 0, err);
	if (r < 0)
		return r;
	r = walk(dir, scan, &ix, err);
	if (r < 0)
		return r;
	*out = ix;
	ix = (struct ipam_index){ 0 };
	return 0;
}

int ipam_scan_all(struct ipam_scan *scan, struct ipam_index *out, struct fl_err *err)
{
	scan->removed = 0;
	return make(scan->dir, scan, out, err);
}

int ipam_scan_names(int dir, struct ipam_index *out, struct fl_err *err)
{
	return make(dir, NULL, out, err);
}
