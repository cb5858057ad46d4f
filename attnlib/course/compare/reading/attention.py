"""One attention as a reader found it: numbers, and the place of each number in the parameters."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

PARTS = ("query", "key", "value", "out", "query_bias", "key_bias", "value_bias", "out_bias")
ELSEWHERE = -1


@dataclass(frozen=True)
class Origin:
    """Where the entries of one part are in the parameters, laid one behind the other.

    part = unit · parameters[index] wherever index ≥ 0. ELSEWHERE: it depends on no parameter, and
    is what it is; or (then `composite`) on several, as the entries of a product of matrices do.
    """

    index: Tensor  # the shape of the part, whole numbers
    unit: Tensor  # the shape of the part
    composite: bool

    @property
    def factor(self) -> float | None:
        """The unit, where all entries have one and the same."""
        units = self.unit[self.index >= 0]
        if not len(units) or (units - units[0]).abs().max() > 1e-12 * units[0].abs():
            return None
        return units[0].item()


@dataclass(frozen=True)
class Attention:
    """softmax over an axis of (scale · q kᵀ + table), times v, merged by `out`; H heads.

    q of token l is query_turn[:, l] (query · x + query_bias); likewise k. Turns are None where
    positions turn nothing. A part that is not of this form is None, and `left` names it.
    """

    query: Tensor | None  # (H, D, C)
    key: Tensor | None  # (H, D, C)
    value: Tensor | None  # (H, D', C)
    out: Tensor | None  # (H, C, D')
    query_bias: Tensor | None  # (H, D)
    key_bias: Tensor | None  # (H, D)
    value_bias: Tensor | None  # (H, D')
    out_bias: Tensor | None  # (C,), of all attentions together whose heads are added
    rest: Tensor | None  # (C, C), what of x goes past the attention: 1 for a residual path
    end: int | None  # where what is linear in the heads ends, before a norm or a fusion; None: in y
    query_turn: Tensor | None  # (H, L, D, D), the first the identity
    key_turn: Tensor | None  # (H, L, D, D)
    scale: float | None
    axis: str | None  # over which weights sum to 1: "keys"; "queries" or "heads" by mistake
    seen: Tensor | None  # (H, L, L) bool, True = attends
    table: Tensor | None  # (H, L, L), added to the scores; the mean over the axis is 0
    tokens: Tensor  # (L,) which tokens of x it works on
    origins: dict[str, Origin] = field(default_factory=dict)  # of each part, by its name
    left: tuple[str, ...] = ()
    where: tuple[tuple[int, int], ...] = ()  # (number in the code, first token there), heads joined

    @property
    def heads(self) -> int:
        """H."""
        parts = (self.query, self.key, self.value, self.seen)
        return len(next(part for part in parts if part is not None))

    @property
    def causal(self) -> bool:
        """Whether every token sees itself and all that came before, and no other."""
        if self.seen is None:
            return False
        return torch.equal(self.seen, torch.ones_like(self.seen).tril())

    def scores(self, x: Tensor) -> Tensor:
        """(B, L, C) -> (H, B, L, L), as the parts tell them: what `seen` hides is -inf."""
        q, k = (
            _turned(torch.einsum("hdc,blc->hbld", matrix, x) + bias[:, None, None], turn)
            for matrix, bias, turn in (
                (self.query, self.query_bias, self.query_turn),
                (self.key, self.key_bias, self.key_turn),
            )
        )
        scores = self.scale * q @ k.mT + self.table[:, None]
        return scores.masked_fill(~self.seen[:, None], -torch.inf)


def _turned(rows, turn):
    return rows if turn is None else torch.einsum("hlde,hble->hbld", turn, rows)
