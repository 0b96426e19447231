#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a node's kernel should hold in mode vxlan, worked out from the Node objects in
/etc/fairlead/manifests alone, and compared with what it holds. Runs inside the node.

usage: desired.py NODE      prints "+ what is missing" and "- what should not be"; status 1 if any

Knows no more YAML than tests/e2e/cluster.bash and faults-agent.bats write. Two nodes in conflict are
none of its business: the tests make none.
"""
import glob
import ipaddress
import json
import re
import subprocess
import sys

VTEP = "fairlead.1"


def nodes():
    """Name -> (addresses, blocks) of every Node object."""
    found = {}
    for path in glob.glob("/etc/fairlead/manifests/*.yaml"):
        for doc in open(path).read().split("---\n"):
            name = re.search(r"^  name: (\S+)|metadata: \{name: (\w+)", doc, re.M)
            if not name:
                continue
            spec = doc[doc.index("spec:"):doc.index("status:")]
            spec = spec[spec.index("podCIDRs:"):]
            blocks = re.findall(r"[0-9a-f.:]+/\d+", spec)
            ips = re.findall(r"address: ([0-9a-f]+[.:][0-9a-f.:]+)", doc)
            found[name.group(1) or name.group(2)] = (ips, blocks)
    return found


def mac_of(ip):
    """The MAC address of the VTEP of the node with this IPv4 address."""
    return "02:fa:" + ":".join("%02x" % b for b in ipaddress.IPv4Address(ip).packed)


def base_of(block, mac):
    """The address that stands for a peer's VTEP in routes."""
    if block.version == 4:
        return block[0]
    b = [int(x, 16) for x in mac.split(":")]
    b = [b[0] ^ 2, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]]
    return ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes(b))


def desired(me):
    want = set()
    for name, (ips, blocks) in nodes().items():
        for block in map(ipaddress.ip_network, blocks):
            if name == me:
                want.add("route blackhole %s" % block)
                want.add("address %s/%d" % (block[0], block.max_prefixlen))
            else:
                mac = mac_of(ips[0])
                base = base_of(block, mac)
                want.add("route %s via %s %s onlink" % (block, base, VTEP))
                want.add("neighbour %s %s" % (base, mac))
        if name == me:
            want.add("vtep %s %s" % (mac_of(ips[0]), ips[0]))
        else:
            want.add("fdb %s %s" % (mac_of(ips[0]), ips[0]))
    return want


def ask(*command):
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out or b"[]")


def actual():
    have = set()
    for family in "46":
        for r in ask("ip", "-" + family, "-j", "-N", "route", "show", "proto", "172"):
            dst = ipaddress.ip_network(r["dst"])
            if r.get("type") in ("blackhole", "6"):
                have.add("route blackhole %s" % dst)
            else:
                have.add("route %s via %s %s %s" % (dst, r.get("gateway"), r.get("dev"),
                                                    " ".join(f for f in r["flags"] if f != "linkdown")))
    for n in ask("ip", "-j", "neigh", "show", "nud", "permanent", "dev", VTEP):
        have.add("neighbour %s %s" % (n["dst"], n["lladdr"]))
    for f in ask("bridge", "-j", "fdb", "show", "dev", VTEP):
        have.add("fdb %s %s" % (f["mac"], f["dst"]))
    link = ask("ip", "-j", "-d", "link", "show", "dev", VTEP)[0]
    have.add("vtep %s %s" % (link["address"], link["linkinfo"]["info_data"].get("local")))
    for a in ask("ip", "-j", "addr", "show", "dev", VTEP)[0]["addr_info"]:
        if a.get("scope") == "global":
            have.add("address %s/%d" % (a["local"], a["prefixlen"]))
    return have


def main():
    want, have = desired(sys.argv[1]), actual()
    for what in sorted(want - have):
        print("+", what)
    for what in sorted(have - want):
        print("-", what)
    return want != have


sys.exit(main())
