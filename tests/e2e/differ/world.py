# SPDX-License-Identifier: Apache-2.0
"""
One node of the differential test: a process in a network and a mount namespace of its own that
runs the steps of a case with one maker's plugins and says what came of each: the answer, and the
world after it. It reads cases from stdin and writes what became of them to stdout, a line of JSON
each. MAC addresses and names that a plugin chooses at random are written as whose they are.

usage: world.py ref|our|mix REFERENCE_DIR PLUGIN_DIR   (as the first program of a new node)
"""
import ctypes
import json
import os
import random
import re
import socket
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PODS = ('p0', 'p1', 'p2')
STORES = ('/var/lib/cni', '/run/data', '/run/cwd')
RUN_KEPT = ('netns', 'lock', 'cwd/in')
OUTSIDE = {socket.AF_INET: '192.0.2.2', socket.AF_INET6: '2001:db8:ff::2'}
# Of /proc/sys/net/*/conf/INTERFACE: all but what says how the kernel was built.
SYSCTLS_LEFT_OUT = {'stable_secret'}
LINK_KEYS = ('mtu', 'master', 'txqlen', 'linkmode', 'group', 'promiscuity', 'qdisc')
PORT_KEYS = ('hairpin', 'isolated', 'guard', 'root_block', 'fastleave', 'learning', 'flood',
             'proxy_arp', 'mcast_flood', 'bcast_flood', 'neigh_suppress', 'cost', 'priority',
             'multicast_router', 'vlan_tunnel')
BRIDGE_KEYS = ('forward_delay', 'hello_time', 'max_age', 'ageing_time', 'stp_state', 'priority',
               'vlan_filtering', 'vlan_protocol', 'group_fwd_mask', 'vlan_default_pvid',
               'mcast_snooping', 'mcast_router', 'nf_call_iptables', 'nf_call_ip6tables')
ROUTE_KEYS = ('type', 'dst', 'gateway', 'dev', 'table', 'protocol', 'scope', 'prefsrc', 'metric',
              'metrics', 'nexthops')
UNSTEADY_FLAGS = {'LOWER_UP', 'NO-CARRIER', 'DORMANT'}


def check(value, what):
    if value < 0:
        raise OSError(ctypes.get_errno(), what)


class Net:
    """A network namespace that stays open, to be entered and left."""

    home = None

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self):
        check(LIBC.setns(self.fd, CLONE_NEWNET), 'enter')

    def __exit__(self, *_):
        check(LIBC.setns(Net.home.fd, CLONE_NEWNET), 'leave')


def ip_batch(lines, pod=None, may_fail=False):
    """One run of ip for all lines; what each printed as JSON."""
    cmd = ['ip', '-j', '-d', '-force', '-batch', '-']
    if pod:
        cmd[1:1] = ['-n', pod]
    done = subprocess.run(cmd, input='\n'.join(lines) + '\n', text=True, capture_output=True,
                          check=False)
    if done.returncode and not may_fail:
        raise RuntimeError(f'ip {lines}: {done.stderr}')
    out, at, decoder = [], 0, json.JSONDecoder()
    text = done.stdout
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        value, at = decoder.raw_decode(text, at)
        out.append([v for v in value if v])
    return out


LOOK = ['link show', 'addr show', 'route show table all',
        'neigh show nud permanent']


