// SPDX-License-Identifier: Apache-2.0
/* Map entries in words. */
#include "agent/dump.h"

#include <endian.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "agent/flowlog.h"
#include "base/text.h"

/* Names of the bits that are set, as a list. */
struct bit {
	uint32_t bit;
	const char *name;
};

static int set_bits(struct fl_json *o, const char *key, uint32_t bits, const struct bit *names,
		    size_t n)
{
	struct fl_json *list = fl_json_array();
	int r = fl_json_set(o, key, list);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (bits & names[i].bit)
			r = fl_json_append(list, fl_json_new_str(names[i].name));
	return r;
}

static int set_pod(struct fl_json *o, const struct dump *d, const struct fl_in *in)
{
	struct fl_ip ip = dp_ip(in);
	struct pol_who who;
	char text[330];

	if (!pol_name_pod(d->w, &ip, &who))
		return 0;
	(void)snprintf(text, sizeof(text), "%s/%s", who.ns, who.name);
	return fl_json_set_str(o, "pod", text);
}

static int set_ip(struct fl_json *o, const struct fl_in *in)
{
	struct fl_ip ip = dp_ip(in);
	char text[FL_IP_STR];

	return fl_json_set_str(o, "ip", fl_ip_format(&ip, text));
}

static int set_interface(struct fl_json *o, uint32_t ifindex)
{
	char name[IF_NAMESIZE];
	int r = fl_json_set_int(o, "ifindex", ifindex);

	return r ?: if_indextoname(ifindex, name) ? fl_json_set_str(o, "interface", name) : 0;
}

static int set_zone(struct fl_json *o, uint32_t zone)
{
	return zone ? fl_json_set_int(o, "zone", zone) : 0;
}

static int set_mac(struct fl_json *o, const char *key, const uint8_t mac[6])
{
	char text[FL_MAC_STR];

	fl_mac_format(mac, text);
	return fl_json_set_str(o, key, text);
}

static int set_proto(struct fl_json *o, uint8_t proto)
{
	char text[8];

	return fl_json_set_str(o, "protocol", flowlog_proto_text(proto, text));
}

static int set_who(struct fl_json *o, const char *key, const struct dump *d, uint32_t number)
{
	char text[POL_WHO_SIZE];

	return fl_json_set_str(o, key, pol_name_who(d->w, number, text));
}

/* 0: policies do not see it. */
static int set_identity(struct fl_json *o, const struct dump *d, uint32_t identity)
{
	return !identity ? 0
			 : fl_json_set_int(o, "identity", identity) ?:
				   set_who(o, "pods", d, identity);
}

static int set_origin(struct fl_json *o, const struct dump *d, uint32_t origin)
{
	struct pol_rule_name rule;
	char text[330];

	if (!pol_name_rule(d->w, origin, &rule))
		return 0;
	(void)snprintf(text, sizeof(text), "%s/%s", rule.ns, rule.name);
	if (fl_json_set_str(o, "policy", text) < 0)
		return -ENOMEM;
	(void)snprintf(text, sizeof(text), "%s[%u]", pol_direction_text(rule.dir), rule.rule);
	return fl_json_set_str(o, "rule", text);
}

static int set_prefix(struct fl_json *o, const struct fl_prefix_key *key)
{
	unsigned int bits = key->prefixlen - 32;
	struct fl_prefix p = { dp_ip(&key->addr), 0 };
	char text[FL_PREFIX_STR];

	/* What is shorter than the part that all IPv4 addresses have in common is IPv6. */
	p.len = (uint8_t)(fl_ip_is4(&p.ip) && bits >= 96 ? bits - 96 : bits);
	return fl_json_set_str(o, "prefix", fl_prefix_format(&p, text)) ?: set_zone(o, key->zone);
}

static int set_end(struct fl_json *o, const char *key, const struct dump *d,
		   const struct fl_in *addr, int port)
{
	struct fl_json *end = fl_json_object();
	int r = fl_json_set(o, key, end) ?: set_ip(end, addr);

	if (r == 0 && port >= 0)
		r = fl_json_set_int(end, "port", port);
	return r ?: set_pod(end, d, addr);
}

static const char *state_of(uint8_t proto, const struct fl_flow *f)
{
	uint8_t both = f->tcp[0] & f->tcp[1], any = f->tcp[0] | f->tcp[1];
	bool replied = f->flags & FL_FLOW_REPLIED;

	if (proto != IPPROTO_TCP)
		return replied ? "replied" : "new";
	if ((both & FL_TCP_FIN) || (any & FL_TCP_RST))
		return "closed";
	if (any & FL_TCP_FIN)
		return "closing";
	return replied ? "established" : "opening";
}

