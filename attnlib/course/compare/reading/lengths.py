"""How long the inputs must be on which two modules are compared: past every number in them."""

import torch

from attnlib.course.compare.reading.call import Call
from attnlib.course.compare.reading.numbers import whole_numbers

USUAL = (2, 3, 5, 16, 65, 130)
LONGEST = 1025  # a number above is no window that can be tried here; the verdict says how far


def lengths(f: Call, g: Call) -> list[int]:
    """Lengths that both take: short ones, and one more than each whole number found in them."""
    found = {n for call in (f, g) for n in whole_numbers(call.module)}
    numbers = found | {n + 1 for n in found}
    tried = {*USUAL, f.length, g.length, *(n for n in numbers if n <= LONGEST)}
    return [length for length in sorted(tried) if all(_runs(call, length) for call in (f, g))]


def _runs(call, length):
    try:
        call.run(torch.zeros(1, length, call.width, dtype=torch.float64))
    except Exception:  # the reader's own code may raise anything
        return False
    return True
