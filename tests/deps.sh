#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs, on Debian 12, the packages that a target of the Makefile needs: those that are
# missing, and nothing when none is. No service is started on the way.
#
# usage: tests/deps.sh demo|demo-policy|build|check|bench
set -euo pipefail

plugins='gcc make libc6-dev libjansson-dev libnl-3-dev musl-tools'
build="$plugins bpftool clang libbpf-dev libcurl4-openssl-dev libmicrohttpd-dev libuv1-dev libyaml-dev"
demo='busybox-static iproute2 iputils-ping procps util-linux'
check="$demo bats binutils bird2 clang-format containerd containernetworking-plugins cpio
	crun curl diffutils ethtool file frr gobgpd golang-go golang-github-appc-cni-dev iperf3 iptables
	jq kmod libcmocka-dev libclang-rt-14-dev nftables podman python3 qemu-system-x86 runc
	strace systemd tcpdump universal-ctags xz-utils"
bench="$demo bird2 containernetworking-plugins curl iperf3 iptables jq libcmocka-dev linux-perf nftables
	strace"

fail()
{
	echo "deps: $*" >&2
	exit 1
}

# The words of $@ that are no installed package.
missing()
{
	local p

	for p; do
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) == installed ]] ||
			echo "$p"
	done
}

case ${1-} in
demo) wanted="$plugins $demo" ;;
demo-policy) wanted="$build $demo" ;;
build) wanted="$build" ;;
check) wanted="$build $check" ;;
bench) wanted="$build $bench" ;;
*) fail 'usage: tests/deps.sh demo|demo-policy|build|check|bench' ;;
esac

command -v dpkg-query >/dev/null ||
	fail "this is no Debian; install by hand what stands for:" $wanted
mapfile -t need < <(missing $wanted)
((${#need[@]})) || exit 0
((EUID == 0)) || fail "run as root to install: ${need[*]}"
command -v apt-get >/dev/null || fail "no apt-get to install: ${need[*]}"

# invoke-rc.d asks this file whether it may start a service; 101 is no.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi

export DEBIAN_FRONTEND=noninteractive
apt='apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3'
echo "deps: installing ${need[*]}"
$apt update
$apt install -y --no-install-recommends "${need[@]}"
