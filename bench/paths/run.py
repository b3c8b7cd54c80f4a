#!/usr/bin/env python3
"""braidd against the kernel's path manager alone: every measurement of `paths`, interleaved.

    run.py [--only NAME,...] [--runs N] [--quick] [--json FILE] [--braidd PROGRAM | --kernel-only]

Run i of a measurement has the same seed with braidd and without. See README.md for what is measured.
"""
import argparse
import fnmatch
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from statistics import median

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIDES = ("braidd", "kernel")
LIMIT_S = 400  # the program ends itself long before; plus what --seconds asks for


class Metric:
    """One number of a measurement's line, and what it must be with braidd."""

    def __init__(self, key, unit, most=None, least=None, of=None, every=False):
        self.key, self.unit = key, unit
        self.most, self.least = most, least  # the target
        self.of = of                         # the target is times this other number of the line
        self.every = every                   # every run must reach it, not just the median

    @property
    def is_less_better(self):
        return self.least is None

    def bound(self, line):
        limit = self.most if self.is_less_better else self.least
        if limit is None or (self.of and line.get(self.of) is None):
            return None
        return limit * line[self.of] if self.of else limit

    def good(self, value, bound):
        return value <= bound if self.is_less_better else value >= bound

    def target(self):
        limit = self.most if self.is_less_better else self.least
        if limit is None:
            return ""
        text = ("<= " if self.is_less_better else ">= ") + f"{limit:g}"
        return text + (f" x {self.of}" if self.of else "")


def handover(most):
    return [Metric("gap_ms", "ms", most=most), Metric("wwan_before_percent", "%", most=1)]


# name (a pattern): its numbers. The first one stands for the measurement.
METRICS = {
    "handover-*-linkdown": handover(75),
    "handover-*-address": handover(75),
    "handover-up-silent": handover(125),
    "handover-down-silent": handover(175),
    "echo-silent": [Metric("answer_ms", "ms", most=300)],
    "return-*": [Metric("return_s", "s", most=5), Metric("return_gap_ms", "ms", most=100)],
    "false-*": [Metric("changes", "", most=0, every=True), Metric("wwan_percent", "%"),
                Metric("gap_ms", "ms"), Metric("bloat_ms", "ms")],
    "mbb-*": [Metric("resumed", "", least=1, every=True), Metric("resume_s", "s")],
    "interactive-slowfirst": [Metric("p50_ms", "ms", most=1.05, of="alone_p50_ms"),
                              Metric("p99_ms", "ms", most=1.25, of="alone_p99_ms")],
    "interactive-turns-slow": [Metric("fast_again_ms", "ms", most=900)],
    "interactive-loss": [Metric("p99_ms", "ms", most=100),
                         Metric("p50_ms", "ms", most=1.05, of="alone_p50_ms")],
    "aggregate-bad*": [Metric("ratio", "", least=0.97), Metric("mbit", "Mbit/s", least=0)],
    "aggregate-*": [Metric("ratio", "", least=0.95), Metric("mbit", "Mbit/s", least=0)],
    "many": [Metric("all_ms", "ms", most=1000), Metric("half_ms", "ms"),
             Metric("cpu_percent", "%", most=1), Metric("setup_cpu_ms", "ms"), Metric("rss_per_connection", "B"),
             Metric("second_ms", "ms"), Metric("join_s", "s")],
}
QUICK = ["handover-*", "echo-silent", "return-down", "interactive-*", "aggregate-badloss-down",
         "aggregate-equal-down"]
QUICK_SECONDS = {"aggregate-*": 5, "interactive-*": 8, "false-*": 30}


def by_pattern(table, name):
    for pattern, value in table.items():
        if fnmatch.fnmatchcase(name, pattern):
            return value
    return None


def listed(program):
    out = subprocess.run([program, "--list"], capture_output=True, text=True, check=True, timeout=10)
    return out.stdout.split()


