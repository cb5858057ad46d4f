"""What a finding says of the arguments that no call gave: untested, by name."""

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn

from attnlib.course.compare import same
from attnlib.course.compare.porting.finding import NAMES
from tests.course.compare.modules import HEADS, C, Fused, Separate, causal

UNTESTED = "not given, so untested: "
FREE = ["temperature=1.0", "mask=None", "key_padding_mask=None", "need_weights=True", "flag=False"]
FREE += ["attn_mask=None", "is_causal=False", "average=True", "**more"]


def with_arguments(arguments):
    """Attention that takes these too, and makes nothing of them."""
    names = {}
    exec(f"def forward(self, x, {', '.join(arguments)}): return self.plain(x)", names)
    return type("Taking", (Fused,), {"forward": names["forward"], "plain": Fused.forward})()


def untested(text):
    """The lines, without what stands before the names."""
    return [line.partition(UNTESTED)[2] for line in text.splitlines() if UNTESTED in line]


@limits(max_examples=4)
@given(st.lists(st.sampled_from(FREE), min_size=1, unique=True))
def test_each_argument_that_no_call_gave_is_named(arguments):
    arguments.sort(key="**more".__eq__)  # where Python wants it
    (line,) = untested(repr(same(with_arguments(arguments), Fused())))
    named, _, more = line.partition(" and ")
    named = named.split(", ")
    count = len(arguments)
    assert more == (f"{count - NAMES} more" if count > NAMES else "")
    assert len(named) == min(count, NAMES)
    assert set(named) <= {each.partition("=")[0] for each in arguments}
    masks = [each.partition("=")[0] for each in arguments if "mask" in each]
    assert named[: len(masks)] == masks  # the most telling first


class Padded(nn.MultiheadAttention):
    """Its mask of padding is turned round."""

    def forward(self, query, key, value, key_padding_mask=None):
        hidden = None if key_padding_mask is None else ~key_padding_mask
        return super().forward(query, key, value, key_padding_mask=hidden)


class Inverted(Separate):
    """Its mask is turned round, in a way that only numbers allow."""

    def forward(self, query, key, value, mask=None):
        return super().forward(query, key, value, None if mask is None else 1 - mask)


class Masked(Separate):
    """Its mask may be left out."""

    def forward(self, query, key, value, mask=None):
        return super().forward(query, key, value, mask)


@pytest.mark.parametrize(
    ("f", "g", "name"),
    [
        (lambda: nn.MultiheadAttention(C, HEADS), lambda: Padded(C, HEADS), "key_padding_mask"),
        (Masked, Inverted, "mask"),
    ],
)
def test_a_mask_that_is_turned_round_is_untested_where_it_is_not_given(f, g, name):
    lines = untested(repr(same(f(), g())))
    assert len(lines) == 2
    assert all(name in line.split(", ") for line in lines)


def test_a_causal_mask_that_was_tried_is_told_and_not_called_untested():
    text = repr(same(Masked(), Masked()))
    assert text.count("tried too: key = x′, value = x″; mask = causal, True = may attend") == 2
    assert untested(text) == []


def test_what_needs_no_more_calls_says_nothing_of_them():
    assert UNTESTED not in repr(same(Fused(), Fused("h three d")))
    text = repr(same(with_arguments(["flag=None"]), Fused(mask=causal)))
    assert "influences" in text and UNTESTED not in text  # a proof
