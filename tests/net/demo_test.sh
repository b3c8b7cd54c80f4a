#!/bin/bash
# The main job, small: what it says is so, it fails where it must, and it leaves nothing behind.
# usage: demo_test.sh BRAID-DEMO
set -u
demo=$1
work=$(mktemp -d) || exit 1
export TMPDIR=$work/tmp BRAID_DEMO_TEST=$$.$RANDOM
mkdir "$TMPDIR"
failures=0
trap 'rm -rf "$work"' EXIT

wrong()
{
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# processes that have our mark in their environment, but for this shell's own
mine()
{
	local p
	for p in /proc/[0-9]*; do
		[ "${p#/proc/}" = "$$" ] && continue
		if tr '\0' '\n' <"$p/environ" 2>/dev/null | grep -qx "BRAID_DEMO_TEST=$BRAID_DEMO_TEST" &&
			grep -qE '^Name:[[:space:]]*braid-(demo|lab)' "$p/status" 2>/dev/null; then
			echo "${p#/proc/}"
		fi
	done 2>/dev/null
}

# within five seconds: namespaces take a moment to go
nothing_left()
{
	for _ in $(seq 50); do
		[ -z "$(mine)" ] && break
		sleep 0.1
	done
	[ -z "$(mine)" ] || wrong "$1 left processes: $(mine | tr '\n' ' ')"
	[ -z "$(ls -A "$TMPDIR")" ] || wrong "$1 left files: $(ls -A "$TMPDIR")"
}

# --- the loopback way, which every machine can ---
timeout 60 "$demo" --loopback --size 5 >"$work/out" 2>"$work/err"
[ $? = 0 ] || wrong "--loopback: $(cat "$work/err")"
grep -q 'transfer *complete' "$work/out" || wrong "--loopback: the transfer is not complete"
grep -q 'SHA-256 *equal' "$work/out" || wrong "--loopback: no equal SHA-256"
nothing_left --loopback

# --- what is wrong is told in one line ---
refuses()
{
	timeout 10 "$demo" "$@" >"$work/out" 2>"$work/err"
	local status=$?
	[ $status = 2 ] || wrong "$*: exit status $status"
	[ "$(wc -l <"$work/err")" = 1 ] || wrong "$*: said $(cat "$work/err")"
	[ ! -s "$work/out" ] || wrong "$*: something on stdout"
}
refuses --size 0
refuses --size 501
refuses --size -1
refuses --size 4294967297
refuses --size 8x
refuses --size ''
refuses --size
refuses --bogus
refuses 17
refuses --output
refuses --output "$work/none/x.svg"
timeout 10 "$demo" --help | grep -q '^usage: braid-demo' || wrong "--help"
nothing_left "wrong usage"

# --- two paths ---
timeout 100 "$demo" --size 8 --output "$work/demo.svg" >"$work/out" 2>"$work/err"
status=$?
cat "$work/out"
if grep -q 'no network in a box' "$work/out"; then
	[ "${BRAID_REQUIRE_ALL:-}" = 1 ] && exit 1
	[ $failures = 0 ] && exit 77
	exit 1
fi
[ $status = 0 ] || wrong "exit status $status: $(cat "$work/err")"
python3 - "$work/out" "$work/demo.svg" <<'PYTHON' || wrong "what it said or drew"
import re, sys
import xml.etree.ElementTree as xml

text = open(sys.argv[1]).read()
parts = re.split(r"(?m)^(?=Multipath TCP over |Plain TCP over |Multipath TCP: )", text)
multi = next(p for p in parts if p.startswith("Multipath TCP over"))
plain = next(p for p in parts if p.startswith("Plain TCP over"))
end = next(p for p in parts if p.startswith("Multipath TCP: "))

def sent(part, path):
    return float(re.search(r"(?m)^  %s +([0-9.]+) MB$" % path, part).group(1))

assert re.search(r"multipath +the connection is multipath", multi), multi
assert "*** half way: wlan is lost" in multi
assert re.search(r"transfer +complete", multi) and re.search(r"SHA-256 +equal", multi)
# wlan had its half; wwan what was left, and its share before
assert sent(multi, "wlan") > 1 and sent(multi, "wwan") > 1.5, multi
assert sent(multi, "wlan") + sent(multi, "wwan") > 8
assert re.search(r"transfer +failed: not a byte in 6 s", plain), plain
assert sent(plain, "wwan") == 0 and sent(plain, "wlan") > 3
assert re.search(r"every byte arrived, longest pause \d+ ms. Plain TCP: failed, as it must", end), end
root = xml.parse(sys.argv[2]).getroot()
assert root.tag == "{http://www.w3.org/2000/svg}svg", root.tag
words = " ".join(t.text for t in root.iter("{http://www.w3.org/2000/svg}text"))
assert "Multipath TCP: complete" in words and "Plain TCP: failed" in words and "wlan lost" in words
areas = [p for p in root.iter("{http://www.w3.org/2000/svg}path")]
assert len(areas) == 4, len(areas)
PYTHON
nothing_left "the demo"

# --- Ctrl-C, half way ---
"$demo" --size 40 >"$work/out" 2>&1 &
pid=$!
for _ in $(seq 100); do
	grep -q '%' "$work/out" && break
	sleep 0.1
done
grep -q '%' "$work/out" || wrong "no progress in ten seconds"
[ -n "$(mine)" ] || wrong "the look for processes finds none while it runs"
kill -INT $pid
wait $pid
status=$?
[ $status = 130 ] || wrong "after SIGINT: exit status $status"
nothing_left SIGINT

echo "$failures wrong"
[ $failures = 0 ]
