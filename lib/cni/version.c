// SPDX-License-Identifier: Apache-2.0
/* Version texts and their order. */
#include "cni/version.h"

#include <ctype.h>
#include <errno.h>

#include "base/text.h"
#include "cni/code.h"

static const char *const texts[FL_CNI_VERSIONS] = {
	[FL_CNI_V0_1_0] = "0.1.0", [FL_CNI_V0_2_0] = "0.2.0", [FL_CNI_V0_3_0] = "0.3.0",
	[FL_CNI_V0_3_1] = "0.3.1", [FL_CNI_V0_4_0] = "0.4.0", [FL_CNI_V1_0_0] = "1.0.0",
	[FL_CNI_V1_1_0] = "1.1.0",
};

const char *fl_cni_version_text(enum fl_cni_version v)
{
	return texts[v];
}

/* One to three numbers separated by dots. */
static bool looks_like_version(const char *text)
{
	for (int part = 0; part < 3; part++) {
		if (!isdigit((unsigned char)*text))
			return false;
		while (isdigit((unsigned char)*text))
			text++;
		if (*text == '\0')
			return true;
		if (*text++ != '.')
			return false;
	}
	return false;
}

int fl_cni_version_parse(const char *text, enum fl_cni_version *out, struct fl_err *err)
{
	if (fl_empty(text)) {
		*out = FL_CNI_V0_1_0;
		return 0;
	}
	for (unsigned int v = 0; v < FL_CNI_VERSIONS; v++) {
		if (!fl_streq(text, texts[v]))
			continue;
		*out = v;
		return 0;
	}
	if (!looks_like_version(text))
		return fl_class(err,
				fl_fail(err, EINVAL, "'%.64s' is not a version like 1.1.0", text),
				FL_CNI_DECODE);
	return fl_class(err,
			fl_fail(err, EINVAL, "version '%.64s' is not among 0.1.0 to %s", text,
				texts[FL_CNI_NEWEST]),
			FL_CNI_VERSION);
}

struct fl_json *fl_cni_version_list(void)
{
	fl_auto_json struct fl_json *list = fl_json_array();

	for (unsigned int v = 0; list && v < FL_CNI_VERSIONS; v++)
		if (fl_json_append(list, fl_json_new_str(texts[v])) < 0)
			return NULL;
	return FL_TAKE(list);
}
