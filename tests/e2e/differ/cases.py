# SPDX-License-Identifier: Apache-2.0
"""
The cases of the differential test: from a seed, configurations of bridge, host-local and loopback
and a sequence of calls with them. Most are valid; some are bent in one place, with values of other
types, keys left out, variables missing. The same seed makes the same case.

A case: seed, pods (that it uses), macs (that it asks for), rules (whether rules of netfilter may
be left), setup (lines for tamper), steps. A step: plugin, env, conf or raw (stdin), prev (the step
whose result is prevResult), tamper (what somebody else does before it), probe.
"""
import ipaddress
import json
import random

VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '0.4.0', '1.0.0', '1.0.0', '1.0.0']
JUNK = [None, True, False, 0, 1, -1, 7, 65536, 1 << 31, 1 << 63, 1 << 64, 1.5, 1e3, '', 'x', 'true',
        '0', ' ', '10.1.0.0', '10.1.0.0/24', '10.1.0.1/24', '10.1.0.0/33', '10.1.0.0/-1', '::/0',
        '0.0.0.0/0', 'fd00::/64', '::ffff:10.1.0.0/120', '010.1.0.5', '10.1.0.5/24', '../x', 'a/b',
        '.', '..', 'x' * 16, 'x' * 15, 'é', [], {}, [[]], [{}], [None], ['x'], [0], [[{}]], {'x': 1},
        '02:00:00:00:00:01', '01:00:00:00:00:01', '02-00-00-00-00-01', '00:00:00:00:00:00',
        '02:00:00:00:00', '1.0.0', '1.2.0', '0.3', 'v1.0.0', '224.0.0.0/24', '10.1.0.5,10.1.0.6']


