#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# NetworkPolicy enforced on real pods by the agent: policies and pods from the manifests folder,
# attachments by vxlan and bridge on two machines, TCP and ping, an agent that comes and goes.
#
# Needs root, for namespaces, and eBPF.

# bats file_tags=kernels
bats_require_minimum_version 1.5.0
load node
load cluster
load policies
load real

setup_file() {
	cluster_start n1 n2
	cluster_tell n1 n2
	agent_up n1 n2 -- "$(printf 'mode: vxlan\npolicy: {enforce: true}')"
	pod_attach n1 web "$(labelled web)"
	pod_attach n1 cli "$(labelled client)"
	pod_attach n1 other "$(labelled other)"
	pod_attach n2 far "$(labelled client)"
	serve 80 81
}

teardown_file() {
	pods_detach || true
	cluster_stop
}

teardown() {
	agent_pid n1 >/dev/null || agent_start n1
	agent_wait_ready n1
	manifest_del n1 policy.yaml far.yaml 2>/dev/null || true
}

# labelled APP [JQ]: the agent's network, with this label on the pod.
labelled() {
	agent_net_conf '.args.cni.labels = [{key: "app", value: "'"$1"'"}] | '"${2:-.}"
}

# connects NODE POD ADDRESS PORT [SECONDS]: a TCP connection comes about, in that time (10).
connects() {
	on "$1" in_pod "$2" timeout "${5:-10}" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$3" "$4" 2>/dev/null
}

# shut NODE POD ADDRESS PORT: none does, within a second. For what must never come about.
shut() {
	! connects "$@" 1
}

# serve PORT...: something on n1's pod "web" that takes connections of both families.
serve() {
	local port
	nsenter --target "$NODE_PID_n1" --mount \
		--net="/proc/$NODE_PID_n1/root/run/netns/web" -- python3 -c '
import selectors, socket, sys
s = selectors.DefaultSelector()
for port in sys.argv[1:]:
    s.register(socket.create_server(("", int(port)), family=socket.AF_INET6,
        dualstack_ipv6=True, backlog=64), selectors.EVENT_READ)
while True:
    for key, _ in s.select():
        key.fileobj.accept()[0].close()' "$@" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	disown $!
	for port; do
		eventually 5 connects n1 web 127.0.0.1 "$port"
	done
}

@test "without a policy all pods reach each other, and the datapath knows them" {
	all_reach n1/web n1/cli n2/far
	run agent_get n1 /v1/endpoints
	[ "$(jq '[.[] | select(.enforced)] | length' <<<"$output")" = 3 ]
}

@test "a pod that a policy selects is shut, but not to its node; without the policy it is open" {
	policy < <(policy_deny)
	loses n1 cli "$(pod_ip n1 web)"
	loses n1 cli "$(pod_ip n1 web 6)"
	loses n2 far "$(pod_ip n1 web)"
	on n1 in_node ping -q -c 1 -W 10 "$(pod_ip n1 web)"
	on n1 in_node ping -q -c 1 -W 10 "$(pod_ip n1 web 6)"
	[ "$(packets n1 policy_ingress)" -gt 0 ]
	manifest_del n1 policy.yaml
	eventually 5 reaches n1 cli "$(pod_ip n1 web)"
}

# object_says FIELD...: web's object, with these lines of YAML.
object_says() {
	printf '%s\n' 'apiVersion: v1' 'kind: Pod' 'metadata: {name: web, namespace: default, labels: {app: old}}' \
		"$@" | manifest_put n1 web.yaml
	eventually 5 identity_is old
}

identity_is() {
	agent_get n1 /v1/identities | jq -e --arg app "$1" '.[] | select(.labels.app == $app and .localPods == 1)'
}

# explained FROM: the verdict that the agent tells of TCP from there to web.
explained() {
	agent_get n1 /v1/policies/explain -d \
		"{\"from\": \"$1\", \"to\": \"default/web\", \"port\": \"80/tcp\"}" | jq -r .verdict
}

