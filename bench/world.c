// SPDX-License-Identifier: Apache-2.0
/* Hosts, pods and the calls that are made there. Namespaces are files below /run/netns. */
#include "world.h"

#include "base/file.h"
#include "base/text.h"
#include "proof.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NETNS_DIR "/run/netns"
#define STORE	  "/var/lib/cni/networks"
#define PATH	  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The resident pod's number, and that of the crowd's first pod: names of their own for each host.
 */
#define RESIDENT 0xffffffffu
#define CROWD	 10000u

/* The yardstick's addresses; the plugins begin at 10.88.0.2 by themselves. */
#define FIRST_ADDR 0x0a588000u /* 10.88.128.0 */

const char *bench_who_name(enum bench_who who)
{
	static const char *const names[] = { "fairlead", "reference", "floor" };

	return names[who];
}

/* Makes a network namespace, kept by a file; *fd may be NULL. This process ends up in it. */
static int make_netns(const char *name, int *fd, struct fl_err *err)
{
	char path[128];
	fl_auto_close int file = -1;

	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	if (mkdir(NETNS_DIR, 0755) < 0 && errno != EEXIST)
		return fl_fail_errno(err, errno, "make '%s'", NETNS_DIR);
	file = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);
	if (file < 0)
		return fl_fail_errno(err, errno, "create '%s'", path);
	if (unshare(CLONE_NEWNET) < 0 ||
	    mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL) < 0)
		return fl_fail_errno(err, errno, "make the namespace '%s'", name);
	if (!fd)
		return 0;
	fl_close_p(&file);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return fl_fail_errno(err, errno, "open '%s'", path);
	*fd = FL_TAKE_FD(file);
	return 0;
}

static void drop_netns(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), NETNS_DIR "/%s", name);
	umount2(path, MNT_DETACH);
	unlink(path);
}

