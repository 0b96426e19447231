#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The differential test of bridge, host-local and loopback: random cases (cases.py), each run by
Debian's reference plugins in one node and by ours in another like it (world.py), and what came of
it compared: exit status, answer, and the world after each step. What may differ, and why, stands
in rules.py. A difference counts when it is there a second time.

usage: differ.py [--seed N] [--count N] [--time S] [--case SEED] [--mix] [--keep-going]
       --seed N     the first case's seed (default: random); each case has the next number
       --case SEED  one case, told at length
       --mix        ours against both makers in turns, by chance, in one node
The end: one line with the counts; status 1 when anything differed.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import time
from threading import Thread
from queue import Empty, Queue

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # pylint: disable=wrong-import-position
import rules  # pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_INIT = '''
set -e
mount -t tmpfs -o mode=755 node /run
mkdir -p /run/netns /run/lock
for d in /var/lib/cni /etc/cni /etc/fairlead; do
	mkdir -p $d
	mount -t tmpfs -o mode=755 node $d
done
mkdir /run/sys
mount -t sysfs sysfs /run/sys
mount --move /run/sys /sys
rmdir /run/sys
ip link set lo up
exec "$@"'''


class Worker:
    """A node, one case at a time."""

    def __init__(self, maker, reference, ours):
        self.process = subprocess.Popen(
            ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--propagation',
             'private', 'sh', '-c', NODE_INIT, '-', sys.executable, f'{HERE}/world.py', maker,
             reference, ours], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != 'ready\n':
            raise RuntimeError('a node did not start')

    def start(self, case):
        self.process.stdin.write(json.dumps(case) + '\n')
        self.process.stdin.flush()

    def end(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError('a node died')
        return json.loads(line)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Pair:
    """Two nodes that get the same cases."""

    def __init__(self, args):
        makers = ('ref', 'mix') if args.mix else ('ref', 'our')
        self.workers = [Worker(m, args.reference, args.plugins) for m in makers]

    def run(self, case):
        for w in self.workers:
            w.start(case)
        return [w.end() for w in self.workers]

    def compare(self, case):
        """The differences, those that are there twice."""
        both = self.run(case)
        found = rules.compare(case, *both)
        if not found:
            return [], both
        both = self.run(case)
        again = rules.compare(case, *both)
        return [d for d in again if d[0] in {f[0] for f in found}], both

    def stop(self):
        for w in self.workers:
            w.stop()


def tell(case, found, both, full=False):
    lines = [f'case {case["seed"]}:']
    if full:
        lines += [f'  setup {x}' for x in case['setup']]
    for n, step in enumerate(case['steps']):
        mine = [d for d in found if d[0][0] == n]
        if not mine and not full:
            continue
        lines.append(f'  step {n}: {step["plugin"]} {json.dumps(step["env"])}')
        lines += [f'    before: {t}' for t in step.get('tamper', [])]
        lines.append(f'    stdin: {step.get("raw") or json.dumps(step.get("conf"))}'
                     + (f' with the result of step {step["prev"]}' if 'prev' in step else ''))
        for who, outcome in zip(('theirs', 'ours'), both):
            a = outcome[n]
            lines.append(f'    {who}: {a["status"]} {a["out"].strip()[:1500]} {a["err"][:300].strip()}')
        lines += [f'    DIFFERS {".".join(map(str, d[0][1:]))}: theirs {d[1]!r}, ours {d[2]!r}'
                  for d in mine]
        if not full:
            break
    return '\n'.join(lines)


def work(args, seeds, out):
    pair = Pair(args)
    while True:
        try:
            seed = seeds.get_nowait()
        except Empty:
            break
        case = cases.make(seed)
        try:
            found, both = pair.compare(case)
        except Exception as e:  # pylint: disable=broad-except
            out.put((case, [((0, 'harness'), repr(e), '')], None))
            pair = Pair(args)
            continue
        out.put((case, found, both))
    pair.stop()
    out.put(None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 30))
    parser.add_argument('--count', type=int, default=100)
    parser.add_argument('--time', type=float, default=1e9)
    parser.add_argument('--case', type=int)
    parser.add_argument('--mix', action='store_true')
    parser.add_argument('--lanes', type=int, default=2)
    parser.add_argument('--reference', default=os.environ.get('REFERENCE_DIR', '/usr/lib/cni'))
    parser.add_argument('--plugins',
                        default=os.environ.get('PLUGIN_DIR', f'{HERE}/../../../build/cni'))
    args = parser.parse_args()
    if args.case is not None:
        args.seed, args.count, args.lanes = args.case, 1, 1
    seeds, out = Queue(), Queue()
    for n in range(args.count):
        seeds.put(args.seed + n)
    began = time.monotonic()
    lanes = [Thread(target=work, args=(args, seeds, out)) for _ in range(args.lanes)]
    for t in lanes:
        t.start()
    left, ran, steps, good, different = len(lanes), 0, 0, 0, 0
    while left:
        done = out.get()
        if done is None:
            left -= 1
            continue
        case, found, both = done
        ran += 1
        steps += len(case['steps'])
        good += sum(a['status'] == 0 for a in both[0]) if both else 0
        if found:
            different += 1
        if found or args.case is not None:
            print(tell(case, found, both, args.case is not None) if both else
                  f'case {case["seed"]}: {found}', flush=True)
        if time.monotonic() - began > args.time:
            with seeds.mutex:
                seeds.queue.clear()
    print(f'seed {args.seed}: {ran} cases, {steps} calls by each ({good} that succeeded), '
          f'{different} different, {time.monotonic() - began:.1f} s')
    return 1 if different else 0


if __name__ == '__main__':
    sys.exit(main())
