// SPDX-License-Identifier: Apache-2.0
/* The commands that show something: status, peers, routes, endpoints, bgp, version. */
#include <errno.h>

#include "base/ip.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/print.h"
#include "state/endpoint.h"

#define ID_SHOWN 12 /* characters of a container's id that a table shows */

/* Asks for a list and shows it. */
static int show_list(const struct cli *c, const char *path, const struct cli_column *columns,
		     size_t n, struct fl_err *err)
{
	fl_auto_json struct fl_json *doc = NULL;
	int r;

	r = cli_ask(c, "GET", path, &doc, err);
	if (r < 0)
		return r;
	r = cli_print_doc(c, doc, err);
	if (r != 0)
		return r < 0 ? r : CLI_OK;
	return cli_print_list(doc, columns, n, strrchr(path, '/') + 1, err);
}

int cli_peers(const struct cli *c, struct fl_err *err)
{
	static const struct cli_column columns[] = {
		{ "NAME", "name" }, { "ADDRESS", "ips" }, { "BLOCKS", "podCIDRs" },
		{ "WAY", "way" },   { "STATE", "state" }, { "PROBLEM", "text" },
	};

	return show_list(c, "/v1/peers", columns, FL_ARRAY_LEN(columns), err);
}

int cli_routes(const struct cli *c, struct fl_err *err)
{
	static const struct cli_column columns[] = {
		{ "DESTINATION", "dst" }, { "VIA", "via" },   { "INTERFACE", "interface" },
		{ "TYPE", "type" },	  { "PEER", "peer" }, { "STATE", "state" },
	};

	return show_list(c, "/v1/routes", columns, FL_ARRAY_LEN(columns), err);
}

static void add_pod(struct cli_table *t, const struct fl_json *row)
{
	const char *space = fl_json_str(fl_json_get(row, "podNamespace"));
	const char *name = fl_json_str(fl_json_get(row, "podName"));
	char pod[600]; /* a namespace has 63 characters at most and a pod 253 */
	struct fl_err cut;

	if (!space || !name || fl_format(pod, sizeof(pod), &cut, "%s/%s", space, name) < 0)
		cli_table_add(t, name);
	else
		cli_table_add(t, pod);
}

static void add_id(struct cli_table *t, const struct fl_json *row)
{
	const char *id = fl_json_str(fl_json_get(row, "containerID"));
	char shown[ID_SHOWN + 1];

	(void)snprintf(shown, sizeof(shown), "%s", id ? id : "");
	cli_table_add(t, shown);
}

static int add_endpoint(const struct fl_endpoint *ep, void *arg, struct fl_err *err)
{
	static const char *const shown[] = { "network",	      "containerID",  "ifname",
					     "hostInterface", "mac",	      "ips",
					     "mode",	      "podNamespace", "podName" };
	fl_auto_json struct fl_json *record = NULL, *row = fl_json_object();
	struct fl_json *list = arg;
	int r;

	r = fl_endpoint_to_json(ep, &record, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < FL_ARRAY_LEN(shown); i++) {
		const struct fl_json *v = fl_json_get(record, shown[i]);

		if (!row || (v && fl_json_set(row, shown[i], fl_json_copy(v)) < 0))
			return fl_fail(err, ENOMEM, "list endpoints: out of memory");
	}
	if (fl_json_append(list, FL_TAKE(row)) < 0)
		return fl_fail(err, ENOMEM, "list endpoints: out of memory");
	return 0;
}

/* What the agent would say, from the records themselves. */
static int read_records(const struct cli *c, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *list = fl_json_array();
	int r;

	if (!list)
		return fl_fail(err, ENOMEM, "list endpoints: out of memory");
	r = fl_endpoint_list(c->root, NULL, add_endpoint, list, err);
	if (r < 0)
		return r;
	*out = FL_TAKE(list);
	return 0;
}

int cli_endpoints(const struct cli *c, struct fl_err *err)
{
	static const struct cli_column columns[] = {
		{ "NETWORK", "network" }, { "CONTAINER", NULL, add_id },
		{ "IFNAME", "ifname" },	  { "HOST-INTERFACE", "hostInterface" },
		{ "ADDRESS", "ips" },	  { "MODE", "mode" },
		{ "POD", NULL, add_pod }, { "ENFORCED", "enforced" },
	};
	fl_auto_json struct fl_json *doc = NULL;
	int r;

	r = cli_ask(c, "GET", "/v1/endpoints", &doc, err);
	if (r < 0 && err->code == CLI_NO_AGENT) {
		fl_info("%s; reading the records instead", err->text);
		r = read_records(c, &doc, err);
	}
	r = r < 0 ? r : cli_print_doc(c, doc, err);
	if (r != 0)
		return r < 0 ? r : CLI_OK;
	return cli_print_list(doc, columns, FL_ARRAY_LEN(columns), "endpoints", err);
}

