#!/bin/bash
# `braid cat` over TLS, DTLS, WebSocket and proxies: with itself, with openssl, and what it says when
# something is wrong. Usage: cli_cat_layers.sh BRAID
# shellcheck disable=SC2154 # shell_test.sh sets braid
source "$(dirname "$0")/shell_test.sh"

for program in openssl microsocks tinyproxy; do
	command -v "$program" >/dev/null || skip "no $program"
done

# make_cert NAME SUBJECT: NAME.pem and NAME.key
make_cert()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" \
		-days 2 -subj "/CN=$2" -addext "subjectAltName=DNS:$2" >/dev/null 2>&1 || fail "no certificate $1"
}
make_cert server localhost
make_cert other elsewhere.test
make_cert client somebody
head -c 3000000 /dev/urandom >file

# listen NAME ARGUMENT...: a listener in the background, its output in NAME.out, its words in NAME.err; $port
listen()
{
	local name=$1
	shift
	"$braid" cat -v -l -d "$@" 0 >"$name.out" 2>"$name.err" &
	listener=$!
	for _ in $(seq 100); do
		port=$(sed -n 's/.*listening on any address port \([0-9]*\).*/\1/p' "$name.err")
		[ -n "$port" ] && return
		sleep 0.05
	done
	fail "$name: does not listen: $(cat "$name.err")"
}

# free_port: $free, for programs that cannot tell one that they chose
free_port()
{
	free=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
}

# listens PORT: somebody does, soon
listens()
{
	for _ in $(seq 200); do
		[ -n "$(ss -Hltn "sport = :$1")" ] && return
		sleep 0.05
	done
	fail "nobody listens on port $1"
}

# both NAME WORDS CLIENT-ARGUMENTS...: sends file to the listener; its -v has WORDS
both()
{
	local name=$1 words=$2
	shift 2
	timeout 20 "$braid" cat -v -N "$@" localhost "$port" <file 2>"$name.log" || fail "$name: $(cat "$name.log")"
	wait "$listener" || fail "$name: the listener: $(cat "$name.err")"
	cmp -s "$name.out" file || fail "$name: the file differs"
	grep -q -- "$words" "$name.log" || fail "$name: not \"$words\": $(cat "$name.log")"
}

listen tls --tls --cert server.pem --key server.key --alpn other,echo
both tls "TLS 1.3.*protocol echo" --tls --ca server.pem --alpn echo
cat server.key server.pem >one.pem # the key in the same file
listen mutual --tls --cert one.pem --ca client.pem
both mutual "TLS 1.3" --tls --ca server.pem --cert client.pem --key client.key
listen psk --tls --psk me:0123456789abcdef
both psk "TLS 1" --tls --psk me:0123456789ABCDEF
echo 0123456789abcdef >key
listen pskfile --tls --psk me:@key
both pskfile "TLS 1" --tls --psk me:@key
listen ws --ws
both ws "ready: " --ws=/chat
listen wss --tls --ws --cert server.pem --key server.key
both wss "TLS 1.3" --tls --ws --insecure
listen named --tls --cert other.pem --key other.key
both named "TLS 1.3" --tls --ca other.pem --server-name elsewhere.test

listen dtls --dtls --psk me:0123
echo "a datagram" | timeout 20 "$braid" cat -v --dtls --psk me:0123 127.0.0.1 "$port" 2>dtls.log || fail "dtls: $(cat dtls.log)"
wait "$listener"
[ "$(cat dtls.out)" = "a datagram" ] || fail "dtls: $(cat dtls.out dtls.err dtls.log)"

