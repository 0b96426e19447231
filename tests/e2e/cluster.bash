# SPDX-License-Identifier: Apache-2.0
# A cluster for end-to-end tests: several nodes (node.bash) on one switch, in one address plan.
# Load it after node.bash.
#
#	setup_file()    { cluster_start n1 n2 n3; }
#	teardown_file() { cluster_stop; }
#	@test "..."     { agent_start n1; pod_attach n1 p1; on n1 in_pod p1 ping ...; }
#
# Node nX has on its interface eth0 192.0.2.1X/24 and fd00:2::1X/64, a default route to the
# switch's node, "lan", and the pods' blocks 10.244.X.0/24 and fd00:244:X::/64. Nodes of a second
# segment have 198.51.100.1X and fd00:3::1X and reach the first through lan, which routes.
# Beyond lan is OUTSIDE4 and OUTSIDE6, which know nothing of pods: who gets an answer from there has
# been masqueraded. Everything ends with the nodes.
#
# Variables for cluster_start: CLUSTER_MTU (1500), CLUSTER_SECOND (names of the nodes in the
# second segment, none).

OUTSIDE4=203.0.113.1 OUTSIDE6=2001:db8::1
# Who reads this file uses these.
export OUTSIDE4 OUTSIDE6

# on NODE CMD...: a function of node.bash, or in_node, in_pod, cni, on this node.
on() {
	node_use "$1"
	shift
	"$@"
}

# --- addresses ---------------------------------------------------------------------------------

# cluster_second NODE: whether it is in the second segment.
cluster_second() {
	[[ " ${CLUSTER_SECOND-} " == *" $1 "* ]]
}