class Names:
    """The names that were chosen at random, and the links' MAC addresses."""

    def __init__(self, given, node_links, pods):
        self.given = {m.lower() for m in given} | {'00:00:00:00:00:00'}
        self.link = {}
        self.mac = {('', l['ifname']): l['address'] for l in node_links}
        by_index = {l['ifindex']: l['ifname'] for l in node_links}
        for pod, links in pods.items():
            for link in links:
                self.mac[f'/run/netns/{pod}', link['ifname']] = link['address']
                host = by_index.get(link.get('link_index'), '')
                if host.startswith('veth'):
                    self.link[host] = f'<host of {pod}/{link["ifname"]}>'
        for link in node_links:
            if link.get('linkinfo', {}).get('info_kind') == 'veth' and link['ifname'] != 'out0':
                self.link.setdefault(link['ifname'], '<veth>')

    def address(self, mac):
        return mac.lower() if mac.lower() in self.given else '<random>'

    def value(self, v):
        """v with whose name it is in place of a random name."""
        if isinstance(v, dict):
            out = {k: self.value(x) for k, x in v.items()}
            if isinstance(v.get('mac'), str) and isinstance(v.get('name'), str):
                own = self.mac.get((v.get('sandbox', ''), v['name']))
                out['mac'] = self.address(v['mac']) if v['mac'] == own else \
                    f'{v["mac"]}, not {own}'
            return out
        if isinstance(v, list):
            return [self.value(x) for x in v]
        return self.link.get(v, v) if isinstance(v, str) else v


def steady_link(link, names):
    out = {k: link[k] for k in LINK_KEYS if k in link}
    out['flags'] = sorted(f for f in link['flags'] if f not in UNSTEADY_FLAGS)
    info = link.get('linkinfo', {})
    out['kind'] = info.get('info_kind')
    data, port = info.get('info_data', {}), info.get('info_slave_data', {})
    out['bridge'] = {k: data[k] for k in BRIDGE_KEYS if k in data}
    out['port'] = {k: port[k] for k in PORT_KEYS if k in port}
    out['address'] = names.address(link.get('address', ''))
    return names.value(link['ifname']), names.value(out)


def is_link_local(text):
    return text.startswith('fe80:')


def steady_addresses(links, names):
    out = {}
    for link in links:
        for a in link.get('addr_info', []):
            if is_link_local(a['local']) or link['ifname'] == 'out0':
                continue
            flags = [k for k in ('noprefixroute', 'nodad', 'home', 'dynamic', 'secondary')
                     if a.get(k)]
            out[f'{names.value(link["ifname"])} {a["local"]}/{a["prefixlen"]}'] = \
                [a.get('broadcast'), a['scope'], a.get('label'), flags]
    return out


def steady_routes(routes, names):
    out = {}
    for r in routes:
        dst = r.get('dst', '')
        if r.get('dev') == 'out0' or is_link_local(dst) or dst in ('ff00::/8', 'multicast') or \
                r.get('type') in ('multicast', 'anycast'):
            continue
        if r.get('table') == 'local' and ':' in dst:
            continue  # they come when an address has been checked
        text = ' '.join(f'{k} {names.value(r[k])}' for k in ROUTE_KEYS if k in r)
        out[text] = out.get(text, 0) + 1
    return out


def sysctls(interface):
    out = {}
    for family in ('ipv4', 'ipv6'):
        folder = f'/proc/sys/net/{family}/conf/{interface}'
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                with open(f'{folder}/{name}', encoding='ascii') as f:
                    out[f'{family}.{name}'] = f.read().strip()
            except OSError:
                continue
    return {k: v for k, v in out.items() if k.split('.')[1] not in SYSCTLS_LEFT_OUT}


def read_stores():
    files = {}
    for top in STORES:
        for folder, folders, names in os.walk(top):
            for name in folders:
                files[f'{folder}/{name}/'] = ''
            for name in names:
                with open(f'{folder}/{name}', 'rb') as f:
                    files[f'{folder}/{name}'] = f.read().decode('latin-1')
    return files


