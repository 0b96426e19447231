// SPDX-License-Identifier: Apache-2.0
/* The commands and what is said about them. */
#include <stdio.h>

#include "base/text.h"
#include "cli/cli.h"

static const struct cli_command commands[] = {
	{ "status", cli_status, NULL, "what the agent knows of this node, and its problems",
	  "Shows the node's name, addresses, blocks and mode, how often the kernel was\n"
	  "brought to what it should be and how much others had changed (DRIFT), and every\n"
	  "problem that stands. Ends with 1 when the agent is not ready or a problem\n"
	  "stands.\n" },
	{ "peers", cli_peers, NULL, "the other nodes, and the way to each",
	  "WAY is overlay (VXLAN), direct (a route through the node's address), bgp (BIRD\n"
	  "makes the route) or none. PROBLEM says why a peer cannot be reached as asked.\n" },
	{ "routes", cli_routes, NULL, "the routes that should be, and whether they are",
	  "Each route that the agent wants, against the kernel's table: ok, missing or\n"
	  "differs. The node's own blocks are blackholes, so that an address that no pod\n"
	  "has goes nowhere.\n" },
	{ "endpoints", cli_endpoints, NULL, "the pods' interfaces on this node",
	  "One line for each attachment: network, container (first 12 characters), the\n"
	  "interface in the pod and its other end on the host, addresses, plugin, pod.\n"
	  "Without an agent the records that the plugins wrote are read: that needs root.\n" },
	{ "flows", cli_flows, NULL, "what became of packets: new connections, and what was dropped",
	  "One line for each event, the oldest first: who to whom, whether it was forwarded\n"
	  "or dropped and why, and the policy: the one that allowed it and its rule, or\n"
	  "those that isolate the pod. Events are a sample: in a flood some are not sent.\n"
	  "Counters, which the metrics have, are exact. The agent keeps the last 8,192.\n"
	  "Where policies are enforced only.\n"
	  "\n"
	  "  --last N       how many, at most 1000; 100, or 0 with --follow\n"
	  "  --follow       goes on with what happens from now on, until it is interrupted\n"
	  "  --drops        only what was dropped\n"
	  "  --pod NS/NAME  only what this pod sends or is sent\n"
	  "\n"
	  "With --follow, JSON is one document a line and YAML one document each.\n" },
	{ "identities", cli_identities, NULL, "what pods the network policies tell apart",
	  "Pods of one namespace with the same labels and named ports are one identity,\n"
	  "whatever their number. PODS are those of the cluster, LOCAL of them those on\n"
	  "this node, POLICIES those that select them. Where policies are enforced only.\n" },
	{ "bpf", cli_bpf, "MAP", "what is in the datapath's maps, in words",
	  "bpf flows       tracked connections (also: ct); PATH is how they go: through the\n"
	  "                stack, straight to a pod of this node, or straight to another\n"
	  "                node. JUDGED: by the policies in force; if not, the next packet\n"
	  "                is\n"
	  "bpf endpoints   pods' interfaces, and the slot of each one's policy set\n"
	  "bpf locals      pods' addresses\n"
	  "bpf addresses   whose an address is, and which block of policies covers it\n"
	  "bpf prefixes    which block covers all other addresses\n"
	  "bpf specials    addresses that are treated in a way of their own\n"
	  "bpf slots       the version of each policy set that is in force\n"
	  "bpf rules       what a version allows whom (also: policy); PORTS is all, or a\n"
	  "                set in bpf ports, by its number\n"
	  "bpf ports       what is in each set of ports\n"
	  "bpf fragments   fragmented packets that are being tracked\n"
	  "bpf devices     interfaces to other nodes\n"
	  "bpf tunnels     how what goes through the overlay is wrapped up\n"
	  "bpf denied      blocks whose packets are dropped\n"
	  "bpf state       the agent's switches\n"
	  "bpf counts      packets and bytes by reason and direction\n"
	  "bpf verdicts    new connections that policy has allowed and denied\n"
	  "\n"
	  "  --max N        at most so many entries; 1000\n"
	  "  --pod NS/NAME  flows: only those of this pod\n" },
	{ "bgp", cli_bgp, NULL, "BIRD and its sessions",
	  "Mode bgp only. BFD is the state of the session's BFD session, if it has one;\n"
	  "ERROR what ended it last.\n" },
	{ "doctor", cli_doctor, NULL, "looks for what is wrong, and says what to do",
	  "Checks the kernel's features by trying them in a network namespace of its own,\n"
	  "settings, MTUs, clashes of VNI and port, the firewall's forward chains, the\n"
	  "installation, and the way to the peers: by pings and by UDP and TCP packets to\n"
	  "closed ports, with and without checksum offload, for at most two seconds and to\n"
	  "at most 64 peers. Changes nothing. Works without an agent, and knows less then.\n"
	  "Needs root.\n"
	  "\n"
	  "Each line is ok, warn, fail or skip. Ends with 1 when one is fail.\n"
	  "\n"
	  "  --cni-bin DIR   where the plugins are; /opt/cni/bin\n"
	  "  --cni-conf DIR  where the network configurations are; /etc/cni/net.d\n" },
	{ "node", cli_node, "drain|undrain", "takes this node's blocks out of BGP, or back in",
	  "node drain    withdraws what this node announces by BGP, so that its pods get no\n"
	  "              more traffic from outside; holds over restarts and until\n"
	  "node undrain  which announces it again.\n"
	  "\n"
	  "Mode bgp only.\n" },
	{ "policy", cli_policy, "list|show|explain",
	  "which network policies there are, and what follows from them",
	  "policy list              the policies, and how many pods each selects\n"
	  "policy show [NS/NAME]    a policy with all defaults written out, and its pods;\n"
	  "                         or all\n"
	  "policy explain --from END --to END --port PORT\n"
	  "                         whether a connection is allowed, and by which rule of\n"
	  "                         which policy: for each direction and address family.\n"
	  "                         END is NAMESPACE/POD or an address, PORT is 80/tcp,\n"
	  "                         53/udp, 9/sctp or icmp. Ends with 1 unless it is\n"
	  "                         allowed in every family.\n"
	  "policy explain --questions FILE\n"
	  "                         many at once: a JSON list of {\"from\",\"to\",\"port\"};\n"
	  "                         answers with a JSON list\n"
	  "\n"
	  "  -f, --file FILE|DIR  Namespaces, Pods and NetworkPolicies as YAML or JSON; may\n"
	  "                       be given often. Other kinds are named, once. No agent is\n"
	  "                       needed. Without it the agent is asked, for what is in\n"
	  "                       force.\n",
	  true },
	{ "reload", cli_reload, NULL, "has the agent read the manifests again",
	  "Not needed in normal operation: the agent sees changes of the folder by itself.\n" },
	{ "version", cli_version, NULL, "this program's version, and the agent's", "" },
	{ "help", NULL, "COMMAND", "this, or more about a command", "" },
};

