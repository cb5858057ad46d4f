"""What is wrong with a function that a reader wrote, in a sentence that names the mistake."""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from numbers import Number

import torch
from torch import Tensor

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32 rounding passes; a mistake is far larger


def find_mistake(
    answer: Callable,
    right: Callable,
    cases: Sequence[tuple],
    mistakes: Mapping[str, Callable],
) -> str | None:
    """None if the answer gives what the right function gives in every case.

    Args:
        answer: the reader's function.
        right: the solution, with the same arguments.
        cases: arguments to try: several sizes, random numbers, so that nothing passes by luck.
        mistakes: a sentence -> a function that makes this mistake. The first one that gives
            what the answer gave is named.
    """
    if not callable(answer):
        return f"It must be a function, and is {_kind(answer)}."
    for case in cases:
        given = copy.deepcopy(case)
        want, where = right(*copy.deepcopy(case)), _described(right, case)
        try:
            got = answer(*given)
        except Exception as error:  # the reader's own code may raise anything
            return f"For {where} it stopped with {type(error).__name__}: {error}"
        if not agree(got, want):
            named = _first_that_gives(got, mistakes, case)
            return f"{named} (Seen for {where}.)" if named else difference(got, want, where)
        if not agree(given, case):
            return "It changes its arguments. Leave them as they came: other code may need them."
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


def difference(got, want, where: str) -> str:
    """What of `got` is not as in `want`: its kind, its shape, or the first value."""
    if got is None:
        return "Not written yet: it returns None."
    if isinstance(want, Tensor):
        return _tensor_difference(got, want, where)
    if isinstance(want, Number) and isinstance(got, Tensor) and got.numel() == 1:
        got = got.item()  # as good as a number
    if isinstance(want, (tuple, list)) and isinstance(got, (tuple, list)):
        if len(got) != len(want):
            return f"For {where} there must be {len(want)} results, and there are {len(got)}."
        place = [agree(*pair) for pair in zip(got, want, strict=True)].index(False)
        return difference(got[place], want[place], f"{where.removesuffix(',')}, in result {place},")
    if _kind(got) != _kind(want) and not (isinstance(got, Number) and isinstance(want, Number)):
        return f"It must return {_kind(want)}, and returned {_kind(got)}."
    return f"For {where} the result should be {_written(want)}, and is {_written(got)}."


def _tensor_difference(got, want, where):
    if not isinstance(got, Tensor):
        return f"It must return a torch.Tensor, and returned {_kind(got)}."
    if got.shape != want.shape:
        return f"For {where} the shape must be {tuple(want.shape)}, and is {tuple(got.shape)}."
    if _sort(got) != _sort(want):
        return f"The result must be {_sort(want)}, and is {got.dtype}."
    wrong = ~torch.isclose(got.double(), want.double(), **CLOSE)
    place = wrong.nonzero()[0].tolist()
    index = f" at {place}" if place else ""
    here = tuple(place)
    return (
        f"For {where} the value{index} should be {_written(want[here].item())}, "
        f"and is {_written(got[here].item())}."
    )


def _first_that_gives(got, mistakes, case):
    for sentence, wrong in mistakes.items():
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
        return f"{name} of shape {tuple(value.shape)}"
    if isinstance(value, tuple) and any(isinstance(part, Tensor) for part in value):
        return f"{name} of shapes {', '.join(str(tuple(part.shape)) for part in value)}"
    return f"{name}={value}"


def _sort(x):
    if x.dtype == torch.bool:
        return "bool"
    return "float" if x.is_floating_point() else "int"


def _kind(value):
    return "a torch.Tensor" if isinstance(value, Tensor) else type(value).__name__


def _written(value):
    return f"{value:.4g}" if isinstance(value, float) else repr(value)
