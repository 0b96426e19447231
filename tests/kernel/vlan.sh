# SPDX-License-Identifier: Apache-2.0
# Runs inside another kernel (see boot.sh): the bridge plugin with VLANs, MAC pinning, isolation
# and masquerade. Prints "pass NAME", or "fail NAME" and why; tests/e2e/vlan.bats reads that.

mkdir -p /opt
mv /cni /opt/cni
ln /opt/cni/fairlead-cni /opt/cni/bridge
ln /opt/cni/fairlead-cni /opt/cni/host-local
mkdir -p /run/netns
ip link set lo up
echo "kernel $(uname -r)"

# expect NAME CMD...: reports whether the command succeeds.
expect() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "pass $name"
	else
		echo "fail $name"
		printf '%s\n' "$out" | sed 's/^/  /'
	fi
}

not() { ! "$@"; }

# verb VERB ID CONF [POD]: a call of our bridge.
verb() {
	printf '%s' "$3" | CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=eth0 \
		CNI_NETNS=/run/netns/${4:-$2} CNI_PATH=/opt/cni /opt/cni/bridge
}

# conf NET BRIDGE SUBNET [MORE]: MORE is further members, with a comma behind each.
conf() {
	printf '{"cniVersion":"1.1.0","name":"%s","type":"bridge","bridge":"%s",%s
		"ipam":{"type":"host-local","ranges":[[{"subnet":"%s"}]]}}' "$1" "$2" "${4:-}" "$3"
}

# prev CONF RESULT
prev() {
	printf '%s,"prevResult":%s}' "${1%\}}" "$2"
}

# The host interface of a result: the second name.
host() {
	printf '%s' "$1" | grep -o '"name": *"veth[^"]*"' | head -n 1 | cut -d'"' -f4
}

# The first address of a result.
ip4() {
	printf '%s' "$1" | grep -o '"address": *"[^"/]*' | head -n 1 | cut -d'"' -f4
}

vlans() {
	bridge vlan show dev "$1" | sed 1d | sed "s/^$1//" | tr -s ' \t' ' ' | sed 's/^ //; s/ $//' |
		tr '\n' ','
}

reaches() { ip netns exec "$1" busybox ping -c 1 -W 2 "$2"; }
same() { [ "$1" = "$2" ] || { echo "expected: $2"; echo "found: $1"; return 1; }; }
has() { [[ $1 == *"$2"* ]] || { echo "expected '$2' in: $1"; return 1; }; }

world() {
	ip -o link | sed 's/^[0-9]*: //; s/<[^>]*>//; s/ state [A-Z]*//'
	ip -o -4 addr | sed 's/^[0-9]*: //'
	nft -s list ruleset
	find /run/fairlead /var/lib/cni -type f ! -name 'last_reserved*' ! -name lock ! -path '*/ipam/*'
}

for p in a b c d; do ip netns add $p; done
accept='"isGateway":true,"vlan":100,"preserveDefaultVlan":false,'
trunk='"vlanTrunk":[{"id":200},{"minID":300,"maxID":302}],'
v100=$(conf v100 br0 10.1.0.0/24 "$accept")
v100t=$(conf v100 br0 10.1.0.0/24 "$accept$trunk")
v200=$(conf v200 br0 10.2.0.0/24 '"vlan":200,"preserveDefaultVlan":false,')

# --- VLANs ---
expect "the first ADD makes a bridge that filters VLANs" verb ADD a "$v100" a
verb DEL a "$v100" a
before=$(world)
ra=$(verb ADD a "$v100t" a) || echo "fail ADD with a trunk: $ra"
rb=$(verb ADD b "$v100" b) || echo "fail ADD: $rb"
rc=$(verb ADD c "$v200" c) || echo "fail ADD: $rc"
expect "vlan and vlanTrunk are on the port, and not VLAN 1" \
	same "$(vlans "$(host "$ra")")" "100 PVID Egress Untagged,200,300,301,302,"
