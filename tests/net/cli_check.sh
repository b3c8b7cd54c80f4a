#!/bin/bash
# `braid check`: of this machine, of hosts, and its HTTP responder. Usage: cli_check.sh BRAID
# shellcheck disable=SC2154 # shell_test.sh sets braid, tmp
source "$(dirname "$0")/shell_test.sh"

# is_json FILE [PYTHON-CONDITION on d]
is_json()
{
	if ! command -v python3 >/dev/null; then
		echo "note: no python3, JSON is not parsed" >&2
		return
	fi
	python3 -c "
import json, sys
d = json.load(open('$1'))
sys.exit(0 if ${2:-True} else 1)" 2>/dev/null || fail "JSON of $1: not ${2:-parsed}: $(cat "$1")"
}

# ---- this machine ----
"$braid" check >out 2>err
here=$?
[ "$here" -le 1 ] || fail "check: exit code $here"
[ ! -s err ] || fail "check: standard error: $(cat err)"
grep -q '^Multipath TCP works here: ' out || fail "check: no summary"
grep -q $'\033' out && fail "check: colour, though not to a terminal"
grep -qE '^(ok|bad) +MPTCP sockets' out || fail "check: no row about sockets"
"$braid" check --json >here.json 2>err
[ $? -eq "$here" ] || fail "check --json: another exit code"
is_json here.json "d['summary']['mptcp'] == ($here == 0) and d['checks'] and 'enabled' in d['sysctls']"
is_json here.json "all(c['verdict'] in ('ok', 'note', 'warn', 'bad') and c['id'] and c['text'] for c in d['checks'])"
[ "$here" -eq 0 ] || echo "note: no MPTCP on this machine: $(grep '^bad' out)" >&2

# ---- the responder ----
: >log
"$braid" check --listen 127.0.0.1:0 >log 2>listen.err &
server=$!
if ! within 10 grep -q 'listening on http://127.0.0.1:' log; then
	fail "listen: $(cat log listen.err)"
	exit 1
fi
port=$(sed -n 's,.*http://127.0.0.1:\([0-9]*\)/.*,\1,p' log)

# get SERVICE REQUEST: by our own netcat; the answer in `out`
get()
{
	printf '%b' "$2" | timeout 30 "$braid" cat --service "$1" 127.0.0.1 "$port" >out 2>err ||
		fail "get $2: exit code $?: $(cat err)"
}

get none 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
grep -q '^HTTP/1.1 200 OK' out || fail "plain: $(cat out)"
grep -qi '^content-type: text/plain' out || fail "plain: type: $(cat out)"
grep -q 'You came by plain TCP' out || fail "plain: $(cat out)"
grep -q 'Your address: 127.0.0.1:' out || fail "plain: no address: $(cat out)"
if [ "$here" -eq 0 ]; then
	get handover 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
	grep -q 'You came by Multipath TCP' out || fail "mptcp: $(cat out)"
	grep -q ' mptcp 200$' log || fail "mptcp: not in the log: $(cat log)"
fi
get none 'GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html,*/*;q=0.5\r\n\r\n'
grep -qi '^content-type: text/html' out || fail "html: $(cat out)"
grep -q '<h1>You came by plain TCP</h1>' out || fail "html: $(cat out)"
for request in 'GET /?format=json HTTP/1.1\r\nHost: x\r\n\r\n' \
	'GET / HTTP/1.0\r\nAccept: application/json\r\n\r\n'; do
	get none "$request"
	sed '1,/^\r*$/d' out >body.json
	is_json body.json "d['multipath'] is False and d['client'].startswith('127.0.0.1:') and len(d['subflows']) == 1"
	length=$(sed -n 's/^[Cc]ontent-[Ll]ength: \([0-9]*\).*/\1/p' out)
	[ "$(wc -c <body.json)" -eq "$length" ] || fail "json: Content-Length is $length"
done
get none 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n'
grep -q '^HTTP/1.1 200' out || fail "HEAD: $(cat out)"
[ -z "$(sed '1,/^\r*$/d' out)" ] || fail "HEAD: content: $(cat out)"
get none 'GET /other HTTP/1.1\r\nHost: x\r\n\r\n'
grep -q '^HTTP/1.1 404' out || fail "404: $(cat out)"
get none 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'
grep -q '^HTTP/1.1 405' out || fail "405: $(cat out)"
get none 'rubbish\r\n\r\n'
grep -q '^HTTP/1.1 400' out || fail "400: $(cat out)"
get none "GET / HTTP/1.1\r\nA: $(printf 'x%.0s' {1..9000})\r\n\r\n"
grep -q '^HTTP/1.1 431' out || fail "431: $(cat out)"
if command -v curl >/dev/null; then
	curl -sS -m 20 "http://127.0.0.1:$port/" >out 2>err || fail "curl: $? $(cat err)"
	grep -q 'You came by ' out || fail "curl: $(cat out)"
	curl -sS -m 20 -H 'Accept: application/json' "http://127.0.0.1:$port/" >curl.json 2>err
	is_json curl.json "'multipath' in d"
fi

