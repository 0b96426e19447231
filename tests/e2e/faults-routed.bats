#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The fault matrix of vxlan and bgp-route, with peers in the configuration and without: kill -9 and
# errors at every system call of ADD and DEL, as faults.bats does it for bridge. The witness is
# a pod of the same network, so the VTEP and the ways to the peers are there before; in the "first"
# modes it is the broken ADD that makes them.
#
# Needs root, for namespaces and ptrace.
# time limit: 1800 s

bats_require_minimum_version 1.5.0
load node
load faults
load routed

# A cable whose other end is here, too: peers are on a link of ours, and nobody needs to answer.
under='ip link add u0 address 02:00:00:00:00:10 type veth peer name u1 address 02:00:00:00:00:11
	ip link set u0 addrgenmode none up && ip link set u1 addrgenmode none up
	ip addr add 192.0.2.11/24 dev u0
	ip addr add 2001:db8::11/64 dev u0 nodad
	for _ in {1..200}; do
		! ip -6 route get 2001:db8::12 >/dev/null 2>&1 || break
		sleep 0.05
	done'

@test "vxlan: kill -9 at every call of ADD and of DEL, then DEL twice, leaves nothing" {
	attach vxlan eth0 "$(routed_conf vxlan 1 '.ipMasq = true')"
	M_SETUP=$under matrix kill-add kill-del
}

@test "vxlan: an error at any call of ADD leaves nothing, or ADD works; DEL is survived or told" {
	attach vxlan eth0 "$(routed_conf vxlan 1 '.ipMasq = true')"
	M_SETUP=$under matrix "error-add EIO" "error-add ENOMEM" "error-del EIO" "error-del ENOMEM"
}

@test "vxlan: a network whose very first ADD is broken anywhere works with the next ADD" {
	attach vxlan eth0 "$(routed_conf vxlan 1 '.ipMasq = true')"
	M_SETUP=$under M_STEP=6 matrix kill-first-add "error-first-add EIO"
}

@test "bgp-route: kill -9 and errors at every call of ADD and of DEL" {
	attach bgp-route eth0 "$(routed_conf bgp-route 1)"
	M_SETUP=$under matrix kill-add kill-del "error-add EIO" "error-del EIO"
}

@test "bgp-route: a network whose very first ADD is broken anywhere works with the next ADD" {
	attach bgp-route eth0 "$(routed_conf bgp-route 1)"
	M_SETUP=$under M_STEP=8 matrix kill-first-add "error-first-add EIO"
}

@test "vxlan with an agent's node.json: kill -9 and errors at every call of ADD and of DEL" {
	attach vxlan eth0 "$(routed_conf vxlan 1 'del(.peers, .ipam.ranges)')"
	M_LABEL="with node.json" M_SETUP='mkdir -p /run/fairlead && cat >/run/fairlead/node.json <<<"{
		\"version\": 1, \"nodeName\": \"n1\", \"mode\": \"host-gw\", \"mtu\": 1500,
		\"podCIDRs\": [\"10.244.1.0/24\", \"fd00:244:1::/64\"]}"' \
		matrix kill-add kill-del "error-add EIO" "error-del EIO"
}
