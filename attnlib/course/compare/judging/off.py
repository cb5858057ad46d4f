"""Which matrix of a head is off, and by what: of two attentions with the parameters they hold."""

from math import isclose
from typing import NamedTuple

import torch
from scipy.optimize import linear_sum_assignment

from attnlib.course.compare.judging.products import costs, off, products, with_bias
from attnlib.course.compare.reading.attention import Attention
from attnlib.course.language import say

CLOSE = 1e-5  # relative to the largest: what float32 keeps through a few products
GROUPS = (("query", "key", "W_qᵀ W_k"), ("out", "value", "W_o W_v"))
LETTERS = {"query": "q", "key": "k", "value": "v", "out": "o"}


class Apart(NamedTuple):
    """`heads`: of each head of f the one of g. `faults`: {what is off, in words: heads of f}."""

    heads: tuple[int, ...]
    faults: dict[str, list[int]]
    agree: tuple[str, ...]  # letters of what is equal in every head


def apart(one: Attention, other: Attention) -> Apart:
    """Heads matched by what no re-arrangement changes; then, of those that are off, the matrix."""
    pair = products(one), products(other)
    _, order = linear_sum_assignment(costs(*pair).numpy())
    faults, wrong = {}, set()
    for head, its in enumerate(order.tolist()):
        for letter, text in _of_head(one, other, head, its, pair):
            faults.setdefault(text, []).append(head)
            wrong |= set(letter)
    if off(pair[0].bias, pair[1].bias) > CLOSE:
        faults[say("the output bias, value biases carried on, is another")] = []
    agree = tuple(letter for letter in LETTERS.values() if letter not in wrong)
    return Apart(tuple(order.tolist()), faults, agree)


def _of_head(one, other, head, its, pair):
    """(letters of what is off, in words)."""
    if not torch.equal(one.seen[head], other.seen[its]):
        yield "", say("who sees whom is not the same")
    elif (pair[0].table[head] - pair[1].table[its]).abs().max() > CLOSE:
        yield "", say("what is added to the scores is not the same")
    f, g = (_parts(each, number) for each, number in ((one, head), (other, its)))
    size = one.query.shape[1]
    for place, (left, right, together) in enumerate(GROUPS):
        told = pair[0][place][head], pair[1][place][its]
        if off(*told) <= CLOSE:
            continue
        wrong = [name for name in (left, right) if off(f[name], g[name]) > CLOSE]
        if len(wrong) == 1:
            letter, held = LETTERS[wrong[0]], (each[wrong[0]] for each in (f, g))
            yield letter, _said(f"W_{letter}", *held, size)
        else:
            yield LETTERS[left] + LETTERS[right], _said(together, *told, size)


def _parts(attention, head):
    return {
        "query": attention.scale * with_bias(attention, "query")[head],
        "key": with_bias(attention, "key")[head],
        "value": attention.value[head],
        "out": attention.out[head],
    }


def _said(name, one, other, size):
    """ "W_k: g holds 2.83 · f (√8: scaled twice)"."""
    if one.shape != other.shape:
        return say(
            "{name}: {one} in f, {other} in g", name=name, one=_shape(one), other=_shape(other)
        )
    factor = ((one * other).sum() / one.square().sum()).item()
    if off(factor * one, other) > CLOSE:
        return say("{name}: g holds another", name=name)
    told = {"name": name, "factor": factor, "size": size}
    if isclose(factor, size**0.5, rel_tol=CLOSE):
        return say("{name}: g holds {factor:.3g} · f (√{size}: scaled twice)", **told)
    if isclose(factor, size**-0.5, rel_tol=CLOSE):
        return say("{name}: g holds {factor:.3g} · f (1/√{size}: scaled twice)", **told)
    return say("{name}: g holds {factor:.3g} · f", **told)


def _shape(tensor):
    return tuple(tensor.shape)
