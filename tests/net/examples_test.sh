#!/bin/bash
# The example programs talk to each other over loopback: every hello client with every hello server,
# netcat with netcat, the chat's clients through its server, hello over TLS with openssl's server.
#   examples_test.sh DIRECTORY PROGRAM...   (which of them were built; hello_server_f always is)
# shellcheck disable=SC2154 # shell_test.sh sets braid, tmp
source "$(dirname "$0")/shell_test.sh"
dir=$braid
shift
servers=(hello_server_f)
clients=()
others=()
for name in "$@"; do
	case $name in
	hello_server) servers+=("$name") ;;
	hello_tls | netcat | chat_*) others+=("$name") ;;
	*) clients+=("$name") ;;
	esac
done
pid=
# a server whose output is read as it comes is no job
trap 'kill $pid $(jobs -p) 2>/dev/null; rm -rf "$tmp"' EXIT

for server in "${servers[@]}"; do
	exec {out}< <(exec "$dir/$server" 0 2>"$tmp/server.err")
	pid=$!
	if ! read -r -t 20 -u "$out" port || ! [ "$port" -gt 0 ]; then
		fail "$server does not say its port: $(cat "$tmp/server.err")"
		continue
	fi
	for client in "${clients[@]}"; do
		for host in 127.0.0.1 ::1 localhost; do
			[ "$host" = ::1 ] && [ ! -e /proc/net/if_inet6 ] && continue
			got=$(timeout 20 "$dir/$client" "$host" "$port" 2>"$tmp/err")
			rc=$?
			[ $rc = 0 ] && [ "$got" = "hello, world" ] ||
				fail "$client $host, $server: exit $rc, \"$got\": $(cat "$tmp/err")"
		done
	done
	kill "$pid"
	wait "$pid" 2>/dev/null
	exec {out}<&-
	[ -s "$tmp/server.err" ] && fail "$server: $(cat "$tmp/server.err")"
done
pid=

# nobody listens there any more: one line, and the exit status of a failure
for client in "${clients[@]}"; do
	timeout 20 "$dir/$client" 127.0.0.1 "$port" >"$tmp/out" 2>"$tmp/err"
	rc=$?
	[ $rc = 1 ] && grep -q refused "$tmp/err" ||
		fail "$client, refused: exit $rc: $(cat "$tmp/err")"
	"$dir/$client" >"$tmp/out" 2>"$tmp/err"
	[ $? = 2 ] || fail "$client without arguments"
done

built() {
	[[ " ${others[*]} " == *" $1 "* ]]
}

stop() { # PID...
	kill "$@" 2>/dev/null
	wait "$@" 2>/dev/null
}

# netcat_listen OPTION...: it reads $tmp/down and writes $tmp/up; sets pid and port
netcat_listen() {
	: >"$tmp/listen.err"
	timeout 60 "$dir/netcat" -l -v "$@" 0 <"$tmp/down" >"$tmp/up" 2>"$tmp/listen.err" &
	pid=$!
	within 20 grep -q 'port [1-9]' "$tmp/listen.err" ||
		fail "netcat -l $*: $(cat "$tmp/listen.err")"
	port=$(sed -n 's/.*port //p' "$tmp/listen.err")
}

netcat_stream() { # OPTION...: both directions at once, to both ends
	netcat_listen "$@"
	timeout 30 "$dir/netcat" "$@" localhost "$port" <"$tmp/file" >"$tmp/got" 2>"$tmp/err" ||
		fail "netcat $*: exit $?: $(cat "$tmp/err")"
	wait "$pid" || fail "netcat -l $*: exit $?: $(cat "$tmp/listen.err")"
	cmp "$tmp/file" "$tmp/up" || fail "netcat $*: what was sent"
	cmp "$tmp/down" "$tmp/got" || fail "netcat $*: what was received"
}

netcat_datagrams() { # OPTION...: one each way; a datagram flow has no end
	netcat_listen -u "$@"
	: >"$tmp/got"
	timeout 30 "$dir/netcat" -u "$@" 127.0.0.1 "$port" <<<up >"$tmp/got" 2>"$tmp/err" &
	pids=($!)
	within 20 grep -qx up "$tmp/up" || fail "netcat -u $*: $(cat "$tmp/err" "$tmp/listen.err")"
	within 20 grep -qx down "$tmp/got" || fail "netcat -u $*, back: $(cat "$tmp/err")"
	stop "$pid" "${pids[@]}"
}

test_netcat() {
	local key=d0c5a4d2c2f24a3ebd3f

	head -c 1000000 /dev/urandom >"$tmp/file"
	echo down >"$tmp/down"
	netcat_stream
	netcat_stream -k $key
	netcat_datagrams
	netcat_datagrams -k $key
	# another key: nothing comes through, both fail
	netcat_listen -k $key
	timeout 30 "$dir/netcat" -k wrong "127.0.0.1" "$port" <"$tmp/file" >"$tmp/got" 2>"$tmp/err"
	rc=$?
	[ $rc = 1 ] && grep -q 'TLS error' "$tmp/err" ||
		fail "netcat, wrong key: exit $rc: $(cat "$tmp/err")"
	[ -s "$tmp/up" ] && fail "netcat, wrong key: data came through"
	stop "$pid"
}

