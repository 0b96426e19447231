#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line `fairlead` with real agents on two nodes: overlay first, then BGP by BIRD. Needs
# root, network namespaces and bird2.

bats_require_minimum_version 1.5.0
load node
load cluster

setup_file() {
	export BIN=$BATS_FILE_TMPDIR/bin
	cluster_start n1 n2
	cluster_tell n1 n2
	agent_up n1 n2
	pod_attach n1 p1
	make -s -C "$REPO" install DESTDIR="$BATS_FILE_TMPDIR/root" CNIDIR=/bin
	export BIN=$BATS_FILE_TMPDIR/root/bin
	mkdir -p "$(on n1 node_file /etc/cni/net.d)"
	agent_net_conf '{cniVersion, name, plugins: [del(.cniVersion, .name)]}' \
		>"$(on n1 node_file /etc/cni/net.d/10-pods.conflist)"
}

teardown_file() {
	agent_stop n1 n2
	cluster_stop
}

fairlead() {
	on n1 in_node "$BUILD/bin/fairlead" "$@"
}

# row TITLE: the value of a line of status or bgp.
row() {
	awk -v t="$1" '$1 == t { print $2 }' <<<"$output"
}

@test "status knows the node" {
	run -0 --separate-stderr fairlead status
	[ "$(row NODE)" = n1 ]
	[ "$(row ADDRESS)" = 192.0.2.11,fd00:2::11 ]
	[ "$(row BLOCKS)" = 10.244.1.0/24,fd00:244:1::/64 ]
	[ "$(row MODE)" = vxlan ]
	[ "$(row READY)" = yes ]
	[ "$(row UNDERLAY)" = eth0 ]
	[ "$(row POD-MTU)" = 1450 ]
	[ "$(row NODES)" = 2 ]
	[ "$(row PEERS)" = 1 ]
}

@test "peers, routes and endpoints show what is there" {
	run -0 --separate-stderr fairlead peers
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[1]} =~ ^n2\ +192.0.2.12,fd00:2::12\ +10.244.2.0/24,fd00:244:2::/64\ +overlay\ +ok\ +-$ ]]
	run -0 --separate-stderr fairlead routes
	[ "${#lines[@]}" = 5 ]
	[[ $output =~ 10.244.1.0/24\ +-\ +-\ +blackhole ]]
	[[ $output =~ 10.244.2.0/24\ +10.244.2.0\ +fairlead.1\ +unicast\ +n2\ +ok ]]
	run -0 --separate-stderr fairlead endpoints
	[[ ${lines[1]} =~ ^pods\ +p1\ +eth0\ +veth[a-v0-9]+\ +10.244.1.[0-9]+/32,fd00:244:1::[0-9a-f]+/128\ +vxlan ]]
	[ "${#lines[@]}" = 2 ]
}

@test "every command has its JSON and YAML" {
	for c in status peers routes endpoints version doctor; do
		run -0 --separate-stderr fairlead "$c" -o json --cni-bin "$BIN"
		jq -e 'length > 0' <<<"$output" >/dev/null
		run -0 --separate-stderr fairlead "$c" -o yaml --cni-bin "$BIN"
		[[ ${lines[0]} =~ ^(- )?[a-zA-Z]+: ]]
	done
}

@test "the doctor finds nothing on a healthy node" {
	run -0 --separate-stderr fairlead doctor -o json --cni-bin "$BIN"
	bad=$(jq -c '.[] | select(.state == "warn" or .state == "fail")' <<<"$output")
	[ -z "$bad" ] || { echo "$bad"; false; }
	for check in agent.answers agent.version agent.problems mtu.node mtu.pods overlay.checksum; do
		jq -e --arg n "$check" 'any(.[]; .name == $n and .state == "ok")' <<<"$output" >/dev/null
	done
}

@test "a broken manifest stands as a problem, in status and for the doctor" {
	manifest_put n1 broken.yaml <<<'kind: [Node'
	eventually 10 sh -c '! nsenter --target "$NODE_PID_n1" --mount --net -- "$1" status' - \
		"$BUILD/bin/fairlead"
	run -1 --separate-stderr fairlead status
	[[ $output =~ PROBLEM-AT\ +TEXT ]]
	[[ $output == *broken.yaml* ]]
	run -1 --separate-stderr fairlead doctor -o json --cni-bin "$BIN"
	jq -e 'any(.[]; .name == "agent.problems" and .state == "fail" and
		(.found | test("broken.yaml")))' <<<"$output"
	manifest_del n1 broken.yaml
	eventually 10 fairlead status
	run -0 fairlead reload
}

