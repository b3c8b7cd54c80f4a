#!/usr/bin/python3
"""A browser as WebSocket client over TLS: Chromium, headless, with our server on loopback.

    ws_chromium.py WS_PEER

Chromium trusts our authority because it is in its user's NSS database, and no other: certificates are
verified as for any site. The page is one that this program serves, and reports to.
"""
import contextlib
import ctypes
import http.server
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
from tls_files import Authority  # noqa: E402

PEER = sys.argv[1]
LIMIT_S = 180  # Chromium starts slowly on a busy machine
LINE_S = 60
REPORT_MAX = 1 << 20
PEER_CERTIFICATE_UNKNOWN = 'failed -9829'  # errSSLPeerCertUnknown: what its alert becomes
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

PAGE = r'''<!doctype html><title>WebSocket</title><script>
const ports = PORTS, cases = [];

function check(good, what) {
    if (!good)
        throw new Error(what);
}

// a WebSocket whose events are awaited one after the other
function connect(url, ...protocol) {
    const ws = new WebSocket(url, ...protocol), events = [], waiting = [];
    ws.binaryType = 'arraybuffer';
    for (const type of ['open', 'message', 'error', 'close'])
        ws.addEventListener(type, e => waiting.length ? waiting.shift()(e) : events.push(e));
    ws.next = async type => {
        const e = events.length ? events.shift() : await new Promise(r => waiting.push(r));
        check(e.type === type, `${type} expected, ${e.type} came (${e.code} ${e.reason})`);
        return e;
    };
    return ws;
}

async function opened() {
    const ws = connect(`wss://localhost:${ports.trusted}/chat?x=1`, ['other', 'chat']);
    check(ws.readyState === WebSocket.CONNECTING, 'connecting');
    await ws.next('open');
    check(ws.readyState === WebSocket.OPEN, 'open');
    check(ws.protocol === 'chat', `protocol "${ws.protocol}"`);
    check(ws.extensions === '', `extensions "${ws.extensions}"`);
    return ws;
}

function same(a, b) {
    if (typeof a === 'string')
        return a === b;
    a = new Uint8Array(a), b = new Uint8Array(b);
    return a.length === b.length && a.every((x, i) => x === b[i]);
}

async function echo(ws, message, size) {
    ws.send(message);
    check(ws.bufferedAmount === size, `bufferedAmount ${ws.bufferedAmount} of ${size}`);
    const {data} = await ws.next('message');
    check(same(message, data), `the echo of ${size} bytes is another message`);
    check(ws.bufferedAmount === 0, `bufferedAmount ${ws.bufferedAmount} after the echo`);
}

function bytes(size) {
    const all = new Uint8Array(size);
    for (let i = 0; i < size; i += 65536)
        crypto.getRandomValues(all.subarray(i, i + 65536));
    return all.buffer;
}

async function closed(ws, code, reason, clean) {
    const e = await ws.next('close');
    check(e.code === code && e.reason === reason && e.wasClean === clean,
        `close ${e.code} "${e.reason}" ${e.wasClean}, not ${code} "${reason}" ${clean}`);
    check(ws.readyState === WebSocket.CLOSED, 'closed');
}

async function refused(url, protocol) {
    const ws = connect(url, protocol);
    await ws.next('error');
    await closed(ws, 1006, '', false);
}

const tests = {
    async 'echo of all sizes'() {
        const ws = await opened();
        for (const size of [0, 1, 125, 126, 65535, 65536, 1 << 20]) {
            await echo(ws, 'x'.repeat(size), size);
            await echo(ws, bytes(size), size);
        }
        await echo(ws, 'gr\u00fc\u00dfe \u{1f600}\0', 13);
        await echo(ws, bytes(16 << 20), 16 << 20);
        await echo(ws, '\u20ac'.repeat(5 << 20), 15 << 20);
        ws.send(new Blob(['a ', 'blob']));
        check(same(new TextEncoder().encode('a blob'), (await ws.next('message')).data), 'blob');
        ws.close(4000, 'gr\u00fc\u00dfe');
        check(ws.readyState === WebSocket.CLOSING, 'closing');
        await closed(ws, 4000, '', true);  // the answer has the code alone (RFC 6455, 5.5.1)
    },
    async 'many at once'() {
        const ws = await opened();
        for (let i = 0; i < 1000; i++)
            ws.send(`message ${i} ` + 'y'.repeat(i));
        for (let i = 0; i < 1000; i++) {
            const {data} = await ws.next('message');
            check(data === `message ${i} ` + 'y'.repeat(i), `message ${i} is another`);
        }
        const all = await Promise.all(Array.from({length: 16}, opened));
        all.forEach((one, i) => one.send(`${i}`));
        for (let i = 0; i < 16; i++)
            check((await all[i].next('message')).data === `${i}`, `connection ${i}`);
        for (const one of [ws, ...all]) {
            one.close();
            await closed(one, 1005, '', true);
        }
    },
    async 'fragments and a ping from the server'() {
        const ws = await opened();
        ws.send('do parts:1000000:100');
        check((await ws.next('message')).data === 'p'.repeat(1000000), 'fragments');
        ws.send('do ping:are you there?');
        ws.send('still there');
        check((await ws.next('message')).data === 'still there', 'still there');
        ws.close(1000);
        await closed(ws, 1000, '', true);
    },
    async 'the server closes'() {
        const ws = await opened();
        ws.send('do close:4001:because \u20ac');
        await closed(ws, 4001, 'because \u20ac', true);
    },
    async 'the server refuses'() {
        await refused(`wss://localhost:${ports.trusted}/`, 'other');
    },
    async 'an authority that is not trusted'() {
        await refused(`wss://localhost:${ports.untrusted}/`, 'chat');
    },
    async 'a certificate for another name'() {
        await refused(`wss://127.0.0.1:${ports.trusted}/`, 'chat');
    },
};

(async () => {
    let error = null;
    try {
        for (const name in tests) {
            cases.push(name);
            await tests[name]();
        }
    } catch (e) {
        error = `${cases.at(-1)}: ${e.stack}`;
    }
    fetch('/report', {method: 'POST', body: JSON.stringify({cases, of: Object.keys(tests).length, error})});
})();
</script>
'''


