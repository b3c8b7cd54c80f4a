#!/bin/bash
# `braid run` on loopback in a network of its own. That Multipath TCP was used is shown by the
# network's counters. Usage: run_wrap.sh BRAID PROBE [STATIC-PROBE]
# 77: this machine cannot make a namespace, and why.
# shellcheck disable=SC2154 # shell_test.sh sets braid, tmp
set -u
if [ "${1:-}" != --inside ]; then
	for program in "$@"; do
		[ -x "$program" ] || { echo "no program $program"; exit 1; }
	done
	# processes are of this namespace only, so what is left over can be seen; all die with it
	if ! why=$(timeout 20 unshare -Urn -pf --mount-proc --kill-child true 2>&1); then
		echo "skipped: no namespaces: $why"
		[ -z "${BRAID_REQUIRE_ALL:-}" ] && exit 77
		exit 1
	fi
	exec timeout -k 5 110 unshare -Urn -pf --mount-proc --kill-child "$0" --inside "$@"
fi
shift
if [ $# -lt 3 ]; then
	echo "not tested: static programs: no static C library here"
	[ -z "${BRAID_REQUIRE_ALL:-}" ] || exit 1
fi
probe=$(realpath "$2")
static=${3:+$(realpath "$3")}
source "$(dirname "$0")/shell_test.sh"
command -v openssl >/dev/null || skip "no openssl"
ip link set lo up

# counter NAME: of this network
counter()
{
	awk -v name="$1" '$1 == "MPTcpExt:" { if (!n) { n = split($0, names) } else for (i = 1; i <= n; i++)
		if (names[i] == name) print $i }' /proc/net/netstat
}

# counts N COMMAND...: COMMAND works, and N Multipath TCP connections were accepted meanwhile
counts()
{
	local want=$1 before after
	shift
	before=$(counter MPCapableACKRX)
	timeout 60 "$@" >out 2>err </dev/null || fail "$*: exit code $?: $(cat out err)"
	after=$(counter MPCapableACKRX)
	[ $((after - before)) -eq "$want" ] || fail "$*: $((after - before)) Multipath TCP connections, not $want"
}

# code N COMMAND...: its exit code
code()
{
	local want=$1 got
	shift
	timeout 20 "$@" >out 2>err </dev/null
	got=$?
	[ $got -eq "$want" ] || fail "$*: exit code $got, not $want: $(cat out err)"
}

# until_line TEXT FILE: bounded wait for a line of a server
until_line()
{
	# shellcheck disable=SC2016
	timeout 10 bash -c 'until grep -qsF -- "$1" "$2"; do read -rt 0.02 _ <>tick || :; done' _ "$1" "$2" ||
		fail "no '$1' in $2: $(cat "$2")"
}
mkfifo fifo tick

"$braid" check --listen 127.0.0.1:8000 >server.out 2>&1 &
server=$!
until_line "listening on" server.out

# ---- without, TCP; with, Multipath TCP ----
counts 0 curl -sS http://127.0.0.1:8000/
grep -q 'came by Multipath TCP' out && fail "plain curl came by Multipath TCP"
for method in preload seccomp auto; do
	counts 1 "$braid" run --method $method curl -sS http://127.0.0.1:8000/
	grep -q '^You came by Multipath TCP' out || fail "$method: $(cat out err)"
done

# ---- and TLS within, certificates verified, to a listener of ours ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.pem -days 2 \
	-subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null || fail "no certificate"
printf 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello over TLS\n' >response
for method in preload seccomp; do
	rm -f listener # a line of the one before is not this one's
	"$braid" cat -v -l --tls --cert tls.pem --key tls.key 8443 <response >request 2>listener &
	until_line "listening on" listener
	counts 1 "$braid" run --method $method curl -sS --cacert tls.pem https://localhost:8443/
	grep -q '^hello over TLS' out || fail "TLS, $method: $(cat out err listener)"
	wait $!
	grep -q '^GET / HTTP/1.1' request || fail "TLS, $method: the listener got $(cat request)"
