"""Of each parameter of the target: which entry of the source's parameters the move puts there."""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.moving.move import move
from attnlib.course.compare.reading.attention import PARTS
from attnlib.course.compare.reading.holding import placed
from attnlib.course.compare.reading.labels import NEAR, fills, flat, traced
from attnlib.course.compare.reading.read import Reading

CONSTANT, SEVERAL, KEPT = -1, -2, -3
THREE = ("query", "key", "value", "out")  # a bias counts as what it is added to


class Links(NamedTuple):
    """Entries are counted through all parameters, as labels are.

    The target's entry is `number` times the source's entry `index`; where `index` is CONSTANT it is
    the `number` itself. SEVERAL: it is made of several. KEPT: the move leaves it alone.
    """

    index: Tensor  # (T,)
    number: Tensor  # (T,)
    where: Tensor  # (4, T): query, key, value or out; the head, the row of the head, the channel


def links(source: Reading, target: Reading) -> Links:
    """What `move` does, told by labels: 1, then 1, 2, 3, …, then random numbers."""
    labels = fills(len(flat(source.call.module)))
    answers = [move(source, target, placed(source.attentions, fill)) for fill in labels]
    index, constant = traced(*answers, labels.random)
    index = index.masked_fill(index < 0, SEVERAL).masked_fill(constant, CONSTANT)
    ones = _with_tables(source, target, index, answers[0])
    where, met = _where(target, len(index))
    kept = (index == CONSTANT) & (ones == flat(target.call.module)) & ~met
    number = torch.where(constant, (ones / NEAR).round() * NEAR, ones)  # 0 and 1, not nearly
    return Links(index.masked_fill(kept, KEPT), number, where)


def _with_tables(source, target, index, number):
    """Tables are equal up to what a softmax ignores: then each entry may be its like."""
    for one, other in zip(source.attentions, target.attentions, strict=True):
        if "table" in one.origins and "table" in other.origins:
            its, at = one.origins["table"], other.origins["table"]
            known = (at.index >= 0) & (its.index >= 0)
            index[at.index[known]] = its.index[known]
            number = number.clone()
            number[at.index[known]] = (its.unit / at.unit)[known]
    return number


def _where(target, count):
    """(what each entry of the target is, whether it is anything)."""
    where = torch.full((4, count), -1)
    for attention in target.attentions:
        for name in PARTS:
            index = attention.origins[name].index
            axes = {"out": "hcd", "out_bias": "c"}.get(name, "hdc"[: index.dim()])
            place = torch.meshgrid(*map(torch.arange, index.shape), indexing="ij")
            known = index >= 0
            at = index[known]
            where[0, at] = THREE.index(name.removesuffix("_bias"))
            for axis, number in zip(axes, place, strict=True):
                where["_hdc".index(axis), at] = number[known]
    met = where[0] >= 0
    for attention in target.attentions:
        if "table" in attention.origins:
            used = attention.origins["table"].index
            met[used[used >= 0]] = True
    return where, met
