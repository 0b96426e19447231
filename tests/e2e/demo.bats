#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The demonstrations, as the README has a newcomer run them: each step of theirs that does not do what
# it says ends them with status 1. Needs root.

bats_require_minimum_version 1.5.0
load node

# demo NAME: it comes to its end, and nothing of it is left.
demo() {
	export TMPDIR=$BATS_TEST_TMPDIR
	run "$REPO/deploy/$1.sh" "$BUILD"
	[ "$status" -eq 0 ]
	[[ ${lines[-1]} == *Done.* ]]
	[ -z "$(compgen -G "$TMPDIR/fairlead-demo.*")" ]
}

@test "two pods on a bridge talk, and nothing is left of them" {
	demo demo
}

@test "pods of two machines talk through an overlay" {
	demo demo-overlay
}

@test "a policy is enforced and explained, and outlives its agent" {
	demo demo-policy
}
