#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The bridge plugin's keys, one by one, on the kernel: names, gateway, MTU, MAC, addresses, routes,
# dns, and what an attachment leaves alone. What needs frames is in bridge_l2.bats, masquerade in
# masquerade.bats, CHECK in bridge_check.bats. Needs root and network namespaces.

# bats file_tags=kernels
bats_require_minimum_version 1.5.0
load node
load real

setup_file() {
	node_start
	pod_add p1 p2
}

teardown_file() {
	node_stop
}

teardown() {
	local b
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	cni DEL bridge c1 eth1 "$(pod_path p1)" <<<"$(conf)"
	cni DEL bridge c2 eth0 "$(pod_path p2)" <<<"$(conf)"
	for b in $(in_node ip -j link show type bridge | jq -r '.[].ifname'); do
		in_node ip link del "$b"
	done
	rm -rf "$(node_file /var/lib/cni/networks)"
}

# A dual-stack network on br0 with nothing switched on, changed by a jq program.
conf() {
	bridge_conf keys "del(.isGateway, .isDefaultGateway, .ipMasq) | ${1:-.}"
}

# add CONF [VAR=VALUE...]: the result in $output.
add() {
	local conf=$1
	shift
	run -0 cni ADD bridge c1 eth0 "$(pod_path p1)" "$@" <<<"$conf"
}

# says JQ: true of the result in $output.
says() {
	jq -e "$1" >/dev/null <<<"$output" || {
		echo "not so: $1"
		jq . <<<"$output"
		return 1
	}
}

# link WHERE NAME: what ip says of it as JSON; WHERE is node or a pod.
link() {
	local json
	if [ "$1" = node ]; then
		json=$(in_node ip -d -j link show dev "$2")
	else
		json=$(in_pod "$1" ip -d -j link show dev "$2")
	fi
	jq -c '.[0]' <<<"$json"
}

addresses() {
	in_"$1" "${@:2}" ip -j addr show scope global | jq -r '.[].addr_info[] |
		select(.local) | "\(.local)/\(.prefixlen)"' | sort | tr '\n' ' '
}

@test "the result names bridge, host interface and container interface, in this order" {
	add "$(conf)"
	says '[.interfaces[].name] | .[0] == "br0" and (.[1] | startswith("veth")) and .[2] == "eth0"'
	says '[.interfaces[].sandbox] == [null, null, "/run/netns/p1"]'
	says '[.ips[] | .interface] == [2, 2]'
	local i names macs
	names=$(jq -r '.interfaces[].name' <<<"$output")
	macs=$(jq -r '.interfaces[].mac' <<<"$output")
	i=$(
		link node "$(sed -n 1p <<<"$names")" | jq -r .address
		link node "$(sed -n 2p <<<"$names")" | jq -r .address
		link p1 eth0 | jq -r .address
	)
	[ "$i" = "$macs" ]
}

@test "bridge: its name is cni0 when none is given, and it has no address without isGateway" {
	add "$(conf 'del(.bridge)')"
	says '.interfaces[0].name == "cni0"'
	[ -z "$(addresses node)" ]
	[ "$(addresses pod p1)" = "10.88.0.2/16 fd00:88::2/64 " ]
}

@test "isGateway: the bridge has the gateways, the node forwards, and no default route is made" {
	in_node sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	add "$(conf '.isGateway = true')"
	[ "$(addresses node)" = "10.88.0.1/16 fd00:88::1/64 " ]
	run -0 in_node sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding
	[ "$output" = $'1\n1' ]
	run -0 in_pod p1 ip route show default
	[ -z "$output" ]
	run -0 in_pod p1 ping -c 1 -W 10 10.88.0.1
	run -0 in_pod p1 ping -c 1 -W 10 fd00:88::1
}

@test "isDefaultGateway: default routes of both families, in the result and in the pod" {
	add "$(conf '.isDefaultGateway = true')"
	says '[.routes[] | {dst, gw}] == [{dst: "0.0.0.0/0", gw: "10.88.0.1"},
		{dst: "::/0", gw: "fd00:88::1"}]'
	run -0 in_pod p1 ip route show default
	[[ $output == "default via 10.88.0.1 dev eth0"* ]]
	run -0 in_pod p1 ip -6 route show default
	[[ $output == "default via fd00:88::1 dev eth0"* ]]
}

