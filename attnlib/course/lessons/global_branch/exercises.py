"""PGL-SUM's attention, every head's map, dropout, and a softmax that no score is too large for."""

import math
from dataclasses import dataclass
from functools import partial

import torch

from attnlib.course.exercises.attending import Forward
from attnlib.course.exercises.calls import SOFTMAX, Rule
from attnlib.course.exercises.checking import find_mistake, written
from attnlib.course.exercises.exercise import Exercise
from attnlib.course.exercises.modules import find_mistake_in_module
from attnlib.course.exercises.pieces import MySelfAttention, softmax
from attnlib.course.language import N_, say


def _bias_behind_softmax(q, k, v, scale, bias):
    weights = softmax(scale * q @ k.mT) + bias
    return weights @ v, weights


def _scaled_with_bias(q, k, v, scale, bias):
    weights = softmax((q @ k.mT + bias) * q.shape[-1] ** -0.5)
    return weights @ v, weights


def _root(module, q):
    return q.shape[-1] ** -0.5


def _no_bias(module, x):
    return 0


FORWARD = Forward(
    heads="heads",
    scale=lambda module, q: 1,
    order="h d",
    end=lambda module, merged: module.out(merged),
    bias=lambda module, x: module.bias(len(x)),
)
wrong = partial(FORWARD.of, MySelfAttention)
# Other scales than 1, besides NesT's: 1/D, √D, 1/√C, 1/√(H·D), 1/√H, and those of heads as wide as
# in some lesson.
SCALES = (
    lambda module, q: 1 / q.shape[-1],
    lambda module, q: q.shape[-1] ** 0.5,
    lambda module, q: module.qkv.in_features**-0.5,
    lambda module, q: module.out.in_features**-0.5,
    lambda module, q: module.heads**-0.5,
    lambda module, q: 8**-0.5,
    lambda module, q: 64**-0.5,
)
ATTENTION_MISTAKES = (
    (N_("The scores are divided by √D, as in NesT. Here the scale is 1."), wrong(scale=_root), 2),
    (
        N_('The heads are merged "d h", as in NesT. Here they are merged "h d".'),
        wrong(order="d h"),
        3,
    ),
    (
        N_(
            "Two things are NesT's: the scores are divided by √D, and the heads are merged "
            '"d h". Here the scale is 1, and the order is "h d".'
        ),
        wrong(scale=_root, order="d h"),
        2,
    ),
    (
        N_("Two things: the scores are divided by √D, and the bias is missing."),
        wrong(scale=_root, bias=_no_bias),
        2,
    ),
    (
        N_('Two things: the heads are merged "d h", and the bias is missing.'),
        wrong(order="d h", bias=_no_bias),
        2,
    ),
    (
        N_('This is NesT\'s attention: scale 1/√D, merged "d h", no bias.'),
        wrong(scale=_root, order="d h", bias=_no_bias),
        2,
    ),
    (
        N_("The scores and the bias are divided by √D. Here the scale is 1."),
        wrong(attend=_scaled_with_bias),
        2,
    ),
    *(
        (N_("The scores are scaled. Here the scale is 1: leave them as they are."), each, 2)
        for each in (wrong(scale=scale) for scale in SCALES)
    ),
    (N_("The bias is missing: attend takes it last."), wrong(bias=_no_bias), 2),
    (
        N_("The bias is transposed. It is added as it is: queries down, keys across."),
        wrong(bias=lambda module, x: module.bias(len(x)).mT),
        2,
    ),
    (
        N_("The bias is subtracted. It is added to the scores."),
        wrong(bias=lambda module, x: -module.bias(len(x))),
        2,
    ),
    (
        N_("The bias is added to the weights. It must be added to the scores, before the softmax."),
        wrong(attend=_bias_behind_softmax),
        2,
    ),
    (N_("The last step is missing: self.out."), wrong(end=lambda module, merged: merged), 3),
    *FORWARD.mistakes(MySelfAttention),
)


@dataclass(frozen=True, repr=False)  # equal to its copy
class _Table:
    """A bias for a length: another one for (i, j) than for (j, i)."""

    def __call__(self, length):
        place = torch.arange(length, dtype=torch.float64)
        return (place[:, None] - 2 * place).sin()

    def __repr__(self):
        return "table"


