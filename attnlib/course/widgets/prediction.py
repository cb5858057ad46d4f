"""Predict first: choices, commit, reveal. Nothing is stored and nothing is sent."""

from collections.abc import Sequence
from html import escape

import ipywidgets as widgets


class Prediction(widgets.VBox):
    """A question with choices and a button; where no kernel runs, the question and its answer."""

    def __init__(self, question: str, choices: Sequence[str], answer: int, because: str):
        if not 2 <= len(choices) <= 6:
            raise ValueError(f"choices must be two to six, got {len(choices)}")
        if not 0 <= answer < len(choices):
            raise ValueError(f"answer must be in 0 … {len(choices) - 1}, got {answer}")
        self._parts = (question, tuple(choices), answer, because)
        self._choice = widgets.RadioButtons(options=list(choices), value=None)
        self._choice.layout.width = "max-content"
        self._commit = widgets.Button(description="I commit to this", disabled=True)
        self._reveal = widgets.HTML()
        self._choice.observe(self._chosen, "value")
        self._commit.on_click(self._revealed)
        head = widgets.HTML(f"<b>Predict.</b> {escape(question)}")
        super().__init__([head, self._choice, self._commit, self._reveal])

    def __repr__(self) -> str:
        question, choices, answer, because = self._parts
        lines = (f"  {letter}. {choice}" for letter, choice in zip("abcdef", choices, strict=False))
        return "\n".join((f"Predict. {question}", *lines, f"Answer: {'abcdef'[answer]}. {because}"))

    def _repr_mimebundle_(self, **kwargs):
        """The live widget, and for pages without a kernel the answer behind a fold."""
        bundle = super()._repr_mimebundle_(**kwargs)
        question, choices, answer, because = map(_escaped, self._parts)
        items = "".join(f"<li>{choice}</li>" for choice in choices)
        html = (
            f'<b>Predict.</b> {question}<ol type="a">{items}</ol>'
            f"<details><summary>Commit to one, then open</summary>"
            f"<b>{'abcdef'[answer]}.</b> {because}</details>"
        )
        return bundle | {"text/plain": repr(self), "text/html": html}

    def _chosen(self, change):
        self._commit.disabled = change["new"] is None

    def _revealed(self, _button):
        _, choices, answer, because = map(_escaped, self._parts)
        right = self._choice.index == answer
        word = "As you said" if right else f"Not so. The answer: <b>{choices[answer]}</b>"
        self._choice.disabled = self._commit.disabled = True
        self._reveal.value = f'<p role="status" aria-live="polite">{word}. {because}</p>'


def predict(question: str, choices: Sequence[str], *, answer: int, because: str) -> Prediction:
    """Ask before running: the reader chooses, commits, and only then sees the answer.

    Args:
        question: one sentence.
        choices: two to six answers.
        answer: the index of the right one.
        because: why, in a sentence or two.
    """
    return Prediction(question, choices, answer, because)


def _escaped(part):
    if isinstance(part, tuple):
        return tuple(map(escape, part))
    return escape(part) if isinstance(part, str) else part
