#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Mode bgp with route reflectors instead of a mesh: FRR, GoBGP, and a node of ours; GoBGP as a router
# of another AS; and nodes that have IPv6 addresses only. The router is the node "lan". Needs root,
# bird, frr, gobgpd, iproute2.

bats_require_minimum_version 1.5.0
load node
load cluster
load bgp
load policies

CLIENT='bgp:
  mesh: false
  peers:
  - {name: rr, address: 192.0.2.1}
  - {name: rr6, address: "fd00:2::1"}'

setup_file() {
	cluster_start n1 n2 n3
	cluster_tell n1 n2 n3
	for node in n1 n2 n3; do
		on $node in_node sh -c 'umask 022; mkdir -p /etc/fairlead/manifests'
		pod_fake $node
	done
}

teardown_file() {
	cluster_stop
}

# All three have each other's blocks, by the node itself.
blocks_everywhere() {
	eventually 60 has_learned n1 4 10.244.2.0/24 10.244.3.0/24
	eventually 60 has_learned n2 4 10.244.1.0/24 10.244.3.0/24
	eventually 60 has_learned n3 4 10.244.1.0/24 10.244.2.0/24
	eventually 60 has_learned n1 6 fd00:244:2::/64 fd00:244:3::/64
	eventually 60 has_learned n3 6 fd00:244:1::/64 fd00:244:2::/64
	eventually 60 is_via n1 10.244.2.0/24 192.0.2.12
	eventually 60 answers n1 10.244.3.9
	eventually 60 answers n2 fd00:244:1::9
	eventually 60 answers n3 fd00:244:2::9
}

@test "FRR as a route reflector, with BFD" {
	{
		cat <<-END
			hostname rr
			router bgp 64512
			 bgp router-id 192.0.2.1
			 bgp cluster-id 9.9.9.9
		END
		for x in 1 2 3; do
			cat <<-END
				 neighbor 192.0.2.1$x remote-as 64512
				 neighbor 192.0.2.1$x timers connect 1
				 neighbor 192.0.2.1$x bfd
				 neighbor fd00:2::1$x remote-as 64512
				 neighbor fd00:2::1$x timers connect 1
			END
		done
		echo ' address-family ipv4 unicast'
		for x in 1 2 3; do echo "  neighbor 192.0.2.1$x route-reflector-client"; done
		echo ' exit-address-family'
		echo ' address-family ipv6 unicast'
		for x in 1 2 3; do
			echo "  neighbor fd00:2::1$x activate"
			echo "  neighbor fd00:2::1$x route-reflector-client"
		done
		echo ' exit-address-family'
	} | frr_start lan
	bgp_up n1 n2 n3 -- "${CLIENT/192.0.2.1/192.0.2.1, bfd: true}"
	blocks_everywhere
	eventually 60 bfd_up n1 192.0.2.1
	run -0 --separate-stderr frr lan 'show bfd peers json'
	[ "$(jq '[.[] | select(.status == "up")] | length' <<<"$output")" = 3 ]
	frr_stop lan
}

bfd_up() {
	[ "$(sessions "$1" "select(.address == \"$2\") | .bfd")" = up ]
}

@test "GoBGP as a route reflector, with passwords" {
	{
		printf '[global.config]\nas = 64512\nrouter-id = "192.0.2.1"\n'
		for x in 1 2 3; do
			for f in "192.0.2.1$x ipv4" "fd00:2::1$x ipv6"; do
				cat <<-END
					[[neighbors]]
					  [neighbors.config]
					    neighbor-address = "${f% *}"
					    peer-as = 64512
					    auth-password = "secret $x"
					  [neighbors.timers.config]
					    connect-retry = 5
					    idle-hold-time-after-reset = 1
					  [neighbors.route-reflector.config]
					    route-reflector-client = true
					    route-reflector-cluster-id = "9.9.9.9"
					  [[neighbors.afi-safis]]
					    [neighbors.afi-safis.config]
					      afi-safi-name = "${f#* }-unicast"
				END
			done
		done
	} | gobgp_start lan
	for x in 1 2 3; do
		bgp_up n$x -- "$(sed "s/ \(address: [^}]*\)}/ \1, password: secret $x}/" <<<"$CLIENT")"
	done
	blocks_everywhere
	gobgp_stop lan
}

gobgp_stop() {
	local pid
	pid=$(pgrep -x gobgpd --ns "$NODE_PID_lan" --nslist net)
	kill "$pid"
	while process_lives_ "$pid"; do sleep 0.02; done
}

