#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pods that are not under the datapath and ought to be: attached before the agent's first start, or
# taken out of the blocks by somebody; those that stay out, and what the agent and CHECK say of each.
#
# Needs root, for namespaces, and eBPF.
# time limit: 600 s

bats_require_minimum_version 1.5.0
load node
load cluster
load policies

# Nothing here may be owed to the comparison that is made every so often.
conf='mode: none
resync: 3600'

setup_file() {
	cluster_start n1
	cluster_tell n1
}

teardown_file() {
	cluster_stop
}

setup() {
	cluster_address n1
	manifest_put n1 n1.yaml < <(node_manifest n1)
}

teardown() {
	types_show
	pods_detach || true
	cluster_clean
}

# labelled APP [JQ]: the bridge network, with this label on the pod.
labelled() {
	bridge_conf pods '.args.cni.labels = [{key: "app", value: "'"$1"'"}] | '"${2:-.}"
}

# standing POD: what the agent says of the pod's interface: "true", or why it is not enforced.
standing() {
	agent_get n1 /v1/endpoints | jq -r --arg c "$1" \
		'.[] | select(.containerID == $c) | if .enforced then true else .notEnforced end'
}

# stands POD WHAT
stands() {
	[ "$(standing "$1")" = "$2" ]
}

is_enforced() {
	stands "$1" true
}

# host_if POD: the host's end.
host_if() {
	jq -r '.interfaces[] | select(.name | startswith("veth")) | .name' \
		"$BATS_FILE_TMPDIR/pod.n1.$1.result"
}

# web may be reached at 5001 by clients, and nobody may send anything but clients.
policies=$(policy_deny 'Ingress, Egress' && policy_web '{port: 5001}' && cat <<'END'
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: client, namespace: default}
spec:
  podSelector: {matchLabels: {app: client}}
  egress: [{}]
END
)

@test "pods attached before the agent's first start come under policy, and what it allows goes on" {
	pod_attach n1 web "$(labelled web)"
	pod_attach n1 cli "$(labelled client)"
	pod_attach n1 other "$(labelled other)"
	pinger_start forbidden n1 other "$(pod_ip n1 web)"
	stream_start allowed n1 cli n1 web
	manifest_put n1 policy.yaml <<<"$policies"
	agent_up n1 -- "$conf"
	for pod in web cli other; do
		is_enforced $pod
		pod_check n1 $pod
	done
	loses n1 other "$(pod_ip n1 web)"
	loses n1 other "$(pod_ip n1 web 6)"
	on n1 in_node ping -q -c 1 -W 2 "$(pod_ip n1 other)"
	[ "$(metric n1 fairlead_endpoints_outside)" = 0 ]
	[ "$(metric n1 fairlead_endpoints_joined_total)" = 3 ]
	# The other side acknowledges although it may open nothing: a stream that stood still would
	# not end.
	stream_stop allowed
	run -0 outage forbidden "$EPOCHREALTIME"
	pinger_stop forbidden
}

@test "what policy forbids in mid-flow is cut when its pod joins" {
	pod_attach n1 web "$(labelled web)"
	pod_attach n1 other "$(labelled other)"
	stream_start forbidden n1 other n1 web
	manifest_put n1 policy.yaml <<<"$policies"
	agent_up n1 -- "$conf"
	before=$(on n1 in_pod web ss -Htin state established | grep -o 'bytes_received:[0-9]*')
	loses n1 other "$(pod_ip n1 web)"
	[ "$(on n1 in_pod web ss -Htin state established | grep -o 'bytes_received:[0-9]*')" = "$before" ]
	kill -KILL "$(cat "$BATS_TEST_TMPDIR/stream.forbidden.pid")" \
		"$(cat "$BATS_TEST_TMPDIR/stream.forbidden.serve.pid")"
}

@test "a pod of a network without the agent stays outside, and the agent says so" {
	pod_attach n1 out "$(labelled web '.agent = "none"')"
	pod_attach n1 cli "$(labelled other)"
	manifest_put n1 policy.yaml <<<"${policies//, Egress/}"
	agent_up n1 -- "$conf"
	stands out 'its network says "agent": "none"'
	is_enforced cli
	reaches n1 cli "$(pod_ip n1 out)"
	run -0 on n1 in_node tc qdisc show dev "$(host_if out)" clsact
	[ -z "$output" ]
	pod_check n1 out
	# Nor does one that comes later join.
	pod_attach n1 out2 "$(labelled web '.agent = "none"')"
	reaches n1 cli "$(pod_ip n1 out2)"
	# Nobody waits for the agent to read such a record.
	eventually 10 stands out2 'its network says "agent": "none"'
	[ "$(metric n1 fairlead_endpoints_outside)" = 0 ]
	run -0 on n1 in_node "$BUILD/bin/fairlead" endpoints
	grep -qE ' no$' <<<"$output"
	grep -qE ' yes$' <<<"$output"
}

