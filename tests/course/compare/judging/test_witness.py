"""Windows too long to ask every token: the tokens at both ends tell."""

import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from attnlib.course.compare import same
from attnlib.course.compare.calling.lengths import LARGEST, lengths
from attnlib.course.compare.calling.search import calls
from attnlib.course.compare.judging.influences import influences
from attnlib.course.compare.judging.witness import LONG, witness
from attnlib.course.compare.reading.drawing import drawn
from tests.course.compare.modules import C, Fused


class Windowed(Fused):
    """A row sees what is nearer than the window, or also what is just so far."""

    def __init__(self, window, closed=False):
        super().__init__(mask=lambda i, j: (i - j).abs() < window + closed)
        self.window = window


@limits(max_examples=4)
@given(st.integers(LONG, 400), st.booleans(), st.booleans())
def test_a_window_of_any_length_is_told_apart_from_none(window, closed, first):
    pair = [calls(module) for module in (Windowed(window, closed), Fused())]
    pair = pair if first else pair[::-1]
    sees, hides = ("g", "f") if first else ("f", "g")
    told = witness(*pair, lengths(*(each[0] for each in pair)))
    length = window + 1 + closed
    assert told == (
        f"at L = {length}, token 0 influences row {length - 1} of {sees}, not of {hides}"
    )


def test_the_longest_window_that_is_tried_is_told_apart_too():
    pair = [calls(module) for module in (Windowed(LARGEST, closed=True), Fused())]
    told = witness(*pair, [LARGEST + 1, LARGEST + 2])
    assert f"at L = {LARGEST + 2}, " in told


def test_a_long_window_is_told_with_the_length_up_to_which_it_does_not_matter():
    finding = same(Windowed(140), Fused())
    assert finding.verdict == "different"
    assert finding.equal_up_to == 140


def test_of_some_tokens_whom_they_influence_is_as_of_all():
    x, other = torch.randn(2, 9, C, dtype=torch.float64)
    call = drawn(calls(Windowed(3))[0], 0)
    tokens = torch.tensor([0, 4, 8])
    some = influences(call, x, other, tokens)
    assert torch.equal(some, influences(call, x, other)[:, tokens])
