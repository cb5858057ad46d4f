"""The shapes in which modules want their tokens, and back to (B, L, C)."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

BLOCKS = "(B, G, N, C)"


class Form(NamedTuple):
    """`enter`: (B, L, C) -> as the module wants it. `leave`: what it gives -> (B, L, C).

    `single`: it takes one input at a time; B is then 1. `groups`: G, where tokens come in blocks.
    """

    shape: str
    enter: Callable[[Tensor], Tensor]
    leave: Callable[[Tensor], Tensor]
    single: bool = False
    groups: int = 1


def blocks(count: int) -> Form:
    """So many blocks of L / G tokens each."""
    return Form(
        BLOCKS,
        lambda x: x.unflatten(1, (count, -1)),
        lambda y: y.flatten(1, 2),
        groups=count,
    )


FORMS = (
    Form("(B, L, C)", lambda x: x, lambda y: y),
    Form("(L, B, C)", lambda x: x.transpose(0, 1), lambda y: y.transpose(0, 1)),
    Form("(B, C, L)", lambda x: x.mT, lambda y: y.mT),
    blocks(1),
    Form("(L, C)", lambda x: x[0], lambda y: y[None], single=True),
    Form("(B, C, 1, L)", lambda x: x.mT[:, :, None], lambda y: y[:, :, 0].mT),  # a picture
)
