#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs a script on another kernel: boots a Debian kernel package in QEMU (software emulation, no
# KVM needed) with a small initramfs of bash, busybox and what the caller adds, prints the script's
# output, and exits with the script's status. The package is downloaded and unpacked, never
# installed; what can be reused is kept under build/kernel.
#
# boot.sh [-t SECONDS] [-M MIB] [-k PARAMETER]... [-m MODULE]... [-b PROGRAM]... [-a FILE=PATH]...
#         PACKAGE SCRIPT
#   -t  limit in seconds of the boot and the script together (default 90)
#   -M  memory of the machine (default 512)
#   -k  parameter for the kernel's command line; the script has NAME=VALUE in its environment where
#       the kernel knows no such name
#   -m  kernel module to load before the script, with what it depends on
#   -b  program to take along from this machine with its shared libraries, at the same path
#   -a  file or folder to take along as PATH
#   PACKAGE  linux-image-cloud-amd64, linux-image-amd64, linux-image-6.12-cloud-amd64, ...;
#            NAME@RELEASE: of another release of Debian, as linux-image-cloud-amd64@bullseye
#   SCRIPT   file that bash runs as root in /, with /proc, /sys, /run and /tmp mounted; the
#            programs of -b come before busybox's of the same name, bash and sh are this machine's
# Exit: the script's status; 124 when the time was up; 125 when the machine could not be made or
# died on the way (the kernel's last lines are then on stderr).
#
# The machine's clock counts its instructions, one a nanosecond, and jumps to the next timer when
# there is nothing to do. So nothing in it is ever late because this machine is busy, and waiting
# takes no time.

set -euo pipefail

die()
{
	echo "boot.sh: $*" >&2
	exit 125
}

limit=90 memory=512
parameters=() modules=() programs=(bash sh) files=()
while getopts t:M:k:m:b:a: opt; do
	case $opt in
	t) limit=$OPTARG ;;
	M) memory=$OPTARG ;;
	k) parameters+=("$OPTARG") ;;
	m) modules+=("$OPTARG") ;;
	b) programs+=("$OPTARG") ;;
	a) files+=("$OPTARG") ;;
	*) die "usage: boot.sh [-t S] [-M MIB] [-k PARAMETER] [-m MODULE] [-b PROGRAM] [-a FILE=PATH] PACKAGE SCRIPT" ;;
	esac
