"""Parameters go where the other module has them: into products, wider heads, more heads, tables."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn

from attnlib.course.compare.judging.agreement import ROUNDING, TABLES
from attnlib.course.compare.judging.verdict import compare
from attnlib.course.compare.moving.alike import turned_alike
from attnlib.course.compare.moving.pairing import head_order
from attnlib.course.compare.reading.read import read
from tests.course.compare.modules import HEADS, C, D, Fused, Product, Rotary


class Heads(nn.Module):
    """Any number of heads of any width; factors of the four matrices; what is added; biases."""

    def __init__(self, heads=HEADS, width=D, bias=False, ranks=(), out_ranks=(), added=None):
        super().__init__()
        self.heads, self.added = heads, added
        self.qkv = chain(C, *ranks, 3 * heads * width, bias=bias)
        self.out = chain(heads * width, *out_ranks, C, bias=bias)

    def forward(self, x):
        q, k, v = self.rows(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT
        if self.added is not None:
            i = torch.arange(x.shape[1])
            scores = scores + self.added(i[:, None] - i)
        return self.out(self.mixed(scores, v).transpose(1, 2).flatten(2))

    def rows(self, x):
        return self.qkv(x)

    def mixed(self, scores, v):
        return scores.softmax(-1) @ v


class Adapted(Fused):
    """A matrix, and two narrow ones whose product is added to it."""

    def __init__(self):
        super().__init__(bias=False)
        self.down, self.up = nn.Linear(C, 2, bias=False), nn.Linear(2, 3 * C, bias=False)
        self.qkv.register_forward_hook(lambda layer, x, y: y + self.up(self.down(x[0])))


class Latent(Heads):
    """Keys and values of one narrow latent, queries of the whole input."""

    def __init__(self, rank):
        super().__init__()
        self.qkv, self.kv = nn.Linear(C, C, bias=False), chain(C, rank, 2 * C)

    def rows(self, x):
        return torch.cat([self.qkv(x), self.kv(x)], -1)


class WideRotary(Rotary):
    """Queries and keys twice as wide, of which positions turn the first half."""

    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(C, 2 * C), nn.Linear(C, 2 * C, bias=False)

    def turn(self, rows):
        return torch.cat([super().turn(rows[..., :D]), rows[..., D:]], -1)


class From(Rotary):
    """One matrix for all three; places are counted from any number: then rows of it are mixed."""

    def __init__(self, first):
        super().__init__()
        self.first, self.qkv = first, nn.Linear(C, 3 * C, bias=False)
        self.q = self.k = self.v = nn.Identity()

    def turn(self, rows):
        return super().turn(nn.functional.pad(rows, (0, 0, self.first, 0)))[..., self.first :, :]

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, D)).permute(2, 0, 3, 1, 4)
        y = nn.functional.scaled_dot_product_attention(self.turn(q), self.turn(k), v)
        return self.out(y.transpose(1, 2).flatten(2))


class DividedLater(Heads):
    """What is mixed is divided by the sum of the weights, or by one more than that."""

    def __init__(self, more=0.0):
        super().__init__()
        self.more = more

    def mixed(self, scores, v):
        power = scores.exp()
        return power @ v / (self.more + power.sum(-1, keepdim=True))


class Sigmoids(Heads):
    """Weights that sum to nothing in particular."""

    def mixed(self, scores, v):
        return scores.sigmoid() @ v


class Clipped(Heads):
    """A learned number for each distance up to the farthest, and for all beyond."""

    def __init__(self, farthest, scale=1.0):
        super().__init__()
        self.farthest, self.table = farthest, nn.Embedding(2 * farthest + 1, HEADS)
        self.added = self.learned

    def learned(self, way):
        near = way.clamp(-self.farthest, self.farthest) + self.farthest
        return self.table(near).permute(2, 0, 1)


def chain(*widths, bias=False):
    """Matrices one after the other, the last with a bias or without."""
    pairs = list(zip(widths, widths[1:], strict=False))
    return nn.Sequential(*(nn.Linear(*pair, bias=bias and pair is pairs[-1]) for pair in pairs))


def slopes(*steep):
    """The farther back, the less; a slope for each head."""
    return lambda way: -torch.tensor(steep, dtype=torch.float64)[:, None, None] * way.abs()


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (Heads, lambda: Heads(ranks=(C,))),
        (Heads, lambda: Heads(ranks=(C, 20))),
        (Heads, lambda: Heads(out_ranks=(C,))),
        (lambda: Heads(ranks=(5,)), lambda: Heads(ranks=(9, 5))),
        (lambda: Heads(bias=True), Product),
        (Heads, lambda: Latent(C)),
        (Heads, Adapted),
        (lambda: Heads(2, 3 * C, bias=True), lambda: Heads(2, C, bias=True)),
        (
            lambda: Heads(added=slopes(1.0, 0.5, 0.25)),
            lambda: Heads(added=slopes(0.5, 0.25, 1.0)),
        ),
        (lambda: Clipped(20), lambda: Clipped(20)),
        (Heads, DividedLater),
        (lambda: From(0), lambda: From(3)),
    ],
)
def test_the_same(f, g):
    found = compare(f(), g())
    assert found.verdict == "same", found
    turned = isinstance(f(), Rotary)
    assert max(found.forth, found.back) <= (TABLES if turned else ROUNDING)


@pytest.mark.parametrize(
    ("f", "g", "said"),
    [
        (lambda: Heads(ranks=(5,)), Heads, "its queries see 5 directions of the input"),
        (lambda: Latent(5), Heads, "its keys see 5 directions of the input"),
        (lambda: Heads(ranks=(5,)), lambda: Latent(5), "its queries see 5 directions"),
        (lambda: Latent(9), Heads, "its keys see 9 directions of the input"),
        (lambda: Heads(out_ranks=(5,)), Heads, "what its heads give moves y in 5 directions"),
        (Heads, lambda: Heads(HEADS + 1), "4 heads do not go into 3"),
        (Heads, lambda: Heads(width=D + 2), "its scores are of rank 4"),
        (lambda: Heads(bias=True), lambda: Heads(width=D + 2, bias=True), "scores are of rank 4"),
        (
            lambda: Heads(2, added=slopes(0.5, 0.25)),
            lambda: Heads(3, added=slopes(0.25, 1.0, 0.5)),
            "3 heads do not go into 2",
        ),
        (Rotary, WideRotary, "positions turn queries and keys in another way"),
        (lambda: Clipped(20), lambda: Clipped(24), "its table has not a number for each"),
    ],
)
def test_a_special_case_moves_one_way_and_a_reason_stands_in_the_other(f, g, said):
    found = compare(f(), g())
    assert found.verdict == "different", found
    assert found.forth <= (TABLES if f is Rotary else ROUNDING)
    assert said in found.back


@pytest.mark.parametrize(
    ("f", "g", "said"),
    [
        (
            lambda: Heads(added=slopes(1.0, 0.5, 0.25)),
            lambda: Heads(added=slopes(1.0, 0.5, 0.5)),
            "what is added to the scores",
        ),
        (Heads, lambda: Heads(6, 2), "do not go into"),
    ],
)
def test_neither_goes_into_the_other(f, g, said):
    found = compare(f(), g())
    assert found.verdict == "different", found
    assert said in found.forth or said in found.back
    assert not isinstance(found.forth, float) and not isinstance(found.back, float)


@pytest.mark.parametrize("g", [Sigmoids, lambda: DividedLater(more=1.0)])
def test_weights_that_sum_to_nothing_are_named_and_break_a_law(g):
    found = compare(Heads(), g())
    assert found.verdict == "different", found
    assert "sum to 1 over no axis, nor is what they mix divided by their sums" in found.forth
    assert found.witness == "where all tokens are alike, rows are affine in them: only f obeys"


@limits(max_examples=20)
@given(st.integers(1, 3), st.integers(0, 2), st.integers(0, 3), st.integers(0, 3))
def test_planes_are_found_among_more(planes, still, more, more_still):
    f, g = turns(planes, still), turns(planes + more, still + more_still)
    basis = torch.linalg.qr(torch.randn(g.shape[-2:], dtype=torch.float64))[0]
    matrix = turned_alike(f, basis @ g @ basis.T)
    torch.testing.assert_close(matrix @ f, basis @ g @ basis.T @ matrix, rtol=0, atol=1e-6)
    torch.testing.assert_close(matrix.T @ matrix, f[0], rtol=0, atol=1e-6)  # the first is 1
    if more or more_still:
        assert turned_alike(g, f) is None


def turns(planes, still):
    """(5, D, D): the n-th plane turns by 0.3 n a place."""
    angles = torch.arange(5.0)[:, None] * 0.3 * torch.arange(1, planes + 1)
    pairs = torch.polar(torch.ones_like(angles), angles).to(torch.complex128)
    blocks = [torch.tensor([[z.real, -z.imag], [z.imag, z.real]]) for z in pairs.flatten()]
    rows = [blocks[n * planes : (n + 1) * planes] for n in range(5)]
    return torch.stack([torch.block_diag(*each, torch.eye(still)).double() for each in rows])


@limits(max_examples=8)
@given(st.permutations(range(4)), st.sets(st.integers(0, 3), min_size=1))
def test_each_head_finds_the_one_with_its_slope(order, kept):
    steep = torch.tensor([1.0, 0.5, 0.25, 0.125])
    kept = sorted(kept)
    f = read(Heads(len(kept), 4, added=slopes(*steep[kept].tolist()))).attentions[0]
    g = read(Heads(4, 4, added=slopes(*steep[list(order)].tolist()))).attentions[0]
    of, spare = head_order(f, g)
    assert (~spare).sum() == len(kept)
    for head in (~spare).nonzero()[:, 0].tolist():
        assert kept[of[head]] == order[head]
