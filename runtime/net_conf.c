// SPDX-License-Identifier: Apache-2.0
/* Parsing of configuration lists. Pure. */
#include "runtime/net_conf.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cni/code.h"
#include "cni/name.h"
#include "json/cur.h"

void berth_list_done(struct berth_list *list)
{
	fl_free_p(&list->bytes);
	fl_json_free(&list->tree);
	*list = (struct berth_list){ 0 };
}

/* A boolean, which libcni also takes as the text "true" or "false", in any case. */
static int read_flag(const struct fl_cur *c, const char *key, bool *out, struct fl_err *err)
{
	const char *text = fl_json_str(fl_json_get(c->v, key));
	struct fl_cur at = fl_cur_member(c, key);
	int r;

	if (!text) {
		r = fl_cur_bool(c, key, FL_OPTIONAL, out, err);
		return r < 0 ? r : 0;
	}
	if (strcasecmp(text, "true") == 0)
		*out = true;
	else if (strcasecmp(text, "false") == 0)
		*out = false;
	else
		return fl_cur_fail(&at, err, "'%s' is neither true nor false", text);
	return 0;
}

/* Takes the higher of *best and what text says; a version newer than ours is passed over. */
static int offer_version(const char *text, bool *have, enum fl_cni_version *best,
			 struct fl_err *err)
{
	enum fl_cni_version v = FL_CNI_V0_1_0;
	int r;

	r = fl_cni_version_parse(text, &v, err);
	if (r < 0 && err->code == FL_CNI_VERSION)
		return 0;
	if (r < 0)
		return r;
	if (!*have || v > *best)
		*best = v;
	*have = true;
	return 0;
}

/* The highest of "cniVersions" and "cniVersion" that we speak. */
static int pick_version(const struct fl_cur *c, struct berth_list *list, struct fl_err *err)
{
	enum fl_cni_version best = FL_CNI_V0_1_0;
	struct fl_cur many = { 0 };
	bool have = false;
	int r, found;

	list->version_text = "";
	r = fl_cur_str(c, "cniVersion", FL_OPTIONAL, &list->version_text, err);
	if (r < 0)
		return r;
	found = fl_cur_arr(c, "cniVersions", FL_OPTIONAL, &many, err);
	if (found < 0)
		return found;
	for (size_t i = 0; found && i < fl_json_len(many.v); i++) {
		struct fl_cur at = fl_cur_at(&many, i);
		const char *text = NULL;

		r = fl_cur_as_str(&at, &text, err);
		if (r < 0)
			return r;
		r = offer_version(text, &have, &best, err);
		if (r < 0)
			return fl_cur_wrap(&at, err, r);
	}
	if (have && !fl_empty(list->version_text)) {
		r = offer_version(list->version_text, &have, &best, err);
		if (r < 0)
			return r;
	}
	if (have) {
		list->version = best;
		list->version_text = fl_cni_version_text(best);
		return 0;
	}
	/* Not spoken: no reason to stop a search for another network; berth_list_check() says so.
	 */
	if (fl_cni_version_parse(list->version_text, &list->version, err) < 0)
		list->version = FL_CNI_VERSIONS;
	return 0;
}

