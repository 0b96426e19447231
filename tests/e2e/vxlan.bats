#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# vxlan: two nodes, two configurations and nothing else; and with node.json, as the agent leaves
# it. Real packets over the overlay, CHECK after each kind of tampering, what an ADD changes and
# what it leaves alone, GC, STATUS, bad input. Needs root, network namespaces, nft and tcpdump.

bats_require_minimum_version 1.5.0
load node
load world
load routed

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
	node_stop crowd
}

teardown() {
	routed_clean
}

# Both nodes attach p1 as c1; the results are in $prev1 and $prev2, the node is n1.
both_add() {
	node_use n2
	conf2=$(routed_conf vxlan 2 "${1:-.}")
	prev2=$(cni ADD vxlan c1 eth0 "$(pod_path p1)" <<<"$conf2")
	node_use n1
	conf=$(routed_conf vxlan 1 "${1:-.}")
	prev1=$(cni ADD vxlan c1 eth0 "$(pod_path p1)" <<<"$conf")
	host=$(jq -r '.interfaces[0].name' <<<"$prev1")
}

# The pod's addresses.
ip4() {
	jq -r '.ips[0].address | sub("/.*"; "")' <<<"$prev1"
}

ip6() {
	jq -r '.ips[1].address | sub("/.*"; "")' <<<"$prev1"
}

# The agent's part, without one: node.json of node 1, and a VTEP as it says.
as_agent() {
	in_node mkdir -p /run/fairlead
	jq -n '{version: 1, nodeName: "n1", nodeIPs: ["192.0.2.11"], mode: "vxlan", mtu: 1440,
		podCIDRs: ["10.244.1.0/24", "fd00:244:1::/64"],
		vxlan: {device: "agent.9", vni: 9, port: 4790}}' >"$(node_file /run/fairlead/node.json)"
}

@test "the result has the host's end and the pod's, full length, and the MTU that VXLAN leaves" {
	both_add
	[ "$(jq -c '[.interfaces[] | [.name, .sandbox, .mtu]]' <<<"$prev1")" = \
		"[[\"$host\",null,1450],[\"eth0\",\"/run/netns/p1\",1450]]" ]
	[ "$(jq -c '[.ips[] | [.address, .gateway, .interface]]' <<<"$prev1")" = \
		'[["10.244.1.2/32","10.244.1.1",1],["fd00:244:1::2/128","fd00:244:1::1",1]]' ]
	[ "$(jq -c '[.routes[] | [.dst, .gw]]' <<<"$prev1")" = \
		'[["0.0.0.0/0","169.254.1.1"],["::/0","fe80::1"]]' ]
	[[ "$host" == veth* ]]
}

@test "pods of both nodes, and the nodes themselves, reach each other over both families" {
	both_add
	in_pod p1 ping -c1 -W10 -q 10.244.2.2
	in_pod p1 ping -c1 -W10 -q fd00:244:2::2
	in_node ping -c1 -W10 -q 10.244.2.2
	in_node ping -c1 -W10 -q fd00:244:2::2
	in_node ping -c1 -W10 -q 10.244.1.2
	in_node ping -c1 -W10 -q fd00:244:1::2
	cni ADD vxlan c2 eth0 "$(pod_path p2)" <<<"$conf" >/dev/null
	in_pod p1 ping -c1 -W10 -q 10.244.1.3
	in_pod p1 ping -c1 -W10 -q fd00:244:1::3
	# What no pod has goes nowhere, not to the default route.
	run ! in_pod p1 ping -c1 -W1 -q 10.244.1.77
	[[ "$(in_node ip route get 10.244.1.77 2>&1)" == *"Invalid argument"* ]]
}

