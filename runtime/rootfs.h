// SPDX-License-Identifier: Apache-2.0
/*
 * The file system that a container sees. Called inside its new mount, pid, network, uts and
 * ipc namespaces; nothing here is seen outside of them. Everything after the change of root is
 * done with paths of the new root, so that a symbolic link in it leads nowhere else.
 */
#pragma once

#include "base/err.h"

struct berth_rootfs {
	const char *source; /* folder that becomes "/"; NULL: the host's root, read-only */
	const char *mount;  /* an existing empty folder to mount it on meanwhile */
};

/*
 * Changes root and mounts /proc (with /proc/sys and the like read-only), /sys (read-only) and
 * /dev (null zero full random urandom tty ptmx pts shm); with the host's root also an empty
 * /tmp and /run.
 */
fl_must int berth_rootfs_enter(const struct berth_rootfs *spec, struct fl_err *err);
