"""One chunk: several seeds of a cell in, the accuracy of each on its own test draw out."""

import time
from collections.abc import Sequence

import torch

from attnlib.course.experiments.study.design import SETTINGS, Cell, Setting
from attnlib.course.experiments.study.ensemble import Ensemble, accuracies, fit
from attnlib.course.experiments.study.network import Network, count, draw
from attnlib.course.experiments.study.tasks import TASKS


def train(
    cell: Cell, seeds: tuple[int, ...], rate: float, purpose: str, device: str = "cpu"
) -> dict:
    """The chunk, as it is stored, but for the machine."""
    start = time.process_time()
    networks = [network(cell, seed) for seed in seeds]
    found = shares(Ensemble(networks), cell, seeds, rate, device)
    return {
        "task": cell.task,
        "setting": cell.setting,
        "budget": cell.budget,
        "purpose": purpose,
        "rate": rate,
        "seeds": list(seeds),
        "accuracies": [round(share, 6) for share in found],
        "parameters": count(networks[0]),
        "hidden": networks[0].hidden,
        "cpu_seconds": round(time.process_time() - start, 2),
    }


def shares(
    ensemble: Ensemble, cell: Cell, seeds: Sequence[int], rate: float, device: str = "cpu"
) -> list[float]:
    """Train the networks of a cell, one a seed; the share of labels that each finds.

    Examples, their order and first parameters are those of the seed in every cell.
    """
    task = TASKS[cell.task]
    draws = [task.draw(seed) for seed in seeds]
    ensemble = ensemble.to(device)
    train, test = (
        [torch.stack(tensors).to(device) for tensors in zip(*examples, strict=True)]
        for examples in zip(*draws, strict=True)
    )
    with torch.random.fork_rng():
        torch.manual_seed(seeds[0])  # of the dropout
        fit(ensemble, *train, cell.budget * task.steps, seeds=seeds, learning_rate=rate)
    return accuracies(ensemble, *test)


def network(cell: Cell, seed: int) -> Network:
    """The network of a cell, as the seed draws it."""
    return draw(_built(cell.task, SETTINGS[cell.setting]), seed)


def _built(task: str, setting: Setting) -> Network:
    found = TASKS[task]
    hidden = None if setting.like is None else _built(task, SETTINGS[setting.like]).hidden
    return Network(
        setting.dials,
        found.features,
        found.classes,
        found.per_token,
        head_dim=setting.head_dim,
        hidden=hidden,
    )
