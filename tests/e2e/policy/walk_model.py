# SPDX-License-Identifier: Apache-2.0
"""
The model of walk.py: what there is on two nodes, what their agents know of it, what that means for a
connection, and which steps may be taken. Nothing here touches anything real.

A step is a tuple of its kind and what it needs; one that does not fit the model (because others were
left out before it) is none. What a node's agent knows is a list of what it may know: one thing while
it lives, more when it was killed while it was told something.
"""
import copy
import ipaddress
import random

import build
import compare
import semantics

NODES = ('n1', 'n2')
PREFIX = {'n1': ('10.0.0.', 'fd00::'), 'n2': ('10.0.2.', 'fd00::2:')}
OWN = {n: (build.NODES[n], build.NODES6[n]) for n in NODES}
OUTSIDE = {'out1': ('203.0.113.5', '2001:db8::5'), 'out2': ('198.51.100.7', '2001:db8::7')}
PLACES = 5   # addresses of a node that pods are given
FILES = ('a.yaml', 'b.json', 'c.yml', 'd.json')
PORTS_OF = {'tcp': (80, 81, 82), 'udp': (80, 81), 'icmp': (0,)}
ALIVE_MIN, POLICIES_MAX, SERVICES_MAX = 3, 12, 4
# Of an agent's configuration, under "policy"; each agent begins with the first of each.
SETTINGS = {'enforce': (True, False), 'unknownEndpoint': ('deny', 'allow'),
            'maxFlows': (524288, 65536)}


class Att:
    """An attachment. places: its addresses, IPv4 and IPv6. mac: which it asks for, or None. known: the
    agent has been told. orphan: its namespace is gone. outside: it came while nothing was enforced, so
    it is not in the datapath's blocks."""

    def __init__(self, ns, name, node, places, labels, mac):
        self.ns, self.name, self.node, self.places = ns, name, node, places
        self.labels, self.mac = labels, mac
        self.known = True
        self.orphan = self.outside = False

    @property
    def key(self):
        return self.ns, self.name

    @property
    def ips(self):
        return [f'{prefix}{place}' for prefix, place in zip(PREFIX[self.node], self.places)]


def key_of(obj):
    return obj['kind'], obj['metadata'].get('namespace', ''), obj['metadata']['name']


class Known:
    """What an agent knows: objects and attachments of its node."""

    def __init__(self, node, objects, atts):
        self.node = node
        self.objects = dict(objects)
        self.atts = {a.key: copy.copy(a) for a in atts if a.node == node}
        self.world = None

    def same(self, other):
        return self.objects == other.objects and \
            {k: vars(a) for k, a in self.atts.items()} == \
            {k: vars(a) for k, a in other.atts.items()}

    def describe(self, att):
        """The pod of an attachment, as its object and its record say together."""
        obj = self.objects.get(('Pod', att.ns, att.name))
        pod = copy.deepcopy(obj) if obj else {
            'kind': 'Pod', 'metadata': {'namespace': att.ns, 'name': att.name,
                                        'labels': dict(att.labels)}}
        pod.setdefault('spec', {})['nodeName'] = self.node
        pod['status'] = {'podIPs': [{'ip': i} for i in att.ips],
                         'phase': 'Running',  # as long as it is attached
                         'hostIPs': [{'ip': i} for i in OWN[self.node]]}
        return pod

    def get_world(self):
        """For the evaluator. Who is attached here has the address, whatever other objects say."""
        if self.world:
            return self.world
        taken = {i for a in self.atts.values() for i in a.ips}
        pods = [self.describe(a) for a in self.atts.values()]
        for key, obj in self.objects.items():
            if key[0] == 'Pod' and key[1:] in self.atts:
                continue
            if key[0] == 'Pod':
                obj = copy.deepcopy(obj)
                ips = [e['ip'] for e in obj['status'].get('podIPs', [])]
                obj['status']['podIPs'] = [{'ip': i} for i in ips if i not in taken]
                obj['status'].pop('podIP', None)
            pods.append(obj)
        self.world = semantics.World(pods)
        return self.world

    def pod(self, att):
        return next(p for p in self.get_world().pods
                    if (p['metadata']['namespace'], p['metadata']['name']) == att.key)