# channels, width, heads and table; L. The first tells all mistakes apart.
MODULES = (
    ((6, 12, 3, _Table()), 5),
    ((6, 12, 3), 5),
    ((8, 4, 2, _Table()), 3),
    ((4, 4, 1), 7),
    ((3, 6, 6, _Table()), 4),
)


def _find_mistake_in_attention(answer):
    generator = torch.Generator().manual_seed(0)
    cases = [
        (made, 2 * torch.randn(length, made[0], generator=generator)) for made, length in MODULES
    ]
    return find_mistake_in_module(answer, MySelfAttention, cases, ATTENTION_MISTAKES)


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


def _transposed(matrices):
    return [matrix.T for matrix in matrices]


MAP_MISTAKES = (
    (
        N_("This is the last head's map only, as the published code returns it. All H are wanted."),
        lambda x, queries, keys: all_maps(x, queries, keys)[-1],
        2,
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
        3,
    ),
    (
        N_(
            "torch.cat lays the maps below each other, (H·L, L). "
            "torch.stack gives the heads an axis."
        ),
        lambda x, queries, keys: all_maps(x, queries, keys).flatten(0, 1),
        3,
    ),
    (
        N_("The heads are the last axis here. They must be the first: (H, L, L)."),
        lambda x, queries, keys: all_maps(x, queries, keys).movedim(0, -1),
        3,
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
        N_(
            "The scores are divided by a root, of D or of C. Here the scale is 1: leave them as "
            "they are."
        ),
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
    (
        N_("All heads use keys[0]: each has a matrix of its own."),
        lambda x, queries, keys: all_maps(x, queries, keys[:1] * len(keys)),
    ),
    (
        N_("All heads use queries[0]: each has a matrix of its own."),
        lambda x, queries, keys: all_maps(x, queries[:1] * len(queries), keys),
    ),
    (
        N_("The matrices are (D, C): to make queries and keys of x, transpose them, x @ query.T."),
        lambda x, queries, keys: all_maps(x, _transposed(queries), _transposed(keys)),
        1,
    ),
    (
        N_("The matrix of the queries is (D, C): transpose it, x @ query.T."),
        lambda x, queries, keys: all_maps(x, _transposed(queries), keys),
        1,
    ),
    (
        N_("The matrix of the keys is (D, C): transpose it, x @ key.T."),
        lambda x, queries, keys: all_maps(x, queries, _transposed(keys)),
        1,
    ),
    (
        N_("The keys must be transposed: every query meets every key in (x @ query.T) @ (…).T."),
        lambda x, queries, keys: torch.stack(
            [x @ query.T @ x @ key.T for query, key in zip(queries, keys, strict=True)]
        ).softmax(-1),
    ),
    (
        N_("Every query matrix meets every key matrix. Head h has queries[h] and keys[h]: zip."),
        lambda x, queries, keys: torch.stack(
            [softmax(x @ query.T @ (x @ key.T).T) for query in queries for key in keys]
        ),
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
            (4, 4, 3, 4),  # here even what is not transposed gives numbers, and can be named
            (5, 6, 3, 2),
            (7, 4, 2, 3),
            (4, 9, 4, 5),
            (3, 5, 1, 4),
        )
    ]
    return find_mistake(answer, all_maps, cases, MAP_MISTAKES, trained=True)


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
        1,
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
        3,
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
        3,
    ),
    (
        N_("Multiplied by p. The kept weights must grow: divide by 1 - p."),
        lambda weights, keep, p, training: weights * keep * p if training else weights,
        3,
    ),
    (
        N_("Multiplied by 1 - p: that shrinks them a second time. Divide by it."),
        lambda weights, keep, p, training: weights * keep * (1 - p) if training else weights,
        3,
    ),
    (
        N_("The wrong ones are dropped: where keep is True the weight stays."),
        lambda weights, keep, p, training: dropped(weights, ~keep, p, training),
        2,
    ),
    (
        N_(
            "You make the rows sum to 1 again. Dropout does not: "
            "the factor is 1 / (1 - p) everywhere."
        ),
        _renormalised,
        3,
    ),
    *(
        (
            N_(
                "There is a softmax after the dropout. The weights come from a softmax already: "
                "only drop some, and let the others grow."
            ),
            lambda weights, keep, p, training, left=left: (
                left(weights, keep, p).softmax(-1) if training else weights
            ),
            3,
        )
        for left in (
            lambda weights, keep, p: weights * keep,
            lambda weights, keep, p: weights * keep / (1 - p),
            lambda weights, keep, p: weights.masked_fill(~keep, -torch.inf),
        )
    ),
    (
        N_("All weights grow, but none is dropped."),
        lambda weights, keep, p, training: weights / (1 - p) if training else weights,
        2,
    ),
    (
        N_("The factor 2 is that of p = 0.5 only: divide by 1 - p."),
        lambda weights, keep, p, training: weights * keep * 2 if training else weights,
        3,
    ),
    (
        N_("You divide by the share that is kept in this call. Divide by 1 - p, whatever it is."),
        lambda weights, keep, p, training: (
            weights * keep / keep.float().mean() if training else weights
        ),
        3,
    ),
    (
        N_("Outside training it returns None. Return the weights as they are."),
        lambda weights, keep, p, training: (
            dropped(weights, keep, p, training) if training else None
        ),
        1,
    ),
    (
        N_("You multiply by 1 + p. Divide by 1 - p."),
        lambda weights, keep, p, training: weights * keep * (1 + p) if training else weights,
        3,
    ),
    (
        N_("A dropped weight becomes 0. -inf is for scores: here softmax has been taken."),
        lambda weights, keep, p, training: (
            weights.masked_fill(~keep, -math.inf) / (1 - p) if training else weights
        ),
        2,
    ),
)


