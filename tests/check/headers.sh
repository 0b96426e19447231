#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Each header compiles alone, and each prototype in it has a comment: its own, or one above a
# group of prototypes that follow each other without a blank line.
set -euo pipefail
. "$(dirname "$0")/check.bash"

violations()
{
	local flags=(-std=gnu17 -Wall -Werror -D_GNU_SOURCE -Ilib -I. -Itests/unit -I/usr/include/libnl3)

	local compile bpf=(clang -target bpf -O2 -I. -I"/usr/include/$(gcc -print-multiarch)")

	for h; do
		compile=(gcc "${flags[@]}")
		[[ $h == *.bpf.h ]] && compile=("${bpf[@]}")
		"${compile[@]}" -fsyntax-only -include "./$h" -x c /dev/null 2>/dev/null ||
			echo "$h:1: does not compile alone"
	done
	awk '
		FNR == 1 { is_covered = in_comment = 0 }
		/^\/\*/ { in_comment = 1 }
		in_comment { if (/\*\//) { in_comment = 0; is_covered = 1 } next }
		/^$/ { is_covered = 0 }
		/^static / && FILENAME ~ /^tests\/(unit|harness)\// { next } # helpers, not interfaces
		/^[a-z].*\(/ && !is_covered { print FILENAME ":" FNR ": prototype without a comment" }
	' "$@"
}

mapfile -t files < <(sources '*.h')
check_rule 'headers stand alone and explain themselves' "${files[@]}"
