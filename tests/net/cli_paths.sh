#!/bin/bash
# `braid cat` and `braid check` where there are two paths: in a lab. Usage: cli_paths.sh BRAID
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

# ---- check sees both paths ----
timeout 30 "$braid" lab run two-equal --quiet -- "$braid" check >out 2>err || fail "check: exit code $?: $(cat err)"
grep -q '^Multipath TCP works here: yes; main path: eth; extra paths: wlan$' out || fail "check: $(cat out)"
grep -q '^ok  *source routing wlan ' out || fail "check: source routing: $(cat out)"

# ---- and says what is missing when a piece is taken away ----
cat >broken.sh <<EOT
ip mptcp endpoint flush
ip rule del table 101 2>/dev/null; ip rule show | sed -n 's/.*from \(10.11[^ ]*\) lookup \(.*\)/\1 \2/p' |
while read -r from table; do ip rule del from "\$from" table "\$table"; done
ip -6 rule show | sed -n 's/.*from \(fd11[^ ]*\) lookup \(.*\)/\1 \2/p' |
while read -r from table; do ip -6 rule del from "\$from" table "\$table"; done
"$braid" check
EOT
timeout 30 "$braid" lab run two-equal --quiet -- bash broken.sh >out 2>err || fail "broken: exit code $?: $(cat err)"
grep -q 'not usable yet: wlan$' out || fail "broken: wlan counts as usable: $(cat out)"
grep -q 'fix: sudo ip mptcp endpoint add 10.11.0.2 dev wlan subflow' out || fail "broken: no fix: $(cat out)"

# ---- a file over both, though the server's input is empty from the start ----
head -c 12000000 /dev/urandom >file
timeout 60 "$braid" lab run two-equal --quiet --server "$braid cat -l -v 9000 </dev/null >got 2>server.err" -- \
	bash -c "'$braid' cat -v --service aggregate server 9000 <file" >out 2>err ||
	fail "cat: exit code $?: $(cat err)"
cmp -s file got || fail "cat: the file differs"
grep -q 'subflow 1: .* on eth' err || fail "cat: no subflow on eth: $(cat err)"
grep -q 'subflow 2: .* on wlan' err || fail "cat: no subflow on wlan: $(cat err)"
for i in 1 2; do
	sent=$(sed -n "s/.*subflow $i: .*sent \([0-9]*\) B.*/\1/p" err)
	[ "${sent:-0}" -gt 2000000 ] || fail "cat: subflow $i carried only ${sent:-0} bytes"
done

# ---- the responder tells who comes by Multipath TCP ----
timeout 30 "$braid" lab run two-equal --quiet --server "$braid check --listen 8080" -- \
	bash -c "printf 'GET / HTTP/1.0\r\n\r\n' | '$braid' cat server 8080; '$braid' check server:8080" >out 2>err ||
	fail "listen: exit code $?: $(cat err)"
grep -q '^You came by Multipath TCP' out || fail "listen: $(cat out)"
grep -q '^ok  *multipath  *yes' out || fail "check server: $(cat out)"

[ "$failures" -eq 0 ] || exit 1
echo "two paths as expected"