/* What libcni itself reads of a plugin's object; the rest is the plugin's. */
static int check_plugin(const struct fl_cur *c, struct fl_err *err)
{
	const char *type = NULL, *key = NULL;
	struct fl_cur caps = { 0 };
	struct fl_json *v = NULL;
	int r;

	r = fl_cur_as_obj(c, err);
	if (r < 0)
		return r;
	r = fl_cur_str(c, "type", FL_REQUIRED, &type, err);
	if (r < 0)
		return r;
	if (fl_empty(type))
		return fl_cur_fail(c, err, "'type' is empty");
	r = fl_cur_obj(c, "capabilities", FL_OPTIONAL, &caps, err);
	if (r <= 0)
		return r;
	while ((key = fl_json_next(caps.v, key, &v))) {
		bool on = false;

		r = fl_cur_bool(&caps, key, FL_OPTIONAL, &on, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_plugins(const struct fl_cur *c, struct berth_list *list, struct fl_err *err)
{
	struct fl_cur arr = { 0 };
	int r;

	r = fl_cur_arr(c, "plugins", list->only_inlined ? FL_REQUIRED : FL_OPTIONAL, &arr, err);
	if (r < 0)
		return list->only_inlined ? fl_wrap(err, r, "loadOnlyInlinedPlugins") : r;
	if (r == 0) {
		r = fl_json_set(list->tree, "plugins", fl_json_array());
		if (r < 0)
			return fl_fail_errno(err, ENOMEM, "read the list");
	}
	for (size_t i = 0; r > 0 && i < fl_json_len(arr.v); i++) {
		struct fl_cur at = fl_cur_at(&arr, i);
		int bad = check_plugin(&at, err);

		if (bad < 0)
			return bad;
	}
	list->plugins = fl_json_get(list->tree, "plugins");
	return 0;
}

/* Fills in what is read from list->tree. */
static int read_list(struct berth_list *list, struct fl_err *err)
{
	struct fl_cur c = fl_cur_root(list->tree, "list");
	int r;

	r = fl_cur_as_obj(&c, err);
	if (r < 0)
		return r;
	r = fl_cur_str(&c, "name", FL_REQUIRED, &list->name, err);
	if (r < 0)
		return r;
	r = pick_version(&c, list, err);
	if (r < 0)
		return r;
	r = read_flag(&c, "disableCheck", &list->disable_check, err);
	if (r < 0)
		return r;
	r = read_flag(&c, "disableGC", &list->disable_gc, err);
	if (r < 0)
		return r;
	r = read_flag(&c, "loadOnlyInlinedPlugins", &list->only_inlined, err);
	if (r < 0)
		return r;
	return read_plugins(&c, list, err);
}

static int finish(struct berth_list *list, struct berth_list *out, struct fl_err *err)
{
	int r = read_list(list, err);

	if (r < 0)
		return fl_class(err, r, FL_CNI_CONFIG);
	*out = *list;
	*list = (struct berth_list){ 0 };
	return 0;
}

int berth_list_parse(const char *text, size_t len, struct berth_list *out, struct fl_err *err)
{
	berth_auto_list struct berth_list list = { 0 };
	int r;

	r = fl_json_parse(text, len, &list.tree, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_DECODE);
	list.bytes = strndup(text, len);
	if (!list.bytes)
		return fl_fail_errno(err, ENOMEM, "read the list");
	return finish(&list, out, err);
}

int berth_list_from_tree(const struct fl_json *tree, struct berth_list *out, struct fl_err *err)
{
	berth_auto_list struct berth_list list = { .tree = fl_json_copy(tree) };
	int r;

	if (!list.tree)
		return fl_fail_errno(err, ENOMEM, "copy the list");
	r = fl_json_print(list.tree, 0, &list.bytes, err);
	if (r < 0)
		return r;
	return finish(&list, out, err);
}

/* A plugin's configuration by itself; *out is the caller's. */
static int parse_plugin(const char *text, size_t len, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *conf = NULL;
	struct fl_cur c;
	int r = fl_json_parse(text, len, &conf, err);

	if (r < 0)
		return fl_class(err, r, FL_CNI_DECODE);
	c = fl_cur_root(conf, "config");
	r = check_plugin(&c, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_CONFIG);
	*out = FL_TAKE(conf);
	return 0;
}

int berth_list_parse_single(const char *text, size_t len, struct berth_list *out,
			    struct fl_err *err)
{
	fl_auto_json struct fl_json *conf = NULL, *list = NULL, *plugins = NULL;
	const char *name = "", *version = "";
	struct fl_cur c;
	int r = parse_plugin(text, len, &conf, err);

	if (r < 0)
		return r;
	c = fl_cur_root(conf, "config");
	r = fl_cur_str(&c, "name", FL_OPTIONAL, &name, err);
	if (r >= 0)
		r = fl_cur_str(&c, "cniVersion", FL_OPTIONAL, &version, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_CONFIG);

	list = fl_json_object();
	plugins = fl_json_array();
	if (!list || !plugins || fl_json_set_str(list, "name", name) < 0 ||
	    fl_json_set_str(list, "cniVersion", version) < 0 ||
	    fl_json_append(plugins, FL_TAKE(conf)) < 0 ||
	    fl_json_set(list, "plugins", FL_TAKE(plugins)) < 0)
		return fl_fail_errno(err, ENOMEM, "make a list");
	return berth_list_from_tree(list, out, err);
}

int berth_list_append(struct berth_list *list, const char *text, size_t len, struct fl_err *err)
{
	fl_auto_json struct fl_json *conf = NULL;
	int r = parse_plugin(text, len, &conf, err);

	if (r < 0)
		return r;
	if (fl_json_append(list->plugins, FL_TAKE(conf)) < 0)
		return fl_fail_errno(err, ENOMEM, "append a plugin");
	return 0;
}

int berth_list_check(const struct berth_list *list, struct fl_err *err)
{
	enum fl_cni_version version = FL_CNI_V0_1_0;
	int r = fl_cni_check_network(list->name, err);

	if (r < 0)
		return r;
	r = fl_cni_version_parse(list->version_text, &version, err);
	if (r < 0)
		return fl_wrap(err, r, "network '%s'", list->name);
	if (fl_json_len(list->plugins) == 0)
		return fl_class(err, fl_fail(err, EINVAL, "network '%s': no plugins", list->name),
				FL_CNI_CONFIG);
	for (size_t i = 0; i < fl_json_len(list->plugins); i++) {
		r = fl_cni_check_type(berth_list_type(list, i), err);
		if (r < 0)
			return fl_wrap(err, r, "network '%s': plugin %zu", list->name, i);
	}
	return 0;
}

const char *berth_list_type(const struct berth_list *list, size_t i)
{
	return fl_json_str(fl_json_get(fl_json_at(list->plugins, i), "type"));
}
