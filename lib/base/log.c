// SPDX-License-Identifier: Apache-2.0
/* One write(2) a line, so that lines of several processes do not mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_MAX 1024

static enum fl_log_level max_level = FL_LOG_WARN;
static enum fl_log_form log_form = FL_LOG_TEXT;
static int log_fd = 2;

static const char *const level_name[] = {
	[FL_LOG_ERROR] = "error",
	[FL_LOG_WARN] = "warning",
	[FL_LOG_INFO] = "info",
	[FL_LOG_DEBUG] = "debug",
};

void fl_log_setup(enum fl_log_level level, enum fl_log_form form, int fd)
{
	max_level = level;
	log_form = form;
	log_fd = fd;
}

/* Appends text to out, escaping; out has room for six bytes for each byte of text. */
static size_t escape(char *out, const char *text, enum fl_log_form form)
{
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			n += (size_t)sprintf(out + n, form == FL_LOG_JSON ? "\\u%04x" : "\\x%02x",
					     *p);
		else if (form == FL_LOG_JSON && (*p == '"' || *p == '\\'))
			n += (size_t)sprintf(out + n, "\\%c", *p);
		else
			out[n++] = (char)*p;
	}
	out[n] = '\0';
	return n;
}

static size_t json_head(char *out, size_t size, enum fl_log_level level)
{
	struct timespec now = { 0 };
	struct tm tm = { 0 };
	char when[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	return (size_t)snprintf(out, size, "{\"time\":\"%s.%06ldZ\",\"level\":\"%s\",\"msg\":\"",
				when, now.tv_nsec / 1000, level_name[level]);
}

void fl_log(enum fl_log_level level, const char *fmt, ...)
{
	char text[TEXT_MAX], line[128 + 6 * TEXT_MAX];
	int saved = errno;
	size_t n;
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (log_form == FL_LOG_JSON)
		n = json_head(line, 128, level);
	else
		n = (size_t)snprintf(line, 128, "%s: ", level_name[level]);
	n += escape(line + n, text, log_form);
	n += (size_t)sprintf(line + n, "%s", log_form == FL_LOG_JSON ? "\"}\n" : "\n");
	(void)!write(log_fd, line, n);
	errno = saved;
}
