# SPDX-License-Identifier: Apache-2.0
"""
Questions by real sockets, hundreds a second from one process: it has sockets in all namespaces. Of
each question it knows whether it has arrived and whether the answer has come back, so that nobody has
to wait for silence: what is forbidden and comes after all is told, however late.

A question is one UDP packet from a port that nobody has used, a TCP connection, or one ICMP echo,
whose identifier may have been used before. A Talk is a connection that stays open, over which both
sides say numbers.
"""
import contextlib
import errno
import os
import selectors
import socket
import struct
import threading
import time

from net import inside

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
OPEN_PORTS = (80, 81)  # somebody listens; at TCP's others a reset is the answer
PORTS_FROM, PORTS_COUNT = 10000, 22000  # below those that the kernel gives
PATIENCE_S = 8.0       # for what is allowed, without any progress
ECHO = {4: (8, 0), 6: (128, 129)}  # the types of a request and of its answer
ICMP = struct.Struct('!BBHHH')     # type, code, checksum, identifier, sequence number
WORD = struct.Struct('!QQ')  # a question's or a talk's number; how often it has been said
REMEMBERED = 20000
WAITS_S = 5.0  # a packet may wait that long for its neighbour to answer


def shut(s):
    """Nothing of a connection is left: it would hold its namespace."""
    with contextlib.suppress(OSError):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()


def echo(version, kind, ident, data):
    """An ICMP echo; the kernel fills in ICMPv6's checksum."""
    packet = ICMP.pack(kind, 0, 0, ident, 1) + data
    if version == 6:
        return packet
    total = sum(struct.unpack(f'!{len(packet) // 2}H', packet))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ICMP.pack(kind, 0, total ^ 0xffff, ident, 1) + data


class End:
    """An address in a namespace, and what listens there."""

    def __init__(self, name, path, ip):
        self.name, self.path, self.ip = name, path, ip
        self.version = 6 if ':' in ip else 4
        self.servers = []
        self.raw = None

    def __str__(self):
        return f'{self.name}({self.ip})'

    def socket(self, kind, port=0):
        s = socket.socket(FAMILY[self.version], kind)
        s.setblocking(False)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.version == 6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((self.ip, port))
        return s

    def raw_socket(self):
        """It hears of all echoes that come to the address, of which the kernel answers those asked."""
        s = socket.socket(FAMILY[self.version], socket.SOCK_RAW,
                          socket.IPPROTO_ICMP if self.version == 4 else socket.IPPROTO_ICMPV6)
        s.setblocking(False)
        s.bind((self.ip, 0))
        self.raw = s
        return s


class Question:
    """What should become of it: want is True, False, or None for either. targets: {end: the same of
    its coming there}; it comes to one of them. to: what is asked for to get there. leaves: its node lets
    it go to another one."""

    def __init__(self, source, targets, protocol, port, want, to, why=''):
        self.source, self.protocol, self.port = source, protocol, port
        self.targets = {end.name: may for end, may in targets.items()}
        self.names = ' or '.join(map(str, targets))
        self.want, self.why, self.to = want, why, to
        self.arrived, self.answered, self.leaves = 0, 0, False
        self.number, self.socket, self.sent, self.sport = 0, None, 0.0, 0

    def __str__(self):
        return f'{self.protocol} {self.source} -> {self.names} by ({self.to[0]}), port ' \
            f'{self.to[1]} to {self.port} ({self.why}), from port {self.sport} {time.monotonic() - self.sent:.3f} s ago'

    def is_through(self):
        return self.answered


class Talk:
    """An open connection: sockets are the opener's and the target's end. by_service: the opener
    has asked another address."""

    def __init__(self, source, target, protocol, port, by_service=False):
        self.source, self.target, self.protocol, self.port = source, target, protocol, port
        self.by_service = by_service
        self.sockets, self.number = [None, None], 0
        self.said, self.heard = [0, 0], [0, 0]    # by side: the words that it has said, that came from it
        self.barred = [set(), set()]              # said while it was forbidden
        self.due = [set(), set()]                 # have to come
        self.buffers = [b'', b'']
        self.is_forbidden, self.since = False, 0.0

    def __str__(self):
        way = ' by a Service' if self.by_service else ''
        return f'open {self.protocol} {self.source} -> {self.target}:{self.port}{way} #{self.number}'


