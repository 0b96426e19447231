// SPDX-License-Identifier: Apache-2.0
/* berth list and berth delete. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "cni/name.h"
#include "cni/result.h"
#include "runtime/cmd.h"
#include "runtime/container.h"

#define USAGE_LIST   "berth list [-o table|json]"
#define USAGE_DELETE "berth delete [--force] ID"

/* A plugin that a killed berth left behind holds the lock until it ends: at most this long. */
#define LOCK_MS 40000

/* The addresses of a result, of whatever version, as texts. */
static int addresses(const struct fl_json *result, struct fl_json *out, struct fl_err *err)
{
	fl_auto_cni_result struct fl_cni_result res = { 0 };
	struct fl_cur c = fl_cur_root(result, "result");
	char text[FL_PREFIX_STR];
	int r;

	if (!result)
		return 0;
	r = fl_cni_result_read(&c, FL_CNI_NEWEST, &res, err);
	for (size_t i = 0; r == 0 && i < res.n_ips; i++)
		if (fl_json_append(
			    out, fl_json_new_str(fl_prefix_format(&res.ips[i].address, text))) < 0)
			r = fl_fail_errno(err, ENOMEM, "list addresses");
	return r;
}

static int describe_nets(const struct berth_state *s, struct fl_json *out, struct fl_err *err)
{
	fl_auto_json struct fl_json *nets = fl_json_array();
	int r;

	for (size_t i = 0; i < fl_json_len(s->networks); i++) {
		const struct fl_json *from = fl_json_at(s->networks, i);
		fl_auto_json struct fl_json *net = fl_json_object(), *ips = fl_json_array();

		if (!nets || !net || !ips)
			return fl_fail_errno(err, ENOMEM, "list networks");
		r = addresses(fl_json_get(from, "result"), ips, err);
		if (r < 0)
			return r;
		if (fl_json_set(net, "name", fl_json_copy(fl_json_get(from, "name"))) < 0 ||
		    fl_json_set(net, "ifname", fl_json_copy(fl_json_get(from, "ifname"))) < 0 ||
		    fl_json_set(net, "ips", FL_TAKE(ips)) < 0 ||
		    fl_json_append(nets, FL_TAKE(net)) < 0)
			return fl_fail_errno(err, ENOMEM, "list networks");
	}
	if (fl_json_set(out, "networks", FL_TAKE(nets)) < 0)
		return fl_fail_errno(err, ENOMEM, "list networks");
	return 0;
}

/* created: made, its command not started; running; stopped: init has ended, or never was. */
static int status_of(const struct berth_state *s, const char **out, struct fl_err *err)
{
	fl_auto_close int pidfd = -1;
	int r = berth_container_open(s, &pidfd, err);

	if (r < 0 && r != -ESRCH)
		return r;
	*out = r < 0 ? "stopped" : s->started ? "running" : "created";
	return 0;
}

static int describe(const struct berth_env *env, const char *id, struct fl_json *out,
		    struct fl_err *err)
{
	static const char *const copied[] = { "created", "hostname", "rootfs", "command" };
	berth_auto_state struct berth_state s = { 0 };
	fl_auto_close int dir = -1;
	const char *status = NULL;
	char netns[PATH_MAX];
	int r;

	r = berth_state_open(env, id, 0, &dir, err);
	if (r == 0)
		r = berth_state_load(dir, &s, err);
	if (r < 0)
		return r;
	r = berth_state_netns(env, id, netns, err) ?: status_of(&s, &status, err);
	if (r < 0)
		return r;
	r = fl_json_set_str(out, "id", id)
		    ?: fl_json_set_int(out, "pid", s.pid)
		    ?: fl_json_set_str(out, "status", status)
		    ?: fl_json_set_str(out, "netns", netns);
	for (size_t i = 0; r == 0 && i < FL_ARRAY_LEN(copied); i++) {
		const struct fl_json *v = fl_json_get(s.doc, copied[i]);

		if (v)
			r = fl_json_set(out, copied[i], fl_json_copy(v));
	}
	if (r < 0)
		return fl_fail_errno(err, ENOMEM, "list containers");
	return describe_nets(&s, out, err);
}

