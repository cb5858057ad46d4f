"""How long the inputs must be on which two modules are compared: past every number in them."""

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.calling.numbers import whole_numbers
from attnlib.course.compare.calling.search import runs

USUAL = (2, 3, 5, 16, 65, 130)
LONGEST = 1025  # a number above is no window that can be tried here; the verdict says how far


def lengths(f: Call, g: Call) -> list[int]:
    """Lengths that both take: short ones, and one more than each whole number found in them."""
    found = {n for call in (f, g) for n in whole_numbers(call.module)}
    numbers = found | {n + 1 for n in found}
    tried = {*USUAL, f.length, g.length, *(n for n in numbers if n <= LONGEST)}
    tried |= {n * call.form.groups for call in (f, g) for n in USUAL}
    return [length for length in sorted(tried) if all(runs(call, length) for call in (f, g))]
