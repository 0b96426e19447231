#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packets from pod to pod under policy: the agent enforces a NetworkPolicy that selects both pods
# and allows what is measured, and nothing else; against a bare cable, and against the kernel's own
# ways with the firewall of a Kubernetes node (bench/k8s-rules.sh), which our nodes have, too.
#
# usage: bench/packets.sh BUILD [SECTION...]
#
# same: two pods of one node. cost: the same in one thread, by its processor time. overlay: of two
# nodes, by VXLAN. host-gw: by routes. rules: two pods under 1,000 and 10,000 rules, none of which
# matches before the last. services: two pods of one node, the other by a Service. All by default.
# BENCH_ROUNDS (15) of BENCH_MS (300) milliseconds for each contender and row, in turn. Who asks and
# who answers share a processor; who sends datagrams has one, who takes them the other.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.bash"

build=$(cd "${1:?usage: bench/packets.sh BUILD [SECTION...]}" && pwd)
rounds=${BENCH_ROUNDS:-15} ms=${BENCH_MS:-300} rr=$build/bench/rr cost=$build/bench/cost
shift
if (($# != 1)); then
	(($#)) || set -- same cost overlay host-gw rules services
	for section; do
		"$0" "$build" "$section"
	done
	exit
fi
alone iptables-nft-restore curl jq nft -- "$build" "$1"

# Of each contender: the namespace that sends, the one that answers, and its address.
declare -A from to ip

# --- machines ----------------------------------------------------------------------------------

# machine NAME: with the firewall and the switches of a Kubernetes node.
machine()
{
	ip netns add "$1"
	at "$1" ip link set lo up
	at "$1" sysctl -qw net.ipv4.ip_forward=1
	at "$1" "$here/k8s-rules.sh"
}

# cable NAME: eth0 of the machines NAME1 and NAME2, 192.0.2.1 and .2.
cable()
{
	local i

	ip link add name eth0 netns "$1"1 type veth peer name eth0 netns "$1"2
	for i in 1 2; do
		at "$1$i" ip addr add 192.0.2.$i/24 dev eth0
		at "$1$i" ip link set eth0 up
	done
}

# pod NAMESPACE
pod()
{
	ip netns add "$1"
	at "$1" ip link set lo up
	# The next row's connections need the ports of this one's.
	at "$1" sysctl -qw net.ipv4.tcp_tw_reuse=1 net.ipv4.ip_local_port_range='1024 65535'
}

# by_hand_pod MACHINE POD MTU: one with a cable to the machine, where the cable's end has its name.
by_hand_pod()
{
	pod "$1.$2"
	ip link add name "$2" mtu "$3" netns "$1" type veth peer name eth0 mtu "$3" netns "$1.$2"
	at "$1" ip link set dev "$2" up
	at "$1.$2" ip link set eth0 up
}

# on_bridge MACHINE I POD LAST MTU: one on the machine's bridge, with the address 10.244.I.LAST.
on_bridge()
{
	by_hand_pod "$1" "$3" "$5"
	at "$1" ip link show cni0 >/dev/null 2>&1 || at "$1" ip -batch - <<-END
		link add cni0 type bridge
		addr add 10.244.$2.1/24 dev cni0
		link set cni0 mtu $5 up
	END
	at "$1" ip link set dev "$3" master cni0
	at "$1.$3" ip addr add 10.244.$2."$4"/24 dev eth0
	at "$1.$3" ip route add default via 10.244.$2.1
}

# routed MACHINE I POD LAST: one that the machine has a route to.
routed()
{
	by_hand_pod "$1" "$3" 1500
	at "$1" ip route add "10.244.$2.$4" dev "$3"
	at "$1" ip addr add 169.254.1.1/32 dev "$3"
	at "$1.$3" ip addr add "10.244.$2.$4/32" dev eth0
	at "$1.$3" ip route add 169.254.1.1 dev eth0
	at "$1.$3" ip route add default via 169.254.1.1
}

# --- Fairlead ----------------------------------------------------------------------------------

# What is measured is allowed, between the pods of this cluster; ping is not.
policy='
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: bench, namespace: default}
spec:
  podSelector: {matchLabels: {app: bench}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: &all [{podSelector: {matchLabels: {app: bench}}}, {ipBlock: {cidr: 10.244.0.0/16}}, {ipBlock: {cidr: 10.97.0.0/16}}]
    ports: &ports [{protocol: TCP, port: 7}, {protocol: UDP, port: 7}, {protocol: TCP, port: 9},
                   {protocol: UDP, port: 9}]
  egress:
  - to: *all
    ports: *ports'

# rules N: policies with so many rules, none of which allows what is measured.
rules()
{
	awk -v n="$1" 'BEGIN {
		for (i = 0; i < n; i++) {
			if (i % 1000 == 0)
				printf "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n" \
					"metadata: {name: rules%d, namespace: default}\nspec:\n" \
					"  podSelector: {matchLabels: {app: bench}}\n  ingress:\n", i / 1000
			printf "  - from: [{ipBlock: {cidr: 60.%d.%d.0/24}}]\n" \
				"    ports: [{protocol: UDP, port: %d}]\n", i / 256, i % 256, 1024 + i
		}
	}'
}

# agent MACHINE MODE [RULES [SERVICES]]: the agent of the machine NAMEi enforces the policy; SERVICES is
# the block of their addresses.
agent()
{
	local root=/run/root.$1 i

	mkdir -p "$root/etc/fairlead/manifests" "/run/bpf/$1"
	mount -t bpf bpf "/run/bpf/$1"
	{
		echo "$policy"
		rules "${3:-0}"
		for i in 1 2; do
			cat <<-END
				---
				apiVersion: v1
				kind: Node
				metadata: {name: n$i}
				spec: {podCIDRs: [10.244.$i.0/24]}
				status: {addresses: [{type: InternalIP, address: 192.0.2.$i}]}
			END
		done
	} >"$root/etc/fairlead/manifests/all.yaml"
	cat >"$root/etc/fairlead/agent.yaml" <<-END
		nodeName: n${1: -1}
		mode: $2
		metrics: {listen: ''}
		policy: {enforce: true, maps: /run/bpf/$1, serviceCIDRs: [${4-}]}
	END
	FAIRLEAD_ROOT=$root at "$1" "$build/bin/fairleadd" </dev/null >"$root/log" 2>&1 &
	eventually 60 curl -sf --unix-socket "$root/run/fairlead/agent.sock" http://agent/readyz ||
		die "the agent of '$1' is not ready: $(tail -n 5 "$root/log")"
}

# attach MACHINE POD TYPE: a pod by the plugin. Prints its address.
attach()
{
	local out

	pod "$1.$2"
	out=$(jq -n --arg type "$3" '{cniVersion: "1.1.0", name: "bench", type: $type,
			agent: "required", ipam: {type: "host-local"},
			args: {cni: {labels: [{key: "app", value: "bench"}]}}}
		| if $type == "bridge" then . + {bridge: "br0", isGateway: true,
			isDefaultGateway: true, ipam: {type: "host-local",
				ranges: [[{subnet: "10.244.1.0/24"}]]}} else . end' |
		CNI_COMMAND=ADD CNI_CONTAINERID="$1.$2" CNI_IFNAME=eth0 \
			CNI_NETNS="/run/netns/$1.$2" CNI_PATH="$build/cni" \
			FAIRLEAD_ROOT="/run/root.$1" at "$1" "$build/cni/$3") || die "$3: $out"
	jq -r '.ips[0].address | split("/")[0]' <<<"$out"
}

# one_node NAME TYPE [RULES [SERVICES]]: a contender with two pods on one node.
one_node()
{
	local mode=host-gw

	case $2 in
	bridge) mode=none ;;
	vxlan) mode=vxlan ;;
	esac
	machine "${1}1"
	machine "${1}2"
	cable "$1"
	agent "${1}1" $mode "${3:-0}" "${4-}"
	attach "${1}1" a "$2" >/dev/null
	from[$1]=${1}1.a to[$1]=${1}1.b ip[$1]=$(attach "${1}1" b "$2")
}

