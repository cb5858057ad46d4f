"""What is asked: contrasts add up, and every cell serves one."""

from collections import Counter

import pytest

from attnlib.course.experiments.study.contrasts import (
    CONTRASTS,
    MANY_SEEDS,
    crossed,
    planned,
)
from attnlib.course.experiments.study.design import (
    LEVELS,
    SETTINGS,
    STARTS,
    Cell,
    base,
    core,
    satellite,
)

BY_KEY = {contrast.key: contrast for contrast in CONTRASTS}


def test_each_contrast_has_a_key_of_its_own():
    assert len(BY_KEY) == len(CONTRASTS)


@pytest.mark.parametrize("contrast", CONTRASTS, ids=lambda contrast: contrast.key)
def test_a_contrast_compares(contrast):
    weights = [weight for weight, _ in contrast.terms]
    assert sum(weights) == pytest.approx(0)
    assert sum(map(abs, weights)) == pytest.approx(4 if contrast.interaction else 2)
    cells = [cell for _, cell in contrast.terms]
    assert len(set(cells)) == len(cells)
    assert {cell.setting for cell in cells} <= set(SETTINGS)
    assert {(cell.task, cell.budget) for cell in cells} == {(contrast.task, contrast.budget)}


def test_an_effect_is_the_mean_over_what_is_not_held():
    levels = {**LEVELS, "positions": ("none", "absolute")}
    turned, where = {"scale": ("1/√D", "1")}, {"sees": "own", "start": "normal .02"}
    terms = crossed("local", 1, levels, turned, where)
    assert {cell: weight for weight, cell in terms} == {
        Cell("local", core("own", "1/√D", "normal .02", "none")): -0.5,
        Cell("local", core("own", "1/√D", "normal .02", "absolute")): -0.5,
        Cell("local", core("own", "1", "normal .02", "none")): 0.5,
        Cell("local", core("own", "1", "normal .02", "absolute")): 0.5,
    }


def test_an_interaction_is_a_difference_of_differences():
    contrast = BY_KEY["wide_heads | scale × start | D 64 | local | 1×"]
    weights = {cell.setting: weight for weight, cell in contrast.terms}
    assert weights[core("all + own", "1", "normal .02") + " | D 64"] == 1
    assert weights[core("all + own", "1/√D", "normal .02") + " | D 64"] == -1
    assert weights[core("all + own", "1", "Xavier √2") + " | D 64"] == -1


def test_a_half_of_the_biases_tells_each_of_the_three():
    contrast = BY_KEY["biases | no_query_bias | Xavier √2 | local | 1×"]
    for weight, cell in contrast.terms:
        dials = SETTINGS[cell.setting].dials
        assert weight == (-0.5 if dials["query_bias"] else 0.5)
        others = Counter(
            SETTINGS[other.setting].dials["output_bias"] for _, other in contrast.terms
        )
        assert others == {True: 2, False: 2}


def test_every_dial_that_changes_a_network_is_turned_by_some_setting():
    turned = {
        (dial, value)
        for setting in SETTINGS.values()
        if setting.dials
        for dial, value in setting.dials.items()
    }
    notation = ("input", "projections", "returned")
    assert len({dial for dial, _ in turned if dial not in notation}) == 12
    assert {value for dial, value in turned if dial == "fusion"} == {
        *(None, "add", "mult", "avg", "max"),
    }


def test_every_cell_serves_a_contrast_and_has_its_seeds():
    cells = {each.cell: each for each in planned()}
    for contrast in CONTRASTS:
        assert all(cells[cell].seeds >= contrast.seeds for _, cell in contrast.terms)
    for each in cells.values():
        wanted = [c.seeds for c in CONTRASTS if each.cell in [cell for _, cell in c.terms]]
        assert each.seeds == max(wanted)
    assert cells[Cell("local", base(STARTS[0]))].seeds == MANY_SEEDS
    assert cells[Cell("local", satellite("avg", STARTS[1]))].seeds == MANY_SEEDS


def test_the_core_has_the_whole_factorial_on_local():
    core_cells = {each.cell for each in planned(c for c in CONTRASTS if c.core)}
    names = {cell.setting for cell in core_cells if cell.task == "local"}
    assert sum(name in names for name in SETTINGS if name.count("|") == 3) >= 32
    assert {cell.task for cell in core_cells} == {"local", "global"}
