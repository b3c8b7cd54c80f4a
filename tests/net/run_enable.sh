#!/bin/bash
# `braid enable` and `braid disable` on a made-up root directory. Usage: run_enable.sh BRAID
# shellcheck disable=SC2154 # shell_test.sh sets braid, tmp
source "$(dirname "$0")/shell_test.sh"

# code N ARGUMENT...: exit code of braid
code()
{
	local want=$1 got
	shift
	timeout 10 "$braid" "$@" >out 2>err </dev/null
	got=$?
	[ $got -eq "$want" ] || fail "braid $*: exit code $got, not $want: $(cat out err)"
}

root=$tmp/root
mkdir -p "$root/usr/lib/systemd/system"
touch "$root/usr/lib/systemd/system/web.service" "$root/usr/lib/systemd/system/vpn@.service"

# ---- enabled, twice, with another service, and disabled ----
file=$root/etc/systemd/system/web.service.d/50-braid.conf
code 0 enable --root "$root" web
[ -s err ] && fail "enable: $(cat err)"
[ "$(cat out)" = "$file" ] || fail "enable: said $(cat out)"
[ "$(stat -c %a "$file")" = 644 ] || fail "mode of the file: $(stat -c %a "$file")"
library=$(sed -n 's/^Environment=LD_PRELOAD=//p' "$file")
[[ -e $library && $library == /*/libbraidrun.so ]] || fail "library: $library"
grep -qx '\[Service\]' "$file" || fail "content: $(cat "$file")"
grep -q 'BRAID_SERVICE' "$file" && fail "a service that was not given"
code 0 enable --service aggregate --root "$root" web.service
grep -qx 'Environment=BRAID_SERVICE=aggregate' "$file" || fail "service: $(cat "$file")"
[ "$(find "$root/etc" -type f | wc -l)" -eq 1 ] || fail "more than one file: $(find "$root/etc")"
code 0 disable --root "$root" web
[ -d "$(dirname "$file")" ] && fail "the directory stayed"
code 1 disable --root "$root" web
grep -q 'web.service was not enabled' err || fail "disable twice: $(cat err)"

# ---- what systemd says to the file ----
if command -v systemd-analyze >/dev/null; then
	printf '[Service]\nExecStart=/bin/true\n' >"$root/usr/lib/systemd/system/web.service"
	code 0 enable --root "$root" --service handover web
	systemd-analyze verify --root="$root" web.service >said 2>&1
	grep -q '50-braid' said && fail "systemd: $(cat said)"
	code 0 disable --root "$root" web
fi

# ---- other drop-ins are left alone; instances; until the next boot ----
mkdir -p "$root/etc/systemd/system/vpn@home.service.d"
touch "$root/etc/systemd/system/vpn@home.service.d/mine.conf"
code 0 enable --root "$root" vpn@home
[ -s err ] && fail "an instance of a template: $(cat err)"
code 0 enable --root "$root" --runtime vpn@home
[ -e "$root/run/systemd/system/vpn@home.service.d/50-braid.conf" ] || fail "--runtime"
code 0 disable --root "$root" vpn@home
[ -e "$root/etc/systemd/system/vpn@home.service.d/mine.conf" ] || fail "another drop-in was removed"
[ -z "$(find "$root" -name 50-braid.conf)" ] || fail "still there: $(find "$root" -name 50-braid.conf)"

# ---- not there yet; cannot be written ----
code 0 enable --root "$root" later
grep -q 'no file of later.service yet' err || fail "a unit that does not exist: $(cat err)"
touch "$root/etc/systemd/system/blocked.service.d"
code 1 enable --root "$root" blocked
grep -q 'cannot write' err || fail "a file in the way: $(cat err)"
code 1 disable --root "$root" blocked
code 1 enable --root "$tmp/root/etc/systemd/system/blocked.service.d" web

# ---- who is not root ----
if [ "$(id -u)" -ne 0 ]; then
	code 1 enable web
	grep -q 'this needs root' err || fail "not root: $(cat err)"
elif why=$(unshare -U true 2>&1); then
	# a user namespace without a mapping: nobody
	timeout 10 unshare -U "$braid" enable web >out 2>err && fail "nobody could"
	grep -q 'this needs root' err || fail "not root: $(cat err)"
else
	echo "not tested: without root: $why"
fi

finish "services are enabled and disabled"
