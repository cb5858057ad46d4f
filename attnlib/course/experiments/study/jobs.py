"""`make study`: every task, setting and seed, side by side on two cores, about 15 minutes.

Each run is stored when it is done. After Ctrl-C the same command goes on where it stopped.
"""

import json
import multiprocessing
import signal
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import islice, product
from pathlib import Path

import torch

from attnlib.course.experiments import training
from attnlib.course.experiments.store import machine
from attnlib.course.experiments.study import network
from attnlib.course.experiments.study.results import AFRESH, STORED, Results, load, save
from attnlib.course.experiments.study.run import STEPS, train
from attnlib.course.experiments.study.settings import SETTINGS
from attnlib.course.experiments.study.tasks import TASKS, task

SEEDS = 5
WORKERS = 2  # processes, of one thread each

Job = tuple[str, str, int]  # task, setting, seed

# Seeds change slowest, so that a study stopped early has complete rounds of all settings.
JOBS = tuple(
    (name, setting, seed) for seed, name, setting in product(range(SEEDS), TASKS, SETTINGS)
)


def study(path: Path = STORED, jobs: tuple[Job, ...] = JOBS, *, afresh: bool = False) -> Results:
    """Do the jobs that are not yet stored in `path`, and store each when it is done.

    Raises ValueError if what is stored was made in another way, or is damaged.
    """
    tqdm = _tqdm()
    begun = Results(machine(WORKERS), hyperparameters(), 0.0, [])
    results = load(path) if path.exists() and not afresh else begun
    done = {(run["task"], run["setting"], run["seed"]) for run in results.runs}
    left = [job for job in jobs if job not in done]
    if results.hyperparameters != begun.hyperparameters:
        raise ValueError(f"{path} was made with other hyperparameters: {AFRESH} replaces it")
    if not left:
        print(f"All {len(jobs)} runs are there. To measure them anew: {AFRESH}")
        return results
    _check_machine(path, results.machine, begun.machine)
    start, before = time.perf_counter(), results.wall_seconds
    for run in tqdm(trained(left), total=len(jobs), initial=len(jobs) - len(left), unit="run"):
        wall = round(before + time.perf_counter() - start, 1)
        results = results._replace(runs=[*results.runs, run], wall_seconds=wall)
        save(results, path)
    return results


def trained(jobs: list[Job]) -> Iterator[dict]:
    """The runs, in the order in which they are done. Ctrl-C leaves only after those in progress."""
    context = multiprocessing.get_context("spawn")  # the same on all systems
    pool = ProcessPoolExecutor(WORKERS, context, initializer=_prepare)
    waiting = iter(jobs)
    try:
        # One job a process and none queued, because the pool finishes every job that it was given.
        running = {pool.submit(train, *job) for job in islice(waiting, WORKERS)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(train, *job) for job in islice(waiting, len(done))}
            yield from (future.result() for future in done)
    finally:
        pool.shutdown()


def hyperparameters() -> dict:
    """All that the accuracies depend on, but for the machine; as JSON gives it back."""
    found = {
        "width": network.WIDTH,
        "heads": network.HEADS,
        "parameters": network.PARAMETERS,
        "steps": dict(STEPS),
        "batch": training.BATCH,
        "learning_rate": training.LEARNING_RATE,
        "weight_decay": training.WEIGHT_DECAY,
        "warm_up": training.WARM_UP,
        "tasks": {name: _facts(name) for name in TASKS},
        "settings": dict(SETTINGS),
    }
    return json.loads(json.dumps(found))


def _facts(name):
    given = task(name)
    return {
        "asks": given.asks,
        "chance": 1 / given.classes,
        "train": list(given.train.x.shape),
        "test": list(given.test.x.shape),
    }


def _check_machine(path, stored, here):
    for field in ("cpu", "torch"):
        if stored[field] != here[field]:
            raise ValueError(
                f"{path} was begun with {field} {stored[field]!r}, and this is {here[field]!r}: "
                f"finish it there, or begin again: {AFRESH}"
            )


def _prepare():
    """In every process: use one thread, and leave Ctrl-C to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _tqdm():
    try:
        from tqdm import tqdm
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'the progress bar needs tqdm: pip install "tqdm>=4.66"', name=error.name
        ) from None
    return tqdm
