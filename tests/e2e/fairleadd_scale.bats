#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent with 5,000 nodes in its manifests: memory, the first reconcile, and one change among
# them. Bounds of time are many times what is measured; that of memory is the promise. Needs root
# and namespaces.

bats_require_minimum_version 1.5.0
load node
load cluster

NODES=5000

setup_file() {
	cluster_start n1
	node_use n1
	cluster_tell n1
	many_nodes $NODES | manifest_put n1 many.yaml
	agent_up n1
}

teardown_file() {
	cluster_stop
}

setup() {
	node_use n1
}

# many_nodes N: Node objects p0001 and so on, as short as they may be.
many_nodes() {
	awk -v n="$1" 'BEGIN {
		for (i = 0; i < n - 1; i++)
			printf "---\napiVersion: v1\nkind: Node\nmetadata: {name: p%04d}\n" \
				"spec: {podCIDRs: [10.%d.%d.0/24]}\n" \
				"status: {addresses: [{type: InternalIP, address: 172.20.%d.%d}]}\n",
				i, 64 + i / 250, i % 250, i / 250, i % 250 + 1
	}'
}

status() {
	agent_get n1 /v1/status | jq -r "$1"
}

@test "all nodes are reached" {
	[ "$(status .nodes)" -eq "$NODES" ]
	[ "$(in_node ip route show proto 172 | wc -l)" -eq "$NODES" ]
	[ "$(in_node bridge fdb show dev fairlead.1 | grep -c 'self permanent')" -eq $((NODES - 1)) ]
	echo "# read and compared: $(status .reconcile.lastSeconds) s" >&3
	[ "$(status '.reconcile.lastSeconds < 30')" = true ]
}

@test "the agent's memory stays below 30 MiB" {
	local kib
	agent_get n1 /v1/reload -X POST
	agent_get n1 /v1/peers >/dev/null
	agent_get n1 /v1/routes >/dev/null
	kib=$(awk '$1 == "VmRSS:" {print $2}' "/proc/$(agent_pid n1)/status")
	echo "# RSS: $kib KiB, peak $(awk '$1 == "VmHWM:" {print $2}' "/proc/$(agent_pid n1)/status")" >&3
	[ "$kib" -lt $((30 * 1024)) ]
}

@test "one change among them is in the kernel at once" {
	local i
	node_manifest n2 | manifest_put n1 n2.yaml
	eventually 5 in_node sh -c 'ip route show 10.244.2.0/24 | grep -q fairlead.1'
	echo "# one more node: $(status '.reconcile.lastChangeSeconds * 1000') ms" >&3
	for i in 3 4 5; do
		node_manifest "n2=192.0.2.9$i" | manifest_put n1 n2.yaml
		eventually 5 in_node sh -c "bridge fdb show dev fairlead.1 | grep -q 192.0.2.9$i"
		echo "# one address: $(status '.reconcile.lastChangeSeconds * 1000') ms" >&3
		[ "$(status '.reconcile.lastChangeSeconds < 2')" = true ]
	done
	manifest_del n1 n2.yaml
	eventually 5 in_node sh -c '! ip route show 10.244.2.0/24 | grep -q .'
	[ "$(status .reconcile.failed)" -eq 0 ]
}
