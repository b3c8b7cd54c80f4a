#!/usr/bin/env python3
"""The public headers: each compiles alone, says what api/*.tsv says, and supplies what programs expect.

    headers.py [--root DIR]    complains
    headers.py --self-test     shows that it notices

Every header is compiled by gcc and clang, as C11 and C++17, with and without blocks, with warnings as
errors. Then the values of enums.tsv, and the prototypes of functions.tsv, are compared by the compiler.
"""
import argparse
import concurrent.futures
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile

VARIANTS = [
    ('gcc', 'c', ['-std=c11']), ('gcc', 'c', ['-std=gnu11']), ('g++', 'c++', ['-std=c++17']),
    ('clang', 'c', ['-std=c11']), ('clang', 'c', ['-std=gnu11', '-fblocks']),
    ('clang++', 'c++', ['-std=c++17']), ('clang++', 'c++', ['-std=c++17', '-fblocks']),
]
QUICK = [VARIANTS[1], VARIANTS[4]]
WARN = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wundef', '-Werror']
SUPPLIES = r'''
#include <Network/Network.h>
struct sigaction sa; struct sockaddr_storage ss; struct rusage ru; fd_set fds; jmp_buf jb; va_list ap;
static int use(int argc, char **argv __unused)
{
	OSStatus status = noErr; Boolean yes = 1; void *none = nil; bool no = false; time_t now = time(NULL);
	assert(argc >= 0);
	errno = O_RDONLY + (int)DBL_MIN_EXP + INT_MAX - INT_MAX;
	printf("%" PRIu64 " %s %d\n", (uint64_t)strlen("x"), setlocale(LC_ALL, NULL), isalpha('a'));
	(void)fabs(1.0); (void)strcasecmp("a", "b"); (void)getpid(); (void)WIFEXITED(0); (void)TARGET_OS_MAC;
	CFTypeRef ref = NULL; SecTrustRef trust = NULL; sec_identity_t identity = NULL; CFIndex cf = kCFNotFound;
	(void)ref; (void)trust; (void)identity; (void)(cf + errSSLBadCert + errSecSuccess);
	(void)DISPATCH_TIME_NOW; (void)NW_LISTENER_INFINITE_CONNECTION_LIMIT; free(malloc(1));
	return (int)status + !yes + (none != NULL) + no + (now == 0) + (errno != O_RDONLY + (int)DBL_MIN_EXP);
}
NW_RETURNS_RETAINED nw_connection_t make_it(void) API_AVAILABLE(macos(10.14), ios(12.0));
int main(int argc, char **argv)
{
	if (__builtin_available(macOS 10.14, iOS 12.0, *))
		return use(argc, argv);
	return 1;
}
'''


def compile_text(root, cc, lang, flags, text, extra=()):
    """The compiler's complaints, or ''."""
    cmd = [cc, '-fsyntax-only', '-x', lang, *flags, *WARN, *extra, '-I', os.path.join(root, 'include'), '-']
    run = subprocess.run(cmd, input=text, capture_output=True, text=True, timeout=120)
    return '' if run.returncode == 0 else (run.stderr or 'failed')


def own_headers(root):
    inc, found = os.path.join(root, 'include'), []
    for d, _, names in os.walk(inc):
        found += [os.path.relpath(os.path.join(d, n), inc) for n in names if n.endswith('.h')]
    return sorted(found)


def needs_umbrella(name):
    return name.startswith('Network/') and name != 'Network/Network.h'


def alone(root, pool, variants):
    jobs = {}
    for name in own_headers(root):
        text = '#include <%s>\ntypedef int not_empty;\n' % name
        extra = ['-D__NW_INDIRECT__'] if needs_umbrella(name) else []
        for cc, lang, flags in variants:
            key = '%s: %s %s' % (name, cc, ' '.join(flags))
            jobs[pool.submit(compile_text, root, cc, lang, flags, text, extra)] = key
    return ['%s:\n%s' % (key, job.result()) for job, key in jobs.items() if job.result()]


def direct_warns(root):
    """A part of Network.h included by itself warns, and works."""
    bad = []
    for name in own_headers(root):
        if not needs_umbrella(name):
            continue
        text = '#include <%s>\nint nw_release_is_here = sizeof(&nw_release);\n' % name
        cmd = ['gcc', '-fsyntax-only', '-x', 'c', '-I', os.path.join(root, 'include'), '-']
        run = subprocess.run(cmd, input=text, capture_output=True, text=True, timeout=120)
        if run.returncode or 'warning' not in run.stderr:
            bad.append('%s: included directly it should warn and work: %s' % (name, run.stderr or 'no warning'))
    return bad


def rows(root, name):
    with open(os.path.join(root, 'api', name), newline='') as f:
        return list(csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE))


def declared_words(root):
    words = set()
    for name in own_headers(root):
        with open(os.path.join(root, 'include', name)) as f:
            words |= set(re.findall(r'\w+', re.sub(r'/\*.*?\*/', ' ', f.read(), flags=re.S)))
    return words


