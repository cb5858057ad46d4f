"""Influence is the Jacobian, block by block; and the difference that says "unrelated"."""

import re

import pytest
import torch
from torch import nn

from attnlib import BlockAttention, GlobalLocalAttention, SelfAttention
from attnlib.course import compare, memory, rehearsal
from attnlib.course.compare import difference
from attnlib.course.rehearsal import Ledger


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


@pytest.mark.parametrize("alive", [0, 10**5, 10**9])  # a row at a time, some, all
def test_influence_is_the_same_however_many_rows_are_computed_together(pglsum, alive, monkeypatch):
    x = torch.randn(7, 8, dtype=torch.float64)
    monkeypatch.setattr(difference, "ALIVE", alive)
    wanted = full_jacobian_norms(pglsum, x)
    torch.testing.assert_close(compare.influence(pglsum, x), wanted, rtol=1e-12, atol=1e-12)


def test_rows_computed_together_take_no_more_than_they_may(pglsum, monkeypatch):
    counts, add_rows = [], difference._add_rows
    seen = lambda norms, y, x, rows: counts.append(len(rows)) or add_rows(norms, y, x, rows)
    monkeypatch.setattr(difference, "_add_rows", seen)
    with Ledger() as ledger:
        compare.influence(pglsum.float(), torch.randn(64, 8))
    assert counts[0] == 1 and sum(counts) == 512
    assert ledger.most < 2 * difference.ALIVE
    assert counts[1] > 4


def test_influence_of_half_precision_loses_no_squares():
    x = torch.randn(3, 4).half()
    found = compare.influence(lambda x: x * 300.0, x)  # 300² is beyond its range
    torch.testing.assert_close(found, 600 * torch.eye(3).half())


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


def test_an_x_too_large_is_refused_with_one_that_fits(monkeypatch):
    for each in (memory, rehearsal):
        monkeypatch.setattr(each, "free_memory", lambda device: 1e6)
    module = lambda x: torch.softmax(x @ x.mT, -1) @ x
    said = r"influence of x of shape \(400, 8\) would take about .* MB, and 1 MB are free: "
    with pytest.raises(MemoryError, match=said) as raised:
        compare.influence(module, torch.zeros(400, 8))
    length = int(re.search(r"x of shape \((\d+), 8\) would fit", str(raised.value))[1])
    assert compare.influence(module, torch.randn(length, 8)).shape == (length, length)


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


# ---- Every way to take tokens --------------------------------------------------------------------


def multihead(**options):
    return nn.MultiheadAttention(8, 2, **options).double().eval()


def frames():
    return SelfAttention(8, 8, heads=2).double().eval()


def alone(module, x):
    return module(x)


def thrice(module, x):
    return module(x, x, x)


# What makes it, how it is called by hand, the shape of x.
CALLED = {
    "keys and values": (multihead, thrice, (6, 8)),
    "batch first": (lambda: multihead(batch_first=True), thrice, (1, 6, 8)),
    "batch second": (multihead, thrice, (6, 1, 8)),
    "frozen": (lambda: multihead().requires_grad_(False), thrice, (6, 8)),
    "self": (frames, alone, (6, 8)),
    "self, in a batch of one": (frames, alone, (1, 6, 8)),
    "blocks": (lambda: BlockAttention(8, 2).double(), alone, (1, 3, 2, 8)),
    "dials": (lambda: compare.DialledAttention({}, 8, 2, 3).double(), alone, (6, 8)),
    "a function": (lambda: lambda x: x.cumsum(0).tanh(), alone, (6, 8)),
    "one that returns a tuple": (lambda: lambda x: (x * x.mean(0), None), alone, (6, 8)),
    "one that changes x": (lambda: lambda x: x.mul_(2).exp(), alone, (6, 8)),
}


@pytest.mark.parametrize("kind", CALLED)
def test_influence_is_the_norm_of_the_jacobian_however_tokens_are_taken(kind):
    make, by_hand, shape = CALLED[kind]
    module = make()
    x = torch.randn(6, 8, dtype=torch.float64)

    def call(x):
        y = by_hand(module, x.clone().view(shape))
        return (y[0] if isinstance(y, tuple) else y).view(6, 8)

    jacobian = torch.autograd.functional.jacobian(call, x)
    found = compare.influence(module, x.view(shape))
    assert found.any()
    torch.testing.assert_close(found, jacobian.square().sum((1, 3)).sqrt())


# ---- However it is called ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_influence_works_where_gradients_are_off(pglsum, mode):
    x = torch.randn(5, 8, dtype=torch.float64)
    with mode():
        found = compare.influence(pglsum, x)
        made_inside = compare.influence(pglsum, x.clone())
        inside = x.clone()
    wanted = compare.influence(pglsum, x)
    for got in (found, made_inside, compare.influence(pglsum, inside)):
        torch.testing.assert_close(got, wanted)


