// SPDX-License-Identifier: Apache-2.0
/* The policies in the files that the command line names. */
#pragma once

#include "agent/policy/world.h"
#include "cli/cli.h"

/*
 * The world of the files, the caller's; *out stays NULL when there are none: the agent is to be
 * asked. Of an object that is there twice the first counts: in the files' order, in a folder by
 * name. Of the others, and of kinds that are not used, is said on standard error.
 */
fl_must int cli_read_world(const struct cli *c, struct pol_world **out, struct fl_err *err);
