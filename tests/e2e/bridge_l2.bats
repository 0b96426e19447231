#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The bridge plugin's keys that decide about frames, with real frames: macspoofchk, portIsolation,
# hairpinMode. Needs root, network namespaces and nft.

bats_require_minimum_version 1.5.0
load node
load real

setup_file() {
	node_start
	pod_add p1 p2 p3
}

teardown_file() {
	node_stop
}

teardown() {
	local i
	serve_stop
	for i in 1 2 3; do
		cni DEL bridge c$i eth0 "$(pod_path p$i)" <<<"$(conf)"
	done
	in_node nft flush ruleset
	rm -rf "$(node_file /var/lib/cni/networks)"
}

conf() {
	bridge_conf frames "del(.ipMasq) | ${1:-.}"
}

# add N CONF: pod N gets 10.88.0.(N+1) when they come in order.
add() {
	cni ADD bridge "c$1" eth0 "$(pod_path "p$1")" <<<"$2"
}

reaches() {
	in_pod "$1" ping -c 1 -W "${3:-10}" "$2" >/dev/null
}

# Gives a pod another source MAC address than the one it was attached with.
change_mac() {
	in_pod "$1" ip link set dev eth0 address "$2"
	# What others learned of the old one would hide the effect.
	in_pod "$1" ip neigh flush all
	in_node ip neigh flush all
}

@test "macspoofchk: frames with a wrong source MAC are dropped, right ones pass" {
	local mac
	mac=$(add 1 "$(conf '.macspoofchk = true')" | jq -r '.interfaces[2].mac')
	add 2 "$(conf)"
	reaches p1 10.88.0.1
	reaches p1 10.88.0.3
	reaches p1 fd00:88::3
	change_mac p1 02:00:00:00:66:66
	run ! reaches p1 10.88.0.1 1
	run ! reaches p1 10.88.0.3 1
	run ! reaches p1 fd00:88::3 1
	change_mac p1 "$mac"
	reaches p1 10.88.0.3
}

@test "macspoofchk: without it a changed MAC is let through" {
	add 1 "$(conf)"
	change_mac p1 02:00:00:00:66:66
	reaches p1 10.88.0.1
}

@test "macspoofchk: one pod cannot take the MAC of another" {
	add 1 "$(conf '.macspoofchk = true')"
	local other
	other=$(add 2 "$(conf '.macspoofchk = true')" | jq -r '.interfaces[2].mac')
	reaches p1 10.88.0.1
	change_mac p1 "$other"
	run ! reaches p1 10.88.0.1 1
	reaches p2 10.88.0.1
}

@test "macspoofchk: one rule whatever the number of ports, and DEL takes the port's elements" {
	add 1 "$(conf '.macspoofchk = true')"
	local one
	one=$(in_node nft -s list table bridge fairlead-frames | grep -c drop)
	add 2 "$(conf '.macspoofchk = true')"
	add 3 "$(conf '.macspoofchk = true')"
	[ "$one" = 1 ]
	[ "$(in_node nft -s list table bridge fairlead-frames | grep -c drop)" = 1 ]
	[ "$(in_node nft list table bridge fairlead-frames | grep -o '"veth[^"]*" \.' | wc -l)" = 3 ]
	local i
	for i in 1 2 3; do
		cni DEL bridge c$i eth0 "$(pod_path p$i)" <<<"$(conf)"
	done
	run -0 in_node nft list ruleset
	[[ $output != *'"veth'* ]]
}

@test "macspoofchk: rules go with a DEL that has neither namespace nor result" {
	add 1 "$(conf '.macspoofchk = true')"
	pod_del p1
	run -0 cni DEL bridge c1 eth0 "" <<<"$(conf)"
	pod_add p1
	run -0 in_node nft list ruleset
	[[ $output != *'"veth'* ]]
}

@test "macspoofchk: a firewall reload takes the rule, the next ADD brings it back" {
	add 1 "$(conf '.macspoofchk = true')"
	in_node nft flush ruleset
	add 2 "$(conf '.macspoofchk = true')"
	reaches p2 10.88.0.1
	change_mac p2 02:00:00:00:66:66
	run ! reaches p2 10.88.0.1 1
	change_mac p1 02:00:00:00:66:67
	run ! reaches p1 10.88.0.1 1
}

@test "portIsolation: two isolated pods cannot talk, both reach the gateway and a pod that is not" {
	add 1 "$(conf '.portIsolation = true')"
	add 2 "$(conf '.portIsolation = true')"
	add 3 "$(conf)"
	run ! reaches p1 10.88.0.3 1
	run ! reaches p2 10.88.0.2 1
	run ! reaches p1 fd00:88::3 1
	reaches p1 10.88.0.1
	reaches p2 fd00:88::1
	reaches p1 10.88.0.4
	reaches p3 10.88.0.3
}

# A web server in pod 1 and a rule of the node that leads 10.88.0.1:8080 to it.
hairpin_setup() {
	add 1 "$(conf "$1")"
	in_node sysctl -qw net.bridge.bridge-nf-call-iptables=1
	in_node nft -f - <<-N
		table ip t {
			chain pre { type nat hook prerouting priority -100;
				ip daddr 10.88.0.1 tcp dport 8080 dnat to 10.88.0.2:80; }
			chain post { type nat hook postrouting priority 100;
				ip saddr 10.88.0.2 ip daddr 10.88.0.2 masquerade; }
		}
	N
	echo hairpin >"$BATS_TEST_TMPDIR/index.html"
	serve_start p1 "$BATS_TEST_TMPDIR"
}

@test "hairpinMode: a pod reaches itself through a rule of the node" {
	hairpin_setup '.hairpinMode = true'
	run -0 in_pod p1 curl -s -m 10 http://10.88.0.1:8080/
	[ "$output" = hairpin ]
}

@test "hairpinMode: without it the pod's own frame does not come back to it" {
	hairpin_setup .
	run ! in_pod p1 curl -s -m 2 http://10.88.0.1:8080/
}

@test "DEL of a pod leaves the others' frames alone" {
	add 1 "$(conf '.macspoofchk = true | .portIsolation = true')"
	add 2 "$(conf '.macspoofchk = true')"
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	reaches p2 10.88.0.1
	change_mac p2 02:00:00:00:66:66
	run ! reaches p2 10.88.0.1 1
}