def test_x_may_be_part_of_a_graph(pglsum):
    leaf = torch.randn(5, 8, dtype=torch.float64, requires_grad=True)
    found = compare.influence(pglsum, leaf * 1)
    torch.testing.assert_close(found, compare.influence(pglsum, leaf.detach()))
    assert leaf.grad is None
    assert not found.requires_grad


def test_a_module_may_change_its_input_in_place():
    x = torch.randn(5, 4)
    before = x.clone()
    found = compare.influence(lambda x: x.mul_(3), x)
    torch.testing.assert_close(found, 6.0 * torch.eye(5))  # the norm of 3 · identity, 4 × 4
    assert x.equal(before)


# ---- Zero, or nothing known ----------------------------------------------------------------------


def linear():
    return nn.Linear(4, 4)


WITHOUT_GRAPH = {
    "no_grad": lambda: torch.no_grad()(linear()),
    "inference_mode": lambda: torch.inference_mode()(linear()),
    "detached at the end": lambda: lambda x: linear()(x).detach(),
    "cast": lambda: lambda x: x.long(),
    "numpy": lambda: lambda x: torch.from_numpy(x.detach().numpy().copy()),
    "constant": lambda: torch.zeros_like,
}
GRAPH_OF_PARAMETERS = {
    "detached at the beginning": lambda: lambda x: linear()(x.detach()),
    "data": lambda: lambda x: linear()(x.data),
    "cast on the way": lambda: lambda x: linear()(x.long().float()),
    "no_grad on the way": lambda: lambda x: linear()(torch.no_grad()(linear())(x)),
    "ignored": lambda: lambda x: torch.ones(5, 4, requires_grad=True) * 1,
}


@pytest.mark.parametrize("kind", WITHOUT_GRAPH)
def test_an_output_without_a_graph_is_refused_not_called_zero(kind):
    said = r"^module must return y with a graph .*got an output that requires no gradient: "
    with pytest.raises(ValueError, match=said):
        compare.influence(WITHOUT_GRAPH[kind](), torch.randn(5, 4))


@pytest.mark.parametrize("kind", GRAPH_OF_PARAMETERS)
def test_so_is_one_whose_graph_does_not_lead_to_x(kind):
    said = r"^module must return y with a graph .*got an output whose graph does not lead to x: "
    with pytest.raises(ValueError, match=said):
        compare.influence(GRAPH_OF_PARAMETERS[kind](), torch.randn(5, 4))


def test_zeros_of_a_module_that_does_depend_on_x_stay_zeros():
    x = torch.randn(5, 4)
    half = lambda x: torch.cat([x[:2], x[2:] * 0])
    assert compare.influence(half, x).equal(2.0 * torch.diag(torch.tensor([1.0, 1, 0, 0, 0])))
    assert compare.influence(lambda x: x * 0, x).equal(torch.zeros(5, 5))
    assert compare.influence(torch.round, x).equal(torch.zeros(5, 5))


@pytest.mark.parametrize("made", [[0.0], {"y": 0}, None, ()])
def test_what_is_no_tensor_is_refused(made):
    said = rf"^module must keep the shape \(5, 4\) of x, got {type(made).__name__}$"
    with pytest.raises(ValueError, match=said):
        compare.influence(lambda x: made, torch.randn(5, 4))


@pytest.mark.parametrize(
    ("x", "got"),
    [
        (torch.ones(5, 4, dtype=torch.int64), "torch.int64"),
        (torch.ones(5, 4, dtype=torch.complex64), "torch.complex64"),
        ([[0.0]], "list"),
    ],
)
def test_an_x_without_derivatives_is_refused(x, got):
    said = rf"^x must be a floating-point tensor \(…, C\), got {got}$"
    with pytest.raises(TypeError, match=said):
        compare.influence(nn.Identity(), x)


def test_what_else_a_module_asks_for_is_given_where_a_name_tells():
    class Rotated(nn.Module):
        """A table of positions that may be left out, says its signature; not its code."""

        def __init__(self):
            super().__init__()
            self.head_dim = 6

        def forward(self, query, key, position_embeddings=None):
            cos, sin = position_embeddings
            return (query * cos + query.flip(-1) * sin) @ key.mT @ key

    x = torch.randn(1, 5, 6)
    found = compare.influence(Rotated(), x)
    assert found.dtype == x.dtype
    assert (found > 0).all()


def test_an_argument_that_no_name_tells_is_missed_as_ever():
    class Odd(nn.Module):
        def forward(self, x, depth):
            return x[depth]

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'depth'"):
        compare.influence(Odd(), torch.randn(5, 6))
