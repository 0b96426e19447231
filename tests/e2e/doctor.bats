#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The doctor (fairlead doctor) on two nodes that are joined by a VXLAN device made by hand: what it
# says when all is well, and that it finds each thing that is broken on purpose. Needs root,
# network namespaces, nft, iptables and ethtool.

bats_require_minimum_version 1.5.0
load node
load cluster

FAIRLEAD=$BUILD/bin/fairlead
VERSION=$(sed -n 's/^VERSION[[:blank:]]*:= //p' "$REPO/Makefile")

setup_file() {
	local n
	cluster_start n1 n2
	# Every name of ours in one folder, as an installation has it.
	export BIN=$BATS_FILE_TMPDIR/bin
	mkdir "$BIN"
	cp "$BUILD/cni/fairlead-cni" "$BIN/"
	for n in bridge host-local loopback vxlan bgp-route; do
		ln "$BIN/fairlead-cni" "$BIN/$n"
	done
	for n in n1 n2; do
		on "$n" in_node sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
			echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	done
}

teardown_file() {
	cluster_stop
}

setup() {
	vtep n1 n2
	vtep n2 n1
	conf '.'
	on n1 in_node mkdir -p /run/fairlead
}

teardown() {
	local n
	cluster_mend n2
	on lan in_node ip link set port-n2 mtu 1500
	for n in n1 n2; do
		on "$n" in_node nft flush ruleset
		on "$n" in_node ip link del fairlead.1 2>/dev/null || true
		on "$n" in_node ip link set eth0 mtu 1500
		on "$n" in_node ethtool -K eth0 tx on >/dev/null
	done
	on n1 in_node rm -rf /run/fairlead /etc/cni/net.d
	on n1 in_node sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	on n1 in_node sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter'
}

mac() {
	echo "02:fa:c0:00:02:1${1#n}"
}

# base NODE [4|6]: the first address of its block.
base() {
	local cidr
	cidr=$(node_cidr "$@")
	echo "${cidr%/*}"
}

# vtep NODE PEER: the device and the way to one peer, as the agent would make them.
vtep() {
	on "$1" in_node ip -batch - <<-END
		link add fairlead.1 address $(mac "$1") mtu 1450 type vxlan id 1 dstport 4789 local $(node_ip "$1") nolearning
		addr add $(base "$1")/32 dev fairlead.1
		addr add $(base "$1" 6)/128 dev fairlead.1 nodad
		link set fairlead.1 up
		route add $(node_cidr "$2") via $(base "$2") dev fairlead.1 onlink
		route add $(node_cidr "$2" 6) via $(base "$2" 6) dev fairlead.1 onlink
		neigh replace $(base "$2") lladdr $(mac "$2") dev fairlead.1 nud permanent
		neigh replace $(base "$2" 6) lladdr $(mac "$2") dev fairlead.1 nud permanent
	END
	on "$1" in_node bridge fdb replace "$(mac "$2")" dev fairlead.1 dst "$(node_ip "$2")"
}

# conf JQ: the network configuration of n1, which names its peer, as a list of one plugin.
conf() {
	local dir
	dir=$(on n1 node_file /etc/cni/net.d)
	mkdir -p "$dir"
	overlay_conf n1 | jq "{cniVersion, name, plugins: [del(.cniVersion, .name)]} | $1" \
		>"$dir/10-pods.conflist"
}

# node_json: what an agent would have written.
node_json() {
	jq -n --arg ip "$(node_ip n1)" --arg cidr "$(node_cidr n1)" '{version: 1, nodeName: "n1",
		nodeIPs: [$ip], podCIDRs: [$cidr], mode: "vxlan", mtu: 1450,
		vxlan: {device: "fairlead.1", vni: 1, port: 4789}}' \
		>"$(on n1 node_file /run/fairlead/node.json)"
}

doctor() {
	on n1 in_node "$FAIRLEAD" doctor --cni-bin "$BIN" "$@"
}

# finds STATUS CHECK STATE [REGEX]: the doctor ends so, and says this of the check.
finds() {
	run "-$1" --separate-stderr doctor -o json
	[ -z "$stderr" ]
	says "${@:2}"
	# whoever says that something is wrong says what to do
	jq -e 'all(.[]; (.state == "ok" or .state == "skip") != has("advice"))' <<<"$output" >/dev/null
}

