#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What a change of policy does to connections that are open, with real sockets in the pods of
net.bash's networks: TCP and UDP, IPv4 and IPv6, to a pod of the same node and to one of another.

usage: lasting.py changes NETWORK...  a connection that a change forbids is cut both ways, with the
                                      reason in the agents' flows, and goes on when it may again
       lasting.py errors NETWORK...   ICMP errors about what is allowed come through, others do not
       NETWORK is NAME=PLUGIN of a network that net_start has made
"""
import contextlib
import ipaddress
import json
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True  # the tree stays as it is

import build
from build import allow, allow_to, block, both, namespace, pod, policy, sel, spaces
from net import Net, Wrong, addresses_wanted, inside, wait_until

OUTSIDE = {4: '203.0.113.5', 6: '2001:db8::5'}
ROUTER = {4: '192.168.0.254', 6: '2001:db8:f::fe'}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
IP_MTU, IPV6_MTU = 14, 24


class End:
    """An address in a namespace."""

    def __init__(self, net, key, family):
        self.key, self.family = key, family
        if key == 'outside':
            self.ip = OUTSIDE[family]
            net.place(ipaddress.ip_address(self.ip))
            self.path = f"/proc/{net.pids['lan']}/ns/net"
        else:
            node, ips, _, _ = net.attached[tuple(key.split('/'))]
            self.ip = str(next(a for a in ips if a.version == family))
            self.path = net.file(node, f"/run/netns/{key.replace('/', '-')}")

    def socket(self, kind, proto=0, port=0):
        with inside(self.path):
            s = socket.socket(FAMILY[self.family], kind, proto)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.ip, port))
        s.setblocking(False)
        return s


class Talk:
    """A connection whose ends both speak: numbers of eight bytes, none twice."""

    count = 0

    def __init__(self, net, kind, ends):
        self.net, self.kind, self.ends = net, kind, ends
        self.sent, self.got, self.barred = [b'', b''], [b'', b''], [set(), set()]
        target = ends[1].socket(kind)
        opener = ends[0].socket(kind)
        opener.connect_ex(target.getsockname()[:2]) if kind == UDP else self.dial(opener, target)
        if kind == UDP:
            target.connect(opener.getsockname()[:2])
            self.sockets = [opener, target]

    def dial(self, opener, listener):
        listener.listen(1)
        opener.connect_ex(listener.getsockname()[:2])
        found = []

        def accepted():
            with contextlib.suppress(BlockingIOError):
                found.append(listener.accept()[0])
            return found
        wait_until(f'{self.net.name}: a connection {self.ends[0].key} -> {self.ends[1].key}', accepted)
        found[0].setblocking(False)
        listener.close()
        self.sockets = [opener, found[0]]

    def __str__(self):
        return (f'{self.net.name}: {"UDP" if self.kind == UDP else "TCP"} over '
                f'IPv{self.ends[0].family}, {self.ends[0].key} -> {self.ends[1].key}')

    def say(self, side, barred=False):
        Talk.count += 1
        word = Talk.count.to_bytes(8, 'big')
        self.sockets[side].send(word)
        self.sent[side] += word
        if barred:
            self.barred[side].add(word)

    def hear(self):
        for side in (0, 1):
            with contextlib.suppress(BlockingIOError):
                while True:
                    data = self.sockets[1 - side].recv(65536)
                    if not data:
                        raise Wrong(f'{self}: the connection has ended')
                    self.got[side] += data
            if self.kind == TCP and not self.sent[side].startswith(self.got[side]):
                raise Wrong(f'{self}: other bytes came than were sent')
            if self.kind == UDP and any(self.got[side][i:i + 8] in self.barred[side]
                                        for i in range(0, len(self.got[side]), 8)):
                raise Wrong(f'{self}: what was forbidden came')

    def is_through(self, marks):
        """Everything that was said has come; of UDP something since the marks."""
        self.hear()
        for side in (0, 1):
            if self.kind == UDP and len(self.got[side]) == marks[side]:
                self.say(side)
        return all(len(self.got[s]) > marks[s] if self.kind == UDP else
                   self.got[s] == self.sent[s] for s in (0, 1))

    def drop_keys(self):
        a, b = ((s.getsockname()[0], s.getsockname()[1]) for s in self.sockets)
        return [('udp' if self.kind == UDP else 'tcp', *x, *y) for x, y in ((a, b), (b, a))]

    def close(self):
        for s in self.sockets:
            s.close()


def flows(net, node, query):
    return json.loads(net.get(node, f'/v1/flows?{query}').partition('\r\n\r\n')[2])


class Flows:
    """Drops that the agents of a network tell of from now on."""

    def __init__(self, net):
        self.net = net
        self.next = {n: flows(net, n, 'max=1')['next'] for n in ('n1', 'n2')}
        self.reasons = {}

    def read(self):
        for node in self.next:
            page = flows(self.net, node, f'drops&after={self.next[node]}')
            self.next[node] = page['next']
            for e in page['flows']:
                if 'from' in e:
                    key = (e['protocol'], e['from']['ip'], e['from'].get('port'), e['to']['ip'],
                           e['to'].get('port'))
                    self.reasons.setdefault(key, set()).add((e['reason'], *e['isolatedBy']))


def all_talk(talks, what):
    """Both sides of each say something, and all of it comes."""
    marks = {t: [len(g) for g in t.got] for t in talks}
    for t in talks:
        for side in (0, 1):
            t.say(side)
    for t in talks:
        wait_until(f'{what}: {t} goes through', lambda: t.is_through(marks[t]))


def none_talks(talks, reason, by, what):
    """Both sides of each say something, which is dropped, and the agents say so and why."""
    told = {t.net: Flows(t.net) for t in talks}
    marks = {t: list(t.got) for t in talks}
    for t in talks:
        for side in (0, 1):
            t.say(side, barred=True)
    for t in talks:
        for key in t.drop_keys():
            def is_told():
                told[t.net].read()
                return key in told[t.net].reasons
            wait_until(f'{what}: {t}: a drop of {key}', is_told)
            got = told[t.net].reasons[key]
            if got != {(reason, *(p.format(t.ends[1].key[0]) for p in by))}:
                raise Wrong(f'{what}: {t}: dropped for {got}, expected {reason}, {by}')
    for t in talks:
        t.hear()
        if t.got != marks[t]:
            raise Wrong(f'{what}: {t}: something came though it was forbidden')


# --- changes ---

TARGETS = ('x/b', 'z/a')


def world(opener=None, target=None, space=None):
    """Pod x/a opens, x/b (of the same node) and z/a answer; with these labels."""
    return [namespace('x', space or {'team': 'red'}), namespace('z', {'team': 'blue'}),
            pod('x', 'a', {'role': 'client', **(opener or {})}),
            pod('x', 'b', {'role': 'server', **(target or {})}),
            pod('z', 'a', {'role': 'server', **(target or {})}, node='n2')]


def at_targets(**spec):
    return [policy(ns=ns, name='p', **spec) for ns in ('x', 'z')]


SERVER = sel(role='server')
FROM_RED = at_targets(subject=SERVER, ingress=[allow([spaces(sel(team='red'))])])
FROM_CLIENT = at_targets(subject=SERVER, ingress=[allow([both({}, sel(role='client', well='yes'))])])
TO_WELL = [policy(subject=sel(role='client'), egress=[allow_to([both({}, sel(well='yes'))])])]

# Name, objects by which it is allowed, objects by which it is not, reason, who isolates ({}: the
# target's namespace).
CHANGES = [
    ('a policy comes at the target', world(),
     world() + at_targets(subject=SERVER, types=['Ingress']), 'policy_ingress', ['{}/p']),
    ('a policy comes at the opener', world(),
     world() + [policy(subject=sel(role='client'), types=['Egress'])], 'policy_egress', ['x/p']),
    ("the target's own labels", world() + at_targets(subject=sel(sick='yes'), types=['Ingress']),
     world(target={'sick': 'yes'}) + at_targets(subject=sel(sick='yes'), types=['Ingress']),
     'policy_ingress', ['{}/p']),
    ("the opener's labels, of which the target's policy speaks",
     world(opener={'well': 'yes'}) + FROM_CLIENT, world() + FROM_CLIENT,
     'policy_ingress', ['{}/p']),
    ("the target's labels, of which the opener's policy speaks",
     world(target={'well': 'yes'}) + TO_WELL, world() + TO_WELL, 'policy_egress', ['x/p']),
    ("the labels of the opener's namespace", world() + FROM_RED,
     world(space={'team': 'green'}) + FROM_RED, 'policy_ingress', ['{}/p']),
]

# The opener hears nobody, and the others speak to nobody: but for answers.
ONLY_ANSWERS = [policy(subject=sel(role='client'), types=['Ingress'], name='deaf'),
                *at_targets(subject=SERVER, ingress=[allow([both({}, sel(role='client'))])],
                            types=['Ingress', 'Egress'])]


def put(nets, objects):
    for net in nets:
        net.put(objects)
    for net in nets:
        net.wait_in_force()
        net.have(addresses_wanted(objects))


def open_all(nets):
    return [Talk(net, kind, (End(net, 'x/a', v), End(net, target, v)))
            for net in nets for target in TARGETS for kind in (TCP, UDP) for v in (4, 6)]


def changes(nets):
    put(nets, world())
    talks = open_all(nets)
    all_talk(talks, 'without a policy')
    for name, allowed, forbidden, reason, by in CHANGES:
        put(nets, allowed)
        all_talk(talks, f'{name}: before')
        put(nets, forbidden)
        none_talks(talks, reason, by, name)
        put(nets, allowed)
        all_talk(talks, f'{name}: afterwards')
    put(nets, world() + ONLY_ANSWERS)
    all_talk(talks, 'only answers may pass')
    later = open_all(nets)
    all_talk(later, 'only answers may pass, opened under that')
    print(f'{len(CHANGES)} changes, {len(talks)} connections open over all of them')
    for t in talks + later:
        t.close()


# --- ICMP errors ---

def quote(family, src, sport, dst, dport):
    """The beginning of the UDP packet that an error is about."""
    udp = struct.pack('!HHHH', sport, dport, 8, 0)
    if family == 4:
        return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28, 7, 0x4000, 60, 17, 0,
                           socket.inet_aton(src), socket.inet_aton(dst)) + udp
    return struct.pack('!IHBB16s16s', 6 << 28, 8, 17, 60, socket.inet_pton(FAMILY[6], src),
                       socket.inet_pton(FAMILY[6], dst)) + udp


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def send_error(path, family, source, to, about, mtu):
    """From there: the packet does not fit (mtu), or its port is not reachable (0)."""
    types = {4: (3, 4 if mtu else 3), 6: (2, 0) if mtu else (1, 4)}[family]
    head = struct.pack('!BBHI', *types, 0, mtu)
    if family == 4:
        head = struct.pack('!BBHI', *types, checksum(head + about), mtu)
    with inside(path):
        s = socket.socket(FAMILY[family], socket.SOCK_RAW,
                          socket.IPPROTO_ICMP if family == 4 else socket.IPPROTO_ICMPV6)
    with s:
        s.bind((source, 0))
        s.sendto(head + about, (to, 0))


def mtu_of(s):
    if s.family == FAMILY[4]:
        return s.getsockopt(socket.IPPROTO_IP, IP_MTU)
    return s.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)


def is_refused(s):
    """Says something and looks whether an earlier word was not wanted."""
    try:
        s.send(b'?')
        s.recv(16)
    except ConnectionRefusedError:
        return True
    except BlockingIOError:
        pass
    return False


class Errors:
    """In one network and family: the pod x/a says something to the outside's port 7000, and the
    outside to the pod's 7001; on neither port is anybody."""

    def __init__(self, net, family):
        self.net, self.family = net, family
        self.pod, self.outside = End(net, 'x/a', family), End(net, 'outside', family)
        self.speaker = self.pod.socket(UDP)
        self.speaker.connect((self.outside.ip, 7000))
        self.caller = self.outside.socket(UDP)
        self.caller.connect((self.pod.ip, 7001))
        self.what = f'{net.name}: IPv{family}'

    def too_big(self, sport, mtu):
        send_error(self.outside.path, self.family, ROUTER[self.family], self.pod.ip,
                   quote(self.family, self.pod.ip, sport, self.outside.ip, 7000), mtu)

    def unreachable(self, port):
        send_error(self.pod.path, self.family, self.pod.ip, self.outside.ip,
                   quote(self.family, self.outside.ip, self.caller.getsockname()[1], self.pod.ip,
                         port), 0)

    def dropped(self, reason, send, what):
        """What is sent is dropped for that."""
        before = self.net.drops().get(('n1', reason), 0)
        send()
        wait_until(f'{self.what}: {what}: {reason}',
                   lambda: self.net.drops().get(('n1', reason), 0) > before)

    def allowed(self):
        wait_until(f'{self.what}: the pod hears that its word was not wanted',
                   lambda: is_refused(self.speaker))
        wait_until(f'{self.what}: the outside hears that its word was not wanted',
                   lambda: is_refused(self.caller))
        sport = self.speaker.getsockname()[1]

        def is_told():
            self.too_big(sport, 1300)
            return mtu_of(self.speaker) == 1300
        wait_until(f'{self.what}: the pod hears that packets do not fit', is_told)
        # A socket there that has sent nothing: no connection.
        quiet = self.pod.socket(UDP)
        quiet.connect((self.outside.ip, 7000))
        self.dropped('invalid_state', lambda: self.too_big(quiet.getsockname()[1], 1290),
                     'an error about no connection of the pod')
        self.dropped('invalid_state', lambda: self.unreachable(7002),
                     "an error of the pod's about no connection")
        quiet.close()
        if mtu_of(self.speaker) != 1300:
            raise Wrong(f'{self.what}: an error about no connection came through')

    def forbidden(self):
        sport = self.speaker.getsockname()[1]
        self.dropped('policy_egress', lambda: self.too_big(sport, 1290),
                     'an error about what is forbidden now')
        if mtu_of(self.speaker) != 1300:
            raise Wrong(f'{self.what}: an error about what is forbidden now came through')
        with contextlib.suppress(ConnectionRefusedError):
            self.caller.send(b'?')  # takes what is left of the time before
        with contextlib.suppress(BlockingIOError):
            self.caller.recv(16)
        self.dropped('policy_ingress', lambda: self.unreachable(7001),
                     "an error of the pod's about what is forbidden now")
        try:
            self.caller.recv(16)
        except BlockingIOError:
            return
        raise Wrong(f'{self.what}: an error of the pod about what is forbidden now came through')


def errors(nets):
    outside = [block(f'{OUTSIDE[4]}/32'), block(f'{OUTSIDE[6]}/128')]
    udp = {v: [build.port(v, 'UDP')] for v in (7000, 7001)}
    put(nets, world() + [policy(ingress=[allow(outside, udp[7001])],
                                egress=[allow_to(outside, udp[7000])],
                                types=['Ingress', 'Egress'])])
    all_errors = [Errors(net, v) for net in nets for v in (4, 6)]
    for e in all_errors:
        e.allowed()
    put(nets, world() + [policy(types=['Ingress', 'Egress'])])
    for e in all_errors:
        e.forbidden()
    print(f'errors about allowed and forbidden connections in {len(all_errors)} networks')


def main():
    nets = [Net(*w.split('=')) for w in sys.argv[2:]]
    began = time.monotonic()
    try:
        {'changes': changes, 'errors': errors}[sys.argv[1]](nets)
    finally:
        for net in nets:
            net.close()
    print(f'{time.monotonic() - began:.1f} s')


if __name__ == '__main__':
    sys.exit(main())
