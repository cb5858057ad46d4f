"""Two modules side by side: what they compute, and who influences whom."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from attnlib.course.compare.calling.inputs import run_on
from attnlib.course.language import say
from attnlib.course.progress_bar import progress_bar
from attnlib.course.rehearsal import Ledger, check_run

ALIVE = 8 * 2**20  # bytes that rows computed together may take: more do not stay in the cache


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

    The Jacobian has L·C rows, and each is a pass back through the module; it is never stored as a
    whole. A progress bar shows up when that takes over two seconds.

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
        MemoryError: it would take more memory than is free; with a shape of x that would fit. See
            `check_run` for how that is known.
    """
    _check_x(x)
    # A graph is needed even if the caller is in no_grad or inference_mode.
    with torch.inference_mode(False), torch.enable_grad():
        check_run("influence", _first_row, module, x)
        y, x = _graph(module, x)
        return _jacobian_norms(y, x)


def _graph(module, x) -> tuple[Tensor, Tensor]:
    """y, and the x that its graph leads to: a copy."""
    x = x.detach().clone().requires_grad_()
    # Only the plain kernel supports many gradients at once (is_grads_batched).
    with sdpa_kernel(SDPBackend.MATH):
        given = x.clone()  # it may be changed in place
        length = x.shape[-2] if x.dim() > 1 else 1
        y = run_on(module, given, length, lambda x, named: module(*x, **named))
    return _checked_output(y, x), x


def _first_row(module, x) -> None:
    """What takes most memory: the graph, the result, and one row."""
    y, x = _graph(module, x)
    norms = _no_norms(x)
    _add_rows(norms, y, x, torch.arange(1))


def _check_x(x):
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"x must be a floating-point tensor (…, C), got {got}")


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
    """(L, L), as many rows of the Jacobian at a time as fit: the first tells what a row takes."""
    norms = _no_norms(x)
    first, rest = torch.arange(x.numel(), device=x.device).split([1, x.numel() - 1])
    with progress_bar(x.numel(), say("influence"), say("row")) as bar:
        with Ledger() as ledger:
            _add_rows(norms, y, x, first)
        bar.update(1)
        for rows in rest.split(max(1, ALIVE // ledger.most)):
            _add_rows(norms, y, x, rows)
            bar.update(len(rows))
    return norms.sqrt().to(y.dtype)


def _no_norms(x) -> Tensor:
    """(L, L) zeros, to which squares are added: in half precision they would be lost."""
    length = x.numel() // x.shape[-1]
    dtype = torch.promote_types(x.dtype, torch.float32)
    return torch.zeros(length, length, dtype=dtype, device=x.device)


def _add_rows(norms, y, x, rows) -> None:
    """Add the squares of these rows of the Jacobian, one for each number of y."""
    size, width = x.numel(), x.shape[-1]
    one_hot = torch.zeros(len(rows), size, dtype=y.dtype, device=y.device)
    one_hot.scatter_(1, rows[:, None], 1.0)
    (gradient,) = torch.autograd.grad(
        y, x, one_hot.view(-1, *y.shape), retain_graph=True, is_grads_batched=True
    )  # (rows, …, C)
    squares = gradient.reshape(len(rows), -1, width).to(norms).square().sum(-1)  # (rows, L)
    norms.index_add_(0, rows // width, squares)
