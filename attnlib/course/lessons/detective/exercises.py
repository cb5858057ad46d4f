"""Undo two notations, and guess what `same` will find."""

import torch
from einops import EinopsError, rearrange
from torch import nn

from attnlib import BlockAttention, SelfAttention
from attnlib.course.compare import same
from attnlib.course.exercises.checking import ALL_NONE, IS_NONE, find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.language import N_, say


def head_major(out, heads):
    """(C, H·D) for heads merged "d h" -> the same for heads merged "h d"."""
    channels, width = out.shape
    return out.view(channels, width // heads, heads).transpose(1, 2).reshape(channels, width)


FIXED = N_("The number of heads is fixed in your code: use `heads`.")
MIXED = N_("Numbers of several rows are mixed: C must stay the first axis of every view.")
TRANSPOSED = N_("The matrix is transposed: it must stay (C, H·D).")
MISTAKES = (
    (FIXED, lambda out, heads: head_major(out, 6)),
    (FIXED, lambda out, heads: head_major(out, 2)),
    (
        N_("This is the matrix as it came: its columns must change places."),
        lambda out, heads: out,
        3,
    ),
    (
        N_("The other way round, or H and D exchanged: that turns 'h d' into 'd h'."),
        lambda out, heads: rearrange(out, "c (h d) -> c (d h)", h=heads),
        2,
    ),
    (
        N_("The rows changed places. They are the output's channels; the heads are the columns."),
        lambda out, heads: rearrange(out, "(d h) c -> (h d) c", h=heads),
        1,
    ),
    (
        N_("The rows changed places. They are the output's channels; the heads are the columns."),
        lambda out, heads: rearrange(out, "(h d) c -> (d h) c", h=heads),
        1,
    ),
    (
        N_("Rows and columns both changed places. Only the columns hold heads."),
        lambda out, heads: head_major(head_major(out, heads).T, heads).T,
        1,
    ),
    (TRANSPOSED, lambda out, heads: out.T, 1),
    (TRANSPOSED, lambda out, heads: head_major(out, heads).T, 1),
    (
        N_("The columns are exchanged, now merge them again: (C, H, D) must become (C, H·D)."),
        lambda out, heads: rearrange(out, "c (d h) -> c h d", h=heads),
        3,
    ),
    (
        N_("The axes (D, H) were told apart, but not exchanged, and not merged again."),
        lambda out, heads: rearrange(out, "c (d h) -> c d h", h=heads),
        3,
    ),
    (
        N_("The heads came to the front, (H, C, D). Leave C in front, then merge H and D."),
        lambda out, heads: rearrange(out, "c (d h) -> h c d", h=heads),
        3,
    ),
    (MIXED, lambda out, heads: rearrange(out, "c (d h) -> h c d", h=heads).reshape(out.shape), 2),
    (MIXED, lambda out, heads: rearrange(out, "c (d h) -> d c h", h=heads).reshape(out.shape), 2),
    (MIXED, lambda out, heads: rearrange(out, "c (d h) -> h d c", h=heads).reshape(out.shape), 2),
    (
        N_("The heads lie together now, but in reversed order: head 0 comes first."),
        lambda out, heads: (
            head_major(out.flip(1), heads).unflatten(1, (heads, -1)).flip(2).flatten(1)
        ),
        2,
    ),
    (
        N_("The columns were reversed; each head's columns must come to lie together."),
        lambda out, heads: out.flip(1),
        2,
    ),
)


def _find_mistake_in_matrix(answer):
    generator = torch.Generator().manual_seed(0)
    # C, H, D. The first tells all mistakes apart.
    sizes = ((12, 4, 3), (5, 3, 2), (7, 2, 4), (48, 6, 8), (9, 1, 7))
    cases = [(torch.randn(c, h * d, generator=generator), h) for c, h, d in sizes]
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


PATTERN = "(h three d) c -> (three h d) c"
WRONG_PATTERNS = (
    (
        N_("These are the rows as they came: q, k and v of the first head lie on top."),
        "r c -> r c",
    ),
    (
        N_("The other way round: that turns 'three h d' into 'h three d'."),
        "(three h d) c -> (h three d) c",
    ),
    (
        N_("Inside a head, `three` comes before d: see the order of the axes in unflatten."),
        "(h d three) c -> (three h d) c",
    ),
    *(
        (N_("Left of the arrow stands how the rows lie: see unflatten, 4, then 3, then 6."), left)
        for left in (
            "(d h three) c -> (three h d) c",
            "(d three h) c -> (three h d) c",
            "(three d h) c -> (three h d) c",
        )
    ),
    *(
        (N_("Right of the arrow `three` comes first: all queries, all keys, all values."), right)
        for right in (
            "(h three d) c -> (h d three) c",
            "(h three d) c -> (d h three) c",
            "(h three d) c -> (d three h) c",
        )
    ),
    (
        N_("Among the rows of q those of one head must lie together: h before d."),
        "(h three d) c -> (three d h) c",
    ),
)


def _find_mistake_in_pattern(answer):
    if answer is None:
        return say(IS_NONE)
    if not isinstance(answer, str):
        return say("It must be a string, and is {kind}.", kind=type(answer).__name__)
    weight = torch.arange(72 * 24).view(72, 24)
    try:
        got = _rearranged(weight, answer)
    except EinopsError as error:
        return say("einops refuses it: {why}", why=str(error).strip().splitlines()[-1])
    if got.shape != weight.shape:
        told = {"shape": tuple(weight.shape), "got": tuple(got.shape)}
        return say("The shape must stay {shape}, and is {got}.", **told)
    want = _rearranged(weight, PATTERN)
    if got.equal(want):
        return None
    for message, pattern in WRONG_PATTERNS:
        if got.equal(_rearranged(weight, pattern)):
            return say(message)
    came, comes = want[:, 0] // 24, got[:, 0] // 24  # row 6 began with number 144
    place = int((came != comes).nonzero()[0])
    told = {"place": place, "want": int(came[place]), "got": int(comes[place])}
    return say("Row {place} must be what row {want} was. Yours is what row {got} was.", **told)


def _rearranged(weight, pattern):
    """Those of h = 4 and three = 3 that the pattern names."""
    sizes = {"h": 4, "three": 3}
    letters = pattern.replace("(", " ").replace(")", " ").split()
    return rearrange(weight, pattern, **{name: sizes[name] for name in sizes if name in letters})


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
        "SelfAttention(48, 48, heads=6), SelfAttention(48, 48, heads=4)": (
            SelfAttention(48, 48, heads=6),
            SelfAttention(48, 48, heads=4),
        ),
        "nn.TransformerEncoderLayer(48, 6), nn.TransformerEncoderLayer(48, 6)": (
            nn.TransformerEncoderLayer(48, 6),
            nn.TransformerEncoderLayer(48, 6),
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
        return say(ALL_NONE)
    for key, pair in _pairs().items():
        guess = str(answer[key]).strip().lower()
        if guess not in VERDICTS:
            told = {"pair": repr(key), "known": VERDICTS, "got": repr(answer[key])}
            return say("{pair} must be one of {known}, and is {got}.", **told)
        if guess != ANSWERS[key]:
            return _what_is_found(key, same(*pair), guess)
    return None


def _what_is_found(pair, finding, guess):
    told = {"pair": pair, "verdict": finding.verdict}
    if (guess, finding.verdict) == ("same", "undecided"):
        return say(
            "{pair}: you are right, they are of one class. But `same` does not read all of it, and "
            "finds them {verdict} ({because}).",
            because=finding.forth,
            **told,
        )
    because = finding.witnesses[0] if finding.witnesses else finding.forth
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
        axes=("row", "column"),
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
            "nn.MultiheadAttention(24, 4) wants all queries first, head by head, then all keys, "
            "then all values.\n"
            "Write the pattern with which einops' rearrange(to_qkv.weight, pattern, h=4, three=3) "
            "brings\n"
            "the rows (72, 24) into that order: a string '… -> …'. c is the columns."
        ),
        _find_mistake_in_pattern,
        (
            N_("unflatten says in which order the rows of to_qkv lie: 4, then 3, then 6."),
            N_("The 4 are the heads h, the 3 are queries, keys, values, the 6 are d."),
            N_(
                "Left of the arrow: '(h three d) c'. To the right the same letters, in their order."
            ),
        ),
        repr(PATTERN),
    ),
    Exercise(
        "detective.verdicts",
        N_(
            "For each pair guess what `same` will find: 'same', 'different' or 'undecided'.\n"
            "Dropout is off, and both get the same tokens (nn.MultiheadAttention as if with\n"
            "batch_first=True). Different are two where one can do what the other cannot.\n"
            "The lesson says what it reads, which symmetries it tries, what it leaves undecided."
        ),
        _find_mistake_in_verdicts,
        (
            N_("Biases first: nn.MultiheadAttention has all four, or none."),
            N_("Six heads do not go into four, and a head of 12 channels not into one of 8."),
            N_(
                "'undecided': there is more in it than `same` reads, and nothing tells the two "
                "apart.\n"
                "One pair is such a case, although you can see that the two are the same."
            ),
        ),
        "{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in ANSWERS.items()) + "}",
    ),
)
