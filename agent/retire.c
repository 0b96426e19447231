// SPDX-License-Identifier: Apache-2.0
/* The end of enforcement. */
#include "agent/retire.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/datapath/datapath.h"
#include "base/log.h"
#include "base/text.h"
#include "state/blocks.h"
#include "state/full.h"

#define GOING ".going" /* of the mark, while what it stands for is taken away */

int policy_retire(const char *maps, const char *root, struct fl_err *err)
{
	fl_auto_nl struct fl_nl *nl = NULL, *nft = NULL;
	char mark[PATH_MAX], going[PATH_MAX];
	int r = fl_format(mark, sizeof(mark), err, "%s/" FL_BLOCKS_MARK, root)
			?: fl_format(going, sizeof(going), err, "%s/" FL_BLOCKS_MARK GOING, root);

	/* First the mark: no pod joins any more. Under its other name it stays until all is done.
	 */
	if (r == 0 && rename(mark, going) < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "rename '%s'", mark);
	if (r < 0 || access(going, F_OK) < 0)
		return r;
	r = fl_full_write(root, "", err) ?: fl_nl_open(FL_NL_ROUTE, &nl, err) ?:
	    dp_retire(maps, nl, err);
	/* A kernel without netfilter has none of its rules. */
	if (r == 0 && fl_nl_open(FL_NL_NETFILTER, &nft, err) == 0)
		r = dp_leave_stack(nft, err);
	if (r == 0 && unlink(going) < 0)
		r = fl_fail_errno(err, errno, "remove '%s'", going);
	if (r < 0)
		return fl_wrap(err, r, "take the datapath away");
	fl_info("policies are no longer enforced: the datapath is taken away");
	return 0;
}
