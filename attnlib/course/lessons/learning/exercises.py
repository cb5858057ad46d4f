"""Weight on the ideal pairs, what a token of level 2 has seen, maps of two trainings."""

from itertools import permutations

import torch

from attnlib.course.exercises.checking import find_mistake
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.language import N_


def weight_on(weights, source):
    """Mean weight that query i gives to key source[i]: (H, L, L), (L,) -> (H,)."""
    query = torch.arange(len(source))
    return weights[:, query, source].mean(-1)


def _rows_won(weights, source):
    return (weights.argmax(-1) == source).float().mean(-1)


def _first_source(weights, source):
    return weights[:, :, source[0]].mean(-1)


WEIGHT_MISTAKES = (
    (
        N_(
            "Queries and keys are exchanged: query i is a row, its key source[i] a column. (On the "
            "antidiagonal you would not see it.)"
        ),
        lambda weights, source: weight_on(weights.mT, source),
        1,
    ),
    (
        N_("That is the sum. Take the mean over the queries."),
        lambda weights, source: weight_on(weights, source) * len(source),
    ),
    (
        N_("That is the mean over all L · L cells. Take it over the L queries."),
        lambda weights, source: weight_on(weights, source) / len(source),
    ),
    (
        N_("That is the main diagonal, what each token gives to itself."),
        lambda weights, source: weights.diagonal(dim1=-2, dim2=-1).mean(-1),
        1,
    ),
    (
        N_("That is the antidiagonal, right for the reverse task alone. Take source."),
        lambda weights, source: weight_on(weights, torch.arange(len(source)).flip(0)),
        1,
    ),
    (
        N_(
            "weights[:, :, source] takes whole columns: every query with every source. Pair query "
            "i with source[i]."
        ),
        lambda weights, source: weights[:, :, source].mean((-2, -1)),
        2,
    ),
    (
        N_("You give one number. Each head has its own: the mean is over queries only."),
        lambda weights, source: weight_on(weights, source).mean(),
        3,
    ),
    (
        N_("You give a number for each query, (H, L). Take their mean."),
        lambda weights, source: weights[:, torch.arange(len(source)), source],
        3,
    ),
    (
        N_(
            "You count the queries whose largest weight is at the right key. How large it is "
            "counts."
        ),
        _rows_won,
        1,
    ),
    (N_("You take source[0] for every query."), _first_source, 1),
    (
        N_("Your mean is over the heads. Each head has its own: the mean is over queries only."),
        lambda weights, source: weights[:, torch.arange(len(source)), source].mean(0),
        3,
    ),
    (
        N_("weights[:, source] takes whole rows, which sum to 1. Pair query i with key source[i]."),
        lambda weights, source: weights[:, source].mean((-2, -1)),
        2,
    ),
    (
        N_("weights[:, source, source]: the query is i, and only its key is source[i]."),
        lambda weights, source: weights[:, source, source].mean(-1),
        2,
    ),
    (
        N_(
            "weights[:, :, source] takes whole columns: every query with every source. Pair query "
            "i with source[i]."
        ),
        lambda weights, source: weights[:, :, source].mean(-1),
        2,
    ),
    (
        N_("That is the largest weight of each query, wherever it stands. Take key source[i]."),
        lambda weights, source: weights.amax(-1).mean(-1),
        1,
    ),
    (
        N_("You take logarithms. Take the mean of the weights themselves."),
        lambda weights, source: weights[:, torch.arange(len(source)), source].log().mean(-1),
    ),
    (
        N_("That is 1 minus the mean: the weight that goes elsewhere."),
        lambda weights, source: 1 - weight_on(weights, source),
    ),
    (
        N_("You give head 0 alone. Each head has its own mean: (H,)."),
        lambda weights, source: weight_on(weights, source)[0],
        3,
    ),
)


def _random_weights():
    generator = torch.Generator().manual_seed(0)
    cases = []
    for heads, length in ((3, 5), (1, 6), (3, 4), (2, 7), (5, 3)):
        scores = 2 * torch.randn(heads, length, length, generator=generator)
        source = torch.randint(length, (length,), generator=generator)
        source[:2] = torch.tensor([1, 1])  # two queries may have one source
        cases.append((scores.softmax(-1), source))
    return cases


def pixels_seen(cell, side, block):
    """The first and the last pixel along one edge that a token of level 2 has seen."""
    first, last = 2 * cell - 1, 2 * cell + 1  # the maximum: three tokens round 2 · cell
    first, last = max(first - 1, 0), min(last + 1, side - 1)  # the convolution: one more each
    return first // block * block, last // block * block + block - 1  # attention: whole blocks


