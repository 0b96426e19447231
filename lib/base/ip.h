// SPDX-License-Identifier: Apache-2.0
/*
 * IP addresses and prefixes of both families in one 16-byte form: IPv4 is kept v4-mapped
 * (::ffff:a.b.c.d), so comparing bytes compares addresses. Bytes are in network order.
 * Pure: no allocation, no I/O.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

#define FL_IP_STR     46 /* longest address and its NUL */
#define FL_PREFIX_STR 50 /* "/128" more */

struct fl_ip {
	uint8_t b[16];
};

struct fl_prefix {
	struct fl_ip ip; /* host bits are kept as written */
	uint8_t len;	 /* bits, in the family's own count: 0..32 or 0..128 */
};

/* Dotted IPv4 or any textual IPv6. -EINVAL names the text. */
fl_must int fl_ip_parse(const char *text, struct fl_ip *out, struct fl_err *err);

/*
 * "address/length". -EINVAL names the text. Host bits are kept. An IPv4 address must be dotted:
 * the length of a v4-mapped one has two readings.
 */
fl_must int fl_prefix_parse(const char *text, struct fl_prefix *out, struct fl_err *err);

/* As fl_prefix_parse(), but a bare address is taken with its full length. */
fl_must int fl_prefix_parse_loose(const char *text, struct fl_prefix *out, struct fl_err *err);

/* The canonical text (RFC 5952; IPv4 dotted), as Go's net.IP prints it. Returns out. */
const char *fl_ip_format(const struct fl_ip *ip, char out[FL_IP_STR]);

/* "address/length", host bits as they are. Returns out. */
const char *fl_prefix_format(const struct fl_prefix *p, char out[FL_PREFIX_STR]);

/* True for an IPv4 address, false for IPv6. */
bool fl_ip_is4(const struct fl_ip *ip);

/* AF_INET or AF_INET6. */
int fl_ip_family(const struct fl_ip *ip);

/* The address as the kernel wants it: 4 or 16 bytes, network order; borrowed from *ip. */
const void *fl_ip_raw(const struct fl_ip *ip, size_t *len);

/* From 4 (AF_INET) or 16 (AF_INET6) bytes in network order. */
struct fl_ip fl_ip_from_raw(int family, const void *raw);

/* <0, 0, >0 in numeric order; every IPv4 sorts among v4-mapped IPv6. */
int fl_ip_cmp(const struct fl_ip *a, const struct fl_ip *b);

/* ip + n; wraps round at the end of the 128-bit space. */
struct fl_ip fl_ip_add(const struct fl_ip *ip, uint64_t n);

/* ip - n; wraps round at zero. */
struct fl_ip fl_ip_sub(const struct fl_ip *ip, uint64_t n);

/* 32 or 128. */
unsigned int fl_ip_bits(const struct fl_ip *ip);

/* The prefix with its host bits cleared. */
struct fl_prefix fl_prefix_network(const struct fl_prefix *p);

/* The last address of the prefix (IPv4: the broadcast address). */
struct fl_ip fl_prefix_last(const struct fl_prefix *p);

/* True when ip is of the prefix's family and lies inside. */
bool fl_prefix_contains(const struct fl_prefix *p, const struct fl_ip *ip);

/* True when the two have an address in common. */
bool fl_prefix_overlaps(const struct fl_prefix *a, const struct fl_prefix *b);
