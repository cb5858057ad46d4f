"""Between PGL-SUM's published parameters, one Linear a head, and the stacked ones used here.

Stacked rows of one matrix are the same map as several matrices: this is notation, not function.
"""

import torch
from torch import Tensor

PROJECTIONS = ("Wq", "Wk", "Wv")  # the order in which they are stacked


def pop_heads(state_dict, prefix, heads, shape, errors) -> Tensor | None:
    """Take `Wq.0.weight`, … of all heads out of a state dict and stack them: (3·H·D, C).

    Where one is missing or not of `shape` (D, C), nothing is taken and `errors` gets a line each.
    """
    names = [f"{prefix}{name}.{head}.weight" for name in PROJECTIONS for head in range(heads)]
    for name in names:
        got = tuple(state_dict[name].shape) if name in state_dict else "nothing"
        if got != shape:
            errors.append(f"{name}: expected shape {shape}, as {heads} heads have it, got {got}")
            return None
    return torch.cat([state_dict.pop(name) for name in names])


def split_published(qkv: Tensor, out: Tensor, heads: int) -> dict[str, Tensor]:
    """(3·H·D, C) and (C, H·D) -> the published state dict, in its own order of keys."""
    stacked = dict(zip(PROJECTIONS, qkv.detach().chunk(3), strict=True))
    state = {
        f"{name}.{head}.weight": weight.clone()
        for name in ("Wk", "Wq", "Wv")
        for head, weight in enumerate(stacked[name].chunk(heads))
    }
    return state | {"out.weight": out.detach().clone()}
