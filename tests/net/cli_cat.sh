#!/bin/bash
# `braid cat` over loopback: TCP, Multipath TCP, UDP, half close, large content, errors.
# Usage: cli_cat.sh BRAID
# shellcheck disable=SC2154 # shell_test.sh sets braid
source "$(dirname "$0")/shell_test.sh"

# serve NAME OPTION...: a listener on a free port; sets $port and $server
serve()
{
	local name=$1 in=/dev/null
	shift
	[ -e "$name.in" ] && in=$name.in
	: >"$name.err"
	timeout 60 "$braid" cat -v -l "$@" 0 <"$in" >"$name.out" 2>"$name.err" 7>&- &
	server=$!
	if ! within 10 grep -q 'listening on' "$name.err"; then
		fail "$name: no listener: $(cat "$name.err")"
		port=1
		return
	fi
	port=$(sed -n 's/.*listening on .* port \([0-9]*\).*/\1/p' "$name.err")
}

# ended NAME CODE: the listener has ended with it
ended()
{
	local code
	wait "$server"
	code=$?
	[ "$code" -eq "$2" ] || fail "$1: server's exit code $code: $(cat "$1.err")"
}

same()
{
	cmp -s "$1" "$2" || fail "$3: $1 and $2 differ"
}

can_mptcp=$("$braid" check --json | grep -c '"mptcp": true')

# ---- both directions, each kind of TCP ----
for service in none handover interactive aggregate; do
	printf 'answer of the server\n' >tcp.in
	serve tcp 127.0.0.1
	printf 'question\n' | timeout 20 "$braid" cat -v --service $service 127.0.0.1 "$port" >out 2>err
	code=$?
	[ "$code" -eq 0 ] || fail "$service: exit code $code: $(cat err)"
	ended tcp 0
	same out tcp.in "$service"
	[ "$(cat tcp.out)" = question ] || fail "$service: server got '$(cat tcp.out)'"
	if [ "$service" = none ]; then
		grep -q 'ready: plain TCP' err || fail "none: not plain TCP: $(cat err)"
	elif [ "$can_mptcp" -eq 1 ]; then
		grep -q 'ready: Multipath TCP' err || fail "$service: not Multipath TCP: $(cat err)"
		grep -q 'ready: Multipath TCP' tcp.err || fail "$service: the server did not see it"
	fi
	grep -q 'sent 9 bytes, received 21 bytes' err || fail "$service: counts: $(cat err)"
	grep -q 'subflow 1: 127.0.0.1:' err || fail "$service: no subflow: $(cat err)"
done
rm -f tcp.in

# ---- a server without MPTCP: the fallback is told, and works ----
if [ "$can_mptcp" -eq 1 ] && command -v python3 >/dev/null; then
	python3 -uc '
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])
c, _ = s.accept()
c.sendall(c.recv(100))
c.close()' >plain.port &
	within 10 test -s plain.port || fail "fallback: no server"
	echo echo | timeout 20 "$braid" cat -v 127.0.0.1 "$(cat plain.port)" >out 2>err ||
		fail "fallback: exit code $?: $(cat err)"
	[ "$(cat out)" = echo ] || fail "fallback: got '$(cat out)'"
	grep -qE 'ready: plain TCP with 127.0.0.1:[0-9]+: .*(server|peer)' err ||
		fail "fallback: not told, or no reason: $(cat err)"
fi

# ---- half close: the answer comes after the end of the question ----
# Descriptor 7 is the writing end of a server's input. Opened for both, it waits for nobody; nobody
# else may keep it open.
mkfifo half.in
exec 7<>half.in
serve half 127.0.0.1
printf 'only half' | timeout 20 "$braid" cat 127.0.0.1 "$port" >out 2>err 7>&- &
client=$!
within 10 grep -q 'closed its sending direction' half.err || fail "half: the end did not arrive"
[ "$(cat half.out)" = 'only half' ] || fail "half: server got '$(cat half.out)'"
kill -0 "$client" 2>/dev/null || fail "half: the client did not wait for the answer"
printf 'late answer' >&7
exec 7>&-
wait "$client" || fail "half: client's exit code $?: $(cat err)"
[ "$(cat out)" = 'late answer' ] || fail "half: client got '$(cat out)'"

# ---- much, both ways at once ----
head -c 40000000 /dev/urandom >big.in
head -c 30000000 /dev/urandom >up
serve big 127.0.0.1
timeout 50 "$braid" cat 127.0.0.1 "$port" <up >down 2>err || fail "big: exit code $?: $(cat err)"
ended big 0
[ "$(sha256sum <down)" = "$(sha256sum <big.in)" ] || fail "big: what the client got differs"
[ "$(sha256sum <big.out)" = "$(sha256sum <up)" ] || fail "big: what the server got differs"
rm -f big.in big.out up down

