"""The study's two branches, fused by a function of the reader's own."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from attnlib.course.compare import Branch, DialledAttention, Parameters, attend, turned

Fusion = Callable[[Tensor, Tensor], Tensor]


class Fused(nn.Module):
    """The parameters of `attention`, and `fusion` in the place of its fusion.

    Args:
        attention: one with a local branch as wide as the main one, and no dropout.
        fusion: (whole, local), both (…, L, C) -> (…, L, C).
    """

    def __init__(self, attention: DialledAttention, fusion: Fusion):
        super().__init__()
        self.attention, self.fusion = attention, fusion

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """(…, L, C) -> the fused rows (…, L, C), and no map."""
        alone = turned(self.attention.dials, fusion=None)
        whole = self._rows(x, self.attention.main, alone)
        local = self._rows(x, self.attention.local, turned(alone, sees="own group"))
        return self.fusion(whole, local), None

    def _rows(self, x, branch, dials):
        """One branch as if it were the main one, and the only one."""
        branch = Branch(*(branch.get(name, None) for name in Branch._fields))
        parameters = Parameters(branch, None, None)
        return attend(x, parameters, dials, num_groups=self.attention.num_groups)[0]


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
