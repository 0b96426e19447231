// SPDX-License-Identifier: Apache-2.0
/* A function of 80 lines, one of 7 parameters, a file of 600 lines. */
static void longest(void)
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
}

static int most(int a, int (*b)(int x, int y, int z), int c, int d, int e, int f, int g)
{
	return a;
}

































































































































































































































































































































































































































































































































