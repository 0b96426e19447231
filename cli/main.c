// SPDX-License-Identifier: Apache-2.0
/*
 * fairlead, the command line of the agent: picks the command, prints the one line of an error, and
 * turns errors into exit statuses: 0 all is well, 1 something is not, 2 wrong usage, 3 no agent.
 */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"

static int help(const struct cli *c, struct fl_err *err)
{
	const struct cli_command *about = NULL;

	if (c->argument) {
		about = cli_find(c->argument);
		if (!about)
			return fl_class(err,
					fl_fail(err, EINVAL,
						"unknown command '%s': see fairlead help",
						c->argument),
					CLI_USAGE);
	}
	cli_print_help(about);
	return CLI_OK;
}

static int run(int argc, char **argv, struct fl_err *err)
{
	struct cli c = { 0 };
	bool wants_help = false;
	int r;

	r = cli_args_read(argc, argv, &c, &wants_help, err);
	if (r < 0)
		return r;
	if (wants_help) {
		cli_print_help(c.command ? cli_find(c.command) : NULL);
		return argc > 1 ? CLI_OK : CLI_USAGE;
	}
	return fl_streq(c.command, "help") ? help(&c, err) : cli_find(c.command)->run(&c, err);
}

int main(int argc, char **argv)
{
	struct fl_err err = { 0 };
	int r;

	fl_log_setup(FL_LOG_INFO, FL_LOG_TEXT, 2);
	r = run(argc, argv, &err);
	if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = fl_fail_errno(&err, errno, "write standard output");
	if (r >= 0)
		return r;
	fl_error("%s", err.text);
	return err.code ? err.code : CLI_PROBLEM;
}
