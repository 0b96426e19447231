// SPDX-License-Identifier: Apache-2.0
/* Finding a delegate, calling it in-process or executing it, and reading what it says. */
#include "cni/delegate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/text.h"
#include "cni/exec.h"
#include "cni/name.h"

/* What a type turned out to be. */
struct delegate {
	const char *type;
	const struct fl_cni_plugin *own; /* NULL: foreign, at path */
	char path[PATH_MAX];
};

/* The first regular file of that name. *st is its. */
static int search(const char *dirs, struct delegate *d, struct stat *st, struct fl_err *err)
{
	for (const char *dir = dirs; dir; dir = strchr(dir, ':')) {
		int len, n;

		dir += *dir == ':';
		len = (int)strcspn(dir, ":");
		if (len == 0)
			continue;
		n = snprintf(d->path, sizeof(d->path), "%.*s/%s", len, dir, d->type);
		if (n < 0 || (size_t)n >= sizeof(d->path))
			continue;
		if (stat(d->path, st) == 0 && S_ISREG(st->st_mode))
			return 0;
	}
	return fl_class(err,
			fl_fail(err, ENOENT, "find plugin '%.64s': not in CNI_PATH '%.256s'",
				d->type, dirs),
			FL_CNI_CONFIG);
}

/*
 * What the kernel was told to execute, which a process can ask without a look into /proc. Were the
 * file exchanged for another since, we would be the one that was exchanged.
 */
static int stat_self(struct stat *out)
{
	const char *path = (const char *)getauxval(AT_EXECFN);

	return path && *path == '/' ? stat(path, out) : stat("/proc/self/exe", out);
}

/* The builtin of that name, if the file is ourselves. */
static const struct fl_cni_plugin *match_own(const struct fl_cni_req *req, const char *type,
					     const struct stat *file)
{
	struct stat self;

	for (const struct fl_cni_plugin *const *p = req->builtins; p && *p; p++) {
		if (!fl_streq((*p)->name, type))
			continue;
		if (stat_self(&self) < 0)
			return NULL;
		return self.st_ino == file->st_ino && self.st_dev == file->st_dev ? *p : NULL;
	}
	return NULL;
}

static int find(const struct fl_cni_req *req, const char *type, struct delegate *d,
		struct fl_err *err)
{
	struct stat st;
	int r;

	r = fl_cni_check_type(type, err);
	if (r < 0)
		return r;
	if (!req->path)
		return fl_class(err,
				fl_fail(err, EINVAL,
					"required env variables [CNI_PATH] missing, needed to find "
					"plugin '%s'",
					type),
				FL_CNI_ENV);
	d->type = type;
	r = search(req->path, d, &st, err);
	if (r < 0)
		return r;
	d->own = match_own(req, type, &st);
	return 0;
}

/* The delegate's error document as our error; -EINVAL with the code 0: it is none. */
static int read_error(const char *answer, struct fl_err *err)
{
	fl_auto_json struct fl_json *tree = NULL;
	const char *msg, *details;
	struct fl_err ignored;
	int64_t code;

	if (fl_json_parse(answer, strlen(answer), &tree, &ignored) < 0)
		return -EINVAL;
	msg = fl_json_str(fl_json_get(tree, "msg"));
	details = fl_json_str(fl_json_get(tree, "details"));
	code = fl_json_int(fl_json_get(tree, "code"));
	if (!msg && !details)
		return -EINVAL;
	if (fl_empty(msg) || fl_empty(details))
		fl_fail(err, EREMOTEIO, "%s", fl_empty(msg) ? details ?: "" : msg);
	else
		fl_fail(err, EREMOTEIO, "%s: %s", msg, details);
	err->code = code > 0 && code <= INT_MAX ? (int)code : FL_CNI_INTERNAL;
	return 0;
}

/* Why a delegate's exit status is not 0. Returns -EREMOTEIO. */
static int explain(const struct delegate *d, const char *answer, int status, struct fl_err *err)
{
	int r = -EREMOTEIO;

	if (read_error(answer, err) == 0)
		return fl_wrap(err, r, "plugin '%s'", d->type);
	if (WIFSIGNALED(status))
		fl_fail(err, EREMOTEIO, "plugin '%s': killed by signal %d", d->type,
			WTERMSIG(status));
	else if (fl_empty(answer))
		fl_fail(err, EREMOTEIO, "plugin '%s': exit status %d and no answer", d->type,
			WEXITSTATUS(status));
	else
		fl_fail(err, EREMOTEIO,
			"plugin '%s': exit status %d, and the answer is no CNI error: '%.128s'",
			d->type, WEXITSTATUS(status), answer);
	return fl_class(err, r, FL_CNI_INTERNAL);
}

