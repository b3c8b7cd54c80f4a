#!/usr/bin/env python3
"""The documents stay true: links, targets, commands, functions, tables and README's program are checked.

    docs.py [--lib libNetwork.so] [--root DIR]    complains
    docs.py --self-test                           shows that it notices
"""
import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, '..', '..'))
GENERATED = ('docs/api-status.md',)
PROSE_MAX = 110
# code that readers are shown, not told of
NOT_OURS = {'main', 'close', 'socket', 'malloc', 'free', 'exit', 'time', 'gettimeofday', 'strerror', 'epoll_ctl',
            'recvfrom', 'sendto', 'sendmsg', 'assert', 'printf', 'snprintf', 'sprintf', 'strcpy', 'strcat', 'atoi',
            'sscanf', 'sleep', 'poll', 'pthread_create', 'memcmp', 'on_state', 'memcpy', 'alloca', 'strtok'}
NOT_HERE = re.compile(r'\.\./shared|/work/|/tmp/build')


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        return f.read()


def documents(root):
    found = []
    for d, dirs, names in os.walk(root):
        dirs[:] = [x for x in dirs if not x.startswith('.') and x not in ('build', 'corpus')]
        found += [os.path.relpath(os.path.join(d, n), root) for n in names if n.endswith('.md')]
    return sorted(found)


def split(text):
    """(prose with code spans, the code: blocks and spans as a list)"""
    code, prose, fenced = [], [], False
    for line in text.split('\n'):
        if line.lstrip().startswith('```'):
            fenced = not fenced
            prose.append('')
        elif fenced or (line.startswith('    ') and (not prose or prose[-1] == '' or prose[-1] is None)):
            code.append(line.strip())
            prose.append('' if fenced else None)
        else:
            prose.append(line)
    prose = '\n'.join(p or '' for p in prose)
    return prose, code + re.findall(r'`([^`\n]+)`', prose)


def slugs(text):
    found = set()
    for line in split(text)[0].split('\n'):
        m = re.match(r'#+ (.*)', line)
        if m:
            word = re.sub(r'[^\w\- ]', '', m.group(1).lower()).replace(' ', '-')
            found.add(word)
    return found


def check_links(root, path, text):
    bad = []
    for target in re.findall(r'\]\(([^)\s]+)\)', split(text)[0]):
        if re.match(r'[a-z]+:', target):
            continue
        name, _, anchor = target.partition('#')
        full = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        if full.startswith('..') or not os.path.exists(os.path.join(root, full)):
            bad.append('%s: the link to %s leads nowhere' % (path, target))
        elif anchor and full.endswith('.md') and anchor not in slugs(read(root, full)):
            bad.append('%s: the link to %s: no such heading' % (path, target))
    return bad


def make_targets(root):
    text = read(root, 'Makefile')
    found = set()
    for m in re.finditer(r'^([a-zA-Z][\w -]*):(?!=)', text, re.M):
        found |= set(m.group(1).split())
    return found


def check_make(path, code, targets):
    bad = []
    for line in code:
        for m in re.finditer(r'(?:^|[\s/&;])make((?: +[A-Z_]+=\S*)*(?: +[a-z][\w-]*)*)(?= *(?:#|$|[A-Z&;|]))', line):
            for word in m.group(1).split():
                if '=' not in word and word not in targets:
                    bad.append('%s: "make %s": no such target' % (path, word))
    return bad


def commands(root):
    return set(re.findall(r'\{ "([a-z]+)",', read(root, 'src/cli/main.c'))) | {'help'}


def check_braid(root, path, code, known):
    bad = []
    lab = read(root, 'src/cli/cmd_lab.c') if os.path.exists(os.path.join(root, 'src/cli/cmd_lab.c')) else ''
    for line in code:
        line = line.split(' -- ')[0].split('# ')[0]
        for m in re.finditer(r'(?:^|[\s$"])braid ([a-z]+)((?: [a-z]+)?)(:?)([^|&;"]*)', line):
            command, sub, output, rest = m.groups()
            if command not in known:
                bad.append('%s: "braid %s": no such command' % (path, command))
                continue
            source = os.path.join('src', 'cli', 'cmd_%s.c' % command)
            if command == 'help' or output or not os.path.exists(os.path.join(root, source)):
                continue
            if command == 'lab' and sub and '"%s"' % sub.strip() not in lab:
                bad.append('%s: "braid lab%s": no such command' % (path, sub))
            for option in re.findall(r'(?<=\s)--([a-z][a-z-]+)', rest):
                if '"%s"' % option not in read(root, source) and option not in ('help', 'version'):
                    bad.append('%s: "braid %s --%s": no such option' % (path, command, option))
    return bad


