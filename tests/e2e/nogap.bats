#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# No gap: policies are switched, pods come and go, the agent is killed and exchanged, by another one
# with another layout of the maps, too, while packets that are allowed and packets that are not are
# sent without a pause. Of the ones none may be lost, of the others none may come. The 100,000
# switches are in tests/bpf/test_switch.c.
#
# Needs root, for namespaces, and eBPF.
# time limit: 600 s

bats_require_minimum_version 1.5.0
load node
load cluster
load policies
load flood

setup_file() {
	cluster_start n1
	cluster_tell n1
	agent_up n1 -- "$(printf 'mode: none\npolicy: {enforce: true}')"
	pod_attach n1 web "$(labelled web)"
	pod_attach n1 cli "$(labelled client)"
	pod_attach n1 other "$(labelled other)"
}

teardown_file() {
	pods_detach || true
	cluster_stop
}

setup() {
	ip=$(pod_ip n1 web)
	switch a
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED-}" ] || tail -n 15 "$(agent_log n1)" | sed 's/^/n1: /'
	floods_end
	agent_pid n1 >/dev/null || agent_start n1
	agent_wait_ready n1
}

# labelled APP [JQ]: a network without peers, with this label on the pod.
labelled() {
	agent_net_conf '.type = "bgp-route" | .args.cni.labels = [{key: "app", value: "'"$1"'"}] | '"${2:-.}"
}

# written a|b|c: policies that say the same of what is sent here, and something else beside.
written() {
	local ports="{protocol: UDP, port: 7001}, {protocol: UDP, port: 7002}, {port: 5001}" more=
	case $1 in
	b) ports="{protocol: UDP, port: 7000, endPort: 7002}, {port: 5000, endPort: 5001}" ;;
	c) more="{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.244.0.0/16]}}]}" ;;
	esac
	policy_deny
	policy_web "$ports" "$more"
}

# switch a|b|c: in force when this returns.
switch() {
	cmp -s <(written "$1") "$(on n1 node_file /etc/fairlead/manifests/policy.yaml)" ||
		policy < <(written "$1")
}

# floods_start, floods_judge: allowed are 7001 and 7002 from cli to web, and the stream.
floods_start() {
	flood_start web n1 web receive 7001 7002 7003 7004 7005 7006
	stream_start s n1 cli n1 web 500000
	flood_start cli n1 cli send "$ip" 300 7001 7002:fresh 7003 7004:fresh
	flood_start other n1 other send "$ip" 300 7005 7006:fresh
}

floods_judge() {
	flood_stop cli other web
	echo "# $(stream_stop s)" >&3
	arrives cli web 7001 7002
	not_one cli web 7003 7004
	not_one other web 7005 7006
}

# dump: what is in the maps, but for what depends on who came first (slots) and on traffic.
dump() {
	local map
	for map in rules ports addresses prefixes specials locals; do
		echo "$map"
		on n1 in_node bpftool map dump pinned "/sys/fs/bpf/fairlead/v1/fl_$map" -j |
			jq -c '.[] | [.key, .value]' | sort
	done
	on n1 in_node bpftool map dump pinned /sys/fs/bpf/fairlead/v1/fl_endpoints -j |
		jq -c '.[].formatted | .value | del(.slot, .pick_up_until_s)' | sort
}

@test "two hundred switches by the manifests lose nothing and let nothing through" {
	local i to=(b c a)
	floods_start
	for ((i = 0; i < 200; i++)); do
		switch "${to[i % 3]}"
	done
	floods_judge
}

