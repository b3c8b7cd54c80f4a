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
			grep -qE '^Name:[[:space:]]*braid(-demo|-lab|d)' "$p/status" 2>/dev/null; then
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
refuses --seconds 3
refuses --seconds 31
refuses --only nothing
refuses --braidd "$work/none"
refuses --output "$work/none/x.svg"
timeout 10 "$demo" --help | grep -q '^usage: braid-demo' || wrong "--help"
nothing_left "wrong usage"

# --- two paths ---
timeout 100 "$demo" --size 16 --seconds 4 --output "$work/demo.svg" >"$work/out" 2>"$work/err"
status=$?
cat "$work/out"
if grep -q 'no network in a box' "$work/out"; then
	[ "${BRAID_REQUIRE_ALL:-}" = 1 ] && exit 1
	[ $failures = 0 ] && exit 77
	exit 1
fi
[ $status = 0 ] || wrong "exit status $status: $(cat "$work/err")"
[ "$(wc -l <"$work/out")" -lt 90 ] || wrong "it floods: $(wc -l <"$work/out") lines"
python3 - "$work/out" "$work/demo" <<'PYTHON' || wrong "what it said or drew"
import re, sys
import xml.etree.ElementTree as xml

text = open(sys.argv[1]).read()
ONE, TWO, THREE, END = (p for p in re.split(r"(?m)^(?=\d\. [A-Z]|  +kernel alone +with braidd)", text) if p)
NAMES = "Multipath TCP with braidd", "Multipath TCP, the kernel alone", "Plain TCP"

def runs(part):
    found = re.split(r"(?m)^(?=%s)" % "|".join(NAMES), part)[1:]
    assert [f.startswith(n) for f, n in zip(found, NAMES)].count(False) == 0, part
    return found

def sent(part, path):
    return float(re.search(r"(?m)^  on the wire .*\b%s ([0-9.]+) MB" % path, part).group(1))

def number(part, pattern):
    return float(re.search(pattern, part).group(1))

def managed(braidd, kernel):
    assert re.search(r"multipath +the connection is multipath; .* by braidd$", braidd, re.M), braidd
    assert re.search(r"multipath +the connection is multipath; .* by the kernel$", kernel, re.M), kernel

def cells(what):
    return re.search(r"(?m)^%s.*?  +(\S+(?: \S+)?)  +(\S+(?: \S+)?)$" % what, END).groups()

braidd, kernel, plain = runs(ONE)
managed(braidd, kernel)
for run in braidd, kernel:
    assert "*** half way: wlan is lost" in run
    assert re.search(r"transfer +complete", run) and re.search(r"SHA-256 +equal", run), run
# wlan had its half and wwan the other; with handover wwan had nothing before
assert 7.5 < sent(braidd, "wlan") < 11 and 7 < sent(braidd, "wwan") < 11, braidd
assert sent(kernel, "wlan") > 1 and sent(kernel, "wwan") > 3.5, kernel
assert re.search(r"transfer +failed: not a byte in 6 s", plain), plain
assert sent(plain, "wwan") == 0 and sent(plain, "wlan") > 3
assert cells("pause") == tuple("%d ms" % number(r, r"longest pause +(\d+) ms") for r in (kernel, braidd)), END
assert "Plain TCP when wlan is lost: failed, as it must" in END

braidd, kernel = runs(TWO)
managed(braidd, kernel)
for run in braidd, kernel:
    assert "*** wlan turns slow" in run and "80, all answered" in run, run
# wwan's round trip is 60 ms: braidd has moved there
assert number(braidd, r"afterwards +median (\d+) ms") < 120, braidd
assert re.search(r"fast again +after \d+ ms", braidd), braidd

braidd, kernel, plain = runs(THREE)
managed(braidd, kernel)
for run in braidd, kernel:
    assert number(run, r"throughput +([0-9.]+)") > 20 and sent(run, "wwan") > 2, run
assert number(plain, r"throughput +([0-9.]+)") > 20 and sent(plain, "wwan") == 0, plain

SVG = "{http://www.w3.org/2000/svg}"

def picture(name):
    root = xml.parse(name).getroot()
    assert root.tag == SVG + "svg", root.tag
    return root, " ".join(t.text for t in root.iter(SVG + "text"))

root, words = picture(sys.argv[2] + ".svg")
for what in "with braidd: complete", "kernel alone: complete", "Plain TCP: failed", "wlan lost":
    assert what in words, words
assert len(list(root.iter(SVG + "path"))) == 6
root, words = picture(sys.argv[2] + "-interactive.svg")
assert len(list(root.iter(SVG + "polyline"))) == 2 and len(list(root.iter(SVG + "circle"))) == 160
assert "braidd: median" in words and "the kernel alone: median" in words, words
root, words = picture(sys.argv[2] + "-aggregate.svg")
assert len(list(root.iter(SVG + "polyline"))) == 3 and "braidd: " in words, words
PYTHON
nothing_left "the demo"

# --- a part that cannot be run is told, and is a failure ---
timeout 30 "$demo" --only interactive --seconds 4 --braidd "$(type -P false)" >"$work/out" 2>"$work/err"
status=$?
[ $status = 1 ] || wrong "a braidd that does not start: exit status $status"
grep -q 'failed.*: braidd ended at once' "$work/out" || wrong "no reason: $(cat "$work/out")"
grep -q '^until answers are fast again.* failed$' "$work/out" || wrong "the table: $(cat "$work/out")"
nothing_left "a braidd that does not start"

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
