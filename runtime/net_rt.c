// SPDX-License-Identifier: Apache-2.0
/* Requests and cache entries. Pure. */
#include "runtime/net_rt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cni/code.h"
#include "cni/result.h"
#include "runtime/base64.h"

#define CACHE_KIND "cniCacheV1"

static int no_memory(struct fl_err *err, const char *what)
{
	return fl_fail_errno(err, ENOMEM, "%s", what);
}

int berth_args_parse(const char *text, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *list = NULL;
	fl_auto_free char *copy = NULL;
	char *rest, *pair;

	if (fl_empty(text))
		return 0;
	copy = strdup(text);
	list = fl_json_array();
	if (!copy || !list)
		return no_memory(err, "read CNI_ARGS");
	for (rest = copy; (pair = strsep(&rest, ";"));) {
		fl_auto_json struct fl_json *kv = fl_json_array();
		char *eq = strchr(pair, '=');

		if (!eq || eq == pair || !eq[1] || strchr(eq + 1, '='))
			return fl_class(err,
					fl_fail(err, EINVAL,
						"CNI_ARGS: '%s' is not of the form KEY=VALUE",
						pair),
					FL_CNI_ENV);
		*eq = '\0';
		if (fl_json_append(kv, fl_json_new_str(pair)) < 0 ||
		    fl_json_append(kv, fl_json_new_str(eq + 1)) < 0 ||
		    fl_json_append(list, FL_TAKE(kv)) < 0)
			return no_memory(err, "read CNI_ARGS");
	}
	*out = FL_TAKE(list);
	return 0;
}

int berth_args_text(const struct fl_json *args, char **out, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	size_t size = 0, n = fl_json_len(args);
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return no_memory(err, "write CNI_ARGS");
	for (size_t i = 0; i < n; i++) {
		const struct fl_json *kv = fl_json_at(args, i);
		const char *k = fl_json_str(fl_json_at(kv, 0));
		const char *v = fl_json_str(fl_json_at(kv, 1));

		(void)fprintf(f, "%s%s=%s", i ? ";" : "", k ? k : "", v ? v : "");
	}
	if (fclose(f) != 0)
		return no_memory(err, "write CNI_ARGS");
	*out = FL_TAKE(text);
	return 0;
}

int berth_caps_parse(const char *text, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *caps = NULL;
	struct fl_cur c = { 0 };
	int r;

	if (fl_empty(text))
		return 0;
	r = fl_json_parse(text, strlen(text), &caps, err);
	if (r < 0)
		return fl_class(err, fl_wrap(err, r, "CAP_ARGS"), FL_CNI_ENV);
	c = fl_cur_root(caps, "CAP_ARGS");
	r = fl_cur_as_obj(&c, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_ENV);
	*out = FL_TAKE(caps);
	return 0;
}

/* Declared by the plugin and supplied by the runtime; nothing in common: *out stays NULL. */
static int runtime_config(const struct fl_json *plugin, const struct fl_json *caps,
			  struct fl_json **out, struct fl_err *err)
{
	const struct fl_json *declared = fl_json_get(plugin, "capabilities");
	fl_auto_json struct fl_json *rc = fl_json_object();
	struct fl_json *v = NULL, *given = NULL;
	const char *key = NULL;

	if (!rc)
		return no_memory(err, "build a request");
	while (declared && (key = fl_json_next(declared, key, &v))) {
		given = fl_json_true(v) ? fl_json_get(caps, key) : NULL;
		if (given && fl_json_set(rc, key, fl_json_copy(given)) < 0)
			return no_memory(err, "build a request");
	}
	if (fl_json_len(rc) > 0)
		*out = FL_TAKE(rc);
	return 0;
}

int berth_request(const struct berth_list *list, size_t i, const struct fl_json *prev,
		  const struct berth_rt *rt, struct fl_json **out, struct fl_err *err)
{
	const struct fl_json *plugin = fl_json_at(list->plugins, i);
	fl_auto_json struct fl_json *req = fl_json_copy(plugin), *rc = NULL;
	int r;

	if (!req || fl_json_set_str(req, "name", list->name) < 0 ||
	    fl_json_set_str(req, "cniVersion", list->version_text) < 0)
		return no_memory(err, "build a request");
	if (prev && fl_json_set(req, "prevResult", fl_json_copy(prev)) < 0)
		return no_memory(err, "build a request");
	if (rt) {
		r = runtime_config(plugin, rt->caps, &rc, err);
		if (r < 0)
			return r;
	}
	if (rc && fl_json_set(req, "runtimeConfig", FL_TAKE(rc)) < 0)
		return no_memory(err, "build a request");
	*out = FL_TAKE(req);
	return 0;
}

