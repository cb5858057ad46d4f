"""How long a run takes: medians, of versions that run in turns."""

import statistics
import time
from collections.abc import Callable

import torch
from torch.utils.benchmark import timer  # it waits for the GPU before it reads the clock

TURN = 0.01  # seconds: a shorter run is repeated inside a turn until they are filled


def seconds(run: Callable[[], object], number: int = 1) -> float:
    """Seconds of one run, the mean of `number` in a row."""
    start = timer()
    for _ in range(number):
        run()
    return (timer() - start) / number


def in_turns(versions: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each version, after one turn that does not count."""
    turns = _turns(versions, repeats, seconds)
    return {name: statistics.median(each) for name, each in turns.items()}


def cpu_turns(versions: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """CPU seconds of each turn of each version, all threads together.

    Other programs on the machine change them less than what a clock on the wall says.
    """
    return _turns(versions, repeats, cpu_seconds)


def cpu_seconds(run: Callable[[], object], number: int = 1) -> float:
    """As `seconds`, of CPU time."""
    start = time.process_time()
    for _ in range(number):
        run()
    return (time.process_time() - start) / number


def _turns(versions, repeats, measured):
    turns = {name: [measured(run)] for name, run in versions.items()}
    for _ in range(repeats):
        for name, run in versions.items():
            number = max(1, int(TURN / turns[name][-1]))
            turns[name].append(measured(run, number))
    return {name: each[1:] for name, each in turns.items()}


def matrix_rate(dtype: torch.dtype, device: torch.device, edge: int) -> float:
    """FLOP/s of one large product, edge × edge: the ceiling of whatever multiplies matrices."""
    a, b = torch.randn(2, edge, edge, dtype=dtype, device=device)
    return 2 * edge**3 / in_turns({"product": lambda: a @ b}, 9)["product"]


def spelled(seconds: float) -> str:
    """Three digits, in seconds or milliseconds."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"
