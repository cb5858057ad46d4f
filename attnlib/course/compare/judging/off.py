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
    pair = tuple(products(each, told=one.axis == other.axis) for each in (one, other))
    _, order = linear_sum_assignment(costs(*pair).numpy())
    faults, wrong = {}, set()
    if one.axis != other.axis:
        faults[say("the weights sum to 1 over another axis")] = []
    for head, its in enumerate(order.tolist()):
        for letter, text in _of_head(one, other, head, its, pair):
            faults.setdefault(text, []).append(head)
            wrong |= set(letter)
    held = _have_the_same_numbers(one, other, "value_bias", "out_bias")
    if off(pair[0].bias, pair[1].bias) > CLOSE and not (held and wrong & {"v", "o"}):
        faults[say("the output bias, value biases carried on, is another")] = []
    agree = tuple(letter for letter in LETTERS.values() if letter not in wrong)
    return Apart(tuple(order.tolist()), faults, agree)


def _of_head(one, other, head, its, pair):
    """(letters of what is off, in words)."""
    if not torch.equal(one.seen[head], other.seen[its]):
        yield "", say("who sees whom is not the same")
    elif one.axis == other.axis and _added(pair, head, its) > CLOSE:
        yield "", say("what is added to the scores is not the same")
    f, g = (_parts(each, number) for each, number in ((one, head), (other, its)))
    size = one.query.shape[1]
    for place, (left, right, together) in enumerate(GROUPS):
        told = pair[0][place][head], pair[1][place][its]
        if off(*told) <= CLOSE:
            continue
        wrong = [name for name in (left, right) if off(f[name], g[name]) > CLOSE]
        if left == "query" and len(wrong) < 2:
            yield from _round_the_matrices(one, other, head, its, pair)
        if len(wrong) == 1:
            (name,) = wrong
            letter, moved = LETTERS[name], _have_the_same_numbers(one, other, name)
            yield letter, _said(f"W_{letter}", f[name], g[name], size, moved)
        elif wrong:
            moved = _have_the_same_numbers(one, other, left, right)
            yield LETTERS[left] + LETTERS[right], _said(together, *told, size, moved)


def _added(pair, head, its):
    return (pair[0].table[head] - pair[1].table[its]).abs().max()


def _round_the_matrices(one, other, head, its, pair):
    """What makes scores differ where the queries' and the keys' matrices do not."""
    if not isclose(one.scale, other.scale, rel_tol=CLOSE):
        told = {"one": one.scale, "other": other.scale}
        yield "", say("the scale is {one:.3g} in f, {other:.3g} in g", **told)
    turns = [(each.query_turn, each.key_turn) for each in (one, other)]
    if any(turn is not None for both in turns for turn in both):
        scores = pair[0].scores[head] / one.scale, pair[1].scores[its] / other.scale
        # At the first place nothing is turned.
        if off(scores[0][0], scores[1][0]) <= CLOSE < off(*scores):
            yield "", say("positions turn queries and keys in another way")


def _have_the_same_numbers(one, other, *names):
    """Whether all heads together hold in one what they hold in the other, wherever it is.

    Rows of one matrix to q, k and v are the same for all three together.
    """

    def same(*names):
        sets = (torch.cat([_held(each, name).flatten() for name in names]) for each in (one, other))
        return off(*(each.sort()[0] for each in sets)) <= CLOSE

    return same(*names) or same(*LETTERS, "value_bias")


def _parts(attention, head):
    return {name: _held(attention, name)[head] for name in LETTERS}


def _held(attention, name):
    """(H, …) of all heads; a bias of queries or keys stands as one more column."""
    return with_bias(attention, name) if name in ("query", "key") else getattr(attention, name)


def _said(name, one, other, size, moved=False):
    """ "W_k: g holds 2.83 · f (√8: scaled twice)".

    Args:
        moved: whether it is but the order in which the numbers are used.
    """
    if one.shape != other.shape:
        return say(
            "{name}: {one} in f, {other} in g", name=name, one=_shape(one), other=_shape(other)
        )
    factor = ((one * other).sum() / one.square().sum()).item()
    if off(factor * one, other) > CLOSE:
        if moved:
            return say("{name}: the same numbers in another order", name=name)
        return say("{name}: g holds another", name=name)
    told = {"name": name, "factor": factor, "size": size}
    if isclose(factor, size**0.5, rel_tol=CLOSE):
        return say("{name}: g holds {factor:.3g} · f (√{size}: scaled twice)", **told)
    if isclose(factor, size**-0.5, rel_tol=CLOSE):
        return say("{name}: g holds {factor:.3g} · f (1/√{size}: scaled twice)", **told)
    return say("{name}: g holds {factor:.3g} · f", **told)


def _shape(tensor):
    return tuple(tensor.shape)
