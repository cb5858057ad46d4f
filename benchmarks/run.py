"""`make bench`: measure what the README states, print it, and store it with the machine's name.

    python -m benchmarks.run                  all four parts, on a GPU where there is one
    python -m benchmarks.run blocks maps      those; the others stay as this day's run stored them
    python -m benchmarks.run --device cpu     not on the GPU
    python -m benchmarks.run --tables         print what is stored, measure nothing

About ten minutes on two cores. A stored file holds one machine: results/<machine>.json.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from benchmarks import blocks, kernels, maps, module
from benchmarks.machine import dtype_on, machine, name_of, path_of
from benchmarks.timing import matrix_rate

PARTS = {"module": module, "blocks": blocks, "kernels": kernels, "maps": maps}
IN_CHILDREN = ("kernels", "maps")


def main() -> None:
    wanted = arguments()
    device = torch.device(wanted.device)
    about = machine(device)
    path = path_of(about)
    if wanted.tables:
        print(tables(json.loads(path.read_text())))
        return
    rates = {dtype: matrix_rate(dtype, device) for dtype in {torch.float32, dtype_on(device)}}
    found = earlier(path, about) if wanted.parts else {}
    found |= {"machine": about, "matrix_flops": rates[torch.float32]}
    if device.type == "cuda":
        found["matrix_flops_bfloat16"] = rates[torch.bfloat16]
    print(title(found))
    measures = {
        "module": lambda: module.measure(device, rates[torch.float32]),
        "blocks": lambda: blocks.measure(device),
        "kernels": lambda: kernels.measure(device, rates[dtype_on(device)]),
        "maps": lambda: maps.measure(device),
    }
    for name in wanted.parts or PARTS:
        if name in IN_CHILDREN and sys.platform != "linux":
            print(f"\n{name}: not run, memory is measured on Linux only")
            continue
        print(f"\n{PARTS[name].HEAD}", flush=True)
        found[name] = []
        for row in measures[name]():
            found[name].append(row)
            print(PARTS[name].line(row), flush=True)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nstored in {path}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run")
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    here = "cuda:0" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", default=here, choices=("cpu", "cuda:0"))
    parser.add_argument("--tables", action="store_true", help="print what is stored")
    wanted = parser.parse_args()
    for name in set(wanted.parts) - set(PARTS):
        parser.error(f"a part must be one of {', '.join(PARTS)}, got {name}")
    return wanted


def earlier(path: Path, about: dict) -> dict:
    """What the same machine stored on the same day: its parts may stand beside new ones."""
    found = json.loads(path.read_text()) if path.exists() else {}
    return found if found.get("machine") == about else {}


def title(found: dict) -> str:
    """The machine, and what it reaches in one large product."""
    about = found["machine"]
    rates = f"{found['matrix_flops'] / 1e9:.0f} GFLOP/s in a large product of float32"
    if "matrix_flops_bfloat16" in found:
        rates += f", {found['matrix_flops_bfloat16'] / 1e12:.0f} TFLOP/s of bfloat16"
    return f"{name_of(about)}, PyTorch {about['torch']}, {about['date']}: {rates}"


def tables(found: dict) -> str:
    """What is stored, as Markdown."""
    parts = [name for name in PARTS if name in found]
    each = ("\n".join([PARTS[n].HEAD, *map(PARTS[n].line, found[n])]) for n in parts)
    return "\n\n".join([title(found), *each])


if __name__ == "__main__":
    main()
