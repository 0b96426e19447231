// SPDX-License-Identifier: Apache-2.0
/*
 * fairlead policy: what the policies in some files mean, by the code that compiles them for the
 * kernel and without an agent; or, without files, what the agent has in force.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "agent/policy/ask.h"
#include "agent/policy/read.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/manifests.h"
#include "cli/print.h"
#include "yaml/yaml.h"

#define QUESTIONS_MAX (64u << 20) /* bytes */

static int get_list(const struct cli *c, const struct pol_world *w, struct fl_json **out,
		    struct fl_err *err)
{
	return w ? pol_list(w, out, err) : cli_ask(c, "GET", "/v1/policies", out, err);
}

static int list(const struct cli *c, const struct pol_world *w, struct fl_err *err)
{
	static const struct cli_column columns[] = {
		{ "NAMESPACE", "namespace" }, { "NAME", "name" }, { "GENERATION", "generation" },
		{ "TYPES", "types" },	      { "PODS", "pods" }, { "REFUSED", "refused" },
		{ "REASON", "reason" },
	};
	fl_auto_json struct fl_json *doc = NULL;
	int r = get_list(c, w, &doc, err) ?: cli_print_doc(c, doc, err);

	if (r != 0)
		return r < 0 ? r : CLI_OK;
	return cli_print_list(doc, columns, FL_ARRAY_LEN(columns), "policies", err);
}

static int get_policy(const struct cli *c, const struct pol_world *w, const char *ns,
		      const char *name, struct fl_json **out, struct fl_err *err)
{
	char path[1024], escaped[2][400];
	int r;

	if (w)
		return pol_show(w, ns, name, out, err);
	r = cli_escape(ns, escaped[0], sizeof(escaped[0]), err)
		    ?: cli_escape(name, escaped[1], sizeof(escaped[1]), err)
		    ?: fl_format(path, sizeof(path), err, "/v1/policies/%s/%s", escaped[0],
				 escaped[1]);
	return r ?: cli_ask(c, "GET", path, out, err);
}

/* The agent's policies one by one: it has other things to do meanwhile. */
static int get_all(const struct cli *c, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *names = NULL, *all = fl_json_object();
	struct fl_json *items = fl_json_array();
	int r = all ? 0 : -ENOMEM;

	r = r ?: fl_json_set_str(all, "apiVersion", "v1") ?: fl_json_set_str(all, "kind", "List");
	if (fl_json_set(all, "items", items) < 0 || r < 0)
		return fl_fail_errno(err, ENOMEM, "show a policy");
	r = get_list(c, NULL, &names, err);
	for (size_t i = 0; r == 0 && i < fl_json_len(names); i++) {
		const struct fl_json *row = fl_json_at(names, i);
		struct fl_json *one = NULL;

		r = get_policy(c, NULL, fl_json_str(fl_json_get(row, "namespace")) ?: "",
			       fl_json_str(fl_json_get(row, "name")) ?: "", &one, err);
		if (r == 0 && fl_json_append(items, one) < 0)
			r = fl_fail_errno(err, ENOMEM, "show a policy");
		/* One that has gone since; an agent that has is something else. */
		if (r == -ENOENT && err->code != CLI_NO_AGENT)
			r = 0;
	}
	if (r == 0)
		*out = FL_TAKE(all);
	return r;
}

static int show(const struct cli *c, const struct pol_world *w, struct fl_err *err)
{
	const char *slash = c->operand ? strchr(c->operand, '/') : NULL;
	fl_auto_json struct fl_json *doc = NULL;
	struct cli form = *c;
	char ns[64] = "";
	int r = 0;

	if (c->operand && !slash)
		return fl_class(err, fl_fail(err, EINVAL, "'%s' is not NAMESPACE/NAME", c->operand),
				CLI_USAGE);
	/* A policy is no table. */
	if (form.form == CLI_TABLE)
		form.form = CLI_YAML;
	if (slash)
		r = fl_format(ns, sizeof(ns), err, "%.*s", (int)(slash - c->operand), c->operand)
			    ?: get_policy(c, w, ns, slash + 1, &doc, err);
	else
		r = w ? pol_show(w, ns, NULL, &doc, err) : get_all(c, &doc, err);
	r = r ?: cli_print_doc(&form, doc, err);
	return r < 0 ? r : CLI_OK;
}

static int print_answer(const struct fl_json *doc, struct fl_err *err)
{
	static const char *const titles[] = { "FAMILY", "DIRECTION", "VERDICT",
					      "POLICY", "RULE",	     "REASON" };
	static const char *const keys[] = { "verdict", "policy", "rule", "reason" };
	static const char *const directions[] = { "egress", "ingress" };
	const struct fl_json *answers = fl_json_get(doc, "answers");
	cli_auto_table struct cli_table *t = NULL;
	int r = cli_table_new(titles, FL_ARRAY_LEN(titles), &t, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < 2 * fl_json_len(answers); i++) {
		const struct fl_json *a = fl_json_at(answers, i / 2);

		cli_table_add_json(t, fl_json_get(a, "family"));
		cli_table_add(t, directions[i % 2]);
		for (size_t k = 0; k < FL_ARRAY_LEN(keys); k++)
			cli_table_add_json(t,
					   fl_json_get(fl_json_get(a, directions[i % 2]), keys[k]));
	}
	printf("%s -> %s %s: %s\n\n", fl_json_str(fl_json_get(doc, "from")),
	       fl_json_str(fl_json_get(doc, "to")), fl_json_str(fl_json_get(doc, "port")),
	       fl_json_str(fl_json_get(doc, "verdict")));
	return cli_table_print(t, stdout, err);
}

