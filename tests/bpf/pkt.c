// SPDX-License-Identifier: Apache-2.0
/* Building packets. */
#include "pkt.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdbool.h>
#include <string.h>

static const uint8_t pod_mac[6] = { 2, 0, 0, 0, 0, 0x0a }, gateway_mac[6] = { 2, 0, 0, 0, 0, 0xfe };

struct buffer {
	uint8_t *b;
	size_t n;
};

static void put(struct buffer *o, const void *data, size_t len)
{
	assert(o->n + len <= PKT_MAX);
	memcpy(o->b + o->n, data, len);
	o->n += len;
}

static void put16(struct buffer *o, uint16_t v)
{
	put(o, &(uint16_t){ htons(v) }, 2);
}

static void put_zeroes(struct buffer *o, size_t len)
{
	static const uint8_t zero[PKT_MAX];

	put(o, zero, len);
}

static bool is_v6(const struct pkt *p)
{
	return strchr(p->src, ':');
}

static void put_address(struct buffer *o, const char *text)
{
	uint8_t raw[16];

	if (strchr(text, ':')) {
		assert(inet_pton(AF_INET6, text, raw) == 1);
		put(o, raw, 16);
	} else {
		assert(inet_pton(AF_INET, text, raw) == 1);
		put(o, raw, 4);
	}
}

static void put_mac(struct buffer *o, const uint8_t mac[6], const uint8_t fallback[6])
{
	static const uint8_t none[6];

	put(o, memcmp(mac, none, 6) ? mac : fallback, 6);
}

static void put_ip(struct buffer *o, const struct pkt *p);

static void put_icmp(struct buffer *o, const struct pkt *p)
{
	put(o, (uint8_t[]){ p->type, p->code, 0, 0 }, 4);
	if (p->about) {
		put_zeroes(o, 4);
		put_ip(o, p->about);
		return;
	}
	put16(o, p->dport);
	put16(o, 1);
	if (p->claimed)
		put_address(o, p->claimed);
}

static void put_l4(struct buffer *o, const struct pkt *p)
{
	uint8_t proto = p->proto ?: IPPROTO_UDP;

	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		put_icmp(o, p);
	} else if (proto == IPPROTO_TCP) {
		uint8_t flags = (p->tcp & PKT_SYN ? 2 : 0) | (p->tcp & PKT_ACK ? 16 : 0) |
				(p->tcp & PKT_FIN ? 1 : 0) | (p->tcp & PKT_RST ? 4 : 0);

		put16(o, p->sport);
		put16(o, p->dport);
		put_zeroes(o, 8);
		put(o, (uint8_t[]){ p->odd & PKT_BAD_OFFSET ? 0x40 : 0x50, flags }, 2);
		put_zeroes(o, 6);
	} else if (proto == IPPROTO_UDP) {
		put16(o, p->sport);
		put16(o, p->dport);
		put16(o, (uint16_t)(8 + p->payload));
		put16(o, 0);
	} else if (proto == IPPROTO_SCTP) {
		put16(o, p->sport);
		put16(o, p->dport);
		put_zeroes(o, 8);
	}
	put_zeroes(o, p->payload);
}

static uint16_t ip_checksum(const uint8_t *b, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)(b[i] << 8 | b[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t odd_length(const struct pkt *p, size_t len)
{
	if (p->odd & PKT_LONG_LENGTH)
		return (uint16_t)(len + 1);
	return (uint16_t)(p->odd & PKT_SHORT_LENGTH ? 12 : len);
}

static void put_ip4(struct buffer *o, const struct pkt *p)
{
	size_t begin = o->n, header = 20 + p->options;
	uint8_t *h = o->b + begin;

	put(o,
	    (uint8_t[]){ (uint8_t)((p->odd & PKT_BAD_VERSION ? 0x50 : 0x40) |
				   (p->odd & PKT_BAD_IHL ? 4 : header / 4)),
			 0 },
	    2);
	put16(o, 0); /* the length, when it is known */
	put16(o, p->id);
	put16(o, (uint16_t)((p->more ? 0x2000 : 0) | p->offset));
	put(o, (uint8_t[]){ p->ttl ?: 64, p->proto ?: IPPROTO_UDP, 0, 0 }, 4);
	put_address(o, p->src);
	put_address(o, p->dst);
	for (size_t i = 0; i < p->options; i++)
		put(o, (uint8_t[]){ 1 }, 1);
	if (p->offset)
		put_zeroes(o, p->payload);
	else
		put_l4(o, p);
	*(uint16_t *)(h + 2) = htons(odd_length(p, o->n - begin));
	*(uint16_t *)(h + 10) = htons(ip_checksum(h, header));
}

/* One extension header of 8 bytes; of type 43 (routing) with a type that is allowed. */
static void put_extension(struct buffer *o, const struct pkt *p, uint8_t kind, uint8_t next)
{
	put(o, (uint8_t[]){ next, 0 }, 2);
	if (kind == IPPROTO_FRAGMENT) {
		put16(o, (uint16_t)(p->offset << 3 | (p->more ? 1 : 0)));
		put16(o, 0);
		put16(o, p->id);
	} else {
		put(o, (uint8_t[]){ kind == IPPROTO_ROUTING ? 4 : 1, 4, 0, 0, 0, 0 }, 6);
	}
}

static void put_ip6(struct buffer *o, const struct pkt *p)
{
	uint8_t chain[10] = { 0 }, proto = p->proto ?: IPPROTO_UDP;
	size_t begin = o->n, n = 0;

	for (size_t i = 0; i < sizeof(p->ext) && p->ext[i]; i++)
		chain[n++] = p->ext[i] == 255 ? IPPROTO_HOPOPTS : p->ext[i];
	if (p->offset || p->more)
		chain[n++] = IPPROTO_FRAGMENT;
	chain[n] = proto;
	put(o,
	    (uint8_t[]){ p->odd & PKT_BAD_VERSION ? 0x50 : 0x60, 0, 0, 0, 0, 0, chain[0],
			 p->ttl ?: 64 },
	    8);
	put_address(o, p->src);
	put_address(o, p->dst);
	for (size_t i = 0; i < n; i++)
		put_extension(o, p, chain[i], chain[i + 1]);
	if (p->offset)
		put_zeroes(o, p->payload);
	else
		put_l4(o, p);
	*(uint16_t *)(o->b + begin + 4) = htons(odd_length(p, o->n - begin - 40));
}

static void put_ip(struct buffer *o, const struct pkt *p)
{
	if (is_v6(p))
		put_ip6(o, p);
	else
		put_ip4(o, p);
}

static void put_arp(struct buffer *o, const struct pkt *p)
{
	put(o, (uint8_t[]){ 0, 1, 8, 0, 6, 4, 0, p->arp }, 8);
	if (p->odd & PKT_ARP_MAC)
		put_zeroes(o, 6);
	else
		put_mac(o, p->src_mac, pod_mac);
	put_address(o, p->src);
	put_zeroes(o, 6);
	put_address(o, p->dst);
}

size_t pkt_build(const struct pkt *p, uint8_t out[PKT_MAX])
{
	struct buffer o = { out, 0 };

	put_mac(&o, p->dst_mac, gateway_mac);
	put_mac(&o, p->src_mac, pod_mac);
	if (p->vlan) {
		put16(&o, 0x8100);
		put16(&o, p->vlan);
	}
	if (p->odd & PKT_RARP)
		put16(&o, 0x8035);
	else
		put16(&o, p->arp ? 0x0806 : is_v6(p) ? 0x86dd : 0x0800);
	if (p->arp)
		put_arp(&o, p);
	else
		put_ip(&o, p);
	return o.n;
}
