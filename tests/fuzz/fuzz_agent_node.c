// SPDX-License-Identifier: Apache-2.0
/* Node objects, and sets of them: whoever stays clashes with nobody. */
#include "fuzz.h"

#include "agent/model/node.h"
#include "yaml/yaml.h"

#define NODES_MAX 64

static void complain(const char *where, const char *text, void *arg)
{
	MUST(where && text[0]);
	(*(size_t *)arg)++;
}

static void check(const struct agent_cluster *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct fl_peer *p = &c->nodes[i].net;

		MUST(p->n_ips >= 1 && p->n_ips <= FL_PEER_IPS_MAX && p->name == c->nodes[i].name);
		MUST(p->n_cidrs >= 1 && p->n_cidrs <= FL_PEER_CIDRS_MAX);
		MUST(agent_cluster_find(c, p->name) == &c->nodes[i]);
		for (size_t k = 0; k < p->n_cidrs * c->n; k++) {
			const struct fl_peer *q = &c->nodes[k % c->n].net;

			for (size_t m = 0; p != q && m < q->n_cidrs; m++)
				MUST(!fl_prefix_overlaps(&p->cidrs[k / c->n], &q->cidrs[m]));
			for (size_t m = 0; m < q->n_ips; m++)
				MUST(!fl_prefix_contains(&p->cidrs[k / c->n], &q->ips[m]));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_cluster struct agent_cluster first = { 0 }, second = { 0 };
	fl_auto_yaml struct fl_yaml *y = NULL;
	struct agent_node *nodes = calloc(NODES_MAX, sizeof(*nodes)), *again;
	size_t n = 0, left_out = 0;
	struct fl_err err = { 0 };

	if (fl_yaml_parse("f", (const char *)data, size, &y, &err) == 0) {
		for (size_t i = 0; i < fl_yaml_docs(y) && n < NODES_MAX; i++) {
			struct fl_cur object = fl_cur_root(fl_yaml_doc(y, i, NULL), "object");

			n += agent_node_read(&object, "f:1", &nodes[n], &err) == 0;
		}
	}
	MUST(agent_cluster_make(nodes, n, NULL, complain, &left_out, &first, &err) == 0);
	MUST(first.n + left_out == n);
	check(&first);
	/* What stayed stays. */
	again = calloc(NODES_MAX, sizeof(*again));
	for (size_t i = 0; i < first.n; i++)
		MUST(agent_node_copy(&first.nodes[i], &again[i], &err) == 0);
	MUST(agent_cluster_make(again, first.n, &first, complain, &left_out, &second, &err) == 0);
	MUST(agent_cluster_equal(&first, &second));
	return 0;
}
