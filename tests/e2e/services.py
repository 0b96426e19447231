#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Connections of a pod to Services that stay open while policies change: TCP and UDP, to each target
one on which both sides speak, and one on which only the backend does once it has been spoken to.

usage: services.py STATE POD SERVICE=ADDRESS@BACKEND...
       POD and BACKEND are files of network namespaces; SERVICE is what the pod asks for, ADDRESS
       what the backend listens on there, each as IP:PORT or [IP]:PORT. STATE is written several
       times a second: {"SERVICE KIND talk|tell": {"out": words that came to the backend, "in": to
       the pod}, "rounds": how often everybody has spoken and listened}

A word is a number of eight bytes, each the last one's successor; TCP must not lose any.
"""
import ctypes
import json
import os
import socket
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PERIOD_S = 0.05


def enter(path):
    with open(path) as there:
        if LIBC.setns(there.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), f'enter {path}')


def address(text):
    host, _, port = text.rpartition(':')
    return host.strip('[]'), int(port)


class Talk:
    """One connection; its sockets are the pod's and the backend's."""

    def __init__(self, name, kind, both, ends):
        self.name, self.kind, self.both, self.ends = name, kind, both, ends
        self.said, self.heard, self.rest = [0, 0], [0, 0], [b'', b'']
        for s in ends:
            s.setblocking(False)

    def say(self, side):
        if side == 0 and not self.both and self.said[0]:
            return
        word = (self.said[side] + 1).to_bytes(8, 'big')
        try:
            if self.ends[side].send(word) != len(word):
                sys.exit(f'{self.name}: half a word')
            self.said[side] += 1
        except (BlockingIOError, PermissionError):
            pass  # the latter from a node that must not send it

    def hear(self, side):
        """What has come to this side."""
        try:
            data = self.rest[side] + self.ends[side].recv(65536)
        except BlockingIOError:
            return
        while len(data) >= 8:
            word = int.from_bytes(data[:8], 'big')
            if self.kind == socket.SOCK_STREAM and word != self.heard[side] + 1:
                sys.exit(f'{self.name}: word {word} came after {self.heard[side]}')
            self.heard[side] = word if self.kind == socket.SOCK_STREAM else self.heard[side] + 1
            data = data[8:]
        self.rest[side] = data


def listen(family, kind, where):
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(where)
    if kind == socket.SOCK_STREAM:
        s.listen()
    s.settimeout(10)
    return s


def tcp(pod, listener):
    return [pod, listener.accept()[0]]


def udp(pod, listener, where):
    """The backend's end is a socket of its own, connected to who has spoken."""
    pod.send(b'')
    peer = listener.recvfrom(8)[1]
    end = socket.socket(listener.family, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end.bind(where)
    end.connect(peer[:2])
    return [pod, end]


def open_all(pod_path, targets):
    talks = []
    for target in targets:
        target, _, backend_path = target.partition('@')
        service, backend = (address(t) for t in target.split('='))
        family = socket.AF_INET6 if ':' in service[0] else socket.AF_INET
        for kind, word in ((socket.SOCK_STREAM, 'tcp'), (socket.SOCK_DGRAM, 'udp')):
            for both in (True, False):
                enter(backend_path)
                listener = listen(family, kind, backend)
                enter(pod_path)
                pod = socket.socket(family, kind)
                pod.settimeout(10)
                pod.connect(service)
                enter(backend_path)
                name = f'{target.split("=")[0]} {word} {"talk" if both else "tell"}'
                ends = tcp(pod, listener) if word == 'tcp' else udp(pod, listener, backend)
                listener.close()
                talks.append(Talk(name, kind, both, ends))
    return talks


def main():
    state = sys.argv[1]
    talks = open_all(sys.argv[2], sys.argv[3:])
    rounds = 0
    while True:
        for t in talks:
            for side in (0, 1):
                t.say(side)
                t.hear(side)
        rounds += 1
        now = {t.name: {'out': t.heard[1], 'in': t.heard[0]} for t in talks}
        with open(state + '.new', 'w') as f:
            json.dump({**now, 'rounds': rounds}, f)
        os.rename(state + '.new', state)
        time.sleep(PERIOD_S)


if __name__ == '__main__':
    main()
