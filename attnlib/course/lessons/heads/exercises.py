"""Split into heads, merge in either order, undo the wrong merge, and one Linear as many."""

import torch
from einops import rearrange

from attnlib.course.exercises.attending import AXES_IN_FRONT
from attnlib.course.exercises.calls import Rule
from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.exercises.pieces import merge, split
from attnlib.course.language import N_

FIXED = N_("2 heads are fixed in your code: use `heads`.")


def split_in_a_loop(x, heads):
    """(N, C) -> (H, N, D)"""
    tokens, channels = x.shape
    width = channels // heads  # D
    out = torch.zeros(heads, tokens, width, dtype=x.dtype)
    for h in range(heads):
        for n in range(tokens):
            for d in range(width):
                out[h, n, d] = x[n, h * width + d]
    return out


SPLITS = (
    (FIXED, lambda x, heads: split(x, 2)),
    (
        N_(
            "Numbers of several tokens are mixed: a view to (H, N, D) reads the rows on, across "
            "tokens. First cut the axis C, (N, H, D), then exchange N and H."
        ),
        lambda x, heads: x.reshape(*x.shape[:-2], heads, x.shape[-2], -1),
        1,
    ),
    (
        N_("That is (N, H, D): the heads must come before the tokens."),
        lambda x, heads: rearrange(x, "... n (h d) -> ... n h d", h=heads),
        2,
    ),
    (
        N_("Each head takes every H-th channel: 'd h'. It must take D neighbouring ones, 'h d'."),
        lambda x, heads: rearrange(x, "... n (d h) -> ... h n d", h=heads),
        2,
    ),
    (
        N_("H and D are exchanged: there must be `heads` heads, each of C // heads channels."),
        lambda x, heads: rearrange(x, "... n (h d) -> ... h n d", d=heads),
        2,
    ),
    (
        N_("That is (H, D, N): every head is transposed."),
        lambda x, heads: rearrange(x, "... n (h d) -> ... h d n", h=heads),
        3,
    ),
    (
        N_("That is (N, D, H): the tokens must change places with the heads, not D with H."),
        lambda x, heads: rearrange(x, "... n (h d) -> ... n d h", h=heads),
        2,
    ),
    (
        N_("The tokens were cut, not the channels: every head must see all tokens."),
        lambda x, heads: rearrange(x, "... (h n) c -> ... h n c", h=heads),
        1,
    ),
    (
        N_("This is a sequence of H tensors: torch.stack makes one of them, (…, H, N, D)."),
        lambda x, heads: x.chunk(heads, dim=-1),
        1,
    ),
    (N_("The heads lie side by side again: that is x itself."), lambda x, heads: x, 1),
    (
        N_("x is turned before it is cut: that mixes the numbers of several tokens."),
        lambda x, heads: x.mT.reshape(*x.shape[:-2], heads, x.shape[-2], -1),
        1,
    ),
    (
        N_("Only head 0 is there: all H heads are wanted, (…, H, N, D)."),
        lambda x, heads: split(x, heads)[..., 0, :, :],
        1,
    ),
    (
        N_("Each head has all channels: it must take D = C / H of them."),
        lambda x, heads: torch.stack([x] * heads, -3),
        1,
    ),
    (
        N_("The heads come in reversed order: head 0 takes the first D channels."),
        lambda x, heads: split(x, heads).flip(-3),
        1,
    ),
    (
        N_("The heads stand before all other axes: they belong just before the tokens, axis -3."),
        lambda x, heads: torch.stack(x.chunk(heads, dim=-1)),
        3,
    ),
    (
        N_("It takes axis 0 for the tokens, right for (N, C) only. They are axis -2 of x."),
        lambda x, heads: x.reshape(len(x), heads, -1).transpose(0, 1),
        3,
    ),
    (
        N_("It exchanges axes 0 and 1, right for (N, H, D) only. Count from the end: -3 and -2."),
        lambda x, heads: x.unflatten(-1, (heads, -1)).transpose(0, 1),
        3,
    ),
    (
        N_("It exchanges axes 1 and 2, right for (B, N, C) only. Count from the end: -3 and -2."),
        lambda x, heads: (
            split(x, heads) if x.dim() < 4 else x.unflatten(-1, (heads, -1)).transpose(1, 2)
        ),
        3,
    ),
    (
        N_("All heads get the channels of head 0. Head h takes those from h·D to (h + 1)·D."),
        lambda x, heads: torch.stack([x[..., : x.shape[-1] // heads]] * heads, -3),
        1,
    ),
    (AXES_IN_FRONT, lambda x, heads: rearrange(x, "n (h d) -> h n d", h=heads), 3),
    (AXES_IN_FRONT, lambda x, heads: rearrange(x, "b n (h d) -> b h n d", h=heads), 3),
)


def _find_mistake_in_split(answer):
    return find_mistake(answer, split, [*_cases(), *_deep_cases()], SPLITS, trained=True)


def merge_in_a_loop(out, order):
    """(H, N, D) -> (N, C)"""
    heads, tokens, width = out.shape
    merged = torch.zeros(tokens, heads * width, dtype=out.dtype)
    for h in range(heads):
        for n in range(tokens):
            for d in range(width):
                place = h * width + d if order == "h d" else d * heads + h
                merged[n, place] = out[h, n, d]
    return merged


def _joined(axes):
    """The axes in that order, read on into rows of C numbers."""

    def wrong(out, order):
        heads, tokens, width = out.shape[-3:]
        moved = rearrange(out, f"... h n d -> ... {axes}")
        return moved.reshape(*out.shape[:-3], tokens, heads * width)

    return wrong


def _plain_only(out, order, otherwise):
    """Right where there are no axes in front."""
    return merge(out, order) if out.dim() == 3 else otherwise


FIRST = N_("It takes axis 0 for the heads, right for (H, N, D) only. They are axis -3.")
MIXED = N_("Numbers of several tokens are mixed: the tokens must come first, (N, H, D).")
APART = N_("H and D are still two axes: join them, (…, N, C).")

MERGES = (
    (
        N_('This is the other order. "h d": all numbers of head 0, then all of head 1, and so on.'),
        lambda out, order: merge(out, "d h"),
        1,
    ),
    (
        N_('You merge "h d" whatever `order` says. "d h": number 0 of all heads, then number 1.'),
        lambda out, order: merge(out, "h d"),
        2,
    ),
    (
        N_(
            "The heads still stand in front when the axes are joined: "
            "bring them behind the tokens first, (N, H, D)."
        ),
        _joined("h n d"),
        1,
    ),
    (
        N_("That is (C, N): the tokens must be the rows."),
        lambda out, order: merge(out, order).mT,
        1,
    ),
    *((MIXED, _joined(axes), 1) for axes in ("d h n", "d n h")),
    (APART, lambda out, order: rearrange(out, "... h n d -> ... n h d"), 2),
    (APART, lambda out, order: rearrange(out, "... h n d -> ... n d h"), 2),
    (
        N_("The heads lie one below the other, (H·N, D): they belong side by side, (N, H·D)."),
        lambda out, order: rearrange(out, "... h n d -> ... (h n) d"),
        1,
    ),
    (
        N_("The heads lie in reversed order: head 0 comes first."),
        lambda out, order: merge(out.flip(-3), order),
        1,
    ),
    (
        N_("Only head 0 is there: all heads must come to lie side by side."),
        lambda out, order: out[..., 0, :, :],
        1,
    ),
    (
        N_("The heads were added: they must come to lie side by side, no number is changed."),
        lambda out, order: out.sum(-3),
        1,
    ),
    (
        N_("The heads were averaged: they must come to lie side by side, no number is changed."),
        lambda out, order: out.mean(-3),
        1,
    ),
    (N_("The heads are as they came: (…, H, N, D) must become (…, N, C)."), lambda out, _: out, 1),
    (
        N_("You join tokens and channels, (H, N·D). Join heads and channels: first (N, H, D)."),
        lambda out, order: out.flatten(-2),
        2,
    ),
    (FIRST, lambda out, order: _plain_only(out, order, out.transpose(0, 1).flatten(1)), 3),
    (FIRST, lambda out, order: _plain_only(out, order, torch.cat([*out], -1)), 3),
    (FIRST, lambda out, order: _plain_only(out, order, torch.stack([*out], -1).flatten(-2)), 3),
    (
        N_("It exchanges axes 1 and 2, right for (B, H, N, D) only. Count from the end: -3, -2."),
        lambda out, order: merge(out, order) if out.dim() < 5 else out.transpose(1, 2).flatten(-2),
        3,
    ),
    (
        N_("It exchanges axes 1 and 2, right for (B, H, N, D) only. Count from the end: -3, -2."),
        lambda out, order: out.transpose(1, 2).flatten(2) if order == "h d" else merge(out, order),
        3,
    ),
    (AXES_IN_FRONT, lambda out, order: rearrange(out, f"h n d -> n ({order})"), 3),
    (AXES_IN_FRONT, lambda out, order: rearrange(out, f"b h n d -> b n ({order})"), 3),
)


def _find_mistake_in_merge(answer):
    cases = [
        (split(x, heads), order)
        for x, heads in [*_cases(), *_deep_cases()]
        for order in ("h d", "d h")
    ]
    return find_mistake(answer, merge, cases, MERGES, trained=True)


def unscramble(y, heads):
    """(N, H·D), merged "d h" -> the same numbers merged "h d"."""
    return rearrange(y, "n (d h) -> n (h d)", h=heads)


def _several_tokens(y, heads):
    """A view (H, N, D) of numbers that do not lie so."""
    return rearrange(y.reshape(heads, len(y), -1), "h n d -> n (h d)")


TOKENS_MIXED = N_("Numbers of several tokens are mixed. The tokens must stay the first axis.")
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
    (TOKENS_MIXED, lambda y, heads: y.mT.reshape(y.shape)),
    (
        TOKENS_MIXED,
        lambda y, heads: y.reshape(-1, len(y), heads).transpose(0, 1).reshape(y.shape),
    ),
)


def _find_mistake_in_order(answer):
    return find_mistake(answer, unscramble, _cases(), SCRAMBLES, trained=True)


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


def _of_width(width):
    """Head h takes rows from h · width(weight, heads) on."""

    def matrices(weight, heads):
        size = width(weight, heads)
        return [
            tuple(part[head * size : (head + 1) * size] for part in weight.chunk(3))
            for head in range(heads)
        ]

    return matrices


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
    (
        N_("You take C / H for D. D is the number of rows, divided by 3·H: C need not be H·D."),
        _of_width(lambda weight, heads: weight.shape[1] // heads),
    ),
    (
        N_("All heads get the matrices of head 0."),
        lambda weight, heads: head_matrices(weight, heads)[:1] * heads,
    ),
)


def _find_mistake_in_matrices(answer):
    sizes = ((18, 2, 5), (36, 3, 4), (24, 4, 7), (9, 1, 3), (12, 2, 2), (144, 6, 48))
    generator = torch.Generator().manual_seed(0)
    cases = [(torch.randn(rows, c, generator=generator), heads) for rows, heads, c in sizes]
    return find_mistake(answer, head_matrices, cases, MATRICES)


def _cases():
    """Random (N, H·D), and H."""
    # N, H, D. The last is small enough to be looked at.
    sizes = ((6, 2, 3), (5, 3, 4), (4, 4, 2), (3, 1, 5), (2, 5, 1), (7, 6, 8), (2, 3, 2))
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(n, h * d, generator=generator), h) for n, h, d in sizes]


