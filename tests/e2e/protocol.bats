#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The protocol against the real binaries: the fifteen things that implementers of CNI most often
# get wrong (the number in a test's name counts them), and bad input of every kind. Each test has
# a node of its own with two pods. Needs root and network namespaces.

bats_require_minimum_version 1.5.0
load node

setup() {
	node_start
	pod_add p1 p2
}

teardown() {
	unhold_lock
	node_stop
}

VERSIONS="0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0"

# br VERB CONF [CID [IFNAME [NETNS]]]
br() {
	cni "$1" bridge "${3:-c1}" "${4:-eth0}" "${5-$(pod_path p1)}" <<<"$2"
}

# fails CODE TEXT CMD...: the command prints one error document with this code and this text in
# its words, and nothing else.
fails() {
	local code=$1 text=$2
	shift 2
	run -1 --separate-stderr "$@"
	[ -z "$stderr" ] || { echo "stderr: $stderr"; return 1; }
	jq -es --argjson code "$code" --arg text "$text" 'length == 1 and (.[0] |
		(.cniVersion | type == "string") and .code == $code and
		("\(.msg); \(.details // "")" | contains($text)))' <<<"$output" >/dev/null || {
		echo "expected code $code and '$text', got: $output"
		return 1
	}
}

# works CMD...: success, and nothing is said.
works() {
	run -0 --separate-stderr "$@"
	[ -z "$output$stderr" ] || { echo "said: $output$stderr"; return 1; }
}

leases() {
	find "$(node_file /var/lib/cni/networks)" -type f ! -name lock ! -name 'last_reserved_ip.*' \
		-printf '%P\n' 2>/dev/null | sort
}

# Everything that an attachment makes, but not what a network keeps: see world.bash.
attachments() {
	in_node sh -c 'ip -o link show type veth; nft list ruleset;
		find /run/fairlead/endpoints -type f' 2>/dev/null | sed 's/counter packets.*bytes [0-9]*//'
	leases
	in_pod p1 ip -o link
	in_pod p2 ip -o link
}

@test "1: DEL succeeds with an empty or dead netns and without the previous result" {
	local conf ns
	conf=$(bridge_conf n)
	for ns in "$(pod_path p1)" "" /run/netns/gone /etc/passwd; do
		br ADD "$conf"
		works br DEL "$conf" c1 eth0 "$ns"
		[ -z "$(leases)" ]
		works br DEL "$conf" c1 eth0 "$ns"
		run -1 in_pod p1 ip link show dev eth0
	done
	br ADD "$conf"
	works cni DEL bridge c1 eth0 - <<<"$conf"
	[ -z "$(leases)" ]
	br ADD "$conf"
	pod_del p1
	works br DEL "$conf"
	[ -z "$(leases)" ]
}

@test "1: DEL succeeds though other parts of the configuration are not valid any more" {
	local conf change
	conf=$(bridge_conf n)
	for change in '.ipam.ranges = [[{subnet: "10.88.0.1/16"}]]' '.ipam.ranges = []' \
		'.ipam.ranges = "x"' '.mtu = -1' '.vlan = "x"' '.hairpinMode = .promiscMode' \
		'.prevResult = []' '.prevResult = {"ips":[{"address":"x"}]}' \
		'.prevResult = {"cniVersion":"9.9.9"}' '.runtimeConfig = 7'; do
		br ADD "$conf"
		works br DEL "$(jq -c "$change" <<<"$conf")" || { echo "with $change"; return 1; }
		[ -z "$(leases)" ] || { echo "lease left with $change"; return 1; }
		run -1 in_pod p1 ip link show dev eth0
	done
}

@test "2: DEL of one attachment leaves the other of the same container alone" {
	local conf before
	conf=$(bridge_conf n)
	br ADD "$conf" c1 eth0
	before=$(in_node nft -s list ruleset)
	br ADD "$conf" c1 eth1
	[ "$(in_node nft -s list ruleset)" != "$before" ]
	works br DEL "$conf" c1 eth1
	[ "$(in_node nft -s list ruleset)" = "$before" ]
	in_pod p1 ip link show dev eth0
	run -1 in_pod p1 ip link show dev eth1
	[ "$(leases | wc -l)" = 2 ]
	in_pod p1 ping -c 1 -W 10 10.88.0.1
}

