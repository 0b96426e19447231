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
#   bats      all tests of the kernel's programs, and end-to-end tests of this machine's own
set -euo pipefail
cd "$(dirname "$0")/../.."

part='(tables|programs|pods|bats)'
case ${1-} in
5.10) package=linux-image-cloud-amd64@bullseye ;;
6.1) package=linux-image-cloud-amd64 ;;
6.12) package=linux-image-6.12-cloud-amd64 ;;
*) package= ;;
esac
if [[ -z $package || ! ${*:2} =~ ^$part(\ $part)*$ ]]; then
	echo 'usage: tests/kernel/check.sh 5.10|6.1|6.12 tables|programs|pods|bats...' >&2
	exit 2
fi

programs='awk basename bridge cat chmod cp curl cut date dirname env find grep head ip ls mkdir mkfifo
	mktemp mount mountpoint mv nft nsenter ping ps readlink rm rmdir sed seq setpriv sleep sort
	sysctl tail tc timeout touch tr unshare wc'
modules='bridge br_netfilter cls_bpf dummy ifb nf_tables nft_chain_nat nft_compat nft_ct nft_masq
	sch_ingress veth vxlan xfrm_user xt_bpf'
tests='bpf_net bpf_pod bpf_reasons bpf_tunnel'
parts=${*:2}
[[ $parts != *programs* ]] || tests+=' bpf_enforce bpf_entries bpf_mutations bpf_pick_up'
args=(-t 840 -M 1024 -k "PARTS=${parts// /,}")
if [[ $parts == *bats* ]]; then
	programs+=' bats flock jq ln realpath ss stat stdbuf uname /usr/bin/python3 /usr/lib/cni/static'
	# 100,000 switches under a flood take too long in emulation.
	tests="$(cd build/tests && printf '%s\n' bpf_* | sed /switch/d) fault"
	args+=(-t 3600)
	for f in tests/e2e/{real.bash,policy.bats,bridge.bats}; do
		args+=(-a "$f=/fairlead/$f")
	done
	for f in /usr/lib/bats-core /usr/libexec/bats-core /usr/libexec/coreutils /usr/lib/python3.11; do
		args+=(-a "$f=$f")
	done
fi
for p in $programs; do
	args+=(-b "$p")
done
for m in $modules; do
	args+=(-m "$m")
done
for t in $tests; do
	args+=(-a "build/tests/$t=/fairlead/build/tests/$t")
done
for f in tests/e2e/{node,cluster,policies}.bash tests/kernel/pods.sh build/bin/fairleadd build/cni; do
	args+=(-a "$f=/fairlead/$f")
done
exec tests/kernel/boot.sh "${args[@]}" "$package" tests/kernel/guest.sh
