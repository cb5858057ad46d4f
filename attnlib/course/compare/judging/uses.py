"""In which ways two modules are used alike: what is the same must be so in each of them."""

from typing import NamedTuple

from torch import nn

from attnlib.course.compare.calling.call import Call
from attnlib.course.compare.calling.forms import BLOCKS
from attnlib.course.compare.calling.lengths import lengths
from attnlib.course.compare.calling.numbers import repeats
from attnlib.course.compare.calling.search import block_counts, calls, given_apart, runs
from attnlib.course.compare.judging.masks import masked

SEVERAL = 4  # blocks, where no number in a module tells how many
USES = 2  # numbers of blocks that are compared


class Use(NamedTuple):
    """`fs`, `gs`: calls any of which may be meant, the likely first: a witness must hold in each.

    `lengths`: that the first of both take.
    """

    fs: list[Call]
    gs: list[Call]
    lengths: list[int]


def uses(f: nn.Module, g: nn.Module, *, width: int | None = None) -> list[Use]:
    """The plain one first; more blocks; queries, keys and values that differ; a causal mask."""
    fs, gs = (calls(each, width=width, name=name) for each, name in ((f, "f"), (g, "g")))
    if fs[0].width != gs[0].width:
        raise ValueError(
            f"f and g must take the same width C, got C = {fs[0].width} of f and {gs[0].width} of "
            "g: build both for one width"
        )
    pairs = [*_plain(fs, gs)]
    plain = pairs[0][0][0], pairs[0][1][0]
    one, other = apart = [given_apart(call) for call in plain]
    if all(apart) and len(one.inputs) == len(other.inputs):
        pairs.append(([one], [other]))
    if both := masked(*plain):
        pairs.append(tuple([call] for call in both))
    return [Use(one, other, lengths(one[0], other[0])) for one, other in pairs]


def _plain(fs, gs):
    """In the shapes that both take, where the likely one is the same; blocks one and several."""
    if fs[0].form.shape == gs[0].form.shape:
        shared = {call.form.shape for call in fs} & {call.form.shape for call in gs}
        fs, gs = ([call for call in each if call.form.shape in shared] for each in (fs, gs))
    first = [each[0].form.shape == BLOCKS for each in (fs, gs)]
    if not any(first):
        return [(fs, gs)]
    if not all(first):
        return [(_one_and_several(fs, gs[0]), _one_and_several(gs, fs[0]))]
    counts = sorted({1, SEVERAL, *block_counts(fs[0].module), *block_counts(gs[0].module)})
    pairs = [[calls[0].in_blocks(count) for calls in (fs, gs)] for count in counts]
    return [([f], [g]) for f, g in pairs if runs(f) and runs(g)][:USES] or [(fs, gs)]


def _one_and_several(calls, other):
    """Blocks beside what has none: as one, and as many as the other has parts that are alike."""
    if calls[0].form.shape != BLOCKS:
        return calls
    several = min((n for n in repeats(other.module) if n > 1), default=SEVERAL)
    return [c for c in map(calls[0].in_blocks, (1, several)) if runs(c)] or calls
