#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# No gap between nodes: the agent of n1 is exchanged, up and down and killed on the way, by others with
# other layouts of the maps, while its pods and those of n2 (by plain routes) and n3 (by the overlay)
# send each other without a pause what is allowed and what is not, over IPv4 and IPv6. Of the one
# nothing may be lost, of the other nothing may come. nogap.bats has the same for pods of one node.
#
# Needs root, for namespaces, and eBPF.

bats_require_minimum_version 1.5.0
load node
load cluster
load policies
load flood

setup_file() {
	local node
	export CLUSTER_SECOND=n3
	cluster_start n1 n2 n3
	cluster_tell n1 n2 n3
	written 7002 | manifest_put n1 policy.yaml
	agent_up n1 n2 n3 -- "$(printf 'mode: direct\npolicy: {enforce: true}')"
	pod_attach n1 in "$(agent_net_conf '.args.cni.labels = [{key: "app", value: "in"}]')"
	pod_attach n1 out "$(agent_net_conf '.args.cni.labels = [{key: "app", value: "out"}]')"
	for node in n2 n3; do
		pod_attach $node in
		pod_attach $node out
	done
	on n1 in_node nft -f - <<<"$seen"
}

teardown_file() {
	pods_detach || true
	cluster_stop
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED-}" ] || tail -n 15 "$(agent_log n1)" | sed 's/^/n1: /'
	floods_end
}

# written FIRST: what n1's pods may: "in" takes and "out" sends nothing but UDP to ports from this one
# to 7019, and the streams.
written() {
	local ports="[{protocol: UDP, port: $1, endPort: 7019}, {port: 5001}]"
	cat <<-END
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: in, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: in}}
		  policyTypes: [Ingress]
		  ingress: [{ports: $ports}]
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: out, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: out}}
		  policyTypes: [Egress]
		  egress: [{ports: $ports}]
	END
}

# What n1's stack has to do with it: nothing, as long as no agent is killed before it is ready.
seen='table inet seen {
	chain forward {
		type filter hook forward priority 0; policy accept;
		ip saddr 10.244.0.0/16 ip daddr 10.244.0.0/16 counter
		ip6 saddr fd00:244::/32 ip6 daddr fd00:244::/32 counter
	}
}'

by_stack() {
	on n1 in_node nft -j list chain inet seen forward |
		jq '[.nftables[].rule?.expr[]?.counter?.packets | values] | add'
}

# ways WORD: calls "WORD SENDER NODE RECEIVER NODE FAMILY FIRST" for each way between n1 and another
# node; of the ports from FIRST on two may be spoken to, and of those from FIRST + 20 on none.
ways() {
	local family
	for family in 4 6; do
		"$1" to2 n2 in n1 $family $((6998 + family)) || return
		"$1" to3 n3 in n1 $family $((7002 + family)) || return
		"$1" from2 n1 in2 n2 $family $((6998 + family)) || return
		"$1" from3 n1 in3 n3 $family $((6998 + family)) || return
	done
}

way_flood() {
	flood_start "$1$5" "$2" out send "$(pod_ip "$4" in "$5")" 50 \
		"$6" $(($6 + 1)):fresh $(($6 + 20)) $(($6 + 21)):fresh
}

way_arrives() {
	arrives "$1$5" "$3" "$6" $(($6 + 1))
}

way_judge() {
	way_arrives "$@" || return
	not_one "$1$5" "$3" $(($6 + 20)) $(($6 + 21))
}

listen_start() {
	local there=(7002 7003 7004 7005 7022 7023 7024 7025)
	flood_start in n1 in receive "${there[@]}" 7006 7007 7008 7009 7026 7027 7028 7029
	flood_start out n1 out receive 7040:echo 7041:echo 7042:echo 7043:echo
	flood_start in2 n2 in receive "${there[@]}" 7040:echo 7041:echo
	flood_start in3 n3 in receive "${there[@]}" 7040:echo 7041:echo
}

floods_start() {
	listen_start
	stream_start s1 n2 out n1 in 200000 4
	stream_start s2 n3 out n1 out 200000 6
	stream_start s3 n1 out n2 in 200000 6
	stream_start s4 n1 out n3 in 200000 4
	ways way_flood
}

# asks_start [RATE]: "in" lets nobody in at the ports that it asks from, and "out" may not send to
# those that it is asked from: what comes back is let through as an answer only.
asks_start() {
	local rate=${1:-200}
	flood_start ask2 n1 in send "$(pod_ip n2 in 4)" $rate 7040 7041:fresh
	flood_start ask3 n1 in send "$(pod_ip n3 in 6)" $rate 7040 7041:fresh
	flood_start asked2 n2 out send "$(pod_ip n1 out 6)" $rate 7040 7041:fresh
	flood_start asked3 n3 out send "$(pod_ip n1 out 4)" $rate 7042 7043:fresh
}

floods_stop() {
	local name
	flood_stop {to,from}{2,3}{4,6}
	for name; do
		flood_stop "$name" &
	done
	wait
	flood_stop in out in2 in3
	for name in s1 s2 s3 s4; do
		echo "# $(stream_stop $name)" >&3
	done
}

