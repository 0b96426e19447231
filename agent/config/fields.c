// SPDX-License-Identifier: Apache-2.0
/* Readers of agent.yaml's values. */
#include "agent/config/fields.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#include "base/text.h"

#define PASSWORD_MAX  80 /* bytes: the kernel's TCP_MD5SIG_MAXKEYLEN */
#define PEER_NAME_MAX 63

#define FIELD(type) ((type *)((char *)base + key->at))

int agent_text_at(const struct fl_cur *at, const char **out, struct fl_err *err)
{
	const char *text = NULL;
	int r = fl_cur_as_str(at, &text, err);

	if (r < 0)
		return r;
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return fl_cur_fail(at, err,
					   "has the control character 0x%02x, expected none",
					   (unsigned char)*p);
	}
	if (*text)
		*out = text;
	return 0;
}

int agent_read_text(const struct agent_key *key, const struct fl_cur *at, void *base,
		    struct fl_err *err)
{
	return agent_text_at(at, FIELD(const char *), err);
}

int agent_read_node_name(const struct agent_key *key, const struct fl_cur *at, void *base,
			 struct fl_err *err)
{
	const char *text = NULL;
	int r = agent_text_at(at, &text, err);

	if (r < 0 || !text)
		return r;
	r = fl_check_subdomain(text, err);
	if (r < 0)
		return fl_cur_wrap(at, err, r);
	*FIELD(const char *) = text;
	return 0;
}

int agent_read_path(const struct agent_key *key, const struct fl_cur *at, void *base,
		    struct fl_err *err)
{
	const char *text = NULL;
	int r = agent_text_at(at, &text, err);

	if (r < 0 || !text)
		return r;
	if (*text != '/')
		return fl_cur_fail(at, err, "'%.64s' is not a path that begins with '/'", text);
	*FIELD(const char *) = text;
	return 0;
}

int agent_read_device(const struct agent_key *key, const struct fl_cur *at, void *base,
		      struct fl_err *err)
{
	/* Of the kernel: its loopback, and what stands for all devices in its settings. */
	static const char *const taken[] = { ".", "..", "lo", "all", "default" };
	const char *text = NULL;
	int r = agent_text_at(at, &text, err);
	bool ok;

	if (r < 0 || !text)
		return r;
	ok = strlen(text) < IFNAMSIZ;
	/* The kernel puts a number in place of "%d". */
	for (const char *p = text; ok && *p; p++)
		ok = *p > ' ' && *p < 0x7f && !strchr("/:%", *p);
	if (!ok)
		return fl_cur_fail(at, err,
				   "'%.64s' is not a device's name: 1 to %d bytes without '/', "
				   "':', '%%' and blanks",
				   text, IFNAMSIZ - 1);
	for (size_t i = 0; i < FL_ARRAY_LEN(taken); i++) {
		if (fl_streq(text, taken[i]))
			return fl_cur_fail(at, err,
					   "'%s' is no name for a device of the agent's own", text);
	}
	*FIELD(const char *) = text;
	return 0;
}

int agent_read_password(const struct agent_key *key, const struct fl_cur *at, void *base,
			struct fl_err *err)
{
	const char *text = NULL;
	bool ok = fl_json_type(at->v) == FL_JSON_STRING;

	/* Its value is in no complaint. */
	if (!ok)
		return fl_cur_fail(at, err, "expected a string");
	text = fl_json_str(at->v);
	if (strlen(text) > PASSWORD_MAX)
		return fl_cur_fail(at, err, "longer than %d bytes", PASSWORD_MAX);
	for (const char *p = text; ok && *p; p++)
		ok = *p >= ' ' && *p < 0x7f && *p != '"';
	if (!ok)
		return fl_cur_fail(at, err, "expected printable ASCII characters other than '\"'");
	if (*text)
		*FIELD(const char *) = text;
	return 0;
}

/* The port behind "192.0.2.1:" or "[2001:db8::1]:", and the address before it. */
static int check_listen(const char *text, struct fl_err *err)
{
	const char *colon = strrchr(text, ':');
	char ip[FL_IP_STR + 2];
	struct fl_ip address;
	uint32_t port;
	size_t n = colon ? (size_t)(colon - text) : 0;
	bool bracketed = n >= 2 && text[0] == '[' && text[n - 1] == ']';

	if (n == 0 || n >= sizeof(ip))
		return -EINVAL;
	(void)snprintf(ip, sizeof(ip), "%.*s", (int)(bracketed ? n - 2 : n), text + bracketed);
	if (fl_parse_u32(colon + 1, 1, UINT16_MAX, &port, err) < 0 ||
	    fl_ip_parse(ip, &address, err) < 0)
		return -EINVAL;
	return fl_ip_is4(&address) == !bracketed ? 0 : -EINVAL;
}

int agent_read_listen(const struct agent_key *key, const struct fl_cur *at, void *base,
		      struct fl_err *err)
{
	const char *text = NULL;
	int r = agent_text_at(at, &text, err);

	if (r < 0)
		return r;
	if (text && check_listen(text, err) < 0)
		return fl_cur_fail(at, err,
				   "'%.64s' is not an address and port like '127.0.0.1:9464' or "
				   "'[::1]:9464'",
				   text);
	*FIELD(const char *) = text;
	return 0;
}

int agent_read_peer_name(const struct agent_key *key, const struct fl_cur *at, void *base,
			 struct fl_err *err)
{
	const char *text = NULL;
	int r = agent_text_at(at, &text, err);
	bool ok;

	if (r < 0 || !text)
		return r;
	ok = strlen(text) <= PEER_NAME_MAX;
	for (const char *p = text; ok && *p; p++)
		ok = isascii(*p) && (isalnum(*p) || (p > text && strchr("-_.", *p)));
	if (!ok)
		return fl_cur_fail(at, err,
				   "'%.64s' is not a name of at most %d letters, digits, '-', '_' "
				   "and '.'",
				   text, PEER_NAME_MAX);
	*FIELD(const char *) = text;
	return 0;
}

int agent_read_bool(const struct agent_key *key, const struct fl_cur *at, void *base,
		    struct fl_err *err)
{
	int r = fl_cur_bool(at->up, at->key, FL_REQUIRED, FIELD(bool), err);

	return r < 0 ? r : 0;
}

int agent_read_u32(const struct agent_key *key, const struct fl_cur *at, void *base,
		   struct fl_err *err)
{
	int r = fl_cur_u32(at->up, at->key, key->min, key->max, FIELD(uint32_t), err);

	return r < 0 ? r : 0;
}

int agent_read_u16(const struct agent_key *key, const struct fl_cur *at, void *base,
		   struct fl_err *err)
{
	uint32_t n = *FIELD(uint16_t);
	int r = fl_cur_u32(at->up, at->key, key->min, key->max, &n, err);

	*FIELD(uint16_t) = (uint16_t)n;
	return r < 0 ? r : 0;
}

int agent_read_u32_or_0(const struct agent_key *key, const struct fl_cur *at, void *base,
			struct fl_err *err)
{
	uint32_t n = 0;
	int r = fl_cur_u32(at->up, at->key, 0, key->max, &n, err);

	if (r < 0)
		return r;
	if (n > 0 && n < key->min)
		return fl_cur_fail(at, err, "%u is neither 0 nor a number from %u to %u", n,
				   key->min, key->max);
	*FIELD(uint32_t) = n;
	return 0;
}
