"""One sample: a server and a client, run against each other once, within a time limit.

Knows the programs' command line, nothing of statistics or targets.
"""
import json
import os
import select
import signal
import subprocess
import tempfile
import time

GRACE_S = 10  # beyond warm-up and window: connecting, and a machine that is busy
IDLE_LIMIT_S = 40
MPTCP_ACCEPTED = ("MPTcpExt", "MPCapableACKRX")


class SampleError(Exception):
    """A sample that gave no number; the text is one line."""


def netstat(group, name):
    """A counter of the kernel; None where it does not exist."""
    with open("/proc/net/netstat", encoding="ascii") as f:
        lines = [line.split() for line in f]
    for head, values in zip(lines[::2], lines[1::2]):
        if head[0] == group + ":" and name in head:
            return int(values[head.index(name)])
    return None


def anonymous_bytes(pid):
    """Memory of a process that is its own: heap, stacks, written data. No shared file pages."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        for line in f:
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) * 1024
    raise SampleError("smaps_rollup has no line Anonymous")


class Program:
    """A child process whose every wait has a deadline, and that does not outlive its block."""

    def __init__(self, argv, deadline, cpu=None):
        self.name = os.path.basename(argv[0])
        self.deadline = deadline
        self.rest = b""
        self.usage = None
        self.errors = tempfile.TemporaryFile()
        mine = os.sched_getaffinity(0)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})  # inherited by the child
        try:
            self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=self.errors)
        finally:
            os.sched_setaffinity(0, mine)
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reap(signal.SIGKILL)
        self.child.stdin.close()
        self.child.stdout.close()
        self.errors.close()

    def complaint(self):
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return lines[0] if lines else "no message"

    def line(self):
        """The next line of its output."""
        while b"\n" not in self.rest:
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                raise SampleError(f"{self.name}: no answer in time")
            data = os.read(self.child.stdout.fileno(), 65536)
            if not data:
                raise SampleError(f"{self.name} ended: {self.complaint()}")
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def expect(self, word):
        line = self.line()
        if not line.startswith(word):
            raise SampleError(f"{self.name}: said {line!r} where {word!r} was due")
        return line

    def go(self):
        self.child.stdin.write(b"\n")
        self.child.stdin.flush()

    def reap(self, sig):
        """Ends the child; its rusage."""
        if self.usage is None:
            os.kill(self.pid, sig)  # send_signal() would reap it, and lose the rusage
            _, status, self.usage = os.wait4(self.pid, 0)
            self.child.returncode = os.waitstatus_to_exitcode(status)
        return self.usage


class Perf:
    """perf record over the program under test, or nothing where no folder was given."""

    def __init__(self, folder, label, pid):
        self.out = folder and os.path.join(folder, label + ".data")
        self.child = None
        if self.out:
            os.makedirs(folder, exist_ok=True)
            self.child = subprocess.Popen(
                ["perf", "record", "-q", "-g", "-p", str(pid), "-o", self.out],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        if not self.child:
            return
        self.child.send_signal(signal.SIGINT)
        try:
            self.child.wait(10)
            report = subprocess.run(
                ["perf", "report", "--stdio", "--no-children", "-g", "none", "--percent-limit",
                 "0.5", "-i", self.out], capture_output=True, text=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            return
        with open(self.out[:-5] + ".txt", "w", encoding="utf-8") as f:
            f.write(report.stdout or report.stderr)


class Harness:
    def __init__(self, folder, perf=None):
        self.folder = folder
        self.perf = perf

    def path(self, program):
        return os.path.join(self.folder, program)

    def has(self, program):
        return os.access(self.path(program), os.X_OK)

    def sample(self, server, client, role, mode, proto, conns, warm_ms, window_ms, label, pin=""):
        """Runs one pair once. `role` is that of the program under test. Returns a dict.

        pin   "": the scheduler chooses; "same": both programs on CPU 0; "split": one CPU each
        """
        cpus = {"": (None, None), "same": (0, 0), "split": (1, 0)}[pin]
        limit = IDLE_LIMIT_S if mode == "idle" else (warm_ms + window_ms) / 1000 + GRACE_S
        deadline = time.monotonic() + limit
        common = ["--proto", proto, "--mode", mode, "--limit", str(int(limit) + 5)]
        before = netstat(*MPTCP_ACCEPTED)
        with Program([self.path(server[0]), *common, *server[1:]], deadline, cpus[0]) as srv:
            port = srv.expect("port ").split()[1]
            argv = [self.path(client[0]), *common, "--port", port, "--conns", str(conns),
                    "--warm-ms", str(warm_ms), "--ms", str(window_ms), "--peer", str(srv.pid),
                    *client[1:]]
            with Program(argv, deadline, cpus[1]) as cli:
                tested = srv if role == "server" else cli
                perf = Perf(self.perf, label, tested.pid)
                try:
                    result = self.finish(srv, cli, mode, conns)
                finally:
                    perf.close()
                result.update(self.costs(tested, role, result))
        if proto == "mptcp":
            self.check_mptcp(before, 1 if mode == "accept" else conns)
        return result

    @staticmethod
    def finish(srv, cli, mode, conns):
        if mode != "idle":
            result = json.loads(cli.line())
            if not result["complete"]:
                raise SampleError("nothing moved inside the window")
            return result
        cli.expect("start")
        first = anonymous_bytes(srv.pid), anonymous_bytes(cli.pid)
        cli.go()
        cli.expect("ready")
        last = anonymous_bytes(srv.pid), anonymous_bytes(cli.pid)
        cli.go()
        result = json.loads(cli.line())
        result["server_bytes"], result["client_bytes"] = (
            (b - a) / conns for a, b in zip(first, last))
        return result

    @staticmethod
    def costs(tested, role, result):
        """CPU of the program under test: in the window (exact), and over its life (user, system)."""
        usage = tested.reap(signal.SIGTERM)
        cpu_ns = result["peer_cpu_ns" if role == "server" else "self_cpu_ns"]
        return {"cpu_ns": cpu_ns, "user_s": usage.ru_utime, "system_s": usage.ru_stime,
                "waits": usage.ru_nvcsw, "preempted": usage.ru_nivcsw}

    @staticmethod
    def check_mptcp(before, conns):
        after = netstat(*MPTCP_ACCEPTED)
        if before is None or after - before < conns:
            raise SampleError(f"only {0 if before is None else after - before} of {conns} "
                              "connections were multipath")
