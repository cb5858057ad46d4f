"""The dials between the two styles."""

from collections.abc import Callable

import ipywidgets as widgets
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course import compare
from attnlib.course.lessons.detective.figures import plot_setting
from attnlib.course.widgets.controls import named
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
        distances = {
            "from NesT's end": compare.relative_difference(y, nest),
            "from PGL-SUM's end": compare.relative_difference(y, pglsum),
        }
        row_norms = ((y.square().sum() + nest.square().sum()) / (2 * length)).sqrt()
        difference = (y - nest).norm(dim=-1) / row_norms  # root mean square: the distance
        matrices = {
            "NesT's end": compare.as_matrix(nest_maps.main, length),
            "here, main branch": compare.as_matrix(maps.main, length),
            "here, local branch": compare.as_matrix(maps.local, length) if maps.local else None,
        }
        figure = plot_setting(matrices, difference, distances, edges)
        return figure, _read_setting(dials, difference, distances)

    return draw


def explore_dials(x: Tensor, seed: int = 0) -> Explorer:
    """Turn the dials from one style to the other. See `dials_drawer`."""
    controls = {
        name: widgets.Dropdown(
            options=named(values),
            description=name.replace("_", " "),
            style={"description_width": "9.5em"},
            layout={"width": "22em"},
        )
        for name, values in compare.VALUES.items()
    }
    controls["undone"] = widgets.Checkbox(True, description="undo what is only notation")
    explorer = Explorer("explore_dials", dials_drawer(x, seed), controls)
    buttons = []
    for text, dials in (("all to NesT", compare.NEST), ("all to PGL-SUM", compare.PGLSUM)):
        button = widgets.Button(description=text)
        button.on_click(lambda _, dials=dials: explorer.set(**dials))
        buttons.append(button)
    explorer.children = (widgets.HBox(buttons), *explorer.children)
    return explorer


def _read_setting(dials, difference, distances) -> str:
    turned = [name for name in dials if dials[name] != compare.NEST[name]]
    dead = compare.dead(dials)
    inert = [f"{name} ({dead[name]})" for name in turned if name in dead]
    far = ", ".join(
        f"{'only rounding' if d < 1e-12 else f'{d:.2f}'} {name}" for name, d in distances.items()
    )
    said = "all" if len(turned) == len(dials) else ", ".join(turned) or "nothing"
    sentence = f"Turned: {said}. The output is {far}."
    if difference.max() > 1e-12:
        token = difference.argmax().item()
        sentence += f" Token {token} differs most ({difference[token]:.2f})."
    if inert:
        sentence += f" Dead here: {'; '.join(inert)}."
    return sentence.replace("_", " ")
