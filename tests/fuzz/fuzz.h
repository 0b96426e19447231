// SPDX-License-Identifier: Apache-2.0
/*
 * What every fuzz target includes. A target is one file with the function below: it hands
 * foreign input to a parser, and aborts when the parser's answer contradicts itself. libFuzzer
 * calls it with inputs that it invents (make fuzz), replay.c with those in git (make check).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* Always 0: every input is worth keeping. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not an assert(): it stays whatever NDEBUG says, and tells the fuzzer what was broken. */
#define MUST(cond)                                                \
	do {                                                      \
		if (!(cond)) {                                    \
			fprintf(stderr, "not true: %s\n", #cond); \
			abort();                                  \
		}                                                 \
	} while (0)

/* The input as a text that ends with a NUL; the caller frees. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}
