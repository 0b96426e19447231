#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a Kubernetes node's firewall is like, by iptables (the nf_tables one, as Debian has it), in
# the network namespace it is run in: bench/k8s-rules.sh [SERVICES]. The chains of kube-proxy in
# mode iptables for SERVICES (100) of two endpoints each, kubelet's, and those of a CNI plugin that
# masquerades 10.244.0.0/16 and lets it through. None of the Services is what the benchmark talks
# to, so what it costs is looking.
set -eu

awk -v n="${1:-100}" 'BEGIN {
	print "*filter"
	print ":INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT"
	split("KUBE-EXTERNAL-SERVICES KUBE-FIREWALL KUBE-FORWARD KUBE-NODEPORTS " \
		"KUBE-PROXY-FIREWALL KUBE-SERVICES CNI-FORWARD", chain, " ")
	for (i = 1; i in chain; i++)
		print ":" chain[i] " - [0:0]"
	new = " -m conntrack --ctstate NEW "
	print "-A INPUT" new "-j KUBE-PROXY-FIREWALL"
	print "-A INPUT -j KUBE-NODEPORTS"
	print "-A INPUT" new "-j KUBE-EXTERNAL-SERVICES"
	print "-A INPUT -j KUBE-FIREWALL"
	print "-A FORWARD" new "-j KUBE-PROXY-FIREWALL"
	print "-A FORWARD -j KUBE-FORWARD"
	print "-A FORWARD" new "-j KUBE-SERVICES"
	print "-A FORWARD" new "-j KUBE-EXTERNAL-SERVICES"
	print "-A FORWARD -j CNI-FORWARD"
	print "-A OUTPUT" new "-j KUBE-PROXY-FIREWALL"
	print "-A OUTPUT" new "-j KUBE-SERVICES"
	print "-A OUTPUT -j KUBE-FIREWALL"
	print "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack " \
		"! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
	print "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP"
	print "-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT"
	print "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
	print "-A CNI-FORWARD -s 10.244.0.0/16 -j ACCEPT"
	print "-A CNI-FORWARD -d 10.244.0.0/16 -j ACCEPT"
	print "COMMIT\n*nat"
	print ":PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT"
	split("KUBE-MARK-MASQ KUBE-NODEPORTS KUBE-POSTROUTING KUBE-SERVICES CNI-POSTRTG", chain, " ")
	for (i = 1; i in chain; i++)
		print ":" chain[i] " - [0:0]"
	for (i = 0; i < n; i++) {
		printf ":KUBE-SVC-%016d - [0:0]\n", i
		printf ":KUBE-SEP-%016dA - [0:0]\n:KUBE-SEP-%016dB - [0:0]\n", i, i
	}
	print "-A PREROUTING -j KUBE-SERVICES"
	print "-A OUTPUT -j KUBE-SERVICES"
	print "-A POSTROUTING -j KUBE-POSTROUTING"
	print "-A POSTROUTING -j CNI-POSTRTG"
	print "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000"
	print "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN"
	print "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0"
	print "-A KUBE-POSTROUTING -j MASQUERADE --random-fully"
	print "-A CNI-POSTRTG -s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN"
	print "-A CNI-POSTRTG -s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully"
	for (i = 0; i < n; i++) {
		svc = sprintf("KUBE-SVC-%016d", i)
		sep = sprintf("KUBE-SEP-%016d", i)
		ip = sprintf("10.96.%d.%d", i / 250, i % 250 + 1)
		print "-A KUBE-SERVICES -d " ip "/32 -p tcp -m tcp --dport 80 -j " svc
		print "-A " svc " ! -s 10.244.0.0/16 -d " ip "/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ"
		print "-A " svc " -m statistic --mode random --probability 0.5 -j " sep "A"
		print "-A " svc " -j " sep "B"
		for (j = 0; j < 2; j++) {
			end = sprintf("10.245.%d.%d", i / 100, i % 100 * 2 + j + 1)
			chn = sep (j ? "B" : "A")
			print "-A " chn " -s " end "/32 -j KUBE-MARK-MASQ"
			print "-A " chn " -p tcp -m tcp -j DNAT --to-destination " end ":8080"
		}
	}
	print "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"
	print "COMMIT"
}' | iptables-nft-restore
