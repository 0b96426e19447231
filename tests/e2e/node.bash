# SPDX-License-Identifier: Apache-2.0
# A "node" for end-to-end tests: a machine of its own as far as networking and state go.
#
#	load node
#	setup_file()    { node_start; pod_add p1; }
#	teardown_file() { node_stop; }
#	@test "..."     { run -0 cni ADD bridge c1 eth0 "$(pod_path p1)" <<<"$conf"; }
#
# A node is a process that sleeps in a network and a mount namespace of its own. Private to it:
# every link, route and nf_tables rule, /run, /var/lib/cni, /var/lib/fairlead, /etc/cni,
# /etc/fairlead, and a /sys that shows its own links. So our programs run with their real default
# paths, and nothing of a test can be seen by the machine or by another test. All else (/tmp, /usr,
# the tree) is shared.
# A node dies with the process that started it, and everything made in it goes with it:
# the pods' namespaces are mounts of the node, so there is nothing else to clean up.
#
# Call node_start directly, never in $(...): the node would die with that subshell.
# Pods are namespaces at /run/netns/NAME of the node (not of the machine). To look at a
# node's file from outside: node_file PATH.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$REPO/build}
# Where the plugins under test are. Set it to /usr/lib/cni to see how the reference does.
PLUGIN_DIR=${PLUGIN_DIR:-$BUILD/cni}
CNI_VERSION=${CNI_VERSION:-1.1.0} # of the configurations below; the reference knows 1.0.0
REFERENCE_DIR=${REFERENCE_DIR:-/usr/lib/cni}
export REPO BUILD PLUGIN_DIR CNI_VERSION REFERENCE_DIR

# What node_start runs inside the new namespaces before it reports "ready" and sleeps.
node_init_='
	set -e
	mount -t tmpfs -o mode=755 node-run /run
	mkdir -p /run/netns /run/lock
	for d in /var/lib/cni /var/lib/fairlead /etc/cni /etc/fairlead; do
		mkdir -p $d
		mount -t tmpfs -o mode=755 node $d
	done
	# A new sysfs shows this namespace; what is mounted below the old one is kept.
	mkdir /run/sys
	mount -t sysfs sysfs /run/sys
	if mountpoint -q /sys/fs/cgroup; then mount --rbind /sys/fs/cgroup /run/sys/fs/cgroup; fi
	if [ -d /run/sys/fs/bpf ]; then mount -t bpf bpf /run/sys/fs/bpf; fi
	mount --move /run/sys /sys
	rmdir /run/sys
	ip link set lo up
	echo ready >&9
	exec 9>&-
	exec sleep infinity'

# node_start [NAME]: makes a node and makes it the current one. The default name is "node".
node_start() {
	local name=${1:-node} pid answer
	local fifo
	fifo=$(mktemp -u "${BATS_TMPDIR:-/tmp}/node.XXXXXX")
	mkfifo -m 600 "$fifo"
	# bats waits for whoever holds its descriptors 3 and 4.
	setpriv --pdeathsig KILL unshare --net --mount --propagation private \
		sh -c "$node_init_" <>/dev/null 3>&- 4>&- 9>"$fifo" &
	pid=$!
	read -r answer <"$fifo" || answer=
	rm -f "$fifo"
	if [ "$answer" != ready ]; then
		echo "node_start: node '$name' did not start" >&2
		return 1
	fi
	disown "$pid" 2>/dev/null || true
	export "NODE_PID_$name=$pid"
	node_use "$name"
}

# node_use NAME: the functions below work on this node from now on.
node_use() {
	local var=NODE_PID_$1
	export NODE_NAME=$1 NODE_PID=${!var}
}

# namespaces_kill_ MNT NET: kills what lives in one of these; false when nothing does.
namespaces_kill_() {
	local p found=1
	for p in /proc/[0-9]*; do
		case " $(readlink "$p/ns/mnt" "$p/ns/net" 2>/dev/null | tr '\n' ' ')" in
		*" $1 "* | *" $2 "*) kill -KILL "${p#/proc/}" 2>/dev/null && found=0 ;;
		esac
	done
	return $found
}

# node_stop [NAME]: ends a node and whatever still runs in it. Never fails.
node_stop() {
	local var=NODE_PID_${1:-${NODE_NAME:-node}} pid mnt_fd net_fd mnt net
	pid=${!var:-}
	unset "$var"
	[ -n "$pid" ] || return 0
	# Held open, since a namespace that is made when these are gone may get the number of one.
	{ exec {mnt_fd}<"/proc/$pid/ns/mnt" {net_fd}<"/proc/$pid/ns/net"; } 2>/dev/null || return 0
	mnt=$(readlink "/proc/$BASHPID/fd/$mnt_fd")
	net=$(readlink "/proc/$BASHPID/fd/$net_fd")
	# A number that another process has got meanwhile must not take the machine down.
	if [ "$mnt" != "$(readlink /proc/self/ns/mnt)" ] && [ "$net" != "$(readlink /proc/self/ns/net)" ]; then
		# Again until none is left: an agent that outlives its BIRD by a moment starts another.
		while namespaces_kill_ "$mnt" "$net"; do sleep 0.01; done
		while [ -d "/proc/$pid" ] && [ "$(ps -o stat= -p "$pid" | cut -c1)" != Z ]; do
			sleep 0.01
		done
	fi
	exec {mnt_fd}<&- {net_fd}<&-
	return 0
}