class Prober:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.ends, self.questions, self.talks = {}, {}, {}
        self.count, self.faults = 0, []
        self.asked = 0
        self.by_service = 0
        self.by_peer = {}

    # --- ends ---

    def add(self, name, path, ips):
        """The ends of one namespace."""
        made = []
        with inside(path):
            for ip in ips:
                end = End(name, path, ip)
                for port in OPEN_PORTS:
                    for kind, hear in ((socket.SOCK_DGRAM, self.hear_server),
                                       (socket.SOCK_STREAM, self.hear_listener)):
                        s = end.socket(kind, port)
                        if kind == socket.SOCK_STREAM:
                            s.listen(64)
                        end.servers.append(s)
                        self.selector.register(s, selectors.EVENT_READ, (hear, end, port))
                end.servers.append(end.raw_socket())
                self.selector.register(end.raw, selectors.EVENT_READ, (self.hear_echo, end))
                made.append(end)
        self.ends[name] = {e.version: e for e in made}

    def remove(self, name):
        """Nothing of ours is in that namespace any more."""
        ends = self.ends.pop(name, {}).values()
        for t in [t for t in self.talks.values() if t.source in ends or t.target in ends]:
            self.close_talk(t)
        for q in [q for q in self.questions.values() if q.source in ends or name in q.targets]:
            self.drop(q.socket)
            del self.questions[q.number]
        for end in ends:
            for s in end.servers:
                self.drop(s)

    def drop(self, s):
        if s is None or s.fileno() < 0:
            return
        with contextlib.suppress(KeyError):
            self.selector.unregister(s)
        shut(s)

    # --- what comes ---

    def poll(self, wait):
        events = self.selector.select(wait)
        for key, mask in events:
            hear, *more = key.data
            hear(key.fileobj, *more)
        return len(events)

    def fault(self, text):
        self.faults.append(text)

    def hear_server(self, s, end, port):
        while True:
            try:
                data, peer = s.recvfrom(64)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about an answer
            number, word = WORD.unpack(data[:WORD.size])
            if number in self.talks:
                self.hear_words(self.talks[number], 0, data, s, peer)
                continue
            self.arrive(self.questions.get(number), end)
            with contextlib.suppress(OSError):
                s.sendto(data, peer)

    def arrive(self, q, end):
        """The question, if it is remembered, has come to this end."""
        if not q:
            return
        q.arrived += 1
        if end.name not in q.targets or q.source.version != end.version:
            self.fault(f'{q}: came to {end}')
        elif q.targets[end.name] is False:
            self.fault(f'forbidden, and came: {q}')
        elif q.arrived > 1:
            self.fault(f'came twice: {q}')

    def hear_echo(self, s, end):
        """A request that somebody has sent to this end, or an answer to one of its own."""
        while True:
            try:
                data = s.recv(256)
            except BlockingIOError:
                return
            if end.version == 4:
                data = data[4 * (data[0] & 15):]
            kind, _, _, ident, _ = ICMP.unpack(data[:ICMP.size].ljust(ICMP.size, b'\0'))
            if kind not in ECHO[end.version] or len(data) < ICMP.size + WORD.size:
                continue
            q = self.questions.get(WORD.unpack(data[ICMP.size:ICMP.size + WORD.size])[0])
            if kind == ECHO[end.version][0]:
                self.arrive(q, end)
            elif q and (q.source is not end or q.sport != ident):
                self.fault(f'{q}: its answer came to {end}, {ident}')
            elif q:
                q.answered += 1

    def hear_client(self, s, q):
        try:
            data = s.recv(64)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            data = None
        if data is not None and WORD.unpack(data[:WORD.size])[0] != q.number:
            self.fault(f'{q}: another answer')
        q.answered += 1

    def hear_listener(self, s, end, port):
        try:
            c, peer = s.accept()
        except OSError:
            return
        c.setblocking(False)
        self.by_peer[end, port, peer[:2]] = c

    def hear_connect(self, s, q):
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.selector.unregister(s)
        if error in (0, errno.ECONNREFUSED):
            q.answered += 1
            if q.want is False:
                self.fault(f'forbidden, and answered: {q}')
        elif q.want is True:
            self.fault(f'{os.strerror(error)}: {q}')
        if q.protocol == 'tcp':
            shut(s)

    def hear_words(self, talk, side, data, s=None, peer=None):
        """Words that this side has said."""
        data = talk.buffers[side] + data
        while len(data) >= WORD.size:
            number, word = WORD.unpack(data[:WORD.size])
            data = data[WORD.size:]
            if number != talk.number:
                self.fault(f'{talk}: a word of {number}')
            elif talk.protocol == 'udp':
                if word in talk.barred[side]:
                    self.fault(f'forbidden, and came: word {word} of side {side} of {talk}')
                if word <= talk.heard[side]:
                    self.fault(f'twice or late: word {word} of side {side} of {talk}')
                talk.heard[side] = word
            else:
                if word != talk.heard[side] + 1:
                    self.fault(f'{talk}: word {word} after {talk.heard[side]}')
                if word in talk.barred[side] and talk.is_forbidden:
                    self.fault(f'forbidden, and came: word {word} of side {side} of {talk}')
                talk.heard[side] = word
            talk.due[side].discard(word)
        talk.buffers[side] = data

    def hear_talk(self, s, talk, side):
        try:
            data = s.recv(65536)
        except BlockingIOError:
            return
        except OSError as e:
            self.fault(f'{talk}: {e.strerror}')
            data = b''
        if data:
            self.hear_words(talk, 1 - side, data)
        else:
            if talk.protocol == 'tcp':
                self.fault(f'{talk}: has ended')
            with contextlib.suppress(KeyError):
                self.selector.unregister(s)

    # --- questions ---

    def send(self, q):
        self.count += 1
        self.asked += 1
        q.number, q.sent = self.count, time.monotonic()
        self.questions[q.number] = q
        if len(self.questions) > REMEMBERED:
            del self.questions[next(iter(self.questions))]
        if q.protocol == 'icmp':
            self.send_echo(q)
            return
        kind = socket.SOCK_DGRAM if q.protocol == 'udp' else socket.SOCK_STREAM
        with inside(q.source.path):
            q.socket = q.source.socket(kind, self.port_for(q))
            q.sport = q.socket.getsockname()[1]
        try:
            if q.socket.connect_ex(q.to) not in (0, errno.EINPROGRESS):
                raise OSError(errno.ENETUNREACH, 'unreachable')
            if q.protocol == 'udp':
                q.socket.send(WORD.pack(q.number, 0))
        except OSError as e:
            if q.want is True:
                self.fault(f'{e.strerror}: {q}')
            self.drop(q.socket)
            return
        if q.protocol == 'udp':
            self.selector.register(q.socket, selectors.EVENT_READ, (self.hear_client, q))
        else:
            self.selector.register(q.socket, selectors.EVENT_WRITE, (self.hear_connect, q))

    def port_for(self, q):
        """A port to ask from; one that has asked by a Service may lead to where that was for long."""
        return self.port_by_service() if q.to[1] != q.port else 0

    def port_by_service(self):
        self.by_service += 1
        return PORTS_FROM + self.by_service % PORTS_COUNT

    def send_echo(self, q):
        """Half of them belong to what others of the same identifier have begun."""
        q.sport = q.number % 8 if q.number % 2 else q.number & 0xffff
        data = echo(q.source.version, ECHO[q.source.version][0], q.sport, WORD.pack(q.number, 0))
        try:
            q.source.raw.sendto(data, (q.to[0], 0))
        except OSError as e:
            if q.want is True:
                self.fault(f'{e.strerror}: {q}')

    def ask(self, questions):
        """All of them at once; returns when what is allowed is through."""
        for i, q in enumerate(questions):
            self.send(q)
            if i % 32 == 31:
                while self.poll(0):
                    pass
        self.finish(questions)

    def reconsider(self, verdict):
        """What was forbidden and is no longer may come now, having waited for a neighbour."""
        since = time.monotonic() - WAITS_S
        for q in list(self.questions.values()):
            if q.sent > since and not q.arrived:
                for name in [n for n, want in q.targets.items() if want is False]:
                    if verdict(q, name) is not False:
                        q.targets[name] = None
                        q.want = None if q.want is False else q.want

    def finish(self, questions, patience=PATIENCE_S):
        missing = [q for q in questions if q.want is True and not q.is_through()]
        until = time.monotonic() + patience
        while missing and time.monotonic() < until and not self.faults:
            self.poll(0.02)
            missing = [q for q in missing if not q.is_through()]
        while self.poll(0.002):
            pass
        for q in missing:
            if not q.is_through():
                self.fault(f'allowed, and {"its answer" if q.arrived else "it"} did not come: {q}')
        for q in questions:
            self.drop(q.socket)
            q.socket = None
        for c in self.by_peer.values():
            shut(c)
        self.by_peer.clear()

    # --- talks ---

    def open_talk(self, source, targets, protocol, port, to=None):
        """One that is allowed now; None and a fault when it does not come about. to: a Service's address
        and port, for TCP, which leads to one of the targets."""
        target = targets[0]
        t = Talk(source, target, protocol, port, bool(to))
        self.count += 1
        t.number = self.count
        kind = socket.SOCK_DGRAM if protocol == 'udp' else socket.SOCK_STREAM
        with inside(source.path):
            s = source.socket(kind, self.port_by_service() if to else 0)
        s.connect_ex(to or (target.ip, port))
        t.sockets[0] = s
        if protocol == 'udp':
            with inside(target.path):
                other = target.socket(kind, port)
            other.connect(s.getsockname()[:2])
            t.sockets[1] = other
        else:
            until = time.monotonic() + PATIENCE_S
            keys = {(x, port, s.getsockname()[:2]) for x in targets}
            while not keys & self.by_peer.keys() and time.monotonic() < until:
                self.poll(0.02)
            if not keys & self.by_peer.keys():
                self.fault(f'allowed, and did not come about: {t}')
                shut(s)
                return None
            key = (keys & self.by_peer.keys()).pop()
            t.target, t.sockets[1] = key[0], self.by_peer.pop(key)
        self.talks[t.number] = t
        for side in (0, 1):
            self.selector.register(t.sockets[side], selectors.EVENT_READ, (self.hear_talk, t, side))
        return t

    def close_talk(self, t):
        for s in t.sockets:
            self.drop(s)
        self.talks.pop(t.number, None)

    def say(self, t, side, want):
        t.said[side] += 1
        if want is False:
            t.barred[side].add(t.said[side])
        elif want or t.protocol == 'tcp':
            t.due[side].add(t.said[side])
        try:
            t.sockets[side].send(WORD.pack(t.number, t.said[side]))
        except BlockingIOError:
            pass
        except OSError as e:
            if want:
                self.fault(f'{t}: {e.strerror}')

    def hear_due(self, talks, patience=PATIENCE_S):
        """What these have said and what has to come comes."""
        until = time.monotonic() + patience
        while any(t.due[0] or t.due[1] for t in talks) and not self.faults:
            if time.monotonic() > until:
                for t in talks:
                    if t.due[0] or t.due[1]:
                        self.fault(f'allowed, and did not come: {[sorted(d)[:4] for d in t.due]} '
                                   f'of {t.said} of {t}')
                return
            self.poll(0.02)


class Pump:
    """Asks over and over while something else is done: with "with Pump(...):". plan gives the next
    things to do, each a function of no arguments."""

    def __init__(self, prober, plan, pause=0.002):
        self.prober, self.plan, self.pause = prober, plan, pause
        self.ended, self.error = threading.Event(), None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            for act in self.plan:
                if self.ended.is_set():
                    return
                act()
                self.prober.poll(self.pause)
        except Exception as e:  # told by who waits
            self.error = e

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.ended.set()
        self.thread.join()
        # What went wrong with the step itself comes first.
        if self.error and not kind:
            raise self.error
