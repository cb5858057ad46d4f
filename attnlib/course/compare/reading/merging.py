"""The matrices that meet what the heads give, read by giving for them."""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.reading.ends import End, drawn, find_ends, in_y, reached
from attnlib.course.compare.reading.linear import EXACT
from attnlib.course.compare.seeing.sight import Sight
from attnlib.course.language import say


class Merge(NamedTuple):
    """For each attention, at each of its tokens: sum over heads of matrix · head + rest · x + bias.

    That is y, or, where more follows that is not linear, what enters it: `ends` say which.
    """

    matrices: list[Tensor]  # (H, N, C', D')
    biases: list[Tensor]  # (N, C')
    rests: list[Tensor]  # (C', C), 0 where nothing goes past the attention, 1 for a residual path
    ends: list[End]


def answers(sight: Sight, sizes: list[tuple[int, int]], length: int, ends: list[End]) -> Merge:
    """What each number of each head adds, alone, and each channel of x; sizes: (H, D') of each.

    It is added to random heads: of zeros alone some code makes a case of its own.
    """
    count, channels = sum(heads * width for heads, width in sizes), sight.call.width
    x = torch.zeros(1 + count + channels, length, channels, dtype=torch.float64)
    x[1 + count :] = torch.eye(channels)[:, None]
    before = drawn(sight, x[:1], sizes, 5)
    units = torch.cat([torch.zeros(1, count), torch.eye(count), torch.zeros(channels, count)])
    columns = torch.arange(count).split([heads * width for heads, width in sizes])
    given = [
        each + units[:, column].unflatten(1, size).transpose(0, 1)[:, :, None]
        for each, size, column in zip(before, sizes, columns, strict=True)
    ]
    made = reached(sight, x, given, ends)  # of each (1 + all + C, N, C')
    matrices = [
        (each[1 + column] - each[0]).unflatten(0, size).permute(0, 2, 3, 1)
        for size, column, each in zip(sizes, columns, made, strict=True)
    ]
    sums = _sums(ends, matrices, before)
    return Merge(
        matrices,
        [each[0] - told[0] for each, told in zip(made, sums, strict=True)],
        [(each[1 + count :, 0] - each[0, 0]).T for each in made],
        ends,
    )


def merge(
    sight: Sight, sizes: list[tuple[int, int]], length: int, ends: list[End] | None = None
) -> Merge:
    """The same, and proved on random heads and x: else Unreadable says what is not linear.

    Args:
        ends: of the attentions, where they are known.
    """
    if ends is not None:
        return _proved(sight, answers(sight, sizes, length, ends), sizes, length)
    plain = [in_y(at, sight.call.width) for at in sight.tokens(sight.draw(1, length))]
    try:
        return merge(sight, sizes, length, plain)
    except Unreadable:
        return merge(sight, sizes, length, find_ends(sight, sizes, length))


def _proved(sight, found, sizes, length):
    x = sight.draw(2, length, seed=2)
    heads = drawn(sight, x, sizes, 6)
    made, still = (reached(sight, each, heads, found.ends) for each in (x, torch.zeros_like(x)))
    sums, tokens = _sums(found.ends, found.matrices, heads), sight.tokens(x)
    parts = zip(made, still, sums, found.biases, found.rests, tokens, strict=True)
    for moved, unmoved, told, bias, rest, at in parts:
        largest = EXACT * moved.abs().max()
        if not (moved - unmoved - x[:, at] @ rest.T).abs().max() <= largest:
            raise Unreadable(
                say("what of x goes past the attention is not linear: a gate, or a norm")
            )
        if not (unmoved - told - bias).abs().max() <= largest:
            raise Unreadable(
                say("y is not linear in what the heads give: a norm, or more layers, follow")
            )
    return found


def _sums(ends, matrices, heads):
    """For each attention (B, N, C'): what all that end in the same result add, at its entries."""
    size, sums = 1 + max(int(end.entries.max()) for end in ends), {}
    for end, matrix, head in zip(ends, matrices, heads, strict=True):
        rows = torch.einsum("hlcd,hbld->blc", matrix, head)
        whole = sums.setdefault(end.number, rows.new_zeros(len(rows), size))
        whole[:, end.entries] += rows
    return [sums[end.number][:, end.entries] for end in ends]
