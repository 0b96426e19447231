# SPDX-License-Identifier: Apache-2.0
# Floods between pods of a cluster (cluster.bash) by tests/harness/flood.c: which packets were lost,
# and which came that should not have. Each port has one sender.

# flood_start NAME NODE POD WORD...: "flood WORD..." in the pod until flood_stop NAME.
flood_start() {
	local var=NODE_PID_$2 file=$BATS_TEST_TMPDIR/flood.$1 pod=$3
	shift 3
	: >"$file"
	nsenter --target "${!var}" --net="/proc/${!var}/root/run/netns/$pod" -- \
		"$BUILD/tests/flood" "$@" </dev/null >"$file" 2>&1 3>&- 4>&- &
	echo $! >"$file.pid"
	disown $!
	[ "$1" != receive ] || eventually 20 grep -q listening "$file"
}

# flood_stop NAME...: ends them and waits until they have said what they have.
flood_stop() {
	local name pid
	for name; do
		pid=$(cat "$BATS_TEST_TMPDIR/flood.$name.pid")
		kill -TERM "$pid"
		while process_lives_ "$pid"; do
			sleep 0.02
		done
	done
}

# floods_end: whatever still floods after a test that failed, ends.
floods_end() {
	local file
	for file in "$BATS_TEST_TMPDIR"/*.pid; do
		[ ! -e "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
	done
}

# answered SENDER RECEIVER PORT [LOST]: of what was sent to the port, which answers ("PORT:echo"),
# everything has come back, but this number of packets at most (0).
answered() {
	local sent answered
	sent=$(flood_number "$1" "$3" sent)
	answered=$(flood_number "$1" "$3" answered)
	echo "# $1 <-> $2 port $3: sent $sent, answered $answered" >&3
	((sent > 20 && answered <= sent &&
		answered + $(flood_number "$2" "$3" backlog) + ${4:-0} >= sent))
}

# flood_number NAME PORT WORD: what it says of the port.
flood_number() {
	awk -v port="$2" -v word="$3" '$1 == port { for (i = 2; i < NF; i++)
		if ($i == word) print $(i + 1) }' "$BATS_TEST_TMPDIR/flood.$1"
}

# arrives SENDER RECEIVER PORT..., not_one SENDER RECEIVER PORT...: of what was sent to the ports
# every packet came, once; or none did.
arrives() {
	local from=$1 to=$2 port sent received unseen
	shift 2
	for port; do
		flood_told_ "$from" "$to" "$port"
		sent=$(flood_number "$from" "$port" sent)
		received=$(flood_number "$to" "$port" received)
		# What this machine had no room for is nobody else's fault.
		unseen=$(($(flood_number "$to" "$port" own) + $(flood_number "$to" "$port" backlog)))
		((sent > 20 && received <= sent && received + unseen >= sent)) || return
		[ "$(flood_number "$to" "$port" twice)" = 0 ] || return
	done
}

not_one() {
	local from=$1 to=$2 port
	shift 2
	for port; do
		flood_told_ "$from" "$to" "$port"
		[ "$(flood_number "$from" "$port" sent)" -gt 0 ] || return
		[ "$(flood_number "$to" "$port" received)" = 0 ] || return
	done
}

flood_told_() {
	echo "# $1 -> $2 port $3: sent $(flood_number "$1" "$3" sent), received $(flood_number "$2" "$3" received), no room $(flood_number "$2" "$3" own) + $(flood_number "$2" "$3" backlog)" >&3
}
