"""Every head's map, dropout by hand, and a softmax that no score is too large for."""

import math

import torch

from attnlib.course.language import N_, say
from attnlib.course.widgets.checking import find_mistake, written
from attnlib.course.widgets.exercise import Exercise


def all_maps(x, queries, keys):
    """(L, C) and two lists of H matrices (D, C) -> (H, L, L): the weights of every head."""
    maps = []
    for query, key in zip(queries, keys, strict=True):
        scores = (x @ query.T) @ (x @ key.T).T  # (L, L), scale 1
        maps.append(scores.softmax(-1))
    return torch.stack(maps)


def _scores(x, queries, keys):
    pairs = zip(queries, keys, strict=True)
    return torch.stack([(x @ query.T) @ (x @ key.T).T for query, key in pairs])


MAP_MISTAKES = (
    (
        N_("This is the last head's map only, as the published code returns it. All H are wanted."),
        lambda x, queries, keys: all_maps(x, queries, keys)[-1],
    ),
    (
        N_(
            "This is the last head's map H times: it was put away after the loop, "
            "or overwritten in it."
        ),
        lambda x, queries, keys: all_maps(x, queries, keys)[-1:].expand(len(queries), -1, -1),
    ),
    (
        N_("This is the first head's map only. All H are wanted."),
        lambda x, queries, keys: all_maps(x, queries, keys)[0],
    ),
    (
        N_("This is the mean over the heads. Each head's own map is wanted."),
        lambda x, queries, keys: all_maps(x, queries, keys).mean(0),
    ),
    (
        N_("This is the sum over the heads. Each head's own map is wanted."),
        lambda x, queries, keys: all_maps(x, queries, keys).sum(0),
    ),
    (
        N_("A list of maps is right so far; torch.stack makes one tensor (H, L, L) of it."),
        lambda x, queries, keys: list(all_maps(x, queries, keys)),
    ),
    (
        N_(
            "torch.cat lays the maps below each other, (H·L, L). "
            "torch.stack gives the heads an axis."
        ),
        lambda x, queries, keys: all_maps(x, queries, keys).flatten(0, 1),
    ),
    (
        N_("The heads are the last axis here. They must be the first: (H, L, L)."),
        lambda x, queries, keys: all_maps(x, queries, keys).movedim(0, -1),
    ),
    (N_("These are the scores: the softmax is missing."), _scores),
    (
        N_(
            "The softmax runs over the queries: columns sum to 1. "
            "It must run over the keys, dim=-1."
        ),
        lambda x, queries, keys: _scores(x, queries, keys).softmax(-2),
    ),
    (
        N_("One softmax over all heads together. Each head has its own, over the keys: dim=-1."),
        lambda x, queries, keys: _scores(x, queries, keys).softmax(0),
    ),
    (
        N_("One softmax over the whole map. Each row has its own: dim=-1."),
        lambda x, queries, keys: (
            _scores(x, queries, keys).flatten(1).softmax(-1).view(-1, *[len(x)] * 2)
        ),
    ),
    (
        N_("The scores are divided by the root of D. Here the scale is 1: leave them as they are."),
        lambda x, queries, keys: (_scores(x, queries, keys) * len(keys[0]) ** -0.5).softmax(-1),
    ),
    (
        N_("The scores are divided by the root of C. Here the scale is 1: leave them as they are."),
        lambda x, queries, keys: (_scores(x, queries, keys) * x.shape[1] ** -0.5).softmax(-1),
    ),
    (
        N_("The maps are transposed: queries go down, keys across."),
        lambda x, queries, keys: all_maps(x, queries, keys).mT,
    ),
    (
        N_("Queries and keys are exchanged: row i must hold the weights of query i."),
        lambda x, queries, keys: all_maps(x, keys, queries),
    ),
    (
        N_("The queries meet themselves; they must meet the keys."),
        lambda x, queries, keys: all_maps(x, queries, queries),
    ),
    (
        N_("The scores are of x itself: the matrices of the head are not used."),
        lambda x, queries, keys: (x @ x.T).softmax(-1).expand(len(queries), -1, -1),
    ),
)


def _find_mistake_in_maps(answer):
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape):
        return torch.randn(shape, generator=generator) * 0.7

    cases = [
        (
            drawn(length, channels),
            [drawn(width, channels) for _ in range(heads)],
            [drawn(width, channels) for _ in range(heads)],
        )
        for length, channels, heads, width in (
            (5, 6, 3, 2),
            (7, 4, 2, 3),
            (4, 9, 4, 5),
            (3, 5, 1, 4),
        )
    ]
    return find_mistake(answer, all_maps, cases, MAP_MISTAKES)


