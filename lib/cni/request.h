// SPDX-License-Identifier: Apache-2.0
/*
 * A request and what it borrows from: the skeleton's way from environment and stdin to a
 * struct fl_cni_req that is sound. Only the skeleton includes this.
 */
#pragma once

#include "cni/plugin.h"

struct fl_cni_input {
	struct fl_cni_req req; /* version: the request's, or the newest as long as it is unknown */
	char *text;	       /* stdin */
	struct fl_json *tree;  /* parsed */
	struct fl_json *none;  /* an empty list of valid attachments, when null was given */
};

/* Closes and frees what is held. */
void fl_cni_input_done(struct fl_cni_input *in);

/*
 * Reads and checks the request to this plugin for this verb (not VERSION). The error carries its
 * CNI code; then in->req.version is right as soon as stdin has said it.
 */
fl_must int fl_cni_input_read(struct fl_cni_input *in, const struct fl_cni_plugin *self,
			      enum fl_cni_verb verb, struct fl_err *err);
