// SPDX-License-Identifier: Apache-2.0
/* ADD, CHECK, DEL, GC and STATUS of a list. */
#include "runtime/net_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cni/code.h"
#include "cni/name.h"
#include "runtime/net_cache.h"
#include "runtime/net_exec.h"

#define LOCK_MS 60000

/* operation: LOCK_SH for what may run side by side, LOCK_EX for GC. */
static int lock_network(const struct berth_driver *d, const char *network, int operation, int *fd,
			struct fl_err *err)
{
	struct fl_deadline deadline = fl_deadline_in(LOCK_MS);
	fl_auto_close int dir = -1, lock = -1;
	int r;

	r = fl_open_dir(d->lock_dir, 0700, &dir, err);
	if (r < 0)
		return r;
	lock = openat(dir, network, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return fl_fail_errno(err, errno, "open lock '%s/%s'", d->lock_dir, network);
	r = fl_flock(lock, operation, &deadline, err);
	if (r < 0)
		return fl_wrap(err, r, "lock of network '%s'", network);
	*fd = FL_TAKE_FD(lock);
	return 0;
}

static int check_names(const struct berth_rt *rt, struct fl_err *err)
{
	int r = fl_cni_check_container_id(rt->id, err);

	return r < 0 ? r : fl_cni_check_ifname(rt->ifname, err);
}

/* Calls the i-th plugin; out, if not NULL, gets the result it prints, in the list's version. */
static int call_plugin(const struct berth_driver *d, const struct berth_list *list, size_t i,
		       const struct berth_call *tmpl, struct fl_json *req, struct fl_json **out,
		       struct fl_err *err)
{
	struct berth_call call = *tmpl;
	fl_auto_json struct fl_json *printed = NULL;
	fl_auto_free char *text = NULL;
	int r;

	call.cni_path = d->cni_path;
	call.keep_fd = d->keep_fd;
	call.timeout_ms = d->timeout_ms ? d->timeout_ms : BERTH_PLUGIN_MS;
	call.type = berth_list_type(list, i);
	r = berth_plugin_call(&call, req, &text, err);
	if (r < 0 || !out)
		goto end;
	if (!*text) {
		r = fl_fail(err, EIO, "success, but no result");
		goto end;
	}
	r = fl_json_parse(text, strlen(text), &printed, err);
	if (r == 0)
		r = berth_result_convert(printed, list, out, err);
	else
		fl_wrap(err, r, "its result");
end:
	return r < 0 ? fl_wrap(err, r, "network '%s': plugin '%s': %s", list->name, call.type,
			       call.verb)
		     : 0;
}

static int call_verb(const struct berth_driver *d, const struct berth_list *list, size_t i,
		     const struct berth_call *tmpl, const struct fl_json *prev,
		     struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *req = NULL;
	int r;

	r = berth_request(list, i, prev, tmpl->rt, &req, err);
	return r < 0 ? r : call_plugin(d, list, i, tmpl, req, out, err);
}

static int add_all(const struct berth_driver *d, const struct berth_list *list,
		   const struct berth_rt *rt, struct fl_json **result, struct fl_err *err)
{
	const struct berth_call call = { .verb = "ADD", .rt = rt };
	fl_auto_json struct fl_json *last = NULL;
	int r;

	for (size_t i = 0; i < fl_json_len(list->plugins); i++) {
		struct fl_json *next = NULL;

		r = call_verb(d, list, i, &call, last, &next, err);
		if (r < 0)
			return r;
		fl_json_free(&last);
		last = next;
	}
	r = berth_cache_write(d->cache_dir, list, rt, last, err);
	if (r < 0)
		return fl_wrap(err, r, "network '%s': cache the result", list->name);
	*result = FL_TAKE(last);
	return 0;
}

/* The cached result in the list's version; none, or none that can be read: *prev stays NULL. */
static int cached_result(const struct berth_driver *d, const struct berth_list *list,
			 const struct berth_rt *rt, struct fl_json **prev, struct fl_err *err)
{
	fl_auto_json struct fl_json *entry = NULL;
	const struct fl_json *result = NULL;
	int r;

	r = berth_cache_read(d->cache_dir, list->name, rt, &entry, err);
	if (r < 0)
		return r;
	r = berth_cache_result(entry, &result, err);
	if (r < 0)
		return r;
	return berth_result_convert(result, list, prev, err);
}

static int del_all(const struct berth_driver *d, const struct berth_list *list,
		   const struct berth_rt *rt, struct fl_err *err)
{
	const struct berth_call call = { .verb = "DEL", .rt = rt };
	fl_auto_json struct fl_json *prev = NULL;
	struct fl_err junk = { 0 };
	int r;

	if (list->version >= FL_CNI_V0_4_0) {
		r = cached_result(d, list, rt, &prev, &junk);
		if (r < 0 && r != -ENOENT)
			fl_warn("%s, going on: DEL is called without a previous result", junk.text);
	}
	for (size_t i = fl_json_len(list->plugins); i-- > 0;) {
		r = call_verb(d, list, i, &call, prev, NULL, err);
		if (r < 0)
			return r;
	}
	return berth_cache_remove(d->cache_dir, list->name, rt, err);
}

int berth_driver_find(const struct berth_driver *d, const struct berth_list *list,
		      struct fl_err *err)
{
	char file[PATH_MAX];
	int r;