def dropped(weights, keep, p, training):
    """(H, L, L) weights after dropout: those to keep grow by 1 / (1 - p), the others are zero."""
    if not training:
        return weights
    return weights * keep / (1 - p)


def _renormalised(weights, keep, p, training):
    if not training:
        return weights
    return weights * keep / (weights * keep).sum(-1, keepdim=True)


DROPOUT_MISTAKES = (
    (
        N_(
            "Outside training nothing is dropped and nothing grows: return the weights as they are."
        ),
        lambda weights, keep, p, training: dropped(weights, keep, p, True),
    ),
    (
        N_("Nothing is dropped in training. Are training and evaluation exchanged?"),
        lambda weights, keep, p, training: weights,
    ),
    (
        N_(
            "In training the kept weights must grow, or the mean over many calls shrinks: divide "
            "by 1 - p. (To shrink them in evaluation instead is another way, not PyTorch's.)"
        ),
        lambda weights, keep, p, training: weights * keep if training else weights,
    ),
    (
        N_(
            "You shrink the weights in evaluation. "
            "There they stay as they are; they grew in training."
        ),
        lambda weights, keep, p, training: (
            dropped(weights, keep, p, True) if training else weights * (1 - p)
        ),
    ),
    (
        N_("Divided by p. A share of 1 - p is kept, so divide by that."),
        lambda weights, keep, p, training: weights * keep / p if training else weights,
    ),
    (
        N_("Multiplied by p. The kept weights must grow: divide by 1 - p."),
        lambda weights, keep, p, training: weights * keep * p if training else weights,
    ),
    (
        N_("Multiplied by 1 - p: that shrinks them a second time. Divide by it."),
        lambda weights, keep, p, training: weights * keep * (1 - p) if training else weights,
    ),
    (
        N_("The wrong ones are dropped: where keep is True the weight stays."),
        lambda weights, keep, p, training: dropped(weights, ~keep, p, training),
    ),
    (
        N_(
            "You make the rows sum to 1 again. Dropout does not: "
            "the factor is 1 / (1 - p) everywhere."
        ),
        _renormalised,
    ),
    (
        N_("All weights grow, but none is dropped."),
        lambda weights, keep, p, training: weights / (1 - p) if training else weights,
    ),
    (
        N_("The factor 2 is that of p = 0.5 only: divide by 1 - p."),
        lambda weights, keep, p, training: weights * keep * 2 if training else weights,
    ),
)


def _find_mistake_in_dropout(answer):
    generator = torch.Generator().manual_seed(0)
    cases = []
    for shape, p, training in (
        ((2, 7, 7), 0.2, True),  # not 0.5, where p and 1 - p are one
        ((2, 3, 3), 0.2, False),
        ((1, 5, 5), 0.75, True),
        ((3, 4, 4), 0.5, True),
        ((2, 2, 2), 0.0, True),
    ):
        weights = torch.randn(shape, generator=generator).softmax(-1)
        keep = torch.rand(shape, generator=generator) >= p
        cases.append((weights, keep, p, training))
    return find_mistake(answer, dropped, cases, DROPOUT_MISTAKES)


def stable_softmax(scores):
    """(…, M) scores of any size -> weights: each row's largest score becomes 0 first."""
    shifted = scores - scores.amax(-1, keepdim=True)
    powers = shifted.exp()
    return powers / powers.sum(-1, keepdim=True)


def _softmax(scores, dim=-1):
    return scores.exp() / scores.exp().sum(dim, keepdim=True)


def _clamped(scores):
    return _softmax(scores.clamp(-80, 80))


