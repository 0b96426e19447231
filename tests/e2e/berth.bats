#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The runtime berth: the order of calls, the cache and the rules of libcni, seen by a plugin that writes down
# what it gets; containers from start to end, with the plugins under test; and what is left
# when berth, or all of it, is killed. Needs root and network, mount, pid, uts and ipc namespaces.

bats_require_minimum_version 1.5.0
load node

BERTH=$BUILD/bin/berth
DRIVER=$BUILD/tests/libcni-driver
FAULT=$BUILD/tests/fault

# A plugin that notes "VERB TYPE" in $SPY/log and keeps its stdin and environment. A call that
# $SPY/fail names ("ADD b") fails; one that $SPY/slow names takes two seconds.
spy_plugin='#!/bin/sh
type=${0##*/}
request=$(cat)
echo "$CNI_COMMAND $type" >>"$SPY/log"
printf "%s\n" "$request" >"$SPY/$CNI_COMMAND.$type.json"
env | grep ^CNI_ | sort >"$SPY/$CNI_COMMAND.$type.env"
if grep -qx "$CNI_COMMAND $type" "$SPY/slow" 2>/dev/null; then sleep 2; fi
if grep -qx "$CNI_COMMAND $type" "$SPY/fail" 2>/dev/null; then
	echo "{\"code\":111,\"msg\":\"as told\",\"details\":\"by $type\"}"
	exit 1
fi
[ "$CNI_COMMAND" = ADD ] || exit 0
printf "%s" "$request" | jq -c --arg t "$type" \
	"{cniVersion, ips: [], steps: ((.prevResult.steps // []) + [\$t])}"
'

setup_file() {
	node_start
	# Two roots for containers: busybox, and the host's.
	export ROOTFS=$BATS_FILE_TMPDIR/rootfs SPY=$BATS_FILE_TMPDIR/spy
	mkdir -p "$ROOTFS/bin" "$SPY/bin"
	cp /bin/busybox "$ROOTFS/bin/"
	local applet
	for applet in sh ip ls ps cat sleep mount hostname id true false kill env test echo touch \
		ping awk wc stat readlink grep; do
		ln -s busybox "$ROOTFS/bin/$applet"
	done
	printf '%s' "$spy_plugin" >"$SPY/bin/a"
	chmod 755 "$SPY/bin/a"
	cp "$SPY/bin/a" "$SPY/bin/b"
	cp "$SPY/bin/a" "$SPY/bin/c"
	in_node mkdir -p /etc/cni/net.d
	jq -n '{cniVersion: "1.1.0", name: "pods", plugins: [{type: "bridge", bridge: "br0",
		isDefaultGateway: true, ipMasq: true,
		ipam: {type: "host-local", ranges: [[{subnet: "10.66.0.0/24"}]]}}]}' |
		in_node tee /etc/cni/net.d/10-pods.conflist >/dev/null
	# What a network keeps by design (bridge, table) is there from now on.
	pod_add first
	net add pods "$(pod_path first)" >/dev/null
	net del pods "$(pod_path first)"
	pod_del first
}

teardown_file() {
	node_stop
}

