// SPDX-License-Identifier: Apache-2.0
/* Joining and ending a container. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/text.h"
#include "runtime/container.h"
#include "runtime/net_driver.h"
#include "runtime/process.h"

#define GRACE_MS 5000 /* between SIGTERM and SIGKILL */

int berth_container_open(const struct berth_state *s, int *pidfd, struct fl_err *err)
{
	int r = berth_process_open((pid_t)s->pid, s->start_time, pidfd, err);

	if (r == -ESRCH)
		return fl_fail(err, ESRCH, "container '%s' is not running", s->id);
	return r;
}

static int end_processes(const struct berth_state *s, bool force, struct fl_err *err)
{
	fl_auto_close int pidfd = -1;
	int r;

	r = berth_container_open(s, &pidfd, err);
	if (r == -ESRCH)
		return 0;
	if (r < 0)
		return r;
	/* Before the command is started there is nothing that SIGTERM would reach. */
	r = berth_process_end(pidfd, force || !s->started ? 0 : GRACE_MS, err);
	return r < 0 ? fl_wrap(err, r, "end container '%s'", s->id) : 0;
}

static bool is_namespace(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

static int detach(const struct berth_env *env, const struct berth_state *s, size_t i, int dir,
		  struct fl_err *err)
{
	const struct fl_json *net = fl_json_at(s->networks, i);
	struct berth_driver d = berth_env_driver(env, dir);
	berth_auto_list struct berth_list list = { 0 };
	struct berth_rt rt = { .id = s->id, .args = s->args, .caps = s->caps };
	char netns[PATH_MAX];
	int r;

	rt.ifname = fl_json_str(fl_json_get(net, "ifname"));
	if (!rt.ifname)
		return fl_fail(err, EINVAL, "state 'networks[%zu]' has no 'ifname'", i);
	r = berth_list_from_tree(fl_json_get(net, "config"), &list, err);
	if (r == 0)
		r = berth_list_check(&list, err);
	if (r == 0)
		r = berth_state_netns(env, s->id, netns, err);
	if (r < 0)
		return r;
	rt.netns = is_namespace(netns) ? netns : "";
	if (s->cni_path && !env->cni_path_given)
		d.cni_path = s->cni_path;
	return berth_driver_del(&d, &list, &rt, err);
}

int berth_container_delete(const struct berth_env *env, const char *id, int dir, bool force,
			   struct fl_err *err)
{
	berth_auto_state struct berth_state s = { 0 };
	int r;

	r = berth_state_load(dir, &s, err);
	if (r < 0 && r != -ENOENT && !force)
		return fl_wrap(err, r, "container '%s'", id);
	if (r < 0 && r != -ENOENT)
		fl_warn("container '%s': %s, going on: its networks are not detached", id,
			err->text);
	if (r == 0) {
		r = end_processes(&s, force, err);
		if (r < 0)
			return r;
	}
	for (size_t i = fl_json_len(s.networks); i-- > 0;) {
		r = detach(env, &s, i, dir, err);
		if (r < 0 && !force)
			return fl_wrap(err, r, "container '%s'", id);
		if (r < 0)
			fl_warn("container '%s': %s, going on", id, err->text);
	}
	return berth_state_remove(env, id, dir, err);
}

static int join(int pidfd, struct fl_err *err)
{
	int spaces = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;

	if (setns(pidfd, spaces) < 0)
		return fl_fail_errno(err, errno, "enter the container's namespaces");
	return 0;
}

/* The child's error, or 0 at the end of the pipe: executed. */
static int await_exec(int fd, struct fl_err *err)
{
	struct fl_err theirs = { 0 };
	ssize_t n;

	do
		n = read(fd, &theirs, sizeof(theirs));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(theirs) || theirs.sys <= 0)
		return 0;
	*err = theirs;
	return -theirs.sys;
}

int berth_container_exec(const struct berth_state *s, char *const *argv, char *const *env,
			 struct fl_err *err)
{
	fl_auto_close int pidfd = -1, from = -1, to = -1;
	int r, pipes[2];
	pid_t pid;

	r = berth_container_open(s, &pidfd, err);
	if (r < 0)
		return r;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return fl_fail_errno(err, errno, "make a pipe");
	from = pipes[0];
	to = pipes[1];
	r = join(pidfd, err);
	if (r < 0)
		return fl_wrap(err, r, "container '%s'", s->id);
	berth_hold_signals();
	pid = fork();
	if (pid < 0)
		return fl_fail_errno(err, errno, "start the command");
	if (pid == 0) {
		(void)berth_become(argv, env, err);
		(void)!write(to, err, sizeof(*err));
		_exit(err->code ? err->code : 125);
	}
	fl_close_p(&to);
	r = await_exec(from, err);
	if (r < 0) {
		(void)waitpid(pid, NULL, 0);
		return fl_wrap(err, r, "container '%s'", s->id);
	}
	return berth_wait_child(pid);
}
