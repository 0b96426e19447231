// SPDX-License-Identifier: Apache-2.0
/* What holds for all packets: the programs' switches, and the generation that they judge under. */
#include <errno.h>
#include <linux/types.h>

#include <bpf/bpf.h>

#include "agent/datapath/dp.h"
#include "bpf/datapath.skel.h"

static int read_state(struct dp *d, struct fl_state *state, struct fl_err *err)
{
	__u32 zero = 0;

	if (bpf_map_lookup_elem(DP_FD(d, fl_state), &zero, state) < 0)
		return fl_fail_errno(err, errno, "read the datapath's state");
	return 0;
}

/* Always another generation: what the programs have written in between is overwritten. */
static int write_state(struct dp *d, struct fl_state *state, struct fl_err *err)
{
	__u32 zero = 0;

	if (++state->generation == FL_GENERATION_NONE)
		state->generation++;
	return dp_put(DP_FD(d, fl_state), &zero, state, "switches", err);
}

int dp_next_generation(struct dp *d, struct fl_err *err)
{
	struct fl_state state;
	int r = read_state(d, &state, err);

	return r < 0 ? r : write_state(d, &state, err);
}

/*
 * One of the state's members. One that stays as it is is not written: every connection would be
 * judged anew. A program may see a write half done, the generation before the switch: one more
 * generation follows, under which everybody finds it so.
 */
static int set_switch(struct dp *d, struct fl_state *state, __u32 *member, __u32 value,
		      struct fl_err *err)
{
	int r = read_state(d, state, err);

	if (r < 0 || *member == value)
		return r;
	*member = value;
	return write_state(d, state, err) ?: dp_next_generation(d, err);
}

int dp_allow_unknown(struct dp *d, bool allow, struct fl_err *err)
{
	struct fl_state state;

	return set_switch(d, &state, &state.unknown_allow, allow, err);
}

int dp_set_vtep_port(struct dp *d, __u16 port, struct fl_err *err)
{
	struct fl_state state;

	return set_switch(d, &state, &state.vtep_port, port, err);
}

int dp_listen(struct dp *d, bool to_all, struct fl_err *err)
{
	struct fl_state state;

	return set_switch(d, &state, &state.none_denied, to_all, err);
}

int dp_go_by_stack(struct dp *d, bool all, struct fl_err *err)
{
	struct fl_state state;

	return set_switch(d, &state, &state.by_stack, all, err);
}
