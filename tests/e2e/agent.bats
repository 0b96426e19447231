#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent on four machines, the fourth behind a router: modes, members that come, go and move,
# bad input that leaves the rest working, restarts that touch nothing. What the agents were told is
# a folder of Node objects on each machine; what is judged is the kernel and real packets.
#
# Needs root, for namespaces.

bats_require_minimum_version 1.5.0
load node
load cluster
load world

setup_file() {
	CLUSTER_SECOND=n4 cluster_start n1 n2 n3 n4
}

teardown_file() {
	cluster_stop
}

setup() {
	cluster_tell n1 n2 n3
}

# Each test begins on machines where no agent has been.
teardown() {
	cluster_clean
}

# peers_are NODE NAME...: whom its agent knows.
peers_are() {
	local node=$1
	shift
	[ "$(agent_get "$node" /v1/peers | jq -r '[.[].name] | join(" ")')" = "$*" ]
}

# problems NODE: "WHERE: TEXT" lines.
problems() {
	agent_get "$1" /v1/status | jq -r '.problems[] | "\(.where): \(.text)"'
}

# problem NODE TEXT: one of them holds it. problem_none NODE: there are none.
problem() {
	problems "$1" | grep -F "$2"
}

problem_none() {
	[ -z "$(problems "$1")" ]
}

# objects NODE: all that an agent makes in the kernel for other nodes, as text.
objects() {
	on "$1" in_node sh -c '
		ip -4 route show proto 172; ip -6 route show proto 172
		for l in $(ip -o link show type vxlan | cut -d: -f2); do
			echo "vtep $(ip -o -d link show dev $l)"
			ip -o addr show dev $l scope global | sed "s/valid_lft.*//"
			ip neigh show nud permanent dev $l
			bridge fdb show dev $l
		done' | sed -E 's/ +/ /g' | LC_ALL=C sort
}

# attach NODE...: a pod "p" on each, with everything from the agent.
attach() {
	local node
	for node; do
		pod_attach "$node" p || return
	done
}

