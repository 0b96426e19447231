// SPDX-License-Identifier: Apache-2.0
/*
 * The text that Prometheus reads (exposition format 0.0.4). A family is begun once, and its
 * samples follow it. Names are ours, so a wrong one is a bug and aborts: [a-zA-Z_:][a-zA-Z0-9_:]*,
 * a counter's ends in "_total", each family comes once. Values of labels may be any text. A lack
 * of memory is remembered and reported when the text is taken, so that writing is a straight
 * line.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct api_metrics;

enum api_metric_kind { API_COUNTER, API_GAUGE };

/* Of an array that ends with a NULL name. A NULL value is written as "". */
struct api_label {
	const char *name, *value;
};

/* A new, empty text. */
fl_must int api_metrics_new(struct api_metrics **out, struct fl_err *err);

/* Frees it. */
void api_metrics_free(struct api_metrics **m);
#define api_auto_metrics fl_auto(api_metrics_free)

/* Begins a family; help is a sentence. */
void api_metrics_family(struct api_metrics *m, enum api_metric_kind kind, const char *name,
			const char *help);

/* A sample of the family begun last, a count or a measure; labels NULL: none. */
void api_metrics_count(struct api_metrics *m, uint64_t value, const struct api_label *labels);
void api_metrics_real(struct api_metrics *m, double value, const struct api_label *labels);

/* A family of one sample without labels. */
void api_metrics_counter(struct api_metrics *m, const char *name, const char *help, uint64_t value);
void api_metrics_gauge(struct api_metrics *m, const char *name, const char *help, double value);

/* Gives the text, which ends in a NUL that *len does not count, to the caller, who frees. */
fl_must int api_metrics_take(struct api_metrics *m, char **out, size_t *len, struct fl_err *err);
