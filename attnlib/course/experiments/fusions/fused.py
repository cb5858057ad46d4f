"""The study's networks, whose two branches a function of the reader's own fuses."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from attnlib.course.experiments.study.ensemble import Ensemble
from attnlib.course.experiments.study.montages import LENGTH
from attnlib.course.experiments.study.network import Network

Fusion = Callable[[Tensor, Tensor], Tensor]


class Fused(Ensemble):
    """Networks that have two branches, with `fusion` in the place of theirs.

    Args:
        fusion: (whole, local), both (B, L, C) -> (B, L, C); all networks' examples are one batch.
    """

    def __init__(self, networks: list[Network], fusion: Fusion):
        super().__init__(networks)
        self.fusion = fusion

    def fuse(self, main: Tensor, local: Tensor) -> Tensor:
        whole, local = (rows.reshape(-1, LENGTH, rows.shape[-1]) for rows in (main, local))
        return self.fusion(whole, local).reshape(main.shape)


def check_fusion(fusion: Fusion) -> None:
    """Refuse what could not be compared with the four.

    Raises:
        TypeError: it is no function, or returns no tensor.
        ValueError: it has parameters, the shape is wrong, a number is not finite, or an example
            depends on the others of its batch.
    """
    if not callable(fusion):
        raise TypeError(f"fusion must be a function of (whole, local), got {type(fusion).__name__}")
    if isinstance(fusion, nn.Module) and any(True for _ in fusion.parameters()):
        raise ValueError(
            "fusion must have no parameters, got a module with some: the networks would no longer "
            "be of one size"
        )
    whole, local = torch.randn(2, 3, 16, 48, generator=torch.Generator().manual_seed(0))
    fused = fusion(whole.clone(), local.clone())
    if not isinstance(fused, Tensor):
        raise TypeError(f"fusion must return a tensor, got {type(fused).__name__}")
    if fused.shape != whole.shape:
        raise ValueError(
            f"fusion must return the shape {tuple(whole.shape)} that it was given, got "
            f"{tuple(fused.shape)}"
        )
    if not fused.isfinite().all():
        raise ValueError("fusion must return finite numbers, got inf or nan")
    if not torch.allclose(fused[:1], fusion(whole[:1].clone(), local[:1].clone()), atol=1e-5):
        raise ValueError(
            "fusion must give an example the same rows alone and in a batch, got others: work on "
            "the last axis, dim=-1, or the one before it, dim=-2"
        )
