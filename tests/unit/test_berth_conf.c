// SPDX-License-Identifier: Apache-2.0
/*
 * berth's reading of network lists, the requests it builds, libcni's cache format, and the
 * small texts beside them. Pure, but for the lookup in a folder, which uses a temporary one.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "cni/code.h"
#include "folder.h"
#include "runtime/base64.h"
#include "runtime/net_load.h"
#include "runtime/net_rt.h"
#include "runtime/netpath.h"
#include "runtime/state.h"

static int parse(const char *text, struct berth_list *out, struct fl_err *err)
{
	return berth_list_parse(text, strlen(text), out, err);
}

static struct fl_json *json(const char *text)
{
	struct fl_err err = { 0 };
	struct fl_json *v = NULL;

	CHECK_OK(fl_json_parse(text, strlen(text), &v, &err), &err);
	return v;
}

static void is_json(const struct fl_json *v, const char *want)
{
	fl_auto_json struct fl_json *w = json(want);
	fl_auto_free char *text = NULL;
	struct fl_err err = { 0 };

	CHECK_OK(fl_json_print(v, 0, &text, &err), &err);
	if (!fl_json_equal(v, w))
		fail_msg("%s\nis not %s", text, want);
}

static void the_highest_spoken_version_of_cniVersions_is_taken(void **state)
{
	static const struct {
		const char *members, *version;
	} t[] = {
		{ "\"cniVersion\":\"0.4.0\"", "0.4.0" },
		{ "\"cniVersions\":[\"0.3.1\",\"1.0.0\",\"0.4.0\"]", "1.0.0" },
		{ "\"cniVersion\":\"1.1.0\",\"cniVersions\":[\"0.3.1\"]", "1.1.0" },
		{ "\"cniVersion\":\"0.3.0\",\"cniVersions\":[\"0.3.1\",\"9.0.0\"]", "0.3.1" },
		{ "\"cniVersion\":\"9.0.0\",\"cniVersions\":[\"1.0.0\"]", "1.0.0" },
		{ "\"cniVersion\":\"\"", "" },
		{ "\"disableCheck\":false", "" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		berth_auto_list struct berth_list list = { 0 };
		struct fl_err err = { 0 };
		char text[256];

		(void)snprintf(text, sizeof(text),
			       "{\"name\":\"n\",%s,\"plugins\":[{\"type\":\"a\"}]}", t[i].members);
		CHECK_OK(parse(text, &list, &err), &err);
		CHECK_OK(berth_list_check(&list, &err), &err);
		assert_string_equal(list.version_text, t[i].version);
	}
}

static void a_version_that_is_not_spoken_is_an_error_of_the_network_itself(void **state)
{
	berth_auto_list struct berth_list list = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(parse("{\"name\":\"n\",\"cniVersion\":\"9.9.9\",\"plugins\":[{\"type\":\"a\"}]}",
		       &list, &err),
		 &err);
	CHECK_FAILS(berth_list_check(&list, &err), EINVAL, &err, "9.9.9");
	assert_int_equal(err.code, FL_CNI_VERSION);
}

static void flags_are_booleans_or_their_text_and_nothing_else(void **state)
{
	static const struct {
		const char *value;
		int want; /* -1: refused */
	} t[] = { { "true", 1 },     { "false", 0 }, { "\"true\"", 1 }, { "\"FALSE\"", 0 },
		  { "\"yes\"", -1 }, { "1", -1 },    { "[]", -1 } };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		berth_auto_list struct berth_list list = { 0 };
		struct fl_err err = { 0 };
		char text[256];

		(void)snprintf(text, sizeof(text),
			       "{\"name\":\"n\",\"disableCheck\":%s,\"disableGC\":%s,"
			       "\"loadOnlyInlinedPlugins\":%s,\"plugins\":[{\"type\":\"a\"}]}",
			       t[i].value, t[i].value, t[i].value);
		if (t[i].want < 0) {
			CHECK_FAILS(parse(text, &list, &err), EINVAL, &err, "disableCheck");
			continue;
		}
		CHECK_OK(parse(text, &list, &err), &err);
		assert_int_equal(list.disable_check, t[i].want);
		assert_int_equal(list.disable_gc, t[i].want);
		assert_int_equal(list.only_inlined, t[i].want);
	}
}

