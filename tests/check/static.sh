#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The plugin binary needs nothing of its host: it is static, stripped, smaller than 1.5 MB, one
# file under all its names, and answers VERSION in an empty root. Needs root, for chroot.
set -euo pipefail
. "$(dirname "$0")/check.bash"

violations()
{
	local kind size

	kind=$(file -bL "$1")
	size=$(stat -Lc %s "$1")
	[[ $kind == *'statically linked'* ]] || echo "$1: not statically linked"
	[[ $kind == *', stripped'* ]] || echo "$1: not stripped"
	((size < 1500000)) || echo "$1: $size bytes"
	cp "$1" "$empty/bridge"
	# No pipe: VERSION reads nothing, and who writes to it may die of that.
	[[ $(CNI_COMMAND=VERSION chroot "$empty" /bridge 2>&1 <<<'{"cniVersion":"1.1.0"}') == \
		*'"supportedVersions"'* ]] || echo "$1: does not answer in an empty root"
	rm "$empty/bridge"
}

# The names of the binary that are not the same file.
strangers()
{
	local n

	for n in build/cni/*; do
		[[ $n -ef build/cni/fairlead-cni ]] || echo "$n: another file"
	done
	for n in bridge host-local loopback vxlan bgp-route; do
		[[ -e build/cni/$n ]] || echo "build/cni: '$n' is missing"
	done
}

empty=$(mktemp -d)
trap 'rm -rf "$empty" "$empty.bad"' EXIT
echo 'char big[1600000] = { 1 }; int main(void) { return 0; }' | gcc -g -x c -o "$empty.bad" -

failed=
echo 1..3
tap 1 'the plugin binary stands alone' "$(violations build/cni/fairlead-cni)"
tap 2 'all plugins are one file' "$(strangers)"
tap 3 'a dynamic, large, unstripped program is refused on all four counts' \
	"$([[ $(violations "$empty.bad" | wc -l) == 4 ]] || echo 'not found')"
[[ -z $failed ]]
