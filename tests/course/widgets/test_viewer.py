"""The map viewer without a browser: what it sends, what it answers, and when it goes."""

import json
import random
from io import BytesIO
from itertools import pairwise

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from PIL import Image
from scipy import sparse
from torch.multiprocessing.reductions import StorageWeakRef

from attnlib import AttentionMap, GlobalLocalMap
from attnlib.course.widgets import viewer
from attnlib.course.widgets.timing import Pace
from attnlib.course.widgets.viewer import MapView, view
from attnlib.layout import blockify, segment_slices


@pytest.fixture
def long(monkeypatch):
    """Every map is too long for the browser; tiles have 8 × 8 cells, overviews 5 × 5."""
    monkeypatch.setattr(viewer, "LIVE", 0)
    monkeypatch.setattr(viewer, "TILE", 8)
    monkeypatch.setattr(viewer, "OVERVIEW", 5)


@pytest.fixture
def sent(monkeypatch):
    """Messages to the browser, as JSON brings them over, each with its buffers of float32."""
    messages = []

    def send(self, message, buffers=()):
        numbers = [np.frombuffer(buffer, "<f4") for buffer in buffers]
        messages.append((json.loads(json.dumps(message)), numbers))

    monkeypatch.setattr(MapView, "send", send)
    return messages


def ask(shown, sent, **request):
    """The answer's message and its numbers; it is the only one, and names what was asked."""
    request |= {"view": "a", "id": 7}
    shown._received(shown, request, [])
    ((message, numbers),) = sent
    sent.clear()
    assert {"kind", "head", "view", "id"} <= message.keys()
    if request["kind"] != "overview":  # which goes on with another head
        assert message["head"] == request["head"]
    assert all(message[name] == request[name] for name in ("kind", "view", "id"))
    return message, numbers


def a_map(queries=5, keys=5, heads=3, device="cpu", dtype=torch.float32, **terms):
    q = torch.randn(heads, queries, 8, dtype=dtype, device=device)
    k = torch.randn(heads, keys, 8, dtype=dtype, device=device)
    return AttentionMap(q, k, scale=0.5, **terms)


def masked(queries, keys, device):
    mask = torch.rand(queries, keys, device=device) > 0.3
    mask[-1] = False  # sees nothing
    return a_map(queries, keys, device=device, mask=mask)


def with_lse(queries, keys, device):
    map = a_map(queries, keys, device=device)
    assert map.lse.isfinite().all()
    return map


GIVEN = {
    "array": lambda n, m, device: torch.randn(3, n, m, device=device).softmax(-1),
    "array of one head": lambda n, m, device: torch.randn(n, m, device=device).softmax(-1),
    "unnormalised array": lambda n, m, device: 9 * torch.rand(2, n, m, device=device),
    "map": lambda n, m, device: a_map(n, m, device=device),
    "map with lse": with_lse,
    "map in float64": lambda n, m, device: a_map(n, m, device=device, dtype=torch.float64),
    "map in bfloat16": lambda n, m, device: a_map(n, m, device=device, dtype=torch.bfloat16),
    "map with a bias a head": lambda n, m, device: a_map(
        n, m, device=device, bias=torch.randn(3, 1, m, device=device)
    ),
    "masked map": masked,
    "map with functions": lambda n, m, device: a_map(
        n, m, device=device, bias=lambda i, j: (i - 2 * j) / 9, mask=lambda i, j: (i + j) % 3 != 1
    ),
}
every_kind = pytest.mark.parametrize("kind", GIVEN)
every_length = pytest.mark.parametrize("lengths", [(23, 17), (16, 24), (8, 8), (3, 40), (9, 1)])


def weights_of(given):
    """(H, N, M) float64: what is to be shown."""
    weights = given.weights() if isinstance(given, AttentionMap) else given
    return weights.double().cpu().reshape(-1, *given.shape[-2:])


def floats(data, shape):
    return torch.frombuffer(bytearray(data), dtype=torch.float32).view(shape).double()


