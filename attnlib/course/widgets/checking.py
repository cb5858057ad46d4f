"""What is wrong with a function that a reader wrote, in a sentence that names the mistake."""

import copy
import inspect
from collections.abc import Callable, Sequence
from numbers import Number

import torch
from torch import Tensor

from attnlib.course.language import paragraph, say

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32 rounding passes; a mistake is far larger


def written(value: object) -> str:
    """A number with four digits, anything else as Python shows it."""
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def numbered(where: str, place: int) -> str:
    """Where a result of several was seen."""
    return say("{where}, in result {place}", where=where, place=place)


def find_mistake(
    answer: Callable,
    right: Callable,
    cases: Sequence[tuple],
    mistakes: Sequence[tuple[str, Callable]],
    *,
    written: Callable[[object], str] = written,
    named: Callable[[str, int], str] = numbered,
) -> str | None:
    """None if the answer gives what the right function gives in every case.

    Args:
        answer: the reader's function.
        right: the solution, with the same arguments.
        cases: arguments to try: several sizes, random numbers, so that nothing passes by luck.
        mistakes: a sentence, marked by `N_`, and a function that makes this mistake. The first one
            that gives what the answer gave is named.
        written: how a value is told.
        named: where, and the number of a result -> where, and which result.
    """
    if not callable(answer):
        return say("It must be a function, and is {kind}.", kind=_kind(answer))
    for case in cases:
        given = copy.deepcopy(case)
        want, where = right(*copy.deepcopy(case)), _described(right, case)
        try:
            got = answer(*given)
        except Exception as error:  # the reader's own code may raise anything
            told = {"where": where, "error": type(error).__name__, "message": error}
            return say("For {where} it stopped with {error}: {message}", **told)
        if not agree(got, want):
            mistake = _first_that_gives(got, mistakes, case)
            if mistake is None:
                return _difference(got, want, where, written, named)
            return paragraph(say(mistake), say("(Seen for {where}.)", where=where))
        if not agree(given, case):
            return say(
                "It changes its arguments. Leave them as they came: other code may need them."
            )
    return None


def agree(got, want) -> bool:
    """Whether two results are the same, up to float32 rounding. Lists may stand for tuples."""
    if isinstance(want, Tensor):
        if not isinstance(got, Tensor) or got.shape != want.shape or _sort(got) != _sort(want):
            return False
        if _sort(want) != "float":
            return got.equal(want.to(got.dtype))
        return torch.allclose(got.double(), want.double(), **CLOSE)
    if isinstance(want, (tuple, list)):
        return (
            isinstance(got, (tuple, list)) and len(got) == len(want) and all(map(agree, got, want))
        )
    if isinstance(want, Number) and not isinstance(want, bool):
        if isinstance(got, Tensor) and got.numel() == 1:
            got = got.item()
        if not isinstance(got, Number) or isinstance(got, bool):
            return False
        return agree(torch.tensor(float(got)), torch.tensor(float(want)))
    return type(got) is type(want) and got == want


def _difference(got, want, where, written, named, inside=False):
    """What of `got` is not as in `want`: its kind, its shape, or the first value.

    Args:
        inside: whether `where` ends with which result it is.
    """
    if got is None:
        return say("Not written yet: it returns None.")
    here = say("{where},", where=where) if inside else where
    if isinstance(want, Tensor):
        return _tensor_difference(got, want, here, written)
    if isinstance(want, Number) and isinstance(got, Tensor) and got.numel() == 1:
        got = got.item()  # as good as a number
    if isinstance(want, (tuple, list)) and isinstance(got, (tuple, list)):
        if len(got) != len(want):
            return say(
                "For {where} there must be {want} results, and there are {got}.",
                where=here,
                want=len(want),
                got=len(got),
            )
        place = [agree(*pair) for pair in zip(got, want, strict=True)].index(False)
        where = named(where, place)
        return _difference(got[place], want[place], where, written, named, inside=True)
    if _kind(got) != _kind(want) and not (isinstance(got, Number) and isinstance(want, Number)):
        return say("It must return {want}, and returned {got}.", want=_kind(want), got=_kind(got))
    told = {"want": written(want), "got": written(got)}
    return say("For {where} the result should be {want}, and is {got}.", where=here, **told)


def _tensor_difference(got, want, where, written):
    if not isinstance(got, Tensor):
        return say("It must return {want}, and returned {got}.", want=_kind(want), got=_kind(got))
    if got.shape != want.shape:
        told = {"want": tuple(want.shape), "got": tuple(got.shape)}
        return say("For {where} the shape must be {want}, and is {got}.", where=where, **told)
    if _sort(got) != _sort(want):
        return say("The result must be {want}, and is {got}.", want=_sort(want), got=got.dtype)
    wrong = ~torch.isclose(got.double(), want.double(), **CLOSE)
    place = wrong.nonzero()[0].tolist()
    here = tuple(place)
    told = {"want": written(want[here].item()), "got": written(got[here].item())}
    if not place:
        return say("For {where} the value should be {want}, and is {got}.", where=where, **told)
    return say(
        "For {where} the value at {place} should be {want}, and is {got}.",
        where=where,
        place=place,
        **told,
    )


def _first_that_gives(got, mistakes, case):
    for sentence, wrong in mistakes:
        try:
            if agree(got, wrong(*copy.deepcopy(case))):
                return sentence
        except Exception:  # a mistake need not run in every case
            continue
    return None


def _described(function, case):
    """The arguments as a reader knows them: x of shape (4, 6), heads=2."""
    names = inspect.signature(function).parameters
    return ", ".join(
        _named(name, value)
        for name, value in zip(names, case, strict=False)
        if isinstance(value, (Tensor, Number, str, tuple))
    )


def _named(name, value):
    if isinstance(value, Tensor):
        return say("{name} of shape {shape}", name=name, shape=tuple(value.shape))
    if isinstance(value, tuple) and any(isinstance(part, Tensor) for part in value):
        shapes = ", ".join(str(tuple(part.shape)) for part in value)
        return say("{name} of shapes {shapes}", name=name, shapes=shapes)
    return f"{name}={value}"


def _sort(x):
    if x.dtype == torch.bool:
        return "bool"
    return "float" if x.is_floating_point() else "int"


def _kind(value):
    return say("a torch.Tensor") if isinstance(value, Tensor) else type(value).__name__