# node_ip NODE [4|6]
node_ip() {
	local x=${1#n}
	if cluster_second "$1"; then
		[ "${2:-4}" = 4 ] && echo "198.51.100.1$x" || echo "fd00:3::1$x"
	else
		[ "${2:-4}" = 4 ] && echo "192.0.2.1$x" || echo "fd00:2::1$x"
	fi
}

# node_cidr NODE [4|6]: the block of its pods.
node_cidr() {
	[ "${2:-4}" = 4 ] && echo "10.244.${1#n}.0/24" || echo "fd00:244:${1#n}::/64"
}

# --- the switch --------------------------------------------------------------------------------

# cluster_start NODE...: the switch and these nodes.
cluster_start() {
	local node
	export CLUSTER_MTU=${CLUSTER_MTU:-1500} CLUSTER_SECOND=${CLUSTER_SECOND-} CLUSTER_NODES=
	node_start_settled lan
	in_node sh -eu -s "$CLUSTER_MTU" <<-'END'
		ip -batch - <<-IP
			link add br1 type bridge
			link add br2 type bridge
			link set br1 mtu $1 up
			link set br2 mtu $1 up
			addr add 192.0.2.1/24 dev br1
			addr add fd00:2::1/64 dev br1 nodad
			addr add 198.51.100.1/24 dev br2
			addr add fd00:3::1/64 dev br2 nodad
			addr add 203.0.113.1/32 dev lo
			addr add 2001:db8::1/128 dev lo
		IP
		echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	END
	for node; do
		cluster_add "$node"
	done
}

# cluster_add NODE: one more node.
cluster_add() {
	node_start_settled "$1"
	export CLUSTER_NODES="$CLUSTER_NODES $1"
	cluster_plug "$1"
}

# cluster_plug NODE [IF]: a network card with the node's MAC address, addresses and default routes;
# also after the old one has been deleted, as if its driver were loaded again.
cluster_plug() {
	local if=${2:-eth0} var=NODE_PID_$1 bridge=br1
	! cluster_second "$1" || bridge=br2
	ip link add name "port-$1" mtu "$CLUSTER_MTU" netns "$NODE_PID_lan" type veth \
		peer name "$if" mtu "$CLUSTER_MTU" netns "${!var}" \
		address "52:54:00:c0:02:$((10 + ${1#n}))"
	on lan in_node ip link set "port-$1" master "$bridge" up
	cluster_address "$1" "$if"
}

# cluster_address NODE [IF]: what a network manager does when the link comes up: addresses and
# default routes; those that are there stay.
cluster_address() {
	local if=${2:-eth0} ip6 gw4=192.0.2.1 gw6=fd00:2::1
	ip6=$(node_ip "$1" 6)
	! cluster_second "$1" || gw4=198.51.100.1 gw6=fd00:3::1
	on "$1" in_node ip -batch - <<-END
		link set $if up
		addr replace $(node_ip "$1" 4)/24 dev $if
		addr replace $ip6/64 dev $if nodad
		route replace default via $gw4 dev $if
		route replace default via $gw6 dev $if
	END
}

# cluster_stop: ends all nodes and whatever runs in them. Never fails.
cluster_stop() {
	local node
	for node in ${CLUSTER_NODES-} lan; do
		node_stop "$node"
	done
}

# cluster_clean: after a test, nothing of it is there for the next: agents, pods, what both of them
# make, other links and addresses. After a failure the agents' last words are shown first.
cluster_clean() {
	local node
	for node in $CLUSTER_NODES; do
		[ -n "${BATS_TEST_COMPLETED-}" ] || [ ! -s "$(agent_log "$node")" ] ||
			tail -n 15 "$(agent_log "$node")" | sed "s/^/$node: /"
		agent_kill "$node"
		rm -f "$(agent_log "$node")" "$BATS_FILE_TMPDIR/pod.$node".*
		cluster_wipe "$node"
	done
}

# cluster_wipe NODE: a machine on which there has been nothing.
cluster_wipe() {
	on "$1" in_node sh -c '
		for l in $(ls /sys/class/net); do
			case $l in lo | eth0) ;; *) ip link del $l ;; esac
		done
		for p in $(ls /run/netns); do ip netns del $p; done
		for p in 170 171 172; do
			ip -4 route flush proto $p
			ip -6 route flush proto $p
		done
		ip addr flush dev eth0 scope global
		nft flush ruleset
		rm -rf /run/fairlead /var/lib/cni/* /etc/fairlead/*' 2>/dev/null || true
	[ -e "/proc/$NODE_PID/root/sys/class/net/eth0" ] || cluster_plug "$1"
	cluster_address "$1"
}

# cluster_cut NODE, cluster_mend NODE: pulls the cable at the switch and puts it back: the node sees
# its carrier go.
cluster_cut() {
	on lan in_node ip link set "port-$1" down
}

cluster_mend() {
	on lan in_node ip link set "port-$1" up
}

# cluster_lose NODE, cluster_find NODE: the switch loses the port: the node does not see it.
cluster_lose() {
	on lan in_node ip link set "port-$1" nomaster
}

cluster_find() {
	local bridge=br1
	! cluster_second "$1" || bridge=br2
	on lan in_node ip link set "port-$1" master "$bridge"
}

# --- Node objects ------------------------------------------------------------------------------

# node_manifest NODE...: their Node objects, as "kubectl get node -o yaml" prints them, one document
# each. NODE=IP[,IP][/CIDR[,CIDR]] has other addresses or blocks: n2=192.0.2.99 or
# n2=/10.9.0.0/24; "-" means none of them.
node_manifest() {
	local arg node ips cidrs x
	for arg; do
		node=${arg%%=*} ips='' cidrs=''
		[ "$arg" = "$node" ] || {
			ips=${arg#*=}
			cidrs=${ips#*/}
			[ "$cidrs" != "$ips" ] || cidrs=
			ips=${ips%%/*}
		}
		ips=${ips:-$(node_ip "$node" 4),$(node_ip "$node" 6)}
		cidrs=${cidrs:-$(node_cidr "$node" 4),$(node_cidr "$node" 6)}
		cat <<-END
			---
			apiVersion: v1
			kind: Node
			metadata:
			  annotations:
			    node.alpha.kubernetes.io/ttl: "0"
			    volumes.kubernetes.io/controller-managed-attach-detach: "true"
			  creationTimestamp: "2026-11-02T09:14:06Z"
			  labels:
			    beta.kubernetes.io/arch: amd64
			    kubernetes.io/hostname: $node
			    kubernetes.io/os: linux
			  name: $node
			  resourceVersion: "48213"
			  uid: 5f0c1d0e-8f5b-4a53-9a9e-0000000000${node//[^0-9]/}
			spec:
		END
		[ "$cidrs" = - ] || {
			echo "  podCIDR: ${cidrs%%,*}"
			echo "  podCIDRs:"
			for x in ${cidrs//,/ }; do
				echo "  - $x"
			done
		}
		cat <<-END
			  providerID: kind://docker/kind/$node
			status:
			  addresses:
		END
		[ "$ips" = - ] || for x in ${ips//,/ }; do
			echo "  - address: $x"
			echo "    type: InternalIP"
		done
		cat <<-END
			  - address: $node
			    type: Hostname
			  capacity:
			    cpu: "2"
			    pods: "110"
			  conditions:
			  - lastHeartbeatTime: "2026-11-02T09:20:11Z"
			    message: kubelet is posting ready status
			    reason: KubeletReady
			    status: "True"
			    type: Ready
			  daemonEndpoints:
			    kubeletEndpoint:
			      Port: 10250
			  nodeInfo:
			    architecture: amd64
			    kernelVersion: 6.1.0-40-amd64
			    osImage: Debian GNU/Linux 12 (bookworm)
		END
	done
}

# manifest_put NODE FILE <TEXT: a file in the node's manifests folder, there at once or not at all.
manifest_put() {
	local dir
	dir=$(on "$1" node_file /etc/fairlead/manifests)
	mkdir -p "$dir"
	cat >"$dir/.$2.new"
	mv "$dir/.$2.new" "$dir/$2"
}

# manifest_del NODE FILE...
manifest_del() {
	local dir f
	dir=$(on "$1" node_file /etc/fairlead/manifests)
	shift
	for f; do
		rm -f "$dir/$f"
	done
}

# cluster_tell NODE...: the Node objects of these, a file each, to every node of the cluster.
cluster_tell() {
	local node to text
	for node; do
		# No file: for setup_file() there is no folder of a test's own.
		text=$(node_manifest "$node")
		for to in $CLUSTER_NODES; do
			manifest_put "$to" "${node%%=*}.yaml" <<<"$text"
		done
	done
}

# cluster_forget NODE...: takes them away again.
cluster_forget() {
	local to
	for to in $CLUSTER_NODES; do
		manifest_del "$to" "${@/%/.yaml}"
	done
}

# --- agents ------------------------------------------------------------------------------------

AGENT=$BUILD/bin/fairleadd

agent_pid_file_() {
	echo "$BATS_FILE_TMPDIR/agent.$1.pid"
}

# agent_log NODE: where the agent's log is.
agent_log() {
	echo "$BATS_FILE_TMPDIR/agent.$1.log"
}

# agent_conf NODE [TEXT]: writes its agent.yaml. TEXT: more than nodeName; "mode: vxlan" without.
agent_conf() {
	{
		echo "nodeName: $1"
		echo "metrics: {listen: ''}"
		printf '%s\n' "${2:-mode: vxlan}"
	} >"$(on "$1" node_file /etc/fairlead/agent.yaml)"
	mkdir -p "$(on "$1" node_file /etc/fairlead/manifests)"
}

# agent_start NODE [TEXT]: starts the agent, with a new agent.yaml if TEXT is given or there is none;
# does not wait until it is ready.
agent_start() {
	local var=NODE_PID_$1
	if [ $# -gt 1 ] || [ ! -e "$(on "$1" node_file /etc/fairlead/agent.yaml)" ]; then
		agent_conf "$@"
	fi
	nsenter --target "${!var}" --mount --net -- "$AGENT" \
		</dev/null >>"$(agent_log "$1")" 2>&1 3>&- 4>&- &
	echo $! >"$(agent_pid_file_ "$1")"
	disown $!
}

# agent_pid NODE: the number of its process; fails when none lives.
agent_pid() {
	local pid
	pid=$(cat "$(agent_pid_file_ "$1")" 2>/dev/null) || return
	process_lives_ "$pid" || return
	echo "$pid"
}

process_lives_() {
	[ -d "/proc/$1" ] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}

# agent_end_ NODE SIGNAL: sends it and waits for the end.
agent_end_() {
	local pid i
	pid=$(agent_pid "$1") || return 0
	kill "-$2" "$pid"
	for ((i = 0; i < 3000; i++)); do
		process_lives_ "$pid" || return 0
		sleep 0.01
	done
	echo "agent of $1 does not end" >&2
	return 1
}

# agent_stop NODE..., agent_kill NODE...: by TERM and by KILL; no error where none runs.
agent_stop() {
	local node
	for node; do
		agent_end_ "$node" TERM || return
	done
}

agent_kill() {
	local node
	for node; do
		agent_end_ "$node" KILL || return
	done
}

# agent_exchange NODE PROGRAM: its agent is killed and this one takes over.
agent_exchange() {
	agent_kill "$1"
	AGENT=$2 agent_start "$1"
	agent_wait_ready "$1"
}

# agent_live NODE SECONDS: an agent that is killed in whatever it does then; loading takes its time.
agent_live() {
	agent_start "$1"
	sleep "$2"
	agent_kill "$1"
}

# agent_layouts NODE: the folders of its pinned maps.
agent_layouts() {
	on "$1" in_node ls /sys/fs/bpf/fairlead
}

# agent_get NODE PATH [CURL OPTION...]: one request to the agent's API; fails on an error status.
agent_get() {
	local sock path=$2
	sock=$(on "$1" node_file /run/fairlead/agent.sock)
	shift 2
	curl -sS --fail-with-body --max-time 20 --unix-socket "$sock" "$@" "http://agent$path"
}

# eventually SECONDS CMD...: until it succeeds; its last output is shown when it never does. SECONDS
# is what an idle machine needs at the very most. A busy one gets more, 20 s at least, which is still
# less than the 30 s after which an agent looks at everything without being told.
eventually() {
	local until=$((${EPOCHREALTIME/./} + ($1 > 20 ? $1 : 20) * 1000000)) out
	shift
	while ! out=$("$@" 2>&1); do
		if ((${EPOCHREALTIME/./} > until)); then
			echo "never came true: $*" >&2
			printf '%s\n' "$out" >&2
			return 1
		fi
		sleep 0.03
	done
}

# agent_wait_ready NODE...: until /readyz says so.
agent_wait_ready() {
	local node
	for node; do
		eventually 60 agent_get "$node" /readyz || {
			tail -n 30 "$(agent_log "$node")" >&2
			return 1
		}
	done
}

# agent_up NODE... [-- TEXT]: starts and waits.
agent_up() {
	local nodes=() node text=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		nodes+=("$1")
		shift
	done
	[ $# = 0 ] || text=("$2")
	for node in "${nodes[@]}"; do
		agent_start "$node" "${text[@]}"
	done
	agent_wait_ready "${nodes[@]}"
}

# --- pods --------------------------------------------------------------------------------------

# overlay_conf NODE [JQ]: a "vxlan" network for this node that knows the cluster's other nodes as peers;
# for use without an agent. "bgp-route" by '.type = "bgp-route"'.
overlay_conf() {
	local node peers=()
	for node in $CLUSTER_NODES; do
		[ "$node" != "$1" ] || continue
		peers+=("$(jq -cn --arg n "$node" --arg i4 "$(node_ip "$node" 4)" \
			--arg i6 "$(node_ip "$node" 6)" --arg c4 "$(node_cidr "$node" 4)" \
			--arg c6 "$(node_cidr "$node" 6)" \
			'{name: $n, ips: [$i4, $i6], cidrs: [$c4, $c6]}')")
	done
	printf '%s\n' "${peers[@]}" | jq -cs --arg version "$CNI_VERSION" \
		--arg c4 "$(node_cidr "$1" 4)" --arg c6 "$(node_cidr "$1" 6)" '{
		cniVersion: $version, name: "pods", type: "vxlan", peers: .,
		ipam: {type: "host-local", ranges: [[{subnet: $c4}], [{subnet: $c6}]]}
	} | '"${2:-.}"
}

# agent_net_conf [JQ]: a "vxlan" network that takes everything from the agent.
agent_net_conf() {
	jq -cn --arg version "$CNI_VERSION" '{
		cniVersion: $version, name: "pods", type: "vxlan", ipam: {type: "host-local"}
	} | '"${1:-.}"
}

# pod_attach NODE POD [CONFIG]: makes the pod's namespace and ADDs it by the configuration (by
# default agent_net_conf). The result is kept for pod_ip and pod_detach.
pod_attach() {
	local conf=${3:-$(agent_net_conf)} to="$BATS_FILE_TMPDIR/pod.$1.$2"
	on "$1" pod_add "$2"
	on "$1" in_pod "$2" ip link set lo up
	echo "$conf" >"$to.conf"
	on "$1" cni ADD "$(jq -r .type <<<"$conf")" "$2" eth0 "$(pod_path "$2")" \
		<<<"$conf" >"$to.result" || {
		cat "$to.result" >&2
		on "$1" pod_del "$2"
		rm -f "$to".*
		return 1
	}
}

# pod_detach NODE POD: DEL with the result of its ADD, and the namespace goes.
pod_detach() {
	local to="$BATS_FILE_TMPDIR/pod.$1.$2"
	on "$1" cni DEL "$(jq -r .type "$to.conf")" "$2" eth0 "$(pod_path "$2")" \
		< <(jq -c --slurpfile r "$to.result" '.prevResult = $r[0]' "$to.conf") || return
	on "$1" pod_del "$2"
	rm -f "$to".*
}

# pod_check NODE POD: CHECK with the result of its ADD.
pod_check() {
	local to="$BATS_FILE_TMPDIR/pod.$1.$2"
	on "$1" cni CHECK "$(jq -r .type "$to.conf")" "$2" eth0 "$(pod_path "$2")" \
		< <(jq -c --slurpfile r "$to.result" '.prevResult = $r[0]' "$to.conf")
}

# pods_detach: all that there are.
pods_detach() {
	local f
	for f in "$BATS_FILE_TMPDIR"/pod.*.result; do
		[ -e "$f" ] || continue
		f=${f##*/pod.} f=${f%.result}
		pod_detach "${f%%.*}" "${f#*.}"
	done
}

