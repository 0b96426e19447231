#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the agent tells about policies and packets: fairlead policy, identities, flows and bpf, and
# the metrics, with real pods, policies and packets on one machine.
#
# Needs root, for namespaces, and eBPF.

bats_require_minimum_version 1.5.0
load node
load cluster

setup_file() {
	cluster_start n1
	cluster_tell n1
	agent_up n1 -- "$(printf 'mode: vxlan\npolicy: {enforce: true, maxFlows: 1024}')"
	pod_attach n1 web "$(labelled web)"
	pod_attach n1 cli "$(labelled client)"
	pod_attach n1 other "$(labelled other)"
	write_objects
	eventually 10 in_force 2
	listen web 80
}

teardown_file() {
	pods_detach || true
	cluster_stop
}

# labelled APP: the agent's network, with this label on the pod.
labelled() {
	agent_net_conf '.args.cni.labels = [{key: "app", value: "'"$1"'"}]'
}

# The same objects for the agent and, in a file of its own, for the offline commands.
write_objects() {
	local pod
	{
		for pod in web:web cli:client other:other; do
			echo '---'
			cat <<-END
				apiVersion: v1
				kind: Pod
				metadata: {name: ${pod%:*}, namespace: default, labels: {app: ${pod#*:}}}
				spec: {nodeName: n1, containers: [{name: c, ports: [{name: http, containerPort: 80}]}]}
				status: {podIP: $(pod_ip n1 "${pod%:*}"), podIPs: [{ip: $(pod_ip n1 "${pod%:*}")}, {ip: "$(pod_ip n1 "${pod%:*}" 6)"}]}
			END
		done
		cat <<-'END'
			---
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: deny, namespace: default, generation: 3}
			spec: {podSelector: {}, policyTypes: [Ingress]}
			---
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: web, namespace: default, generation: 7}
			spec:
			  podSelector: {matchLabels: {app: web}}
			  ingress:
			  - from: [{ipBlock: {cidr: 203.0.113.0/24}}]
			  - from: [{podSelector: {matchLabels: {app: client}}}]
			    ports: [{port: http}, {port: 9, protocol: SCTP}]
		END
	} >"$BATS_FILE_TMPDIR/objects.yaml"
	manifest_put n1 objects.yaml <"$BATS_FILE_TMPDIR/objects.yaml"
}

# in_force N: as many policies are.
in_force() {
	[ "$(agent_get n1 /v1/policies | jq length)" = "$1" ]
}

# fairlead ARGUMENT...: the command on the node.
fairlead() {
	on n1 in_node "$BUILD/bin/fairlead" "$@"
}

# listen POD PORT: something there that takes TCP connections of both families.
listen() {
	nsenter --target "$NODE_PID_n1" --mount \
		--net="/proc/$NODE_PID_n1/root/run/netns/$1" -- python3 -c '
import socket, sys
s = socket.create_server(("", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    s.accept()[0].close()' "$2" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	disown $!
	eventually 5 connects "$1" 127.0.0.1 "$2"
}

# connects POD ADDRESS PORT: a TCP connection comes about.
connects() {
	on n1 in_pod "$1" timeout 1 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>/dev/null
}

@test "policy list, show and explain say the same of the agent as of the files" {
	local args ask=(--from default/cli --to default/web --port)
	local -a questions=(
		"list" "list -o json" "list -o yaml"
		"show default/web" "show default/deny -o json" "show" "show -o json"
		"explain ${ask[*]} 80/tcp" "explain ${ask[*]} 80/tcp -o json" "explain ${ask[*]} 81/tcp"
		"explain ${ask[*]} 9/sctp" "explain ${ask[*]} icmp -o yaml"
		"explain --from 203.0.113.7 --to default/web --port 53/udp"
		"explain --from default/other --to $(pod_ip n1 web 6) --port 80/tcp"
		"explain --questions $BATS_TEST_TMPDIR/questions.json"
	)
	cat >"$BATS_TEST_TMPDIR/questions.json" <<-'END'
		[{"from": "default/cli", "to": "default/web", "port": "80/tcp"},
		 {"from": "10.9.9.9", "to": "default/other", "port": "1/udp"}]
	END
	for args in "${questions[@]}"; do
		echo "policy $args"
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$BUILD/bin/fairlead" policy $args -f "$BATS_FILE_TMPDIR/objects.yaml"
		offline=$output ended=$status
		# shellcheck disable=SC2086
		run --separate-stderr fairlead policy $args
		[ "$status" = "$ended" ]
		diff <(echo "$offline") <(echo "$output")
	done
	[[ $offline == *'"allowed"'*'"denied"'* ]]
}

@test "explain knows the node's own addresses, though no object says them: they reach its pods" {
	local family ip
	for family in 4 6; do
		ip=$(node_ip n1 $family)
		run -0 --separate-stderr fairlead policy explain --from "$ip" --to default/web --port 81/tcp
		[[ $output == *"a pod's own node reaches it"* ]]
		# Another node's address does not, nor does its own where a pod is asked from.
		run -1 --separate-stderr fairlead policy explain --from "$(node_ip n2 $family)" --to default/web --port 81/tcp
		run -1 --separate-stderr fairlead policy explain --from default/cli --to default/web --port 81/tcp
	done
}

@test "what is asked wrongly of the agent is refused as offline, and 404 and 400 say what is wrong" {
	run -1 --separate-stderr fairlead policy show default/none
	[[ $stderr == *"no policy 'default/none'"* ]]
	run -1 --separate-stderr fairlead policy explain --from default/none --to default/web --port 80/tcp
	[[ $stderr == *"no pod 'default/none'"* ]]
	run -1 --separate-stderr fairlead policy explain --from 10.0.0.1 --to default/web --port 80
	[[ $stderr == *"'80' is not a port like 80/tcp"* ]]
	run agent_get n1 /v1/policies?sort=name
	[[ $output == *"unknown parameter 'sort', expected none"* ]]
}

@test "identities are the kinds of pods that policies tell apart, with the policies of each" {
	run -0 fairlead identities -o json
	jq -e 'map(.labels.app) | sort == ["client", "other", "web"]' <<<"$output"
	jq -e '.[] | select(.labels.app == "web") | .namespace == "default" and .localPods == 1 and
		.policies == ["default/deny", "default/web"] and .ports == [
			{"name": "http", "port": 80, "protocol": "TCP"}]' <<<"$output"
	run -0 fairlead identities
	[[ ${lines[0]} =~ ^IDENTITY\ +NAMESPACE\ +LABELS\ +PODS\ +LOCAL\ +POLICIES$ ]]
	[[ $output =~ default\ +app=web\ +1\ +1\ +default/deny,default/web ]]
}

# events [OPTION...]: the events as one JSON list.
events() {
	fairlead flows -o json --last 1000 "$@"
}

# event JQ: there is an event of which this holds.
event() {
	events | jq -e "any(.[]; $1)" >/dev/null
}

@test "what is allowed and what is denied is told with pods, policy, rule and reason" {
	local web cli
	web=$(pod_ip n1 web) cli=$(pod_ip n1 cli)
	connects cli "$web" 80
	run ! connects other "$web" 80
	run ! connects other "$(pod_ip n1 web 6)" 80
	loses n1 web "$cli"
	eventually 5 event '.to.port == 80 and .from.pod == "default/cli" and .to.pod == "default/web" and
		.verdict == "forwarded" and .reason == "redirected" and .protocol == "tcp" and
		.policy == "default/web" and .rule == "ingress[1]" and .direction == "egress" and
		.from.ip == "'"$cli"'" and .from.labels == {app: "client"} and .to.labels.app == "web"'
	eventually 5 event '.to.ip == "'"$web"'" and .from.pod == "default/other" and .verdict == "dropped" and
		.reason == "policy_ingress" and .isolatedBy == ["default/deny", "default/web"]'
	eventually 5 event '.to.ip == "'"$(pod_ip n1 web 6)"'" and .from.pod == "default/other" and
		.verdict == "dropped" and .protocol == "tcp"'
	eventually 5 event '.to.pod == "default/cli" and .from.pod == "default/web" and .verdict == "dropped" and
		.protocol == "icmp" and .isolatedBy == ["default/deny"] and (.to | has("port") | not)'
	run -0 fairlead flows --pod default/other --drops --last 3
	[[ ${lines[0]} =~ ^TIME\ +FROM\ +TO\ +PROTOCOL\ +VERDICT\ +REASON\ +POLICY$ ]]
	[[ $output =~ default/other:[0-9]+\ +default/web:80\ +tcp\ +dropped\ +policy_ingress\ +default/deny,default/web ]]
	[ "${#lines[@]}" -le 4 ]
	run -0 fairlead flows --pod default/cli
	[[ $output =~ default/cli:[0-9]+\ +default/web:80\ +tcp\ +forwarded\ +redirected\ +default/web\ ingress\[1\] ]]
	[[ $output != *default/other* ]]
}

@test "a pod that pretends to be another is told by the interface that it is behind" {
	on n1 in_pod other ip addr add 10.99.99.99/32 dev eth0
	run ! on n1 in_pod other ping -q -c 1 -W 0.3 -I 10.99.99.99 "$(pod_ip n1 web)"
	on n1 in_pod other ip addr del 10.99.99.99/32 dev eth0
	eventually 5 event '.reason == "spoofed_ip" and .from.ip == "10.99.99.99" and
		.from.pod == "default/other" and .verdict == "dropped"'
}

@test "flows --follow goes on with what happens, one document a line, over a restart of the agent" {
	local out="$BATS_TEST_TMPDIR/follow" pid
	nsenter --target "$NODE_PID_n1" --mount --net -- "$BUILD/bin/fairlead" flows --follow --drops \
		-o json >>"$out" 2>"$out.err" 3>&- 4>&- &
	pid=$!
	# What is told is from after its start, which is seen by what is told.
	eventually 10 drop_and_find "$out"
	[ "$(jq -s 'map(.verdict) | unique' -c "$out")" = '["dropped"]' ]
	[ "$(jq -s 'map(.number) | . == (sort | unique)' "$out")" = true ]
	agent_stop n1
	eventually 5 grep -q 'waiting for it' "$out.err"
	: >"$out"
	agent_start n1
	agent_wait_ready n1
	eventually 10 drop_and_find "$out"
	kill "$pid"
	wait "$pid" || true
	jq -se 'length == '"$(wc -l <"$out")" "$out"
}

# drop_and_find FILE: a dropped packet, and its line is in the file.
drop_and_find() {
	run ! on n1 in_pod other ping -q -c 1 -W 0.1 "$(pod_ip n1 web)"
	grep -q '"pod":"default/other"' "$1"
}

@test "options of flows and parameters of the API have their limits, and say so" {
	local args want
	while read -r args want; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr fairlead flows ${args//,/ }
		[[ $stderr == *"$want"* ]] || { echo "$args: $stderr"; return 1; }
	done <<-'END'
		--last,1001 --last '1001': expected a number from 0 to 1000
		--last,x --last 'x': expected a number
		--pod,web --pod 'web': expected NAMESPACE/NAME
	END
	while read -r args want; do
		run agent_get n1 "/v1/flows?$args"
		[[ $output == *"$want"* ]] || { echo "$args: $output"; return 1; }
	done <<-'END'
		max=0 max '0': expected a whole number from 1 to 1000
		max=1001 expected a whole number from 1 to 1000
		after=-1 after '-1': expected a whole number
		pod=x pod 'x': expected namespace/name
		drops=2 drops '2': expected 0 or 1
		follow unknown parameter 'follow', expected 'after', 'drops', 'pod', 'max', 'wait'
	END
	run agent_get n1 "/v1/flows?max=1"
	jq -e '.flows | length == 1' <<<"$output"
	run agent_get n1 "/v1/flows?pod=x%2Fnone"
	jq -e '.flows == [] and .lost == 0 and .next > 0' <<<"$output"
}

@test "bpf shows the maps in words" {
	local web
	web=$(pod_ip n1 web)
	connects cli "$web" 80
	run ! on n1 in_pod other ping -q -c 1 -W 0.1 "$web"
	run -0 fairlead bpf ct --pod default/cli -o json
	jq -e 'any(.[]; .protocol == "tcp" and .from.pod == "default/cli" and .to.pod == "default/web" and
		.to.port == 80 and .path == "pod" and .policy == "default/web" and .rule == "ingress[1]" and
		.judged and .ageSeconds < 60 and (.state | IN("established", "closing", "closed")))' <<<"$output"
	jq -e 'all(.[]; .from.pod == "default/cli" or .to.pod == "default/cli")' <<<"$output"
	run -0 fairlead bpf endpoints -o json
	jq -e 'length == 3 and any(.[]; .pod == "default/web" and .ips[0] == "'"$web"'" and
		.pods == "pods of '"'default'"' with app=web" and .slot > 0)' <<<"$output"
	run -0 fairlead bpf locals -o json
	jq -e 'length == 6 and any(.[]; .ip == "'"$web"'" and .pod == "default/web")' <<<"$output"
	run -0 fairlead bpf prefixes -o json
	jq -e 'any(.[]; .prefix == "203.0.113.0/24" and .block == "block 203.0.113.0/24") and
		any(.[]; .prefix == "0.0.0.0/0")' <<<"$output"
	run -0 fairlead bpf addresses -o json
	jq -e 'any(.[]; .ip == "'"$web"'" and .pod == "default/web" and .namespace == "namespace '"'default'"'")' \
		<<<"$output"
	run -0 fairlead bpf specials -o json
	jq -e 'any(.[]; .prefix == "192.0.2.11/32" and .flags == ["node"])' <<<"$output"
	run -0 fairlead bpf slots -o json
	jq -e 'map(select(.version > 0)) | length >= 2 and all(.[]; .isolates == ["ingress"])' <<<"$output"
	run -0 fairlead bpf policy -o json
	jq -e 'any(.[]; .who == "block 203.0.113.0/24" and .ports == "all" and .direction == "ingress" and
		.policy == "default/web" and .rule == "ingress[0]") and
		any(.[]; .who == "pods of '"'default'"' with app=client" and (.ports | type) == "number")' <<<"$output"
	run -0 fairlead bpf ports -o json
	jq -e 'map({protocol, range}) | sort_by(.range) == [{protocol: "tcp", range: "80"},
		{protocol: "sctp", range: "9"}]' <<<"$output"
	run -0 fairlead bpf state -o json
	jq -e '.[0].generation > 0 and .[0].unknownEndpoint == "deny"' <<<"$output"
	run -0 fairlead bpf counts -o json
	jq -e 'any(.[]; .reason == "policy_ingress" and .direction == "egress" and .packets > 0)' <<<"$output"
	run -0 fairlead bpf verdicts -o json
	jq -e 'length == 4 and any(.[]; .verdict == "allowed" and .direction == "egress" and .connections > 0) and
		any(.[]; .verdict == "denied" and .direction == "egress" and .connections > 0)' <<<"$output"
	for map in fragments devices tunnels denied; do
		run -0 fairlead bpf "$map" -o json
	done
	run -0 fairlead bpf rules
	[[ $output =~ ingress\ +block\ 203.0.113.0/24\ +all\ +default/web\ ingress\[0\] ]]
}

