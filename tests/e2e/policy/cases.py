# SPDX-License-Identifier: Apache-2.0
"""
The named cases: a world, and what must come of it. Verdicts are written by hand, from the text of
the NetworkPolicy API. case(NAME, policies, allowed, denied[, world]): questions are
"from to port/protocol", pods by name; a question's verdict holds for each family both ends have.
"""
from build import (allow, allow_to, block, both, named, namespace, pod, pods, policy, port, sel,
                   spaces, without_spec, world)

CASES = []
NODE1, NODE2 = '192.168.0.1', '192.168.0.2'


def case(name, policies, allowed=(), denied=(), objects=None):
    CASES.append((name, (world() if objects is None else objects) + policies,
                  list(allowed), list(denied)))


def changed(**replaced):
    """The world with pods "x_a" and namespaces "x" replaced; None takes one out."""
    out = []
    for o in world():
        m = o['metadata']
        key = m['name'] if o['kind'] == 'Namespace' else f"{m['namespace']}_{m['name']}"
        o = replaced.get(key, o)
        if o is not None:
            out.append(o)
    return out


deny_in = policy(types=['Ingress'], name='deny-in')
deny_out = policy(types=['Egress'], name='deny-out')
A = sel(pod='a')

# 1. Isolation: of one's own namespace, by direction; union of policies; no order.
case('without a policy everything is allowed', [],
     ['x/a y/b 80/tcp', 'x/a x/b 81/udp', '203.0.113.5 z/c 9/sctp', 'x/a 203.0.113.5 80/tcp',
      'x/a y/b icmp'])
case('a policy isolates only the pods that it selects', [policy(subject=A)],
     ['x/a x/b 80/tcp', 'y/a x/c 80/tcp'], ['x/b x/a 80/tcp', 'y/a x/a 81/udp'])
case('a policy isolates only pods of its own namespace', [deny_in],
     ['x/a y/a 80/tcp', 'x/a z/a 80/tcp'], ['y/a x/a 80/tcp', 'x/a x/b 80/tcp'])
case('isolation of ingress leaves egress open', [deny_in],
     ['x/a y/b 80/tcp', 'x/a 203.0.113.5 80/tcp'], ['y/b x/a 80/tcp'])
case('isolation of egress leaves ingress open', [deny_out],
     ['y/b x/a 80/tcp', '203.0.113.5 x/a 80/tcp'], ['x/a y/b 80/tcp', 'x/a 203.0.113.5 80/tcp'])
case('isolation of both directions', [policy(types=['Ingress', 'Egress'])],
     ['y/a z/a 80/tcp'], ['x/a y/b 80/tcp', 'y/b x/a 80/tcp', 'x/a x/b 80/tcp'])
case('several policies allow what any of them allows',
     [policy(ingress=[allow([pods(sel(pod='b'))])], name='p1'),
      policy(ingress=[allow([pods(sel(pod='c'))])], name='p2')],
     ['x/b x/a 80/tcp', 'x/c x/a 80/tcp'], ['y/b x/a 80/tcp', 'x/a x/b 80/tcp'])
case('a policy that denies everything takes nothing from one that allows',
     [deny_in, policy(ingress=[allow()], name='open')], ['y/a x/a 80/tcp', '203.0.113.5 x/a 1/udp'])
case('rules of one policy are a union',
     [policy(ingress=[allow([pods(sel(pod='b'))], [port(80)]),
                      allow([pods(sel(pod='c'))], [port(81)])])],
     ['x/b x/a 80/tcp', 'x/c x/a 81/tcp'], ['x/b x/a 81/tcp', 'x/c x/a 80/tcp'])

# 2. policyTypes and their default.
case('without policyTypes ingress is isolated', [policy()], ['x/a y/a 80/tcp'], ['y/a x/a 80/tcp'])
case('without policyTypes an egress rule isolates egress too',
     [policy(egress=[allow_to([spaces(sel(ns='y'))])])],
     ['x/a y/a 80/tcp'], ['x/a z/a 80/tcp', 'y/a x/a 80/tcp'])
case('without policyTypes an empty egress list is ingress only', [policy(egress=[])],
     ['x/a y/a 80/tcp'], ['y/a x/a 80/tcp'])
case('with policyTypes Egress the ingress rules are ignored',
     [policy(types=['Egress'], ingress=[allow([pods(A)])])],
     ['y/c x/a 80/tcp', '203.0.113.5 x/b 80/tcp'], ['x/a y/a 80/tcp', 'x/b x/a 80/tcp'])
case('with policyTypes Ingress the egress rules are ignored',
     [policy(types=['Ingress'], egress=[allow_to([pods(A)])])],
     ['x/a y/a 80/tcp'], ['x/a x/b 80/tcp'])
case('empty policyTypes are as absent ones', [policy(types=[])],
     ['x/a y/a 80/tcp'], ['y/a x/a 80/tcp'])
case('policyTypes Egress with no rule isolates egress', [policy(types=['Egress'], egress=[])],
     ['y/a x/a 80/tcp'], ['x/a y/a 80/tcp', 'x/a x/b 80/tcp'])

# 3. podSelector.
case('an empty podSelector is every pod of the namespace', [policy(subject={})],
     [], ['y/a x/a 80/tcp', 'y/a x/b 80/tcp', 'y/a x/c 80/tcp'])
case('an absent podSelector is as an empty one', [without_spec(policy(), 'podSelector')],
     ['x/a y/a 80/tcp'], ['y/a x/a 80/tcp', 'y/a x/b 80/tcp'])
case('a policy that selects nothing changes nothing', [policy(subject=sel(pod='none'))],
     ['y/a x/a 80/tcp', 'x/a x/b 80/tcp'])
case('a subject by In', [policy(subject=sel(('pod', 'In', 'a', 'b')))],
     ['y/a x/c 80/tcp'], ['y/a x/a 80/tcp', 'y/a x/b 80/tcp'])