# says CHECK STATE [REGEX]: the last answer does.
says() {
	jq -e --arg n "$1" --arg s "$2" --arg re "${3:-.}" \
		'any(.[]; .name == $n and .state == $s and (.found | test($re)))' <<<"$output" >/dev/null || {
		jq -c '.[] | select(.state != "ok")' <<<"$output"
		return 1
	}
}

# silent CHECK: the last answer says nothing of it, or that it is fine.
silent() {
	jq -e --arg n "$1" 'all(.[]; .name != $n or .state == "ok")' <<<"$output" >/dev/null
}

# lease NETWORK ADDRESS CONTAINER AGE: what host-local writes, seconds ago.
lease() {
	local file
	file=$(on n1 node_file "/var/lib/cni/networks/$1/$2")
	mkdir -p "${file%/*}"
	printf '%s\r\neth0' "$3" >"$file"
	touch -d "$4 seconds ago" "$file"
}

@test "addresses that are leased to nobody, which a record or libcni's cache would know" {
	local name results pod
	name=$(jq -r .name "$(on n1 node_file /etc/cni/net.d)/10-pods.conflist")
	finds 0 pods.leases ok '^0 leased'
	lease "$name" 10.244.1.20 young 5
	lease "$name" 10.244.1.21 lost 90
	lease "$name" 10.244.1.22 cached 90
	lease foreign 10.244.1.23 lost 90
	on n1 pod_add p1
	pod=$(overlay_conf n1 '.type = "bridge" | del(.peers)')
	on n1 cni ADD bridge real eth0 "$(on n1 pod_path p1)" <<<"$pod" >/dev/null
	find "$(on n1 node_file "/var/lib/cni/networks/$name")" -exec touch -d '90 seconds ago' '{}' \;
	lease "$name" 10.244.1.20 young 5
	results=$(on n1 node_file /var/lib/cni/results)
	mkdir -p "$results"
	touch "$results/$name-cached-eth0"
	finds 0 pods.leases warn "1 of 5 .*: 10.244.1.21 of container 'lost', network '$name'"
	rm "$(on n1 node_file "/var/lib/cni/networks/$name")/10.244.1.21"
	finds 0 pods.leases ok '^4 leased'
	on n1 cni DEL bridge real eth0 "$(on n1 pod_path p1)" <<<"$pod"
	on n1 in_node ip link del cni0
	on n1 pod_del p1
	lease "$name" 10.244.1.21 lost 90
	chmod 600 "$(on n1 node_file "/var/lib/cni/networks/$name")/10.244.1.21"
	run --separate-stderr on n1 in_node setpriv --reuid 65534 --clear-groups "$FAIRLEAD" doctor \
		--cni-bin "$BIN" -o json
	says pods.leases skip 10.244.1.21
	rm -r "$results" "$(on n1 node_file /var/lib/cni/networks)"/{"$name",foreign}
}

@test "a healthy node without an agent has nothing wrong" {
	run -0 --separate-stderr doctor -o json
	bad=$(jq -c '.[] | select(.state == "warn" or .state == "fail")' <<<"$output")
	[ "$bad" = "" ] || { echo "$bad"; false; }
	for check in kernel.veth kernel.vxlan kernel.nf_tables sysctl.ip_forward sysctl.ipv6.forwarding \
		vtep.there vtep.clash mtu.vtep mtu.path firewall.forward node.address peers.reach \
		overlay.checksum install.plugins install.config; do
		jq -e --arg n "$check" 'any(.[]; .name == $n and .state == "ok")' <<<"$output" >/dev/null ||
			{ echo "$check is not ok"; false; }
	done
	jq -e 'any(.[]; .name == "agent.answers" and .state == "skip")' <<<"$output"
}

@test "it prints tables, JSON and YAML, and what to do below the table" {
	on n1 in_node sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	run -1 --separate-stderr doctor
	[[ ${lines[0]} =~ ^STATE\ +CHECK\ +FOUND$ ]]
	[[ $output == *"fail   sysctl.ip_forward"* ]]
	[[ $output == *$'\nCHECK              WHAT TO DO\nsysctl.ip_forward  sysctl -w net.ipv4.ip_forward=1'* ]]
	! grep -nE '[[:blank:]]$' <<<"$output" || false
	run -1 --separate-stderr doctor -o yaml
	[[ $output == *"- name: sysctl.ip_forward"* ]]
	finds 1 sysctl.ip_forward fail 'is 0'
}

