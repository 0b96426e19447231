# SPDX-License-Identifier: Apache-2.0
# The fault matrix: one verb of one plugin, broken at its 1st, 2nd, 3rd ... system call, and
# after each break the world compared with the world before. Runs inside a node, as one
# process, since it makes thousands of calls:
#
#	in_node bash tests/e2e/matrix.bash kill-add|kill-del|error-add ERR|error-del ERR|
#		kill-first-add|error-first-add ERR
#
# with these variables:
#	M_PLUGIN  program		M_CONF    configuration, JSON
#	M_IFNAME  CNI_IFNAME		CNI_PATH  as the plugin gets it
#	M_WITNESS configuration of the witness, if not M_CONF
#	M_FLAGS   a flag for fault	M_STEP    take only every M_STEP-th point (default 1)
#	M_LABEL   what to add to the plugin's name in the count
#	M_TOLD    how many failures are told (default 20)
#	M_SETUP   commands that make of an empty node one that M_CONF fits, such as links
#
# Pod p1 is the victim. Pod w, the witness, is attached to the same network all the time and
# must not notice anything: what a network keeps by design while it has a pod (its bridge, its
# table) is there before, too. The "first" modes are about the other case: there is no
# witness, nothing exists before, and the broken ADD is the one that makes the bridge.
#
# Prints one line "points: ... N injected, M passed over (calls)", and before it one block for
# every point at which something was wrong. Exit status 1 if there was any.

. "${BASH_SOURCE[0]%/*}/world.bash"

FAULT=$BUILD/tests/fault
T=$(mktemp -d "${TMPDIR:-/tmp}/matrix.XXXXXX")
trap 'rm -rf "$T"' EXIT
M_STEP=${M_STEP:-1}
M_WITNESS=${M_WITNESS:-$M_CONF}

wrong=0 injected=0 passed='' status=0 point_name=

# wrong_ TEXT: this point failed. The first few are told at length.
wrong_() {
	wrong=$((wrong + 1))
	[ "$wrong" -le "${M_TOLD:-20}" ] || return 0
	echo "WRONG: $mode${error:+ $error}: point $n ($point_name): $1"
	[ "$wrong" -gt 6 ] || { [ ! -s "${2:-/dev/null}" ] || head -c 3500 "$2" | sed 's/^/    /'; }
}

# with_result CONFIG FILE: the configuration with prevResult; a process less than jq.
with_result() {
	echo "${1%\}},\"prevResult\":$(<"$2")}"
}

# call VERB CID POD [PREFIX...]: one call; stdout in $T/out, stderr in $T/err, status in $status.
# The configuration is $conf.
call() {
	local verb=$1 cid=$2 pod=$3
	shift 3
	status=0
	CNI_COMMAND=$verb CNI_CONTAINERID=$cid CNI_IFNAME=$M_IFNAME CNI_NETNS=/run/netns/$pod \
		"$@" "$M_PLUGIN" <<<"$conf" >"$T/out" 2>"$T/err" || status=$?
}

# The same under the tracer: $fate is injected, passed, missed; $status the plugin's own.
faulty() {
	local verb=$1 cid=$2 pod=$3 rc word number
	shift 3
	call "$verb" "$cid" "$pod" "$FAULT" ${M_FLAGS:+"$M_FLAGS"} -o "$T/report" "$@" --
	rc=$status status=killed point_name=
	while read -r word number point_name_ phase; do
		case $word in
		injected | passed) point_name="$point_name_ $phase" ;;
		exit) status=$number ;;
		esac
	done <"$T/report"
	case $rc in
	0) fate=injected injected=$((injected + 1)) ;;
	5) fate=passed passed="$passed ${point_name% *}" ;;
	3) fate=missed ;;
	4) fate=injected injected=$((injected + 1)) && wrong_ "did not end" ;;
	*) echo "fault itself failed: $(cat "$T/err")" && exit 2 ;;
	esac
}

# The world must be what it was. If not, the leftover is told once, and is the new "before".
expect_same_world() {
	local after
	after=$(world p1)
	[ "$before" != "$after" ] || return
	diff <(echo "$before") <(echo "$after") >"$T/diff"
	wrong_ "$1: the world has changed" "$T/diff"
	before=$after
}

# DEL must succeed and be silent, twice.
expect_del_twice() {
	local i
	conf=$M_CONF
	for i in 1 2; do
		call DEL "$1" p1
		if [ "$status" != 0 ] || [ -s "$T/out" ]; then
			wrong_ "DEL number $i: status $status" "$T/out"
		fi
	done
}

# An ADD that succeeded: one result, that CHECK agrees with. Leaves it in $T/result.
expect_good_add() {
	cp "$T/out" "$T/result"
	if ! jq -es 'length == 1 and (.[0] | type == "object" and has("cniVersion"))' \
		"$T/result" >/dev/null 2>&1; then
		wrong_ "ADD succeeded, but this is not one result" "$T/result"
		return
	fi
	conf=$(with_result "$M_CONF" "$T/result")
	call CHECK "$1" p1
	[ "$status" = 0 ] || wrong_ "CHECK after a successful ADD: status $status" "$T/out"
}

