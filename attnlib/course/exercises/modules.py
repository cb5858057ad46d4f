"""What is wrong with a module that a reader wrote: its `forward`, with the parameters given."""

import inspect
from collections.abc import Callable, Sequence

import torch
from torch import nn

from attnlib.course.exercises.checking import Mistake, find_mistake
from attnlib.course.language import say


def find_mistake_in_module(
    answer: type[nn.Module],
    right: type[nn.Module],
    cases: Sequence[tuple],
    mistakes: Sequence[tuple],
) -> Mistake | None:
    """As `find_mistake`, for a class: both get the same parameters, then the same inputs.

    Args:
        answer: the reader's class.
        right: the solution, with the same `__init__`.
        cases: (arguments of `__init__`, as a tuple; x) each.
        mistakes: as in `find_mistake`, with classes in place of functions.
    """
    if not (isinstance(answer, type) and issubclass(answer, nn.Module)):
        return Mistake(_no_class(inspect.unwrap(answer), right.__name__))
    try:
        _made(answer, right, cases[0][0])
    except Exception as error:  # the reader's own code may raise anything
        why = str(error).strip().splitlines()[-1].strip()
        return Mistake(say("Leave __init__ as it is given: it does not fit. {why}", why=why))
    known = [(sentence, _run(wrong, right), *hint) for sentence, wrong, *hint in mistakes]
    return find_mistake(_run(answer, right), _run(right, right), cases, known, trained=True)


def _no_class(answer, name):
    """What it is in place of a module's class."""
    if isinstance(answer, nn.Module):
        return say(
            "This is a module that is made already. Give the class itself: check({name}), without "
            "its arguments.",
            name=name,
        )
    if isinstance(answer, type):
        return say("The class must be an nn.Module: class {name}(nn.Module).", name=name)
    kind = type(answer).__name__
    return say("It must be a class, an nn.Module, and is {kind}.", kind=kind)


def _made(module, right, arguments):
    """The module with the parameters that the solution draws."""
    torch.manual_seed(0)
    reference, made = right(*arguments), module(*arguments)
    made.load_state_dict(reference.state_dict())
    return made.eval()


def _run(module: type[nn.Module], right: type[nn.Module]) -> Callable:
    """A function of __init__'s arguments and x."""

    def run(arguments, x):
        return _made(module, right, arguments).to(x.dtype)(x)

    run.module = right  # the one that `described` names
    return run
