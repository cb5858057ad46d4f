"""A call, and what it does with the axes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from attnlib.course.shapes.xray.letters import Letters

WRITES = ("__iadd__", "__isub__", "__imul__", "__itruediv__", "__setitem__")


class Call(NamedTuple):
    """A call as the trace saw it: `axes(tensor)` are those known so far, numbers if none are."""

    function: Callable
    args: tuple
    kwargs: dict
    result: Any
    axes: Callable[[Tensor], tuple]
    letters: Letters

    @property
    def name(self) -> str:
        return name_of(self.function)

    @property
    def in_place(self) -> bool:
        """Whether it writes into its operand: add_, and += and x[…] = y."""
        name = getattr(self.function, "__name__", "")
        return name in WRITES or (name.endswith("_") and not name.endswith("__"))

    def arg(self, index: int, name: str, default=None):
        """An argument, given by place or by name."""
        return self.args[index] if len(self.args) > index else self.kwargs.get(name, default)


def name_of(function: Callable) -> str:
    """As it is written: Tensor.mT.__get__ is mT; Tensor.__add__ and add_ are add."""
    name = getattr(function, "__name__", str(function))
    return (function.__self__.__name__ if name == "__get__" else name).strip("_")


@dataclass
class Effect:
    """The axes of the operands and of the result, and what to say of them.

    Args:
        inputs, output: the two sides of the pattern; no inputs, no pattern.
        result: the axes that the result goes on with, if other than output.
        splits: the parts that factors were split into.
        pure: whether einops.rearrange with the pattern does exactly the same.
        copies: how many tensors of the output's axes come out.
        verb: what to show instead of the function's name. A sign, as " * 0.5", stands after the
            name of what it works on; words stand for all of it.
        called: the names that the results have from now on.
        parts: the names that the operands turn out to have, "" for none.
    """

    inputs: list
    output: tuple
    result: tuple | None = None
    splits: dict = field(default_factory=dict)
    pure: bool = False
    copies: int = 1
    verb: str = ""
    called: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def goes_on(self) -> tuple:
        """The axes that the result goes on with."""
        return self.output if self.result is None else self.result
