# SPDX-License-Identifier: Apache-2.0
# What the fault matrices' test files share: nodes to run matrix.bash in, several at a time.
# Loaded after node.bash.

ERRORS=(ENOSPC EIO ENOMEM EBUSY)
JOBS=4 # most of the time is the kernel's grace periods, and those are shared

setup() {
	[ -x "$PLUGIN_DIR/bridge" ]
	[ -x "$BUILD/tests/fault" ]
	export FAULT=$BUILD/tests/fault CNI_PATH=$PLUGIN_DIR
	unset M_FLAGS M_WITNESS M_STEP M_TOLD M_LABEL M_SETUP
}

teardown() {
	local i
	for ((i = 0; i < JOBS; i++)); do
		node_stop "job$i"
	done
}

# attach PLUGIN IFNAME CONFIG: what matrix works on.
attach() {
	export M_PLUGIN=$PLUGIN_DIR/$1 M_IFNAME=$2 M_CONF=$3
}

# matrix MODE...: runs these modes, JOBS at a time, each job in a node of its own. Fails if
# any of them found something wrong.
matrix() {
	local i n=0 modes=("$@") bad=0
	for ((i = 0; i < JOBS; i++)); do
		node_start "job$i"
		pod_add p1 w
	done
	for ((i = 0; i < JOBS; i++)); do
		node_use "job$i"
		(
			for ((n = i; n < ${#modes[@]}; n += JOBS)); do
				# shellcheck disable=SC2086 # a mode and its error
				in_node bash "$REPO/tests/e2e/matrix.bash" ${modes[n]} \
					>"$BATS_TEST_TMPDIR/$n" 2>&1 || touch "$BATS_TEST_TMPDIR/$n.bad"
			done
		) 3>&- 4>&- &
	done
	wait
	for ((n = 0; n < ${#modes[@]}; n++)); do
		grep -v '^points:' "$BATS_TEST_TMPDIR/$n" || true
		sed -n 's/^points:/# &/p' "$BATS_TEST_TMPDIR/$n" >&3
		[ ! -e "$BATS_TEST_TMPDIR/$n.bad" ] || bad=1
	done
	[ "$bad" = 0 ]
}
