// SPDX-License-Identifier: Apache-2.0
/* Visits to network namespaces, and their sysctls. */
#include "net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>

#include "base/file.h"
#include "base/text.h"

#define HOME_TRIES 100

/*
 * Home again. The kernel may lack the memory for a moment, and an end here would leave
 * everything done so far behind, so it is asked more than once. To go on elsewhere is worse
 * than to end: whatever followed would be done to the wrong machine.
 */
static void go_home(int home)
{
	for (int i = 0; i < HOME_TRIES; i++)
		if (setns(home, CLONE_NEWNET) == 0)
			return;
	abort();
}

int fl_netns_run(int netns_fd, int home, fl_netns_visit *visit, void *arg, struct fl_err *err)
{
	fl_auto_close int opened = -1;
	int r;

	if (home <= 0)
		home = opened = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return fl_fail_errno(err, errno, "open '/proc/self/ns/net'");
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return fl_fail_errno(err, errno, "enter the pod's network namespace");
	r = visit(arg, err);
	go_home(home);
	return r;
}

static int visit_open_nl(void *arg, struct fl_err *err)
{
	return fl_nl_open(FL_NL_ROUTE, arg, err);
}

int fl_netns_open_nl(int netns_fd, int home, struct fl_nl **out, struct fl_err *err)
{
	return fl_netns_run(netns_fd, home, visit_open_nl, out, err);
}

int fl_sysctl_set(const char *name, const char *value, struct fl_err *err)
{
	char path[PATH_MAX], now[64];
	int r;

	r = fl_format(path, sizeof(path), err, "/proc/sys/net/%s", name);
	if (r < 0)
		return r;
	r = fl_read_small(AT_FDCWD, path, now, sizeof(now), err);
	if (r < 0 || fl_streq(now, value))
		return r;
	return fl_write_value(path, value, err);
}
