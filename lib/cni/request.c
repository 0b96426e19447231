// SPDX-License-Identifier: Apache-2.0
/* Reading and checking a request: environment, then stdin, then the network namespace. */
#include "cni/request.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cni/name.h"
#include "net/nl.h"

#define VALID_KEY "cni.dev/valid-attachments"

void fl_cni_input_done(struct fl_cni_input *in)
{
	fl_close_p(&in->req.netns_fd);
	fl_close_p(&in->req.home_fd);
	fl_nl_close(&in->req.home);
	fl_json_free(&in->tree);
	fl_json_free(&in->none);
	fl_free_p(&in->text);
}

/*
 * A caller may have closed stdin, stdout or stderr. What is opened later must not take their
 * numbers, or an answer would go into, say, a lease. The root directory as a mere path stands in:
 * reading and writing it is -EBADF.
 */
static void hold_std_fds(void)
{
	struct pollfd fds[3] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

	if (poll(fds, 3, 0) <= 0)
		return;
	for (int i = 0; i < 3; i++)
		if (fds[i].revents & POLLNVAL)
			(void)!open("/", O_PATH | O_CLOEXEC);
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return fl_empty(value) ? NULL : value;
}

/* The variables of an attachment; all that are missing are told at once. */
static int read_attachment(struct fl_cni_req *req, struct fl_err *err)
{
	const struct {
		const char *name, **to;
		bool needed;
		int (*check)(const char *value, struct fl_err *err);
	} vars[] = {
		{ "CNI_CONTAINERID", &req->container_id, true, fl_cni_check_container_id },
		{ "CNI_NETNS", &req->netns, req->verb != FL_CNI_DEL, NULL },
		{ "CNI_IFNAME", &req->ifname, true,
		  req->verb == FL_CNI_ADD ? fl_cni_check_new_ifname : fl_cni_check_ifname },
	};
	char missing[64] = "";
	size_t used = 0;

	for (size_t i = 0; i < FL_ARRAY_LEN(vars); i++) {
		const char *value = variable(vars[i].name);
		int r = value && vars[i].check ? vars[i].check(value, err) : 0;

		if (r < 0)
			return fl_wrap(err, r, "%s", vars[i].name);
		if (!value && vars[i].needed)
			used += (size_t)snprintf(missing + used, sizeof(missing) - used, "%s%s",
						 used ? "," : "", vars[i].name);
		*vars[i].to = value;
	}
	if (used)
		return fl_class(
			err, fl_fail(err, EINVAL, "required env variables [%s] missing", missing),
			FL_CNI_ENV);
	req->args = variable("CNI_ARGS");
	return 0;
}

static int read_document(struct fl_cni_input *in, struct fl_err *err)
{
	struct fl_cni_req *req = &in->req;
	int r;

	r = fl_read_fd(STDIN_FILENO, FL_CNI_STDIN_MAX, &in->text, &req->stdin_len, err);
	if (r < 0)
		return fl_class(err, fl_wrap(err, r, "read the configuration on stdin"), FL_CNI_IO);
	req->stdin_text = in->text;
	if (req->stdin_len == 0)
		return fl_class(err, fl_fail(err, EINVAL, "config: stdin is empty"), FL_CNI_DECODE);
	r = fl_json_parse(in->text, req->stdin_len, &in->tree, err);
	if (r < 0)
		return fl_class(err, fl_wrap(err, r, "config"),
				r == -EINVAL ? FL_CNI_DECODE : FL_CNI_INTERNAL);
	req->conf = fl_cur_root(in->tree, "config");
	r = fl_cur_as_obj(&req->conf, err);
	return r < 0 ? fl_class(err, r, FL_CNI_DECODE) : 0;
}

static int read_version(struct fl_cni_req *req, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(&req->conf, "cniVersion");
	enum fl_cni_version version = FL_CNI_NEWEST;
	const char *text = NULL;
	int r;

	r = fl_cur_str(&req->conf, "cniVersion", FL_OPTIONAL, &text, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_DECODE);
	r = fl_cni_version_parse(text, &version, err);
	if (r < 0)
		return fl_cur_wrap(&at, err, r);
	req->version = req->answer = version;
	return 0;
}

