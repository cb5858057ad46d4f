"""The dials between the two styles."""

from collections.abc import Callable
from functools import partial

from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course import compare
from attnlib.course.compare.labels import dial, value
from attnlib.course.language import paragraph, say
from attnlib.course.lessons.detective.figures import plot_setting
from attnlib.course.widgets.controls import choice, tick
from attnlib.course.widgets.explorer import Explorer
from attnlib.layout import segment_slices


def dials_drawer(x: Tensor, seed: int = 0) -> Callable[..., tuple[Figure, str]]:
    """draw(**dials, undone) -> where a setting of the dials stands between the two styles.

    Args:
        x: (L, C), float64; see `compare.distance`.
        seed: of the parameters, the same at every setting.
    """
    parameters, length = compare.sample_parameters(seed, x.shape[-1]), len(x)
    num_groups = len(parameters.main.qkv)
    edges = [group.start for group in segment_slices(length, num_groups)[1:]]

    def output(dials, undone):
        used = compare.undo_notation(parameters, dials) if undone else parameters
        return compare.attend(x, used, dials)

    # The two ends never change, so they are computed once.
    ends = {
        undone: [output(end, undone) for end in (compare.NEST, compare.PGLSUM)]
        for undone in (True, False)
    }

    def draw(undone: bool = True, **dials) -> tuple[Figure, str]:
        dials = compare.turned(dials)
        y, maps = output(dials, undone)
        (nest, nest_maps), (pglsum, _) = ends[undone]
        distances = [compare.relative_difference(y, end) for end in (nest, pglsum)]
        row_norms = ((y.square().sum() + nest.square().sum()) / (2 * length)).sqrt()
        difference = (y - nest).norm(dim=-1) / row_norms  # root mean square: the distance
        local = compare.as_matrix(maps.local, length) if maps.local else None
        matrices = {
            say("NesT's end"): compare.as_matrix(nest_maps.main, length),
            say("here, main branch"): compare.as_matrix(maps.main, length),
            say("here, local branch"): local,
        }
        names = (say("from NesT's end"), say("from PGL-SUM's end"))
        named = dict(zip(names, distances, strict=True))
        figure = plot_setting(matrices, difference, named, edges)
        return figure, _read_setting(dials, difference, distances)

    return draw


def explore_dials(x: Tensor, seed: int = 0) -> Explorer:
    """Turn the dials from one style to the other. See `dials_drawer`."""
    controls = {
        name: choice(dial(name), values[0], [(value(each), each) for each in values])
        for name, values in compare.VALUES.items()
    }
    controls["undone"] = tick(say("undo what is only notation"), True)
    offers = {name: partial(_turns, name) for name in compare.VALUES}
    presets = {say("all to NesT"): compare.NEST, say("all to PGL-SUM"): compare.PGLSUM}
    draw = dials_drawer(x, seed)
    return Explorer("explore_dials", draw, controls, offers, presets, _from_both_ends())


def _from_both_ends():
    """The two styles, and each dial turned alone."""
    for style in (compare.NEST, compare.PGLSUM):
        for undone in (True, False):
            yield style | {"undone": undone}
        for name, values in compare.VALUES.items():
            yield from (style | {"undone": True, name: each} for each in values)


def _turns(name, undone, **dials):
    """A dial that is dead stays where it is."""
    return (dials[name],) if name in compare.dead(dials) else compare.VALUES[name]


def _read_setting(dials, difference, distances) -> str:
    turned = [name for name in dials if dials[name] != compare.NEST[name]]
    token = difference.argmax().item()
    differs = difference[token] > 1e-12
    nest, pglsum = map(_far, distances)
    ends = {"nest": nest, "pglsum": pglsum}
    return paragraph(
        _read_turned(turned, len(dials)),
        say("The output is {nest} from NesT's end, {pglsum} from PGL-SUM's end.", **ends),
        say("Token {token} differs most ({by:.2f}).", token=token, by=difference[token])
        if differs
        else "",
        _read_dead(turned, compare.dead(dials)),
    )


def _read_turned(turned, total):
    if not turned:
        return say("Turned: nothing.")
    if len(turned) == total:
        return say("Turned: all.")
    return say("Turned: {dials}.", dials=say(", ").join(map(dial, turned)))


def _far(distance):
    return say("only rounding") if distance < 1e-12 else f"{distance:.2f}"


def _read_dead(turned, reasons):
    dead = [
        say("{dial} ({reason})", dial=dial(name), reason=say(reasons[name]))
        for name in turned
        if name in reasons
    ]
    return say("Dead here: {dials}.", dials=say("; ").join(dead)) if dead else ""
