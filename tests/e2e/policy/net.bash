# SPDX-License-Identifier: Apache-2.0
# Networks for packets.py, each of two nodes and what is outside: real ones with the addresses of
# build.py. Load it after node.bash and cluster.bash.
#
#	setup_file()    { net_start bridge; net_start vxlan; }
#	teardown_file() { net_stop bridge; net_stop vxlan; }
#
# The network NAME has the nodes NAME_n1 (192.168.0.1, 2001:db8:f::1, pods 10.0.0.0/23 and fd00::/111:
# the namespaces x and y) and NAME_n2 (192.168.0.2, 2001:db8:f::2, pods 10.0.2.0/24 and
# fd00::2:0/112: z), which know each other as n1 and n2, and NAME_lan, which routes and has every
# address outside. Nothing is translated on the way.

net_block() {
	case $1$2 in
	n14) echo 10.0.0.0/23 ;;
	n16) echo fd00::/111 ;;
	n24) echo 10.0.2.0/24 ;;
	n26) echo fd00::2:0/112 ;;
	esac
}

# net_start NAME MODE: the nodes, and agents in this mode that enforce policies. Routes to the other
# node's pods are the agent's, in the mode "none" ours.
net_start() {
	local net=$1 mode=$2 n other
	node_start_settled "${net}_lan"
	in_node ip -batch - <<-END
		link add br0 type bridge
		link set br0 up
		addr add 192.168.0.254/24 dev br0
		addr add 2001:db8:f::fe/64 dev br0 nodad
	END
	in_node sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	for n in n1 n2; do
		node_start_settled "${net}_$n"
		node_join "${net}_lan" "port-$n" "${net}_$n" eth0
		on "${net}_lan" in_node ip link set "port-$n" master br0
		on "${net}_$n" in_node ip -batch - <<-END
			addr add 192.168.0.${n#n}/24 dev eth0
			addr add 2001:db8:f::${n#n}/64 dev eth0 nodad
			route add default via 192.168.0.254
			route add default via 2001:db8:f::fe
		END
		on "${net}_lan" in_node ip -batch - <<-END
			route add $(net_block "$n" 4) via 192.168.0.${n#n}
			route add $(net_block "$n" 6) via 2001:db8:f::${n#n}
		END
	done
	for n in n1 n2; do
		other=n$((3 - ${n#n}))
		[ "$mode" != none ] || on "${net}_$n" in_node ip -batch - <<-END
			route add $(net_block $other 4) via 192.168.0.${other#n}
			route add $(net_block $other 6) via 2001:db8:f::${other#n}
		END
		net_agent_ "$net" "$n" "$mode"
	done
	agent_wait_ready "${net}_n1" "${net}_n2"
}

net_agent_() {
	local node=$1_$2 n
	on "$node" node_use "$node"
	mkdir -p "$(node_file /etc/fairlead/manifests)"
	cat >"$(node_file /etc/fairlead/agent.yaml)" <<-END
		nodeName: $2
		mode: $3
		masquerade: false
		metrics: {listen: ''}
		policy: {enforce: true}
	END
	for n in n1 n2; do
		manifest_put "$node" "$n.yaml" <<-END
			apiVersion: v1
			kind: Node
			metadata: {name: $n}
			spec: {podCIDRs: ["$(net_block "$n" 4)", "$(net_block "$n" 6)"]}
			status:
			  addresses:
			  - {type: InternalIP, address: 192.168.0.${n#n}}
			  - {type: InternalIP, address: "2001:db8:f::${n#n}"}
		END
	done
	agent_start "$node"
}

# net_stop NAME: ends its nodes and whatever runs in them. Never fails.
net_stop() {
	local n
	for n in n1 n2 lan; do
		node_stop "$1_$n"
	done
}