def means(length, size):
    """(cells, length): times tokens, the mean of those in each cell."""
    cells = min(size, length)
    matrix = torch.zeros(cells, length, dtype=torch.float64)
    edges = [i * length // cells for i in range(cells + 1)]
    for cell, (start, stop) in enumerate(pairwise(edges)):
        matrix[cell, start:stop] = 1 / (stop - start)
    return matrix


def pooled(weights, size):
    return means(weights.shape[-2], size) @ weights @ means(weights.shape[-1], size).mT


# ---- What is sent at once ------------------------------------------------------------------------


@every_kind
def test_a_map_that_fits_is_sent_whole(kind, device):
    given = GIVEN[kind](6, 9, device)
    expected = weights_of(given)
    shown = view(given)
    assert shown.shape == list(expected.shape)
    assert shown.weights == expected.float().numpy().astype("<f4").tobytes()
    assert shown.overview == b""


def hidden(queries=6, keys=9):
    """(H, N, M) bool: some keys that each query may see, of the last query none."""
    seen = torch.rand(3, queries, keys) > 0.3
    seen[:, -1] = False
    return seen


def sharp(seen, device):
    """Weights that are 0 by rounding, though every key may be seen."""
    q, k = 99 * torch.randn(3, 6, 8, device=device), torch.randn(3, 9, 8, device=device)
    map_ = AttentionMap(q, k, scale=1.0, mask=seen.to(device))
    assert map_.weights().count_nonzero() < seen.sum()
    return map_


# Each takes (H, N, M) bool, which keys may be seen.
UNSEEN = {
    "mask": lambda seen, device: a_map(6, 9, device=device, mask=seen.to(device)),
    "mask and bias": lambda seen, device: a_map(
        6,
        9,
        device=device,
        mask=seen.any(-1, keepdim=True).to(device),
        bias=torch.zeros(3, 6, 9).masked_fill(~seen, -torch.inf).to(device),
    ),
    "sharp map": sharp,
    "array": lambda seen, device: (seen / seen.sum(-1, keepdim=True).clamp(min=1)).to(device),
}


@pytest.mark.parametrize("kind", UNSEEN)
def test_of_every_query_it_is_told_how_many_keys_it_may_see(kind, device):
    seen = hidden()
    shown = view(UNSEEN[kind](seen, device))
    found = np.frombuffer(shown.seen, "<i4").reshape(3, 6)
    assert found.tolist() == seen.sum(-1).tolist()


@pytest.mark.parametrize("kind", UNSEEN)
def test_of_a_long_map_with_its_row(kind, device, long, sent):
    seen = hidden()
    shown = view(UNSEEN[kind](seen, device))
    assert not shown.seen
    for head, query in np.ndindex(3, 6):
        message, _ = ask(shown, sent, kind="row", head=head, query=query)
        assert message["seen"] == seen[head, query].sum()


def test_the_largest_that_fits_and_the_smallest_that_does_not(monkeypatch):
    monkeypatch.setattr(viewer, "LIVE", 3 * 5 * 5)
    for given in (a_map(5, 5), torch.rand(3, 5, 5)):
        assert len(view(given).weights) == 4 * 75
    for given in (a_map(4, 19), torch.rand(3, 4, 19)):
        shown = view(given)
        assert not shown.weights
        assert shown.overview


@every_kind
@every_length
def test_of_a_long_map_an_overview_is_sent_and_no_weights(kind, lengths, device, long):
    given = GIVEN[kind](*lengths, device)
    expected = pooled(weights_of(given), 5)
    shown = view(given)
    assert shown.weights == b""
    assert shown.shape == list(weights_of(given).shape)
    assert shown.overview_shape == list(expected.shape[1:])
    got = floats(shown.overview, expected.shape)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_the_overview_of_a_long_map_is_its_pooled_weights(monkeypatch):
    monkeypatch.setattr(viewer, "LIVE", 10**4)
    map = a_map(300, 700, heads=2)
    shown = view(map)
    assert shown.overview_shape == [256, 256]
    got = floats(shown.overview, (2, 256, 256))
    torch.testing.assert_close(got, map.pooled(256).double(), rtol=1e-5, atol=1e-8)


def test_a_long_map_is_never_formed(long, sent, monkeypatch):
    map = a_map(40, 40)
    monkeypatch.setattr(AttentionMap, "weights", None)
    shown = view(map)
    ask(shown, sent, kind="tile", head=0, rows=[3, 30], cols=[0, 9])
    ask(shown, sent, kind="row", head=0, query=3)
    ask(shown, sent, kind="pairs", head=0)


def test_what_it_shows_is_synced_with_the_browser():
    state = view(a_map(), queries="abcde", edges=[2], title="A title").get_state()
    for name in (
        *("shape", "weights", "seen", "overview", "overview_shape", "normalised", "query_names"),
        *("key_names", "edges", "title", "picture", "grid", "places", "thumbnails"),
        *("head", "query", "key", "said", "_esm", "_css"),
    ):
        assert name in state


def test_the_browser_is_handed_what_it_says_in_the_language_that_is_spoken(spoken):
    assert view(a_map()).said == {}  # English is written there
    spoken({"head {head}": "头 {head}"}, "widgets/viewer.js")
    assert view(a_map()).said == {"head {head}": "头 {head}"}


def test_it_stands_at_the_first_weight_and_can_be_moved():
    shown = view(a_map())
    assert (shown.head, shown.query, shown.key) == (0, 0, 0)
    shown.query = 3
    assert shown.get_state("query") == {"query": 3}


# ---- What it answers -----------------------------------------------------------------------------


def some_windows(length, count, rng):
    """Among them the whole, both borders, and single tokens."""
    windows = [
        [0, length],
        [0, 1],
        [length - 1, length],
        [0, (length + 1) // 2],
        [length // 2, length],
    ]
    while len(windows) < count:
        start, stop = sorted(rng.sample(range(length + 1), 2))
        windows.append([start, stop])
    return rng.sample(windows, count)


def check_tile(shown, sent, weights, head, rows, cols, tile):
    message, (cells,) = ask(shown, sent, kind="tile", head=head, rows=rows, cols=cols)
    for asked, got, length in zip(
        (rows, cols), (message["rows"], message["cols"]), weights.shape[1:], strict=True
    ):
        assert 0 <= got[0] <= asked[0] and asked[1] <= got[1] <= length
        assert got[1] - got[0] < asked[1] - asked[0] + tile  # little more than was asked
    expected = pooled(weights[head, slice(*message["rows"]), slice(*message["cols"])], tile)
    assert message["shape"] == list(expected.shape)
    got = floats(cells, expected.shape)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


@every_kind
@every_length
def test_a_tile_holds_the_means_of_the_cells_of_its_window(kind, lengths, device, long, sent):
    given = GIVEN[kind](*lengths, device)
    shown, weights, rng = view(given), weights_of(given), random.Random(0)
    windows = (some_windows(length, 20, rng) for length in lengths)
    for rows, cols in zip(*windows, strict=True):
        head = rng.randrange(len(weights))
        check_tile(shown, sent, weights, head, rows, cols, tile=8)


@pytest.mark.parametrize("make", [a_map, lambda n, m: torch.rand(3, n, m)], ids=["map", "array"])
def test_tiles_of_their_real_size(make, sent, monkeypatch):
    monkeypatch.setattr(viewer, "LIVE", 0)
    given = make(1300, 700)
    shown, weights = view(given), weights_of(given)
    for rows, cols in (
        *(([0, 1300], [0, 700]), ([1, 1299], [77, 500]), ([788, 1300], [100, 612])),
        *(([900, 1300], [699, 700]), ([0, 513], [0, 511]), ([777, 1290], [188, 700])),
    ):
        check_tile(shown, sent, weights, 1, rows, cols, tile=512)


def test_where_there_is_room_cells_of_a_map_are_all_of_one_width(long, sent):
    shown = view(a_map(40, 50))
    for rows, cols in (([3, 12], [0, 17]), ([39, 40], [48, 50]), ([30, 40], [33, 50])):
        message, _ = ask(shown, sent, kind="tile", head=0, rows=rows, cols=cols)
        for start, stop in (message["rows"], message["cols"]):
            assert (stop - start) % 8 == 0  # pooled much faster


@every_kind
def test_a_row_is_that_of_its_query(kind, device, long, sent):
    given = GIVEN[kind](7, 19, device)
    shown, weights = view(given), weights_of(given)
    for head, query in np.ndindex(weights.shape[:2]):
        message, (row,) = ask(shown, sent, kind="row", head=head, query=query)
        assert message["query"] == query
        got = floats(row, (19,))
        torch.testing.assert_close(got, weights[head, query], rtol=1e-5, atol=1e-6)


def check_pairs(shown, sent, weights, head):
    message, numbers = ask(shown, sent, kind="pairs", head=head)
    assert not numbers
    count = min(10, weights[head].numel())
    places = {(query, key) for query, key, _ in message["pairs"]}
    assert len(places) == len(message["pairs"]) == count
    got = torch.tensor([value for *_, value in message["pairs"]], dtype=torch.float64)
    there = torch.stack([weights[head, query, key] for query, key, _ in message["pairs"]])
    torch.testing.assert_close(got, there, rtol=1e-5, atol=1e-6)
    strongest = weights[head].flatten().sort(descending=True).values[:count]
    torch.testing.assert_close(got, strongest, rtol=1e-5, atol=1e-6)


@every_kind
@pytest.mark.parametrize("lengths", [(12, 17), (2, 3), (2, 5), (1, 1), (11, 1)])
def test_pairs_are_the_ten_strongest_or_all_there_are(kind, lengths, device, long, sent):
    given = GIVEN[kind](*lengths, device)
    shown, weights = view(given), weights_of(given)
    for head in range(len(weights)):
        check_pairs(shown, sent, weights, head)


@pytest.mark.parametrize("of", [lambda map: map, lambda map: map.weights()], ids=["map", "array"])
def test_pairs_are_found_all_along_a_long_map(of, long, sent):
    strong = (0, 255, 256, 511, 512, 767, 1023, 1024, 1299)  # each sees key 2 only
    mask = torch.ones(1300, 3, dtype=torch.bool)
    mask[strong, :2] = False
    given = of(a_map(1300, 3, mask=mask))
    shown = view(given)
    check_pairs(shown, sent, weights_of(given), 1)
    message, _ = ask(shown, sent, kind="pairs", head=1)
    assert {(query, key) for query, key, _ in message["pairs"]} > {(row, 2) for row in strong}


def test_pairs_are_looked_for_in_few_weights_at_once(long, sent, monkeypatch):
    monkeypatch.setattr(viewer, "CELLS", 100)
    window, seen = AttentionMap.window, []

    def spy(map, rows, cols):
        seen.append((rows.stop - rows.start) * (cols.stop - cols.start))
        return window(map, rows, cols)

    monkeypatch.setattr(AttentionMap, "window", spy)
    shown = view(a_map(40, 17))
    seen.clear()
    ask(shown, sent, kind="pairs", head=0)
    assert sum(seen) == 40 * 17
    assert max(seen) <= 100


@pytest.mark.parametrize("given", [torch.ones(1, 9, 9) / 9, a_map(9, 9, mask=lambda i, j: j > 99)])
def test_pairs_of_equal_weights_are_ten_different_ones(given, long, sent):
    check_pairs(view(given), sent, weights_of(given), 0)


def test_requests_come_in_over_its_comm(long, sent):
    shown = view(a_map(9, 9))
    request = {"kind": "row", "head": 1, "query": 2, "view": "a", "id": 7}
    data = {"method": "custom", "content": request}
    shown._handle_msg({"content": {"data": data}, "buffers": []})
    ((message, (row,)),) = sent
    assert message == request | {"seen": 9}
    assert len(row) == 9


def test_a_request_that_fails_is_answered_and_raised_and_the_next_one_served(long, sent):
    broken = False

    def mask(i, j):
        if broken:
            raise RuntimeError("out of memory")
        return i >= j

    shown = view(a_map(20, 20, mask=mask))
    requests = (
        {"kind": "tile", "head": 0, "rows": [3, 9], "cols": [3, 9]},
        {"kind": "row", "head": 0, "query": 3},
        {"kind": "pairs", "head": 0},
    )
    for request in requests:
        broken = True
        with pytest.raises(RuntimeError, match="out of memory"):
            ask(shown, sent, **request)
        ((message, numbers),) = sent
        sent.clear()
        assert (message["kind"], message["view"], message["id"]) == ("failed", "a", 7)
        assert message["error"] == "out of memory"
        assert not numbers
        broken = False
        ask(shown, sent, **request)


# ---- What would take long ------------------------------------------------------------------------


@pytest.fixture
def slow(long, monkeypatch):
    """slow(seconds) makes that the time a row of a map takes, however wide."""

    def slow(seconds=1.0):
        monkeypatch.setattr(viewer, "measure_pace", lambda map_: Pace(seconds, 0.0, "CPU"))

    return slow


def overview_of(shown):
    return floats(shown.overview, (shown.shape[0], *shown.overview_shape))


def test_an_overview_that_would_take_long_is_not_computed_but_offered(slow, monkeypatch):
    slow(40.0)
    for name in ("pooled", "window", "weights", "lse"):
        monkeypatch.setattr(AttentionMap, name, None)
    shown = view(a_map(7, 9, heads=2), title="Slow")
    assert shown.offer == (
        "The overview of 7 × 9 weights, 2 heads, will take about 9 min on this CPU."
    )
    assert repr(shown) == f"Slow: map of 7 queries on 9 keys, 2 heads. {shown.offer}"
    assert overview_of(shown).isnan().all()
    assert not shown.weights
    assert {"offer", "window"} <= shown.get_state().keys()


def test_one_that_takes_two_seconds_is_computed_at_once(slow):
    slow(2.0 / 27)
    assert view(a_map(9, 9)).offer == ""
    slow(2.1 / 27)
    assert "will take about 2 s" in view(a_map(9, 9)).offer


@pytest.mark.parametrize(("seconds", "window"), [(1e-4, 1024), (4e-3, 128), (9.0, 16)])
def test_it_begins_with_a_window_that_is_there_within_a_second(seconds, window, slow):
    slow(seconds)
    assert view(a_map(50_000, 1, heads=1)).window == window


def ask_for_all(shown, sent, head=0):
    """All strips of the overview: the answers, with the rows that each one brought."""
    answers = []
    for _ in range(200):
        if not shown.offer:
            return answers
        message, (cells,) = ask(shown, sent, kind="overview", head=head)
        answers.append((message, cells.reshape(-1, shown.overview_shape[1])))
    raise AssertionError("it never ends")


@pytest.mark.parametrize("kind", [kind for kind in GIVEN if "map" in kind])
@pytest.mark.parametrize("lengths", [(23, 17), (3, 40), (37, 11)])  # 37: cells of seven or eight
def test_asked_for_strip_by_strip_it_is_the_same(kind, lengths, device, slow, sent):
    slow()
    given = GIVEN[kind](*lengths, device)
    expected = pooled(weights_of(given), 5)
    shown = view(given)
    heads, high, _ = expected.shape
    answers = ask_for_all(shown, sent, head=1)
    seen = torch.zeros(expected.shape, dtype=torch.float64)
    for message, cells in answers:
        part = slice(message["first"], message["first"] + len(cells))
        seen[message["head"], part] = torch.tensor(cells).double()
    torch.testing.assert_close(seen, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(overview_of(shown), expected, rtol=1e-5, atol=1e-6)
    # A row of cells each, first of the head that is looked at.
    assert len(answers) == heads * high
    assert [message["head"] for message, _ in answers] == [
        head for head in (1, 0, 2) for _ in range(high)
    ]
    done = [message["done"] for message, _ in answers]
    assert done == pytest.approx([(n + 1) / len(answers) for n in range(len(answers))])
    assert answers[-1][0]["whole"]


def test_a_head_is_published_as_soon_as_it_is_whole(slow, sent):
    slow()
    shown = view(a_map(5, 9, heads=2))
    for _ in range(5):
        assert overview_of(shown).isnan().all()
        ask(shown, sent, kind="overview", head=1)
    assert overview_of(shown)[1].isfinite().all()
    assert overview_of(shown)[0].isnan().all()
    assert shown.offer


def test_what_one_view_has_begun_another_ends(slow, sent):
    slow()
    map_ = a_map(7, 9)
    shown = view(map_)
    ask(shown, sent, kind="overview", head=0)
    shown.compute_overview()
    assert shown.offer == ""
    assert repr(shown) == "map of 7 queries on 9 keys, 3 heads"
    expected = map_.pooled(5).double()
    torch.testing.assert_close(overview_of(shown), expected, rtol=1e-5, atol=1e-6)
    message, numbers = ask(shown, sent, kind="overview", head=0)  # the first view, too late
    assert message["done"] == 1
    assert not numbers


def test_computed_by_a_call_it_shows_a_bar(slow, monkeypatch):
    slow()
    bars = []

    class Bar:
        n = 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, by):
            self.n += by

    def progress_bar(total, what, unit):
        bars.append((total, what, unit, Bar()))
        return bars[0][-1]

    monkeypatch.setattr(viewer, "progress_bar", progress_bar)
    shown = view(a_map(7, 9))
    shown.compute_overview()
    ((*said, bar),) = bars
    assert said == [100, "overview", "%"]
    assert bar.n == 100
    shown.compute_overview()  # it is there
    assert len(bars) == 1


def tile_in_strips(shown, sent, **request):
    """(cells down, cells across) of each answer until the last, each beginning where one ended."""
    first, strips, high = 0, [], 1
    while first < high:
        message, (cells,) = ask(shown, sent, kind="tile", first=first, turn=4, **request)
        assert (message["first"], message["turn"]) == (first, 4)
        high, wide = message["shape"]
        strips.append(torch.tensor(cells).double().view(-1, wide))
        first += len(strips[-1])
        assert message["last"] == first
        assert message["left"].startswith("about ")
    return strips


@pytest.mark.parametrize("seconds", [0.06, 5.0])
def test_a_part_that_would_take_long_is_offered_and_computed_when_asked(seconds, slow, sent):
    slow(seconds)
    given = a_map(61, 70)
    shown = view(given)
    request = {"head": 2, "rows": [3, 60], "cols": [9, 40]}
    message, numbers = ask(shown, sent, kind="tile", **request)
    assert not numbers
    assert (
        message["offer"] == f"This part will take {'about 4 s' if seconds < 1 else 'about 5 min'}."
    )
    strips = tile_in_strips(shown, sent, asked=True, **request)
    assert len(strips) == 8
    window = weights_of(given)[2, :, 9:41]
    torch.testing.assert_close(torch.cat(strips), pooled(window, 8), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("seconds", "count"), [(0.002, 1), (0.015, 2), (0.03, 4)])
def test_rows_of_cells_that_are_quick_come_together(seconds, count, slow, sent):
    slow(seconds)
    given = a_map(70, 70, heads=1)
    shown = view(given)
    strips = tile_in_strips(shown, sent, head=0, rows=[3, 60], cols=[0, 70])
    assert len(strips) == count
    expected = pooled(weights_of(given)[0, 3:67], 8)
    torch.testing.assert_close(torch.cat(strips), expected, rtol=1e-5, atol=1e-6)


def test_so_do_those_of_the_overview(slow, sent, monkeypatch):
    monkeypatch.setattr(viewer, "OVERVIEW", 4)
    slow(0.02)
    given = a_map(40, 17)
    shown = view(given)
    answers = ask_for_all(shown, sent)
    assert [len(cells) for _, cells in answers] == 3 * [2, 2]
    expected = pooled(weights_of(given), 4)
    torch.testing.assert_close(overview_of(shown), expected, rtol=1e-5, atol=1e-6)


def test_where_all_pairs_would_take_long_they_are_those_of_the_window(slow, sent):
    slow(0.2)
    given = a_map(40, 50)
    shown, weights = view(given), weights_of(given)
    message, _ = ask(shown, sent, kind="pairs", head=1, rows=[20, 29], cols=[5, 33])
    assert (message["rows"], message["cols"]) == ([20, 29], [5, 33])
    best = weights[1, 20:29, 5:33].flatten().topk(10).values
    got = torch.tensor([value for *_, value in message["pairs"]], dtype=torch.float64)
    torch.testing.assert_close(got, best, rtol=1e-5, atol=1e-6)
    for query, key, value in message["pairs"]:
        assert weights[1, query, key].item() == pytest.approx(value, rel=1e-5)
    message, _ = ask(shown, sent, kind="pairs", head=1, rows=[0, 30], cols=[0, 50])
    assert message["offer"] == "These pairs would take about 6 s: zoom in."
    assert "pairs" not in message


def test_an_overview_that_breaks_says_so_and_keeps_what_it_has(slow, sent):
    slow()
    q = torch.randn(1, 9, 8)
    q[0, 8] = torch.nan
    shown = view(AttentionMap(q, q[:, :5], scale=1.0))
    with pytest.raises(ValueError, match="must be finite, got NaN"):
        ask_for_all(shown, sent)
    ((message, _),) = sent[-1:]
    assert message["kind"] == "failed"
    assert shown.offer


# ---- Shown ---------------------------------------------------------------------------------------


def show(thing):
    """Show it as IPython does at the end of a cell."""
    return DisplayFormatter().format(thing)[0]


@pytest.mark.parametrize("title", ["", "A title"])
def test_its_text_says_what_it_is_without_an_address(title):
    shown = view(a_map(5, 7), title=title)
    bundle = show(shown)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == repr(shown)
    assert repr(shown) == f"{title}{title and ': '}map of 5 queries on 7 keys, 3 heads"
    assert repr(view(torch.ones(2, 3) / 3)).endswith("3 keys, 1 head")


# ---- What stands beside the map ------------------------------------------------------------------


@pytest.mark.parametrize("keys", [5, 4])
def test_keys_are_named_as_the_queries_where_there_are_as_many(keys):
    shown = view(a_map(5, keys), queries=list("abcde"))
    assert shown.query_names == list("abcde")
    assert shown.key_names == (list("abcde") if keys == 5 else [])


def test_queries_and_keys_may_have_names_of_their_own():
    shown = view(a_map(5, 5), queries="abcde", keys=range(5))
    assert shown.query_names == list("abcde")
    assert shown.key_names == list("01234")
    assert view(a_map(5, 5), keys="abcde").query_names == []
    assert view(a_map(5, 5)).key_names == []


def test_edges_are_those_of_segments():
    shown = view(a_map(10, 10), edges=[part.start for part in segment_slices(10, 4)])
    assert shown.edges == [0, 3, 6, 9]
    assert view(a_map(10, 10), edges=torch.tensor([2, 5])).edges == [2, 5]


def pixels(png):
    return torch.from_numpy(np.array(Image.open(BytesIO(png))))


def test_the_picture_is_sent_as_it_is(device):
    picture = torch.rand(6, 12, 3, device=device)
    shown = view(a_map(8, 8, device=device), picture=picture, patch_size=3)
    assert shown.grid == [2, 4]
    assert shown.places == list(range(8))
    assert pixels(shown.picture).equal((picture * 255).round().byte().cpu())
    assert shown.thumbnails == []


@pytest.mark.parametrize(("height", "width", "block_size"), [(6, 4, 2), (3, 6, 3), (4, 4, 1)])
def test_patches_are_where_blockify_took_them_from(height, width, block_size):
    tokens = height * width
    patches = torch.arange(tokens).view(height, width, 1)
    picture = (patches / 255).repeat_interleave(5, 0).repeat_interleave(5, 1).expand(-1, -1, 3)
    shown = view(a_map(tokens, tokens), picture=picture, patch_size=5, block_size=block_size)
    down, across = shown.grid
    seen = pixels(shown.picture)[::5, ::5, 0]
    assert seen.shape == (down, across)
    order = blockify(patches, block_size).flatten()
    for token, place in enumerate(shown.places):
        assert seen[place // across, place % across] == order[token]


def strip_of(shown):
    """(count, height, width, 3)"""
    count, width, height = shown.thumbnails
    return pixels(shown.picture).view(height, count, width, 3).transpose(0, 1)


def test_frames_become_thumbnails_in_a_row(device):
    frames = torch.rand(5, 1, 1, 3, device=device).expand(-1, 56, 80, -1)
    shown = view(a_map(device=device), frames=frames)
    assert shown.thumbnails == [5, 40, 28]
    expected = (frames[:, :28, :40] * 255).round().cpu().short()
    assert (strip_of(shown) - expected).abs().max() <= 1
    assert shown.grid == shown.places == []


def test_a_thumbnail_shows_its_frame_the_right_way_up():
    frames = torch.zeros(5, 56, 28, 3)
    frames[2, :28, 14:, 1] = 1.0  # green, at the top on the right
    strip = strip_of(view(a_map(), frames=frames))
    assert strip.shape == (5, 28, 14, 3)
    assert strip[2, 3, 11].tolist() == [0, 255, 0]
    assert strip[2, 3, 3].sum() == strip[2, 24, 11].sum() == 0
    assert strip[[0, 1, 3, 4]].sum() == 0


@pytest.mark.parametrize("length", [95, 96, 97, 250])
def test_many_frames_are_thinned_evenly(length):
    frames = (torch.arange(length) / 255).view(-1, 1, 1, 1).expand(-1, 2, 2, 3)
    shown = view(torch.ones(length, length) / length, frames=frames)
    count = min(length, 96)
    assert shown.thumbnails == [count, 28, 28]
    expected = [i * length // count for i in range(count)]
    assert strip_of(shown)[:, 14, 14, 0].tolist() == expected


def test_a_narrow_frame_keeps_a_pixel():
    assert view(a_map(), frames=torch.rand(5, 200, 1, 3)).thumbnails == [5, 1, 28]


# ---- What may be given ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        torch.ones(1, 1),
        torch.full((2, 1, 7), 1 / 7),
        [[1.0, 0.0], [0.5, 0.5]],
        np.ones((2, 3, 4)) / 4,
        torch.eye(3).bool(),
        torch.eye(3, dtype=torch.int64),
        torch.randn(2, 3, 3, dtype=torch.float64).softmax(-1),
        torch.randn(2, 3, 3).softmax(-1).bfloat16(),
        torch.randn(2, 3, 3, requires_grad=True).softmax(-1),
        torch.nn.Parameter(torch.randn(2, 3, 3).softmax(-1)),
        torch.randn(3, 4, 2).softmax(1).permute(2, 0, 1),
        torch.full((1, 1, 4), 0.25).expand(2, 3, 4),
    ],
    ids=lambda given: f"{type(given).__name__} {getattr(given, 'dtype', '')}",
)
def test_weights_of_any_kind_are_shown(given):
    shown = view(given)
    expected = torch.as_tensor(given).detach().float()
    assert shown.shape[-2:] == list(expected.shape[-2:])
    assert shown.weights == expected.contiguous().numpy().tobytes()
    assert shown.normalised


@pytest.mark.parametrize("live", [0, 10**4])
def test_inference_tensors_are_shown(live, sent, monkeypatch):
    monkeypatch.setattr(viewer, "LIVE", live)
    with torch.inference_mode():
        inside = a_map(9, 9), torch.rand(3, 9, 9)
        made = [view(given) for given in inside]
    made += [view(given) for given in inside]
    for shown, given in zip(made, inside * 2, strict=True):
        check_pairs(shown, sent, weights_of(given), 1)


@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_rows_that_do_not_sum_to_one_are_shown_as_they_are(scale):
    weights = torch.randn(2, 4, 4).softmax(-1)
    weights[1, 2] *= scale
    shown = view(weights)
    assert not shown.normalised
    assert shown.weights == weights.numpy().tobytes()


def test_a_row_of_zeros_is_one_that_sees_nothing():
    assert view(masked(5, 5, "cpu")).normalised
    weights = torch.eye(4)
    weights[2] = 0.0
    assert view(weights).normalised


@every_kind
def test_long_maps_say_whether_they_sum_to_one_too(kind, device, long):
    shown = view(GIVEN[kind](9, 9, device))
    assert shown.normalised == (kind != "unnormalised array")


def test_nothing_given_is_changed(long, sent):
    q, k, mask, bias = *torch.randn(2, 3, 9, 8), torch.rand(9, 9) > 0.2, torch.randn(3, 1, 9)
    map = AttentionMap(q, k, scale=0.5, mask=mask, bias=bias)
    array, picture, frames = torch.rand(3, 9, 9), torch.rand(3, 3, 3), torch.rand(9, 2, 2, 3)
    names, edges = list("abcdefghi"), [2, 5]
    parts = dict(vars(map))
    tensors = [q, k, mask, bias, array, picture, frames]
    before = [x.clone() for x in tensors]
    for shown in (
        view(map, queries=names, edges=edges, frames=frames),
        view(array, queries=names, picture=picture, patch_size=1, block_size=3),
    ):
        ask(shown, sent, kind="tile", head=0, rows=[1, 9], cols=[2, 9])
        ask(shown, sent, kind="row", head=0, query=3)
        ask(shown, sent, kind="pairs", head=0)
    assert all(x.equal(y) for x, y in zip(tensors, before, strict=True))
    assert all(vars(map)[name] is part for name, part in parts.items())
    assert names == list("abcdefghi")
    assert edges == [2, 5]


@pytest.mark.parametrize("live", [0, 10**4])
@pytest.mark.parametrize("of", [lambda map: map, lambda map: map.weights()], ids=["map", "array"])
def test_a_view_keeps_no_graph(live, of, monkeypatch):
    monkeypatch.setattr(viewer, "LIVE", live)
    inner = torch.randn(3, 9, 8, requires_grad=True).exp()  # kept by its graph
    kept = StorageWeakRef(inner.untyped_storage())
    q = inner * 2
    bias = torch.randn(9, 9, requires_grad=True)
    shown = view(of(AttentionMap(q, q, scale=1.0, bias=bias)))
    del inner, q
    assert kept.expired()
    assert shown.comm is not None


# ---- What may not --------------------------------------------------------------------------------


def weights_with(value):
    weights = torch.full((2, 4, 4), 0.25)
    weights[1, 2, 3] = value
    return weights


PICTURE, FRAMES, MAP = torch.rand(4, 8, 3), torch.rand(5, 4, 4, 3), a_map(5, 5)
EIGHT = torch.ones(8, 8) / 8
BAD = {
    "NaN": (lambda: view(weights_with(torch.nan)), r"map_or_array .*finite, got nan .*\[1, 2, 3\]"),
    "inf": (lambda: view(weights_with(torch.inf)), r"map_or_array .*finite, got inf .*\[1, 2, 3\]"),
    "-inf": (lambda: view(weights_with(-torch.inf)), "map_or_array .*finite, got -inf"),
    "negative": (lambda: view(weights_with(-0.5)), r"not be negative.*got -0.5 .*\[1, 2, 3\]"),
    "no heads": (lambda: view(torch.ones(0, 4, 4)), r"no axis empty, got shape \(0, 4, 4\)"),
    "no queries": (lambda: view(torch.ones(2, 0, 4)), r"no axis empty, got shape \(2, 0, 4\)"),
    "no keys": (lambda: view(torch.ones(4, 0)), r"no axis empty, got shape \(4, 0\)"),
    "0-D": (lambda: view(torch.tensor(1.0)), r"map_or_array must be \(N, M\) or .*shape \(\)"),
    "1-D": (lambda: view(torch.ones(4)), r"\(N, M\) or \(H, N, M\), .* got shape \(4,\)$"),
    "4-D": (lambda: view(torch.ones(2, 3, 4, 4)), r"got shape \(2, 3, 4, 4\): .*\.unbind\(\)"),
    "4-D map": (
        lambda: view(AttentionMap(*torch.rand(2, 2, 3, 4, 8), scale=1.0)),
        r"map_or_array .* got shape \(2, 3, 4, 4\): .*\.unbind\(\)",
    ),
    "no queries in a map": (lambda: view(a_map(0, 4)), r"got shape \(3, 0, 4\)"),
    "queries": (lambda: view(MAP, queries="abcd"), "queries must name all 5 tokens, got 4"),
    "keys": (lambda: view(MAP, queries="abcde", keys="abcdef"), "keys must name all 5.*got 6"),
    "keys of N ≠ M": (lambda: view(a_map(5, 4), keys="abcde"), "keys must name all 4 .*got 5"),
    "patches": (
        lambda: view(MAP, picture=PICTURE, patch_size=2),
        "picture must have a patch for each of 5 keys, got 2 × 4",
    ),
    "patch_size 0": (
        lambda: view(EIGHT, picture=PICTURE, patch_size=0),
        "patch_size must be a whole number, at least 1, got 0",
    ),
    "patch_size -2": (lambda: view(EIGHT, picture=PICTURE, patch_size=-2), "got -2"),
    "patch_size alone": (
        lambda: view(EIGHT, patch_size=2),
        "patch_size=2 .* of a picture, got none",
    ),
    "picture of other keys": (
        lambda: view(a_map(5, 8), picture=PICTURE, patch_size=2),
        "must be the same patches or frames, got 5 queries, 8 keys",
    ),
    "a picture in 0 … 255": (
        lambda: view(EIGHT, picture=255 * PICTURE, patch_size=2),
        r"picture must be in \[0, 1\], got .* …",
    ),
    "a picture with NaN": (
        lambda: view(EIGHT, picture=PICTURE * torch.nan, patch_size=2),
        "picture must be in .* got nan",
    ),
    "frames of no height": (lambda: view(MAP, frames=FRAMES[:, :0]), r"got shape \(5, 0, 4, 3\)"),
    "an edge too far": (lambda: view(MAP, edges=[6]), "edges must lie in 0 … 5, got 6"),
    "an edge before": (lambda: view(MAP, edges=[-1]), "edge must be a whole number, .*got -1"),
    "patch_size": (
        lambda: view(EIGHT, picture=PICTURE, patch_size=3),
        "patch_size=3 must divide height=4 and width=8",
    ),
    "patch_size of the height only": (
        lambda: view(EIGHT, picture=torch.rand(4, 7, 3), patch_size=2),
        "patch_size=2 must divide height=4 and width=7",
    ),
    "block_size": (
        lambda: view(EIGHT, picture=PICTURE, patch_size=2, block_size=3),
        "block_size=3 must divide height=2",
    ),
    "picture without channels": (
        lambda: view(EIGHT, picture=PICTURE[..., 0], patch_size=2),
        r"picture must be \(height, width, 3\), got shape \(4, 8\)",
    ),
    "picture with channels first": (
        lambda: view(EIGHT, picture=PICTURE.movedim(-1, 0), patch_size=2),
        r"picture must be \(height, width, 3\), got shape \(3, 4, 8\)",
    ),
    "frames with channels first": (
        lambda: view(MAP, frames=FRAMES.movedim(-1, 1)),
        r"frames must be \(L, height, width, 3\), got shape \(5, 3, 4, 4\)",
    ),
    "one frame": (lambda: view(MAP, frames=FRAMES[0]), r"frames must be .*got shape \(4, 4, 3\)"),
    "too few frames": (lambda: view(MAP, frames=FRAMES[1:]), "each of 5 keys, got 4"),
    "both": (
        lambda: view(EIGHT, picture=PICTURE, patch_size=2, frames=FRAMES),
        "patches of a picture or frames, got picture and frames",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_shown_is_named(what):
    call, message = BAD[what]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_map_of_two_branches_says_which_to_choose():
    with pytest.raises(TypeError, match=r"GlobalLocalMap: take its \.whole or one of \.segments"):
        view(GlobalLocalMap(MAP, (MAP,)))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", ["q", "k"])
def test_a_long_map_of_broken_queries_or_keys_is_refused(name, value, long):
    parts = {"q": torch.randn(3, 9, 8), "k": torch.randn(3, 9, 8)}
    parts[name][2, 5, 1] = value
    with pytest.raises(ValueError, match="map_or_array must be finite, got NaN .* at q and k"):
        view(AttentionMap(**parts, scale=1.0))


def test_a_long_array_is_looked_through_as_a_short_one_is(long):
    with pytest.raises(ValueError, match=r"finite, got nan at .*\[1, 2, 3\]"):
        view(weights_with(torch.nan))
    with pytest.raises(ValueError, match=r"not be negative.*\[1, 2, 3\]"):
        view(weights_with(-0.5))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: view((torch.ones(2), MAP)),
            r"attention gives .out, map.: take the map.*got tuple$",
        ),
        (lambda: view(None), "must be an AttentionMap .* got NoneType"),
        (lambda: view("ab"), "must be an AttentionMap .* got str"),
        (
            lambda: view(torch.ones(2, 2, dtype=torch.complex64)),
            "real numbers, got torch.complex64",
        ),
        (
            lambda: view(EIGHT, picture=PICTURE, patch_size=None),
            "patch_size must be a whole number",
        ),
        (lambda: view(EIGHT, picture=PICTURE, patch_size=2.0), "patch_size must be a whole number"),
        (lambda: view(EIGHT, picture=(255 * PICTURE).byte(), patch_size=2), "got torch.uint8"),
        (lambda: view(MAP, torch.ones(5, 5)), "x is for a module, and the first is a"),
        (lambda: view(MAP, edges=[1.7]), "edge must be a whole number, .*got 1.7"),
        (lambda: view(MAP, edges=3), "edges must be a list of whole numbers, got int"),
        (lambda: view(MAP, edges=torch.ones(1, 2)), r"edges must be .* got one of shape \(2,\)"),
        (lambda: view(MAP, queries=5), "queries must be a list of names, .* got int"),
        (lambda: view(MAP, keys=torch.tensor(5)), r"keys must .* got a tensor of shape \(\)$"),
        (lambda: view(MAP, keys=torch.ones(5, 2)), r"keys must .* got one of shape \(2,\) in it"),
        (lambda: view(MAP, queries=set("abcde")), "queries must be a list .* got set"),
        (lambda: view(MAP, title=3), "title must be a string, got int"),
        (lambda: view(torch.ones(2, 2, device="meta")), "got a tensor on the meta device"),
        (lambda: view(torch.nested.nested_tensor([EIGHT, EIGHT])), "got a nested tensor"),
        (lambda: view([[1.0], [0.5, 0.5]]), "must be an AttentionMap .* got list$"),
        (lambda: view(np.array([["a", "b"]])), "must be an AttentionMap .* got ndarray$"),
        (lambda: view(EIGHT, picture="cat.png", patch_size=2), "picture must be .* got str"),
    ],
)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested:UserWarning")
def test_what_is_of_a_wrong_kind_is_named(call, said):
    with pytest.raises(TypeError, match=said):
        call()


def test_of_a_module_the_maps_are_shown_that_it_makes():
    module = torch.nn.MultiheadAttention(12, 3, batch_first=True).eval()
    x = torch.randn(5, 12)
    told = module(x, x, x, average_attn_weights=False)[1].detach()
    shown = view(module, x, title="mine")
    assert shown.shape == [3, 5, 5]
    sent = torch.frombuffer(bytearray(shown.weights), dtype=torch.float32)
    torch.testing.assert_close(sent, told.flatten())


def test_arrays_of_numpy_and_names_of_any_kind_will_do():
    names = np.array(list("abcdefgh"))
    shown = view(EIGHT.numpy(), queries=names, picture=PICTURE.numpy(), patch_size=2, title=None)
    assert shown.key_names == list("abcdefgh")
    assert view(MAP, queries=None, frames=FRAMES.bfloat16()).thumbnails[0] == 5


ROWS = torch.softmax(torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(0)), -1)
FORMS = {
    "CSR": lambda: [each.to_sparse_csr() for each in ROWS],
    "COO": lambda: ROWS.to_sparse(),
    "SciPy's": lambda: sparse.csr_array(ROWS[0].numpy()),
    "a list of heads": lambda: list(ROWS.requires_grad_()),
    "a list of lists": lambda: ROWS.tolist(),
    "objects": lambda: ROWS.numpy(force=True).astype(object),
    "the other order of bytes": lambda: ROWS.numpy(force=True).astype(">f4"),
    "long double": lambda: ROWS.numpy(force=True).astype(np.longdouble),
    "read only": lambda: np.broadcast_to(ROWS[0].numpy(force=True), (3, 6, 5)),
    "one input in a batch": lambda: ROWS[None],
    "two axes of one": lambda: ROWS.numpy(force=True)[None, None],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning")
def test_weights_in_any_form_are_shown(form):
    shown = view(FORMS[form]())
    one = form in ("SciPy's", "read only")
    wanted = ROWS[:1].expand(shown.shape) if one else ROWS
    torch.testing.assert_close(floats(shown.weights, wanted.shape), wanted.detach().double())


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(st.permutations(range(3)), st.tuples(*3 * [st.sampled_from([1, 2, -1, -2])]))
def test_an_array_may_lie_in_memory_in_any_way(order, steps):
    array = ROWS.numpy(force=True).transpose(order)[tuple(slice(None, None, s) for s in steps)]
    shown = view(array)
    torch.testing.assert_close(
        floats(shown.weights, array.shape), torch.tensor(array.copy()).double()
    )


def test_pictures_and_frames_may_be_mirrored():
    mirrored = view(EIGHT, picture=PICTURE.numpy()[::-1, ::-1], patch_size=2)
    assert mirrored.picture == view(EIGHT, picture=PICTURE.flip(0, 1), patch_size=2).picture
    backwards = view(MAP, frames=FRAMES.numpy()[::-1])
    assert backwards.picture == view(MAP, frames=FRAMES.flip(0)).picture
    assert backwards.picture == view(MAP, frames=list(FRAMES.flip(0))).picture


@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.bool, torch.uint8])
def test_a_map_of_whole_numbers_is_shown(dtype):
    hard = torch.eye(5).to(dtype)
    assert floats(view(hard).weights, (5, 5)).equal(torch.eye(5).double())
    assert floats(view(hard.numpy()).weights, (5, 5)).equal(torch.eye(5).double())


