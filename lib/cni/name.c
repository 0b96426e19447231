// SPDX-License-Identifier: Apache-2.0
/* The naming rules of CNI 1.1.0, and our limits on length. */
#include "cni/name.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cni/code.h"

/* ASCII whatever the locale. */
static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int check_word(const char *what, const char *name, size_t max, struct fl_err *err)
{
	size_t len = strlen(name);
	bool ok = is_alnum(name[0]);

	if (len > max)
		return fl_fail(err, EINVAL, "%s '%.32s...': %zu bytes, expected at most %zu", what,
			       name, len, max);
	for (const char *p = name; ok && *p; p++)
		ok = is_alnum(*p) || *p == '_' || *p == '.' || *p == '-';
	if (!ok)
		return fl_fail(err, EINVAL,
			       "%s '%s': expected a letter or digit, then letters, digits, '_', "
			       "'.', '-'",
			       what, name);
	return 0;
}

int fl_cni_check_network(const char *name, struct fl_err *err)
{
	int r;

	if (fl_empty(name))
		r = fl_fail(err, EINVAL, "missing network name");
	else
		r = check_word("network name", name, FL_CNI_NAME_MAX, err);
	return r < 0 ? fl_class(err, r, FL_CNI_CONFIG) : 0;
}

int fl_cni_check_container_id(const char *id, struct fl_err *err)
{
	int r;

	if (fl_empty(id))
		return fl_class(err, fl_fail(err, EINVAL, "missing container id"),
				FL_CNI_CONTAINER);
	r = check_word("container id", id, FL_CNI_ID_MAX, err);
	return r < 0 ? fl_class(err, r, FL_CNI_ENV) : 0;
}

static int check_link_name(const char *name, struct fl_err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > FL_CNI_IFNAME_MAX)
		return fl_fail(err, EINVAL, "interface name '%.32s': %zu bytes, expected 1 to %d",
			       name, len, FL_CNI_IFNAME_MAX);
	if (fl_streq(name, ".") || fl_streq(name, ".."))
		return fl_fail(err, EINVAL, "interface name '%s': expected neither '.' nor '..'",
			       name);
	for (const char *p = name; *p; p++)
		if (*p == '/' || *p == ':' || isspace((unsigned char)*p))
			return fl_fail(err, EINVAL,
				       "interface name '%s': expected no '/', ':' or white space",
				       name);
	if (!fl_utf8_ok(name))
		return fl_fail(err, EINVAL, "interface name '%s': expected UTF-8", name);
	return 0;
}

int fl_cni_check_ifname(const char *name, struct fl_err *err)
{
	int r = check_link_name(name, err);

	return r < 0 ? fl_class(err, r, FL_CNI_ENV) : 0;
}

int fl_cni_check_new_ifname(const char *name, struct fl_err *err)
{
	int r = fl_cni_check_ifname(name, err);

	if (r == 0 && strchr(name, '%'))
		r = fl_class(err,
			     fl_fail(err, EINVAL,
				     "interface name '%s': expected no '%%', which the kernel "
				     "would put a number for",
				     name),
			     FL_CNI_ENV);
	return r;
}

int fl_cni_check_type(const char *type, struct fl_err *err)
{
	int r = 0;

	if (fl_empty(type))
		r = fl_fail(err, EINVAL, "missing plugin type");
	else if (strchr(type, '/') || fl_streq(type, ".") || fl_streq(type, ".."))
		r = fl_fail(err, EINVAL, "plugin type '%.64s': expected a file name without '/'",
			    type);
	else if (strlen(type) > NAME_MAX)
		r = fl_fail(err, EINVAL, "plugin type '%.32s...': %zu bytes, expected at most %d",
			    type, strlen(type), NAME_MAX);
	return r < 0 ? fl_class(err, r, FL_CNI_CONFIG) : 0;
}
