"""How long the inputs must be on which two modules are compared: past every number in them."""

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.calling.numbers import whole_numbers
from attnlib.course.compare.calling.search import runs

USUAL = (2, 3, 5, 16, 65, 130)
LARGEST = 1024  # a number above is no window that can be tried here; the verdict says how far


def lengths(f: Call, g: Call) -> list[int]:
    """Lengths that both take: short ones, and past each whole number found in them.

    A window of n hides something from n + 1 tokens on, or from n + 2 where n is the farthest token
    that is seen; the latter shows at the longest, whatever n is. The size of a parameter is hardly
    a window, and so long an input costs much.
    """
    modules = [call.module for call in (f, g)]
    found = {n for each in modules for n in whole_numbers(each) if n <= LARGEST}
    windows = found - {size for each in modules for p in each.parameters() for size in p.shape}
    past = {max(windows) + 2} if windows else set()
    tried = {*USUAL, f.length, g.length, *found, *(n + 1 for n in found), *past}
    tried |= {n * call.form.groups for call in (f, g) for n in USUAL}
    return [length for length in sorted(tried) if all(runs(call, length) for call in (f, g))]