/* The verbs that came later than the configuration's version. */
static int check_verb(const struct fl_cni_req *req, struct fl_err *err)
{
	const char *verb = NULL;

	if (req->verb == FL_CNI_CHECK && req->version < FL_CNI_V0_4_0)
		verb = "CHECK";
	else if (req->verb == FL_CNI_GC && req->version < FL_CNI_V1_1_0)
		verb = "GC";
	else if (req->verb == FL_CNI_STATUS && req->version < FL_CNI_V1_1_0)
		verb = "STATUS";
	if (!verb)
		return 0;
	return fl_class(err,
			fl_fail(err, EINVAL, "config version %s does not allow %s",
				fl_cni_version_text(req->version), verb),
			FL_CNI_VERSION);
}

static int read_name(struct fl_cni_req *req, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(&req->conf, "name");
	int r;

	r = fl_cur_str(&req->conf, "name", FL_OPTIONAL, &req->name, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_CONFIG);
	r = fl_cni_check_network(req->name, err);
	return r < 0 ? fl_cur_wrap(&at, err, r) : 0;
}

static int check_attachments(const struct fl_cur *list, struct fl_err *err)
{
	for (size_t i = 0; i < fl_json_len(list->v); i++) {
		struct fl_cur element = fl_cur_at(list, i);
		const char *ignored = NULL;
		int r;

		r = fl_cur_as_obj(&element, err);
		if (r < 0)
			return r;
		r = fl_cur_str(&element, "containerID", FL_REQUIRED, &ignored, err);
		if (r < 0)
			return r;
		r = fl_cur_str(&element, "ifname", FL_REQUIRED, &ignored, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Absent is an error, since the other reading of it would remove everything. */
static int read_valid(struct fl_cni_input *in, struct fl_err *err)
{
	struct fl_cni_req *req = &in->req;
	struct fl_cur list = fl_cur_member(&req->conf, VALID_KEY);
	int r;

	if (!fl_json_has(req->conf.v, VALID_KEY))
		return fl_cur_fail(&list, err, "missing, expected an array or null");
	r = fl_cur_arr(&req->conf, VALID_KEY, FL_OPTIONAL, &list, err);
	if (r < 0)
		return r;
	if (r == 0) {
		in->none = fl_json_array();
		if (!in->none)
			return fl_fail_errno(err, ENOMEM, "read '%s'", VALID_KEY);
		req->valid = in->none;
		return 0;
	}
	req->valid = list.v;
	return check_attachments(&list, err);
}

/* CNI_NETNS_OVERRIDE: the caller wants the plugin to work in the plugin's own namespace. */
static bool own_netns_allowed(void)
{
	const char *value = variable("CNI_NETNS_OVERRIDE");

	return value && (fl_streq(value, "1") || strcasecmp(value, "true") == 0);
}

/* Says something about the moment, nothing about the path: the next try may well succeed. */
static bool is_passing(int error)
{
	switch (error) {
	case EAGAIN:
	case EBUSY:
	case EINTR:
	case EIO:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOSPC:
		return true;
	default:
		return false;
	}
}

/*
 * The caller's own namespace. That of a socket, which will be wanted anyway, is had for a fraction
 * of what the way through /proc costs, and a process that never looked there ends faster, too.
 */
static int open_home(struct fl_cni_req *req, struct fl_err *err)
{
	int fd, r = fl_nl_open(FL_NL_ROUTE, &req->home, err);

	if (r < 0)
		return r;
	fd = fl_nl_netns(req->home);
	if (fd < 0) /* the caller may not ask */
		fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fl_fail_errno(err, errno, "open '/proc/self/ns/net'");
	req->home_fd = fd;
	return 0;
}

/*
 * 0, and the caller's own namespace is open; -EINVAL: no network namespace, or the caller's own;
 * another error: it cannot be known.
 */
static int check_netns(int fd, struct fl_cni_req *req, struct fl_err *err)
{
	const char *path = req->netns;
	struct stat theirs, ours;
	int r, type = ioctl(fd, NS_GET_NSTYPE);

	if (type < 0 && is_passing(errno))
		return fl_fail_errno(err, errno, "CNI_NETNS '%s': ask for its type", path);
	if (type != CLONE_NEWNET)
		return fl_fail(err, EINVAL, "CNI_NETNS '%s': not a network namespace", path);
	if (fstat(fd, &theirs) < 0)
		return fl_fail_errno(err, errno, "CNI_NETNS '%s': stat", path);
	r = open_home(req, err);
	if (r < 0)
		return r;
	if (fstat(req->home_fd, &ours) < 0)
		return fl_fail_errno(err, errno, "stat '/proc/self/ns/net'");
	if (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev && !own_netns_allowed())
		return fl_fail(err, EINVAL, "CNI_NETNS '%s': the plugin's own network namespace",
			       path);
	return 0;
}

/*
 * This is the first file that ADD opens. The kernel gives the lowest free number, so one above 2
 * shows that the three are open, and the call that asks is saved.
 */
static int open_path(const char *path)
{
	/* O_NONBLOCK: the path may be a pipe that nobody writes to. */
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, flags);

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	fl_close_p(&fd);
	hold_std_fds();
	return open(path, flags);
}

static int open_netns(struct fl_cni_req *req, struct fl_err *err)
{
	fl_auto_close int fd = -1;
	int r;

	if (!fl_utf8_ok(req->netns))
		return fl_class(err,
				fl_fail(err, EINVAL, "CNI_NETNS '%s': expected UTF-8", req->netns),
				FL_CNI_ENV);
	fd = open_path(req->netns);
	if (fd < 0)
		r = fl_fail_errno(err, errno, "open CNI_NETNS '%s'", req->netns);
	else
		r = check_netns(fd, req, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_NETNS);
	req->netns_fd = FL_TAKE_FD(fd);
	return 0;
}

/* What not every plugin looks into. */
static int check_objects(const struct fl_cur *conf, struct fl_err *err)
{
	struct fl_cur object;
	int r;

	r = fl_cur_obj(conf, "prevResult", FL_OPTIONAL, &object, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_DECODE);
	return fl_cur_obj(conf, "capabilities", FL_OPTIONAL, &object, err);
}

static int read_conf(struct fl_cni_input *in, struct fl_err *err)
{
	struct fl_cni_req *req = &in->req;
	const char *type = NULL;
	struct fl_cur prev;
	int r;

	r = read_version(req, err);
	if (r < 0)
		return r;
	r = check_verb(req, err);
	if (r < 0)
		return r;
	r = read_name(req, err);
	if (r < 0)
		return r;
	r = req->verb == FL_CNI_DEL ? 0 : fl_cur_str(&req->conf, "type", FL_OPTIONAL, &type, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_CONFIG);
	prev = fl_cur_member(&req->conf, "prevResult");
	req->prev = prev.v;
	if (req->verb == FL_CNI_CHECK && !prev.v)
		r = fl_cur_fail(&prev, err, "missing, CHECK needs it");
	else if (req->verb == FL_CNI_ADD || req->verb == FL_CNI_CHECK)
		r = check_objects(&req->conf, err);
	else if (req->verb == FL_CNI_GC)
		r = read_valid(in, err);
	return r < 0 ? fl_class(err, r, FL_CNI_CONFIG) : 0;
}

int fl_cni_input_read(struct fl_cni_input *in, const struct fl_cni_plugin *self,
		      enum fl_cni_verb verb, struct fl_err *err)
{
	bool attachment = verb == FL_CNI_ADD || verb == FL_CNI_DEL || verb == FL_CNI_CHECK;
	int r;

	*in = (struct fl_cni_input){
		.req = { .verb = verb,
			 .version = FL_CNI_NEWEST,
			 .answer = FL_CNI_NEWEST,
			 .netns_fd = -1,
			 .home_fd = -1,
			 .deadline = fl_deadline_in(FL_CNI_DEADLINE_MS),
			 .path = variable("CNI_PATH"),
			 .root = variable("FAIRLEAD_ROOT") ?: "" },
	};
	if (verb != FL_CNI_ADD || self->any_netns)
		hold_std_fds();
	if (attachment) {
		r = read_attachment(&in->req, err);
		if (r < 0)
			return r;
	}
	r = read_document(in, err);
	if (r < 0)
		return r;
	r = read_conf(in, err);
	if (r < 0 || !in->req.netns || !attachment || self->any_netns)
		return r;
	r = open_netns(&in->req, err);
	/* DEL goes on without a namespace that is dead, but not without one that may live. */
	return verb == FL_CNI_DEL && !is_passing(-r) ? 0 : r;
}
