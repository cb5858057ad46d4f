"""The questions as a widget that lives wholly in the browser, with or without a kernel."""

from pathlib import Path

import traitlets

from attnlib.course.front_end import FrontEnd, with_shared
from attnlib.course.language import language, say
from attnlib.course.widgets.questions.data import items
from attnlib.course.widgets.questions.languages import languages, offered


class Questions(FrontEnd):
    """What `questions` gives back. Answers and score never come here: they stay in the browser."""

    _esm = with_shared(Path(__file__).with_name("questions.js"))
    _css = with_shared(Path(__file__).with_name("questions.css"))

    form = traitlets.Unicode().tag(sync=True)
    items = traitlets.List(traitlets.Dict()).tag(sync=True)
    languages = traitlets.List(traitlets.Dict()).tag(sync=True)
    first = traitlets.Int().tag(sync=True)  # the place of the language that it begins in

    def __repr__(self) -> str:
        return say(
            "{count} questions, form {form}, English and 中文 (to be answered in a browser)",
            count=len(self.items),
            form=self.form,
        )


def questions(form: str) -> Questions:
    """Questions about what the lessons show, in every language that the course speaks.

    Each has one choice that shows a common misconception. The score says which of them was chosen,
    why it fails, and where to read again. Nothing is sent anywhere; the reader may export a file
    that says nothing of who answered, or when.

    Args:
        form: "A", before the course, or "B", after lesson 09: the same questions, asked otherwise.
    Raises:
        ValueError: for another form.
    """
    return Questions(
        form=form,
        items=items(form),
        languages=languages(),
        first=offered().index(language()),
    )
