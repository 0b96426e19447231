// SPDX-License-Identifier: Apache-2.0
/* Reading the configuration; range.c judges the ranges. */
#include "plugins/ipam/conf.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "cni/args.h"
#include "cni/code.h"

void ipam_conf_done(struct ipam_conf *conf)
{
	for (size_t i = 0; i < conf->n_sets; i++)
		ipam_set_done(&conf->sets[i]);
	fl_free_p(&conf->sets);
	fl_free_p(&conf->want);
	fl_cni_result_done(&conf->extra);
	*conf = (struct ipam_conf){ 0 };
}

/* As fl_cur_ip(), but "" counts as absent, as with the reference plugin. */
static int optional_ip(const struct fl_cur *c, const char *key, struct fl_ip *ip,
		       const struct fl_ip **out, struct fl_err *err)
{
	struct fl_cur m = fl_cur_member(c, key);
	int r;

	if (fl_json_type(m.v) == FL_JSON_STRING && fl_empty(fl_json_str(m.v)))
		return 0;
	r = fl_cur_ip(c, key, FL_OPTIONAL, ip, err);
	if (r > 0)
		*out = ip;
	return r < 0 ? r : 0;
}

/* The range described by c: an element of "ranges", or "ipam" itself in the old form. */
static int read_range(const struct fl_cur *c, struct ipam_range *out, struct fl_err *err)
{
	struct ipam_range_text given = { 0 };
	struct fl_ip start, end, gateway;
	struct fl_prefix subnet = { 0 };
	const char *bad_key = NULL;
	struct fl_cur bad;
	int r;

	r = fl_cur_prefix(c, "subnet", FL_REQUIRED, &subnet, err);
	if (r < 0)
		return r;
	r = optional_ip(c, "rangeStart", &start, &given.start, err);
	if (r < 0)
		return r;
	r = optional_ip(c, "rangeEnd", &end, &given.end, err);
	if (r < 0)
		return r;
	r = optional_ip(c, "gateway", &gateway, &given.gateway, err);
	if (r < 0)
		return r;
	r = ipam_range_make(&subnet, &given, out, &bad_key, err);
	if (r < 0) {
		bad = fl_cur_member(c, bad_key);
		return fl_cur_wrap(&bad, err, r);
	}
	return 0;
}

static int add_set(struct ipam_conf *conf, struct ipam_set **out, struct fl_err *err)
{
	struct ipam_set *more = realloc(conf->sets, (conf->n_sets + 1) * sizeof(*more));

	if (!more)
		return fl_fail_errno(err, ENOMEM, "keep a range set");
	conf->sets = more;
	*out = &conf->sets[conf->n_sets++];
	**out = (struct ipam_set){ 0 };
	return 0;
}

/* Adds r to the set, if it goes with those that are there; at is where it stands. */
static int add_range(struct ipam_set *set, const struct ipam_range *range, const struct fl_cur *at,
		     struct fl_err *err)
{
	char a[FL_PREFIX_STR], b[FL_PREFIX_STR];

	for (size_t i = 0; i < set->n; i++) {
		const struct ipam_range *have = &set->ranges[i];

		fl_prefix_format(&range->subnet, a);
		fl_prefix_format(&have->subnet, b);
		if (fl_ip_is4(&have->start) != fl_ip_is4(&range->start))
			return fl_cur_fail(at, err, "'%s' and '%s' mix address families in one set",
					   a, b);
		if (ipam_range_overlaps(have, range))
			return fl_cur_fail(at, err, "range of '%s' overlaps element %zu, '%s'", a,
					   i, b);
	}
	return ipam_set_add(set, range, err);
}

static int read_set(struct ipam_conf *conf, const struct fl_cur *c, size_t *n_ranges,
		    struct fl_err *err)
{
	struct ipam_set *set = NULL;
	size_t n = fl_json_len(c->v);
	int r;

	if (fl_json_type(c->v) != FL_JSON_ARRAY || n == 0)
		return fl_cur_fail(c, err, "expected an array of at least one range");
	*n_ranges += n;
	if (*n_ranges > IPAM_RANGES_MAX)
		return fl_cur_fail(c, err, "more than %d ranges", IPAM_RANGES_MAX);
	r = add_set(conf, &set, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct fl_cur at = fl_cur_at(c, i);
		struct ipam_range range;

		r = fl_cur_as_obj(&at, err);
		if (r < 0)
			return r;
		r = read_range(&at, &range, err);
		if (r < 0)
			return r;
		r = add_range(set, &range, &at, err);
		if (r < 0)
			return r;
	}
	return 0;
}

