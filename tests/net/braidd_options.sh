#!/bin/bash
# braidd's command line: wrong ones give exactly one line on standard error, nothing on standard output,
# and exit code 2; the configuration is looked at; help and manual name the same options.
# Usage: braidd_options.sh BRAIDD
set -u
[ -x "$1" ] || { echo "no program $1"; exit 1; }
braidd=$1
manual=$(dirname "$0")/../../docs/man/braidd.8
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

fail()
{
	printf 'FAIL: %.600s\n' "$*" >&2
	failures=$((failures + 1))
}

# ends CODE MESSAGE-PART ARGUMENT...: one line with that part on standard error; none where it is empty
ends()
{
	local code=$1 part=$2 out got
	shift 2
	out=$(timeout 10 "$braidd" "$@" 2>"$dir/err" </dev/null)
	got=$?
	[ "$got" -eq "$code" ] || fail "braidd $*: exit code $got, not $code"
	[ -z "$out" ] || fail "braidd $*: wrote to standard output"
	[ "$(wc -l <"$dir/err")" -eq "$([ -n "$part" ] && echo 1 || echo 0)" ] ||
		fail "braidd $*: $(cat "$dir/err")"
	[ -z "$part" ] || grep -qF -- "$part" "$dir/err" || fail "braidd $*: no '$part' in: $(cat "$dir/err")"
	[ -z "$part" ] || grep -q '^braidd: ' "$dir/err" || fail "braidd $*: does not begin with its name"
}

ends 2 "unknown option '-x'" -x
ends 2 "unknown option '-x'" -xv
ends 2 "unknown or ambiguous option '--frobnicate'" --frobnicate
ends 2 "unknown or ambiguous option '--s'" --s x
ends 2 "unknown or ambiguous option '--='" "--="
ends 2 "takes no value" --verbose=1
ends 2 "takes no value" --kernel-pm=yes
ends 2 "option '--config' needs a value" --config
ends 2 "option '--user' needs a value" --verbose --user
ends 2 "service 'all' is none of" --default all
ends 2 "service ''" --default ""
ends 2 "no argument is wanted, not 'start'" start
ends 2 "no argument is wanted, not 'start'" --check-config -- start
ends 2 "state directory ''" --state-dir ""

printf 'default = aggregate\n' >"$dir/good"
printf 'default = aggregate\n\nsocket = there\n' >"$dir/bad"
ends 0 "" --check-config --config "$dir/good"
ends 1 "$dir/bad:3: 'there' is not a path" --check-config --config "$dir/bad"
ends 1 "$dir/none: No such file" --check-config --config "$dir/none"
ends 1 "$dir: Is a directory" --check-config --config "$dir"
ends 1 "$dir/bad:3:" --config "$dir/bad" --state-dir "$dir/state"
[ -e "$dir/state" ] && fail "a wrong configuration: the state directory was made all the same"

help=$(timeout 10 "$braidd" --help) || fail "--help: exit code"
[ "$(timeout 10 "$braidd" -h)" = "$help" ] || fail "-h is not --help"
timeout 10 "$braidd" --version | grep -q '^braidd [0-9]' || fail "--version"
[ -e /dev/full ] && timeout 10 "$braidd" --help >/dev/full 2>/dev/null && fail "--help >/dev/full: exit code 0"
for option in $(grep -o -- '--[a-z-]*' <<<"$help" | sort -u); do
	grep -q "^\.It.*Fl \\\\-${option#--}\b" <(sed 's/\\-/-/2g; s/\\&//g' "$manual") || fail "$option is not in braidd.8"
done
for option in $(sed 's/\\-/-/g' "$manual" | grep -o '^\.It Fl -[a-z-]*' | sed 's/.*Fl -/--/' | sort -u); do
	grep -q -- "$option\b" <<<"$help" || fail "$option is in braidd.8, not in --help"
done

[ "$failures" -eq 0 ] || exit 1
echo "all command lines as expected"
