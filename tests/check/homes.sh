#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Some calls have a home and stay there: free() and close() in destructors (functions named close_X,
# or something_free, _close, _done, _undo, _p), exit() in main.c, printing to stderr in main.c and
# lib/base/log.c. Numbers come from text by fl_parse_u32() only. Descriptors that a scope owns
# start at -1. Our interface names are 15 bytes at most.
set -euo pipefail
. "$(dirname "$0")/check.bash"

violations()
{
	awk '
		function breach(text) { print FILENAME ":" FNR ": " text }
		function calls(name) { return code ~ "(^|[^A-Za-z0-9_.>])" name "[ ]?\\(" }

		FNR == 1 { function_name = ""; in_comment = 0; is_main = FILENAME ~ /main\.c$/ }

		{
			code = $0
			gsub(/\/\*[^*]*\*\//, "", code)
			if (in_comment) {
				if (code !~ /\*\//)
					next
				sub(/.*\*\//, "", code)
				in_comment = 0
			}
			if (code ~ /\/\*/) {
				in_comment = 1
				sub(/\/\*.*/, "", code)
			}
			string = code
			gsub(/"([^"\\]|\\.)*"/, "\"\"", code)
		}

		# A definition begins at the left margin, and its name stands before the parenthesis.
		/^[a-z].*\(/ && !/;$/ {
			function_name = $0
			sub(/\(.*/, "", function_name)
			sub(/.*[ *]/, "", function_name)
			next
		}

		calls("free") || calls("close") || calls("closedir") || calls("fclose") {
			if (function_name !~ /^close_[a-z]+$|_(free|close|done|undo|p)$/)
				breach("releases by hand: use fl_auto_..., or a destructor")
		}
		calls("exit") && !is_main { breach("exit() belongs to main.c") }
		(code ~ /fprintf\(stderr/ || calls("perror")) && !is_main {
			breach("stderr belongs to lib/base/log.c")
		}
		calls("atoi") || calls("atol") || calls("sscanf") || calls("strto(u?ll?|u?max|d)") {
			breach("numbers are read by fl_parse_u32()")
		}
		code ~ /fl_auto_close/ && code !~ /#define/ && code !~ /= -1;/ {
			breach("an owned descriptor starts at -1")
		}
		match(string, /_IFNAME[ \t]+"[^"]*"/) {
			name = substr(string, RSTART, RLENGTH)
			sub(/[^"]*"/, "", name)
			if (length(name) > 16)
				breach("interface name is longer than 15 bytes")
		}
	' "$@"
}

mapfile -t files < <(sources '*.c' '*.h' | grep -E '^(lib|plugins|runtime)/')
check_rule 'calls stay in their homes' "${files[@]}"
