// SPDX-License-Identifier: Apache-2.0
/* Lines and words of resolv.conf. */
#include "plugins/ipam/resolv.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define BLANKS " \t\r\f\v"

/* Appends the next word of the line, or all that are left, to the list at key. */
static int add_words(struct fl_json *dns, const char *key, char **line, bool all)
{
	struct fl_json *list = fl_json_get(dns, key);
	char *word;
	int r = 0;

	if (!list) {
		r = fl_json_set(dns, key, fl_json_array());
		list = fl_json_get(dns, key);
	}
	while (r == 0 && (word = strtok_r(NULL, BLANKS, line))) {
		r = fl_json_append(list, fl_json_new_str(word));
		if (!all)
			break;
	}
	return r;
}

static int add_line(struct fl_json *dns, char *text)
{
	char *line = NULL, *word = strtok_r(text, BLANKS, &line), *value;

	if (!word || *word == '#' || *word == ';' || !line || !line[strspn(line, BLANKS)])
		return 0;
	if (fl_streq(word, "nameserver"))
		return add_words(dns, "nameservers", &line, false);
	if (fl_streq(word, "search") || fl_streq(word, "options"))
		return add_words(dns, word, &line, true);
	if (!fl_streq(word, "domain"))
		return 0;
	value = strtok_r(NULL, BLANKS, &line);
	return value ? fl_json_set_str(dns, "domain", value) : 0;
}

int ipam_resolv_parse(const char *text, struct fl_json **out, struct fl_err *err)
{
	fl_auto_json struct fl_json *dns = fl_json_object();
	fl_auto_free char *copy = strdup(text);
	char *lines = copy, *line;

	if (!dns || !copy)
		return fl_fail_errno(err, ENOMEM, "read resolv.conf");
	while ((line = strsep(&lines, "\n"))) {
		if (add_line(dns, line) < 0)
			return fl_fail_errno(err, ENOMEM, "read resolv.conf");
	}
	*out = FL_TAKE(dns);
	return 0;
}