# two_nodes NAME TYPE MODE: a contender with a pod on each of two nodes.
two_nodes()
{
	local i

	machine "${1}1"
	machine "${1}2"
	cable "$1"
	for i in 1 2; do
		agent "$1$i" "$3"
		attach "$1$i" a "$2" >"/run/ip.$1$i"
	done
	from[$1]=${1}1.a to[$1]=${1}2.a ip[$1]=$(cat "/run/ip.${1}2")
}

# --- the others --------------------------------------------------------------------------------

# A cable from pod to pod, and nothing else.
veth()
{
	pod "$1.a"
	pod "$1.b"
	ip link add name eth0 netns "$1.a" type veth peer name eth0 netns "$1.b"
	at "$1.a" ip addr add 10.244.1.2/24 dev eth0
	at "$1.b" ip addr add 10.244.1.3/24 dev eth0
	at "$1.a" ip link set eth0 up
	at "$1.b" ip link set eth0 up
	from[$1]=$1.a to[$1]=$1.b ip[$1]=10.244.1.3
}

# Two pods, each with a tc filter that gives its packets to the other and does nothing else.
redirect()
{
	local pods=(a b) i other

	ip netns add "$1"
	mkdir -p "/run/bpf/$1"
	mount -t bpf bpf "/run/bpf/$1"
	for i in 0 1; do
		by_hand_pod "$1" "${pods[i]}" 1500
		at "$1.${pods[i]}" ip addr add 10.244.1.$((2 + i))/24 dev eth0
	done
	for i in 0 1; do
		other=$(at "$1" ip -j link show dev "${pods[1 - i]}" | jq '.[].ifindex')
		at "$1" "$cost" redirect "$other" "/run/bpf/$1/${pods[i]}"
		at "$1" tc qdisc add dev "${pods[i]}" clsact
		at "$1" tc filter add dev "${pods[i]}" ingress \
			bpf direct-action object-pinned "/run/bpf/$1/${pods[i]}"
	done
	from[$1]=$1.a to[$1]=$1.b ip[$1]=10.244.1.3
}

