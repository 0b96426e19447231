// SPDX-License-Identifier: Apache-2.0
/*
 * cnibench: measures our plugins side by side with the reference plugins and with the bare
 * kernel cost. Started by bench/run.sh, which makes the namespaces that it works in; by itself
 * it would make its bridges and leases in the caller's.
 */
#include "base/text.h"
#include "report.h"
#include "scenario.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static int usage(void)
{
	fprintf(stderr, "usage: cnibench --own DIR --ref DIR --floor FILE --setup FILE [options]\n"
			"  -s LIST  scenarios, separated by commas (default: all)\n"
			"  -w LIST  contenders, of fairlead,reference,floor (default: all)\n"
			"  -n N     rounds of the serial scenarios (default: 60)\n"
			"  -r N     repeats of the concurrent scenarios (default: 2)\n"
			"  -p N     pods of the concurrent scenarios (default: 200)\n"
			"  -j N     how many of them at a time (default: 64)\n"
			"  -l N     leases in the store (default: 10000)\n"
			"  -c N     foreign firewall chains (default: 2000)\n"
			"  -b N     pods on the full host's bridge (default: 500)\n"
			"scenarios:\n");
	for (const struct bench_scenario *s = bench_scenarios; s->name; s++)
		fprintf(stderr, "  %-10s %s\n", s->name, s->what);
	return 2;
}

/* True when the list, separated by commas, holds the word; every list without a text does. */
static bool listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	if (!list)
		return true;
	for (const char *p = list; p; p = strchr(p, ','), p = p ? p + 1 : NULL)
		if (!strncmp(p, word, len) && (p[len] == ',' || p[len] == '\0'))
			return true;
	return false;
}

static int read_number(const char *text, unsigned int max, unsigned int *out, struct fl_err *err)
{
	uint32_t value;
	int r = fl_parse_u32(text, 0, max, &value, err);

	if (r == 0)
		*out = value;
	return r;
}

static int read_options(int argc, char **argv, struct bench_options *o, const char **scenarios,
			struct fl_err *err)
{
	static const struct option names[] = { { "own", required_argument, NULL, 'O' },
					       { "ref", required_argument, NULL, 'R' },
					       { "floor", required_argument, NULL, 'F' },
					       { "setup", required_argument, NULL, 'S' },
					       { 0 } };
	int c, r = 0;

	while (r == 0 && (c = getopt_long(argc, argv, "s:w:n:r:p:j:l:c:b:", names, NULL)) != -1) {
		switch (c) {
		case 'O':
			o->paths.own = optarg;
			break;
		case 'R':
			o->paths.ref = optarg;
			break;
		case 'F':
			o->paths.floor = optarg;
			break;
		case 'S':
			o->paths.setup = optarg;
			break;
		case 's':
			*scenarios = optarg;
			break;
		case 'w':
			for (int w = 0; w < BENCH_WHO; w++)
				o->with[w] = listed(optarg, bench_who_name(w));
			break;
		case 'n':
			r = read_number(optarg, 100000, &o->rounds, err);
			break;
		case 'r':
			r = read_number(optarg, 1000, &o->repeats, err);
			break;
		case 'p':
			r = read_number(optarg, 1000, &o->pods, err);
			break;
		case 'j':
			r = read_number(optarg, 1000, &o->jobs, err);
			break;
		case 'l':
			r = read_number(optarg, 60000, &o->leases, err);
			break;
		case 'c':
			r = read_number(optarg, 60000, &o->chains, err);
			break;
		case 'b':
			r = read_number(optarg, 1000, &o->crowd, err);
			break;
		default:
			return -EINVAL;
		}
	}
	if (r == 0 && (!o->paths.own || !o->paths.ref || !o->paths.floor || !o->paths.setup))
		return fl_fail(err, EINVAL, "--own, --ref, --floor and --setup are needed");
	return r;
}

int main(int argc, char **argv)
{
	struct bench_options o = { .with = { true, true, true },
				   .rounds = 60,
				   .repeats = 2,
				   .pods = 200,
				   .jobs = 64,
				   .leases = 10000,
				   .chains = 2000,
				   .crowd = 500 };
	struct rlimit files;
	const char *scenarios = NULL;
	struct fl_err err = { 0 };

	if (read_options(argc, argv, &o, &scenarios, &err) < 0) {
		fprintf(stderr, "cnibench: %s\n", err.text);
		return usage();
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)!setrlimit(RLIMIT_NOFILE, &files);
	}
	for (const struct bench_scenario *s = bench_scenarios; s->name; s++) {
		if (!listed(scenarios, s->name))
			continue;
		if (s->run(&o, &err) < 0) {
			fflush(stdout);
			fprintf(stderr, "cnibench: scenario '%s': %s\n", s->name, err.text);
			return 1;
		}
	}
	bench_print_verdict();
	return 0;
}