# ---- a reader that stands still slows the sender down; nothing piles up ----
mkfifo slow.fifo
exec 8<>slow.fifo
timeout 60 "$braid" cat -v -l 127.0.0.1 0 </dev/null >slow.fifo 2>slow.err 8>&- &
server=$!
exec 9<slow.fifo 8>&-
within 10 grep -q 'listening on' slow.err || fail "slow: no listener"
port=$(sed -n 's/.*listening on .* port \([0-9]*\).*/\1/p' slow.err)
head -c 150000000 /dev/zero | timeout 50 "$braid" cat 127.0.0.1 "$port" >/dev/null 2>err 9<&- &
client=$!
sleep 1
for pid in $(pgrep -P "$server") $(pgrep -P "$client") "$server"; do
	rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null)
	# sanitizers multiply memory; without them 12 MB is usual
	[ "${rss:-0}" -lt "${BRAID_TEST_RSS_KB:-65536}" ] || fail "slow: process $pid holds $rss KB"
done
[ "$(wc -c <&9)" -eq 150000000 ] || fail "slow: content is missing"
exec 9<&-
wait "$client" || fail "slow: exit code $?: $(cat err)"

# ---- -k: one after the other ----
serve keep -k 127.0.0.1
for i in 1 2 3; do
	printf 'visit %s\n' $i | timeout 20 "$braid" cat 127.0.0.1 "$port" >/dev/null 2>err ||
		fail "keep: visit $i: exit code $?: $(cat err)"
done
within 10 grep -q 'visit 3' keep.out || fail "keep: visits: $(cat keep.out)"
[ "$(wc -l <keep.out)" -eq 3 ] || fail "keep: $(cat keep.out)"
kill "$server"
wait "$server" 2>/dev/null

# ---- UDP ----
mkfifo udp.in
exec 7<>udp.in
serve udp -u 127.0.0.1
(
	printf 'ping'
	sleep 2
) 7>&- | timeout 20 "$braid" cat -u -q 0.2 127.0.0.1 "$port" >out 2>err 7>&- &
client=$!
within 10 grep -q ping udp.out || fail "udp: nothing arrived: $(cat udp.err)"
printf 'pong' >&7
within 10 grep -q pong out || fail "udp: no answer: $(cat err)"
wait "$client" || fail "udp: exit code $?: $(cat err)"
exec 7>&-
kill "$server" 2>/dev/null

# ---- families, source, interface ----
serve src 127.0.0.1
timeout 20 "$braid" cat -4 -s 127.0.0.9 -i lo localhost "$port" </dev/null >out 2>err ||
	fail "source: exit code $?: $(cat err)"
ended src 0
grep -q 'connection from 127.0.0.9:' src.err || fail "source: $(cat src.err)"
if [ -e /proc/net/if_inet6 ]; then
	serve six ::1
	echo six | timeout 20 "$braid" cat -6 ::1 "$port" >out 2>err || fail "IPv6: exit code $?: $(cat err)"
	ended six 0
	[ "$(cat six.out)" = six ] || fail "IPv6: '$(cat six.out)'"
	grep -q 'connection from \[::1\]:' six.err || fail "IPv6: $(cat six.err)"
fi

# ---- errors: exit code 1 and one line ----
# broken PART COMMAND...
broken()
{
	local part=$1 code
	shift
	"$@" >out 2>err </dev/null
	code=$?
	[ "$code" -eq 1 ] || fail "$*: exit code $code: $(cat err)"
	[ "$(wc -l <err)" -eq 1 ] || fail "$*: not one line: $(cat err)"
	grep -qF -- "$part" err || fail "$*: no '$part' in: $(cat err)"
}

serve busy -k 127.0.0.1
broken "Address already in use" timeout 20 "$braid" cat -l 127.0.0.1 "$port"
kill "$server"
wait "$server" 2>/dev/null
broken "Connection refused" timeout 20 "$braid" cat 127.0.0.1 "$port"
broken "Connection refused" timeout 20 "$braid" cat --service none 127.0.0.1 "$port"
broken "no such name" timeout 20 "$braid" cat nothing.invalid 80
broken "Cannot assign requested address" timeout 20 "$braid" cat -l 192.0.2.77 0

mkfifo silent.in
exec 7<>silent.in
serve silent -k 127.0.0.1
broken "nothing was sent or received for 300 ms" timeout 20 "$braid" cat -w 0.3 127.0.0.1 "$port"

# ---- standard input is left as it was, though a read was waiting ----
if command -v python3 >/dev/null; then
	mkfifo shared
	exec 6<>shared
	timeout 20 "$braid" cat -w 0.2 127.0.0.1 "$port" <&6 >/dev/null 2>&1
	python3 -c 'import fcntl, os, sys; sys.exit(fcntl.fcntl(6, fcntl.F_GETFL) & os.O_NONBLOCK != 0)' ||
		fail "shared: standard input does not block any more"
	exec 6<&-
fi
exec 7>&-
kill "$server" 2>/dev/null

# a reader that goes away
printf 'x%.0s' {1..1000} >gone.in
serve gone 127.0.0.1
if [ -e /dev/full ]; then
	timeout 20 "$braid" cat 127.0.0.1 "$port" </dev/null >/dev/full 2>err
	code=$?
	[ "$code" -eq 1 ] || fail "full: exit code $code"
	grep -q 'standard output: No space left' err || fail "full: $(cat err)"
fi

finish "all of braid cat as expected"
