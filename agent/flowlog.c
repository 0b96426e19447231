// SPDX-License-Identifier: Apache-2.0
/* A ring of events with names. */
#include "agent/flowlog.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/datapath/datapath.h"
#include "base/text.h"

#define POLICIES_MAX 4 /* that are named where none allows it */
#define NAME_SIZE    330
#define ALIKE_MAX    8 /* events back in which one with the same names is looked for */

struct flow {
	uint64_t number;
	int64_t when_us; /* since 1970 */
	struct fl_event e;
	uint32_t identity[2]; /* of source and destination; 0: no pod, or policies do not see it */
	/* Texts one after the other, each with a NUL; owned. NULL: none. */
	char *names;
	size_t names_len;
	bool has[2], by_rule;	/* which are there: pods, the rule */
	unsigned int isolating; /* policies that are named, where none allows it */
};

struct flowlog {
	struct flow v[FLOWLOG_MAX];
	uint64_t base, next; /* number of the first that ever was, and of the next */
	uint64_t same;	     /* of the first since which nobody's name has changed */
};

static int64_t now_us(clockid_t clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int flowlog_new(struct flowlog **out, struct fl_err *err)
{
	struct flowlog *l = calloc(1, sizeof(*l));

	if (!l)
		return fl_fail_errno(err, ENOMEM, "remember events");
	/* Above whatever an earlier agent has used, as long as that had less than a million a
	 * second. */
	l->base = l->next = l->same = (uint64_t)now_us(CLOCK_REALTIME);
	*out = l;
	return 0;
}

void flowlog_free(struct flowlog **l)
{
	for (size_t i = 0; *l && i < FLOWLOG_MAX; i++)
		fl_free_p(&(*l)->v[i].names);
	fl_free_p(l);
}

/* Texts under construction. */
struct names {
	char text[(2 + POLICIES_MAX + 1) * NAME_SIZE];
	size_t len;
};

static void put_name(struct names *n, const char *ns, const char *name)
{
	int len = snprintf(n->text + n->len, NAME_SIZE, "%s/%s", ns, name);

	n->len += (len < NAME_SIZE ? (size_t)len : NAME_SIZE - 1u) + 1;
}

static void name_pods(struct flow *f, const struct pol_world *w, const struct pol_who *pod,
		      struct names *n)
{
	const struct fl_in *ends[2] = { &f->e.src, &f->e.dst };
	/* What a pod sends and what is sent to it tells which end it is. */
	int own = f->e.dir == FL_EGRESS ? 0 : 1;

	for (int i = 0; i < 2; i++) {
		struct fl_ip ip = dp_ip(ends[i]);
		struct pol_who who;

		f->has[i] = pol_name_pod(w, &ip, &who);
		if (i == own && pod) {
			who = *pod;
			f->has[i] = true;
		}
		if (!f->has[i])
			continue;
		f->identity[i] = who.identity;
		put_name(n, who.ns, who.name);
	}
}

static void name_rule(struct flow *f, const struct pol_world *w, struct names *n)
{
	struct pol_rule_name rule;
	int len;

	f->by_rule = pol_name_rule(w, f->e.origin, &rule);
	if (!f->by_rule)
		return;
	put_name(n, rule.ns, rule.name);
	len = snprintf(n->text + n->len, NAME_SIZE, "%s[%u]", pol_direction_text(rule.dir),
		       rule.rule);
	n->len += (size_t)len + 1;
}

/*
 * Whose policies have denied it: those of the destination for what comes in, unless the packet is
 * a reply of a connection that is not allowed any more.
 */
static void name_isolating(struct flow *f, const struct pol_world *w, struct names *n)
{
	enum pol_direction dir = f->e.reason == FL_R_POLICY_INGRESS ? POL_INGRESS : POL_EGRESS;
	struct pol_end from = { .ip = dp_ip(&f->e.src), .has_ip = true };
	struct pol_end to = { .ip = dp_ip(&f->e.dst), .has_ip = true };
	struct pol_policy_name names[POLICIES_MAX];
	struct pol_answer a = { 0 };
	struct fl_err ignored;
	bool is_reply = pol_explain(w, &from, &to, f->e.proto, be16toh(f->e.dport_be), &a,
				    &ignored) == 0 &&
			a.part[dir].allowed;
	bool at_target = (dir == POL_INGRESS) != is_reply;
	size_t found = pol_name_isolating(w, at_target ? &to.ip : &from.ip, dir, names,
					  POLICIES_MAX);

	for (size_t i = 0; i < found; i++)
		put_name(n, names[i].ns, names[i].name);
	f->isolating = (unsigned int)found;
}

static void name_all(struct flow *f, const struct pol_world *w, const struct pol_who *pod)
{
	struct names n = { .len = 0 };

	name_pods(f, w, pod, &n);
	if (!fl_is_drop(f->e.reason))
		name_rule(f, w, &n);
	else if (f->e.reason == FL_R_POLICY_INGRESS || f->e.reason == FL_R_POLICY_EGRESS)
		name_isolating(f, w, &n);
	f->names_len = n.len;
	f->names = n.len ? malloc(n.len) : NULL;
	if (f->names)
		memcpy(f->names, n.text, n.len);
}

/* Whether the names of two events are the same, since all that they come from is. */
static bool is_alike(const struct fl_event *a, const struct fl_event *b)
{
	return fl_in_equal(&a->src, &b->src) && fl_in_equal(&a->dst, &b->dst) &&
	       a->dport_be == b->dport_be && a->proto == b->proto && a->reason == b->reason &&
	       a->dir == b->dir && a->ifindex == b->ifindex && a->origin == b->origin;
}

/* True when a recent event has the same names: who floods is not explained again and again. */
static bool copy_names(const struct flowlog *l, struct flow *f)
{
	for (uint64_t i = f->number; i > l->same && f->number - i < ALIKE_MAX; i--) {
		const struct flow *like = &l->v[(i - 1) % FLOWLOG_MAX];

		if (!like->names || !is_alike(&like->e, &f->e))
			continue;
		f->names = malloc(like->names_len);
		if (!f->names)
			return false;
		memcpy(f->names, like->names, like->names_len);
		f->names_len = like->names_len;
		memcpy(f->identity, like->identity, sizeof(f->identity));
		memcpy(f->has, like->has, sizeof(f->has));
		f->by_rule = like->by_rule;
		f->isolating = like->isolating;
		return true;
	}
	return false;
}

void flowlog_begin(struct flowlog *l)
{
	l->same = l->next;
}

void flowlog_add(struct flowlog *l, const struct pol_world *w, const struct fl_event *e,
		 const struct pol_who *pod)
{
	struct flow *f = &l->v[l->next % FLOWLOG_MAX];
	int64_t age_us = now_us(CLOCK_MONOTONIC) - (int64_t)(e->when_ns / 1000);

	fl_free_p(&f->names);
	*f = (struct flow){ .number = l->next++,
			    .when_us = now_us(CLOCK_REALTIME) - age_us,
			    .e = *e };
	if (!w || copy_names(l, f))
		return;
	name_all(f, w, pod);
	if (!f->names)
		*f = (struct flow){ .number = f->number, .when_us = f->when_us, .e = *e };
}

static const char *after_name(const char *name)
{
	return name + strlen(name) + 1;
}

static bool is_wanted(const struct flow *f, const struct flowlog_query *q)
{
	const char *name = f->names;

	if (q->drops && !fl_is_drop(f->e.reason))
		return false;
	for (int i = 0; q->pod && i < 2; i++) {
		if (f->has[i] && fl_streq(name, q->pod))
			return true;
		name = f->has[i] ? after_name(name) : name;
	}
	return !q->pod;
}

static int set_time(struct fl_json *o, int64_t when_us)
{
	time_t s = (time_t)(when_us / 1000000);
	struct tm t = { 0 };
	char text[64];
	size_t n;

	(void)gmtime_r(&s, &t);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &t);
	(void)snprintf(text + n, sizeof(text) - n, ".%06dZ", (int)(when_us % 1000000));
	return fl_json_set_str(o, "time", text);
}

