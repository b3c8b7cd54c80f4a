#!/usr/bin/env python3
"""Keeps two sections of docs/design.md as the sources are: the files, one line each, and the limits.

    file_list.py            rewrites the sections between their markers
    file_list.py --check    complains when they are not current

A file's line is the first sentence of its first comment. Of a limit the name, file and value come from
the #define; the reason is written by hand, but a limit that is not in the table yet gets the comment
beside its #define.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
DESIGN = os.path.join('docs', 'design.md')
TOPS = ('src', 'include', 'examples', 'tests', 'fuzz', 'bench', 'tools', 'cmake', '.ci')
TYPES = ('.c', '.h', '.py', '.sh', '.cmake')
NAMES = ('CMakeLists.txt',)
LINE_MAX = 120
# in the order of the layers
ORDER = ['src/' + d for d in ('base', 'dispatch', 'netlink', 'transport', 'stack', 'api', 'control', 'policy', 'daemon',
                              'run', 'cli', 'lab', 'demo')]
# how a file without a comment of its own is told
FIXED = {
    'bench/server_node.js': "the server on node's ws: echo of binary messages, no extensions",
    'cmake/braid.pc.in': 'what `pkg-config braid` says',
    'cmake/libNetwork.map': 'which names the shared library exports',
}
LIMIT_DIRS = tuple(ORDER[:-1])
DEFINE = re.compile(r'^#define[ \t]+(\w+)[ \t]+((?:[^\\\n]|\\.)*)', re.M | re.S)
LIMIT = re.compile(r'(^|_)MAX(_|$)')
ROW = re.compile(r'^\| `(\w+)` \| `([^`]*)` \| (.*?) \| (.*) \|$')


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8', errors='replace') as f:
        return f.read()


def tracked(root):
    """Files of the repository; where there is no git, those of the tree."""
    out = None
    if shutil.which('git'):
        out = subprocess.run(['git', '-C', root, 'ls-files', *TOPS], capture_output=True, text=True)
    if out and out.returncode == 0 and out.stdout:
        return sorted({p for p in out.stdout.splitlines() if os.path.isfile(os.path.join(root, p))})
    found = []
    for top in TOPS:
        for d, _, names in os.walk(os.path.join(root, top)):
            found += [os.path.relpath(os.path.join(d, n), root) for n in names]
    return sorted(found)


def first_sentence(text):
    text = ' '.join(text.split())
    text = re.split(r'(?<!e\.g)(?<!i\.e)\.(?: |$)', text)[0]
    for mark in ('; ', ': ', ', '):
        if len(text) > LINE_MAX and 20 < text.find(mark):
            text = text[:max(text.rfind(mark, 0, LINE_MAX), text.find(mark))]
    if len(text) > LINE_MAX:
        text = text[:LINE_MAX].rsplit(' ', 1)[0] + ' ...'
    return text.rstrip('.:;,')


def describe(path, text):
    """What the file says of itself; '' if nothing."""
    if path in FIXED:
        return FIXED[path]
    if text.startswith('#!') and not path.endswith('.py'):
        text = text.split('\n', 1)[1]
    if path.endswith(('.c', '.h')):
        m = re.match(r'\s*/\*(.*?)\*/', text, re.S)
        return first_sentence(re.sub(r'^\s*\*', ' ', m.group(1), flags=re.M)) if m else ''
    if path.endswith('.py'):
        m = re.search(r'^"""(.*?)(?:"""|\n\n)', text, re.S | re.M)
        return first_sentence(m.group(1)) if m else ''
    lines = []
    for line in text.split('\n'):
        if not line.startswith('#'):
            break
        if line.startswith('# shellcheck'):
            continue
        lines.append(line.lstrip('# '))
    return first_sentence(' '.join(lines))


def wanted(path):
    if '/corpus/' in path or os.path.basename(path).startswith('.'):
        return False
    name = os.path.basename(path)
    if name in NAMES:
        return False  # lists of the files beside them
    return path.endswith(TYPES) or path in FIXED or ('.' not in name and path.startswith(('tools/', '.ci/')))


def files_section(root):
    lines, here, bad = [], None, []
    order = {d: i for i, d in enumerate(ORDER + list(TOPS))}

    def place(path):
        d = os.path.dirname(path)
        return order.get(d, order[d.split('/')[0]]), d, path

    for path in sorted(filter(wanted, tracked(root)), key=place):
        directory = os.path.dirname(path)
        if directory != here:
            lines += ['', '**%s/**' % directory, ''] if here is not None else ['**%s/**' % directory, '']
            here = directory
        text = describe(path, read(root, path))
        header = re.match(r'See (\w+\.h)\b', text)
        if header and os.path.isfile(os.path.join(root, directory, header.group(1))):
            text = describe(header.group(1), read(root, os.path.join(directory, header.group(1))))
        if not text:
            bad.append('%s: begins without a comment that says what it is' % path)
        lines.append('- `%s`: %s' % (os.path.basename(path), text))
    return '\n'.join(lines), bad


def comment_at(text, at, end):
    """The comment on the lines of a #define, or else just above it."""
    m = re.search(r'/\*(.*?)\*/', text[at:text.find('\n', end) + 1 or None], re.S)
    if not m:
        m = re.search(r'^/\*((?:(?!\*/).)*)\*/\n\Z', text[:at], re.S | re.M)
    return ' '.join(re.sub(r'(^|\n)\s*\*|\\\n', ' ', m.group(1)).split()) if m else ''


def find_limits(root):
    """name -> (file, value, comment) of every #define that may be a limit, and of the rest for look-ups."""
    found = {}
    for top in LIMIT_DIRS:
        for d, _, names in sorted(os.walk(os.path.join(root, top))):
            for n in sorted(names):
                if not n.endswith(('.c', '.h')):
                    continue
                path = os.path.relpath(os.path.join(d, n), root)
                text = read(root, path)
                for m in DEFINE.finditer(text):
                    value = re.sub(r'/\*.*', '', m.group(2).replace('\\\n', ' '), flags=re.S)
                    value = ' '.join(value.split())
                    if value:
                        found.setdefault((m.group(1), path), (value, comment_at(text, m.start(), m.end())))
    return found


def tell_value(value):
    """As a person writes it: without the suffixes and outer brackets of C."""
    value = re.sub(r'UINT64_C\((\w+)\)', r'\1', value)
    value = re.sub(r'\b(\d+)u(ll)?\b', r'\1', value)
    for unit, word in (('MS', 'ms'), ('BRI_NS_PER_MS', 'ms'), ('BRI_NS_PER_US', 'us'), ('BRI_NS_PER_S', 's')):
        value = re.sub(r'^\((\d+) \* %s\)$' % unit, r'\1 %s' % word, value)
    value = re.sub(r'^\((.*)\)$', r'\1', value)
    value = re.sub(r'^(\d+) \* 1024 \* 1024$', r'\1 MiB', value)
    return re.sub(r'^(\d+) \* 1024$', r'\1 KiB', value)


def limits_section(root, old):
    found, bad, rows, seen = find_limits(root), [], [], set()
    for line in old.split('\n'):
        m = ROW.match(line)
        if not m:
            if line.startswith('|') and not line.startswith(('| name', '|---')):
                bad.append('%s: a row of the limits that is not understood: %s' % (DESIGN, line))
            continue
        name, path, _, reason = m.groups()
        places = [p for n, p in found if n == name]
        if path not in places:
            if not places:
                bad.append('%s: the limit %s is not in the sources' % (DESIGN, name))
                continue
            path = places[0]
        if not reason.strip():
            bad.append('%s: the limit %s has no reason' % (DESIGN, name))
        seen.add((name, path))
        rows.append((path, name, tell_value(found[name, path][0]), reason))
    for (name, path), (value, comment) in found.items():
        if (name, path) in seen or not LIMIT.search(name) or path.endswith(('nl_uapi.h', 'run/options.c')):
            continue
        if not comment:
            bad.append('%s: the limit %s has no reason beside it' % (path, name))
        rows.append((path, name, tell_value(value), comment.replace('|', '\\|')))
    order = {d: i for i, d in enumerate(LIMIT_DIRS)}
    rows.sort(key=lambda r: (order[os.path.dirname(r[0])], r[0]))
    return '\n'.join(['| name | file | value | reason |', '|---|---|---|---|'] +
                     ['| `%s` | `%s` | %s | %s |' % (n, p, v, r) for p, n, v, r in rows]), bad


def replace(text, name, make):
    pattern = re.compile(r'(<!-- %s: [^\n]*-->\n)(.*?)(<!-- end of %s -->)' % (name, name), re.S)
    m = pattern.search(text)
    if not m:
        return text, ['%s: no section between markers "%s"' % (DESIGN, name)]
    new, bad = make(m.group(2))
    return text[:m.end(1)] + new + '\n' + text[m.start(3):], bad


def current(root):
    """The document as it should be, and complaints."""
    text, bad = replace(read(root, DESIGN), 'limits', lambda old: limits_section(root, old))
    text, more = replace(text, 'files', lambda old: files_section(root))
    return text, bad + more


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--root', default=ROOT)
    ap.add_argument('--check', action='store_true')
    args = ap.parse_args()
    text, bad = current(args.root)
    if args.check:
        if text != read(args.root, DESIGN):
            bad.append('%s: not current: run tools/file_list.py' % DESIGN)
    else:
        with open(os.path.join(args.root, DESIGN), 'w', encoding='utf-8') as f:
            f.write(text)
    print('\n'.join(bad), file=sys.stderr, end='\n' if bad else '')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
