#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Our bridge and host-local in one list with the reference plugins of Debian 12: before its
# portmap, firewall, tuning and bandwidth; with its static as IPAM; its bridge, ptp and
# macvlan with our host-local. Needs root, network namespaces and containernetworking-plugins.
#
# Debian's portmap (1.1.1) looks for the IPv4 rules among the IPv6 ones when it CHECKs and so
# never passes; here the CHECK of every other plugin of a list with portmap is asked for.

bats_require_minimum_version 1.5.0
load node
load real

export CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR

setup_file() {
	node_start
	outside_add
	pod_add p1 p2
	in_node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	# Bridges, tables and the chains that reference plugins keep are made once, before any
	# test compares.
	CHAIN=("$(bridge)" "$(portmap)" "$(firewall)")
	chain_add warm p1
	chain_del warm p1
}

teardown_file() {
	node_stop
}

setup() {
	RESULT=
	before=$(left_behind)
}

teardown() {
	serve_stop
	chain_del c1 p1 || true
	pod_del p1 p2
	pod_add p1 p2
	in_node find /var/lib/cni/networks -type f ! -name lock -delete
}

bridge() {
	jq -cn '{cniVersion: "1.0.0", name: "chain", type: "bridge", bridge: "chain0",
		isDefaultGateway: true, ipMasq: true, hairpinMode: true,
		ipam: {type: "host-local", ranges: [
			[{subnet: "10.44.0.0/24"}], [{subnet: "fd00:44::/64"}]]}}
		| '"${1:-.}"
}

meta() {
	jq -cn '{cniVersion: "1.0.0", name: "chain"} + '"$1"
}

portmap() {
	meta '{type: "portmap", runtimeConfig: {portMappings:
		[{hostPort: 8080, containerPort: 80, protocol: "tcp"}]}}'
}

firewall() {
	meta '{type: "firewall", backend: "iptables"}'
}

# A web server in a pod that says its own name.
serve() {
	mkdir -p "$BATS_TEST_TMPDIR/www"
	echo "this is $1" >"$BATS_TEST_TMPDIR/www/index.html"
	serve_start "$1" "$BATS_TEST_TMPDIR/www"
}

@test "portmap after our bridge: the host port leads to the pod from the node, outside and itself" {
	CHAIN=("$(bridge)" "$(portmap)")
	chain_add c1 p1
	serve p1
	run -0 in_node curl -s -m 10 http://10.44.0.1:8080/
	[ "$output" = "this is p1" ]
	run -0 in_pod outside curl -s -m 10 http://192.0.2.1:8080/
	[ "$output" = "this is p1" ]
	run -0 in_pod p1 curl -s -m 10 http://10.44.0.1:8080/
	[ "$output" = "this is p1" ]
	serve_stop
	chain_check c1 p1 portmap
	chain_del c1 p1
	diff <(echo "$before") <(left_behind)
}

@test "firewall after our bridge opens FORWARD for the pod where the node's policy is to drop" {
	CHAIN=("$(bridge)" "$(firewall)")
	in_node iptables -P FORWARD DROP
	chain_add c1 p1
	run -0 in_pod p1 ping -c 1 -W 10 192.0.2.2
	chain_check c1 p1
	in_node iptables -P FORWARD ACCEPT
	chain_del c1 p1
	diff <(echo "$before") <(left_behind)
}

@test "tuning after our bridge changes MAC, MTU and sysctl, and our CHECK takes no offence" {
	CHAIN=("$(bridge)" "$(meta '{type: "tuning", mac: "02:00:00:00:44:01", mtu: 1300,
		promisc: true, sysctl: {"net.ipv4.conf.eth0.arp_filter": "1"}}')")
	chain_add c1 p1
	[ "$(jq -r '.interfaces[2].mac' <<<"$RESULT")" = 02:00:00:00:44:01 ]
	run -0 in_pod p1 ip link show eth0
	[[ $output == *"mtu 1300"*02:00:00:00:44:01* ]]
	run -0 in_pod p1 ping -c 1 -W 10 192.0.2.2
	chain_check c1 p1
	chain_del c1 p1
	diff <(echo "$before") <(left_behind)
}