@test "pods that come and go with each other's addresses disturb nobody and inherit nothing" {
	local i app last='' net k
	# Three addresses, so that they are used again at once; somebody sends to all of them all the time.
	net='.ipam.ranges = [[{subnet: "10.244.1.0/24", rangeStart: "10.244.1.200", rangeEnd: "10.244.1.202"}]]'
	pod_objects | manifest_put n1 pods.yaml
	floods_start
	for k in 0 1 2; do
		flood_start "to$k" n1 cli send "10.244.1.20$k" 100 7008 7009:fresh
	done
	for ((i = 0; i < 16; i++)); do
		app=$([ $((i % 2)) = 0 ] && echo other || echo client)
		on n1 pod_add "churn$i"
		flood_start "at$i" n1 "churn$i" receive 7008 7009
		flood_start "churn$i" n1 "churn$i" send "$ip" 300 $((7005 + i % 2)) 7003:fresh
		attach_early "churn$i" $app "$net"
		[ -z "$last" ] || pod_detach n1 "$last"
		last=churn$i
		flood_stop "churn$i" "at$i"
		[ "$(flood_number "at$i" 7008 received)" = 0 ]
		[ "$(flood_number "at$i" 7009 received)" = 0 ]
	done
	pod_detach n1 "$last"
	flood_stop to0 to1 to2
	manifest_del n1 pods.yaml
	floods_judge
}

# Objects of half of those pods, which the compiler so knows before they come.
pod_objects() {
	local i
	for ((i = 0; i < 16; i += 4)); do
		cat <<-END
			---
			apiVersion: v1
			kind: Pod
			metadata: {name: churn$i, namespace: default, labels: {app: other}}
			spec: {nodeName: n1}
			---
			apiVersion: v1
			kind: Pod
			metadata: {name: churn$((i + 1)), namespace: default, labels: {app: client}}
			spec: {nodeName: n1}
		END
	done
}

@test "a pod sees its policy from its first packet, which it sends before ADD is done" {
	local i
	flood_start web n1 web receive 7001 7003 7005
	for ((i = 0; i < 20; i++)); do
		on n1 pod_add "early$i"
		flood_start "bad$i" n1 "early$i" send "$ip" 1000 7005
		attach_early "early$i" other
		flood_stop "bad$i"
		pod_detach n1 "early$i"
		on n1 pod_add "early$i"
		flood_start "good$i" n1 "early$i" send "$ip" 500 7001 7003
		attach_early "early$i" client
		flood_stop "good$i"
		pod_detach n1 "early$i"
	done
	flood_stop web
	[ "$(flood_number web 7005 received)" = 0 ]
	[ "$(flood_number web 7003 received)" = 0 ]
	[ "$(flood_number web 7001 received)" -gt 0 ]
}

# attach_early POD APP [JQ]: ADD of a pod whose namespace is there, and what runs in it; until it has sent.
attach_early() {
	local to="$BATS_FILE_TMPDIR/pod.n1.$1"
	labelled "$2" "${3:-.}" >"$to.conf"
	on n1 cni ADD bgp-route "$1" eth0 "$(pod_path "$1")" <"$to.conf" >"$to.result"
	eventually 10 has_sent "$1"
}

has_sent() {
	on n1 in_pod "$1" sh -c 'test "$(cat /sys/class/net/eth0/statistics/tx_packets)" -gt 20' ||
		on n1 in_pod "$1" ip -s -j link show eth0 | jq -e '.[0].stats64.tx.packets > 20' >/dev/null
}

@test "a pod that comes while no agent lives is shut both ways until one does, and then right" {
	flood_start web n1 web receive 7001 7003
	agent_kill n1
	pod_attach n1 late "$(labelled client)"
	flood_start late n1 late receive 7007
	flood_start in n1 cli send "$(pod_ip n1 late)" 300 7007
	flood_start out n1 late send "$ip" 300 7001 7003
	eventually 10 has_sent late
	agent_start n1
	agent_wait_ready n1
	eventually 10 received_since_ready
	flood_stop out in late web
	not_one out web 7003
	not_one in late 7007
	pod_detach n1 late
}

# The datapath has passed something for the pod "late".
received_since_ready() {
	on n1 in_pod web ip -s -j link show eth0 | jq -e '.[0].stats64.rx.packets > 50' >/dev/null
}

