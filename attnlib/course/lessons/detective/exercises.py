"""Undo a notation, describe a stranger's module, and guess what `same` will find."""

import torch
from einops import rearrange
from torch import nn

from attnlib import BlockAttention, SelfAttention
from attnlib.course.compare import Adapter, Layout, same
from attnlib.course.language import N_, say
from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise


def head_major(out, heads):
    """(C, H·D) for heads merged "d h" -> the same for heads merged "h d"."""
    channels, width = out.shape
    return out.view(channels, width // heads, heads).transpose(1, 2).reshape(channels, width)


MISTAKES = (
    (N_("This is the matrix as it came: its columns must change places."), lambda out, heads: out),
    (
        N_("The other way round, or H and D exchanged: that turns 'h d' into 'd h'."),
        lambda out, heads: rearrange(out, "c (h d) -> c (d h)", h=heads),
    ),
    (
        N_("The rows changed places. They are the output's channels; the heads are the columns."),
        lambda out, heads: rearrange(out, "(d h) c -> (h d) c", h=heads),
    ),
    (
        N_("The columns were reversed; each head's columns must come to lie together."),
        lambda out, heads: out.flip(1),
    ),
)


def _find_mistake_in_matrix(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [
        (torch.randn(heads * width, heads * width, generator=generator), heads)
        for heads, width in ((2, 3), (3, 2), (6, 8), (1, 5))
    ]
    return find_mistake(answer, head_major, cases, MISTAKES)


class Stranger(nn.Module):
    """Somebody's attention, (B, L, 24) -> (B, L, 24): head by head, queries, keys, values."""

    def __init__(self):
        super().__init__()
        self.to_qkv = nn.Linear(24, 72, bias=False)
        self.mix = nn.Linear(24, 24)

    def forward(self, x):
        qkv = self.to_qkv(x).unflatten(-1, (4, 3, 6))  # (B, L, 4, 3, 6)
        q, k, v = qkv.permute(3, 0, 2, 1, 4)  # each (B, 4, L, 6)
        out = (q @ k.mT / 6**0.5).softmax(-1) @ v
        return self.mix(out.transpose(1, 2).flatten(2))


STRANGER = Layout(
    heads=4,
    scale=6**-0.5,
    qkv=("to_qkv.weight", "(h three d) c"),
    out=("mix.weight", "c (h d)"),
    out_bias="mix.bias",
)


def _find_mistake_in_layout(answer):
    if answer is None:
        return say("Not written yet: it is None.")
    if not isinstance(answer, Layout):
        return say("It must be a compare.Layout, and is {kind}.", kind=type(answer).__name__)
    mistake = _find_mistake_in_numbers(answer) or _find_mistake_in_axes(answer)
    if mistake:
        return mistake
    twin = nn.MultiheadAttention(24, 4, batch_first=True)
    finding = same(Adapter(Stranger(), layouts=[answer]), twin)
    # The stranger has no query bias, so it goes into the twin, and never the other way.
    if isinstance(finding.forth, str):
        return say("Moved by it: {why}.", why=finding.forth)
    return None


def _find_mistake_in_numbers(answer):
    if answer.heads != STRANGER.heads:
        return say(
            "heads={heads}: unflatten makes axes of 4, 3 and 6. Which one are the heads?",
            heads=answer.heads,
        )
    if abs(answer.scale - STRANGER.scale) > 1e-6:
        return say(
            "scale={scale:.3g}: the scores are divided by 6**0.5, so it is 6**-0.5.",
            scale=answer.scale,
        )
    return None


def _find_mistake_in_axes(answer):
    for name, place in (("qkv", answer.qkv), ("out", answer.out)):
        if not isinstance(place, tuple) or len(place) != 2:
            return say(
                "{name} must be a pair: the name and the axes, as ('…weight', '(… …) c').",
                name=name,
            )
    rows = "".join(answer.qkv[1].split())
    if rows == "(threehd)c":
        return say("The rows of to_qkv lie head by head: `three` comes after h, not before it.")
    if rows == "(hdthree)c":
        return say("Inside a head, `three` comes before d: see the order of the axes in unflatten.")
    if "".join(answer.out[1].split()) == "c(dh)":
        return say(
            "transpose(1, 2).flatten(2) brings (B, L, 4, 6): h before d in the merged heads."
        )
    if answer.out_bias is None:
        return say("self.mix has a bias: name it in out_bias.")
    return None


def _pairs():
    """Two modules, by the code that makes them."""

    def multihead(bias):
        return nn.MultiheadAttention(48, 6, bias=bias, batch_first=True)

    return {
        "BlockAttention(48, 6, qkv_bias=True), nn.MultiheadAttention(48, 6)": (
            BlockAttention(48, 6, qkv_bias=True),
            multihead(True),
        ),
        "BlockAttention(48, 6), nn.MultiheadAttention(48, 6)": (
            BlockAttention(48, 6),
            multihead(True),
        ),
        "SelfAttention(48, 48, heads=6), nn.MultiheadAttention(48, 6, bias=False)": (
            SelfAttention(48, 48, heads=6),
            multihead(False),
        ),
        "SelfAttention(48, 48, heads=6), SelfAttention(48, 48, heads=6, pos_enc='absolute')": (
            SelfAttention(48, 48, heads=6),
            SelfAttention(48, 48, heads=6, pos_enc="absolute"),
        ),
        "SelfAttention(48, 48, heads=6), SelfAttention(48, 48, heads=4)": (
            SelfAttention(48, 48, heads=6),
            SelfAttention(48, 48, heads=4),
        ),
    }


VERDICTS = ("same", "different", "undecided")
ANSWERS = dict(zip(_pairs(), ("same", "different", "same", "different", "undecided"), strict=True))


def _find_mistake_in_verdicts(answer):
    if not isinstance(answer, dict):
        return say("It must be a dict, and is {kind}.", kind=type(answer).__name__)
    if set(answer) != set(ANSWERS):
        key = repr(sorted(set(answer) ^ set(ANSWERS))[0])
        return say("The keys must stay as they are; check {key}.", key=key)
    if all(value is None for value in answer.values()):
        return say("Not written yet: every value is None.")
    for key, pair in _pairs().items():
        if answer[key] not in VERDICTS:
            told = {"pair": repr(key), "known": VERDICTS, "got": repr(answer[key])}
            return say("{pair} must be one of {known}, and is {got}.", **told)
        finding = same(*pair)
        if answer[key] != finding.verdict:
            return _what_is_found(key, finding)
    return None


def _what_is_found(pair, finding):
    told = {"pair": pair, "verdict": finding.verdict}
    because = finding.witnesses[0].sentence if finding.witnesses else finding.forth
    if not isinstance(because, str):
        return say("{pair}: same finds them {verdict} (parameters move both ways).", **told)
    return say("{pair}: same finds them {verdict} ({because}).", because=because, **told)


EXERCISES = (
    Exercise(
        "detective.head_major",
        N_(
            "Write head_major(out: torch.Tensor, heads: int) -> torch.Tensor.\n"
            "out is the output matrix (C, H·D) of a module that merges its heads 'd h', "
            "as NesT does.\n"
            "Return the matrix (C, H·D) that gives the same output where heads are merged 'h d'.\n"
            "With view and transpose, or with einops' rearrange (import it)."
        ),
        _find_mistake_in_matrix,
        (
            N_("The columns belong to the merged channels. Rows stay where they are."),
            N_("Give the columns two axes, in the order in which they lie: (C, D, H)."),
            N_("Exchange the two axes, then make them one again: transpose(1, 2), reshape."),
        ),
        head_major,
    ),
    Exercise(
        "detective.answer",
        N_(
            "Somebody wrote this attention, (B, L, 24) -> (B, L, 24):\n\n"
            "    self.to_qkv = nn.Linear(24, 72, bias=False)\n"
            "    self.mix = nn.Linear(24, 24)\n"
            "    ...\n"
            "    qkv = self.to_qkv(x).unflatten(-1, (4, 3, 6))  # (B, L, 4, 3, 6)\n"
            "    q, k, v = qkv.permute(3, 0, 2, 1, 4)  # each (B, 4, L, 6)\n"
            "    out = (q @ k.mT / 6**0.5).softmax(-1) @ v\n"
            "    return self.mix(out.transpose(1, 2).flatten(2))\n\n"
            "Say where its parameters are: a compare.Layout(heads, scale, qkv, out, out_bias)."
        ),
        _find_mistake_in_layout,
        (
            N_("unflatten says in which order the rows of to_qkv lie: 4, then 3, then 6."),
            N_("The 4 are the heads, the 3 are queries, keys, values, the 6 are D."),
            N_("qkv=('to_qkv.weight', '(h three d) c'), and mix takes its columns 'c (h d)'."),
        ),
        f"compare.{STRANGER}",
    ),
    Exercise(
        "detective.verdicts",
        N_(
            "For each pair guess what `same` will find: 'same', 'different' or 'undecided'.\n"
            "Which moves and which symmetries does it know? The lesson lists them."
        ),
        _find_mistake_in_verdicts,
        (
            N_("Biases first: nn.MultiheadAttention has all four, or none."),
            N_(
                "'undecided': no re-arrangement known here, "
                "and no symmetry that tells them apart. So\n"
                "it is with one pair, though the two do differ: its heads have another width."
            ),
        ),
        "{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in ANSWERS.items()) + "}",
    ),
)