static void a_bad_list_is_refused_with_its_key(void **state)
{
	static const struct {
		const char *text, *part;
		int code;
	} t[] = {
		{ "", "line 1", FL_CNI_DECODE },
		{ "{\"name\":\"n\"", "line 1", FL_CNI_DECODE },
		{ "[]", "list", FL_CNI_CONFIG },
		{ "{\"plugins\":[]}", "name", FL_CNI_CONFIG },
		{ "{\"name\":7}", "name", FL_CNI_CONFIG },
		{ "{\"name\":\"n\",\"cniVersion\":1}", "cniVersion", FL_CNI_CONFIG },
		{ "{\"name\":\"n\",\"cniVersions\":\"1.0.0\"}", "cniVersions", FL_CNI_CONFIG },
		{ "{\"name\":\"n\",\"cniVersions\":[3]}", "cniVersions[0]", FL_CNI_CONFIG },
		{ "{\"name\":\"n\",\"cniVersions\":[\"x\"]}", "cniVersions[0]", FL_CNI_DECODE },
		{ "{\"name\":\"n\",\"plugins\":{}}", "plugins", FL_CNI_CONFIG },
		{ "{\"name\":\"n\",\"plugins\":[3]}", "plugins[0]", FL_CNI_CONFIG },
		{ "{\"name\":\"n\",\"plugins\":[{}]}", "plugins[0].type", FL_CNI_CONFIG },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"\"}]}", "plugins[0]", FL_CNI_CONFIG },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\",\"capabilities\":{\"x\":3}}]}",
		  "capabilities.x", FL_CNI_CONFIG },
		{ "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true}", "plugins", FL_CNI_CONFIG },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		berth_auto_list struct berth_list list = { 0 };
		struct fl_err err = { 0 };

		CHECK_FAILS(parse(t[i].text, &list, &err), EINVAL, &err, t[i].part);
		if (err.code != t[i].code)
			fail_msg("'%s': code %d", t[i].text, err.code);
	}
}

