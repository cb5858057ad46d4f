"""What the heads become as long as it is linear in them: y, or what a norm or a fusion takes in."""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.reading.linear import EXACT
from attnlib.course.compare.seeing.sight import Sight
from attnlib.course.language import say


class End(NamedTuple):
    """The last result that is linear in the heads of one attention.

    `number`: of the result, as the code computes them; None: it is y. `entries` (N, C'): where
    the channels of each of its tokens stand in it.
    """

    number: int | None
    entries: Tensor


class Known(NamedTuple):
    """Of a module and a length, whatever its parameters are: it need not be found out again.

    `ends`: of its attentions; None where what stands behind the heads was not read.
    """

    sight: Sight
    ends: list[End] | None


def in_y(tokens: Tensor, width: int) -> End:
    """The end of an attention of these tokens (N,) whose heads are in y (L, C) linearly."""
    return End(None, tokens[:, None] * width + torch.arange(width))


def reached(sight: Sight, x: Tensor, heads: list[Tensor], ends: list[End]) -> list[Tensor]:
    """For each attention (B, N, C'): what its heads, (H, B, N, D') of x (B, L, C), become."""
    if all(end.number is None for end in ends):
        made = [sight.merged(x, heads)] * len(ends)
    else:  # results of one input at a time: what stands where in those of several is not known
        parts = zip(*(each.split(1, 1) for each in heads), strict=True)
        runs = [sight.given(one, list(part)) for one, part in zip(x.split(1), parts, strict=True)]
        made = [torch.stack([_at(end, *run) for run in runs]) for end in ends]
    return [each.flatten(1)[:, end.entries] for each, end in zip(made, ends, strict=True)]


def drawn(sight: Sight, x: Tensor, sizes: list[tuple[int, int]], seed: int) -> list[Tensor]:
    """Random heads (H, B, N, D') of each attention for x (B, L, C); sizes: (H, D') of each."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(heads, len(x), len(at), width, generator=generator, dtype=torch.float64)
        for (heads, width), at in zip(sizes, sight.tokens(x), strict=True)
    ]


def find_ends(sight: Sight, sizes: list[tuple[int, int]], length: int) -> list[End]:
    """Those of all attentions; sizes: (H, D') of each."""
    x = sight.draw(1, length, seed=8)
    one, other = (drawn(sight, x, sizes, seed) for seed in (1, 2))
    middle = [(a + b) / 2 for a, b in zip(one, other, strict=True)]
    runs = [sight.given(x, heads)[1] for heads in (one, other, middle)]
    if len({tuple(each.shape for each in run) for run in runs}) > 1:
        raise Unreadable(say("it takes other steps for other numbers of the same shape"))
    linear = [_is_middle(*three) for three in zip(*runs, strict=True)]

    def changes(number, head):
        """Which entries of each result change if this attention gives another head."""
        after = sight.given(x, [*one[:number], head, *one[number + 1 :]])[1]
        return [before != each for before, each in zip(runs[0], after, strict=True)]

    return [
        _end(partial(changes, number), *pair, linear)
        for number, pair in enumerate(zip(one, other, strict=True))
    ]


def _end(changes, head, other, linear):
    """Of the linear results that hear of this attention, the last of those as large as any."""
    heard = zip(changes(other), linear, strict=True)
    sizes = [each.numel() if good and each.any() else 0 for each, good in heard]
    if not any(sizes):
        raise Unreadable(say("what the heads give is changed before any matrix meets it"))
    place = max(range(len(sizes)), key=lambda place: (sizes[place], place))
    tokens = torch.arange(head.shape[2])[:, None]
    alone = (changes(torch.where(tokens == token, other, head))[place] for token in tokens)
    entries = [each.flatten().nonzero()[:, 0] for each in alone]
    counts = set(map(len, entries))
    if len(counts) > 1 or len(torch.cat(entries).unique()) < len(torch.cat(entries)):
        raise Unreadable(say("what the heads give for one token goes on to several"))
    return End(place, torch.stack(entries))


def _at(end, y, results):
    if end.number is None:
        return y[0]
    if end.number >= len(results) or results[end.number].numel() <= end.entries.max():
        raise Unreadable(say("it takes other steps for other numbers of the same shape"))
    return results[end.number]


def _is_middle(one, other, middle):
    off = (middle - (one + other) / 2).abs()
    return bool((off <= EXACT * middle.abs().max()).all()) if len(off.flatten()) else False
