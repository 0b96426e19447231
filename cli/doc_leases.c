// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses that are leased to nobody: host-local's leases in networks of our plugins that neither
 * a record of ours nor a result in libcni's cache speaks of. Whoever lost a container without DEL
 * has left them, and a pool that is full of them attaches no pod.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "state/endpoint.h"

#define LEASE_MAX 512 /* bytes of a lease file */
#define YOUNG_S	  60  /* seconds in which an ADD of another plugin's may still run */

struct leases {
	struct doc *d;
	const char *network; /* whose folder is being looked at */
	size_t n, lost;
	char first[300]; /* of those that are lost */
	bool unread;	 /* something could not be read: why */
	struct fl_err why;
};

static void note_unread(struct leases *l, const struct fl_err *why)
{
	if (!l->unread)
		l->why = *why;
	l->unread = true;
}

static bool is_cached(const struct doc *d, const struct fl_key *key)
{
	char path[PATH_MAX];
	struct fl_err none;
	struct stat st;

	return fl_format(path, sizeof(path), &none, "%s/var/lib/cni/results/%s-%s-%s", d->cli->root,
			 key->network, key->container_id, key->ifname) == 0 &&
	       stat(path, &st) == 0;
}

static bool is_young(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, 0) < 0 || time(NULL) - st.st_mtime < YOUNG_S;
}

/* Its content is "containerID\r\nifname"; the old form, without the second, says too little. */
static void look_at_lease(struct leases *l, int folder, const char *name)
{
	struct fl_key key = { .network = l->network };
	char text[LEASE_MAX], *end;
	struct fl_err err;
	struct fl_ip ip;
	int r;

	if (fl_ip_parse(name, &ip, &err) < 0)
		return;
	r = fl_read_small(folder, name, text, sizeof(text), &err);
	if (r < 0 && r != -ENOENT)
		note_unread(l, &err);
	if (r < 0)
		return;
	end = strstr(text, "\r\n");
	l->n++;
	if (!end)
		return;
	*end = '\0';
	key.container_id = text;
	key.ifname = end + 2;
	if (fl_endpoint_holds(l->d->cli->root, &key) || is_cached(l->d, &key) ||
	    is_young(folder, name) || l->lost++)
		return;
	(void)snprintf(l->first, sizeof(l->first), "%s of container '%.64s', network '%.64s'", name,
		       key.container_id, key.network);
}

/* The folder of the network's leases; -1: there is none, or it cannot be read. */
static int open_store(struct leases *l, const char *data_dir)
{
	const char *root = l->d->cli->root;
	char path[PATH_MAX];
	struct fl_err err;
	int fd = -1;
	int r = fl_empty(data_dir)
			? fl_format(path, sizeof(path), &err, "%s/var/lib/cni/networks/%s", root,
				    l->network)
			: fl_format(path, sizeof(path), &err, "%s/%s", data_dir, l->network);

	if (r == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		r = fl_fail_errno(&err, errno, "open '%s'", path);
	if (r < 0 && r != -ENOENT)
		note_unread(l, &err);
	return fd;
}

static void look_at_network(struct doc *d, const struct fl_json *file, void *arg)
{
	const struct fl_json *plugin = fl_json_at(fl_json_get(file, "plugins"), 0) ?: file;
	const struct fl_json *ipam = fl_json_get(plugin, "ipam");
	fl_auto_close int folder = -1;
	fl_auto_dir DIR *entries = NULL;
	struct leases *l = arg;

	(void)d;
	l->network = fl_json_str(fl_json_get(file, "name"));
	if (fl_empty(l->network) || strchr(l->network, '/') || !doc_is_ours(file) ||
	    !fl_streq(fl_json_str(fl_json_get(ipam, "type")), "host-local"))
		return;
	folder = open_store(l, fl_json_str(fl_json_get(ipam, "dataDir")));
	entries = folder < 0 ? NULL : fl_dir_entries(folder);
	for (const struct dirent *e; entries && (e = readdir(entries));)
		look_at_lease(l, folder, e->d_name);
}

void doc_leases(struct doc *d)
{
	struct leases l = { .d = d };

	doc_each_network(d, look_at_network, &l);
	if (l.lost)
		doc_say(d, DOC_WARN, "pods.leases",
			"where no such container runs: the runtime's GC, or berth net gc, gives "
			"them back",
			"%zu of %zu leased addresses are of no attachment that is known here: %s",
			l.lost, l.n, l.first);
	else if (l.unread)
		doc_say(d, DOC_SKIP, "pods.leases", NULL, "%s", l.why.text);
	else
		doc_say(d, DOC_OK, "pods.leases", NULL,
			"%zu leased addresses, all of attachments that are known here", l.n);
}
