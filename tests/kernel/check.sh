#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Tests on another kernel in QEMU: boots it (boot.sh) with what has been built and runs guest.sh
# there. Prints TAP.
#
# usage: tests/kernel/check.sh 5.10|6.1|6.12 PART...
#   tables    packets through each of the kernel's programs (tests/bpf), in half a minute
#   programs  the same and the maps, devices and random packets
#   pods      what every kernel must do with pods, end to end (pods.sh)
#   bats      all tests of the kernel's programs, and the end-to-end tests that are tagged "kernels"
#   X.bats    of this file of end-to-end tests those that are tagged
set -euo pipefail
cd "$(dirname "$0")/../.."

part='(tables|programs|pods|bats|[a-z0-9_-]+\.bats)'
case ${1-} in
5.10) package=linux-image-cloud-amd64@bullseye ;;
6.1) package=linux-image-cloud-amd64 ;;
6.12) package=linux-image-6.12-cloud-amd64 ;;
*) package= ;;
esac
if [[ -z $package || ! ${*:2} =~ ^$part(\ $part)*$ ]]; then
	echo 'usage: tests/kernel/check.sh 5.10|6.1|6.12 tables|programs|pods|bats|X.bats...' >&2
	exit 2
fi

programs='awk basename bridge cat chmod cp curl cut date dirname env find grep head ip ls mkdir mkfifo
	mktemp mount mountpoint mv nft nsenter ping ps readlink rm rmdir sed seq setpriv sleep sort
	sysctl tail tc timeout touch tr unshare wc'
modules='bridge br_netfilter cls_bpf dummy ifb nf_tables nft_chain_nat nft_compat nft_ct nft_masq
	sch_ingress veth vxlan xfrm_user xt_bpf'
parts=" ${*:2} "
tests='' bats='' tables='bpf_net bpf_pod bpf_reasons bpf_tunnel bpf_ways'
[[ $parts != *' tables '* ]] || tests=$tables
[[ $parts != *' programs '* ]] || tests="$tables bpf_enforce bpf_entries bpf_mutations bpf_pick_up bpf_recent"
# Before 5.13 the kernel cannot note that an Ethernet frame is inside: the VTEP wraps all up. And
# what counts a rule's packets is a module of its own there.
if [[ $1 == 5.10 ]]; then
	tests=${tests/bpf_tunnel/}
	modules+=' nft_counter'
fi
args=(-t 840 -M 1024)
if [[ $parts == *' bats '* ]]; then
	# 100,000 switches under a flood take too long in emulation.
	tests=$(cd build/tests && printf '%s\n' bpf_* | sed /switch/d)
	bats=$(grep -lE '^# bats (file|test)_tags=kernels$' tests/e2e/*.bats)
fi
for f in "${@:2}"; do
	[[ $f != *.bats ]] || bats+=" tests/e2e/$f"
done
if [[ $bats ]]; then
	programs+=' bats flock ip6tables iptables jq ln od paste realpath ss stat stdbuf
		tcpdump uname /usr/bin/python3 /usr/lib/cni/static'
	modules+=' nft_meta_bridge nft_nat xt_addrtype xt_conntrack xt_mark xt_MASQUERADE xt_nat xt_statistic'
	args+=(-t 7200) # twenty minutes on an idle machine
	for f in $bats build/tests/fault build/bin/fairlead tests/e2e/{real,services}.bash \
		tests/e2e/{flood.bash,services.py}; do
		args+=(-a "$f=/fairlead/$f")
	done
	for f in /usr/lib/{bats-core,python3.11,*/xtables} /usr/libexec/{bats-core,coreutils} \
		/etc/passwd /etc/group; do
		args+=(-a "$f=$f")
	done
fi
[[ $parts != *' pods '* ]] || args+=(-a tests/kernel/pods.sh=/fairlead/tests/kernel/pods.sh)
for p in $programs; do
	args+=(-b "$p")
done
for m in $modules; do
	args+=(-m "$m")
done
for t in $tests; do
	args+=(-a "build/tests/$t=/fairlead/build/tests/$t")
done
for f in tests/e2e/{node,cluster,policies}.bash build/bin/fairleadd build/cni; do
	args+=(-a "$f=/fairlead/$f")
done
exec tests/kernel/boot.sh "${args[@]}" "$package" tests/kernel/guest.sh