@test "it changes nothing" {
	world() {
		on n1 in_node sh -c 'ip -d addr; ip route show table all; ip neigh show nud permanent
			nft list ruleset; bridge fdb; ls /run /run/fairlead' | grep -v 'valid_lft\|fe80'
	}
	before=$(world)
	run -0 doctor
	diff <(echo "$before") <(world)
}

@test "it finds a strict rp_filter, the device's or that of all" {
	on n1 in_node sh -c 'echo 1 >/proc/sys/net/ipv4/conf/fairlead.1/rp_filter'
	finds 0 sysctl.rp_filter.fairlead.1 warn 'strict .all 0, device 1.'
	silent sysctl.rp_filter.eth0
	on n1 in_node sh -c 'echo 0 >/proc/sys/net/ipv4/conf/fairlead.1/rp_filter
		echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter'
	finds 0 sysctl.rp_filter.eth0 warn 'strict .all 1, device 0.'
	# loose on the device wins over strict for all
	on n1 in_node sh -c 'echo 2 >/proc/sys/net/ipv4/conf/eth0/rp_filter'
	finds 0 sysctl.rp_filter.fairlead.1 warn
	silent sysctl.rp_filter.eth0
	on n1 in_node sh -c 'echo 0 >/proc/sys/net/ipv4/conf/eth0/rp_filter'
}

@test "it finds a VTEP that is larger than the underlay bears" {
	on n1 in_node ip link set eth0 mtu 1499
	finds 1 mtu.vtep fail "'fairlead.1' has 1450 bytes; over 'eth0' with 1499 at most 1449 fit"
}

@test "it finds a way that loses full packets" {
	on lan in_node ip link set port-n2 mtu 1499
	finds 1 mtu.path fail "packets of 1500 bytes do not reach 'n2' at 192.0.2.12"
	silent overlay.checksum
	on lan in_node ip link set port-n2 mtu 1500
	run -0 doctor
}

@test "it finds another device with the VNI and port" {
	node_json
	on n1 in_node ip link del fairlead.1
	finds 1 vtep.there fail "no device 'fairlead.1'"
	silent vtep.clash
	on n1 in_node ip link add flannel.1 type vxlan id 1 dstport 4789 local 192.0.2.11 nolearning
	finds 1 vtep.clash fail "'flannel.1' has VNI 1 on UDP port 4789"
	on n1 in_node ip link del flannel.1
	# another VNI on the port is no clash
	on n1 in_node ip link add other type vxlan id 2 dstport 4789 local 192.0.2.11 nolearning
	on n1 in_node ip link set other up
	finds 1 vtep.there fail
	silent vtep.clash
	on n1 in_node ip link del other
	# a device of the name that is something else
	on n1 in_node ip link add fairlead.1 type bridge
	finds 1 vtep.there fail "kind 'bridge', not VXLAN"
}

@test "it finds a program that has the UDP port" {
	node_json
	on n1 in_node ip link del fairlead.1
	for address in 0.0.0.0 ::; do
		node_use n1
		(exec nsenter --target "$NODE_PID" --net -- python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 4789))
time.sleep(60)' "$address" 3>&- 4>&-) &
		pid=$!
		eventually 10 on n1 in_node sh -c 'ss -lun | grep -q :4789'
		finds 1 vtep.clash fail "UDP port 4789 is bound by a program"
		kill "$pid"
		wait "$pid" || true
	done
	finds 1 vtep.there fail
	silent vtep.clash
}

@test "it finds forward chains that drop, nft's and iptables'" {
	on n1 in_node nft add table inet mine
	on n1 in_node nft add chain inet mine forwarding '{ type filter hook forward priority 5; policy drop; }'
	on n1 in_node nft add chain inet mine in '{ type filter hook input priority 5; policy accept; }'
	on n1 in_node iptables-nft -P FORWARD DROP
	finds 0 firewall.forward warn 'inet mine forwarding'
	says firewall.forward warn 'ip filter FORWARD'
	on n1 in_node nft flush ruleset
	# firewalld's way: the policy is to accept, and the last rule is for all
	on n1 in_node nft add table inet firewalld
	on n1 in_node nft add chain inet firewalld filter_FORWARD '{ type filter hook forward priority 10; }'
	on n1 in_node nft add rule inet firewalld filter_FORWARD ct state established,related accept
	on n1 in_node nft add rule inet firewalld filter_FORWARD ct state invalid drop
	on n1 in_node iptables-nft -A FORWARD -s 10.9.0.0/16 -j REJECT
	run -0 --separate-stderr doctor -o json
	silent firewall.forward
	on n1 in_node nft add rule inet firewalld filter_FORWARD reject with icmpx admin-prohibited
	on n1 in_node iptables-nft -A FORWARD -j REJECT
	finds 0 firewall.forward warn 'inet firewalld filter_FORWARD'
	says firewall.forward warn 'ip filter FORWARD'
	on n1 in_node nft flush ruleset
	on n1 in_node nft add table ip mine
	on n1 in_node nft add chain ip mine last '{ type filter hook forward priority 10; }'
	on n1 in_node nft add rule ip mine last counter drop
	finds 0 firewall.forward warn 'ip mine last'
	on n1 in_node nft flush ruleset
	run -0 --separate-stderr doctor -o json
	silent firewall.forward
}