# A bridge whose packets pass the firewall.
kube()
{
	machine "$1"
	[[ $(at "$1" cat /proc/sys/net/bridge/bridge-nf-call-iptables) == 1 ]] ||
		at "$1" sysctl -qw net.bridge.bridge-nf-call-iptables=1
	on_bridge "$1" 1 a 2 1500
	on_bridge "$1" 1 b 3 1500
	from[$1]=$1.a to[$1]=$1.b ip[$1]=10.244.1.3
}

# As Flannel does it: a bridge on each node, and a VXLAN device that the other node's block is routed
# to, all its neighbours being known.
flannel()
{
	local i j mac

	machine "${1}1"
	machine "${1}2"
	cable "$1"
	for i in 1 2; do
		j=$((3 - i))
		on_bridge "$1$i" $i a 2 1450
		mac=0e:00:00:00:00:0
		at "$1$i" ip -batch - <<-END
			link add flannel.1 mtu 1450 address $mac$i type vxlan id 1 dstport 8472 local 192.0.2.$i nolearning
			addr add 10.244.$i.0/32 dev flannel.1
			link set flannel.1 up
			neigh add 10.244.$j.0 lladdr $mac$j dev flannel.1 nud permanent
			route add 10.244.$j.0/24 via 10.244.$j.0 dev flannel.1 onlink
		END
		at "$1$i" bridge fdb add $mac$j dev flannel.1 dst 192.0.2.$j self permanent
	done
	from[$1]=${1}1.a to[$1]=${1}2.a ip[$1]=10.244.2.2
}

# A route to the other node's block, and one to each pod.
routes()
{
	local i

	machine "${1}1"
	machine "${1}2"
	cable "$1"
	for i in 1 2; do
		routed "$1$i" $i a 2
		at "$1$i" ip route add 10.244.$((3 - i)).0/24 via 192.0.2.$((3 - i))
	done
	from[$1]=${1}1.a to[$1]=${1}2.a ip[$1]=10.244.2.2
}

