#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad input to the plugins, as far as it is about the protocol: environment, standard input,
# names, namespaces, versions and previous results. Each gets its code and a sentence that says
# what and where, and nothing in the node has changed. Needs root and network namespaces.

bats_require_minimum_version 1.5.0
load node
load world
load bad

# The host's own namespace and a good configuration, for what concerns the environment.
call() {
	cni "$@" <<<"$(conf)"
}

@test "the valid configuration of this file is accepted" {
	WORLD=
	run -0 add "$(conf)"
}

@test "standard input that is empty, not JSON, no object, cut off or followed by more" {
	local plugin
	for plugin in bridge host-local loopback vxlan bgp-route; do
		refused 6 "stdin" cni ADD $plugin c1 eth0 "$(pod_path p1)" </dev/null
		refused 6 "config" cni ADD $plugin c1 eth0 "$(pod_path p1)" <<<"hello"
		refused 6 "config|object" cni ADD $plugin c1 eth0 "$(pod_path p1)" <<<"[1, 2]"
		refused 6 "config" cni ADD $plugin c1 eth0 "$(pod_path p1)" <<<"null"
		refused 6 "config" cni ADD $plugin c1 eth0 "$(pod_path p1)" \
			<<<"$(conf | head -c 100)"
		refused 6 "config" cni ADD $plugin c1 eth0 "$(pod_path p1)" <<<"$(conf) {}"
	done
}

@test "standard input that is huge" {
	local big=$BATS_TEST_TMPDIR/big
	head -c 20000000 /dev/zero | tr '\0' ' ' >"$big"
	refused 5 "stdin" cni ADD bridge c1 eth0 "$(pod_path p1)" <"$big"
	refused 5 "stdin" cni DEL bridge c1 eth0 "$(pod_path p1)" <"$big"
}

@test "standard input that is nested too deep, or no UTF-8" {
	local deep
	deep=$(printf '[%.0s' {1..5000})
	refused 6 "config" cni ADD bridge c1 eth0 "$(pod_path p1)" <<<"{\"x\": $deep"
	refused 6 "config" cni ADD bridge c1 eth0 "$(pod_path p1)" <<<$'{"name": "\xff\xfe"}'
}

closed() {
	cni "$@" <&-
}

@test "standard input that is closed" {
	refused 5/6 "stdin" closed ADD bridge c1 eth0 "$(pod_path p1)"
}

@test "variables that are missing are all named at once" {
	refused 4 "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME" call ADD bridge - - -
	refused 4 "CNI_NETNS" call ADD bridge c1 eth0 -
	refused 4 "CNI_NETNS" call CHECK bridge c1 eth0 ""
	refused 4 "CNI_CONTAINERID,CNI_IFNAME" call DEL bridge - - "$(pod_path p1)"
}

@test "a command that no version of the specification knows" {
	refused 4 "CNI_COMMAND|REMOVE" call REMOVE bridge c1 eth0 "$(pod_path p1)"
	refused 4 "CNI_COMMAND|add" call add bridge c1 eth0 "$(pod_path p1)"
}

@test "a container id that is no name" {
	local id
	for id in .. . ../x a/b 'a b' 'a;b' -x _x $'a\nb' "$(printf 'x%.0s' {1..256})"; do
		refused 4 "CNI_CONTAINERID" call ADD bridge "$id" eth0 "$(pod_path p1)"
		refused 4 "CNI_CONTAINERID" call DEL bridge "$id" eth0 "$(pod_path p1)"
	done
}

@test "an interface name that is no name" {
	local name
	for name in .. . a/b a:b 'a b' $'a\tb' abcdefghijklmnop; do
		refused 4 "CNI_IFNAME" call ADD bridge c1 "$name" "$(pod_path p1)"
		refused 4 "CNI_IFNAME" call DEL bridge c1 "$name" "$(pod_path p1)"
	done
	# The kernel would make "net0" of it.
	refused 4 "CNI_IFNAME|net%d" call ADD bridge c1 net%d "$(pod_path p1)"
	run -0 cni DEL bridge c1 net%d "$(pod_path p1)" <<<"$(conf)"
}

