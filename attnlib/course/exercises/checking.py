"""What is wrong with a function that a reader wrote, in a sentence that names the mistake."""

import copy
import inspect
from collections.abc import Callable, Sequence
from numbers import Number
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from attnlib.course.exercises.agreeing import CLOSE, PRECISE, agree, number, sort
from attnlib.course.exercises.causes import builtin, cause
from attnlib.course.exercises.noticed import noticed
from attnlib.course.language import N_, Said, paragraph, say

RETURNS_NONE = N_("Not written yet: it returns None.")
IS_NONE = N_("Not written yet: it is None.")
ALL_NONE = N_("Not written yet: every value is None.")
UNWRITTEN = (RETURNS_NONE, IS_NONE, ALL_NONE)  # what a check says of what a lesson leaves open


class Seen(NamedTuple):
    """Where a result was not as expected: the arguments, what was expected, what came."""

    case: tuple
    want: object
    got: object


class Mistake(str):
    """What is wrong, in a sentence.

    Args:
        hint: the number, from 1, of the hint that helps; None where none does more than others.
        seen: the smallest case in which it was seen; None where there was nothing to compare.
        kind: what it is counted as, the same in every language, with nothing of the reader's in
            it; by default the message of the sentence.
    """

    hint: int | None
    seen: Seen | None
    kind: str

    def __new__(
        cls,
        sentence: str,
        hint: int | None = None,
        seen: Seen | None = None,
        kind: str | None = None,
    ):
        mistake = super().__new__(cls, sentence)
        mistake.hint, mistake.seen = hint, seen
        mistake.kind = getattr(sentence, "message", "") if kind is None else kind
        return mistake


def written(value: object) -> str:
    """A number with four digits, anything else as Python shows it."""
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def numbered(where: str, places: Sequence[int]) -> str:
    """Which result of several it is: 1, or [1][0], the first part of it."""
    place = "".join(f"[{place}]" for place in places) if len(places) > 1 else places[0]
    return say("{where}, in result {place}", where=where, place=place)


def find_mistake(
    answer: Callable,
    right: Callable,
    cases: Sequence[tuple],
    mistakes: Sequence[tuple],
    *,
    trained: bool = False,
    written: Callable[[object], str] = written,
    named: Callable[[str, Sequence[int]], str] = numbered,
) -> Mistake | None:
    """None if the answer gives what the right function gives in every case.

    Args:
        answer: the reader's function.
        right: the solution, with the same arguments.
        cases: arguments to try: several sizes, random numbers, so that nothing passes by luck.
        mistakes: a sentence, marked by `N_`, a function that makes this mistake, and, where one
            helps more than the others, the number of a hint. Of those that give what the answer
            gave, the one that does so in the most cases is named. It may stop where the answer
            stops.
        trained: whether the function is to be trained: it returns a tensor, not what could stand
            for one, keeps float64 exact, and its gradients are looked at.
        written: how a value is told.
        named: where, and the places of a result -> where, and which result.
    """
    if not callable(answer):
        return Mistake(say("It must be a function, and is {kind}.", kind=_kind(answer)))
    for case in cases:
        given = copy.deepcopy(case)
        want, where = right(*copy.deepcopy(case)), described(right, case)
        got = _result(answer, given, want, trained)
        if isinstance(got, Exception) or not agree(got, want):
            seen = _smallest(answer, right, cases, trained)
            known = _known(answer, right, cases, mistakes, case, trained)
            if known is None:
                told = _told(answer, got, want, where, written, named, cases)
                return Mistake(told, None, seen)
            sentence, _, *hint = known
            said = paragraph(say(sentence), say("(Seen for {where}.)", where=where))
            return Mistake(said, *(hint or (None,)), seen)
        if not agree(given, case):
            return Mistake(
                say("It changes its arguments. Leave them as they came: other code may need them.")
            )
    for case in cases if trained else ():
        mistake = _imprecise(answer, right, case) or _cut(answer, right, case)
        if mistake is not None:
            return mistake
    return None


def _result(function, case, want, trained=False):
    """What the function gives, or the exception with which it stops."""
    try:
        return _plain(function(*case), want, trained)
    except Exception as error:  # the reader's own code may raise anything
        return error


