"""How far the outputs of two modules are apart, and how far they may be."""

import torch

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.reading.read import Reading

ROUNDING = 1e-9  # relative to the largest output
TABLES = 1e-5  # the same, where angles of positions are kept in float32


def error(one: Call, other: Call, length: int, seed: int) -> float:
    """The largest difference for random x of this length, relative to the largest output."""
    generator = torch.Generator().manual_seed(1000 * seed + length)
    shape = (2, length, one.width * len(one.inputs))
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    y = one.run(x)
    off = (other.run(x) - y).abs().max() / y.abs().max()
    return off.nan_to_num(torch.inf).item()


def allowed(reading: Reading) -> float:
    """What such a difference may be for the two to be equal up to rounding."""
    return TABLES if reading.turned else ROUNDING
