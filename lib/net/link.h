// SPDX-License-Identifier: Apache-2.0
/*
 * Links: veth pairs, bridges, bridge ports, VXLAN devices. "put" appends to a batch; "get", "list"
 * and "del" act at once. Names have at most 15 bytes; MAC addresses are 6 bytes.
 */
#pragma once

#include "base/ip.h"
#include "base/text.h"
#include "net/nl.h"

#define FL_IFNAME_SIZE	16  /* with its NUL */
#define FL_IFALIAS_SIZE 256 /* with its NUL */

/* A VXLAN device (RFC 7348). It learns nothing, and has no interface under it. */
struct fl_vxlan {
	uint32_t vni;	    /* 1 to FL_VNI_MAX */
	uint16_t port;	    /* UDP, host order */
	struct fl_ip local; /* source of what it sends; its family is the underlay's; "::": none */
};

#define FL_VNI_MAX 16777215

/* A link as the kernel has it. */
struct fl_link {
	uint32_t index, mtu;
	uint32_t peer;	 /* veth: the other end's index, in its own namespace; 0: none */
	uint32_t master; /* index; 0: none */
	uint32_t promiscuity;
	bool up, carrier;     /* administratively; with its other end */
	bool operational;     /* what is sent goes out: the kernel has seen the carrier */
	bool ether;	      /* its frames begin with an Ethernet header */
	bool ipv4_forwarding; /* what comes in here is forwarded; all links follow ip_forward */
	uint8_t accept_ra;    /* the setting of IPv6: 0, 1, or 2 (also while forwarding) */
	uint8_t mac[FL_MAC_LEN];
	char name[FL_IFNAME_SIZE], kind[16], alias[FL_IFALIAS_SIZE];
	/* Of a bridge port: */
	bool bridging; /* forwards, or will when STP, if it runs, says so */
	bool hairpin, isolated;
	/* The bridge's own, as it is with this port; zero: one that was given to it and stays. */
	uint8_t bridge_mac[FL_MAC_LEN];
	/* Of a bridge: */
	bool vlan_filtering;
	/* Of a VXLAN device: */
	struct fl_vxlan vxlan;
	bool learning, external; /* external: takes its tunnel's end from each packet */
	bool odd;    /* has other settings than the kernel's own for what struct fl_vxlan has not */
	bool queued; /* any link: what it sends waits in a queueing discipline */
};

/* A veth pair; zero and NULL leave the kernel's default. */
struct fl_veth {
	const char *name, *peer; /* peer: the name inside peer_netns */
	int peer_netns;		 /* file descriptor; -1: the same as this end's */
	uint32_t mtu;		 /* of both ends */
	uint32_t master;	 /* of this end */
	const uint8_t *mac, *peer_mac;
};

enum fl_change { FL_KEEP, FL_ON, FL_OFF };

/* Changes to one link; what is zero or NULL is kept. */
struct fl_link_set {
	const char *name; /* or NULL, and index says which */
	uint32_t index;
	enum fl_change up, promisc;
	uint32_t master, mtu;
	const uint8_t *mac;
	const char *alias;
	enum fl_change arp_notify;	  /* IPv4: announce the address when the link comes up */
	enum fl_change ipv6_auto;	  /* FL_OFF: no link-local address, so no DAD, MLD or RS */
	enum fl_change hairpin, isolated; /* of a bridge port */
	enum fl_change vlan_filtering;	  /* of a bridge */
};

/* Both ends are made down, the peer directly in its namespace. -EEXIST when a name is taken. */
void fl_link_put_veth(struct fl_batch *b, const struct fl_veth *v);

/*
 * A bridge, down, with this MAC address, which then never follows its ports'. -EEXIST when the
 * name is taken.
 */
void fl_link_put_bridge(struct fl_batch *b, const char *name, const uint8_t mac[FL_MAC_LEN],
			uint32_t mtu, bool vlan_filtering);

/*
 * A VXLAN device, down, with this MAC address. -EEXIST when the name is taken, or the VNI on this
 * port by another device. That something else has the port is seen when it is set up: -EADDRINUSE.
 */
void fl_link_put_vxlan(struct fl_batch *b, const char *name, const struct fl_vxlan *v,
		       const uint8_t mac[FL_MAC_LEN], uint32_t mtu);

/* Gives a VXLAN device another local address, of the same family; it learns nothing any more. */
void fl_link_put_vxlan_local(struct fl_batch *b, const char *name, const struct fl_vxlan *v);

/* The changes, that of ipv6_auto first; it counts as made where a link has no IPv6. */
void fl_link_put_set(struct fl_batch *b, const struct fl_link_set *s);

/* A range of VLANs on a bridge port; as its PVID and untagged when native. */
void fl_link_put_vlan(struct fl_batch *b, uint32_t index, const uint16_t first_last[2],
		      bool native);

#define FL_VLAN_MAX 4094

/* The VLANs of a bridge port: a bit for each, and the one that untagged frames get, or 0. */
struct fl_port_vlans {
	uint64_t has[(FL_VLAN_MAX + 64) / 64];
	uint16_t native;
};

/* Reads them; none when the link is no bridge port. */
fl_must int fl_link_vlans(struct fl_nl *nl, uint32_t index, struct fl_port_vlans *out,
			  struct fl_err *err);

/* Takes a VLAN off a bridge port. */
void fl_link_put_vlan_del(struct fl_batch *b, uint32_t index, uint16_t vlan);

/* -ENODEV when there is no such link. */
fl_must int fl_link_get(struct fl_nl *nl, const char *name, struct fl_link *out,
			struct fl_err *err);

/* The same by its index. */
fl_must int fl_link_get_index(struct fl_nl *nl, uint32_t index, struct fl_link *out,
			      struct fl_err *err);

/*
 * The same by its alias, whatever its name; of several any one. -ENODEV as well where the alias may
 * have been cut.
 */
fl_must int fl_link_get_alias(struct fl_nl *nl, const char *alias, struct fl_link *out,
			      struct fl_err *err);

/* Sends the batch and reads the link as it is then, in one call; errors of the batch come first. */
fl_must int fl_link_send_and_get(struct fl_nl *nl, struct fl_batch *b, const char *name,
				 struct fl_link *out, struct fl_err *err);

/* Calls each() for every link, of one master if it is not 0. */
fl_must int fl_link_list(struct fl_nl *nl, uint32_t master,
			 int (*each)(const struct fl_link *link, void *arg, struct fl_err *err),
			 void *arg, struct fl_err *err);

/* Deletes the link, a veth with its other end; one that is not there counts as deleted. */
fl_must int fl_link_del(struct fl_nl *nl, const char *name, struct fl_err *err);

/*
 * For who deletes links while others do, each its own: condemns the link first, as early as can be,
 * and then deletes it with all that are condemned by then, in one go. What was condemned may be
 * deleted by anybody from then on; one that is not there counts as condemned, and as deleted.
 */
fl_must int fl_link_condemn(struct fl_nl *nl, const char *name, struct fl_err *err);
fl_must int fl_link_del_condemned(struct fl_nl *nl, const char *name, struct fl_err *err);
