#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The plugins of a live host are exchanged: what the reference bridge and host-local of Debian 12
# attached, ours checks and removes, and the other way round; both use one store of leases in
# turns. Needs root, network namespaces and containernetworking-plugins.

bats_require_minimum_version 1.5.0
load node
load real

export CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR

setup_file() {
	node_start
	pod_add p1 p2 p3 p4
	in_node ip link add swap0 type bridge
}

teardown_file() {
	node_stop
}

setup() {
	conf=$(jq -cn '{cniVersion: "1.0.0", name: "swap", type: "bridge", bridge: "swap0",
		isGateway: true, ipam: {type: "host-local", ranges: [
			[{subnet: "10.22.0.0/24"}], [{subnet: "fd00:22::/64"}]]}}')
	# The bridge's address and the pool's own files are there before and after.
	our ADD c0 p1 "$conf" >/dev/null
	our DEL c0 p1 "$conf"
	before=$(left_behind)
}

teardown() {
	pod_del p1 p2 p3 p4
	pod_add p1 p2 p3 p4
	rm -rf "$(node_file /var/lib/cni/networks)"
}

# our VERB ID POD CONF, ref VERB ID POD CONF: bridge with host-local, both of one maker.
our() {
	CNI_PATH=$PLUGIN_DIR cni "$1" "$PLUGIN_DIR/bridge" "$2" eth0 "$(pod_path "$3")" <<<"$4"
}

ref() {
	CNI_PATH=$REFERENCE_DIR cni "$1" "$REFERENCE_DIR/bridge" "$2" eth0 "$(pod_path "$3")" \
		<<<"$4"
}

# The same with host-local alone.
our_ipam() {
	cni "$1" "$PLUGIN_DIR/host-local" "$2" eth0 "$(pod_path "$3")" <<<"$4"
}

ref_ipam() {
	cni "$1" "$REFERENCE_DIR/host-local" "$2" eth0 "$(pod_path "$3")" <<<"$4"
}

leases() {
	in_node sh -c 'cd /var/lib/cni/networks/swap && ls | grep -v "^l" | sort'
}

@test "ours checks and removes what the reference attached" {
	local r
	r=$(ref ADD c1 p1 "$conf")
	run -0 our CHECK c1 p1 "$(with_prev "$conf" "$r")"
	[ -z "$output" ]
	run -0 our DEL c1 p1 "$(with_prev "$conf" "$r")"
	diff <(echo "$before") <(left_behind)
}

@test "the reference checks and removes what ours attached" {
	local r
	r=$(our ADD c1 p1 "$conf")
	run -0 ref CHECK c1 p1 "$(with_prev "$conf" "$r")"
	run -0 ref DEL c1 p1 "$(with_prev "$conf" "$r")"
	# Our record of the endpoint is what the reference does not know: our next GC's.
	diff <(echo "$before") <(left_behind | grep -v '^/run/fairlead/endpoints/')
}

@test "without a result ours gives the reference's lease back, and the link goes with its namespace" {
	ref ADD c1 p1 "$conf"
	run -0 our DEL c1 p1 "$conf"
	[ -z "$(leases)" ]
	pod_del p1
	# The kernel takes a namespace's links away after it has said that it is gone.
	for _ in {1..500}; do
		run -0 in_node ip -o link show master swap0
		[ -n "$output" ] || break
		sleep 0.02
	done
	[ -z "$output" ]
}

@test "ours gives the reference's lease back when the pod's namespace is gone" {
	ref ADD c1 p1 "$conf"
	pod_del p1
	run -0 our DEL c1 p1 "$conf"
	[ -z "$(leases)" ]
}

@test "DEL of what the reference masquerades removes its iptables chains, and no other's" {
	local masq r kept
	masq=$(jq -c '.ipMasq = true' <<<"$conf")
	ref ADD c1 p1 "$masq" >/dev/null
	kept=$(chains)
	[ "$(grep -c '^chain CNI-' <<<"$kept")" = 2 ]
	r=$(ref ADD c2 p2 "$masq")
	[ "$(chains | grep -c '^chain CNI-')" = 4 ]
	removes "$kept" c2 p2 "$(with_prev "$masq" "$r")"
	# Without result and namespace, too.
	pod_del p1
	removes "" c1 p1 "$masq"
	in_node nft flush ruleset
}

# removes CHAINS ID POD CONF: DEL says nothing and leaves these.
removes() {
	local want=$1
	shift
	run -0 our DEL "$@"
	[ -z "$output" ]
	[ "$(chains)" = "$want" ] || chains | diff - <(echo "$want")
}

