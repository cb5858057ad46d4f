"""Two modules side by side: what they compute, and who influences whom."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from attnlib.course.compare.calling.inputs import run_on

CHUNK_BYTES = 64 * 2**20  # gradients alive at a time
LARGEST = 2e9  # entries of the Jacobian: about a minute. It is never stored as a whole


def relative_difference(y: Tensor, other: Tensor) -> float:
    """‖y − other‖ over the root mean square of their norms.

    0 for equal tensors, about √2 = 1.41 for two that have nothing to do with each other, 2 for
    opposite ones.
    """
    norms = (y.square().sum() + other.square().sum()) / 2
    return ((y - other).norm() / norms.sqrt()).item()


def influence(module: Callable, x: Tensor) -> Tensor:
    """How much each output token depends on each input token: ‖∂yᵢ/∂xⱼ‖, by autograd.

    Any differentiable module will do, with or without a map. The module stays in its mode: call
    `.eval()` first, or dropout makes the result random.

    Args:
        module: takes x, and what else its signature asks for and a name tells, as keys, a mask that
            hides nothing, tables of positions; returns y of the same shape, or a tuple that begins
            with y.
        x: (…, C), all axes before the channels being tokens.
    Returns:
        (L, L), L the number of tokens: the Frobenius norm of the C×C Jacobian of output token i
        (down) by input token j (across). Exactly zero where j plays no part in i. What the module
        detaches on the way counts as constant.
    Raises:
        ValueError: no gradient leads from y to x at all. Zeros would then say that no token has
            influence; but all that is known is that autograd cannot tell.
    """
    _check_x(x)
    # A graph is needed even if the caller is in no_grad or inference_mode; so x is copied.
    with torch.inference_mode(False), torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        # Only the plain kernel supports many gradients at once (is_grads_batched).
        with sdpa_kernel(SDPBackend.MATH):
            given = x.clone()  # it may be changed in place
            length = x.shape[-2] if x.dim() > 1 else 1
            y = run_on(module, given, length, lambda x, named: module(*x, **named))
        return _jacobian_norms(_checked_output(y, x), x)


def _check_x(x):
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"x must be a floating-point tensor (…, C), got {got}")
    if x.numel() ** 2 > LARGEST:
        raise ValueError(
            f"x has {x.numel()} numbers, so the Jacobian {x.numel()}² entries: too many, "
            f"expected at most {int(LARGEST**0.5)} numbers; fewer tokens or channels would do"
        )


def _checked_output(y, x) -> Tensor:
    """y itself, where it has the shape of x and a graph that leads to x."""
    y = y[0] if isinstance(y, tuple) and y else y
    if not isinstance(y, Tensor) or y.shape != x.shape:
        got = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise ValueError(f"module must keep the shape {tuple(x.shape)} of x, got {got}")
    if not y.requires_grad:
        raise _no_gradient("an output that requires no gradient")
    (gradient,) = torch.autograd.grad(
        y, x, torch.zeros_like(y), retain_graph=True, allow_unused=True
    )
    if gradient is None:
        raise _no_gradient("an output whose graph does not lead to x")
    return y


def _no_gradient(got):
    return ValueError(
        f"module must return y with a graph that leads to x, got {got}: does it run under "
        "torch.no_grad, detach x, or make whole numbers of it? If it ignores x, no token has "
        "influence"
    )


def _jacobian_norms(y, x) -> Tensor:
    """(L, L), many rows of the Jacobian at a time."""
    size, width = x.numel(), x.shape[-1]
    rows = []
    for outputs in torch.arange(size, device=x.device).split(max(1, CHUNK_BYTES // (4 * size))):
        one_hot = torch.zeros(len(outputs), size, dtype=y.dtype, device=y.device)
        one_hot.scatter_(1, outputs[:, None], 1.0)
        (gradient,) = torch.autograd.grad(
            y, x, one_hot.view(-1, *y.shape), retain_graph=True, is_grads_batched=True
        )  # (outputs, …, C)
        rows.append(gradient.reshape(len(outputs), -1, width).square().sum(-1))
    return torch.cat(rows).unflatten(0, (-1, width)).sum(1).sqrt()  # (L, L)
