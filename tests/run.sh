#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds everything and runs the tests: unit tests, the same with sanitizers, those of the kernel's
# programs, the fuzz corpora with sanitizers, the checks of the source, and the end-to-end tests.
# Every one of them speaks TAP; tests/tap.awk judges it. The last line is the count; the exit status
# is 1 if anything failed, died, stayed silent, or (CI=true) was skipped for want of anything but a
# kernel feature.
#
# usage: tests/run.sh [NAME...]    NAME: names or globs of test files, such as test_ip,
#        'faults*' or tests/e2e/berth.bats; all without one
#
# A test file may state its own limit in its head: "# time limit: 600 s".
set -euo pipefail
cd "$(dirname "$0")/.."

((EUID == 0)) || { echo 'run: the tests make namespaces: run as root' >&2; exit 1; }

export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
wanted=("$@")
work=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-check.XXXXXX")
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
trap 'rm -rf --one-file-system "$work"' EXIT
passed=0 failed=0 skipped=0

# True when a test file was asked for: all are when no name was given.
is_wanted()
{
	local file=${1##*/} name

	((${#wanted[@]})) || return 0
	for name in "${wanted[@]}"; do
		name=${name##*/}
		# shellcheck disable=SC2053 # a glob is welcome
		[[ $file == $name || ${file%.*} == $name ]] && return 0
	done
	return 1
}

# run FILE DEFAULT_LIMIT_S COMMAND...: runs one test file and judges what it said. Its processes
# live in a PID and a mount namespace of their own, so none survives it, and no mount of it.
run()
{
	local file=$1 limit=$2 status=0 counts own began=$SECONDS
	local out=$work/out err=$work/err

	is_wanted "$file" || return 0
	shift 2
	own=$(sed -n '1,40s/^[#/ *]*time limit: \([0-9]*\) s$/\1/p' "$file" 2>/dev/null | tr -d '\0')
	limit=${own:-$limit}
	unshare --fork --pid --mount --mount-proc --kill-child -- bash -c '"$@"; exit $?' - \
		timeout -k 10 "$limit" "$@" >"$out" 2>"$err" </dev/null || status=$?
	counts=$(awk -v status="$status" -v limit="$limit" -v ci="${CI-}" -v report="$work/report" \
		-f tests/tap.awk "$out")
	read -r p f s <<<"$counts"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-6s %-44s %4d passed%s%s  %d s\n' "$( ((f)) && echo FAIL || echo ok)" \
		"${file#build/}" "$p" "$( ((f)) && echo ", $f failed")" \
		"$( ((s)) && echo ", $s skipped")" $((SECONDS - began))
	cat "$work/report"
	if ((f)) && [[ -s $err ]]; then
		echo '       standard error:'
		tail -n 60 "$err" | sed 's/^/       | /'
	fi
	rm -rf --one-file-system "${TMPDIR:?}"
	mkdir "$TMPDIR"
}

make -j"$(nproc)" all tests
make -j"$(nproc)" SAN=1 tests

# By the sources' names: build/ may hold programs whose source is gone.
for b in build build/san; do
	for t in tests/unit/test_*.c; do
		t=$b/tests/$(basename "$t" .c)
		run "$t" 120 "$t"
	done
done
for t in tests/bpf/test_*.c; do
	t=build/tests/bpf_$(basename "${t#*test_}" .c)
	run "$t" 120 "$t"
done
for t in tests/fuzz/fuzz_*.c; do
	t=$(basename "$t" .c)
	t=${t#fuzz_}
	run "build/san/tests/replay_$t" 120 "build/san/tests/replay_$t" "tests/fuzz/corpus/$t"
done
for t in tests/check/*.sh; do
	[[ -x $t ]] && run "$t" 180 "$t"
done
while read -r t; do
	run "$t" 300 bats --tap "$t"
done < <(find tests/e2e -name '*.bats' 2>/dev/null | sort)

if ((passed + failed + skipped == 0)); then
	echo 'run: no test has that name' >&2
	failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
