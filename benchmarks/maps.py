"""What a map costs: the output alone, with its map of 256 × 256 cells, and with all weights."""

from collections.abc import Callable, Iterator
from functools import partial

import torch

from attnlib import attention
from benchmarks.machine import dtype_on
from benchmarks.probe import probed, rising
from benchmarks.timing import in_turns, spelled

HEAD_DIM, CELLS = 64, 256
BUDGET = 10  # seconds in which the versions of one length are repeated
LOOKS = {
    "out": lambda out, map: out,
    "out + map": lambda out, map: (out, map.pooled(CELLS)),
    "out + weights": lambda out, map: (out, map.weights()),
}

HEAD = """\
| heads | L | what | time | memory beside q, k and v |
|---|---|---|---|---|"""


def line(row: dict) -> str:
    head = f"| {row['heads']} | {row['length']} | {row['what']}"
    if row["not_run"]:
        return f"{head} | not run: {row['not_run']} | |"
    return f"{head} | {spelled(row['seconds'])} | {row['bytes'] / 2**20:.1f} MiB |"


def make(what: str, heads: int, length: int, device: torch.device) -> Callable[[], object]:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, heads, length, HEAD_DIM, dtype=dtype_on(device), device=device)
    return lambda: LOOKS[what](*attention(q, k, v))


@torch.no_grad()
def measure(
    device: torch.device, lengths: dict[int, tuple[int, ...]], probe: Callable = probed
) -> Iterator[dict]:
    """A row a number of heads, length and look. `lengths` go by heads.

    Each first alone, for its memory; then those that could be run, in turns.
    """
    for heads, rows in lengths.items():
        alone = [rising(rows, partial(probe, make, what, heads, device=device)) for what in LOOKS]
        for length, *found in zip(rows, *alone, strict=True):
            found = dict(zip(LOOKS, found, strict=True))
            took = {what: each["seconds"] for what, each in found.items() if not each["not_run"]}
            repeats = min(25, max(3, int(BUDGET / sum(took.values(), 1e-9))))
            took = in_turns({w: make(w, heads, length, device) for w in took}, repeats)
            for what, each in found.items():
                each["seconds"] = took.get(what)
                yield {"heads": heads, "length": length, "what": what} | each
