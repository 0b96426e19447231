#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Includes go down only: layers.txt says what each folder may include.
set -euo pipefail
. "$(dirname "$0")/check.bash"

violations()
{
	awk '
		function breach(text) { print FILENAME ":" FNR ": " text }

		# The folder that owns an include: of the tree, of lib/, or the file'"'"'s own.
		function owner(path, own, d) {
			d = path
			if (!sub(/\/[^\/]*$/, "", d))
				return own
			return ("lib/" d) in may ? "lib/" d : d
		}

		FILENAME ~ /layers.txt$/ {
			sub(/#.*/, "")
			if (!/:/)
				next
			split($0, part, / *: */)
			gsub(/ /, "", part[1])
			n = split(part[2], name, " ")
			if (part[1] ~ /^</) {
				home[part[1]] = " " part[2] " "
				next
			}
			for (i = 1; i <= n; i++)
				if (!(name[i] in may))
					breach("\"" name[i] "\" is not listed above")
			may[part[1]] = " " part[2] " "
			next
		}

		FNR == 1 {
			own = FILENAME
			sub(/^tests\/check\/samples\/layers\/(good|bad)\//, "", own)
			sub(/\/[^\/]*$/, "", own)
			if (!(own in may))
				breach("folder \"" own "\" is not in layers.txt")
		}

		/^#[ \t]*include[ \t]*"/ {
			split($0, q, "\"")
			o = owner(q[2], own)
			if (q[2] ~ /\.\.\//)
				breach("include \"" q[2] "\" climbs")
			else if (o != own && !index(may[own], " " o " "))
				breach(own " may not include \"" q[2] "\"")
		}

		/^#[ \t]*include[ \t]*</ {
			for (h in home)
				if (index($0, h) && !index(home[h], " " own " "))
					breach("only" home[h] "may include " h)
		}
	' tests/check/layers.txt "$@"
}

mapfile -t files < <(sources '*.c' '*.h')
check_rule 'includes go down only' "${files[@]}"