@test "vxlan: agents that know each other, pods that take their blocks from them" {
	local node
	agent_up n1 n2 n3
	attach n1 n2 n3
	all_reach n1/p n2/p n3/p
	for node in n1 n2 n3; do
		[[ $(pod_ip $node p) == 10.244.${node#n}.* ]]
		pod_check $node p
		problem_none $node
		run -0 agent_get $node /v1/routes
		jq -e 'length > 0 and all(.state == "ok")' <<<"$output"
	done
	peers_are n1 n2 n3
	[ "$(on n1 in_pod p ip -j link show dev eth0 | jq '.[0].mtu')" = 1450 ]
	# The outside, which knows nothing of pods; and pods in their own name.
	reaches n1 p "$OUTSIDE4"
	reaches n1 p "$OUTSIDE6"
	capture_start wire n2 eth0 2 udp port 4789
	reaches n1 p "$(pod_ip n2 p)"
	run -0 capture_show wire
	[[ $output == *"vni 1"*"$(pod_ip n1 p) > $(pod_ip n2 p): ICMP echo request"* ]]
}

@test "node.json tells the plugins what they need, in every mode" {
	agent_up n1
	jq -e '. == {version: 1, nodeName: "n1", nodeIPs: ["192.0.2.11", "fd00:2::11"],
		podCIDRs: ["10.244.1.0/24", "fd00:244:1::/64"], mode: "vxlan", mtu: 1450,
		vxlan: {device: "fairlead.1", vni: 1, port: 4789}}' \
		"$(on n1 node_file /run/fairlead/node.json)"
	agent_stop n1
	agent_up n1 -- "mode: host-gw"
	jq -e '. == {version: 1, nodeName: "n1", nodeIPs: ["192.0.2.11", "fd00:2::11"],
		podCIDRs: ["10.244.1.0/24", "fd00:244:1::/64"], mode: "host-gw", mtu: 1500}' \
		"$(on n1 node_file /run/fairlead/node.json)"
}

@test "without node.json ADD fails with code 11 and STATUS with 50; both work once it is there" {
	local conf
	conf=$(agent_net_conf)
	on n1 pod_add p
	run ! on n1 cni ADD vxlan p eth0 "$(pod_path p)" <<<"$conf"
	jq -e '.code == 11' <<<"$output"
	run ! on n1 cni STATUS vxlan - - - <<<"$conf"
	jq -e '.code == 50' <<<"$output"
	on n1 pod_del p
	agent_up n1
	on n1 cni STATUS vxlan - - - <<<"$conf"
	attach n1
}

@test "host-gw: plain routes to the neighbours; a node behind a router is a problem of its own" {
	cluster_tell n4
	agent_up n1 n2 n3 -- "mode: host-gw"
	pod_attach n1 p "$(agent_net_conf '.type = "bgp-route"')"
	pod_attach n2 p "$(agent_net_conf '.type = "bgp-route"')"
	all_reach n1/p n2/p
	[ -z "$(on n1 in_node ip -o link show type vxlan)" ]
	[[ $(on n1 in_node ip route show 10.244.2.0/24) == "10.244.2.0/24 via 192.0.2.12 dev eth0 proto 172"* ]]
	[ -z "$(on n1 in_node ip route show 10.244.4.0/24)" ]
	problem n1 n4
	[ "$(on n1 in_pod p ip -j link show dev eth0 | jq '.[0].mtu')" = 1500 ]
	reaches n1 p "$OUTSIDE4"
}

@test "direct: plain routes on the same segment, the overlay across the router" {
	cluster_tell n4
	agent_up n1 n2 n4 -- "mode: direct"
	attach n1 n2 n4
	all_reach n1/p n2/p n4/p
	[[ $(on n1 in_node ip route show 10.244.2.0/24) == *"via 192.0.2.12 dev eth0 proto 172"* ]]
	[[ $(on n1 in_node ip route show 10.244.4.0/24) == *"via 10.244.4.0 dev fairlead.1 proto 172 onlink"* ]]
	run -0 agent_get n1 /v1/peers
	jq -e 'map({key: .name, value: .way}) | from_entries == {n2: "direct", n3: "direct", n4: "overlay"}' \
		<<<"$output"
	problem_none n1
}

@test "vxlan reaches a node behind a router as well" {
	cluster_tell n4
	agent_up n1 n4
	attach n1 n4
	all_reach n1/p n4/p
}

@test "a new mode after a restart: the old way is gone, the new one there" {
	agent_up n1 n2
	attach n1 n2
	agent_stop n1 n2
	agent_up n1 n2 -- "mode: host-gw"
	reaches n1 p "$(pod_ip n2 p)"
	[[ $(on n1 in_node ip route show 10.244.2.0/24) == *"via 192.0.2.12 dev eth0"* ]]
	[ -z "$(on n1 in_node ip -o link show type vxlan)" ]
	agent_stop n1 n2
	agent_up n1 n2 -- "mode: vxlan"
	reaches n1 p "$(pod_ip n2 p)"
	[[ $(on n1 in_node ip route show 10.244.2.0/24) == *"dev fairlead.1"* ]]
}

@test "a node joins, and leaves: the others reach it at once, and keep nothing of it" {
	local node before
	agent_up n1 n2 n3
	attach n1 n2 n3
	before=$(objects n1)
	cluster_tell n4
	for node in n1 n2 n3; do
		eventually 2 peers_are $node $(tr ' ' '\n' <<<"n1 n2 n3 n4" | grep -v $node)
	done
	agent_up n4
	attach n4
	all_reach n1/p n4/p
	reaches n3 p "$(pod_ip n4 p)"
	cluster_forget n4
	eventually 2 peers_are n1 n2 n3
	eventually 2 diff <(echo "$before") <(objects n1)
	[ -z "$(on n2 in_node ip route show 10.244.4.0/24)" ]
	reaches n1 p "$(pod_ip n2 p)"
}

@test "a node gets another address: everybody follows" {
	agent_up n1 n2 n3
	attach n1 n2
	on n2 in_node ip addr del 192.0.2.12/24 dev eth0
	on n2 in_node ip addr add 192.0.2.99/24 dev eth0
	on n2 in_node ip route replace default via 192.0.2.1
	cluster_tell "n2=192.0.2.99,fd00:2::12"
	eventually 2 reaches n1 p "$(pod_ip n2 p)"
	[ "$(vtep n2 .linkinfo.info_data.local)" = 192.0.2.99 ]
	on n1 in_node bridge fdb show dev fairlead.1 | grep -F "$(vtep n2 .address) dst 192.0.2.99"
	! on n1 in_node bridge fdb show dev fairlead.1 | grep -F 192.0.2.12
}

@test "a node gets another block: routes and neighbours follow, the old ones go" {
	agent_up n1 n2
	cluster_tell "n2=/10.250.0.0/24,fd00:250::/64"
	eventually 2 test -n "$(on n1 in_node ip route show 10.250.0.0/24)"
	[ -z "$(on n1 in_node ip route show 10.244.2.0/24)" ]
	[ -z "$(on n1 in_node ip -6 route show fd00:244:2::/64)" ]
	! objects n1 | grep -F 10.244.2.
	eventually 2 grep -F 10.250.0.0/24 "$(on n2 node_file /run/fairlead/node.json)"
	attach n1 n2
	all_reach n1/p n2/p
}

@test "all nodes in one file, as a List in JSON, and as documents in YAML" {
	manifest_del n1 n2.yaml n3.yaml n1.yaml
	{ node_manifest n1; node_manifest n2; node_manifest n3; } | manifest_put n1 all.yml
	agent_up n1
	peers_are n1 n2 n3
	jq -n '{apiVersion: "v1", kind: "List", metadata: {resourceVersion: ""}, items: [
		{apiVersion: "v1", kind: "Node", metadata: {name: "n1"}, spec: {podCIDR: "10.244.1.0/24"},
		 status: {addresses: [{type: "InternalIP", address: "192.0.2.11"}]}},
		{apiVersion: "v1", kind: "Node", metadata: {name: "n7"}, spec: {podCIDR: "10.244.7.0/24"},
		 status: {addresses: [{type: "InternalIP", address: "192.0.2.17"}]}}]}' |
		manifest_put n1 list.json
	manifest_del n1 all.yml
	eventually 2 peers_are n1 n7
}

