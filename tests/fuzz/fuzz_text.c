// SPDX-License-Identifier: Apache-2.0
/* Short texts: addresses, prefixes, MACs, numbers, names, versions, UTF-8. What was read is
 * written and read again as the same. */
#include "fuzz.h"

#include "base/ip.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cni/name.h"
#include "cni/version.h"

static void addresses(const char *text)
{
	char out[FL_PREFIX_STR];
	struct fl_err err = { 0 };
	struct fl_prefix p = { 0 }, q = { 0 };
	struct fl_ip ip = { 0 }, again = { 0 };

	if (fl_ip_parse(text, &ip, &err) == 0) {
		MUST(fl_ip_parse(fl_ip_format(&ip, out), &again, &err) == 0);
		MUST(fl_ip_cmp(&ip, &again) == 0);
	}
	if (fl_prefix_parse_loose(text, &p, &err) == 0) {
		struct fl_prefix net = fl_prefix_network(&p);
		struct fl_ip last = fl_prefix_last(&p);

		MUST(p.len <= fl_ip_bits(&p.ip));
		MUST(fl_prefix_parse(fl_prefix_format(&p, out), &q, &err) == 0);
		MUST(fl_ip_cmp(&p.ip, &q.ip) == 0 && p.len == q.len);
		MUST(fl_prefix_contains(&p, &net.ip));
		/* "::ffaf:0:0/86" ends with the last address that counts as IPv4. */
		MUST(fl_prefix_contains(&p, &last) || fl_ip_is4(&last) != fl_ip_is4(&p.ip));
		MUST(fl_prefix_overlaps(&p, &q) && fl_ip_cmp(&net.ip, &last) <= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_free char *text = fuzz_text(data, size);
	uint8_t mac[FL_MAC_LEN], mac_again[FL_MAC_LEN];
	char out[FL_MAC_STR];
	enum fl_cni_version version = FL_CNI_VERSIONS;
	struct fl_err err = { 0 };
	uint32_t n = 0;

	addresses(text);
	if (fl_mac_parse(text, mac, &err) == 0) {
		fl_mac_format(mac, out);
		MUST(fl_mac_parse(out, mac_again, &err) == 0);
		MUST(memcmp(mac, mac_again, sizeof(mac)) == 0);
	}
	if (fl_parse_u32(text, 10, 4094, &n, &err) == 0)
		MUST(n >= 10 && n <= 4094);
	if (fl_cni_version_parse(text, &version, &err) == 0)
		MUST(version < FL_CNI_VERSIONS);
	if (fl_cni_check_ifname(text, &err) == 0)
		MUST(strlen(text) <= FL_CNI_IFNAME_MAX && !strchr(text, '/'));
	if (fl_cni_check_network(text, &err) == 0)
		MUST(fl_utf8_ok(text) && text[0] != '.' && !strchr(text, '/'));
	if (fl_cni_check_container_id(text, &err) == 0)
		MUST(fl_utf8_ok(text) && text[0] != '.' && !strchr(text, '/'));
	if (fl_cni_check_type(text, &err) == 0)
		MUST(*text && !strchr(text, '/'));
	return 0;
}