static int flow_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	const struct fl_flow_key *key = k;
	const struct fl_flow *f = v;
	bool ports = fl_has_ports(key->proto);
	int opener = !!(f->flags & FL_FLOW_FROM1);
	int32_t age = (int32_t)(d->now.jiffies - f->seen);
	const char *path = fl_flow_is_by_stack(f)    ? "stack"
			   : f->flags & FL_FLOW_PEER ? "node"
						     : "pod";
	int r = set_proto(row, key->proto)
			?: set_end(row, "from", d, &key->addr[opener],
				   ports ? be16toh(key->port_be[opener]) : -1)
			?: set_end(row, "to", d, &key->addr[!opener],
				   ports ? be16toh(key->port_be[!opener]) : -1);

	return r ?: set_zone(row, key->zone) ?:
		    fl_json_set_str(row, "state", state_of(key->proto, f)) ?:
		    fl_json_set_str(row, "path", path) ?:
		    fl_json_set_int(row, "ageSeconds", age > 0 ? age / (int32_t)d->now.hz : 0) ?:
		    fl_json_set_int(row, "timeoutSeconds", fl_flow_timeout_s(key->proto, f)) ?:
		    fl_json_set_bool(row, "judged", f->generation == d->now.state.generation) ?:
		    set_origin(row, d, f->origin);
}

static bool flow_wanted(const struct dump *d, const void *k, const void *v)
{
	const struct fl_flow_key *key = k;

	(void)v;
	for (size_t i = 0; d->ips && i < 2 * d->n_ips; i++)
		if (memcmp(key->addr[i % 2].b, d->ips[i / 2].b, sizeof(d->ips->b)) == 0)
			return true;
	return !d->ips;
}

static int endpoint_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	const struct fl_endpoint_info *info = v;
	const struct fl_in *first = fl_in_is_zero(&info->ip4) ? &info->ip6 : &info->ip4;
	struct fl_json *ips = fl_json_array();
	char text[FL_IP_STR];
	int r = set_interface(row, *(const __u32 *)k) ?: set_pod(row, d, first);

	for (int i = 0; r == 0 && i < 2; i++) {
		const struct fl_in *in = i == 0 ? &info->ip4 : &info->ip6;
		struct fl_ip ip = dp_ip(in);

		if (!fl_in_is_zero(in) &&
		    fl_json_append(ips, fl_json_new_str(fl_ip_format(&ip, text))) < 0)
			r = -ENOMEM;
	}
	r = fl_json_set(row, "ips", ips) ?: r;
	return r ?: set_mac(row, "mac", info->mac) ?: set_mac(row, "hostMAC", info->host_mac) ?:
		    set_zone(row, info->zone) ?: fl_json_set_int(row, "identity", info->identity) ?:
		    set_who(row, "pods", d, info->identity) ?: fl_json_set_int(row, "slot", info->slot);
}

static int local_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	const struct fl_address_key *key = k;

	return set_ip(row, &key->addr) ?: set_zone(row, key->zone) ?:
	       set_interface(row, *(const __u32 *)v) ?: set_pod(row, d, &key->addr);
}

static int set_block(struct fl_json *row, const struct dump *d, uint32_t block)
{
	return block ? set_who(row, "block", d, block) : 0;
}

static int address_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	const struct fl_address_info *info = v;
	const struct fl_address_key *key = k;
	int r = set_ip(row, &key->addr) ?: set_zone(row, key->zone);

	r = r ?: set_identity(row, d, info->identity);
	if (r == 0 && info->identity)
		r = set_pod(row, d, &key->addr);
	if (r == 0 && info->ns)
		r = set_who(row, "namespace", d, info->ns);
	return r ?: set_block(row, d, info->block);
}

static int prefix_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	const struct fl_prefix_info *info = v;

	return set_prefix(row, k) ?: set_block(row, d, info->block);
}

static int special_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	static const struct bit names[] = { { FL_SPECIAL_NODE, "node" },
					    { FL_SPECIAL_SERVICE, "service" },
					    { FL_SPECIAL_PEER, "peer" } };

	(void)d;
	return set_prefix(row, k)
		       ?: set_bits(row, "flags", ((const struct fl_special *)v)->flags, names,
				   FL_ARRAY_LEN(names));
}

static int slot_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	static const struct bit names[] = { { FL_SLOT_INGRESS, "ingress" },
					    { FL_SLOT_EGRESS, "egress" },
					    { FL_SLOT_CLOSED, "closed" } };
	const struct fl_slot *s = v;

	(void)d;
	return fl_json_set_int(row, "slot", *(const __u32 *)k) ?:
	       fl_json_set_int(row, "version", s->version) ?:
	       set_bits(row, "isolates", s->flags, names, FL_ARRAY_LEN(names));
}

static bool slot_wanted(const struct dump *d, const void *k, const void *v)
{
	const struct fl_slot *s = v;

	(void)d;
	(void)k;
	return s->version || s->flags;
}

static int set_ports(struct fl_json *row, uint32_t ports)
{
	return ports == FL_RULE_ALL ? fl_json_set_str(row, "ports", "all")
				    : fl_json_set_int(row, "ports", ports);
}

