// SPDX-License-Identifier: Apache-2.0
static int f(void)
{
	return (  0); // BREACH
}
