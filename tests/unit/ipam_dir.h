// SPDX-License-Identifier: Apache-2.0
/*
 * A private directory for a test of the store: root/ for the index and the result cache,
 * data/ for the stores. Made by ipam_dir_setup(), removed by ipam_dir_teardown() whatever the
 * test did; both fit cmocka's fixtures, and *state is the struct.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "folder.h"
#include "plugins/ipam/store.h"
#include "test.h"

struct ipam_dir {
	char top[FOLDER_MAX], root[160], data[160], net[176];
	struct ipam_boot boot;
	struct ipam_where where;
	bool is_mounted;
};

static inline int ipam_dir_setup(void **state)
{
	struct ipam_dir *d = calloc(1, sizeof(*d));

	if (!d || folder_make(d->top, "ipam") < 0)
		return -1;
	(void)snprintf(d->root, sizeof(d->root), "%s/root", d->top);
	(void)snprintf(d->data, sizeof(d->data), "%s/data", d->top);
	(void)snprintf(d->net, sizeof(d->net), "%s/net", d->data);
	d->boot = (struct ipam_boot){ .id = "this-boot", .start_s = 0 };
	d->where = (struct ipam_where){ d->root, d->data, "net", &d->boot };
	*state = d;
	return mkdir(d->root, 0755) < 0 || mkdir(d->data, 0755) < 0 ? -1 : 0;
}

static inline int ipam_dir_teardown(void **state)
{
	struct ipam_dir *d = *state;

	if (d->is_mounted)
		(void)umount2(d->data, MNT_DETACH);
	(void)folder_remove(d->top);
	free(d);
	return 0;
}

/* Puts a file system of this type over data/, in a mount namespace of the test's own. */
static inline void ipam_dir_mount(struct ipam_dir *d, const char *type, const char *options)
{
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("fl-ipam", d->data, type, 0, options) == 0);
	d->is_mounted = true;
}

/* Writes a file of the store behind the plugin's back, as the reference or a hand would. */
static inline void ipam_dir_plant(const struct ipam_dir *d, const char *name, const void *data,
				  size_t len)
{
	struct fl_err err = { 0 };
	char path[300];
	fl_auto_close int fd = -1;

	(void)mkdir(d->net, 0755);
	(void)snprintf(path, sizeof(path), "%s/%s", d->net, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK_OK(fl_write_all(fd, data, len, &err), &err);
}

static inline void ipam_dir_plant_lease(const struct ipam_dir *d, const char *name,
					const char *text)
{
	ipam_dir_plant(d, name, text, strlen(text));
}

static inline bool ipam_dir_has(const struct ipam_dir *d, const char *name)
{
	char path[300];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", d->net, name);
	return lstat(path, &st) == 0;
}

/* The file must hold just this. */
static inline void ipam_dir_holds(const struct ipam_dir *d, const char *name, const char *want)
{
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };
	char path[300];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", d->net, name);
	CHECK_OK(fl_read_file(AT_FDCWD, path, 4096, &text, &len, &err), &err);
	assert_int_equal(len, strlen(want));
	assert_string_equal(text, want);
}