@test "a packet of the MTU passes unfragmented, and one byte more is refused with the size" {
	both_add
	in_pod p1 ping -c1 -W10 -q -M 'do' -s 1422 10.244.2.2
	in_pod p1 ping -c1 -W10 -q -M 'do' -s 1402 fd00:244:2::2
	run ! in_pod p1 ping -c1 -W1 -M 'do' -s 1423 10.244.2.2
	[[ "$output" == *"mtu=1450"* ]]
}

@test "on the wire it is VXLAN on its port with the pods' packets inside" {
	local pcap=$BATS_TEST_TMPDIR/pcap tcpdump
	both_add '.vni = 5 | .port = 8472'
	in_node tcpdump -i u0 -n -U -w "$pcap" --immediate-mode udp port 8472 2>"$pcap.err" 3>&- 4>&- &
	tcpdump=$!
	for ((i = 0; i < 600; i++)); do
		grep -q 'listening on' "$pcap.err" && break
		sleep 0.05
	done
	in_pod p1 ping -c1 -W10 -q 10.244.2.2
	for ((i = 0; i < 600; i++)); do
		[ "$(tcpdump -r "$pcap" 2>/dev/null | wc -l)" -ge 2 ] && break
		sleep 0.05
	done
	kill "$tcpdump" && wait "$tcpdump" || true
	run -0 tcpdump -n -e -r "$pcap" -T vxlan
	[[ "$output" == *"192.0.2.11."*" > 192.0.2.12.8472: VXLAN"*"vni 5"* ]]
	[[ "$output" == *"10.244.1.2 > 10.244.2.2: ICMP echo request"* ]]
}

@test "an underlay of IPv6 carries both families with 20 bytes less" {
	both_add '.peers[0].ips |= reverse'
	[ "$(jq -r '.interfaces[1].mtu' <<<"$prev1")" = 1430 ]
	in_pod p1 ping -c1 -W10 -q -M 'do' -s 1402 10.244.2.2
	in_pod p1 ping -c1 -W10 -q fd00:244:2::2
	[[ "$(in_node ip -d link show fairlead.1)" == *"local 2001:db8::11"* ]]
}

@test "mtu of the configuration is taken, but no more than the link under it leaves" {
	both_add '.mtu = 1300'
	[ "$(jq -r '.interfaces[1].mtu' <<<"$prev1")" = 1300 ]
	[ "$(in_node cat /sys/class/net/fairlead.1/mtu)" = 1300 ]
	run -1 cni ADD vxlan c2 eth0 "$(pod_path p2)" <<<"$(jq '.mtu = 1451' <<<"$conf")"
	[ "$(jq .code <<<"$output")" = 7 ]
	[[ "$output" == *"config 'mtu': 1451, but link 'u0' with its 1500 bytes leaves 1450"* ]]
}

@test "a route's mtu and advmss of the IPAM configuration are applied in the pod" {
	both_add '.ipam.routes = [{dst: "0.0.0.0/0", mtu: 1200, advmss: 1100},
		{dst: "198.51.100.0/24", gw: "10.244.1.1"}, {dst: "198.51.100.0/24", gw: "10.244.2.1"}]
		| .ipam.routes |= [.[] | select(.gw != "10.244.\(3 - ($n | tonumber)).1")]'
	[[ "$(in_pod p1 ip route show default)" == *"via 169.254.1.1"*"mtu 1200 advmss 1100"* ]]
	[[ "$(in_pod p1 ip route show 198.51.100.0/24)" == *"via 169.254.1.1"* ]]
	[ "$(jq -c '[.routes[] | .gw // "none"] | unique' <<<"$prev1")" = '["169.254.1.1","fe80::1"]' ]
	check_passes
	run -1 cni ADD vxlan c2 eth0 "$(pod_path p2)" <<<"$(jq '.ipam.routes = [
		{dst: "198.51.100.0/24", gw: "10.9.9.9"}]' <<<"$conf")"
	[ "$(jq .code <<<"$output")" = 7 ]
	[[ "$output" == *"198.51.100.0/24"*"10.9.9.9"*"no other next hop than '169.254.1.1'"* ]]
}

