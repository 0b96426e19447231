# SPDX-License-Identifier: Apache-2.0
"""
What NetworkPolicy means, one question at a time and without any thought of speed: written from the
Kubernetes documentation, apart from the compiler, to be its judge. A world is a list of objects as
kubectl has them; a question is (from, to, port, protocol), an end is "namespace/pod" or an address.
"""
import ipaddress

NAME_LABEL = 'kubernetes.io/metadata.name'


def meta(obj):
    return obj.get('metadata') or {}


def labels(obj):
    return meta(obj).get('labels') or {}


def namespace_of(obj):
    return meta(obj).get('namespace') or 'default'


class World:
    def __init__(self, objects):
        self.pods = [o for o in objects if o['kind'] == 'Pod']
        self.policies = [o for o in objects if o['kind'] == 'NetworkPolicy']
        self.namespaces = {}
        for o in objects:
            if o['kind'] == 'Namespace':
                self.namespaces[meta(o)['name']] = dict(labels(o))
        for o in self.pods + self.policies:
            self.namespaces.setdefault(namespace_of(o), {})
        for name, own in self.namespaces.items():
            own[NAME_LABEL] = name


def is_host(pod):
    return bool((pod.get('spec') or {}).get('hostNetwork'))


def has_ended(pod):
    return (pod.get('status') or {}).get('phase') in ('Succeeded', 'Failed')


def addresses(pod, one='podIP', many='podIPs'):
    status = pod.get('status') or {}
    found = [status[one]] if status.get(one) else []
    found += [e['ip'] for e in status.get(many) or []]
    return [ipaddress.ip_address(a) for a in found]


def node_addresses(pod):
    return addresses(pod, 'hostIP', 'hostIPs')


def age(pod):
    """Greatest for whom an address that several pods claim belongs to."""
    return (not meta(pod).get('deletionTimestamp'), meta(pod).get('creationTimestamp') or '')


def selects(selector, own):
    """A selector that is absent is for the caller to judge; an empty one selects everything."""
    for key, value in (selector.get('matchLabels') or {}).items():
        if own.get(key) != value:
            return False
    for e in selector.get('matchExpressions') or []:
        has, value, values = e['key'] in own, own.get(e['key']), e.get('values') or []
        holds = {'In': has and value in values,
                 'NotIn': not has or value not in values,
                 'Exists': has,
                 'DoesNotExist': not has}[e['operator']]
        if not holds:
            return False
    return True


class End:
    """One end of a connection: a pod of the pod network, or just an address."""

    def __init__(self, world, pod, address):
        self.address = address
        self.host_pod = pod if pod and is_host(pod) else None
        self.pod = pod if pod and not is_host(pod) and not has_ended(pod) else None
        if pod is None and address is not None:
            owners = [p for p in world.pods
                      if not is_host(p) and not has_ended(p) and address in addresses(p)]
            self.pod = max(owners, key=age) if owners else None


def directions_of(policy):
    spec = policy.get('spec') or {}
    types = spec.get('policyTypes')
    if types:
        return types
    return ['Ingress'] + (['Egress'] if spec.get('egress') else [])


def isolating(world, pod, direction):
    """The policies of the pod's own namespace that select it for the direction."""
    return [p for p in world.policies
            if namespace_of(p) == namespace_of(pod) and direction in directions_of(p)
            and selects((p.get('spec') or {}).get('podSelector') or {}, labels(pod))]


def in_block(block, address):
    if address is None:
        return False
    def within(cidr):
        net = ipaddress.ip_network(cidr, strict=False)
        return net.version == address.version and address in net
    return within(block['cidr']) and not any(within(c) for c in block.get('except') or [])


def peer_is(world, policy, peer, other):
    if peer.get('ipBlock') is not None:
        return in_block(peer['ipBlock'], other.address)
    if other.pod is None:
        return False
    home = namespace_of(other.pod)
    if peer.get('namespaceSelector') is not None:
        if not selects(peer['namespaceSelector'], world.namespaces[home]):
            return False
    elif home != namespace_of(policy):
        return False
    return peer.get('podSelector') is None or selects(peer['podSelector'], labels(other.pod))


def container_ports(pod):
    spec = pod.get('spec') or {}
    for c in spec.get('containers') or []:
        yield from c.get('ports') or []
    for c in spec.get('initContainers') or []:
        if c.get('restartPolicy') == 'Always':
            yield from c.get('ports') or []


def port_is(want, target, port, protocol):
    if (want.get('protocol') or 'TCP') != protocol:
        return False
    number = want.get('port')
    if number is None:
        return True
    if isinstance(number, str):
        return target.pod is not None and any(
            c.get('name') == number and c['containerPort'] == port
            and (c.get('protocol') or 'TCP') == protocol for c in container_ports(target.pod))
    return number <= port <= (want.get('endPort') or number)


def rule_allows(world, policy, rule, peers, other, target, port, protocol):
    ports = [w for w in rule.get('ports') or [] if port_is(w, target, port, protocol)]
    if rule.get('ports') and not ports:
        return False
    matching = [p for p in rule.get(peers) or [] if peer_is(world, policy, p, other)]
    if not rule.get(peers) or not rule.get('ports'):
        return bool(matching) or not rule.get(peers)
    # Where traffic to a block goes, whoever is there, names of ports mean nothing.
    return any(peers != 'to' or p.get('ipBlock') is None or not isinstance(w.get('port'), str)
               for p in matching for w in ports)


def comes_from_own_node(pod, other):
    if other.pod is not None:
        return False
    if other.host_pod is not None and (other.host_pod.get('spec') or {}).get('nodeName') and \
            (other.host_pod['spec']['nodeName'] == (pod.get('spec') or {}).get('nodeName')):
        return True
    return other.address in node_addresses(pod)


def direction_allows(world, direction, own, other, target, port, protocol):
    if own.pod is None or own.pod is other.pod:
        return True
    if direction == 'Ingress' and comes_from_own_node(own.pod, other):
        return True
    policies = isolating(world, own.pod, direction)
    if not policies:
        return True
    key, peers = ('ingress', 'from') if direction == 'Ingress' else ('egress', 'to')
    return any(rule_allows(world, p, r, peers, other, target, port, protocol)
               for p in policies for r in (p.get('spec') or {}).get(key) or [])


def find(world, text):
    """(pod or None, addresses)"""
    if '/' not in text:
        return None, [ipaddress.ip_address(text)]
    ns, name = text.split('/')
    for p in world.pods:
        if namespace_of(p) == ns and meta(p)['name'] == name:
            return p, addresses(p)
    raise KeyError(text)


def judge(world, source, target, port, protocol):
    """{family: (egress, ingress)} for the families that both ends have; 0: no addresses at all."""
    from_pod, from_all = find(world, source)
    to_pod, to_all = find(world, target)
    verdicts = {}
    for version in (4, 6):
        a = next((x for x in from_all if x.version == version), None)
        b = next((x for x in to_all if x.version == version), None)
        if (a is None and from_all) or (b is None and to_all):
            continue
        if a is None and b is None and 0 in verdicts:
            continue
        one, two = End(world, from_pod, a), End(world, to_pod, b)
        known = a or b
        verdicts[known.version if known else 0] = (
            direction_allows(world, 'Egress', one, two, two, port, protocol),
            direction_allows(world, 'Ingress', two, one, two, port, protocol))
    return verdicts
