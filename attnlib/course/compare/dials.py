"""The two styles as the two ends of one set of dials, one for each difference between them.

All dials to NesT's side, and `attend` is `BlockAttention`; all to PGL-SUM's, and it is
`GlobalLocalAttention`; every point between runs too.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from attnlib.attention import attention
from attnlib.checks import check_count, check_divides
from attnlib.course.compare.fit import check_fit
from attnlib.course.compare.merge_order import permute_merge
from attnlib.course.language import N_
from attnlib.layout import merge_heads, segment_slices
from attnlib.maps import AttentionMap
from attnlib.positions import KeptTable, PositionsByLength
from attnlib.segments import DROPOUT, LOCAL_HEADS, fuse

# NesT's value first, then PGL-SUM's, then what else PGL-SUM offers.
VALUES = MappingProxyType(
    {
        "input": ("groups together", "one group at a time"),
        "projections": ("one matrix", "one a head"),
        "merge": ("d h", "h d"),
        "key_value_bias": (True, False),
        "query_bias": (True, False),
        "output_bias": (True, False),
        "sees": ("own group", "all tokens"),
        "group_parameters": ("shared", "own"),
        "local_branch": ("full", "narrow"),
        "positions": (None, "absolute", "relative"),
        "fusion": (None, "add", "mult", "avg", "max"),
        "scale": ("1/√D", "1"),
        "initial": ("normal .02", "Xavier √2"),
        "dropout": (0.0, DROPOUT),
        "returned": ("nothing", "last head"),
    }
)
NEST = MappingProxyType({name: values[0] for name, values in VALUES.items()})
PGLSUM = MappingProxyType({name: values[1] for name, values in VALUES.items()})


class Branch(NamedTuple):
    """Parameters of G attentions side by side, one for each group; G may be 1.

    `out` multiplies the merged heads in whichever order the dial "merge" says.
    """

    qkv: Tensor  # (G, 3, H, D, C)
    query_bias: Tensor | None  # (G, H, D), like the next two; may be None where the dial is off
    key_bias: Tensor | None
    value_bias: Tensor | None
    out: Tensor  # (G, C, H·D)
    out_bias: Tensor | None  # (G, C)


class Parameters(NamedTuple):
    """All that any setting needs: each uses the main branch and at most one of the others."""

    main: Branch
    full: Branch | None  # a local branch as wide as the main one
    narrow: Branch | None  # PGL-SUM's: C // G wide, 4 heads


class Maps(NamedTuple):
    """The main branch's maps, (…, H, N, N) for each group or one (…, H, L, L), and the local's."""

    main: tuple[AttentionMap, ...]
    local: tuple[AttentionMap, ...]


def turned(dials: Mapping, **changes) -> dict:
    """The dials with some of them turned; any not given stand at NesT's side.

    Raises ValueError for a dial or a value that does not exist, and names those that do.
    """
    if not isinstance(dials, Mapping):
        raise TypeError(f"dials must be a dict of names and values, got {type(dials).__name__}")
    result = dict(NEST) | dict(dials) | changes
    for name, value in result.items():
        if name not in VALUES:
            raise ValueError(f"dial {name!r} is unknown: expected one of {tuple(VALUES)}")
        # 1 == True and 0.0 == False, so the type must fit as well.
        if not any(type(value) is type(known) and value == known for known in VALUES[name]):
            raise ValueError(f"dial {name} must be one of {VALUES[name]}, got {value!r}")
    return result


def dead(dials: Mapping, *, training: bool = False) -> dict[str, str]:
    """The dials that cannot change y in this setting, and why: name -> reason."""
    dials = turned(dials)
    reasons = {"returned": N_("it decides what is handed back beside y, and attend hands back all")}
    reasons["initial"] = N_("it decides how parameters are drawn, and attend is given them")
    if not training:
        reasons["dropout"] = N_("weights are dropped in training only")
    if dials["fusion"] is None:
        reasons["local_branch"] = N_("without fusion there is no local branch")
        if dials["sees"] == "all tokens":
            for name in ("input", "group_parameters"):
                reasons[name] = N_("there is one group, all tokens")
    return reasons


def sample_parameters(
    seed: int, width: int = 48, heads: int = 6, num_groups: int = 4
) -> Parameters:
    """Random parameters in float64, every entry normal with variance 1 / width.

    Neither original starts like this. At this size scores, positions and biases all matter. With
    NesT's own start, .02, all maps would be nearly uniform and all biases zero.

    Args:
        width: C; heads and num_groups must divide it, and 4 (the heads of PGL-SUM's segments)
            the quotient width // num_groups.
    """
    check_divides("heads", heads, "width", width)
    check_count("num_groups", num_groups, least=2)
    check_divides("num_groups", num_groups, "width", width)
    check_divides("4 heads", LOCAL_HEADS, "width // num_groups", width // num_groups)
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64) * width**-0.5

    def branch(h, d):
        biases = (normal(num_groups, h, d) for _ in range(3))
        qkv = normal(num_groups, 3, h, d, width)
        return Branch(qkv, *biases, normal(num_groups, width, h * d), normal(num_groups, width))

    full = (heads, width // heads)
    return Parameters(branch(*full), branch(*full), branch(*narrow_size(width, num_groups)))


def narrow_size(width: int, num_groups: int) -> tuple[int, int]:
    """(H, D) of PGL-SUM's local branch."""
    return LOCAL_HEADS, width // num_groups // LOCAL_HEADS


def attend(
    x: Tensor,
    parameters: Parameters,
    dials: Mapping = NEST,
    *,
    num_groups: int | None = None,
    training: bool = False,
) -> tuple[Tensor, Maps]:
    """Self-attention at a setting of the dials.

    Args:
        x: (…, L, C), cut into G contiguous groups of ⌈L / G⌉ tokens; the last may be shorter.
        parameters: as `sample_parameters` makes them; in x's dtype.
        dials: name -> value, see `VALUES`; those not given stand at NesT's side.
        num_groups: G; by default that of the parameters.
        training: whether the dial "dropout" acts.
    Returns:
        y (…, L, C), and the maps.
    """
    dials = turned(dials)
    num_groups = check_fit(x, parameters, dials, num_groups)
    length = x.shape[-2]
    groups = tuple(g for g in segment_slices(length, num_groups) if g.stop > g.start)
    whole = (slice(0, length),)
    seen = whole if dials["sees"] == "all tokens" else groups
    y, main = _branch(x, parameters.main, seen, dials, training)
    if dials["fusion"] is None:
        return y, Maps(main, ())
    beside = parameters.full if dials["local_branch"] == "full" else parameters.narrow
    local, maps = _branch(x, beside, groups, dials, training)
    return fuse(y, local, dials["fusion"]), Maps(main, maps)


def undo_notation(parameters: Parameters, dials: Mapping) -> Parameters:
    """Rewrite parameters for these dials, so that differences of mere notation from `NEST` vanish.

    The columns of `out` are permuted for another order of merged heads. A value bias that is
    dropped is first moved to the output bias, if there is one. Any difference that remains
    is not notation.
    """
    dials = turned(dials)
    return Parameters(*(branch and _rewritten(branch, dials) for branch in parameters))


def _rewritten(branch, dials):
    heads = branch.qkv.shape[2]
    moves = branch.value_bias is not None and branch.out_bias is not None
    if moves and not dials["key_value_bias"] and dials["output_bias"]:
        merged = rearrange(branch.value_bias, "g h d -> g (d h)")
        moved = torch.einsum("ge,gce->gc", merged, branch.out)
        branch = branch._replace(out_bias=branch.out_bias + moved)
    if dials["merge"] == "h d":
        branch = branch._replace(out=permute_merge(branch.out, heads, "d h", "h d"))
    return branch


def _branch(x, branch, groups, dials, training):
    """(…, L, C) -> y (…, L, C) and a map for each group."""
    shared = dials["group_parameters"] == "shared"
    sizes = {group.stop - group.start for group in groups}
    if dials["input"] == "groups together" and len(sizes) == 1:
        apart = x.unflatten(-2, (len(groups), -1))  # (…, G, N, C)
        selected = _of(branch, slice(0, 1 if shared else len(groups)))
        y, weights = _attend(apart, selected, dials, training)
        return y.flatten(-3, -2), weights.unbind()
    ys, maps = [], []
    for number, group in enumerate(groups):
        selected = _of(branch, slice(0, 1) if shared else slice(number, number + 1))
        y, weights = _attend(x[..., None, group, :], selected, dials, training)
        ys.append(y.squeeze(-3))
        maps.extend(weights.unbind())
    return torch.cat(ys, -2), tuple(maps)


def _of(branch, groups):
    return Branch(*(part if part is None else part[groups] for part in branch))


def _attend(x, branch, dials, training):
    """(…, G, N, C), parameters of G groups, or of one for all -> y (…, G, N, C), one map."""
    parts = []
    for part, bias in enumerate((branch.query_bias, branch.key_bias, branch.value_bias)):
        projected = _project(x, branch.qkv[:, part], dials["projections"])  # (…, G, H, N, D)
        on = dials["key_value_bias"] if part else dials["query_bias"]
        parts.append(projected + bias[:, :, None] if on else projected)
    out, weights = attention(
        *parts,
        scale=1.0 if dials["scale"] == "1" else None,
        bias=_positions(dials["positions"], x.shape[-2], x.shape[-1]),
        dropout=dials["dropout"] if training else 0.0,
    )
    y = torch.einsum("...gne,gce->...gnc", merge_heads(out, dials["merge"]), branch.out)
    return (y + branch.out_bias[:, None] if dials["output_bias"] else y), weights


def _project(x, matrices, how):
    """(…, G, N, C) by (G, H, D, C) -> (…, G, H, N, D)."""
    if how == "one matrix":
        stacked = rearrange(matrices, "g h d c -> g (h d) c")
        y = torch.einsum("...gnc,gec->...gne", x, stacked)
        return rearrange(y, "... g n (h d) -> ... g h n d", h=matrices.shape[1])
    heads = [torch.einsum("...gnc,gdc->...gnd", x, matrix) for matrix in matrices.unbind(1)]
    return torch.stack(heads, -3)


@lru_cache(maxsize=64)
def _positions(kind, length, width) -> KeptTable | None:
    """Cached: a table takes longer than the attention that it is added to."""
    return PositionsByLength(kind, width, freq=10000)(length)


def as_matrix(maps: tuple[AttentionMap, ...], length: int) -> Tensor:
    """The maps of one branch as one: (L, L), the mean over heads, groups on the diagonal."""
    matrix, start = torch.zeros(length, length), 0
    for map_ in maps:
        size = map_.shape[-1]
        matrix[start : start + size, start : start + size] = map_.weights().detach().mean(-3)
        start += size
    return matrix
