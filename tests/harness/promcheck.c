// SPDX-License-Identifier: Apache-2.0
/*
 * Judges what a server says under /metrics: reads it from standard input, prints the number of
 * families and samples, and ends with 1 and a line on standard error when it is malformed.
 */
#include "tests/harness/promtext.h"

int main(void)
{
	static struct prom p;
	static char text[1 << 20];
	size_t len = fread(text, 1, sizeof(text), stdin);

	if (!len || len == sizeof(text)) {
		(void)fprintf(stderr, "promcheck: nothing to read, or too much\n");
		return 1;
	}
	if (*prom_read(&p, text, len)) {
		(void)fprintf(stderr, "promcheck: %s\n", p.why);
		return 1;
	}
	printf("%zu families, %zu samples\n", p.n_names, p.n_samples);
	return 0;
}
