#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The judge of all tests, tests/tap.awk: what it counts as passed, failed and skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."

n=0 failed=

# judge NAME STATUS CI EXPECTED TEXT
judge()
{
	local got

	n=$((n + 1))
	got=$(printf "$5" | awk -v status="$2" -v ci="$3" -v limit=9 -v report=/dev/null -f tests/tap.awk)
	if [[ $got == "$4" ]]; then
		echo "ok $n - tap: $1"
	else
		printf 'not ok %d - tap: %s\n# expected %s, got %s\n' "$n" "$1" "$4" "$got"
		failed=1
	fi
}

echo 1..13
judge 'what passes is counted' 0 '' '2 0 0' '1..2\nok 1 - a\nok 2 - b\n'
judge 'what fails is counted' 1 '' '1 1 0' '1..2\nok 1 - a\nnot ok 2 - b\n'
judge 'several plans add up' 0 '' '2 0 0' '1..1\nok 1 - a\n1..1\nok 1 - b\n'
judge 'a planned test that does not report has failed' 0 '' '1 2 0' '1..3\nok 1 - a\n'
judge 'a test more than planned is a failure' 0 '' '2 1 0' '1..1\nok 1 - a\nok 2 - b\n'
judge 'silence is a failure' 0 '' '0 1 0' ''
judge 'a plan of nothing is a failure' 0 '' '0 1 0' '1..0\n'
judge 'a death after the last test is a failure' 139 '' '1 1 0' '1..1\nok 1 - a\n'
judge 'a time-out is a failure' 124 '' '1 1 0' '1..1\nok 1 - a\n'
judge 'a skip is neither' 0 '' '1 0 1' '1..2\nok 1 - a\nok 2 b # skip no reason\n'
judge 'a skip for a kernel feature is one in CI, as bats says it' 0 true '1 0 1' \
	'1..2\nok 1 - a\nok 2 b # skip kernel: no vlan\n'
judge 'and as cmocka says it' 0 true '1 0 1' \
	'1..2\nok 1 - a\n# SKIP kernel: no vlan\nnot ok 2 # SKIP b\n'
judge 'any other skip is a failure in CI' 0 true '1 1 0' '1..2\nok 1 - a\nok 2 b # skip later\n'
[[ -z $failed ]]
