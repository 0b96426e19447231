#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Each of the datapath's maps at its edges, by an agent whose maps are small (tests/tests.mk,
# "grown"): from 95 % on STATUS of the plugins says 51 and the agent names the map, until less than
# 90 % is in use. Connections' map: flows.bats.
#
# Needs root, for namespaces, and eBPF.

bats_require_minimum_version 1.5.0
load node
load cluster
load policies

AGENT=$BUILD/tests/fairleadd-grown

setup_file() {
	cluster_start n1
	cluster_tell n1
	agent_up n1
}

teardown_file() {
	pods_detach || true
	cluster_stop
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED-}" ] || {
		tail -n 5 "$(agent_log n1)"
		agent_get n1 /metrics | grep datapath_map
	}
	manifest_del n1 policy.yaml far.yaml
}

# capacity MAP, entries MAP: as the metrics say.
capacity() {
	metric n1 "fairlead_datapath_map_capacity{map=\"$1\"}"
}

entries() {
	metric n1 "fairlead_datapath_map_entries{map=\"$1\"}"
}

has_entries() {
	[ "$(entries "$1")" = "$2" ]
}

# is_free: STATUS is good, and nothing is full.
is_free() {
	run -0 on n1 cni STATUS bridge - - - <<<"$(bridge_conf pods)"
	agent_get n1 /v1/status | jq -e 'all(.problems[]; .where != "datapath")'
}

# is_full MAP: STATUS is 51, and names the map, as the agent does.
is_full() {
	local text
	text="the datapath's map of $1 is nearly full: of $(capacity "$1") entries 95 % or more are in use"
	run -1 on n1 cni STATUS bridge - - - <<<"$(bridge_conf pods)"
	[ "$(jq .code <<<"$output")" = 51 ]
	[[ $output == *"$text"* ]]
	agent_get n1 /v1/status | jq -e --arg t "$text" '.problems[] | select(.where == "datapath" and .text == $t)'
}

# edges MAP PUT: "PUT N" makes the map's entries N more than "PUT 0" does. Nothing is waited for once
# the entries are counted: the plugins know it then.
edges() {
	local map=$1 put=$2 all base full stays
	all=$(capacity "$map")
	full=$(((all * 95 + 99) / 100)) stays=$(((all * 90 + 99) / 100))
	$put 0
	base=$(entries "$map")
	comes_to $((full - 1))
	is_free
	comes_to $full
	is_full "$map"
	comes_to $stays
	is_full "$map"
	comes_to $((stays - 1))
	is_free
}

# comes_to N: part of edges().
comes_to() {
	$put $(($1 - base))
	eventually 10 has_entries "$map" "$1"
}

# pods N: as many pods, p1 to pN, with one address each and a label of their own.
pods() {
	local i
	for ((i = 1; i <= 10; i++)); do
		if [ $i -gt "$1" ]; then
			! attached p$i || pod_detach n1 p$i
		elif ! attached p$i; then
			pod_attach n1 p$i "$(bridge_conf pods '.ipam.ranges = [[{subnet: "10.88.0.0/16"}]] |
				.args.cni.labels = [{key: "app", value: "p'"$i"'"}]')"
		fi
	done
}

attached() {
	[ -e "$BATS_FILE_TMPDIR/pod.n1.$1.result" ]
}

# policies_of NAME...: policies of these pods, each with what is said on standard input.
policies_of() {
	local name spec
	spec=$(cat)
	for name; do
		cat <<-END
			---
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: $name, namespace: default}
			spec: {podSelector: {matchLabels: {app: $name}}, $spec}
		END
	done
}

# sets N: of as many pods of this node that are not attached, each with a policy of its own.
sets() {
	local i
	for ((i = 1; i <= $1; i++)); do
		cat <<-END
			---
			apiVersion: v1
			kind: Pod
			metadata: {name: q$i, namespace: default, labels: {app: q$i}}
			spec: {nodeName: n1}
		END
		policies_of q$i <<<'policyTypes: [Ingress]'
	done | manifest_put n1 far.yaml
}

# rules N [FIRST]
rules() {
	policies_of p1 <<<"ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}$(
		seq "${2-1}" $((${2-1} + $1 - 1)) | sed 's/.*/, {ipBlock: {cidr: 192.0.2.&\/32}}/' | tr -d '\n')]}]" |
		manifest_put n1 policy.yaml
}

# except N LENGTH: so many blocks of this length, none of which needs a rule of its own.
except() {
	policies_of p1 <<<"ingress: [{from: [{ipBlock: {cidr: 198.18.0.0/15, except: [198.18.0.0/$2$(
		seq "$1" | awk -v len="$2" '{ printf ", 198.18.%d.%d/%d", $1 / 128, $1 % 128 * 2, len }')]}}]}]" |
		manifest_put n1 policy.yaml
}

addresses() {
	except "$1" 32
}

prefixes() {
	except "$1" 31
}

# No two of these ports make a range.
ports() {
	policies_of p1 <<<"ingress: [{ports: [{port: 1000}$(
		seq "$1" | sed 's/.*/, {port: 20&1}/' | tr -d '\n')]}]" | manifest_put n1 policy.yaml
}

