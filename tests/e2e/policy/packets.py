#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What network policies mean for real packets: the evaluator of semantics.py, "fairlead policy explain"
and the datapath must agree, over each of the networks of net.bash. For every question one packet is
sent. It is allowed when it has arrived and its answer has come back; it is denied when it has not
arrived and the datapath of the node that had to drop it has counted it, for the right reason. All
counters must come out even.

usage: packets.py cases NETWORK...          the named cases of cases.py: each one's own questions,
                                            and every PART-th of all that there are
       packets.py random N SEED NETWORK...  N random sets of policies, all questions
       NETWORK is NAME=PLUGIN of a network that net_start has made; PART is $POLICY_PART (5), and
       $POLICY_CASE a regular expression for the cases' names
"""
import os
import re
import sys
import time

sys.dont_write_bytecode = True  # the tree stays as it is

import build
import cases
import compare
import semantics
from net import Net, Wrong, addresses_wanted, wait_until

FAIRLEAD = f"{os.environ['BUILD']}/bin/fairlead"
SHOWN = int(os.environ.get('POLICY_SHOWN', 8))


def matrix():
    """Every pod to every pod and back and forth to what is no pod, on two ports of each protocol."""
    questions = compare.all_questions()
    pairs = dict.fromkeys(q[:2] for q in questions)
    return questions + [(a, b, 'icmp') for a, b in pairs]


class Asked:
    """A question of one family in one network, and what should come of it."""

    def __init__(self, net, question, family, verdict, ends):
        self.question, self.family, self.verdict = question, family, verdict
        (self.source, source_node), (self.target, target_node) = ends
        self.allowed = all(verdict)
        self.drop = None
        if not self.allowed:
            self.drop = (source_node, 'policy_egress') if not verdict[0] else \
                        (target_node, 'policy_ingress')

    def line(self):
        port, _, protocol = self.question[2].rpartition('/')
        return f'{self.source} {self.target} {protocol} {port or 0} {int(self.allowed)}'


def judge(world, question):
    port, _, protocol = question[2].rpartition('/')
    return semantics.judge(world, question[0], question[1], int(port or 0), protocol.upper())


def plan(net, world, verdicts):
    """What to ask in this network; second: what no packet can, because nobody has the address."""
    asked, impossible, ends = [], [], {}
    for text in dict.fromkeys(t for q in verdicts for t in q[:2]):
        ends[text] = {v: net.end(a) for v, a in net.addresses_of(world, text).items()}
    for q, by_family in verdicts.items():
        families = (4, 6) if 0 in by_family else by_family
        found = 0
        for v in families:
            pair = ends[q[0]].get(v), ends[q[1]].get(v)
            if all(pair):
                asked.append(Asked(net, q, v, by_family.get(v) or by_family[0], pair))
                found += 1
        if not found:
            impossible.append(q)
    return asked, impossible


def check_drops(net, before, asked):
    """Waits until the counters have grown by what is denied, and says what is wrong with them."""
    want = dict(before)
    for a in asked:
        if a.drop:
            want[a.drop] = want.get(a.drop, 0) + 1
    seen = {}

    def settled():
        seen.update(net.drops())
        return all(seen[k] >= want[k] for k in want)
    try:
        wait_until('counters', settled)
    except Wrong:
        pass
    return [f'{net.name}: {k[0]} dropped {seen[k] - before[k]} for {k[1]}, '
            f'expected {want[k] - before[k]}' for k in want if seen[k] != want[k]]


def run_set(nets, objects, questions):
    """(number of packets asked, denied, questions that cannot be, what is wrong)"""
    world = semantics.World(objects)
    verdicts = {q: judge(world, q) for q in questions}
    verdicts = {q: v for q, v in verdicts.items() if v}  # two ends without a family in common
    wanted = addresses_wanted(objects)
    for net in nets:
        net.put(objects)
    answers = compare.ask(FAIRLEAD, objects, list(verdicts))
    wrong, count, denied, impossible = [], 0, 0, set()
    for (q, want), answer in zip(verdicts.items(), answers, strict=True):
        got = compare.said(answer)
        if {compare.FAMILY[v]: both for v, both in want.items()} != got:
            wrong.append(f'{" ".join(q)}: evaluator {want}, explain {got}')
    under_way = []
    for net in nets:
        net.wait_in_force()
        net.have(wanted)
        asked, cannot = plan(net, world, verdicts)
        impossible.update(cannot)
        before = net.drops()
        net.tell(f'ask {net.round} {len(asked)} 4000')
        for a in asked:
            net.tell(a.line())
        net.prober.stdin.flush()
        under_way.append((net, asked, before))
    for net, asked, before in under_way:
        net.hear()
        bad = check_drops(net, before, asked)
        net.tell('again')
        for a, digit in zip(asked, net.hear(), strict=True):
            if digit != ('3' if a.allowed else '0'):
                bad.append(f'{net.name}: {" ".join(a.question)} IPv{a.family}: evaluator '
                           f'{a.verdict}, packets {describe(int(digit, 16))}')
        count += len(asked)
        denied += sum(not a.allowed for a in asked)
        wrong += bad
    return count, denied, impossible, wrong


def describe(bits):
    words = ['arrived' if bits & 1 else 'did not arrive', 'answered' if bits & 2 else 'no answer']
    words += ['not reset'] * bool(bits & 4) + ['twice or from elsewhere'] * bool(bits & 8)
    return ', '.join(words)


def run(nets, sets):
    """sets: (name, objects, questions)"""
    failed, total, total_denied, cannot, began, n = 0, 0, 0, {}, time.monotonic(), 0
    for name, objects, questions in sets:
        n += 1
        count, denied, impossible, wrong = run_set(nets, objects, questions)
        total += count
        total_denied += denied
        for q in impossible:
            cannot.setdefault(q, name)
        if wrong or not count:
            failed += 1
            print(f'"{name}":', *wrong[:SHOWN], sep='\n  ')
            if len(wrong) > SHOWN:
                print(f'  and {len(wrong) - SHOWN} more')
            if failed > 5:
                break
    print(f'{n} sets, {total} packets asked over {", ".join(x.name for x in nets)}, '
          f'{total_denied} of them denied, {failed} failed, '
          f'{time.monotonic() - began:.1f} s')
    return failed, cannot


def main():
    words = sys.argv[1:]
    nets = [Net(*w.split('=')) for w in words if '=' in w]
    every = matrix()
    if words[0] == 'cases':
        only, part = os.environ.get('POLICY_CASE', ''), int(os.environ.get('POLICY_PART', 5))
        sets = [(name, objects, list(dict.fromkeys([tuple(q.split(' ')) for q in allowed + denied]
                                                   + every[i % part::part])))
                for i, (name, objects, allowed, denied) in enumerate(cases.CASES)
                if re.search(only, name)]
    else:
        n, seed = int(words[1]), int(words[2])
        sets = ((f'seed {seed + i}', compare.Dice(seed + i).objects(), every) for i in range(n))
    try:
        failed, cannot = run(nets, sets)
    finally:
        for net in nets:
            net.close()
    own = {q: n for q, n in cannot.items() if q not in every}
    for q, name in own.items():
        print(f'no packet can ask {" ".join(q)} of "{name}"')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