def _find_mistake_in_dropout(answer):
    generator = torch.Generator().manual_seed(0)
    cases = {True: [], False: []}  # training or not: two functions, really
    for shape, p, training in (
        ((2, 7, 7), 0.2, True),  # not 0.5, where p and 1 - p are one
        ((2, 3, 3), 0.2, False),
        ((1, 5, 5), 0.75, True),
        ((3, 4, 4), 0.5, True),
        ((2, 2, 2), 0.0, True),
    ):
        weights = torch.randn(shape, generator=generator).softmax(-1)
        keep = torch.rand(shape, generator=generator) >= p
        cases[training].append((weights, keep, p, training))
    found = (
        find_mistake(answer, dropped, each, DROPOUT_MISTAKES, trained=True)
        for each in cases.values()
    )
    return next(filter(None, found), None)


def stable_softmax(scores):
    """(…, M) scores of any size -> weights: each row's largest score becomes 0 first."""
    shifted = scores - scores.amax(-1, keepdim=True)
    powers = shifted.exp()
    return powers / powers.sum(-1, keepdim=True)


def _softmax(scores, dim=-1):
    return scores.exp() / scores.exp().sum(dim, keepdim=True)


def _shifted(scores):
    return (scores - scores.amax(-1, keepdim=True)).exp()


def _clamped(scores):
    return _softmax(scores.clamp(-80, 80))


def _lost_to_infinity(scores):
    return stable_softmax(scores).where(scores.isfinite().all(-1, keepdim=True), torch.nan)