# The object of one of that name that was before, for instance.
@test "a pod that is attached is under policy, though its object says that it has ended or is of the node's network" {
	policy < <(policy_deny)
	object_says 'status: {phase: Succeeded}'
	shut n1 cli "$(pod_ip n1 web)" 80
	object_says 'spec: {nodeName: n1, hostNetwork: true}'
	shut n1 cli "$(pod_ip n1 web 6)" 80
	# Nor does another node reach it as its own, where the object is of a time on that one.
	object_says 'spec: {nodeName: n2}' "status: {hostIP: $(node_ip n2), hostIPs: [{ip: $(node_ip n2)}]}"
	[ "$(explained "$(node_ip n2)")" = denied ]
	[ "$(explained "$(node_ip n1)")" = allowed ]
	manifest_del n1 web.yaml
	eventually 5 identity_is web
	shut n1 cli "$(pod_ip n1 web)" 80
}

# ghost POD APP: the object of a pod that has not been here for long, and that says that it has the address of
# this one.
ghost() {
	cat <<-END
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: ghost-$1, namespace: default, labels: {app: $2}, creationTimestamp: "2026-11-02T09:14:06Z"}
		spec: {nodeName: n1}
		status: {podIP: $(pod_ip n1 "$1"), podIPs: [{ip: $(pod_ip n1 "$1")}]}
	END
}

@test "an address is the attached pod's, though the object of another one says that it has it" {
	policy < <(policy_deny && policy_web '{port: 80}' && ghost cli other && ghost other client)
	connects n1 cli "$(pod_ip n1 web)" 80
	shut n1 other "$(pod_ip n1 web)" 80
	[ "$(explained "$(pod_ip n1 other)")" = denied ]
}

@test "a label and a port let in whom they name, and nobody else" {
	policy < <(policy_deny && policy_web '{port: 80}')
	eventually 5 connects n1 cli "$(pod_ip n1 web)" 80
	connects n1 cli "$(pod_ip n1 web 6)" 80
	shut n1 cli "$(pod_ip n1 web)" 81
	shut n1 other "$(pod_ip n1 web)" 80
	# Ping is no port.
	loses n1 cli "$(pod_ip n1 web)"
}

# of_other_node POD: its object, which says that it is on n2 and has the label that lets it in.
of_other_node() {
	printf '%s\n' 'apiVersion: v1' 'kind: Pod' "metadata: {name: $1, namespace: default, labels: {app: client}}" \
		'spec: {nodeName: n2}' 'status: {podIP: 10.244.2.99}' | manifest_put n1 moved.yaml
}

@test "an object that is another node's yet when its pod is attached counts, and stays when that goes" {
	policy < <(policy_deny && policy_web '{port: 80}')
	of_other_node moved
	eventually 5 identity_has 2
	pod_attach n1 moved "$(labelled other)"
	eventually 5 connects n1 moved "$(pod_ip n1 web)" 80
	pod_detach n1 moved
	eventually 5 endpoints_are 3
	identity_has 2
	manifest_del n1 moved.yaml
	eventually 5 identity_has 1
}

# identity_has N: app=client is so many pods, with cli.
identity_has() {
	agent_get n1 /v1/identities | jq -e --argjson n "$1" 'any(.[]; .labels.app == "client" and .pods == $n)'
}

endpoints_are() {
	agent_get n1 /v1/endpoints | jq -e --argjson n "$1" 'length == $n'
}

@test "a pod of another node is let in by the labels that its object has" {
	policy < <(policy_deny && policy_web '{port: 80}')
	shut n2 far "$(pod_ip n1 web)" 80
	manifest_put n1 far.yaml <<-END
		apiVersion: v1
		kind: Pod
		metadata: {name: far, namespace: default, labels: {app: client}}
		spec: {nodeName: n2}
		status: {podIP: $(pod_ip n2 far), podIPs: [{ip: $(pod_ip n2 far)}, {ip: "$(pod_ip n2 far 6)"}]}
	END
	eventually 5 connects n2 far "$(pod_ip n1 web)" 80
	connects n2 far "$(pod_ip n1 web 6)" 80
	shut n2 far "$(pod_ip n1 web)" 81
}