@test "isDefaultGateway: a default route that IPAM gave is not made twice" {
	add "$(conf '.isDefaultGateway = true | .ipam.routes = [{dst: "0.0.0.0/0", gw: "10.88.0.9"}]')"
	says '[.routes[] | select(.dst == "0.0.0.0/0")] | length == 1'
	run -0 in_pod p1 ip route show default
	[[ $output == "default via 10.88.0.9 dev eth0"* && ${#lines[@]} -eq 1 ]]
}

@test "forceAddress: the bridge's other address is replaced; without it ADD is refused" {
	add "$(conf '.isGateway = true')"
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	local other='.isGateway = true | .ipam.ranges = [[{subnet: "10.99.0.0/16"}]]'
	run -1 cni ADD bridge c1 eth0 "$(pod_path p1)" <<<"$(conf "$other")"
	[[ $output == *forceAddress* ]]
	[ "$(addresses node)" = "10.88.0.1/16 fd00:88::1/64 " ]
	add "$(conf "$other | .forceAddress = true")"
	[ "$(addresses node)" = "10.99.0.1/16 fd00:88::1/64 " ]
}

@test "a bridge that somebody else made: the result has its MAC address as it is with the pod" {
	# It has none of its own, so it takes that of its lowest port: none without any.
	in_node ip link add br0 type bridge
	in_node ip link add other type veth peer name gone
	in_node ip link set other master br0
	in_node ip link del other
	[ "$(link node br0 | jq -r .address)" = 00:00:00:00:00:00 ]
	add "$(conf)"
	[ "$(jq -r '.interfaces[0].mac' <<<"$output")" = "$(link node br0 | jq -r .address)" ]
	[ "$(jq -r '.interfaces[1].mac' <<<"$output")" = "$(link node br0 | jq -r .address)" ]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	[ "$(link node br0 | jq -r .address)" = 00:00:00:00:00:00 ]
	# As a gateway it gets one that stays.
	add "$(conf '.isGateway = true')"
	local mac
	mac=$(jq -r '.interfaces[0].mac' <<<"$output")
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	[ "$(link node br0 | jq -r .address)" = "$mac" ]
}

@test "a bridge that somebody else made takes no router advertisements: pods cannot give the host routes" {
	in_node ip link add br0 type bridge
	run -0 in_node sysctl -n net.ipv6.conf.br0.accept_ra
	[ "$output" = 1 ]
	run -1 cni ADD bridge c1 eth0 "$(pod_path p1)" <<<"$(conf '.ipam.routes = [
		{dst: "192.0.2.0/24", gw: "198.51.100.1"}]')"
	run -0 in_node sysctl -n net.ipv6.conf.br0.accept_ra
	[ "$output" = 1 ]
	add "$(conf)"
	run -0 in_node sysctl -n net.ipv6.conf.br0.accept_ra
	[ "$output" = 0 ]
}

@test "mtu: both ends of the pair and a new bridge have it; the result says so from 1.1.0 on" {
	add "$(conf '.mtu = 1400')"
	says '[.interfaces[].mtu] == [1400, 1400, 1400]'
	local host
	host=$(jq -r '.interfaces[1].name' <<<"$output")
	[ "$(link node br0 | jq .mtu)" = 1400 ]
	[ "$(link node "$host" | jq .mtu)" = 1400 ]
	[ "$(link p1 eth0 | jq .mtu)" = 1400 ]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	add "$(conf '.cniVersion = "1.0.0"')"
	says '[.interfaces[] | has("mtu")] | any | not'
}

@test "mac: CNI_ARGS, overruled by args.cni.mac, overruled by runtimeConfig.mac" {
	add "$(conf)" CNI_ARGS=MAC=02:00:00:00:00:01
	says '.interfaces[2].mac == "02:00:00:00:00:01"'
	[ "$(link p1 eth0 | jq -r .address)" = 02:00:00:00:00:01 ]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	add "$(conf '.args.cni.mac = "02:00:00:00:00:02"')" CNI_ARGS=MAC=02:00:00:00:00:01
	[ "$(link p1 eth0 | jq -r .address)" = 02:00:00:00:00:02 ]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	add "$(conf '.args.cni.mac = "02:00:00:00:00:02" | .runtimeConfig.mac = "02:00:00:00:00:03"')" \
		CNI_ARGS=MAC=02:00:00:00:00:01
	[ "$(link p1 eth0 | jq -r .address)" = 02:00:00:00:00:03 ]
}

@test "promiscMode and hairpinMode are set on the bridge and on the port, and only when asked" {
	add "$(conf '.promiscMode = true')"
	[ "$(link node br0 | jq .promiscuity)" -ge 1 ]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	add "$(conf '.hairpinMode = true | .bridge = "br1"')"
	local host
	host=$(jq -r '.interfaces[1].name' <<<"$output")
	[ "$(link node br1 | jq .promiscuity)" = 0 ]
	[ "$(link node "$host" | jq .linkinfo.info_slave_data.hairpin)" = true ]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	add "$(conf '.bridge = "br1"')"
	host=$(jq -r '.interfaces[1].name' <<<"$output")
	[ "$(link node "$host" | jq .linkinfo.info_slave_data.hairpin)" = false ]
	[ "$(link node "$host" | jq .linkinfo.info_slave_data.isolated)" = false ]
}

@test "disableContainerInterface: the container's link stays down" {
	add "$(conf '.disableContainerInterface = true | del(.ipam)')"
	says '(.interfaces | length) == 3 and .ips == null'
	[[ $(link p1 eth0 | jq -c .flags) != *'"UP"'* ]]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	run -1 in_pod p1 ip link show eth0
}

@test "enabledad: an address that another pod has is found out; without it, it is used at once" {
	local static='.cniVersion = "1.0.0" | .ipam = {type: "static", addresses: [{address: "fd00:88::77/64"}]}'
	local CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR
	cni ADD bridge c2 eth0 "$(pod_path p2)" <<<"$(conf "$static")"
	run -0 in_pod p2 ip -6 addr show dev eth0 scope global
	[[ $output != *tentative* ]]
	add "$(conf "$static")"
	run -0 in_pod p1 ip -6 addr show dev eth0 scope global
	[[ $output == *fd00:88::77* && $output != *dadfailed* && $output != *tentative* ]]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf "$static")"
	# Either ADD says so, or the kernel does in its own time.
	run cni ADD bridge c1 eth0 "$(pod_path p1)" <<<"$(conf "$static | .enabledad = true")"
	if [ "$status" -eq 0 ]; then
		sleep 3
		run -0 in_pod p1 ip -6 addr show dev eth0 scope global
		[[ $output == *dadfailed* ]]
	else
		[[ $output == *fd00:88::77* ]]
	fi
}

@test "dns: one member of the configuration's replaces the whole of IPAM's" {
	printf 'nameserver 192.0.2.53\nsearch pods.test\n' >"$BATS_TEST_TMPDIR/resolv.conf"
	local ipam=".ipam.resolvConf = \"$BATS_TEST_TMPDIR/resolv.conf\""
	add "$(conf "$ipam")"
	says '.dns == {nameservers: ["192.0.2.53"], search: ["pods.test"]}'
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	add "$(conf "$ipam | .dns = {domain: \"mine.test\"}")"
	says '.dns == {domain: "mine.test"}'
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	add "$(conf "$ipam | .dns = {}")"
	says '.dns == {nameservers: ["192.0.2.53"], search: ["pods.test"]}'
}

@test "routes: mtu, advmss, priority, table and scope are applied and reported" {
	add "$(conf '.isGateway = true | .ipam.routes = [
		{dst: "192.0.2.0/24", mtu: 1300, advmss: 1200, priority: 50},
		{dst: "198.51.100.0/24", gw: "10.88.0.9", table: 77},
		{dst: "203.0.113.0/24", scope: 253},
		{dst: "2001:db8::/32", mtu: 1350, priority: 60}]')"
	says '.routes[0] | .mtu == 1300 and .advmss == 1200 and .priority == 50'
	says '.routes[1].table == 77 and .routes[2].scope == 253'
	run -0 in_pod p1 ip route show 192.0.2.0/24
	[[ $output == *"via 10.88.0.1"*"metric 50"*"mtu 1300"*"advmss 1200"* ]]
	run -0 in_pod p1 ip route show table 77
	[[ $output == "198.51.100.0/24 via 10.88.0.9"* ]]
	run -0 in_pod p1 ip route show 203.0.113.0/24
	[[ $output == *"scope link"* && $output != *via* ]]
	run -0 in_pod p1 ip -6 route show 2001:db8::/32
	[[ $output == *"via fd00:88::1"*"metric 60"*"mtu 1350"* ]]
}

