"""Mend three modules that run, keep all shapes, and are wrong."""

import torch
from einops import rearrange

from attnlib.course.language import N_
from attnlib.course.widgets.checking import find_mistake
from attnlib.course.widgets.exercise import Exercise


def merge(out):
    """(B, G, H, N, D) -> (B, G, N, C): channel by channel, the heads in turn."""
    return out.movedim(-3, -1).flatten(-2)  # by way of (B, G, N, D, H)


def _head_major(out):
    return rearrange(out, "b g h n d -> b g n (h d)")


MERGES = (
    (
        N_(
            "That is the merge as it came, 'h d': head after head. NesT's proj expects its columns "
            "in the other order."
        ),
        _head_major,
    ),
    (N_("That is one head alone; all of them belong into the row."), lambda out: out[:, :, 0]),
    (
        N_("The order is 'd h' now, but inside (N, D, H): make the last two axes one."),
        lambda out: out.movedim(-3, -1),
    ),
    (
        N_(
            "The heads are behind the tokens, (N, H, D): go on, make one axis of the two, D before "
            "H."
        ),
        lambda out: out.transpose(-3, -2),
    ),
    (
        N_("Numbers of several tokens are mixed: bring the heads behind the tokens, then join."),
        lambda out: out.reshape(*out.shape[:2], out.shape[3], -1),
    ),
    (
        N_(
            "Numbers of several tokens are mixed: D came to the front of N. The tokens must stay a "
            "row each."
        ),
        lambda out: rearrange(out, "b g h n d -> b g (d h n)").reshape(
            *out.shape[:2], out.shape[3], -1
        ),
    ),
    (
        N_("The columns moved the other way round, or H and D are exchanged: 'd h', with H heads."),
        lambda out: rearrange(_head_major(out), "b g n (d h) -> b g n (h d)", h=out.shape[2]),
    ),
    (
        N_("The heads were reversed. Head 0 must come first in each group of H columns."),
        lambda out: merge(out.flip(2)),
    ),
    (N_("The columns are in reversed order."), lambda out: merge(out).flip(-1)),
    (N_("Transposed: the tokens must be the rows, (N, C)."), lambda out: merge(out).mT),
    (
        N_("The heads are added up. Side by side each keeps its own columns."),
        lambda out: out.sum(2),
    ),
)


def _find_mistake_in_merge(answer):
    generator = torch.Generator().manual_seed(0)
    shapes = ((1, 2, 3, 5, 4), (2, 1, 4, 3, 2), (2, 3, 2, 4, 6), (1, 1, 3, 3, 3))
    cases = [(torch.randn(shape, generator=generator),) for shape in shapes]
    return find_mistake(answer, merge, cases, MERGES)


