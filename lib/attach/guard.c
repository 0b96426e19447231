// SPDX-License-Identifier: Apache-2.0
/* The blocks, and the agent's socket: one HTTP request, written by hand. */
#include "attach/guard.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/tc.h"
#include "state/blocks.h"
#include "state/full.h"

#define ANSWER_MAX 4096 /* bytes of an answer that are looked at */

static bool has_mark(const char *root)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct fl_err ignored;

	return fl_format(path, sizeof(path), &ignored, "%s/" FL_BLOCKS_MARK, root) == 0 &&
	       access(path, F_OK) == 0;
}

/* 1: the link is in the blocks, 0: it has a clsact qdisc without them; -ENOENT: it has none. */
static int is_inside(struct fl_nl *host, uint32_t link, struct fl_err *err)
{
	struct fl_blocks have = { 0 };
	int r = fl_tc_get_blocks(host, link, &have, err);

	return r < 0 ? r : have.ingress == FL_BLOCKS_INGRESS && have.egress == FL_BLOCKS_EGRESS;
}

/* -EAGAIN: nobody answers. */
static int connect_agent(const char *root, int *out, struct fl_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	fl_auto_close int fd = -1;
	int r = fl_format(addr.sun_path, sizeof(addr.sun_path), err, "%s/run/fairlead/agent.sock",
			  root);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fl_fail_errno(err, errno, "make a socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return fl_fail(err, EAGAIN, "no agent answers at '%s'", addr.sun_path);
	*out = FL_TAKE_FD(fd);
	return 0;
}

static int write_body(const struct fl_key *key, char **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *o = fl_json_object();

	if (!o || fl_json_set_str(o, "network", key->network) < 0 ||
	    fl_json_set_str(o, "containerID", key->container_id) < 0 ||
	    fl_json_set_str(o, "ifname", key->ifname) < 0)
		return fl_fail_errno(err, ENOMEM, "write to the agent");
	return fl_json_print(o, 0, out, err);
}

static int send_request(int fd, const struct fl_key *key, struct fl_err *err)
{
	fl_auto_free char *body = NULL, *text = NULL;
	int n, r = write_body(key, &body, err);

	if (r < 0)
		return r;
	n = asprintf(&text,
		     "POST /v1/endpoints HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n"
		     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		     strlen(body), body);
	if (n < 0) {
		text = NULL;
		return fl_fail_errno(err, ENOMEM, "write to the agent");
	}
	/* It fits the socket's buffer; an agent that is gone is no reason to be killed. */
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		return fl_fail(err, EAGAIN, "the agent does not listen");
	return 0;
}

static int ask(struct fl_attach *a, struct fl_err *err)
{
	fl_auto_close int fd = -1;
	int r = connect_agent(a->req->root, &fd, err) ?: send_request(fd, &a->ep.key, err);

	if (r == 0)
		a->agent_fd = FL_TAKE_FD(fd);
	return r;
}

int fl_guard_join(struct fl_attach *a, struct fl_err *err)
{
	static const struct fl_blocks blocks = { FL_BLOCKS_INGRESS, FL_BLOCKS_EGRESS };
	fl_auto_batch struct fl_batch *b = NULL;
	struct fl_link anchor = { 0 };
	struct fl_err ignored;
	int r;

	a->guarded = false;
	if (a->conf->agent == FL_AGENT_NONE || a->ep.n_ips == 0 || !has_mark(a->req->root))
		return 0;
	/* To name blocks that do not exist would make them, empty: a pod under nobody's eyes. */
	r = fl_link_get(a->host, FL_BLOCKS_ANCHOR, &anchor, err);
	/* Nor may it stay outside for good; an agent that lives puts the link back in a moment. */
	if (r == -ENODEV)
		return fl_class(err,
				fl_fail(err, EAGAIN,
					"the datapath's link '%s' is gone: try again when the "
					"agent has put it back",
					FL_BLOCKS_ANCHOR),
				FL_CNI_TRY_LATER);
	if (r == 0)
		r = fl_batch_new(&b, err);
	if (r < 0)
		return r;
	/* It works while this waits for grace periods. One that is away may be there later. */
	FL_IGNORE(ask(a, &ignored));
	fl_tc_put_blocks(b, a->port.index, &blocks);
	r = fl_batch_send(a->host, b, err);
	if (r == -EEXIST && is_inside(a->host, a->port.index, &ignored) == 1)
		r = 0; /* the agent was faster */
	a->guarded = r == 0;
	return r < 0 ? fl_wrap(err, r, "interface '%s'", a->ep.host_ifname) : 0;
}

int fl_guard_check_agent(const struct fl_cni_req *req, const struct fl_attach_conf *conf,
			 struct fl_err *err)
{
	fl_auto_close int fd = -1;
	int r;

	if (conf->agent != FL_AGENT_REQUIRED)
		return 0;
	r = connect_agent(req->root, &fd, err);
	if (r == 0)
		return 0;
	return fl_class(err, fl_wrap(err, r, "config 'agent': 'required'"),
			req->verb == FL_CNI_STATUS ? FL_CNI_UNAVAILABLE : FL_CNI_TRY_LATER);
}

int fl_guard_check_room(const struct fl_cni_req *req, const struct fl_attach_conf *conf,
			struct fl_err *err)
{
	char text[FL_FULL_SIZE] = "";
	int r;

	if (conf->agent == FL_AGENT_NONE || !has_mark(req->root))
		return 0;
	r = fl_full_read(req->root, text, err);
	if (r <= 0)
		return r;
	return fl_class(err, fl_fail(err, ENOSPC, "%s", text), FL_CNI_LIMITED);
}

static bool is_yes(const char *answer)
{
	return strncmp(answer, "HTTP/1.1 2", 10) == 0;
}

/* 1: there is more to read, 0: that was the end, or an error. */
static int read_some(int fd, const struct fl_deadline *deadline, char *out, size_t *len,
		     struct fl_err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n = recv(fd, out + *len, ANSWER_MAX - 1 - *len, 0);
	int left;

	if (n >= 0) {
		*len += (size_t)n;
		out[*len] = '\0';
		return n > 0;
	}
	if (errno != EINTR && errno != EAGAIN)
		return 0;
	left = fl_deadline_left(deadline);
	if (left == 0 || poll(&p, 1, left) == 0)
		return fl_fail(err, EAGAIN, "the agent has not answered in time");
	return 1;
}

/* A yes at once; of another answer all that the agent has to say, until the deadline. */
static int read_answer(int fd, const struct fl_deadline *deadline, char out[ANSWER_MAX],
		       struct fl_err *err)
{
	size_t len = 0;
	int r = 1;

	while (r == 1 && len < ANSWER_MAX - 1 && !is_yes(out))
		r = read_some(fd, deadline, out, &len, err);
	return r < 0 ? r : 0;
}

/* 2xx: in force. Otherwise the agent's own words, which stand in {"error": ...}. */
static int judge_answer(const char *answer, struct fl_err *err)
{
	fl_auto_json struct fl_json *body = NULL;
	const char *text = strstr(answer, "\r\n\r\n"), *words = NULL;
	struct fl_err ignored;

	if (is_yes(answer))
		return 0;
	if (text && fl_json_parse(text + 4, strlen(text + 4), &body, &ignored) == 0)
		words = fl_json_str(fl_json_get(body, "error"));
	return fl_fail(err, EAGAIN, "the agent refuses: %s", words ? words : "no reason given");
}

static int hear(struct fl_attach *a, struct fl_err *err)
{
	char answer[ANSWER_MAX] = "";
	int r = a->agent_fd < 0 ? ask(a, err) : 0;

	r = r ?: read_answer(a->agent_fd, &a->req->deadline, answer, err);
	return r ?: judge_answer(answer, err);
}

int fl_guard_wait(struct fl_attach *a, struct fl_err *err)
{
	bool required = a->conf->agent == FL_AGENT_REQUIRED;
	struct fl_err ignored;
	int r;

	if (!a->guarded) {
		if (!required)
			return 0;
		return fl_class(
			err,
			fl_fail(err, EAGAIN,
				"config 'agent': 'required', but the agent has no datapath"),
			FL_CNI_TRY_LATER);
	}
	r = hear(a, required ? err : &ignored);
	if (r == 0 || !required)
		return 0;
	return fl_class(err, fl_wrap(err, r, "config 'agent': 'required'"), FL_CNI_TRY_LATER);
}

int fl_guard_check(const struct fl_check *k, const struct fl_attach_conf *conf, struct fl_err *err)
{
	char object[64];
	int r;

	if (conf->agent == FL_AGENT_NONE || !k->recorded || k->ep.no_agent || k->ep.n_ips == 0 ||
	    !has_mark(k->req->root))
		return 0;
	(void)snprintf(object, sizeof(object), "host interface '%s'", k->port.name);
	r = is_inside(k->host, k->port.index, err);
	if (r == -ENOENT || r == 0)
		return fl_drift(err, object, "to be in the datapath's blocks",
				r ? "no clsact qdisc" : "a clsact qdisc without them");
	return r < 0 ? r : 0;
}
