// SPDX-License-Identifier: Apache-2.0
/* The commands that change something: node drain, node undrain, reload. */
#include <errno.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/client.h"
#include "cli/print.h"

/* Asks for it, and says in one word that it was done. */
static int act(const struct cli *c, const char *path, const char *done, struct fl_err *err)
{
	fl_auto_json struct fl_json *answer = NULL, *doc = fl_json_object();
	int r;

	if (!doc || fl_json_set_str(doc, "result", done) < 0)
		return fl_fail(err, ENOMEM, "ask the agent: out of memory");
	r = cli_ask(c, "POST", path, &answer, err) ?: cli_print_doc(c, doc, err);
	if (r == 0)
		(void)puts(done);
	return r < 0 ? r : CLI_OK;
}

int cli_node(const struct cli *c, struct fl_err *err)
{
	if (fl_streq(c->argument, "drain"))
		return act(c, "/v1/node/drain", "drained", err);
	if (fl_streq(c->argument, "undrain"))
		return act(c, "/v1/node/undrain", "undrained", err);
	(void)fl_fail(err, EINVAL, "node '%s': expected drain or undrain",
		      c->argument ? c->argument : "");
	return fl_class(err, -EINVAL, CLI_USAGE);
}

int cli_reload(const struct cli *c, struct fl_err *err)
{
	return act(c, "/v1/reload", "reloaded", err);
}