def once(program, name, side, seed, args, singles):
    """One run; a dict, with "ok" false and "why" when it gave no number."""
    argv = [program, name, "--seed", str(seed)]
    if side == "braidd":
        argv += ["--braidd", args.braidd]
        if args.log:
            argv += ["--log", args.log]
    seconds = args.seconds or (by_pattern(QUICK_SECONDS, name) if args.quick else None)
    if seconds and "handover" not in name:
        argv += ["--seconds", str(seconds)]
    if args.congestion:
        argv += ["--congestion", args.congestion]
    if singles:
        argv += ["--singles", ",".join(f"{x:.3f}" for x in singles)]
    limit = LIMIT_S + 5 * (seconds or 0)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-paths.") as folder:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=limit, check=False,
                                  env={**os.environ, "TMPDIR": folder})
    except subprocess.TimeoutExpired:
        return {"ok": False, "why": f"killed after {limit} s", "seed": seed}
    if done.returncode == 77:
        sys.exit(done.stderr.strip())
    try:
        return json.loads(done.stdout)
    except ValueError:
        why = done.stderr.strip().splitlines()
        if done.returncode == -14:
            why = ["hung: ended by its alarm"]
        return {"ok": False, "why": why[-1] if why else f"exit status {done.returncode}", "seed": seed}


def show_run(name, side, line):
    metrics = by_pattern(METRICS, name) or []
    if line["ok"]:
        what = "  ".join(f"{m.key} {line[m.key]:g}" for m in metrics if line.get(m.key) is not None)
    else:
        what = "FAILED: " + line["why"]
    print(f"{name:<26} {side:<7} seed {line.get('seed')}  {what}", flush=True)


def measure(program, name, args):
    """All runs of one measurement. Who is first alternates, so that a slow phase hits both."""
    lines = {side: [] for side in args.sides}
    singles = None
    for run in range(args.runs):
        singles = singles if args.singles_once else None
        order = args.sides if run % 2 == 0 else args.sides[::-1]
        for side in order:
            line = once(program, name, side, args.seed + run, args, singles)
            lines[side].append(line)
            show_run(name, side, line)
            if line["ok"] and "single0_mbit" in line:
                singles = line["single0_mbit"], line["single1_mbit"]
    return lines


def summarize(name, metric, lines):
    """One row of the table; None when no side has the number."""
    row = {"name": name, "metric": metric.key, "unit": metric.unit, "target": metric.target(),
           "failed": {side: sum(not line["ok"] for line in runs) for side, runs in lines.items()}}
    for side, runs in lines.items():
        good = [line for line in runs if line["ok"] and line.get(metric.key) is not None]
        values = [float(line[metric.key]) for line in good]
        if not values:
            continue
        worst = max(values) if metric.is_less_better else min(values)
        row[side] = {"median": median(values), "worst": worst, "n": len(values)}
        bounds = [metric.bound(line) for line in good]
        if side == "braidd" and None not in bounds:
            bound = median(bounds)
            judged = worst if metric.every else median(values)
            row["bound"] = bound
            row["met"] = metric.good(judged, bound) and not row["failed"][side]
            row["worst_met"] = metric.good(worst, bound) and not row["failed"][side]
    if not any(side in row for side in lines) and not any(row["failed"].values()):
        return None
    if "braidd" in row and "kernel" in row and row["kernel"]["median"]:
        row["ratio"] = row["braidd"]["median"] / row["kernel"]["median"]
    if row["failed"].get("braidd"):
        row["met"] = row["worst_met"] = False
    return row


def number(row, side, which):
    return f"{row[side][which]:.4g}" if side in row else "-"


def verdict(row):
    if "met" not in row:
        return ""
    if not row["met"]:
        return "MISSED"
    return "met" if row["worst_met"] else "met (not by the worst)"


