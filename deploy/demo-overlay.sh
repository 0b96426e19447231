#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Two machines, two configuration files, and nothing else: a pod on each, and they talk through a
# VXLAN overlay. No agent, no daemon, no cluster. A "machine" is a network namespace and a
# folder of files of its own, with a cable to the other; all of it lives below one temporary
# folder and is gone at the end, also when the demo is interrupted. Any step that does not do
# what it says ends it with status 1.
#
# usage: deploy/demo-overlay.sh BUILD      BUILD: the folder that make builds into
set -euo pipefail

# shellcheck source=deploy/demo.bash
. "$(dirname "$0")/demo.bash"

# on MACHINE CMD...: runs a command on a machine.
on()
{
	local machine=$1
	shift
	FAIRLEAD_ROOT=$top/$machine nsenter --net="/run/netns/$machine" -- "$@"
}

# What demo.bash runs, runs on the machine that $machine names.
run()
{
	on "$machine" "$@"
}

# show MACHINE CMD...: shows a command as the reader would type it on that machine, and runs it.
show()
{
	local machine=$1
	shift
	show_as "$machine# " "$top/$machine" "$@"
}

# traces MACHINE: what there is of attachments: of each kind something while pods live, nothing
# after.
traces()
{
	local root=$top/$1

	find "$root/var/lib/cni/networks" -type f -name '[0-9a-f]*' ! -name '*.*.*.*.*' \
		-printf 'lease %f\n' 2>/dev/null || :
	find "$root/run/fairlead/endpoints" -type f -printf 'record %f\n' 2>/dev/null || :
	find "$root/var/lib/cni/results" -type f -printf 'cached result %f\n'
	find "$root/run/berth" -mindepth 1 -maxdepth 1 ! -name '.*' -printf 'container %f\n'
	on "$1" ip -o link show type veth | sed -n 's/^[0-9]*: \(veth[^:@]*\).*/link \1/p'
	on "$1" ip route show | sed -n 's/^\([0-9.]*\) dev veth.*/route \1/p'
	sed -n "s|.* \($root/run/berth[^ ]*\) .*|mount \1|p" /proc/self/mountinfo
}

# Two namespaces with a cable between their eth0.
make_machines()
{
	mount -t tmpfs -o mode=755 machines /run
	ip netns add one
	ip netns add two
	ip link add name eth0 netns one type veth peer name eth0 netns two
	on one ip link set lo up
	on two ip link set lo up
	on one ip addr add 192.0.2.11/24 dev eth0
	on two ip addr add 192.0.2.12/24 dev eth0
	on one ip link set eth0 up
	on two ip link set eth0 up
}

# write_network MACHINE BLOCK PEER_NAME PEER_IP PEER_BLOCK
write_network()
{
	mkdir -p "$top/$1/etc/cni/net.d"
	cat >"$top/$1/etc/cni/net.d/10-demo.conflist" <<-JSON
		{
		  "cniVersion": "1.1.0",
		  "name": "demo",
		  "plugins": [
		    {
		      "type": "vxlan",
		      "peers": [{ "name": "$3", "ip": "$4", "cidrs": ["$5"] }],
		      "ipam": { "type": "host-local", "ranges": [[{ "subnet": "$2" }]] }
		    }
		  ]
		}
	JSON
}

# packets MACHINE: how many the VTEP has received and sent.
packets()
{
	on "$1" ip -s link show dev fairlead.1 |
		awk '/RX:/ { getline; rx = $2 } /TX:/ { getline; print rx, $2 }'
}

