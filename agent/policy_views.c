// SPDX-License-Identifier: Apache-2.0
/* The API's requests about policies: what the compiler's world says. */
#include "agent/views.h"

#include "agent/agent.h"
#include "agent/policy/ask.h"
#include "agent/policy/names.h"
#include "json/cur.h"

static int world_of(void *arg, const struct pol_world **out, struct fl_err *err)
{
	return guard_world(((const struct agent *)arg)->guard, out, err);
}

int agent_get_identities(void *arg, const struct api_call *call, struct fl_json **out,
			 struct fl_err *err)
{
	const struct pol_world *w = NULL;

	(void)call;
	return world_of(arg, &w, err) ?: pol_identities(w, out, err);
}

int agent_get_policies(void *arg, const struct api_call *call, struct fl_json **out,
		       struct fl_err *err)
{
	const struct pol_world *w = NULL;

	(void)call;
	return world_of(arg, &w, err) ?: pol_list(w, out, err);
}

int agent_get_policy(void *arg, const struct api_call *call, struct fl_json **out,
		     struct fl_err *err)
{
	const struct pol_world *w = NULL;

	return world_of(arg, &w, err) ?: pol_show(w, call->parts[0], call->parts[1], out, err);
}

int agent_post_explain(void *arg, const struct api_call *call, struct fl_json **out,
		       struct fl_err *err)
{
	struct fl_cur c = fl_cur_root(call->body, "request");
	const struct pol_world *w = NULL;
	struct pol_question q = { .is_own = guard_has_address,
				  .arg = ((const struct agent *)arg)->guard };
	int r = world_of(arg, &w, err) ?: fl_cur_as_obj(&c, err);

	if (r == 0)
		r = fl_cur_str(&c, "from", FL_REQUIRED, &q.from, err);
	if (r >= 0)
		r = fl_cur_str(&c, "to", FL_REQUIRED, &q.to, err);
	if (r >= 0)
		r = fl_cur_str(&c, "port", FL_REQUIRED, &q.port, err);
	return r < 0 ? r : pol_ask(w, &q, out, err);
}