@test "3: a failed ADD does not make the host a router" {
	local conf
	conf=$(bridge_conf n)
	in_node sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	in_pod p1 ip link add eth0 type bridge
	fails 100 eth0 br ADD "$conf"
	in_pod p1 ip link del eth0
	[ "$(in_node sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding | tr -d '\n')" = 00 ]
	br ADD "$conf"
	[ "$(in_node sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding | tr -d '\n')" = 11 ]
	works br DEL "$conf"
}

@test "3: a failed ADD leaves nothing, and the next one works" {
	local conf before
	conf=$(bridge_conf n)
	br ADD "$conf" other eth0 "$(pod_path p2)"
	before=$(attachments)
	# The last step: nobody reads the answer.
	run -1 in_node env CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 \
		CNI_NETNS="$(pod_path p1)" CNI_PATH="$PLUGIN_DIR" \
		sh -c '"$1" >/dev/full' - "$PLUGIN_DIR/bridge" <<<"$conf"
	diff <(echo "$before") <(attachments)
	# A step in the middle: the name is taken in the pod.
	in_pod p1 ip link add eth0 type bridge
	fails 100 eth0 br ADD "$conf"
	in_pod p1 ip link del eth0
	diff <(echo "$before") <(attachments)
	br ADD "$conf"
	works br DEL "$conf"
	diff <(echo "$before") <(attachments)
}

@test "4: stdout has exactly one JSON document or nothing, and success is silent on stderr" {
	local conf r
	conf=$(bridge_conf n)
	run -0 --separate-stderr br ADD "$conf"
	[ -z "$stderr" ]
	[ "$(jq -s length <<<"$output")" = 1 ]
	r=$output
	works br CHECK "$(with_prev "$conf" "$r")"
	works br DEL "$(with_prev "$conf" "$r")"
	works cni STATUS bridge - - - <<<"$conf"
	works cni GC bridge - - - <<<"$(jq -c '."cni.dev/valid-attachments" = []' <<<"$conf")"
	fails 7 name br ADD '{"cniVersion":"1.1.0"}'
	fails 4 'unknown CNI_COMMAND: PATCH' br PATCH "$conf"
}

@test "5: a result has the version asked for, and only the keys of that version" {
	local v conf keys
	for v in $VERSIONS; do
		conf=$(bridge_conf n ".cniVersion = \"$v\"")
		run -0 br ADD "$conf"
		keys=$(jq -c 'keys' <<<"$output")
		[ "$(jq -r .cniVersion <<<"$output")" = "$v" ]
		case $v in
		0.[12].0)
			[ "$keys" = '["cniVersion","ip4","ip6"]' ]
			jq -e '.ip4 | (.ip | startswith("10.88.")) and .gateway == "10.88.0.1" and
				(.routes | length == 1)' <<<"$output"
			;;
		*)
			[ "$keys" = '["cniVersion","interfaces","ips","routes"]' ]
			# The address belongs to the pod's end, which is the third interface.
			jq -e --arg ns "$(pod_path p1)" 'all(.ips[]; .interface == 2) and
				(.interfaces | length == 3 and .[2].name == "eth0" and
				.[2].sandbox == $ns and .[0].sandbox == null)' <<<"$output"
			jq -e --arg v $v '([.ips[] | has("version")] | unique) ==
				[$v | startswith("0.")]' <<<"$output"
			jq -e --arg v $v '([.interfaces[] | has("mtu")] | unique) ==
				[$v == "1.1.0"]' <<<"$output"
			;;
		esac
		works br DEL "$conf"
	done
}