@test "a network name that is missing, of 300 bytes, or no name" {
	local name
	refused 7 "name" add "$(conf 'del(.name)')"
	refused 7 "name" add "$(conf '.name = ""')"
	refused 7 "name" add "$(conf '.name = 7')"
	refused 7 "name|200" add "$(conf ".name = \"$(printf 'n%.0s' {1..300})\"")"
	for name in .. . ../x a/b 'a b' -a _a; do
		refused 7 "name" add "$(conf ".name = \"$name\"")"
	done
	refused 6 "u0000" add "$(conf '.name = "a\u0000b"')"
}

@test "a network name of 200 bytes works and of 201 bytes is refused" {
	local longest
	longest=$(printf 'n%.0s' {1..200})
	refused 7 "name|200" add "$(conf ".name = \"${longest}n\"")"
	world_unchanged
	WORLD=
	run -0 add "$(conf ".name = \"$longest\"")"
	run -0 cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf ".name = \"$longest\"")"
}

@test "a bridge name and an IPAM type that are no names" {
	local name
	for name in .. a/b 'a b' abcdefghijklmnop br%d; do
		refused 7 "bridge" add "$(conf ".bridge = \"$name\"")"
	done
	refused 7 "type|string" add "$(conf '.type = [null]')"
	run -0 cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf '.type = [null]')"
	for name in ../host-local /bin/sh a/b . ..; do
		refused 7 "ipam.type|$name" add "$(conf ".ipam.type = \"$name\"")"
	done
}

@test "an IPAM type that no folder of CNI_PATH has" {
	refused 7 "nonesuch|CNI_PATH" add "$(conf '.ipam.type = "nonesuch"')"
}

@test "CNI_PATH missing though an IPAM plugin must be found" {
	refused 4 "CNI_PATH" add "$(conf)" CNI_PATH=
}

@test "CNI_ARGS that are malformed or unknown" {
	refused 4 "CNI_ARGS|IP" add "$(conf)" CNI_ARGS=IP
	refused 4 "CNI_ARGS|a=b=c" add "$(conf)" CNI_ARGS=a=b=c
	refused 4 "CNI_ARGS|FOO" add "$(conf)" CNI_ARGS=FOO=bar
	refused 4 "CNI_ARGS|MAC|zz:00" add "$(conf)" CNI_ARGS=MAC=zz:00
	refused 4/7 "IP|10.88.0.0.1" add "$(conf)" CNI_ARGS=IP=10.88.0.0.1
	refused 4 "CNI_ARGS" add "$(conf)" 'CNI_ARGS=IgnoreUnknown=1;;='
}

@test "a namespace that is not there, is no namespace, is of another kind, or is the host's" {
	touch "$(node_file /run/plain)"
	refused 8 "CNI_NETNS|/run/netns/none" call ADD bridge c1 eth0 /run/netns/none
	refused 8 "CNI_NETNS|/run/plain" call ADD bridge c1 eth0 /run/plain
	refused 8 "CNI_NETNS|/proc/self/ns/mnt" call ADD bridge c1 eth0 /proc/self/ns/mnt
	refused 8 "CNI_NETNS|/proc/self/ns/net" call ADD bridge c1 eth0 /proc/self/ns/net
	refused 8 "CNI_NETNS" call ADD loopback c1 lo "/proc/$NODE_PID/ns/net"
}

@test "a DEL that names the host's namespace succeeds and takes nothing of the host's" {
	in_node ip link add eth0 type veth peer name eth9
	local with_eth0
	with_eth0=$(node_world p1)
	run -0 call DEL bridge c1 eth0 /proc/self/ns/net
	diff <(echo "$with_eth0") <(node_world p1)
	in_node ip link del eth0
}

@test "labels of which no record could be kept" {
	local long
	long=$(conf '.args.cni.labels = [{key: "app", value: ("x" * 65536)}]')
	refused 7 "args.cni.labels|at most 65536" add "$long"
}

@test "an interface that exists in the pod already" {
	in_pod p1 ip link add eth0 type veth peer name other
	world_now
	refused 4/7/100/999 "eth0" add "$(conf)"
	world_unchanged
	in_pod p1 ip link del eth0
	world_now
}

@test "a second ADD of the same attachment" {
	add "$(conf)"
	world_now
	refused 4/7/100/101/999 "c1|eth0" add "$(conf)"
}

