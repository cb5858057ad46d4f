"""Predict first: choices, commit, reveal. It lives in the browser; nothing is sent anywhere."""

from html import escape
from pathlib import Path

import traitlets

from attnlib.course.front_end import FrontEnd, with_shared
from attnlib.course.language import catalogue, language, paragraph, say
from attnlib.course.record import record, recorded
from attnlib.course.widgets.asked import Asked, asked


class Prediction(FrontEnd):
    """A question with choices and a button; where no browser is, the question and its answer."""

    _esm = with_shared(Path(__file__).with_name("prediction.js"))
    _css = with_shared(Path(__file__).with_name("prediction.css"))

    question = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answer = traitlets.Int().tag(sync=True)  # the place of the right choice
    because = traitlets.Unicode().tag(sync=True)
    chosen = traitlets.Int(-1).tag(sync=True)  # the place of the reader's; -1 for none
    committed = traitlets.Bool(False).tag(sync=True)  # with none chosen: skipped
    messages = traitlets.Dict().tag(sync=True)  # what the front end says, translated

    def __init__(self, ask: Asked, **kept):
        self._parts = said = ask.said()
        super().__init__(
            question=said.question,
            choices=list(said.lettered),
            answer=said.place,
            because=said.because,
            messages=dict(catalogue(language(), "widgets/prediction.js")),
            **kept,
        )

    def __repr__(self) -> str:
        parts = self._parts
        head = paragraph(say("Predict."), parts.question)
        lines = (f"  {choice}" for choice in parts.lettered)
        told = {"letter": parts.answer, "because": parts.because}
        return "\n".join((head, *lines, say("Answer: {letter}. {because}", **told)))

    def _repr_mimebundle_(self, **kwargs):
        """The live widget, and for pages without a script the answer behind a fold."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        parts = self._parts
        items = "".join(f"<li>{escape(choice)}</li>" for choice in parts.choices)
        html = (
            f"<b>{say('Predict.')}</b> {escape(parts.question)}"
            f'<ol type="a">{items}</ol>'
            f"<details><summary>{say('Commit to one, then open')}</summary>"
            f"<b>{parts.answer}.</b> {escape(parts.because)}</details>"
        )
        return data | {"text/html": html}, metadata


def predict(name: str) -> Prediction:
    """Ask before running: the reader chooses, commits, and only then sees the answer.

        >>> predict("heads.keys_of_head_1")

    Args:
        name: the lesson's, a dot, and the prediction's in the lesson's predictions.toml.

    Raises:
        ValueError: there is no such lesson, or no such prediction in it.
    """
    ask = asked(name)
    prediction = Prediction(ask, **_kept(name, ask))

    def keep(_change):
        record(name, chosen=prediction.chosen, committed=prediction.committed)

    prediction.observe(keep, ["chosen", "committed"])
    return prediction


def _kept(name, ask):
    """What was chosen before: it wins over a cell that is run again."""
    facts = recorded(name)
    chosen = facts.get("chosen")
    if chosen not in range(-1, len(ask.choices)):
        return {}
    return {"chosen": chosen, "committed": facts.get("committed") is True}
