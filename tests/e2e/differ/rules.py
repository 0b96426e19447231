# SPDX-License-Identifier: Apache-2.0
"""
The comparison of what the reference did (theirs) with what ours did, and each intended difference
with its reason.
"""
import ipaddress
import json


def flatten(value, at=()):
    """The leaves of a tree by their paths; lists are leaves."""
    if isinstance(value, dict):
        for key, v in value.items():
            yield from flatten(v, at + (key,))
    else:
        yield at, value


def tree_differences(at, a, b):
    fa, fb = dict(flatten(a)), dict(flatten(b))
    return [(at + k, fa.get(k), fb.get(k))
            for k in sorted(set(fa) | set(fb), key=repr) if fa.get(k) != fb.get(k)]


def world_differences(at, a, b):
    """The same for a world; a link that only one has is one difference."""
    found = []
    for where in a:
        x, y = ({k: v.copy() if k == 'links' else v for k, v in w[where].items()} for w in (a, b))
        if where != 'files':
            for name in set(x['links']) ^ set(y['links']):
                mine = x['links'].pop(name, None), y['links'].pop(name, None)
                found.append((at + (where, 'links', name), *('there' if m else None for m in mine)))
            both = set(x['sysctls']) & set(y['sysctls'])
            for world in (x, y):
                world['sysctls'] = {k: v for k, v in world['sysctls'].items() if k in both}
        found += tree_differences(at + (where,), x, y)
    return found


class Step:
    """One step of a case, with both outcomes."""

    def __init__(self, case, n, theirs, ours):
        self.case, self.n, self.step = case, n, case['steps'][n]
        self.verb = self.step['env'].get('CNI_COMMAND')
        self.conf = self.step.get('conf', {})
        self.theirs, self.ours = theirs[n], ours[n]
        self.before = ours[n - 1]['world'] if n else None
        self.both_good = self.theirs['status'] == self.ours['status'] == 0
        self.both_fail = bool(self.theirs['status'] and self.ours['status'])

        self.tampered = any('tamper' in x for x in case['steps'][:n + 1])
        # Without a namespace the reference's DEL only tells IPAM; ours takes the pair away, too.
        netns = self.step['env'].get('CNI_NETNS')
        self.deletes_more = self.both_good and self.verb == 'DEL' and \
            netns in ('', '@UNSET@', '/run/netns/gone', '/run/netns/none', 'x')
        # With both makers in one node: what the reference leaves or ours cannot know is no matter.
        makers = {x['by'] for x in ours[:n + 1]}
        self.lost = len(makers) > 1 and (
            self.verb == 'DEL' and ('prev' not in self.step or self.deletes_more) or
            self.verb == 'ADD' and self.both_fail and self.ours['by'] == 'ref')

    def pod_families(self, pod, interface):
        """The IP versions of the addresses that the interface has in our world."""
        world = self.ours['world'].get(pod, {})
        return {ipaddress.ip_interface(a.split()[-1]).version for a in world.get('addresses', {})
                if a.split()[0] == interface}


# Each rule: the reason, and whether it explains a difference (its path, theirs, ours).

def rule_code(s, path, a, b):
    """Errors that the reference has no code for (999, 100) have one of ours."""
    return path[:2] == ('answer', 'code') and a in (100, 999) and isinstance(b, int)


def rule_code_order(s, path, a, b):
    """Which of a request's mistakes is found first, and whether a version that is none is a matter
    of decoding (the specification) or of versions."""
    return path[:2] == ('answer', 'code') and {a, b} <= {1, 4, 6, 7}


def rule_code_path(s, path, a, b):
    """Ours wants CNI_PATH only when it looks for a plugin, the reference before all else."""
    return path[:2] == ('answer', 'code') and a == 4 and \
        s.step['env'].get('CNI_PATH') in ('', '@UNSET@')


