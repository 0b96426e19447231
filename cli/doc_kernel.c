// SPDX-License-Identifier: Apache-2.0
/* Whether the kernel can what is needed: tried in a network namespace that nobody else has. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <linux/bpf.h>
#include <linux/magic.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "net/nft.h"

#define BPFFS	    "/sys/fs/bpf"
#define TCX_INGRESS 46 /* enum bpf_attach_type, Linux 6.6 */
#define LOOPBACK    1  /* the first link of every namespace */

static int try_veth(struct fl_err *err)
{
	static const struct fl_veth v = { .name = "fl-doctor0",
					  .peer = "fl-doctor1",
					  .peer_netns = -1 };
	fl_auto_batch struct fl_batch *b = NULL;
	fl_auto_nl struct fl_nl *nl = NULL;
	int r;

	r = fl_nl_open(FL_NL_ROUTE, &nl, err) ?: fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_link_put_veth(b, &v);
	return fl_batch_send(nl, b, err);
}

static int try_vxlan(struct fl_err *err)
{
	struct fl_vxlan v = { .vni = 1, .port = 4789 };
	const uint8_t mac[FL_MAC_LEN] = { 2, 0, 0, 0, 0, 1 };
	fl_auto_batch struct fl_batch *b = NULL;
	fl_auto_nl struct fl_nl *nl = NULL;
	int r;

	r = fl_nl_open(FL_NL_ROUTE, &nl, err) ?: fl_batch_new(&b, err);
	if (r < 0)
		return r;
	r = fl_ip_parse("192.0.2.1", &v.local, err);
	if (r < 0)
		return r;
	fl_link_put_vxlan(b, "fl-doctor", &v, mac, 1450);
	return fl_batch_send(nl, b, err);
}

static int try_nft(struct fl_err *err)
{
	static const struct fl_nft_table table = { FL_NFT_INET, "fl-doctor" };
	static const struct fl_nft_chain chain = { "postrouting", FL_NFT_SRCNAT };
	fl_auto_batch struct fl_batch *b = NULL;
	fl_auto_nl struct fl_nl *nl = NULL;
	int r;

	r = fl_nl_open(FL_NL_NETFILTER, &nl, err) ?: fl_batch_new(&b, err);
	if (r < 0)
		return r;
	fl_nft_begin(b, 0);
	fl_nft_table_put(b, &table);
	fl_nft_chain_put(b, &table, &chain);
	fl_nft_end(b);
	return fl_batch_send(nl, b, err);
}

/* The smallest program for traffic control: "let pass". *fd is the caller's. */
static int load_program(int *fd, struct fl_err *err)
{
	static const char licence[] = "Apache-2.0";
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insn_cnt = FL_ARRAY_LEN(insns),
		.insns = (uintptr_t)insns,
		.license = (uintptr_t)licence,
	};
	long r = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (r < 0)
		return fl_fail_errno(err, errno, "load a BPF program");
	*fd = (int)r;
	return 0;
}

static int try_bpf(struct fl_err *err)
{
	fl_auto_close int fd = -1;

	return load_program(&fd, err);
}

static int try_tcx(struct fl_err *err)
{
	fl_auto_close int program = -1, link = -1;
	union bpf_attr attr = { 0 };
	int r;

	r = load_program(&program, err);
	if (r < 0)
		return r;
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_ifindex = LOOPBACK;
	attr.link_create.attach_type = TCX_INGRESS;
	link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return link < 0 ? fl_fail_errno(err, errno, "attach a BPF program by tcx") : 0;
}

