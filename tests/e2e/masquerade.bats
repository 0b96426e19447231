#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ipMasq with real traffic through a network that knows nothing of pods: what leaves is translated,
# what stays inside is not; the number of rules does not grow with pods; state goes with DEL and
# comes back after a firewall reload. Needs root, network namespaces, nft and busybox-static.

bats_require_minimum_version 1.5.0
load node
load real

TABLE="inet fairlead-masq"

setup_file() {
	node_start
	outside_add
	pod_add p1 p2 p3
	# Frames between ports of a bridge go through the IP rules too where the kernel can.
	in_node sysctl -qw net.bridge.bridge-nf-call-iptables=1 \
		net.bridge.bridge-nf-call-ip6tables=1 || true
}

teardown_file() {
	node_stop
}

teardown() {
	local i
	serve_stop
	for i in 1 2 3; do
		cni DEL bridge c$i eth0 "$(pod_path p$i)" <<<"$(conf)"
	done
	in_node find /var/lib/cni/networks -type f ! -name lock -delete
	in_node nft flush ruleset
}

conf() {
	bridge_conf masq "${1:-.}"
}

# add N [JQ]: pod N gets 10.88.0.(N+1) and fd00:88::(N+1) when they come in order.
add() {
	cni ADD bridge "c$1" eth0 "$(pod_path "p$1")" <<<"$(conf "${2:-.}")" >/dev/null
}

reaches() {
	in_pod "$1" ping -c 1 -W "${3:-10}" "$2" >/dev/null
}

# serve POD: a web server that notes whom it answers in $BATS_TEST_TMPDIR/seen.
serve() {
	echo hello >"$BATS_TEST_TMPDIR/index.html"
	serve_start "$1" "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/seen"
}

rules() {
	in_node nft -j list table $TABLE | jq '[.nftables[] | select(.rule)] | length'
}

# Addresses in the table's sets.
elements() {
	in_node nft -j list table $TABLE |
		jq -r '[.nftables[].set.elem // [] | .[]] | sort | join(" ")'
}

@test "a pod reaches the outside over both families, and is seen there as the node" {
	add 1
	serve outside
	run -0 in_pod p1 curl -s -m 10 http://192.0.2.2/
	[ "$output" = hello ]
	run -0 in_pod p1 curl -s -m 10 'http://[2001:db8::2]/'
	[ "$output" = hello ]
	run -0 cat "$BATS_TEST_TMPDIR/seen"
	[[ $output == *192.0.2.1* && $output == *2001:db8::1* ]]
	[[ $output != *10.88.0.2* && $output != *fd00:88::2* ]]
}

@test "without ipMasq the outside gets no answer back, and no table is made" {
	add 1 '.ipMasq = false'
	run ! reaches p1 192.0.2.2 1
	run ! reaches p1 2001:db8::2 1
	run -0 in_node nft list tables
	[[ $output != *fairlead* ]]
}

@test "pods of one subnet see each other's own addresses" {
	add 1
	add 2
	serve p1
	run -0 in_pod p2 curl -s -m 10 http://10.88.0.2/
	run in_pod p2 curl -s -m 10 'http://[fd00:88::2]/'
	[ "$status" -eq 0 ] || {
		in_pod p2 ip -6 neigh
		in_pod p1 ip -6 addr
		in_node bridge -d fdb show br br0
		return 1
	}
	run -0 in_node curl -s -m 10 http://10.88.0.2/
	run -0 cat "$BATS_TEST_TMPDIR/seen"
	[[ $output == *10.88.0.3* && $output == *fd00:88::3* && $output == *10.88.0.1* ]]
}

@test "the node's own traffic and other addresses of the subnet are not touched" {
	add 1
	in_node ip addr add 10.88.77.77/32 dev lo
	# Not a pod's address: nothing translates it, so the outside cannot answer.
	run ! in_node ping -c 1 -W 1 -I 10.88.77.77 192.0.2.2
	in_node ip addr del 10.88.77.77/32 dev lo
	in_node ping -c 1 -W 10 192.0.2.2
}

@test "50 pods have as many rules as one" {
	local i one conf
	add 1
	one=$(rules)
	conf=$(conf)
	for ((i = 0; i < 50; i++)); do
		pod_add "many$i"
		cni ADD bridge "many$i" eth0 "$(pod_path "many$i")" <<<"$conf" >/dev/null
	done
	[ "$(rules)" = "$one" ]
	[ "$(elements | wc -w)" = 102 ]
	[ "$(in_node nft list ruleset | grep -c 'hook ')" = 1 ]
	for ((i = 0; i < 50; i++)); do
		cni DEL bridge "many$i" eth0 "$(pod_path "many$i")" <<<"$conf"
		pod_del "many$i"
	done
	[ "$(rules)" = "$one" ]
	[ "$(elements)" = "10.88.0.2 fd00:88::2" ]
}

@test "DEL takes the pod's addresses out, with a dead namespace and without a result too" {
	add 1
	add 2
	add 3
	[ "$(elements | wc -w)" = 6 ]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	[ "$(elements)" = "10.88.0.3 10.88.0.4 fd00:88::3 fd00:88::4" ]
	pod_del p2
	cni DEL bridge c2 eth0 /run/netns/p2 <<<"$(conf)"
	[ "$(elements)" = "10.88.0.4 fd00:88::4" ]
	cni DEL bridge c3 eth0 "" <<<"$(conf)"
	[ -z "$(elements)" ]
	pod_add p2
}