def enum_values(root):
    words = declared_words(root)
    lines = ['#include <Network/Network.h>']
    for r in rows(root, 'enums.tsv'):
        if r['enumerator'] in words:
            lines.append('_Static_assert(%s == %s, "%s");' % (r['enumerator'], r['value'], r['enumerator']))
    if len(lines) < 2:
        return ['enums.tsv: none of its values is declared']
    out = [compile_text(root, cc, 'c', ['-std=gnu11'], '\n'.join(lines) + '\n') for cc in ('gcc', 'clang')]
    return ['enums.tsv differs:\n' + o for o in out if o]


def prototypes(root):
    """Each function of functions.tsv that is declared, declared once more as the list has it."""
    words = declared_words(root)
    lines = ['#include <Network/Network.h>', '#pragma clang diagnostic ignored "-Wnullability-completeness"',
             '#pragma clang diagnostic ignored "-Wnullability"',
             '#pragma clang diagnostic ignored "-Wnullability-extension"']
    first = len(lines)
    for r in rows(root, 'functions.tsv'):
        if r['function'] in words:
            both = '%s %s(%s);' % (r['return'], r['function'], r['parameters'])
            both = re.sub(r'\b(_Nullable|_Nonnull)\b', '', both)
            lines.append(re.sub(r'\bnoescape\b', 'NW_NOESCAPE', both))
    if len(lines) == first:
        return ['functions.tsv: none of its functions is declared']
    out = compile_text(root, 'clang', 'c', ['-std=gnu11', '-fblocks'], '\n'.join(lines) + '\n')
    return ['functions.tsv differs:\n' + out] if out else []


def supplies(root):
    bad = []
    for cc, flags in (('gcc', []), ('clang', []), ('clang', ['-fblocks', '-DWITH_BLOCKS'])):
        with tempfile.TemporaryDirectory() as tmp:
            cmd = [cc, '-x', 'c', '-std=gnu11', '-Wall', '-Wextra', '-Werror', *flags, '-I',
                   os.path.join(root, 'include'), '-', '-o', os.path.join(tmp, 'a'), '-lm']
            text = SUPPLIES + ('int (^block)(void) = ^{ return 0; };\n' if '-fblocks' in flags else '')
            if '-fblocks' in flags:
                cmd.append('-lBlocksRuntime')
            run = subprocess.run(cmd, input=text, capture_output=True, text=True, timeout=120)
            if run.returncode:
                bad.append('Network.h does not supply all (%s):\n%s' % (' '.join([cc] + flags), run.stderr))
            elif subprocess.run([os.path.join(tmp, 'a')], capture_output=True, timeout=60).returncode:
                bad.append('Network.h: the program of what it supplies fails (%s)' % cc)
    return bad


def check(root, variants):
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        bad = alone(root, pool, variants)
    return bad + direct_warns(root) + enum_values(root) + prototypes(root) + supplies(root)


def self_test(root):
    """Each edit of a copy of include/ must be complained about; no edit must not."""
    edits = [
        (None, None, None, False),
        ('Network/error.h', 'nw_error_domain_dns = 2', 'nw_error_domain_dns = 3', True),
        ('Network/error.h', '#warning', '// #warning', True),
        ('Network/error.h', '#include <Network/nw_object.h>', '', True),
        ('Network/endpoint.h', 'uint16_t nw_endpoint_get_port', 'uint32_t nw_endpoint_get_port', True),
        ('Network/connection.h', 'uint32_t minimum_incomplete_length', 'uint64_t minimum_incomplete_length', True),
        ('Network/Network.h', '#include <inttypes.h>', '', True),
        ('MacTypes.h', '#define nil', '#define nihil', True),
        ('Availability.h', '#define __builtin_available(...) 1', '', True),
        ('os/base.h', '#define _Nullable', '', True),
        ('dispatch/once.h', 'intptr_t dispatch_once_t', 'unknown_t dispatch_once_t', True),
    ]
    failed = 0
    for name, old, new, expected in edits:
        with tempfile.TemporaryDirectory() as tmp:
            shutil.copytree(os.path.join(root, 'include'), os.path.join(tmp, 'include'))
            shutil.copytree(os.path.join(root, 'api'), os.path.join(tmp, 'api'))
            if name:
                path = os.path.join(tmp, 'include', name)
                with open(path) as f:
                    text = f.read()
                assert old in text, '%s has no %r any more' % (name, old)
                with open(path, 'w') as f:
                    f.write(text.replace(old, new))
            if bool(check(tmp, QUICK)) != expected:
                failed += 1
                print('self-test: %s: %r -> %r: expected %s' % (name, old, new, 'a complaint' if expected else 'none'))
    print('headers: %d edits, %d failed' % (len(edits), failed))
    return failed


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--root', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
    ap.add_argument('--self-test', action='store_true')
    args = ap.parse_args()
    lacking = [c for c in ('gcc', 'g++', 'clang', 'clang++') if not shutil.which(c)]
    if lacking:
        print('headers: skipped: no ' + ', '.join(lacking))
        return 1 if os.environ.get('BRAID_REQUIRE_ALL') else 77
    root = os.path.abspath(args.root)
    if args.self_test:
        return 1 if self_test(root) else 0
    bad = check(root, VARIANTS)
    print('\n'.join(bad) if bad else 'headers: clean (%d headers, %d compilers and modes)' % (
        len(own_headers(root)), len(VARIANTS)))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
