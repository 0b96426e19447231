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
# As many test files run at a time as there are processors (LANES=1: one after the other).
# On other kernels, in QEMU, as kernel-6.1 and kernel-6.12: packets through the kernel's programs;
# KERNELS=core: more of them, and pods; KERNELS=all: end-to-end tests, too.
# A test file may state its own limit in its head: "# time limit: 600 s".
set -euo pipefail
cd "$(dirname "$0")/.."

((EUID == 0)) || { echo 'run: the tests make namespaces: run as root' >&2; exit 1; }

export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
wanted=("$@")
work=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-check.XXXXXX")
lanes_run=()
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'stop; exit 130' INT TERM

# Ends the lanes and what they run: unshare heeds nothing but a kill, which takes its namespace along.
stop()
{
	local pid

	((${#lanes_run[@]} == 0)) || kill "${lanes_run[@]}" 2>/dev/null || :
	for pid in "$work"/lane*/pid; do
		[[ ! -s $pid ]] || kill -KILL "$(<"$pid")" 2>/dev/null || :
	done
	wait
}

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

# add FILE DEFAULT_LIMIT_S COMMAND...: one more test file, if it was asked for.
jobs=()
add()
{
	is_wanted "$1" || return 0
	jobs+=("$(printf '%q ' "$@")")
}

# run FILE DEFAULT_LIMIT_S COMMAND...: runs one test file and judges what it said. Its processes
# live in a PID and a mount namespace of their own, so none survives it, and no mount of it.
# lane: a folder of its own.
run()
{
	local file=$1 limit=$2 status=0 own began=$SECONDS p f s
	local out=$lane/out err=$lane/err

	shift 2
	mkdir "$lane/tmp"
	own=$(sed -n '1,40s/^[#/ *]*time limit: \([0-9]*\) s$/\1/p' "$file" 2>/dev/null | tr -d '\0' || :)
	limit=${own:-$limit}
	TMPDIR=$lane/tmp unshare --fork --pid --mount --mount-proc --kill-child -- \
		bash -c '"$@"; exit $?' - timeout -k 10 "$limit" "$@" >"$out" 2>"$err" </dev/null &
	echo $! >"$lane/pid"
	wait $! || status=$?
	rm "$lane/pid"
	read -r p f s < <(awk -v status="$status" -v limit="$limit" -v ci="${CI-}" \
		-v report="$lane/report" -f tests/tap.awk "$out")
	echo "$p $f $s" >>"$lane/counts"
	{
		printf '%-6s %-44s %4d passed%s%s  %d s\n' "$( ((f)) && echo FAIL || echo ok)" \
			"${file#build/}" "$p" "$( ((f)) && echo ", $f failed")" \
			"$( ((s)) && echo ", $s skipped")" $((SECONDS - began))
		cat "$lane/report"
		if ((f)) && [[ -s $err ]]; then
			echo '       standard error:'
			tail -n 60 "$err" | sed 's/^/       | /'
		fi
	} >"$lane/said"
	flock "$work" cat "$lane/said"
	rm -rf --one-file-system "$lane/tmp"
}

# Takes one job after the other until there is none: their numbers are the lines of a file.
run_lane()
{
	local lane=$work/lane$1 number

	mkdir "$lane"
	while number=$(flock "$work/lock" sh -c 'sed -n 1p "$0"; sed -i 1d "$0"' "$work/next") &&
		[[ -n $number ]]; do
		eval "run ${jobs[number]}"
	done
}

make -j"$(nproc)" all tests
make -j"$(nproc)" SAN=1 tests

# By the sources' names: build/ may hold programs whose source is gone.
for b in build build/san; do
	for t in tests/unit/test_*.c; do
		t=$b/tests/$(basename "$t" .c)
		add "$t" 300 "$t"
	done
done
for t in tests/bpf/test_*.c; do
	t=build/tests/bpf_$(basename "${t#*test_}" .c)
	add "$t" 300 "$t"
done
for t in tests/fuzz/fuzz_*.c; do
	t=$(basename "$t" .c)
	t=${t#fuzz_}
	add "build/san/tests/replay_$t" 300 "build/san/tests/replay_$t" "tests/fuzz/corpus/$t"
done
# Without KVM: a minute, KERNELS=core a few, KERNELS=all (make check-kernels) many.
if [[ ${KERNELS-} == all ]]; then
	add kernel-6.1 7300 tests/kernel/check.sh 6.1 programs pods bats
	add kernel-6.12 7300 tests/kernel/check.sh 6.12 programs pods bats
elif [[ ${KERNELS-} == core ]]; then
	add kernel-6.1 900 tests/kernel/check.sh 6.1 programs pods
	add kernel-6.12 900 tests/kernel/check.sh 6.12 programs
else
	add kernel-6.1 400 tests/kernel/check.sh 6.1 tables
	add kernel-6.12 400 tests/kernel/check.sh 6.12 tables
fi
for t in tests/check/*.sh; do
	[[ -x $t ]] && add "$t" 600 "$t"
done
while read -r t; do
	add "$t" 900 bats --tap "$t"
done < <(find tests/e2e -name '*.bats' 2>/dev/null | sort)

# As many at a time as there are processors; most of a test's time is waiting.
lanes=${LANES:-$(nproc)}
for ((n = 0; n < ${#jobs[@]}; n++)); do
	echo $n
done >"$work/next"
for ((n = 0; n < lanes; n++)); do
	run_lane $n &
	lanes_run+=($!)
done
wait

read -r passed failed skipped ran < <(cat "$work"/lane*/counts 2>/dev/null |
	awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0, NR }')
if ((${#jobs[@]} == 0)); then
	echo 'run: no test has that name' >&2
	failed=1
elif ((ran != ${#jobs[@]})); then
	echo "run: $ran of ${#jobs[@]} test files were judged" >&2
	failed=$((failed + ${#jobs[@]} - ran))
fi
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
