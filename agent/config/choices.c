// SPDX-License-Identifier: Apache-2.0
/* Values that are one word of several, and lists. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "agent/config/fields.h"
#include "base/text.h"

/* Lists that may be longer are made by programs, and may repeat themselves. */
#define BY_HAND_MAX AGENT_BGP_PREFIXES_MAX

#define FIELD(type) ((type *)((char *)base + key->at))

static const char *const modes[] = {
	[AGENT_NONE] = "none",	   [AGENT_VXLAN] = "vxlan", [AGENT_HOST_GW] = "host-gw",
	[AGENT_DIRECT] = "direct", [AGENT_BGP] = "bgp",
};

const char *agent_mode_text(enum agent_mode mode)
{
	return modes[mode];
}

/* Which of the words stands at the cursor, from 0. */
static int choose(const struct fl_cur *at, const char *const words[], size_t n, size_t *out,
		  struct fl_err *err)
{
	const char *text = NULL;
	char all[128] = "";
	size_t used = 0;
	int r = fl_cur_as_str(at, &text, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (fl_streq(text, words[i])) {
			*out = i;
			return 0;
		}
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s'%s'",
					 i == 0	      ? ""
					 : i + 1 == n ? " or "
						      : ", ",
					 words[i]);
	}
	return fl_cur_fail(at, err, "'%.64s' is not %s", text, all);
}

int agent_read_mode(const struct agent_key *key, const struct fl_cur *at, void *base,
		    struct fl_err *err)
{
	size_t i = 0;
	int r = choose(at, modes, FL_ARRAY_LEN(modes), &i, err);

	if (r == 0)
		*FIELD(enum agent_mode) = (enum agent_mode)i;
	return r;
}

int agent_read_source(const struct agent_key *key, const struct fl_cur *at, void *base,
		      struct fl_err *err)
{
	static const char *const words[] = { "manifests", "kubernetes" };
	size_t i = 0;
	int r = choose(at, words, FL_ARRAY_LEN(words), &i, err);

	(void)key;
	(void)base;
	if (r == 0 && i != 0)
		return fl_cur_fail(at, err, "'%s' is not built yet, expected '%s'", words[i],
				   words[0]);
	return r;
}

int agent_read_later(const struct agent_key *key, const struct fl_cur *at, void *base,
		     struct fl_err *err)
{
	(void)key;
	(void)base;
	return fl_cur_fail(at, err, "is not built yet");
}

int agent_read_underlay(const struct agent_key *key, const struct fl_cur *at, void *base,
			struct fl_err *err)
{
	static const char *const words[] = { "auto", "ipv4", "ipv6" };
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6 };
	size_t i = 0;
	int r = choose(at, words, FL_ARRAY_LEN(words), &i, err);

	if (r == 0)
		*FIELD(int) = families[i];
	return r;
}

int agent_read_unknown_endpoint(const struct agent_key *key, const struct fl_cur *at, void *base,
				struct fl_err *err)
{
	static const char *const words[] = { "deny", "allow" };
	size_t i = 0;
	int r = choose(at, words, FL_ARRAY_LEN(words), &i, err);

	if (r == 0)
		*FIELD(bool) = i == 1;
	return r;
}

int agent_read_xdp(const struct agent_key *key, const struct fl_cur *at, void *base,
		   struct fl_err *err)
{
	static const char *const words[] = {
		[AGENT_XDP_NONE] = "none",
		[AGENT_XDP_NATIVE] = "native",
		[AGENT_XDP_GENERIC] = "generic",
	};
	size_t i = 0;
	int r = choose(at, words, FL_ARRAY_LEN(words), &i, err);

	if (r == 0)
		*FIELD(enum agent_xdp) = (enum agent_xdp)i;
	return r;
}

int agent_read_log_level(const struct agent_key *key, const struct fl_cur *at, void *base,
			 struct fl_err *err)
{
	static const char *const words[] = { "error", "warn", "info", "debug" };
	size_t i = 0;
	int r = choose(at, words, FL_ARRAY_LEN(words), &i, err);

