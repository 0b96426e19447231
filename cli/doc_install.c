// SPDX-License-Identifier: Apache-2.0
/* What is installed: the plugins' files, and the network configurations that call them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/doctor.h"

#define OUR_BINARY "fairlead-cni"
#define BINARY_MAX (64u << 20) /* bytes */
#define CONF_MAX   (1u << 20)  /* bytes */
#define CONFS_MAX  64	       /* files that are looked at */

/* Names of our own that a configuration may call; all are one file. */
static const char *const ours[] = { "bridge", "host-local", "loopback", "vxlan", "bgp-route" };

/* 0, or the errno. */
static int stat_in(const char *dir, const char *name, struct stat *st)
{
	char path[PATH_MAX];
	struct fl_err none;

	if (fl_format(path, sizeof(path), &none, "%s/%s", dir, name) < 0)
		return ENAMETOOLONG;
	return stat(path, st) < 0 ? errno : 0;
}

/* Who may not look does not know that nothing is there. */
static bool is_forbidden(int number)
{
	return number == EACCES || number == EPERM;
}

/*
 * The version that the plugins' file would print, found in it rather than by running it: usage in
 * plugins/main.c begins "fairlead-cni VERSION: CNI plugins".
 */
static bool find_version(const char *dir, char *out, size_t size)
{
	static const char begin[] = OUR_BINARY " ", end[] = ": CNI plugins in one file";
	fl_auto_free char *data = NULL;
	const char *stop, *start;
	char path[PATH_MAX];
	struct fl_err none;
	size_t len;

	if (fl_format(path, sizeof(path), &none, "%s/" OUR_BINARY, dir) < 0 ||
	    fl_read_file(AT_FDCWD, path, BINARY_MAX, &data, &len, &none) < 0)
		return false;
	stop = memmem(data, len, end, sizeof(end) - 1);
	if (!stop)
		return false;
	for (start = stop; start > data && start[-1] && stop - start < 40;)
		start--;
	return strncmp(start, begin, sizeof(begin) - 1) == 0 &&
	       fl_format(out, size, &none, "%.*s", (int)(stop - start) - (int)(sizeof(begin) - 1),
			 start + sizeof(begin) - 1) == 0;
}

static void check_version(struct doc *d)
{
	char version[40];

	if (!find_version(d->cli->cni_bin, version, sizeof(version)))
		doc_say(d, DOC_WARN, "install.version", "make install",
			"'%s/" OUR_BINARY "' does not say which version it is", d->cli->cni_bin);
	else if (!fl_streq(version, FL_VERSION))
		doc_say(d, DOC_WARN, "install.version", "make install, for all of one version",
			"the plugins are %s, this program is " FL_VERSION, version);
	else
		doc_say(d, DOC_OK, "install.version", NULL, "the plugins are %s, as this program",
			version);
}

static void check_binaries(struct doc *d)
{
	char missing[128] = "", others[128] = "";
	struct stat own, st;
	int r = stat_in(d->cli->cni_bin, OUR_BINARY, &own);

	if (r)
		return doc_say(d, is_forbidden(r) ? DOC_SKIP : DOC_FAIL, "install.plugins",
			       is_forbidden(r) ? NULL : "make install, or --cni-bin DIR",
			       "'%s/" OUR_BINARY "': %s", d->cli->cni_bin, strerror(r));
	for (size_t i = 0; i < FL_ARRAY_LEN(ours); i++) {
		bool there = stat_in(d->cli->cni_bin, ours[i], &st) == 0;
		bool linked = there && st.st_dev == own.st_dev && st.st_ino == own.st_ino;
		char *list = there ? others : missing;
		size_t len = strlen(list);

		if (!linked)
			(void)snprintf(list + len, sizeof(missing) - len, "%s%s", len ? ", " : "",
				       ours[i]);
	}
	if (*others)
		doc_say(d, DOC_WARN, "install.plugins", "make install puts ours in their place",
			"in '%s' these are other programs: %s", d->cli->cni_bin, others);
	if (*missing)
		doc_say(d, DOC_WARN, "install.plugins", "make install",
			"in '%s' these are missing: %s", d->cli->cni_bin, missing);
	if (!*others && !*missing)
		doc_say(d, DOC_OK, "install.plugins", NULL, "all are one file in '%s'",
			d->cli->cni_bin);
	check_version(d);
}

static int is_conf(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return fl_streq(dot, ".conflist") || fl_streq(dot, ".conf") || fl_streq(dot, ".json");
}

static void close_names(struct dirent ***names)
{
	for (struct dirent **n = *names; n && *n; n++)
		free(*n);
	free(*names);
	*names = NULL;
}

/* Calls each() for every plugin's configuration in a file. */
static void each_plugin(struct doc *d, const struct fl_json *file,
			void (*each)(struct doc *d, const struct fl_json *conf))
{
	const struct fl_json *plugins = fl_json_get(file, "plugins");

	if (!plugins)
		each(d, file);
	for (size_t i = 0; i < fl_json_len(plugins); i++)
		each(d, fl_json_at(plugins, i));
}

