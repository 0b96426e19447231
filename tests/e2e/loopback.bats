#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The loopback plugin in a pod's network namespace, alone and at the end of a chain.
# Needs root and network namespaces; the last two tests Debian's containernetworking-plugins.

bats_require_minimum_version 1.5.0
load node

setup_file() {
	node_start
}

teardown_file() {
	node_stop
}

setup() {
	pod_add p1
}

teardown() {
	pod_del p1
}

# conf VERSION
conf() {
	jq -cn --arg v "$1" '{cniVersion: $v, name: "lonet", type: "loopback"}'
}

# lo VERB CONF [CID [NETNS]]
lo() {
	cni "$1" loopback "${3:-c1}" lo "${4:-$(pod_path p1)}" <<<"$2"
}

# What "ip" says of lo in the pod: whether it is up, its alias without the hash, its addresses.
state() {
	{
		in_pod p1 ip -j link show dev lo
		in_pod p1 ip -j addr show dev lo
	} | jq -cs '{up: (.[0][0].flags | index("UP") != null),
		alias: (.[0][0].ifalias // "" | sub("/[^/]*$"; "")),
		addr: [.[1][0].addr_info[] | "\(.local)/\(.prefixlen)"]}'
}

DOWN='{"up":false,"alias":"","addr":[]}'
UP='{"up":true,"alias":"fairlead/lonet","addr":["127.0.0.1/8","::1/128"]}'

@test "ADD sets lo up and reports it in every version's form, DEL puts it back" {
	local v want
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		[ "$(state)" = "$DOWN" ]
		run -0 --separate-stderr lo ADD "$(conf $v)"
		[ -z "$stderr" ]
		want='{cniVersion: $v, interfaces: [{name: "lo", mac: "00:00:00:00:00:00",
			sandbox: $ns}], ips: [{interface: 0, address: "127.0.0.1/8"},
			{interface: 0, address: "::1/128"}]}'
		case $v in
		0.[12].0) want='{cniVersion: $v, ip4: {ip: "127.0.0.1/8"}, ip6: {ip: "::1/128"}}' ;;
		0.*) want+=' | .ips[0].version = "4" | .ips[1].version = "6"' ;;
		esac
		diff <(jq -S . <<<"$output") \
			<(jq -nS --arg v $v --arg ns "$(pod_path p1)" "$want")
		[ "$(state)" = "$UP" ]
		run -0 --separate-stderr lo DEL "$(conf $v)"
		[ -z "$output$stderr" ]
	done
	[ "$(state)" = "$DOWN" ]
}

@test "traffic to 127.0.0.1 and ::1 passes after ADD" {
	run ! in_pod p1 ping -c 1 -W 1 127.0.0.1
	lo ADD "$(conf 1.1.0)"
	in_pod p1 ping -c 1 -W 10 127.0.0.1
	in_pod p1 ping -c 1 -W 10 ::1
}

@test "without IPv6 the result has only 127.0.0.1" {
	in_pod p1 sysctl -qw net.ipv6.conf.lo.disable_ipv6=1
	run -0 lo ADD "$(conf 1.1.0)"
	[ "$(jq -c '[.ips[].address]' <<<"$output")" = '["127.0.0.1/8"]' ]
}

@test "ADD again and DEL again succeed" {
	lo ADD "$(conf 1.1.0)"
	lo ADD "$(conf 1.1.0)"
	[ "$(state)" = "$UP" ]
	lo DEL "$(conf 1.1.0)"
	lo DEL "$(conf 1.1.0)"
	[ "$(state)" = "$DOWN" ]
}

@test "DEL succeeds without a namespace, with a dead one, and with a file that is none" {
	local ns
	for ns in "" /run/netns/gone /etc/passwd; do
		run -0 lo DEL "$(conf 1.1.0)" c1 "$ns"
		[ -z "$output" ]
	done
	run -0 cni DEL loopback c1 lo - <<<"$(conf 1.1.0)"
}

@test "the late DEL of an old container leaves lo of the new one up" {
	lo ADD "$(conf 1.1.0)" old
	lo ADD "$(conf 1.1.0)" new
	lo DEL "$(conf 1.1.0)" old
	[ "$(state)" = "$UP" ]
	lo DEL "$(conf 1.1.0)" new
	[ "$(state)" = "$DOWN" ]
}