class Model:
    def __init__(self):
        self.objects, self.files = {}, {}         # key -> object, key -> file
        self.broken = {}                          # file -> what is wrong with it
        self.atts = {}                            # (ns, name) -> Att
        self.alive = {n: True for n in NODES}
        self.variant = {n: '' for n in NODES}
        self.conf = {n: {k: v[0] for k, v in SETTINGS.items()} for n in NODES}
        self.services = {}                        # number -> (port, (ns, name) of backends)
        self.flushed = set()                      # nodes whose rules nobody has put back yet
        self.clock = 0
        self.known = {n: [Known(n, {}, [])] for n in NODES}

    def clone(self):
        m = copy.copy(self)
        for name in ('objects', 'files', 'broken', 'alive', 'variant', 'conf', 'services'):
            setattr(m, name, dict(getattr(self, name)))
        m.flushed = set(self.flushed)
        m.atts = {k: copy.copy(a) for k, a in self.atts.items()}
        m.known = {n: list(k) for n, k in self.known.items()}
        return m

    # --- what agents know ---

    def told(self, node):
        """The objects that an agent is told that reads all files now."""
        return {k: o for k, o in self.objects.items()}

    def now(self, node):
        return Known(node, self.told(node), self.atts.values())

    def settle(self):
        """Living agents know everything."""
        for n in NODES:
            if self.alive[n]:
                for a in self.atts.values():
                    if a.node == n:
                        a.known = True
                self.known[n] = [self.now(n)]

    def doubt(self, node):
        """Its agent may have been told of what is now, or not."""
        now = self.now(node)
        if not any(k.same(now) for k in self.known[node]):
            self.known[node] = self.known[node] + [now]

    def between(self, before):
        """While its nodes are being told of it: each knows this or what was before."""
        m = self.clone()
        m.known = {n: before.known[n] + self.known[n] for n in NODES}
        return m

    # --- verdicts ---

    def att_at(self, name):
        return self.atts.get(tuple(name.split('/'))) if '/' in name else None

    def node_of(self, name):
        """The node of an end; outside, its name."""
        att = self.att_at(name)
        return att.node if att else name

    def verdict(self, source, target, version, protocol, port, judges=('Egress', 'Ingress')):
        """True, False or None (may be either) of a new connection between two names of ends, and why.
        judges: whose policies are asked."""
        i = 0 if version == 4 else 1
        ends = []
        for name in (source, target):
            att = self.att_at(name)
            ends.append((att, (att.ips if att else OWN.get(name) or OUTSIDE[name])[i]))
        a, b = (ipaddress.ip_address(ip) for _, ip in ends)
        said = []
        for direction, (att, _), own, other in (('Egress', ends[0], a, b), ('Ingress', ends[1], b, a)):
            if not att or direction not in judges:
                continue
            if att.orphan:
                return False, f'{att.ns}/{att.name} is gone'
            if self.is_open(att):
                continue
            if not att.known:
                return False, f'{att.ns}/{att.name} is not known'
            said.append({v for k in self.known[att.node]
                         for v in self.judged(k, att, direction, own, other, protocol, port)})
        if all(s == {True} for s in said):
            return True, f'{said}'
        return (False if any(s == {False} for s in said) else None), f'{said}'

    def judged(self, known, att, *question):
        """What may come of it. An agent that has been killed may have begun with the pod."""
        if att.key in known.atts:
            return {self.judge(known, att, *question)}
        return {False, self.conf[att.node]['unknownEndpoint'] == 'allow'}

    def is_open(self, att):
        """Whether its node lets everything pass to it and from it."""
        conf = self.conf[att.node]
        return not conf['enforce'] or (not att.known and conf['unknownEndpoint'] == 'allow')

    def of_backends(self, source, number, version, protocol, port):
        """{backend: (verdict, why)} of a question for a Service."""
        said = {}
        for key in self.services[number][1]:
            said['/'.join(key)] = self.verdict_of_way(source, '/'.join(key), version, protocol, port)
        return said

    def verdict_of_way(self, source, backend, *q):
        """As verdict(), of a connection by a Service that leads there."""
        verdict, why = self.verdict(source, backend, *q)
        # What stays on a node is judged by rules that somebody has flushed while no agent lived.
        loose = verdict is False and self.node_of(source) in self.flushed
        return None if loose else verdict, why

    def verdict_of_service(self, *q):
        """As verdict(), whichever backend it is."""
        said = [v for v, _ in self.of_backends(*q).values()]
        return (said[0] if len(set(said)) == 1 else None), f'{said}'

    @staticmethod
    def judge(known, att, direction, own, other, protocol, port):
        att = known.atts.get(att.key)
        if not att:
            return False
        world = known.get_world()
        me = semantics.End(world, known.pod(att), own)
        peer = semantics.End(world, None, other)
        return bool(semantics.direction_allows(world, direction, me, peer,
                                               peer if direction == 'Egress' else me, port,
                                               protocol.upper()))

    def ends(self):
        """Names of all that questions are asked of."""
        return [f'{a.ns}/{a.name}' for a in self.atts.values() if not a.orphan] + \
            list(NODES) + list(OUTSIDE)

    # --- steps ---

    def free_places(self, node, i):
        used = {a.places[i] for a in self.atts.values() if a.node == node}
        return [p for p in range(1, PLACES + 1) if p not in used]

    def pod_object(self, ns, name, labels, att, ports, more):
        """As kubectl shows it; status as of this attachment, if any."""
        self.clock += 1
        pod = build.pod(ns, name, labels, ports, number=1)
        pod['metadata']['creationTimestamp'] = f'2026-11-02T{self.clock // 3600 % 24:02}:' \
            f'{self.clock // 60 % 60:02}:{self.clock % 60:02}Z'
        node = att.node if att else 'n1'
        pod['spec']['nodeName'] = node
        pod['status'] = {'phase': 'Running', 'hostIP': OWN[node][0],
                         'hostIPs': [{'ip': i} for i in OWN[node]]}
        if att:
            pod['status'].update(podIP=att.ips[0], podIPs=[{'ip': i} for i in att.ips])
        pod['status'].update(more)
        return pod

    def put(self, obj, file):
        key = key_of(obj)
        self.files.setdefault(key, file)
        self.objects[key] = obj

    def remove(self, key):
        self.objects.pop(key, None)
        self.files.pop(key, None)

    def apply(self, step):
        """Whether the step fits; then the model is as after it, but for what agents know."""
        return getattr(self, 'do_' + step[0])(*step[1:])

    def do_attach(self, ns, name, node, places, labels, mac):
        if (ns, name) in self.atts or any(p not in self.free_places(node, i) for i, p in enumerate(places)):
            return False
        att = self.atts[ns, name] = Att(ns, name, node, places, labels, mac)
        att.known = False
        att.outside = not self.conf[node]['enforce']
        return True

    def do_detach(self, ns, name):
        self.serves_no_more((ns, name))
        return bool(self.atts.pop((ns, name), None))

    def serves_no_more(self, pod):
        for number, (port, backends) in self.services.items():
            self.services[number] = port, tuple(k for k in backends if k != pod)

    def do_service(self, number, port, backends):
        if any(k not in self.atts or self.atts[k].orphan for k in backends) or \
                self.services.get(number, (port, ())) == (port, backends):
            return False
        self.services[number] = port, backends
        return True

    def do_orphan(self, ns, name):
        att = self.atts.get((ns, name))
        if not att or att.orphan:
            return False
        att.orphan = True
        self.serves_no_more((ns, name))
        return True

    def do_policy(self, obj, file):
        if self.objects.get(key_of(obj)) == obj:
            return False
        self.put(copy.deepcopy(obj), file)
        return True

    def do_namespace(self, name, labels, file):
        self.put(build.namespace(name, labels), file)
        return True

    def do_pod(self, ns, name, labels, ports, more, file):
        self.put(self.pod_object(ns, name, labels, self.atts.get((ns, name)), ports, more), file)
        return True

    def do_remove(self, key):
        if key not in self.objects:
            return False
        self.remove(key)
        return True

    def do_move(self, key, file):
        if key not in self.objects or self.files[key] == file:
            return False
        self.files[key] = file
        return True

    def do_tear(self, file, how):
        return True

    def do_kill(self, node):
        if not self.alive[node]:
            return False
        self.alive[node] = False
        return True

    def do_start(self, node, variant, deaths):
        if self.alive[node]:
            return False
        self.alive[node] = True
        self.variant[node] = variant
        self.flushed.discard(node)
        return True

    def do_restart(self, node, variant, deaths):
        self.flushed.discard(node)
        self.alive[node] = True
        self.variant[node] = variant
        return True

    def do_configure(self, node, settings, variant, deaths):
        if {**self.conf[node], **settings} == self.conf[node]:
            return False
        self.conf[node] = {**self.conf[node], **settings}
        for a in self.atts.values():
            a.outside &= a.node != node or not self.conf[node]['enforce']
        return self.do_restart(node, variant, deaths)

    def do_talk(self, seed):
        return True

    def do_flush(self, node):
        if not self.alive[node]:
            self.flushed.add(node)
        return True

    def do_bird(self, node):
        """The agent starts another, and no route goes."""
        return self.alive[node]

    def do_link(self, ns, name, ms):
        att = self.atts.get((ns, name))
        return bool(att) and not att.orphan

    def do_during(self, node, delay, step):
        """The agent is killed so many seconds after the step has begun."""
        if not self.alive[node] or step[0] in ('kill', 'start', 'restart', 'configure', 'bird'):
            return False
        if not self.apply(step):
            return False
        self.alive[node] = False
        return True


