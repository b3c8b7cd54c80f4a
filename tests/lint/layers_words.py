#!/usr/bin/env python3
"""Words that must not be in src/ and include/, and files that have grown too long.

    layers_words.py [--root DIR]    complains
    layers_words.py --self-test     shows that it notices
"""
import argparse
import os
import re
import sys
import tempfile

MAX_LINES = 800
FORBIDDEN_CALLS = {
    'strcpy': 'no bound', 'strcat': 'no bound', 'stpcpy': 'no bound', 'sprintf': 'no bound',
    'vsprintf': 'no bound', 'gets': 'no bound', 'atoi': 'no error', 'atol': 'no error', 'atoll': 'no error',
    'atof': 'no error', 'strtok': 'hidden state', 'alloca': 'no bound', 'sleep': 'wait for the event',
    'usleep': 'wait for the event', 'nanosleep': 'wait for the event', 'clock_nanosleep': 'wait for the event',
}
# (file, function): why it may all the same. One that is not needed any more is complained about.
EXCEPTIONS = {
    ('src/dispatch/monitor.c', 'nanosleep'): "the monitor's tick is a clock: it waits for nothing",
}
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
CALL = re.compile(r'(?<![\w.])(?<!->)(%s)\s*\(' % '|'.join(FORBIDDEN_CALLS))
BARE = re.compile(r'\b(TODO|FIXME|XXX)\b')


def check_text(where, text, exceptions, used):
    bad = []
    lines = text.count('\n')
    if lines > MAX_LINES:
        bad.append('%s: %d lines: split it (limit %d)' % (where, lines, MAX_LINES))
    code = COMMENT_OR_STRING.sub(lambda m: '""' + '\n' * m.group(0).count('\n'), text)
    for m in CALL.finditer(code):
        if (where, m.group(1)) in exceptions:
            used.add((where, m.group(1)))
            continue
        at = code.count('\n', 0, m.start()) + 1
        bad.append('%s:%d: %s(): %s' % (where, at, m.group(1), FORBIDDEN_CALLS[m.group(1)]))
    for m in BARE.finditer(text):
        bad.append('%s:%d: a bare %s' % (where, text.count('\n', 0, m.start()) + 1, m.group(1)))
    return bad


def check(root, exceptions=None):
    bad, used = [], set()
    exceptions = exceptions or {}
    for top in ('src', 'include'):
        for d, _, names in os.walk(os.path.join(root, top)):
            for n in sorted(names):
                if n.endswith(('.c', '.h')):
                    path = os.path.join(d, n)
                    with open(path) as f:
                        bad += check_text(os.path.relpath(path, root), f.read(), exceptions, used)
    bad += ['%s: the exception for %s() is not needed any more' % e for e in sorted(set(exceptions) - used)]
    return bad


def self_test():
    cases = [
        ('int f(void)\n{\n\treturn 0;\n}\n', False),
        ('\tstrcpy(a, b);\n', True),
        ('\tstrlcpy(a, b, n);\n', False),
        ('\tn = sprintf (a, "%d", 1);\n', True),
        ('\tn = snprintf(a, n, "sprintf(x)");\n', False),
        ('\t/* not sleep(1) */\n', False),
        ('\tsleep(1);\n', True),
        ('\tnanosleep(&ts, NULL);\n', True),
        ('\tops->sleep(1);\n', False),
        ('\tx = atoi(s);\n', True),
        ('\tp = strtok(s, ",");\n', True),
        ('/* TODO: later */\n', True),
        ('/* todo list */\n', False),
        ('\n' * MAX_LINES, False),
        ('\n' * (MAX_LINES + 1), True),
    ]
    failed = 0
    for text, expected in cases:
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, 'src', 'base'))
            with open(os.path.join(root, 'src', 'base', 'a.c'), 'w') as f:
                f.write(text)
            if bool(check(root)) != expected:
                failed += 1
                print('self-test: %r: expected %s' % (text[:60], 'a complaint' if expected else 'none'))
    with tempfile.TemporaryDirectory() as root:
        if not check(root, {('src/base/a.c', 'sleep'): 'gone'}):
            failed += 1
            print('self-test: a stale exception is not noticed')
    print('layers_words: %d cases, %d failed' % (len(cases), failed))
    return failed


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--root', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
    ap.add_argument('--self-test', action='store_true')
    args = ap.parse_args()
    if args.self_test:
        return 1 if self_test() else 0
    bad = check(os.path.abspath(args.root), EXCEPTIONS)
    print('\n'.join(bad) if bad else 'layers_words: clean')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
