# SPDX-License-Identifier: Apache-2.0
"""
A network of net.bash with pods attached by our plugins: which pods there are, questions by real
packets (tests/harness/prober.c), policies by the agents' manifests, and what the datapath counts.
"""
import contextlib
import ctypes
import ipaddress
import json
import os
import re
import socket
import subprocess
import time

import build
import semantics

BUILD = os.environ['BUILD']
PLUGINS = os.environ.get('PLUGIN_DIR', f'{BUILD}/cni')
PASSED = ('forwarded', 'redirected', 'not_ip')
BLOCKS = {'n1': ('10.0.0.0/23', 'fd00::/111'), 'n2': ('10.0.2.0/24', 'fd00::2:0/112')}
GATEWAYS = {'n1': ('10.0.1.254', 'fd00::1:fffe'), 'n2': ('10.0.2.254', 'fd00::2:fffe')}
PODS4, PODS6 = ipaddress.ip_network('10.0.0.0/16'), ipaddress.ip_network('fd00::/16')
PATIENCE_MS = 4000  # without any progress; what is allowed comes at once
LIMIT_S = 30
RTF_LOCAL = 0x80000000
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


class Wrong(Exception):
    pass


@contextlib.contextmanager
def inside(path):
    """This thread is in that network namespace."""
    def enter(fd):
        if LIBC.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f'enter {path}')
    with open('/proc/thread-self/ns/net') as home, open(path) as there:
        enter(there.fileno())
        try:
            yield
        finally:
            enter(home.fileno())


def wait_until(what, seen):
    """Waits until seen() is true, for what cannot be waited for otherwise."""
    until, pause = time.monotonic() + LIMIT_S, 0.0005
    while not seen():
        if time.monotonic() > until:
            raise Wrong(f'never came true: {what}')
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)


def addresses_wanted(objects):
    """{(namespace, name): (node, [addresses])} of the pods that have a network of their own."""
    pods = [o for o in objects if o['kind'] == 'Pod'
            and not semantics.is_host(o) and not semantics.has_ended(o)]
    wanted = {}
    for p in pods:
        key = (semantics.namespace_of(p), semantics.meta(p)['name'])
        own = semantics.addresses(p)
        if own:
            own = [a for a in own if max((q for q in pods if a in semantics.addresses(q)),
                                         key=semantics.age) is p]
            if not own:
                continue
        else:
            own = semantics.addresses(build.pod(*key))
        wanted[key] = p['spec']['nodeName'], list(dict.fromkeys(own))
    return wanted


class Nodes:
    """The nodes of a network: commands in them, calls of a plugin, the agents' API."""

    def __init__(self, name, plugin):
        self.name, self.plugin = name, plugin
        self.pids = {n: os.environ[f'NODE_PID_{name}_{n}'] for n in ('n1', 'n2', 'lan')}

    def run(self, node, *command, **more):
        return subprocess.run(['nsenter', '--target', self.pids[node], '--mount', '--net', '--',
                               *command], capture_output=True, text=True, **more)

    def must(self, node, *command, **more):
        done = self.run(node, *command, **more)
        if done.returncode:
            raise Wrong(f'{self.name}: {node}: {" ".join(command)}: {done.stdout}{done.stderr}')
        return done.stdout

    def file(self, node, path):
        return f'/proc/{self.pids[node]}/root{path}'

    def get(self, node, path):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT_S)
            s.connect(self.file(node, '/run/fairlead/agent.sock'))
            s.sendall(f'GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n'.encode())
            answer = b''
            while True:
                data = s.recv(65536)
                if not data:
                    return answer.decode()
                answer += data

    def conf(self, node):
        ranges = [[{'subnet': b, 'gateway': g}] for b, g in zip(BLOCKS[node], GATEWAYS[node])]
        conf = {'cniVersion': '1.1.0', 'name': 'pods', 'type': self.plugin, 'agent': 'required',
                'ipam': {'type': 'host-local', 'ranges': ranges}}
        if self.plugin == 'bridge':
            conf.update(bridge='br0', isDefaultGateway=True)
        return conf

    def cni(self, verb, node, key, conf):
        ns, name = key
        env = dict(os.environ, CNI_COMMAND=verb, CNI_CONTAINERID=f'{ns}-{name}', CNI_IFNAME='eth0',
                   CNI_NETNS=f'/run/netns/{ns}-{name}', CNI_PATH=PLUGINS,
                   CNI_ARGS=f'IgnoreUnknown=1;K8S_POD_NAMESPACE={ns};K8S_POD_NAME={name}')
        return self.must(node, f'{PLUGINS}/{self.plugin}', input=json.dumps(conf), env=env)


