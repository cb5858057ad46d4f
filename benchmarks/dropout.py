"""Attention with dropout on a CPU, forward and backward: against a loop over heads, and eager."""

from collections.abc import Callable, Iterator
from statistics import quantiles

import torch
import torch.nn.functional as F

from attnlib import attention
from benchmarks.probe import probed
from benchmarks.timing import cpu_turns, spelled

HEADS, HEAD_DIM, DROPOUT = 8, 128, 0.5  # PGL-SUM's global branch
LOOP = "a loop over heads"

HEAD = """\
| L | what | CPU time | against a loop over heads: median and quartiles | memory beside its inputs |
|---|---|---|---|---|"""


def line(row: dict) -> str:
    low, middle, high = row["ratios"]
    head = f"| {row['length']} | {row['what']} | {spelled(row['seconds'])}"
    memory = row["not_run"] or f"{row['bytes'] / 2**20:.0f} MiB"
    return f"{head} | {middle:.2f} × ({low:.2f} to {high:.2f}) | {memory} |"


def loop(q, k, v, bias):
    """As the published code: the weights of one head after the other."""
    weights = (F.dropout((a @ b.mT + bias).softmax(-1), DROPOUT) for a, b in zip(q, k, strict=True))
    return torch.stack([of_head @ c for of_head, c in zip(weights, v, strict=True)])


def by(backend):
    return lambda q, k, v, bias: attention(
        q, k, v, scale=1.0, bias=bias, dropout=DROPOUT, backend=backend
    )[0]


VERSIONS = {"attnlib": by("auto"), "attnlib, eager": by("eager"), LOOP: loop}


def make(what: str, length: int, device: torch.device) -> Callable[[], object]:
    """Forward and backward; the bias, as kept positions, gets no gradient."""
    torch.manual_seed(0)
    q, k, v, g = torch.randn(4, HEADS, length, HEAD_DIM, device=device)
    bias = torch.randn(length, length, device=device)

    def run():
        with torch.enable_grad():
            leaves = [(0.1 * x).requires_grad_() for x in (q, k, v)]
            return torch.autograd.grad(VERSIONS[what](*leaves, bias), leaves, g)

    return run


def measure(
    device: torch.device, repeats: dict[int, int], probe: Callable = probed
) -> Iterator[dict]:
    """A row a length and version, its ratios turn by turn; `repeats` go by length."""
    for length, times in repeats.items():
        took = cpu_turns({what: make(what, length, device) for what in VERSIONS}, times)
        for what, turns in took.items():
            found = probe(make, what, length=length, device=device)
            ratios = [theirs / ours for theirs, ours in zip(took[LOOP], turns, strict=True)]
            ratios = quantiles(ratios, method="inclusive") if times > 1 else ratios * 3
            found["seconds"] = quantiles(turns, method="inclusive")[1] if times > 1 else turns[0]
            yield {"length": length, "what": what} | found | {"ratios": ratios}