@test "masquerade is for the outside: peers see pods, others see the node" {
	both_add '.ipMasq = true'
	node_use n2
	in_node ip addr add 203.0.113.2/32 dev lo
	node_use n1
	in_node ip route add 203.0.113.2/32 via 192.0.2.12
	[ "$(source_of p1 n2 203.0.113.2)" = 192.0.2.11 ]
	[ "$(source_of p1 n2 10.244.2.0)" = 10.244.1.2 ]
	in_node nft list table inet fairlead_pods
	check_passes
	in_node nft flush ruleset
	drifted "fairlead_pods"
	cni ADD vxlan c2 eth0 "$(pod_path p2)" <<<"$conf" >/dev/null
	check_passes
	cni ADD vxlan c3 eth1 "$(pod_path p2)" <<<"$(jq 'del(.ipMasq)' <<<"$conf")" >/dev/null
	run ! in_node nft list table inet fairlead_pods
	in_node ip route del 203.0.113.2/32
}

@test "ADD, CHECK, DEL in every version's form" {
	local version
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		both_add ".cniVersion = \"$version\""
		[ "$(jq -r .cniVersion <<<"$prev1")" = "$version" ]
		case $version in 0.3.*) ;; *) check_passes ;; esac
		routed_clean
	done
	for version in 0.1.0 0.2.0; do
		both_add ".cniVersion = \"$version\""
		[ "$(jq -r .ip4.ip <<<"$prev1")" = 10.244.1.2/32 ]
		[ "$(jq -r .ip6.ip <<<"$prev1")" = fd00:244:1::2/128 ]
		routed_clean
	done
}

@test "CHECK passes after ADD and changes nothing" {
	local before
	both_add '.ipMasq = true'
	before=$(node_world p1)
	check_passes
	check_passes
	diff <(echo "$before") <(node_world p1)
}

@test "CHECK finds what is wrong with the pod's two ends" {
	both_add
	in_pod p1 ip link set eth0 down
	drifted "eth0|up|down"
	readd
	in_node ip link set "$host" down
	drifted "$host|up|down"
	readd
	in_node ip link del "$host"
	drifted "eth0"
}

@test "CHECK finds addresses, routes and neighbours that are gone, on either side" {
	both_add
	in_pod p1 ip addr del "$(ip4)/32" dev eth0
	drifted "$(ip4)/32"
	readd
	in_pod p1 ip route del default
	drifted "0.0.0.0/0"
	readd
	in_pod p1 ip -6 route del default
	drifted "::/0"
	readd
	in_pod p1 ip neigh del 169.254.1.1 dev eth0
	drifted "169.254.1.1|none"
	in_pod p1 ip neigh replace 169.254.1.1 dev eth0 lladdr 02:00:00:00:00:99
	drifted "169.254.1.1|02:00:00:00:00:99"
	readd
	in_pod p1 ip neigh del fe80::1 dev eth0
	drifted "fe80::1"
	readd
	in_node ip route del "$(ip4)"
	drifted "route to $(ip4)|$host"
	readd
	in_node ip -6 route del "$(ip6)"
	drifted "route to $(ip6)|$host"
	readd
	in_node ip neigh del "$(ip4)" dev "$host"
	drifted "$(ip4)|none"
	readd
	in_node ip neigh del "$(ip6)" dev "$host"
	drifted "$(ip6)|none"
}

@test "CHECK finds forwarding switched off, the record and the lease gone" {
	both_add
	in_node sysctl -qw net.ipv4.ip_forward=0
	drifted "forwarding of IPv4"
	in_node sysctl -qw net.ipv4.ip_forward=1
	in_node sysctl -qw net.ipv6.conf.all.forwarding=0
	drifted "forwarding of IPv6"
	in_node sysctl -qw net.ipv6.conf.all.forwarding=1
	check_passes
	in_node sh -c 'rm /run/fairlead/endpoints/*.json'
	drifted "record"
	in_node rm /var/lib/cni/networks/pods/10.244.1.2
	drifted "10.244.1.2"
}