SOFTMAX_MISTAKES = (
    (
        N_("float64 only moves the limit: exp overflows at 710. Make the scores smaller first."),
        lambda scores: _softmax(scores.double()),
    ),
    (
        N_(
            "exp of a large score is infinite, and infinite / infinite is nan: make the scores "
            "smaller first, in a way that softmax does not see."
        ),
        _softmax,
    ),
    (
        N_(
            "Infinite parts were replaced: the largest weight got lost. "
            "Make the scores smaller first."
        ),
        lambda scores: _softmax(scores).nan_to_num(),
    ),
    (
        N_(
            "You subtract the largest score of all rows. A row far below it then has only zeros to "
            "divide by: take each row's own, dim=-1."
        ),
        lambda scores: _softmax(scores - scores.max()),
    ),
    (
        N_(
            "You subtract the largest score of each column. "
            "softmax sees that: take each row's own, dim=-1."
        ),
        lambda scores: stable_softmax(scores - scores.amax(-2, keepdim=True)),
    ),
    (
        N_(
            "You subtract the mean of a row: the largest score can still be far above it. "
            "Subtract the largest."
        ),
        lambda scores: _softmax(scores - scores.mean(-1, keepdim=True)),
    ),
    (
        N_("You subtract a row's smallest score: the others only grow. Subtract the largest."),
        lambda scores: _softmax(scores - scores.amin(-1, keepdim=True)),
    ),
    (
        N_("You cut large scores off: two different large scores then get the same weight."),
        _clamped,
    ),
    (
        N_(
            "You divide the scores by the largest: softmax sees that, it evens the weights. "
            "Subtract."
        ),
        lambda scores: _softmax(scores / scores.abs().amax(-1, keepdim=True)),
    ),
    (
        N_("The rows do not sum to 1: divide by their sum."),
        lambda scores: (scores - scores.amax(-1, keepdim=True)).exp(),
    ),
    (
        N_("It sums over the wrong axis: each row, dim=-1, must sum to 1."),
        lambda scores: scores.softmax(-2),
    ),
    (
        N_("It sums over all rows together: each row, dim=-1, must sum to 1."),
        lambda scores: scores.flatten().softmax(0).view_as(scores),
    ),
)


def _find_mistake_in_softmax(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [
        (torch.randn(shape, generator=generator) * reach,)
        for shape, reach in (((3, 4), 1), ((4, 5), 100))
    ]
    cases += [
        (torch.tensor([[1000.0, 999.0, 0.0], [-1000.0, -1001.0, -1002.0], [1.0, 2.0, 3.0]]),),
        (torch.tensor([[[-1000.0, 1000.0]], [[1000.0, 1000.0]], [[-1000.0, -1000.0]]]),),
    ]
    if not callable(answer):
        return find_mistake(answer, stable_softmax, cases, SOFTMAX_MISTAKES)
    known = [(sentence, _visible_nan(wrong)) for sentence, wrong in SOFTMAX_MISTAKES]
    return find_mistake(_visible_nan(answer), stable_softmax, cases, known, written=_written)


def _written(value):
    return say("inf or nan") if math.isinf(value) else written(value)


def _visible_nan(function):
    """The same function with inf in place of nan: unlike nan, inf equals itself."""

    def visible(scores):
        found = function(scores)
        return found.nan_to_num(torch.inf, torch.inf) if isinstance(found, torch.Tensor) else found

    return visible


EXERCISES = (
    Exercise(
        "global_branch.all_maps",
        N_(
            "Write all_maps(x: torch.Tensor, queries: list, keys: list) -> torch.Tensor.\n"
            "x is (L, C); queries and keys are lists of H matrices, each (D, C), "
            "as the weight of an\n"
            "nn.Linear is. Return the weights of all heads, (H, L, L), "
            "with scale 1 and no dropout.\n"
            "Queries go down, keys across."
        ),
        _find_mistake_in_maps,
        (
            N_("One head first: its queries are x @ query.T, (L, D), its keys x @ key.T."),
            N_("Its map is (queries @ keys.T).softmax(-1). Put it into a list, in every round."),
            N_("After the loop: torch.stack(maps)."),
        ),
        all_maps,
    ),
    Exercise(
        "global_branch.dropped",
        N_(
            "Write dropped(weights: torch.Tensor, keep: torch.Tensor, p: float, training: bool)\n"
            "-> torch.Tensor: dropout by hand, as nn.Dropout(p) does it.\n"
            "weights is (H, L, L). keep has the same shape, bool: True where a weight stays. "
            "Such a\n"
            "table is drawn anew for each call, True with probability 1 - p; here it is given.\n"
            "training says whether the module is in training mode."
        ),
        _find_mistake_in_dropout,
        (
            N_("Outside training there is nothing to do."),
            N_("weights * keep sets the dropped ones to zero: False counts as 0, True as 1."),
            N_(
                "The mean over many calls must stay: "
                "what is kept with probability 1 - p, grows by\n"
                "1 / (1 - p)."
            ),
        ),
        dropped,
    ),
    Exercise(
        "global_branch.stable_softmax",
        N_(
            "Write stable_softmax(scores: torch.Tensor) -> torch.Tensor: "
            "softmax over the last axis,\n"
            "with exp and sum only (not with PyTorch's softmax), "
            "that also takes scores of 1000 and\n"
            "of -1000: no inf, no nan. Without a scale, scores do become large."
        ),
        _find_mistake_in_softmax,
        (
            N_("Where does it break? torch.tensor(89.0).exp() is infinite in float32."),
            N_("softmax does not see one number that is added to, or taken from, a whole row."),
            N_("Take each row's largest score away: scores - scores.amax(-1, keepdim=True)."),
        ),
        stable_softmax,
    ),
)
