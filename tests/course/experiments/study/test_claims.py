"""Sentences follow from findings, and a text that no longer does is found."""

import copy
import json
import re

import pytest

from attnlib.course import language
from attnlib.course.experiments.study import woven
from attnlib.course.experiments.study.claims import CLAIMS, SUBJECTS, digest
from attnlib.course.experiments.study.contrasts import CONTRASTS
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.report import report
from attnlib.course.experiments.study.sentences import CLAUSES, render
from attnlib.course.experiments.study.woven import check, checked, language_of, sentences, weave

from .simulated import results

LOCAL = [each for each in CONTRASTS if (each.task, each.budget) == ("local", 1)]


def truth(cell):
    """Scale × start, as it came out; positions cost the same everywhere."""
    return 75 - 9 * ("| 1 | Xavier" in cell.setting) - 3 * ("| absolute" in cell.setting)


@pytest.fixture(scope="module")
def stored():
    return results(LOCAL, truth, sd=0.7)


@pytest.fixture(scope="module")
def found(stored):
    return findings(stored)


def test_every_contrast_that_is_no_interaction_has_a_claim():
    claimed = {each.key for claim in CLAIMS.values() for each in claim.contrasts}
    assert claimed == {each.key for each in CONTRASTS}
    assert {claim.id for claim in CLAIMS.values()} == set(CLAIMS)
    assert {id_.split(".")[0] for id_ in CLAIMS} == {name.split(".")[0] for name in SUBJECTS}


def test_a_claim_speaks_of_all_conditions_at_once_where_they_agree(found):
    said = render(CLAIMS["positions.local"], found)
    assert said.startswith(
        "On local, adding absolute positions to the scores (the mean of with and without the "
        "scale): costs points in each of 8 conditions, 2."
    )
    assert said.endswith("(NesT's start; PGL-SUM's start). (20 seeds, 95 % intervals.)")


def test_a_claim_names_its_conditions_where_an_interaction_is_there(found):
    said = render(CLAIMS["scale.local"], found)
    assert re.search(r"costs points in each of 4 conditions, [^(]* \(PGL-SUM's start\);", said)
    assert re.search(r"changes less than 1 point in .* \(NesT's start\);", said)
    assert "the start makes a difference in 4 of 4 comparisons, of 8" in said


def test_all_of_one_verdict_are_not_spoken_of_at_once_over_an_interaction():
    def both_cost(cell):
        return 75 - 4 * ("| 1 |" in cell.setting) - 6 * ("| 1 | Xavier" in cell.setting)

    said = render(CLAIMS["scale.local"], findings(results(LOCAL, both_cost, sd=0.7)))
    assert said.count("costs points in each of 4 conditions") == 2
    assert "each of 8" not in said


def test_an_interaction_that_is_a_mean_of_several_is_looked_at_and_not_said():
    """The start turns the effect up with the scale, not without: their mean says little."""

    def turned(cell):
        sees, scale, start = (*cell.setting.split(" | "), "", "")[:3]
        return 60 + (sees == "own") * (8 if scale == "1" or start == "normal .02" else 2)

    found = findings(results(LOCAL, turned, sd=0.7))
    claim = CLAIMS["own_group.one.local"]
    assert all(found[each.key].verdict == "effect" for each in claim.interactions)
    said = render(claim, found)
    assert said.count("gains ") == 4 and "makes a difference" not in said
    pair = render(CLAIMS["scale.own.local"], found)
    assert re.search(r"the start makes a difference of [56]\.\d points", pair)


def test_what_an_effect_is_a_mean_over_is_said(found):
    for id_, over in {
        "scale.local": "(the mean of without and with positions in the scores)",
        "positions.local": "(the mean of with and without the scale)",
    }.items():
        assert over in render(CLAIMS[id_], found)
    for id_ in ("fusion.avg.local", "query_bias.local", "wide_heads.local", "ends.local"):
        assert "the mean of" not in render(CLAIMS[id_], found)


def test_costs_and_gains_do_not_agree():
    def either(cell):
        return 75 + (3 if "Xavier" in cell.setting else -3) * ("avg" in cell.setting)

    said = render(CLAIMS["fusion.avg.local"], findings(results(LOCAL, either, sd=0.7)))
    assert re.search(r"costs 3\.\d points \[[^(]*\], from 74 to 71 % \(NesT's start\)", said)
    assert re.search(r"gains \d\.\d points \[[^(]*\], from 74 to 77 % \(PGL-SUM's start\)", said)


def test_a_claim_of_one_sort_of_branches_speaks_of_it_alone(found):
    claim = CLAIMS["scale.all_own.local"]
    assert len(claim.conditions) == 2 and len(claim.interactions) == 1
    said = render(claim, found)
    assert said.startswith("On local, branches all + own, leaving out the scale (the mean of ")
    assert "the start makes a difference of " in said
    assert "own + own" not in said


def test_a_group_that_does_not_agree_names_those_that_do():
    def one_only(cell):
        return 75 - 9 * cell.setting.startswith("own | 1 | Xavier")

    said = render(CLAIMS["scale.local"], findings(results(LOCAL, one_only, sd=0.7)))
    assert re.search(r"costs \d\.\d points [^(]* % \(branch own, PGL-SUM's start\);", said)
    where = "(PGL-SUM's start: branches all + own; branches own + own; branch all)"
    assert re.search(rf"less than 1 point in each of 3 [^(]* {re.escape(where)}", said)