struct sets {
	struct ipam_conf *conf;
	size_t n_ranges; /* of all sets */
};

static int visit_set(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct sets *sets = arg;

	return read_set(sets->conf, at, &sets->n_ranges, err);
}

/* The reference's order: runtimeConfig.ipRanges, the old single range, ipam.ranges. */
static int read_all_sets(struct ipam_conf *conf, const struct fl_cur *runtime,
			 const struct fl_cur *ipam, struct fl_err *err)
{
	struct ipam_range range;
	struct ipam_set *set = NULL;
	bool is_old_form = fl_json_get(ipam->v, "subnet") != NULL;
	struct sets sets = { conf, is_old_form };
	int r;

	r = fl_cur_each(runtime, "ipRanges", visit_set, &sets, err);
	if (r < 0)
		return r;
	if (is_old_form) {
		r = read_range(ipam, &range, err);
		if (r < 0)
			return r;
		r = add_set(conf, &set, err);
		if (r < 0)
			return r;
		r = ipam_set_add(set, &range, err);
		if (r < 0)
			return r;
	}
	r = fl_cur_each(ipam, "ranges", visit_set, &sets, err);
	if (r < 0)
		return r;
	if (conf->n_sets == 0)
		return fl_cur_fail(ipam, err, "no ranges: expected 'subnet' or 'ranges'");
	return 0;
}

static int check_sets(const struct ipam_conf *conf, const struct fl_cur *ipam,
		      enum fl_cni_version version, struct fl_err *err)
{
	char a[96], b[96];
	size_t n4 = 0;

	for (size_t i = 0; i < conf->n_sets; i++) {
		n4 += fl_ip_is4(&conf->sets[i].ranges[0].start);
		for (size_t j = 0; j < i; j++) {
			if (!ipam_set_overlaps(&conf->sets[i], &conf->sets[j]))
				continue;
			return fl_cur_fail(ipam, err, "range set %zu (%s) overlaps set %zu (%s)", i,
					   ipam_set_format(&conf->sets[i], a, sizeof(a)), j,
					   ipam_set_format(&conf->sets[j], b, sizeof(b)));
		}
	}
	if (version < FL_CNI_V0_3_0 && (n4 > 1 || conf->n_sets - n4 > 1))
		return fl_cur_fail(ipam, err,
				   "%zu IPv4 and %zu IPv6 range sets, but cniVersion '%s' has at "
				   "most one address a family",
				   n4, conf->n_sets - n4, fl_cni_version_text(version));
	return 0;
}

static int add_want(struct ipam_conf *conf, const char *text, struct fl_err *err)
{
	struct fl_prefix p = { 0 };
	int r;

	r = fl_prefix_parse_loose(text, &p, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < conf->n_want; i++) {
		if (fl_ip_cmp(&conf->want[i], &p.ip) == 0)
			return 0;
	}
	if (conf->n_want == IPAM_WANT_MAX)
		return fl_fail(err, EINVAL, "more than %d requested addresses", IPAM_WANT_MAX);
	if (!conf->want)
		conf->want = calloc(IPAM_WANT_MAX, sizeof(*conf->want));
	if (!conf->want)
		return fl_fail_errno(err, ENOMEM, "keep requested addresses");
	conf->want[conf->n_want++] = p.ip;
	return 0;
}

static int visit_want(const struct fl_cur *at, void *conf, struct fl_err *err)
{
	const char *text = NULL;
	int r;

	r = fl_cur_as_str(at, &text, err);
	if (r < 0)
		return r;
	r = add_want(conf, text, err);
	return r < 0 ? fl_cur_wrap(at, err, r) : 0;
}

static int want_from_list(struct ipam_conf *conf, const struct fl_cur *c, struct fl_err *err)
{
	int r = fl_cur_each(c, "ips", visit_want, conf, err);

	return r < 0 ? r : 0;
}

