"""Do two modules, with the parameters that they hold, compute the same; and where not."""

from dataclasses import dataclass

import torch
from torch import nn

from attnlib.course.compare.calling.search import calls
from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.identity import check_modules
from attnlib.course.compare.judging.off import CLOSE, Apart, apart
from attnlib.course.compare.judging.products import off
from attnlib.course.compare.reading.drawing import drawn
from attnlib.course.compare.reading.inside import attentions
from attnlib.course.compare.reading.read import Reading, read
from attnlib.course.language import paragraph, say

SEED = 40_961


@dataclass(frozen=True)
class Layer:
    """One attention of f beside one of g.

    `off`: how far their outputs are apart, relative to the largest. `heads`: for each head of f
    that of g which is like it; empty if they could not be read.
    """

    names: tuple[str, str]
    off: float
    heads: tuple[int, ...]
    sentence: str

    @property
    def equal(self) -> bool:
        """Up to what single precision keeps."""
        return self.off <= CLOSE


@dataclass(frozen=True)
class Equality:
    """What `equal` found. Layers and heads are counted from 0."""

    layers: tuple[Layer, ...]
    counts: tuple[int, int]  # attentions of f, of g

    @property
    def equal(self) -> bool:
        """Whether all attentions give the same, with what they hold: evidence, seen at draws."""
        return self.counts[0] == self.counts[1] and all(layer.equal for layer in self.layers)

    @property
    def first(self) -> int | None:
        """The number of the first layer that is off."""
        return next((n for n, layer in enumerate(self.layers) if not layer.equal), None)

    @property
    def sentence(self) -> str:
        """What is off, and where it begins."""
        one, other = self.counts
        if one != other:
            return say("no: f has {one} attentions, g has {other}.", one=one, other=other)
        good = self.layers[: self.first]
        worst = max((layer.off for layer in good), default=0.0)
        if self.first is None and one == 1:
            return say("yes ({worst:.0e}).", worst=worst)
        if self.first is None:
            told = {"last": one - 1, "worst": worst}
            return say("layers 0–{last} yes ({worst:.0e}); only attentions were compared.", **told)
        told = {"what": self.layers[self.first].sentence, "number": self.first, "worst": worst}
        if one == 1:
            return say("no: {what}", **told)
        if self.first == 0:
            return say("no. First difference layer 0, {what}", **told)
        told["last"] = self.first - 1
        if self.first == 1:
            return say("no. Layer 0 yes ({worst:.0e}); first difference layer 1, {what}", **told)
        return say(
            "no. Layers 0–{last} yes ({worst:.0e}); first difference layer {number}, {what}", **told
        )

    def __repr__(self) -> str:
        return say("EQUAL? {sentence}", sentence=self.sentence)


def equal(f: nn.Module, g: nn.Module) -> Equality:
    """Do they, with the parameters they hold, compute the same; and which head is which?

    Heads are matched by what no re-arrangement changes: W_qᵀ W_k and W_o W_v of each. Of two whole
    models the attentions inside are compared one after the other.

    Args:
        f, g: attention modules, or models that have the same number of them.
    Raises:
        Unreadable: no attention was found.
    """
    check_modules(f=f, g=g)
    pair = _found(f, "f"), _found(g, "g")
    layers = (_layer(*each) for each in zip(*pair, strict=False))
    return Equality(tuple(layers), tuple(map(len, pair)))


def _found(module: nn.Module, name: str) -> list[tuple[str, Reading]]:
    """Its attentions; else why it is not one."""
    found = attentions(module)
    if not found:
        try:
            read(drawn(calls(module, name=name)[0], 0))
        except Unreadable as reason:
            told = {"name": name, "reason": reason}
            raise Unreadable(say("no attention was found in {name}: {reason}", **told)) from reason
    return found


def _layer(f: tuple[str, Reading], g: tuple[str, Reading]) -> Layer:
    (name, one), (its, other) = f, g
    difference = _off(one, other)
    if len(one.attentions) != 1 or len(other.attentions) != 1 or not (one.whole and other.whole):
        text = say("outputs are {off:.0e} apart; {what}.", off=difference, what=_unlike(one, other))
        return Layer((name, its), difference, (), text)
    counts = [each.attentions[0].heads for each in (one, other)]
    if counts[0] != counts[1]:
        text = say("{one} heads in f, {other} in g.", one=counts[0], other=counts[1])
        return Layer((name, its), difference, (), text)
    found = apart(one.attentions[0], other.attentions[0])
    return Layer((name, its), difference, found.heads, _said(found, counts[0]))


def _unlike(one: Reading, other: Reading) -> str:
    """What of each is not one attention, as far as it is known."""
    told = []
    for name, reading in zip("fg", (one, other), strict=True):
        left = [*reading.left, *(text for each in reading.attentions for text in each.left)]
        told += [say("in {name} {reason}", name=name, reason=each) for each in dict.fromkeys(left)]
    counts = [len(each.attentions) for each in (one, other)]
    return say("; ").join(told) or say(
        "f is made of {one} attentions, g of {other}", one=counts[0], other=counts[1]
    )


def _said(found: Apart, count: int) -> str:
    lines = [_fault(text, heads, count) for text, heads in found.faults.items()]
    agree = say("{letters} agree.", letters=", ".join(found.agree)) if found.agree else ""
    return paragraph(*lines, agree)


def _fault(text, heads, count):
    if not heads:
        return say("{text}.", text=text)
    if len(heads) == count:
        return say("every head, {text}.", text=text)
    if len(heads) == 1:
        return say("head {head}, {text}.", head=heads[0], text=text)
    return say("heads {heads}, {text}.", heads=", ".join(map(str, heads)), text=text)


def _off(one: Reading, other: Reading) -> float:
    """The largest difference of the outputs for random x, relative to the largest of both."""
    width, length = one.call.width, max(one.call.length, other.call.length)
    if width != other.call.width:
        return float("inf")
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(2, length, width, generator=generator, dtype=torch.float64)
    return off(*(each.call.run(x) for each in (one, other)))