case('a subject by NotIn', [policy(subject=sel(('pod', 'NotIn', 'a')))],
     ['y/a x/a 80/tcp'], ['y/a x/b 80/tcp', 'y/a x/c 80/tcp'])
case('a subject by NotIn of a label that no pod has', [policy(subject=sel(('tier', 'NotIn', 'a')))],
     [], ['y/a x/a 80/tcp', 'y/a x/b 80/tcp'])
case('a subject by Exists', [policy(subject=sel(('pod', 'Exists')))], [], ['y/a x/a 80/tcp'])
case('a subject by Exists of a label that no pod has', [policy(subject=sel(('tier', 'Exists')))],
     ['y/a x/a 80/tcp'])
case('a subject by DoesNotExist', [policy(subject=sel(('tier', 'DoesNotExist')))],
     [], ['y/a x/a 80/tcp'])
case('matchLabels and matchExpressions must both hold',
     [policy(subject=sel(('pod', 'In', 'a', 'b'), pod='b'))],
     ['y/a x/a 80/tcp'], ['y/a x/b 80/tcp'])
case('two expressions must both hold',
     [policy(subject=sel(('pod', 'In', 'a', 'b'), ('pod', 'NotIn', 'b')))],
     ['y/a x/b 80/tcp'], ['y/a x/a 80/tcp'])
case('two labels must both match', [policy(subject=sel(pod='a', tier='web'))],
     ['y/a x/b 80/tcp', 'y/b x/c 80/tcp'], ['y/a x/a 80/tcp'],
     changed(x_a=pod('x', 'a', {'pod': 'a', 'tier': 'web'})))
case('a label with an empty value is a label', [policy(subject=sel(tier=''))],
     ['y/a x/b 80/tcp'], ['y/a x/a 80/tcp'], changed(x_a=pod('x', 'a', {'tier': ''})))
case('a pod without labels is selected by an empty selector only',
     [policy(subject=sel(('pod', 'DoesNotExist')), name='p1')],
     ['y/a x/b 80/tcp'], ['y/a x/a 80/tcp'], changed(x_a=pod('x', 'a', {})))
case('a pod that succeeded is no peer', [policy(ingress=[allow([spaces()])])],
     ['y/b x/b 80/tcp'], ['10.0.1.1 x/b 80/tcp'],
     changed(y_a=pod('y', 'a', status={'phase': 'Succeeded'})))
case('a pod that failed is not isolated, its address is anybody', [deny_in],
     ['y/b 10.0.0.1 80/tcp'], ['y/b x/b 80/tcp'],
     changed(x_a=pod('x', 'a', status={'phase': 'Failed'})))
case('an address that a finished pod had belongs to the pod that has it now',
     [policy(ingress=[allow([pods(sel(pod='c'))])])],
     ['10.0.0.1 x/b 80/tcp'], ['y/a x/b 80/tcp'],
     changed(x_a=pod('x', 'a', status={'phase': 'Failed'}), x_c=pod('x', 'c', number=1)))
case('an address that a pod on its way out still claims belongs to its successor',
     [policy(ingress=[allow([pods(sel(pod='c'))])])],
     ['10.0.0.1 x/b 80/tcp'], ['y/a x/b 80/tcp'],
     changed(x_a=pod('x', 'a', metadata={'deletionTimestamp': '2026-01-02T00:00:00Z',
                                         'creationTimestamp': '2026-01-09T00:00:00Z'}),
             x_c=pod('x', 'c', number=1, metadata={'creationTimestamp': '2026-01-02T00:00:00Z'})))
case('of two pods that claim an address the newer has it',
     [policy(ingress=[allow([pods(sel(pod='a'))])])],
     ['10.0.0.1 x/b 80/tcp'], [],
     changed(x_a=pod('x', 'a', metadata={'creationTimestamp': '2026-01-03T00:00:00Z'}),
             x_c=pod('x', 'c', number=1, metadata={'creationTimestamp': '2026-01-02T00:00:00Z'})))

# 4. Rule lists.
case('an absent rule list allows nothing', [policy(types=['Ingress'])], [], ['x/b x/a 80/tcp'])
case('an empty rule list allows nothing', [policy(ingress=[])], [], ['x/b x/a 80/tcp'])
case('a rule without from allows everybody', [policy(ingress=[allow(ports=[port(80)])])],
     ['y/b x/a 80/tcp', '203.0.113.5 x/a 80/tcp', '2001:db8::5 x/a 80/tcp'], ['y/b x/a 81/tcp'])
case('a rule with an empty from allows everybody', [policy(ingress=[allow([], [port(80)])])],
     ['y/b x/a 80/tcp', '203.0.113.5 x/a 80/tcp'], ['y/b x/a 81/tcp'])
case('a rule without ports allows all ports and protocols',
     [policy(ingress=[allow([pods(sel(pod='b'))])])],
     ['x/b x/a 80/tcp', 'x/b x/a 65535/udp', 'x/b x/a 1/sctp', 'x/b x/a icmp'],
     ['x/c x/a 80/tcp', 'x/c x/a icmp'])
case('a rule with empty ports allows all', [policy(ingress=[allow([pods(sel(pod='b'))], [])])],
     ['x/b x/a 80/tcp', 'x/b x/a 9/sctp'], ['x/c x/a 80/tcp'])
case('an empty rule allows all from everybody', [policy(ingress=[allow()])],
     ['x/b x/a 80/tcp', '203.0.113.5 x/a 7/udp', 'z/c x/a icmp'])
case('an egress rule without to allows everybody', [policy(egress=[allow_to(ports=[port(80)])],
                                                           types=['Egress'])],
     ['x/a y/b 80/tcp', 'x/a 203.0.113.5 80/tcp', 'x/a 2001:db8::5 80/tcp'],
     ['x/a y/b 81/tcp', 'x/a 203.0.113.5 80/udp'])
