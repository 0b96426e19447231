#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The bridge's CHECK: passes right after ADD, changes nothing, and finds each kind of tampering
# with code 102 and a sentence that names the object and the difference; what a later plugin may
# change is let be. Needs root, network namespaces and nft.

bats_require_minimum_version 1.5.0
load node
load world

setup_file() {
	node_start
	in_node sysctl -qw net.ipv6.conf.default.addr_gen_mode=1
	pod_add p1
}

teardown_file() {
	node_stop
}

setup() {
	conf=$(bridge_conf drift '.hairpinMode = true | .portIsolation = true | .macspoofchk = true |
		.ipam.routes = [{dst: "192.0.2.0/24", gw: "10.88.0.7"}, {dst: "2001:db8::/32"}]')
	prev=$(cni ADD bridge c1 eth0 "$(pod_path p1)" <<<"$conf")
	host=$(jq -r '.interfaces[1].name' <<<"$prev")
	mac=$(jq -r '.interfaces[2].mac' <<<"$prev")
}

teardown() {
	in_pod p1 ip link del eth0 2>/dev/null || true
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$conf"
	in_node ip link del br0 2>/dev/null || true
	in_node nft flush ruleset
	in_node find /var/lib/cni/networks -type f ! -name lock -delete
}

check() {
	cni CHECK bridge c1 eth0 "$(pod_path p1)" <<<"$(with_prev "$conf" "$prev")"
}

@test "CHECK passes right after ADD, prints nothing and changes nothing" {
	run -0 check
	[ -z "$output" ]
	local before
	before=$(node_world p1)
	run -0 check
	run -0 check
	diff <(echo "$before") <(node_world p1)
}

@test "the container interface: gone, down, or of another kind" {
	in_pod p1 ip link set eth0 down
	drifted "eth0|up|down"
	in_pod p1 ip link del eth0
	drifted "eth0"
	in_pod p1 ip link add eth0 type ifb
	drifted "eth0|veth"
}

@test "the host interface: down, off the bridge, on another bridge" {
	in_node ip link set "$host" down
	drifted "$host"
	in_node ip link set "$host" up nomaster
	drifted "$host|port|bridge"
	in_node ip link add br9 type bridge
	in_node ip link set "$host" master br9
	drifted "$host|bridge"
	in_node ip link del br9
}

@test "the bridge: down, gone, or replaced by something else" {
	in_node ip link set br0 down
	drifted "br0|down"
	in_node ip link del br0
	drifted "br0"
	in_node ip link add br0 type ifb
	drifted "br0|bridge"
}

@test "the port's switches: hairpin and isolation" {
	in_node bridge link set dev "$host" hairpin off
	drifted "$host|hairpin"
	in_node bridge link set dev "$host" hairpin on isolated off
	drifted "$host|isolation"
}

@test "the pod's addresses, either family, and one with another prefix length" {
	in_pod p1 ip -6 addr del fd00:88::2/64 dev eth0
	drifted "fd00:88::2/64"
	in_pod p1 ip addr add fd00:88::2/64 dev eth0 nodad
	in_pod p1 ip addr del 10.88.0.2/16 dev eth0
	drifted "10.88.0.2/16"
	in_pod p1 ip addr add 10.88.0.2/24 dev eth0
	drifted "10.88.0.2/16"
}

@test "the gateway's address on the bridge" {
	in_node ip addr del 10.88.0.1/16 dev br0
	drifted "10.88.0.1/16|br0"
}

@test "routes: the default of each family, one of IPAM's, and one through another gateway" {
	in_pod p1 ip route del default
	drifted "0.0.0.0/0"
	in_pod p1 ip route add default via 10.88.0.9
	drifted "0.0.0.0/0"
	in_pod p1 ip route replace default via 10.88.0.1
	run -0 check
	in_pod p1 ip route del 192.0.2.0/24
	drifted "192.0.2.0/24"
	in_pod p1 ip route add 192.0.2.0/24 via 10.88.0.7
	in_pod p1 ip -6 route del default
	drifted "::/0"
	in_pod p1 ip -6 route add default via fd00:88::1
	run -0 check
	in_pod p1 ip -6 route del 2001:db8::/32
	drifted "2001:db8::/32"
}

@test "routes: those that came with the addresses, on either side; in another table they are no drift" {
	in_pod p1 ip route del 10.88.0.0/16
	drifted "10.88.0.0/16|eth0|on-link"
	in_pod p1 ip route add 10.88.0.0/16 dev eth0 table 100
	run -0 check
	in_pod p1 ip -6 route del fd00:88::/64
	drifted "fd00:88::/64|eth0|on-link"
	in_pod p1 ip -6 route add fd00:88::/64 dev eth0
	run -0 check
	in_node ip route del 10.88.0.0/16
	drifted "10.88.0.0/16|br0|on-link"
}

@test "masquerade: an address, the rules, the chain, the table" {
	in_node nft delete element inet fairlead-drift pods4 '{ 10.88.0.2 }'
	drifted "10.88.0.2|masq"
	in_node nft add element inet fairlead-drift pods4 '{ 10.88.0.2 }'
	run -0 check
	in_node nft flush chain inet fairlead-drift postrouting
	drifted "fairlead-drift|rule"
	in_node nft delete table inet fairlead-drift
	drifted "fairlead-drift"
}

@test "the pinned MAC address: its element, its rule, its table" {
	in_node nft flush set bridge fairlead-drift macs
	drifted "fairlead-drift|$host"
	in_node nft add element bridge fairlead-drift macs "{ \"$host\" . $mac }"
	run -0 check
	in_node nft flush chain bridge fairlead-drift prerouting
	drifted "fairlead-drift|rule"
	in_node nft delete table bridge fairlead-drift
	drifted "fairlead-drift"
}

@test "the lease: gone, or somebody else's" {
	local lease
	lease=$(node_file /var/lib/cni/networks/drift/10.88.0.2)
	printf 'other\r\neth0' >"$lease"
	drifted "10.88.0.2"
	rm "$lease"
	drifted "10.88.0.2"
}

@test "the record" {
	in_node sh -c 'rm /run/fairlead/endpoints/*.json'
	drifted "record"
}

@test "two pods that exchanged their host interfaces" {
	pod_add p2
	cni ADD bridge c2 eth0 "$(pod_path p2)" <<<"$conf" >/dev/null
	local other
	other=$(in_node ip -j link show master br0 | jq -r --arg h "$host" \
		'.[] | select(.ifname != $h) | .ifname')
	in_node ip link set "$host" name tmp0
	in_node ip link set "$other" name "$host"
	in_node ip link set tmp0 name "$other"
	drifted "$host"
	cni DEL bridge c2 eth0 "$(pod_path p2)" <<<"$conf"
	pod_del p2
	in_node ip link del "$other" 2>/dev/null || true
}

@test "an address that the result has not, of either family; the kernel's own do not count" {
	in_pod p1 ip addr add 10.99.0.2/24 dev eth0
	drifted "10.99.0.2/24|eth0|none"
	in_pod p1 ip addr del 10.99.0.2/24 dev eth0
	in_pod p1 ip addr add fd00:99::2/64 dev eth0 nodad
	drifted "fd00:99::2/64|eth0|none"
	in_pod p1 ip addr del fd00:99::2/64 dev eth0
	in_pod p1 ip addr add fe80::99/64 dev eth0 nodad
	in_pod p1 ip addr add fd00:77::2/64 dev eth0 nodad valid_lft 1000 preferred_lft 1000
	run -0 check
}

@test "a route with another metric, mtu or advmss than the result's" {
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$conf"
	conf=$(jq -c '.ipam.routes = [{dst: "192.0.2.0/24", priority: 50, mtu: 1300, advmss: 1200},
		{dst: "2001:db8::/32", priority: 60}]' <<<"$conf")
	prev=$(cni ADD bridge c1 eth0 "$(pod_path p1)" <<<"$conf")
	run -0 check
	in_pod p1 ip route del 192.0.2.0/24
	in_pod p1 ip route add 192.0.2.0/24 via 10.88.0.1 metric 50 mtu 1400 advmss 1200
	drifted "192.0.2.0/24|expected metric 50, mtu 1300, advmss 1200, found metric 50, mtu 1400"
	in_pod p1 ip route replace 192.0.2.0/24 via 10.88.0.1 metric 50 mtu 1300 advmss 1200
	run -0 check
	in_pod p1 ip -6 route del 2001:db8::/32
	in_pod p1 ip -6 route add 2001:db8::/32 via fd00:88::1
	drifted "2001:db8::/32|expected metric 60, found metric 1024"
	in_pod p1 ip -6 route replace 2001:db8::/32 via fd00:88::1 metric 60
	in_pod p1 ip route del default
	in_pod p1 ip route add default via 10.88.0.1 metric 7
	drifted "0.0.0.0/0|expected metric 0, found metric 7"
}

@test "a route in another table, or with another scope, than the result's" {
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$conf"
	conf=$(jq -c '.ipam.routes = [{dst: "192.0.2.0/24", table: 100},
		{dst: "198.51.100.0/24", scope: 253}, {dst: "2001:db8::/32", table: 100}]' <<<"$conf")
	prev=$(cni ADD bridge c1 eth0 "$(pod_path p1)" <<<"$conf")
	run -0 check
	in_pod p1 ip route del 192.0.2.0/24 table 100
	in_pod p1 ip route add 192.0.2.0/24 via 10.88.0.1
	drifted "192.0.2.0/24|expected metric 0, table 100, found metric 0, table 254"
	in_pod p1 ip route add 192.0.2.0/24 via 10.88.0.1 table 100
	run -0 check
	in_pod p1 ip route replace 198.51.100.0/24 dev eth0 scope host
	drifted "198.51.100.0/24|expected metric 0, scope 253, found metric 0, scope 254"
	in_pod p1 ip route replace 198.51.100.0/24 dev eth0 scope link
	run -0 check
	in_pod p1 ip -6 route del 2001:db8::/32 table 100
	in_pod p1 ip -6 route add 2001:db8::/32 via fd00:88::1
	drifted "2001:db8::/32|expected metric 1024, table 100, found metric 1024, table 254"
}

@test "what a later plugin may do is no drift: MAC, MTU, more addresses and routes, sysctls" {
	# macspoofchk pins the MAC, so this network goes without.
	conf=$(jq -c 'del(.macspoofchk)' <<<"$conf")
	in_pod p1 ip link set eth0 mtu 1300 address 02:00:00:00:00:99
	# Addresses that it adds are in its result.
	in_pod p1 ip addr add 10.99.0.2/24 dev eth0
	prev=$(jq -c '.ips += [{interface: 2, address: "10.99.0.2/24"}]' <<<"$prev")
	in_pod p1 ip route add 198.51.100.0/24 dev eth0
	in_pod p1 sysctl -qw net.ipv4.conf.eth0.arp_filter=1
	in_pod p1 ip link set eth0 promisc on
	run -0 check
}