@test "5: a chained plugin keeps the result before it, with keys that nobody knows" {
	local conf r
	conf=$(bridge_conf n)
	r=$(br ADD "$conf" | jq -c '.future = {a: [1]} | .interfaces[2].future = 2')
	run -0 cni ADD loopback c1 eth0 "$(pod_path p1)" \
		<<<"$(with_prev '{"cniVersion":"1.1.0","name":"n","type":"loopback"}' "$r")"
	diff <(jq -S . <<<"$r") <(jq -S . <<<"$output")
}

@test "6: CHECK tolerates a changed MAC address, changes nothing, and is no no-op" {
	local conf before
	conf=$(bridge_conf n)
	conf=$(with_prev "$conf" "$(br ADD "$conf")")
	before=$(attachments)
	works br CHECK "$conf"
	diff <(echo "$before") <(attachments)
	in_pod p1 ip link set eth0 address 02:00:00:00:00:77
	works br CHECK "$(jq -c '.prevResult.interfaces[2].mac = "02:00:00:00:00:77"' <<<"$conf")"
	in_pod p1 ip addr flush dev eth0
	fails 102 10.88. br CHECK "$conf"
}

@test "7: GC without the list removes nothing, with null or [] everything of its network" {
	local conf other none
	conf=$(bridge_conf n)
	other=$(bridge_conf m '.bridge = "br1" | .ipam.ranges = [[{subnet: "10.89.0.0/16"}]]')
	br ADD "$other" c9 eth0 "$(pod_path p2)"
	for none in null '[]'; do
		br ADD "$conf"
		fails 7 cni.dev/valid-attachments cni GC bridge - - - <<<"$conf"
		fails 7 '[0].ifname' cni GC bridge - - - <<<"$(jq -c \
			'."cni.dev/valid-attachments" = [{containerID: "c1"}]' <<<"$conf")"
		[ "$(leases | grep -c ^n/)" = 2 ]
		works cni GC bridge - - - \
			<<<"$(jq -c ".\"cni.dev/valid-attachments\" = $none" <<<"$conf")"
		# The address is the IPAM plugin's: GC was handed on to it.
		[ "$(leases | grep -c ^n/)" = 0 ]
		run -1 in_pod p1 ip link show dev eth0
	done
	[ "$(leases | grep -c ^m/)" = 1 ]
	in_pod p2 ip link show dev eth0
}

@test "7: GC tells the attachments of one container apart" {
	local conf
	conf=$(bridge_conf n)
	br ADD "$conf" c1 eth0
	br ADD "$conf" c1 eth1
	works cni GC bridge - - - <<<"$(jq -c '."cni.dev/valid-attachments" =
		[{containerID: "c1", ifname: "eth1"}, {containerID: "c2", ifname: "eth0"}]' <<<"$conf")"
	run -1 in_pod p1 ip link show dev eth0
	in_pod p1 ip link show dev eth1
	[ "$(leases | wc -l)" = 2 ]
}

@test "8: VERSION needs no stdin, and STATUS no attachment" {
	local p silent=$BATS_TEST_TMPDIR/silent
	local peers='.peers = [{ip: "192.0.2.12", cidrs: ["10.244.2.0/24"]}]'
	mkfifo "$silent"
	for p in bridge host-local loopback vxlan bgp-route; do
		run -0 --separate-stderr in_node env CNI_COMMAND=VERSION \
			sh -c '"$1" <&-' - "$PLUGIN_DIR/$p"
		[ -z "$stderr" ]
		[ "$(jq -r '.supportedVersions | join(" ")' <<<"$output")" = "$VERSIONS" ]
		# A stdin that nobody ever writes to or closes.
		run -0 in_node env CNI_COMMAND=VERSION timeout 30 "$PLUGIN_DIR/$p" <>"$silent"
		works cni STATUS $p - - - <<<"$(bridge_conf n "$peers")"
		works cni STATUS $p .. a/b dummy <<<"$(bridge_conf n "$peers")"
	done
}

