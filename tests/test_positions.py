"""Positions are those of the formulas, in plain loops; wherever one looks; made only once."""

import math

import pytest
import torch

from attnlib import AbsolutePositions, RelativePositions, attention
from attnlib.positions import KeptTable, PositionsByLength

KINDS = {"absolute": AbsolutePositions, "relative": RelativePositions}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def by_the_formula(kind, i, j, length, width, freq):
    if j == length - 1 and length % 2:
        return 0.0  # a last column without a partner
    if kind == "absolute":
        angle = i / freq ** (2 * (j // 2) / width)
    else:
        angle = (j - i + length - 1) / freq ** ((i + j) / (2 * length))
    return math.sin(angle) if j % 2 == 0 else math.cos(angle)


@pytest.mark.parametrize("length", [1, 2, 3, 8, 9])
@pytest.mark.parametrize(("width", "freq"), [(16, 10000), (6, 50.0)])
def test_the_table_is_the_formula(kind, length, width, freq, device):
    table = KeptTable(KINDS[kind](length, width, freq)).table(torch.float64, device)
    expected = torch.tensor(
        [[by_the_formula(kind, i, j, length, width, freq) for j in range(length)]
         for i in range(length)], dtype=torch.float64, device=device,
    )  # fmt: skip
    torch.testing.assert_close(table, expected, rtol=0, atol=1e-13)


def test_a_window_is_computed_where_one_looks(kind, device):
    positions = KINDS[kind](11, 16)
    i = torch.tensor([2, 9, 10], device=device)[:, None]
    j = torch.tensor([0, 3, 9, 10], device=device)[None, :]
    expected = KeptTable(positions).table(torch.float64, device)[i, j]
    torch.testing.assert_close(positions(i, j), expected, rtol=0, atol=0)


def test_a_far_frame_is_exact(kind, device):
    # At i = 100 000 an angle in float32 would be off by 0.004.
    length, i, j = 200_000, 100_000, 3
    got = KINDS[kind](length, 1024)(torch.tensor(i, device=device), torch.tensor(j, device=device))
    assert got.item() == pytest.approx(by_the_formula(kind, i, j, length, 1024, 10000), abs=1e-9)


def test_absolute_reads_the_key_index_as_a_channel():
    # The usual table (C channels of token i) cut to L columns: equal where L = C.
    length = width = 8
    token, channel = torch.arange(length)[:, None], torch.arange(width)[None, :]
    angle = token / 10000 ** (2 * (channel // 2) / width)
    usual = torch.where(channel % 2 == 0, angle.sin(), angle.cos())
    table = KeptTable(AbsolutePositions(length, width)).table(torch.float32, torch.device("cpu"))
    torch.testing.assert_close(table, usual)


def test_relative_is_not_relative():
    table = KeptTable(RelativePositions(20, 16)).table(torch.float64, torch.device("cpu"))
    shifted = (table[2:-1, 2:-1] - table[:-3, :-3]).abs().max()
    assert shifted > 1.5  # it would be 0 if only j − i counted


def test_the_table_is_kept_until_another_kind_is_asked_for(device):
    positions = KeptTable(AbsolutePositions(8, 16))
    first = positions.table(torch.float32, device)
    assert positions.table(torch.float32, device) is first
    assert first.dtype == torch.float32
    assert first.device.type == device.type
    assert positions.table(torch.float64, device).dtype == torch.float64
    assert positions.table(torch.float32, torch.device("meta")).device.type == "meta"


def test_positions_are_made_once_for_a_length():
    positions = PositionsByLength("absolute", width=16, freq=100)
    first = positions(8)
    assert positions(8) is first
    made = first.function
    assert (made.length, made.width, made.freq) == (8, 16, 100)
    assert positions(9).function.length == 9


@pytest.mark.parametrize("name", ["absolute", "relative", "Absolute", "RELATIVE"])
def test_names_may_be_in_upper_case(name):
    assert type(PositionsByLength(name, 16, 100)(4).function) is KINDS[name.lower()]


def test_no_positions():
    assert PositionsByLength(None, 16, 100)(4) is None


@pytest.mark.parametrize("name", ["", "abs", 3, ["absolute"]])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(ValueError, match=r"pos_enc must be one of \(None, 'absolute', 'relative'"):
        PositionsByLength(name, 16, 100)


def test_a_table_made_under_inference_mode_serves_a_later_backward(kind, device):
    positions = KeptTable(KINDS[kind](6, 16))
    with torch.inference_mode():
        positions.table(torch.float32, device)
    x = torch.randn(6, 6, device=device, requires_grad=True)
    (x * positions.table(torch.float32, device)).sum().backward()  # which saves the table
    assert x.grad.equal(positions.table(torch.float32, device))


@pytest.mark.parametrize(("queries", "keys"), [(8, 8), (1, 1), (1, 10), (6, 9), (12, 12), (3, 12)])
def test_positions_serve_any_queries_and_keys(kind, queries, keys, backend, device):
    positions = KINDS[kind](10, 16)
    q = torch.randn(2, queries, 4, dtype=torch.float64, device=device)
    k = torch.randn(2, keys, 4, dtype=torch.float64, device=device)
    i, j = torch.arange(queries, device=device), torch.arange(keys, device=device)
    out, map = attention(q, k, k, bias=positions, backend=backend)
    expected, _ = attention(q, k, k, bias=positions(i[:, None], j[None, :]), backend=backend)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(map.weights() @ k, expected)


@pytest.mark.parametrize("freq", [0, -1, float("nan")])
def test_a_frequency_without_meaning_is_refused(freq):
    with pytest.raises(ValueError, match=r"freq must be above 0, got freq="):
        PositionsByLength("absolute", 16, freq)
