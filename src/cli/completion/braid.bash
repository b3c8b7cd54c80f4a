# Completion of braid(1) for bash. Works with and without the bash-completion package.

_braid_hosts()
{
	local hosts
	hosts=$(getent hosts 2>/dev/null | awk '{ for (i = 2; i <= NF; i++) print $i }')
	mapfile -t COMPREPLY < <(compgen -W "$hosts" -- "$1")
}

_braid_words()
{
	mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1")
}

_braid_check()
{
	local cur=$1 prev=$2
	case $prev in
	-t | --timeout | -l | --listen) return ;;
	esac
	case $cur in
	-*) _braid_words "$cur" "--help --json --listen --timeout" ;;
	*) _braid_hosts "$cur" ;;
	esac
}

_braid_cat()
{
	local cur=$1 prev=$2
	case $prev in
	--service)
		_braid_words "$cur" "none handover interactive aggregate"
		return
		;;
	-i | --interface)
		_braid_words "$cur" "$(ls /sys/class/net 2>/dev/null)"
		return
		;;
	-w | --timeout | -q | --quit | -s | --source) return ;;
	esac
	case $cur in
	-*)
		_braid_words "$cur" "--help --listen --udp --ipv4 --ipv6 --keep --once --verbose --no-input --end-at-once \
			--timeout --quit --service --source --interface"
		;;
	*) _braid_hosts "$cur" ;;
	esac
}

_braid_monitor()
{
	local cur=$1 prev=$2
	case $prev in
	-f | --filter)
		_braid_words "$cur" "$(ls /sys/class/net 2>/dev/null)"
		return
		;;
	-i | --interval | -c | --count) return ;;
	esac
	_braid_words "$cur" "--help --interval --filter --count --once --json --events --prometheus"
}

_braid_lab()
{
	local cur=$1 word
	if ((COMP_CWORD == 2)); then
		_braid_words "$cur" "run shell exec set start stats list scenarios check --help"
		return
	fi
	for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
		if [[ $word == -- ]]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			return
		fi
	done
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_braid()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_braid_words "$cur" "check cat monitor lab help --help --version"
		return
	fi
	case ${COMP_WORDS[1]} in
	check) _braid_check "$cur" "$prev" ;;
	cat) _braid_cat "$cur" "$prev" ;;
	monitor) _braid_monitor "$cur" "$prev" ;;
	lab) _braid_lab "$cur" ;;
	help) ((COMP_CWORD == 2)) && _braid_words "$cur" "check cat monitor lab" ;;
	esac
}

complete -o default -F _braid braid