# hold_lock: somebody has the lock of the network's pool until unhold_lock.
hold_lock() {
	mkdir -p "$(node_file /var/lib/cni/networks/n)"
	flock "$(node_file /var/lib/cni/networks/n/lock)" sleep 60 3>&- 4>&- &
	LOCKER=$!
	while flock -n "$(node_file /var/lib/cni/networks/n/lock)" true 2>/dev/null; do
		sleep 0.05
	done
}

unhold_lock() {
	[ -n "${LOCKER:-}" ] || return 0
	pkill -P "$LOCKER" || true
	wait "$LOCKER" 2>/dev/null || true
	LOCKER=
}

@test "9: no wait is without end: a held lock is code 11 after 5 s, and STATUS waits for none" {
	local conf before
	conf=$(bridge_conf n)
	hold_lock
	before=$(attachments)
	SECONDS=0
	fails 11 lock br ADD "$conf"
	((SECONDS >= 4 && SECONDS <= 30))
	diff <(echo "$before") <(attachments)
	works cni STATUS bridge - - - <<<"$conf"
	unhold_lock
	br ADD "$conf"
}

@test "9: a foreign IPAM plugin that hangs is killed after 5 s, and sent a DEL" {
	local conf before dir=$BATS_TEST_TMPDIR
	conf=$(bridge_conf n '.ipam = {type: "hang"}')
	cat >"$dir/hang" <<-EOF
		#!/bin/sh
		echo \$CNI_COMMAND >>$dir/log
		[ \$CNI_COMMAND != ADD ] || exec sleep 60
	EOF
	chmod +x "$dir/hang"
	before=$(attachments)
	SECONDS=0
	CNI_PATH=$dir fails 11 "plugin 'hang'" br ADD "$conf"
	((SECONDS >= 4 && SECONDS <= 30))
	[ "$(paste -sd ' ' "$dir/log")" = "ADD DEL" ]
	diff <(echo "$before") <(attachments)
}

