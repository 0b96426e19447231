#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# time limit: 600 s
# The VLAN keys of bridge, and the whole plugin on Debian's 6.1, the oldest kernel we promise: one
# boot in QEMU runs tests/kernel/vlan.sh, whose every line is asserted here. The host's kernel may
# lack CONFIG_BRIDGE_VLAN_FILTERING; what the plugin says there is in badinput_keys.bats. Needs
# root, qemu-system-x86, cpio, kmod, busybox-static, iproute2, nftables and Debian's archive.

bats_require_minimum_version 1.5.0
load node

PACKAGE=${FL_KERNEL_PACKAGE:-linux-image-cloud-amd64}

setup_file() {
	boot out
}

# boot REPORT ARGS...: one boot of the guest's script.
boot() {
	local report=$1
	shift
	"$REPO/tests/kernel/boot.sh" -t 270 "$@" -b ip -b bridge -b nft \
		-m bridge -m veth -m 8021q -m nf_tables -m nft_chain_nat -m nft_masq -m nft_ct -m nft_meta_bridge \
		-a "$PLUGIN_DIR/fairlead-cni=/cni/fairlead-cni" \
		"$PACKAGE" "$REPO/tests/kernel/vlan.sh" \
		>"$BATS_FILE_TMPDIR/$report" 2>"$BATS_FILE_TMPDIR/err" || {
		cat "$BATS_FILE_TMPDIR/$report" "$BATS_FILE_TMPDIR/err"
		return 1
	}
}

# passed NAME...: each is a line of the guest's report that passed.
passed() {
	local name
	for name; do
		grep -qxF "pass $name" "$BATS_FILE_TMPDIR/out" || {
			grep -A 5 "^fail" "$BATS_FILE_TMPDIR/out"
			echo "not passed: $name"
			return 1
		}
	done
}

@test "the kernel booted and nothing failed that no test below names" {
	cat "$BATS_FILE_TMPDIR/out"
	grep -q '^kernel [0-9]' "$BATS_FILE_TMPDIR/out"
	! grep -q '^fail' "$BATS_FILE_TMPDIR/out"
}

@test "vlan and vlanTrunk: the port's VLANs are as configured" {
	passed "the first ADD makes a bridge that filters VLANs" \
		"vlan and vlanTrunk are on the port, and not VLAN 1" "vlan alone is on the port"
}

@test "preserveDefaultVlan keeps VLAN 1, and a trunk alone has it as native" {
	passed "preserveDefaultVlan keeps VLAN 1" \
		"a trunk without vlan has VLAN 1 as its native one"
}

@test "without preserveDefaultVlan no VLAN is left that the bridge gives to new ports" {
	passed "no default VLAN is left of a bridge that gives another than 1" "nor beside a native one"
}

@test "a VLAN's gateway that somebody left half made is finished" {
	passed "the gateway of a VLAN that was left half made is finished"
}

@test "a VLAN's gateway is an interface of its own" {
	passed "the gateway of a VLAN is an interface of its own, last in the result" \
		"the gateway interface has the address" "a pod reaches the gateway of its VLAN"
}

@test "frames stay in their VLAN, tagged ones cross a trunk" {
	passed "pods of one VLAN reach each other" "a pod of another VLAN is out of reach" \
		"a tagged frame of the trunk reaches the other VLAN"
}

@test "CHECK knows the port's VLANs" {
	passed "CHECK passes on a trunk port" \
		"CHECK finds a native VLAN that is gone from the port" \
		"CHECK finds a VLAN that is gone from the trunk"
}

@test "DEL of pods in VLANs leaves nothing" {
	passed "DEL leaves nothing of the pods"
}

@test "macspoofchk and portIsolation on Debian's kernel" {
	passed "an isolated and pinned pod reaches the gateway" \
		"two isolated pods do not reach each other" \
		"frames from another MAC address are dropped" "DEL leaves no pinned port"
}

@test "a plain pod with masquerade on Debian's kernel: ADD, traffic, CHECK, DEL twice" {
	passed "a plain pod reaches a network that knows it not, by masquerade" \
		"CHECK passes on a plain pod" "DEL of a plain pod succeeds" \
		"DEL of it again succeeds" "DEL of a plain pod leaves nothing"
}

@test "all of it works where the kernel was started without IPv6" {
	boot noipv6 -k ipv6.disable=1
	grep -A 5 "^fail" "$BATS_FILE_TMPDIR/noipv6" || true
	! grep -q '^fail' "$BATS_FILE_TMPDIR/noipv6"
	[ "$(grep -c '^pass' "$BATS_FILE_TMPDIR/noipv6")" = \
		"$(grep -c '^pass' "$BATS_FILE_TMPDIR/out")" ]
}