@test "it finds another owner of the node's address" {
	on n2 in_node ip addr add 192.0.2.11/24 dev eth0
	finds 1 node.address fail "has 192.0.2.11 as well, on 'eth0'"
	on n2 in_node ip addr del 192.0.2.11/24 dev eth0
}

@test "it finds a peer that is gone, in bounded time" {
	cluster_cut n2
	began=$SECONDS
	finds 1 peers.reach fail "'n2' does not answer a ping at 192.0.2.12"
	says overlay.reach fail "'n2' does not answer at 10.244.2.0"
	says overlay.reach fail "'n2' does not answer at fd00:244:2::"
	((SECONDS - began < 60))
}

@test "it finds an overlay that is blocked while the node answers" {
	on n2 in_node nft add table ip block
	on n2 in_node nft add chain ip block in '{ type filter hook input priority 0; }'
	on n2 in_node nft add rule ip block in udp dport 4789 drop
	finds 1 overlay.reach fail "'n2' does not answer at 10.244.2.0"
	jq -e '[.[] | select(.name == "overlay.reach")] | length == 2 and
		all(.advice | test("UDP port pass"))' <<<"$output"
	silent peers.reach
	silent mtu.path
}

# The card computes no checksums here, so the kernel does, and a rule has spoiled what it begins with:
# what leaves is as wrong as from a card that computes wrongly. It concerns the packets that
# leave their checksum to the device, not those that bring it along.
break_checksums() {
	on n1 in_node ethtool -K eth0 tx off >/dev/null
	on n1 in_node nft add table "$1" break
	on n1 in_node nft add chain "$1" break out '{ type filter hook output priority 0; }'
	on n1 in_node nft add rule "$1" break out udp dport 61999 udp checksum set 0xdead
}

@test "it finds UDP checksums that offload breaks" {
	break_checksums ip
	finds 1 overlay.checksum fail "UDP checksums to 'n2' at 10.244.2.0 are broken by offload"
	jq -e 'any(.[]; .name == "overlay.checksum" and
		(.advice | test("^ethtool -K fairlead.1 tx-checksum-ip-generic off")))' <<<"$output"
	silent overlay.reach
	on n1 in_node nft flush ruleset
	break_checksums ip6
	finds 1 overlay.checksum fail "UDP checksums to 'n2' at fd00:244:2:: are broken by offload"
	on n1 in_node nft flush ruleset
	finds 0 overlay.checksum ok
}

@test "it tells a firewall from a broken checksum" {
	on n2 in_node nft add table inet block
	on n2 in_node nft add chain inet block in '{ type filter hook input priority 0; }'
	on n2 in_node nft add rule inet block in iifname fairlead.1 meta l4proto udp drop
	finds 0 overlay.udp warn "'n2' answers at 10.244.2.0, but UDP to a closed port is not refused"
	says overlay.udp warn "fd00:244:2::"
	silent overlay.checksum
	on n2 in_node nft flush chain inet block in
	on n2 in_node nft add rule inet block in iifname fairlead.1 meta l4proto tcp drop
	finds 0 overlay.tcp warn "TCP to a closed port is not refused"
	# pings alone may be dropped: UDP and TCP say enough
	on n2 in_node nft flush chain inet block in
	on n2 in_node nft add rule inet block in icmp type echo-request drop
	on n2 in_node nft add rule inet block in icmpv6 type echo-request drop
	run -0 --separate-stderr doctor -o json
	silent overlay.reach
	jq -e 'any(.[]; .name == "peers.reach" and .state == "skip")' <<<"$output"
}

