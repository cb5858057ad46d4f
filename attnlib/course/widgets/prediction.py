"""Predict first: choices, commit, reveal. Nothing is stored and nothing is sent."""

from html import escape

import ipywidgets as widgets

from attnlib.course.language import paragraph, say
from attnlib.course.widgets.asked import Asked, asked


class Prediction(widgets.VBox):
    """A question with choices and a button; where no kernel runs, the question and its answer."""

    def __init__(self, ask: Asked):
        self._parts = ask.said()
        self._choice = widgets.RadioButtons(options=self._parts.lettered, value=None)
        self._choice.layout.width = "max-content"
        self._commit = widgets.Button(description=say("I commit to this"), disabled=True)
        self._reveal = widgets.HTML()
        self._choice.observe(self._chosen, "value")
        self._commit.on_click(self._revealed)
        super().__init__([widgets.HTML(self._head()), self._choice, self._commit, self._reveal])

    def __repr__(self) -> str:
        parts = self._parts
        head = paragraph(say("Predict."), parts.question)
        lines = (f"  {choice}" for choice in parts.lettered)
        told = {"letter": parts.answer, "because": parts.because}
        return "\n".join((head, *lines, say("Answer: {letter}. {because}", **told)))

    def _repr_mimebundle_(self, **kwargs):
        """The live widget, and for pages without a kernel the answer behind a fold."""
        bundle = super()._repr_mimebundle_(**kwargs)
        parts = self._parts
        items = "".join(f"<li>{escape(choice)}</li>" for choice in parts.choices)
        html = (
            f'{self._head()}<ol type="a">{items}</ol>'
            f"<details><summary>{say('Commit to one, then open')}</summary>"
            f"<b>{parts.answer}.</b> {escape(parts.because)}</details>"
        )
        return bundle | {"text/plain": repr(self), "text/html": html}

    def _head(self):
        return f"<b>{say('Predict.')}</b> {escape(self._parts.question)}"

    def _chosen(self, change):
        self._commit.disabled = change["new"] is None

    def _revealed(self, _button):
        parts = self._parts
        right = f"<b>{escape(parts.lettered[parts.place])}</b>"
        as_said = self._choice.index == parts.place
        told = say("As you said.") if as_said else say("Not so. The answer: {answer}", answer=right)
        because = escape(parts.because)
        self._choice.disabled = self._commit.disabled = True
        self._reveal.value = f'<p role="status" aria-live="polite">{told}<br>{because}</p>'


def predict(name: str) -> Prediction:
    """Ask before running: the reader chooses, commits, and only then sees the answer.

        >>> predict("heads.keys_of_head_1")

    Args:
        name: the lesson's, a dot, and the prediction's in the lesson's predictions.toml.

    Raises:
        ValueError: there is no such lesson, or no such prediction in it.
    """
    return Prediction(asked(name))
