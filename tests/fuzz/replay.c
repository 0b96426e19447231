// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzz target over the files of its corpus, without libFuzzer: the ordinary tests do
 * this with the sanitizers. Speaks TAP, one test for the whole corpus; an empty one is a failure.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"

#define INPUT_MAX (1u << 20) /* bytes */

static int replay(int dirfd, const char *name, struct fl_err *err)
{
	fl_auto_free char *data = NULL;
	fl_auto_free uint8_t *exact = NULL;
	size_t len = 0;
	int r;

	printf("# %s\n", name);
	fflush(stdout);
	r = fl_read_file(dirfd, name, INPUT_MAX, &data, &len, err);
	if (r < 0)
		return r;
	/* A block of just this size: a read past the input's end is one past the block's. */
	exact = malloc(len);
	if (!exact && len)
		return fl_fail_errno(err, ENOMEM, "read '%s'", name);
	if (len)
		memcpy(exact, data, len);
	LLVMFuzzerTestOneInput(exact, len);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent **names = NULL;
	int n, done = 0, r = 0;
	struct fl_err err = { 0 };
	fl_auto_close int dir = -1;

	if (argc != 2)
		return 2;
	printf("1..1\n");
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	n = dir < 0 ? 0 : scandir(argv[1], &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (r == 0 && names[i]->d_name[0] != '.') {
			r = replay(dir, names[i]->d_name, &err);
			done += r == 0;
		}
		free(names[i]);
	}
	free(names);
	if (r < 0)
		printf("# %s\n", err.text);
	printf("%s 1 - every input of %s (%d) is read to the end without harm\n",
	       r == 0 && done > 0 ? "ok" : "not ok", argv[1], done);
	return r < 0 || done == 0;
}
