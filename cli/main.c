// SPDX-License-Identifier: Apache-2.0
/* fairlead, the command line of the agent. */
#include <stdio.h>

int main(void)
{
	fprintf(stderr, "fairlead " FL_VERSION "\n");
	return 2;
}
