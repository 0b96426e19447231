#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pods' packets past the stack: from node to node by the routing table and straight into the pod,
# over the underlay (n1 and n2, on one link) and through the overlay (n3), IPv4 and IPv6. What the
# stack is needed for stays with it: Services, masquerade, host ports, ICMP errors.
#
# Needs root, for namespaces, and eBPF.

bats_require_minimum_version 1.5.0
load node
load cluster
load policies
load real
load flood

setup_file() {
	export CLUSTER_SECOND=n3
	cluster_start n1 n2 n3
	cluster_tell n1 n2 n3
	agent_up n1 n2 n3 -- "$conf"
	pod_attach n1 a "$(agent_net_conf '.args.cni.labels = [{key: "app", value: "a"}]')"
	pod_attach n1 web
	pod_attach n2 b
	pod_attach n3 c
	serve n1 web 80
	serve n2 b 80
	serve n3 c 80
	for node in n1 n2 n3; do
		on "$node" in_node nft -f - <<<"$strict"
	done
}

teardown_file() {
	pods_detach || true
	cluster_stop
}

teardown() {
	if [ -z "${BATS_TEST_COMPLETED-}" ]; then
		tail -n 5 "$(agent_log n1)" || true
	fi
	floods_end
	on n1 in_node nft delete table inet service 2>/dev/null || true
	manifest_del n1 policy.yaml 2>/dev/null || true
}

conf='mode: direct
resync: 1
policy: {enforce: true, serviceCIDRs: [10.96.0.0/16, "fd00:96::/112"]}'

# What a cluster's rules do to connections of which they see one way only; and a count of what goes
# through the stack between pods.
strict='table inet strict {
	chain forward {
		type filter hook forward priority 0; policy accept;
		ip saddr 10.244.0.0/16 ip daddr 10.244.0.0/16 counter comment "pods"
		ip6 saddr fd00:244::/32 ip6 daddr fd00:244::/32 counter comment "pods"
		ct state invalid counter drop comment "invalid"
	}
}'

# by_stack NODE WHAT: packets that this node's stack has forwarded so far.
by_stack() {
	on "$1" in_node nft -j list chain inet strict forward |
		jq --arg what "$2" '[.nftables[].rule? | select(.comment == $what) | .expr[].counter?.packets
			| select(.)] | add'
}

