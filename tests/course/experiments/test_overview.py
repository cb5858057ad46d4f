"""The one picture of the study: it marks what the report marks, and its sentence says the same."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from attnlib.course.experiments.study import tasks
from attnlib.course.experiments.study.overview import ROWS, TASKS, plot_matters, read_matters
from attnlib.course.experiments.study.report import difference
from attnlib.course.experiments.study.results import load
from attnlib.course.experiments.study.settings import SETTINGS
from attnlib.course.figures.style import MARK


@pytest.fixture(scope="module")
def results():
    return load()


@pytest.fixture(scope="module")
def figure(results):
    return plot_matters(results)


def found(results, task):
    return [difference(results, task, setting) for setting in ROWS]


def test_the_rows_are_settings_of_the_study_and_one_of_them_is_chance():
    assert set(TASKS) <= set(tasks.TASKS)
    assert set(ROWS) <= set(SETTINGS)
    assert next(iter(ROWS)) == "merge: h d"


def test_a_dot_is_a_seed_and_red_is_what_the_report_marks(results, figure):
    for axis, task in zip(figure.axes, TASKS, strict=True):
        dots = [line for line in axis.lines if line.get_marker() == "o"]
        for row, (line, each) in enumerate(zip(dots, found(results, task), strict=True)):
            assert line.get_xdata() == pytest.approx(100 * each.seeds)
            assert set(line.get_ydata()) == {row}
            assert (to_hex(line.get_color()) == MARK) == each.seen
            assert (line.get_fillstyle() == "full") == each.seen


def test_a_number_stands_where_a_difference_is_seen_and_only_there(results, figure):
    for axis, task in zip(figure.axes, TASKS, strict=True):
        for text, each in zip(axis.texts, found(results, task), strict=True):
            number = f"{100 * each.mean:+.0f}".replace("-", "−")
            assert text.get_text() == (number if each.seen else "not seen")


def test_the_sentences_say_what_is_drawn(results, figure):
    for line, axis in zip(read_matters(results).splitlines(), figure.axes, strict=True):
        assert line.lower().startswith(f"{axis.get_title()}: ")
        seen, unseen = line.split(" (points); no difference seen: ")
        for name, text in zip(ROWS.values(), axis.texts, strict=True):
            if text.get_text() == "not seen":
                assert name in unseen and name not in seen
            else:
                assert f"{name} {text.get_text()}" in seen


def test_no_text_is_cut_or_lies_on_another(figure):
    FigureCanvasAgg(figure).draw()
    for axis in figure.axes:
        boxes = [text.get_window_extent() for text in axis.texts]
        assert all(box.x1 <= axis.bbox.x1 and box.x0 >= axis.bbox.x0 for box in boxes)
    labels = [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    assert all(box.x0 >= 0 for box in labels)


def test_it_can_be_read_from_the_back_row(figure):
    texts = [text for axis in figure.axes for text in (*axis.texts, axis.title)]
    assert min(text.get_fontsize() for text in texts) >= 18