done
shift $((OPTIND - 1))
[ $# = 2 ] || die "expected a kernel package and a script, got $# arguments"
package=${1%@*} script=$2 release=
[ "$package" = "$1" ] || release=${1#*@}
[ -r "$script" ] || die "script '$script' is not readable"

for need in qemu-system-x86_64:qemu-system-x86 cpio:cpio depmod:kmod modprobe:kmod \
	dpkg-deb:dpkg apt-get:apt; do
	command -v "${need%:*}" >/dev/null || die "'${need%:*}' is missing: install ${need#*:}"
done
busybox=/bin/busybox
"$busybox" --help >/dev/null 2>&1 || die "'$busybox' is missing: install busybox-static"
if ldd "$busybox" >/dev/null 2>&1; then
	die "'$busybox' is not static: install busybox-static"
fi

cache=${FL_KERNEL_CACHE:-$(cd "$(dirname "$0")/../.." && pwd)/build/kernel}
mkdir -p "$cache"

# Another release has lists of its own, which the machine's apt never sees, from the same mirrors.
apt=()
if [ -n "$release" ]; then
	lists=$cache/$release
	mkdir -p "$lists/lists/partial"
	# shellcheck disable=SC2016 # apt's own placeholders
	apt-get indextargets --format '$(REPO_URI) $(CODENAME)' | sort -u |
		awk -v r="$release" '$2 ~ /^[a-z]+(-security)?$/ {
			sub(/^[a-z]+/, r, $2); print "deb", $1, $2, "main" }' >"$lists/sources.list"
	apt=(-o Dir::Etc::sourcelist="$lists/sources.list" -o Dir::Etc::sourceparts=-
		-o Dir::State::lists="$lists/lists" -o Dir::Cache="$lists" -o Acquire::Languages=none)
fi

# A linux-image-amd64 names the image of the day as its dependency. Without package lists, as on
# a new machine, nothing is known of it.
exec 9>"$cache/lock"
flock 9
if ! apt-cache "${apt[@]}" show "$package" >/dev/null 2>&1; then
	apt-get -q "${apt[@]}" update >/dev/null 2>&1 || die "package lists cannot be had: apt-get update"
fi
image=$(apt-cache "${apt[@]}" depends "$package" 2>/dev/null |
	awk '/Depends: linux-image-/ { print $2; exit }')
image=${image:-$package}
version=${image#linux-image-}
version=${version%-unsigned}
tree=$cache/$image

# Unpacks the kernel once; the lock lets several test files ask at the same time.
fetch()
{
	local work deb

	[ ! -e "$tree/boot/vmlinuz-$version" ] || return 0
	work=$(mktemp -d "$cache/fetch.XXXXXX")
	# A list that is too old names packages that are no longer there.
	(cd "$work" && { apt-get -q "${apt[@]}" download "$image" || {
		apt-get -q "${apt[@]}" update &&
			apt-get -q "${apt[@]}" download "$image"
	}; }) >"$work/log" 2>&1 || {
		tail -n 3 "$work/log" >&2
		rm -rf "$work"
		die "download of '$image' went wrong"
	}
	deb=$(echo "$work"/*.deb)
	dpkg-deb -x "$deb" "$work/tree"
	depmod -b "$work/tree" "$version"
	rm -rf "$tree"
	mv "$work/tree" "$tree"
	rm -rf "$work"
}
fetch
exec 9>&-

run=$(mktemp -d "${TMPDIR:-/tmp}/fl-boot.XXXXXX")
qemu=
cleanup()
{
	if [ -n "$qemu" ]; then
		kill -9 "$qemu" 2>/dev/null || :
		wait "$qemu" 2>/dev/null || :
	fi
	rm -rf "$run"
}
trap cleanup EXIT
trap 'exit 124' INT TERM

# --- the initramfs ---
root=$run/root
mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,proc,sys,dev,run,tmp,etc,root,modules,var/lib}
for d in bin sbin lib lib64; do
	ln -s "usr/$d" "$root/$d"
done
mkdir "$root/busybox"
cp "$busybox" "$root/bin/busybox"
cp "$script" "$root/script"

# libraries FILE: what the program is linked with.
libraries()
{
	{ ldd "$1" 2>/dev/null || :; } | sed -n 's|^[^/]*\(/[^ ]*\).*|\1|p' | while read -r lib; do
		[ ! -e "$root$lib" ] || continue
		mkdir -p "$root$(dirname "$lib")"
		cp -L "$lib" "$root$lib"
	done
}

for p in "${programs[@]}"; do
	path=$(type -P "$p") || die "program '$p' is not on this machine"
	path=$(readlink -f "$(dirname "$path")")/$(basename "$path")
	mkdir -p "$root$(dirname "$path")"
	cp -L "$path" "$root$path"
	libraries "$path"
done
for f in ${files[@]+"${files[@]}"}; do
	mkdir -p "$root$(dirname "${f#*=}")"
	cp -rL "${f%%=*}" "$root${f#*=}"
	find "$root${f#*=}" -type f \( -perm -100 ! -name '*.*' -o -name '*.so' \) | while read -r p; do
		libraries "$p"
	done
done

# In the order in which they load; a module that is built in has nothing to copy.
: >"$root/modules/order"
for m in ${modules[@]+"${modules[@]}"}; do
	list=$(modprobe -d "$tree" -S "$version" --show-depends "$m" 2>&1) ||
		die "kernel '$version' has no module '$m': $list"
	while read -r verb path _; do
		[ "$verb" = insmod ] || continue
		name=$(basename "$path")
		name=${name%%.ko*}.ko
		[ ! -e "$root/modules/$name" ] || continue
		case $path in
		*.xz) xz -dc "$path" >"$root/modules/$name" ;;
		*.zst) zstd -qdc "$path" >"$root/modules/$name" ;;
		*) cp "$path" "$root/modules/$name" ;;
		esac
		echo "$name" >>"$root/modules/order"
	done <<<"$list"
done

# The console (ttyS0) is the kernel's; the script's output has a line of its own (ttyS1).
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
export PATH=/usr/sbin:/usr/bin:/busybox HOME=/root
/bin/busybox --install -s /busybox
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ln -s /proc/self/fd /dev/fd
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
exec >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 raw
status=0
while read -r m; do
	insmod "/modules/$m" || { echo "insmod $m: refused"; status=125; }
done </modules/order
if [ $status = 0 ]; then
	bash /script </dev/null
	status=$?
fi
echo "boot.sh-status $status"
sync
reboot -f
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$run/initrd"

# --- the machine ---
: >"$run/out"
qemu-system-x86_64 -M pc -accel tcg -cpu max -smp 1 -m "$memory" -icount shift=0,sleep=off \
	-rtc clock=vm -nodefaults -display none \
	-no-reboot -kernel "$tree/boot/vmlinuz-$version" -initrd "$run/initrd" \
	-append "console=ttyS0 panic=-1 reboot=t mitigations=off nokaslr init_on_alloc=0 apparmor=0 quiet loglevel=4 ${parameters[*]-}" \
	-serial "file:$run/console" -serial "file:$run/out" 2>"$run/qemu" &
qemu=$!

end=$((SECONDS + limit))
while kill -0 "$qemu" 2>/dev/null; do
	if [ $SECONDS -ge $end ]; then
		tr -d '\r' <"$run/out"
		tail -n 5 "$run/console" >&2
		echo "boot.sh: still running after $limit s" >&2
		exit 124
	fi
	sleep 0.2
done
wait "$qemu" || :
qemu=

status=$(tr -d '\r' <"$run/out" | sed -n 's/^boot\.sh-status //p' | tail -n 1)
tr -d '\r' <"$run/out" | sed '/^boot\.sh-status /d'
if [ -z "$status" ]; then
	tail -n 20 "$run/console" "$run/qemu" >&2
	die "kernel '$version' died before the script ended"
fi
exit "$status"
