#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A random walk over a whole world under policy: pods, Services, policies and labels change, agents
# are killed, exchanged and configured anew at any moment, and what packets do is held at each step
# against a model (policy/walk.py). It is for finding what nobody has thought of, so it is not among the tests of
# "make check": what it finds becomes one of those. A fault is printed with the steps that led to it,
# as few as it can find in $WALK_SHRINK_S seconds (300).
#
# usage: tests/e2e/walk.sh STEPS [SEED [bridge|vxlan|bgp-route|bgp]]   after "make all tests"; as root
# bgp: plugin bgp-route, whose routes the agents' BIRDs learn from each other and which nothing else
# leads by; BIRDs are killed, too.
#	WALK_LOUD=1		prints each step
#	WALK_SAVE=FILE		the steps up to the fault
#	WALK_STEPS_FILE=FILE	these steps, in place of random ones
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/node.bash
. tests/e2e/cluster.bash
. tests/e2e/policy/net.bash

steps=${1:?usage: tests/e2e/walk.sh STEPS [SEED [bridge|vxlan|bgp-route|bgp]]} seed=${2:-1} plugin=${3:-bridge}
case $plugin in
bridge) mode=none ;;
vxlan) mode=vxlan ;;
bgp-route) mode=host-gw ;;
bgp) mode=bgp plugin=bgp-route ;;
*) echo "walk: '$plugin' is none of bridge, vxlan, bgp-route, bgp" >&2 && exit 2 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-walk.XXXXXX")
export BATS_FILE_TMPDIR=$work
exec 3>&2 4>&2
trap 'net_stop wk; rm -rf "$work"' EXIT
net_start wk "$mode"
# By the default route pods would reach each other without BGP.
[ "$mode" != bgp ] || for family in '-4 10.0.0.0/22' '-6 fd00::/110'; do
	read -r flag pods <<<"$family"
	on wk_lan in_node ip "$flag" rule add from "$pods" to "$pods" blackhole
done
agent_kill wk_n1 wk_n2
status=0
python3 tests/e2e/policy/walk.py "wk=$plugin" "$steps" "$seed" "$work/log" || status=$?
((status == 0)) || tail -n 5 "$work"/log.n?
exit $status
