# SPDX-License-Identifier: Apache-2.0
# What the tests of vxlan and bgp-route share: two nodes with a cable between them, and
# configurations for each. Loaded after node.bash.
#
#	routed_start		nodes n1 and n2, 192.0.2.N and 2001:db8::N on eth0 of each
#	routed_conf TYPE N [JQ]	the dual-stack configuration of node N, with the other as its peer

# routed_start [MTU]: makes both nodes, and n1 the current one.
routed_start() {
	local n i
	node_start n1
	node_start n2
	node_join n1 u0 n2 u0
	for n in 1 2; do
		node_use "n$n"
		in_node ip link set u0 mtu "${1:-1500}"
		in_node ip addr add "192.0.2.1$n/24" dev u0
		in_node ip addr add "2001:db8::1$n/64" dev u0 nodad
		in_node ip route add default via 192.0.2.1
	done
	# IPv6 has its route to the cable once the kernel has noticed that both ends are up.
	for n in 1 2; do
		node_use "n$n"
		for ((i = 0; i < 600; i++)); do
			in_node ip -6 route get 2001:db8::1 >/dev/null 2>&1 && break
			sleep 0.05
		done
	done
	node_use n1
}

routed_stop() {
	node_stop n1
	node_stop n2
}

# routed_conf TYPE N [JQ]: the network "pods" on node N of the two.
routed_conf() {
	local other=$((3 - $2))
	jq -cn --arg type "$1" --arg n "$2" --arg o "$other" --arg version "$CNI_VERSION" '{
		cniVersion: $version, name: "pods", type: $type,
		peers: [{name: "n\($o)", ips: ["192.0.2.1\($o)", "2001:db8::1\($o)"],
			cidrs: ["10.244.\($o).0/24", "fd00:244:\($o)::/64"]}],
		ipam: {type: "host-local", ranges: [
			[{subnet: "10.244.\($n).0/24"}], [{subnet: "fd00:244:\($n)::/64"}]]}
	} | '"${3:-.}"
}

# routed_clean: both nodes as routed_start has made them, but for sysctls. The node is n1.
routed_clean() {
	local n p
	for n in 2 1; do
		node_use "n$n"
		for p in p1 p2; do
			pod_del "$p"
		done
		in_node bash -c '
			for l in /sys/class/net/*; do
				case ${l##*/} in lo | u0) ;; *) ip link del "${l##*/}" 2>/dev/null ;; esac
			done
			ip route flush proto 171 2>/dev/null
			ip -6 route flush proto 171 2>/dev/null
			ip route flush proto 170 2>/dev/null
			nft flush ruleset
			rm -rf /run/fairlead /var/lib/cni/networks'
		pod_add p1 p2
	done
}

# What follows works on the node n1, on $conf and on $prev1, the result of the pod p1.

check() {
	cni CHECK "$(jq -r .type <<<"$conf")" c1 eth0 "$(pod_path p1)" <<<"$(with_prev "$conf" "$prev1")"
}

check_passes() {
	run -0 check
	[ -z "$output" ]
}

# The pod p1 anew, which CHECK then agrees with.
readd() {
	cni DEL "$(jq -r .type <<<"$conf")" c1 eth0 - <<<"$conf"
	prev1=$(cni ADD "$(jq -r .type <<<"$conf")" c1 eth0 "$(pod_path p1)" <<<"$conf")
	check_passes
}

# Another pod comes and goes, after which CHECK of the first agrees again.
mend() {
	cni ADD "$(jq -r .type <<<"$conf")" c2 eth0 "$(pod_path p2)" <<<"$conf" >/dev/null
	cni DEL "$(jq -r .type <<<"$conf")" c2 eth0 - <<<"$conf"
	check_passes
}

# refuses JQ WORDS: ADD with this change fails with code 7 and these words, and leaves nothing.
refuses() {
	local bad
	bad=$(jq -c "$1" <<<"$(routed_conf "${ROUTED_TYPE:-vxlan}" 1)")
	run -1 cni ADD "${ROUTED_TYPE:-vxlan}" c1 eth0 "$(pod_path p1)" <<<"$bad"
	[ "$(jq .code <<<"$output")" = 7 ]
	[[ "$(jq -r .details <<<"$output")" == *"$2"* ]] || {
		echo "expected '$2' in: $output"
		return 1
	}
	[ -z "$(in_node ip route show proto 171)$(in_node ip route show proto 170)" ]
	run ! in_pod p1 ip link show eth0
}

# source_of POD NODE ADDRESS: whom the other node sees when the pod says a word to its address.
source_of() {
	local pid=NODE_PID_$2 out=$BATS_TEST_TMPDIR/source
	rm -f "$out"
	nsenter --target "${!pid}" --net -- timeout 60 python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 7777))
print("ready", flush=True)
print(s.recvfrom(9)[1][0])' "$3" >"$out" 3>&- 4>&- &
	local job=$! i
	for ((i = 0; i < 600; i++)); do
		grep -q ready "$out" && break
		sleep 0.05
	done
	in_pod "$1" bash -c "echo word >/dev/udp/$3/7777"
	wait "$job"
	tail -n1 "$out"
}

# vtep_mac NODE: the MAC address of its VTEP.
vtep_mac() {
	local pid=NODE_PID_$1
	nsenter --target "${!pid}" --net --mount -- cat /sys/class/net/fairlead.1/address
}
