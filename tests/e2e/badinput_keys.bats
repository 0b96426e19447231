#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad input to bridge and host-local, as far as it is about configuration keys: every key with
# values of the wrong type, out of bounds, or against another key. Each gets code 7 and a sentence
# that names the key's path and what is wrong with it, and nothing in the node has changed. Needs
# root and network namespaces.

bats_require_minimum_version 1.5.0
load node
load world
load bad

# wrong PATH VALUE...: each value, given for the key, is refused with the key's path.
wrong() {
	local path=$1 value
	shift
	for value; do
		refused 7 "$path" add "$(conf ".$path = $value")"
	done
}

@test "the valid configuration of this file is accepted" {
	WORLD=
	run -0 add "$(conf)"
}

@test "bridge: switches that are no booleans" {
	local key
	for key in isGateway isDefaultGateway forceAddress ipMasq hairpinMode promiscMode \
		macspoofchk enabledad disableContainerInterface portIsolation \
		preserveDefaultVlan; do
		wrong $key '"true"' 1 '{}'
	done
}

@test "bridge: mtu of the wrong type or out of bounds" {
	wrong mtu '"1500"' true -1 1.5 67 65536 99999999999999999999 '[]'
}

@test "bridge: the mtu works at both of its bounds" {
	local mtu
	WORLD=
	for mtu in 68 65535; do
		# IPv6 needs 1280.
		run -0 add "$(conf ".mtu = $mtu | .bridge = \"br$mtu\" |
			.ipam.ranges = [[{subnet: \"10.66.0.0/24\"}]] | del(.ipMasq)")"
		cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
		in_node ip link del "br$mtu"
	done
}

@test "bridge: name of the bridge and of the backend" {
	wrong bridge 5 '[]' true
	wrong ipMasqBackend 5 '"ebtables"'
}

@test "bridge: VLANs of the wrong type, out of bounds, or against each other" {
	wrong vlan '"5"' -1 4095 1.5 true
	wrong vlanTrunk 5 '{}' '"100"'
	wrong 'vlanTrunk[0]' 5 '[]' '"x"' '{}' '{"minID": 5}' '{"maxID": 5}' \
		'{"minID": 9, "maxID": 5}'
	wrong 'vlanTrunk[0].id' 0 4095 '"x"' -1
	refused 7 "vlan|vlanTrunk" add "$(conf '.vlan = 5 | .vlanTrunk = [{minID: 1, maxID: 9}]')"
}

@test "bridge: a MAC that is none, by each of its three ways" {
	wrong args.cni.mac 5 '"zz"' '"02:00:00:00:00"' '"01:00:00:00:00:01"'
	wrong runtimeConfig.mac 5 '"zz"' '"02:00:00:00:00:00:01"' '"ff:ff:ff:ff:ff:ff"'
	refused 4 "CNI_ARGS|MAC|01:00:5e:00:00:01" add "$(conf)" CNI_ARGS=MAC=01:00:5e:00:00:01
}

@test "bridge: args, runtimeConfig, dns and ipam of the wrong shape" {
	wrong args 5 '[]'
	wrong args.cni 5 '"x"'
	wrong runtimeConfig 5 '[]'
	wrong dns 5 '[]'
	wrong dns.nameservers 5 '"192.0.2.1"' '[5]'
	wrong dns.search 5 '[5]'
	wrong dns.options '{}' '[{}]'
	wrong dns.domain 5
	wrong ipam 5 '[]' '"host-local"'
	wrong ipam.type 5 '{}'
	wrong agent 5 '"maybe"'
}

@test "bridge: keys that exclude each other" {
	refused 7 "hairpinMode|promiscMode" add "$(conf '.hairpinMode = true | .promiscMode = true')"
	refused 7 "disableContainerInterface|ipam" add "$(conf '.disableContainerInterface = true')"
}

@test "bridge: the kernel's refusal of VLANs names the missing feature, where it is missing" {
	if in_node sh -c 'ip link add vtest type bridge vlan_filtering 1 2>/dev/null'; then
		in_node ip link del vtest
		skip "this kernel has CONFIG_BRIDGE_VLAN_FILTERING"
	fi
	refused 7/100 "VLAN|CONFIG_BRIDGE_VLAN_FILTERING" \
		add "$(conf '.vlan = 100 | .bridge = "brvlan"')"
	refused 7/100 "VLAN|CONFIG_BRIDGE_VLAN_FILTERING" \
		add "$(conf '.vlanTrunk = [{id: 100}] | .bridge = "brvlan"')"
}

@test "host-local: ranges of the wrong shape" {
	wrong ipam.ranges 5 '{}' '"10.0.0.0/8"'
	wrong 'ipam.ranges[0]' 5 '[]' '{}' '"10.0.0.0/8"'
	wrong 'ipam.ranges[0][0]' 5 '[]' '"10.0.0.0/8"'
	refused 7 "ipam.ranges[0][0].subnet" add "$(conf 'del(.ipam.ranges[0][0].subnet)')"
	refused 7 "subnet|ranges" add "$(conf 'del(.ipam.ranges)')"
}

@test "host-local: a subnet that is none, has host bits, or is too small" {
	wrong 'ipam.ranges[0][0].subnet' 5 '""' '"10.0.0.0"' '"10.0.0.0/33"' '"x/8"' '"10.0.0/8"' \
		'"10.88.0.1/16"' '"fd00::1/64"' '"10.88.0.0/31"' '"10.88.0.0/32"' '"fd00::/127"' \
		'"fd00::/128"'
	wrong ipam.subnet '"10.77.0.1/24"' 5 '"x"'
}

@test "host-local: the smallest subnets that work" {
	WORLD=
	run -0 add "$(conf '.ipam.ranges = [[{subnet: "10.66.0.0/30"}], [{subnet: "fd00:66::/126"}]]
		| .bridge = "brsmall"')"
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	in_node ip link del brsmall
}

@test "host-local: start, end and gateway that are none or outside of the subnet" {
	wrong 'ipam.ranges[0][0].rangeStart' 5 '"x"' '"10.89.0.1"' '"10.88.0.0/16"' '"fd00::5"'
	wrong 'ipam.ranges[0][0].rangeEnd' 5 '"x"' '"10.89.0.1"' '"fd00::5"'
	wrong 'ipam.ranges[0][0].gateway' 5 '"x"' '"10.88.0.0/16"'
	refused 7 "rangeEnd|rangeStart" add "$(conf '.ipam.ranges[0][0] += {rangeStart: "10.88.0.9",
		rangeEnd: "10.88.0.5"}')" || \
		refused 7 "10.88.0.9|10.88.0.5" add "$(conf '.ipam.ranges[0][0] +=
			{rangeStart: "10.88.0.9", rangeEnd: "10.88.0.5"}')"
}

@test "host-local: ranges that overlap, within a set and between sets, or mix families" {
	refused 7 "overlap|10.88.128.0/24" add "$(conf '.ipam.ranges[0] += [{subnet: "10.88.128.0/24"}]')"
	refused 7 "overlap|10.88.128.1" add "$(conf '.ipam.ranges += [[{subnet: "10.88.128.0/24"}]]')"
	refused 7 "overlap" add "$(conf '.runtimeConfig.ipRanges = [[{subnet: "10.88.0.0/16"}]]')"
	refused 7 "famil|fd00:99::/64" add "$(conf '.ipam.ranges[0] += [{subnet: "fd00:99::/64"}]')"
	refused 7 "cniVersion|0.2.0" add "$(conf '.cniVersion = "0.2.0" |
		.ipam.ranges += [[{subnet: "10.99.0.0/24"}]]')"
}

@test "host-local: routes of the wrong shape" {
	wrong ipam.routes 5 '{}' '"0.0.0.0/0"'
	wrong 'ipam.routes[0]' 5 '"0.0.0.0/0"' '{}'
	wrong 'ipam.routes[0].dst' 5 '"x"' '"10.0.0.0/33"'
	wrong 'ipam.routes[0].gw' 5 '"x"' '"10.88.0.1/16"'
	wrong 'ipam.routes[0].mtu' '"x"' -1
	wrong 'ipam.routes[0].advmss' '"x"' -1
	wrong 'ipam.routes[0].priority' '"x"' -1
	wrong 'ipam.routes[0].table' '"x"' -1
	wrong 'ipam.routes[0].scope' '"x"' -1 256
}

@test "host-local: dataDir and resolvConf of the wrong type, or not there" {
	wrong ipam.dataDir 5 '[]'
	refused 7 "ipam.type|string" cni ADD host-local c1 eth0 "$(pod_path p1)" <<<"$(conf '.ipam.type = {}')"
	wrong ipam.resolvConf 5 '[]'
	refused 5/7/999 "/none/resolv.conf" add "$(conf '.ipam.resolvConf = "/none/resolv.conf"')"
}

@test "host-local: addresses asked for that are none, in no range, the gateway's, or taken" {
	wrong runtimeConfig.ips 5 '"10.88.0.9"' '{}'
	wrong 'runtimeConfig.ips[0]' 5 '"x"' '"10.88.0.300"'
	wrong runtimeConfig.ipRanges 5 '[5]' '[[{"subnet": "x"}]]'
	wrong args.cni.ips 5 '[5]' '["x"]'
	refused 7/101 "10.99.0.9" add "$(conf '.runtimeConfig.ips = ["10.99.0.9"]')"
	refused 7/101 "10.88.0.1" add "$(conf '.runtimeConfig.ips = ["10.88.0.1"]')"
	refused 7/101 "10.99.0.9" add "$(conf)" 'CNI_ARGS=IgnoreUnknown=1;IP=10.99.0.9'
	pod_add p2
	cni ADD bridge c2 eth0 "$(pod_path p2)" <<<"$(conf '.runtimeConfig.ips = ["10.88.0.9"]')"
	world_now
	refused 101 "10.88.0.9" add "$(conf '.runtimeConfig.ips = ["10.88.0.9"]')"
	world_unchanged
	WORLD=
	cni DEL bridge c2 eth0 "$(pod_path p2)" <<<"$(conf)"
	pod_del p2
}

@test "an agent that is required and away: code 11, and nothing is left" {
	refused 11 "agent" add "$(conf '.agent = "required"')"
}
