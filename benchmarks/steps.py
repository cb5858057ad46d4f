"""Steps, each a process with a limit in time: one that fails or runs over leaves the rest alone."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
GRACE = 5  # seconds between the question to stop, and the end
LINES = 30  # of what a step printed last, kept where it did not go well


class Step(NamedTuple):
    """A module to be run by `python -m`. It may take its share, and what those before it left."""

    name: str
    share: float  # seconds
    command: tuple[str, ...]
    environment: dict[str, str] = {}


def in_turn(steps: list[Step], folder: Path) -> Iterator[dict]:
    """A row a step: its name, its result (done, failed, ran over), seconds, and the tests in it.

    Args:
        steps: pytest's write their reports into `folder`.
    """
    promised = time.monotonic()
    for number, step in enumerate(steps):
        promised += step.share
        report = folder / f"{number}.xml"
        if step.command[0] == "pytest":
            step = step._replace(command=(*step.command, f"--junitxml={report}"))
        yield _run(step, promised) | (tests_in(report) if report.exists() else {})


def _run(step: Step, end: float) -> dict:
    start, last = time.monotonic(), deque(maxlen=LINES)
    print(f"\n== {step.name}, at most {end - start:.0f} s", flush=True)
    child = subprocess.Popen(
        [sys.executable, "-m", *step.command],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTEST_ADDOPTS": ""} | step.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        process_group=0,  # so that all it starts can be stopped with it
    )
    relay = Thread(target=_relay, args=(child.stdout, last), daemon=True)
    relay.start()
    try:
        result = "done" if child.wait(max(0, end - start)) == 0 else "failed"
    except subprocess.TimeoutExpired:
        result = "ran over"
    finally:
        _stop(child)
        relay.join(GRACE)
    row = {"step": step.name, "result": result, "seconds": round(time.monotonic() - start, 1)}
    return row if result == "done" else row | {"last_lines": list(last)}


def _relay(stream, last):
    """Print what comes, and keep the end of it, without the folders of this machine."""
    for line in stream:
        print(line, end="", flush=True)
        for folder in (ROOT, sys.prefix, sys.base_prefix):
            line = line.replace(f"{folder}{os.sep}", "")
        last.append(line.rstrip("\n"))


def _stop(child):
    """As by Ctrl-C first, so that pytest writes its report; then for good, with all it started."""
    for which in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(child.pid, which)
            child.wait(GRACE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def tests_in(report: Path) -> dict:
    """How many tests passed, failed and were skipped, and the names of those that failed."""
    # One that was stopped in its midst has no name.
    cases = [c for c in ElementTree.parse(report).iter("testcase") if c.get("name")]
    bad = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    skipped = sum(c.find("skipped") is not None for c in cases)
    return {
        "passed": len(cases) - len(bad) - skipped,
        "failed": [f"{c.get('classname')}.{c.get('name')}".strip(".") for c in bad],
        "skipped": skipped,
    }


def table(rows: list[dict]) -> str:
    """The steps as Markdown; below it what failed, with the last lines of each step that did."""
    lines = ["| step | result | time | tests |", "|---|---|---|---|"]
    for row in rows:
        tests = _counts(row) if "passed" in row else ""
        lines.append(f"| {row['step']} | {row['result']} | {row['seconds']:.0f} s | {tests} |")
    for row in rows:
        if row["result"] != "done":
            lines += ["", f"{row['step']}: {row['result']}", *row.get("failed", ())]
            lines += ["```", *row["last_lines"], "```"]
    return "\n".join(lines)


def _counts(row):
    return f"{row['passed']} passed, {len(row['failed'])} failed, {row['skipped']} skipped"
