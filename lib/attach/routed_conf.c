// SPDX-License-Identifier: Apache-2.0
/* Reading a routed network's configuration. */
#include "attach/routed_conf.h"

#include <errno.h>
#include <stdio.h>

#include "cni/code.h"
#include "peers/vtep.h"

void fl_routed_conf_done(struct fl_routed_conf *conf)
{
	fl_free_p(&conf->peers);
	*conf = (struct fl_routed_conf){ 0 };
}

/* Something that must be the only one, and where it stands. */
struct mark {
	struct fl_prefix net; /* an address has its full length */
	uint64_t mac;	      /* among MAC addresses, in place of net */
	long peer;	      /* index; -1: this node's */
	size_t at;	      /* index in the peer's list */
	bool is_address;
};

/* What is being read. */
struct reading {
	struct fl_routed_conf *conf;
	bool overlay;
	struct mark *marks;
	size_t n;
};

static void reading_done(struct reading *rd)
{
	fl_free_p(&rd->marks);
}

static int visit_cidr(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct fl_peer *peer = arg;

	if (peer->n_cidrs == FL_PEER_CIDRS_MAX)
		return fl_cur_fail(at, err, "more than %d blocks", FL_PEER_CIDRS_MAX);
	return fl_cur_as_block(at, &peer->cidrs[peer->n_cidrs++], err);
}

static int add_ip(const struct fl_cur *at, const char *text, struct fl_peer *peer,
		  struct fl_err *err)
{
	struct fl_ip ip;
	int r = fl_ip_parse(text, &ip, err);

	if (r < 0)
		return fl_cur_wrap(at, err, r);
	if (peer->n_ips == 1 && fl_ip_is4(&peer->ips[0]) == fl_ip_is4(&ip))
		return fl_cur_fail(at, err, "'%s' is a second address of its family", text);
	if (peer->n_ips == FL_PEER_IPS_MAX)
		return fl_cur_fail(at, err, "more than %d addresses", FL_PEER_IPS_MAX);
	peer->ips[peer->n_ips++] = ip;
	if (!peer->name)
		peer->name = text;
	return 0;
}

static int visit_ip(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	const char *text = NULL;
	int r = fl_cur_as_str(at, &text, err);

	return r < 0 ? r : add_ip(at, text, arg, err);
}

/* "ip": one address, or "ips": one a family. */
static int read_ips(const struct fl_cur *c, struct fl_peer *peer, struct fl_err *err)
{
	struct fl_cur ip = fl_cur_member(c, "ip"), ips = fl_cur_member(c, "ips");
	const char *text = NULL;
	int one, r;

	one = fl_cur_str(c, "ip", FL_OPTIONAL, &text, err);
	if (one > 0)
		one = add_ip(&ip, text, peer, err) ?: 1;
	if (one < 0)
		return one;
	if (one && ips.v)
		return fl_cur_fail(&ips, err, "stands beside 'ip': expected one of them");
	r = fl_cur_each(c, "ips", visit_ip, peer, err);
	if (r < 0)
		return r;
	return peer->n_ips > 0 ? 0 : fl_cur_fail(c, err, "has neither 'ip' nor 'ips'");
}

static int visit_peer(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct reading *rd = arg;
	struct fl_peer *peer = &rd->conf->peers[rd->conf->n_peers++];
	struct fl_cur cidrs;
	int r;

	r = fl_cur_as_obj(at, err);
	if (r == 0)
		r = fl_cur_str(at, "name", FL_OPTIONAL, &peer->name, err);
	if (r >= 0)
		r = read_ips(at, peer, err);
	if (r >= 0)
		r = fl_cur_arr(at, "cidrs", FL_REQUIRED, &cidrs, err);
	if (r >= 0)
		r = fl_cur_each(at, "cidrs", visit_cidr, peer, err);
	if (r < 0)
		return r;
	if (peer->n_cidrs == 0)
		return fl_cur_fail(&cidrs, err, "expected at least one block");
	if (!rd->overlay)
		return 0;
	r = fl_attach_conf_mac(at, "mac", peer->mac, err);
	peer->has_mac = r > 0;
	return r < 0 ? r : 0;
}

static int read_peers(const struct fl_cur *c, struct reading *rd, struct fl_err *err)
{
	struct fl_cur at;
	int r = fl_cur_arr(c, "peers", FL_OPTIONAL, &at, err);
	size_t n = r > 0 ? fl_json_len(at.v) : 0;

	if (r <= 0)
		return r;
	if (n > FL_PEERS_MAX)
		return fl_cur_fail(&at, err, "%zu peers, at most %d", n, FL_PEERS_MAX);
	rd->conf->has_peers = true;
	rd->conf->peers = calloc(n + 1, sizeof(*rd->conf->peers));
	if (!rd->conf->peers)
		return fl_fail_errno(err, ENOMEM, "keep %zu peers", n);
	r = fl_cur_each(c, "peers", visit_peer, rd, err);
	return r < 0 ? r : 0;
}

