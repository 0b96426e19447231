// SPDX-License-Identifier: Apache-2.0
/* Records of networks on disk. */
#include "state/network.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/text.h"
#include "json/cur.h"

#define RECORD_VERSION 1
#define RECORD_MAX     (16u << 20) /* bytes: 16,384 peers with 16 blocks each, and more */
#define FOLDER	       "run/fairlead/networks"
#define SUFFIX	       ".json"

void fl_network_done(struct fl_network *net)
{
	fl_json_free(&net->tree);
	fl_free_p(&net->routes);
	*net = (struct fl_network){ 0 };
}

static int visit_block(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct fl_network *net = arg;

	if (net->n_blocks == FL_NETWORK_BLOCKS_MAX)
		return fl_cur_fail(at, err, "more than %d blocks", FL_NETWORK_BLOCKS_MAX);
	return fl_cur_as_network(at, &net->blocks[net->n_blocks++], err);
}

static int visit_route(const struct fl_cur *at, void *arg, struct fl_err *err)
{
	struct fl_network *net = arg;

	return fl_cur_as_network(at, &net->routes[net->n_routes++], err);
}

static int read_routes(const struct fl_cur *c, const struct fl_json *tree, struct fl_network *net,
		       struct fl_err *err)
{
	size_t n = fl_json_len(fl_json_get(tree, "routes"));
	int r;

	net->routes = calloc(n + 1, sizeof(*net->routes));
	if (!net->routes)
		return fl_fail_errno(err, ENOMEM, "keep %zu routes", n);
	r = fl_cur_each(c, "routes", visit_route, net, err);
	return r < 0 ? r : 0;
}

int fl_network_from_json(struct fl_json *tree, struct fl_network *out, struct fl_err *err)
{
	static const int64_t known[2] = { RECORD_VERSION, RECORD_VERSION };
	struct fl_cur c = fl_cur_root(tree, "network record");
	fl_auto_network struct fl_network net = { 0 };
	int64_t version = 0;

	if (fl_cur_as_obj(&c, err) < 0 ||
	    fl_cur_int(&c, "version", FL_REQUIRED, known, &version, err) < 0 ||
	    fl_cur_str(&c, "network", FL_REQUIRED, &net.name, err) < 0 ||
	    fl_cur_str(&c, "device", FL_OPTIONAL, &net.device, err) < 0 ||
	    fl_cur_bool(&c, "masquerade", FL_OPTIONAL, &net.masquerade, err) < 0 ||
	    fl_cur_each(&c, "blocks", visit_block, &net, err) < 0 ||
	    read_routes(&c, tree, &net, err) < 0)
		return -err->sys;
	net.tree = tree;
	*out = net;
	net = (struct fl_network){ 0 };
	return 0;
}

/* obj[key] = the prefixes as texts. */
static int set_list(struct fl_json *obj, const char *key, const struct fl_prefix *list, size_t n)
{
	struct fl_json *texts = fl_json_array();
	char text[FL_PREFIX_STR];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = fl_json_append(texts, fl_json_new_str(fl_prefix_format(&list[i], text)));
	return fl_json_set(obj, key, texts) ?: r;
}

int fl_network_to_json(const struct fl_network *net, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *obj = fl_json_object();
	int r;

	r = fl_json_set_int(obj, "version", RECORD_VERSION)
		    ?: fl_json_set_str(obj, "network", net->name);
	if (r == 0 && net->device)
		r = fl_json_set_str(obj, "device", net->device);
	r = r ?: fl_json_set_bool(obj, "masquerade", net->masquerade) ?:
		 set_list(obj, "blocks", net->blocks, net->n_blocks) ?:
		 set_list(obj, "routes", net->routes, net->n_routes);
	if (r < 0)
		return fl_fail_errno(err, -r, "write network record");
	*out = FL_TAKE(obj);
	return 0;
}

void fl_networks_done(struct fl_networks *nets)
{
	fl_close_p(&nets->lock);
	fl_close_p(&nets->dir);
}

static int folder_path(const char *root, char out[PATH_MAX], struct fl_err *err)
{
	return fl_format(out, PATH_MAX, err, "%s/" FOLDER, root);
}

int fl_networks_lock(const char *root, const struct fl_deadline *deadline, struct fl_networks *out,
		     struct fl_err *err)
{
	fl_auto_networks struct fl_networks nets = FL_NETWORKS_CLOSED;
	char path[PATH_MAX];
	int r;

