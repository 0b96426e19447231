// SPDX-License-Identifier: Apache-2.0
/*
 * The programs on the interfaces to other nodes: a filter each way, beside others' filters, and
 * XDP where denied sources are to be dropped by it. Which interfaces have them is in fl_devices,
 * where an interface is entered after its filters stand and leaves before they go: nothing is
 * sent past the stack to where nobody hears the answer. The clsact qdisc that the filters are on
 * stays when they go: the kernel stops an interface that is up for a moment when it gets one and
 * when it loses one, and what is sent by it then is lost.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "agent/datapath/dp.h"
#include "base/log.h"
#include "base/text.h"
#include "bpf/datapath.skel.h"

#define XDP_NAME "fl_xdp"

/* Remembers the first of several failures. */
struct failures {
	int r;
	struct fl_err *err;
};

static void note(struct failures *f, int r, const struct fl_err *why)
{
	if (r < 0 && f->r == 0) {
		f->r = r;
		*f->err = *why;
	}
}

/* The program at our place on this side; prog_id 0: none. -EEXIST: somebody else's. */
static int find_filter(struct fl_nl *nl, const struct fl_tc_side *side, const char *name,
		       __u32 *prog_id, struct fl_err *err)
{
	struct fl_filter have = { 0 };
	unsigned int others = 0;
	int r = fl_tc_get_side_filter(nl, side, &have, &others, err);

	*prog_id = 0;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (!fl_streq(have.name, name))
		return fl_fail(err, EEXIST,
			       "priority %d of link %u has a filter of another program, '%s'",
			       FL_TC_PRIORITY, side->link, have.name);
	*prog_id = have.prog_id;
	return 0;
}

/* Adds the program to the batch, unless it stands there already: 1 if so, else 0. */
static int put_filter(struct fl_nl *nl, const struct fl_tc_side *side,
		      const struct bpf_program *prog, struct fl_batch *b, struct fl_err *err)
{
	const char *name = bpf_program__name(prog);
	__u32 want = 0, have = 0;
	int r = dp_prog_id(prog, &want, err) ?: find_filter(nl, side, name, &have, err);

	if (r < 0 || have == want)
		return r;
	fl_tc_put_side_filter(b, side, bpf_program__fd(prog), name);
	return 1;
}

/* Likewise, 1 if the batch has something to send. */
static int put_filters(struct dp *d, struct fl_nl *nl, __u32 link, struct fl_batch *b,
		       struct fl_err *err)
{
	const struct fl_tc_side in = { link, false }, out = { link, true };

	int first = put_filter(nl, &in, d->bpf->progs.fl_from_net, b, err), second;

	if (first < 0)
		return first;
	second = put_filter(nl, &out, d->bpf->progs.fl_to_net, b, err);
	return second < 0 ? second : first | second;
}

static int ensure_clsact(struct fl_nl *nl, __u32 link, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	bool has = false;
	int r = fl_tc_get_clsact(nl, link, &has, err);

	if (r < 0 || has)
		return r;
	r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_tc_put_clsact(b, link);
	return fl_batch_send(nl, b, err);
}

static int remove_filter(struct fl_nl *nl, const struct fl_tc_side *side, const char *name,
			 struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_filter have = { 0 };
	unsigned int others = 0;
	int r = fl_tc_get_side_filter(nl, side, &have, &others, err);

	if (r == -ENOENT || (r == 0 && !fl_streq(have.name, name)))
		return 0;
	r = r ?: fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_tc_put_side_filter_del(b, side);
	return fl_batch_send(nl, b, err);
}

static int remove_filters(struct fl_nl *nl, __u32 link, struct fl_err *err)
{
	const struct fl_tc_side in = { link, false }, out = { link, true };

	return remove_filter(nl, &in, "fl_from_net", err)
		       ?: remove_filter(nl, &out, "fl_to_net", err);
}

/* What XDP program a link has. */
struct xdp {
	struct fl_xdp at;
	int fd; /* -1: there is none; owned */
	bool ours;
	char name[BPF_OBJ_NAME_LEN];
};

static void xdp_done(struct xdp *x)
{
	fl_close_p(&x->fd);
}

static int find_xdp(struct fl_nl *nl, __u32 link, struct xdp *out, struct fl_err *err)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int r = fl_xdp_get(nl, link, &out->at, err);

	if (r < 0 || out->at.prog_id == 0)
		return r;
	out->fd = bpf_prog_get_fd_by_id(out->at.prog_id);
	if (out->fd >= 0 && bpf_obj_get_info_by_fd(out->fd, &info, &len) == 0)
		memcpy(out->name, info.name, sizeof(out->name));
	out->ours = fl_streq(out->name, XDP_NAME);
	return 0;
}