static int rule_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	const struct fl_rule_key *key = k;
	const struct fl_rule *rule = v;

	return fl_json_set_int(row, "version", key->version) ?:
	       fl_json_set_str(row, "direction", key->dir == FL_EGRESS ? "egress" : "ingress") ?:
	       set_who(row, "who", d, key->who) ?: set_ports(row, rule->ports) ?:
	       set_origin(row, d, rule->origin);
}

static int port_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	const struct fl_port_key *key = k;
	unsigned int first = key->port, last = first + (1u << (FL_PORT_BITS - key->bits)) - 1;
	char text[16];

	(void)snprintf(text, sizeof(text), first == last ? "%u" : "%u-%u", first, last);
	return fl_json_set_int(row, "ports", key->ports) ?: set_proto(row, key->proto) ?:
	       fl_json_set_str(row, "range", key->bits ? text : "all") ?:
	       set_origin(row, d, ((const struct fl_port_info *)v)->origin);
}

static int fragment_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	const struct fl_fragment_key *key = k;
	const struct fl_fragment *f = v;
	bool ports = fl_has_ports(key->proto);
	struct fl_ip src = dp_ip(&key->src);

	return set_proto(row, key->proto) ?:
	       set_end(row, "from", d, &key->src, ports ? be16toh(f->sport_be) : -1) ?:
	       set_end(row, "to", d, &key->dst, ports ? be16toh(f->dport_be) : -1) ?:
	       set_zone(row, key->zone) ?:
	       fl_json_set_int(row, "id", fl_ip_is4(&src) ? be16toh((uint16_t)key->id_be)
							   : be32toh(key->id_be));
}

static int device_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	static const struct bit names[] = { { FL_DEVICE_DENIES, "denies" },
					    { FL_DEVICE_TUNNEL, "tunnel" } };

	(void)d;
	return set_interface(row, *(const __u32 *)k)
		       ?: set_bits(row, "flags", ((const struct fl_device *)v)->flags, names,
				   FL_ARRAY_LEN(names));
}

/* An IPv4 address as it stands in a packet. */
static int set_ip4(struct fl_json *o, const char *key, __u32 addr_be)
{
	struct fl_ip ip = fl_ip_from_raw(AF_INET, &addr_be);
	char text[FL_IP_STR];

	return fl_json_set_str(o, key, fl_ip_format(&ip, text));
}

static int tunnel_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	const struct fl_tunnel_key *key = k;
	const struct fl_tunnel *t = v;

	(void)d;
	return set_interface(row, key->ifindex) ?: set_mac(row, "mac", key->mac) ?:
	       set_ip4(row, "from", t->local_be) ?: set_ip4(row, "to", t->remote_be) ?:
	       fl_json_set_int(row, "port", be16toh(t->dport_be)) ?:
	       fl_json_set_int(row, "vni", be32toh(t->vni_be) >> 8);
}

static int denied_row(const struct dump *d, const void *k, const void *v, struct fl_json *row)
{
	(void)d;
	(void)v;
	return set_prefix(row, k);
}

static const struct dump_map maps[] = {
	{ "flows", DP_T_FLOWS, flow_row, flow_wanted },
	{ "endpoints", DP_T_ENDPOINTS, endpoint_row },
	{ "locals", DP_T_LOCALS, local_row },
	{ "addresses", DP_T_ADDRESSES, address_row },
	{ "prefixes", DP_T_PREFIXES, prefix_row },
	{ "specials", DP_T_SPECIALS, special_row },
	{ "slots", DP_T_SLOTS, slot_row, slot_wanted },
	{ "rules", DP_T_RULES, rule_row },
	{ "ports", DP_T_PORTS, port_row },
	{ "fragments", DP_T_FRAGMENTS, fragment_row },
	{ "devices", DP_T_DEVICES, device_row },
	{ "tunnels", DP_T_TUNNELS, tunnel_row },
	{ "denied", DP_T_DENIED, denied_row },
};
_Static_assert(FL_ARRAY_LEN(maps) == DP_TABLES, "every map can be shown");

const struct dump_map *dump_find(const char *name)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(maps); i++)
		if (fl_streq(maps[i].name, name))
			return &maps[i];
	return NULL;
}

const char *dump_names(char out[256])
{
	size_t n = 0;

	for (size_t i = 0; i < FL_ARRAY_LEN(maps); i++)
		n += (size_t)snprintf(out + n, 256 - n, "%s, ", maps[i].name);
	(void)snprintf(out + n, 256 - n, "state, counts or verdicts");
	return out;
}

int dump_add(const struct dump *d, const struct dump_map *map, const void *key, const void *value)
{
	struct fl_json *row;

	if (map->is_wanted && !map->is_wanted(d, key, value))
		return 0;
	row = fl_json_object();
	return fl_json_append(d->list, row) ?: map->row(d, key, value, row);
}