int bench_make_pods(unsigned int n, struct fl_err *err)
{
	static unsigned int made;
	char name[32];
	int r;

	for (; made < n; made++) {
		snprintf(name, sizeof(name), "pod%u", made);
		r = make_netns(name, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int bench_host_enter(const struct bench_host *host, struct fl_err *err)
{
	if (setns(host->netns, CLONE_NEWNET) < 0)
		return fl_fail_errno(err, errno, "enter the host '%s'", host->name);
	return 0;
}

static void conf_make(struct bench_host *host)
{
	bool policy = host->state.policy && host->who == BENCH_OWN;

	snprintf(host->conf, sizeof(host->conf),
		 "{\"cniVersion\":\"%s\",\"name\":\"%s\",\"type\":\"bridge\",\"bridge\":\"cni0\",%s"
		 "\"isGateway\":true,\"isDefaultGateway\":true,\"ipMasq\":%s,"
		 "\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.88.0.0/16\"}]]}}",
		 host->who == BENCH_OWN ? "1.1.0" : "1.0.0", host->network,
		 policy ? "\"agent\":\"required\"," : "", host->state.masq ? "true" : "false");
}

/* Keeps a formatted text in the call. */
static char *say(struct bench_call *call, const char *fmt, ...) fl_printf(2, 3);
static char *say(struct bench_call *call, const char *fmt, ...)
{
	char *at = call->text[call->used++];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(at, sizeof(call->text[0]), fmt, ap);
	va_end(ap);
	return at;
}

static void pod_name(const struct bench_host *host, unsigned int pod, char out[32])
{
	if (pod == RESIDENT)
		snprintf(out, 32, "%s.res", host->name);
	else if (pod >= CROWD)
		snprintf(out, 32, "%s.c%u", host->name, pod - CROWD);
	else
		snprintf(out, 32, "pod%u", pod);
}

static void plugin_call(const struct bench_host *host, const char *verb, const char *pod,
			struct bench_call *call)
{
	const char *dir = host->who == BENCH_OWN ? host->paths->own : host->paths->ref;
	char **e = call->env;

	call->argv[0] = say(call, "%s/bridge", dir);
	*e++ = say(call, "CNI_COMMAND=%s", verb);
	*e++ = say(call, "CNI_CONTAINERID=bench-%s", pod);
	*e++ = say(call, "CNI_NETNS=" NETNS_DIR "/%s", pod);
	*e++ = say(call, "CNI_IFNAME=eth0");
	*e++ = say(call, "CNI_PATH=%s", dir);
	*e++ = say(call, PATH);
	call->cmd.input = host->conf;
}

static void floor_call(struct bench_host *host, const char *verb, const char *pod,
		       unsigned int number, struct bench_call *call)
{
	bool add = !strcmp(verb, "ADD");
	/* One address a pod, so that DEL can name it; the resident pod has the first. */
	unsigned int ip = FIRST_ADDR + 2 + number + 1;
	char **a = call->argv;

	*a++ = say(call, "%s", host->paths->floor);
	if (strcmp(verb, "ADD") && strcmp(verb, "DEL")) {
		*a = say(call, "noop");
		return;
	}
	*a++ = say(call, add ? "add" : "del");
	if (add) {
		*a++ = say(call, NETNS_DIR "/%s", pod);
		*a++ = say(call, "eth0");
	}
	*a++ = say(call, "vf%u", number);
	if (add)
		*a++ = say(call, "cni0");
	*a++ = say(call, "10.88.%u.%u", ip >> 8 & 255, ip & 255);
	if (add) {
		*a++ = say(call, "16");
		*a++ = say(call, "10.88.0.1");
	}
	*a++ = say(call, STORE "/%s/10.88.%u.%u", host->network, ip >> 8 & 255, ip & 255);
	if (host->state.masq)
		*a = say(call, "masq");
}

void bench_call_make(struct bench_host *host, const char *verb, unsigned int pod,
		     struct bench_call *call)
{
	char name[32];

	*call = (struct bench_call){ 0 };
	pod_name(host, pod, name);
	if (host->who == BENCH_FLOOR)
		floor_call(host, verb, name, pod, call);
	else
		plugin_call(host, verb, name, call);
	call->cmd.argv = call->argv;
	call->cmd.env = call->env;
}

/* Runs "setup.sh VERB NUMBER" on the host. */
static int set_up(const struct bench_host *host, const char *verb, unsigned int number,
		  struct fl_err *err)
{
	char count[16], path[] = PATH, own[256];
	char *argv[] = { (char *)"/bin/sh",
			 (char *)host->paths->setup,
			 (char *)verb,
			 (char *)host->name,
			 (char *)host->network,
			 count,
			 NULL };
	char *env[] = { path, own, NULL };
	struct bench_cmd cmd = { .argv = argv, .env = env };
	bench_auto_run struct bench_run run = { 0 };
	int r;

	snprintf(count, sizeof(count), "%u", number);
	snprintf(own, sizeof(own), "BENCH_OWN=%s", host->paths->own);
	r = bench_prepare(&cmd, &run, err);
	if (r < 0)
		return r;
	r = bench_exec(&run, err);
	return r < 0 ? fl_wrap(err, r, "set up '%s' of '%s'", verb, host->name) : 0;
}

static int count_links(unsigned int *out, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	size_t len;
	int r;

	r = fl_read_file(AT_FDCWD, "/proc/thread-self/net/dev", 4u << 20, &text, &len, err);
	if (r < 0)
		return r;
	*out = 0;
	for (const char *p = text; (p = strchr(p, ':')); p++)
		++*out;
	return 0;
}

int bench_host_is_clean(const struct bench_host *host, struct fl_err *err)
{
	unsigned int links;
	int r;

	r = bench_host_enter(host, err);
	if (r < 0)
		return r;
	r = count_links(&links, err);
	if (r < 0)
		return r;
	if (links != host->links)
		return fl_fail(err, EPROTO, "host '%s' has %u links, expected %u", host->name,
			       links, host->links);
	return 0;
}

/* Makes a pod that stays. */
static int attach(struct bench_host *host, unsigned int number, struct fl_err *err)
{
	struct bench_call call;
	bench_auto_run struct bench_run run = { 0 };
	char pod[32];
	int r;

	pod_name(host, number, pod);
	r = make_netns(pod, NULL, err);
	if (r < 0)
		return r;
	r = bench_host_enter(host, err);
	if (r < 0)
		return r;
	bench_call_make(host, "ADD", number, &call);
	r = bench_prepare(&call.cmd, &run, err);
	if (r < 0)
		return r;
	return bench_exec(&run, err);
}

/*
 * The crowd is made by the contender itself. Only the reference, to which this would take minutes,
 * gets bare interfaces, without the leases and chains that it would have to search.
 */
static int attach_crowd(struct bench_host *host, struct fl_err *err)
{
	int r = 0;

	if (host->who == BENCH_REF)
		return set_up(host, "crowd", host->state.crowd, err);
	for (unsigned int i = 0; r == 0 && i < host->state.crowd; i++)
		r = attach(host, CROWD + i, err);
	return r;
}

static int populate(struct bench_host *host, struct fl_err *err)
{
	const struct bench_state *s = &host->state;
	int r;

	r = set_up(host, "base", 0, err);
	if (r == 0 && host->who == BENCH_FLOOR)
		r = set_up(host, "floor", s->masq, err);
	if (r == 0 && s->leases)
		r = set_up(host, "leases", s->leases, err);
	if (r == 0 && s->chains)
		r = set_up(host, "chains", s->chains, err);
	if (r == 0 && s->policy && host->who == BENCH_OWN)
		r = set_up(host, "agent", 0, err);
	if (r == 0)
		r = attach(host, RESIDENT, err);
	if (r == 0 && s->crowd)
		r = attach_crowd(host, err);
	return r;
}

int bench_host_open(struct bench_host *host, enum bench_who who, const struct bench_state *state,
		    const struct bench_paths *paths, struct fl_err *err)
{
	static unsigned int number;
	char name[32], pod[32];
	int r;

	*host = (struct bench_host){ .who = who, .state = *state, .paths = paths, .netns = -1 };
	snprintf(host->name, sizeof(host->name), "host%u", number++);
	snprintf(host->network, sizeof(host->network), "%s-%s", bench_who_name(who), host->name);
	conf_make(host);
	snprintf(name, sizeof(name), "%s.out", host->name);
	r = make_netns(name, NULL, err);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%s.crowd", host->name);
	r = make_netns(name, NULL, err);
	if (r < 0)
		return r;
	r = make_netns(host->name, &host->netns, err);
	if (r < 0)
		return r;
	r = populate(host, err);
	if (r < 0)
		return fl_wrap(err, r, "%s", host->network);
	pod_name(host, RESIDENT, pod);
	snprintf(name, sizeof(name), "%s.out", host->name);
	r = bench_prove(pod, name, state->masq, err);
	if (r < 0)
		return fl_wrap(err, r, "%s", host->network);
	r = bench_host_enter(host, err);
	if (r < 0)
		return r;
	return count_links(&host->links, err);
}

void bench_host_close(struct bench_host *host)
{
	static const char *const kinds[] = { "", ".out", ".crowd", ".res" };
	char name[32];

	if (host->netns < 0)
		return;
	fl_close_p(&host->netns);
	for (size_t i = 0; i < FL_ARRAY_LEN(kinds); i++) {
		snprintf(name, sizeof(name), "%s%s", host->name, kinds[i]);
		drop_netns(name);
	}
	for (unsigned int i = 0; host->who != BENCH_REF && i < host->state.crowd; i++) {
		pod_name(host, CROWD + i, name);
		drop_netns(name);
	}
}