@test "lo of the node itself is never touched: ADD refuses, DEL passes over it" {
	local before
	before=$(in_node ip addr show lo)
	run -1 lo ADD "$(conf 1.1.0)" c1 /proc/self/ns/net
	[ "$(jq .code <<<"$output")" = 8 ]
	run -0 lo DEL "$(conf 1.1.0)" c1 /proc/self/ns/net
	[ "$(in_node ip addr show lo)" = "$before" ]
}

@test "CHECK passes after ADD, and with addresses of others on lo" {
	local r
	r=$(lo ADD "$(conf 1.0.0)")
	in_pod p1 ip addr add 192.0.2.1/32 dev lo
	run -0 lo CHECK "$(with_prev "$(conf 1.0.0)" "$r")"
	[ -z "$output" ]
}

@test "CHECK says what differs: link down, address gone" {
	local r
	r=$(lo ADD "$(conf 1.0.0)")
	in_pod p1 ip addr del 127.0.0.1/8 dev lo
	run -1 lo CHECK "$(with_prev "$(conf 1.0.0)" "$r")"
	[ "$(jq -c '[.code, .details]' <<<"$output")" = \
		"[102,\"link 'lo': expected address '127.0.0.1/8', found none such\"]" ]
	in_pod p1 ip link set lo down
	run -1 lo CHECK "$(with_prev "$(conf 1.0.0)" "$r")"
	[ "$(jq -c '[.code, .details]' <<<"$output")" = \
		"[102,\"link 'lo': expected up, found down\"]" ]
}

@test "chained, it passes the previous result on with keys that nobody knows" {
	local prev='{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","mac":"02:00:00:00:00:01",
		"sandbox":"/x","socketPath":"/s","future":[1]}],"ips":[{"interface":0,
		"address":"10.1.2.3/24","more":null}],"dns":{},"future":{"a":1}}'
	run -0 lo ADD "$(with_prev "$(conf 1.0.0)" "$prev")"
	diff <(jq -S . <<<"$output") <(jq -S . <<<"$prev")
	[ "$(state)" = "$UP" ]
	run -0 lo CHECK "$(with_prev "$(conf 1.0.0)" "$output")"
}

@test "chained, a previous result without a version gets the configuration's" {
	run -0 lo ADD "$(with_prev "$(conf 0.4.0)" '{"future":1}')"
	[ "$(jq -cS . <<<"$output")" = '{"cniVersion":"0.4.0","future":1}' ]
}

@test "chained, a previous result of another version is told in the configuration's" {
	run -0 lo ADD "$(with_prev "$(conf 0.3.1)" \
		'{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.3/24"}]}')"
	[ "$(jq -cS . <<<"$output")" = \
		'{"cniVersion":"0.3.1","ips":[{"address":"10.1.2.3/24","version":"4"}]}' ]
}

@test "a previous result that is none is refused and lo stays down" {
	local prev
	for prev in '[]' '{"ips":1}' '{"ips":[{"address":"x"}]}'; do
		run -1 lo ADD "$(with_prev "$(conf 1.0.0)" "$prev")"
		[ "$(jq .code <<<"$output")" = 6 ]
		[[ $output == *prevResult* ]]
		[ "$(state)" = "$DOWN" ]
	done
}

@test "a result that cannot be written is undone" {
	run -1 in_node env CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=lo \
		CNI_NETNS="$(pod_path p1)" sh -c '"$1" >/dev/full' - "$PLUGIN_DIR/loopback" \
		<<<"$(conf 1.0.0)"
	[ "$(state)" = "$DOWN" ]
}

@test "STATUS and GC succeed and say nothing" {
	run -0 cni STATUS loopback - - - <<<"$(conf 1.1.0)"
	[ -z "$output" ]
	run -0 cni GC loopback - - - \
		<<<"$(jq '."cni.dev/valid-attachments" = null' <<<"$(conf 1.1.0)")"
	[ -z "$output" ]
}

@test "the reference's result is the same" {
	local r
	r=$(lo ADD "$(conf 1.0.0)")
	lo DEL "$(conf 1.0.0)"
	run -0 cni ADD "$REFERENCE_DIR/loopback" c1 lo "$(pod_path p1)" <<<"$(conf 1.0.0)"
	diff <(jq -S 'del(.dns)' <<<"$output") <(jq -S . <<<"$r")
}

@test "ours checks and takes down what the reference set up" {
	local r
	r=$(cni ADD "$REFERENCE_DIR/loopback" c1 lo "$(pod_path p1)" <<<"$(conf 1.0.0)")
	run -0 lo CHECK "$(with_prev "$(conf 1.0.0)" "$r")"
	run -0 lo DEL "$(conf 1.0.0)"
	[ "$(state | jq .up)" = false ]
}
