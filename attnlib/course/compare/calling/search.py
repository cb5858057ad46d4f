"""How a module wants to be called: tried."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import nn

from attnlib.course.compare.calling.arguments import ways
from attnlib.course.compare.calling.call import TOKENS, Call
from attnlib.course.compare.calling.copies import copy_of, shown
from attnlib.course.compare.calling.forms import FORMS, blocks
from attnlib.course.compare.calling.numbers import whole_numbers
from attnlib.course.compare.calling.refusals import (
    no_parameters,
    no_width,
    not_called,
    unsteady,
)
from attnlib.course.compare.calling.unreadable import Unreadable

LENGTHS = (TOKENS, 6, 8, 16, 49, 64)
WIDTHS = 12  # sizes of parameters that are tried for C
LARGEST = 1024  # a length that is looked up in the module and tried
MOST_BLOCKS = 16
INPUTS = (2, 1, 5)  # in a batch, which any way to call must take
STEADY = 1e-9  # of the largest output: more is no rounding


class Failure(NamedTuple):
    """Of a way to call. `chance`: it runs for one number of inputs, and not for another."""

    text: str
    chance: bool


def calls(
    module: nn.Module, *, width: int | None = None, causal: bool = False, name: str = "module"
) -> list[Call]:
    """A call for each form that runs and keeps the inputs of a batch apart; else Unreadable.

    Args:
        width: C, where it is known.
        causal: give it a causal mask, where it takes one.
        name: of the argument, for errors.
    """
    if width is not None and (type(width) is not int or width < 1):
        raise ValueError(f"width must be a whole number of at least 1, got {width!r}")
    copied, tried = copy_of(module, name), []
    if next(copied.parameters(), None) is None:
        raise Unreadable(no_parameters(copied, name))
    widths = [width] if width else _widths(copied)
    if not widths:
        raise Unreadable(no_width(copied, name))
    for length in _lengths(copied):  # the outer loop: few modules need one, and it may pass for C
        for size in widths:
            run = _that_run(copied, size, length, causal, tried, name)
            if run:
                _check_steady(run[0], name)
                apart = [call for call in run if _keeps_inputs_apart(call)]
                if apart or not any(each.chance for each in tried):
                    return apart or run
    raise Unreadable(not_called(copied, name, [each.text for each in tried]))


def given_apart(call: Call) -> Call | None:
    """The same, with queries, keys and values of their own; None where it takes x alone."""
    tries = (
        replace(call, given=given, arguments=arguments)
        for given, arguments in ways(call.module, apart=True)
    )
    return next((found for found in tries if len(found.inputs) > 1 and runs(found)), None)


def block_counts(module: nn.Module) -> list[int]:
    """Numbers of blocks that the module may want."""
    return sorted(number for number in whole_numbers(module) if number <= MOST_BLOCKS)


def runs(call: Call, length: int | None = None) -> bool:
    """Whether it runs for inputs of this length, else of its own."""
    x = torch.zeros(1, length or call.length, call.width * len(call.inputs), dtype=torch.float64)
    return _fails(call, x) is None


def _that_run(module, width, length, causal, tried, name) -> list[Call]:
    """The first way of each form that runs; why the others do not goes to `tried`."""
    # So many blocks, where one is no way; not C of them, which a picture (B, C, H, W) would be.
    counts = [count for count in block_counts(module) if count != width]
    for forms in (FORMS, map(blocks, counts)):
        found = []
        for form in forms:
            tries = (
                Call(module, form, given, arguments, width, length * form.groups, name)
                for given, arguments in ways(module, causal)
            )
            found += _first_that_runs(tries, tried)
        if found:
            return found
    return []


def _first_that_runs(tries: Iterator[Call], tried: list[Failure]) -> list[Call]:
    for call in tries:
        # A mask that fits one number of inputs by chance does not fit another.
        tries_of = ((count, _fails(call, _drawn(call, count))) for count in INPUTS)
        count, why = next((each for each in tries_of if each[1]), (0, None))
        if why is None:
            return [call]
        text = f"{call.form.shape}, C={call.width}, L={call.length}, B={count}: {why}"
        tried.append(Failure(text, count != INPUTS[0]))
    return []


def _fails(call, x):
    try:
        call.run(x)
    except Exception as error:  # of the reader's own code, or such a length is no number of blocks
        return shown(error.__cause__ or error)
    return None


def _keeps_inputs_apart(call):
    """Whether what it gives for one input is the same alone, and at any place beside others."""
    one, other, third = _drawn(call, 3)
    among = torch.stack([one, other, one, third, one])
    return call.single or all(_near(call.run(one[None])[0], y) for y in call.run(among)[::2])


def _check_steady(call, name):
    x, other = _drawn(call, 2).split(1)
    before, _, after = call.run(x), call.run(10 * other), call.run(x)
    if not _near(before, after):
        raise Unreadable(unsteady(call.module, name))


def _near(y, other):
    return torch.allclose(
        y, other, rtol=0, atol=STEADY * y.nan_to_num().abs().max().item(), equal_nan=True
    )


def _drawn(call, count):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, call.length, call.width, generator=generator, dtype=torch.float64)


def _widths(module):
    """Sizes of its parameters that have two axes, the most frequent first."""
    sizes = Counter(size for p in module.parameters() if p.dim() > 1 for size in p.shape)
    return [size for size, _ in sizes.most_common(WIDTHS) if size > 1]


def _lengths(module):
    """The usual ones, then those that the module names."""
    named = {number for number in whole_numbers(module) if number <= LARGEST}
    return [*LENGTHS, *sorted(named - set(LENGTHS))]
