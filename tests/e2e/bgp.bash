# SPDX-License-Identifier: Apache-2.0
# BGP for end-to-end tests: agents in mode bgp on the nodes of cluster.bash, and FRR and GoBGP as
# the routers that they speak to. Load it after cluster.bash.

# bgp_up NODE... [-- TEXT]: agents in mode bgp, ready. TEXT: more of agent.yaml.
bgp_up() {
	local nodes=() node text=
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		nodes+=("$1")
		shift
	done
	[ $# = 0 ] || text=$2
	for node in "${nodes[@]}"; do
		agent_stop "$node" || return
		agent_start "$node" "mode: bgp
resync: 5
log: {level: debug}
$text" || return
	done
	agent_wait_ready "${nodes[@]}"
}

# bird_pid NODE: of the BIRD that the agent has started.
bird_pid() {
	cat "$(on "$1" node_file /run/fairlead/bird/bird.pid)"
}

# sessions NODE [JQ]: what the agent says of its sessions, one a line.
sessions() {
	agent_get "$1" /v1/bgp |
		jq -r ".sessions[] | ${2:-[.name, .address, .state, .lastError] | join(\" \")}"
}

# established NODE COUNT: so many sessions are.
established() {
	local n
	n=$(sessions "$1" 'select(.state == "Established") | .address' | wc -l)
	[ "$n" = "$2" ] || {
		sessions "$1"
		return 1
	}
}

# session NODE ADDRESS: its state.
session() {
	sessions "$1" "select(.address == \"$2\") | .state"
}

# session_is NODE ADDRESS STATE
session_is() {
	[ "$(session "$1" "$2")" = "$3" ]
}

# settled NODE: neither it nor a peer of it is in the middle of a graceful restart. Who restarts again
# before its peers have all of its routes has them dropped: RFC 4724 wants that.
settled() {
	! on "$1" in_node birdc -s /run/fairlead/bird/bird.ctl 'show status' |
		grep 'Graceful restart recovery in progress' || return
	! on "$1" in_node birdc -s /run/fairlead/bird/bird.ctl 'show protocols all' |
		grep 'Neighbor graceful restart active'
}

# routes_watch NODE...: from now on, what the kernels' routes go through.
routes_watch() {
	local node
	for node; do
		daemon_ "$BATS_TEST_TMPDIR/routes.$node" "$node" \
			setpriv --pdeathsig KILL stdbuf -oL ip monitor route
	done
	for node; do
		eventually 60 marker_is_seen "$node"
	done
}

# It watches when it has seen a route come and go.
marker_is_seen() {
	on "$1" in_node ip route add blackhole 198.18.0.1/32
	on "$1" in_node ip route del blackhole 198.18.0.1/32
	grep -q 198.18.0.1 "$BATS_TEST_TMPDIR/routes.$1"
}

# routes_kept NODE...: no route to a pod's block was removed since.
routes_kept() {
	local node
	for node; do
		! grep -E '^Deleted .*(10\.244|fd00:244)' "$BATS_TEST_TMPDIR/routes.$node" || {
			echo "of $node, with all that it saw:"
			cat "$BATS_TEST_TMPDIR/routes.$node"
			return 1
		}
	done
}

bird_is_another() {
	[ "$(bird_pid "$1")" != "$2" ]
}

# problems NODE: what the agent complains about.
problems() {
	agent_get "$1" /v1/status | jq -r '.problems[] | "\(.where): \(.text)"'
}

# complains NODE TEXT: a problem that stands has the text.
complains() {
	problems "$1" | grep -F -- "$2"
}

# learned NODE [4|6]: prefixes that BGP has put into the kernel, sorted.
learned() {
	on "$1" in_node ip "-${2:-4}" route show proto bird | awk '{ print $1 == "unicast" ? $2 : $1 }' |
		sort | tr '\n' ' '
}

# has_learned NODE 4|6 PREFIX...: these and no others, given sorted.
has_learned() {
	local node=$1 family=$2 got
	shift 2
	got=$(learned "$node" "$family")
	[ "$got" = "${*:+$* }" ] || {
		echo "$node has learned: $got"
		return 1
	}
}

# via NODE PREFIX: the gateway of a route.
via() {
	local family=-4
	[[ $2 != *:* ]] || family=-6
	on "$1" in_node ip $family route show "$2" proto bird | sed -n 's/.*via \([^ ]*\) .*/\1/p'
}

# is_via NODE PREFIX GATEWAY
is_via() {
	[ "$(via "$1" "$2")" = "$3" ] || {
		on "$1" in_node ip route
		return 1
	}
}

# pod_fake NODE: an address of the node's block on its loopback, ADDRESS.9, that answers like a pod.
pod_fake() {
	on "$1" in_node ip addr add "10.244.${1#n}.9/32" dev lo
	on "$1" in_node ip addr add "fd00:244:${1#n}::9/128" dev lo nodad
}

# answers NODE ADDRESS: from the node, with its own block's address as the source.
answers() {
	local from=10.244.${1#n}.9
	[[ $2 != *:* ]] || from=fd00:244:${1#n}::9
	on "$1" in_node ping -q -c 2 -i 0.2 -w 10 -I "$from" "$2"
}

# daemon_ FILE NODE CMD...: a program in the background of the node, its output in FILE.
daemon_() {
	local file=$1 var=NODE_PID_$2
	shift 2
	nsenter --target "${!var}" --mount --net -- "$@" </dev/null >"$file" 2>&1 3>&- 4>&- &
	disown $!
}

# frr_start NODE <CONFIG: zebra, bfdd and bgpd with this configuration of bgpd, in the node's /run/frr.
frr_start() {
	local dir
	dir=$(on "$1" node_file /run/frr)
	mkdir -p "$dir"
	cat >"$dir/bgpd.conf"
	: >"$dir/empty.conf"
	chown -R frr:frr "$dir"
	on "$1" in_node /usr/lib/frr/zebra -d -A 127.0.0.1 -f /run/frr/empty.conf 3>&- 4>&-
	on "$1" in_node /usr/lib/frr/bfdd -d -A 127.0.0.1 -f /run/frr/empty.conf 3>&- 4>&-
	on "$1" in_node /usr/lib/frr/bgpd -d -A 127.0.0.1 -f /run/frr/bgpd.conf 3>&- 4>&-
}

# frr_stop NODE
frr_stop() {
	local f pid
	for f in "$(on "$1" node_file /run/frr)"/*.pid; do
		[ -e "$f" ] || continue
		pid=$(cat "$f")
		kill "$pid" 2>/dev/null || true
		while process_lives_ "$pid"; do sleep 0.02; done
		rm -f "$f"
	done
}

# frr NODE COMMAND...: to vtysh, one after another.
frr() {
	local node=$1 args=() c
	shift
	for c; do args+=(-c "$c"); done
	on "$node" in_node vtysh "${args[@]}"
}

# frr_has NODE PREFIX: FRR has a valid route to it.
frr_has() {
	local family=ipv4
	[[ $2 != *:* ]] || family=ipv6
	frr "$1" "show bgp $family unicast $2 json" | jq -e '[.paths[]? | select(.valid)] | length > 0'
}

frr_lacks() {
	! frr_has "$@"
}

# frr_session NODE NEIGHBOUR: its state.
frr_session() {
	frr "$1" "show bgp neighbors $2 json" | jq -r '.[].bgpState'
}

# gobgp_start NODE <CONFIG (TOML)
gobgp_start() {
	local dir
	dir=$(on "$1" node_file /run/gobgp)
	mkdir -p "$dir"
	cat >"$dir/gobgpd.conf"
	daemon_ "$BATS_FILE_TMPDIR/gobgp.$1.log" "$1" gobgpd -f /run/gobgp/gobgpd.conf \
		--api-hosts 127.0.0.1:50051 -p
	eventually 10 gobgp "$1" global
}

# gobgp NODE ARGS...
gobgp() {
	local node=$1
	shift
	on "$node" in_node gobgp "$@"
}
