"""The pair of the site's first page, and of the README: its numbers, its words, its picture."""

import contextlib
import io
import json
import re

import pytest
import torch
from PIL import Image

from attnlib.course import data
from docs import first, pair, pair_picture
from notebooks.execute import HERE, read

ROOT = HERE.parent
INDEX = (ROOT / "docs/index.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
LARGEST = 400_000  # bytes of the README's picture


@pytest.fixture(scope="module")
def levels():
    return pair.levels()


@pytest.fixture(scope="module")
def page(levels):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first, "levels", lambda: levels)
        return first.html()


def together():
    """(L, L): whether two patches, counted row by row, lie in one block."""
    rows, columns = torch.arange(64) // 8 // 4, torch.arange(64) % 8 // 4
    block = 2 * rows + columns
    return block[:, None] == block


def test_nest_sees_its_own_block_exactly_and_pglsum_all(levels):
    nest, pglsum = levels[pair.NEST], levels[pair.PGLSUM]
    assert (nest > 0).equal(together())
    assert pglsum.min() >= 1
    assert max(nest.max(), pglsum.max()) == pair.STEPS
    # Where both branches meet it is brighter.
    assert pglsum[together()].float().mean() > pglsum[~together()].float().mean() + 2


def test_it_is_what_lesson_00_computes(levels):
    cells = read(HERE / "00_two_cousins.ipynb").cells
    (said,) = [text for text in map(str, cells) if "explore_influence: Token" in text]
    nest, pglsum = (int((levels[style][first.START] > 0).sum()) for style in pair.STYLES)
    assert divmod(first.START, 8) == (2, 3) and "(row 2, column 3)" in said
    assert f"NesT style: {nest} of 64, PGL-SUM style: {pglsum} of 64" in said


def test_the_brighter_the_less_is_hidden():
    hides = [share for _, share in pair.COVERS]
    assert hides == sorted(hides, reverse=True)
    assert hides[0] == 1 and hides[-1] == 0 and len(hides) == pair.STEPS + 1


def test_the_page_holds_each_number_once_and_both_sentences_filled(page, levels):
    (script,) = re.findall(r"<script[^>]*>(.*?)</script>", page)
    numbers = json.loads(script)
    for style in pair.STYLES:
        rows = [list(map(int, row)) for row in numbers["levels"][style]]
        assert torch.tensor(rows).equal(levels[style].long())
    shown = page.replace(script, "")
    assert "{" not in shown
    assert "Row 3, column 4" in shown and "第 3 行第 4 列" in shown
    assert len(page) < 40_000 and "\n\n" not in page


def test_both_languages_ask_for_the_same_numbers():
    names = [set(re.findall(r"\{(\w+)\}", text)) for text in first.SAID.values()]
    assert names[0] == names[1]


def test_what_stands_in_one_language_stands_in_the_other():
    tongues = re.findall(r'<div[^>]* lang="([^"]+)">', INDEX)
    assert tongues == ["en", "zh-Hans"] * 5
    for heading in re.findall("^## (.+)", INDEX, re.MULTILINE):
        assert re.findall(r'<span lang="([^"]+)">', heading) == ["en", "zh-Hans"]


def test_the_code_of_the_first_page_runs_and_says_that():
    (code,) = re.findall(r"^```python\n(.*?)^```$", INDEX, re.DOTALL | re.MULTILINE)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, {})
    number = re.compile(r"1e-\d+")
    said = number.sub("1e-14", out.getvalue().partition("\n")[0])
    assert f"# {said}\n" in code


def test_the_photograph_is_free():
    assert "public domain" in data.PHOTOGRAPHS[pair.PHOTOGRAPH]
    assert first.photograph().size == (first.DOTS, first.DOTS)


@pytest.mark.parametrize("name", pair_picture.SAID)
def test_the_picture_of_the_readme_is_small_and_moves_and_is_told(name):
    path = pair_picture.HERE / name
    with Image.open(path) as picture:
        assert picture.width == 800 and picture.n_frames == len(pair_picture.WALK) == 8
    assert path.stat().st_size <= LARGEST
    readme = path.with_suffix(".md").name.replace("pair", "README")
    text = (pair_picture.HERE.parent / readme).read_text(encoding="utf-8")
    (alt,) = re.findall(rf"!\[([^\]]+)\]\(docs/{re.escape(name)}\)", text)
    assert "NesT" in alt and "PGL-SUM" in alt and len(alt) > 80


@pytest.mark.parametrize("name", pair_picture.SAID)
def test_a_frame_shows_the_patch_and_says_what_it_sees(levels, name):
    photograph = data.photograph(pair.PHOTOGRAPH, 32, 32)
    figure = pair_picture.frame(photograph, levels, 8 * 4 + 6, pair_picture.SAID[name])
    for axis, seen in zip(figure.axes, ("16", "64"), strict=True):
        (words,) = axis.texts
        assert re.findall(r"\d+", words.get_text())[:2] in ([seen, "64"], ["64", seen])
        *covers, own, _, chosen = axis.patches
        assert len(covers) == 64
        assert own.get_xy() == (4, 4) and own.get_width() == 4
        assert chosen.get_xy() == (6, 4) and chosen.get_width() == 1


def test_the_walk_leaves_its_block_and_stays_on_the_photograph():
    assert all(0 <= place < 8 for step in pair_picture.WALK for place in step)
    assert len({(row // 4, column // 4) for row, column in pair_picture.WALK}) == 4