class Node:
    def __init__(self, maker, reference, ours):
        self.maker, self.dirs = maker, {'ref': reference, 'our': ours}
        self.nets = {}
        Net.home = Net('/proc/self/ns/net')
        with open('/proc/sys/net/ipv6/conf/default/accept_dad', 'w', encoding='ascii') as f:
            f.write('0')
        for pod in PODS + ('outside',):
            subprocess.run(['ip', 'netns', 'add', pod], check=True)
            self.nets[pod] = Net(f'/run/netns/{pod}')
        ip_batch(['link add out0 type veth peer name eth0 netns outside',
                  'addr add 192.0.2.1/24 dev out0', 'addr add 2001:db8:ff::1/64 dev out0 nodad',
                  'link set out0 up'])
        ip_batch([f'addr add {OUTSIDE[socket.AF_INET]}/24 dev eth0',
                  f'addr add {OUTSIDE[socket.AF_INET6]}/64 dev eth0 nodad', 'link set eth0 up',
                  'link set lo up'], 'outside')
        self.listeners = {}
        with self.nets['outside']:
            for family in OUTSIDE:
                s = socket.socket(family, socket.SOCK_DGRAM)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind(('::' if family == socket.AF_INET6 else '0.0.0.0', 9))
                s.settimeout(0.4)
                self.listeners[family] = s
        self.home_links = {'lo', 'out0'} | {l['ifname'] for l in ip_batch(['link show'])[0]}
        os.makedirs('/run/cwd/in')
        os.chdir('/run/cwd/in')

    def rng(self, case):
        return random.Random(case['seed'] * 7 + 1)

    def look(self, case):
        """The world as far as this case can have changed it."""
        node = ip_batch(LOOK)
        pods = {p: ip_batch(LOOK, p) for p in case['pods']}
        names = Names(case['macs'], node[0], {p: v[0] for p, v in pods.items()})
        world = {}
        for where, (links, addrs, routes, neighbours) in [('node', node), *pods.items()]:
            world[where] = {
                'links': dict(steady_link(l, names) for l in links
                              if l['ifname'] != 'out0' and
                              (l['ifname'] not in self.home_links or where != 'node')),
                'addresses': steady_addresses(addrs, names),
                'routes': steady_routes(routes, names),
                'neighbours': {str(names.value(n)): 1 for n in neighbours},
                'sysctls': self.look_sysctls(where, links, names),
            }
        world['files'] = read_stores()
        return world, names

    def look_sysctls(self, where, links, names):
        if where == 'node':
            out = {names.value(l['ifname']): sysctls(l['ifname']) for l in links
                   if l['ifname'] not in self.home_links}
            out['all'] = sysctls('all')
        else:
            with self.nets[where]:
                out = {l['ifname']: sysctls(l['ifname']) for l in links}
                out['all'] = sysctls('all')
                out['default'] = sysctls('default')
        return out

    def probe(self, pod):
        """As whom the pod's packets arrive outside, by family."""
        out = {}
        for family, address in OUTSIDE.items():
            with self.nets[pod]:
                s = socket.socket(family, socket.SOCK_DGRAM)
            with s:
                try:
                    s.sendto(pod.encode(), (address, 9))
                except OSError:
                    out[address] = 'no way'
                    continue
                forwards = '/proc/sys/net/ipv4/ip_forward' if family == socket.AF_INET else \
                    '/proc/sys/net/ipv6/conf/all/forwarding'
                with open(forwards, encoding='ascii') as f:
                    if f.read().strip() == '0':
                        out[address] = 'not forwarded'
                        continue
                try:
                    while True:
                        data, peer = self.listeners[family].recvfrom(64)
                        if data == pod.encode():
                            break
                    out[address] = f'from {peer[0]}'
                except OSError:
                    out[address] = 'lost'
        return out

    def run(self, step, results, maker):
        folder = self.dirs[maker]
        env = {'CNI_PATH': folder, 'PATH': os.environ['PATH']}
        env.update({k: v.replace('@DIR@', folder) for k, v in step['env'].items()})
        env = {k: v for k, v in env.items() if v != '@UNSET@'}
        if 'raw' in step:
            stdin = step['raw'].encode('utf-8', 'surrogateescape')
        else:
            conf = step['conf']
            prev = step.get('prev')
            if prev is not None and results.get(prev) is not None:
                conf = dict(conf, prevResult=results[prev])
            stdin = json.dumps(conf).encode()
        try:
            done = subprocess.run([f'{folder}/{step["plugin"]}'], input=stdin, env=env,
                                  capture_output=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            return {'status': 'hung', 'out': '', 'err': ''}
        return {'status': done.returncode, 'out': done.stdout.decode('utf-8', 'replace'),
                'err': done.stderr.decode('utf-8', 'replace')}

    def tamper(self, lines):
        for line in lines:
            where, _, what = line.partition(': ')
            if where == 'file':
                path, _, text = what.partition('=')
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, 'w', encoding='utf-8') as f:
                    f.write(text.replace('\\n', '\n').replace('\\r', '\r'))
            elif where == 'remove':
                if os.path.exists(what):
                    os.unlink(what)
            elif where == 'sysctl':
                name, _, value = what.partition('=')
                with open(name, 'w', encoding='ascii') as f:
                    f.write(value)
            else:
                ip_batch([what], None if where == 'node' else where, may_fail=True)

    def case(self, case):
        rng, results, out = self.rng(case), {}, []
        self.tamper(case.get('setup', []))
        for n, step in enumerate(case['steps']):
            self.tamper(step.get('tamper', []))
            maker = self.maker
            if maker == 'mix':
                maker = rng.choice(('ref', 'our'))
            began = time.monotonic()
            answer = self.run(step, results, maker)
            answer['ms'] = round((time.monotonic() - began) * 1000, 1)
            answer['by'] = maker
            world, names = self.look(case) if step.get('look', True) else (None, None)
            try:
                value = json.loads(answer['out']) if answer['out'].strip() else None
                if answer['status'] == 0 and step['env'].get('CNI_COMMAND') == 'ADD':
                    results[n] = value
                answer['json'] = names.value(value) if names else value
            except ValueError:
                answer['json'] = '@not one document@'
            if step.get('probe') and answer['status'] == 0:
                answer['probe'] = {p: self.probe(p) for p in case['pods']}
            answer['world'] = world
            out.append(answer)
        self.clean(case)
        return out

    def clean(self, case):
        """The node as it was before the case."""
        for pod in case['pods']:
            names = [l['ifname'] for l in ip_batch(['link show'], pod)[0] if l['ifname'] != 'lo']
            ip_batch(['link set lo down', 'addr flush dev lo'] + [f'link del {n}' for n in names], pod, may_fail=True)
        names = [l['ifname'] for l in ip_batch(['link show'])[0]]
        ip_batch([f'link del {n}' for n in names if n not in self.home_links] or ['link show lo'],
                 may_fail=True)
        ip_batch(['link set lo up', 'link set out0 up'])
        for name in ('ipv4/ip_forward', 'ipv6/conf/all/forwarding'):
            with open(f'/proc/sys/net/{name}', encoding='ascii') as f:
                on = f.read().strip() != '0'
            if on:
                self.tamper([f'sysctl: /proc/sys/net/{name}=0'])
        if case['rules']:
            subprocess.run(['nft', 'flush', 'ruleset'], check=True)
        kept = [x for k in RUN_KEPT for x in ('-not', '-path', f'/run/{k}*')]
        subprocess.run(['find', '/run', '/var/lib/cni', '-mindepth', '1', *kept, '-delete'],
                       check=False, stderr=subprocess.DEVNULL)
        for s in self.listeners.values():
            s.setblocking(False)
            try:
                while s.recv(64):
                    pass
            except OSError:
                pass
            s.settimeout(0.4)


def main():
    maker, reference, ours = sys.argv[1:]
    node = Node(maker, reference, ours)
    print('ready', flush=True)
    for line in sys.stdin:
        print(json.dumps(node.case(json.loads(line))), flush=True)


if __name__ == '__main__':
    main()