@test "cli/README.md has every map that the help names, and the columns of those with entries" {
	local map row n=0
	for map in $(fairlead help bpf | sed -n 's/^bpf \([a-z]*\) .*/\1/p'); do
		row=$(grep "^| \`$map\`" "$REPO/cli/README.md")
		run -0 --separate-stderr fairlead bpf "$map"
		[ -n "$output" ] || continue
		[[ $row == *"| $(tr -s ' ' <<<"${lines[0]}")"[\ \;]* ]]
		n=$((n + 1))
	done
	[ "$n" -ge 12 ]
}

@test "a page of a map ends where it is told, the next one goes on, and what is no map is refused" {
	local next all=0 page
	next=$(agent_get n1 "/v1/bpf/specials?max=2" | jq -er '.next')
	while [ "$next" != null ]; do
		page=$(agent_get n1 "/v1/bpf/specials?max=2&after=$next")
		next=$(jq -r .next <<<"$page")
		all=$((all + $(jq '.entries | length' <<<"$page")))
	done
	[ $((all + 2)) = "$(fairlead bpf specials -o json | jq length)" ]
	run -0 --separate-stderr fairlead bpf specials --max 1
	[ "${#lines[@]}" = 2 ]
	[[ $stderr == *'there are more'* ]]
	run -2 fairlead bpf nothing
	[[ $output == *"bpf 'nothing': there is no such map"* ]]
	run -2 fairlead bpf ct --max 0
	[[ $output == *"--max '0': expected a number from 1 to 1000000"* ]]
	run -1 fairlead bpf rules --pod default/web
	[[ $output == *"pod 'default/web': expected none: only flows are a pod's"* ]]
	run -1 fairlead bpf ct --pod default/none
	[[ $output == *"no pod 'default/none'"* ]]
	run agent_get n1 /v1/bpf/fl_rules
	[[ $output == *"there is no map 'fl_rules': expected flows, endpoints"* ]]
	run agent_get n1 "/v1/bpf/specials?after=00"
	[[ $output == *"there is no such place in 'fl_specials'"* ]]
	run agent_get n1 "/v1/bpf/specials?after=xy"
	[[ $output == *"after 'xy': expected what 'next' said"* ]]
	for map in state counts verdicts; do
		run agent_get n1 "/v1/bpf/$map?max=7"
		[[ $output == *"'$map' has no parameters"* ]]
	done
}

