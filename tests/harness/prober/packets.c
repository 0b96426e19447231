// SPDX-License-Identifier: Apache-2.0
/* Packets that no kernel makes for us. */
#include "tests/harness/prober/prober.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

enum { INIT = 1, INIT_ACK = 2, STATE_COOKIE = 7 };

/* RFC 9260: the common header, and one chunk. */
struct sctp_packet {
	uint16_t sport_be, dport_be;
	uint32_t vtag_be, crc_le;
	uint8_t type, flags;
	uint16_t length_be;
	uint32_t tag_be, window_be;
	uint16_t out_be, in_be;
	uint32_t tsn_be;
	/* An INIT ends here. */
	uint16_t cookie_be, cookie_length_be;
	uint32_t cookie;
};

#define INIT_LENGTH offsetof(struct sctp_packet, cookie_be)

static uint32_t sum_words(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *b = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	return sum;
}

static uint16_t fold_be(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static uint32_t sum_address(const struct pr_end *end, uint32_t sum)
{
	const struct sockaddr_in6 *a6 = (const void *)&end->addr;
	const struct sockaddr_in *a4 = (const void *)&end->addr;

	return end->v6 ? sum_words(&a6->sin6_addr, 16, sum) : sum_words(&a4->sin_addr, 4, sum);
}

size_t pr_make_syn(const struct pr_end *from, const struct pr_end *to, const uint16_t ports[2],
		   uint32_t seq, void *out)
{
	struct tcphdr h = { .source = htons(ports[0]), .dest = htons(ports[1]), .seq = htonl(seq) };
	uint32_t sum = sizeof(h) + IPPROTO_TCP;

	h.doff = sizeof(h) / 4;
	h.syn = 1;
	h.window = htons(1024);
	sum = sum_address(to, sum_address(from, sum));
	h.check = fold_be(sum_words(&h, sizeof(h), sum));
	memcpy(out, &h, sizeof(h));
	return sizeof(h);
}

/* CRC-32C, bit by bit. */
static uint32_t crc32c(const void *data, size_t len)
{
	const uint8_t *b = data;
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < len * 8; i++) {
		crc ^= i % 8 ? 0 : b[i / 8];
		crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

size_t pr_make_sctp(const struct pr_sctp *s, void *out)
{
	size_t len = s->vtag ? sizeof(struct sctp_packet) : INIT_LENGTH;
	struct sctp_packet p = { .sport_be = s->sport_be, .dport_be = s->dport_be };

	p.vtag_be = htonl(s->vtag);
	p.type = s->vtag ? INIT_ACK : INIT;
	p.length_be = htons((uint16_t)(len - offsetof(struct sctp_packet, type)));
	p.tag_be = htonl(s->tag);
	p.window_be = htonl(65536);
	p.out_be = p.in_be = htons(1);
	p.cookie_be = htons(STATE_COOKIE);
	p.cookie_length_be = htons(8);
	p.crc_le = htole32(crc32c(&p, len));
	memcpy(out, &p, len);
	return len;
}

bool pr_read_sctp(const void *packet, size_t len, struct pr_sctp *out, bool *is_init)
{
	struct sctp_packet p = { 0 };

	if (len < INIT_LENGTH)
		return false;
	memcpy(&p, packet, INIT_LENGTH);
	*out = (struct pr_sctp){ p.sport_be, p.dport_be, ntohl(p.vtag_be), ntohl(p.tag_be) };
	*is_init = p.type == INIT;
	return p.type == INIT || p.type == INIT_ACK;
}

size_t pr_make_echo(bool v6, uint16_t id, uint32_t nonce, void *out)
{
	struct icmphdr h = { .type = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO };
	uint32_t nonce_be = htonl(nonce);

	h.un.echo.id = htons(id);
	memcpy((uint8_t *)out + sizeof(h), &nonce_be, sizeof(nonce_be));
	memcpy(out, &h, sizeof(h));
	/* IPv6 has a pseudo header in it, and the kernel sums up. */
	h.checksum = fold_be(sum_words(out, sizeof(h) + sizeof(nonce_be), 0));
	memcpy(out, &h, sizeof(h));
	return sizeof(h) + sizeof(nonce_be);
}
