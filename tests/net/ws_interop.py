#!/usr/bin/python3
"""WebSocket against other implementations, both roles: python3-websockets, node's ws, and nginx between,
without TLS and with.

    ws_interop.py WS_PEER
"""
import asyncio
import contextlib
import http
import os
import shutil
import ssl
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tls_files import Authority  # noqa: E402


def skip(what):
    """The rest is not tested: a failure where all must be."""
    print('skipped: no', what)
    if os.environ.get('BRAID_REQUIRE_ALL'):
        sys.exit(1)


try:
    import websockets
except ImportError:
    skip('python3-websockets')
    sys.exit(77)

PEER = sys.argv[1]
MB = 1 << 20
LIMIT = 120
cases = 0


def ok(name):
    global cases
    cases += 1
    print('ok', name, flush=True)


class Server:
    """ws_peer as server."""

    def __init__(self, *args):
        self.args = args

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            PEER, 'server', *self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = (await self.process.stdout.readline()).decode().split()
        assert line[0] == 'port', line
        self.port = int(line[1])
        self.url = 'ws://127.0.0.1:%d/' % self.port
        return self

    async def line(self):
        return (await asyncio.wait_for(self.process.stdout.readline(), 30)).decode().rstrip('\n')

    async def __aexit__(self, *_):
        self.process.stdin.close()
        assert await asyncio.wait_for(self.process.wait(), 30) == 0


async def client(*args, codes=(0,), env=None):
    """ws_peer as client; returns its lines."""
    process = await asyncio.create_subprocess_exec(PEER, 'client', *args, stdout=subprocess.PIPE, env=env)
    out, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    assert process.returncode in codes, (process.returncode, out)
    return out.decode().splitlines()


# --- our server, their client ---

async def python_client(url, **options):
    # it offers permessage-deflate, as it does by default: we do not take it
    async with websockets.connect(url, max_size=None, **options) as ws:
        assert ws.extensions == [], ws.extensions
        for message in ['', 'a', 'gr\u00fc\u00dfe \U0001f600', b'', b'\0\xff', 'x' * 125, 'x' * 126, 'x' * 65535,
                        'x' * 65536, b'y' * MB, os.urandom(16 * MB), '\u00e4' * (8 * MB)]:
            await ws.send(message)
            assert await ws.recv() == message
        await ws.send(['frag', 'men', '', 'ts'])  # one message, four frames and an empty last
        assert await ws.recv() == 'fragments'
        await ws.send([b'x' * 1000] * 2000)
        assert await ws.recv() == b'x' * 2000000
        for payload in [b'', b'hello', b'\xff' * 125]:
            await asyncio.wait_for(await ws.ping(payload), 10)
        await ws.pong(b'unsolicited')
        await ws.send('still there')
        assert await ws.recv() == 'still there'


async def our_server():
    async with Server() as server:
        await python_client(server.url)
        assert await server.line() == 'close 1000 '
        assert 'ENODATA' in await server.line()
        ok('python client: echo of all sizes, fragments, pings')
        for code, reason in [(1000, ''), (1001, 'leaving'), (3000, ''), (4999, 'gr\u00fc\u00dfe'), (1011, 'x' * 123)]:
            async with websockets.connect(server.url, compression=None) as ws:
                await ws.close(code, reason)
                assert ws.close_code == code, ws.close_code
            assert await server.line() == 'close %d %s' % (code, reason)
            assert 'ENODATA' in await server.line()
        ok('python client: close codes and reasons')
        async with websockets.connect(server.url, max_size=None) as ws:
            try:
                await ws.send(b'x' * (32 * MB + 1))  # refused while it is being sent
                await ws.recv()
                assert False
            except websockets.ConnectionClosed as e:
                assert e.rcvd.code == 1009, e
        while 'EMSGSIZE' not in await server.line():
            pass
        ok('python client: too large a message')
        clients = [websockets.connect(server.url) for _ in range(64)]
        open_ = await asyncio.gather(*clients)
        await asyncio.gather(*(ws.send('n%d' % i) for i, ws in enumerate(open_)))
        answers = await asyncio.gather(*(ws.recv() for ws in open_))
        assert answers == ['n%d' % i for i in range(64)]
        await asyncio.gather(*(ws.close() for ws in open_))
        ok('python client: 64 at once')
    async with Server('subprotocol:chat') as server:
        async with websockets.connect(server.url, subprotocols=['other', 'chat']) as ws:
            assert ws.subprotocol == 'chat'
        ok('python client: subprotocol')
        try:
            async with websockets.connect(server.url, subprotocols=['other']):
                assert False
        except websockets.InvalidStatusCode as e:
            assert e.status_code == 400
        ok('python client: rejected')


# --- their server, our client ---