class Sources:
    """What is named in the sources."""

    def __init__(self, root):
        self.root = root
        self.words, self.files = set(), set()
        for top in ('src', 'include', 'tests', 'bench', 'examples', 'fuzz', 'tools', 'cmake'):
            for d, _, names in os.walk(os.path.join(root, top)):
                for n in names:
                    self.files.add(os.path.relpath(os.path.join(d, n), root))
                    if n.endswith(('.c', '.h', '.cmake', '.txt', '.map')):
                        self.take(os.path.join(d, n))
        api = os.path.join(root, 'api')
        for n in os.listdir(api) if os.path.isdir(api) else []:
            self.take(os.path.join(api, n))

    def take(self, path):
        with open(path, encoding='utf-8', errors='replace') as f:
            self.words |= set(re.findall(r'\w+', f.read()))


def check_names(root, path, code, sources):
    """Functions, types and files that a document names are there."""
    bad = []
    for text in code:
        for name in re.findall(r'\b([a-zA-Z_]\w*)\(\)', text):
            if name not in sources.words and name not in NOT_OURS:
                bad.append('%s: %s() is not in the sources' % (path, name))
        for name in re.findall(r'\b((?:bri|nw|braid|dispatch|BRI|BRAID|NW)_\w+[a-zA-Z0-9])\b(?!\*)', text):
            if name not in sources.words and '<' not in text:
                bad.append('%s: %s is not in the sources' % (path, name))
        m = re.fullmatch(r'((?:src|tests|docs|bench|tools|fuzz|include|examples|cmake|api|\.ci)/[\w./-]*\w)/?', text)
        if m and not os.path.exists(os.path.join(root, m.group(1))):
            bad.append('%s: %s does not exist' % (path, m.group(1)))
    return bad


def check_paths_in_tables(path, text, sources):
    """`name()` | api/x.c | ...: the function is in that very file."""
    bad = []
    for m in re.finditer(r'^\| (`[^|]*\(\)`[^|]*) \| ([\w/]+\.c) \|', text, re.M):
        name = 'src/' + m.group(2)
        if name not in sources.files:
            bad.append('%s: %s does not exist' % (path, name))
            continue
        words = read(sources.root, name)
        for function in re.findall(r'(\w+)\(\)', m.group(1)):
            if not re.search(r'^(?:\w[^\n\t/]*)?\b%s\(' % function, words, re.M):
                bad.append('%s: %s() is not in %s' % (path, function, name))
    return bad


def check_lives(root, path, text):
    """The life cycle tables are those of stack/life.c."""
    source = os.path.join(root, 'src/stack/life.c')
    if not os.path.exists(source):
        return []
    bad = []
    code = read(root, 'src/stack/life.c')
    for title, prefix, names in (
            ('connection', 'BRI_LIFE_', {'S': 'setup', 'W': 'waiting', 'P': 'preparing', 'R': 'ready', 'F': 'failed',
                                         'C': 'cancelled'}),
            ('listener', 'BRI_LISTEN_', {'S': 'setup', 'W': 'waiting', 'R': 'ready', 'F': 'failed',
                                         'C': 'cancelled'})):
        table = re.search(r'^\| %s \|.*\n\|[-|]*\|\n((?:\|.*\n)+)' % title, text, re.M)
        if not table:
            return ['%s: no table of the life of a %s' % (path, title)]
        told = {}
        for row in table.group(1).strip().split('\n'):
            cells = [c.strip() for c in row.strip('|').split('|')]
            told[cells[0]] = cells[1:]
        for state, letters in re.findall(r'\[%s([A-Z]+)\] = "(.*?)"' % prefix, code):
            real = [names.get(x, x) for x in letters]
            if told.get(state.lower()) != real:
                bad.append('%s: the life of a %s, state %s: the table says %s, stack/life.c %s' % (
                    path, title, state.lower(), told.get(state.lower()), real))
    return bad


