# SPDX-License-Identifier: Apache-2.0
# Runs inside another kernel (see guest.sh): what every kernel must do with pods, end to end. Two
# nodes with agents, one of them with the datapath; pods by vxlan and by bridge; policy; an agent
# that is killed and comes back. Prints TAP. Without jq, whose start takes a sixth of a second here.

cd /fairlead || exit 1
. tests/e2e/node.bash
. tests/e2e/cluster.bash
. tests/e2e/policies.bash
export BATS_FILE_TMPDIR=/tmp/pods BATS_TEST_TMPDIR=/tmp/pods
mkdir -p $BATS_FILE_TMPDIR

n=0 bad=0

# expect NAME CMD...: one test: the command succeeds.
expect()
{
	local name=$1 out

	shift
	n=$((n + 1))
	if out=$("$@" 2>&1); then
		echo "ok $n - $name"
	else
		bad=1
		echo "not ok $n - $name"
		printf '%s\n' "$out" | sed 's/^/# /'
		[ ! -s "$(agent_log n1)" ] || tail -n 5 "$(agent_log n1)" | sed 's/^/# n1: /'
	fi
}

not() { ! "$@"; }

# attach NODE POD APP [CONFIG]: a pod with this label; its addresses are then in IP4 and IP6[NODE/POD].
declare -A IP4 IP6
vxlan='{"cniVersion":"1.1.0","name":"pods","type":"vxlan","ipam":{"type":"host-local"}'
bridge='{"cniVersion":"1.1.0","name":"local","type":"bridge","bridge":"br0","isGateway":true,
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/16"}],[{"subnet":"fd00:88::/64"}]]}'
conf()
{
	local with=$vxlan

	[ "${2-}" != bridge ] || with=$bridge
	printf '%s,"args":{"cni":{"labels":[{"key":"app","value":"%s"}]}}}' "$with" "$1"
}

attach()
{
	local result

	on "$1" pod_add "$2"
	on "$1" in_pod "$2" ip link set lo up
	result=$(conf "$3" "${4-}" | on "$1" cni ADD "${4:-vxlan}" "$2" eth0 "$(pod_path "$2")") || {
		echo "$result"
		return 1
	}
	IP4[$1/$2]=$(grep -o '"address": *"[0-9.]*/' <<<"$result" | cut -d'"' -f4 | tr -d / | head -n 1)
	IP6[$1/$2]=$(grep -o '"address": *"[0-9a-f]*:[0-9a-f:]*/' <<<"$result" | cut -d'"' -f4 |
		tr -d / | head -n 1)
}

detach()
{
	conf x "${3-}" | on "$1" cni DEL "${3:-vxlan}" "$2" eth0 "$(pod_path "$2")"
}

# ping NODE POD PEER: both families are answered. shut: neither is.
ping_both()
{
	reaches "$1" "$2" "${IP4[$3]}" && reaches "$1" "$2" "${IP6[$3]}"
}

shut()
{
	loses "$1" "$2" "${IP4[$3]}" && loses "$1" "$2" "${IP6[$3]}"
}

# connects NODE POD PEER PORT: TCP, both families.
connects()
{
	local ip

	for ip in "${IP4[$3]}" "${IP6[$3]}"; do
		on "$1" in_pod "$2" timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$ip" "$4" || return
	done
}

refused()
{
	local ip

	for ip in "${IP4[$3]}" "${IP6[$3]}"; do
		! on "$1" in_pod "$2" timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$ip" "$4" || return
	done
}

# more REASON N: more packets of pods than so many had this fate.
more() { [ "$(packets n1 "$1")" -gt "$2" ]; }
no_loss() { cat $BATS_TEST_TMPDIR/ping && grep -q ' 0% packet loss' $BATS_TEST_TMPDIR/ping; }
gone() { [ -z "$(on n1 in_node ip -o link show type veth | grep -v eth0)" ]; }

serve()
{
	nsenter --target "$NODE_PID_n1" --net="/proc/$NODE_PID_n1/root/run/netns/web" -- \
		busybox httpd -f -p "$1" -h /tmp </dev/null >/dev/null 2>&1 &
	disown $!
}

cluster_start n1 n2
cluster_tell n1 n2
agent_up n2 -- "$(printf 'mode: vxlan\npolicy: {enforce: false}')" || echo "# agent of n2"
expect "the agent loads the datapath and is ready" \
	agent_up n1 -- "$(printf 'mode: vxlan\npolicy: {enforce: true}')"
for pod in n1/web/web n1/cli/client n1/other/other n2/far/other; do
	IFS=/ read -r node name app <<<"$pod"
	attach "$node" "$name" "$app" || echo "# ADD of $pod"
done
attach n1 b1 client bridge || echo "# ADD by bridge"
attach n1 b2 web bridge || echo "# ADD by bridge"
serve 80
serve 81
expect "pods of one node reach each other by vxlan" ping_both n1 cli n1/web
expect "pods of two nodes reach each other" ping_both n2 far n1/web
expect "what is for a pod of the node goes straight there" \
	more redirected 3
expect "pods on a bridge reach each other" ping_both n1 b1 n1/b2
expect "a pod on a bridge reaches its gateway" reaches n1 b1 10.88.0.1
policy < <(policy_deny)
expect "a pod that a policy selects is shut to its neighbours" shut n1 cli n1/web
expect "and to other nodes' pods" shut n2 far n1/web
expect "and on a bridge" shut n1 b1 n1/b2
expect "but not to its node" on n1 in_node ping -q -c 1 -w 8 "${IP4[n1/web]}"
expect "drops are counted by their reason" \
	more policy_ingress 6
policy < <(policy_deny && policy_web '{port: 80}')
expect "a label lets in whom it names" connects n1 cli n1/web 80
expect "at the port that is named" refused n1 cli n1/web 81
expect "and nobody else" refused n1 other n1/web 80
agent_kill n1
expect "without an agent what is allowed goes on" connects n1 cli n1/web 80
expect "and what is forbidden stays out" refused n1 other n1/web 80
on n1 in_pod b1 ping -q -i 0.02 -c 200 -W 2 10.88.0.1 >$BATS_TEST_TMPDIR/ping 2>&1 &
ping=$!
agent_start n1
expect "the next agent takes over" agent_wait_ready n1
wait $ping
expect "no packet is lost on the way" no_loss
expect "what is allowed still is" connects n1 cli n1/web 80
expect "and what is forbidden is not" refused n1 other n1/web 80
manifest_del n1 policy.yaml
expect "without policies all is open" eventually 10 reaches n1 other "${IP4[n1/web]}"
for pod in web cli other; do
	expect "DEL of '$pod' by vxlan" detach n1 "$pod"
done
for pod in b1 b2; do
	expect "DEL of '$pod' by bridge" detach n1 "$pod" bridge
done
expect "no interface is left" gone
echo "1..$n"
cluster_stop
exit $bad
