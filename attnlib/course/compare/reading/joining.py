"""Heads that the code computes one after the other, as one attention of several heads."""

from dataclasses import replace

import torch

from attnlib.course.compare.reading.attention import PARTS, Attention, Origin

STACKED = (*(part for part in PARTS if part != "out_bias"), "query_turn", "key_turn")


def joined(attentions: list[Attention]) -> list[Attention]:
    """Those of the same tokens, shapes, scale and axis, wholly read, become one, heads in order."""
    groups = {}
    for number, each in enumerate(attentions):
        groups.setdefault(_kind(each) or number, []).append(each)
    return [_one(group) for group in groups.values()]


def _kind(each):
    if each.left or each.out is None:
        return None
    shapes = tuple(part.shape[1:] for part in (each.query, each.value))
    turned = each.query_turn is None, each.key_turn is None
    return (*each.tokens.tolist(), shapes, turned, round(each.scale, 9), each.axis)


def _one(group):
    first = group[0]
    if len(group) == 1:
        return first
    values = {
        name: torch.cat([getattr(each, name) for each in group])
        for name in (*STACKED, "seen", "table")
        if getattr(first, name) is not None
    }
    told = {
        name: _origin([each.origins[name] for each in group])
        for name in first.origins
        if name != "out_bias"
    }
    return replace(first, **values, origins=first.origins | told)


def _origin(origins):
    return Origin(
        torch.cat([each.index for each in origins]),
        torch.cat([each.unit for each in origins]),
        any(each.composite for each in origins),
    )
