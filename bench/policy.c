// SPDX-License-Identifier: Apache-2.0
/*
 * policybench: what the policy compiler takes for a world of 10,000 pods and 1,000 policies: time
 * of a compilation of everything, time of one change until its differences are there, memory.
 * Needs nothing: the compiler touches no kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "agent/policy/world.h"
#include "base/text.h"

#define NAMESPACES 100
#define PODS	   100 /* of each namespace */
#define POLICIES   10
#define CHANGES	   200

static bool arg_unique; /* every pod has a label of its own */
static bool arg_all;	/* all pods are this node's; else 200 are */
static bool arg_print;	/* only print the objects, for an agent to read */

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const struct fl_err *err)
{
	fprintf(stderr, "policybench: %s\n", err->text);
	exit(1);
}

static void put(struct pol_world *w, const char *text)
{
	fl_auto_json struct fl_json *v = NULL;
	struct fl_err err = { 0 };
	struct fl_cur root;

	if (arg_print) {
		printf("---\n%s\n", text);
		return;
	}
	if (fl_json_parse(text, strlen(text), &v, &err) < 0)
		fail(&err);
	root = fl_cur_root(v, "object");
	if (pol_world_put_object(w, &root, NULL, NULL, &err) < 0)
		fail(&err);
}

static void put_ns(struct pol_world *w, int i, int team)
{
	char text[256];

	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"ns%d\","
		"\"labels\":{\"team\":\"t%d\"}}}",
		i, team);
	put(w, text);
}

static void put_pod(struct pol_world *w, int ns, int i, int app)
{
	char text[1024], own[64] = "";

	if (arg_unique)
		(void)snprintf(own, sizeof(own), ",\"apps.kubernetes.io/pod-index\":\"%d\"", i);
	(void)snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"app%d-7d9c5b-%"
		"d\","
		"\"namespace\":\"ns%d\",\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"labels\":"
		"{\"app\":\"app%d\",\"pod-template-hash\":\"7d9c5b\",\"tier\":\"tier%d\"%s}},"
		"\"spec\":{\"nodeName\":\"n%d\",\"containers\":[{\"ports\":[{\"name\":\"http\","
		"\"containerPort\":%d}]}]},\"status\":{\"podIPs\":[{\"ip\":\"10.%d.%d.%d\"},"
		"{\"ip\":\"fd00::%x:%x\"}],\"hostIP\":\"192.168.0.%d\"}}",
		i % 10, i, ns, app, app % 3, own, i % 50, 8080 + i % 10, 10 + ns / 100, ns, i, ns,
		i, 1 + i % 50);
	put(w, text);
}

/* Every namespace: nothing by default; DNS for all; each app from one app, one team, outside. */
static void put_policy(struct pol_world *w, int ns, int i, int port)
{
	char text[2048], *end = text;

	end += sprintf(end,
		       "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\","
		       "\"metadata\":{\"name\":\"p%d\",\"namespace\":\"ns%d\"},\"spec\":",
		       i, ns);
	if (i == 0)
		(void)sprintf(end,
			      "{\"podSelector\":{},\"policyTypes\":[\"Ingress\",\"Egress\"]}}");
	else if (i == 1)
		(void)sprintf(
			end,
			"{\"podSelector\":{},\"policyTypes\":[\"Egress\"],\"egress\":[{\"to\":"
			"[{\"namespaceSelector\":{},\"podSelector\":{\"matchLabels\":{\"app\":"
			"\"app0\",\"tier\":\"tier0\"}}}],\"ports\":[{\"protocol\":\"UDP\","
			"\"port\":53},{\"port\":%d}]}]}}",
			port);
	else
		(void)sprintf(
			end,
			"{\"podSelector\":{\"matchLabels\":{\"app\":\"app%d\"}},\"ingress\":[{"
			"\"from\":[{\"podSelector\":{\"matchLabels\":{\"app\":\"app%d\"}}}],"
			"\"ports\":[{\"port\":\"http\"}]},{\"from\":[{\"namespaceSelector\":{"
			"\"matchLabels\":{\"team\":\"t%d\"}},\"podSelector\":{\"matchLabels\":{"
			"\"tier\":\"tier1\"}}}],\"ports\":[{\"port\":%d}]},{\"from\":[{\"ipBlock\":"
			"{\"cidr\":\"203.%d.0.0/16\",\"except\":[\"203.%d.%d.0/24\"]}}],\"ports\":"
			"[{\"port\":443}]}],\"egress\":[{\"to\":[{\"podSelector\":{}},{\"ipBlock\":"
			"{"
			"\"cidr\":\"0.0.0.0/0\",\"except\":[\"10.0.0.0/8\"]}}]}]}}",
			i, (i + 1) % 10, (ns + i) % 10, port, ns, ns, i);
	put(w, text);
}

