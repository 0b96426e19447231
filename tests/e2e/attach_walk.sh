#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A random walk over the attachments of one node, without an agent: networks of all plugins, ADD, DEL,
# CHECK, GC and STATUS in any order, several at a time and killed, namespaces that go and are used again,
# the reference plugins in place of ours, firewalls that are flushed, two interfaces in one pod, interfaces
# that somebody renames, records that are lost. After each step every pod talks to others, to its node and
# to what lies outside, each with the source address that it should have, and leases, records, interfaces
# and the firewall's elements are those that there should be (attach_walk.py). As walk.sh, it is for
# finding what nobody has thought of.
#
# usage: tests/e2e/attach_walk.sh STEPS [SEED]   after "make all tests"; as root
#	WALK_LOUD=1	prints each step
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/e2e/node.bash

steps=${1:?usage: tests/e2e/attach_walk.sh STEPS [SEED]} seed=${2:-1}
trap 'node_stop walk; node_stop outside' EXIT
node_start_settled walk
node_start_settled outside
node_join walk up outside eth0
in_node ip -batch - <<-END
	addr add 192.0.2.2/24 dev eth0
	addr add 2001:db8::2/64 dev eth0
	route add 10.0.0.0/8 via 192.0.2.1
	route add fd00::/16 via 2001:db8::1
END
node_use walk
in_node ip -batch - <<-END
	addr add 192.0.2.1/24 dev up
	addr add 2001:db8::1/64 dev up
END
python3 tests/e2e/attach_walk.py "$steps" "$seed"
