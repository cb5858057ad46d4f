"""How much a class takes: students at once come in, open a lesson, and run it to its end.

python -m hub.load 1 5 10 30 [--cold] [--into hub/results.json]

For each number a hub of its own is started, on loopback. CPU is what processes have used, not what
a clock shows: other work on the machine does not count. Memory is PSS: what several share is
counted once, each has its part.
"""

import json
import platform
import re
import statistics
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import psutil

from attnlib.course.experiments.store import machine
from hub.places import ROOT
from hub.student import Student, is_up, passwords

LESSON = "00_two_cousins"
RESULTS = ROOT / "hub/results.json"
PACKAGES = ("jupyterhub", "jupyterlab", "ipykernel", "torch")
MIB = 2**20


def load(students: int, is_cold: bool = False) -> dict[str, object]:
    """The class of this size: seconds of each step, memory and CPU, and how many errors.

    Args:
        is_cold: no kernel comes out of the warm process.
    """
    command = [sys.executable, "-m", "hub.tryout", "--students", str(students), "--port", "0"]
    command += ["--cold"] * is_cold
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        try:
            told = "".join(
                iter(run.stdout.readline, "Ctrl-C ends it, and nothing of it is left.\n")
            )
            return _measured(run.pid, told.split("The hub: ")[1].split()[0], passwords(told))
        finally:
            run.terminate()


def _measured(pid, base, known):
    while not is_up(base):
        time.sleep(0.5)
    names = [name for name in known if name != "teacher"]
    whole = psutil.Process(pid)
    before = _cpu(whole)
    ready = threading.Barrier(len(names))
    start = time.monotonic()
    with ThreadPoolExecutor(len(names)) as pool:
        found = [*pool.map(lambda name: _lesson(base, name, known[name], ready), names)]
    wall = time.monotonic() - start
    memory = _memory(whole)
    steps = {
        key: [each[key] for each in found] for key in ("come_in", "spawn", "first_cell", "lesson")
    }
    return {
        "students": len(names),
        "errors": sum(each["errors"] for each in found),
        "wall_s": round(wall, 1),
        "steps_s": {
            key: {"median": round(statistics.median(all_), 2), "worst": round(max(all_), 2)}
            for key, all_ in steps.items()
        },
        "cpu_s_a_student": round((_cpu(whole) - before) / len(names), 1),
        "pss_mib_a_student": {
            kind: round(sum(pss) / len(names)) for kind, pss in memory.items() if kind != "rest"
        },
        "pss_mib_rest": round(sum(memory["rest"])),
    }


def _lesson(base, name, password, ready):
    found, last = {}, time.monotonic()

    def done(step):
        nonlocal last
        now = time.monotonic()
        found[step], last = now - last, now

    ready.wait()
    student = Student(base, name, password)
    done("come_in")
    student.start()
    done("spawn")
    kernel = student.lesson(LESSON)
    first, *rest = student.cells(LESSON)
    states = [kernel.run(first)]
    done("first_cell")
    states += [kernel.run(cell) for cell in rest]
    done("lesson")
    faults = [(number, *state) for number, state in enumerate(states) if state[0] != "ok"]
    for fault in faults:
        print(name, *fault, file=sys.stderr)
    return found | {"errors": len(faults)}


def _all(whole):
    for each in whole.children(recursive=True):
        try:
            yield each, " ".join(each.cmdline())
        except psutil.Error:
            continue


def _cpu(whole):
    """Seconds that all processes inside have used, and those that have ended."""
    times = [each.cpu_times() for each, _ in _all(whole)]
    return sum(
        each.user + each.system + each.children_user + each.children_system for each in times
    )


def _memory(whole):
    """PSS of each process by what it is: MiB."""
    found = {"server": [], "kernel": [], "ask": [], "rest": []}
    for each, line in _all(whole):
        kind = (
            "server" if "singleuser" in line
            else "ask" if "ask.py" in line
            else "kernel" if ("hub.warm" in line or "ipykernel" in line) and each.uids().real
            else "rest"
        )  # fmt: skip
        text = Path(f"/proc/{each.pid}/smaps_rollup").read_text()
        found[kind].append(int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) * 1024 / MIB)
    return found


def _machine():
    return {
        "cpu": machine()["cpu"],
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def main() -> None:
    """Measure each size, and store what came out after each."""
    parser = ArgumentParser("python -m hub.load")
    parser.add_argument("students", nargs="+", type=int)
    parser.add_argument("--cold", action="store_true", help="without the warm process")
    parser.add_argument("--into", type=Path, default=RESULTS)
    asked = parser.parse_args()
    stored = json.loads(asked.into.read_text()) if asked.into.exists() else {"loads": {}}
    stored["machine"], stored["lesson"] = _machine(), LESSON
    for students in asked.students:
        found = load(students, asked.cold)
        stored["loads"][f"{students}{' cold' * asked.cold}"] = found
        asked.into.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(found, indent=1), flush=True)


if __name__ == "__main__":
    main()