@test "GoBGP as a router of another AS: what is not allowed is not taken" {
	{
		printf '[global.config]\nas = 64600\nrouter-id = "192.0.2.1"\n'
		for x in 1 2; do
			cat <<-END
				[[neighbors]]
				  [neighbors.config]
				    neighbor-address = "192.0.2.1$x"
				    peer-as = 64512
				  [neighbors.timers.config]
				    connect-retry = 5
			END
		done
	} | gobgp_start lan
	for prefix in 0.0.0.0/0 203.0.113.0/24 10.96.0.0/12 10.244.1.0/25; do
		gobgp lan global rib add "$prefix" nexthop 192.0.2.1
	done
	bgp_up n1 -- 'bgp: {peers: [{address: 192.0.2.1, as: 64600, allow: [10.96.0.0/12]}]}'
	bgp_up n2 n3
	eventually 60 has_learned n1 4 10.244.2.0/24 10.244.3.0/24 10.96.0.0/12
	eventually 60 gobgp_has lan 10.244.1.0/24
	run -0 gobgp lan neighbor 192.0.2.11 adj-out
	[[ $output == *203.0.113.0/24* && $output == *0.0.0.0/0* ]]
	gobgp_stop lan
}

gobgp_has() {
	gobgp "$1" global rib "$2" | grep -F "$2"
}

@test "a node of ours as the route reflector" {
	bgp_up n1 -- 'bgp:
  mesh: false
  clusterID: 9.9.9.9
  peers:
  - {name: n2, address: 192.0.2.12, routeReflectorClient: true}
  - {name: n3, address: 192.0.2.13, routeReflectorClient: true}
  - {name: n2-six, address: "fd00:2::12", routeReflectorClient: true}
  - {name: n3-six, address: "fd00:2::13", routeReflectorClient: true}'
	bgp_up n2 n3 -- "$(sed 's/192.0.2.1/192.0.2.11/; s/fd00:2::1/fd00:2::11/' <<<"$CLIENT")"
	blocks_everywhere
	eventually 60 is_via n2 10.244.3.0/24 192.0.2.13
	established n2 2
	# Its own drain takes back everything that it said.
	agent_get n3 /v1/node/drain -X POST
	eventually 60 has_learned n2 4 10.244.1.0/24
	agent_get n3 /v1/node/undrain -X POST
	blocks_everywhere
}

@test "nodes without IPv4 addresses carry the blocks of both families over IPv6" {
	cluster_tell n1=fd00:2::11 n2=fd00:2::12 n3
	bgp_up n1 n2 n3
	eventually 60 has_learned n1 4 10.244.2.0/24 10.244.3.0/24
	eventually 60 has_learned n2 4 10.244.1.0/24 10.244.3.0/24
	eventually 60 has_learned n3 4 10.244.1.0/24 10.244.2.0/24
	run -0 on n1 in_node ip route show 10.244.2.0/24
	[[ $output == *'via inet6 fd00:2::12 dev eth0 proto bird'* ]]
	answers n1 10.244.2.9
	answers n3 10.244.1.9
	answers n1 fd00:244:2::9
	established n1 2
}

# In the cluster of the test above: IPv4 by next hops that have IPv6 addresses.
@test "past the stack such a next hop is used too, and asked for where it is not known" {
	local node before
	for node in n1 n2; do
		pod_attach $node a "$(agent_net_conf '.type = "bgp-route"')"
		on $node in_node nft -f - <<<"$seen"
	done
	before=$(packets n1 redirected egress)
	on n1 in_node ip -6 neigh flush dev eth0
	on n1 in_pod a ping -q -c 1 -W 5 "$(pod_ip n2 a)"
	on n2 in_node ip -6 neigh flush dev eth0
	on n2 in_pod a ping -q -c 1 -W 5 "$(pod_ip n1 a)"
	reaches n1 a "$(pod_ip n2 a)" -s 4000
	for node in n1 n2; do
		[ "$(on $node in_node nft -j list chain inet seen forward |
			jq '[.nftables[].rule?.expr[]?.counter?.packets | values] | add')" = 0 ]
	done
	[ "$(packets n1 redirected egress)" -ge $((before + 3)) ]
	pods_detach
}

# What a stack forwards.
seen='table inet seen {
	chain forward {
		type filter hook forward priority 0; policy accept;
		counter
	}
}'
