// SPDX-License-Identifier: Apache-2.0
/* berth net: what cnitool does, and the two newer verbs. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cni/name.h"
#include "runtime/cmd.h"
#include "runtime/container.h"
#include "runtime/net_load.h"
#include "runtime/netpath.h"

#define USAGE                                                   \
	"berth net add|check|del [--id ID] NETWORK [NETNS] or " \
	"berth net gc [--valid ID:IFNAME]... NETWORK or "       \
	"berth net status NETWORK"

struct net_args {
	const char *verb, *network;
	const char *id;	       /* --id */
	struct fl_json *valid; /* --valid, as GC wants it; NULL: not given */
	char netns[PATH_MAX];  /* absolute, "" when not given */
	char default_id[BERTH_DEFAULT_ID];
};

static void net_args_done(struct net_args *a)
{
	fl_json_free(&a->valid);
}

/* "ID:IFNAME" to an element of *list, which is made when it is NULL. */
static int add_valid(const char *text, struct fl_json **list, struct fl_err *err)
{
	fl_auto_json struct fl_json *one = fl_json_object();
	fl_auto_free char *id = strdup(text);
	char *colon = id ? strchr(id, ':') : NULL;

	if (!*list)
		*list = fl_json_array();
	if (!id || !*list)
		return fl_fail_errno(err, ENOMEM, "read --valid");
	if (!*text) /* --valid '': an empty list */
		return 0;
	if (!colon || colon == id || !colon[1])
		return fl_fail(err, EINVAL, "--valid: '%s' is not of the form ID:IFNAME", text);
	*colon = '\0';
	if (fl_json_set_str(one, "containerID", id) < 0 ||
	    fl_json_set_str(one, "ifname", colon + 1) < 0 ||
	    fl_json_append(*list, FL_TAKE(one)) < 0)
		return fl_fail_errno(err, ENOMEM, "read --valid");
	return 0;
}

static int parse(int argc, char **argv, struct net_args *a, struct fl_err *err)
{
	static const struct option options[] = { { "id", required_argument, NULL, 'i' },
						 { "valid", required_argument, NULL, 'v' },
						 { 0 } };
	int c, r, left;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = 0;
		if (c == 'i')
			a->id = optarg;
		else if (c == 'v')
			r = add_valid(optarg, &a->valid, err);
		else
			return berth_usage(err, USAGE);
		if (r < 0)
			return r;
	}
	left = argc - optind;
	if (left < 2 || left > 3)
		return berth_usage(err, USAGE);
	a->verb = argv[optind];
	a->network = argv[optind + 1];
	if (left < 3)
		return 0;
	r = berth_netns_path(argv[optind + 2], a->netns, err);
	return r < 0 ? fl_wrap(err, r, "NETNS") : 0;
}

static int print(const struct fl_json *v, struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	int r = fl_json_print(v, 4, &text, err);

	if (r < 0)
		return r;
	if (puts(text) < 0 || fflush(stdout) != 0)
		return fl_fail_errno(err, errno, "print the result");
	return 0;
}

/* The three verbs on one attachment. */
static int do_attachment(const struct berth_env *env, const struct berth_list *list,
			 struct net_args *a, struct fl_err *err)
{
	struct berth_driver d = berth_env_driver(env, 0);
	struct berth_rt rt = { .id = a->id, .ifname = env->ifname, .netns = a->netns };
	fl_auto_json struct fl_json *result = NULL;
	bool is_del = fl_streq(a->verb, "del");
	int r;

	rt.args = env->args;
	rt.caps = env->caps;
	if (!*a->netns && !(is_del && a->id))
		return fl_fail(err, EINVAL, "net %s: NETNS is missing%s", a->verb,
			       is_del ? " (or --id)" : "");
	if (!rt.id) {
		berth_default_id(a->netns, a->default_id);
		rt.id = a->default_id;
	}
	if (fl_streq(a->verb, "check"))
		return berth_driver_check(&d, list, &rt, err);
	if (is_del)
		return berth_driver_del(&d, list, &rt, err);
	r = berth_driver_add(&d, list, &rt, &result, err);
	return r < 0 ? r : print(result, err);
}

struct living {
	const struct berth_env *env;
	const char *network;
	struct fl_json *valid;
};

static int add_networks(struct living *l, const struct berth_state *s, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < fl_json_len(s->networks); i++) {
		const struct fl_json *net = fl_json_at(s->networks, i);
		const char *ifname = fl_json_str(fl_json_get(net, "ifname"));
		char text[FL_CNI_ID_MAX + FL_CNI_IFNAME_MAX + 2];

		if (!ifname || !fl_streq(fl_json_str(fl_json_get(net, "name")), l->network))
			continue;
		r = fl_format(text, sizeof(text), err, "%s:%s", s->id, ifname);
		if (r == 0)
			r = add_valid(text, &l->valid, err);
	}
	return r;
}

/*
 * Adds the container's attachments to the network, if it runs or is just being worked on. Where
 * that cannot be told nothing is collected: it may live.
 */
static int add_living(void *arg, const char *id, struct fl_err *err)
{
	struct living *l = arg;
	berth_auto_state struct berth_state s = { 0 };
	fl_auto_close int dir = -1, pidfd = -1;
	int r = berth_state_open(l->env, id, 0, &dir, err) ?: berth_state_load(dir, &s, err);

	if (r == 0 && !berth_state_busy(dir))
		r = berth_container_open(&s, &pidfd, err);
	if (r == -ENOENT || r == -ESRCH)
		return 0;
	return r < 0 ? fl_wrap(err, r, "container '%s'", id) : add_networks(l, &s, err);
}

static int do_gc(const struct berth_env *env, const struct berth_list *list, struct net_args *a,
		 struct fl_err *err)
{
	struct berth_driver d = berth_env_driver(env, 0);
	struct living l = { .env = env, .network = list->name };
	int r;

	if (!a->valid) {
		l.valid = fl_json_array();
		r = l.valid ? berth_state_each(env, add_living, &l, err)
			    : fl_fail_errno(err, ENOMEM, "list containers");
		a->valid = l.valid;
		if (r < 0)
			return r;
	}
	return berth_driver_gc(&d, list, a->valid, err);
}

int berth_cmd_net(const struct berth_env *env, int argc, char **argv, struct fl_err *err)
{
	fl_auto(net_args_done) struct net_args a = { 0 };
	static const char *const verbs[] = { "add", "check", "del", "gc", "status" };
	struct berth_driver d = berth_env_driver(env, 0);
	berth_auto_list struct berth_list list = { 0 };
	size_t verb = 0;
	int r;

	r = parse(argc, argv, &a, err);
	if (r < 0)
		return r;
	while (verb < FL_ARRAY_LEN(verbs) && !fl_streq(a.verb, verbs[verb]))
		verb++;
	if (verb == FL_ARRAY_LEN(verbs))
		return berth_usage(err, USAGE);
	r = berth_list_load(a.network, env->conf_dir, &list, err);
	if (r < 0)
		return r;
	if (fl_streq(a.verb, "gc"))
		return do_gc(env, &list, &a, err);
	if (fl_streq(a.verb, "status"))
		return berth_driver_status(&d, &list, err);
	return do_attachment(env, &list, &a, err);
}
