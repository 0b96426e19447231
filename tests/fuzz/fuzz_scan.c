// SPDX-License-Identifier: Apache-2.0
/*
 * host-local's lease files: two with the input's content, scanned in a folder on disk.
 */
#include "fuzz.h"

#include <fcntl.h>

#include "base/file.h"
#include "plugins/ipam/scan.h"

/* A folder that lives as long as the program. */
static char path[] = "/tmp/fairlead-fuzz-lease.XXXXXX";

static void remove_dir(void)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)unlinkat(fd, "10.1.0.5", 0);
	(void)unlinkat(fd, "fd00::5", 0);
	close(fd);
	(void)rmdir(path);
}

static int open_dir(void)
{
	static int fd = -1;

	if (fd < 0) {
		MUST(mkdtemp(path));
		atexit(remove_dir);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipam_scan scan = { .dir = open_dir(), .network = "n", .results = "/nowhere" };
	struct ipam_index ix = { 0 };
	struct fl_err err = { 0 };
	struct fl_ip ip = { 0 };

	MUST(fl_replace_file(scan.dir, "10.1.0.5", data, size, 0600, &err) == 0);
	MUST(fl_replace_file(scan.dir, "fd00::5", data, size / 2, 0600, &err) == 0);
	MUST(ipam_scan_all(&scan, &ix, &err) == 0);
	MUST(fl_ip_parse("10.1.0.5", &ip, &err) == 0);
	MUST(ipam_index_is_used(&ix, &ip) && scan.removed == 0);
	ipam_index_done(&ix);
	return 0;
}
