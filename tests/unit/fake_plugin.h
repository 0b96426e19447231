// SPDX-License-Identifier: Apache-2.0
/*
 * A fake plugin behind the skeleton, driven as a runtime drives one: each call is a process with
 * its own environment, stdin and stdout. Needs root for the network namespace of a "pod".
 */
#pragma once

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/text.h"
#include "cni/plugin.h"

static pid_t pod;
static char pod_netns[64];

/* What the fake plugin writes down on stderr: which verb ran, and what it saw. */
static inline int note(const struct fl_cni_req *req, const char *what)
{
	dprintf(STDERR_FILENO, "%s name=%s id=%s if=%s ns=%s prev=%d valid=%zu v=%s\n", what,
		req->name, req->container_id ?: "-", req->ifname ?: "-",
		req->netns_fd >= 0 ? "open" : "none", req->prev != NULL, fl_json_len(req->valid),
		fl_cni_version_text(req->version));
	return 0;
}

static inline int fake_add(const struct fl_cni_req *req, struct fl_json **result,
			   struct fl_err *err)
{
	static struct fl_cni_ip any = { .interface = -1 };
	const struct fl_cni_result res = { .ips = &any, .n_ips = 1 };
	const char *fail = fl_json_str(fl_json_get(req->conf.v, "fail"));

	(void)note(req, "add");
	if (fl_streq(fail, "time"))
		return fl_fail(err, ETIMEDOUT, "wait for 'x'");
	if (fail)
		return fl_fail(err, EIO, "do '%s'", fail);
	return fl_cni_result_write(&res, req->version, result, err);
}

static inline int fake_del(const struct fl_cni_req *req, struct fl_err *err)
{
	(void)err;
	return note(req, req->verb == FL_CNI_DEL ? "del" : "not a del");
}

static inline int fake_check(const struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_cni_result struct fl_cni_result res = { 0 };

	(void)note(req, "check");
	return fl_cni_prev_result(req, &res, err);
}

static inline int fake_gc(const struct fl_cni_req *req, struct fl_err *err)
{
	(void)err;
	if (fl_cni_is_valid_attachment(req, "a", "eth0"))
		dprintf(STDERR_FILENO, "keeps a/eth0 ");
	if (fl_cni_is_valid_attachment(req, "a", "eth1"))
		dprintf(STDERR_FILENO, "keeps a/eth1 ");
	return note(req, "gc");
}

static inline int fake_status(const struct fl_cni_req *req, struct fl_err *err)
{
	(void)note(req, "status");
	return fl_class(err, fl_fail(err, ENOSPC, "pool is full"), FL_CNI_UNAVAILABLE);
}

static const struct fl_cni_plugin fake = { .name = "fake",
					   .add = fake_add,
					   .del = fake_del,
					   .check = fake_check,
					   .gc = fake_gc,
					   .status = fake_status };

enum stdio { GIVEN, CLOSED, FULL, BROKEN };

/* One process: what it gets. */
struct call {
	const char *env[8];
	const char *stdin_text; /* NULL: empty */
	size_t stdin_len;	/* 0: the text's length */
	enum stdio in, out;
	rlim_t files; /* how many may be open; 0: the usual number */
};

/* And what came of it. */
struct outcome {
	int status;
	char out[4096], err[4096];
	struct fl_json *json; /* of out; NULL when out is empty */
};

static inline void outcome_done(struct outcome *o)
{
	fl_json_free(&o->json);
}

#define auto_outcome fl_auto(outcome_done) struct outcome

static inline int set_stdout(enum stdio how, int given)
{
	int ends[2];

	switch (how) {
	case CLOSED:
		return close(STDOUT_FILENO);
	case FULL:
		given = open("/dev/full", O_WRONLY | O_CLOEXEC);
		break;
	case BROKEN:
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -1;
		close(ends[0]);
		given = ends[1];
		break;
	case GIVEN:
		break;
	}
	return dup2(given, STDOUT_FILENO);
}

