#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What is to be done later has an issue: TODO (#12). Errors say what is wrong, without "failed to"
# and without a full stop. No merge is half done.
set -euo pipefail
. "$(dirname "$0")/check.bash"

violations()
{
	grep -nHE '(^|[^.[:alnum:]_])(TODO|FIXME|XXX|HACK)\b' "$@" | grep -vE '(TODO|FIXME) ?\(?#[0-9]+' |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: unfinished work without an issue/' || true
	grep -nHE '^(<{7}|>{7}) ' "$@" |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: a merge is half done/' || true
	grep -nHE 'fl_(fail|fail_errno|wrap|cur_fail)\(.*"[^"]*(failed to|[^.]\.")' "$@" |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: an error says "failed to" or ends in a full stop/' || true
}

mapfile -t files < <(sources '*.c' '*.h' '*.sh' '*.bash' '*.bats' '*.go' '*.md' |
	grep -v '^tests/check/')
check_rule 'nothing is left unfinished, errors have their form' "${files[@]}"