case('an empty egress rule allows all to everybody', [policy(egress=[allow_to()],
                                                             types=['Egress'])],
     ['x/a y/b 80/tcp', 'x/a 198.51.100.7 9/sctp', 'x/a y/a icmp'])

# 5. Peers.
case('podSelector alone is pods of the policy\'s namespace',
     [policy(ingress=[allow([pods(sel(pod='b'))])])],
     ['x/b x/a 80/tcp'], ['y/b x/a 80/tcp', 'z/b x/a 80/tcp', 'x/c x/a 80/tcp'])
case('an empty podSelector alone is all pods of the policy\'s namespace',
     [policy(ingress=[allow([pods()])])],
     ['x/b x/a 80/tcp', 'x/c x/a 80/tcp'], ['y/b x/a 80/tcp', '203.0.113.5 x/a 80/tcp'])
case('namespaceSelector alone is all pods of the namespaces',
     [policy(ingress=[allow([spaces(sel(ns='y'))])])],
     ['y/a x/a 80/tcp', 'y/c x/a 80/tcp'], ['x/b x/a 80/tcp', 'z/a x/a 80/tcp'])
case('an empty namespaceSelector is all pods but no outside address',
     [policy(ingress=[allow([spaces()])])],
     ['x/b x/a 80/tcp', 'y/a x/a 80/tcp', 'z/c x/a icmp'],
     ['203.0.113.5 x/a 80/tcp', '2001:db8::5 x/a 80/tcp', f'{NODE2} x/a 80/tcp'])
case('both selectors in one peer must both hold',
     [policy(ingress=[allow([both(sel(ns='y'), sel(pod='b'))])])],
     ['y/b x/a 80/tcp'], ['y/a x/a 80/tcp', 'x/b x/a 80/tcp', 'z/b x/a 80/tcp'])
case('both selectors in two peers: either is enough',
     [policy(ingress=[allow([spaces(sel(ns='y')), pods(sel(pod='b'))])])],
     ['y/a x/a 80/tcp', 'x/b x/a 80/tcp'], ['z/b x/a 80/tcp', 'x/c x/a 80/tcp'])
case('an empty namespaceSelector beside a podSelector is such pods everywhere',
     [policy(ingress=[allow([both({}, sel(pod='b'))])])],
     ['x/b x/a 80/tcp', 'y/b x/a 80/tcp', 'z/b x/a 80/tcp'], ['y/a x/a 80/tcp'])
case('an empty podSelector beside a namespaceSelector is all pods there',
     [policy(ingress=[allow([both(sel(ns='y'), {})])])],
     ['y/a x/a 80/tcp', 'y/b x/a 80/tcp'], ['x/b x/a 80/tcp', 'z/a x/a 80/tcp'])
case('two empty selectors in one peer are every pod', [policy(ingress=[allow([both({}, {})])])],
     ['x/b x/a 80/tcp', 'z/a x/a 80/tcp'], ['203.0.113.5 x/a 80/tcp'])
case('egress to pods of the namespace', [policy(types=['Egress'],
                                                egress=[allow_to([pods(sel(pod='b'))])])],
     ['x/a x/b 80/tcp'], ['x/a y/b 80/tcp', 'x/a x/c 80/tcp', 'x/a 203.0.113.5 80/tcp'])
case('egress to a namespace', [policy(types=['Egress'], egress=[allow_to([spaces(sel(ns='z'))])])],
     ['x/a z/a 80/tcp', 'x/b z/c 1/udp'], ['x/a y/a 80/tcp', 'x/a x/b 80/tcp'])
case('egress to every pod is not egress to outside', [policy(types=['Egress'],
                                                             egress=[allow_to([spaces()])])],
     ['x/a y/a 80/tcp', 'x/a x/b 80/tcp'], ['x/a 203.0.113.5 80/tcp', f'x/a {NODE1} 80/tcp'])
case('a namespace by In', [policy(ingress=[allow([spaces(sel(('ns', 'In', 'y', 'z')))])])],
     ['y/a x/a 80/tcp', 'z/a x/a 80/tcp'], ['x/b x/a 80/tcp'])
case('a namespace by NotIn', [policy(ingress=[allow([spaces(sel(('ns', 'NotIn', 'y')))])])],
     ['x/b x/a 80/tcp', 'z/a x/a 80/tcp'], ['y/a x/a 80/tcp', '203.0.113.5 x/a 80/tcp'])
case('a namespace by NotIn of a label it lacks',
     [policy(ingress=[allow([spaces(sel(('tier', 'NotIn', 'prod')))])])],
     ['y/a x/a 80/tcp', 'x/b x/a 80/tcp'])
case('a namespace by Exists', [policy(ingress=[allow([spaces(sel(('team', 'Exists')))])])],
     ['y/a x/a 80/tcp'], ['z/a x/a 80/tcp', 'x/b x/a 80/tcp'],
     changed(y=namespace('y', {'team': ''})))
case('a namespace by DoesNotExist',
     [policy(ingress=[allow([spaces(sel(('team', 'DoesNotExist')))])])],
     ['z/a x/a 80/tcp', 'x/b x/a 80/tcp'], ['y/a x/a 80/tcp'],
     changed(y=namespace('y', {'team': 'a'})))
case('a pod peer by NotIn takes pods without the label',
     [policy(ingress=[allow([pods(sel(('pod', 'NotIn', 'b')))])])],
     ['x/c x/a 80/tcp'], ['x/b x/a 80/tcp'], changed(x_c=pod('x', 'c', {})))
case('a namespace by the name that it is given as a label',
     [policy(ingress=[allow([spaces(sel(**{'kubernetes.io/metadata.name': 'y'}))])])],
     ['y/a x/a 80/tcp'], ['z/a x/a 80/tcp'])