static int set_end(struct fl_json *o, const char *key, const struct flow *f, int i,
		   const struct pol_world *w, const char *pod)
{
	const struct fl_in *in = i == 0 ? &f->e.src : &f->e.dst;
	uint16_t port = be16toh(i == 0 ? f->e.sport_be : f->e.dport_be);
	struct fl_json *end = fl_json_object(), *labels = NULL;
	struct fl_ip ip = dp_ip(in);
	struct fl_err ignored;
	char text[FL_IP_STR];
	int r = fl_json_set(o, key, end);

	if (r == 0 && !fl_in_is_zero(in))
		r = fl_json_set_str(end, "ip", fl_ip_format(&ip, text));
	if (r == 0 && fl_has_ports(f->e.proto))
		r = fl_json_set_int(end, "port", port);
	if (r == 0 && pod)
		r = fl_json_set_str(end, "pod", pod);
	if (r < 0 || !f->identity[i])
		return r;
	r = pol_identity_labels(w, f->identity[i], &labels, &ignored);
	return r ?: fl_json_set_int(end, "identity", f->identity[i]) ?:
		    fl_json_set(end, "labels", labels);
}

static int set_policies(struct fl_json *o, const struct flow *f, const char *name)
{
	struct fl_json *list;
	int r = 0;

	if (f->by_rule)
		return fl_json_set_str(o, "policy", name)
			       ?: fl_json_set_str(o, "rule", after_name(name));
	if (f->e.reason != FL_R_POLICY_INGRESS && f->e.reason != FL_R_POLICY_EGRESS)
		return 0;
	list = fl_json_array();
	if (fl_json_set(o, "isolatedBy", list) < 0)
		return -ENOMEM;
	for (unsigned int i = 0; r == 0 && i < f->isolating; i++, name = after_name(name))
		r = fl_json_append(list, fl_json_new_str(name));
	return r;
}

