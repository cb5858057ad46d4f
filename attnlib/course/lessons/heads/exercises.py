"""Heads that were merged in the wrong order, a split, and one Linear as many."""

import torch
from einops import rearrange

from attnlib.course.language import N_
from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise

FIXED = N_("2 heads are fixed in your code: use `heads`.")


def unscramble(y, heads):
    """(N, H·D), merged "d h" -> the same numbers merged "h d"."""
    return rearrange(y, "n (d h) -> n (h d)", h=heads)


def _several_tokens(y, heads):
    """A view (H, N, D) of numbers that do not lie so."""
    return rearrange(y.reshape(heads, len(y), -1), "h n d -> n (h d)")


SCRAMBLES = (
    (FIXED, lambda y, heads: unscramble(y, 2)),
    (
        N_(
            "These are the numbers as they came: they must change places. "
            "A view alone moves nothing."
        ),
        lambda y, heads: y,
    ),
    (
        N_("The other way round, or H and D exchanged: that turns 'h d' into 'd h'."),
        lambda y, heads: rearrange(y, "n (h d) -> n (d h)", h=heads),
    ),
    (
        N_("Merge them again: the two axes (H, D) must become one, (N, H·D)."),
        lambda y, heads: rearrange(y, "n (d h) -> n h d", h=heads),
    ),
    (
        N_("The axes (D, H) were told apart, but not exchanged, and not merged again."),
        lambda y, heads: rearrange(y, "n (d h) -> n d h", h=heads),
    ),
    (
        N_("This is split, (H, N, D): now merge the heads again, each token in its row."),
        lambda y, heads: rearrange(y, "n (d h) -> h n d", h=heads),
    ),
    (
        N_("The tokens changed places. They are the rows; the heads lie in the columns."),
        lambda y, heads: rearrange(y, "(d h) c -> (h d) c", h=heads),
    ),
    (
        N_(
            "Numbers of several tokens are mixed: the axis N must stay the first one of every view."
        ),
        _several_tokens,
    ),
    (
        N_(
            "The heads were still in front when the axes were joined: "
            "bring them behind the tokens first, (N, H, D)."
        ),
        lambda y, heads: rearrange(y, "n (d h) -> h n d", h=heads).reshape(y.shape),
    ),
    (
        N_("The channels were reversed. Each head's channels must come to lie together."),
        lambda y, heads: y.flip(1),
    ),
    (
        N_("The heads lie together now, but in reversed order: head 0 comes first."),
        lambda y, heads: rearrange(
            rearrange(y, "n (d h) -> n h d", h=heads).flip(1), "n h d -> n (h d)"
        ),
    ),
)


def _find_mistake_in_order(answer):
    return find_mistake(answer, unscramble, _cases(), SCRAMBLES)


def split(x, heads):
    """(N, C) -> (H, N, D): each head takes D = C / H neighbouring channels."""
    return rearrange(x, "n (h d) -> h n d", h=heads)


SPLITS = (
    (FIXED, lambda x, heads: split(x, 2)),
    (
        N_(
            "Numbers of several tokens are mixed: a view to (H, N, D) reads the rows on, across "
            "tokens. First cut the axis C, (N, H, D), then move the heads to the front."
        ),
        lambda x, heads: x.reshape(heads, len(x), -1),
    ),
    (
        N_("That is (N, H, D): the heads must come first."),
        lambda x, heads: rearrange(x, "n (h d) -> n h d", h=heads),
    ),
    (
        N_("Each head takes every H-th channel: 'd h'. It must take D neighbouring ones, 'h d'."),
        lambda x, heads: rearrange(x, "n (d h) -> h n d", h=heads),
    ),
    (
        N_("H and D are exchanged: there must be `heads` heads, each of C // heads channels."),
        lambda x, heads: rearrange(x, "n (h d) -> h n d", d=heads),
    ),
    (
        N_("That is (H, D, N): every head is transposed."),
        lambda x, heads: rearrange(x, "n (h d) -> h d n", h=heads),
    ),
    (
        N_("The tokens were cut, not the channels: every head must see all tokens."),
        lambda x, heads: rearrange(x, "(h n) c -> h n c", h=heads),
    ),
    (
        N_("This is a sequence of H tensors: torch.stack makes one of them, (H, N, D)."),
        lambda x, heads: x.chunk(heads, dim=1),
    ),
    (N_("The heads lie side by side again: that is x itself."), lambda x, heads: x),
)


def _find_mistake_in_split(answer):
    return find_mistake(answer, split, _cases(), SPLITS)


def head_matrices(weight, heads):
    """(3·H·D, C) of one Linear, "(three h d) c" -> H triples (query, key, value) of (D, C)."""
    queries, keys, values = rearrange(weight, "(three h d) c -> three h d c", three=3, h=heads)
    return list(zip(queries, keys, values, strict=True))


def _in_order(pattern):
    """The triples of a weight whose rows are taken to lie in another order."""

    def matrices(weight, heads):
        return [
            tuple(triple)
            for triple in rearrange(weight, f"{pattern} c -> h three d c", three=3, h=heads)
        ]

    return matrices