case('the name label is there without any Namespace object',
     [policy(ingress=[allow([spaces(sel(**{'kubernetes.io/metadata.name': 'y'}))])])],
     ['y/a x/a 80/tcp'], ['z/a x/a 80/tcp'], changed(y=None))
case('the name label cannot be forged',
     [policy(ingress=[allow([spaces(sel(**{'kubernetes.io/metadata.name': 'y'}))])])],
     ['y/a x/a 80/tcp'], ['z/a x/a 80/tcp'],
     changed(z=namespace('z', {'kubernetes.io/metadata.name': 'y'})))
case('a namespace without its object has no other labels',
     [policy(ingress=[allow([spaces(sel(ns='y'))])])],
     [], ['y/a x/a 80/tcp', 'z/a x/a 80/tcp'], changed(y=None))
case('two namespaces with the same labels are both meant',
     [policy(ingress=[allow([spaces(sel(team='t'))])])],
     ['y/a x/a 80/tcp', 'z/b x/a 80/tcp'], ['x/b x/a 80/tcp'],
     changed(y=namespace('y', {'team': 't'}), z=namespace('z', {'team': 't'})))

# 6. ipBlock.
case('an ipBlock allows its addresses only', [policy(ingress=[allow([block('203.0.113.0/24')])])],
     ['203.0.113.5 x/a 80/tcp', '203.0.113.255 x/a 1/udp'],
     ['198.51.100.7 x/a 80/tcp', 'y/a x/a 80/tcp', '2001:db8::5 x/a 80/tcp'])
case('an ipBlock of one address', [policy(ingress=[allow([block('203.0.113.5/32')])])],
     ['203.0.113.5 x/a 80/tcp'], ['203.0.113.4 x/a 80/tcp', '203.0.113.6 x/a 80/tcp'])
case('an ipBlock with host bits is its network', [policy(ingress=[allow([block('203.0.113.9/24')])])],
     ['203.0.113.5 x/a 80/tcp'], ['203.0.114.5 x/a 80/tcp'])
case('except takes out of its own block',
     [policy(ingress=[allow([block('203.0.0.0/16', '203.0.113.0/24')])])],
     ['203.0.112.1 x/a 80/tcp', '203.0.114.0 x/a 80/tcp'],
     ['203.0.113.0 x/a 80/tcp', '203.0.113.255 x/a 80/tcp'])
case('except takes nothing out of another rule',
     [policy(ingress=[allow([block('203.0.0.0/16', '203.0.113.0/24')]),
                      allow([block('203.0.113.5/32')])])],
     ['203.0.113.5 x/a 80/tcp', '203.0.112.1 x/a 80/tcp'], ['203.0.113.6 x/a 80/tcp'])
case('except takes nothing out of another peer of the rule',
     [policy(ingress=[allow([block('203.0.0.0/16', '203.0.113.0/24'), block('203.0.113.5/32')])])],
     ['203.0.113.5 x/a 80/tcp'], ['203.0.113.6 x/a 80/tcp'])
case('except takes nothing out of another policy',
     [policy(ingress=[allow([block('203.0.0.0/16', '203.0.113.0/24')])], name='p1'),
      policy(ingress=[allow([block('203.0.113.0/25')])], name='p2')],
     ['203.0.113.5 x/a 80/tcp'], ['203.0.113.200 x/a 80/tcp'])
case('an except within an except changes nothing',
     [policy(ingress=[allow([block('203.0.0.0/16', '203.0.112.0/20', '203.0.113.0/24')])])],
     ['203.0.1.1 x/a 80/tcp'], ['203.0.113.5 x/a 80/tcp', '203.0.114.5 x/a 80/tcp'])
case('an ipBlock inside another one\'s except',
     [policy(ingress=[allow([block('203.0.0.0/16', '203.0.113.0/24')], [port(80)]),
                      allow([block('203.0.113.128/25')], [port(81)])])],
     ['203.0.1.1 x/a 80/tcp', '203.0.113.129 x/a 81/tcp'],
     ['203.0.113.129 x/a 80/tcp', '203.0.113.5 x/a 81/tcp', '203.0.1.1 x/a 81/tcp'])
case('a longer prefix does not hide the shorter one\'s ports',
     [policy(ingress=[allow([block('203.0.0.0/16')], [port(80)]),
                      allow([block('203.0.113.0/24')], [port(81)])])],
     ['203.0.113.5 x/a 80/tcp', '203.0.113.5 x/a 81/tcp', '203.0.1.1 x/a 80/tcp'],
     ['203.0.1.1 x/a 81/tcp'])
case('a longer prefix of another policy hides nothing either',
     [policy(ingress=[allow([block('0.0.0.0/0')], [port(80)])], name='p1'),
      policy(subject=A, ingress=[allow([block('203.0.113.5/32')], [port(81)])], name='p2'),
      policy(ns='y', ingress=[allow([block('203.0.113.0/24')], [port(82)])], name='p3')],
     ['203.0.113.5 x/a 80/tcp', '203.0.113.5 x/a 81/tcp', '203.0.113.5 x/b 80/tcp',
      '203.0.113.5 y/a 82/tcp'],
     ['203.0.113.5 x/b 81/tcp', '203.0.113.5 x/a 82/tcp', '203.0.113.5 y/a 80/tcp'])
case('the same block in two rules with other ports',
     [policy(ingress=[allow([block('203.0.113.0/24')], [port(80)]),
                      allow([block('203.0.113.0/24')], [port(81, 'UDP')])])],
     ['203.0.113.5 x/a 80/tcp', '203.0.113.5 x/a 81/udp'],
     ['203.0.113.5 x/a 81/tcp', '203.0.113.5 x/a 80/udp'])
case('an ipBlock covers pods by their addresses', [policy(ingress=[allow([block('10.0.1.0/24')])])],
     ['10.0.1.1 x/a 80/tcp', '10.0.1.2 x/a 80/tcp'], ['10.0.2.1 x/a 80/tcp', 'fd00::1:1 x/a 80/tcp'])
