"""The list of pairs is true: each verdict is proved by hand here, without a tool.

"same" by a move of parameters, both ways; "different" by a property that one of the two always has
and the other has not; a special case by a move one way.
"""

import inspect

import pytest
import torch
from torch import nn

from tests.zoo import language, mutants, student, textbook, vision, writings
from tests.zoo.moves import HANDS, CannotHold, move
from tests.zoo.pairs import PAIRS
from tests.zoo.proofs import born, both_ways, distance, draws, runner
from tests.zoo.registry import ZOO, C
from tests.zoo.witnesses import WITNESSES, tokens

FILES = [language, mutants, student, textbook, vision, writings]
HELPERS = {language.Conv1D, language.RotaryEmbedding, language.RMSNorm, mutants.Mutant}
DRAWS = 3
SAME = [pair for pair in PAIRS if pair.verdict == "same"]
DIFFERENT = [pair for pair in PAIRS if pair.verdict == "different"]
SWAPPED = "annotated-keys_for_values"  # told apart by keys and values that differ
SPECIAL = [pair for pair in PAIRS if pair.special]


@pytest.mark.parametrize(("f", "g"), both_ways(SAME))
def test_a_move_of_parameters_makes_one_the_other(f, g):
    one, other = born(f), born(g, seed=1)
    assert distance(f, one, g, other) > 1e-2
    move(f, one, g, other)
    assert distance(f, one, g, other) < 1e-12


@pytest.mark.parametrize("pair", [pair for pair in DIFFERENT if str(pair) != SWAPPED], ids=str)
def test_one_always_has_what_the_other_has_not(pair):
    owner, has = WITNESSES[str(pair)]
    assert pair.special in (None, owner)
    for name, run in draws(pair, DRAWS):
        assert has(run) is (name == getattr(pair, owner)), name


def test_keys_for_values_show_where_the_two_differ():
    def ignores_keys(module):
        """Values that are all alike are what comes out, whatever the keys."""
        query, keys, others, value = tokens(4, 2, 6)
        value = value[:, :1].expand_as(value)
        return torch.allclose(module(query, keys, value), module(query, others, value))

    for seed in range(DRAWS):
        assert ignores_keys(born("annotated", seed))
        assert not ignores_keys(born("keys_for_values", seed))


@pytest.mark.parametrize("pair", SPECIAL, ids=str)
def test_a_special_case_moves_one_way_only(pair):
    less, more = (pair.f, pair.g) if pair.special == "f" else (pair.g, pair.f)
    one, other = born(less), born(more, seed=1)
    with pytest.raises(CannotHold):
        move(more, other, less, one)
    one = born(less)
    assert distance(less, one, more, other) > 1e-2
    move(less, one, more, other)
    assert distance(less, one, more, other) < 1e-12


def test_norms_on_q_and_k_are_the_same_in_truth():
    f, g = born("qwen"), born("qwen_interleaved", seed=1)
    with torch.no_grad():
        qkv = [layer.weight.unflatten(0, (4, 8)) for layer in (f.q_proj, f.k_proj, f.v_proj)]
        g.to_qkv.weight.copy_(torch.stack(qkv, dim=1).flatten(0, 2))
        g.to_out.weight.copy_(f.o_proj.weight)
        g.q_scale.copy_(f.q_norm.weight)
        g.k_scale.copy_(f.k_norm.weight)
    assert distance("qwen", f, "qwen_interleaved", g) < 1e-12


# ---- The list itself -----------------------------------------------------------------------------


def test_it_is_as_long_as_was_meant():
    classes = {type(animal.make()) for animal in ZOO.values()}
    assert len(classes) >= 40
    assert len(PAIRS) >= 60
    assert len(PAIRS) // 3 <= sum(pair.aside for pair in PAIRS) <= len(PAIRS) // 2
    assert sum(pair.verdict == "undecided" for pair in PAIRS) <= len(PAIRS) // 10


def test_each_verdict_is_proved_once():
    names = [str(pair) for pair in PAIRS]
    assert len(set(names)) == len(names)
    assert {*WITNESSES, SWAPPED} == {str(pair) for pair in DIFFERENT}
    moved = {name for pair in (*SAME, *SPECIAL) for name in (pair.f, pair.g)}
    assert set(HANDS) == moved


def test_every_animal_is_in_a_pair_and_every_class_in_the_zoo():
    assert {name for pair in PAIRS for name in (pair.f, pair.g)} == set(ZOO)
    written = {
        value
        for file in FILES
        for value in vars(file).values()
        if inspect.isclass(value) and issubclass(value, nn.Module) and value not in HELPERS
    }
    kept = {type(animal.make()) for animal in ZOO.values()}
    assert written <= kept
    assert kept - written == {nn.MultiheadAttention}


@pytest.mark.parametrize("name", ZOO)
def test_every_animal_is_as_wide_as_the_others_and_says_its_form(name):
    module = born(name)
    assert runner(name, module)(tokens(3, 16)).shape == (3, 16, C)
    if type(module) is not nn.MultiheadAttention:
        assert "C)" in type(module).__doc__ or "(cos, sin)" in type(module).__doc__