blocks() {
	local n=$1 i list=()
	for ((i = 0; i <= n; i++)); do
		list[i / 16]+="${list[i / 16]:+,}10.9.$i.0/24"
	done
	for i in "${!list[@]}"; do
		node_manifest "far$i=192.0.2.$((100 + i))/${list[i]}"
	done | manifest_put n1 far.yaml
}

@test "the map of endpoints" {
	edges endpoints pods
}

@test "the map of the addresses of these" {
	local i
	pods 0
	for i in 1 2 3 4; do
		pod_attach n1 many$i "$(bridge_conf pods '.ipam.ranges = [range(4) |
			[{subnet: "10.\(90 + .).0.0/16"}]] | .name = "many" | .bridge = "br1"')"
	done
	edges locals pods
	for i in 1 2 3 4; do
		pod_detach n1 many$i
	done
}

@test "the map of policy sets" {
	edges slots sets
}

@test "the map of rules" {
	pods 1
	edges rules rules
}

@test "the map of prefixes" {
	pods 1
	edges prefixes prefixes
}

@test "the map of single addresses" {
	pods 1
	edges addresses addresses
}

@test "the map of ports" {
	pods 1
	edges ports ports
}

@test "the map of special addresses, and what does not fit there at all" {
	edges specials blocks
	blocks 60
	eventually 10 has_entries specials 40
	is_full specials
	agent_get n1 /v1/status | jq -e '.problems[] | select(.text | contains("map of special addresses is full"))'
	blocks 0
	eventually 10 is_free
}

# others_far N: other nodes, far0 on, whose cards are known.
others_far() {
	local i
	for ((i = 0; i < $1; i++)); do
		on n1 in_node ip neigh replace "192.0.2.$((100 + i))" lladdr 02:00:00:00:00:99 dev eth0
		node_manifest "far$i=192.0.2.$((100 + i))/10.9.$i.0/24"
	done | manifest_put n1 far.yaml
}

by_vtep() {
	on n1 in_node cat /sys/class/net/fairlead.1/statistics/tx_packets
}

# vtep_sends N I...: whether the VTEP sends N packets while p1 asks a pod of each of these nodes, none
# of which is there.
vtep_sends() {
	local n=$1 before i
	shift
	before=$(by_vtep)
	for i; do
		on n1 in_pod p1 ping -q -c 1 -W 0.1 "10.9.$i.2" || true
	done
	[ $(($(by_vtep) - before)) = "$n" ]
}

no_room_for_tunnels() {
	agent_get n1 /v1/status | jq -e '.problems[] | select(.where == "datapath" and (.text |
		contains("ways through the overlay is full: it holds 4; what is for 1 other nodes")))'
}

@test "the map of tunnels: for whom it has no room, the VTEP does the work" {
	pods 1
	others_far 4
	eventually 10 has_entries tunnels 4
	[ "$(capacity tunnels)" = 4 ]
	is_free
	eventually 10 vtep_sends 0 0 1 2 3
	others_far 5
	eventually 10 no_room_for_tunnels
	has_entries tunnels 4
	eventually 10 vtep_sends 0 0 1 2 3
	eventually 10 vtep_sends 1 4
	# Nothing is shut or lost by that.
	run -0 on n1 cni STATUS bridge - - - <<<"$(bridge_conf pods)"
	node_manifest far4=192.0.2.104/10.9.4.0/24 | manifest_put n1 far.yaml
	eventually 10 has_entries tunnels 1
	is_free
	eventually 10 vtep_sends 0 4
}

@test "a change is put in force whose old and new rules have no room beside each other" {
	pods 1
	rules 150
	eventually 10 has_entries rules 151
	# The old version learns of 100 new blocks, the new one has 150 and the 100 that go.
	rules 150 101
	eventually 10 grep -q 'no room for the old and the new ones together' "$(agent_log n1)"
	rules 140 101
	eventually 10 has_entries rules 141
	is_free
}

@test "a policy that is too large is refused whole and named, and the others stay" {
	local before
	pods 2
	policies_of p2 <<<"ingress: [{from: [{ipBlock: {cidr: 198.51.100.7/32}}]}]" | manifest_put n1 far.yaml
	eventually 10 has_entries rules 1
	before=$(entries addresses)
	rules 250
	eventually 10 policy_is_refused default/p1 rules
	has_entries rules 1
	has_entries addresses "$before"
	# As soon as it fits, it is in force.
	rules 3
	eventually 10 has_entries rules 5
	run ! policy_is_refused default/p1 rules
	is_free
}

sets_shut() {
	[ "$(metric n1 fairlead_policy_sets_shut)" = "$1" ]
}

@test "a pod with one policy set more than there are is shut and named, until there is room" {
	local before
	pods 2
	sets 14
	eventually 10 has_entries slots 14
	sets_shut 0
	policies_of p1 <<<'ingress: [{}]' | manifest_put n1 policy.yaml
	eventually 10 sets_shut 1
	agent_get n1 /v1/status | jq -e '.problems[] | select(.text | contains("more policy sets than the map of slots"))'
	before=$(packets n1 closed)
	loses n1 p2 "$(pod_ip n1 p1)"
	[ "$(packets n1 closed)" -gt "$before" ]
	sets 13
	eventually 10 sets_shut 0
	agent_get n1 /v1/status | jq -e 'all(.problems[]; .text | contains("more policy sets") | not)'
	reaches n1 p2 "$(pod_ip n1 p1)"
}
