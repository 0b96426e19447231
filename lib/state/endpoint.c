// SPDX-License-Identifier: Apache-2.0
/* Endpoint records on disk. */
#include "state/endpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "json/cur.h"

#define RECORD_VERSION 1
#define RECORD_MAX     65536 /* bytes */
#define NO_AGENT       "none"
#define ABANDONED_S    600 /* seconds; no ADD takes longer */
#define FOLDER	       "run/fairlead/endpoints"

static struct fl_hash key_hash(const struct fl_key *key)
{
	const char *texts[] = { key->network, key->container_id, key->ifname };

	return fl_hash_texts(texts, FL_ARRAY_LEN(texts));
}

void fl_key_host_ifname(const struct fl_key *key, char out[FL_HOST_IFNAME])
{
	memcpy(out, "veth", 4);
	fl_hash_name(key_hash(key), out + 4, FL_HOST_IFNAME - 5);
}

bool fl_is_host_ifname(const char *name)
{
	return strncmp(name, "veth", 4) == 0 && strlen(name) == FL_HOST_IFNAME - 1 &&
	       strspn(name + 4, "0123456789abcdefghijklmnopqrstuv") == FL_HOST_IFNAME - 5;
}

void fl_key_alias(const struct fl_key *key, char out[FL_ALIAS_SIZE])
{
	(void)snprintf(out, FL_ALIAS_SIZE, FL_ALIAS "%s/%s/%s", key->network, key->container_id,
		       key->ifname);
}

bool fl_alias_host_ifname(const char *alias, char out[FL_HOST_IFNAME])
{
	char copy[FL_ALIAS_SIZE], *rest = copy;
	struct fl_key key;

	if (strncmp(alias, FL_ALIAS, strlen(FL_ALIAS)) != 0 || strlen(alias) >= FL_ALIAS_SIZE - 1)
		return false;
	memcpy(copy, alias + strlen(FL_ALIAS), strlen(alias) - strlen(FL_ALIAS) + 1);
	key.network = strsep(&rest, "/");
	key.container_id = strsep(&rest, "/");
	key.ifname = strsep(&rest, "/");
	if (!key.ifname || rest)
		return false;
	fl_key_host_ifname(&key, out);
	return true;
}

static int folder_path(const char *root, char out[PATH_MAX], struct fl_err *err)
{
	return fl_format(out, PATH_MAX, err, "%s/" FOLDER, root);
}

/* The folder is ours; the one above it is everybody's, whoever makes it first. */
static int make_folder(const char *root, struct fl_err *err)
{
	char folder[PATH_MAX];
	char *slash;
	int r;

	r = folder_path(root, folder, err);
	if (r < 0)
		return r;
	slash = strrchr(folder, '/');
	*slash = '\0';
	r = fl_make_dirs(folder, 0755, err);
	*slash = '/';
	return r < 0 ? r : fl_make_dirs(folder, 0700, err);
}

int fl_endpoint_folder(const char *root, char *out, struct fl_err *err)
{
	return folder_path(root, out, err) ?: make_folder(root, err);
}

static int record_path(const char *root, const struct fl_key *key, char out[PATH_MAX],
		       struct fl_err *err)
{
	char name[FL_KEY_NAME];

	fl_hash_name(key_hash(key), name, FL_KEY_NAME - 1);
	return fl_format(out, PATH_MAX, err, "%s/" FOLDER "/%s.json", root, name);
}

void fl_endpoint_done(struct fl_endpoint *ep)
{
	fl_json_free(&ep->tree);
	*ep = (struct fl_endpoint){ 0 };
}

static int set_optional(struct fl_json *obj, const char *key, const char *text)
{
	return fl_empty(text) ? 0 : fl_json_set_str(obj, key, text);
}

static int set_ips(struct fl_json *obj, const struct fl_endpoint *ep)
{
	struct fl_json *ips = fl_json_array();
	char text[FL_PREFIX_STR];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ep->n_ips; i++)
		r = fl_json_append(ips, fl_json_new_str(fl_prefix_format(&ep->ips[i], text)));
	return fl_json_set(obj, "ips", ips) ?: r;
}

