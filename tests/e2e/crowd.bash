#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A crowd of containers for the stress tests. Runs inside a node; one call is one job, so that
# xargs -P makes the crowd:
#
#	crowd.bash ADD|DEL|CHECK I NET		one verb for container I on network NET
#	crowd.bash walk SEED WORKER STEPS NETS	a worker's random walk over containers of its own
#
# $CROWD is the folder of the crowd: conf.NET is a network's configuration; the rest is written
# here: result.NET.I of an ADD that stands, and in wrong one line for each surprise.
# Container I is pod p<I>, its interface on network k is eth<k>.

call() {
	local verb=$1 i=$2 net=$3
	CNI_COMMAND=$verb CNI_CONTAINERID=crowd$i CNI_IFNAME=eth$net CNI_NETNS=/run/netns/p$i \
		"$PLUGIN_DIR/bridge"
}

wrong() {
	echo "$*" >>"$CROWD/wrong"
}

conf_of() {
	local i=$1 net=$2
	if [ -e "$CROWD/result.$net.$i" ]; then
		jq -c --slurpfile r "$CROWD/result.$net.$i" '.prevResult = $r[0]' \
			<"$CROWD/conf.$net"
	else
		cat "$CROWD/conf.$net"
	fi
}

do_ADD() {
	local i=$1 net=$2 out
	if out=$(call ADD "$i" "$net" <"$CROWD/conf.$net"); then
		echo "$out" >"$CROWD/result.$net.$i"
	else
		wrong "ADD $i on $net: $out"
	fi
}

do_DEL() {
	local i=$1 net=$2 out
	out=$(conf_of "$i" "$net" | call DEL "$i" "$net") || wrong "DEL $i on $net: $out"
	[ -z "$out" ] || wrong "DEL $i on $net printed: $out"
	rm -f "$CROWD/result.$net.$i"
}

do_CHECK() {
	local i=$1 net=$2 out
	out=$(conf_of "$i" "$net" | call CHECK "$i" "$net") || wrong "CHECK $i on $net: $out"
}

# A container that is attached to a network is checked, deleted, or added again, which must
# fail; one that is not is added, or deleted once more, which must not.
do_walk() {
	local seed=$1 worker=$2 steps=$3 nets=$4 step i net
	RANDOM=$((seed * 1000 + worker))
	for ((step = 0; step < steps; step++)); do
		i=$((worker * 3 + RANDOM % 3)) net=$((RANDOM % nets))
		if [ ! -e "$CROWD/result.$net.$i" ]; then
			if ((RANDOM % 4)); then do_ADD "$i" "$net"; else do_DEL "$i" "$net"; fi
			continue
		fi
		case $((RANDOM % 5)) in
		0) do_CHECK "$i" "$net" ;;
		1) ! call ADD "$i" "$net" <"$CROWD/conf.$net" >/dev/null ||
			wrong "second ADD $i on $net succeeded" ;;
		*) do_DEL "$i" "$net" ;;
		esac
	done
}

verb=$1
shift
"do_$verb" "$@"