done

# ---- each kind of socket, dynamic and static ----
code 0 "$probe" sockets 6
code 0 "$braid" run "$probe" sockets 262
code 0 "$braid" run --method seccomp "$probe" sockets 262
if [ "$static" ]; then
	code 0 "$braid" run "$static" sockets 262
	code 125 "$braid" run --method preload "$static" sockets 262
	grep -q 'statically linked: --method preload cannot' err || fail "preload of static: $(cat err)"
fi
code 0 "$braid" run --method preload "$probe" options

# ---- threads and forks; nobody's child, nothing left over ----
for how in "" "--method seccomp"; do
	# shellcheck disable=SC2086
	counts 400 "$braid" run $how "$probe" threads 50
	# shellcheck disable=SC2086
	counts 200 "$braid" run $how "$probe" forks 200
done
if [ "$static" ]; then
	counts 400 "$braid" run "$static" threads 50
	counts 200 "$braid" run "$static" forks 200
fi
code 0 "$braid" run --method seccomp "$probe" alone
timeout 10 bash -c 'while grep -lqs "^Name:.braid-run" /proc/[0-9]*/status; do read -rt 0.02 _ <>tick || :; done' ||
	fail "a supervisor is left over"

# ---- the supervisor is there as long as somebody needs it ----
code 0 "$braid" run --method seccomp sh -c \
	"(read x <fifo; '$probe' sockets 262 && echo fine >late; echo done >>late) >/dev/null 2>&1 &"
[ -e late ] && fail "the late child was early"
touch late
echo go >fifo
until_line "done" late
grep -q fine late || fail "a child that lives longer than the program: $(cat late)"

# ---- a server ----
timeout 60 "$braid" run -v python3 -u -m http.server --bind 127.0.0.1 8001 >py.out 2>&1 &
python=$!
until_line "Serving" py.out
counts 1 "$braid" run curl -sS http://127.0.0.1:8001/
grep -q 'IPv4 socket [0-9]*: Multipath TCP' py.out || fail "python: $(cat py.out)"
counts 0 curl -sS http://127.0.0.1:8001/
kill "$python"
wait "$python"