struct listing {
	const struct berth_env *env;
	struct fl_json *list;
};

/* One that is just being made or removed has no state, and is shown with what is known. */
static int list_one(void *arg, const char *id, struct fl_err *err)
{
	struct listing *l = arg;
	fl_auto_json struct fl_json *one = fl_json_object();
	struct fl_err why = { 0 };
	int r;

	if (!one)
		return fl_fail_errno(err, ENOMEM, "list containers");
	r = describe(l->env, id, one, &why);
	if (r < 0 && r != -ENOENT)
		fl_warn("container '%s': %s", id, why.text);
	if (r < 0 && (fl_json_set_str(one, "id", id) < 0 ||
		      fl_json_set_str(one, "status", r == -ENOENT ? "incomplete" : "broken") < 0))
		return fl_fail_errno(err, ENOMEM, "list containers");
	if (fl_json_append(l->list, FL_TAKE(one)) < 0)
		return fl_fail_errno(err, ENOMEM, "list containers");
	return 0;
}

static void print_table(const struct fl_json *list)
{
	(void)printf("%-24s %-8s %-10s %s\n", "ID", "PID", "STATUS", "NETWORKS");
	for (size_t i = 0; i < fl_json_len(list); i++) {
		const struct fl_json *c = fl_json_at(list, i);
		const struct fl_json *nets = fl_json_get(c, "networks");

		(void)printf("%-24s %-8lld %-10s", fl_json_str(fl_json_get(c, "id")),
			     (long long)fl_json_int(fl_json_get(c, "pid")),
			     fl_json_str(fl_json_get(c, "status")));
		for (size_t k = 0; k < fl_json_len(nets); k++) {
			const struct fl_json *net = fl_json_at(nets, k);
			const struct fl_json *ips = fl_json_get(net, "ips");

			(void)printf(" %s:%s", fl_json_str(fl_json_get(net, "ifname")),
				     fl_json_str(fl_json_get(net, "name")));
			for (size_t n = 0; n < fl_json_len(ips); n++)
				(void)printf("%c%s", n ? ',' : '=',
					     fl_json_str(fl_json_at(ips, n)));
		}
		(void)putchar('\n');
	}
}

int berth_cmd_list(const struct berth_env *env, int argc, char **argv, struct fl_err *err)
{
	fl_auto_json struct fl_json *list = fl_json_array();
	struct listing l = { env, list };
	fl_auto_free char *text = NULL;
	bool json = false;
	int c, r;

	while ((c = getopt(argc, argv, "o:")) != -1) {
		if (c != 'o' || (!fl_streq(optarg, "json") && !fl_streq(optarg, "table")))
			return berth_usage(err, USAGE_LIST);
		json = fl_streq(optarg, "json");
	}
	if (optind != argc)
		return berth_usage(err, USAGE_LIST);
	if (!list)
		return fl_fail_errno(err, ENOMEM, "list containers");
	r = berth_state_each(env, list_one, &l, err);
	if (r < 0)
		return r;
	r = json ? fl_json_print(list, 2, &text, err) : 0;
	if (r < 0)
		return r;
	if (json)
		(void)puts(text);
	else
		print_table(list);
	if (fflush(stdout) != 0 || ferror(stdout))
		return fl_fail_errno(err, errno, "write standard output");
	return 0;
}

int berth_cmd_delete(const struct berth_env *env, int argc, char **argv, struct fl_err *err)
{
	static const struct option options[] = { { "force", no_argument, NULL, 'f' }, { 0 } };
	fl_auto_close int dir = -1;
	bool force = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "f", options, NULL)) != -1) {
		if (c != 'f')
			return berth_usage(err, USAGE_DELETE);
		force = true;
	}
	if (optind + 1 != argc)
		return berth_usage(err, USAGE_DELETE);
	r = fl_cni_check_container_id(argv[optind], err);
	if (r == 0)
		r = berth_state_open(env, argv[optind], LOCK_MS, &dir, err);
	if (r == -ENOENT && force)
		return 0;
	return r < 0 ? r : berth_container_delete(env, argv[optind], dir, force, err);
}
