# SPDX-License-Identifier: Apache-2.0
# Runs inside another kernel (see check.sh): what is named in $PARTS. Prints the tests' TAP; the
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

if [[ $PARTS != pods ]]; then
	for t in build/tests/bpf_*; do
		echo "# $t"
		unshare --net --mount --propagation private "$t" || status=1
	done
fi
if [[ $PARTS == *pods* ]]; then
	echo "# tests/kernel/pods.sh"
	bash tests/kernel/pods.sh || status=1
fi
if [[ $PARTS == *bats* ]]; then
	for t in tests/e2e/*.bats; do
		echo "# $t"
		bats --tap "$t" || status=1
	done
fi
exit $status