ALL_STEPS = ['text:', 'text:hello', 'text:gr\u00fc\u00dfe', 'binary:0', 'binary:125', 'binary:126', 'binary:65535',
             'binary:65536', 'binary:%d' % (16 * MB), 'parts:10:3', 'parts:1000000:100', 'ping:', 'ping:hello']


async def python_server():
    closed = asyncio.Queue()

    async def handler(ws, path):
        if path.startswith('/close/'):
            await ws.close(int(path[7:]), 'server says so')
            return
        if path == '/long':
            await ws.send('longer than five')
        if path == '/fragments':
            await ws.send(['one ', 'two ', 'three'])
            await ws.send(b'bytes')
            await asyncio.wait_for(await ws.ping(b'are you there?'), 10)
            await ws.send('pong came')
        try:
            async for message in ws:
                await ws.send(message)
        except websockets.ConnectionClosed:
            pass
        await closed.put((ws.close_code, ws.close_reason, path))

    async def refuse(path, headers):
        if path == '/no':
            return http.HTTPStatus.FORBIDDEN, [], b'no\n'

    async with websockets.serve(handler, '127.0.0.1', 0, max_size=None, subprotocols=['b', 'a'],
                                process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        url = 'ws://127.0.0.1:%d' % port
        lines = await client(url + '/chat?x=1', *ALL_STEPS, 'close:4000:bye', 'receive', 'receive')
        assert lines == ['ready ', 'received 8 4000 bye', 'end ENODATA', 'done'], lines
        assert await asyncio.wait_for(closed.get(), 10) == (4000, 'bye', '/chat?x=1')
        ok('python server: echo of all sizes, fragments, pings, close')
        lines = await client(url + '/fragments', 'receive', 'receive', 'receive', 'receive')
        assert lines[1:5] == ['received 1 1005 one two three', 'received 2 1005 bytes',
                              'received 9 1005 are you there?', 'received 1 1005 pong came'], lines
        ok('python server: fragments and a ping to us')
        for code in [1000, 1001, 3000, 4999]:
            lines = await client(url + '/close/%d' % code, 'receive', 'receive')
            assert lines[1:] == ['received 8 %d server says so' % code, 'end ENODATA', 'done'], lines
        ok('python server: it closes')
        lines = await client(url, 'subprotocol:a', 'subprotocol:b', 'text:x')
        assert lines[0] in ('ready a', 'ready b'), lines
        ok('python server: subprotocol')
        lines = await client(url + '/no', codes=(2,))
        assert lines == ['failed ECONNABORTED'], lines
        ok('python server: 403')
        # the receive and the state tell of it, whichever is first
        lines = await client(url + '/long', 'max:5', 'receive', codes=(0, 2))
        assert lines[0] == 'ready ' and lines[1] in ('failed EMSGSIZE', 'end EMSGSIZE'), lines
        ok('python server: larger than we take')


# --- node ---

NODE_SERVER = '''
const WebSocket = require('ws');
const wss = new WebSocket.Server({ host: '127.0.0.1', port: 0, perMessageDeflate: true, maxPayload: 1 << 26 },
    () => console.log(wss.address().port));
wss.on('connection', ws => {
    ws.on('message', (data, binary) => ws.send(data, { binary }));
    ws.on('close', (code, reason) => console.log('close', code, reason.toString()));
});
'''
NODE_CLIENT = '''
const WebSocket = require('ws'), assert = require('assert');
const ws = new WebSocket(process.argv[1], { maxPayload: 1 << 26 });
const big = Buffer.alloc(16 << 20, 7), sent = ['', 'hello', 'gr\\u00fc\\u00dfe', big, 'x'.repeat(70000)];
let n = 0;
ws.on('open', () => {
    assert.equal(ws.extensions, '');
    sent.forEach(m => ws.send(m));
    ws.send('frag', { fin: false }); ws.send('ments', { fin: true });
    ws.ping('p');
});
ws.on('pong', data => { assert.equal(data.toString(), 'p'); console.log('pong'); });
ws.on('message', (data, binary) => {
    const want = n < sent.length ? sent[n] : 'fragments';
    assert.equal(binary, Buffer.isBuffer(want));
    assert.ok(Buffer.from(want).equals(data));
    if (++n > sent.length) ws.close(4002, 'enough');
});
ws.on('close', code => { console.log('closed', code); });
'''


def node_env():
    return dict(os.environ, NODE_PATH='/usr/share/nodejs:/usr/lib/nodejs')


def has_node():
    if not shutil.which('node'):
        return False
    return subprocess.run(['node', '-e', "require('ws')"], env=node_env(), capture_output=True).returncode == 0


async def node():
    if not has_node():
        skip('node with ws')
        return
    process = await asyncio.create_subprocess_exec('node', '-e', NODE_SERVER, env=node_env(), stdout=subprocess.PIPE)
    try:
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        lines = await client('ws://127.0.0.1:%d/' % port, *ALL_STEPS, 'close:4003:bye', 'receive')
        assert len(lines) == 3 and lines[1].startswith('received 8 4003'), lines
        assert (await asyncio.wait_for(process.stdout.readline(), 30)).decode() == 'close 4003 bye\n'
    finally:
        process.kill()
        await process.wait()
    ok('node server')
    async with Server() as server:
        process = await asyncio.create_subprocess_exec('node', '-e', NODE_CLIENT, server.url, env=node_env(),
                                                       stdout=subprocess.PIPE)
        out, _ = await asyncio.wait_for(process.communicate(), LIMIT)
        assert process.returncode == 0 and 'pong' in out.decode() and 'closed 4002' in out.decode(), out
        assert await server.line() == 'close 4002 enough'
        ok('node client')


# --- nginx between ---

NGINX = '''
daemon off; pid %(dir)s/pid; error_log %(dir)s/error.log; worker_processes 1;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p; fastcgi_temp_path %(dir)s/f;
    uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
    %(servers)s
}
'''
PLAIN = '''
    server {
        listen 127.0.0.1:%(port)d;
        location / { proxy_pass http://127.0.0.1:%(to)d; }
    }
'''
# TLS on both sides, each with a name of its own, and verified by both clients
SECURE = '''
    server {
        listen 127.0.0.1:%(port)d ssl;
        ssl_certificate %(pem)s; ssl_certificate_key %(pem)s; ssl_protocols %(version)s;
        location / {
            proxy_pass https://127.0.0.1:%(to)d;
            proxy_ssl_protocols %(version)s; proxy_ssl_server_name on; proxy_ssl_name behind.test;
            proxy_ssl_verify on; proxy_ssl_trusted_certificate %(ca)s;
        }
    }
'''


async def free_port():
    server = await asyncio.start_server(lambda r, w: None, '127.0.0.1', 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def connectable(port):
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection('127.0.0.1', port)
            writer.close()
            return
        except OSError:
            await asyncio.sleep(0.05)
    assert False, 'nginx does not listen'


@contextlib.asynccontextmanager
async def nginx(directory, server, **values):
    """It runs with this server block; its port."""
    port = await free_port()
    config = os.path.join(directory, 'nginx.conf')
    with open(config, 'w') as f:
        f.write(NGINX % {'dir': directory, 'servers': server % dict(values, port=port)})
    process = await asyncio.create_subprocess_exec(nginx_program(), '-p', directory, '-c', config)
    try:
        await connectable(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


def nginx_program():
    return shutil.which('nginx') or '/usr/sbin/nginx'


async def our_client_through(url, env=None):
    lines = await client(url, *ALL_STEPS, 'close:1000:', 'receive', env=env)
    assert lines == ['ready ', 'received 8 1000 ', 'done'], lines


async def plain_nginx():
    with tempfile.TemporaryDirectory() as directory:
        async with Server() as server, nginx(directory, PLAIN, to=server.port) as port:
            await python_client('ws://127.0.0.1:%d/' % port)
            ok('python client through nginx')
            await our_client_through('ws://127.0.0.1:%d/' % port)
            ok('our client through nginx')


async def secure_nginx(version):
    with tempfile.TemporaryDirectory() as directory:
        ca = Authority(directory, 'ca')
        front, behind = ca.issue('front', 'localhost'), ca.issue('behind', 'behind.test')
        trusting = ssl.create_default_context(cafile=ca.pem)
        async with Server('tls:' + behind) as server:
            async with nginx(directory, SECURE, to=server.port, pem=front, ca=ca.pem, version=version) as port:
                await python_client('wss://localhost:%d/' % port, ssl=trusting)
                ok('python client through nginx, %s on both sides' % version)
                await our_client_through('wss://localhost:%d/' % port, dict(os.environ, SSL_CERT_FILE=ca.pem))
                ok('our client through nginx, %s on both sides' % version)
                lines = await client('wss://127.0.0.1:%d/' % port, codes=(2,), env=dict(os.environ, SSL_CERT_FILE=ca.pem))
                assert lines == ['failed -9843'], lines
                lines = await client('wss://localhost:%d/' % port, codes=(2,), env=dict(os.environ, SSL_CERT_FILE=behind))
                assert lines == ['failed -9812'], lines
                ok('our client and a certificate of another name, another authority')


async def through_nginx():
    if not os.path.exists(nginx_program()):
        skip('nginx')
        return
    await plain_nginx()
    for version in ('TLSv1.2', 'TLSv1.3'):
        await secure_nginx(version)


async def main():
    await our_server()
    await python_server()
    await node()
    await through_nginx()
    print('%d cases, none failed' % cases)


asyncio.run(asyncio.wait_for(main(), 600))
