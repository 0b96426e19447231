// SPDX-License-Identifier: Apache-2.0
/* cnitool's default container id. */
#include "runtime/netpath.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sha512.h"
#include "base/text.h"

int berth_netns_path(const char *path, char out[PATH_MAX], struct fl_err *err)
{
	char cwd[PATH_MAX] = "", full[PATH_MAX], *rest = full, *part;
	size_t n = 0;
	int r;

	if (!*path)
		return fl_fail(err, EINVAL, "an empty path");
	if (*path != '/' && !getcwd(cwd, sizeof(cwd)))
		return fl_fail_errno(err, errno, "find the current folder");
	r = fl_format(full, sizeof(full), err, "%s/%s", cwd, path);
	if (r < 0)
		return r;
	while ((part = strsep(&rest, "/"))) {
		if (!*part || strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			while (n > 0 && out[--n] != '/')
				;
			continue;
		}
		/* full is as long as out, and no part grows. */
		n += (size_t)sprintf(out + n, "/%s", part);
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return 0;
}

void berth_default_id(const char *netns, char out[BERTH_DEFAULT_ID])
{
	uint8_t digest[FL_SHA512_LEN];
	int n = sprintf(out, "cnitool-");

	fl_sha512((const char *[]){ netns }, 1, digest);
	for (int i = 0; i < 10; i++)
		n += sprintf(out + n, "%02x", digest[i]);
}