class Net(Nodes):
    def __init__(self, name, plugin):
        super().__init__(name, plugin)
        self.attached, self.ends, self.outside, self.netns = {}, {}, set(), set()
        self.prober = subprocess.Popen([f'{BUILD}/tests/prober'], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.policies, self.round = {n: self.policies_of(n) for n in ('n1', 'n2')}, 0

    def close(self):
        for key in list(self.attached):
            self.detach(key)
        for node, name in self.netns:
            self.must(node, 'ip', 'netns', 'del', name)
        self.prober.stdin.close()
        self.prober.wait()

    # --- questions ---

    def tell(self, text):
        self.prober.stdin.write(text + '\n')

    def hear(self):
        self.prober.stdin.flush()
        line = self.prober.stdout.readline().strip()
        if not line:
            raise Wrong(f'{self.name}: the prober has ended')
        return line

    # --- pods ---

    def attach(self, key, node, ips):
        name = '-'.join(key)
        if (node, name) not in self.netns:
            self.must(node, 'ip', 'netns', 'add', name)
            self.must(node, 'ip', '-n', name, 'link', 'set', 'lo', 'up')
            self.netns.add((node, name))
        conf = self.conf(node)
        families = {a.version for a in ips}
        conf['ipam']['ranges'] = [r for r in conf['ipam']['ranges'] if ipaddress.ip_network(
            r[0]['subnet']).version in families]
        conf['args'] = {'cni': {'ips': [str(a) for a in ips]}}
        result = json.loads(self.cni('ADD', node, key, conf))
        got = [ipaddress.ip_interface(e['address']).ip for e in result['ips']]
        if set(got) != set(ips):
            raise Wrong(f'{self.name}: {name} has got {got}, expected {ips}')
        self.attached[key] = node, ips, conf, result

    def settle(self, keys):
        """Waits until the kernel has the addresses of new pods in its tables, which IPv6 does in its
        own time."""
        for key in keys:
            node, ips, _, result = self.attached[key]
            name = '-'.join(key)
            for ip in ips:
                wait_until(f'{self.name}: {name} receives at {ip}', lambda: self.must(
                    node, 'ip', f'-{ip.version}', '-n', name, 'route', 'show', 'table', 'local', 'type', 'local',
                    'to', str(ip)).strip())

    def detach(self, key):
        node, _, conf, result = self.attached.pop(key)
        self.cni('DEL', node, key, dict(conf, prevResult=result))

    def have(self, wanted):
        """Exactly these pods, of addresses_wanted()."""
        for key in [k for k, a in self.attached.items() if wanted.get(k) != a[:2]]:
            self.detach(key)
        new = [key for key in wanted if key not in self.attached]
        for key in new:
            self.attach(key, *wanted[key])
        self.settle(new)

    # --- who is where ---

    def place(self, address):
        """(node, namespace or None) that has the address; None: nobody can have it."""
        for key, (node, ips, _, _) in self.attached.items():
            if address in ips:
                return node, '-'.join(key)
        for own in (build.NODES, build.NODES6):
            for node, ip in own.items():
                if address == ipaddress.ip_address(ip):
                    return node, None
        if address in (PODS4 if address.version == 4 else PODS6):
            return None
        if address not in self.outside:
            self.must('lan', 'ip', 'addr', 'replace', str(address), 'dev', 'lo')
            wait_until(f'{self.name}: lan receives at {address}', lambda: self.is_local(address))
            self.outside.add(address)
        return 'lan', None

    def is_local(self, address):
        """Whether lan takes what is sent to an address of its own; of IPv6 that comes after the
        address, when the kernel gets to it: 50 ms on a busy machine."""
        if address.version == 4:
            return True
        with open(f"/proc/{self.pids['lan']}/net/ipv6_route") as routes:
            return any(r[0] == f'{int(address):032x}' and r[1] == '80' and int(r[8], 16) & RTF_LOCAL
                       for r in map(str.split, routes))

    def end(self, address):
        """(number, node) of the end with this address, or None."""
        where = self.place(address)
        if not where:
            return None
        node, netns = where
        path = self.file(node, f'/run/netns/{netns}') if netns else f'/proc/{self.pids[node]}/ns/net'
        if (path, address) not in self.ends:
            self.tell(f'end {path} {address}')
            self.ends[path, address] = int(self.hear())
        return self.ends[path, address], node

    def addresses_of(self, world, text):
        """{family: address} of an end of a question, as it is attached."""
        pod, own = semantics.find(world, text)
        key = tuple(text.split('/')) if '/' in text else None
        if pod and not semantics.is_host(pod):
            own = self.attached[key][1] if key in self.attached else []
        return {a.version: a for a in reversed(own)}

    # --- policies ---

    def put(self, objects):
        """Writes these objects to both nodes. The number of policies is another one than before, by
        some of a namespace without pods: that is what shows that they are in force."""
        self.round += 1
        extra = [build.policy(ns='marker', name=f'm{i}') for i in range(3)]
        for node in ('n1', 'n2'):
            n = sum(o['kind'] == 'NetworkPolicy' for o in objects) + 1
            n += n == self.policies[node]
            more = extra[:n - sum(o['kind'] == 'NetworkPolicy' for o in objects)]
            folder = self.file(node, '/etc/fairlead/manifests')
            with open(f'{folder}/.world.new', 'w') as f:
                json.dump({'apiVersion': 'v1', 'kind': 'List', 'items': objects + more}, f)
            os.rename(f'{folder}/.world.new', f'{folder}/world.json')
            self.policies[node] = n

    def policies_of(self, node):
        return int(re.search(r'^fairlead_policies (\d+)$', self.get(node, '/metrics'), re.M)[1])

    def wait_in_force(self):
        for node in ('n1', 'n2'):
            wait_until(f'{self.name}: {self.policies[node]} policies on {node}',
                       lambda: self.policies_of(node) == self.policies[node])

    def drops(self):
        """{(node, reason): packets so far}"""
        found = {}
        for node in ('n1', 'n2'):
            for labels, n in re.findall(r'^fairlead_datapath_packets_total\{(.*)\} (\d+)$',
                                        self.get(node, '/metrics'), re.M):
                reason = re.search(r'reason="(\w+)"', labels)[1]
                if reason not in PASSED:
                    found[node, reason] = found.get((node, reason), 0) + int(n)
        return found
