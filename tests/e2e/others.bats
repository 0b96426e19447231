#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What other programs put on the interfaces to other nodes stays, is named, and is heard of at once:
# XDP programs where ours is to be, filters and queueing disciplines of the VTEP. The agent looks at
# everything each 30 s only, which is longer than anything is waited for here.
#
# Needs root, for namespaces, eBPF, and python3.

bats_require_minimum_version 1.5.0
load node
load cluster
load policies

DENIED=192.0.2.99
conf="mode: vxlan
policy: {xdp: generic, denySources: [$DENIED/32]}"

setup_file() {
	cluster_start n1 n2
	on lan in_node ip addr add $DENIED/24 dev br1
	cluster_tell n1 n2
	# XDP programs that let everything pass, pinned: "other" and "another".
	on n1 in_node python3 - <<-'END'
		import ctypes, os, struct
		libc = ctypes.CDLL(None, use_errno=True)
		numbers = {"x86_64": 321, "aarch64": 280}

		def bpf(cmd, attr):
		    buf = ctypes.create_string_buffer(attr, 128)
		    r = libc.syscall(numbers[os.uname().machine], cmd, buf, 128)
		    if r < 0:
		        raise OSError(ctypes.get_errno(), "bpf")
		    return r

		# r0 = XDP_PASS; exit
		code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, 2, 0x95, 0, 0, 0))
		gpl = ctypes.create_string_buffer(b"GPL")
		for name in b"other", b"another":
		    fd = bpf(5, struct.pack("<IIQQIIQII16s", 6, 2, ctypes.addressof(code), ctypes.addressof(gpl),
		                            0, 0, 0, 0, 0, name))
		    path = ctypes.create_string_buffer(b"/sys/fs/bpf/" + name)
		    bpf(6, struct.pack("<QII", ctypes.addressof(path), fd, 0))
	END
}

teardown_file() {
	cluster_stop
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED-}" ] || tail -n 5 "$(agent_log n1)" || true
}

# xdp IF: the name of the XDP program that n1's interface has.
xdp() {
	local id
	id=$(on n1 in_node ip -j -d link show "$1" | jq '.[0].xdp.prog.id // empty')
	[ -z "$id" ] || bpftool -j prog show id "$id" | jq -r .name
}

has_xdp() {
	[ "$(xdp "$1")" = "$2" ]
}

# put_xdp IF PROGRAM: somebody does.
put_xdp() {
	on n1 in_node ip -force link set dev "$1" xdpgeneric pinned "/sys/fs/bpf/$2"
}

take_xdp() {
	on n1 in_node ip link set dev "$1" xdpgeneric off
}

# does IF [FLAG]: what our programs on n1's interface do.
does() {
	[ "$(on n1 in_node "$BUILD/bin/fairlead" bpf devices -o json |
		jq -r --arg name "$1" '.[] | select(.interface == $name) | .flags | join(" ")')" = "${2-}" ]
}

# is_denied: n1 does not hear the denied address, counts it, and hears others.
is_denied() {
	local before
	before=$(packets n1 denied_source ingress)
	run ! on lan in_node ping -q -c 1 -W 0.5 -I $DENIED "$(node_ip n1)"
	[ "$(packets n1 denied_source ingress)" -gt "$before" ]
	on lan in_node ping -q -c 1 -W 5 -I 192.0.2.1 "$(node_ip n1)"
}

# named PROGRAM: the agent says whose program is in the way at eth0.
named() {
	agent_get n1 /v1/status | jq -e --arg t "interface 'eth0': config 'policy.xdp': there is another XDP program, '$1'" \
		'.problems[] | select(.text | startswith($t))'
}

no_problems() {
	agent_get n1 /v1/status | jq -e '.problems == []'
}

@test "another program's XDP stays where it is, and tc drops what is denied" {
	put_xdp eth0 other
	agent_up n1 -- "$conf"
	named other
	[ "$(metric n1 fairlead_problems)" = 1 ]
	grep -q "there is another XDP program, 'other'" "$(agent_log n1)"
	has_xdp eth0 other
	does eth0 denies
	is_denied
}

@test "ours comes as soon as it is gone" {
	take_xdp eth0
	eventually 10 has_xdp eth0 fl_xdp
	does eth0
	no_problems
	is_denied
}

@test "where ours is replaced tc drops, until that goes, too" {
	put_xdp eth0 another
	eventually 10 does eth0 denies
	named another
	is_denied
	has_xdp eth0 another
	# Nor does an agent that wants none take it away.
	agent_stop n1
	agent_start n1 "${conf/generic/none}"
	agent_wait_ready n1
	has_xdp eth0 another
	no_problems
	is_denied
	agent_stop n1
	agent_start n1 "$conf"
	agent_wait_ready n1
	named another
	take_xdp eth0
	eventually 10 has_xdp eth0 fl_xdp
	is_denied
}

@test "on the VTEP, where we have none, another program's stays, and is no problem" {
	put_xdp fairlead.1 other
	agent_stop n1
	agent_start n1
	agent_wait_ready n1
	has_xdp fairlead.1 other
	no_problems
	take_xdp fairlead.1
}

@test "the VTEP does its own work as soon as it has somebody's filter or queue, and no longer" {
	eventually 10 does fairlead.1 tunnel
	on n1 in_node tc filter add dev fairlead.1 egress prio 9 protocol all bpf bytecode '1,6 0 0 0,'
	eventually 10 does fairlead.1
	on n1 in_node tc filter del dev fairlead.1 egress prio 9
	eventually 10 does fairlead.1 tunnel
	on n1 in_node tc qdisc add dev fairlead.1 root pfifo
	eventually 10 does fairlead.1
	on n1 in_node tc qdisc del dev fairlead.1 root
	eventually 10 does fairlead.1 tunnel
}

# What the pod sends meets such a program first and ours then.
@test "another program's XDP on a pod's interface stays, and policy is in force as before" {
	local host mode
	pod_attach n1 a "$(agent_net_conf '.args.cni.labels = [{key: "app", value: "client"}]')"
	pod_attach n1 b "$(agent_net_conf '.args.cni.labels = [{key: "app", value: "web"}]')"
	host=$(jq -r '.interfaces[] | select(.name | startswith("veth")) | .name' "$BATS_FILE_TMPDIR/pod.n1.a.result")
	for mode in xdpgeneric xdpdrv; do
		on n1 in_node ip link set dev "$host" $mode pinned /sys/fs/bpf/other
		all_reach n1/a n1/b
		stream_start $mode n1 a n1 b 1000000
		policy_deny | policy
		loses n1 a "$(pod_ip n1 b)"
		loses n1 b "$(pod_ip n1 a 6)"
		policy_web '{port: 5001}' | policy
		stream_stop $mode
		loses n1 a "$(pod_ip n1 b)"
		agent_stop n1
		agent_start n1
		agent_wait_ready n1
		has_xdp "$host" other
		no_problems
		manifest_del n1 policy.yaml
		eventually 10 reaches n1 a "$(pod_ip n1 b)"
		on n1 in_node ip link set dev "$host" $mode off
	done
	pods_detach
}

# reconciles: how often the agent has compared everything.
reconciles() {
	agent_get n1 /metrics | awk '$1 == "fairlead_reconciles_total" { print $2 }'
}

rests() {
	local before
	before=$(reconciles)
	sleep 2
	[ "$(reconciles)" = "$before" ]
}

@test "an agent that nobody disturbs rests: what it looks at is no news to it" {
	eventually 20 rests
}
