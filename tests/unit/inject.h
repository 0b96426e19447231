// SPDX-License-Identifier: Apache-2.0
/*
 * Failures on cue. The linker hands every allocation of the code under test (the JSON library
 * included), its openat(), fstatat() and fsync() to inject.c first; outside a test that asks for
 * failures they go straight on.
 */
#pragma once

#include <stdbool.h>

/* The n-th allocation from now on, counted from 0, fails once. */
void inject_fail_nth(int n);

/* Nothing fails from now on. True when the failure that was ordered has happened. */
bool inject_off(void);

/*
 * "Fail the n-th, n = 0, 1, 2, ... until it passes": calls step(arg) with one more allocation let
 * through each time, until a call meets no failure; returns what that one returned. A call that
 * met its failure must return -ENOMEM, unless it could do without the memory and returned 0. A
 * step that allocates nothing fails the test.
 */
int inject_each(int (*step)(void *arg), void *arg);

/* Until switched off, openat() knows no O_TMPFILE, as on some file systems: -EOPNOTSUPP. */
void inject_no_tmpfile(bool on);

/* Until it is called with 0, fstatat() fails with this errno. */
void inject_no_stat(int number);

/* Until it is called with 0, fsync() fails with this errno. */
void inject_no_sync(int number);