case('an ipBlock of one pod\'s address', [policy(ingress=[allow([block('10.0.1.1/32')])])],
     ['10.0.1.1 x/a 80/tcp'], ['10.0.1.2 x/a 80/tcp'])
case('an ipBlock excepts pods', [policy(ingress=[allow([block('10.0.0.0/16', '10.0.1.1/32')])])],
     ['10.0.1.2 x/a 80/tcp', '10.0.2.1 x/a 80/tcp'], ['10.0.1.1 x/a 80/tcp'])
case('all of IPv4 is pods too', [policy(ingress=[allow([block('0.0.0.0/0')])])],
     ['10.0.1.1 x/a 80/tcp', '203.0.113.5 x/a 80/tcp'], ['2001:db8::5 x/a 80/tcp'])
case('all of IPv4 says nothing about IPv6', [policy(ingress=[allow([block('0.0.0.0/0')])])],
     ['203.0.113.5 x/a 80/tcp'], ['2001:db8::5 x/a 80/tcp', 'fd00::1:1 x/a 80/tcp'])
case('all of IPv6 says nothing about IPv4', [policy(ingress=[allow([block('::/0')])])],
     ['2001:db8::5 x/a 80/tcp', 'fd00::1:1 x/a 80/tcp'],
     ['203.0.113.5 x/a 80/tcp', '10.0.1.1 x/a 80/tcp'])
case('all of IPv6 beside a block of IPv4',
     [policy(ingress=[allow([block('::/0')], [port(80)]), allow([block('10.0.1.0/24')], [port(81)])])],
     ['2001:db8::5 x/a 80/tcp', '10.0.1.1 x/a 81/tcp'],
     ['10.0.1.1 x/a 80/tcp', '203.0.113.5 x/a 80/tcp'])
case('both families by two blocks', [policy(ingress=[allow([block('0.0.0.0/0'), block('::/0')])])],
     ['y/a x/a 80/tcp', '203.0.113.5 x/a 80/tcp', '2001:db8::5 x/a 80/tcp'])
case('an IPv6 block with an exception',
     [policy(ingress=[allow([block('2001:db8::/32', '2001:db8:1::/48')])])],
     ['2001:db8::5 x/a 80/tcp', '2001:db8:2::1 x/a 80/tcp'],
     ['2001:db8:1::1 x/a 80/tcp', 'fd00::1:1 x/a 80/tcp', '203.0.113.5 x/a 80/tcp'])
case('egress to a block', [policy(types=['Egress'], egress=[allow_to([block('203.0.113.0/24')])])],
     ['x/a 203.0.113.5 80/tcp', 'x/a 203.0.113.5 icmp'],
     ['x/a 198.51.100.7 80/tcp', 'x/a y/a 80/tcp', 'x/a x/b 80/tcp'])
case('egress to the internet but not to private addresses',
     [policy(types=['Egress'], egress=[allow_to([block('0.0.0.0/0', '10.0.0.0/8', '192.168.0.0/16')])])],
     ['x/a 203.0.113.5 80/tcp'], ['x/a 10.0.1.1 80/tcp', f'x/a {NODE2} 80/tcp'])
case('a block allows what selectors do not', [policy(ingress=[allow([pods(sel(pod='b')), block('10.0.1.0/24')])])],
     ['x/b x/a 80/tcp', '10.0.1.3 x/a 80/tcp'], ['10.0.2.1 x/a 80/tcp', 'x/c x/a 80/tcp'])
case('a block and a selector each with their own ports',
     [policy(ingress=[allow([spaces(sel(ns='y'))], [port(80)]),
                      allow([block('10.0.1.1/32')], [port(81)])])],
     ['10.0.1.1 x/a 80/tcp', '10.0.1.1 x/a 81/tcp', 'y/b x/a 80/tcp'],
     ['10.0.1.2 x/a 81/tcp', 'fd00::1:1 x/a 81/tcp'])
case('a thousand blocks', [policy(ingress=[allow([block(f'203.{i // 250}.{i % 250}.0/24')
                                                  for i in range(1000)])])],
     ['203.0.0.1 x/a 80/tcp', '203.3.249.1 x/a 80/tcp', '203.0.113.5 x/a 80/tcp'],
     ['203.4.0.1 x/a 80/tcp', '203.0.250.1 x/a 80/tcp', '198.51.100.7 x/a 80/tcp'])

# 8. Ports.
case('the protocol is TCP unless it is said', [policy(ingress=[allow(ports=[port(80)])])],
     ['y/a x/a 80/tcp'], ['y/a x/a 80/udp', 'y/a x/a 80/sctp', 'y/a x/a icmp'])
case('UDP only', [policy(ingress=[allow(ports=[port(80, 'UDP')])])],
     ['y/a x/a 80/udp'], ['y/a x/a 80/tcp', 'y/a x/a 81/udp'])
case('SCTP only', [policy(ingress=[allow(ports=[port(80, 'SCTP')])])],
     ['y/a x/a 80/sctp'], ['y/a x/a 80/tcp', 'y/a x/a 80/udp', 'y/a x/a 81/sctp'])
case('a protocol without a port is all its ports', [policy(ingress=[allow(ports=[port(None, 'UDP')])])],
     ['y/a x/a 1/udp', 'y/a x/a 65535/udp'], ['y/a x/a 80/tcp', 'y/a x/a 80/sctp', 'y/a x/a icmp'])
case('an empty port is all of TCP', [policy(ingress=[allow(ports=[port()])])],
     ['y/a x/a 1/tcp', 'y/a x/a 65535/tcp'], ['y/a x/a 1/udp', 'y/a x/a icmp'])
case('two ports', [policy(ingress=[allow(ports=[port(80), port(81, 'UDP')])])],
     ['y/a x/a 80/tcp', 'y/a x/a 81/udp'], ['y/a x/a 81/tcp', 'y/a x/a 80/udp'])