static int send_xdp(struct fl_nl *nl, __u32 link, int prog_fd, int instead_of,
		    enum fl_xdp_mode mode, struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	int r = fl_batch_new(&b, err);

	if (r < 0)
		return r;
	fl_xdp_put(b, link, prog_fd, instead_of, mode);
	return fl_batch_send(nl, b, err);
}

/* Takes our program off, if it is there. */
static int remove_xdp(struct fl_nl *nl, __u32 link, struct fl_err *err)
{
	fl_auto(xdp_done) struct xdp have = { .fd = -1 };
	int r = find_xdp(nl, link, &have, err);

	return r < 0 || !have.ours ? r : send_xdp(nl, link, -1, have.fd, have.at.mode, err);
}

/* Puts our program in place of what the link has, which is none or ours. */
static int put_xdp(struct dp *d, struct fl_nl *nl, __u32 link, const struct xdp *have,
		   enum fl_xdp_mode mode, struct fl_err *err)
{
	bool stays = have->at.mode == mode;
	int r = 0;

	/* Both modes at once is more than the kernel does. */
	if (have->ours && !stays)
		r = remove_xdp(nl, link, err);
	r = r
		    ?: send_xdp(nl, link, bpf_program__fd(d->bpf->progs.fl_xdp),
				stays ? have->fd : -1, mode, err);
	return r < 0 ? fl_wrap(err, r, "config 'policy.xdp': %s",
			       mode == FL_XDP_NATIVE ? "native" : "generic")
		     : 0;
}

static int enter(struct dp *d, __u32 link, __u32 flags, struct fl_err *err)
{
	struct fl_device value = { .flags = flags };
	int r = flags & FL_DEVICE_DENIES ? dp_listen(d, false, err) : 0;

	return r ?: dp_put(DP_FD(d, fl_devices), &link, &value, "interfaces", err);
}

/* Nothing goes past the stack by this interface any more, known ways included. */
static int leave(struct dp *d, __u32 link, struct fl_err *err)
{
	struct fl_device have;

	if (bpf_map_lookup_elem(DP_FD(d, fl_devices), &link, &have) < 0)
		return 0;
	return dp_drop(DP_FD(d, fl_devices), &link, "interfaces", err)
		       ?: dp_next_generation(d, err);
}

/* Enters the interface. What is denied is dropped by tc where XDP is not asked for or not there. */
static int enter_with_xdp(struct dp *d, struct fl_nl *nl, __u32 link, __u32 flags,
			  enum fl_xdp_mode mode, struct fl_err *err)
{
	fl_auto(xdp_done) struct xdp have = { .fd = -1 };
	__u32 id = 0;
	int r = dp_prog_id(d->bpf->progs.fl_xdp, &id, err) ?: find_xdp(nl, link, &have, err);

	if (r < 0)
		return r;
	if (have.at.prog_id == id && have.at.mode == mode)
		return enter(d, link, flags, err);
	r = enter(d, link, flags | FL_DEVICE_DENIES, err);
	if (r == 0 && have.at.prog_id && !have.ours)
		return fl_fail(
			err, EEXIST,
			"config 'policy.xdp': there is another XDP program, '%s', number %u: it "
			"stays, and tc drops what is denied",
			have.fd < 0 ? "unknown without CAP_SYS_ADMIN" : have.name, have.at.prog_id);
	return r ?: put_xdp(d, nl, link, &have, mode, err) ?: enter(d, link, flags, err);
}

/* What the VTEP would send passes others' filters there: they are not gone past. */
static int note_tunnels(struct fl_nl *nl, const struct dp_device *dev, __u32 *flags,
			struct fl_err *err)
{
	const struct fl_tc_side out = { dev->ifindex, true };
	struct fl_filter ours = { 0 };
	unsigned int others = 0;
	int r = dev->tunnels ? fl_tc_get_side_filter(nl, &out, &ours, &others, err) : 0;

	if (r == 0 && dev->tunnels && others == 0)
		*flags |= FL_DEVICE_TUNNEL;
	return r;
}