@test "CHECK finds what is wrong with the VTEP and the peers, and the next ADD mends it" {
	both_add
	in_node ip link set fairlead.1 down
	drifted "fairlead.1|up|down"
	mend
	in_node ip link set fairlead.1 mtu 1400
	drifted "fairlead.1|MTU 1450|1400"
	mend
	in_node ip addr del 10.244.1.0/32 dev fairlead.1
	drifted "10.244.1.0/32|fairlead.1"
	mend
	in_node bridge fdb del "$(vtep_mac n2)" dev fairlead.1 dst 192.0.2.12
	drifted "forwarding entry|192.0.2.12"
	mend
	in_node bridge fdb replace "$(vtep_mac n2)" dev fairlead.1 dst 192.0.2.99
	drifted "forwarding entry|192.0.2.12"
	mend
	in_node ip neigh del 10.244.2.0 dev fairlead.1
	drifted "neighbour 10.244.2.0"
	mend
	in_node ip route del 10.244.2.0/24
	drifted "route 10.244.2.0/24"
	mend
	in_node ip route del blackhole 10.244.1.0/24
	drifted "route 10.244.1.0/24|blackhole"
	mend
	in_node ip link del fairlead.1
	drifted "fairlead.1|exist"
	mend
	in_node ip link del fairlead.1
	in_node ip link add fairlead.1 type vxlan id 2 dstport 4789 local 192.0.2.11
	drifted "fairlead.1|VNI 1 on port 4789|VNI 2 on port 4789"
	mend
	in_node ip link del fairlead.1
	in_node ip link add fairlead.1 type ifb
	drifted "fairlead.1|VXLAN|ifb"
	run -1 cni ADD vxlan c2 eth0 "$(pod_path p2)" <<<"$conf"
	[ "$(jq .code <<<"$output")" = 7 ]
	in_node ip link del fairlead.1
	in_pod p1 ping -c1 -W1 -q 10.244.2.2 && false
	mend
	in_pod p1 ping -c1 -W10 -q 10.244.2.2
}

@test "a peer that the configuration no longer names loses its routes with the next ADD" {
	both_add '.peers += [{name: "n3", ip: "192.0.2.13", cidrs: ["10.244.3.0/24"]}]'
	[[ "$(in_node ip route show 10.244.3.0/24)" == *"dev fairlead.1 proto 171"* ]]
	[[ "$(in_node bridge fdb show dev fairlead.1)" == *"192.0.2.13"* ]]
	cni ADD vxlan c2 eth0 "$(pod_path p2)" <<<"$(jq '.peers |= .[:1]' <<<"$conf")" >/dev/null
	[ -z "$(in_node ip route show 10.244.3.0/24)" ]
	[[ "$(in_node bridge fdb show dev fairlead.1)" != *"192.0.2.13"* ]]
	in_pod p1 ping -c1 -W10 -q 10.244.2.2
}