# a chat client whose standard input is a pipe that stays open: chat_client NAME DESCRIPTOR
chat_client() {
	mkfifo "$tmp/$1.in"
	: >"$tmp/$1.err"
	timeout 60 "$dir/chat_client" "ws://localhost:$port/" "$1" <"$tmp/$1.in" >"$tmp/$1" 2>"$tmp/$1.err" &
	pids+=($!)
	eval "exec $2>\"\$tmp/\$1.in\""
	within 20 grep -q pong "$tmp/$1.err" || fail "chat, $1: no pong: $(cat "$tmp/$1.err")"
}

# sent_away PORT: a client that sends a binary message; success when a close message says 1003
sent_away() {
	timeout 20 python3 -c '
import socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
          b"Sec-WebSocket-Protocol: chat\r\n\r\n")
r = s.makefile("rb")
while r.readline() not in (b"\r\n", b""):
    pass
s.sendall(bytes((0x82, 0x81, 0, 0, 0, 0, 1)))
head = r.read(4)
assert head[0] == 0x88 and struct.unpack("!H", head[2:])[0] == 1003, head
assert r.read() == b""
' "$1"
}

test_chat() {
	pids=()
	exec {out}< <(exec "$dir/chat_server" 0 2>"$tmp/server.err")
	pid=$!
	read -r -t 20 -u "$out" port || fail "chat_server: $(cat "$tmp/server.err")"
	chat_client ann 7
	chat_client bob 8
	grep -q '2 are here, subprotocol chat' "$tmp/bob.err" || fail "chat: $(cat "$tmp/bob.err")"
	echo "hello, bob" >&7
	within 20 grep -qx 'ann: hello, bob' "$tmp/bob" || fail "chat: bob does not hear ann"
	echo "hello, ann" >&8
	within 20 grep -qx 'bob: hello, ann' "$tmp/ann" || fail "chat: ann does not hear bob"
	# who does not offer the subprotocol stays outside
	CHAT_SUBPROTOCOL=other timeout 20 "$dir/chat_client" "ws://localhost:$port/" eve \
		</dev/null >"$tmp/eve" 2>&1
	[ $? = 1 ] || fail "chat: eve came in: $(cat "$tmp/eve")"
	# neither does who sends what is no text: close code 1003
	sent_away "$port" >"$tmp/binary" 2>&1 || fail "chat, binary: $(cat "$tmp/binary")"
	exec 7>&- 8>&- # the end of their input: they leave
	for client in "${pids[@]}"; do
		wait "$client" || fail "chat: exit $?: $(cat "$tmp/ann.err" "$tmp/bob.err")"
	done
	within 20 eval '[ "$(grep -c "closed, code 1000" "$tmp/server.err")" = 2 ]' ||
		fail "chat_server: $(cat "$tmp/server.err")"
	cmp "$tmp/ann" "$tmp/bob" || fail "chat: the two have heard different things"
	kill "$pid"
	exec {out}<&-
	pid=
	pids=()
}

# tls_says TRUST-STORE STATUS TEXT ARGUMENT...: how it ends, and what it says
tls_says() {
	local trust=$1 status=$2 text=$3 rc
	shift 3
	SSL_CERT_FILE=$trust timeout 20 "$dir/hello_tls" "$@" >"$tmp/out" 2>"$tmp/err"
	rc=$?
	[ $rc = "$status" ] && grep -q "$text" "$tmp/err" ||
		fail "hello_tls $*: exit $rc, not $status, \"$text\": $(cat "$tmp/err")"
	[ $status != 0 ] || [ "$(cat "$tmp/out")" = dlrow ] || fail "hello_tls: $(cat "$tmp/out")"
}

test_tls() {
	for name in good other; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" \
			-addext subjectAltName=DNS:localhost -keyout "$tmp/$name.key" -out "$tmp/$name.pem" 2>/dev/null
	done
	: >"$tmp/openssl"
	# it answers with each line reversed
	openssl s_server -accept 127.0.0.1:0 -cert "$tmp/good.pem" -key "$tmp/good.key" -alpn hello -rev \
		>"$tmp/openssl" 2>&1 &
	pid=$!
	within 20 grep -q '^ACCEPT .*:[1-9]' "$tmp/openssl" || fail "openssl: $(cat "$tmp/openssl")"
	port=$(sed -n 's/^ACCEPT .*://p' "$tmp/openssl" | head -1)
	tls_says "$tmp/good.pem" 0 'TLS 1.3.*protocol hello' localhost "$port" hello
	tls_says "$tmp/good.pem" 0 'TLS 1.3.*protocol none' localhost "$port"
	tls_says "$tmp/other.pem" 1 'not trusted' localhost "$port" hello
	tls_says "$tmp/good.pem" 1 'not trusted' 127.0.0.1 "$port" hello # not its name
	stop "$pid"
}

built netcat && test_netcat
built chat_client && test_chat
built hello_tls && command -v openssl >/dev/null && test_tls
pid=
finish "examples: ${#clients[@]} clients, ${#servers[@]} servers: all say hello; and ${others[*]}"
