#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Mode bgp with FRR as the top-of-rack router, which announces more than it should: what is taken,
# what is refused, and the session's protections. The router is the node "lan". Needs root, bird,
# frr, iproute2.

bats_require_minimum_version 1.5.0
load node
load cluster
load bgp

# $1: more lines about both neighbours.
tor_conf() {
	cat <<-END
		hostname tor
		log file /run/frr/log
		router bgp 64600
		 bgp router-id 192.0.2.1
		 no bgp network import-check
		 no bgp ebgp-requires-policy
	END
	for x in 1 2; do
		cat <<-END
			 neighbor 192.0.2.1$x remote-as 6451$x
			 neighbor 192.0.2.1$x timers connect 1
			 neighbor fd00:2::1$x remote-as 6451$x
			 neighbor fd00:2::1$x timers connect 1
			$(printf '%s\n' "${1-}" | sed "s/NODE/192.0.2.1$x/")
		END
	done
	cat <<-END
		 address-family ipv4 unicast
		  neighbor 192.0.2.11 default-originate
		  network 10.96.0.0/12
		  network 10.97.1.0/24
		  network 203.0.113.0/24
		  network 10.244.1.128/25
		  network 10.244.2.64/26
		  network 127.5.0.0/16
		 exit-address-family
		 address-family ipv6 unicast
		  neighbor fd00:2::11 activate
		  neighbor fd00:2::11 default-originate
		  neighbor fd00:2::12 activate
		  network fd00:96::/108
		  network 2001:db8:77::/48
		  network fd00:244:1:0:8000::/65
		 exit-address-family
	END
}

# node_conf [PEER]: agent.yaml's part; PEER: more of the IPv4 peer.
node_conf() {
	cat <<-END
		bgp:
		  mesh: false
		  communities: ["64512:100", "4200000000:7:8"]
		  peers:
		  - {name: tor, address: 192.0.2.1, as: 64600${1:+, $1}}
		  - {name: tor6, address: "fd00:2::1", as: 64600, allow: ["fd00:96::/64"]}
	END
}

setup_file() {
	cluster_start n1 n2
	for x in 1 2; do
		node_manifest n$x |
			sed "s|^  annotations:|&\n    fairlead.io/as: \"6451$x\"|" >"$BATS_FILE_TMPDIR/n$x"
		for to in n1 n2; do
			manifest_put $to n$x.yaml <"$BATS_FILE_TMPDIR/n$x"
		done
	done
	tor_conf | frr_start lan
	bgp_up n1 n2 -- "$(node_conf 'allow: [10.96.0.0/12]')"
	pod_fake n1
	pod_fake n2
}

teardown_file() {
	cluster_stop
}

# tor_again [LINES]: FRR anew, with these lines about the neighbours.
tor_again() {
	frr_stop lan
	tor_conf "${1-}" | frr_start lan
}

@test "sessions come up with the router by both families" {
	eventually 60 established n1 2
	eventually 60 established n2 2
	[ "$(frr_session lan 192.0.2.11)" = Established ]
	[ "$(frr_session lan fd00:2::12)" = Established ]
}

@test "the router has each node's blocks whole, with their communities" {
	for x in 1 2; do
		eventually 60 frr_has lan 10.244.$x.0/24
		eventually 60 frr_has lan fd00:244:$x::/64
	done
	run -0 frr lan 'show bgp ipv4 unicast 10.244.2.0/24'
	[[ $output == *'Community: 64512:100'* ]]
	[[ $output == *'Large Community: 4200000000:7:8'* ]]
	# One route a block, whatever pods there are.
	run -0 frr lan 'show bgp ipv4 unicast neighbors 192.0.2.12 routes json'
	[ "$(jq -r '.routes | keys[]' <<<"$output")" = 10.244.2.0/24 ]
}

@test "what is allowed and other nodes' blocks are taken, and nothing else" {
	eventually 60 has_learned n1 4 10.244.2.0/24 10.96.0.0/12 10.97.1.0/24
	eventually 60 has_learned n1 6 fd00:244:2::/64 fd00:96::/108
	eventually 60 has_learned n2 4 10.244.1.0/24 10.96.0.0/12 10.97.1.0/24
	# n2 is on the router's link: there is no way round by it.
	[ "$(via n1 10.244.2.0/24)" = 192.0.2.12 ]
	answers n1 10.244.2.9
	answers n1 fd00:244:2::9
	run -0 on n1 in_node ip route show default
	[[ $output != *bird* ]]
	run -0 frr lan 'show bgp ipv4 unicast neighbors 192.0.2.11 advertised-routes json'
	jq -e '.advertisedRoutes | has("203.0.113.0/24") and has("10.244.1.128/25")' <<<"$output"
}

@test "a node's own block is never taken from anybody" {
	frr lan 'configure terminal' 'router bgp 64600' 'address-family ipv4 unicast' \
		'network 10.244.1.0/24'
	# n2 cannot know better, but n1 does. A marker after it shows when n1 has been told.
	eventually 60 is_via n2 10.244.1.0/24 192.0.2.1
	run -0 frr lan 'show bgp ipv4 unicast neighbors 192.0.2.11 advertised-routes json'
	jq -e '.advertisedRoutes["10.244.1.0/24"].path == ""' <<<"$output"
	frr lan 'configure terminal' 'router bgp 64600' 'address-family ipv4 unicast' \
		'network 10.98.0.0/24'
	eventually 60 has_learned n1 4 10.244.2.0/24 10.96.0.0/12 10.97.1.0/24 10.98.0.0/24
	frr lan 'configure terminal' 'router bgp 64600' 'address-family ipv4 unicast' \
		'no network 10.244.1.0/24' 'no network 10.98.0.0/24'
	eventually 60 has_learned n1 4 10.244.2.0/24 10.96.0.0/12 10.97.1.0/24
}

