"""The training loop of all experiments, and a classifier trained with it."""

import math
from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BATCH = 32
LEARNING_RATE = 3e-3  # at the end of the warm-up
WEIGHT_DECAY = 0.01
WARM_UP = 0.1  # of all steps


def optimise(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[], Tensor],
    steps: int,
    learning_rate: float = LEARNING_RATE,
) -> Iterator[float]:
    """Take `steps` steps of AdamW, and yield the loss of each; `rate` is the schedule.

    Nothing happens until the losses are read.

    Args:
        loss: called once a step; it draws its own batch.
        learning_rate: the largest.
    """
    optimiser = torch.optim.AdamW(parameters, learning_rate, weight_decay=WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, steps))
    for _ in range(steps):
        value = loss()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        yield value.item()


def rate(step: int, steps: int) -> float:
    """A step's learning rate, as a share of the largest: a warm-up, then half a cosine to 0."""
    warm = WARM_UP * steps
    return min(1.0, (step + 1) / warm) * (1 + math.cos(math.pi * step / steps)) / 2


def batches(count: int, steps: int, seed: int) -> Iterator[Tensor]:
    """Indices of the examples of each step: all of them in random order, then all again."""
    generator = torch.Generator().manual_seed(seed)
    waiting = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(waiting) < BATCH:
            waiting = torch.randperm(count, generator=generator)
        yield waiting[:BATCH]
        waiting = waiting[BATCH:]


def fit(
    network: nn.Module,
    x: Tensor,
    labels: Tensor,
    steps: int,
    *,
    seed: int = 0,
    learning_rate: float = LEARNING_RATE,
) -> Iterator[float]:
    """Train a classifier on batches of 32 examples, and yield the loss of every step.

    Nothing happens until the losses are read. The network is in training mode until the last loss
    was read, and then in eval mode.

    Args:
        network: x -> (logits, anything); logits (B, classes), or (B, L, classes).
        x: the examples, the first axis counts them.
        labels: (n,), or (n, L) where every token has one.
        seed: of the order of the examples.
        learning_rate: the largest.
    """
    chosen = batches(len(x), steps, seed)

    def loss():
        batch = next(chosen)
        logits, _ = network(x[batch])
        return F.cross_entropy(logits.flatten(0, -2), labels[batch].flatten())

    network.train()
    yield from optimise(network.parameters(), loss, steps, learning_rate)
    network.eval()


@torch.inference_mode()
def accuracy(network: nn.Module, x: Tensor, labels: Tensor) -> float:
    """The share of labels that the network finds, arguments as in `fit`."""
    return (network(x)[0].argmax(-1) == labels).double().mean().item()