def check_layers(root, path, text):
    """The table of layers is that of the lint."""
    lint = os.path.join(root, 'tests/lint/layers.py')
    if not os.path.exists(lint):
        return []
    may = load('layers', lint).MAY
    bad = []
    table = re.search(r'^\| directory \| may include.*\n\|[-|]*\|\n((?:\|.*\n)+)', text, re.M)
    if not table:
        return ['%s: no table of layers' % path]
    seen = set()
    for row in table.group(1).strip().split('\n'):
        name, cell = [c.strip() for c in row.strip('|').split('|')]
        seen.add(name)
        if cell.startswith('all of those'):
            continue
        first = cell.split(';')[0]
        told = {w for w in re.findall(r'\w+', first.replace('public dispatch headers', '').replace('public headers', ''))
                if w != 'nothing'}
        real = {m for m in may.get(name, []) if not m.startswith('public')
                and os.path.isdir(os.path.join(root, 'src', m))}
        if told != real:
            bad.append('%s: layers: %s may include %s, says tests/lint/layers.py' % (
                path, name, ', '.join(sorted(real)) or 'nothing'))
    for name in may:
        if os.path.isdir(os.path.join(root, 'src', name)) and name not in seen:
            bad.append('%s: layers: %s is not in the table' % (path, name))
    return bad


def check_style(path, text):
    bad = []
    if NOT_HERE.search(text):
        bad.append('%s: names a place outside the project: %s' % (path, NOT_HERE.search(text).group(0)))
    prose = split(text)[0].split('\n')
    for i, line in enumerate(prose):
        if len(line) > PROSE_MAX and not line.startswith(('|', '- `', '!', '[')):
            bad.append('%s:%d: %d columns' % (path, i + 1, len(line)))
    return bad


def check_program(root, lib):
    """README's first C program compiles, and links with the library where there is one."""
    m = re.search(r'```c\n(#include <Network/Network.h>\n.*?)```', read(root, 'README.md'), re.S)
    if not m:
        return ['README.md: no C program']
    clang = shutil.which('clang')
    if not clang:
        return ['README.md: no clang to compile its program'] if os.environ.get('BRAID_REQUIRE_ALL') == '1' else []
    with tempfile.TemporaryDirectory() as work:
        source, out = os.path.join(work, 'hello.c'), os.path.join(work, 'hello')
        with open(source, 'w') as f:
            f.write(m.group(1))
        cmd = [clang, '-fblocks', '-Wall', '-Wextra', '-Werror', '-I' + os.path.join(root, 'include'), source, '-o', out]
        cmd += [lib, '-lBlocksRuntime', '-Wl,--allow-shlib-undefined'] if lib else ['-c']
        done = subprocess.run(cmd, capture_output=True, text=True, timeout=60)
        return [] if done.returncode == 0 else ['README.md: its program does not compile:\n' + done.stderr]


def check(root, lib=None):
    bad = []
    targets, known, sources = make_targets(root), commands(root), Sources(root)
    for path in documents(root):
        text = read(root, path)
        if path in GENERATED:
            continue
        _, code = split(text)
        bad += check_links(root, path, text) + check_make(path, code, targets) + check_braid(root, path, code, known)
        bad += check_names(root, path, code, sources) + check_style(path, text)
        if path == 'docs/design.md':
            bad += check_paths_in_tables(path, text, sources) + check_lives(root, path, text)
            bad += check_layers(root, path, text)
    if os.path.exists(os.path.join(root, 'docs', 'design.md')):
        file_list = load('file_list', os.path.join(ROOT, 'tools', 'file_list.py'))
        text, more = file_list.current(root)
        bad += more
        if text != read(root, 'docs/design.md'):
            bad.append('docs/design.md: not current: run tools/file_list.py')
    return bad + check_program(root, lib)


# --- self-test ---