inside()
{
	local before after
	build=$1 top=$2
	trap 'echo "demo: step $steps went wrong, at line $LINENO" >&2' ERR
	set -E
	cd "$top"
	export PATH=$build/bin:$PATH CNI_PATH=$build/cni
	unset NETCONFPATH CNI_ARGS CAP_ARGS CNI_IFNAME
	make_rootfs 'Hello from the other machine!'
	make_machines

	echo 'Fairlead: pods of two machines in one network, by two files.'
	echo "\$TOP is $top; the machines are namespaces, and yours is not touched."

	step 'Two machines with a cable between them'
	show one ip -4 -br addr show dev eth0
	show two ip -4 -br addr show dev eth0
	show one ping -c 1 -w 5 192.0.2.12

	step 'Two files' \
		'Each machine has a block of addresses for its pods and names the other one. That is all.'
	write_network one 10.244.1.0/24 two 192.0.2.12 10.244.2.0/24
	write_network two 10.244.2.0/24 one 192.0.2.11 10.244.1.0/24
	show one cat "$top/one/etc/cni/net.d/10-demo.conflist"
	show two cat "$top/two/etc/cni/net.d/10-demo.conflist"

	step 'A pod on each' 'berth calls the plugin: CNI ADD. "web" serves HTTP, "client" sleeps.'
	show two berth run -d --name web --net demo --rootfs "$top/rootfs" -- httpd -f -h /www
	show one berth run -d --name client --net demo --rootfs "$top/rootfs" -- sleep 3600
	show one berth exec client -- ip -4 addr show dev eth0
	show one berth exec client -- ip route
	web_ip=$(machine=two address_of web)
	client_ip=$(machine=one address_of client)
	[[ $web_ip == 10.244.2.* && $client_ip == 10.244.1.* ]] ||
		die "addresses are '$web_ip' and '$client_ip'"

	step 'The way to the other machine' \
		'A VXLAN device, and one route, one neighbour and one forwarding entry for the peer.'
	show one ip -br link show dev fairlead.1
	show one ip -4 route show
	show one ip -4 neigh show dev fairlead.1
	show one bridge fdb show dev fairlead.1

	step "A ping from machine one's pod to machine two's ($web_ip)"
	before=$(packets one)
	show one berth exec client -- ping -c 3 -i 0.2 -w 5 "$web_ip"

	step 'An HTTP request, the same way'
	echo "   ${dim}one's client\$ printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc $web_ip 80${plain}"
	answer=$(machine=one http_get client "$web_ip")
	printf '%s\n' "$answer" | sed 's/^/     /'
	[[ $answer == *'Hello from the other machine!'* ]] || die 'the answer is not the page'
	after=$(packets one)
	echo "   The VXLAN device of machine one had received and sent $before packets, and now $after."
	((${after% *} - ${before% *} >= 6 && ${after#* } - ${before#* } >= 6)) ||
		die 'that was another way'

	step 'CHECK' 'Is everything as ADD left it?'
	show one berth net check --id client demo "$top/one/run/berth/client/netns"
	show two berth net check --id web demo "$top/two/run/berth/web/netns"
	echo '   Yes, twice.'

	step 'CHECK, after somebody meddled' 'One entry less, and the other machine cannot be reached.'
	show one bridge fdb del "$(on one bridge fdb show dev fairlead.1 | sed -n '1s/ .*//p')" \
		dev fairlead.1 dst 192.0.2.12
	if show one berth net check --id client demo "$top/one/run/berth/client/netns"; then
		die 'CHECK did not see it'
	fi

	step 'DEL' 'First, a look at what has to go with the pods. Then they end.'
	for machine in one two; do
		found=$(traces $machine)
		printf '%s\n' "$found" | sed "s|$top/$machine||g; s|^|     $machine: |"
		for kind in lease record cached container link route mount; do
			grep -q "^$kind " <<<"$found" || die "no $kind is to be seen on $machine"
		done
	done
	show one berth delete client
	show two berth delete web

	step 'What is left?' 'The same look again.'
	left=$(traces one && traces two)
	[[ -z $left ]] || die "left behind:"$'\n'"$left"
	echo '     nothing'
	echo '   (A network keeps its VXLAN device and its way to the peers for the next pod.)'
	printf '\n%sDone.%s\n' "$bold" "$plain"
}

if [[ ${1-} == --inside ]]; then
	shift
	inside "$@"
else
	outside demo-overlay "${1-}" bin/berth cni/vxlan cni/host-local
fi
