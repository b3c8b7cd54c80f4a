#!/bin/bash
# The hello programs talk to each other: every client with every server, over loopback.
#   examples_test.sh DIRECTORY PROGRAM...   (which of them were built; hello_server_f always is)
set -u
dir=$1
shift
servers=(hello_server_f)
clients=()
for name in "$@"; do
	case $name in
	hello_server) servers+=("$name") ;;
	*) clients+=("$name") ;;
	esac
done
failed=0
tmp=$(mktemp -d)
pid=
trap '[ -n "$pid" ] && kill "$pid" 2>/dev/null; rm -rf "$tmp"' EXIT

fail() {
	echo "FAIL: $*"
	failed=1
}

for server in "${servers[@]}"; do
	exec {out}< <(exec "$dir/$server" 0 2>"$tmp/server.err")
	pid=$!
	if ! read -r -t 20 -u "$out" port || ! [ "$port" -gt 0 ]; then
		fail "$server does not say its port: $(cat "$tmp/server.err")"
		continue
	fi
	for client in "${clients[@]}"; do
		for host in 127.0.0.1 ::1 localhost; do
			[ "$host" = ::1 ] && [ ! -e /proc/net/if_inet6 ] && continue
			got=$(timeout 20 "$dir/$client" "$host" "$port" 2>"$tmp/err")
			rc=$?
			[ $rc = 0 ] && [ "$got" = "hello, world" ] ||
				fail "$client $host, $server: exit $rc, \"$got\": $(cat "$tmp/err")"
		done
	done
	kill "$pid"
	wait "$pid" 2>/dev/null
	exec {out}<&-
	[ -s "$tmp/server.err" ] && fail "$server: $(cat "$tmp/server.err")"
done
pid=

# nobody listens there any more: one line, and the exit status of a failure
for client in "${clients[@]}"; do
	timeout 20 "$dir/$client" 127.0.0.1 "$port" >"$tmp/out" 2>"$tmp/err"
	rc=$?
	[ $rc = 1 ] && grep -q refused "$tmp/err" ||
		fail "$client, refused: exit $rc: $(cat "$tmp/err")"
	"$dir/$client" >"$tmp/out" 2>"$tmp/err"
	[ $? = 2 ] || fail "$client without arguments"
done
[ $failed = 0 ] && echo "examples: ${#clients[@]} clients, ${#servers[@]} servers: all say hello"
exit $failed
