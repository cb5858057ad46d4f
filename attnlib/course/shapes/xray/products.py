"""Sums of products, as einsum writes them: projections, scores, weighted averages."""

from collections import defaultdict
from itertools import combinations
from string import ascii_letters, ascii_uppercase

from attnlib.course.language import N_, say
from attnlib.course.shapes.xray.axes import (
    CHANNELS,
    TOKENS,
    agreed,
    distinct,
    known,
    leaves,
    size_of,
)
from attnlib.course.shapes.xray.calls import Call, Effect
from attnlib.course.shapes.xray.letters import Letters

SCORES = N_("scores {q} @ {k}ᵀ")


def linear(call: Call) -> Effect:
    """x (…, c) and a weight (e, c)."""
    x, weight = call.axes(call.args[0]), call.axes(call.arg(1, "weight"))
    lead = ascii_uppercase[: len(x) - 1]
    return product([x, weight], [f"{lead}c", "ec"], f"{lead}e", call.letters)


def matmul(call: Call) -> Effect | None:
    """matmul, @, bmm: (…, i, k) and (…, k, j)."""
    a, b = map(call.axes, call.args[:2])
    if min(len(a), len(b)) < 2:
        return None
    lead = ascii_uppercase[: max(len(a), len(b)) - 2]
    terms = [lead[len(lead) + 2 - len(a) :] + "ik", lead[len(lead) + 2 - len(b) :] + "kj"]
    return product([a, b], terms, f"{lead}ij", call.letters)


def baddbmm(call: Call) -> Effect:
    """bias + a @ b."""
    bias, a, b = map(call.axes, call.args[:3])
    effect = product([a, b], ["gik", "gkj"], "gij", call.letters)
    _line_up(bias, effect.output)
    return effect


def addmm(call: Call) -> Effect:
    """bias + x (n, c) @ a weight (c, e), or its transpose."""
    return product(list(map(call.axes, call.args[1:3])), ["nc", "ce"], "ne", call.letters)


def einsum(call: Call) -> Effect | None:
    """einsum of an equation with an arrow, and its operands."""
    equation, *operands = call.args
    if "->" not in equation:
        return None
    operands = list(map(call.axes, operands))
    inputs, out = equation.replace(" ", "").split("->")
    terms = inputs.split(",")
    # "..." are as many axes as the operand has left, the same everywhere, counted from the last.
    left = [len(o) - len(t.replace("...", "")) for o, t in zip(operands, terms, strict=True)]
    free = [letter for letter in ascii_letters if letter not in equation]
    dots = ["".join(reversed(free[:count])) for count in left]
    terms = [term.replace("...", some) for term, some in zip(terms, dots, strict=True)]
    return product(operands, terms, out.replace("...", max(dots, key=len)), call.letters)


def sdpa(call: Call) -> Effect:
    """scaled_dot_product_attention: scores and weighted average in one."""
    q, k, v = (call.axes(call.arg(n, name)) for n, name in enumerate(("query", "key", "value")))
    lead = ascii_uppercase[: len(q) - 2]
    scores = product([q, k], [f"{lead}id", f"{lead}jd"], f"{lead}ij", call.letters)
    mask = call.arg(3, "attn_mask")
    if mask is not None:
        _line_up(call.axes(mask), scores.output)
    terms = [f"{lead}ij", f"{lead}je"]
    averaged = product([scores.output, v], terms, f"{lead}ie", call.letters)
    inputs = [*scores.inputs, averaged.inputs[1]]
    return Effect(inputs, averaged.output, averaged.result, verb=call.name, parts=("q", "k", "v"))


def product(operands, terms: list[str], out: str, letters: Letters) -> Effect:
    """The effect of einsum("terms -> out"); over two axes of tokens, queries i and keys j.

    Args:
        operands: their axes.
    """
    met = defaultdict(list)
    for axes, term in zip(operands, terms, strict=True):
        for letter, axis in zip(term, axes, strict=True):
            met[letter].append(axis)
    chosen = {letter: agreed(axes) for letter, axes in met.items()}
    summed = [factor for letter in met if letter not in out for factor in leaves(chosen[letter])]
    for letter in out:
        # Where channels are summed, an axis that only the weight has is what it projects to.
        new = not known(chosen[letter]) and size_of(chosen[letter]) > 1
        if new and any(factor.kind == CHANNELS for factor in summed):
            channels = (letters.new_channels(size_of(chosen[letter])),)
            chosen[letter] = agreed([channels, chosen[letter]])
    pairs = [pair for pair in combinations(out, 2) if _alike(*(chosen[k] for k in pair))]
    for pair in pairs[-1:]:
        for letter, name in zip(pair, "ij", strict=True):
            chosen[letter] = (chosen[letter][0].twin(name),)
    # Two letters are two axes, even where both are the channels of one tensor: kᵀ @ v.
    order = [*out, *(letter for letter in chosen if letter not in out)]
    chosen = dict(zip(order, distinct(chosen[letter] for letter in order), strict=True))
    *inputs, output = (tuple(chosen[letter] for letter in term) for term in (*terms, out))
    if pairs:
        parts = tuple("q" if pairs[-1][0] in term else "k" for term in terms)
        return Effect(inputs, output, verb=SCORES, parts=parts)
    # Without its keys, a query is a token again.
    result = tuple(tuple(factor.tokens for factor in axis) for axis in output)
    if [factor.name for factor in summed] != ["j"]:
        return Effect(inputs, output, result)
    queries = [any(factor.name == "i" for axis in axes for factor in axis) for axes in inputs]
    parts = tuple("" if has_queries else "v" for has_queries in queries)
    return Effect(inputs, output, result, verb=say("weights @ v"), parts=parts)


def _line_up(term, scores) -> None:
    """A bias or mask has the axes of the scores, from the last on."""
    for of_term, of_scores in zip(reversed(term), reversed(scores), strict=False):
        agreed([of_scores, of_term])


def _alike(a, b) -> bool:
    """Whether two axes are queries and keys: the same tokens, met twice."""
    if not all(len(axis) == 1 and axis[0].kind == TOKENS for axis in (a, b)):
        return False
    (a,), (b,) = a, b
    return a.tokens is b.tokens or (a.letter == b.letter != "")