# ---- a visitor who says nothing is told so and sent away after 10 s; meanwhile others are served ----
sleep 20 | timeout 30 "$braid" cat --service none 127.0.0.1 "$port" >silent.out 2>silent.err &
silent=$!
crowd=()
for i in $(seq 30); do
	printf 'GET / HTTP/1.0\r\n\r\n' | timeout 30 "$braid" cat --service none 127.0.0.1 "$port" >"crowd$i" 2>&1 &
	crowd+=($!)
done
for pid in "${crowd[@]}"; do
	wait "$pid" || fail "crowd: exit code $?"
done
[ "$(cat crowd* | grep -c '^HTTP/1.1 200')" -eq 30 ] || fail "crowd: $(cat crowd* | grep -c 200) of 30 answers"

# ---- hosts ----
timeout 30 "$braid" check "127.0.0.1:$port" >out 2>err
code=$?
[ "$code" -eq "$here" ] || fail "check HOST: exit code $code: $(cat out err)"
grep -q "^ok .*to 127.0.0.1:$port in " out || fail "check HOST: no connection: $(cat out)"
timeout 30 "$braid" check --json "127.0.0.1:$port" >host.json 2>err
is_json host.json "d['host']['multipath'] == ($here == 0) and d['host']['address'] == '127.0.0.1:$port'"
is_json host.json "len(d['host']['subflows']) == 1 and d['host']['connect_us'] < 5000000"

if command -v python3 >/dev/null; then
	python3 -uc '
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])
held = []
while True:
    held.append(s.accept())' >plain.port &
	within 10 test -s plain.port || fail "plain server: none"
	plain=$(cat plain.port)
	timeout 30 "$braid" check --json "127.0.0.1:$plain" >plain.json 2>err
	code=$?
	[ "$code" -eq 1 ] || fail "check of plain TCP: exit code $code"
	is_json plain.json "d['host']['multipath'] is False"
	[ "$here" -ne 0 ] || is_json plain.json "d['host']['reason'] == 'refused'"
	timeout 30 "$braid" check "127.0.0.1:$plain" >out 2>err
	grep -q '^bad  *multipath .*no, plain TCP' out || fail "check of plain TCP: $(cat out)"
	grep -q 'fix: ' out || fail "check of plain TCP: no fix"
fi

timeout 30 "$braid" check 127.0.0.1:1 >out 2>err
[ $? -eq 3 ] || fail "check of a closed port: exit code"
grep -q 'Connection refused' out || fail "check of a closed port: $(cat out)"
timeout 30 "$braid" check --json nothing.invalid >gone.json 2>err
[ $? -eq 3 ] || fail "check of no name: exit code"
is_json gone.json "'no such name' in d['host']['error']"

