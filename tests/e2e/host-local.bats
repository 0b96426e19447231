#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The reference host-local of Debian 12 and ours, called directly with the same configurations:
# the same results and the same files, and each goes on in a store that the other has begun.
# Then what ours does beyond it, as its own program. Needs root, network namespaces and
# containernetworking-plugins.

bats_require_minimum_version 1.5.0
load node

setup_file() {
	node_start
	pod_add p1
}

teardown_file() {
	node_stop
}

setup() {
	rm -rf "$(node_file /var/lib/cni/networks)"
	store=$(node_file /var/lib/cni/networks/net)
}

# A configuration with this "ipam", changed by a jq program.
conf() {
	jq -cn --argjson ipam "$1" '{cniVersion: "1.0.0", name: "net", type: "bridge",
		ipam: ($ipam + {type: "host-local"})} | '"${2:-.}"
}

our() {
	cni "$1" "$PLUGIN_DIR/host-local" "$2" "${4:-eth0}" "$(pod_path p1)" ${args:+"$args"} <<<"$3"
}

ref() {
	cni "$1" "$REFERENCE_DIR/host-local" "$2" "${4:-eth0}" "$(pod_path p1)" ${args:+"$args"} \
		<<<"$3"
}

# An empty dns is printed by older references only.
normal() {
	jq -S 'if .dns == {} then del(.dns) else . end'
}

# Every file of the store with its bytes. Modes differ: newer references and we make leases
# 0600, Debian's makes them 0644.
files() {
	(cd "$store" && for f in *; do echo "$f $(od -An -c "$f" | tr -d '\n')"; done)
}

# same WHAT CONF N: N times ADD by each on an empty store, and DEL of every second.
same() {
	local who i id
	for who in ref our; do
		rm -rf "$store"
		for ((i = 0; i < $3; i++)); do
			$who ADD "c$i" "$2" | normal || return
			if ((i % 2)); then $who DEL "c$i" "$2" || return; fi
		done >"$BATS_TEST_TMPDIR/$who"
		files >"$BATS_TEST_TMPDIR/$who.files"
	done
	diff "$BATS_TEST_TMPDIR/ref" "$BATS_TEST_TMPDIR/our" || {
		echo "results differ (left: reference): $1: $2"
		return 1
	}
	diff "$BATS_TEST_TMPDIR/ref.files" "$BATS_TEST_TMPDIR/our.files" || {
		echo "files differ (left: reference): $1: $2"
		return 1
	}
}

# refused CONF: both say no, and ours leaves no lease.
refused() {
	local who
	for who in ref our; do
		rm -rf "$store"
		if $who ADD c1 "$1" >"$BATS_TEST_TMPDIR/$who"; then
			echo "$who accepts $1"
			return 1
		fi
	done
	jq -e '.code != 0 and .msg != "" and .cniVersion' "$BATS_TEST_TMPDIR/our"
	[ -z "$(find "$store" -type f ! -name lock 2>/dev/null)" ]
}