/* Keeps the outermost blocks only. What is no prefix, the IPAM plugin will complain about. */
static int add_home(const struct fl_cur *c, struct fl_routed_conf *conf, struct fl_err *err)
{
	const char *text = fl_json_str(fl_json_get(c->v, "subnet"));
	struct fl_cur at = fl_cur_member(c, "subnet");
	struct fl_prefix net;
	struct fl_err ignored;
	size_t n = 0;

	if (!text || fl_prefix_parse(text, &net, &ignored) < 0)
		return 0;
	net = fl_prefix_network(&net);
	for (size_t i = 0; i < conf->n_home; i++) {
		if (!fl_prefix_overlaps(&conf->home[i], &net))
			conf->home[n++] = conf->home[i];
		else if (conf->home[i].len <= net.len)
			return 0;
	}
	if (n == FL_ROUTED_HOME_MAX)
		return fl_cur_fail(&at, err, "'%s' is one more than %d blocks", text,
				   FL_ROUTED_HOME_MAX);
	conf->home[n++] = net;
	conf->n_home = n;
	return 0;
}

static int visit_range(const struct fl_cur *at, void *conf, struct fl_err *err)
{
	return add_home(at, conf, err);
}

static int visit_set(const struct fl_cur *at, void *conf, struct fl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < fl_json_len(at->v); i++) {
		struct fl_cur range = fl_cur_at(at, i);

		r = visit_range(&range, conf, err);
	}
	return r;
}

/* The blocks that host-local's ranges lie in; of another IPAM plugin nothing is known. */
static int read_home(const struct fl_cur *c, struct fl_routed_conf *conf, struct fl_err *err)
{
	const struct fl_json *runtime = fl_json_get(c->v, "runtimeConfig");
	struct fl_cur ipam = fl_cur_member(c, "ipam"), at = fl_cur_member(&ipam, "type");
	int r;

	if (!conf->pod.ipam)
		return fl_cur_fail(&at, err, "missing: a routed pod has addresses");
	if (!fl_streq(conf->pod.ipam, "host-local"))
		return 0;
	conf->blocks_of_node = !fl_json_get(ipam.v, "subnet") &&
			       fl_json_len(fl_json_get(ipam.v, "ranges")) == 0 &&
			       fl_json_len(fl_json_get(runtime, "ipRanges")) == 0;
	r = add_home(&ipam, conf, err);
	if (r == 0)
		r = fl_cur_each(&ipam, "ranges", visit_set, conf, err);
	return r < 0 ? r : 0;
}

static int cmp_marks(const void *pa, const void *pb)
{
	const struct mark *a = pa, *b = pb;
	int r = fl_ip_is4(&a->net.ip) - fl_ip_is4(&b->net.ip);

	if (a->mac != b->mac)
		return a->mac < b->mac ? -1 : 1;
	if (r == 0)
		r = fl_ip_cmp(&a->net.ip, &b->net.ip);
	return r ? r : a->net.len - b->net.len;
}

/* "config 'peers[3].cidrs[0]'"; of this node's blocks, which are nobody's element, "this node's".
 */
static const char *mark_format(const struct reading *rd, const struct mark *m, char out[96])
{
	const struct fl_peer *peer = m->peer < 0 ? NULL : &rd->conf->peers[m->peer];

	if (!peer)
		(void)snprintf(out, 96, "this node's block");
	else if (m->mac && peer->has_mac)
		(void)snprintf(out, 96, "config 'peers[%ld].mac'", m->peer);
	else if (m->mac || m->is_address)
		(void)snprintf(out, 96, "config 'peers[%ld]'", m->peer);
	else
		(void)snprintf(out, 96, "config 'peers[%ld].cidrs[%zu]'", m->peer, m->at);
	return out;
}

static int clash(const struct reading *rd, const struct mark *a, const struct mark *b,
		 struct fl_err *err)
{
	const struct mark *first = a->peer < b->peer ? a : b, *second = first == a ? b : a;
	char p[96], q[96], x[FL_PREFIX_STR], y[FL_PREFIX_STR];

	if (a->mac)
		return fl_fail(err, EINVAL, "%s: its VTEP has the MAC address that %s has",
			       mark_format(rd, second, p), mark_format(rd, first, q));
	if (a->is_address && b->is_address)
		return fl_fail(err, EINVAL, "%s: '%s' is the address that %s has",
			       mark_format(rd, second, p), fl_ip_format(&a->net.ip, x),
			       mark_format(rd, first, q));
	fl_prefix_format(&second->net, x);
	fl_prefix_format(&first->net, y);
	return fl_fail(err, EINVAL, "%s: '%s' overlaps %s, '%s'", mark_format(rd, second, p), x,
		       mark_format(rd, first, q), y);
}

/*
 * Two prefixes overlap only if one holds the other; sorted, nothing stands between a prefix and
 * what it holds but what it holds as well. So neighbours tell.
 */
static int check_marks(struct reading *rd, struct fl_err *err)
{
	qsort(rd->marks, rd->n, sizeof(*rd->marks), cmp_marks);
	for (size_t i = 1; i < rd->n; i++) {
		const struct mark *a = &rd->marks[i - 1], *b = &rd->marks[i];

		if (a->mac == b->mac && fl_prefix_overlaps(&a->net, &b->net))
			return clash(rd, a, b, err);
	}
	return 0;
}

