#!/bin/bash
# `braid run` where there are two paths: in a lab. Usage: run_paths.sh BRAID PROBE STATIC-PROBE
# 77: this machine cannot run a lab, and why.
set -u
[ -x "$1" ] || { echo "no program $1"; exit 1; }
braid=$(realpath "$1")
tmp=$(mktemp -d)
failures=0
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

fail()
{
	printf 'FAIL: %.600s\n' "$*" >&2
	failures=$((failures + 1))
}

if ! timeout 20 "$braid" lab check >why 2>&1; then
	echo "skipped: $(cat why)"
	[ -z "${BRAID_REQUIRE_ALL:-}" ] && exit 77
	exit 1
fi

# prints the client's counters after the command
cat >count.sh <<'EOT'
"$@" || exit
awk '$1 == "MPTcpExt:" { if (!n) n = split($0, names); else for (i = 2; i <= n; i++) print names[i], $i }' /proc/net/netstat >counters
EOT

# count NAME: of the client's network
count()
{
	awk -v name="$1" '$1 == name { print $2 }' counters
}

mkdir www && head -c 6000000 /dev/urandom >www/file

# two_paths NAME COMMAND...: on the client; `got` is www/file, over two subflows
two_paths()
{
	local name=$1
	shift
	rm -f got counters
	timeout 60 "$braid" lab run two-equal --quiet \
		--server "exec '$braid' run python3 -m http.server --directory www 8000" -- \
		bash count.sh "$@" >out 2>err || fail "$name: exit code $?: $(cat err)"
	cmp -s got www/file || fail "$name: the file differs"
	[ "$(count MPCapableSYNTX)" -ge 1 ] || fail "$name: no Multipath TCP"
	[ "$(count MPJoinSynAckRx)" -ge 1 ] || fail "$name: no second subflow: $(cat counters)"
}

two_paths preload "$braid" run --method preload curl -sS -o got http://server:8000/file
two_paths seccomp "$braid" run --method seccomp curl -sS -o got http://server:8000/file
# a shell that connects by itself
two_paths shell "$braid" run --method seccomp bash -c \
	'exec 3<>/dev/tcp/10.99.0.1/8000; printf "GET /file HTTP/1.0\r\n\r\n" >&3; sed "1,/^\r$/d" <&3 >got'

# ---- not by itself: the same without braid run has one subflow ----
timeout 60 "$braid" lab run two-equal --quiet \
	--server "exec '$braid' run python3 -m http.server --directory www 8000" -- \
	bash count.sh curl -sS -o got http://server:8000/file >out 2>err || fail "plain: $(cat err)"
[ "$(count MPCapableSYNTX)" -eq 0 ] || fail "plain curl used Multipath TCP"

[ "$failures" -eq 0 ] || exit 1
echo "programs use two paths"
