// SPDX-License-Identifier: Apache-2.0
/* Addresses and prefixes as 128-bit numbers. */
#include "base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

typedef unsigned __int128 u128;

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static u128 to_number(const struct fl_ip *ip)
{
	u128 n = 0;

	for (int i = 0; i < 16; i++)
		n = n << 8 | ip->b[i];
	return n;
}

static struct fl_ip from_number(u128 n)
{
	struct fl_ip ip;

	for (int i = 15; i >= 0; i--, n >>= 8)
		ip.b[i] = (uint8_t)n;
	return ip;
}

/* The host part of a prefix, as ones. */
static u128 host_mask(const struct fl_prefix *p)
{
	unsigned int host_bits = fl_ip_bits(&p->ip) - p->len;

	return host_bits >= 128 ? ~(u128)0 : ((u128)1 << host_bits) - 1;
}

int fl_ip_parse(const char *text, struct fl_ip *out, struct fl_err *err)
{
	uint8_t raw[16];

	if (inet_pton(AF_INET, text, raw) == 1) {
		*out = fl_ip_from_raw(AF_INET, raw);
		return 0;
	}
	if (inet_pton(AF_INET6, text, raw) == 1) {
		*out = fl_ip_from_raw(AF_INET6, raw);
		return 0;
	}
	return fl_fail(err, EINVAL, "'%.64s' is not an IP address", text);
}

static int parse_prefix(const char *text, bool loose, struct fl_prefix *out, struct fl_err *err)
{
	const char *slash = strchr(text, '/');
	struct fl_prefix p = { 0 };
	struct fl_err ignored;
	char addr[FL_IP_STR];
	uint32_t len = 0;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof(addr) || (!slash && !loose))
		goto bad;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (fl_ip_parse(addr, &p.ip, &ignored) < 0)
		goto bad;
	/* "::ffff:10.0.0.0/24": of which family would the 24 be? */
	if (slash && fl_ip_is4(&p.ip) && strchr(addr, ':'))
		goto bad;
	len = fl_ip_bits(&p.ip);
	if (slash && fl_parse_u32(slash + 1, 0, len, &len, &ignored) < 0)
		goto bad;
	p.len = (uint8_t)len;
	*out = p;
	return 0;
bad:
	return fl_fail(err, EINVAL, "'%.64s' is not %s like 10.1.0.0/16 or fd00::/64", text,
		       loose ? "an address or prefix" : "a prefix");
}

int fl_prefix_parse(const char *text, struct fl_prefix *out, struct fl_err *err)
{
	return parse_prefix(text, false, out, err);
}

int fl_prefix_parse_loose(const char *text, struct fl_prefix *out, struct fl_err *err)
{
	return parse_prefix(text, true, out, err);
}

/* Finds the longest run of at least two zero groups; *len is 0 when there is none. */
static int longest_zero_run(const uint16_t group[8], int *len)
{
	int best = -1, best_len = 1;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && group[i + n] == 0)
			n++;
		if (n > best_len) {
			best = i;
			best_len = n;
		}
	}
	*len = best < 0 ? 0 : best_len;
	return best;
}

const char *fl_ip_format(const struct fl_ip *ip, char out[FL_IP_STR])
{
	const uint8_t *b = ip->b;
	uint16_t group[8];
	int run, run_len, n = 0;

	if (fl_ip_is4(ip)) {
		(void)snprintf(out, FL_IP_STR, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
		return out;
	}
	for (int i = 0; i < 8; i++)
		group[i] = (uint16_t)(b[2 * i] << 8 | b[2 * i + 1]);
	run = longest_zero_run(group, &run_len);
	for (int i = 0; i < 8; i++) {
		if (i == run) {
			n += sprintf(out + n, "::");
			i += run_len - 1;
			continue;
		}
		n += sprintf(out + n, "%s%x", i > 0 && out[n - 1] != ':' ? ":" : "", group[i]);
	}
	return out;
}

const char *fl_prefix_format(const struct fl_prefix *p, char out[FL_PREFIX_STR])
{
	size_t n = strlen(fl_ip_format(&p->ip, out));

	(void)snprintf(out + n, FL_PREFIX_STR - n, "/%u", p->len);
	return out;
}

bool fl_ip_is4(const struct fl_ip *ip)
{
	return memcmp(ip->b, v4_mapped, sizeof(v4_mapped)) == 0;
}

int fl_ip_family(const struct fl_ip *ip)
{
	return fl_ip_is4(ip) ? AF_INET : AF_INET6;
}

const void *fl_ip_raw(const struct fl_ip *ip, size_t *len)
{
	*len = fl_ip_is4(ip) ? 4 : 16;
	return ip->b + 16 - *len;
}

struct fl_ip fl_ip_from_raw(int family, const void *raw)
{
	struct fl_ip ip;

	if (family == AF_INET) {
		memcpy(ip.b, v4_mapped, sizeof(v4_mapped));
		memcpy(ip.b + 12, raw, 4);
	} else {
		memcpy(ip.b, raw, 16);
	}
	return ip;
}

int fl_ip_cmp(const struct fl_ip *a, const struct fl_ip *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

struct fl_ip fl_ip_add(const struct fl_ip *ip, uint64_t n)
{
	return from_number(to_number(ip) + n);
}

struct fl_ip fl_ip_sub(const struct fl_ip *ip, uint64_t n)
{
	return from_number(to_number(ip) - n);
}

unsigned int fl_ip_bits(const struct fl_ip *ip)
{
	return fl_ip_is4(ip) ? 32 : 128;
}

struct fl_prefix fl_prefix_network(const struct fl_prefix *p)
{
	return (struct fl_prefix){ from_number(to_number(&p->ip) & ~host_mask(p)), p->len };
}

struct fl_ip fl_prefix_last(const struct fl_prefix *p)
{
	return from_number(to_number(&p->ip) | host_mask(p));
}

bool fl_prefix_contains(const struct fl_prefix *p, const struct fl_ip *ip)
{
	if (fl_ip_is4(&p->ip) != fl_ip_is4(ip))
		return false;
	return ((to_number(&p->ip) ^ to_number(ip)) & ~host_mask(p)) == 0;
}

bool fl_prefix_overlaps(const struct fl_prefix *a, const struct fl_prefix *b)
{
	return fl_prefix_contains(a, &b->ip) || fl_prefix_contains(b, &a->ip);
}