setup() {
	rm -f "$SPY"/{log,fail,slow} "$SPY"/*.json "$SPY"/*.env
	pod_add p1
	world >"$BATS_TEST_TMPDIR/before"
}

teardown() {
	local id
	for id in $(berth list -o json | jq -r '.[].id'); do
		berth delete --force "$id" || true
	done
	pod_del p1
	in_node find /etc/cni/net.d -name '*spy*' -exec rm -rf {} +
	in_node find /var/lib/cni/results -type f -delete 2>/dev/null || true
}

berth() {
	in_node env CNI_PATH="${CNI_PATH:-$PLUGIN_DIR}" "$BERTH" "$@"
}

net() {
	berth net "$@"
}

# The network "spy" of the plugins a, b and c, changed by a jq program, as file $2.
spy_net() {
	jq -n '{cniVersion: "1.1.0", name: "spy", plugins: [
		{type: "a", own: [1, null]}, {type: "b"}, {type: "c"}]} | '"${1:-.}" |
		in_node tee "/etc/cni/net.d/${2:-50-spy.conflist}" >/dev/null
	export CNI_PATH=$SPY/bin
}

spied() {
	tr '\n' ',' <"$SPY/log"
}

# Everything that attachments and containers make.
world() {
	in_node sh -c 'ip -o link | cut -d: -f2 | cut -d@ -f1 | sort
		find /run/berth /run/fairlead/endpoints /var/lib/cni/results -mindepth 1 \
			! -path "/run/berth/.locks*" 2>/dev/null | sort
		find /var/lib/cni/networks -type f -name "*.*.*.*" 2>/dev/null | sort
		nft list ruleset | grep -E "10\.66\.0\.[0-9]+" | grep -v /
		grep berth /proc/self/mountinfo | cut -d" " -f5-'
}

same_world() {
	world >"$BATS_TEST_TMPDIR/after"
	diff -u "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

# eventually EXPRESSION: true as soon as the shell expression is, false after thirty seconds.
eventually() {
	local end=$((SECONDS + 30))
	until eval "$1"; do
		((SECONDS < end)) || { echo "not within 30 s: $1"; return 1; }
		sleep 0.02
	done
}

# berth_pid ARGS: the pid of the berth that was started with these first arguments.
berth_pid() {
	pgrep -f "^$BERTH $1" | head -1
}

# delete_if_there ID: deletes the container, without --force; killed early, there may be none.
delete_if_there() {
	run berth delete "$1"
	[ "$status" = 0 ] || [ "$output" = "error: no container '$1'" ]
}

# --- the driver ---

@test "net add prints the result, check passes, del leaves nothing and repeats" {
	run -0 --separate-stderr net add pods "$(pod_path p1)"
	[ "$stderr" = "" ]
	jq -e '.cniVersion == "1.1.0" and (.ips[0].address | startswith("10.66.0."))' <<<"$output"
	run -0 net check pods "$(pod_path p1)"
	[ "$output" = "" ]
	run -0 net del pods "$(pod_path p1)"
	run -0 net del pods "$(pod_path p1)"
	same_world
}

@test "the container id is cnitool's unless --id is given, and the interface is CNI_IFNAME" {
	CNI_IFNAME=net7 net add pods "$(pod_path p1)" >/dev/null
	net add --id mine pods "$(pod_path p1)" >/dev/null
	id=cnitool-$(printf %s "$(pod_path p1)" | sha512sum | cut -c1-20)
	in_node test -f "/var/lib/cni/results/pods-$id-net7"
	in_node test -f /var/lib/cni/results/pods-mine-eth0
	CNI_IFNAME=net7 net del pods "$(pod_path p1)"
	net del --id mine pods
	same_world
}

@test "ADD and CHECK go through the list in order, DEL in reverse, with the right prevResult" {
	spy_net
	run -0 net add spy "$(pod_path p1)"
	jq -e '.steps == ["a", "b", "c"]' <<<"$output"
	run -0 net check spy "$(pod_path p1)"
	run -0 net del spy "$(pod_path p1)"
	[ "$(spied)" = "ADD a,ADD b,ADD c,CHECK a,CHECK b,CHECK c,DEL c,DEL b,DEL a," ]
	jq -e '. == {type: "a", own: [1, null], name: "spy", cniVersion: "1.1.0"}' \
		"$SPY/ADD.a.json"
	jq -e '.prevResult.steps == ["a", "b"]' "$SPY/ADD.c.json"
	for f in CHECK.a CHECK.c DEL.c DEL.a; do
		jq -e '.prevResult.steps == ["a", "b", "c"]' "$SPY/$f.json"
	done
}

@test "capabilities become runtimeConfig, and CNI_ARGS and CAP_ARGS reach plugin and cache" {
	spy_net '.plugins[1].capabilities = {mac: true, ips: false}'
	CNI_ARGS='IgnoreUnknown=1;K=V' CAP_ARGS='{"mac":"m","ips":["i"],"x":1}' \
		net add --id c1 spy "$(pod_path p1)" >/dev/null
	jq -e 'has("runtimeConfig") | not' "$SPY/ADD.a.json"
	jq -e '.runtimeConfig == {mac: "m"}' "$SPY/ADD.b.json"
	run -0 cat "$SPY/ADD.b.env"
	[ "${lines[0]}" = "CNI_ARGS=IgnoreUnknown=1;K=V" ]
	[ "${lines[1]}" = CNI_COMMAND=ADD ]
	[ "${lines[2]}" = CNI_CONTAINERID=c1 ]
	[ "${lines[3]}" = CNI_IFNAME=eth0 ]
	[ "${lines[4]}" = "CNI_NETNS=$(pod_path p1)" ]
	[ "${lines[5]}" = "CNI_PATH=$SPY/bin" ]
	in_node cat /var/lib/cni/results/spy-c1-eth0 | jq -e '.kind == "cniCacheV1" and
		.containerId == "c1" and .ifName == "eth0" and .networkName == "spy" and
		(.netns | endswith("/p1")) and .cniArgs == [["IgnoreUnknown", "1"], ["K", "V"]] and
		.capabilityArgs == {mac: "m", ips: ["i"], x: 1} and
		.result.steps == ["a", "b", "c"] and
		(.config | @base64d | fromjson | .name) == "spy"'
	net del --id c1 spy "$(pod_path p1)"
}

@test "an ADD that fails in the middle is undone by DEL, and names plugin, code and reason" {
	spy_net
	echo 'ADD b' >"$SPY/fail"
	run -1 net add spy "$(pod_path p1)"
	[ "$output" = "error: network 'spy': plugin 'b': ADD: code 111: as told; by b" ]
	[ "$(spied)" = "ADD a,ADD b,DEL c,DEL b,DEL a," ]
	jq -e 'has("prevResult") | not' "$SPY/DEL.a.json"
	run -0 in_node sh -c 'ls /var/lib/cni/results'
	[ "$output" = "" ]
}

@test "an ADD that fails because the attachment lives does not end it" {
	net add --id c1 pods "$(pod_path p1)" >/dev/null
	run -1 net add --id c1 pods "$(pod_path p1)"
	run -0 net check --id c1 pods "$(pod_path p1)"
	net del --id c1 pods "$(pod_path p1)"
	same_world
}

@test "disableCheck and disableGC call nothing, as true or as text" {
	for value in true '"true"'; do
		spy_net ".disableCheck = $value | .disableGC = $value"
		net add --id c1 spy "$(pod_path p1)" >/dev/null
		rm "$SPY/log"
		run -0 net check --id c1 spy "$(pod_path p1)"
		run -0 net gc --valid '' spy
		[ ! -e "$SPY/log" ]
		net del --id c1 spy "$(pod_path p1)"
	done
}

@test "a version without CHECK refuses it, one without STATUS and GC passes over them" {
	spy_net '.cniVersion = "0.3.1"'
	net add --id c1 spy "$(pod_path p1)" >/dev/null
	run -1 net check --id c1 spy "$(pod_path p1)"
	[ "$output" = "error: network 'spy': version '0.3.1' has no CHECK, which came with 0.4.0" ]
	run -0 net status spy
	run -0 net gc --valid c1:eth0 spy
	[ "$(spied)" = "ADD a,ADD b,ADD c," ]
	net del --id c1 spy "$(pod_path p1)"
	# The result is cached, but before 0.4.0 DEL does not get it.
	jq -e 'has("prevResult") | not' "$SPY/DEL.a.json"
}

@test "DEL goes on without prevResult when the cache is corrupt, CHECK does not" {
	spy_net
	net add --id c1 spy "$(pod_path p1)" >/dev/null
	for junk in '' '{' '[]' '{"kind":"cniCacheV1"}' '{"kind":"cniCacheV1","result":7}'; do
		printf %s "$junk" | in_node tee /var/lib/cni/results/spy-c1-eth0 >/dev/null
		run -1 net check --id c1 spy "$(pod_path p1)"
		run -0 net del --id c1 spy "$(pod_path p1)"
		[[ $output == "warning: "*"DEL is called without a previous result" ]]
		jq -e 'has("prevResult") | not' "$SPY/DEL.a.json"
		run -1 in_node test -e /var/lib/cni/results/spy-c1-eth0
	done
	run -1 net check --id c1 spy "$(pod_path p1)"
	[[ $output == *"no attachment 'eth0' of container 'c1' is known" ]]
}

@test "GC deletes what the cache has and the list has not, then tells every plugin" {
	spy_net
	for id in c1 c2 c3; do net add --id $id spy "$(pod_path p1)" >/dev/null; done
	spy_net '.name = "spy-two"' 60-spy.conflist
	net add --id c4 spy-two "$(pod_path p1)" >/dev/null
	rm "$SPY/log"
	echo 'GC b' >"$SPY/fail"
	run -1 net gc --valid c2:eth0 --valid c3:eth1 spy
	[ "$output" = "error: network 'spy': plugin 'b': GC: code 111: as told; by b" ]
	[ "$(sort "$SPY/log" | uniq -c | tr -s ' \n' ' ')" = \
		" 2 DEL a 2 DEL b 2 DEL c 1 GC a 1 GC b 1 GC c " ]
	run -0 in_node sh -c 'cd /var/lib/cni/results; echo *'
	[ "$output" = "spy-c2-eth0 spy-two-c4-eth0" ]
	jq -e '.["cni.dev/valid-attachments"] == [{containerID: "c2", ifname: "eth0"},
		{containerID: "c3", ifname: "eth1"}] and
		.["cni.dev/attachments"] == .["cni.dev/valid-attachments"] and .name == "spy" and
		(has("prevResult") | not)' "$SPY/GC.c.json"
	net del --id c2 spy
	net del --id c4 spy-two
}

@test "GC without --valid spares the living containers of berth and drops the rest" {
	berth run -d --name alive --net pods --rootfs "$ROOTFS" -- sleep 60
	net add --id gone pods "$(pod_path p1)" >/dev/null
	run -0 net gc pods
	run -0 in_node sh -c 'cd /var/lib/cni/results; echo *'
	[ "$output" = pods-alive-eth0 ]
	run -0 berth exec alive -- ip -4 -o addr show eth0
	[ "$(in_node sh -c 'ls /var/lib/cni/networks/pods' | grep -c '^10')" = 1 ]
	# One of which it cannot be told whether it lives.
	in_node sh -c 'cd /run/berth/alive && mv state.json away && echo "{" >state.json'
	run -1 net gc pods
	[[ $output == "error: container 'alive': 'state.json':"* ]]
	run -0 in_node sh -c 'cd /run/berth/alive && mv away state.json; ls /var/lib/cni/results'
	[ "$output" = pods-alive-eth0 ]
	berth delete alive
	same_world
}

@test "STATUS stops at the first plugin that cannot serve, with its code" {
	spy_net
	run -0 net status spy
	echo 'STATUS b' >"$SPY/fail"
	run -1 net status spy
	[ "$output" = "error: network 'spy': plugin 'b': STATUS: code 111: as told; by b" ]
	[ "$(spied)" = "STATUS a,STATUS b,STATUS c,STATUS a,STATUS b," ]
}

@test "the network may be a file, a single plugin's file, and its folder's files are appended" {
	spy_net '{cniVersion: "1.0.0", name: "spy"}'
	in_node mkdir -p /etc/cni/net.d/spy
	in_node sh -c 'echo "{\"type\": \"b\"}" >/etc/cni/net.d/spy/2.conf
		echo "{\"type\": \"a\"}" >/etc/cni/net.d/spy/1.conf'
	net add --id c1 spy "$(pod_path p1)" >/dev/null
	net del --id c1 spy "$(pod_path p1)"
	[ "$(spied)" = "ADD a,ADD b,DEL b,DEL a," ]
	jq -n '{cniVersion: "1.0.0", name: "one", type: "c"}' >"$BATS_TEST_TMPDIR/one.conf"
	run -0 net add --id c1 "$BATS_TEST_TMPDIR/one.conf" "$(pod_path p1)"
	jq -e '.steps == ["c"]' <<<"$output"
	NETCONFPATH=$BATS_TEST_TMPDIR run -0 net del --id c1 one "$(pod_path p1)"
}

@test "bad input gets one line that says what is wrong" {
	spy_net '.plugins[0].type = "nowhere"'
	for args in 'add' 'add spy' 'jump spy /run/netns/p1' 'add nonet /run/netns/p1' \
		'add spy /run/netns/p1' 'add --id ../x spy /run/netns/p1' \
		'gc --valid nocolon spy' 'add --nooption spy /run/netns/p1'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr net $args
		[ "$output" = "" ]
		[ "${#stderr_lines[@]}" = 1 ]
		[[ $stderr == error:* ]]
	done
	CNI_ARGS='A' run -1 net add spy "$(pod_path p1)"
	[ "$output" = "error: CNI_ARGS: 'A' is not of the form KEY=VALUE" ]
	CAP_ARGS='[]' run -1 net add spy "$(pod_path p1)"
	[[ $output == "error: CAP_ARGS"* ]]
	run -1 net add spy "$(pod_path p1)"
	[[ $output == *"no plugin 'nowhere' in the folders of CNI_PATH"* ]]
}

@test "libcni itself deletes what berth added, and the other way round" {
	[ -x "$DRIVER" ]
	jq '.cniVersion = "1.0.0" | .name = "spylib"' \
		"$(node_file /etc/cni/net.d/10-pods.conflist)" |
		in_node tee /etc/cni/net.d/60-spy.conflist >/dev/null
	lib() {
		in_node env CNI_PATH="$PLUGIN_DIR" "$DRIVER" /etc/cni/net.d/60-spy.conflist "$1" \
			c1 "$(pod_path p1)" eth0 /var/lib/cni
	}
	net add --id c1 spylib "$(pod_path p1)" >/dev/null
	cp "$(node_file /var/lib/cni/results/spylib-c1-eth0)" "$BATS_TEST_TMPDIR/ours"
	run -0 lib check
	run -0 lib del
	run -1 in_node test -e /var/lib/cni/results/spylib-c1-eth0
	run -0 lib add
	# libcni 1.1 writes no netns yet, and an empty dns; the rest is the same.
	same='del(.netns, .result.dns, .result.interfaces[].mac, .result.ips[].address)'
	diff <(jq -S "$same" "$BATS_TEST_TMPDIR/ours") \
		<(jq -S "$same" "$(node_file /var/lib/cni/results/spylib-c1-eth0)")
	run -0 net check --id c1 spylib "$(pod_path p1)"
	run -0 net del --id c1 spylib "$(pod_path p1)"
}

@test "FAIRLEAD_ROOT moves the default paths" {
	root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/etc/cni/net.d"
	jq -n '{cniVersion: "1.0.0", name: "moved", plugins: [{type: "a"}]}' \
		>"$root/etc/cni/net.d/1.conflist"
	FAIRLEAD_ROOT=$root CNI_PATH=$SPY/bin run -0 net add --id c1 moved "$(pod_path p1)"
	[ -f "$root/var/lib/cni/results/moved-c1-eth0" ]
	[ -f "$root/run/berth/.locks/moved" ]
	FAIRLEAD_ROOT=$root CNI_PATH=$SPY/bin run -0 net del --id c1 moved
}

# --- containers ---

@test "run ends with the command's status, 126 and 127 as a shell does, 125 for its own errors" {
	run -7 berth run --rootfs "$ROOTFS" -- sh -c 'exit 7'
	run -143 berth run --rootfs "$ROOTFS" -- sh -c 'kill -TERM $$'
	run -127 berth run --rootfs "$ROOTFS" -- nosuch
	[[ $output == *"execute 'nosuch': No such file or directory" ]]
	run -126 berth run --rootfs "$ROOTFS" -- /bin
	run -125 berth run --rootfs /nosuch -- true
	run -125 berth run --net nosuch --rootfs "$ROOTFS" -- true
	run -125 berth run --name ../x --rootfs "$ROOTFS" -- true
	run -125 berth run
	same_world
}

@test "a container sees its own processes, host name, links, devices and file system" {
	run -0 berth run --name c1 --hostname box --env A=b --rootfs "$ROOTFS" -- sh -c '
		hostname; echo $A $container; echo /proc/[0-9]*
		ip -o link | awk "{print \$2, \$3}"
		for d in null zero full random urandom tty; do stat -c "%F %t:%T" /dev/$d; done
		readlink /dev/fd; test -c /dev/pts/ptmx && test -d /dev/shm && echo ok
		touch /sys/x 2>/dev/null || echo ro; echo 1 2>/dev/null >/proc/sys/kernel/panic || echo ro
		echo $$; ls / | wc -l'
	want='box
b berth
/proc/1 /proc/2
lo: <LOOPBACK,UP,LOWER_UP>
character special file 1:3
character special file 1:5
character special file 1:7
character special file 1:8
character special file 1:9
character special file 5:0
/proc/self/fd
ok
ro
ro
2
4'
	[ "$output" = "$want" ]
}

@test "without --rootfs the root is the host's, read-only, with an empty /tmp and /run" {
	run -0 berth run -- sh -c 'touch /x 2>/dev/null || echo ro; ls /tmp /run | tr -d "\n"
		test -x /usr/bin/env && touch /tmp/x && echo ok'
	[ "$output" = $'ro\n/run:/tmp:ok' ]
}

@test "nothing of berth's, nor of its caller's, is open in the command" {
	run -0 in_node sh -c 'exec 7</etc/passwd 9</etc/hostname; '"$BERTH"' run --rootfs '"$ROOTFS"' -- ls /proc/self/fd /proc/1/fd'
	[ "$(tr '\n' ' ' <<<"$output")" = "/proc/1/fd: 0 1 2  /proc/self/fd: 0 1 2 3 " ]
	berth run -d --name c1 --rootfs "$ROOTFS" -- sleep 60
	run -0 berth exec c1 -- ls /proc/self/fd
	[ "$(tr '\n' ' ' <<<"$output")" = "0 1 2 3 " ]
}

@test "init reaps orphans" {
	run -0 berth run --rootfs "$ROOTFS" -- sh -c '
		for i in 1 2 3 4 5; do sh -c "sleep 0.1 & exit 0"; done
		echo /proc/[0-9]* | wc -w; sleep 0.5; echo /proc/[0-9]*'
	# Five orphans beside init, the shell and wc; later none, not even as a zombie.
	((lines[0] >= 7))
	[ "${lines[1]}" = "/proc/1 /proc/2" ]
}

@test "signals sent to berth reach the command, whose end is waited for" {
	berth run --name c1 --rootfs "$ROOTFS" -- sh -c 'trap "echo got; exit 9" TERM
		echo up; while :; do sleep 0.1; done' >"$BATS_TEST_TMPDIR/out" 3>&- &
	eventually 'grep -q up "$BATS_TEST_TMPDIR/out"'
	pid=$(berth_pid "run --name c1 --rootfs")
	kill -TERM "$pid"
	status=0
	wait $! || status=$?
	[ $status = 9 ]
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = $'up\ngot' ]
	same_world
}

@test "an end is heard of though berth's caller ignores SIGCHLD" {
	cat >"$BATS_TEST_TMPDIR/ignoring" <<-'EOF'
		import os, signal, sys
		signal.signal(signal.SIGCHLD, signal.SIG_IGN)
		os.execv(sys.argv[1], sys.argv[1:])
	EOF
	run -7 in_node timeout -s KILL 20 python3 "$BATS_TEST_TMPDIR/ignoring" \
		"$BERTH" run --rootfs "$ROOTFS" -- sh -c 'exit 7'
	berth run -d --name c1 --rootfs "$ROOTFS" -- sleep 60
	run -5 in_node timeout -s KILL 20 python3 "$BATS_TEST_TMPDIR/ignoring" \
		"$BERTH" exec c1 -- sh -c 'exit 5'
	berth delete --force c1
	same_world
}

@test "networks are attached before the command starts, eth0 and eth1 in their order" {
	jq '.name = "second" | .plugins[0].ipam.ranges = [[{subnet: "10.67.0.0/24"}]] |
		.plugins[0].bridge = "br0" | .plugins[0].isDefaultGateway = false |
		.plugins[0].ipMasq = false' "$(node_file /etc/cni/net.d/10-pods.conflist)" \
		>"$BATS_TEST_TMPDIR/second.conflist"
	run -0 berth run --net pods --net "$BATS_TEST_TMPDIR/second.conflist" --rootfs "$ROOTFS" -- \
		sh -c 'ip -4 -o addr | awk "{print \$2, \$4}"; ping -c 1 -w 20 10.66.0.1 | grep -c "1 packets received"'
	[[ $output == "lo 127.0.0.1/8"$'\n'"eth0 10.66.0."*"/24"$'\n'"eth1 10.67.0."*"/24"$'\n'1 ]]
	same_world
}

@test "exec joins every namespace, has the container's environment, and its own status" {
	berth run -d --name c1 --hostname box --env A=b --net pods --rootfs "$ROOTFS" -- sleep 60
	run -0 berth exec --env C=d c1 -- sh -c 'hostname; echo $A $C; ps -o args | grep "^sleep"
		ip -4 -o addr show eth0 | wc -l; for n in net mnt pid uts ipc; do
		test "$(readlink /proc/self/ns/$n)" = "$(readlink /proc/1/ns/$n)" && echo $n; done'
	[ "$(tr '\n' ' ' <<<"$output")" = "box b d sleep 60 1 net mnt pid uts ipc " ]
	run -5 berth exec c1 sh -c 'exit 5'
	run -127 berth exec c1 -- nosuch
	run -125 berth exec c2 -- true
	[ "$output" = "error: no container 'c2'" ]
	berth delete c1
	same_world
}

@test "list shows running and stopped containers, as a table and as JSON" {
	run -0 berth list -o json
	[ "$output" = '[]' ]
	berth run -d --name c1 --net pods --rootfs "$ROOTFS" -- sleep 60
	berth run -d --name c2 --rootfs "$ROOTFS" -- true
	eventually '[ "$(berth list -o json | jq -r '\''.[1].status'\'')" = stopped ]'
	run -0 berth list -o json
	jq -e 'length == 2 and .[0].id == "c1" and .[0].status == "running" and .[0].pid > 0 and
		.[0].command == ["sleep", "60"] and .[0].hostname == "c1" and
		.[0].netns == "/run/berth/c1/netns" and .[0].networks[0].name == "pods" and
		.[0].networks[0].ifname == "eth0" and
		(.[0].networks[0].ips[0] | test("^10\\.66\\.0\\.[0-9]+/24$")) and
		.[1].networks == []' <<<"$output"
	run -0 berth list
	[[ ${lines[0]} == ID*PID*STATUS*NETWORKS ]]
	[[ ${lines[1]} == c1*running*eth0:pods=10.66.0.*/24 ]]
	run -125 berth run --name c1 --rootfs "$ROOTFS" -- true
	[ "$output" = "error: container 'c1' exists" ]
	run -1 berth list -o yaml
}

