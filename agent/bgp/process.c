// SPDX-License-Identifier: Apache-2.0
/* Starting, taking over and ending BIRD. */
#include "agent/bgp/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/text.h"

#define ERR_MAX (64u << 10) /* bytes of bird.err that are looked at */

extern char **environ;

int bgp_dir_name(const char *root, struct bgp_dir *dir, struct fl_err *err)
{
	struct bgp_dir d;
	int r;

	r = fl_format(d.path, sizeof(d.path), err, "%s/run/fairlead/bird", root)
		    ?: fl_format(d.ctl, sizeof(d.ctl), err, "%s/bird.ctl", d.path);
	if (r == 0 && strlen(d.ctl) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		r = fl_fail(err, ENAMETOOLONG, "'%s' is too long for a unix socket's name", d.ctl);
	if (r == 0)
		*dir = d;
	return r;
}

int bgp_dir_open(const struct bgp_dir *dir, int *fd, struct fl_err *err)
{
	char parent[BGP_PATH];
	fl_auto_close int at = -1;
	int r;

	(void)snprintf(parent, sizeof(parent), "%s", dir->path);
	*strrchr(parent, '/') = '\0';
	/* What is above is for all to look into, as the plugins do. */
	r = fl_make_dirs(parent, 0755, err) ?: fl_open_dir(dir->path, 0700, &at, err);
	if (r < 0)
		return r;
	if (fchown(at, geteuid(), getegid()) < 0 || fchmod(at, 0700) < 0)
		return fl_fail_errno(err, errno, "make '%s' ours alone", dir->path);
	*fd = FL_TAKE_FD(at);
	return 0;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int bgp_program_find(const char *name, char out[BGP_PATH], struct fl_err *err)
{
	static const char places[] = "/usr/sbin:/sbin:/usr/local/sbin";
	const char *path = getenv("PATH");
	fl_auto_free char *list = NULL;
	char *rest, *folder;

	if (fl_empty(name))
		name = "bird";
	if (strchr(name, '/')) {
		if (!is_program(name))
			return fl_fail(err, ENOENT,
				       "bgp.bird: '%s' is no program: mode bgp needs BIRD 2, which "
				       "is Debian's package bird2",
				       name);
		return fl_copy(out, BGP_PATH, name, err);
	}
	if (asprintf(&list, "%s:%s", path ? path : "", places) < 0)
		return fl_fail_errno(err, ENOMEM, "find '%s'", name);
	rest = list;
	while ((folder = strsep(&rest, ":"))) {
		char full[BGP_PATH];

		if (*folder != '/' || fl_format(full, sizeof(full), err, "%s/%s", folder, name) < 0)
			continue;
		if (is_program(full))
			return fl_copy(out, BGP_PATH, full, err);
	}
	return fl_fail(err, ENOENT,
		       "find '%s' in $PATH or %s: mode bgp needs BIRD 2, which is Debian's package "
		       "bird2",
		       name, places);
}

void bgp_process_close(struct bgp_process *p)
{
	fl_close_p(&p->fd);
	*p = BGP_PROCESS_NONE;
}

int bgp_process_adopt(pid_t pid, struct bgp_process *out, struct fl_err *err)
{
	int fd = pidfd_open(pid, 0);

	if (fd < 0)
		return fl_fail_errno(err, errno, "watch the process %d", pid);
	*out = (struct bgp_process){ .pid = pid, .fd = fd };
	return 0;
}

/* Nothing of the agent's but an empty input and a file for the first words. */
static int prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, const char *said)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	return posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0) ?:
		posix_spawn_file_actions_addopen(files, 2, said,
						 O_WRONLY | O_CREAT | O_TRUNC, 0600) ?:
		posix_spawn_file_actions_adddup2(files, 2, 1) ?:
		posix_spawnattr_setsigmask(attr, &none) ?:
		posix_spawnattr_setsigdefault(attr, &all) ?:
		posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						       POSIX_SPAWN_SETSIGDEF);
}

int bgp_process_start(const char *program, const struct bgp_dir *dir, const char *conf,
		      bool recover, struct bgp_process *out, struct fl_err *err)
{
	char file[BGP_PATH + 16], said[BGP_PATH], pidfile[BGP_PATH], ctl[BGP_PATH];
	char *argv[] = { (char *)"bird", (char *)"-f", (char *)"-c", file, (char *)"-s", ctl,
			 (char *)"-P",	 pidfile,      NULL,	     NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid = -1;
	int sys;

	(void)snprintf(file, sizeof(file), "%s/%s", dir->path, conf);
	(void)snprintf(said, sizeof(said), "%s/bird.err", dir->path);
	(void)snprintf(pidfile, sizeof(pidfile), "%s/bird.pid", dir->path);
	(void)snprintf(ctl, sizeof(ctl), "%s", dir->ctl);
	if (recover)
		argv[FL_ARRAY_LEN(argv) - 2] = (char *)"-R";
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	sys = prepare(&files, &attr, said)
		      ?: posix_spawn(&pid, program, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (sys)
		return fl_fail_errno(err, sys, "start '%s'", program);
	if (bgp_process_adopt(pid, out, err) < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return -err->sys;
	}
	out->is_child = true;
	return 0;
}

/* The last line that is not empty, without its newline; "" when there is none. */
static void last_line(int dirfd, char *out, size_t size)
{
	fl_auto_free char *text = NULL;
	size_t len = 0;
	struct fl_err err;
	char *newline;

	out[0] = '\0';
	if (fl_read_file(dirfd, "bird.err", ERR_MAX, &text, &len, &err) < 0)
		return;
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	newline = strrchr(text, '\n');
	(void)snprintf(out, size, "%s", newline ? newline + 1 : text);
}

void bgp_process_end(struct bgp_process *p, int dirfd, struct fl_err *err)
{
	char said[256], how[64] = "ended";
	int status = 0;

	last_line(dirfd, said, sizeof(said));
	if (p->is_child && waitpid(p->pid, &status, WNOHANG) == p->pid) {
		if (WIFSIGNALED(status))
			(void)snprintf(how, sizeof(how), "was ended by signal %d",
				       WTERMSIG(status));
		else
			(void)snprintf(how, sizeof(how), "ended with status %d",
				       WEXITSTATUS(status));
	}
	fl_fail(err, ECHILD, "bird %s%s%s", how, said[0] ? ": " : "", said);
	bgp_process_close(p);
}

void bgp_process_kill(const struct bgp_process *p)
{
	if (p->fd >= 0)
		FL_IGNORE(pidfd_send_signal(p->fd, SIGKILL, NULL, 0));
}

void bgp_process_finish(struct bgp_process *p, const struct fl_deadline *d)
{
	struct pollfd end = { .fd = p->fd, .events = POLLIN };

	if (p->fd < 0)
		return;
	if (poll(&end, 1, fl_deadline_left(d)) == 0) {
		bgp_process_kill(p);
		FL_IGNORE(poll(&end, 1, 1000));
	}
	if (p->is_child)
		FL_IGNORE(waitpid(p->pid, NULL, WNOHANG));
	bgp_process_close(p);
}
