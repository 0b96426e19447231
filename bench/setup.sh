#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a host of the benchmark is made of, run inside its network namespace by cnibench:
#	setup.sh VERB HOST NETWORK NUMBER
set -eu
verb=$1 host=$2 network=$3 number=$4
store=/var/lib/cni/networks/$network

case $verb in
base) # an uplink to a namespace that stands for the rest of the world
	ip link set lo up
	ip link add up0 type veth peer name eth0 netns "$host.out"
	ip addr add 192.0.2.1/24 dev up0
	ip link set up0 up
	ip -n "$host.out" addr add 192.0.2.2/24 dev eth0
	ip -n "$host.out" link set eth0 up
	ip -n "$host.out" route add default via 192.0.2.1
	mkdir -p "$store"
	;;
floor) # what the yardstick takes for granted
	ip link add cni0 type bridge
	ip addr add 10.88.0.1/16 dev cni0
	ip link set cni0 up
	echo 1 >/proc/sys/net/ipv4/ip_forward
	[ "$number" = 0 ] || nft -f - <<-NFT
		table ip floor {
			set pods { type ipv4_addr; }
			chain post {
				type nat hook postrouting priority srcnat;
				ip saddr @pods ip daddr != { 10.88.0.0/16, 224.0.0.0/4 } masquerade
			}
		}
	NFT
	;;
leases) # as many as there are, with the round robin standing behind the last one
	awk -v n="$number" -v d="$store" 'BEGIN {
		for (i = 2; i < n + 2; i++) {
			ip = "10.88." int(i / 256) "." i % 256
			printf "bench-filler-%u\r\neth0", i > (d "/" ip)
			close(d "/" ip)
		}
		printf "%s", ip > (d "/last_reserved_ip.0")
	}'
	;;
chains) # as the reference plugins leave them for pods of another network
	awk -v n="$number" 'BEGIN {
		print "*nat"
		for (i = 0; i < n; i++) {
			c = sprintf("CNI-%024x", i)
			ip = "10.99." int(i / 250) "." i % 250 + 2
			print ":" c " - [0:0]"
			print "-A " c " -d 10.99.0.0/16 -j ACCEPT"
			print "-A " c " ! -d 224.0.0.0/4 -j MASQUERADE"
			print "-A POSTROUTING -s " ip "/32 -j " c
		}
		print "COMMIT"
	}' | iptables-restore -n
	;;
crowd) # bridge ports whose other ends are up in one namespace
	awk -v n="$number" -v ns="$host.crowd" 'BEGIN {
		for (i = 0; i < n; i++)
			print "link add q" i " up master cni0 type veth peer name p" i " netns " ns
	}' | ip -batch -
	awk -v n="$number" 'BEGIN { for (i = 0; i < n; i++) print "link set p" i " up" }' |
		ip -n "$host.crowd" -batch -
	;;
agent) # ours, with a policy that selects every pod and allows everything
	mkdir -p /run/bench/manifests /run/bench/bpf
	mount -t bpf bpf /run/bench/bpf
	cat >/run/bench/manifests/all.yaml <<-YAML
		apiVersion: v1
		kind: Node
		metadata: {name: n1}
		spec: {podCIDRs: [10.88.0.0/16]}
		status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: all, namespace: default}
		spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
	YAML
	cat >/run/bench/agent.yaml <<-YAML
		nodeName: n1
		mode: none
		manifests: /run/bench/manifests
		masquerade: false
		metrics: {listen: ''}
		policy: {enforce: true, maps: /run/bench/bpf}
	YAML
	"$BENCH_OWN/../bin/fairleadd" --config /run/bench/agent.yaml </dev/null >/run/bench/log 2>&1 &
	for i in $(seq 300); do
		! "$BENCH_OWN/../bin/fairlead" status >/dev/null 2>&1 || exit 0
		sleep 0.1
	done
	tail -n 5 /run/bench/log
	exit 1
	;;
*)
	echo "setup.sh: unknown verb '$verb'" >&2
	exit 2
	;;
esac
