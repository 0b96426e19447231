// SPDX-License-Identifier: Apache-2.0
/*
 * Delegation to the plugin that "ipam.type" names (CNI 1.1.0 section 4): looked up in
 * CNI_PATH in order. When the file found is our own (same device and inode as
 * /proc/self/exe) and a built-in plugin has that name, it is called in-process; any other
 * is executed with the same environment and the complete stdin, its stderr passed through,
 * and killed at the request's deadline (-ETIMEDOUT).
 * The error of a delegate keeps its code. No plugin of that name: FL_CNI_CONFIG; no CNI_PATH:
 * FL_CNI_ENV; a delegate that breaks the protocol: FL_CNI_DECODE, or FL_CNI_INTERNAL when it
 * died without an answer.
 */
#pragma once

#include "cni/plugin.h"

/*
 * ADD. *result is the delegate's result tree, the caller's to free. A foreign delegate that fails
 * has been sent a DEL before this returns, since it may have reserved something.
 */
fl_must int fl_cni_delegate_add(const struct fl_cni_req *req, const char *type,
				struct fl_json **result, struct fl_err *err);

/*
 * DEL, CHECK, GC or STATUS: whatever verb says, which need not be the request's own. A DEL during
 * an ADD is an undo and has FL_CNI_UNDO_MS, whatever is left of the request's time.
 */
fl_must int fl_cni_delegate_call(const struct fl_cni_req *req, enum fl_cni_verb verb,
				 const char *type, struct fl_err *err);

/*
 * The request with another configuration in place of its own, which is how a plugin hands over
 * what the delegate is to get: on stdin, or in-process. doc is borrowed; *text is what *out's
 * stdin points to, the caller's to free.
 */
fl_must int fl_cni_delegate_conf(const struct fl_cni_req *req, const struct fl_json *doc,
				 struct fl_cni_req *out, char **text, struct fl_err *err);
