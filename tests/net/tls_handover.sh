#!/bin/bash
# A download over TLS loses its first path half way, and is complete. Usage: tls_handover.sh BRAID
# shellcheck disable=SC2154 # in_lab.sh sets braid
source "$(dirname "$0")/in_lab.sh"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 \
	-subj /CN=server -addext subjectAltName=DNS:server >/dev/null 2>&1 || fail "no certificate"
head -c 15000000 /dev/urandom >file

# the path goes when a third of it has come
cat >client.sh <<'EOT'
"$1" cat -v -d --tls --ca cert.pem --server-name server server 8443 >got 2>log &
for _ in $(seq 200); do
	[ "$(stat -c %s got)" -gt 5000000 ] && break
	sleep 0.05
done
stat -c %s got >at
"$1" lab set wlan down
wait $!
EOT
touch got
timeout 90 "$braid" lab run two-equal --quiet --report report --json \
	--server "exec '$braid' cat -l --tls --cert cert.pem --key key.pem 8443 <file" -- \
	bash client.sh "$braid" >out 2>err || fail "exit code $?: $(cat err log)"
cmp -s got file || fail "the file differs: $(stat -c %s got) of $(stat -c %s file) bytes: $(cat log)"
[ "$(cat at)" -lt 14000000 ] || fail "the path was lost too late to matter: at $(cat at)"
grep -q "ready: Multipath TCP" log || fail "no Multipath TCP: $(cat log)"
grep -q "TLS 1.3" log || fail "no TLS 1.3: $(cat log)"
# what came over each path: both carried a part of it
python3 - report <<'EOT' || fail "per path: $(cat report)"
import json, sys
paths = json.load(open(sys.argv[1]))['paths']
down = [p['to_client']['bytes'] for p in paths]
assert len(down) == 2 and min(down) > 1000000, down
EOT
finish "TLS survives the loss of a path"
