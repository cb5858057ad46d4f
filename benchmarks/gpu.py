"""`make gpu`: all that a GPU is wanted for, in one command of at most eight minutes.

    python -m benchmarks.gpu                the tests on CUDA, the benchmarks, the tables
    python -m benchmarks.gpu --rehearse     the same steps, tiny, on a CPU

It asks for PyTorch, Triton, einops, NumPy, pytest and hypothesis, and for nothing else. What it
found stands in results/<machine>.json: rows as they are measured, each step as it ends.
"""

import argparse
import importlib.util
import os
import signal
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.machine import RESULTS, earlier, machine, path_of, rehearsing, store
from benchmarks.run import tables
from benchmarks.steps import Step, in_turn, table

# The core's tests that take the `device` fixture, or are for CUDA alone. What compiles takes
# longest and comes last, should time run out.
CORE = (
    "groups",
    "positions",
    "attention",
    "maps",
    "blocks",
    "segments",
    "golden",
    "memory",
    "benchmarks",
    "compile",
    "flex",
)
# A file that cannot be imported leaves the others alone.
PYTEST = ("pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors")


def main() -> None:
    wanted = arguments()
    if not (wanted.rehearse or torch.cuda.is_available()):
        sys.exit("There is no CUDA device here. make gpu REHEARSE=1 runs the steps on a CPU, tiny.")
    about = rehearsing(machine()) if wanted.rehearse else machine(torch.device("cuda", 0))
    path = path_of(about, wanted.into)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and with it the step
    # Steps are asked by Ctrl-C to stop, which a shell's "&" would have them ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []
    store(path, {"machine": about, "steps": done})  # rows of an earlier run are not this one's
    with tempfile.TemporaryDirectory() as folder:
        for row in in_turn(steps(wanted.rehearse, wanted.into), Path(folder)):
            done.append(row)
            store(path, earlier(path, about) | {"steps": done})  # the step stored its own rows
    print(f"\n{table(done)}\n\n{tables(earlier(path, about))}\n\nstored in {path}")
    sys.exit(any(row["result"] != "done" for row in done))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--rehearse", action="store_true", help="tiny, on the CPU")
    parser.add_argument("--into", type=Path, default=RESULTS, help="folder of the stored file")
    return parser.parse_args()


def steps(rehearse: bool, into: Path) -> list[Step]:
    """What is done, in this order, with the seconds that each step is promised.

    They are those of an H200, 16 cores beside it, and a few more.
    """
    measure = ("benchmarks.run", "--into", str(into.resolve()))
    if rehearse:  # all files of tests are imported, some tests of each kind run
        tests, of_kernels, of_core = PYTEST, ("-k", "half_precision"), ("-k", "test_groups and cpu")
        measure = (*measure, "--rehearse")
        here = {"CUDA_VISIBLE_DEVICES": ""}
        kernels_here = here | {"TRITON_INTERPRET": "1"}
    else:
        tests, of_kernels, of_core = (*PYTEST, "--maxfail=20", *_workers()), (), ("-m", "cuda")
        here = kernels_here = {}
    core = [f"tests/test_{name}.py" for name in CORE]
    return [
        Step("tests of the kernels", 35, (*tests, *of_kernels, "tests/kernels"), kernels_here),
        Step("tests of the core", 145, (*tests, *of_core, *core), here),
        Step("calls", 8, (*measure, "calls"), here),
        Step("module", 22, (*measure, "module"), here),
        Step("blocks", 16, (*measure, "blocks"), here),
        Step("kernels", 98, (*measure, "kernels"), here),
        Step("maps", 80, (*measure, "maps"), here),
        Step("tiles", 55, (*measure, "tiles"), kernels_here),
    ]


def _workers():
    """Several tests at a time, where pytest can: most of their time is the compiler's."""
    if importlib.util.find_spec("xdist") is None:
        return ()
    return ("-n", str(min(8, os.cpu_count())))


if __name__ == "__main__":
    main()
