#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Random cases, valid and bent, run by Debian's reference bridge, host-local and loopback and by
# ours in like nodes: the same answers, and the same world after each step (differ/differ.py).
# The seeds are fixed, so that a run is like the last; "python3 tests/e2e/differ/differ.py --count
# 3000" takes others, and "--case SEED" tells one case at length. Needs root, network namespaces
# and containernetworking-plugins.
# time limit: 900 s

bats_require_minimum_version 1.5.0
load node

# differ ARGUMENT...: no case differs, and some calls have succeeded.
differ() {
	run python3 "$BATS_TEST_DIRNAME/differ/differ.py" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[-1]} == "seed "*" 0 different,"* ]]
	[[ ${lines[-1]} =~ \(([0-9]+)\ that\ succeeded\) ]]
	((BASH_REMATCH[1] > 10))
}

@test "thirty random cases are to ours what they are to the reference" {
	differ --seed 100 --count 30
}

@test "eight random cases, each step by one of the two by chance, are what they are to the reference" {
	differ --seed 200 --count 8 --mix
}
