"""`make gpu` without a GPU: its steps, what it keeps of them, and what it asks of a machine.

The real steps run in `make gpu REHEARSE=1`, which `.ci/run` calls.
"""

import ast
import importlib.util
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmarks import gpu, run, tiles
from benchmarks import steps as stepping
from benchmarks.sizes import SIZES
from benchmarks.steps import ROOT, Step, in_turn, table

TESTS = ROOT / "tests"
with_triton = pytest.mark.skipif(
    not importlib.util.find_spec("triton"), reason="triton has wheels for Linux only"
)
ALLOWED = {"torch", "triton", "einops", "numpy", "pytest", "hypothesis", "attnlib", "benchmarks"}
USED = [
    *(TESTS / f"test_{name}.py" for name in gpu.CORE),
    *(TESTS / "kernels").glob("test_*.py"),
    TESTS / "conftest.py",
    *(ROOT / "benchmarks").glob("*.py"),
]


def python(name, code, share=60.0):
    """A step that runs a line of Python; timeit is a module that does so."""
    return Step(name, share, ("timeit", "-n", "1", "-r", "1", code))


def imported(path):
    """Modules at the top of a file, so that without them none of it could run."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def needed(path, seen):
    """Packages that a file asks for, and those that our own files behind it do."""
    seen.add(path)
    for name in imported(path):
        yield name.split(".")[0]
        place = ROOT.joinpath(*name.split("."))
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.exists() and file not in seen:
                yield from needed(file, seen)


@pytest.mark.parametrize("path", USED, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_asked_for_that_a_bare_machine_lacks(path):
    assert set(needed(path, set())) - set(sys.stdlib_module_names) <= ALLOWED


def asks_for_a_device(path):
    """Whether a test or fixture takes `device`, or is marked as CUDA's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.cuda":
            return True
        if isinstance(node, ast.FunctionDef) and any(a.arg == "device" for a in node.args.args):
            fixture = any("fixture" in ast.unparse(d) for d in node.decorator_list)
            if fixture or node.name.startswith("test_"):
                return True
    return False


def test_no_test_for_cuda_is_forgotten():
    names = {path.stem.removeprefix("test_") for path in TESTS.glob("test_*.py")}
    assert {n for n in names if asks_for_a_device(TESTS / f"test_{n}.py")} == set(gpu.CORE)


@pytest.mark.parametrize("rehearse", [False, True])
def test_all_steps_fit_into_eight_minutes(rehearse):
    shares = [step.share for step in gpu.steps(rehearse, Path("results"))]
    # Besides: Python's start, the last step's grace, and the tables.
    assert sum(shares) + stepping.GRACE + 10 <= 8 * 60


def test_every_part_is_a_step_and_the_tests_come_first():
    names = [step.name for step in gpu.steps(False, Path("results"))]
    measured = [part for part in run.PARTS if part in SIZES["cuda"]]
    assert names == ["tests of the kernels", "tests of the core", *measured]


def test_on_a_gpu_no_test_is_interpreted_and_in_a_rehearsal_no_gpu_is_seen():
    for step in gpu.steps(False, Path("results")):
        assert step.environment == {} and "--rehearse" not in step.command
    for step in gpu.steps(True, Path("results")):
        assert step.environment["CUDA_VISIBLE_DEVICES"] == ""
        assert (step.command[0] == "pytest") != ("--rehearse" in step.command)


