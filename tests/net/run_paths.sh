#!/bin/bash
# `braid run` where there are two paths: in a lab. Usage: run_paths.sh BRAID
# shellcheck disable=SC2154 # in_lab.sh sets braid
source "$(dirname "$0")/in_lab.sh"

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

# counted NAME COMMAND...: on the client, with www on the server
counted()
{
	local name=$1
	shift
	in_lab "$name" --server "exec '$braid' run python3 -m http.server --directory www 8000" -- \
		bash count.sh "$@"
}

# two_paths NAME COMMAND...: on the client; `got` is www/file, over two subflows
two_paths()
{
	local name=$1
	shift
	rm -f got counters
	counted "$name" "$@"
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
counted plain curl -sS -o got http://server:8000/file
[ "$(count MPCapableSYNTX)" -eq 0 ] || fail "plain curl used Multipath TCP"

finish "programs use two paths"
