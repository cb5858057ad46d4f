"""The tiles of a map, one after the other: what is formed, and what is kept."""

from collections.abc import Callable
from itertools import islice

from matplotlib.figure import Figure
from torch import Tensor

from attnlib.checks import check_count
from attnlib.course.language import paragraph, say
from attnlib.course.lessons.kernels import tiles
from attnlib.course.lessons.kernels.figures import plot_tiles
from attnlib.course.lessons.kernels.tiles import Tile
from attnlib.course.widgets.controls import choice, slider
from attnlib.course.widgets.explorer import Explorer
from attnlib.course.widgets.formatting import listed, two


def tiles_drawer(q: Tensor, k: Tensor, colours: Tensor) -> Callable[[int, int], tuple[Figure, str]]:
    """draw(tile, step) -> the tile of queries and keys that is read at that step, from 1 on.

    Args:
        q, k: (L, D), with the scale already in them.
        colours: (L, 3) in [0, 1], the values: the output is a mean colour.
    """
    if colours.shape != (len(q), 3) or len(k) != len(q):
        raise ValueError(
            f"q, k and colours must be (L, D), (L, D) and (L, 3), got {tuple(q.shape)}, "
            f"{tuple(k.shape)} and {tuple(colours.shape)}"
        )
    bounds = tuple(bound.item() for bound in (q @ k.T).aminmax())  # for the picture alone

    def draw(tile: int, step: int) -> tuple[Figure, str]:
        check_count("tile", tile)
        steps = _steps(len(q), tile)
        if not 1 <= step <= steps:
            raise ValueError(f"step={step} must lie in 1 … {steps}, since tile={tile}")
        walked = list(islice(tiles.walk(q, k, colours, scale=1.0, tile=tile), step))
        return plot_tiles(colours, walked, bounds), _read(walked, steps, len(q))

    return draw


def explore_tiles(q: Tensor, k: Tensor, colours: Tensor) -> Explorer:
    """Walk over the tiles of a map, small or large ones. See `tiles_drawer`."""
    if len(q) < 3:
        raise ValueError(f"q must be at least 3 tokens, for more than one tile, got {len(q)}")
    draw = tiles_drawer(q, k, colours)
    sizes = [size for size in (2, 4, 5, 8) if size < len(q)]
    controls = {
        "tile": choice(say("queries and keys in a tile"), 4 if 4 in sizes else 2, sizes),
        "step": slider(say("step"), 1, 1, _steps(len(q), min(sizes))),
    }
    offers = {"step": lambda tile, **_: range(1, _steps(len(q), tile) + 1)}
    return Explorer("explore_tiles", draw, controls, offers)


def _steps(length, tile):
    return (-(-length // tile)) ** 2


def _read(walked: list[Tile], steps: int, length: int) -> str:
    now = walked[-1]
    held, gone = now.scores.numel(), sum(tile.scores.numel() for tile in walked[:-1])
    return paragraph(
        _step(len(walked), steps, now),
        say(
            "Scores held: {held}; forgotten: {gone}; not formed yet: {left}.",
            held=held,
            gone=gone,
            left=length**2 - gone - held,
        ),
        _row(walked),
        _end(now) if now.keys.stop == length else "",
    )


def _step(step: int, steps: int, now: Tile) -> str:
    """Which queries and which keys; the last tile may be a single one."""
    query, last_query = now.rows.start, now.rows.stop - 1
    key, last_key = now.keys.start, now.keys.stop - 1
    told = {"step": step, "steps": steps, "query": query, "key": key}
    told |= {"last_query": last_query, "last_key": last_key}
    if query == last_query and key == last_key:
        return say("Step {step} of {steps}: query {query} against key {key}.", **told)
    if query == last_query:
        return say(
            "Step {step} of {steps}: query {query} against keys {key} to {last_key}.", **told
        )
    if key == last_key:
        return say(
            "Step {step} of {steps}: queries {query} to {last_query} against key {key}.", **told
        )
    return say(
        "Step {step} of {steps}: queries {query} to {last_query} against keys {key} to {last_key}.",
        **told,
    )


def _row(walked):
    """What the last tile did to most and total of its first query."""
    now = walked[-1]
    most, total = now.most[0], now.total[0]
    told = {"query": now.rows.start, "most": two(most), "total": two(total)}
    if now.keys.start == 0:
        return say(
            "Query {query} (red): the largest of its first scores is most = {most}, total = "
            "{total}.",
            **told,
        )
    before = walked[-2].most[0]
    told |= {"before": two(before), "gathered": two(walked[-2].total[0])}
    if most > before:
        return say(
            "Query {query} (red): its largest score, most, rises from {before} to {most}, so the "
            "total so far, {gathered}, shrinks to {shrink} of itself; with the new weights total = "
            "{total}.",
            shrink=two((before - most).exp()),
            **told,
        )
    return say(
        "Query {query} (red): its largest score, most, stays {most}, so total only grows, from "
        "{gathered} to {total}.",
        **told,
    )


def _end(now):
    """What the query of the last tile has got, when it has seen all keys."""
    mean, lse = now.out[0] / now.total[0], now.most[0] + now.total[0].log()
    return say(
        "That was its last tile: its output is out / total, the colour ({colour}), and its "
        "log-sum-exp is most + log(total) = {lse}.",
        colour=listed(mean),
        lse=two(lse),
    )