@test "a list that cannot be written is an error" {
	berth run -d --name c1 --rootfs "$ROOTFS" -- sleep 60
	for form in table json; do
		run -1 in_node sh -c "'$BERTH' list -o $form >/dev/full"
		[[ $output == *"write standard output: No space left on device" ]]
	done
	berth delete --force c1
}

@test "a detached container's output is its log" {
	berth run -d --name c1 --rootfs "$ROOTFS" -- sh -c 'echo out; echo err >&2; sleep 60'
	eventually '[ "$(in_node cat /run/berth/c1/log)" = $'\''out\nerr'\'' ]'
}

@test "delete gives the command five seconds to end, and none with --force" {
	for force in '' --force; do
		berth run -d --name c1 --rootfs "$ROOTFS" -- sh -c 'trap "echo bye" TERM
			echo up; while :; do sleep 0.1; done'
		eventually 'in_node grep -q up /run/berth/c1/log'
		from=$(date +%s%N)
		# shellcheck disable=SC2086
		berth delete $force c1
		ms=$((($(date +%s%N) - from) / 1000000))
		if [ -n "$force" ]; then ((ms < 2000)); else ((ms >= 5000 && ms < 9000)); fi
	done
	same_world
	run -1 berth delete c1
	[ "$output" = "error: no container 'c1'" ]
	run -0 berth delete --force c1
}

