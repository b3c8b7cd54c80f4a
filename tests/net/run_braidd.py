#!/usr/bin/env python3
"""Programs that know nothing of Multipath TCP, under `braid run --service`, with a real braidd, in a
lab: they have the service that was asked for, and survive that the WLAN goes down in the middle.

    run_braidd.py BRAIDD BRAID [STATIC-PROBE]    77: this machine cannot run a lab, and why
"""
import hashlib
import json
import os
import random
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

LIMIT = 20  # seconds, for anything
SIZE = 6000000
SCENARIO = '''
seed 1
path wlan delay 10ms rate 20mbit
path wwan delay 20ms rate 20mbit
end 150s
'''
CONFIG = '''
[interface wlan]
kind = wifi
[interface wwan]
kind = cellular
'''
HTTP, RAW, ECHO = 8000, 8001, 8002

# a person who types: a line, the answer, a moment; prints the longest wait in ms
TYPIST = '''
import select, socket, sys, time
s = socket.create_connection(('10.99.0.1', %d))
f, worst = s.makefile('rb'), 0
for i in range(%d):
    line, began = b'line %%d\\n' %% i, time.monotonic()
    s.sendall(line)
    assert f.readline() == line
    worst = max(worst, time.monotonic() - began)
    print(i, flush=True)
    select.select([], [], [], 0.04)
print('worst', int(worst * 1000))
'''
LINES = 60

failures = 0


def fail(text):
    global failures
    failures += 1
    print('FAIL: %.1500s' % text, file=sys.stderr)


def content():
    return random.Random(1).randbytes(SIZE)


# ---- the server: an ordinary program's, but for its sockets ----

def serve_one(peer, port):
    with peer, peer.makefile('rwb') as f:
        try:
            while True:
                line = f.readline()
                if not line:
                    return
                if port == ECHO:
                    f.write(line)
                    f.flush()
                elif port == RAW or line == b'\r\n':
                    break
            if port == HTTP:
                f.write(b'HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n' % SIZE)
            f.write(content())
            f.flush()
        except OSError as e:
            print('server:', e, file=sys.stderr)


def serve(port, ready):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(('0.0.0.0', port))
        listener.listen(16)
        ready.release()
        while True:
            peer, _ = listener.accept()
            threading.Thread(target=serve_one, args=(peer, port), daemon=True).start()


# ---- the client ----