@test "a file that breaks keeps its last good state in force, and is told with its line until mended" {
	local before
	agent_up n1 n2
	attach n1 n2
	before=$(objects n1)
	printf 'kind: Node\nmetadata:\n  name: n2\n\tbad: tab\n' | manifest_put n1 n2.yaml
	eventually 2 problem n1 n2.yaml:4
	[ "$(objects n1)" = "$before" ]
	reaches n1 p "$(pod_ip n2 p)"
	# Other files go on being followed.
	node_manifest n9 | manifest_put n1 n9.yaml
	eventually 2 peers_are n1 n2 n3 n9
	node_manifest n2 | manifest_put n1 n2.yaml
	eventually 2 problem_none n1
}

@test "a file that cannot be read, a YAML bomb and junk are told; the rest works" {
	agent_up n1 n2
	{
		echo 'a: &a [x,x,x,x,x,x,x,x,x]'
		for i in {a..i}; do
			n=$(tr a-i b-j <<<$i)
			echo "$n: &$n [*$i,*$i,*$i,*$i,*$i,*$i,*$i,*$i,*$i]"
		done
	} | manifest_put n1 bomb.yaml
	eventually 4 problem n1 bomb.yaml
	head -c 100000 /dev/urandom | manifest_put n1 junk.yaml
	eventually 2 problem n1 junk.yaml
	ln -s /nowhere "$(on n1 node_file /etc/fairlead/manifests)/lost.yaml"
	eventually 2 problem n1 lost.yaml
	mkfifo "$(on n1 node_file /etc/fairlead/manifests)/pipe.yaml"
	eventually 2 problem n1 pipe.yaml
	: | manifest_put n1 empty.yaml
	cluster_tell n4
	eventually 2 peers_are n1 n2 n3 n4
	attach n1 n2
	all_reach n1/p n2/p
	awk '/VmHWM/ { print "# peak memory:", int($2 / 1024), "MiB"; exit $2 / 1024 > 200 }' \
		"/proc/$(agent_pid n1)/status" >&3
}

@test "nodes that contradict each other are told with both places, and the rest works" {
	agent_up n1 n2 n3
	attach n1 n2
	# A newcomer that claims what another has; the one that was there first stays.
	node_manifest n5=/10.244.2.128/25 | manifest_put n1 a-overlap.yaml
	eventually 2 problem n1 a-overlap.yaml
	problem n1 n2.yaml
	node_manifest n6=192.0.2.12 | manifest_put n1 a-same.yaml
	eventually 2 problem n1 a-same.yaml
	problem n1 192.0.2.12
	node_manifest n7=-/ | manifest_put n1 a-noip.yaml
	eventually 2 problem n1 a-noip.yaml
	node_manifest n8=/- | manifest_put n1 a-nocidr.yaml
	eventually 2 problem n1 a-nocidr.yaml
	node_manifest n9=/10.244.9.1/24 | manifest_put n1 a-host.yaml
	eventually 2 problem n1 a-host.yaml
	node_manifest n10=192.0.2.300 | manifest_put n1 a-badip.yaml
	eventually 2 problem n1 192.0.2.300
	peers_are n1 n2 n3
	reaches n1 p "$(pod_ip n2 p)"
	agent_get n1 /readyz
	manifest_del n1 a-{overlap,same,noip,nocidr,host,badip}.yaml
	eventually 2 problem_none n1
}

