"""Which entry of which parameter each number is, told by labels that the parameters are given.

All parameters are filled with 1, then with 1, 2, 3, …: what answers c to ones and c · n to labels
is the n-th, times c. A third fill, of random numbers, proves it, or shows that several take part.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from attnlib.course.compare.reading.attention import ELSEWHERE, Origin
from attnlib.course.compare.reading.unreadable import Unreadable

SINGLE = 2**24  # whole numbers up to this are told apart in float32
NEAR = 1e-6


def origins(module: nn.Module, read: Callable[[], dict[str, Tensor]], *, double=True):
    """{part: Origin} of what `read` gives, at whatever parameters the module has just then.

    Args:
        double: False where the module computes in float32, whatever its parameters are.
    """
    count = sum(parameter.numel() for parameter in module.parameters())
    if not double and count > SINGLE:
        raise Unreadable(
            f"it has {count} parameters and computes in float32, which tells {SINGLE} apart"
        )
    drawn = torch.randn(count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    fills = (torch.ones(count).double(), torch.arange(1, count + 1).double(), drawn)
    answers = [read() for _ in _filled(module, fills)]
    return {name: _origin(*(each[name] for each in answers), drawn) for name in answers[0]}


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
    constant = ((labelled - ones).abs() <= NEAR) & ((random - ones).abs() <= NEAR)
    label = labelled / torch.where(ones == 0, torch.nan, ones) - 1
    index = label.round().nan_to_num(ELSEWHERE).clamp(ELSEWHERE, len(drawn) - 1).long()
    told = ones * drawn[index.clamp(min=0)]
    size = ones.abs().clamp(min=1e-30)
    proved = (index >= 0) & ((told - random).abs() <= NEAR * size) & ~constant
    return Origin(
        torch.where(proved, index, ELSEWHERE),
        torch.where(proved, ones, 1.0),
        bool((~proved & ~constant).any()),
    )