@test "routes: a version that has no such keys applies them, though its result cannot tell" {
	local version c prev
	for version in 0.4.0 1.0.0; do
		c=$(conf ".cniVersion = \"$version\" | .isGateway = true | .ipam.routes = [
			{dst: \"192.0.2.0/24\", mtu: 1300, advmss: 1200, priority: 50},
			{dst: \"198.51.100.0/24\", table: 77}]")
		add "$c"
		prev=$output
		says '.routes == [{dst: "192.0.2.0/24"}, {dst: "198.51.100.0/24"}]'
		run -0 in_pod p1 ip route show 192.0.2.0/24
		[[ $output == *"via 10.88.0.1"*"metric 50"*"mtu 1300"*"advmss 1200"* ]]
		run -0 in_pod p1 ip route show table 77
		[[ $output == "198.51.100.0/24 via 10.88.0.1"* ]]
		cni CHECK bridge c1 eth0 "$(pod_path p1)" <<<"$(with_prev "$c" "$prev")"
		cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$c"
	done
}

@test "two attachments of one container are apart: a DEL of one leaves the other alone" {
	add "$(conf)"
	run -0 cni ADD bridge c1 eth1 "$(pod_path p1)" <<<"$(conf)"
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	run -1 in_pod p1 ip link show eth0
	run -0 in_pod p1 ip -4 addr show dev eth1
	[[ $output == *10.88.0.3* ]]
	[ -e "$(node_file /var/lib/cni/networks/keys/10.88.0.3)" ]
	[ ! -e "$(node_file /var/lib/cni/networks/keys/10.88.0.2)" ]
}

# Group 1718371404 is what a DEL begins with, as docs/decisions/0020 says.
@test "a DEL takes along the link of a DEL that was killed, and leaves a living pod alone" {
	local each id ifname pod host
	for each in c1:eth0:p1 c1:eth1:p1 c2:eth0:p2; do
		IFS=: read -r id ifname pod <<<"$each"
		run -0 cni ADD bridge "$id" "$ifname" "$(pod_path "$pod")" <<<"$(conf)"
		[ "$id$ifname" != c1eth0 ] || host=$(jq -r '.interfaces[1].name' <<<"$output")
	done
	in_node ip link set "$host" group 1718371404
	run -0 cni DEL bridge c2 eth0 "$(pod_path p2)" <<<"$(conf)"
	run -1 in_pod p2 ip link show eth0
	run -1 in_pod p1 ip link show eth0
	link p1 eth1 >/dev/null
	[ "$(in_node ls /run/fairlead/endpoints | wc -l)" = 2 ]
	run -0 cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	[ "$(in_node ls /run/fairlead/endpoints | wc -l)" = 1 ]
	link p1 eth1 >/dev/null
}

@test "a bridge that somebody else made is used as it is, and stays" {
	in_node ip link add br0 mtu 1450 address 02:00:00:00:88:00 type bridge ageing_time 7000
	in_node ip addr add 10.88.0.1/16 dev br0
	add "$(conf '.isGateway = true | .ipam.ranges |= .[:1]')"
	says '.interfaces[0].mac == "02:00:00:00:88:00"'
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	[ "$(link node br0 | jq -c '[.address, .linkinfo.info_data.ageing_time]')" \
		= '["02:00:00:00:88:00",7000]' ]
	[ "$(addresses node)" = "10.88.0.1/16 " ]
}

@test "a bridge that runs STP takes pods at once, though its ports forward only half a minute later" {
	in_node ip link add br0 type bridge stp_state 1
	add "$(conf)"
	local prev=$output
	run -0 cni CHECK bridge c1 eth0 "$(pod_path p1)" <<<"$(with_prev "$(conf)" "$prev")"
}

@test "the bridge keeps its MAC address when ports come and go" {
	add "$(conf '.isGateway = true | .runtimeConfig.mac = "00:00:00:00:00:05"')"
	local mac
	mac=$(link node br0 | jq -r .address)
	[ "$mac" = "$(jq -r '.interfaces[0].mac' <<<"$output")" ]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	[ "$(link node br0 | jq -r .address)" = "$mac" ]
}

@test "ADD makes at most 60 system calls with masquerade, and 54 without" {
	local c limit p
	pod_add p3
	for limit in 60 54; do
		c=$(conf '.isGateway = true | .ipMasq = '"$([ $limit = 60 ] && echo true || echo false)"' |
			.ipam.ranges = [[{subnet: "10.88.0.0/16"}]]')
		# The first pods find no bridge, no store and no table.
		cni ADD bridge c1 eth0 "$(pod_path p1)" <<<"$c"
		cni ADD bridge c2 eth0 "$(pod_path p2)" <<<"$c"
		env CNI_COMMAND=ADD CNI_CONTAINERID=c3 CNI_IFNAME=eth0 CNI_NETNS="$(pod_path p3)" \
			CNI_PATH="$PLUGIN_DIR" nsenter --target "$NODE_PID" --mount --net -- \
			"$BUILD/tests/fault" -o "$BATS_TEST_TMPDIR/calls" count -- \
			"$PLUGIN_DIR/bridge" <<<"$c"
		cat "$BATS_TEST_TMPDIR/calls"
		[ "$(sed -n 's/^count //p' "$BATS_TEST_TMPDIR/calls")" -le $limit ]
		for p in 1 2 3; do
			cni DEL bridge c$p eth0 "$(pod_path p$p)" <<<"$c"
		done
	done
	pod_del p3
}
