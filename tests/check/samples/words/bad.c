// SPDX-License-Identifier: Apache-2.0
/* TODO: has none. BREACH */
static int call(struct fl_err *err)
{
	/* FIXME BREACH */
	if (x)
		return fl_fail(err, EINVAL, "failed to open"); /* BREACH */
	return fl_fail(err, EINVAL, "cannot open it."); /* BREACH */
}
