"""Which rank holds which rows, who needs whose keys, and the way round the ring."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from attnlib.checks import check_term
from attnlib.ranks.links import Links
from attnlib.terms import STRIP

Tensors = tuple[Tensor, ...]
Function = Callable[[Tensor, Tensor], Tensor] | None  # of indices in the whole sequence


class Layout:
    """A sequence cut into consecutive rows, a piece for each rank.

    All ranks make it together: where there is a mask, each tells the others whose keys it needs.

    Args:
        links: the ranks.
        queries, keys: how many rows of q, and of k and v, each rank holds.
        scale, bias, mask: of the whole sequence; functions of indices in it.
    """

    def __init__(
        self,
        links: Links,
        queries: list[int],
        keys: list[int],
        *,
        scale: float,
        bias: Function,
        mask: Function,
    ):
        self.links, self.scale, self.bias, self.mask = links, scale, bias, mask
        self.queries, self.keys = slices(queries), slices(keys)
        ranks = range(links.count)
        self.needs = [[True for _ in ranks] for _ in ranks]  # [rank][source]: keys of source
        if mask is not None:
            row = torch.tensor([self._sees(mask, keys) for keys in self.keys], dtype=torch.uint8)
            found = links.share(row.to(links.device), [tuple(row.shape)] * links.count)
            self.needs = [x.bool().tolist() for x in found]
        # How many steps the keys of each rank go round: to the last that needs them.
        self.hops = [
            max((n for n in ranks if self.needs[(source + n) % links.count][source]), default=0)
            for source in ranks
        ]

    @property
    def own(self) -> slice:
        """The queries of this rank."""
        return self.queries[self.links.rank]

    def terms(self, source: int) -> dict[str, Any]:
        """Scale, bias and mask of this rank's queries against the keys of `source`."""
        j = torch.arange(self.keys[source].start, self.keys[source].stop, device=self.links.device)
        return self.terms_at(j)

    def terms_at(self, keys: Tensor) -> dict[str, Any]:
        """The same against the keys that have such indices in the whole sequence."""

        def here(f):
            return f and (lambda i, j: f(i + self.own.start, keys[j]))

        return {"scale": self.scale, "bias": here(self.bias), "mask": here(self.mask)}

    def around(
        self, tensors: Tensors, sums: Tensors = ()
    ) -> Iterator[tuple[int, Tensors, Tensors]]:
        """Each rank's tensors (…, keys, D) in turn, passed on from neighbour to neighbour.

        A loop that all ranks run together. It yields (source, its tensors, sums): whatever is
        added to such sums arrives in those of the source. Nothing goes further than it is needed.
        """
        links, mine, own = self.links, tensors, sums
        home: Tensors
        rank, count, hops, steps = links.rank, links.count, self.hops, max(self.hops) + 1
        for step in range(steps):
            source, coming = (rank - step) % count, (rank - step - 1) % count
            if self.needs[rank][source]:
                yield source, tensors, sums
            if steps == 1 or (step + 1 == steps and not own):
                return  # nothing has to go on or home, for no rank
            if step < hops[source]:
                going = (*tensors, *sums) if step else tensors  # what is its own waits at home
                parcels = [((rank + 1) % count, x) for x in going]
            else:
                parcels = [(source, x) for x in sums] if step == hops[source] else []
                parcels = parcels if step else []
            tensors, sums, home = (), (), ()
            rooms: list[tuple[int, Tensor]] = []
            if step < hops[coming]:
                rows = length(self.keys[coming])
                tensors = tuple(x.new_empty(*x.shape[:-2], rows, x.shape[-1]) for x in mine)
                sums = tuple(x.new_zeros(*x.shape[:-2], rows, x.shape[-1]) for x in own)
                rooms = [((rank - 1) % count, x) for x in ((*tensors, *sums) if step else tensors)]
            if 0 < step == hops[rank]:
                home = tuple(x.new_empty(x.shape) for x in own)
                rooms += [((rank + step) % count, x) for x in home]
            links.exchange(parcels, rooms)
            for total, found in zip(own, home, strict=False):
                total += found

    def _sees(self, mask, keys: slice) -> bool:
        """Whether a query of this rank may attend to one of those keys."""
        j = torch.arange(keys.start, keys.stop, device=self.links.device)[None]
        step = max(1, STRIP // j.numel())
        for start in range(self.own.start, self.own.stop, step):
            stop = min(start + step, self.own.stop)
            i = torch.arange(start, stop, device=self.links.device)[:, None]
            term = mask(i, j)
            if check_term("mask(i, j)", "mask", term, (stop - start, j.numel()), j.device).any():
                return True
        return False


def slices(lengths: list[int]) -> list[slice]:
    """Consecutive rows, in such numbers."""
    ends = [sum(lengths[:n]) for n in range(len(lengths) + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


def length(rows: slice) -> int:
    """How many rows those are."""
    return rows.stop - rows.start


def overlap(a: slice, b: slice) -> slice:
    """What two slices share; empty where they do not meet."""
    start = max(a.start, b.start)
    return slice(start, max(start, min(a.stop, b.stop)))
