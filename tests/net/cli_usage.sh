#!/bin/bash
# Wrong command lines: each gives exactly one line on standard error, nothing on standard output, and
# exit code 2. And each --help works. Usage: cli_usage.sh BRAID
# shellcheck disable=SC2154 # shell_test.sh sets braid
source "$(dirname "$0")/shell_test.sh"

# wrong MESSAGE-PART ARGUMENT...
wrong()
{
	local part=$1 out err code
	shift
	err=$(mktemp)
	out=$(timeout 10 "$braid" "$@" 2>"$err" </dev/null)
	code=$?
	[ "$code" -eq 2 ] || fail "braid $*: exit code $code"
	[ -z "$out" ] || fail "braid $*: wrote to standard output"
	[ "$(wc -l <"$err")" -eq 1 ] || fail "braid $*: not one line: $(cat "$err")"
	grep -qF -- "$part" "$err" || fail "braid $*: no '$part' in: $(cat "$err")"
	grep -q '^braid' "$err" || fail "braid $*: does not begin with the program's name"
	rm -f "$err"
}

# right TEXT ARGUMENT...
right()
{
	local part=$1 out
	shift
	out=$(timeout 10 "$braid" "$@" 2>&1 </dev/null) || fail "braid $*: exit code $?"
	grep -qF -- "$part" <<<"$out" || fail "braid $*: no '$part'"
}

wrong "no command given"
wrong "no command 'frobnicate'" frobnicate
wrong "no command ''" ""
wrong "unknown option '--frobnicate'" --frobnicate
wrong "unknown option '-x'" -x
wrong "no command 'frobnicate'" help frobnicate
wrong "help takes one command" help check cat

wrong "unknown or ambiguous option '--frobnicate'" check --frobnicate
wrong "unknown option '-x'" check -x
wrong "takes no value" check --json=yes
wrong "option '--timeout' needs a value" check --timeout
wrong "option '-t' needs a value" check -t
wrong "timeout 'soon'" check --timeout soon example.org
wrong "timeout '-1'" check -t -1 example.org
wrong "timeout '0'" check -t 0 example.org
wrong "timeout '90000'" check -t 90000 example.org
wrong "timeout ''" check -t "" example.org
wrong "one HOST only" check example.org example.com
wrong "is not HOST" check ""
wrong "is not HOST" check "exa mple"
wrong "is not HOST" check http://example.org/
wrong "is not HOST" check :443
wrong "is not HOST" check "[::1"
wrong "port out of range" check example.org:0
wrong "port out of range" check example.org:65536
wrong "is not HOST" check example.org:no-such-service
wrong "option '--listen' needs a value" check --listen
wrong "is not PORT or ADDRESS:PORT" check --listen ""
wrong "is not PORT or ADDRESS:PORT" check --listen 127.0.0.1
wrong "port out of range" check --listen 65536
wrong "port out of range" check --listen 127.0.0.1:99999
wrong "not a numeric address" check --listen localhost:80
wrong "--listen goes with neither" check --listen 0 example.org
wrong "--listen goes with neither" check --listen 0 --json
wrong "--listen goes with neither" check --listen 0 --tls
wrong "--tls goes with HOST" check --tls
wrong "takes no value" check --tls=yes example.org
wrong "--listen goes with neither" check --listen 0 --timeout 1

wrong "unknown or ambiguous option '--frobnicate'" cat --frobnicate localhost 1
wrong "unknown or ambiguous option '--s'" cat --s localhost 1
wrong "unknown option '-x'" cat -x localhost 1
wrong "takes no value" cat --listen=1 1
wrong "no HOST and PORT" cat
wrong "is one of them only" cat localhost
wrong "too many arguments" cat localhost 1 2
wrong "no PORT to listen on" cat -l
wrong "too many arguments" cat -l 127.0.0.1 1 2
wrong "port '0'" cat localhost 0
wrong "port '65536'" cat localhost 65536
wrong "port '-1'" cat -- localhost -1
wrong "port 'no-such-service'" cat localhost no-such-service
wrong "port ''" cat localhost ""
wrong "port '99999999999999999999'" cat -l 99999999999999999999
wrong "neither a name nor an address" cat "" 1
wrong "neither a name nor an address" cat localhost:80 1
wrong "neither a name nor an address" cat "a b" 1
wrong "not a numeric address to listen on" cat -l localhost 1
wrong "-4 and -6 exclude each other" cat -4 -6 localhost 1
wrong "-k goes with -l only" cat -k localhost 1
wrong "service 'all'" cat --service all localhost 1
wrong "option '--service' needs a value" cat --service
wrong "UDP has one path only" cat -u --service handover localhost 1
wrong "a listener takes Multipath TCP and plain TCP" cat -l --service none 1
wrong "option '-w' needs a value" cat -w
wrong "timeout 'x'" cat -w x localhost 1
wrong "timeout '0'" cat -w 0 localhost 1
wrong "quit time '1y'" cat -q 1y localhost 1
wrong "-N is about the end of standard input" cat -d -N localhost 1
wrong "-q waits for the end of standard input" cat -d -q 1 localhost 1
wrong "source 'example.org'" cat -s example.org localhost 1
wrong "source '1.2.3'" cat --source 1.2.3 localhost 1
wrong "port out of range" cat --source 127.0.0.1:70000 localhost 1
wrong "--source goes with a connection" cat -l --source 127.0.0.1 1
wrong "no interface 'nosuchif0'" cat -i nosuchif0 localhost 1
wrong "no interface ''" cat --interface "" localhost 1