def adopt_orphans():
    """Children of a child that has ended become ours, which can wait for them."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def missing():
    """What this machine lacks, or None."""
    for program in ('chromium', 'certutil', 'openssl'):
        if not shutil.which(program):
            return 'no ' + program
    return None


def failures(lines):
    return [line for line in lines if line.startswith('failed ')]


class Server:
    """ws_peer as server with TLS. Its lines come from a thread, so that waiting for them has an end."""

    def __init__(self, pem):
        self.process = subprocess.Popen([PEER, 'server', 'subprotocol:chat', 'tls:' + pem], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.port = int(self.line().split()[1])

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip('\n'))
        self.lines.put(None)

    def line(self):
        return self.lines.get(timeout=LINE_S)

    def all_lines(self, last_failures):
        """Ends it after so many failed connections; what it has said."""
        lines = []
        while len(failures(lines)) < last_failures:
            line = self.line()
            assert line is not None, lines
            lines.append(line)
        self.process.stdin.close()
        assert self.process.wait(LINE_S) == 0
        while (line := self.line()) is not None:
            lines.append(line)
        return lines

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Site(http.server.ThreadingHTTPServer):
    """Serves the page; what the page reports is in the queue."""

    daemon_threads = True

    def __init__(self, page):
        self.page, self.reports = page, queue.Queue()
        super().__init__(('127.0.0.1', 0), Handler)
        self.origin = 'http://localhost:%d' % self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):  # noqa: N802
        self.answer(*(200, self.server.page.encode()) if self.path == '/' else (404, b''))

    def do_POST(self):  # noqa: N802
        size = min(int(self.headers['Content-Length']), REPORT_MAX)
        self.server.reports.put(json.loads(self.rfile.read(size)))
        self.answer(200, b'')

    def log_message(self, *_):
        pass


def trust(home, authority):
    """The authority into the NSS database that Chromium reads."""
    database = os.path.join(home, '.pki', 'nssdb')
    os.makedirs(database)
    for args in (['-N', '--empty-password'], ['-A', '-n', 'ours', '-t', 'C,,', '-i', authority.pem]):
        subprocess.run(['certutil', '-d', 'sql:' + database, *args], check=True, capture_output=True, timeout=LINE_S)


@contextlib.contextmanager
def chromium(home, url):
    """Runs it; all of it ends with the block. No sandbox, which root and containers do not have: it sees our
    page alone. Nothing but localhost has an address."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(('XDG_', 'DBUS_')) and 'proxy' not in k.lower()}
    command = ['chromium', '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
               '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-breakpad',
               '--disable-extensions', '--disable-default-apps', '--no-proxy-server', '--no-pings', '--metrics-recording-only',
               '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
               '--user-data-dir=' + os.path.join(home, 'profile'), '--enable-logging=stderr', url]
    log = os.path.join(home, 'log')
    with open(log, 'wb') as f:
        process = subprocess.Popen(command, env=dict(environment, HOME=home), stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                                   start_new_session=True)
    try:
        yield process, log
    finally:
        process.poll()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-process.pid, 0)  # its children: ours now


