"""One interactive map: all its heads, whole or in part, by hand or by keyboard.

A map that fits is sent to the browser once and lives there, with or without a kernel. Of a longer
one the browser gets an overview, and asks for pooled cells of what it shows. What would take long
is computed only when asked for, in strips of rows: between two of them the kernel is free.
"""

import itertools
import time
from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from attnlib.checks import check_count
from attnlib.course.compare.seeing.maps import maps
from attnlib.course.evenness import keys_seen
from attnlib.course.front_end import FrontEnd, translations, with_shared
from attnlib.course.language import paragraph, say
from attnlib.course.progress_bar import progress_bar
from attnlib.course.widgets.numbers import COLOURS, NAMES, WEIGHTS, WHOLE, as_list, as_tensor
from attnlib.course.widgets.still import still
from attnlib.course.widgets.timing import about, grouped, measure_pace
from attnlib.layout import blockify
from attnlib.maps import AttentionMap
from attnlib.segments import GlobalLocalMap

HERE = Path(__file__).parent
CODE = HERE / "address.js", HERE / "viewer.js"  # whose parts are in viewer/
LIVE = 2**23  # weights sent to the browser at most: 32 MiB, 8 heads of 1024 tokens
OVERVIEW = 256  # cells a side of the overview of a longer map
CELLS = 2**22  # weights that are searched at once, 16 MiB
TILE = 512  # cells a side of a requested part: a little more than pixels on screen
WINDOW = 1024  # tokens a side of the first window, where there is no overview yet
UNASKED = 2.0  # seconds that a computation may take unasked
STRIP = 0.5  # seconds that one strip, or one row of cells, may take
PAIRS = 10
THUMBNAIL = 28  # pixels high, as many as fit in a strip
FRAMES = 96
NUMBERS = itertools.count(1)


def view(
    map_or_array: AttentionMap | Tensor | nn.Module,
    x: Tensor | None = None,
    *,
    queries: Sequence[str] = (),
    keys: Sequence[str] = (),
    picture: Tensor | None = None,
    patch_size: int | None = None,
    block_size: int | None = None,
    frames: Tensor | None = None,
    edges: Sequence[int] = (),
    title: str = "",
) -> "MapView":
    """Look at a map: hover, or focus it and use the arrow keys. Exactly 0 is grey.

    Where the overview of a long map would take over two seconds it is not computed at once: the
    viewer says about how long it will take, computes it when asked, by its button or by
    `compute_overview`, and meanwhile shows a window.

    Args:
        map_or_array: an `AttentionMap`, or weights: (N, M) or (H, N, M), or one alone in a batch,
            (1, H, N, M). They may be a tensor of any kind, on any device, with or without a graph,
            or an array of NumPy. Numbers that are not negative but do not sum to 1 are shown as
            they are. Or anybody's module, whose maps are caught where they are made.
        x: (L, C), for a module.
        queries, keys: names of the tokens, or numbers; keys are the queries' where only those are
            given and N = M. Without names they are numbered.
        picture: (height, width, 3) in [0, 1], where tokens are its patches.
        patch_size: their edge in pixels.
        block_size: edge of a block in patches, where the tokens are in the order of `blockify`;
            None where they are row by row.
        frames: (L, height, width, 3) in [0, 1], where tokens are the frames of a video.
        edges: tokens at which groups begin, or shots: lines.
        title: above it.
    Raises:
        TypeError, ValueError: named with what was got and what is expected.
    """
    if isinstance(map_or_array, nn.Module):
        map_or_array = maps(map_or_array, x)
    elif x is not None:
        raise TypeError(f"x is for a module, and the first is a {type(map_or_array).__name__}")
    source = _source(map_or_array)
    heads, rows, cols = source.shape
    queries, keys = (
        as_list(name, names, NAMES) for name, names in (("queries", queries), ("keys", keys))
    )
    if queries and not keys and rows == cols:
        keys = queries
    for axis, names, length in (("queries", queries, rows), ("keys", keys, cols)):
        if len(names) not in (0, length):
            raise ValueError(f"{axis} must name all {length} tokens, got {len(names)} names")
    edges = [
        edge.item() if isinstance(edge, np.generic) else edge
        for edge in as_list("edges", edges, WHOLE)
    ]
    for edge in edges:
        check_count("an edge", edge, least=0)
        if edge > max(rows, cols):
            raise ValueError(f"edges must lie in 0 … {max(rows, cols)}, got {edge}")
    if picture is not None and frames is not None:
        raise ValueError("tokens are patches of a picture or frames, got picture and frames")
    if picture is None and (patch_size is not None or block_size is not None):
        raise ValueError(f"{patch_size=} and {block_size=} are of a picture, got none")
    if (picture is not None or frames is not None) and rows != cols:
        raise ValueError(
            f"queries and keys must be the same patches or frames, got {rows} queries, {cols} keys"
        )
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title must be a string, got {type(title).__name__}")
    traits = {
        "shape": [heads, rows, cols],
        "query_names": [str(name) for name in queries],
        "key_names": [str(name) for name in keys],
        "edges": edges,
        "title": title or "",
        "normalised": source.normalised,
    }
    if picture is not None:
        traits |= _patches(_pixels("picture", picture), patch_size, block_size, cols)
    if frames is not None:
        traits |= _filmstrip(_pixels("frames", frames), cols)
    return MapView(source, **traits)