@test "another network's routes stay, and what it uses is refused" {
	local other='.name = "other" | .vni = 2 | .ipam.ranges = [[{subnet: "10.250.1.0/24"}]] |
		.peers = [{ip: "192.0.2.12", cidrs: ["10.250.2.0/24"]}]'
	both_add
	cni ADD vxlan c1 eth1 "$(pod_path p1)" <<<"$(routed_conf vxlan 1 "$other")" >/dev/null
	in_node ip route add 10.251.0.0/16 via 192.0.2.12 proto 171
	cni ADD vxlan c2 eth0 "$(pod_path p2)" <<<"$conf" >/dev/null
	[[ "$(in_node ip route show 10.250.2.0/24)" == *"dev fairlead.2"* ]]
	[[ "$(in_node ip route show 10.251.0.0/16)" == *"via 192.0.2.12"* ]]
	run -1 cni ADD vxlan c3 eth2 "$(pod_path p2)" <<<"$(routed_conf vxlan 1 "$other | .name = \"third\" |
		.vni = 3")"
	[ "$(jq .code <<<"$output")" = 7 ]
	[[ "$output" == *"block '10.250."*"belongs to network 'other'"* ]]
	run -1 cni ADD vxlan c3 eth2 "$(pod_path p2)" <<<"$(routed_conf vxlan 1 '.name = "third" |
		.ipam.ranges = [[{subnet: "10.249.1.0/24"}]] | .peers[0].cidrs = ["10.249.2.0/24"]')"
	[ "$(jq .code <<<"$output")" = 7 ]
	[[ "$output" == *"device 'fairlead.1' belongs to network 'pods'"* ]]
	cni GC vxlan - - - <<<"$(jq '."cni.dev/valid-attachments" = []' <<<"$conf")"
	[[ "$(in_node ip route show proto 170)" == "10.250.1.2 dev "* ]]
	# One that has no pods any more is a memory: its things go to who asks for them.
	cni DEL vxlan c1 eth1 "$(pod_path p1)" <<<"$(routed_conf vxlan 1 "$other")"
	cni ADD vxlan c3 eth2 "$(pod_path p2)" <<<"$(routed_conf vxlan 1 "$other | .name = \"third\"")" \
		>/dev/null
	cni DEL vxlan c3 eth2 "$(pod_path p2)" <<<"$(routed_conf vxlan 1 "$other | .name = \"third\"")"
	in_node ip route del 10.251.0.0/16
}

@test "a failed first ADD leaves nothing; a failed later one does not cut the others" {
	local before
	node_use n1
	conf=$(routed_conf vxlan 1 '.ipMasq = true')
	in_node sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	cni DEL vxlan c9 eth0 "$(pod_path p1)" <<<"$conf" # makes no folder
	in_node mkdir -p /run/fairlead/networks /run/fairlead/endpoints /var/lib/cni/networks/pods
	in_node touch /run/fairlead/networks/lock
	before=$(node_world p1 | grep -v 'var/lib/cni\|/ipam')
	run -1 cni ADD vxlan c1 lo "$(pod_path p1)" <<<"$conf"
	diff <(echo "$before") <(node_world p1 | grep -v 'var/lib/cni\|/ipam')
	both_add '.ipMasq = true'
	before=$(node_world p1)
	run -1 cni ADD vxlan c2 eth0 "$(pod_path p1)" <<<"$conf"
	diff <(echo "$before") <(node_world p1)
	in_pod p1 ping -c1 -W10 -q 10.244.2.2
}

@test "8 ADDs at once of a network that is not there all work" {
	local i pids=()
	node_use n1
	conf=$(routed_conf vxlan 1 '.ipMasq = true')
	for i in 1 2 3 4 5 6 7 8; do
		cni ADD vxlan "c$i" "eth$i" "$(pod_path p2)" <<<"$conf" >"$BATS_TEST_TMPDIR/$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	for i in 1 2 3 4 5 6 7 8; do
		cni CHECK vxlan "c$i" "eth$i" "$(pod_path p2)" \
			<<<"$(with_prev "$conf" "$(<"$BATS_TEST_TMPDIR/$i")")"
	done
	for i in 1 2 3 4 5 6 7 8; do
		cni DEL vxlan "c$i" "eth$i" "$(pod_path p2)" <<<"$conf"
	done
	[ -z "$(in_node ip route show proto 170)" ]
}

