"""How far each dial moves the output: against turning them by hand, and every order in turn."""

import math
from itertools import permutations

import pytest
import torch

from attnlib.course.compare import (
    NEST,
    PGLSUM,
    VALUES,
    all_but_one,
    attend,
    dead,
    distance,
    relative_difference,
    repaired,
    sample_parameters,
    sensitivity,
    turned,
    turned_alone,
)

WIDTH = 48
ROUNDING = 1e-12
NOTATION = {"input", "projections", "merge", "key_value_bias"}
NEVER = {"initial", "dropout", "returned"}
SEEDS = (0, 3)


@pytest.fixture
def x():
    return torch.randn(16, WIDTH, dtype=torch.float64)


def by_hand(x, seed, dials, other):
    """The distance with the parameters as they are."""
    outputs = (attend(x, sample_parameters(seed, WIDTH), setting)[0] for setting in (dials, other))
    return relative_difference(*outputs)


def test_the_distance_counts_notation_where_it_is_told(x):
    assert distance(x, 3, PGLSUM, NEST, notation=True) == by_hand(x, 3, PGLSUM, NEST)
    merged = turned(NEST, merge="h d")
    assert distance(x, 3, merged, NEST) < ROUNDING
    assert distance(x, 3, merged, NEST, notation=True) == by_hand(x, 3, merged, NEST) > 0.1


def test_the_distance_of_a_setting_to_itself_is_nothing(x):
    assert distance(x, 0, PGLSUM, PGLSUM) == 0


def test_without_notation_the_distance_is_that_of_parameters_rewritten(x):
    # A bias dropped that an output bias takes up, and one that nothing takes up.
    without = turned(NEST, key_value_bias=False)
    bare = turned(without, output_bias=False)
    assert distance(x, 0, without, NEST) < ROUNDING
    assert distance(x, 0, bare, turned(NEST, output_bias=False)) > 0.01


def test_turned_alone_has_the_dials_that_are_live_at_one_end(x):
    found = turned_alone(x, SEEDS)
    assert set(found) == set(VALUES) - NEVER - {"local_branch"} == set(VALUES) - set(dead(NEST))
    for name, distances in found.items():
        assert distances.shape == (2,)
        if name in NOTATION:
            assert distances.max() < ROUNDING, name
        else:
            setting = turned(NEST, **{name: PGLSUM[name]})
            wanted = [distance(x, seed, setting, NEST) for seed in SEEDS]
            assert distances.tolist() == wanted
            assert distances.min() > 0.01, name


def test_all_but_one_has_the_dials_that_are_live_at_the_other_end(x):
    found = all_but_one(x, SEEDS)
    assert set(found) == set(VALUES) - NEVER == set(VALUES) - set(dead(PGLSUM))
    # Without an output bias there, a value bias is no notation.
    for name, distances in found.items():
        assert distances.shape == (2,)
        if name in NOTATION - {"key_value_bias"}:
            assert distances.max() < ROUNDING, name
        else:
            setting = turned(PGLSUM, **{name: NEST[name]})
            wanted = [distance(x, seed, setting, PGLSUM) for seed in SEEDS]
            assert distances.tolist() == wanted
            assert distances.min() > 0.01, name


@pytest.mark.parametrize(("each", "end"), [(turned_alone, NEST), (all_but_one, PGLSUM)])
def test_notation_counts_before_it_is_undone(each, end, x):
    found = each(x, SEEDS, notation=True)
    other = PGLSUM if end is NEST else NEST
    assert found["merge"].min() > 0.1
    assert found["key_value_bias"].min() > 0.1
    assert found["input"].max() < ROUNDING
    assert found["projections"].max() < ROUNDING
    for name, distances in found.items():
        wanted = [by_hand(x, seed, turned(end, **{name: other[name]}), end) for seed in SEEDS]
        assert distances.tolist() == pytest.approx(wanted, abs=1e-6)


def test_twenty_seeds_are_taken_unless_told():
    x = torch.randn(4, WIDTH, dtype=torch.float64)
    assert {effect.shape for effect in turned_alone(x).values()} == {(20,)}


@pytest.mark.parametrize("order", [tuple(VALUES), tuple(reversed(VALUES))], ids=["on", "back"])
def test_repairing_every_dial_ends_at_rounding(order, x):
    found = repaired(x, order, seed=1)
    assert len(found) == len(VALUES) + 1
    assert found[0] == distance(x, 1, PGLSUM, NEST) > 0.5
    assert found[-1] <= ROUNDING


def test_each_step_of_repairing_is_the_distance_there(x):
    first, second, third = repaired(x, ["scale", "fusion"], seed=1)
    assert first == distance(x, 1, PGLSUM, NEST)
    assert second == distance(x, 1, turned(PGLSUM, scale=NEST["scale"]), NEST)
    both = turned(PGLSUM, scale=NEST["scale"], fusion=NEST["fusion"])
    assert third == distance(x, 1, both, NEST)
    assert len({first, second, third}) == 3


NAMES = ("merge", "scale", "fusion", "query_bias")


@pytest.mark.parametrize("count", [1, 3, 4])
def test_the_shares_are_the_average_over_all_orders(count, x):
    names = NAMES[:count]
    found = sensitivity(x, names, SEEDS)
    assert tuple(found) == names
    for number, seed in enumerate(SEEDS):
        total = dict.fromkeys(names, 0.0)
        for order in permutations(names):
            dials, before = turned(NEST), 0.0
            for name in order:
                dials = turned(dials, **{name: PGLSUM[name]})
                after = by_hand(x, seed, dials, NEST)
                total[name] += (after - before) / math.factorial(count)
                before = after
        for name in names:
            assert found[name][number].item() == pytest.approx(total[name], abs=1e-6)
        whole = by_hand(x, seed, turned(NEST, **{name: PGLSUM[name] for name in names}), NEST)
        assert sum(found[name][number] for name in names).item() == pytest.approx(whole, abs=1e-6)


def test_a_share_is_had_though_the_function_is_the_same(x):
    assert sensitivity(x, ["merge"], [0])["merge"].item() > 0.1


def test_a_dial_that_does_nothing_has_no_share(x):
    shares = sensitivity(x, ["input", "dropout", "merge"], [0])
    assert abs(shares["input"].item()) < 1e-7
    assert abs(shares["dropout"].item()) < 1e-7
    assert shares["merge"].item() > 0.1


@pytest.mark.parametrize(
    ("x", "error", "said"),
    [
        (torch.randn(8, WIDTH), TypeError, r"x must be torch\.float64.*got torch\.float32"),
        (torch.randn(8, 40).double(), ValueError, "heads=6 must divide width=40"),
    ],
)
def test_an_x_that_does_not_fit_is_refused(x, error, said):
    with pytest.raises(error, match=said):
        turned_alone(x, SEEDS)


def test_seeds_may_be_a_generator(x):
    found = turned_alone(x, (seed for seed in SEEDS))
    assert {len(distances) for distances in found.values()} == {2}
    found = all_but_one(x, (seed for seed in SEEDS))
    assert {len(distances) for distances in found.values()} == {2}


@pytest.mark.parametrize(
    "ask", [lambda x: repaired(x, ["foo"], 0), lambda x: sensitivity(x, ["foo"])]
)
def test_an_unknown_dial_is_named(ask, x):
    with pytest.raises(ValueError, match="dial 'foo' is unknown: expected one of"):
        ask(x)


def test_a_dial_named_twice_has_one_share(x):
    assert sensitivity(x, ["merge", "merge", "scale"], SEEDS)["merge"].shape == (2,)