def _places(*places):
    """The right matrices at other places of the triple."""
    return lambda weight, heads: [
        tuple(triple[place] for place in places) for triple in head_matrices(weight, heads)
    ]


MATRICES = (
    (FIXED, lambda weight, heads: head_matrices(weight, 2)),
    (
        N_("You read the rows head by head, '(h three d)'. In `qkv` all queries come first."),
        _in_order("(h three d)"),
    ),
    (
        N_("Inside the queries (and keys, values) you take every H-th row, 'd h'. It is 'h d'."),
        _in_order("(three d h)"),
    ),
    (
        N_("You take every third row: that reads '(h d three)'. It is '(three h d)'."),
        _in_order("(h d three)"),
    ),
    (N_("Keys and queries are exchanged: the rows begin with the queries."), _places(1, 0, 2)),
    (N_("Keys and values are exchanged: the order is queries, keys, values."), _places(0, 2, 1)),
    (N_("The order is queries, keys, values; yours begins with the values."), _places(2, 1, 0)),
    (
        N_("Every matrix is transposed: a Linear keeps (outputs, inputs), here (D, C)."),
        lambda weight, heads: [
            tuple(m.mT for m in triple) for triple in head_matrices(weight, heads)
        ],
    ),
    (
        N_("These are three lists of H matrices: make H triples of them, with zip."),
        lambda weight, heads: list(zip(*head_matrices(weight, heads), strict=True)),
    ),
    (
        N_("Each of the H entries is one tensor (3, D, C): make a triple of it, with tuple."),
        lambda weight, heads: list(
            rearrange(weight, "(three h d) c -> h three d c", three=3, h=heads)
        ),
    ),
    (
        N_("This is one tensor (3, H, D, C): make a list of H triples of it."),
        lambda weight, heads: rearrange(weight, "(three h d) c -> three h d c", three=3, h=heads),
    ),
    (
        N_("This is one tensor (H, 3, D, C): make a list of H triples of it."),
        lambda weight, heads: rearrange(weight, "(three h d) c -> h three d c", three=3, h=heads),
    ),
)


def _find_mistake_in_matrices(answer):
    sizes = ((18, 2, 5), (36, 3, 4), (24, 4, 7), (9, 1, 3), (12, 2, 2), (144, 6, 48))
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.randn(rows, c, generator=generator), heads) for rows, heads, c in sizes]
    return find_mistake(answer, head_matrices, cases, MATRICES)


def _cases():
    """Random (N, H·D), and H."""
    sizes = ((6, 2, 3), (5, 3, 4), (4, 4, 2), (3, 1, 5), (2, 5, 1), (7, 6, 8))  # N, H, D
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(n, h * d, generator=generator), h) for n, h, d in sizes]


EXERCISES = (
    Exercise(
        "heads.unscramble",
        N_(
            "Write unscramble(y: torch.Tensor, heads: int) -> torch.Tensor.\n"
            "y (N, H·D): somebody merged H heads of D channels as '(d h)'.\n"
            "Return (N, H·D) with the same numbers in the order '(h d)'.\n"
            "With rearrange, or with view, transpose and reshape. No loop is needed."
        ),
        _find_mistake_in_order,
        (
            N_("The tokens stay where they are; inside each row numbers change places."),
            N_("First name what lies there. On the left of the arrow: 'n (d h)', with h=heads."),
            N_("On the right say what you want: rearrange(y, 'n (d h) -> n (h d)', h=heads)."),
        ),
        unscramble,
    ),
    Exercise(
        "heads.split",
        N_(
            "Write split(x: torch.Tensor, heads: int) -> torch.Tensor.\n"
            "x (N, C): each head takes D = C / H neighbouring channels of all tokens.\n"
            "Return (H, N, D).\n"
            "Can you do it without rearrange?"
        ),
        _find_mistake_in_split,
        (
            N_("Two steps: cut the axis C into two, then bring the heads to the front."),
            N_("x.view(len(x), heads, -1) is (N, H, D). Which two axes must be exchanged?"),
            N_("x.view(len(x), heads, -1).transpose(0, 1), or rearrange 'n (h d) -> h n d'."),
        ),
        split,
    ),
    Exercise(
        "heads.head_matrices",
        N_(
            "Write head_matrices(weight: torch.Tensor, heads: int) -> list.\n"
            "weight (3·H·D, C) is that of `qkv`; its rows lie '(three h d)': "
            "queries, keys, values.\n"
            "Return a list of H triples (query, key, value) of matrices, each (D, C).\n"
            "C need not be H·D."
        ),
        _find_mistake_in_matrices,
        (
            N_("Give the rows three axes: (3, H, D, C). Nothing has to change places for that."),
            N_("queries, keys, values = weight.view(3, heads, -1, weight.shape[1])"),
            N_("zip takes one matrix of each: list(zip(queries, keys, values))."),
        ),
        head_matrices,
    ),
)
