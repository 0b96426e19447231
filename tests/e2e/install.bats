#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# make install: everything under its names, and over binaries that are being executed. Needs
# what the build needs; writes to a temporary folder only.

bats_require_minimum_version 1.5.0

setup() {
	REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	DEST=$BATS_TEST_TMPDIR/root
}

install_to() {
	make -s -C "$REPO" install DESTDIR="$DEST" "$@"
}

@test "every plugin is one file under all its names, and berth is there" {
	install_to
	for n in bridge host-local loopback vxlan bgp-route; do
		[ "$DEST/opt/cni/bin/$n" -ef "$DEST/opt/cni/bin/fairlead-cni" ]
	done
	run -0 "$DEST/opt/cni/bin/bridge"
	[[ $output == *"CNI plugin bridge"* ]]
	[ -x "$DEST/usr/local/bin/berth" ]
	[ -z "$(find "$DEST" -name '.*')" ]
}

@test "CNIDIR and PREFIX move it" {
	install_to CNIDIR=/a/b PREFIX=/c
	[ -x "$DEST/a/b/loopback" ]
	[ -x "$DEST/c/bin/berth" ]
}

@test "a plugin that runs is replaced, and ends as it began" {
	install_to
	mkfifo "$BATS_TEST_TMPDIR/in"
	CNI_COMMAND=STATUS CNI_PATH=/x "$DEST/opt/cni/bin/loopback" <"$BATS_TEST_TMPDIR/in" 3>&- &
	pid=$!
	exec 9>"$BATS_TEST_TMPDIR/in" # it is executing now, and waits for its configuration
	before=$(stat -c %i "$DEST/opt/cni/bin/loopback")
	install_to
	[ "$(stat -c %i "$DEST/opt/cni/bin/loopback")" != "$before" ]
	[[ $(readlink "/proc/$pid/exe") == *"(deleted)" ]]
	echo '{"cniVersion":"1.1.0","name":"n","type":"loopback"}' >&9
	exec 9>&-
	wait "$pid"
}

@test "uninstall takes away what is ours, and leaves what others have put in its place since" {
	install_to PREFIX=/c
	printf other >"$DEST/opt/cni/bin/.host-local"
	mv "$DEST/opt/cni/bin/.host-local" "$DEST/opt/cni/bin/host-local"
	printf other >"$DEST/opt/cni/bin/portmap"
	make -s -C "$REPO" uninstall DESTDIR="$DEST" PREFIX=/c
	[ "$(find "$DEST" ! -type d -printf '%f\n' | sort | tr '\n' ' ')" = "host-local portmap " ]
	make -s -C "$REPO" uninstall DESTDIR="$DEST" PREFIX=/c
}
