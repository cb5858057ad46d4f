"""The parameters of one module for another: a state dict to load."""

from torch import Tensor, nn

from attnlib.course.compare.identity import check_modules
from attnlib.course.compare.judging.agreement import allowed, error
from attnlib.course.compare.judging.verdict import compare
from attnlib.course.compare.moving.move import moved

SEED = 20_816
LARGER = 100  # numbers that are held may be larger than those that are drawn, and so is rounding


def convert(
    f: nn.Module, g: nn.Module, *, width: int | None = None, max_length: int | None = None
) -> dict[str, Tensor]:
    """The state dict with which g computes what f computes with the parameters that it holds now.

    Neither module is touched. Numbers are moved in float64, and have g's dtypes and devices.

    Args:
        width: C, where parameters do not tell.
        max_length: enough if they are equal on inputs no longer than this, as where one of the
            two sees only a window.
    Raises:
        ValueError: f's parameters do not go into g, and why; or max_length is no length.
        TypeError, Unreadable: as `same` does.
    """
    check_modules(f=f, g=g)
    seen = compare(f, g, width=width, max_length=max_length)
    if isinstance(seen.forth, str):
        raise ValueError(f"f's parameters do not go into g: {seen.forth}")
    source, target = seen.readings
    for reading, module in ((source, f), (target, g)):
        reading.call.module.load_state_dict(module.state_dict())
    moved(source, target)
    off = max(error(source.call, target.call, length, SEED) for length in seen.lengths)
    if not off <= LARGER * allowed(source):
        raise ValueError(f"f's parameters, as they are, do not go into g: moved, but {off:.0e} off")
    state = dict(g.state_dict())
    for name, parameter in target.call.module.named_parameters(remove_duplicate=False):
        state[name] = parameter.detach().to(state[name])
    return state
