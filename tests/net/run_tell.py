#!/usr/bin/env python3
"""What a program under `braid run --service` tells braidd: here a socket that only listens.

Usage: run_tell.py BRAID. 77: no namespaces.
"""
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

MPTCP = 262
SOL_MPTCP, MPTCP_INFO = 284, 1
SERVICES = ['none', 'handover', 'interactive', 'aggregate']

# connects, accepts; prints the tokens of both ends as the kernel has them
PROGRAM = '''
import errno, select, socket, struct, sys
def token(s):
    return struct.unpack_from('I', s.getsockopt(284, 1, 96), 12)[0]
def tell(*sockets):
    print(*[token(s) for s in sockets])
l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen()
c = socket.socket(); c.connect(l.getsockname()); a, _ = l.accept()
tell(c, a)
c = socket.socket(); c.setblocking(False)
assert c.connect_ex(l.getsockname()) == errno.EINPROGRESS
a, _ = l.accept()
tell(c, a)
u = socket.socketpair(); d = socket.socket(type=socket.SOCK_DGRAM); d.connect(l.getsockname())
'''


# prints the cookies that the kernel gave its sockets
MAKES = '''
import socket, struct
s = [socket.socket(), socket.socket(socket.AF_INET6)]
socket.socket(type=socket.SOCK_DGRAM)
print(*[struct.unpack('Q', x.getsockopt(socket.SOL_SOCKET, 57, 8))[0] for x in s])
'''


def tokens_told(braid, path, service, daemon, *more, program=PROGRAM, method='preload'):
    """Runs the program; returns (numbers it prints, messages the daemon got, its standard error)."""
    env = dict(os.environ, BRAID_SOCKET=path)
    command = [braid, 'run', '--method', method] + (['--service', service] if service else [])
    out = subprocess.run(command + list(more) + [sys.executable, '-c', program], env=env, timeout=30,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert out.returncode == 0, out.stderr
    got = []
    if daemon:
        daemon.settimeout(0)
        while True:
            try:
                peer, _ = daemon.accept()
            except BlockingIOError:
                break
            with peer:
                got.append(peer.recv(4096))
                assert peer.recv(4096) == b'', 'a second message, or it stayed open'
    return [int(word) for word in out.stdout.split()], got, out.stderr


def main(braid):
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'sock')
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as daemon:
            daemon.bind(path)
            daemon.listen(64)
            for number, service in enumerate(SERVICES):
                tokens, got, _ = tokens_told(braid, path, service, daemon)
                assert len(set(tokens)) == 4 and 0 not in tokens, tokens
                # the bytes are those of docs/wire/control.md: SET
                want = [b'BRD\x01\x03\0\0\0\x01\0\0\0\x09\0\0\0' + struct.pack('<IIB', t, 0, number) for t in tokens]
                assert sorted(got) == sorted(want), (service, tokens, got)
            # by the kernel's help: what is made is told, by its cookie, before the program has it
            for number, service in enumerate(SERVICES):
                cookies, got, _ = tokens_told(braid, path, service, daemon, program=MAKES, method='seccomp')
                assert len(set(cookies)) == 2, cookies
                want = [b'BRD\x01\x09\0\0\0\x01\0\0\0\x09\0\0\0' + struct.pack('<QB', c, number) for c in cookies]
                assert got == want, (service, cookies, got)
            # where the daemon is, also for who leaves the directory
            os.chdir(tmp)
            for method in 'preload', 'seccomp':
                _, got, _ = tokens_told(braid, 'sock', 'handover', daemon, program='import os; os.chdir("/")\n' + PROGRAM,
                                        method=method)
                assert len(got) == (4 if method == 'preload' else 3), got
            _, got, _ = tokens_told(braid, path, None, daemon, method='seccomp')
            assert got == [], got
            # no service, nothing told
            _, got, _ = tokens_told(braid, path, None, daemon)
            assert got == [], got

            # a daemon that does not accept: nobody waits for it
            daemon.listen(0)
            timer = threading.Timer(20, os._exit, [1])
            timer.start()
            _, _, err = tokens_told(braid, path, 'handover', None, '--verbose')
            assert 'could not be told to braidd: EAGAIN' in err, err
            timer.cancel()
        # no daemon
        _, _, err = tokens_told(braid, path, 'handover', None, '--verbose')
        assert 'could not be told to braidd: ECONNREFUSED' in err, err
        _, _, err = tokens_told(braid, path + 'x', 'handover', None, '--verbose')
        assert 'could not be told to braidd: ENOENT' in err, err
        # plain TCP is not told, and not complained about
        with open('/proc/sys/net/mptcp/enabled', 'w') as f:
            f.write('0')
        plain = PROGRAM.replace('def tell(*sockets):', 'def tell(*sockets):\n    return')
        out = subprocess.run([braid, 'run', '-v', '--service', 'handover', sys.executable, '-c', plain],
                             env=dict(os.environ, BRAID_SOCKET=path), timeout=30, stderr=subprocess.PIPE, text=True)
        assert out.returncode == 0 and 'could not be told' not in out.stderr, out.stderr
    print('services are told')


if __name__ == '__main__':
    if sys.argv[1] != '--inside':
        probe = subprocess.run(['unshare', '-Urn', 'true'], stderr=subprocess.PIPE, text=True)
        if probe.returncode:
            print('skipped: no namespaces:', probe.stderr)
            sys.exit(1 if os.environ.get('BRAID_REQUIRE_ALL') else 77)
        os.execvp('unshare', ['unshare', '-Urn', sys.executable, sys.argv[0], '--inside', os.path.realpath(sys.argv[1])])
    main(sys.argv[2])
