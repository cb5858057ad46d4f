"""Two modules are the same only if they are so in every way to use both."""

import re

import pytest
import torch
from torch import nn

from attnlib import BlockAttention, GlobalLocalAttention, SelfAttention
from attnlib.course.compare.calling.arguments import ATTEND, HIDE
from attnlib.course.compare.calling.search import calls
from attnlib.course.compare.judging.masks import mask_of, masked
from attnlib.course.compare.judging.uses import uses
from attnlib.course.compare.judging.verdict import compare
from tests.course.compare.modules import HEADS, C, Fused, Separate

WIDE = 24


class Looped(Fused):
    """(B, G, N, C), block by block."""

    def forward(self, x):
        assert x.dim() == 4
        forward = super().forward
        return torch.stack([torch.cat([forward(b[None]) for b in blocks]) for blocks in x])


class Together(Fused):
    """(B, G, N, C), but tokens of all blocks see one another."""

    def forward(self, x):
        assert x.dim() == 4
        return super().forward(x.flatten(1, 2)).view(x.shape)


class Own(nn.Module):
    """(B, G, N, C), every block with parameters of its own."""

    def __init__(self, blocks):
        super().__init__()
        self.parts = nn.ModuleList(Fused(bias=False) for _ in range(blocks))

    def forward(self, x):
        parts = zip(self.parts, x.unbind(1), strict=True)
        return torch.stack([part(block) for part, block in parts], 1)


class Swapped(Separate):
    """Two of its inputs have changed places."""

    def __init__(self, *order):
        super().__init__()
        self.order = order

    def forward(self, query, key, value):
        given = query, key, value
        return super().forward(*(given[place] for place in self.order), None)


class Masked(Fused):
    """It takes a mask; what is True may attend, or may not."""

    def __init__(self, hides):
        super().__init__()
        self.hides = hides

    def forward(self, x, mask=None):
        self.mask = mask if mask is None else lambda i, j: ~mask if self.hides else mask
        return super().forward(x)


class Other(Masked):
    """The same under another name: nobody gives it what is meant for `mask`."""

    def forward(self, x, attn_mask=None):
        return super().forward(x, attn_mask)


class Added(Fused):
    """The mask is added to the scores."""

    def forward(self, x, mask=None):
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(y.transpose(1, 2).flatten(2))


def counts(f, g):
    return [[[call.form.groups for call in side] for side in use[:2]] for use in uses(f, g)]


@pytest.mark.parametrize(
    ("f", "g", "tried"),
    [
        (Looped(), Looped(), [[[1], [1]], [[4], [4]]]),
        (Own(5), Looped(), [[[5], [5]]]),
        (Looped(), Own(2), [[[2], [2]]]),
        (Looped(), Separate(), [[[1, 4], [1]]]),
        (BlockAttention(WIDE, 2), GlobalLocalAttention(WIDE, WIDE, 1e4, None, 3, 2, "add"), None),
    ],
)
def test_blocks_are_as_many_as_both_take(f, g, tried):
    assert counts(f, g) == (tried or [[[1, 3], [1, 1]]])


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (Looped, lambda: BlockAttention(C, HEADS, qkv_bias=True)),
        (Looped, Fused),
        (Together, Together),
        (lambda: Swapped(0, 2, 1), lambda: Swapped(0, 2, 1)),
        (lambda: Masked(True), lambda: Masked(True)),
        (lambda: Masked(True), lambda: Other(False)),
        (Fused, Looped),
    ],
)
def test_the_same_in_every_use(f, g):
    found = compare(f(), g())
    assert found.verdict == "same", found


@pytest.mark.parametrize(
    ("f", "g", "said"),
    [
        (Looped, Together, "influences row .* of g, not of f"),
        (
            lambda: BlockAttention(C, HEADS),
            lambda: Own(3),
            "permuting whole groups .* only f obeys",
        ),
        (
            lambda: BlockAttention(48, 6),
            lambda: GlobalLocalAttention(48, 48, num_segments=4, heads=6, fusion="add"),
            "permuting whole groups permutes their rows: only f obeys",
        ),
        (
            lambda: BlockAttention(48, 6),
            lambda: SelfAttention(48, 48, heads=6, pos_enc="absolute"),
            "only f obeys",
        ),
        (Separate, lambda: Swapped(0, 2, 1), "linear in value, the others kept: only those of f"),
        (Separate, lambda: Swapped(1, 0, 2), "token . of query influences row . of g, not of f"),
        (
            lambda: Masked(False),
            lambda: Masked(True),
            r"given a mask \(causal, True = may attend\), at L = 2, token . influences row .",
        ),
    ],
)
def test_different_in_one_use_is_different(f, g, said):
    found = compare(f(), g())
    assert found.verdict == "different"
    assert found.witness and re.search(said, found.witness), found


@pytest.mark.parametrize(
    ("f", "g", "given"),
    [
        (Masked(False), Masked(False), (ATTEND, ATTEND)),
        (Masked(True), Masked(True), (HIDE, HIDE)),
        (Masked(False), Masked(True), (ATTEND, ATTEND)),  # inverted: shown by the same mask
        (Masked(True), Masked(False), (HIDE, HIDE)),
        (Masked(False), Other(True), (ATTEND, HIDE)),
        (Added(), Masked(False), (ATTEND, ATTEND)),
        (Added(), Masked(True), (ATTEND, ATTEND)),
        (Added(), Other(True), (ATTEND, HIDE)),
        (nn.MultiheadAttention(C, HEADS), Masked(False), ("causal, added to the scores", ATTEND)),
    ],
)
def test_masks_that_are_given(f, g, given):
    both = masked(calls(f)[0], calls(g)[0])
    assert tuple(map(mask_of, both)) == given


class Later(Added):
    """Causal in any case; a mask is only added, and one of 0 and 1 hides nothing."""

    def forward(self, x, mask=None):
        hidden = torch.full((x.shape[1], x.shape[1]), -torch.inf, dtype=x.dtype).triu(1)
        return super().forward(x, hidden if mask is None else hidden + mask)


@pytest.mark.parametrize("g", [Fused(), Later()])
def test_no_mask_is_given_where_one_takes_none_or_needs_none(g):
    f = calls(Masked(True))[0]
    assert masked(f, calls(g)[0]) is masked(calls(g)[0], f) is None
