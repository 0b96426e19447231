// SPDX-License-Identifier: Apache-2.0
/*
 * The commands behind berth's first word. Each gets the words after it, argv[0] being the
 * command itself, prints its result on stdout, and returns an exit status of 0 to 255, or a
 * negative errno with *err filled in, which main prints.
 */
#pragma once

#include <errno.h>

#include "runtime/env.h"

/* berth run: the command's exit status; detached: 0 once it runs. */
int berth_cmd_run(const struct berth_env *env, int argc, char **argv, struct fl_err *err);

/* berth exec: the command's exit status. */
int berth_cmd_exec(const struct berth_env *env, int argc, char **argv, struct fl_err *err);

/* berth list [-o json|table] */
int berth_cmd_list(const struct berth_env *env, int argc, char **argv, struct fl_err *err);

/* berth delete [--force] ID */
int berth_cmd_delete(const struct berth_env *env, int argc, char **argv, struct fl_err *err);

/* berth net add|check|del|gc|status */
int berth_cmd_net(const struct berth_env *env, int argc, char **argv, struct fl_err *err);

/* -EINVAL with the one-line usage of a command. */
static inline int berth_usage(struct fl_err *err, const char *usage)
{
	return fl_fail(err, EINVAL, "usage: %s", usage);
}
