#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds "fairlead policy explain" against the evaluator of semantics.py.

usage: compare.py FAIRLEAD cases         the named cases: verdicts written by hand, both must agree
       compare.py FAIRLEAD random N [S]  N random sets of policies from seed S: all pairs of pods and
                                         addresses, ports 80 and 81, TCP, UDP and SCTP
       compare.py FAIRLEAD names         prints the names of the cases
"""
import ipaddress
import json
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the tree stays as it is

import build
import cases
import semantics


def ask(fairlead, objects, questions):
    """The answers of the command, one for each (from, to, "port/protocol")."""
    with tempfile.TemporaryDirectory() as folder:
        world, asked = os.path.join(folder, 'world.json'), os.path.join(folder, 'questions.json')
        with open(world, 'w') as f:
            json.dump({'apiVersion': 'v1', 'kind': 'List', 'items': objects}, f)
        with open(asked, 'w') as f:
            json.dump([{'from': q[0], 'to': q[1], 'port': q[2]} for q in questions], f)
        done = subprocess.run([fairlead, 'policy', 'explain', '-f', world, '--questions', asked],
                              capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f'explain: {done.stderr}')
    return json.loads(done.stdout)


FAMILY = {4: 'IPv4', 6: 'IPv6', 0: 'none'}


def judge(world, question):
    """{family: (egress, ingress)} by the evaluator."""
    port, _, protocol = question[2].rpartition('/')
    verdicts = semantics.judge(world, question[0], question[1], int(port or 0), protocol.upper())
    return {FAMILY[v]: both for v, both in verdicts.items()}


def said(answer):
    return {a['family']: tuple(a[d]['verdict'] == 'allowed' for d in ('egress', 'ingress'))
            for a in answer['answers']}


def check_rule(world, question, answer):
    """Of a rule that is named, peer and port must be such as allow the connection."""
    port, _, protocol = question[2].rpartition('/')
    wrong = []
    for a in answer['answers']:
        ends = [semantics.End(world, *[
            semantics.find(world, text)[0], ipaddress.ip_address(a[key]) if key in a else None])
            for key, text in (('from', question[0]), ('to', question[1]))]
        for direction, peers, other in (('egress', 'to', ends[1]), ('ingress', 'from', ends[0])):
            place = a[direction].get('rule')
            if not place:
                continue
            steps = dict(step.rstrip(']').split('[') for step in place.split('.'))
            policy = next(p for p in world.policies if a[direction]['policy'] ==
                          f"{semantics.namespace_of(p)}/{p['metadata']['name']}")
            rule = policy['spec'][direction][int(steps[direction])]
            if bool(rule.get(peers)) != (peers in steps) or peers in steps and not semantics.peer_is(
                    world, policy, rule[peers][int(steps[peers])], other):
                wrong.append(f'{" ".join(question)}: {place}: not this peer')
            if bool(rule.get('ports')) != ('ports' in steps) or 'ports' in steps and \
                    not semantics.port_is(rule['ports'][int(steps['ports'])], ends[1],
                                          int(port or 0), protocol.upper()):
                wrong.append(f'{" ".join(question)}: {place}: not this port')
    return wrong


def compare(objects, questions, answers):
    world, wrong = semantics.World(objects), []
    for q, answer in zip(questions, answers, strict=True):
        want, got = judge(world, q), said(answer)
        if want != got:
            wrong.append(f'{" ".join(q)}: evaluator {want}, explain {got}')
        wrong += check_rule(world, q, answer)
    return wrong


def run_cases(fairlead):
    failed, asked = 0, 0
    for name, objects, allowed, denied in cases.CASES:
        questions = [tuple(q.split(' ')) for q in allowed + denied]
        answers = ask(fairlead, objects, questions)
        wrong = compare(objects, questions, answers)
        for i, (q, answer) in enumerate(zip(questions, answers)):
            want = 'allowed' if i < len(allowed) else 'denied'
            if answer['verdict'] != want:
                wrong.append(f'{" ".join(q)}: expected {want}, explain says {answer["verdict"]}')
        asked += len(questions)
        if wrong or not questions:
            failed += 1
            print(f'case "{name}":', *(wrong or ['asks nothing']), sep='\n  ')
    names = [c[0] for c in cases.CASES]
    if len(names) < 100 or len(set(names)) < len(names):
        failed += 1
        print('fewer than a hundred cases, or two of the same name')
    print(f'{len(names)} cases, {asked} questions, {failed} failed')
    return failed


class Dice:
    """Random policies; what is random hangs on the seed alone."""

    def __init__(self, seed):
        self.r = random.Random(seed)

    def some(self, made, most):
        return [made() for _ in range(self.r.randint(0, most))]

    def selector(self, key, values):
        r = self.r
        return r.choice([
            {}, build.sel(**{key: r.choice(values)}), build.sel((key, 'In', *r.sample(values, 2))),
            build.sel((key, 'NotIn', r.choice(values))), build.sel((key, 'Exists')),
            build.sel((key, 'DoesNotExist')), build.sel(('tier', 'NotIn', 'gold')),
            build.sel(('tier', 'Exists'))])

    def pods(self):
        return self.selector('pod', 'abc')

    def spaces(self):
        return self.selector('ns', 'xyz')

    def block(self):
        r = self.r
        return r.choice([
            build.block('0.0.0.0/0'), build.block('0.0.0.0/0', '10.0.0.0/8'),
            build.block('10.0.0.0/16', f'10.0.{r.randint(0, 2)}.0/24'),
            build.block(f'10.0.{r.randint(0, 2)}.{r.randint(1, 3)}/32'),
            build.block('203.0.112.0/20', '203.0.113.4/30'), build.block('203.0.113.5/32'),
            build.block('::/0'), build.block('::/0', 'fd00::/112'), build.block('fd00::1:0/112'),
            build.block('192.168.0.0/24', '192.168.0.2/32')])

    def peer(self):
        return self.r.choice([
            lambda: build.pods(self.pods()), lambda: build.spaces(self.spaces()),
            lambda: build.both(self.spaces(), self.pods()), self.block])()

    def port(self):
        r = self.r
        protocol = r.choice([None, 'TCP', 'UDP', 'SCTP'])
        return build.port(*r.choice([
            (80, protocol), (81, protocol), (None, protocol), ('web', protocol), ('dns', protocol),
            ('sig', 'SCTP'), (79, protocol, 80), (81, protocol, 65535)]))

    def rule(self, key):
        return build.allow(self.some(self.peer, 2), self.some(self.port, 2), key)

    def policy(self, i):
        r = self.r
        return build.policy(
            ns=r.choice('xyz'), name=f'p{i}', subject=self.pods(),
            types=r.choice([None, [], ['Ingress'], ['Egress'], ['Ingress', 'Egress']]),
            ingress=self.some(lambda: self.rule('from'), 2),
            egress=self.some(lambda: self.rule('to'), 2))

    def objects(self):
        r, objects = self.r, build.world()
        for o in objects:
            if r.random() < 0.2:
                o['metadata'].setdefault('labels', {})['tier'] = r.choice(['gold', 'iron'])
            if o['kind'] == 'Pod' and r.random() < 0.05:
                o['status']['phase'] = 'Failed'
        return objects + [self.policy(i) for i in range(r.randint(1, 10))]


def all_questions():
    ends = [f'{n}/{p}' for n in build.NAMESPACES for p in build.PODS]
    pairs = [(a, b) for a in ends for b in ends]
    pairs += [(a, b) for a in ends for b in build.OUTSIDE]
    pairs += [(a, b) for a in build.OUTSIDE for b in ends]
    return [(a, b, f'{n}/{proto}') for a, b in pairs for n in (80, 81)
            for proto in ('tcp', 'udp', 'sctp')]


def run_random(fairlead, sets, seed):
    questions, failed, verdicts = all_questions(), 0, {True: 0, False: 0}
    for i in range(sets):
        objects = Dice(seed + i).objects()
        answers = ask(fairlead, objects, questions)
        for a in answers:
            for b in said(a).values():
                verdicts[all(b)] += 1
        wrong = compare(objects, questions, answers)
        if wrong:
            failed += 1
            print(f'seed {seed + i}:', *wrong[:5], sep='\n  ')
            print(json.dumps([o for o in objects if o['kind'] == 'NetworkPolicy']))
    print(f'{sets} sets, {sets * len(questions)} questions, {verdicts[True]} allowed, '
          f'{verdicts[False]} denied, {failed} failed')
    # A comparison of nothing but denials, or of nothing but permissions, would prove nothing.
    return failed + (min(verdicts.values()) < sets)


def main():
    fairlead, what = sys.argv[1:3]
    if what == 'names':
        print(*(c[0] for c in cases.CASES), sep='\n')
        return 0
    if what == 'cases':
        return run_cases(fairlead) > 0
    return run_random(fairlead, int(sys.argv[3]), int(sys.argv[4]) if sys.argv[4:] else 1) > 0


if __name__ == '__main__':
    sys.exit(main())
