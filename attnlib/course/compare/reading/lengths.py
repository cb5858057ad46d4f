"""How long the inputs must be on which two modules are compared: past every number in them."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from attnlib.course.compare.reading.call import Call

USUAL = (2, 3, 5, 16, 65, 130)
TORCH = nn.Module.__module__.split(".")[0]
LONGEST = 1025  # a number above is no window that can be tried here; the verdict says how far


def lengths(f: Call, g: Call) -> list[int]:
    """Lengths that both take: short ones, and one more than each whole number found in them."""
    numbers = {n + 1 for call in (f, g) for n in whole_numbers(call.module)}
    tried = {*USUAL, f.length, g.length, *(n for n in numbers if n <= LONGEST)}
    return [length for length in sorted(tried) if all(_runs(call, length) for call in (f, g))]


def whole_numbers(module: nn.Module) -> set[int]:
    """Those kept by its parts and their configurations, written in their code, sizes of buffers."""
    found = set()
    for part in module.modules():
        found |= set(_numbers(vars(part), deep=True))
        found |= {size for buffer in part.buffers(recurse=False) for size in buffer.shape}
        if not type(part).__module__.startswith(TORCH):
            found |= set(_of_code(part))
    return {number for number in found if number > 1}


def _of_code(part) -> Iterator[int]:
    """Numbers in the methods of a class of somebody's own."""
    code = [method.__code__ for method in vars(type(part)).values() if hasattr(method, "__code__")]
    for each in code:
        yield from (number for number in each.co_consts if type(number) is int)
        code += (inner for inner in each.co_consts if hasattr(inner, "co_consts"))


def _numbers(values: dict, deep: bool) -> Iterator[int]:
    for value in values.values():
        if type(value) is int:
            yield value
        elif isinstance(value, tuple | list):
            yield from (each for each in value if type(each) is int)
        elif deep and hasattr(value, "__dict__") and not isinstance(value, nn.Module | Tensor):
            yield from _numbers(vars(value), deep=False)


def _runs(call, length):
    try:
        call.run(torch.zeros(1, length, call.width, dtype=torch.float64))
    except Exception:  # the reader's own code may raise anything
        return False
    return True
