"""The widgets of the lessons: controls, and the picture and sentence that follow from them.

Each is a pure `draw(**state)`, which tests and static pages call without a browser, with controls
round it.
"""

from collections.abc import Callable, Mapping
from html import escape
from io import BytesIO

import ipywidgets as widgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.course import compare
from attnlib.course.plots import plot_setting, plot_token_influence
from attnlib.layout import blockify, deblockify, segment_slices


class Explorer(widgets.VBox):
    """Controls above a picture; every change of a control draws anew. Needs a kernel.

    Args:
        name: what the text form calls it.
        draw: takes the values of the controls by name, returns a Figure and its sentence. A
            ValueError of it is shown as the sentence.
        controls: name -> widget with a `value`.
    """

    def __init__(
        self,
        name: str,
        draw: Callable[..., tuple[Figure, str]],
        controls: Mapping[str, widgets.Widget],
    ):
        self._name, self._draw, self._controls = name, draw, dict(controls)
        self._held = False
        self._picture = widgets.Image(format="png")
        self._picture.layout.max_width = "100%"
        self._line = widgets.HTML()
        for control in self._controls.values():
            control.observe(self._update, "value")
        self._update()
        row = widgets.HBox(list(self._controls.values()))
        row.layout.flex_flow = "row wrap"
        super().__init__([row, self._picture, self._line])

    def __repr__(self) -> str:
        return f"{self._name}: {self.sentence}"

    def set(self, **state) -> None:
        """Move controls, as a hand would, and draw once."""
        self._held = True
        for name, value in state.items():
            self._controls[name].value = value
        self._held = False
        self._update()

    def _update(self, _change=None):
        if self._held:
            return
        try:
            figure, self.sentence = self._draw(**{n: c.value for n, c in self._controls.items()})
        except ValueError as error:
            self.sentence = str(error)
        else:
            self._picture.value = png(figure)
        status = f'<p role="status" aria-live="polite">{escape(self.sentence)}</p>'
        self._line.value = status


def png(figure: Figure) -> bytes:
    """The Figure as the bytes of a PNG."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()


def influence_drawer(
    picture: Tensor, patch_size: int, block_size: int, matrices: Mapping[str, Tensor]
) -> Callable[[int, int], tuple[Figure, str]]:
    """draw(row, column) -> whom the output token at that patch of a picture listens to.

    Args:
        picture: (height, width, 3) in [0, 1].
        patch_size, block_size: in pixels, and in patches.
        matrices: title -> (L, L) influence, tokens in the order of `blockify`.
    """
    rows, cols = (side // patch_size for side in picture.shape[:2])
    order = blockify(torch.arange(rows * cols).view(rows, cols, 1), block_size).flatten()
    number = order.argsort()  # place in the picture -> number of the token
    largest = max(matrix.max().item() for matrix in matrices.values())

    def lay(row_of_matrix):
        blocks = row_of_matrix.view(-1, block_size**2, 1)
        return deblockify(blocks, block_size, rows, cols).squeeze(-1)

    def draw(row: int, column: int) -> tuple[Figure, str]:
        token = number[row * cols + column].item()
        laid = {title: lay(matrix[token]) for title, matrix in matrices.items()}
        felt = ", ".join(f"{title}: {(m > 0).sum()} of {m.numel()}" for title, m in laid.items())
        figure = plot_token_influence(picture, patch_size, laid, (row, column), largest)
        return figure, f"Token {token} (row {row}, column {column}) feels: {felt} tokens."

    return draw


def explore_influence(
    picture: Tensor, patch_size: int, block_size: int, matrices: Mapping[str, Tensor]
) -> Explorer:
    """Choose an output token of a picture: whom does it listen to? See `influence_drawer`."""
    rows, cols = (side // patch_size for side in picture.shape[:2])
    sliders = {
        "row": widgets.IntSlider(2, 0, rows - 1, description="row"),
        "column": widgets.IntSlider(3, 0, cols - 1, description="column"),
    }
    draw = influence_drawer(picture, patch_size, block_size, matrices)
    return Explorer("explore_influence", draw, sliders)


def dials_drawer(x: Tensor, seed: int = 0) -> Callable[..., tuple[Figure, str]]:
    """draw(**dials, undone) -> where a setting of the dials stands between the two styles.

    Args:
        x: (L, C), float64; see `compare.distance`.
        seed: of the parameters, the same at every setting.
    """
    parameters, length = compare.draw(seed, x.shape[-1]), len(x)
    num_groups = len(parameters.main.qkv)
    edges = [group.start for group in segment_slices(length, num_groups)[1:]]

    def output(dials, undone):
        its = compare.undo_notation(parameters, dials) if undone else parameters
        return compare.attend(x, its, dials)

    def draw(undone: bool = True, **dials) -> tuple[Figure, str]:
        dials = compare.turned(dials)
        y, maps = output(dials, undone)
        nest, nest_maps = output(compare.NEST, undone)
        pglsum, _ = output(compare.PGLSUM, undone)
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
            options=[("none" if value is None else str(value), value) for value in values],
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
