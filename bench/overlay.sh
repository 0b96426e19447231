#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pod to pod between two machines: our vxlan against a VXLAN device and a bridge made by hand, our
# bgp-route against plain routes made by hand, in one run, in turn. A machine is a network
# namespace, and each contender has two of its own with a cable between them.
#
# usage: bench/overlay.sh BUILD [ROUNDS [SECONDS]]
#
# ROUNDS (5) of SECONDS (1) for each contender and row. What is judged is the median over the rounds
# of the ratio of ours to the one made by hand. The plain routes are there twice; how far the two
# are from each other, but at least 2 %, is what counts as noise.
set -euo pipefail
. "$(dirname "$0")/lib.bash"

build=$(cd "${1:?usage: bench/overlay.sh BUILD [ROUNDS [SECONDS]]}" && pwd)
rounds=${2:-5} seconds=${3:-1} rr=$build/bench/rr
contenders=(vxlan bridge route plain again)
alone iperf3 jq nft -- "$build" "$rounds" "$seconds"

# --- the machines ------------------------------------------------------------------------------

# Two machines, 192.0.2.1 and .2, with a cable, and a namespace on each for its pod.
machines()
{
	local i

	for i in 1 2; do
		ip netns add "$1$i"
		ip netns add "$1$i.pod"
		at "$1$i" ip link set lo up
		at "$1$i.pod" ip link set lo up
	done
	ip link add name eth0 netns "$1"1 type veth peer name eth0 netns "$1"2
	for i in 1 2; do
		at "$1$i" ip addr add 192.0.2.$i/24 dev eth0
		at "$1$i" ip link set eth0 up
	done
}

# fairlead NAME TYPE: a pod on each of the two machines by the plugin, 10.244.1.2 and 10.244.2.2.
fairlead()
{
	local i j out

	for i in 1 2; do
		j=$((3 - i))
		out=$(CNI_COMMAND=ADD CNI_CONTAINERID="$1$i" CNI_IFNAME=eth0 \
			CNI_NETNS="/run/netns/$1$i.pod" CNI_PATH="$build/cni" \
			FAIRLEAD_ROOT="/run/root.$1$i" at "$1$i" "$build/cni/$2" <<-JSON
				{"cniVersion": "1.1.0", "name": "bench", "type": "$2",
				 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.$i.0/24",
					"rangeStart": "10.244.$i.2"}]]},
				 "peers": [{"name": "other", "ip": "192.0.2.$j",
					"cidrs": ["10.244.$j.0/24"]}]}
			JSON
		) || die "$2: $out"
	done
}

# by_hand_pod NAME I MTU: the pod of machine I with a cable to it; the machine's end is called pod0.
by_hand_pod()
{
	ip link add name pod0 mtu "$3" netns "$1$2" type veth peer name eth0 mtu "$3" \
		netns "$1$2.pod"
	at "$1$2" ip link set pod0 up
	at "$1$2.pod" ip link set eth0 up
	at "$1$2" sysctl -qw net.ipv4.ip_forward=1
}

# One network over both machines: a bridge with the pod and a VXLAN device on each.
by_hand_bridge()
{
	local i

	for i in 1 2; do
		by_hand_pod "$1" $i 1450
		at "$1$i" ip -batch - <<-END
			link add br0 type bridge
			link add vxlan0 type vxlan id 1 dstport 4789 local 192.0.2.$i remote 192.0.2.$((3 - i))
			link set vxlan0 master br0 mtu 1450 up
			link set pod0 master br0
			link set br0 mtu 1450 up
		END
		at "$1$i.pod" ip addr add 10.244.$i.2/16 dev eth0
	done
}

# A network on each machine, and a route to the other's.
by_hand_route()
{
	local i j

	for i in 1 2; do
		j=$((3 - i))
		by_hand_pod "$1" $i 1500
		at "$1$i" ip addr add 10.244.$i.1/24 dev pod0
		at "$1$i" ip route add 10.244.$j.0/24 via 192.0.2.$j
		at "$1$i.pod" ip addr add 10.244.$i.2/24 dev eth0
		at "$1$i.pod" ip route add default via 10.244.$i.1
	done
}

