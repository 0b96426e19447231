#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# No archive needs a symbol of an archive that layers.txt does not let its folder use: what
# includes cannot hide, an extern could. Reads build/lib; the samples are built by the way.
set -euo pipefail
. "$(dirname "$0")/check.bash"

# violations FOLDER: of archives libfl-X.a (lib/X), libplugin-X.a (plugins/X), libagent-X.a (agent/X),
# libberth.a (runtime), libfairleadd.a (agent), libfairlead.a (cli).
violations()
{
	nm -A -g "$1"/*.a 2>/dev/null | awk -v layers=tests/check/layers.txt '
		BEGIN {
			while ((getline line < layers) > 0) {
				split(line, part, / *: */)
				may[part[1]] = " " part[2] " "
			}
		}
		NF > 1 {
			split($1, at, ":")
			folder = at[1]
			sub(/.*\/lib/, "", folder)
			sub(/\.a$/, "", folder)
			sub(/^fl-/, "lib/", folder) || sub(/^plugin-/, "plugins/", folder) ||
				sub(/^agent-/, "agent/", folder) || sub(/^berth$/, "runtime", folder) ||
				sub(/^fairleadd$/, "agent", folder) || sub(/^fairlead$/, "cli", folder)
			if ($(NF - 1) == "U")
				needs[++n] = folder " " $NF
			else
				home[$NF] = folder
		}
		END {
			for (i = 1; i <= n; i++) {
				split(needs[i], need, " ")
				there = home[need[2]]
				if (there && there != need[1] && !index(may[need[1]], " " there " "))
					print need[1] ": needs " need[2] "() of " there
			}
		}'
}

# archive OUT CODE: an archive of one file.
archive()
{
	echo "$2" | gcc -x c -c -o "$work/x.o" -
	ar rcs "$1" "$work/x.o"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work"/{good,bad}
for s in good bad; do archive "$work/$s/libfl-base.a" 'int low(void) { return 0; }'; done
archive "$work/good/libfl-json.a" 'int low(void); int high(void) { return low(); }'
archive "$work/bad/libfl-json.a" 'int high(void) { return 0; }'
archive "$work/bad/libfl-base.a" 'int high(void); int low(void) { return high(); }'

failed=
echo 1..3
tap 1 'no archive needs what stands above it' "$(violations build/lib | filter_exceptions)"
tap 2 'a call down passes' "$(violations "$work/good")"
tap 3 'a call up is found' \
	"$([[ $(violations "$work/bad") == 'lib/base: needs high() of lib/json' ]] || echo silent)"
[[ -z $failed ]]
