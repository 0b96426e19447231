#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Policy beside what others do on the node: Services as kube-proxy's iptables rules make them, node
# ports, hairpin, masquerade, the reference portmap behind bridge and vxlan, filters of other
# programs, processes of the node; and an address that goes from one pod to another at once.
#
# Needs root, for namespaces, eBPF and containernetworking-plugins.
# time limit: 300 s

bats_require_minimum_version 1.5.0
load node
load cluster
load policies
load services

export CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR

setup_file() {
	services_up
}

teardown_file() {
	cluster_stop
}

teardown() {
	manifest_del n1 policy.yaml
	eventually 15 is_open
}

is_open() {
	connects other "$(pod_ip n1 web1)" 80
}

# has_policy NAMESPACE NAME: the agent has read it; it may select nobody yet.
has_policy() {
	agent_get n1 /v1/policies |
		jq -e --arg ns "$1" --arg name "$2" 'any(.[]; .namespace == $ns and .name == $name)'
}

@test "a Service leads to whom the policy of its backends lets in, on the stack both ways" {
	local straight before who ip
	policy < <(ingress web1 '{podSelector: {matchLabels: {app: client}}}'
		ingress web2 '{podSelector: {matchLabels: {app: client}}}')
	straight=$(packets n1 redirected)
	before=$(packets n1 forwarded)
	for ip in 10.96.0.10 fd00:96::10; do
		who=$(for _ in 1 2 3 4; do ask on n1 in_pod cli -- $ip 80; done | sort -u | xargs)
		[ "$who" = "web1 web2" ]
		run ! connects other $ip 80
		run ! connects other $ip 80
	done
	# Four connections of each family, at least four packets of each direction, at two hooks.
	[ "$(packets n1 redirected)" = "$straight" ]
	[ "$(packets n1 forwarded)" -ge $((before + 64)) ]
	connects cli "$(pod_ip n1 web1)" 80
	[ "$(packets n1 redirected)" -gt "$straight" ]
}

@test "a pod's egress is judged by the backend that a Service leads to" {
	policy <<-'END'
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: out, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: client}}
		  policyTypes: [Egress]
		  egress: [{to: [{podSelector: {matchLabels: {app: web1}}}]}]
	END
	[ "$(ask on n1 in_pod cli -- 10.96.0.11 80)" = web1 ]
	[ "$(ask on n1 in_pod cli -- fd00:96::11 80)" = web1 ]
	run ! connects cli 10.96.0.12 80
	run ! connects cli fd00:96::12 80
	[ "$(ask on n1 in_pod other -- 10.96.0.12 80)" = web2 ]
}

@test "a pod reaches itself by its own Service, whatever policies say" {
	policy < <(policy_deny 'Ingress, Egress')
	[ "$(ask on n1 in_pod web1 -- 10.96.0.11 80)" = web1 ]
	[ "$(ask on n1 in_pod web1 -- fd00:96::11 80)" = web1 ]
	run ! connects web1 10.96.0.12 80
}

@test "a node port leads in as its node where it masquerades, else as who comes" {
	local from="{ipBlock: {cidr: 192.0.2.1/32}}, {ipBlock: {cidr: \"fd00:2::1/128\"}}"
	policy < <(policy_deny)
	[ "$(ask on lan in_node -- 192.0.2.11 30080)" = web1 ]
	[ "$(ask on lan in_node -- fd00:2::11 30080)" = web1 ]
	[ "$(ask on n1 in_node -- 192.0.2.11 30080)" = web1 ]
	run ! ask on lan in_node -- 192.0.2.11 30081
	run ! ask on lan in_node -- fd00:2::11 30081
	policy < <(policy_deny && ingress web1 "$from")
	[ "$(ask on lan in_node -- 192.0.2.11 30081)" = web1 ]
	[ "$(ask on lan in_node -- fd00:2::11 30081)" = web1 ]
}

@test "a pod's own node always reaches it, from each of its addresses" {
	local from pod=web1
	policy < <(policy_deny)
	for from in 10.88.0.1 192.0.2.11; do
		on n1 in_node ping -q -c 1 -W 5 -I "$from" "$(pod_ip n1 $pod)"
	done
	for from in fd00:88::1 fd00:2::11; do
		on n1 in_node ping -q -c 1 -W 5 -I "$from" "$(pod_ip n1 $pod 6)"
	done
	[ "$(ask on n1 in_node -- "$(pod_ip n1 $pod)" 80)" = web1 ]
	[ "$(ask on n1 in_node -- 10.96.0.11 80)" = web1 ]
	run ! connects cli "$(pod_ip n1 $pod)" 80
}

# with_port POD TYPE PORT [SNAT]: a pod of this kind of network, and the reference portmap behind it.
with_port() {
	local conf to="$BATS_FILE_TMPDIR/pod.n1.$1"
	case $2 in
	bridge) conf=$(net "$1" '.cniVersion = "1.0.0"') ;;
	vxlan) conf=$(agent_net_conf '.name = "far" | .cniVersion = "1.0.0" |
		.args.cni.labels = [{key: "app", value: "'"$1"'"}]') ;;
	esac
	pod_attach n1 "$1" "$conf"
	jq -c --argjson port "$3" --argjson snat "${4:-true}" --slurpfile prev "$to.result" '{cniVersion, name, type: "portmap", snat: $snat,
		prevResult: $prev[0], runtimeConfig: {portMappings:
			[{hostPort: $port, containerPort: 80, protocol: "tcp"}]}}' "$to.conf" |
		on n1 cni ADD "$REFERENCE_DIR/portmap" "$1" eth0 "$(pod_path "$1")" >/dev/null
	serve "$1" 80
}

