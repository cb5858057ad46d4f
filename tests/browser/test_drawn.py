"""What JavaScript draws is what Python's `draw` says, state by state."""

import random

import pytest
import torch

from attnlib.course.lessons.blocks.explorer import explore_blocks
from tests.browser.hosted import hosted

PICTURE = torch.rand(24, 36, 3, generator=torch.Generator().manual_seed(0))
# Of each: how to make it, and of each state the numbers that are seen, beside the sentence.
EXPLORERS = {
    "blocks": lambda: explore_blocks({"a": PICTURE, "b": PICTURE.flip(0)}, 3),
}
STATES = 150  # all, where there are fewer
# Moves the controls through these states; gives back what is drawn of each.
WALK = """(states) => {
    const stage = document.querySelector(".attn-stage"), found = [];
    const model = [...models.values()][0];
    stage.addEventListener("drawn", ({ detail }) => found.push(detail));
    for (const at of states) model.set("shown", { at });
    return found;
}"""


@pytest.fixture
def show(open_page, tmp_path):
    """show(widget) -> the page that hosts it, at work."""

    def show(widget, **how):
        (tmp_path / "page.html").write_text(hosted(widget), encoding="utf-8")
        page = open_page(**how).page
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector("[data-alive]", state="attached")
        return page

    return show


@pytest.mark.parametrize("name", EXPLORERS)
def test_it_says_in_the_browser_what_it_says_in_python(show, name):
    explorer = EXPLORERS[name]()
    states = explorer.states()
    if len(states) > STATES:
        states = random.Random(0).sample(states, STATES)
    told = show(explorer).evaluate(WALK, [explorer.placed(state)["at"] for state in states])
    assert len(told) == len(states) > 20
    for state, found in zip(states, told, strict=True):
        assert found["sentence"] == explorer.drawn(state)[1], state
