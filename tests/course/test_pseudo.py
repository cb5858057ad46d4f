"""With every message in brackets, nothing that a lesson shows stands outside of them.

`tests/pseudo.py` makes that language. A browser test runs a whole lesson in it.
"""

import re
import tomllib
from html import unescape
from importlib import import_module

import pytest
import torch
from ipywidgets import HTML
from matplotlib.text import Text

from attnlib.course.language import speak
from attnlib.course.lessons.blocks.explorer import explore_blocks
from attnlib.course.lessons.by_hand.explorer import explore_scores
from attnlib.course.lessons.fusion.explorer import explore_fusion
from attnlib.course.lessons.global_branch.explorer import explore_global
from attnlib.course.lessons.heads.explorer import explore_heads
from attnlib.course.lessons.kernels.explorer import explore_tiles
from attnlib.course.lessons.positions.explorer import explore_positions
from attnlib.course.lessons.ranks.explorer import explore_ring
from attnlib.course.lessons.segments.explorer import explore_segments
from attnlib.course.manifest import FILE, LESSONS
from attnlib.course.shapes.labelled import labelled
from attnlib.course.shapes.xray import xray
from attnlib.course.widgets.prediction import predict
from attnlib.course.widgets.viewer import view
from tests.pseudo import left_in_english, pseudo, write_catalogues

EXERCISES = [
    exercise
    for lesson in LESSONS
    for exercise in import_module(f"attnlib.course.lessons.{lesson.name}.exercises").EXERCISES
]

# Code and given names, the same in every language.
CODE = {"absolute", "add", "avg", "fusion", "freq", "max", "mult", "relative", "chelsea", "coffee"}


@pytest.fixture(scope="module", autouse=True)
def brackets(tmp_path_factory):
    speak(write_catalogues(tmp_path_factory.mktemp("xx", numbered=False)))
    yield
    speak("en")


def test_a_message_is_reversed_in_brackets_and_keeps_its_places():
    assert pseudo("The {n} heads, <b>two</b>.") == "⟦ehT {n} sdaeh, <b>owt</b>.⟧"
    assert left_in_english("⟦eht ⟦rehto⟧ eno⟧ more words, H = 3, num_heads=3") == ["more", "words"]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.key)
def test_an_exercise_is_said(exercise, capsys):
    for _ in exercise.hints:
        exercise.hint()
    told = [repr(exercise).replace(exercise.key, ""), capsys.readouterr().out]
    told += [exercise.check(answer) for answer in (None, lambda *_: None, lambda *_: 1, 7)]
    exercise._shown = 0
    for text in told:
        assert left_in_english(text) == []


def names_of_predictions(lesson):
    file = FILE.with_name(lesson) / "predictions.toml"
    return [f"{lesson}.{key}" for key in tomllib.loads(file.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_predictions_are_said(lesson):
    for name in names_of_predictions(lesson.name):
        ask = predict(name)
        shown = [repr(ask), ask._repr_mimebundle_()[0]["text/html"]]
        shown += [ask.question, *ask.choices, ask.because]
        assert [left_in_english(without_tags(text)) for text in shown] == [[]] * len(shown)


X = torch.linspace(0, 1, 12 * 48).reshape(12, 48)
PICTURE = torch.linspace(0, 1, 96 * 96 * 3).reshape(96, 96, 3)
# Those of lessons 08 and 09 also show what compare and the study say, which is not converted yet.
EXPLORERS = {
    "by_hand": lambda: explore_scores(),
    "heads": lambda: explore_heads(PICTURE),
    "blocks": lambda: explore_blocks({"chelsea": PICTURE, "coffee": PICTURE.flip(0)}, 8),
    "global_branch": lambda: explore_global(X),
    "segments": lambda: explore_segments(),
    "fusion": lambda: explore_fusion(),
    "positions": lambda: explore_positions(X),
    "kernels": lambda: explore_tiles(X[:8, :4], X[:8, 4:8], PICTURE[0, :8]),
    "ranks": explore_ring,
}


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_explorer_and_its_figures_are_said(name, monkeypatch):
    """In the first state, and with each dropdown at each of its values."""
    explorer, drawn = EXPLORERS[name](), []
    found = {word for text in texts_of(explorer) for word in left_in_english(without_tags(text))}
    draw = explorer._draw
    monkeypatch.setattr(explorer, "_draw", lambda **state: drawn.append(draw(**state)) or drawn[-1])
    explorer.set()
    for key, control in explorer._controls.items():
        for _, value in getattr(control, "options", ()):
            explorer.set(**{key: value})  # a state that cannot be is told by an error, in English
    for figure, sentence in drawn:
        texts = [sentence, *(text.get_text() for text in figure.findobj(Text))]
        found |= {word for text in texts for word in left_in_english(text)}
    assert found - CODE == set()


SHOWN = {
    "labelled": lambda: labelled((2, 3)),
    "view": lambda: view(torch.full((2, 4, 4), 0.25)),
    "xray": lambda: xray(lambda x: (x @ x.mT) @ x, X),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_shows_shapes_and_maps_is_said(name):
    shown = SHOWN[name]()
    texts = [repr(shown), getattr(shown, "_repr_html_", str)()]
    assert [left_in_english(without_tags(text)) for text in texts] == [[], []]


def texts_of(widget):
    """All that a widget and those in it show."""
    for part in (widget, *getattr(widget, "children", ())):
        if part is not widget:
            yield from texts_of(part)
            continue
        yield getattr(part, "description", "")
        yield part.value if isinstance(part, HTML) else ""
        yield from (label for label, _ in getattr(part, "_options_full", ()))


def without_tags(text):
    return re.sub(r"<[^>]*>", " ", unescape(text))
