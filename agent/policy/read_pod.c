// SPDX-License-Identifier: Apache-2.0
/* Namespaces and pods. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "agent/policy/read.h"
#include "agent/policy/valid.h"
#include "base/text.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

/* The label that every namespace has, whatever its object says. */
static int set_name_label(struct pol_namespace *ns, struct fl_err *err)
{
	struct pol_labels *l = &ns->labels;
	fl_auto_free char *key = strdup(NAME_LABEL), *value = strdup(ns->name);
	struct pol_label *v;
	size_t at = 0;

	if (!key || !value)
		return fl_fail_errno(err, ENOMEM, "read an object");
	while (at < l->n && strcmp(l->v[at].key, NAME_LABEL) < 0)
		at++;
	if (at == l->n || !fl_streq(l->v[at].key, NAME_LABEL)) {
		v = realloc(l->v, (l->n + 1) * sizeof(*v));
		if (!v)
			return fl_fail_errno(err, ENOMEM, "read an object");
		l->v = v;
		memmove(&v[at + 1], &v[at], (l->n - at) * sizeof(*v));
		l->n++;
		v[at] = (struct pol_label){ .key = FL_TAKE(key) };
	}
	fl_free_p(&l->v[at].value);
	l->v[at].value = FL_TAKE(value);
	return 0;
}

int pol_read_namespace(const struct fl_cur *object, struct pol_namespace *out, struct fl_err *err)
{
	fl_auto_pol_namespace struct pol_namespace ns = { 0 };
	fl_auto_pol_meta struct pol_meta m = { 0 };
	struct fl_cur meta;
	int r = pol_read_meta(object, false, &m, err);

	if (r < 0)
		return r;
	meta = fl_cur_member(object, "metadata");
	ns.name = FL_TAKE(m.name);
	r = pol_read_labels(&meta, "labels", &ns.labels, err) ?: set_name_label(&ns, err);
	if (r < 0)
		return r;
	*out = ns;
	ns = (struct pol_namespace){ 0 };
	return 0;
}

struct ips {
	struct fl_ip *v;
	size_t n;
};

/* Adds an address that is not among them yet; an empty text is none. */
static int add_ip(const struct fl_cur *c, const char *key, struct ips *ips, struct fl_err *err)
{
	struct fl_cur at = fl_cur_member(c, key);
	const char *text = NULL;
	struct fl_ip ip = { 0 }, *v;
	int r = fl_cur_str(c, key, FL_OPTIONAL, &text, err);

	if (r < 0 || fl_empty(text))
		return r < 0 ? r : 0;
	r = fl_ip_parse(text, &ip, err);
	if (r < 0)
		return fl_cur_wrap(&at, err, r);
	for (size_t i = 0; i < ips->n; i++)
		if (fl_ip_cmp(&ips->v[i], &ip) == 0)
			return 0;
	if (ips->n == POL_IPS_MAX)
		return fl_cur_fail(&at, err, "is one address more than %u", POL_IPS_MAX);
	v = realloc(ips->v, (ips->n + 1) * sizeof(*v));
	if (!v)
		return fl_fail_errno(err, ENOMEM, "read an object");
	ips->v = v;
	v[ips->n++] = ip;
	return 0;
}

static int add_listed_ip(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	return fl_cur_as_obj(at, err) ?: add_ip(at, "ip", arg, err);
}

/* status.podIP and podIPs, or hostIP and hostIPs. */
static int read_ips(const struct fl_cur *status, const char *one, const char *list,
		    struct fl_ip **out, size_t *n, struct fl_err *err)
{
	struct ips ips = { 0 };
	int r = add_ip(status, one, &ips, err);

	if (r == 0)
		r = fl_cur_each(status, list, add_listed_ip, &ips, err);
	*out = ips.v;
	*n = ips.n;
	return r < 0 ? r : 0;
}

static int read_port(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct pol_pod *pod = arg;
	struct pol_named_port p = { 0 }, *v;
	const char *name = "", *proto = "TCP";
	struct fl_cur place;
	uint32_t port = 0;
	int r = fl_cur_as_obj(at, err);

	if (r < 0 || (r = fl_cur_str(at, "name", FL_OPTIONAL, &name, err)) < 0 ||
	    (r = fl_cur_str(at, "protocol", FL_OPTIONAL, &proto, err)) < 0 ||
	    (r = fl_cur_u32(at, "containerPort", 1, 65535, &port, err)) < 0)
		return r;
	place = fl_cur_member(at, "containerPort");
	if (!port)
		return fl_cur_fail(&place, err, "missing, expected a number");
	place = fl_cur_member(at, "protocol");
	p.proto = pol_proto_parse(proto);
	if (!p.proto)
		return fl_cur_fail(&place, err, "'%.64s' is not TCP, UDP or SCTP", proto);
	if (!*name)
		return 0;
	place = fl_cur_member(at, "name");
	if (!pol_valid_port_name(name))
		return fl_cur_fail(&place, err, "'%.64s' is not a port's name", name);
	if (pod->n_ports == POL_NAMED_PORTS_MAX)
		return fl_cur_fail(at, err, "is one named port more than %u", POL_NAMED_PORTS_MAX);
	v = realloc(pod->ports, (pod->n_ports + 1) * sizeof(*v));
	if (!v)
		return fl_fail_errno(err, ENOMEM, "read an object");
	pod->ports = v;
	p.port = (uint16_t)port;
	memcpy(p.name, name, strlen(name));
	v[pod->n_ports++] = p;
	return 0;
}

