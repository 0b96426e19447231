#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Random steps of pods' attachments on one node, and what must be true after each; see attach_walk.sh.

usage: attach_walk.py STEPS SEED   NODE_PID_walk and NODE_PID_outside are processes in the namespaces
"""
import contextlib
import ipaddress
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # the tree stays as it is
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'policy'))
os.environ.setdefault('BUILD', 'build')

from net import Wrong, inside

OURS = os.path.abspath(os.environ.get('PLUGIN_DIR', 'build/cni'))
REFERENCE = '/usr/lib/cni'
ROOM = 4         # addresses of a network
PODS = 15        # namespaces
PORT = 7000
PORTS_FROM, PORTS_COUNT = 8000, 50000  # one that has asked before may still be translated as then
PATIENCE_S = 2
OUTSIDE = {4: '192.0.2.2', 6: '2001:db8::2'}
UPLINK = {4: '192.0.2.1', 6: '2001:db8::1'}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
FOLDERS = '/var/lib/cni/networks', '/run/fairlead/endpoints'


class Network:
    def __init__(self, number, plugin, versions, **more):
        self.name, self.plugin, self.versions = f'net{number}', plugin, versions
        self.masquerades, self.isolated = more.get('ipMasq', False), more.get('portIsolation', False)
        self.swaps = plugin == 'bridge' and not self.isolated and 'macspoofchk' not in more
        ranges = []
        for v in versions:
            base, size = (f'10.{number}.0.', 24) if v == 4 else (f'fd00:{number}::', 64)
            ranges.append([{'subnet': f'{base}{"0" if v == 4 else ""}/{size}',
                            'rangeStart': f'{base}10', 'rangeEnd': f'{base}{10 + ROOM - 1}'}])
        self.prefixes = {v: ipaddress.ip_network(r[0]['subnet']) for v, r in zip(versions, ranges)}
        self.ends = {v: [str(ipaddress.ip_address(r[0]['rangeStart']) + i) for i in range(ROOM)]
                     for v, r in zip(versions, ranges)}
        self.conf = {'cniVersion': '1.0.0', 'name': self.name, 'type': plugin,
                     'ipam': {'type': 'host-local', 'ranges': ranges}, **more}
        self.leads_out = 'bridge' not in more
        if plugin == 'bridge' and self.leads_out:
            self.conf.update(bridge=f'br{number}', isDefaultGateway=True)


NETWORKS = [
    Network(1, 'bridge', (4, 6), ipMasq=True, macspoofchk=True),
    Network(2, 'bridge', (4,), hairpinMode=True),
    Network(3, 'bridge', (6,), ipMasq=True, portIsolation=True),
    Network(4, 'vxlan', (4, 6), ipMasq=True, peers=[], local=UPLINK[4]),
    Network(5, 'bgp-route', (4, 6), peers=[]),
    Network(6, 'bridge', (4, 6), bridge='br2', macspoofchk=True),  # another's bridge, no gateway
]


class Att:
    """An attachment of this container in this namespace, and who has made it."""

    def __init__(self, net, pod, container, folder):
        self.net, self.pod, self.container, self.folder = net, pod, container, folder
        self.ifname, self.conf = 'eth0', net.conf
        self.result, self.ips, self.lost = None, {}, False  # lost: its namespace is gone

    def __str__(self):
        return f'{self.container}({self.net.name} {self.pod} {self.ifname} {" ".join(self.ips.values())})'

    def key(self):
        return self.net.name, self.container, self.ifname

    def be_second(self, first):
        """Not the pod's only one, and no way out of it."""
        self.container, self.ifname = first.container, 'net1'
        self.conf = {k: v for k, v in self.conf.items() if k != 'isDefaultGateway'}
        self.conf['isGateway'] = self.net.leads_out

    def has_own_mac(self):
        return self.folder == REFERENCE or 'runtimeConfig' in self.conf