# serve NODE POD PORT: takes connections of both families, and says who it is.
serve() {
	local pid=NODE_PID_$1
	nsenter --target "${!pid}" --mount --net="/proc/${!pid}/root/run/netns/$2" -- python3 -c '
import socket, sys
s = socket.create_server(("", int(sys.argv[2])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c, _ = s.accept()
    c.sendall(sys.argv[1].encode())
    c.close()' "$2" "$3" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	disown $!
	eventually 5 connects "$1" "$2" 127.0.0.1 "$3"
}

# connects NODE POD ADDRESS PORT: a TCP connection comes about; prints who answers.
connects() {
	on "$1" in_pod "$2" timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat <&3' "$3" "$4" 2>/dev/null
}


# to_service ADDRESS PORT BACKEND: what kube-proxy would make of a Service, on n1.
to_service() {
	local f=ip
	[[ $1 != *:* ]] || f=ip6
	on n1 in_node nft -f - <<-END
		table inet service {
			chain pre {
				type nat hook prerouting priority dstnat
				$f daddr $1 tcp dport $2 dnat $f to $3
			}
		}
	END
}

# by_vtep NODE: packets that its VTEP has sent so far.
by_vtep() {
	on "$1" in_node ip -j -s link show dev fairlead.1 | jq '.[0].stats64.tx.packets'
}

# wraps N: whether n1's VTEP sends N packets while its pod asks n3's by IPv4 and IPv6, once each.
wraps() {
	local before
	before=$(by_vtep n1) && reaches n1 a "$(pod_ip n3 c)" && reaches n1 a "$(pod_ip n3 c 6)" &&
		[ $(($(by_vtep n1) - before)) = "$1" ]
}

# wrapped NAME: what n3 gets of n1 when pod asks pod: ECN bits set, and what always differs left out.
wrapped() {
	capture_start "$1" n3 eth0 2 "udp port 4789 and src host $(node_ip n1)"
	on n1 in_pod a ping -q -c 1 -W 5 -e 77 -Q 3 "$(pod_ip n3 c)" >&2
	on n1 in_pod a ping -q -c 1 -W 5 -e 77 -Q 0xb9 "$(pod_ip n3 c 6)" >&2
	capture_show "$1" | sed -E 's/^[0-9:.]+ //; s/ id [0-9]+, offset/ offset/; s/flowlabel [^,]+, //
		s/\[([a-z ]*sum|no cksum)[^]]*\] ?//'
}

# has_filter NODE IF SIDE NAME: whether this program stands there.
has_filter() {
	on "$1" in_node tc filter show dev "$2" "$3" | grep -q "pref 7 .*handle 0xfa $4 "
}

# problem TEXT: n1's agent says of a problem that has this in it.
problem() {
	agent_get n1 /v1/status | jq -e --arg t "$1" '.problems[] | select(.text | contains($t))'
}

# bats test_tags=kernels
@test "pods of other nodes are reached past the stack, over the underlay and the overlay" {
	local node out in to
	all_reach n1/a n2/b n3/c n1/web
	for node in n1 n2 n3; do
		[ "$(by_stack $node pods)" = 0 ]
		out=$(packets $node redirected egress) in=$(packets $node redirected ingress)
		[ "$out" -ge 8 ] && [ "$in" -ge 8 ]
		[ "$(packets $node forwarded ingress)" = 0 ]
	done
	# TCP, in both directions, between nodes that hear of each other for the first time.
	[ "$(connects n2 b "$(pod_ip n3 c)" 80)" = c ]
	[ "$(connects n3 c "$(pod_ip n2 b 6)" 80)" = b ]
	[ "$(connects n1 a "$(pod_ip n3 c 6)" 80)" = c ]
	[ "$(connects n3 c "$(pod_ip n1 web)" 80)" = web ]
	# In fragments.
	for to in "$(pod_ip n2 b)" "$(pod_ip n2 b 6)" "$(pod_ip n3 c)" "$(pod_ip n3 c 6)"; do
		on n1 in_pod a ping -q -c 1 -W 5 -s 4000 "$to"
	done
	for node in n1 n2 n3; do
		[ "$(by_stack $node pods)" = 0 ]
	done
}

# by_lan: packets for n2's pod that have come by the router, though they could go straight to n2.
by_lan() {
	on lan in_node nft -j list chain ip ways forward | jq '[.nftables[].rule?.expr[]?.counter?.packets | values] | add'
}

# moved N: whether so many more have come there by now.
moved() {
	(($(by_lan) >= moved_from + $1))
}

@test "a route that is changed moves open connections with the next packet, and nothing is lost" {
	local b i j now moved_from late=0
	b=$(pod_ip n2 b)
	on lan in_node ip route add "$b" via "$(node_ip n2)"
	on lan in_node nft -f - <<-END
		table ip ways {
			chain forward {
				type filter hook forward priority 0
				ether daddr $(on lan in_node cat /sys/class/net/br1/address) ip daddr $b counter
			}
		}
	END
	flood_start b n2 b receive 7101 7102:echo
	flood_start a n1 a send "$b" 500 7101 7102
	for i in {1..10}; do
		moved_from=$(by_lan)
		on n1 in_node ip route add "$b" via 192.0.2.1
		eventually 10 moved 20
		on n1 in_node ip route del "$b"
		# What is on its way has come with this.
		on n1 in_node ping -q -c 1 -W 5 192.0.2.1 >/dev/null
		moved_from=$(by_lan)
		for j in {1..10}; do
			now=$(by_lan)
		done
		late=$((late + now - moved_from))
	done
	flood_stop a
	flood_stop b
	arrives a b 7101
	answered a b 7102
	# Some may have waited for a busy processor; of a second and more, there would be hundreds.
	echo "# $late late" >&3
	[ "$late" -lt 50 ]
	# The stack had nothing to do with it.
	[ "$(by_stack n1 pods)" = 0 ]
	on lan in_node nft delete table ip ways
	on lan in_node ip route del "$b"
}

@test "a neighbour that has to be asked for is asked for as the packet waits" {
	on n1 in_node ip neigh flush dev eth0
	on n1 in_node ip -6 neigh flush dev eth0
	on n1 in_pod a ping -q -c 1 -W 5 "$(pod_ip n2 b)"
	on n1 in_pod a ping -q -c 1 -W 5 "$(pod_ip n2 b 6)"
	[ "$(by_stack n1 pods)" = 0 ]
}

@test "large streams go both ways whole, and strict rules cut nothing" {
	local to pid=NODE_PID_n1 p
	nsenter --target "${!pid}" --mount --net="/proc/${!pid}/root/run/netns/a" -- \
		iperf3 -s -D --pidfile "$BATS_TEST_TMPDIR/iperf"
	for to in "n2 b $(pod_ip n1 a)" "n3 c $(pod_ip n1 a)" "n3 c $(pod_ip n1 a 6)"; do
		read -r node pod ip <<<"$to"
		for p in "" -R; do
			run -0 on "$node" in_pod "$pod" iperf3 -c "$ip" -n 20M $p -J
			# The sender counts what it has written, the receiver what it had when told to end.
			echo "$output"
			[ "$(jq .end.sum_received.bytes <<<"$output")" -ge 5000000 ]
		done
	done
	kill "$(tr -d '\0' <"$BATS_TEST_TMPDIR/iperf")"
	for node in n1 n2 n3; do
		[ "$(by_stack $node pods)" = 0 ]
		[ "$(by_stack $node invalid)" = 0 ]
	done
}

# bats test_tags=kernels
@test "what goes through the overlay is wrapped up past the VTEP, as the VTEP would do it" {
	local ours its
	eventually 30 wraps 0
	agent_get n1 /v1/bpf/tunnels | jq -e --arg from "$(node_ip n1)" --arg to "$(node_ip n3)" '
		any(.entries[]; .interface == "fairlead.1" and .from == $from and .to == $to and
			.port == 4789 and .vni == 1)'
	ours=$(wrapped ours)
	echo "$ours"
	[ "$(grep -c 'vni 1$' <<<"$ours")" = 2 ]
	# With an IPsec policy, whatever it is about, what the node sends goes its whole way.
	on n1 in_node ip xfrm policy add src 203.0.113.1/32 dst 203.0.113.2/32 dir out \
		tmpl src "$(node_ip n1)" dst "$(node_ip n3)" proto esp mode transport
	eventually 30 wraps 2
	its=$(wrapped its)
	echo "$its"
	[ "$ours" = "$its" ]
	on n1 in_node ip xfrm policy flush
	eventually 30 wraps 0
}

# stream_past: a stream to n3's pod of which the VTEP sends nothing.
stream_past() {
	local before
	before=$(by_vtep n1)
	on n1 in_pod a iperf3 -c "$(pod_ip n3 c)" -n 10M -J >"$BATS_TEST_TMPDIR/stream" &&
		[ "$(jq .end.sum_received.bytes "$BATS_TEST_TMPDIR/stream")" -ge 5000000 ] &&
		[ "$(by_vtep n1)" = "$before" ]
}

@test "segments that are still to be cut are wrapped up, too" {
	local pid=NODE_PID_n3
	nsenter --target "${!pid}" --mount --net="/proc/${!pid}/root/run/netns/c" -- \
		iperf3 -s -D --pidfile "$BATS_TEST_TMPDIR/iperf"
	eventually 60 stream_past
	kill "$(tr -d '\0' <"$BATS_TEST_TMPDIR/iperf")"
}

# bats test_tags=kernels
@test "a VTEP with somebody's filter, queue or settings does its own work" {
	local bytecode='1,6 0 0 0,'
	on n1 in_node tc filter add dev fairlead.1 egress prio 9 protocol all bpf bytecode "$bytecode"
	eventually 30 wraps 2
	on n1 in_node tc filter del dev fairlead.1 egress prio 9
	eventually 30 wraps 0
	on n1 in_node tc qdisc add dev fairlead.1 root pfifo
	eventually 30 wraps 2
	on n1 in_node tc qdisc del dev fairlead.1 root
	eventually 30 wraps 0
	on n1 in_node ip link set dev fairlead.1 type vxlan id 1 ttl 9
	eventually 30 wraps 2
	on n1 in_node ip link set dev fairlead.1 type vxlan id 1 ttl auto
	eventually 30 wraps 0
}

@test "over an IPv6 underlay the VTEP does its own work" {
	local node
	agent_stop n1 n3
	for node in n1 n3; do
		agent_start $node "$conf"$'\nvxlan: {underlay: ipv6}'
	done
	agent_wait_ready n1 n3
	eventually 30 wraps 2
	agent_get n1 /v1/bpf/tunnels | jq -e '.entries == []'
	agent_stop n1 n3
	for node in n1 n3; do
		agent_start $node "$conf"
	done
	agent_wait_ready n1 n3
	eventually 30 wraps 0
}

# wraps_by_vtep: whether n1's VTEP sends while a pod asks.
wraps_by_vtep() {
	local before
	before=$(by_vtep n1) && reaches n1 a "$(pod_ip n3 c)" && [ "$(by_vtep n1)" -gt "$before" ]
}

@test "without an agent the VTEP does the work again after some seconds, and nothing is lost" {
	local sent lost
	eventually 30 wraps 0
	pinger_start vx n1 a "$(pod_ip n3 c)" 0.02
	agent_kill n1
	eventually 30 wraps_by_vtep
	agent_start n1
	agent_wait_ready n1
	eventually 30 wraps 0
	read -r sent lost <<<"$(pinger_stop vx)"
	[ "$sent" -gt 10 ] && [ "$lost" = 0 ]
}

@test "what is too large or too old goes to the stack, which says so to the pod" {
	# A pod whose interface takes more than the overlay.
	pod_attach n1 wide "$(agent_net_conf '.mtu = 1500')"
	run ! on n1 in_pod wide ping -c 1 -W 2 -M 'do' -s 1472 "$(pod_ip n3 c)"
	[[ $output == *"mtu = 1450"* || $output == *"mtu=1450"* ]]
	on n1 in_pod wide ping -q -c 1 -W 5 -s 1472 -M dont "$(pod_ip n3 c)"
	run ! on n1 in_pod wide ping -c 1 -W 2 -M 'do' -s 1452 "$(pod_ip n3 c 6)"
	on n1 in_pod wide ping -q -c 2 -W 5 -s 1452 "$(pod_ip n3 c 6)"
	pod_detach n1 wide
	# Each node is a hop: the first and the second say that it was the last one.
	run ! on n1 in_pod a ping -c 1 -W 2 -t 1 "$(pod_ip n3 c)"
	[[ $output == *"Time to live exceeded"* ]]
	run ! on n1 in_pod a ping -c 1 -W 2 -t 2 "$(pod_ip n3 c)"
	[[ $output == *"Time to live exceeded"* ]]
	on n1 in_pod a ping -q -c 1 -W 2 -t 3 "$(pod_ip n3 c)"
	run ! on n1 in_pod a ping -c 1 -W 2 -t 2 "$(pod_ip n2 b 6)"
	[[ $output == *"Time exceeded: Hop limit"* ]]
}

@test "a Service is translated by the stack both ways, and judged by the pod behind it" {
	to_service 10.96.0.10 80 "$(pod_ip n3 c)"
	[ "$(connects n1 a 10.96.0.10 80)" = c ]
	to_service fd00:96::10 80 "[$(pod_ip n2 b 6)]"
	[ "$(connects n1 a fd00:96::10 80)" = b ]
	to_service 10.96.0.11 80 "$(pod_ip n1 web)"
	[ "$(connects n1 a 10.96.0.11 80)" = web ]
	# Whom the pod may not reach, it may not reach by a Service, here or on another node.
	policy <<-END
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: out, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: a}}
		  policyTypes: [Egress]
		  egress:
		  - to: [{ipBlock: {cidr: $(pod_ip n3 c)/32}}]
	END
	[ "$(connects n1 a 10.96.0.10 80)" = c ]
	run ! connects n1 a fd00:96::10 80
	run ! connects n1 a 10.96.0.11 80
	run ! connects n1 a "$(pod_ip n2 b)" 80
	[ "$(connects n1 a "$(pod_ip n3 c)" 80)" = c ]
}

