// SPDX-License-Identifier: Apache-2.0
/* Loading the programs, with the maps of before if there are any; and putting them into the blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>

#include "agent/datapath/dp.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "bpf/datapath.skel.h"
#include "net/link.h"

/* libbpf's own words are for those who look closely; an error of ours has the last of them. */
static char last_words[256];

static int heard(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[1024];
	int n = vsnprintf(line, sizeof(line), fmt, args);

	(void)level;
	line[strcspn(line, "\n")] = '\0';
	if (n > 0 && level == LIBBPF_WARN)
		(void)snprintf(last_words, sizeof(last_words), "%.*s", (int)sizeof(last_words) - 1,
			       line);
	fl_debug("libbpf: %s", line);
	return n;
}

/* The tick is what the coarse clock can tell apart. */
static __u32 ticks_per_second(void)
{
	struct timespec t = { 0 };

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) < 0 || t.tv_nsec <= 0)
		return 250;
	return (__u32)((1000000000 + t.tv_nsec / 2) / t.tv_nsec);
}

/* Everything but the constants and the scratch space is kept from one agent to the next. */
static bool is_kept(const struct bpf_map *map)
{
	return strncmp(bpf_map__name(map), "fl_", 3) == 0 &&
	       !fl_streq(bpf_map__name(map), "fl_works") &&
	       !fl_streq(bpf_map__name(map), "fl_recents") &&
	       !fl_streq(bpf_map__name(map), "fl_answers") &&
	       !fl_streq(bpf_map__name(map), "fl_former");
}

/* Whether the map that is pinned there is as the programs want it; none there is. */
static int fits(const struct bpf_map *map, const char *path, bool *yes, struct fl_err *err)
{
	fl_auto_close int fd = bpf_obj_get(path);
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	if (fd < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "open '%s'", path);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return fl_fail_errno(err, errno, "look at '%s'", path);
	*yes = fd < 0 ||
	       (info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
		info.value_size == bpf_map__value_size(map) &&
		info.max_entries == bpf_map__max_entries(map) &&
		info.map_flags == bpf_map__map_flags(map));
	return 0;
}

/* Maps of this layout's number that do not fit give way: they are another agent's, as other layouts
 * are. */