@test "it finds what is wrong with the installation" {
	rm "$BIN/vxlan"
	finds 1 install.plugins warn "these are missing: vxlan"
	says install.types fail "plugin 'vxlan' is not in"
	cp "$BUILD/cni/fairlead-cni" "$BIN/vxlan"
	finds 0 install.plugins warn "these are other programs: vxlan"
	ln -f "$BIN/fairlead-cni" "$BIN/vxlan"
	# the version is found in the file; here it becomes an older one, of the same length
	run -0 grep -c "fairlead-cni $VERSION: CNI" "$BIN/fairlead-cni"
	old=${VERSION//[0-9]/9}
	sed "s/fairlead-cni $VERSION: CNI/fairlead-cni $old: CNI/" "$BIN/fairlead-cni" >"$BATS_TEST_TMPDIR/old"
	cat "$BATS_TEST_TMPDIR/old" >"$BIN/fairlead-cni"
	finds 0 install.version warn "the plugins are $old, this program is $VERSION"
	cat "$BUILD/cni/fairlead-cni" >"$BIN/fairlead-cni"
	finds 0 install.version ok
	chmod 644 "$BIN/fairlead-cni"
	finds 1 install.types fail "plugin 'vxlan' in .* is not executable"
	chmod 755 "$BIN/fairlead-cni"
	conf '.plugins += [{type: "portmap"}]'
	finds 1 install.types fail "plugin 'portmap' is not in"
	conf '.plugins[0].ipam = {type: "dhcp"}'
	finds 1 install.types fail "plugin 'dhcp' is not in"
	echo '{"plugins": [' >"$(on n1 node_file /etc/cni/net.d)/10-pods.conflist"
	finds 1 install.config fail "10-pods.conflist': line 2"
	on n1 in_node rm -r /etc/cni/net.d
	finds 0 install.config warn "No such file"
	says peers.reach skip "no peers are known"
	run -1 --separate-stderr on n1 in_node "$FAIRLEAD" doctor -o json --cni-bin /nowhere
	jq -e 'any(.[]; .name == "install.plugins" and .state == "fail")' <<<"$output"
}

@test "it finds a network of others that runtimes take before ours" {
	local dir
	dir=$(on n1 node_file /etc/cni/net.d)
	conf .
	echo '{"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "ptp"}]}' >"$dir/20-x.conflist"
	run on n1 in_node "$FAIRLEAD" doctor -o json --cni-bin "$BIN"
	jq -e 'all(.[]; .name != "install.first")' <<<"$output"
	mv "$dir/20-x.conflist" "$dir/05-x.conflist"
	run on n1 in_node "$FAIRLEAD" doctor -o json --cni-bin "$BIN"
	says install.first warn "^'05-x.conflist' comes before '10-pods.conflist'"
}

# known FILE...: the keys that the first column of a README's tables names, without those within.
known() {
	sed -nE 's/^(\|( ?`[A-Za-z]+`,?)+( [^|]*)?) \|.*/\1/p' "$@" | grep -oE '`[A-Za-z]+`' | tr -d '`'
}

@test "it finds keys that our plugins do not know, and none that their READMEs have" {
	local dir type keys
	dir=$(on n1 node_file /etc/cni/net.d)
	conf '.plugins[0] += {ipMask: true, "cni.dev/x": 1, _comment: 1} | .plugins[0].peers[0].cidr = []
		| .plugins[0].ipam = {type: "host-local", rangesStart: "x", IPMASQ: 1, ranges: [[{sub: 1}]]}'
	finds 0 install.keys warn "^'10-pods.conflist': 'ipMask' is a key .* did you mean 'ipMasq'$"
	says install.keys warn "'peers\\[0\\].cidr' is .* did you mean 'cidrs'$"
	says install.keys warn "'ipam.rangesStart' is .* did you mean 'rangeStart'$"
	says install.keys warn "'ipam.IPMASQ' is a key that nobody reads$"
	says install.keys warn "'ipam.ranges\\[0\\]\\[0\\].sub' is a key"
	[ "$(jq '[.[] | select(.name == "install.keys")] | length' <<<"$output")" = 5 ]
	for type in bridge vxlan bgp-route; do
		keys=$(known "$REPO/plugins/$type/README.md")
		[ "$(wc -w <<<"$keys")" -gt 5 ]
		jq -n --arg t "$type" --arg k "$keys" '{plugins: [{type: $t} +
			([$k | splits("\\s+") | {(.): null}] | add | del(.MAC)) +
			{peers: [{name: 1, ip: 1, ips: 1, cidrs: 1, mac: 1}]} | if $t == "bridge" then
			del(.peers) else . end]}' >"$dir/10-pods.conflist"
		run --separate-stderr doctor -o json
		silent install.keys
	done
	keys=$(known "$REPO/plugins/ipam/README.md")
	[ "$(wc -w <<<"$keys")" -gt 8 ]
	jq -n --arg k "$keys" '([$k | splits("\\s+") | {(.): null}] | add | del(.type)) as $all |
		{plugins: [{type: "bridge", ipam: ({type: "host-local"} + $all)}]}' >"$dir/10-pods.conflist"
	run --separate-stderr doctor -o json
	silent install.keys
}

