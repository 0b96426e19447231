// SPDX-License-Identifier: Apache-2.0
/* Making and starting a container. */
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/init.h"
#include "runtime/net_driver.h"
#include "runtime/process.h"

#define CLEANUP_LOCK_MS 60000

/* A container while it is being made. */
struct launch {
	const struct berth_env *env;
	const struct berth_run *run;
	int dir;  /* its folder, locked */
	int sock; /* our end of the talk with init */
	pid_t pid;
	struct fl_json *doc; /* state.json */
	char netns[PATH_MAX];
};

static void launch_done(struct launch *l)
{
	fl_close_p(&l->dir);
	fl_close_p(&l->sock);
	fl_json_free(&l->doc);
}

static struct fl_json *texts(char *const *v)
{
	fl_auto_json struct fl_json *list = fl_json_array();

	for (; list && *v; v++)
		if (fl_json_append(list, fl_json_new_str(*v)) < 0)
			return NULL;
	return FL_TAKE(list);
}

static int first_state(struct launch *l, struct fl_err *err)
{
	const struct berth_run *run = l->run;
	const struct berth_env *env = l->env;
	struct fl_json *doc = fl_json_object();
	int r;

	l->doc = doc;
	if (!doc)
		return fl_fail_errno(err, ENOMEM, "make a state");
	r = fl_json_set_int(doc, "version", 1)
		    ?: fl_json_set_str(doc, "id", run->id)
		    ?: fl_json_set_int(doc, "created", time(NULL))
		    ?: fl_json_set_str(doc, "hostname", run->hostname)
		    ?: fl_json_set_str(doc, "rootfs", run->rootfs ? run->rootfs : "")
		    ?: fl_json_set(doc, "command", texts(run->argv))
		    ?: fl_json_set(doc, "env", texts(run->env))
		    ?: fl_json_set_str(doc, "cniPath", env->cni_path)
		    ?: fl_json_set(doc, "networks", fl_json_array());
	if (r == 0 && env->args)
		r = fl_json_set(doc, "cniArgs", fl_json_copy(env->args));
	if (r == 0 && env->caps)
		r = fl_json_set(doc, "capabilityArgs", fl_json_copy(env->caps));
	if (r < 0)
		return fl_fail_errno(err, ENOMEM, "make a state");
	return berth_state_save(l->dir, doc, err);
}

