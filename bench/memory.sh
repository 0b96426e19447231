#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Memory of the agent, and of the datapath's maps in the kernel, in a world of 10,000 pods and 1,000
# policies (the one of policybench), of which PODS (200, at most 1,000) pods are attached to this
# node; and what the agent had to do for each of these.
#
# usage: bench/memory.sh BUILD [PODS]
set -euo pipefail
. "$(dirname "$0")/lib.bash"

build=$(cd "${1:?usage: bench/memory.sh BUILD [PODS]}" && pwd)
pods=${2:-200}
alone curl jq -- "$build" "$pods"

export FAIRLEAD_ROOT=/run/state
etc=/run/state/etc/fairlead sock=/run/state/run/fairlead/agent.sock
mkdir -p $etc/manifests /run/bpf
mount -t bpf bpf /run/bpf
ip link add name eth0 type veth peer name other
ip addr add 192.0.2.1/24 dev eth0
ip link set eth0 up
cat >$etc/manifests/node.yaml <<END
apiVersion: v1
kind: Node
metadata: {name: n7}
spec: {podCIDRs: [10.244.0.0/16]}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
END
cat >$etc/agent.yaml <<END
nodeName: n7
mode: none
metrics: {listen: ''}
policy: {enforce: true, maps: /run/bpf}
END

metric()
{
	curl -sf --unix-socket $sock http://agent/metrics |
		awk -v m="$1" '$1 == m { print int($2) }'
}

has_world()
{
	(($(metric fairlead_manifest_pods) == 10000 && $(metric fairlead_policies) == 1000))
}

has_pods()
{
	(($(metric fairlead_endpoints) == pods))
}

# MiB of all maps that the agent holds.
maps()
{
	local f

	for f in "/proc/$agent/fdinfo"/*; do
		awk '/^memlock:/ { m = $2 } /^map_id:/ { id = $2 } END { if (id) print id, m }' "$f"
	done 2>/dev/null | sort -u -k 1,1 | awk '{ n += $2 } END { print n / 1048576 }'
}

# Milliseconds of the processor that the agent has taken.
agent_ms()
{
	awk -v hz="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / hz) }' "/proc/$agent/stat"
}

# KiB of the agent, by the name in its status.
agent_kib()
{
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$agent/status"
}

"$build/bin/fairleadd" </dev/null 2>/run/log &
agent=$!
eventually 30 curl -sf --unix-socket $sock http://agent/readyz ||
	die "the agent is not ready: $(tail -n 5 /run/log)"
maps_empty=$(maps) agent_empty=$(agent_kib VmRSS)
"$build/bench/policybench" --print >/run/world
mv /run/world $etc/manifests/world.yaml
eventually 60 has_world || die "the agent does not take the world: $(tail -n 5 /run/log)"
before=$(agent_ms)
for ((i = 0; i < pods; i++)); do
	ip netns add "p$i"
	# Of each namespace in turn, those that are on this node.
	CNI_COMMAND=ADD CNI_CONTAINERID=p$i CNI_IFNAME=eth0 CNI_NETNS=/run/netns/p$i \
		CNI_PATH="$build/cni" \
		CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=ns$((i % 100));K8S_POD_NAME=app7-7d9c5b-$((i / 100 * 50 + 7))" \
		"$build/cni/bridge" >/run/result <<-END || die "ADD: $(cat /run/result)"
			{"cniVersion": "1.1.0", "name": "bench", "type": "bridge", "bridge": "br0",
			 "isGateway": true, "ipam": {"type": "host-local",
				"ranges": [[{"subnet": "10.244.0.0/16"}]]}}
		END
done
eventually 60 has_pods || die "the agent knows $(metric fairlead_endpoints) of $pods pods"
came=$(($(agent_ms) - before))
maps_full=$(maps)
rss=$(awk -v k="$(agent_kib VmRSS)" 'BEGIN { print k / 1024 }')

printf '\nMemory with 10,000 pods and 1,000 policies, %d pods on this node\n' "$pods"
verdict=$(awk -v r="$rss" 'BEGIN { print r < 64 ? "PASS" : "miss" }')
printf '%-52s %8.1f MiB  < 64 %s\n' 'agent' "$rss" "$verdict"
printf '%-52s %8.1f MiB\n' \
	'agent, at most' "$(awk -v k="$(agent_kib VmHWM)" 'BEGIN { print k / 1024 }')" \
	'agent, before' "$(awk -v k="$agent_empty" 'BEGIN { print k / 1024 }')" \
	"the kernel's maps, empty" "$maps_empty" \
	"the kernel's maps, full" "$maps_full" \
	"of these for 1,000 pods of the cluster" \
	"$(awk -v a="$maps_empty" -v b="$maps_full" 'BEGIN { print (b - a) / 10 }')"
printf '%-52s %8.1f ms\n' "the agent's processor time, for each pod that came" \
	"$(awk -v ms="$came" -v n="$pods" 'BEGIN { print n ? ms / n : 0 }')"
[[ $verdict == PASS ]]
