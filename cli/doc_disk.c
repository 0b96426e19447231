// SPDX-License-Identifier: Apache-2.0
/* Whether there is room where plugins and agent keep what they know. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/text.h"
#include "cli/doctor.h"

#define ROOM_KIB   512 /* less is too little for what a hundred pods need */
#define ROOM_FILES 128

/* False: something is wrong with it, and said. A folder that is not there yet is its parent's. */
static bool has_room(struct doc *d, const char *folder)
{
	char path[PATH_MAX];
	struct statvfs fs;
	struct fl_err none;
	uint64_t kib;
	char *slash;
	int r;

	if (fl_format(path, sizeof(path), &none, "%s%s", d->cli->root, folder) < 0)
		return true;
	while ((r = statvfs(path, &fs)) < 0 && errno == ENOENT && (slash = strrchr(path, '/')) &&
	       slash > path)
		*slash = '\0';
	if (r < 0) {
		doc_say(d, DOC_SKIP, "disk", NULL, "'%s': %s", path, strerror(errno));
		return false;
	}
	kib = (uint64_t)fs.f_bavail * fs.f_frsize / 1024;
	if (fs.f_flag & ST_RDONLY)
		doc_say(d, DOC_FAIL, "disk", "mount it writable", "'%s' is read-only", path);
	else if (kib < ROOM_KIB || (fs.f_files && fs.f_favail < ROOM_FILES))
		doc_say(d, DOC_FAIL, "disk", "make room: without it no pod can be attached",
			"'%s' has room for %" PRIu64 " KiB and %" PRIu64 " files", path, kib,
			(uint64_t)fs.f_favail);
	else
		return true;
	return false;
}

void doc_disk(struct doc *d)
{
	static const char *const folders[] = { "/run/fairlead", "/var/lib/cni/networks",
					       "/var/lib/fairlead" };
	bool good = true;

	/* The last one is the agent's. */
	for (size_t i = 0; i < FL_ARRAY_LEN(folders) - !(d->status || d->has_node); i++)
		good &= has_room(d, folders[i]);
	if (good)
		doc_say(d, DOC_OK, "disk", NULL, "there is room for records and leases");
}