/* A line "TITLE  value" of what the document says at key, or within the member of. */
static void add_line(struct cli_table *t, const char *title, const struct fl_json *of,
		     const char *key)
{
	cli_table_add(t, title);
	cli_table_add_json(t, fl_json_get(of, key));
}

/* Prints a table without titles. */
static int print_lines(const struct fl_json *doc, const char *const (*lines)[3], size_t n,
		       struct fl_err *err)
{
	cli_auto_table struct cli_table *t = NULL;
	int r;

	r = cli_table_new(NULL, 2, &t, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		add_line(t, lines[i][0], lines[i][1] ? fl_json_get(doc, lines[i][1]) : doc,
			 lines[i][2]);
	return cli_table_print(t, stdout, err);
}

int cli_status(const struct cli *c, struct fl_err *err)
{
	static const char *const lines[][3] = {
		{ "NODE", NULL, "nodeName" },
		{ "ADDRESS", NULL, "nodeIPs" },
		{ "BLOCKS", NULL, "podCIDRs" },
		{ "MODE", NULL, "mode" },
		{ "READY", NULL, "ready" },
		{ "DRAINED", NULL, "drained" },
		{ "VERSION", NULL, "version" },
		{ "UPTIME-SECONDS", NULL, "uptimeSeconds" },
		{ "UNDERLAY", "underlay", "interface" },
		{ "UNDERLAY-MTU", "underlay", "mtu" },
		{ "POD-MTU", NULL, "podMTU" },
		{ "NODES", NULL, "nodes" },
		{ "PEERS", NULL, "peers" },
		{ "RECONCILES", "reconcile", "count" },
		{ "FAILED", "reconcile", "failed" },
		{ "DRIFT", "reconcile", "drift" },
	};
	static const struct cli_column columns[] = { { "PROBLEM-AT", "where" },
						     { "TEXT", "text" } };
	fl_auto_json struct fl_json *doc = NULL;
	const struct fl_json *problems;
	int r;

	r = cli_ask(c, "GET", "/v1/status", &doc, err) ?: cli_print_doc(c, doc, err);
	if (r < 0)
		return r;
	problems = fl_json_get(doc, "problems");
	if (r == 0) {
		r = print_lines(doc, lines, FL_ARRAY_LEN(lines), err);
		if (r == 0 && fl_json_len(problems)) {
			(void)putchar('\n');
			r = cli_print_list(problems, columns, FL_ARRAY_LEN(columns), "problems",
					   err);
		}
	}
	if (r < 0)
		return r;
	return fl_json_true(fl_json_get(doc, "ready")) && !fl_json_len(problems) ? CLI_OK
										 : CLI_PROBLEM;
}

int cli_bgp(const struct cli *c, struct fl_err *err)
{
	static const char *const lines[][3] = {
		{ "RUNNING", NULL, "running" },	   { "BIRD", NULL, "version" },
		{ "ROUTER-ID", NULL, "routerID" }, { "AS", NULL, "as" },
		{ "DRAINED", NULL, "drained" },
	};
	static const struct cli_column columns[] = {
		{ "NAME", "name" },	    { "ADDRESS", "address" },	{ "AS", "as" },
		{ "STATE", "state" },	    { "SINCE", "since" },	{ "BFD", "bfd" },
		{ "IMPORTED", "imported" }, { "EXPORTED", "exported" }, { "ERROR", "lastError" },
	};
	fl_auto_json struct fl_json *doc = NULL;
	int r;

	r = cli_ask(c, "GET", "/v1/bgp", &doc, err) ?: cli_print_doc(c, doc, err);
	if (r != 0)
		return r < 0 ? r : CLI_OK;
	r = print_lines(doc, lines, FL_ARRAY_LEN(lines), err);
	if (r < 0)
		return r;
	if (fl_json_len(fl_json_get(doc, "sessions")))
		(void)putchar('\n');
	return cli_print_list(fl_json_get(doc, "sessions"), columns, FL_ARRAY_LEN(columns),
			      "sessions", err);
}

int cli_version(const struct cli *c, struct fl_err *err)
{
	static const char *const lines[][3] = { { "FAIRLEAD", NULL, "fairlead" },
						{ "AGENT", NULL, "agent" } };
	fl_auto_json struct fl_json *status = NULL, *doc = fl_json_object();
	const char *agent;
	struct fl_err none;
	int r;

	if (cli_ask(c, "GET", "/v1/status", &status, &none) < 0)
		status = NULL; /* that there is no agent is no error here */
	agent = fl_json_str(fl_json_get(status, "version"));
	if (!doc || fl_json_set_str(doc, "fairlead", FL_VERSION) < 0 ||
	    (agent && fl_json_set_str(doc, "agent", agent) < 0))
		return fl_fail(err, ENOMEM, "version: out of memory");
	r = cli_print_doc(c, doc, err);
	if (r != 0)
		return r < 0 ? r : CLI_OK;
	return print_lines(doc, lines, FL_ARRAY_LEN(lines), err);
}
