"""How a module wants to be called: tried, and said."""

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnlib.course.compare.reading.arguments import ways
from attnlib.course.compare.reading.forms import FORMS, Form
from attnlib.course.compare.reading.numbers import whole_numbers
from attnlib.course.compare.reading.tape import Tape, on
from attnlib.course.compare.reading.unreadable import Unreadable
from attnlib.course.language import say

LENGTHS = (7, 6, 8, 16, 49, 64)  # 7 first: a prime shows whoever confuses two axes
WIDTHS = 12  # sizes of parameters that are tried for C
LARGEST = 1024  # a length that is looked up in the module and tried


@dataclass(frozen=True)
class Call:
    """A module of one's own to look into: a copy, in float64, in eval.

    `given`: what each argument gets, in words. `length`: one that runs.
    """

    module: nn.Module
    form: Form
    given: dict[str, str]
    arguments: Callable
    width: int
    length: int

    @property
    def single(self) -> bool:
        """Whether it takes one input at a time."""
        return self.form.single

    @property
    def said(self) -> str:
        """How it is called, for the reader."""
        words = {name: say(what) for name, what in self.given.items()}
        given = ", ".join(f"{name} = {what}" for name, what in words.items())
        return say(
            "called with {given}; x is {shape}, C = {width}; in eval and float64",
            given=given,
            shape=self.form.shape,
            width=self.width,
        )

    def run(self, x: Tensor, tape: Tape | None = None) -> Tensor:
        """(B, L, C) -> (B, L, C)."""
        with on(tape or Tape(x)):
            if not self.single or len(x) == 1:
                return self._once(x)
            return torch.cat([self._once(each[None]) for each in x])

    def _once(self, x):
        # A module may write into what it is given.
        inputs = self.form.enter(x).clone()
        y = _first(self.module(**self.arguments(inputs, x.shape[1])), inputs.shape)
        return self.form.leave(y)


def calls(module: nn.Module, *, width: int | None = None, causal: bool = False) -> list[Call]:
    """A call for each form that runs and keeps the inputs of a batch apart; else Unreadable.

    Args:
        width: C, where it is known.
        causal: give it a causal mask, where it takes one.
    """
    copied, tried = copy_of(module), []
    widths = [width] if width else _widths(copied)
    for length in _lengths(copied):  # the outer loop: few modules need one, and it may pass for C
        for size in widths:
            run = []
            for form in FORMS:
                run += _first_that_runs(copied, form, size, length, causal, tried)
            if run:
                return [call for call, apart in run if apart] or [call for call, _ in run]
    name = type(module).__name__
    if not widths:
        raise Unreadable(f"the parameters of {name} do not tell its width C: give it")
    detail = "; ".join(dict.fromkeys(tried[:1] + tried[-2:]))
    raise Unreadable(f"no way to call {name} was found. Tried: {detail}")


def copy_of(module: nn.Module) -> nn.Module:
    """In float64 and eval, without gradients; what it keeps of its last run is kept apart."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"an nn.Module is needed, got {type(module).__name__}")
    kept = (value for part in module.modules() for value in vars(part).values())
    memo = {
        id(value): value.detach().clone()
        for value in kept
        if isinstance(value, Tensor) and value.grad_fn is not None
    }
    try:
        copied = copy.deepcopy(module, memo)
    except Exception as error:  # whatever stands in the way of a copy
        raise Unreadable(f"{type(module).__name__} cannot be copied: {_shown(error)}") from error
    return copied.double().cpu().eval().requires_grad_(False)


def _first_that_runs(module, form, width, length, causal, tried):
    """[(call, whether it keeps the inputs of a batch apart)], or [] and why not in `tried`."""
    for given, arguments in ways(module, causal):
        call = Call(module, form, given, arguments, width, length)
        try:
            return [(call, _keeps_inputs_apart(call))]
        except Exception as error:  # the reader's own code may raise anything
            tried.append(f"{form.shape}, C={width}, L={length}: {_shown(error)}")
    return []


def _keeps_inputs_apart(call):
    """Runs it; whether what it gives for one input is the same beside another."""
    drawn = torch.Generator().manual_seed(0)
    shape = (3, call.length, call.width)
    one, other, third = torch.randn(shape, generator=drawn, dtype=torch.float64)
    if call.single:
        call.run(one[None])
        return True
    beside_other, beside_third = (call.run(torch.stack([one, each]))[0] for each in (other, third))
    return (beside_other - beside_third).abs().max() <= 1e-9 * beside_other.abs().max()


def _first(y, shape):
    """What has the shape of x in what a module gives: it, or the first of a tuple or a mapping."""
    parts = y.values() if hasattr(y, "values") and not isinstance(y, Tensor) else y
    if not isinstance(y, Tensor):
        y = next(iter(parts), None) if parts is not None else None
    if not isinstance(y, Tensor) or y.shape != shape:
        got = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise ValueError(f"it gives {got} for {tuple(shape)}")
    return y


def _widths(module):
    """Sizes of its parameters that have two axes, the most frequent first."""
    sizes = Counter(size for p in module.parameters() if p.dim() > 1 for size in p.shape)
    return [size for size, _ in sizes.most_common(WIDTHS) if size > 1]


def _lengths(module):
    """The usual ones, then those that the module names."""
    named = {number for number in whole_numbers(module) if number <= LARGEST}
    return [*LENGTHS, *sorted(named - set(LENGTHS))]


def _shown(error):
    return f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"
