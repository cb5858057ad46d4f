"""What one attention obeys and another breaks: tests that need no parameters and no map.

Each takes a module as a function of x (L, C) or (B, L, C), an x (L, C), and a `Setting`. It gives
the changed input, the rows that the module gives for it, and the rows that it must give if it
obeys; or None where the setting leaves nothing to test.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Setting(NamedTuple):
    """`num_groups`: contiguous groups of L / num_groups tokens. `inner`: H·D of the narrower."""

    num_groups: int = 1
    inner: int | None = None


class Trial(NamedTuple):
    """`changed`: an input. `got`: what the module makes of it. `expected`: if it obeys."""

    changed: Tensor
    got: Tensor
    expected: Tensor


def another_group(call: Callable, x: Tensor, setting: Setting) -> Trial | None:
    """changing a token of another group leaves a row alone"""
    if setting.num_groups == 1:
        return None
    size = len(x) // setting.num_groups
    forth = _changed(call, x, -1, slice(0, size))  # the last token, seen by the first group
    back = _changed(call, x, 0, slice(-size, None))
    return forth if _off(forth) > _off(back) else back


def later_token(call: Callable, x: Tensor, setting: Setting) -> Trial | None:
    """changing a later token leaves a row alone (causal)"""
    return _changed(call, x, -1, slice(0, -1)) if len(x) > 1 else None


def permuting_tokens(call: Callable, x: Tensor, setting: Setting) -> Trial | None:
    """permuting the tokens permutes the rows"""
    return _permuted(call, x, _order(len(x))) if len(x) > 1 else None


def permuting_groups(call: Callable, x: Tensor, setting: Setting) -> Trial | None:
    """permuting whole groups permutes their rows"""
    if setting.num_groups == 1:
        return None
    groups = torch.arange(len(x)).unflatten(0, (setting.num_groups, -1))
    return _permuted(call, x, groups[_order(setting.num_groups)].flatten())


def permuting_inside(call: Callable, x: Tensor, setting: Setting) -> Trial | None:
    """permuting the tokens inside a group permutes its rows"""
    groups = torch.arange(len(x)).unflatten(0, (setting.num_groups, -1))
    if 1 in groups.shape:
        return None
    return _permuted(call, x, groups[:, _order(groups.shape[1])].flatten())


def alone_or_in_a_batch(call: Callable, x: Tensor, setting: Setting) -> Trial:
    """an input gives the same alone as in a batch"""
    batch = torch.stack([x, x.flip(0) + 1.0])
    return Trial(batch, call(batch)[0], call(x))


def zeros_give_zeros(call: Callable, x: Tensor, setting: Setting) -> Trial:
    """tokens of zeros give rows of zeros"""
    zeros = torch.zeros_like(x)
    return Trial(zeros, call(zeros), zeros)


def zero_query(call: Callable, x: Tensor, setting: Setting) -> Trial:
    """what a token of zeros collects is linear in the other tokens"""
    x = x.clone()
    x[[0, -1]] = 0.0  # both ends: one of them may see only itself
    nothing, once, twice = (call(factor * x)[[0, -1]] for factor in (0.0, 1.0, 2.0))
    return Trial(2 * x, twice - once, once - nothing)


def bounded_rows(call: Callable, x: Tensor, setting: Setting) -> Trial:
    """rows do not grow with the tokens"""
    large, larger = (call(factor * x).norm(dim=-1).max() for factor in (1e3, 1e6))
    growth = (larger - 2 * large).clamp(min=0)
    return Trial(1e6 * x, growth, torch.zeros_like(growth))


def few_directions(call: Callable, x: Tensor, setting: Setting) -> Trial | None:
    """the rows vary in no more directions than the narrower module has channels inside, H·D"""
    if setting.inner is None or setting.inner >= min(len(x) - 1, x.shape[-1]):
        return None
    rows = call(x)
    spread = torch.linalg.svdvals(rows - rows.mean(0))
    rest = spread[setting.inner :]
    return Trial(x, rest, torch.zeros_like(rest))


SYMMETRIES = (
    another_group,
    later_token,
    permuting_tokens,
    permuting_groups,
    permuting_inside,
    alone_or_in_a_batch,
    zeros_give_zeros,
    zero_query,
    bounded_rows,
    few_directions,
)


def _order(count):
    """A permutation that is no mere shift, for three and more; the same every time."""
    return torch.cat([torch.tensor([1, 0]), torch.arange(2, count).flip(0)])


def _changed(call, x, token, rows):
    changed = x.clone()
    changed[token] += 1.0
    return Trial(changed, call(changed)[rows], call(x)[rows])


def _off(trial):
    return (trial.got - trial.expected).abs().max()


def _permuted(call, x, order):
    return Trial(x[order], call(x[order]), call(x)[order])
