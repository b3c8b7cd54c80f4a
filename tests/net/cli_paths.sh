#!/bin/bash
# `braid cat` and `braid check` where there are two paths: in a lab. Usage: cli_paths.sh BRAID
# shellcheck disable=SC2154 # in_lab.sh sets braid
source "$(dirname "$0")/in_lab.sh"

# ---- check sees both paths ----
in_lab check -- "$braid" check
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
in_lab broken -- bash broken.sh
grep -q 'not usable yet: wlan$' out || fail "broken: wlan counts as usable: $(cat out)"
grep -q 'fix: sudo ip mptcp endpoint add 10.11.0.2 dev wlan subflow' out || fail "broken: no fix: $(cat out)"

# ---- a file over both, though the server's input is empty from the start ----
head -c 12000000 /dev/urandom >file
in_lab cat --server "$braid cat -l -v 9000 </dev/null >got 2>server.err" -- \
	bash -c "'$braid' cat -v --service aggregate server 9000 <file"
cmp -s file got || fail "cat: the file differs"
grep -q 'subflow 1: .* on eth' err || fail "cat: no subflow on eth: $(cat err)"
grep -q 'subflow 2: .* on wlan' err || fail "cat: no subflow on wlan: $(cat err)"
for i in 1 2; do
	sent=$(sed -n "s/.*subflow $i: .*sent \([0-9]*\) B.*/\1/p" err)
	[ "${sent:-0}" -gt 2000000 ] || fail "cat: subflow $i carried only ${sent:-0} bytes"
done

# ---- the responder tells who comes by Multipath TCP ----
in_lab listen --server "$braid check --listen 8080" -- \
	bash -c "printf 'GET / HTTP/1.0\r\n\r\n' | '$braid' cat server 8080; '$braid' check server:8080"
grep -q '^You came by Multipath TCP' out || fail "listen: $(cat out)"
grep -q '^ok  *multipath  *yes' out || fail "check server: $(cat out)"

finish "two paths as expected"
