"""CUDA graphs: many small launches recorded once, and then replayed by one."""

from collections.abc import Callable

import torch


def recorded(run: Callable[[], object]) -> Callable[[], object]:
    """The same work as a CUDA graph. Call it to replay.

    What run() allocates and reads stays at its place, so it must depend on no value on the GPU.
    """
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):  # libraries must have made their handles and workspaces
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay
