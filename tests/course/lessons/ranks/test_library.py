"""What the lesson says of ranks, and what the library does: the same."""

import pytest
import torch

from attnlib import attention, ranks
from attnlib.course.lessons.ranks.exercises import bytes_sent, deal, merge
from attnlib.course.lessons.ranks.started import start, why_not

L, H, D = 48, 4, 3


@pytest.fixture
def qkv():
    return torch.randn(3, H, L, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def over_ranks(count, qkv, how, mask=None):
    """The output of all ranks, and what each sent."""

    def attend(rank):
        mine = (x.chunk(count, -2)[rank] for x in qkv)
        return ranks.attention(*mine, how=how, mask=mask)[0], ranks.sent()

    outs, sent = zip(*start(attend, count), strict=True)
    return torch.cat(outs, -2), set(sent)


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.parametrize("how", ["gather", "heads", "ring"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_rank_sends_what_the_formula_says(how, count, qkv):
    out, sent = over_ranks(count, qkv, how)
    torch.testing.assert_close(out, attention(*qkv)[0], rtol=0, atol=1e-14)
    assert sent == {bytes_sent(how, count, L, H, D, 8)}


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_a_causal_ring_takes_the_tokens_as_the_solution_deals_them(qkv):
    order = torch.cat(deal(L, 4))
    out, _ = over_ranks(4, qkv[..., order, :], "ring", lambda i, j: order[j] <= order[i])
    want, _ = attention(*qkv, mask=lambda i, j: j <= i)
    torch.testing.assert_close(out, want[..., order, :], rtol=0, atol=1e-14)


def test_the_library_merges_as_the_solution_does():
    out, other = torch.randn(2, 5, 3, dtype=torch.float64)
    lse, its_lse = torch.randn(2, 5, dtype=torch.float64)
    out[:2], lse[:2] = 0, -torch.inf
    other[1:3], its_lse[1:3] = 0, -torch.inf
    want = merge(out, lse, other, its_lse)
    assert not want[0].isnan().any()
    for got, expected in zip(ranks.merge(out, lse, other, its_lse), want, strict=True):
        torch.testing.assert_close(got, expected)
