// SPDX-License-Identifier: Apache-2.0
/* The CNI versions this suite speaks, in order, so that they compare with < and >=. */
#pragma once

#include "base/err.h"
#include "json/json.h"

enum fl_cni_version {
	FL_CNI_V0_1_0,
	FL_CNI_V0_2_0,
	FL_CNI_V0_3_0,
	FL_CNI_V0_3_1,
	FL_CNI_V0_4_0,
	FL_CNI_V1_0_0,
	FL_CNI_V1_1_0,
	FL_CNI_VERSIONS, /* how many */
};

#define FL_CNI_NEWEST FL_CNI_V1_1_0

/*
 * "" and NULL are 0.1.0, as the specification's oldest readers do it. -EINVAL with code
 * FL_CNI_DECODE for text that is no version, FL_CNI_VERSION for one that is not spoken.
 */
fl_must int fl_cni_version_parse(const char *text, enum fl_cni_version *out, struct fl_err *err);

/* "0.3.1" and so on. */
const char *fl_cni_version_text(enum fl_cni_version v);

/* A new array of all versions' texts, for "supportedVersions"; NULL when out of memory. */
struct fl_json *fl_cni_version_list(void);
