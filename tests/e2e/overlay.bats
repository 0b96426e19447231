#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pods of several machines in one network by nothing but a configuration file on each: the plugins
# "vxlan" and "bgp-route" with "peers", without an agent. Real packets: looked at on the wire,
# exact to the byte of the MTU, and to a VTEP that somebody else set up.
#
# Needs root, for namespaces.

bats_require_minimum_version 1.5.0
load node
load cluster
load real

setup_file() {
	cluster_start n1 n2 n3
}

teardown_file() {
	cluster_stop
}

# Nothing of a test is there in the next one.
teardown() {
	cluster_clean
}

# attach_all [JQ]: a pod "p" on each node of the cluster.
attach_all() {
	local node
	for node in $CLUSTER_NODES; do
		pod_attach "$node" p "$(overlay_conf "$node" "${1:-.}")" || return
	done
}

# passes NODE POD ADDRESS SIZE: an IP packet of this size, which nobody may cut, is answered.
passes() {
	local head=28
	[[ $3 != *:* ]] || head=48
	reaches "$1" "$2" "$3" -M 'do' -s $(($4 - head)) >/dev/null
}

# fits NODE POD ADDRESS MTU: this many bytes pass and not one more.
fits() {
	passes "$1" "$2" "$3" "$4" || return
	local head=28
	[[ $3 != *:* ]] || head=48
	loses "$1" "$2" "$3" -M 'do' -s $(($4 + 1 - head)) >/dev/null
}

@test "vxlan: dual-stack pods of three machines reach each other, by IPv4 and by IPv6" {
	local node
	attach_all
	all_reach n1/p n2/p n3/p
	for node in n1 n2 n3; do
		pod_check $node p
		[ "$(vtep $node '.linkinfo.info_data | "\(.id) \(.port) \(.local) \(.learning)"')" = \
			"1 4789 $(node_ip $node) false" ]
		[ "$(vtep $node .mtu)" = 1450 ]
	done
	[ "$(on n1 in_pod p ip -j link show dev eth0 | jq '.[0].mtu')" = 1450 ]
}

@test "vxlan: a machine itself reaches the pods of the others, and they it" {
	attach_all
	on n1 in_node ping -q -c 1 -w 20 "$(pod_ip n2 p)"
	on n1 in_node ping -q -c 1 -w 20 "$(pod_ip n2 p 6)"
	reaches n2 p "$(node_ip n1)"
	reaches n2 p 10.244.1.0
}

@test "vxlan: on the wire is VXLAN to port 4789 with the right VNI, and inside it the pod's packet" {
	local from to
	attach_all
	all_reach n1/p n2/p
	capture_start wire n2 eth0 2 udp port 4789
	on n1 in_pod p ping -q -c 1 -w 20 "$(pod_ip n2 p)"
	run -0 capture_show wire
	from=$(vtep n1 .address) to=$(vtep n2 .address)
	[[ $output == *"$(node_ip n1)."*" > $(node_ip n2).4789: "*"VXLAN, flags [I] (0x08), vni 1"* ]]
	[[ $output == *"$from > $to, ethertype IPv4"*"$(pod_ip n1 p) > $(pod_ip n2 p): ICMP echo request"* ]]
	[[ $output == *"$to > $from, ethertype IPv4"*"$(pod_ip n2 p) > $(pod_ip n1 p): ICMP echo reply"* ]]
}

@test "vxlan: another VNI, port and device name" {
	attach_all '.vni = 4711 | .port = 5000 | .device = "over0"'
	all_reach n1/p n3/p
	[ "$(vtep n1 '.linkinfo.info_data | "\(.id) \(.port)"' over0)" = "4711 5000" ]
	capture_start wire n3 eth0 1 udp dst port 5000
	reaches n1 p "$(pod_ip n3 p)"
	run -0 capture_show wire
	# The VNI as the packet has it, in the eight bytes behind the UDP header.
	tcpdump -r "$BATS_TEST_TMPDIR/capture.wire" -n 'udp[8:4] = 0x08000000 and udp[12:4] = 0x00126700' |
		grep -q 'UDP'
}

@test "vxlan: an IPv6 underlay carries pods of both families" {
	attach_all '.peers[].ips |= reverse'
	all_reach n1/p n2/p n3/p
	[ "$(vtep n1 '.linkinfo.info_data.local6')" = "$(node_ip n1 6)" ]
	[ "$(vtep n1 .mtu)" = 1430 ]
	capture_start wire n2 eth0 1 ip6 and udp port 4789
	reaches n1 p "$(pod_ip n2 p)"
	run -0 capture_show wire
	[[ $output == *"$(node_ip n1 6)."*" > $(node_ip n2 6).4789: "*"vni 1"*"ICMP echo request"* ]]
	fits n1 p "$(pod_ip n2 p)" 1430
	fits n1 p "$(pod_ip n2 p 6)" 1430
}

