#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Debian's containerd on our bridge and host-local with the reference portmap: by ctr, whose go-cni
# gives no netns on DEL, and by the calls of a kubelet (CRI), which capitalise the keys of port
# mappings and DEL twice. Needs root, network namespaces, overlayfs, containerd, runc, curl,
# containernetworking-plugins and busybox-static.

bats_require_minimum_version 1.5.0
load node
load real
load cri

setup_file() {
	need containerd containerd
	need runc runc
	need curl curl
	node_start
	machine_start
	mixed_bin "$(machine_file /opt/cni/bin)"
	spy portmap
	spy bridge
	cat >"$(machine_file /run/containerd.toml)" <<-C
		version = 2
		root = "/var/lib/containerd"
		state = "/run/containerd"
		[grpc]
		  address = "/run/containerd.sock"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "/var/lib/containerd/opt"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "fairlead.test/busybox:1"
		  restrict_oom_score_adj = true
	C
	network "$(machine_file /etc/cni/net.d/10-pods.conflist)"
	in_machine containerd -c /run/containerd.toml -l warn \
		>"$(machine_file /run/containerd.log)" 2>&1 3>&- 4>&- &
	image "$(machine_file /run/img)"
	in_machine tar -C /run/img -cf /run/img.tar blobs index.json oci-layout
	local i
	for ((i = 0; i < 600; i++)); do
		ctr version >/dev/null 2>&1 && break
		sleep 0.1
	done
	ctr image import /run/img.tar
	ctr -n k8s.io image import /run/img.tar
	# The network keeps its bridge and its table: have them there before comparing.
	ctr run --rm --cni fairlead.test/busybox:1 warm /bin/echo warm
	local id
	id=$(cri_run warm 0 8081 80)
	cri_stop "$id"
	cri_remove "$id"
}

teardown_file() {
	node_stop
}

ctr() {
	in_machine ctr -a /run/containerd.sock "$@"
}

network() {
	jq -n '{cniVersion: "1.0.0", name: "pods", plugins: [
		{type: "bridge", bridge: "pods0", isDefaultGateway: true, ipMasq: true,
			hairpinMode: true, ipam: {type: "host-local", ranges: [
				[{subnet: "10.66.0.0/24"}], [{subnet: "fd00:66::/64"}]]}},
		{type: "portmap", capabilities: {portMappings: true}}]}' >"$1"
}

# Puts a script before a plugin that notes what it was called with in /run/calls.
spy() {
	local dir
	dir=$(machine_file /opt/cni/bin)
	mkdir -p "$dir/real"
	mv "$dir/$1" "$dir/real/$1"
	cat >"$dir/$1" <<-S
		#!/bin/sh
		conf=\$(cat)
		jq -cn --arg plugin $1 --arg verb "\$CNI_COMMAND" --arg id "\$CNI_CONTAINERID" \\
			--arg netns "\$CNI_NETNS" --arg args "\$CNI_ARGS" --argjson conf "\$conf" \\
			'\$ARGS.named' >>/run/calls
		printf '%s' "\$conf" | /opt/cni/bin/real/$1
	S
	chmod +x "$dir/$1"
}

# calls ID PLUGIN VERB: what the spy noted.
calls() {
	jq -c --arg id "$1" --arg p "$2" --arg v "$3" \
		'select((.id | endswith($id)) and .plugin == $p and .verb == $v)' \
		"$(machine_file /run/calls)"
}

# blob FILE TYPE: moves a file into the image by its digest, prints its descriptor.
blob() {
	local sum dir
	dir=$(dirname "$1")
	sum=$(sha256sum "$1" | cut -d' ' -f1)
	jq -nc --arg t "$2" --arg d "sha256:$sum" --argjson s "$(stat -c %s "$1")" \
		'{mediaType: $t, digest: $d, size: $s}'
	mv "$1" "$dir/blobs/sha256/$sum"
}

# image DIR: an OCI image layout that holds a busybox, written with nothing but tar and jq. Its
# command is what a pause container does.
image() {
	local dir=$1 kind=application/vnd.oci.image layer config manifest diff
	mkdir -p "$dir/blobs/sha256"
	busybox_root "$dir/root"
	tar -C "$dir/root" -cf "$dir/layer" .
	diff=sha256:$(sha256sum "$dir/layer" | cut -d' ' -f1)
	layer=$(blob "$dir/layer" $kind.layer.v1.tar)
	jq -nc --arg d "$diff" '{architecture: "amd64", os: "linux", config: {
		Cmd: ["/bin/httpd", "-f", "-p", "80", "-h", "/www"], Env: ["PATH=/bin"]},
		rootfs: {type: "layers", diff_ids: [$d]}}' >"$dir/config"
	config=$(blob "$dir/config" $kind.config.v1+json)
	jq -nc --argjson l "$layer" --argjson c "$config" --arg t $kind.manifest.v1+json \
		'{schemaVersion: 2, mediaType: $t, config: $c, layers: [$l]}' >"$dir/manifest"
	manifest=$(blob "$dir/manifest" $kind.manifest.v1+json)
	jq -nc --argjson m "$manifest" --arg n fairlead.test/busybox:1 '{schemaVersion: 2,
		manifests: [$m + {annotations: {"io.containerd.image.name": $n}}]}' \
		>"$dir/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
}

