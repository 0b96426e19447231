#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Mode bgp without any router: every node speaks to every other. Sessions, routes, draining, other
# AS numbers, passwords, and nodes that come and go. Needs root, bird, iproute2.

bats_require_minimum_version 1.5.0
load node
load cluster
load bgp

setup_file() {
	cluster_start n1 n2 n3
	cluster_tell n1 n2 n3
	bgp_up n1 n2 n3
	for node in n1 n2 n3; do
		pod_fake "$node"
	done
}

teardown_file() {
	cluster_stop
}

# As the cluster begins: whatever a test has changed.
mesh_is_whole() {
	local node
	for node in n1 n2 n3; do
		eventually 60 established "$node" 4
	done
	eventually 60 has_learned n1 4 10.244.2.0/24 10.244.3.0/24
	eventually 60 has_learned n2 4 10.244.1.0/24 10.244.3.0/24
	eventually 60 has_learned n3 4 10.244.1.0/24 10.244.2.0/24
	eventually 60 has_learned n1 6 fd00:244:2::/64 fd00:244:3::/64
}

@test "every node has a session with every other, by both families" {
	mesh_is_whole
	[ "$(via n1 10.244.2.0/24)" = 192.0.2.12 ]
	[ "$(via n1 fd00:244:3::/64)" = fd00:2::13 ]
	sessions n1
	agent_get n1 /v1/bgp | jq -e '.running and .as == 64512 and .routerID == "192.0.2.11" and
		(.sessions | length == 4) and all(.sessions[]; .imported == 1 and .exported == 1)'
}

@test "the blocks reach each other" {
	for a in n1 n2 n3; do
		for b in n1 n2 n3; do
			[ $a = $b ] || eventually 60 answers $a "10.244.${b#n}.9"
			[ $a = $b ] || eventually 60 answers $a "fd00:244:${b#n}::9"
		done
	done
}

@test "a node's own block is a blackhole, and no route of BIRD's" {
	run -0 on n1 in_node ip route show 10.244.1.0/24
	[[ $output != *bird* ]]
	run -0 learned n1 4
	[[ $output != *10.244.1.* ]]
}

@test "only root can read the configuration" {
	run -0 stat -c '%a %U' "$(on n1 node_file /run/fairlead/bird)"
	[ "$output" = "700 root" ]
	run -0 stat -c %a "$(on n1 node_file /run/fairlead/bird/bird.conf)"
	[ "$output" = 600 ]
}

@test "a drained node takes its blocks back and keeps the others'; undrained, it is as before" {
	agent_get n1 /v1/node/drain -X POST
	eventually 60 has_learned n2 4 10.244.3.0/24
	eventually 60 has_learned n3 6 fd00:244:2::/64
	agent_get n1 /v1/bgp | jq -e .drained
	has_learned n1 4 10.244.2.0/24 10.244.3.0/24
	agent_get n1 /v1/node/undrain -X POST
	mesh_is_whole
}

@test "a node of another AS is spoken to as such" {
	local before
	before=$(sessions n1 'select(.name == "n2") | .since')
	node_manifest n3 | sed 's|^  annotations:|&\n    fairlead.io/as: "64999"|' \
		>"$BATS_TEST_TMPDIR/n3"
	for to in n1 n2 n3; do
		manifest_put $to n3.yaml <"$BATS_TEST_TMPDIR/n3"
	done
	eventually 60 agent_get_as n1 n3 64999
	mesh_is_whole
	agent_get n3 /v1/bgp | jq -e '.as == 64999'
	# Who is not concerned does not notice.
	[ "$(sessions n1 'select(.name == "n2") | .since')" = "$before" ]
	answers n1 10.244.3.9
	cluster_tell n3
	eventually 60 agent_get_as n1 n3 64512
	mesh_is_whole
}

agent_get_as() {
	agent_get "$1" /v1/bgp | jq -e --arg n "$2" --argjson number "$3" \
		'[.sessions[] | select(.name == $n and .as == $number and .state == "Established")] | length == 2'
}

@test "a node that is gone has no session and no route any more" {
	manifest_del n1 n3.yaml
	eventually 60 established n1 2
	eventually 60 has_learned n1 4 10.244.2.0/24
	run -0 sessions n1
	[[ $output != *.13* ]]
	eventually 60 has_learned n3 4 10.244.2.0/24
	cluster_tell n3
	mesh_is_whole
}

@test "a node is believed about its own block only" {
	# n3 thinks that n2's block is its own as well.
	node_manifest n3=192.0.2.13/10.244.3.0/24,10.244.2.0/25 n1 n2=192.0.2.12/10.9.0.0/24 |
		manifest_put n3 n3.yaml
	manifest_del n3 n1.yaml n2.yaml
	eventually 60 agent_exports n3 2
	has_learned n1 4 10.244.2.0/24 10.244.3.0/24
	[ "$(via n1 10.244.2.0/24)" = 192.0.2.12 ]
	cluster_tell n1 n2 n3
	mesh_is_whole
}

# Sessions by IPv4 that announce so many routes.
agent_exports() {
	agent_get "$1" /v1/bgp | jq -e --argjson n "$2" \
		'[.sessions[] | select(.exported == $n and (.address | contains(".")))] | length > 0'
}

@test "a node with another password is not spoken to, and one with the right one is again" {
	bgp_up n3 -- 'bgp: {meshPassword: wrong}'
	bgp_up n1 n2 -- 'bgp: {meshPassword: "right one; {#}"}'
	eventually 60 established n1 2
	eventually 60 has_learned n1 4 10.244.2.0/24
	session_is n1 192.0.2.12 Established
	[ "$(session n1 192.0.2.13)" != Established ]
	bgp_up n3 -- 'bgp: {meshPassword: "right one; {#}"}'
	mesh_is_whole
	bgp_up n1 n2 n3
	mesh_is_whole
}

@test "a password that BIRD cannot say is refused with the reason" {
	agent_stop n3
	agent_start n3 'mode: bgp
bgp: {meshPassword: "a\"b"}'
	eventually 60 grep -E 'meshPassword|the password has a quote' "$(agent_log n3)"
	bgp_up n3
	mesh_is_whole
}

@test "without BIRD the agent says which package has it" {
	agent_stop n3
	agent_start n3 'mode: bgp
bgp: {bird: /no/such/bird}'
	eventually 60 grep -F "Debian's package bird2" "$(agent_log n3)"
	bgp_up n3
	mesh_is_whole
}