# pod_ip NODE POD [4|6]: its address as ADD said.
pod_ip() {
	jq -r --arg re "$([ "${3:-4}" = 4 ] && echo '\.' || echo ':')" \
		'[.ips[].address | select(test($re))][0] | split("/")[0]' \
		"$BATS_FILE_TMPDIR/pod.$1.$2.result"
}

# reaches NODE POD ADDRESS [PING OPTION...]: a ping is answered within some seconds.
reaches() {
	local node=$1 pod=$2 to=$3
	shift 3
	on "$node" in_pod "$pod" ping -q -c 1 -i 0.2 -w 20 "$@" "$to"
}

# loses NODE POD ADDRESS [PING OPTION...]: no ping is answered. For what must never be answered.
loses() {
	local node=$1 pod=$2 to=$3
	shift 3
	! on "$node" in_pod "$pod" ping -q -c 2 -i 0.2 -W 0.5 "$@" "$to"
}

# all_reach NODE/POD...: every one reaches every other, on each family that it has.
all_reach() {
	local a b family ip
	for a; do
		for b; do
			[ "$a" != "$b" ] || continue
			for family in 4 6; do
				ip=$(pod_ip "${b%/*}" "${b#*/}" $family)
				[ "$ip" != null ] || continue
				reaches "${a%/*}" "${a#*/}" "$ip" || return
			done
		done
	done
}