SOFTMAX_MISTAKES = (
    (
        N_(
            "A -inf among the scores makes nan of its row. Its weight must be 0, and the others as "
            "if it were not there."
        ),
        _lost_to_infinity,
    ),
    (
        N_("float64 only moves the limit: exp overflows at 710. Make the scores smaller first."),
        lambda scores: _softmax(scores.double()),
    ),
    (
        N_(
            "exp of a large score is infinite, and infinite / infinite is nan. Make the scores "
            "smaller first, in a way that leaves the weights as they are."
        ),
        _softmax,
        2,
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
        3,
    ),
    (
        N_(
            "You subtract the largest score of each column. That changes the weights: take each "
            "row's own, dim=-1."
        ),
        lambda scores: stable_softmax(scores - scores.amax(-2, keepdim=True)),
    ),
    (
        N_(
            "You subtract the mean of a row: the largest score can still be far above it. "
            "Subtract the largest."
        ),
        lambda scores: _softmax(scores - scores.mean(-1, keepdim=True)),
        3,
    ),
    (
        N_("You subtract a row's smallest score: the others only grow. Subtract the largest."),
        lambda scores: _softmax(scores - scores.amin(-1, keepdim=True)),
        3,
    ),
    (
        N_(
            "You subtract the largest without its sign, as abs gives it. A row of large negative "
            "scores then has only zeros to divide by. Subtract the largest score itself."
        ),
        lambda scores: _softmax(scores - scores.abs().amax(-1, keepdim=True)),
        3,
    ),
    (
        N_("You cut large scores off: two different large scores then get the same weight."),
        _clamped,
    ),
    (
        N_(
            "You divide the scores by the largest. That makes the weights more even. Subtract the "
            "largest."
        ),
        lambda scores: _softmax(scores / scores.abs().amax(-1, keepdim=True)),
    ),
    (
        N_("The rows do not sum to 1: divide by their sum."),
        _shifted,
    ),
    *(
        (N_("It sums over the wrong axis: each row, dim=-1, must sum to 1."), wrong_axis)
        for wrong_axis in (
            lambda scores: scores.softmax(-2),
            lambda scores: _shifted(scores) / _shifted(scores).sum(-2, keepdim=True),
        )
    ),
    *(
        (N_("It sums over all rows together: each row, dim=-1, must sum to 1."), all_rows)
        for all_rows in (
            lambda scores: scores.flatten().softmax(0).view_as(scores),
            lambda scores: _shifted(scores) / _shifted(scores).sum(),
        )
    ),
    *(
        (
            N_("You subtract one number from all scores. Rows differ: take each row's largest."),
            lambda scores, number=number: _softmax(scores - number),
            3,
        )
        for number in (50, 80, 88, 100)
    ),
    *(
        (
            N_("You divide the scores by a number. That makes the weights more even. Subtract."),
            lambda scores, number=number: _softmax(scores / number),
            2,
        )
        for number in (10, 100, 1000)
    ),
    (
        N_("You put 0 in place of a score of -inf. Its weight must be 0, not its score."),
        lambda scores: stable_softmax(scores.nan_to_num(neginf=0.0)),
    ),
    (
        N_("You divide by the largest score, and that changes the weights. Subtract it."),
        lambda scores: _softmax(scores / scores.amax(-1, keepdim=True)),
        3,
    ),
    (
        N_("The largest score is subtracted above the line only. The sum needs the same powers."),
        lambda scores: _shifted(scores) / scores.exp().sum(-1, keepdim=True),
        3,
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
        (torch.tensor([[-torch.inf, 2.0, 1.0], [999.0, -torch.inf, 1000.0]]),),
    ]
    if not callable(answer):
        return find_mistake(answer, stable_softmax, cases, SOFTMAX_MISTAKES)
    known = [(said, _visible_nan(wrong), *hint) for said, wrong, *hint in SOFTMAX_MISTAKES]
    answer = _visible_nan(answer)
    return find_mistake(answer, stable_softmax, cases, known, trained=True, written=_written)


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
        "global_branch.MySelfAttention",
        N_(
            "Write the forward of MySelfAttention. Its __init__ and bias are given: leave them as "
            "they are.\n"
            "x is a video, (L, C), without a batch, and the result is (L, C) too. Queries, keys "
            "and values\n"
            "from self.qkv, in this order, (L, H·D) each; self.heads heads; scale 1;\n"
            "self.bias(len(x)) is added to the scores; the heads merged "
            '"h d"; then self.out.\n'
            "Use your own split, attend and merge, but nothing from attnlib. Return y only, not "
            "the map."
        ),
        _find_mistake_in_attention,
        (
            N_(
                "The steps are those of MyBlockAttention: chunk, split, attend, merge.\n"
                "   self.qkv(x).chunk(3, -1) gives three parts; split(part, self.heads) makes the "
                "heads\n"
                "   of each."
            ),
            N_("out, _ = attend(q, k, v, 1, self.bias(len(x))): scale 1, and the bias."),
            N_('Last: self.out(merge(out, "h d")).'),
        ),
        MySelfAttention,
        rule=Rule(),
    ),
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
            "with exp and sum (not with PyTorch's softmax or logsumexp). It also takes scores of "
            "1000\n"
            "and of -1000: no inf, no nan. And a row may have a -inf, whose weight is 0; no row "
            "has only\n"
            "such. Without a scale, scores do become large."
        ),
        _find_mistake_in_softmax,
        (
            N_("Where does it break? torch.tensor(89.0).exp() is infinite in float32."),
            N_(
                "Add one number to all scores of a row, or take one away: the weights stay as "
                "they are."
            ),
            N_("Take each row's largest score away: scores - scores.amax(-1, keepdim=True)."),
        ),
        stable_softmax,
        rule=Rule(SOFTMAX | {"logsumexp"}),
    ),
)
