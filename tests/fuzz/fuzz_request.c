// SPDX-License-Identifier: Apache-2.0
/*
 * A plugin's whole input, as the skeleton reads it from stdin. The first byte is the verb: one of
 * those that need no network namespace.
 */
#include "fuzz.h"

#include <sys/mman.h>

#include "base/file.h"
#include "cni/request.h"

static void set_environment(void)
{
	setenv("CNI_CONTAINERID", "c1", 1);
	setenv("CNI_IFNAME", "eth0", 1);
	setenv("CNI_PATH", "/nowhere", 1);
	unsetenv("CNI_NETNS");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum fl_cni_verb verbs[] = { FL_CNI_DEL, FL_CNI_GC, FL_CNI_STATUS };
	static const struct fl_cni_plugin plugin = { .name = "fuzzed" };
	struct fl_cni_input in = { .req = { .netns_fd = -1 } };
	fl_auto_close int fd = -1;
	struct fl_err err = { 0 };

	if (size < 1)
		return 0;
	set_environment();
	fd = memfd_create("stdin", MFD_CLOEXEC);
	MUST(fl_write_all(fd, data + 1, size - 1, &err) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	MUST(dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	if (fl_cni_input_read(&in, &plugin, verbs[data[0] % FL_ARRAY_LEN(verbs)], &err) < 0)
		MUST(err.code != 0 && err.text[0]);
	else
		MUST(in.req.name && in.req.version < FL_CNI_VERSIONS);
	fl_cni_input_done(&in);
	return 0;
}
