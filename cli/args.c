// SPDX-License-Identifier: Apache-2.0
/* The command line: options stand anywhere, the command is the first word. */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>

#include "base/text.h"

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "socket", required_argument, NULL, 's' },
	{ "cni-bin", required_argument, NULL, 'b' },
	{ "cni-conf", required_argument, NULL, 'c' },
	{ "file", required_argument, NULL, 'f' },
	{ "from", required_argument, NULL, 'F' },
	{ "to", required_argument, NULL, 'T' },
	{ "port", required_argument, NULL, 'P' },
	{ "questions", required_argument, NULL, 'Q' },
	{ "pod", required_argument, NULL, 'p' },
	{ "max", required_argument, NULL, 'm' },
	{ "last", required_argument, NULL, 'l' },
	{ "follow", no_argument, NULL, 'w' },
	{ "drops", no_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL },
};

static int usage(struct fl_err *err, const char *text, const char *word)
{
	return fl_class(err, fl_fail(err, EINVAL, "%s '%s': see fairlead help", text, word),
			CLI_USAGE);
}

static int read_form(const char *text, enum cli_form *out, struct fl_err *err)
{
	static const char *const names[] = { "table", "json", "yaml" };

	for (size_t i = 0; i < FL_ARRAY_LEN(names); i++) {
		if (!fl_streq(text, names[i]))
			continue;
		*out = (enum cli_form)i;
		return 0;
	}
	return fl_class(err, fl_fail(err, EINVAL, "-o '%s': expected table, json or yaml", text),
			CLI_USAGE);
}

/* How the option that getopt_long() stumbled over was written. */
static const char *culprit(char **argv)
{
	static char letter[3] = "-";

	if (optopt && optopt < 128 && strncmp(argv[optind - 1], "--", 2) != 0) {
		letter[1] = (char)optopt;
		return letter;
	}
	return argv[optind - 1];
}

static int add_file(struct cli *out, const char *path, struct fl_err *err)
{
	if (out->n_files == CLI_FILES_MAX)
		return usage(err, "one -f more than 64:", path);
	out->files[out->n_files++] = path;
	return 0;
}

/* The options of a question. */
static bool is_question(int o, struct cli *out)
{
	switch (o) {
	case 'F':
		out->from = optarg;
		return true;
	case 'T':
		out->to = optarg;
		return true;
	case 'P':
		out->port = optarg;
		return true;
	case 'Q':
		out->questions = optarg;
		return true;
	default:
		return false;
	}
}

/* The options of events and map entries. */
static bool is_choice(int o, struct cli *out)
{
	switch (o) {
	case 'p':
		out->pod = optarg;
		return true;
	case 'l':
		out->last = optarg;
		return true;
	case 'm':
		out->max = optarg;
		return true;
	case 'w':
		out->follow = true;
		return true;
	case 'd':
		out->drops = true;
		return true;
	default:
		return false;
	}
}

static int read_option(int o, char **argv, struct cli *out, bool *help, struct fl_err *err)
{
	if (is_question(o, out) || is_choice(o, out))
		return 0;
	switch (o) {
	case 'f':
		return add_file(out, optarg, err);
	case 'o':
		return read_form(optarg, &out->form, err);
	case 's':
		out->socket = optarg;
		return 0;
	case 'b':
		out->cni_bin = optarg;
		return 0;
	case 'c':
		out->cni_conf = optarg;
		return 0;
	case 'h':
		*help = true;
		return 0;
	case 'v':
		out->command = "version";
		return 0;
	case ':':
		return usage(err, "a value is missing after", culprit(argv));
	default:
		return usage(err, "unknown option", culprit(argv));
	}
}

static int read_words(char **word, struct cli *out, bool *help, struct fl_err *err)
{
	const struct cli_command *command;

	if (!*word && !out->command)
		*help = true;
	if (!*word)
		return 0;
	command = cli_find(*word);
	if (!command)
		return usage(err, "unknown command", *word);
	out->command = *word++;
	if (!command->argument || !*word)
		return *word ? usage(err, "unexpected argument", *word) : 0;
	out->argument = *word++;
	if (command->has_operand && *word)
		out->operand = *word++;
	return *word ? usage(err, "unexpected argument", *word) : 0;
}

int cli_args_read(int argc, char **argv, struct cli *out, bool *help, struct fl_err *err)
{
	struct cli c = { .root = getenv("FAIRLEAD_ROOT") ?: "",
			 .cni_bin = "/opt/cni/bin",
			 .cni_conf = "/etc/cni/net.d" };
	int o, r;

	*help = false;
	optind = 0; /* from the beginning, with glibc's own state anew */
	opterr = 0;
	while ((o = getopt_long(argc, argv, ":o:f:hv", options, NULL)) != -1) {
		r = read_option(o, argv, &c, help, err);
		if (r < 0)
			return r;
	}
	r = read_words(argv + optind, &c, help, err);
	if (r < 0)
		return r;
	*out = c;
	return 0;
}
