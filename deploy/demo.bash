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

# run CMD...: on the machine. A demonstration that has several defines it anew.
run()
{
	"$@"
}

# show_as PROMPT FOLDER CMD...: shows a command as the reader would type it, then runs it, its output
# set in a little. The folder's path is left out, and the temporary folder is $TOP.
show_as()
{
	local prompt=$1 short="s|$2||g; s|$top|\$TOP|g"
	shift 2
	printf '   %s%s%s%s\n' "$dim" "$prompt" "$(printf '%s ' "$@" | sed "$short")" "$plain"
	run "$@" 2>&1 | sed "$short; s/^/     /"
}

# show CMD...: the same on the only machine.
show()
{
	show_as '$ ' '//' "$@"
}

# The IPv4 address of a pod's eth0, without its prefix length.
address_of()
{
	run berth exec "$1" -- ip -4 -o addr show dev eth0 | sed -n 's|.* inet \([0-9.]*\)/.*|\1|p'
}

# http_get POD ADDRESS [TRIES]: one HTTP request from the pod, and what is answered. The server may need
# a moment to come up.
http_get()
{
	local try answer=
	for ((try = 0; try < ${3:-50}; try++)); do
		answer=$(run berth exec "$1" -- sh -c "printf 'GET / HTTP/1.0\r\n\r\n' |
			nc -w 2 $2 80" 2>/dev/null) || :
		[[ -z $answer ]] || break
		sleep 0.1
	done
	printf '%s\n' "$answer"
}

# make_rootfs PAGE: a root file system for pods, of busybox and a page for its HTTP server.
make_rootfs()
{
	local applet
	mkdir -p "$top"/rootfs/{bin,www,etc}
	cp /bin/busybox "$top/rootfs/bin/"
	for applet in sh ip ping httpd nc sleep hostname printf; do
		ln -s busybox "$top/rootfs/bin/$applet"
	done
	echo "$1" >"$top/rootfs/www/index.html"
}