@test "results and files are those of the reference for every kind of configuration" {
	local n=0 ipam change
	while IFS='|' read -r ipam change; do
		same "$ipam" "$(conf "$ipam" "${change:-.}")" 5
		n=$((n + 1))
	done <<'END'
{"subnet":"10.1.0.0/24"}
{"subnet":"10.1.0.0/24","gateway":"10.1.0.3"}
{"subnet":"10.1.0.0/24","gateway":"10.9.0.3"}
{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.250"}
{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.0","rangeEnd":"10.1.0.255"}
{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.9","rangeEnd":"10.1.0.12","gateway":"10.1.0.10"}
{"subnet":"10.1.0.0/24","rangeStart":"","gateway":""}
{"subnet":"10.1.0.0/29"}
{"subnet":"10.0.0.0/8"}
{"subnet":"fd00::/64"}
{"subnet":"fd00:1:2:3::/112","rangeEnd":"fd00:1:2:3::9","gateway":"fd00:1:2:3::5"}
{"subnet":"2001:db8:0:0:1::/80","rangeStart":"2001:db8::1:0:0:fffe"}
{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]]}
{"ranges":[[{"subnet":"10.1.0.0/30"},{"subnet":"10.2.0.0/30"},{"subnet":"10.3.0.0/24"}]]}
{"ranges":[[{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.20","rangeEnd":"10.1.0.21"},{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.30"}]]}
{"subnet":"10.9.0.0/24","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.2.0.0/24"}]]}
{"subnet":"10.1.0.0/24","routes":[{"dst":"0.0.0.0/0"},{"dst":"10.0.0.0/8","gw":"10.1.0.9"}]}
{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]],"routes":[{"dst":"::/0"},{"dst":"0.0.0.0/0","gw":"10.1.0.1"}]}
{"ranges":[[{"subnet":"10.1.0.0/24"}]]}|.runtimeConfig = {ipRanges: [[{subnet: "10.5.0.0/24"}], [{subnet: "fd05::/64"}]]}
{"subnet":"10.1.0.0/24"}|.cniVersion = "0.4.0"
{"subnet":"10.1.0.0/24"}|.cniVersion = "0.3.1"
{"subnet":"10.1.0.0/24"}|.cniVersion = "0.3.0"
{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]],"routes":[{"dst":"::/0"},{"dst":"0.0.0.0/0"}]}|.cniVersion = "0.2.0"
{"subnet":"10.1.0.0/24"}|.cniVersion = "0.1.0"
{"subnet":"10.1.0.0/24","dataDir":""}
{"subnet":"10.1.0.0/24","ranges":null,"routes":null}|.args = null | .runtimeConfig = null
END
	[ "$n" = 26 ]
}