@test "after a firewall reload the next ADD heals it, for the pods that were there as well" {
	add 1
	in_node nft flush ruleset
	run ! reaches p1 192.0.2.2 1
	add 2
	reaches p2 192.0.2.2
	reaches p1 192.0.2.2
	[ "$(elements | wc -w)" = 4 ]
}

@test "what a reload took is not put back for who leaves, who waits for those that put it back" {
	local pid
	add 1
	# As a DEL or an ADD holds the record of what it changes.
	exec 8<"$(node_file "$(in_node sh -c 'echo /run/fairlead/endpoints/*.json')")"
	flock 8
	in_node nft flush ruleset
	add 2
	[ "$(elements)" = "10.88.0.3 fd00:88::3" ]
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)" 8<&- &
	pid=$!
	sleep 0.5
	in_pod p1 ip link show eth0 >/dev/null
	exec 8<&-
	wait "$pid"
	run -1 in_pod p1 ip link show eth0
	[ "$(elements)" = "10.88.0.3 fd00:88::3" ]
}

@test "a DEL that another one overtook takes nothing from who has the address by now" {
	local pid one='.bridge = "br9" | .ipam.ranges = [[{subnet: "10.88.0.0/30"}]]'
	add 1 "$one"
	exec 8<"$(node_file "$(in_node sh -c 'echo /run/fairlead/endpoints/*.json')")"
	flock 8
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf "$one")" 8<&- &
	pid=$!
	sleep 0.5 # it has read the record, and waits for it
	in_node find /run/fairlead/endpoints /var/lib/cni/networks/masq -type f \
		'(' -name '*.json' -o -name 10.88.0.2 ')' -delete
	add 2 "$one"
	exec 8<&-
	wait "$pid"
	[ "$(elements)" = 10.88.0.2 ]
	[ "$(in_node head -1 /var/lib/cni/networks/masq/10.88.0.2 | tr -d '\r')" = c2 ]
	cni DEL bridge c2 eth0 "$(pod_path p2)" <<<"$(conf "$one")"
	in_node ip link del br9
}

@test "rules that somebody removed one by one come back with the next ADD" {
	add 1
	in_node nft flush chain $TABLE postrouting
	run ! reaches p1 192.0.2.2 1
	add 2
	reaches p1 192.0.2.2
	reaches p2 192.0.2.2
}

@test "another program's tables are left alone by ADD, DEL and heal" {
	in_node nft -f - <<-N
		add table inet mine
		add chain inet mine post { type nat hook postrouting priority 99; }
		add rule inet mine post counter
		add table ip filter
		add chain ip filter FORWARD { type filter hook forward priority 0; }
		add rule ip filter FORWARD counter
	N
	local before
	before=$(in_node nft -s list table inet mine; in_node nft -s list table ip filter)
	add 1
	add 2
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	diff <(echo "$before") <(in_node nft -s list table inet mine
		in_node nft -s list table ip filter)
}

@test "two networks have a table each, and one's DEL leaves the other's alone" {
	add 1
	local other
	other=$(bridge_conf masq2 '.bridge = "br2" | .ipam.ranges = [[{subnet: "10.89.0.0/24"}]]')
	cni ADD bridge c2 eth0 "$(pod_path p2)" <<<"$other"
	reaches p2 192.0.2.2
	# Between networks a pod is translated: it leaves its own subnet.
	reaches p1 192.0.2.2
	cni DEL bridge c2 eth0 "$(pod_path p2)" <<<"$other"
	reaches p1 192.0.2.2
	run -0 in_node nft list table inet fairlead-masq2
	[[ $output != *10.89.0.2* ]]
}

@test "two attachments of one container: a DEL of one keeps the other's translation" {
	add 1
	cni ADD bridge c1 eth1 "$(pod_path p1)" <<<"$(conf)"
	[ "$(elements | wc -w)" = 4 ]
	cni DEL bridge c1 eth1 "$(pod_path p1)" <<<"$(conf)"
	[ "$(elements)" = "10.88.0.2 fd00:88::2" ]
	reaches p1 192.0.2.2
}

@test "GC takes the addresses of attachments that are not valid, and no others" {
	add 1
	add 2
	cni GC bridge - - - <<<"$(conf '."cni.dev/valid-attachments" =
		[{containerID: "c2", ifname: "eth0"}]')"
	[ "$(elements)" = "10.88.0.3 fd00:88::3" ]
	reaches p2 192.0.2.2
}

@test "whatever file a DEL has no memory to open, the next one leaves nothing" {
	local n calls=$BATS_TEST_TMPDIR/calls fault=$BUILD/tests/fault
	# Without the result of ADD nothing but the record knows the pod's addresses.
	conf >"$BATS_TEST_TMPDIR/conf"
	set -- env CNI_COMMAND=DEL CNI_IFNAME=eth0 CNI_CONTAINERID=c1 CNI_PATH="$PLUGIN_DIR" \
		sh -c 'exec "$0" <"$1"' "$PLUGIN_DIR/bridge" "$BATS_TEST_TMPDIR/conf"
	add 1
	in_node "$fault" -o "$calls" list -- "$@"
	n=$(awk '$3 == "openat" && $5 == "main" { print $2 }' "$calls")
	[ "$(wc -w <<<"$n")" -gt 2 ]
	for n in $n; do
		add 1
		[ -n "$(elements)" ]
		in_node "$fault" -o "$calls" error "$n" ENOMEM -- "$@" || true
		grep -q "^injected $n openat" "$calls"
		in_node "$@"
		[ -z "$(elements)" ]
	done
}
