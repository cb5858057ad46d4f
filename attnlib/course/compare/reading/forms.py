"""The shapes in which modules want their tokens, and back to (B, L, C)."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Form(NamedTuple):
    """`enter`: (B, L, C) -> as the module wants it. `leave`: what it gives -> (B, L, C).

    `single`: it takes one input at a time; B is then 1.
    """

    shape: str
    enter: Callable[[Tensor], Tensor]
    leave: Callable[[Tensor], Tensor]
    single: bool = False


FORMS = (
    Form("(B, L, C)", lambda x: x, lambda y: y),
    Form("(L, B, C)", lambda x: x.transpose(0, 1), lambda y: y.transpose(0, 1)),
    Form("(B, C, L)", lambda x: x.mT, lambda y: y.mT),
    Form("(B, G, N, C)", lambda x: x[:, None], lambda y: y[:, 0]),
    Form("(L, C)", lambda x: x[0], lambda y: y[None], single=True),
)