@test "a bridge name that is an interface but no bridge" {
	in_node ip link add notbr type veth peer name notbr9
	world_now
	refused 7/100 "notbr|bridge" add "$(conf '.bridge = "notbr"')"
	world_unchanged
	in_node ip link del notbr
	world_now
}

@test "a bridge that has another address, without forceAddress" {
	refused 7/100 "br0|10.88.0.1/16|10.99.0.1/16" \
		add "$(conf '.ipam.ranges = [[{subnet: "10.99.0.0/16"}]]')"
}

@test "a version that nobody knows, and a verb that the version lacks" {
	refused 1 "cniVersion|2.0.0" add "$(conf '.cniVersion = "2.0.0"')"
	refused 1/6 "cniVersion|hello" add "$(conf '.cniVersion = "hello"')"
	refused 6/7 "cniVersion" add "$(conf '.cniVersion = 1')"
	local old
	old=$(conf '.cniVersion = "0.3.1"')
	refused 1 "0.3.1|CHECK" cni CHECK bridge c1 eth0 "$(pod_path p1)" <<<"$old"
	old=$(conf '.cniVersion = "1.0.0"')
	refused 1 "1.0.0|GC" cni GC bridge - - - <<<"$old"
	refused 1 "1.0.0|STATUS" cni STATUS bridge - - - <<<"$old"
}

check() {
	cni CHECK bridge c1 eth0 "$(pod_path p1)" <<<"$1"
}

@test "a previous result or capabilities that are no object, with ADD, too" {
	local plugin value
	for plugin in bridge host-local loopback vxlan bgp-route; do
		for value in '"0"' '[]' 5 true; do
			refused 6 "prevResult|object" cni ADD $plugin c1 eth0 "$(pod_path p1)" \
				<<<"$(conf ".prevResult = $value")"
			refused 7 "capabilities|object" cni ADD $plugin c1 eth0 "$(pod_path p1)" \
				<<<"$(conf ".capabilities = $value")"
		done
	done
}

@test "a previous result that is missing, of another version, or of another shape" {
	local good change
	good=$(add "$(conf)")
	world_now
	refused 7 "prevResult" check "$(conf)"
	for change in '"text"' '[]' '5' '.ips = 5' '.ips = [5]' '.ips[0].address = "10.88.0.2"' \
		'.ips[0].address = 5' '.ips[0].address = "x/y"' '.ips[0].gateway = "x"' \
		'.ips[0].interface = "2"' '.interfaces = {}' \
		'.interfaces = [5]' '.interfaces[2].name = 5' '.interfaces[2].mac = 5' \
		'.routes = 5' '.routes = [{"dst": "x"}]' '.routes = [{"dst": "10.0.0.0/8", "gw": 5}]' \
		'.dns = 5' '.cniVersion = "9.9.9"' '.cniVersion = 5'; do
		echo "prevResult: $change"
		refused 1/6/7/102 "prevResult" \
			check "$(with_prev "$(conf)" "$(jq -c "$change" <<<"$good")")"
	done
	# The form of 0.2.0, which has no interfaces: its address is compared all the same.
	refused 102 "10.88.200.200" check "$(with_prev "$(conf)" \
		'{"cniVersion": "0.2.0", "ip4": {"ip": "10.88.200.200/16"}}')"
	run -0 check "$(with_prev "$(conf)" "$good")"
}

@test "a DEL takes any previous result, since it can do without" {
	local prev good
	WORLD=
	for prev in '"text"' '[]' 5 null '{"ips": 5}' '{"cniVersion": "9.9.9"}' \
		'{"interfaces": [{"name": 5}]}'; do
		good=$(add "$(conf)")
		run -0 cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(with_prev "$(conf)" "$prev")"
		[ -z "$output" ]
		run -1 in_pod p1 ip link show eth0
	done
	[ -n "$good" ]
}

@test "a GC without the list of valid attachments, or with one of another shape" {
	add "$(conf)"
	world_now
	local list
	refused 7 "cni.dev/valid-attachments" cni GC bridge - - - <<<"$(conf)"
	for list in 5 '"x"' '{}' '[5]' '[{"containerID": "c1"}]' '[{"containerID": 5, "ifname": "x"}]'; do
		refused 7 "cni.dev/valid-attachments" \
			cni GC bridge - - - <<<"$(conf ".\"cni.dev/valid-attachments\" = $list")"
	done
}
