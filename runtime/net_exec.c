// SPDX-License-Identifier: Apache-2.0
/* One plugin process: its file, its environment, its answer. */
#include "runtime/net_exec.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/deadline.h"
#include "base/text.h"
#include "cni/code.h"
#include "cni/exec.h"

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

/* What a plugin that ended with this status says of its reasons. */
static int explain(int status, const char *answer, struct fl_err *err)
{
	fl_auto_json struct fl_json *e = NULL;
	struct fl_err junk = { 0 };
	const char *msg, *details;

	if (WIFSIGNALED(status))
		return fl_fail(err, EIO, "killed by signal %d (%s)", WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	if (!*answer)
		return fl_fail(err, EIO, "exit status %d and no message", WEXITSTATUS(status));
	if (fl_json_parse(answer, strlen(answer), &e, &junk) < 0 ||
	    fl_json_type(e) != FL_JSON_OBJECT)
		return fl_fail(err, EIO,
			       "exit status %d and a message that is no JSON object: '%.200s'",
			       WEXITSTATUS(status), answer);
	msg = fl_json_str(fl_json_get(e, "msg"));
	details = fl_json_str(fl_json_get(e, "details"));
	fl_fail(err, EIO, "code %lld: %s%s%s", (long long)fl_json_int(fl_json_get(e, "code")),
		msg ? msg : "no message", fl_empty(details) ? "" : "; ", details ? details : "");
	return fl_class(err, -EIO, (int)fl_json_int(fl_json_get(e, "code")));
}

/* A file that is just being written to can be executed a moment later. */
static int execute(const struct fl_cni_exec *what, char **out, int *status, struct fl_err *err)
{
	int r = -ETXTBSY;

	for (int tries = 0; r == -ETXTBSY && tries < BUSY_TRIES; tries++) {
		if (tries > 0)
			sleep(1);
		r = fl_cni_exec(what, out, status, err);
	}
	return r;
}

int berth_plugin_call(const struct berth_call *call, const struct fl_json *req, char **out,
		      struct fl_err *err)
{
	fl_auto(env_done) struct env env = { 0 };
	fl_auto_free char *input = NULL, *answer = NULL;
	struct fl_cni_exec what = { .command = call->verb };
	char file[PATH_MAX];
	int r, status = 0;

	r = berth_plugin_find(call->type, call->cni_path, file, sizeof(file), err);
	if (r < 0)
		return r;
	r = make_env(call, &env, err);
	if (r < 0)
		return r;
	r = fl_json_print(req, 0, &input, err);
	if (r < 0)
		return r;
	what.path = file;
	what.env = env.v;
	what.input = input;
	what.input_len = strlen(input);
	what.keep_fd = call->keep_fd;
	what.deadline = fl_deadline_in(call->timeout_ms);
	r = execute(&what, &answer, &status, err);
	if (r < 0)
		return r;
	if (status != 0)
		return explain(status, answer, err);
	*out = FL_TAKE(answer);
	return 0;
}
