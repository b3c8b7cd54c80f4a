#!/bin/bash
# braidd's command line: wrong ones give exactly one line on standard error, nothing on standard output,
# and exit code 2; the configuration is looked at; help and manual name the same options.
# Usage: braidd_options.sh BRAIDD
# shellcheck disable=SC2154 # shell_test.sh sets braid, tmp
manual=$(realpath "$(dirname "$0")/../../docs/man/braidd.8")
source "$(dirname "$0")/shell_test.sh"
braidd=$braid

# ends CODE MESSAGE-PART ARGUMENT...: one line with that part on standard error; none where it is empty
ends()
{
	local code=$1 part=$2 out got
	shift 2
	out=$(timeout 10 "$braidd" "$@" 2>"$tmp/err" </dev/null)
	got=$?
	[ "$got" -eq "$code" ] || fail "braidd $*: exit code $got, not $code"
	[ -z "$out" ] || fail "braidd $*: wrote to standard output"
	[ "$(wc -l <"$tmp/err")" -eq "$([ -n "$part" ] && echo 1 || echo 0)" ] ||
		fail "braidd $*: $(cat "$tmp/err")"
	[ -z "$part" ] || grep -qF -- "$part" "$tmp/err" || fail "braidd $*: no '$part' in: $(cat "$tmp/err")"
	[ -z "$part" ] || grep -q '^braidd: ' "$tmp/err" || fail "braidd $*: does not begin with its name"
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

printf 'default = aggregate\n' >"$tmp/good"
printf 'default = aggregate\n\nsocket = there\n' >"$tmp/bad"
ends 0 "" --check-config --config "$tmp/good"
ends 1 "$tmp/bad:3: 'there' is not a path" --check-config --config "$tmp/bad"
ends 1 "$tmp/none: No such file" --check-config --config "$tmp/none"
ends 1 "$tmp: Is a directory" --check-config --config "$tmp"
ends 1 "$tmp/bad:3:" --config "$tmp/bad" --state-dir "$tmp/state"
[ -e "$tmp/state" ] && fail "a wrong configuration: the state directory was made all the same"

help=$(timeout 10 "$braidd" --help) || fail "--help: exit code"
[ "$(timeout 10 "$braidd" -h)" = "$help" ] || fail "-h is not --help"
timeout 10 "$braidd" --version | grep -q '^braidd [0-9]' || fail "--version"
[ -e /dev/full ] && timeout 10 "$braidd" --help >/dev/full 2>/dev/null && fail "--help >/dev/full: exit code 0"
same_options braidd "$help" "$manual"

finish "all command lines as expected"
