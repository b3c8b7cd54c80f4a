#!/bin/bash
# TLS and DTLS with other implementations, both roles: openssl s_client/s_server, gnutls-cli/gnutls-serv;
# HTTPS with curl, and with nginx.
# Usage: tls_interop.sh TLS_PEER [WORDS of the cases to run]
# shellcheck disable=SC2154 # shell_test.sh sets braid, tmp
source "$(dirname "$0")/shell_test.sh"
command -v openssl >/dev/null || skip "no openssl"
peer=$braid
only=${2-}
key=00112233445566778899aabbccddeeff

# has PROGRAM: it is there; where all must be tested, it has to be
has()
{
	command -v "$1" >/dev/null && return
	echo "skipped: no $1"
	[ -z "${BRAID_REQUIRE_ALL:-}" ] || exit 1
	return 1
}

authority() # NAME
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -subj "/CN=test$1" \
		-days 2 -addext basicConstraints=critical,CA:TRUE 2>/dev/null
}

certificate() # NAME CN EXTENSIONS [AUTHORITY]
{
	local ca=${4:-ca}
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" 2>/dev/null
	printf '%s\n' "$3" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA "$ca.pem" -CAkey "$ca.key" -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}

authority ca
authority otherca
certificate server example.test "subjectAltName=DNS:example.test"
certificate client client.test "extendedKeyUsage=clientAuth"
certificate stranger client.test "extendedKeyUsage=clientAuth" otherca
export SSL_CERT_FILE=$tmp/ca.pem

free_port() # of TCP or UDP; another may take it, then the case fails and says so
{
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if sys.argv[1] == "udp" else socket.SOCK_STREAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])' "$1"
}

selected()
{
	case=$1
	[ -z "$only" ] || [[ $case == *$only* ]]
}

# serve udp|tcp COMMAND...: another implementation's server, PORT in its arguments is replaced
serve()
{
	local kind=$1
	shift
	port=$(free_port "$kind")
	: >server.out
	# its input stays open, else it ends; a server that does not echo says the same as one that does
	timeout 30 "${@//PORT/$port}" < <(sleep 2; echo olleh; sleep 30) >>server.out 2>&1 &
	if [ "$kind" = tcp ]; then
		within 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null || fail "no server: $(cat server.out)"
	else
		within 10 grep -q "ACCEPT\|listening\|Echo" server.out
		sleep 0.3
	fi
}

# client NAME EXPECTED -- OPTION...: our client with the server of $port
client()
{
	local expected=$1
	shift 2
	timeout 20 "$peer" client "$port" --name example.test "$@" >client.out 2>&1
	grep -q "$expected" client.out || fail "expected $expected: $(cat client.out server.out)"
}

# answer WORDS: that came back
answer()
{
	grep -q "got $1" client.out || fail "no $1: $(cat client.out server.out)"
}

# ours OPTION...: our server; sets $port
ours()
{
	: >ours.out
	timeout 30 "$peer" server "$@" >>ours.out 2>&1 &
	within 10 grep -q listening ours.out || fail "no server of ours"
	port=$(sed -n 's/listening //p' ours.out)
}

# theirs EXPECTED COMMAND...: another client with our server; it says hello and waits for the echo
theirs()
{
	local expected=$1
	shift
	{ echo hello; sleep 1; } | timeout 20 "${@//PORT/$port}" >theirs.out 2>&1
	grep -q "$expected" ours.out || fail "expected $expected: $(cat ours.out theirs.out)"
	grep -q '^got hello' ours.out || fail "nothing came: $(cat ours.out theirs.out)"
	grep -q '^hello' theirs.out || fail "nothing came back: $(tail -c 1000 theirs.out)"
}

identity="-cert server.pem -key server.key"
ours_identity="--cert server.pem --key server.key"
gidentity="--x509certfile server.pem --x509keyfile server.key"