@test "delete works without the network's file, and after the command has died" {
	cp "$(node_file /etc/cni/net.d/10-pods.conflist)" "$BATS_TEST_TMPDIR/gone.conflist"
	berth run -d --name c1 --net "$BATS_TEST_TMPDIR/gone.conflist" --rootfs "$ROOTFS" -- true
	rm "$BATS_TEST_TMPDIR/gone.conflist"
	eventually '[ "$(berth list -o json | jq -r '\''.[0].status'\'')" = stopped ]'
	# As a runtime that starts anew, without the CNI_PATH of back then.
	run -0 in_node env -u CNI_PATH "$BERTH" delete c1
	[ "$output" = "" ]
	same_world
}

@test "delete keeps a container whose network cannot be detached, until --force" {
	spy_net
	berth run -d --name c1 --net spy --rootfs "$ROOTFS" -- sleep 60
	echo 'DEL b' >"$SPY/fail"
	run -1 berth delete c1
	[ "$output" = "error: container 'c1': network 'spy': plugin 'b': DEL: code 111: as told; by b" ]
	[ "$(berth list -o json | jq -r '.[0].status')" = stopped ]
	run -0 berth delete --force c1
	[[ $output == "warning: container 'c1': network 'spy'"*"going on" ]]
	[ "$(berth list -o json)" = '[]' ]
}