def _widened(first, last, side, block):
    first, last = max(first, 0), min(last, side - 1)
    return first // block * block, last // block * block + block - 1


def _block_first(cell, side, block):
    first, last = _widened(2 * cell, 2 * cell, side, block)
    return max(first - 2, 0), min(last + 2, side - 1)


def _cells():
    """First two that tell the mistakes apart, the second those of how much the maximum sees."""
    sizes = ((12, 1), (8, 4), (16, 4), (12, 3), (20, 10), (24, 8))
    cells = [(c, side, block) for side, block in sizes for c in range(side // 2)]
    return [(7, 20, 5), (2, 12, 1), *cells]


SEEN_MISTAKES = (
    (
        N_("That is where it stands. What has it seen?"),
        lambda cell, side, block: (2 * cell, 2 * cell + 1),
        1,
    ),
    (
        N_(
            "You forgot the attention of level 1: what reaches this token has seen its whole block."
        ),
        lambda cell, side, block: (max(2 * cell - 2, 0), min(2 * cell + 2, side - 1)),
        3,
    ),
    (
        N_("You forgot that a picture ends: no pixel before 0, none after side − 1."),
        lambda cell, side, block: (
            (2 * cell - 2) // block * block,
            (2 * cell + 2) // block * block + block - 1,
        ),
        2,
    ),
    (
        N_(
            "You forgot the maximum or the convolution: each of the two sees three places, so "
            "together five."
        ),
        lambda cell, side, block: _widened(2 * cell - 1, 2 * cell + 1, side, block),
        2,
    ),
    (
        N_("The maximum is over three places, 2 · cell − 1 to 2 · cell + 1, not over two."),
        lambda cell, side, block: _widened(2 * cell - 1, 2 * cell + 2, side, block),
        1,
    ),
    (
        N_("The maximum is over 2 · cell − 1 to 2 · cell + 1, not over 2 · cell to 2 · cell + 2."),
        lambda cell, side, block: _widened(2 * cell - 1, 2 * cell + 3, side, block),
        1,
    ),
    (
        N_(
            "The order: attention comes first, then the convolution, then the maximum. Go "
            "backwards, and widen to whole blocks last."
        ),
        _block_first,
        1,
    ),
    (
        N_("The last pixel itself is asked for, not the one after it."),
        lambda cell, side, block: (
            pixels_seen(cell, side, block)[0],
            pixels_seen(cell, side, block)[1] + 1,
        ),
    ),
    (
        N_("The first pixel comes first, then the last: (first, last)."),
        lambda *case: pixels_seen(*case)[::-1],
    ),
    (
        N_("You widen to whole blocks at the start only. The last place has seen its block, too."),
        lambda cell, side, block: (
            pixels_seen(cell, side, block)[0],
            min(2 * cell + 2, side - 1),
        ),
        3,
    ),
    (
        N_("You widen to whole blocks at the end only. The first place has seen its block, too."),
        lambda cell, side, block: (max(2 * cell - 2, 0), pixels_seen(cell, side, block)[1]),
        3,
    ),
    (
        N_("You forgot the maximum and the convolution: that is one block of level 1."),
        lambda cell, side, block: _widened(2 * cell, 2 * cell, side, block),
        1,
    ),
    (
        N_("Cell c of the maximum lies at place 2 · c of level 1, not at c."),
        lambda cell, side, block: _widened(cell - 2, cell + 2, side, block),
        1,
    ),
    (
        N_("You give where the last block begins. Its last pixel is block − 1 further."),
        lambda cell, side, block: (
            pixels_seen(cell, side, block)[0],
            pixels_seen(cell, side, block)[1] - block + 1,
        ),
        3,
    ),
    (
        N_("The second number must be the last pixel, not how many there are."),
        lambda cell, side, block: (
            pixels_seen(cell, side, block)[0],
            pixels_seen(cell, side, block)[1] - pixels_seen(cell, side, block)[0] + 1,
        ),
    ),
    (
        N_("Those are numbers of blocks. Wanted are the first and the last pixel in them."),
        lambda cell, side, block: tuple(edge // block for edge in pixels_seen(cell, side, block)),
        3,
    ),
    (
        N_("/ does not round, so / block * block changes nothing: take //."),
        lambda cell, side, block: (
            max(2 * cell - 2, 0) / block * block,
            min(2 * cell + 2, side - 1) / block * block + block - 1,
        ),
        3,
    ),
    (
        N_("You give the whole edge. A token in the corner has seen less."),
        lambda cell, side, block: (0, side - 1),
    ),
)


def maps_apart(one, other):
    """Share of weight that differs between maps (H, N, N), their heads in the best order."""
    from itertools import permutations

    each = (one[:, None] - other[None]).abs().sum(-1).mean(-1) / 2  # (H, H), mean over queries
    heads = list(range(len(one)))
    return min(each[heads, list(order)].mean().item() for order in permutations(heads))


def _apart(one, other):
    return (one[:, None] - other[None]).abs().sum(-1).mean(-1) / 2


def _greedy(one, other):
    each, total = _apart(one, other), 0.0
    for head in range(len(one)):
        nearest = each[head].argmin()
        total += each[head, nearest]
        each[:, nearest] = torch.inf
    return total / len(one)


_APART = (
    (
        N_("You compare head 0 with head 0, 1 with 1, and so on. Heads have no order: try all."),
        lambda one, other: _apart(one, other).diagonal().mean(),
        3,
    ),
    (
        N_(
            "Each head of one takes its nearest in other, and two may take the same. It must be an "
            "order: every head once."
        ),
        lambda one, other: _apart(one, other).amin(-1).mean(),
        3,
    ),
    (
        N_(
            "Each head of other takes its nearest in one, and two may take the same. It must be an "
            "order: every head once."
        ),
        lambda one, other: _apart(one, other).amin(0).mean(),
        3,
    ),
    (
        N_(
            "The first head takes its nearest, the next the nearest that is left. Another order "
            "may be better for all together."
        ),
        _greedy,
        3,
    ),
    (
        N_(
            "Half of it: weight that is missing at one key is too much at another, and you count "
            "both."
        ),
        lambda one, other: 2 * maps_apart(one, other),
    ),
    (
        N_("That is the worst order. Take the best."),
        lambda one, other: max(
            _apart(one, other)[list(range(len(one))), list(order)].mean()
            for order in permutations(range(len(one)))
        ),
        3,
    ),
    (
        N_("That is the mean over all orders. Take the smallest."),
        lambda one, other: _apart(one, other).mean(),
        3,
    ),
    (
        N_("You compare the mean of all heads. That hides what the heads do."),
        lambda one, other: (one.mean(0) - other.mean(0)).abs().sum(-1).mean() / 2,
        1,
    ),
    (
        N_("You sum over the heads. Take their mean."),
        lambda one, other: maps_apart(one, other) * len(one),
    ),
    (
        N_("You sum over the queries. Take their mean."),
        lambda one, other: maps_apart(one, other) * one.shape[-1],
    ),
    (
        N_("The differences must be taken as absolute values; as they are, they add up to 0."),
        lambda one, other: torch.zeros(()),
    ),
    (
        N_("You take the mean over the keys. Sum them: a row holds shares of 1."),
        lambda one, other: maps_apart(one, other) / one.shape[-1],
    ),
    (
        N_("You take the mean over the keys. Take half of their sum: a row holds shares of 1."),
        lambda one, other: maps_apart(one, other) * 2 / one.shape[-1],
    ),
    (
        N_("You sum over heads and queries. Take their mean."),
        lambda one, other: maps_apart(one, other) * len(one) * one.shape[-1],
    ),
    (
        N_("You sum all absolute differences. Of a row take half the sum, then the mean of all."),
        lambda one, other: maps_apart(one, other) * 2 * len(one) * one.shape[-1],
    ),
    (
        N_("You compare head 0 with head 0, 1 with 1, and so on, and do not take half of it."),
        lambda one, other: 2 * _apart(one, other).diagonal().mean(),
        3,
    ),
    (
        N_("You take the nearest pair of heads alone. Take the mean over all pairs of an order."),
        lambda one, other: _apart(one, other).min(),
        3,
    ),
    (
        N_("You only move the heads on in a circle. Try all orders."),
        lambda one, other: min(
            _apart(one, other.roll(places, 0)).diagonal().mean() for places in range(len(one))
        ),
        3,
    ),
    (
        N_("That is the share that lies at the same keys. Wanted is the share that does not."),
        lambda one, other: 1 - maps_apart(one, other),
    ),
    (
        N_("You take squares. Take absolute values."),
        lambda one, other: min(
            (one - other[list(order)]).square().sum(-1).mean()
            for order in permutations(range(len(one)))
        ),
    ),
    (
        N_("You take the length of the difference. Take half the sum of absolute values."),
        lambda one, other: min(
            (one - other[list(order)]).norm(dim=-1).mean() / 2
            for order in permutations(range(len(one)))
        ),
    ),
)


def _as_number(mistake):
    return lambda one, other: float(mistake(one, other))


APART_MISTAKES = tuple(
    (sentence, _as_number(mistake), *hint) for sentence, mistake, *hint in _APART
)


def _pairs_of_maps():
    generator = torch.Generator().manual_seed(0)

    def weights(heads, size):
        return torch.randn(heads, size, size, generator=generator).mul(2).softmax(-1)

    cases = [(weights(heads, size), weights(heads, size)) for heads, size in ((4, 5), (3, 7))]
    one = weights(3, 4)
    return [*cases, (one, one[[2, 0, 1]]), (weights(1, 3), weights(1, 3)), _for_the_greedy()]


def _for_the_greedy():
    """Two heads each, where who chooses first spoils it for the other."""
    one = torch.tensor([0.5, 0.1])
    other = torch.tensor([0.8, 0.4])
    pair = [torch.stack([p, 1 - p], -1)[:, None].repeat(1, 2, 1) for p in (one, other)]
    return tuple(pair)


EXERCISES = (
    Exercise(
        key="learning.weight_on",
        task=N_(
            "How near is a map to the ideal one? Write weight_on(weights, source).\n"
            "  weights  (H, L, L) one map a head, queries down, keys across\n"
            "  source   (L,) whole numbers: the answer of query i stands at key source[i]\n"
            "  returns  (H,): for each head the mean, over all queries, of the weight that\n"
            "           query i gives to key source[i]. It is 1 for the ideal map.\n"
            "It is tried on random weights, and on sources that are not the antidiagonal."
        ),
        find_mistake=lambda answer: find_mistake(
            answer, weight_on, _random_weights(), WEIGHT_MISTAKES
        ),
        hints=(
            N_("For one head and one query i: weights[head, i, source[i]]."),
            N_(
                "Two index tensors of the same length are read as pairs: x[rows, columns] is "
                "x[rows[0], columns[0]], x[rows[1], columns[1]], …"
            ),
            N_("rows = torch.arange(len(source)); weights[:, rows, source] is (H, L)."),
        ),
        answer=weight_on,
    ),
    Exercise(
        key="learning.pixels_seen",
        task=N_(
            "What has a token of level 2 seen, before the attention of level 2? Along one edge of\n"
            "the picture, write pixels_seen(cell, side, block).\n"
            "  cell     the token's number along this edge, from 0 to side / 2 − 1\n"
            "  side     pixels along the edge; a token of level 1 is one pixel\n"
            "  block    edge of a block of level 1, in pixels\n"
            "  returns  (first, last): the first and the last pixel that could change it\n"
            "On the way there lie, in this order: attention inside the blocks; a convolution,\n"
            "in which place p sees p − 1, p and p + 1; a maximum, in which cell c sees 2c − 1,\n"
            "2c and 2c + 1. What would lie outside the picture does not exist."
        ),
        find_mistake=lambda answer: find_mistake(
            answer,
            pixels_seen,
            _cells(),
            SEEN_MISTAKES,
        ),
        hints=(
            N_("Go backwards: begin with the three places that the maximum sees."),
            N_(
                "Each of them was made by the convolution from one place more on each side; "
                "then cut off what lies outside."
            ),
            N_("The block of pixel p begins at p // block * block."),
        ),
        answer=pixels_seen,
    ),
    Exercise(
        key="learning.maps_apart",
        task=N_(
            "How far apart are the maps of two trainings? Head 0 of one need not be head 0 of the\n"
            "other. Write maps_apart(one, other).\n"
            "  one, other  (H, N, N) weights; rows sum to 1\n"
            "  returns     a number. Of two rows: half the sum of the absolute differences,\n"
            "              the share of the weight that lies elsewhere. Of two heads: its mean\n"
            "              over the queries. Of two maps: pair each head of one with a head of\n"
            "              other, no head twice, and take the mean over the pairs; of all such\n"
            "              orders the smallest mean.\n"
            "H is at most 4: there are 24 orders, so try them all (itertools.permutations)."
        ),
        find_mistake=lambda answer: find_mistake(
            answer, maps_apart, _pairs_of_maps(), APART_MISTAKES
        ),
        hints=(
            N_("First a table (H, H): how far is head a of one from head b of other?"),
            N_("one[:, None] - other[None] is (H, H, N, N)."),
            N_(
                "For one order: table[list(range(H)), list(order)].mean(). Take the min over "
                "permutations(range(H))."
            ),
        ),
        answer=maps_apart,
    ),
)