# in_sandbox ID CMD...: runs a command in the namespace that the pod's ADD was given.
in_sandbox() {
	local netns
	netns=$(calls "$1" bridge ADD | jq -r .netns)
	shift
	in_machine nsenter --net="$netns" "$@"
}

# pod_ip ID 4|6: the pod's address on eth0.
pod_ip() {
	in_sandbox "$1" ip -j -"$2" addr show dev eth0 scope global | jq -r '.[0].addr_info[0].local'
}

@test "ctr runs a container on our network, and its end leaves nothing though DEL had no netns" {
	local before
	before=$(left_behind in_machine)
	run -0 ctr run --rm --cni fairlead.test/busybox:1 one /bin/ip -o addr show eth0
	[[ $output == *"10.66.0."* && $output == *"fd00:66::"* ]]
	[ "$(calls one bridge DEL | jq -r .netns)" = "" ]
	diff <(echo "$before") <(left_behind in_machine)
}

@test "two pods of a kubelet reach each other over both families" {
	local a b a4 a6
	a=$(cri_run a 0)
	b=$(cri_run b 0)
	a4=$(pod_ip "$a" 4)
	a6=$(pod_ip "$a" 6)
	[[ $(cri_status "$a") == *"$a4"* && $(cri_status "$a") == *"$a6"* ]]
	run -0 in_sandbox "$b" ping -c 1 -W 10 "$a4"
	run -0 in_sandbox "$b" ping -c 1 -W 10 "$a6"
	run -0 in_sandbox "$b" curl -s -m 10 "http://$a4/"
	[ "$output" = "hello from the pod" ]
	run -0 in_sandbox "$b" curl -s -m 10 "http://[$a6]/"
	[ "$output" = "hello from the pod" ]
	for id in "$a" "$b"; do
		cri_stop "$id"
		cri_remove "$id"
	done
}

@test "a pod's stop and removal leave nothing, with a DEL that comes twice" {
	local before id
	before=$(left_behind in_machine)
	id=$(cri_run gone 0 8081 80)
	[ "$(left_behind in_machine)" != "$before" ]
	cri_stop "$id"
	cri_remove "$id"
	diff <(echo "$before") <(left_behind in_machine)
	[ "$(calls "$id" bridge DEL | wc -l)" -ge 2 ]
	[ "$(calls "$id" bridge DEL | tail -n 1 | jq -r .netns)" = "" ]
	[ "$(calls "$id" bridge DEL | tail -n 1 | jq -r .conf.prevResult)" = null ]
}

@test "a host port with containerd's capitalised keys leads to a pod on our bridge" {
	local id
	id=$(cri_run web 0 8081 80)
	run -0 in_machine curl -s -m 10 http://10.66.0.1:8081/
	[ "$output" = "hello from the pod" ]
	run -0 jq -r '.conf.runtimeConfig.portMappings[0].HostPort' \
		<<<"$(calls "$id" portmap ADD)"
	[ "$output" = 8081 ]
	cri_stop "$id"
	cri_remove "$id"
}

@test "the pod's second sandbox starts while the first one's late DEL still comes" {
	local old new
	old=$(cri_run twice 0)
	cri_stop "$old"
	new=$(cri_run twice 1)
	cri_remove "$old"
	run -0 in_sandbox "$new" ping -c 1 -W 10 10.66.0.1
	cri_stop "$new"
	cri_remove "$new"
}

@test "containerd calls its network ready, and a pod that our bridge refuses is named with why" {
	run -0 cri_ready
	[[ $output == *NetworkReady* && $output != *NetworkPluginNotReady* ]]
	local before i
	before=$(left_behind in_machine)
	in_machine ip link add nobridge0 type ifb
	in_machine sed -i 's/"pods0"/"nobridge0"/' /etc/cni/net.d/10-pods.conflist
	# It reads its configuration again when the file changes, and tells nobody when it has.
	for ((i = 0; i < 40; i++)); do
		run cri_run refused 0
		[ "$status" = 0 ] || break
		cri_stop "$output"
		cri_remove "$output"
		sleep 0.5
	done
	[ "$status" != 0 ]
	network "$(machine_file /etc/cni/net.d/10-pods.conflist)"
	in_machine ip link del nobridge0
	[[ $output == *nobridge0* ]]
	diff <(echo "$before") <(left_behind in_machine)
}
