#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every source file opens with its licence and then says what it is for. What runs in the kernel
# is under the kernel's licence.
set -euo pipefail
. "$(dirname "$0")/check.bash"

violations()
{
	awk '
		function breach(text) { print FILENAME ":" FNR ": " text }

		FNR == 1 {
			is_bpf = FILENAME ~ /(^|\/)bpf\// && FILENAME !~ /^tests\/bpf\//
			licence = is_bpf ? "GPL-2.0-only OR BSD-2-Clause" : "Apache-2.0"
			mark = FILENAME ~ /\.[ch]$|\.go$/ ? "//" : "#"
			at = 1
		}
		FNR == 1 && /^#!/ { at = 2; next }
		FNR == at {
			sub(/ BREACH$/, "")
			if ($0 != mark " SPDX-License-Identifier: " licence)
				breach("expected \"" mark " SPDX-License-Identifier: " licence "\"")
		}
		FNR == at + 1 && /^#? *(time limit: [0-9]+ s)?$/ { at++; next }
		FNR == at + 1 {
			if (!(mark == "//" ? /^(\/\*|\/\/ [A-Z])/ : /^# [A-Za-z]/))
				breach("expected a comment that says what the file is for")
		}
	' "$@"
}

mapfile -t files < <(sources '*.c' '*.h' '*.sh' '*.bash' '*.bats' '*.awk' '*.mk' '*.go' Makefile)
check_rule 'every file opens with its licence and its purpose' "${files[@]}"
