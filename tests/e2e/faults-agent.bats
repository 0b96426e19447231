#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent is killed, again and again, and in the middle of its work; members change at random; the
# traffic of pods does not notice, and the kernel ends with exactly what it should hold. What it
# should hold is worked out here once more, by tests/e2e/desired.py, from the Node objects alone.
#
# Needs root, for namespaces. SEED=N repeats the random changes of a run that failed.

bats_require_minimum_version 1.5.0
load node
load cluster

setup_file() {
	cluster_start n1 n2 n3
}

teardown_file() {
	cluster_stop
}

teardown() {
	cluster_clean
}

# is_as_desired NODE: the kernel holds what follows from the Node objects in the node's folder, no
# more and no less.
is_as_desired() {
	on "$1" in_node python3 "$REPO/tests/e2e/desired.py" "$1"
}

# kill_loop NODE SECONDS: an agent that lives for 200 ms, again and again. Prints how many were killed.
kill_loop() {
	# shellcheck disable=SC2016
	on "$1" in_node bash -c 'n=0
		end=$((${EPOCHREALTIME/./} + $2 * 1000000))
		while ((${EPOCHREALTIME/./} < end)); do
			"$1" </dev/null >>"$3" 2>&1 &
			sleep 0.2
			kill -KILL $!
			wait $! 2>/dev/null
			n=$((n + 1))
		done
		echo $n' - "$AGENT" "$2" "$(agent_log "$1")"
}

@test "agents killed every 200 ms for 30 s: no ping of a flood is lost, and no byte of a stream" {
	local ping4 ping6 stream kills
	cluster_tell n1 n2
	agent_up n1 n2
	pod_attach n1 p
	pod_attach n2 p
	all_reach n1/p n2/p
	agent_kill n1 n2
	pinger_start 4 n1 p "$(pod_ip n2 p 4)" 0.005
	pinger_start 6 n2 p "$(pod_ip n1 p 6)" 0.005
	stream_start s n1 p n2 p 4000000
	kill_loop n2 30 >"$BATS_TEST_TMPDIR/kills" 3>&- 4>&- &
	kills=$(kill_loop n1 30)
	wait $!
	ping4=$(pinger_stop 4)
	ping6=$(pinger_stop 6)
	stream=$(stream_stop s)
	echo "# killed $kills and $(<"$BATS_TEST_TMPDIR/kills") times; pings sent and lost: $ping4 (IPv4), $ping6 (IPv6); stream: $stream" >&3
	[ "$kills" -ge 20 ]
	[ "${ping4#* }" = 0 ]
	[ "${ping6#* }" = 0 ]
	[ "${ping4% *}" -ge 1000 ]
	agent_up n1 n2
	is_as_desired n1
	is_as_desired n2
}

# --- members at random -------------------------------------------------------------------------

# change: one random change of the simulated nodes m1 ... m20, told to all. A node is what the array
# NOW says, "" for absent.
change() {
	local i=$((RANDOM % 20 + 1)) to what ip cidr
	if [ -n "${NOW[i]}" ] && ((RANDOM % 3 == 0)); then
		NOW[i]=
		cluster_forget "m$i"
		return
	fi
	# Each has addresses and blocks of its own to choose from.
	ip=192.0.2.$((100 + i * 3 + RANDOM % 3))
	cidr=10.245.$((i * 4 + RANDOM % 4)).0/24,fd00:245:$((i * 4 + RANDOM % 4))::/64
	case $((RANDOM % 4)) in
	0) cidr=${cidr%,*} ;;
	1) cidr=$cidr,10.246.$((i * 4 + RANDOM % 4)).128/25 ;;
	esac
	((RANDOM % 3)) || ip=$ip,fd00:2::$((100 + i))
	NOW[i]="m$i=$ip/$cidr"
	cluster_tell "${NOW[i]}"
}

@test "a hundred random changes of members: three agents end with exactly what should be" {
	local seed=${SEED:-$((RANDOM + 1))} step node lost NOW=()
	echo "# seed $seed" >&3
	RANDOM=$seed
	cluster_tell n1 n2 n3
	agent_up n1 n2 n3
	pod_attach n1 p
	pod_attach n2 p
	all_reach n1/p n2/p
	pinger_start a n1 p "$(pod_ip n2 p)"
	for ((step = 1; step <= 100; step++)); do
		change
		((RANDOM % 3)) || sleep 0.0$((RANDOM % 6))
		# Now and then, nobody listens for a while.
		case $step in
		30) agent_kill n3 ;;
		45) agent_start n3 ;;
		60) agent_stop n1 ;;
		62) agent_start n1 ;;
		esac
	done
	agent_wait_ready n1 n2 n3
	for node in n1 n2 n3; do
		eventually 3 is_as_desired $node
	done
	lost=$(pinger_stop a)
	echo "# pings sent and lost meanwhile: $lost" >&3
	[ "${lost#* }" = 0 ]
	all_reach n1/p n2/p
}

# many N: Node objects of that many, beside n1.
many() {
	local i
	node_manifest n1
	for ((i = 1; i <= $1; i++)); do
		cat <<-END
			---
			apiVersion: v1
			kind: Node
			metadata: {name: m$i}
			spec:
			  podCIDRs: [10.$((i / 250 + 100)).$((i % 250)).0/24, "fd00:300:$i::/64"]
			status:
			  addresses: [{type: InternalIP, address: 198.18.$((i / 250)).$((i % 250 + 1))}]
		END
	done
}

@test "killed in the middle of programming 500 peers, started again: exactly what should be" {
	local ms n
	many 500 >"$BATS_TEST_TMPDIR/many"
	for ms in 10 20 30 40 60 80; do
		cluster_wipe n1
		manifest_put n1 many.yaml <"$BATS_TEST_TMPDIR/many"
		agent_start n1 "mode: vxlan"
		sleep 0.0$((ms / 10))
		agent_kill n1
		n=$(on n1 in_node sh -c 'ip route show proto 172; ip -6 route show proto 172; bridge fdb show dev fairlead.1 2>/dev/null' | wc -l)
		echo "# killed after $ms ms, with $n of 1502 objects there" >&3
		agent_up n1
		is_as_desired n1
	done
}

# The same at given places: killed at its n-th system call, for many n.
@test "killed at every 101st system call of a start with peers, started again: exactly what should be" {
	local n points=0 fault=$BUILD/tests/fault
	agent_conf n1
	many 20 >"$BATS_TEST_TMPDIR/many"
	for ((n = 101; n < 5000; n += 101)); do
		cluster_wipe n1
		agent_conf n1
		manifest_put n1 many.yaml <"$BATS_TEST_TMPDIR/many"
		run on n1 in_node timeout -k 1 5 "$fault" -o "$BATS_TEST_TMPDIR/report" kill "$n" -- "$AGENT"
		! grep -q missed "$BATS_TEST_TMPDIR/report" || break
		[ "$status" != 124 ] || break
		points=$((points + 1))
		agent_up n1
		is_as_desired n1
		agent_kill n1
	done
	echo "# killed at $points places" >&3
	[ "$points" -ge 5 ]
}
