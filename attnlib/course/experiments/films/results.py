"""What the settings reached, seed by seed, and the scorer that `summarise` takes: both stored.

make scorer        (some minutes; needs the clips and EfficientNet-Lite0)
"""

import hashlib
import time
from pathlib import Path
from typing import NamedTuple

import torch

from attnlib.course.experiments.films.shots import STORED, measure, stored_shots
from attnlib.course.experiments.films.task import best_local
from attnlib.course.experiments.films.training import (
    SEGMENTS,
    SETTINGS,
    STEPS,
    accuracy,
    exam,
    fit,
    new_scorer,
    twin_share,
)
from attnlib.course.experiments.store import machine, read, write
from attnlib.course.models.files import read_state_dict
from attnlib.course.models.scorer import FrameScorer
from attnlib.course.progress_bar import progress_bar

RESULTS = Path(__file__).with_name("results.json")
SCORER = Path(__file__).with_name("scorer.safetensors")
SEEDS = 5
SCORER_SEES, SCORER_STEPS = "both", 3000  # of seed 0
COMMAND = "make scorer"


class Run(NamedTuple):
    """One scorer trained: shares of frames right in films from shots that trained, and others."""

    setting: str
    seed: int
    train: float
    test: float
    twin: float  # `twin_share` in the latter; of "local" that of a branch that is switched off
    cpu_seconds: float


class Results(NamedTuple):
    """Where it was measured, the runs, the bound for "local", and the default scorer's own run."""

    machine: dict
    steps: int
    best_local: float  # `best_local` of the test films
    sha256: str  # of the default scorer's file
    scorer: Run
    runs: list[Run]


def stored_results(path: Path = RESULTS) -> Results:
    """The results that come with attnlib. Raises ValueError if the file is damaged."""
    return read(path, _results, COMMAND)


def _results(contents):
    runs = [Run(**run) for run in contents.pop("runs")]
    return Results(scorer=Run(**contents.pop("scorer")), runs=runs, **contents)


def stored_scorer(path: Path = SCORER) -> FrameScorer:
    """The scorer that `summarise` takes unless it is given another, float32, in eval mode.

    Raises OSError if the file is not the one whose SHA-256 the results state.
    """
    expected = stored_results().sha256
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise OSError(
            f"{path}: its SHA-256 is {found}, expected {expected}: git checkout brings it back, "
            f"{COMMAND} makes it anew"
        )
    scorer = new_scorer(SCORER_SEES, seed=0)
    scorer.load_state_dict({name: each.float() for name, each in read_state_dict(path).items()})
    return scorer


def run(name: str, seed: int, steps: int = STEPS) -> tuple[Run, FrameScorer]:
    """Train and measure one scorer. Raises ValueError for an unknown setting."""
    if name not in SETTINGS:
        raise ValueError(f"name must be one of {tuple(SETTINGS)}, got {name!r}")
    start = time.process_time()
    setting = SETTINGS[name]
    train, test = stored_shots("train").content, stored_shots("test").content
    scorer = new_scorer(setting.sees, seed)
    for _ in fit(scorer, train, seed, steps, setting.time, setting.flips):
        pass
    found = Run(
        name,
        seed,
        round(accuracy(scorer, exam(train), setting.time), 4),
        round(accuracy(scorer, exam(test), setting.time), 4),
        round(twin_share(scorer, exam(test), setting.time), 4),
        round(time.process_time() - start, 1),
    )
    return found, scorer


def main() -> None:
    """Measure the shots, train all settings, then the default scorer; store what came out."""
    from safetensors.torch import save_file

    torch.set_num_threads(1)
    save_file(measure(), STORED)
    jobs = [(name, seed) for seed in range(SEEDS) for name in SETTINGS]
    runs = []
    with progress_bar(len(jobs) + 1, "scorer", "run") as bar:
        for job in jobs:
            runs.append(run(*job)[0])
            bar.update()
        default, scorer = run(SCORER_SEES, seed=0, steps=SCORER_STEPS)
        bar.update()
    save_file({name: each.half() for name, each in scorer.state_dict().items()}, SCORER)
    found = {
        "machine": machine(),
        "steps": STEPS,
        "best_local": round(best_local(exam(stored_shots("test").content), SEGMENTS), 4),
        "sha256": hashlib.sha256(SCORER.read_bytes()).hexdigest(),
        "scorer": default._asdict(),
    }
    write(RESULTS, found, [each._asdict() for each in runs])
