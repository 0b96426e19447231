#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line `fairlead` against the agent's HTTP server with fixed documents: every command in
# every form, exit statuses, and what happens when nobody or nonsense answers. Needs root,
# and a namespace for the endpoint records.

bats_require_minimum_version 1.5.0
load node

FAIRLEAD=$BUILD/bin/fairlead
VERSION=$(sed -n 's/^VERSION[[:blank:]]*:= //p' "$REPO/Makefile")

setup_file() {
	node_start
	pod_add p1
	DOCS=$BATS_FILE_TMPDIR/docs SOCKET=$BATS_FILE_TMPDIR/agent.sock
	export DOCS SOCKET
	mkdir "$DOCS"
	write_docs
	server_start
}

teardown_file() {
	server_stop
	node_stop
}

setup() {
	rm -f "$DOCS/posts" "$DOCS/refuse"
	write_docs
}

server_start() {
	"$BUILD/tests/apiserver" "$SOCKET" "$DOCS" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	export SERVER_PID=$!
	disown $!
	for ((i = 0; i < 3000; i++)); do
		[ ! -S "$SOCKET" ] || return 0
		sleep 0.01
	done
	return 1
}

server_stop() {
	kill "$SERVER_PID" 2>/dev/null || true
}

write_docs() {
	touch "$DOCS/ready"
	cat >"$DOCS/status.json" <<-'END'
		{"version": "0.1.0", "nodeName": "n1", "nodeIPs": ["192.0.2.11", "fd00:2::11"],
		 "podCIDRs": ["10.244.1.0/24", "fd00:244:1::/64"], "mode": "vxlan", "ready": true,
		 "drained": false, "uptimeSeconds": 3723, "underlay": {"interface": "eth0",
		 "ip": "192.0.2.11", "mtu": 1500}, "podMTU": 1450, "nodes": 3, "peers": 2,
		 "reconcile": {"count": 17, "failed": 0, "drift": 1, "lastSeconds": 0.002,
		 "lastChangeSeconds": 0.0004}, "problems": []}
	END
	cat >"$DOCS/peers.json" <<-'END'
		[{"name": "n2", "ips": ["192.0.2.12", "fd00:2::12"], "podCIDRs": ["10.244.2.0/24"],
		  "way": "overlay", "vtepMAC": "02:fa:c0:00:02:0c", "state": "ok"},
		 {"name": "a-node-with-a-long-name", "ips": ["192.0.2.13"], "podCIDRs": [],
		  "way": "none", "state": "problem", "text": "no address of the underlay's family"}]
	END
	cat >"$DOCS/routes.json" <<-'END'
		[{"dst": "10.244.1.0/24", "type": "blackhole", "state": "ok"},
		 {"dst": "10.244.2.0/24", "via": "10.244.2.0", "interface": "fairlead.1",
		  "type": "unicast", "peer": "n2", "state": "missing"}]
	END
	cat >"$DOCS/endpoints.json" <<-'END'
		[{"network": "pods", "containerID": "0123456789abcdef0123456789abcdef",
		  "ifname": "eth0", "hostInterface": "veth0a1b2c3d4e5", "mac": "0a:58:0a:f4:01:05",
		  "ips": ["10.244.1.5/32", "fd00:244:1::5/128"], "mode": "vxlan",
		  "podNamespace": "default", "podName": "web-0", "enforced": true, "identity": 7},
		 {"network": "pods", "containerID": "c2", "ifname": "eth0",
		  "hostInterface": "vethffffffffff0", "mac": "0a:58:0a:f4:01:06", "ips": [],
		  "mode": "vxlan", "enforced": false, "notEnforced": "it has no address"}]
	END
	cat >"$DOCS/bgp.json" <<-'END'
		{"running": true, "version": "2.0.12", "routerID": "192.0.2.11", "as": 64512,
		 "drained": false, "sessions": [{"name": "tor", "address": "192.0.2.1", "as": 64500,
		 "state": "Established", "since": "2026-11-02 09:14:06", "bfd": "Up", "imported": 3,
		 "exported": 1}]}
	END
}

