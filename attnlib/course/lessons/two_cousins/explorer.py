"""Whom an output token of a picture listens to."""

from collections.abc import Callable, Mapping

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course.figures.influence import plot_token_influence
from attnlib.course.language import say
from attnlib.course.widgets.controls import slider
from attnlib.course.widgets.explorer import Explorer
from attnlib.layout import blockify, deblockify


def influence_drawer(
    picture: Tensor, patch_size: int, block_size: int, matrices: Mapping[str, Tensor]
) -> Callable[[int, int], tuple[Figure, str]]:
    """draw(row, column) -> whom the output token at that patch of a picture listens to.

    Args:
        picture: (height, width, 3) in [0, 1].
        patch_size, block_size: in pixels, and in patches.
        matrices: title -> (L, L) influence, tokens in the order of `blockify`.
    """
    rows, cols = (side // patch_size for side in picture.shape[:2])
    order = blockify(torch.arange(rows * cols).view(rows, cols, 1), block_size).flatten()
    number = order.argsort()  # place in the picture -> number of the token
    largest = max(matrix.max().item() for matrix in matrices.values())

    def lay(row_of_matrix):
        blocks = row_of_matrix.view(-1, block_size**2, 1)
        return deblockify(blocks, block_size, rows, cols).squeeze(-1)

    def draw(row: int, column: int) -> tuple[Figure, str]:
        token = number[row * cols + column].item()
        laid = {title: lay(matrix[token]) for title, matrix in matrices.items()}
        felt = say(", ").join(_count(title, matrix) for title, matrix in laid.items())
        figure = plot_token_influence(picture, patch_size, laid, (row, column), largest)
        told = {"token": token, "row": row, "column": column, "felt": felt}
        return figure, say(
            "Token {token} (row {row}, column {column}) feels: {felt} tokens.", **told
        )

    return draw


def explore_influence(
    picture: Tensor, patch_size: int, block_size: int, matrices: Mapping[str, Tensor]
) -> Explorer:
    """Choose an output token of a picture: whom does it listen to? See `influence_drawer`."""
    rows, cols = (side // patch_size for side in picture.shape[:2])
    controls = {
        "row": slider(say("row"), 2, 0, rows - 1),
        "column": slider(say("column"), 3, 0, cols - 1),
    }
    draw = influence_drawer(picture, patch_size, block_size, matrices)
    return Explorer("explore_influence", draw, controls)


def _count(title, matrix):
    told = {"title": title, "felt": (matrix > 0).sum(), "all": matrix.numel()}
    return say("{title}: {felt} of {all}", **told)