static int put_aside(const struct dp *d, struct fl_err *err)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	bool fit = true;
	int r = 0;

	bpf_object__for_each_map(map, d->bpf->obj)
	{
		if (r < 0 || !fit || !is_kept(map))
			continue;
		r = fl_format(path, sizeof(path), err, "%s/%s", d->own, bpf_map__name(map))
			    ?: fits(map, path, &fit, err);
	}
	for (int i = 1; r == 0 && !fit; i++) {
		r = fl_format(path, sizeof(path), err, "%s/old%d", d->folder, i);
		if (r < 0)
			return r;
		if (renameat2(AT_FDCWD, d->own, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
			return fl_make_dirs(d->own, 0700, err);
		if (errno != EEXIST)
			return fl_fail_errno(err, errno, "rename '%s' to '%s'", d->own, path);
	}
	return r;
}

/* *fresh: there are no connections yet. */
static int pin_maps(struct datapath_bpf *pod, const char *folder, bool *fresh, struct fl_err *err)
{
	char path[PATH_MAX];
	struct bpf_map *map;

	bpf_object__for_each_map(map, pod->obj)
	{
		int r;

		if (!is_kept(map))
			continue;
		r = fl_format(path, sizeof(path), err, "%s/%s", folder, bpf_map__name(map));
		if (r < 0)
			return r;
		if (map == pod->maps.fl_flows)
			*fresh = access(path, F_OK) < 0;
		r = bpf_map__set_pin_path(map, path);
		if (r < 0)
			return fl_fail_errno(err, -r, "pin map '%s'", path);
	}
	return 0;
}

/* Where the path leads, or would if it were there. */
static bool is_in_bpf_fs(const char path[PATH_MAX])
{
	char above[PATH_MAX];
	struct statfs fs;
	char *slash;

	(void)snprintf(above, sizeof(above), "%s", path);
	while (statfs(above, &fs) < 0) {
		slash = strrchr(above, '/');
		if (errno != ENOENT || !slash || slash == above)
			return false;
		*slash = '\0';
	}
	return fs.f_type == BPF_FS_MAGIC;
}

/* FOLDER/vN, so that another layout's maps are never mistaken for these. */
static int make_folder(const char *folder, char out[PATH_MAX], struct fl_err *err)
{
	int r = fl_format(out, PATH_MAX, err, "%s/v%d", folder, FL_ABI_VERSION);

	if (r < 0)
		return r;
	if (!is_in_bpf_fs(out))
		return fl_fail(err, ENODEV,
			       "'%s' is in no bpf file system: mount one, as with mount -t bpf bpf "
			       "/sys/fs/bpf",
			       out);
	return fl_make_dirs(out, 0700, err);
}

static int load(struct dp *d, __u32 max_flows, struct fl_err *err)
{
	int r;

	d->hz = ticks_per_second();
	d->bpf = datapath_bpf__open();
	if (!d->bpf)
		return fl_fail_errno(err, errno, "open the programs: %s", last_words);
	d->bpf->rodata->cfg_hz = d->hz;
	r = max_flows ? bpf_map__set_max_entries(d->bpf->maps.fl_flows, max_flows) : 0;
	if (r < 0)
		return fl_fail_errno(err, -r, "size the map of connections");
	r = put_aside(d, err) ?: pin_maps(d->bpf, d->own, &d->fresh, err);
	if (r < 0)
		return r;
	r = datapath_bpf__load(d->bpf);
	if (r == -EPERM)
		return fl_fail_errno(err, EPERM, "load the programs: %s", last_words);
	if (r == -ESRCH)
		return fl_fail(err, EOPNOTSUPP,
			       "load the programs: the kernel does not tell its types, as one does "
			       "that is built with CONFIG_DEBUG_INFO_BTF");
	return r < 0 ? fl_fail(err, EOPNOTSUPP, "load the programs: %s: %s", strerror(-r),
			       last_words)
		     : 0;
}

int dp_open(const char *folder, __u32 max_flows, struct dp **out, struct fl_err *err)
{
	fl_auto_dp struct dp *d = calloc(1, sizeof(*d));
	char path[PATH_MAX];
	int r;

	if (!d)
		return fl_fail_errno(err, ENOMEM, "load the datapath");
	r = make_folder(folder, path, err);
	if (r < 0)
		return r;
	(void)libbpf_set_print(heard);
	d->folder = strdup(folder);
	d->own = strdup(path);
	if (!d->folder || !d->own)
		return fl_fail_errno(err, ENOMEM, "load the datapath");
	r = load(d, max_flows, err) ?: dp_former_find(d, err);
	if (r == 0)
		*out = FL_TAKE(d);
	return r;
}

bool dp_is_fresh(const struct dp *d)
{
	return (d->fresh || d->former) && !dp_former_carries(d->former);
}

bool dp_has_former(const struct dp *d)
{
	return d->former;
}

void dp_close(struct dp **d)
{
	if (*d) {
		datapath_bpf__destroy((*d)->bpf);
		dp_former_close(&(*d)->former);
		fl_free_p(&(*d)->folder);
		fl_free_p(&(*d)->own);
	}
	fl_free_p(d);
}

/* The link that keeps the blocks alive is there, and is ours. */
static int ensure_anchor(struct fl_nl *nl, bool *changed, struct fl_err *err)
{
	static const struct fl_blocks blocks = { FL_BLOCKS_INGRESS, FL_BLOCKS_EGRESS };
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_blocks have = { 0 };
	struct fl_link link = { 0 };
	int r = fl_batch_new(&b, err) ?: fl_link_get(nl, FL_BLOCKS_ANCHOR, &link, err);

	if (r == -ENODEV) {
		*changed = true;
		fl_tc_put_anchor(b, FL_BLOCKS_ANCHOR);
		r = fl_link_send_and_get(nl, b, FL_BLOCKS_ANCHOR, &link, err);
	}
	if (r < 0)
		return r;
	r = fl_tc_get_blocks(nl, link.index, &have, err);
	if (r == -ENOENT) {
		*changed = true;
		fl_tc_put_blocks(b, link.index, &blocks);
		return fl_batch_send(nl, b, err);
	}
	if (r == 0 && (have.ingress != blocks.ingress || have.egress != blocks.egress))
		return fl_fail(err, EEXIST, "link '%s' has blocks %u and %u, expected %u and %u",
			       FL_BLOCKS_ANCHOR, have.ingress, have.egress, blocks.ingress,
			       blocks.egress);
	return r;
}

int dp_prog_id(const struct bpf_program *prog, __u32 *out, struct fl_err *err)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) < 0)
		return fl_fail_errno(err, errno, "ask for the number of program '%s'",
				     bpf_program__name(prog));
	*out = info.id;
	return 0;
}

