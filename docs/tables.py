"""The stored benchmarks as a page: what was measured, on which machine, and what was not run."""

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.machine import name_of
from benchmarks.run import PARTS, title

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
TOP = """# Benchmarks

What `make bench` and `make bench-browser` measured and stored, a machine at a time. Versions that
are compared run in turns; times are medians. Nothing here is estimated: what was not run is named
so.
"""
# To each part of `make bench` a heading, and how to read its table.
READ = {
    "calls": (
        "A small call",
        "Eight heads, 16 tokens, 8 numbers a head: `attention` against PyTorch's kernel alone.",
    ),
    "module": (
        "`GlobalLocalAttention` against the published way",
        "How many times faster than the same network as a loop over heads and segments: once with "
        "the positions rebuilt by every head, as published, and once with them kept.",
    ),
    "dropout": (
        "Attention with dropout",
        "Eight heads of 128 numbers, dropout 0.5 and a bias, forward and backward: how many times "
        "less CPU time than a loop over heads that forms the weights.",
    ),
    "blocks": (
        "`BlockAttention` at the shapes of NesT",
        "How many times faster than the same function written in other ways.",
    ),
    "kernels": (
        "Every backend, from short to long",
        "Eight heads of 64 numbers, the output alone.",
    ),
    "maps": (
        "What a map costs",
        "The output alone; with its exact `pooled(256)`; and with all weights formed.",
    ),
    "tiles": (
        "Tile sizes for the Triton kernels",
        "What `tile_sizes` takes today, and the fastest of all that were tried: a tile's queries × "
        "keys, the warps that work on it, and the stages of its loads.",
    ),
}


def page(results: Path = RESULTS) -> str:
    """The page, as Markdown: a section for each machine's file."""
    parts = [TOP]
    for path in sorted(results.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        parts += _browser(found) if "milliseconds" in found else _machine(found)
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _machine(found: dict) -> Iterator[str]:
    yield f"## {name_of(found['machine'])}"
    yield f"{title(found)}."
    for name, part in PARTS.items():
        if name in found:
            heading, how = READ[name]
            yield f"### {heading}\n\n{how}"
            yield "\n".join([part.HEAD, *map(part.line, found[name])])


def _browser(found: dict) -> Iterator[str]:
    yield f"## In the browser, {name_of(found['machine'])}"
    yield "From a key press to changed pixels, in milliseconds."
    rows = (
        f"| {what} | {times['median']} | {times['largest']} | {times['count']} |"
        for what, times in found["milliseconds"].items()
    )
    yield "\n".join(["| what | median | largest | times |", "|---|---|---|---|", *rows])
