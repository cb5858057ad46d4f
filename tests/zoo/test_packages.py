"""The list of pairs with packages is true: each verdict is proved by hand, as in test_zoo.py."""

import pytest

from tests.zoo.moves import HANDS, CannotHold, move
from tests.zoo.package_pairs import PACKAGE_HANDS, PACKAGE_PAIRS, PACKAGE_WITNESSES
from tests.zoo.packages import INSTALLED, PACKAGES, WHY
from tests.zoo.proofs import EVERY, born, both_ways, distance, draws, runner
from tests.zoo.registry import C
from tests.zoo.witnesses import tokens

pytestmark = [pytest.mark.zoo, pytest.mark.skipif(not INSTALLED, reason=WHY)]
NEAR = 1e-5  # tables of positions, and a softmax, are in float32
DRAWS = 3
SAME = [pair for pair in PACKAGE_PAIRS if pair.verdict == "same"]
DIFFERENT = [pair for pair in PACKAGE_PAIRS if pair.verdict == "different"]
SPECIAL = [pair for pair in PACKAGE_PAIRS if pair.special]
ALL_HANDS = HANDS | PACKAGE_HANDS


@pytest.mark.parametrize(("f", "g"), both_ways(SAME))
def test_a_move_of_parameters_makes_one_the_other(f, g):
    one, other = born(f), born(g, seed=1)
    assert distance(f, one, g, other) > 1e-2
    move(f, one, g, other, ALL_HANDS)
    assert distance(f, one, g, other) < NEAR


@pytest.mark.parametrize("pair", DIFFERENT, ids=str)
def test_one_always_has_what_the_other_has_not(pair):
    owner, has = PACKAGE_WITNESSES[str(pair)]
    assert pair.special in (None, owner)
    for name, run in draws(pair, DRAWS):
        assert has(run) is (name == getattr(pair, owner)), name


@pytest.mark.parametrize("pair", SPECIAL, ids=str)
def test_a_special_case_moves_one_way_only(pair):
    less, more = (pair.f, pair.g) if pair.special == "f" else (pair.g, pair.f)
    one, other = born(less), born(more, seed=1)
    with pytest.raises(CannotHold):
        move(more, other, less, one, ALL_HANDS)
    one = born(less)
    assert distance(less, one, more, other) > 1e-2
    move(less, one, more, other, ALL_HANDS)
    assert distance(less, one, more, other) < NEAR


def test_a_norm_in_front_of_both_is_the_same_in_truth():
    f, g = born("vp"), born("vit_pytorch", seed=1)
    assert distance("vp", f, "vit_pytorch", g) > 1e-2
    g.load_state_dict(f.state_dict())
    assert distance("vp", f, "vit_pytorch", g) < NEAR


def test_each_verdict_is_proved_once_and_every_animal_is_in_a_pair():
    names = [str(pair) for pair in PACKAGE_PAIRS]
    assert len(PACKAGE_PAIRS) >= 20
    assert len(set(names)) == len(names)
    assert set(PACKAGE_WITNESSES) == {str(pair) for pair in DIFFERENT}
    seen = {name for pair in PACKAGE_PAIRS for name in (pair.f, pair.g)}
    assert set(PACKAGES) <= seen <= set(EVERY)
    moved = {name for pair in (*SAME, *SPECIAL) for name in (pair.f, pair.g)}
    assert set(PACKAGE_HANDS) == moved - set(HANDS)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_animal_is_as_wide_as_the_others(name):
    assert runner(name, born(name))(tokens(3, 16)).shape == (3, 16, C)