# --- our client, openssl's server ---
for v in "1_2 0303" "1_3 0304"; do
	set -- $v
	if selected "openssl server tls$1"; then
		serve tcp openssl s_server -accept PORT $identity -tls"$1" -alpn h2 -rev
		client "ready $2 .... h2 resumed=0 peers=2" -- --alpn h2
		answer olleh
	fi
	if selected "openssl server client certificate tls$1"; then
		serve tcp openssl s_server -accept PORT $identity -tls"$1" -CAfile ca.pem -Verify 2 -verify_return_error -rev
		client "ready $2" -- --cert client.pem --key client.key
		answer olleh
	fi
	if selected "openssl server resumption tls$1"; then
		serve tcp openssl s_server -accept PORT $identity -tls"$1" -rev
		client "ready $2 .... - resumed=1" -- --connections 2
	fi
	if selected "openssl server wrong name tls$1"; then
		serve tcp openssl s_server -accept PORT $identity -tls"$1" -rev
		client "error 3 -9843" -- --name another.test
	fi
	if selected "openssl server refused tls$1"; then
		serve tcp openssl s_server -accept PORT $identity -tls"$1" -rev
		client "error 3 -9808" -- --reject
	fi
done
if selected "openssl server early data"; then
	serve tcp openssl s_server -accept PORT $identity -tls1_3 -early_data -naccept 3
	client "ready 0304 .... - resumed=1 .* early=1" -- --early --connections 2
	within 5 grep -q 'End of early data' server.out || fail "no early data: $(cat server.out)"
	[ "$(grep -c '^hello' server.out)" = 2 ] || fail "hello is not there twice: $(cat server.out)"
fi
if selected "openssl server early data retry"; then
	# of a group that costs a HelloRetryRequest, GnuTLS cannot send any
	serve tcp openssl s_server -accept PORT $identity -tls1_3 -early_data -groups P-384 -naccept 3
	client "ready 0304 .* early=0" -- --early --connections 2
	[ "$(grep -c ^ready client.out)" = 2 ] || fail "not ready twice: $(cat client.out)"
	[ "$(grep -c ^hello server.out)" = 2 ] || fail "hello is not there twice: $(cat server.out)"
fi
if selected "openssl server no early data"; then
	serve tcp openssl s_server -accept PORT $identity -tls1_3 -rev
	client "ready 0304 .... - resumed=1 .* early=0" -- --early --connections 2
	[ "$(grep -c 'got olleh' client.out)" = 2 ] || fail "no answers: $(cat client.out)"
fi
# a stapled OCSP response, good and revoked
serial=$(openssl x509 -in server.pem -noout -serial | cut -d= -f2)
staple() # INDEX-LINE
{
	printf "$1" >index.txt
	openssl ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -issuer ca.pem -cert server.pem \
		-reqout request.der -no_nonce >/dev/null 2>&1
	openssl ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -ndays 1 -reqin request.der -respout staple.der \
		>/dev/null 2>&1
}
for v in 1_2 1_3; do
	if selected "openssl server staple tls$v"; then
		staple "V\t491231235959Z\t\t$serial\tunknown\t/CN=example.test\n"
		serve tcp openssl s_server -accept PORT $identity -tls$v -status_file staple.der -rev
		client "ready .* ocsp=1" --
		answer olleh
	fi
	if selected "openssl server revoked tls$v"; then
		staple "R\t491231235959Z\t240101000000Z\t$serial\tunknown\t/CN=example.test\n"
		serve tcp openssl s_server -accept PORT $identity -tls$v -status_file staple.der -rev
		client "error 3 -9827" --
	fi
done
if selected "openssl server psk tls1_2"; then
	serve tcp openssl s_server -accept PORT -nocert -tls1_2 -psk $key -psk_identity me -cipher PSK-AES128-GCM-SHA256 -rev
	client "ready 0303 00a8" -- --psk $key --identity me --suite 00a8
	answer olleh
fi
if selected "openssl server psk tls1_3"; then
	serve tcp openssl s_server -accept PORT -nocert -tls1_3 -psk $key -psk_identity me -rev
	client "ready 0304" -- --psk $key --identity me
	answer olleh
fi
if selected "openssl server old"; then
	serve tcp openssl s_server -accept PORT $identity -tls1_1 -cipher ALL@SECLEVEL=0 -rev
	client "error 3 -98" --
fi
if selected "openssl server dtls"; then
	serve udp openssl s_server -accept PORT $identity -dtls1_2
	client "ready fefd" -- --udp
	answer olleh
fi
if selected "openssl server dtls psk"; then
	serve udp openssl s_server -accept PORT -nocert -dtls1_2 -psk $key -psk_identity me -cipher PSK-AES128-GCM-SHA256
	client "ready fefd 00a8" -- --udp --psk $key --identity me --suite 00a8
	answer olleh
fi