# --- traffic that goes on while something happens ----------------------------------------------

# pinger_start NAME NODE POD ADDRESS [INTERVAL]: pings until pinger_stop NAME, every INTERVAL (0.01 s).
pinger_start() {
	local var=NODE_PID_$2 file=$BATS_TEST_TMPDIR/ping.$1 i
	nsenter --target "${!var}" --mount \
		--net="/proc/${!var}/root/run/netns/$3" -- \
		stdbuf -oL ping -D -n -O -W 2 -i "${5:-0.01}" "$4" \
		</dev/null >"$file" 2>&1 3>&- 4>&- &
	echo $! >"$file.pid"
	disown $!
	for ((i = 0; i < 3000; i++)); do
		! grep -q 'bytes from' "$file" || return 0
		sleep 0.01
	done
	echo "pinger $1: no answer from $4" >&2
	return 1
}

# pinger_stop NAME: prints "SENT LOST": how many were sent, and how many of them have no answer; the
# one on its way at the end is not counted.
pinger_stop() {
	local file=$BATS_TEST_TMPDIR/ping.$1 pid
	pid=$(cat "$file.pid")
	kill -INT "$pid"
	while process_lives_ "$pid"; do
		sleep 0.01
	done
	awk '/bytes from/ { sub(/.*icmp_seq=/, ""); if (!seen[$1]++) n++; if ($1 > last) last = $1 }
		/packets transmitted/ { sent = $1 }
		END { if (sent == last + 1) sent = last; print sent + 0, sent - n }' "$file"
}

