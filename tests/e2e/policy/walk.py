#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A random walk over a whole world under policy: pods and Services come, go and change, policies too,
agents are killed, exchanged and configured anew at any moment. A model (walk_model.py) knows what
there is; after each step, and during it, random connections and those that are open are held against
what the evaluator (semantics.py) says of the model. What is allowed must pass, what is forbidden must
not, however late, and nothing that stays allowed may be lost, but by a pod's interface in the moment in
which it is put into the datapath's blocks.

usage: walk.py NAME=PLUGIN STEPS SEED LOG  a network that net_start has made, without its agents
                                           (tests/e2e/walk.sh); LOG.NODE is what they say
On a fault it prints the seed, then the shortest list of steps that it can find which has a fault, too.
"""
import json
import os
import random
import re
import resource
import sys
import time

sys.dont_write_bytecode = True  # the tree stays as it is

import walk_model
import walk_services
from net import Wrong
from walk_model import NODES, OUTSIDE, OWN, Dice, Model
from walk_probe import Prober, Pump, Question
from walk_world import World

QUESTIONS = int(os.environ.get('WALK_QUESTIONS', 30))  # after each step
ASKED_MAX = 5000     # during a step: each has sockets until it is over
ANY_PORT = 40000     # that a question may come from
TALKS_MAX = 8
TALK_CUT_S = 6       # a TCP connection that is cut for longer takes too long to come back
SHRINK_S = float(os.environ.get('WALK_SHRINK_S', 300))


class Fault(Exception):
    pass


class Walk:
    def __init__(self, world):
        self.world, self.prober, self.model = world, Prober(), Model()
        for n in NODES:
            self.prober.add(n, f'/proc/{world.pids[n]}/ns/net', OWN[n])
        for name, ips in OUTSIDE.items():
            self.prober.add(name, f"/proc/{world.pids['lan']}/ns/net", ips)
        self.steps, self.number, self.pumped = [], 0, 0
        self.opened = [0, 0]  # connections that stay, by Services or not

    def close(self):
        for name in list(self.prober.ends):
            self.prober.remove(name)

    # --- what is asked ---

    def want(self, m, q):
        """The verdict of (source, target, version, protocol, port) in the model, and why. The target
        may be a Service's number."""
        return m.verdict_of_service(*q) if isinstance(q[1], int) else m.verdict(*q)

    def by_service(self, r, m, names):
        """A random question of a pod or a node for a Service, or nothing."""
        usable = [n for n, (_, backends) in sorted(m.services.items())
                  if backends and all('/'.join(k) in names for k in backends)]
        asking = [n for n in names if n not in OUTSIDE]
        if usable and asking:
            number = r.choice(usable)
            yield (r.choice(asking), number, r.choice((4, 6)), r.choice(('udp', 'tcp')),
                   m.services[number][0])

    def pairs(self, r, m, names, n):
        """Random questions between these ends, of which one is a pod, or by a Service."""
        pods = [x for x in names if '/' in x]
        found = []
        while pods and len(found) < n:
            found += self.by_service(r, m, names) if r.random() < 0.25 else ()
            ends = [r.choice(pods), r.choice(names)]
            r.shuffle(ends)
            if ends[0] != ends[1]:
                protocol = r.choice(('udp', 'tcp', 'udp', 'tcp', 'icmp'))
                port = r.choice(walk_model.PORTS_OF[protocol])
                found.append((*ends, r.choice((4, 6)), protocol, port))
        return found

    def question(self, q, want, why):
        source, target, version, protocol, port = q
        targets = {target: want}
        if isinstance(target, int):
            targets = {n: v[0] for n, v in self.model.of_backends(source, *q[1:]).items()}
            to = walk_services.address(target, version), walk_services.PORT
        else:
            to = self.prober.ends[target][version].ip, port
        ends = {self.prober.ends[n][version]: may for n, may in targets.items()}
        asked = Question(self.prober.ends[source][version], ends, protocol, port, want, to, why)
        asked.leaves = any(self.model.node_of(n) != self.model.node_of(source) and self.model.verdict(
            source, n, version, protocol, port, ('Egress',))[0] is not False for n in targets)
        return asked

    def names(self, m):
        return [n for n in m.ends() if n in self.prober.ends]

    def want_talk(self, m, t):
        """The verdict of an open connection in the model, and why."""
        return m.verdict_of_way(t.source.name, t.target.name, t.source.version, t.protocol, t.port) \
            if t.by_service else self.want(m, self.talk_key(t))

    def talk_key(self, t):
        """The question that an open connection is."""
        return t.source.name, t.target.name, t.source.version, t.protocol, t.port

    # --- during a step ---

    def plan(self, r, before, after, disturbed, asked):
        """What does not change by the step: open connections that speak, and new ones."""
        names = [n for n in self.names(before) if n in after.ends() and n not in disturbed]
        # One node may be told before the other.
        models = before, after, after.between(before)
        steady = []
        for q in self.pairs(r, before, names, 40):
            if isinstance(q[1], int) and before.services[q[1]] != after.services.get(q[1]):
                continue
            want = self.want(before, q)[0]
            if want and self.may_lose_answers(before, after, q):
                continue
            if want is not None and all(self.want(m, q)[0] is want for m in models):
                steady.append((q, want))
        talks = []
        for t in self.prober.talks.values():
            if disturbed & {t.source.name, t.target.name}:
                continue
            want, next_want, on_the_way = (self.want_talk(m, t)[0] for m in models)
            if want is False and next_want is not False:
                t.is_forbidden = False
            if want is not None and want is next_want is on_the_way and (want or t.protocol == 'udp'):
                talks.append((t, want))
        k = 0
        while True:
            k += 1
            asks = steady and len(asked) < ASKED_MAX
            if asks:
                q, want = steady[k % len(steady)]
                yield lambda: self.ask_one(q, want, asked)
            if talks:
                t, want = talks[k % len(talks)]
                # The opener first: the other side's word alone would be a connection of its own.
                side = 0 if self.may_lose_answers(before, after, self.talk_key(t)) else k // len(talks) % 2
                yield lambda: self.prober.say(t, side, want)
            if not asks and not talks:
                yield lambda: None

    def may_lose_answers(self, before, after, q):
        """Whether enforcement begins at an end of it by this step, it is not TCP, and an answer would be
        forbidden if it came by itself: whoever may speak does so first then (docs/decisions/0013)."""
        source, target, version, protocol, _ = q
        if protocol == 'tcp':
            return False
        names = source, *(['/'.join(k) for k in after.services[target][1]]
                          if isinstance(target, int) else [target])
        if not self.begins_at(before, after, names):
            return False
        port = 0 if protocol == 'icmp' else ANY_PORT
        return not all(after.verdict(x, source, version, protocol, port)[0] for x in names[1:])

    def begins_at(self, before, after, names):
        """Whether enforcement begins at one of these ends by this step."""
        begin = [n for n in NODES if after.conf[n]['enforce'] and not before.conf[n]['enforce']]
        return any(a and a.node in begin for a in map(after.att_at, names))

    def ask_one(self, q, want, asked):
        asked.append(self.question(q, want, 'during the step'))
        self.prober.send(asked[-1])

    # --- after it ---

    def check_talks(self, r):
        now = time.monotonic()
        live = []
        for t in list(self.prober.talks.values()):
            want, why = self.want_talk(self.model, t)
            cut = now - t.since if t.is_forbidden else 0
            if cut > TALK_CUT_S or (want is None and r.random() < 0.2):
                self.prober.close_talk(t)
            elif want:
                t.is_forbidden = False
                live.append(t)
            elif want is False:
                if not t.is_forbidden:
                    t.is_forbidden, t.since = True, now
                if r.random() < 0.5:
                    self.prober.say(t, r.randint(0, 1), False)
        for side in (0, 1):
            for t in live:
                self.prober.say(t, side, True)
            self.prober.hear_due(live, 20)

    def open_talk(self, r):
        talks = list(self.prober.talks.values())
        if len(talks) >= TALKS_MAX:
            self.prober.close_talk(r.choice(talks))
        questions = self.pairs(r, self.model, self.names(self.model), 60)
        by_service = r.random() < 0.5
        questions.sort(key=lambda q: isinstance(q[1], int) is not by_service)
        for q in questions:
            if not self.want(self.model, q)[0] or q[4] not in (80, 81):
                continue
            names, to = [q[1]], None
            if isinstance(q[1], int):
                names = ['/'.join(k) for k in self.model.services[q[1]][1]]
                to = walk_services.address(q[1], q[2]), walk_services.PORT
                # Who comes to itself is masqueraded, and so hears another.
                if q[3] != 'tcp' or q[0] in names or '/' not in q[0]:
                    continue
            targets = [self.prober.ends[n][q[2]] for n in names]
            self.opened[bool(to)] += 1
            self.prober.open_talk(self.prober.ends[q[0]][q[2]], targets, *q[3:], to)
            return

    def check(self, r):
        m = self.model
        asked = [self.question(q, *self.want(m, q)) for q in self.pairs(r, m, self.names(m), QUESTIONS)]
        self.prober.ask(asked)
        self.check_talks(r)

    # --- a step ---

    def take(self, step):
        """False when the step does not fit."""
        before, after = self.model, self.model.clone()
        if not after.apply(step):
            return False
        r = random.Random(f'{self.number} {step!r}')
        self.number += 1
        inner = step[3] if step[0] == 'during' else step
        if inner[0] in ('detach', 'orphan'):
            self.prober.remove('/'.join(inner[1:3]))
        if step[0] == 'during':
            if inner[0] == 'attach' and inner[3] == step[1]:
                after.atts[inner[1:3]].known = True
            after.doubt(step[1])
        after.settle()
        self.model = after
        # One that waits at the other node for its pod has left its own under the policy of that time.
        self.prober.reconsider(lambda q, target: after.verdict(
            q.source.name, target, q.source.version, q.protocol, q.port,
            ('Ingress',) if q.leaves else ('Egress', 'Ingress'))[0])
        for t in list(self.prober.talks.values()):
            want = self.want_talk(after, t)[0]
            # What came of a time in which it was forbidden may come in one in which it may be either. And
            # to who begins to enforce it is none, if its opener may not speak: the other may open one.
            if (t.by_service and want is None) or (t.protocol == 'udp' and not want and self.begins_at(
                    before, after, (t.source.name, t.target.name))):
                self.prober.close_talk(t)
        asked, disturbed = [], set(['/'.join(inner[1:3])] if inner[0] == 'link' else [])
        # The kernel stops an interface that is up when it gets a clsact qdisc.
        disturbed |= {'/'.join(k) for k, a in before.atts.items()
                      if a.outside and k in after.atts and not after.atts[k].outside}
        with Pump(self.prober, self.plan(r, before, after, disturbed, asked)):
            self.world.do(step, before, after)
        self.pumped += len(asked)
        self.prober.finish(asked)
        if inner[0] == 'attach':
            att = after.atts[inner[1:3]]
            self.prober.add('/'.join(att.key), self.world.path(att), att.ips)
        if inner[0] == 'talk':
            self.open_talk(r)
        self.check(r)
        if self.prober.faults:
            raise Fault('\n  '.join(self.prober.faults[:6] + list(self.drops(self.prober.faults)) +
                                    list(self.losses(self.prober.faults))))
        return True

    def drops(self, faults):
        """What the agents tell of packets between those of whom the faults are."""
        for node in NODES:
            body = self.world.answers(node, '/v1/flows?max=1000') if self.model.alive[node] else ''
            for e in json.loads(body)['flows'] if body else []:
                ips = [e.get(k, {}).get('ip', '?') for k in ('from', 'to')]
                if any(all(f'({ip})' in f for ip in ips) for f in faults):
                    yield f"{node} at {e['time'][11:23]}: {e['protocol']} {ips[0]}:" \
                        f"{e['from'].get('port', '')} -> {ips[1]}:{e['to'].get('port', '')}: {e['reason']}"
            after = ''
            while self.model.alive[node] and self.model.conf[node]['enforce']:
                page = self.world.ask(node, '/v1/bpf/flows' + after)
                for e in page['entries']:
                    ends = [(e[k]['ip'], e[k].get('port')) for k in ('from', 'to')]
                    if any(all(f'({ip})' in f for ip, _ in ends) and
                           any(f'port {port}' in f for _, port in ends) for f in faults):
                        yield f'{node}: {e}'
                if 'next' not in page:
                    break
                after = f"?after={page['next']}"

    def losses(self, faults):
        """What the kernel has lost so far where they are, and whom it cannot reach there."""
        atts = [a for a in self.model.atts.values()
                if not a.orphan and any(f'{a.ns}/{a.name}(' in f for f in faults)]
        places = dict.fromkeys((n, None) for n in NODES) | {(a.node, '-'.join(a.key)): None for a in atts}
        for node, pod in places:
            run = [*(('ip', 'netns', 'exec', pod) if pod else ()), 'sh', '-c',
                   'nstat -as; ip neigh; ip -6 neigh']
            told = [' '.join(line.split()) for line in self.world.must(node, *run).splitlines()
                    if re.search('Discard|NoRoute|Error|Fail|Drop|Unreach|FAILED|INCOMPLETE', line, re.I)]
            yield f'{node} {pod or ""}: {"; ".join(told)}'

    # --- at intervals ---

    def invariants(self):
        wrong = []
        for node in NODES:
            if self.model.alive[node]:
                wrong += [f'{node}: {w}' for w in self.of_node(node)]
        if wrong:
            raise Fault('\n  '.join(wrong[:8]))

    def of_node(self, node):
        w, m = self.world, self.model
        problems = w.ask(node, '/v1/status')['problems']
        if problems:
            yield f'problems: {problems}'
        atts = [a for a in m.atts.values() if a.node == node]
        enforced = m.conf[node]['enforce']
        here = sorted((a.ns, a.name) for a in atts if not a.orphan and enforced)
        told = sorted((e['podNamespace'], e['podName']) for e in w.ask(node, '/v1/endpoints')
                      if e['enforced'])
        if told != here:
            yield f'enforced endpoints {told}, expected {here}'
        counts = {'endpoints': len(here), 'locals': 2 * len(here)}
        figures = w.metrics(node)
        for name in ('endpoints', 'locals', 'rules', 'ports', 'addresses', 'prefixes') * enforced:
            n = len(w.ask(node, f'/v1/bpf/{name}')['entries'])
            want = counts.get(name, figures[f'fairlead_datapath_map_entries{{map="{name}"}}'])
            if n != want:
                yield f'the map of {name} has {n} entries, expected {want}'
        for folder, want in (('/run/fairlead/endpoints', len(atts)),
                             ('/var/lib/cni/networks/pods', 2 * len(atts))):
            files = [f for f in os.listdir(w.file(node, folder))
                     if not f.startswith(('last_reserved_ip', 'lock', '.'))] \
                if os.path.exists(w.file(node, folder)) else []
            if len(files) != want:
                yield f'{folder} has {files}, expected {want}'
        if enforced:
            yield from self.explained(node)
        elif left := os.listdir(w.file(node, '/sys/fs/bpf/fairlead')):
            yield f'the maps of {left} are there, of a datapath that has been taken away'

    def explained(self, node):
        """What the living agent explains of random questions."""
        m, r = self.model, random.Random(self.number)
        pods = [a for a in m.atts.values() if a.node == node and not a.orphan]
        for _ in range(6 if pods else 0):
            att, version, port = r.choice(pods), r.choice((4, 6)), r.choice((80, 81))
            i = 0 if version == 4 else 1
            other = r.choice([x for x in m.ends() if x != f'{att.ns}/{att.name}'])
            peer = m.att_at(other)
            ip = (peer.ips if peer else OWN.get(other) or OUTSIDE[other])[i]
            answer = self.world.post(node, '/v1/policies/explain',
                                     {'from': ip, 'to': att.ips[i], 'port': f'{port}/tcp'})
            said = answer['answers'][0]['ingress']['verdict'] == 'allowed'
            want = m.judge(m.known[node][0], att, 'Ingress', *map(
                walk_model.ipaddress.ip_address, (att.ips[i], ip)), 'tcp', port)
            if said is not want:
                yield f'explain {ip} -> {att.ips[i]}:{port}: {answer["answers"]}, expected {want}'