# ---- TLS: with openssl's server, and with ours ----
certificate() # NAME SUBJECTALTNAME DAYS
{
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" 2>/dev/null
	echo "subjectAltName=$2" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$3" -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}

# input of servers that never ends
mkfifo nothing
exec 9<>nothing

# serve COMMAND...: a server on $tls_port, which PORT is replaced by; ends with unserve
serve()
{
	tls_port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
	timeout 60 "${@//PORT/$tls_port}" <&9 >server.out 2>&1 &
	tls_server=$!
	within 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$tls_port" 2>/dev/null || fail "no server: $(cat server.out)"
}

unserve()
{
	kill "$tls_server" 2>/dev/null
	wait "$tls_server" 2>/dev/null
}

# check_tls EXIT-CODE JSON-CONDITION ROW...: of the server; rows are patterns of the text form
check_tls()
{
	local expected=$1 condition=$2 code row
	shift 2
	timeout 30 "$braid" check --tls -t 3 "127.0.0.1:$tls_port" >out 2>err
	code=$?
	[ "$code" -eq "$expected" ] || fail "check --tls: exit code $code: $(cat out err)"
	[ ! -s err ] || fail "check --tls: standard error: $(cat err)"
	for row in "$@"; do
		grep -qE "$row" out || fail "check --tls: no '$row': $(grep -A9 '  connection ' out)"
	done
	timeout 30 "$braid" check --tls -t 3 --json "127.0.0.1:$tls_port" >tls.json 2>err
	is_json tls.json "$condition"
}

if command -v openssl >/dev/null && command -v python3 >/dev/null; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=testca -days 90 \
		-addext basicConstraints=critical,CA:TRUE 2>/dev/null
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout self.key -out self.pem -subj /CN=self -days 60 \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	certificate good DNS:example.test,IP:127.0.0.1 60
	certificate wrong DNS:elsewhere.test 60
	certificate old IP:127.0.0.1 -1
	certificate ending IP:127.0.0.1 3
	export SSL_CERT_FILE=$tmp/ca.pem

	serve openssl s_server -accept 127.0.0.1:PORT -cert good.pem -key good.key -tls1_3 -alpn h2
	check_tls 1 "d['host']['tls']['version'] == 'TLS 1.3' and d['host']['tls']['protocol'] == 'h2' and
		d['host']['tls']['cipher_suite'].startswith('TLS_') and not d['host']['tls']['multipath'] and
		d['host']['tls']['certificate']['trusted'] and d['host']['tls']['certificate']['issuer'] == 'testca' and
		d['host']['tls']['certificate']['names'] == ['example.test', '127.0.0.1']" \
		'^ok +TLS +TLS 1.3, TLS_[A-Z0-9_]+, over plain TCP, in [0-9.]+ ms' '^ok +ALPN +h2' \
		'^ok +certificate +trusted, until 20.*for example.test, 127.0.0.1; by testca'
	timeout 30 "$braid" check "127.0.0.1:$tls_port" >out 2>err
	grep -q '  TLS  ' out && fail "TLS on another port, though not asked for"
	unserve
	serve openssl s_server -accept 127.0.0.1:PORT -cert wrong.pem -key wrong.key -tls1_2 -alpn http/1.1
	check_tls 1 "d['host']['tls']['version'] == 'TLS 1.2' and d['host']['tls']['protocol'] == 'http/1.1' and
		d['host']['tls']['certificate']['trust_error'] == -9843" \
		'^ok +TLS +TLS 1.2, TLS_ECDHE' '^ok +ALPN +http/1.1' '^bad +certificate .*another name.*for elsewhere.test' \
		'fix: connect by a name that it is for, or get one for 127.0.0.1'
	unserve
	serve openssl s_server -accept 127.0.0.1:PORT -cert self.pem -key self.key
	check_tls 1 "d['host']['tls']['protocol'] is None and not d['host']['tls']['certificate']['trusted']" \
		'^note +ALPN ' '^bad +certificate +not trusted: .*nobody else' 'fix: .*update-ca-certificates'
	unserve
	serve openssl s_server -accept 127.0.0.1:PORT -cert old.pem -key old.key
	check_tls 1 "d['host']['tls']['certificate']['trust_error'] == -9814" '^bad +certificate .*expired on 20' 'fix: renew it'
	unserve
	serve openssl s_server -accept 127.0.0.1:PORT -cert ending.pem -key ending.key
	check_tls 1 "d['host']['tls']['certificate']['trusted']" '^warn +certificate +trusted, until' 'fix: renew it'
	unserve
	serve openssl s_server -accept 127.0.0.1:PORT -cert good.pem -key good.key -alpn other
	check_tls 1 "d['host']['tls']['version'] is None and d['host']['tls']['error_code'] == -9824" \
		'^bad +TLS .*refused the handshake' 'fix: .*ALPN'
	unserve
	# one that wants to know who we are still tells who it is
	serve openssl s_server -accept 127.0.0.1:PORT -cert good.pem -key good.key -tls1_3 -Verify 1 -verify_return_error
	check_tls 1 "d['host']['tls']['version'] == 'TLS 1.3'" '^ok +TLS +TLS 1.3' '^ok +certificate +trusted'
	unserve
	# no TLS: an answer in HTTP, and none at all
	tls_port=$port
	check_tls "$here" "d['host']['tls']['version'] is None and d['host']['tls']['error']" \
		'^bad +TLS +no TLS with .*does not speak TLS' 'fix: give the port that has TLS'
	tls_port=$plain
	check_tls 1 "d['host']['tls']['version'] is None and d['host']['tls']['error_code'] is None" \
		"^bad +TLS +no answer to TLS's first message within 3.000 s" 'fix: probably no TLS'
	timeout 30 "$braid" check --tls 127.0.0.1:1 >out 2>err
	[ $? -eq 3 ] || fail "check --tls of a closed port: exit code"
	grep -q '  TLS  ' out && fail "check --tls of a closed port: $(cat out)"
	serve "$braid" cat --listen --keep --tls --cert good.pem --key good.key --alpn http/1.1 127.0.0.1 PORT
	# it serves one at a time, and the first that sends something to the end: so only one look
	timeout 30 "$braid" check --tls --json "127.0.0.1:$tls_port" >tls.json 2>err
	code=$?
	[ "$code" -eq "$here" ] || fail "check --tls of our server: exit code $code: $(cat err)"
	is_json tls.json "d['host']['tls']['multipath'] == ($here == 0) and d['host']['tls']['protocol'] == 'http/1.1'"
	unserve
else
	echo "note: no openssl or no python3, TLS is not tested" >&2
fi

# ---- the silent one, and Ctrl-C ----
within 15 grep -q '408' silent.out || fail "silent: no 408: $(cat silent.out)"
if [ -n "${BRAID_TEST_TSAN:-}" ]; then
	echo "note: ThreadSanitizer keeps signals from a thread that waits for a futex: Ctrl-C is not tested"
	kill -KILL "$server"
	[ "$failures" -eq 0 ]
	exit
fi
kill -INT "$server"
gone() { ! kill -0 "$server" 2>/dev/null; }
if ! within 5 gone; then
	fail "listen: does not end with SIGINT"
	kill -KILL "$server"
fi
wait "$server"
code=$?
[ "$code" -eq 0 ] || fail "listen: exit code $code: $(cat listen.err)"
kill "$silent" 2>/dev/null

finish "all of braid check as expected"
