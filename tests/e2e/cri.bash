# SPDX-License-Identifier: Apache-2.0
# The four calls of the Container Runtime Interface that a kubelet makes for a pod's network,
# spoken to containerd's socket with curl: there is no CRI client in Debian 12. A gRPC message is
# HTTP/2 with five bytes before a protobuf; protobufs are made here as text in hexadecimal.

# pb_bytes FIELD HEX: a length-delimited field (a nested message, given in hexadecimal).
pb_bytes() {
	local n=$((${#2} / 2))
	((n < 16384)) || return 1
	printf '%02x' $(($1 << 3 | 2))
	if ((n < 128)); then
		printf '%02x' "$n"
	else
		printf '%02x%02x' $((n & 127 | 128)) $((n >> 7))
	fi
	printf '%s' "$2"
}

# pb_text FIELD TEXT: a string field.
pb_text() {
	pb_bytes "$1" "$(printf '%s' "$2" | od -An -v -tx1 | tr -d ' \n')"
}

# pb_int FIELD NUMBER: an integer field, below 2^14 times 128.
pb_int() {
	local n=$2
	printf '%02x' $(($1 << 3))
	while ((n > 127)); do
		printf '%02x' $((n & 127 | 128))
		n=$((n >> 7))
	done
	printf '%02x' "$n"
}

# cri METHOD HEX: one call; prints the answer's readable text, fails with grpc-message.
cri() {
	local head=/run/cri.head body=/run/cri.body
	printf '%b' "$(printf '00%08x%s' $((${#2} / 2)) "$2" | sed 's/../\\x&/g')" \
		>"$(machine_file /run/cri.ask)"
	in_machine curl -sS -m 30 --http2-prior-knowledge --unix-socket /run/containerd.sock \
		-H 'content-type: application/grpc' -H 'te: trailers' \
		--data-binary @/run/cri.ask -D $head -o $body \
		"http://localhost/runtime.v1.RuntimeService/$1" || return
	if ! grep -qi '^grpc-status: 0' "$(machine_file $head)"; then
		sed -n 's/^grpc-message: //p' "$(machine_file $head)" >&2
		return 1
	fi
	tail -c +6 "$(machine_file $body)" | tr -c '[:print:]' '\n' | sed '/^$/d'
}

# cri_run NAME ATTEMPT [HOSTPORT CONTAINERPORT]: RunPodSandbox; prints the sandbox's id.
cri_run() {
	local config ports=
	config=$(pb_bytes 1 "$(pb_text 1 "$1")$(pb_text 2 "uid-$1")$(pb_text 3 default)$(
		pb_int 4 "$2")")
	config+=$(pb_text 2 "$1")
	[ $# -lt 3 ] || ports=$(pb_bytes 5 "$(pb_int 2 "$4")$(pb_int 3 "$3")")
	config+=$ports$(pb_bytes 6 "$(pb_text 1 app)$(pb_text 2 "$1")")
	config+=$(pb_bytes 8 "$(pb_text 1 /fairlead-test)")
	cri RunPodSandbox "$(pb_bytes 1 "$config")" | grep -oE '[0-9a-f]{64}'
}

cri_stop() {
	cri StopPodSandbox "$(pb_text 1 "$1")"
}

cri_remove() {
	cri RemovePodSandbox "$(pb_text 1 "$1")"
}

# The readable strings of PodSandboxStatus, the pod's addresses among them.
cri_status() {
	cri PodSandboxStatus "$(pb_text 1 "$1")"
}

# The readable strings of Status: names and reasons of the runtime's conditions.
cri_ready() {
	cri Status ""
}