# openssl at the other end; in lines that begin with a letter s_client sees commands
od -An -v -tx1 -w4096 <file | tr -d 'a-f' >text
head -c 10000 text >some # of more, s_server stops at times after a first record
free_port
openssl s_server -quiet -accept "127.0.0.1:$free" -cert server.pem -key server.key -naccept 1 >ossl.out 2>ossl.err <some &
listens "$free"
timeout 20 "$braid" cat -d --tls --ca server.pem --server-name localhost 127.0.0.1 "$free" >got 2>log
cmp -s got some || fail "openssl s_server: $(cat log ossl.err)"
listen client --tls --cert server.pem --key server.key
timeout 20 openssl s_client -quiet -no_ign_eof -connect "localhost:$port" -CAfile server.pem \
	-verify_return_error <text >ossl.out 2>ossl.err
wait "$listener"
cmp -s client.out text || fail "openssl s_client: $(cat client.err ossl.err)"

# proxies. microsocks knows no half-closed connections: the listener sends, and ends it
# proxied NAME WORDS CLIENT-ARGUMENTS...: gets file from a TLS listener
proxied()
{
	local name=$1 words=$2
	shift 2
	free_listener=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	"$braid" cat -l -N --tls --cert server.pem --key server.key "$free_listener" <file >/dev/null 2>"$name.err" &
	listens "$free_listener"
	timeout 20 "$braid" cat -v -d "$@" localhost "$free_listener" >"$name.out" 2>"$name.log" ||
		fail "$name: $(cat "$name.log" "$name.err")"
	cmp -s "$name.out" file || fail "$name: the file differs"
	grep -q -- "$words" "$name.log" || fail "$name: not \"$words\": $(cat "$name.log")"
}
free_port
microsocks -i 127.0.0.1 -p "$free" -u me -P secret >/dev/null 2>&1 &
listens "$free"
proxied socks "TLS 1.3" --tls --ca server.pem --proxy "socks5://me:secret@127.0.0.1:$free"
timeout 10 "$braid" cat -d --proxy "socks5://me:wrong@127.0.0.1:$free" localhost 1 2>log && fail "socks: a wrong password"
free_port
printf 'Port %s\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\nAllow ::1\n' "$free" >tiny.conf
tinyproxy -d -c tiny.conf >/dev/null 2>&1 &
listens "$free"
proxied http "TLS 1.3" --tls --ca server.pem --proxy "http://127.0.0.1:$free"

# wrong NAME WORDS ARGUMENT...: fails with 1 and says so
wrong()
{
	local name=$1 words=$2
	shift 2
	timeout 20 "$braid" cat -d "$@" >/dev/null 2>log
	[ $? -eq 1 ] || fail "$name: not exit code 1"
	grep -q -- "$words" log || fail "$name: not \"$words\": $(cat log)"
	[ "$(wc -l <log)" -eq 1 ] || fail "$name: not one line: $(cat log)"
}
listen bad -k --tls --cert server.pem --key server.key
wrong self-signed "TLS: the peer's certificate" --tls localhost "$port"
wrong name "TLS: " --tls --ca other.pem localhost "$port"
wrong plain "" --tls --ca server.pem --server-name elsewhere.test localhost "$port"
kill "$listener"
wrong missing "cannot use certificate nothing.pem" --tls --cert nothing.pem localhost 1
wrong ca "cannot read nothing.pem" --tls --ca nothing.pem localhost 1

# usage ARGUMENT...: exit code 2, one line
usage()
{
	timeout 10 "$braid" cat "$@" >/dev/null 2>log </dev/null
	[ $? -eq 2 ] || fail "$*: not exit code 2: $(cat log)"
	[ "$(wc -l <log)" -le 2 ] || fail "$*: $(cat log)"
}
usage --alpn x localhost 1
usage --tls --udp localhost 1
usage --tls --key k localhost 1
usage --tls --psk nonsense localhost 1
usage --tls --psk me:12x localhost 1
usage --tls --ca a --insecure localhost 1
usage --ws -u localhost 1
usage --ws=path localhost 1
usage --proxy ftp://x:1 localhost 1
usage --proxy socks5://nohost localhost 1
usage -l --proxy socks5://localhost:1 1
usage -l --tls 1

finish "cat speaks through layers"
