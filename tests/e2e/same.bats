#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The reference bridge with the reference host-local, and ours with ours, given the same
# configuration, make the same: the same result for the runtime (order of interfaces, addresses,
# routes, dns) and the same links, addresses and routes in the kernel. One node for each, a table
# of configurations, every version that both know. Needs root, network namespaces and
# containernetworking-plugins.
#
# Left out of the comparison, since they differ by design or by chance: MACs, the host veth's
# name, what this file's normal() says, and nothing else.

bats_require_minimum_version 1.5.0
load node

setup_file() {
	node_start ref
	pod_add p1
	node_start our
	pod_add p1
}

teardown_file() {
	node_stop ref
	node_stop our
}

# A configuration of bridge "b0" with one IPv4 pool, changed by a jq program.
conf() {
	jq -cn --arg v "$1" '{cniVersion: $v, name: "same", type: "bridge", bridge: "b0",
		ipam: {type: "host-local", ranges: [[{subnet: "10.33.0.0/24"}]]}} | '"$2"
}

# A result with its chance taken out: MACs and the host veth's name. An empty dns is left out by
# newer references and by us, printed by older ones.
normal() {
	jq -S 'if .interfaces then .interfaces |= map(del(.mac))
			| .interfaces[1].name = "HOST" else . end
		| if .dns == {} then del(.dns) else . end'
}

# What the kernel got: the pod's addresses, routes, MTU, state, and the bridge's.
kernel() {
	in_pod p1 sh -c '
		ip -o addr show dev eth0 scope global | sed "s/^[0-9]*: //; s/ tentative//; s/ nodad//"
		ip route; ip -6 route | grep -v "^fe80"
		ip link show dev eth0 | grep -o "mtu [0-9]*\|state [A-Z]*\|PROMISC"'
	in_node sh -c '
		ip -o addr show dev b0 scope global | sed "s/^[0-9]*: //; s/ tentative//; s/ nodad//"
		ip link show dev b0 | grep -o "mtu [0-9]*\|PROMISC"
		bridge -d link show | grep -o "hairpin [a-z]*\|isolated [a-z]*"'
}

# both WHAT CONF: ADD by both, compare, DEL by both.
both() {
	local who dir n=$BATS_TEST_TMPDIR
	for who in ref our; do
		node_use $who
		dir=$PLUGIN_DIR
		[ $who = our ] || dir=$REFERENCE_DIR
		CNI_PATH=$dir cni ADD "$dir/bridge" c1 eth0 "$(pod_path p1)" <<<"$2" >"$n/$who" || {
			echo "$1: $who: $(cat "$n/$who")"
			return 1
		}
		kernel | sed '/^default.*proto ra/d' >"$n/$who.kernel"
		normal <"$n/$who" >"$n/$who.normal"
		CNI_PATH=$dir cni DEL "$dir/bridge" c1 eth0 "$(pod_path p1)" <<<"$2"
		in_node ip link del b0
		rm -rf "$(node_file /var/lib/cni/networks)"
	done
	grep -q "mtu" "$n/ref.kernel"
	diff "$n/ref.normal" "$n/our.normal" || {
		echo "results differ (left: reference): $1: $2"
		return 1
	}
	diff "$n/ref.kernel" "$n/our.kernel" || {
		echo "kernels differ (left: reference): $1: $2"
		return 1
	}
}

v6='.ipam.ranges += [[{subnet: "fd00:33::/64"}]]'
versions='0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0'

@test "one IPv4 pool, every version" {
	local v
	for v in $versions; do
		both plain "$(conf $v .)"
	done
}

@test "gateway and default gateway, dual stack, every version" {
	local v
	for v in $versions; do
		both "default gateway" "$(conf $v ".isDefaultGateway = true | $v6")"
	done
}

