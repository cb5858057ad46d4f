"""Where the q, k, v and weights of each head and token stand among what an attention is given."""

from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.seeing.spy import Operands, Spot
from attnlib.course.compare.seeing.tokens import NONE, SEVERAL
from attnlib.course.language import say


class Places(NamedTuple):
    """Numbers of rows, and of weights: what was (n, N, …) becomes (H, B, L, …).

    `tokens` (L,): which of all it works on; L counts these.
    """

    tokens: Tensor
    query: Tensor  # (H, B, L)
    key: Tensor  # (H, B, L)
    value: Tensor  # (H, B, L)
    out: Tensor  # (H, B, L)
    weights: Tensor  # (H, B, L, L), -1 where the code does not even look

    def take(self, operands: Operands) -> Operands:
        """q, k (H, B, L, D), weights (H, B, L, L), 0 where there is none, v (H, B, L, D)."""
        flat = operands.weights.nan_to_num(0.0).flatten()[self.weights.clamp(min=0)]
        return Operands(
            operands.query.flatten(0, 1)[self.query],
            operands.key.flatten(0, 1)[self.key],
            flat.masked_fill(self.weights < 0, 0.0),
            operands.value.flatten(0, 1)[self.value],
        )

    def put(self, heads: Tensor, shape) -> Tensor:
        """What each head gives, (H, B, L, D), as the code has it: (n, N, D)."""
        rows = heads.new_zeros(shape[0] * shape[1], heads.shape[-1])
        rows[self.out.flatten()] = heads.flatten(0, 2)
        return rows.view(*shape[:2], -1)


def places(spot: Spot, query: Tensor, key: Tensor, value: Tensor, length: int) -> Places:
    """From the tokens of the rows of q (n, N), k (n, M), v (n', M') of one attention.

    `length`: of all tokens of x. Heads are counted as the code has them, for each token.
    """
    if any((tokens == SEVERAL).any() for tokens in (query, key, value)):
        raise Unreadable(say("a query, a key or a value is made of several tokens"))
    _, rows, cols = spot.shape
    n, r, m = (spot.origin >= 0).nonzero(as_tuple=True)
    product = spot.origin[n, r, m]
    q_row = product // cols
    k_row = product // (rows * cols) * cols + product % cols
    query, key, value = query.flatten()[q_row], key.flatten()[k_row], value[n, m]
    kept = (query != NONE) & (key != NONE) & (value != NONE)  # what pads is no token
    if not kept.any():
        raise Unreadable(say("its queries, keys or values do not depend on x"))
    if not (key == value)[kept].all():
        raise Unreadable(say("a weight made with the key of one token takes the value of another"))
    n, r, m, q_row, k_row, query, key = (each[kept] for each in (n, r, m, q_row, k_row, query, key))
    if not (query // length == key // length).all():
        raise Unreadable(say("tokens of one input of a batch see those of another"))
    batch = int(query.max()) // length + 1
    tokens, query, key = _counted(query, key, length)
    length = len(tokens)
    row = n * spot.origin.shape[1] + r
    head = _heads(row, query, batch * length)
    v_row, entry = n * spot.origin.shape[2] + m, row * spot.origin.shape[2] + m
    shape = (int(head.max()) + 1, batch, length)
    at_query, at_key = (head * batch * length + token for token in (query, key))
    pair = at_query * length + key % length
    if len(pair.unique()) < len(pair):
        raise Unreadable(say("a head looks at the same token twice"))
    return Places(
        tokens,
        _scattered(shape, at_query, q_row),
        _scattered(shape, at_key, k_row),
        _scattered(shape, at_key, v_row),
        _scattered(shape, at_query, row),
        _scattered((*shape, length), pair, entry, complete=False),
    )


def _counted(query, key, length):
    """(the tokens it works on, the queries and keys as b·N + number among these)."""
    tokens, keys = (query % length).unique(), (key % length).unique()
    if not torch.equal(tokens, keys):
        raise Unreadable(say("not the same tokens ask, with queries, and are asked, with keys"))
    return tokens, *(
        each // length * len(tokens) + torch.searchsorted(tokens, each % length)
        for each in (query, key)
    )


def _heads(row, token, count):
    """For each entry, how many rows of the same token come before its own."""
    rows, first = row.unique(return_inverse=True)
    token_of = torch.empty_like(rows).scatter_(0, first, token)
    order = token_of.argsort(stable=True)
    each = torch.bincount(token_of, minlength=count)
    if each[0] == 0 or not (each == each[0]).all():
        raise Unreadable(say("not every token has the same number of heads"))
    head = torch.empty_like(rows)
    head[order] = torch.arange(len(rows)) % each[0]
    return head[first]


def _scattered(shape, place, number, complete=True):
    table = torch.full(shape, NONE)
    table.view(-1)[place] = number
    if complete and (table < 0).any():
        raise Unreadable(say("not every token has a query, a key and a value in every head"))
    return table
