#!/usr/bin/env python3
"""That `paths` and run.py work, and that they notice a braidd that misbehaves. Usage: check.py BIN

Numbers are looked at only as far as no machine can miss them. 77: this machine cannot run a lab.
"""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
# the options it must get, and the life of a daemon; {} is what it does at SIGTERM
FAKE = """#!{python}
import os, signal, socket, sys
def after(word):
    return sys.argv[sys.argv.index(word) + 1]
assert os.path.isdir(after("--state-dir")) and os.path.isfile(after("--config"))
assert after("--default") == "aggregate"
signal.signal(signal.SIGTERM, lambda *_: {at_end})
control = socket.socket(socket.AF_UNIX)
control.bind(after("--socket"))
control.listen()
print("braidd: ready", file=sys.stderr, flush=True)
while True:
    signal.pause()
"""
SHORT = ["aggregate-equal-up", "--seconds", "1", "--singles", "50,50"]


def run(program, *argv, status=0):
    done = subprocess.run([program, *argv], capture_output=True, text=True, timeout=100, check=False)
    if done.returncode == 77:
        print(done.stderr.strip())
        sys.exit(77)
    assert done.returncode == status, f"{argv}: exit {done.returncode}: {done.stdout}{done.stderr}"
    return done


def measured(program, *argv, status=0):
    return json.loads(run(program, *argv, status=status).stdout)


def fake(folder, name, at_end):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as f:
        f.write(FAKE.format(python=sys.executable, at_end=at_end))
    os.chmod(path, 0o700)
    return path


def check_kernel_alone(program):
    line = measured(program, "handover-down-linkdown", "--seed", "7")
    assert line["ok"] and not line["braidd"] and line["seed"] == 7, line
    # the kernel's path manager is not told: at least the other path's 60 ms, and mostly far more
    assert 60 < line["gap_ms"] < 20000, line
    assert line["normal_gap_ms"] < line["gap_ms"], line
    assert line["bytes"] > 2_000_000, line
    assert line["subflows_before"] == "10.10.0.2 10.11.0.2", line


def check_aggregate(program):
    line = measured(program, *SHORT)
    assert 20 < line["mbit"] <= 100 and abs(line["ratio"] - line["mbit"] / 100) < 0.01, line
    assert line["congestion"] == "cubic", line
    line = measured(program, *SHORT, "--congestion", "reno")
    assert line["congestion"] == "reno", line
    line = measured(program, *SHORT, "--congestion", "nonsense", status=1)
    assert not line["ok"] and "nonsense" in line["why"], line


def check_braidd(program, folder):
    line = measured(program, *SHORT, "--braidd", fake(folder, "good", "os._exit(0)"))
    assert line["ok"] and line["braidd"], line
    # without the kernel's endpoints, and with a braidd that does nothing, there is one path
    assert line["subflows_after"] == "10.10.0.2" and line["mbit"] <= 50, line
    for name, at_end, why in (("rude", "os._exit(3)", "ended with 3"),
                              ("deaf", "None", "did not end within 2000 ms")):
        line = measured(program, *SHORT, "--braidd", fake(folder, name, at_end), status=1)
        assert not line["ok"] and why in line["why"], line
    line = measured(program, *SHORT, "--braidd", "/bin/false", status=1)
    assert not line["ok"] and "ended at once" in line["why"], line
    line = measured(program, *SHORT, "--braidd", os.path.join(folder, "none"), status=1)
    assert not line["ok"] and "No such file" in line["why"], line
    left = [n for n in os.listdir(folder) if n.startswith("paths.")]
    assert not left, f"left behind: {left}"


def check_usage(program):
    for argv in ([], ["nothing"], ["many", "--seed", "x"], ["many", "--seconds", "-1"]):
        run(program, *argv, status=2)


def check_runner(program):
    spec = importlib.util.spec_from_file_location("paths_run", os.path.join(HERE, "run.py"))
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    for name in runner.listed(program):
        assert runner.by_pattern(runner.METRICS, name), f"run.py knows no number of {name}"
    metric = runner.by_pattern(runner.METRICS, "handover-up-linkdown")[0]
    good, bad = {"ok": True, "gap_ms": 60}, {"ok": True, "gap_ms": 90}
    for runs, met, worst in (([good, good, bad], True, False), ([good, bad, bad], False, False),
                             ([good, good, {"ok": False}], False, False)):
        row = runner.summarize("x", metric, {"braidd": runs, "kernel": [bad]})
        assert (row["met"], row["worst_met"]) == (met, worst), row
    relative = runner.by_pattern(runner.METRICS, "interactive-slowfirst")[0]
    row = runner.summarize("x", relative, {"braidd": [{"ok": True, "p50_ms": 21, "alone_p50_ms": 20}]})
    assert row["met"], row
    with tempfile.NamedTemporaryFile() as out:
        run(os.path.join(HERE, "run.py"), "--bin", os.path.dirname(program), "--kernel-only", "--runs", "1",
            "--seconds", "1", "--only", "aggregate-equal-up", "--json", out.name)
        result = json.load(out)
        assert result["rows"][0]["kernel"]["n"] == 1, result


def main():
    program = os.path.abspath(sys.argv[1])
    check_usage(program)
    check_kernel_alone(program)
    check_aggregate(program)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = folder
        check_braidd(program, folder)
    del os.environ["TMPDIR"]
    check_runner(program)


if __name__ == "__main__":
    main()
