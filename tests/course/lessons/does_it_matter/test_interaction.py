"""The four networks that the reader trains are cells of the study, trained as the study trains."""

import pytest

from attnlib.course.experiments.study import tasks
from attnlib.course.experiments.study.design import SCALES, STARTS
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.results import accuracies, load, rates
from attnlib.course.experiments.study.run import train
from attnlib.course.lessons.does_it_matter import interaction, seeds
from attnlib.course.lessons.does_it_matter.interaction import (
    apart,
    cell,
    plot_four,
    read_four,
    train_four,
)
from attnlib.course.lessons.does_it_matter.seeds import EXAMPLES, examples, right
from attnlib.course.widgets.asked import asked
from notebooks.execute import HERE, read


@pytest.fixture(scope="module")
def results():
    return load()


@pytest.fixture
def few_steps(monkeypatch):
    some = {name: task._replace(steps=3) for name, task in tasks.TASKS.items()}
    monkeypatch.setattr("attnlib.course.experiments.study.run.TASKS", some)


def test_the_reader_trains_what_the_study_trained(results, few_steps):
    told = []
    mine = train_four(results, 7, told.append)
    for (scale, start), points in mine.items():
        here = cell(scale, start)
        (share,) = train(here, (7,), rates(results)[here], "result")["accuracies"]
        assert points == 100 * share
    assert len(told) == len(mine) == 4 and told[0].startswith("NesT's start, with the scale: ")


def test_the_interaction_is_the_difference_of_the_differences(results):
    four = {("1/√D", STARTS[0]): 70.0, ("1", STARTS[0]): 71.0}
    four |= {("1/√D", STARTS[1]): 72.0, ("1", STARTS[1]): 60.0}
    assert apart(four) == (1.0, -12.0, 13.0)
    assert "+1.0 points with NesT's start, -12.0 with PGL-SUM's" in read_four(four)
    assert read_four(four).endswith("the interaction: 13.0.")


def test_its_mean_over_all_seeds_is_the_studys_contrast(results):
    points = accuracies(results)
    corners = [
        {
            (scale, start): points[cell(scale, start, "global")][seed]
            for scale in SCALES
            for start in STARTS
        }
        for seed in range(seeds.SEEDS)
    ]
    mean = sum(apart(four)[2] for four in corners) / len(corners)
    found = findings(results)["scale | scale × start | all + own | global | 1×"]
    assert mean == pytest.approx(found.estimate.mean)


def test_the_picture_has_all_seeds_of_the_study_and_the_readers_line(results):
    mine = {(scale, start): 12.5 for scale in SCALES for start in STARTS}
    lines = plot_four(results, mine).axes[0].lines
    thick = [line for line in lines if line.get_linewidth() == 3]
    assert [list(line.get_ydata()) for line in thick] == [[12.5, 12.5]] * 2
    assert len(lines) - len(thick) == 2 * 20


def test_the_figures_that_the_lesson_tells_of_the_picture_are_the_stored_ones(results):
    points = accuracies(results)
    means = {
        (scale, start): sum(points[cell(scale, start)][seed] for seed in range(20)) / 20
        for scale in SCALES
        for start in STARTS
    }
    nest, pglsum, _ = apart(means)
    cells = read(HERE / "09_does_it_matter.ipynb").cells
    (told,) = [each.source for each in cells if "the lines fall by" in each.source]
    assert f"fall by {-pglsum:.1f} points and rise by {nest:.1f}" in told.replace("\n", " ")
    question = asked("does_it_matter.scale_from_two_starts").question
    whole = means["1/√D", "Xavier √2"]
    assert f"PGL-SUM does {-pglsum:.0f} of its {whole:.0f} points" in question


def test_shares_stand_in_the_order_of_their_seeds(results):
    found = right(results, "local", "1", "Xavier √2")
    points = accuracies(results)[interaction.cell("1", "Xavier √2")]
    assert found.tolist() == [points[seed] / 100 for seed in range(20)]
    with pytest.raises(ValueError, match=r"scale='2', start='Xavier √2': scale must be one of"):
        right(results, "local", "2", "Xavier √2")


def test_the_examples_show_each_verdict_once(results):
    shown = examples(results, findings(results))
    assert len({finding.verdict for _, finding in shown.values()}) == len(EXAMPLES) == 3
    for differences, finding in shown.values():
        assert len(differences) == finding.estimate.seeds
        assert sum(differences) / len(differences) == pytest.approx(finding.estimate.mean)