@test "a node that nobody describes: the agent waits for it, says so, and is not ready" {
	cluster_forget n1
	agent_start n1
	eventually 15 problem n1 n1
	run ! agent_get n1 /readyz
	[ ! -e "$(on n1 node_file /run/fairlead/node.json)" ]
	cluster_tell n1
	agent_wait_ready n1
	eventually 2 problem_none n1
}

@test "no manifests folder: it is waited for" {
	rm -rf "$(on n1 node_file /etc/fairlead/manifests)"
	agent_conf n1
	rm -rf "$(on n1 node_file /etc/fairlead/manifests)"
	agent_start n1
	eventually 15 problem n1 /etc/fairlead/manifests
	cluster_tell n1 n2
	agent_wait_ready n1
	peers_are n1 n2
}

@test "VNI and port of another device: told by name, and taken as soon as it goes" {
	on n1 in_node ip link add other type vxlan id 1 dstport 4789 nolearning
	agent_start n1
	eventually 15 problem n1 other
	agent_get n1 /healthz
	agent_up n2
	on n1 in_node ip link del other
	agent_wait_ready n1
	eventually 2 problem_none n1
	attach n1 n2
	all_reach n1/p n2/p
}

@test "the VTEP's name on something else: told, left alone, and taken when it goes" {
	on n1 in_node ip link add fairlead.1 type bridge
	agent_start n1
	eventually 15 problem n1 fairlead.1
	[ "$(on n1 in_node ip -o link show type bridge | wc -l)" = 1 ]
	on n1 in_node ip link del fairlead.1
	agent_wait_ready n1
}

@test "agent.yaml: an unknown key, a wrong value and a missing file end it with line and path" {
	agent_conf n1 $'mode: vxlan\nvxlan:\n  vnii: 7'
	run ! on n1 in_node timeout 10 "$AGENT"
	[[ $output == *"/etc/fairlead/agent.yaml:5"*vnii* ]]
	agent_conf n1 'mode: vxlam'
	run ! on n1 in_node timeout 10 "$AGENT"
	[[ $output == *"agent.yaml:3"*mode*vxlam* ]]
	agent_conf n1 'vxlan: {vni: 16777216}'
	run ! on n1 in_node timeout 10 "$AGENT"
	[[ $output == *"agent.yaml:3"*vxlan.vni*16777216* ]]
	agent_conf n1 'vxlan: {port: 0}'
	run ! on n1 in_node timeout 10 "$AGENT"
	[[ $output == *"agent.yaml:3"*vxlan.port*0* ]]
	run ! on n1 in_node timeout 10 "$AGENT" --config /nowhere.yaml
	[[ $output == *"/nowhere.yaml"* ]]
}

@test "a second agent on the machine is refused and does not disturb the first" {
	agent_up n1
	run ! on n1 in_node timeout 10 "$AGENT"
	[[ $output == *"another agent"* ]]
	agent_get n1 /healthz
	peers_are n1 n2 n3
}

# watch_kernel NODE: "ip monitor" and "bridge monitor" from now on; watched NODE: what they have seen,
# but for the state of neighbours that nobody has set.
watch_kernel() {
	local var=NODE_PID_$1 file=$BATS_TEST_TMPDIR/monitor.$1 m i
	for m in "ip -o monitor link address route" "bridge monitor fdb" "nft monitor"; do
		# shellcheck disable=SC2086
		nsenter --target "${!var}" --mount --net -- stdbuf -oL $m </dev/null \
			>>"$file" 2>&1 3>&- 4>&- &
		echo $! >>"$file.pids"
		disown $!
	done
	# They listen when they show a mark.
	for ((i = 0; i < 600; i++)); do
		on "$1" in_node ip link add mark type bridge
		on "$1" in_node nft add table ip marked
		on "$1" in_node ip link del mark
		on "$1" in_node nft delete table ip marked
		if grep -q 'Deleted.*mark' "$file" && grep -q 'delete table ip marked' "$file"; then
			break
		fi
		sleep 0.05
	done
	no_growth "$file"
	: >"$file"
}

