"""Every backend of `attention`, from 1024 tokens to 65 536, and on CUDA to a million."""

from collections.abc import Callable, Iterator
from functools import partial

import torch

from attnlib import attention, available_backends
from benchmarks.machine import TOLERANCE, dtype_on
from benchmarks.probe import probed, rising
from benchmarks.timing import spelled

HEADS, HEAD_DIM = 8, 64

HEAD = """\
| backend | L | time | TFLOP/s | of the matrix rate | memory |
|---|---|---|---|---|---|"""


def line(row: dict) -> str:
    if row["not_run"]:
        return f"| {row['backend']} | {row['length']} | not run: {row['not_run']} | | | |"
    return (
        f"| {row['backend']} | {row['length']} | {spelled(row['seconds'])} "
        f"| {row['tflops']:.3g} | {row['share_of_matrix_rate']:.0%} "
        f"| {row['bytes'] / 2**20:.0f} MiB |"
    )


def flops(length: int) -> float:
    """Multiplications and additions of both matrix products, all heads."""
    return 4 * length**2 * HEADS * HEAD_DIM


def backends(device: torch.device) -> tuple[str, ...]:
    """Those to be timed: on a CPU Triton's interpreter only simulates its kernel."""
    left_out = {"triton"} if device.type == "cpu" else set()
    return tuple(name for name in available_backends() if name not in left_out)


def make(backend: str, length: int, device: torch.device) -> Callable[[], torch.Tensor]:
    torch.manual_seed(0)
    size = (3, HEADS, length, HEAD_DIM)
    q, k, v = torch.randn(size, dtype=dtype_on(device), device=device)
    return lambda: attention(q, k, v, backend=backend)[0]


def measure(
    device: torch.device,
    rate: float,
    lengths: tuple[int, ...],
    probe: Callable = probed,
) -> Iterator[dict]:
    """A row a backend and length. `rate`: of one large product in the same dtype, in FLOP/s."""
    check_same(lengths[0], device)
    for backend in backends(device):
        found = rising(lengths, partial(probe, make, backend, device=device))
        for length, row in zip(lengths, found, strict=True):
            row = {"backend": backend, "length": length} | row
            if row["not_run"] is None:
                per_second = flops(length) / row["seconds"]
                row["tflops"] = per_second / 1e12
                row["share_of_matrix_rate"] = per_second / rate
            yield row


def check_same(length: int, device: torch.device) -> None:
    """Only equal outputs are worth timing against each other."""
    close = TOLERANCE[dtype_on(device)]
    with torch.no_grad():
        expected = make("eager", length, device)()
        for backend in backends(device):
            y = make(backend, length, device)()
            torch.testing.assert_close(y, expected, **close, msg=backend)