static int add_row(const struct flow *f, const struct pol_world *w, struct fl_json *list)
{
	const char *name = f->names, *pods[2] = { NULL, NULL };
	struct fl_json *o = fl_json_object();
	char proto[8];
	int r = fl_json_append(list, o);

	for (int i = 0; i < 2; i++)
		if (f->has[i]) {
			pods[i] = name;
			name = after_name(name);
		}
	r = r ?: fl_json_set_int(o, "number", (int64_t)f->number) ?: set_time(o, f->when_us) ?:
	    fl_json_set_str(o, "verdict", fl_is_drop(f->e.reason) ? "dropped" : "forwarded") ?:
	    fl_json_set_str(o, "reason", dp_reason_text((enum fl_reason)f->e.reason)) ?:
	    fl_json_set_str(o, "direction", dp_direction_text((enum fl_dir)f->e.dir));
	if (r == 0 && f->e.proto)
		r = fl_json_set_str(o, "protocol", flowlog_proto_text(f->e.proto, proto));
	return r ?: fl_json_set_int(o, "bytes", f->e.length) ?:
		    fl_json_set_int(o, "ifindex", f->e.ifindex) ?:
		    set_end(o, "from", f, 0, w, pods[0]) ?: set_end(o, "to", f, 1, w, pods[1]) ?:
		    set_policies(o, f, name);
}

const char *flowlog_proto_text(uint8_t proto, char out[8])
{
	static const struct {
		uint8_t proto;
		const char *text;
	} known[] = {
		{ IPPROTO_TCP, "tcp" },	  { IPPROTO_UDP, "udp" },	{ IPPROTO_SCTP, "sctp" },
		{ IPPROTO_ICMP, "icmp" }, { IPPROTO_ICMPV6, "icmpv6" },
	};

	for (size_t i = 0; i < FL_ARRAY_LEN(known); i++)
		if (known[i].proto == proto)
			return known[i].text;
	(void)snprintf(out, 8, "%u", proto);
	return out;
}

static const struct flow *flow_at(const struct flowlog *l, uint64_t number)
{
	return &l->v[number % FLOWLOG_MAX];
}

/* The first of the last max events that are wanted. */
static uint64_t find_last(const struct flowlog *l, const struct flowlog_query *q, uint64_t first)
{
	uint64_t at = l->next;

	for (size_t n = 0; at > first && n < q->max; at--)
		n += is_wanted(flow_at(l, at - 1), q);
	return at;
}

int flowlog_json(const struct flowlog *l, const struct pol_world *w, const struct flowlog_query *q,
		 struct fl_json **out, size_t *n, struct fl_err *err)
{
	fl_auto_json struct fl_json *doc = fl_json_object();
	struct fl_json *list = fl_json_array();
	uint64_t oldest = l->next - l->base > FLOWLOG_MAX ? l->next - FLOWLOG_MAX : l->base;
	uint64_t at = q->has_after ? q->after + 1 : find_last(l, q, oldest), lost;
	size_t found = 0;
	int r = fl_json_set(doc, "flows", list);

	/* Numbers of an earlier agent, or of nobody. */
	at = at < l->base || at > l->next ? l->base : at;
	lost = at < oldest ? oldest - at : 0;
	for (at += lost; r == 0 && at < l->next && found < q->max; at++)
		if (is_wanted(flow_at(l, at), q)) {
			r = add_row(flow_at(l, at), w, list);
			found++;
		}
	if (r < 0 || fl_json_set_int(doc, "next", (int64_t)at - 1) < 0 ||
	    fl_json_set_int(doc, "lost", (int64_t)lost) < 0)
		return fl_fail_errno(err, ENOMEM, "list events");
	*n = found;
	*out = FL_TAKE(doc);
	return 0;
}