static void mark(struct reading *rd, const struct fl_prefix *net, long peer, size_t at)
{
	rd->marks[rd->n++] = (struct mark){ .net = *net, .peer = peer, .at = at };
}

static void mark_peer(struct reading *rd, size_t p)
{
	const struct fl_peer *peer = &rd->conf->peers[p];
	struct mark *m;

	for (size_t i = 0; i < peer->n_cidrs; i++)
		mark(rd, &peer->cidrs[i], (long)p, i);
	for (size_t i = 0; i < peer->n_ips; i++) {
		struct fl_prefix ip = { peer->ips[i], (uint8_t)fl_ip_bits(&peer->ips[i]) };

		mark(rd, &ip, (long)p, i);
		rd->marks[rd->n - 1].is_address = true;
	}
	if (!rd->overlay)
		return;
	m = &rd->marks[rd->n++];
	*m = (struct mark){ .peer = (long)p };
	if (peer->has_mac) {
		memcpy(&m->mac, peer->mac, FL_MAC_LEN);
	} else {
		uint8_t mac[FL_MAC_LEN];

		fl_vtep_mac(&peer->ips[0], mac);
		memcpy(&m->mac, mac, FL_MAC_LEN);
	}
}

static int check_overlaps(struct reading *rd, struct fl_err *err)
{
	size_t room = rd->conf->n_peers * (FL_PEER_CIDRS_MAX + FL_PEER_IPS_MAX + 1) +
		      rd->conf->n_home + 1;

	rd->marks = calloc(room, sizeof(*rd->marks));
	if (!rd->marks)
		return fl_fail_errno(err, ENOMEM, "compare %zu peers", rd->conf->n_peers);
	for (size_t i = 0; i < rd->conf->n_home; i++)
		mark(rd, &rd->conf->home[i], -1, i);
	for (size_t p = 0; p < rd->conf->n_peers; p++)
		mark_peer(rd, p);
	return check_marks(rd, err);
}

int fl_routed_conf_read(const struct fl_cur *c, const struct fl_cni_args *args, bool overlay,
			struct fl_routed_conf *out, struct fl_err *err)
{
	fl_auto_routed_conf struct fl_routed_conf conf = { 0 };
	fl_auto(reading_done) struct reading rd = { .conf = &conf, .overlay = overlay };
	int r;

	r = fl_attach_conf_read(c, args, &conf.pod, err);
	if (r == 0)
		r = fl_cur_bool(c, "ipMasq", FL_OPTIONAL, &conf.ip_masq, err);
	if (r >= 0)
		r = read_home(c, &conf, err);
	if (r >= 0)
		r = read_peers(c, &rd, err);
	if (r >= 0)
		r = check_overlaps(&rd, err);
	if (r < 0)
		return fl_class(err, r, r == -ENOMEM ? FL_CNI_INTERNAL : FL_CNI_CONFIG);
	*out = conf;
	conf = (struct fl_routed_conf){ 0 };
	return 0;
}

int fl_routed_conf_check_own(const struct fl_routed_conf *conf, const struct fl_ip *ip,
			     struct fl_err *err)
{
	char text[FL_IP_STR];

	for (size_t p = 0; p < conf->n_peers; p++)
		for (size_t i = 0; i < conf->peers[p].n_ips; i++)
			if (fl_ip_cmp(&conf->peers[p].ips[i], ip) == 0)
				return fl_class(err,
						fl_fail(err, EINVAL,
							"config 'peers[%zu]': '%s' is this "
							"node's address",
							p, fl_ip_format(ip, text)),
						FL_CNI_CONFIG);
	return 0;
}

int fl_routed_conf_check_local(const struct fl_routed_conf *conf, const struct fl_ip *local,
			       struct fl_err *err)
{
	const struct fl_prefix whole = { *local, (uint8_t)fl_ip_bits(local) };

	return fl_routed_conf_check_own(conf, local, err)
		       ?: fl_routed_conf_check_home(conf, &whole, 1, err);
}

int fl_routed_conf_check_home(const struct fl_routed_conf *conf, const struct fl_prefix *home,
			      size_t n, struct fl_err *err)
{
	char x[FL_PREFIX_STR], y[FL_PREFIX_STR];

	for (size_t p = 0; p < conf->n_peers; p++)
		for (size_t c = 0; c < conf->peers[p].n_cidrs; c++)
			for (size_t i = 0; i < n; i++) {
				const struct fl_prefix *theirs = &conf->peers[p].cidrs[c];
				int r;

				if (!fl_prefix_overlaps(theirs, &home[i]))
					continue;
				r = fl_fail(err, EINVAL,
					    "config 'peers[%zu].cidrs[%zu]': '%s' overlaps this "
					    "node's '%s'",
					    p, c, fl_prefix_format(theirs, x),
					    fl_prefix_format(&home[i], y));
				return fl_class(err, r, FL_CNI_CONFIG);
			}
	return 0;
}
