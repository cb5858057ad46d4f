"""The matrices that make y of what the heads give, read by giving for them."""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.reading.linear import EXACT
from attnlib.course.compare.reading.sight import Sight
from attnlib.course.compare.reading.unreadable import Unreadable
from attnlib.course.language import say


class Merge(NamedTuple):
    """y = sum over heads of matrix · head, + rest · x + bias, at each position."""

    matrices: list[Tensor]  # for each attention, (H, N, C, D')
    bias: Tensor  # (L, C)
    rest: Tensor  # (C, C), 0 where nothing goes past the attention, 1 for a residual path


def answers(sight: Sight, sizes: list[tuple[int, int]], length: int) -> Merge:
    """What y answers to zeros, and to each number of each head alone; sizes: (H, D') of each."""
    count, channels = sum(heads * width for heads, width in sizes), sight.call.width
    units = torch.cat([torch.zeros(1, count), torch.eye(count), torch.zeros(channels, count)])
    units = units.double()
    x = torch.zeros(1 + count + channels, length, channels, dtype=torch.float64)
    x[1 + count :] = torch.eye(channels)[:, None]
    tokens, given, matrices = sight.tokens(x), [], []
    columns = torch.arange(1, count + 1).split([heads * width for heads, width in sizes])
    for size, column, at in zip(sizes, columns, tokens, strict=True):
        part = units[:, column - 1].unflatten(1, size)  # (…, H, D')
        given.append(part.transpose(0, 1)[:, :, None].expand(-1, -1, len(at), -1))
    y = sight.merged(x, given)  # (1 + all + C, L, C)
    for size, column, at in zip(sizes, columns, tokens, strict=True):
        part = (y[column] - y[0])[:, at].unflatten(0, size)  # (H, D', N, C)
        matrices.append(part.permute(0, 2, 3, 1))
    return Merge(matrices, y[0], (y[1 + count :] - y[0])[:, 0].T)


def merge(sight: Sight, sizes: list[tuple[int, int]], length: int) -> Merge:
    """The same, and proved on random heads and x: else Unreadable says what y is not."""
    found = answers(sight, sizes, length)
    x = sight.draw(2, length, seed=2)
    tokens, drawn = sight.tokens(x), torch.Generator().manual_seed(5)
    heads = [
        torch.randn(heads, 2, len(at), width, generator=drawn, dtype=torch.float64)
        for (heads, width), at in zip(sizes, tokens, strict=True)
    ]
    y = sight.merged(x, heads)
    nothing = sight.merged(x, [torch.zeros_like(each) for each in heads])
    told = found.bias + x @ found.rest.T
    if not (nothing - told).abs().max() <= EXACT * y.abs().max():
        raise Unreadable(say("what of x goes past the attention is not linear: a gate, or a norm"))
    for matrix, head, at in zip(found.matrices, heads, tokens, strict=True):
        told[:, at] += torch.einsum("hlcd,hbld->blc", matrix, head)
    if not (told - y).abs().max() <= EXACT * y.abs().max():
        raise Unreadable(
            say("y is not linear in what the heads give: a norm, or more layers, follow")
        )
    return found