# underlay_mtu BYTES: on the cable of every node, at both ends.
underlay_mtu() {
	local node
	for node in $CLUSTER_NODES; do
		on lan in_node ip link set "port-$node" mtu "$1"
		on "$node" in_node ip link set eth0 mtu "$1"
	done
}

@test "vxlan: exactly the MTU passes, for pods of before and after a change of the underlay's" {
	local node
	attach_all
	fits n1 p "$(pod_ip n2 p)" 1450
	fits n1 p "$(pod_ip n2 p 6)" 1450
	underlay_mtu 1400
	for node in n1 n2; do
		pod_attach $node new "$(overlay_conf $node)"
		[ "$(vtep $node .mtu)" = 1350 ]
	done
	fits n1 new "$(pod_ip n2 new)" 1350
	fits n1 new "$(pod_ip n2 new 6)" 1350
	# The old pods' interfaces are too large now, and they are told so.
	fits n1 p "$(pod_ip n2 p)" 1350
	fits n1 p "$(pod_ip n2 p 6)" 1350
	underlay_mtu 1500
}

@test "vxlan: one pod more after the underlay's MTU has grown, and the larger one passes" {
	local node
	on lan in_node ip link set br1 mtu 9000
	underlay_mtu 9000
	for node in n1 n2; do
		pod_attach $node p "$(overlay_conf $node)"
	done
	fits n1 p "$(pod_ip n2 p)" 8950
	underlay_mtu 1500
	on lan in_node ip link set br1 mtu 1500
}

# A machine that has never heard of us: a VTEP, a pod and all entries by hand, as Flannel has them.
# foreign_start PORT VNI: on n3; its VTEP's MAC is $FOREIGN.
foreign_start() {
	FOREIGN=0e:f1:a2:33:44:55
	on n3 in_node sh -eu -s "$1" "$2" "$FOREIGN" <<-'END'
		ip link add flannel.1 address $3 mtu 1450 type vxlan id $2 dstport $1 local 192.0.2.13 nolearning
		ip addr add 10.244.3.0/32 dev flannel.1
		ip link set flannel.1 up
		ip netns add foreign
		ip link add pod0 mtu 1450 type veth peer name eth0 mtu 1450 netns foreign
		ip addr add 10.244.3.1/24 dev pod0
		ip link set pod0 up
		ip -n foreign addr add 10.244.3.2/24 dev eth0
		ip -n foreign link set eth0 up
		ip -n foreign route add default via 10.244.3.1
		echo 1 >/proc/sys/net/ipv4/ip_forward
	END
}

