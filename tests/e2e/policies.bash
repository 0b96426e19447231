# SPDX-License-Identifier: Apache-2.0
# Policies in end-to-end tests: the ones that most tests put, how they come into force on a node, and
# what the agent counts. All but the last needs no jq. Loaded after cluster.bash.

# metric NODE NAME: the agent's metric of this name; the sum of them where it has labels. NAME may go
# on with the beginning of the labels: 'fairlead_datapath_packets_total{reason="closed"'.
metric() {
	agent_get "$1" /metrics | awk -v t="$2" '
		$1 == t || index($1, t "{") == 1 || (t ~ /[{]/ && index($1, t) == 1) { n += $2 }
		END { print n + 0 }'
}

# packets NODE REASON [DIRECTION]: of pods, as the datapath counts them; without DIRECTION of both.
packets() {
	metric "$1" "fairlead_datapath_packets_total{reason=\"$2\",direction=\"${3-}"
}

# policy [NODE] <TEXT: these are the policies on the node (n1), in force when this returns.
policy() {
	local before
	before=$(metric "${1:-n1}" fairlead_policy_entries_applied_total)
	manifest_put "${1:-n1}" policy.yaml
	eventually 15 policy_applied_since_ "${1:-n1}" "$before"
}

policy_applied_since_() {
	[ "$(metric "$1" fairlead_policy_entries_applied_total)" -gt "$2" ]
}

# policy_deny [TYPES]: the pods of the namespace "default" are isolated, for what comes in or for these
# types.
policy_deny() {
	cat <<-END
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: deny, namespace: default}
		spec: {podSelector: {}, policyTypes: [${1:-Ingress}]}
	END
}

# policy_web PORTS [RULE]: pods with app=web let in those with app=client, at these ports (YAML); and
# whom another rule lets in.
policy_web() {
	cat <<-END
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: web, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: web}}
		  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [$1]}${2:+, $2}]
	END
}

# policy_is_refused NAMESPACE/NAME MAP: n1's agent says that this map has no room for the policy.
policy_is_refused() {
	agent_get n1 /v1/status | jq -e --arg p "policy $1" --arg m "the map of $2 " \
		'.problems[] | select(.where == $p and (.text | contains($m)))'
}
