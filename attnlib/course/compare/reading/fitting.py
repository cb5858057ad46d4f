"""The numbers of one attention in the form of another: scale, biases, turns, the order of heads."""

import torch
from torch import Tensor

from attnlib.course.compare.reading.alike import turned_alike
from attnlib.course.compare.reading.attention import Attention
from attnlib.course.language import say

EQUAL = 1e-6


class Immovable(ValueError):
    """Why the parameters of one attention do not go into another."""


def fitted(source: Attention, target: Attention, order: Tensor) -> dict[str, Tensor]:
    """The parts that the target must have to compute what the source computes.

    Args:
        order: (H,) the head of the source that each head of the target is to be.
    Raises:
        Immovable: the target has no parameters that could do it, and why.
    """
    _check_shapes(source, target)
    if source.axis != target.axis:
        raise Immovable(say("the weights sum to 1 over another axis"))
    if not torch.equal(source.seen[order], target.seen):
        raise Immovable(say("who sees whom is not the same"))
    free = "table" in target.origins
    if not free and (source.table[order] - target.table).abs().max() > EQUAL:
        raise Immovable(say("what is added to the scores is not the same"))
    names = ("query", "key", "value", "out", "query_bias", "key_bias", "value_bias")
    parts = {name: getattr(source, name)[order] for name in names}
    parts |= {"out_bias": source.out_bias.clone(), "table": source.table[order]}
    _turn(parts, source, target)
    for name in ("query", "query_bias"):
        parts[name] = parts[name] * (source.scale / target.scale)
    _house_scores(parts, target)
    _house_out(parts, target)
    _house_biases(parts, target)
    return parts


def _check_shapes(source, target):
    one, other = (
        (each.query.shape[0], each.query.shape[1], each.value.shape[1]) for each in (source, target)
    )
    if one != other:
        raise Immovable(
            say(
                "{one} (heads, channels of a query, of a value) do not go into {other}",
                one=one,
                other=other,
            )
        )


def _turn(parts, source, target):
    """q and k of each head in the planes in which the target turns them."""
    if source.query_turn is None and target.query_turn is None:
        return
    size, length = source.query.shape[1], len(source.tokens)
    still = torch.eye(size, dtype=torch.float64).expand(length, size, size)
    turns = []
    for each in (source, target):
        both = [still if t is None else t.mean(0) for t in (each.query_turn, each.key_turn)]
        turns.append(torch.cat(both))
    matrix = turned_alike(*turns)
    if matrix is None:
        raise Immovable(say("positions turn queries and keys in another way"))
    for name in ("query", "key", "query_bias", "key_bias"):
        parts[name] = torch.einsum("de,he...->hd...", matrix, parts[name])


def _house_scores(parts, target):
    """Where queries or keys are fixed, the others may take up the product of both."""
    if target.query_turn is not None:
        return
    for fixed, other in (("key", "query"), ("query", "key")):
        if _fixed(target, fixed) and not _fixed(target, other):
            # fixedᵀ · wanted = partsᵀ: head by head the least squares, which the outputs judge
            matrix = torch.linalg.pinv(getattr(target, fixed).mT) @ parts[fixed].mT
            parts[other] = matrix @ parts[other]
            parts[f"{other}_bias"] = torch.einsum("hde,he->hd", matrix, parts[f"{other}_bias"])
            parts[fixed] = getattr(target, fixed)
            return


def _house_out(parts, target):
    """Values or `out` may take up the product of both: where one is fixed, with a single head."""
    if _fixed(target, "value") and not _fixed(target, "out"):
        parts["out_bias"] = parts["out_bias"] + torch.einsum(
            "hcd,hd->c", parts["out"], parts["value_bias"]
        )
        parts["out"] = parts["out"] @ parts["value"] @ torch.linalg.pinv(target.value)
        parts["value"], parts["value_bias"] = target.value, torch.zeros_like(target.value_bias)
    if _fixed(target, "out") and target.heads == 1 and target.value.shape[1] == len(target.out[0]):
        matrix = torch.linalg.pinv(target.out) @ parts["out"]
        for name in ("value", "value_bias"):
            parts[name] = torch.einsum("hde,he...->hd...", matrix, parts[name])
        parts["out"] = target.out


def _house_biases(parts, target):
    """A softmax over keys ignores a key bias, and lets a value bias through whole."""
    if target.axis != "keys" or not target.seen.any(-1).all():
        return
    if _fixed(target, "key_bias") and target.key_turn is None:
        parts["key_bias"] = target.key_bias
    if _fixed(target, "value_bias"):
        rest = parts["value_bias"] - target.value_bias
        parts["out_bias"] = parts["out_bias"] + torch.einsum("hcd,hd->c", parts["out"], rest)
        parts["value_bias"] = target.value_bias


def _fixed(attention, name):
    return not (attention.origins[name].index >= 0).any()
