// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoint records: what an attachment is, written by the plugin that made it and read by
 * DEL, GC and the agent. One JSON file an attachment:
 *
 *   ROOT/run/fairlead/endpoints/HASH.json
 *     {"version":1, "network", "containerID", "ifname", "netns", "hostInterface", "mac",
 *      "ips": ["10.1.0.5/24"], "mode": "bridge", "podNamespace", "podName", "podUID",
 *      "labels": [{"key","value"}], "masquerade", "macspoofchk", "agent": "none"}
 *
 * HASH is derived from the key (network, containerID, ifname), as is the host interface's
 * name, so both are found without asking anybody. A record is claimed empty, filled with one
 * write when the addresses are known and before the first link is made, and removed last. As long
 * as its ADD runs it is open for writing, which others can see. /run is emptied by a boot, and so
 * are the links that records speak of.
 */
#pragma once

#include "base/deadline.h"
#include "base/ip.h"
#include "base/text.h"
#include "json/json.h"

#define FL_ENDPOINT_IPS_MAX 64
#define FL_KEY_NAME	    26 /* 25 characters of hash and a NUL */
#define FL_HOST_IFNAME	    16 /* "veth", 11 characters of hash and a NUL */

/* What every piece of state is keyed by. Texts are borrowed. */
struct fl_key {
	const char *network, *container_id, *ifname;
};

struct fl_endpoint {
	struct fl_key key;
	const char *netns;				/* path, NULL: unknown */
	const char *mode;				/* "bridge", ... */
	const char *pod_namespace, *pod_name, *pod_uid; /* NULL: unknown */
	const struct fl_json *labels;			/* borrowed array, NULL: none */
	char host_ifname[FL_HOST_IFNAME];
	uint8_t mac[FL_MAC_LEN]; /* of the pod's interface */
	bool masquerade, macspoofchk;
	bool no_agent; /* "agent": "none": it stays outside of the datapath */
	size_t n_ips;
	struct fl_prefix ips[FL_ENDPOINT_IPS_MAX];
	struct fl_json *tree; /* what a record that was read borrows from; owned */
};

/* The host interface's name of an attachment: "veth" and a hash of the key. */
void fl_key_host_ifname(const struct fl_key *key, char out[FL_HOST_IFNAME]);

/* Whether a name has the form of those. */
bool fl_is_host_ifname(const char *name);

/*
 * The alias of that interface: FL_ALIAS "NETWORK/CONTAINER/IFNAME", cut where there is no room. It
 * is for people, and stays when somebody gives the interface another name.
 */
#define FL_ALIAS      "fairlead/"
#define FL_ALIAS_SIZE 256 /* as the kernel's IFALIASZ */
void fl_key_alias(const struct fl_key *key, char out[FL_ALIAS_SIZE]);

/* The name that the interface with this alias was given; false: it is none of ours, or was cut. */
bool fl_alias_host_ifname(const char *alias, char out[FL_HOST_IFNAME]);

/* Frees what a record that was read holds. */
void fl_endpoint_done(struct fl_endpoint *ep);
#define fl_auto_endpoint fl_auto(fl_endpoint_done)

/*
 * Claims the key before anything is done for it: creates its record, still empty, which readers
 * pass over, and the folder if need be. *fd is the caller's. -EEXIST: the attachment has one.
 */
fl_must int fl_endpoint_claim(const char *root, const struct fl_key *key, int *fd,
			      struct fl_err *err);

/* Writes the record into what fl_endpoint_claim() opened. -E2BIG: above 65536 bytes. */
fl_must int fl_endpoint_fill(int fd, const struct fl_endpoint *ep, struct fl_err *err);

/*
 * Waits until nobody has the record open for writing: the ADD that claimed it has ended, well or
 * not, and the record may be gone by then. -ETIMEDOUT: it runs still.
 */
fl_must int fl_endpoint_wait(const char *root, const struct fl_key *key,
			     const struct fl_deadline *d, struct fl_err *err);

/*
 * Locks the record of a key, until *fd, the caller's, is closed: whoever changes the firewall by
 * it, or is about to remove it, keeps others from doing so meanwhile. -ENOENT: there is none, or
 * none any more; -ETIMEDOUT: somebody else has it. d NULL: nobody waits, and that is -EAGAIN.
 */
fl_must int fl_endpoint_lock(const char *root, const struct fl_key *key,
			     const struct fl_deadline *d, int *fd, struct fl_err *err);

/* Reads the record of a key. -ENOENT: none; -EINVAL: it is not readable as one. */
fl_must int fl_endpoint_read(const char *root, const struct fl_key *key, struct fl_endpoint *out,
			     struct fl_err *err);

/*
 * Whether the key, or the host interface, is spoken for: there is a readable record of it, or one
 * that its ADD is still at work on.
 */
bool fl_endpoint_holds(const char *root, const struct fl_key *key);
bool fl_endpoint_holds_link(const char *root, const char *host_ifname);

/* Removes the record of a key; none counts as removed. */
fl_must int fl_endpoint_remove(const char *root, const struct fl_key *key, struct fl_err *err);

/* Who goes through the records. */
struct fl_endpoint_visitor {
	const char *network; /* whose records; NULL: all */
	int (*each)(const struct fl_endpoint *ep, void *arg, struct fl_err *err);
	/* NULL, or told of each file, of whatever network, that is no record: its path, and why. */
	void (*bad)(const char *path, const char *why, void *arg);
	void *arg;
};

/*
 * Calls each() for every readable record; bad() is told of unreadable ones, but not of claims.
 * Those that nobody has filled for ten minutes are removed. The record may be removed by each(). A
 * missing folder has no records. -ENOMEM, -EMFILE, -ENFILE: one could not be looked at.
 */
fl_must int fl_endpoint_visit(const char *root, const struct fl_endpoint_visitor *v,
			      struct fl_err *err);

/* The same, where nobody wants to know of unreadable ones. */
fl_must int fl_endpoint_list(const char *root, const char *network,
			     int (*each)(const struct fl_endpoint *ep, void *arg,
					 struct fl_err *err),
			     void *arg, struct fl_err *err);

/* The host interface's name that belongs to the record of this path; false: none does. */
bool fl_endpoint_path_host_ifname(const char *path, char out[FL_HOST_IFNAME]);

/* The folder of the records, made if need be: for watching it. out has PATH_MAX bytes. */
fl_must int fl_endpoint_folder(const char *root, char *out, struct fl_err *err);

/* From and to JSON; pure. What is read borrows from tree, which *out then owns. */
fl_must int fl_endpoint_from_json(struct fl_json *tree, struct fl_endpoint *out,
				  struct fl_err *err);
fl_must int fl_endpoint_to_json(const struct fl_endpoint *ep, struct fl_json **out,
				struct fl_err *err);