@test "what the reference refuses ours refuses, with an error in JSON and no lease" {
	local n=0 ipam change
	while IFS='|' read -r ipam change; do
		refused "$(conf "$ipam" "${change:-.}")"
		n=$((n + 1))
	done <<'END'
{}
{"ranges":[]}
{"ranges":[[]]}
{"subnet":"10.1.0.1/24"}
{"subnet":"10.1.0.0/31"}
{"subnet":"10.1.0.0/32"}
{"subnet":"fd00::/127"}
{"subnet":"fd00::/128"}
{"subnet":"10.1.0.0/33"}
{"subnet":"10.1.0.0"}
{"subnet":7}
{"ranges":{}}
{"subnet":"10.1.0.0/24","rangeStart":"10.2.0.1"}
{"subnet":"10.1.0.0/24","rangeEnd":"10.2.0.1"}
{"subnet":"10.1.0.0/24","rangeStart":"10.1.0.9","rangeEnd":"10.1.0.8"}
{"subnet":"10.1.0.0/24","rangeStart":"fd00::1"}
{"subnet":"10.1.0.0/24","gateway":"x"}
{"ranges":[[{"subnet":"10.1.0.0/24"},{"subnet":"fd00::/64"}]]}
{"ranges":[[{"subnet":"10.1.0.0/24"},{"subnet":"10.1.0.0/25"}]]}
{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.1.0.128/25"}]]}
{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.2.0.0/24"}]]}|.cniVersion = "0.2.0"
{"subnet":"10.1.0.0/24","resolvConf":"/nonexistent"}
{"subnet":"10.1.0.0/24"}|.runtimeConfig = {ips: ["10.1.0.1"]}
{"subnet":"10.1.0.0/24"}|.runtimeConfig = {ips: ["10.2.0.1"]}
{"subnet":"10.1.0.0/24"}|.runtimeConfig = {ips: ["10.1.0.5", "10.1.0.6"]}
{"subnet":"10.1.0.0/24"}|.args = {cni: {ips: ["junk"]}}
{"subnet":"10.1.0.0/24","routes":[{"dst":"junk"}]}
{"subnet":"10.1.0.0/24"}|del(.ipam)
END
	[ "$n" = 28 ]
}

@test "requested addresses are had as with the reference, by all three ways" {
	local dual
	dual='{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]]}'
	same args.cni "$(conf "$dual" '.args = {cni: {ips: ["10.1.0.77", "fd00::77"]}}')" 1
	same runtime "$(conf "$dual" '.runtimeConfig = {ips: ["fd00::88/64", "10.1.0.88/24"]}')" 1
	args=CNI_ARGS="IP=10.1.0.99" same CNI_ARGS "$(conf "$dual")" 1
	args=CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.1.0.99" \
		same both "$(conf "$dual" '.args = {cni: {ips: ["fd00::99"]}}')" 1
}

@test "no namespace is looked into: the reference's own example gives /dev/null" {
	local who
	for who in "$REFERENCE_DIR" "$PLUGIN_DIR"; do
		rm -rf "$store"
		run -0 cni ADD "$who/host-local" c1 eth0 /dev/null <<<"$(conf '{"subnet":"10.1.0.0/24"}')"
		[ "$(jq -r '.ips[0].address' <<<"$output")" = 10.1.0.2/24 ]
		run -0 cni DEL "$who/host-local" c1 eth0 /dev/null <<<"$(conf '{"subnet":"10.1.0.0/24"}')"
		[ ! -e "$store/10.1.0.2" ]
	done
}

@test "resolvConf gives the dns that the reference gives" {
	cat >"$BATS_TEST_TMPDIR/resolv.conf" <<-'END'
		# comment
		; another
		domain a.example
		nameserver 10.0.0.1
		nameserver fd00::1 junk
		search b.example c.example
		options ndots:5 rotate
		sortlist 10.0.0.0
		nameserver
	END
	same resolvConf "$(conf '{"subnet":"10.1.0.0/24","resolvConf":"'"$BATS_TEST_TMPDIR"'/resolv.conf"}')" 2
}

@test "a pool is used up in the reference's order, to the last address and round" {
	local c id who
	c=$(conf '{"ranges":[[{"subnet":"10.1.0.0/29","gateway":"10.1.0.3"},{"subnet":"10.2.0.0/30"}]]}')
	for who in ref our; do
		rm -rf "$store"
		{
			for id in 1 2 3 4 5 6; do $who ADD "c$id" "$c" | jq -r '.ips[0].address'; done
			$who ADD c7 "$c" >/dev/null && echo "c7 had one"
			$who DEL c2 "$c" && $who DEL c5 "$c"
			for id in 8 9; do $who ADD "c$id" "$c" | jq -r '.ips[0].address'; done
			files
		} >"$BATS_TEST_TMPDIR/$who"
	done
	diff "$BATS_TEST_TMPDIR/ref" "$BATS_TEST_TMPDIR/our"
	run ! grep -q c7 "$BATS_TEST_TMPDIR/our"
}

@test "three hundred random steps of both in one store: never an address twice, all released" {
	local c i id who taken
	declare -A held=()
	RANDOM=7
	c=$(conf '{"ranges":[[{"subnet":"10.1.0.0/26"}],[{"subnet":"fd00::/120","rangeEnd":"fd00::40"}]]}')
	for ((i = 0; i < 300; i++)); do
		who=our
		((RANDOM % 3)) || who=ref
		id=c$((RANDOM % 40))
		if [ -n "${held[$id]-}" ]; then
			$who DEL "$id" "$c"
			unset "held[$id]"
		else
			taken=$($who ADD "$id" "$c" | jq -r '[.ips[].address] | join(" ")')
			[[ " ${held[*]} " != *" $taken "* ]]
			held[$id]=$taken
		fi
		((i % 20)) || [ "$(find "$store" -name '10.*' | wc -l)" = "${#held[@]}" ]
	done
	for id in "${!held[@]}"; do our DEL "$id" "$c"; done
	[ "$(ls "$store" | tr '\n' ' ')" = "last_reserved_ip.0 last_reserved_ip.1 lock " ]
}

@test "GC releases what is not valid, of its own network only, with the index or without" {
	local c gc other
	c=$(conf '{"subnet":"10.1.0.0/24"}' '.cniVersion = "1.1.0"')
	other=$(jq -c '.name = "other"' <<<"$c")
	gc=$(jq -c '."cni.dev/valid-attachments" = [{containerID: "c1", ifname: "eth0"}]' <<<"$c")
	ref ADD c1 "$(jq -c '.cniVersion = "1.0.0"' <<<"$c")"
	our ADD c2 "$c"
	our ADD c2 "$other"
	run -0 cni GC host-local - - - <<<"$gc"
	[ -z "$output" ]
	[ "$(ls "$store")" = "$(printf '10.1.0.2\nlast_reserved_ip.0\nlock')" ]
	[ -e "$(node_file /var/lib/cni/networks/other/10.1.0.2)" ]
	our ADD c3 "$c"
	rm -rf "$(node_file /run/fairlead)"
	run -0 cni GC host-local - - - <<<"$gc"
	[ "$(ls "$store")" = "$(printf '10.1.0.2\nlast_reserved_ip.0\nlock')" ]
	# No list at all is not an empty list.
	run -1 cni GC host-local - - - <<<"$c"
	[ "$(jq .code <<<"$output")" = 7 ]
	[ -e "$store/10.1.0.2" ]
}

@test "STATUS is 50 for a full pool, names network and ranges, and waits for no lock" {
	local c id
	c=$(conf '{"subnet":"10.1.0.0/29"}' '.cniVersion = "1.1.0"')
	run -0 cni STATUS host-local - - - <<<"$c"
	[ ! -e "$store" ]
	for id in 1 2 3 4 5; do
		run -0 cni STATUS host-local - - - <<<"$c"
		our ADD "c$id" "$c"
	done
	exec 8<"$store/lock"
	flock 8
	run -1 cni STATUS host-local - - - <<<"$c"
	flock -u 8
	exec 8<&-
	[ "$(jq .code <<<"$output")" = 50 ]
	[[ $(jq -r .details <<<"$output") == *"network 'net'"*"10.1.0.1-10.1.0.6"* ]]
	run -1 our ADD c6 "$c"
	[ "$(jq .code <<<"$output")" = 101 ]
	our DEL c1 "$c"
	run -0 cni STATUS host-local - - - <<<"$c"
}

@test "STATUS is well where each attachment brings its ranges by the capability" {
	local c
	c=$(conf '{}' '.cniVersion = "1.1.0" | .capabilities.ipRanges = true')
	run -0 cni STATUS host-local - - - <<<"$c"
	run -0 our ADD c1 "$(jq '.runtimeConfig.ipRanges = [[{subnet: "10.1.0.0/29"}]]' <<<"$c")"
	run -0 cni STATUS host-local - - - <<<"$c"
	run -1 our ADD c2 "$c"
	[ "$(jq .code <<<"$output")" = 7 ]
	run -1 cni STATUS host-local - - - <<<"$(jq '.capabilities.ipRanges = false' <<<"$c")"
	[ "$(jq .code <<<"$output")" = 7 ]
}

@test "a lock that stays held ends ADD with code 11 at the deadline, and nothing is left" {
	local c
	c=$(conf '{"subnet":"10.1.0.0/24"}')
	our ADD c1 "$c"
	exec 8<"$store/lock"
	flock 8
	run -1 our ADD c2 "$c"
	flock -u 8
	exec 8<&-
	[ "$(jq .code <<<"$output")" = 11 ]
	[ "$(find "$store" -name '10.*' | wc -l)" = 1 ]
}

# plant N: N leases of others, from 10.1.0.10 on.
plant() {
	local i
	mkdir -p "$store"
	for ((i = 10; i < $1 + 10; i++)); do
		printf 'x%d\r\neth0' "$i" >"$store/10.1.$((i >> 8)).$((i & 255))"
	done
}

# broken MODE... VERB ID CONF: our verb under the tracer; prints nothing. "missed" in report when
# there are fewer calls than the N-th.
broken() {
	local conf=${!#} id=${*: -2:1} verb=${*: -3:1}
	env CNI_COMMAND="$verb" CNI_CONTAINERID="$id" CNI_IFNAME=eth0 CNI_PATH="$PLUGIN_DIR" \
		CNI_NETNS="$(pod_path p1)" nsenter --target "$NODE_PID" --mount --net -- \
		"$BUILD/tests/fault" -o "$BATS_TEST_TMPDIR/report" "${@:1:$#-3}" -- \
		"$PLUGIN_DIR/host-local" <<<"$conf" >/dev/null 2>&1 || true
}

leases() {
	(cd "$store" && grep -l "^$1" [0-9f]* 2>/dev/null | tr '\n' ' ') || true
}

# After each fault the next ADD, by either maker, takes a free address and DEL gives all back.
every_point() {
	local mode=$1 verb=$2 error=${3-} c n who next
	c=$(conf '{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]]}')
	our ADD keep "$c"
	for ((n = 1; ; n++)); do
		who=our
		((n % 4)) || who=ref
		[ "$verb" = ADD ] || our ADD c1 "$c"
		broken "$mode" "$n" $error "$verb" c1 "$c"
		if grep -q '^missed' "$BATS_TEST_TMPDIR/report"; then break; fi
		next=$($who ADD c2 "$c" | jq -r '[.ips[].address | sub("/.*"; "")] | join(" ")')
		[ "$next " = "$(leases c2)" ]
		our DEL c1 "$c"
		[ -z "$(leases c1)" ]
		[ "$(leases keep)" = "10.1.0.2 fd00::2 " ]
		our DEL c2 "$c"
		[ "$(find "$store" -type f | wc -l)" = 5 ] || { ls -la "$store"; return 1; }
	done
	our DEL c1 "$c"
	echo "# $verb $mode $error: $((n - 1)) points" >&3
	[ "$n" -gt 20 ]
}

@test "an ADD killed at any system call leaves what DEL releases, and no address twice" {
	every_point kill ADD
}

@test "a DEL killed at any system call is finished by the next" {
	every_point kill DEL
}

@test "an ADD that fails at any system call, or does not, is undone by DEL" {
	every_point error ADD ENOSPC
}

@test "a warm ADD needs a constant number of system calls, with 20,000 leases, too" {
	local c few many i
	c=$(conf '{"subnet":"10.1.0.0/16"}')
	our ADD c1 "$c"
	our ADD c2 "$c"
	broken count ADD c3 "$c"
	few=$(sed -n 's/^count //p' "$BATS_TEST_TMPDIR/report")
	plant 20000
	our ADD c4 "$c"
	broken count ADD c5 "$c"
	many=$(sed -n 's/^count //p' "$BATS_TEST_TMPDIR/report")
	echo "# system calls of one ADD: $few, with 20,000 leases $many" >&3
	[ "$many" = "$few" ]
	[ "$many" -le 50 ]
	broken count DEL c5 "$c"
	[ "$(sed -n 's/^count //p' "$BATS_TEST_TMPDIR/report")" -le 40 ]
	[ -z "$(leases c5)" ]
}

# Prints the median time of N calls of VERB in microseconds: time_calls PLUGIN VERB N CONF.
time_calls() {
	nsenter --target "$NODE_PID" --mount --net -- bash -ec '
		export CNI_COMMAND=$2 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/p1 CNI_PATH=/nonexistent
		for ((i = 0; i < $3; i++)); do
			export CNI_CONTAINERID=${1//[^a-z]/-}-$i
			CNI_CONTAINERID=t$CNI_CONTAINERID
			began=${EPOCHREALTIME/[.,]/}
			"$1" <<<"$4" >/dev/null
			echo $((${EPOCHREALTIME/[.,]/} - began))
		done | sort -n | sed -n "$((($3 + 1) / 2))p"' - "$@"
}

@test "with 10,000 leases ADD and DEL take a small part of the reference's time" {
	local c verb our ref
	c=$(conf '{"subnet":"10.1.0.0/16"}')
	plant 10000
	for verb in ADD DEL; do
		our=$(time_calls "$PLUGIN_DIR/host-local" $verb 40 "$c")
		ref=$(time_calls "$REFERENCE_DIR/host-local" $verb 5 "$c")
		echo "# $verb with 10,000 leases: $our us, the reference $ref us" >&3
		((our * 20 < ref))
	done
}
