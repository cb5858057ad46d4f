"""What a caller may get wrong: each error names the argument, what was got, what is expected."""

import torch
from torch import Tensor


def check_count(name: str, value: int, least: int = 1) -> None:
    """Raise unless `value` is a whole number, at least `least`."""
    wrong = TypeError if isinstance(value, bool) or not isinstance(value, int) else ValueError
    if wrong is TypeError or value < least:
        raise wrong(f"{name} must be a whole number, at least {least}, got {value!r}")


def check_divides(name: str, divisor: int, of: str, size: int) -> None:
    """Raise unless both are whole numbers and `divisor` divides `size`."""
    check_count(of, size)
    check_count(name, divisor)
    if size % divisor:
        raise ValueError(f"{name}={divisor} must divide {of}={size}")


def check_tokens(x: Tensor, axes: str, width: int, ranks: tuple[int, ...]) -> None:
    """Raise unless x is a floating-point tensor of such a rank, not empty, `width` channels wide.

    `axes` is what the error says is expected: "(B, G, N, C=64)".
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a torch.Tensor {axes}, got {type(x).__name__}")
    if not torch.is_floating_point(x):
        raise TypeError(f"x must be floating point, got {x.dtype}")
    if x.dim() not in ranks or x.shape[-1] != width:
        raise ValueError(f"x must be {axes}, got shape {tuple(x.shape)}")
    if x.numel() == 0:
        raise ValueError(f"x must not be empty, got shape {tuple(x.shape)}")


def check_term(said: str, name: str, term: object, shape: tuple, device: torch.device) -> Tensor:
    """Raise unless `term` is such a tensor as `name` calls for and broadcasts to `shape`."""
    if not isinstance(term, Tensor):
        raise TypeError(f"{said} must be a torch.Tensor, got {type(term).__name__}")
    if name == "mask" and term.dtype != torch.bool:
        raise TypeError(f"{said} must be bool (True = may attend), got {term.dtype}")
    if name == "bias" and (term.dtype == torch.bool or term.is_complex()):
        raise TypeError(f"{said} must be real numbers to add to the scores, got {term.dtype}")
    if term.device != device:
        raise TypeError(f"{said} must be on {device} as q is, got {term.device}")
    missing = len(shape) - term.dim()
    fits = missing >= 0 and all(
        have == 1 or have == want for have, want in zip(term.shape, shape[missing:], strict=True)
    )
    if not fits:
        raise ValueError(f"{said} must broadcast to {shape}, got shape {tuple(term.shape)}")
    return term


def check_probability(name: str, value: float) -> None:
    """Raise a ValueError unless 0 ≤ value ≤ 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be in [0, 1], got {value!r}")


def refuse(backend: str, what: str, instead: str) -> None:
    """Raise, because a backend cannot serve a request, and name those that can."""
    raise ValueError(f'backend="{backend}" {what}: take {instead}')
