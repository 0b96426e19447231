#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bgp-route: two nodes on one cable, two configurations and nothing else; and with node.json, as
# the agent leaves it. What it has in common with vxlan is tested there; here is what differs, and
# that each verb works. Needs root, network namespaces and nft.

bats_require_minimum_version 1.5.0
load node
load world
load routed

export ROUTED_TYPE=bgp-route

setup_file() {
	routed_start
	local n
	for n in 1 2; do
		node_use "n$n"
		pod_add p1 p2
	done
	node_use n1
}

teardown_file() {
	routed_stop
}

teardown() {
	routed_clean
}

# Both nodes attach p1 as c1; the results are in $prev1 and $prev2, the node is n1.
both_add() {
	node_use n2
	conf2=$(routed_conf bgp-route 2 "${1:-.}")
	prev2=$(cni ADD bgp-route c1 eth0 "$(pod_path p1)" <<<"$conf2")
	node_use n1
	conf=$(routed_conf bgp-route 1 "${1:-.}")
	prev1=$(cni ADD bgp-route c1 eth0 "$(pod_path p1)" <<<"$conf")
	host=$(jq -r '.interfaces[0].name' <<<"$prev1")
}

@test "pods of both nodes reach each other by plain routes, with the whole MTU" {
	both_add
	[ "$(jq -c '[.ips[].address]' <<<"$prev1")" = '["10.244.1.2/32","fd00:244:1::2/128"]' ]
	[ "$(jq -r '.interfaces[1].mtu' <<<"$prev1")" = 1500 ]
	[[ "$(in_node ip route show 10.244.2.0/24)" == "10.244.2.0/24 via 192.0.2.12 dev u0 proto 171 " ]]
	[[ "$(in_node ip -6 route show fd00:244:2::/64)" == *"via 2001:db8::12 dev u0 proto 171"* ]]
	[[ "$(in_node ip route show 10.244.1.0/24)" == "blackhole 10.244.1.0/24 proto 171 metric 1024 " ]]
	in_pod p1 ping -c1 -W10 -q -M 'do' -s 1472 10.244.2.2
	in_pod p1 ping -c1 -W10 -q -M 'do' -s 1452 fd00:244:2::2
	run ! in_pod p1 ping -c1 -W1 -M 'do' -s 1473 10.244.2.2
	[[ "$output" == *"mtu=1500"* ]]
	in_node ping -c1 -W10 -q 10.244.2.2
	[ "$(jq -r .mode "$(node_file /run/fairlead/endpoints)"/*.json)" = bgp-route ]
}

@test "the MTU is that of the link to the peers, or the configuration's" {
	local n
	for n in n2 n1; do node_use $n && in_node ip link set u0 mtu 1400; done
	both_add
	[ "$(jq -r '.interfaces[1].mtu' <<<"$prev1")" = 1400 ]
	in_pod p1 ping -c1 -W10 -q -M 'do' -s 1372 10.244.2.2
	run ! in_pod p1 ping -c1 -W1 -M 'do' -s 1373 10.244.2.2
	cni ADD bgp-route c2 eth0 "$(pod_path p2)" <<<"$(jq '.mtu = 1300' <<<"$conf")" |
		jq -e '.interfaces[1].mtu == 1300'
	for n in n2 n1; do node_use $n && in_node ip link set u0 mtu 1500; done
}

@test "a peer that is on no link of ours, or cannot take a block's family, is refused by name" {
	node_use n1
	refuses '.peers[0].ips = ["198.51.100.7"] | .peers[0].cidrs = ["10.244.2.0/24"]' \
		"peer 'n2': its address '198.51.100.7' is on no link of this node"
	refuses '.peers[0].ips = ["192.0.2.12"]' "peer 'n2': it has no IPv6 address"
	refuses '.peers[0].ips = ["192.0.2.11"]' "config 'peers[0]': '192.0.2.11' is this node's address"
	refuses '.vni = 1' "config 'vni': is a key of 'vxlan'"
	refuses '.peers[0].cidrs = ["10.244.1.0/25"]' "config 'peers[0].cidrs[0]': '10.244.1.0/25' overlaps"
}

