// SPDX-License-Identifier: Apache-2.0
/* fairlead doctor: the frame; its checks follow. */
#include "cli/cli.h"
int cli_doctor(const struct cli *c, struct fl_err *err)
{
	(void)c;
	(void)err;
	return 0;
}
