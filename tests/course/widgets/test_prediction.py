"""A prediction: its letters, its commitment, and that nothing tells the answer too early."""

import re
import traceback

import pytest

from attnlib.course import language
from attnlib.course.record import record
from attnlib.course.widgets import asked as reading
from attnlib.course.widgets.asked import Asked, asked
from attnlib.course.widgets.prediction import Prediction, predict

PARTS = {
    "question": "Is 1 < 2?",
    "choices": ("no", "yes: 1 & 1"),
    "answer": "b",
    "because": "It is less.",
}


@pytest.fixture
def question():
    return Prediction(Asked(**PARTS))


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """Writes the predictions of the lesson 02."""
    (tmp_path / "heads").mkdir()
    monkeypatch.setattr(reading, "FILE", tmp_path / "lessons.toml")
    return (tmp_path / "heads/predictions.toml").write_text


def test_the_browser_has_all_that_it_needs(question):
    state = question.get_state()
    assert state["question"] == "Is 1 < 2?"
    assert state["choices"] == ["a. no", "b. yes: 1 & 1"]
    assert (state["answer"], state["because"]) == (1, "It is less.")
    assert (state["chosen"], state["committed"]) == (-1, False)


def test_what_was_chosen_wins_over_a_cell_that_is_run_again(lesson):
    lesson(
        '[less]\nquestion = "Is 1 < 2?"\nchoices = ["no", "yes"]\nanswer = "b"\nbecause = "Less."\n'
        '[more]\nquestion = "Is 1 > 2?"\nchoices = ["no", "yes"]\nanswer = "a"\nbecause = "More."\n'
    )
    first = predict("heads.less")
    first.chosen = 1
    assert (predict("heads.less").chosen, predict("heads.less").committed) == (1, False)
    first.committed = True
    assert predict("heads.less").committed
    assert (predict("heads.more").chosen, predict("heads.more").committed) == (-1, False)
    record("heads.more", chosen=7)  # it once had eight choices
    assert predict("heads.more").chosen == -1


def test_without_a_reader_question_and_answer_are_both_shown(question):
    bundle, _ = question._repr_mimebundle_()
    assert bundle["text/plain"] == (
        "Predict. Is 1 < 2?\n  a. no\n  b. yes: 1 & 1\nAnswer: b. It is less."
    )
    assert "Is 1 &lt; 2?" in bundle["text/html"]
    assert "<details>" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_its_choices_have_letters_in_every_form(question):
    assert question.choices == ["a. no", "b. yes: 1 & 1"]
    html = question._repr_mimebundle_()[0]["text/html"]
    assert '<ol type="a"><li>no</li><li>yes: 1 &amp; 1</li></ol>' in html
    assert "<b>b.</b> It is less." in html


def test_a_prediction_is_read_by_its_name(lesson):
    lesson(
        '[less]\nquestion = "Is 1 < 2?"\nchoices = ["no", "yes: 1 & 1"]\n'
        'answer = "b"\nbecause = "It is less."\n'
    )
    assert repr(predict("heads.less")) == repr(Prediction(Asked(**PARTS)))


@pytest.mark.parametrize("answer", ["c", "B", "", 1])
def test_an_answer_that_is_no_letter_of_a_choice_is_refused(answer):
    wanted = re.escape(f"answer must be one of ('a', 'b'), got {answer!r}")
    with pytest.raises(ValueError, match=wanted):
        Asked(**PARTS | {"answer": answer})


@pytest.mark.parametrize("count", [1, 7])
def test_two_to_six_choices(count):
    with pytest.raises(ValueError, match=f"choices must be two to six, got {count}"):
        Asked(**PARTS | {"choices": ("this",) * count, "answer": "a"})


@pytest.mark.parametrize("name", ["nowhere.keys_of_head_1", "nonsense", "", 0.1, None])
def test_an_unknown_lesson_is_named_beside_those_that_there_are(name):
    with pytest.raises(ValueError, match=re.escape(f"got {name!r}; lessons: two_cousins, by_hand")):
        predict(name)


@pytest.mark.parametrize("name", ["heads.nothing", "heads.", "heads", "heads.keys_of_head_1.a"])
def test_an_unknown_prediction_is_named_beside_those_that_there_are(name):
    with pytest.raises(ValueError, match=r"name must be one of \('heads.keys_of_head_1', ") as why:
        predict(name)
    assert str(why.value).endswith(f"got {name!r}")


def test_no_error_tells_the_answer(lesson):
    right = '[right]\nquestion = "?"\nchoices = ["x", "y"]\nanswer = "b"\nbecause = "SECRET"\n'
    broken = {
        "one choice": right.replace('"x", ', ""),
        "no question": right.replace('question = "?"\n', ""),
        "no TOML": right.replace('"x", ', '"x" '),
        "another name": right.replace("[right]", "[left]"),
    }
    for what, text in broken.items():
        lesson(text)
        with pytest.raises((ValueError, TypeError)) as why:
            predict("heads.right")
        shown = "".join(traceback.format_exception(why.value))
        assert "SECRET" not in shown, what


def test_the_text_form_of_what_is_asked_keeps_the_answer():
    first = asked("heads.keys_of_head_1")
    assert first.question in repr(first)
    assert first.because not in repr(first)
    assert f"answer={first.answer!r}" not in repr(first)


def test_it_is_said_in_the_language_that_is_spoken(monkeypatch):
    words = {
        "Predict.": "猜。",
        "Is 1 < 2?": "1 < 2 吗？",
        "no": "不",
        "It is less.": "更小。",
        "Answer: {letter}. {because}": "答案：{letter}。{because}",
        "Commit to one, then open": "先选，再打开",
    }
    monkeypatch.setattr(language, "catalogue", lambda *_: words)
    question = Prediction(Asked(**PARTS))
    assert repr(question) == "猜。 1 < 2 吗？\n  a. 不\n  b. yes: 1 & 1\n答案：b。更小。"
    assert question.because == "更小。"
    assert "<summary>先选，再打开</summary>" in question._repr_mimebundle_()[0]["text/html"]
