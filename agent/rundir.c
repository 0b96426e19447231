// SPDX-License-Identifier: Apache-2.0
/* The agent's own files in the run directory. */
#include "agent/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

#define LOCK	"agent.lock"
#define DRAINED "drained"

int agent_rundir_open(const char *root, int *dir, struct fl_err *err)
{
	char path[PATH_MAX];

	return fl_format(path, sizeof(path), err, "%s/run/fairlead", root)
		       ?: fl_open_dir(path, 0755, dir, err);
}

int agent_rundir_lock(int dir, int *lock, struct fl_err *err)
{
	fl_auto_close int fd = openat(dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	char text[16] = "";
	struct fl_err ignored;

	if (fd < 0)
		return fl_fail_errno(err, errno, "open '" LOCK "'");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return fl_fail_errno(err, errno, "lock '" LOCK "'");
		FL_IGNORE(fl_read_small(dir, LOCK, text, sizeof(text), &ignored));
		return fl_fail(err, EBUSY, "another agent runs here%s%s", *text ? ", process " : "",
			       text);
	}
	/* The number is for others' error: without it, on a full disk, the lock is as good. */
	(void)snprintf(text, sizeof(text), "%d\n", getpid());
	if (ftruncate(fd, 0) == 0)
		FL_IGNORE(fl_write_all(fd, text, strlen(text), &ignored));
	*lock = FL_TAKE_FD(fd);
	return 0;
}

int agent_drained_get(int dir, bool *drained, struct fl_err *err)
{
	if (faccessat(dir, DRAINED, F_OK, 0) < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "look for '" DRAINED "'");
	*drained = faccessat(dir, DRAINED, F_OK, 0) == 0;
	return 0;
}

int agent_drained_set(int dir, bool drained, struct fl_err *err)
{
	fl_auto_close int fd = -1;

	if (!drained) {
		if (unlinkat(dir, DRAINED, 0) < 0 && errno != ENOENT)
			return fl_fail_errno(err, errno, "remove '" DRAINED "'");
		return 0;
	}
	fd = openat(dir, DRAINED, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? fl_fail_errno(err, errno, "write '" DRAINED "'") : 0;
}
