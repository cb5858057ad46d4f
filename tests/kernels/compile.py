"""Compile the Triton kernels for GPUs that need not be here; print what each variant takes.

A line each: kernel, dtype, D, positions, compute capability, bytes of shared memory, bytes of
registers spilled. `tests/test_kernels.py` runs this in a process of its own and reads it.
"""

import re
import subprocess
import tempfile
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from attnlib.kernels import pooling
from attnlib.kernels import triton as ours

PTXAS = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
VARIANTS = [
    ("bf16", 128, None),
    ("bf16", 64, "relative"),
    ("fp16", 256, None),
    ("fp32", 64, None),
    ("fp32", 128, None),
]
SIZES = {  # of both kernels, the second with cells that are smaller and larger than a tile
    "forward": (ours.forward, lambda q: ours.tile_sizes(q, q)),
    "pool": (pooling.pool, lambda q: pooling.tile_sizes(q, q, 1000, 1000)),
    "pool-4x4": (pooling.pool, lambda q: pooling.tile_sizes(q, q, 4, 4)),
    "pool-4x1000": (pooling.pool, lambda q: pooling.tile_sizes(q, q, 4, 1000)),
}


def compiled(kernel, sizes, dtype, head_dim, positions, capability):
    """The kernel as `attend` and `pooled` launch it for tensors of such a kind."""
    constants = sizes(torch.empty(1, 1, head_dim, dtype=DTYPES[dtype]))
    options = {name: constants.pop(name) for name in ("num_warps", "num_stages")}
    constants |= {"POSITIONS": positions, "REDUCE": "max"}
    if positions is None:
        constants |= {"row_rate": None, "col_rate": None}
    names = kernel.arg_names
    constants = {name: value for name, value in constants.items() if name in names}
    types = {"scale": "fp32", "row_rate": "*fp64", "col_rate": "*fp64"}
    types |= {"lse_start": "*fp32", "cells_start": "*fp32"}
    types |= {f"{name}_start": f"*{dtype}" for name in ("q", "k", "v", "out")}
    signature = {n: "constexpr" if n in constants else types.get(n, "i32") for n in names}
    even = [n for n in names if signature[n].startswith("*") or n in ("width", "value_width")]
    source = ASTSource(
        kernel,
        signature,
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={(names.index(name),): [["tt.divisibility", 16]] for name in even},
    )
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


def spilled(ptx, capability):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.ptx"
        file.write_text(ptx)
        name = "sm_90a" if capability == 90 else f"sm_{capability}"
        command = [PTXAS, "-v", "--gpu-name", name, file, "-o", file.with_suffix(".cubin")]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return max(map(int, re.findall(r"(\d+) bytes spill stores", said)))


def main():
    for name, (kernel, sizes) in SIZES.items():
        for variant in VARIANTS:
            for capability in (80, 90):
                made = compiled(kernel, sizes, *variant, capability)
                took = made.metadata.shared, spilled(made.asm["ptx"], capability)
                print(name, *variant, capability, *took, flush=True)


if __name__ == "__main__":
    main()
