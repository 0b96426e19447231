# SPDX-License-Identifier: Apache-2.0
#
# What the checks of the source share. A check defines `violations FILE...`, which prints one line
# "path:line: what is wrong" for each breach of its rule, and then calls check_rule. That makes
# three TAP tests of it: the tree keeps the rule; samples/NAME/ keeps it in the files good*; and
# in the files bad* each line marked BREACH is found, so the check can fail.
#
# exceptions.txt holds what a rule lets pass, with the reason. One that no longer lets anything
# pass is a breach itself.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
check=$(basename "$0" .sh)

# sources PATTERN...: the files of the tree whose names match; neither built nor samples.
sources()
{
	local names=()

	for p; do names+=(-o -name "$p"); done
	find . \( -path ./build -o -path ./.git -o -path ./tests/check/samples \) -prune -o \
		-type f \( "${names[@]:1}" \) -print | sed 's|^\./||' | sort
}

# Drops the violations that exceptions.txt lets pass; names the entries that let none pass.
filter_exceptions()
{
	awk -F' *[|] *' -v check="$check" '
		FILENAME != "-" {
			if (/^[^#]/ && $1 == check) { path[++n] = $2; part[n] = $3; line[n] = FNR }
			next
		}
		{
			for (i = 1; i <= n; i++)
				if (index($0, path[i] ":") == 1 && index($0, part[i])) {
					used[i] = 1
					next
				}
			print
		}
		END {
			for (i = 1; i <= n; i++)
				if (!used[i])
					print "tests/check/exceptions.txt:" line[i] ": no longer needed"
		}' tests/check/exceptions.txt -
}

# tap NUMBER NAME TEXT: a test that passes when TEXT is empty.
tap()
{
	if [[ -z $3 ]]; then
		echo "ok $1 - $check: $2"
	else
		echo "not ok $1 - $check: $2"
		sed 's/^/# /' <<<"$3"
		failed=1
	fi
}

# Marked lines that were not found, and findings on lines that are not marked.
compare_marks()
{
	diff <(grep -n BREACH "$@" /dev/null | cut -d: -f1,2 | sort -u) \
		<(violations "$@" | cut -d: -f1,2 | sort -u) | sed -n 's/^[<>]/&/p'
}

# check_rule SENTENCE FILE...
check_rule()
{
	local sentence=$1 samples=tests/check/samples/$check failed=

	shift
	echo 1..3
	tap 1 "$sentence" "$(violations "$@" | filter_exceptions)"
	tap 2 'the good sample passes' "$(violations $(find "$samples" -type f -path "*/good*" | sort))"
	tap 3 'every breach in the bad sample is found' "$(compare_marks $(find "$samples" -type f -path "*/bad*" | sort))"
	[[ -z $failed ]]
}
