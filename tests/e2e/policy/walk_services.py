# SPDX-License-Identifier: Apache-2.0
"""
Services of walk.py, as a node leads to them that kube-proxy has set up: of a Service's address and
port one of its backends is made, by chance; who comes to itself this way is masqueraded, by a bit of
the packet's mark; and what connection tracking does not know is not forwarded.
"""
CIDRS = ('10.96.0.0/16', 'fd00:96::/112')
PORT = 90
MASQUERADE = 0x4000


def address(number, version):
    return f'10.96.0.{number}' if version == 4 else f'fd00:96::{number}'


def rules(services):
    """The table of {number: (port, [(IPv4, IPv6) of a backend])}, in place of the one before."""
    ends, leads = [], []
    for number, (port, backends) in sorted(services.items()):
        for version, family, i in ((4, 'ip', 0), (6, 'ip6', 1)):
            for k, ips in enumerate(backends):
                name, ip = f's{number}v{version}e{k}', ips[i]
                to = f'{ip}:{port}' if version == 4 else f'[{ip}]:{port}'
                ends.append(f'chain {name} {{\n'
                            f'{family} saddr {ip} meta mark set meta mark or {MASQUERADE:#x}\n'
                            f'meta l4proto {{ tcp, udp }} dnat {family} to {to}\n}}')
                left = len(backends) - k
                chance = f'numgen random mod {left} 0 ' if left > 1 else ''
                leads.append(f'{family} daddr {address(number, version)} meta l4proto {{ tcp, udp }} '
                             f'th dport {PORT} {chance}jump {name}')
    lead = '\n'.join(leads)
    return '\n'.join([
        'table inet services {}', 'delete table inet services', 'table inet services {', *ends,
        f'chain pre {{\ntype nat hook prerouting priority dstnat\n{lead}\n}}',
        f'chain out {{\ntype nat hook output priority -100\n{lead}\n}}',
        'chain post {\ntype nat hook postrouting priority srcnat',
        f'meta mark and {MASQUERADE:#x} == {MASQUERADE:#x} masquerade\n}}',
        'chain forward {\ntype filter hook forward priority filter\nct state invalid drop\n}', '}', ''])