@test "it finds pods that are cut off, and forwarding that only a bridge needs" {
	local host
	echo '{"plugins": [{"type": "bridge"}]}' >"$(on n1 node_file /etc/cni/net.d)/10-pods.conflist"
	on n1 in_node ip link del fairlead.1
	pod_attach n1 p1 "$(bridge_conf pods)"
	host=$(jq -r '.interfaces[1].name' "$BATS_FILE_TMPDIR/pod.n1.p1.result")
	finds 0 pods.connected ok "of 1 pods"
	on n1 in_node sysctl -qw net.ipv4.ip_forward=0
	finds 1 sysctl.ip_forward fail "is 0"
	on n1 in_node sysctl -qw net.ipv4.ip_forward=1
	on n1 in_node ip link set br0 down
	finds 1 pods.connected fail "1 of 1 pods .*'$host' is up, but its bridge 'br0' is down"
	on n1 in_node ip link set br0 up
	on n1 in_node ip link set "$host" name by-hand
	finds 0 pods.connected warn "1 of 1 pods have been renamed: '$host' is 'by-hand' now"
	on n1 in_node ip link set by-hand name "$host"
	on n1 in_node ip link set "$host" nomaster
	finds 1 pods.connected fail "'$host' is on no bridge"
	on n1 in_node ip link set "$host" down
	finds 1 pods.connected fail "'$host' is down"
	on n1 in_node ip link del "$host"
	finds 0 pods.connected warn "1 of 1 records .*'$host' of container 'p1', network 'pods'"
	pod_detach n1 p1
	on n1 in_node ip link del br0
}

@test "it finds a routed pod without its route, and one that is in no block of the node" {
	on n1 in_node ip link del fairlead.1
	pod_attach n1 p1 "$(overlay_conf n1)"
	node_json
	jq '.podCIDRs += ["fd00:244:1::/64"]' "$(on n1 node_file /run/fairlead/node.json)" >"$BATS_TEST_TMPDIR/node"
	cp "$BATS_TEST_TMPDIR/node" "$(on n1 node_file /run/fairlead/node.json)"
	run --separate-stderr doctor -o json
	says pods.connected ok "of 1 pods"
	silent pods.blocks
	jq '.podCIDRs = ["10.99.1.0/24", "fd00:244:1::/64"]' "$BATS_TEST_TMPDIR/node" \
		>"$(on n1 node_file /run/fairlead/node.json)"
	on n1 in_node ip route del "$(pod_ip n1 p1)"
	run -1 --separate-stderr doctor -o json
	says pods.blocks warn "1 of 1 pods .*: $(pod_ip n1 p1) of"
	says pods.connected fail "no route to $(pod_ip n1 p1) by 'veth"
	pod_detach n1 p1
}

@test "it finds a full or read-only folder of state, and no bpf file system" {
	on n1 in_node mount -t tmpfs -o size=64k full /run/fairlead
	finds 1 disk fail "'/run/fairlead' has room for 64 KiB"
	on n1 in_node umount /run/fairlead
	on n1 in_node mount -t tmpfs -o ro shut /var/lib/cni
	finds 1 disk fail "'/var/lib/cni' is read-only"
	on n1 in_node umount /var/lib/cni
	on n1 in_node mount -t tmpfs none /sys/fs/bpf
	finds 0 kernel.bpffs warn "no bpf file system"
	on n1 in_node umount /sys/fs/bpf
	finds 0 disk ok
	says kernel.bpffs ok
}