def owner(length, num_segments):
    """(L,): the number of the segment that each frame lies in."""
    size = -(-length // num_segments)  # rounded up
    return torch.arange(length) // size


def _of_size(rule, last=True):
    """Segments of `rule(length, num_segments)` frames; the last one takes the rest, or not."""

    def owner_by_size(length, num_segments):
        number = torch.arange(length) // rule(length, num_segments)
        return number.clamp(max=num_segments - 1) if last else number

    return owner_by_size


def _spread(length, num_segments):
    parts = torch.arange(length).tensor_split(num_segments)
    return torch.cat([torch.full_like(part, number) for number, part in enumerate(parts)])


OWNERS = (
    (
        N_(
            "The size is rounded down, and the last segment takes the rest. It must always be "
            "rounded up."
        ),
        _of_size(lambda length, n: length // n),
    ),
    (
        N_("The size is rounded down, so that there are frames left for a segment too many."),
        _of_size(lambda length, n: length // n, last=False),
    ),
    (
        N_(
            "One more than rounded down is not rounded up: where it divides, it is one too large. "
            "40 frames in 4 segments are 10 each, not 11."
        ),
        _of_size(lambda length, n: length // n + 1),
    ),
    (
        N_("The frames are shared out evenly: every segment has ⌈L / G⌉ while there are any."),
        _spread,
    ),
    (
        N_("frame · G // L shares out evenly. Every segment has ⌈L / G⌉ while there are any."),
        lambda length, n: torch.arange(length) * n // length,
    ),
    (
        N_("You divide by the number of segments; divide by their size."),
        lambda length, n: torch.arange(length) // n,
    ),
    (
        N_("% deals frames out in turn; a segment holds neighbours: //."),
        lambda length, n: torch.arange(length) % n,
    ),
    (
        N_("% is the place inside the segment; the number of the segment is //."),
        lambda length, n: torch.arange(length) % -(-length // n),
    ),
    (N_("Segments are counted from 0."), lambda length, n: owner(length, n) + 1),
    (
        N_("That is where the segments begin; wanted is the number of the segment of every frame."),
        lambda length, n: owner(length, n) * -(-length // n),
    ),
)
LENGTHS = ((30, 4), (32, 4), (40, 4), (9, 4), (10, 4), (16, 5), (23, 6), (5, 8), (1, 2), (7, 7))


def _find_mistake_in_owner(answer):
    return find_mistake(answer, owner, LENGTHS, OWNERS)


def weights(q, k):
    """(…, H, L, D), twice -> (…, H, L, L): queries down, keys across."""
    scores = q @ k.mT  # PGL-SUM does not scale them
    return scores.softmax(dim=-1)


def _along(dim):
    return lambda q, k: (q @ k.mT).softmax(dim=dim)


WEIGHTS = (
    (N_("Each *column* sums to 1, not each row: dim=1 of (H, L, L) are the queries."), _along(1)),
    (
        N_(
            "For (H, L, L) that is right, with a batch in front it is not: dim=2 is then another "
            "axis. Count from the end."
        ),
        _along(2),
    ),
    (
        N_("dim=0 is the first axis: the heads, or the batch. Each row of a map must sum to 1."),
        _along(0),
    ),
    (N_("That softmax goes over the heads. Each row of a map must sum to 1."), _along(-3)),
    (N_("These are the scores: the softmax is missing."), lambda q, k: q @ k.mT),
    (
        N_("The map is transposed: queries go down, keys across, q @ k.mT."),
        lambda q, k: (k @ q.mT).softmax(-1),
    ),
    (
        N_("That is the right map, transposed: queries go down, q @ k.mT, and dim=-1."),
        lambda q, k: (k @ q.mT).softmax(-2),
    ),
    (
        N_("You divide the scores by √D. PGL-SUM does not: its parameters were learned without."),
        lambda q, k: (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1),
    ),
    (
        N_("One softmax goes over all pairs of a map together; each row must sum to 1."),
        lambda q, k: (q @ k.mT).flatten(-2).softmax(-1).unflatten(-1, (q.shape[-2], k.shape[-2])),
    ),
    (
        N_("The rows sum to 1, but without exp: a softmax takes it first."),
        lambda q, k: q @ k.mT / (q @ k.mT).sum(-1, keepdim=True),
    ),
    (
        N_("The softmax is taken of queries and keys; it belongs to their products, the scores."),
        lambda q, k: q.softmax(-1) @ k.softmax(-1).mT,
    ),
    (
        N_("That is log_softmax: the logarithms of the weights."),
        lambda q, k: (q @ k.mT).log_softmax(-1),
    ),
    (
        N_("Two softmaxes, one after the other: the one over the keys is enough."),
        lambda q, k: _along(-2)(q, k).softmax(-1),
    ),
)


def _find_mistake_in_weights(answer):
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 5, 4), (2, 7, 3), (1, 4, 6), (2, 3, 6, 4), (5, 1, 4, 2))
    cases = [tuple(torch.randn(2, *shape, generator=generator)) for shape in shapes]
    return find_mistake(answer, weights, cases, WEIGHTS)


EXERCISES = (
    Exercise(
        "capstone.merge",
        N_(
            "Mend the merge of the first suspect. Write merge(out: torch.Tensor) -> torch.Tensor:\n"
            "(B, G, H, N, D) -> (B, G, N, C), C = H·D, in the order in which NesT's proj, the "
            "output\nmatrix, expects it. With the methods of tensors, or with rearrange."
        ),
        _find_mistake_in_merge,
        (
            N_("Compare the two patterns that the X-ray printed: which letters changed places?"),
            N_("It must be 'b g h n d -> b g n (d h)'. D is the slower of the two axes."),
            N_("First to (B, G, N, D, H): movedim(-3, -1), or permute. Then flatten(-2)."),
        ),
        merge,
    ),
    Exercise(
        "capstone.owner",
        N_(
            "Mend the rule of the second suspect. Write owner(length: int, num_segments: int) ->\n"
            "torch.Tensor (L,) of whole numbers: the segment of every frame, counted from 0, as\n"
            "lesson 05 has it. It must hold for every length, also for 9 frames in 4 segments."
        ),
        _find_mistake_in_owner,
        (
            N_("Look at the picture for 30 tokens: how many lie in the first segment?"),
            N_("The size of a segment is ⌈length / num_segments⌉, rounded up."),
            N_("-(-length // num_segments) rounds up. After that nothing is left to be clamped."),
        ),
        owner,
    ),
    Exercise(
        "capstone.weights",
        N_(
            "Mend the weights of the third suspect. Write weights(q, k) -> torch.Tensor:\n"
            "(…, H, L, D), twice -> (…, H, L, L), queries down, keys across, not scaled. It must "
            "not\nbreak again when somebody puts a batch in front."
        ),
        _find_mistake_in_weights,
        (
            N_("A row of a map holds the weights of one query. What must it sum to?"),
            N_("(H, L, L): axis 0 are the heads, axis 1 the queries, axis 2 the keys."),
            N_("The softmax goes over the keys: the last axis, however many stand before it."),
        ),
        weights,
    ),
)