class MapView(FrontEnd):
    """What `view` gives back; `head`, `query` and `key` are where it stands, and can be set.

    As every widget it lives as long as the kernel, so that a notebook that is closed and opened
    again shows it alive; `close()` ends it, and gives its memory back.
    """

    _esm = with_shared(*CODE)
    _css = with_shared(HERE / "viewer.css")

    shape = traitlets.List(traitlets.Int()).tag(sync=True)
    weights = traitlets.Bytes().tag(sync=True)  # float32 (H, N, M), or nothing
    seen = traitlets.Bytes().tag(sync=True)  # int32 (H, N) beside them: keys that a query may see
    overview = traitlets.Bytes().tag(sync=True)  # float32 (H, rows, cols), in place of that
    overview_shape = traitlets.List(traitlets.Int()).tag(sync=True)
    offer = traitlets.Unicode().tag(sync=True)  # how long the overview will take; "": it is there
    window = traitlets.Int().tag(sync=True)  # tokens a side, to begin with where it is not
    normalised = traitlets.Bool().tag(sync=True)
    query_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    key_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    edges = traitlets.List(traitlets.Int()).tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)  # PNG: the picture, or all thumbnails in a row
    grid = traitlets.List(traitlets.Int()).tag(sync=True)  # patches down and across
    places = traitlets.List(traitlets.Int()).tag(sync=True)  # of each token in that grid
    thumbnails = traitlets.List(traitlets.Int()).tag(sync=True)  # how many, their width and height
    head = traitlets.Int(0).tag(sync=True)
    query = traitlets.Int(0).tag(sync=True)
    key = traitlets.Int(0).tag(sync=True)
    number = traitlets.Int().tag(sync=True)  # of the maps of this kernel: its name in an address
    said = traitlets.Dict().tag(sync=True)  # English message -> what its code says

    @traitlets.default("said")
    def _translations(self):
        return translations(*CODE)

    def __init__(self, source, **traits):
        self._source = source
        super().__init__(**traits, **source.traits(), number=next(NUMBERS))
        self.on_msg(self._received)

    def __repr__(self) -> str:
        text = _size(*self.shape)
        if self.title:
            text = say("{title}: {text}", title=self.title, text=text)
        return paragraph(say("{text}.", text=text), self.offer) if self.offer else text

    def _repr_mimebundle_(self, **kwargs):
        """The live map; for what cannot draw it a picture, unless its overview would take long."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data if self.offer else data | {"image/png": self._still()}, metadata

    def _still(self) -> str:
        heads, *length = self.shape
        token = (self.query, self.key)
        cells = self._source.cells(self.head)
        head = say("head {head}", head=self.head) if heads > 1 else ""
        title = "\n".join(filter(None, (self.title, head)))
        names = (self.query_names, self.key_names)
        png = still(cells, tuple(length), token, title=title, edges=self.edges, names=names)
        return b64encode(png).decode()

    def compute_overview(self) -> None:
        """Compute the overview that the viewer offers, with a progress bar. Stopped, it goes on."""
        if not self.offer:
            return
        with progress_bar(100, say("overview"), "%") as bar:
            while self.offer:
                answer, _ = self._source.answer({"kind": "overview", "head": self.head})
                bar.update(int(100 * answer["done"]) - bar.n)
                self._publish(answer)

    def _publish(self, answer):
        """Let all views know of a head whose overview has become whole."""
        if answer.get("whole"):
            with self.hold_sync():
                self.overview = self._source.overview()["overview"]
                self.offer = "" if answer["done"] == 1 else self.offer

    def _received(self, _widget, message, _buffers):
        try:
            answer, numbers = self._source.answer(message)
        except Exception as error:  # shown to the reader; otherwise the browser would wait for ever
            self.send(message | {"kind": "failed", "error": str(error)})
            raise
        buffers = [] if numbers is None else [np.ascontiguousarray(numbers, "<f4").tobytes()]
        self.send(message | answer, buffers=buffers)
        self._publish(answer)


class _Whole:
    """Weights that are all there, (H, N, M)."""

    def __init__(self, weights: Tensor, seen: Tensor):
        self._weights, self._seen = weights.numpy(), seen.numpy()
        self.shape = tuple(weights.shape)
        sums = weights.sum(-1)
        # A row that may attend to nothing is zero.
        self.normalised = bool((((sums - 1).abs() < 1e-2) | (sums == 0)).all())

    def traits(self) -> dict:
        if self._weights.size <= LIVE:
            seen = self._seen.astype("<i4").tobytes()
            return {"weights": self._weights.astype("<f4").tobytes(), "seen": seen}
        cells = np.stack([self.cells(head) for head in range(self.shape[0])])
        return {
            "overview": cells.astype("<f4").tobytes(),
            "overview_shape": list(cells.shape[1:]),
        }

    def cells(self, head) -> np.ndarray:
        """(rows, cols) of a head, pooled where it is long."""
        _, rows, cols = self.shape
        return self._tile(head, (0, rows), (0, cols), OVERVIEW)

    def answer(self, message):
        head = message["head"]
        if message["kind"] == "tile":
            cells = self._tile(head, message["rows"], message["cols"], TILE)
            return {"shape": cells.shape, "last": len(cells)}, cells
        if message["kind"] == "row":
            place = head, message["query"]
            return {"seen": int(self._seen[place])}, self._weights[place]
        rows, cols = ([0, length] for length in self.shape[1:])
        return {"rows": rows, "cols": cols, "pairs": _pairs(self._weights[head])}, None

    def _tile(self, head, rows, cols, size):
        part = self._weights[head, slice(*rows), slice(*cols)]
        for axis in (0, 1):
            cells = min(size, part.shape[axis])
            edges = np.arange(cells + 1) * part.shape[axis] // cells
            sums = np.add.reduceat(part, edges[:-1], axis)
            part = sums / np.expand_dims(np.diff(edges), 1 - axis)
        return part


class _Rebuilt:
    """A long map, a head at a time, rebuilt where somebody looks."""

    normalised = True

    def __init__(self, map_: AttentionMap):
        self._heads = map_.heads()
        self.shape = heads, rows, cols = tuple(map_.shape)
        self._pace = measure_pace(self._heads[0])
        cells = (heads, min(OVERVIEW, rows), min(OVERVIEW, cols))
        self._overview = np.full(cells, np.nan, "<f4")  # NaN: not yet computed

    def overview(self) -> dict:
        return {
            "overview": self._overview.tobytes(),
            "overview_shape": list(self._overview.shape[1:]),
        }

    def cells(self, head) -> np.ndarray:
        """(rows, cols) of a head, pooled."""
        return self._overview[head]

    def traits(self) -> dict:
        heads, rows, cols = self.shape
        seconds = heads * self._pace.seconds(rows, cols)
        if seconds > UNASKED:
            return self.overview() | {
                "offer": _overview_offer(self.shape, seconds, self._pace.device),
                "window": self._window(),
            }
        for h, head in enumerate(self._heads):
            head.lse  # noqa: B018  kept: every later window costs only what it shows
            self._overview[h] = _finite(head.pooled(OVERVIEW)[0].cpu().numpy())
        return self.overview()

    def answer(self, message):
        kind, head = message["kind"], message["head"]
        if kind == "overview":
            return self._next_of_overview(head)
        if kind == "tile":
            return self._tile(message)
        if kind == "row":
            map_, query = self._heads[head], slice(message["query"], message["query"] + 1)
            row = map_.window(query, slice(0, self.shape[2]))
            return {"seen": map_.visible(query)[0, 0].item()}, row[0, 0].cpu().numpy()
        return self._strongest(message), None

    def _window(self) -> int:
        """The largest window that takes about a second at most, because every move waits for it."""
        size = WINDOW
        while size > 16 and self._pace.seconds(size, size) > 2 * STRIP:
            size //= 2
        return size

    def _next_of_overview(self, head):
        """The next strip that is missing, of this head if there is one."""
        missing = np.isnan(self._overview[:, :, 0])
        if not missing.any():  # another view has asked for the last
            return {"whole": True, "done": 1.0, "left": about(0)}, None
        if not missing[head].any():
            head = int(missing.any(1).argmax())
        first = int(missing[head].argmax())
        rows, cols = (slice(0, length) for length in self.shape[1:])
        cells, each = self._strip(head, OVERVIEW, rows, cols, first)
        self._overview[head, first : first + len(cells)] = _finite(cells)
        missing = np.isnan(self._overview[:, :, 0])
        answer = {"head": head, "first": first, "whole": not missing[head].any()}
        return answer | {"done": 1 - missing.mean(), "left": about(each * missing.sum())}, cells

    def _tile(self, message):
        rows, cols = (
            _even(message[axis], length)
            for axis, length in zip(("rows", "cols"), self.shape[1:], strict=True)
        )
        high, wide = (min(TILE, part.stop - part.start) for part in (rows, cols))
        place = {
            "rows": [rows.start, rows.stop],
            "cols": [cols.start, cols.stop],
            "shape": [high, wide],
        }
        seconds = self._pace.seconds(rows.stop - rows.start, cols.stop - cols.start)
        if seconds > UNASKED and not message.get("asked"):
            return place | {"offer": say("This part will take {time}.", time=about(seconds))}, None
        first = message.get("first", 0)
        cells, each = self._strip(message["head"], TILE, rows, cols, first)
        last = first + len(cells)
        return place | {"last": last, "left": about(each * (high - last))}, cells

    def _strip(self, head, size, rows, cols, first):
        """As many rows of cells as fit in a strip's time, and the seconds that each one took.

        From the first on, of `pooled(size, rows=rows, cols=cols)`. Cells must be as high as each
        other, or single rows, or taken one by one, to be exactly those; else an edge may be a row
        off.
        """
        length = rows.stop - rows.start
        high = min(size, length)
        each = self._pace.seconds(length, cols.stop - cols.start) / high
        count = high
        if each * high > STRIP:  # a power of two, as sizes are
            count = 2 ** max(0, int(np.log2(STRIP / each)))
        last = min(high, first + count)
        part = slice(*(rows.start + cell * length // high for cell in (first, last)))
        start = time.perf_counter()
        fine = self._heads[head].pooled(size, rows=part, cols=cols)[0].cpu().numpy()
        cells = _joined(fine, part.stop - part.start, last - first)
        return cells, (time.perf_counter() - start) / len(cells)

    def _strongest(self, message):
        """Of the whole map; where that would take long, of the window that is shown."""
        parts = [slice(0, length) for length in self.shape[1:]]
        if self._pace.seconds(*self.shape[1:]) > UNASKED:
            parts = [slice(*message[axis]) for axis in ("rows", "cols")]
        rows, cols = parts
        seconds = self._pace.seconds(rows.stop - rows.start, cols.stop - cols.start)
        place = {"rows": [rows.start, rows.stop], "cols": [cols.start, cols.stop]}
        if seconds > UNASKED:
            offer = say("These pairs would take {time}: zoom in.", time=about(seconds))
            return place | {"offer": offer}
        map_, size = self._heads[message["head"]], max(1, CELLS // (cols.stop - cols.start))
        strips = [
            slice(start, min(start + size, rows.stop))
            for start in range(rows.start, rows.stop, size)
        ]
        found = [
            (row + strip.start, column + cols.start, value)
            for strip in strips
            for row, column, value in _pairs(map_.window(strip, cols)[0].cpu().numpy())
        ]
        return place | {"pairs": sorted(found, key=lambda pair: -pair[2])[:PAIRS]}


def _size(heads, rows, cols) -> str:
    told = {"queries": grouped(rows), "keys": grouped(cols)}
    if heads == 1:
        return say("map of {queries} queries on {keys} keys, 1 head", **told)
    return say("map of {queries} queries on {keys} keys, {heads} heads", heads=heads, **told)


def _overview_offer(shape, seconds, device) -> str:
    heads, rows, cols = shape
    told = {"rows": grouped(rows), "cols": grouped(cols), "time": about(seconds), "device": device}
    if heads == 1:
        return say(
            "The overview of {rows} × {cols} weights, 1 head, will take {time} on this {device}.",
            **told,
        )
    return say(
        "The overview of {rows} × {cols} weights, {heads} heads, will take {time} on this "
        "{device}.",
        heads=heads,
        **told,
    )


def _joined(fine, rows, cells):
    """(fine, cols) means of `rows` rows -> (cells, cols): those of neighbours, as a mean of all."""
    heights = np.diff(np.arange(len(fine) + 1) * rows // len(fine))
    starts = np.arange(cells) * len(fine) // cells
    sums = np.add.reduceat(fine * heights[:, None], starts)
    return sums / np.add.reduceat(heights, starts)[:, None]


def _even(window, length) -> slice:
    """The window and a little more: cells of one width are pooled much faster."""
    start, stop = window
    size = -(-(stop - start) // TILE) * TILE
    start = max(0, min(start, length - size))
    return slice(start, min(start + size, length))


def _source(map_or_array):
    if isinstance(map_or_array, GlobalLocalMap):
        raise TypeError("map_or_array is a GlobalLocalMap: take its .whole or one of .segments")
    is_map = isinstance(map_or_array, AttentionMap)
    array = map_or_array.detach() if is_map else _array(map_or_array)
    while len(array.shape) > 3 and array.shape[0] == 1:  # one input in a batch
        array = array.unbind()[0]
    shape = tuple(array.shape)
    if len(shape) not in (2, 3) or 0 in shape:
        raise ValueError(
            f"map_or_array must be (N, M) or (H, N, M), no axis empty, got shape {shape}"
            + (": choose one with .unbind()" if len(shape) > 3 else "")
        )
    if is_map and array.shape.numel() > LIVE:
        return _Rebuilt(array)
    with torch.no_grad():  # a bias that is a function may hold what is learned
        weights = array.weights() if is_map else array.clone()
        seen = keys_seen(array).cpu().reshape(-1, shape[-2])
    weights = weights.float().cpu().reshape(-1, *shape[-2:])
    if not torch.isfinite(weights).all():
        place = (~torch.isfinite(weights)).nonzero()[0].tolist()
        raise ValueError(
            f"map_or_array must be finite, got {weights[tuple(place)]} at head, query, key {place}"
        )
    if (weights < 0).any():
        place = (weights < 0).nonzero()[0].tolist()
        raise ValueError(
            "map_or_array must not be negative: weights, after the softmax; got "
            f"{weights[tuple(place)]:.3g} at head, query, key {place}"
        )
    return _Whole(weights, seen)


def _array(given) -> Tensor:
    array = as_tensor("map_or_array", given, WEIGHTS)
    if array.is_complex():
        raise TypeError(f"map_or_array must be real numbers, got {array.dtype}")
    return array


def _pixels(name, given) -> Tensor:
    """Colours as float32, in [0, 1]."""
    colours = as_tensor(name, given, COLOURS)
    if not torch.is_floating_point(colours):
        raise TypeError(f"{name} must be floating point in [0, 1], got {colours.dtype}")
    colours = colours.float().cpu()
    if colours.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {tuple(colours.shape)}")
    low, high = colours.min(), colours.max()
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        raise ValueError(f"{name} must be in [0, 1], got {low:.3g} … {high:.3g}")
    return colours


def _finite(cells):
    if not np.isfinite(cells).all():
        raise ValueError("map_or_array must be finite, got NaN or infinity: look at q and k")
    return cells


def _pairs(weights) -> list[tuple[int, int, float]]:
    """The strongest of (N, M), as query, key, weight."""
    flat = weights.ravel()
    best = np.argpartition(-flat, min(PAIRS, flat.size) - 1)[:PAIRS]
    best = best[np.argsort(-flat[best], kind="stable")]
    return [(*map(int, divmod(cell, weights.shape[1])), float(flat[cell])) for cell in best]


def _patches(picture, patch_size, block_size, tokens) -> dict:
    if picture.dim() != 3 or picture.shape[-1] != 3:
        raise ValueError(f"picture must be (height, width, 3), got shape {tuple(picture.shape)}")
    height, width = picture.shape[:2]
    check_count("patch_size", patch_size)
    if height % patch_size or width % patch_size:
        raise ValueError(f"{patch_size=} must divide {height=} and {width=} of the picture")
    grid = [height // patch_size, width // patch_size]
    if grid[0] * grid[1] != tokens:
        raise ValueError(
            f"picture must have a patch for each of {tokens} keys, got {grid[0]} × {grid[1]}"
        )
    places = torch.arange(tokens)
    if block_size is not None:
        places = blockify(places.view(*grid, 1), block_size).flatten()
    return {"picture": _png(picture), "grid": grid, "places": places.tolist()}


def _filmstrip(frames, tokens) -> dict:
    if frames.dim() != 4 or frames.shape[-1] != 3:
        raise ValueError(f"frames must be (L, height, width, 3), got shape {tuple(frames.shape)}")
    if len(frames) != tokens:
        raise ValueError(f"frames must be one for each of {tokens} keys, got {len(frames)}")
    count = min(FRAMES, tokens)
    shown = frames[torch.arange(count) * tokens // count]
    width = max(1, round(THUMBNAIL * frames.shape[2] / frames.shape[1]))
    small = torch.nn.functional.interpolate(
        shown.movedim(-1, 1), (THUMBNAIL, width), mode="bilinear", antialias=True
    )
    strip = small.movedim(1, -1).transpose(0, 1).flatten(1, 2)  # (height, count · width, 3)
    return {"picture": _png(strip), "thumbnails": [count, width, THUMBNAIL]}


def _png(picture: Tensor) -> bytes:
    from PIL import Image  # comes with matplotlib

    buffer = BytesIO()
    pixels = (picture.clamp(0, 1) * 255).round().to(torch.uint8).numpy(force=True)
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()
