# SPDX-License-Identifier: Apache-2.0
# What the demonstrations share: namespaces and a temporary folder that are gone at the end, also when
# they are interrupted, and numbered steps. A demonstration calls
#
#	outside MAKE_TARGET BUILD PROGRAM...	which runs it again with --inside BUILD FOLDER

die()
{
	echo "demo: $*" >&2
	exit 1
}

# --- outside: the temporary folder and the namespaces ------------------------------------------

outside()
{
	local target=$1 build status=0
	((EUID == 0)) || die "needs root, since it makes network namespaces: sudo make $target"
	build=$(cd "${2:?usage: $0 BUILD}" && pwd)
	shift 2
	for f; do
		[[ -x $build/$f ]] || die "'$build/$f' is missing: run make first"
	done
	[[ -x /bin/busybox ]] || die "'/bin/busybox' is missing: apt install busybox-static"

	child=
	top=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-demo.XXXXXX")
	# The kernel ends all processes of the namespaces with their first one.
	trap '{ [[ -z $child ]] || kill -KILL $child || :; wait || :; } 2>/dev/null
		rm -rf --one-file-system "$top"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	unshare --net --mount --propagation private --pid --fork --kill-child --mount-proc \
		bash "$0" --inside "$build" "$top" <&0 &
	child=$!
	wait $child || status=$?
	child=
	exit $status
}

# --- inside ------------------------------------------------------------------------------------

bold='' dim='' plain='' steps=0
if [[ -t 1 ]]; then
	bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi

step()
{
	steps=$((steps + 1))
	printf '\n%s%d. %s%s\n' "$bold" $steps "$1" "$plain"
	shift
	(($# == 0)) || printf '   %s\n' "$@"
}

