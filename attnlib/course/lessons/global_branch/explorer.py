"""What PGL-SUM's global branch leaves out: scale, dropout in use, and all maps but one."""

from collections.abc import Callable, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from attnlib.attention import attention
from attnlib.checks import check_divides
from attnlib.course.evenness import entropy, evenness
from attnlib.course.language import paragraph, say
from attnlib.course.lessons.global_branch.figures import plot_global
from attnlib.course.widgets.controls import choice, fine_slider, states
from attnlib.course.widgets.explorer import Explorer
from attnlib.course.widgets.formatting import divisors, either, two
from attnlib.layout import split_heads

SCALES = ("1", "1/√D")
MOST_HEADS = 8  # that are drawn large enough to be seen
MOST_DROPPED = 0.9


def global_drawer(x: Tensor, edges: Sequence[int] = ()) -> Callable[..., tuple[Figure, str]]:
    """draw(scale, heads, dropout) -> the weights of all heads, and the map that is returned.

    Queries, keys and values are the tokens themselves: head h takes its D = C / H channels of them.
    What is seen comes from the tokens, not from parameters. The dropped weights are the same at
    every call, and more dropout drops these and others.

    Args:
        x: (L, C) features of real frames, L at least 2.
        edges: tokens before which a line is drawn, such as the cuts between shots.
    """
    if x.dim() != 2 or len(x) < 2:
        raise ValueError(f"x must be (L, C), L at least 2, got shape {tuple(x.shape)}")
    x, length = x.double(), len(x)
    chance = torch.rand(MOST_HEADS, length, length, generator=torch.Generator().manual_seed(0))

    def draw(scale: str, heads: int, dropout: float) -> tuple[Figure, str]:
        _check(scale, heads, dropout, x.shape[-1])
        q = split_heads(x, heads)  # (H, L, D): queries, keys and values alike
        factor = 1.0 if scale == "1" else q.shape[-1] ** -0.5
        weights = attention(q, q, q, scale=factor)[1].weights()  # (H, L, L)
        kept = chance[:heads] >= dropout
        used = weights * kept / (1 - dropout)
        entropies = evenness(entropy(weights), length)  # (H,)
        titles = [
            *(
                say("head {head}: {share:.0%}", head=head, share=share)
                for head, share in enumerate(entropies)
            ),
            say("returned: head {head}", head=heads - 1),
        ]
        figure = plot_global(used, weights[-1], titles, edges)
        lines = _read(scale, q.shape[-1], factor * (q @ q.mT), weights, entropies)
        lines += _read_dropout(dropout, kept, used) if dropout else ()
        return figure, "\n".join(lines)

    return draw


def explore_global(x: Tensor, edges: Sequence[int] = ()) -> Explorer:
    """Choose scale, heads and dropout: what is used, and what is returned? See `global_drawer`."""
    possible = [heads for heads in divisors(x.shape[-1]) if heads <= MOST_HEADS]
    controls = {
        "scale": choice(say("scale"), "1", SCALES),
        "heads": choice(say("heads"), possible[-1], possible),
        "dropout": fine_slider(say("dropout"), 0.0, 0.0, MOST_DROPPED),
    }
    # For a page few: each holds several maps, and dropout makes noise of them.
    few = [heads for heads in possible if heads in (1, 2, 4)]
    recorded = states(controls, heads=few, dropout=(0.0, 0.5))
    return Explorer("explore_global", global_drawer(x, edges), controls, recorded=recorded)


def _check(scale, heads, dropout, channels):
    if scale not in SCALES:
        raise ValueError(f"scale must be {either(SCALES)}, got {scale!r}")
    check_divides("heads", heads, "C", channels)
    if heads > MOST_HEADS:
        raise ValueError(f"heads must be at most {MOST_HEADS}, or none is seen, got {heads}")
    if not 0 <= dropout <= MOST_DROPPED:
        raise ValueError(f"dropout must lie in 0 … {MOST_DROPPED}, got {dropout!r}")


def _read(scale, head_dim, scores, weights, entropies):
    """Three lines: the scores, the entropies, the map that is returned."""
    heads, last = len(weights), weights[-1]
    query, key = divmod(last.argmax().item(), len(last))
    spanned = say(
        "H = {heads}, D = {head_dim}, scale {scale}: the scores run from {least} to {most}.",
        heads=heads,
        head_dim=head_dim,
        scale=scale,
        least=two(scores.min()),
        most=two(scores.max()),
    )
    returned = say(
        "Returned is the map of head {head}; its largest weight is {weight} (query {query} on key "
        "{key}).",
        head=heads - 1,
        weight=two(last.max()),
        query=query,
        key=key,
    )
    return spanned, _read_entropies(entropies), paragraph(returned, _read_unseen(heads))


def _read_entropies(entropies):
    each = ", ".join(f"{share:.0%}" for share in entropies)
    if len(entropies) == 1:
        return say("Entropy, against uniform attention's, of head 0: {each}.", each=each)
    return say(
        "Entropy, against uniform attention's, of heads 0 to {last}: {each}.",
        last=len(entropies) - 1,
        each=each,
    )


def _read_unseen(heads):
    if heads > 2:
        return say("The maps of the other {others} are not returned.", others=heads - 1)
    return say("The map of head 0 is not returned.") if heads == 2 else ""


def _read_dropout(dropout, kept, used):
    """Two lines: what is dropped, and what the rows sum to now."""
    sums = used.sum(-1)
    drops = say(
        "Dropout {dropout:.1f}: {share:.0%} of the weights become zero, "
        "the others {times} times as large.",
        dropout=dropout,
        share=1 - kept.double().mean(),
        times=two(1 / (1 - dropout)),
    )
    rows = say(
        "Rows now sum to {least} up to {most}, and not to 1. "
        "The returned map was made before that.",
        least=two(sums.min()),
        most=two(sums.max()),
    )
    return drops, rows
