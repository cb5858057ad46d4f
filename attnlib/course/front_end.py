"""A widget that lives in the browser."""

from pathlib import Path

import anywidget


def with_shared(path: Path) -> str:
    """A widget's code or styles, and before them what all share: it cannot import another file."""
    shared = Path(__file__).with_suffix(path.suffix)
    return shared.read_text(encoding="utf-8") + path.read_text(encoding="utf-8")


class FrontEnd(anywidget.AnyWidget):
    """An anywidget whose text form is that of Python: where no browser is, and for nbval."""

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return data | {"text/plain": repr(self)}, metadata