def _deep_cases():
    """The same with one axis in front, and with two."""
    generator = torch.Generator().manual_seed(1)
    sizes = (((2, 5, 6), 3), ((3, 2, 4, 6), 2))
    return [(torch.randn(size, generator=generator), heads) for size, heads in sizes]


EXERCISES = (
    Exercise(
        "heads.split",
        N_(
            "Write split(x: torch.Tensor, heads: int) -> torch.Tensor.\n"
            "x (…, N, C): each head takes D = C / H neighbouring channels of all tokens.\n"
            "Return (…, H, N, D). … stands for any axes in front, as B, or none: they stay.\n"
            "With rearrange, or with unflatten and transpose. Do not use attnlib."
        ),
        _find_mistake_in_split,
        (
            N_("Two steps: cut the axis C into two, (H, D), then exchange tokens and heads."),
            N_("x.unflatten(-1, (heads, -1)) is (…, N, H, D). Which two axes must be exchanged?"),
            N_(
                "Count axes from the end: there may be more in front. .transpose(-3, -2), or "
                "rearrange with three dots: '... n (h d) -> ... h n d', h=heads."
            ),
        ),
        split,
        loop=split_in_a_loop,
        rule=Rule(),
        axes=("token", "channel"),
    ),
    Exercise(
        "heads.merge",
        N_(
            "Write merge(out: torch.Tensor, order: str) -> torch.Tensor.\n"
            'out (…, H, N, D): what the heads give back. `order` is "h d" or "d h".\n'
            "Return (…, N, C): in each row the C = H · D numbers of one token, in that order.\n"
            "… stands for any axes in front, as B, or none: they stay.\n"
            "With rearrange, or with transpose or permute, and flatten. Do not use attnlib."
        ),
        _find_mistake_in_merge,
        (
            N_(
                "The tokens become the rows: bring (H, N, D) to (N, H, D) or to (N, D, H), then "
                "join the last two. The last letter runs fastest."
            ),
            N_("An f-string puts `order` into a pattern: f'... -> ... n ({order})'."),
            N_(
                "Count axes from the end: there may be more in front. With names it is "
                "rearrange(out, f'... h n d -> ... n ({order})')."
            ),
        ),
        merge,
        loop=merge_in_a_loop,
        rule=Rule(),
        axes=("head", "token", "channel"),
    ),
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