	if (r == 0)
		*FIELD(const char *) = words[i];
	return r;
}

int agent_read_log_format(const struct agent_key *key, const struct fl_cur *at, void *base,
			  struct fl_err *err)
{
	static const char *const words[] = { "text", "json" };
	size_t i = 0;
	int r = choose(at, words, FL_ARRAY_LEN(words), &i, err);

	if (r == 0)
		*FIELD(bool) = i == 1;
	return r;
}

/*
 * False for what no BGP peer can have (unspecified, loopback, multicast, class E), and for
 * link-local ones, which BIRD cannot reach without being told an interface.
 */
static bool is_peer_address(const struct fl_ip *ip)
{
	static const uint8_t zero[16];

	if (fl_ip_is4(ip))
		return ip->b[12] != 0 && ip->b[12] != 127 && ip->b[12] < 224 &&
		       !(ip->b[12] == 169 && ip->b[13] == 254);
	return memcmp(ip->b, zero, 15) != 0 && ip->b[0] != 0xff &&
	       !(ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80);
}

int agent_read_peer_address(const struct agent_key *key, const struct fl_cur *at, void *base,
			    struct fl_err *err)
{
	struct fl_ip ip = { 0 };
	char text[FL_IP_STR];
	int r = fl_cur_ip(at->up, at->key, FL_REQUIRED, &ip, err);

	if (r < 0)
		return r;
	if (!is_peer_address(&ip))
		return fl_cur_fail(at, err,
				   "'%s' is no address of a BGP peer: expected a unicast one that "
				   "is neither loopback nor link-local",
				   fl_ip_format(&ip, text));
	*FIELD(struct fl_ip) = ip;
	return 0;
}

int agent_read_cluster_id(const struct agent_key *key, const struct fl_cur *at, void *base,
			  struct fl_err *err)
{
	const char *text = NULL;
	struct fl_ip ip;
	uint32_t id;
	int r = agent_text_at(at, &text, err);

	if (r < 0 || !text)
		return r;
	if (fl_ip_parse(text, &ip, err) < 0 || strchr(text, ':'))
		return fl_cur_fail(at, err, "'%.64s' is not a number written like 192.0.2.1", text);
	memcpy(&id, ip.b + 12, sizeof(id));
	if (id == 0)
		return fl_cur_fail(
			at, err, "'%s' stands for none (RFC 4456), expected another number", text);
	*FIELD(uint32_t) = ntohl(id);
	return 0;
}

/* Room for a list at the cursor, at most key->max long; NULL in *out when it is empty. */
static int make_list(const struct agent_key *key, const struct fl_cur *at, size_t size, void **out,
		     struct fl_err *err)
{
	size_t n = fl_json_len(at->v);
	struct fl_cur list;
	int r = fl_cur_arr(at->up, at->key, FL_REQUIRED, &list, err);

	if (r < 0)
		return r;
	if (n > key->max)
		return fl_cur_fail(at, err, "%zu elements, expected at most %u", n, key->max);
	*out = n ? calloc(n, size) : NULL;
	if (n && !*out)
		return fl_fail_errno(err, ENOMEM, "read the configuration");
	return 0;
}

/* In a list that people write, whoever says a block twice meant another one. */
static int check_new(const struct fl_cur *at, const struct fl_prefix *list, size_t i,
		     struct fl_err *err)
{
	for (size_t k = 0; k < i; k++) {
		if (list[k].len == list[i].len && fl_ip_cmp(&list[k].ip, &list[i].ip) == 0)
			return fl_cur_fail(at, err,
					   "'%s' is in the list already, expected a block "
					   "once",
					   fl_json_str(at->v));
	}
	return 0;
}

int agent_read_prefixes(const struct agent_key *key, const struct fl_cur *at, void *base,
			struct fl_err *err)
{
	fl_auto_free struct fl_prefix *list = NULL;
	int r = make_list(key, at, sizeof(*list), (void **)&list, err);

