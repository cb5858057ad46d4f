"""What is made of several parameters: a product of two matrices, a value bias that goes on."""

from collections.abc import Iterator
from itertools import product

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from attnlib.course.compare.porting.block import Block, Source, Unwritten
from attnlib.course.compare.reading.labels import places
from attnlib.course.compare.reading.read import Reading

NEAR = 1e-6


def formula(wanted: Tensor, where: Tensor, reading: Reading, source: Source) -> str:
    """Python for a parameter of the target that holds `wanted` when the source is moved into it.

    Args:
        where: what its entries are, see Links.
    Raises:
        Unwritten: none that is known here.
    """
    module, wanted = reading.call.module, wanted.squeeze()
    where = where.view(4, *wanted.shape)
    if wanted.dim() == 2:
        texts = _products(wanted, where, source, module)
    else:
        texts = _folded(source, reading)
    for text in texts:
        told = eval(text, {source.name: module, "rearrange": rearrange, "repeat": repeat})
        if told.shape == wanted.shape and _near(told, wanted):
            return text
    raise Unwritten


def _products(wanted: Tensor, where: Tensor, source: Source, module: nn.Module) -> Iterator[str]:
    """Rows of one matrix times another: what stands left of the other is solved for, and found."""
    matrices = _matrices(source, module)
    for (left, (one, index)), (right, (other, _)) in product(matrices.items(), repeat=2):
        if left == right or one.shape[1] != len(other) or other.shape[1] != wanted.shape[1]:
            continue
        rows = wanted @ torch.linalg.pinv(other)
        if not _near(rows @ other, wanted):
            continue
        likeness = nn.functional.normalize(rows) @ nn.functional.normalize(one).T
        chosen = likeness.abs().argmax(1)
        factor = (rows * one[chosen]).sum() / one[chosen].square().sum()
        if _near(factor * one[chosen], rows):
            number = torch.full_like(rows, factor.item())
            place = where[:, :, :1].repeat(1, 1, rows.shape[1])
            place[3] = torch.arange(rows.shape[1])
            yield f"{source.piece(Block(index[chosen], number, place))} @ {right}"


def _matrices(source, module):
    """Python -> (matrix, the number of each entry among all parameters); transposes too."""
    found = {}
    parts = zip(source.texts, module.parameters(), places(module).values(), strict=True)
    for text, parameter, (start, shape) in parts:
        index = torch.arange(start, start + shape.numel()).view(shape)
        if parameter.dim() == 2:
            found |= {text: (parameter, index), f"{text}.T": (parameter.T, index.T)}
    return found


def _folded(source: Source, reading: Reading) -> Iterator[str]:
    """The output bias and what value biases become behind the heads: rows of weights sum to 1."""
    try:
        terms = [text for each in reading.attentions for text in _carried(source, each.origins)]
        bias = reading.attentions[0].origins["out_bias"]
        if (bias.index >= 0).all():
            where = torch.full((4, len(bias.index)), -1)
            terms.insert(0, str(source.piece(Block(bias.index, bias.unit, where))))
        if terms:
            yield " + ".join(terms)
    except Unwritten:
        return


def _carried(source, origins):
    out, bias = origins["out"], origins["value_bias"]
    if not (bias.index >= 0).all():
        return []
    heads, channels, width = out.index.shape
    axes = torch.meshgrid(torch.arange(heads), torch.arange(width), indexing="ij")
    head, row = (axis.flatten() for axis in axes)
    where = torch.stack([torch.full_like(head, 2), head, row, torch.full_like(head, -1)])
    matrix = where[:, None].repeat(1, channels, 1)
    matrix[3] = torch.arange(channels)[:, None]
    pieces = (
        Block(*(each.permute(1, 0, 2).flatten(1) for each in (out.index, out.unit)), matrix),
        Block(bias.index.flatten(), bias.unit.flatten(), where),
    )
    return [" @ ".join(str(source.piece(block)) for block in pieces)]


def _near(told, wanted):
    return bool((told - wanted).abs().max() <= NEAR * wanted.abs().max())