# foreign_knows NODE: the entries for one of our nodes.
foreign_knows() {
	local base
	base=$(node_cidr "$1") base=${base%/*}
	on n3 in_node ip neigh add "$base" lladdr "$(vtep "$1" .address)" dev flannel.1 nud permanent
	on n3 in_node bridge fdb add "$(vtep "$1" .address)" dev flannel.1 dst "$(node_ip "$1")"
	on n3 in_node ip route add "$(node_cidr "$1")" via "$base" dev flannel.1 onlink
}

@test "vxlan: a peer whose VTEP was made by hand, on Flannel's port and with its own MAC address" {
	local conf node
	foreign_start 8472 1
	for node in n1 n2; do
		conf=$(overlay_conf $node '.port = 8472 | (.peers[] | select(.name == "n3")) |=
			(.mac = "'"$FOREIGN"'" | .ips |= .[:1] | .cidrs |= .[:1])')
		pod_attach $node p "$conf"
		foreign_knows $node
		reaches $node p 10.244.3.2
		on n3 in_pod foreign ping -q -c 1 -w 20 "$(pod_ip $node p)"
		pod_check $node p
	done
	reaches n1 p "$(pod_ip n2 p)"
	fits n1 p 10.244.3.2 1450
	on n3 in_node ip netns del foreign
}

# seen_by POD_NODE ADDRESS CLIENT_NODE: the address that a web server in the pod of the first sees
# when the client's pod asks it by ADDRESS.
seen_by() {
	: >"$BATS_TEST_TMPDIR/seen"
	on "$3" in_pod p sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | /bin/busybox nc -w 20 $2 80" >/dev/null
	eventually 5 grep -q url "$BATS_TEST_TMPDIR/seen"
	sed -n 's/^\[\{0,1\}\([0-9a-f.:]*\)\]\{0,1\}:[0-9]*: *url.*/\1/p' "$BATS_TEST_TMPDIR/seen" | sed 's/^::ffff://' | tail -n 1
}

@test "vxlan with ipMasq: the outside is reached in the machine's name, other pods in one's own" {
	attach_all '.ipMasq = true'
	reaches n1 p "$OUTSIDE4"
	reaches n1 p "$OUTSIDE6"
	mkdir -p "$BATS_TEST_TMPDIR/www"
	echo hello >"$BATS_TEST_TMPDIR/www/index.html"
	on n2 serve_start p "$BATS_TEST_TMPDIR/www" "$BATS_TEST_TMPDIR/seen"
	run -0 seen_by n2 "$(pod_ip n2 p)" n1
	[ "$output" = "$(pod_ip n1 p)" ]
	serve_stop
}

@test "vxlan without ipMasq: the outside, which knows nothing of pods, does not answer" {
	attach_all
	reaches n1 p "$(pod_ip n2 p)"
	loses n1 p "$OUTSIDE4"
}

@test "vxlan: what no pod has goes nowhere, not in circles" {
	attach_all
	run on n1 in_pod p ping -q -c 1 -W 1 10.244.2.200
	[ "$status" != 0 ]
	capture_start wire n2 eth0 1 udp port 4789 and src "$(node_ip n2)" and 'udp[46:4] = 0x0af402c8'
	loses n1 p 10.244.2.200
	run capture_show wire 1
	[[ $output != *"10.244.2.200: ICMP echo request"* ]]
}

@test "vxlan: after DEL there is no trace of the pods, and the way to the peers stays for the next" {
	local node
	attach_all '.ipMasq = true'
	all_reach n1/p n2/p
	pods_detach
	for node in n1 n2 n3; do
		[ -z "$(on $node in_node ip -o link show type veth | grep -v eth0)" ]
		[ -z "$(on $node in_node ip route show proto 170)" ]
		[ -z "$(on $node in_node find /run/fairlead/endpoints /var/lib/cni/networks -type f \
			! -name lock ! -name 'last_reserved_ip.*')" ]
	done
	attach_all '.ipMasq = true'
	all_reach n1/p n2/p
}

@test "vxlan: two networks with a VNI each do not hear each other" {
	local node
	attach_all
	for node in n1 n2; do
		pod_attach $node q "$(overlay_conf $node '.name = "other" | .vni = 2 |
			.ipam.ranges = [[{subnet: "10.99.'${node#n}'.0/24"}]] |
			.peers |= map(.cidrs = ["10.99." + (.name[1:]) + ".0/24"])')"
	done
	reaches n1 q "$(pod_ip n2 q)"
	reaches n1 p "$(pod_ip n2 p)"
	capture_start wire n2 eth0 1 udp port 4789
	reaches n1 q "$(pod_ip n2 q)"
	run -0 capture_show wire
	[[ $output == *"vni 2"* ]]
}

@test "bgp-route with peers: plain packets by the machines' own addresses, with the whole MTU" {
	attach_all '.type = "bgp-route"'
	all_reach n1/p n2/p n3/p
	[ -z "$(on n1 in_node ip -o link show type vxlan)" ]
	capture_start wire n2 eth0 1 icmp
	on n1 in_pod p ping -q -c 1 -w 20 "$(pod_ip n2 p)"
	run -0 capture_show wire
	[[ $output == *"$(pod_ip n1 p) > $(pod_ip n2 p): ICMP echo request"* ]]
	[[ $output != *VXLAN* ]]
	fits n1 p "$(pod_ip n2 p)" 1500
	fits n1 p "$(pod_ip n2 p 6)" 1500
	pod_check n1 p
}

@test "bgp-route with ipMasq: the outside is reached, and pods see each other's addresses" {
	attach_all '.type = "bgp-route" | .ipMasq = true'
	reaches n1 p "$OUTSIDE4"
	reaches n1 p "$OUTSIDE6"
	mkdir -p "$BATS_TEST_TMPDIR/www"
	echo hello >"$BATS_TEST_TMPDIR/www/index.html"
	on n2 serve_start p "$BATS_TEST_TMPDIR/www" "$BATS_TEST_TMPDIR/seen"
	run -0 seen_by n2 "$(pod_ip n2 p)" n1
	[ "$output" = "$(pod_ip n1 p)" ]
	serve_stop
}
