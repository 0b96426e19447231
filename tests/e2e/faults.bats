#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Faults at every system call of ADD and DEL: kill -9, and ENOSPC, EIO, ENOMEM, EBUSY. After a
# kill, DEL (twice) leaves nothing; an ADD that was told an error either works or has left
# nothing and says so in one JSON document. tests/harness/fault.c counts and breaks the
# calls, tests/e2e/matrix.bash goes through them and judges; the comments that each test
# prints say how many points there were.
#
# Needs root, for namespaces and ptrace.
# time limit: 1800 s

bats_require_minimum_version 1.5.0
load node
load faults

# The configurations: everything that makes state is on.
conf_bridge() {
	bridge_conf faultnet '.mtu = 1400 | .hairpinMode = true | .portIsolation = true |
		.macspoofchk = true'
}

# conf_static NUMBER: with fixed addresses that end in it.
conf_static() {
	bridge_conf faultnet '.cniVersion = "1.0.0" | .ipam = {type: "static", addresses: [
		{address: "10.88.7.'"$1"'/16", gateway: "10.88.0.1"},
		{address: "fd00:88::'"$1"'/64", gateway: "fd00:88::1"}]}'
}

@test "the tracer counts the calls of a whole tree and kills all of it at any of them" {
	local n=0 count
	count=$("$FAULT" count -- sh -c '(true); (true)' 2>&1 | sed -n 's/^count //p')
	[ "$count" -gt 40 ]
	run -0 "$FAULT" -o "$BATS_TEST_TMPDIR/list" list -- sh -c '(true); (true)'
	[ "$(awk '/^call/ { print $4 }' "$BATS_TEST_TMPDIR/list" | sort -u | wc -l)" = 3 ]
	for ((n = 1; n <= count; n += 7)); do
		run -0 "$FAULT" kill "$n" -- sh -c '(true); (true)'
		[ "${lines[1]}" = "signal 9" ]
	done
	run -3 "$FAULT" kill 100000 -- true
	[ "${lines[0]}" = "missed 100000" ]
}

@test "the tracer makes one call fail without executing it, and only that one" {
	local n
	cd "$BATS_TEST_TMPDIR"
	"$FAULT" -o list list -- mkdir made
	n=$(awk '$3 == "mkdir" { print $2 }' list)
	rmdir made
	run -0 "$FAULT" -o report error "$n" ENOSPC -- mkdir made
	[[ $output == *"No space left on device"* ]]
	[ ! -e made ]
	[ "$(cat report)" = "injected $n mkdir main"$'\n'"exit 1" ]
	run -0 "$FAULT" -o report error "$((n - 1))" ENOSPC -- mkdir made
	[ -d made ]
}

@test "the tracer passes over a call that cannot fail, and says so" {
	local n
	n=$("$FAULT" count -- true 2>&1 | sed -n 's/^count //p')
	run -5 "$FAULT" error "$n" EIO -- true
	[ "${lines[0]}" = "passed $n exit_group main" ]
	[ "${lines[1]}" = "exit 0" ]
}

# A plugin with one fault: what a kill or an error leaves between two of its steps stays.
leaky_plugin() {
	cat >"$BATS_TEST_TMPDIR/leaky" <<-'END'
		#!/bin/sh
		f=/run/cni/$CNI_CONTAINERID
		case $CNI_COMMAND in
		ADD)
			mkdir -p /run/cni
			: >"$f.half" && mv "$f.half" "$f" &&
				echo '{"cniVersion": "1.1.0"}' && exit 0
			echo '{"cniVersion": "1.1.0", "code": 5, "msg": "no"}'
			exit 1
			;;
		DEL) rm -f "$f" ;;
		esac
	END
	chmod +x "$BATS_TEST_TMPDIR/leaky"
	M_PLUGIN=$BATS_TEST_TMPDIR/leaky
	export M_PLUGIN M_IFNAME=eth0 M_CONF='{"name":"leaky"}'
}

@test "the matrix finds the fault of a plugin that has one, by kill and by error" {
	leaky_plugin
	M_STEP=3 M_TOLD=1000 run -1 matrix kill-add "error-add EIO" 3>/dev/null
	grep -q 'WRONG: kill-add: .*killed ADD, DEL, DEL: the world has changed' <<<"$output"
	grep -q 'WRONG: error-add EIO: .*failed ADD: the world has changed' <<<"$output"
	grep -q '> /run/cni/c[0-9]*.half' <<<"$output"
}

@test "bridge: kill -9 at every call of ADD and of DEL, then DEL twice, leaves nothing" {
	attach bridge eth0 "$(conf_bridge)"
	matrix kill-add kill-del
}

@test "bridge: an error at any call of ADD leaves nothing, or ADD works" {
	attach bridge eth0 "$(conf_bridge)"
	matrix "${ERRORS[@]/#/error-add }"
}

@test "bridge: an error at any call of DEL is survived or told, and the next DEL finishes" {
	attach bridge eth0 "$(conf_bridge)"
	matrix "${ERRORS[@]/#/error-del }"
}

@test "bridge: a network whose very first ADD is broken anywhere works with the next ADD" {
	attach bridge eth0 "$(conf_bridge)"
	matrix kill-first-add "error-first-add EIO"
}

@test "bridge with a foreign IPAM program: kill -9 of the tree at every call of bridge" {
	attach bridge eth0 "$(conf_static 7)"
	M_LABEL="with static" M_WITNESS=$(conf_static 8) M_FLAGS=-f CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR \
		matrix kill-add kill-del
}

@test "bridge with a foreign IPAM program: kill -9 of the tree at every 5th call of all" {
	attach bridge eth0 "$(conf_static 7)"
	M_LABEL="with static" M_WITNESS=$(conf_static 8) M_STEP=5 CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR \
		matrix kill-add kill-del
}

@test "bridge with a foreign IPAM program: an error at any of bridge's own calls" {
	attach bridge eth0 "$(conf_static 7)"
	M_LABEL="with static" M_WITNESS=$(conf_static 8) M_FLAGS=-f CNI_PATH=$PLUGIN_DIR:$REFERENCE_DIR matrix \
		"error-add EIO" "error-del EIO" "error-add ENOMEM" "error-del ENOMEM"
}

@test "host-local: kill -9 and errors at every call of ADD and of DEL" {
	attach host-local eth0 "$(conf_bridge)"
	matrix kill-add kill-del "${ERRORS[@]/#/error-add }" "${ERRORS[@]/#/error-del }"
}

@test "loopback: kill -9 and errors at every call of ADD and of DEL" {
	attach loopback lo "$(bridge_conf lonet '{cniVersion, name, type: "loopback"}')"
	matrix kill-add kill-del "${ERRORS[@]/#/error-add }" "${ERRORS[@]/#/error-del }"
}
