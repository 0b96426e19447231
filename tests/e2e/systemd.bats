#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent's systemd unit, as installed, and an agent with the capabilities that it leaves. Needs
# systemd-analyze, but no systemd that runs, and for the last test root and eBPF; writes to a
# temporary folder only.

bats_require_minimum_version 1.5.0
load node
load cluster

setup() {
	REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	PRE=$BATS_TEST_TMPDIR/usr
	make -s -C "$REPO" install PREFIX="$PRE" CNIDIR="$BATS_TEST_TMPDIR/cni"
	UNIT=$PRE/lib/systemd/system/fairleadd.service
}

teardown() {
	cluster_stop
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

@test "with the unit's capabilities an agent knows what the one before it has left" {
	local caps config program
	caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$UNIT" | tr 'A-Z ' 'a-z,' | sed 's/cap_//g')
	[ -n "$caps" ]
	for program in "$BUILD/bin/fairleadd" "$BUILD/tests/fairleadd-next"; do
		printf '#!/bin/sh\nexec setpriv --bounding-set -all,+%s --inh-caps -all --no-new-privs %s\n' \
			"${caps//,/,+}" "$program" >"$BATS_TEST_TMPDIR/${program##*/}"
		chmod 755 "$BATS_TEST_TMPDIR/${program##*/}"
	done
	AGENT=$BATS_TEST_TMPDIR/fairleadd
	BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR
	config=$(printf 'mode: host-gw\npolicy: {serviceCIDRs: [10.96.0.0/12], denySources: [198.51.100.0/24], xdp: generic}')
	cluster_start n1
	cluster_tell n1
	agent_up n1 -- "$config"
	[ "$(grep -c CapEff:.*0000 "/proc/$(agent_pid n1)/status")" = 1 ]
	pod_attach n1 p1 "$(agent_net_conf '.type = "bgp-route"')"
	[ "$(agent_get n1 /v1/endpoints | jq '.[0].enforced')" = true ]
	agent_exchange n1 "$AGENT"
	[ "$(agent_get n1 /v1/status | jq -c .problems)" = '[]' ]
	agent_exchange n1 "$BATS_TEST_TMPDIR/fairleadd-next"
	grep -q "another layout is taken over, with its connections" "$(agent_log n1)"
	[ "$(agent_get n1 /v1/status | jq -c .problems)" = '[]' ]
	# what nobody asks for any more goes
	agent_kill n1
	agent_up n1 -- "mode: host-gw"
	eventually 5 eval '! on n1 in_node ip link show eth0 | grep -q xdp'
	pod_detach n1 p1
}