@test "CHECK passes and changes nothing, and finds peers' routes, blackholes and masquerade gone" {
	local before
	both_add '.ipMasq = true'
	before=$(node_world p1)
	check_passes
	diff <(echo "$before") <(node_world p1)
	in_node ip route del 10.244.2.0/24
	drifted "route 10.244.2.0/24|through its peer"
	mend
	in_node ip route replace 10.244.2.0/24 via 192.0.2.99 proto 171
	drifted "route 10.244.2.0/24"
	mend
	in_node ip -6 route del fd00:244:2::/64
	drifted "route fd00:244:2::/64"
	mend
	in_node ip -6 route del blackhole fd00:244:1::/64
	drifted "route fd00:244:1::/64|blackhole"
	mend
	in_node nft flush ruleset
	drifted "fairlead_pods"
	mend
	in_node rm /run/fairlead/networks/pods.json
	drifted "network record"
	mend
	in_node ip route del "$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$prev1")"
	drifted "route to 10.244.1.|$host"
	readd
	in_pod p1 ip neigh del 169.254.1.1 dev eth0
	drifted "169.254.1.1"
	readd
	in_pod p1 ping -c1 -W10 -q 10.244.2.2
}

@test "a route that somebody else has put is not taken away, and the error says whose it is" {
	node_use n1
	in_node ip route add 10.244.2.0/24 via 192.0.2.50 proto static
	run -1 cni ADD bgp-route c1 eth0 "$(pod_path p1)" <<<"$(routed_conf bgp-route 1)"
	[[ "$output" == *"10.244.2.0/24"*"static"* ]]
	[[ "$(in_node ip route show 10.244.2.0/24)" == *"via 192.0.2.50"* ]]
	[ -z "$(in_node ip route show proto 171)$(in_node ip route show proto 170)" ]
	in_node ip route del 10.244.2.0/24
}

@test "peers change with the next ADD; a route to a block that moved is never missing" {
	local pid i lost=0
	both_add '.peers += [{name: "n3", ip: "192.0.2.13", cidrs: ["10.244.3.0/24"]}]'
	in_node sh -c 'while ip route get 10.244.2.9 >/dev/null 2>&1; do :; done; touch /run/lost' 3>&- 4>&- &
	pid=$!
	for i in 1 2 3; do
		cni ADD bgp-route c2 eth0 "$(pod_path p2)" <<<"$(jq ".peers |= .[:$((2 - i % 2))] |
			.peers[0].ips[0] = \"192.0.2.1$((i + 3))\"" <<<"$conf")" >/dev/null
		[[ "$(in_node ip route show 10.244.2.0/24)" == *"via 192.0.2.1$((i + 3)) "* ]]
		cni DEL bgp-route c2 eth0 - <<<"$conf"
	done
	[ ! -e "$(node_file /run/lost)" ]
	kill "$pid"
	[ -z "$(in_node ip route show 10.244.3.0/24)" ]
}