start()
{
	local c

	for c in "${contenders[@]}"; do
		machines "$c"
		case $c in
		vxlan) fairlead "$c" vxlan ;;
		route) fairlead "$c" bgp-route ;;
		bridge) by_hand_bridge "$c" ;;
		plain | again) by_hand_route "$c" ;;
		esac
		at "${c}1.pod" ping -q -c 3 -i 0.1 -w 5 10.244.2.2 >/dev/null ||
			die "'$c': the pods do not reach each other"
		at "${c}2.pod" iperf3 -s -D >/dev/null
		at "${c}2.pod" "$rr" serve 7 &
		until [[ $(at "${c}2.pod" ss -Htln | wc -l) == 2 ]]; do
			sleep 0.05
		done
	done
}

# Nobody is fast by doing something else: what goes over the cable is VXLAN or is not.
proof()
{
	local c seen want

	for c in "${contenders[@]}"; do
		at "${c}1" nft 'add table ip proof; add chain ip proof in {
			type filter hook prerouting priority -300; }
			add rule ip proof in iifname "eth0" udp dport 4789 counter'
		at "${c}1.pod" ping -q -c 5 -i 0.05 10.244.2.2 >/dev/null
		seen=$(at "${c}1" nft list chain ip proof in | sed -n 's/.*packets \([0-9]*\).*/\1/p')
		at "${c}1" nft delete table ip proof
		case $c in
		vxlan | bridge) want=5 ;;
		*) want=0 ;;
		esac
		((want ? seen >= want : seen == 0)) ||
			die "'$c': $seen VXLAN packets for 5 answers"
	done
}

# --- the measurements: each prints one number ---------------------------------------------------

# Gbit/s that came.
tcp_stream()
{
	at "${1}1.pod" iperf3 -c 10.244.2.2 -t "$seconds" -J |
		jq '.end.sum_received.bits_per_second / 1e9'
}

# Thousands of 64-byte datagrams a second that came.
udp_packets()
{
	at "${1}1.pod" iperf3 -c 10.244.2.2 -u -b 0 -l 64 -t "$seconds" -J |
		jq '.end.sum | (.packets - .lost_packets) / .seconds / 1e3'
}

# Thousands of round trips a second, one at a time, of 64 bytes.
udp_round_trips()
{
	at "${1}1.pod" "$rr" udp 10.244.2.2 7 $((seconds * 1000)) | awk '{ print $1 / 1e3 }'
}

tcp_round_trips()
{
	at "${1}1.pod" "$rr" tcp 10.244.2.2 7 $((seconds * 1000)) | awk '{ print $1 / 1e3 }'
}

# --- rows --------------------------------------------------------------------------------------

# judge RATIO NOISE: sets $verdict. Not slower, as far as this row's noise lets it be seen.
judge()
{
	asks "$1" "$(awk -v n="$2" 'BEGIN { d = n < 1 ? 1 - n : n - 1; print 1 - (d > 0.02 ? d : 0.02) }')"
}

# row TITLE UNIT MEASURE: all rounds of it.
row()
{
	local c noise r

	measure_all "$rounds" "$3" "${contenders[@]}"
	noise=$(ratios again plain | median)
	printf '%-24s' "$1, $2"
	for c in 'vxlan bridge' 'route plain'; do
		r=$(ratios "${c% *}" "${c#* }" | median)
		judge "$r" "$noise"
		printf ' %9.2f %9.2f %5.2fx %s' "$(median <"/run/figures/${c% *}")" \
			"$(median <"/run/figures/${c#* }")" "$r" $verdict
	done
	printf ' %6.2fx\n' "$noise"
}

start
proof
printf '\nPod to pod between two machines (%d rounds of %s s; more is better)\n' "$rounds" "$seconds"
printf '%-24s %9s %9s %11s %9s %9s %11s %7s\n' '' vxlan 'by hand' '' bgp-route 'by hand' '' noise
row 'TCP stream' Gbit/s tcp_stream
row 'UDP packets' 1000/s udp_packets
row 'UDP round trips' 1000/s udp_round_trips
row 'TCP round trips' 1000/s tcp_round_trips
verdict_line