@test "the metrics are what Prometheus reads, with the fill of each map" {
	agent_get n1 /metrics >"$BATS_TEST_TMPDIR/metrics"
	"$BUILD/tests/promcheck" <"$BATS_TEST_TMPDIR/metrics"
	for line in 'map_capacity{map="flows"} 1024' 'map_entries{map="endpoints"} 3' \
		'map_entries{map="locals"} 6' 'map_capacity{map="endpoints"} 4096' \
		'map_capacity{map="rules"} 524288'; do
		grep -qx "fairlead_datapath_$line" "$BATS_TEST_TMPDIR/metrics"
	done
	for name in datapath_map_entries'{map="rules"}' datapath_map_entries'{map="prefixes"}' \
		datapath_map_entries'{map="addresses"}' \
		datapath_map_entries'{map="ports"}' datapath_map_entries'{map="slots"}' \
		datapath_map_entries'{map="specials"}' policy_generation flow_events_read_total \
		policy_last_compile_duration_seconds \
		policy_verdicts_total'{verdict="allowed",direction="egress"}' \
		policy_verdicts_total'{verdict="denied",direction="egress"}'; do
		awk -v n="fairlead_$name" '$1 == n && $2 > 0 { found = 1 } END { exit !found }' \
			"$BATS_TEST_TMPDIR/metrics"
	done
}

