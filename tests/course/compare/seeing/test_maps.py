"""Maps are caught as they are, in whatever way a module makes them."""

import pytest
import torch
from torch import nn

from attnlib.course.compare.seeing.maps import maps
from tests.course.compare.modules import HEADS, C, Fused, Grouped, Lists
from tests.zoo.registry import ZOO

L = 9


class ByTorch(nn.Module):
    """torch's own, which tells its weights when it is asked."""

    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(C, HEADS, batch_first=True)

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


def test_a_map_is_what_the_module_itself_would_tell():
    module, x = ByTorch().eval(), torch.randn(L, C)
    told = module.inner(x[None], x[None], x[None], average_attn_weights=False)[1][0]
    torch.testing.assert_close(maps(module, x).float(), told)


@pytest.mark.parametrize(("make", "heads"), [(Fused, HEADS), (Grouped, 4), (Lists, HEADS)])
def test_each_head_has_a_map_whose_rows_sum_to_1(make, heads):
    found = maps(make(), torch.randn(L, C))
    assert found.shape == (heads, L, L)
    torch.testing.assert_close(found.sum(-1), torch.ones_like(found[..., 0]))


def test_segments_are_in_one_map_after_that_of_all_tokens():
    x = torch.randn(16, 32)
    whole, parts = maps(ZOO["my_add"].make(), x).split(4)
    assert (whole > 0).all()
    segments = torch.block_diag(*[torch.ones(4, 4)] * 4) > 0
    assert torch.equal(parts > 0, segments.expand_as(parts))


@pytest.mark.parametrize(
    ("x", "got"),
    [(torch.ones(2, L, C), r"\(2, 9, "), (None, "NoneType"), (torch.ones(L, C).long(), r"\(9, ")],
)
def test_other_than_the_tokens_of_one_input_is_named(x, got):
    with pytest.raises(ValueError, match=rf"x must be the tokens of one input.*got {got}"):
        maps(Fused(), x)
