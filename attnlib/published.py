"""Between PGL-SUM's published parameters, one Linear a head, and the stacked ones used here.

Stacked rows of one matrix are the same map as several matrices: this is notation, not function.
"""

from typing import Any

import torch
from torch import Tensor

STACKED = ("Wq", "Wk", "Wv")  # the order of the rows here
PUBLISHED = ("Wk", "Wq", "Wv")  # the order of the keys there


def split(qkv: Tensor, out: Tensor, heads: int) -> dict[str, Tensor]:
    """qkv (3·H·D, C), out (C, H·D) -> the published keys: `Wk.0.weight`, …, `out.weight`."""
    rows = dict(zip(STACKED, qkv.detach().chunk(3), strict=True))
    state = {
        f"{name}.{head}.weight": weight.clone()
        for name in PUBLISHED
        for head, weight in enumerate(rows[name].chunk(heads))
    }
    return state | {"out.weight": out.detach().clone()}


def take(
    state_dict: dict[str, Tensor], prefix: str, heads: int, out_shape: torch.Size, errors: list[str]
) -> tuple[Tensor, Tensor] | None:
    """Take one attention's published parameters out of a state dict: (qkv, out), stacked.

    Where any is missing or of another shape none is taken, and `errors` gets a line for each.
    """
    input_size, width = out_shape
    expected = {
        f"{prefix}{name}.{head}.weight": (width // heads, input_size)
        for name in STACKED
        for head in range(heads)
    } | {f"{prefix}out.weight": tuple(out_shape)}
    found = {name: tuple(state_dict[name].shape) for name in expected if name in state_dict}
    for name in expected:
        if found.get(name) != expected[name]:
            got = found.get(name, "nothing")
            errors.append(f"{name}: expected shape {expected[name]} for {heads} heads, got {got}")
    if found != expected:
        return None
    *parts, out = (state_dict.pop(name) for name in expected)
    return torch.cat(parts), out


def load_self(module: Any, state_dict: dict[str, Tensor], prefix: str, *others: Any) -> None:
    """Before a SelfAttention loads: stack the published keys, if it is those; errors come last."""
    if not any(key.startswith(f"{prefix}W") for key in state_dict):
        return
    taken = take(state_dict, prefix, module.heads, module.out.weight.shape, others[-1])
    if taken:
        state_dict[f"{prefix}qkv.weight"], state_dict[f"{prefix}out.weight"] = taken


def load_segments(module: Any, state_dict: dict[str, Tensor], prefix: str, *others: Any) -> None:
    """Before a SegmentAttention loads: the same for each segment, stacked over segments."""
    if not any(key.startswith(f"{prefix}0.W") for key in state_dict):
        return
    taken = [
        take(state_dict, f"{prefix}{segment}.", module.heads, module.out.shape[1:], others[-1])
        for segment in range(module.num_segments)
    ]
    if len(found := [pair for pair in taken if pair]) == module.num_segments:
        for name, parts in zip(("qkv", "out"), zip(*found, strict=True), strict=True):
            state_dict[f"{prefix}{name}"] = torch.stack(parts)
