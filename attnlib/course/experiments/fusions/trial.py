"""One fusion on one task of the study, with the study's seeds; and what it left of the four."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from attnlib.course.experiments.fusions.fused import Fused, Fusion, check_fusion
from attnlib.course.experiments.store import machine, read, write
from attnlib.course.experiments.study.network import Network
from attnlib.course.experiments.study.results import load
from attnlib.course.experiments.study.run import STEPS
from attnlib.course.experiments.study.settings import MIDDLE
from attnlib.course.experiments.study.tasks import task
from attnlib.course.experiments.training import accuracy, fit
from attnlib.segments import fuse

TASK = "local"  # of the study: here the four fusions are neither alike nor at the ceiling
FOUR = {"add": "middle", "mult": "fusion: mult", "avg": "fusion: avg", "max": "fusion: max"}
SEEDS = range(5)  # those of the study
EXAMPLE = "√C · mult"
STORED = Path(__file__).with_name("results.json")
COMMAND = "python -m attnlib.course.experiments.fusions"


def longer_mult(whole: Tensor, local: Tensor) -> Tensor:
    """The rows of mult times √C: about 1 long, in place of 1/√C."""
    return fuse(whole, local, "mult") * whole.shape[-1] ** 0.5


def run(fusion: Fusion, seed: int) -> float:
    """Train the study's middle with this fusion; the share of held-out labels that it finds."""
    given = task(TASK)
    torch.manual_seed(seed)
    network = Network(MIDDLE, given.train.x.shape[-1], given.classes, per_token=True)
    network.attention = Fused(network.attention, fusion)
    for _ in fit(network, *given.train, STEPS[TASK], seed=seed):
        pass
    return accuracy(network, *given.test)


def runs(fusion: Fusion, tell: Callable[[str], None] = print) -> list[float]:
    """`run` for every seed of the study, about 4 s each, told when done.

    Raises TypeError or ValueError, before anything is trained, for a fusion that could not be
    compared; see `check_fusion`.
    """
    check_fusion(fusion)
    found = []
    for seed in SEEDS:
        found.append(round(run(fusion, seed), 5))
        tell(f"seed {seed}: {found[-1]:.1%}")
    return found


def stored(path: Path = STORED) -> dict[str, list[float]]:
    """Fusion -> accuracy of every seed: the study's four, and `longer_mult`."""
    found = {name: _of_study(setting) for name, setting in FOUR.items()}
    example = read(path, lambda kept: [run["accuracy"] for run in kept["runs"]], COMMAND)
    return found | {EXAMPLE: example}


def _of_study(setting):
    accuracies = {
        each["seed"]: each["accuracy"]
        for each in load().runs
        if (each["task"], each["setting"]) == (TASK, setting)
    }
    return [accuracies[seed] for seed in SEEDS]


def main(path: Path = STORED) -> None:
    """Train the example, and store its runs with what they were measured on."""
    torch.set_num_threads(1)
    kept = [
        {"seed": seed, "accuracy": share}
        for seed, share in zip(SEEDS, runs(longer_mult), strict=True)
    ]
    head = {
        "machine": machine(),
        "fusion": EXAMPLE,
        "task": TASK,
        "steps": STEPS[TASK],
    }
    write(path, head, kept)
