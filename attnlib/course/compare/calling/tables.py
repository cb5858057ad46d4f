"""Tables for rotary positions, as the module's own file makes them, else as they are usual."""

import inspect
import sys
from collections.abc import Callable, Iterator

import torch

WORDS = ("rotary", "rope", "freqs_cis", "cos_sin")
DOUBLE = {torch.float32: torch.float64, torch.complex64: torch.complex128}


def rotary_tables(module) -> Iterator[Callable[[int], object]]:
    """Functions of L, each a try."""
    size, config = head_dim(module), getattr(module, "config", None)
    found = vars(sys.modules[type(module).__module__])
    for name, maker in list(found.items()):
        if not any(word in name.lower() for word in WORDS) or not callable(maker):
            continue
        if inspect.isclass(maker):
            yield lambda length, maker=maker: _of_class(maker, config, size, length)
        else:
            yield lambda length, maker=maker: _first(maker(size, 2 * length), length)
    yield lambda length: _usual(size, length)


def head_dim(module) -> int | None:
    """D, from the whole numbers that the module keeps under names with `head` in them."""
    numbers = {n: v for n, v in vars(module).items() if type(v) is int and "head" in n.lower()}
    for name, value in numbers.items():
        if any(part in name.lower() for part in ("dim", "size", "d_", "d_k")):
            return value
    return None


def _of_class(maker, config, size, length):
    rotary = maker(config) if config is not None else maker(size)
    positions = torch.arange(length)[None]
    try:
        tables = rotary(torch.zeros(1, length, size, dtype=torch.float64), positions)
    except (TypeError, RuntimeError):
        tables = rotary(length)
    return _doubled(tables)


def _first(tables, length):
    """A table of more positions, cut to L."""
    if isinstance(tables, tuple):
        return tuple(_first(each, length) for each in tables)
    return _doubled(tables[:length])


def _doubled(tables):
    if isinstance(tables, tuple):
        return tuple(map(_doubled, tables))
    return tables.to(DOUBLE.get(tables.dtype, tables.dtype))


def _usual(size, length):
    """(cos, sin), each (1, L, D), both halves alike."""
    rates = 10000.0 ** -(torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * rates
    angles = torch.cat([angles, angles], -1)[None]
    return angles.cos(), angles.sin()
