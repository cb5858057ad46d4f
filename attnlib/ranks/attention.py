"""`attention` over ranks: what all of them must agree on, and the three ways."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from attnlib.attention import attention as _here
from attnlib.attention import check_qkv, check_scale
from attnlib.precision import as_autocast_asks
from attnlib.ranks import native
from attnlib.ranks.layout import Function, Layout, length
from attnlib.ranks.links import Links, travel
from attnlib.ranks.maps import RankMap
from attnlib.ranks.ring import ring

WAYS = ("gather", "heads", "ring", "torch")


@torch.compiler.disable
def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    scale: float | None = None,
    bias: Function = None,
    mask: Function = None,
    group: dist.ProcessGroup | None = None,
    how: str = "gather",
) -> tuple[Tensor, RankMap]:
    """`attnlib.attention` of a sequence whose rows lie on several ranks, in the order of ranks.

    Every rank of the group must call it, and the backward of its output if one does.

    Args:
        q: (…, H, n, D) the queries of this rank; n may differ between ranks, all else may not.
        k, v: (…, H, m, D), (…, H, m, Dv) its keys and values; usually m = n.
        scale, bias, mask: as in `attnlib.attention`, the same on every rank. Bias and mask are
            functions f(i, j) of indices in the whole sequence. A learned bias gets on each rank
            its part of the gradient.
        group: a process group, None for all processes.
        how: "gather", "heads", "ring", as the head of `attnlib.ranks` tells them, or "torch":
            PyTorch's `context_parallel`; no bias, no mask, as many rows on every rank.
    Returns:
        out: (…, H, n, Dv) the output for this rank's queries; and the `RankMap` (…, H, L, L) of
        the whole sequence.
    Raises:
        TypeError, ValueError: on all ranks the same: what is wrong, and on which rank; what
            differs, and which rank has what; what such a `how` does not do.
        RuntimeError: a rank died, or did not answer within the group's time: it is named. What
            PyTorch says of `vmap` and of second derivatives. Compiled code calls it uncompiled.
    Source: Ring Attention (Liu et al. 2023, arXiv:2310.01889) for "ring", DeepSpeed-Ulysses
        (Jacobs et al. 2023, arXiv:2309.14509) for "heads".
    """
    device = q.device if isinstance(q, Tensor) else torch.device("cpu")
    links = Links(group, device)
    try:
        _check(q, k, v, scale, bias, mask, how, links)
        q, k, v = as_autocast_asks(q, k, v)
        said = _said(q, k, v, scale, bias, mask, how)
    except (TypeError, ValueError) as error:
        said = {"wrong": type(error).__name__, "why": str(error)[:300]}
    everybody = links.say(said)
    _agree(everybody)
    rows = ([words["rows"][n] for words in everybody] for n in (0, 1))
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    layout = Layout(links, *rows, scale=scale, bias=bias, mask=mask)
    if how == "ring":
        out, lse = ring(q, k, v, layout)
        return out, RankMap(q, k, layout, lse)
    attend = {"gather": _gather, "heads": _heads, "torch": native.attend}[how]
    return attend(q, k, v, layout), RankMap(q, k, layout)


def _gather(q, k, v, layout):
    """Keys and values of all ranks that this one needs, and its queries: (…, H, n, Dv)."""
    links, needs = layout.links, layout.needs
    ranks, rank = range(links.count), links.rank
    sources = [source for source in ranks if needs[rank][source] or source == rank]
    to = [other for other in ranks if needs[other][rank] or other == rank]
    parcels = [(other, x) for x in (k, v) for other in to]
    rooms = [
        (source, (*x.shape[:-2], length(layout.keys[source]), x.shape[-1]))
        for x in (k, v)
        for source in sources
    ]
    found = travel(links, parcels, rooms)
    k, v = (torch.cat(part, -2) for part in (found[: len(sources)], found[len(sources) :]))
    keys = [torch.arange(layout.keys[n].start, layout.keys[n].stop) for n in sources]
    return _here(q, k, v, **layout.terms_at(torch.cat(keys).to(links.device)))[0]


def _heads(q, k, v, layout):
    """All rows of H/R heads here, the others' elsewhere, and back: (…, H, n, Dv)."""
    links, heads = layout.links, q.shape[-3] // layout.links.count
    ranks = range(links.count)
    if not any(layout.hops):
        return _gather(q, k, v, layout)  # where nobody needs another's keys, none travel
    own = [slice(rank * heads, (rank + 1) * heads) for rank in ranks]
    parcels = [(rank, x[..., own[rank], :, :]) for x in (q, k, v) for rank in ranks]
    rooms = [
        (rank, (*x.shape[:-3], heads, length(rows[rank]), x.shape[-1]))
        for x, rows in ((q, layout.queries), (k, layout.keys), (v, layout.keys))
        for rank in ranks
    ]
    found = travel(links, parcels, rooms)
    whole = [torch.cat(found[n * links.count : (n + 1) * links.count], -2) for n in range(3)]
    out, _ = _here(*whole, scale=layout.scale, bias=layout.bias, mask=layout.mask)
    parcels = [(rank, out[..., layout.queries[rank], :]) for rank in ranks]
    shape = (*q.shape[:-3], heads, q.shape[-2], v.shape[-1])
    return torch.cat(travel(links, parcels, [(rank, shape) for rank in ranks]), -3)


