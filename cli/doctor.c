// SPDX-License-Identifier: Apache-2.0
/* fairlead doctor: the frame around its checks. */
#include "cli/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/print.h"

static const char *const states[] = { "ok", "warn", "fail", "skip" };

void doc_say(struct doc *d, enum doc_state state, const char *name, const char *advice,
	     const char *found, ...)
{
	fl_auto_json struct fl_json *check = fl_json_object();
	char text[512]; /* longer ones are cut: they are for people */
	va_list args;

	va_start(args, found);
	(void)vsnprintf(text, sizeof(text), found, args);
	va_end(args);
	d->failed |= state == DOC_FAIL;
	if (!check || fl_json_set_str(check, "name", name) < 0 ||
	    fl_json_set_str(check, "state", states[state]) < 0 ||
	    fl_json_set_str(check, "found", text) < 0 ||
	    (advice && fl_json_set_str(check, "advice", advice) < 0) ||
	    fl_json_append(d->checks, FL_TAKE(check)) < 0)
		d->no_memory = true;
}

/* Several findings may have one remedy. */
static bool is_said(const struct fl_json *list, const struct fl_json *check)
{
	const char *advice = fl_json_str(fl_json_get(check, "advice"));

	for (size_t i = 0; i < fl_json_len(list); i++)
		if (fl_streq(advice, fl_json_str(fl_json_get(fl_json_at(list, i), "advice"))))
			return true;
	return false;
}

static int print_advice(const struct doc *d, struct fl_err *err)
{
	static const struct cli_column columns[] = { { "CHECK", "name" },
						     { "WHAT TO DO", "advice" } };
	fl_auto_json struct fl_json *with = fl_json_array();

	for (size_t i = 0; with && i < fl_json_len(d->checks); i++) {
		const struct fl_json *check = fl_json_at(d->checks, i);

		if (fl_json_get(check, "advice") && !is_said(with, check) &&
		    fl_json_append(with, fl_json_copy(check)) < 0)
			return fl_fail(err, ENOMEM, "print: out of memory");
	}
	if (!with)
		return fl_fail(err, ENOMEM, "print: out of memory");
	if (fl_json_len(with) == 0)
		return 0;
	(void)putchar('\n');
	return cli_print_list(with, columns, FL_ARRAY_LEN(columns), "advice", err);
}

int cli_doctor(const struct cli *c, struct fl_err *err)
{
	static const struct cli_column columns[] = {
		{ "STATE", "state" },
		{ "CHECK", "name" },
		{ "FOUND", "found" },
	};
	doc_auto struct doc d = { .cli = c, .checks = fl_json_array() };
	int r;

	if (!d.checks)
		return fl_fail(err, ENOMEM, "doctor: out of memory");
	doc_facts(&d);
	doc_kernel(&d);
	doc_pods(&d);
	doc_leases(&d);
	doc_sysctls(&d);
	doc_overlay(&d);
	doc_mtus(&d);
	doc_firewall(&d);
	doc_duplicates(&d);
	doc_probes(&d);
	doc_disk(&d);
	doc_install(&d);
	if (d.no_memory)
		return fl_fail(err, ENOMEM, "doctor: out of memory");
	r = cli_print_doc(c, d.checks, err);
	if (r == 0)
		r = cli_print_list(d.checks, columns, FL_ARRAY_LEN(columns), "checks", err)
			    ?: print_advice(&d, err);
	if (r < 0)
		return r;
	return d.failed ? CLI_PROBLEM : CLI_OK;
}
