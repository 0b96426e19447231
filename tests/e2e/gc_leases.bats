#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What GC must leave: leases of attachments that are being made, or could not be taken down. Each
# test has a node of its own with two pods. Needs root, network namespaces and nft.

bats_require_minimum_version 1.5.0
load node

setup() {
	node_start
	pod_add p1 p2
	DIR=$BATS_TEST_TMPDIR/bin
	mkdir "$DIR"
	ln -s "$PLUGIN_DIR"/* "$DIR/"
	export CNI_PATH=$DIR
}

teardown() {
	node_stop
}

VALID='."cni.dev/valid-attachments"'

# br VERB CONF [CID [NETNS]]
br() {
	cni "$1" bridge "${3:-c1}" eth0 "${4-$(pod_path p1)}" <<<"$2"
}

gc() {
	cni GC bridge - - - <<<"$(jq -c "$VALID = []" <<<"$1")"
}

# slow_conf STEP: a network whose ADD stands still from "there" to "go", before or after it
# has an address.
slow_conf() {
	mkfifo "$DIR/there" "$DIR/go"
	cat >"$DIR/slow" <<-EOF
		#!/bin/sh
		stop() { [ \$CNI_COMMAND != ADD ] || { echo >"$DIR/there"; read -r x <"$DIR/go"; }; }
		[ $1 != before ] || stop
		[ \$CNI_COMMAND-$1 != ADD-after ] || { "$PLUGIN_DIR/host-local" && stop; exit; }
		exec "$PLUGIN_DIR/host-local"
	EOF
	chmod +x "$DIR/slow"
	bridge_conf n '.ipam.type = "slow"'
}

# add_begin CONF: an ADD of c1 that stands still; add_end lets it go on and has its status.
add_begin() {
	br ADD "$1" >"$DIR/result" 2>&1 3>&- 4>&- &
	ADD=$!
	read -r _ <"$DIR/there"
}

add_go() {
	echo >"$DIR/go"
}

add_end() {
	wait "$ADD"
}

leases() {
	find "$(node_file /var/lib/cni/networks)" -type f -name '*.*.*.*' ! -name 'last_*' -printf '%f\n'
}

# Everything that an attachment makes.
traces() {
	in_node sh -c 'ip -o link show type veth | cut -d@ -f1
		nft list ruleset | grep elements
		ls /run/fairlead/endpoints' || true
	leases
}

@test "GC spares an ADD that has no more than its claim and its lease, and takes it the next time" {
	local step conf
	for step in before after; do
		conf=$(slow_conf $step)
		br ADD "$(bridge_conf n)" old "$(pod_path p2)"
		add_begin "$conf"
		gc "$conf"
		run -1 in_pod p2 ip link show dev eth0
		add_go
		add_end
		[ "$(leases | sort -u | wc -l)" = 1 ]
		br CHECK "$(with_prev "$conf" "$(<"$DIR/result")")"
		gc "$conf"
		[ -z "$(traces)" ] || { traces; return 1; }
		rm "$DIR/there" "$DIR/go"
	done
}

@test "GC keeps the lease of an attachment that it could not take down" {
	local conf
	conf=$(bridge_conf n)
	br ADD "$conf"
	# Of the two sockets that GC opens the second is the firewall's.
	jq -c "$VALID = []" <<<"$conf" >"$DIR/conf"
	set -- env CNI_COMMAND=GC CNI_PATH="$DIR" sh -c 'exec "$0" <"$1"' "$PLUGIN_DIR/bridge" \
		"$DIR/conf"
	in_node "$BUILD/tests/fault" -o "$DIR/calls" list -- "$@" >/dev/null
	br ADD "$conf"
	set -- error "$(awk '$1 == "call" && $3 == "socket" && ++n == 2 { print $2 }' \
		"$DIR/calls")" ENOBUFS -- "$@"
	in_node "$BUILD/tests/fault" -o "$DIR/said" "$@" >"$DIR/result"
	grep -qx 'exit 1' "$DIR/said"
	jq -e '.code' "$DIR/result"
	[ "$(leases | wc -l)" = 1 ]
	gc "$conf"
	[ -z "$(traces)" ] || { traces; return 1; }
}