int fl_endpoint_to_json(const struct fl_endpoint *ep, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	char mac[FL_MAC_STR];
	int r;

	fl_mac_format(ep->mac, mac);
	r = fl_json_set_int(obj, "version", RECORD_VERSION) ?:
	    fl_json_set_str(obj, "network", ep->key.network) ?:
	    fl_json_set_str(obj, "containerID", ep->key.container_id) ?:
	    fl_json_set_str(obj, "ifname", ep->key.ifname) ?:
	    fl_json_set_str(obj, "hostInterface", ep->host_ifname) ?:
	    fl_json_set_str(obj, "mac", mac) ?:
	    set_optional(obj, "netns", ep->netns) ?:
	    set_optional(obj, "mode", ep->mode) ?:
	    set_optional(obj, "podNamespace", ep->pod_namespace) ?:
	    set_optional(obj, "podName", ep->pod_name) ?:
	    set_optional(obj, "podUID", ep->pod_uid) ?:
	    set_ips(obj, ep) ?:
	    fl_json_set_bool(obj, "masquerade", ep->masquerade) ?:
	    fl_json_set_bool(obj, "macspoofchk", ep->macspoofchk) ?:
	    set_optional(obj, "agent", ep->no_agent ? NO_AGENT : NULL);
	if (r == 0 && ep->labels)
		r = fl_json_set(obj, "labels", fl_json_copy(ep->labels));
	if (r < 0)
		return fl_fail_errno(err, -r, "write endpoint record");
	*out = FL_TAKE(obj);
	return 0;
}

static int visit_ip(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct fl_endpoint *ep = arg;

	if (ep->n_ips == FL_ENDPOINT_IPS_MAX)
		return fl_cur_fail(at, err, "more than %d addresses", FL_ENDPOINT_IPS_MAX);
	return fl_cur_as_prefix(at, &ep->ips[ep->n_ips++], err);
}

int fl_endpoint_from_json(struct fl_json *tree, struct fl_endpoint *out, struct fl_err *err)
{
	struct fl_cur c = fl_cur_root(tree, "endpoint record");
	struct fl_endpoint ep = { 0 };
	const char *mac = "00:00:00:00:00:00", *host = "", *agent = "";
	static const int64_t known[2] = { RECORD_VERSION, RECORD_VERSION };
	int64_t version = 0;

	if (fl_cur_as_obj(&c, err) < 0 ||
	    fl_cur_int(&c, "version", FL_REQUIRED, known, &version, err) < 0 ||
	    fl_cur_str(&c, "network", FL_REQUIRED, &ep.key.network, err) < 0 ||
	    fl_cur_str(&c, "containerID", FL_REQUIRED, &ep.key.container_id, err) < 0 ||
	    fl_cur_str(&c, "ifname", FL_REQUIRED, &ep.key.ifname, err) < 0 ||
	    fl_cur_str(&c, "hostInterface", FL_REQUIRED, &host, err) < 0 ||
	    fl_cur_str(&c, "netns", FL_OPTIONAL, &ep.netns, err) < 0 ||
	    fl_cur_str(&c, "mode", FL_OPTIONAL, &ep.mode, err) < 0 ||
	    fl_cur_str(&c, "podNamespace", FL_OPTIONAL, &ep.pod_namespace, err) < 0 ||
	    fl_cur_str(&c, "podName", FL_OPTIONAL, &ep.pod_name, err) < 0 ||
	    fl_cur_str(&c, "podUID", FL_OPTIONAL, &ep.pod_uid, err) < 0 ||
	    fl_cur_str(&c, "mac", FL_OPTIONAL, &mac, err) < 0 ||
	    fl_cur_str(&c, "agent", FL_OPTIONAL, &agent, err) < 0 ||
	    fl_cur_bool(&c, "masquerade", FL_OPTIONAL, &ep.masquerade, err) < 0 ||
	    fl_cur_bool(&c, "macspoofchk", FL_OPTIONAL, &ep.macspoofchk, err) < 0 ||
	    fl_mac_parse(mac, ep.mac, err) < 0 ||
	    fl_copy(ep.host_ifname, sizeof(ep.host_ifname), host, err) < 0 ||
	    fl_cur_each(&c, "ips", visit_ip, &ep, err) < 0)
		return -EINVAL;
	ep.labels = fl_json_get(tree, "labels");
	ep.no_agent = fl_streq(agent, NO_AGENT);
	ep.tree = tree;
	*out = ep;
	return 0;
}

int fl_endpoint_claim(const char *root, const struct fl_key *key, int *fd, struct fl_err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	char path[PATH_MAX];
	int r, claimed;

	r = record_path(root, key, path, err);
	if (r < 0)
		return r;
	claimed = open(path, flags, 0600);
	if (claimed < 0 && errno == ENOENT) { /* the first record since the machine started */
		r = make_folder(root, err);
		if (r < 0)
			return fl_wrap(err, r, "endpoint record");
		claimed = open(path, flags, 0600);
	}
	if (claimed < 0)
		return fl_fail_errno(err, errno, "create endpoint record '%s'", path);
	*fd = claimed;
	return 0;
}

