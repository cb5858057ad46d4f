"""An estimate of how long a part of a map will take on this machine, from a short measurement."""

import time
from dataclasses import dataclass

from attnlib.course.language import N_, say
from attnlib.maps import AttentionMap

# Seconds, and an estimate in units of so many.
ABOUT = (
    (86400, N_("about {number} days")),
    (3600, N_("about {number} h")),
    (60, N_("about {number} min")),
)
ENOUGH = 0.08  # seconds; a strip that takes less cannot predict longer ones


@dataclass(frozen=True)
class Pace:
    """Seconds for the weights of some queries on some keys: of one head, with this device.

    A window costs something for each of its rows, since without its log-sum-exp a row must be gone
    through whole, and something for each weight that is looked at.
    """

    per_row: float
    per_weight: float
    device: str  # "CPU" or "GPU"

    def seconds(self, rows: int, cols: int) -> float:
        """An estimate for rows × cols weights."""
        return rows * (self.per_row + cols * self.per_weight)


def measure_pace(map_: AttentionMap) -> Pace:
    """Pool strips of a map of one head, (1, N, M), until one takes long enough to tell."""
    queries, keys = map_.shape[-2:]
    narrow = max(1, keys // 8)
    rows = min(16, queries)
    whole = _time_strip(map_, rows, keys)
    while whole < ENOUGH and rows < queries:
        rows = min(2 * rows, queries)
        whole = _time_strip(map_, rows, keys)
    spared = max(0.0, whole - _time_strip(map_, rows, narrow))
    per_weight = spared / rows / max(1, keys - narrow)
    on_cpu = map_.window(slice(0, 0), slice(0, 0)).is_cpu
    return Pace(whole / rows - per_weight * keys, per_weight, "CPU" if on_cpu else "GPU")


def _time_strip(map_, rows, cols) -> float:
    """The shorter of two times: the first run may compile a kernel."""
    first = (map_.shape[-2] - rows) // 2
    times = []
    for _ in range(2):
        start = time.perf_counter()
        map_.pooled(256, rows=slice(first, first + rows), cols=slice(0, cols)).cpu()
        times.append(time.perf_counter() - start)
    return min(times)


def about(seconds: float) -> str:
    """An estimate in words, rounded as its precision allows: "about 40 s", "about 14 min"."""
    for size, words in ABOUT:
        if seconds >= 2 * size:
            return say(words, number=round(seconds / size))
    step = 1 if seconds < 10 else 5
    return say("about {number} s", number=max(1, round(seconds / step)) * step)


def grouped(number: int) -> str:
    """100 000, with thin spaces, as long numbers are easier to read."""
    return f"{number:,}".replace(",", "\u202f") if number >= 10_000 else str(number)