# Chains of nat of both families, and who jumps to them.
chains() {
	in_node sh -c 'nft list table ip nat; nft list table ip6 nat' 2>/dev/null |
		sed -n 's/.*\(chain CNI-[0-9a-f]*\).*/\1/p; s/.*\(jump CNI-[0-9a-f]*\).*/\1/p'
}

@test "pods of both makers on one bridge reach each other" {
	local a b
	a=$(ref ADD c1 p1 "$conf" | jq -r '.ips[0].address | sub("/.*"; "")')
	b=$(our ADD c2 p2 "$conf" | jq -r '.ips[0].address | sub("/.*"; "")')
	[ "$a" != "$b" ]
	run -0 in_pod p2 ping -c 1 -W 10 "$a"
	run -0 in_pod p1 ping -c 1 -W 10 "$b"
}

@test "both use one store in turns: no address twice, the round goes on where the other stopped" {
	local id seen=
	for id in 1 2 3 4 5 6 7 8; do
		if ((id % 2)); then
			seen+="$(ref_ipam ADD "t$id" p1 "$conf" | jq -r '.ips[0].address') "
		else
			seen+="$(our_ipam ADD "t$id" p1 "$conf" | jq -r '.ips[0].address') "
		fi
	done
	[ "$seen" = "$(printf '10.22.0.%d/24 ' 3 4 5 6 7 8 9 10)" ]
	[ "$(leases | wc -l)" = 16 ]
	# Each gives back what the other took.
	for id in 1 2 3 4 5 6 7 8; do
		if ((id % 2)); then
			our_ipam DEL "t$id" p1 "$conf"
		else
			ref_ipam DEL "t$id" p1 "$conf"
		fi
	done
	[ -z "$(leases)" ]
}

@test "each finds the other's lease in CHECK" {
	local r
	r=$(ref_ipam ADD c1 p1 "$conf")
	run -0 our_ipam CHECK c1 p1 "$(with_prev "$conf" "$r")"
	r=$(our_ipam ADD c2 p2 "$conf")
	run -0 ref_ipam CHECK c2 p2 "$(with_prev "$conf" "$r")"
}

@test "the files of both are the same byte for byte" {
	local dir
	dir=$(node_file /var/lib/cni/networks/swap)
	rm -rf "$dir"
	our_ipam ADD same p1 "$conf"
	cp -a "$dir" "$BATS_TEST_TMPDIR/our"
	rm -rf "$dir"
	ref_ipam ADD same p1 "$conf"
	cp -a "$dir" "$BATS_TEST_TMPDIR/ref"
	cd "$BATS_TEST_TMPDIR"
	diff -r our ref
	# Debian's reference makes them 0644, newer ones and ours 0600.
	[ "$(cd our && stat -c '%a' 10.22.0.2)" = 600 ]
}

@test "an address that one has taken is refused by the other when asked for" {
	local asked
	asked=$(jq -c '.runtimeConfig = {ips: ["10.22.0.100"]}' <<<"$conf")
	ref_ipam ADD c1 p1 "$asked"
	run -1 our_ipam ADD c2 p2 "$asked"
	[[ $output == *10.22.0.100* ]]
	ref_ipam DEL c1 p1 "$asked"
	our_ipam ADD c2 p2 "$asked"
	run -1 ref_ipam ADD c3 p3 "$asked"
}

@test "a pool filled by both is full for both" {
	local small id
	small=$(jq -c '.ipam.ranges = [[{subnet: "10.22.0.0/29"}]]' <<<"$conf")
	for id in 1 3; do
		ref_ipam ADD "f$id" p1 "$small"
		our_ipam ADD "f$((id + 1))" p1 "$small"
	done
	our_ipam ADD f5 p1 "$small"
	run -1 our_ipam ADD f6 p1 "$small"
	run -1 ref_ipam ADD f6 p1 "$small"
	our_ipam DEL f1 p1 "$small"
	run -0 ref_ipam ADD f6 p1 "$small"
}

@test "a masqueraded pod of the reference is removed by ours, its link and leases" {
	local r masq
	masq=$(jq -c '.ipMasq = true' <<<"$conf")
	r=$(ref ADD c1 p1 "$masq")
	run -0 our DEL c1 p1 "$(with_prev "$masq" "$r")"
	[ -z "$(leases)" ]
	run -1 in_pod p1 ip link show eth0
	run -0 in_node ip -o link show master swap0
	[ -z "$output" ]
}