	for (size_t i = 0; r == 0 && i < fl_json_len(at->v); i++) {
		struct fl_cur element = fl_cur_at(at, i);

		r = fl_cur_as_block(&element, &list[i], err);
		if (r == 0 && key->max <= BY_HAND_MAX)
			r = check_new(&element, list, i, err);
	}
	if (r < 0)
		return r;
	*FIELD(struct fl_prefix *) = FL_TAKE(list);
	*(size_t *)((char *)base + key->count_at) = fl_json_len(at->v);
	return 0;
}

int agent_read_cluster_cidrs(const struct agent_key *key, const struct fl_cur *at, void *base,
			     struct fl_err *err)
{
	int r = agent_read_prefixes(key, at, base, err);

	/* Named peers may announce what lies within: the default route would be among it. */
	for (size_t i = 0; r == 0 && i < fl_json_len(at->v); i++) {
		struct fl_cur element = fl_cur_at(at, i);

		if ((*FIELD(struct fl_prefix *))[i].len == 0)
			r = fl_cur_fail(&element, err,
					"'%s' holds all addresses, expected what the nodes' "
					"blocks lie in",
					fl_json_str(element.v));
	}
	return r;
}

/* "64512:100" with 16 bits each, or three numbers of 32 bits. */
static int read_community(const struct fl_cur *at, struct agent_community *out, struct fl_err *err)
{
	const char *text = NULL, *p;
	struct fl_err ignored;
	int r = fl_cur_as_str(at, &text, err);

	if (r < 0)
		return r;
	p = text;
	out->n = 0;
	while (p && out->n < 3) {
		const char *colon = strchr(p, ':');
		size_t n = colon ? (size_t)(colon - p) : strlen(p);
		char part[12] = "";

		if (n < sizeof(part))
			memcpy(part, p, n);
		if (fl_parse_u32(part, 0, UINT32_MAX, &out->part[out->n], &ignored) < 0)
			break;
		out->n++;
		p = colon ? colon + 1 : NULL;
	}
	if (p || out->n < 2 ||
	    (out->n == 2 && (out->part[0] > UINT16_MAX || out->part[1] > UINT16_MAX)))
		return fl_cur_fail(at, err,
				   "'%.64s' is not a community like '64512:100' (16 bits each) or "
				   "'64512:1:100' (32 bits each)",
				   text);
	return 0;
}

int agent_read_communities(const struct agent_key *key, const struct fl_cur *at, void *base,
			   struct fl_err *err)
{
	fl_auto_free struct agent_community *list = NULL;
	int r = make_list(key, at, sizeof(*list), (void **)&list, err);

	for (size_t i = 0; r == 0 && i < fl_json_len(at->v); i++) {
		struct fl_cur element = fl_cur_at(at, i);

		r = read_community(&element, &list[i], err);
	}
	if (r < 0)
		return r;
	*FIELD(struct agent_community *) = FL_TAKE(list);
	*(size_t *)((char *)base + key->count_at) = fl_json_len(at->v);
	return 0;
}

int agent_read_peers(const struct agent_key *key, const struct fl_cur *at, void *base,
		     struct fl_err *err)
{
	struct agent_bgp *bgp = &((struct agent_config *)base)->bgp;
	struct agent_bgp_peer *peers = NULL;
	int r = make_list(key, at, sizeof(*peers), (void **)&peers, err);

	/* Owned by the configuration from now on, what they hold included. */
	bgp->peers = peers;
	for (size_t i = 0; r == 0 && i < fl_json_len(at->v); i++) {
		struct fl_cur element = fl_cur_at(at, i), address;

		bgp->n_peers = i + 1;
		peers[i] = (struct agent_bgp_peer){ .port = 179, .graceful_restart = true };
		address = fl_cur_member(&element, "address");
		r = fl_cur_as_obj(&element, err);
		if (r == 0 && !address.v)
			r = fl_cur_fail(&address, err, "missing, expected an IP address");
		if (r == 0)
			r = agent_keys_read("bgp.peers[].", &element, &peers[i], err);
	}
	return r;
}