# await CMD...: until the command succeeds, 10 s at most.
await() {
	local i
	for ((i = 0; i < 1000; i++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.01
	done
	return 1
}

@test "9: a DEL while the ADD still runs waits for its end, 5 s at most, and leaves nothing" {
	local conf before adder dir=$BATS_TEST_TMPDIR
	conf=$(bridge_conf n '.ipam = {type: "slow"}')
	cat >"$dir/slow" <<-EOF
		#!/bin/sh
		[ \$CNI_COMMAND = ADD ] || exit 0
		echo '{"cniVersion":"1.1.0","ips":[{"address":"10.88.0.7/16"}]}'
		echo \$PPID >$dir/stopped
		kill -STOP \$PPID
	EOF
	chmod +x "$dir/slow"
	br ADD "$(bridge_conf n)" other eth0 "$(pod_path p2)"
	before=$(attachments)
	CNI_PATH=$dir br ADD "$conf" >"$dir/added" &
	adder=$!
	await test -s "$dir/stopped"
	CNI_PATH=$dir fails 11 "container 'c1', interface 'eth0': an ADD is still running" br DEL "$conf"
	(sleep 1 && kill -CONT "$(<"$dir/stopped")") &
	CNI_PATH=$dir works br DEL "$conf"
	wait "$adder"
	jq -e '.ips[0].address == "10.88.0.7/16"' "$dir/added"
	diff <(echo "$before") <(attachments)
}

@test "9: a GC takes nothing from under an ADD that still runs" {
	local conf before adder fifo=$BATS_TEST_TMPDIR/fifo
	conf=$(bridge_conf n)
	br ADD "$conf" other eth0 "$(pod_path p2)"
	before=$(attachments)
	conf=$(jq -c '."cni.dev/valid-attachments" = [{containerID: "other", ifname: "eth0"}]' <<<"$conf")
	# Nobody takes its result, and the pipe is full.
	mkfifo "$fifo"
	exec 7<>"$fifo"
	dd if=/dev/zero of="$fifo" bs=4096 oflag=nonblock 2>/dev/null || true
	br ADD "$conf" >&7 7<&- &
	adder=$!
	await in_pod p1 ip link show dev eth0 up
	fails 11 "an ADD is still running" cni GC bridge - - - <<<"$conf"
	in_pod p1 ping -c 1 -W 10 10.88.0.1
	[ "$(leases | wc -l)" = 4 ]
	(sleep 1 && head -c 65536 <&7 >/dev/null) &
	works cni GC bridge - - - <<<"$conf"
	wait "$adder"
	exec 7<&-
	diff <(echo "$before") <(attachments)
}

@test "9: two ADDs at once are one, and two DELs at once leave nothing" {
	local conf before i pids n
	conf=$(bridge_conf n)
	br ADD "$conf" other eth0 "$(pod_path p2)"
	before=$(attachments)
	for i in 1 2 3 4 5; do
		pids=() n=0
		br ADD "$conf" >"$BATS_TEST_TMPDIR/1" & pids+=($!)
		br ADD "$conf" >"$BATS_TEST_TMPDIR/2" & pids+=($!)
		wait "${pids[0]}" && n=$((n + 1))
		wait "${pids[1]}" && n=$((n + 1))
		[ $n = 1 ]
		in_pod p1 ping -c 1 -W 10 10.88.0.1
		br DEL "$conf" & pids=($!)
		works br DEL "$conf"
		wait "${pids[0]}"
		diff <(echo "$before") <(attachments)
	done
}

@test "10, 14: the late DEL of an old container never touches a new one in the same namespace" {
	local conf r old
	conf=$(bridge_conf n)
	old=$(br ADD "$conf" old)
	in_pod p1 ip link del eth0
	r=$(br ADD "$conf" new)
	works br DEL "$(with_prev "$conf" "$old")" old
	works br DEL "$conf" old
	works br CHECK "$(with_prev "$conf" "$r")" new
	[ "$(leases | wc -l)" = 2 ]
}

@test "10, 14: nor one that has got the old one's address, and with it the same MAC address" {
	local conf r old
	conf=$(bridge_conf n '.ipam.ranges = [[{subnet: "10.88.0.0/30"}]]')
	old=$(br ADD "$conf" old)
	works br DEL "$(with_prev "$conf" "$old")" old
	r=$(br ADD "$conf" new)
	[ "$(jq -r '.interfaces[2].mac' <<<"$r")" = "$(jq -r '.interfaces[2].mac' <<<"$old")" ]
	works br DEL "$(with_prev "$conf" "$old")" old
	works br CHECK "$(with_prev "$conf" "$r")" new
}

@test "10: the late DEL of an old container leaves the masquerade of its address to whoever has it" {
	local conf r
	conf=$(bridge_conf n '.ipam.ranges = [[{subnet: "10.88.0.0/30"}]]')
	r=$(br ADD "$conf" old)
	works br DEL "$(with_prev "$conf" "$r")" old
	br ADD "$conf" new eth0 "$(pod_path p2)"
	in_node nft get element inet fairlead-n pods4 '{ 10.88.0.2 }'
	works br DEL "$(with_prev "$conf" "$r")" old
	in_node nft get element inet fairlead-n pods4 '{ 10.88.0.2 }'
	# Where nobody has it, a lost record is no reason to keep it.
	in_node find /run/fairlead/endpoints -type f -delete
	works br DEL "$(with_prev "$conf" "$r")" old
	run -1 in_node nft get element inet fairlead-n pods4 '{ 10.88.0.2 }'
}

@test "11: ADD into the plugin's own namespace is refused before anything is done" {
	local conf before ns
	conf=$(bridge_conf n)
	before=$(in_node ip -o link; attachments)
	in_node sh -c 'touch /run/netns/self && mount --bind /proc/self/ns/net /run/netns/self'
	for ns in /proc/self/ns/net /run/netns/self; do
		fails 8 "$ns" br ADD "$conf" c1 eth0 "$ns"
		fails 8 "$ns" br CHECK "$(with_prev "$conf" '{}')" c1 eth0 "$ns"
	done
	diff <(echo "$before") <(in_node ip -o link; attachments)
}

@test "12: DEL of what is not there succeeds, but a real failure is told" {
	local conf
	conf=$(bridge_conf n)
	works br DEL "$conf" nobody
	br ADD "$conf"
	in_node sh -c 'mount --bind /var/lib/cni /var/lib/cni &&
		mount -o remount,bind,ro /var/lib/cni'
	run -1 br DEL "$conf"
	[[ $output == *"Read-only file system"* ]]
	in_node umount /var/lib/cni
	works br DEL "$conf"
	[ -z "$(leases)" ]
}

@test "13: ADD twice for the same container and interface fails, and the first stays whole" {
	local conf r before
	conf=$(bridge_conf n)
	r=$(br ADD "$conf")
	before=$(attachments)
	run -1 br ADD "$conf"
	[ "$(jq -s length <<<"$output")" = 1 ]
	diff <(echo "$before") <(attachments)
	works br CHECK "$(with_prev "$conf" "$r")"
	in_pod p1 ping -c 1 -W 10 10.88.0.1
}

@test "13: after a crash without DEL, ADD works under a new id, and GC takes the old one" {
	local conf
	conf=$(bridge_conf n)
	br ADD "$conf" old
	br ADD "$conf" new eth0 "$(pod_path p2)"
	works cni GC bridge - - - <<<"$(jq -c '."cni.dev/valid-attachments" =
		[{containerID: "new", ifname: "eth0"}]' <<<"$conf")"
	[ "$(leases | wc -l)" = 2 ]
	in_pod p2 ping -c 1 -W 10 10.88.0.1
}

@test "15: DEL that names the plugin's own namespace leaves its interfaces alone" {
	local conf before
	conf=$(bridge_conf n)
	in_node ip link add eth0 type bridge
	in_node ip addr add 192.0.2.1/24 dev eth0
	br ADD "$conf"
	works br DEL "$conf" c1 eth0 /proc/self/ns/net
	in_node ip link show dev eth0
	[ -z "$(leases)" ]
	before=$(in_node ip -o addr)
	works br DEL "$(with_prev "$conf" '{"cniVersion":"1.1.0","interfaces":[{"name":"eth0",
		"sandbox":"/proc/self/ns/net"}],"ips":[{"interface":0,"address":"192.0.2.1/24"}]}')" \
		c2 eth0 /proc/self/ns/net
	[ "$(in_node ip -o addr)" = "$before" ]
}

