// SPDX-License-Identifier: Apache-2.0
/* Environment variables and the default paths. */
#include "runtime/env.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"

void berth_env_done(struct berth_env *env)
{
	fl_json_free(&env->args);
	fl_json_free(&env->caps);
	*env = (struct berth_env){ 0 };
}

static const char *get(const char *name, const char *otherwise)
{
	const char *v = getenv(name);

	return fl_empty(v) ? otherwise : v;
}

int berth_env_read(struct berth_env *out, struct fl_err *err)
{
	berth_auto_env struct berth_env env = { .cni_path = get("CNI_PATH", "/opt/cni/bin"),
						.ifname = get("CNI_IFNAME", "eth0") };
	const char *root = get("FAIRLEAD_ROOT", "");
	const char *conf = get("NETCONFPATH", NULL);
	const struct {
		char *out;
		const char *path;
	} paths[] = { { env.conf_dir, "/etc/cni/net.d" },
		      { env.cache_dir, "/var/lib/cni/results" },
		      { env.run_dir, "/run/berth" },
		      { env.lock_dir, "/run/berth/.locks" } };
	int r;

	if (*root && *root != '/')
		return fl_fail(err, EINVAL, "FAIRLEAD_ROOT: '%s' is not an absolute path", root);
	for (size_t i = 0; i < FL_ARRAY_LEN(paths); i++) {
		r = fl_format(paths[i].out, PATH_MAX, err, "%s%s", root, paths[i].path);
		if (r < 0)
			return fl_wrap(err, r, "FAIRLEAD_ROOT");
	}
	env.cni_path_given = !fl_empty(getenv("CNI_PATH"));
	if (conf) {
		r = fl_copy(env.conf_dir, sizeof(env.conf_dir), conf, err);
		if (r < 0)
			return fl_wrap(err, r, "NETCONFPATH");
	}
	r = berth_args_parse(getenv("CNI_ARGS"), &env.args, err);
	if (r < 0)
		return r;
	r = berth_caps_parse(getenv("CAP_ARGS"), &env.caps, err);
	if (r < 0)
		return r;
	*out = env;
	env.args = env.caps = NULL;
	return 0;
}

struct berth_driver berth_env_driver(const struct berth_env *env, int keep_fd)
{
	return (struct berth_driver){ .cni_path = env->cni_path,
				      .cache_dir = env->cache_dir,
				      .lock_dir = env->lock_dir,
				      .keep_fd = keep_fd };
}
