"""What the performance figures of docs/speed.md come from: `make bench`, and `make gpu` on a GPU.

`run.py` measures these parts, one a file, and stores what it found in results/:

1. `module.py`: GlobalLocalAttention against the same network written as loops (`looped.py`).
2. `dropout.py`: attention with dropout against forming the weights, on a CPU only.
3. `blocks.py`: BlockAttention against other ways to write the same.
4. `kernels.py`: every backend, from 1024 tokens to a million.
5. `maps.py`: what a map costs, beside the output and against forming the weights.
6. `tiles.py`: other tile sizes for the Triton kernels, on a GPU only.

Every part has `HEAD`, the head of its table; `measure(device, …)`, which yields the rows one by one
as dicts; and `line(row)`, a row as a line of that table. How large each is stands in `sizes.py`.

`gpu.py` is for a GPU that can be had for minutes: the tests on CUDA and the parts for one, each a
step of its own with a limit in time (`steps.py`).
"""
