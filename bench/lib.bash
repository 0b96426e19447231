# SPDX-License-Identifier: Apache-2.0
# What the benchmark's scripts share: a place of their own, machines (network namespaces) in it,
# contenders that are measured in turn, and the judgement of what came out. To be sourced.

die()
{
	echo "bench: $*" >&2
	exit 1
}

# alone PROGRAM... -- ARGUMENTS: starts this script again in namespaces of its own, with an empty
# /run and /var/lib, if that has not happened yet; the programs must be there. What is started ends
# with it.
alone()
{
	local p need=()

	while [[ $1 != -- ]]; do
		need+=("$1")
		shift
	done
	shift
	if [[ ${BENCH_ALONE-} != "$0" ]]; then
		((EUID == 0)) || die 'must be root, to make namespaces'
		PATH=$PATH:/usr/sbin
		for p in "${need[@]}"; do
			[[ -n $(command -v "$p") ]] || die "'$p' is missing: run tests/deps.sh bench"
		done
		BENCH_ALONE=$0 exec unshare --net --mount --propagation private --pid --fork \
			--kill-child --mount-proc "$0" "$@"
	fi
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t tmpfs -o mode=755 tmpfs /var/lib
	mkdir -p /run/netns /run/figures
	ip link set lo up
}

# at NAMESPACE CMD...
at()
{
	local ns=$1

	shift
	nsenter --net="/run/netns/$ns" -- "$@"
}

# eventually SECONDS CMD...: until it succeeds.
eventually()
{
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return
		sleep 0.05
	done
}

# quantile Q <NUMBERS
quantile()
{
	sort -g | awk -v q="$1" '{ v[NR] = $1 }
		END { at = 1 + q * (NR - 1); i = int(at); part = at - i
			print i < NR ? v[i] * (1 - part) + v[i + 1] * part : v[i] }'
}

median()
{
	quantile 0.5
}

# --- contenders, measured in turn ---------------------------------------------------------------

# measure_all ROUNDS MEASURE CONTENDER...: calls MEASURE with each, which prints one number, so many
# times, each round beginning with another one. What they said is in /run/figures/CONTENDER. The first
# round does not count.
measure_all()
{
	local rounds=$1 measure=$2 round i c v n

	shift 2
	n=$#
	rm -f /run/figures/*
	for ((round = 0; round <= rounds; round++)); do
		for ((i = 0; i < n; i++)); do
			c=${*:1 + (i + round) % n:1}
			v=$("$measure" "$c")
			[[ $v =~ ^[0-9.e+-]+$ ]] || die "'$c' has no result of '$measure'"
			((round == 0)) || echo "$v" >>"/run/figures/$c"
		done
	done
}

# ratios A B: A's to B's, round by round.
ratios()
{
	paste "/run/figures/$1" "/run/figures/$2" | awk '$2 > 0 { print $1 / $2 }'
}

judged=0 passed=0

# asks RATIO ASKED: whether it is reached; counts, and sets $verdict.
asks()
{
	judged=$((judged + 1)) verdict=miss
	if awk -v r="$1" -v a="$2" 'BEGIN { exit !(r >= a) }'; then
		passed=$((passed + 1)) verdict=PASS
	fi
}

# compare A B ASKED: one line: both medians, the median of the rounds' ratios with the tenth and the
# ninetieth of a hundred, what is asked ("-": nothing), and whether it is reached.
compare()
{
	local r low high

	r=$(ratios "$1" "$2" | median)
	low=$(ratios "$1" "$2" | quantile 0.1)
	high=$(ratios "$1" "$2" | quantile 0.9)
	printf '  %-10s %9.2f  %-16s %9.2f  %6.2fx (%.2f - %.2f)' "$1" "$(median <"/run/figures/$1")" \
		"$2" "$(median <"/run/figures/$2")" "$r" "$low" "$high"
	if [[ $3 == - ]]; then
		echo
		return
	fi
	asks "$r" "$3"
	printf '  >= %-5s %s\n' "$3" "$verdict"
}

verdict_line()
{
	((judged == 0)) || printf '\n%d of %d targets met\n' $passed $judged
}
