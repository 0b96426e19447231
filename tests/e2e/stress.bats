#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Many at a time, and stores and disks in every bad state. A failed ADD leaves the world as it
# was; a DEL that can be done is done; nothing hangs: every call here has a time limit.
#
# Needs root, for namespaces. SEED=N repeats the random walks of a run that failed.

bats_require_minimum_version 1.5.0
load node
load world

PODS=200

setup_file() {
	node_start
	in_node ip -batch - < <(printf 'netns add p%d\n' $(seq 0 $((PODS - 1))))
}

teardown_file() {
	node_stop node
}

setup() {
	export CROWD=$BATS_TEST_TMPDIR CNI_PATH=$PLUGIN_DIR
	STORE=/var/lib/cni/networks/net$BATS_TEST_NUMBER
}

# A test that failed must not leave its pods to the next one.
teardown() {
	node_stop wide
	node_use node
	in_node sh -c '
		for l in $(ls /sys/class/net); do [ $l = lo ] || ip link del $l; done
		nft flush ruleset
		for m in /var/lib/cni/networks /run/fairlead; do
			umount $m
			rm -rf $m
		done' 2>/dev/null || true
}

# network K [JQ]: the configuration of network K of this test.
network() {
	bridge_conf "net$BATS_TEST_NUMBER${1#0}" ".bridge = \"br$1\" |
		.ipam.ranges = [[{subnet: \"10.$((60 + $1)).0.0/16\"}], [{subnet: \"fd00:$1::/64\"}]] |
		${2:-.}"
}

# crowd VERB NETS: the verb for all pods, pod I on network I modulo NETS, 32 at a time.
crowd() {
	local verb=$1 nets=$2 i
	for ((i = 0; i < PODS; i++)); do
		echo "$verb $i $((i % nets))"
	done | in_node timeout 120 xargs -P 32 -L 1 bash "$REPO/tests/e2e/crowd.bash"
}

nothing_wrong() {
	if [ -e "$CROWD/wrong" ]; then
		head -20 "$CROWD/wrong"
		return 1
	fi
}

same_world() {
	node_world "${@:2}" >"$CROWD/after"
	diff "$1" "$CROWD/after"
}

# Every address in the results is there once, and has its lease; there are no other leases.
addresses_are_right() {
	local nets=$1 net
	for ((net = 0; net < nets; net++)); do
		compgen -G "$CROWD/result.$net.*" >/dev/null || continue
		jq -r '.ips[].address' "$CROWD"/result."$net".* | cut -d/ -f1 | sort >"$CROWD/given"
		[ -z "$(uniq -d "$CROWD/given")" ]
		find "$(node_file "/var/lib/cni/networks/$(jq -r .name "$CROWD/conf.$net")")" \
			-type f ! -name lock ! -name 'last_reserved_ip.*' -printf '%f\n' |
			sort | diff "$CROWD/given" -
	done
}

# What stays of a network by design is there once its first pod has come and gone.
use_networks_once() {
	local net
	for ((net = 0; net < $1; net++)); do
		in_node bash "$REPO/tests/e2e/crowd.bash" ADD "$net" "$net"
	done
	node_settle
	for ((net = 0; net < $1; net++)); do
		in_node bash "$REPO/tests/e2e/crowd.bash" DEL "$net" "$net"
	done
	nothing_wrong
}

# fails CODE TEXT VERB ARG...: the call of cni fails with this code and says this, and it does
# so with one JSON document. The configuration is $conf.
fails() {
	local code=$1 text=$2 verb=$3
	shift 3
	run ! --separate-stderr cni "$verb" bridge "$@" <<<"$conf"
	jq -es --argjson code "$code" --arg text "$text" 'length == 1 and .[0].code == $code and
		((.[0].msg + " " + (.[0].details // "")) | contains($text))' <<<"$output" || {
		echo "expected code $code and '$text', got: $output $stderr"
		return 1
	}
}

works() {
	local verb=$1
	shift
	run --separate-stderr cni "$verb" bridge "$@" <<<"$conf"
	[ "$status" = 0 ] || { echo "$verb $*: $output $stderr" && return 1; }
}

@test "200 ADDs and DELs at a time on one network: no address twice, nothing left" {
	network 0 >"$CROWD/conf.0"
	use_networks_once 1
	node_world >"$CROWD/before"
	crowd ADD 1
	nothing_wrong
	[ "$(find "$CROWD" -name 'result.0.*' | wc -l)" = "$PODS" ]
	addresses_are_right 1
	crowd CHECK 1
	nothing_wrong
	crowd DEL 1
	nothing_wrong
	same_world "$CROWD/before"
}

@test "ADDs that fail on a fresh bridge take nothing from those that succeed meanwhile" {
	local conf round i
	conf=$(network 0 '.isGateway = true')
	for i in 1 3 5 7; do
		in_node ip -n "p$i" link add eth0 type bridge
	done
	for round in {1..12}; do
		for i in {1..8}; do
			cni ADD bridge "c$i" eth0 "$(pod_path "p$i")" <<<"$conf" >"$CROWD/r$i" 2>&1 &
		done
		wait
		for i in 1 3 5 7; do
			grep -q '"code"' "$CROWD/r$i"
		done
		in_node ip -j addr show br0 | jq -e '.[0] | (.flags | index("UP")) and
			([.addr_info[].local] | index("10.60.0.1") and index("fd00::1"))' >/dev/null ||
			{ echo "round $round"; in_node ip addr show br0; return 1; }
		in_pod p2 ping -c 1 -W 10 10.60.0.1 >/dev/null || { cat "$CROWD"/r[2468]; in_node ip addr show br0; return 1; }
		for i in {1..8}; do
			cni DEL bridge "c$i" eth0 "$(pod_path "p$i")" <<<"$conf"
		done
		in_node ip link del br0
	done
	for i in 1 3 5 7; do
		in_node ip -n "p$i" link del eth0
	done
}

@test "200 ADDs and DELs at a time over five networks: no address twice, nothing left" {
	for net in 0 1 2 3 4; do
		network "$net" >"$CROWD/conf.$net"
	done
	use_networks_once 5
	node_world >"$CROWD/before"
	crowd ADD 5
	nothing_wrong
	addresses_are_right 5
	crowd DEL 5
	nothing_wrong
	same_world "$CROWD/before"
}

@test "ADD, DEL and CHECK in random order by 16 workers over three networks, three seeds" {
	local first=${SEED:-$((RANDOM % 1000 + 1))} seed worker net
	for net in 0 1 2; do
		network "$net" >"$CROWD/conf.$net"
	done
	use_networks_once 3
	node_world >"$CROWD/before"
	for ((seed = first; seed < first + 3; seed++)); do
		echo "seed $seed"
		for ((worker = 0; worker < 16; worker++)); do
			echo "walk $seed $worker 20 3"
		done | in_node timeout 120 xargs -P 16 -L 1 bash "$REPO/tests/e2e/crowd.bash"
		nothing_wrong
		addresses_are_right 3
	done
	for f in "$CROWD"/result.*; do
		echo "DEL ${f##*.} $(cut -d. -f2 <<<"${f##*/}")"
	done | in_node timeout 120 xargs -P 16 -L 1 bash "$REPO/tests/e2e/crowd.bash"
	nothing_wrong
	same_world "$CROWD/before"
}

@test "a full pool: code 101, STATUS 50, and both are over after one DEL" {
	local i
	conf=$(network 0 '.ipam.ranges = [[{subnet: "10.60.0.0/29"}], [{subnet: "fd00:1::/64"}]]')
	for i in 1 2 3 4; do
		works ADD "c$i" eth0 "$(pod_path "p$i")"
		works STATUS - - -
	done
	works ADD c5 eth0 "$(pod_path p5)"
	node_settle
	node_world p6 >"$CROWD/before"
	fails 101 10.60.0.1-10.60.0.6 ADD c6 eth0 "$(pod_path p6)"
	same_world "$CROWD/before" p6
	fails 50 10.60.0.1-10.60.0.6 STATUS - - -
	works DEL c3 eth0 "$(pod_path p3)"
	works STATUS - - -
	works ADD c6 eth0 "$(pod_path p6)"
	[ "$(jq -r '.ips[0].address' <<<"$output")" = "10.60.0.4/29" ]
}

# Fills the file system at $1 to the last byte or the last inode.
fill() {
	in_node sh -c 'cat /dev/zero >$0/filler; i=0
		while : 2>/dev/null >$0/filler$i; do i=$((i + 1)); done' "$1" 2>/dev/null || true
}

# disk_full WHERE: ADDs and DELs while the tmpfs at WHERE is full, and when it has room again.
disk_full() {
	local where=$1 i failed=0
	conf=$(network 0)
	in_node sh -c 'mkdir -p $0 && mount -t tmpfs -o size=256k,nr_inodes=64 full $0' "$where"
	works ADD first eth0 "$(pod_path p0)"
	works DEL first eth0 "$(pod_path p0)"
	works ADD old eth0 "$(pod_path p2)"
	node_settle
	fill "$where"
	node_world p1 >"$CROWD/before"
	for i in 1 2 3; do
		run --separate-stderr cni ADD bridge "c$i" eth0 "$(pod_path p1)" <<<"$conf"
		jq -es 'length == 1' <<<"$output"
		if [ "$status" != 0 ]; then
			failed=$((failed + 1))
			jq -e '.code > 0' <<<"$output"
			same_world "$CROWD/before" p1
		fi
		works DEL "c$i" eth0 "$(pod_path p1)"
		same_world "$CROWD/before" p1
	done
	echo "$failed of 3 ADDs failed"
	[ "$failed" -gt 0 ]
	works DEL old eth0 "$(pod_path p2)"
	run ! in_pod p2 ip link show eth0
	[ -z "$(in_node find /var/lib/cni/networks /run/fairlead/endpoints -type f \
		! -name lock ! -name 'last_reserved_ip.*' ! -name 'filler*')" ]
	in_node sh -c 'rm -f $0/filler*' "$where"
	works ADD last eth0 "$(pod_path p1)"
	works DEL last eth0 "$(pod_path p1)"
}

@test "a full disk below the store: ADD works or leaves nothing, DEL works" {
	disk_full /var/lib/cni/networks
}

@test "a full disk below /run/fairlead: ADD works or leaves nothing, DEL works" {
	disk_full /run/fairlead
}

@test "a read-only store: ADD says so and leaves nothing, DEL of a lease there is not silent" {
	conf=$(network 0)
	in_node sh -c 'mkdir -p /var/lib/cni/networks && mount -t tmpfs store /var/lib/cni/networks'
	works ADD c1 eth0 "$(pod_path p1)"
	node_settle
	in_node mount -o remount,ro /var/lib/cni/networks
	node_world p2 >"$CROWD/before"
	run ! --separate-stderr cni ADD bridge c2 eth0 "$(pod_path p2)" <<<"$conf"
	[[ $(jq -r '.msg + .details' <<<"$output") == *"Read-only file system"* ]]
	same_world "$CROWD/before" p2
	run ! --separate-stderr cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$conf"
	[[ $(jq -r '.msg + .details' <<<"$output") == *"Read-only file system"* ]]
	in_node mount -o remount,rw /var/lib/cni/networks
	works DEL c1 eth0 "$(pod_path p1)"
	[ ! -e "$(node_file "$STORE/10.60.0.2")" ]
}

@test "a store full of junk: ADD and DEL go on, nobody else's file is touched" {
	conf=$(network 0)
	in_node bash -c '
		set -e
		mkdir -p "$0" && cd "$0"
		: >10.60.0.2					# torn
		head -c 4096 /dev/zero >10.60.0.3		# torn by a power cut
		mkdir 10.60.0.4
		ln -s /etc/passwd 10.60.0.5
		ln -s 10.60.0.6 10.60.0.6
		ln -s /nowhere 10.60.0.7
		mkfifo 10.60.0.8
		head -c 65536 /dev/urandom >10.60.0.9
		truncate -s 8G 10.60.0.10
		printf "someone\r\neth0" >10.60.0.11
		printf "someone" >10.60.0.12
		printf "some\none\r\n\r\n\r\neth0\r\n" >10.60.0.13
		printf "someone\r\neth0" >10.60.0.300
		printf "someone\r\neth0" >010.060.000.014
		printf "someone\r\neth0" >192.0.2.1
		printf "someone\r\neth0" >notanaddress
		printf "x" >"$(printf "a\nb \377")"
		printf "x" >"$(printf "%0255d" 0)"
		printf "someone\r\neth0" >fd00:0:0::2
		printf "fd00::1" >last_reserved_ip.0
		head -c 100000 /dev/urandom >last_reserved_ip.1
		chmod 000 10.60.0.11 10.60.0.9
		python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"10.60.0.15\")" ||
			mkdir 10.60.0.15' "$STORE"
	local before given i
	before=$(in_node bash -c 'cd "$0"; md5sum /etc/passwd; ls -lQ --time-style=+ |
		grep -v "10.60.0.2\"\|10.60.0.3\"\|last_reserved_ip\|lock\|total"' "$STORE")
	for i in 1 2 3 4; do
		works ADD "c$i" eth0 "$(pod_path "p$i")"
		given+=" $(jq -r '.ips[0].address' <<<"$output")"
	done
	echo "given: $given"
	[ "$(tr ' ' '\n' <<<"$given" | sort -u | sed '/^$/d' | wc -l)" = 4 ]
	for i in 5 6 7 8 11 12; do
		[[ $given != *"10.60.0.$i/"* ]] # taken, or not a file that could be a lease
	done
	for i in 1 2 3 4; do
		works DEL "c$i" eth0 "$(pod_path "p$i")"
	done
	diff <(echo "$before") <(in_node bash -c 'cd "$0"; md5sum /etc/passwd; ls -lQ --time-style=+ |
		grep -v "10.60.0.2\"\|10.60.0.3\"\|last_reserved_ip\|lock\|total"' "$STORE")
}

# The world of a store that was made anew: its lock and its cache come into being.
world_but_store() {
	node_world p2 | grep -v '/run/fairlead/ipam/\|/lock f'
}

# refuses WHAT CODE: ADD names it, and leaves nothing.
refuses() {
	world_but_store >"$CROWD/before"
	fails "$2" "$1" ADD c2 eth0 "$(pod_path p2)"
	diff "$CROWD/before" <(world_but_store)
}

@test "a lock, a store or a data folder of the wrong kind: a clear error, nothing left" {
	local what
	conf=$(network 0)
	works ADD c1 eth0 "$(pod_path p1)"
	node_settle
	works DEL c1 eth0 "$(pod_path p1)"
	for what in 'mkdir lock' 'ln -s /nowhere/lock lock' 'mkdir last_reserved_ip.0'; do
		in_node sh -c 'rm -rf "$0"; mkdir "$0"; cd "$0"; eval "$1"' "$STORE" "$what"
		refuses "$STORE/${what##* }" 5
	done
	# Whoever opens a pipe without care waits for its other end.
	in_node sh -c 'rm -rf "$0"; mkdir "$0"; mkfifo "$0/lock"' "$STORE"
	run --separate-stderr cni ADD bridge c2 eth0 "$(pod_path p2)" <<<"$conf"
	[ "$status" -le 1 ]
	works DEL c2 eth0 "$(pod_path p2)"
	in_node sh -c 'rm -rf "$0"; echo >"$0"' "$STORE"
	refuses "$STORE" 5
	in_node sh -c 'rm -rf /var/lib/cni/networks; ln -s /nowhere /var/lib/cni/networks'
	refuses /var/lib/cni/networks 5
	in_node rm /var/lib/cni/networks
}

@test "a store of 20,000 leases: ADD, CHECK and DEL work and touch no other lease" {
	conf=$(network 0)
	in_node bash -c '
		mkdir -p "$0" && cd "$0"
		for ((i = 0; i < 20000; i++)); do
			printf "other%d\r\neth0" $i >10.60.$((i / 250 + 1)).$((i % 250 + 1))
		done
		printf 10.60.1.0 >last_reserved_ip.0' "$STORE"
	works ADD c1 eth0 "$(pod_path p1)"
	local result=$output
	[ "$(jq -r '.ips[0].address' <<<"$result")" = "10.60.1.251/16" ]
	conf=$(with_prev "$conf" "$result")
	works CHECK c1 eth0 "$(pod_path p1)"
	works DEL c1 eth0 "$(pod_path p1)"
	[ "$(in_node ls "$STORE" | grep -c '^10\.')" = 20000 ]
}

@test "a bridge that has all its 1,023 ports: a clear error, nothing left" {
	local i
	node_start wide # its links go with it, in one go
	pod_add p1 p2
	conf=$(network 0)
	works ADD c1 eth0 "$(pod_path p1)"
	for ((i = 0; i < 1022; i++)); do
		echo "link add name d$i master br0 type ifb"
	done | in_node ip -batch -
	node_settle
	node_world p2 >"$CROWD/before"
	fails 100 "'br0'" ADD c2 eth0 "$(pod_path p2)"
	echo "$output"
	same_world "$CROWD/before" p2
	works DEL c1 eth0 "$(pod_path p1)"
	works ADD c2 eth0 "$(pod_path p2)"
	node_stop wide
}
