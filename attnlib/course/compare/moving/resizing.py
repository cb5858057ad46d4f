"""Heads of another width: zeros make a head wider, a product of low rank fits a narrower one."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from attnlib.course.compare.moving.alike import turned_alike, turns_alike
from attnlib.course.compare.reading.attention import Attention
from attnlib.course.compare.reading.immovable import EQUAL, Immovable
from attnlib.course.language import say

Parts = dict[str, Tensor]


def resized(parts: Parts, source: Attention, target: Attention, heads: Tensor) -> Parts:
    """The parts with as many channels of queries, keys and values as a head of the target has.

    Args:
        parts: those of the source, in the order of the target's heads.
        heads: (H,) which head of the source each of them is.
    """
    if source.query_turn is None and target.query_turn is None:
        scores = _scores(parts, target)
    else:
        scores = _turned(parts, source, target, heads)
    return parts | scores | _values(parts, target)


def _scores(parts, target):
    width, names = target.query.shape[1], ("query", "key", "query_bias", "key_bias")
    if parts["query"].shape[1] <= width:
        return {name: _padded(parts[name], width) for name in names}
    query, key = (
        torch.cat([parts[name], parts[f"{name}_bias"][..., None]], 2) for name in ("query", "key")
    )
    if lets_value_bias_through(target):  # then it does not feel a key bias
        key[..., -1] = 0.0
    left, right = _narrow(query.mT @ key, width, say("its scores are of rank {rank}", rank=width))
    query, key = left.mT, right
    return {
        "query": query[..., :-1],
        "query_bias": query[..., -1],
        "key": key[..., :-1],
        "key_bias": key[..., -1],
    }


def _values(parts, target):
    width = target.value.shape[1]
    if parts["value"].shape[1] <= width:
        return {
            "out": _padded(parts["out"].mT, width).mT,
            **{name: _padded(parts[name], width) for name in ("value", "value_bias")},
        }
    bias, out_bias = parts["value_bias"], parts["out_bias"]
    if lets_value_bias_through(target):
        out_bias = out_bias + torch.einsum("hcd,hd->c", parts["out"], bias)
        bias = torch.zeros_like(bias)
    product = parts["out"] @ torch.cat([parts["value"], bias[..., None]], 2)
    out, value = _narrow(product, width, say("what a head moves is of rank {rank}", rank=width))
    return {
        "out": out,
        "value": value[..., :-1],
        "value_bias": value[..., -1],
        "out_bias": out_bias,
    }


def _padded(part, width):
    """(H, D, …) with zeros at the end of D."""
    return pad(part, (0, 0) * (part.dim() - 2) + (0, width - part.shape[1]))


def _narrow(product, width, reason):
    """(H, N, D) · (H, D, M) = product."""
    left, sizes, right = torch.linalg.svd(product, full_matrices=False)
    if (sizes[:, width:] > EQUAL * sizes[:, :1]).any():
        raise Immovable(reason)
    roots = sizes[:, :width].sqrt()
    left, right = left[..., :width] * roots[:, None], right[:, :width] * roots[..., None]
    return _padded(left.mT, width).mT, _padded(right, width)


def _turned(parts, source, target, heads):
    """q and k of each head in the planes in which the target turns them.

    Heads that turn alike get the same matrix, as they may share their keys.
    """
    found = []
    for head, its in enumerate(heads.tolist()):
        turns = _turns(source, its), _turns(target, head)
        matrix = found[-1] if found and turns_alike(found[-1], *turns) else turned_alike(*turns)
        if matrix is None:
            raise Immovable(say("positions turn queries and keys in another way"))
        found.append(matrix)
    matrix = torch.stack(found)
    names = ("query", "key", "query_bias", "key_bias")
    return {name: torch.einsum("hde,he...->hd...", matrix, parts[name]) for name in names}


def _turns(attention, head):
    """(2 L, D, D): of the queries, then of the keys."""
    size, length = attention.query.shape[1], len(attention.tokens)
    still = torch.eye(size, dtype=torch.float64).expand(length, size, size)
    turns = (attention.query_turn, attention.key_turn)
    return torch.cat([still if turn is None else turn[head] for turn in turns])


def lets_value_bias_through(attention: Attention) -> bool:
    """Whether the weights of each query sum to 1 over its keys, of which it has one at least."""
    return attention.axis == "keys" and bool(attention.seen.any(-1).all())