int fl_endpoint_fill(int fd, const struct fl_endpoint *ep, struct fl_err *err)
{
	fl_auto_json struct fl_json *obj = NULL;
	fl_auto_free char *text = NULL;
	int r;

	r = fl_endpoint_to_json(ep, &obj, err);
	if (r == 0)
		r = fl_json_print(obj, 0, &text, err);
	if (r == 0 && strlen(text) > RECORD_MAX) /* nobody could read it */
		r = fl_fail(err, E2BIG, "%zu bytes, at most %d", strlen(text), RECORD_MAX);
	if (r == 0)
		r = fl_write_all(fd, text, strlen(text), err);
	return r < 0 ? fl_wrap(err, r, "endpoint record") : 0;
}

/*
 * The kernel refuses a read lease on a file that somebody has open for writing. So an ADD is seen
 * while it runs at no cost to it, and one that was killed is not.
 */
static bool is_written(int fd)
{
	/* Who opens it for writing meanwhile waits for our close; SIGIO would be our end. */
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		return false;
	return fcntl(fd, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN;
}

/* Until the file is closed, which the kernel says a moment before it counts. */
static int wait_for_writer(const char *path, int fd, const struct fl_deadline *d,
			   struct fl_err *err)
{
	struct pollfd said = { .events = POLLIN };
	fl_auto_close int watch = -1;

	watch = said.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0)
		return fl_fail_errno(err, errno, "watch '%s'", path);
	if (inotify_add_watch(watch, path, IN_CLOSE_WRITE) < 0) /* removed: the ADD has failed */
		return errno == ENOENT ? 0 : fl_fail_errno(err, errno, "watch '%s'", path);
	while (is_written(fd)) {
		int left = fl_deadline_left(d);

		if (left == 0)
			return -ETIMEDOUT;
		if (said.revents)
			(void)poll(NULL, 0, 1);
		else
			(void)poll(&said, 1, left);
	}
	return 0;
}

int fl_endpoint_wait(const char *root, const struct fl_key *key, const struct fl_deadline *d,
		     struct fl_err *err)
{
	fl_auto_close int fd = -1;
	char path[PATH_MAX];
	int r = record_path(root, key, path, err);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 || !is_written(fd))
		return 0;
	r = wait_for_writer(path, fd, d, err);
	return r == -ETIMEDOUT ? fl_fail(err, ETIMEDOUT,
					 "container '%s', interface '%s': an ADD is still running",
					 key->container_id, key->ifname)
			       : r;
}

int fl_endpoint_lock(const char *root, const struct fl_key *key, const struct fl_deadline *d,
		     int *fd, struct fl_err *err)
{
	fl_auto_close int lock = -1;
	char path[PATH_MAX];
	struct stat st;
	int r = record_path(root, key, path, err);

	if (r < 0)
		return r;
	lock = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (lock < 0)
		return fl_fail_errno(err, errno, "open endpoint record '%s'", path);
	if (d)
		r = fl_flock(lock, LOCK_EX, d, err);
	else if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		r = fl_fail_errno(err, errno, "lock");
	if (r == 0 && (fstat(lock, &st) < 0 || st.st_nlink == 0))
		r = fl_fail(err, ENOENT, "it has been removed");
	if (r < 0)
		return fl_wrap(err, r, "endpoint record '%s'", path);
	*fd = FL_TAKE_FD(lock);
	return 0;
}

/* *is_claim: nobody has written into it yet. */
static int read_at(int dirfd, const char *name, struct fl_endpoint *out, bool *is_claim,
		   struct fl_err *err)
{
	fl_auto_json struct fl_json *tree = NULL;
	fl_auto_free char *text = NULL;
	size_t len = 0;
	int r;

	r = fl_read_file(dirfd, name, RECORD_MAX, &text, &len, err);
	*is_claim = r == 0 && len == 0;
	if (r < 0)
		return r;
	r = fl_json_parse(text, len, &tree, err);
	if (r < 0)
		return fl_wrap(err, r, "endpoint record '%s'", name);
	r = fl_endpoint_from_json(tree, out, err);
	if (r < 0)
		return fl_wrap(err, r, "'%s'", name);
	(void)FL_TAKE(tree);
	return 0;
}

int fl_endpoint_read(const char *root, const struct fl_key *key, struct fl_endpoint *out,
		     struct fl_err *err)
{
	char path[PATH_MAX];
	bool is_claim;
	int r = record_path(root, key, path, err);

	return r < 0 ? r : read_at(AT_FDCWD, path, out, &is_claim, err);
}

