#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What network policies mean for packets: nine pods on two nodes and what is outside, over each of
# bridge, vxlan and bgp-route, IPv4 and IPv6, TCP, UDP, SCTP and ICMP. The evaluator
# (policy/semantics.py), "fairlead policy explain" and the datapath must agree (policy/packets.py).
# More of it, by hand:
#
#	POLICY_PART=1		all questions in each named case, not every fifth one
#	POLICY_SETS=500		random sets of policies (8)
#	POLICY_SEED=1000	of the first of them (1)
#
# Needs root, for namespaces, eBPF, and python3.
# time limit: 400 s

bats_require_minimum_version 1.5.0
load node
load cluster
load policy/net

setup_file() {
	net_start br none
	net_start vx vxlan
	net_start gw host-gw
}

teardown_file() {
	local net
	for net in br vx gw; do
		net_stop $net
	done
}

# inside PROGRAM [ARGS]...: a program of policy/ with all three networks.
inside() {
	local program=$1
	shift
	run python3 "$REPO/tests/e2e/policy/$program.py" "$@" br=bridge vx=vxlan gw=bgp-route
	printf '# points: %s\n' "${lines[@]}" >&3
	[ "$status" = 0 ]
}

@test "in each named case, packets fare as the evaluator and explain say" {
	inside packets cases
}

@test "for random sets of policies, packets fare as the evaluator and explain say" {
	inside packets random "${POLICY_SETS:-8}" "${POLICY_SEED:-1}"
}

@test "an open connection that a change forbids is cut both ways, and goes on where it was when it may" {
	inside lasting changes
}

@test "ICMP errors about what is allowed come through both ways, about nothing or what is forbidden not" {
	inside lasting errors
}

@test "a pod with the address of one that is gone inherits none of its open connections" {
	inside heirs
}
