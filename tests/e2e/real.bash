# SPDX-License-Identifier: Apache-2.0
# What the tests against other people's software share: plugin folders that mix ours with the
# reference's, a small machine to run container engines in, and a busybox to run in containers.
# Loaded after node.bash.

# The name of a program that another package brings, and the sentence that says so.
need() {
	command -v "$1" >/dev/null || {
		echo "'$1' is missing: install $2" >&2
		return 1
	}
}

# mixed_bin DIR: a CNI_PATH folder with the reference plugins, and ours in place of those we
# have. Ours are hard links of one another there too, as `make install` leaves them.
mixed_bin() {
	mkdir -p "$1"
	cp "$REFERENCE_DIR"/* "$1/"
	if [ "$PLUGIN_DIR" != "$REFERENCE_DIR" ]; then
		rm -f "$1/bridge" "$1/host-local" "$1/loopback"
		cp "$PLUGIN_DIR/fairlead-cni" "$1/fairlead-cni"
		ln "$1/fairlead-cni" "$1/bridge"
		ln "$1/fairlead-cni" "$1/host-local"
		ln "$1/fairlead-cni" "$1/loopback"
	fi
}

# busybox_root DIR: a root file system of one static program.
busybox_root() {
	local a
	mkdir -p "$1"/{bin,proc,sys,dev,etc,tmp,run,www}
	cp /bin/busybox "$1/bin/busybox"
	for a in sh sleep ping nc ip cat httpd echo; do
		ln -s busybox "$1/bin/$a"
	done
	echo "hello from the pod" >"$1/www/index.html"
}

# machine_start: in the current node, a process namespace whose end takes every engine, shim
# and container with it, and private folders for the engines' state. node_stop ends it.
machine_start() {
	local i
	# The shell waits for sleeps and so also reaps what the engines leave behind.
	in_node unshare --pid --fork --kill-child --mount-proc sh -c '
		for d in /var/lib/containers /var/cache/containers /var/lib/containerd /opt; do
			mkdir -p $d && mount -t tmpfs -o mode=755 machine $d || exit 1
		done
		mkdir -p /opt/cni/bin /etc/cni/net.d
		: >/run/machine-ready
		while sleep 1; do :; done' </dev/null >/dev/null 2>&1 3>&- 4>&- &
	MACHINE_PID=
	for ((i = 0; i < 600; i++)); do
		if [ -e "$(node_file /run/machine-ready)" ]; then
			MACHINE_PID=$(machine_init)
			break
		fi
		sleep 0.05
	done
	export MACHINE_PID
	[ -n "$MACHINE_PID" ]
}

# The first process of the machine, as this machine numbers it: it has the node's network but
# another process namespace than the node.
machine_init() {
	local p net pidns
	net=$(readlink "/proc/$NODE_PID/ns/net")
	pidns=$(readlink "/proc/$NODE_PID/ns/pid")
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/ns/net" 2>/dev/null)" = "$net" ] || continue
		[ "$(readlink "$p/ns/pid" 2>/dev/null)" != "$pidns" ] || continue
		awk '/^NSpid:/ && $NF == 1 { ok = 1 } END { exit !ok }' "$p/status" || continue
		echo "${p#/proc/}"
		return
	done
}

# in_machine CMD...: runs a command there.
in_machine() {
	nsenter --target "$MACHINE_PID" --mount --net --pid -- "$@"
}

# machine_file PATH: the same file of the machine, as a path that works from outside.
machine_file() {
	echo "/proc/$MACHINE_PID/root$1"
}

# left_behind [RUNNER]: everything that pods could leave in the node (or with in_machine, in its
# machine), as text to compare: links, addresses, routes, firewall rules, leases, records and
# cached results. What follows from the addresses by itself and with delay (local routes,
# carrier) is left out, and so are the two files that a pool keeps, its lock and its last address.
left_behind() {
	"${1:-in_node}" sh -c '
		ip -o link | sed "s/^[0-9]*: //; s/ state [A-Z]*//; s/<[^>]*>//"
		ip -o -4 addr | sed "s/^[0-9]*: //"
		{
			ip -4 route show table all; ip -6 route show table all | grep -v fe80
		} | sed "/ table local /d; s/ linkdown//; s/ pref medium//"
		nft list ruleset 2>/dev/null | sed "s/counter packets.*bytes [0-9]*/counter/"
		find /var/lib/cni /run/cni /run/fairlead /run/netns ! -name "last_reserved_ip*" \
			! -name lock ! -type d 2>/dev/null | sort'
}

