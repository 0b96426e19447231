#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The real libcni (Debian's golang-github-appc-cni-dev, specification 1.0.0) drives our plugins:
# its reading of our results, its cache, its prevResult and its conversion of versions. Needs
# root, network namespaces, and build/tests/libcni-driver, which `make tests` makes with Go.

bats_require_minimum_version 1.5.0
load node

DRIVER=$BUILD/tests/libcni-driver

setup_file() {
	[ -x "$DRIVER" ] || {
		echo "'$DRIVER' is missing: make tests, with golang-go installed" >&2
		return 1
	}
	node_start
	pod_add p1 p2
	mkdir -p "$(node_file /run/lists)"
	list lib1
}

teardown_file() {
	node_stop
}

teardown() {
	local l
	for l in "$(node_file /run/lists)"/*; do
		driver "$(basename "$l")" del c1 p1 || true
		driver "$(basename "$l")" del c2 p2 || true
	done
	# The next test's first address is the pool's first again.
	rm -rf "$(node_file /var/lib/cni/networks)"
	rm -f "$(node_file /run/lists)"/{bad,chain}
}

# list NAME [JQ]: writes a network list of that name, changed by a jq program.
list() {
	jq -n --arg name "$1" '{cniVersion: "1.0.0", name: $name, plugins: [
		{type: "bridge", bridge: $name, isDefaultGateway: true, ipMasq: true,
			capabilities: {mac: true, ips: true},
			ipam: {type: "host-local", ranges: [
				[{subnet: "10.55.0.0/24"}], [{subnet: "fd00:55::/64"}]],
				routes: [{dst: "192.0.2.0/24", gw: "10.55.0.7"}]}}]}
		| '"${2:-.}" >"$(node_file "/run/lists/$1")"
}

# driver LIST VERB ID POD [CAPS]
driver() {
	local name=$1 verb=$2 id=$3 pod=$4
	shift 4
	in_node env CNI_PATH="${CNI_PATH:-$PLUGIN_DIR:$REFERENCE_DIR}" "$DRIVER" \
		"/run/lists/$name" "$verb" "$id" "$(pod_path "$pod")" eth0 /run/cache "$@"
}

# says JQ: true when the driver's answer fits.
says() {
	jq -e "$1" >/dev/null <<<"$output" || {
		echo "not so: $1"
		jq . <<<"$output"
		return 1
	}
}

@test "libcni finds every version that its specification knows in our VERSION" {
	run -0 driver lib1 validate c1 p1
}

@test "types/100 reads our result: interfaces in order, both families, routes, sandbox" {
	run -0 driver lib1 add c1 p1
	says '.cniVersion == "1.0.0"'
	says '[.interfaces[].name] | .[0] == "lib1" and .[2] == "eth0"'
	says '[.interfaces[] | .sandbox // ""] == ["", "", "/run/netns/p1"]'
	says '[.ips[].address] == ["10.55.0.2/24", "fd00:55::2/64"]'
	says '[.ips[].gateway] == ["10.55.0.1", "fd00:55::1"]'
	says '[.ips[].interface] == [2, 2]'
	says '.routes | any(.dst == "192.0.2.0/24" and .gw == "10.55.0.7")'
	says '.routes | any(.dst == "0.0.0.0/0" and .gw == "10.55.0.1")'
	says '.routes | any(.dst == "::/0" and .gw == "fd00:55::1")'
	local mac
	mac=$(jq -r '.interfaces[2].mac' <<<"$output")
	run -0 in_pod p1 ip -j link show eth0
	[ "$(jq -r '.[0].address' <<<"$output")" = "$mac" ]
}

@test "libcni's CHECK passes with the result of its own cache, and fails by name after tampering" {
	driver lib1 add c1 p1
	run -0 driver lib1 check c1 p1
	[ -z "$output" ]
	in_pod p1 ip addr del 10.55.0.2/24 dev eth0
	run -1 driver lib1 check c1 p1
	says '.code >= 1'
	says '(.msg + .details) | contains("10.55.0.2")'
}

@test "libcni's DEL leaves no link and no lease, twice" {
	driver lib1 add c1 p1
	run -0 driver lib1 del c1 p1
	run -0 driver lib1 del c1 p1
	run -1 in_pod p1 ip link show eth0
	run -1 in_node sh -c 'ls /var/lib/cni/networks/lib1 | grep ^10'
}

@test "two pods that libcni attached reach each other" {
	driver lib1 add c1 p1
	driver lib1 add c2 p2
	run -0 in_pod p2 ping -c 1 -W 10 10.55.0.2
}

@test "capabilities of the runtime reach the plugin: a MAC and an address asked for are had" {
	run -0 driver lib1 add c1 p1 '{"mac": "02:00:00:00:00:77", "ips": ["10.55.0.77"]}'
	says '.interfaces[2].mac == "02:00:00:00:00:77"'
	says '.ips[0].address == "10.55.0.77/24"'
}

@test "types.Error reads our error: code, message and details" {
	list bad '.plugins[0].ipam.ranges[0][0].subnet = "10.55.0.1/24" | .plugins[0].bridge = "lib1"'
	run -1 driver bad add c1 p1
	says '.code == 7'
	says '(.msg + .details) | contains("10.55.0.1/24") and contains("ranges[0][0].subnet")'
}

@test "libcni converts our result of every version that a list can have" {
	local v
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0; do
		list lib1 ".cniVersion = \"$v\" | .plugins[0].ipam.ranges |= .[:1]"
		run -0 driver lib1 add c1 p1
		says '.cniVersion == "1.0.0" and .ips[0].address != null'
		says '[.ips[].gateway] == ["10.55.0.1"]'
		run -0 driver lib1 del c1 p1
	done
	list lib1
}

@test "a chain with the reference tuning and firewall keeps our result whole and passes CHECK" {
	list chain '.plugins[0].bridge = "lib1" | .plugins += [
		{type: "tuning", sysctl: {"net.core.somaxconn": "511"}},
		{type: "firewall", backend: "iptables"}]'
	run -0 driver chain add c1 p1
	says '(.interfaces | length) == 3 and ([.ips[].interface] == [2, 2])'
	run -0 in_pod p1 sysctl -n net.core.somaxconn
	[ "$output" = 511 ]
	run -0 driver chain check c1 p1
	run -0 driver chain del c1 p1
	run -1 in_pod p1 ip link show eth0
	run -1 in_node sh -c 'iptables -S | grep 10.55.0.2'
}
