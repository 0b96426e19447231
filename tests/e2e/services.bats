#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Policy and Services whose backends no program at an interface could judge: a process of the pod's
# own node, a pod of the node behind a Service that masquerades all, what lies beyond the cluster or
# behind an interface without our programs; connections to them over changes of policy; and what of
# this stands in netfilter.
#
# Needs root, for namespaces, eBPF, and python3.
# time limit: 300 s

# bats file_tags=kernels
bats_require_minimum_version 1.5.0
load node
load cluster
load policies
load services

setup_file() {
	services_up
}

teardown_file() {
	cluster_stop
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/talk.pid" ] || kill -KILL "$(cat "$BATS_TEST_TMPDIR/talk.pid")" || true
	manifest_del n1 policy.yaml
	on n1 in_node nft delete table inet masq 2>/dev/null || true
	eventually 15 connects cli "$(pod_ip n1 web1)" 80
}

# to ADDRESS4 ADDRESS6 PORT: of a rule for what pods send.
to() {
	echo "to: [{ipBlock: {cidr: $1/32}}, {ipBlock: {cidr: \"$2/128\"}}], ports: [{port: $3}, {port: $3, protocol: UDP}]"
}

@test "a Service that leads to a process of the pod's own node is judged as that process is" {
	local before
	serve_node n1 8080
	serve_node n1 8081
	leads_to 30 192.0.2.11 fd00:2::11
	[ "$(ask on n1 in_pod cli -- 10.96.0.30 81)" = n1 ]
	[ "$(ask on n1 in_pod cli -- fd00:96::30 81)" = n1 ]
	client_only "$(to 192.0.2.11 fd00:2::11 8080)"
	before=$(packets n1 policy_egress)
	[ "$(ask on n1 in_pod cli -- 192.0.2.11 8080)" = n1 ]
	[ "$(ask on n1 in_pod cli -- fd00:2::11 8080)" = n1 ]
	[ "$(ask on n1 in_pod cli -- 10.96.0.30 80)" = n1 ]
	[ "$(ask on n1 in_pod cli -- fd00:96::30 80)" = n1 ]
	nobody_for cli 192.0.2.11 8081 fd00:2::11 8081 10.96.0.30 81 fd00:96::30 81
	[ "$(packets n1 policy_egress)" -ge $((before + 4)) ]
	[ "$(ask on n1 in_pod other -- 10.96.0.30 81)" = n1 ]
	run on n1 in_node "$BUILD/bin/fairlead" policy explain \
		--from default/cli --to 192.0.2.11 --port 8080/tcp
	[[ $output == *allowed* && $output != *denied* ]]
	run on n1 in_node "$BUILD/bin/fairlead" policy explain \
		--from default/cli --to 192.0.2.11 --port 8081/tcp
	[[ $output == *denied* ]]
}

@test "where the node masquerades all, a pod of its own is judged by who has asked, both ways" {
	masquerades 'ct status dnat meta nfproto ipv4' 'ct status dnat meta nfproto ipv6'
	policy < <(ingress web2 '{podSelector: {matchLabels: {app: client}}}' && cat <<-'END'
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: out, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: client}}
		  policyTypes: [Egress]
		  egress: [{to: [{podSelector: {matchLabels: {app: web2}}}]}]
	END
	)
	[ "$(ask on n1 in_pod cli -- 10.96.0.12 80)" = web2 ]
	[ "$(ask on n1 in_pod cli -- fd00:96::12 80)" = web2 ]
	[ "$(ask on n1 in_pod other -- 10.96.0.11 80)" = web1 ]
	nobody_for cli 10.96.0.11 80 fd00:96::11 80
	nobody_for other 10.96.0.12 80 fd00:96::12 80
	# The node itself reaches it, as always; and a pod itself.
	[ "$(ask on n1 in_node -- 10.96.0.12 80)" = web2 ]
	[ "$(ask on n1 in_pod web2 -- 10.96.0.12 80)" = web2 ]
	has_masqueraded
}

@test "a Service that leads beyond the cluster is judged by whom it leads to, who hears the node" {
	local before
	leads_to 20 192.0.2.1 fd00:2::1
	masquerades_out
	serve_node lan 8080
	serve_node lan 8081
	client_only "$(to 192.0.2.1 fd00:2::1 8080)"
	before=$(packets n1 policy_egress)
	[ "$(ask on n1 in_pod cli -- 10.96.0.20 80)" = lan ]
	[ "$(ask on n1 in_pod cli -- fd00:96::20 80)" = lan ]
	nobody_for cli 10.96.0.20 81 fd00:96::20 81
	[ "$(ask on n1 in_pod other -- 10.96.0.20 81)" = lan ]
	[ "$(ask on n1 in_pod other -- fd00:96::20 81)" = lan ]
	[ "$(packets n1 policy_egress)" -ge $((before + 2)) ]
	has_masqueraded
	# Nor is a backend of the Service's address or port let in instead.
	client_only 'to: [{ipBlock: {cidr: 10.96.0.0/16}}, {ipBlock: {cidr: "fd00:96::/112"}}]'
	nobody_for cli 10.96.0.20 80 fd00:96::20 80
}

