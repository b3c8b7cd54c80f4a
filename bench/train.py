#!/usr/bin/env python3
"""Runs a build that counts (BRAID_PROFILE=generate), for gcc to know what is often done and what is not.

Usage: train.py DIRECTORY-OF-THE-BENCHMARKS. Short runs of what applications do, on loopback; the
programs write down their counts when they end. Exit code 1: one of them did not run, and why.
"""
import signal
import sys

from harness import Harness, SampleError
from run import FIXED, HANDSHAKES

WARM_MS, WINDOW_MS = 50, 300
# role of libNetwork, mode, protocol, connections, bytes of a message
RUNS = [
    ("server", "echo", "ws", 64, 125),
    ("server", "echo", "ws", 1, 125),
    ("server", "echo", "ws", 64, 16384),
    *((role, mode, "tcp", conns, None) for role in ("server", "client")
      for mode, conns in (("echo", 64), ("echo", 1), ("sink", 1), ("source", 1), ("accept", 1))),
    *((role, mode, "tls", conns, None) for role in ("server", "client")
      for mode, conns in (("sink", 1), ("source", 1), ("accept", HANDSHAKES))),
]


class Patient(Harness):
    """Programs are not killed: a server is asked to end, a client ends by itself."""

    @staticmethod
    def costs(tested, role, result):
        tested.reap(signal.SIGTERM if role == "server" else 0)
        if tested.child.returncode:
            raise SampleError(f"{tested.name} ended with {tested.child.returncode}: {tested.complaint()}")
        return {}


def run(harness, role, mode, proto, conns, message):
    server, client = FIXED[proto]
    if role == "server":
        server = "server_network"
    else:
        client = "client_network"
    size = ["--message", str(message)] if message else []
    label = f"{proto} {mode}, {role}, {conns}"
    try:
        harness.sample([server], [client, *size], role, mode, proto, conns, WARM_MS, WINDOW_MS, label)
    except (SampleError, OSError) as error:
        sys.exit(f"train.py: {label}: {error}")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: train.py DIRECTORY-OF-THE-BENCHMARKS")
    harness = Patient(sys.argv[1])
    for what in RUNS:
        run(harness, *what)
    print(f"trained by {len(RUNS)} runs")


if __name__ == "__main__":
    main()