	r = folder_path(root, path, err);
	if (r == 0)
		r = fl_open_dir(path, 0755, &nets.dir, err);
	if (r < 0)
		return fl_wrap(err, r, "network records");
	nets.lock = openat(nets.dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (nets.lock < 0)
		return fl_fail_errno(err, errno, "open '%s/lock'", path);
	r = fl_flock(nets.lock, LOCK_EX, deadline, err);
	if (r < 0)
		return fl_wrap(err, r, "'%s/lock'", path);
	*out = (struct fl_networks){ FL_TAKE_FD(nets.dir), FL_TAKE_FD(nets.lock) };
	return 0;
}

int fl_networks_open(const char *root, struct fl_networks *out, struct fl_err *err)
{
	char path[PATH_MAX];
	int dir, r;

	r = folder_path(root, path, err);
	if (r < 0)
		return r;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fl_fail_errno(err, errno, "open directory '%s'", path);
	*out = (struct fl_networks){ dir, -1 };
	return 0;
}

static int read_at(int dir, const char *file, struct fl_network *out, struct fl_err *err)
{
	fl_auto_json struct fl_json *tree = NULL;
	int r = fl_json_read(dir, file, RECORD_MAX, &tree, err);

	if (r < 0)
		return fl_wrap(err, r, "network record");
	r = fl_network_from_json(tree, out, err);
	if (r < 0)
		return fl_wrap(err, r, "network record '%s'", file);
	(void)FL_TAKE(tree);
	return 0;
}

static int file_name(const char *name, char out[NAME_MAX + 1], struct fl_err *err)
{
	return fl_format(out, NAME_MAX + 1, err, "%s" SUFFIX, name);
}

int fl_network_read(const struct fl_networks *nets, const char *name, struct fl_network *out,
		    struct fl_err *err)
{
	char file[NAME_MAX + 1];
	int r = file_name(name, file, err);

	return r < 0 ? r : read_at(nets->dir, file, out, err);
}

int fl_network_write(const struct fl_networks *nets, const struct fl_network *net,
		     struct fl_err *err)
{
	fl_auto_free char *text = NULL, *have = NULL;
	fl_auto_json struct fl_json *obj = NULL;
	struct fl_err ignored;
	char file[NAME_MAX + 1];
	size_t len;
	int r;

	r = file_name(net->name, file, err);
	if (r == 0)
		r = fl_network_to_json(net, &obj, err);
	if (r == 0)
		r = fl_json_print(obj, 0, &text, err);
	if (r < 0)
		return r;
	if (fl_read_file(nets->dir, file, RECORD_MAX, &have, &len, &ignored) == 0 &&
	    fl_streq(have, text))
		return 0;
	r = fl_replace_file(nets->dir, file, text, strlen(text), 0600, err);
	return r < 0 ? fl_wrap(err, r, "network record") : 0;
}

int fl_network_remove(const struct fl_networks *nets, const char *name, struct fl_err *err)
{
	char file[NAME_MAX + 1];
	int r = file_name(name, file, err);

	if (r < 0)
		return r;
	if (unlinkat(nets->dir, file, 0) < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "remove network record '%s'", file);
	return 0;
}

static bool is_record(const char *file)
{
	size_t n = strlen(file), suffix = strlen(SUFFIX);

	return n > suffix && file[0] != '.' && fl_streq(file + n - suffix, SUFFIX);
}

int fl_network_list(const struct fl_networks *nets,
		    int (*each)(const struct fl_network *net, void *arg, struct fl_err *err),
		    void *arg, struct fl_err *err)
{
	fl_auto_dir DIR *d = fl_dir_entries(nets->dir);
	struct dirent *e;
	int r = 0;

	if (!d)
		return fl_fail_errno(err, errno, "list network records");
	while (r == 0 && (errno = 0, e = readdir(d))) {
		fl_auto_network struct fl_network net = { 0 };
		struct fl_err why;
		int one = is_record(e->d_name) ? read_at(nets->dir, e->d_name, &net, &why)
					       : -EINVAL;

		if (one == 0) {
			r = each(&net, arg, err);
		} else if (fl_is_want(one)) { /* it may be a good record */
			*err = why;
			r = one;
		}
	}
	return r == 0 && errno ? fl_fail_errno(err, errno, "list network records") : r;
}
