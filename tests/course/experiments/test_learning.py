"""The training loop, and the networks that lesson 10 compares."""

import pytest
import torch
from torch import nn

from attnlib.course import data
from attnlib.course.experiments import learning
from attnlib.course.experiments.learning import locality
from attnlib.course.models.nest import NestClassifier


@pytest.fixture
def network():
    """One whose level 1 is no more nearly symmetric than a trained one."""
    network = learning.small_nest(0).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return network.eval()


@pytest.fixture
def x():
    return torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1)).double()


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
    losses = list(learning.fit(network, x, labels, 150, learning_rate=0.1))
    assert len(losses) == 150
    assert sum(losses[-20:]) < 0.5 * sum(losses[:20])
    assert learning.share_right(network, x, labels) > 0.9
    assert not network.training


def test_nothing_is_trained_before_the_losses_are_read():
    network = Linear()
    before = network.linear.weight.clone()
    losses = learning.fit(network, torch.randn(9, 4), torch.zeros(9, dtype=torch.long), 5)
    assert network.linear.weight.equal(before)
    next(losses)
    assert not network.linear.weight.equal(before)
    assert network.training


def test_the_seed_decides_the_order_of_the_examples():
    x, labels = torch.randn(99, 4), torch.arange(99) % 3

    def losses(seed):
        torch.manual_seed(0)
        return list(learning.fit(Linear(), x, labels, 4, seed=seed))

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_the_share_right_counts_labels():
    network = Linear()
    with torch.no_grad():
        network.linear.weight.copy_(torch.eye(3, 4))
        network.linear.bias.zero_()
    x = torch.eye(4)[[0, 1, 2, 2]]
    assert learning.share_right(network, x, torch.tensor([0, 1, 2, 0])) == 0.75


def test_one_block_has_the_same_parameters_and_lets_every_pixel_see_all(network, x):
    whole = learning.in_one_block(network)
    count = [sum(p.numel() for p in each.parameters()) for each in (network, whole)]
    assert count[0] == count[1]
    assert network(x)[1][0][0].shape == (3, 4, 4, 16, 16)
    assert whole(x)[1][0][0].shape == (3, 1, 4, 64, 64)
    assert whole(x)[1][1][0].shape == (3, 1, 4, 16, 16)


def test_in_one_block_every_pixel_keeps_its_position(network, x):
    """Without attention nothing is cut, so both networks must be the same function."""
    whole = learning.in_one_block(network)
    for each in (network, whole):
        attention = each.levels[0].transformer_encoder[0].attn
        nn.init.zeros_(attention.proj.weight)
    torch.testing.assert_close(whole(x)[0], network(x)[0])


def test_one_block_is_another_function_and_the_original_stays(network, x):
    before = network(x)[0]
    assert not torch.allclose(learning.in_one_block(network)(x)[0], before)
    assert network(x)[0].equal(before)


@pytest.mark.parametrize("level", [0, 1])
def test_equal_weights_at_one_level_and_as_before_at_the_other(network, x, level):
    flat = learning.with_equal_weights(network, level)
    weights = flat(x)[1][level][0].weights()
    torch.testing.assert_close(weights, torch.full_like(weights, 1 / 16))
    other = flat(x)[1][1 - level][0].weights()
    assert (other - 1 / 16).abs().max() > 0.01
    if level == 1:
        assert other.equal(network(x)[1][0][0].weights())
    assert (network(x)[1][level][0].weights() - 1 / 16).abs().max() > 0.01  # it was copied


def test_small_is_what_the_digits_need():
    network = NestClassifier(**learning.SMALL)
    pictures, _ = data.digits()
    assert network(pictures[:2, None])[0].shape == (2, 10)


def test_the_seed_decides_the_parameters():
    one, same, other = (learning.small_nest(seed).head.weight for seed in (0, 0, 1))
    assert one.equal(same)
    assert not one.equal(other)


def test_parameters_start_as_those_of_the_network_do():
    drawn, own = (each.state_dict() for each in (learning.small_nest(0), _new(1)))
    for name, parameter in drawn.items():
        if parameter.dim() == 1:
            assert parameter.equal(own[name]), name
        elif parameter.numel() > 1000:
            torch.testing.assert_close(parameter.std(), own[name].std(), rtol=0.1, atol=0)
            assert not parameter.equal(own[name])


def _new(seed):
    torch.manual_seed(seed)
    return NestClassifier(**learning.SMALL)


def test_the_split_holds_out_the_rest():
    train, held_out = learning.split(1797)
    assert len(train) == 1200
    assert torch.cat([train, held_out]).sort().values.equal(torch.arange(1797))
    assert learning.split(1797)[0].equal(train)
    assert not train.equal(train.sort().values)
    with pytest.raises(ValueError, match=r"^count must be above 1200, got 1200$"):
        learning.split(1200)


def test_every_network_of_the_comparison_is_stored_once():
    runs = learning.stored_runs()
    wanted = {
        (first_level, digits, seed)
        for first_level in locality.FIRST_LEVELS
        for digits in locality.TRAINED_ON
        for seed in range(locality.SEEDS)
    }
    assert len(runs) == len(wanted)
    assert {(run.first_level, run.digits, run.seed) for run in runs} == wanted
    assert all(0.7 < run.right < 1 for run in runs)


@pytest.mark.parametrize("first_level", locality.FIRST_LEVELS)
def test_a_run_trains_the_network_that_it_names(monkeypatch, first_level):
    shapes, lengths = [], []

    def fit(network, x, labels, steps, *, seed):
        shapes.append(tuple(network(x[:1])[1][0][0].shape))
        lengths.append((len(x), len(labels), steps, seed))
        return learning.fit(network, x, labels, 2, seed=seed)

    monkeypatch.setattr(locality, "fit", fit)
    run = locality.run(first_level, 120, 7)
    assert shapes == [(1, 4, 4, 16, 16) if first_level == "4 blocks" else (1, 1, 4, 64, 64)]
    assert lengths == [(120, 120, locality.STEPS, 7)]
    assert run[:3] == (first_level, 120, 7)
    assert 0 < run.right < 0.5  # after two steps


def test_another_first_level_is_refused():
    with pytest.raises(ValueError, match=r"^first_level must be one of .*, got '2 blocks'$"):
        locality.run("2 blocks", 120, 0)


def test_what_is_stored_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr(locality, "SEEDS", 2)
    monkeypatch.setattr(locality, "run", lambda *case: locality.Run(*case, right=0.5))
    locality.main(tmp_path / "results.json")
    runs = learning.stored_runs(tmp_path / "results.json")
    assert len(runs) == 8
    assert runs[0] == locality.Run("4 blocks", 1200, 0, 0.5)
