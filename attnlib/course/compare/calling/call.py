"""How a module wants to be called: tried, and said."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from attnlib.course.compare.calling.arguments import INPUTS
from attnlib.course.compare.calling.copies import shown
from attnlib.course.compare.calling.forms import Form, blocks
from attnlib.course.compare.calling.tape import Double, Tape, on
from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.language import say

TOKENS = 7  # of a block; a prime shows whoever confuses two axes


@dataclass(frozen=True)
class Call:
    """A module of one's own to look into: a copy, in float64, in eval.

    `given`: what each argument gets, in words. `length`: one that runs. `name`: for errors.
    """

    module: nn.Module
    form: Form
    given: dict[str, str]
    arguments: Callable
    width: int
    length: int
    name: str = "module"

    @property
    def single(self) -> bool:
        """Whether it takes one input at a time."""
        return self.form.single

    @property
    def inputs(self) -> list[str]:
        """Names of the arguments that get tokens of their own: x, or such as q, k and v."""
        apart = {kind: name for name, kind in reversed(self.given.items()) if kind in INPUTS}
        return [apart[kind] for kind in sorted(apart, key=INPUTS.index)]

    @property
    def said(self) -> str:
        """How it is called, for the reader."""
        return say(
            "called with {given}; x is {shape}, C = {width}; in eval and float64",
            given=_in_words(self.given),
            shape=self.form.shape,
            width=self.width,
        )

    def unlike(self, plain: "Call") -> str:
        """What it is given and the plain call is not, for the reader."""
        same = plain.given.items()
        return _in_words(dict(each for each in self.given.items() if each not in same))

    def run(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        """(B, L, C) -> (B, L, C); with several inputs (B, L, C + C + …) -> (B, L, C).

        Raises:
            Unreadable: the module raises anything, or gives no y like x.
        """
        with on(tape or Double()):
            if not self.single or len(x) == 1:
                return self._once(x)
            return torch.cat([self._once(each[None]) for each in x])

    def in_blocks(self, count: int) -> "Call":
        """The same, with so many blocks."""
        return replace(self, form=blocks(count), length=TOKENS * count)

    def _once(self, x):
        # A module may write into what it is given.
        inputs = [self.form.enter(part).clone() for part in x.chunk(len(self.inputs), -1)]
        try:
            y = _first(self.module(**self.arguments(inputs, x.shape[1])), inputs[0].shape)
        except Unreadable:  # of who looks on
            raise
        except Exception as error:  # the reader's own code may raise anything
            raise Unreadable(
                f"{self.name} must take any x {self.form.shape}, whatever its numbers, and give a "
                f"y of its shape, but {type(self.module).__name__} gives {shown(error)} where x is "
                f"{tuple(inputs[0].shape)}"
            ) from error
        return self.form.leave(y)


def _in_words(given):
    each = [say("{name} = {what}", name=name, what=say(what)) for name, what in given.items()]
    return ", ".join(each)


def _first(y, shape):
    """What has the shape of x in what a module gives: it, or the first of a tuple or a mapping."""
    parts = y.values() if hasattr(y, "values") and not isinstance(y, Tensor) else y
    if not isinstance(y, Tensor):
        y = next(iter(parts), None) if parts is not None else None
    if not isinstance(y, Tensor):
        raise ValueError(f"{type(y).__name__}, no tensor")
    if y.shape != shape or not y.is_floating_point():
        dtype = str(y.dtype).removeprefix("torch.")
        raise ValueError(f"a {dtype} {tuple(y.shape)} for x {tuple(shape)}")
    return y