def test_tests_run_side_by_side_where_pytest_can(monkeypatch):
    command = lambda: gpu.steps(False, Path("results"))[0].command
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: None)
    assert "-n" not in command()
    monkeypatch.setattr(gpu.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert command()[-3:] == ("-n", "8", "tests/kernels")


def test_a_step_that_fails_is_recorded_and_the_rest_run(tmp_path, capfd):
    steps = [
        python("first", "print('fine')"),
        python("second", "raise ValueError('broken')"),
        python("third", "print('fine too')"),
    ]
    first, second, third = in_turn(steps, tmp_path)
    assert [row["result"] for row in (first, second, third)] == ["done", "failed", "done"]
    assert second["last_lines"][-1] == "ValueError: broken"
    kept = "\n".join(second["last_lines"])
    assert "timeit.py" in kept and sys.base_prefix not in kept  # no path of this machine
    assert "last_lines" not in first
    assert "fine too" in capfd.readouterr().out
    assert "\nsecond: failed\n```\n" in table([first, second, third])


def test_a_step_that_runs_over_is_stopped_with_all_that_it_started(tmp_path, monkeypatch):
    # Its own child holds the other end of a pipe, and does not mind Ctrl-C.
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    os.set_blocking(reading, False)
    idle = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.pause()"
    start = f"subprocess.Popen([sys.executable, '-c', {idle!r}], pass_fds=[{writing}]).wait()"
    monkeypatch.setattr(stepping.subprocess, "Popen", partial(subprocess.Popen, close_fds=False))
    steps = [python("over", f"import subprocess, sys; {start}", 1), python("rest", "pass")]
    over, rest = in_turn(steps, tmp_path)
    os.close(writing)
    assert [over["result"], rest["result"]] == ["ran over", "done"]
    assert os.read(reading, 1) == b""  # the pipe has ended: nobody holds it any more


def test_what_a_step_leaves_of_its_time_is_the_next_ones(tmp_path, monkeypatch):
    ends = []
    monkeypatch.setattr(stepping, "_run", lambda step, end: ends.append(end) or {})
    monkeypatch.setattr(stepping.time, "monotonic", lambda: 1000)
    list(in_turn([python("a", "", 10), python("b", "", 5)], tmp_path))
    assert ends == [1010, 1015]


def test_tests_that_are_stopped_are_counted_as_far_as_they_came(tmp_path):
    lines = ("print('here', flush=True)", "__import__('signal').pause()")
    code = f"def test_a(): pass\ndef test_b(): {'; '.join(lines)}\n"
    (tmp_path / "test_slow.py").write_text(code)
    report = tmp_path / "report.xml"
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", f"--junitxml={report}"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True, process_group=0,
    )  # fmt: skip
    assert any("here" in line for line in child.stdout)
    stepping._stop(child)
    assert stepping.tests_in(report)["passed"] == 1


def test_tests_are_counted_and_those_that_fail_are_named(tmp_path):
    bodies = {"a": "pass", "b": "assert 0", "c": "__import__('pytest').skip('why')"}
    code = "".join(f"def test_{name}(): {body}\n" for name, body in bodies.items())
    (tmp_path / "test_some.py").write_text(code)
    (tmp_path / "test_unreadable.py").write_text("import not_there\n")
    step = Step("tests", 60, (*gpu.PYTEST, f"--rootdir={tmp_path}", str(tmp_path)))
    (row,) = in_turn([step], tmp_path)
    assert (row["result"], row["passed"], row["skipped"]) == ("failed", 1, 1)
    assert sorted(name.split(".")[-1] for name in row["failed"]) == ["test_b", "test_unreadable"]
    assert "| tests | failed |" in table([row]) and "1 passed, 2 failed, 1 skipped" in table([row])


@pytest.fixture
def command(monkeypatch, tmp_path):
    """command(steps) runs the command with these steps; it gives its exit status and the file."""

    def command(steps):
        monkeypatch.setattr(sys, "argv", ["gpu", "--rehearse", "--into", str(tmp_path)])
        monkeypatch.setattr(gpu, "steps", lambda rehearse, into: steps)
        monkeypatch.setattr(gpu.signal, "signal", lambda *_: None)
        # A step's own process must be the same machine, as the name of the file says it.
        monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
        with pytest.raises((SystemExit, KeyboardInterrupt)) as ended:
            gpu.main()
        (path,) = tmp_path.glob("*.json")
        return getattr(ended.value, "code", None), json.loads(path.read_text())

    return command


def test_the_command_fails_where_a_step_does_and_prints_a_table(command, capfd):
    status, found = command([python("a", "pass"), python("b", "raise ValueError")])
    assert status == 1
    assert [row["result"] for row in found["steps"]] == ["done", "failed"]
    assert "| a | done | " in capfd.readouterr().out
    assert command([python("a", "pass")])[0] == 0


