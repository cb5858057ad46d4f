"""The task: does this shot occur only once in the film?

A film is put together from real shots: four that occur once, two that occur twice, eight places in
all, 48 frames. The second time a shot shows other frames, from its other half, and the two never
stand side by side: there would be no cut between them. So the label of a frame is right by
construction, and no frame tells it by itself.
"""

from itertools import pairwise, permutations, product
from typing import NamedTuple

import torch
from torch import Tensor

from attnlib.course.experiments.films.shots import FRAMES

ONCE, TWICE = 4, 2  # shots
PLACES = ONCE + 2 * TWICE
LENGTH = 48  # frames of a film
HALF = FRAMES // 2

# At place p stands number order[p]: 0 to 3 occur once; 4 and 6 are one shot, 5 and 7 another.
ORDERS = torch.tensor(
    [
        order
        for order in permutations(range(PLACES))
        if not any({one, other} in ({4, 6}, {5, 7}) for one, other in pairwise(order))
    ]
)
# Frames at each place, 5 to 7, so that they are 48 in all.
LENGTHS = torch.tensor([each for each in product((5, 6, 7), repeat=PLACES) if sum(each) == LENGTH])


class Films(NamedTuple):
    """B films of L = 48 frames.

    `content` (B, L, 48); `once` (B, L), 1.0 where the frame's shot occurs once, else 0.0. Where the
    frames come from: `shot` (B, L), the index of their shot, and `frame` (B, L), which of its 24;
    `place` (B, L), from 0 to 7, counts the shots as they follow one another.
    """

    content: Tensor
    once: Tensor
    shot: Tensor
    frame: Tensor
    place: Tensor

    @property
    def twin(self) -> Tensor:
        """(B, L, L): whether key j shows the shot of query i at its other place."""
        same_shot = self.shot[:, :, None] == self.shot[:, None, :]
        same_place = self.place[:, :, None] == self.place[:, None, :]
        return same_shot & ~same_place

    def cuts(self, film: int) -> tuple[int, ...]:
        """The first frames of all its places but the first."""
        return tuple((self.place[film].diff().nonzero().flatten() + 1).tolist())

    def letters(self, film: int) -> str:
        """A letter for each place, A for the shot that comes first; "A B C A": A comes twice."""
        shots = [self.shot[film, start].item() for start in (0, *self.cuts(film))]
        names = {shot: chr(ord("A") + n) for n, shot in enumerate(dict.fromkeys(shots))}
        return " ".join(names[shot] for shot in shots)


def films(content: Tensor, count: int, generator: torch.Generator) -> Films:
    """Put `count` films together from the shots `content` (shots, 24, 48), at least six of them."""
    if len(content) < ONCE + TWICE:
        raise ValueError(f"content must hold at least {ONCE + TWICE} shots, got {len(content)}")

    def draw(most, *shape):
        return torch.randint(most, (count, *shape), generator=generator)

    shots = torch.rand(count, len(content), generator=generator).argsort(-1)  # (B, shots)
    halves = draw(2, PLACES)
    halves[:, -TWICE:] = 1 - halves[:, ONCE:-TWICE]  # the second time: the other half
    order = ORDERS[draw(len(ORDERS))]  # (B, 8)
    lengths = LENGTHS[draw(len(LENGTHS))]  # (B, 8)
    chosen = torch.where(order < ONCE + TWICE, order, order - TWICE)
    first = torch.rand(count, PLACES, generator=generator) * (HALF - lengths + 1)
    first = first.long() + HALF * halves.gather(1, order)

    place = torch.arange(PLACES).repeat(count).repeat_interleave(lengths.flatten())
    place = place.view(count, LENGTH)
    since = torch.arange(LENGTH) - (lengths.cumsum(1) - lengths).gather(1, place)  # the cut
    shot, frame = shots.gather(1, chosen).gather(1, place), first.gather(1, place) + since
    once = (order < ONCE).float().gather(1, place)
    return Films(content[shot, frame], once, shot, frame, place)


def best_local(given: Films, num_segments: int) -> float:
    """The share of right answers that nobody can beat who sees only the frame's own segment.

    Without the twin in sight "once" is the best answer, because it is then more often right.
    """
    segment = torch.arange(LENGTH) // -(-LENGTH // num_segments)  # as `segment_slices`
    seen = (given.twin & (segment[:, None] == segment)).any(-1)  # (B, L)
    return (seen | given.once.bool()).double().mean().item()
