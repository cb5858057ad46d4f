"""How large each part is: on a CPU, on CUDA, and in a rehearsal, which is to show that it runs.

A part's entry is what its `measure` takes besides the device: lengths, and how often a run is
repeated. Those of CUDA together fit into the minutes of `make gpu` on a large GPU.
"""

import torch

from benchmarks.blocks import LEVELS

SIZES = {
    "cpu": {
        "product": 2048,  # edge of the matrices that fill the device
        "calls": {"repeats": 25},
        "module": {"repeats": {320: 25, 1000: 15, 3000: 7}},
        "dropout": {"repeats": {1000: 15, 3000: 7}},
        "blocks": {"pictures": 8, "levels": LEVELS, "repeats": 15},
        "kernels": {"lengths": tuple(4**n for n in range(5, 9))},
        "maps": {"lengths": dict.fromkeys((1, 8), tuple(4**n for n in range(3, 8)))},
    },
    "cuda": {
        "product": 8192,
        "calls": {"repeats": 25},
        "module": {"repeats": {320: 25, 1000: 15, 3000: 7}},
        "blocks": {"pictures": 128, "levels": LEVELS, "repeats": 15},
        "kernels": {"lengths": tuple(4**n for n in range(5, 11))},
        "maps": {"lengths": {1: (4**5, 4**7, 4**9, 4**10), 8: (4**5, 4**7)}},
        "tiles": {
            "dtypes": (torch.bfloat16, torch.float32),  # float16 is like bfloat16
            "head_dims": (64, 128),
            "shapes": {"forward": (8, 2**13), "pool": (1, 2**15)},
        },
    },
    "rehearsal": {
        "product": 64,
        "calls": {"repeats": 1},
        "module": {"repeats": {8: 1}},
        "dropout": {"repeats": {8: 1}},
        "blocks": {"pictures": 1, "levels": {"no published": ((1, 32, 1),)}, "repeats": 1},
        "kernels": {"lengths": (16,)},
        "maps": {"lengths": {1: (16,)}},
        "tiles": {
            "dtypes": (torch.float32,),
            "head_dims": (16,),
            "shapes": {"forward": (1, 40), "pool": (1, 8)},
        },
    },
}
