"""Random parameters: what shows whatever they are must show at each draw."""

import torch

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.reading.labels import fill, flat


def drawn(call: Call, seed: int, size: float = 1.0) -> Call:
    """The same call, its module filled with random parameters, biases too."""
    count = len(flat(call.module))
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(count, generator=generator, dtype=torch.float64)
    fill(call.module, size * numbers * call.width**-0.5)
    return call