expect "vlan alone is on the port" same "$(vlans "$(host "$rb")")" "100 PVID Egress Untagged,"
expect "the gateway of a VLAN is an interface of its own, last in the result" \
	has "$(printf '%s' "$ra" | grep -o '"name": *"[^"]*"' | tail -n 1)" br0.100
expect "the gateway interface has the address" has "$(ip -4 addr show br0.100)" 10.1.0.1/24
expect "pods of one VLAN reach each other" reaches a "$(ip4 "$rb")"
expect "a pod reaches the gateway of its VLAN" reaches b 10.1.0.1
ip -n c addr add 10.1.0.99/24 dev eth0
expect "a pod of another VLAN is out of reach" not reaches b 10.1.0.99
ip -n a link add link eth0 name eth0.200 type vlan id 200
ip -n a addr add 10.2.0.50/24 dev eth0.200
ip -n a link set eth0.200 up
expect "a tagged frame of the trunk reaches the other VLAN" reaches a "$(ip4 "$rc")"
expect "CHECK passes on a trunk port" verb CHECK a "$(prev "$v100t" "$ra")" a
bridge vlan del dev "$(host "$ra")" vid 100
expect "CHECK finds a native VLAN that is gone from the port" \
	has "$(verb CHECK a "$(prev "$v100t" "$ra")" a)" "native VLAN 100"
bridge vlan add dev "$(host "$ra")" vid 100 pvid untagged
bridge vlan del dev "$(host "$ra")" vid 301
expect "CHECK finds a VLAN that is gone from the trunk" \
	has "$(verb CHECK a "$(prev "$v100t" "$ra")" a)" "VLAN 301"
verb DEL a "$v100t" a
verb DEL b "$v100" b
verb DEL c "$v200" c
expect "DEL leaves nothing of the pods" same "$(world)" "$before"

keep=$(conf keep br0 10.3.0.0/24 '"vlan":300,"preserveDefaultVlan":true,')
r=$(verb ADD a "$keep" a) || echo "fail ADD: $r"
expect "preserveDefaultVlan keeps VLAN 1" \
	same "$(vlans "$(host "$r")")" "1 Egress Untagged,300 PVID Egress Untagged,"
verb DEL a "$keep" a
only=$(conf only br0 10.4.0.0/24 '"vlanTrunk":[{"id":400}],')
r=$(verb ADD a "$only" a) || echo "fail ADD: $r"
expect "a trunk without vlan has VLAN 1 as its native one" \
	same "$(vlans "$(host "$r")")" "1 PVID Egress Untagged,400,"
verb DEL a "$only" a

ip link add br7 type bridge vlan_filtering 1 vlan_default_pvid 10
other=$(conf other br7 10.6.0.0/24 '"vlanTrunk":[{"id":400}],"preserveDefaultVlan":false,')
r=$(verb ADD a "$other" a) || echo "fail ADD: $r"
expect "no default VLAN is left of a bridge that gives another than 1" \
	same "$(vlans "$(host "$r")")" "400,"
verb DEL a "$other" a
other=$(conf other br7 10.6.0.0/24 '"vlan":100,"preserveDefaultVlan":false,')
r=$(verb ADD a "$other" a) || echo "fail ADD: $r"
expect "nor beside a native one" same "$(vlans "$(host "$r")")" "100 PVID Egress Untagged,"
verb DEL a "$other" a
ip link del br7

# As one that was killed between two messages leaves it.
port=$(ip -o link show br0.100 | sed 's/^[^@]*@\([^:]*\):.*/\1/')
ip link set br0.100 down
ip link set "$port" down
bridge vlan del dev "$port" vid 100
r=$(verb ADD a "$v100" a) || echo "fail ADD: $r"
expect "the gateway of a VLAN that was left half made is finished" reaches a 10.1.0.1
verb DEL a "$v100" a

# --- MAC pinning and isolation ---
pin=$(conf pin br5 10.5.0.0/24 '"isGateway":true,"macspoofchk":true,"portIsolation":true,')
r=$(verb ADD a "$pin" a) || echo "fail ADD: $r"
r=$(verb ADD b "$pin" b) || echo "fail ADD: $r"
expect "an isolated and pinned pod reaches the gateway" reaches a 10.5.0.1
expect "two isolated pods do not reach each other" not reaches a "$(ip4 "$r")"
ip -n a link set eth0 address 02:00:00:00:66:66
expect "frames from another MAC address are dropped" not reaches a 10.5.0.1
verb DEL a "$pin" a
verb DEL b "$pin" b
expect "DEL leaves no pinned port" not grep -q '"veth' <(nft list ruleset)

# --- masquerade, on the oldest kernel that is tested ---
ip netns add out
ip link add out0 type veth peer name eth0 netns out
ip addr add 192.0.2.1/24 dev out0
ip link set out0 up
ip -n out addr add 192.0.2.2/24 dev eth0
ip -n out link set eth0 up
masq=$(conf masq br6 10.6.0.0/24 '"isDefaultGateway":true,"ipMasq":true,"hairpinMode":true,')
r=$(verb ADD d "$masq" d) || echo "fail ADD: $r"
verb DEL d "$masq" d
before=$(world)
r=$(verb ADD d "$masq" d) || echo "fail ADD: $r"
expect "a plain pod reaches a network that knows it not, by masquerade" reaches d 192.0.2.2
expect "CHECK passes on a plain pod" verb CHECK d "$(prev "$masq" "$r")" d
expect "DEL of a plain pod succeeds" verb DEL d "$masq" d
expect "DEL of it again succeeds" verb DEL d "$masq" d
expect "DEL of a plain pod leaves nothing" same "$(world)" "$before"
exit 0