class Maker:
    """Makes one case."""

    def __init__(self, seed):
        self.seed, self.r = seed, random.Random(seed)
        self.macs, self.files = set(), []
        self.rules = False

    def chance(self, p):
        return self.r.random() < p

    # Addresses

    def subnet(self, family, n):
        """The n-th subnet: those of one case do not overlap."""
        if family == 4:
            length = self.r.choice([16, 24, 24, 24, 25, 27, 28, 29, 29, 30, 30])
            base = int(ipaddress.ip_address('10.1.0.0')) + (n << 16)
            base += self.r.randrange(1 << (length - 16)) << (32 - length)
            return ipaddress.ip_network((base, length))
        length = self.r.choice([48, 64, 64, 64, 80, 112, 120, 124, 125, 126])
        base = int(ipaddress.ip_address('fd00:1::')) + (n << 80)
        base += self.r.randrange(1 << min(length - 48, 62)) << (128 - length)
        return ipaddress.ip_network((base, length))

    def inside(self, net, low=1, high=None):
        high = high or min(net.num_addresses - 2, 40)
        near_end = self.chance(0.2)
        at = self.r.randint(low, max(low, high))
        return net[net.num_addresses - 1 - at] if near_end else net[at]

    def range(self, net):
        out = {'subnet': str(net)}
        if self.chance(0.35):
            out['rangeStart'] = str(self.inside(net))
        if self.chance(0.35):
            start = ipaddress.ip_address(out.get('rangeStart', str(net[1])))
            last = int(net[-1]) - (net.version == 4)
            end = min(int(start) + self.r.choice([0, 0, 1, 2, 3, 5, 20]), last)
            out['rangeEnd'] = str(ipaddress.ip_address(end))
        if self.chance(0.3):
            out['gateway'] = str(self.inside(net)) if self.chance(0.9) else \
                ('192.0.2.77' if net.version == 4 else 'fd00:99::1')
        if self.chance(0.05):
            for key in out:
                out[key] = out[key].upper()
        return out

    def ipam(self, version):
        """An IPAM configuration; leaves self.nets."""
        many = version >= '0.3'
        families = self.r.choice([[4], [4], [4], [6], [4, 6], [6, 4]])
        if many and self.chance(0.1):
            families = self.r.choice([[4, 4], [6, 6], [4, 6, 4]])
        out, sets, self.nets, n = {'type': 'host-local'}, [], [], 0
        for family in families:
            ranges = []
            for _ in range(self.r.choice([1, 1, 1, 1, 2, 3])):
                net = self.subnet(family, n)
                n += 1
                self.nets.append(net)
                ranges.append(self.range(net))
            sets.append(ranges)
        if len(sets[0]) == 1 and self.chance(0.3):
            out.update(sets.pop(0)[0])
        if sets:
            out['ranges'] = sets
        if self.chance(0.4):
            out['routes'] = [self.route() for _ in range(self.r.randint(1, 4))]
        if self.chance(0.15):
            out['dataDir'] = self.r.choice(['/run/data', '/run/data/a/b', '/run/data/', ''])
        if self.chance(0.1):
            self.files.append(self.resolv_conf())
            out['resolvConf'] = '/run/files/resolv.conf'
        return out

    def route(self):
        net = self.r.choice(self.nets)
        if net.version == 4:
            dst = self.r.choice(['0.0.0.0/0', '192.168.7.0/24', '192.168.8.0/30', '172.16.0.0/12',
                                 '192.168.9.9/32', '192.168.9.9/24'])
        else:
            dst = self.r.choice(['::/0', 'fd77::/16', 'fd78:1::/32', 'fd79::9/128', 'fd79::9/64'])
        out = {'dst': dst}
        if self.chance(0.4):
            out['gw'] = str(self.inside(net))
        return out

    def resolv_conf(self):
        lines = self.r.sample(['nameserver 192.0.2.53', 'nameserver 2001:db8::53', '# comment',
                               'domain a.test', 'search a.test b.test', 'options ndots:5 rotate',
                               '; x', '', 'nameserver', 'search', 'nameserver  1.1.1.1  ',
                               '\toptions edns0', 'domain b.test c.test', 'sortlist 10.0.0.0',
                               'nameserver 192.0.2.54 # x', 'search\tc.test\td.test',
                               'nameserver 192.0.2.53'], self.r.randint(0, 7))
        return 'file: /run/files/resolv.conf=' + '\\n'.join(lines) + self.r.choice(['', '\\n'])

    def wishes(self, conf, args):
        """Addresses and a MAC that the runtime asks for."""
        ips = []
        for net in self.r.sample(self.nets, self.r.randint(1, len(self.nets))):
            ip = str(self.inside(net))
            ips.append(ip + (f'/{net.prefixlen}' if self.chance(0.3) else ''))
        way = self.r.choice(['runtime', 'args', 'env', 'both'])
        if way in ('runtime', 'both'):
            conf.setdefault('runtimeConfig', {})['ips'] = ips
        if way == 'args' or way == 'both' and self.chance(0.5):
            conf.setdefault('args', {}).setdefault('cni', {})['ips'] = ips
        if way == 'env':
            args.append('IP=' + (ips[0].split('/')[0] if self.chance(0.8) else ips[0]))

    def mac(self, conf, args):
        for way in self.r.sample(['runtime', 'args', 'env'], self.r.choice([1, 1, 2, 3])):
            mac = f'02:aa:{self.r.randrange(256):02x}:00:00:{self.r.randrange(256):02x}'
            self.macs.add(mac)
            mac = mac.upper() if self.chance(0.2) else mac
            if way == 'runtime':
                conf.setdefault('runtimeConfig', {})['mac'] = mac
            elif way == 'args':
                conf.setdefault('args', {}).setdefault('cni', {})['mac'] = mac
            else:
                args.append('MAC=' + mac)

    # Configurations

    def head(self, plugin):
        version = self.r.choice(VERSIONS)
        conf = {'cniVersion': version, 'name': self.r.choice(['net', 'a.b-c_d', 'N1']),
                'type': plugin}
        if self.chance(0.03):
            del conf['cniVersion']
            version = '0.1.0'
        return conf, version

    def bridge(self):
        conf, version = self.head('bridge')
        if self.chance(0.85):
            conf['bridge'] = self.r.choice(['br0', 'br0', 'a.b', 'b' * 15])
        if self.chance(0.9):
            conf['ipam'] = self.ipam(version)
        else:
            self.nets = [ipaddress.ip_network('10.1.0.0/24')]
            if self.chance(0.3):
                conf['ipam'] = {}
        for key, p in [('isGateway', 0.5), ('isDefaultGateway', 0.35), ('forceAddress', 0.15),
                       ('ipMasq', 0.1), ('hairpinMode', 0.15), ('promiscMode', 0.1),
                       ('macspoofchk', 0.04), ('enabledad', 0.01)]:
            if self.chance(p):
                conf[key] = self.chance(0.9)
        self.rules = self.rules or bool(conf.get('ipMasq') or conf.get('macspoofchk'))
        if conf.get('hairpinMode') and conf.get('promiscMode') and self.chance(0.7):
            del conf['promiscMode']
        if self.chance(0.2):
            conf['mtu'] = self.r.choice([0, 1400, 1280, 1500, 9000, 576, 68, 65535])
        if self.chance(0.1):
            conf['dns'] = self.dns()
        if self.chance(0.02):
            conf['vlan'] = self.r.choice([0, 0, 5])
        return conf

    def dns(self):
        out = {}
        for key, value in [('nameservers', ['192.0.2.1', '2001:db8::1']), ('domain', 'x.test'),
                           ('search', ['x.test', 'y.test']), ('options', ['ndots:2'])]:
            if self.chance(0.5):
                out[key] = value
        return out

    def host_local(self):
        conf, version = self.head('bridge')
        conf['ipam'] = self.ipam(version)
        if self.chance(0.05):
            net = self.subnet(self.r.choice([4, 6]), 9)
            conf.setdefault('runtimeConfig', {})['ipRanges'] = [[self.range(net)]]
            self.nets.append(net)
        return conf

    def loopback(self):
        self.nets = [ipaddress.ip_network('10.1.0.0/24')]
        return self.head('loopback')[0]

    # Bending

    def paths(self, value, at=()):
        yield at
        items = value.items() if isinstance(value, dict) else \
            enumerate(value) if isinstance(value, list) else ()
        for key, v in items:
            yield from self.paths(v, at + (key,))

    def bend(self, conf):
        """One key of the configuration taken away, or given another value, or added."""
        conf = json.loads(json.dumps(conf))
        path = self.r.choice([p for p in self.paths(conf) if p])
        holder = conf
        for key in path[:-1]:
            holder = holder[key]
        how = self.r.random()
        if how < 0.2:
            del holder[path[-1]]
        elif how < 0.9:
            holder[path[-1]] = self.junk(holder[path[-1]])
        else:
            key = self.r.choice(['bridge', 'mtu', 'isGateway', 'isDefaultGateway', 'forceAddress',
                                 'ipMasq', 'hairpinMode', 'promiscMode', 'vlan', 'dns', 'args',
                                 'runtimeConfig', 'capabilities', 'prevResult', 'name', 'ipam',
                                 'macspoofchk', 'enabledad', 'unknown'])
            conf[key] = self.r.choice(JUNK)
        self.rules = True
        return conf

    def junk(self, old):
        r = self.r.random()
        if isinstance(old, str) and r < 0.5 and any(c in old for c in '.:'):
            return self.r.choice([
                old + '0', old[:-1], old + '/24', old.split('/', maxsplit=1)[0], ' ' + old,
                old + ' ', old.upper(), '0' + old, old.replace('.', ','), old + '\u0000', '-' + old,
                old.replace('/', '/0'), old.replace('/', '/+')])
        if isinstance(old, list) and r < 0.4:
            return old + old
        if isinstance(old, bool) and r < 0.3:
            return not old
        return self.r.choice(JUNK)

    def bend_env(self, env):
        env = dict(env)
        key = self.r.choice(['CNI_COMMAND', 'CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_ARGS',
                             'CNI_PATH'])
        values = {
            'CNI_COMMAND': ['add', 'NONE', 'ADD ', 'GC', 'STATUS', 'VERSION'],
            'CNI_CONTAINERID': ['-x', 'a/b', '../a', 'a b', 'é', 'x' * 250, 'a..b', '.', '_x'],
            'CNI_NETNS': ['/run/netns/none', 'x', '/proc/self/ns/net', '/etc/passwd', '/run/netns',
                          '/proc/1/ns/mnt', '/run/netns/../netns/p0'],
            'CNI_IFNAME': ['x' * 16, 'x' * 15, 'a/b', 'a:b', 'a b', '.', '..', 'é', 'lo', 'a\tb',
                           'a%d', '-x'],
            'CNI_ARGS': ['x', 'A=B', 'IgnoreUnknown=1;A=B', 'IgnoreUnknown=true;A=B;C=D',
                         'IgnoreUnknown=x', ';', 'A=B;', 'IP=', 'IP=x', 'MAC=x', 'MAC=', '=', 'A=B=C',
                         'IgnoreUnknown=1;', 'IgnoreUnknown=0;A=B', 'ignoreunknown=1;A=B',
                         'IP=10.1.0.1;IP=10.1.0.9', 'IgnoreUnknown=1;GATEWAY=x', 'IgnoreUnknown=T',
                         'IgnoreUnknown=yes', 'K8S_POD_NAME=x;IgnoreUnknown=1'],
            'CNI_PATH': ['/nonexistent', '/nonexistent:@DIR@', ':@DIR@', '@DIR@:', '.', '@DIR@/'],
        }[key]
        env[key] = self.r.choice(['@UNSET@', ''] + values * 2)
        return env

    # Sequences

    def env(self, verb, who, args=()):
        pod, ifname = who
        env = {'CNI_COMMAND': verb, 'CNI_CONTAINERID': f'c-{pod}', 'CNI_IFNAME': ifname,
               'CNI_NETNS': f'/run/netns/{pod}'}
        if args:
            env['CNI_ARGS'] = ';'.join(args)
        return env

    def case(self):
        plugin = self.r.choice(['bridge'] * 6 + ['host-local'] * 4 + ['loopback'])
        self.plugin = plugin
        conf = getattr(self, plugin.replace('-', '_'))()
        if plugin != 'loopback' and self.chance(0.5) and 'ipam' not in conf:
            self.nets = self.nets or []
        bent = self.chance(0.35)
        if bent:
            conf = self.bend(conf)
            if self.chance(0.15):
                conf = self.bend(conf)
        steps = self.sequence(conf, plugin)
        pods = sorted({s['pod'] for s in steps})
        for step in steps:
            del step['pod']
        return {'seed': self.seed, 'pods': pods, 'macs': sorted(self.macs), 'setup': self.setup(conf),
                'rules': self.rules or plugin == 'bridge' and bent, 'steps': steps}

    def setup(self, conf):
        lines = list(self.files)
        name = conf.get('bridge', 'cni0')
        if self.plugin == 'bridge' and isinstance(name, str) and 0 < len(name) < 16 and \
                ' ' not in name and self.chance(0.2):
            lines += self.r.choice([
                [f'node: link add {name} type bridge'],
                [f'node: link add {name} type bridge', f'node: addr add 10.1.0.1/24 dev {name}'],
                [f'node: link add {name} type bridge', f'node: addr add 10.1.0.200/16 dev {name}',
                 f'node: link set {name} up'],
                [f'node: link add {name} type bridge', f'node: addr add fd00:1::9/64 dev {name} nodad'],
                [f'node: link add {name} type dummy'],
                [f'node: link add {name} type bridge mcast_snooping 0', f'node: link set {name} mtu 1300']])
        if self.plugin != 'bridge' or self.chance(0.1):
            store = '/var/lib/cni/networks/' + str(conf.get('name'))
            if isinstance(conf.get('name'), str) and '/' not in conf['name'] and \
                    len(conf['name']) < 200 and '\0' not in conf['name'] and self.chance(0.25):
                for net in self.nets[:2]:
                    ip = self.inside(net)
                    lines.append(f'file: {store}/{ip}=' + self.r.choice(
                        ['other\\r\\neth0', 'c-p0', 'c-p0\\r\\neth0', 'c-p0\\neth0', ' other ',
                         'c-p0\\r\\neth0\\r\\n', 'other\\r\\neth0']))
                if self.chance(0.6):
                    lines.append(f'file: {store}/last_reserved_ip.0=' + self.r.choice(
                        ['junk', '', '1.2.3.4', str(self.inside(self.nets[0])),
                         str(self.nets[0][-1]), str(self.nets[0][0])]))
        return lines

    def sequence(self, conf, plugin):
        who = [('p0', self.r.choice(['eth0', 'eth0', 'eth0', 'e' * 15])), ('p1', 'eth0')]
        if self.chance(0.1):
            who.append(('p0', 'net1'))
        steps, added = [], {}
        for _ in range(self.r.randint(2, 7)):
            one = self.r.choice(who[:1] + who)
            verb = self.r.choices(['ADD', 'CHECK', 'DEL', 'VERSION'], [5, 3, 3, 0.3])[0]
            if not steps:
                verb = 'ADD' if self.chance(0.9) else verb
            steps.append(self.step(conf, plugin, verb, one, added))
            if verb == 'ADD':
                added.setdefault(one, len(steps) - 1)
        for one in dict.fromkeys(added):
            steps.append({'plugin': plugin, 'env': self.env('DEL', one), 'conf': conf, 'pod': one[0],
                          'prev': added[one]})
        return steps

    def step(self, conf, plugin, verb, one, added):
        args = []
        if verb == 'ADD' and isinstance(conf.get('ipam'), dict) and plugin != 'loopback':
            conf = json.loads(json.dumps(conf))
            if self.chance(0.15) and isinstance(conf.get('runtimeConfig', {}), dict) and \
                    isinstance(conf.get('args', {}), dict):
                self.wishes(conf, args)
        if plugin == 'bridge' and self.chance(0.15) and \
                isinstance(conf.get('runtimeConfig', {}), dict) and \
                isinstance(conf.get('args', {}), dict):
            conf = json.loads(json.dumps(conf))
            self.mac(conf, args)
        if args and self.chance(0.5):
            args.insert(0, 'IgnoreUnknown=1')
            args.append('K8S_POD_NAME=x')
        out = {'plugin': plugin, 'env': self.env(verb, one, args), 'conf': conf, 'pod': one[0]}
        if verb == 'ADD' and plugin == 'bridge':
            out['probe'] = bool(conf.get('ipMasq')) or self.chance(0.1)
        if verb in ('CHECK', 'DEL') and one in added and self.chance(0.9):
            out['prev'] = added[one]
        if verb == 'CHECK' and self.chance(0.3):
            out['tamper'] = self.damage(conf, one)
        if verb == 'DEL' and self.chance(0.2):
            out['env']['CNI_NETNS'] = self.r.choice(['', '@UNSET@', '/run/netns/gone'])
        if self.chance(0.06):
            out['env'] = self.bend_env(out['env'])
        if self.chance(0.02):
            out['raw'] = self.r.choice(['', '{', '[]', 'null', '"x"', '{}', '{"name":"net"}', 'x',
                                        json.dumps(conf) + 'x', json.dumps(conf) + '\n\n',
                                        json.dumps(conf) + '{}', '\ufeff' + json.dumps(conf),
                                        json.dumps(conf)[:-1], ' \n' + json.dumps(conf, indent=1)])
            del out['conf']
            out.pop('prev', None)
        return out

    def damage(self, conf, one):
        """What somebody does to an attachment before its CHECK."""
        pod, ifname = one
        bridge = conf.get('bridge', 'cni0')
        return [self.r.choice([
            f'{pod}: link del {ifname}', f'{pod}: addr flush dev {ifname}',
            f'{pod}: route flush dev {ifname}', f'{pod}: link set {ifname} down',
            f'{pod}: addr add 10.9.9.9/24 dev {ifname}', f'{pod}: route del default',
            f'node: link set {bridge} down', f'node: link del {bridge}',
            f'{pod}: link set lo down', f'{pod}: link set {ifname} promisc on',
            f'{pod}: link set {ifname} mtu 1200'])]


def make(seed):
    return Maker(seed).case()
