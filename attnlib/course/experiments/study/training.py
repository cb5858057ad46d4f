"""One run: a task, a setting and a seed in, the accuracy on held-out data out.

The optimiser, its schedule, the numbers of steps, the size of the network and the difficulty of
the tasks were chosen once, on the middle alone and with other seeds, before any other setting had
been trained. So they suit the middle: a setting that would want another learning rate, or more
steps, is judged here without them. The steps are few, for the whole study to take minutes: what
is compared is what was learned in that many steps, not what could be learned in the end.
"""

import math
import time
from collections.abc import Iterator
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from attnlib.course.experiments.study.network import Network, count
from attnlib.course.experiments.study.settings import SETTINGS
from attnlib.course.experiments.study.tasks import Examples, task

STEPS = MappingProxyType({"digits": 300, "global": 900, "local": 400, "reverse": 200})
BATCH = 32
LEARNING_RATE = 3e-3  # of AdamW, at the end of the warm-up; from there half a cosine down to 0
WEIGHT_DECAY = 0.01
WARM_UP = 0.1  # of all steps


def train(name: str, setting: str, seed: int) -> dict:
    """The run, as it is stored. For one task and seed the data come in the same order everywhere.

    Raises ValueError for a task or a setting that does not exist, and names those that do.
    """
    start = time.process_time()
    if setting not in SETTINGS:
        raise ValueError(f"setting {setting!r} is unknown: expected one of {tuple(SETTINGS)}")
    given = task(name)
    torch.manual_seed(seed)
    per_token = given.train.labels.dim() == 2
    features = given.train.x.shape[-1]
    network = Network(SETTINGS[setting], features, given.classes, per_token)
    fit(network, given.train, STEPS[name], seed)
    return {
        "task": name,
        "setting": setting,
        "seed": seed,
        "accuracy": round(accuracy(network, given.test), 5),
        "parameters": count(network),
        "hidden": network.hidden,
        "cpu_seconds": round(time.process_time() - start, 2),
    }


def accuracy(network: Network, examples: Examples) -> float:
    """The share of labels that are found."""
    network.eval()
    with torch.inference_mode():
        found = network(examples.x).argmax(-1)
    return (found == examples.labels).float().mean().item()


def rate(step: int, steps: int) -> float:
    """The learning rate of a step, as a share of the largest."""
    warm = WARM_UP * steps
    return min(1.0, (step + 1) / warm) * (1 + math.cos(math.pi * step / steps)) / 2


def batches(n: int, steps: int, seed: int) -> Iterator[Tensor]:
    """Indices of the examples of each step: all of them in random order, then all again."""
    generator = torch.Generator().manual_seed(seed)
    waiting = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(waiting) < BATCH:
            waiting = torch.randperm(n, generator=generator)
        yield waiting[:BATCH]
        waiting = waiting[BATCH:]


def fit(network: Network, examples: Examples, steps: int, seed: int) -> None:
    """Train the network; the seed is that of the order of the examples."""
    optimiser = torch.optim.AdamW(
        network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, steps))
    network.train()
    for chosen in batches(len(examples.x), steps, seed):
        logits = network(examples.x[chosen])
        loss = F.cross_entropy(logits.flatten(0, -2), examples.labels[chosen].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