def rule_dns(s, path, a, b):
    """The older reference prints an empty dns, newer ones and ours leave it out."""
    return path == ('answer', 'result', 'dns') and a == {} and b is None


def rule_queue_length(s, path, a, b):
    """Debian's reference makes pairs with a queue of length 0, newer ones and ours leave that to
    the kernel; a veth has no queue."""
    return path[4] == 'txqlen' and a is None and b == 1000


def rule_port_sysctls(s, path, a, b):
    """The host end is a port of the bridge: no IP packet is its own. Ours gives it no link-local
    address, so it needs no accept_ra=0."""
    return path[1:3] == ('node', 'sysctls') and path[3].startswith('<host of') and \
        path[4] in ('ipv6.accept_ra', 'ipv6.addr_gen_mode', 'ipv6.accept_dad')


def rule_no_ipv6(s, path, a, b):
    """A pod with IPv4 addresses only gets no link-local address (decision 5), so none of its IPv6
    settings are touched."""
    return path[2] == 'sysctls' and path[1] in s.case['pods'] and \
        path[4] in ('ipv6.addr_gen_mode', 'ipv6.accept_dad') and \
        6 not in s.pod_families(path[1], path[3])


def rule_keep_addr(s, path, a, b):
    """Debian's reference does not keep IPv6 addresses over a link that goes down, newer ones do."""
    return path[4] == 'ipv6.keep_addr_on_down' and (a, b) == ('0', '1')


def rule_addresses_kept(s, path, a, b):
    """So its pods have lost their IPv6 addresses when somebody sets the interface down."""
    return path[2] == 'addresses' and a is None and ':' in path[3] and s.tampered and \
        f'link set {path[3].split()[0]} down' in str(s.case['steps'][:s.n + 1])


def rule_crash(s, path, a, b):
    """The reference ends with a crash (Go's exit code of one is 2) in place of an error."""
    return path[0] == 'answer' and s.theirs['status'] == 2 and s.ours['status'] == 1


def rule_version(s, path, a, b):
    """Ours knows 1.1.0, too."""
    return s.verb == 'VERSION' and path[2] in ('supportedVersions', 'cniVersion')


def rule_empty_store(s, path, a, b):
    """Only an ADD makes a store."""
    return path[1] == 'files' and a == '' and b is None and \
        (path[2].endswith('/') or path[2].endswith('/lock'))


def rule_nodad(s, path, a, b):
    """Not to probe is said to the interface by the reference, of each address by ours."""
    return path[2] == 'addresses' and a and b and a[:3] == b[:3] and b[3] == a[3] + ['nodad']


def rule_ndisc_notify(s, path, a, b):
    """Ours tells a pod's neighbours of its IPv6 addresses."""
    return path[2] == 'sysctls' and str(path[-1]).endswith('ndisc_notify') and (a, b) == ('0', '1')


def rule_bridge_mac(s, path, a, b):
    """The reference's bridge without a gateway follows the lowest MAC address of its ports, and has
    none when the last has gone; ours keeps its own."""
    return path[1:3] == ('node', 'links') and path[4] == 'address' and \
        (a, b) == ('00:00:00:00:00:00', '<random>')


def rule_loopback_form(s, path, a, b):
    """Debian's loopback answers all versions in the form of 1.0.0."""
    return s.step['plugin'] == 'loopback' and path[1] == 'result' and \
        s.conf.get('cniVersion', '0') < '1.0.0'


def rule_lost_dns(s, path, a, b):
    """Debian's bridge loses the dns of IPAM, newer ones keep it."""
    return path[:3] == ('answer', 'result', 'dns') and a is None and 'resolvConf' in str(s.conf)


def without_host_bits(routes):
    return [dict(r, dst=str(ipaddress.ip_network(r['dst'], strict=False))) for r in routes]


def rule_route_host_bits(s, path, a, b):
    """Ours writes a route's dst without its host bits."""
    return 'routes' in path and a and b and isinstance(a, list) and \
        without_host_bits(a) == b


