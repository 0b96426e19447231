#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# No function is longer than 80 lines or has more than 7 parameters, no file has more than 600
# lines. The limits to aim at are 50, 5 and 400.
set -euo pipefail
. "$(dirname "$0")/check.bash"

violations()
{
	ctags -x --c-kinds=f --_xformat='%F %n %e %N %S' "$@" | awk '
		{
			depth = 0
			parameters = 1
			text = substr($0, index($0, "("))
			for (i = 1; i <= length(text); i++) {
				c = substr(text, i, 1)
				depth += (c == "(") - (c == ")")
				parameters += c == "," && depth == 1
			}
			if ($3 - $2 + 1 > 80)
				print $1 ":" $2 ": " $4 "() has " $3 - $2 + 1 " lines"
			if (parameters > 7)
				print $1 ":" $2 ": " $4 "() has " parameters " parameters"
		}'
	awk 'FNR == 601 { print FILENAME ":601: more than 600 lines" }' "$@"
}

mapfile -t files < <(sources '*.c' '*.h')
check_rule 'functions, parameters and files stay within their limits' "${files[@]}"
