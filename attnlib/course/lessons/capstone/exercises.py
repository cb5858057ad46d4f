"""Mend three modules that run, keep all shapes, and are wrong."""

import torch
from einops import rearrange

from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.language import N_


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
        2,
    ),
    (N_("That is one head alone; all of them belong into the row."), lambda out: out[:, :, 0], 1),
    (
        N_("The order is 'd h' now, but inside (N, D, H): make the last two axes one."),
        lambda out: out.movedim(-3, -1),
        3,
    ),
    (
        N_(
            "The heads are behind the tokens, (N, H, D): go on, make one axis of the two, D before "
            "H."
        ),
        lambda out: out.transpose(-3, -2),
        3,
    ),
    (
        N_("Numbers of several tokens are mixed: bring the heads behind the tokens, then join."),
        lambda out: out.reshape(*out.shape[:2], out.shape[3], -1),
        3,
    ),
    (
        N_(
            "Numbers of several tokens are mixed: D came to the front of N. The tokens must stay a "
            "row each."
        ),
        lambda out: rearrange(out, "b g h n d -> b g (d h n)").reshape(
            *out.shape[:2], out.shape[3], -1
        ),
        3,
    ),
    (
        N_("The columns moved the other way round, or H and D are exchanged: 'd h', with H heads."),
        lambda out: rearrange(_head_major(out), "b g n (d h) -> b g n (h d)", h=out.shape[2]),
        2,
    ),
    (
        N_("The heads were reversed. Head 0 must come first in each group of H columns."),
        lambda out: merge(out.flip(2)),
    ),
    (N_("The columns are in reversed order."), lambda out: merge(out).flip(-1)),
    (N_("Transposed: the tokens must be the rows, (N, C)."), lambda out: merge(out).mT, 3),
    (
        N_("The heads are added up. Side by side each keeps its own columns."),
        lambda out: out.sum(2),
        1,
    ),
    (
        N_("You take the mean of the heads. Side by side each keeps its own columns."),
        lambda out: out.mean(2),
        1,
    ),
    (
        N_("The heads are joined with the tokens, (H·N, D). Join them with D: (N, C)."),
        lambda out: out.flatten(2, 3),
        1,
    ),
    (
        N_("D and the tokens changed places: the rows must be tokens, (N, C)."),
        lambda out: out.transpose(-3, -1).flatten(-2),
        1,
    ),
    (
        N_("D and the tokens changed places: the rows must be tokens, (N, C)."),
        lambda out: rearrange(out, "b g h n d -> b g d (n h)"),
        1,
    ),
    (
        N_("Numbers of several tokens are mixed: bring the heads behind the tokens, then join."),
        lambda out: out.mT.reshape(*out.shape[:2], out.shape[3], -1),
        3,
    ),
    (
        N_("The blocks were joined. G must stay an axis of its own."),
        lambda out: merge(out).flatten(1, 2),
    ),
    (
        N_("The batch is gone: B must stay the first axis."),
        lambda out: merge(out)[0],
    ),
)


def _find_mistake_in_merge(answer):
    generator = torch.Generator().manual_seed(0)
    shapes = ((1, 2, 3, 5, 4), (2, 1, 4, 3, 2), (2, 3, 2, 4, 6), (1, 1, 3, 3, 3))
    cases = [(torch.randn(shape, generator=generator),) for shape in shapes]
    return find_mistake(answer, merge, cases, MERGES, trained=True)


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