@test "the world is reached by masquerade, and a host port leads to a pod" {
	local before
	before=$(packets n1 redirected egress)
	on n1 in_pod a ping -q -c 1 -W 5 "$OUTSIDE4"
	on n1 in_pod a ping -q -c 1 -W 5 "$OUTSIDE6"
	[ "$(packets n1 redirected egress)" = "$before" ]
	to_service "$(node_ip n1)" 8080 "$(pod_ip n1 web):80"
	run -0 on lan in_node timeout 5 bash -c 'exec 3<>/dev/tcp/$0/8080 && cat <&3' "$(node_ip n1)"
	[ "$output" = web ]
	# From a node itself to pods of another.
	on n2 in_node ping -q -c 1 -W 5 "$(pod_ip n1 a)"
	on n3 in_node ping -q -c 1 -W 5 "$(pod_ip n1 a 6)"
	on n1 in_node ping -q -c 1 -W 5 "$(pod_ip n3 c)"
}

# bats test_tags=kernels
@test "what a policy forbids from another node is dropped where it comes in" {
	local before
	policy <<-END
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: in, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: a}}
		  ingress:
		  - from: [{ipBlock: {cidr: $(pod_ip n2 b)/32}}]
	END
	before=$(packets n1 policy_ingress ingress)
	loses n3 c "$(pod_ip n1 a)"
	loses n2 b "$(pod_ip n1 a 6)"
	[ "$(packets n1 policy_ingress ingress)" -ge $((before + 4)) ]
	reaches n2 b "$(pod_ip n1 a)"
	# Its own connections' answers come in.
	reaches n1 a "$(pod_ip n3 c)"
}

