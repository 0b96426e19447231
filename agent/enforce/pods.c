// SPDX-License-Identifier: Apache-2.0
/* The pods of this node: what a record and an object say together. */
#include <errno.h>

#include "agent/enforce/inside.h"
#include "agent/policy/read.h"

static void close_pod(struct enf_pod **p)
{
	if (*p) {
		fl_free_p(&(*p)->ns);
		fl_free_p(&(*p)->name);
		fl_json_free(&(*p)->manifest);
		fl_free_p(&(*p)->problem);
	}
	fl_free_p(p);
}

static int compare(const struct enf_pod *p, const char *ns, const char *name)
{
	int order = strcmp(p->ns, ns);

	return order ?: strcmp(p->name, name);
}

/* The first place that does not stand before this one. */
static size_t place_of(const struct enf *e, const char *ns, const char *name)
{
	size_t low = 0, high = e->n_pods;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(e->pods[middle], ns, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct enf_pod *enf_pod_find(const struct enf *e, const char *ns, const char *name)
{
	size_t at = place_of(e, ns, name);

	return at < e->n_pods && compare(e->pods[at], ns, name) == 0 ? e->pods[at] : NULL;
}

/*
 * A pod that is attached here may have an object already that was another node's until now, and so
 * the world's only: it is this pod's, too, and stays when the attachment goes.
 */
static int adopt(struct enf *e, struct enf_pod *p, struct fl_err *err)
{
	/* A world that is lost is made anew, of all objects. */
	int r = e->lost ? -ENOENT : pol_show_pod(e->world, p->ns, p->name, &p->manifest, err);

	p->in_world = r == 0;
	return r == -ENOENT ? 0 : r;
}

int enf_pod_get(struct enf *e, const char *ns, const char *name, struct enf_pod **out,
		struct fl_err *err)
{
	fl_auto(close_pod) struct enf_pod *p = NULL;
	struct enf_pod **grown;
	size_t at = place_of(e, ns, name);
	int r;

	*out = enf_pod_find(e, ns, name);
	if (*out)
		return 0;
	grown = reallocarray(e->pods, e->n_pods + 1, sizeof(struct enf_pod *));
	if (grown)
		e->pods = grown;
	p = calloc(1, sizeof(*p));
	if (p) {
		p->ns = strdup(ns);
		p->name = strdup(name);
	}
	if (!grown || !p || !p->ns || !p->name)
		return fl_fail_errno(err, ENOMEM, "remember pod '%s/%s'", ns, name);
	r = adopt(e, p, err);
	if (r < 0)
		return r;
	memmove(e->pods + at + 1, e->pods + at, (e->n_pods - at) * sizeof(struct enf_pod *));
	e->n_pods++;
	*out = e->pods[at] = FL_TAKE(p);
	return 0;
}

void enf_pods_done(struct enf *e)
{
	for (size_t i = 0; i < e->n_pods; i++)
		close_pod(&e->pods[i]);
	fl_free_p(&e->pods);
	e->n_pods = 0;
}

/* The runtime's labels: [{"key","value"}] becomes {"key": "value"}. */
static int put_labels(struct fl_json *metadata, const struct fl_json *list)
{
	struct fl_json *labels = fl_json_object();
	int r = labels ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < fl_json_len(list); i++) {
		const struct fl_json *l = fl_json_at(list, i);
		const char *key = fl_json_str(fl_json_get(l, "key"));
		const char *value = fl_json_str(fl_json_get(l, "value"));

		if (key && value)
			r = fl_json_set_str(labels, key, value);
	}
	return fl_json_set(metadata, "labels", labels) ?: r;
}

/* A Pod as its records alone describe it. */
static struct fl_json *from_records(const struct enf *e, const struct enf_pod *p)
{
	fl_auto_json struct fl_json *pod = fl_json_object();
	struct fl_json *metadata = fl_json_object();
	int r;

	if (!pod || fl_json_set(pod, "metadata", metadata) < 0)
		return NULL;
	r = fl_json_set_str(metadata, "namespace", p->ns)
		    ?: fl_json_set_str(metadata, "name", p->name);
	for (size_t i = 0; r == 0 && i < e->n_atts; i++)
		if (e->atts[i]->pod == p && e->atts[i]->rec.labels)
			r = put_labels(metadata, e->atts[i]->rec.labels);
	return r == 0 ? FL_TAKE(pod) : NULL;
}

/* The member that is an object, made if it is not there; NULL: out of memory. */
static struct fl_json *section(struct fl_json *pod, const char *key)
{
	struct fl_json *have = fl_json_get(pod, key);

	if (have && fl_json_type(have) == FL_JSON_OBJECT)
		return have;
	have = fl_json_object();
	return fl_json_set(pod, key, have) == 0 ? have : NULL;
}

/*
 * A record alone makes no pod of this node: one that went without its DEL may be another node's by
 * now, as its object says.
 */
static bool is_here(const struct enf *e, const struct enf_pod *p)
{
	for (size_t i = 0; i < e->n_atts; i++)
		if (e->atts[i]->pod == p && e->atts[i]->ifindex)
			return true;
	return false;
}

/* The addresses are those that its interfaces here have, whatever the object says. */
static int put_addresses(const struct enf *e, const struct enf_pod *p, struct fl_json *status)
{
	struct fl_json *ips = fl_json_array();
	char text[FL_IP_STR];
	int r = fl_json_set(status, "podIPs", ips);

	for (size_t i = 0; r == 0 && i < e->n_atts; i++) {
		const struct fl_endpoint *rec = &e->atts[i]->rec;
		size_t n_ips = e->atts[i]->clash || !e->atts[i]->ifindex ? 0 : rec->n_ips;

		for (size_t k = 0; r == 0 && e->atts[i]->pod == p && k < n_ips; k++) {
			struct fl_json *ip = fl_json_object();

			r = fl_json_append(ips, ip)
				    ?: fl_json_set_str(ip, "ip",
						       fl_ip_format(&rec->ips[k].ip, text));
			if (r == 0 && fl_json_len(ips) == 1)
				r = fl_json_set_str(status, "podIP", text);
		}
	}
	return r;
}

/*
 * What is attached here is a running pod with a network of its own. An object that says otherwise
 * is of a time before or after, or of another pod of that name, and must not take the policy away.
 */
static int put_life(struct fl_json *spec, struct fl_json *status)
{
	return fl_json_set_str(status, "phase", "Running")
		       ?: fl_json_set_bool(spec, "hostNetwork", false);
}

/* This node, whose addresses are known without it; an object may still say where a pod of that name
 * was before. */
static int put_node(const struct enf *e, struct fl_json *spec, struct fl_json *status)
{
	return fl_json_set_str(spec, "nodeName", e->o.node)
		       ?: fl_json_set(status, "hostIP", fl_json_new_null())
		       ?: fl_json_set(status, "hostIPs", fl_json_new_null());
}

/* What the compiler is to see. */
static int describe(const struct enf *e, const struct enf_pod *p, bool here, struct fl_json **out,
		    struct fl_err *err)
{
	fl_auto_json struct fl_json *pod = p->manifest ? fl_json_copy(p->manifest)
						       : from_records(e, p);
	struct fl_json *spec, *status;
	int r = pod ? 0 : -ENOMEM;

	if (r == 0 && here) {
		spec = section(pod, "spec");
		status = section(pod, "status");
		r = !spec || !status ? -ENOMEM
				     : put_node(e, spec, status) ?:
					       put_life(spec, status) ?:
					       put_addresses(e, p, status);
	}
	if (r < 0)
		return fl_fail_errno(err, ENOMEM, "describe pod '%s/%s'", p->ns, p->name);
	*out = FL_TAKE(pod);
	return 0;
}

static int take_out(struct enf *e, struct enf_pod *p, struct fl_err *err)
{
	int r = p->in_world ? pol_world_del_pod(e->world, p->ns, p->name, err) : 0;

	p->in_world = r < 0 && p->in_world;
	return r;
}

/* What a runtime said may be no pod: that one is shut, and the others go on. */
static int refuse(struct enf *e, struct enf_pod *p, const char *why, struct fl_err *err)
{
	p->problem = strdup(why);
	if (!p->problem)
		return fl_fail_errno(err, ENOMEM, "remember pod '%s/%s'", p->ns, p->name);
	return take_out(e, p, err);
}

static int refresh(struct enf *e, struct enf_pod *p, struct fl_err *err)
{
	fl_auto_pol_pod struct pol_pod pod = { 0 };
	fl_auto_json struct fl_json *object = NULL;
	struct fl_err why;
	bool here = is_here(e, p);
	struct fl_cur c;
	int r;

	fl_free_p(&p->problem);
	if (!p->manifest && !here) {
		r = take_out(e, p, err);
	} else {
		r = describe(e, p, here, &object, err);
		if (r < 0)
			return r;
		c = fl_cur_root(object, "pod");
		r = pol_read_pod(&c, &pod, &why);
		pod.attached = here;
		if (r == 0) {
			r = pol_world_put_pod(e->world, &pod, err);
			p->in_world |= r == 0;
		} else {
			r = r == -ENOMEM ? fl_fail(err, ENOMEM, "%s", why.text)
					 : refuse(e, p, why.text, err);
		}
	}
	p->is_stale = r < 0;
	return r;
}

int enf_pods_refresh(struct enf *e, struct fl_err *err)
{
	struct fl_err one;
	size_t kept = 0;
	int first = 0;

	for (size_t i = 0; i < e->n_pods; i++) {
		struct enf_pod *p = e->pods[i];
		int r = p->is_stale ? refresh(e, p, &one) : 0;

		if (r < 0 && first == 0) {
			first = r;
			*err = one;
		}
		if (p->manifest || p->attachments > 0 || p->in_world)
			e->pods[kept++] = p;
		else
			close_pod(&p);
	}
	e->n_pods = kept;
	return first;
}

/* Pods of other nodes, which have no record here, are the world's only. */
static bool may_be_here(const struct enf *e, const struct pol_pod *pod)
{
	return !pod->node || fl_streq(pod->node, e->o.node);
}

int enf_put_pod(struct enf *e, const struct fl_cur *object, struct fl_err *err)
{
	fl_auto_pol_pod struct pol_pod pod = { 0 };
	struct fl_json *copy;
	struct enf_pod *p;
	int r = pol_read_pod(object, &pod, err);

	if (r < 0)
		return r;
	p = enf_pod_find(e, pod.ns, pod.name);
	if (!p && !may_be_here(e, &pod))
		return pol_world_put_pod(e->world, &pod, err);
	r = enf_pod_get(e, pod.ns, pod.name, &p, err);
	if (r < 0)
		return r;
	copy = fl_json_copy(object->v);
	if (!copy)
		return fl_fail_errno(err, ENOMEM, "remember pod '%s/%s'", pod.ns, pod.name);
	fl_json_free(&p->manifest);
	p->manifest = copy;
	p->is_stale = true;
	return 0;
}

int enf_del_pod(struct enf *e, const char *ns, const char *name, struct fl_err *err)
{
	struct enf_pod *p = enf_pod_find(e, ns, name);

	if (!p)
		return pol_world_del_pod(e->world, ns, name, err);
	fl_json_free(&p->manifest);
	p->is_stale = true;
	return 0;
}