@test "host ports of the reference portmap behind bridge and vxlan lead to whom policy lets in" {
	local from="{ipBlock: {cidr: 192.0.2.1/32}}, {podSelector: {matchLabels: {app: client}}}"
	local pod straight
	with_port near bridge 8080
	with_port far vxlan 8081
	with_port own bridge 8082 false
	[ "$(ask on n1 in_pod cli -- 192.0.2.11 8082)" = own ]
	for pod in near:8080 far:8081; do
		[ "$(ask on lan in_node -- 192.0.2.11 "${pod#*:}")" = "${pod%:*}" ]
	done
	policy < <(policy_deny)
	straight=$(packets n1 redirected)
	for pod in near:8080 far:8081; do
		run ! ask on lan in_node -- 192.0.2.11 "${pod#*:}"
	done
	# What comes from a pod of the same subnet portmap masquerades, unless told not to: it comes as
	# the node.
	[ "$(ask on n1 in_pod cli -- 192.0.2.11 8080)" = near ]
	run ! ask on n1 in_pod cli -- 192.0.2.11 8081
	run ! ask on n1 in_pod cli -- 192.0.2.11 8082
	policy < <(policy_deny && ingress near "$from" && ingress far "$from")
	for pod in near:8080 far:8081; do
		[ "$(ask on lan in_node -- 192.0.2.11 "${pod#*:}")" = "${pod%:*}" ]
		[ "$(ask on n1 in_pod cli -- 192.0.2.11 "${pod#*:}")" = "${pod%:*}" ]
	done
	run ! ask on n1 in_pod other -- 192.0.2.11 8081
	[ "$(packets n1 redirected)" = "$straight" ]
	pod_detach n1 near
	pod_detach n1 far
	pod_detach n1 own
}

@test "filters of others in the datapath's own blocks are left alone, and pods are enforced all the same" {
	on n1 in_node tc filter add block 262241965 prio 7 protocol all bpf bytecode '1,6 0 0 0'
	policy < <(policy_deny)
	agent_kill n1
	agent_start n1
	agent_wait_ready n1
	run -0 agent_get n1 /v1/endpoints
	jq -e 'all(.[]; .enforced)' <<<"$output"
	agent_get n1 /v1/status | jq -e '.problems == []'
	run ! connects cli "$(pod_ip n1 web1)" 80
	run -0 on n1 in_node tc filter show block 262241965
	[[ $output == *"pref 1 bpf"*fl_from_pod*"pref 7 bpf"*bytecode* ]]
	on n1 in_node tc filter del block 262241965 prio 7
}

@test "a pod that gets another's address at once gets nothing of its connections" {
	local ip in
	pod_attach n1 old "$(net client)"
	ip=$(pod_ip n1 old)
	stream_start s n1 cli n1 old
	pinger_start p n1 cli "$ip"
	ingress victim '{podSelector: {matchLabels: {app: nobody}}}' | manifest_put n1 policy.yaml
	eventually 15 has_policy default in-victim
	pod_detach n1 old
	pod_attach n1 new "$(net victim '.ipam.ranges = [[{subnet: "10.88.0.0/16", rangeStart: "'"$ip"'",
		rangeEnd: "'"$ip"'"}]]')"
	[ "$(pod_ip n1 new)" = "$ip" ]
	# What is sent there goes on meanwhile.
	run ! connects cli "$ip" 5001
	run ! connects cli "$ip" 5001
	in=$(on n1 in_pod new awk '/^Tcp: [0-9]/ { print $11 } /^Icmp: [0-9]/ { print $2 }' /proc/net/snmp)
	[ "$(xargs <<<"$in")" = "0 0" ]
	run -0 pinger_stop p
	[ "${output#* }" -gt 0 ]
	kill -KILL "$(cat "$BATS_TEST_TMPDIR/stream.s.pid")" "$(cat "$BATS_TEST_TMPDIR/stream.s.serve.pid")"
	pod_detach n1 new
}

@test "who remembers the MAC address of a pod that is gone reaches the next one with its address at once" {
	local i ip net
	net=$(net other '.ipam.ranges = [[{subnet: "10.88.0.0/16", rangeStart: "10.88.7.7", rangeEnd: "10.88.7.7"}],
		[{subnet: "fd00:88::/64", rangeStart: "fd00:88::707", rangeEnd: "fd00:88::707"}]]')
	for ((i = 0; i < 8; i++)); do
		pod_attach n1 next "$net"
		for ip in 10.88.7.7 fd00:88::707; do
			# One packet, which waits for nobody.
			on n1 in_pod cli ping -q -c 1 -W 5 $ip
		done
		pod_detach n1 next
	done
}
