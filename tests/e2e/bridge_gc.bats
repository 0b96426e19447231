#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What DEL, GC and CHECK of bridge do when the host is not as it was left: lost records, pinned MAC
# addresses of ports that are gone, forwarding switched off, no netfilter. Needs root, network
# namespaces and nft.

bats_require_minimum_version 1.5.0
load node

PINS="bridge fairlead-gc"
SWEEP='."cni.dev/valid-attachments" = []'

setup_file() {
	node_start
	pod_add p1 p2
}

teardown_file() {
	node_stop
}

teardown() {
	local i
	for i in 1 2; do
		cni DEL bridge c$i eth0 "$(pod_path p$i)" <<<"$(conf)"
	done
	in_node find /var/lib/cni/networks -type f ! -name lock -delete
	in_node nft flush ruleset
}

conf() {
	bridge_conf gc ".macspoofchk = true | ${1:-.}"
}

# add N: the result is kept for CHECK.
add() {
	cni ADD bridge "c$1" eth0 "$(pod_path "p$1")" <<<"$(conf)" >"$BATS_TEST_TMPDIR/result$1"
}

# pinned: the ports of the set, a line each.
pinned() {
	in_node nft -j list set $PINS ports |
		jq -r '.nftables[].set.elem[]? | if type == "object" then .elem.val else . end'
}

# nth_socket N CMD...: the number of the call by which a command opens its N-th socket.
nth_socket() {
	local n=$1
	shift
	in_node "$BUILD/tests/fault" -o "$BATS_TEST_TMPDIR/calls" list -- "$@" >/dev/null 2>&1
	awk -v n="$n" '$1 == "call" && $3 == "socket" && --n == 0 { print $2 }' \
		"$BATS_TEST_TMPDIR/calls"
}

@test "GC unpins ports that no record speaks for, and no others" {
	local port
	add 1
	port=$(pinned)
	in_node nft add element $PINS ports "{ veth0gone comment \"02:00:00:00:00:01\" }"
	in_node nft add element $PINS macs "{ veth0gone . 02:00:00:00:00:01 }"
	cni GC bridge - - - <<<"$(conf '."cni.dev/valid-attachments" =
		[{containerID: "c1", ifname: "eth0"}]')"
	[ "$(pinned)" = "$port" ]
	[[ "$(in_node nft list set $PINS macs)" != *veth0gone* ]]
	cni GC bridge - - - <<<"$(conf "$SWEEP")"
	[ -z "$(pinned)" ]
}

@test "GC leaves the firewall alone when a valid attachment has lost its record" {
	local before
	add 1
	add 2
	before=$(in_node nft list ruleset)
	in_node find /run/fairlead/endpoints -type f -delete
	cni GC bridge - - - <<<"$(conf '."cni.dev/valid-attachments" =
		[{containerID: "c1", ifname: "eth0"}, {containerID: "c2", ifname: "eth0"}]')"
	[ "$(in_node nft list ruleset)" = "$before" ]
	cni GC bridge - - - <<<"$(conf "$SWEEP")"
	[ -z "$(pinned)" ]
}

@test "DEL and GC succeed on a kernel without netfilter, where nothing can be left" {
	local verb n env=(CNI_IFNAME=eth0 CNI_CONTAINERID=c9 CNI_PATH="$PLUGIN_DIR")
	conf "$SWEEP" >"$BATS_TEST_TMPDIR/conf"
	for verb in DEL GC; do
		set -- env "${env[@]}" CNI_COMMAND=$verb sh -c 'exec "$0" <"$1"' \
			"$PLUGIN_DIR/bridge" "$BATS_TEST_TMPDIR/conf"
		n=$(nth_socket 2 "$@")
		[ -n "$n" ]
		run -0 in_node "$BUILD/tests/fault" -o "$BATS_TEST_TMPDIR/said" \
			error "$n" EPROTONOSUPPORT -- "$@"
		[ -z "$output" ]
		grep -q "^injected $n socket" "$BATS_TEST_TMPDIR/said"
		grep -qx "exit 0" "$BATS_TEST_TMPDIR/said"
	done
}

@test "CHECK notices that forwarding was switched off" {
	local what
	add 1
	prev=$(with_prev "$(conf)" "$(<"$BATS_TEST_TMPDIR/result1")")
	cni CHECK bridge c1 eth0 "$(pod_path p1)" <<<"$prev"
	for what in net.ipv4.ip_forward:IPv4 net.ipv6.conf.all.forwarding:IPv6; do
		in_node sysctl -qw "${what%:*}=0"
		run -1 cni CHECK bridge c1 eth0 "$(pod_path p1)" <<<"$prev"
		[[ "$(jq -r .details <<<"$output")" == \
			*"forwarding of ${what#*:}: expected on, found off"* ]]
		in_node sysctl -qw "${what%:*}=1"
	done
	cni CHECK bridge c1 eth0 "$(pod_path p1)" <<<"$prev"
}

# called_otherwise N: somebody has given the host's end of the pod another name.
called_otherwise() {
	local name
	name=$(jq -r '.interfaces[1].name' "$BATS_TEST_TMPDIR/result$1")
	in_node ip link set "$name" down
	in_node ip link set "$name" name "other$1"
	in_node ip link set "other$1" up
}

@test "GC keeps the interface of a valid attachment that somebody has renamed, CHECK says so, DEL finds it" {
	add 1
	called_otherwise 1
	cni GC bridge - - - <<<"$(conf '."cni.dev/valid-attachments" = [{containerID: "c1", ifname: "eth0"}]')"
	in_node ip link show other1
	in_pod p1 ping -c 1 -W 5 10.88.0.1
	run -1 cni CHECK bridge c1 eth0 "$(pod_path p1)" \
		<<<"$(with_prev "$(conf)" "$(<"$BATS_TEST_TMPDIR/result1")")"
	[[ "$(jq -r .details <<<"$output")" == *"expected to exist, found none"* ]]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	run -1 in_node ip link show other1
	[ -z "$(pinned)" ]
	run -1 in_pod p1 ip link show eth0
}

@test "GC takes the renamed interface of an attachment that is valid no more, with a record or without" {
	local with
	for with in record none; do
		add 1
		called_otherwise 1
		[ $with = record ] || in_node rm -r /run/fairlead/endpoints
		cni GC bridge - - - <<<"$(conf "$SWEEP")"
		run -1 in_node ip link show other1
		[ -z "$(pinned)" ]
	done
}
