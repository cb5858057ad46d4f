"""What is missing in a film that was decoded, as far as its file tells."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

LONG = 1.7  # usual steps; where films of the cinema are shown as video, every other step is 1.5
NEAR = 16  # usual steps: so many frames a codec may put off, and so far from a hole a sign may be
REGULAR = 0.9  # of all steps are the usual one: then a hole tells how many frames are missing
NAMED = 4  # places that are named; more are only counted


@dataclass
class Watch:
    """What was noticed while a film was decoded. Times are in seconds."""

    even: bool = False  # such files have even steps alone: a longer one needs no sign of damage
    times: list[float | None] = field(default_factory=list)  # of each frame, as they came
    faulty: list[int] = field(default_factory=list)  # frames that the decoder calls damaged
    signs: list[float] = field(default_factory=list)  # where the file is damaged
    begin: float | None = None  # of the first packet that should give a frame
    one_way: bool = True  # the packets' times never go back, as they do where films are joined
    end: str | None = None  # how the film ends too early

    def order(self, every: int = 1, limit: int | None = None) -> list[int]:
        """Of frames 0, every, 2·every, …: first the first, and so on. Behind a hole a decoder may
        give them in another order than their times'.
        """
        times = self.times[::every][:limit]
        numbers = range(len(times))
        told = self.one_way and None not in times
        return sorted(numbers, key=times.__getitem__) if told else list(numbers)


def told(watch: Watch, every: int, kept: int) -> str | None:
    """What is wrong, in words, where of every `every`-th frame `kept` were kept; None: nothing.

    Frames are counted as in the whole film.
    """
    order = watch.order()
    times = [watch.times[k] for k in order]
    holes = dict(_holes(watch, times))
    places, missing = {}, []
    for rank, k in enumerate(order):
        first = rank + len(missing)
        missing += range(first, first + holes.get(rank, 0))
        places[k] = rank + len(missing)
    wrong = [*_ranges(missing, "missing"), *_ranges([places[k] for k in watch.faulty], "faulty")]
    if not wrong and None not in times:
        signs = [sign for sign in watch.signs if sign <= times[-1]]
        wrong = [f"frames near {min(signs):.1f} s may be faulty"] if signs else []
    if len(wrong) > NAMED:
        wrong[NAMED:] = [f"{len(wrong) - NAMED} more such places"]
    if watch.end:
        wrong.insert(0, f"then {watch.end!r}")
    last = max(places[k * every] for k in range(kept))
    up_to = f"{kept} frames could be read, up to frame {last}, "
    return up_to + "; ".join(wrong) if wrong else None


def _holes(watch, times) -> Iterator[tuple[int, int]]:
    """(k, n): before the k-th frame of those that came, n are missing.

    A step of at least 1.7 usual ones is a hole if there is a sign of damage near it, or if such
    films have even steps alone and this one has. Else the film may stand still there. Before the
    first frame there is a hole if packets came that gave none.
    """
    if None in times:
        return
    steps = [after - before for before, after in pairwise(times)]
    usual = median([step for step in steps if step > 0] or [0])
    if not usual:
        return
    even = sum(abs(step - usual) < usual / 4 for step in steps) >= REGULAR * len(steps)
    signs = [*sorted(watch.signs), float("inf")]
    if watch.begin is not None and times[0] - watch.begin > usual / 2:
        yield 0, max(1, round((times[0] - watch.begin) / usual))
    for k, step in enumerate(steps, 1):
        sign = signs[bisect_left(signs, times[k - 1] - NEAR * usual)]
        near = sign <= times[k] + NEAR * usual
        if step > LONG * usual and (near or (watch.even and even)):
            yield k, round(step / usual) - 1


def _ranges(numbers, what) -> Iterator[str]:
    """ "frames 20 to 24 are missing", "frame 30 is missing" """
    start = None
    for number, following in pairwise([*sorted(numbers), None]):
        start = number if start is None else start
        if following != number + 1:
            several = f"frames {start} to {number} are" if number > start else f"frame {start} is"
            yield f"{several} {what}"
            start = None
