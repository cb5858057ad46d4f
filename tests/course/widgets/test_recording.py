"""A recorded explorer: every state with its sentence and its picture, moved as the live one."""

from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from attnlib.course.widgets.controls import choice, slider
from attnlib.course.widgets.explorer import Explorer, png
from attnlib.course.widgets.recording import SHARP, record


def bars(kind, level):
    """Two figures, of two sizes; one state cannot be drawn."""
    if (kind, level) == ("tall", 3):
        raise ValueError("level=3 is too much")
    figure = Figure(figsize=(3, 3 if kind == "tall" else 2))
    same, other = figure.subplots(1, 2)
    same.imshow(np.arange(400).reshape(20, 20) * 37 % 101)
    other.bar([0, 1], [level, 1], color="#0072b2")
    return figure, f"{kind} at {level}"


@pytest.fixture
def explorer():
    """Level 0 is offered by `low` alone."""
    controls = {"kind": choice("kind", "low", ("low", "tall")), "level": slider("level", 2, 0, 3)}
    offers = {"level": lambda kind, level: range(4) if kind == "low" else (1, 3)}
    return Explorer("e", bars, controls, offers)


def pixels(explorer, layers):
    """What a browser shows: the layers one over the other."""
    images = [Image.open(BytesIO(explorer.pictures[a:b])).convert("RGBA") for a, b in layers]
    for image in images[1:]:
        images[0].alpha_composite(image)
    return np.asarray(images[0].convert("RGB")).astype(int)


def test_it_holds_every_state_that_is_offered_with_its_sentence(explorer):
    held = record(explorer).record
    assert held["start"] == "0,2"
    assert set(held["states"]) == {"0,0", "0,1", "0,2", "0,3", "1,1", "1,3"}
    for state in explorer.states():
        placed = explorer.placed(state)
        sentence, open_, _ = held["states"][",".join(map(str, placed["at"].values()))]
        assert sentence == explorer.drawn(state)[1]
        assert held["opens"][open_] == placed["open"]
    assert held["states"]["1,3"][2] == [[], []]  # it cannot be drawn


def test_its_pictures_are_those_of_the_figures(explorer):
    held = record(explorer).record["states"]
    for key, state in zip(held, explorer.states(), strict=True):
        figure, _ = explorer.drawn(state)
        if figure:
            drawn = np.asarray(Image.open(BytesIO(png(figure, SHARP))).convert("RGB")).astype(int)
            wrong = abs(pixels(explorer, held[key][2][0]) - drawn)
            assert np.quantile(wrong, 0.99) <= 8 and wrong.mean() < 0.5, key  # in 256 colours


def test_what_is_alike_in_two_pictures_is_kept_once(explorer):
    ranges = [layers for _, _, (layers, _) in record(explorer).record["states"].values() if layers]
    first = ranges[0][0]
    assert sum(layers[0] == first for layers in ranges) == 4  # all of that size
    assert all(b - a < (first[1] - first[0]) / 2 for _, (a, b) in ranges[1:4])


def test_a_move_that_moves_others_is_kept_as_it_came_out(explorer):
    fitted = record(explorer).record["fitted"]
    assert fitted["1,2"] == explorer_key(explorer, kind="tall", level=2) == "1,1"
    assert fitted["1,0"] == "1,1"
    assert "1,3" not in fitted  # it may stay


def explorer_key(explorer, **state):
    return ",".join(map(str, explorer.placed(state)["at"].values()))


def test_of_fewer_states_the_controls_offer_fewer_values():
    controls = {"kind": choice("kind", "low", ("low", "tall")), "level": slider("level", 2, 0, 3)}
    recorded = [{"kind": kind, "level": level} for kind in ("low", "tall") for level in (0, 1)]
    held = record(Explorer("e", bars, controls, recorded=recorded)).record
    assert len(held["states"]) == 5  # where it stands as well
    assert {tuple(each["level"]) for each in held["opens"]} == {(0, 1, 2)}


def test_the_widget_stays_where_it_was_and_the_same_is_recorded_again(explorer):
    before = (explorer.state, explorer.sentence, explorer.picture)
    first = (record(explorer).record, explorer.pictures)
    assert (explorer.state, explorer.sentence, explorer.picture) == before
    assert (record(explorer).record, explorer.pictures) == first
