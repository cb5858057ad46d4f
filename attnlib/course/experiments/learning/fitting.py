"""One training loop for every network that gives (logits, …): a step, and its loss."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attnlib.course.experiments.study.training import LEARNING_RATE, WEIGHT_DECAY, batches, rate


def fit(
    network: nn.Module,
    x: Tensor,
    labels: Tensor,
    steps: int,
    *,
    seed: int = 0,
    learning_rate: float = LEARNING_RATE,
) -> Iterator[float]:
    """Train the network, and yield the loss of every step; nothing happens until it is read.

    AdamW on batches of 32 examples, all in random order, then all again. The learning rate rises
    over the first tenth of the steps, then falls to 0 as half a cosine. The network is in training
    mode until the last loss was read, and then in eval mode.

    Args:
        network: x -> (logits, anything); logits (B, classes), or (B, L, classes).
        x: the examples, the first axis counts them.
        labels: (n,), or (n, L) where every token has one.
        seed: of the order of the examples.
        learning_rate: the largest.
    """
    optimiser = torch.optim.AdamW(
        network.parameters(), learning_rate, weight_decay=WEIGHT_DECAY, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, steps))
    network.train()
    for chosen in batches(len(x), steps, seed):
        logits, _ = network(x[chosen])
        loss = F.cross_entropy(logits.flatten(0, -2), labels[chosen].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        yield loss.item()
    network.eval()


@torch.inference_mode()
def share_right(network: nn.Module, x: Tensor, labels: Tensor) -> float:
    """The share of labels that the network finds, arguments as in `fit`."""
    return (network(x)[0].argmax(-1) == labels).double().mean().item()
