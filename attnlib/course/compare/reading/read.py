"""A module read: its attentions, how it is called, and what was not of this form."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.calling.search import calls
from attnlib.course.compare.calling.unreadable import Unreadable
from attnlib.course.compare.reading.attention import PARTS, Attention
from attnlib.course.compare.reading.ends import Known
from attnlib.course.compare.reading.factors import folded, met
from attnlib.course.compare.reading.joining import (
    Groups,
    heads_groups,
    tokens_groups,
    with_heads_joined,
    with_tokens_joined,
)
from attnlib.course.compare.reading.labels import origins, unmet
from attnlib.course.compare.reading.linear import proved, responses
from attnlib.course.compare.reading.merging import merge
from attnlib.course.compare.reading.parting import apart
from attnlib.course.compare.reading.parts import KINDS, parts_again
from attnlib.course.compare.reading.scoring import scoring
from attnlib.course.compare.reading.tabling import with_table
from attnlib.course.compare.reading.turning import is_same, still
from attnlib.course.compare.reading.units import in_parameters
from attnlib.course.compare.seeing.sight import Sight
from attnlib.course.language import say


@dataclass(frozen=True)
class Reading:
    """`left`: what of the module as a whole is not of the form of an attention, in words."""

    call: Call
    attentions: tuple[Attention, ...]
    left: tuple[str, ...]
    known: Known
    groups: tuple[Groups, Groups]  # how heads, then tokens, that the code has apart were joined
    folded: tuple[str, ...] = ()  # names of the parameters that parts are products of

    @property
    def unread(self) -> tuple[str, ...]:
        """Names of the parameters that no part is made of."""
        missed = unmet(self.call.module, met(self.attentions))
        return tuple(name for name in missed if name not in self.folded)

    @property
    def turned(self) -> bool:
        """Whether positions turn the queries of any of its attentions."""
        return any(each.query_turn is not None for each in self.attentions)

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
    like: Reading | None = None,
) -> Reading:
    """The attentions of a module, with the parameters that it holds.

    Args:
        module: takes x, in one of the forms that `calls` knows; or a Call.
        width: C, where parameters do not tell.
        causal: give it a causal mask, where it takes one.
        length: L of the inputs that are looked at; else one that runs.
        like: the same module read before: nobody looks again where its numbers are.
    Raises:
        Unreadable: it cannot be called, or has no attention.
    """
    call = module if isinstance(module, Call) else calls(module, width=width, causal=causal)[0]
    call = replace(call, length=length or call.length)
    sight, left, found = like.known.sight if like else Sight(call), [], []
    maps = responses(sight, call.length)
    sizes = [(parts[2].matrix.shape[0], parts[2].matrix.shape[2]) for parts in maps]
    merged = _or_named(left, merge, sight, sizes, call.length, like and like.known.ends)
    for number, (tokens, parts, scored, missing) in enumerate(_scored(sight, maps)):
        groups = apart(parts, scored, merged and merged.matrices[number])
        found += [_attention(number, tokens, *group, merged, missing) for group in groups]
    known = like.known if like else Known(sight, merged and merged.ends)
    if like is not None:
        attentions = with_heads_joined([each for _, _, each in found], like.groups[0])
        attentions = with_tokens_joined(attentions, like.groups[1])
        return Reading(call, tuple(attentions), tuple(left), known, like.groups)
    attentions = list(_with_origins(known, found))
    heads = heads_groups(attentions)
    attentions = with_heads_joined(attentions, heads)
    groups = heads, tokens_groups(attentions)
    attentions = tuple(with_tokens_joined(attentions, groups[1]))
    products = folded(known, attentions)
    return _behind(Reading(call, attentions, tuple(left), known, groups, products))


def _behind(reading: Reading) -> Reading:
    """The same; what follows the heads and is not linear may have no parameters of its own."""
    if not reading.unread or all(each.end is None for each in reading.attentions):
        return reading
    names = ", ".join(reading.unread)
    return replace(
        reading,
        left=(*reading.left, say("behind the heads stand parameters: {names}", names=names)),
    )


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
            out_bias=merged and merged.biases[spot][group[0]],
            rest=merged and merged.rests[spot],
            end=merged and merged.ends[spot].number,
            query_turn=query and query.turn,
            key_turn=key and key.turn,
            scale=scored and scored.scale,
            axis=scored and scored.axis,
            seen=scored and scored.seen,
            table=scored and scored.table,
            tokens=tokens[group],
            left=tuple(missing),
            where=((spot, int(group[0])),),
        ),
    )


def _with_origins(known, found):
    """The same attentions, with the place of each entry; a unit that all entries share is scale."""

    def numbers():
        again = parts_again(known, [attention for _, _, attention in found])
        return {(n, name): part for n, parts in enumerate(again) for name, part in parts.items()}

    sight = known.sight
    told = origins(sight.call.module, numbers)
    labels = torch.cat([origin.index.flatten() for origin in told.values()])
    whole = sight.tokens(sight.draw(1, sight.call.length))
    for place, (spot, _, attention) in enumerate(found):
        its = {part: told[place, part] for part in PARTS if getattr(attention, part) is not None}
        attention = in_parameters(replace(attention, origins=its))
        apart = len(attention.tokens) < len(whole[spot])
        yield attention if apart else with_table(sight, spot, attention, labels)


def _or_named(left, function, *arguments):
    """What the function gives, or None; why not goes to `left`."""
    try:
        return function(*arguments)
    except Unreadable as reason:
        left.append(str(reason))
        return None
