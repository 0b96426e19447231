#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Debian's podman with its CNI backend, on our bridge and host-local and the reference portmap,
# firewall and tuning, with the network list that podman itself writes. Needs root, network
# namespaces, overlayfs, podman, runc, containernetworking-plugins and busybox-static.

bats_require_minimum_version 1.5.0
load node
load real

setup_file() {
	need podman podman
	need runc runc
	node_start
	machine_start
	mixed_bin "$(machine_file /opt/cni/bin)"
	local conf=/run/containers.conf
	# Root without CAP_SYS_RESOURCE may not raise limits: give podman limits it can set.
	cat >"$(machine_file $conf)" <<-C
		[containers]
		default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
		[network]
		network_backend = "cni"
		cni_plugin_dirs = ["/opt/cni/bin"]
		network_config_dir = "/etc/cni/net.d"
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	C
	busybox_root "$(machine_file /run/busybox)"
	in_machine tar -C /run/busybox -c . | podman import - busybox:test
	podman network create --ipv6 --subnet 10.77.0.0/24 --subnet fd00:77::/64 blue
	podman network create --subnet 10.78.0.0/24 --opt mtu=1400 red
	# A network keeps its bridge and its table: have them there before anything is compared.
	podman run --rm --network blue --network red -p 8080:80 busybox:test /bin/echo warm
}

teardown_file() {
	podman rm -f -a -t 0 || true
	node_stop
}

teardown() {
	podman rm -f -a -t 0
}

podman() {
	in_machine env CONTAINERS_CONF=/run/containers.conf podman "$@"
}

# start NAME ARGS...: a container that serves /www over HTTP.
start() {
	local name=$1
	shift
	podman run -d --name "$name" --cap-add NET_RAW "$@" \
		busybox:test /bin/httpd -f -p 80 -h /www
}

addr() {
	podman inspect "$1" | jq -r --arg n "$2" --arg k "${3:-IPAddress}" \
		'.[0].NetworkSettings.Networks[$n][$k]'
}

http() {
	podman exec "$1" /bin/sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 10 $2 80"
}

@test "podman writes the list itself and our bridge is what it runs" {
	run -0 in_machine cat /etc/cni/net.d/blue.conflist
	run -0 jq -r '.plugins[0] | .type, .ipam.type' <<<"$output"
	[ "$output" = $'bridge\nhost-local' ]
	run -0 in_machine cmp /opt/cni/bin/bridge "$PLUGIN_DIR/bridge"
}

@test "two containers on one network reach each other by ping and HTTP over both families" {
	start a --network blue
	start b --network blue
	local a4 a6
	a4=$(addr a blue)
	a6=$(addr a blue GlobalIPv6Address)
	[[ $a4 == 10.77.0.* && $a6 == fd00:77::* ]]
	run -0 podman exec b ping -c 1 -W 10 "$a4"
	run -0 podman exec b ping -c 1 -W 10 "$a6"
	run -0 http b "$a4"
	[[ $output == *"hello from the pod"* ]]
	run -0 http b "$a6"
	[[ $output == *"hello from the pod"* ]]
	run -0 http a "$(addr b blue)"
	[[ $output == *"hello from the pod"* ]]
}

@test "podman rm -f leaves no lease, link, rule, record or cached result" {
	local before
	before=$(left_behind in_machine)
	start a --network blue -p 8080:80
	start b --network blue --network red
	[ "$(left_behind in_machine)" != "$before" ]
	podman rm -f -t 0 a b
	diff <(echo "$before") <(left_behind in_machine)
}

@test "a published port goes through the reference portmap to a container on our bridge" {
	start a --network blue -p 8080:80
	run -0 in_machine curl -s -m 10 "http://10.77.0.1:8080/"
	[ "$output" = "hello from the pod" ]
}

@test "an address and a MAC asked for on the command line are the container's" {
	start a --network blue --ip 10.77.0.99 --mac-address 02:00:00:00:00:63
	[ "$(addr a blue)" = 10.77.0.99 ]
	run -0 podman exec a ip -o link show eth0
	[[ $output == *"02:00:00:00:00:63"* ]]
	run -0 in_machine cat /var/lib/cni/networks/blue/10.77.0.99
}

@test "an address that is taken makes podman run fail and leaves nothing" {
	start a --network blue --ip 10.77.0.98
	local before
	before=$(left_behind in_machine)
	run ! start b --network blue --ip 10.77.0.98
	[[ $output == *10.77.0.98* ]]
	podman rm -f -t 0 b
	diff <(echo "$before") <(left_behind in_machine)
}

@test "a container on two networks has both interfaces, and the MTU of the one that sets it" {
	start a --network blue --network red
	run -0 podman exec a ip -o link show
	[[ $output == *"eth0"* && $output == *"eth1"* ]]
	[[ $output == *"mtu 1400"* ]]
	run -0 podman exec a ip -o -4 addr
	[[ $output == *10.77.0.* && $output == *10.78.0.* ]]
}

@test "a network can be disconnected from a running container and connected again" {
	start a --network blue
	podman network connect red a
	run -0 podman exec a ip -o -4 addr
	[[ $output == *10.78.0.* ]]
	podman network disconnect red a
	run -0 podman exec a ip -o -4 addr
	[[ $output != *10.78.0.* && $output == *10.77.0.* ]]
	run -1 --separate-stderr in_machine sh -c 'ls /var/lib/cni/networks/red | grep ^10'
}

@test "stop gives the address back and start takes a new one" {
	start a --network blue
	podman stop -t 0 a
	run -1 in_machine sh -c 'ls /var/lib/cni/networks/blue | grep ^10'
	podman start a
	run -0 in_machine sh -c 'ls /var/lib/cni/networks/blue | grep ^10'
	[ "$output" = "$(addr a blue)" ]
}