@test "a run whose second network fails leaves nothing of the first" {
	spy_net
	export CNI_PATH=$PLUGIN_DIR:$SPY/bin
	echo 'ADD b' >"$SPY/fail"
	run -125 berth run --name c1 --net pods --net spy --rootfs "$ROOTFS" -- true
	[[ $output == "error: container 'c1': network 'spy': plugin 'b': ADD: code 111"* ]]
	same_world
	run -125 berth run --net pods --net spy --rootfs "$ROOTFS/bin/sh" -- true
	same_world
}

@test "a pid that belongs to another process by now is never signalled" {
	berth run -d --name c1 --rootfs "$ROOTFS" -- true
	eventually '[ "$(berth list -o json | jq -r '\''.[0].status'\'')" = stopped ]'
	sleep 61 3>&- &
	other=$!
	state=$(in_node cat /run/berth/c1/state.json | jq -c --argjson p "$other" '.pid = $p')
	in_node tee /run/berth/c1/state.json <<<"$state" >/dev/null
	[ "$(berth list -o json | jq -r '.[0].status')" = stopped ]
	run -125 berth exec c1 -- true
	run -0 berth delete c1
	kill -0 "$other"
	kill "$other"
}

@test "a signal during ADD ends run, and leaves nothing" {
	spy_net
	echo 'ADD a' >"$SPY/slow"
	berth run --name c1 --net spy --rootfs "$ROOTFS" -- true 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	eventually '[ -e "$SPY/ADD.a.json" ]'
	kill -INT "$(berth_pid "run --name c1 --net spy")"
	status=0
	wait $! || status=$?
	[ $status = 125 ]
	grep -q "interrupted by signal 2" "$BATS_TEST_TMPDIR/err"
	[ "$(spied)" = "ADD a,ADD b,ADD c,DEL c,DEL b,DEL a," ]
	same_world
}

