"""Who holds which tokens of a sequence, whose keys are where in a ring, and how much each works."""

from collections.abc import Sequence

import torch
from torch import Tensor

from attnlib.checks import check_count
from attnlib.course.language import N_

DEALS = {"contiguous": N_("one piece each"), "zigzag": N_("an early and a late piece each")}


def held(length: int, ranks: int, deal: str) -> list[Tensor]:
    """The tokens that each rank holds, in rising order.

    Args:
        length: L, a multiple of 2 · ranks.
        deal: "contiguous": rank 0 has the first L / ranks tokens, and so on. "zigzag": of
            2 · ranks equal pieces rank r has number r from the front and number r from the back.
    """
    check_count("ranks", ranks)
    if length < 1 or length % (2 * ranks):
        raise ValueError(f"length must be a multiple of {2 * ranks}, got {length}")
    if deal not in DEALS:
        raise ValueError(f"deal must be one of {tuple(DEALS)}, got {deal!r}")
    pieces = torch.arange(length).chunk(2 * ranks)
    if deal == "contiguous":
        return [torch.cat(pieces[2 * rank : 2 * rank + 2]) for rank in range(ranks)]
    return [torch.cat([pieces[rank], pieces[-1 - rank]]) for rank in range(ranks)]


def source(rank: int, step: int, ranks: int) -> int:
    """Whose keys the rank has at that step, from 0 on: each step hands them to the next rank."""
    return (rank - step) % ranks


def pairs(tokens: Sequence[Tensor], causal: bool) -> Tensor:
    """(step, rank) how many pairs of query and key that rank computes at that step of the ring.

    Args:
        tokens: of each rank, as `held` gives them.
        causal: whether a query sees only keys that do not come after it.
    """
    ranks = len(tokens)
    counts = torch.zeros(ranks, ranks, dtype=torch.long)
    for step in range(ranks):
        for rank, queries in enumerate(tokens):
            seen = sees(queries, tokens[source(rank, step, ranks)], causal)
            counts[step, rank] = seen.sum()
    return counts


def sees(queries: Tensor, keys: Tensor, causal: bool) -> Tensor:
    """(queries, keys) bool, True where the query may attend to the key."""
    every = torch.ones(len(queries), len(keys), dtype=torch.bool)
    return every & (keys <= queries[:, None]) if causal else every


def waiting(counts: Tensor) -> float:
    """The share of all ranks' time that is spent waiting, if each pair takes equally long.

    Args:
        counts: (step, rank), as `pairs` gives them. A step lasts as long as its slowest rank.
    """
    return 1 - counts.sum().item() / (counts.shape[1] * counts.amax(1).sum().item())
