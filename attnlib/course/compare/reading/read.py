"""A module read: its attentions, how it is called, and what was not of this form."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from attnlib.course.compare.reading.attention import PARTS, Attention
from attnlib.course.compare.reading.call import Call, calls
from attnlib.course.compare.reading.joining import joined
from attnlib.course.compare.reading.labels import origins, unmet
from attnlib.course.compare.reading.linear import proved, responses
from attnlib.course.compare.reading.merging import answers, merge
from attnlib.course.compare.reading.parting import apart
from attnlib.course.compare.reading.scoring import scoring
from attnlib.course.compare.reading.sight import Sight
from attnlib.course.compare.reading.tabling import with_table
from attnlib.course.compare.reading.turning import is_same, still
from attnlib.course.compare.reading.units import in_parameters
from attnlib.course.compare.reading.unreadable import Unreadable
from attnlib.course.language import say

KINDS = ("query", "key", "value")


@dataclass(frozen=True)
class Reading:
    """`left`: what of the module as a whole is not of the form of an attention, in words."""

    call: Call
    attentions: tuple[Attention, ...]
    rest: Tensor | None  # (C, C): y is what attention gives + rest · x; None if it is not so
    left: tuple[str, ...]

    @property
    def unread(self) -> tuple[str, ...]:
        """Names of the parameters of which no entry stands alone in any part."""
        origins = [origin for each in self.attentions for origin in each.origins.values()]
        met = torch.cat([origin.index.flatten() for origin in origins] or [torch.tensor([-1])])
        return unmet(self.call.module, met)

    @property
    def whole(self) -> bool:
        """Whether all of it was read: then nothing else is in the module."""
        return not self.left and not any(each.left for each in self.attentions)


def read(
    module: nn.Module | Call,
    *,
    width: int | None = None,
    causal: bool = False,
    length: int | None = None,
    labelled: bool = True,
) -> Reading:
    """The attentions of a module, with the parameters that it holds.

    Args:
        module: takes x, in one of the forms that `calls` knows; or a Call.
        width: C, where parameters do not tell.
        causal: give it a causal mask, where it takes one.
        length: L of the inputs that are looked at; else one that runs.
        labelled: whether to look for the place of each number in the parameters.
    Raises:
        Unreadable: it cannot be called, or has no attention.
    """
    call = module if isinstance(module, Call) else calls(module, width=width, causal=causal)[0]
    call = replace(call, length=length or call.length)
    sight, left, found = Sight(call), [], []
    maps = responses(sight, call.length)
    sizes = [(parts[2].matrix.shape[0], parts[2].matrix.shape[2]) for parts in maps]
    merged = _or_named(left, merge, sight, sizes, call.length)
    for number, (tokens, parts, scored, missing) in enumerate(_scored(sight, maps)):
        groups = apart(parts, scored, merged and merged.matrices[number])
        found += [_attention(number, tokens, *group, merged, missing) for group in groups]
    told = _with_origins(sight, sizes, found) if labelled else [each for _, _, each in found]
    attentions = joined(list(told))
    return Reading(call, tuple(attentions), merged and merged.rest, tuple(left))


def _scored(sight, maps):
    """For each attention its tokens, maps that are linear or None, scores, what is missing."""
    x, y = (sight.draw(2, sight.call.length, seed) for seed in (3, 4))
    drawn = (sight.tokens(x), maps, sight.operands(x), sight.operands(y))
    for tokens, parts, one, other in zip(*drawn, strict=True):
        missing = []
        seen = (one.query, one.key, one.value)
        known = [
            _or_named(missing, proved, name, part, x[:, tokens], rows)
            for name, part, rows in zip(KINDS, parts, seen, strict=True)
        ]
        yield tokens, known, _or_named(missing, scoring, one, other), missing


def _attention(spot, tokens, group, parts, scored, out, merged, missing):
    """(number of the attention in the code, its first token there, what is known of it)."""
    missing = list(missing)
    query, key, value = (part and _or_named(missing, still, part) for part in parts)
    if value and value.turn is not None:
        missing.append(say("its values are not made alike at all positions"))
    if out is not None and not is_same(out):
        missing.append(say("what the heads give is not merged alike at all positions"))
    return (
        spot,
        group[0],
        Attention(
            query=query and query.matrix,
            key=key and key.matrix,
            value=value and value.matrix,
            out=None if out is None else out[:, 0],
            query_bias=query and query.bias,
            key_bias=key and key.bias,
            value_bias=value and value.bias,
            out_bias=merged and merged.bias[tokens[group[0]]],
            query_turn=query and query.turn,
            key_turn=key and key.turn,
            scale=scored and scored.scale,
            axis=scored and scored.axis,
            seen=scored and scored.seen,
            table=scored and scored.table,
            tokens=tokens[group],
            left=tuple(missing),
        ),
    )


def _with_origins(sight, sizes, found):
    """The same attentions, with the place of each entry; a unit that all entries share is scale."""
    length = sight.call.length

    def numbers():
        maps, merged = responses(sight, length), answers(sight, sizes, length)
        parts = {}
        for place, (spot, first, attention) in enumerate(found):
            for name, part in zip(KINDS, maps[spot], strict=True):
                parts[place, name] = part.matrix[:, first]
                parts[place, f"{name}_bias"] = part.bias[:, first]
            parts[place, "out"] = merged.matrices[spot][:, first]
            parts[place, "out_bias"] = merged.bias[attention.tokens[0]]
        return parts

    told = origins(sight.call.module, numbers)
    met = torch.cat([origin.index.flatten() for origin in told.values()])
    whole = sight.tokens(sight.draw(1, length))
    for place, (spot, _, attention) in enumerate(found):
        its = {part: told[place, part] for part in PARTS if getattr(attention, part) is not None}
        attention = in_parameters(replace(attention, origins=its))
        apart = len(attention.tokens) < len(whole[spot])
        yield attention if apart else with_table(sight, spot, attention, met)


def _or_named(left, function, *arguments):
    """What the function gives, or None; why not goes to `left`."""
    try:
        return function(*arguments)
    except Unreadable as reason:
        left.append(str(reason))
        return None
