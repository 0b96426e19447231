# SPDX-License-Identifier: Apache-2.0
# The world as text: everything a plugin may leave behind, so that diff can say what it left.
#
#	world POD...		inside a node: prints the node's world and that of these pods
#	world_settle		waits until the world is at rest
#	node_world POD..., node_settle	the same from a test file (needs node.bash)
#
# Two runs with nothing between them print the same bytes. Part of the world are, in the node
# and in each pod: links with their details, addresses, routes of all tables, permanent and
# proxy neighbours, the nf_tables ruleset, permanent forwarding entries, forwarding sysctls;
# of files, names, kinds, modes and contents below /run/fairlead, /run/cni and /var/lib/cni.
# IPv6 checks a new address for a second or two, and adds its routes when it is done; that needs
# carrier, so a bridge settles only while it has a pod.
#
# What is left out, because it changes without anyone having left anything:
#	- carrier, operational state and all timers of links; tentative and expiry of addresses;
#	  "linkdown" of routes; neighbours and forwarding entries that were learned;
#	- counters and handles of nf_tables objects (rules are re-asserted by each ADD);
#	- contents, not names, of host-local's last_reserved_ip.N and lock, and of the index
#	  below /run/fairlead/ipam: the place where the next search begins, and a cache.

WORLD_ROOTS=(/run/fairlead /run/cni /var/lib/cni)

world_ip_commands_='link show
addr show
route show table all
neigh show nud permanent
neigh show proxy'

# Takes out of iproute2's words what the comment above leaves out.
world_steady_() {
	LC_ALL=C sed -E \
		-e 's/,?(NO-CARRIER|LOWER_UP|DORMANT)//g; s/<,/</; s/ state [A-Z]+//' \
		-e 's/ (hello|tcn|topology_change|gc|message_age|forward_delay|hold)_timer +[0-9.]+//g' \
		-e 's/ state (disabled|listening|learning|forwarding|blocking)//' \
		-e 's/ topology_change(_detected)? [01]//g; s/ fdb_n_learned [0-9]+//' \
		-e 's/ (tentative|dadfailed)//g; s/valid_lft .*//; s/ (linkdown|dead)//g; s/ +$//' |
		LC_ALL=C sort
}

world() {
	local pod
	echo "## node"
	{
		ip -o -d -force -batch - <<<"$world_ip_commands_" 2>&1
		bridge fdb show | grep -E 'permanent|static'
	} | world_steady_
	nft -s list ruleset 2>&1
	grep -s . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
	for pod; do
		echo "## pod $pod"
		nsenter --net="/run/netns/$pod" ip -o -d -force -batch - \
			<<<"$world_ip_commands_" 2>&1 | world_steady_
		nsenter --net="/run/netns/$pod" nft -s list ruleset 2>&1
	done
	echo "## files"
	{
		find "${WORLD_ROOTS[@]}" -printf '%p %y %m %l\n' 2>/dev/null
		grep -raHs '' "${WORLD_ROOTS[@]}" --exclude='last_reserved_ip.*' --exclude=lock \
			--exclude-dir=ipam
	} | LC_ALL=C sort
	return 0
}

world_settle() {
	local i
	for ((i = 0; i < 300; i++)); do
		ip -6 -o addr show tentative | grep -qv dadfailed || return 0
		sleep 0.1
	done
	echo "addresses are being checked for more than 30 s:"
	ip -6 -o addr show tentative
	return 1
}

node_settle() {
	in_node bash -c '. "$1"; world_settle' - "${BASH_SOURCE[0]}"
}

node_world() {
	in_node bash -c '. "$1"; shift; world "$@"' - "${BASH_SOURCE[0]}" "$@"
}
