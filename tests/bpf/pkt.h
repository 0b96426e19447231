// SPDX-License-Identifier: Apache-2.0
/*
 * Packets for the tests and the bench of the programs: described in words, built as bytes. What is
 * zero has the sensible value; lengths and checksums of the IPv4 header are right unless they are
 * given.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PKT_MAX 2048

enum { PKT_SYN = 1, PKT_ACK = 2, PKT_FIN = 4, PKT_RST = 8 };

/* Oddities. */
enum {
	PKT_BAD_VERSION = 1 << 0,
	PKT_BAD_IHL = 1 << 1,	   /* IPv4: a header of 16 bytes */
	PKT_LONG_LENGTH = 1 << 2,  /* says to be longer than it is */
	PKT_SHORT_LENGTH = 1 << 3, /* says to be shorter than its header */
	PKT_BAD_OFFSET = 1 << 4,   /* TCP: a header of 16 bytes */
	PKT_RARP = 1 << 5,	   /* an Ethernet type that is neither IP nor ARP */
	PKT_ARP_MAC = 1 << 6,	   /* ARP: the sender's MAC address is not the frame's */
};

struct pkt {
	const char *src, *dst;		/* IPv4 or IPv6; of ARP: sender and target */
	uint8_t src_mac[6], dst_mac[6]; /* all zero: those of the test's pod and gateway */
	uint8_t proto;			/* IPPROTO_..., 0: UDP */
	uint16_t sport, dport;		/* ICMP: dport is the identifier */
	uint8_t tcp;			/* PKT_SYN ... */
	uint8_t type, code;		/* ICMP */
	uint8_t ttl;			/* 0: 64 */
	uint8_t options;		/* IPv4: bytes of NOPs, a multiple of 4 */
	uint8_t ext[8];		 /* IPv6: extension headers in order, e.g. 60; 255: hop-by-hop */
	uint16_t offset, id;	 /* of a fragment: in units of 8 bytes */
	uint8_t more;		 /* fragments follow */
	uint16_t vlan;		 /* a tag in the frame */
	uint8_t arp;		 /* 1: request, 2: reply */
	const char *claimed;	 /* IPv6 neighbour discovery: the target */
	const struct pkt *about; /* ICMP error: the packet that it quotes */
	unsigned int odd;	 /* PKT_BAD_... */
	uint16_t payload;	 /* bytes */
};

/* Builds the packet and returns its length; it fits in PKT_MAX, or the process is aborted. */
size_t pkt_build(const struct pkt *p, uint8_t out[PKT_MAX]);
