# SPDX-License-Identifier: Apache-2.0
# Asserting a refusal: its code, a sentence that says what and where, and a world that no test of
# the file changes. Loaded after node.bash and world.bash.

setup_file() {
	bad_node
}

teardown_file() {
	node_stop
}

setup() {
	world_now
}

teardown() {
	local different=0
	world_unchanged || different=1
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
	return $different
}

# bad_node: a node with p1, where the valid configuration's network has been used: its bridge and
# its table are there, as they are by design after the last pod. Links get no link-local addresses
# of their own, since these come when they like and would look like a change.
bad_node() {
	local i
	node_start
	in_node sysctl -qw net.ipv6.conf.default.addr_gen_mode=1
	pod_add p1
	add "$(conf)"
	# The bridge's own address takes effect when its carrier comes, for good.
	for ((i = 0; i < 300; i++)); do
		[ -z "$(in_node ip -6 route show table local dev br0 fd00:88::1)" ] || break
		sleep 0.1
	done
	cni DEL bridge c1 eth0 "$(pod_path p1)" <<<"$(conf)"
}

# Nothing in the node or in p1 may differ at a test's end from what WORLD says: world_now in
# setup, and again when a test changes the world itself. Empty: the test is not about that.
world_now() {
	WORLD=$(node_world p1 </dev/null)
}

world_unchanged() {
	[ -z "$WORLD" ] || diff <(echo "$WORLD") <(node_world p1 </dev/null)
}

# refused CODE WORDS COMMAND...: the command fails, prints one JSON document with this code (or
# one of "7/100"), and its msg and details hold every one of WORDS, which are separated by "|".
refused() {
	local codes=$1 words=$2 text word
	shift 2
	run "$@"
	if [ "$status" -ne 1 ]; then
		echo "exit status $status, expected 1 and code $codes about '$words': $output"
		return 1
	fi
	text=$(jq -rs 'if length == 1 then .[0] | "\(.code) \(.msg): \(.details)"
		else "- no single document: \(.)" end' <<<"$output") || text="- no JSON: $output"
	if ! [[ /$codes/ == */${text%% *}/* ]]; then
		echo "expected code $codes about '$words': $text"
		return 1
	fi
	while IFS= read -r -d '|' word; do
		if [[ $text != *"$word"* ]]; then
			echo "expected '$word' in: $text"
			return 1
		fi
	done <<<"$words|"
}

# add CONF [VAR=VALUE...]: ADD of our bridge for c1 in p1.
add() {
	local conf=$1
	shift
	cni ADD bridge c1 eth0 "$(pod_path p1)" "$@" <<<"$conf"
}

# conf [JQ]: a valid configuration, changed by a jq program.
conf() {
	bridge_conf bad ".ipam.routes = [{dst: \"192.0.2.0/24\"}] | ${1:-.}"
}