# in_node CMD...: runs a command (not a shell function) in the current node.
in_node() {
	nsenter --target "$NODE_PID" --mount --net --wdns="$PWD" -- "$@"
}

# node_file PATH: the same file of the current node, as a path that works from outside.
node_file() {
	echo "/proc/$NODE_PID/root$1"
}

# node_start_settled NAME: a node whose links, those that it gets later, do not probe IPv6 addresses. One
# that does cannot ask for neighbours for two seconds: until then its link-local address is no source.
node_start_settled() {
	node_start "$1"
	in_node sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
}

# node_join NODE1 IF1 NODE2 IF2: a cable (veth) between two nodes, both ends up.
node_join() {
	local a=NODE_PID_$1 b=NODE_PID_$3
	ip link add name "$2" netns "${!a}" type veth peer name "$4" netns "${!b}"
	nsenter --target "${!a}" --net -- ip link set dev "$2" up
	nsenter --target "${!b}" --net -- ip link set dev "$4" up
}

# pod_add NAME...: network namespaces for pods, at /run/netns/NAME of the current node.
pod_add() {
	local p
	for p; do
		in_node ip netns add "$p" || return
	done
}

# pod_del NAME...: removes them; one that is gone is no error.
pod_del() {
	local p
	for p; do
		in_node ip netns del "$p" 2>/dev/null || true
	done
}

# pod_path NAME: what to give as CNI_NETNS.
pod_path() {
	echo "/run/netns/$1"
}

# in_pod NAME CMD...: runs a command in a pod's network namespace (/sys stays the node's).
in_pod() {
	local pod=$1
	shift
	nsenter --target "$NODE_PID" --mount --net="/proc/$NODE_PID/root/run/netns/$pod" \
		--wdns="$PWD" -- "$@"
}

# cni VERB PLUGIN CID IFNAME NETNS [VAR=VALUE...] <CONFIG: one call of a plugin in the current
# node, as a runtime makes it. PLUGIN is a name in PLUGIN_DIR or a path. An argument of "-"
# leaves the variable unset. CNI_PATH is PLUGIN_DIR unless given. Status 124: it hung.
cni() {
	local verb=$1 plugin=$2 env=()
	[ "$3" = - ] || env+=("CNI_CONTAINERID=$3")
	[ "$4" = - ] || env+=("CNI_IFNAME=$4")
	[ "$5" = - ] || env+=("CNI_NETNS=$5")
	shift 5
	[ "${plugin#*/}" != "$plugin" ] || plugin=$PLUGIN_DIR/$plugin
	env -u CNI_CONTAINERID -u CNI_IFNAME -u CNI_NETNS -u CNI_ARGS CNI_COMMAND="$verb" \
		CNI_PATH="${CNI_PATH:-$PLUGIN_DIR}" "${env[@]}" "$@" \
		timeout -k 1 60 nsenter --target "$NODE_PID" --mount --net -- "$plugin"
}

# with_prev CONFIG RESULT: the configuration with this result as its prevResult.
with_prev() {
	jq -c --argjson prev "$2" '.prevResult = $prev' <<<"$1"
}

# drifted WORDS: CHECK, as the file's "check" runs it, fails with 102 and its details hold each of
# WORDS, separated by "|".
drifted() {
	local word
	run -1 check
	[ "$(jq -r .code <<<"$output")" = 102 ] || {
		echo "expected code 102: $output"
		return 1
	}
	while IFS= read -r -d '|' word; do
		[[ $(jq -r .details <<<"$output") == *"$word"* ]] || {
			echo "expected '$word' in: $output"
			return 1
		}
	done <<<"$1|"
}

# bridge_conf NAME [JQ]: a dual-stack bridge network with gateway and masquerade, with the
# changes of a jq program, such as '.mtu = 1400 | del(.ipMasq)'.
bridge_conf() {
	jq -cn --arg name "$1" --arg version "$CNI_VERSION" '{
		cniVersion: $version, name: $name, type: "bridge", bridge: "br0",
		isGateway: true, isDefaultGateway: true, ipMasq: true,
		ipam: {type: "host-local", ranges: [
			[{subnet: "10.88.0.0/16"}], [{subnet: "fd00:88::/64"}]]}
	} | '"${2:-.}"
}
