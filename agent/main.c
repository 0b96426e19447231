// SPDX-License-Identifier: Apache-2.0
/* fairleadd, the agent: wires sources, topology, BGP and the API to one loop. */
#include <stdio.h>

int main(void)
{
	fprintf(stderr, "fairleadd " FL_VERSION "\n");
	return 2;
}