README = '''# X

See [design](docs/design.md#the-way). `make demo`, then `braid check --json`.

```c
#include <Network/Network.h>
int main(void) { return NETWORK; }
```
'''
DESIGN = '''# Design

## The way

`bri_thing_go()` is in `src/stack/life.c`.

| function | file | what |
|---|---|---|
| `bri_thing_go()` | stack/life.c | goes |

| connection | start |
|---|---|
| setup | preparing |

| listener | bound |
|---|---|
| setup | ready |

| directory | may include |
|---|---|
| stack | nothing |
| cli | stack, public headers |

<!-- limits: -->
| name | file | value | reason |
|---|---|---|---|
| `THING_MAX` | `src/stack/life.c` | 3 | as it is |
<!-- end of limits -->
<!-- files: -->
<!-- end of files -->
'''
FILES = {
    'README.md': README,
    'docs/design.md': DESIGN,
    'Makefile': 'demo: x\n',
    'include/Network/Network.h': '/* A header. */\n#define NETWORK 0\n',
    'src/cli/main.c': '/* The command. */\n{ "check", "help", run },\n',
    'src/cli/cmd_check.c': '/* Check. */\n"json"\n',
    'src/stack/life.c': '/* Lives. */\n#define THING_MAX 3 /* because */\nvoid bri_thing_go(void)\n{\n}\n'
                        '[BRI_LIFE_SETUP] = "P"\n[BRI_LISTEN_SETUP] = "R"\n',
    'tests/lint/layers.py': '"""Layers."""\nMAY = {"stack": [], "cli": ["stack", "public"]}\n',
}
CASES = [  # what, file, from, to, words of the complaint
    ('broken link', 'README.md', 'docs/design.md#', 'docs/none.md#', 'leads nowhere'),
    ('broken anchor', 'README.md', '#the-way', '#the-end', 'no such heading'),
    ('target', 'README.md', 'make demo', 'make tea', 'no such target'),
    ('command', 'README.md', 'braid check', 'braid fly', 'no such command'),
    ('option', 'README.md', '--json', '--yaml', 'no such option'),
    ('program', 'README.md', 'return NETWORK', 'return NETWROK', 'does not compile'),
    ('place', 'README.md', 'See', 'See ../shared,', 'outside the project'),
    ('long line', 'README.md', 'See', 'See ' + 'so ' * 40, 'columns'),
    ('function', 'docs/design.md', '`bri_thing_go()` is', '`bri_thing_run()` is', 'is not in the sources'),
    ('its file', 'docs/design.md', '| stack/life.c', '| cli/main.c', 'is not in src/cli/main.c'),
    ('file', 'docs/design.md', '`src/stack/life.c`.', '`src/stack/lives.c`.', 'does not exist'),
    ('life', 'docs/design.md', '| setup | preparing |', '| setup | failed |', 'the table says'),
    ('layers', 'docs/design.md', '| stack | nothing |', '| stack | cli |', 'may include'),
    ('limit', 'docs/design.md', '`THING_MAX`', '`OTHER_MAX`', 'is not in the sources'),
    ('value', 'src/stack/life.c', 'MAX 3', 'MAX 4', 'not current'),
    ('new limit', 'src/stack/life.c', '#define', '#define MORE_MAX 9 /* why not */\n#define', 'not current'),
    ('list', 'src/stack/life.c', 'Lives', 'Other', 'not current'),
    ('no comment', 'src/cli/cmd_check.c', '/* Check. */', '', 'without a comment'),
]


def self_test():
    file_list = load('file_list', os.path.join(ROOT, 'tools', 'file_list.py'))
    failed = 0
    for what, changed, old, new, words in [('clean', None, '', '', '')] + CASES:
        with tempfile.TemporaryDirectory() as root:
            for path, text in FILES.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)) or root, exist_ok=True)
                with open(os.path.join(root, path), 'w') as f:
                    f.write(text)
            text, _ = file_list.current(root)
            with open(os.path.join(root, 'docs/design.md'), 'w') as f:
                f.write(text)
            if changed:
                text = read(root, changed)
                assert old in text, what
                with open(os.path.join(root, changed), 'w') as f:
                    f.write(text.replace(old, new, 1))
            if what == 'program' and not shutil.which('clang'):
                continue
            bad = check(root)
            if (words and not any(words in b for b in bad)) or (not words and bad):
                failed += 1
                print('self-test: %s: %s' % (what, bad))
    print('docs: %d cases, %d failed' % (len(CASES) + 1, failed))
    return failed


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--root', default=ROOT)
    ap.add_argument('--lib')
    ap.add_argument('--self-test', action='store_true')
    args = ap.parse_args()
    if args.self_test:
        return 1 if self_test() else 0
    bad = check(args.root, args.lib if args.lib and os.path.exists(args.lib) else None)
    print('\n'.join(bad) if bad else 'docs: clean (%d documents)' % len(documents(args.root)))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
