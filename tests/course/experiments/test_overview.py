"""The one picture of the study: its rows are contrasts, and its words say the same numbers."""

import pytest

from attnlib.course.experiments.study.claims import contrast_of
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.forest import signed
from attnlib.course.experiments.study.overview import PANELS, ROWS, plot_matters, read_matters
from attnlib.course.experiments.study.results import load


@pytest.fixture(scope="module")
def found():
    return findings(load())


def test_every_row_is_a_contrast_on_the_task_of_its_panel():
    for rows, task in zip(PANELS.values(), ("global", "local"), strict=True):
        assert len(rows) == len(ROWS)
        contrasts = [contrast_of(*row) for row in rows]
        assert {(each.task, each.budget) for each in contrasts} == {(task, 1)}
        for each, row in zip(contrasts[:4], ROWS[:4], strict=True):
            assert ("normal .02" in each.where) == ("NesT's start" in row)


def test_the_picture_and_the_words_have_the_numbers_of_the_findings(found):
    shown = [text.get_text() for axis in plot_matters(found).axes for text in axis.texts]
    keys = [contrast_of(*row).key for rows in PANELS.values() for row in rows]
    means = [signed(found[key].estimate.mean) if key in found else "not run" for key in keys]
    assert shown == means
    lines = [line for line in read_matters(found).splitlines() if line.startswith("  ")]
    for line, mean in zip(lines, means, strict=True):
        assert f": {mean}" in line
