// SPDX-License-Identifier: Apache-2.0
/* berth run and berth exec: options, environment of the command. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/text.h"
#include "cni/name.h"
#include "runtime/cmd.h"
#include "runtime/container.h"
#include "runtime/net_load.h"

#define NETS_MAX 32 /* networks of one container */
#define HOST_MAX 64 /* bytes of a host name: the kernel's limit */

#define USAGE_RUN                                                                  \
	"berth run [--net NAME|FILE]... [--rootfs DIR] [--name ID] [-d|--detach] " \
	"[--hostname H] [--env K=V]... -- CMD..."
#define USAGE_EXEC "berth exec [--env K=V]... ID -- CMD..."

/* A NULL-terminated list of owned texts. */
struct vars {
	char **v;
	size_t n;
};

static void vars_done(struct vars *vars)
{
	for (size_t i = 0; i < vars->n; i++)
		fl_free_p(&vars->v[i]);
	fl_free_p(&vars->v);
}

/* Sets K of "K=V", replacing an earlier value. */
static int vars_set(struct vars *vars, const char *kv, struct fl_err *err)
{
	const char *eq = strchr(kv, '=');
	fl_auto_free char *copy = strdup(kv);
	char **v = realloc(vars->v, (vars->n + 2) * sizeof(*v));

	if (v)
		vars->v = v;
	if (!v || !copy)
		return fl_fail_errno(err, ENOMEM, "set a variable");
	if (!eq || eq == kv)
		return fl_fail(err, EINVAL, "--env: '%s' is not of the form K=V", kv);
	for (size_t i = 0; i < vars->n; i++)
		if (strncmp(v[i], kv, (size_t)(eq - kv) + 1) == 0) {
			fl_free_p(&v[i]);
			v[i] = FL_TAKE(copy);
			return 0;
		}
	v[vars->n++] = FL_TAKE(copy);
	v[vars->n] = NULL;
	return 0;
}

static int vars_default(struct vars *vars, struct fl_err *err)
{
	static const char *const defaults[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"container=berth",
	};
	const char *term = getenv("TERM");
	char text[256];
	int r;

	for (size_t i = 0; i < FL_ARRAY_LEN(defaults); i++) {
		r = vars_set(vars, defaults[i], err);
		if (r < 0)
			return r;
	}
	if (fl_empty(term) || fl_format(text, sizeof(text), err, "TERM=%s", term) < 0)
		return 0;
	return vars_set(vars, text, err);
}

struct run_args {
	struct berth_run run;
	struct vars env;
	struct berth_list nets[NETS_MAX];
	char id[16], hostname[HOST_MAX + 1], rootfs[PATH_MAX];
};

static void run_args_done(struct run_args *a)
{
	vars_done(&a->env);
	for (size_t i = 0; i < a->run.n_nets; i++)
		berth_list_done(&a->nets[i]);
}

static int add_net(const struct berth_env *env, const char *name, struct run_args *a,
		   struct fl_err *err)
{
	int r;

	if (a->run.n_nets == NETS_MAX)
		return fl_fail(err, EINVAL, "--net: more than %d networks", NETS_MAX);
	r = berth_list_load(name, env->conf_dir, &a->nets[a->run.n_nets], err);
	if (r < 0)
		return fl_wrap(err, r, "--net");
	a->run.n_nets++;
	return 0;
}

static int set_rootfs(const char *path, struct run_args *a, struct fl_err *err)
{
	struct stat st;

	if (!realpath(path, a->rootfs))
		return fl_fail_errno(err, errno, "--rootfs: '%s'", path);
	if (stat(a->rootfs, &st) < 0 || !S_ISDIR(st.st_mode))
		return fl_fail(err, ENOTDIR, "--rootfs: '%s' is not a folder", path);
	a->run.rootfs = a->rootfs;
	return 0;
}

