#!/bin/bash
# braidd's life in a network namespace without a peer: what it takes, gives up, changes, and puts back,
# after SIGTERM and after SIGKILL. Usage: braidd_life.sh BRAIDD BRAID
set -u
skip()
{
	echo "skipped: $*"
	[ "${BRAID_REQUIRE_ALL:-}" = 1 ] && exit 1
	exit 77
}
if [ "${BRAIDD_LIFE_INSIDE:-}" != 1 ]; then
	[ -x "$1" ] && [ -x "$2" ] || { echo "no program $1 or $2"; exit 1; }
	command -v ip >/dev/null && command -v python3 >/dev/null || skip "no ip(8) or python3"
	export BRAIDD_LIFE_INSIDE=1
	# as root the user can be changed: only there
	if [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null; then
		exec unshare -n "$0" "$@"
	fi
	unshare -rn true 2>/dev/null || skip "no namespaces"
	exec unshare -rn "$0" "$@"
fi
braidd=$(readlink -f "$1")
braid=$(readlink -f "$2")
manager=/proc/sys/net/mptcp/path_manager
[ -w "$manager" ] || skip "no net.mptcp.path_manager: the kernel is too old"
dir=$(mktemp -d)
chmod 755 "$dir"
cd "$dir" || exit 1
failures=0 pid=
trap '[ -z "$pid" ] || kill -9 "$pid"; cd /; rm -rf "$dir"' EXIT

fail()
{
	printf 'FAIL: %.900s\n' "$*" >&2
	failures=$((failures + 1))
}

# within CONDITION...: it is true, within 5 s
within()
{
	local i
	for i in $(seq 250); do
		"$@" >/dev/null 2>&1 && return 0
		read -rt 0.02 <> <(:)
	done
	fail "not: $*: $(cat log 2>/dev/null)"
	return 1
}

is() { [ "$(cat "$1")" = "$2" ]; }
says() { grep -qF -- "$1" log; }
shows() { "$@" | grep -q .; }

# begin ARGUMENT...: started, with what it says in `log`
begin()
{
	: >log
	"$braidd" --state-dir "$dir/state" --socket "$dir/socket/socket" "$@" 2>>log &
	pid=$!
	within says ready
}

# end: stopped; all is as it was
end()
{
	kill "$pid"
	wait "$pid" || fail "exit code $?: $(cat log)"
	pid=
	is "$manager" kernel || fail "the path manager is $(cat "$manager")"
	[ -z "$(find state -mindepth 1 ! -name "*lock*")" ] || fail "left: $(ls state)"
	[ -e socket/socket ] && fail "the socket is left"
	[ -z "$(ours)" ] || fail "left: $(ours)"
	is_limits "2 0" || fail "limits: $(ip mptcp limits)"
}

die()
{
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	pid=
}

# refused CODE PART ARGUMENT...: does not start; one line
refused()
{
	local code=$1 part=$2 got
	shift 2
	timeout 10 "$braidd" "$@" 2>err
	got=$?
	[ "$got" -eq "$code" ] || fail "braidd $*: exit code $got: $(cat err)"
	[ "$(wc -l <err)" -eq 1 ] && grep -qF -- "$part" err || fail "braidd $*: $(cat err)"
}

ours()
{
	{
		ip rule
		ip -6 rule
	} 2>/dev/null | grep 'proto 66'
}
rules() { ours | awk '{print $3}' | sort | tr '\n' ' '; }
is_rules() { [ "$(rules)" = "$1" ]; }
is_limits() { [ "$(ip mptcp limits | tr '\n' ' ' | sed 's/.*add_addr_accepted \([0-9]*\) subflows \([0-9]*\).*/\2 \1/')" = "$1" ]; }
endpoints() { ip mptcp endpoint | awk '{print $1, /backup/ ? "backup" : ""}' | sort | tr -s ' \n' ' '; }
is_endpoints() { [ "$(endpoints)" = "$1" ]; }

ip link set lo up

# --- privileges ---
value() { awk -v name="$1:" '$1 == name {print $2}' "/proc/$pid/status"; }
privileges()
{
	local caps
	for caps in CapPrm CapEff; do
		[ "$(value $caps)" = 0000000000001000 ] || fail "$1: $caps is $(value $caps)"
	done
	for caps in CapInh CapAmb; do
		[ "$(value $caps)" = 0000000000000000 ] || fail "$1: $caps is $(value $caps)"
	done
	[ "$(value CapBnd)" = 0000000000001000 ] || fail "$1: CapBnd is $(value CapBnd)"
	[ "$(value NoNewPrivs)" = 1 ] || fail "$1: new privileges"
	# the filter is not in builds with a sanitizer
	[ "${BRAID_SANITIZED:-}" = 1 ] || [ "$(value Seccomp)" = 2 ] || fail "$1: Seccomp is $(value Seccomp)"
	for task in /proc/"$pid"/task/*; do
		grep -q '^CapEff:.0000000000001000$' "$task/status" || fail "$1: a thread has more"
	done
}
ticks() { awk '{print $14 + $15}' "/proc/$pid/stat"; }

begin
privileges "as it is"
is "$manager" userspace || fail "the path manager is $(cat "$manager")"
before=$(ticks)
BRAID_SOCKET=$dir/socket/socket "$braid" status | grep -q 'decides for each connection' || fail "status"
read -rt 0.5 <> <(:)
# a call that is refused again and again shows here
[ $(($(ticks) - before)) -lt 20 ] || fail "idle, it used $(($(ticks) - before)) ticks in half a second"
end
rm -rf state socket

if [ "$(id -u)" = 0 ] && [ "$(awk '{print $3}' /proc/self/uid_map)" = 4294967295 ] && id nobody >/dev/null 2>&1; then
	# a setting that root writes, a directory that nobody may write
	begin --user nobody
	privileges "as nobody"
	[ "$(value Uid)" = "$(id -u nobody)" ] || fail "the user is $(value Uid)"
	[ "$(stat -c %U state/restore)" = nobody ] || fail "the note is $(stat -c %U state/restore)'s"
	end
	begin --user nobody
	die
	is "$manager" userspace || fail "the path manager is $(cat "$manager")"
	begin --user nobody
	end
	rm -rf state socket
	mkdir theirs
	refused 1 "theirs" --user nobody --state-dir "$dir/theirs" --socket "$dir/socket/socket"
	refused 1 "no such user" --user no-such-user --state-dir "$dir/state"
fi
rm -rf state socket theirs
if command -v setpriv >/dev/null; then
	setpriv --bounding-set -net_admin --inh-caps -net_admin "$braidd" --state-dir "$dir/state" 2>err
	[ $? -eq 1 ] && grep -q 'CAP_NET_ADMIN is missing' err || fail "without CAP_NET_ADMIN: $(cat err)"
fi

# --- killed, started again; two at once ---
begin
refused 1 "another braidd has the state directory" --state-dir "$dir/state" --socket "$dir/socket/2"
refused 1 "stop it, or start with --force" --state-dir "$dir/state2" --socket "$dir/socket/2"
is "$manager" userspace || fail "a second one has changed the path manager"
kill -0 "$pid" || fail "a second one has ended the first"
die
is "$manager" userspace || fail "the path manager is $(cat "$manager")"
[ -s state/restore ] || fail "no note of what to put back"
begin
says 'is kernel again' && fail "for a moment, new sockets were the kernel's"
end
# a note of another namespace counts nothing here
printf 'namespace 1\nnet/mptcp/path_manager userspace\n' >state/restore
begin
end

# --- another path manager ---
echo userspace >"$manager"
ip mptcp monitor >/dev/null &
monitor=$!
listens() { awk -v port="$monitor" '$3 == port && $4 != "00000000" {found = 1} END {exit !found}' /proc/net/netlink; }
within listens
refused 1 "ip (process $monitor) manages paths here" --state-dir "$dir/state" --socket "$dir/socket/socket"
is "$manager" userspace || fail "refused, it changed the path manager"
begin --force
kill "$pid"
wait "$pid"
pid=
is "$manager" userspace || fail "the path manager was userspace"
kill "$monitor"
wait "$monitor" 2>/dev/null
echo kernel >"$manager"

# --- the service manager ---
cat >listen.py <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\0', 1))
s.settimeout(20)
open('listening', 'w').close()
while True:
    text = s.recv(4096).decode()
    print(text.replace('\n', ' '), flush=True)
    if text == 'STOPPING=1':
        break
PY
for name in "$dir/notify" "@braidd-life-$$"; do
	rm -f listening
	python3 listen.py "$name" >told &
	listener=$!
	within test -e listening
	export NOTIFY_SOCKET=$name WATCHDOG_USEC=100000
	begin
	unset NOTIFY_SOCKET WATCHDOG_USEC
	within grep -q '^READY=1$' told
	watchdogs() { [ "$(grep -c '^WATCHDOG=1$' told)" -ge 3 ]; }
	within watchdogs
	kill -HUP "$pid"
	within grep -q '^RELOADING=1 MONOTONIC_USEC=[0-9]' told
	readies() { [ "$(grep -c '^READY=1$' told)" -eq 2 ]; }
	within readies
	end
	wait "$listener" || fail "$name: not told that it stops"
done

# --- settings of the file and of the command line ---
printf 'socket = %s/by-file/socket\ndefault = aggregate\n' "$dir" >config
"$braidd" --state-dir "$dir/state" --config config 2>log &
pid=$!
within says ready
BRAID_SOCKET=$dir/by-file/socket "$braid" status | grep -q 'default service: aggregate' || fail "the file's settings"
printf 'default = no\n' >config
kill -HUP "$pid"
within says 'the old configuration stays: config:1:'
printf 'default = interactive\nkernel-pm = yes\n' >config
kill -HUP "$pid"
within says 'kernel-pm counts after a restart'
within says 'was read again'
BRAID_SOCKET=$dir/by-file/socket "$braid" status | grep -q 'default service: interactive' || fail "read again"
end
begin --config config --default none
BRAID_SOCKET=$dir/socket/socket "$braid" status >status
grep -q "steers the kernel's path manager" status || fail "kernel-pm = yes: $(cat status)"
grep -q 'default service: none' status || fail "--default is before the file: $(cat status)"
end
rm -f config

# --- routing ---
for i in 0 1; do
	ip link add "v$i" type veth peer name "p$i" || skip "no veth"
	[ ! -e /proc/sys/net/ipv6 ] || echo 1 >"/proc/sys/net/ipv6/conf/p$i/disable_ipv6"
	ip link set "p$i" up
	ip link set "v$i" up
done
addresses()
{
	ip addr add "10.5$1.0.2/24" dev "v$1"
	ip route add default via "10.5$1.0.1" dev "v$1" metric "10$1"
	[ -e /proc/sys/net/ipv6 ] || return 0
	ip -6 addr add "fd5$1::2/64" dev "v$1" nodad
	ip -6 route add default via "fd5$1::1" dev "v$1" metric "10$1"
}
addresses 0
addresses 1
six=$([ -e /proc/sys/net/ipv6 ] && echo yes)
rules0="10.50.0.2 ${six:+fd50::2 }"
all="10.50.0.2 10.51.0.2 ${six:+fd50::2 fd51::2 }"
leaves() { ip route get 10.99.0.1 from "$1" | grep -q "dev $2 "; }
leaves 10.51.0.2 v0 || fail "the namespace needs no rules"
begin
within is_rules "$all"
leaves 10.51.0.2 v1 || fail "10.51.0.2 leaves by the wrong interface"
[ -z "$six" ] || ip -6 route get fd99::1 from fd51::2 | grep -q 'dev v1 ' || fail "fd51::2 leaves by the wrong one"
ip route get 10.51.0.77 from 10.51.0.2 | grep -q via && fail "a neighbour is reached by the gateway"
ip link set v1 down
within is_rules "$rules0"
ip link set v1 up
ip addr flush dev v1 scope global
addresses 1
within is_rules "$all"
leaves 10.51.0.2 v1 || fail "after its return, 10.51.0.2 leaves by the wrong interface"
# without its own default route an address is not usable, whatever is in our table
ip route del default via 10.51.0.1 dev v1
within is_rules "10.50.0.2 ${six:+fd50::2 fd51::2 }"
ip route add default via 10.51.0.1 dev v1 metric 101
within is_rules "$all"
die
is_rules "$all" || fail "rules after SIGKILL: $(rules)"
printf 'source-routing = no\n' >config
echo 1 >/proc/sys/net/ipv4/conf/v1/rp_filter
begin --config config
within is_rules ""
within says 'rp_filter = 2'
BRAID_SOCKET=$dir/socket/socket "$braid" status | grep -q 'missing here: v1 has rp_filter = 1' || fail "advice: $(cat log)"
[ "$(grep -c rp_filter log)" -eq 1 ] || fail "advice more than once: $(cat log)"
: >config
kill -HUP "$pid"
within is_rules "$all"
BRAID_SOCKET=$dir/socket/socket "$braid" status | grep -q 'missing here' && fail "advice that is followed stays"
end
# somebody's own rule comes before ours
ip rule add from 10.51.0.0/24 lookup 100
begin
within is_rules "10.50.0.2 ${six:+fd50::2 fd51::2 }"
end
ip rule | grep -q 'from 10.51.0.0/24 lookup 100' || fail "somebody else's rule is gone"
ip rule del from 10.51.0.0/24 lookup 100

# --- the kernel's path manager ---
[ -z "$six" ] || for i in 0 1; do ip -6 addr flush dev "v$i" scope global; done
ip mptcp endpoint add 10.51.0.2 id 7 subflow fullmesh dev v1
begin --kernel-pm
is "$manager" kernel || fail "the path manager is $(cat "$manager")"
within is_endpoints "10.50.0.2 10.51.0.2 "
within is_limits "8 1"
ip link set v1 down
within is_endpoints "10.50.0.2 "
die
is_endpoints "10.50.0.2 " || fail "after SIGKILL: $(endpoints)"
begin
# ours are gone; the other one is away as long as its address is
within is_endpoints ""
end
ip mptcp endpoint show id 7 | grep -q '10.51.0.2 id 7 subflow fullmesh dev v1' || fail "not given back as it was: $(ip mptcp endpoint)"
ip mptcp endpoint flush
ip link set v1 up
ip route add default via 10.51.0.1 dev v1 metric 101
printf '[interface v0]\nkind = cellular\n[interface v1]\nkind = wifi\n' >config
begin --kernel-pm --config config
within is_endpoints "10.50.0.2 backup 10.51.0.2 "
printf 'default = aggregate\n' >config
kill -HUP "$pid"
within is_endpoints "10.50.0.2 10.51.0.2 "
end
is_endpoints "" || fail "endpoints are left: $(endpoints)"

[ "$failures" -eq 0 ] || exit 1
echo "all as expected"