@test "verbs that came later than the configuration's version are code 1" {
	local p
	for p in bridge host-local loopback vxlan bgp-route; do
		fails 1 'does not allow CHECK' cni CHECK $p c1 eth0 "$(pod_path p1)" \
			<<<"$(with_prev "$(bridge_conf n '.cniVersion = "0.3.1"')" '{}')"
		fails 1 'does not allow GC' cni GC $p - - - \
			<<<"$(bridge_conf n '.cniVersion = "1.0.0" | ."cni.dev/valid-attachments" = []')"
		fails 1 'does not allow STATUS' cni STATUS $p - - - \
			<<<"$(bridge_conf n '.cniVersion = "0.4.0"')"
		fails 1 9.9.9 cni ADD $p c1 eth0 "$(pod_path p1)" \
			<<<"$(bridge_conf n '.cniVersion = "9.9.9"')"
	done
}

@test "bad input of every kind has its code and its words, and changes nothing" {
	local conf before p
	conf=$(bridge_conf n)
	before=$(in_node ip -o link; attachments)
	for p in bridge host-local loopback vxlan bgp-route; do
		fails 4 '[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing' cni ADD $p - - - <<<"$conf"
		fails 4 '[CNI_CONTAINERID,CNI_IFNAME] missing' cni DEL $p - - - <<<"$conf"
		fails 4 "'../x'" cni ADD $p ../x eth0 "$(pod_path p1)" <<<"$conf"
		fails 4 "'..'" cni ADD $p c1 .. "$(pod_path p1)" <<<"$conf"
		fails 4 16 cni ADD $p c1 sixteen-bytes-xy "$(pod_path p1)" <<<"$conf"
		if [ $p != host-local ]; then # which looks into no namespace
			fails 8 /run/netns/gone cni ADD $p c1 eth0 /run/netns/gone <<<"$conf"
			fails 8 /etc/passwd cni ADD $p c1 eth0 /etc/passwd <<<"$conf"
		fi
		fails 6 empty cni ADD $p c1 eth0 "$(pod_path p1)" </dev/null
		fails 6 'config: line' cni ADD $p c1 eth0 "$(pod_path p1)" <<<'{"name"'
		fails 6 'an object' cni ADD $p c1 eth0 "$(pod_path p1)" <<<'[]'
		fails 5 4194304 cni ADD $p c1 eth0 "$(pod_path p1)" \
			< <(printf '{"name":"%05000000d"}' 0)
		fails 7 300 cni ADD $p c1 eth0 "$(pod_path p1)" \
			<<<"$(jq -c '.name = "n" * 300' <<<"$conf")"
		fails 7 "'..'" cni ADD $p c1 eth0 "$(pod_path p1)" <<<"$(jq -c '.name = ".."' <<<"$conf")"
		fails 7 name cni ADD $p c1 eth0 "$(pod_path p1)" <<<"$(jq -c 'del(.name)' <<<"$conf")"
		fails 6 cniVersion cni ADD $p c1 eth0 "$(pod_path p1)" \
			<<<"$(jq -c '.cniVersion = 1' <<<"$conf")"
		fails 7 prevResult cni CHECK $p c1 eth0 "$(pod_path p1)" <<<"$conf"
	done
	diff <(echo "$before") <(in_node ip -o link; attachments)
}