/* Asks the world of the files, or the agent. */
static int get_answer(const struct cli *c, const struct pol_world *w, const struct pol_question *q,
		      struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *body = NULL;

	if (w)
		return pol_ask(w, q, out, err);
	body = fl_json_object();
	if (!body || fl_json_set_str(body, "from", q->from) < 0 ||
	    fl_json_set_str(body, "to", q->to) < 0 || fl_json_set_str(body, "port", q->port) < 0)
		return fl_fail_errno(err, ENOMEM, "ask the agent");
	return cli_post(c, "/v1/policies/explain", body, out, err);
}

static int explain(const struct cli *c, const struct pol_world *w, struct fl_err *err)
{
	const struct pol_question q = { c->from, c->to, c->port };
	fl_auto_json struct fl_json *doc = NULL;
	int r;

	r = get_answer(c, w, &q, &doc, err) ?: cli_print_doc(c, doc, err);
	if (r == 0)
		r = print_answer(doc, err);
	if (r < 0)
		return r;
	return fl_streq(fl_json_str(fl_json_get(doc, "verdict")), "allowed") ? CLI_OK : CLI_PROBLEM;
}

static int answer_one(const struct cli *c, const struct pol_world *w, const struct fl_cur *at,
		      struct fl_json *answers, struct fl_err *err)
{
	struct pol_question q = { 0 };
	struct fl_json *doc = NULL;
	int r = fl_cur_as_obj(at, err);

	if (r < 0 || (r = fl_cur_str(at, "from", FL_REQUIRED, &q.from, err)) < 0 ||
	    (r = fl_cur_str(at, "to", FL_REQUIRED, &q.to, err)) < 0 ||
	    (r = fl_cur_str(at, "port", FL_REQUIRED, &q.port, err)) < 0)
		return r;
	r = get_answer(c, w, &q, &doc, err);
	if (r < 0)
		return fl_cur_wrap(at, err, r);
	if (fl_json_append(answers, doc) < 0)
		return fl_fail_errno(err, ENOMEM, "answer");
	return 0;
}

/* Many questions, and nothing but their answers. */
static int explain_all(const struct cli *c, const struct pol_world *w, struct fl_err *err)
{
	fl_auto_json struct fl_json *questions = NULL, *answers = fl_json_array();
	struct cli form = *c;
	struct fl_cur root;
	int r;

	r = answers ? fl_json_read(AT_FDCWD, c->questions, QUESTIONS_MAX, &questions, err)
		    : fl_fail_errno(err, ENOMEM, "answer");
	if (r < 0)
		return r;
	root = fl_cur_root(questions, c->questions);
	if (fl_json_type(questions) != FL_JSON_ARRAY)
		return fl_cur_fail(&root, err, "expected a list of questions");
	for (size_t i = 0; r == 0 && i < fl_json_len(questions); i++) {
		struct fl_cur at = fl_cur_at(&root, i);

		r = answer_one(c, w, &at, answers, err);
	}
	if (form.form == CLI_TABLE)
		form.form = CLI_JSON;
	r = r ?: cli_print_doc(&form, answers, err);
	return r < 0 ? r : CLI_OK;
}

int cli_policy(const struct cli *c, struct fl_err *err)
{
	fl_auto_pol_world struct pol_world *w = NULL;
	bool is_explain = fl_streq(c->argument, "explain");
	int r;

	if (!is_explain && !fl_streq(c->argument, "list") && !fl_streq(c->argument, "show"))
		return fl_class(err,
				fl_fail(err, EINVAL, "'%s': expected list, show or explain",
					c->argument ? c->argument : ""),
				CLI_USAGE);
	if (c->operand && !fl_streq(c->argument, "show"))
		return fl_class(err, fl_fail(err, EINVAL, "unexpected argument '%s'", c->operand),
				CLI_USAGE);
	if (is_explain && !c->questions && (!c->from || !c->to || !c->port))
		return fl_class(err, fl_fail(err, EINVAL, "explain needs --from, --to and --port"),
				CLI_USAGE);
	r = cli_read_world(c, &w, err);
	if (r < 0)
		return r;
	if (fl_streq(c->argument, "list"))
		return list(c, w, err);
	if (fl_streq(c->argument, "show"))
		return show(c, w, err);
	return c->questions ? explain_all(c, w, err) : explain(c, w, err);
}
