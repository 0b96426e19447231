#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What network policies mean: "fairlead policy" against an evaluator of the NetworkPolicy API that
# was written apart from the compiler (policy/semantics.py). Needs python3, no root, no network.

bats_require_minimum_version 1.5.0
load node

compare() { python3 "$REPO/tests/e2e/policy/compare.py" "$BUILD/bin/fairlead" "$@"; }
policy() { "$BUILD/bin/fairlead" policy "$@"; }

@test "in each of more than a hundred named cases, explain and the evaluator say what the API's text says" {
	run -0 compare cases
	echo "# points: ${lines[-1]}" >&3
}

@test "for random sets of policies, explain and the evaluator agree on every pair, port and protocol" {
	run -0 compare random 12 "${POLICY_SEED:-1}"
	echo "# points: ${lines[-1]}" >&3
}

# A file of one policy with this spec, whose first line is the second of the file.
write_policy() {
	printf -- '---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: x}, spec: %s}\n' \
		"$1" >"$BATS_TEST_TMPDIR/p.yaml"
}

@test "a policy that the API server refuses is refused with file, line, and path of the field" {
	local n=0 spec want
	while IFS='|' read -r spec want; do
		write_policy "$spec"
		run -1 --separate-stderr policy list -f "$BATS_TEST_TMPDIR/p.yaml"
		[[ $stderr == *"p.yaml:2 '$want"* ]] || { echo "$spec: $stderr"; return 1; }
		n=$((n + 1))
	done <<-'END'
		{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}|spec.ingress[0].from[0].ipBlock.cidr': '10.0.0.0/33' is not a prefix
		{ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}]}|spec.ingress[0].from[1].ipBlock.except[0]': '11.0.0.0/9' is not a part of cidr '10.0.0.0/8'
		{egress: [{ports: [{endPort: 90}]}]}|spec.egress[0].ports[0].endPort': needs a number in port
		{egress: [{ports: [{port: 91, endPort: 90}]}]}|spec.egress[0].ports[0].endPort': 90 is below port 91
		{egress: [{ports: [{port: web, endPort: 90}]}]}|spec.egress[0].ports[0].endPort': needs a number in port, not the name 'web'
		{egress: [{ports: [{port: 0}]}]}|spec.egress[0].ports[0].port': 0 is not a number from 1 to 65535
		{egress: [{ports: [{port: 65536}]}]}|spec.egress[0].ports[0].port': 65536 is not a number from 1 to 65535
		{egress: [{ports: [{protocol: ICMP}]}]}|spec.egress[0].ports[0].protocol': 'ICMP' is not TCP, UDP or SCTP
		{podSelector: {matchExpressions: [{key: a, operator: Is, values: [b]}]}}|spec.podSelector.matchExpressions[0].operator': 'Is' is not In, NotIn, Exists or DoesNotExist
		{ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]}|spec.ingress[0].from[0].ipBlock': must stand alone, not beside a selector
		{ingres: []}|spec': unknown field 'ingres'
	END
	((n == 11))
}

