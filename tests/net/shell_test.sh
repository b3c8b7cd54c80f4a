# shellcheck shell=bash
# What tests in shell share: sourced, with the program under test as the first argument. They go into a
# directory that is gone at the end, and so are processes in the background.
set -u
[ -x "$1" ] || { echo "no program $1"; exit 1; }
# shellcheck disable=SC2034 # for who sources this
braid=$(realpath "$1")
tmp=$(mktemp -d)
failures=0
case= # what is tested, for a script of many: fail says it
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

fail()
{
	printf 'FAIL: %s%.1500s\n' "${case:+$case: }" "$*" >&2
	failures=$((failures + 1))
}

# within SECONDS COMMAND...: the command succeeds before that
within()
{
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# skip REASON: this machine cannot; a failure where everything must be there
skip()
{
	echo "skipped: $*"
	[ -z "${BRAID_REQUIRE_ALL:-}" ] && exit 77
	exit 1
}

# same_options NAME HELP MANUAL: the text of --help and the page tell the same options, short and long
same_options()
{
	local difference
	difference=$(diff \
		<(sed -nE 's/^ +(-.*)/\1/p' <<<"$2" | sed 's/   *.*//' |
			grep -oE '(^|[ ,])--?[A-Za-z0-9][a-z0-9-]*' | tr -d ' ,' | sort -u) \
		<(grep '^\.It Fl' "$3" | sed -E 's/\\&//g; s/Fl \\-/Fl --/g; s/\\-/-/g' |
			grep -oE 'Fl (--)?[A-Za-z0-9][a-z0-9-]*' | sed -E 's/Fl --/--/; s/Fl /-/' | sort -u)) ||
		fail "$1: help has <, the manual >: $(grep '^[<>]' <<<"$difference" | tr '\n' ' ')"
}

# finish MESSAGE: when nothing failed
finish()
{
	[ "$failures" -eq 0 ] || exit 1
	echo "$1"
}
