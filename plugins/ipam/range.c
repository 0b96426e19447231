// SPDX-License-Identifier: Apache-2.0
/* Ranges, sets of them, and the order in which addresses are tried. */
#include "plugins/ipam/range.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Too small for a network, a gateway and a pod is what the reference refuses: /31 and /127. */
static int check_subnet(const struct fl_prefix *subnet, struct fl_err *err)
{
	struct fl_prefix network = fl_prefix_network(subnet);
	char text[FL_PREFIX_STR], want[FL_PREFIX_STR];

	if (subnet->len > fl_ip_bits(&subnet->ip) - 2)
		return fl_fail(err, EINVAL, "'%s' is too small to allocate from, at most /%u is",
			       fl_prefix_format(subnet, text), fl_ip_bits(&subnet->ip) - 2);
	if (fl_ip_cmp(&network.ip, &subnet->ip) != 0)
		return fl_fail(err, EINVAL, "'%s' has host bits set, the network is '%s'",
			       fl_prefix_format(subnet, text), fl_prefix_format(&network, want));
	return 0;
}

static int check_inside(const struct ipam_range *r, const struct fl_ip *ip, struct fl_err *err)
{
	char text[FL_IP_STR], subnet[FL_PREFIX_STR];

	if (fl_prefix_contains(&r->subnet, ip))
		return 0;
	return fl_fail(err, EINVAL, "'%s' lies outside of the subnet '%s'", fl_ip_format(ip, text),
		       fl_prefix_format(&r->subnet, subnet));
}

int ipam_range_make(const struct fl_prefix *subnet, const struct ipam_range_text *given,
		    struct ipam_range *out, const char **bad_key, struct fl_err *err)
{
	struct ipam_range r = { .subnet = *subnet };
	struct fl_ip last = fl_prefix_last(subnet), first = fl_ip_add(&subnet->ip, 1);
	char start[FL_IP_STR], end[FL_IP_STR];
	int ret;

	*bad_key = "subnet";
	ret = check_subnet(subnet, err);
	if (ret < 0)
		return ret;
	r.gateway = given->gateway ? *given->gateway : first;
	r.start = given->start ? *given->start : first;
	r.end = fl_ip_is4(&last) ? fl_ip_sub(&last, 1) : last;
	if (given->end)
		r.end = *given->end;

	*bad_key = "rangeStart";
	ret = check_inside(&r, &r.start, err);
	if (ret < 0)
		return ret;
	*bad_key = "rangeEnd";
	ret = check_inside(&r, &r.end, err);
	if (ret < 0)
		return ret;
	if (fl_ip_cmp(&r.end, &r.start) < 0)
		return fl_fail(err, EINVAL, "'%s' lies before the range's start '%s'",
			       fl_ip_format(&r.end, end), fl_ip_format(&r.start, start));
	*out = r;
	return 0;
}

bool ipam_range_contains(const struct ipam_range *r, const struct fl_ip *ip)
{
	return fl_prefix_contains(&r->subnet, ip) && fl_ip_cmp(ip, &r->start) >= 0 &&
	       fl_ip_cmp(ip, &r->end) <= 0;
}

bool ipam_range_overlaps(const struct ipam_range *a, const struct ipam_range *b)
{
	return fl_ip_is4(&a->start) == fl_ip_is4(&b->start) && fl_ip_cmp(&a->start, &b->end) <= 0 &&
	       fl_ip_cmp(&b->start, &a->end) <= 0;
}

void ipam_set_done(struct ipam_set *set)
{
	fl_free_p(&set->ranges);
	set->n = 0;
}

int ipam_set_add(struct ipam_set *set, const struct ipam_range *r, struct fl_err *err)
{
	struct ipam_range *more = realloc(set->ranges, (set->n + 1) * sizeof(*more));

	if (!more)
		return fl_fail_errno(err, ENOMEM, "keep a range");
	set->ranges = more;
	set->ranges[set->n++] = *r;
	return 0;
}

int ipam_set_find(const struct ipam_set *set, const struct fl_ip *ip)
{
	for (size_t i = 0; i < set->n; i++) {
		if (ipam_range_contains(&set->ranges[i], ip))
			return (int)i;
	}
	return -1;
}

bool ipam_set_overlaps(const struct ipam_set *a, const struct ipam_set *b)
{
	for (size_t i = 0; i < a->n; i++) {
		for (size_t j = 0; j < b->n; j++) {
			if (ipam_range_overlaps(&a->ranges[i], &b->ranges[j]))
				return true;
		}
	}
	return false;
}

const char *ipam_set_format(const struct ipam_set *set, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < set->n && used < size; i++) {
		char start[FL_IP_STR], end[FL_IP_STR];
		int n = snprintf(out + used, size - used, "%s%s-%s", i ? ", " : "",
				 fl_ip_format(&set->ranges[i].start, start),
				 fl_ip_format(&set->ranges[i].end, end));

		used += n > 0 ? (size_t)n : 0;
	}
	return out;
}

struct ipam_walk ipam_walk_begin(const struct ipam_set *set, const struct fl_ip *last)
{
	struct ipam_walk w = { .set = set };
	int at = last ? ipam_set_find(set, last) : -1;

	if (at >= 0) {
		w.first = (size_t)at;
		w.last = *last;
		w.in_middle = true;
	}
	return w;
}

/* Begun in the middle, the first range is given twice: its rest first, its beginning last. */
const struct ipam_range *ipam_walk_next(struct ipam_walk *w, struct fl_ip *from, struct fl_ip *to)
{
	while (w->step < w->set->n + w->in_middle) {
		size_t step = w->step++;
		const struct ipam_range *r = &w->set->ranges[(w->first + step) % w->set->n];

		*from = r->start;
		*to = r->end;
		if (w->in_middle && step == 0) {
			if (fl_ip_cmp(&w->last, &r->end) == 0)
				continue;
			*from = fl_ip_add(&w->last, 1);
		} else if (step == w->set->n) {
			*to = w->last;
		}
		return r;
	}
	return NULL;
}
