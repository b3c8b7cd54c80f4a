#!/usr/bin/env python3
"""A real braidd and two users: neither sees nor changes the other's connections, whatever is said when.

    braidd_users.py BRAIDD BRAID    as root: users cannot be changed otherwise. 77: not here, and why
"""
import ctypes
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

LIMIT = 20  # seconds, for anything
ALICE, BOB = 64001, 64002  # nobody has them
MPTCP, SO_COOKIE, CLONE_NEWNET, PR_SET_DUMPABLE = 262, 57, 0x40000000, 4
OK, ERROR = 128, 129
SET, SET_SOCKET, CLAIM = 3, 9, 1
NONE, HANDOVER, INTERACTIVE, AGGREGATE = range(4)
EPERM, ENOENT = 1, 2

failures = 0


def fail(text):
    global failures
    failures += 1
    print('FAIL: %.1200s' % text, file=sys.stderr)


def new_network():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), 'unshare')


def ip(words):
    subprocess.run(['ip'] + words.split(), check=True, timeout=LIMIT)


class Child:
    """A process that answers to what it is asked, one line each, as another user or elsewhere."""

    def __init__(self, work, uid=0, network=False):
        self.mine, theirs = socket.socketpair()
        self.mine.settimeout(LIMIT)
        self.pid = os.fork()
        if self.pid == 0:
            self.mine.close()
            try:
                if network:
                    new_network()
                if uid:
                    os.setgroups([])
                    os.setresgid(uid, uid, uid)
                    os.setresuid(uid, uid, uid)
                    # who changed its user is hidden from that user, as if it had secrets
                    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1)
                work(theirs)
            except BaseException as e:  # a child must not go on as its parent
                print('child:', repr(e), file=sys.stderr)
            os._exit(0)
        theirs.close()
        self.file = self.mine.makefile('rw')

    def ask(self, *words):
        self.file.write(json.dumps(words) + '\n')
        self.file.flush()
        return json.loads(self.file.readline())

    def end(self):
        self.file.close()
        self.mine.close()
        os.waitpid(self.pid, 0)


def peer(channel):
    """The other end of the cable: accepts and keeps."""
    f = channel.makefile('rw')
    kept = []
    listener = None
    for line in f:
        what = json.loads(line)[0]
        if what == 'listen':
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
            listener.bind(('10.77.0.2', 8000))
            listener.listen(16)
        elif what == 'accept':
            kept.append(listener.accept()[0])
        f.write('true\n')
        f.flush()


def user(path):
    def work(channel):
        f = channel.makefile('rw')
        sockets = []

        def say(kind, body):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                s.settimeout(LIMIT)
                s.connect(path)
                s.send(b'BRD\x01' + struct.pack('<HHII', kind, 0, 1, len(body)) + body)
                answer = s.recv(4096)
            kind, _, _, _, number = struct.unpack_from('<HHIII', answer, 4)
            return [kind, number]

        for line in f:
            what, *rest = json.loads(line)
            answer = True
            if what == 'socket':  # its cookie
                sockets.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP))
                answer = struct.unpack('Q', sockets[-1].getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]
            elif what == 'connect':  # its token
                sockets[-1].settimeout(LIMIT)
                sockets[-1].connect((rest[0], 8000))
                sockets[-1].send(b'x')
            elif what == 'begin':  # to connect: nobody answers there
                sockets[-1].setblocking(False)
                sockets[-1].connect_ex((rest[0], 8000))
            elif what == 'set':
                answer = say(SET, struct.pack('<IIB', rest[0], 0, rest[1]))
            elif what == 'set_socket':
                answer = say(SET_SOCKET, struct.pack('<QB', rest[0], rest[1]))
            elif what == 'claim':
                answer = say(CLAIM, struct.pack('<IBBBB', rest[0], rest[1], 0, 0, 0))
            elif what == 'run':
                out = subprocess.run(rest, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
                answer = [out.returncode, out.stdout + out.stderr]
            if what in ('connect', 'begin'):
                answer = struct.unpack_from('I', sockets[-1].getsockopt(284, 1, 96), 12)[0]
            f.write(json.dumps(answer) + '\n')
            f.flush()
    return work


def connections(braid, who=None):
    words = [braid, 'status', '--json']
    if who:
        out = who.ask('run', *words)[1]
    else:
        out = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=LIMIT).stdout
    return {int(c['token'], 16): c for c in json.loads(out)['list']}