# --- openssl's client, our server ---
for v in "1_2 0303" "1_3 0304"; do
	set -- $v
	if selected "openssl client tls$1"; then
		ours $ours_identity --alpn h2
		theirs "ready $2 .... h2" openssl s_client -connect 127.0.0.1:PORT -tls"$1" -CAfile ca.pem -verify_return_error \
			-servername example.test -verify_hostname example.test -alpn h2 -quiet -no_ign_eof
	fi
	if selected "openssl client client certificate tls$1"; then
		ours $ours_identity --require-client
		theirs "ready $2 .... - resumed=0 peers=2" openssl s_client -connect 127.0.0.1:PORT -tls"$1" -CAfile ca.pem \
			-cert client.pem -key client.key -quiet -no_ign_eof
	fi
	if selected "openssl client resumption tls$1"; then
		ours $ours_identity --connections 2
		theirs "ready $2" openssl s_client -connect 127.0.0.1:PORT -tls"$1" -CAfile ca.pem -sess_out session
		theirs "ready $2 .... - resumed=1" openssl s_client -connect 127.0.0.1:PORT -tls"$1" -CAfile ca.pem -sess_in session
	fi
	if selected "openssl client staple tls$1"; then
		staple "V\t491231235959Z\t\t$serial\tunknown\t/CN=example.test\n"
		ours $ours_identity --ocsp staple.der
		theirs "ready $2" openssl s_client -connect 127.0.0.1:PORT -tls"$1" -CAfile ca.pem -status -no_ign_eof
		grep -q 'Cert Status: good' theirs.out || fail "no staple: $(cat theirs.out)"
		# nobody gets one who did not ask
		ours $ours_identity --ocsp staple.der
		theirs "ready $2" openssl s_client -connect 127.0.0.1:PORT -tls"$1" -CAfile ca.pem -no_ign_eof
		grep -q 'OCSP response:' theirs.out && fail "a staple: $(cat theirs.out)"
	fi
	if selected "openssl client no certificate tls$1"; then
		ours $ours_identity --require-client
		echo hello | timeout 20 openssl s_client -connect 127.0.0.1:$port -tls"$1" -CAfile ca.pem >theirs.out 2>&1
		within 5 grep -q 'error 3 -9808' ours.out || fail "not refused: $(cat ours.out)"
	fi
done
if selected "openssl client early data"; then
	echo hello >early.txt
	for early in 1 0; do
		option=()
		[ "$early" = 1 ] && option=(--early)
		ours $ours_identity --connections 2 "${option[@]}"
		theirs "ready 0304" openssl s_client -connect 127.0.0.1:PORT -tls1_3 -CAfile ca.pem -sess_out session
		: >theirs.out
		{ sleep 1; [ "$early" = 1 ] || echo hello; sleep 1; } | timeout 20 openssl s_client -connect 127.0.0.1:$port -tls1_3 -CAfile ca.pem \
			-sess_in session -early_data early.txt >>theirs.out 2>&1
		grep -q "ready 0304 .... - resumed=1 .* early=$early" ours.out || fail "expected early=$early: $(cat ours.out theirs.out)"
		[ "$(grep -c '^got hello' ours.out)" = 2 ] || fail "hello is not there twice: $(cat ours.out theirs.out)"
		[ "$early" = 1 ] && words="was accepted" || words="was not sent\|was rejected"
		grep -q "Early data $words" theirs.out || fail "expected $words: $(cat theirs.out)"
	done
fi
if selected "openssl client psk tls1_2"; then
	ours --psk $key --identity me --suite 00a8
	theirs "ready 0303 00a8" openssl s_client -connect 127.0.0.1:PORT -tls1_2 -psk $key -psk_identity me -cipher PSK-AES128-GCM-SHA256 -quiet -no_ign_eof
fi
if selected "openssl client psk tls1_3"; then
	ours --psk $key --identity me
	theirs "ready 0304" openssl s_client -connect 127.0.0.1:PORT -tls1_3 -psk $key -psk_identity me -quiet -no_ign_eof
fi
if selected "openssl client dtls"; then
	ours --udp $ours_identity
	theirs "ready fefd" openssl s_client -connect 127.0.0.1:PORT -dtls1_2 -CAfile ca.pem -quiet -no_ign_eof
