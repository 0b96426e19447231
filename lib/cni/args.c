// SPDX-License-Identifier: Apache-2.0
/* Splitting CNI_ARGS in place. */
#include "cni/args.h"

#include <errno.h>
#include <strings.h>

#include "base/text.h"
#include "base/utf8.h"
#include "cni/code.h"

void fl_cni_args_done(struct fl_cni_args *args)
{
	fl_free_p(&args->text);
	*args = (struct fl_cni_args){ 0 };
}

/* What one pass over the pairs finds out beside the values. */
struct outcome {
	bool ignore_unknown;
	const char *unknown; /* first unknown key */
};

/* "1", "true", "0", "false" in any case. */
static int parse_flag(const char *key, const char *value, bool *out, struct fl_err *err)
{
	if (fl_streq(value, "1") || strcasecmp(value, "true") == 0)
		*out = true;
	else if (fl_streq(value, "0") || strcasecmp(value, "false") == 0)
		*out = false;
	else
		return fl_fail(err, EINVAL, "CNI_ARGS: '%s=%s': expected 1, 0, true or false", key,
			       value);
	return 0;
}

static int take_pair(struct fl_cni_args *args, const char *key, const char *value,
		     struct outcome *seen, struct fl_err *err)
{
	const struct {
		const char *key;
		const char **to;
	} known[] = {
		{ "IP", &args->ip },
		{ "GATEWAY", &args->gateway },
		{ "MAC", &args->mac },
		{ "K8S_POD_NAMESPACE", &args->pod_namespace },
		{ "K8S_POD_NAME", &args->pod_name },
		{ "K8S_POD_UID", &args->pod_uid },
	};

	if (fl_streq(key, "IgnoreUnknown"))
		return parse_flag(key, value, &seen->ignore_unknown, err);
	if (fl_streq(key, "K8S_POD_INFRA_CONTAINER_ID"))
		return 0; /* the container id once more */
	for (size_t i = 0; i < FL_ARRAY_LEN(known); i++) {
		if (!fl_streq(key, known[i].key))
			continue;
		*known[i].to = *value ? value : NULL;
		return 0;
	}
	if (!seen->unknown)
		seen->unknown = key;
	return 0;
}

static int split(struct fl_cni_args *args, struct fl_err *err)
{
	struct outcome seen = { 0 };
	char *rest = args->text, *pair;

	while ((pair = strsep(&rest, ";"))) {
		char *value = strchr(pair, '=');
		int r;

		if (!value || value == pair || strchr(value + 1, '='))
			return fl_fail(err, EINVAL, "CNI_ARGS: '%.64s': expected KEY=VALUE", pair);
		*value++ = '\0';
		r = take_pair(args, pair, value, &seen, err);
		if (r < 0)
			return r;
	}
	if (seen.unknown && !seen.ignore_unknown)
		return fl_fail(err, EINVAL, "CNI_ARGS: unknown key '%.64s' without IgnoreUnknown=1",
			       seen.unknown);
	return 0;
}

int fl_cni_args_parse(const char *text, struct fl_cni_args *out, struct fl_err *err)
{
	fl_auto_cni_args struct fl_cni_args args = { 0 };
	int r;

	if (fl_empty(text)) {
		*out = args;
		return 0;
	}
	if (!fl_utf8_ok(text))
		return fl_class(err, fl_fail(err, EINVAL, "CNI_ARGS '%.64s': expected UTF-8", text),
				FL_CNI_ENV);
	args.text = strdup(text);
	if (!args.text)
		return fl_fail_errno(err, ENOMEM, "read CNI_ARGS");
	r = split(&args, err);
	if (r < 0)
		return fl_class(err, r, FL_CNI_ENV);
	*out = args;
	args.text = NULL;
	return 0;
}
