#!/usr/bin/env python3
"""What the headers declare is what the shared library exports: both ways. And docs/api-status.md is current.

    exports.py --lib libNetwork.so [--root DIR]   complains
    exports.py --self-test                        shows that it notices
"""
import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, '..', '..'))


def load_api_status():
    spec = importlib.util.spec_from_file_location('api_status', os.path.join(ROOT, 'tools', 'api_status.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


api_status = load_api_status()

HEADER = '''#pragma once
int braid_first(int a, void (*fn)(void *context));
extern const int braid_number;
static inline int braid_inline(void) { return 1; }
#define braid_macro(x) (x)
'''
SOURCE = '''int braid_first(int a, void (*fn)(void *context))
{
	return a + (fn != 0);
}
const int braid_number = 3;
/* api-status: partial braid_first: half of it
 * is missing */
'''
LISTS = {
    'functions.tsv': 'header\tfunction\treturn\tparameters\tfirst_macos\tgroup\townership_of_result\tblock_types\n',
    'constants.tsv': 'header\tname\tkind\tvalue_or_symbol\ttype\tfirst_macos\n',
    'enums.tsv': 'header\tenum_type\tunderlying\tenumerator\tvalue\tsince_macos_if_later_than_type\n',
    'types.tsv': 'header\tname\tkind\tdefinition\tnote\n',
    'dispatch.tsv': 'function\tgroup\treturn_typecode\tparameters\tfirst_macos\tprograms_using\n',
    'sec.tsv': 'function\tgroup\treturn\tparameters\tfirst_macos\tdeprecated_macos\townership\tprograms_using\n',
}
BLOCK_ONLY = 'void braid_with_block(void (^block)(void));\n'


def make_project(root, header, source, lists):
    for path, text in [('include/braid/x.h', header), ('src/api/x.c', source)] + [
            ('api/' + n, t) for n, t in lists.items()]:
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w') as f:
            f.write(text)
    os.makedirs(os.path.join(root, 'docs'), exist_ok=True)
    lib = os.path.join(root, 'libx.so')
    subprocess.run(['cc', '-shared', '-fPIC', '-o', lib, os.path.join(root, 'src', 'api', 'x.c')], check=True)
    return lib


def script(root, *args):
    cmd = [sys.executable, os.path.join(ROOT, 'tools', 'api_status.py'), '--root', root, *args]
    return subprocess.run(cmd, capture_output=True, text=True, timeout=120)


def listed(name, group):
    row = 'x.h\t%s\tint\tvoid\t10.14\t%s\t\t\n' % (name, group)
    return dict(LISTS, **{'functions.tsv': LISTS['functions.tsv'] + row})


def self_test():
    """(what, header, source, lists, words of the complaint; '' for none)"""
    cases = [
        ('clean', HEADER, SOURCE, LISTS, ''),
        ('declared, not defined', HEADER + 'void braid_lost(void);\n', SOURCE, LISTS, 'braid_lost'),
        ('exported, not declared', HEADER, SOURCE + 'int braid_extra;\n', LISTS, 'braid_extra'),
        ('data not defined', HEADER + 'extern int braid_gone;\n', SOURCE, LISTS, 'braid_gone'),
        ('no twin', HEADER + BLOCK_ONLY, SOURCE + 'void braid_with_block(const void *b)\n{\n\t(void)b;\n}\n', LISTS,
         'no `_f` twin'),
        ('listed and not there', HEADER, SOURCE, listed('nw_thing', 'connection'), 'nw_thing'),
        ('listed, for later', HEADER, SOURCE, listed('nw_thing', 'quic'), ''),
        ('bad note', HEADER, SOURCE + '/* api-status: what */\n', LISTS, 'not understood'),
        ('note on nothing', HEADER, SOURCE + '/* api-status: no-op braid_nothing: why */\n', LISTS, 'braid_nothing'),
    ]
    failed = 0
    for what, header, source, lists, words in cases:
        with tempfile.TemporaryDirectory() as root:
            lib = make_project(root, header, source, lists)
            script(root)
            out = script(root, '--check', '--lib', lib)
            ok = (words in out.stderr and out.returncode == 1) if words else out.returncode == 0
            if not ok:
                failed += 1
                print('self-test: %s: %d %s' % (what, out.returncode, out.stderr))
    with tempfile.TemporaryDirectory() as root:
        lib = make_project(root, HEADER, SOURCE, LISTS)
        script(root)
        doc = os.path.join(root, 'docs', 'api-status.md')
        with open(doc) as f:
            if 'half of it is missing' not in f.read():
                failed += 1
                print('self-test: the note is not in the document')
        with open(doc, 'a') as f:
            f.write('edited\n')
        if script(root, '--check').returncode == 0:
            failed += 1
            print('self-test: a stale document is not noticed')
    print('exports: %d cases, %d failed' % (len(cases) + 2, failed))
    return failed


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--root', default=ROOT)
    ap.add_argument('--lib')
    ap.add_argument('--self-test', action='store_true')
    args = ap.parse_args()
    if args.self_test:
        return 1 if self_test() else 0
    if not args.lib or not os.path.exists(args.lib):
        print('exports: no library to look at (--lib)')
        return 1
    api = api_status.Api(args.root)
    bad = api_status.compare_library(api, args.lib)
    print('\n'.join(bad) if bad else 'exports: clean (%d symbols)' % len(api_status.library_symbols(args.lib)))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