@test "routes with and without a gateway, dual stack, every version" {
	local v
	for v in $versions; do
		both routes "$(conf $v ".isGateway = true | $v6 | .ipam.routes =
			[{dst: \"0.0.0.0/0\"}, {dst: \"192.0.2.0/24\", gw: \"10.33.0.9\"},
			{dst: \"2001:db8::/32\"}]")"
	done
}

@test "IPv6 alone" {
	both v6 "$(conf 1.0.0 '.ipam.ranges = [[{subnet: "fd00:33::/64"}]] | .isGateway = true')"
	both v6 "$(conf 0.2.0 '.ipam.ranges = [[{subnet: "fd00:33::/64"}]] | .isGateway = true')"
}

@test "the gateway of the range is not its first address" {
	both gateway "$(conf 1.0.0 '.ipam.ranges[0][0].gateway = "10.33.0.254" |
		.isDefaultGateway = true')"
}

@test "rangeStart and rangeEnd, and a range set of two ranges" {
	both range "$(conf 1.0.0 '.ipam.ranges[0][0] += {rangeStart: "10.33.0.40",
		rangeEnd: "10.33.0.50"} | .ipam.ranges[0] += [{subnet: "10.34.0.0/24"}]')"
}

@test "the old form of host-local: one subnet beside the type" {
	local v
	for v in 0.2.0 0.4.0 1.0.0; do
		both old "$(conf $v '.ipam = {type: "host-local", subnet: "10.33.0.0/24",
			rangeStart: "10.33.0.20", gateway: "10.33.0.3", routes: [{dst: "0.0.0.0/0"}]}
			| .isGateway = true')"
	done
}

# The bridge of Debian 12 loses IPAM's dns (newer ones don't): host-local alone is compared.
@test "a resolv.conf gives the dns of the result" {
	local file=$BATS_FILE_TMPDIR/resolv.conf v conf
	printf '%s\n' '# comment' 'nameserver 192.0.2.53' 'nameserver 2001:db8::53' \
		'domain pods.test' 'search a.test b.test' 'options ndots:5 rotate' >"$file"
	for v in $versions; do
		conf=$(conf $v ".ipam.resolvConf = \"$file\"")
		cni ADD "$REFERENCE_DIR/host-local" c1 eth0 "$(pod_path p1)" <<<"$conf" >"$file.ref"
		cni DEL "$REFERENCE_DIR/host-local" c1 eth0 "$(pod_path p1)" <<<"$conf"
		rm -rf "$(node_file /var/lib/cni/networks)"
		cni ADD host-local c1 eth0 "$(pod_path p1)" <<<"$conf" >"$file.our"
		cni DEL host-local c1 eth0 "$(pod_path p1)" <<<"$conf"
		rm -rf "$(node_file /var/lib/cni/networks)"
		grep -q 192.0.2.53 "$file.ref"
		diff <(jq -S . "$file.ref") <(jq -S . "$file.our")
	done
}

@test "dns of the configuration" {
	both dns "$(conf 1.0.0 '.dns = {nameservers: ["192.0.2.1"], domain: "x.test",
		search: ["x.test"], options: ["ndots:2"]}')"
}

@test "mtu, promiscMode, hairpinMode and ipMasq" {
	both mtu "$(conf 1.0.0 '.mtu = 1400 | .isGateway = true')"
	both promisc "$(conf 1.0.0 '.promiscMode = true')"
	both hairpin "$(conf 1.0.0 '.hairpinMode = true')"
	both masquerade "$(conf 1.0.0 ".ipMasq = true | .isDefaultGateway = true | $v6")"
}

@test "a MAC and an address asked for by capability" {
	both mac "$(conf 1.0.0 '.runtimeConfig = {mac: "02:00:00:00:33:01",
		ips: ["10.33.0.77/24"]}')"
}

@test "no IPAM at all" {
	both layer2 "$(conf 1.0.0 'del(.ipam)')"
	both layer2 "$(conf 0.4.0 'del(.ipam)')"
}
