"""The figures' fonts can show Chinese, and what DejaVu has comes from DejaVu."""

import warnings

import matplotlib.pyplot as plt
import pytest

from attnlib.course.figures.fonts import CJK
from attnlib.course.figures.style import STYLE, closed
from attnlib.course.widgets.explorer import png

CHINESE = "注意力权重，每个头：（区块）“图块”！"


def drawn(text, style=STYLE, **options):
    with plt.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("error")  # "Glyph … missing from font(s)"
        figure = plt.figure(figsize=(4, 1))
        figure.text(0, 0.5, text, **options)
        return png(closed(figure))


def test_chinese_is_drawn_without_an_empty_box():
    assert drawn(CHINESE) != drawn(CHINESE[::-1])  # boxes would all look alike


def test_without_the_font_it_would_warn():
    with pytest.raises(UserWarning, match="missing from font"):
        drawn(CHINESE, STYLE | {"font.family": ["DejaVu Sans"]})


def test_english_looks_as_without_it():
    english = "weights αβ √D − q·k ⟦x⟧ 0.25"
    assert drawn(english) == drawn(english, STYLE | {"font.family": ["DejaVu Sans"]})


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_a_figure_finds_its_fonts_without_a_word(caplog, weight):
    drawn(f"weights {CHINESE}", weight=weight)
    assert caplog.messages == []


def test_it_is_small_and_comes_with_its_licence():
    assert CJK.stat().st_size < 1e6
    licence = CJK.with_name("OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
