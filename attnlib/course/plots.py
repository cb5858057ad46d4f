"""Arrays in, Figure out; and for each kind of picture the sentence that says what it shows.

The sentence serves who cannot see the picture, who lectures with it, and the check of the
notebooks, which compares text and not pixels. Matrices are drawn queries down, keys across.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.layout import segment_slices
from attnlib.maps import AttentionMap
from attnlib.segments import GlobalLocalMap

COLOURS = "viridis"  # perceptually uniform, readable by colour-blind eyes
NOTHING = "#d9d9d9"  # exactly zero, on a logarithmic scale
MARK = "#d62728"
INFLUENCE = "‖∂yᵢ/∂xⱼ‖   (grey: exactly 0)"
LARGEST = 512  # cells along a side that are worth drawing; longer maps are pooled
STYLE = {"font.size": 12, "axes.titlesize": 13, "image.interpolation": "nearest"}


def plot_map(
    map_or_array: AttentionMap | Tensor, *, title: str = "", edges: Sequence[int] = ()
) -> Figure:
    """The weights as pictures, one a head, on one colour scale.

    Args:
        map_or_array: an `AttentionMap`, or weights as a tensor: (N, M) or (H, N, M).
        title: above all of them.
        edges: tokens before which a line is drawn: the bounds of groups, or cuts.
    """
    weights, length = _weights(map_or_array)
    label = "weight" if weights.shape[1:] == length else "mean weight of a cell"
    heads = len(weights)
    cols = min(heads, 4)
    rows = -(-heads // cols)
    with plt.rc_context(STYLE):
        size = (3.1 * cols + 1.2, 3.1 * rows + 0.6)
        fig, axes = plt.subplots(rows, cols, figsize=size, squeeze=False, layout="constrained")
        for head, axis in enumerate(axes.flat):
            if head >= heads:
                axis.set_axis_off()
                continue
            extent = (-0.5, length[1] - 0.5, length[0] - 0.5, -0.5)
            image = axis.imshow(weights[head], COLOURS, vmin=0, vmax=weights.max(), extent=extent)
            _label(axis, f"head {head}" if heads > 1 else "", edges)
        fig.colorbar(image, ax=axes, label=label, shrink=0.8)
        fig.suptitle(title)
    return _closed(fig)


def read_map(map_or_array: AttentionMap | Tensor) -> str:
    """A sentence a head: its strongest pair, and its entropy against that of uniform attention.

    Exact for a map of any length: it is read in strips of rows.
    """
    _check_map(map_or_array)
    rows, keys = map_or_array.shape[-2:]
    step = max(1, LARGEST**2 // keys)
    strips = [
        _strip(map_or_array, start, min(start + step, rows)) for start in range(0, rows, step)
    ]
    sentences = []
    for head in range(strips[0].shape[0]):
        tops = torch.cat([strip[head].amax(-1) for strip in strips])  # (N,)
        query = tops.nan_to_num(-1.0).argmax().item()
        key = strips[query // step][head, query % step].nan_to_num(-1.0).argmax().item()
        entropy = torch.cat([torch.special.entr(strip[head]).sum(-1) for strip in strips]).mean()
        sentences.append(
            f"Head {head}: the largest weight is {tops[query]:.2f} (query {query} on key {key}); "
            f"the entropy is {entropy / np.log(max(2, keys)):.0%} of uniform attention's."
        )
    return "\n".join(sentences)


def plot_influence(matrices: Mapping[str, Tensor], *, edges: Sequence[int] = ()) -> Figure:
    """Influence matrices side by side, on one logarithmic scale; grey is exactly zero.

    Args:
        matrices: title -> (L, L), output token down, input token across.
        edges: tokens before which a line is drawn.
    """
    arrays = {title: matrix.numpy(force=True) for title, matrix in matrices.items()}
    largest = max(array.max() for array in arrays.values())
    smallest = min(array[array > 0].min() for array in arrays.values())
    norm = LogNorm(max(smallest, largest * 1e-4), largest)
    with plt.rc_context(STYLE):
        size = (3.9 * len(arrays) + 0.9, 4.3)
        fig, axes = plt.subplots(1, len(arrays), figsize=size, squeeze=False, layout="constrained")
        for axis, (title, array) in zip(axes.flat, arrays.items(), strict=True):
            axis.set_facecolor(NOTHING)
            image = axis.imshow(np.ma.masked_equal(array, 0), COLOURS, norm=norm)
            _label(axis, title, edges)
            axis.set_ylabel("output token")
            axis.set_xlabel("input token")
        fig.colorbar(image, ax=axes, label=INFLUENCE, shrink=0.9)
    return _closed(fig)


def read_influence(matrix: Tensor, num_groups: int) -> str:
    """How many pairs from different groups have influence, and their share of all of it."""
    group = torch.zeros(len(matrix), dtype=torch.long)
    for index, tokens in enumerate(segment_slices(len(matrix), num_groups)):
        group[tokens] = index
    across = matrix[group[:, None] != group]
    share = across.square().sum() / matrix.square().sum()
    felt = (across > 0).sum().item()
    if felt == 0:
        return f"exactly 0 for all {across.numel()} pairs from different blocks or segments"
    return (
        f"above 0 for {felt} of {across.numel()} pairs from different blocks or segments, "
        f"which carry {share:.0%} of all the squared influence"
    )


def plot_tokens(photograph: Tensor, picture: Tensor, patch_size: int, block_size: int) -> Figure:
    """The photograph, and the small picture that is cut: thin lines patches, thick ones blocks.

    Args:
        photograph: (height, width, 3) in [0, 1], as large as one likes.
        picture: (height, width, 3), the same small; patch_size in pixels, block_size in patches.
    """
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(1, 2, figsize=(8.4, 4.3), layout="constrained")
        axes[0].imshow(photograph.numpy())
        axes[0].set_title("the photograph")
        axes[1].imshow(picture.numpy())
        height, width = picture.shape[0] // patch_size, picture.shape[1] // patch_size
        axes[1].set_title(f"what the modules get: {height} × {width} patches = tokens")
        _grid(axes[1], picture.shape, patch_size, color="white", linewidth=0.5)
        _grid(axes[1], picture.shape, patch_size * block_size, color=MARK, linewidth=2.5)
        for axis in axes:
            axis.set_axis_off()
    return _closed(fig)


def plot_shots(frames: Tensor, cuts: Sequence[int]) -> Figure:
    """The first frame of every shot of a video, as thumbnails.

    Args:
        frames: (L, height, width, 3) in [0, 1].
        cuts: the first frames of shots 2, 3, ….
    """
    starts = (0, *cuts)
    stops = (*cuts, len(frames))
    with plt.rc_context(STYLE):
        size = (1.75 * len(starts), 1.2)
        fig, axes = plt.subplots(1, len(starts), figsize=size, squeeze=False, layout="constrained")
        for axis, start, stop in zip(axes.flat, starts, stops, strict=True):
            axis.imshow(frames[start].numpy())
            axis.set_title(f"{start} … {stop - 1}" if stop - start > 1 else f"{start}", pad=3)
            axis.set_axis_off()
    return _closed(fig)


def plot_token_influence(
    picture: Tensor,
    patch_size: int,
    rows: Mapping[str, Tensor],
    token: tuple[int, int],
    largest: float,
) -> Figure:
    """Whom one output token listens to, as brightness over the patches; grey is exactly zero.

    Args:
        picture: (height, width, 3) in [0, 1].
        patch_size: in pixels.
        rows: title -> (height / patch_size, width / patch_size) influence of each input token.
        token: row and column of the output token, in patches: the red frame.
        largest: the end of the colour scale, the same for all tokens that are compared.
    """
    norm = LogNorm(largest * 1e-3, largest)
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(1, 1 + len(rows), figsize=(3.1 * (1 + len(rows)) + 1, 3.4))
        fig.subplots_adjust(left=0.01, right=0.89, bottom=0.02, top=0.9, wspace=0.05)
        axes[0].imshow(picture.numpy())
        axes[0].set_title("the output token")
        _frame(axes[0], token, patch_size)
        for axis, (title, row) in zip(axes[1:], rows.items(), strict=True):
            axis.set_facecolor(NOTHING)
            shown = np.ma.masked_equal(row.numpy(force=True), 0)
            image = axis.imshow(shown, COLOURS, norm=norm)
            axis.set_title(title)
            _frame(axis, token, 1)
        for axis in axes:
            axis.set_xticks([])
            axis.set_yticks([])
        fig.colorbar(image, cax=fig.add_axes((0.9, 0.06, 0.012, 0.8)), label=INFLUENCE)
    return _closed(fig)


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


def _label(axis, title, edges):
    axis.set_title(title)
    axis.set_xlabel("key")
    axis.set_ylabel("query")
    for edge in edges:
        axis.axhline(edge - 0.5, color="white", linewidth=1)
        axis.axvline(edge - 0.5, color="white", linewidth=1)


def _grid(axis, shape, step, **line):
    for row in range(0, shape[0] + 1, step):
        axis.axhline(row - 0.5, **line)
    for col in range(0, shape[1] + 1, step):
        axis.axvline(col - 0.5, **line)


def _frame(axis, token, size):
    corner = (token[1] * size - 0.5, token[0] * size - 0.5)
    axis.add_patch(plt.Rectangle(corner, size, size, fill=False, edgecolor=MARK, linewidth=3))


def _closed(fig):
    """Out of pyplot's hands, so that a notebook draws it once and nothing piles up."""
    plt.close(fig)
    return fig
