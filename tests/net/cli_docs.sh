#!/bin/bash
# Help, man pages and completion name the same options. Usage: cli_docs.sh BRAID SOURCE-DIRECTORY
# shellcheck disable=SC2154 # shell_test.sh sets braid
source=$(realpath "$2")
source "$(dirname "$0")/shell_test.sh"

# shellcheck disable=SC1091
source "$source/src/cli/completion/braid.bash"

# offered WORD...: what completion offers after these words, the last one being typed
offered()
{
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_braid
	echo "${COMPREPLY[*]}"
}

for command in check cat status paths set monitor run enable disable lab; do
	help=$("$braid" "$command" --help) || fail "$command --help: exit code $?"
	case $command in
	enable | disable) ;; # a page for both
	*) same_options "$command" "$help" "$source/docs/man/braid-$command.1" ;;
	esac
	words=("$command")
	[ "$command" = lab ] && words+=(run)
	missing=$(diff <(grep -oE -- '--[a-z][a-z0-9-]+' <<<"$help" | sort -u) \
		<(offered braid "${words[@]}" -- | tr ' ' '\n' | sort -u)) ||
		fail "$command: help has <, completion >: $missing"
	[ "$(awk 'length > 92' <<<"$help" | wc -l)" -eq 0 ] || fail "$command --help has long lines"
	[[ $(offered braid '') == *$command* ]] || fail "completion lacks $command"
	"$braid" --help | grep -q "^  $command " || fail "--help lacks $command"
	grep -q "^\.It Cm $command\$" "$source/docs/man/braid.1" || fail "braid.1 lacks $command"
done
same_options braid "$("$braid" --help)" "$source/docs/man/braid.1"
same_options "enable, disable" "$("$braid" enable --help && "$braid" disable --help)" "$source/docs/man/braid-enable.1"
[ "$(offered braid cat --service a)" = aggregate ] || fail "completion of --service"
[[ " $(offered braid cat --interface l) " == *" lo "* ]] || fail "completion of --interface"
[ "$(offered braid set --service h)" = handover ] || fail "completion of set --service"
[ "$(offered braid run --service a)" = aggregate ] || fail "completion of run --service"
[ "$(offered braid run --method p)" = preload ] || fail "completion of --method"
[[ " $(offered braid run -v bas) " == *" bash "* ]] || fail "completion of a command to run"
[ "$(offered braid help c)" = "check cat" ] || fail "completion of help"

if command -v mandoc >/dev/null; then
	for page in "$source"/docs/man/braid*.[158]; do
		out=$(mandoc -Tlint -W warning "$page") || fail "$page: $out"
	done
fi

finish "help, man pages and completion agree"
