// SPDX-License-Identifier: Apache-2.0
/* The API's request for what became of packets. */
#include "agent/views.h"

#include <errno.h>

#include "agent/agent.h"

const char *const agent_flows_params[] = { "after", "drops", "pod", "max", "wait", NULL };

static int read_query(const struct api_query *p, struct flowlog_query *q, bool *wait,
		      struct fl_err *err)
{
	uint64_t max = FLOWLOG_PAGE_MAX;
	int r;

	*q = (struct flowlog_query){ .pod = api_query_get(p, "pod"),
				     .has_after = api_query_get(p, "after") };
	r = api_query_u64(p, "after", 0, INT64_MAX, &q->after, err)
		    ?: api_query_bool(p, "drops", &q->drops, err)
		    ?: api_query_bool(p, "wait", wait, err)
		    ?: api_query_u64(p, "max", 1, FLOWLOG_PAGE_MAX, &max, err);
	q->max = (size_t)max;
	if (r == 0 && q->pod && !strchr(q->pod, '/'))
		return fl_fail(err, EINVAL, "query: pod '%.64s': expected namespace/name", q->pod);
	return r;
}

int agent_get_flows(void *arg, const struct api_call *call, struct fl_json **out,
		    struct fl_err *err)
{
	const struct agent *a = arg;
	fl_auto_json struct fl_json *doc = NULL;
	const struct pol_world *w = NULL;
	struct flowlog_query q;
	uint64_t unsent = 0;
	bool wait = false;
	size_t n = 0;
	int r = read_query(call->query, &q, &wait, err) ?: guard_world(a->guard, &w, err);

	if (r < 0)
		return r;
	r = flowlog_json(flows_log(guard_flows(a->guard)), w, &q, &doc, &n, err);
	if (r == 0 && n == 0 && wait && q.has_after && call->may_wait)
		return -EINPROGRESS;
	r = r ?: guard_events_lost(a->guard, &unsent, err);
	if (r == 0 && fl_json_set_int(doc, "unsent", (int64_t)unsent) < 0)
		r = fl_fail_errno(err, ENOMEM, "list events");
	if (r == 0)
		*out = FL_TAKE(doc);
	return r;
}