# doc NAME JQ: changes a document.
doc() {
	jq -c "$2" "$DOCS/$1.json" >"$DOCS/new"
	mv "$DOCS/new" "$DOCS/$1.json"
}

fairlead() {
	"$FAIRLEAD" "$@" --socket "$SOCKET"
}

# same TEXT: what was printed is this, line by line; no line ends in a blank.
same() {
	diff <(printf '%s\n' "$1") <(printf '%s\n' "$output")
	! grep -nE '[[:blank:]]$' <<<"$output"
}

@test "status is a list of lines, and 0 when all is well" {
	run -0 --separate-stderr fairlead status
	same "NODE            n1
ADDRESS         192.0.2.11,fd00:2::11
BLOCKS          10.244.1.0/24,fd00:244:1::/64
MODE            vxlan
READY           yes
DRAINED         no
VERSION         0.1.0
UPTIME-SECONDS  3723
UNDERLAY        eth0
UNDERLAY-MTU    1500
POD-MTU         1450
NODES           3
PEERS           2
RECONCILES      17
FAILED          0
DRIFT           1"
	[ -z "$stderr" ]
}

@test "status shows problems and ends with 1, in every form" {
	doc status '.problems = [{"where": "n3.yaml:4", "text": "spec.podCIDRs: overlaps with n2"}]'
	run -1 --separate-stderr fairlead status
	[ "${lines[16]}" = "PROBLEM-AT  TEXT" ]
	[ "${lines[17]}" = "n3.yaml:4   spec.podCIDRs: overlaps with n2" ]
	[ "${#lines[@]}" = 18 ]
	run -1 fairlead status -o json
	run -1 fairlead status -o yaml
	doc status '.problems = [] | .ready = false'
	run -1 fairlead status
	[[ $output == *"READY           no"* ]]
	run -1 fairlead status -o json
}

@test "peers, routes, endpoints and bgp are tables" {
	run -0 --separate-stderr fairlead peers
	same "NAME                     ADDRESS                BLOCKS         WAY      STATE    PROBLEM
n2                       192.0.2.12,fd00:2::12  10.244.2.0/24  overlay  ok       -
a-node-with-a-long-name  192.0.2.13             -              none     problem  no address of the underlay's family"
	run -0 --separate-stderr fairlead routes
	same "DESTINATION    VIA         INTERFACE   TYPE       PEER  STATE
10.244.1.0/24  -           -           blackhole  -     ok
10.244.2.0/24  10.244.2.0  fairlead.1  unicast    n2    missing"
	run -0 --separate-stderr fairlead endpoints
	same "NETWORK  CONTAINER     IFNAME  HOST-INTERFACE   ADDRESS                          MODE   POD            ENFORCED
pods     0123456789ab  eth0    veth0a1b2c3d4e5  10.244.1.5/32,fd00:244:1::5/128  vxlan  default/web-0  yes
pods     c2            eth0    vethffffffffff0  -                                vxlan  -              no"
	run -0 --separate-stderr fairlead bgp
	same "RUNNING    yes
BIRD       2.0.12
ROUTER-ID  192.0.2.11
AS         64512
DRAINED    no

NAME  ADDRESS    AS     STATE        SINCE                BFD  IMPORTED  EXPORTED  ERROR
tor   192.0.2.1  64500  Established  2026-11-02 09:14:06  Up   3         1         -"
	[ -z "$stderr" ]
}

@test "json is the agent's document, indented" {
	for c in status peers routes endpoints bgp; do
		run -0 --separate-stderr fairlead "$c" -o json
		diff <(jq -S . "$DOCS/$c.json") <(jq -S . <<<"$output")
		[ "${#lines[@]}" -gt 5 ]
	done
}