def _plain(got, want, trained):
    """Arrays and lists of numbers as the tensor, or the few numbers, that they mean."""
    if isinstance(want, (tuple, list)):
        if isinstance(got, range):
            got = list(got)
        if isinstance(got, (Tensor, np.ndarray)) and got.ndim and _are_plain(want):
            got = list(got)
        if not isinstance(got, (tuple, list)) or len(got) != len(want):
            return got
        return [_plain(*pair, trained) for pair in zip(got, want, strict=True)]
    if trained or not isinstance(want, Tensor) or not _are_numbers(got):
        return got
    try:
        return torch.tensor(got, dtype=want.dtype if _is_float(want) else None)
    except ValueError:  # lists of unequal lengths
        return got


def _are_plain(value):
    """Numbers, or lists of them."""
    if isinstance(value, (tuple, list)):
        return all(map(_are_plain, value))
    return isinstance(value, Number)


def _are_numbers(value):
    if type(value) in (list, tuple):  # a torch.Size is no result
        return bool(value) and all(_is_number(x) or _are_numbers(x) for x in value)
    return isinstance(value, np.ndarray)


def _is_number(value):
    return isinstance(value, Number) or (isinstance(value, Tensor) and not value.shape)


def _smallest(answer, right, cases, trained):
    """Of the cases in which it gives what is wrong, the one with the fewest numbers to look at."""
    found = []
    for case in cases:
        want = right(*copy.deepcopy(case))
        got = _result(answer, copy.deepcopy(case), want, trained)
        shown = got is not None and not isinstance(got, Exception)
        if shown and not agree(got, want):
            found.append(Seen(case, want, got))
    return min(found, key=lambda seen: _size(seen.want), default=None)


def _size(value):
    if isinstance(value, (tuple, list)):
        return sum(map(_size, value))
    return value.numel() if isinstance(value, Tensor) else 1


def _is_float(value):
    return isinstance(value, Tensor) and value.is_floating_point()


def _floats(value):
    """All tensors of floats in the arguments."""
    if isinstance(value, (tuple, list)):
        return [x for part in value for x in _floats(part)]
    return [value] if _is_float(value) else []