# outage NAME SINCE: seconds from SINCE (of $EPOCHREALTIME) to the first answer after the last ping of
# this pinger that was lost, which still runs or not; 0 when none was lost that late. "none" when
# there is no answer any more.
outage() {
	awk -v since="$2" -v now="$EPOCHREALTIME" '
		/bytes from/ {
			t = substr($1, 2) + 0
			seq = $0
			sub(/.*icmp_seq=/, "", seq)
			seq += 0
			if (last && seq > before + 1 && t > since)
				end = t - since
			last = t
			before = seq
		}
		END {
			if (now - last > 1)
				print "none"
			else
				printf "%.3f\n", end
		}' "$BATS_TEST_TMPDIR/ping.$1"
}

# stream_start NAME NODE POD NODE2 POD2 [RATE [4|6]]: a TCP stream of known bytes
# (tests/harness/stream.c) from the first pod to the second until stream_stop NAME. It is open.
stream_start() {
	local file=$BATS_TEST_TMPDIR/stream.$1 i
	local from=NODE_PID_$2 to=NODE_PID_$4
	nsenter --target "${!to}" --net="/proc/${!to}/root/run/netns/$5" -- \
		"$BUILD/tests/stream" serve 5001 </dev/null >"$file.serve" 2>&1 3>&- 4>&- &
	echo $! >"$file.serve.pid"
	disown $!
	eventually 10 grep -q listening "$file.serve" || return
	nsenter --target "${!from}" --net="/proc/${!from}/root/run/netns/$3" -- \
		"$BUILD/tests/stream" send "$(pod_ip "$4" "$5" "${7:-4}")" 5001 ${6:+"$6"} \
		</dev/null >"$file.send" 2>&1 3>&- 4>&- &
	echo $! >"$file.pid"
	disown $!
	eventually 10 grep -q connected "$file.serve"
}

