// SPDX-License-Identifier: Apache-2.0
/* One plugin process: started, fed, read, waited for. */
#include "runtime/net_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/text.h"
#include "cni/code.h"

#define BUSY_TRIES 6

int berth_plugin_find(const char *type, const char *cni_path, char *out, size_t size,
		      struct fl_err *err)
{
	struct stat st;
	size_t len;
	int r;

	for (const char *p = cni_path;; p += len + 1) {
		len = strcspn(p, ":");
		if (len > 0) {
			r = fl_format(out, size, err, "%.*s/%s", (int)len, p, type);
			if (r < 0)
				return r;
			if (stat(out, &st) == 0 && S_ISREG(st.st_mode))
				return 0;
		}
		if (!p[len])
			break;
	}
	return fl_class(err,
			fl_fail(err, ENOENT, "no plugin '%s' in the folders of CNI_PATH '%s'", type,
				cni_path),
			FL_CNI_ENV);
}

/* The environment of the plugin: ours, with the CNI variables replaced. */
struct env {
	char **v; /* NULL-terminated; the first n_own are ours to free */
	size_t n_own;
};

static void env_done(struct env *env)
{
	for (size_t i = 0; env->v && i < env->n_own; i++)
		fl_free_p(&env->v[i]);
	fl_free_p(&env->v);
}