case('port 1 and port 65535', [policy(ingress=[allow(ports=[port(1), port(65535)])])],
     ['y/a x/a 1/tcp', 'y/a x/a 65535/tcp'], ['y/a x/a 2/tcp', 'y/a x/a 65534/tcp'])
case('a range and its edges', [policy(ingress=[allow(ports=[port(80, end=90)])])],
     ['y/a x/a 80/tcp', 'y/a x/a 85/tcp', 'y/a x/a 90/tcp'],
     ['y/a x/a 79/tcp', 'y/a x/a 91/tcp', 'y/a x/a 85/udp'])
case('a range of one port', [policy(ingress=[allow(ports=[port(80, end=80)])])],
     ['y/a x/a 80/tcp'], ['y/a x/a 79/tcp', 'y/a x/a 81/tcp'])
case('a range of all ports', [policy(ingress=[allow(ports=[port(1, end=65535)])])],
     ['y/a x/a 1/tcp', 'y/a x/a 65535/tcp'], ['y/a x/a 1/udp'])
case('a range that begins nowhere round', [policy(ingress=[allow(ports=[port(1023, 'UDP', 4097)])])],
     ['y/a x/a 1023/udp', 'y/a x/a 1024/udp', 'y/a x/a 4096/udp', 'y/a x/a 4097/udp'],
     ['y/a x/a 1022/udp', 'y/a x/a 4098/udp'])
case('ranges that overlap', [policy(ingress=[allow(ports=[port(80, end=90), port(85, end=100)])])],
     ['y/a x/a 80/tcp', 'y/a x/a 87/tcp', 'y/a x/a 100/tcp'], ['y/a x/a 101/tcp', 'y/a x/a 79/tcp'])
case('more ports than some have room for',
     [policy(ingress=[allow([block('203.0.113.0/24')], [port(n) for n in range(1000, 1200, 2)])])],
     ['203.0.113.5 x/a 1000/tcp', '203.0.113.5 x/a 1198/tcp'],
     ['203.0.113.5 x/a 1001/tcp', '203.0.113.5 x/a 1199/tcp'])
case('ports of different rules do not mix',
     [policy(ingress=[allow([pods(sel(pod='b'))], [port(80)]), allow([spaces(sel(ns='y'))], [port(81)])])],
     ['x/b x/a 80/tcp', 'y/a x/a 81/tcp'], ['x/b x/a 81/tcp', 'y/a x/a 80/tcp'])
case('a rule for everybody beside a rule for one',
     [policy(ingress=[allow(ports=[port(80)]), allow([pods(sel(pod='b'))], [port(81)])])],
     ['x/b x/a 80/tcp', 'x/b x/a 81/tcp', 'y/a x/a 80/tcp'], ['y/a x/a 81/tcp'])
case('rules for a pod by its labels, its namespace, its address and as anybody',
     [policy(ingress=[allow([both(sel(ns='y'), sel(pod='a'))], [port(1)]),
                      allow([spaces(sel(ns='y'))], [port(2)]), allow([block('10.0.1.1/32')], [port(3)]),
                      allow([spaces()], [port(4)]), allow(ports=[port(5)])])],
     [f'10.0.1.1 x/a {n}/tcp' for n in range(1, 6)],
     ['10.0.1.2 x/a 1/tcp', '10.0.1.2 x/a 3/tcp', '10.0.2.1 x/a 2/tcp', '203.0.113.5 x/a 4/tcp'])

# 8. Named ports.
case('a named port is another on each pod', [policy(ingress=[allow(ports=[port('web')])])],
     ['y/a x/a 80/tcp', 'y/a x/b 81/tcp'],
     ['y/a x/a 81/tcp', 'y/a x/b 80/tcp', 'y/a x/c 80/tcp', 'y/a x/c 81/tcp'])
case('a name must match with its protocol', [policy(ingress=[allow(ports=[port('dns', 'UDP')])])],
     ['y/a x/a 81/udp'], ['y/a x/a 80/udp', 'y/a x/a 81/tcp', 'y/a x/a 80/tcp'])
case('the same name for TCP and for UDP',
     [policy(ingress=[allow(ports=[port('dns'), port('dns', 'UDP')])])],
     ['y/a x/a 80/tcp', 'y/a x/a 81/udp'], ['y/a x/a 81/tcp', 'y/a x/a 80/udp'])
case('a named port of SCTP', [policy(ingress=[allow(ports=[port('sig', 'SCTP')])])],
     ['y/a x/b 80/sctp'], ['y/a x/b 80/tcp', 'y/a x/a 80/sctp'])
case('a name that no pod has allows nothing', [policy(ingress=[allow(ports=[port('none')])])],
     [], ['y/a x/a 80/tcp', 'y/a x/b 81/tcp'])
case('a named port from an outside block', [policy(ingress=[allow([block('203.0.113.0/24')], [port('web')])])],
     ['203.0.113.5 x/a 80/tcp', '203.0.113.5 x/b 81/tcp'],
     ['203.0.113.5 x/a 81/tcp', '198.51.100.7 x/a 80/tcp'])
case('a named port of egress to a block means nothing, also where the block covers a pod that has it',
     [policy(types=['Egress'], egress=[
         allow_to([block('10.0.0.0/16'), block('::/0'), pods(A)], [port('web'), port(82)])])],
     ['x/b x/a 80/tcp', 'x/b y/a 82/tcp'], ['x/b y/a 80/tcp', 'x/b y/b 81/tcp', 'x/b x/a 81/tcp'])
case('a named port of egress is the destination\'s',
     [policy(types=['Egress'], egress=[allow_to([spaces(sel(ns='y'))], [port('web')])])],
     ['x/c y/a 80/tcp', 'x/c y/b 81/tcp'],
     ['x/c y/a 81/tcp', 'x/c y/b 80/tcp', 'x/c y/c 80/tcp', 'x/c z/a 80/tcp'])