@test "ADDs that fail beside ADDs that work, of a network that is not there, cut nobody" {
	local i pids=()
	node_use n1
	conf=$(routed_conf vxlan 1)
	for i in 1 2 3 4 5 6; do
		# There is no room for a second "lo": those fail when all but the pair is made.
		cni ADD vxlan "c$i" "$( ((i % 2)) && echo "eth$i" || echo lo)" "$(pod_path p2)" \
			<<<"$conf" >"$BATS_TEST_TMPDIR/$i" 3>&- &
		pids+=($!)
	done
	for i in 1 2 3 4 5 6; do
		if ((i % 2)); then wait "${pids[i - 1]}"; else ! wait "${pids[i - 1]}"; fi
	done
	for i in 1 3 5; do
		cni CHECK vxlan "c$i" "eth$i" "$(pod_path p2)" \
			<<<"$(with_prev "$conf" "$(<"$BATS_TEST_TMPDIR/$i")")"
	done
	[ "$(in_node ls /var/lib/cni/networks/pods | grep -c '^10')" = 3 ]
	for i in 1 3 5; do cni DEL vxlan "c$i" "eth$i" - <<<"$conf"; done
}

@test "a network of one family leaves the other one alone" {
	both_add '.ipam.ranges |= .[:1] | .peers[0].cidrs |= .[:1]'
	in_pod p1 ping -c1 -W10 -q 10.244.2.2
	[ -z "$(in_pod p1 ip -6 addr show dev eth0)$(in_node ip -6 addr show dev "$host")" ]
	check_passes
	routed_clean
	both_add '.ipam.ranges |= .[1:] | .peers[0].cidrs |= .[1:] | .enabledad = true'
	[ -z "$(in_pod p1 ip -4 addr show dev eth0)" ]
	[[ "$(in_pod p1 ip -6 addr show dev eth0 to fd00:244:1::/64)" != *nodad* ]]
	[ -z "$(in_node ip -6 addr show dev "$host")" ]
	# Either pod takes no packet before its own detection is over, which begins at a random time.
	for n in n2 n1; do
		node_use "$n"
		for ((i = 0; i < 600; i++)); do
			[ -n "$(in_pod p1 ip -6 addr show tentative)" ] || break
			sleep 0.1
		done
	done
	in_pod p1 ping -c3 -W10 -q fd00:244:2::2
	check_passes
}

@test "with node.json the blocks and the MTU are the agent's, and VTEP and peers are left alone" {
	node_use n1
	as_agent
	conf=$(routed_conf vxlan 1 'del(.peers, .ipam.ranges)')
	prev1=$(cni ADD vxlan c1 eth0 "$(pod_path p1)" <<<"$conf")
	[ "$(jq -c '[.ips[].address]' <<<"$prev1")" = '["10.244.1.2/32","fd00:244:1::2/128"]' ]
	[ "$(jq -r '.interfaces[1].mtu' <<<"$prev1")" = 1440 ]
	[ -z "$(in_node ip route show proto 171)" ]
	run ! in_node ip link show fairlead.1
	drifted "agent.9|exist"
	in_node ip link add agent.9 type vxlan id 9 dstport 4790 local 192.0.2.11
	drifted "agent.9|up"
	in_node ip link set agent.9 up
	check_passes
	cni STATUS vxlan - - - <<<"$conf"
	run -1 cni ADD vxlan c2 eth0 "$(pod_path p2)" <<<"$(routed_conf vxlan 1 '.device = "agent.9"')"
	[ "$(jq .code <<<"$output")" = 7 ]
	[[ "$output" == *"'agent.9' is the agent's"* ]]
	in_node rm /run/fairlead/node.json
	cni DEL vxlan c1 eth0 "$(pod_path p1)" <<<"$conf"
	[ -z "$(in_node ls /var/lib/cni/networks/pods | grep '^10\|^fd')" ]
	in_node ip link del agent.9
}

