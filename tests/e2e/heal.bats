#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What breaks outside the agent's hands, and how soon the pods' traffic is back once the cause is
# gone: less than a second, in IPv4 and in IPv6. Two pods of two machines ping each other all the
# time, a hundred times a second; each line that a test prints is a measurement.
#
# The time is that from the end of the cause to the end of the last interruption. What is told of is
# us, not how busy the machine is: of up to five tries one has to be as soon, and the line says which.
#
# Needs root, for namespaces.

bats_require_minimum_version 1.5.0
load node
load cluster

LIMIT=1.0 # seconds

# The kernel asks for a neighbour's MAC address once a second, and by IPv6 only when it has checked
# for up to two seconds that its own link-local address is nobody else's. Here it asks ten times as
# often and does not check, so that what is measured is the agent.
setup_file() {
	local node
	cluster_start n1 n2
	for node in n1 n2; do
		on $node in_node sysctl -qw net.ipv6.conf.eth0.accept_dad=0 \
			net.ipv6.conf.default.accept_dad=0
		ask_often $node
	done
}

# ask_often NODE: for its eth0; a new one has the kernel's own pace.
ask_often() {
	on "$1" in_node sysctl -qw net.ipv4.neigh.eth0.retrans_time_ms=100 \
		net.ipv6.neigh.eth0.retrans_time_ms=100
}

teardown_file() {
	cluster_stop
}

teardown() {
	cluster_clean
}

# begin MODE TYPE [MORE]: agents in this mode, pods by this plugin, and the pings.
begin() {
	MODE=$1
	cluster_tell n1 n2
	agent_up n1 n2 -- "mode: $1"$'\n'"${3-}"
	pod_attach n1 p "$(agent_net_conf ".type = \"$2\"")"
	pod_attach n2 p "$(agent_net_conf ".type = \"$2\"")"
	ping_on
}

# A pinger of each family. They are started anew for each cause, so that one is measured alone.
ping_on() {
	pinger_start 4 n1 p "$(pod_ip n2 p 4)"
	pinger_start 6 n1 p "$(pod_ip n2 p 6)"
}

ping_off() {
	pinger_stop 4 >/dev/null
	pinger_stop 6 >/dev/null
}

# back_after: how long the interruption went on after $GONE, the worse of both families.
back_after() {
	printf '%s\n' "$(outage 4 "$GONE")" "$(outage 6 "$GONE")" | sort -g | tail -n 1
}

# heals WHAT CAUSE...: the cause is a function that sets GONE, the time at which it is gone again.
heals() {
	local what=$1 t try
	shift
	for try in 1 2 3 4 5; do
		"$@"
		# All that still was in the air has come by then, or never comes.
		sleep 1.6
		t=$(back_after)
		ping_off
		ping_on
		echo "# $MODE: $what: back after $t s$( ((try == 1)) || echo ", try $try")" >&3
		[ "$t" = none ] || ! awk -v t="$t" -v limit=$LIMIT 'BEGIN { exit !(t < limit) }' || return 0
	done
	return 1
}

# --- causes ------------------------------------------------------------------------------------

now_gone() {
	GONE=$EPOCHREALTIME
}

routes_flushed() {
	on n1 in_node ip -4 route flush proto 172
	on n1 in_node ip -6 route flush proto 172
	now_gone
}

route_bent() {
	on n1 in_node ip route replace 10.244.2.0/24 via 192.0.2.1 proto 172
	on n1 in_node ip -6 route replace fd00:244:2::/64 via fd00:2::1 proto 172 metric 1024
	now_gone
}

fdb_deleted() {
	on n1 in_node bridge fdb del "$(vtep n2 .address)" dev fairlead.1 dst "$(node_ip n2)"
	now_gone
}

fdb_bent() {
	on n1 in_node bridge fdb replace "$(vtep n2 .address)" dev fairlead.1 dst 192.0.2.77
	now_gone
}

neighbours_deleted() {
	on n1 in_node sh -c 'for a in $(ip neigh show nud permanent dev fairlead.1 | cut -d" " -f1); do
		ip neigh del $a dev fairlead.1
	done'
	now_gone
}

vtep_deleted() {
	on n1 in_node ip link del fairlead.1
	now_gone
}

vtep_down() {
	on n1 in_node ip link set fairlead.1 down
	now_gone
}

# Somebody takes the VTEP's VNI away: by its name, and gives it back.
vtep_stolen() {
	on n1 in_node ip link set fairlead.1 down
	on n1 in_node ip link set fairlead.1 name stolen
	on n1 in_node ip link set stolen up
	sleep 0.3
	on n1 in_node ip link del stolen
	now_gone
}

link_down_up() {
	on n1 in_node ip link set eth0 down
	sleep 0.3
	cluster_address n1
	now_gone
}

cable_cut() {
	cluster_cut n1
	sleep 0.3
	cluster_mend n1
	now_gone
}

nic_made_anew() {
	on n1 in_node ip link del eth0
	sleep 0.3
	cluster_plug n1
	ask_often n1
	now_gone
}

# The network card is called eth0 again, after however many tries.
named_eth0() {
	on n1 in_node test -e /sys/class/net/eth0 || nic_renamed
}