# status: what the plugin's STATUS says.
plugin_status() {
	on n1 cni STATUS vxlan - - - <<<"$(agent_net_conf)"
}

# problems: the agent's, a line each.
problems() {
	agent_get n1 /v1/status | jq -r '.problems[].text'
}

flows_full() {
	problems | grep -q "the datapath's map of flows has no more room for new connections"
}

not_full() {
	! flows_full
}

@test "without room for connections new ones are dropped and others go on; STATUS says 51 until there is" {
	local ping
	run -0 plugin_status
	pod_attach n1 flood "$(labelled flood)"
	on n1 in_pod cli ping -q -c 20 -i 0.1 -W 2 "$OUTSIDE4" >"$BATS_TEST_TMPDIR/ping" 3>&- 4>&- &
	ping=$!
	eventually 5 event '.from.pod == "default/cli" and .protocol == "icmp" and .verdict == "forwarded"'
	on n1 in_pod flood python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1, 1500):
    try:
        s.sendto(b"x", ("203.0.113.200", port))
    except OSError:
        pass
    # Only so many events are sent in a tick of the clock.
    if port % 50 == 0:
        time.sleep(0.005)'
	run ! connects cli "$(pod_ip n1 web)" 80
	eventually 10 flows_full
	event '.reason == "flows_full" and .verdict == "dropped" and .from.pod == "default/flood"'
	agent_get n1 /metrics | awk '/reason="flows_full",direction="egress"/ && $2 > 0 { n++ } END { exit n != 2 }'
	run -1 plugin_status
	[ "$(jq .code <<<"$output")" = 51 ]
	[[ $output == *"the datapath's map of flows has no more room for new connections: of 1024 entries 95 % or more are in use"* ]]
	run -1 fairlead status
	[[ $output == *"map of flows"* ]]
	wait "$ping"
	grep -q ' 0% packet loss' "$BATS_TEST_TMPDIR/ping"
	pod_detach n1 flood
	eventually 20 not_full
	run -0 plugin_status
	eventually 5 connects cli "$(pod_ip n1 web)" 80
}

@test "another policy.maxFlows takes the connections along, after the agent's restart" {
	connects cli "$(pod_ip n1 web)" 80
	agent_stop n1
	agent_start n1 "$(printf 'mode: vxlan\npolicy: {enforce: true, maxFlows: 4096}')"
	agent_wait_ready n1
	agent_get n1 /metrics | grep -qx 'fairlead_datapath_map_capacity{map="flows"} 4096'
	run -0 fairlead bpf ct --pod default/cli -o json
	jq -e 'any(.[]; .from.pod == "default/cli" and .to.pod == "default/web" and .to.port == 80)' <<<"$output"
}