int berth_result_convert(const struct fl_json *result, const struct berth_list *list,
			 struct fl_json **out, struct fl_err *err)
{
	const char *text = fl_json_str(fl_json_get(result, "cniVersion"));
	fl_auto_cni_result struct fl_cni_result res = { 0 };
	fl_auto_json struct fl_json *same = NULL;
	enum fl_cni_version version = list->version;
	struct fl_cur c = fl_cur_root(result, "result");
	int r;

	r = fl_cur_as_obj(&c, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_DECODE);
	if (!fl_empty(text)) {
		r = fl_cni_version_parse(text, &version, err);
		if (r < 0)
			return fl_wrap(err, r, "result");
	}
	if (version == list->version) {
		same = fl_json_copy(result);
		if (!same || (fl_empty(text) && fl_json_set_str(same, "cniVersion",
								fl_cni_version_text(version)) < 0))
			return no_memory(err, "copy a result");
		*out = FL_TAKE(same);
		return 0;
	}
	r = fl_cni_result_read(&c, version, &res, err);
	if (r < 0)
		return r;
	return fl_cni_result_write(&res, list->version, out, err);
}

int berth_cache_entry(const struct berth_list *list, const struct berth_rt *rt,
		      const struct fl_json *result, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *e = fl_json_object();
	fl_auto_free char *config = berth_base64(list->bytes, strlen(list->bytes));
	int r;

	if (!e || !config)
		return no_memory(err, "build a cache entry");
	r = fl_json_set_str(e, "kind", CACHE_KIND)
		    ?: fl_json_set_str(e, "containerId", rt->id)
		    ?: fl_json_set_str(e, "config", config)
		    ?: fl_json_set_str(e, "ifName", rt->ifname)
		    ?: fl_json_set_str(e, "networkName", list->name);
	if (r == 0 && !fl_empty(rt->netns))
		r = fl_json_set_str(e, "netns", rt->netns);
	if (r == 0 && fl_json_len(rt->args) > 0)
		r = fl_json_set(e, "cniArgs", fl_json_copy(rt->args));
	if (r == 0 && fl_json_len(rt->caps) > 0)
		r = fl_json_set(e, "capabilityArgs", fl_json_copy(rt->caps));
	if (r == 0)
		r = fl_json_set(e, "result", fl_json_copy(result));
	if (r < 0)
		return no_memory(err, "build a cache entry");
	*out = FL_TAKE(e);
	return 0;
}

static bool is_v1(const struct fl_json *entry)
{
	return fl_streq(fl_json_str(fl_json_get(entry, "kind")), CACHE_KIND);
}

int berth_cache_result(const struct fl_json *entry, const struct fl_json **out, struct fl_err *err)
{
	const struct fl_json *result = is_v1(entry) ? fl_json_get(entry, "result") : entry;

	if (fl_json_type(result) != FL_JSON_OBJECT)
		return fl_fail(err, EINVAL, "cached result is not an object");
	if (result == entry && !fl_json_get(entry, "cniVersion"))
		return fl_fail(err, EINVAL, "cached result is of no known kind");
	*out = result;
	return 0;
}

int berth_cache_attachment(const struct fl_json *entry, const char **network, struct berth_rt *out,
			   struct fl_err *err)
{
	struct berth_rt rt = { .netns = "" };
	struct fl_cur c = fl_cur_root(entry, "cache entry"), args = { 0 }, caps = { 0 };
	const char *name = NULL;
	int r;

	if (!is_v1(entry))
		return fl_fail(err, EINVAL, "cache entry is of no known kind");
	r = fl_cur_str(&c, "networkName", FL_REQUIRED, &name, err);
	if (r >= 0)
		r = fl_cur_str(&c, "containerId", FL_REQUIRED, &rt.id, err);
	if (r >= 0)
		r = fl_cur_str(&c, "ifName", FL_REQUIRED, &rt.ifname, err);
	if (r >= 0)
		r = fl_cur_str(&c, "netns", FL_OPTIONAL, &rt.netns, err);
	if (r >= 0)
		r = fl_cur_arr(&c, "cniArgs", FL_OPTIONAL, &args, err);
	if (r >= 0)
		r = fl_cur_obj(&c, "capabilityArgs", FL_OPTIONAL, &caps, err);
	if (r < 0)
		return r;
	rt.args = args.v;
	rt.caps = caps.v;
	*network = name;
	*out = rt;
	return 0;
}
