# shellcheck shell=bash
# What the tests of commands in a lab with two paths share: sourced, with BRAID as the first argument.
# It goes into a directory that is gone at the end. 77: this machine cannot run a lab, and why.
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

# in_lab NAME ARGUMENT...: braid lab run two-equal, into out and err; NAME fails with it
in_lab()
{
	local name=$1
	shift
	timeout 60 "$braid" lab run two-equal --quiet "$@" >out 2>err || fail "$name: exit code $?: $(cat err)"
}

# finish MESSAGE: when nothing failed
finish()
{
	[ "$failures" -eq 0 ] || exit 1
	echo "$1"
}

if ! timeout 20 "$braid" lab check >why 2>&1; then
	echo "skipped: $(cat why)"
	[ -z "${BRAID_REQUIRE_ALL:-}" ] && exit 77
	exit 1
fi