FIXED = N_("Four segments are fixed in your code: use num_segments.")
OWNERS = (
    (FIXED, lambda length, n: owner(length, 4)),
    (
        N_(
            "The size is rounded down, and the last segment takes the rest. It must always be "
            "rounded up."
        ),
        _of_size(lambda length, n: length // n),
        2,
    ),
    (
        N_("The size is rounded down, so that there are frames left for a segment too many."),
        _of_size(lambda length, n: length // n, last=False),
        2,
    ),
    (
        N_(
            "One more than rounded down is not rounded up: where it divides, it is one too large. "
            "40 frames in 4 segments are 10 each, not 11."
        ),
        _of_size(lambda length, n: length // n + 1),
        3,
    ),
    (
        N_("The frames are shared out evenly: every segment has ⌈L / G⌉ while there are any."),
        _spread,
        2,
    ),
    (
        N_("frame · G // L shares out evenly. Every segment has ⌈L / G⌉ while there are any."),
        lambda length, n: torch.arange(length) * n // length,
        2,
    ),
    (
        N_("You divide by the number of segments; divide by their size."),
        lambda length, n: torch.arange(length) // n,
        2,
    ),
    (
        N_("% deals frames out in turn; a segment holds neighbours: //."),
        lambda length, n: torch.arange(length) % n,
        1,
    ),
    (
        N_("% is the place inside the segment; the number of the segment is //."),
        lambda length, n: torch.arange(length) % -(-length // n),
        1,
    ),
    (N_("Segments are counted from 0."), lambda length, n: owner(length, n) + 1),
    (
        N_("That is where the segments begin; wanted is the number of the segment of every frame."),
        lambda length, n: owner(length, n) * -(-length // n),
    ),
    (
        N_("Those are the first frames of the segments. Wanted is a number for every frame."),
        lambda length, n: torch.arange(0, length, -(-length // n)),
    ),
    (
        N_("Those are the lengths of the segments. Wanted is a number for every frame."),
        lambda length, n: torch.bincount(owner(length, n), minlength=n),
    ),
    (
        N_("Frames 0 to size − 1 make segment 0: the number is frame // size, rounded down."),
        lambda length, n: -(-torch.arange(length) // -(-length // n)),
    ),
    (
        N_("You give more numbers than there are frames. The last segments are shorter."),
        lambda length, n: torch.arange(n).repeat_interleave(-(-length // n)),
    ),
    (
        N_("The size is rounded down, and the frames at the end have no number."),
        lambda length, n: torch.arange(n).repeat_interleave(length // n),
        2,
    ),
    (
        N_("The segments are counted from the end."),
        lambda length, n: owner(length, n).flip(0),
    ),
)
LENGTHS = (
    *((30, 4), (32, 4), (40, 4), (9, 4), (10, 4), (20, 6)),
    *((16, 5), (23, 6), (5, 8), (1, 2), (7, 7)),
)


def _find_mistake_in_owner(answer):
    return find_mistake(answer, owner, LENGTHS, OWNERS)


def weights(q, k):
    """(…, H, L, D), twice -> (…, H, L, L): queries down, keys across."""
    scores = q @ k.mT  # PGL-SUM does not scale them
    return scores.softmax(dim=-1)


def _along(dim):
    return lambda q, k: (q @ k.mT).softmax(dim=dim)


def _by_powers(scores):
    powers = scores.exp()
    return powers / powers.sum(-1, keepdim=True)


WEIGHTS = (
    (
        N_("Each *column* sums to 1, not each row: dim=1 of (H, L, L) are the queries."),
        _along(1),
        2,
    ),
    (
        N_(
            "For (H, L, L) that is right, with a batch in front it is not: dim=2 is then another "
            "axis. Count from the end."
        ),
        _along(2),
        3,
    ),
    (
        N_("dim=0 is the first axis: the heads, or the batch. Each row of a map must sum to 1."),
        _along(0),
        2,
    ),
    (N_("That softmax goes over the heads. Each row of a map must sum to 1."), _along(-3), 2),
    (N_("These are the scores: the softmax is missing."), lambda q, k: q @ k.mT, 1),
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
        1,
    ),
    (
        N_("The rows sum to 1, but without exp: a softmax takes it first."),
        lambda q, k: q @ k.mT / (q @ k.mT).sum(-1, keepdim=True),
        1,
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
        3,
    ),
    (
        N_(
            "exp of a score over 88 is infinite, and scores that are not scaled can be larger. "
            "Take each row's largest away first, or use softmax."
        ),
        lambda q, k: _by_powers(q @ k.mT),
    ),
    (
        N_(
            "You subtract the largest score of all rows. A row far below it has only zeros then: "
            "take each row's own."
        ),
        lambda q, k: _by_powers(q @ k.mT - (q @ k.mT).max()),
    ),
    (
        N_("You cut large scores off: two that are different then get the same weight."),
        lambda q, k: (q @ k.mT).clamp(-80, 80).softmax(-1),
    ),
    (
        N_("64 ** 0.5 is the scale of another lesson, and PGL-SUM takes none."),
        lambda q, k: (q @ k.mT / 64**0.5).softmax(-1),
    ),
    (
        N_("8 ** -0.5 is the scale of another lesson, and PGL-SUM takes none."),
        lambda q, k: (q @ k.mT * 8**-0.5).softmax(-1),
    ),
    (
        N_("You divide the scores by D. PGL-SUM does not: its parameters were learned without."),
        lambda q, k: (q @ k.mT / q.shape[-1]).softmax(-1),
    ),
    (
        N_("You divide the scores by the root of the length. PGL-SUM does not scale them."),
        lambda q, k: (q @ k.mT / q.shape[-2] ** 0.5).softmax(-1),
    ),
    (
        N_("All heads meet the keys of head 0. Each has its own."),
        lambda q, k: (q @ k[..., :1, :, :].mT).softmax(-1),
    ),
    (N_("The queries meet themselves. They must meet the keys."), lambda q, k: weights(q, q)),
    (N_("The keys meet themselves. The queries must meet them."), lambda q, k: weights(k, k)),
    (
        N_("That is the mean over the heads. Each head has its own map."),
        lambda q, k: weights(q, k).mean(-3),
    ),
    (
        N_("The sign is turned: the largest score must get the largest weight."),
        lambda q, k: weights(-q, k),
    ),
    (
        N_("Each token sees only those before it. Nobody asked for a mask."),
        lambda q, k: (
            (q @ k.mT)
            .masked_fill(torch.ones(2 * q.shape[-2:-1]).triu(1).bool(), -torch.inf)
            .softmax(-1)
        ),
    ),
)


def _find_mistake_in_weights(answer):
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 5, 4), (2, 7, 3), (1, 4, 6), (2, 3, 6, 4), (5, 1, 4, 2))
    cases = [tuple(torch.randn(2, *shape, generator=generator)) for shape in shapes]
    q, k = torch.rand(2, 2, 4, 3, generator=generator)
    q[..., 0], k[..., 0] = 1, 88 / 0.3
    cases.append((q, 0.3 * k))  # scores of 88 to 88.6: each exp is finite, their sum is not
    q = torch.tensor([[[1024.0, 0.0], [-1024.0, 1.0], [1.0, 2.0]]])
    k = torch.tensor([[[1024.0, 512.0], [1025.0, 0.0], [1023.0, 1024.0]]]) / 1024
    cases.append((torch.cat([q, -q]), k))  # scores round 1024, -1024 and 2, without rounding
    return find_mistake(answer, weights, cases, WEIGHTS, trained=True)


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
        axes=("b", "g", "h", "n", "d"),
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
            "(…, H, L, D), twice -> (…, H, L, L), queries down, keys across, not scaled, so that\n"
            "scores may be large. It must not break again when somebody puts a batch in front."
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