# filter NAME RULES [FIRST]: two routed pods, and as many rules by iptables, before which connections
# are let through that are established, if FIRST is given. What none allows is dropped.
filter()
{
	machine "$1"
	routed "$1" 1 a 2
	routed "$1" 1 b 3
	awk -v n="$2" -v first="${3-}" 'BEGIN {
		print "*filter\n:FORWARD DROP\n-F FORWARD"
		if (first)
			print "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
		for (i = 0; i < n; i++)
			printf "-A FORWARD -s 60.%d.%d.0/24 -d 10.244.1.3/32 -p udp -m udp --dport %d -j ACCEPT\n",
				i / 256, i % 256, 1024 + i
		for (i = 7; i < 11; i += 2)
			print "-A FORWARD -s 10.244.0.0/16 -d 10.244.1.3/32 -p udp -m udp --dport", i, "-j ACCEPT"
		print "-A FORWARD -s 10.244.0.0/16 -d 10.244.1.3/32 -p tcp -m tcp --dport 7 -j ACCEPT"
		print "-A FORWARD -s 10.244.1.3/32 -d 10.244.1.2/32 -j ACCEPT\nCOMMIT"
	}' | at "$1" iptables-nft-restore -n
	from[$1]=$1.a to[$1]=$1.b ip[$1]=10.244.1.3
}

# --- measurements: each prints one number -------------------------------------------------------

round_trips()
{
	at "${from[$1]}" taskset -c 0 "$rr" tcp "${ip[$1]}" 7 "$ms" | thousands
}

connections()
{
	at "${from[$1]}" taskset -c 0 "$rr" crr "${ip[$1]}" 7 "$ms" | thousands
}

# Datagrams of 18 bytes that came: with all headers the smallest frame.
packets()
{
	at "${to[$1]}" taskset -c 1 "$rr" sink 9 "$ms" >/run/sink &
	at "${from[$1]}" taskset -c 0 "$rr" send "${ip[$1]}" 9 $((ms + 100)) 18
	wait $!
	thousands </run/sink
}

# in_one_thread WHAT CONTENDER: how many in a second of processor time; "tcx" with our program there.
in_one_thread()
{
	[[ $2 != tcx ]] || by_tcx join
	at "${from[$2]}" taskset -c 0 "$cost" "$1" "/run/netns/${to[$2]}" "${ip[$2]}" "$ms" |
		thousands
	[[ $2 != tcx ]] || by_tcx leave
}

# by_tcx join|leave: the program of the blocks, by tcx too, on the host's ends of the bridge's pods. It
# comes before the block and ends in a verdict, so that it runs once.
by_tcx()
{
	local link program

	program=$(at bridge1 tc -j filter show block "$((0x0fa17ead))" |
		jq -r 'first(.[].options.prog.id // empty)')
	for link in $(at bridge1 ip -j link show master br0 | jq '.[].ifindex'); do
		at bridge1 "$cost" "$1" "$link" "$program"
	done
}

trips_cost() { in_one_thread trips "$1"; }
connections_cost() { in_one_thread connections "$1"; }
packets_cost() { in_one_thread packets "$1"; }

thousands()
{
	awk '{ print $1 / 1e3 }'
}

# --- rows --------------------------------------------------------------------------------------

# serve CONTENDER...: answers, and sees that things are as they should be.
serve()
{
	local c

	for c; do
		at "${to[$c]}" taskset -c 0 "$rr" serve 7 &
		eventually 10 at "${from[$c]}" "$rr" tcp "${ip[$c]}" 7 1 ||
			die "'$c': the pods do not reach each other"
		[[ -z $(ip netns | grep -E "^${c}1 ") || ! -d /run/root.${c}1 ]] ||
			! at "${from[$c]}" ping -q -c 1 -W 0.3 "${ip[$c]}" >/dev/null ||
			die "'$c': what the policy forbids passes"
	done
}

