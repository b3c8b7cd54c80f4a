#!/usr/bin/env python3
"""Benchmarks of libNetwork against raw loops, libuv, libevent, GnuTLS, libwebsockets and node's ws.

Every round measures every implementation in every test, in shuffled order; ratios are taken inside
a round and their median and spread reported. See README.md for what is measured and how.
"""
import argparse
import json
import os
import platform
import random
import resource
import shutil
import sys
import time
from statistics import median, quantiles

sys.dont_write_bytecode = True
from harness import Harness, SampleError  # noqa: E402

UNDER_TEST = "network"
IMPLS = ["network", "raw", "epoll", "uv", "event", "gnutls", "serv", "lws", "node"]
NAMES = {"network": "libNetwork", "network-mq": "libNetwork/mq", "raw": "raw blocking",
         "epoll": "raw epoll", "uv": "libuv", "event": "libevent",
         "gnutls": "bare GnuTLS", "serv": "gnutls-serv", "lws": "libwebsockets", "node": "node ws"}
PROGRAMS = {impl: (f"server_{impl}", f"client_{impl}") for impl in IMPLS}
PROGRAMS["epoll"] = ("server_epoll", "load")
PROGRAMS["network-mq"] = PROGRAMS["network"]
for _impl in ("serv", "lws", "node"):
    PROGRAMS[_impl] = (f"server_{_impl}",)
# who is measured over what, and the fixed other end
MEASURED = {"tcp": ["network", "network-mq", "raw", "epoll", "uv", "event"],
            "tls": ["network", "network-mq", "gnutls", "serv"],
            "ws": ["network", "network-mq", "lws", "node"]}
MEASURED["mptcp"] = MEASURED["tcp"]
FIXED = {"tcp": ("server_epoll", "load"), "mptcp": ("server_epoll", "load"),
         "tls": ("server_gnutls", "client_gnutls"), "ws": (None, "client_ws")}
REFERENCE = {"tls": "gnutls", "ws": "lws"}  # what is measured twice; of the others by kind
OPTIONAL = ("uv", "event", "serv", "lws", "node")
EXTRA = {"network-mq": ["--queues", "0"]}

CONTROL = "control"  # a reference measured a second time: its ratio to itself is the run's noise
NAMES[CONTROL] = "control"

BULK_OF_RAW = 0.97
OF_BETTER_LIBRARY = 1.0
OF_EPOLL = 0.9
BULK_OF_GNUTLS = 0.95
CONNECTS_OF_GNUTLS = 0.9
OF_WS_LIBRARY = 1.0
HANDSHAKES = 8  # at once: gnutls-serv has a backlog of 10, and beyond it a connect waits for a second
WS_MESSAGES = [125, 16384]
IDLE_BYTES = 2048

MOST_CONNS = 20000  # what the programs accept
MOST_STALLED = 0.5  # of the window; such a sample says nothing and is taken again
TRIES = 3
GIVE_UP_AFTER = 2  # failed samples in a row of one implementation in one test


class Cell:
    """One test: what is done, in which role, over which protocol."""

    def __init__(self, kind, mode, role, proto, conns, pin="", message=0):
        self.kind, self.mode, self.role, self.proto, self.conns = kind, mode, role, proto, conns
        self.pin = pin
        self.message = message  # bytes of an echo; 0: as the programs have it
        self.samples = {}  # impl -> {round: sample}
        self.errors = {}   # impl -> [line]

    @property
    def title(self):
        if self.kind == "bulk":
            sends = (self.mode == "sink") == (self.role == "client")
            what = "bulk, sending" if sends else "bulk, receiving"
        else:
            what = {"echo": f"echo, {self.conns} conn", "connect": "connects",
                    "idle": f"idle, {self.conns} conn"}[self.kind]
        if self.proto == "tls" and self.kind == "connect":
            what = "handshakes"
        if self.message:
            what += f" {self.message} B"
        if self.pin:
            what += f" {self.pin}"
        return f"{what:<18} {self.role:<6} {self.proto}"

    @property
    def unit(self):
        return {"bulk": "MB/s", "echo": "/s", "connect": "/s", "idle": "B/conn"}[self.kind]

    def value(self, sample):
        if self.kind == "idle":
            return sample[f"{self.role}_bytes"]
        seconds = sample["window_ns"] / 1e9
        if self.kind == "bulk":
            return sample["bytes"] / 1e6 / (seconds - sample["stalled_ns"] / 1e9)
        return sample["ops"] / seconds

    def cpu(self, sample):
        """ns of CPU per operation; per KiB in bulk."""
        done = sample["bytes"] / 1024 if self.kind == "bulk" else sample["ops"]
        return sample["cpu_ns"] / done if done else 0.0

    def series(self, impl, what):
        return {r: what(s) for r, s in self.samples.get(impl, {}).items()}

    def ratios(self, impl, other, what):
        mine, theirs = self.series(impl, what), self.series(other, what)
        return [mine[r] / theirs[r] for r in sorted(mine) if theirs.get(r)]