def rule_bridge_of_ports(s, path, a, b):
    """A bridge's MTU is that of its ports, and without a gateway its MAC address, too; ours takes
    them away where the reference leaves them."""
    return s.deletes_more and path[1:3] == ('node', 'links') and path[4] in ('mtu', 'address')


def rule_force_address(s, path, a, b):
    """forceAddress with two gateways of one family: Debian's bridge takes the first one away again,
    and its pods reach nothing."""
    about = path[3].split()
    if path[0] == 'probe':
        return s.conf.get('forceAddress') and a == 'lost' and b.startswith('from')
    return path[1:3] in (('node', 'addresses'), ('node', 'routes')) and a is None and \
        s.conf.get('forceAddress') and s.conf.get('bridge', 'cni0') in about


def rule_del_without_path(s, path, a, b):
    """Without CNI_PATH DEL fails, since IPAM cannot be told; ours takes the pair away before."""
    return s.verb == 'DEL' and s.both_fail and b is None and \
        s.step['env'].get('CNI_PATH') in ('', '@UNSET@')


def rule_route_without_address(s, path, a, b):
    """The forms before 0.3.0 have no place for routes of a family that has no address: IPAM's own
    answer loses them, while ours is asked in the same process."""
    return s.conf.get('cniVersion') in ('0.1.0', '0.2.0') and path[2] == 'routes' and \
        a is None and 'metric' in path[3]


def rule_lo_address(s, path, a, b):
    """DEL of loopback also takes 127.0.0.1/8 off, which the kernel leaves on a link that is down."""
    return s.step['plugin'] == 'loopback' and path[2] in ('addresses', 'routes') and b is None and \
        '127.0.0' in path[3]


# Each of these: the reason why one succeeds where the other fails. The case ends there.

def success_args(s, theirs, ours):
    """Of CNI_ARGS, Debian's bridge knows MAC only, its host-local IP only; ours know both."""
    return 'unknown args' in theirs and any(
        f'unknown args [\\"{k}=' in theirs for k in ('MAC', 'IP', 'GATEWAY'))


def success_gateways(s, theirs, ours):
    """The reference's bridge takes one IPv4 gateway, ours one for each range set."""
    return 'already has an IP address different from' in theirs and len(ours['ips']) > 1


def success_route(s, theirs, ours):
    """The kernel refuses a dst with host bits; ours clears them."""
    return 'failed to add route' in theirs and 'invalid argument' in theirs and \
        ('192.168.9.9/24' in str(s.conf) or 'fd79::9/64' in str(s.conf))


def success_default_route(s, theirs, ours):
    """isDefaultGateway and a default route of IPAM: Debian's bridge adds both where the two are
    not of the first address's family, or more than one route is given."""
    return 'failed to add route' in theirs and 'file exists' in theirs and \
        s.conf.get('isDefaultGateway')


def success_check_route(s, theirs, ours):
    """CHECK of Debian's bridge misses routes that are there: those that came without a gateway or
    with host bits, and one of two to the same IPv6 destination."""
    return s.verb == 'CHECK' and 'Expected Route' in theirs and \
        ('GW:\\u003cnil' in theirs or 'IP:fd79::9 Mask:ffffffffffffffff00' in theirs or
         not s.tampered)


def success_without_path(s, theirs, ours):
    """CNI_PATH is wanted where an IPAM plugin must be found, as in the specification."""
    return '[CNI_PATH] missing' in theirs


def success_check_layer2(s, theirs, ours):
    """CHECK of the reference's bridge wants an IPAM plugin."""
    return s.verb == 'CHECK' and 'no plugin name provided' in theirs


def success_del(s, theirs, ours):
    """Ours deletes by the names alone, whatever became of the configuration."""
    return s.verb == 'DEL'


