"""What JavaScript draws is what Python's `draw` says, state by state."""

import random

import numpy as np
import pytest
import torch

from attnlib.layout import segment_slices
from attnlib.segments import FUSIONS, fuse
from tests.browser.drawn import EXPLORERS, row


def edges(explorer, state):
    slices = segment_slices(state["length"], state["num_segments"])
    return {"edges": [0, *(each.stop for each in slices)]}


def fused(explorer, state):
    whole = row(state["global_angle"], state["global_length"])
    length = state["local_length"]
    turned = row(torch.arange(361), length)
    norms = [fuse(whole, turned, mode).norm(dim=-1) for mode in FUSIONS]
    local = row(state["local_angle"], length)
    return {"norms": torch.stack(norms), "fused": fuse(whole, local, state["fusion"])}


def bars(explorer, state):
    axes = explorer.drawn(state)[0].axes[1:]
    widths = [[bar.get_width() for bar in axis.patches] for axis in axes]
    return dict(zip(("products", "scores", "weights"), widths, strict=True))


def intervals(explorer, state):
    """The ends of each interval, and its mean; the first line is that of no difference."""
    _, *lines = [line.get_xdata() for line in explorer.drawn(state)[0].axes[0].lines]
    return {"ranges": lines[::2], "means": lines[1::2]}


def circles(explorer, state):
    """Of each level the weights: the areas of its circles, which sum to 1 as they do."""
    levels = []
    for axis in explorer.drawn(state)[0].axes[1:]:
        *found, _ = axis.patches
        areas = np.array([circle.radius for circle in found]) ** 2
        levels.append(areas / areas.sum())
    return {"weights": levels}


# The numbers that are seen in a state, by the names that JavaScript has for them; how near.
NUMBERS = {
    "segments": (edges, 0),
    "fusion": (fused, 1e-9),
    "by_hand": (bars, 1e-9),
    "learning": (circles, 1e-6),
    "does_it_matter": (intervals, 1e-12),
}
STATES = 60
# Where a number lies just between two that are written; where two keys get most; where all do.
HERE = {"q_x": 0.5, "q_y": 0.5, "k_x": 0.5, "k_y": 0.0, "head_dim": 2, "scale": "1"}
ALSO = {
    "by_hand": [
        HERE | {"temperature": 2.0},
        HERE | {"temperature": 2.0, "q_x": 1.5},
        HERE | {"temperature": 1.0, "q_x": -0.5, "q_y": 0.0},
        HERE | {"temperature": 1.0, "q_x": 1.0, "q_y": 1.0, "k_x": 2.0},
        HERE | {"temperature": 1.0, "q_x": 0.0, "q_y": 0.0},
    ]
}
# Moves the controls through these states; gives back what is drawn of each.
WALK = """(states) => {
    const stage = document.querySelector(".attn-stage"), found = [];
    const model = [...models.values()][0];
    // A slider, or a list: how many values it offers.
    const count = ({ max, options }) => options?.length ?? Number(max) + 1;
    const offered = () => Object.fromEntries([...document.querySelectorAll("label[data-name]")]
        .map((label) => [label.dataset.name, count(label.querySelector("input, select"))]));
    stage.addEventListener("drawn", ({ detail }) => found.push({ ...detail, offered: offered() }));
    for (const at of states) model.set("shown", { at });
    return found;
}"""


def sampled(explorer):
    """States that a hand may reach: each control at its first value, at its last, at any."""
    chance, values = random.Random(0), explorer.values
    ends = [{name: every[end] for name, every in values.items()} for end in (0, -1)]
    others = [
        {name: chance.choice(every) for name, every in values.items()}
        for _ in range(STATES - len(ends))
    ]
    return [explorer.fitted(state)[0] for state in ends + others]


@pytest.mark.parametrize("name", EXPLORERS)
def test_it_says_in_the_browser_what_it_says_in_python(show, name):
    explorer = EXPLORERS[name]()
    states = sampled(explorer) + ALSO.get(name, [])
    told = show(explorer).evaluate(WALK, [explorer.placed(state)["at"] for state in states])
    assert len(told) == len(states)
    numbers_of, near = NUMBERS.get(name, (lambda *_: {}, 0))
    for state, found in zip(states, told, strict=True):
        assert found["sentence"] == explorer.drawn(state)[1], state
        open_ = explorer.placed(state)["open"]
        assert found["offered"] == {control: len(places) for control, places in open_.items()}
        for seen, numbers in numbers_of(explorer, state).items():
            there, wanted = (np.hstack([[], *each]) for each in (found[seen], numbers))
            np.testing.assert_allclose(there, wanted, 0, near, err_msg=str(state))


def test_every_axis_of_the_study_has_its_numbers(show):
    explorer = EXPLORERS["does_it_matter"]()
    states = [explorer.placed(state)["at"] for state in explorer.states()]
    ticks = [each["ticks"] for each in show(explorer).evaluate(WALK, states)]
    assert len(ticks) == len(states)
    assert all(2 <= len(each) <= 5 and 0 in each for each in ticks)


# How tall the letters of a drawing are on the screen, in CSS pixels.
LETTERS = """all => all.map((one) => {
    const { a, b } = one.getScreenCTM();
    return parseFloat(getComputedStyle(one).fontSize) * Math.hypot(a, b);
})"""


@pytest.mark.parametrize("name", EXPLORERS)
def test_on_a_phone_it_is_as_wide_as_the_page_and_can_be_read(show, name):
    page = show(EXPLORERS[name](), width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert min(page.locator("svg text").evaluate_all(LETTERS)) >= 11