@test "agents end, die and start again in the middle of streams, and nothing is lost" {
	local name sent lost before
	before=$(by_stack n1 pods)
	stream_start gw n1 web n2 b 500000
	pinger_start gw n1 a "$(pod_ip n2 b 6)" 0.02
	pinger_start vx n1 a "$(pod_ip n3 c)" 0.02
	agent_stop n1
	agent_kill n2 n3
	agent_start n1
	agent_start n2
	agent_start n3
	agent_wait_ready n1 n2 n3
	agent_kill n1
	agent_start n1
	agent_wait_ready n1
	# Every byte came, as it was sent; a sender on a busy machine may have sent some twice.
	run -0 stream_stop gw
	for name in gw vx; do
		read -r sent lost <<<"$(pinger_stop $name)"
		[ "$sent" -gt 10 ] && [ "$lost" = 0 ]
	done
	[ "$(by_stack n1 pods)" = "$before" ]
}

@test "programs that somebody takes away come back, beside others' filters, which stay" {
	on n1 in_node tc filter add dev eth0 ingress prio 9 protocol all bpf bytecode '1,6 0 0 0,'
	on n1 in_node tc filter del dev eth0 egress prio 7
	eventually 10 has_filter n1 eth0 egress fl_to_net
	on n1 in_node tc qdisc del dev fairlead.1 clsact
	eventually 10 has_filter n1 fairlead.1 ingress fl_from_net
	on n1 in_node tc filter show dev eth0 ingress | grep -q 'pref 9 bpf'
	reaches n1 a "$(pod_ip n3 c)"
	on n1 in_node tc filter del dev eth0 ingress prio 9
	# An interface that comes back as another one has them, too.
	on n1 in_node ip link del fairlead.1
	eventually 10 has_filter n1 fairlead.1 egress fl_to_net
	reaches n1 a "$(pod_ip n3 c 6)"
	# What stands in the way is said, and everything goes by the stack.
	on n1 in_node tc qdisc del dev eth0 clsact
	on n1 in_node sh -c 'until tc qdisc replace dev eth0 ingress 2>/dev/null; do
		tc qdisc del dev eth0 clsact 2>/dev/null; done'
	eventually 10 problem "interface 'eth0': link"
	reaches n1 a "$(pod_ip n2 b)"
	reaches n2 b "$(pod_ip n1 web 6)"
	on n1 in_node tc qdisc del dev eth0 ingress
	eventually 10 has_filter n1 eth0 egress fl_to_net
	run -0 on n1 in_node tc filter show dev eth0 ingress
	[[ $output == *fl_from_net* ]]
}

