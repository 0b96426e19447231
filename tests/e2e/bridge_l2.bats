#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The bridge plugin's keys that decide about frames, with real frames: macspoofchk, portIsolation,
# hairpinMode. Needs root, network namespaces and nft.

# bats file_tags=kernels
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

# ips V4 V6: a filter that asks for these addresses.
ips() { echo ".args.cni.ips = [\"10.88.0.$1\", \"fd00:88::$2\"]"; }

# succeeds FILTER1 FILTER2 ADDRESS...: pod 3 comes after pod 2, with its addresses; pod 1 has sent to that
# one and sends one packet to this one, which must come.
succeeds() {
	local goes=$1 comes=$2 address
	shift 2
	add 1 "$(conf "$(ips 100 100)")" >/dev/null
	add 2 "$(conf "$goes")" >/dev/null
	for address; do
		reaches p1 "$address"
	done
	cni DEL bridge c2 eth0 "$(pod_path p2)" <<<"$(conf)"
	add 3 "$(conf "$comes")" >/dev/null
	for address; do
		reaches p1 "$address" 1
	done
	cni DEL bridge c3 eth0 "$(pod_path p3)" <<<"$(conf)"
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
}

@test "who gets the address of a pod that has gone is found there by those who remember that one" {
	local first='.ipam.ranges |= .[:1]' second='.ipam.ranges |= .[1:]'
	local mac='.args.cni.mac = "02:00:00:00:00:0a"'
	local four="$first | .args.cni.ips = [\"10.88.0.9\"]" six="$second | .args.cni.ips = [\"fd00:88::9\"]"

	succeeds "$four" "$four" 10.88.0.9
	succeeds "$six" "$six" fd00:88::9
	succeeds "$four" "$four | $mac" 10.88.0.9
	succeeds "$(ips 9 9)" "$(ips 9 9)" 10.88.0.9 fd00:88::9
	succeeds "$(ips 9 9)" "$four" 10.88.0.9
	succeeds "$(ips 9 9)" "$six" fd00:88::9
	succeeds "$six" "$(ips 9 9)" fd00:88::9
	succeeds "$(ips 9 9)" "$(ips 8 9)" fd00:88::9
	succeeds "$(ips 9 9)" "$(ips 9 8)" 10.88.0.9
	succeeds "$(ips 9 9)" "$(ips 9 9) | $mac" 10.88.0.9 fd00:88::9
	succeeds "$(ips 9 9) | $mac" "$(ips 9 9)" 10.88.0.9 fd00:88::9
}

# As "podman" without root runs plugins: root is somebody else's outside, and the folders are his own.
ROOTLESS='
	mount -t tmpfs tmpfs /run && mkdir /run/netns
	mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/cni
	mount -t sysfs sysfs /sys
	export CNI_IFNAME=eth0
	for i in 1 2; do
		ip netns add p$i
		export CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/p$i
		CNI_COMMAND=ADD "$CNI_PATH/bridge" <<<"$1" >/run/result.$i || {
			cat /run/result.$i
			exit 1
		}
		jq -c --slurpfile prev /run/result.$i ".prevResult = \$prev[0]" <<<"$1" >/run/conf.$i
		CNI_COMMAND=CHECK "$CNI_PATH/bridge" </run/conf.$i
	done
	[[ $(nft list ruleset) == *masquerade* ]]
	for ip in $(jq -r ".ips[].address | split(\"/\")[0]" /run/result.1); do
		ip netns exec p2 ping -q -c 1 -W 10 "$ip" >/run/ping || {
			cat /run/ping
			exit 1
		}
	done
	for i in 1 2; do
		CNI_COMMAND=DEL CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/p$i "$CNI_PATH/bridge" </run/conf.$i
	done
	ls -A /run/fairlead/endpoints /var/lib/cni/networks/frames
	ls /sys/class/net'

@test "who is root of a user namespace only attaches pods with masquerade and a pinned MAC address" {
	run env CNI_PATH="$PLUGIN_DIR" unshare --user --map-root-user --net --mount -- \
		bash -euo pipefail -c "$ROOTLESS" rootless "$(conf '.ipMasq = true | .macspoofchk = true')"
	echo "$output"
	[ "$status" = 0 ]
	[ "$(tr '\n' ' ' <<<"$output")" = "/run/fairlead/endpoints:  /var/lib/cni/networks/frames: last_reserved_ip.0 last_reserved_ip.1 lock br0 lo " ]
}
