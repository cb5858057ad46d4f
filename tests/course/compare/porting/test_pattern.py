"""Any re-arrangement that einops can write is found from where its entries come from."""

import torch
from einops import rearrange, repeat
from hypothesis import given
from hypothesis import strategies as st

from attnlib.course.compare.porting.pattern import pattern

SIZES = st.integers(1, 4)


def unknown(axis, step, size):
    return "other"


def run(found, source):
    function = repeat if found.repeats else rearrange
    return function(source, f"{found.left} -> {found.right}", **found.sizes)[found.pick]


def grouped(draw, names, count):
    """Names in brackets of an axis each, so many axes."""
    cuts = sorted(
        draw(st.lists(st.integers(0, len(names)), min_size=count - 1, max_size=count - 1))
    )
    edges = [0, *cuts, len(names)]
    return [names[a:b] for a, b in zip(edges, edges[1:], strict=False)]


@given(st.data(), st.lists(SIZES, min_size=2, max_size=4))
def test_every_permutation_of_axes_is_found(data, sizes):
    names = list("abcd")[: len(sizes)]
    left = grouped(data.draw, names, data.draw(st.integers(1, 3)))
    order = data.draw(st.permutations(names))
    right = grouped(data.draw, list(order), data.draw(st.integers(1, 3)))
    told = dict(zip(names, sizes, strict=True))
    shape = [int(torch.tensor([told[name] for name in axis]).prod()) for axis in left]
    sides = (" ".join(f"({' '.join(axis)})" for axis in side) for side in (left, right))
    source = torch.arange(torch.tensor(shape).prod()).view(shape)
    wanted = rearrange(source, " -> ".join(sides), **told)
    found = pattern(wanted, tuple(shape), unknown)
    assert found is not None
    assert torch.equal(run(found, source), wanted)


@given(SIZES, SIZES, SIZES, SIZES)
def test_repeats_are_found(heads, times, rows, channels):
    source = torch.arange(heads * rows * channels).view(-1, channels)
    wanted = repeat(source, "(h d) c -> (h m d) c", h=heads, m=times)
    found = pattern(wanted, tuple(source.shape), unknown)
    assert torch.equal(run(found, source), wanted)


@given(SIZES, SIZES, SIZES, st.data())
def test_one_of_three_is_found(heads, rows, channels, data):
    source = torch.arange(heads * 3 * rows * channels).view(-1, channels)
    number = data.draw(st.integers(0, 2))
    wanted = rearrange(source, "(h three d) c -> three (h d) c", h=heads, three=3)[number]
    found = pattern(wanted, tuple(source.shape), unknown)
    assert torch.equal(run(found, source), wanted)


def test_what_has_no_pattern_has_none():
    source = torch.arange(12).view(4, 3)
    for order in ([1, 0, 2, 3], [3, 2, 1, 0], [0, 3, 1, 2]):
        assert pattern(source[order], (4, 3), unknown) is None
    assert pattern(source.flip(1), (4, 3), unknown) is None
    assert pattern(torch.tensor([0, 1, 4, 5, 8, 10]), (12,), unknown) is None


def test_axes_are_named_by_what_they_go_through():
    kinds = {(0, 1): "row", (0, 4): "head", (0, 12): "part", (1, 1): "channel"}
    source = torch.arange(36 * 12).view(36, 12)
    wanted = rearrange(source, "(h three d) c -> (three h d) c", h=3, three=3)
    found = pattern(wanted, (36, 12), lambda axis, step, size: kinds[axis, step])
    assert (found.left, found.right) == ("(h three d) c", "(three h d) c")
    assert found.sizes == {"h": 3, "three": 3}
