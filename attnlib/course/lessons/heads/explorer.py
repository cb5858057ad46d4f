"""What moves when channels are split into heads and merged again."""

from collections.abc import Callable

import torch
from einops import rearrange
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.checks import check_divides
from attnlib.course.language import say
from attnlib.course.lessons.heads.figures import plot_heads
from attnlib.course.widgets.controls import choice, stepper
from attnlib.course.widgets.explorer import Explorer
from attnlib.course.widgets.formatting import divisors, either
from attnlib.layout import ORDERS, merge_heads, split_heads

CHANNELS = 12


def heads_drawer(picture: Tensor) -> Callable[[int, str], tuple[Figure, str]]:
    """draw(num_heads, order) -> the picture split into heads and merged.

    Args:
        picture: (height, width, 3) in [0, 1]. Every row is a token, and a strip 1/12 of the width
            is a channel: it moves as a whole, as the one number of a channel does.
    """
    check_divides("12 channels", CHANNELS, "the picture's width", picture.shape[1])
    # All axes before (N, C) are batch axes, so all pixels of a strip move together.
    x = rearrange(picture, "n (c width) rgb -> width rgb n c", c=CHANNELS)
    channels = torch.arange(CHANNELS)[None]  # (N, C) = (1, 12), each channel its own number

    def draw(num_heads: int, order: str) -> tuple[Figure, str]:
        try:
            split, split_channels = split_heads(x, num_heads), split_heads(channels, num_heads)
        except ValueError as error:
            raise ValueError(f"{error}: take {either(divisors(CHANNELS))}") from None
        merged, origin = merge_heads(split, order), merge_heads(split_channels, order)[0]
        length, head_dim = split.shape[-2:]
        cut = [
            (_picture(split[..., head, :, :]), split_channels[head, 0]) for head in range(num_heads)
        ]
        panels = ([(_picture(x), channels[0])], cut, [(_picture(merged), origin)])
        titles = _titles(num_heads, length, head_dim, order)
        figure = plot_heads(titles, panels, head_dim, say("place after merging"))
        return figure, _read(num_heads, head_dim, order, origin)

    return draw


def explore_heads(picture: Tensor) -> Explorer:
    """Choose the number of heads and the order of merging: what moves? See `heads_drawer`."""
    controls = {
        "num_heads": stepper("num_heads", 3, divisors(CHANNELS)),
        "order": choice(say("order of merging"), "d h", ORDERS),
    }
    return Explorer("explore_heads", heads_drawer(picture), controls)


def _picture(x):
    return rearrange(x, "width rgb n c -> n (c width) rgb")


def _titles(num_heads, length, head_dim, order):
    split = say(
        "split: (H, N, D) = ({num_heads}, {length}, {head_dim})",
        num_heads=num_heads,
        length=length,
        head_dim=head_dim,
    )
    merged = say('merged "{order}": (N, C) again', order=order)
    return f"x: (N, C) = ({length}, {CHANNELS})", split, merged


def _read(num_heads, head_dim, order, origin):
    told = {"channels": CHANNELS, "num_heads": num_heads, "head_dim": head_dim, "order": order}
    moved = (origin != torch.arange(CHANNELS)).nonzero().flatten().tolist()
    if not moved and order == "h d":
        return say(
            "C = {channels} channels in H = {num_heads} heads of D = {head_dim}, merged "
            '"{order}": every channel is back in its place; it is the inverse of the split.',
            **told,
        )
    if not moved:
        return say(
            "C = {channels} channels in H = {num_heads} heads of D = {head_dim}, "
            'merged "{order}": every channel is back in its place; '
            "with H = 1 or D = 1 both orders are one.",
            **told,
        )
    place = moved[0]
    head, within = divmod(origin[place].item(), head_dim)
    return say(
        'C = {channels} channels in H = {num_heads} heads of D = {head_dim}, merged "{order}": '
        "the channels now lie {origin}; {moved} of {channels} have moved. Place {place} holds "
        "channel {channel}: number {within} of head {head}. The shape is the same, so no check of "
        "shapes sees it.",
        **told,
        origin=" ".join(map(str, origin.tolist())),
        moved=len(moved),
        place=place,
        channel=origin[place],
        within=within,
        head=head,
    )