@test "of many peers it asks some, in bounded time" {
	conf '.plugins[0].peers = [range(1; 201) as $i | {name: "x\($i)", ip: "198.51.100.\($i)",
		cidrs: ["10.99.\($i).0/24"]}]'
	began=$SECONDS
	run -1 --separate-stderr doctor -o json
	((SECONDS - began < 60))
	n=$(jq '[.[] | select(.name == "peers.reach" and .state == "fail")] | length' <<<"$output")
	((n > 20 && n <= 64))
}

@test "a user who is not root learns what needs root" {
	run --separate-stderr on n1 in_node setpriv --reuid 65534 --clear-groups "$FAIRLEAD" doctor \
		-o json --cni-bin "$BIN"
	[ -z "$stderr" ]
	jq -e 'any(.[]; .name == "kernel.veth" and .state == "skip" and (.found | test("needs root")))' \
		<<<"$output"
}

@test "what may not be looked at is not said to be gone" {
	local dir
	dir=$(on n1 node_file /etc/cni/net.d)
	chmod 600 "$dir/10-pods.conflist"
	chmod 700 "$BIN"
	run --separate-stderr on n1 in_node setpriv --reuid 65534 --clear-groups "$FAIRLEAD" doctor \
		-o json --cni-bin "$BIN"
	chmod 755 "$BIN"
	says install.plugins skip "Permission denied"
	says install.config skip "Permission denied"
	jq -e 'all(.[]; .name != "install.version" or .state == "skip")' <<<"$output"
}

# unheard NTH ERROR: what the doctor says when its own NTH sendmsg fails; false: it has no such. Which of
# its calls that is depends on how it and what it runs take turns, so it is tried again.
unheard() {
	local try call calls=$BATS_TEST_TMPDIR/calls
	for ((try = 0; try < 40; try++)); do
		on n1 in_node "$BUILD/tests/fault" -o "$calls" list -- "$FAIRLEAD" doctor -o json \
			--cni-bin "$BIN" >/dev/null
		call=$(awk -v nth="$1" '$1 == "call" { self = self ? self : $4 }
			$3 == "sendmsg" && $4 == self && ++n == nth { print $2 }' "$calls")
		[ -n "$call" ] || return 1
		on n1 in_node "$BUILD/tests/fault" -o "$calls" error "$call" "$2" -- "$FAIRLEAD" \
			doctor -o json --cni-bin "$BIN" >"$BATS_TEST_TMPDIR/said" || true
		! grep -q "^injected $call sendmsg" "$calls" || return 0
	done
	echo "sendmsg $1 was not met" >&2
	exit 1
}

# asked_in_vain ERROR WRONG: each question to the kernel is not heard in turn, and the doctor, who
# says that some could not be answered, says never that something of a healthy pod is WRONG.
asked_in_vain() {
	local said=$BATS_TEST_TMPDIR/said told=0 n
	for ((n = 0; ; n++)); do
		unheard $((n + 1)) "$1" || break
		jq -e --arg re "$2" 'any(.[]; .found | test($re)) | not' "$said"
		! jq -e 'any(.[]; .name == "pods" and .state == "skip")' "$said" || told=$((told + 1))
	done
	((n > 3 && told >= 2))
}

@test "a question about a pod that the kernel has not heard is no answer" {
	on n1 in_node ip link del fairlead.1
	pod_attach n1 p1 "$(bridge_conf pods)"
	asked_in_vain ENOBUFS "is on no bridge"
	pod_detach n1 p1
	on n1 in_node ip link del br0
	pod_attach n1 p1 "$(overlay_conf n1)"
	asked_in_vain ENOBUFS "has no route to"
	pod_detach n1 p1
}

@test "a kernel that forbids a feature, or a namespace to try it in, is not said to lack it" {
	# root of a user namespace of its own: it may make veths, and load no program
	run --separate-stderr on n1 in_node unshare -Ur "$FAIRLEAD" doctor -o json --cni-bin "$BIN"
	says kernel.veth ok
	says kernel.bpf skip "needs root"
	says kernel.tcx skip "needs root"
	run --separate-stderr on n1 in_node unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_net_namespaces
		exec "$@"' - "$FAIRLEAD" doctor -o json --cni-bin "$BIN"
	for check in kernel.veth kernel.vxlan kernel.nf_tables kernel.bpf kernel.tcx; do
		says "$check" skip "make a network namespace: No space left"
	done
}
