"""One fusion on one task of the study, seed by seed as the study has trained its four."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from attnlib.course.experiments.fusions.fused import Fused, Fusion, check_fusion
from attnlib.course.experiments.store import machine, read, write
from attnlib.course.experiments.study.design import Cell, base, satellite
from attnlib.course.experiments.study.jobs import AT_ONCE
from attnlib.course.experiments.study.results import accuracies, load, rates
from attnlib.course.experiments.study.run import network, shares
from attnlib.course.experiments.study.tasks import TASKS
from attnlib.course.language import say
from attnlib.segments import fuse

START = "Xavier √2"
CELL = Cell("local", base(START))  # here the four are neither alike nor at the ceiling
FOUR = {
    "add": CELL,
    **{name: Cell(CELL.task, satellite(name, START)) for name in ("mult", "avg", "max")},
}
SEEDS = range(20)  # the study has more of some
EXAMPLE = "√C · mult"
STORED = Path(__file__).with_name("results.json")
COMMAND = "python -m attnlib.course.experiments.fusions"


def longer_mult(whole: Tensor, local: Tensor) -> Tensor:
    """The rows of mult times √C: about 1 long, in place of 1/√C."""
    return fuse(whole, local, "mult") * whole.shape[-1] ** 0.5


def run(fusion: Fusion, seeds: Sequence[int]) -> list[float]:
    """Train the study's base with this fusion, seeds side by side; the share that each finds."""
    networks = [network(CELL, seed) for seed in seeds]
    return shares(Fused(networks, fusion), CELL, seeds, rates(load())[CELL])


def runs(
    fusion: Fusion, seeds: Sequence[int] = SEEDS, tell: Callable[[str], None] = print
) -> list[float]:
    """`run` for five seeds at once, told when they are done.

    Raises TypeError or ValueError, before anything is trained, for a fusion that could not be
    compared; see `check_fusion`.
    """
    check_fusion(fusion)
    found = []
    for first in range(0, len(seeds), AT_ONCE["cpu"]):
        some = seeds[first : first + AT_ONCE["cpu"]]
        found += [round(share, 6) for share in run(fusion, some)]
        for seed, share in zip(some, found[first:], strict=True):
            tell(say("seed {seed}: {share:.1%}", seed=seed, share=share))
    return found


def stored(seeds: Sequence[int] = SEEDS, path: Path = STORED) -> dict[str, list[float]]:
    """Fusion -> the share that each seed finds: the study's four, and `longer_mult`.

    Raises ValueError for seeds that are not stored, or fewer than two.
    """
    _check_seeds(seeds)
    points = accuracies(load())
    found = {name: [points[cell][seed] / 100 for seed in seeds] for name, cell in FOUR.items()}
    example = read(
        path, lambda kept: {each["seed"]: each["share"] for each in kept["runs"]}, COMMAND
    )
    return found | {EXAMPLE: [example[seed] for seed in seeds]}


def _check_seeds(seeds):
    known = isinstance(seeds, Sequence) and set(seeds) <= set(SEEDS)
    if not known or not 2 <= len(set(seeds)) == len(seeds):
        raise ValueError(
            f"seeds must be two or more of 0 to {SEEDS[-1]}, as range(5, 20), got {seeds!r}"
        )


def main(path: Path = STORED) -> None:
    """Train the example, and store its runs with what they were measured on."""
    torch.set_num_threads(1)
    kept = [
        {"seed": seed, "share": share} for seed, share in zip(SEEDS, runs(longer_mult), strict=True)
    ]
    head = {
        "machine": machine(),
        "fusion": EXAMPLE,
        "cell": str(CELL),
        "steps": TASKS[CELL.task].steps,
        "rate": rates(load())[CELL],
    }
    write(path, head, kept)
