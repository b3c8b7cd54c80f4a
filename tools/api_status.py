#!/usr/bin/env python3
"""What of the API exists: writes docs/api-status.md from api/*.tsv, include/ and src/.

A function is done when it is declared in include/ and defined in src/. Sources say what is missing:

    /* api-status: partial nw_foo: what is missing */
    /* api-status: no-op nw_foo: why it does nothing on Linux */

    api_status.py                   write docs/api-status.md
    api_status.py --check           fail when that file is stale, or a symbol that must be there is not explained
    api_status.py --lib ARCHIVE     also compare with the symbols of the built archive or library
    api_status.py --declared        print what the public headers declare
"""
import argparse
import csv
import os
import re
import subprocess
import sys
from collections import OrderedDict, namedtuple

API = r'(?:_?nw_|_?dispatch_|sec_|braid_|kNW|(?:__)?CF[A-Z]|kCF|Sec[A-Z]|kSec)'

# groups whose every function must be done or explained
MUST = ['object', 'endpoint', 'error', 'interface', 'path', 'parameters', 'protocol', 'tcp_options',
        'udp', 'ip', 'content_context', 'connection', 'listener', 'reports', 'privacy_context',
        'resolver_config', 'ws', 'tls', 'sec_protocol_options', 'sec_protocol_metadata', 'sec_object',
        'proxy_config', 'relay', 'framer']

GROUP_REASON = {
    'advertise': 'comes with Bonjour',
    'browser': 'comes with Bonjour',
    'txt_record': 'comes with Bonjour',
    'connection_group': 'comes with QUIC and multicast groups',
    'quic': 'comes with QUIC',
    'ethernet_channel': 'comes with raw Ethernet channels',
    'path_monitor': 'not yet; the state of the network that it tells of is there',
    'block': 'dispatch_block_* objects: no program that was looked at uses them',
    'workloop': 'Apple only; open source programs do not use them',
    'CoreFoundation': 'beyond the CoreFoundation compatibility pack',
    'Security (CF-style)': 'needs a keychain, or is Secure Transport, which Apple has given up as well',
    'type': 'comes with TLS',
}
SEC_REASON = 'comes with TLS'
SEC_DETAILS = 'one program uses it, to print; the DER is there for a parser'
PRIVATE_KEYS = 'a SecKey here is a public key; <braid/security.h> makes identities of private ones'
OBJC_ONLY = 'Objective-C only: not visible to C on Apple systems either'

SYMBOL_REASON = {
    'SecCertificateCopyLongDescription': SEC_DETAILS,
    'SecCertificateCopyValues': SEC_DETAILS,
    'SecKeyCopyAttributes': PRIVATE_KEYS,
    'SecKeyCreateWithData': PRIVATE_KEYS,
    'SecIdentityCreateWithCertificate': PRIVATE_KEYS,
    'SecItemImport': PRIVATE_KEYS,
    'nw_framer_message_copy_object_value': OBJC_ONLY,
    'nw_framer_message_set_object_value': OBJC_ONLY,
    'nw_framer_options_copy_object_value': OBJC_ONLY,
    'nw_framer_options_set_object_value': OBJC_ONLY,
    'nw_parameters_create_quic': GROUP_REASON['quic'],
    'NW_QUIC_CONNECTION_DEFAULT_KEEPALIVE': GROUP_REASON['quic'],
    '_dispatch_once': 'a detail of libdispatch: its inline part of dispatch_once(), which here is a function',
    '_dispatch_once_f': 'a detail of libdispatch: its inline part of dispatch_once_f(), which here is a function',
    '_dispatch_object_validate': 'a detail of libdispatch',
    'dispatch_debug': 'prints the inside of libdispatch objects; nothing to print it of',
    'dispatch_debugv': 'prints the inside of libdispatch objects; nothing to print it of',
    'dispatch_allow_send_signals': 'Apple only: about signals sent to its worker threads',
}
HEADER_REASON = {
    'browse_result.h': GROUP_REASON['browser'], 'browser.h': GROUP_REASON['browser'],
    'browse_descriptor.h': GROUP_REASON['browser'], 'advertise_descriptor.h': GROUP_REASON['advertise'],
    'txt_record.h': GROUP_REASON['txt_record'], 'connection_group.h': GROUP_REASON['connection_group'],
    'group_descriptor.h': GROUP_REASON['connection_group'],
    'ethernet_channel.h': GROUP_REASON['ethernet_channel'], 'quic_options.h': GROUP_REASON['quic'],
    'path_monitor.h': GROUP_REASON['path_monitor'],
}