@test "list, show and explain print tables, JSON and YAML" {
	write_policy '{podSelector: {matchLabels: {app: a}}, ingress: [{ports: [{port: 80}]}]}'
	cat >>"$BATS_TEST_TMPDIR/p.yaml" <<-'END'
		---
		{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {app: a}}, status: {podIP: 10.0.0.1}}
		---
		{apiVersion: v1, kind: Service, metadata: {name: s, namespace: x}}
	END
	run -0 --separate-stderr policy list -f "$BATS_TEST_TMPDIR"
	[[ $stderr == *"/p.yaml:6: objects of kind 'Service' in 'v1' are not used" && ${#stderr_lines[@]} = 1 ]]
	[[ ${lines[1]} =~ ^x\ +p\ +0\ +Ingress\ +1\ +no\ +-$ ]]
	run -0 --separate-stderr policy list -f "$BATS_TEST_TMPDIR" -o json
	jq -e '.[0] | .namespace == "x" and .name == "p" and .pods == 1 and .refused == false' <<<"$output"
	run -0 --separate-stderr policy show x/p -f "$BATS_TEST_TMPDIR/p.yaml" -o json
	jq -e '.spec.ingress == [{"ports":[{"protocol":"TCP","port":80}]}] and .status.pods == ["a"]' <<<"$output"
	run -0 --separate-stderr policy show -f "$BATS_TEST_TMPDIR/p.yaml"
	[[ $output == *'kind: List'* ]]
	run -0 --separate-stderr policy explain --from 203.0.113.5 --to x/a --port 80/tcp -f "$BATS_TEST_TMPDIR"
	[[ ${lines[0]} == '203.0.113.5 -> x/a 80/tcp: allowed' && $output == *'x/p'*'ingress[0].ports[0]'* ]]
	run -1 --separate-stderr policy explain --from 203.0.113.5 --to x/a --port 81/tcp -f "$BATS_TEST_TMPDIR" -o json
	jq -e '.verdict == "denied" and .answers[0].ingress.policy == "x/p"' <<<"$output"
}

# What kubectl prints, by pipes and with other editors' marks: none of it may be read as no policies.
@test "lists without their items' kinds, List, CRLF, BOM and UTF-16 are read, and what is not used is named" {
	local policy='"metadata":{"name":"p","namespace":"x","managedFields":[{"manager":"k"}]},"spec":{"podSelector":{}},"status":{}'
	local f=$BATS_TEST_TMPDIR/p.json
	for kind in 'v1","kind":"List","items":[{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy",' \
		'networking.k8s.io/v1","kind":"NetworkPolicyList","items":[{'; do
		printf '{"apiVersion":"%s%s}]}' "$kind" "$policy" >"$f"
		run -0 --separate-stderr policy list -f "$f" -o json
		[ -z "$stderr" ]
		[ "$(jq -r '.[0].name' <<<"$output")" = p ]
	done
	text=$'apiVersion: networking.k8s.io/v1\r\nkind: NetworkPolicy\r\nmetadata: {name: p}\r\nspec:\r\n  podSelector: {}\r\n'
	printf '\xef\xbb\xbf%s' "$text" >"$BATS_TEST_TMPDIR/a.yaml"
	printf %s "$text" | iconv -t UTF-16 >"$BATS_TEST_TMPDIR/b.yaml"
	for f in a b; do
		run -0 --separate-stderr policy list -f "$BATS_TEST_TMPDIR/$f.yaml" -o json
		[ "$(jq -r '.[0].name' <<<"$output")" = p ]
	done
	# policies that are not ours to enforce
	cat >"$BATS_TEST_TMPDIR/c.yaml" <<-'END'
		{apiVersion: v1, kind: NodeList, items: [{metadata: {name: n1}}]}
		---
		{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: c}}
		---
		{apiVersion: networking.k8s.io/v1beta1, kind: NetworkPolicy, metadata: {name: old}}
		---
		{apiVersion: v1, kind: List, items: [{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy}]}
		---
		{metadata: {name: what}}
	END
	run -0 --separate-stderr policy list -f "$BATS_TEST_TMPDIR/c.yaml" -o json
	[ "$output" = '[]' ]
	[ "${#stderr_lines[@]}" = 3 ]
	[[ ${stderr_lines[0]} == *"c.yaml:3: objects of kind 'CiliumNetworkPolicy' in 'cilium.io/v2' are not used" ]]
	[[ ${stderr_lines[1]} == *"c.yaml:5: objects of kind 'NetworkPolicy' in 'networking.k8s.io/v1beta1' are not used" ]]
	[[ ${stderr_lines[2]} == *"c.yaml:9: an object without 'kind' is not used" ]]
}

@test "a question that makes no sense is refused with what was expected" {
	local from to port want
	write_policy '{}'
	while read -r from to port want; do
		run --separate-stderr policy explain --from "$from" --to "$to" --port "$port" \
			-f "$BATS_TEST_TMPDIR/p.yaml"
		((status == 1)) && [[ $stderr == *"$want"* ]] || { echo "$from $to $port: $stderr"; return 1; }
	done <<-'END'
		10.0.0.1 10.0.0.2 0/tcp '0/tcp' is not a port like 80/tcp
		10.0.0.1 10.0.0.2 65536/tcp '65536/tcp' is not a port
		10.0.0.1 10.0.0.2 80 '80' is not a port
		10.0.0.1 10.0.0.2 80/icmp '80/icmp' is not a port
		10.0.0.1 x 80/tcp 'x' is neither namespace/pod nor an address
		x/none 10.0.0.2 80/tcp no pod 'x/none'
		10.0.0.1 fd00::1 80/tcp have no address family in common
	END
	run -2 --separate-stderr policy explain --from 10.0.0.1 -f "$BATS_TEST_TMPDIR/p.yaml"
	[[ $stderr == *'needs --from, --to and --port'* ]]
	run -3 --separate-stderr policy list --socket "$BATS_TEST_TMPDIR/none.sock"
	[[ $stderr == *"no agent at '$BATS_TEST_TMPDIR/none.sock'"* ]]
	run -2 --separate-stderr policy lst -f "$BATS_TEST_TMPDIR/p.yaml"
	[[ $stderr == *"expected list, show or explain"* ]]
	run -2 --separate-stderr policy list x/p -f "$BATS_TEST_TMPDIR/p.yaml"
	[[ $stderr == *"unexpected argument 'x/p'"* ]]
	run -1 --separate-stderr policy show x/q -f "$BATS_TEST_TMPDIR/p.yaml"
	[[ $stderr == *"no policy 'x/q'"* ]]
	run -1 --separate-stderr policy list -f "$BATS_TEST_TMPDIR/none.yaml"
	[[ $stderr == *'none.yaml'* ]]
}
