"""All explorers: what their controls offer draws and makes a difference; what does not is grey."""

import inspect
import random
from contextlib import suppress

import pytest
import torch

from attnlib.course.experiments.films.results import stored_scorer
from attnlib.course.experiments.locality import small_nest
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.results import load
from attnlib.course.lessons.blocks.explorer import explore_blocks
from attnlib.course.lessons.by_hand.explorer import explore_scores
from attnlib.course.lessons.capstone import buggy
from attnlib.course.lessons.capstone.explorer import explore_bug_hunt
from attnlib.course.lessons.detective.explorer import explore_dials
from attnlib.course.lessons.does_it_matter.explorer import explore_study
from attnlib.course.lessons.fusion.explorer import explore_fusion
from attnlib.course.lessons.global_branch.explorer import explore_global
from attnlib.course.lessons.heads.explorer import explore_heads
from attnlib.course.lessons.kernels.explorer import explore_tiles
from attnlib.course.lessons.learning.explorer import explore_levels
from attnlib.course.lessons.positions.explorer import explore_positions
from attnlib.course.lessons.ranks.explorer import explore_ring
from attnlib.course.lessons.segments.explorer import explore_segments
from attnlib.course.lessons.transformer.explorer import explore_words
from attnlib.course.lessons.two_cousins.explorer import explore_influence
from attnlib.course.lessons.video import explorer as video
from attnlib.course.models.minilm.model import load as minilm

PICTURE = torch.rand(24, 24, 3, generator=torch.Generator().manual_seed(0))
X = torch.randn(16, 48, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
SUSPECTS = {name: buggy.pair(name) for name in buggy.PAIRS}
EXPLORERS = {
    "two_cousins": lambda: explore_influence(PICTURE, 6, 2, {"a": torch.rand(16, 16)}),
    "by_hand": explore_scores,
    "heads": lambda: explore_heads(PICTURE),
    "blocks": lambda: explore_blocks({"a": PICTURE, "b": PICTURE.flip(0)}, 4),
    "global_branch": lambda: explore_global(X),
    "segments": explore_segments,
    "fusion": explore_fusion,
    "positions": lambda: explore_positions(X),
    "detective": lambda: explore_dials(X),
    "does_it_matter": lambda: explore_study(findings(load())),
    "learning": lambda: explore_levels(
        small_nest(0).eval(), PICTURE.view(3, 8, 24, 3)[:, :, :8, 0], torch.arange(3)
    ),
    "video": lambda: video.explore_look(stored_scorer()),
    "transformer": lambda: explore_words(minilm(), ["A man bites a dog.", "Dogs bite."]),
    "kernels": lambda: explore_tiles(X[:10, :4], X[:10, 4:8], X[:10, 8:11].sigmoid()),
    "capstone": lambda: explore_bug_hunt(X[:12], SUSPECTS),
    "ranks": explore_ring,
}
STATES, TRIES = 5, 4


@pytest.fixture(params=EXPLORERS)
def explorer(request, monkeypatch):
    """One whose figures are what they are drawn from: that is fast, and can be compared."""
    monkeypatch.setattr(video, "frames_of", lambda shots, _: torch.zeros(len(shots), 2, 2, 3))
    explorer = EXPLORERS[request.param]()
    module = inspect.getmodule(explorer._draw)
    for name in [name for name in vars(module) if name.startswith("plot_")]:
        monkeypatch.setattr(
            module, name, lambda *args, **named: form((args, sorted(named.items())))
        )
    return explorer


def form(drawn):
    """With bytes in place of tensors, so that == compares it."""
    if isinstance(drawn, torch.Tensor):
        return drawn.shape, drawn.detach().contiguous().numpy().tobytes()
    if isinstance(drawn, dict):
        return [form(pair) for pair in drawn.items()]
    return [form(each) for each in drawn] if isinstance(drawn, (list, tuple)) else drawn


def every(explorer):
    return {name: list(control.labels) for name, control in explorer._controls.items()}


def walk(explorer, chance):
    """States that a hand may reach: any control at any value that it offers, again and again."""
    state = explorer.state
    for _ in range(STATES):
        yield state
        for name in state:
            offered = every(explorer) | explorer.fitted(state)[1]
            state = explorer.fitted(state | {name: chance.choice(offered[name])})[0]


def others(explorer, chance, state, name, values):
    """What is drawn at some other values of a control, the rest fitted to them."""
    values = [value for value in values if value != state[name]]
    for value in chance.sample(values, min(TRIES, len(values))):
        yield explorer._draw(**explorer.fitted(state | {name: value})[0])


def test_what_is_offered_draws_and_what_makes_no_difference_is_grey(explorer):
    chance = random.Random(0)
    for state in walk(explorer, chance):
        figure, sentence = explorer._draw(**state)
        offered = every(explorer) | explorer.fitted(state)[1]
        for name, values in offered.items():
            if len(values) > 1:
                drawn = others(explorer, chance, state, name, values)
                assert any(each != (figure, sentence) for each in drawn), (name, state)
                continue
            for value in explorer._controls[name].labels:
                with suppress(ValueError):  # it may be grey because that cannot be
                    assert explorer._draw(**state | {name: value})[0] == figure, (name, state)
