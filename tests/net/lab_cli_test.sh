#!/bin/sh
# braid lab as people use it: exit codes, messages, the end, Ctrl-C, nothing left behind.
# Usage: lab_cli_test.sh PATH-TO-BRAID
set -u
braid=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
n=0
unset BRAID_LAB BRAID_LAB_SIDE

if ! why=$("$braid" lab check 2>&1); then
	echo "skipped: $why"
	[ "${BRAID_REQUIRE_ALL:-}" = 1 ] && exit 1
	exit 77
fi

ok() # NAME CONDITION...
{
	name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/#   out: /' "$dir/out"
		sed 's/^/#   err: /' "$dir/err"
		failed=1
	fi
}

# expect NAME CODE TEXT COMMAND...: exit code, and TEXT (a fixed string) somewhere in the output
expect()
{
	what=$1
	want=$2
	text=$3
	shift 3
	timeout 60 "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
	ok "$what: exit code $code" [ "$code" -eq "$want" ]
	[ -n "$text" ] && ok "$what: says '$text'" grep -qF -- "$text" "$dir/out" "$dir/err"
}

cat >"$dir/short" <<-END
	path wlan delay 5ms rate 50mbit
	path wwan delay 10ms rate 20mbit
	seed 9
	at 100ms wlan silent
	at 200ms wlan to-server up loss 1%
	end 700ms
END
echo 'path wlan delay fast' >"$dir/bad"

# --- the command line
expect 'help' 0 'Usage: braid lab run' "$braid" lab --help
expect 'help of run' 0 'Usage: braid lab run' "$braid" lab run --help
expect 'no command' 2 'what shall it do' "$braid" lab
expect 'unknown command' 2 "no such command 'fly'" "$braid" lab fly
expect 'unknown option' 2 '--fly' "$braid" lab run --fly
expect 'no scenario' 2 'run needs a scenario' "$braid" lab run
expect 'no program' 2 'run needs a command' "$braid" lab run two-equal
expect 'bad seed' 2 'not a seed' "$braid" lab run two-equal --seed -1 -- true
expect 'bad side' 2 'not a side' "$braid" lab exec --side middle true
expect 'unknown scenario' 2 'no scenario of this name' "$braid" lab run nowhere -- true
expect 'bad scenario' 2 'line 1: delay fast: not a value' "$braid" lab run "$dir/bad" -- true
expect 'bad change' 2 "'asleep' is not a change" "$braid" lab set wlan asleep
expect 'no lab' 1 'is not running' "$braid" lab set --lab 0-0-0 wlan silent
expect 'scenarios' 0 'wlan-loss' "$braid" lab scenarios
expect 'check' 0 'can run a lab' "$braid" lab check

# --- run
expect 'exit code is the program'"'"'s' 9 'to-server' "$braid" lab run two-equal -- sh -c 'exit 9'
expect 'killed program' 137 '' "$braid" lab run two-equal -q -- sh -c 'kill -9 $$'
expect 'program not found' 127 'No such file' "$braid" lab run two-equal -q -- /no/such
expect 'program not executable' 126 'Permission denied' "$braid" lab run two-equal -q -- /etc/passwd
expect 'seed is told' 0 'seed 5,' "$braid" lab run two-equal --seed 5 -- true
expect 'events and end' 124 '0.200s wlan to-server up loss 1%' "$braid" lab run "$dir/short" -- sleep 30
expect 'json' 124 '"seed":9' "$braid" lab run "$dir/short" --json -- sleep 30
expect 'report to a file' 0 '' "$braid" lab run "$dir/short" --json --report "$dir/report" -- true
ok 'report is in the file' grep -q '"exit_code":0,"paths":\[{"name":"wlan"' "$dir/report"
expect 'quiet' 0 '' "$braid" lab run two-equal -q -- true
ok 'quiet says nothing' [ ! -s "$dir/err" ]
expect 'server that fails' 125 'the server ended at once, with 3' \
	"$braid" lab run two-equal --server 'exit 3' -- true
expect 'inside: interfaces and names' 0 '10.99.0.1 server' \
	"$braid" lab run two-equal -- sh -c 'grep server /etc/hosts; test -d /sys/class/net/eth'

# --- a running lab, from inside and beside it
cat >"$dir/inside" <<-END
	"$braid" lab list
	"$braid" lab set eth delay 77ms loss 2%
	"$braid" lab set wlan down || exit 1
	"$braid" lab stats --json
	"$braid" lab exec --side server sh -c 'echo side=\$BRAID_LAB_SIDE; exit 4'
	test \$? = 4 || exit 2
	"$braid" lab set nowhere silent && exit 3
	test -e /sys/class/net/wlan/operstate && test "\$(cat /sys/class/net/wlan/operstate)" = down
END
expect 'controlled from inside' 0 'side=server' "$braid" lab run two-equal -q -- sh "$dir/inside"
ok 'its state is told' grep -q '"name":"wlan","state":"down"' "$dir/out"
ok 'an unknown path is refused' grep -q "no path 'nowhere'" "$dir/err"

mkfifo "$dir/go"
"$braid" lab run two-equal --report "$dir/report" -- sh -c "read x <$dir/go; exit 6" \
	>"$dir/run-out" 2>"$dir/run-err" &
run=$!
id=
for _ in $(seq 200); do
	id=$(sed -n 's/.*, lab //p' "$dir/run-err" 2>/dev/null)
	[ -n "$id" ] && break
	sleep 0.05
done
expect 'listed from beside' 0 "$id" "$braid" lab list
expect 'set from beside' 0 '' "$braid" lab set --lab "$id" eth silent
expect 'stats from beside' 0 'silent' "$braid" lab stats --lab "$id"
expect 'exec from beside' 0 'eth' "$braid" lab exec --lab "$id" ls /sys/class/net
echo go >"$dir/go"
wait $run
ok 'the run ended by itself' [ $? -eq 6 ]
expect 'then it is gone' 1 'is not running' "$braid" lab stats --lab "$id"

# --- ends: TERM to braid, KILL to braid
ends() # SIGNAL EXIT-CODE
{
	rm -f "$dir/run-err"
	"$braid" lab run two-equal -- sh -c 'sleep 1234.5 & sleep 1234.5' 2>"$dir/run-err" >/dev/null &
	run=$!
	for _ in $(seq 200); do
		id=$(sed -n 's/.*, lab //p' "$dir/run-err" 2>/dev/null)
		[ -n "$id" ] && "$braid" lab exec --lab "$id" sh -c 'ps ax 2>/dev/null || cat /proc/[0-9]*/cmdline' \
			2>/dev/null | tr '\0' ' ' | grep -q 'sleep 1234.5' && break
		sleep 0.05
	done
	kill -"$1" $run
	wait $run 2>/dev/null
	ok "SIG$1: exit code" [ $? -eq "$2" ]
	gone=no
	for _ in $(seq 100); do
		# by its arguments: the processes of no lab but ours are called this
		grep -qzx '1234\.5' /proc/[0-9]*/cmdline 2>/dev/null || { gone=yes; break; }
		sleep 0.05
	done
	ok "SIG$1: nothing is left running" [ $gone = yes ]
	expect "SIG$1: lab is gone" 1 'is not running' "$braid" lab stats --lab "$id"
}
ends TERM 143
ends KILL 137

# --- an ordinary user
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	install -m 755 "$braid" "$dir/braid"
	chmod 755 "$dir"
	expect 'ordinary user' 0 '10.11.0.2' setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$dir/braid" lab run two-equal -- cat /proc/net/fib_trie
fi

echo "1..$n"
exit $failed