static void a_list_with_a_bad_name_or_type_or_no_plugin_fails_its_check(void **state)
{
	static const struct {
		const char *text, *part;
	} t[] = {
		{ "{\"name\":\"\",\"plugins\":[{\"type\":\"a\"}]}", "name" },
		{ "{\"name\":\"../x\",\"plugins\":[{\"type\":\"a\"}]}", "../x" },
		{ "{\"name\":\"n\",\"plugins\":[]}", "no plugins" },
		{ "{\"name\":\"n\"}", "no plugins" },
		{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"../../bin/sh\"}]}", "../../bin/sh" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(t); i++) {
		berth_auto_list struct berth_list list = { 0 };
		struct fl_err err = { 0 };

		CHECK_OK(parse(t[i].text, &list, &err), &err);
		CHECK_FAILS(berth_list_check(&list, &err), EINVAL, &err, t[i].part);
		assert_int_equal(err.code, FL_CNI_CONFIG);
	}
}

static void a_single_configuration_becomes_a_list_of_itself(void **state)
{
	static const char text[] = "{\"cniVersion\":\"0.3.1\",\"name\":\"one\",\"type\":\"bridge\","
				   "\"x\":{\"y\":null}}";
	berth_auto_list struct berth_list list = { 0 };
	fl_auto_json struct fl_json *bytes = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(berth_list_parse_single(text, strlen(text), &list, &err), &err);
	assert_string_equal(list.name, "one");
	assert_string_equal(list.version_text, "0.3.1");
	assert_int_equal(fl_json_len(list.plugins), 1);
	is_json(fl_json_at(list.plugins, 0), text);
	bytes = json(list.bytes);
	is_json(bytes, "{\"name\":\"one\",\"cniVersion\":\"0.3.1\",\"plugins\":[{\"cniVersion\":"
		       "\"0.3.1\",\"name\":\"one\",\"type\":\"bridge\",\"x\":{\"y\":null}}]}");
}

static void a_request_is_the_plugins_object_with_four_keys_set(void **state)
{
	static const char text[] =
		"{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"a\","
		"\"name\":\"other\",\"unknown\":[1,null],\"capabilities\":{\"mac\":true,"
		"\"ips\":false,\"dns\":true}}]}";
	fl_auto_json struct fl_json *caps = json("{\"mac\":\"m\",\"ips\":[\"i\"],\"more\":1}");
	fl_auto_json struct fl_json *prev = json("{\"cniVersion\":\"1.0.0\"}"), *req = NULL;
	const struct berth_rt rt = { .id = "c", .ifname = "eth0", .netns = "", .caps = caps };
	berth_auto_list struct berth_list list = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(parse(text, &list, &err), &err);
	CHECK_OK(berth_request(&list, 0, prev, &rt, &req, &err), &err);
	is_json(req,
		"{\"type\":\"a\",\"name\":\"n\",\"unknown\":[1,null],\"cniVersion\":\"1.0.0\","
		"\"capabilities\":{\"mac\":true,\"ips\":false,\"dns\":true},"
		"\"prevResult\":{\"cniVersion\":\"1.0.0\"},\"runtimeConfig\":{\"mac\":\"m\"}}");
	fl_json_free(&req);
	CHECK_OK(berth_request(&list, 0, NULL, NULL, &req, &err), &err);
	CHECK(!fl_json_has(req, "prevResult") && !fl_json_has(req, "runtimeConfig"));
}

static void a_request_without_common_capabilities_keeps_the_files_runtimeConfig(void **state)
{
	static const char text[] = "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\","
				   "\"runtimeConfig\":{\"kept\":1}}]}";
	fl_auto_json struct fl_json *caps = json("{\"mac\":\"m\"}"), *req = NULL;
	const struct berth_rt rt = { .id = "c", .ifname = "eth0", .netns = "", .caps = caps };
	berth_auto_list struct berth_list list = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(parse(text, &list, &err), &err);
	CHECK_OK(berth_request(&list, 0, NULL, &rt, &req, &err), &err);
	is_json(req, "{\"type\":\"a\",\"name\":\"n\",\"cniVersion\":\"\","
		     "\"runtimeConfig\":{\"kept\":1}}");
}

static void a_result_of_another_version_is_converted_and_one_of_the_same_is_kept(void **state)
{
	static const char text[] = "{\"name\":\"n\",\"cniVersion\":\"0.2.0\",\"plugins\":[]}";
	fl_auto_json struct fl_json *newer = json(
		"{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.0.2/24\","
		"\"gateway\":\"10.1.0.1\"}]}");
	fl_auto_json struct fl_json *same = json("{\"cniVersion\":\"0.2.0\",\"mine\":1}");
	fl_auto_json struct fl_json *bare = json("{\"mine\":1}"), *out = NULL;
	berth_auto_list struct berth_list list = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(parse(text, &list, &err), &err);
	CHECK_OK(berth_result_convert(newer, &list, &out, &err), &err);
	assert_string_equal(fl_json_str(fl_json_get(out, "cniVersion")), "0.2.0");
	assert_string_equal(fl_json_str(fl_json_get(fl_json_get(out, "ip4"), "ip")), "10.1.0.2/24");
	fl_json_free(&out);
	CHECK_OK(berth_result_convert(same, &list, &out, &err), &err);
	is_json(out, "{\"cniVersion\":\"0.2.0\",\"mine\":1}");
	fl_json_free(&out);
	CHECK_OK(berth_result_convert(bare, &list, &out, &err), &err);
	is_json(out, "{\"cniVersion\":\"0.2.0\",\"mine\":1}");
}

static void a_cache_entry_has_libcnis_members(void **state)
{
	static const char text[] = "{\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"plugins\":[]}";
	fl_auto_json struct fl_json *caps = json("{\"mac\":\"m\"}");
	fl_auto_json struct fl_json *args = json("[[\"K\",\"V\"]]");
	fl_auto_json struct fl_json *result = json("{\"cniVersion\":\"1.0.0\"}"), *entry = NULL;
	const struct berth_rt rt = { "cid", "eth0", "/ns", args, caps };
	berth_auto_list struct berth_list list = { 0 };
	struct berth_rt back = { 0 };
	const struct fl_json *r = NULL;
	const char *network = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(parse(text, &list, &err), &err);
	CHECK_OK(berth_cache_entry(&list, &rt, result, &entry, &err), &err);
	is_json(entry, "{\"kind\":\"cniCacheV1\",\"containerId\":\"cid\",\"config\":"
		       "\"eyJuYW1lIjoibiIsImNuaVZlcnNpb24iOiIxLjAuMCIsInBsdWdpbnMiOltdfQ==\","
		       "\"ifName\":\"eth0\",\"networkName\":\"n\",\"netns\":\"/ns\","
		       "\"cniArgs\":[[\"K\",\"V\"]],\"capabilityArgs\":{\"mac\":\"m\"},"
		       "\"result\":{\"cniVersion\":\"1.0.0\"}}");
	CHECK_OK(berth_cache_attachment(entry, &network, &back, &err), &err);
	assert_string_equal(network, "n");
	assert_string_equal(back.id, "cid");
	assert_string_equal(back.ifname, "eth0");
	assert_string_equal(back.netns, "/ns");
	CHECK(fl_json_equal(back.args, args) && fl_json_equal(back.caps, caps));
	CHECK_OK(berth_cache_result(entry, &r, &err), &err);
	CHECK(fl_json_equal(r, result));
}

static void a_cache_entry_of_junk_or_of_the_old_form_is_told_apart(void **state)
{
	static const char *const junk[] = { "{}",   "[]",
					    "3",    "{\"kind\":\"other\"}",
					    "null", "{\"kind\":\"cniCacheV1\"}" };
	fl_auto_json struct fl_json *old = json("{\"cniVersion\":\"0.2.0\",\"ip4\":{}}");
	const struct fl_json *r = NULL;
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(junk); i++) {
		fl_auto_json struct fl_json *v = json(junk[i]);
		struct berth_rt rt = { 0 };
		const char *network = NULL;

		CHECK_FAILS(berth_cache_result(v, &r, &err), EINVAL, &err, "cached result");
		assert_int_equal(berth_cache_attachment(v, &network, &rt, &err), -EINVAL);
	}
	CHECK_OK(berth_cache_result(old, &r, &err), &err);
	CHECK(r == old);
}

