// SPDX-License-Identifier: Apache-2.0
/*
 * Serving one request. stdout is written once, with one write(2) as far as the kernel lets it,
 * and never through stdio.
 */
#include "cni/plugin.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/error.h"
#include "cni/request.h"

#define fl_auto_input fl_auto(fl_cni_input_done)

static const char *const verb_name[] = {
	[FL_CNI_ADD] = "ADD", [FL_CNI_DEL] = "DEL",	  [FL_CNI_CHECK] = "CHECK",
	[FL_CNI_GC] = "GC",   [FL_CNI_STATUS] = "STATUS", [FL_CNI_VERSION_VERB] = "VERSION",
};

const char *fl_cni_verb_text(enum fl_cni_verb verb)
{
	return verb_name[verb];
}

static int print_error(enum fl_cni_version version, const struct fl_err *why)
{
	char text[FL_CNI_ERROR_MAX];
	size_t len = fl_cni_error_print(version, why, text);
	struct fl_err err = { 0 };

	if (fl_write_all(STDOUT_FILENO, text, len, &err) < 0)
		fl_error("%s (answer not written: %s)", why->text, err.text);
	return EXIT_FAILURE;
}

static int print_tree(const struct fl_json *tree, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	size_t len;
	int r;

	r = fl_json_print(tree, 4, &text, err);
	if (r < 0)
		return r;
	len = strlen(text);
	text[len] = '\n'; /* in place of the NUL */
	r = fl_write_all(STDOUT_FILENO, text, len + 1, err);
	return r < 0 ? fl_class(err, fl_wrap(err, r, "answer on stdout"), FL_CNI_IO) : 0;
}

static int serve_version(struct fl_err *err)
{
	fl_auto_json struct fl_json *root = fl_json_object();
	int r;

	r = root ? fl_json_set_str(root, "cniVersion", fl_cni_version_text(FL_CNI_NEWEST))
		 : -ENOMEM;
	r = r ?: fl_json_set(root, "supportedVersions", fl_cni_version_list());
	if (r < 0)
		return fl_fail_errno(err, ENOMEM, "list the versions");
	return print_tree(root, err);
}

/* The runtime never saw the result, so it may not know that there is something to delete. */
static void undo_add(const struct fl_cni_plugin *self, struct fl_cni_req req)
{
	struct fl_err ignored = { 0 };

	req.verb = FL_CNI_DEL;
	req.undo = true;
	req.deadline = fl_deadline_in(FL_CNI_UNDO_MS);
	(void)self->del(&req, &ignored);
}

static int serve_add(const struct fl_cni_plugin *self, const struct fl_cni_req *req,
		     struct fl_err *err)
{
	fl_auto_json struct fl_json *result = NULL;
	int r;

	r = self->add(req, &result, err);
	if (r < 0)
		return r;
	assert(result);
	r = print_tree(result, err);
	if (r < 0)
		undo_add(self, *req);
	return r;
}

static int dispatch(const struct fl_cni_plugin *self, const struct fl_cni_req *req,
		    struct fl_err *err)
{
	switch (req->verb) {
	case FL_CNI_ADD:
		return serve_add(self, req, err);
	case FL_CNI_DEL:
		return self->del(req, err);
	case FL_CNI_CHECK:
		return self->check(req, err);
	case FL_CNI_GC:
		return self->gc(req, err);
	case FL_CNI_STATUS:
		return self->status(req, err);
	case FL_CNI_VERSION_VERB:
		break;
	}
	return serve_version(err);
}

static int parse_verb(const char *text, enum fl_cni_verb *out, struct fl_err *err)
{
	for (unsigned int v = 0; v < FL_ARRAY_LEN(verb_name); v++) {
		if (!fl_streq(text, verb_name[v]))
			continue;
		*out = v;
		return 0;
	}
	return fl_class(err, fl_fail(err, EINVAL, "unknown CNI_COMMAND: %.64s", text), FL_CNI_ENV);
}

static int print_about(const struct fl_cni_plugin *self)
{
	char text[256];
	int n;

	n = snprintf(text, sizeof(text),
		     "CNI plugin %s v" FL_VERSION "\nCNI protocol versions:", self->name);
	for (unsigned int v = 0; v < FL_CNI_VERSIONS; v++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %s", fl_cni_version_text(v));
	text[n++] = '\n';
	(void)!write(STDERR_FILENO, text, (size_t)n);
	return EXIT_SUCCESS;
}

int fl_cni_main(const struct fl_cni_plugin *self, const struct fl_cni_plugin *const *builtins)
{
	fl_auto_input struct fl_cni_input in = {
		.req = { .netns_fd = -1, .home_fd = -1, .version = FL_CNI_NEWEST }
	};
	const char *command = getenv("CNI_COMMAND");
	enum fl_cni_verb verb = FL_CNI_VERSION_VERB;
	struct fl_err err = { 0 };
	int r;

	if (fl_empty(command))
		return print_about(self);
	signal(SIGPIPE, SIG_IGN);
	r = parse_verb(command, &verb, &err);
	if (r < 0)
		return print_error(FL_CNI_NEWEST, &err);
	if (verb == FL_CNI_VERSION_VERB)
		r = serve_version(&err);
	else
		r = fl_cni_input_read(&in, self, verb, &err);
	if (r == 0 && verb != FL_CNI_VERSION_VERB) {
		in.req.builtins = builtins;
		r = dispatch(self, &in.req, &err);
	}
	/* The process ends: the kernel closes them without being asked. */
	in.req.netns_fd = in.req.home_fd = -1;
	in.req.home = NULL;
	return r < 0 ? print_error(in.req.version, &err) : EXIT_SUCCESS;
}

bool fl_cni_is_valid_attachment(const struct fl_cni_req *req, const char *id, const char *ifname)
{
	for (size_t i = 0; i < fl_json_len(req->valid); i++) {
		const struct fl_json *one = fl_json_at(req->valid, i);

		if (fl_streq(fl_json_str(fl_json_get(one, "containerID")), id) &&
		    fl_streq(fl_json_str(fl_json_get(one, "ifname")), ifname))
			return true;
	}
	return false;
}

bool fl_cni_awaits(const struct fl_cni_req *req, const char *capability)
{
	const struct fl_json *conf = req->conf.v;

	return fl_json_true(fl_json_get(fl_json_get(conf, "capabilities"), capability)) &&
	       !fl_json_get(fl_json_get(conf, "runtimeConfig"), capability);
}

int fl_cni_prev_result(const struct fl_cni_req *req, struct fl_cni_result *out, struct fl_err *err)
{
	struct fl_cur prev = fl_cur_member(&req->conf, "prevResult");

	if (!prev.v)
		return fl_class(err, fl_cur_fail(&prev, err, "missing"), FL_CNI_CONFIG);
	return fl_cni_result_read(&prev, req->version, out, err);
}