case('a named port of egress to pods of the namespace',
     [policy(types=['Egress'], egress=[allow_to([pods(sel(pod='b'))], [port('web')])])],
     ['x/c x/b 81/tcp'], ['x/c x/a 80/tcp', 'x/c x/b 80/tcp'])
case('a named port of egress to everybody is pods that have it',
     [policy(types=['Egress'], egress=[allow_to(ports=[port('web')])])],
     ['x/c y/a 80/tcp', 'x/c z/b 81/tcp'],
     ['x/c 203.0.113.5 80/tcp', 'x/c y/c 80/tcp', 'x/c y/b 80/tcp'])
case('a named port of egress to a block allows nothing',
     [policy(types=['Egress'], egress=[allow_to([block('203.0.113.0/24')], [port('web')])])],
     [], ['x/a 203.0.113.5 80/tcp', 'x/a 203.0.113.5 81/tcp'])
case('a named and a numbered port of egress',
     [policy(types=['Egress'], egress=[allow_to([spaces()], [port('web'), port(9)])])],
     ['x/c y/a 80/tcp', 'x/c y/a 9/tcp', 'x/c y/c 9/tcp', 'x/c y/b 81/tcp'],
     ['x/c y/c 80/tcp', 'x/c y/a 81/tcp', 'x/c 203.0.113.5 9/tcp'])
case('two pods of the same labels with another port behind the name',
     [policy(types=['Egress'], egress=[allow_to([both(sel(ns='y'), sel(app='w'))], [port('web')])])],
     ['x/c y/a 80/tcp', 'x/c y/b 81/tcp'], ['x/c y/a 81/tcp', 'x/c y/b 80/tcp'],
     changed(y_a=pod('y', 'a', {'app': 'w'}), y_b=pod('y', 'b', {'app': 'w'})))
case('a name in two containers is both ports', [policy(ingress=[allow(ports=[port('web')])])],
     ['y/a x/a 80/tcp', 'y/a x/a 90/tcp'], ['y/a x/a 91/tcp'],
     changed(x_a=pod('x', 'a', ports=[named('web', 80), named('web', 90)])))
case('a sidecar\'s ports have names too', [policy(ingress=[allow(ports=[port('side')])])],
     ['y/a x/a 7/tcp'], ['y/a x/a 8/tcp'],
     changed(x_a=pod('x', 'a', spec={'initContainers': [
         {'name': 'i', 'ports': [named('side', 8)]},
         {'name': 's', 'restartPolicy': 'Always', 'ports': [named('side', 7)]}]})))

# 9. Both sides.
OUT_TO_Y = policy(types=['Egress'], egress=[allow_to([spaces(sel(ns='y'))], [port(80)])], name='out')
case('the source\'s egress and the destination\'s ingress must both allow',
     [OUT_TO_Y, policy(ns='y', ingress=[allow([spaces(sel(ns='x'))], [port(80), port(81)])])],
     ['x/a y/a 80/tcp'], ['x/a y/a 81/tcp', 'x/a z/a 80/tcp', 'z/a y/a 80/tcp'])
case('egress allows, ingress does not', [OUT_TO_Y, policy(ns='y')], [], ['x/a y/a 80/tcp'])
case('ingress allows, egress does not',
     [policy(types=['Egress']), policy(ns='y', ingress=[allow()])],
     ['z/a y/a 80/tcp'], ['x/a y/a 80/tcp'])
case('within a namespace both sides count too',
     [policy(subject=A, ingress=[allow([pods(sel(pod='b'))])], name='in'),
      policy(subject=sel(pod='b'), types=['Egress'], egress=[allow_to([pods(sel(pod='c'))])],
             name='out')],
     ['x/b x/c 80/tcp'], ['x/b x/a 80/tcp', 'x/c x/a 80/tcp'])

# 11. One's own node.
case('a pod\'s own node reaches it', [deny_in], [f'{NODE1} x/a 80/tcp', f'{NODE1} x/b 9/udp'],
     [f'{NODE2} x/a 80/tcp'])
case('another node does not', [policy(ns='z')], [f'{NODE2} z/a 80/tcp'], [f'{NODE1} z/a 80/tcp'])
case('the node reaches it over IPv6 too', [deny_in], ['2001:db8:f::1 x/a 80/tcp'],
     ['2001:db8:f::2 x/a 80/tcp'],
     changed(x_a=pod('x', 'a', status={'hostIPs': [{'ip': NODE1}, {'ip': '2001:db8:f::1'}]})))
case('another node may be allowed as an address', [policy(ingress=[allow([block(f'{NODE2}/32')])])],
     [f'{NODE2} x/a 80/tcp'], ['203.0.113.5 x/a 80/tcp'])
case('egress to the own node is as to any address', [deny_out], [],
     [f'x/a {NODE1} 80/tcp', f'x/a {NODE2} 80/tcp'])

# 12. Pods of the host's network are their node.
HOST = dict(spec={'hostNetwork': True}, status={'podIP': NODE2, 'podIPs': [{'ip': NODE2}]})
case('a pod of the host\'s network is not isolated', [policy(ns='y')],
     ['z/a y/a 80/tcp'], ['z/a y/b 80/tcp'], changed(y_a=pod('y', 'a', node='n2', **HOST)))
case('a selector does not mean a pod of the host\'s network', [policy(ingress=[allow([spaces()])])],
     ['y/b x/a 80/tcp'], ['y/a x/a 80/tcp'], changed(y_a=pod('y', 'a', node='n2', **HOST)))
case('a block means a pod of the host\'s network by its node',
     [policy(ingress=[allow([block(f'{NODE2}/32')])])],
     ['y/a x/a 80/tcp', f'{NODE2} x/a 80/tcp'], ['y/b x/a 80/tcp'],
     changed(y_a=pod('y', 'a', node='n2', **HOST)))