@test "yaml is the agent's document as kubectl would print it" {
	run -0 --separate-stderr fairlead routes -o yaml
	same '- dst: 10.244.1.0/24
  type: blackhole
  state: ok
- dst: 10.244.2.0/24
  via: 10.244.2.0
  interface: fairlead.1
  type: unicast
  peer: n2
  state: missing'
	for c in status peers endpoints bgp; do
		run -0 --separate-stderr fairlead "$c" -o yaml
		[[ $output != *[{}]* ]]
	done
	[[ $output == *"  address: 192.0.2.1"* ]]
}

@test "options stand anywhere and in both spellings" {
	for args in "-o json peers" "peers -ojson" "--output=json peers" "peers --output json"; do
		run -0 --separate-stderr "$FAIRLEAD" $args --socket="$SOCKET"
		jq -e 'length == 2' <<<"$output"
	done
	run -0 env FAIRLEAD_ROOT="$BATS_FILE_TMPDIR/root" sh -c '
		mkdir -p "$FAIRLEAD_ROOT/run/fairlead"
		ln -sf "$1" "$FAIRLEAD_ROOT/run/fairlead/agent.sock"
		"$2" peers' - "$SOCKET" "$FAIRLEAD"
	[[ ${lines[1]} == n2* ]]
}

@test "an empty list says so beside the output, and is one in the documents" {
	echo '[]' >"$DOCS/peers.json"
	run -0 --separate-stderr fairlead peers
	[ -z "$output" ]
	[ "$stderr" = "info: no peers" ]
	run -0 --separate-stderr fairlead peers -o json
	[ "$output" = "[]" ]
	[ -z "$stderr" ]
}

@test "what comes from elsewhere cannot steer the terminal" {
	doc peers '.[0].name = "\u001b[2Jn\u009b2\u007f\t" | .[0].text = "täxt"'
	run -0 --separate-stderr fairlead peers
	[[ ${lines[1]} == '?[2Jn??2??'* ]]
	[[ ${lines[1]} == *täxt ]]
	! grep -P '[\x00-\x09\x0b-\x1f\x7f]' <<<"$output"
}

@test "columns are as wide as characters, not bytes" {
	doc peers '.[0].name = "ääääääääääääääääääääääääää"'
	run -0 --separate-stderr fairlead peers
	[ "$(awk '{ print index($0, "192") }' <<<"$(LC_ALL=C.UTF-8 sed 's/ä/a/g' <<<"$output")" | sort -u)" = "$(printf '0\n29')" ]
}

@test "drain, undrain and reload ask the agent, and say what was done" {
	run -0 fairlead node drain
	[ "$output" = drained ]
	run -0 fairlead node undrain
	[ "$output" = undrained ]
	run -0 fairlead reload -o json
	[ "$(jq -r .result <<<"$output")" = reloaded ]
	run -0 fairlead reload -o yaml
	[ "$output" = "result: reloaded" ]
	[ "$(cat "$DOCS/posts")" = "$(printf '/v1/%s\n' node/drain node/undrain reload reload)" ]
}

@test "what the agent refuses is its error, and 1" {
	touch "$DOCS/refuse"
	run -1 --separate-stderr fairlead node drain
	[ -z "$output" ]
	[ "$stderr" = "error: not in this mode" ]
	rm "$DOCS/bgp.json"
	run -1 --separate-stderr fairlead bgp
	[[ $stderr == "error: "*bgp.json* ]]
}