floods_judge() {
	local name
	floods_stop ask2 ask3 asked2 asked3
	ways way_judge
	for name in "ask2 in2 7040" "ask3 in3 7040" "asked2 out 7040" "asked3 out 7042"; do
		answered $name
	done
}

# all_answered LOST: connections that begin meanwhile, too, but for so many.
all_answered() {
	local name
	for name in "ask2 in2 7041" "ask3 in3 7041" "asked2 out 7041" "asked3 out 7043"; do
		answered $name "$1"
	done
}

@test "agents with other layouts take over under traffic to other nodes: nothing lost, nothing through" {
	floods_start
	asks_start
	agent_exchange n1 "$BUILD/tests/fairleadd-next"
	[ "$(agent_layouts n1)" = v1000 ]
	policy < <(written 6990)
	agent_exchange n1 "$AGENT"
	[ "$(agent_layouts n1)" = v1 ]
	[ "$(by_stack)" = 0 ]
	floods_judge
	# But for those that begin within the one call to the kernel.
	all_answered 3
}

@test "such an exchange that is killed on the way loses nothing and lets nothing through either" {
	local i
	floods_start
	asks_start
	agent_kill n1
	for ((i = 0; i < 6; i++)); do
		AGENT=$BUILD/tests/fairleadd-$([ $((i % 2)) = 0 ] && echo grown || echo next) \
			agent_live n1 "0.$((2 + i))"
	done
	agent_up n1
	[ "$(agent_layouts n1)" = v1 ]
	floods_judge
}

# unknown: packets that were dropped because the datapath did not know the pod.
unknown() {
	agent_get n1 /metrics | awk '/^fairlead_datapath_packets_total.*"unknown_endpoint"/ { n += $NF } END { print n }'
}

# enforce true|false: by an agent that is configured so.
enforce() {
	agent_stop n1
	agent_start n1 "$(printf 'mode: direct\npolicy: {enforce: %s}' "$1")"
	agent_wait_ready n1
}

# An interface that gets a clsact qdisc, or loses one, stops for a moment, in which few packets are
# sent here: so it is looked for by itself.
@test "enforcement ends and begins again under traffic: what is allowed is not lost, no interface stops" {
	local i enforce changes=$BATS_TEST_TMPDIR/changes
	on n1 in_node stdbuf -oL tc monitor >"$changes" 2>&1 3>&- 4>&- &
	echo $! >"$changes.pid"
	disown $!
	# So many policies that it takes a while until the maps are filled.
	for ((i = 0; i < 300; i++)); do
		written 6990 | sed "s/{name: /&more-$i-/"
	done | manifest_put n1 more.yaml
	floods_start
	for enforce in false true false true; do
		enforce $enforce
		sleep 0.5
		[ $enforce = false ] || [ "$(unknown)" = 0 ]
	done
	floods_stop
	kill "$(cat "$changes.pid")"
	ways way_arrives
	# What has a new one is the datapath's own link, by which nothing is sent.
	grep -q '^qdisc clsact .* dev fairlead-blocks ' "$changes"
	run -1 grep '^deleted qdisc clsact ' "$changes"
	# And it is enforced again.
	floods_start
	sleep 1
	floods_stop
	ways way_judge
}

# Of two programs the one that is still there must not take for a question what is the answer to one
# that the other would have seen.
@test "enforcement ends under traffic: no answer of an isolated pod is lost, whoever begins then" {
	local round name
	for round in 1 2 3; do
		[ $round = 1 ] || enforce true
		listen_start
		asks_start 1000
		sleep 0.3
		enforce false
		sleep 0.3
		flood_stop ask2 ask3 asked2 asked3
		flood_stop in out in2 in3
		for name in "ask2 in2 7040" "ask3 in3 7040" "asked2 out 7040" "asked3 out 7042"; do
			answered $name
		done
		all_answered 0
	done
	enforce true
}

# begins_slowly NODE: an agent that is to enforce, stopped where pods are to join and cannot yet: its
# mark is there, its link is not. It is at that place for milliseconds: fails when it was missed.
begins_slowly() {
	local mark pid end=$((SECONDS + 20))
	mark=$(on "$1" node_file /run/fairlead/blocks)
	agent_stop "$1"
	agent_start "$1" "$(printf 'mode: direct\npolicy: {enforce: true}')"
	pid=$(agent_pid "$1")
	while ! [ -e "$mark" ]; do
		((SECONDS < end)) || return
	done
	kill -STOP "$pid"
	! on "$1" in_node ip link show fairlead-blocks >/dev/null 2>&1 || {
		kill -CONT "$pid"
		agent_wait_ready "$1"
		return 1
	}
}

@test "who is attached while enforcement begins again is told to come again, and is then enforced" {
	local i
	for ((i = 0; i < 20; i++)); do
		enforce false
		! begins_slowly n1 || break
	done
	((i < 20))
	echo "# missed $i times" >&3
	run -1 pod_attach n1 late
	[ "$(jq .code <<<"$output")" = 11 ]
	[[ "$(jq -r .details <<<"$output")" == *"'fairlead-blocks' is gone: try again"* ]]
	kill -CONT "$(agent_pid n1)"
	agent_wait_ready n1
	pod_attach n1 late
	agent_get n1 /v1/endpoints | jq -e '.[] | select(.containerID == "late") | .enforced'
	pod_detach n1 late
}