# A verb that failed: one error document. Before main() began the C library may have ended
# the process, and then there is nobody who could print.
expect_good_error() {
	if [ "${point_name#* }" = start ] && [ ! -s "$T/out" ]; then
		[ "$status" = killed ] || [ "$status" -gt 1 ] || wrong_ "no error document" "$T/err"
		return
	fi
	jq -es 'length == 1 and (.[0] | (.code | type == "number" and . > 0 and . == floor) and
		(.msg | type == "string") and has("cniVersion"))' "$T/out" >/dev/null 2>&1 ||
		wrong_ "failed with status $status, but this is not one error document" "$T/out"
}

# A clean ADD of the victim; its result is in $T/result.
clean_add() {
	conf=$M_CONF
	call ADD "$1" p1
	[ "$status" = 0 ] || wrong_ "a clean ADD: status $status" "$T/out"
	cp "$T/out" "$T/result"
}

fresh_add_works() {
	clean_add "fresh$n"
	expect_good_add "fresh$n"
	conf=$M_CONF
	call DEL "fresh$n" p1
	[ "$status" = 0 ] || wrong_ "a clean DEL: status $status" "$T/out"
}

point_kill_add() {
	conf=$M_CONF
	faulty ADD "c$n" p1 kill "$n"
	expect_del_twice "c$n"
	expect_same_world "killed ADD, DEL, DEL"
}

point_kill_del() {
	clean_add "c$n"
	conf=$(with_result "$M_CONF" "$T/result")
	faulty DEL "c$n" p1 kill "$n"
	expect_del_twice "c$n"
	expect_same_world "killed DEL, DEL, DEL"
}

point_error_add() {
	conf=$M_CONF
	faulty ADD "c$n" p1 error "$n" "$error"
	if [ "$status" = 0 ]; then
		expect_good_add "c$n"
		expect_del_twice "c$n"
		expect_same_world "ADD, DEL, DEL"
	else
		expect_good_error
		expect_same_world "failed ADD"
		expect_del_twice "c$n"
	fi
}

point_error_del() {
	clean_add "c$n"
	conf=$(with_result "$M_CONF" "$T/result")
	faulty DEL "c$n" p1 error "$n" "$error"
	if [ "$status" = 0 ]; then
		[ ! -s "$T/out" ] || wrong_ "DEL is not silent" "$T/out"
		expect_same_world "DEL that succeeded"
	else
		expect_good_error
		expect_del_twice "c$n"
		expect_same_world "failed DEL, DEL, DEL"
	fi
}

# Back to a node on which the network has never been.
forget_network() {
	local link pod
	for link in /sys/class/net/*; do
		[ "${link##*/}" = lo ] || ip link del "${link##*/}" 2>/dev/null
	done
	for pod in p1 w; do
		nsenter --net="/run/netns/$pod" ip link set lo down
	done
	nft flush ruleset
	rm -rf /run/fairlead /run/cni /var/lib/cni/*
	echo 0 >/proc/sys/net/ipv4/ip_forward
	echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
	eval "${M_SETUP-}"
}

# The world without what is new each time a bridge and a store are made: index, MAC, link-local
# address, and the name of the store's cache. A MAC made at random has 33:33: in it now and then.
world_of_first() {
	world p1 | grep -v 'fe80:\|^33:33:\|ff00::' |
		sed -E 's/^[0-9]+: //; s#(/ipam/)[^ ]*#\1INDEX#; s/([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}/MAC/g' | LC_ALL=C sort
}

point_first_add() {
	forget_network
	conf=$M_CONF
	faulty ADD "c$n" p1 "${mode%%-*}" "$n" ${error:+"$error"}
	if [ "$mode" = error-first-add ] && [ "$status" != 0 ]; then
		expect_good_error
	fi
	expect_del_twice "c$n"
	fresh_add_works
	after=$(world_of_first)
	[ "$before" != "$after" ] || return
	diff <(echo "$before") <(echo "$after") >"$T/diff"
	wrong_ "broken first ADD, DEL, DEL, then a good one: not as after a good one" "$T/diff"
}

mode=$1 error=${2:-} n=0
point=point_${mode//-/_}
conf=$M_CONF
forget_network
case $mode in
*first-add)
	point=point_first_add
	fresh_add_works
	before=$(world_of_first)
	;;
*)
	conf=$M_WITNESS
	call ADD witness w
	[ "$status" = 0 ] || { echo "witness: $(cat "$T/out" "$T/err")" && exit 2; }
	witness=$(with_result "$M_WITNESS" "$T/out")
	fresh_add_works
	world_settle || exit 2
	before=$(world p1)
	before_w=$(world w)
	;;
esac

fate=
for ((n = 1; n < 5000; n += M_STEP)); do
	"$point"
	[ "$fate" != missed ] || break
done
last=$((n - 1))

if [ "$mode" = "${mode%first-add}" ]; then
	n=0 fate=
	fresh_add_works
	expect_same_world "a fresh ADD and DEL at the end"
	conf=$witness
	call CHECK witness w
	[ "$status" = 0 ] || wrong_ "CHECK of the witness: status $status" "$T/out"
	diff <(echo "$before_w") <(world w) >"$T/diff" ||
		wrong_ "the witness's world has changed" "$T/diff"
fi
# shellcheck disable=SC2086 # words
names=$(printf '%s\n' $passed | sort -u | paste -sd ' ')
echo "points: ${M_PLUGIN##*/}${M_LABEL:+ $M_LABEL} $mode${error:+ $error}: $last calls, $injected points injected," \
	"$(wc -w <<<"$passed") passed over${names:+ ($names)}, $wrong wrong"
[ "$wrong" = 0 ]
