"""`make study`: the cells that contrasts need, several seeds of one at a time.

What is wanted most comes first: the core factorial on "local". Each chunk of seeds is stored when
it is done. After Ctrl-C, or the time that was given, the same command goes on where it stopped.
"""

import multiprocessing
import signal
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import torch

from attnlib.course.experiments.store import machine
from attnlib.course.experiments.study.contrasts import CONTRASTS, Contrast, planned
from attnlib.course.experiments.study.design import Cell
from attnlib.course.experiments.study.results import (
    RATE_SEEDS,
    RATES,
    STORED,
    Results,
    cell_of,
    check_same,
    hyperparameters,
    load,
    rates,
    save,
    settings,
)
from attnlib.course.experiments.study.run import train
from attnlib.course.experiments.study.tasks import TASKS, missing
from attnlib.course.progress_bar import progress_bar

PROCESSES = 2  # of one thread each
AT_ONCE = {"cpu": 5, "cuda": 20}  # seeds of one ensemble

FACTORS = ("scale", "start", "sees", "positions")  # the questions of a factorial


class Job(NamedTuple):
    """Several seeds of one cell. A job for a result waits until the cell's rate is chosen."""

    cell: Cell
    seeds: tuple[int, ...]
    rate: float | None = None  # of a job that helps to choose it


def jobs(contrasts: Iterable[Contrast] = CONTRASTS, at_once: int = AT_ONCE["cpu"]) -> Iterator[Job]:
    """All jobs, in the order in which they are wanted: rates first, then rounds of seeds."""
    for _, group in groupby(sorted(planned(contrasts), key=_not_core), key=_stage):
        cells = list(group)
        for each in cells:
            yield from (Job(each.cell, RATE_SEEDS, rate) for rate in RATES)
        for first in range(0, max(each.seeds for each in cells), at_once):
            for each in cells:
                seeds = tuple(range(first, min(first + at_once, each.seeds)))
                if seeds:
                    yield Job(each.cell, seeds)


def _not_core(each):
    return not each.first.core


def _stage(each):
    """What is trained together: the cells of a factorial; of those round it, a question's."""
    question = None if each.first.question in FACTORS else each.first.question
    return each.first.core, each.cell.task, each.cell.budget, question


def measure(
    path: Path = STORED,
    contrasts: Iterable[Contrast] = CONTRASTS,
    *,
    minutes: float | None = None,
    processes: int = PROCESSES,
    device: str = "cpu",
    afresh: bool = False,
) -> Results:
    """Do the jobs that are not yet stored in `path`, and store each when it is done.

    Args:
        minutes: after them, no job is begun.
        device: "cuda" where there is a GPU; it has time for eight processes or so.
    Raises:
        ValueError: what is stored was made in another way, or is damaged.
    """
    results = load(path) if path.exists() and not afresh else Results({}, {}, [], [])
    if results.runs:
        check_same(results, path)
    here = machine(processes) | ({} if device == "cpu" else {"device": _name(device)})
    machines = results.machines + [here] * (here not in results.machines)
    results = Results(hyperparameters(), settings(), machines, results.runs)
    left = _left(results, jobs(contrasts, AT_ONCE[device]))
    end = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
    with progress_bar(sum(len(job.seeds) for job in left), "study", "network") as bar:
        for run in _trained(left, results, end, processes, device):
            results.runs.append({**run, "machine": machines.index(here)})
            save(results, path)
            bar.update(len(run["seeds"]))
    return results


def _left(results, wanted):
    """What is not stored, without what cannot be done here, which is named."""
    done = set(_stored(results))
    left = []
    for job in wanted:
        seeds = tuple(seed for seed in job.seeds if (job.cell, seed, job.rate) not in done)
        if seeds:
            left.append(job._replace(seeds=seeds))
    for task in TASKS:
        reason = any(job.cell.task == task for job in left) and missing(task)
        if reason:
            print(f"{task} is left out: {reason}")
            left = [job for job in left if job.cell.task != task]
    return left


def _stored(results):
    """(cell, seed, rate, where it helps to choose one), however many seeds went side by side."""
    for run in results.runs:
        rate = run["rate"] if run["purpose"] == "rate" else None
        yield from ((cell_of(run), seed, rate) for seed in run["seeds"])


def _trained(left, results, end, processes, device):
    """The runs, in the order in which they are done. Ctrl-C leaves only after those in progress."""
    context = multiprocessing.get_context("spawn")  # the same on all systems
    pool = ProcessPoolExecutor(processes, context, initializer=_prepare)
    running = set()
    try:
        # One job a process and none queued, because the pool finishes every job that it was given.
        while True:
            while len(running) < processes and time.monotonic() < end:
                job = _next(left, rates(results))
                if job is None:
                    break
                running.add(pool.submit(train, *job, device))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    finally:
        pool.shutdown()


def _next(left, chosen):
    """Take the first job that can be done now: (cell, seeds, rate, purpose)."""
    for place, job in enumerate(left):
        rate = chosen.get(job.cell) if job.rate is None else job.rate
        if rate is not None:
            del left[place]
            return job.cell, job.seeds, rate, "rate" if job.rate else "result"
    return None


def _name(device):
    return torch.cuda.get_device_name(device)


def _prepare():
    """In every process: use one thread, and leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
