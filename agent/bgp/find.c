// SPDX-License-Identifier: Apache-2.0
/*
 * The BIRD that nobody answers for on the control socket: one that has lost it, and one that an
 * agent started just before it died, which has neither a socket nor bird.pid yet. So the processes
 * are looked through before one is started: first by their names, since to read the command line of
 * one that hangs in the kernel may take as long as that.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "agent/bgp/process.h"
#include "base/file.h"
#include "base/text.h"

#define CMDLINE_MAX (64u << 10) /* bytes */
#define COMM_SIZE   16		/* as the kernel's TASK_COMM_LEN */

/* True when the process has the program's name, or BIRD's, which a script becomes. */
static bool is_called(pid_t pid, const char *program)
{
	const char *slash = strrchr(program, '/');
	char path[32], comm[COMM_SIZE], want[COMM_SIZE];
	struct fl_err ignored;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	(void)snprintf(want, sizeof(want), "%s", slash ? slash + 1 : program);
	return fl_read_small(AT_FDCWD, path, comm, sizeof(comm), &ignored) == 0 &&
	       (fl_streq(comm, want) || fl_streq(comm, "bird"));
}

/* True when the process was called with this control socket. */
static bool serves(pid_t pid, const char *ctl)
{
	fl_auto_free char *line = NULL;
	char path[32];
	size_t len = 0;
	struct fl_err ignored;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (fl_read_file(AT_FDCWD, path, CMDLINE_MAX, &line, &len, &ignored) < 0)
		return false;
	for (const char *word = line; word < line + len; word += strlen(word) + 1)
		if (fl_streq(word, ctl))
			return true;
	return false;
}

/* True when the name means this folder to the process, too, and not one of a container's own. */
static bool sees(pid_t pid, const char *name, int dirfd)
{
	char path[BGP_PATH + 32];
	struct stat theirs, ours;

	(void)snprintf(path, sizeof(path), "/proc/%d/root%s", pid, name);
	return stat(path, &theirs) == 0 && fstat(dirfd, &ours) == 0 &&
	       theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

bool bgp_process_find(const char *program, const struct bgp_dir *dir, int dirfd,
		      struct bgp_process *out)
{
	fl_auto_dir DIR *processes = opendir("/proc");
	struct fl_err ignored;
	struct dirent *e;
	uint32_t pid;

	while (processes && (e = readdir(processes))) {
		bgp_auto_process struct bgp_process p = BGP_PROCESS_NONE;

		if (fl_parse_u32(e->d_name, 1, INT32_MAX, &pid, &ignored) < 0 ||
		    !is_called((pid_t)pid, program) || !serves((pid_t)pid, dir->ctl) ||
		    bgp_process_adopt((pid_t)pid, &p, &ignored) < 0)
			continue;
		/* Looked at once more: what lives still has been nobody else meanwhile. */
		if (!serves(p.pid, dir->ctl) || !sees(p.pid, dir->path, dirfd) ||
		    pidfd_send_signal(p.fd, 0, NULL, 0) < 0)
			continue;
		*out = p;
		p = BGP_PROCESS_NONE;
		return true;
	}
	return false;
}