@test "an agent that is killed opens nothing and cuts nothing, and the next one takes over" {
	policy < <(policy_deny && policy_web '{port: 80}')
	eventually 5 connects n1 cli "$(pod_ip n1 web)" 80
	agent_kill n1
	connects n1 cli "$(pod_ip n1 web)" 80
	shut n1 other "$(pod_ip n1 web)" 80
	agent_start n1
	agent_wait_ready n1
	connects n1 cli "$(pod_ip n1 web)" 80
	shut n1 other "$(pod_ip n1 web)" 80
}

@test "a pod is under policy when ADD returns: not one packet of what is forbidden passes" {
	local round ip
	ip=$(pod_ip n1 web)
	policy < <(policy_deny && policy_web '{port: 80}')
	for round in 1 2 3; do
		pod_attach n1 "new$round" "$(labelled other)"
		shut n1 "new$round" "$ip" 80
		pod_detach n1 "new$round"
		pod_attach n1 "new$round" "$(labelled client)"
		connects n1 "new$round" "$ip" 80
		pod_detach n1 "new$round"
	done
}

@test "a pod that is attached while the agent is dead is shut until the agent is back" {
	agent_kill n1
	pod_attach n1 late "$(labelled client)"
	loses n1 late "$(pod_ip n1 web)"
	agent_start n1
	agent_wait_ready n1
	reaches n1 late "$(pod_ip n1 web)"
	pod_detach n1 late
}

@test "a network that requires the agent takes no pod without it" {
	pod_attach n1 must "$(labelled client '.agent = "required"')"
	reaches n1 must "$(pod_ip n1 web)"
	pod_detach n1 must
	agent_kill n1
	run pod_attach n1 must "$(labelled client '.agent = "required"')"
	[ "$status" -ne 0 ]
	[[ $output =~ \"code\":\ *11 && $output == *"no agent answers at '/run/fairlead/agent.sock'"* ]]
	run -0 on n1 in_node ls /run/fairlead/endpoints
	[ "${#lines[@]}" = 3 ]
	agent_start n1
	agent_wait_ready n1
}

# names TEXT: the agent has a problem with the policy's file that has this in it.
names() {
	agent_get n1 /v1/status | jq -e --arg text "$1" \
		'.problems[] | select((.where | startswith("policy.yaml")) and (.text | contains($text)))'
}

@test "a policy that is wrong is named with file and path, and the last good one stays" {
	policy < <(policy_deny)
	loses n1 cli "$(pod_ip n1 web)"
	policy_deny | sed 's/podSelector: {}/podSelector: {matchLabels: 7}/' | manifest_put n1 policy.yaml
	eventually 5 names podSelector.matchLabels
	loses n1 cli "$(pod_ip n1 web)"
	# For an agent that starts now, too, even if nothing of the file can be read.
	agent_kill n1
	agent_up n1
	eventually 5 names podSelector.matchLabels
	loses n1 cli "$(pod_ip n1 web)"
	agent_kill n1
	echo 'a: [' | manifest_put n1 policy.yaml
	agent_up n1
	eventually 5 names 'did not find expected node content'
	loses n1 cli "$(pod_ip n1 web)"
	# Nor where nobody can tell what it is, before and after a restart.
	policy_deny | sed 's/kind: NetworkPolicy/kind: NetworkPolcy/' | manifest_put n1 policy.yaml
	eventually 5 names "did you mean 'NetworkPolicy'"
	loses n1 cli "$(pod_ip n1 web)"
	agent_kill n1
	agent_up n1
	eventually 5 names "did you mean 'NetworkPolicy'"
	loses n1 cli "$(pod_ip n1 web)"
}

# 33 blocks with 131,080 exceptions together: more than half of what the map of prefixes holds.
too_large() {
	cat <<-'END'
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: huge, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: other}}
		  ingress:
		  - from:
	END
	awk 'BEGIN {
		for (n = 0; n < 131080; n++) {
			if (n % 4096 == 0)
				printf "%s    - ipBlock: {cidr: 10.%d.0.0/16, except: [", n ? "]}\n" : "", k++
			m = n % 4096
			printf "%s10.%d.%d.%d/31", m ? "," : "", k - 1, m / 128, m % 128 * 2
		}
		print "]}"
	}'
}