@test "limits: 64 bytes of host name, 255 of an id, 32 networks, 250 of a cache entry's name" {
	long() { printf "%0$1d" 0 | tr 0 x; }
	run -0 berth run --hostname "$(long 64)" --rootfs "$ROOTFS" -- hostname
	[ "$output" = "$(long 64)" ]
	run -125 berth run --hostname "$(long 65)" --rootfs "$ROOTFS" -- true
	[[ $output == "error: --hostname: "*"is longer than 64 bytes" ]]
	run -0 berth run --name "$(long 255)" --rootfs "$ROOTFS" -- true
	run -125 berth run --name "$(long 256)" --rootfs "$ROOTFS" -- true
	spy_net
	nets=$(printf -- '--net spy %.0s' {1..32})
	# shellcheck disable=SC2086
	run -0 berth run --name c1 $nets --rootfs "$ROOTFS" -- true
	[ "$(grep -c 'ADD c' "$SPY/log")" = 32 ]
	# shellcheck disable=SC2086
	run -125 berth run --name c1 $nets --net spy --rootfs "$ROOTFS" -- true
	[ "$output" = "error: --net: more than 32 networks" ]
	# spy-ID-eth0: nine bytes around the id.
	run -0 net add --id "$(long 241)" spy "$(pod_path p1)"
	run -0 net del --id "$(long 241)" spy
	rm "$SPY/log"
	run -1 net add --id "$(long 242)" spy "$(pod_path p1)"
	[[ $output == *"is longer than 250 bytes" ]]
	[ ! -e "$SPY/log" ]
	same_world
}

