// SPDX-License-Identifier: Apache-2.0
/* posix_spawn(3), two pipes, a pidfd and one poll(2) loop. */
#include "cni/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/text.h"

#define CHUNK 16384

/* A running plugin. */
struct child {
	pid_t pid; /* 0: none, or reaped */
	int pidfd, in, out;
	size_t sent;
	char *answer;
	size_t len, size;
};

/* Kills what still runs. */
static void child_done(struct child *c)
{
	if (c->pid > 0) {
		(void)kill(-c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
		c->pid = 0;
	}
	fl_close_p(&c->pidfd);
	fl_close_p(&c->in);
	fl_close_p(&c->out);
	fl_free_p(&c->answer);
}

#define fl_auto_child fl_auto(child_done)

/* Our environment with another CNI_COMMAND; command holds "CNI_COMMAND=...". The array is owned. */
static char **make_env(char *command)
{
	char **env;
	size_t n = 0, used = 0;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "CNI_COMMAND=", strlen("CNI_COMMAND=")) != 0)
			env[used++] = environ[i];
	env[used] = command;
	return env;
}

/* SIGPIPE, SIGCHLD and the mask as a new program expects them, and a process group to kill. */
static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t defaults, none;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGCHLD);
	return posix_spawnattr_setsigdefault(attr, &defaults)
		       ?: posix_spawnattr_setsigmask(attr, &none)
		       ?: posix_spawnattr_setpgroup(attr, 0)
		       ?: posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF |
								 POSIX_SPAWN_SETSIGMASK |
								 POSIX_SPAWN_SETPGROUP);
}

static int spawn(const struct fl_cni_exec *what, int in, int out, pid_t *pid, struct fl_err *err)
{
	posix_spawn_file_actions_t actions;
	char *argv[] = { (char *)(uintptr_t)what->path, NULL };
	fl_auto_free char **env = NULL;
	posix_spawnattr_t attr;
	char command[32];
	int r;

	r = fl_format(command, sizeof(command), err, "CNI_COMMAND=%s", what->command);
	if (r < 0)
		return r;
	env = what->env ? NULL : make_env(command);
	if (!env && !what->env)
		return fl_fail_errno(err, ENOMEM, "execute '%s'", what->path);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_init(&actions);
	r = what->keep_fd > STDERR_FILENO
		    ? posix_spawn_file_actions_adddup2(&actions, what->keep_fd, what->keep_fd)
		    : 0;
	r = r ?: set_attributes(&attr)
		    ?: posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO)
		    ?: posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO)
		    ?: posix_spawn(pid, what->path, &actions, &attr, argv,
				   what->env ? what->env : env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return r ? fl_fail_errno(err, r, "execute '%s'", what->path) : 0;
}

static int start(const struct fl_cni_exec *what, struct child *c, struct fl_err *err)
{
	fl_auto_close int in = -1, out = -1;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fl_fail_errno(err, errno, "make a pipe");
	in = ends[0];
	c->in = ends[1];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fl_fail_errno(err, errno, "make a pipe");
	c->out = ends[0];
	out = ends[1];
	/* A caller that ignores SIGCHLD would have the kernel throw the exit status away. */
	signal(SIGCHLD, SIG_DFL);
	r = spawn(what, in, out, &c->pid, err);
	if (r < 0)
		return r;
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0)
		return fl_fail_errno(err, errno, "watch '%s'", what->path);
	return 0;
}

/* One piece that the pipe, which is writable, takes without blocking. */
static int send_some(const struct fl_cni_exec *what, struct child *c, struct fl_err *err)
{
	size_t left = what->input_len - c->sent;
	ssize_t n = write(c->in, what->input + c->sent, left < PIPE_BUF ? left : PIPE_BUF);

	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0 && errno != EPIPE)
		return fl_fail_errno(err, errno, "write to '%s'", what->path);
	if (n > 0)
		c->sent += (size_t)n;
	if (n < 0 || c->sent == what->input_len)
		fl_close_p(&c->in); /* all said, or nobody listens */
	return 0;
}

static int receive_some(const struct fl_cni_exec *what, struct child *c, struct fl_err *err)
{
	ssize_t n;

	if (c->size - c->len < CHUNK / 4) {
		size_t size = 2 * c->size + CHUNK;
		char *bigger = realloc(c->answer, size);

		if (!bigger)
			return fl_fail_errno(err, ENOMEM, "read from '%s'", what->path);
		c->answer = bigger;
		c->size = size;
	}
	n = read(c->out, c->answer + c->len, c->size - c->len - 1);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0)
		return fl_fail_errno(err, errno, "read from '%s'", what->path);
	if (n == 0)
		fl_close_p(&c->out);
	c->len += (size_t)n;
	c->answer[c->len] = '\0';
	if (c->len > FL_CNI_ANSWER_MAX)
		return fl_fail(err, EFBIG, "'%s' answers more than %u bytes", what->path,
			       FL_CNI_ANSWER_MAX);
	return 0;
}

/* Until the plugin has ended and what it wrote before is read. */
static int converse(const struct fl_cni_exec *what, struct child *c, struct fl_err *err)
{
	for (bool ended = false;;) {
		struct pollfd fds[] = { { .fd = c->pidfd, .events = POLLIN },
					{ .fd = c->out, .events = POLLIN },
					{ .fd = ended ? -1 : c->in, .events = POLLOUT } };
		int n, r = 0;

		if (ended && c->out < 0)
			return 0;
		if (ended)
			fds[0].fd = -1;
		n = poll(fds, 3, ended ? 0 : fl_deadline_left(&what->deadline));
		if (n < 0 && errno != EINTR)
			return fl_fail_errno(err, errno, "wait for '%s'", what->path);
		if (n == 0 && ended)
			return 0;
		if (n == 0)
			return fl_fail(err, ETIMEDOUT, "'%s' %s did not end in time, killed",
				       what->path, what->command);
		if (n < 0)
			continue;
		if (fds[2].revents)
			r = send_some(what, c, err);
		if (r == 0 && fds[1].revents)
			r = receive_some(what, c, err);
		if (r < 0)
			return r;
		ended = ended || fds[0].revents;
	}
}

int fl_cni_exec(const struct fl_cni_exec *what, char **answer, int *status, struct fl_err *err)
{
	fl_auto_child struct child c = { .pidfd = -1, .in = -1, .out = -1 };
	int r, raw = 0;

	c.answer = calloc(1, 1);
	if (!c.answer)
		return fl_fail_errno(err, ENOMEM, "execute '%s'", what->path);
	r = start(what, &c, err);
	if (r < 0)
		return r;
	r = converse(what, &c, err);
	if (r < 0)
		return r;
	while (waitpid(c.pid, &raw, 0) < 0)
		if (errno != EINTR)
			return fl_fail_errno(err, errno, "wait for '%s'", what->path);
	c.pid = 0;
	*status = raw;
	*answer = FL_TAKE(c.answer);
	return 0;
}
