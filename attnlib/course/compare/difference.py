"""Two modules side by side: what they compute, and who influences whom."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

CHUNK_BYTES = 64 * 2**20  # gradients alive at a time
LARGEST = 2e9  # entries of the whole Jacobian, all computed, never kept: about a minute


def relative_difference(y: Tensor, other: Tensor) -> float:
    """‖y − other‖ over the root mean square of their norms.

    0 for equal tensors, about √2 = 1.41 for two that have nothing to do with each other, 2 for
    opposite ones.
    """
    norms = (y.square().sum() + other.square().sum()) / 2
    return ((y - other).norm() / norms.sqrt()).item()


def influence(module: Callable, x: Tensor) -> Tensor:
    """How much each output token depends on each input token: ‖∂yᵢ/∂xⱼ‖, by autograd.

    It needs no map and looks into nothing: any differentiable module will do. It takes the module
    as it is; call `.eval()` first, or dropout makes the picture a draw of luck.

    Args:
        module: takes x and returns y of the same shape, or a tuple that begins with y.
        x: (…, C), all axes before the channels being tokens.
    Returns:
        (L, L), L the number of tokens: the Frobenius norm of the C×C Jacobian of output token i
        (down) by input token j (across). Exactly zero where j plays no part in i.
    """
    x = x.detach().requires_grad_()
    if x.numel() ** 2 > LARGEST:
        raise ValueError(
            f"x has {x.numel()} numbers, so the Jacobian {x.numel()}² entries: too many, "
            f"expected at most {int(LARGEST**0.5)} numbers; fewer tokens or channels would do"
        )
    # PyTorch can take many gradients at once through the plain kernel, not through the fused ones.
    with sdpa_kernel(SDPBackend.MATH), torch.enable_grad():
        y = module(x)
    y = y[0] if isinstance(y, tuple) else y
    if y.shape != x.shape:
        raise ValueError(f"module must keep the shape {tuple(x.shape)} of x, got {tuple(y.shape)}")
    size, width = x.numel(), x.shape[-1]
    if not y.requires_grad:  # y does not depend on x at all
        return torch.zeros(size // width, size // width, dtype=y.dtype, device=y.device)
    rows = []
    for outputs in torch.arange(size, device=x.device).split(max(1, CHUNK_BYTES // (4 * size))):
        one_hot = torch.zeros(len(outputs), size, dtype=y.dtype, device=y.device)
        one_hot.scatter_(1, outputs[:, None], 1.0)
        (gradient,) = torch.autograd.grad(
            y,
            x,
            one_hot.view(-1, *y.shape),
            retain_graph=True,
            is_grads_batched=True,
            allow_unused=True,
        )  # (outputs, …, C)
        if gradient is None:  # y has parameters in it, but not x
            gradient = x.new_zeros(len(outputs), *x.shape)
        rows.append(gradient.reshape(len(outputs), -1, width).square().sum(-1))
    return torch.cat(rows).unflatten(0, (-1, width)).sum(1).sqrt()  # (L, L)
