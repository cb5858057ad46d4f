"""The weights of an attention as pictures, and what they say."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.evenness import entropy, evenness, keys_seen
from attnlib.course.figures.narrow import bar, lines, panels, redrawn, styled
from attnlib.course.figures.style import closed, draw_weights, label
from attnlib.course.language import say
from attnlib.maps import AttentionMap
from attnlib.segments import GlobalLocalMap

LARGEST = 512  # cells along a side; longer maps are pooled


@redrawn
def plot_map(
    map_or_array: AttentionMap | Tensor, *, title: str = "", edges: Sequence[int] = ()
) -> Figure:
    """The weights as pictures, one a head, on one colour scale; grey is exactly zero.

    Args:
        map_or_array: an `AttentionMap`, or weights as a tensor: (N, M) or (H, N, M).
        title: above all of them.
        edges: tokens before which a line is drawn: the bounds of groups, or cuts.
    """
    weights, length = _weights(map_or_array)
    unit = say("weight") if weights.shape[1:] == length else say("mean weight of a cell")
    heads = len(weights)
    cols = min(heads, 4)
    rows = -(-heads // cols)
    with styled():
        size, across = (3.1 * cols + 1.2, 3.1 * rows + 0.6), min(heads, 2)
        fig, axes = panels(heads, size, 4 / across + 0.3, columns=cols, across=across)
        every = fig.axes
        for head, axis in enumerate(axes):
            extent = (-0.5, length[1] - 0.5, length[0] - 0.5, -0.5)
            scale = {"vmin": 0, "vmax": weights.max()}
            image = draw_weights(axis, weights[head], extent=extent, **scale)
            label(axis, say("head {head}", head=head) if heads > 1 else "", edges)
        fig.colorbar(image, ax=every, label=unit, **bar(shrink=0.8))
        fig.suptitle(lines(title))
    return closed(fig)


def read_map(map_or_array: AttentionMap | Tensor) -> str:
    """A sentence a head: its strongest pair, and its entropy against that of uniform attention.

    Uniform means: on the keys that a query may see (see `evenness`). Exact for a map of any length:
    it is read in strips of rows.
    """
    _check_map(map_or_array)
    rows, keys = map_or_array.shape[-2:]
    step = max(1, LARGEST**2 // keys)
    strips = [
        _strip(map_or_array, start, min(start + step, rows)) for start in range(0, rows, step)
    ]
    seen = keys_seen(map_or_array).reshape(-1, rows)
    sentences = []
    for head in range(strips[0].shape[0]):
        tops = torch.cat([strip[head].amax(-1) for strip in strips])  # (N,)
        query = tops.nan_to_num(-1.0).argmax().item()
        key = strips[query // step][head, query % step].argmax().item()
        entropies = torch.cat([entropy(strip[head]) for strip in strips])
        told = {"head": head, "weight": tops[query], "query": query, "key": key}
        sentences.append(_read_head(told, entropies, seen[head], keys))
    return "\n".join(sentences)


def _read_head(told, entropies, seen, keys) -> str:
    """Where the head's largest weight is, as `told`, and how evenly it spreads the others."""
    if seen.max() < 2:
        return say(
            "Head {head}: the largest weight is {weight:.2f} (query {query} on key {key}); no "
            "query spreads its weight over more than one key.",
            **told,
        )
    share = evenness(entropies, seen)
    if seen.min() < keys:
        return say(
            "Head {head}: the largest weight is {weight:.2f} (query {query} on key {key}); the "
            "entropy is {share:.0%} of uniform attention's on the keys that each query sees.",
            share=share,
            **told,
        )
    return say(
        "Head {head}: the largest weight is {weight:.2f} (query {query} on key {key}); the "
        "entropy is {share:.0%} of uniform attention's.",
        share=share,
        **told,
    )


def _check_map(map_or_array) -> None:
    if isinstance(map_or_array, GlobalLocalMap):
        raise TypeError("map_or_array is a GlobalLocalMap: take its .whole or one of .segments")
    shape = tuple(map_or_array.shape)
    if len(shape) not in (2, 3):
        raise ValueError(
            f"map_or_array must be (N, M) or (H, N, M), got shape {shape}: "
            "choose one with .unbind()"
        )
    if 0 in shape:
        raise ValueError(f"map_or_array is empty, got shape {shape}")


def _weights(map_or_array) -> tuple[np.ndarray, tuple[int, int]]:
    """(H, rows, cols) as drawn, and the N and M they stand for."""
    _check_map(map_or_array)
    length = tuple(map_or_array.shape[-2:])
    if isinstance(map_or_array, AttentionMap):
        small = max(length) <= LARGEST
        weights = map_or_array.weights() if small else map_or_array.pooled(LARGEST)
    else:
        weights = torch.as_tensor(map_or_array)
    return weights.reshape(-1, *weights.shape[-2:]).float().numpy(force=True), length


def _strip(map_or_array, start, stop) -> Tensor:
    """(H, rows, M) the weights of some queries."""
    if isinstance(map_or_array, AttentionMap):
        strip = map_or_array.window(slice(start, stop), slice(0, map_or_array.shape[-1]))
    else:
        strip = torch.as_tensor(map_or_array).detach()[..., start:stop, :]
    return strip.reshape(-1, *strip.shape[-2:]).float()