static inline void child(const struct call *c, int in, int out, int err)
{
	const struct fl_cni_plugin *const builtins[] = { &fake, NULL };

	clearenv();
	for (size_t i = 0; i < FL_ARRAY_LEN(c->env) && c->env[i]; i++)
		if (c->env[i][0])
			putenv((char *)(uintptr_t)c->env[i]);
	if (dup2(err, STDERR_FILENO) < 0 || set_stdout(c->out, out) < 0)
		_exit(99);
	if (c->in == CLOSED ? close(STDIN_FILENO) : dup2(in, STDIN_FILENO) < 0)
		_exit(99);
	if (c->files && setrlimit(RLIMIT_NOFILE, &(struct rlimit){ c->files, c->files }) < 0)
		_exit(99);
	_exit(fl_cni_main(&fake, builtins));
}

static inline void read_back(int fd, char *out, size_t size)
{
	ssize_t n = pread(fd, out, size - 1, 0);

	CHECK(n >= 0);
	out[n] = '\0';
}

static inline struct outcome run(const struct call *c)
{
	fl_auto_close int in = memfd_create("stdin", MFD_CLOEXEC);
	fl_auto_close int out = memfd_create("stdout", MFD_CLOEXEC);
	fl_auto_close int err = memfd_create("stderr", MFD_CLOEXEC);
	size_t len = c->stdin_len ?: c->stdin_text ? strlen(c->stdin_text) : 0;
	struct outcome o = { 0 };
	struct fl_err why = { 0 };
	pid_t pid;

	CHECK(in >= 0 && out >= 0 && err >= 0);
	CHECK_OK(fl_write_all(in, c->stdin_text, len, &why), &why);
	CHECK(lseek(in, 0, SEEK_SET) == 0);
	pid = fork();
	if (pid == 0)
		child(c, in, out, err);
	CHECK(pid > 0 && waitpid(pid, &o.status, 0) == pid);
	CHECK(WIFEXITED(o.status));
	o.status = WEXITSTATUS(o.status);
	read_back(out, o.out, sizeof(o.out));
	read_back(err, o.err, sizeof(o.err));
	if (o.out[0])
		CHECK_OK(fl_json_parse(o.out, strlen(o.out), &o.json, &why), &why);
	return o;
}

static inline int pod_code(void *ignored)
{
	(void)ignored;
	return pause();
}

static inline int make_pod(void **state)
{
	static char stack[16384] __attribute__((aligned(16)));

	(void)state;
	pod = clone(pod_code, stack + sizeof(stack), CLONE_NEWNET | SIGCHLD, NULL);
	if (pod < 0)
		return -1;
	(void)snprintf(pod_netns, sizeof(pod_netns), "CNI_NETNS=/proc/%d/ns/net", pod);
	return 0;
}

static inline int end_pod(void **state)
{
	(void)state;
	kill(pod, SIGKILL);
	return waitpid(pod, NULL, 0) == pod ? 0 : -1;
}

#define ID	  "CNI_CONTAINERID=a"
#define IF	  "CNI_IFNAME=eth0"
#define ATTACH(v) "CNI_COMMAND=" v, ID, pod_netns, IF
#define CONF(v)	  "{\"cniVersion\":\"" v "\",\"name\":\"pods\"}"
#define PREV(v)	  "{\"cniVersion\":\"" v "\",\"name\":\"pods\",\"prevResult\":{}}"

static inline void check_failure(const struct call *c, int code, const char *version,
				 const char *part)
{
	auto_outcome o = run(c);
	const char *msg = fl_json_str(fl_json_get(o.json, "msg"));
	const char *details = fl_json_str(fl_json_get(o.json, "details"));

	if (o.status != 1 || !msg)
		fail_msg("'%s': status %d, stdout '%s'", part, o.status, o.out);
	if (fl_json_int(fl_json_get(o.json, "code")) != code ||
	    (!strstr(msg, part) && (!details || !strstr(details, part))))
		fail_msg("expected code %d and '%s', got %s", code, part, o.out);
	if (!fl_streq(fl_json_str(fl_json_get(o.json, "cniVersion")), version))
		fail_msg("expected version %s, got %s", version, o.out);
	if (strstr(o.err, "name="))
		fail_msg("'%s': the plugin ran: %s", part, o.err);
}
