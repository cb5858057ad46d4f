"""The numbers of one attention in the form of another: scale, biases, turns, the order of heads."""

import torch
from torch import Tensor

from attnlib.course.compare.moving.pairing import Heads
from attnlib.course.compare.moving.resizing import lets_value_bias_through, resized
from attnlib.course.compare.reading.attention import Attention
from attnlib.course.compare.reading.immovable import EQUAL, Immovable
from attnlib.course.language import say


def fitted(source: Attention, target: Attention, heads: Heads) -> dict[str, Tensor]:
    """The parts that the target must have to compute what the source computes.

    Args:
        heads: the head of the source that each head of the target is to be.
    Raises:
        Immovable: the target has no parameters that could do it, and why.
    """
    order, used = heads.of, ~heads.spare
    if source.axis != target.axis:
        raise Immovable(say("the weights sum to 1 over another axis"))
    if not torch.equal(source.seen[order][used], target.seen[used]):
        raise Immovable(say("who sees whom is not the same"))
    free = "table" in target.origins
    if not free and (source.table[order] - target.table)[used].abs().max() > EQUAL:
        raise Immovable(say("what is added to the scores is not the same"))
    names = ("query", "key", "value", "out", "query_bias", "key_bias", "value_bias")
    parts = {name: getattr(source, name)[order] for name in names}
    parts |= {"out_bias": source.out_bias, "table": source.table[order]}
    parts = resized(parts, source, target, order)
    for name in ("query", "query_bias"):
        parts[name] = parts[name] * (source.scale / target.scale)
    _silence(parts, target, heads.spare)
    _house_scores(parts, target)
    _house_out(parts, target)
    _house_biases(parts, target)
    return parts


def _silence(parts, target, spare):
    """What a head is not needed for it must not do."""
    if _fixed(target, "out"):
        parts["out"][spare] = target.out[spare]
        parts["value"][spare] = parts["value_bias"][spare] = 0.0
    else:
        parts["out"][spare] = 0.0


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
    """Values or `out` take up the product of both, where the other is fixed."""
    if _fixed(target, "value") and not _fixed(target, "out"):
        parts["out_bias"] = parts["out_bias"] + torch.einsum(
            "hcd,hd->c", parts["out"], parts["value_bias"]
        )
        parts["out"] = parts["out"] @ parts["value"] @ torch.linalg.pinv(target.value)
        parts["value"], parts["value_bias"] = target.value, torch.zeros_like(target.value_bias)
    if _fixed(target, "out"):
        matrix = torch.linalg.pinv(target.out) @ parts["out"]
        if (target.out @ matrix - parts["out"]).abs().max() <= EQUAL:
            for name in ("value", "value_bias"):
                parts[name] = torch.einsum("hde,he...->hd...", matrix, parts[name])
            parts["out"] = target.out


def _house_biases(parts, target):
    """A softmax over keys ignores a key bias, and lets a value bias through whole."""
    if not lets_value_bias_through(target):
        return
    if _fixed(target, "key_bias") and target.key_turn is None:
        parts["key_bias"] = target.key_bias
    if _fixed(target, "value_bias"):
        rest = parts["value_bias"] - target.value_bias
        parts["out_bias"] = parts["out_bias"] + torch.einsum("hcd,hd->c", parts["out"], rest)
        parts["value_bias"] = target.value_bias
    elif _fixed(target, "out_bias"):
        rest = (parts["out_bias"] - target.out_bias)[:, None]
        out = parts["out"].transpose(0, 1).flatten(1)  # (C, H·D')
        found = torch.linalg.lstsq(out, rest, driver="gelsd").solution
        if (out @ found - rest).abs().max() <= EQUAL * rest.abs().max():
            parts["value_bias"] = parts["value_bias"] + found.view(parts["value_bias"].shape)
            parts["out_bias"] = target.out_bias


def _fixed(attention, name):
    origin = attention.origins[name]
    return not origin.composite and not (origin.index >= 0).any()
