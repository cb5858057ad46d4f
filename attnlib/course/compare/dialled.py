"""Modules from dials: one that trains at any setting, and the two styles at the two ends."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from attnlib.blocks import BlockAttention
from attnlib.checks import check_count, check_divides
from attnlib.course.compare.dials import Branch, Maps, Parameters, attend, narrow_size, turned
from attnlib.segments import LOCAL_HEADS, GlobalLocalAttention


class DialledAttention(nn.Module):
    """Self-attention (…, L, C) -> y (…, L, C), maps, at a setting of the dials; it trains.

    It holds the parameters that the setting uses, and no others. The dial "initial" draws them:
    "normal .02", as timm does, or "Xavier √2", each head's matrix by itself, as PGL-SUM's trainer
    does. Biases start at zero.

    Args:
        width: C.
        heads: H of the main branch, and of a full local one; must divide width.
        num_groups: G.
        head_dim: D, where it is not width / heads; then heads need not divide width.
    """

    def __init__(
        self,
        dials: Mapping,
        width: int = 48,
        heads: int = 6,
        num_groups: int = 4,
        *,
        head_dim: int | None = None,
    ):
        super().__init__()
        self.dials = turned(dials)
        if head_dim is None:
            check_divides("heads", heads, "width", width)
            head_dim = width // heads
        check_count("num_groups", num_groups, least=2)
        self.width, self.num_groups = width, num_groups
        sets = num_groups if self.dials["group_parameters"] == "own" else 1
        full = (heads, head_dim)
        self.main = self._branch(sets if self.dials["sees"] == "own group" else 1, *full)
        self.local = None
        if self.dials["fusion"] is not None and self.dials["local_branch"] == "full":
            self.local = self._branch(sets, *full)
        elif self.dials["fusion"] is not None:
            local_width = width // num_groups
            check_divides("4 heads", LOCAL_HEADS, "width // num_groups", local_width)
            self.local = self._branch(sets, *narrow_size(width, num_groups))

    def forward(self, x: Tensor) -> tuple[Tensor, Maps]:
        """(…, L, C) -> the same, and the maps."""
        main, local = self._of(self.main), self._of(self.local)
        parameters = Parameters(main, local, local)  # the dial selects one of the two
        return attend(x, parameters, self.dials, num_groups=self.num_groups, training=self.training)

    def _branch(self, groups, heads, head_dim):
        width, dials = self.width, self.dials
        qkv = torch.empty(groups, 3, heads, head_dim, width)
        out = torch.empty(groups, width, heads * head_dim)
        for matrices in (qkv, out):
            rows, cols = matrices.shape[-2:]
            if dials["initial"] == "normal .02":
                nn.init.trunc_normal_(matrices, std=0.02)
            else:
                bound = 2**0.5 * (6 / (rows + cols)) ** 0.5
                nn.init.uniform_(matrices, -bound, bound)
        parts = {"qkv": qkv, "out": out}
        if dials["query_bias"]:
            parts["query_bias"] = torch.zeros(groups, heads, head_dim)
        if dials["key_value_bias"]:
            parts |= {
                name: torch.zeros(groups, heads, head_dim) for name in ("key_bias", "value_bias")
            }
        if dials["output_bias"]:
            parts["out_bias"] = torch.zeros(groups, width)
        return nn.ParameterDict(parts)

    @staticmethod
    def _of(branch) -> Branch | None:
        if branch is None:
            return None
        return Branch(*(branch.get(name, None) for name in Branch._fields))


def nest_end(parameters: Parameters) -> BlockAttention:
    """The `BlockAttention` with the parameters that `attend` uses at `NEST`."""
    branch = Branch(*(part[0] for part in parameters.main))
    module = BlockAttention(branch.qkv.shape[-1], branch.qkv.shape[1], qkv_bias=True)
    biases = torch.stack([branch.query_bias, branch.key_bias, branch.value_bias])
    return _loaded(
        module,
        {
            "qkv.weight": branch.qkv.flatten(0, 2),
            "qkv.bias": biases.flatten(),
            "proj.weight": branch.out,
            "proj.bias": branch.out_bias,
        },
    )


def pglsum_end(parameters: Parameters, positions: str | None, fusion: str) -> GlobalLocalAttention:
    """The `GlobalLocalAttention` with the parameters that `attend` uses at `PGLSUM`."""
    main, narrow = parameters.main, parameters.narrow
    _, _, heads, _, width = main.qkv.shape
    groups = len(narrow.qkv)
    module = GlobalLocalAttention(
        width, width, pos_enc=positions, num_segments=groups, heads=heads, fusion=fusion
    )
    return _loaded(
        module,
        {
            "attention.qkv.weight": main.qkv[0].flatten(0, 2),
            "attention.out.weight": main.out[0],
            "local_attention.qkv": narrow.qkv.flatten(1, 3),
            "local_attention.out": narrow.out,
        },
    )


def _loaded(module, state):
    module.to(next(iter(state.values())).dtype)
    module.load_state_dict(state)
    return module.eval()