@test "CNI_PATH missing, an unknown IPAM type and one with a path in it are told, nothing done" {
	local conf before
	conf=$(bridge_conf n)
	before=$(attachments)
	fails 4 CNI_PATH in_node env -u CNI_PATH CNI_COMMAND=ADD CNI_CONTAINERID=c1 \
		CNI_IFNAME=eth0 CNI_NETNS="$(pod_path p1)" "$PLUGIN_DIR/bridge" <<<"$conf"
	fails 7 "'nosuch'" br ADD "$(jq -c '.ipam.type = "nosuch"' <<<"$conf")"
	fails 7 "'../host-local'" br ADD "$(jq -c '.ipam.type = "../host-local"' <<<"$conf")"
	fails 4 "CNI_ARGS" cni ADD bridge c1 eth0 "$(pod_path p1)" CNI_ARGS='IP=1;;' <<<"$conf"
	fails 4 "'FOO'" cni ADD bridge c1 eth0 "$(pod_path p1)" CNI_ARGS='FOO=bar' <<<"$conf"
	diff <(echo "$before") <(attachments)
}

@test "the binary runs in an empty chroot" {
	local dir=$BATS_TEST_TMPDIR/root
	mkdir "$dir"
	cp "$PLUGIN_DIR/bridge" "$dir/bridge"
	run -0 env CNI_COMMAND=VERSION chroot "$dir" /bridge </dev/null
	[ "$(jq -r .cniVersion <<<"$output")" = 1.1.0 ]
}

@test "the binary's own name takes the plugin as an argument, and lists them without" {
	run -0 env CNI_COMMAND=VERSION "$PLUGIN_DIR/fairlead-cni" host-local </dev/null
	[ "$(jq -r .cniVersion <<<"$output")" = 1.1.0 ]
	run -2 --separate-stderr "$PLUGIN_DIR/fairlead-cni"
	[ -z "$output" ]
	[[ $stderr == *"bridge host-local loopback vxlan bgp-route"* ]]
	run -0 --separate-stderr env -u CNI_COMMAND "$PLUGIN_DIR/bridge"
	[ -z "$output" ]
	[[ $stderr == *"CNI plugin bridge v"* ]]
}
