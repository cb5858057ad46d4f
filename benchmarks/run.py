"""`make bench`: measure what the README states, print it, and store it with the machine's name.

    python -m benchmarks.run          (about six minutes on two cores)

Versions that are compared run in turns, and the medians are divided. A stored file holds one
machine: benchmarks/results/<machine>.json.
"""

import json
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch

from attnlib import GlobalLocalAttention, attention
from benchmarks.looped import LoopedGlobalLocal

RESULTS = Path(__file__).parent / "results"
NETWORK = {
    "input_size": 1024,
    "output_size": 1024,
    "freq": 10000,
    "pos_enc": "absolute",
    "num_segments": 4,
    "heads": 8,
}
REPEATS = {320: 25, 1000: 15, 3000: 7}
LONG = {"heads": 8, "length": 16384, "head_dim": 64, "cells": 256}


def in_turns(versions: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each version, after one turn that does not count."""
    seconds = {name: [] for name in versions}
    for _ in range(repeats + 1):
        for name, run in versions.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(each[1:]) for name, each in seconds.items()}


def machine() -> dict[str, str]:
    """What the figures depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    name = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return {
        "cpu": name.group(1) if name else platform.processor() or platform.machine(),
        "threads": str(torch.get_num_threads()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }


def matrix_rate() -> float:
    """FLOP/s of one large float32 product: the ceiling."""
    a, b = torch.randn(2, 2048, 2048)
    return 2 * 2048**3 / in_turns({"product": lambda: a @ b}, 9)["product"]


def module_flops(length: int) -> float:
    """Multiplications and additions of one forward pass of both branches."""
    width, num_segments = NETWORK["output_size"], NETWORK["num_segments"]
    local = width // num_segments
    projections = 8 * length * NETWORK["input_size"] * (width + local)
    rows = 4 * length * (length * width + length / num_segments * local)
    return projections + rows


def forward(module, x):
    with torch.inference_mode():
        return module(x)


def forward_backward(module, x):
    module.zero_grad()
    module(x)[0].sum().backward()


def bench_module(rate: float) -> list[dict]:
    """GlobalLocalAttention against the same network as loops, positions rebuilt and kept."""
    torch.manual_seed(0)
    ours = GlobalLocalAttention(**NETWORK, fusion="add")
    looped = {
        "rebuilt": LoopedGlobalLocal(**NETWORK),
        "kept": LoopedGlobalLocal(**NETWORK, keep_positions=True),
    }
    for each in looped.values():
        each.load_state_dict(ours.published_state_dict())
    modules = {"ours": ours} | looped
    rows = []
    for length, repeats in REPEATS.items():
        x = torch.randn(length, NETWORK["input_size"])
        for what, training, run in (
            ("forward", False, forward),
            ("forward + backward", False, forward_backward),
            ("training, dropout 0.5", True, forward_backward),
        ):
            for module in modules.values():
                module.train(training)
            if not training:
                _same(modules, x)
            versions = {n: lambda m=m, run=run, x=x: run(m, x) for n, m in modules.items()}
            row = {"length": length, "what": what} | in_turns(versions, repeats)
            if what == "forward":
                row["share_of_matrix_rate"] = module_flops(length) / row["ours"] / rate
            rows.append(row)
            print(_module_line(row), flush=True)
    return rows


def _same(modules, x):
    """Only equal outputs are worth timing against each other."""
    outputs = {name: forward(module, x)[0] for name, module in modules.items()}
    for name, y in outputs.items():
        torch.testing.assert_close(y, outputs["ours"], rtol=1e-3, atol=1e-4, msg=name)


def _module_line(row):
    share = row.get("share_of_matrix_rate")
    return (
        f"| {row['length']} | {row['what']} | {row['ours'] * 1e3:.0f} ms "
        f"| {row['rebuilt'] / row['ours']:.2f} | {row['kept'] / row['ours']:.2f} "
        f"| {f'{share:.0%}' if share else ''} |"
    )


def long_attention() -> dict[str, Callable[[], object]]:
    """An output alone, and with its pooled map, at a length whose weights cannot be stored."""
    torch.manual_seed(0)
    q, k, v = torch.randn(3, LONG["heads"], LONG["length"], LONG["head_dim"])
    return {
        "out": lambda: attention(q, k, v)[0],
        "out_and_map": lambda: attention(q, k, v)[1].pooled(LONG["cells"]),
    }


def bench_map() -> dict:
    """Time of both in turns, and the memory that each takes in processes of its own."""
    with torch.inference_mode():
        found = LONG | in_turns(long_attention(), 5)
    for name in ("out", "out_and_map"):
        command = [sys.executable, "-m", "benchmarks.run", "--memory", name]
        found[f"{name}_bytes"] = [
            int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            for _ in range(5)
        ]
    return found


def extra_memory(name: str) -> int:
    """Bytes this process holds at most during one run, over what it held before (Linux only)."""
    run = long_attention()[name]
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _status("VmRSS")
    with torch.inference_mode():
        run()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s*(\d+) kB", text).group(1)) * 1024


def main() -> None:
    if sys.argv[1:2] == ["--memory"]:
        print(extra_memory(sys.argv[2]))
        return
    about = machine()
    rate = matrix_rate()
    print(f"{about['cpu']}, {about['threads']} threads, torch {about['torch']}: ", end="")
    print(f"{rate / 1e9:.0f} GFLOP/s in a large product\n")
    print("| L | what | attnlib | loops, positions rebuilt | loops, kept | of the matrix rate |")
    print("|---|---|---|---|---|---|")
    module = bench_module(rate)
    long = bench_map() if sys.platform == "linux" else None
    if long:
        extra = max(long["out_and_map_bytes"]) - min(long["out_bytes"])
        print(
            f"\nout + pooled({long['cells']}) at L = {long['length']}, H = {long['heads']}: "
            f"{long['out_and_map'] / long['out']:.2f} times out alone ({long['out']:.2f} s), "
            f"at most {extra / 2**20:.0f} MiB extra"
        )
    slug = re.sub(r"[^a-z0-9]+", "-", f"{about['cpu']} {about['threads']} threads".lower())
    path = RESULTS / f"{slug.strip('-')}.json"
    path.parent.mkdir(exist_ok=True)
    found = {"machine": about, "matrix_flops": rate, "module": module, "map": long}
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\nstored in {path.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
