// SPDX-License-Identifier: Apache-2.0
/*
 * berth, the minimal runtime: picks the command, prints the one line of an error, and turns
 * errors into exit statuses: 125 for run and exec (whose other statuses are the command's own,
 * 126 and 127 as with a shell), 1 for all else.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/cmd.h"

#define OWN_ERROR 125

static const struct command {
	const char *name;
	int (*run)(const struct berth_env *env, int argc, char **argv, struct fl_err *err);
	int failure; /* exit status of an error without a code of its own */
	const char *what;
} commands[] = {
	{ "run", berth_cmd_run, OWN_ERROR, "start a container and run a command in it" },
	{ "exec", berth_cmd_exec, OWN_ERROR, "run one more command in a running container" },
	{ "list", berth_cmd_list, 1, "show the containers" },
	{ "delete", berth_cmd_delete, 1, "end a container and detach its networks" },
	{ "net", berth_cmd_net, 1, "drive a CNI network: add, check, del, gc, status" },
};

static int help(FILE *to, int status)
{
	(void)fprintf(to, "berth " FL_VERSION ", a minimal container runtime that drives CNI "
			  "networks\n\n");
	for (size_t i = 0; i < FL_ARRAY_LEN(commands); i++)
		(void)fprintf(to, "  berth %-8s %s\n", commands[i].name, commands[i].what);
	return status;
}

static int run(const struct command *c, int argc, char **argv)
{
	berth_auto_env struct berth_env env = { 0 };
	struct fl_err err = { 0 };
	int r;

	r = berth_env_read(&env, &err);
	if (r == 0)
		r = c->run(&env, argc, argv, &err);
	if (r >= 0)
		return r;
	fl_error("%s", err.text);
	if (c->failure == OWN_ERROR && (err.code == 126 || err.code == 127))
		return err.code;
	return c->failure;
}

int main(int argc, char **argv)
{
	fl_stdio_fill();
	opterr = 0; /* an error is one line, and ours */
	(void)signal(SIGPIPE, SIG_IGN);
	/* Ignored, it would have the kernel throw away how our children and init's have ended. */
	(void)signal(SIGCHLD, SIG_DFL);
	if (argc < 2)
		return help(stderr, 1);
	if (fl_streq(argv[1], "--help") || fl_streq(argv[1], "help"))
		return help(stdout, 0);
	if (fl_streq(argv[1], "--version")) {
		(void)puts("berth " FL_VERSION);
		return 0;
	}
	for (size_t i = 0; i < FL_ARRAY_LEN(commands); i++)
		if (fl_streq(argv[1], commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	fl_error("'%s' is not a command of berth: see berth --help", argv[1]);
	return 1;
}
