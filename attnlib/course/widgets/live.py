"""A progress bar and the curve of the loss, while a network trains."""

import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import traitlets
from IPython.display import display

from attnlib.course.front_end import FrontEnd, with_shared
from attnlib.course.language import catalogue, language, say

HERE = Path(__file__).parent
REDRAW_SECONDS = 0.5  # what is sent more often takes time from the training


class LiveCurve(FrontEnd):
    """A bar of `steps` steps, the curve of the losses so far, and a line that tells the last.

    Its text form never changes, because a stored notebook must not depend on the clock.
    """

    _esm = with_shared(HERE / "svg.js", HERE / "live.js")
    _css = with_shared(HERE / "explorer.css")

    steps = traitlets.Int().tag(sync=True)
    # The losses that are drawn, float64: a list could not hold nan, for which JSON has no word.
    drawn = traitlets.Bytes().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    said = traitlets.Dict().tag(sync=True)  # English message -> what live.js says

    def __init__(self, steps: int):
        self.losses: list[float] = []
        self._last = 0.0  # when it was drawn
        super().__init__(steps=steps, said=dict(catalogue(language(), "widgets/live.js")))

    def __repr__(self) -> str:
        return say(
            "LiveCurve of {steps} steps: a progress bar and the loss, with a kernel.",
            steps=self.steps,
        )

    def add(self, loss: float) -> None:
        """One step is done. Draws at most twice a second, and after the last step."""
        self.losses.append(loss)
        done = len(self.losses)
        now = time.monotonic()
        if done == self.steps or now - self._last > REDRAW_SECONDS:
            self._last = now
            told = {"step": done, "steps": self.steps, "loss": loss}
            with self.hold_sync():  # the curve and its sentence arrive together
                self.drawn = np.array(self.losses, "<f8").tobytes()
                self.sentence = say("step {step} of {steps}, loss {loss:.3f}", **told)


def watch(losses: Iterable[float], steps: int) -> list[float]:
    """Show a `LiveCurve` below the cell, read all losses into it, and return them.

    Args:
        losses: as `fit` of experiments/training.py yields them, while it trains.
        steps: how many there will be.
    """
    curve = LiveCurve(steps)
    display(curve)
    for loss in losses:
        curve.add(loss)
    return curve.losses
