# SPDX-License-Identifier: Apache-2.0
# Runs inside another kernel (see check.sh): the tests that have come along. Prints their TAP; the
# status is 0 when each of them ended well.

cd /fairlead || exit 1
export CMOCKA_MESSAGE_OUTPUT=TAP TMPDIR=/tmp LANG=C FL_MUTATIONS=2000
status=0
echo "# kernel $(uname -r)"
ip link set lo up
# The plugins are one file with several names, which an initramfs does not keep.
for p in build/cni/*; do
	[[ $p -ef build/cni/fairlead-cni ]] || ln -f build/cni/fairlead-cni "$p"
done

for t in build/tests/bpf_* tests/kernel/pods.sh tests/e2e/*.bats; do
	[[ -e $t ]] || continue
	echo "# $t"
	case $t in
	*.sh) bash "$t" ;;
	*.bats) bats --tap --filter-tags kernels "$t" ;;
	*) unshare --net --mount --propagation private "$t" ;;
	esac || status=1
done
exit $status
