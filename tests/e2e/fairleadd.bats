#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent as a program: options, exit statuses, one instance, signals, notification, API and
# metrics, on one node. What it does to a cluster is in agent.bats. Needs root and namespaces.

bats_require_minimum_version 1.5.0
load node
load cluster

setup_file() {
	cluster_start n1
	node_use n1
}

teardown_file() {
	cluster_stop
}

setup() {
	node_use n1
}

teardown() {
	agent_stop n1
	in_node sh -c 'rm -rf /etc/fairlead/* /run/fairlead'
}

# daemon ARG...: runs it in the node to its end.
daemon() {
	in_node timeout 10 "$AGENT" "$@"
}

# conf LINE...: writes agent.yaml.
conf() {
	printf '%s\n' "$@" >"$(node_file /etc/fairlead/agent.yaml)"
}

@test "version and help are printed and end well" {
	run -0 --separate-stderr daemon --version
	[[ $output =~ ^fairleadd\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ -z "$stderr" ]
	run -0 daemon --help
	[[ $output == *--check-config* ]]
}

@test "a wrong option is one line and status 2" {
	for args in --bogus "--config" "extra" "-x"; do
		run -2 --separate-stderr daemon $args
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "error: '$args' "* ]]
	done
}

@test "a bad configuration is one line with file, line and path, and status 2" {
	conf 'nodeName: n1' 'mode: vxlan' 'vxlan:' '  vni: 0'
	for args in "" --check-config; do
		run -2 --separate-stderr daemon $args
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *"/etc/fairlead/agent.yaml:4: "*"'vxlan.vni'"* ]]
	done
	run -2 --separate-stderr daemon --config /etc/fairlead/none.yaml
	[[ $stderr == *"'/etc/fairlead/none.yaml'"* ]]
}

@test "a good configuration checks well, and so does none at the default place" {
	run -0 daemon --check-config
	[ -z "$output" ]
	conf 'nodeName: n1' 'mode: direct'
	run -0 daemon --check-config
	[ -z "$output" ]
	[ ! -e "$(node_file /run/fairlead)" ]
}

@test "FAIRLEAD_ROOT is put before the folders, and must be absolute" {
	local root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/etc/fairlead"
	echo 'mode: nonsense' >"$root/etc/fairlead/agent.yaml"
	FAIRLEAD_ROOT=$root run -2 --separate-stderr daemon --check-config
	[[ $stderr == *"$root/etc/fairlead/agent.yaml:1: "* ]]
	FAIRLEAD_ROOT=rel run -2 --separate-stderr daemon --check-config
	[[ $stderr == "error: FAIRLEAD_ROOT: 'rel' is not an absolute path" ]]
}

@test "a second agent on the node names the first and ends with status 1" {
	cluster_tell n1
	agent_up n1
	run -1 --separate-stderr daemon
	[ "$stderr" = "error: another agent runs here, process $(agent_pid n1)" ]
	agent_get n1 /readyz
}

@test "a metrics address in use ends it with status 1" {
	conf 'nodeName: n1' 'metrics: {listen: "127.0.0.1:9464"}'
	nsenter --target "$NODE_PID" --net -- python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 9464)); s.listen(); time.sleep(60)' 3>&- 4>&- &
	local pid=$!
	eventually 5 in_node sh -c 'ss -ltn | grep -q :9464'
	run -1 --separate-stderr daemon
	kill "$pid"
	[[ $stderr == *127.0.0.1:9464* ]]
	[ "$(grep -c ^error: <<<"$stderr")" -eq 1 ]
}

@test "a node without its own Node object is not ready, and is once it comes" {
	agent_start n1
	eventually 5 agent_get n1 /healthz
	run agent_get n1 /readyz
	[ "$status" -ne 0 ]
	says() { agent_get n1 /v1/status | jq -r '.problems[].text' | grep -q "$1"; }
	eventually 5 says "no usable Node object has the name 'n1'"
	cluster_tell n1
	agent_wait_ready n1
	run -0 agent_get n1 /v1/status
	[ "$(jq -c '[.nodeName, .ready, .mode, .nodes, .underlay.interface, .podMTU, .problems]' \
		<<<"$output")" = '["n1",true,"vxlan",1,"eth0",1450,[]]' ]
}

