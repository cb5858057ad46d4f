"""A widget that lives in the browser."""

from itertools import chain
from pathlib import Path

import anywidget

from attnlib.course.language import catalogue, language

HERE = Path(__file__).parent


def with_shared(*paths: Path) -> str:
    """A widget's code or styles in one: a widget cannot import another file. See `sources`."""
    return "".join(each.read_text(encoding="utf-8") for each in sources(*paths))


def sources(*paths: Path) -> list[Path]:
    """The files that a widget is made of: what all share, and then each of these.

    The parts of a file come before it, in the order of their names: they lie in the folder of its
    name, `viewer/` for viewer.js.
    """
    kind = paths[0].suffix
    parts = [[*sorted(path.with_suffix("").glob(f"*{kind}")), path] for path in paths]
    return [Path(__file__).with_suffix(kind), *chain(*parts)]


def translations(*paths: Path) -> dict[str, str]:
    """English message -> what a widget made of these says, in the language that is spoken now."""
    said = {}
    for each in sources(*paths):
        said |= catalogue(language(), each.relative_to(HERE).as_posix())
    return said


class FrontEnd(anywidget.AnyWidget):
    """An anywidget whose text form is that of Python: where no browser is, and for nbval."""

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return data | {"text/plain": repr(self)}, metadata
