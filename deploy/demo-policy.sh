#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Who may speak to whom: three pods on a node whose agent enforces NetworkPolicy by eBPF. A policy is
# a file in a folder; it is in force at once, `fairlead` says what it does and why, and it stays in
# force while the agent is dead. All of it lives in namespaces of its own and below one temporary
# folder, and is gone at the end, also when the demo is interrupted. Any step that does not do what it
# says ends it with status 1.
#
# usage: deploy/demo-policy.sh BUILD      BUILD: the folder that make builds into
set -euo pipefail

# shellcheck source=deploy/demo.bash
. "$(dirname "$0")/demo.bash"

write_files()
{
	local pod

	mkdir -p "$top"/etc/{cni/net.d,fairlead/manifests}
	cat >"$top/etc/cni/net.d/10-demo.conflist" <<-'JSON'
		{ "cniVersion": "1.1.0", "name": "demo", "plugins": [
		  { "type": "bridge", "bridge": "demo0", "isDefaultGateway": true,
		    "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.42.0.0/24" }]] } } ] }
	JSON
	cat >"$top/etc/fairlead/agent.yaml" <<-'YAML'
		nodeName: here
		mode: none
		metrics: {listen: ''}
		log: {level: warn}
	YAML
	{
		cat <<-YAML
			apiVersion: v1
			kind: Node
			metadata: {name: here}
			spec: {podCIDRs: [10.42.0.0/24]}
			status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
		YAML
		for pod in web client stranger; do
			cat <<-YAML
				---
				apiVersion: v1
				kind: Pod
				metadata: {name: $pod, namespace: default, labels: {app: $pod}}
				spec: {nodeName: here}
			YAML
		done
	} >"$top/etc/fairlead/manifests/cluster.yaml"
}

# Written beside and renamed, as everybody should.
write_policy()
{
	cat >"$top/policy.tmp" <<-'YAML'
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: clients-only, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: web}}
		  ingress:
		  - from: [{podSelector: {matchLabels: {app: client}}}]
		    ports: [{port: 80}]
	YAML
	mv "$top/policy.tmp" "$top/etc/fairlead/manifests/policy.yaml"
}

# until_within SECONDS CMD...: runs the command every 20 ms until it succeeds.
until_within()
{
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || die "not within the time: $*"$'\n'"$(tail -n 5 "$top/agent.log")"
		sleep 0.02
	done
}

# As a runtime for Kubernetes calls the plugins: it says which pod it is.
pod()
{
	local name=$1
	shift
	CNI_ARGS="K8S_POD_NAMESPACE=default;K8S_POD_NAME=$name" \
		show berth run -d --name "$name" --net demo --rootfs "$top/rootfs" -- "$@"
}

# reaches POD: it gets the page. is_shut POD: within a second, it does not.
reaches()
{
	[[ $(http_get "$1" "$web_ip") == *"$greeting"* ]] || die "$1 does not get the page"
	echo "   $1 gets the page."
}

is_shut()
{
	[[ -z $(http_get "$1" "$web_ip" 1) ]] || die "$1 gets the page"
	echo "   $1 gets no answer."
}

start_agent()
{
	fairleadd 2>>"$top/agent.log" &
	agent=$!
	disown
	until_within 20 sh -c 'fairlead status | grep -q "^READY *yes"'
}

inside()
{
	build=$1 top=$2
	trap 'echo "demo: step $steps went wrong, at line $LINENO" >&2' ERR
	set -E
	cd "$top"
	export PATH=$build/bin:$PATH FAIRLEAD_ROOT=$top CNI_PATH=$build/cni
	unset NETCONFPATH CNI_ARGS CAP_ARGS CNI_IFNAME
	ip link set lo up
	ip addr add 192.0.2.1/32 dev lo
	mount -t bpf bpf /sys/fs/bpf
	greeting='Hello from a pod!'
	make_rootfs "$greeting"
	write_files

	echo "Fairlead: network policies, enforced by eBPF. \$TOP is $top,"
	echo 'and a host of its own (network, mount and process namespaces): yours is not touched.'

	step 'The agent' 'One program, one file; it takes manifests as kubectl writes them.'
	show cat "$top/etc/fairlead/agent.yaml"
	start_agent
	show fairlead status

	step 'Three pods' '"web" serves HTTP; "client" and "stranger" have other labels.'
	pod web httpd -f -h /www
	pod client sleep 3600
	pod stranger sleep 3600
	show fairlead endpoints
	web_ip=$(address_of web)

	step 'No policy: everybody may speak to everybody'
	reaches client
	reaches stranger

	step 'A policy' 'It is in force some milliseconds after the file is there.'
	write_policy
	show cat "$top/etc/fairlead/manifests/policy.yaml"
	until_within 10 sh -c 'fairlead policy list | grep -q clients-only'
	reaches client
	is_shut stranger

	step 'Why?' 'What became of packets, and what the policy means, also without a packet.'
	until_within 10 sh -c 'fairlead flows --drops | grep -q policy_ingress'
	show fairlead flows --drops --last 1
	if show fairlead policy explain --from default/stranger --to default/web --port 80/tcp; then
		die 'explain says that it may'
	fi
	show fairlead policy explain --from default/client --to default/web --port 80/tcp

	step 'The agent dies' 'Nothing opens, and nothing is cut.'
	show kill -KILL $agent
	until_within 10 sh -c "! kill -0 $agent"
	reaches client
	is_shut stranger

	step 'The agent is back, and the policy goes'
	start_agent
	show rm "$top/etc/fairlead/manifests/policy.yaml"
	until_within 10 sh -c '! fairlead policy list | grep -q clients-only'
	reaches stranger

	step 'The pods go'
	show berth delete web
	show berth delete client
	show berth delete stranger
	show fairlead endpoints
	[[ -z $(find "$top/run/fairlead/endpoints" -type f) ]] || die 'a record is left'
	kill $agent
	until_within 10 sh -c "! kill -0 $agent"
	printf '\n%sDone.%s\n' "$bold" "$plain"
}

if [[ ${1-} == --inside ]]; then
	shift
	inside "$@"
else
	outside demo-policy "${1-}" bin/berth bin/fairleadd bin/fairlead cni/bridge cni/host-local
fi
