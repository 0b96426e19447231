#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two pods on a bridge network, shown step by step: attached, talking, checked, removed, and
# nothing left. Everything happens inside network, mount and process namespaces of its own and
# below one temporary folder, so the machine is not touched; both are gone at the end, also
# when the demo is interrupted. Any step that does not do what it says ends it with status 1.
#
# usage: deploy/demo.sh BUILD      BUILD: the folder that make builds into
set -euo pipefail

# shellcheck source=deploy/demo.bash
. "$(dirname "$0")/demo.bash"

# The "result" of a cache entry, a line for each thing in it.
show_result()
{
	show ls "$1"
	sed -e 's/.*"result"://; s/}$//; s/"\(interfaces\|ips\|routes\|dns\)"/\n  "\1"/g' \
		-e 's/\[{/[\n    {/g; s/},{/},\n    {/g' -e "s|$top|\$TOP|g" "$1" | sed 's/^/     /'
	echo
}

# Prints what there is of attachments: of each kind something while pods live, nothing after.
traces()
{
	local leases=$top/var/lib/cni/networks/demo
	[[ ! -d $leases ]] ||
		find "$leases" -type f ! -name lock ! -name 'last_reserved_ip.*' -name '[0-9a-f]*' \
			-printf 'lease %f\n'
	[[ ! -d $top/run/fairlead/endpoints ]] ||
		find "$top/run/fairlead/endpoints" -type f -printf 'record %f\n'
	find "$top/var/lib/cni/results" -type f -printf 'cached result %f\n'
	find "$top/run/berth" -mindepth 1 -maxdepth 1 ! -name '.*' -printf 'container %f\n'
	ip -o link show type veth | sed 's/^[0-9]*: \([^:@]*\).*/link \1/'
	nft list ruleset 2>/dev/null | grep -F -e "$web_ip" -e "$client_ip" | sed 's/^\s*/rule /' || :
	sed -n "s|.* \($top/run/berth[^ ]*\) .*|mount \1|p" /proc/self/mountinfo
}

write_network()
{
	mkdir -p "$top/etc/cni/net.d"
	cat >"$top/etc/cni/net.d/10-demo.conflist" <<-'JSON'
		{
		  "cniVersion": "1.1.0",
		  "name": "demo",
		  "plugins": [
		    {
		      "type": "bridge",
		      "bridge": "demo0",
		      "isDefaultGateway": true,
		      "ipMasq": true,
		      "ipam": {
		        "type": "host-local",
		        "ranges": [[{ "subnet": "10.42.0.0/24" }], [{ "subnet": "fd42::/64" }]]
		      }
		    }
		  ]
		}
	JSON
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

	echo "Fairlead: a pod network from end to end. \$TOP is $top,"
	echo 'and a host of its own (network, mount and process namespaces): yours is not touched.'

	step 'A root file system for the pods' 'One static busybox is enough.'
	make_rootfs 'Hello from a pod!'
	show ls "$top/rootfs" "$top/rootfs/bin"

	step 'A network' 'This file is all there is to it: a bridge, and addresses from two ranges.'
	write_network
	show cat "$top/etc/cni/net.d/10-demo.conflist"
	show berth net status demo

	step 'Two pods' \
		'berth makes the namespaces and calls the plugins of the list: CNI ADD.' \
		'"web" serves HTTP, "client" sleeps.'
	show berth run -d --name web --net demo --rootfs "$top/rootfs" -- httpd -f -h /www
	show berth run -d --name client --net demo --rootfs "$top/rootfs" -- sleep 3600
	show berth list

	step 'How a pod is attached' 'eth0 inside, a veth and the bridge outside.'
	show berth exec web -- ip addr
	show berth exec web -- ip route
	show ip -br addr
	web_ip=$(address_of web)
	client_ip=$(address_of client)
	[[ -n $web_ip && -n $client_ip && $web_ip != "$client_ip" ]] ||
		die "addresses are '$web_ip' and '$client_ip'"

	step 'What ADD answered' 'As every runtime keeps it for CHECK and DEL, in the CNI cache.'
	show_result "$top/var/lib/cni/results/demo-web-eth0"

	step "A ping from client to web ($web_ip)"
	show berth exec client -- ping -c 3 -i 0.2 -w 5 "$web_ip"

	step 'An HTTP request from client to web'
	echo "   ${dim}\$ printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc $web_ip 80${plain}"
	answer=$(http_get client "$web_ip")
	printf '%s\n' "$answer" | sed 's/^/     /'
	[[ $answer == *'Hello from a pod!'* ]] || die 'the answer is not the page'

	step 'CHECK' 'Is everything as ADD left it?'
	show berth net check --id web demo "$top/run/berth/web/netns"
	show berth net check --id client demo "$top/run/berth/client/netns"
	echo '   Yes, twice.'

	step 'CHECK, after somebody meddled'
	show berth exec client -- ip addr del "$client_ip/24" dev eth0
	if show berth net check --id client demo "$top/run/berth/client/netns"; then
		die 'CHECK did not see it'
	fi

	step 'What two pods take' 'Before they go, a look at what has to go with them.'
	found=$(traces)
	printf '%s\n' "$found" | sed "s|$top|\$TOP|g; s/^/     /"
	for kind in lease record cached container link rule mount; do
		grep -q "^$kind " <<<"$found" || die "no $kind is to be seen"
	done

	step 'DEL' 'Pods end, and berth calls the plugins for the last time.'
	show berth delete web
	show berth delete client
	show berth list

	step 'What is left?' \
		'The same look again: leases, records, results, containers, links, rules, mounts.'
	left=$(traces)
	[[ -z $left ]] || die "left behind:"$'\n'"$left"
	echo '     nothing'
	echo '   (The network keeps its bridge and its one nf_tables table for the next pod.)'
	printf '\n%sDone.%s\n' "$bold" "$plain"
}

if [[ ${1-} == --inside ]]; then
	shift
	inside "$@"
else
	outside demo "${1-}" bin/berth cni/bridge cni/host-local
fi