@test "readiness is told to the notification socket once" {
	local sock=$BATS_TEST_TMPDIR/notify
	timeout 60 python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
for _ in range(2): print(s.recv(100).decode(), flush=True)' "$sock" >"$BATS_TEST_TMPDIR/notified" 3>&- 4>&- &
	local pid=$!
	eventually 5 test -S "$sock"
	cluster_tell n1
	NOTIFY_SOCKET=$sock agent_up n1
	agent_stop n1
	wait "$pid"
	[ "$(cat "$BATS_TEST_TMPDIR/notified")" = $'READY=1\nSTOPPING=1' ]
}

@test "TERM and INT end it well and leave what it made" {
	local sig
	cluster_tell n1
	for sig in TERM INT; do
		agent_up n1
		agent_end_ n1 "$sig"
		in_node ip link show fairlead.1
		[ -e "$(node_file /run/fairlead/node.json)" ]
		[ ! -e "$(node_file /run/fairlead/agent.sock)" ]
		in_node ip route show proto 172 | grep -q 'blackhole 10.244.1.0/24'
	done
}

@test "HUP and a reload request read the manifests again" {
	local before
	cluster_tell n1
	agent_up n1
	before=$(agent_get n1 /metrics | awk '$1 == "fairlead_manifest_reads_total" {print $2}')
	kill -HUP "$(agent_pid n1)"
	more_reads() {
		[ "$(agent_get n1 /metrics | awk '$1 == "fairlead_manifest_reads_total" {print $2}')" -gt "$1" ]
	}
	eventually 5 more_reads "$before"
	agent_get n1 /v1/reload -X POST
	eventually 5 more_reads $((before + 1))
}

@test "drain is refused outside of mode bgp, and bgp is not there" {
	cluster_tell n1
	agent_up n1
	run agent_get n1 /v1/node/drain -X POST -o /dev/null -w '%{http_code}'
	[[ $output == *409* ]]
	run agent_get n1 /v1/bgp -o /dev/null -w '%{http_code}'
	[[ $output == *404* ]]
}

@test "endpoints of all networks are listed" {
	cluster_tell n1
	agent_up n1
	pod_add e1
	cni ADD bridge c1 eth0 "$(pod_path e1)" <<<"$(bridge_conf net1)" >/dev/null
	run -0 agent_get n1 /v1/endpoints
	[ "$(jq -c '[.[] | [.network, .containerID, .ifname, .mode]]' <<<"$output")" = \
		'[["net1","c1","eth0","bridge"]]' ]
	cni DEL bridge c1 eth0 "$(pod_path e1)" <<<"$(bridge_conf net1)"
	[ "$(agent_get n1 /v1/endpoints)" = '[]' ]
	pod_del e1
}

@test "metrics say version, state, counts and the process" {
	local name
	cluster_tell n1
	conf 'nodeName: n1' 'metrics: {listen: "127.0.0.1:9464"}'
	agent_up n1
	run -0 in_node curl -sS --fail http://127.0.0.1:9464/metrics
	for name in 'fairlead_build_info{version="[0-9.]+",mode="vxlan"} 1' 'fairlead_ready 1' \
		'fairlead_problems 0' 'fairlead_nodes 1' 'fairlead_peers 0' 'fairlead_routes 2' \
		'fairlead_pod_mtu_bytes 1450' 'fairlead_reconciles_total [1-9]' \
		'fairlead_reconcile_failures_total ' 'fairlead_drift_objects_total 0' \
		'fairlead_reconcile_last_duration_seconds{kind="full"} [0-9.]+' \
		'fairlead_manifest_files 1' 'fairlead_manifest_files_broken 0' \
		'process_resident_memory_bytes [0-9]+' 'process_cpu_seconds_total [0-9.]+'; do
		grep -Eq "^$name" <<<"$output" || { echo "no $name in: $output"; false; }
	done
	"$BUILD/tests/promcheck" <<<"$output"
}

@test "the log is JSON when asked, and tells a problem when it comes and when it goes" {
	: >"$(agent_log n1)"
	agent_start n1 $'mode: vxlan\nlog: {format: json}'
	told() { jq -r .msg "$(agent_log n1)" | grep -q "$1"; }
	eventually 5 told "^n1: no usable Node object has the name 'n1'"
	cluster_tell n1
	eventually 5 told "^mended: n1: no usable Node object"
	eventually 5 told "^ready: node 'n1', 1 nodes, mode vxlan"
}
