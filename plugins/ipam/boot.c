// SPDX-License-Identifier: Apache-2.0
/* The boot's identity and beginning, and libcni's cache as a witness of life. */
#include "plugins/ipam/boot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"
#include "json/json.h"

#define SLACK_S	      2
#define CACHE_MAX     (16u << 20) /* bytes of one cache entry; larger ones count as alive */
#define CACHE_NAME_LN 512

void ipam_boot_read_id(char out[IPAM_BOOT_ID_SIZE])
{
	struct fl_err ignored;

	memset(out, 0, IPAM_BOOT_ID_SIZE);
	if (fl_read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", out, IPAM_BOOT_ID_SIZE,
			  &ignored) < 0)
		out[0] = '\0';
}

void ipam_boot_read(struct ipam_boot *out)
{
	struct timespec now = { 0 }, up = { 0 };
	struct stat st;

	ipam_boot_read_id(out->id);
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	out->start_s = now.tv_sec - up.tv_sec;
	if (stat("/dev/null", &st) == 0 && st.st_mtime < out->start_s)
		out->start_s = st.st_mtime;
	out->start_s -= SLACK_S;
}

/* Whether the cache entry speaks for a living namespace; what cannot be read does. */
static bool entry_lives(int dirfd, const char *name)
{
	fl_auto_json struct fl_json *entry = NULL;
	fl_auto_free char *text = NULL;
	struct fl_err ignored;
	const char *netns;
	struct stat st;
	size_t len;
	int r;

	r = fl_read_file(dirfd, name, CACHE_MAX, &text, &len, &ignored);
	if (r < 0)
		return r != -ENOENT;
	r = fl_json_parse(text, len, &entry, &ignored);
	if (r < 0)
		return r == -ENOMEM;
	netns = fl_json_str(fl_json_get(entry, "netns"));
	return !fl_empty(netns) && (stat(netns, &st) == 0 || errno != ENOENT);
}

/* Whether any entry whose name begins with prefix speaks for a living namespace. */
static bool any_entry_lives(int dirfd, const char *prefix)
{
	fl_auto_dir DIR *dir = fl_dir_entries(dirfd);
	const struct dirent *e;

	if (!dir)
		return true;
	while ((errno = 0, e = readdir(dir))) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
		    entry_lives(dirfd, e->d_name))
			return true;
	}
	return errno != 0;
}

static bool attachment_lives(const char *results, const struct ipam_boot_lease *lease)
{
	fl_auto_close int dirfd = -1;
	char name[CACHE_NAME_LN];
	struct fl_err ignored;

	dirfd = open(results, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return errno != ENOENT && errno != ENOTDIR;
	if (fl_format(name, sizeof(name), &ignored, "%s-%s-%s", lease->network, lease->id,
		      lease->ifname) < 0 ||
	    strchr(name, '/'))
		return false; /* no such attachment can exist: its name is no file name */
	return fl_empty(lease->ifname) ? any_entry_lives(dirfd, name) : entry_lives(dirfd, name);
}

bool ipam_boot_is_stale(const struct ipam_boot *boot, const char *results,
			const struct ipam_boot_lease *lease)
{
	return lease->mtime_s < boot->start_s && !attachment_lives(results, lease);
}