static size_t commit(struct pol_world *w, double *ms)
{
	fl_auto_pol_diff struct pol_diff d = { 0 };
	struct fl_err err = { 0 };
	double began = now_ms();

	if (pol_world_commit(w, &d, &err) < 0)
		fail(&err);
	*ms = now_ms() - began;
	return d.n;
}

static int compare_doubles(const void *a, const void *b)
{
	const double *p = a, *q = b;

	return *p < *q ? -1 : *p > *q;
}

/* Makes a change many times: from its putting until the difference is there. */
static void measure(struct pol_world *w, const char *what, void (*change)(struct pol_world *, int))
{
	static double ms[CHANGES];
	size_t ops = 0;

	for (int i = 0; i < CHANGES; i++) {
		double began = now_ms(), ignored;

		change(w, i);
		ops += commit(w, &ignored);
		ms[i] = now_ms() - began;
	}
	qsort(ms, CHANGES, sizeof(*ms), compare_doubles);
	printf("%-44s %8.2f %8.2f %8.2f ms %7zu entries  < 20 %s\n", what, ms[CHANGES / 2],
	       ms[CHANGES * 99 / 100], ms[CHANGES - 1], ops / CHANGES,
	       ms[CHANGES / 2] < 20 ? "PASS" : "miss");
}

static void change_label(struct pol_world *w, int i)
{
	put_pod(w, i % NAMESPACES, 7, i / NAMESPACES % 2 ? 7 : 50);
}

static void change_policy(struct pol_world *w, int i)
{
	put_policy(w, i % NAMESPACES, 2 + i % 8, 9001 + i);
}

static void change_default(struct pol_world *w, int i)
{
	put_policy(w, i % NAMESPACES, 1, 1053 + i);
}

static void change_ns(struct pol_world *w, int i)
{
	put_ns(w, i % NAMESPACES, (i + i / NAMESPACES) % 10);
}

static void change_pods(struct pol_world *w, int i)
{
	struct fl_err err = { 0 };
	char ns[16], name[32];

	(void)snprintf(ns, sizeof(ns), "ns%d", i / 2 % NAMESPACES);
	(void)snprintf(name, sizeof(name), "app%d-7d9c5b-%d", 11 % 10, 11);
	if (i % 2)
		put_pod(w, i / 2 % NAMESPACES, 11, 1);
	else if (pol_world_del_pod(w, ns, name, &err) < 0)
		fail(&err);
}

static double memory_mib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_maxrss / 1024;
}

static void put_all(struct pol_world *w)
{
	for (int ns = 0; ns < NAMESPACES; ns++) {
		put_ns(w, ns, ns % 10);
		for (int i = 0; i < PODS; i++)
			put_pod(w, ns, i, i % 10);
		for (int i = 0; i < POLICIES; i++)
			put_policy(w, ns, i, 9000);
	}
}

int main(int argc, char **argv)
{
	struct pol_options options = { .node = "n7", .limits = { .rules = UINT32_MAX } };
	struct pol_world *w = NULL;
	struct pol_stats s;
	struct fl_err err = { 0 };
	double began = now_ms(), ms;
	size_t n;

	for (int i = 1; i < argc; i++) {
		arg_unique |= fl_streq(argv[i], "--unique");
		arg_all |= fl_streq(argv[i], "--all");
		arg_print |= fl_streq(argv[i], "--print");
	}
	if (arg_all)
		options.node = NULL;
	if (pol_world_new(&options, &w, &err) < 0)
		fail(&err);
	put_all(w);
	if (arg_print) {
		pol_world_free(&w);
		return 0;
	}
	printf("%-44s %8.0f ms\n", "read all objects from JSON", now_ms() - began);
	n = commit(w, &ms);
	s = pol_world_stats(w);
	printf("%-44s %8.0f ms %34zu entries  < 1000 %s\n", "compile everything", ms, n,
	       ms < 1000 ? "PASS" : "miss");
	printf("%zu pods, %zu policies: %zu identities, %zu blocks, %zu sets, %zu rules, %zu ports "
	       "of %zu "
	       "port sets\n",
	       s.pods, s.policies, s.identities, s.blocks, s.sets, s.rules, s.ports, s.port_sets);
	printf("%-44s %8s %8s %8s\n", "one change, read from JSON", "median", "p99", "worst");
	measure(w, "a pod's label", change_label);
	measure(w, "a pod gone, a pod come", change_pods);
	measure(w, "a policy of one app", change_policy);
	measure(w, "a policy of a whole namespace", change_default);
	measure(w, "a namespace's label", change_ns);
	printf("%-44s %8.1f MiB  < 64 %s\n", "memory of the process, at most", memory_mib(),
	       memory_mib() < 64 ? "PASS" : "miss");
	pol_world_free(&w);
	return 0;
}