case('a pod of the host\'s network reaches the pods of its node', [policy(ns='z')],
     ['y/a z/a 80/tcp'], ['y/b z/a 80/tcp'], changed(y_a=pod('y', 'a', node='n2', **HOST)))
case('egress to a pod of the host\'s network is by its node\'s address',
     [policy(types=['Egress'], egress=[allow_to([block(f'{NODE2}/32')]), allow_to([pods()])])],
     ['x/a y/a 80/tcp'], ['x/a y/b 80/tcp'], changed(y_a=pod('y', 'a', node='n2', **HOST)))

# 13. One's self.
case('a pod reaches itself', [policy(types=['Ingress', 'Egress'])],
     ['x/a x/a 80/tcp', '10.0.0.1 x/a 9/udp'], ['x/a x/b 80/tcp'])

# 14. Other protocols.
case('ICMP is denied under isolation', [deny_in], ['x/a y/a icmp'], ['y/a x/a icmp'])
case('ICMP is allowed where all ports are', [policy(ingress=[allow([spaces(sel(ns='y'))])])],
     ['y/a x/a icmp'], ['z/a x/a icmp'])
case('ICMP is not allowed by ports', [policy(ingress=[allow(ports=[port(80), port(None, 'UDP')])])],
     ['y/a x/a 80/tcp', 'y/a x/a 7/udp'], ['y/a x/a icmp'])
case('a range of all ports does not allow ICMP',
     [policy(ingress=[allow(ports=[port(1, end=65535), port(None, 'UDP'), port(None, 'SCTP')])])],
     ['y/a x/a 9/sctp'], ['y/a x/a icmp'])

# 15. Labels that have changed: what counts is what they are now.
case('a pod that has lost its label is no longer selected', [policy(subject=A)],
     ['y/a x/a 80/tcp'], [], changed(x_a=pod('x', 'a', {'pod': 'other'})))
case('a pod that has got a label is a peer', [policy(ingress=[allow([both({}, sel(role='ok'))])])],
     ['y/a x/a 80/tcp'], ['y/b x/a 80/tcp'], changed(y_a=pod('y', 'a', {'role': 'ok'})))
case('a namespace that has got a label is meant', [policy(ingress=[allow([spaces(sel(role='ok'))])])],
     ['z/a x/a 80/tcp'], ['y/a x/a 80/tcp'], changed(z=namespace('z', {'role': 'ok'})))

# 16. A pod whose address is not known yet is isolated already.
NO_IP = dict(status={'podIP': '', 'podIPs': [], 'phase': 'Pending'})
case('a pod without an address is isolated', [deny_in], ['y/a z/a 80/tcp'], ['y/a x/a 80/tcp'],
     changed(x_a=pod('x', 'a', **NO_IP)))
case('a pod without an address is a peer by its labels', [policy(ingress=[allow([spaces(sel(ns='y'))])])],
     ['y/a x/a 80/tcp'], ['z/a x/a 80/tcp'], changed(y_a=pod('y', 'a', **NO_IP)))

# 19. Both families have the same meaning.
case('an address of either family is the pod', [policy(ingress=[allow([pods(sel(pod='b'))])])],
     ['10.0.0.2 x/a 80/tcp', 'fd00::0:2 x/a 80/tcp', '10.0.0.2 10.0.0.1 80/tcp', 'x/b fd00::0:1 80/tcp'],
     ['10.0.0.3 x/a 80/tcp', 'fd00::0:3 x/a 80/tcp', '10.0.1.2 x/a 80/tcp'])
case('a pod of one family only', [policy(ingress=[allow([spaces(sel(ns='y'))])])],
     ['fd00::1:1 x/b 80/tcp', '10.0.1.2 x/b 80/tcp'], ['10.0.1.1 x/b 80/tcp'],
     changed(y_a=pod('y', 'a', status={'podIP': 'fd00::1:1', 'podIPs': [{'ip': 'fd00::1:1'}]})))

# 20. Addresses of the link and of the metadata service are addresses.
case('a link-local address is an address like others',
     [policy(types=['Egress'], egress=[allow_to([block('169.254.20.10/32')], [port(53, 'UDP')])])],
     ['x/a 169.254.20.10 53/udp'], ['x/a 169.254.169.254 80/tcp', 'x/a 169.254.20.10 53/tcp'])

# What people write.
case('DNS for everybody and nothing else',
     [policy(types=['Egress'],
             egress=[allow_to([both(sel(ns='z'), sel(pod='c'))], [port(53, 'UDP'), port(53)])])],
     ['x/a z/c 53/udp', 'x/b z/c 53/tcp'], ['x/a z/c 80/tcp', 'x/a z/a 53/udp', 'x/a y/c 53/udp'])
case('a default of nothing in every namespace',
     [policy(ns=n, types=['Ingress', 'Egress']) for n in 'xyz'],
     ['203.0.113.5 198.51.100.7 80/tcp'], ['x/a y/a 80/tcp', 'y/a 203.0.113.5 80/tcp', '203.0.113.5 z/c 80/tcp'])
case('three tiers',
     [policy(name='default', types=['Ingress']),
      policy(name='web', subject=A, ingress=[allow([block('0.0.0.0/0', '10.0.0.0/8')], [port('web')])]),
      policy(name='app', subject=sel(pod='b'), ingress=[allow([pods(A)], [port('web')])]),
      policy(name='db', subject=sel(pod='c'), ingress=[allow([pods(sel(pod='b'))], [port(80)])])],
     ['203.0.113.5 x/a 80/tcp', 'x/a x/b 81/tcp', 'x/b x/c 80/tcp'],
     ['203.0.113.5 x/b 81/tcp', 'y/a x/a 80/tcp', 'x/a x/c 80/tcp', 'x/c x/b 81/tcp'])
