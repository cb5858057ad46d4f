"""The parts of attentions read again, at whatever parameters their module holds just then."""

from collections.abc import Sequence

import torch
from torch import Tensor

from attnlib.course.compare.reading.attention import Attention
from attnlib.course.compare.reading.ends import Known
from attnlib.course.compare.reading.linear import responses
from attnlib.course.compare.reading.merging import answers

KINDS = ("query", "key", "value")


def parts_again(known: Known, attentions: Sequence[Attention]) -> list[dict[str, Tensor]]:
    """For each attention its parts by their names, in the units of the code."""
    sight, length = known.sight, known.sight.call.length
    maps = responses(sight, length)
    inputs = [_inputs(maps, each) for each in attentions]
    if known.ends is None:
        return inputs
    sizes = [(parts[2].matrix.shape[0], parts[2].matrix.shape[2]) for parts in maps]
    merged = answers(sight, sizes, length, known.ends)
    return [its | _outputs(merged, each) for its, each in zip(inputs, attentions, strict=True)]


def inputs_again(known: Known, attentions: Sequence[Attention]) -> list[dict[str, Tensor]]:
    """The same, those alone that come before the scores: in less than half the time."""
    maps = responses(known.sight, known.sight.call.length)
    return [_inputs(maps, each) for each in attentions]


def _outputs(merged, attention):
    spot, first = attention.where[0]
    return {
        "out": torch.cat([merged.matrices[spot][:, first] for spot, first in attention.where]),
        "out_bias": merged.biases[spot][first],
    }


def _inputs(maps, attention):
    parts = {}
    for place, name in enumerate(KINDS):
        linear = [(maps[spot][place], first) for spot, first in attention.where]
        parts[name] = torch.cat([part.matrix[:, first] for part, first in linear])
        parts[f"{name}_bias"] = torch.cat([part.bias[:, first] for part, first in linear])
    return parts
