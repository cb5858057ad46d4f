"""Ten misconceptions that the lessons refute, each asked twice: form A before, form B after.

The questions are data, `questions.json`; they are shown and scored in the browser, and nothing is
sent anywhere.
"""

from attnlib.course.widgets.questions.data import FORMS, LANGUAGES, misconceptions
from attnlib.course.widgets.questions.text import answers_as_text, as_text
from attnlib.course.widgets.questions.widget import questions

__all__ = ["FORMS", "LANGUAGES", "answers_as_text", "as_text", "misconceptions", "questions"]