def spread(values):
    if not values:
        return None
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"median": median(values), "q1": low, "q3": high, "min": min(values),
            "max": max(values), "n": len(values)}


def pins_of(kind, conns, args):
    """One connection's round trip is mostly the wake-up of a CPU, or of the other thread on the same
    CPU, as the scheduler happens to place them (three times the rate): shown free and both ways."""
    if args.pin:
        return [args.pin]
    return ["", "same", "split"] if kind == "echo" and conns == 1 and os.cpu_count() > 1 else [""]


def shapes_of(proto, args):
    """Kind, mode, connections and message size of each test of a protocol."""
    bulk = [("bulk", "sink", 1, 0), ("bulk", "source", 1, 0)]
    connect = [("connect", "accept", 64, 0)]
    if proto == "tls":
        return bulk + [("connect", "accept", HANDSHAKES, 0)]
    if proto == "ws":
        return [("echo", "echo", n, size) for size in WS_MESSAGES
                for n in args.echo_conns if n <= 64]
    return bulk + [("echo", "echo", n, 0) for n in args.echo_conns] + connect + [
        ("idle", "idle", args.idle, 0)]


def plan(args):
    cells = []
    for proto in args.proto:
        for role in args.role:
            if proto == "ws" and role == "client":
                continue  # a raw client drives both servers
            for kind, mode, n, message in shapes_of(proto, args):
                if kind in args.only:
                    cells += [Cell(kind, mode, role, proto, n, pin, message)
                              for pin in pins_of(kind, n, args)]
    return cells


def control_of(cell):
    if cell.proto in REFERENCE:
        return REFERENCE[cell.proto]
    return "raw" if cell.kind == "bulk" else "epoll"


def can(cell, impl):
    """Whether an implementation has a program for this. gnutls-serv echoes lines, one after the other."""
    if impl == "serv" and cell.kind != "connect":
        return False
    return impl in MEASURED[cell.proto] and len(PROGRAMS[impl]) > (cell.role == "client")


def pair(cell, impl):
    """The two programs of a sample: the one under test against the fixed one of the other role."""
    impl, role = control_of(cell) if impl == CONTROL else impl, cell.role
    server, client = FIXED[cell.proto]
    if role == "server":
        server = PROGRAMS[impl][0]
        size = ["--message", str(cell.message)] if cell.message else []
        return [server, *EXTRA.get(impl, [])], [client, *size]
    client = PROGRAMS[impl][1]
    return [server], [client, *EXTRA.get(impl, [])]


def times_of(cell, args):
    """Warm-up and window in ms. The kernel's MPTCP stalls for 200 ms at a time in bulk, most often in
    the first moments of a connection: a short window would see little else."""
    if cell.kind == "bulk" and cell.proto == "mptcp":
        return args.warm_ms * 5, args.ms * 3
    if cell.proto == "tls" and cell.kind == "connect":
        return args.warm_ms, args.ms * 2
    return args.warm_ms, args.ms


def take(harness, cell, impl, args, label):
    """One sample that means something: tried again when the kernel stalled through it."""
    server, client = pair(cell, impl)
    best = None
    for attempt in range(TRIES):
        try:
            sample = harness.sample(server, client, cell.role, cell.mode, cell.proto, cell.conns,
                                    *times_of(cell, args), label, cell.pin)
        except SampleError as error:
            if "nothing moved" not in str(error) or (attempt + 1 == TRIES and not best):
                raise
            continue
        sample["tries"] = attempt + 1
        if not best or sample["stalled_ns"] < best["stalled_ns"]:
            best = sample
        if best["stalled_ns"] <= MOST_STALLED * best["window_ns"]:
            break
    return best