def failure_check(s, theirs, ours):
    """CHECK needs prevResult (the specification); the reference's host-local does not look at it."""
    return s.verb == 'CHECK' and 'prevResult' in ours


def failure_wide_integer(s, theirs, ours):
    """Ours reads integers of 64 bits with a sign only, wherever they stand."""
    return 'too big integer' in ours


def failure_type(s, theirs, ours):
    """Ours wants the right type for the keys that all plugins have, also where nobody reads them."""
    return any(f"config '{key}': expected" in ours for key in ('type', 'prevResult', 'capabilities'))


def failure_ifname(s, theirs, ours):
    """Ours refuses a '%' in CNI_IFNAME, also where no interface is made."""
    return 'expected no \'%\'' in ours


def failure_address_zeros(s, theirs, ours):
    """The reference reads a fifth digit in a part of an IPv6 address when it is a leading zero."""
    return 'is not a prefix' in ours and '0fd00' in ours


def failure_old_result(s, theirs, ours):
    """CHECK with the result of an ADD that has been deleted since: ours compares the address."""
    return s.verb == 'CHECK' and '"code":102' in ours and any(
        x['env'].get('CNI_COMMAND') == 'DEL' for x in s.case['steps'][s.step['prev'] + 1:s.n])


def success_whole_space(s, theirs, ours):
    """The reference cannot count the addresses of 0.0.0.0/0, nor print its first as a gateway."""
    return any(x in theirs for x in ('no IP addresses available', 'address 01: invalid IP')) and \
        '"0.0.0.0/0"' in str(s.conf).replace("'", '"')


def success_check_bridge_mac(s, theirs, ours):
    """A bridge without a gateway takes over the lowest MAC address of its ports: no drift to ours."""
    return s.verb == 'CHECK' and 'Bridge interface' in theirs and 'Mac doesn\'t match' in theirs and \
        not s.tampered


def success_bridge_name(s, theirs, ours):
    """An empty name is as none."""
    return 'LinkAttrs.Name cannot be empty' in theirs


def failure_route_without_dst(s, theirs, ours):
    """A route without dst is a mistake; the reference makes one to 0.0.0.0/0 of it, or none."""
    return 'routes[' in ours and ".dst': missing" in ours


def failure_attached(s, theirs, ours):
    """DEL of another container took this one's interface away in the reference, so that it is added
    again; ours has it still."""
    return s.verb == 'ADD' and 'already: DEL it first' in ours and any(
        x['env'].get('CNI_COMMAND') == 'DEL' and
        x['env'].get('CNI_CONTAINERID') != s.step['env'].get('CNI_CONTAINERID') and
        x['env'].get('CNI_NETNS') == s.step['env'].get('CNI_NETNS') for x in s.case['steps'][:s.n])


def failure_nul(s, theirs, ours):
    """A text with a NUL in it is a mistake, wherever it stands."""
    return '\\\\u0000 inside a text' in ours


def failure_check_found(s, theirs, ours):
    """Ours finds in CHECK what the reference does not look at."""
    return s.verb == 'CHECK' and '"code":102' in ours and s.tampered


def success_loopback(s, theirs, ours):
    """Ours has no keys of its own but the common ones, and ignores those of other plugins."""
    return s.step['plugin'] == 'loopback' and 'cannot unmarshal' in theirs


def rule_old_form(s, path, a, b):
    """DEL takes leases in the old form when there is none in the new one. The reference looks once
    for each range set, and so takes both at once where there are two."""
    return path[1] == 'files' and a is None and b is not None and \
        b.strip() in {x['env'].get('CNI_CONTAINERID') for x in s.case['steps'][:s.n + 1]
                      if x['env'].get('CNI_COMMAND') == 'DEL'}


def rule_failed_add(s, path, a, b):
    """A failed ADD of ours leaves the store's own files, and a bridge that has been up once."""
    return path[0] == 'before' and (path[1] == 'files' and (
        path[2].endswith(('/', '/lock')) or '/last_reserved_ip.' in path[2]) or path[4] == 'qdisc')


