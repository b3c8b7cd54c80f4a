# shellcheck shell=bash
# What the tests of commands in a lab with two paths share: sourced, with BRAID as the first argument.
# 77: this machine cannot run a lab, and why.
# shellcheck disable=SC2154 # shell_test.sh sets braid
source "$(dirname "${BASH_SOURCE[0]}")/shell_test.sh"

# in_lab NAME ARGUMENT...: braid lab run two-equal, into out and err; NAME fails with it
in_lab()
{
	local name=$1
	shift
	timeout 60 "$braid" lab run two-equal --quiet "$@" >out 2>err || fail "$name: exit code $?: $(cat err)"
}

timeout 20 "$braid" lab check >why 2>&1 || skip "$(cat why)"
