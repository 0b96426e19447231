#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# All C is as clang-format 14 and .clang-format have it; "make format" makes it so.
set -euo pipefail
. "$(dirname "$0")/check.bash"

violations()
{
	clang-format --style=file:.clang-format --dry-run "$@" 2>&1 |
		sed -nE 's/^([^:]+:[0-9]+):[0-9]+: warning: .*/\1: not formatted/p' | sort -u
}

mapfile -t files < <(sources '*.c' '*.h')
check_rule 'C is formatted' "${files[@]}"