	for (size_t i = 0; i < fl_json_len(list->plugins); i++) {
		r = berth_plugin_find(berth_list_type(list, i), d->cni_path, file, sizeof(file),
				      err);
		if (r < 0)
			return fl_wrap(err, r, "network '%s'", list->name);
	}
	return 0;
}

int berth_driver_add(const struct berth_driver *d, const struct berth_list *list,
		     const struct berth_rt *rt, struct fl_json **result, struct fl_err *err)
{
	fl_auto_json struct fl_json *entry = NULL;
	fl_auto_close int lock = -1;
	struct fl_err undo = { 0 };
	bool known;
	int r;

	r = check_names(rt, err);
	if (r < 0)
		return r;
	r = berth_driver_find(d, list, err);
	if (r < 0)
		return r;
	r = lock_network(d, list->name, LOCK_SH, &lock, err);
	if (r < 0)
		return r;
	r = berth_cache_read(d->cache_dir, list->name, rt, &entry, err);
	if (r == -ENAMETOOLONG)
		return fl_wrap(err, r, "network '%s': cache entry", list->name);
	known = r != -ENOENT;
	r = add_all(d, list, rt, result, err);
	if (r == 0 || known)
		return r;
	if (del_all(d, list, rt, &undo) < 0)
		fl_warn("after the ADD that went wrong: %s", undo.text);
	return r;
}

int berth_driver_check(const struct berth_driver *d, const struct berth_list *list,
		       const struct berth_rt *rt, struct fl_err *err)
{
	const struct berth_call call = { .verb = "CHECK", .rt = rt };
	fl_auto_json struct fl_json *prev = NULL;
	fl_auto_close int lock = -1;
	int r;

	r = check_names(rt, err);
	if (r < 0)
		return r;
	if (list->version < FL_CNI_V0_4_0)
		return fl_class(
			err,
			fl_fail(err, EINVAL,
				"network '%s': version '%s' has no CHECK, which came with 0.4.0",
				list->name, list->version_text),
			FL_CNI_VERSION);
	if (list->disable_check)
		return 0;
	r = lock_network(d, list->name, LOCK_SH, &lock, err);
	if (r < 0)
		return r;
	r = cached_result(d, list, rt, &prev, err);
	if (r == -ENOENT)
		return fl_fail(err, ENOENT,
			       "network '%s': no attachment '%s' of container '%s' is known",
			       list->name, rt->ifname, rt->id);
	if (r < 0)
		return fl_wrap(err, r, "network '%s'", list->name);
	for (size_t i = 0; i < fl_json_len(list->plugins); i++) {
		r = call_verb(d, list, i, &call, prev, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int berth_driver_del(const struct berth_driver *d, const struct berth_list *list,
		     const struct berth_rt *rt, struct fl_err *err)
{
	fl_auto_close int lock = -1;
	int r;

	r = check_names(rt, err);
	if (r < 0)
		return r;
	r = lock_network(d, list->name, LOCK_SH, &lock, err);
	if (r < 0)
		return r;
	return del_all(d, list, rt, err);
}

/* Several errors in one: the first keeps its code, the others' texts are appended. */
static int join(struct fl_err *all, int r, const struct fl_err *one)
{
	size_t len = strlen(all->text);

	if (r == 0)
		*all = *one;
	else
		(void)snprintf(all->text + len, sizeof(all->text) - len, "; %s", one->text);
	return r == 0 ? -one->sys : r;
}

static bool is_valid(const struct fl_json *valid, const struct berth_rt *rt)
{
	for (size_t i = 0; i < fl_json_len(valid); i++) {
		const struct fl_json *v = fl_json_at(valid, i);

		if (fl_streq(fl_json_str(fl_json_get(v, "containerID")), rt->id) &&
		    fl_streq(fl_json_str(fl_json_get(v, "ifname")), rt->ifname))
			return true;
	}
	return false;
}

static int gc_cached(const struct berth_driver *d, const struct berth_list *list,
		     const struct fl_json *valid, struct fl_err *err)
{
	fl_auto_json struct fl_json *entries = NULL;
	int r, all = 0;

	r = berth_cache_list(d->cache_dir, list->name, &entries, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < fl_json_len(entries); i++) {
		struct berth_rt rt = { 0 };
		const char *network = NULL;
		struct fl_err one = { 0 };

		r = berth_cache_attachment(fl_json_at(entries, i), &network, &rt, &one);
		if (r == 0)
			r = check_names(&rt, &one);
		if (r == 0 && is_valid(valid, &rt))
			continue;
		if (r == 0)
			r = del_all(d, list, &rt, &one);
		if (r < 0) {
			fl_wrap(&one, r, "stale attachment '%s' of container '%s'",
				rt.ifname ? rt.ifname : "?", rt.id ? rt.id : "?");
			all = join(err, all, &one);
		}
	}
	return all;
}

static int gc_plugin(const struct berth_driver *d, const struct berth_list *list, size_t i,
		     const struct fl_json *valid, struct fl_err *err)
{
	const struct berth_call call = { .verb = "GC" };
	fl_auto_json struct fl_json *req = NULL;
	int r;

	r = berth_request(list, i, NULL, NULL, &req, err);
	if (r < 0)
		return r;
	/* The second key is the one that the specification named first, by mistake. */
	if (fl_json_set(req, "cni.dev/valid-attachments", fl_json_copy(valid)) < 0 ||
	    fl_json_set(req, "cni.dev/attachments", fl_json_copy(valid)) < 0)
		return fl_fail_errno(err, ENOMEM, "build a request");
	return call_plugin(d, list, i, &call, req, NULL, err);
}

int berth_driver_gc(const struct berth_driver *d, const struct berth_list *list,
		    const struct fl_json *valid, struct fl_err *err)
{
	fl_auto_close int lock = -1;
	int r, all;

	if (list->disable_gc)
		return 0;
	r = lock_network(d, list->name, LOCK_EX, &lock, err);
	if (r < 0)
		return r;
	all = gc_cached(d, list, valid, err);
	for (size_t i = 0; list->version >= FL_CNI_V1_1_0 && i < fl_json_len(list->plugins); i++) {
		struct fl_err one = { 0 };

		r = gc_plugin(d, list, i, valid, &one);
		if (r < 0)
			all = join(err, all, &one);
	}
	return all;
}

int berth_driver_status(const struct berth_driver *d, const struct berth_list *list,
			struct fl_err *err)
{
	const struct berth_call call = { .verb = "STATUS" };
	int r;

	for (size_t i = 0; list->version >= FL_CNI_V1_1_0 && i < fl_json_len(list->plugins); i++) {
		r = call_verb(d, list, i, &call, NULL, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}