def table(rows):
    head = f"{'':<26} {'':<20} {'braidd':>17} {'kernel alone':>17}\n"
    head += (f"{'measurement':<26} {'number':<20} {'median':>8} {'worst':>8} {'median':>8} {'worst':>8} "
             f"{'ratio':>6}  {'target':<24} verdict")
    out = [head, "-" * 140]
    for row in rows:
        what = row["metric"] + (f" [{row['unit']}]" if row["unit"] and "_" not in row["metric"] else "")
        failed = ", ".join(f"{n} {side} failed" for side, n in row["failed"].items() if n)
        out.append(f"{row['name']:<26} {what:<20} {number(row, 'braidd', 'median'):>8} "
                   f"{number(row, 'braidd', 'worst'):>8} {number(row, 'kernel', 'median'):>8} "
                   f"{number(row, 'kernel', 'worst'):>8} "
                   f"{format(row['ratio'], '6.2f') if 'ratio' in row else '     -'}  "
                   f"{row['target']:<24} {verdict(row)}{'  ' + failed if failed else ''}".rstrip())
    return "\n".join(out)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--bin", default=os.path.join(ROOT, "build/gcc/bench/paths"),
                   help="folder of the program `paths`")
    p.add_argument("--braidd", default=os.path.join(ROOT, "build/gcc/src/daemon/braidd"))
    p.add_argument("--kernel-only", action="store_true", help="only the runs without braidd")
    p.add_argument("--braidd-only", action="store_true", help="only the runs with braidd")
    p.add_argument("--only", default="", help="names or patterns, with commas: handover-*,many")
    p.add_argument("--runs", type=int, default=0, help="of each (5; with --quick 2)")
    p.add_argument("--seconds", type=int, default=0, help="length of aggregate, interactive, false")
    p.add_argument("--seed", type=int, default=1, help="of the first run; the others count on")
    p.add_argument("--singles-once", action="store_true",
                   help="aggregate: plain TCP on each path in the first run only; half the time")
    p.add_argument("--congestion", help="instead of cubic; `default` is this machine's")
    p.add_argument("--quick", action="store_true", help="fewer and shorter ones")
    p.add_argument("--json", help="everything, for programs")
    p.add_argument("--log", help="braidd's messages are appended to this file")
    p.add_argument("--strict", action="store_true", help="exit status 3 when a target was missed")
    args = p.parse_args()
    args.runs = args.runs or (2 if args.quick else 5)
    args.sides = ("kernel",) if args.kernel_only else ("braidd",) if args.braidd_only else SIDES
    if "braidd" in args.sides and not os.access(args.braidd, os.X_OK):
        p.error(f"{args.braidd} is not there: build it, name it with --braidd, or say --kernel-only")
    return p, args


def choose(p, args, names):
    patterns = args.only.split(",") if args.only else QUICK if args.quick else ["*"]
    chosen = [n for n in names if any(fnmatch.fnmatchcase(n, x) or n.startswith(x + "-") for x in patterns)]
    if not chosen:
        p.error(f"nothing is called {args.only}; there are: {' '.join(names)}")
    return chosen


def main():
    p, args = arguments()
    program = os.path.join(args.bin, "paths")
    if not os.access(program, os.X_OK):
        p.error(f"{program} is not there: make build")
    rows, runs, start = [], {}, time.monotonic()
    for name in choose(p, args, listed(program)):
        runs[name] = measure(program, name, args)
        for metric in by_pattern(METRICS, name) or []:
            row = summarize(name, metric, runs[name])
            if row:
                rows.append(row)
    congestion = {line["congestion"] for sides in runs.values() for lines in sides.values()
                  for line in lines if "congestion" in line}
    print(f"\nLinux {platform.release()}, {'/'.join(sorted(congestion)) or '?'}, {os.cpu_count()} CPUs, {args.runs} runs each, seeds "
          f"{args.seed} to {args.seed + args.runs - 1}, {time.monotonic() - start:.0f} s\n")
    print(table(rows))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"kernel": platform.release(), "seed": args.seed, "rows": rows, "runs": runs}, f,
                      indent=1)
    if any(not line["ok"] for sides in runs.values() for lines in sides.values() for line in lines):
        return 1
    return 3 if args.strict and any(not row.get("met", True) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
