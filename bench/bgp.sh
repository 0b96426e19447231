#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# BGP: how long it takes until routes that a router announces are in the kernel of a node whose
# agent runs in mode bgp. The router is a BIRD set up by hand; both are network namespaces with a
# cable between them.
#
# usage: bench/bgp.sh BUILD [ROUTES [ROUNDS]]
#
# ROUTES (1000), ROUNDS (7). The first row is timed from the order to announce, on a session that
# stands, until the kernel's table holds them all, and is judged: 1 s. The second is the reverse, the
# third is from the order to open a session, whose first second BIRD waits.
set -euo pipefail
. "$(dirname "$0")/lib.bash"

build=$(cd "${1:?usage: bench/bgp.sh BUILD [ROUTES [ROUNDS]]}" && pwd)
routes=${2:-1000} rounds=${3:-7}
alone bird -- "$build" "$routes" "$rounds"

mkdir -p /run/router /run/etc/manifests
ip netns add router
ip link add name eth0 type veth peer name eth0 netns router
ip addr add 192.0.2.1/24 dev eth0
ip link set eth0 up
ip -n router addr add 192.0.2.2/24 dev eth0
ip -n router link set eth0 up

cat >/run/etc/manifests/node.yaml <<END
apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDRs: [10.0.0.0/24]}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
END
cat >/run/etc/agent.yaml <<END
nodeName: n1
mode: bgp
manifests: /run/etc/manifests
metrics: {listen: ''}
policy: {enforce: false}
bgp: {mesh: false, peers: [{address: 192.0.2.2, as: 64600, allow: [10.128.0.0/9]}]}
END
{
	cat <<-END
		router id 192.0.2.2;
		protocol device {}
		protocol direct { ipv4; }
		protocol bgp node {
			local 192.0.2.2 as 64600;
			neighbor 192.0.2.1 as 64512;
			connect delay time 1;
			error wait time 1, 2;
			ipv4 { import all; export where proto = "many"; next hop self; };
		}
		protocol static many {
			disabled;
			ipv4;
	END
	for ((i = 0; i < routes; i++)); do
		echo "	route 10.$((128 + i / 65536)).$((i / 256 % 256)).$((i % 256))/32 blackhole;"
	done
	echo '}'
} >/run/router/bird.conf

nsenter --net=/run/netns/router bird -f -c /run/router/bird.conf -s /run/router/ctl 2>/dev/null &
"$build/bin/fairleadd" --config /run/etc/agent.yaml 2>/run/agent.log &

router()
{
	birdc -s /run/router/ctl "$@" >/dev/null
}

# until_routes COUNT: waits until the kernel holds so many.
until_routes()
{
	local end=$((SECONDS + 60))

	while (($(ip -4 route show proto bird | wc -l) != $1)); do
		((SECONDS < end)) || die "no $1 routes within 60 s: $(tail -n 5 /run/agent.log)"
	done
}

# timed WHAT COUNT ARGUMENTS: one more value of the row: from this order until so many routes.
timed()
{
	local from=$EPOCHREALTIME

	router "${@:3}"
	until_routes "$2"
	echo "$1 $(((${EPOCHREALTIME/./} - ${from/./}) / 1000))" >>/run/times
}

for ((end = SECONDS + 30; SECONDS < end; )); do
	birdc -s /run/router/ctl show protocols node 2>/dev/null | grep -q Established && break
	sleep 0.05
done
for ((round = 0; round < rounds; round++)); do
	timed announced "$routes" enable many
	timed withdrawn 0 disable many
done
router enable many
until_routes "$routes"
for ((round = 0; round < 3; round++)); do
	timed closed 0 disable node
	timed opened "$routes" enable node
done

# ticks: what BIRD has used of the processor, in hundredths of a second.
ticks()
{
	awk '{ print $14 + $15 }' "/proc/$(cat /run/fairlead/bird/bird.pid)/stat"
}

before=$(ticks)
sleep 10
used=$(($(ticks) - before))

# of ROW: the median of what was timed
of()
{
	awk -v row="$1" '$1 == row { print $2 }' /run/times | median
}

echo "BGP on $(uname -sr), $(nproc) processors, load $(cut -d ' ' -f 1 /proc/loadavg): $routes routes"
m=$(of announced)
verdict=$( ((${m%.*} < 1000)) && echo PASS || echo miss)
printf '%-44s %6.0f ms   < 1000 %s\n' 'announced until in the kernel' "$m" "$verdict"
printf '%-44s %6.0f ms\n' 'withdrawn until out of the kernel' "$(of withdrawn)" \
	'session opened until in the kernel' "$(of opened)"
printf "%-44s %6s %%\n" "BIRD at rest, of one processor" "$((used / 10)).$((used % 10))"
printf '%-44s %6d KiB\n' "BIRD's memory" \
	"$(awk '/VmHWM/ { print $2 }' "/proc/$(cat /run/fairlead/bird/bird.pid)/status")"
[[ $verdict == PASS ]]
