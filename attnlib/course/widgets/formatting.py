"""Numbers as the sentences write them."""

from collections.abc import Iterable

from torch import Tensor

from attnlib.course.evenness import entropy, evenness


def two(value: float | Tensor) -> str:
    """Two digits behind the point, and no minus before a zero."""
    return f"{value:z.2f}"  # z: -0.001 becomes 0.00, not -0.00


def listed(values: Iterable) -> str:
    """All of them, with two digits."""
    return ", ".join(map(two, values))


def either(values: Iterable) -> str:
    """1, 2 or 4."""
    *first, last = map(str, values)
    return f"{', '.join(first)} or {last}" if first else last


def divisors(number: int) -> list[int]:
    """All whole numbers that divide it, in order."""
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def spread(weights: Tensor) -> str:
    """(M,) weights of a query that may see all: their entropy against uniform attention's."""
    return f"{evenness(entropy(weights[None]), len(weights)):.0%}"