# xdp_at NODE: the interfaces of the node and of its pods that have an XDP program.
xdp_at() {
	local pod
	on "$1" in_node ip -j -d link show | jq -r '.[] | select(.xdp) | .ifname'
	for pod in $(on "$1" in_node ls /run/netns); do
		on "$1" in_pod "$pod" ip -j -d link show | jq -r --arg pod "$pod" '.[] | select(.xdp) | "\($pod)/\(.ifname)"'
	done
}

# denies MODE: with this policy.xdp, n2's address is heard no more on n1, and nobody else's.
denies() {
	local before denied
	denied="[$(node_ip n2)/32, '$(node_ip n2 6)/128', $(node_cidr n2)]"
	agent_stop n1
	agent_start n1 "${conf/enforce: true/enforce: true, xdp: $1, denySources: $denied}"
	agent_wait_ready n1
	before=$(packets n1 denied_source ingress)
	run ! on n2 in_node ping -q -c 1 -W 1 "$(node_ip n1)"
	run ! on n2 in_node ping -q -c 1 -W 1 "$(node_ip n1 6)"
	loses n2 b "$(pod_ip n1 a)"
	reaches n1 a "$(pod_ip n3 c)"
	[ "$(packets n1 denied_source ingress)" -ge $((before + 4)) ]
}

