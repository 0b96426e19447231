#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every NetworkPolicy that the API server refuses is refused by "explain -f" and by the agent in the
# same words, with file, line of the document and path of the field; meanwhile the last good version
# of it stays in force. Needs root and eBPF.

bats_require_minimum_version 1.5.0
load node
load cluster

setup_file() {
	cluster_start n1
	cluster_tell n1
	agent_up n1 -- "$(printf 'mode: vxlan\npolicy: {enforce: true}')"
	write_version 1 "$good" | manifest_put n1 p.yaml
	eventually 10 generation_is 1
}

teardown_file() {
	cluster_stop
}

good='{podSelector: {matchLabels: {app: a}}, ingress: [{ports: [{port: 80}]}]}'

# write_version GENERATION SPEC: a namespace, a pod, and from line 5 on the policy x/p.
write_version() {
	cat <<-END
		{apiVersion: v1, kind: Namespace, metadata: {name: x}}
		---
		{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {app: a}}, status: {podIP: 10.0.0.1}}
		---
		{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: x, generation: $1}, spec: $2}
	END
}

# generation_is N: of x/p, as it is in force.
generation_is() {
	[ "$(agent_get n1 /v1/policies | jq '.[] | select(.name == "p") | .generation')" = "$1" ]
}

# complaint: what the agent has to say about the file, as the command line says it.
complaint() {
	agent_get n1 /v1/status |
		jq -r '.problems[] | select(.where | startswith("p.yaml")) | "\(.where) \(.text)"'
}

complains() {
	[[ $(complaint) == *"p.yaml:5 "*"'$1"* ]]
}

is_content() {
	[ -z "$(complaint)" ]
}

explain() {
	run --separate-stderr "$BUILD/bin/fairlead" policy explain \
		--from 203.0.113.5 --to x/a --port "$1" -f "$BATS_TEST_TMPDIR/p.yaml"
}

# The specification and what is said of it: the path, and what is wrong there.
cases() {
	cat <<-'END'
		{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}|spec.ingress[0].from[0].ipBlock.cidr': '10.0.0.0/33' is not a prefix
		{ingress: [{from: [{ipBlock: {cidr: 10.0.0.1}}]}]}|spec.ingress[0].from[0].ipBlock.cidr': '10.0.0.1' is not a prefix
		{egress: [{to: [{ipBlock: {cidr: "fd00::/129"}}]}]}|spec.egress[0].to[0].ipBlock.cidr': 'fd00::/129' is not a prefix
		{ingress: [{from: [{ipBlock: {}}]}]}|spec.ingress[0].from[0].ipBlock.cidr': missing
		{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [x]}}]}]}|spec.ingress[0].from[0].ipBlock.except[0]': 'x' is not a prefix
		{ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 11.0.0.0/9]}}]}]}|spec.ingress[0].from[1].ipBlock.except[1]': '11.0.0.0/9' is not a part of cidr '10.0.0.0/8'
		{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}|spec.ingress[0].from[0].ipBlock.except[0]': '10.0.0.0/8' is not a part of cidr
		{egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: ["fd00::/16"]}}]}]}|spec.egress[0].to[0].ipBlock.except[0]': 'fd00::/16' is not a part of cidr
		{egress: [{ports: [{endPort: 90}]}]}|spec.egress[0].ports[0].endPort': needs a number in port
		{egress: [{ports: [{port: 91, endPort: 90}]}]}|spec.egress[0].ports[0].endPort': 90 is below port 91
		{egress: [{ports: [{port: 91, endPort: 65536}]}]}|spec.egress[0].ports[0].endPort': 65536 is not a number from 1 to 65535
		{egress: [{ports: [{port: web, endPort: 90}]}]}|spec.egress[0].ports[0].endPort': needs a number in port, not the name 'web'
		{egress: [{ports: [{port: 0}]}]}|spec.egress[0].ports[0].port': 0 is not a number from 1 to 65535
		{egress: [{ports: [{port: 65536}]}]}|spec.egress[0].ports[0].port': 65536 is not a number from 1 to 65535
		{ingress: [{ports: [{port: "80"}]}]}|spec.ingress[0].ports[0].port': '80' is neither a number nor a port's name
		{egress: [{ports: [{protocol: ICMP}]}]}|spec.egress[0].ports[0].protocol': 'ICMP' is not TCP, UDP or SCTP
		{podSelector: {matchExpressions: [{key: a, operator: Is, values: [b]}]}}|spec.podSelector.matchExpressions[0].operator': 'Is' is not In, NotIn, Exists or DoesNotExist
		{podSelector: {matchExpressions: [{key: a, operator: In}]}}|spec.podSelector.matchExpressions[0].values': must hold a value
		{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}|spec.podSelector.matchExpressions[0].values': must be absent
		{ingress: [{from: [{namespaceSelector: {matchLabels: {"a b": c}}}]}]}|spec.ingress[0].from[0].namespaceSelector.matchLabels.a b': 'a b' is not a label's key
		{ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]}|spec.ingress[0].from[0].ipBlock': must stand alone, not beside a selector
		{ingress: [{from: [{namespaceSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]}|spec.ingress[0].from[0].ipBlock': must stand alone, not beside a selector
		{ingress: [{from: [{}]}]}|spec.ingress[0].from[0]': is empty
		{policyTypes: [ingress]}|spec.policyTypes[0]': 'ingress' is not Ingress or Egress
		{policyTypes: [Ingress, Egress, Ingress]}|spec.policyTypes': has 3 elements
		{ingres: []}|spec': unknown field 'ingres'
	END
}

@test "explain refuses each of them with file, line and path" {
	local n=0 spec want
	while IFS='|' read -r spec want; do
		write_version 2 "$spec" >"$BATS_TEST_TMPDIR/p.yaml"
		explain 80/tcp
		[[ $status == 1 && -z $output && $stderr == *"p.yaml:5 "*"'$want"* ]] ||
			{ echo "$spec: status $status: $output$stderr"; return 1; }
		n=$((n + 1))
	done < <(cases)
	echo "# points: $n policies" >&3
	((n == 26))
}

@test "the agent refuses each of them in the same words, and the last good version stays in force" {
	local n=0 spec want
	while IFS='|' read -r spec want; do
		write_version 2 "$spec" | manifest_put n1 p.yaml
		eventually 10 complains "$want" || { complaint; return 1; }
		generation_is 1 || { echo "$spec: $(agent_get n1 /v1/policies)"; return 1; }
		n=$((n + 1))
	done < <(cases)
	((n == 26))
	agent_get n1 /v1/policies | jq -e '.[0] | .name == "p" and .refused == false'
	write_version 3 "$good" | manifest_put n1 p.yaml
	eventually 10 generation_is 3
	eventually 10 is_content
}

@test "what is right beside it in the same file is taken" {
	write_version 3 "$good" | manifest_put n1 p.yaml
	eventually 10 generation_is 3
	{
		write_version 4 '{ingres: []}'
		echo '---'
		write_version 4 "$good" | sed -n 5p | sed 's/name: p,/name: q,/'
	} | manifest_put n1 p.yaml
	eventually 10 complains "spec': unknown field 'ingres'"
	[ "$(agent_get n1 /v1/policies | jq -c '[.[] | [.name, .generation]]')" = '[["p",3],["q",4]]' ]
}