/* Who cannot look for want of memory or descriptors takes it for a record. */
static bool holds(const char *path)
{
	fl_auto_endpoint struct fl_endpoint ep = { 0 };
	fl_auto_close int fd = -1;
	struct fl_err ignored;
	bool is_claim;
	int r;

	/* First: the ADD fills its claim before it ends. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd >= 0 && is_written(fd))
		return true;
	r = read_at(AT_FDCWD, path, &ep, &is_claim, &ignored);
	return r == 0 || fl_is_want(r);
}

bool fl_endpoint_holds(const char *root, const struct fl_key *key)
{
	char path[PATH_MAX];
	struct fl_err ignored;

	return record_path(root, key, path, &ignored) == 0 && holds(path);
}

int fl_endpoint_remove(const char *root, const struct fl_key *key, struct fl_err *err)
{
	char path[PATH_MAX];
	int r = record_path(root, key, path, err);

	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return fl_fail_errno(err, errno, "remove endpoint record '%s'", path);
	return 0;
}

/*
 * A claim that was never filled, by a process that was killed long ago. What seems to be older than
 * the machine's boot is not: the clock was put right meanwhile, and an ADD may be at work on it.
 */
static bool is_abandoned(int dirfd, const char *name)
{
	struct timespec now = { 0 }, up = { 0 };
	struct stat st;
	time_t age;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size > 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	age = now.tv_sec - st.st_mtime;
	return age > ABANDONED_S && age <= up.tv_sec;
}

static bool is_record(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && name[0] != '.' && fl_streq(name + n - 5, ".json");
}

bool fl_endpoint_path_host_ifname(const char *path, char out[FL_HOST_IFNAME])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	(void)snprintf(out, FL_HOST_IFNAME, "veth%.11s", name);
	return strlen(name) == FL_KEY_NAME - 1 + strlen(".json") && fl_is_host_ifname(out);
}

bool fl_endpoint_holds_link(const char *root, const char *host_ifname)
{
	fl_auto_dir DIR *d = NULL;
	char folder[PATH_MAX], path[PATH_MAX], name[FL_HOST_IFNAME];
	struct fl_err ignored;
	struct dirent *e;

	if (folder_path(root, folder, &ignored) == 0)
		d = opendir(folder);
	while (d && (e = readdir(d)))
		if (is_record(e->d_name) && fl_endpoint_path_host_ifname(e->d_name, name) &&
		    fl_streq(name, host_ifname) &&
		    fl_format(path, sizeof(path), &ignored, "%s/%s", folder, e->d_name) == 0 &&
		    holds(path))
			return true;
	return false;
}

static void tell_bad(const struct fl_endpoint_visitor *v, const char *folder, const char *name,
		     const char *why)
{
	char path[PATH_MAX];
	struct fl_err ignored;

	if (v->bad && fl_format(path, sizeof(path), &ignored, "%s/%s", folder, name) == 0)
		v->bad(path, why, v->arg);
}

/* One file of the folder: a record, a claim, or neither. */
static int visit_record(DIR *d, const char *folder, const char *name,
			const struct fl_endpoint_visitor *v, struct fl_err *err)
{
	fl_auto_endpoint struct fl_endpoint ep = { 0 };
	bool is_claim = false;
	struct fl_err why;
	int r = read_at(dirfd(d), name, &ep, &is_claim, &why);

	if (r == 0 && (!v->network || fl_streq(ep.key.network, v->network)))
		return v->each(&ep, v->arg, err);
	/* It may be a good record. */
	if (fl_is_want(r)) {
		*err = why;
		return r;
	}
	if (is_claim && is_abandoned(dirfd(d), name))
		(void)unlinkat(dirfd(d), name, 0);
	if (r < 0 && r != -ENOENT && !is_claim)
		tell_bad(v, folder, name, why.text);
	return 0;
}

int fl_endpoint_visit(const char *root, const struct fl_endpoint_visitor *v, struct fl_err *err)
{
	fl_auto_dir DIR *d = NULL;
	char path[PATH_MAX];
	struct dirent *e;
	int r;

	r = folder_path(root, path, err);
	if (r < 0)
		return r;
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : fl_fail_errno(err, errno, "open directory '%s'", path);
	while (r == 0 && (errno = 0, e = readdir(d)))
		if (is_record(e->d_name))
			r = visit_record(d, path, e->d_name, v, err);
	return r == 0 && errno ? fl_fail_errno(err, errno, "read directory '%s'", path) : r;
}

int fl_endpoint_list(const char *root, const char *network,
		     int (*each)(const struct fl_endpoint *ep, void *arg, struct fl_err *err),
		     void *arg, struct fl_err *err)
{
	const struct fl_endpoint_visitor v = { .network = network, .each = each, .arg = arg };

	return fl_endpoint_visit(root, &v, err);
}