# stream_stop NAME: ends it and prints "bytes N retransmits N pause MS"; fails when what was
# received is not what was sent.
stream_stop() {
	local file=$BATS_TEST_TMPDIR/stream.$1 pid
	pid=$(cat "$file.pid")
	! process_lives_ "$pid" || kill -TERM "$pid"
	while process_lives_ "$pid"; do
		sleep 0.02
	done
	pid=$(cat "$file.serve.pid")
	! process_lives_ "$pid" || kill -KILL "$pid"
	cat "$file.send" "$file.serve" >"$file.both"
	if ! grep "^bytes " "$file.both" || grep "^stream:" "$file.both"; then
		cat "$file.both" >&2
		return 1
	fi
}

# --- looking -----------------------------------------------------------------------------------

# capture_start NAME NODE IF COUNT FILTER...: tcpdump of COUNT packets in the node.
capture_start() {
	local var=NODE_PID_$2 file=$BATS_TEST_TMPDIR/capture.$1 if=$3 count=$4 i
	shift 4
	nsenter --target "${!var}" --mount --net -- timeout 60 tcpdump --immediate-mode -n -U \
		-i "$if" -c "$count" -w "$file" "$@" </dev/null >/dev/null 2>"$file.err" 3>&- 4>&- &
	echo $! >"$file.pid"
	disown $!
	for ((i = 0; i < 3000; i++)); do
		! grep -q 'listening on' "$file.err" || return 0
		sleep 0.01
	done
	cat "$file.err" >&2
	return 1
}

# vtep NODE JQ [DEVICE]: something of its VXLAN device, as "ip -j -d link show" tells it.
vtep() {
	on "$1" in_node ip -j -d link show dev "${3:-fairlead.1}" | jq -r ".[0] | $2"
}

# capture_show NAME [SECONDS]: waits until all packets are there, or that long (10), and prints them,
# link headers too.
capture_show() {
	local file=$BATS_TEST_TMPDIR/capture.$1 pid i
	pid=$(cat "$file.pid")
	for ((i = 0; i < ${2:-10} * 50; i++)); do
		process_lives_ "$pid" || break
		sleep 0.02
	done
	! process_lives_ "$pid" || kill -INT "$pid"
	while process_lives_ "$pid"; do
		sleep 0.02
	done
	tcpdump -r "$file" -nn -e -vv 2>/dev/null
}