def run_cell(harness, cell, impls, args, rnd, cache):
    order = list(impls)
    random.shuffle(order)
    for impl in order:
        measured = control_of(cell) if impl == CONTROL else impl
        if not can(cell, measured) or (
                len(cell.errors.get(impl, [])) >= GIVE_UP_AFTER) or (
                impl == CONTROL and (cell.kind == "idle" or control_of(cell) not in impls)):
            continue
        server, client = pair(cell, impl)
        key = (tuple(server), tuple(client), cell.mode, cell.proto, cell.conns, cell.pin,
               impl == CONTROL)
        label = f"{cell.title}-{impl}-{rnd}".replace(", ", "-").replace(" ", "_")
        try:
            # raw epoll in the server role and in the client role are the same two programs
            if key not in cache:
                cache[key] = take(harness, cell, impl, args, label)
            cell.samples.setdefault(impl, {})[rnd] = cache[key]
            cell.errors.pop(impl, None)
        except SampleError as error:
            cell.errors.setdefault(impl, []).append(str(error))
            print(f"failed: {cell.title}, {NAMES[impl]}: {error}", file=sys.stderr)


def cached_cpu(cell, impl):
    """The shared epoll sample carries the server's CPU; as a client it is the other end's."""
    if impl not in ("epoll", "gnutls", CONTROL):
        return cell.cpu
    which = "self_cpu_ns" if cell.role == "client" else "peer_cpu_ns"
    return lambda s: cell.cpu({**s, "cpu_ns": s[which]})


def measure(harness, cells, impls, args):
    started = time.monotonic()
    for rnd in range(args.rounds):
        if rnd and (time.monotonic() - started) * (rnd + 1) / rnd > args.budget:
            print(f"stopped after {rnd} of {args.rounds} rounds: --budget", file=sys.stderr)
            break
        todo = [c for c in cells if c.kind != "idle" or rnd < args.idle_rounds]
        random.shuffle(todo)
        cache = {}
        for number, cell in enumerate(todo):
            if sys.stderr.isatty():
                print(f"\rround {rnd + 1}/{args.rounds}, test {number + 1}/{len(todo)} ",
                      end="", file=sys.stderr)
            run_cell(harness, cell, impls, args, rnd, cache)
    if sys.stderr.isatty():
        print("\r" + " " * 40 + "\r", end="", file=sys.stderr)


def show_number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def show_ratio(values):
    s = spread(values)
    return f"{s['median']:.2f} [{s['q1']:.2f} {s['q3']:.2f}]" if s else "-"


def print_table(title, head, rows):
    widths = [max(len(r[i]) for r in [head] + rows) for i in range(len(head))]
    print(f"\n{title}")
    for row in [head] + rows:
        print("  " + row[0].ljust(widths[0]) + "".join(
            "  " + text.rjust(width) for text, width in zip(row[1:], widths[1:])))


def cell_text(cell, impl, installed):
    if impl not in installed:
        return "not installed" if impl in OPTIONAL else "not built"
    values = spread(list(cell.series(impl, cell.value).values()))
    if not values:
        return "failed" if cell.errors.get(impl) else "-"
    return f"{show_number(values['median'])} ({show_number(values['q1'])}-{show_number(values['q3'])})"


def noise(cell, what):
    """The control's ratios to its twin: what this run makes of no difference at all."""
    twin = control_of(cell)
    mine, theirs = cell.series(CONTROL, what(CONTROL)), cell.series(twin, what(twin))
    return [mine[r] / theirs[r] for r in sorted(mine) if theirs.get(r)]


def ratio_rows(cells, impls, what):
    rows = []
    for cell in cells:
        if cell.kind == "idle":
            continue
        mine = cell.series(UNDER_TEST, what(cell)(UNDER_TEST))
        row = [cell.title]
        for impl in impls:
            theirs = cell.series(impl, what(cell)(impl))
            row.append(show_ratio([mine[r] / theirs[r] for r in sorted(mine) if theirs.get(r)]))
        rows.append(row + [show_ratio(noise(cell, what(cell)))])
    return rows


def print_results(cells, shown, installed):
    """A table of each kind for every set of implementations that are compared."""
    for title, protos in (("", ("tcp", "mptcp")), ("TLS: ", ("tls",)), ("WebSocket: ", ("ws",))):
        some = [c for c in cells if c.proto in protos]
        if some:
            print_group(title, some, [i for i in shown if i in MEASURED[protos[0]]], installed)


def print_group(title, cells, shown, installed):
    print_table(title + "median (and quartiles)", ["test", "unit"] + [NAMES[i] for i in shown],
                [[c.title, c.unit] + [cell_text(c, i, installed) for i in shown] for c in cells])
    rest = [i for i in shown if i != UNDER_TEST]
    if UNDER_TEST not in shown or UNDER_TEST not in installed:
        print(f"\n{NAMES[UNDER_TEST]} was not measured: no ratios.")
        rest = []
    if not rest and not any(CONTROL in c.samples for c in cells):
        print_stalls(cells, shown)
        return
    head = ["libNetwork /"] + [NAMES[i] for i in rest] + ["control / itself"]
    print_table(title + "ratio of rates, taken inside each round (above 1: libNetwork is better)", head,
                ratio_rows(cells, rest, lambda cell: lambda impl: cell.value))
    print_table(title + "ratio of CPU time per operation or byte (below 1: libNetwork is better)", head,
                ratio_rows(cells, rest, lambda cell: lambda impl: cached_cpu(cell, impl)))
    print_stalls(cells, shown)