@test "agents killed at any moment, policies changed between them: nothing lost, nothing through" {
	local i n=0 at_calls=0 end to=(b c a) calls
	local fault=$BUILD/tests/fault report=$BATS_TEST_TMPDIR/report
	agent_kill n1
	floods_start
	end=$((${EPOCHREALTIME/./} + 12000000))
	for ((i = 0; ${EPOCHREALTIME/./} < end; i++)); do
		written "${to[i % 3]}" | manifest_put n1 policy.yaml
		agent_live n1 $((RANDOM % 3)).$((RANDOM % 10))
		n=$((n + 1))
	done
	# And at given places: before it writes to a map, or makes the kernel load or stand in something.
	on n1 in_node "$fault" -o "$report" -t 5 -f list -- "$AGENT" >>"$(agent_log n1)" 2>&1 || true
	mapfile -t calls < <(awk '$3 == "call_321" || $3 == "bpf" { print $2 }' "$report")
	[ "${#calls[@]}" -gt 50 ]
	for ((i = 0; i < 10; i++)); do
		written "${to[i % 3]}" | manifest_put n1 policy.yaml
		on n1 in_node "$fault" -o "$report" -t 10 -f \
			kill "${calls[(i * ${#calls[@]} + RANDOM % ${#calls[@]}) / 10]}" -- "$AGENT" \
			>>"$(agent_log n1)" 2>&1 || true
		! grep -q '^injected' "$report" || at_calls=$((at_calls + 1))
	done
	echo "# of them $at_calls before a call of bpf()" >&3
	[ "$at_calls" -ge 5 ]
	echo "# $((n + at_calls)) agents killed" >&3
	agent_up n1
	floods_judge
	dump >"$BATS_TEST_TMPDIR/after"
	agent_kill n1
	# Fresh maps.
	on n1 in_node sh -c 'rm -r /sys/fs/bpf/fairlead/v1'
	agent_up n1
	dump >"$BATS_TEST_TMPDIR/fresh"
	diff "$BATS_TEST_TMPDIR/after" "$BATS_TEST_TMPDIR/fresh"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/fresh")" -gt 15 ]
}

@test "an agent with another layout of the maps takes over with all connections, and so does the next" {
	local before after flows
	floods_start
	before=$(metric n1 fairlead_datapath_packets_total)
	flows=$(flows v1)
	agent_exchange n1 "$BUILD/tests/fairleadd-next"
	[ "$(agent_layouts n1)" = v1000 ]
	grep -q "another layout is taken over, with its connections" "$(agent_log n1)"
	[ "$(flows v1000)" -ge "$flows" ]
	switch b
	after=$(metric n1 fairlead_datapath_packets_total)
	[ "$after" -gt "$before" ]
	agent_exchange n1 "$AGENT"
	[ "$(agent_layouts n1)" = v1 ]
	[ "$(metric n1 fairlead_datapath_packets_total)" -gt "$after" ]
	floods_judge
}

# flows LAYOUT: how many connections there are; none is swept in a minute.
flows() {
	on n1 in_node bpftool map dump pinned "/sys/fs/bpf/fairlead/$1/fl_flows" -j | jq length
}

@test "an agent whose connections have one field more, and fewer of them fit, takes over, and back" {
	local flows
	floods_start
	flows=$(flows v1)
	agent_exchange n1 "$BUILD/tests/fairleadd-grown"
	[ "$(agent_layouts n1)" = v1 ]
	[ "$(flows v1)" -ge "$flows" ]
	switch c
	agent_exchange n1 "$AGENT"
	[ "$(agent_layouts n1)" = v1 ]
	floods_judge
}

@test "an exchange of layouts that is killed at any moment goes on where it was" {
	local i
	agent_kill n1
	floods_start
	for ((i = 0; i < 8; i++)); do
		AGENT=$BUILD/tests/fairleadd-$([ $((i % 2)) = 0 ] && echo next || echo grown) \
			agent_live n1 "$((i / 3)).$((i * 3 % 10))"
	done
	agent_up n1
	[ "$(agent_layouts n1)" = v1 ]
	floods_judge
}
