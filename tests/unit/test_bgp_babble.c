// SPDX-License-Identifier: Apache-2.0
/*
 * agent/bgp/ctl.c, supervise.c: a BIRD that says too much, what nobody asked for, or nothing and
 * hangs up. A process that listens on the control socket stands for it. Needs root and the programs
 * bird and ip.
 */
#include "bgp_live.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

enum manner {
	POLITE,
	TALKS_TOO_LONG,	    /* of its sessions */
	SPEAKS_FIRST,	    /* a word more after the greeting of the first connection */
	SPEAKS_LATER,	    /* the same, when the first connection has been silent for a while */
	REFUSES_AND_ECHOES, /* says first that all is well: two answers to one question */
	HANGS_UP,
};

/* What the test knows of the other process. */
static struct {
	int connections, configures;
} * seen;

static pid_t stand_in;

static void put(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void put_text(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

static void put_much(int fd)
{
	static char line[1024] = "2002-";

	memset(line + 5, 'x', sizeof(line) - 6);
	line[sizeof(line) - 1] = '\n';
	for (size_t i = 0; i < BGP_ANSWER_MAX / sizeof(line) + 1; i++)
		put(fd, line, sizeof(line));
	put_text(fd, "0000 \n");
}

static void answer(int fd, enum manner manner, const char *question)
{
	if (strncmp(question, "configure", 9) == 0) {
		seen->configures++;
		if (manner == REFUSES_AND_ECHOES && seen->configures == 1)
			put_text(fd, "0003 Reconfigured\n8002 no\n");
		else
			put_text(fd, manner == POLITE || manner == TALKS_TOO_LONG
					     ? "0003 Reconfigured\n"
					     : "8002 no\n");
	} else if (manner == TALKS_TOO_LONG && strstr(question, "protocols")) {
		put_much(fd);
	} else {
		put_text(fd, "0000 \n");
	}
}

static void talk(int fd, enum manner manner)
{
	bool first = ++seen->connections == 1;
	char question[512];
	ssize_t n;

	if (manner == HANGS_UP)
		return;
	put_text(fd, manner == SPEAKS_FIRST && first ? "0001 BIRD 2.0.12 ready.\n0000 well\n"
						     : "0001 BIRD 2.0.12 ready.\n");
	while ((n = recv(fd, question, sizeof(question) - 1, 0)) > 0) {
		question[n] = '\0';
		answer(fd, manner, question);
		if (manner == SPEAKS_LATER && first) {
			(void)poll(NULL, 0, 100);
			put_text(fd, "0000 well\n");
		}
	}
}

/* Begins to listen, and then is BIRD for whoever connects, one after the other. */
static void stand_for_bird(enum manner manner)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int ready[2];
	char byte;

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(seen != MAP_FAILED && pipe2(ready, O_CLOEXEC) == 0);
	opened();
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/run/fairlead/bird/bird.ctl", root);
	stand_in = fork();
	if (stand_in == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0)
			_exit(1);
		(void)!write(ready[1], "", 1);
		for (;;) {
			int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

			talk(peer, manner);
			close(peer);
		}
	}
	CHECK(stand_in > 0 && read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	applied();
	CHECK(b->process.pid == stand_in);
}

static int end_stand_in(void **state)
{
	(void)munmap(seen, sizeof(*seen));
	stand_in = 0;
	return teardown(state);
}

static bool has_three_connections(void)
{
	/* From the first break on, the problem stands through what works meanwhile. */
	CHECK(seen->connections < 2 || b->breaks);
	return seen->connections == 3 && b->state == BGP_UP && b->version[0];
}

static void an_answer_beyond_the_limit_stands_as_a_problem(void **state)
{
	fl_auto_json struct fl_json *doc = NULL;

	(void)state;
	stand_for_bird(TALKS_TOO_LONG);
	UNTIL(has_problem);
	shows(problems(), "bgp: bird's answer is longer than 8388608 bytes\n");
	CHECK(!bgp_stats(b).running);
	UNTIL(has_three_connections);
	shows(problems(), "bgp: bird's answer is longer than 8388608 bytes\n");
	/* And it can be told something still. */
	CHECK(seen->configures == 1 && bgp_stats(b).configures == 1);
	w.in.drained = true;
	applied();
	UNTIL(has_two_configures);
	shows(problems(), "bgp: bird's answer is longer than 8388608 bytes\n");
	CHECK(bgp_stats(b).starts == 0);
}

static bool has_broken_often(void)
{
	return b->breaks == 5;
}

static void a_bird_that_hangs_up_each_time_is_a_problem_and_no_busy_loop(void **state)
{
	(void)state;
	stand_for_bird(HANGS_UP);
	UNTIL(has_broken_often);
	shows(problems(), "bgp: bird has hung up\n");
	/* Each break has a connection, and each pause is twice the last one. */
	CHECK(seen->connections == 5);
}

static bool has_been_refused(void)
{
	return strstr(problems(), "bird says: no") != NULL;
}

static bool has_no_break(void)
{
	return !b->breaks;
}

/* A word that comes before the answer is not taken for it. */
static void what_is_said_too_early_is_no_answer_to_the_next_question(enum manner manner)
{
	stand_for_bird(manner);
	UNTIL(has_problem);
	assert_string_equal(problems(), "bgp: bird has said what nobody asked for\n");
	CHECK(bgp_stats(b).configures == 0);
	UNTIL(has_been_refused);
	CHECK(seen->connections == 2 && bgp_stats(b).configures == 0);
	UNTIL(has_no_break);
	shows(problems(), "bgp: bird says: no\n");
	lacks(problems(), "nobody asked");
}

static void a_word_after_the_greeting_is_told_and_taken_for_no_answer(void **state)
{
	(void)state;
	what_is_said_too_early_is_no_answer_to_the_next_question(SPEAKS_FIRST);
}

static void two_answers_to_one_question_are_told_and_neither_is_believed(void **state)
{
	(void)state;
	what_is_said_too_early_is_no_answer_to_the_next_question(REFUSES_AND_ECHOES);
	CHECK(seen->configures == 2);
}

static bool has_unasked(void)
{
	return strstr(problems(), "nobody asked for") != NULL;
}

static void a_word_out_of_nowhere_puts_what_was_heard_in_doubt(void **state)
{
	(void)state;
	stand_for_bird(SPEAKS_LATER);
	UNTIL(has_unasked);
	CHECK(seen->configures == 1 && b->in_doubt);
	UNTIL(has_no_break);
	CHECK(seen->connections == 2 && seen->configures == 2);
}

/* It lies there unread when the next question is to be asked. */
static void a_word_that_nobody_has_read_yet_is_no_answer_either(void **state)
{
	bgp_auto_ctl struct bgp_ctl c = BGP_CTL_NONE;
	char *text = NULL;
	int pair[2];

	(void)state;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	c.fd = pair[0];
	CHECK_OK(bgp_ctl_send(&c, "show status", &err), &err);
	put_text(pair[1], "0013 Daemon is up\n");
	CHECK(bgp_ctl_take(&c, &text, &err) == 1);
	assert_string_equal(text, "0013 Daemon is up\n");
	fl_free_p(&text);
	put_text(pair[1], "0003 Reconfi");
	CHECK_FAILS(bgp_ctl_send(&c, "configure", &err), EPROTO, &err, "nobody asked for");
	CHECK_FAILS(bgp_ctl_take(&c, &text, &err), EPROTO, &err, "nobody asked for");
	close(pair[1]);
}

#define B(name) cmocka_unit_test_setup_teardown(name, setup, end_stand_in)

int main(void)
{
	const struct CMUnitTest tests[] = {
		B(an_answer_beyond_the_limit_stands_as_a_problem),
		B(a_bird_that_hangs_up_each_time_is_a_problem_and_no_busy_loop),
		B(a_word_after_the_greeting_is_told_and_taken_for_no_answer),
		B(two_answers_to_one_question_are_told_and_neither_is_believed),
		B(a_word_out_of_nowhere_puts_what_was_heard_in_doubt),
		cmocka_unit_test(a_word_that_nobody_has_read_yet_is_no_answer_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