Decls = namedtuple('Decls', 'functions data macros words prototypes')
Row = namedtuple('Row', 'symbol state note')


def read_tsv(root, name):
    with open(os.path.join(root, 'api', name), newline='') as f:
        return list(csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE))


def strip_comments(text):
    """Comments become blanks, strings become empty ones; line numbers stay."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: ('""' if m.group(0)[0] in '"\'' else ' ') +
                  '\n' * m.group(0).count('\n'), text, flags=re.S)


def statements(text):
    """(text, ends with '{') of every statement outside of braces."""
    depth, start, out = 0, 0, []
    for i, c in enumerate(text):
        if c == '{':
            if depth == 0:
                out.append((text[start:i], True))
            depth += 1
        elif c == '}':
            depth = max(0, depth - 1)
            if depth == 0:
                start = i + 1
        elif c == ';' and depth == 0:
            out.append((text[start:i], False))
            start = i + 1
    return out


def own_headers(root):
    inc = os.path.join(root, 'include')
    found = []
    for d, _, names in os.walk(inc):
        found += [os.path.relpath(os.path.join(d, n), inc) for n in names if n.endswith('.h')]
    return sorted(found)


def declarations(root, cc='cc'):
    """What the public headers declare, as a C compiler with blocks sees them."""
    inc = os.path.join(root, 'include')
    names = own_headers(root)
    source = '#include <Network/Network.h>\n' if 'Network/Network.h' in names else ''
    source += ''.join('#define __NW_INDIRECT__\n' if i == 0 else '' + '#include <%s>\n' % n
                      for i, n in enumerate([''] + names))
    cmd = [cc, '-E', '-x', 'c', '-std=gnu11', '-D_GNU_SOURCE', '-D__BLOCKS__=1', '-I', inc, '-']
    run = subprocess.run(cmd, input=source, capture_output=True, text=True)
    if run.returncode:
        sys.exit('api_status: the headers do not compile:\n' + run.stderr)
    mine, lines = False, []
    for line in run.stdout.splitlines():
        mark = re.match(r'#\s*(?:line\s+)?\d+\s+"([^"]*)"', line)
        if mark:
            mine = os.path.abspath(mark.group(1)).startswith(os.path.abspath(inc) + os.sep)
        elif mine and not line.lstrip().startswith('#'):
            lines.append(line)
    text = re.sub(r'_Pragma\s*\("(?:\\.|[^"\\])*"\)', ' ', '\n'.join(lines))
    text = re.sub(r'__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)', ' ', text)
    functions, data, inlines, prototypes = set(), set(), set(), {}
    for stmt, body in statements(text):
        s = ' '.join(stmt.split())
        if s.startswith('typedef') or not s:
            continue
        m = re.search(r'\b([A-Za-z_]\w*)\s*\(', s)
        if m and not s.startswith(('struct ', 'union ', 'enum ')) or (m and body and '(' in s):
            if s.startswith('static'):
                inlines.add(m.group(1))
            else:
                functions.add(m.group(1))
                prototypes[m.group(1)] = s
        elif s.startswith('extern '):
            data.add(re.search(r'(\w+)\s*(?:\[[^\]]*\])?$', s).group(1))
    macros = {n for n in inlines if re.match(API, n)}
    for n in names:
        with open(os.path.join(inc, n)) as f:
            macros |= set(re.findall(r'^[ \t]*#[ \t]*define[ \t]+(\w+)', f.read(), flags=re.M))
    return Decls(functions, data, macros, set(re.findall(r'[A-Za-z_]\w*', text)), prototypes)


def definitions(root):
    """API names defined in src/ (all components but the programs)."""
    found = set()
    for d, _, names in os.walk(os.path.join(root, 'src')):
        for n in sorted(names):
            if not n.endswith('.c'):
                continue
            with open(os.path.join(d, n)) as f:
                text = strip_comments(f.read())
            text = re.sub(r'^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', '', text, flags=re.M)
            for stmt, body in statements(text):
                found |= defined_by(' '.join(stmt.split()), body)
    return found


def defined_by(s, body):
    if s.startswith(('typedef', 'extern ')) or re.match(r'(struct|union|enum)\s+\w+$', s):
        return set()
    # a macro that writes a definition: OPTION(nw_foo, ...)
    found = set()
    for args in re.findall(r'\b[A-Z][A-Z0-9_]*\s*\(([^()]*)\)', s):
        found |= {a for a in re.findall(r'\w+', args) if re.match(API, a)}
    head = s.split('=')[0]
    call = re.search(r'\b(%s\w+)\)?\s*\(' % API, head)
    if call:
        return found | ({call.group(1)} if body or 'alias' in s else set())
    name = re.search(r'\b(%s\w+)\s*(?:\[[^\]]*\])?\s*(?:__attribute__.*)?$' % API, head.strip())
    return found | ({name.group(1)} if name else set())


def notes(root):
    """({symbol: (kind, text)}, [what was not understood]) of the api-status comments."""
    found, bad = {}, []
    for d, _, names in os.walk(os.path.join(root, 'src')):
        for n in sorted(names):
            if not n.endswith(('.c', '.h')):
                continue
            with open(os.path.join(d, n)) as f:
                text = f.read()
            for comment in re.findall(r'/\*.*?\*/|//[^\n]*', text, flags=re.S):
                if 'api-status:' not in comment:
                    continue
                body = re.sub(r'\s*\n\s*\*?\s*', ' ', comment.strip('/*').strip())
                for part in body.split('api-status:')[1:]:
                    m = re.match(r'\s*(partial|no-?op|absent)\s+([\w ,]+?)\s*:\s*(.*)$', part, flags=re.S)
                    if not m:
                        bad.append('%s: api-status note not understood: %s' % (n, part.strip()))
                        continue
                    kind = 'no-op' if m.group(1).startswith('no') else m.group(1)
                    for symbol in re.findall(r'\w+', m.group(2)):
                        found[symbol] = (kind, ' '.join(m.group(3).split()).rstrip('. '))
    return found, bad


def library_symbols(path):
    # of a shared library what it exports, of an archive all that its objects define
    opts = ['-D'] if re.search(r'\.so(\.|$)', path) else ['-g']
    out = subprocess.run(['nm', *opts, '--defined-only', path], capture_output=True, text=True, check=True).stdout
    syms = {l.split()[-1].split('@')[0] for l in out.splitlines() if len(l.split()) >= 3}
    return {s for s in syms if re.match(API, s)}


class Api:
    def __init__(self, root, cc='cc'):
        self.root = root
        self.decls = declarations(root, cc)
        self.defined = definitions(root)
        self.notes, self.unexplained = notes(root)
        self.unexplained += [d + ': declared, but not defined in src/'
                             for d in sorted(self.decls.data - self.defined)]

    def function(self, name, reason, must=False):
        note = self.notes.get(name)
        if name in self.decls.functions:
            if name in self.defined:
                return Row(name, *(note or ('done', '')))
            if note and note[0] == 'absent':
                return Row(name, *note)
            if must:
                self.unexplained.append(name + ': declared, but not defined in src/')
            return Row(name, 'absent', 'declared; being written')
        if name in self.decls.macros:
            return Row(name, 'done', 'in the header')
        if name in SYMBOL_REASON:
            return Row(name, 'absent', SYMBOL_REASON[name])
        if not reason:
            self.unexplained.append(name + ': not declared in include/, and no reason given')
        return Row(name, 'absent', reason or 'no reason given')

    def functions(self):
        groups = OrderedDict()
        for r in read_tsv(self.root, 'functions.tsv'):
            g = r['group']
            groups.setdefault(g, []).append(self.function(r['function'], GROUP_REASON.get(g), g in MUST))
        return groups

    def twins(self):
        """The `_f` twins and other functions of our own: whatever is declared beyond the lists."""
        listed = {r['function'] for r in read_tsv(self.root, 'functions.tsv')}
        listed |= {r['function'] for r in read_tsv(self.root, 'dispatch.tsv') + read_tsv(self.root, 'sec.tsv')}
        own = sorted(self.decls.functions - listed)
        return [self.function(n, None, True) for n in own if re.match(API, n)]

    def missing_twins(self):
        """Functions that take a block and have no twin without."""
        out = []
        for name, proto in sorted(self.decls.prototypes.items()):
            if name.endswith('_f') or name not in self.decls.functions:
                continue
            block = '(^' in proto or re.search(r'\w+_block_t\b', proto) or any(
                re.search(r'\b%s\b' % t, proto) for t in self.block_types())
            if block and name + '_f' not in self.decls.functions:
                out.append(name)
        return out

    def block_types(self):
        return [r['name'] for r in read_tsv(self.root, 'types.tsv') if r['kind'] == 'block'] + [
            'dispatch_data_applier_t', 'dispatch_io_handler_t']

    def known(self, word):
        return word in self.decls.macros or word in self.decls.words

    def constants(self):
        rows = []
        for r in read_tsv(self.root, 'constants.tsv'):
            name, symbol = r['name'], r['value_or_symbol']
            if 'function' in r['kind'] or name.startswith('('):
                continue
            words = re.findall(r'(?:\b|(?<=/ ))(?:NW_|__NW|kNW)\w+', name)
            missing = [w for w in words if not (self.known(w) or self.known(w + '_BEGIN'))]
            label = name if len(words) == 1 else ', '.join(words)
            if missing and not [w for w in words if w not in missing]:
                reason = SYMBOL_REASON.get(name) or HEADER_REASON.get(r['header'])
                if not reason:
                    self.unexplained.append(name + ': constant without a reason')
                rows.append(Row(label, 'absent', reason or 'no reason given'))
            elif missing:
                rows.append(Row(label, 'partial', 'missing: ' + ', '.join(missing)))
            elif 'extern symbol' in r['kind'] and symbol not in self.defined:
                rows.append(Row(label, 'absent', 'declared; being written'))
            else:
                rows.append(Row(label, 'done', 'exported as `%s`' % symbol if 'extern symbol' in r['kind'] else ''))
        return rows

    def enums(self):
        by_type = OrderedDict()
        for r in read_tsv(self.root, 'enums.tsv'):
            by_type.setdefault((r['enum_type'], r['header']), []).append(r['enumerator'])
        rows = []
        for (name, header), members in by_type.items():
            missing = [m for m in members if not self.known(m)]
            if not missing:
                rows.append(Row(name, 'done', '%d values' % len(members)))
            elif len(missing) == len(members):
                if header not in HEADER_REASON:
                    self.unexplained.append(name + ': enum without a reason')
                rows.append(Row(name, 'absent', HEADER_REASON.get(header, 'no reason given')))
            else:
                self.unexplained.append(name + ': misses ' + ', '.join(missing))
                rows.append(Row(name, 'partial', 'missing: ' + ', '.join(missing)))
        return rows

    def types(self):
        rows = []
        for r in read_tsv(self.root, 'types.tsv'):
            if self.known(r['name']):
                rows.append(Row(r['name'], 'done', ''))
                continue
            if r['header'] not in HEADER_REASON:
                self.unexplained.append(r['name'] + ': type without a reason')
            rows.append(Row(r['name'], 'absent', HEADER_REASON.get(r['header'], 'no reason given')))
        return rows

    def dispatch(self):
        groups = OrderedDict()
        for r in read_tsv(self.root, 'dispatch.tsv'):
            name, g = r['function'], r['group']
            if re.fullmatch(r'\w+', name) and not g.startswith(('const', 'extern')):
                row = self.function(name, GROUP_REASON.get(g), g not in GROUP_REASON)
            else:
                words = re.findall(r'\b(?:DISPATCH_|QOS_|NSEC_|dispatch_)\w*[A-Za-z]\b', name)
                missing = [w for w in words if not self.known(w)]
                state = 'done' if not missing else 'partial'
                note = 'missing: ' + ', '.join(missing) if missing else ''
                if 'Block_copy' in name:
                    note = 'from libBlocksRuntime'
                row = Row(name, state, note)
                g = 'types and constants'
            groups.setdefault(g, []).append(row)
        return groups

    def sec(self):
        groups = OrderedDict()
        for r in read_tsv(self.root, 'sec.tsv'):
            g = r['group']
            reason = None if g in MUST else GROUP_REASON.get(g, SEC_REASON)
            groups.setdefault(g, []).append(self.function(r['function'], reason, g in MUST))
        return groups


def escape(text):
    return text.replace('|', '\\|').replace('*', '\\*')


def table(rows):
    out = ['| symbol | state | |', '|---|---|---|']
    for r in rows:
        out.append('| %s | %s | %s |' % ('`%s`' % r.symbol if re.fullmatch(r'\w+', r.symbol) else escape(r.symbol),
                                         r.state, escape(r.note)))
    return out


def section(title, rows):
    """One state and one note for all: a sentence instead of a table."""
    if len({(r.state, r.note) for r in rows}) == 1 and len(rows) > 1:
        note = ': ' + rows[0].note if rows[0].note else ''
        return ['### %s' % title, '', 'All %d %s%s: %s' % (
            len(rows), rows[0].state, note, ', '.join('`%s`' % r.symbol for r in rows)) + '.', '']
    return ['### %s' % title, ''] + table(rows) + ['']


def report(api):
    parts = [('Network functions', api.functions()), ('Our own functions and `_f` twins', {'': api.twins()}),
             ('Constants and macros', {'': api.constants()}), ('Enums', {'': api.enums()}),
             ('Types', {'': api.types()}), ('dispatch', api.dispatch()), ('Security and CoreFoundation', api.sec())]
    out = ['# What of the API exists', '',
           'Written by `tools/api_status.py` from `api/*.tsv`, `include/` and `src/`: do not edit. done: works as',
           '`api/contract.md` says. partial: works, but for what the note says. no-op: accepted and stored, without',
           'effect on Linux, for the reason given. absent: not there, for the reason given.', '',
           '| part | symbols | done | partial | no-op | absent |', '|---|---|---|---|---|---|']
    for title, groups in parts:
        for g, rows in groups.items():
            n = {s: sum(r.state == s for r in rows) for s in ('done', 'partial', 'no-op', 'absent')}
            out.append('| %s | %d | %d | %d | %d | %d |' % (
                title + (': ' + g if g else ''), len(rows), n['done'], n['partial'], n['no-op'], n['absent']))
    out.append('')
    for title, groups in parts:
        out += ['## ' + title, '']
        for g, rows in groups.items():
            out += section(g or 'all', rows)
    return '\n'.join(out).rstrip() + '\n'


def compare_library(api, path):
    """Both directions; what is wrong, as lines."""
    have = library_symbols(path)
    want = {s for s in api.decls.functions | api.decls.data if re.match(API, s)}
    bad = ['%s: declared in include/, not in %s' % (s, os.path.basename(path)) for s in sorted(want - have)]
    if '.so' in path:
        bad += ['%s: exported, but not declared in include/' % s for s in sorted(have - want)]
    seen = want & api.defined
    bad += ['%s: in the library, but its definition was not recognised in src/' % s
            for s in sorted((want & have) - seen)]
    return bad


def main():
    ap = argparse.ArgumentParser(description='What of the API exists.')
    ap.add_argument('--root', default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    ap.add_argument('--cc', default=os.environ.get('CC', 'cc'))
    ap.add_argument('--check', action='store_true')
    ap.add_argument('--declared', action='store_true')
    ap.add_argument('--lib')
    args = ap.parse_args()
    api = Api(args.root, args.cc)
    if args.declared:
        print('\n'.join(sorted(api.decls.functions | api.decls.data)))
        return 0
    text = report(api)
    path = os.path.join(args.root, 'docs', 'api-status.md')
    bad = []
    if args.check:
        bad += api.unexplained
        bad += [n + ': takes a block, and has no `_f` twin' for n in api.missing_twins()]
        names = api.decls.functions | api.decls.data
        bad += [n + ': an api-status note on what is not declared' for n in sorted(set(api.notes) - names)]
        old = open(path).read() if os.path.exists(path) else ''
        if old != text:
            bad.append('docs/api-status.md is stale: run tools/api_status.py')
    if args.lib:
        bad += compare_library(api, args.lib)
    if not args.check and not args.lib:
        with open(path, 'w') as f:
            f.write(text)
    for line in bad:
        print('api_status: ' + line, file=sys.stderr)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