@test "a Service that leads to an interface without our programs is judged all the same" {
	on n1 in_node sh -euc 'ip netns add side
		ip link add side0 type veth peer name eth0 netns side
		ip addr add 198.51.100.1/24 dev side0
		ip addr add fd00:98::1/64 dev side0 nodad
		ip link set side0 up
		ip -n side addr add 198.51.100.2/24 dev eth0
		ip -n side addr add fd00:98::2/64 dev eth0 nodad
		ip -n side link set eth0 up
		ip -n side link set lo up'
	leads_to 40 198.51.100.2 fd00:98::2
	masquerades_out
	serve side 8080
	serve side 8081
	client_only "$(to 198.51.100.2 fd00:98::2 8080)"
	[ "$(ask on n1 in_pod cli -- 10.96.0.40 80)" = side ]
	[ "$(ask on n1 in_pod cli -- fd00:96::40 80)" = side ]
	nobody_for cli 10.96.0.40 81 fd00:96::40 81
	[ "$(ask on n1 in_pod other -- 10.96.0.40 81)" = side ]
	has_masqueraded
	run -0 on n1 in_node tc filter show dev side0 egress
	[ -z "$output" ]
}

# state [JQ]: what services.py has written.
state() {
	jq -ce "${1:-.}" "$BATS_TEST_TMPDIR/talk"
}

# talks_on BEFORE: whoever speaks is heard since that state.
talks_on() {
	state | jq -e --argjson a "$1" 'del(.rounds) | to_entries | all(.value.in > $a[.key].in and
		((.key | endswith("tell")) or .value.out > $a[.key].out))'
}

# rounds_after N: it has gone round twice since.
rounds_after() {
	[ "$(state .rounds)" -ge $(($1 + 2)) ]
}

drops_after() {
	[ "$(packets n1 policy_egress)" -ge "$1" ]
}

# What answers from the node's own processes has just been sent, by whatever runs.
@test "open connections to Services beyond the cluster and of the node's own processes are cut both ways by a change, and go on after it" {
	local first before all lan=/proc/$NODE_PID_lan/ns/net n1=/proc/$NODE_PID_n1/ns/net
	all='to: [{ipBlock: {cidr: 192.0.2.0/24}}, {ipBlock: {cidr: "fd00:2::/64"}}]'
	[ -n "$(on n1 in_node nft list tables | grep service20)" ] || leads_to 20 192.0.2.1 fd00:2::1
	leads_iptables_to 31 192.0.2.11:8082 '[fd00:2::11]:8082'
	masquerades_out
	client_only "$all, ports: [{port: 8082}, {port: 8082, protocol: UDP}]"
	python3 "$REPO/tests/e2e/services.py" "$BATS_TEST_TMPDIR/talk" \
		"/proc/$NODE_PID_n1/root/run/netns/cli" \
		"10.96.0.20:82=192.0.2.1:8082@$lan" "[fd00:96::20]:82=[fd00:2::1]:8082@$lan" \
		"10.96.0.31:82=192.0.2.11:8082@$n1" "[fd00:96::31]:82=[fd00:2::11]:8082@$n1" \
		</dev/null >"$BATS_TEST_TMPDIR/talk.log" 2>&1 3>&- 4>&- &
	echo $! >"$BATS_TEST_TMPDIR/talk.pid"
	disown $!
	eventually 20 state 'length == 17'
	first=$(state)
	eventually 20 talks_on "$first"
	has_masqueraded
	client_only "$all, ports: [{port: 9999}]"
	eventually 10 drops_after $(($(packets n1 policy_egress) + 8))
	eventually 10 rounds_after "$(state .rounds)"
	before=$(state 'del(.rounds)')
	eventually 20 drops_after $(($(packets n1 policy_egress) + 100))
	eventually 10 rounds_after "$(state .rounds)"
	[ "$(state 'del(.rounds)')" = "$before" ]
	# Both ways, and by their addresses, not the Service's.
	agent_get n1 '/v1/flows?drops' | jq -e --arg cli "$(pod_ip n1 cli)" '[.flows[] |
		select(.reason == "policy_egress")] as $f | ["192.0.2.1", "192.0.2.11"] | all(. as $b |
			$f | any(.from.ip == $b and .to.ip == $cli)
				and any(.from.ip == $cli and .to.ip == $b))'
	client_only "$all, ports: [{port: 8082}, {port: 8082, protocol: UDP}]"
	eventually 30 talks_on "$before"
	[ ! -s "$BATS_TEST_TMPDIR/talk.log" ]
}

# judged: the rule stands, in both families, for what is forwarded, what the node takes in and what
# it sends.
judged() {
	local family
	for family in ip ip6; do
		run -0 on n1 in_node nft list table $family fairlead-policy
		[ "$(grep -c 'ct status dnat xt match' <<<"$output")" = 3 ]
	done
}

# Tables that nobody else can change came with Linux 6.9; before that, they are mended: bpf/test_stack.
@test "what judges Services in netfilter stands a flush, outlives the agent, and goes with them" {
	local kept=false
	[ "$(printf '6.9\n%s\n' "$(uname -r)" | sort -V | head -n 1)" != 6.9 ] || kept=true
	judged
	if $kept; then
		run ! on n1 in_node nft delete table ip fairlead-policy
	else
		on n1 in_node nft delete table ip fairlead-policy
	fi
	on n1 in_node nft flush ruleset
	! $kept || judged
	eventually 10 judged
	services
	client_only "$(to 192.0.2.1 fd00:2::1 8080)"
	agent_kill n1
	judged
	nobody_for cli 10.96.0.11 80
	agent_start n1 'mode: vxlan'
	agent_wait_ready n1
	run -0 on n1 in_node nft list tables
	[[ $output != *fairlead-policy* ]]
	agent_get n1 /v1/status | jq -e '.problems == []'
	agent_stop n1
	agent_start n1 "$SERVICES_CONF"
	agent_wait_ready n1
	judged
}