class Lab:
    def __init__(self, braidd, braid, tmp):
        self.braidd, self.braid, self.tmp = braidd, braid, tmp
        os.environ['BRAID_SOCKET'] = os.path.join(tmp, 'socket')
        with open(os.path.join(tmp, 'conf'), 'w') as f:
            f.write(CONFIG)
        self.log = open(os.path.join(tmp, 'log'), 'w+')
        self.daemon = None

    def start(self):
        self.daemon = subprocess.Popen(
            [self.braidd, '--config', os.path.join(self.tmp, 'conf'), '--socket', os.environ['BRAID_SOCKET'],
             '--state-dir', os.path.join(self.tmp, 'state'), '--verbose'], stderr=self.log)
        self.within(lambda: self.ask('status').returncode == 0, 'braidd answers')

    def stop(self):
        self.daemon.terminate()
        if self.daemon.wait(LIMIT) != 0:
            fail('braidd ended with %d: %s' % (self.daemon.returncode, self.tail()))

    def tail(self):
        self.log.seek(0)
        return self.log.read()[-1200:]

    def ask(self, *words):
        return subprocess.run([self.braid, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=LIMIT)

    def json(self, *words):
        out = self.ask(*words, '--json')
        return json.loads(out.stdout) if out.returncode == 0 else {}

    def within(self, condition, what):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if condition():
                return True
            select.select([], [], [], 0.02)
        fail('not within %d s: %s; braidd: %s' % (LIMIT, what, self.tail()))
        return False

    def connections(self):
        return self.json('status').get('list', [])

    def is_listed(self, service, subflows):
        found = self.connections()
        return len(found) == 1 and found[0]['service'] == service and found[0]['source'] == 'application' and \
            len(found[0]['subflows']) == subflows

    def usable(self):
        return sorted(p['interface'] for p in self.json('paths').get('paths', [])
                      if p['usable'] and p['address'].startswith('10.'))

    def carried(self):
        """path: bytes so far, both directions"""
        return {p['name']: p['to_server']['bytes'] + p['to_client']['bytes']
                for p in self.json('lab', 'stats')['paths']}

    def counters(self, side):
        text = self.ask('lab', 'exec', '--side', side, '--', 'cat', '/proc/net/netstat').stdout.split('\n')
        names, values = [line.split()[1:] for line in text if line.startswith('MPTcpExt:')]
        return dict(zip(names, map(int, values)))

    def set(self, *words):
        out = self.ask('lab', 'set', *words)
        if out.returncode:
            fail('lab set %s: %s' % (' '.join(words), out.stderr))


class Output:
    """What a program writes, as it comes."""

    def __init__(self, process):
        self.process, self.data = process, b''
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while True:
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return
            self.data += more


def survives(lab, name, service, command, middle, is_right, during=None):
    """Runs the command; the WLAN goes down when it has written so many bytes."""
    lab.within(lambda: lab.usable() == ['wlan', 'wwan'], name + ': both paths are usable')
    lab.within(lambda: not lab.connections(), name + ': nothing is left of the one before')
    client, server, before = lab.counters('client'), lab.counters('server'), lab.carried()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out = Output(process)
    lab.within(lambda: len(out.data) >= middle or process.poll() is not None, name + ': it gets going')
    lab.within(lambda: lab.is_listed(service, 2) or process.poll() is not None, name + ': is listed')
    found = lab.connections()
    if process.poll() is not None or not lab.is_listed(service, 2):
        fail('%s: not %s by two paths: %s; %s' % (name, service, found, process.stderr.read()))
    if during:
        during(process.pid)
    lab.set('wlan', 'down')
    try:
        code = process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
        fail('%s: it does not end: %s' % (name, lab.tail()))
    out.thread.join()
    if code or not is_right(out.data):
        fail('%s: exit code %d, %d bytes: %s' % (name, code, len(out.data), process.stderr.read()))
    after = lab.carried()
    moved = {path: after[path] - before[path] for path in after}
    if min(moved.values()) < 2000:
        fail('%s: one path carried it all: %s' % (name, moved))
    for side, was, wanted in ('client', client, ('MPCapableSYNTX', 'MPCapableSYNACKRX', 'MPJoinSynAckRx')), \
            ('server', server, ('MPCapableSYNRX', 'MPCapableACKRX', 'MPJoinAckRx')):
        now = lab.counters(side)
        for counter in wanted:
            # an address may be joined from again
            rose = now[counter] - was[counter]
            if rose != 1 and not (rose > 1 and 'Join' in counter):
                fail('%s: %s of the %s rose by %d' % (name, counter, side, rose))
    print('%s: %s' % (name, moved))
    lab.set('wlan', 'up')
    return moved


def is_content(data):
    return hashlib.sha256(data).digest() == hashlib.sha256(content()).digest()


def is_typed(data):
    lines = data.decode().split('\n')
    worst = lines[LINES].split() if len(lines) > LINES else ['?', '99999']
    print('typist: an answer took at most', worst[1], 'ms')
    return lines[:LINES] == [str(i) for i in range(LINES)] and int(worst[1]) < 2000


def set_by_process(lab, pid):
    """`braid set PID`, and what the monitor shows."""
    out = lab.ask('set', str(pid), '--service', 'aggregate')
    if out.stdout != '1 connection: aggregate\n':
        fail('set %d: %s%s' % (pid, out.stdout, out.stderr))
    if not lab.is_listed('aggregate', 2):
        fail('set %d has not changed it: %s' % (pid, lab.connections()))
    look = json.loads(lab.ask('monitor', '--once', '--json').stdout)
    services = [c.get('service') for c in look['connections']]
    if services != ['aggregate']:
        fail('monitor shows %s' % services)
    text = lab.ask('monitor', '--prometheus').stdout
    for wanted in 'braid_connections 1\n', 'braidd_connections 1\n', 'service="aggregate"':
        if wanted not in text:
            fail('monitor --prometheus: no %s in %s' % (wanted, text))
    names = [line.split()[2] for line in text.split('\n') if line.startswith('# TYPE ')]
    if len(names) != len(set(names)) or not text.endswith('\n'):
        fail('monitor --prometheus: %s' % text)
    out = lab.ask('set', str(os.getpid()), '--service', 'none')
    if out.returncode != 1 or 'no Multipath TCP connection' not in out.stderr:
        fail('set of a process without connections: %s' % out)


def client(braidd, braid, tmp, probe):
    lab = Lab(braidd, braid, tmp)
    lab.start()
    run = [braid, 'run', '--service']
    url = 'http://10.99.0.1:%d/file' % HTTP
    survives(lab, 'curl by preload', 'interactive',
             run + ['interactive', '--method', 'preload', 'curl', '-sS', '-N', url], SIZE // 8, is_content)
    survives(lab, 'curl by seccomp', 'interactive',
             run + ['interactive', '--method', 'seccomp', 'curl', '-sS', '-N', url], SIZE // 8, is_content)
    if probe:
        survives(lab, 'static program', 'handover', run + ['handover', probe, 'fetch', '10.99.0.1', str(RAW)],
                 SIZE // 8, is_content)
    else:
        print('no static program can be made here: not tried')
    typist = [sys.executable, '-c', TYPIST % (ECHO, LINES)]
    survives(lab, 'typist by preload', 'interactive', run + ['interactive'] + typist, 70, is_typed)
    survives(lab, 'typist by seccomp', 'handover', run + ['handover', '--method', 'seccomp'] + typist, 70, is_typed)
    survives(lab, 'set by process', 'handover', run + ['handover', 'curl', '-sS', '-N', url], SIZE // 8, is_content,
             lambda pid: set_by_process(lab, pid))
    lab.stop()


def main(arguments):
    if arguments[0] == '--server':
        ready = threading.Semaphore(0)
        for port in ECHO, RAW:
            threading.Thread(target=serve, args=(port, ready), daemon=True).start()
            ready.acquire()
        serve(HTTP, ready)
    if arguments[0] == '--client':
        client(*arguments[1:5])
        return 1 if failures else 0
    braidd, braid = map(os.path.realpath, arguments[:2])
    probe = os.path.realpath(arguments[2]) if len(arguments) > 2 else ''
    out = subprocess.run([braid, 'lab', 'check'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if out.returncode:
        print('skipped:', out.stdout)
        return 1 if os.environ.get('BRAID_REQUIRE_ALL') else 77
    with tempfile.TemporaryDirectory() as tmp:
        scenario = os.path.join(tmp, 'scenario')
        with open(scenario, 'w') as f:
            f.write(SCENARIO)
        me = [sys.executable, os.path.realpath(sys.argv[0])]
        return subprocess.run([braid, 'lab', 'run', scenario, '--quiet', '--server', 'exec ' + ' '.join(me) + ' --server',
                               '--', *me, '--client', braidd, braid, tmp, probe], timeout=170).returncode


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