@test "a wrong command line is one line and 2" {
	wrong() {
		run -2 --separate-stderr "$FAIRLEAD" "${@:2}"
		[ -z "$output" ]
		[ "$stderr" = "error: $1" ]
	}
	wrong "unknown command 'peer': see fairlead help" peer
	wrong "unknown option '--wide': see fairlead help" peers --wide
	wrong "unknown option '-x': see fairlead help" peers -x
	wrong "a value is missing after '-o': see fairlead help" peers -o
	wrong "a value is missing after '--socket': see fairlead help" peers --socket
	wrong "-o 'xml': expected table, json or yaml" peers -o xml
	wrong "unexpected argument 'n2': see fairlead help" peers n2
	wrong "unexpected argument 'now': see fairlead help" node drain now
	wrong "node '': expected drain or undrain" node
	wrong "node 'stop': expected drain or undrain" node stop
	wrong "unknown command 'x': see fairlead help" help x
}

@test "help tells about every command and option" {
	run -2 --separate-stderr "$FAIRLEAD"
	[[ $output == *"usage: fairlead COMMAND"* ]]
	run -0 "$FAIRLEAD" help
	all=$output
	for c in status peers routes endpoints bgp doctor node reload version; do
		[[ $all == *"  $c"* ]]
		run -0 "$FAIRLEAD" help "$c"
		[[ ${lines[0]} == "usage: fairlead $c"* ]]
		[[ $output == *"Exit status"* ]]
		about=$output
		run -0 "$FAIRLEAD" "$c" --help
		[ "$output" = "$about" ]
	done
	run -0 "$FAIRLEAD" --version --socket /nowhere
	[ "${lines[0]}" = "FAIRLEAD  $VERSION" ]
	[ "${lines[1]}" = "AGENT     -" ]
	run -0 fairlead version -o json
	jq -e --arg v "$VERSION" '.fairlead == $v and .agent == "0.1.0"' <<<"$output"
}

@test "without an agent it is 3, with the socket's path and what to do" {
	for c in status peers routes bgp reload "node drain"; do
		run -3 --separate-stderr "$FAIRLEAD" $c --socket /nowhere/agent.sock
		[ -z "$output" ]
		[ "$stderr" = "error: no agent at '/nowhere/agent.sock' (No such file or directory): start fairleadd, or name its socket by --socket" ]
	done
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$BATS_TEST_TMPDIR/dead"
	run -3 --separate-stderr "$FAIRLEAD" status --socket "$BATS_TEST_TMPDIR/dead"
	[[ $stderr == *"(Connection refused)"* ]]
	run -3 --separate-stderr setpriv --reuid 65534 --clear-groups "$FAIRLEAD" status --socket "$SOCKET"
	[[ $stderr == "error: no access to the agent at "*": run as root" ]]
}

@test "a proxy in the environment is nobody's business" {
	run -0 --separate-stderr env http_proxy=http://192.0.2.1:3128 ALL_PROXY=http://192.0.2.1:3128 \
		"$FAIRLEAD" peers --socket "$SOCKET"
	[[ ${lines[1]} == n2* ]]
}

# answer_once ANSWER [gone]: an agent, $pid, that answers one question with these bytes; gone: its
# socket is taken away before.
answer_once() {
	python3 - "$BATS_TEST_TMPDIR/sock" "$1" "${2-}" <<-'END' 3>&- &
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1] + ".new")
		s.listen(1)
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		s.settimeout(20)
		c = s.accept()[0]
		c.recv(4096)
		if sys.argv[3]:
		    os.unlink(sys.argv[1])
		c.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin1"))
		c.close()
	END
	pid=$!
	for ((i = 0; i < 3000; i++)); do
		[ ! -S "$BATS_TEST_TMPDIR/sock" ] || break
		sleep 0.01
	done
}

@test "nonsense instead of an answer is an error, never a crash" {
	answer() {
		answer_once "$1"
		run --separate-stderr "$FAIRLEAD" peers --socket "$BATS_TEST_TMPDIR/sock"
		wait "$pid"
		rm "$BATS_TEST_TMPDIR/sock"
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" = 1 ]
		[[ $stderr == "error: "* ]]
	}
	answer ''
	[ "$status" = 3 ]
	answer '\x00\xff\xfe'
	[ "$status" = 3 ]
	answer 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]'
	[ "$status" = 3 ]
	answer 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[{]'
	[ "$status" = 1 ]
	answer 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
	[[ $stderr == *"expected a list of peers"* ]]
	answer 'HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}'
	[[ $stderr == *"says no, and not why"* ]]
}

