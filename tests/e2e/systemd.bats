#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent's systemd unit, as installed. Needs systemd-analyze, but no systemd that runs; writes
# to a temporary folder only.

bats_require_minimum_version 1.5.0

setup() {
	REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	PRE=$BATS_TEST_TMPDIR/usr
	make -s -C "$REPO" install PREFIX="$PRE" CNIDIR="$BATS_TEST_TMPDIR/cni"
	UNIT=$PRE/lib/systemd/system/fairleadd.service
}

@test "the unit starts the agent that was installed with it" {
	run -0 grep '^ExecStart=' "$UNIT"
	[ "$output" = "ExecStart=$PRE/bin/fairleadd" ]
	[ -x "$PRE/bin/fairleadd" ]
}

@test "systemd understands every line of the unit" {
	run -0 systemd-analyze verify --man=no "$UNIT"
	[ "$(grep -c "fairleadd" <<<"$output")" = 0 ]
}

@test "a restart leaves BIRD and the run directory alone" {
	grep -qx 'KillMode=process' "$UNIT"
	grep -qx 'RuntimeDirectoryPreserve=yes' "$UNIT"
	grep -qx 'Restart=always' "$UNIT"
	grep -qx 'Type=notify' "$UNIT"
}

@test "systemd rates the unit's exposure as OK" {
	run -0 systemd-analyze security --offline=true --threshold=40 --no-pager "$UNIT"
}