@test "an IPAM plugin that is not ours: its blocks are the network's, as pods bring them" {
	local static='.ipMasq = true | .ipam = {type: "static", addresses: [
		{address: "10.244.1.7/24", gateway: "10.244.1.1"}], routes: [
		{dst: "0.0.0.0/0", gw: "10.244.1.1"}]}'
	[ -x "$REFERENCE_DIR/static" ]
	node_use n1
	conf=$(CNI_VERSION=1.0.0 routed_conf bgp-route 1 "$static")
	prev1=$(CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR cni ADD bgp-route c1 eth0 "$(pod_path p1)" <<<"$conf")
	[ "$(jq -c '[.ips[] | [.address, .gateway]]' <<<"$prev1")" = '[["10.244.1.7/32","10.244.1.1"]]' ]
	[ "$(jq -c '[.routes[].gw]' <<<"$prev1")" = '["169.254.1.1"]' ]
	[[ "$(in_node ip route show 10.244.1.0/24)" == "blackhole"* ]]
	CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR check_passes
	conf=$(CNI_VERSION=1.0.0 routed_conf bgp-route 1 "$static | .ipam.addresses[0] = {
		address: \"10.249.1.7/24\"} | .ipam.routes = []")
	CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR cni ADD bgp-route c2 eth0 "$(pod_path p2)" <<<"$conf" >/dev/null
	[[ "$(in_node ip route show 10.244.1.0/24)" == "blackhole"* ]]
	[[ "$(in_node ip route show 10.249.1.0/24)" == "blackhole"* ]]
	in_node nft list set inet fairlead_pods home4 | grep -q 10.249.1.0/24
	in_node ping -c1 -W10 -q 10.249.1.7
	CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR cni DEL bgp-route c1 eth0 - <<<"$conf"
	run -1 env CNI_PATH="$PLUGIN_DIR:$REFERENCE_DIR" bash -c '. "$1"; cni ADD bgp-route c3 eth0 "$2"' - \
		"$BATS_TEST_DIRNAME/node.bash" "$(pod_path p1)" <<<"$(CNI_VERSION=1.0.0 routed_conf bgp-route 1 \
		"$static | .ipam.addresses[0].address = \"10.244.2.7/24\"")"
	[[ "$output" == *"'10.244.2.0/24' overlaps this node's '10.244.2.0/24'"* ]]
}

@test "host-local of the reference gets the blocks of node.json on stdin, for every verb" {
	[ -x "$REFERENCE_DIR/host-local" ]
	node_use n1
	in_node mkdir -p /run/fairlead
	jq -n '{version: 1, nodeName: "n1", nodeIPs: ["192.0.2.11"], mode: "host-gw", mtu: 1500,
		podCIDRs: ["10.244.1.0/24"]}' >"$(node_file /run/fairlead/node.json)"
	conf=$(CNI_VERSION=1.0.0 routed_conf bgp-route 1 'del(.peers, .ipam.ranges)')
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$REFERENCE_DIR/host-local" "$BATS_TEST_TMPDIR/bin/"
	export CNI_PATH=$BATS_TEST_TMPDIR/bin
	prev1=$(cni ADD bgp-route c1 eth0 "$(pod_path p1)" <<<"$conf")
	[ "$(jq -c '[.ips[].address]' <<<"$prev1")" = '["10.244.1.2/32"]' ]
	check_passes
	cni DEL bgp-route c1 eth0 "$(pod_path p1)" <<<"$(with_prev "$conf" "$prev1")"
	[ ! -e "$(node_file /var/lib/cni/networks/pods/10.244.1.2)" ]
	unset CNI_PATH
	prev1=$(cni ADD bgp-route c1 eth0 "$(pod_path p1)" <<<"$conf")
	check_passes
	[ -z "$(in_node ip route show proto 171)" ]
}

@test "GC and STATUS do their work and leave peers alone" {
	both_add
	cni ADD bgp-route c2 eth0 "$(pod_path p2)" <<<"$conf" >/dev/null
	in_node ip route flush proto 171
	cni STATUS bgp-route - - - <<<"$conf"
	cni GC bgp-route - - - <<<"$(jq '."cni.dev/valid-attachments" =
		[{containerID: "c1", ifname: "eth0"}]' <<<"$conf")"
	[ -z "$(in_node ip route show proto 171)" ]
	[ "$(in_node ip route show proto 170 | wc -l)" = 1 ]
	run ! in_pod p2 ip link show eth0
	run -1 cni STATUS bgp-route - - - <<<"$(jq 'del(.peers)' <<<"$conf")"
	[ "$(jq .code <<<"$output")" = 50 ]
}

@test "ADD, CHECK, DEL in every version's form" {
	local version
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		both_add ".cniVersion = \"$version\""
		[ "$(jq -r .cniVersion <<<"$prev1")" = "$version" ]
		case $version in
		0.1.0 | 0.2.0) [ "$(jq -r .ip4.ip <<<"$prev1")" = 10.244.1.2/32 ] ;;
		0.3.*) [ "$(jq -r '.ips[0].version' <<<"$prev1")" = 4 ] ;;
		*) check_passes ;;
		esac
		routed_clean
	done
}
