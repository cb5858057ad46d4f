"""The training loop: its batches, its schedule, a classifier trained with it."""

import pytest
import torch
from torch import nn

from attnlib.course.experiments.training import BATCH, accuracy, batches, fit, optimise, rate


class Linear(nn.Module):
    """(…, 4) -> logits (…, 3), as `fit` wants it."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x), None


@pytest.mark.parametrize("shape", [(200, 4), (200, 6, 4)], ids=["a label each", "one a token"])
def test_it_learns_and_tells_the_loss_of_every_step(shape):
    torch.manual_seed(0)
    x = torch.randn(shape)
    labels = x[..., :3].argmax(-1)
    network = Linear()
    losses = list(fit(network, x, labels, 150, learning_rate=0.1))
    assert len(losses) == 150
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])
    assert accuracy(network, x, labels) > 0.9
    assert not network.training


def test_nothing_is_trained_before_the_losses_are_read():
    network = Linear()
    before = network.linear.weight.clone()
    losses = fit(network, torch.randn(9, 4), torch.zeros(9, dtype=torch.long), 5)
    assert network.linear.weight.equal(before)
    next(losses)
    assert not network.linear.weight.equal(before)
    assert network.training


def test_the_seed_decides_the_order_of_the_examples():
    x, labels = torch.randn(99, 4), torch.arange(99) % 3

    def losses(seed):
        torch.manual_seed(0)
        return list(fit(Linear(), x, labels, 4, seed=seed))

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_accuracy_is_the_share_that_is_right():
    network = Linear()
    with torch.no_grad():
        network.linear.weight.copy_(torch.eye(3, 4))
        network.linear.bias.zero_()
    x = torch.eye(4)[[0, 1, 2, 2]]
    assert accuracy(network, x, torch.tensor([0, 1, 2, 0])) == 0.75


def test_batches_are_paired_by_seed_and_use_every_example_before_the_next_round():
    once, again = (list(batches(100, 7, seed=4)) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(once, again, strict=True))
    first, second = torch.cat(once[:3]), torch.cat(once[3:6])
    assert len(set(first.tolist())) == len(set(second.tolist())) == 3 * BATCH
    assert not torch.equal(first, second)
    assert not torch.equal(once[0], next(batches(100, 1, seed=5)))


def test_the_rate_warms_up_and_goes_to_zero():
    rates = [rate(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001


def test_a_loss_of_any_kind_is_made_smaller():
    point = nn.Parameter(torch.tensor([3.0, -2.0]))
    losses = list(optimise([point], lambda: point.square().sum(), 200, learning_rate=0.1))
    assert losses[0] == 13
    assert losses[-1] < 0.01
