"""PyTorch's own context parallelism, where it serves."""

from contextlib import nullcontext
from typing import Any

import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from attnlib.ranks.layout import Layout, length


def attend(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> Tensor:
    """(…, H, n, D), as many on every rank -> (…, H, n, Dv) by `context_parallel`.

    On a CPU it has no kernel of its own: the textbook's, which gathers all keys.
    """
    # Here, because only who asks for it may wait for it.
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.tensor.experimental import context_parallel

    on_cpu, links = q.device.type == "cpu", layout.links
    lengths = [length(rows) for rows in layout.keys]
    if len(set(lengths)) > 1 or layout.queries != layout.keys:
        raise ValueError(f'how="torch" takes as many rows on every rank, got {lengths}: {INSTEAD}')
    group: Any = links.group or dist.group.WORLD
    mesh = DeviceMesh.from_group(group, q.device.type)
    # It would cut whole tensors into pieces. Ours are pieces, so it gets one that nobody needs.
    nothing = q.new_empty(2 * links.count)
    four_q, four_k, four_v = (x.reshape(-1, *x.shape[-3:]) for x in (q, k, v))
    with (
        context_parallel(mesh, buffers=[nothing], buffer_seq_dims=[0]),
        sdpa_kernel(SDPBackend.MATH) if on_cpu else nullcontext(),
    ):
        out = F.scaled_dot_product_attention(four_q, four_k, four_v, scale=layout.scale)
    return out.reshape(*q.shape[:-1], v.shape[-1])


INSTEAD = 'take "gather", "heads" or "ring"'
