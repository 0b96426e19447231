// SPDX-License-Identifier: Apache-2.0
/* Others on the node and on its link: forward chains that drop, and a second owner of our address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/deadline.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "net/nft_forward.h"

#define ARP_WAIT_MS 200

struct found {
	char text[200];
	size_t n;
};

static void note_chain(const struct fl_nft_foreign *c, void *arg)
{
	struct found *f = arg;
	size_t len = strlen(f->text);

	f->n++;
	(void)snprintf(f->text + len, sizeof(f->text) - len, "%s%s %s %s", len ? ", " : "",
		       c->family, c->table, c->chain);
}

/* iptables of the old kind keeps its rules where only itself looks. */
static void check_legacy(struct doc *d)
{
	char names[256] = "", *newline;
	struct fl_err none;

	if (fl_read_small(AT_FDCWD, "/proc/net/ip_tables_names", names, sizeof(names), &none) < 0 ||
	    !strstr(names, "filter"))
		return;
	while ((newline = strchr(names, '\n')))
		*newline = ' ';
	doc_say(d, DOC_WARN, "firewall.legacy",
		"iptables-legacy -L FORWARD: its policy must not be DROP, or it must accept the "
		"pods' blocks",
		"iptables of the old kind has tables (%s), which are not looked into", names);
}

void doc_firewall(struct doc *d)
{
	fl_auto_nl struct fl_nl *nl = NULL;
	struct found f = { 0 };
	struct fl_err err;

	if (fl_nl_open(FL_NL_NETFILTER, &nl, &err) < 0 ||
	    fl_nft_forward_drops(nl, note_chain, &f, &err) < 0)
		doc_say(d, DOC_SKIP, "firewall.forward", NULL, "%s", err.text);
	else if (f.n)
		doc_say(d, DOC_WARN, "firewall.forward",
			"see that it accepts the pods' blocks in both directions: iptables -I "
			"FORWARD -s BLOCK -j ACCEPT, and with -d; with firewalld: firewall-cmd "
			"--permanent --zone=trusted --add-source=BLOCK, and --reload",
			"forwarded packets are dropped unless a rule accepts them: %s", f.text);
	else
		doc_say(d, DOC_OK, "firewall.forward", NULL, "no chain drops what no rule accepts");
	check_legacy(d);
}

/* A probe of RFC 5227: "who has IP?", from nobody. */
static int send_arp(int fd, const struct fl_link *link, const void *ip)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ARP),
				  .sll_ifindex = (int)link->index,
				  .sll_halen = ETH_ALEN };
	struct ether_arp arp = { .arp_hrd = htons(ARPHRD_ETHER),
				 .arp_pro = htons(ETH_P_IP),
				 .arp_hln = ETH_ALEN,
				 .arp_pln = 4,
				 .arp_op = htons(ARPOP_REQUEST) };

	memset(to.sll_addr, 0xff, ETH_ALEN);
	memcpy(arp.arp_sha, link->mac, ETH_ALEN);
	memcpy(arp.arp_tpa, ip, 4);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    sendto(fd, &arp, sizeof(arp), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return 0;
}

/* 1: somebody else answered, with this address; 0: nobody. */
static int hear_arp(int fd, const struct fl_link *link, const void *ip, uint8_t mac[FL_MAC_LEN])
{
	struct fl_deadline until = fl_deadline_in(ARP_WAIT_MS);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct ether_arp arp;

	while (poll(&p, 1, fl_deadline_left(&until)) > 0) {
		if (recv(fd, &arp, sizeof(arp), 0) < (ssize_t)sizeof(arp))
			continue;
		if (memcmp(arp.arp_spa, ip, 4) != 0 ||
		    memcmp(arp.arp_sha, link->mac, FL_MAC_LEN) == 0)
			continue;
		memcpy(mac, arp.arp_sha, FL_MAC_LEN);
		return 1;
	}
	return 0;
}

void doc_duplicates(struct doc *d)
{
	const struct fl_ip *ip = d->vtep       ? &d->vtep->vxlan.local
				 : d->has_node ? &d->node.ips[0]
					       : NULL;
	char text[FL_IP_STR], who[FL_MAC_STR];
	fl_auto_close int fd = -1;
	uint8_t mac[FL_MAC_LEN];
	const void *raw;
	size_t len;
	int r;

	if (!d->underlay || !ip || !fl_ip_is4(ip))
		return;
	raw = fl_ip_raw(ip, &len);
	(void)fl_ip_format(ip, text);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -errno : send_arp(fd, d->underlay, raw);
	if (r < 0)
		return doc_say(d, DOC_SKIP, "node.address", NULL, "ask for %s on '%s': %s", text,
			       d->underlay->name, strerror(-r));
	if (!hear_arp(fd, d->underlay, raw, mac))
		return doc_say(d, DOC_OK, "node.address", NULL, "nobody else on '%s' has %s",
			       d->underlay->name, text);
	fl_mac_format(mac, who);
	doc_say(d, DOC_FAIL, "node.address", "give one of the two machines another address",
		"%s has %s as well, on '%s'", who, text, d->underlay->name);
}