class Dice(compare.Dice):
    """Random steps. with_bird: the nodes have BIRDs."""

    def __init__(self, seed, with_bird=False):
        super().__init__(seed)
        self.r, self.with_bird = random.Random(seed), with_bird

    def labels(self):
        r = self.r
        found = {'pod': r.choice('abc')}
        if r.random() < 0.3:
            found['tier'] = r.choice(['gold', 'iron'])
        return found

    def block(self):
        r = self.r
        k, n = r.randint(1, PLACES), r.choice(NODES)
        return r.choice([super().block, lambda: build.block(PREFIX[n][0] + f'{k}/32'),
                         lambda: build.block(PREFIX[n][1] + f'{k}/128'),
                         lambda: build.block(PREFIX[n][0] + '0/29', PREFIX[n][0] + f'{k}/32')])()

    def policy(self, i):
        p = super().policy(i)
        # One that allows nothing but in few cases shows nothing.
        if self.r.random() < 0.4:
            p['spec'].setdefault('ingress', []).append(build.allow([build.spaces()]))
        return p

    def kinds(self, m):
        pods = [a for a in m.atts.values() if not a.orphan]
        policies = [k for k in m.objects if k[0] == 'NetworkPolicy']
        dead = [n for n in NODES if not m.alive[n]]
        return {
            'attach': 5 if len(m.atts) < 2 * PLACES else 0, 'detach': 2.5 if len(pods) > ALIVE_MIN else 0,
            'orphan': 0.5 if len(pods) > ALIVE_MIN else 0, 'policy': 6 if len(policies) < POLICIES_MAX else 3,
            'remove': 3 if m.objects else 0, 'namespace': 2, 'pod': 5, 'move': 1 if m.objects else 0,
            'configure': 0.5, 'kill': 0.4, 'start': 3 * len(dead), 'restart': 0.4, 'talk': 4, 'flush': 0.3,
            'bird': 2 * any(m.alive.values()) * self.with_bird,
            'during': 1.5, 'service': 2.5 * bool(pods), 'link': 0.3 * bool(pods), 'tear': 0.5,
        }

    def step(self, m):
        kinds = self.kinds(m)
        kind = self.r.choices(list(kinds), kinds.values())[0]
        return getattr(self, 'any_' + kind)(m)

    def any_attach(self, m):
        r = self.r
        free = [(n, (a, b)) for n in NODES for a in m.free_places(n, 0) for b in m.free_places(n, 1)]
        names = [(a, b) for a in build.NAMESPACES for b in 'abcd' if (a, b) not in m.atts]
        if not free or not names:
            return ('talk', r.getrandbits(32))
        ns, name = r.choice(names)
        mac = f'02:00:00:00:{r.randrange(256):02x}:{r.randrange(256):02x}' if r.random() < 0.2 else None
        return ('attach', ns, name, *r.choice(free), self.labels(), mac)

    def any_att(self, m, kind):
        return (kind, *self.r.choice(sorted(k for k, a in m.atts.items() if not a.orphan)))

    def any_detach(self, m):
        return ('detach', *self.r.choice(sorted(m.atts)))

    def any_orphan(self, m):
        return self.any_att(m, 'orphan')

    def any_policy(self, m):
        return ('policy', self.policy(self.r.randint(0, POLICIES_MAX)), self.r.choice(FILES))

    def any_namespace(self, m):
        labels = {'ns': self.r.choice(build.NAMESPACES)}
        return ('namespace', self.r.choice(build.NAMESPACES), labels, self.r.choice(FILES))

    def any_pod(self, m):
        r = self.r
        keys = sorted(m.atts) or [('x', 'a')]
        ns, name = r.choice(keys) if r.random() < 0.9 else (r.choice('xyz'), r.choice('abcd'))
        more = {'phase': 'Failed'} if r.random() < 0.07 else {}
        return ('pod', ns, name, self.labels(), build.PORTS[r.choice('abc')], more, r.choice(FILES))

    def any_remove(self, m):
        return ('remove', self.r.choice(sorted(m.objects)))

    def any_service(self, m):
        r = self.r
        pods = sorted(k for k, a in m.atts.items() if not a.orphan)
        backends = r.sample(pods, min(len(pods), r.choice((0, 1, 1, 2, 2, 3))))
        return ('service', r.randint(1, SERVICES_MAX), r.choice((80, 81)), tuple(sorted(backends)))

    def any_move(self, m):
        return ('move', self.r.choice(sorted(m.objects)), self.r.choice(FILES))

    def any_tear(self, m):
        return ('tear', self.r.choice(FILES), self.r.choice(('torn', 'invalid', 'in place')))

    def any_kill(self, m):
        return ('kill', self.r.choice(NODES))

    def variant(self):
        return self.r.choice(('', '', 'next'))

    def deaths(self):
        return [round(self.r.random(), 3) for _ in range(self.r.choice((0, 0, 1, 2)))]

    def any_start(self, m):
        dead = [n for n in NODES if not m.alive[n]]
        return ('start', self.r.choice(dead), self.variant(), self.deaths())

    def any_restart(self, m):
        return ('restart', self.r.choice(NODES), self.variant(), self.deaths())

    def any_configure(self, m):
        r = self.r
        node = r.choice(NODES)
        # What a walk is about is back soon.
        plain = {k: v[0] for k, v in SETTINGS.items()}
        key = r.choice(sorted(SETTINGS))
        settings = plain if m.conf[node] != plain else {key: SETTINGS[key][1]}
        return ('configure', node, settings, self.variant(), self.deaths())

    def any_talk(self, m):
        return ('talk', self.r.getrandbits(32))

    def any_flush(self, m):
        return ('flush', self.r.choice(NODES))

    def any_bird(self, m):
        return ('bird', self.r.choice([n for n in NODES if m.alive[n]]))

    def any_link(self, m):
        return (*self.any_att(m, 'link'), self.r.randint(1, 50))

    def any_during(self, m):
        kinds = {k: w for k, w in self.kinds(m).items()
                 if w and k in ('attach', 'detach', 'orphan', 'policy', 'remove', 'namespace', 'pod', 'service')}
        kind = self.r.choices(list(kinds), kinds.values())[0]
        return ('during', self.r.choice(NODES), round(self.r.random() ** 2 * 0.06, 4),
                getattr(self, 'any_' + kind)(m))