def test_one_input_in_a_batch_may_be_a_map_too():
    q, k = torch.randn(2, 1, 3, 5, 8)
    shown, wanted = view(AttentionMap(q, k, scale=1.0)), AttentionMap(q[0], k[0], scale=1.0)
    torch.testing.assert_close(floats(shown.weights, (3, 5, 5)), wanted.weights().double())


NAMES = {
    "whole": (torch.arange(5), ["0", "1", "2", "3", "4"]),
    "real": (torch.tensor([0.1, 2, 3, 4, 5]), ["0.1", "2.0", "3.0", "4.0", "5.0"]),
    "half": (torch.arange(5).bfloat16(), ["0.0", "1.0", "2.0", "3.0", "4.0"]),
    "with a graph": (torch.arange(5.0, requires_grad=True), ["0.0", "1.0", "2.0", "3.0", "4.0"]),
    "one by one": ([torch.tensor(n) for n in range(5)], ["0", "1", "2", "3", "4"]),
    "of NumPy": (np.arange(5, dtype="f4") / 10, ["0.0", "0.1", "0.2", "0.3", "0.4"]),
    "backwards": (np.array(list("abcde"))[::-1], ["e", "d", "c", "b", "a"]),
}


@pytest.mark.parametrize("kind", NAMES)
def test_names_may_be_numbers_and_are_written_as_such(kind):
    given, wanted = NAMES[kind]
    assert view(MAP, queries=given).query_names == wanted


def test_edges_may_be_a_tensor_an_array_or_none():
    for edges in (torch.tensor([1, 3]), np.array([3, 1])[::-1], [torch.tensor(1), np.int16(3)]):
        assert view(MAP, edges=edges).edges == [1, 3]
    assert view(MAP, edges=None).edges == []


def test_a_learned_bias_that_is_a_function_keeps_no_graph():
    table = torch.randn(9, requires_grad=True)
    assert view(a_map(bias=lambda i, j: table[i - j + 4])).weights


def test_a_long_array_that_is_changed_later_does_not_change_what_is_shown(long, sent):
    array = torch.rand(1, 9, 9)
    shown = view(array)
    wanted = array[0, 2].clone()
    array.zero_()
    _, numbers = ask(shown, sent, kind="row", head=0, query=2)
    torch.testing.assert_close(torch.frombuffer(bytearray(numbers[0]), dtype=torch.float32), wanted)