@test "an agent that goes away while policies are shown is an error, not fewer policies" {
	local body='[{"namespace": "default", "name": "web"}]'
	answer_once "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${#body}\r\n\r\n$body" gone
	run -3 --separate-stderr "$FAIRLEAD" policy show --socket "$BATS_TEST_TMPDIR/sock"
	wait "$pid"
	[ -z "$output" ]
	[[ $stderr == "error: no agent at"* ]]
}

@test "a full disk is an error" {
	run -1 sh -c '"$1" peers --socket "$2" >/dev/full' - "$FAIRLEAD" "$SOCKET"
	[[ $output == "error: write standard output: No space left on device" ]]
}

@test "endpoints are read from the records when there is no agent" {
	conf=$(bridge_conf pods)
	run -0 cni ADD bridge 0123456789abcdef eth0 "$(pod_path p1)" \
		CNI_ARGS="K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0" <<<"$conf"
	run -0 --separate-stderr in_node "$FAIRLEAD" endpoints
	[[ $stderr == "info: no agent at '/run/fairlead/agent.sock'"*"; reading the records instead" ]]
	[[ ${lines[1]} =~ ^pods\ +0123456789ab\ +eth0\ +veth[a-v0-9]{11}\ +10.88.0.2/16,fd00:88::2/64\ +bridge\ +default/web-0\ +-$ ]]
	run -0 --separate-stderr in_node "$FAIRLEAD" endpoints -o json
	jq -e '.[0] | keys == ["containerID", "hostInterface", "ifname", "ips", "mac", "mode",
		"network", "podName", "podNamespace"]' <<<"$output"
	run -0 cni DEL bridge 0123456789abcdef eth0 "$(pod_path p1)" <<<"$conf"
	run -0 --separate-stderr in_node "$FAIRLEAD" endpoints
	[ -z "$output" ]
	[[ $stderr == *"info: no endpoints" ]]
}

@test "what /metrics says is well-formed" {
	run -0 --separate-stderr curl -sS --unix-socket "$SOCKET" http://agent/metrics
	run -0 "$BUILD/tests/promcheck" <<<"$output"
	[ "$output" = "1 families, 1 samples" ]
}

@test "of a policy that is there twice the first one counts, offline as in an agent that starts" {
	local dir=$BATS_TEST_TMPDIR/m
	mkdir "$dir"
	cat >"$dir/a.yaml" <<-'END'
		apiVersion: v1
		kind: PodList
		items:
		- {metadata: {name: web}, status: {podIP: 10.0.0.1}}
		- {metadata: {name: cli}, status: {podIP: 10.0.0.2}}
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: p}
		spec: {podSelector: {}}
	END
	cat >"$dir/b.yaml" <<-'END'
		apiVersion: v1
		kind: List
		items:
		- apiVersion: networking.k8s.io/v1
		  kind: NetworkPolicy
		  metadata: {name: p}
		  spec: {podSelector: {}, ingress: [{}]}
	END
	run -1 --separate-stderr "$FAIRLEAD" policy explain -f "$dir" --from default/cli --to default/web --port 80/tcp
	[[ $output == *denied* ]]
	[ "$stderr" = "warning: $dir/b.yaml:4: NetworkPolicy 'default/p': is already in $dir/a.yaml:7, which counts" ]
	# in the order of the command line
	run -0 --separate-stderr "$FAIRLEAD" policy explain -f "$dir/b.yaml" -f "$dir/a.yaml" \
		--from default/cli --to default/web --port 80/tcp
	[ "$stderr" = "warning: $dir/a.yaml:7: NetworkPolicy 'default/p': is already in $dir/b.yaml:4, which counts" ]
}
