"""Two rows, normalised and fused."""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from attnlib.course.language import N_, paragraph, say
from attnlib.course.lessons.fusion.figures import plot_fusion
from attnlib.course.widgets.controls import choice, fine_slider, slider
from attnlib.course.widgets.drawn import Drawn, script
from attnlib.course.widgets.formatting import two
from attnlib.segments import FUSIONS, fuse

# By which of the two rows are zero: the global one, the local one.
NORMS = {
    (False, False): N_(
        "Norms {whole} (global) and {local} (local) become {unit_whole} and {unit_local}, so the "
        "lengths play no part."
    ),
    (True, False): N_(
        "Norms {whole} (global) and {local} (local) become {unit_whole} and {unit_local}: a row of "
        "zeros has no direction and stays zero (global)."
    ),
    (False, True): N_(
        "Norms {whole} (global) and {local} (local) become {unit_whole} and {unit_local}: a row of "
        "zeros has no direction and stays zero (local)."
    ),
    (True, True): N_(
        "Norms {whole} (global) and {local} (local) become {unit_whole} and {unit_local}: a row of "
        "zeros has no direction and stays zero (global and local)."
    ),
}


def fusion_drawer() -> Callable[..., tuple[Figure, str]]:
    """draw(fusion, global_angle, global_length, local_angle, local_length) -> the fused row.

    The rows of the global and the local branch have two channels here. Angles are in degrees.
    """

    def draw(
        fusion: str,
        global_angle: float,
        global_length: float,
        local_angle: float,
        local_length: float,
    ) -> tuple[Figure, str]:
        for name, length in (("global_length", global_length), ("local_length", local_length)):
            if not length >= 0:
                raise ValueError(f"{name} must be at least 0, got {length!r}")
        whole, local = _row(global_angle, global_length), _row(local_angle, local_length)
        fused = fuse(whole, local, fusion)
        turned = _row(torch.arange(361), local_length)  # the local row at every angle
        norms = {mode: fuse(whole, turned, mode).norm(dim=-1) for mode in FUSIONS}
        rows = tuple((row, F.normalize(row, dim=-1)) for row in (whole, local))
        figure = plot_fusion(rows, fused, norms, fusion, local_angle)
        return figure, _read(fusion, rows, fused)

    return draw


class FusionExplorer(Drawn):
    """See `fusion_drawer`."""

    source = Path(__file__).with_name("explorer.js")
    _esm = script(source)


def explore_fusion() -> Drawn:
    """Turn and stretch two rows: what does each fusion make of them? See `fusion_drawer`."""
    controls = {
        "fusion": choice(say("fusion"), "add", list(FUSIONS)),
        "global_angle": slider(say("global: angle"), 30, 0, 360),
        "global_length": fine_slider(say("global: length"), 1.6, 0, 2),
        "local_angle": slider(say("local: angle"), 120, 0, 360),
        "local_length": fine_slider(say("local: length"), 0.6, 0, 2),
    }
    offers = {"global_angle": _angles}
    return FusionExplorer("explore_fusion", fusion_drawer(), controls, offers)


def _angles(global_angle, global_length, **_):
    """A row of zeros has no angle."""
    return range(361) if global_length else (global_angle,)


def _row(angle, length):
    """(…, 2) rows of that angle and length."""
    angle = torch.as_tensor(angle, dtype=torch.float64).deg2rad()
    return length * torch.stack([angle.cos(), angle.sin()], -1)


def _read(fusion, rows, fused):
    (whole, unit_whole), (local, unit_local) = rows
    norms = {"whole": two(whole.norm()), "local": two(local.norm())}
    norms |= {"unit_whole": two(unit_whole.norm()), "unit_local": two(unit_local.norm())}
    zero = (not whole.any(), not local.any())
    between = torch.rad2deg((unit_whole @ unit_local).clamp(-1, 1).acos())
    return paragraph(
        say(NORMS[zero], **norms),
        "" if any(zero) else say("The angle between is {angle:.0f}°.", angle=between),
        say("{fusion}: the fused row has norm {norm}.", fusion=fusion, norm=two(fused.norm())),
    )
