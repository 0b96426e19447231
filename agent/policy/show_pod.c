// SPDX-License-Identifier: Apache-2.0
/* A pod of the world as an object again: what pol_read_pod() reads of it, and no more. */
#include <errno.h>

#include "agent/policy/inside.h"

/* A new member of this type; NULL: out of memory. Borrowed. */
static struct fl_json *member(struct fl_json *obj, const char *key, struct fl_json *value)
{
	return obj && fl_json_set(obj, key, value) == 0 ? value : NULL;
}

static struct fl_json *element(struct fl_json *list)
{
	struct fl_json *value = fl_json_object();

	return list && fl_json_append(list, value) == 0 ? value : NULL;
}

static int put_metadata(struct fl_json *obj, const struct pol_pod *p)
{
	struct fl_json *meta = member(obj, "metadata", fl_json_object());
	struct fl_json *labels = meta ? member(meta, "labels", fl_json_object()) : NULL;
	int r = labels ? fl_json_set_str(meta, "namespace", p->ns)
				 ?: fl_json_set_str(meta, "name", p->name)
		       : -ENOMEM;

	if (r == 0 && *p->created)
		r = fl_json_set_str(meta, "creationTimestamp", p->created);
	if (r == 0 && p->deleting)
		r = fl_json_set_str(meta, "deletionTimestamp", p->created);
	for (size_t i = 0; r == 0 && i < p->labels.n; i++)
		r = fl_json_set_str(labels, p->labels.v[i].key, p->labels.v[i].value);
	return r;
}

/* One container has all the ports. */
static int put_spec(struct fl_json *obj, const struct pol_pod *p)
{
	struct fl_json *spec = member(obj, "spec", fl_json_object());
	struct fl_json *list = spec ? member(spec, "containers", fl_json_array()) : NULL;
	struct fl_json *one = list ? element(list) : NULL;
	struct fl_json *ports = one ? member(one, "ports", fl_json_array()) : NULL;
	int r = ports ? fl_json_set_bool(spec, "hostNetwork", p->host_network) : -ENOMEM;
	char text[8];

	if (r == 0 && p->node)
		r = fl_json_set_str(spec, "nodeName", p->node);
	for (size_t i = 0; r == 0 && i < p->n_ports; i++) {
		struct fl_json *port = element(ports);

		r = !port ? -ENOMEM
			  : fl_json_set_str(port, "name", p->ports[i].name) ?:
				    fl_json_set_int(port, "containerPort", p->ports[i].port) ?:
				    fl_json_set_str(port, "protocol",
						    pol_proto_text(p->ports[i].proto, text));
	}
	return r;
}

static int put_ips(struct fl_json *status, const char *key, const struct fl_ip *ips, size_t n)
{
	struct fl_json *list = member(status, key, fl_json_array());
	int r = list ? 0 : -ENOMEM;
	char text[FL_IP_STR];

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct fl_json *ip = element(list);

		r = ip ? fl_json_set_str(ip, "ip", fl_ip_format(&ips[i], text)) : -ENOMEM;
	}
	return r;
}

static int put_status(struct fl_json *obj, const struct pol_pod *p)
{
	struct fl_json *status = member(obj, "status", fl_json_object());

	if (!status)
		return -ENOMEM;
	return fl_json_set_str(status, "phase", p->finished ? "Succeeded" : "Running")
		       ?: put_ips(status, "podIPs", p->ips, p->n_ips)
		       ?: put_ips(status, "hostIPs", p->node_ips, p->n_node_ips);
}

int pol_show_pod(const struct pol_world *w, const char *ns, const char *name, struct fl_json **out,
		 struct fl_err *err)
{
	const struct pod *pod = pod_find(w, ns, name);
	fl_auto_json struct fl_json *obj = fl_json_object();
	int r;

	if (!pod)
		return fl_fail(err, ENOENT, "no pod '%s/%s'", ns, name);
	r = obj ? put_metadata(obj, &pod->p) ?: put_spec(obj, &pod->p) ?: put_status(obj, &pod->p)
		: -ENOMEM;
	if (r < 0)
		return fl_fail_errno(err, ENOMEM, "describe pod '%s/%s'", ns, name);
	*out = FL_TAKE(obj);
	return 0;
}