@test "neither peers nor an agent: ADD says try later, STATUS says unavailable" {
	node_use n1
	conf=$(routed_conf vxlan 1 'del(.peers)')
	run -1 cni ADD vxlan c1 eth0 "$(pod_path p1)" <<<"$conf"
	[ "$(jq .code <<<"$output")" = 11 ]
	[[ "$output" == *"config 'peers' is missing, and no agent has left '/run/fairlead/node.json'"* ]]
	run -1 cni STATUS vxlan - - - <<<"$conf"
	[ "$(jq .code <<<"$output")" = 50 ]
	run -1 cni STATUS vxlan - - - <<<"$(routed_conf vxlan 1 'del(.ipam.ranges)')"
	[ "$(jq .code <<<"$output")" = 50 ]
	[[ "$output" == *"config 'ipam.ranges' is missing"* ]]
	cni STATUS vxlan - - - <<<"$(routed_conf vxlan 1 'del(.ipam.ranges) | .capabilities.ipRanges = true')"
	cni STATUS vxlan - - - <<<"$(routed_conf vxlan 1)"
	run -1 cni STATUS vxlan - - - <<<"$(routed_conf vxlan 1 '.agent = "required"')"
	[ "$(jq .code <<<"$output")" = 50 ]
	run -1 cni ADD vxlan c1 eth0 "$(pod_path p1)" <<<"$(routed_conf vxlan 1 '.agent = "required"')"
	[ "$(jq .code <<<"$output")" = 11 ]
}

@test "STATUS says 50 when a block has no address left" {
	node_use n1
	conf=$(routed_conf vxlan 1 '.ipam.ranges = [[{subnet: "10.244.1.0/30"}]]')
	cni STATUS vxlan - - - <<<"$conf"
	cni ADD vxlan c1 eth0 "$(pod_path p1)" <<<"$conf" >/dev/null
	run -1 cni STATUS vxlan - - - <<<"$conf"
	[ "$(jq .code <<<"$output")" = 50 ]
}

@test "GC ends what is not valid, and routes to nobody's veth, and nothing else" {
	both_add '.ipMasq = true'
	cni ADD vxlan c2 eth0 "$(pod_path p2)" <<<"$conf" >/dev/null
	in_node ip route add 10.244.1.50 dev u0 proto 170
	in_node ip route add 10.244.1.51 dev "$host" proto 170
	in_node ip route add 10.244.1.52 dev u0
	run -1 cni GC vxlan - - - <<<"$conf"
	[ "$(jq .code <<<"$output")" = 7 ]
	before=$(in_node ip route show proto 171)
	cni GC vxlan - - - <<<"$(jq '."cni.dev/valid-attachments" =
		[{containerID: "c1", ifname: "eth0"}]' <<<"$conf")"
	[ "$(in_node ip route show proto 170)" = "10.244.1.2 dev $host scope link " ]
	[ "$(in_node ip route show proto 171)" = "$before" ]
	[ -n "$(in_node ip route show 10.244.1.52)" ]
	run ! in_pod p2 ip link show eth0
	check_passes
	# A valid attachment that has lost its record is left alone; one that is not is found by alias.
	in_node sh -c 'rm /run/fairlead/endpoints/*.json'
	cni GC vxlan - - - <<<"$(jq '."cni.dev/valid-attachments" =
		[{containerID: "c1", ifname: "eth0"}]' <<<"$conf")"
	in_pod p1 ping -c1 -W10 -q 10.244.2.2
	cni GC vxlan - - - <<<"$(jq '."cni.dev/valid-attachments" = []' <<<"$conf")"
	run ! in_node ip link show "$host"
	[ -z "$(in_node ip route show proto 170)" ]
	in_node ip link show fairlead.1
	in_node ip route del 10.244.1.52
}

@test "DEL needs nothing: no namespace, no result, no record, and is silent again and again" {
	both_add
	in_node sh -c 'rm -r /run/fairlead/endpoints'
	run -0 cni DEL vxlan c1 eth0 - <<<"$(jq '.peers = "broken" | .vni = 0' <<<"$conf")"
	[ -z "$output" ]
	run ! in_node ip link show "$host"
	run -0 cni DEL vxlan c1 eth0 "$(pod_path p1)" <<<"$conf"
	[ -z "$output" ]
	run -0 cni DEL vxlan never eth0 - <<<"$conf"
	[ -z "$(in_node ip route show proto 170)" ]
}

