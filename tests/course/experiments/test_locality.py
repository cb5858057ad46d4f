"""A small NesT with or without blocks: the networks, their comparison, what is stored of it."""

import pytest
import torch
from torch import nn

from attnlib.course import data
from attnlib.course.experiments import locality
from attnlib.course.experiments.training import fit
from attnlib.course.models.nest import NestClassifier


@pytest.fixture
def network():
    """One whose level 1 is no more nearly symmetric than a trained one."""
    network = locality.small_nest(0).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return network.eval()


@pytest.fixture
def x():
    return torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1)).double()


def test_one_block_has_the_same_parameters_and_lets_every_pixel_see_all(network, x):
    whole = locality.in_one_block(network)
    count = [sum(p.numel() for p in each.parameters()) for each in (network, whole)]
    assert count[0] == count[1]
    assert network(x)[1][0][0].shape == (3, 4, 4, 16, 16)
    assert whole(x)[1][0][0].shape == (3, 1, 4, 64, 64)
    assert whole(x)[1][1][0].shape == (3, 1, 4, 16, 16)


def test_in_one_block_every_pixel_keeps_its_position(network, x):
    """Without attention nothing is cut, so both networks must be the same function."""
    whole = locality.in_one_block(network)
    for each in (network, whole):
        attention = each.levels[0].transformer_encoder[0].attn
        nn.init.zeros_(attention.proj.weight)
    torch.testing.assert_close(whole(x)[0], network(x)[0])


def test_one_block_is_another_function_and_the_original_stays(network, x):
    before = network(x)[0]
    assert not torch.allclose(locality.in_one_block(network)(x)[0], before)
    assert network(x)[0].equal(before)


@pytest.mark.parametrize("level", [0, 1])
def test_equal_weights_at_one_level_and_as_before_at_the_other(network, x, level):
    flat = locality.with_equal_weights(network, level)
    weights = flat(x)[1][level][0].weights()
    torch.testing.assert_close(weights, torch.full_like(weights, 1 / 16))
    other = flat(x)[1][1 - level][0].weights()
    assert (other - 1 / 16).abs().max() > 0.01
    if level == 1:
        assert other.equal(network(x)[1][0][0].weights())
    assert (network(x)[1][level][0].weights() - 1 / 16).abs().max() > 0.01  # it was copied


def test_small_is_what_the_digits_need():
    network = NestClassifier(**locality.SMALL)
    pictures, _ = data.digits()
    assert network(pictures[:2, None])[0].shape == (2, 10)


def test_the_seed_decides_the_parameters():
    one, same, other = (locality.small_nest(seed).head.weight for seed in (0, 0, 1))
    assert one.equal(same)
    assert not one.equal(other)


def test_parameters_start_as_those_of_the_network_do():
    drawn, original = (each.state_dict() for each in (locality.small_nest(0), _new(1)))
    for name, parameter in drawn.items():
        if parameter.dim() == 1:
            assert parameter.equal(original[name]), name
        elif parameter.numel() > 1000:
            torch.testing.assert_close(parameter.std(), original[name].std(), rtol=0.1, atol=0)
            assert not parameter.equal(original[name])


def _new(seed):
    torch.manual_seed(seed)
    return NestClassifier(**locality.SMALL)


def test_the_split_holds_out_the_rest():
    train, held_out = locality.split(1797)
    assert len(train) == 1200
    assert torch.cat([train, held_out]).sort().values.equal(torch.arange(1797))
    assert locality.split(1797)[0].equal(train)
    assert not train.equal(train.sort().values)
    with pytest.raises(ValueError, match=r"^count must be above 1200, got 1200$"):
        locality.split(1200)


def test_every_network_of_the_comparison_is_stored_once():
    runs = locality.stored_runs()
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

    def two_steps(network, x, labels, steps, *, seed):
        shapes.append(tuple(network(x[:1])[1][0][0].shape))
        lengths.append((len(x), len(labels), steps, seed))
        return fit(network, x, labels, 2, seed=seed)

    monkeypatch.setattr(locality, "fit", two_steps)
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
    runs = locality.stored_runs(tmp_path / "results.json")
    assert len(runs) == 8
    assert runs[0] == locality.Run("4 blocks", 1200, 0, 0.5)
