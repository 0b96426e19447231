// SPDX-License-Identifier: Apache-2.0
/*
 * BIRD ends a session, and drops its routes, when any option of it changes. An agent of another
 * version may have other times for connecting, which a session that is established does not need:
 * they come into force when BIRD is started anew, or the session begins again for another reason.
 *
 * A session's head are its lines from "protocol bgp 'NAME' {" to the first of its channels. What
 * comes after it, the filters above all, BIRD changes while the session goes on.
 */
#include "agent/bgp/keep.h"

#include <string.h>

#include "agent/bgp/text.h"
#include "base/text.h"

#define BEGIN "protocol bgp '"

/* Lines: from at to end, borrowed. */
struct lines {
	const char *at, *end;
};

static size_t line_length(const struct lines *l)
{
	const char *newline = memchr(l->at, '\n', (size_t)(l->end - l->at));

	return newline ? (size_t)(newline + 1 - l->at) : (size_t)(l->end - l->at);
}

static bool begins(const struct lines *l, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(l->end - l->at) >= n && memcmp(l->at, with, n) == 0;
}

/* Cuts the head of the session that begins at the first line off. */
static struct lines take_head(struct lines *l)
{
	struct lines head = { l->at, l->at };

	while (l->at < l->end && !begins(l, "\tipv") && !begins(l, "}"))
		l->at += line_length(l);
	head.end = l->at;
	return head;
}

/* Goes to the next session: false when there is none. */
static bool next_session(struct lines *l)
{
	while (l->at < l->end && !begins(l, BEGIN))
		l->at += line_length(l);
	return l->at < l->end;
}

/* Steps over the times of connecting. */
static void pass_times(struct lines *l)
{
	static const char *const times[] = { "\tconnect delay time ", "\tconnect retry time ",
					     "\tstartup hold time ", "\terror wait time " };

	for (size_t i = 0; i < FL_ARRAY_LEN(times); i++) {
		if (!begins(l, times[i]))
			continue;
		l->at += line_length(l);
		i = (size_t)-1;
	}
}

static bool same_but_times(struct lines a, struct lines b)
{
	for (;;) {
		size_t n;

		pass_times(&a);
		pass_times(&b);
		n = line_length(&a);
		if (n != line_length(&b) || memcmp(a.at, b.at, n) != 0)
			return false;
		if (n == 0)
			return true;
		a.at += n;
		b.at += n;
	}
}

static bool same_name(const struct lines *a, const struct lines *b)
{
	size_t n = line_length(a);

	return n == line_length(b) && memcmp(a->at, b->at, n) == 0;
}

/*
 * Finds the head of the session of this name. *at is where the last one was found: most are in the
 * same order.
 */
static bool find_head(const struct lines *all, struct lines *at, const struct lines *name,
		      struct lines *out)
{
	struct lines from[] = { *at, *all };

	for (size_t i = 0; i < FL_ARRAY_LEN(from); i++) {
		while (next_session(&from[i])) {
			*out = take_head(&from[i]);
			if (!same_name(out, name))
				continue;
			*at = from[i];
			return true;
		}
	}
	return false;
}

static void say_lines(struct bgp_text *t, const char *from, const char *to)
{
	bgp_say(t, "%.*s", (int)(to - from), from);
}

int bgp_keep_times(const char *want, const char *in_force, char **out, struct fl_err *err)
{
	bgp_auto_text struct bgp_text t = { 0 };
	struct lines rest = { want, want + strlen(want) };
	struct lines all = { in_force, in_force ? in_force + strlen(in_force) : NULL }, at = all;
	const char *said = want;

	while (in_force && next_session(&rest)) {
		struct lines head, old;

		say_lines(&t, said, rest.at);
		head = take_head(&rest);
		if (find_head(&all, &at, &head, &old) && same_but_times(head, old))
			head = old;
		say_lines(&t, head.at, head.end);
		said = rest.at;
	}
	say_lines(&t, said, rest.end);
	return bgp_text_take(&t, out, err);
}