def test_what_was_done_before_an_interruption_is_kept(command, monkeypatch, tmp_path):
    rows = f"benchmarks.run --rehearse --into {tmp_path} blocks".split()
    honest = gpu.in_turn

    def interrupted(steps, folder):
        yield from honest(steps, folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu, "in_turn", interrupted)
    status, found = command([Step("blocks", 60, tuple(rows))])
    assert status is None
    assert [row["step"] for row in found["steps"]] == ["blocks"]
    assert len(found["blocks"]) == 2
    # Another run starts with nothing: its figures and its steps belong together.
    assert "blocks" not in command([python("a", "pass")])[1]


def test_what_stops_the_command_stops_its_step_as_by_ctrl_c(tmp_path):
    idle = "print('here', flush=True); __import__('signal').pause()"
    lines = [
        "from benchmarks import gpu, steps; import sys",
        f"command = ('timeit', '-n', '1', '-r', '1', {idle!r})",
        "gpu.steps = lambda *_: [steps.Step('idle', 60, command)]",
        f"sys.argv = ['gpu', '--rehearse', '--into', {str(tmp_path)!r}]",
        "gpu.main()",
    ]
    started = subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a shell's "&" does
    )  # fmt: skip
    assert any("here" in line for line in started.stdout)
    started.terminate()
    assert "KeyboardInterrupt" in started.communicate()[0]
    assert started.returncode == 1


def test_without_a_gpu_it_says_how_to_rehearse(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="no CUDA device here. make gpu REHEARSE=1"):
        gpu.main()


def test_make_passes_on_where_results_go():
    asked = ["make", "--no-print-directory", "-n", "gpu"]
    said = lambda *words: (
        subprocess.run(
            [*asked, *words], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
    )
    assert '-m benchmarks.gpu --into "benchmarks/results"' in said("OUT=benchmarks/results")
    assert '--into "build/rehearsal" --rehearse' in said("REHEARSE=1")
    assert said().startswith("exec ")  # a shell between would not pass on that make is stopped


def launched():
    """The tiles that the kernels would be launched with; it stands for them."""
    from attnlib.kernels import pooling, triton

    q = torch.zeros(1, 1, 64)
    both = triton.tile_sizes(q, q), pooling.tile_sizes(q, q, 100, 100)
    forward, pool = (tuple(sizes[name] for name in tiles.NAMES) for sizes in both)
    return forward if forward == pool else (forward, pool)


@with_triton
def test_candidates_are_launched_and_today_s_comes_first():
    seen = []
    run = lambda: seen.append(launched()) or torch.ones(2)
    usual, today, other = launched(), (64, 32, 8, 2), (32, 32, 4, 2)
    tried = tiles.compared(run, (today, other, today), lambda run: len(seen))
    assert seen == [today, today, other]  # for what is expected, then each once
    assert [each["tiles"] for each in tried] == [list(today), list(other)]
    assert launched() == usual


@with_triton
def test_one_that_differs_or_fails_is_not_timed():
    def run():
        warps = launched()[2]
        if warps == 1:
            raise RuntimeError("out of resource: shared memory\nand more")
        return torch.full((2,), 1e-6 if warps == 8 else 1.1e-6)

    candidates = [(64, 32, warps, 2) for warps in (8, 4, 1)]
    today, wrong, large = tiles.compared(run, tuple(candidates), lambda run: 0.5)
    assert today["seconds"] == 0.5
    assert wrong["seconds"] is None and "not close" in wrong["not_run"]
    assert large["not_run"] == "RuntimeError: out of resource: shared memory"


def test_the_table_names_today_s_and_the_best():
    row = {"kernel": "pool", "dtype": "float32", "head_dim": 64, "not_run": None}
    times = (((64, 32, 8, 2), 3e-3), ((32, 32, 4, 2), 2e-3), ((64, 64, 8, 2), None))
    row["tried"] = [{"tiles": t, "seconds": s, "not_run": None if s else "why"} for t, s in times]
    today, best = "64 × 32, 8, 2 | 3 ms", "32 × 32, 4, 2 | 2 ms"
    expected = f"| pool | float32 | 64 | {today} | {best} | 1.50 × | 2 of 3 |"
    assert tiles.line(row) == expected
    failed = tiles.line(row | {"not_run": "RuntimeError: no", "tried": []})
    assert failed.count("|") == tiles.line(row).count("|") == tiles.HEAD.count("|") // 2