# row TITLE MEASURE CONTENDER... -- OWN PEER ASKED [OWN PEER ASKED...]
row()
{
	local title=$1 measure=$2 contenders=()

	shift 2
	while [[ $1 != -- ]]; do
		contenders+=("$1")
		shift
	done
	shift
	measure_all "$rounds" "$measure" "${contenders[@]}"
	printf '\n%s\n' "$title"
	while (($#)); do
		compare "$1" "$2" "$3"
		shift 3
	done
}

trips='TCP round trips, 1000/s' conns='TCP connections, 1000/s' small='UDP packets of 18 bytes, 1000/s'

same()
{
	local all=(bridge vxlan bgp-route redirect veth again kube) c

	for c in bridge vxlan bgp-route; do
		one_node $c $c
	done
	redirect redirect
	veth veth
	veth again
	kube kube
	serve "${all[@]}"
	# asked MEASURE TITLE LEAST: of a bare cable 0.95, and of a bridge with a firewall so much.
	asked()
	{
		local pairs=() c

		for c in bridge vxlan bgp-route; do
			pairs+=($c veth 0.95 $c kube "$3")
		done
		row "$2" "$1" "${all[@]}" -- "${pairs[@]}" redirect veth - again veth -
	}
	asked round_trips "$trips" 1.15
	asked connections "$conns" 1.25
	asked packets "$small" 1.4
}

cost()
{
	local all=(bridge tcx bgp-route redirect veth again) what

	one_node bridge bridge
	one_node bgp-route bgp-route
	veth veth
	veth again
	redirect redirect
	from[tcx]=${from[bridge]} to[tcx]=${to[bridge]} ip[tcx]=${ip[bridge]}
	serve bridge bgp-route redirect veth again
	for what in "trips $trips" "connections $conns" "packets $small"; do
		row "${what#* } of processor time" "${what%% *}_cost" "${all[@]}" -- bridge veth - \
			tcx veth - tcx bridge - bgp-route veth - redirect veth - \
			bridge redirect - again veth -
	done
}

overlay()
{
	two_nodes vxlan vxlan vxlan
	flannel flannel
	serve vxlan flannel
	row "$trips" round_trips vxlan flannel -- vxlan flannel 1.4
	row "$conns" connections vxlan flannel -- vxlan flannel -
	row "$small" packets vxlan flannel -- vxlan flannel 1.5
}

host-gw()
{
	two_nodes bgp-route bgp-route host-gw
	routes routes
	serve bgp-route routes
	row "$trips" round_trips bgp-route routes -- bgp-route routes 1.3
	row "$conns" connections bgp-route routes -- bgp-route routes -
	row "$small" packets bgp-route routes -- bgp-route routes 1.5
}

many_rules()
{
	one_node own1000 bgp-route 1000
	one_node own10000 bgp-route 10000
	filter nft1000 1000
	filter nft10000 10000
	filter ct1000 1000 established
	filter ct10000 10000 established
	serve own1000 own10000 nft1000 nft10000 ct1000 ct10000
	row "$small" packets own1000 own10000 nft1000 nft10000 -- \
		own1000 nft1000 4 own10000 nft10000 25
	row "$conns, where iptables lets the established through first" connections \
		own1000 own10000 ct1000 ct10000 -- own1000 ct1000 - own10000 ct10000 -
}

# by_service NAME [SERVICES]: two routed pods, of which one asks the other by a Service's address.
by_service()
{
	one_node "$1" bgp-route 0 "${2-}"
	at "${1}1" nft -f - <<-END
		table ip services {
			chain lead {
				type nat hook prerouting priority dstnat
				ip daddr 10.97.0.1 dnat to ${ip[$1]}
			}
		}
	END
	ip[$1]=10.97.0.1
}

# What it costs that a Service is judged by whom it leads to: marked, and asked about in netfilter.
services()
{
	by_service judged 10.97.0.0/16
	by_service by-address
	serve judged by-address
	row "$trips of processor time" trips_cost judged by-address -- judged by-address -
	row "$small of processor time" packets_cost judged by-address -- judged by-address -
}

printf '\n%s, under policy (%d rounds of %d ms; more is better)\n' "$1" "$rounds" "$ms"
case $1 in
same | cost | overlay | host-gw | services) "$1" ;;
rules) many_rules ;;
*) die "no section '$1', expected same, cost, overlay, host-gw, rules or services" ;;
esac
verdict_line