def replay(world, steps):
    """The fault of these steps in a fresh world, or None; and how many of them were taken."""
    world.reset()
    walk = Walk(world)
    taken = []
    try:
        for i, step in enumerate(steps):
            taken.append(step)
            if not walk.take(step):
                taken.pop()
            if i % 20 == 19:
                walk.invariants()
        walk.invariants()
    except (Fault, Wrong) as e:
        return str(e), taken
    finally:
        walk.close()
    return None, taken


def kind_of(fault):
    """Two faults are alike when they say the same of other places."""
    return re.sub(r'[0-9].*|[(/].*', '', fault.splitlines()[0])[:40]


def shrink(world, steps, kind):
    """A short list of steps that has such a fault; leaves steps out as long as one is left."""
    until = time.monotonic() + SHRINK_S
    size = max(len(steps) // 2, 1)
    last = None
    while time.monotonic() < until:
        i, found = 0, False
        while i < len(steps) - 1 and time.monotonic() < until:
            fewer = steps[:i] + steps[i + size:]
            if len(fewer) < len(steps) and fewer:
                fault, taken = replay(world, fewer)
                if fault and kind_of(fault) == kind:
                    steps, found, last = taken, True, fault
                    print(f'# {len(steps)} steps: {fault.splitlines()[0][:150]}', flush=True)
                    continue
            i += size
        if size == 1 and not found:
            break
        size = max(size // 2, 1)
    return last, steps


def main():
    name, plugin = sys.argv[1].split('=')
    count, seed = int(sys.argv[2]), int(sys.argv[3])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    world, began = World(name, plugin, sys.argv[4]), time.monotonic()
    steps = []
    if os.environ.get('WALK_STEPS_FILE'):
        with open(os.environ['WALK_STEPS_FILE']) as f:
            steps = [eval(line) for line in f if line.strip()]
        fault, _ = replay(world, steps)
        print(fault or 'no fault')
        world.close()
        return bool(fault)
    world.reset()
    walk, with_bird = Walk(world), bool(world.bird(NODES[0]))
    kinds = {}
    try:
        while len(steps) < count:
            step = Dice(f'{seed} {walk.number} {len(steps)}', with_bird).step(walk.model)
            steps.append(step)
            if os.environ.get('WALK_LOUD'):
                print(f'# {len(steps)} {step}', flush=True)
            if walk.take(step):
                kinds[step[0]] = kinds.get(step[0], 0) + 1
            if len(steps) % 20 == 0:
                walk.invariants()
    except (Fault, Wrong) as e:
        print(f'seed {seed}: a fault at step {len(steps)}, {step}, told at '
              f'{time.strftime("%H:%M:%S", time.gmtime())}:\n  {e}', flush=True)
        walk.close()
        if os.environ.get('WALK_SAVE'):
            with open(os.environ['WALK_SAVE'], 'w') as f:
                print(*map(repr, steps), sep='\n', file=f)
        last, steps = shrink(world, steps, kind_of(str(e)))
        print('the shortest that has one:' if last else 'it did not come again in:',
              *map(repr, steps), sep='\n')
        print(last)
        world.close()
        return 1
    print(f'seed {seed}: {count} steps ({", ".join(f"{n} {k}" for k, n in sorted(kinds.items()))}), '
          f'{walk.prober.asked} connections asked for, {walk.pumped} of them during steps, '
          f'{sum(walk.opened)} kept open, {walk.opened[1]} of them by Services, '
          f'{time.monotonic() - began:.1f} s')
    walk.close()
    world.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