@test "somebody else's clsact qdisc is left alone, named as a problem, and its pod not called enforced" {
	pod_attach n1 p1 "$(labelled web)"
	pod_attach n1 p2 "$(labelled web)"
	on n1 in_node tc qdisc add dev "$(host_if p1)" clsact
	on n1 in_node tc filter add dev "$(host_if p1)" ingress \
		prio 7 protocol all bpf bytecode '1,6 0 0 0'
	agent_up n1 -- "$conf"
	is_enforced p2
	stands p1 'its interface has a clsact qdisc of another program'
	agent_get n1 /v1/status | jq -e --arg where "endpoint $(host_if p1)" '.problems[] |
		select(.where == $where) | .text | contains("for pod '\''default/p1'\''")'
	[ "$(metric n1 fairlead_endpoints_outside)" = 1 ]
	run ! pod_check n1 p1
	[[ $output == *"host interface '$(host_if p1)': expected to be in the datapath's blocks, found a clsact qdisc without them"* ]]
	run -0 on n1 in_node tc filter show dev "$(host_if p1)" ingress
	[[ $output == *"pref 7 bpf"* && $output != *block* ]]
	# It goes: the pod joins at once.
	on n1 in_node tc qdisc del dev "$(host_if p1)" clsact
	eventually 10 is_enforced p1
	pod_check n1 p1
	agent_get n1 /v1/status | jq -e '.problems == []'
}

@test "who is taken out of the blocks is put back at once, and CHECK says so meanwhile" {
	agent_up n1 -- "$conf"
	pod_attach n1 p1 "$(labelled web)"
	pod_attach n1 p2 "$(labelled other)"
	manifest_put n1 policy.yaml <<<"$policies"
	eventually 10 loses n1 p2 "$(pod_ip n1 p1)"
	on n1 in_node tc qdisc del dev "$(host_if p1)" clsact
	eventually 10 is_enforced p1
	grep -q "pod 'default/p1': somebody took interface '$(host_if p1)' out of the datapath's blocks: put back" \
		"$(agent_log n1)"
	loses n1 p2 "$(pod_ip n1 p1)"
	agent_kill n1
	on n1 in_node tc qdisc del dev "$(host_if p1)" clsact
	run ! pod_check n1 p1
	[[ $output =~ \"code\":\ *102 ]]
	[[ $output == *"interface '$(host_if p1)': expected to be in the datapath's blocks, found no clsact qdisc"* ]]
	pod_check n1 p2
	agent_up n1
	pod_check n1 p1
	loses n1 p2 "$(pod_ip n1 p1)"
}

# Room for two pods of each family: who comes next gets the address of who has gone.
tight='.ipam.ranges = [[{subnet: "10.88.0.0/16", rangeStart: "10.88.0.10", rangeEnd: "10.88.0.11"}],
	[{subnet: "fd00:88::/64", rangeStart: "fd00:88::10", rangeEnd: "fd00:88::11"}]]'

# takes_it_for POD ADDRESS MAC: whom the pod would send to at this address.
takes_it_for() {
	[[ $(on n1 in_pod "$1" ip neigh show "$2") == *" lladdr $3 "* ]]
}

# inherits PROGRAM: while the agent is dead "comes" gets what "goes" had, but for the MAC address; this
# one is started then.
inherits() {
	local family mac=02:00:00:00:00:0a
	pod_attach n1 goes "$(labelled any "$tight")"
	for family in 4 6; do
		reaches n1 stays "$(pod_ip n1 goes $family)"
	done
	agent_kill n1
	pod_detach n1 goes
	pod_attach n1 comes "$(labelled any "$tight | .args.cni.mac = \"$mac\"")"
	for family in 4 6; do
		[[ $(pod_ip n1 comes $family) =~ [.:]1[01]$ ]]
		run ! takes_it_for stays "$(pod_ip n1 comes $family)" "$mac"
	done
	agent_exchange n1 "$1"
	for family in 4 6; do
		eventually 2 takes_it_for stays "$(pod_ip n1 comes $family)" "$mac"
		on n1 in_pod stays ping -q -c 1 -W 1 "$(pod_ip n1 comes $family)"
	done
	pod_detach n1 comes
}