static int read_container(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	int r = fl_cur_as_obj(at, err);

	if (r < 0)
		return r;
	r = fl_cur_each(at, "ports", read_port, arg, err);
	return r < 0 ? r : 0;
}

/* An init container has ended when the pod's life begins, unless it is a sidecar. */
static int read_init_container(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	const char *restart = "";
	int r = fl_cur_as_obj(at, err);

	if (r < 0)
		return r;
	r = fl_cur_str(at, "restartPolicy", FL_OPTIONAL, &restart, err);
	if (r < 0)
		return r;
	return fl_streq(restart, "Always") ? read_container(at, arg, err) : 0;
}

static int compare_ports(const void *a, const void *b)
{
	const struct pol_named_port *p = a, *q = b;
	int by_name = strcmp(p->name, q->name);

	if (by_name)
		return by_name;
	return p->proto != q->proto ? p->proto - q->proto : p->port - q->port;
}

/* Sorted, each once: two containers may name the same port, or one name two ports. */
static void sort_ports(struct pol_pod *pod)
{
	size_t n = 0;

	if (pod->n_ports)
		qsort(pod->ports, pod->n_ports, sizeof(*pod->ports), compare_ports);
	for (size_t i = 0; i < pod->n_ports; i++)
		if (n == 0 || compare_ports(&pod->ports[n - 1], &pod->ports[i]) != 0)
			pod->ports[n++] = pod->ports[i];
	pod->n_ports = n;
}

static int read_spec(const struct fl_cur *object, struct pol_pod *pod, struct fl_err *err)
{
	struct fl_cur spec = { 0 };
	const char *node = NULL;
	int r = fl_cur_obj(object, "spec", FL_OPTIONAL, &spec, err);

	if (r <= 0)
		return r;
	if ((r = fl_cur_bool(&spec, "hostNetwork", FL_OPTIONAL, &pod->host_network, err)) < 0 ||
	    (r = fl_cur_str(&spec, "nodeName", FL_OPTIONAL, &node, err)) < 0 ||
	    (r = fl_cur_each(&spec, "containers", read_container, pod, err)) < 0 ||
	    (r = fl_cur_each(&spec, "initContainers", read_init_container, pod, err)) < 0)
		return r;
	sort_ports(pod);
	if (fl_empty(node))
		return 0;
	pod->node = strdup(node);
	return pod->node ? 0 : fl_fail_errno(err, ENOMEM, "read an object");
}

static int read_status(const struct fl_cur *object, struct pol_pod *pod, struct fl_err *err)
{
	struct fl_cur status = { 0 };
	const char *phase = "";
	int r = fl_cur_obj(object, "status", FL_OPTIONAL, &status, err);

	if (r <= 0)
		return r;
	r = fl_cur_str(&status, "phase", FL_OPTIONAL, &phase, err);
	if (r < 0)
		return r;
	pod->finished = fl_streq(phase, "Succeeded") || fl_streq(phase, "Failed");
	return read_ips(&status, "podIP", "podIPs", &pod->ips, &pod->n_ips, err)
		       ?: read_ips(&status, "hostIP", "hostIPs", &pod->node_ips, &pod->n_node_ips,
				   err);
}

int pol_read_pod(const struct fl_cur *object, struct pol_pod *out, struct fl_err *err)
{
	fl_auto_pol_pod struct pol_pod pod = { 0 };
	fl_auto_pol_meta struct pol_meta m = { 0 };
	struct fl_cur meta;
	int r = pol_read_meta(object, true, &m, err);

	if (r < 0)
		return r;
	meta = fl_cur_member(object, "metadata");
	pod.ns = FL_TAKE(m.ns);
	pod.name = FL_TAKE(m.name);
	pod.deleting = m.deleting;
	(void)snprintf(pod.created, sizeof(pod.created), "%s", m.created);
	r = pol_read_labels(&meta, "labels", &pod.labels, err) ?: read_spec(object, &pod, err)
								?: read_status(object, &pod, err);
	if (r < 0)
		return r;
	*out = pod;
	pod = (struct pol_pod){ 0 };
	return 0;
}
