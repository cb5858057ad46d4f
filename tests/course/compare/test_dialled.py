"""A module at any setting of the dials: just the parameters it uses, and it trains."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from attnlib.course import compare
from attnlib.course.compare import (
    NEST,
    PGLSUM,
    VALUES,
    Branch,
    DialledAttention,
    Parameters,
    attend,
    turned,
)

C, H, G = 24, 3, 3

settings = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})


def built(dials, width=C, heads=H, num_groups=G):
    return DialledAttention(dials, width, heads, num_groups).double()


def randomised(dials):
    module = built(dials)
    for parameter in module.parameters():
        parameter.data.normal_(0, C**-0.5)
    return module


def tokens(*shape):
    return torch.randn(*shape, C, dtype=torch.float64)


def numbers(dials):
    """How many numbers the setting learns, by formula."""
    sets_each = G if dials["group_parameters"] == "own" else 1
    sets = [(sets_each if dials["sees"] == "own group" else 1, C)]
    if dials["fusion"] is not None:
        sets.append((sets_each, C if dials["local_branch"] == "full" else C // G))
    biases = dials["query_bias"] + 2 * dials["key_value_bias"]
    return sum(
        count * (4 * C * inner + biases * inner + C * dials["output_bias"]) for count, inner in sets
    )


@given(settings)
def test_it_holds_the_parameters_that_its_setting_uses_and_no_others(dials):
    module = built(dials)
    assert sum(parameter.numel() for parameter in module.parameters()) == numbers(dials)
    y, _ = module.eval()(tokens(7))
    y.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_the_numbers_at_the_two_ends():
    assert numbers(NEST) == 4 * C * C + 4 * C
    assert numbers(PGLSUM) == 4 * C * C + G * 4 * C * (C // G)


@given(settings, st.booleans())
def test_every_parameter_gets_a_gradient(dials, training):
    module = randomised(dials).train(training)
    y, _ = module(tokens(2, 8))
    (y * tokens(2, 8)).sum().backward()
    for name, parameter in module.named_parameters():
        largest = parameter.grad.flatten(1).abs().amax(1)  # in every group
        if "key_bias" in name:
            assert (largest < 1e-10).all(), name  # softmax drops it
        else:
            assert (largest > 1e-6).all(), name


@given(settings, st.integers(1, 8))
def test_it_is_attend_with_the_same_parameters(dials, length):
    module = randomised(dials).eval()

    def branch(parts):
        return None if parts is None else Branch(*(parts.get(name) for name in Branch._fields))

    main, local = branch(module.main), branch(module.local)
    full = local if dials["local_branch"] == "full" else None
    narrow = local if dials["local_branch"] == "narrow" else None
    x = tokens(2, length)
    y, maps = module(x)
    expected, wanted = attend(x, Parameters(main, full, narrow), dials, num_groups=G)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
    assert len(maps.main) == len(wanted.main)
    assert len(maps.local) == len(wanted.local)


def test_dropout_acts_in_training_only():
    module, x = randomised(PGLSUM), tokens(9)
    y = module.eval()(x)[0]
    assert module(x)[0].equal(y)
    module.train()
    assert compare.relative_difference(module(x)[0], y) > 0.01


@limits(max_examples=25)
@given(settings)
def test_a_state_dict_comes_back(dials):
    module, other, x = randomised(dials).eval(), randomised(dials).eval(), tokens(7)
    assert not other(x)[0].equal(module(x)[0])
    other.load_state_dict(module.state_dict())
    assert other(x)[0].equal(module(x)[0])


def test_a_copy_is_equal_and_apart():
    module, x = randomised(PGLSUM).eval(), tokens(7)
    other = copy.deepcopy(module)
    y = module(x)[0]
    assert other(x)[0].equal(y)
    for parameter in other.parameters():
        parameter.data.zero_()
    assert module(x)[0].equal(y)


def test_it_moves_between_dtypes():
    module = DialledAttention(PGLSUM, C, H, G)
    assert module(tokens(7).float())[0].dtype == torch.float32
    assert module.double()(tokens(7))[0].dtype == torch.float64
    with pytest.raises(TypeError, match=r"x must be torch\.float64.*got torch\.float32"):
        module(tokens(7).float())


# How it starts


def matrices(module):
    for branch in (module.main, module.local):
        if branch is not None:
            yield branch["qkv"], branch["out"]


@pytest.mark.parametrize("dials", [NEST, PGLSUM], ids=["NEST", "PGLSUM"])
def test_a_normal_start_has_the_deviation_that_it_says(dials):
    module = DialledAttention(turned(dials, initial="normal .02"), 96, 6, 4)
    for pair in matrices(module):
        for matrix in pair:
            assert matrix.std().item() == pytest.approx(0.02, rel=0.03)
            assert abs(matrix.mean().item()) < 0.001
            assert matrix.abs().max() > 0.05  # three deviations: not uniform


@pytest.mark.parametrize("dials", [NEST, PGLSUM], ids=["NEST", "PGLSUM"])
def test_a_xavier_start_fills_its_bounds_a_head_by_itself(dials):
    module = DialledAttention(turned(dials, initial="Xavier √2"), 96, 6, 4)
    for qkv, out in matrices(module):
        heads, head_dim = qkv.shape[2:4]
        for matrix, fan in ((qkv, 96 + head_dim), (out, 96 + heads * head_dim)):
            bound = 2**0.5 * (6 / fan) ** 0.5
            assert 0.99 * bound < matrix.max() <= bound
            assert -bound <= matrix.min() < -0.99 * bound
            assert matrix.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)


@pytest.mark.parametrize("initial", VALUES["initial"])
def test_biases_start_at_zero(initial):
    module = DialledAttention(turned(NEST, initial=initial), C, H, G)
    biases = {name: bias for name, bias in module.named_parameters() if "bias" in name}
    assert len(biases) == 4
    assert all(bias.count_nonzero() == 0 for bias in biases.values())


def test_every_group_starts_with_numbers_of_its_own():
    first, second, third = DialledAttention(PGLSUM, C, H, G).local["qkv"]
    assert (first != second).all()
    assert (second != third).all()


# Mistakes


@pytest.mark.parametrize(
    ("dials", "sizes", "said"),
    [
        (NEST, {"heads": 5}, "heads=5 must divide width=24"),
        (NEST, {"num_groups": 1}, "num_groups must be a whole number, at least 2, got 1"),
        (PGLSUM, {"num_groups": 4}, "4 heads=4 must divide width // num_groups=6"),
        ({"bias": True}, {}, "dial 'bias' is unknown"),
        ({"merge": "dh"}, {}, "dial merge must be one of"),
    ],
)
def test_what_cannot_be_built_is_refused(dials, sizes, said):
    with pytest.raises(ValueError, match=said):
        built(dials, **sizes)


def test_a_full_local_branch_needs_no_narrow_width():
    module = built(turned(PGLSUM, local_branch="full"), num_groups=5)  # 24 // 5 is no multiple of 4
    assert module(tokens(9))[0].shape == (9, C)


def test_the_dials_are_kept_as_they_were():
    dials = {"merge": "h d"}
    module = built(dials)
    dials["merge"] = "d h"
    assert module.dials == turned(NEST, merge="h d")


def test_a_head_may_be_wider_than_its_share_of_the_width():
    module = DialledAttention(turned(NEST, fusion="add"), width=48, heads=1, head_dim=64)
    assert module.main["qkv"].shape == module.local["qkv"].shape == (1, 3, 1, 64, 48)
    y, _ = module(torch.randn(2, 16, 48))
    assert y.shape == (2, 16, 48)