for command in status paths; do
	wrong "unknown or ambiguous option '--frobnicate'" $command --frobnicate
	wrong "unknown option '-x'" $command -x
	wrong "takes no value" $command --json=yes
	wrong "option '--socket' needs a value" $command --socket
	wrong "no argument is wanted, not 'x'" $command x
	right "Usage: braid $command" $command --help
done
wrong "unknown or ambiguous option '--s'" set --s 1
wrong "option '--service' needs a value" set 1 --service
wrong "no TOKEN or PID given" set --service none
wrong "no --service given" set 1
wrong "service 'all' is none of" set 1 --service all
wrong "one TOKEN or PID only" set 1 2 --service none
for target in "" 0 x 4194305 00000000 0x 0x0 0x123456789 1234567g 12345678a; do
	wrong "is neither a token" set "$target" --service none
done
right "Usage: braid set" help set
wrong "no COMMAND to run" run
wrong "no COMMAND to run" run --
wrong "no COMMAND to run" run -v --service handover
wrong "unknown or ambiguous option '--frobnicate'" run --frobnicate true
wrong "unknown option '-x'" run -x true
wrong "service 'all'" run --service all true
wrong "service ''" run --service "" true
wrong "option '--service' needs a value" run --service
wrong "method 'magic'" run --method magic true
wrong "takes no value" run --verbose=1 true

wrong "no UNIT" enable
wrong "no UNIT" disable
wrong "one UNIT only" enable a b
wrong "unknown or ambiguous option '--frobnicate'" enable --frobnicate a
wrong "unknown or ambiguous option '--runtime'" disable --runtime a
wrong "service 'all'" enable --service all a
wrong "root ''" enable --root "" a
for unit in "" .. ../a a/b "a b" .hidden @a -a "a;b" 'a$b' ä; do
	wrong "is not the name of a unit" enable -- "$unit"
	wrong "is not the name of a unit" disable -- "$unit"
done
wrong "is not a service" enable ssh.socket
wrong "name of the unit is too long" enable "$(printf 'a%.0s' {1..250})"
wrong "unknown or ambiguous option '--frobnicate'" monitor --frobnicate
wrong "unknown option '-x'" monitor -x
wrong "takes no value" monitor --once=1
wrong "option '--interval' needs a value" monitor --interval
wrong "interval 'soon'" monitor --interval soon
wrong "interval '0.05'" monitor -i 0.05
wrong "interval '0'" monitor -i 0
wrong "interval '90000'" monitor -i 90000
wrong "count '0'" monitor --count 0
wrong "count 'x'" monitor -c x
wrong "count '99999999999999999999'" monitor -c 99999999999999999999
wrong "a filter has at most" monitor -f "$(printf 'x%.0s' {1..64})"
wrong "no argument 'eth0' is known" monitor eth0
wrong "--events goes with --json only" monitor --events
wrong "--prometheus is one look" monitor --prometheus --json
wrong "--prometheus is one look" monitor --prometheus --once

right "Usage: braid COMMAND" --help
right "Usage: braid COMMAND" help
right "braid 0." --version
right "Usage: braid check" check --help
right "Usage: braid check" help check
right "Usage: braid cat" cat -h
right "Usage: braid cat" help cat
right "Usage: braid monitor" help monitor
right "Usage: braid monitor" monitor -h
right "Exit codes" help cat
right "Usage: braid run" run --help
right "Usage: braid enable" help enable
right "Usage: braid disable" disable -h

# output that cannot be written is a failure, not a success
if [ -e /dev/full ]; then
	timeout 10 "$braid" --version >/dev/full 2>/dev/null && fail "--version >/dev/full: exit code 0"
fi

timeout 10 "$braid" --version >&- 2>/dev/null && fail "--version without standard output: exit code 0"
timeout 10 "$braid" check --json <&- >/dev/null 2>&1
[ $? -le 1 ] || fail "check without standard input: exit code"

finish "all command lines as expected"