@test "who gets the address of another while the agent is away is found as soon as one is back" {
	agent_up n1 -- "$conf"
	pod_attach n1 stays "$(labelled any "$tight")"
	inherits "$AGENT"
	inherits "$BUILD/tests/fairleadd-next"
}

# problem WHERE: what the agent says is wrong there.
problem() {
	agent_get n1 /v1/status | jq -re --arg where "$1" '.problems[] | select(.where == $where) | .text'
}

@test "a record that cannot be read shuts its pod, and the agent names it until it is mended" {
	local record
	agent_up n1 -- "$conf"
	pod_attach n1 p1 "$(labelled web)"
	pod_attach n1 p2 "$(labelled web)"
	reaches n1 p2 "$(pod_ip n1 p1)"
	record=$(on n1 in_node grep -l '"p1"' -r /run/fairlead/endpoints)
	on n1 in_node sh -c 'cp "$0" /run/kept && echo "{" >"$0"' "$record"
	eventually 10 problem "$record"
	run -0 problem "$record"
	[[ $output == *"${record##*/}"*": nothing passes to the pod behind interface '$(host_if p1)' or from it" ]]
	[ "$(metric n1 fairlead_endpoint_records_unreadable)" = 1 ]
	[ "$(metric n1 fairlead_problems)" = 1 ]
	run -1 on n1 in_node "$BUILD/bin/fairlead" status
	[[ $output == *"$record"* ]]
	loses n1 p2 "$(pod_ip n1 p1)"
	loses n1 p1 "$(pod_ip n1 p2)"
	is_enforced p2
	on n1 in_node cp /run/kept "$record"
	eventually 10 is_enforced p1
	agent_get n1 /v1/status | jq -e '.problems == []'
	[ "$(metric n1 fairlead_endpoint_records_unreadable)" = 0 ]
	reaches n1 p2 "$(pod_ip n1 p1)"
}

@test "programs that somebody takes out of a block are put back at once" {
	agent_up n1 -- "$conf"
	pod_attach n1 p1 "$(labelled web)"
	is_enforced p1
	on n1 in_node tc filter del block 262241965
	eventually 10 is_enforced p1
	run -0 on n1 in_node tc filter show block 262241965
	[[ $output == *fl_from_pod* ]]
}

@test "a pod whose interface somebody has renamed is that pod still, after another agent's start, too" {
	local pod
	pod_attach n1 web "$(labelled web)"
	pod_attach n1 cli "$(labelled client)"
	pod_attach n1 other "$(labelled other)"
	manifest_put n1 policy.yaml <<<"$policies"
	agent_up n1 -- "$conf"
	stream_start allowed n1 cli n1 web
	for pod in cli other; do
		on n1 in_node ip link set "$(host_if $pod)" name "$pod-by-hand"
	done
	# What only says that it is a pod's is not, as long as that one has its name.
	on n1 in_node ip link add decoy type veth peer name decoy-peer
	on n1 in_node ip link set decoy alias fairlead/pods/web/eth0
	[ "$(on n1 in_node cat "/sys/class/net/$(host_if web)/ifalias")" = fairlead/pods/web/eth0 ]
	agent_stop n1
	agent_up n1 -- "$conf"
	for pod in web cli other; do
		is_enforced $pod
	done
	on n1 in_node ping -q -c 1 -W 2 "$(pod_ip n1 web)"
	loses n1 other "$(pod_ip n1 web)"
	stream_stop allowed
	on n1 in_node ip link del decoy
}

@test "an agent without a bpf file system ends, and says what it needs and how to go without" {
	on n1 in_node umount /sys/fs/bpf
	agent_conf n1 'mode: none'
	run -1 on n1 in_node "$AGENT"
	on n1 in_node mount -t bpf bpf /sys/fs/bpf
	[ "$output" = "error: config 'policy.enforce': '/sys/fs/bpf/fairlead/v1' is in no bpf file system: mount one, as with mount -t bpf bpf /sys/fs/bpf; without NetworkPolicy, 'policy: {enforce: false}', the agent needs none of this" ]
}