@test "a policy that no map has room for shuts its pods and no others, until it goes" {
	local web other
	web=$(pod_ip n1 web 4) other=$(pod_ip n1 other 4)
	{ policy_deny; policy_web '{port: 80}'; too_large; } | policy
	eventually 10 policy_is_refused default/huge prefixes
	connects n1 cli "$web" 80
	shut n1 other "$web" 80
	run ! on n1 in_pod cli ping -c 1 -W 1 "$other"
	on n1 in_node ping -c 1 -W 5 "$other"
	manifest_put n1 policy.yaml <<<''
	eventually 10 on n1 in_pod cli ping -c 1 -W 1 "$other"
	connects n1 other "$web" 80
}

# sets_of N [more]: as many policy sets, of pods of this node that are not attached, each of which lets in
# 4096 blocks, and the first one, if asked, one more.
sets_of() {
	local i
	cat <<-END
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: large, namespace: many}
		spec:
		  podSelector: {}
		  ingress: [{from: [$(seq 0 4095 | awk '{ printf "%s{ipBlock: {cidr: 10.9.%d.%d/32}}", (NR > 1 ? "," : ""), $1 / 256, $1 % 256 }')]}]
	END
	for ((i = 0; i < $1; i++)); do
		cat <<-END
			---
			apiVersion: v1
			kind: Pod
			metadata: {name: p$i, namespace: many, labels: {p: "$i"}}
			spec: {nodeName: n1}
			---
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: p$i, namespace: many}
			spec:
			  podSelector: {matchLabels: {p: "$i"}}
			  ingress: [$([ -z "${2-}" ] || [ $i != 0 ] || echo '{from: [{ipBlock: {cidr: 11.0.0.0/8}}]}')]
		END
	done
}

# map_has MAP N, capacity MAP: as the metrics say.
map_has() {
	[ "$(metric n1 "fairlead_datapath_map_entries{map=\"$1\"")" = "$2" ]
}

capacity() {
	metric n1 "fairlead_datapath_map_capacity{map=\"$1\""
}

@test "as many rules as the map has are in force, and with one more the largest policy is refused" {
	local all
	all=$(capacity rules)
	sets_of $((all / 4096)) | policy
	eventually 10 map_has rules "$all"
	run ! policy_is_refused many/large rules
	connects n1 cli "$(pod_ip n1 web)" 80
	sets_of $((all / 4096)) more | manifest_put n1 policy.yaml
	eventually 10 policy_is_refused many/large rules
	map_has rules 1
	[ "$(metric n1 fairlead_policies_refused)" = 1 ]
	connects n1 cli "$(pod_ip n1 web)" 80
	manifest_put n1 policy.yaml <<<''
	eventually 10 map_has rules 0
}

# ports_of N: "web" lets pods with app=client in at 4096 odd ports by TCP, 81 among them, and strangers at
# as many more as make N; no two of them make a range, and no list is another's.
ports_of() {
	cat <<-'END'
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: many, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: web}}
		  ingress:
	END
	awk -v n="$1" 'BEGIN {
		split("TCP UDP SCTP", protocols, " ")
		for (i = 0; i < n; i++) {
			at = i % 4096; list = (i - at) / 4096; of = list % 3
			who = list ? "{ipBlock: {cidr: 10.9." list ".0/24}}" : "{podSelector: {matchLabels: {app: client}}}"
			if (at == 0)
				printf "%s  - {from: [%s], ports: [", list ? "]}\n" : "", who
			printf "%s{protocol: %s, port: %d}", at ? "," : "", protocols[of + 1],
				(at + (list - of) / 3) * 2 + 1
		}
		print "]}"
	}'
}

