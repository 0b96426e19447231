// SPDX-License-Identifier: Apache-2.0
/* Questions and answers. */
#include "agent/policy/ask.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

#include "base/text.h"

/* One end as it was written: a pod with its addresses, or one address. */
struct end {
	struct pol_end pol;
	char ns[64], name[256];
	const struct fl_ip *ips;
	size_t n_ips;
};

static int read_end(const struct pol_world *w, const char *text, struct end *out,
		    struct fl_err *err)
{
	const char *slash = strchr(text, '/');
	struct end e = { 0 };
	int r;

	if (!slash) {
		r = fl_ip_parse(text, &e.pol.ip, err);
		if (r < 0)
			return fl_fail(err, EINVAL,
				       "'%.300s' is neither namespace/pod nor an address", text);
		e.pol.has_ip = true;
		*out = e;
		return 0;
	}
	r = fl_format(e.ns, sizeof(e.ns), err, "%.*s", (int)(slash - text), text)
		    ?: fl_copy(e.name, sizeof(e.name), slash + 1, err)
		    ?: pol_world_pod_ips(w, e.ns, e.name, &e.ips, &e.n_ips, err);
	if (r == 0)
		*out = e;
	return r;
}

static int read_port(const char *text, uint8_t *proto, uint16_t *port, struct fl_err *err)
{
	static const struct {
		const char *name;
		uint8_t number;
		bool has_ports;
	} known[] = {
		{ "tcp", IPPROTO_TCP, true },	     { "udp", IPPROTO_UDP, true },
		{ "sctp", IPPROTO_SCTP, true },	     { "icmp", IPPROTO_ICMP, false },
		{ "icmpv6", IPPROTO_ICMPV6, false },
	};
	const char *slash = strchr(text, '/'), *name = slash ? slash + 1 : text;
	char number[8] = "";
	uint32_t n = 0;
	int r;

	for (size_t i = 0; i < FL_ARRAY_LEN(known); i++) {
		if (strcasecmp(known[i].name, name) != 0 || known[i].has_ports != (slash != NULL))
			continue;
		r = !slash ? 0
			   : fl_format(number, sizeof(number), err, "%.*s", (int)(slash - text), text)
				     ?: fl_parse_u32(number, 1, 65535, &n, err);
		if (r < 0)
			break;
		*proto = known[i].number;
		*port = (uint16_t)n;
		return 0;
	}
	return fl_fail(err, EINVAL, "'%.64s' is not a port like 80/tcp, 53/udp, 9/sctp, or icmp",
		       text);
}

static const char *verdict_text(bool allowed)
{
	return allowed ? "allowed" : "denied";
}

/* The rule's place in the policy's spec: "ingress[0].from[1].ports[0]". */
static int set_place(struct fl_json *obj, const struct pol_verdict *v, enum pol_direction dir)
{
	char text[96];
	int n = snprintf(text, sizeof(text), "%s[%d]", pol_direction_text(dir), v->rule);

	if (v->peer >= 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%s[%d]",
			      dir == POL_INGRESS ? "from" : "to", v->peer);
	if (v->port >= 0)
		(void)snprintf(text + n, sizeof(text) - (size_t)n, ".ports[%d]", v->port);
	return fl_json_set_str(obj, "rule", text);
}

static int say(char *out, size_t size, const struct pol_verdict *v, enum pol_direction dir)
{
	static const char *const why[] = {
		[POL_WHY_NO_POD] = "not a pod of the pod network: no policy applies",
		[POL_WHY_SELF] = "a pod reaches itself",
		[POL_WHY_NODE] = "a pod's own node reaches it",
		[POL_WHY_NOT_ISOLATED] = "no policy isolates the pod for",
		[POL_WHY_RULE] = "allowed by a rule of",
		[POL_WHY_DENIED] = "isolated, and no rule allows it; first of",
	};

	if (v->why == POL_WHY_NOT_ISOLATED)
		return snprintf(out, size, "%s %s", why[v->why], pol_direction_text(dir));
	if (v->why == POL_WHY_RULE)
		return snprintf(out, size, "%s %s/%s", why[v->why], v->ns, v->name);
	if (v->why == POL_WHY_DENIED)
		return snprintf(out, size, "%s %zu: %s/%s", why[v->why], v->n_policies, v->ns,
				v->name);
	return snprintf(out, size, "%s", why[v->why]);
}

static struct fl_json *direction_json(const struct pol_verdict *v, enum pol_direction dir)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	char text[512], policy[330];

	(void)say(text, sizeof(text), v, dir);
	if (!obj || fl_json_set_str(obj, "verdict", verdict_text(v->allowed)) < 0 ||
	    fl_json_set_str(obj, "reason", text) < 0)
		return NULL;
	if (v->ns) {
		(void)snprintf(policy, sizeof(policy), "%s/%s", v->ns, v->name);
		if (fl_json_set_str(obj, "policy", policy) < 0)
			return NULL;
	}
	if (v->why == POL_WHY_RULE && set_place(obj, v, dir) < 0)
		return NULL;
	return FL_TAKE(obj);
}

