// SPDX-License-Identifier: Apache-2.0
/* The agent's API as its client sees it: libcurl over the unix socket. */
#pragma once

#include "cli/cli.h"

#define CLI_ANSWER_MAX (64u << 20) /* bytes */
#define CLI_TIMEOUT_S  10

/*
 * Asks the agent. *out is the document, or NULL when the answer has none, and the caller's. An
 * error with code CLI_NO_AGENT: nobody answers at the socket, whose path is in the text. Else
 * the agent's own error; -ENOENT when it says 404.
 */
fl_must int cli_ask(const struct cli *c, const char *method, const char *path, struct fl_json **out,
		    struct fl_err *err);

/* As above, by POST and with a document. */
fl_must int cli_post(const struct cli *c, const char *path, const struct fl_json *body,
		     struct fl_json **out, struct fl_err *err);

/*
 * The text as a part of a path or a parameter's value: all but letters, digits and "-._~" escaped.
 * -ENAMETOOLONG.
 */
fl_must int cli_escape(const char *text, char *out, size_t size, struct fl_err *err);