fi
if selected "openssl client dtls psk"; then
	ours --udp --psk $key --identity me --suite 00a8
	theirs "ready fefd 00a8" openssl s_client -connect 127.0.0.1:PORT -dtls1_2 -psk $key -psk_identity me -cipher PSK-AES128-GCM-SHA256 -quiet -no_ign_eof
fi

# --- gnutls-serv and gnutls-cli: the same library, other code around it ---
if has gnutls-serv && has gnutls-cli; then
	printf 'me:%s\n' $key >psk.txt
	if selected "gnutls server tls"; then
		serve tcp gnutls-serv -p PORT --echo $gidentity --alpn=h2
		client "ready 0304 .... h2" -- --alpn h2
		answer hello
	fi
	if selected "gnutls server psk"; then
		serve tcp gnutls-serv -p PORT --echo --pskpasswd psk.txt --priority NORMAL:-KX-ALL:+PSK:-VERS-ALL:+VERS-TLS1.2
		client "ready 0303 00a8" -- --psk $key --identity me --suite 00a8
		answer hello
	fi
	if selected "gnutls server dtls"; then
		serve udp gnutls-serv -p PORT --echo --udp $gidentity
		client "ready fefd" -- --udp
		answer hello
	fi
	if selected "gnutls server dtls psk"; then
		serve udp gnutls-serv -p PORT --echo --udp --pskpasswd psk.txt --priority NORMAL:+PSK
		client "ready fefd 00a8" -- --udp --psk $key --identity me --suite 00a8
		answer hello
	fi
	if selected "gnutls client tls"; then
		ours $ours_identity
		theirs "ready 0304" gnutls-cli -p PORT --x509cafile ca.pem --verify-hostname=example.test --sni-hostname=example.test 127.0.0.1
	fi
	if selected "gnutls client psk"; then
		ours --psk $key --identity me --suite 00a8
		theirs "ready 0303 00a8" gnutls-cli -p PORT --pskusername me --pskkey $key --priority NORMAL:-KX-ALL:+PSK:-VERS-ALL:+VERS-TLS1.2 127.0.0.1
	fi
	if selected "gnutls client dtls"; then
		ours --udp $ours_identity
		theirs "ready fefd" gnutls-cli -p PORT --udp --x509cafile ca.pem --verify-hostname=example.test 127.0.0.1
	fi
	if selected "gnutls client dtls psk"; then
		ours --udp --psk $key --identity me --suite 00a8
		theirs "ready fefd 00a8" gnutls-cli -p PORT --udp --pskusername me --pskkey $key --priority NORMAL:-KX-ALL:+PSK 127.0.0.1
	fi
fi

# --- curl, our server ---

# get CODE OPTION...: curl's exit code; what it says in curl.out, what it got in body
get()
{
	local want=$1 got
	shift
	rm -f body
	timeout 20 curl -sSvf --http1.1 -o body --resolve "*:$port:127.0.0.1" "$@" >curl.out 2>&1
	got=$?
	[ "$got" -eq "$want" ] || fail "curl: $got, not $want: $(cat curl.out ours.out)"
}

# xs N: that many letters x came
xs()
{
	[ "$(wc -c <body)" -eq "$1" ] && [ -z "$(tr -d x <body)" ] || fail "not $1 bytes: $(cat curl.out ours.out)"
}

# said COUNT WORDS FILE: so many lines have the words, soon
said()
{
	local want=$1 words=$2 file=$3
	# shellcheck disable=SC2016
	within 10 bash -c '[ "$(grep -c -- "$1" "$2")" -eq "$3" ]' _ "$words" "$file" "$want" ||
		fail "not $want times $words: $(cat "$file")"
}