static const struct feature {
	const char *name, *good, *advice;
	enum doc_state bad;
	int (*try_it)(struct fl_err *err);
} features[] = {
	{ "kernel.veth", "a veth pair can be made", "modprobe veth, or a kernel with CONFIG_VETH",
	  DOC_FAIL, try_veth },
	{ "kernel.vxlan", "a VXLAN device can be made",
	  "modprobe vxlan, or a kernel with CONFIG_VXLAN; modes host-gw and bgp do without",
	  DOC_FAIL, try_vxlan },
	{ "kernel.nf_tables", "a table with a nat chain can be made",
	  "modprobe nf_tables nft_chain_nat; without it there is no masquerade", DOC_FAIL,
	  try_nft },
	{ "kernel.bpf", "a program can be loaded",
	  "a kernel with CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_BPF; only policy needs it", DOC_WARN,
	  try_bpf },
	{ "kernel.tcx", "a program can be attached by tcx",
	  "Linux 6.6 or newer has it; older ones are served by clsact", DOC_WARN, try_tcx },
};

/* In the child: whether there is a namespace, then each feature's result; each whole. */
static int try_all(int report)
{
	struct fl_err ready = { 0 }, err;

	if (unshare(CLONE_NEWNET) < 0)
		(void)fl_fail_errno(&ready, errno, "make a network namespace");
	if (fl_write_all(report, &ready, sizeof(ready), &err) < 0)
		return 1;
	for (size_t i = 0; !ready.sys && i < FL_ARRAY_LEN(features); i++) {
		struct fl_err result = { 0 };

		if (features[i].try_it(&result) == 0)
			result.sys = 0;
		if (fl_write_all(report, &result, sizeof(result), &err) < 0)
			return 1;
	}
	return 0;
}

/* What a child says next; one that has died says nothing more. */
static void hear(int from, struct fl_err *out)
{
	if (read(from, out, sizeof(*out)) != sizeof(*out))
		(void)fl_fail(out, EIO, "who tried it has died");
}

/* Nothing is known of what could not be tried, or may not be. */
static void say_feature(struct doc *d, const struct feature *f, const struct fl_err *ready,
			const struct fl_err *result)
{
	const struct fl_err *why = ready->sys ? ready : result;
	bool forbidden = why->sys == EPERM || why->sys == EACCES;

	if (ready->sys || forbidden || why->sys == EIO)
		doc_say(d, DOC_SKIP, f->name, NULL, "%s%s", why->text,
			forbidden ? ": needs root, with all its capabilities" : "");
	else if (result->sys)
		doc_say(d, f->bad, f->name, f->advice, "%s", result->text);
	else
		doc_say(d, DOC_OK, f->name, NULL, "%s", f->good);
}

static void say_btf(struct doc *d)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		doc_say(d, DOC_OK, "kernel.btf", NULL, "/sys/kernel/btf/vmlinux is there");
	else
		doc_say(d, DOC_WARN, "kernel.btf",
			"a kernel with CONFIG_DEBUG_INFO_BTF; only policy needs it",
			"/sys/kernel/btf/vmlinux: %s", strerror(errno));
}

/* Where the datapath's maps are pinned, unless policy.maps says another place. */
static void say_bpffs(struct doc *d)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		doc_say(d, DOC_OK, "kernel.bpffs", NULL, BPFFS " is mounted");
	else
		doc_say(d, DOC_WARN, "kernel.bpffs",
			"mount -t bpf bpf " BPFFS "; only policy needs it, and not where "
			"policy.maps names another one",
			BPFFS " is no bpf file system");
}

void doc_kernel(struct doc *d)
{
	fl_auto_close int from = -1, to = -1;
	struct fl_err ready = { 0 }, result = { 0 };
	int pipe_fds[2];
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return doc_say(d, DOC_SKIP, "kernel", NULL, "make a pipe: %s", strerror(errno));
	from = pipe_fds[0];
	to = pipe_fds[1];
	child = fork();
	if (child < 0)
		return doc_say(d, DOC_SKIP, "kernel", NULL, "fork: %s", strerror(errno));
	if (child == 0)
		_exit(try_all(to));
	fl_close_p(&to);
	hear(from, &ready);
	for (size_t i = 0; i < FL_ARRAY_LEN(features); i++) {
		if (!ready.sys)
			hear(from, &result);
		say_feature(d, &features[i], &ready, &result);
	}
	(void)waitpid(child, NULL, 0);
	say_btf(d);
	say_bpffs(d);
}