def _doubled(value):
    """The arguments, floats as float64 that no float32 is; none is the same tensor as before."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(_doubled, value))
    return value.double() * (1 + 2**-25) if _is_float(value) else copy.deepcopy(value)


def _imprecise(answer, right, case):
    """Whether what comes in as float64 is computed as float32."""
    want, got = right(*_doubled(case)), answer(*_doubled(case))
    if agree(got, want, PRECISE):
        return None
    return Mistake(
        say(
            "The numbers are right for float32. But float64 comes out less exact than it went in: "
            "keep the dtype of what comes in."
        )
    )


def _cut(answer, right, case):
    """Whether the gradient of an argument is another one."""
    want, got = (_gradients(function, case) for function in (right, answer))
    if agree(got, want):
        return None
    return Mistake(
        say(
            "The numbers are right, but not their gradients, and training needs them. Does "
            "something cut them off, as .detach(), .item(), .data or torch.tensor(…) do?"
        )
    )


def _gradients(function, case):
    """Those of a weighted sum of each result, for each argument of floats; () without a graph."""
    case = _doubled(case)
    floats = [x.requires_grad_() for x in _floats(case)]
    return [_pulled(out, floats) for out in _floats(function(*case))]


def _pulled(out, floats):
    if not out.requires_grad:
        return ()
    weights = torch.arange(1.0, 1 + out.numel(), dtype=out.dtype).reshape(out.shape).sin()
    graph = {"materialize_grads": True, "retain_graph": True}
    return torch.autograd.grad((out * weights).sum(), floats, **graph)


def _told(answer, got, want, where, written, named, cases):
    """What is wrong, where no known mistake does the same."""
    if isinstance(got, Exception):
        told = {"where": where, "error": type(got).__name__, "message": got}
        stopped = say("For {where} it stopped with {error}: {message}", **told)
        return paragraph(cause(got), Said(stopped, builtin(got)))
    if got is None and not _never_returns(answer, cases):
        return say("For {where} it returns None: there a return is missing.", where=where)
    if _is_nothing(got):
        return say(RETURNS_NONE)
    return paragraph(noticed(got, want), _difference(got, want, where, written, named))


def _is_nothing(got):
    """None, or nothing but None for each of several."""
    several = isinstance(got, (tuple, list)) and bool(got)
    return got is None or (several and all(map(_is_nothing, got)))


def _never_returns(answer, cases):
    return all(_result(answer, copy.deepcopy(case), None) is None for case in cases)


def _difference(got, want, where, written, named, places=()):
    """What of `got` is not as in `want`: its kind, its shape, or the first value.

    Args:
        places: which of several results it is, from outside in.
    """
    here = say("{where},", where=named(where, places)) if places else where
    if isinstance(want, Tensor):
        return _tensor_difference(got, want, here, written)
    if isinstance(want, Number):
        got = number(got)
    if isinstance(want, (tuple, list)) and isinstance(got, (tuple, list)):
        if len(got) != len(want):
            return say(
                "For {where} there must be {want} results, and there are {got}.",
                where=here,
                want=len(want),
                got=len(got),
            )
        place = [agree(*pair) for pair in zip(got, want, strict=True)].index(False)
        return _difference(got[place], want[place], where, written, named, (*places, place))
    numbers = isinstance(got, Number) and isinstance(want, Number) and not isinstance(want, bool)
    if _kind(got) != _kind(want) and not numbers:
        return say("It must return {want}, and returned {got}.", want=_kind(want), got=_kind(got))
    if isinstance(want, int) and isinstance(got, float) and got == want:
        return say(
            "The values are right. But {got!r} is no whole number: // and math.ceil give whole "
            "numbers, / does not.",
            got=got,
        )
    told = {"want": written(want), "got": written(got)}
    return say("For {where} the result should be {want}, and is {got}.", where=here, **told)


def _tensor_difference(got, want, where, written):
    if not isinstance(got, Tensor):
        return say("It must return {want}, and returned {got}.", want=_kind(want), got=_kind(got))
    if got.shape != want.shape:
        told = {"want": tuple(want.shape), "got": tuple(got.shape)}
        return say("For {where} the shape must be {want}, and is {got}.", where=where, **told)
    if sort(got) != sort(want):
        return say("The result must be {want}, and is {got}.", want=sort(want), got=got.dtype)
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


def _known(answer, right, cases, mistakes, first, trained):
    """Of the mistakes that do in the first case what the answer does, the one most like it in all.

    To stop alone says little: there the mistake must do what the answer does in every case.
    """

    def does(function, case):
        return _result(function, copy.deepcopy(case), right(*copy.deepcopy(case)), trained)

    got = does(answer, first)
    alike = [known for known in mistakes if _alike(got, does(known[1], first))]
    stops = isinstance(got, Exception)
    if len(alike) < 2 and not stops:
        return next(iter(alike), None)
    given = [(case, does(answer, case)) for case in cases]
    if all(isinstance(got, Exception) for _, got in given):
        return None
    counts = [sum(_alike(got, does(known[1], case)) for case, got in given) for known in alike]
    most = max(counts, default=0)
    return alike[counts.index(most)] if most and not (stops and most < len(cases)) else None


def _alike(got, known):
    """Whether the answer and a known mistake both stop, or give the same."""
    if isinstance(got, Exception) or isinstance(known, Exception):
        return isinstance(got, Exception) and isinstance(known, Exception)
    if isinstance(got, int) and isinstance(known, float):
        return got == known  # 3 is not 2.9999, which nobody rounded
    return agree(got, known)


def described(function, case):
    """The arguments as a reader knows them: x of shape (4, 6), heads=2.

    Of a module, or of a function that runs one, its `module`: how it is made and what it is given,
    Heads(6, 2), x of shape (4, 6).
    """
    module = getattr(function, "module", function)
    if isinstance(module, type):
        arguments, x = case
        return f"{module.__name__}({', '.join(map(repr, arguments))}), {_named('x', x)}"
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
    return f"{name}={value!r}"


def _kind(value):
    return say("a torch.Tensor") if isinstance(value, Tensor) else type(value).__name__