@test "a second ADD of one attachment is refused and harms nothing" {
	both_add
	run -1 cni ADD vxlan c1 eth0 "$(pod_path p1)" <<<"$conf"
	[[ "$output" == *"already"* ]]
	check_passes
	in_pod p1 ping -c1 -W10 -q 10.244.2.2
}

@test "peers that the node is not fit for are refused with their path" {
	node_use n1
	refuses '.peers[0].ips = ["192.0.2.11"]' "config 'peers[0]': '192.0.2.11' is this node's address"
	refuses '.local = "192.0.2.77"' "config 'local': '192.0.2.77' is no address of this node"
	refuses '.local = "2001:db8::11" | .peers[0].ips = ["192.0.2.12"]' "'n2': it has no IPv6 address"
	refuses '.peers[0].cidrs = ["10.244.1.0/25"]' "config 'peers[0].cidrs[0]': '10.244.1.0/25' overlaps"
	refuses '.vni = 1000000' "config 'device'"
	in_node ip link add busy type vxlan id 1 dstport 4789 local 192.0.2.11
	refuses . "busy"
	in_node ip link del busy
}

@test "a VTEP made by hand is a peer, on Flannel's port, with its own MAC address" {
	node_use n2
	in_node ip link add flannel.1 type vxlan id 1 dstport 8472 local 192.0.2.12 nolearning
	in_node ip link set flannel.1 address 02:11:22:33:44:55 up
	in_node ip addr add 10.244.2.0/32 dev flannel.1
	node_use n1
	conf=$(routed_conf vxlan 1 '.port = 8472 | .peers[0].mac = "02:11:22:33:44:55" |
		.peers[0].cidrs = ["10.244.2.0/24"]')
	cni ADD vxlan c1 eth0 "$(pod_path p1)" <<<"$conf" >/dev/null
	node_use n2
	in_node ip neigh add 10.244.1.0 lladdr "$(vtep_mac n1)" dev flannel.1
	in_node bridge fdb add "$(vtep_mac n1)" dev flannel.1 dst 192.0.2.11
	in_node ip route add 10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink src 10.244.2.0
	in_node ping -c1 -W10 -q 10.244.1.2
	node_use n1
	in_pod p1 ping -c1 -W10 -q 10.244.2.0
	node_use n2
	in_node ip link del flannel.1
}

# A node of its own: to take so many interfaces down takes the kernel longer than to make them.
@test "1,100 pods live on one node, and the last is reached as the first" {
	node_start crowd
	in_node ip addr add 192.0.2.11/32 dev lo
	in_node ip netns add many
	conf=$(routed_conf vxlan 1 '.mtu = 1450 | .local = "192.0.2.11" | .peers[0].ips |= .[:1] |
		.ipam.ranges = [[{subnet: "10.244.16.0/20"}]] | .peers[0].cidrs = ["10.244.32.0/20"]')
	run -0 in_node bash -c '
		export CNI_COMMAND=ADD CNI_NETNS=/run/netns/many CNI_PATH=$2
		for ((i = 0; i < 1100; i++)); do
			CNI_CONTAINERID=c$i CNI_IFNAME=eth$i "$2/vxlan" <<<"$1" >/run/last || exit
		done' - "$conf" "$PLUGIN_DIR"
	[ "$(in_node ip route show proto 170 | wc -l)" = 1100 ]
	in_node ping -c1 -W10 -q 10.244.16.2
	in_node ping -c1 -W10 -q "$(jq -r '.ips[0].address | sub("/.*"; "")' "$(node_file /run/last)")"
	cni DEL vxlan c1099 eth1099 - <<<"$conf"
	[ "$(in_node ip route show proto 170 | wc -l)" = 1099 ]
	node_stop crowd
}
