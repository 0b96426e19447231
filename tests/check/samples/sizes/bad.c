// SPDX-License-Identifier: Apache-2.0
/* One line, one parameter, one line too many. */
static void too_long(void) /* BREACH */
{
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
	nothing();
}

static int too_many(int a, int b, int c, int d, int e, int f, int g, int h) /* BREACH */
{
	return a;
}
































































































































































































































































































































































































































































































































/* BREACH */
