#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The benchmark: bench/run.sh BUILD [options of cnibench]. It moves into a network and a mount
# namespace of its own, where /run is empty and /var/lib/cni lies on the build folder's disk, so
# that neither the machine's network nor its files are touched. BENCH_OPTIONS holds options too.
set -eu

build=${1:?usage: bench/run.sh BUILD [options of cnibench]}
shift
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$build" && pwd)
ref=${BENCH_REFERENCE:-/usr/lib/cni}

if [ "${BENCH_INSIDE:-}" != 1 ]; then
	[ "$(id -u)" = 0 ] || { echo "bench: must be root, to make namespaces" >&2; exit 1; }
	[ -x "$ref/bridge" ] || {
		echo "bench: no reference plugins in '$ref' (package containernetworking-plugins)" >&2
		exit 1
	}
	rm -rf "$build/bench/store" "$build/bench/copy"
	mkdir -p "$build/bench/store" "$build/bench/copy"
	# What is measured is a copy, as an installation makes one. The file that the linker leaves lies in
	# the page cache in small pieces: an ADD that starts from it takes 3 to 4 % more of the processor.
	cp -a "$build/cni" "$build/bin" "$build/bench/floor" "$build/bench/copy/"
	# What is started there ends with the process namespace.
	BENCH_INSIDE=1 unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$build" "$@" &&
		r=0 || r=$?
	rm -rf "$build/bench/store" "$build/bench/copy"
	exit $r
fi

mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/store /run/netns
mount --bind "$build/bench/store" /run/store
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir /var/lib/cni
mount --bind /run/store /var/lib/cni
ip link set lo up

echo "Fairlead's benchmark on $(uname -sr), $(nproc) processors, load $(cut -d ' ' -f 1 /proc/loadavg)"
echo "reference: $("$ref/bridge" 2>&1 </dev/null | head -n 1) in $ref"
# shellcheck disable=SC2086 # options are words
exec "$build/bench/cnibench" --own "$build/bench/copy/cni" --ref "$ref" --floor "$build/bench/copy/floor" \
	--setup "$here/setup.sh" ${BENCH_OPTIONS:-} "$@"