static void cni_args_are_pairs_and_back(void **state)
{
	static const char *const bad[] = { "A", "A=", "=B", "A=B=C", "A=B;", ";" };
	fl_auto_json struct fl_json *args = NULL, *none = NULL;
	fl_auto_free char *text = NULL, *empty = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(berth_args_parse("IgnoreUnknown=1;K8S_POD_NAME=p", &args, &err), &err);
	is_json(args, "[[\"IgnoreUnknown\",\"1\"],[\"K8S_POD_NAME\",\"p\"]]");
	CHECK_OK(berth_args_text(args, &text, &err), &err);
	assert_string_equal(text, "IgnoreUnknown=1;K8S_POD_NAME=p");
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++)
		CHECK_FAILS(berth_args_parse(bad[i], &none, &err), EINVAL, &err, "CNI_ARGS");
	CHECK_OK(berth_args_parse("", &none, &err), &err);
	CHECK(!none);
	CHECK_OK(berth_args_text(NULL, &empty, &err), &err);
	assert_string_equal(empty, "");
}

static void cap_args_that_are_no_object_are_refused(void **state)
{
	fl_auto_json struct fl_json *caps = NULL;
	struct fl_err err = { 0 };

	(void)state;
	CHECK_FAILS(berth_caps_parse("[1]", &caps, &err), EINVAL, &err, "CAP_ARGS");
	CHECK_FAILS(berth_caps_parse("{", &caps, &err), EINVAL, &err, "CAP_ARGS");
	CHECK_OK(berth_caps_parse("{\"mac\":\"m\"}", &caps, &err), &err);
	is_json(caps, "{\"mac\":\"m\"}");
}

static void base64_matches_published_values(void **state)
{
	static const struct {
		const char *in, *out;
	} b[] = { { "", "" },	     { "f", "Zg==" },	     { "fo", "Zm8=" },
		  { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "foobar", "Zm9vYmFy" } };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(b); i++) {
		fl_auto_free char *text = berth_base64(b[i].in, strlen(b[i].in));

		assert_string_equal(text, b[i].out);
	}
}

