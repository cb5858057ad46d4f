"""What the code computes piece by piece, as one attention: heads in turn, or tokens in turn."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from attnlib.course.compare.reading.attention import ELSEWHERE, PARTS, Attention, Origin

STACKED = (*(part for part in PARTS if part != "out_bias"), "query_turn", "key_turn")
Groups = Sequence[Sequence[int]]  # numbers of attentions that become one


def heads_groups(attentions: list[Attention]) -> Groups:
    """Those of the same tokens, shapes, scale and axis, wholly read: heads, in their order."""
    return _grouped(attentions, _kind)


def tokens_groups(attentions: list[Attention]) -> Groups:
    """Those of the same parameters and of other tokens each: one, where a token sees its group."""
    groups = []
    for group in _grouped(attentions, _parameters):
        tokens = torch.cat([attentions[number].tokens for number in group])
        apart = len(tokens.unique()) == len(tokens)
        groups += [group] if apart else [[number] for number in group]
    return groups


def with_heads_joined(attentions: list[Attention], groups: Groups) -> list[Attention]:
    """One attention of several heads for each group."""
    return [_of_heads([attentions[number] for number in group]) for group in groups]


def with_tokens_joined(attentions: list[Attention], groups: Groups) -> list[Attention]:
    """One attention of all their tokens for each group, in which only a group's own are seen."""
    return [_of_tokens([attentions[number] for number in group]) for group in groups]


def _grouped(attentions, kind):
    groups = {}
    for number, each in enumerate(attentions):
        groups.setdefault(kind(each) or number, []).append(number)
    return list(groups.values())


def _kind(each):
    if each.left or each.out is None:
        return None
    shapes = tuple(part.shape[1:] for part in (each.query, each.value))
    turned = each.query_turn is None, each.key_turn is None
    return (*each.tokens.tolist(), shapes, turned, round(each.scale, 9), each.axis, each.end)


def _parameters(each):
    """Where all its numbers are; None where one of them is not told."""
    if each.left or each.out is None or any(its.composite for its in each.origins.values()):
        return None
    parts = (name for name in (*PARTS, "table") if name in each.origins)
    places = tuple(
        number for name in parts for number in each.origins[name].index.flatten().tolist()
    )
    turned = each.query_turn is None, each.key_turn is None
    return (*places, turned, round(each.scale, 9), each.axis, each.end is None)


def _of_heads(group):
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
    where = tuple(place for each in group for place in each.where)
    return replace(first, **values, origins=first.origins | told, where=where)


def _of_tokens(group):
    first = group[0]
    if len(group) == 1:
        return first
    tokens, order = torch.cat([each.tokens for each in group]).sort()
    values = {
        name: _blocks([getattr(each, name) for each in group])[:, order][:, :, order]
        for name in ("seen", "table")
    }
    values |= {
        name: torch.cat([getattr(each, name) for each in group], 1)[:, order]
        for name in ("query_turn", "key_turn")
        if getattr(first, name) is not None
    }
    told = first.origins
    if "table" in told:
        index = _blocks([each.origins["table"].index - ELSEWHERE for each in group]) + ELSEWHERE
        unit = told["table"].unit.flatten()[0].expand(index.shape)
        told = told | {"table": Origin(index[:, order][:, :, order], unit, False)}
    return replace(first, **values, tokens=tokens, origins=told)


def _blocks(parts):
    """(H, N, N) of each group -> (H, L, L), zeros between groups."""
    heads = [torch.block_diag(*each) for each in zip(*parts, strict=True)]
    return torch.stack(heads).to(parts[0].dtype)


def _origin(origins):
    return Origin(
        torch.cat([each.index for each in origins]),
        torch.cat([each.unit for each in origins]),
        any(each.composite for each in origins),
    )
