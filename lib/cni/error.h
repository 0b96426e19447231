// SPDX-License-Identifier: Apache-2.0
/*
 * The error document (CNI 1.1.0 section 5, "Error"). It is made on the stack, since the error
 * to be reported may be that there is no memory.
 */
#pragma once

#include "base/err.h"
#include "cni/version.h"

/* Longest document: its fixed parts, and six bytes for each byte of two texts. */
#define FL_CNI_ERROR_MAX 4096

/*
 * Writes {"cniVersion", "code", "msg", "details"} and a newline to out; returns its length.
 * An error without a code is FL_CNI_INTERNAL, or FL_CNI_TRY_LATER when it is ETIMEDOUT.
 * "msg" is the code's phrase and "details" the text; for codes 2 and 4, whose "msg" has to name
 * the key or the variable, "msg" is the text and there are no "details".
 * Bytes that are no UTF-8 become U+FFFD.
 */
size_t fl_cni_error_print(enum fl_cni_version version, const struct fl_err *err,
			  char out[FL_CNI_ERROR_MAX]);