static void a_namespaces_path_is_cleaned_and_gives_cnitools_id(void **state)
{
	char path[PATH_MAX], id[BERTH_DEFAULT_ID];
	struct fl_err err = { 0 };

	(void)state;
	CHECK_OK(berth_netns_path("//run/./x/../netns//a/", path, &err), &err);
	assert_string_equal(path, "/run/netns/a");
	berth_default_id(path, id);
	assert_string_equal(id, "cnitool-a145bc1ace582bff43bd");
	CHECK_OK(berth_netns_path("/../..", path, &err), &err);
	assert_string_equal(path, "/");
	CHECK_FAILS(berth_netns_path("", path, &err), EINVAL, &err, "empty");
}

static void a_state_of_another_version_or_shape_is_refused(void **state)
{
	static const char *const bad[] = { "[]", "{\"version\":2,\"id\":\"a\"}", "{\"version\":1}",
					   "{\"version\":1,\"id\":\"a\",\"pid\":-1}",
					   "{\"version\":1,\"id\":\"a\",\"networks\":{}}" };
	berth_auto_state struct berth_state s = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(bad); i++)
		CHECK_FAILS(berth_state_read(json(bad[i]), &s, &err), EINVAL, &err, "state");
	CHECK_OK(berth_state_read(json("{\"version\":1,\"id\":\"a\",\"pid\":7,\"startTime\":9,"
				       "\"started\":true,\"networks\":[{}]}"),
				  &s, &err),
		 &err);
	assert_int_equal(s.pid, 7);
	assert_int_equal(s.start_time, 9);
	CHECK(s.started && fl_json_len(s.networks) == 1 && !s.args);
}

/* --- the lookup in a folder --- */

static char folder[FOLDER_MAX];

static int make_folder(void **state)
{
	(void)state;
	return folder_make(folder, "berth");
}

static int remove_folder(void **state)
{
	(void)state;
	return folder_remove(folder);
}

static void put(const char *name, const char *text)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(name, '/');
	struct fl_err err = { 0 };
	fl_auto_close int fd = -1;

	(void)snprintf(dir, sizeof(dir), "%s/%.*s", folder, slash ? (int)(slash - name) : 0, name);
	CHECK_OK(fl_open_dir(dir, 0755, &fd, &err), &err);
	CHECK_OK(fl_replace_file(fd, slash ? slash + 1 : name, text, strlen(text), 0644, &err),
		 &err);
}

static void empty_folder(void)
{
	char cmd[128];

	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'/*", folder);
	assert_int_equal(system(cmd), 0);
}

static const char *loaded_type(const char *network, size_t i)
{
	static char type[64];
	berth_auto_list struct berth_list list = { 0 };
	struct fl_err err = { 0 };

	CHECK_OK(berth_list_load(network, folder, &list, &err), &err);
	(void)snprintf(type, sizeof(type), "%s", berth_list_type(&list, i) ?: "none");
	return type;
}

static void lists_come_before_single_files_and_names_are_sorted(void **state)
{
	(void)state;
	empty_folder();
	put("00-x.conf", "{\"name\":\"x\",\"type\":\"single\"}");
	put("00-x.json", "{\"name\":\"y\",\"type\":\"json\"}");
	put("20-x.conflist", "{\"name\":\"x\",\"plugins\":[{\"type\":\"second\"}]}");
	put("10-x.conflist", "{\"name\":\"x\",\"plugins\":[{\"type\":\"first\"}]}");
	put("05-x.conflist.bak", "junk");
	put("05-x.yaml", "junk");
	put("30-d.conflist/nothing", "junk");
	assert_string_equal(loaded_type("x", 0), "first");
	assert_string_equal(loaded_type("y", 0), "json");
}

static void a_file_on_the_way_that_is_broken_ends_the_search(void **state)
{
	berth_auto_list struct berth_list list = { 0 };
	struct fl_err err = { 0 };

	(void)state;
	empty_folder();
	CHECK_FAILS(berth_list_load("x", folder, &list, &err), ENOENT, &err, "no network conf");
	put("10-a.conflist", "{\"name\":\"a\",\"cniVersion\":\"9.9.9\",\"plugins\":[{\"type\":"
			     "\"../a\"}]}");
	CHECK_FAILS(berth_list_load("x", folder, &list, &err), ENOENT, &err, "no network 'x'");
	put("20-b.conflist", "{");
	put("30-x.conflist", "{\"name\":\"x\",\"plugins\":[{\"type\":\"a\"}]}");
	CHECK_FAILS(berth_list_load("x", folder, &list, &err), EINVAL, &err, "20-b.conflist");
	CHECK_FAILS(berth_list_load("a", folder, &list, &err), EINVAL, &err, "9.9.9");
}

