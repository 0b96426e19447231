# SPDX-License-Identifier: Apache-2.0
"""
The steps of walk.py done to a network of net.bash: pods by our plugins, manifests, agents that are
killed and exchanged. What each step leaves behind is waited for, as far as a living agent has to see
to it; what the model says of it is walk_model.py's.
"""
import ipaddress
import json
import os
import re
import signal
import subprocess
import threading
import time

import build
import walk_services
from net import BUILD, Nodes, Wrong, wait_until
from walk_model import FILES, NODES, OUTSIDE, SETTINGS

PROGRAMS = {'': f'{BUILD}/bin/fairleadd', 'next': f'{BUILD}/tests/fairleadd-next'}
MANIFESTS = '/etc/fairlead/manifests'
HALF_A_FILE = '{"kind": "List", "apiVersion": "v1", "items": [{"kind": '
NO_POLICY = build.policy(ns='x', name='invalid', ingress=[{'ports': [{'endPort': 90}]}])


def text_of(file, objects):
    """A file's text: a List, or documents."""
    if file.endswith('.json'):
        return json.dumps({'apiVersion': 'v1', 'kind': 'List', 'items': objects})
    return ''.join(f'---\n{json.dumps(o, indent=1)}\n' for o in objects)


class World(Nodes):
    def __init__(self, name, plugin, log):
        super().__init__(name, plugin)
        self.log, self.agents, self.written = log, {n: None for n in NODES}, {}
        self.marks = {n: 0 for n in NODES}  # policies that only count
        self.told = {n: 0 for n in NODES}   # policies in all
        self.results, self.led = {}, {}
        for ips in OUTSIDE.values():
            for ip in ips:
                self.must('lan', 'ip', 'addr', 'replace', ip, 'dev', 'lo')

    # --- a fresh world ---

    def reset(self):
        """Nothing is there but the nodes, their agents and the Nodes' objects."""
        for node in NODES:
            self.kill(node)
            self.kill_bird(node)
            folder = self.file(node, MANIFESTS)
            for f in (*FILES, 'marks.json'):
                if os.path.exists(f'{folder}/{f}'):
                    os.unlink(f'{folder}/{f}')
            self.must(node, 'sh', '-c', '''
                for l in $(ls /sys/class/net); do
                    case $l in lo | eth0) ;; *) ip link del $l 2>/dev/null || : ;; esac
                done
                for p in $(ls /run/netns); do ip netns del $p; done
                tc qdisc del dev eth0 clsact 2>/dev/null || :
                nft flush ruleset
                rm -rf /run/fairlead /var/lib/cni/* /sys/fs/bpf/fairlead''')
            self.written[node], self.marks[node], self.told[node] = {}, 0, 0
        self.results = {}
        for node in NODES:
            self.configure(node, {k: v[0] for k, v in SETTINGS.items()})
            self.lead(node, walk_services.rules({}))
        for node in NODES:
            self.start(node, '')
        for node in NODES:
            self.wait_ready(node)
        self.wait_routes()

    def configure(self, node, settings):
        """The agent's configuration is net.bash's, but for the Services and these settings."""
        path = self.file(node, '/etc/fairlead/agent.yaml')
        with open(path) as f:
            text = f.read()
        policy = json.dumps({'serviceCIDRs': walk_services.CIDRS, **settings})
        with open(path, 'w') as f:
            f.write(re.sub('policy: .*', f'policy: {policy}', text))

    def lead(self, node, rules, first=''):
        self.must(node, 'nft', '-f', '-', input=first + rules)
        self.led[node] = rules

    def close(self):
        for node in NODES:
            self.kill(node)

    # --- BIRD, in mode bgp ---

    def bird(self, node):
        """Its number, or None."""
        path = self.file(node, '/run/fairlead/bird/bird.pid')
        if not os.path.exists(path):
            return None
        with open(path) as f:
            return int(f.read() or 0)

    def kill_bird(self, node):
        pid = self.bird(node)
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return pid

    def is_settled(self, node):
        """Neither it nor its peer is in the middle of a graceful restart, in which another is one too
        many; and it has the other's blocks."""
        done = [self.run(node, 'birdc', '-s', '/run/fairlead/bird/bird.ctl', *c.split())
                for c in ('show status', 'show protocols all')]
        return all(d.returncode == 0 for d in done) and \
            'Graceful restart recovery' not in done[0].stdout and \
            'Neighbor graceful restart active' not in done[1].stdout and \
            all(self.must(node, 'ip', f, 'route', 'show', 'proto', 'bird') for f in ('-4', '-6'))

    def wait_routes(self):
        for node in NODES:
            if self.bird(node):
                wait_until(f"{node}'s BIRD has settled", lambda n=node: self.is_settled(n))

    # --- agents ---

    def start(self, node, variant):
        with open(f'{self.log}.{node}', 'ab') as log:
            self.agents[node] = subprocess.Popen(
                ['setpriv', '--pdeathsig', 'KILL', 'nsenter', '--target', self.pids[node], '--mount',
                 '--net', '--', PROGRAMS[variant]], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self, node):
        agent = self.agents[node]
        if agent:
            agent.kill()
            agent.wait()
            self.agents[node] = None

    def answers(self, node, path):
        """The body, or '' when nobody answers."""
        agent = self.agents[node]
        if agent and agent.poll() is not None:
            raise Wrong(f"{node}'s agent has ended with status {agent.returncode}")
        try:
            head, _, body = self.get(node, path).partition('\r\n\r\n')
        except OSError:
            return ''
        return body if ' 200 ' in head.split('\r\n')[0] else ''

    def ask(self, node, path):
        body = self.answers(node, path)
        if not body:
            raise Wrong(f'{node}: GET {path}: no answer')
        return json.loads(body)

    def post(self, node, path, body):
        done = subprocess.run(
            ['curl', '-sS', '--fail-with-body', '--max-time', '20', '--unix-socket',
             self.file(node, '/run/fairlead/agent.sock'), '-d', json.dumps(body),
             f'http://agent{path}'], capture_output=True, text=True)
        if done.returncode:
            raise Wrong(f'{node}: POST {path}: {done.stdout}{done.stderr}')
        return json.loads(done.stdout)

    def wait_ready(self, node):
        wait_until(f"{node}'s agent is ready", lambda: self.answers(node, '/readyz').startswith('ready'))

    def metrics(self, node):
        text = self.answers(node, '/metrics')
        return {k: float(v) for k, v in re.findall(r'^(\w+(?:\{.*\})?) (\S+)$', text, re.M)}

    def wait_in_force(self, node, m):
        """A living agent has put in force all that has been written."""
        if not m.conf[node]['enforce']:
            return
        wanted = self.policies(m, node)
        wait_until(f'{wanted} policies on {node}',
                   lambda: self.metrics(node).get('fairlead_policies') == wanted)

    # --- manifests ---

    def policies(self, m, node):
        return sum(k[0] == 'NetworkPolicy' for k in m.objects) + self.marks[node]

    def write(self, node, file, text, in_place=False):
        folder = self.file(node, MANIFESTS)
        path = f'{folder}/{file}'
        if in_place and os.path.exists(path):
            with open(path, 'r+') as f:
                f.write(text[:len(text) // 2])
                f.flush()
                f.write(text[len(text) // 2:])
                f.truncate()
            return
        with open(f'{folder}/.{file}.new', 'w') as f:
            f.write(text)
        os.rename(f'{folder}/.{file}.new', path)

    def put(self, node, m):
        """Writes the files that are not as the model says, and one more, whose number of policies
        tells when they are in force."""
        texts = {}
        for file in FILES:
            objects = [m.objects[k] for k in sorted(m.objects) if m.files[k] == file]
            texts[file] = text_of(file, objects) if objects else None
        have = self.written[node]
        # What moves comes before it goes.
        for file in sorted(FILES, key=lambda f: len(texts[f] or '') < len(have.get(f) or '')):
            if texts[file] == have.get(file):
                continue
            if texts[file] is None:
                os.unlink(self.file(node, f'{MANIFESTS}/{file}'))
            else:
                self.write(node, file, texts[file], in_place=file == 'd.json')
            have[file] = texts[file]
        self.marks[node] = 1
        if self.policies(m, node) == self.told[node]:
            self.marks[node] = 2
        self.told[node] = self.policies(m, node)
        marks = [build.policy(ns='marker', name=f'm{i}') for i in range(self.marks[node])]
        self.write(node, 'marks.json', text_of('marks.json', marks))

    def put_all(self, m):
        for node in NODES:
            self.put(node, m)
        for node in NODES:
            if m.alive[node] and self.agents[node] and self.agents[node].poll() is None:
                self.wait_in_force(node, m)

    # --- pods ---

    def attach(self, att, agent):
        key, node = att.key, att.node
        name = '-'.join(key)
        self.must(node, 'ip', 'netns', 'add', name)
        self.must(node, 'ip', '-n', name, 'link', 'set', 'lo', 'up')
        conf = self.conf(node)
        conf['agent'] = agent
        if self.plugin == 'bridge':
            conf['hairpinMode'] = True  # who asks for a Service that leads to itself
        conf['args'] = {'cni': {'ips': att.ips, 'labels': [{'key': k, 'value': v} for k, v
                                                            in att.labels.items()]}}
        if att.mac:
            conf['args']['cni']['mac'] = att.mac
        result = json.loads(self.cni('ADD', node, key, conf))
        self.results[key] = node, conf, result
        for ip in att.ips:
            wait_until(f'{name} receives at {ip}', lambda ip=ip: self.must(
                node, 'ip', f'-{ipaddress.ip_address(ip).version}', '-n', name, 'route', 'show',
                'table', 'local', 'type', 'local', 'to', ip).strip())

    def path(self, att):
        return self.file(att.node, f'/run/netns/{att.ns}-{att.name}')

    def host_end(self, att):
        return next(i['name'] for i in self.results[att.key][2]['interfaces']
                    if not i.get('sandbox') and i['name'] != 'br0')

    def lose(self, att):
        """The pod's namespace goes, and its interface with it."""
        host = self.host_end(att)
        self.must(att.node, 'ip', 'netns', 'del', '-'.join(att.key))
        gone = f'/proc/{self.pids[att.node]}/root/sys/class/net/{host}'
        wait_until(f'{host} is gone', lambda: not os.path.exists(gone))

    def detach(self, att):
        node, conf, result = self.results.pop(att.key)
        self.cni('DEL', node, att.key, dict(conf, prevResult=result))
        if not att.orphan:
            self.must(node, 'ip', 'netns', 'del', '-'.join(att.key))

    # --- steps: what is there before, what is to be, and what the step says ---

    def do(self, step, before, after):
        rules = walk_services.rules({n: (port, [after.atts[k].ips for k in backends])
                                     for n, (port, backends) in after.services.items()})
        for node in NODES:
            if self.led[node] != rules:
                self.lead(node, rules)
        getattr(self, 'do_' + step[0])(before, after, *step[1:])

    def do_attach(self, before, after, ns, name, *_):
        att = after.atts[ns, name]
        enforced = before.alive[att.node] and after.alive[att.node] and before.conf[att.node]['enforce']
        agent = 'required' if enforced else 'auto'
        self.attach(att, agent)

    def do_detach(self, before, after, ns, name):
        self.detach(before.atts[ns, name])
        node = before.atts[ns, name].node
        if after.alive[node]:
            self.wait_endpoints(node, after)

    def do_orphan(self, before, after, ns, name):
        self.lose(before.atts[ns, name])
        node = before.atts[ns, name].node
        if after.alive[node]:
            self.wait_endpoints(node, after)

    def wait_endpoints(self, node, m):
        if not m.conf[node]['enforce']:
            return
        wanted = sum(a.node == node and not a.orphan for a in m.atts.values())
        wait_until(f'{wanted} endpoints on {node}',
                   lambda: self.metrics(node).get('fairlead_endpoints') == wanted)

    def do_objects(self, before, after, *_):
        self.put_all(after)

    do_policy = do_namespace = do_pod = do_remove = do_move = do_objects

    def do_tear(self, before, after, file, how):
        """A file is half there or says what cannot be; what it said last stays."""
        alive = [n for n in NODES if after.alive[n]]
        texts = {n: self.written[n].get(file) for n in alive}
        for n in alive:
            text = texts[n] or text_of(file, [])
            bad = (text + '\n' if how != 'invalid' else text[:0]) + HALF_A_FILE
            if how == 'invalid':
                bad = text_of(file, [o for k, o in sorted(after.objects.items())
                                     if after.files[k] == file] + [NO_POLICY])
            elif text and how == 'torn':
                bad = text[:len(text) // 2].rstrip() + ' {"'
            self.write(n, file, bad, in_place=how == 'in place')
        for n in alive:
            wait_until(f'{n} complains of {file}', lambda n=n: any(
                file in p['where'] + p['text'] for p in self.ask(n, '/v1/status')['problems']))
        for n in alive:
            if texts[n] is None:
                os.unlink(self.file(n, f'{MANIFESTS}/{file}'))
            else:
                self.write(n, file, texts[n])
        for n in alive:
            wait_until(f'{n} is content with {file}', lambda n=n: not self.ask(n, '/v1/status')['problems'])

    def do_kill(self, before, after, node):
        self.kill(node)

    def do_start(self, before, after, node, variant, deaths):
        for seconds in deaths:
            self.start(node, variant)
            time.sleep(seconds)
            self.kill(node)
        self.start(node, variant)
        self.wait_ready(node)
        self.wait_in_force(node, after)
        self.wait_endpoints(node, after)
        if any(a.node == node and not a.known for a in before.atts.values()):
            self.ask_anew(node, after)

    def ask_anew(self, node, m):
        """Neighbours that did not answer as long as they were shut are asked for from the beginning:
        the packet that waits for the last of three tries would be lost."""
        for name in [None] + ['-'.join(a.key) for a in m.atts.values() if a.node == node and not a.orphan]:
            for state in ('incomplete', 'failed'):
                self.must(node, *(['ip', '-n', name] if name else ['ip']), 'neigh', 'flush', 'nud', state)

    def do_restart(self, before, after, node, variant, deaths):
        self.kill(node)
        self.do_start(before, after, node, variant, deaths)

    def do_configure(self, before, after, node, settings, variant, deaths):
        self.kill(node)
        self.configure(node, after.conf[node])
        self.do_start(before, after, node, variant, deaths)

    def do_flush(self, before, after, node):
        self.lead(node, self.led[node], 'flush ruleset\n')

    def do_bird(self, before, after, node):
        pid = self.kill_bird(node)
        if pid:
            wait_until(f'{node} has another BIRD', lambda: self.bird(node) not in (None, 0, pid))
            self.wait_routes()

    def do_link(self, before, after, ns, name, ms):
        att = after.atts[ns, name]
        if self.plugin != 'bridge' and not after.alive[att.node]:
            return  # the kernel takes a routed pod's routes away, which the agent puts back
        self.must(att.node, 'ip', 'link', 'set', self.host_end(att), 'down')
        time.sleep(ms / 1000)
        self.must(att.node, 'ip', 'link', 'set', self.host_end(att), 'up')
        for ip in att.ips if self.plugin != 'bridge' else ():
            wait_until(f'{att.node} leads to {ip} again', lambda ip=ip: self.must(
                att.node, 'ip', f'-{ipaddress.ip_address(ip).version}', 'route', 'show', ip).strip())

    def do_talk(self, *_):
        pass

    do_service = do_talk

    def do_during(self, before, after, node, delay, step):
        timer = threading.Timer(delay, self.agents[node].kill)
        timer.start()
        try:
            self.do(step, before, after)
        finally:
            timer.join()
            self.kill(node)