def print_stalls(cells, shown):
    rows = []
    for cell in cells:
        shares = {i: [s["stalled_ns"] / s["window_ns"] for s in cell.samples.get(i, {}).values()]
                  for i in shown}
        if cell.kind == "bulk" and any(max(v, default=0) > 0 for v in shares.values()):
            rows.append([cell.title] + [f"{100 * sum(v) / len(v):.0f} %" if v else "-"
                                        for v in shares.values()])
    if rows:
        print_table("Time in stalls of 20 ms or more, left out of the rates above (mean)",
                    ["test"] + [NAMES[i] for i in shown], rows)


def judge(cell, what, ratios, target):
    s = spread(ratios)
    if not s:
        return {"test": cell.title, "what": what, "target": target, "verdict": "not measured"}
    verdict = "met" if s["median"] >= target else "missed"
    if verdict == "missed" and s["q3"] >= target:
        verdict = "missed, within spread"
    return {"test": cell.title, "what": what, "target": target, "verdict": verdict, "ratio": s}


def judge_cell(cell):
    if cell.proto == "tls":
        target = BULK_OF_GNUTLS if cell.kind == "bulk" else CONNECTS_OF_GNUTLS
        others = [(i, target) for i in ("gnutls", "serv") if can(cell, i)]
    elif cell.proto == "ws":
        others = [(i, OF_WS_LIBRARY) for i in ("lws", "node")]
    else:
        others = []
    if others:
        return [judge(cell, "of " + NAMES[i], cell.ratios(UNDER_TEST, i, cell.value), target)
                for i, target in others]
    if cell.kind == "bulk":
        return [judge(cell, "of raw blocking", cell.ratios(UNDER_TEST, "raw", cell.value),
                      BULK_OF_RAW)]
    if cell.kind == "idle":
        s = spread(list(cell.series(UNDER_TEST, cell.value).values()))
        verdict = "not measured" if not s else "met" if s["median"] <= IDLE_BYTES else "missed"
        return [{"test": cell.title, "what": "bytes per connection", "target": IDLE_BYTES,
                 "verdict": verdict, "bytes": s}]
    libraries = [i for i in ("uv", "event") if cell.samples.get(i)]
    better = max(libraries, default="uv",
                 key=lambda i: median(cell.series(i, cell.value).values()))
    return [judge(cell, f"of {NAMES[better]} (the better library)",
                  cell.ratios(UNDER_TEST, better, cell.value), OF_BETTER_LIBRARY),
            judge(cell, "of raw epoll", cell.ratios(UNDER_TEST, "epoll", cell.value), OF_EPOLL)]


def print_verdicts(verdicts):
    print("\nTargets")
    for v in verdicts:
        if v["what"] == "bytes per connection":
            got = f"{v['bytes']['median']:.0f} <= {v['target']}" if v.get("bytes") else "-"
        else:
            got = f"{v['ratio']['median']:.2f} >= {v['target']:.2f}" if v.get("ratio") else "-"
        print(f"  {v['verdict']:<22} {v['test']:<32} {got:<14} {v['what']}")
    counts = {}
    for v in verdicts:
        counts[v["verdict"]] = counts.get(v["verdict"], 0) + 1
    print("  " + ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())))


def to_json(cells, shown, verdicts, args, seconds):
    tests = []
    for c in cells:
        impls = {}
        for i in shown:
            samples = c.samples.get(i, {})
            impls[i] = {
                "value": spread(list(c.series(i, c.value).values())),
                "cpu_ns_per_op": spread(list(c.series(i, cached_cpu(c, i)).values())),
                "ratio": None if i == UNDER_TEST else
                spread(c.ratios(UNDER_TEST, i, c.value)),
                "samples": [{"round": r, **s} for r, s in sorted(samples.items())],
                "errors": c.errors.get(i, [])}
        noises = spread(noise(c, lambda impl: c.value))
        tests.append({"test": c.kind, "mode": c.mode, "role": c.role, "proto": c.proto,
                      "conns": c.conns, "pin": c.pin, "message": c.message or 64, "unit": c.unit,
                      "cpu_unit": "ns per KiB" if c.kind == "bulk" else "ns per operation",
                      "control_ratio": noises, "impls": impls})
    return {"kernel": platform.release(), "cpus": os.cpu_count(), "seconds": round(seconds, 1),
            "settings": {k: v for k, v in vars(args).items() if k not in ("json", "bin")},
            "tests": tests, "targets": verdicts}


