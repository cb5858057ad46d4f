"""A forward pass as a table: one row a step, its axes in the package's letters."""

from functools import partial

import torch
from torch import Tensor, nn

from attnlib.checks import check_count
from attnlib.course.compare.calling.inputs import run_on
from attnlib.course.language import say
from attnlib.course.progress_bar import progress_bar
from attnlib.course.rehearsal import check_run
from attnlib.course.shapes.xray.axes import Factor
from attnlib.course.shapes.xray.letters import Letters
from attnlib.course.shapes.xray.table import SideBySide, Step, XRay, side_by_side
from attnlib.course.shapes.xray.trace import Trace, parameter_names

__all__ = ["SideBySide", "Step", "XRay", "side_by_side", "xray"]

HEADS = ("num_heads", "heads", "n_head", "n_heads", "num_attention_heads")
AXES = {2: "L C", 3: "B L C", 4: "B G N C"}


def xray(module, x: Tensor, axes: str | None = None, heads: int | None = None) -> XRay:
    """Run module(x) once, without gradients, and tell of every step what it does with the axes.

    Letters come from the input, from H, and from what is split, merged and multiplied. Where a
    size alone could tell, it tells, so give every axis a size of its own, above 1: an axis that
    may be either of two shows both, "H|D", and one that may be anything shows its number. A chain
    of moves in one statement is one row. The tensors are kept until the pass is over; where that
    would take more memory than is free, nothing is run (see `check_run` for how that is known). A
    progress bar shows up when it takes over two seconds.

        >>> xray(BlockAttention(48, 6), torch.randn(2, 4, 16, 48))

    Args:
        module: any module or function of one tensor, in the mode it is in. What else the signature
            of a module asks for is given where a name tells what: keys and values are x too.
        x: its input.
        axes: the names of x's axes; by default "L C", "B L C" or "B G N C", by their number.
        heads: H; by default every `num_heads`, or what else it is usually called, in the module.
    Returns:
        The table. What the module returns is dropped; a map stays unformed.
    Raises:
        TypeError, ValueError: x is no tensor, or axes does not name its axes. MemoryError: it
        would take more memory than is free; with an x that would fit. What the module raises comes
        through, with a note of the steps before it.
    """
    axes = _checked(module, x, axes)
    steps = partial(_steps, axes=axes, heads=_heads(module, heads))
    check_run("xray", steps, module, x, lambda shape: f"x: {_given(axes, shape)}")
    with progress_bar(None, "xray", say("step")) as bar:
        found = steps(module, x, step=bar.update)
    title = getattr(module, "__name__", type(module).__name__)
    return XRay(title, f"x: {_given(axes, x.shape)}", found)


def _given(axes, shape) -> str:
    return f"{' '.join(axes)} = {tuple(shape)}"


def _steps(module, x, axes, heads, step=lambda: None) -> tuple[Step, ...]:
    factors = {name: Factor(size, name) for name, size in zip(axes, x.shape, strict=True)}
    length = next((factors[name].size for name in "LN" if name in factors), len(x))
    return run_on(module, x, length, partial(_traced, module, x, factors, heads, step))


def _traced(module, x, factors, heads, step, given, named) -> tuple[Step, ...]:
    letters = Letters(
        heads,
        width=factors["C"].size if "C" in factors else None,
        length=factors["L"].size if "L" in factors else None,
        grouped=any(hasattr(part, "num_segments") for part in _parts(module)),
    )
    trace = Trace(letters, parameter_names(module), step)
    trace.meet(x, tuple((factor,) for factor in factors.values()))
    try:
        with torch.no_grad(), trace:
            module(*given, **named)
    except Exception as error:
        error.add_note(trace.so_far())
        raise
    return trace.steps()


def _checked(module, x, axes) -> list[str]:
    """The names of x's axes."""
    if not callable(module):
        raise TypeError(f"module must be a module or a function, got {type(module).__name__}")
    if not isinstance(x, Tensor):
        raise TypeError(f"x must be a torch.Tensor, got {type(x).__name__}")
    if axes is None:
        if x.dim() not in AXES:
            raise ValueError(
                f"axes must name the {x.dim()} axes of x, got None; known without: {AXES}"
            )
        sequence_first = isinstance(module, nn.MultiheadAttention) and not module.batch_first
        axes = "L B C" if sequence_first and x.dim() == 3 else AXES[x.dim()]
    if not isinstance(axes, str):
        raise TypeError(f"axes must be a string, got {type(axes).__name__}")
    names = axes.split()
    if len(names) != x.dim() or len(set(names)) != len(names):
        raise ValueError(
            f"axes must be {x.dim()} different names for x of shape {tuple(x.shape)}, "
            f'as "{AXES.get(x.dim(), "B L C")}", got {axes!r}'
        )
    return names


def _heads(module, heads) -> set[int]:
    """Every size that H has: as given, or as the module and its children say."""
    if heads is not None:
        check_count("heads", heads)
        return {heads}
    told = [each for part in _parts(module) for each in (part, getattr(part, "config", None))]
    found = {getattr(each, name, None) for each in told for name in HEADS}
    return {value for value in found if isinstance(value, int)}


def _parts(module):
    return module.modules() if isinstance(module, nn.Module) else ()