if has curl; then
	for v in "1_2 0303" "1_3 0304"; do
		set -- $v
		only_tls="--tlsv${1/_/.} --tls-max ${1/_/.} --cacert ca.pem"
		if selected "curl tls$1"; then
			ours $ours_identity --alpn http/1.1 --http
			url=https://example.test:$port
			get 0 $only_tls "$url/1000000" -o body2 "$url/16000000"
			xs 1000000
			mv body2 body
			xs 16000000
			said 1 "^ready $2 .... http/1.1 resumed=0 peers=0" ours.out
			said 2 "^request GET /1" ours.out
			said 1 "ALPN: server accepted http/1.1" curl.out
			said 1 "SSL certificate verify ok" curl.out
			said 1 "Re-using existing connection" curl.out
		fi
		# curl takes no tickets of TLS 1.2, and we have nothing else to resume by
		if [ "$1" = 1_3 ] && selected "curl resumption tls$1"; then
			ours $ours_identity --http --connections 2
			url=https://example.test:$port
			get 0 $only_tls -H "Connection: close" "$url/10" -o body "$url/20"
			xs 20
			said 1 "^ready $2 .... - resumed=0" ours.out
			said 1 "^ready $2 .... - resumed=1" ours.out
			said 1 "SSL re-using session ID" curl.out
		fi
		if selected "curl client certificate tls$1"; then
			ours $ours_identity --http --require-client --connections 3
			url=https://example.test:$port/10
			get 0 $only_tls --cert client.pem --key client.key "$url"
			xs 10
			said 1 "^ready $2 .... - resumed=0 peers=2" ours.out
			# with TLS 1.3 the client is done before the server looks
			refusal=35
			[ "$1" = 1_2 ] || refusal=56
			get $refusal $only_tls "$url"
			said 1 "^error 3 -9808" ours.out
			get $refusal $only_tls --cert stranger.pem --key stranger.key "$url"
			said 1 "^request" ours.out
			said 1 "^error 3 -9812" ours.out
		fi
		if selected "curl another authority tls$1"; then
			ours $ours_identity --http --connections 2
			get 60 $only_tls --cacert otherca.pem "https://example.test:$port/10"
			get 60 $only_tls "https://another.test:$port/10"
			# with TLS 1.3 OpenSSL's alert is not encrypted: a record like any other that is not
			said 1 "^error 3 -9831\|^error 3 -9846" ours.out
			said 1 "^end" ours.out
			said 0 "^request" ours.out
		fi
	done
fi

# --- our client, nginx ---

# web LINE: nginx with TLS, and a line of configuration; sets $port
web()
{
	port=$(free_port tcp)
	cat >nginx.conf <<-END
	daemon off; pid $tmp/pid; error_log $tmp/error.log; worker_processes 1;
	events { worker_connections 64; }
	http {
		access_log off;
		client_body_temp_path $tmp/b; proxy_temp_path $tmp/p; fastcgi_temp_path $tmp/f;
		uwsgi_temp_path $tmp/u; scgi_temp_path $tmp/s;
		server {
			listen 127.0.0.1:$port ssl;
			ssl_certificate $tmp/server.pem; ssl_certificate_key $tmp/server.key;
			location /file { return 200 "a file of nginx\\n"; }
			$1
		}
	}
	END
	timeout 30 nginx -p "$tmp" -c "$tmp/nginx.conf" >server.out 2>&1 &
	within 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null || fail "no nginx: $(cat server.out error.log)"
}

PATH=$PATH:/usr/sbin
if has nginx; then
	for v in "1_2 0303" "1_3 0304"; do
		set -- $v
		protocol="ssl_protocols TLSv${1/_/.};"
		if selected "nginx tls$1"; then
			web "$protocol"
			client "ready $2 .... http/1.1 resumed=0 peers=1" -- --alpn http/1.1 --http
			answer "HTTP/1.1 200 OK"
			said 1 "a file of nginx" client.out
			said 1 "^end" client.out
			client "error 3 -9843" -- --name another.test
			SSL_CERT_FILE=$tmp/otherca.pem client "error 3 -9812" --
		fi
		if selected "nginx resumption tls$1"; then
			web "$protocol ssl_session_cache shared:one:1m;"
			client "ready $2 .... - resumed=1" -- --http --connections 2
		fi
		if selected "nginx client certificate tls$1"; then
			web "$protocol ssl_client_certificate $tmp/ca.pem; ssl_verify_client on;"
			client "ready $2" -- --http --cert client.pem --key client.key
			answer "HTTP/1.1 200 OK"
			client "ready $2" -- --http
			answer "HTTP/1.1 400 Bad Request"
			client "ready $2" -- --http --cert stranger.pem --key stranger.key
			answer "HTTP/1.1 400 Bad Request"
		fi
		if selected "nginx staple tls$1"; then
			staple "V\t491231235959Z\t\t$serial\tunknown\t/CN=example.test\n"
			web "$protocol ssl_stapling on; ssl_stapling_file $tmp/staple.der;"
			client "ready $2 .... - resumed=0 peers=1 ocsp=1" -- --http
			answer "HTTP/1.1 200 OK"
		fi
	done
fi

finish "all as it should be"