/* Executes it. *answer is the caller's. */
static int run(const struct fl_cni_req *req, enum fl_cni_verb verb, const struct delegate *d,
	       char **answer, struct fl_err *err)
{
	const struct fl_cni_exec what = { .path = d->path,
					  .command = fl_cni_verb_text(verb),
					  .input = req->stdin_text,
					  .input_len = req->stdin_len,
					  .deadline = req->deadline };
	fl_auto_free char *text = NULL;
	int r, status = 0;

	r = fl_cni_exec(&what, &text, &status, err);
	if (r < 0)
		return fl_wrap(err, r, "plugin '%s'", d->type);
	if (status != 0)
		return explain(d, text, status, err);
	*answer = FL_TAKE(text);
	return 0;
}

static int read_result(const struct delegate *d, const char *answer, struct fl_json **result,
		       struct fl_err *err)
{
	fl_auto_json struct fl_json *tree = NULL;
	int r;

	if (fl_empty(answer))
		r = fl_fail(err, EINVAL, "plugin '%s': no answer, expected a result", d->type);
	else
		r = fl_json_parse(answer, strlen(answer), &tree, err);
	if (r < 0 && !fl_empty(answer))
		r = fl_wrap(err, r, "plugin '%s': answer '%.128s'", d->type, answer);
	if (r == 0 && fl_json_type(tree) != FL_JSON_OBJECT)
		r = fl_fail(err, EINVAL, "plugin '%s': answer '%.128s': expected an object",
			    d->type, answer);
	if (r < 0)
		return fl_class(err, r, FL_CNI_DECODE);
	*result = FL_TAKE(tree);
	return 0;
}

static int add_foreign(const struct fl_cni_req *req, const struct delegate *d,
		       struct fl_json **result, struct fl_err *err)
{
	fl_auto_free char *answer = NULL;
	int r;

	r = run(req, FL_CNI_ADD, d, &answer, err);
	return r < 0 ? r : read_result(d, answer, result, err);
}

static int call(const struct fl_cni_req *req, enum fl_cni_verb verb, const struct delegate *d,
		struct fl_err *err)
{
	fl_auto_free char *ignored = NULL;

	if (!d->own)
		return run(req, verb, d, &ignored, err);
	switch (verb) {
	case FL_CNI_DEL:
		return d->own->del(req, err);
	case FL_CNI_CHECK:
		return d->own->check(req, err);
	case FL_CNI_GC:
		return d->own->gc(req, err);
	case FL_CNI_STATUS:
		return d->own->status(req, err);
	case FL_CNI_ADD:
	case FL_CNI_VERSION_VERB:
		break;
	}
	return fl_fail(err, EINVAL, "delegate %s: not a verb to delegate", fl_cni_verb_text(verb));
}

/* The request as the delegate sees it: another verb, and time of its own for an undo. */
static struct fl_cni_req as_verb(const struct fl_cni_req *req, enum fl_cni_verb verb)
{
	struct fl_cni_req theirs = *req;

	theirs.verb = verb;
	if (req->verb == FL_CNI_ADD && verb == FL_CNI_DEL)
		theirs.deadline = fl_deadline_in(FL_CNI_UNDO_MS);
	return theirs;
}

int fl_cni_delegate_add(const struct fl_cni_req *req, const char *type, struct fl_json **result,
			struct fl_err *err)
{
	struct fl_cni_req theirs = as_verb(req, FL_CNI_ADD), undo;
	struct fl_err ignored;
	struct delegate d;
	int r;

	r = find(req, type, &d, err);
	if (r < 0)
		return r;
	if (d.own) {
		/* Nothing is lost on the way to ourselves, whatever version the runtime speaks. */
		theirs.answer = FL_CNI_NEWEST;
		return d.own->add(&theirs, result, err);
	}
	r = add_foreign(&theirs, &d, result, err);
	if (r < 0) {
		undo = as_verb(&theirs, FL_CNI_DEL);
		(void)call(&undo, FL_CNI_DEL, &d, &ignored);
	}
	return r;
}

int fl_cni_delegate_call(const struct fl_cni_req *req, enum fl_cni_verb verb, const char *type,
			 struct fl_err *err)
{
	struct fl_cni_req theirs = as_verb(req, verb);
	struct delegate d;
	int r;

	r = find(req, type, &d, err);
	return r < 0 ? r : call(&theirs, verb, &d, err);
}

int fl_cni_delegate_conf(const struct fl_cni_req *req, const struct fl_json *doc,
			 struct fl_cni_req *out, char **text, struct fl_err *err)
{
	char *printed;
	int r = fl_json_print(doc, 0, &printed, err);

	if (r < 0)
		return r;
	*out = *req;
	out->conf = fl_cur_root(doc, req->conf.key);
	out->stdin_text = *text = printed;
	out->stdin_len = strlen(printed);
	return 0;
}
