#!/usr/bin/env python3
"""Which directory of src/ may include which: CONTRIBUTING's table, read off the #include lines.

    layers.py [--root DIR]    complains about every include that goes the wrong way
    layers.py --self-test     shows that it notices one
"""
import argparse
import os
import re
import sys
import tempfile

# component: what it may include besides itself and system headers. `public` is all of include/;
# `public/dispatch` is include/dispatch, whose types whoever uses src/dispatch needs.
MAY = {
    'base': [],
    'control': ['base'],
    'proto': ['base'],
    'policy': ['base'],
    'netlink': ['base'],
    'dispatch': ['base', 'public/dispatch'],
    'transport': ['base', 'control', 'dispatch', 'netlink', 'public/dispatch'],
    'stack': ['base', 'dispatch', 'proto', 'transport', 'public/dispatch'],
    'cf': ['base', 'dispatch', 'public'],
    'security': ['base', 'cf', 'dispatch', 'proto', 'public'],
    'api': ['base', 'cf', 'dispatch', 'netlink', 'proto', 'security', 'transport', 'stack', 'public'],
    'daemon': ['base', 'control', 'dispatch', 'netlink', 'policy', 'transport', 'public/dispatch'],
    'run': ['base', 'control'],
    'lab': ['base', 'public'],
    'cli': ['base', 'control', 'netlink', 'lab', 'run', 'public'],
    'demo': ['base', 'lab', 'public'],
}
# sans-I/O: code that could do I/O or read a clock cannot be tested on a virtual one
PURE = ['proto', 'policy']
IMPURE_HEADERS = ['sys/socket.h', 'sys/epoll.h', 'time.h', 'unistd.h', 'netdb.h', 'stdio.h']

# (file, header): why it may all the same. One that is not needed any more is complained about.
EXCEPTIONS = {
    ('src/daemon/answers.c', 'braid/version.h'): 'the version is told to clients',
    ('src/daemon/options.c', 'braid/version.h'): 'braidd --version',
    ('src/cli/check_facts.c', 'transport/mptcp_info.h'): 'braid check reads counters with the decoder the library uses',
    ('src/cli/check_host.c', 'transport/mptcp_info.h'): 'the words for a reason and its fix are the library\'s',
    ('src/cli/check_facts.c', 'transport/netstate.h'): 'braid check shows the interfaces as the library sees them',
    ('src/cli/monitor_collect.c', 'transport/netstate.h'): 'braid monitor names a subflow\'s interface as the library does',
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def layer_of(root, here, quote, name):
    """The component of src/, `public`, or None for a system header."""
    src, inc = os.path.join(root, 'src'), os.path.join(root, 'include')
    if quote == '"' and os.path.exists(os.path.join(os.path.dirname(here), name)):
        return os.path.relpath(os.path.join(os.path.dirname(here), name), src).split(os.sep)[0]
    order = [('src', src), ('public', inc)] if quote == '"' else [('public', inc), ('src', src)]
    for kind, base in order:
        if os.path.exists(os.path.join(base, name)):
            return name.split('/')[0] if kind == 'src' else 'public'
    return 'missing' if quote == '"' else None


def allowed(component, layer, name):
    may = MAY[component] + [component]
    if layer == 'public':
        return 'public' in may or (name.split('/')[0] in ('dispatch', 'os') and 'public/dispatch' in may)
    return layer in may


def check(root, exceptions=None):
    bad, used = [], set()
    exceptions = exceptions or {}
    src = os.path.join(root, 'src')
    for d, _, names in os.walk(src):
        for n in sorted(names):
            if not n.endswith(('.c', '.h')):
                continue
            path = os.path.join(d, n)
            component = os.path.relpath(path, src).split(os.sep)[0]
            where = os.path.relpath(path, root)
            if component not in MAY:
                bad.append('%s: the component %s is not in the table' % (where, component))
                continue
            with open(path) as f:
                text = f.read()
            for m in INCLUDE.finditer(text):
                quote, name = m.groups()
                at = '%s:%d' % (where, text.count('\n', 0, m.start()) + 1)
                if component in PURE and name in IMPURE_HEADERS:
                    bad.append('%s: %s may not include %s: it does no I/O' % (at, component, name))
                layer = layer_of(root, path, quote, name)
                if layer == 'missing':
                    bad.append('%s: "%s" is neither in src/ nor in include/' % (at, name))
                elif layer and not allowed(component, layer, name):
                    if (where, name) in exceptions:
                        used.add((where, name))
                        continue
                    bad.append('%s: %s may not include %s (%s)' % (at, component, layer, name))
    bad += ['%s: the exception for %s is not needed any more' % e for e in sorted(set(exceptions) - used)]
    return bad


def self_test():
    """(file, its text, complained about)"""
    cases = [
        ('src/base/a.c', '#include "base/base.h"\n#include <stdio.h>\n', False),
        ('src/base/b.c', '#include "stack/life.h"\n', True),
        ('src/transport/a.c', '#include "netlink/nl.h"\n#include <dispatch/queue.h>\n', False),
        ('src/transport/b.c', '  #  include "stack/life.h"\n', True),
        ('src/transport/c.c', '#include <Network/Network.h>\n', True),
        ('src/stack/a.c', '#include "life.h"\n#include "transport/sock.h"\n', False),
        ('src/stack/b.c', '#include "api/connection.h"\n', True),
        ('src/stack/c.c', '#include "../api/connection.h"\n', True),
        ('src/api/a.c', '#include <Network/Network.h>\n#include "stack/life.h"\n', False),
        ('src/policy/a.c', '#include <stdint.h>\n', False),
        ('src/policy/b.c', '#include <time.h>\n', True),
        ('src/proto/ws/a.c', '#include <unistd.h>\n', True),
        ('src/cli/a.c', '#include "netlink/nl.h"\n', False),
        ('src/lab/a.c', '#include "netlink/nl.h"\n', True),
        ('src/lab/b.c', '#include "nowhere.h"\n', True),
        ('src/odd/a.c', '\n', True),
    ]
    targets = ['src/base/base.h', 'src/stack/life.h', 'src/netlink/nl.h', 'src/transport/sock.h',
               'src/api/connection.h', 'include/dispatch/queue.h', 'include/Network/Network.h']
    failed = 0
    for name, text, expected in cases:
        with tempfile.TemporaryDirectory() as root:
            for path, content in [(t, '') for t in targets] + [(name, text)]:
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, 'w') as f:
                    f.write(content)
            if bool(check(root)) != expected:
                failed += 1
                print('self-test: %s: %r: expected %s' % (name, text, 'a complaint' if expected else 'none'))
    with tempfile.TemporaryDirectory() as root:
        if not check(root, {('src/base/a.c', 'api/b.h'): 'gone'}):
            failed += 1
            print('self-test: a stale exception is not noticed')
    print('layers: %d cases, %d failed' % (len(cases), failed))
    return failed


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--root', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
    ap.add_argument('--self-test', action='store_true')
    args = ap.parse_args()
    if args.self_test:
        return 1 if self_test() else 0
    bad = check(os.path.abspath(args.root), EXCEPTIONS)
    print('\n'.join(bad) if bad else 'layers: clean')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
