# SPDX-License-Identifier: Apache-2.0
"""
Short ways to write objects: the world of three namespaces with three pods each, and policies. Pod
a of namespace x has 10.0.0.1 and fd00::1, b 10.0.0.2, ..., y begins at 10.0.1.1, z at 10.0.2.1.
"""
import copy

NAMESPACES = 'xyz'
PODS = 'abc'
NODES = {'n1': '192.168.0.1', 'n2': '192.168.0.2'}
NODES6 = {'n1': '2001:db8:f::1', 'n2': '2001:db8:f::2'}
OUTSIDE = ['203.0.113.5', '198.51.100.7', '2001:db8::5', *NODES.values(), *NODES6.values()]


def named(name, port, protocol='TCP'):
    return {'name': name, 'containerPort': port, 'protocol': protocol}


# "web" is another port on each: 80 on a, 81 on b, both on nobody; "dns" is TCP and UDP.
PORTS = {'a': [named('web', 80), named('dns', 80), named('dns', 81, 'UDP')],
         'b': [named('web', 81), named('sig', 80, 'SCTP')],
         'c': [{'containerPort': 80}]}


def pod(ns, name, labels=None, ports=None, node='n1', number=None, **more):
    i = NAMESPACES.index(ns)
    k = PODS.index(name) + 1 if number is None else number
    node_ip = NODES[node]
    p = {'apiVersion': 'v1', 'kind': 'Pod',
         'metadata': {'name': name, 'namespace': ns,
                      'labels': {'pod': name} if labels is None else labels},
         'spec': {'nodeName': node,
                  'containers': [{'name': 'c', 'ports': PORTS.get(name, []) if ports is None
                                  else ports}]},
         'status': {'phase': 'Running', 'podIP': f'10.0.{i}.{k}', 'hostIP': node_ip,
                    'hostIPs': [{'ip': node_ip}, {'ip': NODES6[node]}],
                    'podIPs': [{'ip': f'10.0.{i}.{k}'}, {'ip': f'fd00::{i}:{k}'}]}}
    for key, value in more.items():
        p[key].update(value)
    return p


def namespace(name, labels=None):
    return {'apiVersion': 'v1', 'kind': 'Namespace',
            'metadata': {'name': name, 'labels': {'ns': name} if labels is None else labels}}


def world():
    return [namespace(n) for n in NAMESPACES] + [
        pod(n, p, node='n2' if n == 'z' else 'n1') for n in NAMESPACES for p in PODS]


def sel(*expressions, **labels):
    s = {}
    if labels:
        s['matchLabels'] = labels
    if expressions:
        s['matchExpressions'] = [
            dict({'key': e[0], 'operator': e[1]}, **({'values': list(e[2:])} if e[2:] else {}))
            for e in expressions]
    return s


def pods(selector=None):
    return {'podSelector': selector or {}}


def spaces(selector=None):
    return {'namespaceSelector': selector or {}}


def both(space, pod_selector):
    return {'namespaceSelector': space, 'podSelector': pod_selector}


def block(cidr, *excepts):
    b = {'cidr': cidr}
    if excepts:
        b['except'] = list(excepts)
    return {'ipBlock': b}


def port(number=None, protocol=None, end=None):
    p = {}
    if number is not None:
        p['port'] = number
    if protocol:
        p['protocol'] = protocol
    if end:
        p['endPort'] = end
    return p


def allow(peers=None, ports=None, key='from'):
    r = {}
    if peers is not None:
        r[key] = peers
    if ports is not None:
        r['ports'] = ports
    return r


def allow_to(peers=None, ports=None):
    return allow(peers, ports, 'to')


def policy(ns='x', subject=None, ingress=None, egress=None, types=None, name='p'):
    spec = {'podSelector': subject if subject is not None else {}}
    if ingress is not None:
        spec['ingress'] = ingress
    if egress is not None:
        spec['egress'] = egress
    if types is not None:
        spec['policyTypes'] = types
    return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
            'metadata': {'name': name, 'namespace': ns}, 'spec': spec}


def without_spec(p, *keys):
    p = copy.deepcopy(p)
    for k in keys:
        del p['spec'][k]
    return p
