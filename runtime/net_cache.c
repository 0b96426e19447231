// SPDX-License-Identifier: Apache-2.0
/* The result cache's files. */
#include "runtime/net_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define ENTRY_MAX (16u << 20) /* bytes of one entry */
#define NAME_LEN  250	      /* of a file name: its replacement has a temporary one of 5 more */

static int entry_name(char out[NAME_LEN + 1], const char *network, const struct berth_rt *rt,
		      struct fl_err *err)
{
	return fl_format(out, NAME_LEN + 1, err, "%s-%s-%s", network, rt->id, rt->ifname);
}

int berth_cache_write(const char *dir, const struct berth_list *list, const struct berth_rt *rt,
		      const struct fl_json *result, struct fl_err *err)
{
	fl_auto_json struct fl_json *entry = NULL;
	fl_auto_free char *text = NULL;
	fl_auto_close int fd = -1;
	char name[NAME_LEN + 1];
	int r;

	r = entry_name(name, list->name, rt, err);
	if (r < 0)
		return r;
	r = berth_cache_entry(list, rt, result, &entry, err);
	if (r < 0)
		return r;
	r = fl_json_print(entry, 0, &text, err);
	if (r < 0)
		return r;
	r = fl_open_dir(dir, 0700, &fd, err);
	if (r < 0)
		return r;
	return fl_replace_file(fd, name, text, strlen(text), 0600, err);
}

static int read_entry(int dirfd, const char *name, struct fl_json **entry, struct fl_err *err)
{
	int r = fl_json_read(dirfd, name, ENTRY_MAX, entry, err);

	return r < 0 ? fl_wrap(err, r, "cache entry") : 0;
}

int berth_cache_read(const char *dir, const char *network, const struct berth_rt *rt,
		     struct fl_json **entry, struct fl_err *err)
{
	fl_auto_close int fd = -1;
	char name[NAME_LEN + 1];
	int r;

	r = entry_name(name, network, rt, err);
	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fl_fail_errno(err, errno, "open folder '%s'", dir);
	return read_entry(fd, name, entry, err);
}

int berth_cache_remove(const char *dir, const char *network, const struct berth_rt *rt,
		       struct fl_err *err)
{
	char name[NAME_LEN + 1], path[PATH_MAX];
	int r;

	r = entry_name(name, network, rt, err);
	if (r < 0)
		return r;
	r = fl_format(path, sizeof(path), err, "%s/%s", dir, name);
	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return fl_fail_errno(err, errno, "remove '%s'", path);
	return 0;
}

int berth_cache_list(const char *dir, const char *network, struct fl_json **entries,
		     struct fl_err *err)
{
	fl_auto_json struct fl_json *list = fl_json_array();
	fl_auto_dir DIR *d = opendir(dir);
	const struct dirent *e;

	if (!list)
		return fl_fail_errno(err, ENOMEM, "list '%s'", dir);
	if (!d && errno != ENOENT)
		return fl_fail_errno(err, errno, "open folder '%s'", dir);
	while (d && (errno = 0, e = readdir(d))) {
		fl_auto_json struct fl_json *entry = NULL;
		struct fl_err junk = { 0 };
		const char *name = NULL;
		struct berth_rt rt = { 0 };

		/* The name begins with the network's, but so may another network's. */
		if (strncmp(e->d_name, network, strlen(network)) != 0)
			continue;
		if (read_entry(dirfd(d), e->d_name, &entry, &junk) < 0 ||
		    berth_cache_attachment(entry, &name, &rt, &junk) < 0 ||
		    strcmp(name, network) != 0)
			continue;
		if (fl_json_append(list, FL_TAKE(entry)) < 0)
			return fl_fail_errno(err, ENOMEM, "list '%s'", dir);
	}
	if (d && errno)
		return fl_fail_errno(err, errno, "read folder '%s'", dir);
	*entries = FL_TAKE(list);
	return 0;
}