/* IP of CNI_ARGS: one address, or several with commas between. */
static int want_from_args(struct ipam_conf *conf, const char *args, struct fl_err *err)
{
	fl_auto_cni_args struct fl_cni_args parsed = { 0 };
	char one[FL_PREFIX_STR];
	int r;

	r = fl_cni_args_parse(args, &parsed, err);
	if (r < 0)
		return r;
	for (const char *p = parsed.ip; !fl_empty(p);) {
		size_t n = strcspn(p, ",");

		if (n >= sizeof(one))
			r = fl_fail(err, EINVAL, "'%.64s' is not an IP address", p);
		else
			r = fl_format(one, sizeof(one), err, "%.*s", (int)n, p);
		if (r == 0)
			r = add_want(conf, one, err);
		if (r < 0)
			return fl_class(err, fl_wrap(err, r, "CNI_ARGS 'IP'"), FL_CNI_ENV);
		p += n + (p[n] == ',');
	}
	return 0;
}

static int read_wants(struct ipam_conf *conf, const struct fl_cur *root,
		      const struct fl_cur *runtime, const char *args, struct fl_err *err)
{
	struct fl_cur args_obj = { 0 }, cni = { 0 };
	int r;

	r = want_from_args(conf, args, err);
	if (r < 0)
		return r;
	r = fl_cur_obj(root, "args", FL_OPTIONAL, &args_obj, err);
	if (r > 0)
		r = fl_cur_obj(&args_obj, "cni", FL_OPTIONAL, &cni, err);
	if (r > 0)
		r = want_from_list(conf, &cni, err);
	if (r < 0)
		return r;
	return want_from_list(conf, runtime, err);
}

static int visit_route(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct fl_cni_route *route = NULL;
	struct ipam_conf *conf = arg;
	int r;

	r = fl_cni_result_add_route(&conf->extra, &route, err);
	return r < 0 ? r : fl_cni_route_read(at, route, err);
}

static int read_all(const struct fl_cur *root, enum fl_cni_version version, const char *args,
		    struct ipam_conf *conf, struct fl_err *err)
{
	struct fl_cur ipam = { 0 }, runtime = { 0 };
	const char *type = NULL;
	int r;

	conf->data_dir = conf->resolv_conf = "";
	r = fl_cur_obj(root, "ipam", FL_REQUIRED, &ipam, err);
	if (r < 0)
		return r;
	r = fl_cur_obj(root, "runtimeConfig", FL_OPTIONAL, &runtime, err);
	if (r < 0)
		return r;
	r = fl_cur_str(&ipam, "type", FL_OPTIONAL, &type, err);
	if (r < 0)
		return r;
	r = fl_cur_str(&ipam, "dataDir", FL_OPTIONAL, &conf->data_dir, err);
	if (r < 0)
		return r;
	r = fl_cur_str(&ipam, "resolvConf", FL_OPTIONAL, &conf->resolv_conf, err);
	if (r < 0)
		return r;
	r = read_all_sets(conf, &runtime, &ipam, err);
	if (r < 0)
		return r;
	r = check_sets(conf, &ipam, version, err);
	if (r < 0)
		return r;
	r = read_wants(conf, root, &runtime, args, err);
	if (r < 0)
		return r;
	r = fl_cur_each(&ipam, "routes", visit_route, conf, err);
	return r < 0 ? r : 0;
}

int ipam_conf_read(const struct fl_cur *root, enum fl_cni_version version, const char *args,
		   struct ipam_conf *out, struct fl_err *err)
{
	fl_auto_ipam_conf struct ipam_conf conf = { 0 };
	int r;

	r = read_all(root, version, args, &conf, err);
	if (r < 0)
		return fl_class(err, r, r == -ENOMEM ? FL_CNI_INTERNAL : FL_CNI_CONFIG);
	*out = conf;
	conf = (struct ipam_conf){ 0 };
	return 0;
}

int ipam_conf_data_dir(const struct fl_cur *root, const char **out, struct fl_err *err)
{
	struct fl_cur ipam = { 0 };
	int r;

	*out = "";
	r = fl_cur_obj(root, "ipam", FL_OPTIONAL, &ipam, err);
	if (r > 0)
		r = fl_cur_str(&ipam, "dataDir", FL_OPTIONAL, out, err);
	return r < 0 ? fl_class(err, r, FL_CNI_CONFIG) : 0;
}
