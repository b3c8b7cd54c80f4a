#!/usr/bin/env node
// The server on node's ws: echo of binary messages, no extensions. The command line is that of the other
// programs; what it does not need of it is not looked at.
'use strict';
let WebSocket;
try {
    WebSocket = require('ws');
} catch {
    WebSocket = require('/usr/share/nodejs/ws'); // Debian's node-ws
}

function option(name, otherwise) {
    const at = process.argv.indexOf('--' + name);
    return at < 0 ? otherwise : process.argv[at + 1];
}

if (option('mode') !== 'echo' || option('proto') !== 'ws') {
    console.error('server_node: echo of WebSocket is all it can do');
    process.exit(2);
}
setTimeout(() => process.exit(1), 1000 * Number(option('limit', '60')));
const server = new WebSocket.Server({host: '0.0.0.0', port: 0, backlog: 4096, perMessageDeflate: false},
    () => console.log(`port ${server.address().port}`));
server.on('connection', ws => ws.on('message', message => ws.send(message, {binary: true})));