@test "as many ports as the map has are in force, and with one more the policy is refused" {
	local all web
	all=$(capacity ports) web=$(pod_ip n1 web)
	[ "$all" = 131072 ]
	ports_of "$all" | policy
	eventually 10 map_has ports "$all"
	connects n1 cli "$web" 81
	shut n1 cli "$web" 80
	ports_of $((all + 1)) | manifest_put n1 policy.yaml
	eventually 10 policy_is_refused default/many ports
	map_has ports 0
	shut n1 cli "$web" 81
	manifest_put n1 policy.yaml <<<''
	eventually 10 connects n1 other "$web" 80 1
}

# slots_of N: as many policy sets, of pods of this node that are not attached.
slots_of() {
	awk -v n="$1" 'BEGIN {
		for (i = 1; i <= n; i++)
			printf "---\napiVersion: v1\nkind: Pod\n" \
				"metadata: {name: q%d, namespace: many, labels: {p: \"%d\"}}\n" \
				"spec: {nodeName: n1}\n---\napiVersion: networking.k8s.io/v1\n" \
				"kind: NetworkPolicy\nmetadata: {name: q%d, namespace: many}\n" \
				"spec: {podSelector: {matchLabels: {p: \"%d\"}}}\n", i, i, i, i
	}'
}

sets_shut() {
	[ "$(metric n1 fairlead_policy_sets_shut)" = "$1" ]
}

@test "as many policy sets as there are slots are in force, and with one more its pods are shut" {
	local all web
	all=$(capacity slots) web=$(pod_ip n1 web)
	[ "$all" = 4094 ]
	slots_of $((all - 1)) | manifest_put n1 far.yaml
	eventually 10 map_has slots $((all - 1))
	policy_web '{port: 80}' | policy
	eventually 10 map_has slots "$all"
	sets_shut 0
	connects n1 cli "$web" 80
	# One of them comes anew, and finds none.
	manifest_del n1 policy.yaml
	eventually 10 map_has slots $((all - 1))
	slots_of "$all" | manifest_put n1 far.yaml
	eventually 10 map_has slots "$all"
	policy_web '{port: 80}' | manifest_put n1 policy.yaml
	eventually 10 sets_shut 1
	shut n1 cli "$web" 80
	agent_get n1 /v1/status | jq -e '.problems[] | select(.text | contains("more policy sets than the map of slots"))'
	manifest_del n1 far.yaml
	eventually 10 connects n1 cli "$web" 80 1
	sets_shut 0
}

@test "an agent that is told to enforce no more takes the datapath away, and policies with it" {
	policy < <(policy_deny)
	loses n1 cli "$(pod_ip n1 web)"
	agent_stop n1
	agent_start n1 "$(printf 'mode: vxlan\npolicy: {enforce: false}')"
	agent_wait_ready n1
	reaches n1 cli "$(pod_ip n1 web)"
	run ! on n1 in_node ip link show fairlead-blocks
	agent_stop n1
	agent_start n1 "$(printf 'mode: vxlan\npolicy: {enforce: true}')"
	agent_wait_ready n1
	loses n1 cli "$(pod_ip n1 web)"
}

@test "while the datapath's link is gone no pod is attached beside it, and the agent puts it back" {
	agent_kill n1
	on n1 in_node ip link del fairlead-blocks
	run pod_attach n1 out "$(labelled client)"
	[ "$status" -ne 0 ]
	[[ $output =~ \"code\":\ *11 && $output == *"the datapath's link 'fairlead-blocks' is gone"* ]]
	agent_start n1
	agent_wait_ready n1
	pod_attach n1 out "$(labelled client)"
	reaches n1 out "$(pod_ip n1 web)"
	pod_detach n1 out
}
