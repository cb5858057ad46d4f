"""Without a HOME that can be written, and without a locale, the lessons begin as ever."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from attnlib.course import homeless

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb"))
VARIABLES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "TRITON_HOME")
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>/usr/share/fonts</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>"""
BEGIN = """
import os, sys, warnings
warnings.filterwarnings("ignore", category=EncodingWarning)
warnings.filterwarnings("error", category=EncodingWarning, module="attnlib")
for code in sys.stdin.read().split("# next lesson"):
    exec(code, {})
import matplotlib.pyplot
matplotlib.pyplot.figure().text(0, 0, "a").figure.draw_without_rendering()
from attnlib.course.language import paragraph, speak
speak("zh")
print(paragraph("一。", "二。"))
"""


def environment(**variables):
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return kept | variables


def first_cells():
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        yield next(cell.source for cell in cells if cell.cell_type == "code")


def test_the_first_cell_of_every_lesson_says_what_it_says_at_home(tmp_path):
    home, fonts = tmp_path / "home", tmp_path / "fonts.conf"
    home.write_text("a file, in which nothing can be made", encoding="utf-8")
    fonts.write_text(FONTS, encoding="utf-8")  # the caches of the machine itself are locked, too
    run = subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", BEGIN],
        input="\n# next lesson\n".join(first_cells()).encode(),
        capture_output=True,
        env=environment(HOME=str(home), LC_ALL="C", FONTCONFIG_FILE=str(fonts)),
        cwd=NOTEBOOKS[0].parent,
    )
    assert run.stderr.decode() == ""
    assert run.stdout.decode() == "一。二。\n"


@pytest.fixture
def told(monkeypatch, tmp_path):
    """Call it with this HOME and these variables: what it sets."""

    def call(home, **variables):
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in {"HOME": str(home), **variables}.items():
            monkeypatch.setenv(name, str(value))
        before = dict(os.environ)
        homeless.make_do()
        return {name for name, value in os.environ.items() if before.get(name) != value}

    return call


def test_where_home_can_be_written_nothing_is_set(told, tmp_path):
    assert told(tmp_path) == set()
    assert told(tmp_path, MPLCONFIGDIR=tmp_path / "mine", XDG_CACHE_HOME="") == set()


@pytest.mark.parametrize("home", ["~", "here", "/dev/null/home"])
def test_where_it_cannot_each_gets_a_folder(told, home):
    assert told(home) == {"XDG_CACHE_HOME", "MPLCONFIGDIR", "TRITON_HOME"}
    for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "TRITON_HOME"):
        (Path(os.environ[name]) / "some").write_text("", encoding="utf-8")


def test_only_what_cannot_be_written_is_replaced(told, tmp_path):
    (tmp_path / ".cache").write_text("", encoding="utf-8")
    assert told(tmp_path) == {"XDG_CACHE_HOME", "MPLCONFIGDIR"}
    assert told(tmp_path, XDG_CACHE_HOME=tmp_path / "caches") == set()
    assert told(tmp_path, MPLCONFIGDIR="/dev/null/mine") == {"XDG_CACHE_HOME", "MPLCONFIGDIR"}
