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
	-*) _braid_words "$cur" "--help --json --listen --timeout --tls" ;;
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
	--cert | --key | --ca)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--proxy)
		_braid_words "$cur" "socks5:// http://"
		return
		;;
	-w | --timeout | -q | --quit | -s | --source | --alpn | --psk | --server-name) return ;;
	esac
	case $cur in
	-*)
		_braid_words "$cur" "--help --listen --udp --ipv4 --ipv6 --keep --once --verbose --no-input --end-at-once \
			--timeout --quit --service --source --interface --tls --dtls --cert --key --ca --server-name \
			--insecure --alpn --psk --ws --proxy"
		;;
	*) _braid_hosts "$cur" ;;
	esac
}

_braid_daemon()
{
	local command=$1 cur=$2 prev=$3
	case $prev in
	--service)
		_braid_words "$cur" "none handover interactive aggregate"
		return
		;;
	-s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	case $command in
	set) _braid_words "$cur" "--help --json --service --socket" ;;
	*) _braid_words "$cur" "--help --json --socket" ;;
	esac
}

# the first word that is a COMMAND, and what comes after it, is completed as a command line is
_braid_run()
{
	local cur=$1 prev=$2 i word
	for ((i = 2; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--service | --method) ((i++)) ;;
		-*) [[ $word != -- ]] || break ;;
		*)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
			;;
		esac
	done
	case $prev in
	--service) _braid_words "$cur" "none handover interactive aggregate" ;;
	--method) _braid_words "$cur" "auto preload seccomp" ;;
	*)
		if [[ $cur == -* && $prev != -- ]]; then
			_braid_words "$cur" "--help --method --service --verbose"
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		;;
	esac
}

_braid_enable()
{
	local cur=$1 prev=$2
	case $prev in
	--service)
		_braid_words "$cur" "none handover interactive aggregate"
		return
		;;
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	esac
	case $cur in
	-*)
		if [[ ${COMP_WORDS[1]} == enable ]]; then
			_braid_words "$cur" "--help --root --runtime --service"
		else
			_braid_words "$cur" "--help --root"
		fi
		;;
	*) _braid_words "$cur" "$(systemctl list-unit-files --type=service --no-legend 2>/dev/null | awk '{ print $1 }')" ;;
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
	local cur=$1 prev=$2 word
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
	case $prev in
	--side)
		_braid_words "$cur" "client server"
		return
		;;
	--lab | --seed) return ;;
	-s | --server)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
		;;
	esac
	case $cur in
	-*) _braid_words "$cur" "--help --json --lab --quiet --report --seed --server --side" ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	esac
}

_braid()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_braid_words "$cur" "check cat run status paths set monitor enable disable lab help --help --version"
		return
	fi
	case ${COMP_WORDS[1]} in
	check) _braid_check "$cur" "$prev" ;;
	cat) _braid_cat "$cur" "$prev" ;;
	status | paths | set) _braid_daemon "${COMP_WORDS[1]}" "$cur" "$prev" ;;
	monitor) _braid_monitor "$cur" "$prev" ;;
	run) _braid_run "$cur" "$prev" ;;
	enable | disable) _braid_enable "$cur" "$prev" ;;
	lab) _braid_lab "$cur" "$prev" ;;
	help) ((COMP_CWORD == 2)) && _braid_words "$cur" "check cat run status paths set monitor enable disable lab" ;;
	esac
}

complete -o default -F _braid braid
