"""Queries, keys and values in the units of the parameters: what multiplies them is scale."""

from dataclasses import replace

import torch

from attnlib.course.compare.reading.attention import ELSEWHERE, Attention, Origin


def in_parameters(attention: Attention) -> Attention:
    """The same attention; q and k that are a factor times parameters give it to the scale.

    Code scales q before, or both by a root, or the scores: it reads the same. A bias without
    parameters, or of another unit, keeps what it has beside the factor. Products keep theirs.
    """
    for kind in ("query", "key"):
        factor = kind in attention.origins and attention.origins[kind].factor
        if not factor or attention.scale is None or attention.origins[kind].composite:
            continue
        parts = {part: getattr(attention, part) / factor for part in (kind, f"{kind}_bias")}
        told = {part: _divided(attention.origins[part], factor) for part in parts}
        attention = replace(
            attention,
            **parts,
            scale=attention.scale * factor,
            origins=attention.origins | told,
        )
    return attention


def _divided(origin, factor):
    unit = torch.where(origin.index != ELSEWHERE, origin.unit / factor, origin.unit)
    return Origin(origin.index, unit, origin.composite)