@test "denied sources are dropped at the underlay: by tc, by the kernel's XDP and by the driver's" {
	denies none
	run -0 on n1 in_node ip -d link show eth0
	[[ $output != *xdp* ]]
	denies generic
	run -0 on n1 in_node ip -d link show eth0
	[[ $output == *xdpgeneric* ]]
	denies native
	run -0 on n1 in_node ip -d link show eth0
	[[ $output == *"prog/xdp"* && $output != *xdpgeneric* ]]
	agent_stop n1
	agent_start n1 "$conf"
	agent_wait_ready n1
	run -0 on n1 in_node ip -d link show eth0
	[[ $output != *xdp* ]]
	reaches n2 b "$(pod_ip n1 a)"
}

# denying NODE: the interfaces at which tc drops what is denied.
denying() {
	on "$1" in_node "$BUILD/bin/fairlead" bpf devices -o json |
		jq -r '.[] | select(.flags // [] | index("denies")) | .interface'
}

@test "where the driver takes no XDP program tc drops what is denied, and the interface is named" {
	on n1 in_node ip -batch - <<-END
		link add d0 type bridge
		link set d0 up
		addr add 198.51.100.129/30 dev d0
		route add 198.51.100.192/26 via 198.51.100.130
	END
	agent_stop n1
	agent_start n1 "${conf/enforce: true/enforce: true, xdp: native, denySources: [192.0.2.99/32]}"
	agent_wait_ready n1
	eventually 10 problem "interface 'd0': config 'policy.xdp': native"
	[ "$(denying n1)" = d0 ]
	[ "$(xdp_at n1)" = eth0 ]
	on n1 in_node ip link del d0
	agent_stop n1
	agent_start n1 "$conf"
	agent_wait_ready n1
	[ "$(agent_get n1 /v1/status | jq -c .problems)" = '[]' ]
}

# host_end POD: of n1, its interface on the node.
host_end() {
	on n1 in_node ip -j route get "$(pod_ip n1 "$1")" | jq -r '.[0].dev'
}

@test "an interface of a pod has no programs but the pods', also where a route leads on by it" {
	local to
	to=$(host_end web)
	agent_stop n1
	agent_start n1 "${conf/enforce: true/enforce: true, xdp: generic, denySources: [192.0.2.99/32]}"
	agent_wait_ready n1
	on n1 in_node ip route add 198.51.100.192/26 via "$(pod_ip n1 web)" dev "$to" onlink
	eventually 10 resynced "$(metric n1 fairlead_reconciles_total)"
	[ "$(xdp_at n1)" = eth0 ]
	agent_get n1 /v1/status | jq -e '.problems == []'
	reaches n1 a "$(pod_ip n1 web)"
	on n1 in_node ip route del 198.51.100.192/26
	agent_stop n1
	agent_start n1 "$conf"
	agent_wait_ready n1
}

# resynced N: the agent has looked at everything twice more than N times.
resynced() {
	[ "$(metric n1 fairlead_reconciles_total)" -gt $(($1 + 1)) ]
}

# goes_by_stack NODE, goes_past NODE: whether the packets of open streams do.
goes_by_stack() {
	local before
	before=$(by_stack "$1" pods) && reaches n1 a "$(pod_ip n2 b)" &&
		[ "$(by_stack "$1" pods)" -gt "$before" ]
}

goes_past() {
	local before
	before=$(by_stack "$1" pods) && reaches n1 a "$(pod_ip n2 b)" &&
		[ "$(by_stack "$1" pods)" = "$before" ]
}

# hears NODE POD PORT FILE: writes down there what comes to the UDP port.
hears() {
	local pid=NODE_PID_$1
	nsenter --target "${!pid}" --net="/proc/${!pid}/root/run/netns/$2" -- python3 -uc '
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[1])))
print("begin")
while True:
    print(s.recv(99).decode())' "$3" </dev/null >"$4" 2>&1 3>&- 4>&- &
	echo $! >"$4.pid"
	disown $!
	eventually 10 grep -q begin "$4"
}