# --- killed ---

@test "delete after kill -9 of berth during an ADD waits for the plugin that it left behind" {
	spy_net
	echo 'ADD a' >"$SPY/slow"
	berth run --name c1 --net spy --rootfs "$ROOTFS" -- true 3>&- &
	eventually '[ -e "$SPY/ADD.a.json" ]'
	kill -KILL "$(berth_pid "run --name c1 --net spy")"
	wait $! || true
	rm "$SPY/slow"
	run -0 berth delete c1
	[ "$(spied)" = "ADD a,DEL c,DEL b,DEL a," ]
	same_world
}

@test "kill -9 of a foreground berth leaves its container running, for delete" {
	berth run --name c1 --net pods --rootfs "$ROOTFS" -- sleep 60 3>&- &
	eventually '[ "$(berth list -o json | jq -r '\''.[0].status'\'')" = running ]'
	kill -KILL "$(berth_pid "run --name c1 --net pods")"
	wait $! || true
	[ "$(berth list -o json | jq -r '.[0].status')" = running ]
	run -0 berth delete c1
	same_world
}

@test "kill -9 of init ends run with 137, and all is cleaned up" {
	berth run --name c1 --net pods --rootfs "$ROOTFS" -- sleep 60 3>&- &
	eventually '[ "$(berth list -o json | jq -r '\''.[0].status'\'')" = running ]'
	kill -KILL "$(berth list -o json | jq -r '.[0].pid')"
	status=0
	wait $! || status=$?
	[ $status = 137 ]
	same_world
}