def fit_idle(args):
    """10,000 connections need as many descriptors in each process."""
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100
    if args.idle > room:
        print(f"idle: {room} connections, as RLIMIT_NOFILE allows no more", file=sys.stderr)
        args.idle = room


def positive(text):
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError("out of range")
    return value


def count(most):
    def convert(text):
        value = int(text)
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"not between 1 and {most}")
        return value
    return convert


def counts(text):
    return [count(MOST_CONNS)(n) for n in text.split(",")]


def words(choices):
    def convert(text):
        chosen = text.split(",")
        wrong = [w for w in chosen if w not in choices]
        if wrong:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is not one of {','.join(choices)}")
        return chosen
    return convert


def arguments():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--bin", default=here, help="folder of the built programs")
    p.add_argument("--quick", action="store_true", help="about two minutes; coarse")
    p.add_argument("--full", action="store_true", help="about 40 minutes; fine")
    p.add_argument("--rounds", type=count(1000))
    p.add_argument("--seconds", type=positive, help="length of one sample")
    p.add_argument("--budget", type=positive, default=3600, help="start no round that would end later (s)")
    p.add_argument("--only", type=words(["bulk", "echo", "connect", "idle"]),
                   default=["bulk", "echo", "connect", "idle"])
    p.add_argument("--impl", type=words(list(PROGRAMS)), default=IMPLS)
    p.add_argument("--proto", type=words(list(MEASURED)), default=["tcp", "mptcp", "tls", "ws"])
    p.add_argument("--role", type=words(["server", "client"]), default=["server", "client"])
    p.add_argument("--echo-conns", type=counts, default=[1, 64, 1000])
    p.add_argument("--idle", type=count(MOST_CONNS), help="idle connections (10000; 2000 with --quick)")
    p.add_argument("--idle-rounds", type=count(1000))
    p.add_argument("--no-control", action="store_true", help="do not measure a reference twice")
    p.add_argument("--pin", choices=["same", "split"], help="client and server on one CPU, or on two")
    p.add_argument("--perf", metavar="DIR", help="perf record of the program under test, per sample")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the order")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--strict", action="store_true", help="exit 3 when a target is missed")
    args = p.parse_args()
    rounds, seconds, idle, idle_rounds = (
        (3, 0.09, 2000, 1) if args.quick else (9, 1.2, 10000, 3) if args.full else (4, 0.25, 10000, 1))
    args.rounds = args.rounds or rounds
    args.ms = int(1000 * (args.seconds or seconds))
    args.warm_ms = max(30, args.ms // 5)
    args.idle = args.idle or idle
    args.idle_rounds = min(args.idle_rounds or idle_rounds, args.rounds)
    return args


def main():
    args = arguments()
    random.seed(args.seed)
    if args.perf and not shutil.which("perf"):
        sys.exit("run.py: --perf: perf is not installed")
    harness = Harness(os.path.abspath(args.bin), args.perf)
    installed = [i for i in args.impl if all(harness.has(p) for p in PROGRAMS[i])]
    if not harness.has("load") or not installed:
        sys.exit(f"run.py: {args.bin}: no benchmark programs here (build the target bench_programs)")
    if "mptcp" in args.proto and not os.path.exists("/proc/sys/net/mptcp/enabled"):
        print("this kernel has no MPTCP: TCP only", file=sys.stderr)
        args.proto = ["tcp"]
    fit_idle(args)
    cells = plan(args)
    print(f"kernel {platform.release()}, {os.cpu_count()} CPUs, {args.rounds} rounds of {args.ms} ms, "
          f"seed {args.seed}", flush=True)
    started = time.monotonic()
    control = [] if args.no_control or args.quick else [CONTROL]
    measure(harness, cells, installed + control, args)
    seconds = time.monotonic() - started
    print_results(cells, args.impl, installed)
    verdicts = [v for c in cells for v in judge_cell(c)] if UNDER_TEST in installed else []
    if verdicts:
        print_verdicts(verdicts)
    print(f"\n{seconds:.0f} s")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(to_json(cells, args.impl, verdicts, args, seconds), f, indent=1)
    if any(c.errors for c in cells):
        sys.exit(1)
    if args.strict and any(v["verdict"] != "met" for v in verdicts):
        sys.exit(3)


if __name__ == "__main__":
    main()
