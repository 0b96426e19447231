// SPDX-License-Identifier: Apache-2.0
/*
 * What Kubernetes takes for a name, a label or a port's name: the API server's own rules. Pure
 * predicates on text.
 */
#pragma once

#include <stdbool.h>

/* [prefix/]name: a DNS subdomain of at most 253 bytes, a name of 1 to 63. */
bool pol_valid_label_key(const char *text);

/* Empty, or at most 63 bytes that begin and end with a letter or digit. */
bool pol_valid_label_value(const char *text);

/* 1 to 15 of a-z, 0-9 and '-', a letter among them, '-' neither first, last nor twice. */
bool pol_valid_port_name(const char *text);

/* RFC 1123: a label (a namespace's name), and labels joined by dots (any other name). */
bool pol_valid_dns_label(const char *text);
bool pol_valid_dns_subdomain(const char *text);
