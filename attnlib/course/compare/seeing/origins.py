"""Which entry of a product each number is made of, on its way through what comes after."""

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

# They move numbers about and leave them as they are; views do so too.
MOVES = {"clone", "_unsafe_view", "_to_copy", "cat", "stack", "constant_pad_nd", "index_select"}
MOVES |= {"gather", "index", "roll", "flip", "repeat"}
ROWWISE = {"_softmax", "_safe_softmax", "masked_fill", "where"}  # each number at its own place
NOWHERE = -1


class Origins:
    """`of[id of a tensor]`: (number of the product, index into it for each entry, or NOWHERE)."""

    def __init__(self):
        self.of: dict[int, tuple[int, Tensor]] = {}

    def begin(self, number: int, product: Tensor) -> None:
        """A product: each entry is its own origin."""
        self.of[id(product)] = number, torch.arange(product.numel()).view(product.shape)

    def follow(self, function, args, kwargs, result) -> Tensor | None:
        """Carry the origins through one operation; the first tracked tensor that went in."""
        tracked = [t for t in tree_leaves(args) if isinstance(t, Tensor) and id(t) in self.of]
        if not tracked:
            return None
        name = function.overloadpacket.__name__
        if function.is_view or name in MOVES:
            self._move(function, name, args, kwargs, result, self.of[id(tracked[0])][0])
        elif torch.Tag.pointwise in function.tags or name in ROWWISE:
            number, index = self.of[id(tracked[0])]
            if isinstance(result, Tensor) and index.dim() <= result.dim():
                self.of[id(result)] = number, index.expand(result.shape)
        return tracked[0]

    def _move(self, function, name, args, kwargs, result, number):
        """The same move, of the indices."""

        def index(each):
            if not isinstance(each, Tensor) or not each.is_floating_point():
                return each
            known = self.of.get(id(each))
            if known is None or known[0] != number:
                return torch.full(each.shape, NOWHERE)
            return known[1]

        if name in ("view", "_unsafe_view", "clone", "_to_copy", "alias", "detach"):
            moved = index(args[0]).reshape(result.shape)
        elif name == "constant_pad_nd":
            moved = function(index(args[0]), args[1], NOWHERE)
        else:
            moved = function(*tree_map(index, args), **tree_map(index, kwargs))
        for each, its in zip(tree_leaves(result), tree_leaves(moved), strict=True):
            self.of[id(each)] = number, its