def _check(q, k, v, scale, bias, mask, how, links):
    check_qkv(q, k, v)
    if scale is not None:
        check_scale(scale)
    for name, term in (("bias", bias), ("mask", mask)):
        if term is not None and not callable(term):
            raise TypeError(
                f"{name} must be a function f(i, j) of indices in the whole sequence, "
                f"got {type(term).__name__}"
            )
    if how not in WAYS:
        raise ValueError(f"how must be one of {WAYS}, got {how!r}")
    if how == "heads" and q.shape[-3] % links.count:
        raise ValueError(f'how="heads": {links.count} ranks must divide H={q.shape[-3]} heads')
    wanted = torch.is_grad_enabled()
    if how == "ring" and bias is not None and wanted and bias(*_first(q)).requires_grad:
        raise ValueError('how="ring" gives no gradients to a bias: take "gather" or "heads"')
    if how == "torch" and (bias is not None or mask is not None):
        raise ValueError(f'how="torch" takes no bias and no mask: {native.INSTEAD}')
    if how == "torch" and wanted and not q.is_cpu and any(x.requires_grad for x in (q, k, v)):
        raise ValueError(f'how="torch" gives gradients on a CPU only: {native.INSTEAD}')


def _first(q):
    return torch.zeros(2, 1, 1, dtype=torch.long, device=q.device)


def _said(q, k, v, scale, bias, mask, how):
    """What ranks tell each other: their rows, and what must be the same for all."""
    shapes = {name: (*x.shape[:-2], "…", x.shape[-1]) for name, x in (("q", q), ("k", k), ("v", v))}
    same = {f"the shape of {name}": f"({', '.join(map(str, s))})" for name, s in shapes.items()}
    same |= {"dtype": str(q.dtype), "how": how, "scale": str(scale)}
    same |= {"bias": _given(bias), "mask": _given(mask)}
    gradients = [x.requires_grad and torch.is_grad_enabled() for x in (q, k, v)]
    same["requires_grad of q, k and v"] = str(gradients)
    return {"rows": (q.shape[-2], k.shape[-2]), "same": same}


def _given(term):
    return "none" if term is None else "a function"


def _agree(everybody: list[dict[str, Any]]) -> None:
    """Raise, on every rank the same, where one is wrong or two differ."""
    wrong = {rank: words for rank, words in enumerate(everybody) if "wrong" in words}
    if wrong:
        kinds = {words["wrong"] for words in wrong.values()}
        said = _by_rank({rank: words["why"] for rank, words in wrong.items()})
        raise (TypeError if kinds == {"TypeError"} else ValueError)(said)
    for name in everybody[0]["same"]:
        values = {rank: words["same"][name] for rank, words in enumerate(everybody)}
        if len(set(values.values())) > 1:
            raise ValueError(f"{name} must be the same on all ranks, got {_by_rank(values)}")


def _by_rank(said: dict[int, str]) -> str:
    """Which ranks say what."""
    ranks = {text: [str(rank) for rank in said if said[rank] == text] for text in said.values()}
    return "; ".join(f"{text} (rank {', '.join(who)})" for text, who in ranks.items())