def test_what_was_not_run_is_said(found):
    said = render(CLAIMS["scale.mnist"], found)
    assert said == "On mnist: what leaving out the scale does has not been measured with all " + (
        "planned seeds."
    )
    partly = {key: finding for key, finding in found.items() if "own + own" not in key}
    said = render(CLAIMS["scale.local"], partly)
    assert said.endswith("; 2 more conditions have not been run. (20 seeds, 95 % intervals.)")
    assert "in each of" not in said  # no sentence of all


def test_budgets_are_named():
    more = [each for each in CONTRASTS if (each.task, each.budget) == ("local", 4)]
    said = render(CLAIMS["scale.local.4x"], findings(results(more, sd=0.7)))
    assert said.startswith("On local with 4 times the steps, ")


def cells_of(id_):
    return sorted({cell for each in CLAIMS[id_].contrasts for _, cell in each.terms})


@pytest.mark.parametrize("id_", ["scale.local", "positions.local", "fusion.max.local"])
def test_a_cell_moved_by_five_points_fails_the_check(id_, stored, found):
    text = weave(f"So: <!--claim:{id_}--><!--/claim-->", sentences(found))
    assert check(text, sentences(found)) == []
    claim = CLAIMS[id_]
    families = {each.family for each in claim.contrasts}
    asked = [each for each in CONTRASTS if each.family in families]
    for cell in cells_of(id_):
        moved = copy.deepcopy(stored)
        for run in moved.runs:
            if (run["task"], run["setting"], run["budget"]) == cell:
                run["accuracies"] = [share + 0.05 for share in run["accuracies"]]
        now = findings(moved, asked)
        said = {id_: (render(claim, now), digest(claim, now))}
        assert check(text, said)[0].startswith(f"1: claim {id_} does not follow; the results give")


def test_weaving_writes_what_the_check_accepts(found):
    said = sentences(found)
    text = "# A\n\n<!--claim:scale.local-->old\nwords<!--/claim--> and <!--claim:merge.local-->"
    text += "<!--/claim-->.\n"
    once = weave(text, said)
    assert render(CLAIMS["scale.local"], found) in once and "old" not in once
    assert weave(once, said) == once and check(once, said) == []
    assert [fault.split(":")[0] for fault in check(text, said)] == ["3", "4"]
    edited = once.replace("costs", "gains")
    assert "claim scale.local does not follow" in check(edited, said)[0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("fine\nthe scale matters", "2: a claim outside of a marker: the scale matters"),
        ("There is no difference.", "1: a claim outside of a marker"),
        ("两者无差别。", "1: a claim outside of a marker"),
        ("<!--claim:scale.local-->half", "1: a marker without its other half"),
        ("half<!--/claim-->", "1: a marker without its other half"),
        ("<!--claim:scale.lokal--><!--/claim-->", "1: there is no claim 'scale.lokal'"),
    ],
)
def test_the_check_finds(text, fault, found):
    assert [each[: len(fault)] for each in check(text, sentences(found))] == [fault]


def test_the_check_lets_pass(found):
    assert check("What a matter; differences are there. 差别", sentences(found)) == []


def test_notebooks_are_woven_in_their_prose_alone(tmp_path, found):
    said, path = sentences(found), tmp_path / "lesson.ipynb"
    mark = "<!--claim:scale.local-->\n<!--/claim-->"
    cells = [
        {"cell_type": "markdown", "id": "a1", "source": ["Text.\n", mark]},
        {"cell_type": "code", "id": "b2", "source": [f'"{mark}"  # matters']},
    ]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert [fault.split(":")[0] for fault in checked(path, said)] == [f"{path}, cell a1"]
    path.write_text(woven.woven(path, said), encoding="utf-8")
    assert checked(path, said) == []
    markdown, code = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert render(CLAIMS["scale.local"], found) in "".join(markdown["source"])
    assert code == cells[1]


def test_a_file_in_chinese_is_known_by_its_name(tmp_path):
    assert language_of(tmp_path / "reply.zh.md") == "zh"
    assert language_of(tmp_path / "zh" / "reply.md") == "zh"
    assert language_of(tmp_path / "README.md") == "en"


def test_the_command(tmp_path, monkeypatch, capsys, stored):
    path = tmp_path / "README.md"
    path.write_text("<!--claim:scale.local--><!--/claim-->\n", encoding="utf-8")
    monkeypatch.setattr(woven, "load", lambda: stored)

    def called(*arguments):
        monkeypatch.setattr("sys.argv", ["woven", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            woven.main()
        return ended.value.code, capsys.readouterr().out

    assert called("--check", path)[0] == 1
    assert called("--weave", path)[0] == 0
    assert called("--check", path) == (0, "\n")
    assert "[scale.local] On local, " in called()[1]


def test_each_sentence_has_the_places_that_are_filled(found):
    for one, several in CLAUSES.values():
        shared = {"{where}", "{low}", "{high}"}
        assert all(place in one and place in several for place in shared)


def test_the_report_is_of_all_that_was_run(stored, found):
    text = report(stored, found)
    assert "scale, on local, 1×: 12 of 12 contrasts" in text
    assert "finds" in text and "of other pictures" in text
    assert f"{len(LOCAL)} of {len(CONTRASTS)} contrasts" in text
    assert language.language() == "en"