# outside_add: a network beyond the node that knows nothing of pods: the namespace "outside",
# 192.0.2.2 and 2001:db8::2 behind the node's interface out0 with .1 and ::1. Whoever reaches it
# and gets an answer has been masqueraded.
outside_add() {
	pod_add outside
	in_node ip link add out0 type veth peer name eth0 netns outside
	in_node ip addr add 192.0.2.1/24 dev out0
	in_node ip addr add 2001:db8::1/64 dev out0 nodad
	in_node ip link set out0 up
	in_pod outside ip addr add 192.0.2.2/24 dev eth0
	in_pod outside ip addr add 2001:db8::2/64 dev eth0 nodad
	in_pod outside ip link set eth0 up
}

# serve_start POD DIR [LOG]: a web server in a pod, that notes in LOG whom it answers.
serve_start() {
	local i file=$BATS_TEST_TMPDIR/server.pid
	in_pod "$1" sh -c 'echo $$ >"$1"; exec /bin/busybox httpd -f -vv -p 80 -h "$2"' - \
		"$file" "$2" >"${3:-/dev/null}" 2>&1 3>&- 4>&- &
	for ((i = 0; i < 600; i++)); do
		[ -z "$(in_pod "$1" ss -Htln 'sport = 80')" ] || return 0
		sleep 0.05
	done
	echo "no web server in '$1'"
	return 1
}

# serve_stop: ends it; no error when there is none.
serve_stop() {
	local file=$BATS_TEST_TMPDIR/server.pid
	[ ! -e "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
	rm -f "$file"
}

# The file of a plugin by its type: ours where we have one, else the reference's. TYPE@ref asks
# for the reference's in any case.
plugin_file() {
	local type=${1%@ref}
	if [ "$type" = "$1" ] && [ -x "$PLUGIN_DIR/$type" ]; then
		echo "$PLUGIN_DIR/$type"
	else
		echo "$REFERENCE_DIR/$type"
	fi
}

# A chain is the array CHAIN of configurations, whose type may end in @ref. Called as a runtime
# calls a list: ADD and CHECK in order, DEL in reverse, each with the result before it.
#
# chain_add ID POD [VAR=VALUE...]: leaves the last result in RESULT.
chain_add() {
	local id=$1 pod=$2 conf type
	shift 2
	RESULT=
	for conf in "${CHAIN[@]}"; do
		type=$(jq -r .type <<<"$conf")
		conf=$(jq -c --argjson p "${RESULT:-null}" '.type |= sub("@ref$"; "")
			| if $p then .prevResult = $p else . end' <<<"$conf")
		RESULT=$(cni ADD "$(plugin_file "$type")" "$id" eth0 "$(pod_path "$pod")" "$@" \
			<<<"$conf") || {
			echo "ADD by $type: $RESULT" >&2
			return 1
		}
	done
}

# chain_check ID POD [TYPE]: the CHECK of each plugin but TYPE's, with the final RESULT.
chain_check() {
	local conf type answer
	for conf in "${CHAIN[@]}"; do
		type=$(jq -r .type <<<"$conf")
		[ "$type" != "${3:-}" ] || continue
		conf=$(jq -c --argjson p "$RESULT" '.type |= sub("@ref$"; "") | .prevResult = $p' \
			<<<"$conf")
		answer=$(cni CHECK "$(plugin_file "$type")" "$1" eth0 "$(pod_path "$2")" \
			<<<"$conf") || {
			echo "CHECK by $type: $answer" >&2
			return 1
		}
	done
}

# chain_del ID POD: with the final RESULT, if there is one.
chain_del() {
	local conf type i answer
	for ((i = ${#CHAIN[@]} - 1; i >= 0; i--)); do
		conf=${CHAIN[i]}
		type=$(jq -r .type <<<"$conf")
		conf=$(jq -c --argjson p "${RESULT:-null}" '.type |= sub("@ref$"; "")
			| if $p then .prevResult = $p else . end' <<<"$conf")
		answer=$(cni DEL "$(plugin_file "$type")" "$1" eth0 "$(pod_path "$2")" \
			<<<"$conf") || {
			echo "DEL by $type: $answer" >&2
			return 1
		}
	done
}