static int answer_json(const struct end *from, const struct end *to, const struct pol_answer *a,
		       struct fl_json *list, struct fl_err *err)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	const struct pol_end *any = from->pol.has_ip ? &from->pol : &to->pol;
	const char *family = !any->has_ip ? "none" : fl_ip_is4(&any->ip) ? "IPv4" : "IPv6";
	char text[FL_IP_STR];

	if (!obj || fl_json_set_str(obj, "family", family) < 0 ||
	    (from->pol.has_ip &&
	     fl_json_set_str(obj, "from", fl_ip_format(&from->pol.ip, text)) < 0) ||
	    (to->pol.has_ip && fl_json_set_str(obj, "to", fl_ip_format(&to->pol.ip, text)) < 0) ||
	    fl_json_set_str(obj, "verdict", verdict_text(a->allowed)) < 0)
		return fl_fail_errno(err, ENOMEM, "answer");
	for (int dir = POL_EGRESS; dir >= POL_INGRESS; dir--)
		if (fl_json_set(obj, pol_direction_text(dir), direction_json(&a->part[dir], dir)) <
		    0)
			return fl_fail_errno(err, ENOMEM, "answer");
	if (fl_json_append(list, FL_TAKE(obj)) < 0)
		return fl_fail_errno(err, ENOMEM, "answer");
	return 0;
}

/* The end's first address of the family; an end without any address has none of either. */
static bool choose_ip(const struct end *e, bool v4, struct pol_end *out)
{
	*out = e->pol;
	out->ns = *e->name ? e->ns : NULL;
	out->name = *e->name ? e->name : NULL;
	if (e->pol.has_ip)
		return fl_ip_is4(&e->pol.ip) == v4;
	for (size_t i = 0; i < e->n_ips; i++) {
		if (fl_ip_is4(&e->ips[i]) != v4)
			continue;
		out->ip = e->ips[i];
		out->has_ip = true;
		return true;
	}
	return false;
}

static bool has_no_ip(const struct end *e)
{
	return !e->pol.has_ip && !e->n_ips;
}

struct asked {
	const struct pol_world *w;
	const struct pol_question *q;
	const struct end *from, *to;
	uint8_t proto;
	uint16_t port;
	struct fl_json *answers;
	bool allowed, denied;
};

static bool is_own_node(const struct pol_question *q, const struct pol_end *end)
{
	return q->is_own && end->has_ip && q->is_own(&end->ip, q->arg);
}

/* Asks for one family, if both ends are of it; a pod without addresses goes along. */
static int ask_family(struct asked *q, bool v4, struct fl_err *err)
{
	struct end from = *q->from, to = *q->to;
	struct pol_answer a = { 0 };
	bool has_from = choose_ip(q->from, v4, &from.pol), has_to = choose_ip(q->to, v4, &to.pol);
	int r;

	if (!(has_from || has_no_ip(q->from)) || !(has_to || has_no_ip(q->to)) ||
	    (!v4 && !has_from && !has_to))
		return 0;
	from.pol.is_own_node = is_own_node(q->q, &from.pol);
	r = pol_explain(q->w, &from.pol, &to.pol, q->proto, q->port, &a, err)
		    ?: answer_json(&from, &to, &a, q->answers, err);
	q->allowed |= a.allowed;
	q->denied |= !a.allowed;
	return r;
}

int pol_ask(const struct pol_world *w, const struct pol_question *question, struct fl_json **out,
	    struct fl_err *err)
{
	fl_auto_json struct fl_json *obj = fl_json_object(), *answers = fl_json_array();
	struct end from = { 0 }, to = { 0 };
	struct asked q = { .w = w, .q = question, .from = &from, .to = &to, .answers = answers };
	int r;

	if (!obj || !answers)
		return fl_fail_errno(err, ENOMEM, "answer");
	r = read_end(w, question->from, &from, err) ?: read_end(w, question->to, &to, err)
						    ?: read_port(question->port, &q.proto, &q.port,
								 err);
	if (r < 0)
		return r;
	r = ask_family(&q, true, err) ?: ask_family(&q, false, err);
	if (r < 0)
		return r;
	if (!q.allowed && !q.denied)
		return fl_fail(err, EINVAL, "'%s' and '%s' have no address family in common",
			       question->from, question->to);
	if (fl_json_set_str(obj, "from", question->from) < 0 ||
	    fl_json_set_str(obj, "to", question->to) < 0 ||
	    fl_json_set_str(obj, "port", question->port) < 0 ||
	    fl_json_set_str(obj, "verdict",
			    q.allowed && q.denied ? "depends" : verdict_text(q.allowed)) < 0 ||
	    fl_json_set(obj, "answers", FL_TAKE(answers)) < 0)
		return fl_fail_errno(err, ENOMEM, "answer");
	*out = FL_TAKE(obj);
	return 0;
}
