"""Are two attentions the same? Proof, witness, or neither."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isclose, isnan, lcm

import torch
from torch import Tensor, nn

from attnlib.course.compare.adapters import Adapter, adapt
from attnlib.course.compare.heads import shown, take
from attnlib.course.compare.symmetries import SYMMETRIES, Setting

ROUNDING = 1e-12  # difference that a proof allows, relative to the largest output (float64)
OBEYED, BROKEN = 1e-10, 1e-6  # relative to the largest output; between the two: no claim
DRAWS = 5  # random parameters tried for every move and every symmetry
SEED = 20_815  # of the inputs; must differ from the seeds of the parameters
LEAST = 5  # tokens a group of the longest input; with 3, any order is a rotation or reflection


@dataclass(frozen=True)
class Move:
    """Parameters of one module moved into another; `code` was run with f and g, and can be again.

    In it f and g are the modules themselves; those of an `Adapter` are its `.module`.

    `difference`: the largest error, relative to the largest output.
    """

    code: str
    difference: float


@dataclass(frozen=True)
class Witness:
    """A symmetry that one module obeys and the other breaks, with the input that shows it.

    `difference`: the error of the module that breaks it, relative to its largest output.
    """

    symmetry: Callable
    obeys: str  # "f" or "g"
    breaks: str
    difference: float
    x: Tensor
    changed: Tensor

    @property
    def sentence(self) -> str:
        text = self.symmetry.__doc__
        return f"{text}: {self.obeys} obeys, {self.breaks} breaks it (by {self.difference:.2g})"


@dataclass(frozen=True)
class Finding:
    """What `same` found. Print it to read all of it.

    `forth` and `back` are the move of f into g and of g into f, or why there is none.
    """

    f: str
    g: str
    forth: Move | str
    back: Move | str
    witnesses: tuple[Witness, ...]

    @property
    def verdict(self) -> str:
        """ "same", "different" or "undecided"."""
        if isinstance(self.forth, Move) and isinstance(self.back, Move):
            return "same"
        return "different" if self.witnesses else "undecided"

    def __repr__(self) -> str:
        return "\n".join(
            [f"{self.verdict.upper()}: f is {self.f}; g is {self.g}."]
            + [f"Witness: {witness.sentence}." for witness in self.witnesses]
            + _described("f into g", self.forth)
            + _described("g into f", self.back)
        )


def same(f, g, x: Tensor | None = None) -> Finding:
    """Can each of two attentions do what the other does?

    It asks about the code, not about the parameters that f and g happen to hold: modules are
    copied, and the copies get random parameters in float64, several times. (Functions that are no
    nn.Module are called as they are.)

    - *Same*: some re-arrangement of f's parameters makes g equal to f, and the other way round, on
      random inputs of several sizes, up to rounding (1e-12). Its code is shown.
    - *Different*: a symmetry is obeyed by one, at every draw, and broken by the other. The input
      that shows it is there to look at. One direction may still work: then one is a special case
      of the other.
    - *Undecided*: neither was found, which proves nothing.

    Args:
        f, g: `BlockAttention`, `SelfAttention`, `GlobalLocalAttention`, nn.MultiheadAttention,
            `DialledAttention`, or an `Adapter` round any module or function. A bare
            `BlockAttention` gets one block, or as many as the other one has segments.
        x: (L, C), an input to try besides the random ones; needed where neither f nor g tells C.
    """
    f, g = _as_adapters(f, g)
    width = _width(f, g, x)
    unit = lcm(f.num_groups, g.num_groups)
    # The last input has more tokens than channels: only then can a rank be measured.
    lengths = (2 * unit, 3 * unit, max(width // unit + 2, LEAST) * unit)
    generator = torch.Generator().manual_seed(SEED)

    def draw(*shape):
        return torch.randn(*shape, width, generator=generator, dtype=torch.float64)

    inputs = [draw(length) for length in lengths]
    if x is not None:
        inputs.append(x.detach().double().cpu())
    batch = draw(2, 2 * unit)  # one of them may mix the inputs of a batch
    forth = _move(f, g, "f", "g", [*inputs, batch])
    back = _move(g, f, "g", "f", [*inputs, batch])
    witnesses = ()
    if isinstance(forth, str) or isinstance(back, str):
        witnesses = tuple(_witnesses(f, g, inputs))
    return Finding(f.name, g.name, forth, back, witnesses)


def _as_adapters(f, g):
    one, other = adapt(f), adapt(g)
    groups = max(one.num_groups, other.num_groups)
    return adapt(f, num_groups=groups), adapt(g, num_groups=groups)


def _width(f, g, x):
    widths = {name: m.width for name, m in (("f", f), ("g", g)) if m.width is not None}
    if x is not None and (not isinstance(x, Tensor) or x.dim() != 2):
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x must be a tensor (L, C), got {got}")
    if x is not None:
        widths["x"] = x.shape[1]
    if not widths:
        raise ValueError("x must be given: neither f nor g tells how many channels it takes")
    if len(set(widths.values())) > 1:
        said = ", ".join(f"{name} has {width}" for name, width in widths.items())
        raise ValueError(f"f, g and x must have the same number of channels C: {said}")
    return next(iter(widths.values()))


def _fresh(adapter: Adapter, width: int, seed: int) -> Adapter:
    """A float64 copy with all parameters random, biases too: they are often zero at the start."""
    if not isinstance(adapter.module, nn.Module):
        return adapter
    try:
        module = copy.deepcopy(adapter.module).double().cpu().eval()
    except RuntimeError as error:
        raise ValueError(
            f"{adapter.name} cannot be copied: does it keep a tensor of its last run, such as "
            f"self.attn = weights? Then make it anew. ({error})"
        ) from error
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data.normal_(0.0, width**-0.5, generator=generator)
    return replace(adapter, module=module)


def _move(source, target, source_name, target_name, inputs) -> Move | str:
    """The parameters of one written into the other, and run; or why that is not possible."""
    width = inputs[0].shape[-1]
    for adapter, name in ((source, source_name), (target, target_name)):
        if not adapter.layouts:
            return f"no layout says where {name} keeps its parameters"
    if len(source.layouts) not in (1, len(target.layouts)):
        return (
            f"{len(source.layouts)} sets of parameters do not go into {len(target.layouts)} by "
            "any move known here"
        )
    code = _code(source, target, source_name, target_name)
    differences = []
    for seed in range(DRAWS):
        one, other = _fresh(source, width, seed), _fresh(target, width, seed + DRAWS)
        try:
            exec(code, {source_name: one.module, target_name: other.module})
        except ValueError as error:
            return str(error)
        differences += [_relative(other(x), one(x)) for x in inputs]
    difference = torch.stack(differences).max().item()
    if not difference <= ROUNDING:
        return f"the parameters fit, but the outputs then differ by {difference:.2g}"
    return Move(code, difference)


def _code(source, target, source_name, target_name) -> str:
    """Python that moves the parameters, with no more steps than are needed."""
    sources, targets = list(source.layouts), target.layouts
    names, lines = {"Layout", "put", "take"}, []
    for one, other in zip(sources * (len(targets) // len(sources)), targets, strict=True):
        has = take(source.module, one)
        steps = []
        if has.key_bias is not None and other.place("key_bias") is None:
            steps.append("drop_key_bias(heads)")
        if has.value_bias is not None and other.place("value_bias") is None:
            steps.append("move_value_bias(heads)")
        if not isclose(one.scale, other.scale, rel_tol=1e-12):
            steps.append(f"absorb_scale(heads, {shown(other.scale)})")
        names |= {step.split("(")[0] for step in steps}
        lines.append(f"heads = take({source_name}, {one})")
        lines += [f"heads = {step}" for step in steps]
        lines.append(f"put({target_name}, {other}, heads)")
    imports = f"from attnlib.course.compare import {', '.join(sorted(names))}"
    return "\n".join([imports, "", *lines])


def _witnesses(f, g, inputs):
    """Symmetries that one obeys at every draw and the other breaks at some."""
    inner = {_inner(one) for one in (f, g)} - {None}
    setting = Setting(max(f.num_groups, g.num_groups), min(inner) if len(inner) == 2 else None)
    width = inputs[0].shape[-1]
    fs = [_fresh(f, width, seed) for seed in range(DRAWS)]
    gs = [_fresh(g, width, seed + DRAWS) for seed in range(DRAWS)]
    for symmetry in SYMMETRIES:
        worst_f = _worst(symmetry, fs, inputs, setting)
        worst_g = _worst(symmetry, gs, inputs, setting)
        if worst_f is None or worst_g is None:
            continue
        if worst_f[0] <= OBEYED and worst_g[0] > BROKEN:
            yield Witness(symmetry, "f", "g", *worst_g)
        if worst_g[0] <= OBEYED and worst_f[0] > BROKEN:
            yield Witness(symmetry, "g", "f", *worst_f)


def _worst(symmetry, copies, inputs, setting):
    """(difference, x, changed) where the symmetry is broken most; None if there is no test.

    NaN counts as the worst: the symmetry is then neither obeyed nor broken.
    """
    worst = None
    for call in copies:
        for x in inputs:
            trial = symmetry(call, x, setting)
            if trial is None:
                continue
            off = ((trial.got - trial.expected).abs().max() / call(x).abs().max()).item()
            if worst is None or isnan(off) or off > worst[0]:
                worst = (off, x, trial.changed)
            if isnan(off):
                return worst
    return worst


def _inner(adapter):
    """H·D of the one attention in it."""
    if len(adapter.layouts) != 1:
        return None
    return take(adapter.module, adapter.layouts[0]).query.shape[:2].numel()


def _relative(y, other):
    return ((y - other).abs().max() / other.abs().max()).detach()  # or all graphs are kept


def _described(way, move) -> list[str]:
    if isinstance(move, str):
        return [f"{way}: no, {move}."]
    indented = (f"    {line}".rstrip() for line in move.code.splitlines())
    return [f"{way}: yes, equal up to rounding, by", *indented]
