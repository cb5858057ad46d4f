"""Influence is the Jacobian, block by block; and the difference that says "unrelated"."""

import pytest
import torch
from torch import nn

from attnlib import BlockAttention, GlobalLocalAttention
from attnlib.course import compare
from attnlib.course.compare import difference


def full_jacobian_norms(module, x):
    """(L, L) from PyTorch's own Jacobian, in one piece."""
    jacobian = torch.autograd.functional.jacobian(lambda x: module(x)[0], x)  # (L, C, L, C)
    return jacobian.square().sum((1, 3)).sqrt()


@pytest.fixture
def pglsum():
    torch.manual_seed(0)
    config = {"pos_enc": "relative", "num_segments": 3, "heads": 2, "fusion": "max"}
    return GlobalLocalAttention(8, 24, **config).double().eval()


def test_influence_is_the_norm_of_the_jacobian(pglsum):
    x = torch.randn(7, 8, dtype=torch.float64)
    wanted = full_jacobian_norms(pglsum, x)
    torch.testing.assert_close(compare.influence(pglsum, x), wanted, rtol=1e-12, atol=1e-12)


def test_influence_is_the_same_in_chunks_of_any_size(pglsum, monkeypatch):
    x = torch.randn(7, 8, dtype=torch.float64)
    whole = compare.influence(pglsum, x)
    monkeypatch.setattr(difference, "CHUNK_BYTES", 3 * 4 * x.numel())  # 3 outputs at a time
    torch.testing.assert_close(compare.influence(pglsum, x), whole, rtol=1e-12, atol=1e-12)


def test_influence_is_exactly_zero_outside_the_blocks_and_nowhere_inside():
    torch.manual_seed(0)
    module = BlockAttention(8, 2).eval()
    found = compare.influence(module, torch.randn(1, 3, 4, 8))
    block = torch.arange(12) // 4
    assert torch.equal(found > 0, block[:, None] == block[None, :])


def test_no_pair_is_without_influence_in_the_global_branch(pglsum):
    assert (compare.influence(pglsum, torch.randn(9, 8, dtype=torch.float64)) > 0).all()


def test_influence_takes_a_module_that_returns_no_tuple():
    linear = nn.Linear(4, 4)
    found = compare.influence(linear, torch.randn(5, 4))
    torch.testing.assert_close(found, linear.weight.detach().norm() * torch.eye(5))


def test_influence_leaves_x_alone(pglsum):
    x = torch.randn(5, 8, dtype=torch.float64)
    before = x.clone()
    compare.influence(pglsum, x)
    assert x.equal(before)
    assert not x.requires_grad


def test_an_x_too_long_is_refused_with_what_would_do():
    with pytest.raises(ValueError, match=r"x has 50000 numbers.*at most 44721"):
        compare.influence(nn.Identity(), torch.zeros(1000, 50))


def test_a_module_that_changes_the_shape_is_refused():
    with pytest.raises(ValueError, match=r"module must keep the shape \(5, 4\) of x, got \(5, 3\)"):
        compare.influence(nn.Linear(4, 3), torch.randn(5, 4))


def test_the_difference_of_equal_unrelated_and_opposite_tensors():
    torch.manual_seed(0)
    y, other = torch.randn(2, 200, 200)
    assert compare.relative_difference(y, y) == 0
    assert compare.relative_difference(y, other) == pytest.approx(2**0.5, abs=0.01)
    assert compare.relative_difference(y, -y) == pytest.approx(2)
    assert compare.relative_difference(y, other) == compare.relative_difference(other, y)


def test_influence_works_where_gradients_are_off(pglsum):
    x = torch.randn(5, 8, dtype=torch.float64)
    with torch.no_grad():
        found = compare.influence(pglsum, x)
    torch.testing.assert_close(found, compare.influence(pglsum, x))


@pytest.mark.parametrize(
    "module", [torch.zeros_like, lambda x: torch.ones(4, requires_grad=True) + 0 * x.detach()]
)
def test_a_module_that_ignores_its_input_has_no_influence(module):
    assert compare.influence(module, torch.randn(5, 4)).equal(torch.zeros(5, 5))