@test "what somebody else changes is mended, and counted as drift" {
	pid=$(agent_pid n1)
	run -0 on n1 in_node ip route del 10.244.2.0/24
	eventually 10 sh -c 'nsenter --target "$NODE_PID_n1" --net -- ip route show 10.244.2.0/24 | grep -q fairlead.1'
	[ "$(agent_pid n1)" = "$pid" ]
	eventually 10 sh -c 'nsenter --target "$NODE_PID_n1" --mount --net -- "$1" status |
		grep -qE "^DRIFT +[1-9]"' - "$BUILD/bin/fairlead"
}

@test "without its agent endpoints stay the same, and the doctor says who is missing" {
	with=$(fairlead endpoints -o json)
	agent_kill n1
	run -3 --separate-stderr fairlead status
	run -0 --separate-stderr fairlead endpoints -o json
	# Only the agent knows what the datapath enforces.
	diff <(jq -S 'del(.[] | .enforced, .identity, .notEnforced)' <<<"$with") <(jq -S . <<<"$output")
	run -0 --separate-stderr fairlead doctor -o json --cni-bin "$BIN"
	jq -e 'any(.[]; .name == "agent.answers" and .state == "warn" and has("advice"))' <<<"$output"
	jq -e 'any(.[]; .name == "vtep.there" and .state == "ok")' <<<"$output"
	agent_up n1
	run -0 fairlead status
}

@test "node drain and bgp in a cluster that has no BGP say so" {
	run -1 --separate-stderr fairlead node drain
	[[ $stderr == "error: "*vxlan* ]]
	run -1 --separate-stderr fairlead bgp
	[[ $stderr == "error: "*vxlan* ]]
}

@test "bgp shows BIRD's sessions, and a drained node" {
	agent_stop n1 n2
	agent_up n1 n2 -- 'mode: bgp'
	eventually 20 sh -c 'nsenter --target "$NODE_PID_n1" --mount --net -- "$1" bgp |
		grep -qE "192.0.2.12 +64512 +Established"' - "$BUILD/bin/fairlead"
	run -0 --separate-stderr fairlead bgp
	[ "$(row RUNNING)" = yes ]
	[ "$(row AS)" = 64512 ]
	[ "$(row DRAINED)" = no ]
	[[ $output =~ NAME\ +ADDRESS\ +AS\ +STATE ]]
	[[ $output =~ 192.0.2.12\ +64512\ +Established ]]
	run -0 fairlead bgp -o json
	jq -e '.sessions | length > 0' <<<"$output"
	run -0 fairlead peers
	[[ ${lines[1]} =~ ^n2\ .*\ bgp\ +ok ]]
	run -0 fairlead node drain
	[ "$output" = drained ]
	run -0 fairlead status
	[ "$(row DRAINED)" = yes ]
	run -0 fairlead bgp
	[ "$(row DRAINED)" = yes ]
	eventually 10 sh -c '! nsenter --target "$NODE_PID_n2" --net -- ip route show 10.244.1.0/24 | grep -q .'
	run -0 fairlead node undrain
	eventually 20 sh -c 'nsenter --target "$NODE_PID_n2" --net -- ip route show 10.244.1.0/24 | grep -q .'
	eventually 20 sh -c 'nsenter --target "$NODE_PID_n1" --mount --net -- "$1" doctor -o json |
		jq -e "any(.[]; .name == \"bgp.sessions\" and .state == \"ok\")"' - "$BUILD/bin/fairlead"
	agent_stop n2
	on n2 in_node sh -c 'for p in /proc/[0-9]*; do
		[ "$(cat $p/comm)" != bird ] || [ "$(readlink $p/ns/net)" != "$(readlink /proc/self/ns/net)" ] ||
			kill -KILL "${p#/proc/}"; done'
	eventually 20 sh -c '! nsenter --target "$NODE_PID_n1" --mount --net -- "$1" doctor -o json |
		jq -e "any(.[]; .name == \"bgp.sessions\" and .state == \"ok\")"' - "$BUILD/bin/fairlead"
	run -1 --separate-stderr fairlead doctor -o json --cni-bin "$BIN"
	jq -e 'any(.[]; .name == "bgp.sessions" and .state == "fail" and (.found | test("192.0.2.12")))' <<<"$output"
}