static int option(const struct berth_env *env, int c, struct run_args *a, struct fl_err *err)
{
	int r = 0;

	switch (c) {
	case 'n':
		return add_net(env, optarg, a, err);
	case 'r':
		return set_rootfs(optarg, a, err);
	case 'i':
		a->run.id = optarg;
		return fl_cni_check_container_id(optarg, err);
	case 'd':
		a->run.detach = true;
		return 0;
	case 'h':
		r = fl_copy(a->hostname, sizeof(a->hostname), optarg, err);
		return r < 0 ? fl_wrap(err, r, "--hostname") : 0;
	case 'e':
		return vars_set(&a->env, optarg, err);
	default:
		return berth_usage(err, USAGE_RUN);
	}
}

/* An id of twelve hexadecimal digits, and the id as the host name, as far as it fits. */
static int set_defaults(struct run_args *a, struct fl_err *err)
{
	uint8_t random[6];

	if (!a->run.id) {
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			return fl_fail_errno(err, errno, "make an id");
		for (size_t i = 0; i < sizeof(random); i++)
			(void)snprintf(a->id + 2 * i, 3, "%02x", random[i]);
		a->run.id = a->id;
	}
	if (!*a->hostname)
		(void)snprintf(a->hostname, sizeof(a->hostname), "%s", a->run.id);
	a->run.hostname = a->hostname;
	a->run.env = a->env.v;
	a->run.nets = a->nets;
	return 0;
}

int berth_cmd_run(const struct berth_env *env, int argc, char **argv, struct fl_err *err)
{
	static const struct option options[] = { { "net", required_argument, NULL, 'n' },
						 { "rootfs", required_argument, NULL, 'r' },
						 { "name", required_argument, NULL, 'i' },
						 { "detach", no_argument, NULL, 'd' },
						 { "hostname", required_argument, NULL, 'h' },
						 { "env", required_argument, NULL, 'e' },
						 { 0 } };
	fl_auto(run_args_done) struct run_args a = { 0 };
	int c, r;

	r = vars_default(&a.env, err);
	while (r == 0 && (c = getopt_long(argc, argv, "+d", options, NULL)) != -1)
		r = option(env, c, &a, err);
	if (r < 0) {
		err->code = 0;
		return r;
	}
	if (optind == argc)
		return berth_usage(err, USAGE_RUN);
	a.run.argv = argv + optind;
	r = set_defaults(&a, err);
	if (r < 0)
		return r;
	r = berth_container_run(env, &a.run, err);
	if (r == 0 && a.run.detach)
		(void)puts(a.run.id);
	return r;
}

int berth_cmd_exec(const struct berth_env *env, int argc, char **argv, struct fl_err *err)
{
	static const struct option options[] = { { "env", required_argument, NULL, 'e' }, { 0 } };
	berth_auto_state struct berth_state s = { 0 };
	fl_auto(vars_done) struct vars vars = { 0 }, given = { 0 };
	fl_auto_close int dir = -1;
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "+", options, NULL)) != -1)
		r = c == 'e' ? vars_set(&given, optarg, err) : berth_usage(err, USAGE_EXEC);
	if (r < 0)
		return r;
	argc -= optind;
	argv += optind;
	if (argc > 1 && fl_streq(argv[1], "--")) {
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	if (argc < 2)
		return berth_usage(err, USAGE_EXEC);
	r = fl_cni_check_container_id(argv[0], err);
	if (r == 0)
		r = berth_state_open(env, argv[0], 0, &dir, err);
	if (r == 0)
		r = berth_state_load(dir, &s, err);
	for (size_t i = 0; r == 0 && i < fl_json_len(s.env); i++)
		r = vars_set(&vars, fl_json_str(fl_json_at(s.env, i)) ?: "", err);
	for (size_t i = 0; r == 0 && i < given.n; i++)
		r = vars_set(&vars, given.v[i], err);
	if (r < 0) {
		err->code = 0;
		return r;
	}
	return berth_container_exec(&s, argv + 1, vars.v, err);
}
