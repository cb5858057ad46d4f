"""The one picture of the study: its rows are contrasts, and its words say the same numbers."""

import pytest

from attnlib.course.experiments.study.contrasts import CONTRASTS
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.overview import PANELS, ROWS, plot_matters, read_matters
from attnlib.course.experiments.study.results import load
from attnlib.course.figures.forest import signed


@pytest.fixture(scope="module")
def found():
    return findings(load())


def test_every_row_is_a_contrast_on_the_task_of_its_panel():
    known = {each.key: each for each in CONTRASTS}
    for keys, task in zip(PANELS.values(), ("global", "local"), strict=True):
        assert len(keys) == len(ROWS)
        assert {known[key].task for key in keys} == {task}
        assert {known[key].budget for key in keys} == {1}
        for key, row in zip(keys[:4], ROWS[:4], strict=True):
            assert ("normal .02" in known[key].where) == ("NesT's start" in row)


def test_the_picture_and_the_words_have_the_numbers_of_the_findings(found):
    shown = [text.get_text() for axis in plot_matters(found).axes for text in axis.texts]
    means = [
        signed(found[key].estimate.mean) if key in found else "not run"
        for keys in PANELS.values()
        for key in keys
    ]
    assert shown == means
    lines = [line for line in read_matters(found).splitlines() if line.startswith("  ")]
    for line, mean in zip(lines, means, strict=True):
        assert f": {mean}" in line