const struct cli_command *cli_find(const char *name)
{
	for (size_t i = 0; i < FL_ARRAY_LEN(commands); i++)
		if (fl_streq(commands[i].name, name))
			return &commands[i];
	return NULL;
}

void cli_print_help(const struct cli_command *command)
{
	static const char global[] =
		"  -o, --output FORMAT  how to print: table (without it), json or yaml\n"
		"  --socket PATH        the agent's; $FAIRLEAD_ROOT/run/fairlead/agent.sock\n"
		"\n"
		"Exit status: 0 all is well, 1 something is not, 2 wrong usage, 3 no agent\n"
		"answers.\n";

	if (command) {
		printf("usage: fairlead %s%s%s [options]\n\n%s.\n\n%s%s%s", command->name,
		       command->argument ? " " : "", command->argument ? command->argument : "",
		       command->what, command->help, *command->help ? "\n" : "", global);
		return;
	}
	printf("fairlead " FL_VERSION ", the command line of Fairlead's agent\n\n"
	       "usage: fairlead COMMAND [options]\n\n");
	for (size_t i = 0; i < FL_ARRAY_LEN(commands); i++) {
		char name[40];

		(void)snprintf(name, sizeof(name), "%s%s%s", commands[i].name,
			       commands[i].argument ? " " : "",
			       commands[i].argument ? commands[i].argument : "");
		printf("  %-24s %s\n", name, commands[i].what);
	}
	printf("\n%s", global);
}
