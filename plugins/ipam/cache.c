// SPDX-License-Identifier: Apache-2.0
/* The index file: map, make anew. */
#include "plugins/ipam/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>

#include "base/file.h"
#include "base/text.h"

int ipam_cache_path(const char *root, const struct stat *dir, char out[IPAM_CACHE_PATH],
		    struct fl_err *err)
{
	char dev[24], ino[24], name[17];
	const char *const texts[] = { "ipam-index", dev, ino };

	(void)snprintf(dev, sizeof(dev), "%llx", (unsigned long long)dir->st_dev);
	(void)snprintf(ino, sizeof(ino), "%llx", (unsigned long long)dir->st_ino);
	fl_hash_name(fl_hash_texts(texts, FL_ARRAY_LEN(texts)), name, sizeof(name) - 1);
	return fl_format(out, IPAM_CACHE_PATH, err, "%s/run/fairlead/ipam/%s.idx", root, name);
}

int ipam_cache_map(const char *path, const struct stat *dir, struct ipam_index *out,
		   struct fl_err *err)
{
	fl_auto_ipam_index struct ipam_index ix = { 0 };
	fl_auto_close int fd = -1;
	struct stat st;
	void *mem;

	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fl_fail_errno(err, ENOENT, "open '%s'", path);
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(*ix.head))
		return fl_fail(err, ENOENT, "'%s' is no index", path);
	mem = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return fl_fail_errno(err, ENOENT, "map '%s'", path);
	ix = (struct ipam_index){ mem, true };
	if (!ipam_index_is_sound(ix.head, (uint64_t)st.st_size)) {
		ix.head = NULL; /* its size is not to be trusted with the unmapping */
		munmap(mem, (size_t)st.st_size);
		return fl_fail(err, ENOENT, "'%s' is no index", path);
	}
	if (ix.head->dev != dir->st_dev || ix.head->ino != dir->st_ino)
		return fl_fail(err, ENOENT, "'%s' belongs to another store", path);
	*out = ix;
	ix = (struct ipam_index){ 0 };
	return 0;
}

static int open_new(const char *tmp, int *fd, struct fl_err *err)
{
	char dir[IPAM_CACHE_PATH];
	fl_auto_close int dirfd = -1;
	const int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
	int r;

	*fd = open(tmp, flags, 0600);
	if (*fd >= 0)
		return 0;
	if (errno != ENOENT)
		return fl_fail_errno(err, errno, "create '%s'", tmp);
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(tmp, '/') - tmp), tmp);
	r = fl_open_dir(dir, 0755, &dirfd, err);
	if (r < 0)
		return r;
	*fd = open(tmp, flags, 0600);
	return *fd < 0 ? fl_fail_errno(err, errno, "create '%s'", tmp) : 0;
}

static bool is_volatile(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* Fills the new file and maps it; the file's name is still the temporary one. */
static int fill(int fd, struct ipam_index *ix, struct ipam_index *mapped, struct fl_err *err)
{
	uint64_t size = ix->head->size;
	void *mem;
	int r;

	r = posix_fallocate(fd, 0, (off_t)size);
	if (r != 0)
		return fl_fail_errno(err, r, "reserve %llu bytes for an index",
				     (unsigned long long)size);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return fl_fail_errno(err, errno, "map an index");
	ix->head->is_volatile = is_volatile(fd);
	memcpy(mem, ix->head, size);
	*mapped = (struct ipam_index){ mem, true };
	return 0;
}

int ipam_cache_save(const char *path, struct ipam_index *ix, struct fl_err *err)
{
	fl_auto_ipam_index struct ipam_index mapped = { 0 };
	fl_auto_close int fd = -1;
	char tmp[IPAM_CACHE_PATH];
	int r;

	r = fl_format(tmp, sizeof(tmp), err, "%s.new", path);
	if (r < 0)
		return r;
	r = open_new(tmp, &fd, err);
	if (r < 0)
		return r;
	r = fill(fd, ix, &mapped, err);
	if (r == 0 && rename(tmp, path) < 0)
		r = fl_fail_errno(err, errno, "rename to '%s'", path);
	if (r < 0) {
		(void)unlink(tmp);
		return r;
	}
	ipam_index_done(ix);
	*ix = mapped;
	mapped = (struct ipam_index){ 0 };
	return 0;
}
