"""The maps of a module for one input: caught where they are made, whatever it gives back."""

import torch
from torch import Tensor, nn

from attnlib.course.compare.calling.search import calls
from attnlib.course.compare.seeing.sight import Sight


def maps(module: nn.Module, x: Tensor) -> Tensor:
    """(maps, L, L), queries down: one a head, and a zero where a query does not look.

    Attentions that work on other tokens each, as segments do, are in one map together; what looks
    at the same tokens again, as a list of heads does, is in further ones. In eval, in float64.

    Args:
        x: (L, C), whatever form the module asks for.
    Raises:
        Unreadable: no way to call it was found, or no attention in it.
    """
    if not isinstance(x, Tensor) or x.dim() != 2 or not x.is_floating_point():
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x must be the tokens of one input, (L, C), floating-point, got {got}")
    x = x.detach().cpu().double()[None]
    sight = Sight(calls(module, width=x.shape[-1])[0])
    found = []
    for tokens, operands in zip(sight.tokens(x), sight.operands(x), strict=True):
        weights, place = operands.weights[:, 0], (slice(None), tokens[:, None], tokens)
        if not found or len(found[-1]) != len(weights) or found[-1][place].any():
            found.append(torch.zeros(len(weights), x.shape[1], x.shape[1], dtype=x.dtype))
        found[-1][place] = weights
    return torch.cat(found)
