// SPDX-License-Identifier: Apache-2.0
/*
 * lib/base/file.c. Needs root: it mounts a small tmpfs, in a mount namespace of its own, so that
 * a full disk is a real one.
 */
#include "base/file.h"

#include "inject.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[] = "/tmp/fairlead-test-file.XXXXXX";
static int dir = -1; /* the tmpfs */

static int mount_disk(void **state)
{
	(void)state;
	if (!mkdtemp(root) || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", root, "tmpfs", 0, "size=64k,nr_inodes=64,mode=755") < 0)
		return -1;
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	umask(022);
	return dir < 0;
}

static int unmount_disk(void **state)
{
	(void)state;
	fl_close_p(&dir);
	return umount2(root, MNT_DETACH) < 0 || rmdir(root) < 0;
}

/* Number of names in the tmpfs; temporary ones count. */
static int names(void)
{
	DIR *d = opendir(root);
	int n = 0;

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void check_content(const char *name, const char *want)
{
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };
	size_t len = 0;

	CHECK_OK(fl_read_file(dir, name, 100, &text, &len, &err), &err);
	CHECK(len == strlen(want));
	assert_string_equal(text, want);
}

static void drop(const char *name)
{
	CHECK(unlinkat(dir, name, 0) == 0);
	CHECK(names() == 0);
}

static void fill_disk(const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char block[4096] = { 0 };

	CHECK(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		continue;
	close(fd);
}

static void a_file_is_read_up_to_its_limit_and_not_one_byte_more(void **state)
{
	struct fl_err err = { 0 };
	char *text = NULL;
	size_t len = 7;

	(void)state;
	CHECK_OK(fl_create_file(dir, "f", "12345", 5, 0644, &err), &err);
	CHECK_FAILS(fl_read_file(dir, "f", 4, &text, &len, &err), EFBIG, &err,
		    "'f': more than 4 bytes");
	CHECK(!text && len == 7);
	CHECK_OK(fl_read_file(dir, "f", 5, &text, &len, &err), &err);
	CHECK(len == 5 && strcmp(text, "12345") == 0);
	fl_free_p(&text);
	drop("f");
}

static void a_file_larger_than_one_chunk_is_read_whole(void **state)
{
	fl_auto_free char *big = malloc(50000), *text = NULL;
	struct fl_err err = { 0 };
	size_t len = 0;

	(void)state;
	CHECK(big);
	memset(big, 'x', 50000);
	CHECK_OK(fl_create_file(dir, "f", big, 50000, 0644, &err), &err);
	CHECK_OK(fl_read_file(dir, "f", 1 << 20, &text, &len, &err), &err);
	CHECK(len == 50000 && memcmp(text, big, len) == 0 && text[len] == '\0');
	drop("f");
}

static void an_absent_file_and_a_directory_are_errors_that_name_the_path(void **state)
{
	struct fl_err err = { 0 };
	char *text = NULL, small[8];
	size_t len;

	(void)state;
	CHECK_FAILS(fl_read_file(dir, "gone", 10, &text, &len, &err), ENOENT, &err, "open 'gone'");
	CHECK_FAILS(fl_read_file(dir, ".", 10, &text, &len, &err), EISDIR, &err, "'.': read");
	CHECK_FAILS(fl_read_small(dir, "gone", small, sizeof(small), &err), ENOENT, &err, "'gone'");
	CHECK_FAILS(fl_write_value("/proc/sys/net/gone", "1", &err), ENOENT, &err, "net/gone'");
	CHECK(!text);
}

static void small_files_lose_their_newlines_and_what_does_not_fit(void **state)
{
	struct fl_err err = { 0 };
	char small[6];

	(void)state;
	CHECK_OK(fl_create_file(dir, "f", "1\n\n", 3, 0644, &err), &err);
	CHECK_OK(fl_read_small(dir, "f", small, sizeof(small), &err), &err);
	assert_string_equal(small, "1");
	CHECK_OK(fl_replace_file(dir, "f", "1234567", 7, 0644, &err), &err);
	CHECK_OK(fl_read_small(dir, "f", small, sizeof(small), &err), &err);
	assert_string_equal(small, "12345");
	CHECK_OK(fl_replace_file(dir, "f", "", 0, 0644, &err), &err);
	CHECK_OK(fl_read_small(dir, "f", small, sizeof(small), &err), &err);
	assert_string_equal(small, "");
	drop("f");
}

static void create_makes_a_file_once_with_its_mode(void **state)
{
	struct fl_err err = { 0 };
	struct stat st;

	(void)state;
	CHECK_OK(fl_create_file(dir, "f", "one", 3, 0600, &err), &err);
	CHECK_FAILS(fl_create_file(dir, "f", "two", 3, 0600, &err), EEXIST, &err, "create 'f'");
	check_content("f", "one");
	CHECK(fstatat(dir, "f", &st, 0) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(names() == 1);
	drop("f");
}

static void replace_makes_or_exchanges_a_file(void **state)
{
	struct fl_err err = { 0 };
	struct stat st;

	(void)state;
	CHECK_OK(fl_replace_file(dir, "f", "one", 3, 0644, &err), &err);
	CHECK_OK(fl_replace_file(dir, "f", "second", 6, 0600, &err), &err);
	check_content("f", "second");
	CHECK(fstatat(dir, "f", &st, 0) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(names() == 1);
	drop("f");
}

static void replace_goes_on_over_what_a_kill_has_left(void **state)
{
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(fl_create_file(dir, "f", "one", 3, 0644, &err), &err);
	CHECK_OK(fl_create_file(dir, ".f.tmp", "half", 4, 0644, &err), &err);
	CHECK_OK(fl_replace_file(dir, "f", "two", 3, 0644, &err), &err);
	check_content("f", "two");
	drop("f");
}

static void a_full_disk_leaves_the_old_content_and_no_other_name(void **state)
{
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(fl_create_file(dir, "f", "one", 3, 0644, &err), &err);
	fill_disk("ballast");
	CHECK_FAILS(fl_create_file(dir, "g", "two", 3, 0644, &err), ENOSPC, &err, "'g': write");
	CHECK_FAILS(fl_replace_file(dir, "f", "two", 3, 0644, &err), ENOSPC, &err, "'f': write");
	CHECK(names() == 2);
	check_content("f", "one");
	CHECK(unlinkat(dir, "ballast", 0) == 0);
	drop("f");
}

static void a_file_system_without_nameless_files_serves_as_well(void **state)
{
	inject_no_tmpfile(true);
	create_makes_a_file_once_with_its_mode(state);
	replace_makes_or_exchanges_a_file(state);
	a_full_disk_leaves_the_old_content_and_no_other_name(state);
	inject_no_tmpfile(false);
}

static void a_directory_that_is_gone_or_a_bad_name_is_an_error(void **state)
{
	struct fl_err err = { 0 };

	(void)state;
	CHECK_FAILS(fl_create_file(-1, "f", "x", 1, 0644, &err), EBADF, &err, "'f'");
	CHECK_FAILS(fl_create_file(dir, "no/f", "x", 1, 0644, &err), ENOENT, &err, "'no/f'");
	CHECK_FAILS(fl_replace_file(dir, "no/f", "x", 1, 0644, &err), ENOENT, &err, "'no/f'");
	CHECK(names() == 0);
}

/* Several writers at once: a reader sees one whole content or another, and nothing is left. */
static void parallel_replacements_never_show_half_a_file(void **state)
{
	static const char a[] = "aaaaaaaaaaaaaaaaaaaa", b[] = "bb";
	struct fl_err err = { 0 };
	pid_t child[2];

	(void)state;
	CHECK_OK(fl_create_file(dir, "f", a, strlen(a), 0644, &err), &err);
	for (int i = 0; i < 2; i++) {
		const char *mine = i ? a : b;

		child[i] = fork();
		CHECK(child[i] >= 0);
		for (int n = 0; child[i] == 0 && n < 300; n++)
			if (fl_replace_file(dir, "f", mine, strlen(mine), 0644, &err) < 0)
				_exit(1);
		if (child[i] == 0)
			_exit(0);
	}
	for (int n = 0; n < 300; n++) {
		fl_auto_free char *text = NULL;
		size_t len = 0;

		CHECK_OK(fl_read_file(dir, "f", 100, &text, &len, &err), &err);
		CHECK(strcmp(text, a) == 0 || strcmp(text, b) == 0);
	}
	for (int i = 0; i < 2; i++) {
		int status = -1;

		CHECK(waitpid(child[i], &status, 0) == child[i]);
		CHECK(status == 0);
	}
	drop("f");
}

static void open_dir_makes_missing_parents_and_takes_what_is_there(void **state)
{
	struct fl_err err = { 0 };
	fl_auto_close int a = -1;
	fl_auto_close int b = -1;
	char path[128], deep[160];
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/one//two/", root);
	CHECK_OK(fl_open_dir(path, 0700, &a, &err), &err);
	CHECK_OK(fl_open_dir(path, 0700, &b, &err), &err);
	CHECK(fstat(b, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700);
	CHECK(fcntl(b, F_GETFD) == FD_CLOEXEC);
	(void)snprintf(deep, sizeof(deep), "%sfile/x", path);
	CHECK_OK(fl_create_file(b, "file", "", 0, 0600, &err), &err);
	CHECK_FAILS(fl_open_dir(deep, 0700, &(int){ -1 }, &err), ENOTDIR, &err, "file/x'");
	CHECK_FAILS(fl_open_dir("", 0700, &(int){ -1 }, &err), ENOENT, &err, "directory ''");
	CHECK(unlinkat(b, "file", 0) == 0);
	CHECK(unlinkat(dir, "one/two", AT_REMOVEDIR) == 0);
	CHECK(unlinkat(dir, "one", AT_REMOVEDIR) == 0);
}

static void a_path_that_is_too_long_is_an_error(void **state)
{
	struct fl_err err = { 0 };
	char path[5000];

	(void)state;
	memset(path, 'x', sizeof(path));
	memcpy(path, "/tmp/", 5);
	path[sizeof(path) - 1] = '\0';
	CHECK_FAILS(fl_open_dir(path, 0700, &(int){ -1 }, &err), ENAMETOOLONG, &err, "/tmp/xxx");
}

static void values_go_to_files_that_exist(void **state)
{
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(fl_write_value("/dev/null", "1", &err), &err);
	CHECK_FAILS(fl_write_value("/dev/full", "1", &err), ENOSPC, &err, "'1' to '/dev/full'");
}

static int read_one(void *arg)
{
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };
	size_t len;

	(void)arg;
	return fl_read_file(AT_FDCWD, "/proc/self/status", 1 << 20, &text, &len, &err);
}

static void reading_without_memory_is_an_error(void **state)
{
	(void)state;
	CHECK(inject_each(read_one, NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_up_to_its_limit_and_not_one_byte_more),
		cmocka_unit_test(a_file_larger_than_one_chunk_is_read_whole),
		cmocka_unit_test(an_absent_file_and_a_directory_are_errors_that_name_the_path),
		cmocka_unit_test(small_files_lose_their_newlines_and_what_does_not_fit),
		cmocka_unit_test(create_makes_a_file_once_with_its_mode),
		cmocka_unit_test(replace_makes_or_exchanges_a_file),
		cmocka_unit_test(replace_goes_on_over_what_a_kill_has_left),
		cmocka_unit_test(a_full_disk_leaves_the_old_content_and_no_other_name),
		cmocka_unit_test(a_file_system_without_nameless_files_serves_as_well),
		cmocka_unit_test(a_directory_that_is_gone_or_a_bad_name_is_an_error),
		cmocka_unit_test(parallel_replacements_never_show_half_a_file),
		cmocka_unit_test(open_dir_makes_missing_parents_and_takes_what_is_there),
		cmocka_unit_test(a_path_that_is_too_long_is_an_error),
		cmocka_unit_test(values_go_to_files_that_exist),
		cmocka_unit_test(reading_without_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, mount_disk, unmount_disk);
}
