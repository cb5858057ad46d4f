"""A module's attention with one step done otherwise: mistakes that lessons 03 and 04 both name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from einops import rearrange
from torch import Tensor, nn

from attnlib.course.exercises import pieces
from attnlib.course.language import N_

# Of a function that stops where other axes stand in front: lessons 02 and 03.
AXES_IN_FRONT = N_(
    "Your code is written for one number of axes. There may be any in front, or none: `...` in a "
    "pattern, or axes counted from the end."
)


def _chunked(qkv, heads):
    return qkv.chunk(3, -1)


@dataclass(frozen=True)
class Forward:
    """The steps from x to y. The first four say how this module attends, the others are as ever.

    Args:
        heads: the name of the attribute that says how many heads there are.
        scale: the module and the queries (…, H, N, D) -> the scale.
        order: in which the heads are merged.
        end: the module and the merged heads -> y.
        bias: the module and x -> what is added to the scores.
        parts: what qkv gives, and H -> of queries, keys and values, (…, N, H·D) each.
        split: one of them and H -> (…, H, N, D).
        attend: q, k, v, scale, bias -> out, weights.
        merge: out (…, H, N, D) and the order -> (…, N, H·D).
        returned: x, y and the weights -> what is returned.
    """

    heads: str
    scale: Callable
    order: str
    end: Callable
    bias: Callable = lambda module, x: 0
    parts: Callable = _chunked
    split: Callable = pieces.split
    attend: Callable = pieces.attend
    merge: Callable = pieces.merge
    returned: Callable = lambda x, y, weights: y

    def of(self, right: type[nn.Module], **steps: object) -> type[nn.Module]:
        """The module `right`, with some steps of its forward done otherwise."""
        done = replace(self, **steps)

        def forward(module, x):
            heads = getattr(module, done.heads)
            q, k, v = (done.split(part, heads) for part in done.parts(module.qkv(x), heads))
            out, weights = done.attend(q, k, v, done.scale(module, q), done.bias(module, x))
            y = done.end(module, done.merge(out, done.order))
            return done.returned(x, y, weights)

        return type(right.__name__, (right,), {"forward": forward})

    def mistakes(self, right: type[nn.Module]) -> Sequence[tuple]:
        """What `find_mistake_in_module` takes: the mistakes that any module can have."""
        return [(said, self.of(right, **steps), hint) for said, steps, hint in MISTAKES]


def _softmax_over(axis: int) -> Callable:
    def attend(q, k, v, scale, bias):
        weights = (scale * q @ k.mT + bias).softmax(axis)
        return weights @ v, weights

    return attend


def _among_heads(q, k, v, scale, bias) -> tuple[Tensor, Tensor]:
    out, weights = pieces.attend(*(part.transpose(-3, -2) for part in (q, k, v)), scale)
    return out.transpose(-3, -2), weights


def _with_the_mean_map(q, k, v, scale, bias):
    weights = pieces.attend(q, k, v, scale, bias)[1].mean(-3, keepdim=True)
    return weights @ v, weights


def _with_head_0(name: str) -> Callable:
    def attend(q, k, v, scale, bias):
        parts = {"q": q, "k": k, "v": v}
        parts[name] = parts[name][..., :1, :, :].expand(parts[name].shape)
        return pieces.attend(*parts.values(), scale, bias)

    return attend


def _split_by(pattern: str) -> Callable:
    return lambda part, heads: rearrange(part, pattern, h=heads)


def _parts_by(pattern: str) -> Callable:
    return lambda qkv, heads: rearrange(qkv, pattern, h=heads, three=3)


def _viewed(part, heads):
    *front, tokens, width = part.shape
    return part.reshape(*front, heads, tokens, width // heads)


def _joined_by_view(out, order):
    *front, heads, tokens, width = out.shape
    return out.reshape(*front, tokens, heads * width)


# A sentence, the steps that are done otherwise, the number of the hint that helps.
MISTAKES = (
    (
        N_("It returns y and the map. Only y is wanted."),
        {"returned": lambda x, y, weights: (y, weights)},
        3,
    ),
    (
        N_("It returns the map. y is wanted: the other result of attend, merged."),
        {"returned": lambda x, y, weights: weights},
        2,
    ),
    (
        N_("x is added to the result. That happens outside of this module, if at all."),
        {"returned": lambda x, y, weights: x + y},
        3,
    ),
    (
        N_(
            "Queries and keys are exchanged. chunk gives the queries first, then the keys, then "
            "the values."
        ),
        {"parts": lambda qkv, heads: [qkv.chunk(3, -1)[part] for part in (1, 0, 2)]},
        1,
    ),
    (
        N_(
            "Keys and values are exchanged. chunk gives the queries first, then the keys, then "
            "the values."
        ),
        {"parts": lambda qkv, heads: [qkv.chunk(3, -1)[part] for part in (0, 2, 1)]},
        1,
    ),
    (
        N_("The queries meet themselves: the second argument of attend must be the keys."),
        {"attend": lambda q, k, v, *rest: pieces.attend(q, q, v, *rest)},
        2,
    ),
    (
        N_("The weighted sum is of the keys: the third argument of attend must be the values."),
        {"attend": lambda q, k, v, *rest: pieces.attend(q, k, k, *rest)},
        2,
    ),
    (
        N_(
            "The heads were made before queries, keys and values were told apart. The first third "
            "of what qkv gives are the queries of all heads: chunk first, then split."
        ),
        {"parts": _parts_by("... (h three d) -> three ... (h d)")},
        1,
    ),
    (
        N_(
            "Queries, keys and values alternate, channel by channel, in your code. The first third "
            "of what qkv gives are the queries: use chunk."
        ),
        {"parts": _parts_by("... (h d three) -> three ... (h d)")},
        1,
    ),
    (
        N_("There is one head only: split queries, keys and values before they meet."),
        {"split": lambda part, heads: part.unsqueeze(-3)},
        1,
    ),
    (
        N_("The heads meet each other inside a token. Tokens must meet, inside a head: (H, N, D)."),
        {"attend": _among_heads},
        1,
    ),
    (
        N_(
            "A bare reshape splits the heads: it mixes the tokens. First give H and D axes of "
            "their own, behind N; then bring H to the front. Your split does both."
        ),
        {"split": _viewed},
        1,
    ),
    (
        N_(
            "The split is channel-major, (d h). A head takes D channels that are neighbours: (h d)."
        ),
        {"split": _split_by("... n (d h) -> ... h n d")},
        1,
    ),
    (
        N_("A bare reshape merges the heads: it mixes the tokens. Use merge."),
        {"merge": _joined_by_view},
        3,
    ),
    (
        N_("All heads use the mean of their maps. Each head must keep its own."),
        {"attend": _with_the_mean_map},
        2,
    ),
    (N_("All heads use the queries of head 0."), {"attend": _with_head_0("q")}, 1),
    (N_("All heads use the keys of head 0."), {"attend": _with_head_0("k")}, 1),
    (N_("All heads use the values of head 0."), {"attend": _with_head_0("v")}, 1),
    (
        N_("The softmax runs over the queries. It must run over the keys: the last axis."),
        {"attend": _softmax_over(-2)},
        2,
    ),
    (
        N_("The softmax runs over the heads. It must run over the keys: the last axis."),
        {"attend": _softmax_over(-3)},
        2,
    ),
    *(
        (
            N_(
                "Queries, keys and values are exchanged. chunk gives the queries first, then the "
                "keys, then the values."
            ),
            {"parts": lambda qkv, heads, order=order: [qkv.chunk(3, -1)[part] for part in order]},
            1,
        )
        for order in ((2, 1, 0), (1, 2, 0), (2, 0, 1))
    ),
    *(
        (
            N_("The number of heads is fixed in your code. __init__ keeps it in self."),
            {"split": lambda part, heads, fixed=fixed: pieces.split(part, fixed)},
            1,
        )
        for fixed in (2, 4, 6)
    ),
)
