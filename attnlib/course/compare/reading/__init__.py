"""What a module computes, read from what it does: no name of a class is looked at.

`read(module)` calls it, finds its attentions, and tells each one's matrices, biases, scale, table,
mask, turns, and of each number the place in the parameters. What is not of this form is named.
"""

from attnlib.course.compare.reading.attention import Attention, Origin
from attnlib.course.compare.reading.call import Call, calls
from attnlib.course.compare.reading.labels import place
from attnlib.course.compare.reading.read import Reading, read
from attnlib.course.compare.reading.unreadable import Unreadable
from attnlib.course.compare.reading.verdict import Verdict, compare

__all__ = [
    "Attention",
    "Call",
    "Origin",
    "Reading",
    "Unreadable",
    "Verdict",
    "calls",
    "compare",
    "place",
    "read",
]
