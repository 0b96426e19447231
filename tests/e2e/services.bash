# SPDX-License-Identifier: Apache-2.0
# Services in end-to-end tests: pods that answer with their names, who is asked and who answers, and
# the rules by which a node leads to them. Loaded after cluster.bash; the node is n1.

# The agent's configuration.
SERVICES_CONF='mode: vxlan
policy: {serviceCIDRs: [10.96.0.0/16, "fd00:96::/112"]}'

# services_up: the cluster of n1, with pods web1 and web2 that serve port 80, cli and other.
services_up() {
	cluster_start n1
	cluster_tell n1
	agent_up n1 -- "$SERVICES_CONF"
	on n1 in_node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	pod_attach n1 web1 "$(net web1)"
	pod_attach n1 web2 "$(net web2)"
	pod_attach n1 cli "$(net client)"
	pod_attach n1 other "$(net other)"
	serve web1 80
	serve web2 80
	services
}

# net APP [JQ]: the bridge's network, with this label on the pod; who masquerades says so below.
net() {
	bridge_conf pods '.ipMasq = false | .hairpinMode = true | .args.cni.labels = [{key: "app", value: "'"$1"'"}] | '"${2:-.}"
}

# answer NAME PORT COMMAND...: what the command runs answers each connection with the name.
answer() {
	local name=$1 port=$2
	shift 2
	"$@" python3 -c '
import socket, sys
s = socket.create_server(("", int(sys.argv[2])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c = s.accept()[0]
    try:
        c.sendall(sys.argv[1].encode() + b"\n")
    except OSError:
        pass
    c.close()' "$name" "$port" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	disown $!
	eventually 15 ask "$@" -- 127.0.0.1 "$port"
}

# serve POD PORT: the pod answers with its name.
serve() {
	answer "$1" "$2" nsenter --target "$NODE_PID_n1" --mount \
		--net="/proc/$NODE_PID_n1/root/run/netns/$1"
}

# serve_node NODE PORT: a process of the node does.
serve_node() {
	local var=NODE_PID_$1
	answer "$1" "$2" nsenter --target "${!var}" --mount --net
}

# ask COMMAND... -- ADDRESS PORT: who answers, as seen by what the command runs; fails without.
ask() {
	local run=()
	while [ "$1" != -- ]; do
		run+=("$1")
		shift
	done
	"${run[@]}" timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1" && read -r who <&3 && echo "$who"' \
		"$2" "$3" 2>/dev/null
}

connects() {
	ask on n1 in_pod "$1" -- "$2" "$3" >/dev/null
}

# services: what kube-proxy makes: 10.96.0.10 and fd00:96::10 for both pods, .11 for web1 and .12 for
# web2; node port 30080 for web1; who comes from itself or by the node port is masqueraded.
services() {
	local cmd suffix ip1 ip2 six
	for cmd in iptables ip6tables; do
		suffix=.0. six=4
		[ $cmd = iptables ] || suffix=:: six=6
		ip1=$(pod_ip n1 web1 $six) ip2=$(pod_ip n1 web2 $six)
		on n1 in_node sh -eu -s "$cmd" "$ip1" "$ip2" \
			"$([ $six = 4 ] && echo 10.96.0. || echo fd00:96::)" \
			"$([ $six = 4 ] && echo "$ip1:80 $ip2:80" || echo "[$ip1]:80 [$ip2]:80")" <<-'END'
			to1=${5% *} to2=${5#* }
			$1 -t nat -N MARK-MASQ
			$1 -t nat -A MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
			$1 -t nat -N SEP1
			$1 -t nat -A SEP1 -s $2 -j MARK-MASQ
			$1 -t nat -A SEP1 -p tcp -j DNAT --to-destination $to1
			$1 -t nat -N SEP2
			$1 -t nat -A SEP2 -s $3 -j MARK-MASQ
			$1 -t nat -A SEP2 -p tcp -j DNAT --to-destination $to2
			$1 -t nat -N SERVICES
			$1 -t nat -A SERVICES -p tcp -d ${4}10 --dport 80 \
				-m statistic --mode nth --every 2 --packet 0 -j SEP1
			$1 -t nat -A SERVICES -p tcp -d ${4}10 --dport 80 -j SEP2
			$1 -t nat -A SERVICES -p tcp -d ${4}11 --dport 80 -j SEP1
			$1 -t nat -A SERVICES -p tcp -d ${4}12 --dport 80 -j SEP2
			$1 -t nat -N NODEPORT
			$1 -t nat -A NODEPORT -j MARK-MASQ
			$1 -t nat -A NODEPORT -j SEP1
			$1 -t nat -A SERVICES -p tcp --dport 30080 -m addrtype --dst-type LOCAL -j NODEPORT
			$1 -t nat -A SERVICES -p tcp --dport 30081 -m addrtype --dst-type LOCAL -j SEP1
			$1 -t nat -A PREROUTING -j SERVICES
			$1 -t nat -A OUTPUT -j SERVICES
			$1 -t nat -A POSTROUTING -m mark --mark 0x4000/0x4000 -j MASQUERADE
			$1 -A FORWARD -m conntrack --ctstate INVALID -j DROP
		END
	done
}

# leads_to N ADDRESS4 ADDRESS6: 10.96.0.N and fd00:96::N lead there, TCP and UDP, ports 80 to 82 to
# 8080 to 8082.
leads_to() {
	on n1 in_node nft -f - <<-END
		table inet service$1 {
			chain pre {
				type nat hook prerouting priority dstnat
				ip daddr 10.96.0.$1 meta l4proto { tcp, udp } dnat ip to $2 : th dport map { 80 : 8080, 81 : 8081, 82 : 8082 }
				ip6 daddr fd00:96::$1 meta l4proto { tcp, udp } dnat ip6 to $3 : th dport map { 80 : 8080, 81 : 8081, 82 : 8082 }
			}
		}
	END
}

# leads_iptables_to N BACKEND4 BACKEND6: port 82 of 10.96.0.N and fd00:96::N does, by kube-proxy's kind
# of rules.
leads_iptables_to() {
	local proto
	for proto in tcp udp; do
		on n1 in_node iptables -t nat -A SERVICES -p $proto -d "10.96.0.$1" --dport 82 \
			-j DNAT --to-destination "$2"
		on n1 in_node ip6tables -t nat -A SERVICES -p $proto -d "fd00:96::$1" --dport 82 \
			-j DNAT --to-destination "$3"
	done
}

# masquerades EXPRESSION...: the node gives what these match its own address (table inet masq).
masquerades() {
	{
		echo 'table inet masq { chain post { type nat hook postrouting priority srcnat;'
		printf '%s counter masquerade;\n' "$@"
		printf '}\n}\n'
	} | on n1 in_node nft -f -
}

# masquerades_out: what leaves the pods' network.
masquerades_out() {
	masquerades 'ip saddr 10.88.0.0/16 ip daddr != 10.88.0.0/16' \
		'ip6 saddr fd00:88::/64 ip6 daddr != fd00:88::/64'
}

# has_masqueraded: each of the rules has done so.
has_masqueraded() {
	on n1 in_node nft list table inet masq | awk '/counter/ { n++; ok += !/packets 0 / }
		END { exit !n || ok < n }'
}

# nobody_for POD ADDRESS PORT [ADDRESS PORT]...: nothing of it answers, all asked at once.
nobody_for() {
	local pod=$1 pids=() answered=0 pid
	shift
	while [ $# -gt 0 ]; do
		connects "$pod" "$1" "$2" &
		pids+=($!)
		shift 2
	done
	for pid in "${pids[@]}"; do
		! wait "$pid" || answered=1
	done
	return $answered
}

# ingress APP PEER: APP's pods may be reached by PEER (YAML) only.
ingress() {
	cat <<-END
		---
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: in-$1, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: $1}}
		  ingress: [{from: [$2]}]
	END
}

# client_only RULE: what pods with app=client may send (YAML), and nothing else.
client_only() {
	policy <<-END
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: out, namespace: default}
		spec: {podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{$1}]}
	END
}
