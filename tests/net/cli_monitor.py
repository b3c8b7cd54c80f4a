#!/usr/bin/env python3
"""`braid monitor` where there is something to see: in a lab, and on a pseudo-terminal.

    cli_monitor.py BRAID      77: this machine cannot run a lab, and why
"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

LIMIT = 20  # seconds, for anything
failures = 0


def fail(text):
    global failures
    failures += 1
    print('FAIL: %.800s' % text, file=sys.stderr)


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# ---- inside the lab ----

class Monitor:
    """`braid monitor --json`: an object for each line."""

    def __init__(self, braid, *options):
        self.process = subprocess.Popen([braid, 'monitor', '--json', '--interval', '0.2', *options],
                                        stdout=subprocess.PIPE)
        self.rest = b''
        self.events = []  # of the looks so far

    def next(self, deadline):
        while b'\n' not in self.rest:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b''
            if not more:
                return None
            self.rest += more
        line, self.rest = self.rest.split(b'\n', 1)
        one = json.loads(line)
        self.events += one.get('events', [])
        return one

    def until(self, what, wanted):
        """The first object that `wanted` says yes to."""
        deadline = time.monotonic() + LIMIT
        last = None
        while (one := self.next(deadline)) is not None:
            if wanted(one):
                return one
            last = one
        fail('%s: never; last %s' % (what, last))
        return None


def ours(one):
    """The subflows of the transfer, by interface."""
    for connection in one['connections']:
        if connection['remote'].endswith(':9000'):
            return connection, {s['interface']: s for s in connection['subflows']}
    return None, {}


def bytes_on(one):
    return {name: s['tx_bytes'] for name, s in ours(one)[1].items()}


def wait_event(monitor, braid, change, name, interface):
    """Changes the path `interface` and waits for the event."""
    subprocess.run([braid, 'lab', 'set', *change], check=True, timeout=LIMIT)
    one = monitor.until('event %s' % name, lambda e: e['event'] == name and e['interface'] == interface)
    if one and one['token'] == 0:
        fail('the event has no token: %s' % one)


def inside(braid):
    events = Monitor(braid, '--events')
    looks = Monitor(braid, '--filter', ':9000')
    looks.until('a first look', lambda one: True)  # so that the connection is opened after it
    cat = subprocess.Popen([braid, 'cat', '--service', 'aggregate', 'server', '9000'],
                           stdin=open('/dev/zero', 'rb'), stdout=subprocess.DEVNULL)
    try:
        first = looks.until('two subflows', lambda one: {'eth', 'wlan'} <= set(ours(one)[1]))
        if not first:
            return
        later = looks.until('growing on both', lambda one: all(
            bytes_on(one).get(n, 0) > bytes_on(first)[n] + 100000 for n in ('eth', 'wlan')))
        if later:
            connection, paths = ours(later)
            if connection['program'] != 'braid' or connection['pid'] != cat.pid:
                fail('the program is not known: %s' % connection)
            if not connection['multipath'] or connection['tx_bytes'] <= 200000:
                fail('the connection: %s' % connection)
            if not all(s['rtt_us'] and s['state'] == 'established' and not s['backup'] for s in paths.values()):
                fail('the subflows: %s' % paths)
        out = subprocess.run([braid, 'monitor', '--once'], capture_output=True, text=True, timeout=LIMIT).stdout
        if 'braid[%d]' % cat.pid not in out or '\n  eth ' not in out or '\n  wlan ' not in out:
            fail('as text: %s' % out)
        out = subprocess.run([braid, 'monitor', '--prometheus'], capture_output=True, text=True, timeout=LIMIT).stdout
        if 'braid_connections 1\n' not in out or 'interface="wlan"' not in out:
            fail('for Prometheus: %s' % out)

        seen = [(e['event'], e['interface']) for e in looks.events]
        if seen[:1] != [('connection-opened', None)] or {('subflow-added', 'eth'), ('subflow-added', 'wlan')} - set(seen):
            fail('how it began: %s' % seen)
        wait_event(events, braid, ['wlan', 'silent'], 'subflow-stalled', 'wlan')
        wait_event(events, braid, ['wlan', 'up'], 'subflow-recovered', 'wlan')
        # the subflow itself: its endpoint is removed, as the kernel's path manager is told to
        local = ours(later)[1]['wlan']['local'].rsplit(':', 1)[0].strip('[]')
        show = subprocess.run(['ip', 'mptcp', 'endpoint', 'show'], capture_output=True, text=True, timeout=LIMIT).stdout
        for line in show.splitlines():
            if line.split()[0] == local:
                number = line.split()[line.split().index('id') + 1]
                subprocess.run(['ip', 'mptcp', 'endpoint', 'delete', 'id', number], check=True, timeout=LIMIT)
                events.until('removed', lambda e: e['event'] == 'subflow-removed' and e['interface'] == 'wlan')
        stop(cat)
        events.until('closed', lambda e: e['event'] == 'connection-closed' and e['pid'] == cat.pid)
    finally:
        for process in (cat, events.process, looks.process):
            stop(process)


# ---- on a terminal ----

class Terminal:
    def __init__(self, command, columns=80, rows=24, env=None):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.size(columns, rows)
        self.before = termios.tcgetattr(slave)
        self.text = self.seen = ''  # to be looked at; looked at
        environment = dict(os.environ, TERM='xterm', LC_ALL='C.UTF-8')
        environment.pop('NO_COLOR', None)
        environment.update(env or {})
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def size(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def send(self, keys):
        os.write(self.master, keys.encode())

    def read_some(self, seconds):
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            self.text += os.read(self.master, 65536).decode(errors='replace')
        return bool(ready)

    def until(self, wanted):
        """Reads until `wanted` comes after what was waited for before."""
        deadline = time.monotonic() + LIMIT
        while wanted not in self.text and time.monotonic() < deadline:
            self.read_some(deadline - time.monotonic())
        if wanted not in self.text:
            fail('on the terminal: no %r in %r' % (wanted, self.text[-400:]))
            return
        self.seen += self.text[:self.text.index(wanted)]
        self.text = self.text[self.text.index(wanted) + len(wanted):]

    def ends(self, what, code=0):
        """It ends, and the terminal is as it was."""
        deadline = time.monotonic() + LIMIT
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read_some(0.05)
        while self.read_some(0):
            pass
        if self.process.poll() is None:
            fail('%s: does not end' % what)
            stop(self.process)
        elif self.process.returncode != code:
            fail('%s: exit code %s' % (what, self.process.returncode))
        if not self.text.rstrip().endswith('\033[?7h\033[?25h\033[?1049l'):
            fail('%s: the screen is not restored: %r' % (what, self.text[-100:]))
        if termios.tcgetattr(self.slave) != self.before:
            fail('%s: the terminal is not restored' % what)
        os.close(self.master)
        os.close(self.slave)


def raw(terminal):
    return not termios.tcgetattr(terminal.slave)[3] & termios.ECHO


def on_terminal(braid):
    command = [braid, 'monitor', '--interval', '0.2']
    t = Terminal(command)
    t.until('\033[?1049h')
    t.until('No Multipath TCP connections')
    if not raw(t):
        fail('the terminal echoes')
    t.send('/eth')
    t.until('filter: eth')
    t.send('\r')
    t.until('filter: eth (Esc: all)')
    t.size(40, 10)
    t.until('\033[2J')
    t.until('\033[10;1H')
    t.send('\033[B\033[5~q')
    t.ends('q')

    for key, name in (('\003', 'Ctrl-C'), (signal.SIGTERM, 'SIGTERM'), (signal.SIGHUP, 'SIGHUP')):
        t = Terminal(command)
        t.until('q quit')
        if isinstance(key, str):
            t.send(key)
        else:
            t.process.send_signal(key)
        t.ends(name)

    # Ctrl-Z gives the terminal back, and takes it again
    t = Terminal(command)
    t.until('q quit')
    t.process.send_signal(signal.SIGTSTP)
    t.until('\033[?1049l')
    deadline = time.monotonic() + LIMIT
    while raw(t) and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    t.process.send_signal(signal.SIGCONT)
    t.until('\033[?1049h')
    t.until('q quit')
    t.send('q')
    t.ends('Ctrl-Z')

    for env, expected in (({}, True), ({'NO_COLOR': '1'}, False)):
        t = Terminal(command, env=env)
        t.until('q quit')
        t.send('q')
        t.ends('colours')
        if bool(re.search('\033\\[[0-9;]*m', t.seen)) != expected:
            fail('colours with %s: %r' % (env, t.seen))

    # a dumb terminal gets text
    t = Terminal(command + ['--count', '1'], env={'TERM': 'dumb'})
    t.until('0 connections, 0 subflows')
    t.process.wait(LIMIT)
    if '\033' in t.text:
        fail('escape sequences for a dumb terminal: %r' % t.text)

    # a reader that goes away ends it
    p = subprocess.Popen(command + ['--json'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    p.stdout.readline()
    p.stdout.close()
    try:
        p.wait(LIMIT)
    except subprocess.TimeoutExpired:
        fail('writes for nobody')
        stop(p)


def main():
    braid = os.path.realpath(sys.argv[1])
    if len(sys.argv) > 2:
        inside(braid) if sys.argv[2] == 'inside' else on_terminal(braid)
        return 1 if failures else 0
    check = subprocess.run([braid, 'lab', 'check'], capture_output=True, text=True, timeout=LIMIT)
    if check.returncode != 0:
        print('skipped: %s' % (check.stdout + check.stderr).strip())
        return 1 if os.environ.get('BRAID_REQUIRE_ALL') else 77
    # the terminal's part in a lab as well: this machine may have connections of its own
    for part in ('inside', 'terminal'):
        r = subprocess.run([braid, 'lab', 'run', 'two-equal', '--quiet', '--server', '%s cat -l 9000 >/dev/null' % braid,
                            '--', sys.executable, os.path.abspath(__file__), braid, part], timeout=4 * LIMIT)
        if r.returncode != 0:
            fail('%s: exit code %d' % (part, r.returncode))
    if not failures:
        print('the monitor shows what happens')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