def browse(home, site):
    """The page's report."""
    with chromium(home, site.origin + '/') as (process, log):
        for _ in range(LIMIT_S):
            with contextlib.suppress(queue.Empty):
                return site.reports.get(timeout=1)
            if process.poll() is not None:
                break
        with open(log, errors='replace') as f:
            print(f.read()[-4000:])
        sys.exit('chromium reports nothing, exit status %s' % process.poll())


def check_server(lines, origin):
    """What the server saw: all asked from our page, and closed with these codes."""
    requests = [line for line in lines if line.startswith('request ')]
    assert requests.count('request chat ' + origin) == 20, requests
    assert requests.count('request - ' + origin) == 1, requests
    assert len(requests) == 21, requests
    closes = [line for line in lines if line.startswith('close ')]
    assert closes[0] == 'close 4000 gr\u00fc\u00dfe', closes
    assert closes[1:18] == ['close 1005 '] * 17, closes
    assert closes[18:] == ['close 1000 ', 'close 4001 because \u20ac'], closes
    assert lines.count('pong') == 1, lines
    # the refused subprotocol, and the certificate that is not for 127.0.0.1
    assert failures(lines) == ['failed ECONNABORTED', PEER_CERTIFICATE_UNKNOWN], lines


def run(directory):
    ours, another = Authority(directory, 'ours'), Authority(directory, 'another')
    home = os.path.join(directory, 'home')
    os.mkdir(home)
    trust(home, ours)
    with Server(ours.issue('server', 'localhost')) as trusted, Server(another.issue('other', 'localhost')) as untrusted:
        ports = json.dumps({'trusted': trusted.port, 'untrusted': untrusted.port})
        with Site(PAGE.replace('PORTS', ports, 1)) as site:
            report = browse(home, site)
        print(*report['cases'], sep='\n')
        assert report['error'] is None, report['error']
        assert len(report['cases']) == report['of']
        check_server(trusted.all_lines(2), site.origin)
        lines = untrusted.all_lines(1)
        assert failures(lines) == [PEER_CERTIFICATE_UNKNOWN], lines
        assert not [line for line in lines if line.startswith('request')], lines
    print('%d cases, none failed' % len(report['cases']))


if __name__ == '__main__':
    if (lack := missing()) is not None:
        print('skipped:', lack)
        sys.exit(1 if os.environ.get('BRAID_REQUIRE_ALL') else 77)
    adopt_orphans()
    with tempfile.TemporaryDirectory() as temporary:
        run(temporary)