# ---- exit codes, signals, process ----
code 127 "$braid" run no-such-command
grep -q "no command 'no-such-command'" err || fail "127: $(cat err)"
code 127 "$braid" run ./no/such
touch plain && code 126 "$braid" run ./plain
code 126 "$braid" run /
printf '#!/no/such/interpreter\n' >bad && chmod +x bad && code 127 "$braid" run ./bad
printf '#!./loop\n' >loop && chmod +x loop && code 126 "$braid" run ./loop
printf '\177ELF broken' >broken && chmod +x broken && code 126 "$braid" run ./broken
code 2 "$braid" run
for method in preload seccomp; do
	code 42 "$braid" run --method $method sh -c 'exit 42'
	python3 - "$braid" $method <<-'EOT' || fail "$method: signals"
		import signal, subprocess, sys
		run = [sys.argv[1], 'run', '--method', sys.argv[2], '--']
		assert subprocess.run(run + ['sh', '-c', 'kill -TERM $$']).returncode == -signal.SIGTERM
		# SIGPIPE is as it was: Python gives its children the default again
		assert subprocess.run(run + ['sh', '-c', 'kill -PIPE $$']).returncode == -signal.SIGPIPE
		p = subprocess.Popen(run + ['sh', '-c', 'echo $$; exec cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		assert int(p.stdout.readline()) == p.pid, 'another process'
		p.send_signal(signal.SIGINT)
		assert p.wait(10) == -signal.SIGINT
		assert p.stdout.read() == b''
		# Ctrl-C at a terminal: its foreground process group. Not a shell with a trap: one that comes
		# just before its read() waits for the next line
		import os, pty
		pid, master = pty.fork()
		if pid == 0:
		    os.execv(run[0], run + [sys.executable, '-c', 'import signal\nsignal.alarm(20)\n'
		        'signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n'
		        'print("ready", flush=True)\nsignal.sigwait([signal.SIGINT])\nexit(9)'])
		got = b''
		while b'ready' not in got:
		    got += os.read(master, 100)
		os.write(master, b'\x03')
		assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
	EOT
done

# ---- scripts, $PATH ----
if [ "$static" ]; then
	cp "$static" prog
	printf '#! %s/prog\n' "$tmp" >script && chmod +x script
	PATH=/nowhere:$tmp:$PATH code 2 "$braid" run -v script
	grep -q "$tmp/prog is statically linked: by seccomp" err || fail "script: $(cat err)"
	code 0 "$braid" run --method seccomp "$braid" run "$static" sockets 262
	grep -q 'a supervisor of system calls is there already' err || fail "one in the other: $(cat err)"
fi
printf 'exit 5\n' >noline && chmod +x noline && code 5 "$braid" run ./noline
code 125 "$braid" run --method seccomp "$braid" run --method seccomp true
grep -q 'supervisor of system calls is there already' err || fail "one in the other: $(cat err)"

# ---- environment ----
GODEBUG=a=1 LD_PRELOAD='' code 0 "$braid" run --service handover env
grep -qx 'GODEBUG=multipathtcp=1,a=1' out || fail "GODEBUG: $(cat out)"
grep -qx 'BRAID_SERVICE=handover' out || fail "BRAID_SERVICE"
grep -qx 'LD_PRELOAD=.*/libbraidrun.so' out || fail "LD_PRELOAD"
GODEBUG=b=1,multipathtcp=0 BRAID_SERVICE=x code 0 "$braid" run env
grep -qx 'GODEBUG=b=1,multipathtcp=0' out || fail "GODEBUG that was set: $(cat out)"
grep -q 'BRAID_SERVICE' out && fail "BRAID_SERVICE was inherited"

# ---- --verbose ----
code 0 "$braid" run -v sh -c "exec 2>own; '$probe' options"
[ -s own ] && fail "verbose: in the program's own output: $(cat own)"
grep -q 'Multipath TCP has no TCP_USER_TIMEOUT: ignored' err || fail "verbose: $(cat err)"
# every descriptor above 2 is closed by Python
code 0 "$braid" run -v python3 -c "import subprocess; subprocess.run(['$probe', 'options'], check=True)"
grep -q 'Multipath TCP has no TCP_QUICKACK' err || fail "verbose after closing: $(cat err)"
code 0 "$braid" run -v bash -c "exec 200>other 3>other; '$probe' options"
[ -s other ] && fail "verbose: in a file of the program: $(cat other)"
code 0 "$braid" run -v --method seccomp "$probe" sockets 262
grep -q '^braid run: [0-9]*: IPv6: Multipath TCP$' err || fail "verbose: $(cat err)"
code 0 "$braid" run "$probe" sockets 262
[ -s err ] && fail "not silent: $(cat err)"

# ---- nobody there to be told the service: silent ----
code 0 "$braid" run --method seccomp --service handover true
[ -s err ] && fail "service by seccomp: $(cat err)"

# ---- another network ----
code 0 "$braid" run --method seccomp -v unshare -n "$probe" sockets 6
grep -q 'another network namespace' err || fail "network namespace: $(cat err)"

# ---- Multipath TCP is switched off: TCP ----
kill -KILL "$server" # a thread sanitizer keeps other signals back while the program waits
wait "$server" 2>/dev/null
echo 0 >/proc/sys/net/mptcp/enabled
rm py.out
python3 -u -m http.server --bind 127.0.0.1 8002 >py.out 2>&1 &
python=$!
until_line "Serving" py.out
for method in preload seccomp; do
	counts 0 "$braid" run --method $method -v curl -sS http://127.0.0.1:8002/
	grep -q 'plain TCP, Multipath TCP gives ENOPROTOOPT (switched off' err || fail "off: $(cat err)"
	code 0 "$braid" run --method $method "$probe" sockets 6
done
kill "$python"
wait "$python"

finish "programs run over Multipath TCP"