# no_growth FILE: until nothing has been written to it for half a second.
no_growth() {
	local size=
	while [ "$size" != "$(stat -c %s "$1")" ]; do
		size=$(stat -c %s "$1")
		sleep 0.5
	done
}

watched() {
	local p
	no_growth "$BATS_TEST_TMPDIR/monitor.$1"
	while read -r p; do
		kill "$p" 2>/dev/null || true
	done <"$BATS_TEST_TMPDIR/monitor.$1.pids"
	cat "$BATS_TEST_TMPDIR/monitor.$1"
}

@test "a restart, and a kill and a start, adopt what is there: the kernel sees no change at all" {
	local before
	agent_up n1 n2 n3
	attach n1 n2
	reaches n1 p "$(pod_ip n2 p)"
	on n1 node_settle
	before=$(objects n1)
	watch_kernel n1
	agent_stop n1
	[ "$(objects n1)" = "$before" ]
	agent_up n1
	agent_kill n1
	agent_up n1
	run -0 watched n1
	[ -z "$output" ]
	[ "$(objects n1)" = "$before" ]
	run -0 agent_get n1 /v1/status
	jq -e '.reconcile.drift == 0 and .reconcile.failed == 0' <<<"$output"
}

@test "what vanished while the agent was down goes when it is back; what came is there" {
	agent_up n1 n2 n3
	attach n1 n2
	agent_kill n1
	cluster_forget n3
	cluster_tell n4
	[[ $(on n1 in_node ip route show 10.244.3.0/24) == *fairlead.1* ]]
	agent_up n1
	[ -z "$(on n1 in_node ip route show 10.244.3.0/24)" ]
	! objects n1 | grep -F -e 10.244.3. -e 192.0.2.13 -e fd00:244:3:
	objects n1 | grep -F 198.51.100.14
	reaches n1 p "$(pod_ip n2 p)"
}

@test "what others have on the machine is left alone" {
	local before
	on n1 in_node sh -eu -c '
		ip route add 10.55.0.0/24 via 192.0.2.12
		ip route add 10.56.0.0/24 via 192.0.2.12 proto 171
		ip route add 10.57.0.0/24 via 192.0.2.12 proto bird
		ip link add dum0 type bridge
		nft add table inet mine'
	on n1 in_node ip route show >"$BATS_TEST_TMPDIR/before"
	agent_up n1
	cluster_forget n2
	eventually 2 peers_are n1 n3
	on n1 in_node ip route show | grep -v 'proto 172' | diff "$BATS_TEST_TMPDIR/before" -
	on n1 in_node ip link show dum0
	on n1 in_node nft list table inet mine
}

@test "pods come and go while the agent is dead" {
	# Where it enforces policy, a new pod is shut until it is back: nogap.bats.
	agent_up n1 n2 -- $'mode: vxlan\npolicy: {enforce: false}'
	attach n1
	agent_kill n1 n2
	attach n2
	pod_attach n1 q
	all_reach n1/p n1/q n2/p
	pod_check n1 q
	on n1 cni STATUS vxlan - - - <<<"$(agent_net_conf)"
	pod_detach n1 p
}

@test "the API: status, readiness, reload, drain only with BGP, metrics" {
	agent_up n1
	run -0 agent_get n1 /v1/status
	jq -e '.nodeName == "n1" and .mode == "vxlan" and .ready and (.drained | not) and
		.underlay == {interface: "eth0", ip: "192.0.2.11", mtu: 1500} and .podMTU == 1450 and
		.nodes == 3 and .peers == 2 and .problems == [] and .reconcile.count > 0' <<<"$output"
	run ! agent_get n1 /v1/node/drain -X POST
	[[ $output == *error* ]]
	agent_get n1 /v1/reload -X POST
	run ! agent_get n1 /v1/bgp
	run -0 agent_get n1 /metrics
	[[ $output == *"# TYPE fairlead_"* ]]
	run ! agent_get n1 /v1/nothing
}

@test "TERM ends the agent with status 0, its socket goes, and the network stays" {
	local before
	agent_up n1
	before=$(objects n1)
	agent_stop n1
	[ ! -e "$(on n1 node_file /run/fairlead/agent.sock)" ]
	[ -e "$(on n1 node_file /run/fairlead/node.json)" ]
	[ "$(objects n1)" = "$before" ]
}
