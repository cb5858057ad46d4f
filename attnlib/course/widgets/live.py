"""A progress bar and the curve of the loss, while a network trains."""

import time
from collections.abc import Iterable

import ipywidgets as widgets
from IPython.display import display

from attnlib.course.figures.losses import plot_losses
from attnlib.course.language import say
from attnlib.course.widgets.explorer import png

REDRAW_SECONDS = 0.5  # drawing takes time from the training


class LiveCurve(widgets.VBox):
    """A bar of `steps` steps, the curve of the losses so far, and a line that tells the last.

    Its text form never changes, because a stored notebook must not depend on the clock.
    """

    def __init__(self, steps: int):
        self.losses: list[float] = []
        self._steps, self._drawn = steps, 0.0
        self._bar = widgets.IntProgress(0, 0, steps)
        self._bar.layout.width = "100%"
        self._bar.layout.margin = "0"  # beside its width it makes a scrollbar
        self._picture = widgets.Image(format="png")
        self._picture.layout.max_width = "100%"
        self._picture.layout.margin = "0"
        self._line = widgets.HTML()
        super().__init__([self._bar, self._picture, self._line])
        self.layout.align_items = "flex-start"  # or the picture is stretched
        self.add_class("attn-curve")

    def __repr__(self) -> str:
        return say(
            "LiveCurve of {steps} steps: a progress bar and the loss, with a kernel.",
            steps=self._steps,
        )

    def add(self, loss: float) -> None:
        """One step is done. Draws at most twice a second, and after the last step."""
        self.losses.append(loss)
        done = len(self.losses)
        now = time.monotonic()
        if done == self._steps or now - self._drawn > REDRAW_SECONDS:
            self._drawn = now
            self._bar.value = done
            self._picture.value = png(plot_losses({say("loss"): self.losses}, self._steps))
            told = {"step": done, "steps": self._steps, "loss": loss}
            self._line.value = say("step {step} of {steps}, loss {loss:.3f}", **told)


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
