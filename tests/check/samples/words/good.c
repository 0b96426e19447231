// SPDX-License-Identifier: Apache-2.0
/* TODO (#12): has an issue. */
static char path[] = "/tmp/x.XXXXXX";

static int call(struct fl_err *err)
{
	return fl_fail(err, EINVAL, "'%s' is not like '...'", path);
}
