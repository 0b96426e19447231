#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the agent tells about policies and packets: fairlead policy, identities, flows and bpf, and
# the metrics, with real pods, policies and packets on one machine.
#
# Needs root, for namespaces, and eBPF.

bats_require_minimum_version 1.5.0
load node
load cluster

setup_file() {
	cluster_start n1
	cluster_tell n1
	agent_up n1 -- "$(printf 'mode: vxlan\npolicy: {enforce: true}')"
	pod_attach n1 web "$(labelled web)"
	pod_attach n1 cli "$(labelled client)"
	pod_attach n1 other "$(labelled other)"
	write_objects
	eventually 10 in_force 2
	listen web 80
}

teardown_file() {
	pods_detach || true
	cluster_stop
}

# labelled APP: the agent's network, with this label on the pod.
labelled() {
	agent_net_conf '.args.cni.labels = [{key: "app", value: "'"$1"'"}]'
}

# The same objects for the agent and, in a file of its own, for the offline commands.
write_objects() {
	local pod
	{
		for pod in web:web cli:client other:other; do
			echo '---'
			cat <<-END
				apiVersion: v1
				kind: Pod
				metadata: {name: ${pod%:*}, namespace: default, labels: {app: ${pod#*:}}}
				spec: {nodeName: n1, containers: [{name: c, ports: [{name: http, containerPort: 80}]}]}
				status: {podIP: $(pod_ip n1 "${pod%:*}"), podIPs: [{ip: $(pod_ip n1 "${pod%:*}")}, {ip: "$(pod_ip n1 "${pod%:*}" 6)"}]}
			END
		done
		cat <<-'END'
			---
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: deny, namespace: default, generation: 3}
			spec: {podSelector: {}, policyTypes: [Ingress]}
			---
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: web, namespace: default, generation: 7}
			spec:
			  podSelector: {matchLabels: {app: web}}
			  ingress:
			  - from: [{ipBlock: {cidr: 203.0.113.0/24}}]
			  - from: [{podSelector: {matchLabels: {app: client}}}]
			    ports: [{port: http}, {port: 9, protocol: SCTP}]
		END
	} >"$BATS_FILE_TMPDIR/objects.yaml"
	manifest_put n1 objects.yaml <"$BATS_FILE_TMPDIR/objects.yaml"
}

# in_force N: as many policies are.
in_force() {
	[ "$(agent_get n1 /v1/policies | jq length)" = "$1" ]
}

# fairlead ARGUMENT...: the command on the node.
fairlead() {
	on n1 in_node "$BUILD/bin/fairlead" "$@"
}

# listen POD PORT: something there that takes TCP connections of both families.
listen() {
	nsenter --target "$NODE_PID_n1" --mount \
		--net="/proc/$NODE_PID_n1/root/run/netns/$1" -- python3 -c '
import socket, sys
s = socket.create_server(("", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    s.accept()[0].close()' "$2" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	disown $!
	eventually 5 connects "$1" 127.0.0.1 "$2"
}

# connects POD ADDRESS PORT: a TCP connection comes about.
connects() {
	on n1 in_pod "$1" timeout 1 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>/dev/null
}

@test "policy list, show and explain say the same of the agent as of the files" {
	local args ask=(--from default/cli --to default/web --port)
	local -a questions=(
		"list" "list -o json" "list -o yaml"
		"show default/web" "show default/deny -o json" "show" "show -o json"
		"explain ${ask[*]} 80/tcp" "explain ${ask[*]} 80/tcp -o json" "explain ${ask[*]} 81/tcp"
		"explain ${ask[*]} 9/sctp" "explain ${ask[*]} icmp -o yaml"
		"explain --from 203.0.113.7 --to default/web --port 53/udp"
		"explain --from default/other --to $(pod_ip n1 web 6) --port 80/tcp"
		"explain --questions $BATS_TEST_TMPDIR/questions.json"
	)
	cat >"$BATS_TEST_TMPDIR/questions.json" <<-'END'
		[{"from": "default/cli", "to": "default/web", "port": "80/tcp"},
		 {"from": "10.9.9.9", "to": "default/other", "port": "1/udp"}]
	END
	for args in "${questions[@]}"; do
		echo "policy $args"
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$BUILD/bin/fairlead" policy $args -f "$BATS_FILE_TMPDIR/objects.yaml"
		offline=$output ended=$status
		# shellcheck disable=SC2086
		run --separate-stderr fairlead policy $args
		[ "$status" = "$ended" ]
		diff <(echo "$offline") <(echo "$output")
	done
	[[ $offline == *'"allowed"'*'"denied"'* ]]
}

@test "what is asked wrongly of the agent is refused as offline, and 404 and 400 say what is wrong" {
	run -1 --separate-stderr fairlead policy show default/none
	[[ $stderr == *"no policy 'default/none'"* ]]
	run -1 --separate-stderr fairlead policy explain --from default/none --to default/web --port 80/tcp
	[[ $stderr == *"no pod 'default/none'"* ]]
	run -1 --separate-stderr fairlead policy explain --from 10.0.0.1 --to default/web --port 80
	[[ $stderr == *"'80' is not a port like 80/tcp"* ]]
	run agent_get n1 /v1/policies?sort=name
	[[ $output == *"unknown parameter 'sort', expected none"* ]]
}

@test "identities are the kinds of pods that policies tell apart, with the policies of each" {
	run -0 fairlead identities -o json
	jq -e 'map(.labels.app) | sort == ["client", "other", "web"]' <<<"$output"
	jq -e '.[] | select(.labels.app == "web") | .namespace == "default" and .localPods == 1 and
		.policies == ["default/deny", "default/web"] and .ports == [
			{"name": "http", "port": 80, "protocol": "TCP"}]' <<<"$output"
	run -0 fairlead identities
	[[ ${lines[0]} =~ ^IDENTITY\ +NAMESPACE\ +LABELS\ +PODS\ +LOCAL\ +POLICIES$ ]]
	[[ $output =~ default\ +app=web\ +1\ +1\ +default/deny,default/web ]]
}