@test "a default route is taken when it is allowed, and brings nothing else" {
	bgp_up n1 -- "$(node_conf 'allow: [0.0.0.0/0]')"
	eventually 60 has_learned n1 4 10.244.2.0/24 default
	[ "$(via n1 default)" = 192.0.2.1 ]
	# The one that the host had stays the first.
	run -0 on n1 in_node ip -o route show default
	[ "$(wc -l <<<"$output")" = 2 ]
	run -0 on n1 in_node ip route get 203.0.113.77
	[[ $output == *'via 192.0.2.1 '* ]]
	bgp_up n1 -- "$(node_conf 'allow: [10.96.0.0/12]')"
	eventually 60 has_learned n1 4 10.244.2.0/24 10.96.0.0/12 10.97.1.0/24
}

@test "no more routes are taken than the import limit, and that is said" {
	bgp_up n1 -- "$(node_conf 'allow: [10.96.0.0/12], importLimit: 2')"
	tor_again
	eventually 60 complains n1 "peer 'tor' announces more than its import limit"
	eventually 60 session_is n1 192.0.2.1 Established
	eventually 60 has_two_routes n1
	bgp_up n1 -- "$(node_conf 'allow: [10.96.0.0/12], importLimit: 3')"
	eventually 60 has_learned n1 4 10.244.2.0/24 10.96.0.0/12 10.97.1.0/24
	run problems n1
	[[ $output != *limit* ]]
}

has_two_routes() {
	[ "$(learned "$1" 4 | wc -w)" = 2 ]
}

@test "a router with another password is not spoken to" {
	tor_again ' neighbor NODE password right'
	bgp_up n1 -- "$(node_conf 'password: wrong')"
	bgp_up n2 -- "$(node_conf 'password: right')"
	eventually 60 session_is n2 192.0.2.1 Established
	eventually 60 session_is n1 fd00:2::1 Established
	[ "$(session n1 192.0.2.1)" != Established ]
	eventually 60 has_learned n1 4
	on n1 in_node sh -c 'umask 077; echo right >/run/password'
	bgp_up n1 -- "$(node_conf 'passwordFile: /run/password')"
	eventually 60 session_is n1 192.0.2.1 Established
}

@test "a router that does not send with TTL 255 is not spoken to when ttlSecurity is on" {
	tor_again ''
	bgp_up n1 n2 -- "$(node_conf 'ttlSecurity: 1, holdTime: 6')"
	eventually 60 session_is n1 fd00:2::1 Established
	eventually 60 frr_has lan fd00:244:1::/64
	# The router's connections come about, but no word on them arrives, not even their end.
	eventually 60 session_is n1 192.0.2.1 OpenSent
	eventually 60 session_is n2 192.0.2.1 OpenSent
	has_learned n1 4
	tor_again ' neighbor NODE ttl-security hops 1'
	# So the hold time has to end what the last router left, and the pause after it to pass.
	eventually 60 session_is n1 192.0.2.1 Established
	eventually 60 session_is n2 192.0.2.1 Established
	eventually 60 has_learned n1 4 10.244.2.0/24
	eventually 60 frr_has lan 10.244.1.0/24
}

@test "BFD finds a cut that no carrier tells of, at both ends" {
	local from
	tor_again ' neighbor NODE bfd'
	bgp_up n1 n2 -- "$(node_conf 'bfd: true')"
	eventually 60 sessions_bfd n1 192.0.2.1 up
	eventually 60 sessions_bfd n2 192.0.2.1 up
	eventually 60 frr_has lan 10.244.2.0/24
	eventually 60 has_learned n1 4 10.244.2.0/24
	cluster_lose n2
	from=$EPOCHREALTIME
	eventually 60 frr_lacks lan 10.244.2.0/24
	eventually 60 has_learned n1 4
	echo "# found after $(bc <<<"$EPOCHREALTIME - $from") s" >&3
	eventually 60 is_lost n2 192.0.2.1
	# The hold time, 180 s, would have found it much later.
	(($(bc <<<"($EPOCHREALTIME - $from) < 60")))
	cluster_find n2
	eventually 60 has_learned n1 4 10.244.2.0/24
}

is_lost() {
	[ "$(session "$1" "$2")" != Established ]
}

sessions_bfd() {
	[ "$(sessions "$1" "select(.address == \"$2\") | .bfd")" = "$3" ]
}

@test "the router keeps a node's blocks while its BIRD is restarted" {
	local pid
	bgp_up n1 n2 -- "$(node_conf)"
	tor_again ''
	eventually 60 frr_has lan 10.244.1.0/24
	eventually 60 frr_has lan fd00:244:1::/64
	eventually 60 established n1 2
	eventually 60 settled n1
	eventually 60 has_learned n2 4 10.244.1.0/24
	pid=$(bird_pid n1)
	routes_watch lan
	kill -KILL "$pid"
	eventually 60 bird_is_another n1 "$pid"
	eventually 60 established n1 2
	eventually 60 has_learned n1 4 10.244.2.0/24
	routes_kept lan
	# FRR says for the first two minutes of its life that it is being restarted itself, so the
	# node does not wait for it: that the kernel keeps the routes is bgp_faults.bats' matter.
}