class Walk:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.pids = {n: os.environ[f'NODE_PID_{n}'] for n in ('walk', 'outside')}
        self.atts, self.former, self.count = [], [], 0
        self.sockets = {}  # (namespace's path, address) -> one that answers
        self.flushed = set()  # networks whose firewall nobody has put back
        self.foreign = set()  # addresses that a pod with a MAC address of its own had last
        self.kinds, self.asked = {}, 0
        self.pods = [f'p{i}' for i in range(PODS)]
        for pod in self.pods:
            self.make(pod)
        self.links = self.host_links()

    # --- the node ---

    def run(self, *command, node='walk', **more):
        return subprocess.run(['nsenter', '--target', self.pids[node], '--mount', '--net', '--', *command],
                              capture_output=True, text=True, **more)

    def must(self, *command, **more):
        done = self.run(*command, **more)
        if done.returncode:
            raise Wrong(f'{" ".join(command)}: {done.stdout}{done.stderr}')
        return done.stdout

    def file(self, path):
        return f'/proc/{self.pids["walk"]}/root{path}'

    def make(self, pod):
        self.must('ip', 'netns', 'add', pod)
        self.must('ip', '-n', pod, 'link', 'set', 'lo', 'up')

    def host_links(self):
        return {e['ifname'] for e in json.loads(self.must('ip', '-j', 'link'))}

    def path(self, pod):
        return self.file(f'/run/netns/{pod}')

    # --- calls ---

    def start(self, verb, att, conf, folder=None):
        """A call that runs; its configuration has been written."""
        folder = folder or att.folder
        env = dict(os.environ, CNI_COMMAND=verb, CNI_CONTAINERID=att.container, CNI_IFNAME=att.ifname,
                   CNI_NETNS=f'/run/netns/{att.pod}' if att.pod else '', CNI_PATH=folder)
        p = subprocess.Popen(['nsenter', '--target', self.pids['walk'], '--mount', '--net', '--',
                              f'{folder}/{att.net.plugin}'], stdin=subprocess.PIPE, text=True, env=env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with contextlib.suppress(BrokenPipeError):
            p.stdin.write(json.dumps(conf))
            p.stdin.close()
        p.stdin = None
        return p

    def end(self, p, what):
        out, err = p.communicate(timeout=60)
        if p.returncode:
            raise Wrong(f'{what}: status {p.returncode}: {out}{err}')
        return out

    def call(self, verb, att, conf, folder=None):
        return self.end(self.start(verb, att, conf, folder), f'{verb} {att}')

    def with_result(self, att):
        return dict(att.conf, prevResult=att.result) if att.result else att.conf

    def any_folder(self, net):
        return REFERENCE if net.swaps and os.path.exists(REFERENCE) and self.r.random() < 0.25 else OURS

    def new(self, net, pod):
        self.count += 1
        att = Att(net, pod, f'c{self.count}', self.any_folder(net))
        if net.plugin == 'bridge' and self.r.random() < 0.15:
            att.conf = dict(att.conf, runtimeConfig={'mac': f'02:11:00:00:{self.count >> 8:02x}:{self.count & 255:02x}'})
        return att

    def added(self, att, out):
        att.result = json.loads(out)
        att.ips = {ipaddress.ip_interface(i['address']).version: i['address'].split('/')[0]
                   for i in att.result['ips']}
        self.atts.append(att)
        if att.folder == OURS:
            self.flushed.discard(att.net)
        # The reference's pods have another MAC address each, of which it tells nobody; nor does ours
        # of one that follows from an IPv4 address whose last pod had one of its own.
        ips = set(att.ips.values())
        if att.folder == REFERENCE or (ips & self.foreign and not att.has_own_mac()):
            self.forget_neighbours()
        self.foreign = self.foreign | ips if att.has_own_mac() else self.foreign - ips
        self.listen(att)

    def forget_neighbours(self):
        for pod in [()] + [('-n', a.pod) for a in self.atts if not a.lost]:
            self.must('ip', *pod, 'neigh', 'flush', 'all')

    def gone(self, att):
        self.silence(att)
        self.atts.remove(att)
        # Of two interfaces on one bridge both answer for a pod's addresses, as Linux does.
        if any(a.pod == att.pod and a.conf.get('bridge') == att.conf.get('bridge') for a in self.atts):
            self.forget_neighbours()
        self.former = (self.former + [att])[-12:]

    # --- steps ---

    def free_pods(self):
        used = {a.pod for a in self.atts}
        return [p for p in self.pods if p not in used]

    def room(self, net):
        return ROOM - sum(a.net is net for a in self.atts)

    def do_add(self):
        """Some come, one or four at a time, in one network or in several, while others may go."""
        pods, nets = self.free_pods(), [n for n in NETWORKS for _ in range(self.room(n))]
        self.r.shuffle(pods)
        self.r.shuffle(nets)
        new = [self.new(n, p) for n, p in zip(nets, pods[:self.r.choice((1, 1, 1, 2, 4))])]
        leaving = self.r.sample(self.atts, min(len(self.atts), self.r.choice((0, 0, 1, 2))))
        for a in leaving:
            self.silence(a)
        going = [(a, self.start('DEL', a, self.with_result(a))) for a in leaving]
        coming = [(a, self.start('ADD', a, a.conf)) for a in new]
        for a, p in going:
            self.end(p, f'DEL {a}')
            self.gone(a)
        for a, p in coming:
            self.added(a, self.end(p, f'ADD {a} by {a.folder}'))
        return f'{[str(a) for a in new]}, without {[str(a) for a in leaving]}'

    def do_second(self):
        """A pod gets another interface."""
        pods = [[a for a in self.atts if a.pod == p] for p in self.pods]
        firsts = [mine[0] for mine in pods if len(mine) == 1 and not mine[0].lost and mine[0].ifname == 'eth0']
        nets = [n for n in NETWORKS if n.plugin == 'bridge' and self.room(n)]
        if not firsts or not nets:
            return None
        first = self.r.choice(firsts)
        att = self.new(self.r.choice(nets), first.pod)
        if att.net is first.net:
            return None
        att.be_second(first)
        self.added(att, self.call('ADD', att, att.conf))
        return f'{att} beside {first}'

    def do_rename(self):
        """Somebody gives the host's end another name; DEL finds it."""
        ours = [a for a in self.atts if a.folder == OURS and not a.lost]
        if not ours:
            return None
        att = self.r.choice(ours)
        ends = [i['name'] for i in att.result['interfaces'] if i['name'].startswith('veth')]
        self.must('ip', 'link', 'set', ends[0], 'name', 'renamed0')
        self.silence(att)
        self.call('DEL', att, self.r.choice((att.conf, self.with_result(att))))
        self.gone(att)
        if 'renamed0' in self.host_links():
            raise Wrong(f'DEL {att}, whose host interface is renamed0 now: it is there')
        return str(att)

    def do_forget(self):
        """Its record goes; the result tells DEL as much."""
        ours = [a for a in self.atts if a.folder == OURS]
        if not ours:
            return None
        att = self.r.choice(ours)
        for name in os.listdir(self.file(FOLDERS[1])):
            path = self.file(f'{FOLDERS[1]}/{name}')
            with open(path, encoding='utf-8') as f:
                record = json.load(f)
            if (record['network'], record['containerID'], record['ifname']) == att.key():
                os.unlink(path)
        self.silence(att)
        self.call('DEL', att, self.with_result(att))
        self.gone(att)
        return str(att)

    def do_full(self):
        """An ADD to a network that has no address left fails and leaves nothing."""
        nets, pods = [n for n in NETWORKS if not self.room(n)], self.free_pods()
        if not nets or not pods:
            return None
        att = self.new(self.r.choice(nets), self.r.choice(pods))
        att.folder = OURS
        p = self.start('ADD', att, att.conf)
        out, err = p.communicate(timeout=60)
        if not p.returncode or not json.loads(out)['code']:
            raise Wrong(f'ADD {att} of a network that is full: {out}{err}')
        self.call('DEL', att, att.conf, OURS)
        return str(att)

    def do_del(self):
        """One to four at a time; ours of what the reference has made, and it of ours."""
        if not self.atts:
            return None
        leaving = self.r.sample(self.atts, min(len(self.atts), self.r.choice((1, 1, 1, 2, 4))))
        for a in leaving:
            self.silence(a)
        running = [(a, self.start('DEL', a, self.with_result(a), a.folder)) for a in leaving]
        for a, p in running:
            self.end(p, f'DEL {a}')
            self.gone(a)
        return [str(a) for a in leaving]

    def do_late(self):
        """DEL of who has gone, whose namespace and addresses may be another's."""
        here = [a.key() for a in self.atts]
        ours = [a for a in self.former if a.folder == OURS and a.key() not in here]
        if not ours:
            return None
        att = self.r.choice(ours)
        self.call('DEL', att, self.r.choice((att.conf, self.with_result(att))))
        return str(att)

    def do_check(self):
        for a in self.atts:
            if a.folder == OURS and not a.lost and a.net not in self.flushed:
                self.call('CHECK', a, self.with_result(a))
        return True

    def do_replace(self):
        """A pod is made anew with its address, by others who know it."""
        living = [a for a in self.atts if not a.lost and a.ifname == 'eth0']
        if not living or not self.free_pods():
            return None
        att = self.r.choice(living)
        self.talk()
        self.silence(att)
        self.call('DEL', att, self.with_result(att))
        self.gone(att)
        new = self.new(att.net, self.r.choice(self.free_pods()))
        new.folder = OURS
        ips = list(att.ips.values())
        self.added(new, self.call('ADD', new, dict(new.conf, args={'cni': {'ips': ips}})))
        if list(new.ips.values()) != ips:
            raise Wrong(f'asked for {ips}: {new}')
        return f'{att} by {new}'

    def do_lose(self):
        """The namespace goes, and comes again, before anybody says DEL."""
        living = [a for a in self.atts if not a.lost]
        if not living:
            return None
        att = self.r.choice(living)
        host = set()
        for a in [a for a in living if a.pod == att.pod]:
            self.silence(a)
            a.lost = True
            host |= {i['name'] for i in a.result['interfaces']}
        self.must('ip', 'netns', 'del', att.pod)
        until = time.monotonic() + 10
        while host & {n for n in self.host_links() if n.startswith('veth')}:
            if time.monotonic() > until:
                raise Wrong(f'{att}: its interface is there')
        self.make(att.pod)
        return str(att)

    def kill(self, verb, att, conf):
        """The call is killed at any moment, and DEL makes it good."""
        p = self.start(verb, att, conf)
        time.sleep(self.r.random() * 0.006)
        p.send_signal(signal.SIGKILL)
        p.communicate()
        self.call('DEL', att, conf)
        return f'{verb} {att}'

    def do_kill_add(self):
        nets, pods = [n for n in NETWORKS if self.room(n)], self.free_pods()
        if not nets or not pods:
            return None
        att = self.new(self.r.choice(nets), self.r.choice(pods))
        att.folder = OURS
        return self.kill('ADD', att, att.conf)

    def do_kill_del(self):
        ours = [a for a in self.atts if a.folder == OURS]
        if not ours:
            return None
        att = self.r.choice(ours)
        self.silence(att)
        said = self.kill('DEL', att, self.with_result(att))
        self.gone(att)
        return said

    def do_gc(self):
        """Some are not valid any more."""
        net = self.r.choice(NETWORKS)
        mine = [a for a in self.atts if a.net is net]
        if any(a.folder != OURS for a in mine):
            return None
        stale = [a for a in mine if a.lost or self.r.random() < 0.3]
        for a in stale:
            self.silence(a)
        valid = [{'containerID': a.container, 'ifname': a.ifname} for a in mine if a not in stale]
        self.call('GC', Att(net, '', '', OURS), dict(net.conf, cniVersion='1.1.0', **{'cni.dev/valid-attachments': valid}))
        for a in stale:
            self.gone(a)
        return f'{net.name}: {[str(a) for a in stale]}'

    def do_status(self):
        for net in NETWORKS:
            p = self.start('STATUS', Att(net, '', '', OURS), dict(net.conf, cniVersion='1.1.0'))
            out, err = p.communicate(timeout=60)
            if bool(p.returncode) is bool(self.room(net)) or (p.returncode and json.loads(out)['code'] != 50):
                raise Wrong(f'STATUS of {net.name}, {self.room(net)} free: {p.returncode}: {out}{err}')
        return True

    def do_flush(self):
        self.must('nft', 'flush', 'ruleset')
        self.flushed = {n for n in NETWORKS if 'ipMasq' in n.conf or 'macspoofchk' in n.conf}
        return True

    # --- talk ---

    def socket(self, path, ip, port):
        v = ipaddress.ip_address(ip).version
        with inside(path):
            s = socket.socket(FAMILY[v], socket.SOCK_DGRAM)
        s.settimeout(PATIENCE_S)
        s.bind((ip, port))
        return s

    def listen(self, att):
        for ip in att.ips.values():
            self.sockets[self.path(att.pod), ip] = self.socket(self.path(att.pod), ip, PORT)

    def silence(self, att):
        for ip in att.ips.values():
            s = self.sockets.pop((self.path(att.pod), ip), None)
            if s:
                s.close()

    def open(self):
        for v in (4, 6):
            for path, ip in ((f'/proc/{self.pids["walk"]}/ns/net', UPLINK[v]),
                             (f'/proc/{self.pids["outside"]}/ns/net', OUTSIDE[v])):
                self.sockets[path, ip] = self.socket(path, ip, PORT)

    def ask(self, source, target, v, want):
        """One datagram, and its answer; it comes from one of want. source, target: attachments, 'node'
        or 'outside'. want empty: nothing comes."""
        where = {'node': (f'/proc/{self.pids["walk"]}/ns/net', UPLINK[v]),
                 'outside': (f'/proc/{self.pids["outside"]}/ns/net', OUTSIDE[v])}
        ends = [where[x] if isinstance(x, str) else (self.path(x.pod), x.ips[v]) for x in (source, target)]
        server = self.sockets[ends[1]]
        self.asked += 1
        word = b'%d' % self.asked
        with contextlib.closing(self.socket(ends[0][0], '0.0.0.0' if source == 'node' and v == 4 else
                                            '::' if source == 'node' else ends[0][1],
                                            PORTS_FROM + self.asked % PORTS_COUNT)) as client:
            what = f'{source} -> {target}, IPv{v}'
            client.sendto(word, (ends[1][1], PORT))
            server.settimeout(PATIENCE_S if want else 0.05)
            try:
                data, peer = server.recvfrom(64)
            except TimeoutError:
                if want:
                    raise Wrong(f'{what}: did not come') from None
                return
            if data != word:
                raise Wrong(f'{what}: {data} came')
            if peer[0] not in want:
                raise Wrong(f'{what}: came from {peer[0]}, expected {want}')
            server.sendto(data, peer)
            try:
                data = client.recv(64)
            except TimeoutError:
                raise Wrong(f'{what}: no answer') from None

    def want(self, source, target, v):
        """The source addresses with which it may come."""
        if isinstance(source, str):
            return self.node_addresses(v)  if source == 'node' else (OUTSIDE[v],)
        net, own = source.net, (source.ips[v],)
        if not isinstance(target, str) and target.net is net:
            return () if net.isolated else own
        if not net.masquerades:
            return own
        masked = self.node_addresses(v)
        return own + masked if net in self.flushed else masked

    def node_addresses(self, v):
        told = json.loads(self.must('ip', f'-{v}', '-j', 'addr', 'show', 'scope', 'global'))
        return tuple(a['local'] for e in told for a in e['addr_info'] if 'local' in a)

    def meet_elsewhere(self, a, b):
        """One has another interface in the network of the other, by which its packets go."""
        nets = [{x.net for x in self.atts if x.pod == y.pod} for y in (a, b)]
        return a.net is not b.net and (b.net in nets[0] or a.net in nets[1])

    def talk(self):
        living = [a for a in self.atts if not a.lost]
        for a in living:
            for v in a.ips:
                # Without a way out there are only those of the same network.
                alone = a.ifname != 'eth0' or not a.net.leads_out
                others = [b for b in living if b.pod != a.pod and v in b.ips and (
                    b.net is a.net or not alone and b.ifname == 'eth0' and b.net.leads_out and not self.meet_elsewhere(a, b))]
                away = [] if alone else ['node', 'outside']
                for b in self.r.sample(others, min(3, len(others))) + away:
                    want = self.want(a, b, v)
                    if b == 'node' and a.net.masquerades:
                        want = want + (a.ips[v],)
                    self.ask(a, b, v, want)
                for b in away:
                    self.ask(b, a, v, self.want(b, a, v))

    # --- what must be ---

    def invariants(self):
        for net in NETWORKS:
            folder = self.file(f'/var/lib/cni/networks/{net.name}')
            files = {f for f in (os.listdir(folder) if os.path.exists(folder) else ())
                     if not f.startswith(('last_reserved_ip', 'lock', '.'))}
            want = {ip for a in self.atts if a.net is net for ip in a.ips.values()}
            if files != want:
                raise Wrong(f'leases of {net.name}: {sorted(files)}, expected {sorted(want)}')
        records = os.listdir(self.file(FOLDERS[1])) if os.path.exists(self.file(FOLDERS[1])) else []
        ours = [a for a in self.atts if a.folder == OURS]
        if len(records) != len(ours):
            raise Wrong(f'{len(records)} records, expected {len(ours)}')
        veths = {n for n in self.host_links() - self.links if n.startswith('veth')}
        want = {i['name'] for a in self.atts if not a.lost for i in a.result['interfaces']
                if not i.get('sandbox') and i['name'].startswith('veth')}
        if veths != want:
            raise Wrong(f'interfaces {sorted(veths)}, expected {sorted(want)}')

        self.no_foreign_elements()

    def no_foreign_elements(self):
        """What is in the sets of the networks' tables is of somebody who is attached."""
        known = {w for a in self.atts for w in a.ips.values()}
        known |= {i['name'] for a in self.atts for i in a.result['interfaces']}
        told = json.loads(self.must('nft', '-j', 'list', 'ruleset'))['nftables']
        for s in (e['set'] for e in told if 'set' in e and e['set']['table'].startswith('fairlead')):
            for element in s.get('elem', ()):
                parts = element.get('concat', ()) if isinstance(element, dict) else (element,)
                if parts and parts[0] not in known:
                    raise Wrong(f'{parts} is in set {s["name"]} of {s["table"]}, and nobody has it')

    def step(self):
        weights = {'add': 7, 'del': 3, 'full': 1, 'late': 2, 'check': 2, 'replace': 2, 'lose': 1,
                   'second': 2, 'rename': 0.7, 'forget': 0.7,
                   'kill_add': 2, 'kill_del': 1.5, 'gc': 1.5, 'status': 0.7, 'flush': 0.5}
        kind = self.r.choices(list(weights), weights.values())[0]
        said = getattr(self, 'do_' + kind)()
        if os.environ.get('WALK_LOUD') and said:
            print(f'# {kind} {said}', flush=True)
        if said:
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            self.invariants()
            self.talk()


def main():
    steps, seed = int(sys.argv[1]), int(sys.argv[2])
    walk, began = Walk(seed), time.monotonic()
    walk.open()
    for i in range(steps):
        try:
            walk.step()
        except Wrong as e:
            print(f'seed {seed}: a fault at step {i + 1}: {e}')
            return 1
    print(f'seed {seed}: {steps} steps ({", ".join(f"{n} {k}" for k, n in sorted(walk.kinds.items()))}), '
          f'{walk.asked} questions, {time.monotonic() - began:.1f} s')
    return 0


if __name__ == '__main__':
    sys.exit(main())
