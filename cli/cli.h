// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts of the command line share. A command returns its exit status, or a negative
 * errno with the error's code set to one where it is not CLI_PROBLEM.
 */
#pragma once

#include "json/json.h"

enum cli_exit {
	CLI_OK,
	CLI_PROBLEM, /* it was done and something is wrong, or could not be done */
	CLI_USAGE,
	CLI_NO_AGENT, /* no agent answers */
};

enum cli_form { CLI_TABLE, CLI_JSON, CLI_YAML };

#define CLI_FILES_MAX 64

/* What the command line said. Everything is borrowed from it or from the environment. */
struct cli {
	const char *root;		  /* $FAIRLEAD_ROOT, or "" */
	const char *socket;		  /* --socket, or NULL: ROOT/run/fairlead/agent.sock */
	const char *cni_bin;		  /* --cni-bin */
	const char *cni_conf;		  /* --cni-conf */
	enum cli_form form;		  /* -o */
	const char *command, *argument;	  /* argument NULL: none */
	const char *operand;		  /* what follows the argument; NULL: nothing */
	const char *files[CLI_FILES_MAX]; /* -f */
	size_t n_files;
	const char *from, *to, *port; /* of a question about policies */
	const char *questions;	      /* --questions */
	const char *pod, *last, *max; /* of events and map entries: --pod, --last, --max */
	bool follow, drops;
};

/*
 * Reads the command line; argv is reordered. -EINVAL with code CLI_USAGE names what is wrong.
 * help: --help was among it, or there is no command.
 */
fl_must int cli_args_read(int argc, char **argv, struct cli *out, bool *help, struct fl_err *err);

/* The commands: what "fairlead NAME" does. */
int cli_status(const struct cli *c, struct fl_err *err);
int cli_peers(const struct cli *c, struct fl_err *err);
int cli_routes(const struct cli *c, struct fl_err *err);
int cli_endpoints(const struct cli *c, struct fl_err *err);
int cli_flows(const struct cli *c, struct fl_err *err);
int cli_identities(const struct cli *c, struct fl_err *err);
int cli_bpf(const struct cli *c, struct fl_err *err);
int cli_bgp(const struct cli *c, struct fl_err *err);
int cli_node(const struct cli *c, struct fl_err *err);
int cli_reload(const struct cli *c, struct fl_err *err);
int cli_version(const struct cli *c, struct fl_err *err);
int cli_doctor(const struct cli *c, struct fl_err *err);
int cli_policy(const struct cli *c, struct fl_err *err);

/* A command: its name, what may follow it, and what "fairlead help NAME" says. */
struct cli_command {
	const char *name;
	int (*run)(const struct cli *c, struct fl_err *err);
	const char *argument; /* "drain|undrain"; NULL: none */
	const char *what;     /* one line */
	const char *help;     /* the rest */
	bool has_operand;     /* a word may follow the argument */
};

/* The command of this name, or NULL. */
const struct cli_command *cli_find(const char *name);

/* The text of "fairlead help", or of "fairlead help NAME"; prints to standard output. */
void cli_print_help(const struct cli_command *command);