# mac_of NODE: its VTEP's.
mac_of() {
	on "$1" in_node cat /sys/class/net/fairlead.1/address
}

@test "what a pod wraps up itself to be another one reaches nobody by the VTEP of any node" {
	local heard=$BATS_TEST_TMPDIR/heard c to before
	c=$(pod_ip n3 c)
	before=$(packets n1 spoofed_ip)
	hears n1 web 7777 "$heard"
	# Who may send so is believed.
	on n3 in_node python3 "$REPO/tests/e2e/forge.py" "$(node_ip n1)" "$(mac_of n1)" 1 "$c" \
		"$(pod_ip n1 web)" 7777 node
	eventually 10 grep -q node "$heard"
	for to in "$(node_ip n1)" "$(on n1 in_pod a ip -j route show default | jq -r '.[0].gateway')"; do
		[ "$to" = null ] || on n1 in_pod a python3 "$REPO/tests/e2e/forge.py" "$to" \
			"$(mac_of n1)" 1 "$c" "$(pod_ip n1 web)" 7777 forged || true
	done
	# By another node's, from a pod there and over the underlay.
	on n3 in_pod c python3 "$REPO/tests/e2e/forge.py" "$(node_ip n1)" "$(mac_of n1)" 1 \
		"$(pod_ip n2 b)" "$(pod_ip n1 web)" 7777 forged
	on n3 in_node python3 "$REPO/tests/e2e/forge.py" "$(node_ip n1)" "$(mac_of n1)" 1 "$c" \
		"$(pod_ip n1 web)" 7777 end
	eventually 10 grep -q end "$heard"
	kill -KILL "$(cat "$heard.pid")"
	[ "$(cat "$heard")" = $'begin\nnode\nend' ]
	[ "$(packets n1 spoofed_ip)" -gt "$before" ]
}

@test "where the node has an IPsec policy, what goes between nodes goes by the stack, which heeds it" {
	local told
	stream_start plain n1 a n2 b 1000000
	stream_start overlay n3 c n1 web 1000000 6
	eventually 10 goes_past n1
	# Whatever it is about; open streams with all else, and strict rules do not cut them.
	on n1 in_node ip xfrm policy add src 203.0.113.1/32 dst 203.0.113.2/32 dir in action block
	eventually 10 goes_by_stack n1
	told=$(on n1 in_node "$BUILD/bin/fairlead" bpf flows -o json)
	jq -e 'any(.[]; .protocol == "tcp") and all(.[]; .path != "node" or .judged == false)' <<<"$told"
	[ "$(on n1 in_node "$BUILD/bin/fairlead" bpf state -o json | jq '.[0].byStack')" = true ]
	on n1 in_node ip xfrm policy flush
	eventually 10 goes_past n1
	stream_stop plain
	stream_stop overlay
	[ "$(by_stack n1 invalid)" = 0 ]
	# One that is about pods; an agent that comes later finds it before anything else.
	agent_stop n1
	on n1 in_node ip xfrm policy add src "$(pod_ip n1 a)" dst "$(pod_ip n2 b)" dir out action block
	on n1 in_node ip xfrm policy add src "$(pod_ip n1 a 6)" dst "$(pod_ip n3 c 6)" dir out action block
	agent_start n1 "$conf"
	agent_wait_ready n1
	loses n1 a "$(pod_ip n2 b)"
	loses n1 a "$(pod_ip n3 c 6)"
	reaches n1 a "$(pod_ip n3 c)"
	on n1 in_node ip xfrm policy flush
	reaches n1 a "$(pod_ip n2 b)"
	reaches n1 a "$(pod_ip n3 c 6)"
}

@test "an agent that is told to enforce no more takes its programs off all interfaces" {
	agent_stop n1
	on n1 in_node tc filter add dev eth0 ingress prio 9 protocol all bpf bytecode '1,6 0 0 0,'
	agent_start n1 'mode: direct
policy: {enforce: false}'
	agent_wait_ready n1
	run -0 on n1 in_node sh -c 'for dev in eth0 fairlead.1; do
		tc filter show dev $dev ingress; tc filter show dev $dev egress; done'
	[[ $output == *"pref 9 bpf"* && $output != *fl_* ]]
	reaches n1 a "$(pod_ip n2 b)"
	reaches n1 a "$(pod_ip n3 c 6)"
}