static bool is_cni_variable(const char *kv)
{
	static const char *const names[] = { "CNI_COMMAND=", "CNI_CONTAINERID=", "CNI_NETNS=",
					     "CNI_IFNAME=",  "CNI_ARGS=",	 "CNI_PATH=" };

	for (size_t i = 0; i < FL_ARRAY_LEN(names); i++)
		if (strncmp(kv, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static int make_env(const struct berth_call *call, struct env *env, struct fl_err *err)
{
	const struct berth_rt none = { .id = "", .ifname = "", .netns = "" };
	const struct berth_rt *rt = call->rt ? call->rt : &none;
	fl_auto_free char *args = NULL;
	size_t n = 0, have = 0;
	int r;

	r = berth_args_text(rt->args, &args, err);
	if (r < 0)
		return r;
	while (environ[have])
		have++;
	env->v = calloc(have + 7, sizeof(*env->v));
	if (!env->v)
		return fl_fail_errno(err, ENOMEM, "make an environment");
	const char *const set[][2] = {
		{ "CNI_COMMAND", call->verb }, { "CNI_CONTAINERID", rt->id },
		{ "CNI_NETNS", rt->netns },    { "CNI_IFNAME", rt->ifname },
		{ "CNI_ARGS", args },	       { "CNI_PATH", call->cni_path },
	};
	for (; n < FL_ARRAY_LEN(set); n++) {
		if (asprintf(&env->v[n], "%s=%s", set[n][0], set[n][1]) < 0) {
			env->v[n] = NULL;
			return fl_fail_errno(err, ENOMEM, "make an environment");
		}
		env->n_own = n + 1;
	}
	for (size_t i = 0; i < have; i++)
		if (!is_cni_variable(environ[i]))
			env->v[n++] = environ[i];
	return 0;
}

/* The request as a file in memory, at its beginning: no plugin that reads late blocks us. */
static int make_stdin(const struct fl_json *req, int *fd, struct fl_err *err)
{
	fl_auto_close int mem = memfd_create("cni-request", MFD_CLOEXEC);
	fl_auto_free char *text = NULL;
	int r;

	if (mem < 0)
		return fl_fail_errno(err, errno, "make a file in memory");
	r = fl_json_print(req, 0, &text, err);
	if (r < 0)
		return r;
	r = fl_write_all(mem, text, strlen(text), err);
	if (r < 0)
		return r;
	if (lseek(mem, 0, SEEK_SET) < 0)
		return fl_fail_errno(err, errno, "rewind the request");
	*fd = FL_TAKE_FD(mem);
	return 0;
}

static void actions_done(posix_spawn_file_actions_t *a)
{
	posix_spawn_file_actions_destroy(a);
}

static void attr_done(posix_spawnattr_t *a)
{
	posix_spawnattr_destroy(a);
}

/* Starts file in a process group of its own, with no signal blocked. Returns errno. */
static int spawn_plugin(const char *file, int in, int out, int keep, char **env, pid_t *pid)
{
	fl_auto(actions_done) posix_spawn_file_actions_t act;
	fl_auto(attr_done) posix_spawnattr_t attr;
	char *const argv[] = { (char *)(uintptr_t)file, NULL };
	sigset_t none, normal;
	int r;

	sigemptyset(&none);
	sigemptyset(&normal);
	sigaddset(&normal, SIGPIPE);
	sigaddset(&normal, SIGTTOU);
	posix_spawn_file_actions_init(&act);
	posix_spawnattr_init(&attr);
	r = posix_spawn_file_actions_adddup2(&act, in, 0)
		    ?: posix_spawn_file_actions_adddup2(&act, out, 1)
		    ?: posix_spawnattr_setsigmask(&attr, &none)
		    ?: posix_spawnattr_setsigdefault(&attr, &normal)
		    ?: posix_spawnattr_setpgroup(&attr, 0)
		    ?: posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
							       POSIX_SPAWN_SETSIGDEF |
							       POSIX_SPAWN_SETPGROUP);
	if (r == 0 && keep >= 0)
		r = posix_spawn_file_actions_adddup2(&act, keep, keep);
	for (int tries = 1; r == 0; tries++) {
		r = posix_spawn(pid, file, &act, &attr, argv, env);
		if (r != ETXTBSY || tries == BUSY_TRIES)
			return r;
		sleep(1);
		r = 0;
	}
	return r;
}

struct output {
	char *text; /* NUL-terminated once finished */
	size_t len;
};

/* Takes what there is. 1: more may come, 0: end. */
static int read_some(int fd, struct output *o, struct fl_err *err)
{
	char buf[16384], *bigger;
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n < 0)
		return fl_fail_errno(err, errno, "read its output");
	if (o->len + (size_t)n > BERTH_STDOUT_MAX)
		return fl_fail(err, EFBIG, "it printed more than %u bytes", BERTH_STDOUT_MAX);
	bigger = realloc(o->text, o->len + (size_t)n + 1);
	if (!bigger)
		return fl_fail_errno(err, ENOMEM, "read its output");
	o->text = bigger;
	memcpy(o->text + o->len, buf, (size_t)n);
	o->len += (size_t)n;
	o->text[o->len] = '\0';
	return n > 0;
}

/*
 * Reads until the process has ended and nothing is left; something it left behind in the
 * background may hold the pipe open for longer.
 */
static int follow(int pidfd, int fd, const struct fl_deadline *d, struct output *o,
		  struct fl_err *err)
{
	bool ended = false, eof = false;
	int r;

	while (!ended || !eof) {
		struct pollfd p[2] = { { .fd = eof ? -1 : fd, .events = POLLIN },
				       { .fd = ended ? -1 : pidfd, .events = POLLIN } };
		int n = poll(p, 2, ended ? 0 : fl_deadline_left(d));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fl_fail_errno(err, errno, "wait for it");
		if (n == 0 && ended)
			return 0;
		if (n == 0)
			return fl_fail(err, ETIMEDOUT, "not done after its time limit: killed");
		if (p[0].revents) {
			r = read_some(fd, o, err);
			if (r < 0)
				return r;
			eof = r == 0;
		}
		ended = ended || p[1].revents;
	}
	return 0;
}

static int wait_for(pid_t pid, int fd, int timeout_ms, struct output *o, int *status,
		    struct fl_err *err)
{
	struct fl_deadline d = fl_deadline_in(timeout_ms);
	fl_auto_close int pidfd = pidfd_open(pid, 0);
	int r;

	if (pidfd < 0)
		r = fl_fail_errno(err, errno, "watch it");
	else
		r = follow(pidfd, fd, &d, o, err);
	if (r < 0)
		(void)kill(-pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return fl_fail_errno(err, errno, "wait for it");
	return r;
}

/* What a plugin that ended with this status says of its reasons. */
static int explain(int status, const struct output *o, struct fl_err *err)
{
	fl_auto_json struct fl_json *e = NULL;
	struct fl_err junk = { 0 };
	const char *msg, *details;

	if (WIFSIGNALED(status))
		return fl_fail(err, EIO, "killed by signal %d (%s)", WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	if (o->len == 0)
		return fl_fail(err, EIO, "exit status %d and no message", WEXITSTATUS(status));
	if (fl_json_parse(o->text, o->len, &e, &junk) < 0 || fl_json_type(e) != FL_JSON_OBJECT)
		return fl_fail(err, EIO,
			       "exit status %d and a message that is no JSON object: '%.200s'",
			       WEXITSTATUS(status), o->text);
	msg = fl_json_str(fl_json_get(e, "msg"));
	details = fl_json_str(fl_json_get(e, "details"));
	fl_fail(err, EIO, "code %lld: %s%s%s", (long long)fl_json_int(fl_json_get(e, "code")),
		msg ? msg : "no message", fl_empty(details) ? "" : "; ", details ? details : "");
	return fl_class(err, -EIO, (int)fl_json_int(fl_json_get(e, "code")));
}

int berth_plugin_call(const struct berth_call *call, const struct fl_json *req, char **out,
		      size_t *len, struct fl_err *err)
{
	fl_auto(env_done) struct env env = { 0 };
	fl_auto_close int in = -1, from = -1, to = -1;
	fl_auto_free char *text = NULL;
	struct output o = { 0 };
	char file[PATH_MAX];
	int r, pipes[2], status = 0;
	pid_t pid = -1;

	r = berth_plugin_find(call->type, call->cni_path, file, sizeof(file), err);
	if (r < 0)
		return r;
	r = make_env(call, &env, err);
	if (r < 0)
		return r;
	r = make_stdin(req, &in, err);
	if (r < 0)
		return r;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return fl_fail_errno(err, errno, "make a pipe");
	from = pipes[0];
	to = pipes[1];
	(void)fcntl(from, F_SETFL, O_NONBLOCK);
	r = spawn_plugin(file, in, to, call->keep_fd, env.v, &pid);
	if (r != 0)
		return fl_fail_errno(err, r, "execute '%s'", file);
	fl_close_p(&to);
	r = wait_for(pid, from, call->timeout_ms, &o, &status, err);
	text = o.text;
	if (r < 0)
		return r;
	if (status != 0)
		return explain(status, &o, err);
	*len = o.len;
	*out = FL_TAKE(text);
	return 0;
}
