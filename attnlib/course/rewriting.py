"""A file that is written whole or not at all."""

from pathlib import Path


def rewrite(path: Path, text: str) -> None:
    """Replace the file in one move: an interruption leaves the old one or the new. Folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".writing")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
