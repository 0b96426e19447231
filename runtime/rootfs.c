// SPDX-License-Identifier: Apache-2.0
/* Mounts of a container. */
#include "runtime/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/text.h"

static const struct mount_point {
	const char *path, *type, *data;
	unsigned long flags;
	bool host_only; /* needed only with the host's root */
} mounts[] = {
	{ "/proc", "proc", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, false },
	{ "/sys", "sysfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, false },
	{ "/dev", "tmpfs", "mode=755,size=1m", MS_NOSUID | MS_NOEXEC, false },
	{ "/dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC,
	  false },
	{ "/dev/shm", "tmpfs", "mode=1777,size=64m", MS_NOSUID | MS_NOEXEC | MS_NODEV, false },
	{ "/tmp", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV, true },
	{ "/run", "tmpfs", "mode=755", MS_NOSUID | MS_NODEV, true },
};

/* Through these a container would change the machine: they are settings of all of it. */
static const char *const read_only[] = { "/proc/sys", "/proc/sysrq-trigger", "/proc/irq",
					 "/proc/bus", "/proc/fs" };

static const struct {
	const char *path;
	unsigned int minor; /* of major 1, but for tty, which is 5:0 */
	unsigned int major;
} devices[] = { { "/dev/null", 3, 1 },	 { "/dev/zero", 5, 1 },	   { "/dev/full", 7, 1 },
		{ "/dev/random", 8, 1 }, { "/dev/urandom", 9, 1 }, { "/dev/tty", 0, 5 } };

static const char *const links[][2] = { { "/proc/self/fd", "/dev/fd" },
					{ "/proc/self/fd/0", "/dev/stdin" },
					{ "/proc/self/fd/1", "/dev/stdout" },
					{ "/proc/self/fd/2", "/dev/stderr" },
					{ "pts/ptmx", "/dev/ptmx" } };

/* "\040" and its like, as /proc writes blanks, back to the character, in place. */
static void unescape(char *s)
{
	char *o = s;

	while (*s) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*o++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*o++ = *s++;
		}
	}
	*o = '\0';
}

static void close_file(FILE **f)
{
	if (*f)
		(void)fclose(*f);
	*f = NULL;
}

/*
 * Namespaces pinned by bind mounts, other containers' among them, would stay alive as long as
 * our copy of the mounts.
 */
static int drop_pins(struct fl_err *err)
{
	fl_auto(close_file) FILE *f = fopen("/proc/self/mountinfo", "re");
	fl_auto_free char *line = NULL;
	size_t size = 0;

	if (!f)
		return fl_fail_errno(err, errno, "open '/proc/self/mountinfo'");
	while (getline(&line, &size, f) > 0) {
		char *rest = line, *path = NULL;

		if (!strstr(line, " - nsfs "))
			continue;
		for (int field = 0; field < 5; field++)
			path = strsep(&rest, " ");
		if (!path)
			continue;
		unescape(path);
		(void)umount2(path, MNT_DETACH);
	}
	return 0;
}

static int change_root(const struct berth_rootfs *spec, struct fl_err *err)
{
	const char *source = spec->source ? spec->source : "/";
	struct mount_attr read_only_tree = { .attr_set = MOUNT_ATTR_RDONLY };

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fl_fail_errno(err, errno, "make mounts private");
	if (drop_pins(err) < 0)
		return -err->sys;
	if (mount(source, spec->mount, NULL, MS_BIND | MS_REC, NULL) < 0)
		return fl_fail_errno(err, errno, "mount '%s' on '%s'", source, spec->mount);
	if (chdir(spec->mount) < 0)
		return fl_fail_errno(err, errno, "enter '%s'", spec->mount);
	/* The old root comes to lie on the new one, and goes. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return fl_fail_errno(err, errno, "change the root to '%s'", source);
	if (umount2(".", MNT_DETACH) < 0)
		return fl_fail_errno(err, errno, "unmount the old root");
	if (chdir("/") < 0)
		return fl_fail_errno(err, errno, "enter the new root");
	if (!spec->source &&
	    mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only_tree, sizeof(read_only_tree)) < 0)
		return fl_fail_errno(err, errno, "make the host's root read-only");
	return 0;
}

static int mount_one(const struct mount_point *m, struct fl_err *err)
{
	struct stat st;

	if (stat(m->path, &st) < 0 && mkdir(m->path, 0755) < 0)
		return fl_fail_errno(err, errno, "make folder '%s' in the rootfs", m->path);
	if (mount(m->type, m->path, m->type, m->flags, m->data) < 0)
		return fl_fail_errno(err, errno, "mount %s on '%s'", m->type, m->path);
	return 0;
}

static int fill_dev(struct fl_err *err)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(devices); i++)
		if (mknod(devices[i].path, S_IFCHR | 0666,
			  makedev(devices[i].major, devices[i].minor)) < 0)
			return fl_fail_errno(err, errno, "make device '%s'", devices[i].path);
	for (size_t i = 0; i < FL_ARRAY_LEN(links); i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			return fl_fail_errno(err, errno, "make link '%s'", links[i][1]);
	return 0;
}

static int protect_proc(struct fl_err *err)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(read_only); i++) {
		const char *path = read_only[i];

		if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0) {
			if (errno == ENOENT)
				continue;
			return fl_fail_errno(err, errno, "mount '%s' on itself", path);
		}
		if (mount(NULL, path, NULL,
			  MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV,
			  NULL) < 0)
			return fl_fail_errno(err, errno, "make '%s' read-only", path);
	}
	return 0;
}

int berth_rootfs_enter(const struct berth_rootfs *spec, struct fl_err *err)
{
	mode_t old = umask(0);
	int r;

	r = change_root(spec, err);
	for (size_t i = 0; r == 0 && i < FL_ARRAY_LEN(mounts); i++)
		if (!mounts[i].host_only || !spec->source)
			r = mount_one(&mounts[i], err);
	if (r == 0)
		r = fill_dev(err);
	if (r == 0)
		r = protect_proc(err);
	umask(old);
	return r;
}
