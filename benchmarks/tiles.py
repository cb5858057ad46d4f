"""Other tile sizes for the Triton kernels than today's: what a `tile_sizes` is to be chosen by.

Each candidate gives what today's tiles give, or is not timed. The shapes are long enough to fill a
GPU; on a CPU only the interpreter can run these kernels, and its times mean nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from unittest import mock

import torch

from benchmarks.machine import TOLERANCE
from benchmarks.probe import reason
from benchmarks.timing import seconds, spelled

NAMES = ("TILE_Q", "TILE_K", "num_warps", "num_stages")
# By the bytes of a number. Compiled for an H100 none of them needs more than 160 KB of shared
# memory; some spill registers.
CANDIDATES = {
    2: (
        (128, 64, 8, 2),
        (128, 64, 8, 3),
        (128, 64, 4, 2),
        (128, 128, 8, 2),
        (128, 32, 4, 3),
        (64, 64, 4, 3),
    ),
    4: (
        (64, 32, 8, 2),
        (64, 64, 8, 2),
        (32, 64, 8, 2),
        (32, 32, 8, 2),
        (32, 32, 4, 2),
    ),
}
CELLS = 256  # of the pooled map, along each side

HEAD = """\
| kernel | dtype | D | today: queries × keys, warps, stages | time | best | time | gain | ran |
|---|---|---|---|---|---|---|---|---|"""


def line(row: dict) -> str:
    head = f"| {row['kernel']} | {row['dtype']} | {row['head_dim']}"
    if row["not_run"]:
        return f"{head} | not run: {row['not_run']} | | | | | |"
    tried = row["tried"]
    ran = [each for each in tried if each["not_run"] is None]
    today, best = tried[0], min(ran, key=lambda each: each["seconds"])
    gain = f"{today['seconds'] / best['seconds']:.2f} ×"
    return f"{head} | {_cells(today)} | {_cells(best)} | {gain} | {len(ran)} of {len(tried)} |"


def _cells(candidate):
    tile_q, tile_k, warps, stages = candidate["tiles"]
    return f"{tile_q} × {tile_k}, {warps}, {stages} | {spelled(candidate['seconds'])}"


def measure(
    device: torch.device,
    dtypes: tuple[torch.dtype, ...],
    head_dims: tuple[int, ...],
    shapes: dict[str, tuple[int, int]],
) -> Iterator[dict]:
    """A row a dtype, kernel and width of heads. `shapes`: heads and tokens of each kernel."""
    timed = by_events if device.type == "cuda" else seconds
    for dtype, kernel, head_dim in product(dtypes, shapes, head_dims):
        heads, length = shapes[kernel]
        torch.manual_seed(0)
        q, k, v = torch.randn(3, heads, length, head_dim, device=device).to(dtype)
        row = {"kernel": kernel, "dtype": str(dtype).removeprefix("torch."), "head_dim": head_dim}
        row |= {"heads": heads, "length": length}
        try:
            run, sizes = MAKE[kernel](q, k, v)
            today = tuple(sizes[name] for name in NAMES)
            tried = compared(run, (today, *CANDIDATES[dtype.itemsize]), timed)
            row |= {"tried": tried, "not_run": None}
        except Exception as error:
            row |= {"tried": [], "not_run": reason(error)}
        yield row


def forward(q, k, v):
    from attnlib.kernels import triton  # here, because it has wheels for Linux only

    call = partial(triton.attend, q, k, v, bias=None, mask=None, dropout=0.0)
    return lambda: call(scale=q.shape[-1] ** -0.5)[0], triton.tile_sizes(q, v)


def pool(q, k, v):
    from attnlib.kernels import pooling, triton

    terms = {"scale": q.shape[-1] ** -0.5, "bias": None, "mask": None}
    lse = triton.attend(q, k, v, dropout=0.0, **terms)[1]
    whole, cells = slice(0, q.shape[-2]), min(CELLS, q.shape[-2])
    sizes = pooling.tile_sizes(q, k, *[q.shape[-2] / cells] * 2)
    return lambda: pooling.pooled(q, k, lse, whole, whole, cells, cells, "mean", **terms), sizes


# A function that launches that kernel, and no other; and what it is launched with today.
MAKE = {"forward": forward, "pool": pool}


def compared(
    run: Callable[[], torch.Tensor], candidates: tuple[tuple[int, ...], ...], timed: Callable
) -> list[dict]:
    """Seconds of each candidate, or why it was not run. The first is today's, and is right."""
    with tiled(candidates[0]):
        expected = run()
    tried = []
    for tiles in dict.fromkeys(candidates):
        found = {"tiles": list(tiles), "seconds": None, "not_run": None}
        try:
            with tiled(tiles):
                check_same(run(), expected)
                found["seconds"] = timed(run)
        except Exception as error:  # it does not compile, or needs more than this GPU has
            found["not_run"] = reason(error)
        tried.append(found)
    return tried


def check_same(got: torch.Tensor, expected: torch.Tensor) -> None:
    """In units of what is usual there: cells of a long map are all small."""
    unit = expected.abs().mean()
    torch.testing.assert_close(got / unit, expected / unit, **TOLERANCE[expected.dtype])


@contextmanager
def tiled(tiles: tuple[int, ...]) -> Iterator[None]:
    """Inside, both kernels are launched with these tiles."""
    from attnlib.kernels import pooling, triton

    def replaced(usual):
        return lambda *args: usual(*args) | dict(zip(NAMES, tiles, strict=True))

    with (
        mock.patch.object(triton, "tile_sizes", replaced(triton.tile_sizes)),
        mock.patch.object(pooling, "tile_sizes", replaced(pooling.tile_sizes)),
    ):
        yield


def by_events(run: Callable[[], torch.Tensor]) -> float:
    """Median seconds on the GPU, its cache emptied before each run."""
    from triton.testing import do_bench

    return do_bench(run, warmup=10, rep=50, return_mode="median") / 1e3
