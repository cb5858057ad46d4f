"""Which entry of which parameter each number is, told by labels that the parameters are given.

All parameters are filled with 1, then with 1, 2, 3, …: what answers c to ones and c · n to labels
is the n-th, times c. A third fill, of random numbers, proves it, or shows that several take part.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from attnlib.course.compare.reading.attention import ELSEWHERE, Origin

NEAR = 1e-6


def origins(module: nn.Module, read: Callable[[], dict[str, Tensor]]):
    """{part: Origin} of what `read` gives, at whatever parameters the module has just then."""
    count = sum(parameter.numel() for parameter in module.parameters())
    labels = fills(count)
    answers = [read() for _ in _filled(module, labels)]
    return {name: _origin(*(each[name] for each in answers), labels.random) for name in answers[0]}


class Fills(NamedTuple):
    """What so many parameters are filled with, one fill after the other."""

    ones: Tensor
    labelled: Tensor
    random: Tensor


def fills(count: int) -> Fills:
    """The three of them, (count,) each."""
    drawn = torch.randn(count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Fills(torch.ones(count).double(), torch.arange(1, count + 1).double(), drawn)


def traced(ones: Tensor, labelled: Tensor, random: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """(which entry each number is, else ELSEWHERE; whether it depends on none), of three answers.

    Args:
        drawn: the random fill.
    """
    constant = ((labelled - ones).abs() <= NEAR) & ((random - ones).abs() <= NEAR)
    label = labelled / torch.where(ones == 0, torch.nan, ones) - 1
    index = label.round().nan_to_num(ELSEWHERE).clamp(ELSEWHERE, len(drawn) - 1).long()
    told = ones * drawn[index.clamp(min=0)]
    size = ones.abs().clamp(min=1e-30)
    proved = (index >= 0) & ((told - random).abs() <= NEAR * size) & ~constant
    return torch.where(proved, index, ELSEWHERE), constant


def flat(module: nn.Module) -> Tensor:
    """All parameters, one behind the other, as labels count them."""
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def fill(module: nn.Module, numbers: Tensor) -> None:
    """Write them back."""
    start = 0
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(numbers[start : start + parameter.numel()].view_as(parameter))
            start += parameter.numel()


def place(module: nn.Module, label: int) -> str:
    """ "qkv.weight[3, 0]" for the number of an entry."""
    for name, parameter in module.named_parameters():
        if label < parameter.numel():
            index = torch.unravel_index(torch.tensor(label), parameter.shape)
            return f"{name}[{', '.join(str(int(each)) for each in index)}]"
        label -= parameter.numel()
    raise IndexError("a label past the last parameter")


def places(module: nn.Module) -> dict[str, tuple[int, torch.Size]]:
    """For each parameter the label of its first number, and its shape."""
    found, start = {}, 0
    for name, parameter in module.named_parameters():
        found[name] = start, parameter.shape
        start += parameter.numel()
    return found


def unmet(module: nn.Module, labels: Tensor) -> tuple[str, ...]:
    """Names of the parameters that none of the labels belongs to."""
    met = torch.zeros(len(flat(module)), dtype=torch.bool)
    met[labels[labels >= 0]] = True
    parts = met.split([parameter.numel() for parameter in module.parameters()])
    names = (name for name, _ in module.named_parameters())
    return tuple(name for name, part in zip(names, parts, strict=True) if not part.any())


def _filled(module, fills) -> Iterator[None]:
    kept = flat(module)
    try:
        for numbers in fills:
            fill(module, numbers)
            yield
    finally:
        fill(module, kept)


def _origin(ones, labelled, random, drawn):
    index, constant = traced(ones, labelled, random, drawn)
    units = torch.where(index >= 0, ones, 1.0)
    return Origin(index, units, bool(((index < 0) & ~constant).any()))