# To the other one of two names.
nic_renamed() {
	local from=eth0 to=lan0
	on n1 in_node test -e /sys/class/net/eth0 || from=lan0 to=eth0
	on n1 in_node ip link set $from down
	on n1 in_node ip link set $from name $to
	cluster_address n1 $to
	now_gone
}

# To the other one of two addresses. The cluster learns of it when the Node objects say so: from then
# on it counts.
address_changed() {
	local from=192.0.2.11 to=192.0.2.91
	[ -n "$(on n1 in_node ip addr show to $from)" ] || from=192.0.2.91 to=192.0.2.11
	on n1 in_node ip addr del $from/24 dev eth0
	on n1 in_node ip addr add $to/24 dev eth0
	on n1 in_node ip route replace default via 192.0.2.1
	cluster_tell "n1=$to,fd00:2::11"
	now_gone
}

@test "vxlan: what somebody else changed in the kernel is put right within a second" {
	begin vxlan vxlan
	heals "routes flushed" routes_flushed
	heals "routes bent" route_bent
	heals "forwarding entry deleted" fdb_deleted
	heals "forwarding entry bent" fdb_bent
	heals "neighbours deleted" neighbours_deleted
	heals "VTEP deleted" vtep_deleted
	heals "VTEP down" vtep_down
	heals "VTEP renamed, in the way of a new one, and deleted" vtep_stolen
	ping_off
}

@test "vxlan: traffic is back within a second of the underlay's being back" {
	begin vxlan vxlan
	heals "link down and up" link_down_up
	heals "cable cut and mended" cable_cut
	heals "network card deleted and made anew" nic_made_anew
	heals "network card renamed" nic_renamed
	heals "and again" nic_renamed
	named_eth0
	heals "node's address changed" address_changed
	heals "and again" address_changed
	ping_off
}

@test "host-gw: what somebody else changed in the kernel is put right within a second" {
	begin host-gw bgp-route
	heals "routes flushed" routes_flushed
	heals "routes bent" route_bent
	ping_off
}

@test "host-gw: traffic is back within a second of the network's being back" {
	begin host-gw bgp-route
	heals "link down and up" link_down_up
	heals "cable cut and mended" cable_cut
	heals "network card deleted and made anew" nic_made_anew
	heals "network card renamed" nic_renamed
	heals "and again" nic_renamed
	named_eth0
	heals "node's address changed" address_changed
	heals "and again" address_changed
	ping_off
}

# Nothing tells of changes to a rule set, so that the agent's next look finds it.
@test "masquerade that a firewall reload has taken away is back with the agent's next look" {
	begin vxlan vxlan $'resync: 1'
	ping_off
	reaches n1 p "$OUTSIDE4"
	on n1 in_node nft flush ruleset
	eventually 3 reaches n1 p "$OUTSIDE4" -w 1
}

# pod_way_back NODE POD: the host's route to each address leads to the pod again.
pod_way_back() {
	local family host
	host=$(jq -r '.interfaces[] | select(.sandbox | not).name' "$BATS_FILE_TMPDIR/pod.$1.$2.result" | grep ^veth)
	for family in 4 6; do
		on "$1" in_node ip -$family route show proto 170 dev "$host" | grep -qF "$(pod_ip "$1" "$2" $family) " ||
			return 1
	done
}

@test "the way to a pod that went with its interface, or by hand, is back, also when no agent was there" {
	local host family
	begin vxlan vxlan
	ping_off
	host=$(jq -r '.interfaces[] | select(.sandbox | not).name' "$BATS_FILE_TMPDIR/pod.n1.p.result" | grep ^veth)
	on n1 in_node ip link set "$host" down
	on n1 in_node ip link set "$host" up
	eventually 10 pod_way_back n1 p
	eventually 10 reaches n2 p "$(pod_ip n1 p 4)" -w 1
	eventually 10 reaches n2 p "$(pod_ip n1 p 6)" -w 1
	# And so is one that somebody deletes; the agent's next look of its own is half a minute away.
	for family in 4 6; do
		on n1 in_node ip -$family route del "$(pod_ip n1 p $family)" dev "$host"
		eventually 5 pod_way_back n1 p
	done
	agent_stop n1
	on n1 in_node ip link set "$host" down
	on n1 in_node ip link set "$host" up
	run ! pod_way_back n1 p
	# What somebody else has made stays.
	on n1 in_node ip route add "$(pod_ip n1 p 4)/32" dev eth0 proto static
	agent_up n1 -- "mode: vxlan"
	eventually 10 reaches n2 p "$(pod_ip n1 p 6)" -w 1
	[ "$(on n1 in_node ip -4 route show "$(pod_ip n1 p 4)/32" | wc -l)" = 1 ]
	on n1 in_node ip route show "$(pod_ip n1 p 4)/32" | grep -qF "dev eth0 proto static"
	on n1 in_node ip route del "$(pod_ip n1 p 4)/32" dev eth0
	on n1 in_node ip link set "$host" down
	on n1 in_node ip link set "$host" up
	eventually 10 reaches n2 p "$(pod_ip n1 p 4)" -w 1
	pod_check n1 p "$(agent_net_conf '.type = "vxlan"')"
}
