#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Whatever a makefile declares as .PHONY has a rule: without one, make says that there is nothing to
# be done, and succeeds.
set -euo pipefail
. "$(dirname "$0")/check.bash"

violations()
{
	awk '
		/^\.PHONY:/ {
			for (i = 2; i <= NF; i++)
				if ($i !~ /[$()#]/ && $i != "BREACH")
					where[$i] = where[$i] FILENAME ":" FNR ": no rule for " $i "\n"
			next
		}
		/^[a-z]/ && /:/ {
			targets = $0
			sub(/:.*/, "", targets)
			n = split(targets, name, " ")
			for (i = 1; i <= n; i++)
				has[name[i]] = 1
		}
		END {
			for (t in where)
				if (!(t in has))
					printf "%s", where[t]
		}
	' "$@"
}

mapfile -t files < <(sources '*.mk' Makefile)
check_rule 'every .PHONY target has a rule' "${files[@]}"
