"""`make bench`: measure what docs/speed.md states, print it, and store it with the machine's name.

    python -m benchmarks.run                  all parts, on a GPU where there is one
    python -m benchmarks.run blocks maps      those; the others stay as this day's run stored them
    python -m benchmarks.run --device cpu     not on the GPU
    python -m benchmarks.run --rehearse       tiny, on the CPU: it shows that all runs, no more
    python -m benchmarks.run --tables         print what is stored, measure nothing

About ten minutes on two cores, five on a large GPU. A stored file holds one machine:
results/<machine>.json, written after every row.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from benchmarks import blocks, calls, dropout, kernels, maps, module, tiles
from benchmarks.machine import (
    RESULTS,
    dtype_on,
    earlier,
    machine,
    name_of,
    path_of,
    rehearsing,
    store,
)
from benchmarks.sizes import SIZES
from benchmarks.timing import matrix_rate

PARTS = {
    "calls": calls,
    "module": module,
    "dropout": dropout,
    "blocks": blocks,
    "kernels": kernels,
    "maps": maps,
    "tiles": tiles,
}


def main() -> None:
    wanted = arguments()
    device = torch.device(wanted.device)
    about = rehearsing(machine(device)) if wanted.rehearse else machine(device)
    path = path_of(about, wanted.into)
    if wanted.tables:
        print(tables(json.loads(path.read_text(encoding="utf-8"))))
        return
    sizes = SIZES["rehearsal" if wanted.rehearse else device.type]
    rates = {
        dtype: matrix_rate(dtype, device, sizes["product"])
        for dtype in {torch.float32, dtype_on(device)}
    }
    found = earlier(path, about) if wanted.parts else {}
    found |= {"machine": about, "matrix_flops": rates[torch.float32]}
    if device.type == "cuda":
        found["matrix_flops_bfloat16"] = rates[torch.bfloat16]
    print(title(found))
    against = {"module": (rates[torch.float32],), "kernels": (rates[dtype_on(device)],)}
    for name in wanted.parts or PARTS:
        if why := why_not(name, device, sizes):
            print(f"\n{name}: not run, {why}")
            continue
        print(f"\n{PARTS[name].HEAD}", flush=True)
        found[name] = []
        for row in PARTS[name].measure(device, *against.get(name, ()), **sizes[name]):
            found[name].append(row)
            store(path, found)
            print(PARTS[name].line(row), flush=True)
    print(f"\nstored in {path}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run")
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    here = "cuda:0" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=here, choices=("cpu", "cuda:0"))
    parser.add_argument("--rehearse", action="store_true", help="tiny, on the CPU")
    parser.add_argument("--into", type=Path, default=RESULTS, help="folder of the stored file")
    parser.add_argument("--tables", action="store_true", help="print what is stored")
    wanted = parser.parse_args()
    for name in set(wanted.parts) - set(PARTS):
        parser.error(f"a part must be one of {', '.join(PARTS)}, got {name}")
    if wanted.rehearse:
        wanted.device = "cpu"
    return wanted


def why_not(name: str, device: torch.device, sizes: dict) -> str | None:
    """Why a part cannot be measured here; None where it can."""
    if name in ("dropout", "kernels", "maps") and device.type == "cpu" and sys.platform != "linux":
        return "memory is measured on Linux only"
    if name not in sizes:
        return "there is no GPU to choose them for" if name == "tiles" else "it is for a CPU"
    return None


def title(found: dict) -> str:
    """The machine, and what it reaches in one large product, where that was measured."""
    about = found["machine"]
    where = f"{name_of(about)}, PyTorch {about['torch']}, {about['date']}"
    if "rehearsal" in about:
        return f"{where}: {about['rehearsal']}"
    if "matrix_flops" not in found:
        return where
    rates = f"{found['matrix_flops'] / 1e9:.0f} GFLOP/s in a large product of float32"
    if "matrix_flops_bfloat16" in found:
        rates += f", {found['matrix_flops_bfloat16'] / 1e12:.0f} TFLOP/s of bfloat16"
    return f"{where}: {rates}"


def tables(found: dict) -> str:
    """What is stored, as Markdown."""
    parts = [name for name in PARTS if name in found]
    each = ("\n".join([PARTS[n].HEAD, *map(PARTS[n].line, found[n])]) for n in parts)
    return "\n\n".join([title(found), *each])


if __name__ == "__main__":
    main()
