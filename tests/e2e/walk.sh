#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A random walk over a whole world under policy: pods, Services, policies and labels change, agents
# are killed, exchanged and configured anew at any moment, and what packets do is held at each step
# against a model (policy/walk.py). It is for finding what nobody has thought of, so it is not among the tests of
# "make check": what it finds becomes one of those. A fault is printed with the steps that led to it,
# as few as it can find in $WALK_SHRINK_S seconds (300).
#
# usage: tests/e2e/walk.sh STEPS [SEED [bridge|vxlan|bgp-route]]   after "make all tests"; as root
#	WALK_LOUD=1		prints each step
#	WALK_SAVE=FILE		the steps up to the fault
#	WALK_STEPS_FILE=FILE	these steps, in place of random ones
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/node.bash
. tests/e2e/cluster.bash
. tests/e2e/policy/net.bash

steps=${1:?usage: tests/e2e/walk.sh STEPS [SEED [bridge|vxlan|bgp-route]]} seed=${2:-1} plugin=${3:-bridge}
case $plugin in
bridge) mode=none ;;
vxlan) mode=vxlan ;;
bgp-route) mode=host-gw ;;
*) echo "walk: '$plugin' is none of bridge, vxlan, bgp-route" >&2 && exit 2 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-walk.XXXXXX")
export BATS_FILE_TMPDIR=$work
exec 3>&2 4>&2
trap 'net_stop wk; rm -rf "$work"' EXIT
net_start wk "$mode"
agent_kill wk_n1 wk_n2
status=0
python3 tests/e2e/policy/walk.py "wk=$plugin" "$steps" "$seed" "$work/log" || status=$?
((status == 0)) || tail -n 5 "$work"/log.n?
exit $status
