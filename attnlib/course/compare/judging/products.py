"""What no re-arrangement of parameters changes: of each head, what scores and values are made of.

Rows of a head's W_q and W_k may be turned together, columns of W_o with rows of W_v, heads may
change places, a scale may be in the weights: W_qᵀ W_k and W_o W_v stay as they are.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.reading.attention import Attention


class Products(NamedTuple):
    """Of one attention; a bias stands as one more column behind its matrix."""

    scores: Tensor  # (H, P, C + 1, C + 1), what a query of one place gives with a key of another
    values: Tensor  # (H, C, C)
    table: Tensor  # (H, L, L)
    seen: Tensor  # (H, L, L) bool
    bias: Tensor  # (C,): rows of weights sum to 1, so value biases come out whole


def products(attention: Attention, told: bool = True) -> Products:
    """The products, with the parameters that were read.

    Args:
        told: only what the weights tell: no softmax over keys tells what is the same for all keys.
    """
    query, key = (with_bias(attention, name) for name in ("query", "key"))
    heads, size, _ = query.shape
    still = torch.eye(size, dtype=query.dtype).expand(heads, 1, size, size)
    turns = [still if t is None else t for t in (attention.query_turn, attention.key_turn)]
    places = max(map(len, (turns[0][0], turns[1][0])))
    turned = [each.expand(-1, places, -1, -1) for each in turns]
    # The query later than the key, and the other way round: enough where the distance tells.
    mixed = torch.cat([turned[0].mT, turned[1]], 1)
    scores = attention.scale * torch.einsum("hdc,hpde,hef->hpcf", query, mixed, key)
    if told and attention.key_turn is None and attention.axis == "keys":
        scores[..., -1] = 0.0
    value = attention.out @ attention.value
    carried = torch.einsum("hcd,hd->c", attention.out, attention.value_bias)
    return Products(scores, value, attention.table, attention.seen, attention.out_bias + carried)


def with_bias(attention: Attention, name: str) -> Tensor:
    """(H, D, C + 1) of "query", "key" or "value"."""
    bias = getattr(attention, f"{name}_bias")
    return torch.cat([getattr(attention, name), bias[..., None]], -1)


def off(one: Tensor, other: Tensor) -> float:
    """The largest difference, relative to the largest number of both."""
    if one.shape != other.shape:
        return float("inf")
    size = max(one.abs().max().item(), other.abs().max().item())
    return (one - other).abs().max().item() / size if size else 0.0


def costs(one: Products, other: Products) -> Tensor:
    """(H, H'): how far each head of one is from each of the other."""
    found = torch.zeros(len(one.values), len(other.values), dtype=torch.float64)
    for h, g in torch.cartesian_prod(*(torch.arange(n) for n in found.shape)).tolist():
        same_mask = torch.equal(one.seen[h], other.seen[g])
        parts = [min(off(one[n][h], other[n][g]), 2.0) for n in range(2)]
        added = (one.table[h] - other.table[g]).abs().max().item() if same_mask else 2.0
        found[h, g] = sum([*parts, min(added, 2.0)])  # one may be off in every head
    return found