def is_late_del(s, netns):
    """An earlier DEL in this namespace was of another attachment than one whose "lo" was there."""
    def key(x):
        return x['env'].get('CNI_CONTAINERID'), x['env'].get('CNI_IFNAME'), x.get('conf', {}).get('name')

    steps = [x for x in s.case['steps'][:s.n + 1] if x['env'].get('CNI_NETNS') == netns]
    return any(
        d['env'].get('CNI_COMMAND') == 'DEL' and
        any(x['env'].get('CNI_COMMAND') == 'ADD' and key(x) != key(d) for x in steps[:i])
        for i, d in enumerate(steps))


def rule_late_del(s, path, a, b):
    """DEL of loopback leaves a "lo" alone that is another attachment's by now."""
    about_lo = path[3].startswith('lo') or ' dev lo ' in path[3]
    return about_lo and s.step['plugin'] == 'loopback' and is_late_del(s, f'/run/netns/{path[1]}')


def success_late_del(s, theirs, ours):
    """And so CHECK finds it up."""
    return s.verb == 'CHECK' and s.step['plugin'] == 'loopback' and \
        'loopback interface is down' in theirs and is_late_del(s, s.step['env'].get('CNI_NETNS'))


STATUS_RULES = {prefix: [v for k, v in sorted(globals().items()) if k.startswith(prefix)]
                for prefix in ('success', 'failure')}
RULES = [v for k, v in sorted(globals().items()) if k.startswith('rule_')]


def explained(s, difference):
    path = (difference[0][1:] + ('',) * 5)[:max(5, len(difference[0]) - 1)]
    return any(rule(s, path, *difference[1:]) for rule in RULES)


def answer(a):
    out = {'status': a['status']}
    value = a['json']
    if a['status'] == 0:
        out['result'] = value
    elif isinstance(value, dict):
        out['error'] = isinstance(value.get('code'), int) and isinstance(value.get('msg'), str)
        out['code'] = value.get('code')
    else:
        out['error'] = repr(value)
    return out


def compare_status(s):
    """For a step that one makes and the other does not."""
    ours, theirs = s.ours, s.theirs
    if ours['status'] == 0:
        why = any(rule(s, theirs['out'], ours['json']) for rule in STATUS_RULES['success'])
    else:
        why = any(rule(s, theirs['json'], ours['out']) for rule in STATUS_RULES['failure'])
    return [] if why else [((s.n, 'answer', 'status'), theirs['status'], ours['status'])]


def compare_step(s):
    n = s.n
    if not s.both_good and not s.both_fail:
        return compare_status(s)
    found = tree_differences((n, 'answer'), answer(s.theirs), answer(s.ours))
    found += tree_differences((n, 'probe'), s.theirs.get('probe') or {}, s.ours.get('probe') or {})
    world = world_differences((n, 'world'), s.theirs['world'], s.ours['world'])
    if s.both_fail and s.verb == 'ADD':
        # What a failed ADD of the reference leaves is nobody's model: ours leaves what was there.
        world = world_differences((n, 'before'), s.before, s.ours['world']) if s.before else []
    if s.deletes_more:
        world = [d for d in world if d[0][3] == 'links' and d[2] is not None]
    found += world
    return [d for d in found if not explained(s, d)]


def compare(case, theirs, ours):
    """What differs in the first step in which anything does: (path, theirs, ours) each."""
    for n in range(len(case['steps'])):
        s = Step(case, n, theirs, ours)
        if s.lost:
            break
        found = compare_step(s)
        if found:
            return found
        if s.deletes_more or not (s.both_good or s.both_fail):
            break
        if s.both_fail and s.verb == 'ADD':
            left = [d for d in world_differences((n, 'world'), s.theirs['world'], s.ours['world'])
                    if not explained(s, d)]
            if left:
                break
    return []