static int attach(struct dp *d, struct fl_nl *nl, const struct dp_device *dev, enum fl_xdp_mode xdp,
		  struct fl_err *err)
{
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_err ignored;
	__u32 flags = 0;
	int r = fl_batch_new(&b, err) ?: put_filters(d, nl, dev->ifindex, b, err);

	/* The kernel tells all who listen for changes of a qdisc that somebody asks for it. */
	if (r > 0)
		r = ensure_clsact(nl, dev->ifindex, err) ?: fl_batch_send(nl, b, err);
	if (r < 0) {
		/* Nothing may go past the stack to where it does not come back so. */
		FL_IGNORE(leave(d, dev->ifindex, &ignored));
		return r;
	}
	r = note_tunnels(nl, dev, &flags, err);
	if (r < 0)
		return r;
	if (dev->denies && xdp != FL_XDP_NONE)
		return enter_with_xdp(d, nl, dev->ifindex, flags, xdp, err);
	return enter(d, dev->ifindex, flags | (dev->denies ? FL_DEVICE_DENIES : 0), err)
		       ?: remove_xdp(nl, dev->ifindex, err);
}

static int detach(struct dp *d, struct fl_nl *nl, __u32 link, struct fl_err *err)
{
	return leave(d, link, err) ?: remove_xdp(nl, link, err) ?: remove_filters(nl, link, err);
}

static bool is_wanted(const struct dp_device *devices, size_t n, __u32 link)
{
	for (size_t i = 0; i < n; i++)
		if (devices[i].ifindex == link)
			return true;
	return false;
}

/* Whether denied sources are dropped on any interface. */
static bool any_denies(const struct dp *d)
{
	struct fl_device have = { 0 };
	bool has, any = false;
	__u32 key, next;

	has = bpf_map_get_next_key(DP_FD(d, fl_devices), NULL, &key) == 0;
	for (; has && !any; key = next) {
		any = bpf_map_lookup_elem(DP_FD(d, fl_devices), &key, &have) == 0 &&
		      have.flags & FL_DEVICE_DENIES;
		has = bpf_map_get_next_key(DP_FD(d, fl_devices), &key, &next) == 0;
	}
	return any;
}

int dp_set_devices(struct dp *d, struct fl_nl *nl, const struct dp_device *devices, size_t n,
		   enum fl_xdp_mode xdp, struct fl_err *err)
{
	struct failures f = { .err = err };
	__u32 key, next;
	bool has = bpf_map_get_next_key(DP_FD(d, fl_devices), NULL, &key) == 0;
	struct fl_err one;
	int r;

	for (; has; key = next) {
		has = bpf_map_get_next_key(DP_FD(d, fl_devices), &key, &next) == 0;
		if (!is_wanted(devices, n, key))
			note(&f, detach(d, nl, key, &one), &one);
	}
	for (size_t i = 0; i < n; i++) {
		r = attach(d, nl, &devices[i], xdp, &one);
		if (r < 0)
			(void)fl_wrap(&one, r, "interface '%s'", devices[i].name);
		note(&f, r, &one);
	}
	if (!any_denies(d))
		note(&f, dp_listen(d, true, &one), &one);
	return f.r;
}

int dp_renew_devices(struct dp *d, struct fl_nl *nl, struct fl_batch *b, struct fl_err *err)
{
	__u32 key, next;
	bool has = bpf_map_get_next_key(DP_FD(d, fl_devices), NULL, &key) == 0;
	struct fl_err one;
	int r = 0;

	for (; r == 0 && has; key = next) {
		has = bpf_map_get_next_key(DP_FD(d, fl_devices), &key, &next) == 0;
		if (fl_batch_room(b) < 2)
			r = fl_batch_send(nl, b, err);
		if (r == 0 && put_filters(d, nl, key, b, &one) < 0) {
			fl_debug("%s, going on: by the stack", one.text);
			r = leave(d, key, err);
		}
	}
	return r;
}

int dp_retire_devices(const char *pin, struct fl_nl *nl, struct fl_err *err)
{
	struct bpf_map_info info = { 0 };
	__u32 key, len = sizeof(info);
	fl_auto_close int fd = bpf_obj_get(pin);
	int r = 0;

	/* An earlier version had none, and another layout may have others. */
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0 || info.key_size != sizeof(key))
		return 0;
	while (r == 0 && bpf_map_get_next_key(fd, NULL, &key) == 0)
		r = remove_xdp(nl, key, err) ?: remove_filters(nl, key, err) ?:
		    dp_drop(fd, &key, "interfaces", err);
	return r;
}
