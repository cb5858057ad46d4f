"""What goes from rank to rank: in steps that all ranks of a group take together.

In each step every rank also has one byte from every other. So each rank meets by itself the one
that died or hangs, and can name it, also where its own parcels come from a third.
"""

import json
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

SAID = 2048  # bytes of what a rank says about its arguments, at most
_sent = 0


def sent() -> int:
    """Bytes of floating-point numbers that this process has sent to other ranks since it began.

    Counted where they are sent: q, k, v, outputs, gradients, and pieces of maps. Not counted is
    what ranks say to each other about them: a byte to each other rank in each step, some 2048 in
    each call of `attention`.
    """
    return _sent


class Links:
    """The ranks of a group, as one of them sees them; ranks are numbered inside the group.

    Args:
        group: a process group of torch.distributed, None for all processes.
        device: where the tensors of this rank are.
    """

    def __init__(self, group: dist.ProcessGroup | None, device: torch.device):
        self.group, self.device = group, device
        self.rank, self.count = dist.get_rank(group), dist.get_world_size(group)
        if self.rank < 0:
            raise ValueError("group must hold the process that calls, got one without it")
        self.others = [rank for rank in range(self.count) if rank != self.rank]

    def exchange(
        self, parcels: Sequence[tuple[int, Tensor]], rooms: Sequence[tuple[int, Tensor]]
    ) -> None:
        """One step: send each parcel to its rank, and fill each room from its rank.

        Both sides name their parcels for each other in the same order. Empty ones stay at home.

        Raises:
            RuntimeError: names each rank that died, or did not answer within the group's time.
        """
        global _sent
        byte = torch.zeros(1, dtype=torch.uint8, device=self.device)
        parcels = [*((rank, byte) for rank in self.others), *parcels]
        rooms = [*((rank, torch.empty_like(byte)) for rank in self.others), *rooms]
        parcels = [(rank, x.contiguous()) for rank, x in parcels if x.numel()]
        rooms = [(rank, x) for rank, x in rooms if x.numel()]
        _sent += sum(x.nbytes for _, x in parcels if x.is_floating_point())
        ops = [(dist.isend, *parcel) for parcel in parcels] + [
            (dist.irecv, *room) for room in rooms
        ]
        todo = [dist.P2POp(op, x, group=self.group, group_peer=rank) for op, rank, x in ops]
        # One by one where that cannot block: then each error has its rank.
        batches = [[op] for op in todo] if self.device.type == "cpu" else [todo]
        lost: dict[int, RuntimeError] = {}
        started = []
        for batch in batches:
            try:
                started.append((batch, dist.batch_isend_irecv(batch)))
            except RuntimeError as error:
                lost |= {op.group_peer: error for op in batch}
        for batch, works in started:
            try:
                for work in () if batch[0].group_peer in lost else works:
                    work.wait()
            except RuntimeError as error:
                lost |= {op.group_peer: error for op in batch}
        if lost:
            raise RuntimeError(_named(lost)) from next(iter(lost.values()))

    def share(self, x: Tensor, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
        """Every rank's tensor, in the order of ranks; `shapes` tells their shapes."""
        found = [x.new_empty(shape) for shape in shapes]
        found[self.rank] = x
        self.exchange(
            [(rank, x) for rank in self.others], [(rank, found[rank]) for rank in self.others]
        )
        return found

    def say(self, words: dict[str, Any]) -> list[dict[str, Any]]:
        """What every rank says, in the order of ranks."""
        text = json.dumps(words, ensure_ascii=False).encode()
        room = torch.tensor(list(text.ljust(SAID)), dtype=torch.uint8, device=self.device)
        shared = self.share(room, [(SAID,)] * self.count)
        return [json.loads(bytes(x.tolist())) for x in shared]


class _Travel(torch.autograd.Function):
    """Parcels to their ranks; their gradients come back the same way."""

    @staticmethod
    def forward(ctx, links, peers, rooms, *tensors):
        ctx.links, ctx.back = links, [(p, x.shape) for p, x in zip(peers, tensors, strict=True)]
        ctx.sources = [rank for rank, _ in rooms]
        parcels = list(zip(peers, tensors, strict=True))
        found = [(rank, tensors[0].new_empty(shape)) for rank, shape in rooms]
        away = lambda pairs: [(rank, x) for rank, x in pairs if rank != links.rank]
        links.exchange(away(parcels), away(found))
        own = (x.view_as(x) for rank, x in parcels if rank == links.rank)
        return tuple(next(own) if rank == links.rank else x for rank, x in found)

    @staticmethod
    def backward(ctx, *grads):
        parcels = list(zip(ctx.sources, grads, strict=True))
        return None, None, None, *travel(ctx.links, parcels, ctx.back)


def travel(
    links: Links, parcels: Sequence[tuple[int, Tensor]], rooms: Sequence[tuple[int, Any]]
) -> tuple[Tensor, ...]:
    """`Links.exchange`, differentiable: rooms are told by (rank, shape).

    A rank has parcels for itself too, or its backward would not be called, in which all meet.
    """
    return _Travel.apply(links, [rank for rank, _ in parcels], rooms, *(x for _, x in parcels))


def _named(lost: dict[int, RuntimeError]) -> str:
    """Which ranks are lost, and how."""
    hang = [rank for rank, error in lost.items() if "timed out" in str(error).lower()]
    died = [rank for rank in lost if rank not in hang]
    said = [f"{_ranks(died)} died: the connection is closed"] if died else []
    said += [f"{_ranks(hang)} did not answer within the time of the group"] if hang else []
    return "; ".join(said) + ". This group cannot go on: destroy it, and start all ranks again"


def _ranks(ranks: list[int]) -> str:
    return f"rank{'s' * (len(ranks) > 1)} {', '.join(map(str, sorted(ranks)))}"
