// SPDX-License-Identifier: Apache-2.0
/*
 * fairleadd, the agent: options, configuration and log; then the agent runs until it is told to
 * end. Exit status: 0 ended as told (or the configuration is good), 1 could not start, 2 wrong
 * options or configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/agent.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

#define CONFIG	   "/etc/fairlead/agent.yaml"
#define CONFIG_MAX (1u << 20) /* bytes */
#define BAD_CONFIG 2
#define MMAP_BYTES (128 * 1024) /* what is as large is memory of its own */

static const char usage[] =
	"fairleadd " FL_VERSION ", the agent of Fairlead\n\n"
	"  --config FILE    configuration, instead of " CONFIG "\n"
	"  --check-config   say whether the configuration is good, and end\n"
	"  --version        print the version, and end\n"
	"  --help           print this, and end\n\n"
	"FAIRLEAD_ROOT is put before /etc/fairlead, /run/fairlead and /var/lib/fairlead.\n";

struct options {
	const char *config; /* NULL: the default, which need not be there */
	bool check, version, help;
};

static int read_options(int argc, char **argv, struct options *out, struct fl_err *err)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct options o = { 0 };
	int c;

	opterr = 0; /* an error is one line, and ours */
	while ((c = getopt_long(argc, argv, ":c:h", known, NULL)) != -1) {
		o.version |= c == 'v';
		o.help |= c == 'h';
		o.check |= c == 'C';
		if (c == 'c')
			o.config = optarg;
		if (c == ':')
			return fl_fail(err, EINVAL, "'%s' needs a value", argv[optind - 1]);
		if (c == '?')
			return fl_fail(err, EINVAL, "'%s' is not an option: see --help",
				       argv[optind - 1]);
	}
	if (optind < argc)
		return fl_fail(err, EINVAL, "'%s' is not an option: see --help", argv[optind]);
	*out = o;
	return 0;
}

static int read_root(const char **root, struct fl_err *err)
{
	const char *v = getenv("FAIRLEAD_ROOT") ?: "";

	if (*v && *v != '/')
		return fl_fail(err, EINVAL, "FAIRLEAD_ROOT: '%s' is not an absolute path", v);
	*root = v;
	return 0;
}

/* Without a file at the default place, everything is the default. */
static int read_config(const struct options *o, const char *root, struct agent_config *out,
		       struct fl_err *err)
{
	fl_auto_free char *text = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r;

	r = fl_format(path, sizeof(path), err, "%s%s", o->config ? "" : root, o->config ?: CONFIG)
		    ?: fl_read_file(AT_FDCWD, path, CONFIG_MAX, &text, &len, err);
	if (r == -ENOENT && !o->config)
		r = 0;
	return r < 0 ? r : agent_config_read(path, text ?: "", len, out, err);
}

static int node_name(const struct agent_config *conf, char *out, size_t size, struct fl_err *err)
{
	const char *name = conf->node_name ?: getenv("NODE_NAME");
	struct utsname host;

	if (fl_empty(name))
		name = uname(&host) == 0 ? host.nodename : "";
	if (!*name)
		return fl_fail(err, EINVAL, "the node has no name: set 'nodeName'");
	return fl_copy(out, size, name, err);
}

static void setup_log(const struct agent_config *conf)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	enum fl_log_level level = FL_LOG_INFO;

	for (size_t i = 0; i < FL_ARRAY_LEN(names); i++)
		if (fl_streq(conf->log_level, names[i]))
			level = (enum fl_log_level)i;
	fl_log_setup(level, conf->log_json ? FL_LOG_JSON : FL_LOG_TEXT, STDERR_FILENO);
}

static int run(const struct agent_config *conf, const char *root, const char *name,
	       struct fl_err *err)
{
	struct agent a;
	int r = agent_open(&a, conf, root, name, err);

	if (r < 0)
		return r;
	a.notify_socket = getenv("NOTIFY_SOCKET");
	agent_run(&a);
	agent_close(&a);
	return 0;
}

static int start(const struct options *o, struct fl_err *err)
{
	fl_auto_config struct agent_config conf = { 0 };
	char name[254]; /* of a Node: a DNS subdomain */
	const char *root = "";
	int r;

	r = read_root(&root, err) ?: read_config(o, root, &conf, err) ?:
	    node_name(&conf, name, sizeof(name), err);
	if (r < 0)
		return fl_class(err, r, BAD_CONFIG);
	if (o->check)
		return 0;
	setup_log(&conf);
	return run(&conf, root, name, err);
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct fl_err err = { 0 };
	int r;

	fl_stdio_fill();
	(void)signal(SIGPIPE, SIG_IGN);
	/*
	 * Left alone, malloc() would keep for good whatever is smaller than the largest that has
	 * ever been freed, which are the kernel's types when the programs are loaded: megabytes.
	 */
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
	r = fl_class(&err, read_options(argc, argv, &o, &err), BAD_CONFIG);
	if (r == 0 && (o.help || o.version)) {
		(void)fputs(o.help ? usage : "fairleadd " FL_VERSION "\n", stdout);
		return 0;
	}
	if (r == 0)
		r = start(&o, &err);
	if (r == 0)
		return 0;
	fl_error("%s", err.text);
	return err.code ?: 1;
}
