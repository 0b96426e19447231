#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Mode bgp under faults: the agent killed, or of another version, BIRD killed, both killed, routes
# flushed by hand, a cut that BFD finds, and another mode at the next start. Pods of bgp-route ping
# each other meanwhile.
# Needs root, bird, iproute2.

bats_require_minimum_version 1.5.0
load node
load cluster
load bgp

setup_file() {
	cluster_start n1 n2 n3
	cluster_tell n1 n2 n3
	bgp_up n1 n2 n3
	for node in n1 n2 n3; do
		pod_attach "$node" p "$(agent_net_conf '.type = "bgp-route"')"
	done
}

teardown_file() {
	cluster_stop
}

mesh_is_whole() {
	local node
	for node in n1 n2 n3; do
		eventually 60 established "$node" 4
	done
	eventually 60 has_learned n1 4 10.244.2.0/24 10.244.3.0/24
	eventually 60 has_learned n2 4 10.244.1.0/24 10.244.3.0/24
	eventually 60 has_learned n3 6 fd00:244:1::/64 fd00:244:2::/64
	for node in n1 n2 n3; do
		eventually 60 settled "$node"
	done
}

since() {
	sessions "$1" '[.address, .since] | join(" ")'
}

@test "pods of bgp-route reach each other by both families" {
	mesh_is_whole
	all_reach n1/p n2/p n3/p
}

@test "an agent that is killed and started again is none of the peers' business" {
	local pid before
	pid=$(bird_pid n1)
	before=$(since n2)
	pinger_start flood n1 p "$(pod_ip n2 p)"
	agent_kill n1
	bgp_up n1
	agent_kill n1
	bgp_up n1
	[ "$(bird_pid n1)" = "$pid" ]
	[ "$(since n2)" = "$before" ]
	established n1 4
	run -0 pinger_stop flood
	echo "# sent, lost: $output" >&3
	[ "${output#* }" = 0 ]
}

@test "a BIRD that is killed is restarted, and no route is lost here or at the peers" {
	local pid
	pid=$(bird_pid n1)
	routes_watch n1 n2 n3
	pinger_start out n1 p "$(pod_ip n2 p)"
	pinger_start in n2 p "$(pod_ip n1 p)"
	pinger_start six n3 p "$(pod_ip n1 p 6)"
	kill -KILL "$pid"
	eventually 60 bird_is_another n1 "$pid"
	mesh_is_whole
	for ping in out in six; do
		run -0 pinger_stop $ping
		echo "# $ping: sent, lost: $output" >&3
		[ "${output#* }" = 0 ]
	done
	routes_kept n1 n2 n3
	agent_get n1 /metrics | grep -E '^fairlead_bgp.*starts.* [12]$'
}

@test "an agent and a BIRD that are killed together lose no route either" {
	routes_watch n1 n2
	pinger_start in n2 p "$(pod_ip n1 p)"
	agent_kill n1
	kill -KILL "$(bird_pid n1)"
	bgp_up n1
	mesh_is_whole
	run -0 pinger_stop in
	echo "# sent, lost: $output" >&3
	[ "${output#* }" = 0 ]
	routes_kept n1 n2
}

# older_bird NODE: its BIRD runs what an agent from before the connect delays would have written.
older_bird() {
	local conf
	conf=$(on "$1" node_file /run/fairlead/bird/bird.conf)
	agent_kill "$1"
	sed -i '/connect delay time/d' "$conf"
	on "$1" in_node birdc -s /run/fairlead/bird/bird.ctl "configure \"/run/fairlead/bird/bird.conf\""
}

# bird_is_told NODE TEXT: its configuration has it.
bird_is_told() {
	grep -qF "$2" "$(on "$1" node_file /run/fairlead/bird/bird.conf)"
}

@test "an agent over the BIRD of an older one leaves the sessions as they are" {
	local pid before
	pid=$(bird_pid n1)
	run -0 older_bird n1
	[[ $output == *Reconfigur* ]]
	eventually 60 established n2 4
	eventually 60 settled n2
	eventually 60 settled n3
	before=$(since n2)
	routes_watch n1 n2 n3
	pinger_start out n1 p "$(pod_ip n2 p)"
	bgp_up n1
	mesh_is_whole
	# What is asked of it next comes into force: what it is told does not begin with the sessions.
	bgp_up n1 -- 'bgp: {communities: ["64512:7"]}'
	eventually 60 bird_is_told n1 'bgp_community.add((64512,7))'
	mesh_is_whole
	run -0 pinger_stop out
	echo "# sent, lost: $output" >&3
	routes_kept n1 n2 n3
	[ "${output#* }" = 0 ]
	[ "$(bird_pid n1)" = "$pid" ]
	[ "$(since n2)" = "$before" ]
	! bird_is_told n1 'connect delay time'
	# A BIRD that is started anew has the new times.
	kill -KILL "$pid"
	eventually 60 bird_is_another n1 "$pid"
	mesh_is_whole
	bird_is_told n1 'connect delay time'
}

@test "routes that are flushed by hand come back" {
	local from
	for family in -4 -6; do
		on n1 in_node ip $family route flush proto bird
	done
	from=$EPOCHREALTIME
	eventually 60 has_learned n1 4 10.244.2.0/24 10.244.3.0/24
	echo "# after $(bc <<<"$EPOCHREALTIME - $from") s" >&3
	eventually 60 has_learned n1 6 fd00:244:2::/64 fd00:244:3::/64
}

@test "a link that goes and comes back brings the routes back" {
	local from
	cluster_cut n1
	eventually 60 carrier_is_gone n1
	cluster_mend n1
	from=$EPOCHREALTIME
	# A network manager gives the addresses again.
	cluster_address n1
	eventually 60 has_learned n1 4 10.244.2.0/24 10.244.3.0/24
	eventually 60 reaches n1 p "$(pod_ip n2 p)"
	echo "# after $(bc <<<"$EPOCHREALTIME - $from") s" >&3
	mesh_is_whole
}

carrier_is_gone() {
	on "$1" in_node ip link show eth0 | grep -q NO-CARRIER
}

@test "BFD in the mesh finds a node that is gone, before the hold time" {
	local from
	bgp_up n1 n2 n3 -- 'bgp: {meshBFD: true, meshGracefulRestart: false}'
	mesh_is_whole
	eventually 60 all_bfd n1 up
	cluster_lose n3
	from=$EPOCHREALTIME
	eventually 60 has_learned n1 4 10.244.2.0/24
	echo "# after $(bc <<<"$EPOCHREALTIME - $from") s" >&3
	cluster_find n3
	mesh_is_whole
	bgp_up n1 n2 n3
	mesh_is_whole
}

all_bfd() {
	! sessions "$1" .bfd | grep -v "^$2$"
}

@test "in another mode the BIRD that was left is ended, with its routes" {
	local pid
	pid=$(bird_pid n1)
	agent_stop n1
	agent_up n1 -- 'mode: host-gw'
	eventually 60 is_gone "$pid"
	eventually 60 has_learned n1 4
	eventually 60 has_learned n1 6
	run -0 on n1 in_node ip route get 10.244.2.9
	[[ $output == *'via 192.0.2.12 '* ]]
	# Nor do the others go on as if it were there.
	eventually 60 has_learned n2 4 10.244.3.0/24
	agent_stop n1
	bgp_up n1
	mesh_is_whole
}

is_gone() {
	! process_lives_ "$1"
}