/* Whether the block's filter is this program; -EEXIST when it is somebody else's. */
static int has_filter(struct fl_nl *nl, __u32 block, const struct bpf_program *prog, bool *yes,
		      struct fl_err *err)
{
	struct fl_filter have = { 0 };
	unsigned int others = 0;
	__u32 id = 0;
	int r = dp_prog_id(prog, &id, err);

	if (r < 0)
		return r;
	r = fl_tc_get_filter(nl, block, &have, &others, err);
	/* Beside ours, which is the first and has the last word, others may do as they like. */
	if ((r == -ENOENT && others > 0) ||
	    (r == 0 && !fl_streq(have.name, bpf_program__name(prog))))
		return fl_fail(err, EEXIST, "block %u has filters of another program", block);
	if (r < 0 && r != -ENOENT)
		return r;
	*yes = r == 0 && have.prog_id == id;
	return 0;
}

/* Adds the program to the batch, unless the block has it already; somebody else's stays. */
static int put_filter(struct fl_nl *nl, __u32 block, const struct bpf_program *prog,
		      struct fl_batch *b, bool *changed, struct fl_err *err)
{
	bool has = false;
	int r = has_filter(nl, block, prog, &has, err);

	if (r == 0 && !has) {
		*changed = true;
		fl_tc_put_filter(b, block, bpf_program__fd(prog), bpf_program__name(prog));
	}
	return r;
}

int dp_attach(struct dp *d, struct fl_nl *nl, bool *changed, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r;

	*changed = false;
	r = fl_batch_new(&b, err) ?: dp_former_lend(d, err) ?: ensure_anchor(nl, changed, err) ?:
	    put_filter(nl, FL_BLOCKS_INGRESS, d->bpf->progs.fl_from_pod, b, changed, err) ?:
	    put_filter(nl, FL_BLOCKS_EGRESS, d->bpf->progs.fl_to_pod, b, changed, err);
	if (r == 0 && d->former)
		r = dp_renew_devices(d, nl, b, err);
	/* At once: what one of them begins, another with other maps does not know. */
	return r ?: fl_batch_send(nl, b, err) ?: dp_former_end(d, err);
}

int dp_is_attached(struct dp *d, struct fl_nl *nl, bool *yes, struct fl_err *err)
{
	bool from = false, to = false;
	int r = has_filter(nl, FL_BLOCKS_INGRESS, d->bpf->progs.fl_from_pod, &from, err)
			?: has_filter(nl, FL_BLOCKS_EGRESS, d->bpf->progs.fl_to_pod, &to, err);

	if (r == 0)
		*yes = from && to;
	return r;
}

/* Removes the block's filter if it is one of our programs. */
static int remove_filter(struct fl_nl *nl, __u32 block, const char *name, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_filter have = { 0 };
	unsigned int others = 0;
	int r = fl_tc_get_filter(nl, block, &have, &others, err);

	if (r == -ENOENT || (r == 0 && !fl_streq(have.name, name)))
		return 0;
	r = r ?: fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_tc_put_filter_del(b, block);
	return fl_batch_send(nl, b, err);
}

int dp_retire(const char *folder, struct fl_nl *nl, struct fl_err *err)
{
	/* Who is told to join while nothing is enforced yet, or any more, finds no link to join by.
	 */
	int r = fl_link_del(nl, FL_BLOCKS_ANCHOR, err) ?: dp_isolate_none(folder, err);

	/* Nothing goes past the stack any more before nobody hears what comes back so. */
	return r ?: remove_filter(nl, FL_BLOCKS_INGRESS, "fl_from_pod", err) ?:
	       remove_filter(nl, FL_BLOCKS_EGRESS, "fl_to_pod", err) ?:
	       dp_leave_devices(folder, nl, err) ?:
	       dp_unpin(folder, NULL, err);
}