/* Places for the root and for the pinned namespace, and the log of a detached container. */
static int make_places(struct launch *l, int *log, struct fl_err *err)
{
	fl_auto_close int netns = -1;

	if (mkdirat(l->dir, "rootfs", 0700) < 0)
		return fl_fail_errno(err, errno, "make folder 'rootfs'");
	netns = openat(l->dir, "netns", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (netns < 0)
		return fl_fail_errno(err, errno, "make file 'netns'");
	if (l->run->detach) {
		*log = openat(l->dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (*log < 0)
			return fl_fail_errno(err, errno, "make file 'log'");
	}
	return berth_state_netns(l->env, l->run->id, l->netns, err);
}

static int start_init(struct launch *l, int log, struct fl_err *err)
{
	struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS |
					    CLONE_NEWIPC | CLONE_NEWNET,
				   .exit_signal = SIGCHLD };
	fl_auto_close int theirs = -1;
	char mount_point[PATH_MAX];
	int pair[2], r;
	long pid;

	r = fl_format(mount_point, sizeof(mount_point), err, "%s/%s/rootfs", l->env->run_dir,
		      l->run->id);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fl_fail_errno(err, errno, "make a socket pair");
	l->sock = pair[0];
	theirs = pair[1];
	const struct berth_inside in = { .rootfs = { l->run->rootfs, mount_point },
					 .hostname = l->run->hostname,
					 .argv = l->run->argv,
					 .env = l->run->env,
					 .log_fd = log };

	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return fl_fail_errno(err, errno, "make namespaces");
	if (pid == 0)
		berth_init(&in, theirs);
	l->pid = (pid_t)pid;
	return 0;
}

/* Bind-mounts the network namespace to its file and writes down who init is. */
static int pin(struct launch *l, struct fl_err *err)
{
	uint64_t start = 0;
	char path[64];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", l->pid);
	if (mount(path, l->netns, NULL, MS_BIND, NULL) < 0)
		return fl_fail_errno(err, errno, "mount '%s' on '%s'", path, l->netns);
	r = berth_start_time(l->pid, &start, err);
	if (r == -ESRCH)
		return 0; /* it has died already and sent us why */
	if (r < 0)
		return r;
	if (fl_json_set_int(l->doc, "pid", l->pid) < 0 ||
	    fl_json_set_int(l->doc, "startTime", (int64_t)start) < 0)
		return fl_fail_errno(err, ENOMEM, "make a state");
	return berth_state_save(l->dir, l->doc, err);
}

/* Written down before ADD, so that a DEL will follow whatever happens, and again after it. */
static int attach(struct launch *l, size_t i, struct fl_err *err)
{
	const struct berth_list *list = &l->run->nets[i];
	struct berth_driver d = berth_env_driver(l->env, l->dir);
	fl_auto_json struct fl_json *net = fl_json_object(), *result = NULL;
	struct fl_json *nets = fl_json_get(l->doc, "networks");
	struct berth_rt rt = { .id = l->run->id, .netns = l->netns };
	char ifname[16];
	int r;

	(void)snprintf(ifname, sizeof(ifname), "eth%u", (unsigned int)i);
	rt.ifname = ifname;
	rt.args = l->env->args;
	rt.caps = l->env->caps;
	if (!net || fl_json_set_str(net, "name", list->name) < 0 ||
	    fl_json_set_str(net, "ifname", ifname) < 0 ||
	    fl_json_set(net, "config", fl_json_copy(list->tree)) < 0 ||
	    fl_json_append(nets, FL_TAKE(net)) < 0)
		return fl_fail_errno(err, ENOMEM, "make a state");
	r = berth_state_save(l->dir, l->doc, err);
	if (r < 0)
		return r;
	r = berth_driver_add(&d, list, &rt, &result, err);
	if (r < 0)
		return r;
	if (fl_json_set(fl_json_at(nets, i), "result", FL_TAKE(result)) < 0)
		return fl_fail_errno(err, ENOMEM, "make a state");
	r = berth_state_save(l->dir, l->doc, err);
	return r < 0 ? r : berth_interrupted(err);
}

/* From "the networks are attached" to "the command is executed". */
static int start_command(struct launch *l, struct fl_err *err)
{
	int r;

	r = berth_step_recv(l->sock, BERTH_READY, err);
	if (r == 0)
		r = fl_fail(err, EPIPE, "init ended before it was ready");
	if (r < 0)
		return r;
	r = berth_step_send(l->sock, BERTH_GO, err);
	if (r < 0)
		return r;
	r = berth_step_recv(l->sock, BERTH_GO, err);
	if (r != 0)
		return r < 0 ? r : fl_fail(err, EPROTO, "init answers what it should not");
	if (fl_json_set_bool(l->doc, "started", true) < 0)
		return fl_fail_errno(err, ENOMEM, "make a state");
	return berth_state_save(l->dir, l->doc, err);
}

static int make(struct launch *l, struct fl_err *err)
{
	fl_auto_close int log = -1;
	int r;

	r = first_state(l, err);
	if (r == 0)
		r = make_places(l, &log, err);
	if (r == 0)
		r = start_init(l, log, err);
	if (r == 0)
		r = pin(l, err);
	for (size_t i = 0; r == 0 && i < l->run->n_nets; i++) {
		r = attach(l, i, err);
		if (r < 0)
			err->code = 0; /* a plugin's code is not an exit status */
	}
	return r < 0 ? r : start_command(l, err);
}

/* Removes what there is; an error of its own is a warning, since another one is on its way. */
static void undo(struct launch *l)
{
	struct fl_err err = { 0 };

	if (l->pid > 0) {
		(void)kill(l->pid, SIGKILL);
		(void)waitpid(l->pid, NULL, 0);
	}
	if (berth_container_delete(l->env, l->run->id, l->dir, false, &err) < 0)
		fl_warn("%s; container '%s' is kept for berth delete", err.text, l->run->id);
}

/* After the command has ended. Somebody else may have removed the container meanwhile. */
static void clean_up(struct launch *l)
{
	struct fl_deadline d = fl_deadline_in(CLEANUP_LOCK_MS);
	struct fl_err err = { 0 };
	int r;

	r = fl_flock(l->dir, LOCK_EX, &d, &err);
	if (r == 0 && !berth_state_is_current(l->env, l->run->id, l->dir))
		return;
	if (r == 0)
		r = berth_container_delete(l->env, l->run->id, l->dir, false, &err);
	if (r < 0)
		fl_warn("%s; container '%s' is kept for berth delete", err.text, l->run->id);
}

int berth_container_run(const struct berth_env *env, const struct berth_run *run,
			struct fl_err *err)
{
	fl_auto(launch_done) struct launch l = { .env = env, .run = run, .dir = -1, .sock = -1 };
	struct berth_driver d = berth_env_driver(env, 0);
	int r;

	/* Before anything is made: what ADD would need, and DEL could not do without. */
	for (size_t i = 0; i < run->n_nets; i++) {
		r = berth_driver_find(&d, &run->nets[i], err);
		if (r < 0)
			return r;
	}
	r = berth_state_create(env, run->id, &l.dir, err);
	if (r < 0)
		return r;
	berth_hold_signals();
	r = make(&l, err);
	if (r < 0) {
		r = fl_wrap(err, r, "container '%s'", run->id);
		undo(&l);
		return r;
	}
	if (run->detach)
		return 0;
	(void)flock(l.dir, LOCK_UN);
	r = berth_wait_child(l.pid);
	clean_up(&l);
	return r;
}
