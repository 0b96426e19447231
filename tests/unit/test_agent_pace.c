// SPDX-License-Identifier: Apache-2.0
/* When the agent looks through the kernel. Pure. */
#include "test.h"

#include "agent/pace.h"

static void first_look_is_due_at_once_and_the_next_after_the_resync_time(void **state)
{
	struct agent_pace p = agent_pace_start(5000, 30);

	(void)state;
	assert_int_equal(agent_pace_wait(&p, 5000), 0);
	agent_pace_done(&p, 5000, 5010, true);
	assert_int_equal(agent_pace_wait(&p, 5010), 30000);
	assert_int_equal(agent_pace_wait(&p, 35010), 0);
	assert_int_equal(agent_pace_wait(&p, 99999), 0);
}

static void cause_after_a_pause_is_seen_to_soon(void **state)
{
	struct agent_pace p = agent_pace_start(0, 30);

	(void)state;
	agent_pace_done(&p, 0, 1, true);
	agent_pace_cause(&p, 1000);
	assert_int_equal(agent_pace_wait(&p, 1000), AGENT_PACE_SETTLE_MS);
	/* Those that follow do not put it off. */
	agent_pace_cause(&p, 1010);
	assert_int_equal(agent_pace_wait(&p, 1010), AGENT_PACE_SETTLE_MS - 10);
}

static void storm_of_causes_leaves_a_gap_after_each_look(void **state)
{
	struct agent_pace p = agent_pace_start(0, 30);
	int64_t now = 0;
	int looks = 0;

	(void)state;
	/* A look takes 1 ms, and every millisecond there is a cause, for ten seconds. */
	for (; now < 10000; now++) {
		agent_pace_cause(&p, now);
		if (agent_pace_wait(&p, now) == 0) {
			agent_pace_done(&p, now, now + 1, true);
			looks++;
		}
	}
	assert_in_range(looks, 80, 100);
}

static void gap_grows_with_what_a_look_costs_but_not_beyond_half_a_second(void **state)
{
	struct agent_pace p = agent_pace_start(0, 30);

	(void)state;
	agent_pace_done(&p, 0, 30, true);
	agent_pace_cause(&p, 31);
	assert_int_equal(agent_pace_wait(&p, 30), 300);
	agent_pace_done(&p, 400, 1400, true);
	agent_pace_cause(&p, 1400);
	assert_int_equal(agent_pace_wait(&p, 1400), AGENT_PACE_GAP_MAX_MS);
}

static void failures_are_tried_again_with_growing_pauses_up_to_the_resync_time(void **state)
{
	static const uint64_t waits[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
	struct agent_pace p = agent_pace_start(0, 30);

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_LEN(waits); i++) {
		agent_pace_done(&p, 0, 0, false);
		assert_int_equal(agent_pace_wait(&p, 0), waits[i]);
	}
	for (int i = 0; i < 100; i++)
		agent_pace_done(&p, 0, 0, false);
	assert_int_equal(agent_pace_wait(&p, 0), 30000);
	agent_pace_done(&p, 0, 0, true);
	assert_int_equal(agent_pace_wait(&p, 0), 30000);
	agent_pace_done(&p, 0, 0, false);
	assert_int_equal(agent_pace_wait(&p, 0), 1000);
}

static void cause_during_a_pause_for_failure_is_seen_to_soon(void **state)
{
	struct agent_pace p = agent_pace_start(0, 30);

	(void)state;
	for (int i = 0; i < 6; i++)
		agent_pace_done(&p, 0, 0, false);
	agent_pace_cause(&p, 200);
	assert_int_equal(agent_pace_wait(&p, 200), AGENT_PACE_SETTLE_MS);
}

static void look_in_no_hurry_takes_its_share_of_the_time(void **state)
{
	(void)state;
	assert_int_equal(agent_pace_lazy(0), AGENT_PACE_SETTLE_MS);
	assert_int_equal(agent_pace_lazy(1), AGENT_PACE_SETTLE_MS);
	assert_int_equal(agent_pace_lazy(2), 38);
	assert_int_equal(agent_pace_lazy(52), 988);
	assert_int_equal(agent_pace_lazy(53), AGENT_PACE_LAZY_MAX_MS);
	assert_int_equal(agent_pace_lazy(UINT64_MAX), AGENT_PACE_LAZY_MAX_MS);
}

static void failed_change_brings_a_look_after_the_gap(void **state)
{
	struct agent_pace p = agent_pace_start(0, 30);

	(void)state;
	agent_pace_done(&p, 0, 0, true);
	agent_pace_failed(&p, 5000);
	assert_int_equal(agent_pace_wait(&p, 5000), AGENT_PACE_GAP_MIN_MS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_look_is_due_at_once_and_the_next_after_the_resync_time),
		cmocka_unit_test(cause_after_a_pause_is_seen_to_soon),
		cmocka_unit_test(storm_of_causes_leaves_a_gap_after_each_look),
		cmocka_unit_test(gap_grows_with_what_a_look_costs_but_not_beyond_half_a_second),
		cmocka_unit_test(
			failures_are_tried_again_with_growing_pauses_up_to_the_resync_time),
		cmocka_unit_test(cause_during_a_pause_for_failure_is_seen_to_soon),
		cmocka_unit_test(failed_change_brings_a_look_after_the_gap),
		cmocka_unit_test(look_in_no_hurry_takes_its_share_of_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