def within(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            fail('not within %d s: %s' % (LIMIT, what))
            return
        select.select([], [], [], 0.02)


def expect(got, wanted, what):
    if got != wanted:
        fail('%s: %s, not %s' % (what, got, wanted))


def check(braid, alice, bob, other):
    def service(token):
        c = connections(braid).get(token, {})
        return c.get('service'), c.get('source')

    # said by another user before it is connected: does not count, and keeps nobody from it
    cookie = alice.ask('socket')
    expect(bob.ask('set_socket', cookie, AGGREGATE), [OK, 0], 'a socket that is not connected')
    expect(alice.ask('set_socket', cookie, INTERACTIVE), [OK, 0], 'its own socket')
    expect(bob.ask('set_socket', cookie, NONE), [OK, 0], 'a socket that is not connected, again')
    token = alice.ask('connect', '10.77.0.2')
    other.ask('accept')
    within(lambda: service(token) == ('interactive', 'application'), 'interactive: %s' % (service(token),))

    # when it is connected
    expect(bob.ask('set_socket', cookie, AGGREGATE), [ERROR, EPERM], "another's socket")
    expect(bob.ask('set', token, AGGREGATE), [ERROR, EPERM], "another's connection")
    expect(bob.ask('claim', token, AGGREGATE), [ERROR, EPERM], "another's connection claimed")
    expect(service(token), ('interactive', 'application'), 'afterwards')
    code, text = bob.ask('run', braid, 'set', '%08x' % token, '--service', 'none')
    expect((code, "another user's" in text), (1, True), 'braid set: ' + text)
    code, text = bob.ask('run', braid, 'set', str(alice.pid), '--service', 'none')
    expect((code, 'is not yours' in text), (1, True), 'braid set of a process: ' + text)
    expect(list(connections(braid, bob)), [], 'what Bob sees')
    expect(list(connections(braid, alice)), [token], 'what Alice sees')
    expect(alice.ask('set', token, AGGREGATE), [OK, 1], 'her own')
    expect(service(token), ('aggregate', 'application'), 'her own, changed')
    expect(alice.ask('set_socket', cookie, NONE), [OK, 1], 'her own, by cookie')
    expect(service(token), ('none', 'application'), 'her own, changed by cookie')
    code, text = alice.ask('run', braid, 'set', str(alice.pid), '--service', 'handover')
    expect((code, text), (0, '1 connection: handover\n'), 'her own process')
    out = subprocess.run([braid, 'set', str(alice.pid), '--service', 'interactive'], stdout=subprocess.PIPE, text=True)
    expect(out.stdout, '1 connection: interactive\n', 'root may')
    expect(service(token), ('interactive', 'application'), 'changed by root')

    # root's socket: what a user says of it does not count
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP) as s:
        cookie = struct.unpack('Q', s.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]
        expect(bob.ask('set_socket', cookie, AGGREGATE), [OK, 0], "root's socket")
        s.settimeout(LIMIT)
        s.connect(('10.77.0.2', 8000))
        s.send(b'x')
        other.ask('accept')
        token = struct.unpack_from('I', s.getsockopt(284, 1, 96), 12)[0]
        within(lambda: token in connections(braid), "root's connection is listed")
        expect(service(token), ('handover', 'default'), "root's connection")

    # while it connects: nobody is at that address, so the peer does not answer
    alice.ask('socket')
    token = alice.ask('begin', '10.77.0.9')
    expect(bob.ask('set', token, AGGREGATE), [ERROR, EPERM], "another's that connects")
    expect(bob.ask('claim', token, AGGREGATE), [ERROR, EPERM], "another's that connects, claimed")
    expect(alice.ask('set', token, AGGREGATE), [OK, 1], 'her own that connects')
    expect(alice.ask('claim', token, AGGREGATE), [OK, 1], 'her own that connects, claimed')
    expect(alice.ask('set', token ^ 1, AGGREGATE), [ERROR, ENOENT], 'no connection')
    expect(token in connections(braid), False, 'one that only connects is listed')


def lay_cable(other_pid):
    ip('link set lo up')
    ip('link add near type veth peer name far netns %d' % other_pid)
    ip('addr add 10.77.0.1/24 dev near')
    ip('link set near up')
    # without one the address cannot be used for anything
    ip('route add default via 10.77.0.2 dev near')
    for words in 'addr add 10.77.0.2/24 dev far', 'link set far up':
        subprocess.run(['nsenter', '-t', str(other_pid), '-n', 'ip'] + words.split(), check=True, timeout=LIMIT)


def run(braidd, braid, tmp):
    path = os.environ['BRAID_SOCKET'] = os.path.join(tmp, 'socket', 'socket')
    children = [Child(peer, network=True)]
    children[0].ask('nothing')  # it is in its network
    lay_cable(children[0].pid)
    children[0].ask('listen')
    log = open(os.path.join(tmp, 'log'), 'w+')
    daemon = subprocess.Popen([braidd, '--socket', path, '--state-dir', os.path.join(tmp, 'state'), '--verbose'],
                              stderr=log)
    within(lambda: subprocess.run([braid, 'status'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0,
           'braidd answers')
    children += [Child(user(path), uid=ALICE), Child(user(path), uid=BOB)]
    try:
        check(braid, children[1], children[2], children[0])
    finally:
        for child in reversed(children):
            child.end()
        daemon.terminate()
        expect(daemon.wait(LIMIT), 0, 'braidd')
    if failures:
        log.seek(0)
        print(log.read()[-2000:], file=sys.stderr)
    else:
        print('users are kept apart')


def main(braidd, braid):
    def skip(why):
        print('skipped:', why)
        return 1 if os.environ.get('BRAID_REQUIRE_ALL') else 77

    if os.getuid() != 0:
        print('skipped: only root can be several users')
        return 77  # also where all is required: no setting of the machine changes it
    try:
        new_network()
        Child(lambda channel: None, uid=ALICE).end()
    except OSError as e:
        return skip('no network namespace: %s' % e)
    if not os.path.exists('/proc/sys/net/mptcp/path_manager') and not os.path.exists('/proc/sys/net/mptcp/pm_type'):
        return skip('no Multipath TCP path managers in this kernel')
    with tempfile.TemporaryDirectory() as tmp:
        os.chmod(tmp, 0o755)
        # users must reach the program, wherever it was built
        for program in braidd, braid:
            subprocess.run(['cp', program, tmp], check=True)
        run(*(os.path.join(tmp, os.path.basename(p)) for p in (braidd, braid)), tmp)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(*map(os.path.realpath, sys.argv[1:3])))