@test "bandwidth after our bridge shapes both directions and keeps our interfaces first" {
	CHAIN=("$(bridge)" "$(meta '{type: "bandwidth", ingressRate: 8000000,
		ingressBurst: 800000, egressRate: 4000000, egressBurst: 400000}')")
	chain_add c1 p1
	run -0 jq -r '[.interfaces[].name[:3]] | join(" ")' <<<"$RESULT"
	[[ $output == "cha "*" eth bwp" ]]
	local host
	host=$(jq -r '.interfaces[1].name' <<<"$RESULT")
	run -0 in_node tc qdisc show dev "$host"
	[[ $output == *"tbf"*"8Mbit"* && $output == *ingress* ]]
	run -0 in_pod p1 ping -c 1 -W 10 192.0.2.2
	chain_check c1 p1
	chain_del c1 p1
	diff <(echo "$before") <(left_behind)
}

@test "all four after our bridge: ADD, traffic, CHECK, DEL, and nothing is left" {
	CHAIN=("$(bridge)" "$(portmap)" "$(firewall)"
		"$(meta '{type: "tuning", sysctl: {"net.core.somaxconn": "400"}}')"
		"$(meta '{type: "bandwidth", ingressRate: 8000000, ingressBurst: 800000}')")
	chain_add c1 p1
	run -0 jq -c '[.ips[] | .interface]' <<<"$RESULT"
	[ "$output" = "[2,2]" ]
	serve p1
	run -0 in_pod outside curl -s -m 10 http://192.0.2.1:8080/
	[ "$output" = "this is p1" ]
	serve_stop
	chain_check c1 p1 portmap
	chain_del c1 p1
	diff <(echo "$before") <(left_behind)
}

@test "a list at 0.4.0 and at 0.3.1 goes through the same chain" {
	local v
	for v in 0.3.1 0.4.0; do
		CHAIN=("$(bridge)" "$(portmap)" "$(meta '{type: "tuning"}')")
		CHAIN=("${CHAIN[@]/1.0.0/$v}")
		chain_add c1 p1
		[ "$(jq -r .cniVersion <<<"$RESULT")" = "$v" ]
		run -0 jq -c '[.ips[] | [.version, .interface]]' <<<"$RESULT"
		[ "$output" = '[["4",2],["6",2]]' ]
		chain_del c1 p1
		diff <(echo "$before") <(left_behind)
	done
}

@test "our bridge with the reference static as IPAM: its addresses, routes and dns are taken" {
	CHAIN=("$(bridge '.ipam = {type: "static",
		addresses: [{address: "10.44.0.9/24", gateway: "10.44.0.1"},
			{address: "fd00:44::9/64", gateway: "fd00:44::1"}],
		routes: [{dst: "198.51.100.0/24", gw: "10.44.0.5"}],
		dns: {nameservers: ["10.44.0.53"], search: ["pods.test"]}}')")
	chain_add c1 p1
	run -0 jq -c '[.ips[].address], .dns.nameservers' <<<"$RESULT"
	[ "$output" = $'["10.44.0.9/24","fd00:44::9/64"]\n["10.44.0.53"]' ]
	run -0 in_pod p1 ip route show 198.51.100.0/24
	[[ $output == *"via 10.44.0.5"* ]]
	run -0 in_pod p1 ping -c 1 -W 10 192.0.2.2
	chain_check c1 p1
	in_pod p1 ip addr del 10.44.0.9/24 dev eth0
	run ! chain_check c1 p1
	chain_del c1 p1
	diff <(echo "$before") <(left_behind)
}

@test "CNI_ARGS reach the reference static through our bridge" {
	CHAIN=("$(bridge '.ipam = {type: "static"}')")
	chain_add c1 p1 'CNI_ARGS=IgnoreUnknown=1;IP=10.44.0.8/24;GATEWAY=10.44.0.1'
	run -0 jq -c '[.ips[] | .address, .gateway]' <<<"$RESULT"
	[ "$output" = '["10.44.0.8/24","10.44.0.1"]' ]
}

