"""Every figure of the course, drawn for a telephone: all its words are read there."""

import ast
import random

import matplotlib.pyplot as plt
import pytest
import torch

from attnlib import GlobalLocalAttention
from attnlib.course.compare.labels import DIALS
from attnlib.course.experiments.study.design import SCALES, STARTS
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.overview import plot_matters
from attnlib.course.experiments.study.results import load
from attnlib.course.figures.gallery import plot_pictures
from attnlib.course.figures.losses import plot_losses
from attnlib.course.figures.maps import plot_map
from attnlib.course.figures.named import plot_named_maps
from attnlib.course.figures.narrow import WIDTH, again, either, narrow, redrawn
from attnlib.course.figures.pictures import plot_shots, plot_tokens
from attnlib.course.figures.runs import plot_runs
from attnlib.course.lessons.by_hand.figures import plot_lookup, plot_row
from attnlib.course.lessons.does_it_matter.figures import PANELS, plot_effects, plot_verdicts
from attnlib.course.lessons.does_it_matter.interaction import plot_four
from attnlib.course.lessons.does_it_matter.seeds import examples
from attnlib.course.lessons.fusion.figures import WAYS, plot_angles
from attnlib.course.lessons.kernels.costs import stored_costs
from attnlib.course.lessons.kernels.figures import plot_costs, plot_pixel_rows
from attnlib.course.lessons.ranks.figures import plot_cut
from attnlib.course.lessons.transformer.figures import plot_head_scores
from attnlib.course.lessons.video.figures import plot_branches, plot_seeds, plot_summary
from tests.course.figures.legible import faults
from tests.course.test_house import MODULES
from tests.course.widgets.test_offers import EXPLORERS, walk

torch.manual_seed(0)
PICTURE, INK, FRAMES = torch.rand(64, 64, 3), torch.rand(8, 8), torch.rand(60, 12, 28, 3)
MAP = torch.rand(16, 16).softmax(-1)
CUTS = (8, 19, 35, 47)
ROW = torch.rand(60)


def effects():
    return {panel: {name: torch.rand(5) for name in DIALS} for panel in PANELS}


def seeds():
    return examples(load(), findings(load()))


def four():
    return plot_four(load(), {(scale, start): 70 for scale in SCALES for start in STARTS})


def lookup():
    labels, weights = torch.arange(10) % 10, torch.rand(10) / 100
    return plot_lookup(INK, torch.rand(10, 8, 8), labels, weights, torch.rand(10))


def branches():
    module = GlobalLocalAttention(16, 16, num_segments=2, fusion="add").eval()
    _, maps = module(torch.randn(48, 16))
    return plot_branches(maps, CUTS)


def head_scores():
    return plot_head_scores(
        {"on the previous token": torch.rand(6, 12), "on [CLS]": torch.ones(6, 12)}
    )


SETTINGS = ("global", "local", "both", "global, no time", "global, not flipped")
SAMPLES = {
    "plot_pictures": lambda: plot_pictures(
        {"the photograph": PICTURE, "head 0, by colour": PICTURE, "one head of both": PICTURE}
    ),
    "plot_losses": lambda: plot_losses({"one": ROW, "two": ROW}, 1500),
    "plot_map": lambda: plot_map(MAP.expand(6, 16, 16), title="mean weights of a cell " * 3),
    "plot_named_maps": lambda: plot_named_maps(
        dict.fromkeys(("learned", "none", "sinusoids"), MAP)
    ),
    "plot_shots": lambda: plot_shots(FRAMES, CUTS),
    "plot_tokens": lambda: plot_tokens(PICTURE, PICTURE, 8, 4),
    "plot_runs": lambda: plot_runs(
        {"normalised, then multiplied": [0.6, 0.7], "add": [0.8]}, 0.5, "add"
    ),
    "plot_matters": lambda: plot_matters(findings(load())),
    "plot_effects": lambda: plot_effects(effects()),
    "plot_verdicts": lambda: plot_verdicts(seeds()),
    "plot_four": four,
    "plot_lookup": lookup,
    "plot_row": lambda: plot_row([INK] * 4, ["wins most often: 1\nlength 4.63"] * 4),
    "plot_angles": lambda: plot_angles(dict.fromkeys(WAYS, (90 * ROW, ROW)), edges=CUTS),
    "plot_costs": lambda: plot_costs(stored_costs().rows, stored_costs().machine),
    "plot_pixel_rows": lambda: plot_pixel_rows(
        PICTURE, [(8, 8), (40, 40), (20, 50)], torch.rand(3, 64, 64) / 1000
    ),
    "plot_cut": lambda: plot_cut(PICTURE, 4),
    "plot_head_scores": head_scores,
    "plot_branches": branches,
    "plot_summary": lambda: plot_summary(FRAMES, ROW, CUTS, (3, 14, 22, 30, 41, 55), 15, CUTS),
    "plot_seeds": lambda: plot_seeds(
        {name: [(1.0, 0.8), (0.9, 0.7)] for name in SETTINGS},
        ("shots that train", "other shots"),
        0.5,
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_figure_is_read_on_a_telephone(name, monkeypatch):
    wide = SAMPLES[name]()
    fig = again(wide)
    assert fig.get_figwidth() == WIDTH != wide.get_figwidth()
    assert faults(fig, monkeypatch) == []


@pytest.mark.parametrize("name", EXPLORERS)
def test_what_an_explorer_draws_is_read_on_a_telephone(name, monkeypatch):
    explorer = EXPLORERS[name]()
    for state in (explorer.state, *walk(explorer, random.Random(1))):
        with narrow():
            fig, _ = explorer._draw(**state)
        assert fig.get_figwidth() == WIDTH
        assert faults(fig, monkeypatch) == [], state


def test_no_figure_of_the_course_is_left_out():
    functions = {
        node.name: ast.unparse(node)
        for path in MODULES.values()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("plot_")
    }
    explorers = "\n".join(
        path.read_text("utf-8") for path in MODULES.values() if path.stem == "explorer"
    )
    undrawn = [name for name in functions if name not in SAMPLES and f"{name}(" not in explorers]
    assert undrawn == []
    own = {name for name, source in functions.items() if "plt." in source or "panels(" in source}
    assert [name for name in own if not functions[name].startswith("@redrawn")] == []


def test_a_figure_is_wide_before_narrow_and_after_it():
    @redrawn
    def plot(size):
        return plt.Figure(figsize=either((2 * size, 1), (size, 1)))

    wide = plot(3)
    with narrow():
        assert plot(3).get_figwidth() == 3
    assert wide.get_figwidth() == plot(3).get_figwidth() == 6
    assert again(wide).get_figwidth() == 3
    assert again(plt.Figure()) is None


def test_a_faulty_figure_is_found(monkeypatch):
    fig = plt.Figure(figsize=(WIDTH, 2))
    fig.text(0.5, 0.5, "one on another", fontsize=9)
    fig.text(0.5, 0.5, "two", fontsize=9)
    fig.text(0.9, 0.9, "over the edge", fontsize=9)
    fig.text(0.1, 0.1, "tiny", fontsize=8)
    assert faults(fig, monkeypatch) == [
        "small: 'tiny'",
        "cut: 'over the edge'",
        "'one on another' on 'two'",
    ]
