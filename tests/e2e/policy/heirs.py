#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Pods that get the addresses of others which are gone, while the connections of these are open at
their other ends: nothing of a connection is inherited, neither what it may nor its packets, also
where the heir may open such a one itself. TCP and UDP, IPv4 and IPv6, with a pod of the same node and
one of another, opened from either side.

usage: heirs.py NETWORK...
       NETWORK is NAME=PLUGIN of a network that net_start has made
"""
import errno
import sys
import time

sys.dont_write_bytecode = True  # the tree stays as it is

import build
from build import namespace, pod, policy, sel
from lasting import TCP, UDP, End, Flows, Talk, all_talk, put
from net import Net, Wrong, wait_until

STAYS = 'x/a'
HEIRS = {'x/b': 'x/c', 'z/a': 'z/b'}  # who goes, and who gets its addresses

SPACES = [namespace('x'), namespace('z')]
WHO_STAYS = pod('x', 'a', {'role': 'stays'})


def objects(types, *pods):
    """Allowed is everything to those who go; their heirs are isolated from the beginning."""
    return [*SPACES, WHO_STAYS, *pods,
            *(policy(ns=ns, name='p', subject=sel(role='heir'), types=types) for ns in ('x', 'z'))]


def before(types):
    return objects(types, pod('x', 'b', {'role': 'goes'}), pod('z', 'a', {'role': 'goes'}, node='n2'))


def after(types):
    return objects(types, pod('x', 'c', {'role': 'heir'}, number=build.PODS.index('b') + 1),
                   pod('z', 'b', {'role': 'heir'}, node='n2', number=build.PODS.index('a') + 1))


class Estate:
    """What is left of a connection: the socket of who stayed, and the heir's, which has the address
    and port of the one that is gone. Where an heir is isolated in one direction, nobody speaks in
    the other, which would be a new connection."""

    def __init__(self, talk, types):
        self.talk, self.types = talk, types
        self.side = next(i for i, e in enumerate(talk.ends) if e.key in HEIRS)
        self.stays = talk.sockets[1 - self.side]
        self.heir = None

    def __str__(self):
        return f'{self.talk}, inherited'

    def inherit(self):
        gone, end = self.talk.sockets[self.side], self.talk.ends[self.side]
        heir = End(self.talk.net, HEIRS[end.key], end.family)
        if heir.ip != end.ip:
            raise Wrong(f'{self}: {heir.key} has {heir.ip}, expected {end.ip}')
        self.heir = heir.socket(self.talk.kind, port=gone.getsockname()[1])
        gone.close()

    def keys(self):
        """(drop as Flows has it, its reason) of each direction."""
        stays, gone = self.stays.getsockname()[:2], self.heir.getsockname()[:2]
        protocol = 'udp' if self.talk.kind == UDP else 'tcp'
        reasons = {'Ingress': ((protocol, *stays, *gone), 'policy_ingress'),
                   'Egress': ((protocol, *gone, *stays), 'policy_egress')}
        return [reasons[t] for t in self.types]

    def speak(self):
        """Who stayed goes on; the heir says something by the same addresses and ports."""
        if 'Ingress' in self.types:
            self.stays.send(b'to whom?')
        if 'Egress' in self.types or self.talk.kind == UDP:
            self.heir.connect_ex(self.stays.getsockname()[:2])  # of TCP its first packet
        if 'Egress' in self.types and self.talk.kind == UDP:
            self.heir.send(b'who am I?')

    def judge(self):
        """Neither has heard anything; a reset is something, too."""
        for s in (self.stays, self.heir):
            try:
                raise Wrong(f'{self}: {s.recv(64)} came through')
            except OSError as e:
                # The latter of TCP's that has said nothing.
                if e.errno not in (errno.EAGAIN, errno.ENOTCONN):
                    raise Wrong(f'{self}: {e.strerror}') from e

    def close(self):
        self.stays.close()
        self.heir.close()


def open_all(nets):
    """Connections of who stays with each that goes, opened by either."""
    return [Talk(net, kind, (End(net, a, v), End(net, b, v))) for net in nets for goes in HEIRS
            for a, b in ((STAYS, goes), (goes, STAYS)) for kind in (TCP, UDP) for v in (4, 6)]


def judge(estates):
    told = {e.talk.net: Flows(e.talk.net) for e in estates}
    for e in estates:
        e.inherit()
        e.speak()
    for e in estates:
        for key, reason in e.keys():
            def is_told():
                told[e.talk.net].read()
                return key in told[e.talk.net].reasons
            wait_until(f'{e}: a drop of {key}', is_told)
            got = told[e.talk.net].reasons[key]
            by = f'{HEIRS[e.talk.ends[e.side].key][0]}/p'
            if got != {(reason, by)}:
                raise Wrong(f'{e}: {key} dropped for {got}, expected {reason}, {by}')
    for e in estates:
        e.judge()
        e.close()


def heirs(nets, types):
    put(nets, before(types))
    talks = open_all(nets)
    all_talk(talks, 'before anybody goes')
    put(nets, after(types))
    judge([Estate(t, types) for t in talks])
    print(f'{len(talks)} connections whose end another pod has got, isolated for {", ".join(types)}')


def main():
    nets = [Net(*w.split('=')) for w in sys.argv[1:]]
    began = time.monotonic()
    try:
        for types in (['Ingress'], ['Egress'], ['Ingress', 'Egress']):
            heirs(nets, types)
    finally:
        for net in nets:
            net.close()
    print(f'{time.monotonic() - began:.1f} s')


if __name__ == '__main__':
    sys.exit(main())