@test "the reference bridge with our host-local: lease written, checked and given back" {
	CHAIN=("$(bridge '.type = "bridge@ref" | del(.ipMasq)')")
	chain_add c1 p1
	run -0 cat -A "$(node_file /var/lib/cni/networks/chain/10.44.0.2)"
	[ "$output" = 'c1^M$'$'\n''eth0' ]
	[ -e "$(node_file /var/lib/cni/networks/chain/fd00:44::2)" ]
	run -0 in_pod p1 ping -c 1 -W 10 10.44.0.1
	chain_check c1 p1
	rm "$(node_file /var/lib/cni/networks/chain/10.44.0.2)"
	run ! chain_check c1 p1
	chain_del c1 p1
	diff <(echo "$before") <(left_behind)
}

@test "the reference ptp with our host-local: ADD, CHECK, DEL, nothing left" {
	CHAIN=("$(bridge '{cniVersion, name, ipam} + {type: "ptp"}')")
	chain_add c1 p1
	run -0 in_pod p1 ping -c 1 -W 10 10.44.0.1
	chain_check c1 p1
	chain_del c1 p1
	diff <(echo "$before") <(left_behind)
}

@test "the reference macvlan with our host-local: two pods reach each other" {
	CHAIN=("$(bridge '{cniVersion, name, ipam} + {master: "out0", type: "macvlan"}')")
	chain_add c1 p1
	chain_check c1 p1
	local first=$RESULT
	chain_add c2 p2
	run -0 in_pod p2 ping -c 1 -W 10 "$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$first")"
	chain_del c2 p2
	RESULT=$first
	chain_del c1 p1
	diff <(echo "$before") <(left_behind)
}

@test "a foreign IPAM that tells of interfaces does not move ours in the result" {
	local dir=$BATS_TEST_TMPDIR/bin
	mkdir "$dir"
	cat >"$dir/telling" <<-'S'
		#!/bin/sh
		cat >/dev/null
		echo '{"cniVersion":"1.0.0","interfaces":[{"name":"uplink0"}],
			"ips":[{"interface":0,"address":"10.44.0.9/24","gateway":"10.44.0.1"}]}'
	S
	chmod +x "$dir/telling"
	local conf
	conf=$(bridge '.ipam = {type: "telling"}')
	RESULT=$(cni ADD bridge c1 eth0 "$(pod_path p1)" "CNI_PATH=$dir" <<<"$conf")
	jq -e '(.interfaces | length) == 3 and .ips[0].interface == 2 and .interfaces[2].name == "eth0" and
		.interfaces[2].sandbox and (.interfaces[1] | has("sandbox") | not)' <<<"$RESULT" >/dev/null
	cni CHECK bridge c1 eth0 "$(pod_path p1)" "CNI_PATH=$dir" <<<"$(jq --argjson r "$RESULT" '.prevResult = $r' <<<"$conf")"
	cni DEL bridge c1 eth0 "$(pod_path p1)" "CNI_PATH=$dir" <<<"$conf"
	diff <(echo "$before") <(left_behind)
}

@test "a foreign IPAM that fails gets its DEL from our bridge, and nothing is left" {
	local dir=$BATS_TEST_TMPDIR/bin
	mkdir "$dir"
	cat >"$dir/broken" <<-S
		#!/bin/sh
		cat >/dev/null
		echo "\$CNI_COMMAND \$CNI_CONTAINERID \$CNI_IFNAME" >>$dir/calls
		[ "\$CNI_COMMAND" = ADD ] || exit 0
		echo '{"cniVersion":"1.0.0","code":142,"msg":"out of everything"}'
		exit 1
	S
	chmod +x "$dir/broken"
	run -1 cni ADD bridge c1 eth0 "$(pod_path p1)" "CNI_PATH=$dir" \
		<<<"$(bridge '.ipam = {type: "broken"}')"
	[ "$(jq -r .code <<<"$output")" = 142 ]
	[[ $output == *"out of everything"* ]]
	[ "$(cat "$dir/calls")" = $'ADD c1 eth0\nDEL c1 eth0' ]
	diff <(echo "$before") <(left_behind)
}
