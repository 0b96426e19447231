// SPDX-License-Identifier: Apache-2.0
/*
 * Results in every version. What was read and written as a version is read and written
 * again as the same text. The first byte is the version that the reader is told.
 */
#include "fuzz.h"

#include "cni/result.h"

/* Writes the result as v has it; NULL when it cannot be had in v. */
static struct fl_json *write_as(const struct fl_cni_result *res, enum fl_cni_version v)
{
	struct fl_json *out = NULL;
	struct fl_err err = { 0 };

	return fl_cni_result_write(res, v, &out, &err) < 0 ? NULL : out;
}

static void round_trip(const struct fl_cni_result *res, enum fl_cni_version v)
{
	fl_auto_json struct fl_json *first = write_as(res, v), *second = NULL;
	fl_auto_cni_result struct fl_cni_result again = { 0 };
	struct fl_cur root = fl_cur_root(first, "result");
	struct fl_err err = { 0 };

	if (!first)
		return;
	MUST(fl_cni_result_read(&root, v, &again, &err) == 0);
	second = write_as(&again, v);
	MUST(second && fl_json_equal(first, second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_cni_result struct fl_cni_result res = { 0 };
	fl_auto_json struct fl_json *v = NULL;
	struct fl_err err = { 0 };
	struct fl_cur root;

	if (size < 1 || fl_json_parse((const char *)data + 1, size - 1, &v, &err) < 0)
		return 0;
	root = fl_cur_root(v, "prevResult");
	if (fl_cni_result_read(&root, data[0] % FL_CNI_VERSIONS, &res, &err) < 0) {
		MUST(!res.ifaces && !res.ips && !res.routes);
		return 0;
	}
	for (enum fl_cni_version to = 0; to < FL_CNI_VERSIONS; to++)
		round_trip(&res, to);
	return 0;
}
