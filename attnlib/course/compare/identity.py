"""Two attention modules, bare: the same, and how one's parameters go into the other."""

from torch import nn
from torch.nn.parameter import is_lazy

from attnlib.course.compare.judging.agreement import allowed, error
from attnlib.course.compare.judging.verdict import STEPS, compare
from attnlib.course.compare.moving.move import moved
from attnlib.course.compare.porting.block import Unwritten
from attnlib.course.compare.porting.code import code
from attnlib.course.compare.porting.finding import Finding, Move
from attnlib.course.compare.reading.drawing import drawn
from attnlib.course.compare.reading.immovable import Immovable
from attnlib.course.compare.reading.read import Reading
from attnlib.course.language import say
from attnlib.course.memory import check_memory
from attnlib.course.progress_bar import progress_bar

SEED = 20_815
# What it takes, and for each parameter of both: measured for widths from 64 to 1024, and right to
# within a factor of 1.7. Modules that are alike take less than others.
BYTES, BYTES_PER_PARAMETER = 250e6, 375
WORTH = 16  # tokens; for fewer, that two are equal is not worth a word


def same(f: nn.Module, g: nn.Module, *, width: int | None = None) -> Finding:
    """Can each of two modules do what the other does? No adapter is needed.

    It asks about the code, not about the parameters that f and g happen to hold: copies get random
    parameters in float64, several times.

    - *Same*: f's parameters, moved, make g equal to f, and the other way round. That is evidence,
      seen at these draws and lengths. The code that moves them is there to be pasted.
    - *Different*: something is so for one, whatever its parameters, and not for the other. That is
      proof. One direction may still work: then one is a special case of the other.
    - *Undecided*: neither was found; what could not be read is named.

    A progress bar shows up when it takes over two seconds, as it does for wide modules.

    Args:
        f, g: modules; how each is called is tried, and said.
        width: C, where parameters do not tell.
    Raises:
        TypeError: f or g is no nn.Module.
        Unreadable: f or g cannot be called; it says what was tried.
        ValueError: they have other widths.
        MemoryError: it would take more memory than is free; with how large both may be.
    """
    check_modules(f=f, g=g)
    count = sum(parameter.numel() for module in (f, g) for parameter in _parameters(module))
    check_memory("same", _bytes, count, lambda size: f"modules with {size:,} parameters in all")
    with progress_bar(STEPS, say("comparing"), say("step")) as bar:
        seen = compare(f, g, width=width, step=bar.update)
    one, other = seen.readings
    return Finding(
        _move(seen.forth, one, other, ("f", "g"), seen.lengths),
        _move(seen.back, other, one, ("g", "f"), seen.lengths),
        seen,
        _equal_up_to(seen),
    )


def check_modules(**modules) -> None:
    """Raise where one is no nn.Module, by its name."""
    for name, module in modules.items():
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"{name} must be an nn.Module, whose parameters can be moved, got "
                f"{type(module).__name__}: put a function into the forward of one"
            )


def _parameters(module):
    """Those that have a size: a lazy one has none yet, which the reader will say."""
    return (each for each in module.parameters() if not is_lazy(each))


def _bytes(parameters: int) -> float:
    return BYTES + BYTES_PER_PARAMETER * parameters


def _move(way, source, target, names, lengths) -> Move | str:
    """With the code, if it does what it should; or why there is no move."""
    if isinstance(way, str):
        return way
    try:
        text = code(source, target, names)
    except (Unwritten, Immovable) as reason:
        return Move(None, way, str(reason))
    drawn(source.call, SEED)
    drawn(target.call, SEED + 1)
    exec(text, dict(zip(names, (source.call.module, target.call.module), strict=True)))
    off = max(error(source.call, target.call, length, SEED) for length in lengths)
    if off > allowed(source):
        return Move(None, way, names[1])
    return Move(text, max(way, off))


def _equal_up_to(seen) -> int | None:
    """The longest length tried up to which all are equal, where the two differ beyond."""
    one, other = seen.readings
    whole = isinstance(one, Reading) and isinstance(other, Reading)
    if seen.verdict != "different" or not whole:
        return None
    drawn(one.call, SEED)
    try:
        moved(one, other)
    except Immovable:
        return None
    equal = None
    for length in seen.lengths:
        if error(one.call, other.call, length, SEED) > allowed(one):
            return equal if equal and equal > WORTH else None
        equal = length
    return None