@test "kill -9 of berth alone at any time of a run is cleaned up by delete" {
	for ms in 001 003 005 007 009 012 015 018 022 026 030 035 040 050 060 080; do
		in_node env CNI_PATH="$PLUGIN_DIR" timeout -s KILL "0.$ms" "$BERTH" run -d --name k1 \
			--net pods --rootfs "$ROOTFS" -- sleep 60 >/dev/null 2>&1 3>&- || true
		delete_if_there k1
		same_world
	done
}

@test "kill -9 of everything at the N-th system call of run is cleaned up by delete" {
	[ -x "$FAULT" ]
	traced() {
		in_node env CNI_PATH="$PLUGIN_DIR" "$FAULT" -o "$BATS_TEST_TMPDIR/fault" "$@" -- \
			"$BERTH" run --name k1 --net pods --rootfs "$ROOTFS" -- true
	}
	traced count >/dev/null 2>&1
	calls=$(awk '$1 == "count" { print $2 }' "$BATS_TEST_TMPDIR/fault")
	((calls > 100))
	same_world
	points=0
	for ((n = 1; n <= calls; n += 1 + calls / 120)); do
		traced kill $n >/dev/null 2>&1 || true
		delete_if_there k1
		same_world
		points=$((points + 1))
	done
	echo "# $points of $calls system calls" >&3
}

@test "kill -9 of delete at its N-th system call is made good by the next delete" {
	[ -x "$FAULT" ]
	start() {
		berth run -d --name k1 --net pods --rootfs "$ROOTFS" -- sleep 60 >/dev/null
	}
	traced() {
		in_node env CNI_PATH="$PLUGIN_DIR" "$FAULT" -o "$BATS_TEST_TMPDIR/fault" "$@" -- \
			"$BERTH" delete k1
	}
	start
	traced count >/dev/null 2>&1
	calls=$(awk '$1 == "count" { print $2 }' "$BATS_TEST_TMPDIR/fault")
	((calls > 50))
	same_world
	points=0
	for ((n = 1; n <= calls; n += 1 + calls / 60)); do
		start
		traced kill $n >/dev/null 2>&1 || true
		delete_if_there k1
		same_world
		points=$((points + 1))
	done
	echo "# $points of $calls system calls" >&3
}