/* The program that a plugin's "type", or that of its IPAM plugin, names. */
static void check_type(struct doc *d, const char *type)
{
	struct stat st = { 0 };
	int r;

	if (!type || strchr(type, '/'))
		return doc_say(d, DOC_FAIL, "install.types", "see the configuration's 'type'",
			       "a plugin without a usable type");
	r = stat_in(d->cli->cni_bin, type, &st);
	if (is_forbidden(r))
		doc_say(d, DOC_SKIP, "install.types", NULL, "plugin '%s' in '%s': %s", type,
			d->cli->cni_bin, strerror(r));
	else if (r)
		doc_say(d, DOC_FAIL, "install.types", "install that plugin, or take it out",
			"plugin '%s' is not in '%s'", type, d->cli->cni_bin);
	else if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		doc_say(d, DOC_FAIL, "install.types", "chmod 755, or install it anew",
			"plugin '%s' in '%s' is not executable", type, d->cli->cni_bin);
}

static void check_conf(struct doc *d, const struct fl_json *conf)
{
	const char *ipam = fl_json_str(fl_json_get(fl_json_get(conf, "ipam"), "type"));

	check_type(d, fl_json_str(fl_json_get(conf, "type")));
	if (!fl_empty(ipam))
		check_type(d, ipam);
	doc_keys(d, conf);
}

static int read_conf(const char *dir, const char *name, struct fl_json **out, struct fl_err *err)
{
	char path[PATH_MAX];

	return fl_format(path, sizeof(path), err, "%s/%s", dir, name)
		       ?: fl_json_read(AT_FDCWD, path, CONF_MAX, out, err);
}

/* The files in the order in which runtimes look at them; NULL-terminated, or NULL. */
static int list_confs(const struct doc *d, struct dirent ***out)
{
	struct dirent **names = NULL, **more;
	int n = scandir(d->cli->cni_conf, &names, is_conf, alphasort);

	if (n < 0)
		return -errno;
	more = realloc(names, ((size_t)n + 1) * sizeof(*more));
	if (!more) {
		for (int i = 0; i < n; i++)
			fl_free_p(&names[i]);
		fl_free_p(&names);
		return -ENOMEM;
	}
	more[n] = NULL;
	*out = more;
	return n;
}

void doc_each_network(struct doc *d,
		      void (*each)(struct doc *d, const struct fl_json *file, void *arg), void *arg)
{
	fl_auto(close_names) struct dirent **names = NULL;
	int n = list_confs(d, &names);

	for (int i = 0; i < n && i < CONFS_MAX; i++) {
		fl_auto_json struct fl_json *file = NULL;
		struct fl_err none;

		if (read_conf(d->cli->cni_conf, names[i]->d_name, &file, &none) == 0)
			each(d, file, arg);
	}
}

static void read_peers(struct doc *d, const struct fl_json *file, void *arg)
{
	(void)arg;
	each_plugin(d, file, doc_peers_from_conf);
}

void doc_conf_peers(struct doc *d)
{
	doc_each_network(d, read_peers, NULL);
}

bool doc_is_ours(const struct fl_json *file)
{
	static const char *const types[] = { "bridge", "vxlan", "bgp-route" };
	const struct fl_json *first = fl_json_at(fl_json_get(file, "plugins"), 0);
	const char *type = fl_json_str(fl_json_get(first ? first : file, "type"));

	for (size_t i = 0; i < FL_ARRAY_LEN(types); i++)
		if (fl_streq(type, types[i]))
			return true;
	return false;
}

/* The first file is the one that runtimes take for pods. mine: the first of our plugins. */
static void check_first(struct doc *d, struct dirent *const *names, int mine)
{
	if (mine > 0)
		doc_say(d, DOC_WARN, "install.first",
			"give the network that pods should have the name that sorts first",
			"'%.100s' comes before '%.100s': runtimes attach pods to that network, "
			"which is not of our plugins",
			names[0]->d_name, names[mine]->d_name);
}

static void check_confs(struct doc *d)
{
	fl_auto(close_names) struct dirent **names = NULL;
	int n = list_confs(d, &names), good = 0, mine = -1;

	if (n < 0 && is_forbidden(-n))
		return doc_say(d, DOC_SKIP, "install.config", NULL, "'%s': %s", d->cli->cni_conf,
			       strerror(-n));
	if (n <= 0)
		return doc_say(
			d, DOC_WARN, "install.config",
			"write a configuration there: see the plugins' README, or --cni-conf DIR",
			"'%s': %s", d->cli->cni_conf,
			n < 0 ? strerror(-n) : "no configuration in it");
	for (int i = 0; i < n && i < CONFS_MAX; i++) {
		fl_auto_json struct fl_json *file = NULL;
		struct fl_err err = { 0 };
		int r = read_conf(d->cli->cni_conf, names[i]->d_name, &file, &err);

		if (r < 0) {
			doc_say(d, is_forbidden(-r) ? DOC_SKIP : DOC_FAIL, "install.config",
				is_forbidden(-r) ? NULL : "mend or remove the file", "%s",
				err.text);
			continue;
		}
		good++;
		if (mine < 0 && doc_is_ours(file))
			mine = i;
		d->conf_name = names[i]->d_name;
		each_plugin(d, file, check_conf);
		d->conf_name = NULL;
	}
	if (good == n)
		check_first(d, names, mine);
	if (good == n)
		doc_say(d, DOC_OK, "install.config", NULL, "%d in '%s'; '%s' is the first", n,
			d->cli->cni_conf, names[0]->d_name);
}

void doc_install(struct doc *d)
{
	check_binaries(d);
	check_confs(d);
}