# Where a kernel tells its types, and files that may do so in its place.
TYPES='/sys/kernel/btf /boot /lib/modules /usr/lib/debug'

# web and other under the policies, of an agent that has ended.
policy_left_in_force() {
	agent_up n1 -- "$conf"
	pod_attach n1 web "$(labelled web)"
	pod_attach n1 other "$(labelled other)"
	manifest_put n1 policy.yaml <<<"$policies"
	eventually 10 loses n1 other "$(pod_ip n1 web)"
	agent_stop n1
}

types_hide() {
	on n1 in_node sh -c 'for d; do [ ! -d $d ] || mount -t tmpfs hidden $d; done' - $TYPES
}

types_show() {
	! on n1 in_node grep -q ^hidden /proc/self/mounts ||
		on n1 in_node sh -c 'umount $(awk "\$1 == \"hidden\" { print \$2 }" /proc/self/mounts)'
}

@test "an agent on a kernel that does not tell its types ends and says so, and nothing opens by that" {
	policy_left_in_force
	types_hide
	run -1 on n1 in_node "$AGENT"
	[ "$output" = "error: config 'policy.enforce': load the programs: the kernel does not tell its types, as one does that is built with CONFIG_DEBUG_INFO_BTF; without NetworkPolicy, 'policy: {enforce: false}', the agent needs none of this" ]
	run -3 on n1 in_node "$BUILD/bin/fairlead" status
	[[ $output == *"/run/fairlead/agent.sock"* ]]
	# What was in force is, and who comes is shut.
	loses n1 other "$(pod_ip n1 web)"
	on n1 in_node ping -q -c 1 -W 5 "$(pod_ip n1 other)"
	pod_attach n1 late "$(labelled client)"
	loses n1 late "$(pod_ip n1 web)"
	# As it says: without NetworkPolicy it works.
	agent_up n1 -- "$conf
policy: {enforce: false}"
	reaches n1 other "$(pod_ip n1 web)"
	reaches n1 late "$(pod_ip n1 web)"
}

@test "an agent that finds no folder of manifests takes no policy away, and waits for it" {
	local folder
	policy_left_in_force
	folder=$(on n1 node_file /etc/fairlead)
	mv "$folder/manifests" "$folder/gone"
	agent_start n1
	eventually 10 agent_get n1 /healthz
	eventually 10 problem /etc/fairlead/manifests
	loses n1 other "$(pod_ip n1 web)"
	pod_attach n1 late "$(labelled client)"
	loses n1 late "$(pod_ip n1 web)"
	run -22 agent_get n1 /readyz
	mv "$folder/gone" "$folder/manifests"
	agent_wait_ready n1
	is_enforced late
	loses n1 other "$(pod_ip n1 web)"
	manifest_del n1 policy.yaml
	eventually 10 reaches n1 late "$(pod_ip n1 web)"
}

@test "on a full disk the agent starts, leaves policy in force, and says what it could not write" {
	on n1 in_node sh -c 'mkdir -p /run/fairlead && mount -t tmpfs -o size=64k full /run/fairlead'
	policy_left_in_force
	on n1 in_node sh -c 'cd /run/fairlead && rm agent.lock node.json && ! cat /dev/zero >fill' 2>/dev/null
	agent_start n1
	eventually 10 agent_get n1 /healthz
	eventually 10 problem node.json
	run -0 problem node.json
	[[ $output == *"No space left on device" ]]
	is_enforced web
	loses n1 other "$(pod_ip n1 web)"
	on n1 in_node rm /run/fairlead/fill
	agent_wait_ready n1
	agent_get n1 /v1/status | jq -e '.problems == []'
	pods_detach
	agent_stop n1
	on n1 in_node umount /run/fairlead
}

@test "an agent that was to take the datapath away and could not is followed by one that does" {
	policy_left_in_force
	# Something in the way, as a kill or a want of memory may be.
	on n1 in_node mkdir /run/fairlead/full
	agent_conf n1 "$conf
policy: {enforce: false}"
	run -1 on n1 in_node "$AGENT"
	[[ $output == *"take the datapath away: "* ]]
	on n1 in_node rmdir /run/fairlead/full
	agent_up n1
	reaches n1 other "$(pod_ip n1 web)"
	run -1 on n1 in_node ip link show fairlead-blocks
}