static void plugins_of_the_networks_folder_are_appended_unless_inlined_only(void **state)
{
	static const char only[] = "{\"name\":\"x\",\"loadOnlyInlinedPlugins\":%s%s}";
	berth_auto_list struct berth_list list = { 0 };
	struct fl_err err = { 0 };
	char text[256];

	(void)state;
	empty_folder();
	put("x/20-b.conf", "{\"type\":\"b\"}");
	put("x/10-a.conf", "{\"type\":\"a\"}");
	put("x/00-no.json", "junk");
	(void)snprintf(text, sizeof(text), only, "false", "");
	put("10-x.conflist", text);
	assert_string_equal(loaded_type("x", 0), "a");
	assert_string_equal(loaded_type("x", 1), "b");
	(void)snprintf(text, sizeof(text), only, "true", ",\"plugins\":[{\"type\":\"z\"}]");
	put("10-x.conflist", text);
	assert_string_equal(loaded_type("x", 0), "z");
	assert_string_equal(loaded_type("x", 1), "none");
	(void)snprintf(text, sizeof(text), only, "true", "");
	put("10-x.conflist", text);
	CHECK_FAILS(berth_list_load("x", folder, &list, &err), EINVAL, &err, "plugins");
	put("10-x.conflist", "{\"name\":\"x\",\"plugins\":[{\"type\":\"z\"}]}");
	put("x/30-bad.conf", "{}");
	CHECK_FAILS(berth_list_load("x", folder, &list, &err), EINVAL, &err, "30-bad.conf");
}

static void a_network_may_be_a_file(void **state)
{
	berth_auto_list struct berth_list list = { 0 };
	struct fl_err err = { 0 };
	char path[PATH_MAX];

	(void)state;
	empty_folder();
	put("sub/some.list", "{\"name\":\"f\",\"plugins\":[{\"type\":\"listed\"}]}");
	put("sub/one.conf", "{\"name\":\"f\",\"type\":\"single\"}");
	(void)snprintf(path, sizeof(path), "%s/sub/some.list", folder);
	assert_string_equal(loaded_type(path, 0), "listed");
	(void)snprintf(path, sizeof(path), "%s/sub/one.conf", folder);
	assert_string_equal(loaded_type(path, 0), "single");
	(void)snprintf(path, sizeof(path), "%s/sub/none.conf", folder);
	CHECK_FAILS(berth_list_load(path, folder, &list, &err), ENOENT, &err, "none.conf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_highest_spoken_version_of_cniVersions_is_taken),
		cmocka_unit_test(a_version_that_is_not_spoken_is_an_error_of_the_network_itself),
		cmocka_unit_test(flags_are_booleans_or_their_text_and_nothing_else),
		cmocka_unit_test(a_bad_list_is_refused_with_its_key),
		cmocka_unit_test(a_list_with_a_bad_name_or_type_or_no_plugin_fails_its_check),
		cmocka_unit_test(a_single_configuration_becomes_a_list_of_itself),
		cmocka_unit_test(a_request_is_the_plugins_object_with_four_keys_set),
		cmocka_unit_test(
			a_request_without_common_capabilities_keeps_the_files_runtimeConfig),
		cmocka_unit_test(
			a_result_of_another_version_is_converted_and_one_of_the_same_is_kept),
		cmocka_unit_test(a_cache_entry_has_libcnis_members),
		cmocka_unit_test(a_cache_entry_of_junk_or_of_the_old_form_is_told_apart),
		cmocka_unit_test(cni_args_are_pairs_and_back),
		cmocka_unit_test(cap_args_that_are_no_object_are_refused),
		cmocka_unit_test(base64_matches_published_values),
		cmocka_unit_test(a_namespaces_path_is_cleaned_and_gives_cnitools_id),
		cmocka_unit_test(a_state_of_another_version_or_shape_is_refused),
		cmocka_unit_test(lists_come_before_single_files_and_names_are_sorted),
		cmocka_unit_test(a_file_on_the_way_that_is_broken_ends_the_search),
		cmocka_unit_test(plugins_of_the_networks_folder_are_appended_unless_inlined_only),
		cmocka_unit_test(a_network_may_be_a_file),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
